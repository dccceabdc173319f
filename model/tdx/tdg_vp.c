// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDG.VP.* and TDG.VM.*: what a guest asks about itself, and how it talks to
 * the host. VP.VMCALL only copies registers: MapGPA and every other
 * sub-function are between guest and host, the module changes nothing.
 */
#include "model/tdx/leaf.h"

u64 tdg_vp_vmcall(struct call *c)
{
	u64 forbidden = GENMASK_ULL(63, 32) | BIT_ULL(4) | 3;

	if (c->td->config_flags & TD_CONFIG_NO_RBP_MOD)
		forbidden |= BIT_ULL(5);
	if (c->rcx & forbidden)
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	exit_tdvmcall(c->residence, c->regs);
	c->vcpu->vmcall_op = c->vcpu->op;
	c->vcpu->rip++;
	return TDX_SUCCESS;
}

u64 tdg_vp_info(struct call *c)
{
	const struct td *td = c->td;

	*c->regs = (struct tdx_module_args){
		.rcx = td->gpaw ? 52 : 48,
		.rdx = td->attributes,
		.r8 = td->vcpu_count | (u64)td->max_vcpus << 32,
		.r9 = c->vcpu->index,
	};
	return TDX_SUCCESS;
}

u64 tdg_vp_veinfo_get(struct call *c)
{
	struct vcpu_ve_info *ve = &c->vcpu->ve;
	struct tdx_module_args *regs = c->regs;

	regs->rcx = regs->rdx = regs->r8 = regs->r9 = regs->r10 = 0;
	if (!ve->valid)
		return TDX_NO_VALID_VE_INFO;
	regs->rcx = ve->exit_reason;
	regs->rdx = ve->exit_qualification;
	regs->r8 = ve->gla;
	regs->r9 = ve->gpa;
	regs->r10 = ve->inst;
	ve->valid = false;
	return TDX_SUCCESS;
}

u64 tdg_vm_rd(struct call *c)
{
	u64 value = 0, status = md_read_td(c->td, c->rdx, &value);

	c->regs->r8 = status ? 0 : value;
	if (c->version)
		c->regs->rdx = ~0ULL;
	return status;
}

u64 tdg_vm_wr(struct call *c)
{
	u64 value = c->regs->r8, mask = c->regs->r9;

	c->regs->r8 = 0;
	CHECK(md_check_write_td(c->td, c->rdx, value, mask, true));
	c->regs->r8 = md_write_td(c->td, c->rdx, value, mask);
	return TDX_SUCCESS;
}
