// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's CPUID as userspace set it (arch/x86/kvm/cpuid.c, Linux 7.3.4).
 * Left out: what KVM computes into an entry while the guest runs (OSXSAVE, XSAVE
 * sizes), features it hides, and the topology leaves.
 */
#include <string.h>

#include "model/kvm/kvm_host.h"
#include "model/kvm/mmu.h"

#define CPUID_ADDRESS_SIZES	0x80000008u

/* An entry that does not care about the index matches every one. */
static const struct kvm_cpuid_entry2 *kvm_find_cpuid_entry_index(const struct kvm_vcpu *v,
								 u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *entry = v->arch.cpuid_entries;
	u32 i;

	for (i = 0; i < v->arch.cpuid_nent; i++, entry++)
		if (entry->function == function &&
		    (!(entry->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || entry->index == index))
			return entry;
	return NULL;
}

static bool is_amd_or_hygon(const struct kvm_cpuid_entry2 *basic)
{
	/* "Auth" and "Hygo", as EBX spells them. */
	return basic->ebx == 0x68747541 || basic->ebx == 0x6f677948;
}

/*
 * An Intel CPU answers a function beyond the last of its class with the highest
 * basic one, at the index that was asked for.
 */
static const struct kvm_cpuid_entry2 *get_out_of_range_cpuid_entry(const struct kvm_vcpu *v,
								   u32 function, u32 index)
{
	const struct kvm_cpuid_entry2 *basic = kvm_find_cpuid_entry_index(v, 0, 0), *class;
	u32 first = function & 0x80000000;

	if (!basic || is_amd_or_hygon(basic))
		return NULL;
	if (function >> 28 == 4)
		first = function & 0xffffff00;
	else if (function >= 0xc0000000)
		first = 0xc0000000;
	class = kvm_find_cpuid_entry_index(v, first, 0);
	if (class && function <= class->eax)
		return NULL;
	return kvm_find_cpuid_entry_index(v, basic->eax, index);
}

void kvm_cpuid(struct kvm_vcpu *v, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx)
{
	const struct kvm_cpuid_entry2 *entry = kvm_find_cpuid_entry_index(v, *eax, *ecx);

	if (!entry)
		entry = get_out_of_range_cpuid_entry(v, *eax, *ecx);
	*eax = entry ? entry->eax : 0;
	*ebx = entry ? entry->ebx : 0;
	*ecx = entry ? entry->ecx : 0;
	*edx = entry ? entry->edx : 0;
}

/*
 * What it leaves behind for the MMU: the guest's address width (EAX[23:16])
 * decides how deep its page tables are.
 */
static void kvm_vcpu_after_set_cpuid(struct kvm_vcpu *v)
{
	const struct kvm_cpuid_entry2 *sizes =
		kvm_find_cpuid_entry_index(v, CPUID_ADDRESS_SIZES, 0);

	v->arch.guest_maxphyaddr = sizes ? sizes->eax >> 16 : 0;
	kvm_mmu_unload(v);
	kvm_init_mmu(v);
}

/* Some VMMs make the call again for a vCPU that ran, and it is what it was. */
static int kvm_cpuid_check_equal(const struct kvm_vcpu *v, const struct kvm_cpuid2 *cpuid)
{
	size_t size = cpuid->nent * sizeof(cpuid->entries[0]);

	if (cpuid->nent != v->arch.cpuid_nent)
		return -EINVAL;
	return memcmp(cpuid->entries, v->arch.cpuid_entries, size) ? -EINVAL : 0;
}

int kvm_vcpu_ioctl_set_cpuid2(struct kvm_vcpu *v, const struct kvm_cpuid2 *cpuid)
{
	u32 i;

	if (cpuid->nent > ARRAY_SIZE(v->arch.cpuid_entries))
		return -E2BIG;
	/* Page tables of its address width are there already. */
	if (v->arch.last_vmentry_cpu != -1)
		return kvm_cpuid_check_equal(v, cpuid);
	for (i = 0; i < cpuid->nent; i++)
		v->arch.cpuid_entries[i] = cpuid->entries[i];
	v->arch.cpuid_nent = cpuid->nent;
	kvm_vcpu_after_set_cpuid(v);
	return 0;
}
