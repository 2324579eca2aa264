// SPDX-License-Identifier: MIT
// Errors, and what to do about them.
#include "callout/error.hpp"
#include <array>
#include <cerrno>
#include <system_error>

namespace callout {
namespace {

struct meaning {
	errc code;
	std::errc condition;
	const char *text;
};

constexpr std::array meanings{
	meaning{errc::no_device, std::errc::no_such_file_or_directory,
		"No such file or directory: load the module (modprobe callout)"},
	meaning{errc::no_permission, std::errc::permission_denied,
		"Permission denied: be root, or in the group of the udev rule (callout)"},
	meaning{errc::not_callout, std::errc::inappropriate_io_control_operation,
		"Not a callout device, or not of this version: open /dev/callout, made by the "
		"module of this release"},
	meaning{errc::module_too_old, std::errc::argument_list_too_long,
		"The module is older than the library: load that of this release"},
	meaning{errc::not_set_up, std::errc::no_such_device_or_address,
		"The device has no timers yet: call setup() first"},
	meaning{errc::already_set_up, std::errc::device_or_resource_busy,
		"The descriptor has been set up before: open another one"},
	meaning{errc::bad_setup, std::errc::invalid_argument,
		"The number of timers or of events is out of range: at most info().max_timers and "
		"max_events; root may raise /sys/module/callout/parameters/dev_max_timers"},
	meaning{errc::too_many_timers, static_cast<std::errc>(EDQUOT),
		"The user has too many timers: close other descriptors, or have root raise "
		"/sys/module/callout/parameters/dev_max_user_timers"},
	meaning{errc::no_memory, std::errc::not_enough_memory,
		"Not enough memory: set up fewer timers and events"},
	meaning{errc::no_such_timer, std::errc::no_such_file_or_directory,
		"The device has no such timer: ids are 0 to timers() - 1, and timers of another "
		"device are not its"},
	meaning{errc::bad_time, std::errc::invalid_argument,
		"The kernel refuses the arguments: times are not negative, and clock_set_events "
		"are for system_timer alone"},
	meaning{errc::no_free_timer, std::errc::resource_unavailable_try_again,
		"All timers of the device are in use: set up more"},
	meaning{errc::no_timer, std::errc::bad_file_descriptor, "The timer was moved from"},
	meaning{errc::no_loop, std::errc::no_such_process,
		"The device has no loop: make a callout::loop of it first"},
	meaning{errc::buffer_too_small, std::errc::invalid_argument,
		"There is no room for an event: read at least one"},
};

const meaning *find(int value) noexcept
{
	for (const meaning &m : meanings)
		if (static_cast<int>(m.code) == value)
			return &m;
	return nullptr;
}

class callout_category final : public std::error_category {
public:
	[[nodiscard]] const char *name() const noexcept override { return "callout"; }
	[[nodiscard]] std::string message(int value) const override
	{
		const meaning *m = find(value);

		return m ? m->text : "Unknown error";
	}
	[[nodiscard]] std::error_condition
	default_error_condition(int value) const noexcept override
	{
		const meaning *m = find(value);

		return m ? std::make_error_condition(m->condition)
			 : std::error_condition(value, *this);
	}
};

struct origin {
	detail::call call;
	int number;
	errc code;
};

using detail::call;

constexpr std::array origins{
	origin{call::open, ENOENT, errc::no_device},
	origin{call::open, ENODEV, errc::no_device},
	origin{call::open, ENXIO, errc::no_device},
	origin{call::open, EACCES, errc::no_permission},
	origin{call::open, EPERM, errc::no_permission},
	origin{call::info, ENOTTY, errc::not_callout},
	origin{call::info, EINVAL, errc::not_callout},
	origin{call::info, E2BIG, errc::module_too_old},
	origin{call::setup, ENOTTY, errc::not_callout},
	origin{call::setup, E2BIG, errc::module_too_old},
	origin{call::setup, EBUSY, errc::already_set_up},
	origin{call::setup, EINVAL, errc::bad_setup},
	origin{call::setup, EDQUOT, errc::too_many_timers},
	origin{call::setup, ENOMEM, errc::no_memory},
	origin{call::map, ENOMEM, errc::no_memory},
	origin{call::map, ENXIO, errc::not_set_up},
	origin{call::vector, ENXIO, errc::not_set_up},
	origin{call::element, ENOENT, errc::no_such_timer},
	origin{call::element, EINVAL, errc::bad_time},
	origin{call::read, ENXIO, errc::not_set_up},
	origin{call::read, EINVAL, errc::buffer_too_small},
};

} // namespace

const std::error_category &category() noexcept
{
	static const callout_category c;

	return c;
}

std::error_code make_error_code(errc e) noexcept
{
	return {static_cast<int>(e), category()};
}

namespace detail {

std::error_code error_of(call c, int number) noexcept
{
	for (const origin &o : origins)
		if (o.call == c && o.number == number)
			return o.code;
	return {number, std::system_category()};
}

void fail(const std::error_code &ec, const std::string &what)
{
	throw std::system_error(ec, what);
}

} // namespace detail
} // namespace callout
