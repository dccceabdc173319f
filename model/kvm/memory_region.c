// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_SET_USER_MEMORY_REGION and ..REGION2: the checks and the order of steps
 * of virt/kvm/kvm_main.c, Linux 7.3.4. A slot backed by guest_memfd can only be
 * made and deleted. Left out: dirty-log bitmaps (the flag is accepted where the
 * kernel accepts it) and the check that a user pointer is readable.
 */
#include "model/kvm/memslots.h"

#define TASK_SIZE_MAX	((1ULL << 47) - PAGE_SIZE)

static int check_memory_region_flags(struct kvm *kvm,
				     const struct kvm_userspace_memory_region2 *mem)
{
	u32 valid_flags = KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_GUEST_MEMFD;

	/* What guest_memfd backs is neither tracked nor write-protected. */
	if (mem->flags & KVM_MEM_GUEST_MEMFD)
		valid_flags &= ~KVM_MEM_LOG_DIRTY_PAGES;
	else if (!kvm->arch.has_protected_state)
		valid_flags |= KVM_MEM_READONLY;

	return mem->flags & ~valid_flags ? -EINVAL : 0;
}

/* Addresses and sizes, before anything is looked up. */
static int check_memory_region_range(const struct kvm_userspace_memory_region2 *mem)
{
	u16 as_id = mem->slot >> 16;
	u16 id = mem->slot;

	if (!IS_ALIGNED(mem->memory_size, PAGE_SIZE) ||
	    !IS_ALIGNED(mem->guest_phys_addr, PAGE_SIZE))
		return -EINVAL;
	if (!IS_ALIGNED(mem->userspace_addr, PAGE_SIZE) ||
	    mem->memory_size > TASK_SIZE_MAX ||
	    mem->userspace_addr > TASK_SIZE_MAX - mem->memory_size)
		return -EINVAL;
	if (mem->flags & KVM_MEM_GUEST_MEMFD &&
	    (!IS_ALIGNED(mem->guest_memfd_offset, PAGE_SIZE) ||
	     mem->guest_memfd_offset + mem->memory_size < mem->guest_memfd_offset))
		return -EINVAL;
	if (as_id || id >= KVM_USER_MEM_SLOTS)
		return -EINVAL;
	if (mem->guest_phys_addr + mem->memory_size < mem->guest_phys_addr)
		return -EINVAL;
	if (mem->memory_size >> PAGE_SHIFT > KVM_MEM_MAX_NR_PAGES)
		return -EINVAL;
	return 0;
}

static bool kvm_check_memslot_overlap(struct kvm_memslots *slots, int id,
				      gfn_t start, gfn_t end)
{
	struct kvm_memory_slot *slot;
	u32 at;

	kvm_for_each_memslot_in_gfn_range(slot, slots, at, start, end)
		if (slot->id != id)
			return true;
	return false;
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
	if (change == KVM_MR_DELETE || change == KVM_MR_MOVE)
		kvm_activate_memslot(kvm, invalid, new);
	else
		kvm_activate_memslot(kvm, old, new);
}

static int kvm_set_memslot(struct kvm *kvm, struct kvm_memory_slot *old,
			   struct kvm_memory_slot *new, enum kvm_mr_change change)
{
	struct kvm_memory_slot *invalid = NULL;
	int r;

	/* From here to the swap: the arch part of a slot must not change. */
	mutex_lock(&kvm->slots_arch_lock);

	if (change == KVM_MR_DELETE || change == KVM_MR_MOVE) {
		invalid = kvm_alloc_memslot(kvm);
		if (!invalid) {
			mutex_unlock(&kvm->slots_arch_lock);
			return -ENOMEM;
		}
		kvm_invalidate_memslot(kvm, old, invalid);
	}

	r = kvm_arch_prepare_memory_region(kvm, old, new, change);
	if (!r && change == KVM_MR_CREATE && kvm_slot_has_gmem(new))
		r = kvm_gmem_commit_memory_region(kvm, new);
	if (r) {
		/* The mappings are gone, but the slot itself comes back. */
		if (invalid) {
			kvm_activate_memslot(kvm, invalid, old);
			kvm_free_memslot_struct(kvm, invalid);
		} else {
			mutex_unlock(&kvm->slots_arch_lock);
		}
		return r;
	}

	kvm_install_memslot(kvm, old, new, invalid, change);
	if (invalid)
		kvm_free_memslot_struct(kvm, invalid);
	kvm_commit_memory_region(kvm, old, new, change);
	return 0;
}

static int kvm_delete_memory_region(struct kvm *kvm, struct kvm_memory_slot *old)
{
	if (!old)
		return -EINVAL;
	if (WARN_ON_ONCE(env_of(kvm), kvm->nr_memslot_pages < old->npages))
		return -EIO;
	return kvm_set_memslot(kvm, old, NULL, KVM_MR_DELETE);
}

/* What a request on an existing slot means: an enum kvm_mr_change, -EINVAL, -EALREADY. */
static int kvm_memory_region_change(const struct kvm_memory_slot *old,
				    const struct kvm_userspace_memory_region2 *mem)
{
	u32 changed = mem->flags ^ old->flags;

	if (mem->flags & KVM_MEM_GUEST_MEMFD)
		return -EINVAL;
	if (mem->userspace_addr != old->userspace_addr ||
	    mem->memory_size >> PAGE_SHIFT != old->npages ||
	    changed & (KVM_MEM_READONLY | KVM_MEM_GUEST_MEMFD))
		return -EINVAL;
	if (gpa_to_gfn(mem->guest_phys_addr) != old->base_gfn)
		return KVM_MR_MOVE;
	return changed ? KVM_MR_FLAGS_ONLY : -EALREADY;
}

static int kvm_create_memory_region(struct kvm *kvm, struct kvm_memory_slot *old,
				    const struct kvm_userspace_memory_region2 *mem,
				    enum kvm_mr_change change)
{
	struct kvm_memory_slot *new = kvm_alloc_memslot(kvm);
	struct file *file = NULL;
	int r = 0;

	if (!new)
		return -ENOMEM;
	new->id = (u16)mem->slot;
	new->base_gfn = gpa_to_gfn(mem->guest_phys_addr);
	new->npages = mem->memory_size >> PAGE_SHIFT;
	new->flags = mem->flags;
	new->userspace_addr = mem->userspace_addr;

	if (mem->flags & KVM_MEM_GUEST_MEMFD)
		r = kvm_gmem_prepare_memory_region(kvm, new, mem->guest_memfd,
						   mem->guest_memfd_offset, &file);
	if (!r)
		r = kvm_set_memslot(kvm, old, new, change);
	/* Binding keeps no reference: the file's release unbinds. */
	if (file)
		fput(file);
	if (r)
		kvm_free_memslot_struct(kvm, new);
	return r;
}

int kvm_set_memory_region(struct kvm *kvm, const struct kvm_userspace_memory_region2 *mem)
{
	gfn_t base_gfn = gpa_to_gfn(mem->guest_phys_addr);
	u64 npages = mem->memory_size >> PAGE_SHIFT;
	struct kvm_memslots *slots = kvm_memslots(kvm);
	struct kvm_memory_slot *old;
	int r, change = KVM_MR_CREATE;

	lockdep_assert_held(&kvm->slots_lock);

	r = check_memory_region_flags(kvm, mem);
	if (!r)
		r = check_memory_region_range(mem);
	if (r)
		return r;

	old = id_to_memslot(slots, (u16)mem->slot);
	if (!mem->memory_size)
		return kvm_delete_memory_region(kvm, old);
	if (old) {
		change = kvm_memory_region_change(old, mem);
		if (change < 0)
			return change == -EALREADY ? 0 : change;
	}
	if (change != KVM_MR_FLAGS_ONLY &&
	    kvm_check_memslot_overlap(slots, (u16)mem->slot, base_gfn, base_gfn + npages))
		return -EEXIST;
	return kvm_create_memory_region(kvm, old, mem, change);
}

int kvm_vm_ioctl_set_memory_region(struct kvm *kvm,
				   const struct kvm_userspace_memory_region2 *mem)
{
	int r;

	if ((u16)mem->slot >= KVM_USER_MEM_SLOTS)
		return -EINVAL;

	mutex_lock(&kvm->slots_lock);
	r = kvm_set_memory_region(kvm, mem);
	mutex_unlock(&kvm->slots_lock);
	return r;
}
