/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The modelled host behind the host interface (sim/base/host.h): one machine's
 * kernel with KVM loaded and the TDX module brought up, and one process that
 * uses it.
 */
#ifndef SEPTUM_KVM_HOST_TABLE_H
#define SEPTUM_KVM_HOST_TABLE_H

#include "sim/base/host.h"

/*
 * Boots the host: memory management over @hw's RAM, TDX module brought up, KVM
 * ready. Hangs itself into env->layer[LAYER_MM] and [LAYER_KVM]. NULL for a hold
 * policy or another knob that this host does not have. A module that cannot be
 * brought up only leaves out the VM type for TDs, as the kernel does.
 */
struct host *kvm_host_create(struct env *env, struct hw *hw, struct tdx_module *module,
			     const struct host_config *config);

#endif /* SEPTUM_KVM_HOST_TABLE_H */
