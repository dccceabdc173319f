// SPDX-License-Identifier: GPL-2.0-only
/*
 * Life of a VM and the ioctls of /dev/kvm and of a VM descriptor
 * (virt/kvm/kvm_main.c, Linux 7.3.4). A VM lives as long as somebody holds a
 * reference: its descriptor, each vCPU's, each guest_memfd file. Left out:
 * devices, interrupt routing, debugfs, and enabling VMX, which 7.3.4 does when
 * its module is loaded and undoes when it is unloaded.
 */
#include "model/kvm/kvm_host.h"
#include "model/kvm/memslots.h"
#include "model/kvm/mmu.h"

static struct kvm *kvm_arch_alloc_vm(struct kvm_globals *globals)
{
	struct kvm *kvm;

	if (inject_alloc(env_of(globals), "kvm"))
		return NULL;
	kvm = pool_alloc(&globals->vms);
	kvm->id = globals->next_vm_id++;
	lock_init(&kvm->mmu_lock, LOCK_MMU_LOCK, kvm->id);
	lock_init(&kvm->slots_lock, LOCK_SLOTS_LOCK, kvm->id);
	lock_init(&kvm->slots_arch_lock, LOCK_SLOTS_ARCH_LOCK, kvm->id);
	lock_init(&kvm->lock, LOCK_KVM, kvm->id);
	lock_init(&kvm->srcu, LOCK_SRCU, kvm->id);
	return kvm;
}

struct kvm *kvm_create_vm(struct kvm_globals *globals, u64 type)
{
	struct kvm *kvm = kvm_arch_alloc_vm(globals);
	int err;

	if (!kvm)
		return ERR_PTR(-ENOMEM);
	kvm->mm = globals->current_mm;
	kvm->max_vcpus = KVM_MAX_VCPUS;
	kvm->users_count = 1;
	xa_init(&kvm->mem_attr_array);
	kvm_init_memslots(kvm);

	err = kvm_arch_init_vm(kvm, type);
	if (err) {
		pool_free(&globals->vms, kvm);
		return ERR_PTR(err);
	}

	mutex_lock(&globals->kvm_lock);
	list_add(&kvm->vm_list, &globals->vm_list);
	mutex_unlock(&globals->kvm_lock);
	return kvm;
}

/* The process is gone, or the VM before it: KVM must let go of its page tables. */
void kvm_mmu_notifier_release(struct kvm *kvm)
{
	if (kvm->mmu_notifier_released)
		return;
	kvm->mmu_notifier_released = true;
	srcu_read_lock(&kvm->srcu);
	/* Direct roots only: what is private stays mapped until the files go. */
	kvm_mmu_zap_all(kvm);
	srcu_read_unlock(&kvm->srcu);
}

static void kvm_destroy_vm(struct kvm *vm)
{
	struct kvm_globals *globals = kvm_globals_of(vm);

	mutex_lock(&globals->kvm_lock);
	list_del(&vm->vm_list);
	mutex_unlock(&globals->kvm_lock);

	/* A TD gives back its KeyID here: nothing runs, nothing is mapped any more. */
	kvm_arch_pre_destroy_vm(vm);
	kvm_mmu_notifier_release(vm);
	kvm_arch_destroy_vm(vm);
	kvm_free_memslots(vm);
	xa_destroy(&vm->mem_attr_array);
	pool_free(&globals->vms, vm);
}

void kvm_get_kvm(struct kvm *kvm)
{
	kvm->users_count++;
}

void kvm_put_kvm(struct kvm *kvm)
{
	if (--kvm->users_count == 0)
		kvm_destroy_vm(kvm);
}

static int kvm_vm_release(struct inode *inode, struct file *file)
{
	kvm_put_kvm(file->private_data);
	return 0;
}

const struct file_operations kvm_vm_fops = {
	.release = kvm_vm_release,
};

/* A file on the one inode that files without contents share; NULL: no memory. */
struct file *anon_inode_getfile(struct kvm_globals *globals,
				const struct file_operations *f_op, void *private_data)
{
	struct file *file;

	ihold(globals->anon_inode);
	file = alloc_file(globals->anon_inode, f_op, private_data);
	if (!file)
		iput(globals->anon_inode);
	return file;
}

static int kvm_dev_ioctl_create_vm(struct kvm_globals *globals, u64 type)
{
	int fd = get_unused_fd(&globals->files);
	struct file *file;
	struct kvm *kvm;

	if (fd < 0)
		return fd;
	kvm = kvm_create_vm(globals, type);
	if (IS_ERR(kvm))
		return PTR_ERR(kvm);
	file = anon_inode_getfile(globals, &kvm_vm_fops, kvm);
	if (!file) {
		kvm_put_kvm(kvm);
		return -ENOMEM;
	}
	fd_install(&globals->files, fd, file);
	return fd;
}

/* @kvm NULL: asked of /dev/kvm. */
static long kvm_vm_ioctl_check_extension(struct kvm_globals *globals, struct kvm *kvm,
					 u64 extension)
{
	bool has_private_mem = !kvm || kvm->arch.has_private_mem;

	switch (extension) {
	case KVM_CAP_MAX_VCPUS:
		return kvm && kvm->max_vcpus < KVM_MAX_VCPUS ? kvm->max_vcpus : KVM_MAX_NR_VCPUS;
	case KVM_CAP_EXIT_HYPERCALL:
		return KVM_EXIT_HYPERCALL_VALID_MASK;
	case KVM_CAP_MEMORY_FAULT_INFO:
	case KVM_CAP_GUEST_MEMFD:
	case KVM_CAP_PRE_FAULT_MEMORY:
		return 1;
	case KVM_CAP_MEMORY_ATTRIBUTES:
		return has_private_mem && !globals->gmem_in_place_conversion ?
		       KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
	case KVM_CAP_GUEST_MEMFD_MEMORY_ATTRIBUTES:
		return has_private_mem && globals->gmem_in_place_conversion ?
		       KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
	case KVM_CAP_DISABLE_QUIRKS2:
		return KVM_X86_VALID_QUIRKS;
	case KVM_CAP_VM_TYPES:
		return kvm_supported_vm_types(globals);
	case KVM_CAP_GUEST_MEMFD_FLAGS:
		return kvm ? (long)kvm_gmem_get_supported_flags(kvm) :
			     (long)(GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED);
	default:
		return 0;
	}
}

void kvm_offline_cpu(struct kvm_globals *globals, int cpu)
{
	kvm_x86_call(disable_virtualization_cpu)(globals, cpu);
}

long kvm_dev_ioctl(struct kvm_globals *globals, u32 ioctl, u64 arg)
{
	switch (ioctl) {
	case KVM_CREATE_VM:
		return kvm_dev_ioctl_create_vm(globals, arg);
	case KVM_CHECK_EXTENSION:
		return kvm_vm_ioctl_check_extension(globals, NULL, arg);
	default:
		return -EINVAL;
	}
}

/* The older struct is the beginning of the newer one, with fewer flags. */
static int kvm_vm_ioctl_set_region_v1(struct kvm *kvm,
				      const struct kvm_userspace_memory_region *old)
{
	const struct kvm_userspace_memory_region2 region = {
		.slot = old->slot,
		.flags = old->flags,
		.guest_phys_addr = old->guest_phys_addr,
		.memory_size = old->memory_size,
		.userspace_addr = old->userspace_addr,
	};

	if (old->flags & ~(KVM_MEM_LOG_DIRTY_PAGES | KVM_MEM_READONLY))
		return -EINVAL;
	return kvm_vm_ioctl_set_memory_region(kvm, &region);
}

long kvm_vm_ioctl(struct kvm *kvm, u32 ioctl, void *arg)
{
	if (kvm->mm != kvm_globals_of(kvm)->current_mm || kvm->vm_dead)
		return -EIO;

	switch (ioctl) {
	case KVM_CREATE_VCPU:
		return kvm_vm_ioctl_create_vcpu(kvm, (uintptr_t)arg);
	case KVM_CHECK_EXTENSION:
		return kvm_vm_ioctl_check_extension(kvm_globals_of(kvm), kvm, (uintptr_t)arg);
	case KVM_SET_USER_MEMORY_REGION:
		return kvm_vm_ioctl_set_region_v1(kvm, arg);
	case KVM_SET_USER_MEMORY_REGION2:
		return kvm_vm_ioctl_set_memory_region(kvm, arg);
	case KVM_SET_MEMORY_ATTRIBUTES:
		return kvm_vm_ioctl_set_mem_attributes(kvm, arg);
	case KVM_CREATE_GUEST_MEMFD:
		return kvm_gmem_create(kvm, arg);
	case KVM_LINK_GUEST_MEMFD:
		if (kvm_globals_of(kvm)->gmem_in_place_conversion)
			return kvm_gmem_link(kvm, arg);
		return kvm_arch_vm_ioctl(kvm, ioctl, arg);
	default:
		return kvm_arch_vm_ioctl(kvm, ioctl, arg);
	}
}
