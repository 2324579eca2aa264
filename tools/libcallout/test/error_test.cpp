// SPDX-License-Identifier: MIT
// Errors say what to do, and compare with std::errc.
#include <callout/callout.hpp>
#include <cerrno>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <system_error>

using callout::errc;
using callout::detail::call;
using callout::detail::error_of;

template <class F>
static std::string what(F &&f)
{
	try {
		f();
	} catch (const std::system_error &e) {
		return e.what();
	}
	return "nothing was thrown";
}

TEST(error, no_device)
{
	EXPECT_EQ(what([] { (void)callout::device::open("/nonexistent"); }),
		  "cannot open /nonexistent: No such file or directory: load the module (modprobe "
		  "callout)");
	std::error_code ec;
	EXPECT_FALSE(callout::device::open(ec, "/nonexistent"));
	EXPECT_EQ(ec, errc::no_device);
	EXPECT_EQ(ec, std::errc::no_such_file_or_directory);
}

TEST(error, not_a_callout_device)
{
	std::error_code ec;

	EXPECT_FALSE(callout::device::open(ec, "/dev/null"));
	EXPECT_EQ(ec, errc::not_callout);
	EXPECT_NE(what([] { callout::device(1, 1, "/dev/null"); }).find("Not a callout device"),
		  std::string::npos);
}

TEST(error, same_number_other_meaning)
{
	EXPECT_EQ(error_of(call::open, ENOENT), errc::no_device);
	EXPECT_EQ(error_of(call::element, ENOENT), errc::no_such_timer);
	EXPECT_EQ(error_of(call::open, EACCES), errc::no_permission);
	EXPECT_EQ(error_of(call::setup, EINVAL), errc::bad_setup);
	EXPECT_EQ(error_of(call::element, EINVAL), errc::bad_time);
	EXPECT_EQ(error_of(call::setup, EDQUOT), errc::too_many_timers);
	EXPECT_EQ(error_of(call::vector, ENXIO), errc::not_set_up);
}

TEST(error, conditions)
{
	EXPECT_EQ(std::error_code(errc::no_permission), std::errc::permission_denied);
	EXPECT_EQ(std::error_code(errc::bad_time), std::errc::invalid_argument);
	EXPECT_EQ(std::error_code(errc::no_timer), std::errc::bad_file_descriptor);
	EXPECT_EQ(std::error_code(errc::no_memory), std::errc::not_enough_memory);
	EXPECT_NE(std::error_code(errc::no_memory), std::errc::invalid_argument);
	EXPECT_EQ(std::make_error_code(std::errc::io_error), std::errc::io_error);
}

TEST(error, what_is_not_ours_is_the_systems)
{
	EXPECT_EQ(error_of(call::open, EMFILE), std::error_code(EMFILE, std::system_category()));
	EXPECT_EQ(error_of(call::element, ECANCELED), std::errc::operation_canceled);
}

TEST(error, each_has_a_text_of_its_own)
{
	std::set<std::string> texts;

	for (int e = 1; e <= static_cast<int>(errc::buffer_too_small); e++)
		EXPECT_TRUE(texts.insert(callout::category().message(e)).second) << e;
	EXPECT_FALSE(texts.contains("Unknown error"));
	EXPECT_EQ(callout::category().message(0), "Unknown error");
	EXPECT_EQ(callout::category().message(1000), "Unknown error");
	EXPECT_STREQ(callout::category().name(), "callout");
	for (const std::string &t : texts)
		EXPECT_NE(t.back(), '.') << t;
}
