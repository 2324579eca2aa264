// SPDX-License-Identifier: GPL-2.0
// The picture: instructions of a re-arm, and of an arm, over N.
#include "report.hpp"

#include <cstdlib>
#include <fmt/core.h>
#include <fstream>
#include <stdexcept>

namespace bench {
namespace {

struct Line {
	std::string facility;
	std::uint64_t batch;
	std::string name, style;
};

const std::string callout = "#c1272d", timerfd = "#0072b2", posix = "#3a7d44", uring = "#8c510a",
		  heap = "#f2a900";

std::string style(const std::string &colour, int point, bool dashed = false)
{
	return fmt::format("lc rgb '{}' pt {} ps 1.3 lw 2.2{}", colour, point,
			   dashed ? " dt (8,5)" : "");
}

std::vector<Line> arms()
{
	return {{"io_uring", 1, "io_uring", style(uring, 13)},
		{"io_uring", 32, "io_uring, 32 a call", style(uring, 12, true)},
		{"timerfd", 1, "timerfd", style(timerfd, 5)},
		{"posix", 1, "POSIX timer", style(posix, 9)},
		{"callout", 1, "/dev/callout", style(callout, 7)},
		{"callout", 32, "/dev/callout, 32 a call", style(callout, 6, true)},
		{"heap", 32, "one timerfd, heap in the program", style(heap, 11)}};
}

std::vector<Line> rearms()
{
	return {{"io_uring", 1, "io_uring", style(uring, 13)},
		{"timerfd", 1, "timerfd", style(timerfd, 5)},
		{"posix", 1, "POSIX timer", style(posix, 9)},
		{"callout_ioctl", 32, "/dev/callout by ioctl, 32 a call", style(callout, 6, true)},
		{"heap", 32, "one timerfd, heap in the program", style(heap, 11)},
		{"callout", 32, "/dev/callout by a store", style(callout, 7)},
		{"heap_lazy", 32, "the heap, moved when due", style(heap, 10, true)}};
}

std::string panel(const Results &r, const std::string &workload, const std::string &heading,
		  const std::vector<Line> &lines)
{
	std::string data, plot;
	int number = 0;

	for (const auto &line : lines) {
		const auto name = fmt::format("${}_{}", workload, number++);
		std::string points;

		for (const auto n : r.sizes(workload))
			if (const auto y =
				    r.net({workload, line.facility, n, line.batch}, "median"))
				points += fmt::format("{} {}\n", n, *y);
		if (points.empty())
			continue;
		data += fmt::format("{} << EOD\n{}EOD\n", name, points);
		plot += fmt::format("{}{} with linespoints {} title \"{}\"",
				    plot.empty() ? "plot " : ", \\\n\t", name, line.style,
				    line.name);
	}
	return fmt::format("{}set title \"{}\" font ',13'\n{}\n", data, heading, plot);
}

} // namespace

void draw(const Results &r, const std::string &base)
{
	const auto file = base + ".gnuplot";
	std::ofstream out(file);

	out << "set terminal pngcairo size 1240,640 font 'sans,11' background 'white'\n"
	    << fmt::format("set output '{}.png'\n", base)
	    << "set multiplot layout 1,2\n"
	       "set logscale xy\nset border 3\nset tics nomirror out\n"
	       "set grid ytics lc rgb '#dddddd'\n"
	       "set format x '10^{%T}'\nset format y '%.0f'\n"
	       "set xlabel 'timers that are armed'\n"
	       "set ylabel 'instructions an operation, whole system'\n"
	       "set xrange [0.7:1.5e6]\nset yrange [2:5e7]\n"
	       "set key top left reverse Left samplen 3 font ',10' spacing 1.15 noenhanced\n"
	    << panel(r, "later", "re-arm for later", rearms()) << panel(r, "arm", "arm", arms())
	    << "unset multiplot\n";
	if (!out.flush())
		throw std::runtime_error(file + ": cannot be written");
	out.close();
	if (std::system(fmt::format("gnuplot '{}'", file).c_str()) != 0)
		throw std::runtime_error("gnuplot failed on " + file);
}

} // namespace bench
