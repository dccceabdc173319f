/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between memslots.c (the two slot sets) and memory_region.c (what userspace
 * asks of them). All under slots_lock; kvm_activate_memslot() and
 * kvm_invalidate_memslot() enter with slots_arch_lock, too: the first leaves
 * without it, the second with it.
 */
#ifndef SEPTUM_KVM_MEMSLOTS_H
#define SEPTUM_KVM_MEMSLOTS_H

#include <string.h>

#include "model/kvm/kvm_host.h"

void kvm_replace_memslot(struct kvm *kvm, struct kvm_memory_slot *old,
			 struct kvm_memory_slot *new);
void kvm_activate_memslot(struct kvm *kvm, struct kvm_memory_slot *old,
			  struct kvm_memory_slot *new);
void kvm_invalidate_memslot(struct kvm *kvm, struct kvm_memory_slot *old,
			    struct kvm_memory_slot *invalid);
void kvm_copy_memslot(struct kvm_memory_slot *dest, const struct kvm_memory_slot *src);

/* Zeroed; NULL when the allocation is made to fail (site "memslot"). */
struct kvm_memory_slot *kvm_alloc_memslot(struct kvm *kvm);
/* kfree(): only the struct. */
void kvm_free_memslot_struct(struct kvm *kvm, struct kvm_memory_slot *slot);
void kvm_free_memslot(struct kvm *kvm, struct kvm_memory_slot *slot);

#endif /* SEPTUM_KVM_MEMSLOTS_H */
