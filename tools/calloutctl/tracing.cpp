// SPDX-License-Identifier: GPL-2.0
// Making and unmaking things in tracefs.
#include "tracing.hpp"
#include "parse.hpp"
#include <cerrno>
#include <csignal>
#include <fmt/format.h>
#include <unistd.h>

namespace ctl {
namespace fs = std::filesystem;
namespace {

Error error_of(const std::system_error &error)
{
	const bool denied = error.code() == std::errc::permission_denied ||
			    error.code() == std::errc::operation_not_permitted;
	return {denied ? Exit::no_permission : Exit::failed, error.what(),
		denied ? "be root: sudo calloutctl ...; a locked-down kernel refuses root, too"
		       : ""};
}

// What an unmaking says does not matter: there is nobody to tell.
void try_write(const fs::path &file, const std::string &text) noexcept
try {
	write_file(file, text, true);
} catch (const std::exception &) {
}

// Is the process that has left something of this name, "...PID", no more?
bool orphaned(std::string_view name)
{
	const auto at = name.find_last_not_of("0123456789") + 1;
	const auto pid = parse_number(name.substr(at));
	return pid && ::kill(static_cast<pid_t>(*pid), 0) < 0 && errno == ESRCH;
}

// An instance with histograms that use each other's variables stays until they are gone, who uses
// first.
void remove_histograms(const fs::path &instance)
{
	std::error_code ec;
	for (int pass = 0; pass < 2; pass++)
		for (const char *const system : {"callout", "synthetic"})
			for (const auto &event :
			     fs::directory_iterator(instance / "events" / system, ec)) {
				const auto file = event.path() / "trigger";
				if (!fs::exists(file, ec))
					continue;
				for (const auto &line : lines(read_file(file)))
					if (line.starts_with("hist:"))
						try_write(file,
							  fmt::format(
								  "!{}",
								  line.substr(0, line.find(" ["))));
			}
}

// What was left by calloutctl that was killed: the instances, then the events that they used.
void sweep(const fs::path &top)
{
	std::error_code ec;
	for (const auto &entry : fs::directory_iterator(top / "instances", ec)) {
		const auto name = entry.path().filename().string();
		if (!name.starts_with("calloutctl-") || !orphaned(name))
			continue;
		remove_histograms(entry.path());
		::rmdir(entry.path().c_str());
	}
	for (const char *const file : {"synthetic_events", "dynamic_events"}) {
		if (!fs::exists(top / file, ec))
			continue;
		for (const auto &line : lines(read_file(top / file))) {
			const auto name = split(line)[0];
			if (name.starts_with("calloutctl_") && orphaned(name))
				try_write(top / file, fmt::format("!{}", line));
			const auto probe = name.find(":calloutctl/");
			if (probe != name.npos && orphaned(name))
				try_write(top / file, fmt::format("-{}", name.substr(probe)));
		}
	}
}

} // namespace

DynamicEvent::DynamicEvent(fs::path file, const std::string &make, std::string unmake)
	: file_(std::move(file)), unmake_(std::move(unmake))
{
	write_file(file_, make, true);
}

DynamicEvent::~DynamicEvent()
{
	if (!file_.empty())
		try_write(file_, unmake_);
}

TraceInstance::TraceInstance(const Tree &tree, const std::string &purpose)
	: top_(tree.tracefs()), name_(fmt::format("calloutctl-{}-{}", purpose, ::getpid()))
{
	path_ = top_ / "instances" / name_;
	sweep(top_);
	std::error_code ec;
	fs::create_directory(path_, ec);
	if (ec)
		throw error_of(std::system_error(ec, path_.string()));
}

TraceInstance::~TraceInstance()
{
	remove_triggers();
	std::error_code ec;
	fs::remove(path_, ec);
}

void TraceInstance::remove_triggers() noexcept
{
	for (; !triggers_.empty(); triggers_.pop_back())
		try_write(path_ / triggers_.back().first, "!" + triggers_.back().second);
}

bool TraceInstance::has(const std::string &file) const
{
	std::error_code ec;
	return fs::exists(path_ / file, ec);
}

std::string TraceInstance::read(const std::string &file) const
try {
	return read_file(path_ / file);
} catch (const std::system_error &error) {
	throw error_of(error);
}

void TraceInstance::write(const std::string &file, const std::string &text) const
try {
	write_file(path_ / file, text);
} catch (const std::system_error &error) {
	throw error_of(error);
}

void TraceInstance::add_trigger(const std::string &event, const std::string &trigger)
{
	const auto file = fmt::format("events/{}/trigger", event);
	try {
		write_file(path_ / file, trigger, true);
	} catch (const std::system_error &error) {
		throw error_of(error);
	}
	triggers_.emplace_back(file, trigger);
}

void TraceInstance::enable(const std::string &event)
{
	write(fmt::format("events/{}/enable", event), "1");
}

} // namespace ctl
