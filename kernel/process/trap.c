// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions of the kernel that a process may not execute. With PARAVIRT_XXL
 * few are left; each comes here as a signal, is given the effect it has in the
 * simulated machine, and is stepped over. The kernel's ud2 is WARN or BUG.
 *
 * VMX instructions succeed: a TD's state is read through SEAMCALLs, and a VM
 * that is no TD is not run here.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include "kernel/process/process.h"
#include "sim/base/check.h"

#define ALT_STACK	(64 << 10)
#define FLAGS_ARITH	0x8d5		/* what a VMX instruction clears on success */
#define UD2_BYTES	2

extern char __start_kernel_text[], __stop_kernel_text[];

struct trap {
	greg_t *regs;
	const u8 *next;		/* behind prefixes, at the opcode */
	u8 rex;
};

static const int reg_of[16] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static u64 control_register[16];

/* Bytes of a ModRM operand, this byte, SIB and displacement included. */
static unsigned int modrm_bytes(const u8 *modrm)
{
	u8 mod = modrm[0] >> 6, rm = modrm[0] & 7;
	unsigned int n = 1;

	if (mod == 3)
		return n;
	if (rm == 4) {
		n++;
		if (mod == 0 && (modrm[1] & 7) == 5)
			n += 4;
	} else if (rm == 5 && mod == 0) {
		n += 4;
	}
	return n + (mod == 1 ? 1 : mod == 2 ? 4 : 0);
}

static u64 *rm_register(struct trap *trap, u8 modrm)
{
	return (u64 *)&trap->regs[reg_of[(modrm & 7) | (trap->rex & 1) << 3]];
}

static void step_over(struct trap *trap, const u8 *end)
{
	trap->regs[REG_RIP] = (greg_t)end;
}

static bool do_control_register(struct trap *trap)
{
	u8 opcode = trap->next[1], modrm = trap->next[2];
	u8 number = ((modrm >> 3) & 7) | (trap->rex & 4) << 1;

	if (opcode == 0x20)
		*rm_register(trap, modrm) = control_register[number];
	else
		control_register[number] = *rm_register(trap, modrm);
	step_over(trap, trap->next + 3);
	return true;
}

/* VMX instructions with an operand: VMfailInvalid and VMfailValid stay clear. */
static bool do_vmx(struct trap *trap, unsigned int opcode_bytes)
{
	const u8 *modrm = trap->next + opcode_bytes;

	trap->regs[REG_EFL] &= ~(greg_t)FLAGS_ARITH;
	step_over(trap, modrm + modrm_bytes(modrm));
	return true;
}

/* VMREAD gives 0: nobody runs a VM whose VMCS would say otherwise. */
static bool do_vmread(struct trap *trap)
{
	const u8 *modrm = trap->next + 2;

	if (modrm[0] >> 6 == 3)
		*rm_register(trap, modrm[0]) = 0;
	return do_vmx(trap, 2);
}

static bool do_msr(struct trap *trap, bool write)
{
	unsigned int msr = trap->regs[REG_RCX];
	u64 value;

	if (write) {
		kern_wrmsr(msr, (u32)trap->regs[REG_RAX] | trap->regs[REG_RDX] << 32);
	} else {
		value = kern_rdmsr(msr);
		trap->regs[REG_RAX] = (u32)value;
		trap->regs[REG_RDX] = value >> 32;
	}
	step_over(trap, trap->next + 2);
	return true;
}

/* 0F 01: VMXOFF, XSETBV and friends in one byte, or a descriptor table in memory. */
static bool do_group7(struct trap *trap)
{
	u8 modrm = trap->next[2];

	if (modrm >> 6 != 3)
		return do_vmx(trap, 2);
	switch (modrm) {
	case 0xc4:	/* VMXOFF */
		trap->regs[REG_EFL] &= ~(greg_t)FLAGS_ARITH;
		break;
	case 0xd1:	/* XSETBV */
		break;
	case 0xee:	/* RDPKRU */
		trap->regs[REG_RAX] = 0;
		trap->regs[REG_RDX] = 0;
		break;
	case 0xef:	/* WRPKRU */
		break;
	default:
		return false;
	}
	step_over(trap, trap->next + 3);
	return true;
}

static bool do_ud2(struct trap *trap, unsigned long ip)
{
	static u64 tsc;		/* the same in every run */

	switch (kern_trap_ud2(ip)) {
	case KERN_TRAP_WARN:
		break;
	case KERN_TRAP_RDTSC:
		tsc += 1000;
		trap->regs[REG_RAX] = (u32)tsc;
		trap->regs[REG_RDX] = tsc >> 32;
		break;
	default:
		return false;
	}
	trap->regs[REG_RIP] = ip + UD2_BYTES;
	return true;
}

/* MOVDIR64B: one line of 64 bytes, which the frame model has as a whole frame. */
static bool do_movdir64b(struct trap *trap)
{
	const u8 *modrm = trap->next + 3;
	unsigned int reg = ((modrm[0] >> 3) & 7) | (trap->rex & 4) << 1;
	unsigned long to = trap->regs[reg_of[reg]];

	if (to >= KERN_DIRECT_MAP && !(to % PAGE_SIZE))
		proc_movdir64b(to - KERN_DIRECT_MAP);
	step_over(trap, modrm + modrm_bytes(modrm));
	return true;
}

static bool emulate(struct trap *trap, unsigned long ip)
{
	if (trap->next[0] != 0x0f)
		return false;
	switch (trap->next[1]) {
	case 0x0b:
		return do_ud2(trap, ip);
	case 0x09:	/* WBINVD */
		proc_wbinvd(0);
		step_over(trap, trap->next + 2);
		return true;
	case 0x00:	/* SLDT, LLDT */
		return do_vmx(trap, 2);
	case 0x01:
		return do_group7(trap);
	case 0x20:
	case 0x22:
		return do_control_register(trap);
	case 0x30:
		return do_msr(trap, true);
	case 0x32:
		return do_msr(trap, false);
	case 0x38:	/* INVEPT, INVVPID, MOVDIR64B */
		return trap->next[2] == 0xf8 ? do_movdir64b(trap) : do_vmx(trap, 3);
	case 0x78:
		return do_vmread(trap);
	case 0x79:	/* VMWRITE */
	case 0xc7:	/* VMPTRLD, VMCLEAR, VMXON */
		return do_vmx(trap, 2);
	}
	return false;
}

__attribute__((noreturn))
static void give_up(int signal, const siginfo_t *info, const greg_t *regs)
{
	const unsigned long *stack = (const unsigned long *)regs[REG_RSP];
	unsigned int i, shown = 0;

	fprintf(stderr, "septum-kernel: %s at %s (%#llx), address %p\n", strsignal(signal),
		symbol_of(regs[REG_RIP]), regs[REG_RIP], info->si_addr);
	for (i = 0; i < 400 && shown < 24; i++) {
		const char *word = (const char *)stack[i];

		if (word < __start_kernel_text || word >= __stop_kernel_text)
			continue;
		fprintf(stderr, "  %s\n", symbol_of(stack[i]));
		shown++;
	}
	exit(4);
}

/* An address of userspace that is not there: the kernel copes with those. */
static bool fix_up(greg_t *regs)
{
	unsigned long next;
	int reg;
	long value;

	next = kern_fixup(regs[REG_RIP], &reg, &value);
	if (!next)
		return false;
	if (reg >= 0)
		regs[reg_of[reg]] = value;
	regs[REG_RIP] = next;
	return true;
}

static void on_signal(int signal, siginfo_t *info, void *context)
{
	greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
	unsigned long ip = regs[REG_RIP];
	struct trap trap = { .regs = regs, .next = (const u8 *)ip };

	if ((char *)ip < __start_kernel_text || (char *)ip >= __stop_kernel_text)
		give_up(signal, info, regs);
	while (*trap.next == 0x66 || *trap.next == 0xf2 || *trap.next == 0xf3 ||
	       *trap.next == 0x3e || *trap.next == 0x2e)
		trap.next++;
	if ((*trap.next & 0xf0) == 0x40)
		trap.rex = *trap.next++;
	if (!emulate(&trap, ip) && !(signal == SIGSEGV && fix_up(regs)))
		give_up(signal, info, regs);
}

void trap_init(void)
{
	static const int signals[] = { SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP };
	static u8 alt_stack[ALT_STACK];
	stack_t stack = { .ss_sp = alt_stack, .ss_size = sizeof(alt_stack) };
	struct sigaction action = {
		.sa_sigaction = on_signal,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER,
	};
	unsigned int i;

	control_register[0] = 0x80050033;
	if (sigaltstack(&stack, NULL))
		internal_error("cannot set the signal stack");
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		if (sigaction(signals[i], &action, NULL))
			internal_error("cannot handle signal %d", signals[i]);
}
