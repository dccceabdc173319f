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
#define EXIT_FIELD(why, field, member)		\
	if (run->exit_reason == why)		\
		exit->field = run->member;
#include "../model/kvm/exit_fields.def"
#undef EXIT_FIELD
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
