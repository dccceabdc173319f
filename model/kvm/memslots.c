// SPDX-License-Identifier: GPL-2.0-only
/*
 * The two sets of memory slots and how one becomes the other: the memslot half
 * of virt/kvm/kvm_main.c, Linux 7.3.4. A change is made in the inactive set,
 * the sets are swapped, all SRCU readers of the old one are waited for, and the
 * change is repeated in what was active. What userspace asks for is in
 * memory_region.c. The kernel's interval and gfn trees are one sorted array a
 * set here. Left out: a second address space (SMM), the hva tree, dirty bitmaps.
 */
#include "model/kvm/memslots.h"
#include "model/kvm/mmu.h"

void kvm_init_memslots(struct kvm *kvm)
{
	for (int i = 0; i < 2; i++)
		sparse_init(&kvm->__memslots[i].id_hash,
			    sizeof(struct kvm_memory_slot *), KVM_USER_MEM_SLOTS);
	kvm->memslots = &kvm->__memslots[0];
}

/* How many slots begin at or below @gfn. */
static u32 memslots_upto(const struct kvm_memslots *slots, gfn_t gfn)
{
	u32 low = 0, high = slots->used_slots;

	while (low < high) {
		u32 middle = low + (high - low) / 2;

		if (slots->slots[middle]->base_gfn <= gfn)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct kvm_memory_slot *search_memslots(struct kvm_memslots *slots, gfn_t gfn)
{
	u32 upto = memslots_upto(slots, gfn);
	struct kvm_memory_slot *slot;

	if (!upto)
		return NULL;
	slot = slots->slots[upto - 1];
	if (gfn - slot->base_gfn >= slot->npages)
		return NULL;
	slots->last_used_slot = slot;
	return slot;
}

struct kvm_memory_slot *kvm_memslot_next(struct kvm_memslots *slots, gfn_t gfn, u32 *at)
{
	if (!*at) {
		*at = memslots_upto(slots, gfn);
		/* The one that begins below may reach in. */
		if (*at && gfn - slots->slots[*at - 1]->base_gfn < slots->slots[*at - 1]->npages)
			--*at;
	}
	return *at < slots->used_slots ? slots->slots[*at] : NULL;
}

struct kvm_memory_slot *id_to_memslot(struct kvm_memslots *set, int id)
{
	struct kvm_memory_slot **slot = sparse_find(&set->id_hash, id);

	return slot ? *slot : NULL;
}

static void memslots_erase(struct kvm_memslots *slots, struct kvm_memory_slot *old)
{
	u32 at = memslots_upto(slots, old->base_gfn) - 1;

	slots->used_slots--;
	memmove(&slots->slots[at], &slots->slots[at + 1],
		(slots->used_slots - at) * sizeof(slots->slots[0]));
	*(struct kvm_memory_slot **)sparse_get(&slots->id_hash, old->id) = NULL;
}

static void memslots_insert(struct kvm_memslots *slots, struct kvm_memory_slot *new)
{
	u32 at = memslots_upto(slots, new->base_gfn);

	if (slots->used_slots == slots->max_slots) {
		u32 max = slots->max_slots ? slots->max_slots * 2 : 8;
		void *bigger = arena_alloc(arena_of(slots), max * sizeof(slots->slots[0]));

		if (slots->used_slots)
			memcpy(bigger, slots->slots, slots->used_slots * sizeof(slots->slots[0]));
		slots->slots = bigger;
		slots->max_slots = max;
	}
	memmove(&slots->slots[at + 1], &slots->slots[at],
		(slots->used_slots - at) * sizeof(slots->slots[0]));
	slots->slots[at] = new;
	slots->used_slots++;
	*(struct kvm_memory_slot **)sparse_get(&slots->id_hash, new->id) = new;
}

static struct kvm_memslots *kvm_get_inactive_memslots(struct kvm *kvm)
{
	return &kvm->__memslots[kvm->memslots == &kvm->__memslots[0]];
}

/* In the inactive set: @old goes, @new comes; either may be NULL. */
void kvm_replace_memslot(struct kvm *kvm, struct kvm_memory_slot *old,
			 struct kvm_memory_slot *new)
{
	struct kvm_memslots *slots = kvm_get_inactive_memslots(kvm);

	if (old) {
		memslots_erase(slots, old);
		if (slots->last_used_slot == old)
			slots->last_used_slot = new;
	}
	if (new)
		memslots_insert(slots, new);
}

/*
 * Publishes the inactive set. slots_arch_lock is dropped on the way, because
 * SRCU readers may take it; it comes back only where the caller says so.
 */
static void kvm_swap_active_memslots(struct kvm *kvm)
{
	struct kvm_memslots *slots = kvm_get_inactive_memslots(kvm);
	u64 generation = kvm->memslots->generation;

	kvm->memslots = slots;
	mutex_unlock(&kvm->slots_arch_lock);
	synchronize_srcu(&kvm->srcu);
	slots->generation = generation + 1;
	kvm_arch_memslots_updated(kvm);
}

void kvm_activate_memslot(struct kvm *kvm, struct kvm_memory_slot *old,
			  struct kvm_memory_slot *new)
{
	kvm_swap_active_memslots(kvm);
	kvm_replace_memslot(kvm, old, new);
}

/*
 * Before a slot goes: all vCPUs see it as invalid, then its mappings are
 * removed, so that nobody can map it again in between.
 */
void kvm_invalidate_memslot(struct kvm *vm, struct kvm_memory_slot *old,
			    struct kvm_memory_slot *invalid)
{
	kvm_copy_memslot(invalid, old);
	invalid->flags |= KVM_MEMSLOT_INVALID;
	kvm_replace_memslot(vm, old, invalid);
	kvm_swap_active_memslots(vm);

	kvm_arch_flush_shadow_memslot(vm, old);

	mutex_lock(&vm->slots_arch_lock);
	/* The set that was active still has @old; the caller deletes it from there. */
}

/* Everything but the guest_memfd binding, which belongs to one slot object only. */
void kvm_copy_memslot(struct kvm_memory_slot *dest, const struct kvm_memory_slot *src)
{
	dest->base_gfn = src->base_gfn;
	dest->npages = src->npages;
	dest->arch = src->arch;
	dest->userspace_addr =
		src->userspace_addr;
	dest->flags = src->flags;
	dest->id = src->id;
	dest->as_id = src->as_id;
}

struct kvm_memory_slot *kvm_alloc_memslot(struct kvm *kvm)
{
	if (inject_alloc(env_of(kvm), "memslot"))
		return NULL;
	return pool_alloc(&kvm_globals_of(kvm)->slots);
}

void kvm_free_memslot_struct(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	pool_free(&kvm_globals_of(kvm)->slots, slot);
}

/* With the binding: the last thing that happens to a slot. */
void kvm_free_memslot(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	if (kvm_slot_has_gmem(slot))
		kvm_gmem_unbind(slot);
	kvm_free_memslot_struct(kvm, slot);
}

/* At VM destruction: nobody else looks any more. */
void kvm_free_memslots(struct kvm *kvm)
{
	struct kvm_memslots *slots = kvm->memslots;

	for (u32 i = 0; i < slots->used_slots; i++)
		kvm_free_memslot(kvm, slots->slots[i]);
	slots->used_slots = 0;
}
