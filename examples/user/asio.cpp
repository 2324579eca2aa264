// SPDX-License-Identifier: MIT
// In Asio's loop: the device's descriptor is a stream_descriptor; when it is readable the
// callout::loop deals with its events.
#include <asio.hpp>
#include <callout/callout.hpp>
#include <chrono>
#include <iostream>
#include <system_error>
#include <unistd.h>

using namespace std::chrono_literals;

namespace {

class callout_service {
public:
	callout_service(asio::io_context &io, callout::device &dev)
		: loop_(dev), readable_(io, ::dup(dev.native_handle())) // Asio closes its own
	{
		wait();
	}
	callout::loop &loop() { return loop_; }
	// io_context::run() waits for the descriptor as long as this is not called.
	void close() { readable_.close(); }

private:
	void wait()
	{
		readable_.async_wait(asio::posix::stream_descriptor::wait_read,
				     [this](const asio::error_code &error) {
					     if (error)
						     return;
					     loop_.poll();
					     if (readable_.is_open())
						     wait();
				     });
	}

	callout::loop loop_;
	asio::posix::stream_descriptor readable_;
};

} // namespace

int main()
try {
	asio::io_context io;
	callout::device dev(16);
	callout_service service(io, dev);
	asio::steady_timer asios(io, 15ms); // the two go together
	int beats = 0, others = 0;

	asios.async_wait([&](const asio::error_code &) { ++others; });
	const auto beat = service.loop().every(10ms, [&](const callout::event &e) {
		beats += static_cast<int>(e.expiries());
		if (beats >= 10)
			service.close();
	});
	const auto sleeper = [](callout::device &d, int &n) -> callout::task<> {
		co_await d.sleep_for(25ms);
		++n;
	};
	service.loop().spawn(sleeper(dev, others));
	io.run();
	std::cout << "asio: " << beats << " beats, " << others << " others\n";
	return beats >= 10 && others == 2 ? 0 : 1;
} catch (const std::exception &e) {
	std::cerr << "asio: " << e.what() << '\n';
	return 1;
}
