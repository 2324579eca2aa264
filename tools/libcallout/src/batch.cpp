// SPDX-License-Identifier: MIT
// Many timers armed and cancelled by few calls.
#include "callout/batch.hpp"
#include <algorithm>
#include <cerrno>
#include <limits>

namespace callout {

// No device has it: more timers are not to be had.
static constexpr std::uint32_t no_id = std::numeric_limits<std::uint32_t>::max();

batch::batch(const device &of) : state_(of.state_) {}

std::size_t batch::add_arm(detail::timer_base &t, std::uint64_t deadline, bool relative,
			   const arm_options &o)
{
	t.set(deadline, relative, o);
	arms_.push_back(t.what_);
	arms_.back().result = -ECANCELED;
	if (t.state_ != state_)
		arms_.back().id = no_id;
	order_.push_back({.cancel = false, .at = static_cast<std::uint32_t>(arms_.size() - 1)});
	return order_.size() - 1;
}

std::size_t batch::add_cancel(detail::timer_base &t)
{
	cancels_.push_back({.id = t.state_ == state_ ? t.id() : no_id, .result = -ECANCELED});
	order_.push_back({.cancel = true, .at = static_cast<std::uint32_t>(cancels_.size() - 1)});
	return order_.size() - 1;
}

std::size_t batch::submit(std::error_code &ec) noexcept
{
	ec.clear();
	for (auto from = order_.begin(); !ec && from != order_.end();) {
		const auto to = std::find_if(from, order_.end(), [=](const place &p) {
			return p.cancel != from->cancel;
		});
		const auto n = static_cast<std::size_t>(to - from);

		if (from->cancel)
			state_->cancel(std::span(cancels_).subspan(from->at, n), ec);
		else
			state_->arm(std::span(arms_).subspan(from->at, n), ec);
		from = to;
	}
	return static_cast<std::size_t>(std::count_if(order_.begin(), order_.end(),
						      [this](place p) { return outcome(p) < 0; }));
}

std::size_t batch::submit()
{
	std::error_code ec;
	const std::size_t failed = submit(ec);

	detail::check(ec, "cannot submit a batch");
	return failed;
}

int batch::outcome(place p) const noexcept
{
	return p.cancel ? cancels_[p.at].result : arms_[p.at].result;
}

batch_result batch::result(std::size_t element) const
{
	const int r = outcome(order_.at(element));

	if (r < 0)
		return {.error = detail::error_of(detail::call::element, -r), .was_armed = false};
	return {.error = {}, .was_armed = r > 0};
}

void batch::reserve(std::size_t elements)
{
	arms_.reserve(elements);
	order_.reserve(elements);
}

void batch::clear() noexcept
{
	arms_.clear();
	cancels_.clear();
	order_.clear();
}

} // namespace callout
