// SPDX-License-Identifier: GPL-2.0-only
/*
 * Shared mappings of files: mm/memory.c and mm/mmap.c of Linux 7.3.4, 4K page
 * table entries, VM_SHARED only. Left out: anonymous memory, copy on write,
 * huge entries, fault-around, merging of VMAs, rmap beyond i_mmap.
 */
#include <stdio.h>

#include "model/mm/internal.h"

/* A page-table entry as an xarray value: pfn << 2 | poisoned << 1 | writable. */
#define PTE_WRITE	1u
#define PTE_HWPOISON	2u

static void *mk_pte(kvm_pfn_t pfn, u32 bits)
{
	return xa_mk_value(pfn << 2 | bits);
}

struct mm_struct *mm_alloc(struct env *env, const char *name)
{
	struct mm *mm = env->layer[LAYER_MM];
	struct mm_struct *mms = pool_alloc(&mm->mm_structs);

	lock_init(&mms->mmap_lock, LOCK_MMAP_LOCK, 0);
	INIT_LIST_HEAD(&mms->mmap);
	mms->next_start = 0x7f0000000000;
	snprintf(mms->name, sizeof(mms->name), "%s", name);
	return mms;
}

struct vm_area_struct *find_vma(struct mm_struct *mms, u64 address)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mms->mmap, vm_list)
		if (address >= vma->vm_start && address < vma->vm_end)
			return vma;
	return NULL;
}

/* -- taking entries away -------------------------------------------------------- */

static void folio_remove_rmap(struct folio *folio, struct page *page)
{
	page->_mapcount--;
	if (folio_test_large(folio))
		folio->_large_mapcount--;
}

static void zap_pte(struct vm_area_struct *vma, pgoff_t pgoff, void *pte)
{
	u64 value = xa_to_value(pte);
	struct page *page = __pfn_to_page(mm_of(vma), value >> 2);
	struct folio *folio = page_folio(page);

	xa_erase(&vma->ptes, pgoff);
	if (value & PTE_HWPOISON)
		return;		/* a marker holds neither reference nor mapcount */
	folio_remove_rmap(folio, page);
	folio_put_as(folio, HOLDER_USER_MAP);
}

static void zap_vma_range(struct vm_area_struct *vma, pgoff_t first, pgoff_t last)
{
	u64 at = first;
	void *pte;

	while ((pte = xa_find(&vma->ptes, &at, last)))
		zap_pte(vma, at, pte);
}

static void unmap_mapping_range_tree(struct address_space *mapping, pgoff_t first, pgoff_t last)
{
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mapping->i_mmap, shared)
		zap_vma_range(vma, first, last);
}

void unmap_folio_locked(struct folio *folio)
{
	if (folio_mapped(folio))
		unmap_mapping_range_tree(folio->mapping, folio->index, folio_next_index(folio) - 1);
}

void unmap_mapping_folio(struct folio *victim)
{
	struct address_space *cache = victim->mapping;

	VM_BUG_ON_FOLIO(!folio_test_locked(victim), victim);
	down_read(&cache->i_mmap_rwsem);
	unmap_mapping_range_tree(cache, victim->index, folio_next_index(victim) - 1);
	up_read(&cache->i_mmap_rwsem);
}

void unmap_mapping_pages(struct address_space *mapping, pgoff_t start, pgoff_t nr, bool even_cows)
{
	pgoff_t last = nr && start + nr - 1 >= start ? start + nr - 1 : ~0ULL;

	down_read(&mapping->i_mmap_rwsem);
	unmap_mapping_range_tree(mapping, start, last);
	up_read(&mapping->i_mmap_rwsem);
}

/*
 * Memory failure: entries of the folio become hwpoison markers, so that the next
 * access gets a SIGBUS, or plainly go when the content can be read again.
 */
void unmap_poisoned_folio(struct folio *folio, bool must_kill)
{
	struct address_space *cache = folio->mapping;
	bool markers = must_kill || folio_test_dirty(folio) || !mapping_can_writeback(cache);
	struct vm_area_struct *vma;

	if (!markers)
		kmsg(env_of(folio), KMSG_INFO, "unmap_poisoned_folio",
		     "Memory failure: %#x: clean page, its content is on the disk", folio->pfn);
	down_read(&cache->i_mmap_rwsem);
	list_for_each_entry(vma, &cache->i_mmap, shared) {
		u64 at = folio->index, last = folio_next_index(folio) - 1;
		void *pte;

		for (; (pte = xa_find(&vma->ptes, &at, last)); at++) {
			u64 value = xa_to_value(pte);

			if (value & PTE_HWPOISON)
				continue;
			zap_pte(vma, at, pte);
			if (markers)
				xa_store(&vma->ptes, at, mk_pte(value >> 2, PTE_HWPOISON),
					 __GFP_NOFAIL);
		}
	}
	up_read(&cache->i_mmap_rwsem);
}

/* -- mmap and munmap --------------------------------------------------------------- */

struct vm_area_struct *vm_mmap(struct mm_struct *mms, struct file *file, u64 offset,
			       u64 len, bool shared)
{
	struct mm *mm = mm_of(mms);
	struct vm_area_struct *vma;
	int err = -ENODEV;

	if (!len || !IS_ALIGNED(offset, PAGE_SIZE))
		return ERR_PTR(-EINVAL);
	if (inject_alloc(mm->env, "vm_area_struct"))
		return ERR_PTR(-ENOMEM);
	len = ALIGN_UP(len, PAGE_SIZE);
	down_write(&mms->mmap_lock);
	vma = pool_alloc(&mm->vmas);
	vma->vm_start = mms->next_start;
	vma->vm_end = vma->vm_start + len;
	vma->vm_pgoff = offset >> PAGE_SHIFT;
	vma->vm_flags = VM_READ | VM_WRITE | (shared ? VM_SHARED | VM_MAYSHARE : 0);
	vma->vm_file = get_file(file);
	vma->vm_mm = mms;
	if (file->f_op->mmap)
		err = file->f_op->mmap(file, vma);
	if (err) {
		pool_free(&mm->vmas, vma);
		up_write(&mms->mmap_lock);
		fput(file);
		return ERR_PTR(err);
	}
	mms->next_start = vma->vm_end + PAGE_SIZE;
	list_add_tail(&vma->vm_list, &mms->mmap);
	down_write(&file->f_mapping->i_mmap_rwsem);
	list_add_tail(&vma->shared, &file->f_mapping->i_mmap);
	up_write(&file->f_mapping->i_mmap_rwsem);
	up_write(&mms->mmap_lock);
	return vma;
}

static void remove_vma(struct vm_area_struct *vma)
{
	struct mm *mm = mm_of(vma);
	struct file *file = vma->vm_file;

	zap_vma_range(vma, 0, ~0ULL);
	down_write(&file->f_mapping->i_mmap_rwsem);
	list_del(&vma->shared);
	up_write(&file->f_mapping->i_mmap_rwsem);
	list_del(&vma->vm_list);
	xa_destroy(&vma->ptes);
	pool_free(&mm->vmas, vma);
	fput(file);
}

/* Unmapping from the middle would need a second VMA: the caller gets -EINVAL. */
int vm_munmap(struct mm_struct *mms, u64 start, u64 len)
{
	struct vm_area_struct *vma, *next;
	u64 end = start + ALIGN_UP(len, PAGE_SIZE);
	int ret = 0;

	if (!IS_ALIGNED(start, PAGE_SIZE) || !len)
		return -EINVAL;
	down_write(&mms->mmap_lock);
	list_for_each_entry_safe(vma, next, &mms->mmap, vm_list) {
		u64 from = start > vma->vm_start ? start : vma->vm_start;
		u64 to = end < vma->vm_end ? end : vma->vm_end;
		pgoff_t first;

		if (from >= to)
			continue;
		if (from == vma->vm_start && to == vma->vm_end) {
			remove_vma(vma);
			continue;
		}
		if (from != vma->vm_start && to != vma->vm_end) {
			ret = -EINVAL;
			continue;
		}
		first = vma->vm_pgoff + ((from - vma->vm_start) >> PAGE_SHIFT);
		zap_vma_range(vma, first, first + ((to - from) >> PAGE_SHIFT) - 1);
		if (from == vma->vm_start) {
			vma->vm_pgoff += (to - from) >> PAGE_SHIFT;
			vma->vm_start = to;
		} else {
			vma->vm_end = from;
		}
	}
	up_write(&mms->mmap_lock);
	return ret;
}

void exit_mmap(struct mm_struct *mms)
{
	struct vm_area_struct *vma, *next;

	list_for_each_entry_safe(vma, next, &mms->mmap, vm_list)
		remove_vma(vma);
	pool_free(&mm_of(mms)->mm_structs, mms);
}

/* -- faults ---------------------------------------------------------------------------- */

static pgoff_t page_index_of(const struct vm_area_struct *vma, u64 address)
{
	return vma->vm_pgoff + ((address - vma->vm_start) >> PAGE_SHIFT);
}

/* The page the handler brought goes into the page table, its reference with it. */
static vm_fault_t finish_fault(struct vm_fault *vmf)
{
	struct page *page = vmf->page;
	struct folio *folio = page_folio(page);

	if (IS_ERR(xa_store(&vmf->vma->ptes, vmf->pgoff, mk_pte(page->pfn, PTE_WRITE), GFP_KERNEL)))
		return VM_FAULT_OOM;
	ledger_move(folio, HOLDER_LOOKUP, HOLDER_USER_MAP, 1);
	page_store(page, "set mapcount");
	page->_mapcount++;
	if (folio_test_large(folio))
		folio->_large_mapcount++;
	return 0;
}

/* Written through a shared mapping; who has a dirty_folio of its own sees to that. */
static void folio_mark_dirty(struct folio *folio)
{
	struct address_space *cache = folio->mapping;

	if (!cache)
		return;
	if (cache->a_ops->dirty_folio)
		cache->a_ops->dirty_folio(cache, folio);
	else
		folio_set_dirty(folio);
}

vm_fault_t handle_mm_fault(struct vm_area_struct *vma, u64 address, bool write)
{
	struct vm_fault vmf = {
		.vma = vma,
		.address = ALIGN_DOWN(address, PAGE_SIZE),
		.pgoff = page_index_of(vma, address),
		.write = write,
	};
	void *pte = xa_load(&vma->ptes, vmf.pgoff);
	struct folio *folio;
	vm_fault_t ret;

	if (pte)
		return xa_to_value(pte) & PTE_HWPOISON ? VM_FAULT_HWPOISON : 0;
	if (!vma->vm_ops || !vma->vm_ops->fault)
		return VM_FAULT_SIGBUS;
	ret = vma->vm_ops->fault(&vmf);
	if (ret & (VM_FAULT_ERROR | VM_FAULT_NOPAGE | VM_FAULT_RETRY))
		return ret;
	folio = page_folio(vmf.page);
	if (!(ret & VM_FAULT_LOCKED))
		folio_lock(folio);
	if (unlikely(PageHWPoison(vmf.page)))
		ret = VM_FAULT_HWPOISON;
	else
		ret = finish_fault(&vmf);
	if (!ret && write)
		folio_mark_dirty(folio);
	folio_unlock(folio);
	if (ret)
		folio_put(folio);
	return ret;
}

static int fault_errno(struct mm_struct *mms, vm_fault_t fault)
{
	if (fault & VM_FAULT_OOM)
		return -ENOMEM;
	mms->sigbus = true;
	mms->sigbus_lsb = PAGE_SHIFT;
	return fault & (VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE) ? -EHWPOISON : -EFAULT;
}

/* The page mapped at @address, faulted in if need be; NULL with *err. mmap_lock is held. */
struct page *follow_or_fault(struct mm_struct *mms, u64 address, bool write, int *err)
{
	struct vm_area_struct *vma = find_vma(mms, address);
	void *pte;

	*err = -EFAULT;
	if (!vma)
		return NULL;
	for (;;) {
		vm_fault_t fault = handle_mm_fault(vma, address, write);

		if (fault & VM_FAULT_ERROR) {
			*err = fault_errno(mms, fault);
			return NULL;
		}
		pte = xa_load(&vma->ptes, page_index_of(vma, address));
		if (pte && !(xa_to_value(pte) & PTE_HWPOISON))
			return __pfn_to_page(mm_of(mms), xa_to_value(pte) >> 2);
		if (task_spin(env_of(mms), "handle_mm_fault", "the page to become mappable"))
			return NULL;
	}
}

/* The task work after #MC in user mode: poison is handled, what cannot be is a SIGBUS. */
static void user_machine_check(struct mm_struct *mms, kvm_pfn_t pfn)
{
	int ret = memory_failure(env_of(mms), pfn, MF_ACTION_REQUIRED);

	if (!ret || ret == -EHWPOISON || ret == -EOPNOTSUPP)
		return;
	kmsg(env_of(mms), KMSG_ERR, "kill_me_maybe", "mce: Memory error not recovered");
	mms->sigbus = true;
	mms->sigbus_lsb = PAGE_SHIFT;
}

int user_access(struct mm_struct *mms, u64 address, bool write, u64 *token)
{
	struct hw *hw = mm_of(mms)->hw;
	enum hw_access access;
	struct page *page;
	kvm_pfn_t pfn;
	int err;

	down_read(&mms->mmap_lock);
	page = follow_or_fault(mms, address, write, &err);
	if (!page) {
		up_read(&mms->mmap_lock);
		return err;
	}
	pfn = page_to_pfn(page);
	/* What the entry's dirty bit says, when it was a load that made the entry. */
	if (write)
		folio_mark_dirty(page_folio(page));
	access = write ? hw_write(hw, pfn_to_hpa(pfn), KEYID_SHARED, *token) :
			 hw_read(hw, pfn_to_hpa(pfn), KEYID_SHARED, token);
	up_read(&mms->mmap_lock);
	if (access != HW_MC)
		return 0;
	user_machine_check(mms, pfn);
	return -EHWPOISON;
}
