// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for arch/x86/kernel/cpu/: what the simulated processor is. Feature
 * bits, CPUID leaves and MSRs are tables; nothing is read from the host, so that
 * runs do not differ between machines. The model is one whose module handles
 * partial writes; a machine with that erratum gets its bug bit besides.
 */
#include <asm/cpu_device_id.h>
#include <asm/cpu_entry_area.h>
#include <asm/cpufeature.h>
#include <asm/msr.h>
#include <asm/processor.h>
#include <asm/vmx.h>

#include "standin.h"

static const int features[] = {
	X86_FEATURE_FPU, X86_FEATURE_FXSR, X86_FEATURE_XSAVE, X86_FEATURE_OSXSAVE,
	X86_FEATURE_XSAVEC, X86_FEATURE_XSAVES, X86_FEATURE_XMM, X86_FEATURE_XMM2,
	X86_FEATURE_VMX, X86_FEATURE_NX, X86_FEATURE_LM, X86_FEATURE_CX16, X86_FEATURE_MSR,
	X86_FEATURE_PAT, X86_FEATURE_APIC, X86_FEATURE_X2APIC, X86_FEATURE_SYSCALL,
	X86_FEATURE_TSC, X86_FEATURE_CONSTANT_TSC, X86_FEATURE_NONSTOP_TSC,
	X86_FEATURE_TSC_ADJUST, X86_FEATURE_GBPAGES, X86_FEATURE_SELFSNOOP,
	X86_FEATURE_MOVDIR64B, X86_FEATURE_MSR_IA32_FEAT_CTL,
	X86_FEATURE_EPT_AD, X86_FEATURE_FLEXPRIORITY, X86_FEATURE_VPID,
};

/* What CPUID says; the topmost bits are KeyIDs and no address bits. */
#define PHYSICAL_BITS	52
#define KEYID_BITS	6

struct cpuid_leaf {
	unsigned int function, index;
	unsigned int eax, ebx, ecx, edx;
};

static const struct cpuid_leaf cpuid_leaves[] = {
	{ 0x00, 0, 0x20, 0x756e6547, 0x6c65746e, 0x49656e69 },
	{ 0x01, 0, 0x000806f8, 0x00000800, 0x7ffaf3bf, 0xbfebfbff },
	{ 0x07, 0, 2, 0xf3bfa7eb, 0xfb417ffe, 0xffdd4432 },
	{ 0x0d, 0, 0x000602e7, 0x2b00, 0x2b00, 0 },
	{ 0x0d, 1, 0x1f, 0x2440, 0x1900, 0 },
	{ 0x80000000, 0, 0x80000008, 0, 0, 0 },
	{ 0x80000001, 0, 0, 0, 0x121, 0x2c100800 },
	{ 0x80000008, 0, 48 << 8 | PHYSICAL_BITS, 0, 0, 0 },
};

#define MSR_MAX		256

static struct { unsigned int msr; unsigned long value; } msrs[MSR_MAX];
static unsigned int msr_count;

/* VMX capabilities: allowed-0 bits in the low half, allowed-1 in the high half. */
#define ALLOW_ALL	0xffffffff00000000UL

unsigned int tsc_khz = 2000000;
int x2apic_mode = 1;

unsigned long kern_rdmsr(unsigned int msr)
{
	unsigned int i;

	for (i = 0; i < msr_count; i++)
		if (msrs[i].msr == msr)
			return msrs[i].value;
	return 0;
}

void kern_wrmsr(unsigned int msr, unsigned long value)
{
	unsigned int i;

	for (i = 0; i < msr_count && msrs[i].msr != msr; i++)
		;
	if (i == MSR_MAX)
		proc_fatal("more than %d MSRs written", MSR_MAX);
	msrs[i].msr = msr;
	msrs[i].value = value;
	if (i == msr_count)
		msr_count++;
}

void kern_cpuid(unsigned int regs[4])
{
	const struct cpuid_leaf *leaf;
	unsigned int function = regs[0], index = regs[2];

	memset(regs, 0, 4 * sizeof(*regs));
	for (leaf = cpuid_leaves; leaf < cpuid_leaves + ARRAY_SIZE(cpuid_leaves); leaf++)
		if (leaf->function == function && (leaf->index == index || function != 0x0d)) {
			if (function == 0x07 && index)
				return;
			regs[0] = leaf->eax;
			regs[1] = leaf->ebx;
			regs[2] = leaf->ecx;
			regs[3] = leaf->edx;
		}
}

/* Where a VMCS says host stacks are; nothing is ever entered through it. */
struct cpu_entry_area *get_cpu_entry_area(int cpu)
{
	static struct cpu_entry_area *areas;

	if (!areas)
		areas = proc_map(0, NR_CPUS * sizeof(*areas));
	return &areas[cpu];
}

static void vmx_msrs(void)
{
	unsigned int msr;

	/* Memory type WB, true controls, no restriction; a page for a VMCS. */
	kern_wrmsr(MSR_IA32_VMX_BASIC, 0x12UL | 4096UL << 32 | 6UL << 50 | 1UL << 55 | 1UL << 56);
	for (msr = MSR_IA32_VMX_PINBASED_CTLS; msr <= MSR_IA32_VMX_ENTRY_CTLS; msr++)
		kern_wrmsr(msr, ALLOW_ALL);
	for (msr = MSR_IA32_VMX_TRUE_PINBASED_CTLS; msr <= MSR_IA32_VMX_TRUE_ENTRY_CTLS; msr++)
		kern_wrmsr(msr, ALLOW_ALL);
	kern_wrmsr(MSR_IA32_VMX_PROCBASED_CTLS2, ALLOW_ALL);
	kern_wrmsr(MSR_IA32_VMX_PROCBASED_CTLS3, ~0UL);
	kern_wrmsr(MSR_IA32_VMX_MISC, 0x7004c1e7);
	kern_wrmsr(MSR_IA32_VMX_CR0_FIXED0, 0x80000021);
	kern_wrmsr(MSR_IA32_VMX_CR0_FIXED1, 0xffffffff);
	kern_wrmsr(MSR_IA32_VMX_CR4_FIXED0, 0x2000);
	kern_wrmsr(MSR_IA32_VMX_CR4_FIXED1, 0x01ffffff);
	kern_wrmsr(MSR_IA32_VMX_EPT_VPID_CAP, 0x0000ffff7fffffffUL);
}

void cpu_init_features(const struct kern_machine *machine)
{
	struct cpuinfo_x86 *c = &boot_cpu_data;
	unsigned int i;

	c->x86_vendor = X86_VENDOR_INTEL;
	c->x86_vfm = INTEL_GRANITERAPIDS_X;
	c->x86_phys_bits = PHYSICAL_BITS - KEYID_BITS;
	c->x86_cache_bits = PHYSICAL_BITS;
	c->extended_cpuid_level = 0x80000008;
	c->x86_virt_bits = 48;
	c->x86_clflush_size = 64;
	c->cpuid_level = 0x20;
	for (i = 0; i < ARRAY_SIZE(features); i++)
		set_cpu_cap(c, features[i]);
	if (machine->partial_write_erratum)
		c->x86_vfm = INTEL_SAPPHIRERAPIDS_X;

	msr_count = 0;
	kern_wrmsr(MSR_IA32_CR_PAT, 0x0007040600070406UL);
	kern_wrmsr(MSR_EFER, EFER_NX | EFER_LMA | EFER_LME | EFER_SCE);
	kern_wrmsr(MSR_IA32_FEAT_CTL, FEAT_CTL_LOCKED | FEAT_CTL_VMX_ENABLED_OUTSIDE_SMX);
	/* KeyIDs: MKTME ones in the low half, TDX private ones in the high half. */
	kern_wrmsr(MSR_IA32_MKTME_KEYID_PARTITIONING,
		   (unsigned long)(machine->keyid_count - machine->keyid_private_first) << 32 |
		   (machine->keyid_private_first - 1));
	vmx_msrs();
}
