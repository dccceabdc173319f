// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that uses KVM asks for what no well-behaved VMM asks for: unknown
 * ioctl numbers, capabilities, TDX commands without their argument, the older
 * memory-region call. What each takes: sim/base/host_calls.def.
 */
#include "model/kvm/gmem_convert.h"
#include "model/kvm/host_internal.h"

#define ROOM_MAX	4

struct call_args {
	u64 arg, data;
};

static long tdx_command(struct kvm *kvm, struct kvm_vcpu *vcpu, struct kvm_tdx_cmd cmd)
{
	return vcpu ? kvm_vcpu_ioctl(vcpu, KVM_MEMORY_ENCRYPT_OP, &cmd) :
		      kvm_vm_ioctl(kvm, KVM_MEMORY_ENCRYPT_OP, &cmd);
}

/* -EINVAL, an errno, or how many CPUID entries came back. */
static long call_capabilities(struct kvm *kvm, const struct call_args *call)
{
	u8 buffer[sizeof(struct kvm_tdx_capabilities) + ROOM_MAX * sizeof(struct kvm_cpuid_entry2)]
		__attribute__((aligned(8))) = { 0 };
	struct kvm_tdx_capabilities *caps = (void *)buffer;
	long err;

	caps->cpuid.nent = call->arg < ROOM_MAX ? call->arg : ROOM_MAX;
	err = tdx_command(kvm, NULL, (struct kvm_tdx_cmd){
		.id = KVM_TDX_CAPABILITIES, .flags = call->data, .data = (uintptr_t)caps });
	return err ? err : (long)caps->cpuid.nent;
}

static long call_cpuid(struct kvm_vcpu *vcpu, const struct call_args *call)
{
	u8 buffer[sizeof(struct kvm_cpuid2) + ROOM_MAX * sizeof(struct kvm_cpuid_entry2)]
		__attribute__((aligned(8))) = { 0 };
	struct kvm_cpuid2 *cpuid = (void *)buffer;
	long err;

	cpuid->nent = call->arg < ROOM_MAX ? call->arg : ROOM_MAX;
	err = tdx_command(NULL, vcpu, (struct kvm_tdx_cmd){
		.id = KVM_TDX_GET_CPUID, .flags = call->data, .data = (uintptr_t)cpuid });
	return err ? err : (long)cpuid->nent;
}

static long call_region(struct host *h, struct kvm *kvm, const struct call_args *call)
{
	struct kvm_userspace_memory_region region = {
		.flags = call->data, .memory_size = call->arg,
		.userspace_addr = model_host(h)->ram_base,
	};

	return kvm_vm_ioctl(kvm, KVM_SET_USER_MEMORY_REGION, &region);
}

static long call_region_at(struct kvm *kvm, const struct call_args *call)
{
	struct kvm_userspace_memory_region2 region = {
		.memory_size = call->arg, .userspace_addr = call->data,
	};

	return kvm_vm_ioctl(kvm, KVM_SET_USER_MEMORY_REGION2, &region);
}

static long call_init_mem(struct kvm_vcpu *vcpu, const struct call_args *call)
{
	struct kvm_tdx_init_mem_region region = {
		.source_addr = call->data, .nr_pages = call->arg,
	};

	return tdx_command(NULL, vcpu, (struct kvm_tdx_cmd){
		.id = KVM_TDX_INIT_MEM_REGION, .data = (uintptr_t)&region });
}

static long vm_call(struct host *h, struct kvm *kvm, enum host_call which,
		    const struct call_args *call)
{
	struct kvm_enable_cap cap = { .cap = call->arg, .args = { call->data } };

	switch (which) {
	case HOST_CALL_VM_CHECK_EXTENSION:
		return kvm_vm_ioctl(kvm, KVM_CHECK_EXTENSION, (void *)(uintptr_t)call->arg);
	case HOST_CALL_VM_ENABLE_CAP:
		return kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap);
	case HOST_CALL_VM_TDX:
		return tdx_command(kvm, NULL, (struct kvm_tdx_cmd){ .id = call->arg,
								    .flags = call->data });
	case HOST_CALL_VM_TDX_DIRTY:
		return tdx_command(kvm, NULL, (struct kvm_tdx_cmd){ .id = call->arg,
								    .hw_error = call->data });
	case HOST_CALL_VM_TDX_CAPABILITIES:
		return call_capabilities(kvm, call);
	case HOST_CALL_VM_REGION:
		return call_region(h, kvm, call);
	case HOST_CALL_VM_REGION_AT:
		return call_region_at(kvm, call);
	default:
		return kvm_vm_ioctl(kvm, call->arg, NULL);
	}
}

static long vcpu_call(struct kvm_vcpu *vcpu, enum host_call which, const struct call_args *call)
{
	u32 unexpected = 0;

	switch (which) {
	case HOST_CALL_VCPU_TDX:
		return tdx_command(NULL, vcpu, (struct kvm_tdx_cmd){ .id = call->arg,
								     .flags = call->data });
	case HOST_CALL_VCPU_TDX_DIRTY:
		return tdx_command(NULL, vcpu, (struct kvm_tdx_cmd){ .id = call->arg,
								     .hw_error = call->data });
	case HOST_CALL_VCPU_TDX_CPUID:
		return call_cpuid(vcpu, call);
	case HOST_CALL_VCPU_RUN:
		return kvm_vcpu_ioctl(vcpu, KVM_RUN, &unexpected);
	case HOST_CALL_VCPU_INIT_MEM:
		return call_init_mem(vcpu, call);
	default:
		return kvm_vcpu_ioctl(vcpu, call->arg, NULL);
	}
}

/* Of the first page of a guest_memfd. */
static long gmem_call(struct file *file, enum host_call which, const struct call_args *call)
{
	struct kvm_memory_attributes2 attrs = { .size = PAGE_SIZE, .attributes = call->arg };

	switch (which) {
	case HOST_CALL_GMEM_ATTRIBUTES:
		attrs.flags = call->data;
		break;
	case HOST_CALL_GMEM_ATTRIBUTES_RESERVED:
		attrs.reserved[call->data % ARRAY_SIZE(attrs.reserved)] = 1;
		break;
	default:
		return kvm_gmem_ioctl(file, call->arg, NULL);
	}
	return kvm_gmem_ioctl(file, KVM_SET_MEMORY_ATTRIBUTES2, &attrs);
}

long host_ioctl(struct host *h, u32 vm, u32 vcpu, enum host_call which, u64 arg, u64 data)
{
	struct call_args call = { arg, data };
	struct kvm_vcpu *v;
	struct file *file;
	struct kvm *kvm;

	if (which == HOST_CALL_DEV_IOCTL)
		return kvm_dev_ioctl(&model_host(h)->globals, arg, data);
	if (which == HOST_CALL_DEV_CHECK_EXTENSION)
		return kvm_dev_ioctl(&model_host(h)->globals, KVM_CHECK_EXTENSION, arg);
	if (which >= HOST_CALL_GMEM_IOCTL) {
		file = host_open_gmem(h, vm);
		return file ? gmem_call(file, which, &call) : -EBADF;
	}
	if (which >= HOST_CALL_VCPU_IOCTL) {
		v = host_open_vcpu(h, vm, vcpu);
		return v ? vcpu_call(v, which, &call) : -EBADF;
	}
	kvm = host_open_vm(h, vm);
	return kvm ? vm_call(h, kvm, which, &call) : -EBADF;
}
