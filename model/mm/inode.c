// SPDX-License-Identifier: GPL-2.0-only
/*
 * inodes and files of memory-backed file systems: fs/inode.c, fs/file_table.c
 * and include/linux/pagemap.h of Linux 7.3.4, as far as a page cache needs an
 * owner. Left out: dentries, superblocks, i_rwsem, delayed fput (the last put
 * releases at once), file descriptors.
 */
#include <stdio.h>

#include "model/mm/internal.h"

/* What an inode has until somebody gives it operations of its own. */
static const struct address_space_operations empty_aops;
static const struct inode_operations empty_iops;

static void address_space_init(struct address_space *mapping, struct inode *inode)
{
	mapping->host = inode;
	xa_init(&mapping->i_pages);
	lock_init(&mapping->invalidate_lock, LOCK_INVALIDATE_LOCK, inode->i_ino);
	lock_init(&mapping->i_mmap_rwsem, LOCK_I_MMAP, inode->i_ino);
	INIT_LIST_HEAD(&mapping->i_mmap);
	mapping->gfp_mask = GFP_HIGHUSER;
	mapping->a_ops = &empty_aops;
}

struct inode *new_inode(struct env *env, const char *name)
{
	struct mm *mm = env->layer[LAYER_MM];
	struct inode *inode;

	if (inject_alloc(env, "inode"))
		return NULL;
	inode = pool_alloc(&mm->inodes);
	inode->i_ino = mm->next_ino++;
	inode->i_count = 1;
	inode->i_mapping = &inode->i_data;
	inode->i_op = &empty_iops;
	snprintf(inode->name, sizeof(inode->name), "%s", name);
	address_space_init(&inode->i_data, inode);
	return inode;
}

void ihold(struct inode *inode)
{
	inode->i_count++;
}

void iput(struct inode *inode)
{
	struct mm *mm = mm_of(inode);

	if (--inode->i_count)
		return;
	if (inode->i_op->evict_inode)
		inode->i_op->evict_inode(inode);
	else
		truncate_inode_pages_final(inode->i_mapping);
	if (inode->i_op->free_inode)
		inode->i_op->free_inode(inode);
	xa_destroy(&inode->i_data.i_pages);
	pool_free(&mm->inodes, inode);
}

struct file *alloc_file(struct inode *inode, const struct file_operations *f_op, void *private_data)
{
	struct mm *mm = mm_of(inode);
	struct file *file;

	if (inject_alloc(mm->env, "file"))
		return NULL;
	file = pool_alloc(&mm->files);
	file->f_op = f_op;
	file->f_inode = inode;
	file->f_mapping = inode->i_mapping;
	file->private_data = private_data;
	file->f_count = 1;
	return file;
}

struct file *get_file(struct file *file)
{
	file->f_count++;
	return file;
}

struct file *get_file_active(struct file **filep)
{
	struct file *file = *filep;

	if (!file || !file->f_count)
		return NULL;
	return get_file(file);
}

void fput_last(struct file *file)
{
	struct inode *inode = file->f_inode;
	struct mm *mm = mm_of(file);

	if (file->f_op->release)
		file->f_op->release(inode, file);
	iput(inode);
	pool_free(&mm->files, file);
}

void mapping_set_inaccessible(struct address_space *mapping)
{
	/* Compaction and migration leave unmovable pages alone only if both are set. */
	mapping_set_unevictable(mapping);
	mapping->flags |= BIT_ULL(AS_INACCESSIBLE);
}

void mapping_set_folio_order_range(struct address_space *mapping, u32 min, u32 max)
{
	u64 mask = ((1ULL << AS_FOLIO_ORDER_BITS) - 1);

	mapping->flags &= ~(mask << AS_FOLIO_ORDER_MIN | mask << AS_FOLIO_ORDER_MAX);
	mapping->flags |= (u64)min << AS_FOLIO_ORDER_MIN | (u64)max << AS_FOLIO_ORDER_MAX;
}
