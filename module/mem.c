// SPDX-License-Identifier: GPL-2.0
/*
 * Memory for array queues: two arrays that grow without their contents being copied.
 *
 * They are made of single pages that stay where they are. To grow, pages are added and all of them
 * are mapped anew, side by side, the second array behind the first; the queue is then given the new
 * mapping, and the old one is undone. Both show the same pages meanwhile.
 */
#include <linux/gfp.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include "internal.h"

/**
 * co_mem_grow() - map the arrays larger
 * @m:		the arrays
 * @bytes:	the new size of each
 * @cpu:	whose memory is preferred
 * @old:	the mapping until now, for vunmap() once it is out of use
 *
 * Every byte of what is new is 0xff.
 *
 * Context: May sleep; calls on the same arrays are serialised.
 * Return: The first array; the second is @bytes, rounded up to pages, behind it. Or NULL: then
 * nothing has changed.
 */
void *co_mem_grow(struct co_mem *m, size_t bytes, unsigned int cpu, void **old)
{
	const gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	const unsigned int n = DIV_ROUND_UP(bytes, PAGE_SIZE);
	struct page **pages = kvcalloc(2 * n, sizeof(*pages), gfp);
	void *map = NULL;
	unsigned int i;

	if (!pages)
		return NULL;
	if (m->n) {
		memcpy(pages, m->pages, m->n * sizeof(*pages));
		memcpy(pages + n, m->pages + m->n, m->n * sizeof(*pages));
	}
	for (i = 0; i < 2 * n; i++) {
		if (pages[i])
			continue;
		pages[i] = alloc_pages_node(cpu_to_node(cpu), gfp, 0);
		if (!pages[i])
			goto fail;
		memset(page_address(pages[i]), 0xff, PAGE_SIZE);
		cond_resched();
	}
	map = vmap(pages, 2 * n, VM_MAP, PAGE_KERNEL);
	if (!map)
		goto fail;
	kvfree(m->pages);
	*old = m->map;
	*m = (struct co_mem){ .pages = pages, .n = n, .map = map };
	return map;

fail:
	for (i = m->n; i < 2 * n; i++) {
		if (pages[i] && (i < n || i >= n + m->n))
			__free_page(pages[i]);
	}
	kvfree(pages);
	return NULL;
}

/* Give all back. Context: may sleep. */
void co_mem_free(struct co_mem *m)
{
	unsigned int i;

	vunmap(m->map);
	for (i = 0; i < 2 * m->n; i++)
		__free_page(m->pages[i]);
	kvfree(m->pages);
	*m = (struct co_mem){ };
}
