// SPDX-License-Identifier: GPL-2.0
// libFuzzer target: the input is a program for the rig, in which every operation is compared with
// the model.
//
// An operation is four bytes: a letter, the callout, and two of key; corpus/ has readable ones.
// Letters: a arm, m move in place, u put a moved one in its place, k put off, h hand over, r
// remove, p pop, g grow, s settle, w the worker's round, b arm 64 at once with keys that rise, d
// the same with one key.
#include "rig.hpp"
#include <algorithm>

namespace {

constexpr std::size_t callouts = 1024;

struct Input {
	const std::uint8_t *at, *end;

	bool next(std::uint8_t (&op)[4])
	{
		if (end - at < 4)
			return false;
		std::copy_n(at, 4, op);
		at += 4;
		return true;
	}
};

void arm_many(Rig &rig, Rig::Id from, Rig::Key key, Rig::Key step)
{
	for (Rig::Id i = 0; i < 64; i++)
		rig.arm((from + i) % callouts, std::min<Rig::Key>(key + i * step, CO_KEY_MAX));
}

void do_one(Rig &rig, const std::uint8_t (&op)[4])
{
	// Four callouts an id apart, so that those armed in bulk are reached.
	const Rig::Id id = op[1] * 4U % callouts;
	const Rig::Key key = op[2] == 0xff ? CO_KEY_MAX - op[3] : op[2] << 8U | op[3];

	switch (op[0]) {
	case 'a':
		return rig.arm(id, key);
	case 'b':
		return arm_many(rig, id, key, 1);
	case 'd':
		return arm_many(rig, id, key, 0);
	case 'g':
		rig.grow();
		return;
	case 's':
		rig.settle();
		return;
	case 'w':
		return rig.serve();
	case 'p':
		if (rig.size())
			rig.pop();
		return;
	}
	if (!rig.queued(id))
		return;
	switch (op[0]) {
	case 'm':
		rig.move(id, key);
		return;
	case 'u':
		return rig.settle_moved(id);
	case 'k':
		return rig.rekey(id, key);
	case 'h':
		return rig.hand_over(id);
	case 'r':
		return rig.remove(id);
	}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
	for (const Discipline &d : disciplines()) {
		Rig rig(d, callouts, 0xffffffc0);
		rig.check_every(8);
		Input input{data, data + size};
		std::uint8_t op[4];

		while (input.next(op))
			do_one(rig, op);
		while (rig.size())
			rig.pop();
	}
	return 0;
}
