// SPDX-License-Identifier: GPL-2.0
#include "system.hpp"

#include "clock.hpp"
#include <cerrno>
#include <filesystem>
#include <fmt/core.h>
#include <fstream>
#include <iterator>
#include <poll.h>
#include <sstream>
#include <stdexcept>
#include <string>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <system_error>
#include <unistd.h>

namespace bench {
namespace {

std::string first_line(const std::string &path)
{
	std::ifstream in(path);
	std::string line;

	std::getline(in, line);
	return line;
}

std::string cpu_name()
{
	std::ifstream in("/proc/cpuinfo");
	std::string line;

	while (std::getline(in, line))
		if (line.starts_with("model name"))
			return line.substr(line.find(':') + 2);
	return "unknown";
}

void raise_at_least(const std::string &path, std::uint64_t value)
{
	std::uint64_t is = 0;

	std::ifstream(path) >> is;
	if (is < value)
		std::ofstream(path) << value;
}

void write_all(int fd, const std::string &text)
{
	for (std::size_t done = 0; done < text.size();)
		done += check(write(fd, text.data() + done, text.size() - done), "write");
}

std::string read_all(int fd)
{
	std::string text;
	char part[65536];

	while (const auto n = check(read(fd, part, sizeof(part)), "read"))
		text.append(part, n);
	return text;
}

} // namespace

long check(long result, const char *what)
{
	if (result < 0)
		throw std::system_error(errno, std::generic_category(), what);
	return result;
}

FileDescriptor::~FileDescriptor()
{
	if (fd_ >= 0)
		close(fd_);
}

Mapping::Mapping(const FileDescriptor &fd, std::size_t offset, std::size_t size)
	: address_(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
			static_cast<off_t>(offset))),
	  size_(size)
{
	if (address_ == MAP_FAILED)
		check(-1, "mmap");
}

Mapping::~Mapping()
{
	munmap(address_, size_);
}

void raise_limits(std::uint64_t n)
{
	const rlimit limit = {n + 1000, n + 1000};

	raise_at_least("/proc/sys/fs/nr_open", (n + 1000 + 1023) / 1024 * 1024);
	raise_at_least("/proc/sys/fs/file-max", n + 10000);
	raise_at_least("/proc/sys/fs/epoll/max_user_watches", n + 1000);
	check(setrlimit(RLIMIT_NOFILE, &limit), "setrlimit: descriptors");
	check(setrlimit(RLIMIT_SIGPENDING, &limit), "setrlimit: pending signals");
}

bool wait_readable(int fd, std::chrono::nanoseconds until)
{
	pollfd what = {.fd = fd, .events = POLLIN, .revents = 0};
	timespec timeout;

	if (until != never)
		timeout = to_timespec(std::max(until - now(), Time(0)));
	return check(ppoll(&what, 1, until == never ? nullptr : &timeout, nullptr), "ppoll") > 0;
}

std::map<std::string, std::int64_t> meminfo(std::istream &in)
{
	std::map<std::string, std::int64_t> values;

	for (std::string line; std::getline(in, line);) {
		const auto colon = line.find(':');
		std::istringstream rest(line.substr(colon + 1));
		std::int64_t value = 0;
		std::string unit;

		if (colon != std::string::npos && rest >> value)
			values[line.substr(0, colon)] =
				rest >> unit && unit == "kB" ? value * 1024 : value;
	}
	return values;
}

std::map<std::string, std::int64_t> slabinfo(std::istream &in)
{
	std::map<std::string, std::int64_t> values;

	for (std::string line; std::getline(in, line);) {
		std::istringstream words(line);
		std::string name;
		std::int64_t active = 0, all = 0, size = 0;

		if (words >> name >> active >> all >> size)
			values[name] = active * size;
	}
	return values;
}

std::int64_t pages_of_cpus(std::istream &in)
{
	std::int64_t pages = 0, count;

	for (std::string line; std::getline(in, line);)
		if (std::istringstream words(line);
		    words >> line && line == "count:" && words >> count)
			pages += count;
	return pages;
}

unsigned open_descriptors()
{
	// One is the directory's own.
	return static_cast<unsigned>(
		       std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {})) -
	       1;
}

nlohmann::json in_child(const std::function<nlohmann::json()> &f)
{
	int ends[2];

	check(pipe(ends), "pipe");
	FileDescriptor from(ends[0]), to(ends[1]);
	const pid_t child = static_cast<pid_t>(check(fork(), "fork"));
	if (child == 0) {
		nlohmann::json result;

		try {
			result = f();
		} catch (const std::exception &e) {
			result = {{"error", e.what()}};
		}
		write_all(to.get(), result.dump());
		_exit(0);
	}
	to = FileDescriptor();
	const auto text = read_all(from.get());
	int status = 0;

	check(waitpid(child, &status, 0), "waitpid");
	if (status != 0)
		throw std::runtime_error(fmt::format("a process ended with status {}", status));
	auto result = nlohmann::json::parse(text);
	if (result.is_object() && result.contains("error"))
		throw std::runtime_error(result["error"].get<std::string>());
	return result;
}

nlohmann::json describe_machine(const std::string &rig, const std::string &date)
{
	utsname u;

	check(uname(&u), "uname");
	std::ifstream memory("/proc/meminfo");
	return {{"kernel", u.release},
		{"rig", rig},
		{"cpu", cpu_name()},
		{"cpus", sysconf(_SC_NPROCESSORS_ONLN)},
		{"memory_mib", meminfo(memory)["MemTotal"] >> 20},
		{"clock", first_line("/sys/kernel/callout/clock")},
		{"queue", first_line("/sys/kernel/callout/queue")},
		{"clocksource",
		 first_line("/sys/devices/system/clocksource/clocksource0/current_clocksource")},
		{"recorded", date}};
}

} // namespace bench
