// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_TDX_INIT_VM (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4): HKID, TD root, key, TD
 * control pages and parameters, with the unwinding of each step that fails.
 * Left out: CPUID values beyond the guest physical address width, which memory
 * does not depend on.
 */
#include <string.h>

#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"
#include "model/mm/mm.h"

#define TDX_CONFIG_FLAGS_MAX_GPAW	BIT_ULL(0)
#define TDX_CONFIG_FLAGS_NO_RBP_MOD	BIT_ULL(2)
#define VMX_EPTP_MT_WB			0x6ULL
#define VMX_EPTP_PWL_4			(3ULL << 3)
#define VMX_EPTP_PWL_5			(4ULL << 3)
#define TDX_TSC_UNIT_KHZ		25000
#define TDCS_EXEC(n)			(0x1100000000000000ULL | (n))

/* As the module reads it; 1024 bytes. */
struct td_params {
	u64 attributes;
	u64 xfam;
	u16 max_vcpus;
	u8 reserved0[6];
	u64 eptp_controls;
	u64 config_flags;
	u16 tsc_frequency;
	u8 reserved1[38];
	u64 mrconfigid[6];
	u64 mrowner[6];
	u64 mrownerconfig[6];
	u64 reserved2[4];
	u8 cpuid_values[768];
};

static_assert(sizeof(struct td_params) == 1024, "TD_PARAMS");

/* -- KVM_TDX_INIT_VM -- */

/*
 * Width of guest physical addresses the user's CPUID asks for. There is one leaf
 * that can be configured in this model; an entry that is none of it is refused,
 * and so is a second for it. It has no subleaves, so no index is looked at.
 */
static int setup_tdparams_cpuids(const struct kvm_cpuid2 *cpuid, int *gpaw)
{
	const struct kvm_cpuid_entry2 *entry = &cpuid->entries[0];

	if (cpuid->nent != 1 || entry->function != 0x80000008)
		return -EINVAL;
	*gpaw = entry->eax >> 16 & 0xff;
	return *gpaw == 48 || *gpaw == 52 ? 0 : -EINVAL;
}

static int setup_tdparams(struct kvm *vm, struct td_params *params,
			  const struct kvm_tdx_init_vm *init_vm)
{
	const struct tdx_sys_info *info = &to_kvm_tdx(vm)->globals->sysinfo;
	int gpaw, ret;

	if (vm->created_vcpus)
		return -EBUSY;
	if (init_vm->attributes & ~(TDX_SUPPORTED_TD_ATTRS & info->attributes_fixed0))
		return -EINVAL;
	if (init_vm->xfam & ~(TDX_SUPPORTED_XFAM & info->xfam_fixed0))
		return -EINVAL;

	params->max_vcpus = vm->max_vcpus;
	params->attributes = init_vm->attributes | info->attributes_fixed1;
	params->xfam = init_vm->xfam | info->xfam_fixed1;
	params->config_flags = TDX_CONFIG_FLAGS_NO_RBP_MOD;
	params->tsc_frequency = vm->arch.default_tsc_khz / TDX_TSC_UNIT_KHZ;

	ret = setup_tdparams_cpuids(&init_vm->cpuid, &gpaw);
	if (ret)
		return ret;
	params->eptp_controls = VMX_EPTP_MT_WB;
	if (gpaw == 52) {
		params->eptp_controls |= VMX_EPTP_PWL_5;
		params->config_flags |= TDX_CONFIG_FLAGS_MAX_GPAW;
	} else {
		params->eptp_controls |= VMX_EPTP_PWL_4;
	}
	memcpy(params->mrconfigid, init_vm->mrconfigid, sizeof(params->mrconfigid));
	memcpy(params->mrowner, init_vm->mrowner, sizeof(params->mrowner));
	memcpy(params->mrownerconfig, init_vm->mrownerconfig,
	       sizeof(params->mrownerconfig));
	return 0;
}

static int tdx_hkid_charge(struct tdx_globals *globals, struct kvm_tdx *tdvm)
{
	tdvm->misc_cg = true;
	if (globals->misc_cg_charged + 1 > globals->misc_cg_limit ||
	    globals->misc_cg_charged + 1 > globals->misc_cg_capacity)
		return -EBUSY;
	globals->misc_cg_charged++;
	return 0;
}

void tdx_hkid_free(struct kvm_tdx *tdvm)
{
	struct tdx_globals *globals = tdvm->globals;

	if (!defect_on(globals->env, DEFECT_LEAK_HKID))
		tdx_guest_keyid_free(globals, tdvm->hkid);
	tdvm->hkid = -1;
	/* 7.3.4 takes the unit off also when charging it is what failed. */
	WARN_ON_ONCE(globals->env, !globals->misc_cg_charged);
	globals->misc_cg_charged--;
	tdvm->misc_cg = false;
}

static void tdx_free_pages(struct tdx_globals *globals, struct page **pages, int from, int nr)
{
	int i;

	for (i = from; i < nr; i++) {
		tdx_free_control_page(globals, pages[i]);
		pages[i] = NULL;
	}
}

/* TDR and TDCS pages, none of them given to the module yet. 0 or -ENOMEM. */
static int tdx_alloc_td_pages(struct kvm_tdx *tdvm, struct page **tdr_page)
{
	struct tdx_globals *globals = tdvm->globals;
	const struct tdx_sys_info *info = &globals->sysinfo;
	struct tdx_td *td = &tdvm->td;
	int i;

	*tdr_page = tdx_alloc_control_page(globals, "tdr");
	if (!*tdr_page)
		return -ENOMEM;
	td->tdcs_nr_pages = info->tdcs_base_size / PAGE_SIZE;
	/* The TDVPS is one TDVPR and the rest. */
	td->tdcx_nr_pages = info->tdvps_base_size / PAGE_SIZE - 1;
	/* An earlier attempt may have left pages it could not reclaim. */
	tdx_leak_td_control_pages(tdvm, "control page forgotten: KVM_TDX_INIT_VM again");
	td->tdcs_pages = NULL;
	td->tdr_page = NULL;
	memset(td->tdcs_array, 0, sizeof(td->tdcs_array));
	for (i = 0; i < td->tdcs_nr_pages; i++) {
		td->tdcs_array[i] = tdx_alloc_control_page(globals, "tdcs");
		if (!td->tdcs_array[i])
			goto free_pages;
	}
	/* For the cpumask of packages. */
	if (!inject_alloc(globals->env, "cpumask"))
		return 0;
free_pages:
	tdx_free_pages(globals, td->tdcs_array, 0, td->tdcs_nr_pages);
	tdx_free_control_page(globals, *tdr_page);
	return -ENOMEM;
}

static bool tdx_all_packages_online(struct tdx_globals *globals)
{
	u32 package;

	for (package = 0; package < globals->hw->package_count; package++) {
		if (tdx_package_cpu(globals, package) >= 0)
			continue;
		kmsg(globals->env, KMSG_WARNING, "__tdx_td_init",
		     "kvm_intel: All packages need to have online CPU to create TD. Online CPU and retry.");
		return false;
	}
	return true;
}

static u64 tdx_do_tdh_mng_create(struct kvm_tdx *tdvm, struct page *tdr_page)
{
	struct tdx_globals *globals = tdvm->globals;
	u64 err;

	/* MNG.CREATE takes the module's KeyID table: one at a time, for all VMs. */
	mutex_lock(&globals->tdx_lock);
	tdvm->td.tdr_page = tdr_page;
	err = tdh_mng_create(&tdvm->td, tdvm->hkid);
	mutex_unlock(&globals->tdx_lock);
	return err;
}

static u64 tdx_do_tdh_mng_key_config(struct kvm_tdx *tdvm, int cpu)
{
	struct task *task = current_task(env_of(tdvm));
	int here = task->cpu;
	u64 err;

	/* smp_call_on_cpu(): a kernel thread there, in process context. */
	task->cpu = cpu;
	err = tdh_mng_key_config(&tdvm->td);
	task->cpu = here;
	return err;
}

static int tdx_config_keys(struct kvm *vm)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct hw *hw = tdvm->globals->hw;
	u32 package;

	for (package = 0; package < hw->package_count; package++) {
		u64 err = tdx_do_tdh_mng_key_config(tdvm,
						    tdx_package_cpu(tdvm->globals, package));

		if (TDX_BUG_ON_IN("tdx_do_tdh_mng_key_config", err, TDH_MNG_KEY_CONFIG, vm))
			return -EIO;
	}
	return 0;
}

/* Give the TDCS pages away; *added is how many the module has. */
static int tdx_add_tdcs(struct kvm *vm, int *added)
{
	struct tdx_td *td = &to_kvm_tdx(vm)->td;
	u64 err;

	td->tdcs_pages = td->tdcs_array;
	for (*added = 0; *added < td->tdcs_nr_pages; (*added)++) {
		err = tdh_mng_addcx(td, td->tdcs_pages[*added]);
		if (err == TDX_RND_NO_ENTROPY)
			return -EAGAIN;
		if (TDX_BUG_ON_IN("__tdx_td_init", err, TDH_MNG_ADDCX, vm))
			return -EIO;
	}
	return 0;
}

static int tdx_mng_init(struct kvm *vm, const struct td_params *params, u64 *seamcall_err)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct tdx_globals *globals = tdvm->globals;
	struct page *page = alloc_page_for(globals->env, GFP_KERNEL, "td_params");
	u8 bytes[PAGE_SIZE] = { 0 };
	u64 err, rcx;

	if (!page)
		return -ENOMEM;
	memcpy(bytes, params, sizeof(*params));
	tdx_phys_provide(globals, 0, page, bytes);
	err = tdh_mng_init(&tdvm->td, page_to_phys(page), &rcx);
	tdx_phys_forget(globals);
	__free_page(page);

	/* What userspace asked for is wrong: it gets to see why. */
	if (TDX_STATUS(err) == TDX_OPERAND_INVALID) {
		*seamcall_err = err;
		return -EINVAL;
	}
	if (TDX_BUG_ON_1_IN("__tdx_td_init", err, TDH_MNG_INIT, rcx, vm))
		return -EIO;
	return 0;
}

/* The module has the TDR. Unwinding from here is what ends a TD, too. */
static int tdx_td_build(struct kvm *vm, const struct td_params *params, u64 *seamcall_err)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct tdx_td *td = &tdvm->td;
	int added = 0;
	int ret;

	ret = tdx_config_keys(vm);
	up_read(tdvm->globals->cpu_hotplug_lock);
	if (!ret)
		ret = tdx_add_tdcs(vm, &added);
	if (!ret)
		ret = tdx_mng_init(vm, params, seamcall_err);
	if (!ret)
		return 0;

	/* Those the module never got are KVM's to free. */
	tdx_free_pages(tdvm->globals, td->tdcs_array, added, td->tdcs_nr_pages);
	tdx_mmu_release_hkid(vm);
	tdx_reclaim_td_control_pages(vm);
	return ret;
}

static int __tdx_td_init(struct kvm *vm, const struct td_params *params, u64 *seamcall_err)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct tdx_globals *globals = tdvm->globals;
	struct page *tdr_page;
	u64 err;
	int ret;

	*seamcall_err = 0;
	ret = tdx_guest_keyid_alloc(globals);
	if (ret < 0)
		return ret;
	tdvm->hkid = ret;
	ret = tdx_hkid_charge(globals, tdvm);
	if (ret)
		goto free_hkid;
	ret = tdx_alloc_td_pages(tdvm, &tdr_page);
	if (ret)
		goto free_hkid;

	/* No package may lose its last CPU until the key is set on all of them. */
	down_read(globals->cpu_hotplug_lock);
	ret = -EIO;
	if (!tdx_all_packages_online(globals))
		goto free_pages;
	err = tdx_do_tdh_mng_create(tdvm, tdr_page);
	if (err == TDX_RND_NO_ENTROPY) {
		ret = -EAGAIN;
		goto free_pages;
	}
	if (TDX_BUG_ON(err, TDH_MNG_CREATE, vm))
		goto free_pages;
	return tdx_td_build(vm, params, seamcall_err);

free_pages:
	up_read(globals->cpu_hotplug_lock);
	tdx_free_pages(globals, tdvm->td.tdcs_array, 0, tdvm->td.tdcs_nr_pages);
	tdvm->td.tdcs_pages = NULL;
	tdx_free_control_page(globals, tdr_page);
	tdvm->td.tdr_page = NULL;
free_hkid:
	tdx_hkid_free(tdvm);
	return ret;
}

static u64 tdx_td_read_exec(struct kvm_tdx *tdvm, u32 field)
{
	u64 value = 0;
	u64 err = tdh_mng_rd(&tdvm->td, TDCS_EXEC(field), &value);

	if (!err)
		return value;
	kmsg(env_of(tdvm), KMSG_ERR, "tdh_mng_rd_failed",
	     "kvm_intel: TDH_MNG_RD[EXEC.0x%x] failed: 0x%llx", field, (unsigned long long)err);
	return 0;
}

static int tdx_check_init_vm(const struct kvm_tdx_init_vm *init_vm)
{
	u32 i;

	if (!init_vm)
		return -EFAULT;
	if (init_vm->cpuid.nent > KVM_MAX_CPUID_ENTRIES)
		return -E2BIG;
	for (i = 0; i < ARRAY_SIZE(init_vm->reserved); i++) {
		if (init_vm->reserved[i])
			return -EINVAL;
	}
	return init_vm->cpuid.padding ? -EINVAL : 0;
}

int tdx_td_init(struct kvm *vm, struct kvm_tdx_cmd *cmd)
{
	const struct kvm_tdx_init_vm *init_vm = (void *)(uintptr_t)cmd->data;
	struct kvm_tdx *tdvm = to_kvm_tdx(vm);
	struct td_params params = { 0 };
	int ret;

	if (tdvm->state != TD_STATE_UNINITIALIZED || cmd->flags)
		return -EINVAL;
	ret = tdx_check_init_vm(init_vm);
	if (ret)
		return ret;
	if (inject_alloc(env_of(vm), "td_params"))
		return -ENOMEM;
	ret = setup_tdparams(vm, &params, init_vm);
	if (ret)
		return ret;
	ret = __tdx_td_init(vm, &params, &cmd->hw_error);
	if (ret)
		return ret;

	tdvm->tsc_offset = tdx_td_read_exec(tdvm, 10);
	tdvm->tsc_multiplier = tdx_td_read_exec(tdvm, 11);
	tdvm->attributes = params.attributes;
	tdvm->xfam = params.xfam;
	vm->arch.gfn_direct_bits = params.config_flags & TDX_CONFIG_FLAGS_MAX_GPAW ?
				    gpa_to_gfn(BIT_ULL(51)) : gpa_to_gfn(BIT_ULL(47));
	tdvm->state = TD_STATE_INITIALIZED;
	return 0;
}
