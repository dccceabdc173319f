// SPDX-License-Identifier: GPL-2.0-only
/*
 * The x86 half of a VM's and a vCPU's life and of their ioctls
 * (arch/x86/kvm/x86.c, Linux 7.3.4). KVM_RUN is in x86_run.c. Left out:
 * everything about registers, interrupts, timers and devices; a VM behaves as one
 * with a split irqchip and the TDP MMU.
 */
#include "model/kvm/kvm_host.h"
#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"

/* -- VMs ------------------------------------------------------------------- */

u64 kvm_supported_vm_types(struct kvm_globals *globals)
{
	u64 types = BIT_ULL(KVM_X86_DEFAULT_VM) | BIT_ULL(KVM_X86_SW_PROTECTED_VM);

	if (globals->tdx && globals->tdx->enable_tdx)
		types |= BIT_ULL(KVM_X86_TDX_VM);
	return types;
}

int kvm_arch_init_vm(struct kvm *kvm, u64 type)
{
	if (type >= 32 || !(kvm_supported_vm_types(kvm_globals_of(kvm)) & BIT_ULL(type)))
		return -EINVAL;

	kvm->arch.vm_type = type;
	kvm->arch.has_private_mem = type == KVM_X86_SW_PROTECTED_VM;
	/* Other types say themselves when. */
	kvm->arch.pre_fault_allowed = type == KVM_X86_DEFAULT_VM ||
				      type == KVM_X86_SW_PROTECTED_VM;
	kvm_mmu_init_vm(kvm, kvm_globals_of(kvm)->mmu_host);
	return kvm_x86_call(vm_init)(kvm);
}

/* Before anything is taken apart. */
void kvm_arch_pre_destroy_vm(struct kvm *vm)
{
	kvm_mmu_pre_destroy_vm(vm);
	kvm_x86_call(vm_pre_destroy)(vm);
}

void kvm_arch_destroy_vm(struct kvm *vm)
{
	kvm_destroy_vcpus(vm);
	kvm_mmu_uninit_vm(vm);
	/* Last: the control pages that all others hang from. */
	kvm_x86_call(vm_destroy)(vm);
}

/* -- memory slots ---------------------------------------------------------- */

static int kvm_alloc_memslot_metadata(struct kvm *vm, struct kvm_memory_slot *slot)
{
	if (inject_alloc(env_of(vm), "memslot_metadata"))
		return -ENOMEM;
	kvm_mmu_init_memslot_lpage_info(vm, slot);
	kvm_mmu_init_memslot_memory_attributes(vm, slot);
	return 0;
}

int kvm_arch_prepare_memory_region(struct kvm *vm, const struct kvm_memory_slot *old,
				   struct kvm_memory_slot *new, enum kvm_mr_change change)
{
	if (change == KVM_MR_FLAGS_ONLY)
		new->arch = old->arch;
	if (change != KVM_MR_CREATE && change != KVM_MR_MOVE)
		return 0;

	/* The shared half of a TD is an alias, not memory of its own. */
	if (new->base_gfn + new->npages - 1 > kvm_mmu_max_gfn() ||
	    kvm_is_gfn_alias(vm, new->base_gfn + new->npages - 1))
		return -EINVAL;
	return kvm_alloc_memslot_metadata(vm, new);
}

static void kvm_vcpu_kick(struct kvm_vcpu *vcpu)
{
	struct hw *hw = kvm_globals_of(vcpu)->host.hw;

	if (vcpu->mode != IN_GUEST_MODE)
		return;
	vcpu->mode = EXITING_GUEST_MODE;
	if (vcpu->cpu != -1)
		hw->cpu[vcpu->cpu].irq_pending = true;
}

/* A new set of slots is in force: vCPUs in the guest come out and see it. */
void kvm_arch_memslots_updated(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	int i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		kvm_vcpu_kick(vcpu);
}

/* -- devices --------------------------------------------------------------- */

/*
 * Whether the guest's PAT counts may change with the first such device and the
 * last: entries made before are not right then. A TD's PAT always counts.
 */
static void kvm_noncoherent_dma_assignment_start_or_stop(struct kvm *vm)
{
	if (!(vm->arch.disabled_quirks & KVM_X86_QUIRK_IGNORE_GUEST_PAT))
		kvm_zap_gfn_range(vm, gpa_to_gfn(0), gpa_to_gfn(~0ULL));
}

void kvm_arch_register_noncoherent_dma(struct kvm *vm)
{
	if (++vm->arch.noncoherent_dma_count == 1)
		kvm_noncoherent_dma_assignment_start_or_stop(vm);
}

void kvm_arch_unregister_noncoherent_dma(struct kvm *vm)
{
	if (!--vm->arch.noncoherent_dma_count)
		kvm_noncoherent_dma_assignment_start_or_stop(vm);
}

/* -- vCPUs ----------------------------------------------------------------- */

int kvm_arch_vcpu_precreate(struct kvm *kvm, u32 id)
{
	return kvm_x86_call(vcpu_precreate)(kvm);
}

int kvm_arch_vcpu_create(struct kvm_vcpu *v)
{
	int err;

	/* Others than the boot processor wait to be started. */
	v->arch.mp_state = v->vcpu_id ? KVM_MP_STATE_UNINITIALIZED :
					      KVM_MP_STATE_RUNNABLE;
	v->arch.last_vmentry_cpu = -1;
	err = kvm_mmu_create(v);
	if (err)
		return err;
	err = kvm_x86_call(vcpu_create)(v);
	if (err) {
		kvm_mmu_destroy(v);
		return err;
	}

	vcpu_load(v);
	kvm_init_mmu(v);
	vcpu_put(v);
	return 0;
}

void kvm_arch_vcpu_destroy(struct kvm_vcpu *v)
{
	kvm_mmu_unload(v);
	kvm_x86_call(vcpu_free)(v);
	kvm_mmu_destroy(v);
}

void kvm_arch_vcpu_load(struct kvm_vcpu *v, int cpu)
{
	kvm_x86_call(vcpu_load)(v, cpu);
	v->cpu = cpu;
}

void kvm_arch_vcpu_put(struct kvm_vcpu *v)
{
	kvm_x86_call(vcpu_put)(v);
}

/* -- ioctls ---------------------------------------------------------------- */

static int kvm_vm_ioctl_enable_cap(struct kvm *vm, const struct kvm_enable_cap *cap)
{
	if (cap->flags)
		return -EINVAL;

	switch (cap->cap) {
	case KVM_CAP_DISABLE_QUIRKS2:
	case KVM_CAP_DISABLE_QUIRKS:
		/* The older one ignores what it does not know. */
		if (cap->cap == KVM_CAP_DISABLE_QUIRKS2 &&
		    cap->args[0] & ~KVM_X86_VALID_QUIRKS)
			return -EINVAL;
		mutex_lock(&vm->lock);
		vm->arch.disabled_quirks |= cap->args[0] & KVM_X86_VALID_QUIRKS;
		mutex_unlock(&vm->lock);
		return 0;
	case KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM:
		if (!kvm_globals_of(vm)->gmem_in_place_conversion)
			return -EINVAL;
		return kvm_x86_call(vm_move_enc_context_from)(vm, cap->args[0]);
	case KVM_CAP_EXIT_HYPERCALL:
		if (cap->args[0] & ~KVM_EXIT_HYPERCALL_VALID_MASK)
			return -EINVAL;
		vm->arch.hypercall_exit_enabled = cap->args[0];
		return 0;
	default:
		return -EINVAL;
	}
}

long kvm_arch_vm_ioctl(struct kvm *kvm, u32 ioctl, void *arg)
{
	switch (ioctl) {
	case KVM_ENABLE_CAP:
		return kvm_vm_ioctl_enable_cap(kvm, arg);
	case KVM_MEMORY_ENCRYPT_OP:
		return kvm_x86_call(mem_enc_ioctl)(kvm, arg);
	default:
		return -ENOTTY;
	}
}

long kvm_arch_vcpu_unlocked_ioctl(struct kvm_vcpu *vcpu, u32 ioctl, void *arg)
{
	if (ioctl == KVM_MEMORY_ENCRYPT_OP)
		return kvm_x86_call(vcpu_mem_enc_unlocked_ioctl)(vcpu, arg);
	return -ENOIOCTLCMD;
}

/* vcpu->mutex held. */
long kvm_arch_vcpu_ioctl(struct kvm_vcpu *vcpu, u32 ioctl, void *arg)
{
	long err = -EINVAL;

	vcpu_load(vcpu);
	if (ioctl == KVM_MEMORY_ENCRYPT_OP)
		err = kvm_x86_call(vcpu_mem_enc_ioctl)(vcpu, arg);
	else if (ioctl == KVM_SET_CPUID2)
		err = kvm_vcpu_ioctl_set_cpuid2(vcpu, arg);
	vcpu_put(vcpu);
	return err;
}
