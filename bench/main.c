// SPDX-License-Identifier: GPL-2.0
/*
 * The control files, in debugfs: callout_bench/job and callout_bench/trace.
 *
 * A line "workload=W facility=F n=N ..." written to `job` is run, by a thread bound to a CPU, before the
 * write returns; reading gives the result of the last job, one "name value..." a line. Bytes written to
 * `trace` (opened with O_TRUNC to begin anew) are the trace for the replays. One job at a time.
 */
#include <linux/completion.h>
#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>
#include "bench.h"

#define MAX_TRACE	SZ_256M

DEFINE_SPINLOCK(bench_spin);
DEFINE_RAW_SPINLOCK(bench_raw);

static DEFINE_MUTEX(one_job);		/* protects what follows */
static char *result;
static size_t result_len;
static void *trace;
static size_t trace_len, trace_cap;
static struct dentry *dir;

static const char *const facility_names[] = {
#define X(name)	[BENCH_##name] = #name,
	BENCH_FACILITIES(X)
#undef X
};

static const struct workload {
	const char *name;
	int (*run)(struct bench_job *job);
	bool trace;
} workloads[] = {
	{ "arm_cancel", bench_arm_cancel },
	{ "arm_cancel_head", bench_arm_cancel_head },
	{ "rearm_later", bench_rearm_later },
	{ "hold", bench_hold },
	{ "burst", bench_burst },
	{ "replay_cost", bench_replay_cost, true },
	{ "replay_live", bench_replay_live, true },
};

/* What is being run, for its thread. */
struct run {
	struct bench_job job;
	const struct workload *workload;
	struct completion done;
	int err;
};

static const struct parameter {
	const char *name;
	size_t offset;
	u64 min, max;
} parameters[] = {
	{ "n", offsetof(struct bench_job, n), 1, BENCH_MAX_N },
	{ "ops", offsetof(struct bench_job, ops), 1, 1U << 28 },
	{ "seed", offsetof(struct bench_job, seed), 1, U32_MAX },
	{ "rate", offsetof(struct bench_job, rate), 1, 100000000 },
	{ "cpu", offsetof(struct bench_job, cpu), 0, NR_CPUS - 1 },
	{ "speed", offsetof(struct bench_job, speed), 1, 1000 },
	{ "idle", offsetof(struct bench_job, idle), 0, 1 },
	{ "limit_ms", offsetof(struct bench_job, limit_ms), 0, 3600 * MSEC_PER_SEC },
};

/* ---- for the workloads ---------------------------------------------------------------------- */

void bench_out(struct bench_job *job, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	job->out_len += vscnprintf(job->out + job->out_len, BENCH_OUT_BYTES - job->out_len, fmt, args);
	va_end(args);
}

/* The trace; the caller runs in a job. */
const void *bench_trace(size_t *bytes)
{
	*bytes = trace_len;
	return trace;
}

/* Has the one who waits for the job been killed? */
bool bench_should_stop(void)
{
	return kthread_should_stop();
}

/* ---- jobs ----------------------------------------------------------------------------------- */

static int parse_number(struct run *run, const char *key, const char *value)
{
	const struct parameter *p;
	u64 number;
	int err;

	for (p = parameters; p < parameters + ARRAY_SIZE(parameters); p++) {
		if (strcmp(key, p->name))
			continue;
		err = kstrtou64(value, 0, &number);
		if (err)
			return err;
		if (number < p->min || number > p->max)
			return -ERANGE;
		*(u64 *)((char *)&run->job + p->offset) = number;
		return 0;
	}
	return -EINVAL;
}

static int parse_workload(struct run *run, const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(workloads); i++) {
		if (!strcmp(name, workloads[i].name)) {
			run->workload = &workloads[i];
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_facility(struct run *run, const char *name)
{
	int i = match_string(facility_names, ARRAY_SIZE(facility_names), name);

	run->job.facility = i;
	return i < 0 ? i : 0;
}

static int parse(struct run *run, char *line)
{
	bool facility = false;
	char *word;
	int err;

	run->job = (struct bench_job){
		.n = 100, .ops = 100000, .seed = 1, .rate = 20000, .speed = 1,
	};
	line = strim(line);
	while ((word = strsep(&line, " "))) {
		char *value = strchr(word, '=');

		if (!value)
			return -EINVAL;
		*value++ = 0;
		if (!strcmp(word, "workload")) {
			err = parse_workload(run, value);
		} else if (!strcmp(word, "facility")) {
			err = parse_facility(run, value);
			facility = true;
		} else {
			err = parse_number(run, word, value);
		}
		if (err)
			return err;
	}
	if (!run->workload || !facility || !cpu_online(run->job.cpu))
		return -EINVAL;
	return 0;
}

static int job_thread(void *arg)
{
	struct run *run = arg;
	u64 ns = ktime_get(), cycles = co_cheap_clock();

	run->err = run->workload->run(&run->job);
	bench_out(&run->job, "job_ns %llu\njob_cycles %llu\n", ktime_get() - ns,
		  co_cheap_clock() - cycles);
	complete(&run->done);
	while (!kthread_should_stop())
		schedule_timeout_interruptible(HZ);
	return 0;
}

/* Run the job on its CPU. A signal that kills ends it early. */
static int run_job(struct run *run)
{
	struct task_struct *thread;
	int err;

	if (run->workload->trace) {
		err = bench_trace_check(&run->job);
		if (err)
			return err;
	}
	run->job.items = vzalloc(array_size(run->job.n + BENCH_SPARE_ITEMS, sizeof(*run->job.items)));
	run->job.out = kvzalloc(BENCH_OUT_BYTES, GFP_KERNEL);
	err = -ENOMEM;
	if (!run->job.items || !run->job.out)
		goto out;
	init_completion(&run->done);
	thread = kthread_create(job_thread, run, "callout_bench");
	err = PTR_ERR_OR_ZERO(thread);
	if (err)
		goto out;
	kthread_bind(thread, run->job.cpu);
	wake_up_process(thread);
	err = wait_for_completion_killable(&run->done);
	kthread_stop(thread);
	if (!err)
		err = run->err;
out:
	vfree(run->job.items);
	return err;
}

static ssize_t job_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	struct run *run;
	char *line;
	int err;

	if (count > PAGE_SIZE)
		return -EINVAL;
	line = memdup_user_nul(from, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	run = kzalloc(sizeof(*run), GFP_KERNEL);
	err = run ? parse(run, line) : -ENOMEM;
	if (err)
		goto out;
	err = mutex_lock_killable(&one_job);
	if (err)
		goto out;
	err = run_job(run);
	kvfree(result);
	result = run->job.out;
	result_len = err ? 0 : run->job.out_len;
	mutex_unlock(&one_job);
out:
	kfree(run);
	kfree(line);
	return err ?: count;
}

static ssize_t job_read(struct file *file, char __user *to, size_t count, loff_t *pos)
{
	ssize_t got;

	mutex_lock(&one_job);
	got = simple_read_from_buffer(to, count, pos, result, result_len);
	mutex_unlock(&one_job);
	return got;
}

static const struct file_operations job_fops = {
	.owner = THIS_MODULE,
	.read = job_read,
	.write = job_write,
};

/* ---- the trace ------------------------------------------------------------------------------ */

static int trace_open(struct inode *inode, struct file *file)
{
	if (file->f_flags & O_TRUNC) {
		mutex_lock(&one_job);
		trace_len = 0;
		mutex_unlock(&one_job);
	}
	return 0;
}

static int trace_reserve(size_t bytes)
{
	size_t cap = max_t(size_t, SZ_1M, roundup_pow_of_two(bytes));
	void *more;

	if (bytes <= trace_cap)
		return 0;
	if (bytes > MAX_TRACE)
		return -EFBIG;
	more = vmalloc(cap);
	if (!more)
		return -ENOMEM;
	memcpy(more, trace, trace_len);
	vfree(trace);
	trace = more;
	trace_cap = cap;
	return 0;
}

static ssize_t trace_write(struct file *file, const char __user *from, size_t count, loff_t *pos)
{
	int err;

	mutex_lock(&one_job);
	err = trace_reserve(trace_len + count);
	if (!err && copy_from_user(trace + trace_len, from, count))
		err = -EFAULT;
	if (!err)
		trace_len += count;
	mutex_unlock(&one_job);
	return err ?: count;
}

static const struct file_operations trace_fops = {
	.owner = THIS_MODULE,
	.open = trace_open,
	.write = trace_write,
};

static int __init bench_init(void)
{
	dir = debugfs_create_dir("callout_bench", NULL);
	debugfs_create_file("job", 0600, dir, NULL, &job_fops);
	debugfs_create_file("trace", 0200, dir, NULL, &trace_fops);
	return 0;
}

static void __exit bench_exit(void)
{
	debugfs_remove_recursive(dir);
	kvfree(result);
	vfree(trace);
}

module_init(bench_init);
module_exit(bench_exit);
MODULE_DESCRIPTION("compares callouts with hrtimers and timer-wheel timers");
MODULE_LICENSE("GPL");
