// SPDX-License-Identifier: GPL-2.0
// What a guest has left behind: a directory a block, PART/NN-STATE, with STATE off or on.
#include "blocks.hpp"

#include <algorithm>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace peers {
namespace {

namespace fs = std::filesystem;

constexpr int killed = 137;

std::string text_of(const fs::path &path)
{
	std::ifstream in(path, std::ios::binary);

	return {std::istreambuf_iterator<char>(in), {}};
}

} // namespace

std::vector<std::string> Block::tests() const
{
	std::vector<std::string> names;

	for (const auto &entry : fs::directory_iterator(dir))
		if (entry.path().extension() == ".log")
			names.push_back(entry.path().stem());
	std::ranges::sort(names);
	return names;
}

std::string Block::text(const std::string &name) const
{
	return text_of(dir / name);
}

int Block::status(const std::string &test) const
{
	std::istringstream in(text(test + ".status"));
	int status = killed;

	in >> status;
	return in ? status : killed;
}

std::vector<Block> Guest::blocks(const std::string &part) const
{
	std::vector<Block> all;

	if (!fs::is_directory(dir / part))
		return all;
	for (const auto &entry : fs::directory_iterator(dir / part))
		all.push_back({.dir = entry.path(),
			       .with = entry.path().filename().string().ends_with("-on")});
	std::ranges::sort(all, {}, &Block::dir);
	return all;
}

std::map<std::string, std::string> Guest::facts() const
{
	std::map<std::string, std::string> all;
	std::istringstream in(text_of(dir / "facts"));

	for (std::string line; std::getline(in, line);)
		if (const auto at = line.find('='); at != std::string::npos)
			all[line.substr(0, at)] = line.substr(at + 1);
	return all;
}

Guest guest_of(const std::string &argument)
{
	static const std::regex form(R"(([a-z]+)=(\d{1,3})=(.+))");
	std::smatch m;

	if (!std::regex_match(argument, m, form))
		throw std::runtime_error(fmt::format("'{}': not RIG=STATUS=DIRECTORY", argument));
	return {.rig = m[1], .status = std::stoi(m[2]), .dir = m[3].str()};
}

double operations_per_second(const std::string &yaml)
{
	static const std::regex form(R"(bogo-ops-per-second-real-time: ([0-9.]+))");
	std::smatch m;

	return std::regex_search(yaml, m, form) ? std::stod(m[1]) : 0;
}

} // namespace peers
