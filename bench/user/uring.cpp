// SPDX-License-Identifier: GPL-2.0
// Timeouts of io_uring. Each is a request, made when it is armed; many are submitted, and
// collected, by one call.
#include "facility.hpp"

#include <liburing.h>
#include <stdexcept>
#include <system_error>

namespace bench {
namespace {

constexpr unsigned submissions = 64, completions = 65536; // the kernel keeps what finds no room
constexpr std::uint64_t request = 1ULL << 63;             // user data of updates and removals

class Uring : public Facility {
public:
	Uring()
	{
		io_uring_params p = {};

		p.flags = IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN |
			  IORING_SETUP_SINGLE_ISSUER;
		p.cq_entries = completions;
		succeed(io_uring_queue_init_params(submissions, &ring_, &p), "io_uring_setup");
		for (const char *call : {"io_uring_setup", "mmap", "mmap"})
			called(0, call);
	}
	Uring(const Uring &) = delete;
	Uring &operator=(const Uring &) = delete;
	~Uring() override { io_uring_queue_exit(&ring_); }

	void arm(std::span<const Shot> shots) override
	{
		for_each(shots, [this](io_uring_sqe *sqe, const Shot &shot, auto *t) {
			io_uring_prep_timeout(sqe, t, 0, IORING_TIMEOUT_ABS);
			io_uring_sqe_set_data64(sqe, shot.id);
		});
	}

	void later(std::span<const Shot> shots) override
	{
		for_each(shots, [this](io_uring_sqe *sqe, const Shot &shot, auto *t) {
			io_uring_prep_timeout_update(sqe, t, shot.id, IORING_TIMEOUT_ABS);
			quietly(sqe);
		});
	}
	void earlier(std::span<const Shot> shots) override { later(shots); }

	void cancel(std::span<const std::uint32_t> ids) override
	{
		for (std::size_t done = 0; done < ids.size(); done += submissions) {
			for (const auto id : ids.subspan(
				     done, std::min<std::size_t>(submissions, ids.size() - done))) {
				auto *sqe = io_uring_get_sqe(&ring_);

				io_uring_prep_timeout_remove(sqe, id, 0);
				quietly(sqe);
			}
			submit();
		}
		std::uint32_t none;

		take({&none, 0}); // the timeouts that were removed say so
	}

	std::size_t collect(std::span<std::uint32_t> ids, Time until) override
	{
		io_uring_cqe *cqe;

		if (const auto n = take(ids))
			return n;
		if (until == never) {
			succeed(io_uring_wait_cqe(&ring_, &cqe), "io_uring_enter");
		} else {
			const auto left = to_timespec(std::max(until - now(), Time(0)));
			__kernel_timespec t = {.tv_sec = left.tv_sec, .tv_nsec = left.tv_nsec};
			const int result = io_uring_wait_cqes(&ring_, &cqe, 1, &t, nullptr);

			if (result != -ETIME)
				succeed(result, "io_uring_enter");
		}
		called(0, "io_uring_enter");
		return take(ids);
	}

private:
	static int succeed(int result, const char *what)
	{
		if (result < 0)
			throw std::system_error(-result, std::generic_category(), what);
		return result;
	}

	static void quietly(io_uring_sqe *sqe)
	{
		io_uring_sqe_set_data64(sqe, request);
		io_uring_sqe_set_flags(sqe, IOSQE_CQE_SKIP_SUCCESS);
	}

	void submit()
	{
		called(succeed(io_uring_submit(&ring_), "io_uring_enter"), "io_uring_enter");
	}

	template <typename Prepare>
	void for_each(std::span<const Shot> shots, Prepare prepare)
	{
		unsigned n = 0;

		for (const auto &shot : shots) {
			const auto t = to_timespec(shot.deadline);

			times_[n] = {.tv_sec = t.tv_sec, .tv_nsec = t.tv_nsec};
			prepare(io_uring_get_sqe(&ring_), shot, &times_[n]);
			if (++n == submissions) {
				submit();
				n = 0;
			}
		}
		if (n)
			submit();
	}

	// Those that have expired, out of what has completed.
	std::size_t take(std::span<std::uint32_t> ids)
	{
		io_uring_cqe *cqe;
		std::size_t n = 0;
		unsigned head, seen = 0;

		io_uring_for_each_cqe(&ring_, head, cqe)
		{
			if (cqe->res == -ETIME && cqe->user_data < request) {
				if (n == ids.size())
					break;
				ids[n++] = static_cast<std::uint32_t>(cqe->user_data);
			} else if (cqe->res != -ECANCELED) {
				throw std::runtime_error("a request of io_uring failed");
			}
			seen++;
		}
		io_uring_cq_advance(&ring_, seen);
		return n;
	}

	io_uring ring_ = {};
	__kernel_timespec times_[submissions] = {};
};

} // namespace

std::unique_ptr<Facility> make_uring(std::uint32_t)
{
	return std::make_unique<Uring>();
}

} // namespace bench
