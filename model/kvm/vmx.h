/* SPDX-License-Identifier: GPL-2.0-only */
/* The guest of an ordinary VM: see vmx.c. */
#ifndef SEPTUM_KVM_VMX_H
#define SEPTUM_KVM_VMX_H

#include "model/kvm/kvm_host.h"

enum exit_fastpath_completion vmx_vcpu_run(struct kvm_vcpu *vcpu);
/* > 0 go on, 0 out to userspace, < 0 -errno. */
int vmx_handle_exit(struct kvm_vcpu *vcpu);

#endif /* SEPTUM_KVM_VMX_H */
