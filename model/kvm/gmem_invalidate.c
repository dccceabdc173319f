// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd, invalidation: the mappings of a range of indices go, in every VM
 * that has a file of the inode (virt/kvm/guest_memfd.c, Linux 7.3.4). Kept as it
 * is there: an inode that is private or shared for life has one half only to
 * look at, so shared mappings of a mmap-able file in a TD stay in the direct root
 * when their folios go. With conversion in place the halves follow from the
 * attributes (in-place conversion v8, June 2026). In two parts, counting first
 * and zapping later: 1G page support for guest_memfd, RFC v2 (May 2025).
 */
#include "model/kvm/guest_memfd.h"
#include "model/kvm/mmu.h"

u8 kvm_gmem_get_invalidate_filter(struct inode *gmem, pgoff_t start, pgoff_t end)
{
	pgoff_t size = gmem->i_size >> PAGE_SHIFT, run_end;
	u64 attrs;

	if (!gmem_in_place_conversion(gmem))
		return kvm_gmem_init_shared(gmem) ? KVM_FILTER_SHARED : KVM_FILTER_PRIVATE;

	if (end > size)
		end = size;
	attrs = gmem_attributes_run(&GMEM_I(gmem)->attributes, start, &run_end);
	if (run_end < end)
		return KVM_FILTER_SHARED | KVM_FILTER_PRIVATE;
	return attrs & KVM_MEMORY_ATTRIBUTE_PRIVATE ? KVM_FILTER_PRIVATE : KVM_FILTER_SHARED;
}

/*
 * The next slot of @gf that shows some of [from, end), after @index; its gfns in
 * *range. A slot may take several entries of the tree and comes once.
 */
static bool next_gfn_range(struct gmem_file *gf, u64 *index, pgoff_t from, pgoff_t end, u8 filter,
			   struct kvm_gfn_range *range)
{
	struct kvm_memory_slot *slot;
	pgoff_t first, last;

	slot = *index == ~0ULL ? (*index = from, xa_find(&gf->bindings, index, end - 1)) :
				 xa_find_after(&gf->bindings, index, end - 1);
	while (slot && *index > from && *index > slot->gmem.pgoff)
		slot = xa_find_after(&gf->bindings, index, end - 1);
	if (!slot)
		return false;

	first = slot->gmem.pgoff;
	last = first + slot->npages;
	*range = (struct kvm_gfn_range){
		.slot = slot,
		.start = slot->base_gfn + (from > first ? from - first : 0),
		.end = slot->base_gfn + (end < last ? end : last) - first,
		.attr_filter = filter,
		.may_block = true,
	};
	return true;
}

#define for_each_gfn_range(gf, index, from, end, filter, range)			\
	for (index = ~0ULL; next_gfn_range(gf, &(index), from, end, filter, range);)

struct kvm_unmapped __kvm_gmem_invalidate_start(struct gmem_file *gf, pgoff_t from, pgoff_t end,
						u8 filter)
{
	bool take_lock = !defect_on(env_of(gf), DEFECT_NO_MMU_LOCK);
	struct kvm_unmapped unmapped = { 0 };
	struct kvm_gfn_range range;
	struct kvm *kvm = gf->kvm;
	bool found = false;
	u64 index;

	for_each_gfn_range(gf, index, from, end, filter, &range) {
		if (!found) {
			found = true;
			if (take_lock)
				KVM_MMU_LOCK(kvm);
			kvm_mmu_invalidate_start(kvm);
		}
		if (!defect_on(env_of(kvm), DEFECT_SKIP_INVALIDATE))
			unmapped = kvm_unmapped_add(unmapped,
						    kvm_mmu_unmap_gfn_range(kvm, &range));
		else
			kvm_mmu_invalidate_range_add(kvm, range.start, range.end);
	}
	if (unmapped.flush)
		kvm_flush_remote_tlbs(kvm);
	if (found && take_lock)
		KVM_MMU_UNLOCK(kvm);
	return unmapped;
}

void __kvm_gmem_invalidate_end(struct gmem_file *gf, pgoff_t start, pgoff_t end)
{
	u64 index = start;

	if (!xa_find(&gf->bindings, &index, end - 1))
		return;
	KVM_MMU_LOCK(gf->kvm);
	kvm_mmu_invalidate_end(gf->kvm);
	KVM_MMU_UNLOCK(gf->kvm);
}

struct kvm_unmapped kvm_gmem_invalidate_start(struct inode *gmem, pgoff_t start, pgoff_t end)
{
	u8 filter = kvm_gmem_get_invalidate_filter(gmem, start, end);
	struct kvm_unmapped unmapped = { 0 };
	struct gmem_file *gf;

	list_for_each_entry(gf, &GMEM_I(gmem)->gmem_file_list, entry)
		unmapped = kvm_unmapped_add(unmapped,
					    __kvm_gmem_invalidate_start(gf, start, end, filter));
	return unmapped;
}

void kvm_gmem_invalidate_end(struct inode *gmem, pgoff_t start, pgoff_t end)
{
	struct gmem_file *gf;

	list_for_each_entry(gf, &GMEM_I(gmem)->gmem_file_list, entry)
		__kvm_gmem_invalidate_end(gf, start, end);
}

/* -- in two parts ----------------------------------------------------------- */

static void gmem_file_invalidate_begin(struct gmem_file *gf, pgoff_t start, pgoff_t end)
{
	struct kvm_gfn_range range;
	u64 index = start;

	if (!xa_find(&gf->bindings, &index, end - 1))
		return;
	KVM_MMU_LOCK(gf->kvm);
	kvm_mmu_invalidate_start(gf->kvm);
	for_each_gfn_range(gf, index, start, end, 0, &range)
		kvm_mmu_invalidate_range_add(gf->kvm, range.start, range.end);
	KVM_MMU_UNLOCK(gf->kvm);
}

void kvm_gmem_invalidate_begin(struct inode *gmem, pgoff_t start, pgoff_t end)
{
	struct gmem_file *gf;

	list_for_each_entry(gf, &GMEM_I(gmem)->gmem_file_list, entry)
		gmem_file_invalidate_begin(gf, start, end);
}

static struct kvm_unmapped gmem_file_zap(struct gmem_file *gf, pgoff_t start, pgoff_t end,
					 u8 filter)
{
	struct kvm_unmapped unmapped = { 0 };
	struct kvm_gfn_range range;
	u64 index = start;

	if (!xa_find(&gf->bindings, &index, end - 1))
		return unmapped;
	KVM_MMU_LOCK(gf->kvm);
	for_each_gfn_range(gf, index, start, end, filter, &range)
		unmapped = kvm_unmapped_add(unmapped, kvm_unmap_gfn_range(gf->kvm, &range));
	if (unmapped.flush)
		kvm_flush_remote_tlbs(gf->kvm);
	KVM_MMU_UNLOCK(gf->kvm);
	return unmapped;
}

struct kvm_unmapped kvm_gmem_zap(struct inode *gmem, pgoff_t start, pgoff_t end, u8 filter)
{
	struct kvm_unmapped unmapped = { 0 };
	struct gmem_file *gf;

	list_for_each_entry(gf, &GMEM_I(gmem)->gmem_file_list, entry)
		unmapped = kvm_unmapped_add(unmapped, gmem_file_zap(gf, start, end, filter));
	return unmapped;
}

static int gmem_file_for_each(struct gmem_file *gf, pgoff_t start, pgoff_t end, u8 filter,
			      int (*fn)(struct kvm *, struct kvm_gfn_range *, void *), void *arg)
{
	struct kvm_gfn_range range;
	int ret = 0;
	u64 index;

	for_each_gfn_range(gf, index, start, end, filter, &range) {
		ret = fn(gf->kvm, &range, arg);
		if (ret)
			break;
	}
	return ret;
}

int kvm_gmem_for_each_gfn_range(struct inode *gmem, pgoff_t start, pgoff_t end, u8 filter,
				int (*fn)(struct kvm *kvm, struct kvm_gfn_range *range, void *arg),
				void *arg)
{
	struct gmem_file *gf;
	int ret = 0;

	list_for_each_entry(gf, &GMEM_I(gmem)->gmem_file_list, entry) {
		ret = gmem_file_for_each(gf, start, end, filter, fn, arg);
		if (ret)
			break;
	}
	return ret;
}
