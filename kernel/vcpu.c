// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace sees of a vCPU in its mapped struct kvm_run, handed over in
 * the types of boundary.h.
 */
#include <linux/file.h>
#include <linux/kvm_host.h>

#include "standin.h"

static struct kvm_vcpu *vcpu_of(int vcpu_fd)
{
	return file_of(vcpu_fd)->private_data;
}

static struct kvm_run *run_of(int vcpu_fd)
{
	return vcpu_of(vcpu_fd)->run;
}

void kern_exit_clear(int vcpu_fd)
{
	run_of(vcpu_fd)->exit_reason = 0;
}

void kern_exit_of(int vcpu_fd, struct kern_exit *exit)
{
	struct kvm_run *run = run_of(vcpu_fd);

	memset(exit, 0, sizeof(*exit));
	exit->reason = run->exit_reason;
	if (run->exit_reason == KVM_EXIT_MEMORY_FAULT) {
		exit->flags = run->memory_fault.flags;
		exit->gpa = run->memory_fault.gpa;
		exit->size = run->memory_fault.size;
	} else if (run->exit_reason == KVM_EXIT_HYPERCALL) {
		exit->nr = run->hypercall.nr;
		exit->args[0] = run->hypercall.args[0];
		exit->args[1] = run->hypercall.args[1];
		exit->args[2] = run->hypercall.args[2];
		exit->hypercall_flags = run->hypercall.flags;
	} else if (run->exit_reason == KVM_EXIT_IO) {
		exit->nr = run->io.port;
		exit->size = run->io.size;
		exit->flags = run->io.direction;
	} else if (run->exit_reason == KVM_EXIT_MMIO) {
		exit->gpa = run->mmio.phys_addr;
		exit->size = run->mmio.len;
		exit->flags = run->mmio.is_write;
	}
}

void kern_hypercall_answer(int vcpu_fd, unsigned long ret)
{
	struct kvm_run *run = run_of(vcpu_fd);

	switch (run->exit_reason) {
	case KVM_EXIT_IO:
		/* The page userspace maps behind struct kvm_run. */
		memcpy(vcpu_of(vcpu_fd)->arch.pio_data, &ret, run->io.size);
		break;
	case KVM_EXIT_MMIO:
		memcpy(run->mmio.data, &ret, sizeof(ret));
		break;
	case KVM_EXIT_TDX:
		run->tdx.unknown.ret = ret;
		break;
	default:
		run->hypercall.ret = ret;
	}
}
