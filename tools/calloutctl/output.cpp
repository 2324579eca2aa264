// SPDX-License-Identifier: GPL-2.0
// Tables and numbers.
#include "output.hpp"
#include <algorithm>
#include <cmath>
#include <ctime>
#include <sys/ioctl.h>

namespace ctl {

std::string Context::paint(std::string_view code, std::string_view text) const
{
	return colour ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

void Table::add(std::vector<std::string> row)
{
	row.resize(columns_.size());
	rows_.push_back(std::move(row));
}

void Table::print(const Context &context, std::size_t width) const
{
	std::vector<std::size_t> widths;
	for (std::size_t i = 0; i < columns_.size(); i++) {
		widths.push_back(columns_[i].heading.size());
		for (const auto &row : rows_)
			widths[i] = std::max(widths[i], row[i].size());
	}
	const auto line = [&](const auto &cell) {
		std::string text;
		for (std::size_t i = 0; i < columns_.size(); i++) {
			if (i)
				text += "  ";
			text += columns_[i].align == Align::left
					? fmt::format("{:<{}}", cell(i), widths[i])
					: fmt::format("{:>{}}", cell(i), widths[i]);
		}
		text.erase(text.find_last_not_of(' ') + 1);
		if (width && text.size() > width)
			text.resize(width);
		return text;
	};
	context.print("{}\n",
		      context.bold(line([&](std::size_t i) { return columns_[i].heading; })));
	for (const auto &row : rows_)
		context.print("{}\n", line([&](std::size_t i) { return row[i]; }));
}

std::string format_ns(double ns)
{
	const double size = std::abs(ns);
	if (size < 999.5)
		return fmt::format("{:.0f} ns", ns);
	if (size < 999.95e3)
		return fmt::format("{:.1f} us", ns / 1e3);
	if (size < 999.95e6)
		return fmt::format("{:.1f} ms", ns / 1e6);
	if (size < 600e9)
		return fmt::format("{:.2f} s", ns / 1e9);
	if (size < 48 * 3600e9)
		return fmt::format("{:.1f} h", ns / 3600e9);
	return fmt::format("{:.1f} d", ns / 86400e9);
}

std::string format_ns(std::chrono::nanoseconds ns)
{
	return format_ns(static_cast<double>(ns.count()));
}

std::string format_count(std::uint64_t n)
{
	auto text = std::to_string(n);
	for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3)
		text.insert(static_cast<std::size_t>(at), ",");
	return text;
}

std::string format_rate(double per_second)
{
	if (per_second == 0)
		return "0";
	if (per_second < 10)
		return fmt::format("{:.2f}", per_second);
	if (per_second < 100)
		return fmt::format("{:.1f}", per_second);
	return format_count(static_cast<std::uint64_t>(std::llround(per_second)));
}

Quantiles quantiles(std::vector<double> values)
{
	if (values.empty())
		return {};
	std::ranges::sort(values);
	const auto at = [&](double part) {
		return values[static_cast<std::size_t>(part *
						       static_cast<double>(values.size() - 1))];
	};
	return {values.size(), values.front(), at(0.5), at(0.99), values.back()};
}

Json to_json(const Quantiles &q)
{
	return {{"count", q.count},
		{"min_ns", q.min},
		{"median_ns", q.median},
		{"p99_ns", q.p99},
		{"max_ns", q.max}};
}

Size terminal_size(int fd)
{
	winsize size{};
	if (::ioctl(fd, TIOCGWINSZ, &size) < 0 || !size.ws_col || !size.ws_row)
		return {};
	return {size.ws_col, size.ws_row};
}

std::chrono::nanoseconds clock_now(int clock)
{
	timespec t{};
	::clock_gettime(clock, &t);
	return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec);
}

} // namespace ctl
