// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM for TDs: a running TD goes from one VM of this
 * host to another, KeyID, pages, vCPUs and mirror page tables ("TDX intra-host
 * migration", RFC v2, S. Shahar and R. Afranji, 11 June 2025, patch 6 of 10). The
 * module is not told, but for the vCPUs' association with a CPU and their posted
 * interrupts. As far as the series is known here: who may move, and what a failure
 * after the first vCPU leaves behind. The order of steps inside is the model's.
 */
#include "model/kvm/files.h"
#include "model/kvm/tdp_mmu.h"
#include "model/kvm/tdx.h"

/* -- who may ------------------------------------------------------------------ */

/* One move at a time a VM, so that two in opposite directions cannot wait for each other. */
static int tdx_begin_move(struct kvm_tdx *to, struct kvm_tdx *from)
{
	if (to == from)
		return -EINVAL;
	if (to->move_in_progress || from->move_in_progress)
		return -EBUSY;
	to->move_in_progress = from->move_in_progress = true;
	return 0;
}

static void tdx_end_move(struct kvm_tdx *to, struct kvm_tdx *from)
{
	to->move_in_progress = from->move_in_progress = false;
}

/* A finalized TD into a VM that is none yet, vCPU by vCPU. */
static int tdx_check_move(struct kvm *to, struct kvm *from)
{
	struct kvm_vcpu *v;
	int i;

	if (from->vm_dead || to_kvm_tdx(from)->state != TD_STATE_RUNNABLE ||
	    !is_hkid_assigned(to_kvm_tdx(from)))
		return -EINVAL;
	if (to_kvm_tdx(to)->state != TD_STATE_UNINITIALIZED ||
	    is_hkid_assigned(to_kvm_tdx(to)))
		return -EINVAL;
	if (to->online_vcpus != from->online_vcpus)
		return -EINVAL;
	kvm_for_each_vcpu(i, v, from) {
		if (to_tdx(v)->state != VCPU_TD_STATE_INITIALIZED ||
		    to->vcpus[i]->vcpu_id != v->vcpu_id)
			return -EINVAL;
	}
	return 0;
}

/* -- vCPUs -------------------------------------------------------------------- */

static void tdx_give_vp(struct kvm_vcpu *to, struct kvm_vcpu *from)
{
	struct vcpu_tdx *giver = to_tdx(from), *taker = to_tdx(to);

	taker->vp = giver->vp;
	if (giver->vp.tdcx_pages)
		taker->vp.tdcx_pages = taker->vp.tdcx_array;
	giver->vp = (struct tdx_vp){ .globals = taker->vp.globals };
	taker->state = VCPU_TD_STATE_INITIALIZED;
	giver->state = VCPU_TD_STATE_UNINITIALIZED;
	to->arch.mp_state = from->arch.mp_state;
	to->arch.guest_maxphyaddr = from->arch.guest_maxphyaddr;
	kvm_init_mmu(to);
}

/*
 * The first @done are the other VM's already. They go back, so that the pages die
 * with the VM that has the KeyID; that VM is not to run again: some of its vCPUs
 * would notify the wrong descriptor.
 */
static void tdx_fail_move(struct kvm *to, struct kvm *from, int done)
{
	while (done--)
		tdx_give_vp(from->vcpus[done], to->vcpus[done]);
	kvm_vm_dead(from);
}

static int tdx_move_vcpus(struct kvm *to, struct kvm *from)
{
	struct kvm_vcpu *v;
	int i, err;

	kvm_for_each_vcpu(i, v, from) {
		err = tdx_vcpu_notify_other(v, to->vcpus[i]);
		if (err) {
			tdx_fail_move(to, from, i);
			return err;
		}
		tdx_give_vp(to->vcpus[i], v);
	}
	return 0;
}

/* -- the TD ------------------------------------------------------------------- */

static void tdx_move_td(struct kvm *to, struct kvm *from)
{
	struct kvm_tdx *giver = to_kvm_tdx(from), *taker = to_kvm_tdx(to);

	taker->td = giver->td;
	taker->td.tdcs_pages = taker->td.tdcs_array;
	giver->td = (struct tdx_td){ .globals = giver->globals };
	taker->hkid = giver->hkid;
	giver->hkid = -1;
	taker->misc_cg = giver->misc_cg;
	giver->misc_cg = false;
	taker->attributes = giver->attributes;
	taker->xfam = giver->xfam;
	taker->tsc_offset = giver->tsc_offset;
	taker->tsc_multiplier = giver->tsc_multiplier;
	to->arch.gfn_direct_bits = from->arch.gfn_direct_bits;
	to->arch.pre_fault_allowed = true;
	taker->state = TD_STATE_RUNNABLE;
	kvm_tdp_mmu_move_mirror_roots_from(to, from);
	/* What is left has neither KeyID nor vCPUs. */
	kvm_vm_dead(from);
}

static int tdx_move_locked(struct kvm *to, struct kvm *from)
{
	int err = tdx_check_move(to, from);

	if (!err)
		err = tdx_move_vcpus(to, from);
	if (!err)
		tdx_move_td(to, from);
	return err;
}

/* What tdx_acquire_vm_state_locks() takes of one VM, of both, kind by kind. */
static int tdx_move_from(struct kvm *to, struct kvm *from)
{
	int err;

	mutex_lock(&to->lock);
	mutex_lock_nested(&from->lock);
	err = kvm_lock_all_vcpus(to);
	if (err)
		goto unlock;
	err = kvm_lock_all_vcpus(from);
	if (err)
		goto unlock_to;
	mutex_lock(&to->slots_lock);
	mutex_lock_nested(&from->slots_lock);

	err = tdx_move_locked(to, from);

	mutex_unlock(&from->slots_lock);
	mutex_unlock(&to->slots_lock);
	kvm_unlock_all_vcpus(from);
unlock_to:
	kvm_unlock_all_vcpus(to);
unlock:
	mutex_unlock(&from->lock);
	mutex_unlock(&to->lock);
	return err;
}

int tdx_vm_move_enc_context_from(struct kvm *to, u32 source_fd)
{
	struct file *file = fget(&kvm_globals_of(to)->files, source_fd);
	struct kvm *from;
	int err = -EBADF;

	if (!file)
		return err;
	if (file->f_op != &kvm_vm_fops)
		goto put;
	from = file->private_data;
	err = is_td(to) && is_td(from) ? tdx_begin_move(to_kvm_tdx(to), to_kvm_tdx(from)) :
					 -EINVAL;
	if (err)
		goto put;
	err = tdx_move_from(to, from);
	tdx_end_move(to_kvm_tdx(to), to_kvm_tdx(from));
put:
	fput(file);
	return err;
}
