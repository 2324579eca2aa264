// SPDX-License-Identifier: GPL-2.0
// callout_bench.ko's control files, and callout.ko's counters.
#include "kernel.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <fstream>
#include <sstream>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace bench {
namespace {

class File {
public:
	File(const std::filesystem::path &path, int flags)
		: path_(path), fd_(open(path.c_str(), flags))
	{
		if (fd_ < 0)
			fail("cannot open");
	}
	File(const File &) = delete;
	File &operator=(const File &) = delete;
	~File() { close(fd_); }

	// A debugfs file takes a write as one message.
	std::size_t write(std::span<const std::byte> bytes, const std::string &what)
	{
		const ssize_t done = ::write(fd_, bytes.data(), bytes.size());

		if (done < 0)
			fail(what);
		return static_cast<std::size_t>(done);
	}

private:
	[[noreturn]] void fail(const std::string &what) const
	{
		throw std::system_error(errno, std::generic_category(),
					path_.string() + ": " + what);
	}

	std::filesystem::path path_;
	int fd_;
};

std::string read_all(const std::filesystem::path &path)
{
	std::ifstream in(path);
	std::ostringstream text;

	if (!in)
		throw std::system_error(errno, std::generic_category(), path.string());
	text << in.rdbuf();
	return text.str();
}

Values parse(const std::string &text)
{
	std::istringstream lines(text);
	std::string line, name;
	Values values;

	while (std::getline(lines, line)) {
		std::istringstream words(line);
		std::uint64_t value;

		words >> name;
		while (words >> value)
			values[name].push_back(value);
	}
	return values;
}

} // namespace

std::string Job::line() const
{
	std::string text = fmt::format("workload={} facility={} seed={}", workload, facility, seed);

	for (const auto &[name, value] : {std::pair{"n", n},
					  {"ops", ops},
					  {"rate", rate},
					  {"limit_ms", limit_ms},
					  {"idle", idle}})
		if (value)
			text += fmt::format(" {}={}", name, value);
	return text;
}

Kernel::Kernel(std::filesystem::path debugfs) : debugfs_(std::move(debugfs)) {}

std::map<std::string, std::uint64_t> Kernel::stats() const
{
	std::map<std::string, std::uint64_t> stats;

	for (const auto &[name, value] : parse(read_all(debugfs_ / "callout/stats")))
		stats[name] = value.at(0);
	return stats;
}

Values Kernel::run(const Job &job)
{
	const auto line = job.line();
	const auto set_measure = [&](bool on) {
		File(debugfs_ / "callout/measure_hold", O_WRONLY)
			.write(std::as_bytes(std::span(on ? "1" : "0", 1)), "cannot measure holds");
	};

	if (job.measure_hold)
		set_measure(true);
	const auto before = stats();
	File(debugfs_ / "callout_bench/job", O_WRONLY).write(std::as_bytes(std::span(line)), line);
	const auto after = stats();
	auto values = parse(read_all(debugfs_ / "callout_bench/job"));
	for (const auto &[name, value] : after)
		values["stats_" + name] = {value - before.at(name)};
	values.erase("stats_max_hold_cycles");
	if (job.measure_hold) {
		set_measure(false);
		values["max_hold_cycles"] = {after.at("max_hold_cycles")};
	}
	return values;
}

void Kernel::load_trace(std::span<const std::byte> bytes)
{
	File file(debugfs_ / "callout_bench/trace", O_WRONLY | O_TRUNC);

	while (!bytes.empty())
		bytes = bytes.subspan(file.write(
			bytes.first(std::min<std::size_t>(bytes.size(), 1 << 20)), "trace"));
}

} // namespace bench
