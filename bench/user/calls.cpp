// SPDX-License-Identifier: GPL-2.0
// System calls of a facility, counted from outside, by ptrace, beside what it counts itself.
#include "rounds.hpp"
#include "workloads.hpp"

#include <array>
#include <fmt/core.h>
#include <map>
#include <stdexcept>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

namespace bench {
namespace {

using nlohmann::json;

constexpr std::array phases = {"create", "arm", "arm 32", "later", "earlier", "cancel", "expire"};
constexpr std::uint32_t n = 100;
constexpr std::uint64_t marker = 100000; // no system call has that number

// Tells the tracer, by calls that do not exist, that a phase begins, and how many calls were
// counted in it.
template <typename F>
void phase(std::size_t number, F f)
{
	syscall(static_cast<long>(marker), number, 0);
	const std::uint64_t counted = f();
	syscall(static_cast<long>(marker), phases.size() + number, counted);
}

void traced(const Kind &kind)
{
	std::unique_ptr<Facility> facility;
	std::vector<std::uint32_t> ids(n);
	std::vector<Shot> shots(n);
	Ledger ledger(n);
	const auto base = now() + 1h;
	const auto counting = [&](auto f) {
		return [&facility, f] {
			const auto before = facility->calls();

			f();
			return facility->calls() - before;
		};
	};

	for (std::uint32_t id = 0; id < n; id++) {
		ids[id] = id;
		shots[id] = {id, base + id * 1us};
	}
	const auto cancel = [&] { in_parts(ids, 1, [&](auto part) { facility->cancel(part); }); };
	phase(0, [&] {
		facility = kind.make(n);
		return facility->calls();
	});
	phase(1, counting([&] { in_parts(shots, 1, [&](auto part) { facility->arm(part); }); }));
	cancel();
	phase(2, counting([&] { in_parts(shots, 32, [&](auto part) { facility->arm(part); }); }));
	for (auto &shot : shots)
		shot.deadline += 1s;
	phase(3, counting([&] { in_parts(shots, 1, [&](auto part) { facility->later(part); }); }));
	for (auto &shot : shots)
		shot.deadline -= 2s;
	phase(4,
	      counting([&] { in_parts(shots, 1, [&](auto part) { facility->earlier(part); }); }));
	phase(5, counting(cancel));
	const auto soon = now() + 200ms;
	for (auto &shot : shots) {
		shot.deadline = soon + shot.id * 1ms;
		ledger.expect(shot.id, shot.deadline);
	}
	arm_all(*facility, shots);
	phase(6, counting([&] { collect_all(*facility, ledger, [](auto) {}); }));
}

struct Count {
	std::uint64_t outside = 0, inside = 0;
};

// Lets the child run to its next stop; false when it has ended.
bool next_stop(pid_t child)
{
	int status = 0, signal = 0;

	for (;;) {
		check(ptrace(PTRACE_SYSCALL, child, nullptr, signal), "PTRACE_SYSCALL");
		check(waitpid(child, &status, 0), "waitpid");
		if (!WIFSTOPPED(status)) {
			if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
				throw std::runtime_error("the traced process failed");
			return false;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			return true;
		signal = WSTOPSIG(status);
	}
}

std::map<std::size_t, Count> trace(pid_t child)
{
	std::map<std::size_t, Count> counts;
	Count *current = nullptr;
	bool entering = true;
	int status;

	check(waitpid(child, &status, 0), "waitpid");
	check(ptrace(PTRACE_SETOPTIONS, child, nullptr, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL),
	      "PTRACE_SETOPTIONS");
	for (; next_stop(child); entering = !entering) {
		user_regs_struct r;

		if (!entering)
			continue;
		check(ptrace(PTRACE_GETREGS, child, nullptr, &r), "PTRACE_GETREGS");
		if (r.orig_rax == marker && r.rdi < phases.size()) {
			current = &counts[r.rdi];
		} else if (r.orig_rax == marker) {
			counts[r.rdi - phases.size()].inside = r.rsi;
			current = nullptr;
		} else if (current && r.orig_rax != SYS_rt_sigaction && r.orig_rax != SYS_alarm &&
			   r.orig_rax != SYS_brk && r.orig_rax != SYS_madvise &&
			   !(r.orig_rax == SYS_mmap && static_cast<int>(r.r8) == -1) &&
			   !(r.orig_rax == SYS_munmap)) {
			current->outside++; // the rest is for the memory and the watchdog of the
					    // program
		}
	}
	return counts;
}

} // namespace

json count_calls(const Kind &kind)
{
	const pid_t child = static_cast<pid_t>(check(fork(), "fork"));

	if (child == 0) {
		int status = 0;

		ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
		raise(SIGSTOP);
		try {
			traced(kind);
		} catch (const std::exception &e) {
			fmt::print(stderr, "{}: {}\n", kind.name, e.what());
			status = 1;
		}
		_exit(status);
	}
	json runs = json::array();
	for (const auto &[number, count] : trace(child))
		runs.push_back({{"workload", "calls"},
				{"facility", kind.name},
				{"n", n},
				{"batch", 1},
				{"phase", phases[number]},
				{"inside", count.inside},
				{"outside", count.outside}});
	if (runs.size() != phases.size())
		throw std::runtime_error("not all was traced");
	return runs;
}

} // namespace bench
