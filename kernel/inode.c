// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for fs/inode.c, fs/libfs.c and fs/super.c: inodes of a pseudo file
 * system. The last iput() evicts: the page cache is truncated, then the inode
 * is destroyed and, after a grace period, freed.
 */
#include <linux/backing-dev.h>
#include <linux/fs_context.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>

#include "standin.h"

static struct pseudo_fs_context pseudo_context;
static struct backing_dev_info no_backing_dev;
static unsigned long inode_number;

struct pseudo_fs_context *init_pseudo(struct fs_context *context, unsigned long magic)
{
	context->fs_private = &pseudo_context;
	return &pseudo_context;
}

struct vfsmount *kern_mount(struct file_system_type *type)
{
	struct fs_context context = {};
	struct super_block *sb = kzalloc(sizeof(*sb), GFP_KERNEL);
	struct vfsmount *mnt = kzalloc(sizeof(*mnt), GFP_KERNEL);
	int err;

	if (!sb || !mnt)
		return ERR_PTR(-ENOMEM);
	err = type->init_fs_context(&context);
	if (err)
		return ERR_PTR(err);
	sb->s_op = pseudo_context.ops;
	sb->s_type = type;
	mnt->mnt_sb = sb;
	return mnt;
}

void address_space_init_once(struct address_space *mapping)
{
	memset(mapping, 0, sizeof(*mapping));
	xa_init_flags(&mapping->i_pages, XA_FLAGS_LOCK_IRQ | XA_FLAGS_ACCOUNT);
	init_rwsem(&mapping->i_mmap_rwsem);
	mapping->i_mmap = RB_ROOT_CACHED;
}

void inode_init_once(struct inode *inode)
{
	memset(inode, 0, sizeof(*inode));
	INIT_LIST_HEAD(&inode->i_lru);
	INIT_LIST_HEAD(&inode->i_wb_list);
	address_space_init_once(&inode->i_data);
}

struct inode *anon_inode_make_secure_inode(struct super_block *sb, const char *name,
					   const struct inode *context)
{
	struct inode *inode = sb->s_op->alloc_inode(sb);

	if (!inode)
		return ERR_PTR(-ENOMEM);
	inode->i_sb = sb;
	inode->i_ino = ++inode_number;
	inode->i_data.host = inode;
	inode->i_mapping = &inode->i_data;
	spin_lock_init(&inode->i_lock);
	init_rwsem(&inode->i_rwsem);
	init_rwsem(&inode->i_data.invalidate_lock);
	atomic_set(&inode->i_count, 1);
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER_MOVABLE);
	return inode;
}

static void free_after_grace_period(struct rcu_head *head)
{
	struct inode *inode = container_of(head, struct inode, i_rcu);

	inode->i_sb->s_op->free_inode(inode);
}

static void evict(struct inode *inode)
{
	const struct super_operations *ops = inode->i_sb->s_op;

	truncate_inode_pages_final(&inode->i_data);
	if (ops->destroy_inode)
		ops->destroy_inode(inode);
	if (ops->free_inode)
		call_rcu(&inode->i_rcu, free_after_grace_period);
}

void iput(struct inode *inode)
{
	if (inode && atomic_dec_and_test(&inode->i_count))
		evict(inode);
}

struct backing_dev_info *inode_to_bdi(struct inode *inode)
{
	return &no_backing_dev;
}
