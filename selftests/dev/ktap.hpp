// SPDX-License-Identifier: GPL-2.0
// Test cases that say how they went in KTAP, each in a process of its own.
//
//	CASE(title) { CHECK_EQ(actual, expected); }
//	int main(int argc, char **argv) { return ktap::run(argc, argv); }
//
// A case that crashes, hangs, or leaves threads behind so takes no other with it. Exit status as of
// kselftest: 0 all passed, 1 one failed, 4 none was to be had.
//
//	PROGRAM [-q] [CASE]...	-q: cases that can do with less do less; CASE: those whose titles
// begin so
#pragma once

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <functional>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ktap {

struct Case {
	const char *title;
	void (*body)();
	std::chrono::seconds limit;
};

// What a case leaves for its parent.
struct Verdict {
	std::atomic<unsigned> failures;
	std::array<char, 200> skipped;
};

// Thrown where a case cannot go on.
struct Stop {};

inline bool quick = false;
inline Verdict *verdict = nullptr;

inline std::vector<Case> &cases()
{
	static std::vector<Case> all;
	return all;
}

struct Registration {
	Registration(const char *title, void (*body)(), std::chrono::seconds limit)
	{
		cases().push_back({title, body, limit});
	}
};

// In one write, as threads and processes may have something to say at once.
inline void say(std::string_view text)
{
	auto line = "# " + std::string{text} + "\n";
	[[maybe_unused]] auto written = ::write(STDOUT_FILENO, line.data(), line.size());
}

// More of the same says nothing new.
inline void fail(const char *file, int line, std::string_view text)
{
	constexpr unsigned enough = 20;
	auto before = verdict->failures.fetch_add(1);
	std::string_view name{file};

	name.remove_prefix(name.rfind('/') + 1);
	if (before < enough)
		say(std::string{name} + ":" + std::to_string(line) + ": " + std::string{text});
	else if (before == enough)
		say("and more");
}

[[noreturn]] inline void skip(std::string_view reason)
{
	reason.copy(verdict->skipped.data(), verdict->skipped.size() - 1);
	throw Stop{};
}

template <typename T>
std::string shown(const T &value)
{
	std::ostringstream s;

	if constexpr (std::is_integral_v<T> && sizeof(T) == 1)
		s << int{value};
	else
		s << value;
	if constexpr (std::is_signed_v<T> && std::is_integral_v<T> && sizeof(T) >= 4)
		if (value < 0 && value > -200)
			s << " (" << ::strerror(static_cast<int>(-value)) << ")";
	return s.str();
}

template <typename A, typename B>
bool compare(const char *file, int line, const char *text, const A &actual, const B &expected)
{
	bool same;

	if constexpr (std::is_integral_v<A> && std::is_integral_v<B> && !std::is_same_v<A, bool> &&
		      !std::is_same_v<B, bool>)
		same = std::cmp_equal(+actual, +expected);
	else
		same = actual == expected;
	if (!same)
		fail(file, line,
		     std::string{text} + " is " + shown(actual) + ", not " + shown(expected));
	return same;
}

// In the child.
[[noreturn]] inline void run_here(const Case &c)
{
	::prctl(PR_SET_PDEATHSIG, SIGKILL);
	::setpgid(0, 0);
	try {
		c.body();
	} catch (const Stop &) {
	} catch (const std::exception &e) {
		fail(c.title, 0, e.what());
	}
	// No destructor of a static object, and no wait for a thread that was left.
	::_exit(verdict->failures ? 1 : 0);
}

// Waits for the child; kills it, and what it has started, at its limit. What is the matter, or
// nothing.
inline std::string wait_for(pid_t child, std::chrono::seconds limit)
{
	auto end = std::chrono::steady_clock::now() + limit;
	int status = 0;

	while (::waitpid(child, &status, WNOHANG) == 0) {
		if (std::chrono::steady_clock::now() > end) {
			::kill(-child, SIGKILL);
			::kill(child, SIGKILL);
			::waitpid(child, &status, 0);
			return "no end within " + std::to_string(limit.count()) + " s";
		}
		::usleep(2000);
	}
	::kill(-child, SIGKILL);
	if (WIFSIGNALED(status))
		return std::string{"killed by "} + ::strsignal(WTERMSIG(status));
	return "";
}

enum class Outcome { passed, failed, skipped };

inline Outcome run_one(unsigned number, const Case &c, std::string_view program)
{
	verdict->failures = 0;
	verdict->skipped.fill(0);
	std::cout.flush();
	auto begin = std::chrono::steady_clock::now();
	auto child = ::fork();
	if (child == 0)
		run_here(c);
	if (auto trouble = wait_for(child, c.limit); !trouble.empty())
		fail(c.title, 0, trouble);
	bool failed = verdict->failures != 0, skipped = !failed && verdict->skipped[0];
	auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(
		std::chrono::steady_clock::now() - begin);
	std::cout << (failed ? "not ok " : "ok ") << number << " " << program << "." << c.title;
	if (skipped)
		std::cout << " # SKIP " << verdict->skipped.data();
	else
		std::cout << " # " << ms.count() << " ms";
	std::cout << "\n" << std::flush;
	return failed ? Outcome::failed : skipped ? Outcome::skipped : Outcome::passed;
}

inline int run(int argc, char **argv)
{
	std::string_view program{argv[0]};
	std::vector<Case> chosen;
	std::array<unsigned, 3> count{};
	std::vector<std::string_view> words{argv + 1, argv + argc};

	program.remove_prefix(program.rfind('/') + 1);
	quick = std::erase(words, "-q") > 0;
	for (const auto &c : cases()) {
		bool named = words.empty();
		for (auto word : words)
			named |= std::string_view{c.title}.starts_with(word);
		if (named)
			chosen.push_back(c);
	}
	auto *shared = ::mmap(nullptr, sizeof(Verdict), PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	verdict = new (shared) Verdict{};
	std::cout << "KTAP version 1\n1.." << chosen.size() << "\n";
	unsigned number = 0;
	for (const auto &c : chosen)
		count[static_cast<std::size_t>(run_one(++number, c, program))]++;
	std::cout << "# Totals: pass:" << count[0] << " fail:" << count[1] << " skip:" << count[2]
		  << "\n";
	return count[1] ? 1 : count[0] ? 0 : 4;
}

} // namespace ktap

// A case, and after how many seconds it hangs.
#define CASE_WITHIN(title, limit_s)                                                                \
	static void title();                                                                       \
	static ktap::Registration registration_of_##title{#title, title,                           \
							  std::chrono::seconds{limit_s}};          \
	static void title()
#define CASE(title) CASE_WITHIN(title, 60)

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ktap::fail(__FILE__, __LINE__, "not so: " #condition);                     \
	} while (0)
#define CHECK_EQ(actual, expected) ktap::compare(__FILE__, __LINE__, #actual, (actual), (expected))
// The rest of the case makes no sense otherwise.
#define REQUIRE_EQ(actual, expected)                                                               \
	do {                                                                                       \
		if (!CHECK_EQ(actual, expected))                                                   \
			throw ktap::Stop{};                                                        \
	} while (0)
#define REQUIRE(condition) REQUIRE_EQ(static_cast<bool>(condition), true)
