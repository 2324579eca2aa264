// SPDX-License-Identifier: MIT
// Timers beside other descriptors in one epoll: a pipe is written to every 10 ms, and closed after
// 100 ms.
#include <array>
#include <callout/callout.hpp>
#include <cerrno>
#include <chrono>
#include <fcntl.h>
#include <iostream>
#include <sys/epoll.h>
#include <system_error>
#include <unistd.h>
#include <utility>

using namespace std::chrono_literals;

static int checked(int result, const char *what)
{
	if (result < 0)
		throw std::system_error(errno, std::system_category(), what);
	return result;
}

int main()
try {
	enum : std::uint64_t { write_to_pipe, close_pipe };
	callout::device dev(2);
	auto every = dev.make_timer(), end = dev.make_timer();
	std::array<int, 2> pipe{};
	checked(::pipe2(pipe.data(), O_CLOEXEC), "pipe");

	const int ep = checked(::epoll_create1(EPOLL_CLOEXEC), "epoll_create1");
	for (const int fd : {dev.native_handle(), pipe[0]}) {
		epoll_event want{.events = EPOLLIN, .data = {.fd = fd}};
		checked(::epoll_ctl(ep, EPOLL_CTL_ADD, fd, &want), "epoll_ctl");
	}

	every.arm_after(10ms, {.interval = 10ms, .user_data = write_to_pipe});
	end.arm_after(100ms, {.user_data = close_pipe});
	for (std::size_t bytes = 0;;) {
		epoll_event got{};
		std::array<char, 64> buffer{};

		if (::epoll_wait(ep, &got, 1, -1) < 0 && errno != EINTR)
			checked(-1, "epoll_wait");
		if (got.data.fd == dev.native_handle()) {
			dev.ring().consume([&](const callout::event &e) {
				if (e.user_data() == close_pipe) {
					every.cancel();
					::close(std::exchange(pipe[1], -1));
				} else if (pipe[1] >= 0) { // or it was on its way already
					checked(static_cast<int>(::write(pipe[1], "x", 1)),
						"write");
				}
			});
		} else if (got.data.fd == pipe[0]) {
			const auto n = ::read(pipe[0], buffer.data(), buffer.size());

			if (n <= 0) {
				std::cout << "epoll: " << bytes << " bytes, then the end\n";
				return bytes > 0 ? 0 : 1;
			}
			bytes += static_cast<std::size_t>(n);
		}
	}
} catch (const std::exception &e) {
	std::cerr << "epoll: " << e.what() << '\n';
	return 1;
}
