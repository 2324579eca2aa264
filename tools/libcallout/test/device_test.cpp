// SPDX-License-Identifier: MIT
// Devices, timers and batches, without a kernel: what is called, and what is made of the answers.
#include "fake_kernel.hpp"
#include <callout/callout.hpp>
#include <cerrno>
#include <chrono>
#include <gtest/gtest.h>
#include <optional>
#include <set>
#include <system_error>
#include <vector>

using namespace std::chrono_literals;
using callout::errc;
using callout::rearmed;
using time_at = std::chrono::steady_clock::time_point;

static std::error_code code_of(auto &&f)
{
	try {
		f();
	} catch (const std::system_error &e) {
		return e.code();
	}
	return {};
}

// ---- the device -------------------------------------------------------------------------------

TEST(device, set_up_once)
{
	fake_kernel k(4, 8);
	callout::device d = k.device(false);
	std::error_code ec;

	EXPECT_EQ(d.timers(), 0U);
	EXPECT_EQ(code_of([&] { (void)d.make_timer(); }), errc::not_set_up);
	d.setup(5, 8, ec);
	EXPECT_EQ(ec, errc::bad_setup);
	d.setup(4);
	EXPECT_EQ(d.timers(), 4U);
	EXPECT_EQ(d.ring().capacity(), 8U);
	EXPECT_EQ(code_of([&] { d.setup(4); }), errc::already_set_up);
	EXPECT_EQ(d.timers(), 4U);
}

TEST(device, info_of_a_kernel_that_does_not_end_its_texts)
{
	fake_kernel k(4, 8);

	EXPECT_EQ(k.device().info().clock, std::string(16, 'x'));
	EXPECT_EQ(k.device().info().mode, "");
}

TEST(device, older_module)
{
	fake_kernel k(4, 8);

	k.error = E2BIG;
	EXPECT_EQ(code_of([&] { (void)k.device(); }), errc::module_too_old);
}

TEST(device, ids_are_dense_and_come_back)
{
	fake_kernel k(3, 8);
	callout::device d = k.device();
	auto a = d.make_timer();
	std::optional b = d.make_timer();
	auto c = d.make_timer();

	EXPECT_EQ(a.id() + b->id() + c.id(), 0U + 1 + 2);
	EXPECT_EQ(code_of([&] { (void)d.make_timer(); }), errc::no_free_timer);
	const auto id = b->id();
	b.reset();
	EXPECT_EQ(d.make_timer<callout::boot_clock>().id(), id);
}

// ---- timers -----------------------------------------------------------------------------------

TEST(timer, arm_tells_the_kernel_all)
{
	fake_kernel k(2, 8);
	callout::device d = k.device();
	(void)d.make_timer();
	auto t = d.make_timer<std::chrono::system_clock>();
	const std::chrono::system_clock::time_point at(5s);

	EXPECT_FALSE(t.arm_at(
		at, {.interval = 1ms, .window = 20us, .user_data = 77, .clock_set_events = true}));
	const callout::abi::timer &a = k.timers[t.id()].arming;
	EXPECT_EQ(a.flags, CALLOUT_ARM_CLOCK_SET);
	EXPECT_EQ(a.clockid, CLOCK_REALTIME);
	EXPECT_EQ(a.deadline, 5'000'000'000U);
	EXPECT_EQ(a.interval, 1'000'000U);
	EXPECT_EQ(a.window, 20'000U);
	EXPECT_EQ(a.user_data, 77U);
	EXPECT_TRUE(t.arm_at(at));
	EXPECT_EQ(k.timers[t.id()].arming.flags, 0U);
	EXPECT_EQ(t.deadline(), at);
	EXPECT_EQ(t.status().deadline, at);
	EXPECT_TRUE(t.status().armed);
}

TEST(timer, after_is_relative)
{
	fake_kernel k(2, 8);
	callout::device d = k.device();
	auto t = d.make_timer();
	auto b = d.make_timer<callout::boot_clock>();

	t.arm_after(3ms);
	b.arm_after(-3ms);
	EXPECT_EQ(k.timers[t.id()].arming.flags, CALLOUT_ARM_RELATIVE);
	EXPECT_EQ(k.timers[t.id()].arming.deadline, 3'000'000U);
	EXPECT_EQ(k.timers[t.id()].arming.clockid, CLOCK_MONOTONIC);
	EXPECT_EQ(k.timers[b.id()].arming.deadline, 0U);
	EXPECT_EQ(k.timers[b.id()].arming.clockid, CLOCK_BOOTTIME);
}

TEST(timer, refused)
{
	fake_kernel k(1, 8);
	callout::device d = k.device();
	auto t = d.make_timer();
	std::error_code ec;

	EXPECT_EQ(code_of([&] { t.arm_after(1s, {.interval = -1ns}); }), errc::bad_time);
	EXPECT_FALSE(t.arm_after(1s, {.window = -1ns}, ec));
	EXPECT_EQ(ec, errc::bad_time);
	EXPECT_FALSE(t.armed());
	t.arm_after(1s, {}, ec);
	EXPECT_FALSE(ec);
	EXPECT_TRUE(t.armed());
}

TEST(timer, rearm_later_without_a_call)
{
	fake_kernel k(1, 8);
	callout::device d = k.device();
	auto t = d.make_timer();

	t.arm_at(time_at(10s), {.interval = 1s, .user_data = 5});
	k.calls.clear();
	EXPECT_EQ(t.rearm_at(time_at(11s)), rearmed::moved);
	EXPECT_EQ(t.rearm_at(time_at(11s)), rearmed::moved);
	EXPECT_EQ(t.rearm_at(time_at::max()), rearmed::moved);
	EXPECT_TRUE(k.calls.empty());
	EXPECT_EQ(t.deadline(), time_at::max());

	EXPECT_EQ(t.rearm_at(time_at(9s)), rearmed::replaced);
	EXPECT_EQ(k.calls.size(), 1U);
	EXPECT_EQ(k.timers[0].arming.interval, 1'000'000'000U);
	EXPECT_EQ(k.timers[0].arming.user_data, 5U);
	EXPECT_EQ(k.timers[0].arming.flags, 0U);
}

TEST(timer, rearm_of_one_that_has_expired)
{
	fake_kernel k(1, 8);
	callout::device d = k.device();
	auto t = d.make_timer();
	std::error_code ec = errc::no_timer;

	EXPECT_EQ(t.rearm_at(time_at(1s), ec), rearmed::anew);
	EXPECT_FALSE(ec);
	k.expire(0);
	EXPECT_FALSE(t.armed());
	EXPECT_EQ(t.rearm_at(time_at(2s)), rearmed::anew);
	EXPECT_TRUE(t.cancel());
	EXPECT_FALSE(t.cancel());
	EXPECT_EQ(t.rearm_at(time_at(3s)), rearmed::anew);
	k.error = EIO;
	EXPECT_EQ(code_of([&] { (void)t.rearm_at(time_at(2s)); }), std::errc::io_error);
	ec = errc::no_timer;
	EXPECT_EQ(t.rearm_at(time_at(4s), ec), rearmed::moved);
	EXPECT_FALSE(ec);
}

TEST(timer, rearmed_for_a_time_though_armed_after_another)
{
	fake_kernel k(1, 8);
	callout::device d = k.device();
	auto t = d.make_timer();

	t.arm_after(10s);
	EXPECT_EQ(t.rearm_at(time_at(2s)), rearmed::replaced);
	EXPECT_EQ(k.timers[0].arming.flags, 0U);
	EXPECT_EQ(t.deadline(), time_at(2s));
}

TEST(timer, rearm_after_saturates)
{
	fake_kernel k(1, 8);
	callout::device d = k.device();
	auto t = d.make_timer();

	t.arm_at(time_at(1ns));
	EXPECT_EQ(t.rearm_after(1s), rearmed::moved);
	EXPECT_GT(t.deadline(), std::chrono::steady_clock::now());
	EXPECT_LE(t.deadline(), std::chrono::steady_clock::now() + 1s);
	EXPECT_EQ(t.rearm_after(std::chrono::hours::max()), rearmed::moved);
	EXPECT_EQ(t.deadline(), time_at::max());
}

TEST(timer, destruction_cancels)
{
	fake_kernel k(2, 8);
	callout::device d = k.device();

	{
		auto t = d.make_timer();
		t.arm_after(1s);
		EXPECT_NE(*k.timers[0].slot, 0U);
	}
	EXPECT_EQ(*k.timers[0].slot, 0U);
}

TEST(timer, moved_from)
{
	fake_kernel k(2, 8);
	callout::device d = k.device();
	auto a = d.make_timer();
	a.arm_at(time_at(10s));
	auto b = std::move(a);

	// NOLINTBEGIN(bugprone-use-after-move)
	EXPECT_FALSE(a);
	EXPECT_FALSE(a.armed());
	EXPECT_FALSE(a.deadline());
	EXPECT_EQ(code_of([&] { a.arm_after(1s); }), errc::no_timer);
	EXPECT_EQ(code_of([&] { (void)a.rearm_at(time_at(20s)); }), errc::no_timer);
	EXPECT_EQ(code_of([&] { a.cancel(); }), errc::no_timer);
	EXPECT_EQ(code_of([&] { (void)a.status(); }), errc::no_timer);
	// NOLINTEND(bugprone-use-after-move)
	EXPECT_TRUE(b.armed());
	EXPECT_EQ(b.rearm_at(time_at(20s)), rearmed::moved);

	auto c = d.make_timer();
	const auto id = c.id();
	c.arm_after(1s);
	c = std::move(b);
	EXPECT_EQ(*k.timers[id].slot, 0U); // what c had was cancelled, and is free
	EXPECT_TRUE(c.armed());
	EXPECT_EQ(d.make_timer().id(), id);
	auto &same = c;
	c = std::move(same);
	EXPECT_TRUE(c.armed());
}

TEST(timer, outlives_its_device)
{
	fake_kernel k(2, 8);
	std::optional d = k.device();
	auto t = d->make_timer();

	d.reset();
	t.arm_at(time_at(1s));
	EXPECT_EQ(t.rearm_at(time_at(2s)), rearmed::moved);
}

// ---- batches ----------------------------------------------------------------------------------

TEST(batch, one_call)
{
	fake_kernel k(100, 128);
	callout::device d = k.device();
	std::vector<callout::timer> timers;
	callout::batch b(d);

	b.reserve(100);
	for (int i = 0; i < 100; i++) {
		timers.push_back(d.make_timer());
		EXPECT_EQ(
			b.arm_at(timers.back(), time_at(1s + i * 1ms), {.user_data = unsigned(i)}),
			unsigned(i));
	}
	EXPECT_TRUE(k.calls.empty());
	EXPECT_EQ(b.submit(), 0U);
	ASSERT_EQ(k.calls.size(), 1U);
	EXPECT_EQ(k.calls[0], std::pair(static_cast<unsigned long>(CALLOUT_IOC_ARM), 100U));
	for (unsigned i = 0; i < 100; i++) {
		EXPECT_EQ(timers[i].deadline(), time_at(1s + i * 1ms));
		EXPECT_EQ(k.timers[timers[i].id()].arming.user_data, i);
		EXPECT_FALSE(b.result(i).was_armed);
	}
	// The timers know how they were armed.
	EXPECT_EQ(timers[7].rearm_at(time_at(1s)), rearmed::replaced);
	EXPECT_EQ(k.timers[timers[7].id()].arming.user_data, 7U);
}

TEST(batch, elements_are_dealt_with_in_order)
{
	fake_kernel k(2, 8);
	callout::device d = k.device();
	auto a = d.make_timer(), c = d.make_timer();
	callout::batch b(d);

	b.arm_after(a, 1s);
	b.arm_after(c, 1s);
	b.cancel(a);
	b.arm_after(a, 2s);
	b.cancel(c);
	EXPECT_EQ(b.submit(), 0U);
	EXPECT_EQ(k.calls.size(), 4U);
	EXPECT_TRUE(a.armed());
	EXPECT_FALSE(c.armed());
	EXPECT_TRUE(b.result(2).was_armed);
	EXPECT_FALSE(b.result(3).was_armed);
	EXPECT_TRUE(b.result(4).was_armed);
	EXPECT_THROW((void)b.result(5), std::out_of_range);
	b.clear();
	EXPECT_EQ(b.size(), 0U);
	EXPECT_EQ(b.submit(), 0U);
}

TEST(batch, each_element_fails_by_itself)
{
	fake_kernel k(4, 8);
	callout::device d = k.device(), other = k.device();
	auto good = d.make_timer(), bad = d.make_timer(), foreign = other.make_timer();
	auto gone = d.make_timer(), to = std::move(gone);
	callout::batch b(d);

	b.arm_after(good, 1s);
	b.arm_after(bad, 1s, {.interval = -1s});
	b.arm_after(foreign, 1s);
	b.arm_after(gone, 1s); // NOLINT(bugprone-use-after-move)
	b.cancel(foreign);
	b.cancel(good);
	EXPECT_EQ(b.submit(), 4U);
	EXPECT_FALSE(b.result(0).error);
	EXPECT_EQ(b.result(1).error, errc::bad_time);
	EXPECT_EQ(b.result(2).error, errc::no_such_timer);
	EXPECT_EQ(b.result(3).error, errc::no_such_timer);
	EXPECT_EQ(b.result(4).error, errc::no_such_timer);
	EXPECT_TRUE(b.result(5).was_armed);
}

TEST(batch, kernel_that_stops_early_is_asked_again)
{
	fake_kernel k(100, 128);
	callout::device d = k.device();
	std::vector<callout::timer> timers;
	callout::batch b(d);

	k.at_most = 16;
	k.interrupts = 3;
	for (int i = 0; i < 100; i++) {
		timers.push_back(d.make_timer());
		b.arm_after(timers.back(), 1s);
	}
	EXPECT_EQ(b.submit(), 0U);
	EXPECT_EQ(k.calls.size(), 3U + 7);
	EXPECT_EQ(k.calls.back().second, 4U);
	for (const auto &t : timers)
		EXPECT_TRUE(t.armed());
}

TEST(batch, fails_as_a_whole)
{
	fake_kernel k(2, 8);
	callout::device d = k.device();
	auto t = d.make_timer();
	callout::batch b(d);

	b.arm_after(t, 1s);
	k.error = EFAULT;
	EXPECT_EQ(code_of([&] { b.submit(); }), std::errc::bad_address);
	EXPECT_EQ(b.result(0).error, std::errc::operation_canceled);
	k.error = 0;
	k.at_most = 0; // it never gets on
	std::error_code ec;
	EXPECT_EQ(b.submit(ec), 1U);
	EXPECT_EQ(ec, std::errc::io_error);
	k.at_most = 1;
}
