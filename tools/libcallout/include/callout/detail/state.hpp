// SPDX-License-Identifier: MIT
// What a device and its timers share; the descriptor is closed when the last of them goes.
#pragma once

#include "../abi.hpp"
#include "../ring.hpp"
#include "../slot.hpp"
#include "posix.hpp"
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <system_error>
#include <vector>

namespace callout {
class loop;
}

namespace callout::detail {

// Any thread may call what is const, take_id() and give_id().
class device_state {
public:
	explicit device_state(unique_fd fd) noexcept : fd_(std::move(fd)) {}

	[[nodiscard]] int fd() const noexcept { return fd_.get(); }
	[[nodiscard]] std::uint32_t timers() const noexcept { return timers_; }
	[[nodiscard]] callout::slot slot(std::uint32_t id) const noexcept;
	[[nodiscard]] callout::ring ring() const noexcept;

	void info(abi::info &to, std::error_code &ec) const noexcept;
	void setup(std::uint32_t timers, std::uint32_t events, std::error_code &ec) noexcept;
	// Maps what has been set up.
	void map(std::uint32_t timers, std::uint32_t events, std::error_code &ec) noexcept;

	std::size_t arm(std::span<abi::timer> of, std::error_code &ec) const noexcept;
	std::size_t cancel(std::span<abi::timer_id> of, std::error_code &ec) const noexcept;
	std::size_t get(std::span<abi::timer> of, std::error_code &ec) const noexcept;

	[[nodiscard]] std::uint32_t take_id(std::error_code &ec) noexcept;
	void give_id(std::uint32_t id) noexcept;

	callout::loop *loop = nullptr; // of the thread that runs it

private:
	unique_fd fd_;
	mapping slots_, events_;
	std::uint32_t timers_ = 0, ring_size_ = 0;
	std::mutex mutex_;                // of what follows
	std::vector<std::uint32_t> free_; // ids that were given back; has room for all
	std::uint32_t next_ = 0;          // the first that nobody has had yet
};

} // namespace callout::detail
