// SPDX-License-Identifier: GPL-2.0
// Reading the kernel's files, and telling why one cannot be read.
#include "tree.hpp"
#include "parse.hpp"
#include <callout/error.hpp>
#include <cerrno>
#include <fcntl.h>
#include <fmt/format.h>
#include <system_error>
#include <unistd.h>

namespace ctl {
namespace fs = std::filesystem;
namespace {

class Fd {
public:
	Fd(const fs::path &path, int flags) : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644))
	{
		if (fd_ < 0)
			fail(path);
	}
	Fd(const Fd &) = delete;
	Fd &operator=(const Fd &) = delete;
	~Fd() { ::close(fd_); }
	[[nodiscard]] int get() const noexcept { return fd_; }
	[[noreturn]] static void fail(const fs::path &path)
	{
		throw std::system_error(errno, std::system_category(), path.string());
	}

private:
	int fd_;
};

bool denied(const std::error_code &ec)
{
	return ec == std::errc::permission_denied || ec == std::errc::operation_not_permitted;
}

bool is_there(const fs::path &path)
{
	std::error_code ec;
	return fs::exists(path, ec);
}

} // namespace

std::string read_file(const fs::path &path)
{
	const Fd fd(path, O_RDONLY);
	std::string text;
	char part[16384];
	for (;;) {
		const ssize_t n = ::read(fd.get(), part, sizeof(part));
		if (n == 0)
			return text;
		if (n < 0 && errno != EINTR)
			Fd::fail(path);
		if (n > 0)
			text.append(part, static_cast<std::size_t>(n));
	}
}

void write_file(const fs::path &path, const std::string &text, bool append)
{
	const Fd fd(path, O_WRONLY | (append ? O_APPEND : O_TRUNC));
	if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
		Fd::fail(path);
}

fs::path Tree::at(const std::string &path) const
{
	return prefix_.empty() ? fs::path(path) : prefix_ / fs::path(path).relative_path();
}

fs::path Tree::sysfs(const std::string &name) const
{
	const auto top = at("/sys/kernel/callout");
	return name.empty() ? top : top / name;
}

fs::path Tree::debugfs(const std::string &name) const
{
	const auto top = at("/sys/kernel/debug/callout");
	return name.empty() ? top : top / name;
}

fs::path Tree::tracefs() const
{
	for (const char *const place : {"/sys/kernel/tracing", "/sys/kernel/debug/tracing"}) {
		const auto path = at(place);
		std::error_code ec;
		if (fs::exists(path / "events", ec))
			return path;
		if (denied(ec))
			throw Error(Exit::no_permission,
				    fmt::format("may not look into {}", path.string()),
				    "be root: sudo calloutctl ...");
	}
	throw Error(Exit::unsupported,
		    fmt::format("no tracefs at {}", at("/sys/kernel/tracing").string()),
		    "mount -t tracefs tracefs /sys/kernel/tracing; "
		    "if that fails the kernel lacks CONFIG_FTRACE");
}

void Tree::require_loaded() const
{
	if (!is_there(sysfs()))
		throw Error(Exit::not_loaded, "callout is not loaded", "modprobe callout");
}

std::string Tree::setting(const std::string &name) const
try {
	auto text = read_file(sysfs(name));
	while (!text.empty() && text.back() == '\n')
		text.pop_back();
	return text;
} catch (const std::system_error &error) {
	require_loaded();
	if (error.code() == std::errc::no_such_file_or_directory)
		throw Error(
			Exit::unsupported,
			fmt::format("the module that is loaded has no {}", sysfs(name).string()),
			"load the module of calloutctl's release");
	throw Error(denied(error.code()) ? Exit::no_permission : Exit::failed, error.what());
}

std::uint64_t Tree::number(const std::string &name) const
{
	const auto text = setting(name);
	if (const auto value = parse_number(text))
		return *value;
	throw Error(Exit::failed,
		    fmt::format("{}: '{}' is not a number", sysfs(name).string(), text));
}

std::vector<std::string> Tree::words(const std::string &name) const
{
	return split(setting(name));
}

std::string Tree::version() const
{
	try {
		auto text = read_file(at("/sys/module/callout/version"));
		while (!text.empty() && text.back() == '\n')
			text.pop_back();
		return text;
	} catch (const std::system_error &) {
		return "unknown";
	}
}

std::string Tree::debug_file(const std::string &name) const
{
	require_loaded();
	try {
		return read_file(debugfs(name));
	} catch (const std::system_error &error) {
		if (denied(error.code()))
			throw Error(Exit::no_permission,
				    fmt::format("may not read {}", debugfs(name).string()),
				    "be root: debugfs is for root alone; sudo calloutctl ...");
		if (error.code() != std::errc::no_such_file_or_directory)
			throw Error(Exit::failed, error.what());
	}
	if (is_there(debugfs()))
		throw Error(
			Exit::unsupported,
			fmt::format("the module that is loaded has no {}", debugfs(name).string()),
			"load the module of calloutctl's release");
	throw Error(Exit::unsupported,
		    fmt::format("no {}: debugfs is not mounted, or the kernel has none",
				debugfs().string()),
		    "mount -t debugfs debugfs /sys/kernel/debug; "
		    "if that fails the kernel lacks CONFIG_DEBUG_FS");
}

Counters Tree::counters() const
{
	try {
		return parse_counters(read_file(debugfs("stats")));
	} catch (const std::system_error &) {
	}
	require_loaded();
	Counters counters;
	std::error_code ec;
	for (const auto &entry : fs::directory_iterator(sysfs("stats"), ec)) {
		const auto name = entry.path().filename().string();
		counters[name] = number("stats/" + name);
	}
	if (ec)
		throw Error(Exit::failed,
			    fmt::format("{}: {}", sysfs("stats").string(), ec.message()));
	return counters;
}

callout::device Tree::open_device() const
{
	std::error_code ec;
	auto device = callout::device::open(ec, device_path().c_str());
	if (!ec)
		return device;
	if (ec == callout::errc::no_device) {
		require_loaded();
		throw Error(
			Exit::unsupported,
			fmt::format("callout is loaded, but there is no {}", device_path()),
			"a module without /dev/callout, or a /dev without devtmpfs: load that of "
			"calloutctl's release");
	}
	throw device_error(ec, "cannot open " + device_path());
}

callout::device Tree::pin_module() const
{
	std::error_code ec;
	return callout::device::open(ec, device_path().c_str());
}

std::string Tree::device_path() const
{
	return at("/dev/callout").string();
}

Error device_error(const std::error_code &ec, const std::string &what)
{
	// libcallout's texts are "what: what to do".
	const auto text = ec.message();
	const auto colon = text.find(": ");
	const auto status =
		ec == callout::errc::no_permission ? Exit::no_permission
		: ec == callout::errc::no_device   ? Exit::not_loaded
		: ec == callout::errc::not_callout || ec == callout::errc::module_too_old
			? Exit::unsupported
			: Exit::failed;
	auto hint = colon == text.npos ? std::string() : text.substr(colon + 2);
	if (ec == callout::errc::bad_setup)
		hint = "calloutctl status shows the limits; root may raise "
		       "/sys/module/callout/parameters/dev_max_timers";
	return {status, fmt::format("{}: {}", what, text.substr(0, colon)), std::move(hint)};
}

} // namespace ctl
