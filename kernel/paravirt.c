// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for arch/x86/kernel/paravirt.c: with PARAVIRT_XXL the interrupt
 * flag, control registers, MSRs and CPUID are calls through pv_ops, also where
 * nothing is patched. The interrupt flag is a variable that the kernel's own
 * assertions read; the three functions on it may touch no register but RAX.
 */
#include <asm/paravirt_types.h>
#include <asm/processor-flags.h>
#include <asm/special_insns.h>

#include "standin.h"

unsigned long paravirt_flags __used = X86_EFLAGS_IF;

asm(".pushsection .text\n"
    "pv_save_fl: mov paravirt_flags(%rip), %rax; ret\n"
    "pv_irq_disable: movq $0, paravirt_flags(%rip); ret\n"
    "pv_irq_enable: movq $0x200, paravirt_flags(%rip); ret\n"
    ".popsection\n");
extern void pv_save_fl(void), pv_irq_disable(void), pv_irq_enable(void);

static unsigned long cr4[NR_CPUS] = {
	[0 ... NR_CPUS - 1] = X86_CR4_PAE | X86_CR4_OSXSAVE
};

static void pv_cpuid(unsigned int *eax, unsigned int *ebx, unsigned int *ecx, unsigned int *edx)
{
	unsigned int regs[4] = { *eax, *ebx, *ecx, *edx };

	kern_cpuid(regs);
	*eax = regs[0];
	*ebx = regs[1];
	*ecx = regs[2];
	*edx = regs[3];
}

static u64 pv_read_msr(u32 msr)
{
	return kern_rdmsr(msr);
}

static void pv_write_msr(u32 msr, u64 value)
{
	kern_wrmsr(msr, value);
}

static int pv_read_msr_safe(u32 msr, u64 *value)
{
	*value = kern_rdmsr(msr);
	return 0;
}

static int pv_write_msr_safe(u32 msr, u64 value)
{
	kern_wrmsr(msr, value);
	return 0;
}

static unsigned long pv_read_cr0(void)
{
	return X86_CR0_PE | X86_CR0_MP | X86_CR0_ET | X86_CR0_NE | X86_CR0_WP | X86_CR0_AM |
	       X86_CR0_PG;
}

static void pv_write_cr0(unsigned long value)
{
}

static void pv_write_cr4(unsigned long value)
{
	cr4[smp_current_cpu()] = value;
}

static unsigned long pv_read_cr3(void)
{
	return PAGE_SIZE;
}

static unsigned long pv_get_debugreg(int reg)
{
	return 0;
}

static void pv_set_debugreg(int reg, unsigned long value)
{
}

struct paravirt_patch_template pv_ops = {
	.cpu.cpuid		= pv_cpuid,
	.cpu.read_msr		= pv_read_msr,
	.cpu.write_msr		= pv_write_msr,
	.cpu.read_msr_safe	= pv_read_msr_safe,
	.cpu.write_msr_safe	= pv_write_msr_safe,
	.cpu.read_cr0		= pv_read_cr0,
	.cpu.write_cr0		= pv_write_cr0,
	.cpu.write_cr4		= pv_write_cr4,
	.cpu.get_debugreg	= pv_get_debugreg,
	.cpu.set_debugreg	= pv_set_debugreg,
	.irq.save_fl		= { pv_save_fl },
	.irq.irq_disable	= { pv_irq_disable },
	.irq.irq_enable		= { pv_irq_enable },
	.mmu.read_cr3		= pv_read_cr3,
};

unsigned long cr4_read_shadow(void)
{
	return cr4[smp_current_cpu()];
}

void cr4_update_irqsoff(unsigned long set, unsigned long clear)
{
	unsigned long *value = &cr4[smp_current_cpu()];

	*value = (*value | set) & ~clear;
}

unsigned long __get_current_cr3_fast(void)
{
	return pv_read_cr3();
}
