// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions a TD's guest asks KVM to carry out by TDVMCALL: CPUID, port and
 * memory-mapped I/O, RDMSR and WRMSR (arch/x86/kvm/vmx/tdx.c and x86.c, Linux
 * 7.3.4). No device lives in the kernel here, so all I/O goes to userspace.
 * Left out: the state of MSRs (a read gives what KVM starts a TD's vCPU with,
 * whatever was written) and the checks of what is written; machine-check banks,
 * fixed MTRRs and x2APIC registers, which are refused like unknown ones; the
 * filters userspace may set.
 */
#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"

#define TDVMCALL_STATUS_INVALID_OPERAND		BIT_ULL(63)

static struct tdx_module_args *regs_of(struct kvm_vcpu *v)
{
	return &to_tdx(v)->vp_enter_args;
}

static int refuse(struct kvm_vcpu *v)
{
	regs_of(v)->r10 = TDVMCALL_STATUS_INVALID_OPERAND;
	return 1;
}

int tdx_emulate_cpuid(struct kvm_vcpu *v)
{
	struct tdx_module_args *regs = regs_of(v);
	u32 eax = regs->r12, ecx = regs->r13, ebx, edx;

	kvm_cpuid(v, &eax, &ebx, &ecx, &edx);
	regs->r12 = eax;
	regs->r13 = ebx;
	regs->r14 = ecx;
	regs->r15 = edx;
	return 1;
}

/* -- Ports -- */

static int tdx_complete_pio_out(struct kvm_vcpu *v)
{
	v->arch.pio_count = 0;
	return 1;
}

static int tdx_complete_pio_in(struct kvm_vcpu *v)
{
	u8 bits = 8 * v->run->io.size;

	WARN_ON_ONCE(env_of(v), !v->arch.pio_count);
	v->arch.pio_count = 0;
	regs_of(v)->r11 = v->run->pio_data & GENMASK_ULL(bits - 1, 0);
	return 1;
}

/* The kernel has no device at any port. */
static void emulator_pio_in_out(struct kvm_vcpu *v, u8 size, u16 port, u64 data, bool in)
{
	WARN_ON_ONCE(env_of(v), v->arch.pio_count);
	v->arch.pio_count = 1;
	v->run->pio_data = in ? 0 : data;
	v->run->exit_reason = KVM_EXIT_IO;
	v->run->io.direction = in ? KVM_EXIT_IO_IN : KVM_EXIT_IO_OUT;
	v->run->io.size = size;
	v->run->io.port = port;
	v->run->io.count = 1;
}

int tdx_emulate_io(struct kvm_vcpu *v)
{
	const struct tdx_module_args *regs = regs_of(v);
	u64 size = regs->r12, write = regs->r13;

	if (write > 1 || (size != 1 && size != 2 && size != 4))
		return refuse(v);
	emulator_pio_in_out(v, size, regs->r14, regs->r15, !write);
	v->arch.complete_userspace_io = write ? tdx_complete_pio_out : tdx_complete_pio_in;
	return 0;
}

/* -- Memory-mapped I/O -- */

static int tdx_complete_mmio_read(struct kvm_vcpu *v)
{
	u8 bits = 8 * v->run->mmio.len;

	regs_of(v)->r11 = v->run->mmio.data & GENMASK_ULL(bits - 1, 0);
	return 1;
}

static void __kvm_prepare_emulated_mmio_exit(struct kvm_vcpu *v, gpa_t gpa, u32 len, u64 data,
					     bool is_write)
{
	v->run->exit_reason = KVM_EXIT_MMIO;
	v->run->mmio.phys_addr = gpa;
	v->run->mmio.len = len;
	v->run->mmio.is_write = is_write;
	if (is_write)
		v->run->mmio.data = data;
}

/* The size is an int in the kernel: what is above bit 31 does not count. */
int tdx_emulate_mmio(struct kvm_vcpu *v)
{
	const struct tdx_module_args *regs = regs_of(v);
	u32 size = regs->r12, write = regs->r13;
	gpa_t gpa = regs->r14;

	if ((size != 1 && size != 2 && size != 4 && size != 8) || write > 1)
		return refuse(v);
	/* No device is in private memory. */
	if (!kvm_is_addr_direct(v->kvm, gpa) || !kvm_is_addr_direct(v->kvm, gpa + size - 1))
		return refuse(v);

	gpa &= ~gfn_to_gpa(kvm_gfn_direct_bits(v->kvm));
	__kvm_prepare_emulated_mmio_exit(v, gpa, size, write ? regs->r15 : 0, write);
	if (!write)
		v->arch.complete_userspace_io = tdx_complete_mmio_read;
	return 0;
}

/* -- MSRs -- */

/*
 * Those KVM emulates for a TD of which something is known here, and what they read
 * right after INIT_VCPU.
 */
static const struct tdx_msr {
	u32 first, last;
	u64 value;
	bool read_only;
} tdx_msrs[] = {
	{ 0x1b, 0x1b, 0xfee00c00, true },	/* APICBASE; the first vCPU is the BSP */
	{ 0x3a, 0x3a, 0x1, true },		/* FEAT_CTL: locked */
	{ 0x8b, 0x8b, 0x0 },			/* UCODE_REV */
	{ 0xce, 0xce, 0x80000000 },		/* PLATFORM_INFO */
	{ 0xfe, 0xfe, 0x508 },			/* MTRRcap */
	{ 0x179, 0x179, 0x20 },			/* MCG_CAP */
	{ 0x17a, 0x17a, 0x0 },			/* MCG_STATUS */
	{ 0x1a0, 0x1a0, 0x1800 },		/* MISC_ENABLE */
	{ 0x200, 0x20f, 0x0 },			/* MTRRs of variable ranges */
	{ 0x277, 0x277, 0x7040600070406 },	/* PAT */
	{ 0x2ff, 0x2ff, 0x0 },			/* MTRRdefType */
	{ 0x6e0, 0x6e0, 0x0 },			/* TSC_DEADLINE */
	{ 0xc0000080, 0xc0000080, 0xd01, true },	/* EFER */
};

#define MSR_IA32_APICBASE	0x1b
#define MSR_IA32_APICBASE_BSP	BIT_ULL(8)

static const struct tdx_msr *tdx_has_emulated_msr(u32 index)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(tdx_msrs); i++)
		if (index >= tdx_msrs[i].first && index <= tdx_msrs[i].last)
			return &tdx_msrs[i];
	return NULL;
}

int tdx_emulate_rdmsr(struct kvm_vcpu *v)
{
	const struct tdx_msr *msr = tdx_has_emulated_msr(regs_of(v)->r12);

	if (!msr)
		return refuse(v);
	regs_of(v)->r11 = msr->value;
	if (msr->first == MSR_IA32_APICBASE && !v->vcpu_id)
		regs_of(v)->r11 |= MSR_IA32_APICBASE_BSP;
	return 1;
}

int tdx_emulate_wrmsr(struct kvm_vcpu *v)
{
	const struct tdx_msr *msr = tdx_has_emulated_msr(regs_of(v)->r12);

	return !msr || msr->read_only ? refuse(v) : 1;
}
