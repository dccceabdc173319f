// SPDX-License-Identifier: GPL-2.0-only
/*
 * A file of a disk file system, as much of it as its page cache shows: the fault
 * of mm/filemap.c (Linux 7.3.4), holes as ext4 and xfs punch them, and
 * generic_error_remove_folio() of mm/truncate.c. Clean content can be read
 * again, which is the difference to shmem that memory failure knows.
 *
 * Left out: writeback (what was written stays dirty), blocks on the disk (it
 * holds zeroes), read() and write(). Readahead is one folio as large as the
 * file system takes.
 */
#include "model/mm/host_file.h"
#include "model/mm/internal.h"

/* What the disk holds comes in; the folio is locked. */
static void filemap_read_folio(struct folio *folio)
{
	if (folio_test_uptodate(folio))
		return;
	folio_zero_range(folio, 0, folio_nr_pages(folio) << PAGE_SHIFT);
	folio_mark_uptodate(folio);
}

static vm_fault_t filemap_fault(struct vm_fault *vmf)
{
	struct address_space *cache = vmf->vma->vm_file->f_mapping;
	struct folio *found;

	for (;;) {
		if (vmf->pgoff >= ALIGN_UP(cache->host->i_size, PAGE_SIZE) >> PAGE_SHIFT)
			return VM_FAULT_SIGBUS;
		found = __filemap_get_folio(cache, vmf->pgoff,
					    FGP_CREAT | FGP_FOR_MMAP | FGP_ORDER(MAX_PAGECACHE_ORDER),
					    cache->gfp_mask);
		if (IS_ERR(found))
			return vmf_error(PTR_ERR(found));
		folio_lock(found);
		if (likely(found->mapping == cache))
			break;
		/* Truncated while we waited for the lock. */
		folio_unlock(found);
		folio_put(found);
	}
	filemap_read_folio(found);
	vmf->page = folio_file_page(found, vmf->pgoff);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct generic_file_vm_ops = {
	.fault = filemap_fault,
};

static int generic_file_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &generic_file_vm_ops;
	return 0;
}

/* Blocks are not modelled, so that without a hole to punch there is nothing to do. */
static long disk_file_fallocate(struct file *file, int mode, s64 offset, s64 len)
{
	struct address_space *cache = file->f_mapping;
	pgoff_t first = ALIGN_UP((u64)offset, PAGE_SIZE) >> PAGE_SHIFT;
	pgoff_t end = ((u64)offset + len) >> PAGE_SHIFT;

	if (mode & ~FALLOC_FL_MEMORY_FILE)
		return -EOPNOTSUPP;
	if (!(mode & FALLOC_FL_PUNCH_HOLE))
		return 0;
	filemap_invalidate_lock(cache);
	if (end > first)
		unmap_mapping_pages(cache, first, end - first, true);
	truncate_inode_pages_range(cache, offset, (u64)offset + len - 1);
	filemap_invalidate_unlock(cache);
	return 0;
}

static const struct file_operations disk_file_operations = {
	.mmap = generic_file_mmap,
	.fallocate = disk_file_fallocate,
};

static int generic_error_remove_folio(struct address_space *cache, struct folio *bad)
{
	return truncate_inode_folio(cache, bad);
}

static const struct address_space_operations disk_aops = {
	.error_remove_folio = generic_error_remove_folio,
};

static const struct address_space_operations bare_disk_aops = { 0 };

struct file *disk_file_open(struct env *env, const char *name, u64 size, u32 min_order,
			    u32 order, bool bare)
{
	struct inode *inode = new_inode(env, name);
	struct file *file;

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_size = size;
	inode->i_mapping->a_ops = bare ? &bare_disk_aops : &disk_aops;
	inode->i_mapping->can_writeback = true;
	mapping_set_folio_order_range(inode->i_mapping, min_order, order);
	file = alloc_file(inode, &disk_file_operations, NULL);
	if (file)
		return file;
	iput(inode);
	return ERR_PTR(-ENOMEM);
}
