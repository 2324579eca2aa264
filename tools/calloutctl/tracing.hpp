// SPDX-License-Identifier: GPL-2.0
// tracefs: an instance of our own, and what is made in it; all is taken away again.
#pragma once

#include "tree.hpp"
#include <string>
#include <utility>
#include <vector>

namespace ctl {

// A line in a file of tracefs that makes an event for all instances, and the line that takes it
// away.
class DynamicEvent {
public:
	// Throws std::system_error if the kernel does not take the line.
	DynamicEvent(std::filesystem::path file, const std::string &make, std::string unmake);
	DynamicEvent(DynamicEvent &&other) noexcept
		: file_(std::exchange(other.file_, {})), unmake_(other.unmake_)
	{
	}
	DynamicEvent &operator=(DynamicEvent &&) = delete;
	~DynamicEvent();

private:
	std::filesystem::path file_;
	std::string unmake_;
};

class TraceInstance {
public:
	// calloutctl-@purpose-PID. Throws Error.
	TraceInstance(const Tree &tree, const std::string &purpose);
	TraceInstance(const TraceInstance &) = delete;
	TraceInstance &operator=(const TraceInstance &) = delete;
	~TraceInstance();

	[[nodiscard]] const std::filesystem::path &top() const { return top_; } // tracefs itself
	[[nodiscard]] const std::string &name() const { return name_; }
	[[nodiscard]] bool has(const std::string &file) const;
	// Throw Error.
	[[nodiscard]] std::string read(const std::string &file) const;
	void write(const std::string &file, const std::string &text) const;
	// @event: "callout/callout_start". Taken away with the instance, in reverse order.
	void add_trigger(const std::string &event, const std::string &trigger);
	void enable(const std::string &event);
	// Before events that it uses are taken away.
	void remove_triggers() noexcept;

private:
	std::filesystem::path top_, path_;
	std::string name_;
	std::vector<std::pair<std::string, std::string>> triggers_; // file, what was written
};

} // namespace ctl
