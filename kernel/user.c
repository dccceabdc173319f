// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for mm/gup.c, mm/memory.c and mm/mmap.c: the VMM's own memory.
 *
 * A user address from KERN_USER_BASE on names an anonymous page that is
 * allocated at first touch and stays until it is freed; the page tables are
 * empty (KVM reads them for the size of a mapping, which is 4K for pages like
 * these); no swap, no write protection. Arguments of system calls are not
 * there but in the process's own memory, which the real user-access code of
 * arch/x86/lib reads and writes directly.
 */
#include <linux/mman.h>
#include <linux/mmu_notifier.h>
#include <linux/pagemap.h>
#include <linux/rmap.h>
#include <linux/xarray.h>
#include <asm/runtime-const.h>

#include "standin.h"

unsigned long USER_PTR_MAX;

static DEFINE_XARRAY(user_pages);	/* by pfn of the user address */
static struct page *source_page;	/* shown at KERN_USER_SOURCE and above */
static unsigned long mmap_next = KERN_USER_MMAP;

static struct page *user_page(unsigned long address, bool create)
{
	unsigned long index = address >> PAGE_SHIFT;
	struct page *page;

	if (address >= KERN_USER_SOURCE && address < KERN_USER_BASE)
		return source_page;
	page = xa_load(&user_pages, index);
	if (page || !create)
		return page;
	page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_ZERO);
	if (page)
		xa_store(&user_pages, index, page, GFP_KERNEL | __GFP_NOFAIL);
	return page;
}

/* KVM maps memory of its own for an ordinary VM: an address range is enough. */
unsigned long vm_mmap(struct file *file, unsigned long address, unsigned long length,
		      unsigned long prot, unsigned long flags, unsigned long offset)
{
	unsigned long start = mmap_next;

	mmap_next += PAGE_ALIGN(length);
	return start;
}

int vm_munmap(unsigned long start, size_t length)
{
	unsigned long index;
	struct page *page;

	xa_for_each_range(&user_pages, index, page, start >> PAGE_SHIFT,
			  (start + length - 1) >> PAGE_SHIFT) {
		xa_erase(&user_pages, index);
		put_page(page);
	}
	return 0;
}

/* What access_ok() compares with is patched into the text, by boot code elsewhere. */
void user_init(void)
{
	USER_PTR_MAX = TASK_SIZE_MAX;
	runtime_const_init(ptr, USER_PTR_MAX);
}

unsigned long kern_source_show(void)
{
	source_page = alloc_page(GFP_HIGHUSER_MOVABLE | __GFP_NOFAIL);
	return source_page ? page_to_pfn(source_page) : ~0UL;
}

void kern_source_remove(void)
{
	put_page(source_page);
	source_page = NULL;
}

void kern_exit_mm(void)
{
	unsigned long index;
	struct page *page;

	if (mm_has_notifiers(current->mm))
		__mmu_notifier_release(current->mm);
	xa_for_each(&user_pages, index, page) {
		xa_erase(&user_pages, index);
		put_page(page);
	}
}

static long get_pages(unsigned long start, unsigned long nr, struct page **pages, bool create)
{
	unsigned long i;

	for (i = 0; i < nr; i++) {
		struct page *page = user_page(start + i * PAGE_SIZE, create);

		if (!page)
			return i ? i : -EFAULT;
		get_page(page);
		pages[i] = page;
	}
	return nr;
}

int get_user_pages_fast(unsigned long start, int nr, unsigned int flags, struct page **pages)
{
	return get_pages(start, nr, pages, true);
}

int get_user_pages_fast_only(unsigned long start, int nr, unsigned int flags, struct page **pages)
{
	int got = get_pages(start, nr, pages, false);

	return max(got, 0);
}

long get_user_pages_unlocked(unsigned long start, unsigned long nr, struct page **pages,
			     unsigned int flags)
{
	return get_pages(start, nr, pages, true);
}

long get_user_pages_remote(struct mm_struct *mm, unsigned long start, unsigned long nr,
			   unsigned int flags, struct page **pages, int *locked)
{
	return get_pages(start, nr, pages, true);
}

void *memdup_user(const void __user *from, size_t size)
{
	void *copy = kmalloc(size, GFP_USER);

	if (!copy)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(copy, from, size)) {
		kfree(copy);
		return ERR_PTR(-EFAULT);
	}
	return copy;
}

void *vmemdup_user(const void __user *from, size_t size)
{
	return memdup_user(from, size);
}

/* mmu_notifier_register() keeps the address space from changing; nobody else is here. */
int mm_take_all_locks(struct mm_struct *mm)
{
	return 0;
}

void mm_drop_all_locks(struct mm_struct *mm)
{
}

void __mmdrop(struct mm_struct *mm)
{
	proc_fatal("the VMM's address space lost its last reference");
}

void mmput(struct mm_struct *mm)
{
	atomic_dec(&mm->mm_users);
}
