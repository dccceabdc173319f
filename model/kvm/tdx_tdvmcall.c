// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDVMCALLs (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4): MapGPA in chunks of 2 MiB
 * with an exit to userspace each, and the plain hypercall a guest may use
 * instead. KVM changes no attribute itself. Left out: everything that has to do
 * with I/O, interrupts and attestation beyond the exit it causes.
 */
#include <string.h>

#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"

#define TDVMCALL_GET_TD_VM_CALL_INFO		0x10000
#define TDVMCALL_MAP_GPA			0x10001
#define TDVMCALL_GET_QUOTE			0x10002
#define TDVMCALL_REPORT_FATAL_ERROR		0x10003
#define TDVMCALL_SETUP_EVENT_NOTIFY_INTERRUPT	0x10004

#define TDVMCALL_STATUS_SUCCESS			0ULL
#define TDVMCALL_STATUS_RETRY			1ULL
#define TDVMCALL_STATUS_INVALID_OPERAND		BIT_ULL(63)
#define TDVMCALL_STATUS_ALIGN_ERROR		(BIT_ULL(63) | 2)
#define TDVMCALL_STATUS_SUBFUNC_UNSUPPORTED	(BIT_ULL(63) | 3)

#define TDX_MAP_GPA_MAX_LEN	SZ_2M

static struct tdx_module_args *tdvmcall_regs(struct kvm_vcpu *v)
{
	return &to_tdx(v)->vp_enter_args;
}

static void tdvmcall_set_return_code(struct kvm_vcpu *v, u64 status)
{
	tdvmcall_regs(v)->r10 = status;
}

static void tdvmcall_set_return_val(struct kvm_vcpu *v, u64 val)
{
	tdvmcall_regs(v)->r11 = val;
}

static bool user_exit_on_hypercall(const struct kvm *vm)
{
	return vm->arch.hypercall_exit_enabled & BIT_ULL(KVM_HC_MAP_GPA_RANGE);
}

static void prepare_map_gpa_exit(struct kvm_vcpu *v, gpa_t gpa, u64 pages, u64 attributes)
{
	struct kvm_run *run = v->run;

	run->exit_reason = KVM_EXIT_HYPERCALL;
	run->hypercall.nr = KVM_HC_MAP_GPA_RANGE;
	run->hypercall.ret = 0;
	run->hypercall.args[0] = gpa;
	run->hypercall.args[1] = pages;
	run->hypercall.args[2] = attributes;
	run->hypercall.flags = KVM_EXIT_HYPERCALL_LONG_MODE;
}

/* -- MapGPA -- */

static int tdx_complete_vmcall_map_gpa(struct kvm_vcpu *v);

/* The next chunk. It is counted from where the guest began, not from 2M borders. */
static void __tdx_map_gpa(struct kvm_vcpu *v)
{
	struct vcpu_tdx *tdv = to_tdx(v);
	gpa_t shared_bit = gfn_to_gpa(kvm_gfn_direct_bits(v->kvm));
	bool shared = kvm_is_addr_direct(v->kvm, tdv->map_gpa_next);
	gpa_t gpa = tdv->map_gpa_next;
	u64 size = tdv->map_gpa_end - gpa;

	if (size > TDX_MAP_GPA_MAX_LEN)
		size = TDX_MAP_GPA_MAX_LEN;
	prepare_map_gpa_exit(v, gpa & ~shared_bit, size / PAGE_SIZE,
			     shared ? KVM_MAP_GPA_RANGE_DECRYPTED : KVM_MAP_GPA_RANGE_ENCRYPTED);
	v->arch.complete_userspace_io = tdx_complete_vmcall_map_gpa;
}

/* What userspace answered; the guest goes on, or gets the next chunk's exit. */
static int tdx_complete_vmcall_map_gpa(struct kvm_vcpu *v)
{
	struct vcpu_tdx *tdv = to_tdx(v);
	u64 ret = v->run->hypercall.ret;

	if (ret) {
		if (ret == EAGAIN)
			tdvmcall_set_return_code(v, TDVMCALL_STATUS_RETRY);
		else if (ret == EINVAL)
			tdvmcall_set_return_code(v, TDVMCALL_STATUS_INVALID_OPERAND);
		else
			return -EINVAL;
		tdvmcall_set_return_val(v, tdv->map_gpa_next);
		return 1;
	}

	tdv->map_gpa_next += TDX_MAP_GPA_MAX_LEN;
	if (tdv->map_gpa_next >= tdv->map_gpa_end)
		return 1;
	/* The guest has to take its interrupt first and may then ask for the rest. */
	if (kvm_vcpu_has_events(v)) {
		tdvmcall_set_return_code(v, TDVMCALL_STATUS_RETRY);
		tdvmcall_set_return_val(v, tdv->map_gpa_next);
		return 1;
	}
	__tdx_map_gpa(v);
	return 0;
}

static bool kvm_vcpu_is_legal_gpa(gpa_t gpa)
{
	return gpa_to_gfn(gpa) <= kvm_mmu_max_gfn();
}

static u64 tdx_check_map_gpa(struct kvm_vcpu *v, gpa_t gpa, u64 size)
{
	struct kvm *vm = v->kvm;

	if (!user_exit_on_hypercall(vm))
		return TDVMCALL_STATUS_SUBFUNC_UNSUPPORTED;
	if (gpa + size <= gpa || !kvm_vcpu_is_legal_gpa(gpa) ||
	    !kvm_vcpu_is_legal_gpa(gpa + size - 1) ||
	    kvm_is_addr_direct(vm, gpa) != kvm_is_addr_direct(vm, gpa + size - 1))
		return TDVMCALL_STATUS_INVALID_OPERAND;
	if (!IS_ALIGNED(gpa, PAGE_SIZE) || !IS_ALIGNED(size, PAGE_SIZE))
		return TDVMCALL_STATUS_ALIGN_ERROR;
	return TDVMCALL_STATUS_SUCCESS;
}

static int tdx_map_gpa(struct kvm_vcpu *v)
{
	struct vcpu_tdx *tdv = to_tdx(v);
	gpa_t gpa = tdvmcall_regs(v)->r12;
	u64 size = tdvmcall_regs(v)->r13;
	u64 status = tdx_check_map_gpa(v, gpa, size);

	if (status) {
		tdvmcall_set_return_code(v, status);
		tdvmcall_set_return_val(v, gpa);
		return 1;
	}
	tdv->map_gpa_end = gpa + size;
	tdv->map_gpa_next = gpa;
	__tdx_map_gpa(v);
	return 0;
}

/* -- Others -- */

static int tdx_report_fatal_error(struct kvm_vcpu *v)
{
	const struct tdx_module_args *args = tdvmcall_regs(v);
	struct kvm_run *run = v->run;
	const u64 regs[] = {
		args->r10, args->r11, args->r12, args->r13, args->r14, args->r15,
		args->rbx, args->rdi, args->rsi, args->r8, args->r9, args->rdx,
	};
	u32 i;

	run->exit_reason = KVM_EXIT_SYSTEM_EVENT;
	run->system_event.type = KVM_SYSTEM_EVENT_TDX_FATAL;
	run->system_event.ndata = ARRAY_SIZE(run->system_event.data);
	for (i = 0; i < ARRAY_SIZE(run->system_event.data); i++)
		run->system_event.data[i] = i < ARRAY_SIZE(regs) ? regs[i] : 0;
	return 0;
}

static int tdx_complete_simple(struct kvm_vcpu *v)
{
	tdvmcall_set_return_code(v, v->run->tdx.ret);
	return 1;
}

/* What userspace offers beyond the base set: four registers. */
static int tdx_complete_get_td_vm_call_info(struct kvm_vcpu *v)
{
	const u64 *data = v->run->tdx.data;

	tdvmcall_set_return_code(v, v->run->tdx.ret);
	tdvmcall_regs(v)->r11 = data[1];
	tdvmcall_regs(v)->r12 = data[2];
	tdvmcall_regs(v)->r13 = data[3];
	tdvmcall_regs(v)->r14 = data[4];
	return 1;
}

static int tdx_exit_to_user(struct kvm_vcpu *v, u64 nr, u64 a0, u64 a1)
{
	struct kvm_run *run = v->run;

	run->exit_reason = KVM_EXIT_TDX;
	run->tdx.flags = 0;
	run->tdx.nr = nr;
	run->tdx.ret = TDVMCALL_STATUS_SUBFUNC_UNSUPPORTED;
	run->tdx.data[0] = a0;
	run->tdx.data[1] = a1;
	v->arch.complete_userspace_io = tdx_complete_simple;
	return 0;
}

static int tdx_get_quote(struct kvm_vcpu *v)
{
	gpa_t gpa = tdvmcall_regs(v)->r12;

	/* The host has to be able to write there. */
	if (!kvm_is_addr_direct(v->kvm, gpa)) {
		tdvmcall_set_return_code(v, TDVMCALL_STATUS_INVALID_OPERAND);
		return 1;
	}
	return tdx_exit_to_user(v, TDVMCALL_GET_QUOTE,
				gpa & ~gfn_to_gpa(kvm_gfn_direct_bits(v->kvm)),
				tdvmcall_regs(v)->r13);
}

static int tdx_get_td_vm_call_info(struct kvm_vcpu *v)
{
	struct tdx_module_args *args = tdvmcall_regs(v);

	if (args->r12 == 1) {
		tdx_exit_to_user(v, TDVMCALL_GET_TD_VM_CALL_INFO, 1, 0);
		memset(&v->run->tdx.data[1], 0, 4 * sizeof(v->run->tdx.data[0]));
		v->run->tdx.ret = TDVMCALL_STATUS_SUCCESS;
		v->arch.complete_userspace_io = tdx_complete_get_td_vm_call_info;
		return 0;
	}
	if (args->r12) {
		tdvmcall_set_return_code(v, TDVMCALL_STATUS_INVALID_OPERAND);
		return 1;
	}
	args->r11 = 0;
	args->r12 = 0;
	args->r13 = 0;
	args->r14 = 0;
	return 1;
}

static int tdx_setup_event_notify_interrupt(struct kvm_vcpu *v)
{
	u64 vector = tdvmcall_regs(v)->r12;

	if (vector < 32 || vector > 255) {
		tdvmcall_set_return_code(v, TDVMCALL_STATUS_INVALID_OPERAND);
		return 1;
	}
	return tdx_exit_to_user(v, TDVMCALL_SETUP_EVENT_NOTIFY_INTERRUPT, vector, 0);
}

int handle_tdvmcall(struct kvm_vcpu *v)
{
	switch (tdvmcall_regs(v)->r11) {
	case TDVMCALL_MAP_GPA:
		return tdx_map_gpa(v);
	case TDVMCALL_REPORT_FATAL_ERROR:
		return tdx_report_fatal_error(v);
	case TDVMCALL_GET_TD_VM_CALL_INFO:
		return tdx_get_td_vm_call_info(v);
	case TDVMCALL_GET_QUOTE:
		return tdx_get_quote(v);
	case TDVMCALL_SETUP_EVENT_NOTIFY_INTERRUPT: /* vector in R12 */
		return tdx_setup_event_notify_interrupt(v);
	default:
		tdvmcall_set_return_code(v, TDVMCALL_STATUS_SUBFUNC_UNSUPPORTED);
		return 1;
	}
}

/* -- The plain KVM hypercall: R10 is its number -- */

static int complete_hypercall_exit(struct kvm_vcpu *v)
{
	tdvmcall_set_return_code(v, v->run->hypercall.ret);
	return 1;
}

int tdx_emulate_vmcall(struct kvm_vcpu *v)
{
	const struct tdx_module_args *regs = tdvmcall_regs(v);
	const u64 args[4] = { regs->r11, regs->r12, regs->r13, regs->r14 };
	s64 ret;

	/* One exit for the whole range, however long. */
	if (!____kvm_emulate_hypercall(v, regs->r10, args, complete_hypercall_exit, &ret))
		return 0;
	tdvmcall_set_return_code(v, ret);
	return 1;
}
