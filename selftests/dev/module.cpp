// SPDX-License-Identifier: GPL-2.0
// The module's parameters, and taking the module away. Leaves it loaded.
#include "device.hpp"

#include <array>

#include <sys/stat.h>
#include <sys/syscall.h>

namespace {

long unload()
{
	return result(::syscall(SYS_delete_module, "callout", O_NONBLOCK));
}

// As selftests/vm/busily says, the CPUs are not to be idle when the module comes or goes.
bool busily(const std::string &command)
{
	auto script = "[ ! -x /busily ] || busily=/busily; $busily " + command;
	return std::system(script.c_str()) == 0;
}

constexpr std::array parameters{"dev_max_timers", "dev_max_user_timers", "dev_min_interval_us",
				"dev_budget"};

} // namespace

CASE(parameters_are_numbers)
{
	for (auto name : parameters) {
		struct stat s {};
		auto before = Parameter::get(name);

		CHECK_EQ(::stat(Parameter::file(name).c_str(), &s), 0);
		CHECK_EQ(s.st_mode & 0777, 0644);
		for (auto wrong :
		     {"-1", "", "x", "4294967296", "1 2", "0x", "1.5", "99999999999999999999"}) {
			CHECK(!Parameter::set(name, wrong) || !*wrong);
			CHECK_EQ(Parameter::get(name), before);
		}
		for (u64 right : {u64{0}, u64{1}, u64{12345}, u64{0xffffffff}}) {
			CHECK(Parameter::set(name, std::to_string(right)));
			CHECK_EQ(Parameter::get(name), right);
		}
		CHECK(Parameter::set(name, std::to_string(before)));
	}
}

CASE(parameters_take_effect_at_once)
{
	Device d{4, 64};

	{
		Parameter p{"dev_min_interval_us", 20000};
		CHECK_EQ(d.info().min_interval_ns, 20 * ms);
		d.arm(timer_at(0, now(), ms));
		sleep_ns(200 * ms);
		d.cancel(0);
		auto n = d.events().size();
		CHECK(n >= 1 && n <= 12);
	}
	{
		Parameter p{"dev_min_interval_us", 0xffffffff};
		auto begin = now();
		d.arm(timer_at(0, begin - 10 * ms, ms));
		CHECK_EQ(d.events().size(), 1);
		CHECK(!d.ready(50));
		d.cancel(0);
	}
	{
		Parameter p{"dev_budget", 0xffffffff};
		CHECK_EQ(d.info().budget, 0xffffffff);
		d.arm(timer_in(0, ms));
		CHECK_EQ(d.await(1).size(), 1);
	}
}

CASE(in_use_it_stays)
{
	{
		Device d;
		CHECK_EQ(unload(), -EAGAIN);
	}
	Mapping map;
	{
		Device d{4, 4};
		d.arm(timer_in(0, 1000 * sec));
		CHECK_EQ(unload(), -EAGAIN);
		map = d.map_slots();
	}
	// The mapping is the last that there is of it.
	CHECK_EQ(unload(), -EAGAIN);
	CHECK_EQ(::access(path, F_OK), 0);
	Device d;
	CHECK_EQ(d.setup(1, 1), 0);
}

CASE_WITHIN(it_goes_and_comes, 120)
{
	if (::access("/m/callout.ko", R_OK))
		ktap::skip("the module is not in /m/callout.ko");
	{
		Device d{10000, 64};
		std::vector<callout_timer> t;
		for (u32 n = 0; n < 10000; n++)
			t.push_back(timer_in(n, n * 10 * us, 100 * us,
					     n % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME));
		d.arm(t);
		sleep_ns(20 * ms);
	}
	CHECK(busily("rmmod callout"));
	CHECK(::access(path, F_OK) != 0);
	CHECK(busily("insmod /m/callout.ko dev_max_timers=77"));
	CHECK_EQ(Device{}.info().max_timers, 77);
	Device d{1, 1};
	d.arm(timer_in(0, ms));
	CHECK_EQ(d.await(1).size(), 1);
	d.close();
	CHECK(busily("rmmod callout"));
	REQUIRE(busily("insmod /m/callout.ko"));
	CHECK_EQ(Device{}.info().max_timers, 1 << 20);
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
