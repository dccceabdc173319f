// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled host, other users of its memory: mappings of a guest_memfd by the
 * VMM, references by get_user_pages(), memory errors, and a second owner who
 * takes pages from the allocator, writes them and gives them back.
 */
#include <string.h>

#include "model/kvm/host_internal.h"
#include "model/mm/hugetlb.h"
#include "model/mm/memory_failure.h"

/* -- user mappings --------------------------------------------------------- */

int host_gmem_mmap(struct host *h, u32 gmem, u64 offset, u64 len, bool shared)
{
	struct file *file = host_open_gmem(h, gmem);
	struct vm_area_struct *vma;

	if (!file)
		return -EBADF;
	vma = vm_mmap(model_host(h)->globals.current_mm, file, offset, len, shared);
	return IS_ERR(vma) ? PTR_ERR(vma) : 0;
}

struct vm_area_struct *host_find_mapping(struct host *h, const struct file *file, u64 offset,
					 u64 *address)
{
	struct mm_struct *mm = model_host(h)->globals.current_mm;
	struct vm_area_struct *vma;

	list_for_each_entry(vma, &mm->mmap, vm_list) {
		u64 first = vma->vm_pgoff << PAGE_SHIFT;

		if (vma->vm_file != file || offset < first ||
		    offset - first >= vma->vm_end - vma->vm_start)
			continue;
		*address = vma->vm_start + (offset - first);
		return vma;
	}
	return NULL;
}

int host_gmem_munmap(struct host *h, u32 gmem, u64 offset, u64 len)
{
	struct file *file = host_open_gmem(h, gmem);
	u64 address;

	if (!file || !host_find_mapping(h, file, offset, &address))
		return -EBADF;
	return vm_munmap(model_host(h)->globals.current_mm, address, len);
}

int host_gmem_user_access(struct host *h, u32 gmem, u64 offset, bool write, u64 *token)
{
	struct file *file = host_open_gmem(h, gmem);
	u64 address;

	if (!file || !host_find_mapping(h, file, offset, &address))
		return -EBADF;
	return user_access(model_host(h)->globals.current_mm, address, write, token);
}

/* -- references ------------------------------------------------------------ */

/* The page at @offset, NULL when guest_memfd has none there. No reference. */
static struct page *gmem_page(struct file *file, u64 offset)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	struct folio *folio = xa_load(&file->f_mapping->i_pages, index);

	return folio ? folio_file_page(folio, index) : NULL;
}

static struct host_gup *find_gup(struct model_host *mh, u32 gmem, u64 offset, bool pin)
{
	for (u32 i = 0; i < HOST_GUP_MAX; i++) {
		struct host_gup *gup = &mh->gup[i];

		if (gup->page && gup->gmem == gmem && gup->offset == offset && gup->pin == pin)
			return gup;
	}
	return NULL;
}

static struct host_gup *new_gup(struct model_host *mh, u32 gmem, u64 offset, bool pin)
{
	for (u32 i = 0; i < HOST_GUP_MAX; i++) {
		if (mh->gup[i].page)
			continue;
		mh->gup[i] = (struct host_gup){ .gmem = gmem, .offset = offset, .pin = pin };
		return &mh->gup[i];
	}
	return NULL;
}

/* Through a mapping if there is one, else as somebody who met the page by pfn. */
static int gup_take(struct host *h, u32 gmem, u64 offset, u32 count, bool pin)
{
	struct model_host *mh = model_host(h);
	struct file *file = host_open_gmem(h, gmem);
	struct host_gup *gup = find_gup(mh, gmem, offset, pin);
	u32 flags = pin ? FOLL_PIN : FOLL_GET;
	u64 address;

	if (!file)
		return -EBADF;
	if (!gup)
		gup = new_gup(mh, gmem, offset, pin);
	if (!gup)
		return -ENOSPC;

	while (count--) {
		struct page *page = gmem_page(file, offset);
		int got;

		if (host_find_mapping(h, file, offset, &address)) {
			got = pin ? pin_user_pages_fast(mh->globals.current_mm, address, 1,
							FOLL_WRITE | FOLL_LONGTERM, &page) :
				    get_user_pages_fast(mh->globals.current_mm, address, 1, 0, &page);
			if (got < 0)
				return got;
		} else if (!page) {
			return -EFAULT;
		} else if (try_grab_page(page, 1, flags)) {
			return -ENOMEM;
		}
		/* Another page by now: who holds the old one keeps that. */
		if (gup->page && gup->page != page)
			gup = new_gup(mh, gmem, offset, pin);
		if (!gup) {
			gup_put_page(page, 1, flags);
			return -ENOSPC;
		}
		gup->page = page;
		gup->count++;
	}
	return 0;
}

static int gup_drop(struct host_gup *gup, u32 count)
{
	struct page *page;

	if (!gup || gup->count < count)
		return -EBADF;
	page = gup->page;
	gup->count -= count;
	if (!gup->count)
		gup->page = NULL;
	gup_put_page(page, count, gup->pin ? FOLL_PIN : FOLL_GET);
	return 0;
}

int host_gup(struct host *h, u32 gmem, u64 offset, s32 delta, bool pin)
{
	int err;

	offset &= PAGE_MASK;
	if (delta < 0) {
		err = gup_drop(find_gup(model_host(h), gmem, offset, pin), -(u32)delta);
		/* What a split waits for may just have happened. */
		h->env->sched.progress++;
		return err;
	}
	return gup_take(h, gmem, offset, delta, pin);
}

int host_lru_add_drain(struct host *h)
{
	lru_add_drain_all(h->env);
	return 0;
}

/* -- memory errors --------------------------------------------------------- */

/*
 * Who says MF_COUNT_INCREASED has a reference already, which memory failure keeps
 * or drops. -EINVAL: nobody can have one on a page that is free.
 */
static int fail_page(struct host *h, struct page *page, u32 flags)
{
	if (flags & MF_COUNT_INCREASED && !folio_try_get(page_folio(page)))
		return -EINVAL;
	return memory_failure(h->env, page_to_pfn(page), flags);
}

int host_memory_failure(struct host *h, u32 gmem, u64 offset, u32 flags)
{
	struct file *file = host_open_gmem(h, gmem);
	struct page *page = file ? gmem_page(file, offset) : NULL;

	if (!file)
		return -EBADF;
	return page ? fail_page(h, page, flags) : -ENXIO;
}

int host_unpoison(struct host *h, u32 gmem, u64 offset)
{
	struct file *file = host_open_gmem(h, gmem);
	struct page *page = file ? gmem_page(file, offset) : NULL;

	if (!file)
		return -EBADF;
	return page ? unpoison_memory(h->env, page_to_pfn(page)) : -ENXIO;
}

int host_frame_event(struct host *h, kvm_pfn_t pfn, enum host_frame_event event, u32 flags)
{
	struct page *page;

	switch (event) {
	case FRAME_MEMORY_FAILURE:
		page = pfn_to_page(h->env, pfn);
		return page ? fail_page(h, page, flags) : memory_failure(h->env, pfn, flags);
	case FRAME_UNPOISON:
		return unpoison_memory(h->env, pfn);
	default:
		return soft_offline_page(h->env, pfn, flags);
	}
}

/* -- the second owner ------------------------------------------------------ */

int host_page_alloc(struct host *h, u8 order, kvm_pfn_t *pfn)
{
	struct host_block *block = objects_free_block(&model_host(h)->objects);
	struct page *page;

	if (order > MAX_PAGE_ORDER)
		return -EINVAL;
	if (!block)
		return -ENOSPC;
	page = alloc_pages(h->env, GFP_KERNEL | (order ? __GFP_COMP : 0), order);
	if (!page)
		return -ENOMEM;
	*pfn = page_to_pfn(page);
	*block = (struct host_block){ *pfn, order, true };
	return 0;
}

/* A store takes no machine check, whatever is there: who reads it later may. */
int host_page_write(struct host *h, kvm_pfn_t pfn, u64 token, bool partial)
{
	hpa_t hpa = pfn_to_hpa(pfn);

	if (!objects_find_block(&model_host(h)->objects, pfn))
		return -EBADF;
	if (partial)
		hw_write_partial(h->hw, hpa, token);
	else
		hw_write(h->hw, hpa, KEYID_SHARED, token);
	return 0;
}

int host_page_free(struct host *h, kvm_pfn_t pfn, u8 order)
{
	struct host_block *block = objects_find_block(&model_host(h)->objects, pfn);

	if (!block || block->pfn != pfn || block->order != order)
		return -EBADF;
	block->used = false;
	__free_pages(pfn_to_page(h->env, pfn), order);
	return 0;
}

/* What an administrator writes to sysfs; how far the first one went shows in the pool. */
int host_hugetlb_resize(struct host *h, u8 level, u64 count, u64 overcommit)
{
	struct hstate *pool = hugetlb_hstate(mm_of(model_host(h)), (level - PG_LEVEL_4K) * 9);

	if (!pool)
		return -ENOENT;
	pool->nr_overcommit_huge_pages = overcommit;
	return set_max_huge_pages(pool, count);
}

int host_hugetlb_demote(struct host *h, u8 level, u64 count)
{
	struct hstate *pool = hugetlb_hstate(mm_of(model_host(h)), (level - PG_LEVEL_4K) * 9);
	s64 done;

	if (!pool)
		return -ENOENT;
	done = demote_pool_huge_page(pool, count);
	return done < 0 ? done : 0;
}

void host_users_let_go(struct host *h)
{
	struct model_host *mh = model_host(h);

	for (u32 i = 0; i < HOST_GUP_MAX; i++)
		if (mh->gup[i].page)
			gup_drop(&mh->gup[i], mh->gup[i].count);
	for (u32 i = 0; i < HOST_BLOCK_MAX; i++)
		if (mh->objects.block[i].used)
			host_page_free(h, mh->objects.block[i].pfn, mh->objects.block[i].order);
}
