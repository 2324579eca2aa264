// SPDX-License-Identifier: GPL-2.0
// callout-user-report: tables and a picture of what callout-user-bench has written.
#include "report.hpp"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

int main(int argc, char **argv)
try {
	CLI::App app{"Reports what callout-user-bench has measured."};
	std::vector<std::string> files;
	std::string tables, picture;

	app.add_option("results", files, "JSON of one or more runs")
		->required()
		->check(CLI::ExistingFile);
	app.add_option("--markdown", tables, "a file for the tables");
	app.add_option("--picture", picture, "name of the .png to draw, without the ending");
	CLI11_PARSE(app, argc, argv);

	const auto results = bench::read_results(files);
	if (!tables.empty()) {
		std::ofstream out(tables);

		out << bench::markdown(results);
		if (!out.flush())
			throw std::runtime_error(tables + ": cannot be written");
	}
	if (!picture.empty())
		bench::draw(results, picture);
	std::cout << bench::lines(results);
	return bench::all_right(results) ? 0 : 1;
} catch (const std::exception &e) {
	std::cerr << "callout-user-report: " << e.what() << '\n';
	return 1;
}
