/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the two files of guest_memfd: guest_memfd.c (files, bindings, holes)
 * and guest_memfd_folio.c (folios: faults, initial image, memory errors).
 *
 * A file belongs to one VM and pins it. Its inode has the folios. A mapping in
 * an SPTE or S-EPT holds no reference on a folio: what keeps it safe is that
 * every removal from the page cache is preceded by an invalidation.
 */
#ifndef SEPTUM_KVM_GUEST_MEMFD_H
#define SEPTUM_KVM_GUEST_MEMFD_H

#include "model/kvm/gmem_attributes.h"
#include "model/kvm/kvm_host.h"
#include "model/mm/hugetlb.h"

struct hold_inode;

struct gmem_file {
	struct kvm *kvm;		/* one reference */
	struct xarray bindings;		/* pgoff -> struct kvm_memory_slot */
	struct list_head entry;		/* gmem_inode.gmem_file_list */
};

struct gmem_inode {
	struct list_head gmem_file_list;
	u64 flags;			/* GUEST_MEMFD_FLAG_* of its creation */
	struct gmem_attributes attributes;	/* with conversion in place only */
	struct hstate *h;		/* where its pages come from, NULL: 4K from the buddy */
	struct hugepage_subpool *spool;	/* all its pages, reserved at creation */
	struct hold_inode *hold;	/* of hold policies that keep something here */
};

static inline struct gmem_inode *GMEM_I(const struct inode *gmem)
{
	return gmem->i_private;
}

static inline bool kvm_gmem_supports_mmap(const struct inode *gmem)
{
	return GMEM_I(gmem)->flags & GUEST_MEMFD_FLAG_MMAP;
}

/* In 7.3.4 for its whole life; with conversion in place only what it began as. */
static inline bool kvm_gmem_init_shared(const struct inode *inode)
{
	return GMEM_I(inode)->flags & GUEST_MEMFD_FLAG_INIT_SHARED;
}

/* Of the pages it allocates; what was split since may be smaller. */
static inline u32 kvm_gmem_page_order(const struct inode *gmem)
{
	return GMEM_I(gmem)->h ? GMEM_I(gmem)->h->order : 0;
}

/* The module parameter of that name (in-place conversion v8): the machine's order has steps. */
static inline bool gmem_in_place_conversion(const void *object)
{
	return kvm_globals_of(object)->gmem_in_place_conversion;
}

static inline u64 kvm_gmem_get_attributes(const struct inode *inode, pgoff_t index)
{
	return gmem_attributes_get(&GMEM_I(inode)->attributes, index);
}

/* May change at any time unless invalidate_lock is held. */
static inline bool kvm_gmem_is_private_mem(const struct inode *inode, pgoff_t index)
{
	if (!gmem_in_place_conversion(inode))
		return !kvm_gmem_init_shared(inode);
	return kvm_gmem_get_attributes(inode, index) & KVM_MEMORY_ATTRIBUTE_PRIVATE;
}

static inline bool kvm_gmem_is_shared_mem(const struct inode *gmem, pgoff_t index)
{
	return !kvm_gmem_is_private_mem(gmem, index);
}

static inline u64 kvm_gmem_page_nr(const struct inode *gmem)
{
	return 1ULL << kvm_gmem_page_order(gmem);
}

static inline pgoff_t kvm_gmem_get_index(const struct kvm_memory_slot *slot, gfn_t gfn)
{
	return slot->gmem.pgoff + (gfn - slot->base_gfn);
}

/* A temporary reference, NULL when the file is being released or was. */
static inline struct file *kvm_gmem_get_file(struct kvm_memory_slot *bound)
{
	return get_file_active(&bound->gmem.file);
}

extern const struct address_space_operations kvm_gmem_aops;

/* Locked, with a reference; ERR_PTR(-ENOMEM, ...). */
struct folio *kvm_gmem_get_folio(struct inode *inode, pgoff_t index);
int kvm_gmem_mmap(struct file *file, struct vm_area_struct *vma);

/* -- gmem_invalidate.c -- */

/* Which halves of a VM may map something of [start, end): KVM_FILTER_*. */
u8 kvm_gmem_get_invalidate_filter(struct inode *inode, pgoff_t start, pgoff_t end);
/*
 * Calls @fn for the gfns of each slot that shows some of [start, end), in every VM
 * that has a file of this inode; no lock of the VM is held. The first that is not
 * 0 ends the walk and is returned. invalidate_lock held.
 */
int kvm_gmem_for_each_gfn_range(struct inode *inode, pgoff_t start, pgoff_t end, u8 filter,
				int (*fn)(struct kvm *kvm, struct kvm_gfn_range *range, void *arg),
				void *arg);
/* In two parts: faults in the range wait from here on, and mappings go. */
void kvm_gmem_invalidate_begin(struct inode *inode, pgoff_t start, pgoff_t end);
struct kvm_unmapped kvm_gmem_zap(struct inode *inode, pgoff_t start, pgoff_t end, u8 filter);
/* Mappings of [start, end) go, in every VM that has a file of this inode. */
struct kvm_unmapped kvm_gmem_invalidate_start(struct inode *inode, pgoff_t start, pgoff_t end);
void kvm_gmem_invalidate_end(struct inode *inode, pgoff_t start, pgoff_t end);
/* The same for the VM of one file. */
struct kvm_unmapped __kvm_gmem_invalidate_start(struct gmem_file *gf, pgoff_t from, pgoff_t end,
						u8 filter);
void __kvm_gmem_invalidate_end(struct gmem_file *gf, pgoff_t start, pgoff_t end);

/*
 * Before anything of [start, end) is zapped: S-EPT leaves that reach over its ends
 * are split, in every VM. invalidate_lock held, may sleep. 0, -ENOMEM with nothing
 * lost, -EIO: a VM is bugged.
 */
int kvm_gmem_split_private(struct inode *inode, pgoff_t start, pgoff_t end);

/*
 * A file of @kvm's on @gmem as @fd, which it returns; the caller's reference on
 * @gmem becomes the file's. -ENOMEM: that reference and @gf are gone.
 */
int kvm_gmem_install_file(struct kvm *kvm, struct inode *gmem, struct gmem_file *gf, int fd);

/*
 * TRACE_GMEM for each folio in [start, end), or for its pages that are in it.
 * @what: "alloc", or NULL to tell "shared" and "private" by the attribute now.
 */
void kvm_gmem_trace_range(const struct inode *gmem, pgoff_t start, pgoff_t end, const char *what);

/* -- hugetlb pages, gmem_hugetlb.c ------------------------------------------- */

/* @gi->flags ask for it. 0, -EINVAL (no such size, @size no multiple), -ENOMEM (pool). */
int guestmem_hugetlb_setup(struct gmem_inode *gi, u64 size);
void guestmem_hugetlb_teardown(struct gmem_inode *gi);
/*
 * The huge page around @index, where nothing is yet: locked, with a reference,
 * not up to date. ERR_PTR(-ENOMEM, -ENOSPC, -EEXIST).
 */
struct folio *kvm_gmem_hugetlb_create_folio(struct inode *inode, pgoff_t index);
/*
 * What a hole from @start to @end may do to huge pages: 0; -EINVAL where the
 * machine's order forbids holes smaller than those.
 */
int kvm_gmem_check_hole(struct inode *inode, pgoff_t start, pgoff_t end);
/*
 * The huge pages wholly in the range that were split become one again, so that they
 * can leave the page cache as they came. 0; -EAGAIN when somebody refers to a piece.
 * Host mappings of them go. invalidate_lock for write; so the next, too.
 */
int kvm_gmem_merge_for_truncation(struct inode *inode, pgoff_t start, pgoff_t end);
/* Whole huge pages leave the page cache, of others the part in the range is zeroed. */
void kvm_gmem_truncate_range(struct inode *inode, pgoff_t start, pgoff_t end);

/* -- their pieces, gmem_restructure.c ------------------------------------------ */

enum gmem_freeze {
	GMEM_FREEZE_TRY,	/* a reference that nobody explains is -EAGAIN */
	GMEM_FREEZE_SPIN,	/* is waited for; -EAGAIN only when that is a hang */
};

/*
 * Each folio that has something of [start, end) becomes 4K folios. 0, -ENOMEM,
 * -EAGAIN: *error_index is then the first index of the range that was not; what
 * was split before stays split. invalidate_lock for write.
 */
int kvm_gmem_split_range(struct inode *inode, pgoff_t start, pgoff_t end,
			 enum gmem_freeze freeze, pgoff_t *error_index);
/*
 * Each split huge page that touches [start, end) and for which @mergeable(inode,
 * its first index, its end, @arg) becomes one again. 0 or the first error: -EAGAIN;
 * -ENOMEM with series bug undo-allocates only. invalidate_lock for write.
 */
int kvm_gmem_merge_range(struct inode *inode, pgoff_t start, pgoff_t end,
			 bool (*mergeable)(struct inode *inode, pgoff_t first, pgoff_t end, void *arg),
			 void *arg, enum gmem_freeze freeze);
/* The huge page that begins at @first is there, in pieces. */
bool kvm_gmem_is_split(struct inode *inode, pgoff_t first);
/* The first index whose folio somebody but the page cache refers to; @end: none. */
pgoff_t kvm_gmem_first_unsafe(struct inode *inode, pgoff_t start, pgoff_t end);

#endif /* SEPTUM_KVM_GUEST_MEMFD_H */
