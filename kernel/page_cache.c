// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for what mm/filemap.c and mm/truncate.c lean on: LRU, writeback,
 * rmap and workingset. guest_memfd's folios are unevictable and never written
 * back, so all of it is bookkeeping that does not happen.
 */
#include <linux/backing-dev.h>
#include <linux/mm_inline.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/swap.h>
#include <linux/vmstat.h>

#include "standin.h"

DEFINE_PER_CPU(struct vm_event_state, vm_event_states);
struct list_lru shadow_nodes;

/* The frame's content as the module sees it goes with the bytes. */
__used static void clear_range(void *start, unsigned long bytes)
{
	unsigned long at;

	for (at = 0; at < bytes; at += PAGE_SIZE) {
		unsigned long pfn = PHYS_PFN(__pa(start + at)), count = PAGE_SIZE;
		void *page = start + at;

		proc_page_zeroed(pfn);
		if (page_take_blank(pfn))
			continue;
		/* The kernel's memset() unpatched is its slowest one. */
		asm volatile("rep stosb" : "+D" (page), "+c" (count) : "a" (0) : "memory");
	}
}

/* Called from inline assembly that says only RDI and RCX change and RAX is 0. */
asm(".pushsection .text\n"
    ".globl __clear_pages_unrolled\n"
    ".type __clear_pages_unrolled, @function\n"
    "__clear_pages_unrolled:\n"
    "	push %rdx; push %rsi; push %r8; push %r9; push %r10; push %r11\n"
    "	mov %rcx, %rsi\n"
    "	call clear_range\n"
    "	pop %r11; pop %r10; pop %r9; pop %r8; pop %rsi; pop %rdx\n"
    "	xor %eax, %eax; ret\n"
    ".popsection\n");

void folio_add_lru(struct folio *folio)
{
}

void folio_mark_accessed(struct folio *unused)
{
}

void mark_page_accessed(struct page *unused)
{
}

void folio_wait_writeback(struct folio *folio)
{
}

void __folio_cancel_dirty(struct folio *folio)
{
}

struct address_space *folio_mapping(const struct folio *folio)
{
	return folio->mapping;
}

bool shmem_mapping(const struct address_space *mapping)
{
	return false;
}

void workingset_update_node(struct xa_node *node)
{
}

void mod_node_page_state(struct pglist_data *node, enum node_stat_item item, long delta)
{
}
