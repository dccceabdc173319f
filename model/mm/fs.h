/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * inode, address_space and file: include/linux/fs.h of 7.3.4, what a memory
 * file needs. An inode lives as long as somebody holds a reference (each file
 * holds one); the last iput() evicts it, which empties its page cache.
 *
 * Documented lock order: mmap_lock, invalidate_lock, folio lock, i_mmap_rwsem,
 * page-table lock, i_pages lock. memory_failure() breaks it as 7.3.4 does: it
 * holds the folio lock when error_remove_folio takes invalidate_lock.
 */
#ifndef SEPTUM_MM_FS_H
#define SEPTUM_MM_FS_H

#include "model/mm/page.h"
#include "model/mm/xarray.h"

struct vm_area_struct;
struct inode;
struct file;

enum mapping_flags {
	AS_UNEVICTABLE	= 3,
	AS_EXITING	= 4,
	AS_RELEASE_ALWAYS = 6,
	AS_STABLE_WRITES = 7,
	AS_INACCESSIBLE	= 8,
	AS_KERNEL_FILE	= 10,
	AS_FOLIO_ORDER_BITS = 5,
	AS_FOLIO_ORDER_MIN = 16,
	AS_FOLIO_ORDER_MAX = 21,
};

struct address_space_operations {
	/* The folio left the page cache: locked, mapping NULL, cache refs still counted. */
	void (*free_folio)(struct folio *folio);
	/* 0 is success; anything else makes memory_failure() report MF_FAILED. */
	int (*error_remove_folio)(struct address_space *mapping, struct folio *folio);
	int (*migrate_folio)(struct address_space *mapping, struct folio *dst, struct folio *src);
	bool (*dirty_folio)(struct address_space *mapping, struct folio *folio);
};

struct address_space {
	struct inode *host;
	struct xarray i_pages;
	struct lock invalidate_lock;	/* rwsem */
	struct lock i_mmap_rwsem;
	struct list_head i_mmap;	/* vm_area_struct.shared */
	u64 flags;			/* BIT(enum mapping_flags) and folio orders */
	u64 nrpages;
	gfp_t gfp_mask;
	int wb_err;
	bool is_shmem;
	bool can_writeback;		/* its backing device does: mapping_can_writeback() */
	const struct address_space_operations *a_ops;
};

struct inode_operations {
	/* Last reference gone, page cache empty: free i_private and what lies around. */
	void (*free_inode)(struct inode *inode);
	/* Takes the place of truncate_inode_pages_final() when set. */
	void (*evict_inode)(struct inode *inode);
};

struct inode {
	u64 i_ino;
	u64 i_size;
	u64 i_blocks;			/* 512-byte units, hugetlbfs only */
	u32 i_count;
	struct address_space i_data;
	struct address_space *i_mapping;
	const struct inode_operations *i_op;
	void *i_private;
	char name[16];			/* for reports: "g0" */
};

/* include/uapi/linux/falloc.h */
#define FALLOC_FL_KEEP_SIZE	0x01
#define FALLOC_FL_PUNCH_HOLE	0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_ZERO_RANGE	0x10
#define FALLOC_FL_INSERT_RANGE	0x20
#define FALLOC_FL_UNSHARE_RANGE	0x40
#define FALLOC_FL_MODE_MASK	0x7a
/* What files without blocks know. */
#define FALLOC_FL_MEMORY_FILE	(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE)

struct file_operations {
	int (*mmap)(struct file *file, struct vm_area_struct *vma);
	/* The page at @offset; 0, -EIO, 0 with *token TOKEN_ZERO where nothing is. */
	int (*read)(struct file *file, u64 offset, u64 *token);
	long (*fallocate)(struct file *file, int mode, s64 offset, s64 len);
	int (*release)(struct inode *inode, struct file *file);
};

struct file {
	const struct file_operations *f_op;
	struct inode *f_inode;
	struct address_space *f_mapping;
	void *private_data;
	u32 f_count;
};

static inline struct inode *file_inode(const struct file *file)
{
	return file->f_inode;
}

/* One reference, empty page cache, order-0 folios only. NULL when injected (site "inode"). */
struct inode *new_inode(struct env *env, const char *name);
void ihold(struct inode *inode);
void iput(struct inode *inode);

/*
 * A file with one reference; takes over the caller's reference on @inode. NULL
 * when injected (site "file"), the inode reference then stays with the caller.
 */
struct file *alloc_file(struct inode *inode, const struct file_operations *f_op, void *private_data);
struct file *get_file(struct file *file);
/* NULL when *file is NULL or already on its way out (count is 0). */
struct file *get_file_active(struct file **file);
/* The last one calls f_op->release(inode, file), then drops the inode. */
void fput_last(struct file *file);

static inline void fput(struct file *open)
{
	if (unlikely(!--open->f_count))
		fput_last(open);
}

void mapping_set_inaccessible(struct address_space *mapping);
void mapping_set_folio_order_range(struct address_space *mapping, u32 min, u32 max);

static inline void mapping_set_gfp_mask(struct address_space *mapping, gfp_t mask)
{
	mapping->gfp_mask = mask;
}

static inline void mapping_set_unevictable(struct address_space *cache)
{
	cache->flags |= BIT_ULL(AS_UNEVICTABLE);
}

static inline bool mapping_unevictable(const struct address_space *cache)
{
	return cache && cache->flags & BIT_ULL(AS_UNEVICTABLE);
}

static inline bool mapping_can_writeback(const struct address_space *cache)
{
	return cache->can_writeback;
}

static inline bool mapping_inaccessible(const struct address_space *cache)
{
	return cache->flags & BIT_ULL(AS_INACCESSIBLE);
}

static inline u32 mapping_min_folio_order(const struct address_space *mapping)
{
	return mapping->flags >> AS_FOLIO_ORDER_MIN & ((1u << AS_FOLIO_ORDER_BITS) - 1);
}

static inline u32 mapping_max_folio_order(const struct address_space *mapping)
{
	return mapping->flags >> AS_FOLIO_ORDER_MAX & ((1u << AS_FOLIO_ORDER_BITS) - 1);
}

#define filemap_invalidate_lock(m)		down_write(&(m)->invalidate_lock)
#define filemap_invalidate_unlock(m)		up_write(&(m)->invalidate_lock)
#define filemap_invalidate_lock_shared(m)	down_read(&(m)->invalidate_lock)
#define filemap_invalidate_unlock_shared(m)	up_read(&(m)->invalidate_lock)

#endif /* SEPTUM_MM_FS_H */
