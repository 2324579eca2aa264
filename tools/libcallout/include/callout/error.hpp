// SPDX-License-Identifier: MIT
// What can go wrong, each with what to do about it.
//
// Functions come in two forms: one throws std::system_error, the other has a std::error_code& last,
// is noexcept (but for info(), which makes strings) and leaves the code clear if all went well. The
// codes are those below, or of std::system_category() for errors that have nothing to do with
// callouts. Either compares with std::errc. Any thread may use all of it.
#pragma once

#include <string>
#include <system_error>

namespace callout {

enum class errc {
	no_device = 1,    // ENOENT, ENODEV
	no_permission,    // EACCES, EPERM
	not_callout,      // ENOTTY
	module_too_old,   // E2BIG
	not_set_up,       // ENXIO
	already_set_up,   // EBUSY
	bad_setup,        // EINVAL
	too_many_timers,  // EDQUOT
	no_memory,        // ENOMEM
	no_such_timer,    // ENOENT
	bad_time,         // EINVAL
	no_free_timer,    // EAGAIN
	no_timer,         // EBADF
	no_loop,          // ESRCH
	buffer_too_small, // EINVAL
};

[[nodiscard]] const std::error_category &category() noexcept;
[[nodiscard]] std::error_code make_error_code(errc e) noexcept;

namespace detail {

enum class call { open, info, setup, map, vector, element, read };

// What an errno means where it came from.
[[nodiscard]] std::error_code error_of(call c, int number) noexcept;
[[noreturn]] void fail(const std::error_code &ec, const std::string &what);

inline void check(const std::error_code &ec, const char *what)
{
	if (ec) [[unlikely]]
		fail(ec, what);
}

} // namespace detail
} // namespace callout

template <>
struct std::is_error_code_enum<callout::errc> : std::true_type {
};
