// SPDX-License-Identifier: MIT
// A file descriptor and a mapping that go away by themselves.
#pragma once

#include <cstddef>
#include <utility>

namespace callout::detail {

class unique_fd {
public:
	unique_fd() noexcept = default;
	explicit unique_fd(int fd) noexcept : fd_(fd) {}
	unique_fd(unique_fd &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
	unique_fd &operator=(unique_fd other) noexcept
	{
		std::swap(fd_, other.fd_);
		return *this;
	}
	~unique_fd();
	[[nodiscard]] int get() const noexcept { return fd_; }

private:
	int fd_ = -1;
};

class mapping {
public:
	mapping() noexcept = default;
	// Shared, to be read and written. Null if that fails, and errno says why.
	mapping(int fd, std::size_t offset, std::size_t size) noexcept;
	mapping(mapping &&other) noexcept
		: at_(std::exchange(other.at_, nullptr)), size_(std::exchange(other.size_, 0))
	{
	}
	mapping &operator=(mapping other) noexcept
	{
		std::swap(at_, other.at_);
		std::swap(size_, other.size_);
		return *this;
	}
	~mapping();
	[[nodiscard]] void *get() const noexcept { return at_; }

private:
	void *at_ = nullptr;
	std::size_t size_ = 0;
};

} // namespace callout::detail
