// SPDX-License-Identifier: GPL-2.0
// What commands print with: where to, whether in colour, tables, and numbers with units.
#pragma once

#include "tree.hpp"
#include <chrono>
#include <cstdint>
#include <fmt/ostream.h>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

namespace ctl {

// Keeps the order in which keys are added.
using Json = nlohmann::ordered_json;

// What every command is given.
struct Context {
	Tree tree;
	std::ostream &out;
	bool json = false;
	bool terminal = false; // out is one
	bool colour = false;

	template <class... T>
	void print(fmt::format_string<T...> format, T &&...args) const
	{
		fmt::print(out, format, std::forward<T>(args)...);
	}
	// A document of several lines, or one line of a stream.
	void document(const Json &json_text) const { out << json_text.dump(2) << '\n'; }
	void line(const Json &json_text) const { out << json_text.dump() << std::endl; }

	[[nodiscard]] std::string bold(std::string_view text) const { return paint("1", text); }
	[[nodiscard]] std::string dim(std::string_view text) const { return paint("2", text); }
	[[nodiscard]] std::string warn(std::string_view text) const { return paint("33", text); }
	[[nodiscard]] std::string good(std::string_view text) const { return paint("32", text); }

private:
	[[nodiscard]] std::string paint(std::string_view code, std::string_view text) const;
};

enum class Align { left, right };

// Columns as wide as what is in them; two blanks between.
class Table {
public:
	struct Column {
		std::string heading;
		Align align = Align::right;
	};
	explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

	void add(std::vector<std::string> row);
	// No more than @width characters a line; 0: as they are.
	void print(const Context &context, std::size_t width = 0) const;

private:
	std::vector<Column> columns_;
	std::vector<std::vector<std::string>> rows_;
};

// "12.3 us", "1.50 s", "-3.0 us".
[[nodiscard]] std::string format_ns(double ns);
[[nodiscard]] std::string format_ns(std::chrono::nanoseconds ns);
// "1234567" as "1,234,567".
[[nodiscard]] std::string format_count(std::uint64_t n);
// "0", "0.25", "12.5", "1234".
[[nodiscard]] std::string format_rate(double per_second);

// Of many values: sorts them.
struct Quantiles {
	std::size_t count = 0;
	double min = 0, median = 0, p99 = 0, max = 0;
};
[[nodiscard]] Quantiles quantiles(std::vector<double> values);
[[nodiscard]] Json to_json(const Quantiles &q);

// The size of the terminal on @fd; 80 x 24 where there is none.
struct Size {
	std::size_t columns = 80, rows = 24;
};
[[nodiscard]] Size terminal_size(int fd);

// Of the clock, in ns.
[[nodiscard]] std::chrono::nanoseconds clock_now(int clock);

} // namespace ctl
