// SPDX-License-Identifier: GPL-2.0-only
/*
 * memfd_create(MFD_HUGETLB): fs/hugetlbfs/inode.c of Linux 7.3.4 as its internal
 * mount has it, without size limits and so without a subpool, or as a mount with
 * size= and min_size= has it. What fallocate() brings is migratable, which is what
 * memory failure asks of a huge page in use.
 *
 * Left out: mmap (huge entries are not modelled), reservations of the file (it has
 * none, so a dry pool is -ENOSPC), the fault mutex (nothing faults). The subpool is
 * the file's instead of a mount's.
 */
#include "model/mm/host_file.h"
#include "model/mm/hugetlb.h"
#include "model/mm/internal.h"
#include "model/mm/mf_internal.h"

static struct hstate *hstate_inode(const struct inode *inode)
{
	return hugetlb_hstate(mm_of(inode), mapping_max_folio_order(inode->i_mapping));
}

static void hugetlb_delete_from_page_cache(struct folio *folio)
{
	folio_clear_dirty(folio);
	folio_clear_uptodate(folio);
	filemap_remove_folio(folio);
}

/* Whole pages of [start, end), in indices of 4K. Who holds a reference keeps the folio. */
static void remove_inode_hugepages(struct inode *inode, pgoff_t start, pgoff_t end)
{
	struct address_space *cache = inode->i_mapping;
	struct folio_batch batch;
	pgoff_t next = start;
	u32 i;

	while (next < end && find_get_entries(cache, &next, end - 1, &batch)) {
		for (i = 0; i < batch.nr; i++) {
			struct folio *folio = batch.folios[i];

			folio_lock(folio);
			if (likely(folio->mapping == cache)) {
				inode->i_blocks -= folio_nr_pages(folio) << (PAGE_SHIFT - 9);
				hugetlb_delete_from_page_cache(folio);
			}
			folio_unlock(folio);
			folio_put(folio);
		}
	}
}

/* A part of a huge page cannot go: it reads as zeroes. [start, end) in bytes. */
static void hugetlbfs_zero_partial_page(struct inode *inode, u64 start, u64 end)
{
	struct folio *folio = filemap_lock_folio(inode->i_mapping, start >> PAGE_SHIFT);
	u64 first;

	if (IS_ERR(folio))
		return;
	first = folio->index << PAGE_SHIFT;
	folio_zero_range(folio, start - first, end - start);
	folio_unlock(folio);
	folio_put(folio);
}

static long hugetlbfs_punch_hole(struct inode *inode, u64 offset, u64 len)
{
	u64 hpage = PAGE_SIZE << hstate_inode(inode)->order, end = offset + len;
	u64 hole_start = ALIGN_UP(offset, hpage), hole_end = ALIGN_DOWN(end, hpage);

	if (offset < hole_start)
		hugetlbfs_zero_partial_page(inode, offset, end < hole_start ? end : hole_start);
	if (hole_end > hole_start)
		remove_inode_hugepages(inode, hole_start >> PAGE_SHIFT, hole_end >> PAGE_SHIFT);
	if (end > hole_end && hole_end >= hole_start)
		hugetlbfs_zero_partial_page(inode, hole_end, end);
	return 0;
}

/* Out of what the mount keeps reserved, else of what nobody reserved. ERR_PTR(-ENOSPC). */
static struct folio *alloc_hugetlb_folio(struct inode *inode, struct hstate *h)
{
	struct hugepage_subpool *spool = inode->i_private;
	s64 global = hugepage_subpool_get_pages(spool, 1);
	struct folio *folio;

	if (global < 0)
		return ERR_PTR(-ENOSPC);
	folio = hugetlb_alloc_folio(h, !global);
	if (IS_ERR(folio))
		hugepage_subpool_put_pages(spool, 1);
	else
		folio->_hugetlb_subpool = spool;
	return folio;
}

/* One huge page at @index if there is none. 0, -ENOSPC, -ENOMEM. */
static int hugetlbfs_fill(struct inode *inode, struct hstate *h, pgoff_t index)
{
	struct folio *folio = filemap_get_folio(inode->i_mapping, index);
	int err;

	if (!IS_ERR(folio)) {
		folio_put(folio);
		return 0;
	}
	folio = alloc_hugetlb_folio(inode, h);
	if (IS_ERR(folio))
		return PTR_ERR(folio);
	folio_zero_range(folio, 0, PAGE_SIZE << h->order);
	folio_mark_uptodate(folio);
	err = hugetlb_add_to_page_cache(folio, inode->i_mapping, index);
	if (!err) {
		folio_set_hpg(folio, HPG_migratable);
		folio_unlock(folio);
	}
	folio_put(folio);
	return err;
}

static long hugetlbfs_fallocate(struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);
	struct hstate *h = hstate_inode(inode);
	u64 hpage = PAGE_SIZE << h->order, at;

	if (mode & ~FALLOC_FL_MEMORY_FILE)
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE)
		return hugetlbfs_punch_hole(inode, offset, len);
	for (at = ALIGN_DOWN((u64)offset, hpage); at < (u64)offset + len; at += hpage) {
		int err = hugetlbfs_fill(inode, h, at >> PAGE_SHIFT);

		if (err)
			return err;
	}
	if (!(mode & FALLOC_FL_KEEP_SIZE) && (u64)offset + len > inode->i_size)
		inode->i_size = offset + len;
	return 0;
}

/* Up to the first bad page: a healthy one beside it can be read. */
static int hugetlbfs_read(struct file *file, u64 offset, u64 *token)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	struct folio *folio = filemap_lock_folio(file->f_mapping, index);
	struct page *page;
	int err = 0;

	*token = TOKEN_ZERO;
	if (IS_ERR(folio))
		return 0;
	folio_unlock(folio);
	page = folio_file_page(folio, index);
	if (is_raw_hwpoison_page_in_hugepage(page))
		err = -EIO;
	else
		hw_read(mm_of(folio)->hw, page_to_phys(page), KEYID_SHARED, token);
	folio_put(folio);
	return err;
}

static const struct file_operations hugetlbfs_file_operations = {
	.read = hugetlbfs_read,
	.fallocate = hugetlbfs_fallocate,
};

/* The folio stays where it is, with its poison: see shmem. */
static int hugetlbfs_error_remove_folio(struct address_space *mapping, struct folio *folio)
{
	return 0;
}

static const struct address_space_operations hugetlbfs_aops = {
	.error_remove_folio = hugetlbfs_error_remove_folio,
};

static void hugetlbfs_evict_inode(struct inode *inode)
{
	remove_inode_hugepages(inode, 0, ~0ULL);
	if (inode->i_private)
		hugepage_put_subpool(inode->i_private);
}

static const struct inode_operations hugetlbfs_inode_operations = {
	.evict_inode = hugetlbfs_evict_inode,
};

struct file *hugetlb_file_setup(struct env *env, const char *name, u64 size, u32 order,
				s64 max, s64 min)
{
	struct hstate *h = hugetlb_hstate(env->layer[LAYER_MM], order);
	struct inode *inode;
	struct file *file;

	if (!h)
		return ERR_PTR(-ENODEV);
	if (!IS_ALIGNED(size, PAGE_SIZE << order))
		return ERR_PTR(-EINVAL);
	inode = new_inode(env, name);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_size = size;
	inode->i_op = &hugetlbfs_inode_operations;
	inode->i_mapping->a_ops = &hugetlbfs_aops;
	mapping_set_folio_order_range(inode->i_mapping, order, order);
	if (max != -1 || min != -1)
		inode->i_private = hugepage_new_subpool(h, max, min);
	if (inode->i_private || (max == -1 && min == -1)) {
		file = alloc_file(inode, &hugetlbfs_file_operations, NULL);
		if (file)
			return file;
	}
	iput(inode);
	return ERR_PTR(-ENOMEM);
}
