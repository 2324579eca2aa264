// SPDX-License-Identifier: GPL-2.0
// Waiting for events, and who may have the descriptor.
#include "device.hpp"

#include <array>

#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>

namespace {

class Epoll : public Fd {
public:
	Epoll() : Fd{::epoll_create1(EPOLL_CLOEXEC)} {}

	void add(int fd, u32 events) const
	{
		epoll_event e{};
		e.events = events;
		e.data.u64 = 42;
		REQUIRE_EQ(::epoll_ctl(get(), EPOLL_CTL_ADD, fd, &e), 0);
	}
	// The events, or 0.
	u32 wait(int timeout_ms) const
	{
		epoll_event e{};
		return ::epoll_wait(get(), &e, 1, timeout_ms) == 1 ? e.events : 0;
	}
};

volatile sig_atomic_t signals, signal_fd, signal_band;

void count(int, siginfo_t *info, void *)
{
	signals = signals + 1;
	signal_fd = info->si_fd;
	signal_band = static_cast<sig_atomic_t>(info->si_band);
}

void handle(int signal, int flags)
{
	struct sigaction action {};

	action.sa_sigaction = count;
	action.sa_flags = SA_SIGINFO | flags;
	::sigaction(signal, &action, nullptr);
}

// A signal for this process, in a while.
void alarm_in(u64 ns)
{
	itimerval t{};

	t.it_value.tv_usec = static_cast<suseconds_t>(ns / us);
	::setitimer(ITIMER_REAL, &t, nullptr);
}

void send_fd(int socket, int fd)
{
	char byte = 0;
	iovec v{&byte, 1};
	alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
	msghdr m{};

	m.msg_iov = &v;
	m.msg_iovlen = 1;
	m.msg_control = control.data();
	m.msg_controllen = control.size();
	auto *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	std::memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	REQUIRE_EQ(::sendmsg(socket, &m, 0), 1);
}

Fd receive_fd(int socket)
{
	char byte;
	int fd;
	iovec v{&byte, 1};
	alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
	msghdr m{};

	m.msg_iov = &v;
	m.msg_iovlen = 1;
	m.msg_control = control.data();
	m.msg_controllen = control.size();
	REQUIRE_EQ(::recvmsg(socket, &m, 0), 1);
	std::memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(fd));
	return Fd{fd};
}

} // namespace

CASE(poll_is_level_triggered)
{
	Device d{4, 4};

	CHECK_EQ(d.poll(0), 0);
	d.arm(timer_in(0, 20 * ms));
	CHECK_EQ(d.poll(5000), POLLIN);
	CHECK_EQ(d.poll(0), POLLIN);
	d.arm(timer_at(1, 1));
	d.events(1);
	CHECK_EQ(d.poll(0), POLLIN);
	d.events(1);
	CHECK_EQ(d.poll(0), 0);
	auto begin = now();
	CHECK_EQ(d.poll(30), 0);
	CHECK(now() - begin >= 29 * ms);
}

CASE(poll_for_other_things)
{
	Device d{4, 4};
	pollfd p{d.get(), POLLOUT | POLLPRI | POLLRDNORM | POLLRDHUP, 0};

	d.arm(timer_at(0, 1));
	CHECK_EQ(::poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLRDNORM);
	p.events = POLLOUT;
	CHECK_EQ(::poll(&p, 1, 0), 0);
}

CASE(select_works)
{
	Device d{4, 4};
	fd_set set;
	timeval t{5, 0};

	d.arm(timer_in(0, 20 * ms));
	FD_ZERO(&set);
	FD_SET(d.get(), &set);
	CHECK_EQ(::select(d.get() + 1, &set, nullptr, nullptr, &t), 1);
	CHECK(FD_ISSET(d.get(), &set));
}

CASE(epoll_level)
{
	Device d{4, 4};
	Epoll e;

	e.add(d.get(), EPOLLIN);
	CHECK_EQ(e.wait(0), 0);
	d.arm(timer_in(0, 20 * ms));
	CHECK_EQ(e.wait(5000), EPOLLIN);
	CHECK_EQ(e.wait(0), EPOLLIN);
	d.events();
	CHECK_EQ(e.wait(0), 0);
	d.arm(timer_at(0, 1));
	CHECK_EQ(e.wait(0), EPOLLIN);
}

CASE(epoll_edge)
{
	Device d{4, 4};
	Epoll e;

	e.add(d.get(), EPOLLIN | EPOLLET);
	CHECK_EQ(e.wait(0), 0);
	d.arm(timer_in(0, 20 * ms));
	CHECK_EQ(e.wait(5000), EPOLLIN);
	CHECK_EQ(e.wait(0), 0);
	// Another one, though the first was not read.
	d.arm(timer_in(1, 20 * ms));
	CHECK_EQ(e.wait(5000), EPOLLIN);
	CHECK_EQ(e.wait(0), 0);
	CHECK_EQ(d.events().size(), 2);
	CHECK_EQ(e.wait(0), 0);
	for (int n = 0; n < 20; n++) {
		d.arm(timer_in(0, ms));
		CHECK_EQ(e.wait(5000), EPOLLIN);
		CHECK_EQ(d.events().size(), 1);
	}
}

CASE(epoll_edge_of_a_ring_that_is_full)
{
	Device d{4, 1};
	Ring r{d};
	Epoll e;

	e.add(d.get(), EPOLLIN | EPOLLET);
	d.arm(timer_at(0, 1));
	CHECK_EQ(e.wait(0), EPOLLIN);
	d.arm(timer_at(1, 1));
	CHECK_EQ(r.take()->id, 0);
	CHECK(r.backlog());
	// It is told by this, as the header says; and the event is there.
	CHECK_EQ(e.wait(0), EPOLLIN);
	CHECK_EQ(r.take()->id, 1);
	CHECK(!r.backlog());
}

// The kernel cannot see that room was made: with an edge the program tells it by poll().
CASE(epoll_edge_after_room_was_made)
{
	Device d{4, 1};
	Ring r{d};
	Epoll edge, level;

	edge.add(d.get(), EPOLLIN | EPOLLET);
	level.add(d.get(), EPOLLIN);
	d.arm(timer_at(0, 1));
	d.arm(timer_at(1, 1));
	d.arm(timer_at(2, 1));
	CHECK_EQ(edge.wait(0), EPOLLIN);
	CHECK_EQ(r.take()->id, 0);
	CHECK(r.backlog());
	CHECK_EQ(edge.wait(0), 0);
	CHECK(d.ready(0));
	CHECK_EQ(r.take()->id, 1);
	CHECK_EQ(level.wait(0), EPOLLIN);
	CHECK_EQ(r.take()->id, 2);
	CHECK(!r.backlog());
}

CASE(epoll_once_and_nested)
{
	Device d{4, 4};
	Epoll inner, outer;

	inner.add(d.get(), EPOLLIN | EPOLLONESHOT);
	outer.add(inner.get(), EPOLLIN);
	d.arm(timer_in(0, 20 * ms));
	CHECK_EQ(outer.wait(5000), EPOLLIN);
	CHECK_EQ(inner.wait(0), EPOLLIN);
	CHECK_EQ(inner.wait(0), 0);
	d.arm(timer_at(1, 1));
	CHECK_EQ(inner.wait(0), 0);
	epoll_event again{};
	again.events = EPOLLIN;
	::epoll_ctl(inner.get(), EPOLL_CTL_MOD, d.get(), &again);
	CHECK_EQ(outer.wait(0), EPOLLIN);
}

CASE(epoll_before_setup)
{
	Device d{O_RDWR | O_NONBLOCK};
	Epoll e;

	e.add(d.get(), EPOLLIN | EPOLLET);
	CHECK_EQ(e.wait(0), EPOLLERR);
	REQUIRE_EQ(d.setup(4, 4), 0);
	d.arm(timer_in(0, 5 * ms));
	CHECK_EQ(e.wait(5000), EPOLLIN);
}

CASE(closed_while_in_an_epoll)
{
	Epoll e;

	for (int n = 0; n < 50; n++) {
		Device d{100, 128};
		std::vector<callout_timer> t;
		e.add(d.get(), EPOLLIN);
		for (u32 id = 0; id < 100; id++)
			t.push_back(timer_in(id, id * 10 * us, 50 * us));
		d.arm(t);
		e.wait(1);
	}
	CHECK_EQ(e.wait(20), 0);
}

CASE(nonblock_can_change)
{
	Device d{4, 4, O_RDWR};
	std::array<callout_event, 4> e;

	::fcntl(d.get(), F_SETFL, O_NONBLOCK);
	CHECK_EQ(d.read(e), -EAGAIN);
	::fcntl(d.get(), F_SETFL, 0);
	d.arm(timer_in(0, 20 * ms));
	CHECK_EQ(d.read(e), 1);
}

CASE(sigio)
{
	Device d{4, 4};

	handle(SIGIO, 0);
	CHECK_EQ(::fcntl(d.get(), F_SETOWN, ::getpid()), 0);
	CHECK_EQ(::fcntl(d.get(), F_SETFL, O_NONBLOCK | O_ASYNC), 0);
	d.arm(timer_in(0, 10 * ms));
	for (auto end = now() + 5 * sec; !signals && now() < end;)
		sleep_ns(ms);
	CHECK_EQ(signals, 1);
	d.arm(timer_at(1, 1));
	CHECK_EQ(signals, 2);
	::fcntl(d.get(), F_SETFL, O_NONBLOCK);
	d.arm(timer_at(1, 1));
	CHECK_EQ(signals, 2);
	CHECK_EQ(d.events().size(), 3);
}

CASE(sigio_of_ones_own)
{
	Device d{4, 4};
	auto signal = SIGRTMIN + 3;

	handle(signal, 0);
	::fcntl(d.get(), F_SETOWN, ::getpid());
	::fcntl(d.get(), F_SETSIG, signal);
	::fcntl(d.get(), F_SETFL, O_NONBLOCK | O_ASYNC);
	d.arm(timer_in(0, 10 * ms));
	for (auto end = now() + 5 * sec; !signals && now() < end;)
		sleep_ns(ms);
	CHECK_EQ(signals, 1);
	CHECK_EQ(signal_fd, d.get());
	CHECK(signal_band & POLLIN);
}

CASE(sigio_to_who_has_gone)
{
	Device d{4, 4};
	auto child = ::fork();

	if (child == 0)
		::_exit(0);
	::fcntl(d.get(), F_SETOWN, child);
	::fcntl(d.get(), F_SETFL, O_NONBLOCK | O_ASYNC);
	::waitpid(child, nullptr, 0);
	d.arm(timer_at(0, 1));
	d.arm(timer_in(1, 5 * ms));
	CHECK_EQ(d.await(2).size(), 2);
}

CASE(dup_is_the_same)
{
	Device d{4, 4};
	Device copy{Fd{::dup(d.get())}};

	d.arm(timer_in(0, 20 * ms));
	CHECK(copy.armed(0));
	d.close();
	auto e = copy.await(1);
	REQUIRE_EQ(e.size(), 1);
	CHECK_EQ(copy.arm(timer_at(2, 1)), 0);
	CHECK_EQ(copy.events().size(), 1);
}

CASE(a_child_has_it_and_the_parent_closes)
{
	Device d{4, 4, O_RDWR};
	std::array<int, 2> ready, done;

	REQUIRE_EQ(::pipe(ready.data()), 0);
	REQUIRE_EQ(::pipe(done.data()), 0);
	d.arm(timer_in(0, 50 * ms, 20 * ms));
	auto child = ::fork();
	if (child == 0) {
		char c;
		std::array<callout_event, 4> e;
		bool fine = ::read(ready[0], &c, 1) == 1;
		fine = fine && d.read(e) >= 1 && e[0].id == 0;
		fine = fine && d.arm(timer_in(1, 5 * ms)) == 0 && d.cancel(0) == 1;
		while (fine && e[0].id != 1)
			fine = d.read({e.data(), 1}) == 1;
		::_exit(fine ? 0 : 1);
	}
	d.close();
	CHECK_EQ(::write(ready[1], "x", 1), 1);
	int status = 0;
	::waitpid(child, &status, 0);
	CHECK_EQ(status, 0);
}

CASE(parent_and_child_share_one_table)
{
	Device d{4, 4};

	d.arm(timer_in(0, 1000 * sec));
	CHECK(in_child([&] {
		return d.armed(0) && d.cancel(0) == 1 && d.arm(timer_in(1, 1000 * sec)) == 0;
	}));
	CHECK(!d.armed(0));
	CHECK(d.armed(1));
	// Mappings, too.
	Slots s{d};
	CHECK(in_child([&] {
		auto at = s[1].load();
		return s.move(1, at, at + sec);
	}));
	CHECK_EQ(d.look(1).deadline, s[1].load());
}

CASE(sent_over_a_socket)
{
	std::array<int, 2> s;
	Device d{4, 4};

	REQUIRE_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, s.data()), 0);
	d.arm(timer_in(0, 50 * ms));
	auto child = ::fork();
	if (child == 0) {
		d.close();
		Device got{receive_fd(s[1])};
		auto e = got.await(1);
		bool fine = e.size() == 1 && e[0].id == 0 && got.arm(timer_at(3, 1)) == 0;
		Ring r{got};
		fine = fine && r.take()->id == 3;
		::_exit(fine ? 0 : 1);
	}
	send_fd(s[0], d.get());
	d.close();
	int status = 0;
	::waitpid(child, &status, 0);
	CHECK_EQ(status, 0);
}

CASE(sent_and_never_received)
{
	std::array<int, 2> s;

	REQUIRE_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, s.data()), 0);
	{
		Device d{4, 4};
		d.arm(timer_in(0, 5 * ms, 5 * ms));
		send_fd(s[0], d.get());
	}
	sleep_ns(50 * ms);
	::close(s[0]);
	::close(s[1]);
}

CASE(a_read_is_interrupted)
{
	Device d{4, 4, O_RDWR};
	std::array<callout_event, 4> e;

	handle(SIGALRM, 0);
	alarm_in(20 * ms);
	CHECK_EQ(d.read(e), -EINTR);
	CHECK_EQ(signals, 1);
}

CASE(a_read_is_started_again)
{
	Device d{4, 4, O_RDWR};
	std::array<callout_event, 4> e;

	handle(SIGALRM, SA_RESTART);
	d.arm(timer_in(0, 100 * ms));
	alarm_in(20 * ms);
	CHECK_EQ(d.read(e), 1);
	CHECK_EQ(signals, 1);
}

CASE(a_vector_is_cut_short_by_a_signal)
{
	constexpr u32 timers = 200000;
	Device d{timers, 16};
	std::vector<callout_timer> t;

	handle(SIGALRM, 0);
	for (u32 n = 0; n < timers; n++)
		t.push_back(timer_in(n, 1000 * sec));
	bool cut = false;
	for (int n = 0; n < 20 && !cut; n++) {
		alarm_in(2 * ms);
		auto done = d.arm(t);
		REQUIRE(done > 0);
		cut = done < timers;
		if (cut) {
			CHECK(signals > 0);
			auto k = static_cast<u32>(done);
			CHECK_EQ(t[k - 1].result, n ? 1 : 0);
			CHECK(d.armed(k - 1));
			if (!n)
				CHECK(!d.armed(k));
			// The rest can be dealt with by another call.
			std::span rest{t};
			CHECK_EQ(d.arm(rest.subspan(k)), timers - done);
		}
	}
	if (!cut)
		ktap::skip("too quick a machine");
}

CASE(many_pollers_are_all_woken)
{
	constexpr unsigned count = 40;
	Device d{4, 4};
	std::atomic<unsigned> waiting = 0, woken = 0;
	std::vector<std::thread> threads;

	for (unsigned n = 0; n < count; n++)
		threads.emplace_back([&, n] {
			Epoll e;
			if (n % 2)
				e.add(d.get(), EPOLLIN);
			waiting++;
			woken += n % 2 ? e.wait(20000) == EPOLLIN : d.poll(20000) == POLLIN;
		});
	while (waiting < count)
		sleep_ns(ms);
	sleep_ns(20 * ms);
	CHECK_EQ(woken.load(), 0);
	d.arm(timer_in(0, ms));
	for (auto &t : threads)
		t.join();
	CHECK_EQ(woken.load(), count);
	CHECK_EQ(d.events().size(), 1);
}

CASE(many_readers_get_each_event_once)
{
	constexpr unsigned count = 8, each = 100;
	Device d{count * each, 1024, O_RDWR};
	std::vector<std::atomic<unsigned>> seen(count * each);
	std::vector<std::thread> threads;
	std::vector<callout_timer> t;

	for (unsigned n = 0; n < count; n++)
		threads.emplace_back([&] {
			callout_event e;
			for (unsigned k = 0; k < each; k++)
				if (d.read({&e, 1}) == 1)
					seen[e.id]++;
		});
	for (u32 n = 0; n < count * each; n++)
		t.push_back(timer_in(n, 5 * ms + n % 100 * 50 * us));
	d.arm(t);
	for (auto &thread : threads)
		thread.join();
	for (auto &s : seen)
		CHECK_EQ(s.load(), 1);
}

// Each wake-up that is missed is a hang.
CASE(ping_pong)
{
	Device a{1, 1, O_RDWR}, b{1, 1, O_RDWR};
	unsigned rounds = ktap::quick ? 500 : 3000;
	auto play = [&](Device &mine, Device &other, bool first) {
		callout_event e;
		Random random{first};
		for (unsigned n = 0; n < rounds; n++) {
			if (first)
				other.arm(timer_in(0, random.below(30 * us)));
			CHECK_EQ(mine.read({&e, 1}), 1);
			if (!first)
				other.arm(timer_in(0, random.below(30 * us)));
		}
	};
	std::thread partner{[&] { play(b, a, false); }};
	play(a, b, true);
	partner.join();
}

int main(int argc, char **argv)
{
	return ktap::run(argc, argv);
}
