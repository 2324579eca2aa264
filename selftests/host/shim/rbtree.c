// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's rbtree, as far as its stand-in has it: not a red-black tree but a treap.
 */
#include <linux/rbtree.h>

static u64 priority(const struct rb_node *node)
{
	u64 x = (uintptr_t)node * 0x9e3779b97f4a7c15ULL;

	return (x ^ x >> 32) * 0xd6e8feb86659fd93ULL;
}

/* Let @to hang where @node hangs. */
static void replace_child(struct rb_root *root, struct rb_node *node, struct rb_node *to)
{
	struct rb_node *up = node->parent;

	if (!up)
		root->rb_node = to;
	else if (up->rb_left == node)
		up->rb_left = to;
	else
		up->rb_right = to;
	if (to)
		to->parent = up;
}

/* Rotate @node into its parent's place. */
static void rotate_up(struct rb_root *root, struct rb_node *node)
{
	struct rb_node *up = node->parent, *middle;

	replace_child(root, up, node);
	if (up->rb_left == node) {
		middle = node->rb_right;
		up->rb_left = middle;
		node->rb_right = up;
	} else {
		middle = node->rb_left;
		up->rb_right = middle;
		node->rb_left = up;
	}
	if (middle)
		middle->parent = up;
	up->parent = node;
}

struct rb_node *rb_next(const struct rb_node *node)
{
	const struct rb_node *up;

	if (node->rb_right) {
		for (node = node->rb_right; node->rb_left; node = node->rb_left)
			;
		return (struct rb_node *)node;
	}
	for (up = node->parent; up && up->rb_right == node; up = node->parent)
		node = up;
	return (struct rb_node *)up;
}

struct rb_node *rb_add_cached(struct rb_node *node, struct rb_root_cached *tree,
			      bool (*less)(struct rb_node *, const struct rb_node *))
{
	struct rb_node **link = &tree->rb_root.rb_node, *up = NULL;
	bool leftmost = true;

	while (*link) {
		up = *link;
		if (less(node, up)) {
			link = &up->rb_left;
		} else {
			link = &up->rb_right;
			leftmost = false;
		}
	}
	*node = (struct rb_node){ .parent = up };
	*link = node;
	if (leftmost)
		tree->rb_leftmost = node;
	while (node->parent && priority(node) > priority(node->parent))
		rotate_up(&tree->rb_root, node);
	return leftmost ? node : NULL;
}

struct rb_node *rb_erase_cached(struct rb_node *node, struct rb_root_cached *tree)
{
	bool leftmost = tree->rb_leftmost == node;

	if (leftmost)
		tree->rb_leftmost = rb_next(node);
	while (node->rb_left && node->rb_right)
		rotate_up(&tree->rb_root, priority(node->rb_left) > priority(node->rb_right) ?
						  node->rb_left : node->rb_right);
	replace_child(&tree->rb_root, node, node->rb_left ? node->rb_left : node->rb_right);
	return leftmost ? tree->rb_leftmost : NULL;
}
