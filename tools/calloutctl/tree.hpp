// SPDX-License-Identifier: GPL-2.0
// Where the kernel's files are, and what it means when one is not there or cannot be used.
#pragma once

#include "error.hpp"
#include <callout/device.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace ctl {

using Counters = std::map<std::string, std::uint64_t>;

// All paths begin with a prefix: empty, or that of a made-up tree.
class Tree {
public:
	explicit Tree(std::filesystem::path prefix = {}) : prefix_(std::move(prefix)) {}

	[[nodiscard]] std::filesystem::path at(const std::string &path) const;
	[[nodiscard]] std::filesystem::path sysfs(const std::string &name = {}) const;
	[[nodiscard]] std::filesystem::path debugfs(const std::string &name = {}) const;
	// Of tracefs, wherever it is mounted. Throws Error.
	[[nodiscard]] std::filesystem::path tracefs() const;
	[[nodiscard]] std::string device_path() const;

	// Throws Error unless the module is loaded.
	void require_loaded() const;
	// A file of /sys/kernel/callout, without its newline. Throws Error.
	[[nodiscard]] std::string setting(const std::string &name) const;
	[[nodiscard]] std::uint64_t number(const std::string &name) const;
	[[nodiscard]] std::vector<std::string> words(const std::string &name) const;
	[[nodiscard]] std::string version() const;
	// A file of callout's in debugfs. Throws Error.
	[[nodiscard]] std::string debug_file(const std::string &name) const;
	// All counters, by debugfs at once where that can be read, else by sysfs.
	[[nodiscard]] Counters counters() const;

	// /dev/callout, open. Throws Error.
	[[nodiscard]] callout::device open_device() const;
	// While it is there the module cannot be unloaded: a kernel warns of one whose tracepoints
	// have triggers then.
	[[nodiscard]] callout::device pin_module() const;

private:
	std::filesystem::path prefix_;
};

// Throws std::system_error.
[[nodiscard]] std::string read_file(const std::filesystem::path &path);
void write_file(const std::filesystem::path &path, const std::string &text, bool append = false);

// As Error, with what to do, for the codes that libcallout has.
[[nodiscard]] Error device_error(const std::error_code &ec, const std::string &what);

} // namespace ctl
