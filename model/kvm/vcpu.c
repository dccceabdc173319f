// SPDX-License-Identifier: GPL-2.0-only
/*
 * vCPUs as virt/kvm/kvm_main.c of Linux 7.3.4 has them: creation with its
 * unwinding, loading onto a CPU, the ioctls of a vCPU descriptor, and pre-fault.
 * Left out: halt polling, directed yield, dirty rings, preemption notifiers (a
 * task here is never moved to another CPU while a vCPU is loaded).
 */
#include "model/kvm/kvm_host.h"
#include "model/kvm/mmu.h"

#define KVM_MAX_VCPU_IDS	4096

/* -- on and off a CPU ------------------------------------------------------ */

void vcpu_load(struct kvm_vcpu *vcpu)
{
	kvm_globals_of(vcpu)->running_vcpu[current_task(env_of(vcpu))->id] = vcpu;
	kvm_arch_vcpu_load(vcpu, smp_processor_id(vcpu));
}

void vcpu_put(struct kvm_vcpu *vcpu)
{
	kvm_arch_vcpu_put(vcpu);
	kvm_globals_of(vcpu)->running_vcpu[current_task(env_of(vcpu))->id] = NULL;
}

/* kvm->lock held, so nobody can hold one of them and wait for another. */
int kvm_lock_all_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	int i;

	lockdep_assert_held(&kvm->lock);
	if (WARN_ON_ONCE(env_of(kvm), kvm->created_vcpus != kvm->online_vcpus))
		return -EBUSY;
	kvm_for_each_vcpu(i, vcpu, kvm)
		mutex_lock(&vcpu->mutex);
	return 0;
}

void kvm_unlock_all_vcpus(struct kvm *vm)
{
	for (int i = vm->online_vcpus - 1; i >= 0; i--)
		mutex_unlock(&vm->vcpus[i]->mutex);
}

/* -- life ------------------------------------------------------------------ */

static int kvm_vcpu_release(struct inode *inode, struct file *file)
{
	struct kvm_vcpu *v = file->private_data;

	kvm_put_kvm(v->kvm);
	return 0;
}

const struct file_operations kvm_vcpu_fops = {
	.release = kvm_vcpu_release,
};

static struct kvm_vcpu *kvm_vcpu_alloc(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *vcpu;

	if (inject_alloc(env_of(kvm), "kvm_vcpu"))
		return NULL;
	vcpu = pool_alloc(&kvm_globals_of(kvm)->vcpus);
	lock_init(&vcpu->mutex, LOCK_VCPU_MUTEX, id);
	vcpu->kvm = kvm;
	vcpu->vcpu_id = id;
	vcpu->cpu = -1;
	vcpu->mode = OUTSIDE_GUEST_MODE;
	vcpu->run = &vcpu->run_page;
	return vcpu;
}

static struct kvm_vcpu *kvm_get_vcpu_by_id(struct kvm *kvm, u32 id)
{
	struct kvm_vcpu *vcpu;
	int i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		if (vcpu->vcpu_id == (int)id)
			return vcpu;
	return NULL;
}

/* Gives the vCPU its place and its descriptor. kvm->lock held. */
static int kvm_vcpu_publish(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	struct kvm_globals *globals = kvm_globals_of(kvm);
	struct file *file;
	int fd;

	if (kvm_get_vcpu_by_id(kvm, vcpu->vcpu_id))
		return -EEXIST;
	fd = get_unused_fd(&globals->files);
	if (fd < 0)
		return fd;

	/* The descriptor pins the VM before anybody can close it. */
	kvm_get_kvm(kvm);
	file = anon_inode_getfile(globals, &kvm_vcpu_fops, vcpu);
	if (!file) {
		kvm_put_kvm(kvm);
		return -ENOMEM;
	}
	vcpu->vcpu_idx = kvm->online_vcpus;
	kvm->vcpus[kvm->online_vcpus++] = vcpu;
	fd_install(&globals->files, fd, file);
	return fd;
}

/* The new descriptor or an errno. */
int kvm_vm_ioctl_create_vcpu(struct kvm *kvm, u64 id)
{
	struct kvm_vcpu *vcpu;
	int err;

	if (id >= KVM_MAX_VCPU_IDS)
		return -EINVAL;

	mutex_lock(&kvm->lock);
	err = kvm->created_vcpus >= kvm->max_vcpus ? -EINVAL : kvm_arch_vcpu_precreate(kvm, id);
	if (!err)
		kvm->created_vcpus++;
	mutex_unlock(&kvm->lock);
	if (err)
		return err;

	vcpu = kvm_vcpu_alloc(kvm, id);
	if (!vcpu) {
		err = -ENOMEM;
		goto uncount;
	}
	err = kvm_arch_vcpu_create(vcpu);
	if (err)
		goto free_vcpu;

	mutex_lock(&kvm->lock);
	err = kvm_vcpu_publish(kvm, vcpu);
	mutex_unlock(&kvm->lock);
	if (err >= 0)
		return err;

	kvm_arch_vcpu_destroy(vcpu);
free_vcpu:
	pool_free(&kvm_globals_of(kvm)->vcpus, vcpu);
uncount:
	mutex_lock(&kvm->lock);
	kvm->created_vcpus--;
	mutex_unlock(&kvm->lock);
	return err;
}

void kvm_destroy_vcpus(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	int i;

	kvm_for_each_vcpu(i, vcpu, kvm) {
		kvm_arch_vcpu_destroy(vcpu);
		kvm->vcpus[i] = NULL;
		pool_free(&kvm_globals_of(kvm)->vcpus, vcpu);
	}
	kvm->online_vcpus = 0;
}

/* -- what a descriptor can do ---------------------------------------------- */

/*
 * Why KVM_RUN is about to fail: the access that KVM cannot resolve without
 * userspace. Goes with a negative return value. Whether it was a write or a fetch
 * is not told.
 */
void kvm_prepare_memory_fault_exit(struct kvm_vcpu *vcpu, gpa_t gpa, u64 size,
				   bool is_write, bool is_exec, bool is_private)
{
	struct kvm_run *run = vcpu->run;

	run->exit_reason = KVM_EXIT_MEMORY_FAULT;
	run->memory_fault.flags = is_private ? KVM_MEMORY_EXIT_FLAG_PRIVATE : 0;
	run->memory_fault.gpa = gpa;
	run->memory_fault.size = size;
}

/* *@range is advanced past what was done, also when the rest failed. */
static int kvm_vcpu_pre_fault_memory(struct kvm_vcpu *vcpu, struct kvm_pre_fault_memory *range)
{
	struct env *env = env_of(vcpu);
	u64 full_size = range->size;
	s64 done = 0;

	if (range->flags)
		return -EINVAL;
	if (!IS_ALIGNED(range->gpa | range->size, PAGE_SIZE) ||
	    range->gpa + range->size <= range->gpa)
		return -EINVAL;

	vcpu_load(vcpu);
	srcu_read_lock(&vcpu->kvm->srcu);
	while (range->size) {
		if (signal_pending(vcpu)) {
			done = -EINTR;
			break;
		}
		done = kvm_arch_vcpu_pre_fault_memory(vcpu, range);
		if (WARN_ON_ONCE(env, done == 0 || done == -EIO))
			break;
		if (done < 0)
			break;
		range->size -= done;
		range->gpa += done;
		task_yield(env, YIELD_RETRY);
	}
	srcu_read_unlock(&vcpu->kvm->srcu);
	vcpu_put(vcpu);

	/* Some of it done is success: the caller sees what is left. */
	return range->size == full_size ? done : 0;
}

long kvm_vcpu_ioctl(struct kvm_vcpu *vcpu, u32 ioctl, void *arg)
{
	struct kvm *kvm = vcpu->kvm;
	long err;

	if (kvm->mm != kvm_globals_of(kvm)->current_mm || kvm->vm_dead)
		return -EIO;
	if ((ioctl >> 8 & 0xff) != KVMIO)
		return -EINVAL;

	/* Before the mutex: some TDX commands take all vCPUs' mutexes in order. */
	err = kvm_arch_vcpu_unlocked_ioctl(vcpu, ioctl, arg);
	if (err != -ENOIOCTLCMD)
		return err;

	mutex_lock(&vcpu->mutex);
	switch (ioctl) {
	case KVM_RUN:
		err = arg ? -EINVAL : kvm_arch_vcpu_ioctl_run(vcpu);
		break;
	case KVM_PRE_FAULT_MEMORY:
		err = kvm_vcpu_pre_fault_memory(vcpu, arg);
		break;
	default:
		err = kvm_arch_vcpu_ioctl(vcpu, ioctl, arg);
	}
	mutex_unlock(&vcpu->mutex);
	return err;
}
