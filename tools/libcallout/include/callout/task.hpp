// SPDX-License-Identifier: MIT
// A coroutine that another one awaits, or that a loop runs.
//
//	callout::task<int> answer(callout::device &dev)
//	{
//		co_await dev.sleep_for(5ms);
//		co_return 42;
//	}
//
// Begins when it is awaited. Destroying a task destroys the coroutine, wherever it waits, and what
// that awaits.
//
// Thread safety: a task is for the thread of its loop.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

namespace callout {

template <class T = void>
class task;

namespace detail {

class promise_base {
public:
	[[nodiscard]] static std::suspend_always initial_suspend() noexcept { return {}; }
	void unhandled_exception() noexcept { error_ = std::current_exception(); }
	void set_continuation(std::coroutine_handle<> c) noexcept { continuation_ = c; }

protected:
	// Goes on with who awaits.
	struct final_awaiter {
		std::coroutine_handle<> next;

		[[nodiscard]] static bool await_ready() noexcept { return false; }
		[[nodiscard]] std::coroutine_handle<>
		await_suspend(std::coroutine_handle<>) const noexcept
		{
			return next;
		}
		static void await_resume() noexcept {}
	};

	void rethrow() const
	{
		if (error_)
			std::rethrow_exception(error_);
	}

	std::coroutine_handle<> continuation_ = std::noop_coroutine();

private:
	std::exception_ptr error_;
};

template <class T>
class promise final : public promise_base {
public:
	[[nodiscard]] task<T> get_return_object() noexcept;
	[[nodiscard]] final_awaiter final_suspend() const noexcept { return {continuation_}; }
	template <class U>
	requires std::is_constructible_v<T, U>
	void return_value(U &&value) { value_.emplace(std::forward<U>(value)); }
	[[nodiscard]] T result()
	{
		rethrow();
		return std::move(*value_);
	}

private:
	std::optional<T> value_;
};

template <>
class promise<void> final : public promise_base {
public:
	[[nodiscard]] task<void> get_return_object() noexcept;
	[[nodiscard]] final_awaiter final_suspend() const noexcept { return {continuation_}; }
	static void return_void() noexcept {}
	void result() const { rethrow(); }
};

} // namespace detail

template <class T>
class [[nodiscard]] task final {
public:
	using promise_type = detail::promise<T>;

	task(task &&other) noexcept : frame_(std::exchange(other.frame_, {})) {}
	task &operator=(task other) noexcept
	{
		std::swap(frame_, other.frame_);
		return *this;
	}
	~task()
	{
		if (frame_)
			frame_.destroy();
	}

	[[nodiscard]] auto operator co_await() &&noexcept
	{
		struct awaiter {
			std::coroutine_handle<promise_type> frame;

			[[nodiscard]] bool await_ready() const noexcept { return frame.done(); }
			[[nodiscard]] std::coroutine_handle<>
			await_suspend(std::coroutine_handle<> from) const noexcept
			{
				frame.promise().set_continuation(from);
				return frame;
			}
			T await_resume() const { return frame.promise().result(); }
		};
		return awaiter{frame_};
	}

private:
	friend class detail::promise<T>;

	explicit task(std::coroutine_handle<promise_type> frame) noexcept : frame_(frame) {}

	std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
task<T> promise<T>::get_return_object() noexcept
{
	return task<T>(std::coroutine_handle<promise>::from_promise(*this));
}

inline task<void> promise<void>::get_return_object() noexcept
{
	return task<void>(std::coroutine_handle<promise>::from_promise(*this));
}

} // namespace detail
} // namespace callout
