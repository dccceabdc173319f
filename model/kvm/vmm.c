// SPDX-License-Identifier: GPL-2.0-only
/*
 * The process that uses KVM asks for what no well-behaved VMM asks for: unknown
 * ioctl numbers, capabilities, TDX commands without their argument, the older
 * memory-region call. What each takes: sim/base/host_calls.def. The arguments are
 * the UAPI's, so both kernels are given the same.
 */
#include "model/kvm/vmm.h"

#define ROOM_MAX	4
#define NOT_OPEN	250u	/* a descriptor that a process could have */

/* The call being made: by whom, and its two numbers. */
struct vmm_call {
	vmm_issue_fn *issue;
	void *ctx;
	enum vmm_file file;
	u64 arg, data;
	const struct vmm_place *place;
};

static long issue(const struct vmm_call *call, u32 command, void *argument)
{
	return call->issue(call->ctx, call->file, command, argument);
}

static long tdx_command(const struct vmm_call *call, struct kvm_tdx_cmd cmd)
{
	return issue(call, KVM_MEMORY_ENCRYPT_OP, &cmd);
}

/* Commands that fill a list of CPUID entries: an errno, or how many came back. */
union cpuid_room {
	struct kvm_tdx_capabilities caps;
	char room[sizeof(struct kvm_tdx_capabilities) +
		  ROOM_MAX * sizeof(struct kvm_cpuid_entry2)];
};

static long call_capabilities(const struct vmm_call *call)
{
	union cpuid_room room = {
		.caps.cpuid.nent = call->arg < ROOM_MAX ? call->arg : ROOM_MAX,
	};
	long err = tdx_command(call, (struct kvm_tdx_cmd){
		.id = KVM_TDX_CAPABILITIES, .flags = call->data, .data = (uintptr_t)&room.caps });

	return err ? err : (long)room.caps.cpuid.nent;
}

static long call_cpuid(const struct vmm_call *call)
{
	union cpuid_room room = {
		.caps.cpuid.nent = call->arg < ROOM_MAX ? call->arg : ROOM_MAX,
	};
	long err = tdx_command(call, (struct kvm_tdx_cmd){
		.id = KVM_TDX_GET_CPUID, .flags = call->data,
		.data = (uintptr_t)&room.caps.cpuid });

	return err ? err : (long)room.caps.cpuid.nent;
}

static long call_region(const struct vmm_call *call)
{
	struct kvm_userspace_memory_region region = {
		.flags = call->data, .memory_size = call->arg,
		.userspace_addr = call->place->user_base,
	};

	return issue(call, KVM_SET_USER_MEMORY_REGION, &region);
}

/* A descriptor, but of no guest_memfd. */
static long call_region_self(const struct vmm_call *call)
{
	struct kvm_userspace_memory_region2 region = {
		.flags = KVM_MEM_GUEST_MEMFD, .memory_size = call->arg,
		.userspace_addr = call->place->user_base, .guest_memfd = call->place->vm_fd,
	};

	return issue(call, KVM_SET_USER_MEMORY_REGION2, &region);
}

static long call_attributes(const struct vmm_call *call)
{
	struct kvm_memory_attributes attrs = {
		.size = PAGE_SIZE, .attributes = call->arg, .flags = call->data,
	};

	return issue(call, KVM_SET_MEMORY_ATTRIBUTES, &attrs);
}

static long call_link(const struct vmm_call *call)
{
	struct kvm_link_guest_memfd args = {
		.fd = call->arg ? NOT_OPEN : (u32)call->place->vm_fd, .flags = call->data,
	};

	return issue(call, KVM_LINK_GUEST_MEMFD, &args);
}

static long call_region_at(const struct vmm_call *call)
{
	struct kvm_userspace_memory_region2 region = {
		.memory_size = call->arg, .userspace_addr = call->data,
	};

	return issue(call, KVM_SET_USER_MEMORY_REGION2, &region);
}

static long call_pre_fault(const struct vmm_call *call)
{
	struct kvm_pre_fault_memory range = { .size = call->arg, .flags = call->data };

	return issue(call, KVM_PRE_FAULT_MEMORY, &range);
}

static long call_init_mem(const struct vmm_call *call)
{
	struct kvm_tdx_init_mem_region region = {
		.source_addr = call->data, .nr_pages = call->arg,
	};

	return tdx_command(call, (struct kvm_tdx_cmd){
		.id = KVM_TDX_INIT_MEM_REGION, .data = (uintptr_t)&region });
}

/* Of the first page of a guest_memfd. */
static long call_gmem_attributes(const struct vmm_call *call, bool reserved)
{
	struct kvm_memory_attributes2 attrs = { .size = PAGE_SIZE, .attributes = call->arg };

	if (reserved)
		attrs.reserved[call->data % ARRAY_SIZE(attrs.reserved)] = 1;
	else
		attrs.flags = call->data;
	return issue(call, KVM_SET_MEMORY_ATTRIBUTES2, &attrs);
}

/* Ahead of the usual ones, so that of two for a leaf KVM finds this one. */
struct vmm_cpuid_list vmm_cpuid_list(u8 gpaw, const struct host_cpuid *cpuid)
{
	const struct kvm_cpuid_entry2 entry = {
		.function = cpuid->leaf, .index = cpuid->index,
		.flags = cpuid->has_index ? KVM_CPUID_FLAG_SIGNIFCANT_INDEX : 0,
		.eax = cpuid->reg[0], .ebx = cpuid->reg[1],
		.ecx = cpuid->reg[2], .edx = cpuid->reg[3],
	};
	const struct vmm_cpuid usual = vmm_cpuid_args(gpaw);
	struct vmm_cpuid_list list = { 0 };
	u32 i;

	for (i = 0; i < cpuid->count && list.nent < ARRAY_SIZE(list.entry); i++)
		list.entry[list.nent++] = entry;
	for (i = 0; !cpuid->only && i < usual.nent && list.nent < ARRAY_SIZE(list.entry); i++)
		list.entry[list.nent++] = usual.entry[i];
	/* More than any kernel reads. */
	if (cpuid->count > KVM_MAX_CPUID_ENTRIES)
		list.nent = cpuid->count;
	return list;
}

enum vmm_file vmm_call_file(enum host_call which)
{
	return which >= HOST_CALL_GMEM_IOCTL ? VMM_FILE_GMEM :
	       which >= HOST_CALL_VCPU_IOCTL ? VMM_FILE_VCPU :
	       which >= HOST_CALL_VM_IOCTL ? VMM_FILE_VM : VMM_FILE_DEV;
}

long vmm_call(enum host_call which, u64 arg, u64 data, const struct vmm_place *place,
	      vmm_issue_fn *how, void *ctx)
{
	const struct vmm_call call = { how, ctx, vmm_call_file(which), arg, data, place };
	struct kvm_enable_cap cap = { .cap = arg, .args = { data } };
	u32 unexpected = 0;

	switch (which) {
	case HOST_CALL_DEV_IOCTL:
		return issue(&call, arg, (void *)(uintptr_t)data);
	case HOST_CALL_DEV_CHECK_EXTENSION:
	case HOST_CALL_VM_CHECK_EXTENSION:
		return issue(&call, KVM_CHECK_EXTENSION, (void *)(uintptr_t)arg);
	case HOST_CALL_VM_ENABLE_CAP:
		return issue(&call, KVM_ENABLE_CAP, &cap);
	case HOST_CALL_VM_ENABLE_CAP_FLAGS:
		cap = (struct kvm_enable_cap){ .cap = arg, .flags = data };
		return issue(&call, KVM_ENABLE_CAP, &cap);
	case HOST_CALL_VM_CREATE_VCPU:
		return issue(&call, KVM_CREATE_VCPU, (void *)(uintptr_t)arg);
	case HOST_CALL_VCPU_PRE_FAULT:
		return call_pre_fault(&call);
	case HOST_CALL_VM_TDX:
	case HOST_CALL_VCPU_TDX:
		return tdx_command(&call, (struct kvm_tdx_cmd){ .id = arg, .flags = data });
	case HOST_CALL_VM_TDX_DIRTY:
	case HOST_CALL_VCPU_TDX_DIRTY:
		return tdx_command(&call, (struct kvm_tdx_cmd){ .id = arg, .hw_error = data });
	case HOST_CALL_VM_TDX_CAPABILITIES:
		return call_capabilities(&call);
	case HOST_CALL_VCPU_TDX_CPUID:
		return call_cpuid(&call);
	case HOST_CALL_VM_REGION:
		return call_region(&call);
	case HOST_CALL_VM_REGION_AT:
		return call_region_at(&call);
	case HOST_CALL_VM_REGION_SELF:
		return call_region_self(&call);
	case HOST_CALL_VM_ATTRIBUTES:
		return call_attributes(&call);
	case HOST_CALL_VM_LINK:
		return call_link(&call);
	case HOST_CALL_VCPU_RUN:
		return issue(&call, KVM_RUN, &unexpected);
	case HOST_CALL_VCPU_INIT_MEM:
		return call_init_mem(&call);
	case HOST_CALL_GMEM_ATTRIBUTES:
	case HOST_CALL_GMEM_ATTRIBUTES_RESERVED:
		return call_gmem_attributes(&call, which == HOST_CALL_GMEM_ATTRIBUTES_RESERVED);
	default:
		return issue(&call, arg, NULL);
	}
}
