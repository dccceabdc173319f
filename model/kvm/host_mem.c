// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled host, guest memory: guest_memfd files, memory slots, attributes,
 * the initial image and pre-fault, each as the ioctl a VMM would make. The VMM's
 * own buffers are invented: a slot's userspace address follows from its gpa at
 * creation (host_ram.c), and the source of an initial image is one page that every address of
 * the buffer shows.
 */
#include <stdio.h>

#include "model/kvm/gmem_convert.h"
#include "model/kvm/host_internal.h"
#include "model/kvm/mmu.h"

/* Where the VMM says its source buffer is. */
#define VMM_SOURCE	0x10000000ULL

int host_gmem_create(struct host *h, u32 vm, u32 gmem, u64 size, u64 flags)
{
	struct kvm_create_guest_memfd args = { .size = size, .flags = flags };
	struct kvm *kvm = host_open_vm(h, vm);
	struct file *file;
	int fd;

	if (!kvm || gmem >= HOST_OBJ_MAX || host_open_gmem(h, gmem))
		return -EBADF;
	fd = kvm_vm_ioctl(kvm, KVM_CREATE_GUEST_MEMFD, &args);
	if (fd < 0)
		return fd;
	model_host(h)->objects.gmem_fd[gmem] = fd;
	file = model_host(h)->globals.files.fd[fd];
	snprintf(file_inode(file)->name, sizeof(file_inode(file)->name), "g%u", gmem);
	return 0;
}

int host_gmem_close(struct host *h, u32 gmem)
{
	struct model_host *mh = model_host(h);
	int fd;

	if (!host_open_gmem(h, gmem))
		return -EBADF;
	fd = mh->objects.gmem_fd[gmem];
	mh->objects.gmem_fd[gmem] = -1;
	return close_fd(&mh->globals.files, fd);
}

int host_set_memory_region(struct host *h, u32 vm, u32 slot, u32 flags, gpa_t gpa,
			   u64 size, int gmem, u64 gmem_offset)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot, .flags = flags,
		.guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = model_host(h)->ram_base + (gpa & (VMM_RAM_SIZE - 1)),
		.guest_memfd_offset = gmem_offset,
		.guest_memfd = ~0u,
	};
	struct kvm *kvm = host_open_vm(h, vm);
	struct kvm_memory_slot *old;

	if (!kvm)
		return -EBADF;
	/* A slot that moves keeps its memory. */
	old = (u16)slot < KVM_USER_MEM_SLOTS ? id_to_memslot(kvm_memslots(kvm), (u16)slot) : NULL;
	if (old)
		region.userspace_addr = old->userspace_addr;
	if (gmem >= 0 && host_open_gmem(h, gmem))
		region.guest_memfd = model_host(h)->objects.gmem_fd[gmem];
	return kvm_vm_ioctl(kvm, KVM_SET_USER_MEMORY_REGION2, &region);
}

int host_set_attributes(struct host *h, u32 vm, gpa_t gpa, u64 size, u64 attributes)
{
	struct kvm_memory_attributes args = {
		.address = gpa, .size = size, .attributes = attributes,
	};
	struct kvm *kvm = host_open_vm(h, vm);

	return kvm ? kvm_vm_ioctl(kvm, KVM_SET_MEMORY_ATTRIBUTES, &args) : -EBADF;
}

static int host_init_mem_in_place(struct kvm_vcpu *v, gpa_t *gpa, u64 *pages, u32 flags)
{
	struct kvm_tdx_init_mem_region region = { .gpa = *gpa, .nr_pages = *pages };
	struct kvm_tdx_cmd cmd = {
		.id = KVM_TDX_INIT_MEM_REGION, .flags = flags, .data = (uintptr_t)&region,
	};
	int err = kvm_vcpu_ioctl(v, KVM_MEMORY_ENCRYPT_OP, &cmd);

	*gpa = region.gpa;
	*pages = region.nr_pages;
	return err;
}

int host_init_mem_region(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *pages,
			 u32 flags, u64 token)
{
	struct kvm_tdx_init_mem_region region = {
		.source_addr = VMM_SOURCE, .gpa = *gpa, .nr_pages = *pages,
	};
	struct kvm_tdx_cmd cmd = {
		.id = KVM_TDX_INIT_MEM_REGION, .flags = flags, .data = (uintptr_t)&region,
	};
	struct kvm_globals *globals = &model_host(h)->globals;
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);
	int err;

	if (!v)
		return -EBADF;
	if (token == HOST_NO_SOURCE)
		return host_init_mem_in_place(v, gpa, pages, flags);
	globals->source_page = alloc_page(h->env, GFP_USER | __GFP_NOFAIL);
	if (!globals->source_page)
		return -ENOMEM;
	hw_write(h->hw, page_to_phys(globals->source_page), KEYID_SHARED, token);
	err = kvm_vcpu_ioctl(v, KVM_MEMORY_ENCRYPT_OP, &cmd);
	__free_page(globals->source_page);
	globals->source_page = NULL;

	*gpa = region.gpa;
	*pages = region.nr_pages;
	return err;
}

int host_pre_fault(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *size)
{
	struct kvm_pre_fault_memory range = { .gpa = *gpa, .size = *size };
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);
	int err;

	if (!v)
		return -EBADF;
	err = kvm_vcpu_ioctl(v, KVM_PRE_FAULT_MEMORY, &range);
	*gpa = range.gpa;
	*size = range.size;
	return err;
}

int host_fallocate(struct host *h, u32 gmem, u32 mode, u64 offset, u64 len)
{
	struct file *file = host_open_gmem(h, gmem);

	return file ? vfs_fallocate(file, mode, offset, len) : -EBADF;
}

int host_gmem_convert(struct host *h, u32 gmem, u64 offset, u64 len, bool to_private,
		      u64 *error_offset)
{
	struct kvm_memory_attributes2 attrs = {
		.offset = offset, .size = len,
		.attributes = to_private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0,
	};
	struct file *file = host_open_gmem(h, gmem);
	int err;

	if (!file)
		return -EBADF;
	err = kvm_gmem_ioctl(file, KVM_SET_MEMORY_ATTRIBUTES2, &attrs);
	*error_offset = attrs.error_offset;
	return err;
}

int host_gmem_link(struct host *h, u32 vm, u32 gmem, u32 from)
{
	struct host_objects *objects = &model_host(h)->objects;
	struct kvm *kvm = host_open_vm(h, vm);
	struct kvm_link_guest_memfd args = { 0 };
	int fd;

	if (!kvm || gmem >= HOST_OBJ_MAX || host_open_gmem(h, gmem) || !host_open_gmem(h, from))
		return -EBADF;
	args.fd = objects->gmem_fd[from];
	fd = kvm_vm_ioctl(kvm, KVM_LINK_GUEST_MEMFD, &args);
	if (fd < 0)
		return fd;
	objects->gmem_fd[gmem] = fd;
	return 0;
}

int host_vm_move(struct host *h, u32 vm, u32 from)
{
	struct kvm_enable_cap cap = { .cap = KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM };
	struct kvm *kvm = host_open_vm(h, vm);

	if (!kvm || !host_open_vm(h, from))
		return -EBADF;
	cap.args[0] = model_host(h)->objects.vm[from].fd;
	return kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap);
}
