// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDG.MEM.PAGE.*: the guest accepts, inspects and releases its pages. Order of
 * checks after the TDX module 1.5.01; PAGE.RELEASE as announced for newer
 * modules on the kvm list. Only the S-EPT entry is locked; TLB tracking keeps
 * the host from taking away what the guest is using.
 *
 * Left out: attributes of nested VMs, of which there are none.
 */
#include "model/tdx/leaf.h"

#define EXIT_QUALIFICATION_WRITE	2
#define ACCEPT_COUNTER_SHIFT		PAGE_SHIFT
#define ATTR_L1				0x8007ULL	/* valid, RWX */

static bool accessible(u8 state)
{
	return state < SEPT_STATE_NR && (sept_state_info[state].reach == REACH_FULL ||
					 sept_state_info[state].reach == REACH_READ);
}

/* The host has to do something first: leave, and come back to this TDCALL. */
static u64 mem_exit(struct call *c, u8 type)
{
	const struct sept_pos *at = &c->at;
	u64 info = 0;

	if (type != EXT_NONE) {
		info = c->level | (u64)at->level << 3;
		if (at->state < SEPT_STATE_NR)
			info |= (u64)sept_state_info[at->state].arch << 6 |
				(u64)sept_is_leaf(at->value) << 14;
	}
	exit_ept_violation(c->residence, c->gpa, EXIT_QUALIFICATION_WRITE, type | info << 32);
	return TDX_SUCCESS;
}

static __noinline u64 entry_lock_met(struct call *c)
{
	switch (entry_lock_guest(c->at.entry)) {
	case GUEST_LOCK_BUSY:
		return tdx_on(TDX_OPERAND_BUSY, RCX);
	case GUEST_LOCK_HOST_PRIORITY:
		return tdx_on(TDX_OPERAND_BUSY_HOST_PRIORITY, RCX);
	case GUEST_LOCK_OK:
		break;
	}
	call_holds(c, (u16 *)c->at.entry, HELD_ENTRY);
	sept_reread(&c->at);
	/* While the lock is held is when a host leaf can meet it. */
	task_yield(c->m->env, YIELD_GUEST);
	return TDX_SUCCESS;
}

static inline u64 entry_lock(struct call *c)
{
	return passes_entry(c, *c->at.entry) ? TDX_SUCCESS : entry_lock_met(c);
}

/* The page-info operand and a walk; false in *@walked when it ended above. */
static u64 start(struct call *c, u8 level_max, bool *walked)
{
	CHECK(check_page_info(c, 0, level_max));
	if (!td_gpa_private_valid(c->td, c->gpa))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	*walked = sept_walk(c->m, c->td, c->gpa, c->level, &c->at);
	return TDX_SUCCESS;
}

/*
 * After how many of @left chunks an interrupt stops the accept; @left: none
 * does. There is one choice of four, not one a chunk, to keep exploration small.
 */
static u32 interrupted_after(struct call *c, u32 left)
{
	if (left < 2)
		return left;
	if (c->m->hw->cpu[c->lp].irq_pending)
		return 1;
	switch (choose(c->m->env, 4, CHOICE_IRQ)) {
	case 1:
		return 1;
	case 2:
		return left / 2;
	case 3:
		return left - 1;
	}
	return left;
}

/* Zero the page, 4 KB at a time. False: stopped, progress is in the entry. */
static bool accept_page(struct call *c)
{
	u32 pages = sept_level_pages(c->level), from, to;
	hpa_t page = sept_page(c->at.value, c->level);

	if (likely(!c->level)) {
		hw_movdir64b(c->m->hw, page, c->td->hkid, TOKEN_ZERO);
		return true;
	}
	from = c->at.value >> ACCEPT_COUNTER_SHIFT & (pages - 1);
	to = from + interrupted_after(c, pages - from);
	for (u32 i = from; i < to; i++)
		hw_movdir64b(c->m->hw, page + i * PAGE_SIZE, c->td->hkid, TOKEN_ZERO);
	if (to == pages)
		return true;
	sept_set(c, c->at.table, c->at.index,
		 (c->at.value & ~SEPT_HPA_MASK) | page | (u64)to << ACCEPT_COUNTER_SHIFT);
	return false;
}

u64 tdg_mem_page_accept(struct call *c)
{
	bool walked;
	u8 to;

	CHECK(start(c, 1, &walked));
	if (!walked)
		return accessible(c->at.state) ? TDX_PAGE_ALREADY_ACCEPTED + c->at.level :
						 mem_exit(c, EXT_ACCEPT);
	CHECK(entry_lock(c));
	if (c->at.state != SEPT_FREE && !sept_is_leaf(c->at.value))
		return TDX_PAGE_SIZE_MISMATCH + c->level;
	if (accessible(c->at.state))
		return TDX_PAGE_ALREADY_ACCEPTED + c->level;
	if (!sept_allows(c))
		return mem_exit(c, EXT_ACCEPT);
	if (!accept_page(c)) {
		exit_interrupt(c->residence);
		return TDX_SUCCESS;
	}
	to = c->at.state == SEPT_PENDING ? SEPT_MAPPED : SEPT_EXPORTED_DIRTY;
	sept_set(c, c->at.table, c->at.index,
		 sept_leaf_entry(c->td, c->m, to, sept_page(c->at.value, c->level)));
	return TDX_SUCCESS;
}

u64 tdg_mem_page_attr_rd(struct call *c)
{
	c->gpa = c->rcx & PAGE_MASK;
	c->level = 0;
	if (c->rcx & ~PAGE_MASK || !td_gpa_private_valid(c->td, c->rcx))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	sept_walk(c->m, c->td, c->gpa, 0, &c->at);
	if (!sept_is_leaf(c->at.value))
		return mem_exit(c, EXT_NONE);
	CHECK(entry_lock(c));
	if (!sept_allows(c))
		return mem_exit(c, EXT_NONE);
	c->regs->rcx = c->at.level | (c->gpa & ~(sept_level_size(c->at.level) - 1));
	if (c->at.value & SEPT_TDP)
		c->regs->rcx |= BIT_ULL(62);
	c->regs->rdx = ATTR_L1;
	return TDX_SUCCESS;
}

u64 tdg_mem_page_attr_wr(struct call *c)
{
	bool walked;

	CHECK(start(c, 2, &walked));
	if (!walked)
		return mem_exit(c, EXT_ATTR_WR);
	CHECK(entry_lock(c));
	if (c->at.state != SEPT_FREE && !sept_is_leaf(c->at.value))
		return TDX_PAGE_SIZE_MISMATCH + c->level;
	if (!sept_allows(c))
		return mem_exit(c, EXT_ATTR_WR);
	c->regs->rdx = ATTR_L1;
	return c->rdx && c->rdx != ATTR_L1 ? TDX_PAGE_ATTR_INVALID : TDX_SUCCESS;
}

u64 tdg_mem_page_release(struct call *c)
{
	bool walked;

	if (!(c->td->config_flags & TD_CONFIG_PAGE_RELEASE))
		return tdx_on(TDX_OPERAND_INVALID, RAX);
	CHECK(start(c, 1, &walked));
	if (!walked)
		return accessible(c->at.state) ? TDX_PAGE_SIZE_MISMATCH + c->at.level :
						 mem_exit(c, EXT_ACCEPT);
	CHECK(entry_lock(c));
	if (c->at.state != SEPT_FREE && !sept_is_leaf(c->at.value))
		return TDX_PAGE_SIZE_MISMATCH + c->level;
	if (c->at.state == SEPT_PENDING)
		return tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX);
	if (!sept_allows(c))
		return mem_exit(c, EXT_ACCEPT);
	sept_set(c, c->at.table, c->at.index,
		 sept_leaf_entry(c->td, c->m, SEPT_PENDING, sept_page(c->at.value, c->level)));
	hw_tlb_flush(c->m->hw, c->lp, c->td->tdr);
	return TDX_SUCCESS;
}
