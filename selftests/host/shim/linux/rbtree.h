/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Stand-in for the kernel's header of this name: the same calls and the same order, equal entries
 * after those that are there. Not a red-black tree but a treap, whose priorities are a hash of the
 * nodes' addresses: it takes a third of the code and as much room in the node.
 */
#ifndef HOST_LINUX_RBTREE_H
#define HOST_LINUX_RBTREE_H

#include <linux/types.h>

struct rb_node {
	struct rb_node *parent;
	struct rb_node *rb_left;
	struct rb_node *rb_right;
};

struct rb_root {
	struct rb_node *rb_node;
};

struct rb_root_cached {
	struct rb_root rb_root;
	struct rb_node *rb_leftmost;
};

#ifdef __cplusplus
#define RB_ROOT_CACHED	(rb_root_cached{})
#else
#define RB_ROOT_CACHED	((struct rb_root_cached){ { NULL }, NULL })
#endif
#define rb_first_cached(root)	((root)->rb_leftmost)

struct rb_node *rb_next(const struct rb_node *node);
struct rb_node *rb_add_cached(struct rb_node *node, struct rb_root_cached *tree,
			      bool (*less)(struct rb_node *, const struct rb_node *));
struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *tree);

#endif
