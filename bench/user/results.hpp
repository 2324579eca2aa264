// SPDX-License-Identifier: GPL-2.0
// Recorded results, read back.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace bench {

// Which run is meant.
struct Case {
	std::string workload{}, facility{};
	std::uint64_t n = 0, batch = 1;
	bool control = false;
};

class Results {
public:
	// Throws std::runtime_error on what is not a result, or cannot be true.
	void add(const nlohmann::json &file);

	const std::vector<nlohmann::json> &runs() const { return runs_; }
	const std::vector<nlohmann::json> &machines() const { return machines_; }
	const std::vector<nlohmann::json> &skipped() const { return skipped_; }
	const std::vector<nlohmann::json> &errors() const { return errors_; }

	const nlohmann::json *find(const Case &c) const;
	std::vector<std::uint64_t> sizes(const std::string &workload) const;
	bool has(const std::string &workload) const { return !sizes(workload).empty(); }

	// One number of a run; none if there is no such run.
	std::optional<double> value(const Case &c, const std::string &name) const;
	// Less what measuring costs.
	std::optional<double> net(const Case &c, const std::string &name) const;

private:
	std::vector<nlohmann::json> runs_, machines_, skipped_, errors_;
};

Results read_results(const std::vector<std::string> &files);

} // namespace bench
