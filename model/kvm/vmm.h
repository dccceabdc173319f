/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a VMM hands to KVM, the same for the modelled and the real kernel: the
 * arguments that every TD needs, and ioctls no well-behaved VMM makes. Invented: a
 * VMM is no part of either.
 */
#ifndef SEPTUM_KVM_VMM_H
#define SEPTUM_KVM_VMM_H

#include "model/kvm/kvm_uapi.h"
#include "sim/base/host.h"

#define VMM_XFAM_X87_SSE	0x3
/* Entries of the list of KVM_TDX_INIT_VM; one is wanted. */
#define VMM_CPUID_ROOM		4
#define VMM_CPUID_LAST_BASIC	0x1f
#define VMM_CPUID_EXTENDED	0x80000000u
#define VMM_CPUID_ADDRESS_SIZES	0x80000008u

/* Arguments that end in a flexible array, with the room they need. */
struct vmm_cpuid {
	u32 nent, padding;	/* struct kvm_cpuid2 */
	struct kvm_cpuid_entry2 entry[4];
};

struct vmm_init_vm {
	u64 attributes, xfam;	/* struct kvm_tdx_init_vm */
	u64 mrconfigid[6], mrowner[6], mrownerconfig[6];
	u64 reserved[12];
	u32 nent, padding;
	struct kvm_cpuid_entry2 entry[VMM_CPUID_ROOM];
};

static_assert(offsetof(struct vmm_cpuid, entry) == sizeof(struct kvm_cpuid2), "same layout");
static_assert(offsetof(struct vmm_init_vm, entry) == sizeof(struct kvm_tdx_init_vm), "same layout");

/* KVM_TDX_INIT_VM. A list that the kernel would read to its end has one. */
static inline struct vmm_init_vm vmm_init_vm_args(const struct host_td_params *params)
{
	struct vmm_init_vm init = {
		.attributes = params->attributes,
		.xfam = params->xfam ? params->xfam : VMM_XFAM_X87_SSE,
		.nent = 1 + params->more, .padding = params->padding,
		.entry = {{ .function = params->leaf ? params->leaf : VMM_CPUID_ADDRESS_SIZES,
			    .index = params->index, .eax = (u32)params->gpaw << 16 }},
	};

	if (init.nent > VMM_CPUID_ROOM && init.nent <= KVM_MAX_CPUID_ENTRIES)
		init.nent = VMM_CPUID_ROOM;
	for (u32 i = 0; i < ARRAY_SIZE(init.reserved); i++)
		init.reserved[i] = params->reserved;
	return init;
}

/* KVM_SET_CPUID2: x2APIC, an APIC at all, and how wide addresses are. */
static inline struct vmm_cpuid vmm_cpuid_args(u8 gpaw)
{
	return (struct vmm_cpuid){ .nent = 4, .entry = {
		{ .function = 0, .eax = VMM_CPUID_LAST_BASIC },
		{ .function = 1, .ecx = 1u << 21, .edx = 1u << 9 },
		{ .function = VMM_CPUID_EXTENDED, .eax = VMM_CPUID_ADDRESS_SIZES },
		{ .function = VMM_CPUID_ADDRESS_SIZES,
		  .eax = (u32)gpaw << 16 | 48 << 8 | gpaw },
	} };
}

/* KVM_SET_CPUID2 with an entry more. */
struct vmm_cpuid_list {
	u32 nent, padding;	/* struct kvm_cpuid2 */
	struct kvm_cpuid_entry2 entry[8];
};

static_assert(offsetof(struct vmm_cpuid_list, entry) == sizeof(struct kvm_cpuid2), "same layout");

/* -- ioctls as they are, vmm.c -- */

struct vmm_cpuid_list vmm_cpuid_list(u8 gpaw, const struct host_cpuid *cpuid);

enum vmm_file { VMM_FILE_DEV, VMM_FILE_VM, VMM_FILE_VCPU, VMM_FILE_GMEM };

/* Makes the system call on the object of that kind; an errno or what it returns. */
typedef long vmm_issue_fn(void *ctx, enum vmm_file file, u32 command, void *argument);

enum vmm_file vmm_call_file(enum host_call which);
/* Of the VM a call is about: where the VMM maps guest memory, and its descriptor. */
struct vmm_place {
	u64 user_base;
	int vm_fd;
};

long vmm_call(enum host_call which, u64 arg, u64 data, const struct vmm_place *place,
	      vmm_issue_fn *issue, void *ctx);

#endif /* SEPTUM_KVM_VMM_H */
