// SPDX-License-Identifier: GPL-2.0
/*
 * Misuse: what a caller can get wrong is told once a kind, with function and caller, and has a
 * defined result. On kernels with lockdep the associated lock is looked for; with debugobjects a
 * callout that was freed, never initialised or initialised while pending is reported by its
 * handler.
 */
#include <linux/debugobjects.h>
#include <linux/sched/task_stack.h>
#include "internal.h"

static atomic64_t misuses[CO_NMISUSE];

static const char *const misuse_text[CO_NMISUSE] = {
	[CO_BAD_INIT] = "not initialised",
	[CO_BAD_LOCK] = "no lock given, or one that does not fit the flags",
	[CO_BAD_FLAGS] = "unknown or contradicting flags",
	[CO_BAD_CPU] = "no such CPU, or not online",
	[CO_BAD_FUNC] = "no function",
	[CO_BAD_TIME] = "time out of range",
	[CO_BAD_WINDOW] = "window out of range",
	[CO_BAD_SHUT] = "armed after callout_shutdown()",
	[CO_BAD_NOT_LOCKED] = "the associated lock is not held",
	[CO_BAD_DRAIN] = "drain would wait for its own caller",
	[CO_BAD_CONTEXT] = "C_DIRECT_EXEC of a callout that runs in a thread",
};

/* Tell of a caller's mistake, the first time of its kind. Not under a base lock. */
void co_misuse(enum co_misuse what, const char *func, unsigned long caller, const char *detail)
{
	if (atomic64_inc_return(&misuses[what]) == 1)
		pr_warn("callout: %s() called from %pS: %s; %s\n", func, (void *)caller,
			misuse_text[what], detail);
}

/* How often a kind of mistake was made since the module was loaded. */
u64 co_misuse_count(enum co_misuse what)
{
	return atomic64_read(&misuses[what]);
}
CO_EXPORT_FOR_TESTS(co_misuse_count);

#ifdef CONFIG_LOCKDEP
/* For the inline functions. A callout that was not initialised is told of on the long way. */
void __callout_assert_locked(const struct callout *c, const char *what)
{
	if (c->c_attr & CO_ATTR_VALID)
		co_check_locked(c, !(c->c_attr & CO_ATTR_SHARED), what, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__callout_assert_locked);
#endif

#ifdef CONFIG_DEBUG_OBJECTS
static void *debug_hint(void *addr)
{
	return ((struct callout *)addr)->c_func;
}

static const struct debug_obj_descr descr;

/* Initialised or freed while pending: take it off, so that the report is all that happens. */
static bool debug_fixup_init(void *addr, enum debug_obj_state state)
{
	if (state != ODEBUG_STATE_ACTIVE)
		return false;
	co_take_off(addr);
	debug_object_init(addr, &descr);
	return true;
}

static bool debug_fixup_free(void *addr, enum debug_obj_state state)
{
	if (state != ODEBUG_STATE_ACTIVE)
		return false;
	co_take_off(addr);
	debug_object_free(addr, &descr);
	return true;
}

static const struct debug_obj_descr descr = {
	.name = "callout",
	.debug_hint = debug_hint,
	.fixup_init = debug_fixup_init,
	.fixup_free = debug_fixup_free,
};

void co_debug_init(struct callout *c)
{
	if (object_is_on_stack(c))
		debug_object_init_on_stack(c, &descr);
	else
		debug_object_init(c, &descr);
}

void co_debug_activate(struct callout *c)
{
	debug_object_activate(c, &descr);
}

void co_debug_deactivate(struct callout *c)
{
	debug_object_deactivate(c, &descr);
}

void co_debug_assert_init(struct callout *c)
{
	debug_object_assert_init(c, &descr);
}
#endif
