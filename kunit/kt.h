/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the suites share: callouts of every kind, a time that stands still, threads that hold or wait.
 *
 * callout.ko runs on clock fake. Time moves by kt_set() alone, and interrupts come by kt_fire() (or,
 * as an arm for the past is one too, by itself). Callouts run on KT_CPU; the test's own thread is on CPU
 * 0 and so may wait for a handler that blocks there.
 *
 * No wait is without end: what takes longer than KT_PATIENCE fails the test, and handlers that block do
 * not outlast it either.
 */
#ifndef CALLOUT_KT_H
#define CALLOUT_KT_H

#include <kunit/test.h>
#include <linux/kthread.h>
#include "../module/internal.h"

#define KT_CPU		1	/* where callouts run */
#define KT_CPU2		2	/* where else; where locks are held */
#define KT_CPU3		3	/* goes offline */
#define KT_PATIENCE	(18 * HZ)

/* A unit of time that is exact in nanoseconds and in sbintime_t: 1/512 s. */
#define KT_UNIT_NS	1953125ULL

enum kt_lock {
	KT_NONE, KT_NONE_THREAD, KT_RAW, KT_SPIN, KT_RW, KT_RW_SHARED, KT_MUTEX, KT_RWSEM, KT_RWSEM_SHARED,
	KT_GIANT,
};

/* A kind of callout: its lock, CALLOUT_RETURNUNLOCKED or 0, C_DIRECT_EXEC or 0. */
struct kt_kind {
	const char *name;
	enum kt_lock lock;
	int unlocked;
	int direct;
};

/*
 * One callout under test. @todo is called by its handler with the lock held, @after when
 * CALLOUT_RETURNUNLOCKED has released it. What they find out goes to @res and is judged by the test's
 * thread.
 */
struct kt {
	struct callout c;
	union {
		raw_spinlock_t raw;
		spinlock_t spin;
		rwlock_t rw;
		struct mutex mutex;
		struct rw_semaphore rwsem;
	} lock;
	const struct kt_kind *kind;
	int cpu;
	struct list_head link;
	void (*todo)(struct kt *k);
	void (*after)(struct kt *k);
	u64 earliest;
	atomic_t ran;
	atomic_t inside;
	atomic_t drained;
	bool overlapped;
	bool early;
	bool entered;
	bool go;
	int ran_on;
	u64 ran_at;
	int place;
	int res[8];
};

/* A thread that calls @fn(@arg) and keeps the result. */
struct kt_thread {
	struct task_struct *task;
	bool done;
	int (*fn)(void *arg);
	void *arg;
	int ret;
};

/* A thread that holds a callout's lock until @go, then calls @then. */
struct kt_holder {
	struct kt_thread thread;
	struct kt *k;
	int (*then)(struct kt *k);
	bool held;
	bool go;
};

/*
 * A thread that holds the base locks of one CPU or two, the lower-numbered one first. Each is let go when two
 * others wait for it, who then have it in the order in which they came; or by kt_let_go_bases(). An interrupt that
 * an arm has sent is one that waits, too: kt_flush() first.
 */
struct kt_base_holder {
	struct kt_thread thread;
	int cpus[2];
	bool held;
	bool go;
};

extern const struct kt_kind kt_kinds[];		/* all */
extern const struct kt_kind kt_kinds_locked[];	/* whose lock protects the calls */
extern const struct kt_kind kt_kinds_seen[];	/* whose handler others see running */
extern const struct kt_kind kt_none, kt_spin, kt_raw, kt_mutex, kt_none_direct;

CO_GENERATOR(kt_kinds_gen_params);
CO_GENERATOR(kt_kinds_locked_gen_params);
CO_GENERATOR(kt_kinds_seen_gen_params);

int kt_suite_init(struct kunit_suite *suite);
int kt_init(struct kunit *test);
void kt_exit(struct kunit *test);

struct kt *kt_new(struct kunit *test, const struct kt_kind *kind);
void kt_forget(struct kt *k);
enum co_ctx kt_ctx(const struct kt_kind *kind);

void kt_init_lock(struct kt *k);
void kt_lock(struct kt *k);
void kt_release(struct kt *k, bool shared);
void kt_unlock(struct kt *k);
bool kt_trylock(struct kt *k);
void kt_call_begin(struct kt *k);
void kt_call_end(struct kt *k);
int kt_arm(struct kt *k, u64 at);
int kt_arm_on(struct kt *k, u64 at, int cpu);
int kt_arm_held(struct kt *k, u64 at);
int kt_within(struct kt *k, u64 earliest, u64 latest);
int kt_within_held(struct kt *k, u64 earliest, u64 latest);
int kt_stop(struct kt *k);
void kt_handler(void *arg);

u64 kt_t(int units);
u64 kt_now(void);
void kt_set(u64 ns);
void kt_restart(void);
void kt_serve(int cpu);
void kt_fire(struct kunit *test, int cpu);
void kt_flush(struct kunit *test, int cpu);
void kt_run_until(struct kunit *test, u64 ns);

void kt_start(struct kunit *test, struct kt_thread *t, int (*fn)(void *arg), void *arg, int cpu);
int kt_join(struct kunit *test, struct kt_thread *t);
void kt_wait_asleep(struct kunit *test, struct task_struct *task, const bool *done);
void kt_fire_async(struct kunit *test, struct kt_thread *t, int cpu);
void kt_hold(struct kunit *test, struct kt_holder *h, struct kt *k, int (*then)(struct kt *k));
int kt_let_go(struct kunit *test, struct kt_holder *h);
int kt_stop_and_free(struct kt *k);
void kt_hold_bases(struct kunit *test, struct kt_base_holder *h, int cpu, int cpu2);
void kt_wait_contended(struct kunit *test, int cpu);
void kt_let_go_bases(struct kunit *test, struct kt_base_holder *h);

void kt_block(struct kt *k);
void kt_make_block(struct kt *k);
void kt_run_blocked(struct kunit *test, struct kt_thread *t, struct kt *k);
void kt_unblock(struct kunit *test, struct kt_thread *t, struct kt *k);
bool kt_spin_until(const bool *flag);
void kt_sleep_ms(int ms);
void kt_wait_ran(struct kunit *test, struct kt *k, int n);
void kt_wait_for(struct kunit *test, const bool *flag);

struct co_base *kt_base(int cpu);
void kt_sleep_on(int cpu);
void kt_wake_on(int cpu);
void kt_isolate(int cpu, bool isolated);
void kt_exit_awake(struct kunit *test);
int kt_run_on(struct kunit *test, int cpu, int (*fn)(void *arg), void *arg);
int kt_arm_from(struct kunit *test, struct kt *k, int cpu, u64 at);
int kt_arm_from_within(struct kunit *test, struct kt *k, int cpu, u64 earliest, u64 latest);
void kt_set_class(struct kt *k, enum callout_affinity class, int cpu);
void kt_serve_all(void);

struct co_stats kt_stats(void);
u64 kt_armed(void);
u64 kt_migrated(void);

/* The state that a callout is left in when a test is over with it. */
#define KT_EXPECT_RAN(test, k, n) do {						\
	KUNIT_EXPECT_EQ(test, atomic_read(&(k)->ran), n);			\
	KUNIT_EXPECT_FALSE_MSG(test, (k)->overlapped, "ran beside itself");	\
	KUNIT_EXPECT_FALSE_MSG(test, (k)->early, "ran early");			\
} while (0)

/* Where a callout is, and what a CPU's clock is armed for. */
#define KT_EXPECT_ON(test, k, cpu)		KUNIT_EXPECT_EQ(test, (k)->c.c_cpu, cpu)
#define KT_EXPECT_ARMED(test, cpu, at)		KUNIT_EXPECT_EQ(test, co_clk_fake_armed(cpu), at)

/* Counts a kind of misuse around a statement. */
#define KT_EXPECT_MISUSE(test, what, times, statement) do {			\
	u64 kt_before = co_misuse_count(what);					\
	statement;								\
	KUNIT_EXPECT_EQ_MSG(test, co_misuse_count(what) - kt_before, (u64)(times), "after " #statement);	\
} while (0)

extern struct kunit_suite kt_suite_returns, kt_suite_races, kt_suite_cpus, kt_suite_frees, kt_suite_order,
	kt_suite_windows, kt_suite_clocks, kt_suite_fanout, kt_suite_growth, kt_suite_heap,
	kt_suite_convert, kt_suite_misuse, kt_suite_affinity,
	kt_suite_sleep, kt_suite_device;

#endif /* CALLOUT_KT_H */
