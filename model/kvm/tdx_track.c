// SPDX-License-Identifier: GPL-2.0-only
/*
 * What changes of the S-EPT have in common, of 4K leaves (tdx_sept.c) and large
 * ones (tdx_sept_huge.c): the report of a SEAMCALL that should not have failed,
 * vCPUs held off while one is tried again, TLB tracking
 * (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4).
 */
#include <stdio.h>

#include "model/kvm/tdx_sept.h"

bool tdx_bug_slow(struct tdx_globals *globals, struct kvm *vm, const char *site,
		  const char *where, u64 err, const char *fn,
		  const char *n1, u64 a1, const char *n2, u64 a2,
		  const char *n3, u64 a3)
{
	struct env *env = globals->env;
	char args[160] = "";
	int len = 0;

	/* Of a VM that is bugged already nothing more is worth telling. */
	if (vm && vm->vm_bugged)
		return true;
	warn_slow(env, site, where, fn);
	if (vm)
		kvm_vm_bugged(vm);

	if (n1)
		len += snprintf(args + len, sizeof(args) - len, ", %s 0x%llx", n1,
				(unsigned long long)a1);
	/* With three arguments the second has a comma more in the kernel's format. */
	if (n2)
		len += snprintf(args + len, sizeof(args) - len, n3 ? ", %s, 0x%llx" : ", %s 0x%llx",
				n2, (unsigned long long)a2);
	if (n3)
		snprintf(args + len, sizeof(args) - len, ", %s 0x%llx", n3,
			 (unsigned long long)a3);
	kmsg(env, KMSG_ERR, where, "kvm_intel: SEAMCALL %s failed: 0x%llx%s", fn,
	     (unsigned long long)err, args);
	return true;
}

void tdx_no_vcpus_enter_start(struct kvm_tdx *tdvm)
{
	tdvm->wait_for_sept_zap = true;
	kvm_make_all_cpus_request(&tdvm->kvm, KVM_REQ_OUTSIDE_GUEST_MODE);
}

void tdx_no_vcpus_enter_stop(struct kvm_tdx *tdvm)
{
	tdvm->wait_for_sept_zap = false;
	env_of(tdvm)->sched.progress++;
}

void tdx_track(struct kvm *vm)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	u64 err;

	/* No vCPU of an unfinished TD can have run. */
	if (unlikely(tdvm->state != TD_STATE_RUNNABLE))
		return;
	lockdep_assert_held_write(&vm->mmu_lock);

	if (!defect_on(env_of(vm), DEFECT_SKIP_TRACK)) {
		err = tdh_do_no_vcpus(tdh_mem_track, vm, &tdvm->td);
		TDX_BUG_ON(err, TDH_MEM_TRACK, vm);
	}
	if (!defect_on(env_of(vm), DEFECT_SKIP_KICK))
		kvm_make_all_cpus_request(vm, KVM_REQ_OUTSIDE_GUEST_MODE);
}
