// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for array queues: an array that grows without its contents being copied.
 *
 * It is made of single pages that stay where they are. To grow, pages are added and all of them are
 * mapped anew, side by side; the queue is then given the new mapping, in one store, and the old one
 * is undone. Both show the same pages meanwhile.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "internal.h"

/**
 * co_mem_grow() - map the array larger
 * @m:		the array
 * @bytes:	its new size
 * @cpu:	whose memory is preferred
 * @old:	the mapping until now, for vunmap() once it is out of use
 *
 * Every byte of what is new is 0xff.
 *
 * Context: May sleep; calls on one array are serialised.
 * Return: The new mapping, or NULL: then nothing has changed.
 */
void *co_mem_grow(struct co_mem *m, size_t bytes, unsigned int cpu, void **old)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	unsigned int n = DIV_ROUND_UP(bytes, PAGE_SIZE), i = m->n;
	struct page **pages = kvmalloc_array(n, sizeof(*pages), gfp);
	void *map = NULL;

	if (!pages)
		return NULL;
	if (m->n)
		memcpy(pages, m->pages, m->n * sizeof(*pages));
	for (; i < n; i++) {
		pages[i] = alloc_pages_node(cpu_to_node(cpu), gfp, 0);
		if (!pages[i])
			break;
		memset(page_address(pages[i]), 0xff, PAGE_SIZE);
		cond_resched();
	}
	if (i == n)
		map = vmap(pages, n, VM_MAP, PAGE_KERNEL);
	if (!map) {
		while (i > m->n)
			__free_page(pages[--i]);
		kvfree(pages);
		return NULL;
	}
	kvfree(m->pages);
	*old = m->map;
	*m = (struct co_mem){ .pages = pages, .n = n, .map = map };
	return map;
}

/* Give all back. Context: may sleep. */
void co_mem_free(struct co_mem *m)
{
	unsigned int i;

	vunmap(m->map);
	for (i = 0; i < m->n; i++)
		__free_page(m->pages[i]);
	kvfree(m->pages);
	*m = (struct co_mem){ };
}
