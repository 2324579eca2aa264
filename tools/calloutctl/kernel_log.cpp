// SPDX-License-Identifier: GPL-2.0
// Reading /dev/kmsg: each read() gives a record.
#include "kernel_log.hpp"
#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace ctl {

KernelLog::KernelLog(const Tree &tree)
	: fd_(::open(tree.at("/dev/kmsg").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC))
{
	if (fd_ >= 0)
		::lseek(fd_, 0, SEEK_END);
}

KernelLog::~KernelLog()
{
	if (fd_ >= 0)
		::close(fd_);
}

std::vector<std::string> KernelLog::since()
{
	std::vector<std::string> said;
	char record[8192];
	while (fd_ >= 0) {
		const ssize_t n = ::read(fd_, record, sizeof(record));
		if (n < 0 && (errno == EPIPE || errno == EINTR)) // EPIPE: some were overwritten
			continue;
		if (n <= 0)
			break;
		if (auto text = callouts_message({record, static_cast<std::size_t>(n)}))
			said.push_back(std::move(*text));
	}
	return said;
}

std::optional<std::string> callouts_message(std::string_view record)
{
	static constexpr std::string_view prefix = "callout: ";
	const auto semicolon = record.find(';');
	if (semicolon == record.npos)
		return {};
	auto text = record.substr(semicolon + 1);
	text = text.substr(0, text.find('\n'));
	if (!text.starts_with(prefix))
		return {};
	return std::string(text.substr(prefix.size()));
}

} // namespace ctl
