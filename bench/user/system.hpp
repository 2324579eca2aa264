// SPDX-License-Identifier: GPL-2.0
// What is asked of the operating system: descriptors, mappings, limits, its account of memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

namespace bench {

// The result, or std::system_error if it is negative.
long check(long result, const char *what);

class FileDescriptor {
public:
	explicit FileDescriptor(int fd = -1) : fd_(fd) {}
	FileDescriptor(FileDescriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
	FileDescriptor &operator=(FileDescriptor &&other) noexcept
	{
		std::swap(fd_, other.fd_);
		return *this;
	}
	~FileDescriptor();
	int get() const { return fd_; }

private:
	int fd_;
};

// Shared memory of a descriptor.
class Mapping {
public:
	Mapping(const FileDescriptor &fd, std::size_t offset, std::size_t size);
	Mapping(const Mapping &) = delete;
	Mapping &operator=(const Mapping &) = delete;
	~Mapping();
	void *get() const { return address_; }

private:
	void *address_;
	std::size_t size_;
};

// As many descriptors and pending signals as `n` timers of any kind take.
void raise_limits(std::uint64_t n);

// Waits until a descriptor can be read; false if it is `until` before that.
bool wait_readable(int fd, std::chrono::nanoseconds until);

// Lines "name: number" of /proc/meminfo, in bytes.
std::map<std::string, std::int64_t> meminfo(std::istream &in);
// The bytes of objects that are in use, by cache, of /proc/slabinfo.
std::map<std::string, std::int64_t> slabinfo(std::istream &in);
// The pages that CPUs keep for themselves, which are free and not counted as that, of
// /proc/zoneinfo.
std::int64_t pages_of_cpus(std::istream &in);
unsigned open_descriptors();

// What `f` gives, run by a process of its own. Throws std::runtime_error with what went wrong in
// it.
nlohmann::json in_child(const std::function<nlohmann::json()> &f);

nlohmann::json describe_machine(const std::string &rig, const std::string &date);

} // namespace bench
