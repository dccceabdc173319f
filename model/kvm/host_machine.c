// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled host, what is around its VMs: guest CPUID as userspace sets it,
 * interrupts, devices that bypass caches, the cgroup that pays for KeyIDs, and CPUs
 * that go offline (kernel/cpu.c of Linux 7.3.4 calls KVM and the TDX code in this
 * order). Left out: everything else that is brought down with a CPU; a task with a
 * vCPU loaded cannot be moved away, so no CPU goes while other tasks live.
 */
#include "model/kvm/host_internal.h"
#include "model/kvm/tdx.h"
#include "model/kvm/vmm.h"

int host_vcpu_set_cpuid(struct host *h, u32 vm, u32 vcpu, const struct host_cpuid *cpuid)
{
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);
	struct vmm_cpuid_list list;

	if (!v)
		return -EBADF;
	list = vmm_cpuid_list(model_host(h)->objects.vm[vm].gpaw, cpuid);
	return kvm_vcpu_ioctl(v, KVM_SET_CPUID2, &list);
}

/* Of an ordinary guest's interrupts nothing is modelled. */
int host_signal_msi(struct host *h, u32 vm, u32 vcpu)
{
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);

	if (!v)
		return -EBADF;
	if (v->kvm->vm_dead)
		return -EIO;
	if (is_td_vcpu(v))
		tdx_deliver_interrupt(v);
	return 0;
}

/* The device file of the VM that VFIO is told through is no VM ioctl: a dead VM takes it. */
int host_noncoherent_dma(struct host *h, u32 vm, bool assign)
{
	struct kvm *kvm = host_open_vm(h, vm);

	if (!kvm)
		return -EBADF;
	if (assign)
		kvm_arch_register_noncoherent_dma(kvm);
	else if (kvm->arch.noncoherent_dma_count)
		kvm_arch_unregister_noncoherent_dma(kvm);
	else
		return -ENOENT;
	return 0;
}

int host_misc_max(struct host *h, u64 count)
{
	model_host(h)->globals.tdx->misc_cg_limit = count;
	return 0;
}

/* cpus_write_lock() held. Callbacks run from the last that was set up to the first. */
static int cpu_down(struct kvm_globals *globals, u32 cpu)
{
	struct task *task = current_task(globals->host.env);
	int err = tdx_offline_cpu(globals->tdx, cpu);

	if (err)
		return err;
	kvm_offline_cpu(globals, cpu);
	globals->host.hw->cpu[cpu].online = false;
	if (task->cpu == (int)cpu)
		task->cpu = 0;
	return 0;
}

int host_cpu_hotplug(struct host *h, u32 cpu, bool online)
{
	struct kvm_globals *globals = &model_host(h)->globals;
	struct hw_cpu *hc = &h->hw->cpu[cpu];
	int err = 0;

	/* x86 gives the boot CPU no such file. */
	if (!cpu)
		return -ENOENT;
	if (h->env->sched.live > 1) {
		h->skip = "a vCPU's task is not moved to another CPU here";
		return HOST_SKIP;
	}
	if (hc->online == online)
		return 0;
	down_write(&globals->cpu_hotplug_lock);
	/* Its TDH.SYS.LP.INIT was made at boot and is for good. */
	if (online)
		hc->online = true;
	else
		err = cpu_down(globals, cpu);
	up_write(&globals->cpu_hotplug_lock);
	return err;
}
