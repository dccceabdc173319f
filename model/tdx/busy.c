// SPDX-License-Identifier: GPL-2.0-only
/*
 * Injection below the seam: a lock of the module is held by a simulated other
 * party while a leaf runs, so that the module's own lock rules answer; and the
 * registers a refused leaf leaves behind.
 */
#include "model/tdx/leaf.h"

/* Leaves that walk the S-EPT clear RCX and RDX first and report where a walk ended. */
static bool walks_sept(const struct call *c)
{
	return c->info->sept_states;
}

static struct pamt_entry *page_entry(struct call *c, hpa_t hpa)
{
	struct pamt_block block;
	u8 level;

	hpa &= SEPT_HPA_MASK;
	return pamt_block(c->m, hpa, &block) ? pamt_leaf(c->m, &block, &level) : NULL;
}

/* The TD a leaf is about, found without any check. */
static struct td *td_of_call(struct call *c)
{
	const hpa_t named[] = { c->rdx, c->rcx };

	for (u32 i = 0; i < ARRAY_SIZE(named); i++) {
		struct pamt_entry *entry = page_entry(c, named[i]);

		if (entry && entry->type == PT_TDR)
			return entry->td;
		if (entry && pamt_type_info[entry->type].owned)
			return td_find(c->m, entry->owner);
	}
	return NULL;
}

/* Where the S-EPT walk of this leaf ends; sets ->td, ->gpa, ->level, ->at. */
static bool find_entry(struct call *c)
{
	c->td = td_of_call(c);
	if (!walks_sept(c) || !c->td || !c->td->root || c->td->op_state == OP_UNINITIALIZED)
		return false;
	c->gpa = c->rcx & GENMASK_ULL(51, PAGE_SHIFT);
	c->level = c->rcx & 7;
	if (!td_gpa_private_valid(c->td, c->gpa) || c->level > c->td->root_level)
		return false;
	sept_walk(c->m, c->td, c->gpa, c->level, &c->at);
	return true;
}

static bool take_hp(struct other_party *other, u16 *lock)
{
	*other = (struct other_party){ lock, HELD_HP_EX };
	return hp_lock_ex(lock);
}

static bool take_plain(struct other_party *other, u16 *lock)
{
	*other = (struct other_party){ lock, HELD_SX_EX };
	return sx_lock_ex(lock);
}

static bool take_entry(struct other_party *other, u64 *entry)
{
	*other = (struct other_party){ (u16 *)entry, HELD_ENTRY };
	return entry_lock_guest(entry) == GUEST_LOCK_OK;
}

static bool take_page(struct call *c, hpa_t hpa, struct other_party *other)
{
	struct pamt_entry *entry = page_entry(c, hpa);

	return entry && take_hp(other, &entry->lock);
}

static bool take_of_td(struct call *c, u32 operand, struct other_party *other)
{
	struct td *td = td_of_call(c);

	if (!td)
		return false;
	switch (operand) {
	case OPERAND_ID_TDR:
		return take_hp(other, &td->pamt->lock);
	case OPERAND_ID_OP_STATE:
		return take_hp(other, &td->op_state_lock);
	case OPERAND_ID_SEPT_TREE:
		return take_plain(other, &td->tree_lock);
	default:
		return take_plain(other, &td->epoch_lock);
	}
}

bool other_party_take(struct call *c, u32 operand, struct other_party *other)
{
	struct tdx_module *m = c->m;

	switch (operand) {
	case OPERAND_ID_RCX:
		if (walks_sept(c))
			return find_entry(c) && take_entry(other, c->at.entry);
		return take_page(c, c->rcx, other);
	case OPERAND_ID_RDX:
		return take_page(c, c->rdx, other);
	case OPERAND_ID_R8:
		return take_page(c, c->regs->r8, other);
	case OPERAND_ID_R12:
		return take_page(c, c->regs->r12, other);
	case OPERAND_ID_R13:
		return take_page(c, c->regs->r13, other);
	case OPERAND_ID_TDR:
	case OPERAND_ID_OP_STATE:
	case OPERAND_ID_SEPT_TREE:
	case OPERAND_ID_TD_EPOCH:
		return take_of_td(c, operand, other);
	case OPERAND_ID_KOT:
		return take_plain(other, &m->kot_lock);
	case OPERAND_ID_WBCACHE:
		return take_plain(other, &m->package[m->hw->cpu[c->lp].package].wb_lock);
	case OPERAND_ID_SYS:
		return take_plain(other, &m->sys_lock);
	}
	return false;
}

/*
 * Let go as the other party would, leaving a waiting host's priority mark. A
 * leaf that was not stopped may have changed the entry: the bit is all we own.
 */
void other_party_drop(struct other_party *other)
{
	*other->lock = (*other->lock & other->release.mask) - other->release.minus;
}

static bool has_entry_info(u64 status)
{
	switch (TDX_STATUS(status)) {
	case TDX_EPT_WALK_FAILED:
	case TDX_EPT_ENTRY_STATE_INCORRECT:
	case TDX_EPT_ENTRY_NOT_PRESENT:
	case TDX_GPA_RANGE_NOT_BLOCKED:
	case TDX_GPA_RANGE_ALREADY_BLOCKED:
	case TDX_EPT_PAGE_NOT_FREE:
	case TDX_EPT_INVALID_PROMOTE_CONDITIONS:
		return TDX_DETAILS(status) == OPERAND_ID_RCX;
	case TDX_OPERAND_BUSY:
		return TDX_DETAILS(status) == OPERAND_ID_RCX;
	}
	return false;
}

void refused_outputs(struct call *c, u64 status)
{
	if (!walks_sept(c) || TDX_STATUS(status) == TDX_INTERRUPTED_RESTARTABLE)
		return;
	c->regs->rcx = c->regs->rdx = 0;
	if (has_entry_info(status) && find_entry(c))
		with_entry_info(c, status);
}
