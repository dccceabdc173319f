// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_USER_MEMORY_REGION and ..REGION2: the checks and the order of steps
 * of virt/kvm/kvm_main.c, Linux 7.3.4. A slot backed by guest_memfd can only be
 * made and deleted. Left out: dirty-log bitmaps (the flag is accepted where the
 * kernel accepts it) and the check that a user pointer is readable.
 */
#include "model/kvm/memslots.h"

#define TASK_SIZE_MAX	((1ULL << 47) - PAGE_SIZE)

static int check_memory_region_flags(struct kvm *vm,
				     const struct kvm_userspace_memory_region2 *region)
{
	u32 valid_flags = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_GUEST_MEMFD;

	/* What guest_memfd backs is neither tracked nor write-protected. */
	if (region->flags & KVM_MEM_GUEST_MEMFD)
		valid_flags = KVM_MEM_GUEST_MEMFD;
	else if (!vm->arch.has_protected_state)
		valid_flags |= KVM_MEM_READONLY;

	return region->flags & ~valid_flags ? -EINVAL : 0;
}

/* Addresses and sizes, before anything is looked up. */
static int check_memory_region_range(const struct kvm_userspace_memory_region2 *region)
{
	u16 as_id = region->slot >> 16;
	u16 id = region->slot;

	if (!IS_ALIGNED(region->memory_size, PAGE_SIZE) ||
	    !IS_ALIGNED(region->guest_phys_addr, PAGE_SIZE))
		return -EINVAL;
	if (!IS_ALIGNED(region->userspace_addr, PAGE_SIZE) ||
	    region->memory_size > TASK_SIZE_MAX ||
	    region->userspace_addr > TASK_SIZE_MAX - region->memory_size)
		return -EINVAL;
	if (region->flags & KVM_MEM_GUEST_MEMFD &&
	    (!IS_ALIGNED(region->guest_memfd_offset, PAGE_SIZE) ||
	     region->guest_memfd_offset + region->memory_size < region->guest_memfd_offset))
		return -EINVAL;
	if (as_id || id >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	if (region->guest_phys_addr + region->memory_size < region->guest_phys_addr)
		return -EINVAL;
	if (region->memory_size >> PAGE_SHIFT > KVM_MEM_MAX_NR_PAGES)
		return -EINVAL;
	return 0;
}

static bool kvm_check_memslot_overlap(struct kvm_memslots *slots, int except_id,
				      gfn_t start, gfn_t end)
{
	struct kvm_memory_slot *slot;
	u32 at;

	kvm_for_each_memslot_in_gfn_range(slot, slots, at, start, end)
		if (slot->id != except_id)
			return true;
	return false;
}

/* The slot that is there now goes or moves: its mappings must go first. */
static bool change_removes(enum kvm_mr_change change)
{
	return change == KVM_MR_DELETE || change == KVM_MR_MOVE;
}

static void kvm_commit_memory_region(struct kvm *kvm, struct kvm_memory_slot *old,
				     struct kvm_memory_slot *new, enum kvm_mr_change change)
{
	if (change == KVM_MR_CREATE)
		kvm->nr_memslot_pages += new->npages;
	else if (change == KVM_MR_DELETE)
		kvm->nr_memslot_pages -= old->npages;

	if (change == KVM_MR_DELETE)
		kvm_free_memslot(kvm, old);
	else if (old)
		kvm_free_memslot_struct(kvm, old);
}

/* Puts the prepared change into both sets; slots_arch_lock is dropped on the way. */
static void kvm_install_memslot(struct kvm *kvm, struct kvm_memory_slot *old,
				struct kvm_memory_slot *new, struct kvm_memory_slot *invalid,
				enum kvm_mr_change change)
{
	kvm_replace_memslot(kvm, old, new);
	if (change_removes(change))
		kvm_activate_memslot(kvm, invalid, new);
	else
		kvm_activate_memslot(kvm, old, new);
}

static int kvm_set_memslot(struct kvm *vm, struct kvm_memory_slot *old,
			   struct kvm_memory_slot *new, enum kvm_mr_change change)
{
	struct kvm_memory_slot *invalid = NULL;
	int err;

	/* From here to the swap: the arch part of a slot must not change. */
	mutex_lock(&vm->slots_arch_lock);

	if (change_removes(change)) {
		invalid = kvm_alloc_memslot(vm);
		if (!invalid) {
			mutex_unlock(&vm->slots_arch_lock);
			return -ENOMEM;
		}
		kvm_invalidate_memslot(vm, old, invalid);
	}

	err = kvm_arch_prepare_memory_region(vm, old, new, change);
	if (!err && change == KVM_MR_CREATE && kvm_slot_has_gmem(new))
		err = kvm_gmem_commit_memory_region(vm, new);
	if (err) {
		/* The mappings are gone, but the slot itself comes back. */
		if (invalid) {
			kvm_activate_memslot(vm, invalid, old);
			kvm_free_memslot_struct(vm, invalid);
		} else {
			mutex_unlock(&vm->slots_arch_lock);
		}
		return err;
	}

	kvm_install_memslot(vm, old, new, invalid, change);
	if (invalid)
		kvm_free_memslot_struct(vm, invalid);
	kvm_commit_memory_region(vm, old, new, change);
	return 0;
}

static int kvm_delete_memory_region(struct kvm *vm, struct kvm_memory_slot *old)
{
	if (!old)
		return -EINVAL;
	if (WARN_ON_ONCE(env_of(vm), vm->nr_memslot_pages < old->npages))
		return -EIO;
	return kvm_set_memslot(vm, old, NULL, KVM_MR_DELETE);
}

/* What a request on an existing slot means: an enum kvm_mr_change, -EINVAL, -EALREADY. */
static int kvm_memory_region_change(const struct kvm_memory_slot *old,
				    const struct kvm_userspace_memory_region2 *region)
{
	u32 changed = region->flags ^ old->flags;

	if (region->flags & KVM_MEM_GUEST_MEMFD)
		return -EINVAL;
	if (region->userspace_addr != old->userspace_addr ||
	    region->memory_size >> PAGE_SHIFT != old->npages ||
	    changed & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD))
		return -EINVAL;
	if (gpa_to_gfn(region->guest_phys_addr) != old->base_gfn)
		return KVM_MR_MOVE;
	return changed ? KVM_MR_FLAGS_ONLY : -EALREADY;
}

static int kvm_create_memory_region(struct kvm *kvm, struct kvm_memory_slot *old,
				    const struct kvm_userspace_memory_region2 *region,
				    enum kvm_mr_change change)
{
	struct kvm_memory_slot *new = kvm_alloc_memslot(kvm);
	struct file *file = NULL;
	int err = 0;

	if (!new)
		return -ENOMEM;
	new->id = (u16)region->slot;
	new->base_gfn = gpa_to_gfn(region->guest_phys_addr);
	new->npages = region->memory_size >> PAGE_SHIFT;
	new->flags = region->flags;
	new->userspace_addr = region->userspace_addr;

	if (region->flags & KVM_MEM_GUEST_MEMFD)
		err = kvm_gmem_prepare_memory_region(kvm, new, region->guest_memfd,
						   region->guest_memfd_offset, &file);
	if (!err)
		err = kvm_set_memslot(kvm, old, new, change);
	/* Binding keeps no reference: the file's release unbinds. */
	if (file)
		fput(file);
	if (err)
		kvm_free_memslot_struct(kvm, new);
	return err;
}

int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region2 *region)
{
	gfn_t base_gfn = gpa_to_gfn(region->guest_phys_addr);
	u64 npages = region->memory_size >> PAGE_SHIFT;
	struct kvm_memslots *set = kvm_memslots(kvm);
	struct kvm_memory_slot *old;
	int err, change = KVM_MR_CREATE;

	lockdep_assert_held(&kvm->slots_lock);

	err = check_memory_region_flags(kvm, region);
	if (!err)
		err = check_memory_region_range(region);
	if (err)
		return err;

	old = id_to_memslot(set, (u16)region->slot);
	if (!region->memory_size)
		return kvm_delete_memory_region(kvm, old);
	if (old) {
		change = kvm_memory_region_change(old, region);
		if (change < 0)
			return change == -EALREADY ? 0 : change;
	}
	if (change != KVM_MR_FLAGS_ONLY &&
	    kvm_check_memslot_overlap(set, (u16)region->slot, base_gfn, base_gfn + npages))
		return -EEXIST;
	return kvm_create_memory_region(kvm, old, region, change);
}

int kvm_vm_ioctl_set_memory_region(struct kvm *kvm,
				   const struct kvm_userspace_memory_region2 *region)
{
	int err;

	if ((u16)region->slot >= KVM_USER_MEM_SLOTS)
		return -EINVAL;

	mutex_lock(&kvm->slots_lock);
	err = kvm_set_memory_region(kvm, region);
	mutex_unlock(&kvm->slots_lock);
	return err;
}
