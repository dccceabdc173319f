// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory attributes of a VM: which gfn is private and which is shared, kept by
 * gfn for the whole VM and changed by KVM_SET_MEMORY_ATTRIBUTES
 * (virt/kvm/kvm_main.c, Linux 7.3.4). While they change, faults in the range
 * are told to try again: the old mappings go before the first attribute is
 * written and nobody maps until the last one is.
 */
#include "model/kvm/kvm_host.h"
#include "model/kvm/mmu.h"

/* One pass over all slots that touch a range, under mmu_lock from the first one on. */
struct gfn_walk {
	gfn_t start, end;
	u64 attributes;
	void (*on_lock)(struct kvm *kvm);
	struct kvm_unmapped (*handler)(struct kvm *kvm, struct kvm_gfn_range *range);
};

u64 kvm_supported_mem_attributes(struct kvm *kvm)
{
	/* With conversion in place (v8) that is guest_memfd's to keep. */
	if (kvm_globals_of(kvm)->gmem_in_place_conversion)
		return 0;
	return kvm->arch.has_private_mem ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
}

u64 kvm_get_memory_attributes(struct kvm *kvm, gfn_t gfn)
{
	void *entry = xa_load(&kvm->mem_attr_array, gfn);

	return entry ? xa_to_value(entry) : 0;
}

bool kvm_range_has_memory_attributes(struct kvm *vm, gfn_t start, gfn_t end,
				     u64 mask, u64 attributes)
{
	u64 gfn = start, expected = start;
	void *entry;

	mask &= kvm_supported_mem_attributes(vm);
	if (attributes & ~mask)
		return false;
	if (end == start + 1)
		return (kvm_get_memory_attributes(vm, start) & mask) == attributes;

	xa_for_each_range(&vm->mem_attr_array, gfn, entry, start, end - 1) {
		if (attributes && gfn != expected)
			return false;
		if ((xa_to_value(entry) & mask) != attributes)
			return false;
		expected = gfn + 1;
	}
	/* What has no entry has no attributes. */
	return !attributes || expected == end;
}

static struct kvm_unmapped kvm_handle_gfn_range(struct kvm *kvm, const struct gfn_walk *walk)
{
	struct kvm_gfn_range range = {
		.attributes = walk->attributes,
		.attr_filter = KVM_FILTER_SHARED | KVM_FILTER_PRIVATE,
		.may_block = true,
	};
	struct kvm_unmapped unmapped = { 0 };
	struct kvm_memory_slot *slot;
	bool locked = false;
	u32 at;

	kvm_for_each_memslot_in_gfn_range(slot, kvm_memslots(kvm), at, walk->start, walk->end) {
		gfn_t slot_end = slot->base_gfn + slot->npages;

		range.slot = slot;
		range.start = walk->start > slot->base_gfn ? walk->start : slot->base_gfn;
		range.end = walk->end < slot_end ? walk->end : slot_end;
		if (!locked) {
			locked = true;
			KVM_MMU_LOCK(kvm);
			if (walk->on_lock)
				walk->on_lock(kvm);
		}
		unmapped = kvm_unmapped_add(unmapped, walk->handler(kvm, &range));
	}
	if (unmapped.flush)
		kvm_flush_remote_tlbs(kvm);
	if (locked)
		KVM_MMU_UNLOCK(kvm);
	return unmapped;
}

static struct kvm_unmapped kvm_pre_set_memory_attributes(struct kvm *vm,
							 struct kvm_gfn_range *range)
{
	/* Both halves, since the arch part may reach beyond what userspace named. */
	kvm_mmu_invalidate_range_add(vm, range->start, range->end);
	return kvm_arch_pre_set_memory_attributes(vm, range);
}

/* The nodes that the stores need, so that they cannot fail half-way. */
static int reserve_attributes(struct kvm *kvm, gfn_t start, gfn_t end)
{
	int err;

	/* One index makes room for all that share its node. */
	for (gfn_t gfn = start; gfn < end; gfn = (gfn | (XA_CHUNK_SIZE - 1)) + 1) {
		err = xa_reserve(&kvm->mem_attr_array, gfn, GFP_KERNEL_ACCOUNT);
		if (err)
			return err;
	}
	return 0;
}

/*
 * Huge S-EPT leaves: a leaf never reaches into a second slot, so the slots need not
 * be looked at. Can fail, hence before anything changes.
 */
static int split_at_borders(struct kvm *kvm, gfn_t start, gfn_t end)
{
	const struct kvm_gfn_range range = { .start = start, .end = end };

	return kvm_split_cross_boundary_leafs(kvm, &range);
}

static void store_attributes(struct kvm *kvm, gfn_t start, gfn_t end, void *entry)
{
	for (gfn_t gfn = start; gfn < end; gfn++) {
		void *old = xa_store(&kvm->mem_attr_array, gfn, entry, GFP_KERNEL_ACCOUNT);

		KVM_BUG_ON(IS_ERR(old), kvm);
	}
	kvm->attributes_generation++;
}

static void take_slots_lock(struct kvm *kvm)
{
	bool swap = defect_on(env_of(kvm), DEFECT_SWAP_LOCKS);

	if (swap)
		KVM_MMU_LOCK(kvm);
	mutex_lock(&kvm->slots_lock);
	if (swap)
		KVM_MMU_UNLOCK(kvm);
}

/* Half-open range of gfns. 0 or -ENOMEM; -EIO where a policy lets unmapping fail. */
int kvm_vm_set_mem_attributes(struct kvm *kvm, gfn_t start, gfn_t end, u64 attributes)
{
	const struct gfn_walk pre = {
		start, end, attributes, kvm_mmu_invalidate_start,
		kvm_pre_set_memory_attributes,
	};
	const struct gfn_walk post = {
		start, end, attributes, kvm_mmu_invalidate_end,
		kvm_arch_post_set_memory_attributes,
	};
	int err = 0;

	take_slots_lock(kvm);

	/* Nothing to do must not cost the guest its mappings. */
	if (kvm_range_has_memory_attributes(kvm, start, end, ~0ULL, attributes))
		goto unlock;
	if (attributes)
		err = reserve_attributes(kvm, start, end);
	/* Only what stops being private is zapped, and of that no more than was named. */
	if (!err && !(attributes & KVM_MEMORY_ATTRIBUTE_PRIVATE))
		err = split_at_borders(kvm, start, end);
	if (err)
		goto unlock;

	/* Too late to go back: what could be unmapped is gone for the guest. */
	if (kvm_handle_gfn_range(kvm, &pre).failed)
		err = -EIO;
	store_attributes(kvm, start, end, attributes ? xa_mk_value(attributes) : NULL);
	kvm_handle_gfn_range(kvm, &post);
unlock:
	mutex_unlock(&kvm->slots_lock);
	return err;
}

int kvm_vm_ioctl_set_mem_attributes(struct kvm *kvm, const struct kvm_memory_attributes *attrs)
{
	gfn_t start = gpa_to_gfn(attrs->address);

	/* flags is for the future: nothing is defined yet. */
	if (attrs->flags || attrs->attributes & ~kvm_supported_mem_attributes(kvm))
		return -EINVAL;
	if (!attrs->size || attrs->address + attrs->size < attrs->address)
		return -EINVAL;
	if (!IS_ALIGNED(attrs->address | attrs->size, PAGE_SIZE))
		return -EINVAL;
	return kvm_vm_set_mem_attributes(kvm, start, start + gpa_to_gfn(attrs->size),
					 attrs->attributes);
}
