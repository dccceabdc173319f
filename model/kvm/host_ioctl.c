// SPDX-License-Identifier: GPL-2.0-only
/*
 * ioctls as they are (vmm.c), at the entry points of the modelled kernel. Invented:
 * descriptors stand for objects, an ioctl on a closed one is -EBADF.
 */
#include "model/kvm/gmem_convert.h"
#include "model/kvm/host_internal.h"
#include "model/kvm/vmm.h"

struct objects {
	struct host *h;
	struct kvm *vm;
	struct kvm_vcpu *vcpu;
	struct file *gmem;
};

static long issue(void *ctx, enum vmm_file file, u32 command, void *argument)
{
	const struct objects *on = ctx;

	switch (file) {
	case VMM_FILE_DEV:
		return kvm_dev_ioctl(&model_host(on->h)->globals, command, (uintptr_t)argument);
	case VMM_FILE_VM:
		return on->vm ? kvm_vm_ioctl(on->vm, command, argument) : -EBADF;
	case VMM_FILE_VCPU:
		return on->vcpu ? kvm_vcpu_ioctl(on->vcpu, command, argument) : -EBADF;
	default:
		return on->gmem ? kvm_gmem_ioctl(on->gmem, command, argument) : -EBADF;
	}
}

/* @vm: of a guest_memfd's ioctl it is the guest_memfd. */
long host_ioctl(struct host *h, u32 vm, u32 vcpu, enum host_call which, u64 arg, u64 data)
{
	struct objects on = {
		.h = h, .vm = host_open_vm(h, vm), .vcpu = host_open_vcpu(h, vm, vcpu),
		.gmem = host_open_gmem(h, vm),
	};
	const struct vmm_place place = {
		model_host(h)->ram_base, objects_vm_fd(&model_host(h)->objects, vm),
	};

	return vmm_call(which, arg, data, &place, issue, &on);
}
