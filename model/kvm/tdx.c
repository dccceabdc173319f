// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM's TDX support as a whole (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4): set-up,
 * what KVM_CREATE_VM does for a TD, the locks that freeze a VM's make-up, and
 * the commands of a VM descriptor. Left out: checks of CPU features.
 */
#include <string.h>

#include "model/kvm/series_bugs.h"
#include "model/kvm/tdx.h"

#define DEFAULT_TSC_KHZ		2500000	/* 2.5 GHz */

/* -- Set-up of KVM's TDX support -- */

/* False: the module offers too little and enable_tdx stays off. */
bool tdx_hardware_setup(struct tdx_globals *globals)
{
	const struct tdx_sys_info *info = tdx_get_sysinfo(globals);

	globals->enable_tdx = false;
	if (!info)
		return false;
	if (info->max_vcpus_per_td < globals->hw->cpu_count)
		return false;
	globals->misc_cg_capacity = tdx_get_nr_guest_keyids(globals);
	globals->misc_cg_limit = ~0ULL;
	globals->enable_tdx = true;
	return true;
}

int tdx_vm_init(struct kvm *vm)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	int present;

	tdvm->globals = kvm_globals_of(vm)->tdx;
	tdvm->td.globals = tdvm->globals;
	if (!series_bug(vm, SERIES_BUG_PAMT_MUTEX_NOT_INITIALIZED))
		lock_init(&tdvm->pamt_cache_lock, LOCK_PAMT_CACHE, vm->id);
	tdx_init_pamt_cache(&tdvm->pamt_cache, "vm_pamt_cache");
	vm->arch.has_protected_state = true;
	vm->arch.has_protected_eoi = true;
	vm->arch.has_private_mem = true;
	vm->arch.has_protected_pmu = true;
	vm->arch.disabled_quirks |= KVM_X86_QUIRK_IGNORE_GUEST_PAT;

	/* MMIO has to reach the TD as #VE, so its entries do not suppress that. */
	vm->arch.mmu.shadow_mmio_value = 0;

	present = tdvm->globals->hw->cpu_count;
	if (vm->max_vcpus > present)
		vm->max_vcpus = present;
	vm->arch.default_tsc_khz = DEFAULT_TSC_KHZ;
	tdvm->state = TD_STATE_UNINITIALIZED;
	return 0;
}

/* -- Locks and commands -- */

int tdx_acquire_vm_state_locks(struct kvm *vm)
{
	int r;

	mutex_lock(&vm->lock);
	r = kvm_lock_all_vcpus(vm);
	if (r) {
		mutex_unlock(&vm->lock);
		return r;
	}
	/* Now nothing of the VM's make-up can change: vCPUs, slots, state. */
	mutex_lock(&vm->slots_lock);
	return 0;
}

void tdx_release_vm_state_locks(struct kvm *vm)
{
	mutex_unlock(&vm->slots_lock);
	kvm_unlock_all_vcpus(vm);
	mutex_unlock(&vm->lock);
}

int tdx_get_cmd(const struct kvm_tdx_cmd *argp, struct kvm_tdx_cmd *cmd)
{
	if (!argp)
		return -EFAULT;
	*cmd = *argp;
	/* Output only: userspace must not have left anything there. */
	return cmd->hw_error ? -EINVAL : 0;
}

static int tdx_get_capabilities(struct kvm *vm, const struct kvm_tdx_cmd *cmd)
{
	struct kvm_tdx_capabilities *caps = (void *)(uintptr_t)cmd->data;
	const struct tdx_sys_info *info = tdx_get_sysinfo(to_kvm_tdx(vm)->globals);
	u32 nent;

	if (cmd->flags)
		return -EINVAL;
	if (!caps)
		return -EFAULT;
	nent = caps->cpuid.nent;
	if (nent < 1)
		return -E2BIG;
	memset(caps, 0, sizeof(*caps));
	caps->supported_attrs = TDX_SUPPORTED_TD_ATTRS & info->attributes_fixed0;
	caps->supported_xfam = TDX_SUPPORTED_XFAM & info->xfam_fixed0;
	if (!caps->supported_attrs || !caps->supported_xfam)
		return -EIO;
	caps->user_tdvmcallinfo_1_r11 = BIT_ULL(1);
	caps->cpuid.nent = 1;
	caps->cpuid.entries[0] = (struct kvm_cpuid_entry2){
		.function = 0x80000008, .eax = 0xff << 16,
	};
	return 0;
}

int tdx_vm_ioctl(struct kvm *vm, struct kvm_tdx_cmd *argp)
{
	struct kvm_tdx_cmd cmd;
	int r = tdx_get_cmd(argp, &cmd);

	if (r)
		return r;
	if (cmd.id == KVM_TDX_CAPABILITIES)
		return tdx_get_capabilities(vm, &cmd);

	r = tdx_acquire_vm_state_locks(vm);
	if (r)
		return r;
	switch (cmd.id) {
	case KVM_TDX_INIT_VM:
		r = tdx_td_init(vm, &cmd);
		break;
	case KVM_TDX_FINALIZE_VM:
		r = tdx_td_finalize(vm, &cmd);
		break;
	default:
		tdx_release_vm_state_locks(vm);
		return -EINVAL;
	}
	/* On errors, too: hw_error says what the module did not like. */
	*argp = cmd;
	tdx_release_vm_state_locks(vm);
	return r;
}
