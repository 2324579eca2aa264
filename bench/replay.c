// SPDX-License-Identifier: GPL-2.0
/*
 * Replays of a recorded trace.
 */
#include "bench.h"

int bench_replay_cost(struct bench_job *job)
{
	return -EINVAL;
}

int bench_replay_live(struct bench_job *job)
{
	return -EINVAL;
}
