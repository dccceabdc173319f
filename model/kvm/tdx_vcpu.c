// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs of a TD (arch/x86/kvm/vmx/tdx.c, Linux 7.3.4): creation, the
 * association of a vCPU with one CPU, TD entry, and the end. A TD's vCPU may be
 * associated with a single CPU at a time; moving it needs TDH.VP.FLUSH on the
 * old one. Left out: NMIs, the wake-up lists of posted interrupts, MSRs and debug
 * state. Whether an interrupt waits is in tdx_irq.c.
 */
#include <string.h>

#include "model/kvm/mmu.h"
#include "model/kvm/series_bugs.h"
#include "model/kvm/tdx.h"
#include "model/mm/mm.h"

/* VMCS fields, TDVPS class 0 */
#define POSTED_INTR_NV			0x2u
#define POSTED_INTR_DESC_ADDR		0x2016u
#define SHARED_EPT_POINTER		0x203Cu
#define PIN_BASED_VM_EXEC_CONTROL	0x4000u
#define PIN_BASED_POSTED_INTR		BIT_ULL(7)

#define POSTED_INTR_VECTOR	0xf2
#define PI_DESC_SIZE		64

void tdh_vp_wr_failed(struct kvm_vcpu *v, const char *uclass, const char *op,
		      u64 field, u64 val, u64 err)
{
	KVM_BUG_ON(1, v->kvm);
	kmsg(env_of(v), KMSG_ERR, "tdh_vp_wr_failed",
	     "kvm_intel: TDH_VP_WR[%s.0x%llx]%s0x%llx failed: 0x%llx", uclass,
	     (unsigned long long)field, op, (unsigned long long)val, (unsigned long long)err);
}

static void td_vmcs_write(struct kvm_vcpu *v, u32 field, u64 val, u64 mask, const char *op)
{
	u64 err = tdh_vp_wr(&to_tdx(v)->vp, field, val, mask);

	if (unlikely(err))
		tdh_vp_wr_failed(v, "VMCS", op, field, val, err);
}

static void td_vmcs_write16(struct kvm_vcpu *v, u32 field, u16 val)
{
	td_vmcs_write(v, field, val, GENMASK_ULL(15, 0), " = ");
}

static void td_vmcs_write64(struct kvm_vcpu *v, u32 field, u64 val)
{
	td_vmcs_write(v, field, val, ~0ULL, " = ");
}

static void td_vmcs_setbit32(struct kvm_vcpu *v, u32 field, u64 bit)
{
	td_vmcs_write(v, field, bit, bit, " |= ");
}

/* The model's kernel objects are in no frame: above RAM, each vCPU's its own. */
static hpa_t pi_desc_pa(struct kvm_vcpu *v)
{
	u64 offset = (char *)v - (char *)env_of(v);

	return to_kvm_tdx(v->kvm)->globals->hw->frame_count * PAGE_SIZE +
	       (offset & ~(PI_DESC_SIZE - 1ULL));
}

/* -- Association with a CPU -- */

/* IRQs off, on the vCPU's CPU. */
static void tdx_disassociate_vp(struct kvm_vcpu *v)
{
	list_del(&to_tdx(v)->cpu_list);
	/* From here on another CPU may take the vCPU. */
	v->cpu = -1;
}

/* The IPI handler, on @cpu. What VP.FLUSH said; printing has to wait. */
static u64 tdx_flush_vp(struct kvm_vcpu *v, int cpu)
{
	u64 err = 0;

	/* That CPU went offline and has done it already. */
	if (v->cpu != cpu)
		return 0;
	if (to_tdx(v)->state != VCPU_TD_STATE_UNINITIALIZED) {
		err = tdh_vp_flush(&to_tdx(v)->vp);
		if (err == TDX_VCPU_NOT_ASSOCIATED)
			err = 0;
	}
	tdx_disassociate_vp(v);
	return err;
}

void tdx_flush_vp_on_cpu(struct kvm_vcpu *v)
{
	struct env *env = env_of(v);
	struct task *task = current_task(env);
	int cpu = v->cpu, here = task->cpu;
	u64 err;

	if (unlikely(cpu == -1))
		return;
	/* smp_call_function_single(): in an interrupt there, whatever runs there. */
	if (cpu != here)
		hw_ipi_wait(env, to_kvm_tdx(v->kvm)->globals->hw, BIT_ULL(cpu));
	task->cpu = cpu;
	err = tdx_flush_vp(v, cpu);
	task->cpu = here;
	TDX_BUG_ON(err, TDH_VP_FLUSH, v->kvm);
}

void tdx_disable_virtualization_cpu(struct tdx_globals *globals, int cpu)
{
	struct task *task = current_task(globals->env);
	struct vcpu_tdx *tdv, *tmp;
	int here = task->cpu;

	task->cpu = cpu;
	list_for_each_entry_safe(tdv, tmp, &globals->associated_tdvcpus[cpu], cpu_list)
		tdx_flush_vp(&tdv->vcpu, cpu);
	task->cpu = here;
}

void tdx_vcpu_load(struct kvm_vcpu *v, int cpu)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(v->kvm);

	if (v->cpu == cpu || !is_hkid_assigned(tdvm))
		return;
	tdx_flush_vp_on_cpu(v);
	KVM_BUG_ON(cpu != smp_processor_id(v), v->kvm);
	/* So that the CPU can let go of its TD vCPUs before it goes offline. */
	list_add(&to_tdx(v)->cpu_list, &tdvm->globals->associated_tdvcpus[cpu]);
}

void tdx_vcpu_put(struct kvm_vcpu *v)
{
	to_tdx(v)->guest_state_loaded = false;
}

/* Ends off every CPU, so that it may be another VM's vCPU next. */
int tdx_vcpu_notify_other(struct kvm_vcpu *v, struct kvm_vcpu *other)
{
	struct kvm *vm = v->kvm;

	vcpu_load(v);
	td_vmcs_write64(v, POSTED_INTR_DESC_ADDR, pi_desc_pa(other));
	vcpu_put(v);
	tdx_flush_vp_on_cpu(v);
	return vm->vm_bugged ? -EIO : 0;
}

/* -- Creation and end -- */

int tdx_vcpu_create(struct kvm_vcpu *v)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(v->kvm);
	struct vcpu_tdx *tdv = to_tdx(v);

	/* After FINALIZE, too, it is too late. Who waits for another VM's TD has none yet. */
	if (tdvm->state != TD_STATE_INITIALIZED &&
	    !(kvm_globals_of(v)->gmem_in_place_conversion && tdvm->state == TD_STATE_UNINITIALIZED))
		return -EIO;
	INIT_LIST_HEAD(&tdv->cpu_list);
	tdv->vp.globals = tdvm->globals;
	tdx_init_pamt_cache(&tdv->pamt_cache, "vcpu_pamt_cache");
	v->arch.guest_apic_protected = true;
	v->arch.guest_state_protected = true;
	/* Userspace hands the width it gave INIT_VM to KVM_SET_CPUID2, too. */
	v->arch.guest_maxphyaddr =
		v->kvm->arch.gfn_direct_bits == gpa_to_gfn(BIT_ULL(51)) ? 52 : 48;
	tdv->state = VCPU_TD_STATE_UNINITIALIZED;
	return 0;
}

static void tdx_free_vp_pages(struct tdx_vp *vp, int from, int nr)
{
	int i;

	for (i = from; i < nr; i++) {
		tdx_free_control_page(vp->globals, vp->tdcx_array[i]);
		vp->tdcx_array[i] = NULL;
	}
}

/* TDVPR and TDCX pages, none of them given to the module yet. */
static int tdx_alloc_vp_pages(struct kvm_vcpu *v)
{
	int nr = to_kvm_tdx(v->kvm)->td.tdcx_nr_pages;
	struct tdx_vp *vp = &to_tdx(v)->vp;
	int i;

	vp->tdvpr_page = tdx_alloc_control_page(vp->globals, "tdvpr");
	if (!vp->tdvpr_page)
		return -ENOMEM;
	vp->tdvpr_pa = page_to_phys(vp->tdvpr_page);
	for (i = 0; i < nr; i++) {
		vp->tdcx_array[i] = tdx_alloc_control_page(vp->globals, "tdcx");
		if (vp->tdcx_array[i])
			continue;
		tdx_free_vp_pages(vp, 0, i);
		tdx_free_control_page(vp->globals, vp->tdvpr_page);
		vp->tdvpr_page = NULL;
		vp->tdvpr_pa = 0;
		return -ENOMEM;
	}
	vp->tdcx_pages = vp->tdcx_array;
	return 0;
}

static int tdx_td_vcpu_init(struct kvm_vcpu *v, u64 vcpu_rcx)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(v->kvm);
	struct tdx_vp *vp = &to_tdx(v)->vp;
	struct kvm *vm = v->kvm;
	int nr = tdvm->td.tdcx_nr_pages;
	int ret = tdx_alloc_vp_pages(v);
	u64 err;
	int i;

	if (ret)
		return ret;
	err = tdh_vp_create(&tdvm->td, vp);
	if (TDX_BUG_ON(err, TDH_VP_CREATE, vm)) {
		tdx_free_vp_pages(vp, 0, nr);
		vp->tdcx_pages = NULL;
		tdx_free_control_page(vp->globals, vp->tdvpr_page);
		vp->tdvpr_page = NULL;
		vp->tdvpr_pa = 0;
		return -EIO;
	}
	for (i = 0; i < nr; i++) {
		err = tdh_vp_addcx(vp, vp->tdcx_pages[i]);
		if (TDX_BUG_ON(err, TDH_VP_ADDCX, vm)) {
			/* The module has the others: they go with the vCPU. */
			tdx_free_vp_pages(vp, i, nr);
			return -EIO;
		}
	}

	/* VP.INIT wants the TD root for itself, which no zap may be made to meet. */
	if (likely(!series_bug(vm, SERIES_BUG_VCPU_INIT_UNLOCKED)))
		write_lock(&vm->mmu_lock);
	err = tdh_vp_init(vp, vcpu_rcx, v->vcpu_id);
	if (likely(!series_bug(vm, SERIES_BUG_VCPU_INIT_UNLOCKED)))
		write_unlock(&vm->mmu_lock);
	if (TDX_BUG_ON(err, TDH_VP_INIT, vm))
		return -EIO;
	v->arch.mp_state = KVM_MP_STATE_RUNNABLE;
	return 0;
}

static int tdx_vcpu_init(struct kvm_vcpu *v, struct kvm_tdx_cmd *cmd)
{
	struct vcpu_tdx *tdv = to_tdx(v);
	int ret;

	if (cmd->flags || tdv->state != VCPU_TD_STATE_UNINITIALIZED)
		return -EINVAL;
	ret = tdx_td_vcpu_init(v, cmd->data);
	if (ret)
		return ret;
	td_vmcs_write16(v, POSTED_INTR_NV, POSTED_INTR_VECTOR);
	td_vmcs_write64(v, POSTED_INTR_DESC_ADDR, pi_desc_pa(v));
	td_vmcs_setbit32(v, PIN_BASED_VM_EXEC_CONTROL, PIN_BASED_POSTED_INTR);
	tdv->state = VCPU_TD_STATE_INITIALIZED;
	return 0;
}

static const char *const leak_vcpu = "vCPU page kept: the HKID could not be released";

/* Accounting only: the kernel returns and forgets these pages. */
static void tdx_leak_vp_pages(struct kvm_vcpu *v)
{
	int nr = to_kvm_tdx(v->kvm)->td.tdcx_nr_pages;
	struct tdx_vp *vp = &to_tdx(v)->vp;
	int i;

	for (i = 0; vp->tdcx_pages && i < nr; i++) {
		if (vp->tdcx_pages[i])
			mm_leak(vp->tdcx_pages[i], 0, leak_vcpu);
	}
	if (vp->tdvpr_page)
		mm_leak(vp->tdvpr_page, 0, leak_vcpu);
}

void tdx_vcpu_free(struct kvm_vcpu *v)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(v->kvm);
	struct vcpu_tdx *tdv = to_tdx(v);
	struct tdx_vp *vp = &tdv->vp;
	int i;

	tdx_free_pamt_cache(&tdv->pamt_cache);
	/* Only creation that failed half-way gets here with the vCPU on a CPU. */
	if (v->cpu != -1) {
		KVM_BUG_ON(tdv->state == VCPU_TD_STATE_INITIALIZED, v->kvm);
		tdx_flush_vp_on_cpu(v);
		return;
	}
	if (is_hkid_assigned(tdvm)) {
		tdx_leak_vp_pages(v);
		return;
	}
	for (i = 0; vp->tdcx_pages && i < tdvm->td.tdcx_nr_pages; i++) {
		if (vp->tdcx_pages[i])
			tdx_reclaim_control_page(tdvm->globals, vp->tdcx_pages[i]);
		vp->tdcx_pages[i] = NULL;
	}
	vp->tdcx_pages = NULL;
	if (vp->tdvpr_page) {
		tdx_reclaim_control_page(tdvm->globals, vp->tdvpr_page);
		vp->tdvpr_page = NULL;
		vp->tdvpr_pa = 0;
	}
	tdv->state = VCPU_TD_STATE_UNINITIALIZED;
}

bool tdx_vcpu_needs_initialization(struct kvm_vcpu *v)
{
	return to_tdx(v)->state != VCPU_TD_STATE_INITIALIZED ||
	       to_kvm_tdx(v->kvm)->state != TD_STATE_RUNNABLE;
}

/* -- ioctls of a vCPU descriptor -- */

/* Before vcpu->mutex is taken: these commands take the mutexes of all vCPUs. */
int tdx_vcpu_unlocked_ioctl(struct kvm_vcpu *v, struct kvm_tdx_cmd *argp)
{
	struct kvm *vm = v->kvm;
	struct kvm_tdx_cmd cmd;
	int r = tdx_get_cmd(argp, &cmd);

	if (r)
		return r;
	r = tdx_acquire_vm_state_locks(vm);
	if (r)
		return r;
	if (!is_hkid_assigned(to_kvm_tdx(vm)) || to_kvm_tdx(vm)->state == TD_STATE_RUNNABLE) {
		tdx_release_vm_state_locks(vm);
		return -EINVAL;
	}

	vcpu_load(v);
	switch (cmd.id) {
	case KVM_TDX_INIT_MEM_REGION:
		r = tdx_vcpu_init_mem_region(v, &cmd);
		break;
	case KVM_TDX_INIT_VCPU:
		r = tdx_vcpu_init(v, &cmd);
		break;
	default:
		r = -ENOIOCTLCMD;
		break;
	}
	vcpu_put(v);
	/* The command is not copied back: hw_error never reaches userspace here. */
	tdx_release_vm_state_locks(vm);
	return r;
}

int tdx_vcpu_ioctl(struct kvm_vcpu *v, struct kvm_tdx_cmd *argp)
{
	struct kvm_tdx *tdvm = to_kvm_tdx(v->kvm);
	struct kvm_tdx_cmd cmd;
	int r;

	if (!is_hkid_assigned(tdvm) || tdvm->state == TD_STATE_RUNNABLE)
		return -EINVAL;
	r = tdx_get_cmd(argp, &cmd);
	if (r)
		return r;
	return cmd.id == KVM_TDX_GET_CPUID ? tdx_vcpu_get_cpuid(v, &cmd) : -EINVAL;
}

/* -- TLBs and tables -- */

/*
 * A global INVEPT on this CPU. Of shared memory this model caches nothing, and
 * private translations are not KVM's to flush: the module tracks them by epochs.
 */
void tdx_flush_tlb_all(struct kvm_vcpu *v)
{
}

void tdx_flush_tlb_current(struct kvm_vcpu *v)
{
	tdx_flush_tlb_all(v);
}

void tdx_load_mmu_pgd(struct kvm_vcpu *v, hpa_t root_hpa, int pgd_level)
{
	gpa_t shared_bit = pgd_level == 5 ? BIT_ULL(51) : BIT_ULL(47);

	/* The guest's idea of its address width must be the module's. */
	if (KVM_BUG_ON(gpa_to_gfn(shared_bit) != kvm_gfn_direct_bits(v->kvm), v->kvm))
		return;
	/* Only the direct root: the mirror is for KVM's eyes. */
	td_vmcs_write64(v, SHARED_EPT_POINTER, root_hpa);
}
