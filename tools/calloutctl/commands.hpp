// SPDX-License-Identifier: GPL-2.0
// The commands, each in a file of its name. A setup function adds a command's options and returns
// what the command does; that throws Error.
#pragma once

#include "output.hpp"
#include <CLI/CLI.hpp>
#include <functional>

namespace ctl {

using Action = std::function<Exit(const Context &)>;

[[nodiscard]] Action setup_status(CLI::App &app);
[[nodiscard]] Action setup_list(CLI::App &app);
[[nodiscard]] Action setup_stats(CLI::App &app);
[[nodiscard]] Action setup_set(CLI::App &app);
[[nodiscard]] Action setup_arm(CLI::App &app);
[[nodiscard]] Action setup_bench(CLI::App &app);
[[nodiscard]] Action setup_record(CLI::App &app);
[[nodiscard]] Action setup_replay(CLI::App &app);
[[nodiscard]] Action setup_top(CLI::App &app);

// Checks that an option's value is a number from 1 on.
[[nodiscard]] CLI::Validator at_least_one();

// The whole program; returns its exit status. @terminal: is @out one?
[[nodiscard]] int run(int argc, const char *const *argv, std::ostream &out, std::ostream &err,
		      bool terminal);

} // namespace ctl
