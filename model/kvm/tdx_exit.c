// SPDX-License-Identifier: GPL-2.0-only
/*
 * TD entry and TD exits (arch/x86/kvm/vmx/tdx.c and vmx/common.h, Linux 7.3.4):
 * from TDH.VP.ENTER's status to an exit reason, and EPT violations with their
 * local retry loop. Left out: interrupts, NMIs and machine checks of the host.
 */
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/tdx.h"
#include "model/tdx/guest.h"

#define EPT_VIOLATION_USER_EXEC	BIT_ULL(6)

/*
 * 7.3.4's own values of two classes (asm/shared/tdx_errno.h). The module returns
 * others, so KVM does not know these exits when they come: reason UNDEFINED.
 */
#define KVM_NON_RECOVERABLE_TD			0x4000000200000000ULL
#define KVM_NON_RECOVERABLE_TD_WRONG_APIC_MODE	0x6000000700000000ULL

/* -- Entry -- */

static u64 tdcall_to_vmx_exit_reason(const struct tdx_module_args *args)
{
	/* R10 set: an ordinary VMCALL that the guest sent through the module. */
	if (args->r10)
		return EXIT_REASON_VMCALL;
	switch (args->r11) {
	case EXIT_REASON_CPUID:
	case EXIT_REASON_HLT:
	case EXIT_REASON_IO_INSTRUCTION:
	case EXIT_REASON_MSR_READ:
	case EXIT_REASON_MSR_WRITE:
		return args->r11;
	case EXIT_REASON_EPT_VIOLATION:
		/* The guest's #VE handler asks for MMIO. */
		return EXIT_REASON_EPT_MISCONFIG;
	default:
		return EXIT_REASON_TDCALL;
	}
}

static u32 tdx_to_vmx_exit_reason(struct kvm_vcpu *v)
{
	struct vcpu_tdx *tdv = to_tdx(v);
	u32 exit_reason;

	switch (tdv->vp_enter_ret & TDX_SEAMCALL_STATUS_MASK) {
	case TDX_SUCCESS:
	case TDX_NON_RECOVERABLE_VCPU:
	case KVM_NON_RECOVERABLE_TD:
	case KVM_NON_RECOVERABLE_TD_WRONG_APIC_MODE:
	case TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE: /* all with an exit reason below */
		break;
	default:
		return EXIT_REASON_UNDEFINED;
	}

	exit_reason = tdv->vp_enter_ret;
	if (exit_reason == EXIT_REASON_TDCALL)
		return tdcall_to_vmx_exit_reason(&tdv->vp_enter_args);
	/* In a TD there is no such thing: the module would have reported #VE. */
	return exit_reason == EXIT_REASON_EPT_MISCONFIG ? EXIT_REASON_UNDEFINED : exit_reason;
}

enum exit_fastpath_completion tdx_vcpu_run(struct kvm_vcpu *v, u64 run_flags)
{
	struct vcpu_tdx *tdv = to_tdx(v);

	WARN_ON_ONCE(env_of(v), run_flags);

	/* A zap is trying again and nobody may be inside: go round the outer loop. */
	if (unlikely(to_kvm_tdx(v->kvm)->wait_for_sept_zap)) {
		tdv->exit_reason = EXIT_REASON_UNDEFINED;
		return EXIT_FASTPATH_EXIT_HANDLED;
	}

	/* The CPU takes what was posted on its way in. */
	tdv->pi_on = false;
	tdv->vp_enter_ret = tdh_vp_enter(&tdv->vp, &tdv->vp_enter_args);
	tdv->exit_reason = tdx_to_vmx_exit_reason(v);
	tdv->exit_qualification = tdv->vp_enter_args.rcx;
	tdv->ext_exit_qualification = tdv->vp_enter_args.rdx;
	tdv->exit_gpa = tdv->vp_enter_args.r8;
	tdv->exit_intr_info = tdv->vp_enter_args.r9;

	if (unlikely(tdv->vp_enter_ret == EXIT_REASON_EPT_MISCONFIG) ||
	    (tdv->vp_enter_ret & TDX_SW_ERROR) == TDX_SW_ERROR ||
	    tdv->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)
		return EXIT_FASTPATH_NONE;

	/*
	 * Somebody has the S-EPT tree or the epoch. Not from a fast path that
	 * enters again at once: whoever waits for vCPUs to leave would starve.
	 */
	if (unlikely(tdx_operand_busy(tdv->vp_enter_ret)))
		return EXIT_FASTPATH_EXIT_HANDLED;
	return EXIT_FASTPATH_NONE;
}

/* -- EPT violations -- */

static int __vmx_handle_ept_violation(struct kvm_vcpu *v, gpa_t gpa, u64 exit_qualification)
{
	u64 error_code = 0;

	if (exit_qualification & EPT_VIOLATION_ACC_WRITE)
		error_code |= PFERR_WRITE_MASK;
	if (exit_qualification & EPT_VIOLATION_ACC_INSTR)
		error_code |= PFERR_FETCH_MASK;
	if (exit_qualification & (EPT_VIOLATION_PROT_MASK | EPT_VIOLATION_USER_EXEC))
		error_code |= PFERR_PRESENT_MASK;
	if (exit_qualification & EPT_VIOLATION_GVA_IS_VALID)
		error_code |= exit_qualification & EPT_VIOLATION_GVA_TRANSLATED ?
			      PFERR_GUEST_FINAL_MASK : PFERR_GUEST_PAGE_MASK;
	if (!kvm_is_addr_direct(v->kvm, gpa))
		error_code |= PFERR_PRIVATE_ACCESS;
	return kvm_mmu_page_fault(v, gpa, error_code);
}

static bool tdx_is_sept_violation_unexpected_pending(struct kvm_vcpu *v)
{
	struct vcpu_tdx *tdv = to_tdx(v);

	if ((tdv->ext_exit_qualification & TDX_EXT_EXIT_QUAL_TYPE_MASK) !=
	    TDX_EXT_EXIT_QUAL_TYPE_PENDING_EPT_VIOLATION)
		return false;
	/* Permissions in the qualification: not the page itself was pending. */
	return !(tdv->exit_qualification & (EPT_VIOLATION_PROT_MASK | EPT_VIOLATION_USER_EXEC));
}

/* May a private fault be tried again without going back to the guest? */
static __noinline bool tdx_retry_locally(struct kvm_vcpu *v, gpa_t gpa, int *ret)
{
	struct kvm_memory_slot *slot;

	if (kvm_vcpu_has_events(v) || signal_pending(v))
		return false;
	if (kvm_test_request(KVM_REQ_VM_DEAD, v)) {
		*ret = -EIO;
		return false;
	}
	/* Its deletion waits for this task to leave its SRCU read side. */
	slot = gfn_to_memslot(v->kvm, gpa_to_gfn(gpa));
	if (slot && (slot->flags & KVM_MEMSLOT_INVALID) &&
	    !series_bug(v->kvm, SERIES_BUG_RETRY_INVALID_SLOT))
		return false;

	task_yield(env_of(v), YIELD_RETRY);
	if (task_spin(env_of(v), "tdx_handle_ept_violation",
		      "an invalidation to end or the module to be free")) {
		*ret = -EIO;
		return false;
	}
	return true;
}

/*
 * The guest accepts in pages smaller than what is or would be mapped: split
 * first. "Dynamic PAMT + S-EPT hugepage" v5, 28 Jan 2026, patch 41.
 */
static int tdx_honor_guest_accept_level(struct kvm_vcpu *v, gfn_t gfn)
{
	u64 qualification = to_tdx(v)->ext_exit_qualification;
	struct kvm_memory_slot *slot;
	int level;

	if (likely((qualification & TDX_EXT_EXIT_QUAL_TYPE_MASK) != TDX_EXT_EXIT_QUAL_TYPE_ACCEPT) ||
	    kvm_globals_of(v)->config.sept_huge <= PG_LEVEL_4K)
		return 0;
	slot = gfn_to_memslot(v->kvm, gfn);
	level = TDX_EXT_EXIT_QUAL_ACCEPT_LEVEL(qualification) + PG_LEVEL_4K;
	if (!slot || level >= KVM_MAX_HUGEPAGE_LEVEL)
		return 0;
	return kvm_mmu_honor_accept_level(v, slot, gfn, level);
}

static int tdx_handle_ept_violation(struct kvm_vcpu *v)
{
	struct vcpu_tdx *tdv = to_tdx(v);
	gpa_t gpa = tdv->exit_gpa;
	bool local_retry = false;
	u64 exit_qual;
	int ret;

	if (!kvm_is_addr_direct(v->kvm, gpa)) {
		if (tdx_is_sept_violation_unexpected_pending(v)) {
			kmsg(env_of(v), KMSG_WARNING, __func__,
			     "kvm_intel: Guest access before accepting 0x%llx on vCPU %d",
			     (unsigned long long)gpa, v->vcpu_id);
			kvm_vm_dead(v->kvm);
			return -EIO;
		}
		ret = tdx_honor_guest_accept_level(v, gpa_to_gfn(gpa));
		if (ret)
			return ret;
		/* Always all permissions, so always as if it were a write. */
		exit_qual = EPT_VIOLATION_ACC_WRITE;
		/* Entering again and again would look like zero-stepping to the module. */
		local_retry = true;
	} else {
		exit_qual = tdv->exit_qualification;
		/* A TD cannot execute shared memory. */
		if (KVM_BUG_ON(exit_qual & EPT_VIOLATION_ACC_INSTR, v->kvm))
			return -EIO;
	}

	do {
		ret = __vmx_handle_ept_violation(v, gpa, exit_qual);
	} while (ret == RET_PF_RETRY && local_retry && tdx_retry_locally(v, gpa, &ret));
	return ret;
}

/* -- Exits -- */

static int tdx_unhandled_exit(struct kvm_vcpu *v)
{
	kvm_prepare_unexpected_reason_exit(v, to_tdx(v)->vp_enter_ret);
	return 0;
}

static int tdx_dispatch_exit(struct kvm_vcpu *v)
{
	switch (to_tdx(v)->exit_reason) {
	case EXIT_REASON_TRIPLE_FAULT:
		v->run->exit_reason = KVM_EXIT_SHUTDOWN;
		return 0;
	case EXIT_REASON_EXTERNAL_INTERRUPT:
	case EXIT_REASON_OTHER_SMI:
		return 1;
	case EXIT_REASON_TDCALL:
		return handle_tdvmcall(v);
	case EXIT_REASON_VMCALL:
		return tdx_emulate_vmcall(v);
	case EXIT_REASON_HLT:
		return kvm_emulate_halt_noskip(v);
	case EXIT_REASON_CPUID:
		return tdx_emulate_cpuid(v);
	case EXIT_REASON_IO_INSTRUCTION:
		return tdx_emulate_io(v);
	case EXIT_REASON_MSR_READ:
		return tdx_emulate_rdmsr(v);
	case EXIT_REASON_MSR_WRITE:
		return tdx_emulate_wrmsr(v);
	case EXIT_REASON_EPT_MISCONFIG:
		return tdx_emulate_mmio(v);
	case EXIT_REASON_EPT_VIOLATION:
		return tdx_handle_ept_violation(v);
	default:
		return tdx_unhandled_exit(v);
	}
}

static int __tdx_handle_exit(struct kvm_vcpu *v, enum exit_fastpath_completion fastpath)
{
	struct vcpu_tdx *tdv = to_tdx(v);
	u64 ret = tdv->vp_enter_ret;

	if (fastpath != EXIT_FASTPATH_NONE)
		return 1;
	if (unlikely(ret == EXIT_REASON_EPT_MISCONFIG)) {
		KVM_BUG_ON(1, v->kvm);
		return -EIO;
	}
	if ((ret & TDX_SW_ERROR) == TDX_SW_ERROR) {
		KVM_BUG_ON(1, v->kvm);
		return tdx_unhandled_exit(v);
	}
	if (unlikely(tdv->exit_reason & VMX_EXIT_REASONS_FAILED_VMENTRY)) {
		/* Only a debugger can have left a state behind that a TD outlives. */
		WARN_ON_ONCE(env_of(v), v->arch.guest_state_protected &&
					!(ret & TDX_NON_RECOVERABLE));
		v->run->exit_reason = KVM_EXIT_FAIL_ENTRY;
		v->run->fail_entry.hardware_entry_failure_reason = tdv->exit_reason;
		v->run->fail_entry.cpu = v->arch.last_vmentry_cpu;
		return 0;
	}
	if (unlikely(ret & (TDX_ERROR | TDX_NON_RECOVERABLE)) &&
	    tdv->exit_reason != EXIT_REASON_TRIPLE_FAULT) {
		kmsg(env_of(v), KMSG_ERR, __func__,
		     "kvm_intel: TD vp_enter_ret 0x%llx", (unsigned long long)ret);
		return tdx_unhandled_exit(v);
	}
	WARN_ON_ONCE(env_of(v), tdv->exit_reason != EXIT_REASON_TRIPLE_FAULT &&
				(ret & TDX_SEAMCALL_STATUS_MASK) != TDX_SUCCESS);
	return tdx_dispatch_exit(v);
}

int tdx_handle_exit(struct kvm_vcpu *v, enum exit_fastpath_completion fastpath)
{
	return __tdx_handle_exit(v, fastpath);
}

/* -- Shared memory: the walk the CPU does on its own -- */

/*
 * What the CPU finds for the guest at shared @gpa: the hpa, or TDX_SHARED_*. The
 * tables are of the vCPU whose thread entered; a TD has no read-only slots, so
 * what is there may be written.
 */
static hpa_t tdx_shared_walk(void *ctx, hpa_t tdr, gpa_t gpa, bool write)
{
	struct kvm_globals *kvm_globals = ctx;
	u8 task = current_task(kvm_globals->host.env)->id;
	struct kvm_vcpu *v = kvm_globals->running_vcpu[task];
	struct kvm_mmu_page *sp;
	u32 shift;
	u64 spte;
	int level;

	/* A SEAMCALL that no vCPU's thread made. */
	if (!v)
		return TDX_SHARED_VIOLATION;
	sp = root_to_sp(v->kvm, v->arch.mmu.root.hpa);
	for (level = sp->role.level; ; level--) {
		shift = PAGE_SHIFT + KVM_HPAGE_GFN_SHIFT(level);
		spte = sp->spt[gpa >> shift & (SPTE_ENT_PER_PAGE - 1)];
		if (!is_shadow_present_pte(spte))
			return spte & VMX_EPT_SUPPRESS_VE_BIT ? TDX_SHARED_VIOLATION :
								TDX_SHARED_VE;
		if (is_last_spte(spte, level))
			return pfn_to_hpa(spte_to_pfn(spte)) | (gpa & (BIT_ULL(shift) - 1));
		sp = spte_to_child_sp(v->kvm->arch.mmu.host, spte);
	}
}

void tdx_register_shared_walk(struct tdx_globals *globals, struct kvm_globals *kvm_globals)
{
	tdx_set_shared_walk(globals->module, tdx_shared_walk, kvm_globals);
}
