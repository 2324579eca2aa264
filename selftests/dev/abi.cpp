// SPDX-License-Identifier: GPL-2.0
// The ABI, one wrong thing at a time. What a call writes to is filled with a pattern before, and
// looked at after it.
#include "device.hpp"

#include <algorithm>
#include <array>
#include <climits>
#include <csetjmp>
#include <cstring>

#include <sys/syscall.h>

namespace {

// The layout is the same everywhere.
static_assert(sizeof(callout_info) == 88 && offsetof(callout_info, resolution_ns) == 48);
static_assert(offsetof(callout_info, max_timers) == 64 && offsetof(callout_info, budget) == 84);
static_assert(sizeof(callout_setup) == 16);
static_assert(sizeof(callout_vector) == 24 && offsetof(callout_vector, entries) == 8);
static_assert(sizeof(callout_timer) == 48 && offsetof(callout_timer, deadline) == 16);
static_assert(offsetof(callout_timer, user_data) == 40);
static_assert(sizeof(callout_id) == 8);
static_assert(sizeof(callout_event) == 40 && offsetof(callout_event, fired_at) == 32);
static_assert(sizeof(callout_ring) == 128 && offsetof(callout_ring, tail) == 64);
static_assert(sizeof(callout_test) == 80 && offsetof(callout_test, arg) == 40);
static_assert(CALLOUT_IOC_INFO == 0xdc00 && CALLOUT_IOC_TEST == 0xdc05);

constexpr unsigned char pattern = 0xa5;

// Every byte of an argument, and some beyond it, so that what a call writes is seen.
template <typename T>
class Watched {
public:
	explicit Watched(const T &value)
	{
		bytes_.fill(pattern);
		std::memcpy(bytes_.data(), &value, sizeof(T));
		keep();
	}
	T *get() { return reinterpret_cast<T *>(bytes_.data()); }
	T *operator->() { return get(); }
	unsigned char &tail(std::size_t n) { return bytes_[sizeof(T) + n]; }
	void keep() { before_ = bytes_; }
	bool untouched() const { return bytes_ == before_; }

private:
	alignas(8) std::array<unsigned char, sizeof(T) + 8192> bytes_;
	std::array<unsigned char, sizeof(T) + 8192> before_;
};

callout_setup good_setup()
{
	return {sizeof(callout_setup), 0, 8, 8};
}

callout_info good_info()
{
	callout_info i;

	std::memset(&i, pattern, sizeof(i));
	i.size = sizeof(i);
	i.flags = 0;
	return i;
}

callout_vector good_vector(const void *entries, std::size_t count)
{
	return {sizeof(callout_vector), 0, address_of(entries), static_cast<u32>(count), 0};
}

callout_test good_test()
{
	callout_test t{};

	t.size = sizeof(t);
	std::strcpy(t.name, "order");
	t.arg = 10;
	return t;
}

constexpr std::array vector_commands{CALLOUT_IOC_ARM, CALLOUT_IOC_CANCEL, CALLOUT_IOC_GET};

// A call that fails so, and writes nothing.
template <typename T>
void refuse(const Device &d, unsigned command, Watched<T> &argument, int error)
{
	argument.keep();
	CHECK_EQ(d.call(command, argument.get()), -error);
	CHECK(argument.untouched());
}

// The rules for the size and the flags, of any argument. @works: what the good one returns.
template <typename T>
void check_size_and_flags(const Device &d, unsigned command, const T &good, long works)
{
	for (u32 size : {0U, 1U, 4U, 8U, static_cast<u32>(sizeof(T)) - 1}) {
		Watched a{good};
		a->size = size;
		refuse(d, command, a, EINVAL);
	}
	for (std::size_t at : {0, 1, 7, 8, 99}) {
		Watched a{good};
		a->size = sizeof(T) + 100;
		std::fill_n(&a.tail(0), 100, 0);
		a.tail(at) = 1;
		refuse(d, command, a, E2BIG);
	}
	for (u32 size : {1U << 20, ~0U}) {
		Watched a{good};
		a->size = size;
		refuse(d, command, a, E2BIG);
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		Watched a{good};
		a->flags = 1U << bit;
		refuse(d, command, a, EINVAL);
	}
	// Longer than the kernel knows, of a program of the future that wants nothing of it.
	for (u32 more : {1U, 8U, 100U, static_cast<u32>(page_size() - sizeof(T))}) {
		Watched a{good};
		a->size = static_cast<u32>(sizeof(T) + more);
		std::fill_n(&a.tail(0), more, 0);
		CHECK_EQ(d.call(command, a.get()), works);
		CHECK(std::all_of(&a.tail(0), &a.tail(0) + more, [](auto b) { return b == 0; }));
		CHECK_EQ(a.tail(more), pattern);
		works = works == 0 && command == CALLOUT_IOC_SETUP ? -EBUSY : works;
	}
}

// Memory that is not there, or not all of it.
template <typename T>
void check_memory(const Device &d, unsigned command, const T &good)
{
	Edge edge{page_size()};

	CHECK_EQ(d.call(command, nullptr), -EFAULT);
	CHECK_EQ(d.call(command, reinterpret_cast<void *>(8)), -EFAULT);
	CHECK_EQ(d.call(command, reinterpret_cast<void *>(~std::uintptr_t{0})), -EFAULT);
	CHECK_EQ(d.call(command, reinterpret_cast<void *>(~std::uintptr_t{0} << 12)), -EFAULT);
	for (std::size_t there = 0; there < sizeof(T); there++) {
		auto *p = edge.before(there);
		std::memcpy(p, &good, there);
		CHECK_EQ(d.call(command, p), -EFAULT);
		CHECK_EQ(std::memcmp(p, &good, there), 0);
	}
}

// Not where a structure of its kind would begin.
template <typename T>
T *unaligned(Mapping &memory, const T &value)
{
	auto *p = memory.bytes() + 3;

	std::memcpy(p, &value, sizeof(T));
	return reinterpret_cast<T *>(p);
}

sigjmp_buf back;

// The signal that comes of looking there, or 0.
int look_at(const volatile std::byte *at)
{
	struct sigaction action {};
	int signal;

	action.sa_handler = [](int s) { ::siglongjmp(back, s); };
	::sigaction(SIGBUS, &action, nullptr);
	::sigaction(SIGSEGV, &action, nullptr);
	signal = sigsetjmp(back, 1);
	if (!signal)
		static_cast<void>(*at);
	return signal;
}

} // namespace

CASE(unknown_commands)
{
	Device d{8, 8};
	Watched a{good_info()};

	for (unsigned nr = 6; nr < 256; nr++)
		refuse(d, _IO(CALLOUT_IOC_MAGIC, nr), a, ENOTTY);
	for (unsigned nr = 0; nr < 6; nr++) {
		for (unsigned magic : {0xCAU, 0xDBU, 0xDDU, 0xFFU})
			refuse(d, _IO(magic, nr), a, ENOTTY);
		refuse(d, _IOR(CALLOUT_IOC_MAGIC, nr, callout_info), a, ENOTTY);
		refuse(d, _IOW(CALLOUT_IOC_MAGIC, nr, callout_info), a, ENOTTY);
		refuse(d, _IOWR(CALLOUT_IOC_MAGIC, nr, callout_info), a, ENOTTY);
		refuse(d, _IO(CALLOUT_IOC_MAGIC, nr) | 1U << 31, a, ENOTTY);
	}
	refuse(d, ~0U, a, ENOTTY);
	CHECK_EQ(d.call(_IO(CALLOUT_IOC_MAGIC, 6), nullptr), -ENOTTY);
}

CASE(info_argument)
{
	Device d;
	Mapping memory{page_size()};

	check_size_and_flags(d, CALLOUT_IOC_INFO, good_info(), 0);
	check_memory(d, CALLOUT_IOC_INFO, good_info());
	CHECK_EQ(d.call(CALLOUT_IOC_INFO, unaligned(memory, good_info())), 0);
}

CASE(info_to_memory_that_is_read_only)
{
	Device d;
	Mapping memory{page_size()};

	*memory.as<callout_info>() = good_info();
	::mprotect(memory.bytes(), page_size(), PROT_READ);
	CHECK_EQ(d.call(CALLOUT_IOC_INFO, memory.bytes()), -EFAULT);
	auto good = good_info();
	CHECK_EQ(std::memcmp(memory.bytes(), &good, sizeof(good)), 0);
}

CASE(info_tells)
{
	Device d;
	Watched a{good_info()};

	REQUIRE_EQ(d.call(CALLOUT_IOC_INFO, a.get()), 0);
	CHECK_EQ(a->size, sizeof(callout_info));
	CHECK_EQ(a->flags, 0);
	CHECK_EQ(a->features & ~CALLOUT_FEATURE_TEST, 0);
	CHECK(::strnlen(a->clock, sizeof(a->clock)) < sizeof(a->clock) && a->clock[0]);
	std::string mode{a->mode, ::strnlen(a->mode, sizeof(a->mode))};
	CHECK(mode == "deadline" || mode == "periodic");
	for (auto n = ::strlen(a->clock); n < sizeof(a->clock); n++)
		CHECK_EQ(a->clock[n], 0);
	for (auto n = mode.size(); n < sizeof(a->mode); n++)
		CHECK_EQ(a->mode[n], 0);
	CHECK(a->resolution_ns > 0 && a->resolution_ns < sec);
	CHECK_EQ(a->min_interval_ns, Parameter::get("dev_min_interval_us") * us);
	CHECK_EQ(a->max_timers, Parameter::get("dev_max_timers"));
	CHECK_EQ(a->max_user_timers, Parameter::get("dev_max_user_timers"));
	CHECK_EQ(a->budget, Parameter::get("dev_budget"));
	CHECK_EQ(a->max_events, std::bit_ceil(a->max_timers));
	CHECK_EQ(a->timers, 0);
	CHECK_EQ(a->events, 0);
	REQUIRE_EQ(d.setup(100, 5), 0);
	CHECK_EQ(d.info().timers, 100);
	CHECK_EQ(d.info().events, 8);
}

CASE(setup_argument)
{
	Mapping memory{page_size()};

	{
		Device d;
		check_size_and_flags(d, CALLOUT_IOC_SETUP, good_setup(), 0);
	}
	{
		Device d;
		check_memory(d, CALLOUT_IOC_SETUP, good_setup());
		CHECK_EQ(d.info().timers, 0);
		CHECK_EQ(d.call(CALLOUT_IOC_SETUP, unaligned(memory, good_setup())), 0);
	}
	// It is only read.
	Device d;
	*memory.as<callout_setup>() = good_setup();
	::mprotect(memory.bytes(), page_size(), PROT_READ);
	CHECK_EQ(d.call(CALLOUT_IOC_SETUP, memory.bytes()), 0);
}

CASE(setup_out_of_range)
{
	Device d;
	auto info = d.info();

	for (u32 timers : {0U, info.max_timers + 1, 1U << 24, 1U << 31, ~0U}) {
		Watched a{good_setup()};
		a->timers = timers;
		refuse(d, CALLOUT_IOC_SETUP, a, EINVAL);
	}
	for (u32 events : {0U, info.max_events + 1, (1U << 31) + 1, ~0U}) {
		Watched a{good_setup()};
		a->events = events;
		refuse(d, CALLOUT_IOC_SETUP, a, EINVAL);
	}
	CHECK_EQ(d.info().timers, 0);
	CHECK_EQ(d.setup(1, 1), 0);
}

CASE(setup_once)
{
	Device d;

	REQUIRE_EQ(d.setup(3, 2), 0);
	Watched a{good_setup()};
	refuse(d, CALLOUT_IOC_SETUP, a, EBUSY);
	CHECK_EQ(d.info().timers, 3);
	CHECK_EQ(d.info().events, 2);
	CHECK_EQ(d.arm(timer_at(2, 0)), 0);
	CHECK_EQ(d.events().size(), 1);
	// By another handle of the same, too.
	Device other{Fd{::dup(d.get())}};
	CHECK_EQ(other.setup(1, 1), -EBUSY);
}

CASE(setup_rounds_events_up)
{
	for (u32 events : {1U, 2U, 3U, 4U, 5U, 1000U, 1023U, 1024U, 1025U}) {
		Device d{1, events};
		CHECK_EQ(d.info().events, std::bit_ceil(events));
		CHECK_EQ(Ring{d}.raw().size, std::bit_ceil(events));
	}
}

CASE(setup_by_many_at_once)
{
	for (int round = 0; round < 50; round++) {
		Device d;
		std::atomic<int> done = 0, busy = 0;
		std::vector<std::thread> threads;

		for (u32 n = 0; n < 4; n++)
			threads.emplace_back([&, n] {
				auto err = d.setup(n + 1, n + 1);
				done += err == 0;
				busy += err == -EBUSY;
			});
		for (auto &t : threads)
			t.join();
		CHECK_EQ(done, 1);
		CHECK_EQ(busy, 3);
	}
}

CASE(before_setup)
{
	Device d{O_RDWR | O_NONBLOCK};
	std::array<std::byte, 64> entries;

	entries.fill(std::byte{pattern});
	for (auto command : vector_commands)
		for (u32 count : {0U, 1U}) {
			Watched a{good_vector(entries.data(), count)};
			refuse(d, command, a, ENXIO);
		}
	CHECK(std::all_of(entries.begin(), entries.end(),
			  [](auto b) { return b == std::byte{pattern}; }));
	callout_event e;
	CHECK_EQ(d.read({&e, 1}), -ENXIO);
	for (off_t offset : {CALLOUT_MMAP_SLOTS, CALLOUT_MMAP_EVENTS}) {
		CHECK(!d.map(offset, page_size()));
		CHECK_EQ(errno, ENXIO);
	}
	CHECK_EQ(d.poll(0), POLLERR);
	CHECK_EQ(d.setup(1, 1), 0);
	CHECK_EQ(d.poll(0), 0);
}

CASE(vector_argument)
{
	Device d{8, 8};
	std::array<callout_timer, 2> t;
	Mapping memory{page_size()};

	for (auto command : vector_commands) {
		std::memset(t.data(), 0, sizeof(t));
		auto good = good_vector(t.data(), 2);
		check_size_and_flags(d, command, good, 2);
		check_memory(d, command, good);
		CHECK_EQ(d.call(command, unaligned(memory, good)), 2);
		for (unsigned bit = 0; bit < 32; bit++) {
			Watched a{good};
			a->reserved = 1U << bit;
			refuse(d, command, a, EINVAL);
		}
		for (u32 count : {u32{INT_MAX} + 1, ~0U}) {
			Watched a{good};
			a->count = count;
			refuse(d, command, a, EINVAL);
		}
	}
}

CASE(vector_counts)
{
	Device d{100, 128};
	std::vector<callout_timer> t;
	std::vector<callout_id> id;

	for (std::size_t count : {0, 1, 2, 15, 16, 17, 31, 32, 33, 100}) {
		t.clear();
		id.clear();
		for (u32 n = 0; n < count; n++) {
			t.push_back(timer_in(n, 1000 * sec));
			id.push_back({n, -12345});
		}
		auto all = [&](auto &v, int expected) {
			return std::all_of(v.begin(), v.end(),
					   [=](auto &e) { return e.result == expected; });
		};
		// Nothing is looked at where nothing is to be done.
		auto *entries = count ? t.data() : reinterpret_cast<callout_timer *>(8);
		CHECK_EQ(d.vector(CALLOUT_IOC_ARM, entries, count), count);
		CHECK(all(t, 0));
		CHECK_EQ(d.arm(t), count);
		CHECK(all(t, 1));
		CHECK_EQ(d.vector(CALLOUT_IOC_GET, t.data(), count), count);
		CHECK(all(t, 1));
		CHECK_EQ(d.vector(CALLOUT_IOC_CANCEL, id.data(), count), count);
		CHECK(all(id, 1));
		CHECK_EQ(d.vector(CALLOUT_IOC_CANCEL, id.data(), count), count);
		CHECK(all(id, 0));
	}
}

CASE(vector_entries_that_are_nowhere)
{
	Device d{8, 8};

	for (auto command : vector_commands)
		for (u64 entries :
		     {u64{0}, u64{8}, ~u64{0}, ~u64{0} - 16, u64{1} << 63, u64{1} << 47,
		      (u64{1} << 47) - 4096, u64{1} << 32, u64{0xffffffff81000000}}) {
			for (u32 count : {1U, 16U, 17U, u32{INT_MAX}}) {
				// There might be something, on 64 bits.
				if (sizeof(void *) == 8 && entries == u64{1} << 32)
					continue;
				Watched a{good_vector(nullptr, count)};
				a->entries = entries;
				refuse(d, command, a, EFAULT);
			}
		}
}

CASE(vector_that_ends_where_nothing_is)
{
	// Whole elements that are there count, and a part of the next one is left alone.
	for (std::size_t whole : {0, 1, 7, 15, 16, 17, 24, 32, 39})
		for (std::size_t part : {0, 4, 8, 12, 47}) {
			Device d{64, 64};
			Edge edge{page_size()};
			auto size = whole * sizeof(callout_timer) + part;
			auto *bytes = edge.before(size);
			auto *t = reinterpret_cast<callout_timer *>(bytes);
			std::vector<callout_timer> all;

			for (u32 n = 0; n < 40; n++)
				all.push_back(timer_in(n, 1000 * sec));
			auto pristine = all;
			std::memcpy(bytes, all.data(), size);
			CHECK_EQ(d.vector(CALLOUT_IOC_ARM, t, 40),
				 whole ? static_cast<long>(whole) : -EFAULT);
			for (u32 n = 0; n < 40; n++) {
				if (n < whole)
					CHECK_EQ(t[n].result, 0);
				CHECK_EQ(d.armed(n), n < whole);
			}
			CHECK_EQ(std::memcmp(bytes + whole * sizeof(*t), &pristine[whole], part),
				 0);

			REQUIRE_EQ(d.arm(all), 40);
			CHECK_EQ(d.vector(CALLOUT_IOC_GET, t, 40),
				 whole ? static_cast<long>(whole) : -EFAULT);
			for (u32 n = 0; n < whole; n++)
				CHECK_EQ(t[n].result, 1);
			CHECK_EQ(std::memcmp(bytes + whole * sizeof(*t), &pristine[whole], part),
				 0);
		}
	for (std::size_t whole : {0, 1, 7, 15, 16, 17, 24, 32, 39})
		for (std::size_t part : {0, 4, 7}) {
			Device d{64, 64};
			Edge edge{page_size()};
			auto *id = edge.before<callout_id>(whole * sizeof(callout_id) + part);
			std::vector<callout_timer> all;

			for (u32 n = 0; n < 40; n++)
				all.push_back(timer_in(n, 1000 * sec));
			REQUIRE_EQ(d.arm(all), 40);
			for (u32 n = 0; n < whole; n++)
				id[n] = {n, -12345};
			CHECK_EQ(d.vector(CALLOUT_IOC_CANCEL, id, 40),
				 whole ? static_cast<long>(whole) : -EFAULT);
			for (u32 n = 0; n < 40; n++) {
				if (n < whole)
					CHECK_EQ(id[n].result, 1);
				CHECK_EQ(d.armed(n), n >= whole);
			}
		}
}

CASE(vector_whose_results_cannot_be_written)
{
	// What is returned has a result.
	for (std::size_t writable : {0, 1, 7, 15, 16, 17, 24, 32, 39}) {
		Device d{64, 64};
		Edge edge{page_size(), PROT_READ | PROT_WRITE};
		auto *t = edge.before<callout_timer>(writable * sizeof(callout_timer));
		auto *boundary = reinterpret_cast<std::byte *>(t + writable);

		for (auto command : vector_commands) {
			auto element =
				command == CALLOUT_IOC_CANCEL ? sizeof(callout_id) : sizeof(*t);
			auto *from = boundary - writable * element;

			::mprotect(boundary, page_size(), PROT_READ | PROT_WRITE);
			std::memset(edge.before(0) - page_size(), pattern, 2 * page_size());
			for (u32 n = 0; n < 40; n++) {
				callout_id id{n, -12345};
				auto timer = timer_in(n, 1000 * sec);
				std::memcpy(from + n * element,
					    element == sizeof(id) ? static_cast<void *>(&id)
								  : &timer,
					    element);
			}
			std::vector<std::byte> before{boundary, boundary + page_size()};
			::mprotect(boundary, page_size(), PROT_READ);
			CHECK_EQ(d.vector(command, from, 40),
				 writable ? static_cast<long>(writable) : -EFAULT);
			CHECK_EQ(std::memcmp(boundary, before.data(), page_size()), 0);
			for (u32 n = 0; n < writable; n++) {
				int r;
				std::memcpy(&r,
					    from + n * element +
						    (element == sizeof(callout_id) ? 4 : 12),
					    sizeof(r));
				CHECK_EQ(r, command == CALLOUT_IOC_CANCEL ? 1 : 0);
			}
		}
	}
}

CASE(unknown_ids)
{
	Device d{10, 16};

	for (u32 id : {10U, 11U, 1U << 24, 1U << 31, ~0U}) {
		std::array t{timer_in(0, 1000 * sec), timer_in(id, 1000 * sec),
			     timer_in(9, 1000 * sec)};
		auto before = t;
		CHECK_EQ(d.arm(t), 3);
		CHECK_EQ(t[0].result, 0);
		CHECK_EQ(t[1].result, -ENOENT);
		CHECK_EQ(t[2].result, 0);
		for (std::size_t n = 0; n < 3; n++) {
			before[n].result = t[n].result;
			CHECK_EQ(std::memcmp(&t[n], &before[n], sizeof(t[n])), 0);
		}
		std::memset(&t[1], pattern, sizeof(t[1]));
		t[1].id = id;
		before = t;
		CHECK_EQ(d.vector(CALLOUT_IOC_GET, t.data(), 3), 3);
		CHECK_EQ(t[0].result, 1);
		CHECK_EQ(t[1].result, -ENOENT);
		CHECK_EQ(t[2].result, 1);
		before[1].result = -ENOENT;
		CHECK_EQ(std::memcmp(&t[1], &before[1], sizeof(t[1])), 0);

		std::array<callout_id, 3> i{{{0, -12345}, {id, -12345}, {9, -12345}}};
		CHECK_EQ(d.vector(CALLOUT_IOC_CANCEL, i.data(), 3), 3);
		CHECK_EQ(i[0].result, 1);
		CHECK_EQ(i[1].result, -ENOENT);
		CHECK_EQ(i[1].id, id);
		CHECK_EQ(i[2].result, 1);
	}
}

CASE(arm_with_a_wrong_field)
{
	Device d{2, 16};
	auto good = timer_at(0, now() + 1000 * sec, 7 * sec, 0);

	good.window = 5 * ms;
	good.user_data = 0x0123456789abcdef;
	REQUIRE_EQ(d.arm(good), 0);
	auto armed = d.look(0);
	auto wrong = [&](auto &&change) {
		std::array<callout_timer, 1> t{good};
		t[0].user_data = 99;
		change(t[0]);
		auto before = t[0];
		CHECK_EQ(d.arm(t), 1);
		CHECK_EQ(t[0].result, -EINVAL);
		before.result = -EINVAL;
		CHECK_EQ(std::memcmp(&before, &t[0], sizeof(before)), 0);
		// It goes on as it was.
		auto after = d.look(0);
		CHECK_EQ(std::memcmp(&armed, &after, sizeof(armed)), 0);
	};
	for (unsigned bit = 2; bit < 32; bit++)
		wrong([=](auto &t) { t.flags |= 1U << bit; });
	for (int clock = -20; clock < 32; clock++)
		if (clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME && clock != CLOCK_REALTIME)
			wrong([=](auto &t) { t.clockid = clock; });
	for (int clock : {INT_MIN, INT_MAX, 256, 1 << 16 | 1})
		wrong([=](auto &t) { t.clockid = clock; });
	for (int clock : {CLOCK_MONOTONIC, CLOCK_BOOTTIME})
		for (u32 flags :
		     {CALLOUT_ARM_CLOCK_SET, CALLOUT_ARM_CLOCK_SET | CALLOUT_ARM_RELATIVE})
			wrong([=](auto &t) { t.clockid = clock, t.flags = flags; });
	wrong([](auto &t) {
		t.clockid = CLOCK_REALTIME, t.flags = CALLOUT_ARM_CLOCK_SET | CALLOUT_ARM_RELATIVE;
	});
	for (u64 time :
	     {time_max + 1, time_max + 2, ~u64{0}, static_cast<u64>(-static_cast<s64>(sec))}) {
		wrong([=](auto &t) { t.deadline = time; });
		wrong([=](auto &t) { t.deadline = time, t.flags = CALLOUT_ARM_RELATIVE; });
		wrong([=](auto &t) { t.interval = time; });
		wrong([=](auto &t) { t.window = time; });
	}
	CHECK_EQ(d.events().size(), 0);
}

CASE(arm_with_the_largest_times)
{
	Device d{12, 16};
	u32 id = 0;

	for (int clock : {CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_REALTIME}) {
		for (u32 flags : {0U, CALLOUT_ARM_RELATIVE}) {
			auto t = timer_at(id, time_max, time_max, flags, clock);
			t.window = time_max;
			CHECK_EQ(d.arm(t), 0);
			CHECK(d.armed(id));
			CHECK_EQ(d.look(id).deadline, time_max);
			CHECK_EQ(d.look(id).interval, time_max);
			id++;
			t = timer_at(id, time_max - 1, 1, flags, clock);
			CHECK_EQ(d.arm(t), 0);
			CHECK(d.armed(id));
			id++;
		}
	}
	CHECK(!d.ready(50));
}

CASE(get_tells)
{
	Device d{2, 16};
	callout_timer t;

	std::memset(&t, pattern, sizeof(t));
	t.id = 1;
	REQUIRE_EQ(d.vector(CALLOUT_IOC_GET, &t, 1), 1);
	CHECK_EQ(t.id, 1);
	CHECK_EQ(t.result, 0);
	CHECK_EQ(t.flags, 0);
	CHECK_EQ(t.deadline, 0);
	CHECK_EQ(t.interval, 0);
	CHECK_EQ(t.window, 0);
	CHECK_EQ(t.user_data, 0);

	auto at = now(CLOCK_REALTIME) + 1000 * sec;
	auto set = timer_at(1, at, 3 * sec, CALLOUT_ARM_CLOCK_SET, CLOCK_REALTIME);
	set.window = 10 * ms;
	set.user_data = ~u64{0};
	CHECK_EQ(d.arm(set), 0);
	t = d.look(1);
	CHECK_EQ(t.result, 1);
	CHECK_EQ(t.flags, CALLOUT_ARMED | CALLOUT_ARM_CLOCK_SET);
	CHECK_EQ(t.clockid, CLOCK_REALTIME);
	CHECK_EQ(t.deadline, at);
	CHECK_EQ(t.interval, 3 * sec);
	CHECK_EQ(t.window, 10 * ms);
	CHECK_EQ(t.user_data, ~u64{0});

	auto begin = now();
	CHECK_EQ(d.arm(timer_in(1, 1000 * sec, 0, CLOCK_REALTIME)), 1);
	t = d.look(1);
	CHECK_EQ(t.flags, CALLOUT_ARMED);
	CHECK_EQ(t.clockid, CLOCK_MONOTONIC);
	CHECK(t.deadline >= begin + 1000 * sec && t.deadline <= now() + 1000 * sec);

	begin = now(CLOCK_BOOTTIME);
	CHECK_EQ(d.arm(timer_in(1, 1000 * sec, 0, CLOCK_BOOTTIME)), 1);
	t = d.look(1);
	CHECK_EQ(t.clockid, CLOCK_BOOTTIME);
	CHECK(t.deadline >= begin + 1000 * sec && t.deadline <= now(CLOCK_BOOTTIME) + 1000 * sec);

	CHECK_EQ(d.cancel(1), 1);
	t = d.look(1);
	CHECK_EQ(t.result, 0);
	CHECK_EQ(t.flags & CALLOUT_ARMED, 0);
	CHECK_EQ(t.deadline, 0);
}

CASE(windows_are_kept)
{
	Device d{1, 1};

	// To 26 bits, and never more than was asked for.
	for (u64 window = 1; window <= time_max / 2; window = window * 3 / 2 + 1) {
		auto t = timer_in(0, 1000 * sec);
		t.window = window;
		d.arm(t);
		auto kept = d.look(0).window;
		CHECK(kept <= window);
		if (window < u64{1} << 57)
			CHECK(window - kept <= window >> 26);
	}
}

CASE(map_errors)
{
	Device d{1500, 300};
	auto slots = whole_pages(1500 * sizeof(u64));
	auto ring = whole_pages(sizeof(callout_ring) + 512 * sizeof(callout_event));
	auto refused = [&](off_t offset, std::size_t size, int protection, int flags, int error) {
		auto m = d.map(offset, size, protection, flags);
		CHECK(!m);
		if (!m)
			CHECK_EQ(errno, error);
	};
	constexpr int rw = PROT_READ | PROT_WRITE;
	auto page = static_cast<off_t>(page_size());

	for (auto [offset, size] : {std::pair{off_t{CALLOUT_MMAP_SLOTS}, slots},
				    std::pair{off_t{CALLOUT_MMAP_EVENTS}, ring}}) {
		CHECK(d.map(offset, size));
		CHECK(d.map(offset, page_size()));
		CHECK(d.map(offset + page, size - page_size()));
		CHECK(d.map(offset, size, PROT_READ));
		refused(offset, size, rw, MAP_PRIVATE, EINVAL);
		refused(offset, size, PROT_READ, MAP_PRIVATE, EINVAL);
		refused(offset, size + page_size(), rw, MAP_SHARED, EINVAL);
		refused(offset + page, size, rw, MAP_SHARED, EINVAL);
		refused(offset + static_cast<off_t>(size), page_size(), rw, MAP_SHARED, EINVAL);
		refused(offset, 0, rw, MAP_SHARED, EINVAL);
		refused(offset, size_t{1} << 30, rw, MAP_SHARED, EINVAL);
		refused(offset + 1, page_size(), rw, MAP_SHARED, EINVAL);
	}
	for (off_t offset : {off_t{CALLOUT_MMAP_EVENTS} - page, off_t{CALLOUT_MMAP_EVENTS} * 2,
			     off_t{1} << 31, off_t{1} << 40, (off_t{1} << 43) - page})
		refused(offset, page_size(), rw, MAP_SHARED, EINVAL);
	// Over the hole, from one to the other.
	refused(0, CALLOUT_MMAP_EVENTS + page_size(), rw, MAP_SHARED, EINVAL);
}

CASE(map_of_one_that_is_read_only)
{
	Device d{8, 8, O_RDONLY | O_NONBLOCK};

	CHECK(d.map(0, page_size(), PROT_READ));
	CHECK(!d.map(0, page_size()));
	CHECK_EQ(errno, EACCES);
	CHECK_EQ(d.arm(timer_at(0, 0)), 0);
	CHECK_EQ(d.events().size(), 1);
}

CASE(map_that_grows)
{
	Device d{8, 8};
	auto m = d.map_slots();
	auto *grown = static_cast<std::byte *>(
		::mremap(m.bytes(), page_size(), 3 * page_size(), MREMAP_MAYMOVE));

	m = Mapping{};
	if (grown != MAP_FAILED) {
		CHECK_EQ(look_at(grown), 0);
		CHECK_EQ(look_at(grown + page_size()), SIGBUS);
	}
}

CASE(maps_show_the_same)
{
	Device d{1500, 8};
	Slots a{d}, b{d};
	auto second = d.map(static_cast<off_t>(page_size()), page_size());

	d.arm(timer_at(1000, 77 * 1000 * sec));
	CHECK_EQ(a[1000].load(), 77 * 1000 * sec);
	CHECK_EQ(b[1000].load(), 77 * 1000 * sec);
	CHECK_EQ(second.as<u64>()[1000 - page_size() / sizeof(u64)], 77 * 1000 * sec);
	// What is beyond the tables, to the end of the page, is nobody's.
	for (u32 n = 1500; n < whole_pages(1500 * sizeof(u64)) / sizeof(u64); n++)
		CHECK_EQ(a[n].load(), 0);
}

CASE(read_errors)
{
	Device d{8, 8};
	std::array<std::byte, 400> buffer;
	// The compiler knows what read() may be given.
	auto read = [&](void *to, std::size_t n) {
		return result(::syscall(SYS_read, d.get(), to, n));
	};

	for (std::size_t n : {0, 1, 39})
		CHECK_EQ(read(buffer.data(), n), -EINVAL);
	CHECK_EQ(read(buffer.data(), 40), -EAGAIN);
	CHECK_EQ(read(nullptr, 40), -EAGAIN);
	for (u32 id = 0; id < 5; id++)
		d.arm(timer_at(id, 1));
	for (std::size_t n : {0, 1, 39})
		CHECK_EQ(read(buffer.data(), n), -EINVAL);
	CHECK_EQ(read(nullptr, 40), -EFAULT);
	CHECK_EQ(read(reinterpret_cast<void *>(8), 400), -EFAULT);

	// Whole events, and no byte beyond them.
	for (std::size_t n : {40, 41, 79}) {
		buffer.fill(std::byte{pattern});
		CHECK_EQ(read(buffer.data(), n), 40);
		CHECK(std::all_of(buffer.begin() + 40, buffer.end(),
				  [](auto b) { return b == std::byte{pattern}; }));
	}
	buffer.fill(std::byte{pattern});
	CHECK_EQ(read(buffer.data(), 400), 80);
	CHECK(std::all_of(buffer.begin() + 80, buffer.end(),
			  [](auto b) { return b == std::byte{pattern}; }));
	CHECK_EQ(read(buffer.data(), 400), -EAGAIN);
}

CASE(read_to_memory_that_ends)
{
	// Events that found their place are taken, the others stay.
	for (std::size_t room : {0, 39, 40, 79, 80, 100, 120}) {
		Device d{8, 8};
		Edge edge{page_size()};

		for (u32 id = 0; id < 3; id++)
			d.arm(timer_at(id, 1));
		auto n = result(::read(d.get(), edge.before(room), 400));
		CHECK_EQ(n, room < 40 ? -EFAULT : static_cast<long>(room / 40 * 40));
		auto rest = d.events();
		CHECK_EQ(rest.size(), 3 - room / 40);
		for (std::size_t k = 0; k < rest.size(); k++)
			CHECK_EQ(rest[k].id, k + room / 40);
	}
}

CASE(other_calls)
{
	Device d{8, 8};
	std::array<char, 64> buffer{};

	d.arm(timer_at(0, 1));
	CHECK_EQ(result(::write(d.get(), buffer.data(), 64)), -EINVAL);
	CHECK_EQ(result(::pread(d.get(), buffer.data(), 64, 0)), -ESPIPE);
	CHECK_EQ(result(::lseek(d.get(), 0, SEEK_SET)), -ESPIPE);
	CHECK(result(::ftruncate(d.get(), 0)) < 0);
	Device w{8, 8, O_WRONLY};
	CHECK_EQ(result(::read(w.get(), buffer.data(), 64)), -EBADF);
}

CASE(test_argument)
{
	Device d;

	for (u32 size : {0U, 8U, static_cast<u32>(sizeof(callout_test)) - 1}) {
		Watched a{good_test()};
		a->size = size;
		refuse(d, CALLOUT_IOC_TEST, a, EINVAL);
	}
	Watched big{good_test()};
	big->size += 8;
	refuse(d, CALLOUT_IOC_TEST, big, E2BIG);
	Watched flags{good_test()};
	flags->flags = 1;
	refuse(d, CALLOUT_IOC_TEST, flags, EINVAL);
	CHECK_EQ(d.call(CALLOUT_IOC_TEST, nullptr), -EFAULT);
}

CASE(test_only_where_it_is_wanted)
{
	Device d;

	if (d.info().features & CALLOUT_FEATURE_TEST)
		ktap::skip("the module was loaded with selftest=1");
	Watched a{good_test()};
	refuse(d, CALLOUT_IOC_TEST, a, EOPNOTSUPP);
}

CASE(test_errors)
{
	Device d;

	if (!(d.info().features & CALLOUT_FEATURE_TEST))
		ktap::skip("the module was loaded without selftest=1");
	Watched unknown{good_test()};
	std::strcpy(unknown->name, "no such thing");
	refuse(d, CALLOUT_IOC_TEST, unknown, ENOENT);
	Watched unnamed{good_test()};
	std::memset(unnamed->name, 'x', sizeof(unnamed->name));
	refuse(d, CALLOUT_IOC_TEST, unnamed, EINVAL);
	Watched none{good_test()};
	none->arg = 0;
	refuse(d, CALLOUT_IOC_TEST, none, EINVAL);
	Watched many{good_test()};
	many->arg = u64{1} << 40;
	refuse(d, CALLOUT_IOC_TEST, many, EINVAL);
	CHECK(in_child([] {
		Device own;
		auto t = good_test();
		return ::setuid(1000) == 0 && own.call(CALLOUT_IOC_TEST, &t) == -EPERM;
	}));
}

CASE(test_scenarios)
{
	Device d;

	if (!(d.info().features & CALLOUT_FEATURE_TEST))
		ktap::skip("the module was loaded without selftest=1");
	auto run = [&](const char *name, u64 n) {
		auto t = good_test();
		::snprintf(t.name, sizeof(t.name), "%s", name);
		t.arg = n;
		CHECK_EQ(d.call(CALLOUT_IOC_TEST, &t), 0);
		return t;
	};
	auto order = run("order", 1000);
	CHECK_EQ(order.result[0], 1000);
	CHECK_EQ(order.result[1], 0);
	auto moves = run("moves", 1000);
	CHECK_EQ(moves.result[0], 1000);
	CHECK_EQ(moves.result[1], 0);
	auto stop = run("stop", 1000);
	CHECK_EQ(stop.result[0], 1000);
	CHECK_EQ(stop.result[1] + stop.result[2], 1000);
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
