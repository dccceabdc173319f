// SPDX-License-Identifier: GPL-2.0-only
/*
 * memfd_create(): mm/shmem.c of Linux 7.3.4, mounted huge=always up to an order
 * of the file's own. Memory errors leave a folio in the page cache, so that its
 * content is not read as zeroes by mistake.
 *
 * Left out: swap, quotas but for half of RAM, seals, mempolicies, taking back what
 * an fallocate() that failed had allocated; shmem_undo_range() is truncation.
 */
#include "model/mm/host_file.h"
#include "model/mm/internal.h"

/* Whether a folio of @order around @index would be in nobody's way. */
static bool shmem_order_suits(struct address_space *cache, pgoff_t index, u32 order)
{
	u64 at = ALIGN_DOWN(index, 1ULL << order);

	return !xa_find(&cache->i_pages, &at, at + (1ULL << order) - 1);
}

/* The folio with @index, locked; a new one is as large as fits. ERR_PTR(-ENOMEM). */
static struct folio *shmem_get_folio(struct inode *inode, pgoff_t index)
{
	struct address_space *cache = inode->i_mapping;
	u32 order = mapping_max_folio_order(cache);
	struct folio *folio = filemap_lock_folio(cache, index);

	while (IS_ERR(folio)) {
		while (order && !shmem_order_suits(cache, index, order))
			order--;
		folio = __filemap_get_folio(cache, ALIGN_DOWN(index, 1ULL << order),
					    FGP_LOCK | FGP_CREAT | FGP_ORDER(order),
					    cache->gfp_mask);
		if (IS_ERR(folio) || index < folio_next_index(folio))
			break;
		/* For want of memory it became smaller, and ends before the index. */
		folio_unlock(folio);
		folio_put(folio);
		folio = filemap_lock_folio(cache, index);
	}
	return folio;
}

static void shmem_clear(struct folio *folio)
{
	if (folio_test_uptodate(folio))
		return;
	folio_zero_range(folio, 0, folio_nr_pages(folio) << PAGE_SHIFT);
	folio_mark_uptodate(folio);
}

static vm_fault_t shmem_fault(struct vm_fault *vmf)
{
	struct inode *shm = file_inode(vmf->vma->vm_file);
	struct folio *found;

	if (vmf->pgoff >= ALIGN_UP(shm->i_size, PAGE_SIZE) >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	found = shmem_get_folio(shm, vmf->pgoff);
	if (IS_ERR(found))
		return vmf_error(PTR_ERR(found));
	shmem_clear(found);
	vmf->page = folio_file_page(found, vmf->pgoff);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct shmem_vm_ops = {
	.fault = shmem_fault,
};

static int shmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &shmem_vm_ops;
	return 0;
}

static void shmem_punch_hole(struct address_space *cache, u64 start, u64 end)
{
	pgoff_t first = ALIGN_UP(start, PAGE_SIZE) >> PAGE_SHIFT, behind = end >> PAGE_SHIFT;

	/* Entries of whole pages at one go; folios on an edge see to their own. */
	if (behind > first)
		unmap_mapping_pages(cache, first, behind - first, false);
	truncate_inode_pages_range(cache, start, end - 1);
}

static long shmem_fallocate(struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t end = ALIGN_UP((u64)offset + len, PAGE_SIZE) >> PAGE_SHIFT;

	if (mode & ~FALLOC_FL_MEMORY_FILE)
		return -EOPNOTSUPP;
	if (mode & FALLOC_FL_PUNCH_HOLE) {
		shmem_punch_hole(inode->i_mapping, offset, (u64)offset + len);
		return 0;
	}
	if (end - index > mm_of(inode)->zone.end_pfn / 2)
		return -ENOSPC;
	while (index < end) {
		struct folio *folio = shmem_get_folio(inode, index);

		if (IS_ERR(folio))
			return PTR_ERR(folio);
		/* Zeroed when somebody looks. Nothing else would keep it from being dropped. */
		folio_set_dirty(folio);
		index = folio_next_index(folio);
		folio_unlock(folio);
		folio_put(folio);
	}
	if (!(mode & FALLOC_FL_KEEP_SIZE) && (u64)offset + len > inode->i_size)
		inode->i_size = offset + len;
	return 0;
}

static int shmem_file_read(struct file *file, u64 offset, u64 *token)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	struct folio *found = filemap_lock_folio(file->f_mapping, index);
	int err = 0;

	*token = TOKEN_ZERO;
	if (IS_ERR(found))
		return 0;
	/* One bad page is enough, whichever of the found was asked for. */
	if (folio_contain_hwpoisoned_page(found))
		err = -EIO;
	else if (folio_test_uptodate(found))
		hw_read(mm_of(found)->hw, page_to_phys(folio_file_page(found, index)),
			KEYID_SHARED, token);
	folio_unlock(found);
	folio_put(found);
	return err;
}

static const struct file_operations shmem_file_operations = {
	.read = shmem_file_read,
	.mmap = shmem_mmap,
	.fallocate = shmem_fallocate,
};

/* It stays, poisoned: a new page in its place would be silent loss of data. */
static int shmem_error_remove_folio(struct address_space *mapping, struct folio *folio)
{
	return 0;
}

static const struct address_space_operations shmem_aops = {
	.error_remove_folio = shmem_error_remove_folio,
};

struct file *shmem_file_setup(struct env *env, const char *name, u64 size, u32 order)
{
	struct inode *inode = new_inode(env, name);
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_size = size;
	inode->i_mapping->a_ops = &shmem_aops;
	inode->i_mapping->is_shmem = true;
	mapping_set_folio_order_range(inode->i_mapping, 0, order);
	file = alloc_file(inode, &shmem_file_operations, NULL);
	if (file)
		return file;
	iput(inode);
	return ERR_PTR(-ENOMEM);
}
