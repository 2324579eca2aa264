// SPDX-License-Identifier: GPL-2.0
// Making and unmaking things in tracefs.
#include "tracing.hpp"
#include "parse.hpp"
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
