// SPDX-License-Identifier: GPL-2.0
// What can go wrong: said in one line, with a second one that says what to do about it.
#pragma once

#include <stdexcept>
#include <string>

namespace ctl {

// Exit statuses; calloutctl(8) documents them.
enum class Exit : int {
	ok = 0,
	failed = 1,        // the system refused something, or a result is wrong
	usage = 2,         // the command line is wrong
	not_loaded = 3,    // callout is not loaded
	no_permission = 4, // the user may not
	unsupported = 5, // the kernel, or this version of callout, has no such thing, or it is not
			 // mounted
	refused = 6,     // callout refused a setting
	interrupted = 130, // by a signal, before there was a result
};

class Error : public std::runtime_error {
public:
	Error(Exit status, const std::string &what, std::string hint = {})
		: std::runtime_error(what), status_(status), hint_(std::move(hint))
	{
	}
	[[nodiscard]] Exit status() const noexcept { return status_; }
	// What to do; may be empty.
	[[nodiscard]] const std::string &hint() const noexcept { return hint_; }

private:
	Exit status_;
	std::string hint_;
};

} // namespace ctl
