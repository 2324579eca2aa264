// SPDX-License-Identifier: GPL-2.0
// Many numbers in a few.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <numeric>
#include <stdexcept>
#include <vector>

namespace bench {

// The least value that at least a share `q` of them do not exceed. Throws std::invalid_argument
// where there is none.
template <typename T>
T quantile(std::vector<T> values, double q)
{
	if (values.empty())
		throw std::invalid_argument("a quantile of nothing");
	const auto rank = static_cast<std::size_t>(
		std::ceil(std::clamp(q, 0.0, 1.0) * static_cast<double>(values.size())));
	const auto at =
		values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);

	std::nth_element(values.begin(), at, values.end());
	return *at;
}

template <typename T>
double mean(const std::vector<T> &values)
{
	if (values.empty())
		throw std::invalid_argument("a mean of nothing");
	return std::accumulate(values.begin(), values.end(), 0.0) /
	       static_cast<double>(values.size());
}

// Of samples that took `batch` operations each.
template <typename T>
nlohmann::json summary(const std::vector<T> &samples, std::size_t batch)
{
	const auto per = static_cast<double>(batch);

	return {{"median", static_cast<double>(quantile(samples, 0.5)) / per},
		{"p99", static_cast<double>(quantile(samples, 0.99)) / per},
		{"mean", mean(samples) / per},
		{"samples", samples.size()}};
}

} // namespace bench
