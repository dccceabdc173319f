// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.MEM.SEPT.ADD, RD and REMOVE: Secure EPT pages come, are read and go.
 * Order of checks, locks and outputs after the TDX module 1.5.01, version 1 of
 * ADD and REMOVE included. Nested VMs are not offered, so an L2 page operand
 * is always out of range.
 */
#include "model/tdx/leaf.h"

#define SEPT_ADD_ALLOW_EXISTING	1ULL
#define SEPT_RD_L2_ATTRIBUTES	1ULL
#define SEPT_ADD_NOT_CONSUMED	BIT_ULL(63)

static u64 check_l2_pages(const struct call *c)
{
	if (!c->version)
		return TDX_SUCCESS;
	if (c->regs->r9 != TDX_NULL_PA)
		return tdx_on(TDX_OPERAND_INVALID, R9);
	if (c->regs->r10 != TDX_NULL_PA)
		return tdx_on(TDX_OPERAND_INVALID, R10);
	return c->regs->r11 == TDX_NULL_PA ? TDX_SUCCESS : tdx_on(TDX_OPERAND_INVALID, R11);
}

u64 check_tdh_mem_sept_add(struct call *c)
{
	bool null_page = c->version && c->regs->r8 == TDX_NULL_PA;

	c->regs->rcx = c->regs->rdx = 0;
	if (c->rdx & (GENMASK_ULL(11, 1) | GENMASK_ULL(63, 52)))
		return tdx_on(TDX_OPERAND_INVALID, RDX);
	CHECK(check_tdr(c, c->rdx & ~SEPT_ADD_ALLOW_EXISTING, OPERAND_ID_RDX, SH));
	CHECK(check_td_state(c, true));
	CHECK(check_page_info(c, 1, c->td->root_level));
	CHECK(check_walk(c, TREE_SH));
	CHECK(check_entry(c));
	if (c->at.state == SEPT_NL_MAPPED) {
		if (!(c->rdx & SEPT_ADD_ALLOW_EXISTING))
			return with_entry_info(c, tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX));
		return check_l2_pages(c);
	}
	if (null_page)
		return tdx_on(TDX_OPERAND_INVALID, R8);
	CHECK(check_new_page(c, c->version ? c->regs->r8 & ~SEPT_ADD_NOT_CONSUMED : c->regs->r8,
			     OPERAND_ID_R8));
	return check_l2_pages(c);
}

u64 commit_tdh_mem_sept_add(struct call *c)
{
	struct td *td = c->td;

	if (c->at.state == SEPT_NL_MAPPED) {
		if (c->version)
			c->regs->r8 |= SEPT_ADD_NOT_CONSUMED;
		return TDX_SUCCESS;
	}
	hw_movdir64b(c->m->hw, c->page_hpa, td->hkid, TOKEN_ZERO);
	pamt_set(c, &c->block, 0, c->page_hpa, PT_EPT, td->tdr);
	c->page->bepoch = 0;
	c->page->table = sept_table_new(c->m, td, c->page_hpa, c->gpa, c->level - 1);
	td->child_count++;
	sept_set(c, c->at.table, c->at.index, sept_table_entry(td, c->m, c->page_hpa));
	if (c->version)
		c->regs->r8 = TDX_NULL_PA;
	return TDX_SUCCESS;
}

u64 check_tdh_mem_sept_rd(struct call *c)
{
	c->regs->rcx = c->regs->rdx = 0;
	CHECK(check_tdr(c, c->rdx & ~SEPT_RD_L2_ATTRIBUTES, OPERAND_ID_RDX, SH));
	CHECK(check_td_state(c, true));
	if (c->rdx & SEPT_RD_L2_ATTRIBUTES && !(c->td->attributes & TD_ATTRIBUTES_DEBUG))
		return tdx_on(TDX_OPERAND_INVALID, RDX);
	CHECK(check_page_info(c, 0, c->td->root_level));
	CHECK(check_walk(c, TREE_SH));
	return check_entry_lock(c);
}

u64 commit_tdh_mem_sept_rd(struct call *c)
{
	if (c->rdx & SEPT_RD_L2_ATTRIBUTES)
		c->regs->r8 = 0;
	return with_entry_info(c, TDX_SUCCESS);
}

u64 check_tdh_mem_sept_remove(struct call *c)
{
	c->regs->rcx = c->regs->rdx = 0;
	CHECK(check_entry_of(c, 1, LEVEL_ROOT, TREE_EX));
	CHECK(check_found_page(c, sept_hpa(c->at.value), 0, OPERAND_ID_RCX));
	CHECK(check_track(c, c->page->bepoch));
	if (c->page->table->used)
		return with_entry_info(c, tdx_on(TDX_EPT_PAGE_NOT_FREE, RCX));
	return TDX_SUCCESS;
}

u64 commit_tdh_mem_sept_remove(struct call *c)
{
	sept_set(c, c->at.table, c->at.index, SEPT_ENTRY_FREE);
	sept_table_free(c->m, c->page->table);
	c->page->table = NULL;
	pamt_set(c, &c->block, 0, c->page_hpa, PT_NDA, 0);
	c->td->child_count--;
	c->regs->rcx = c->page_hpa | pamt_free_hint(c->m, &c->block);
	if (c->version)
		c->regs->r9 = c->regs->r10 = c->regs->r11 = TDX_NULL_PA;
	return TDX_SUCCESS;
}
