// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.MEM.PAGE.ADD, AUG, REMOVE, RELOCATE and the debug leaves MEM.RD/WR.
 * Order of checks, locks and outputs after the TDX module 1.5.01; bit 62 of a
 * freeing leaf's RCX after the public 2.0 tree with dynamic PAMT.
 */
#include "model/tdx/leaf.h"

static void own_page(struct call *c, hpa_t hpa, u8 type)
{
	pamt_set(c, &c->block, c->page_level, hpa, type, c->td->tdr);
	c->page->bepoch = 0;
}

static void clear_outputs(struct call *c)
{
	c->regs->rcx = 0;
	c->regs->rdx = 0;
}

/* R9 of PAGE.ADD: a whole shared page of host memory. */
static bool source_valid(const struct call *c, hpa_t hpa)
{
	return IS_ALIGNED(hpa, PAGE_SIZE) && !(hpa >> 52) &&
	       !hw_keyid_private(c->m->hw, hpa >> HW_PHYS_BITS);
}

u64 check_tdh_mem_page_add(struct call *c)
{
	clear_outputs(c);
	CHECK(check_tdr(c, c->rdx, OPERAND_ID_RDX, EX));
	CHECK(check_td_state(c, false));
	CHECK(check_page_info(c, 0, 0));
	CHECK(check_walk(c, TREE_NONE));
	if (!sept_allows(c))
		return with_entry_info(c, tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX));
	if (!source_valid(c, c->regs->r9))
		return tdx_on(TDX_OPERAND_INVALID, R9);
	return check_new_page(c, c->regs->r8, OPERAND_ID_R8);
}

u64 commit_tdh_mem_page_add(struct call *c)
{
	struct td *td = c->td;
	u64 token;

	hw_read(c->m->hw, sept_hpa(c->regs->r9), c->regs->r9 >> HW_PHYS_BITS, &token);
	hw_movdir64b(c->m->hw, c->page_hpa, td->hkid, token);
	own_page(c, c->page_hpa, PT_REG);
	td->child_count++;
	sept_set(c, c->at.table, c->at.index,
		 sept_leaf_entry(td, c->m, SEPT_MAPPED, c->page_hpa));
	mr_mix(td, c->gpa);
	return TDX_SUCCESS;
}

u64 check_tdh_mem_page_aug(struct call *c)
{
	clear_outputs(c);
	CHECK(check_entry_of(c, 0, 1, TREE_SH));
	if (c->level)
		return check_new_large_page(c, c->regs->r8, OPERAND_ID_R8, c->level);
	return check_new_page(c, c->regs->r8, OPERAND_ID_R8);
}

u64 commit_tdh_mem_page_aug(struct call *c)
{
	own_page(c, c->page_hpa, PT_REG);
	c->td->child_count += sept_level_pages(c->level);
	sept_set(c, c->at.table, c->at.index,
		 sept_leaf_entry(c->td, c->m, SEPT_PENDING, c->page_hpa));
	return TDX_SUCCESS;
}

u64 check_tdh_mem_page_remove(struct call *c)
{
	clear_outputs(c);
	CHECK(check_entry_of(c, 0, 2, TREE_SH));
	CHECK(check_found_page(c, sept_page(c->at.value, c->level), c->level, OPERAND_ID_RCX));
	return check_track(c, c->page->bepoch);
}

static bool import_in_progress(const struct td *td)
{
	return td->op_state >= OP_MEMORY_IMPORT && td->op_state <= OP_LIVE_IMPORT;
}

u64 commit_tdh_mem_page_remove(struct call *c)
{
	u64 entry = import_in_progress(c->td) ?
			    SEPT_SVE | sept_state_info[SEPT_REMOVED].bits : SEPT_ENTRY_FREE;

	sept_set(c, c->at.table, c->at.index, entry);
	pamt_set(c, &c->block, c->level, c->page_hpa, PT_NDA, 0);
	c->td->child_count -= sept_level_pages(c->level);
	c->regs->rcx = c->page_hpa | pamt_free_hint(c->m, &c->block);
	return TDX_SUCCESS;
}

u64 check_tdh_mem_page_relocate(struct call *c)
{
	clear_outputs(c);
	CHECK(check_entry_of(c, 0, 0, TREE_SH));
	if (c->regs->r8 == sept_page(c->at.value, 0))
		return tdx_on(TDX_OPERAND_INVALID, R8);
	CHECK(check_found_page(c, sept_page(c->at.value, 0), 0, OPERAND_ID_RCX));
	c->scratch = c->page_hpa;
	CHECK(check_track(c, c->page->bepoch));
	return check_new_page(c, c->regs->r8, OPERAND_ID_R8);
}

/* The state after the move: blocked pages come back unblocked, others as they were. */
static u8 relocated_state(u8 state)
{
	if (state == SEPT_BLOCKED)
		return SEPT_MAPPED;
	return state == SEPT_PENDING_BLOCKED ? SEPT_PENDING : state;
}

u64 commit_tdh_mem_page_relocate(struct call *c)
{
	hpa_t old = c->scratch, new = c->page_hpa;
	const struct hw_frame *frame = hw_frame_peek(c->m->hw, hpa_to_pfn(old));
	struct pamt_block block;

	if (!(c->at.value & SEPT_TDP))
		hw_movdir64b(c->m->hw, new, c->td->hkid, frame ? frame->token : TOKEN_ZERO);
	own_page(c, new, PT_REG);
	sept_set(c, c->at.table, c->at.index,
		 sept_leaf_entry(c->td, c->m, relocated_state(c->at.state), new));
	pamt_block(c->m, old, &block);
	pamt_set(c, &block, 0, old, PT_NDA, 0);
	c->regs->rcx = old | pamt_free_hint(c->m, &block);
	return TDX_SUCCESS;
}

/* MEM.RD and MEM.WR: 8 bytes of a debug TD's memory. */
static u64 check_debug_access(struct call *c)
{
	struct td *td;

	clear_outputs(c);
	CHECK(check_tdr(c, c->rdx, OPERAND_ID_RDX, SH));
	CHECK(check_td_state(c, true));
	td = c->td;
	if (!(td->attributes & TD_ATTRIBUTES_DEBUG))
		return TDX_TD_NON_DEBUG;
	c->gpa = c->rcx;
	if (!IS_ALIGNED(c->gpa, 8))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	if (!sx_lock_sh(&td->tree_lock))
		return tdx_on(TDX_OPERAND_BUSY, SEPT_TREE);
	call_holds(c, &td->tree_lock, HELD_SH);
	if (!td_gpa_private_valid(td, c->gpa))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	sept_walk(c->m, td, c->gpa, 0, &c->at);
	if (!sept_is_leaf(c->at.value) || !(c->at.value & SEPT_RWX))
		return with_entry_info(c, tdx_on(TDX_EPT_ENTRY_NOT_PRESENT, RCX));
	CHECK(check_entry(c));
	c->page_hpa = sept_page(c->at.value, c->at.level) |
		      (c->gpa & (sept_level_size(c->at.level) - 1) & PAGE_MASK);
	return TDX_SUCCESS;
}

static u64 debug_token(struct call *c)
{
	const struct hw_frame *frame = hw_frame_peek(c->m->hw, hpa_to_pfn(c->page_hpa));

	return frame ? frame->token : TOKEN_ZERO;
}

u64 check_tdh_mem_rd(struct call *c)
{
	return check_debug_access(c);
}

u64 commit_tdh_mem_rd(struct call *c)
{
	c->regs->r8 = debug_token(c);
	return TDX_SUCCESS;
}

u64 check_tdh_mem_wr(struct call *c)
{
	return check_debug_access(c);
}

u64 commit_tdh_mem_wr(struct call *c)
{
	u64 token = c->regs->r8;

	c->regs->r8 = debug_token(c);
	hw_write(c->m->hw, c->page_hpa, c->td->hkid, token);
	return TDX_SUCCESS;
}
