// SPDX-License-Identifier: GPL-2.0-only
/*
 * A VM that KVM gives up on: virt/kvm/kvm_main.c and the KVM_BUG_ON() of
 * include/linux/kvm_host.h, Linux 7.3.4. A dead VM refuses every ioctl and no
 * vCPU of it enters the guest again; what it holds is freed only with its last
 * reference, and guest_memfd files and running zaps do not care.
 */
#include "model/kvm/kvm_host.h"

void kvm_vm_dead(struct kvm *vm)
{
	vm->vm_dead = true;
	kvm_make_all_cpus_request(vm, KVM_REQ_VM_DEAD);
}

void kvm_vm_bugged(struct kvm *kvm)
{
	kvm->vm_bugged = true;
	kvm_vm_dead(kvm);
}

/* The part of KVM_BUG_ON() behind "true and not bugged yet". */
void kvm_bug_slow(struct kvm *kvm, const char *site, const char *where)
{
	/* Only the first one at a site prints, but each new VM is bugged. */
	if (warn_slow(env_of(kvm), site, where, site))
		kvm_vm_bugged(kvm);
}
