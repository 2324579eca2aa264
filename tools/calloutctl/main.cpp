// SPDX-License-Identifier: GPL-2.0
// calloutctl: looks at callout, sets it, and uses it, from the command line.
#include "commands.hpp"
#include <iostream>
#include <unistd.h>

int main(int argc, char **argv)
{
	return ctl::run(argc, argv, std::cout, std::cerr, ::isatty(STDOUT_FILENO));
}
