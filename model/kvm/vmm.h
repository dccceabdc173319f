/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Arguments that every VMM of a TD hands to KVM, the same for the modelled and the
 * real kernel. Invented: a VMM is no part of either.
 */
#ifndef SEPTUM_KVM_VMM_H
#define SEPTUM_KVM_VMM_H

#include "model/kvm/kvm_uapi.h"
#include "sim/base/host.h"

#define VMM_XFAM_X87_SSE	0x3
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
	struct kvm_cpuid_entry2 entry[1];
};

static_assert(offsetof(struct vmm_cpuid, entry) == sizeof(struct kvm_cpuid2), "same layout");
static_assert(offsetof(struct vmm_init_vm, entry) == sizeof(struct kvm_tdx_init_vm), "same layout");

/* KVM_TDX_INIT_VM. */
static inline struct vmm_init_vm vmm_init_vm_args(const struct host_td_params *params)
{
	struct vmm_init_vm init = {
		.attributes = params->attributes, .xfam = VMM_XFAM_X87_SSE, .nent = 1,
		.entry = {{ .function = VMM_CPUID_ADDRESS_SIZES, .eax = (u32)params->gpaw << 16 }},
	};

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

#endif /* SEPTUM_KVM_VMM_H */
