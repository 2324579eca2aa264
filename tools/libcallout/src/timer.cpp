// SPDX-License-Identifier: MIT
// What a timer cannot do by a store.
#include "callout/timer.hpp"

namespace callout::detail {

timer_base::timer_base(std::shared_ptr<device_state> state, std::uint32_t id,
		       clockid_t clock) noexcept
	: state_(std::move(state)), slot_(state_->slot(id))
{
	what_.id = id;
	what_.clockid = clock;
}

timer_base &timer_base::operator=(timer_base &&other) noexcept
{
	if (this != &other) {
		finish();
		state_ = std::move(other.state_);
		slot_ = std::exchange(other.slot_, {});
		what_ = other.what_;
	}
	return *this;
}

void timer_base::finish() noexcept
{
	std::error_code ec;

	if (!state_)
		return;
	// Also where the slot says that it is not armed: its event is there when the call returns.
	cancel(ec);
	state_->give_id(id());
	state_.reset();
}

void timer_base::set(std::uint64_t deadline, bool relative, const arm_options &o) noexcept
{
	what_.flags = (relative ? CALLOUT_ARM_RELATIVE : 0) |
		      (o.clock_set_events ? CALLOUT_ARM_CLOCK_SET : 0);
	what_.deadline = deadline;
	what_.interval = o.interval.count();
	what_.window = o.window.count();
	what_.user_data = o.user_data;
}

static bool arm_one(const device_state *state, abi::timer what, std::error_code &ec) noexcept
{
	if (!state) {
		ec = errc::no_timer;
		return false;
	}
	state->arm({&what, 1}, ec);
	if (!ec && what.result < 0)
		ec = error_of(call::element, -what.result);
	return !ec && what.result;
}

bool timer_base::arm(std::error_code &ec) const noexcept
{
	return arm_one(state_.get(), what_, ec);
}

bool timer_base::arm() const
{
	std::error_code ec;
	const bool was_armed = arm(ec);

	check(ec, "cannot arm a timer");
	return was_armed;
}

rearmed timer_base::rearm_by_call(std::uint64_t deadline, std::error_code &ec) const noexcept
{
	abi::timer what = what_;

	what.flags &= ~CALLOUT_ARM_RELATIVE;
	what.deadline = deadline;
	return arm_one(state_.get(), what, ec) ? rearmed::replaced : rearmed::anew;
}

rearmed timer_base::rearm_by_call(std::uint64_t deadline) const
{
	std::error_code ec;
	const rearmed how = rearm_by_call(deadline, ec);

	check(ec, "cannot arm a timer");
	return how;
}

bool timer_base::cancel(std::error_code &ec) noexcept
{
	abi::timer_id what{};

	if (!state_) {
		ec = errc::no_timer;
		return false;
	}
	what.id = id();
	state_->cancel({&what, 1}, ec);
	if (!ec && what.result < 0)
		ec = error_of(call::element, -what.result);
	return !ec && what.result;
}

bool timer_base::cancel()
{
	std::error_code ec;
	const bool was_armed = cancel(ec);

	check(ec, "cannot cancel a timer");
	return was_armed;
}

abi::timer timer_base::get(std::error_code &ec) const noexcept
{
	abi::timer what{};

	if (!state_) {
		ec = errc::no_timer;
		return what;
	}
	what.id = id();
	state_->get({&what, 1}, ec);
	if (!ec && what.result < 0)
		ec = error_of(call::element, -what.result);
	return what;
}

} // namespace callout::detail
