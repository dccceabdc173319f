// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_TDX_GET_CPUID (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4): the CPUID values of a
 * TD, leaf by leaf from the module's metadata. Left out: the kernel's buffer of 256
 * entries, which may be no memory for.
 */
#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"

#define TD_MD_FIELD_ID_CPUID_VALUES	0x9410000300000000ULL
#define MD_CPUID_LEAF_31	BIT_ULL(16)
#define MD_CPUID_NO_SUBLEAF	0x1feULL
/* Leaf and subleaf numbers that the field's number has room for. */
#define MD_CPUID_LEAF_MASK	0x8000007fu
#define MD_CPUID_SUBLEAF_MASK	0x7fu

#define CPUID_EXTENDED		0x80000000u
#define CPUID_ADDRESS_SIZES	0x80000008u

struct cpuid_list {
	struct kvm_cpuid_entry2 entry[KVM_CPUID_ROOM];
	u32 count;
};

/* -EIO: the module has no such leaf, -EINVAL: it can have none. */
static int tdx_read_cpuid(struct kvm_vcpu *v, u32 leaf, u32 sub_leaf, bool sub_leaf_set,
			  struct cpuid_list *list)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(v->kvm);
	struct kvm_cpuid_entry2 *out = &list->entry[list->count];
	u64 id = TD_MD_FIELD_ID_CPUID_VALUES, ebx_eax, edx_ecx;

	if (list->count == ARRAY_SIZE(list->entry) || leaf & ~MD_CPUID_LEAF_MASK ||
	    sub_leaf & ~MD_CPUID_SUBLEAF_MASK)
		return -EINVAL;

	id |= (leaf & CPUID_EXTENDED ? MD_CPUID_LEAF_31 : 0) | (leaf & 0x7f) << 9;
	id |= sub_leaf_set ? sub_leaf << 1 : MD_CPUID_NO_SUBLEAF;
	if (tdh_mng_rd(&tdvm->td, id, &ebx_eax))
		return -EIO;
	/* Both halves of a leaf are there or none is. */
	if (WARN_ON_ONCE(env_of(v), tdh_mng_rd(&tdvm->td, id + 1, &edx_ecx)))
		return -EIO;
	*out = (struct kvm_cpuid_entry2){
		.function = leaf, .index = sub_leaf,
		.flags = sub_leaf_set ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		.eax = ebx_eax, .ebx = ebx_eax >> 32, .ecx = edx_ecx, .edx = edx_ecx >> 32,
	};
	/* Old modules do not say it: bit position of the shared bit and one. */
	if (leaf == CPUID_ADDRESS_SIZES)
		out->eax = (out->eax & ~0xff0000u) |
			   (u32)(__builtin_ctzll(gfn_to_gpa(kvm_gfn_direct_bits(v->kvm))) + 1) << 16;
	list->count++;
	return 0;
}

/* Nonzero: nothing of the leaf could be read. */
static int tdx_vcpu_get_cpuid_leaf(struct kvm_vcpu *v, u32 leaf, struct cpuid_list *list)
{
	u32 sub_leaf = 0;
	int err = tdx_read_cpuid(v, leaf, 0, false, list);

	if (err != -EIO)
		return err;
	/* It has subleaves then, and the first that is missing ends them. */
	while (!tdx_read_cpuid(v, leaf, sub_leaf, true, list))
		sub_leaf++;
	return !sub_leaf;
}

static int get_range(struct kvm_vcpu *v, u32 first, struct cpuid_list *list)
{
	u32 leaf, last;

	if (tdx_vcpu_get_cpuid_leaf(v, first, list))
		return -EIO;
	last = list->entry[list->count - 1].eax;
	for (leaf = first + 1; leaf <= last; leaf++)
		tdx_vcpu_get_cpuid_leaf(v, leaf, list);
	return 0;
}

int tdx_vcpu_get_cpuid(struct kvm_vcpu *v, struct kvm_tdx_cmd *cmd)
{
	struct kvm_cpuid2 *cpuid = (void *)(uintptr_t)cmd->data;
	struct cpuid_list list = { .count = 0 };
	u32 room, i;

	if (!cpuid)
		return -EFAULT;
	room = cpuid->nent;
	if (get_range(v, 0, &list) || get_range(v, CPUID_EXTENDED, &list))
		return -EIO;
	cpuid->nent = list.count;
	if (room < list.count)
		return -E2BIG;
	for (i = 0; i < list.count; i++)
		cpuid->entries[i] = list.entry[i];
	return 0;
}
