// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which kernel this program simulates: the model. A program that brings another
 * one (kernel/) defines host_create() itself, and this file stays out of it.
 */
#include "model/kvm/host.h"

const bool host_in_arena = true;

struct host *host_create(struct env *env, struct hw *hw, struct tdx_module *module,
			 const struct host_config *config)
{
	return kvm_host_create(env, hw, module, config);
}
