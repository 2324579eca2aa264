// SPDX-License-Identifier: GPL-2.0
// Results for people: tables, targets and pictures.
#pragma once

#include "results.hpp"
#include <string>
#include <vector>

namespace bench {

class Report {
public:
	explicit Report(const std::vector<std::string> &files);

	void print() const;
	void draw(const std::string &base) const; // base.svg and base.png
	bool targets_met() const;

private:
	std::vector<Results> results_;
};

} // namespace bench
