// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which huge pages a slot may not have (arch/x86/kvm/mmu/mmu.c and
 * kvm_alloc_memslot_metadata() of x86.c, Linux 7.3.4): a count for misaligned
 * ends and a bit for mixed attributes, per 2M and 1G page; and a bit for a guest
 * that accepts in smaller pages ("Dynamic PAMT + S-EPT hugepage" v5 by Sean
 * Christopherson, 28 Jan 2026, patch 40), never cleared. Kept sparse here;
 * a page never looked at counts as what kvm_mmu_init_memslot_lpage_info() says.
 */
#include "model/kvm/tdp_mmu.h"

#define KVM_LPAGE_MIXED_FLAG	BIT_ULL(31)
#define KVM_LPAGE_GUEST_INHIBIT_FLAG BIT_ULL(30)
/* The model's: this element was looked at, its count is filled in. */
#define LPAGE_KNOWN		BIT_ULL(29)
#define LPAGE_COUNT_MASK	(LPAGE_KNOWN - 1)

/* Small first: a 1G page asks its 2M pages. */
#define for_each_huge_level(level)						\
	for (level = PG_LEVEL_2M; level <= KVM_MAX_HUGEPAGE_LEVEL; level++)

static u64 lpage_index(gfn_t gfn, gfn_t base_gfn, int level)
{
	return (gfn >> KVM_HPAGE_GFN_SHIFT(level)) - (base_gfn >> KVM_HPAGE_GFN_SHIFT(level));
}

/* 1 where a huge page would reach beyond the slot, or nowhere lines up. */
static u32 lpage_initial(const struct kvm_memory_slot *slot, u64 index, int level)
{
	u64 mask = KVM_PAGES_PER_HPAGE(level) - 1;
	gfn_t end = slot->base_gfn + slot->npages;

	if (slot->arch.lpage_misaligned[level - PG_LEVEL_2M])
		return 1;
	if (!index && (slot->base_gfn & mask))
		return 1;
	if (index == lpage_index(end - 1, slot->base_gfn, level) && (end & mask))
		return 1;
	return 0;
}

static u32 *lpage_info_slot(gfn_t gfn, const struct kvm_memory_slot *slot, int level)
{
	struct sparse *info = (struct sparse *)&slot->arch.lpage_info[level - PG_LEVEL_2M];
	u64 index = lpage_index(gfn, slot->base_gfn, level);
	u32 *disallow = sparse_get(info, index);

	if (!(*disallow & LPAGE_KNOWN))
		*disallow = LPAGE_KNOWN | lpage_initial(slot, index, level);
	return disallow;
}

void kvm_mmu_init_memslot_lpage_info(struct kvm *vm, struct kvm_memory_slot *slot)
{
	gfn_t ugfn = slot->userspace_addr >> PAGE_SHIFT;
	int level;

	for_each_huge_level(level) {
		u64 pages = lpage_index(slot->base_gfn + slot->npages - 1,
					slot->base_gfn, level) + 1;

		sparse_init(&slot->arch.lpage_info[level - PG_LEVEL_2M],
			    sizeof(struct kvm_lpage_info), pages);
		slot->arch.lpage_misaligned[level - PG_LEVEL_2M] =
			(slot->base_gfn ^ ugfn) & (KVM_PAGES_PER_HPAGE(level) - 1);
	}
	slot->arch.initialized = true;
}

bool kvm_lpage_disallowed(const struct kvm_memory_slot *slot, gfn_t gfn, int level)
{
	return *lpage_info_slot(gfn, slot, level) &
	       (KVM_LPAGE_MIXED_FLAG | KVM_LPAGE_GUEST_INHIBIT_FLAG | LPAGE_COUNT_MASK);
}

bool hugepage_test_guest_inhibit(const struct kvm_memory_slot *slot, gfn_t gfn, int level)
{
	return *lpage_info_slot(gfn, slot, level) & KVM_LPAGE_GUEST_INHIBIT_FLAG;
}

void hugepage_set_guest_inhibit(struct kvm_memory_slot *slot, gfn_t gfn, int level)
{
	*lpage_info_slot(gfn, slot, level) |= KVM_LPAGE_GUEST_INHIBIT_FLAG;
}

static bool hugepage_test_mixed(struct kvm_memory_slot *slot, gfn_t gfn, int level)
{
	return *lpage_info_slot(gfn, slot, level) & KVM_LPAGE_MIXED_FLAG;
}

static void hugepage_clear_mixed(struct kvm_memory_slot *slot, gfn_t gfn, int level)
{
	*lpage_info_slot(gfn, slot, level) &= ~KVM_LPAGE_MIXED_FLAG;
}

static void hugepage_set_mixed(struct kvm_memory_slot *slot, gfn_t gfn, int level)
{
	*lpage_info_slot(gfn, slot, level) |= KVM_LPAGE_MIXED_FLAG;
}

/* One child of a huge page: uniform, and of these attributes? */
static bool hugepage_child_has_attrs(struct kvm *vm, struct kvm_memory_slot *slot,
				     gfn_t gfn, int level, u64 attrs)
{
	if (level > PG_LEVEL_4K && hugepage_test_mixed(slot, gfn, level))
		return false;
	return kvm_get_memory_attributes(vm, gfn) == attrs;
}

/*
 * All of the huge page at @gfn has @attrs. The kernel looks from the first
 * child on; here the neighbours of what just changed come first, because in a
 * page being converted step by step they are where the answer is found.
 */
static bool hugepage_has_attrs(struct kvm *vm, struct kvm_memory_slot *slot,
			       gfn_t gfn, int level, const struct kvm_gfn_range *range)
{
	u64 child = KVM_PAGES_PER_HPAGE(level - 1);
	gfn_t start = gfn, end = gfn + KVM_PAGES_PER_HPAGE(level);
	u64 attrs = range->attributes;
	gfn_t hint[3] = { range->start & ~(child - 1), (range->start - 1) & ~(child - 1),
			  range->end & ~(child - 1) };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(hint); i++) {
		if (hint[i] >= start && hint[i] < end &&
		    !hugepage_child_has_attrs(vm, slot, hint[i], level - 1, attrs))
			return false;
	}
	if (level == PG_LEVEL_2M)
		return kvm_range_has_memory_attributes(vm, start, end, ~0ULL, attrs);

	for (gfn = start; gfn < end; gfn += child) {
		if (!hugepage_child_has_attrs(vm, slot, gfn, level - 1, attrs))
			return false;
	}
	return true;
}

/* The part of @range in a huge page that straddles it must be retried, too. */
static void extend_invalidation(struct kvm *vm, struct kvm_gfn_range *range, gfn_t gfn, int level)
{
	struct kvm_memory_slot *const slot = range->slot;
	u64 nr_pages = KVM_PAGES_PER_HPAGE(level);
	bool in_slot = gfn >= slot->base_gfn &&
		       gfn + nr_pages <= slot->base_gfn + slot->npages;

	if (in_slot && !hugepage_test_mixed(slot, gfn, level))
		kvm_mmu_invalidate_range_add(vm, gfn, gfn + nr_pages);
}

struct kvm_unmapped kvm_arch_pre_set_memory_attributes(struct kvm *vm,
						       struct kvm_gfn_range *range)
{
	int level;

	if (WARN_ON_ONCE(env_of(vm), !vm->arch.has_private_mem))
		return (struct kvm_unmapped){ 0 };
	if (WARN_ON_ONCE(env_of(vm), range->end <= range->start))
		return (struct kvm_unmapped){ 0 };
	if (defect_on(env_of(vm), DEFECT_SKIP_ZAP_ATTRIBUTES))
		return (struct kvm_unmapped){ 0 };

	for_each_huge_level(level) {
		u64 nr_pages = KVM_PAGES_PER_HPAGE(level);
		gfn_t head = range->start & ~(nr_pages - 1);
		gfn_t tail = (range->end - 1) & ~(nr_pages - 1);

		if (head != range->start || head + nr_pages > range->end)
			extend_invalidation(vm, range, head, level);
		if (tail != head && tail + nr_pages > range->end)
			extend_invalidation(vm, range, tail, level);
	}

	/* What stops being private is in the mirror root only, and the other way. */
	range->attr_filter = range->attributes & KVM_MEMORY_ATTRIBUTE_PRIVATE ?
			     KVM_FILTER_SHARED : KVM_FILTER_PRIVATE;
	return kvm_unmap_gfn_range(vm, range);
}

static void hugepage_update_mixed(struct kvm *vm, struct kvm_memory_slot *slot,
				  gfn_t gfn, int level, const struct kvm_gfn_range *range)
{
	if (hugepage_has_attrs(vm, slot, gfn, level, range))
		hugepage_clear_mixed(slot, gfn, level);
	else
		hugepage_set_mixed(slot, gfn, level);
}

struct kvm_unmapped kvm_arch_post_set_memory_attributes(struct kvm *vm,
							struct kvm_gfn_range *range)
{
	struct kvm_memory_slot *const slot = range->slot;
	gfn_t slot_end = slot->base_gfn + slot->npages;
	int level;

	lockdep_assert_held_write(&vm->mmu_lock);
	lockdep_assert_held(&vm->slots_lock);
	if (WARN_ON_ONCE(env_of(vm), !vm->arch.has_private_mem))
		return (struct kvm_unmapped){ 0 };

	for_each_huge_level(level) {
		u64 nr_pages = KVM_PAGES_PER_HPAGE(level);
		gfn_t gfn = range->start & ~(nr_pages - 1);

		for (; gfn < range->end; gfn += nr_pages) {
			if (gfn < slot->base_gfn || gfn + nr_pages > slot_end)
				continue;
			if (gfn >= range->start && gfn + nr_pages <= range->end)
				hugepage_clear_mixed(slot, gfn, level);
			else
				hugepage_update_mixed(vm, slot, gfn, level, range);
		}
	}
	return (struct kvm_unmapped){ 0 };
}

void kvm_mmu_init_memslot_memory_attributes(struct kvm *vm, struct kvm_memory_slot *slot)
{
	gfn_t slot_end = slot->base_gfn + slot->npages;
	int level;

	if (!vm->arch.has_private_mem)
		return;
	for_each_huge_level(level) {
		u64 nr_pages = KVM_PAGES_PER_HPAGE(level);
		gfn_t gfn = ALIGN_UP(slot->base_gfn, nr_pages);

		for (; gfn + nr_pages <= slot_end; gfn += nr_pages) {
			/* The whole page against its own first attribute. */
			struct kvm_gfn_range range = {
				.slot = slot, .start = gfn, .end = gfn + nr_pages,
				.attributes = kvm_get_memory_attributes(vm, gfn),
			};

			hugepage_update_mixed(vm, slot, gfn, level, &range);
		}
	}
}
