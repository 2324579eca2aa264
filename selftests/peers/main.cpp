// SPDX-License-Identifier: GPL-2.0
// peers-report: compares what others' tests of timers said without and with a clock.
#include "report.hpp"

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>

int main(int argc, char **argv)
try {
	CLI::App app{"Compares what others' tests of timers said without and with a clock."};
	std::string json, date;
	std::vector<std::string> guests;

	app.add_option("--json", json, "where the results go")->required();
	app.add_option("--date", date, "when they were made");
	app.add_option("guests", guests, "RIG=STATUS=DIRECTORY of each guest")->required();
	CLI11_PARSE(app, argc, argv);

	peers::Report report(date);
	for (const auto &guest : guests)
		report.add(peers::guest_of(guest));
	std::ofstream out(json);
	out << report.json().dump(1, '\t', false, nlohmann::json::error_handler_t::replace) << '\n';
	if (!out.flush())
		throw std::runtime_error(json + ": cannot be written");
	report.print_sum();
	return report.good() ? 0 : 1;
} catch (const std::exception &e) {
	std::cerr << "peers-report: " << e.what() << '\n';
	return 1;
}
