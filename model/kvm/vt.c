// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of vendor operations and its dispatch (arch/x86/kvm/vmx/main.c,
 * Linux 7.3.4): each vt_*() asks whether the VM is a TD. What an
 * ordinary guest does is in vmx.c.
 */
#include "model/kvm/tdx.h"
#include "model/kvm/vmx.h"

/* No VMCS of an ordinary guest stays on a CPU here. */
static void vt_disable_virtualization_cpu(struct kvm_globals *globals, int cpu)
{
	if (globals->tdx->enable_tdx)
		tdx_disable_virtualization_cpu(globals->tdx, cpu);
}

static int vt_vm_init(struct kvm *vm)
{
	return is_td(vm) ? tdx_vm_init(vm) : 0;
}

static void vt_vm_pre_destroy(struct kvm *vm)
{
	if (is_td(vm))
		tdx_mmu_release_hkid(vm);
}

static void vt_vm_destroy(struct kvm *vm)
{
	if (is_td(vm))
		tdx_vm_destroy(vm);
}

static int vt_vcpu_precreate(struct kvm *vm)
{
	return 0;
}

static int vt_vcpu_create(struct kvm_vcpu *v)
{
	return is_td_vcpu(v) ? tdx_vcpu_create(v) : 0;
}

static void vt_vcpu_free(struct kvm_vcpu *v)
{
	if (is_td_vcpu(v))
		tdx_vcpu_free(v);
}

static void vt_vcpu_load(struct kvm_vcpu *v, int cpu)
{
	if (is_td_vcpu(v))
		tdx_vcpu_load(v, cpu);
}

static void vt_vcpu_put(struct kvm_vcpu *v)
{
	if (is_td_vcpu(v))
		tdx_vcpu_put(v);
}

static bool vt_vcpu_needs_initialization(struct kvm_vcpu *v)
{
	return is_td_vcpu(v) && tdx_vcpu_needs_initialization(v);
}

static enum exit_fastpath_completion vt_vcpu_run(struct kvm_vcpu *v, u64 run_flags)
{
	return is_td_vcpu(v) ? tdx_vcpu_run(v, run_flags) : vmx_vcpu_run(v);
}

static int vt_handle_exit(struct kvm_vcpu *v, enum exit_fastpath_completion fastpath)
{
	return is_td_vcpu(v) ? tdx_handle_exit(v, fastpath) : vmx_handle_exit(v);
}

static bool vt_interrupt_allowed(struct kvm_vcpu *v)
{
	return !is_td_vcpu(v) || tdx_interrupt_allowed(v);
}

/* An ordinary guest has no registers here that could be read. */
static void vt_cache_reg(struct kvm_vcpu *v, enum kvm_reg reg)
{
	WARN_ON_ONCE(env_of(v), is_td_vcpu(v));
}

static void vt_flush_tlb_all(struct kvm_vcpu *v)
{
	if (is_td_vcpu(v))
		tdx_flush_tlb_all(v);
}

static void vt_flush_tlb_current(struct kvm_vcpu *v)
{
	if (is_td_vcpu(v))
		tdx_flush_tlb_current(v);
}

static void vt_load_mmu_pgd(struct kvm_vcpu *v, hpa_t root_hpa, int pgd_level)
{
	if (is_td_vcpu(v))
		tdx_load_mmu_pgd(v, root_hpa, pgd_level);
}

static int vt_mem_enc_ioctl(struct kvm *vm, struct kvm_tdx_cmd *argp)
{
	return is_td(vm) ? tdx_vm_ioctl(vm, argp) : -ENOTTY;
}

static int vt_vm_move_enc_context_from(struct kvm *vm, u32 source_fd)
{
	return is_td(vm) ? tdx_vm_move_enc_context_from(vm, source_fd) : -EINVAL;
}

static int vt_vcpu_mem_enc_ioctl(struct kvm_vcpu *v, struct kvm_tdx_cmd *argp)
{
	return is_td_vcpu(v) ? tdx_vcpu_ioctl(v, argp) : -EINVAL;
}

static int vt_vcpu_mem_enc_unlocked_ioctl(struct kvm_vcpu *v, struct kvm_tdx_cmd *argp)
{
	return is_td_vcpu(v) ? tdx_vcpu_unlocked_ioctl(v, argp) : -EINVAL;
}

static int vt_gmem_max_mapping_level(struct kvm *vm, kvm_pfn_t pfn, bool is_private)
{
	return is_td(vm) ? tdx_gmem_max_mapping_level(vm, pfn, is_private) : 0;
}

const struct kvm_x86_ops vt_x86_ops = {
	.name = "kvm_intel",
	.vm_size = sizeof(struct kvm_tdx),
	.vcpu_size = sizeof(struct vcpu_tdx),

	.disable_virtualization_cpu = vt_disable_virtualization_cpu,

	.vm_init = vt_vm_init,
	.vm_pre_destroy = vt_vm_pre_destroy,
	.vm_destroy = vt_vm_destroy,

	.vcpu_precreate = vt_vcpu_precreate,
	.vcpu_create = vt_vcpu_create,
	.vcpu_free = vt_vcpu_free,
	.vcpu_load = vt_vcpu_load,
	.vcpu_put = vt_vcpu_put,
	.vcpu_needs_initialization = vt_vcpu_needs_initialization,
	.vcpu_run = vt_vcpu_run,
	.handle_exit = vt_handle_exit,

	.interrupt_allowed = vt_interrupt_allowed,
	.protected_apic_has_interrupt = tdx_protected_apic_has_interrupt,
	.cache_reg = vt_cache_reg,

	.flush_tlb_all = vt_flush_tlb_all,
	.flush_tlb_current = vt_flush_tlb_current,
	.load_mmu_pgd = vt_load_mmu_pgd,

	.mem_enc_ioctl = vt_mem_enc_ioctl,
	.vm_move_enc_context_from = vt_vm_move_enc_context_from,
	.vcpu_mem_enc_ioctl = vt_vcpu_mem_enc_ioctl,
	.vcpu_mem_enc_unlocked_ioctl = vt_vcpu_mem_enc_unlocked_ioctl,

	/* Mirror roots exist only in TDs, so these need not ask. */
	.set_external_spte = tdx_sept_set_private_spte,
	.split_borders = tdx_split_borders,
	.block_external_spte = tdx_sept_block_private_spte,
	.unblock_external_spte = tdx_sept_unblock_private_spte,
	.track_external = tdx_sept_track,
	.free_external_spt = tdx_sept_free_private_spt,
	.topup_external_cache = tdx_topup_external_pamt_cache,
	.gmem_max_mapping_level = vt_gmem_max_mapping_level,
};
