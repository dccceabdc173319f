// SPDX-License-Identifier: GPL-2.0-only
/*
 * What userspace sees of a vCPU in its mapped struct kvm_run, handed over in
 * the types of boundary.h.
 */
#include <linux/file.h>
#include <linux/kvm_host.h>

#include "standin.h"

static struct kvm_run *run_of(int vcpu_fd)
{
	struct kvm_vcpu *vcpu = file_of(vcpu_fd)->private_data;

	return vcpu->run;
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
	}
}

void kern_hypercall_answer(int vcpu_fd, unsigned long ret)
{
	run_of(vcpu_fd)->hypercall.ret = ret;
}
