// SPDX-License-Identifier: GPL-2.0
// Whole commands, on a tree that stands for the kernel's files.
#include "commands.hpp"
#include "record/trace_file.hpp"
#include "set.hpp"
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>
#include <sys/stat.h>
#include <unistd.h>

using namespace ctl;
namespace fs = std::filesystem;

namespace {

struct Said {
	int status;
	std::string out, err;

	[[nodiscard]] Json json() const { return Json::parse(out); }
	[[nodiscard]] bool has(std::string_view text) const { return out.find(text) != out.npos; }
	[[nodiscard]] bool complains(std::string_view text) const
	{
		return err.find(text) != err.npos;
	}
};

class Commands : public testing::Test {
protected:
	void SetUp() override
	{
		char name[] = "/tmp/calloutctl_test.XXXXXX";
		root_ = ::mkdtemp(name);
		load();
	}
	void TearDown() override { fs::remove_all(root_); }

	void put(const std::string &path, const std::string &text) const
	{
		const auto file = root_ / fs::path(path).relative_path();
		fs::create_directories(file.parent_path());
		std::ofstream(file) << text;
	}
	[[nodiscard]] std::string get(const std::string &path) const
	{
		std::ifstream in(root_ / fs::path(path).relative_path());
		return {std::istreambuf_iterator<char>(in), {}};
	}
	void remove(const std::string &path) const
	{
		fs::remove_all(root_ / fs::path(path).relative_path());
	}

	void put_clock(const std::string &name, int rating, const std::string &status) const
	{
		const auto top = "/sys/kernel/callout/clocks/" + name + "/";
		put(top + "rating", std::to_string(rating) + "\n");
		put(top + "status", status + "\n");
		put(top + "min_hz", "1\n");
		put(top + "max_hz", "10000\n");
		put(top + "accuracy_ns", "2000\n");
	}

	void load() const
	{
		const std::string top = "/sys/kernel/callout/";
		for (const auto &[name, value] :
		     std::initializer_list<std::pair<const char *, const char *>>{
			     {"clock", "lapic"},
			     {"available_clocks", "lapic hpet hrtimer"},
			     {"mode", "deadline"},
			     {"available_modes", "deadline periodic"},
			     {"frequency_hz", "1000"},
			     {"queue", "heap"},
			     {"default_precision_pct", "5"},
			     {"weak_window_ms", "100"},
			     {"handler_warn_us", "2000"}})
			put(top + name, std::string(value) + "\n");
		put_clock("lapic", 400, "in use");
		put_clock("hpet", 250, "not in use");
		put_clock("hrtimer", 100, "not in use");
		put("/sys/module/callout/version", "0.1.0\n");
		put("/sys/kernel/debug/callout/stats", counters);
		put("/sys/kernel/debug/callout/cpus",
		    "cpu class armed home away migrated displaced pulled woken spared\n"
		    "0 none 1200 1100 50 0 - - - -\n"
		    "0 weak 0 0 0 0 - - - -\n"
		    "0 all - - - - 0 0 17 3\n");
		put("/sys/kernel/debug/callout/timer_list",
		    "# cpu context affinity deadline_ns window_ns lock function\n"
		    "0 soft none 99000000000000000 0 spin tcp_write [net]\n"
		    "1 hard weak 1000 5000 raw beat [hello]\n"
		    "1 thread on 98000000000000000 0 mutex tcp_keep [net]\n");
	}

	[[nodiscard]] Said say(std::vector<std::string> words, bool terminal = false) const
	{
		std::vector<const char *> argv{"calloutctl", "--root", root_.c_str()};
		for (const auto &word : words)
			argv.push_back(word.c_str());
		std::ostringstream out, err;
		const int status =
			ctl::run(static_cast<int>(argv.size()), argv.data(), out, err, terminal);
		return {status, out.str(), err.str()};
	}

	static constexpr const char *counters =
		"pending 3\narmed 1234567\nstopped 7\nfired_hard 1\nfired_soft 2\nfired_thread 3\n"
		"rekeyed 0\ninterrupts 40\nlate 0\nmisuses 0\nclock_failures 0\nrescued 0\n"
		"slow_handlers 0\narmed_none 9\nhome_none 8\naway_none 1\nmigrated_none 0\nnovel "
		"77\n";
	fs::path root_;
};

// ---- status -----------------------------------------------------------------------------------

TEST_F(Commands, StatusTellsWhatThereIs)
{
	const auto said = say({"status"});
	EXPECT_EQ(said.status, 0) << said.err;
	EXPECT_TRUE(said.has("callout       0.1.0"));
	EXPECT_TRUE(said.has("clock         lapic"));
	EXPECT_TRUE(said.has("1,234,567"));
	EXPECT_TRUE(said.has("hpet        250    2.0 us  not in use")) << said.out;
	EXPECT_TRUE(said.has("no warnings"));
	EXPECT_EQ(said.out.find('\033'), said.out.npos);
}

TEST_F(Commands, StatusHasStableKeys)
{
	const auto json = say({"--json", "status"}).json();
	EXPECT_EQ(json["version"], "0.1.0");
	EXPECT_EQ(json["clock"], "lapic");
	EXPECT_EQ(json["clocks"]["hpet"]["rating"], 250);
	EXPECT_EQ(json["clocks"]["lapic"]["status"], "in use");
	EXPECT_EQ(json["mode"], "deadline");
	EXPECT_EQ(json["frequency_hz"], 1000);
	EXPECT_EQ(json["handler_warn_us"], 2000);
	EXPECT_EQ(json["counters"]["pending"], 3);
	EXPECT_TRUE(json["device"].is_null());
	EXPECT_TRUE(json["warnings"].empty());
}

TEST_F(Commands, StatusWarnsOfAClockThatHasFailed)
{
	put_clock("lapic", 400, "failed: silent for 2 s");
	put("/sys/kernel/callout/clock", "hrtimer\n");
	const auto said = say({"status"});
	EXPECT_TRUE(said.has(
		"warning: clock lapic failed: silent for 2 s; now hrtimer drives the callouts"));
	EXPECT_TRUE(said.has("calloutctl set clock lapic"));
	EXPECT_EQ(say({"status", "--json"}).json()["warnings"][0]["id"], "clock_failed");
}

TEST_F(Commands, StatusWarnsByCounters)
{
	put("/sys/kernel/debug/callout/stats",
	    "late 2\ninterrupts 100\nmisuses 1\nrescued 4\nslow_handlers 5\n");
	put("/sys/kernel/callout/clock", "fake\n");
	std::vector<std::string> ids;
	const auto json = say({"--json", "status"}).json();
	for (const auto &warning : json["warnings"])
		ids.push_back(warning["id"]);
	EXPECT_EQ(ids, (std::vector<std::string>{"clock_fake", "rescued", "late", "misuses",
						 "slow_handlers"}));
}

TEST_F(Commands, StatusWithoutDebugfsCountsBySysfs)
{
	remove("/sys/kernel/debug");
	put("/sys/kernel/callout/stats/pending", "5\n");
	put("/sys/kernel/callout/stats/armed", "6\n");
	const auto json = say({"--json", "status"}).json();
	EXPECT_EQ(json["counters"], (Json{{"armed", 6}, {"pending", 5}}));
}

// ---- list -------------------------------------------------------------------------------------

TEST_F(Commands, ListSortsByDeadline)
{
	const auto said = say({"list"});
	EXPECT_EQ(said.status, 0) << said.err;
	EXPECT_LT(said.out.find("beat"), said.out.find("tcp_keep"));
	EXPECT_LT(said.out.find("tcp_keep"), said.out.find("tcp_write"));
	EXPECT_TRUE(said.has(" ago"));
	EXPECT_TRUE(said.has("in "));
	EXPECT_TRUE(said.has("3 pending"));
}

TEST_F(Commands, ListFilters)
{
	const auto functions = [&](std::vector<std::string> words) {
		words.insert(words.begin(), {"--json", "list"});
		std::vector<std::string> all;
		const auto json = say(words).json();
		for (const auto &one : json["callouts"])
			all.push_back(one["function"]);
		return all;
	};
	using Names = std::vector<std::string>;
	EXPECT_EQ(functions({"--cpu", "1"}), (Names{"beat", "tcp_keep"}));
	EXPECT_EQ(functions({"--cpu", "0"}), (Names{"tcp_write"}));
	EXPECT_EQ(functions({"--context", "thread"}), (Names{"tcp_keep"}));
	EXPECT_EQ(functions({"--function", "tcp_*"}), (Names{"tcp_keep", "tcp_write"}));
	EXPECT_EQ(functions({"--limit", "2"}), (Names{"beat", "tcp_keep"}));
	EXPECT_EQ(functions({"--sort", "function", "--limit", "1"}), (Names{"beat"}));
	EXPECT_EQ(functions({"--function", "none"}), Names{});
	const auto said = say({"list", "--cpu", "1", "--limit", "1"});
	EXPECT_TRUE(said.has("1 shown, 2 matching, 3 pending")) << said.out;
}

TEST_F(Commands, ListHasStableKeys)
{
	const auto json = say({"--json", "list", "--limit", "1"}).json();
	EXPECT_EQ(json["pending"], 3);
	EXPECT_EQ(json["matching"], 3);
	const auto &one = json["callouts"][0];
	EXPECT_EQ(one["cpu"], 1);
	EXPECT_EQ(one["context"], "hard");
	EXPECT_EQ(one["affinity"], "weak");
	EXPECT_EQ(one["lock"], "raw");
	EXPECT_EQ(one["deadline_ns"], 1000);
	EXPECT_EQ(one["due_ns"], 1000 - json["now_ns"].get<std::int64_t>());
	EXPECT_EQ(one["window_ns"], 5000);
	EXPECT_EQ(one["module"], "hello");
}

TEST_F(Commands, ListOfAModuleThatHasNone)
{
	remove("/sys/kernel/debug/callout/timer_list");
	const auto said = say({"list"});
	EXPECT_EQ(said.status, 5);
	EXPECT_TRUE(said.complains("has no")) << said.err;
}

TEST_F(Commands, ListWithoutDebugfsSaysHowToMountIt)
{
	remove("/sys/kernel/debug");
	const auto said = say({"list"});
	EXPECT_EQ(said.status, 5);
	EXPECT_TRUE(said.complains("mount -t debugfs debugfs /sys/kernel/debug")) << said.err;
}

TEST_F(Commands, ListOfAnotherFormatIsRefused)
{
	put("/sys/kernel/debug/callout/timer_list", "something else\n");
	EXPECT_EQ(say({"list"}).status, 1);
}

// ---- stats ------------------------------------------------------------------------------------

TEST_F(Commands, StatsShowsAllAndWhatItDoesNotKnow)
{
	const auto said = say({"stats"});
	EXPECT_EQ(said.status, 0) << said.err;
	EXPECT_TRUE(said.has("armed           1,234,567  armed, or moved the long way"))
		<< said.out;
	EXPECT_TRUE(said.has("novel"));
	EXPECT_EQ(said.out.find("armed_none"), said.out.npos); // in the table of classes
	EXPECT_FALSE(said.has("SPARED"));
}

TEST_F(Commands, StatsByCpu)
{
	const auto said = say({"stats", "--cpu"});
	EXPECT_TRUE(said.has("SPARED"));
	EXPECT_TRUE(said.has("1,200"));
	EXPECT_EQ(say({"--json", "stats", "--cpu"}).json()["cpus"][2], (Json{{"cpu", 0},
									     {"class", "all"},
									     {"displaced", 0},
									     {"pulled", 0},
									     {"spared", 3},
									     {"woken", 17}}));
}

TEST_F(Commands, StatsWatchHasRates)
{
	const auto said = say({"--json", "stats", "--watch", "0.01", "--count", "2"});
	EXPECT_EQ(said.status, 0) << said.err;
	std::istringstream lines(said.out);
	std::string line;
	int n = 0;
	for (; std::getline(lines, line); n++) {
		const auto json = Json::parse(line);
		EXPECT_EQ(json["rates"]["armed"], 0.0);
		EXPECT_FALSE(json["rates"].contains("pending"));
	}
	EXPECT_EQ(n, 2);
	EXPECT_TRUE(say({"stats", "--watch", "20ms", "--count", "1"}).has("PER SECOND"));
	EXPECT_EQ(say({"stats", "--watch", "soon", "--count", "1"}).status, 2);
	EXPECT_EQ(say({"stats", "--watch", "0", "--count", "1"}).status, 2);
	EXPECT_EQ(say({"stats", "--count", "1"}).status, 2);
}

// ---- set --------------------------------------------------------------------------------------

TEST_F(Commands, SetShowsWhatItTakes)
{
	EXPECT_TRUE(say({"set"}).has("lapic hpet hrtimer"));
	EXPECT_TRUE(say({"set", "clock"}).has("takes: lapic hpet hrtimer"));
	EXPECT_TRUE(say({"set", "frequency"}).has("1 to 10000 with clock lapic"));
	EXPECT_EQ(say({"--json", "set", "mode"}).json(),
		  (Json{{"setting", "mode"},
			{"file", "mode"},
			{"value", "deadline"},
			{"available", {"deadline", "periodic"}}}));
	const auto all = say({"--json", "set"}).json();
	EXPECT_EQ(all["precision"]["value"], "5");
	EXPECT_EQ(all["precision"]["available"], "0 to 100");
	EXPECT_EQ(all["mode"]["available"], (Json{"deadline", "periodic"}));
}

TEST_F(Commands, SetWritesTheFile)
{
	const auto said = say({"set", "clock", "hpet"});
	EXPECT_EQ(said.status, 0) << said.err;
	EXPECT_EQ(get("/sys/kernel/callout/clock"), "hpet");
	EXPECT_TRUE(said.has("clock: lapic -> hpet"));
	const std::pair<const char *, const char *> files[] = {
		{"frequency", "frequency_hz"},
		{"precision", "default_precision_pct"},
		{"weak-window", "weak_window_ms"},
		{"handler-warn", "handler_warn_us"}};
	for (const auto &[setting, file] : files) {
		EXPECT_EQ(say({"set", setting, "77"}).status, 0);
		EXPECT_EQ(get(std::string("/sys/kernel/callout/") + file), "77");
	}
}

TEST_F(Commands, SetOfNothingThatThereIs)
{
	const auto said = say({"set", "colour", "red"});
	EXPECT_EQ(said.status, 2);
	EXPECT_TRUE(said.complains("there is no setting 'colour'"));
	EXPECT_TRUE(said.complains("weak-window"));
}

TEST_F(Commands, RefusalIsExplained)
{
	const Tree tree(root_);
	// By what the kernel said.
	auto error = refusal(tree, "clock", "hpet", EINVAL, {"no clock \"hpet\"; there are lapic"});
	EXPECT_EQ(error.status(), Exit::refused);
	EXPECT_EQ(std::string(error.what()),
		  "callout refused clock hpet: no clock \"hpet\"; there are lapic");
	EXPECT_EQ(error.hint(), "it takes: lapic hpet hrtimer");
	// By the clock's status; then the log may have more.
	put_clock("hpet", 250, "refused: in use by /dev/hpet");
	error = refusal(tree, "clock", "hpet", ENODEV, {});
	EXPECT_EQ(std::string(error.what()),
		  "callout refused clock hpet: refused: in use by /dev/hpet");
	EXPECT_NE(error.hint().find("dmesg"), std::string::npos);
	// By the error's number.
	EXPECT_EQ(std::string(refusal(tree, "clock", "sun", EINVAL, {}).what()),
		  "callout refused clock sun: there is none of that name");
	error = refusal(tree, "frequency", "0", ERANGE, {});
	EXPECT_EQ(std::string(error.what()), "callout refused frequency 0: out of range");
	EXPECT_NE(error.hint().find("1 to 10000 with clock lapic"), std::string::npos);
	EXPECT_NE(refusal(tree, "mode", "periodic", EBUSY, {}).hint().find("try again"),
		  std::string::npos);
}

// ---- errors -----------------------------------------------------------------------------------

TEST_F(Commands, NotLoadedSaysSoEverywhere)
{
	remove("/sys/kernel/callout");
	remove("/sys/kernel/debug/callout");
	const std::vector<std::vector<std::string>> all{
		{"status"},
		{"list"},
		{"stats"},
		{"stats", "--watch"},
		{"set"},
		{"set", "clock", "hpet"},
		{"arm", "--after", "1ms"},
		{"bench"},
		{"record", "-o", "/dev/null", "--of", "callouts"},
		{"top", "--once"}};
	for (const auto &words : all) {
		const auto said = say(words);
		EXPECT_EQ(said.status, 3) << words[0];
		EXPECT_TRUE(said.complains("callout is not loaded"))
			<< words[0] << ": " << said.err;
		EXPECT_TRUE(said.complains("modprobe callout")) << words[0];
		EXPECT_TRUE(said.out.empty()) << words[0];
	}
}

TEST_F(Commands, ErrorsAreJsonToo)
{
	remove("/sys/kernel/callout");
	const auto error = Json::parse(say({"--json", "status"}).err)["error"];
	EXPECT_EQ(error["message"], "callout is not loaded");
	EXPECT_EQ(error["hint"], "modprobe callout");
	EXPECT_EQ(error["exit"], 3);
}

TEST_F(Commands, WrongUsageIsTwo)
{
	const std::vector<std::vector<std::string>> all{{},
							{"nothing"},
							{"status", "--frobnicate"},
							{"list", "--context", "warm"},
							{"list", "--cpu", "x"},
							{"list", "--sort", "size"},
							{"list", "--limit", "-1"},
							{"list", "--limit", "0"},
							{"arm"},
							{"arm", "0", "--after", "1ms"},
							{"arm", "--after", "1"},
							{"arm", "--after", "1ms", "--at", "5"},
							{"arm", "--after", "1ms", "--count", "3"},
							{"arm", "--every", "0"},
							{"arm", "--every", "1ms", "--count", "0"},
							{"arm", "--every", "1ms", "--clock", "sun"},
							{"bench", "--rounds", "0"},
							{"replay"},
							{"replay", "x", "--on", "paper"},
							{"record"},
							{"top", "--once", "--count", "2"},
							{"top", "--interval", "1"},
							{"top", "--limit", "-1"}};
	for (const auto &words : all) {
		const auto said = say(words);
		EXPECT_EQ(said.status, 2) << (words.empty() ? "" : words[0]) << ": " << said.err;
		EXPECT_TRUE(said.err.starts_with("calloutctl: ")) << said.err;
	}
}

TEST_F(Commands, NoSuchCommand)
{
	auto said = say({"frobnicate"});
	EXPECT_EQ(said.status, 2);
	EXPECT_EQ(said.err, "calloutctl: there is no command 'frobnicate'\n"
			    "calloutctl: there are status, list, stats, set, arm, bench, record, "
			    "replay, top\n");
	said = say({"--json", "help", "me"});
	EXPECT_EQ(Json::parse(said.err)["error"]["message"], "there is no command 'help'");
	EXPECT_TRUE(say({}).complains("calloutctl --help shows how"));
	EXPECT_TRUE(say({"--frobnicate"}).complains("calloutctl --help shows how"));
}

TEST_F(Commands, HelpIsNoError)
{
	for (const auto &words :
	     std::vector<std::vector<std::string>>{{"--help"}, {"arm", "--help"}, {"--version"}}) {
		const auto said = say(words);
		EXPECT_EQ(said.status, 0);
		EXPECT_FALSE(said.out.empty());
	}
}

TEST_F(Commands, NumbersFromOneOn)
{
	EXPECT_TRUE(say({"arm", "--every", "1ms", "--count", "0"})
			    .complains("--count: '0' is not a number from 1 on"));
	EXPECT_TRUE(say({"list", "--limit", "-1"})
			    .complains("--limit: '-1' is not a number from 1 on"));
}

TEST_F(Commands, DeviceThatIsNone)
{
	auto said = say({"arm", "--after", "1ms"});
	EXPECT_EQ(said.status, 5);
	EXPECT_TRUE(said.complains("callout is loaded, but there is no")) << said.err;
	put("/dev/callout", "");
	said = say({"arm", "--after", "1ms"});
	EXPECT_EQ(said.status, 5);
	EXPECT_TRUE(said.complains("ot a callout device")) << said.err;
}

TEST_F(Commands, TracefsThatIsNone)
{
	for (const auto &words : std::vector<std::vector<std::string>>{
		     {"top", "--once"}, {"record", "-o", "/dev/null", "--of", "callouts"}}) {
		const auto said = say(words);
		EXPECT_EQ(said.status, 5);
		EXPECT_TRUE(said.complains("mount -t tracefs tracefs /sys/kernel/tracing"))
			<< said.err;
	}
}

// A made-up instance has no events: as a kernel without them. It is not left behind.
TEST_F(Commands, TopWithoutTracepoints)
{
	put("/sys/kernel/tracing/events/enable", "");
	fs::create_directories(root_ / "sys/kernel/tracing/instances");
	const auto said = say({"top", "--once"});
	EXPECT_EQ(said.status, 5);
	EXPECT_TRUE(said.complains("no tracepoints of callout")) << said.err;
	EXPECT_TRUE(fs::is_empty(root_ / "sys/kernel/tracing/instances"));
}

TEST_F(Commands, TopWithoutHistograms)
{
	const auto instance =
		fmt::format("/sys/kernel/tracing/instances/calloutctl-top-{}", ::getpid());
	put("/sys/kernel/tracing/events/enable", "");
	put(instance + "/events/callout/callout_expire_entry/trigger", "");
	const auto said = say({"top", "--once"});
	EXPECT_EQ(said.status, 5);
	EXPECT_TRUE(said.complains("no histogram triggers")) << said.err;
	EXPECT_TRUE(said.complains("CONFIG_HIST_TRIGGERS")) << said.err;
}

TEST_F(Commands, ColoursOnTerminalsAlone)
{
	::unsetenv("NO_COLOR");
	::setenv("TERM", "xterm", 1);
	EXPECT_NE(say({"status"}, true).out.find("\033["), std::string::npos);
	EXPECT_EQ(say({"status"}, false).out.find("\033["), std::string::npos);
	EXPECT_EQ(say({"status", "--json"}, true).out.find("\033["), std::string::npos);
	::setenv("NO_COLOR", "1", 1);
	EXPECT_EQ(say({"status"}, true).out.find("\033["), std::string::npos);
	::unsetenv("NO_COLOR");
	::setenv("TERM", "dumb", 1);
	EXPECT_EQ(say({"status"}, true).out.find("\033["), std::string::npos);
}

// ---- replay, on timerfd, which is here --------------------------------------------------------

TEST_F(Commands, ReplayCountsOperations)
{
	const auto file = (root_ / "trace").string();
	constexpr std::uint64_t ms = 1'000'000;
	record::write_trace(file,
			    {2,
			     20 * ms,
			     {{1 * ms, 5 * ms, 0, 0, CO_TRACE_ARM, CO_TRACE_HRTIMER},
			      {2 * ms, 8 * ms, 0, 0, CO_TRACE_ARM, CO_TRACE_HRTIMER},  // later
			      {3 * ms, 9 * ms, 0, 0, CO_TRACE_ARM, CO_TRACE_HRTIMER},  // later
			      {3 * ms, 6 * ms, 0, 0, CO_TRACE_ARM, CO_TRACE_HRTIMER},  // earlier
			      {3 * ms, 99 * ms, 1, 0, CO_TRACE_ARM, CO_TRACE_HRTIMER}, // anew
			      {4 * ms, 0, 1, 0, CO_TRACE_CANCEL, CO_TRACE_HRTIMER},
			      {6 * ms, 0, 0, 0, CO_TRACE_EXPIRED, CO_TRACE_HRTIMER},
			      {7 * ms, 0, 0, 0, CO_TRACE_CANCEL, CO_TRACE_HRTIMER}, // idle
			      {9 * ms, 12 * ms, 1, 0, CO_TRACE_ARM, CO_TRACE_HRTIMER}}});
	const auto said = say({"--json", "replay", file, "--on", "timerfd"});
	ASSERT_EQ(said.status, 0) << said.err;
	const auto json = said.json();
	EXPECT_EQ(json["timers"], 2);
	EXPECT_EQ(json["expected"], 2);
	EXPECT_EQ(json["operations"], (Json{{"arm", 3},
					    {"re-arm later", 2},
					    {"re-arm earlier", 1},
					    {"cancel", 1},
					    {"cancel, idle", 1},
					    {"expired", 1}}));
	EXPECT_EQ(json["facilities"]["timerfd"]["live"]["expired"], 2);
	EXPECT_EQ(json["facilities"]["timerfd"]["live"]["early"], 0);
	EXPECT_EQ(json["facilities"]["timerfd"]["cost"]["calls"], 8);
	const auto text =
		say({"replay", file, "--on", "timerfd", "--what", "live", "--limit", "10ms"});
	EXPECT_TRUE(text.has("expired, of 1"));
	EXPECT_FALSE(text.has("BACK TO BACK"));
}

TEST_F(Commands, ReplayOfNoTrace)
{
	put("/trace", "not one");
	const auto said = say({"replay", (root_ / "trace").string(), "--on", "timerfd"});
	EXPECT_EQ(said.status, 1);
	EXPECT_TRUE(said.complains("is not a trace"));
	const auto none = say({"replay", "/nonexistent"});
	EXPECT_EQ(none.status, 1);
	EXPECT_TRUE(none.complains("cannot open /nonexistent: No such file or directory"))
		<< none.err;
}

} // namespace
