// SPDX-License-Identifier: GPL-2.0
// Why callout has refused a setting.
#pragma once

#include "tree.hpp"
#include <string>
#include <vector>

namespace ctl {

// By what callout @logged meanwhile, else by the clock's status, else by the error's @number.
[[nodiscard]] Error refusal(const Tree &tree, const std::string &setting, const std::string &value,
			    int number, const std::vector<std::string> &logged);

} // namespace ctl
