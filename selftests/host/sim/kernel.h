/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in for the kernel's headers that callout.ko's core includes: the build makes each of them include this one.
 *
 * What matters to the simulation is done by the machine (machine.cpp, locks.cpp): locks, interrupts, softirqs, threads,
 * work, and which CPU this is. The rest does nothing, or what its name says.
 */
#ifndef SIM_KERNEL_H
#define SIM_KERNEL_H

#include <errno.h>
#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- configuration, and what the compiler should know ------------------------------------------ */

#define CONFIG_SMP		1
#define CONFIG_TRACEPOINTS	1
/* Base locks by raw_spin_lock(). */
#define CONFIG_DEBUG_SPINLOCK	1

#define SIM_SECOND(a, b, ...)	b
#define SIM_IS_ONE_1		0, 1
#define SIM_IS_ENABLED(x)	SIM_SECOND(x, 0, 0)
#define SIM_CAT(x)		SIM_IS_ENABLED(SIM_IS_ONE_##x)
#define IS_ENABLED(x)		SIM_CAT(x)

#define __aligned(n)		__attribute__((__aligned__(n)))
#define ____cacheline_aligned	__aligned(64)
#define __printf(a, b)		__attribute__((__format__(printf, a, b)))
#define EXPORT_SYMBOL_GPL(x)
#define EXPORT_PER_CPU_SYMBOL_GPL(x)
#define _RET_IP_		((unsigned long)__builtin_return_address(0))
#define lockdep_assert_held(x)	sim_assert_held(&(x)->l)
#define might_sleep()		((void)0)
#define cond_resched()		sim_point()
#define smp_wmb()		((void)0)

/* module/compat/compat.h is for real kernels. */
#define CALLOUT_COMPAT_H
#define CO_EXPORT_FOR_TESTS(x)
#define co_system_wq		0
#define co_cheap_clock()	((u64)0)
#define co_cheap_to_us(x)	((u64)(x))

/* ---- numbers, bits, lists ------------------------------------------------------------------- */

#define U8_MAX			((u8)~0U)
#define BIT(n)			(1UL << (n))
#define __ffs(x)		((unsigned int)__builtin_ctzl(x))
#define ilog2(x)		(63 - __builtin_clzl(x))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define max_t(t, a, b)		max((t)(a), (t)(b))
#define clamp(x, lo, hi)	min(max(x, lo), hi)
#define swap(a, b)			\
	do {				\
		__typeof__(a) __t = (a);	\
		(a) = (b);		\
		(b) = __t;		\
	} while (0)
#define for_each_set_bit(bit, word, size) \
	for ((bit) = 0; (bit) < (size); (bit)++) \
		if (*(word) & BIT(bit))
#define set_bit(n, word)	(sim_point(), (void)__atomic_fetch_or(word, BIT(n), __ATOMIC_SEQ_CST))
#define try_cmpxchg(p, old, new) \
	(sim_point(), __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
#define cmpxchg(p, old, new) \
	({ __typeof__(*(p)) __o = (old); (void)try_cmpxchg(p, &__o, new); __o; })

struct list_head {
	struct list_head *next, *prev;
};

#define LIST_HEAD(name)		struct list_head name = { &name, &name }

static inline void INIT_LIST_HEAD(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return READ_ONCE(l->next) == l;
}

static inline void list_add_tail(struct list_head *n, struct list_head *l)
{
	n->prev = l->prev;
	n->next = l;
	l->prev->next = n;
	l->prev = n;
}

static inline void list_splice_init(struct list_head *from, struct list_head *to)
{
	if (list_empty(from))
		return;
	from->prev->next = to->next;
	to->next->prev = from->prev;
	from->next->prev = to;
	to->next = from->next;
	INIT_LIST_HEAD(from);
}

#define list_for_each_entry_safe(p, n, head, member)					\
	for ((p) = container_of((head)->next, __typeof__(*(p)), member),		\
	     (n) = container_of((p)->member.next, __typeof__(*(p)), member);		\
	     &(p)->member != (head);							\
	     (p) = (n), (n) = container_of((n)->member.next, __typeof__(*(n)), member))

/* ---- CPUs ----------------------------------------------------------------------------------- */

#define SIM_MAX_CPUS		1024

extern unsigned int sim_cpu;	/* which of them this is */
extern unsigned int nr_cpu_ids;
bool cpu_online(unsigned int cpu);

#define cpu_possible(cpu)		((unsigned int)(cpu) < nr_cpu_ids)
#define raw_smp_processor_id()		sim_cpu
#define for_each_possible_cpu(cpu)	for ((cpu) = 0; (unsigned int)(cpu) < nr_cpu_ids; (cpu)++)
#define for_each_online_cpu(cpu)	for_each_possible_cpu(cpu) if (cpu_online(cpu))

#define DECLARE_PER_CPU(type, name)	extern __typeof__(type) name[SIM_MAX_CPUS]
#define DEFINE_PER_CPU(type, name)	__typeof__(type) name[SIM_MAX_CPUS]
#define per_cpu(name, cpu)		((name)[cpu])
#define per_cpu_ptr(p, cpu)		(&(*(p))[cpu])
#define this_cpu_ptr(p)			per_cpu_ptr(p, sim_cpu)
#define this_cpu_read(name)		((name)[sim_cpu])
#define this_cpu_inc(name)		((void)(name)[sim_cpu]++)
#define __this_cpu_read(name)		this_cpu_read(name)
#define __this_cpu_write(name, x)	((void)((name)[sim_cpu] = (x)))

enum hk_type { HK_TYPE_TIMER, HK_TYPE_DOMAIN };
#define CO_HK_TYPE_DOMAIN		HK_TYPE_DOMAIN
bool housekeeping_cpu(unsigned int cpu, enum hk_type type);

enum cpuhp_state { CPUHP_AP_ONLINE_DYN };
int cpuhp_setup_state(enum cpuhp_state state, const char *name, int (*up)(unsigned int), int (*down)(unsigned int));
static inline void cpuhp_remove_state(enum cpuhp_state state) { }

/* ---- locks ---------------------------------------------------------------------------------- */

struct sim_lock {
	const char *name;	/* as it was initialised: tells its kind, as with lockdep */
	unsigned int owner;	/* CPU plus one */
};

typedef struct raw_spinlock { struct sim_lock l; } raw_spinlock_t;
typedef struct spinlock { struct sim_lock l; } spinlock_t;
typedef struct rwlock { struct sim_lock l; } rwlock_t;
struct mutex { struct sim_lock l; };
struct rw_semaphore { struct sim_lock l; };

void sim_take(struct sim_lock *l);
bool sim_trylock(struct sim_lock *l);
void sim_unlock(struct sim_lock *l);
void sim_assert_held(const struct sim_lock *l);
void sim_relax(void);

#define SINGLE_DEPTH_NESTING		1
#define raw_spin_lock_init(x)		((void)((x)->l = (struct sim_lock){ #x, 0 }))
#define raw_spin_lock(x)		sim_take(&(x)->l)
#define raw_spin_lock_nested(x, n)	((void)(n), sim_take(&(x)->l))
#define raw_spin_trylock(x)		sim_trylock(&(x)->l)
#define raw_spin_unlock(x)		sim_unlock(&(x)->l)
#define spin_trylock(x)			sim_trylock(&(x)->l)
#define spin_unlock(x)			sim_unlock(&(x)->l)
#define read_trylock(x)			sim_trylock(&(x)->l)
#define read_unlock(x)			sim_unlock(&(x)->l)
#define write_trylock(x)		sim_trylock(&(x)->l)
#define write_unlock(x)			sim_unlock(&(x)->l)
#define DEFINE_MUTEX(name)		struct mutex name = { { "mutex", 0 } }

static inline void mutex_lock(struct mutex *m) { sim_take(&m->l); }
static inline bool mutex_trylock(struct mutex *m) { return sim_trylock(&m->l); }
static inline void mutex_unlock(struct mutex *m) { sim_unlock(&m->l); }
static inline bool down_read_trylock(struct rw_semaphore *s) { return sim_trylock(&s->l); }
static inline void up_read(struct rw_semaphore *s) { sim_unlock(&s->l); }
static inline bool down_write_trylock(struct rw_semaphore *s) { return sim_trylock(&s->l); }
static inline void up_write(struct rw_semaphore *s) { sim_unlock(&s->l); }

#define cpu_relax()			sim_relax()

struct completion {
	bool done;
};

#define init_completion(x)		((void)((x)->done = false))
#define complete(x)			((void)((x)->done = true))
#define wait_for_completion(x)		do sim_relax(); while (!READ_ONCE((x)->done))

/* ---- interrupts and who else runs ----------------------------------------------------------- */

bool sim_irq_save(void);
void sim_irq_restore(bool was_on);
bool in_hardirq(void);
bool in_serving_softirq(void);
bool irqs_disabled(void);

#define local_irq_save(flags)		((flags) = sim_irq_save())
#define local_irq_restore(flags)	sim_irq_restore(flags)
#define local_irq_disable()		((void)sim_irq_save())
#define local_irq_enable()		sim_irq_restore(true)
#define preempt_disable()		((void)0)
#define preempt_enable()		((void)0)

typedef struct call_single_data {
	void (*func)(void *);
	void *info;
	bool pending;
} call_single_data_t;

#define INIT_CSD(c, f, i)		((void)(*(c) = (call_single_data_t){ f, i, false }))
int smp_call_function_single_async(int cpu, call_single_data_t *csd);

struct irq_work {
	void (*func)(struct irq_work *);
	bool pending;
};

#define IRQ_WORK_INIT_HARD(f)		((struct irq_work){ f, false })
bool irq_work_queue(struct irq_work *work);
void irq_work_sync(struct irq_work *work);

struct tasklet_struct {
	void (*func)(struct tasklet_struct *);
	bool pending;
};

#define tasklet_setup(t, f)		((void)(*(t) = (struct tasklet_struct){ f, false }))
void tasklet_hi_schedule(struct tasklet_struct *t);
void tasklet_kill(struct tasklet_struct *t);

struct work_struct {
	void (*func)(struct work_struct *);
	bool pending;
};

struct delayed_work {
	struct work_struct work;
};

#define to_delayed_work(w)		container_of(w, struct delayed_work, work)
#define INIT_DELAYED_WORK(w, f)		((void)((w)->work = (struct work_struct){ f, false }))
void schedule_delayed_work(struct delayed_work *work, unsigned long delay);
#define mod_delayed_work(wq, w, delay)	schedule_delayed_work(w, delay)
void cancel_delayed_work_sync(struct delayed_work *work);

struct task_struct {
	unsigned int cpu;
};

struct task_struct *sim_current(void);
#define current				sim_current()
#define sched_set_fifo(t)		((void)(t))
void wake_up_process(struct task_struct *t);
/* Handlers do not sleep here. */
#define task_is_running(t)		((void)(t), true)

struct smp_hotplug_thread {
	struct task_struct *(*store)[SIM_MAX_CPUS];
	int (*thread_should_run)(unsigned int cpu);
	void (*thread_fn)(unsigned int cpu);
	void (*setup)(unsigned int cpu);
	const char *thread_comm;
};

int smpboot_register_percpu_thread(struct smp_hotplug_thread *threads);
static inline void smpboot_unregister_percpu_thread(struct smp_hotplug_thread *threads) { }

/* ---- memory, time, static calls and keys, trace points -------------------------------------- */

#define GFP_KERNEL			0
#define PAGE_SIZE			4096UL
#define PAGE_ALIGN(x)			(((x) + PAGE_SIZE - 1) & -PAGE_SIZE)
struct page;

static inline void *kcalloc(size_t n, size_t size, int gfp)
{
	void *p = aligned_alloc(64, n * size);

	if (p)
		memset(p, 0, n * size);
	return p;
}

#define kfree(p)			free(p)
#define vunmap(p)			free(p)

#define time_after(a, b)		((long)((b) - (a)) < 0)

/* Static calls are plain functions of the simulator's. */
#define DECLARE_STATIC_CALL(name, f)	extern __typeof__(f) sim_##name
#define static_call(name)		sim_##name
#define DECLARE_STATIC_KEY_FALSE(name)	extern bool name
#define static_branch_unlikely(key)	unlikely(*(key))

/* What must not be; does not come back. */
void sim_fatal(const char *fmt, ...) __printf(1, 2) __attribute__((__noreturn__));
#define pr_warn(fmt, ...)		sim_fatal("the module warns: %s", fmt)

#define TP_PROTO(...)			__VA_ARGS__
#define TP_ARGS(...)
#define DECLARE_EVENT_CLASS(...)
#define TRACE_EVENT(name, proto, ...)				\
	static inline void trace_##name(proto) { }		\
	static inline bool trace_##name##_enabled(void) { return false; }
#define DEFINE_EVENT(class, name, proto, args)	TRACE_EVENT(name, TP_PROTO(proto))
#define DEFINE_EVENT_PRINT(class, name, proto, args, print)	TRACE_EVENT(name, TP_PROTO(proto))

#define PWR_EVENT_EXIT			-1
int register_trace_cpu_idle(void (*probe)(void *unused, unsigned int state, unsigned int cpu), void *data);
static inline void unregister_trace_cpu_idle(void (*probe)(void *, unsigned int, unsigned int), void *data) { }
static inline void tracepoint_synchronize_unregister(void) { }

#ifdef __cplusplus
}
#endif

#endif /* SIM_KERNEL_H */
