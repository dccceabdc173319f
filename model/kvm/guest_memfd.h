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

#include "model/kvm/kvm_host.h"
#include "model/mm/hugetlb.h"

struct gmem_file {
	struct kvm *kvm;		/* one reference */
	struct xarray bindings;		/* pgoff -> struct kvm_memory_slot */
	struct list_head entry;		/* gmem_inode.gmem_file_list */
};

struct gmem_inode {
	struct list_head gmem_file_list;
	u64 flags;			/* GUEST_MEMFD_FLAG_* of its creation */
	struct hstate *h;		/* where its pages come from, NULL: 4K from the buddy */
	struct hugepage_subpool *spool;	/* all its pages, reserved at creation */
};

static inline struct gmem_inode *GMEM_I(const struct inode *gmem)
{
	return gmem->i_private;
}

static inline bool kvm_gmem_supports_mmap(const struct inode *gmem)
{
	return GMEM_I(gmem)->flags & GUEST_MEMFD_FLAG_MMAP;
}

/* For its whole life: 7.3.4 has no conversion in place. */
static inline bool kvm_gmem_init_shared(const struct inode *inode)
{
	return GMEM_I(inode)->flags & GUEST_MEMFD_FLAG_INIT_SHARED;
}

/* Of the pages it allocates; what was split since may be smaller. */
static inline u32 kvm_gmem_page_order(const struct inode *gmem)
{
	return GMEM_I(gmem)->h ? GMEM_I(gmem)->h->order : 0;
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

/* Mappings of [start, end) go, in every VM that has a file of this inode. */
void kvm_gmem_invalidate_start(struct inode *inode, pgoff_t start, pgoff_t end);
void kvm_gmem_invalidate_end(struct inode *inode, pgoff_t start, pgoff_t end);

/* -- hugetlb pages, gmem_hugetlb.c ------------------------------------------- */

/* @gi->flags ask for it. 0, -EINVAL (no such size, @size no multiple), -ENOMEM (pool). */
int guestmem_hugetlb_setup(struct gmem_inode *gi, u64 size);
void guestmem_hugetlb_teardown(struct gmem_inode *gi);
/*
 * The huge page around @index, where nothing is yet: locked, with a reference,
 * not up to date. ERR_PTR(-ENOMEM, -ENOSPC, -EEXIST).
 */
struct folio *kvm_gmem_hugetlb_create_folio(struct inode *inode, pgoff_t index);

#endif /* SEPTUM_KVM_GUEST_MEMFD_H */
