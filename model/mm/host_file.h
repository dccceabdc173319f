/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files beside guest_memfd: what a VMM may have behind shared memory, and what
 * memory failure, truncation and get_user_pages() treat otherwise than
 * guest_memfd. One file with one reference each, ERR_PTR() on failure:
 * -ENOMEM (injected, sites "inode" and "file"), others where said.
 */
#ifndef SEPTUM_MM_HOST_FILE_H
#define SEPTUM_MM_HOST_FILE_H

#include "model/mm/fs.h"

/* Largest order of a folio that has 4K entries in the page cache: MAX_PAGECACHE_ORDER. */
#define MAX_PAGECACHE_ORDER	9

/* memfd_create(): shmem, whose folios have up to 2^@order pages (huge=always). */
struct file *shmem_file_setup(struct env *env, const char *name, u64 size, u32 order);

/*
 * A file of a disk file system with folios of 2^@min_order to 2^@order pages.
 * @bare: one whose address_space_operations have no error_remove_folio.
 */
struct file *disk_file_open(struct env *env, const char *name, u64 size, u32 min_order,
			    u32 order, bool bare);

/*
 * memfd_create(MFD_HUGETLB), without a reservation. -ENODEV: no pool of this
 * order; -EINVAL: @size is no whole number of its pages. @max, @min: as in a mount
 * with size= and min_size=, in huge pages, -1 none; -ENOMEM when the pool has not
 * that many.
 */
struct file *hugetlb_file_setup(struct env *env, const char *name, u64 size, u32 order,
				s64 max, s64 min);

#endif /* SEPTUM_MM_HOST_FILE_H */
