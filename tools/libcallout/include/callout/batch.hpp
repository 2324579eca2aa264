// SPDX-License-Identifier: MIT
// Many timers armed and cancelled by few calls: one for each run of arms or of cancels.
//
// Thread safety: a batch is for one thread; its timers may be in use as if each function were
// called by submit().
#pragma once

#include "device.hpp"
#include "error.hpp"
#include "timer.hpp"
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <system_error>
#include <vector>

namespace callout {

// What has become of one element.
struct batch_result {
	std::error_code error{};
	bool was_armed = false;
};

// The timers are to be there, and all be the device's, until submit(). Elements are dealt with in
// their order.
class batch final {
public:
	explicit batch(const device &of);

	// Each returns the element's number, for result().
	template <timer_clock Clock, class Duration>
	std::size_t arm_at(basic_timer<Clock> &t, std::chrono::time_point<Clock, Duration> at,
			   const arm_options &o = {})
	{
		return add_arm(t, detail::deadline_ns(at), false, o);
	}
	template <steady_timer_clock Clock, class Rep, class Period>
	std::size_t arm_after(basic_timer<Clock> &t, std::chrono::duration<Rep, Period> d,
			      const arm_options &o = {})
	{
		return add_arm(t, detail::saturate_ns(d), true, o);
	}
	template <timer_clock Clock>
	std::size_t cancel(basic_timer<Clock> &t)
	{
		return add_cancel(t);
	}

	// Returns how many elements failed, each by itself: result() says why. Throws, or sets ec,
	// if a call failed as a whole; elements it has not come to have
	// std::errc::operation_canceled then. Once; then clear() or destruction.
	std::size_t submit();
	std::size_t submit(std::error_code &ec) noexcept;

	[[nodiscard]] batch_result result(std::size_t element) const;
	[[nodiscard]] std::size_t size() const noexcept { return order_.size(); }
	void reserve(std::size_t elements);
	void clear() noexcept;

private:
	struct place {
		bool cancel;
		std::uint32_t at; // in arms_ or cancels_
	};

	std::size_t add_arm(detail::timer_base &t, std::uint64_t deadline, bool relative,
			    const arm_options &o);
	std::size_t add_cancel(detail::timer_base &t);
	[[nodiscard]] int outcome(place p) const noexcept;

	std::shared_ptr<detail::device_state> state_;
	std::vector<abi::timer> arms_;
	std::vector<abi::timer_id> cancels_;
	std::vector<place> order_;
};

} // namespace callout
