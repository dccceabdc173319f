// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.MEM.RANGE.BLOCK and UNBLOCK. Order of checks after the TDX module 1.5.01;
 * both take the S-EPT tree exclusively and no PAMT lock. BLOCK stamps the
 * page (or the table page, for a non-leaf entry) with the TD's epoch.
 */
#include "model/tdx/leaf.h"

/* The PAMT entry whose BEPOCH counts: of the leaf's page or the child table. */
static struct pamt_entry *stamped_page(struct call *c)
{
	if (sept_is_leaf(c->at.value))
		return pamt_at(c->m, sept_page(c->at.value, c->level), c->level);
	return pamt_at(c->m, sept_hpa(c->at.value), 0);
}

static bool already_blocked(u8 state)
{
	return state == SEPT_BLOCKED || state == SEPT_PENDING_BLOCKED || state == SEPT_NL_BLOCKED;
}

u64 check_tdh_mem_range_block(struct call *c)
{
	c->regs->rcx = c->regs->rdx = 0;
	CHECK(check_locked_entry(c, 0, LEVEL_ROOT, TREE_EX));
	if (already_blocked(c->at.state))
		return with_entry_info(c, tdx_on(TDX_GPA_RANGE_ALREADY_BLOCKED, RCX));
	if (!sept_allows(c))
		return with_entry_info(c, tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX));
	return TDX_SUCCESS;
}

u64 commit_tdh_mem_range_block(struct call *c)
{
	u64 entry = (c->at.value & ~(SEPT_RWX | SEPT_TDBW)) | SEPT_TDB;

	if (sept_is_leaf(c->at.value))
		entry = (entry & ~SEPT_HPA_MASK) | sept_page(entry, c->level);
	stamped_page(c)->bepoch = c->td->epoch;
	sept_set(c, c->at.table, c->at.index, entry);
	return TDX_SUCCESS;
}

u64 check_tdh_mem_range_unblock(struct call *c)
{
	c->regs->rcx = c->regs->rdx = 0;
	CHECK(check_entry_of(c, 0, LEVEL_ROOT, TREE_EX));
	if (td_live(c->td) && !epoch_tracked(c->td, stamped_page(c)->bepoch))
		return tdx_on(TDX_TLB_TRACKING_NOT_DONE, SEPT_TREE);
	return TDX_SUCCESS;
}

u64 commit_tdh_mem_range_unblock(struct call *c)
{
	u64 entry = c->at.value & ~SEPT_TDB;

	if (c->at.state != SEPT_PENDING_BLOCKED)
		entry |= SEPT_RWX;
	sept_set(c, c->at.table, c->at.index, entry);
	return TDX_SUCCESS;
}
