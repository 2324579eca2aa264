// SPDX-License-Identifier: MIT
// The structures' layout, for C; with -g, what pahole looks at (see `holes`).
#include <linux/callout.h>
#include <stddef.h>

#define CHECK_SIZE(type, bytes)                                                                    \
	_Static_assert(sizeof(struct type) == (bytes), #type);                                     \
	extern struct type a_##type;                                                               \
	struct type a_##type;
#define CHECK(type, member, at, bytes)                                                             \
	_Static_assert(offsetof(struct type, member) == (at), #type "." #member);                  \
	_Static_assert(sizeof(((struct type *)0)->member) == (bytes), #type "." #member);
#include "layout.h"

/* Elements of arrays keep their members aligned. */
_Static_assert(_Alignof(struct callout_timer) == 8 && _Alignof(struct callout_event) == 8, "alignment");
_Static_assert(offsetof(struct callout_ring, event) == 128, "the ring's events");

/* A structure that is shared with the kernel, with a callout in it. */
struct shared {
	__u32 number;
	struct callout c;
	__u64 after;
};
extern struct shared a_shared;
struct shared a_shared;
_Static_assert(sizeof(struct callout) == CALLOUT_OPAQUE_SIZE, "the size of a callout");
_Static_assert(_Alignof(struct callout) == CALLOUT_OPAQUE_ALIGN, "its alignment");
_Static_assert(offsetof(struct shared, c) == 8, "where it is");
_Static_assert(offsetof(struct shared, after) == 8 + CALLOUT_OPAQUE_SIZE, "where it ends");
