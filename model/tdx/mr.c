// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.MR.*: the measurement of the initial image and its end. Order of checks
 * after the TDX module 1.5.01. The register is a number that depends on every
 * page name and content token that went in, in order; no cryptography.
 */
#include "model/tdx/leaf.h"

#define MR_CHUNK	256

void mr_mix(struct td *td, u64 value)
{
	u64 x = td->mrtd ^ value;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
	td->mrtd = x ^ x >> 31;
}

u64 check_tdh_mr_extend(struct call *c)
{
	c->regs->rcx = c->regs->rdx = 0;
	CHECK(check_tdr(c, c->rdx, OPERAND_ID_RDX, EX));
	CHECK(check_td_state(c, false));
	c->gpa = c->rcx;
	if (!IS_ALIGNED(c->gpa, MR_CHUNK) || !td_gpa_private_valid(c->td, c->gpa))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	sept_walk(c->m, c->td, c->gpa, 0, &c->at);
	if (!sept_is_leaf(c->at.value) || !(c->at.value & SEPT_RWX))
		return with_entry_info(c, tdx_on(TDX_EPT_ENTRY_NOT_PRESENT, RCX));
	if (!sept_allows(c))
		return TDX_EPT_ENTRY_NOT_PRESENT;
	return TDX_SUCCESS;
}

u64 commit_tdh_mr_extend(struct call *c)
{
	hpa_t page = sept_page(c->at.value, c->at.level);
	const struct hw_frame *frame;

	page |= c->gpa & (sept_level_size(c->at.level) - 1);
	frame = hw_frame_peek(c->m->hw, hpa_to_pfn(page));
	mr_mix(c->td, c->gpa);
	mr_mix(c->td, frame ? frame->token : TOKEN_ZERO);
	return TDX_SUCCESS;
}

u64 check_tdh_mr_finalize(struct call *c)
{
	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, EX));
	CHECK(check_td_state(c, false));
	return c->td->vcpu_count ? TDX_SUCCESS : TDX_NO_VCPUS;
}

u64 commit_tdh_mr_finalize(struct call *c)
{
	td_set_op_state(c, OP_RUNNABLE);
	return TDX_SUCCESS;
}
