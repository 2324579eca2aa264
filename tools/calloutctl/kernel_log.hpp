// SPDX-License-Identifier: GPL-2.0
// What callout says in the kernel's log from some time on.
#pragma once

#include "tree.hpp"
#include <string>
#include <string_view>
#include <vector>

namespace ctl {

// From its construction. Who may not read the log, hears nothing.
class KernelLog {
public:
	explicit KernelLog(const Tree &tree);
	KernelLog(const KernelLog &) = delete;
	KernelLog &operator=(const KernelLog &) = delete;
	~KernelLog();

	// Callout's messages since then, without "callout: ".
	[[nodiscard]] std::vector<std::string> since();

private:
	int fd_;
};

// The text of a record of /dev/kmsg, "6,1234,5678,-;callout: text\n KEY=VALUE\n", if it is
// callout's.
[[nodiscard]] std::optional<std::string> callouts_message(std::string_view record);

} // namespace ctl
