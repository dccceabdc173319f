// SPDX-License-Identifier: GPL-2.0-only
/*
 * The checks leaves share, in the order the TDX module 1.5.01 makes them: page
 * operands and their PAMT locks, TD state, page-info operands, the S-EPT walk,
 * the entry lock and state, TLB tracking. Each takes its locks into struct
 * call; on the first failure the leaf is over and the dispatcher drops them.
 */
#include "model/tdx/leaf.h"

static inline bool hpa_malformed(hpa_t hpa)
{
	return hpa & ~SEPT_HPA_MASK;
}

/* The walk ends at @level, whose entry is held shared. */
static u64 walk_ends(struct call *c, u64 busy, u8 level, struct pamt_entry *entry, enum lock_how how)
{
	c->page = entry;
	c->page_level = level;
	if (how == SH)
		return TDX_SUCCESS;
	if (!hp_lock_promote(&entry->lock))
		return busy;
	c->held_end[-1].release = HELD_HP_EX;
	return TDX_SUCCESS;
}

static inline bool stops(const struct call *c, const struct pamt_entry *entry, u8 level, u8 target)
{
	return unlikely(target == level || c->m->pamt_stop[level] >> entry->type & 1);
}

/* Take @entry shared and note it at @held. */
static inline bool hold_shared(struct held *held, struct pamt_entry *entry)
{
	if (unlikely(!hp_lock_sh(&entry->lock)))
		return false;
	*held = (struct held){ &entry->lock, HELD_SH };
	return true;
}

/* A 4K entry that the leaf's own TDR is not: nobody has it or an entry above it. */
static inline bool passes_4k(const struct call *c, const struct pamt_block *block)
{
	const struct pamt_entry *one_g = block->level[2], *two_m = block->level[1];
	const struct pamt_entry *four_k = block->level[0];

	return passes(c, one_g->lock | two_m->lock | four_k->lock) && likely(four_k != c->tdr) &&
	       !stops(c, one_g, 2, 0) && !stops(c, two_m, 1, 0);
}

/*
 * Lock the entries of @block from 1G down to @target, or to the leaf that
 * covers it: parents shared, the last one as asked. Sets ->page, ->page_level.
 */
static __always_inline u64 lock_pamt(struct call *c, const struct pamt_block *block, u32 operand,
				     u8 target, enum lock_how how)
{
	struct pamt_entry *one_g = block->level[2], *two_m = block->level[1];
	struct pamt_entry *four_k = block->level[0];
	u64 busy = TDX_OPERAND_BUSY + operand;
	struct held *held = c->held_end;

	if (target == 0 && passes_4k(c, block)) {
		c->page = four_k;
		c->page_level = 0;
		return TDX_SUCCESS;
	}
	/* Not locked so far, but it is in use. */
	if (unlikely(c->alone && four_k == c->tdr && hold_shared(held, four_k)))
		c->held_end = ++held;
	if (!hold_shared(held, one_g))
		return busy;
	c->held_end = held + 1;
	if (stops(c, one_g, 2, target))
		return walk_ends(c, busy, 2, one_g, how);
	if (!hold_shared(held + 1, two_m))
		return busy;
	c->held_end = held + 2;
	if (stops(c, two_m, 1, target))
		return walk_ends(c, busy, 1, two_m, how);
	c->page = four_k;
	c->page_level = 0;
	if (unlikely(!(how == EX ? hp_lock_ex(&four_k->lock) : hp_lock_sh(&four_k->lock))))
		return busy;
	held[2] = (struct held){ &four_k->lock, how == EX ? HELD_HP_EX : HELD_SH };
	c->held_end = held + 3;
	return TDX_SUCCESS;
}

/*
 * Inlined by force, for with constant @target and @how half of it goes away:
 * every leaf comes through here once or twice.
 */
static __always_inline u64 pamt_operand(struct call *c, struct pamt_block *block, hpa_t hpa,
					u32 operand, u8 target, enum lock_how how)
{
	if (unlikely(hpa_malformed(hpa)))
		return TDX_OPERAND_INVALID + operand;
	c->page_hpa = hpa;
	if (unlikely(!pamt_block(c->m, hpa, block)))
		return TDX_OPERAND_ADDR_RANGE_ERROR + operand;
	return lock_pamt(c, block, operand, target, how);
}

u64 check_pamt(struct call *c, hpa_t hpa, u32 operand, u8 target, enum lock_how how)
{
	return pamt_operand(c, &c->block, hpa, operand, target, how);
}

static __always_inline u64 page_operand(struct call *c, struct pamt_block *block, hpa_t hpa,
					u32 operand, u8 type, enum lock_how how)
{
	CHECK(pamt_operand(c, block, hpa, operand, 0, how));
	if (unlikely(c->page_level || c->page->type != type)) {
		if (pamt_dynamic(c->m) && c->page_level == 1 && c->page->type == PT_NDA &&
		    type == PT_NDA)
			return TDX_MISSING_PAMT_PAGE_PAIR + operand;
		return TDX_PAGE_METADATA_INCORRECT + operand;
	}
	if (unlikely(c->page->flags & PAMT_IS_PAMT_PAGE))
		return TDX_PAGE_METADATA_INCORRECT + operand;
	return TDX_SUCCESS;
}

u64 check_page(struct call *c, hpa_t hpa, u32 operand, u8 type, enum lock_how how)
{
	return page_operand(c, &c->block, hpa, operand, type, how);
}

u64 check_new_page(struct call *c, hpa_t hpa, u32 operand)
{
	return page_operand(c, &c->block, hpa, operand, PT_NDA, EX);
}

/* A 2M page the host gives: the entry must be free and so must all below it. */
u64 check_new_large_page(struct call *c, hpa_t hpa, u32 operand, u8 level)
{
	if (!IS_ALIGNED(hpa, sept_level_size(level)))
		return TDX_OPERAND_INVALID + operand;
	CHECK(check_pamt(c, hpa, operand, level, EX));
	if (c->page_level != level || c->page->type != PT_NDA || c->page->children ||
	    c->page->reserved)
		return TDX_PAGE_METADATA_INCORRECT + operand;
	return TDX_SUCCESS;
}

static __always_inline u64 tdr_operand(struct call *c, hpa_t hpa, u32 operand, enum lock_how how)
{
	struct pamt_block block;

	CHECK(page_operand(c, &block, hpa, operand, PT_TDR, how));
	c->tdr = c->page;
	c->td = c->page->td;
	return TDX_SUCCESS;
}

u64 check_tdr(struct call *c, hpa_t hpa, u32 operand, enum lock_how how)
{
	return tdr_operand(c, hpa, operand, how);
}

u64 check_owner_tdr(struct call *c, const struct pamt_entry *page, enum lock_how how)
{
	struct pamt_entry *tdr = pamt_at(c->m, page->owner, 0);

	if (!(how == EX ? hp_lock_ex(&tdr->lock) : hp_lock_sh(&tdr->lock)))
		return tdx_on(TDX_OPERAND_BUSY, TDR);
	call_holds(c, &tdr->lock, how == EX ? HELD_HP_EX : HELD_SH);
	c->tdr = tdr;
	c->td = tdr->td;
	return TDX_SUCCESS;
}

u64 check_tdvpr(struct call *c, hpa_t hpa, u32 operand, enum lock_how how)
{
	CHECK(check_page(c, hpa, operand, PT_TDVPR, how));
	c->tdvpr = c->page;
	c->vcpu = c->page->vcpu;
	return check_owner_tdr(c, c->page, SH);
}

/* What ->tdvpr belongs to. Its own PAMT entry leads there, too. */
static inline u64 entered_tdr(struct call *c)
{
	struct pamt_entry *tdr = c->vcpu->td->pamt;

	if (!passes(c, tdr->lock)) {
		if (!hp_lock_sh(&tdr->lock))
			return tdx_on(TDX_OPERAND_BUSY, TDR);
		call_holds(c, &tdr->lock, HELD_SH);
	}
	c->tdr = tdr;
	c->td = tdr->td;
	return TDX_SUCCESS;
}

static inline u64 td_keys(const struct call *c)
{
	if (unlikely(c->td->fatal))
		return TDX_TD_FATAL;
	if (unlikely(c->td->lifecycle != TD_KEYS_CONFIGURED))
		return TDX_TD_KEYS_NOT_CONFIGURED;
	return TDX_SUCCESS;
}

u64 check_td_keys(struct call *c)
{
	return td_keys(c);
}

static __always_inline u64 td_state(struct call *c, bool lock_op_state)
{
	struct td *td = c->td;

	CHECK(td_keys(c));
	if (unlikely(td->tdcx_count < TDX_TDCX_MIN))
		return TDX_TDCS_NOT_ALLOCATED;
	if (lock_op_state && !passes(c, td->op_state_lock)) {
		if (!hp_lock_sh(&td->op_state_lock))
			return tdx_on(TDX_OPERAND_BUSY, OP_STATE);
		call_holds(c, &td->op_state_lock, HELD_SH);
	}
	if (unlikely(c->info->op_states[td->op_state] != 'x'))
		return TDX_OP_STATE_INCORRECT;
	return TDX_SUCCESS;
}

u64 check_td_state(struct call *c, bool lock_op_state)
{
	return td_state(c, lock_op_state);
}

u64 check_entered_vcpu(struct call *c, hpa_t hpa)
{
	struct pamt_block block;

	c->alone = call_is_alone(c);
	CHECK(page_operand(c, &block, hpa, OPERAND_ID_RCX, PT_TDVPR, SH));
	c->tdvpr = c->page;
	c->vcpu = c->page->vcpu;
	CHECK(entered_tdr(c));
	return td_state(c, true);
}

static inline u64 page_info(struct call *c, u8 level_min, u8 level_max)
{
	u8 level = c->rcx & 7;

	c->gpa = c->rcx & GENMASK_ULL(51, PAGE_SHIFT);
	c->level = level;
	if (unlikely(c->rcx & (GENMASK_ULL(63, 52) | GENMASK_ULL(11, 3)) || level < level_min ||
		     level > level_max ||
		     (level && !IS_ALIGNED(c->gpa, sept_level_size(level)))))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	return TDX_SUCCESS;
}

u64 check_page_info(struct call *c, u8 level_min, u8 level_max)
{
	return page_info(c, level_min, level_max);
}

bool td_gpa_private_valid(const struct td *td, gpa_t gpa)
{
	return !(gpa & (td->gpaw ? GENMASK_ULL(63, 51) : GENMASK_ULL(63, 47)));
}

u64 with_entry_info(struct call *c, u64 status)
{
	const struct sept_pos *at = &c->at;
	u64 rcx = at->value & (SEPT_RWX | SEPT_PS);
	u8 arch = 0;

	if (at->state == SEPT_FREE)
		rcx = SEPT_SVE;
	else if (sept_is_leaf(at->value))
		rcx = at->value & (SEPT_RWX | SEPT_MT_WB | SEPT_IPAT | SEPT_PS | SEPT_HPA_MASK |
				   SEPT_KEYID_MASK | SEPT_SVE);
	if (at->state < SEPT_STATE_NR)
		arch = sept_state_info[at->state].arch;
	c->regs->rcx = rcx;
	c->regs->rdx = at->level | (u64)arch << 8;
	return status;
}

static __always_inline u64 walk(struct call *c, enum tree_how how)
{
	struct td *td = c->td;

	if (unlikely(!td_gpa_private_valid(td, c->gpa)))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	if (how == TREE_SH && !passes(c, td->tree_lock)) {
		if (!sx_lock_sh(&td->tree_lock))
			return tdx_on(TDX_OPERAND_BUSY, SEPT_TREE);
		call_holds(c, &td->tree_lock, HELD_SH);
	} else if (how == TREE_EX && !passes(c, td->tree_lock)) {
		if (!sx_lock_ex(&td->tree_lock))
			return tdx_on(TDX_OPERAND_BUSY, SEPT_TREE);
		call_holds(c, &td->tree_lock, HELD_SX_EX);
	}
	if (unlikely(!sept_walk(c->m, td, c->gpa, c->level, &c->at)))
		return with_entry_info(c, tdx_on(TDX_EPT_WALK_FAILED, RCX));
	return TDX_SUCCESS;
}

u64 check_walk(struct call *c, enum tree_how how)
{
	return walk(c, how);
}

static inline u64 entry_lock(struct call *c)
{
	if (passes_entry(c, *c->at.entry))
		return TDX_SUCCESS;
	if (unlikely(!entry_lock_host(c->at.entry)))
		return with_entry_info(c, tdx_on(TDX_OPERAND_BUSY, RCX));
	call_holds(c, (u16 *)c->at.entry, HELD_ENTRY);
	if (unlikely((*c->at.entry & ~SEPT_TDEL) != c->at.value))
		sept_reread(&c->at);
	return TDX_SUCCESS;
}

u64 check_entry_lock(struct call *c)
{
	return entry_lock(c);
}

/* In one piece, because most calls of a running TD go this way. */
u64 check_locked_entry(struct call *c, u8 level_min, u8 level_max, enum tree_how how)
{
	/* A large page is locked above the 4K entries, where the TDR's way goes, too. */
	c->alone = !(c->rcx & 7) && call_is_alone(c);
	CHECK(tdr_operand(c, c->rdx, OPERAND_ID_RDX, SH));
	CHECK(td_state(c, true));
	CHECK(page_info(c, level_min, level_max == LEVEL_ROOT ? c->td->root_level : level_max));
	if (how == TREE_SH)
		CHECK(walk(c, TREE_SH));
	else
		CHECK(walk(c, TREE_EX));
	return entry_lock(c);
}

u64 check_entry_of(struct call *c, u8 level_min, u8 level_max, enum tree_how how)
{
	CHECK(check_locked_entry(c, level_min, level_max, how));
	if (unlikely(!sept_allows(c)))
		return with_entry_info(c, tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX));
	return TDX_SUCCESS;
}

u64 check_entry(struct call *c)
{
	CHECK(entry_lock(c));
	if (unlikely(!sept_allows(c)))
		return with_entry_info(c, tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX));
	return TDX_SUCCESS;
}

u64 check_found_page(struct call *c, hpa_t hpa, u8 level, u32 operand)
{
	struct pamt_entry *entry;

	pamt_block(c->m, hpa, &c->block);
	entry = c->block.level[level];
	c->page = entry;
	c->page_hpa = hpa;
	c->page_level = level;
	if (passes(c, entry->lock) && likely(entry != c->tdr))
		return TDX_SUCCESS;
	if (unlikely(!hp_lock_ex(&entry->lock)))
		return TDX_OPERAND_BUSY + operand;
	call_holds(c, &entry->lock, HELD_HP_EX);
	return TDX_SUCCESS;
}

u64 check_track(struct call *c, u64 bepoch)
{
	u8 state = c->at.state;

	if (!td_live(c->td) || !sept_state_info[state].tracked)
		return TDX_SUCCESS;
	if (unlikely(state != SEPT_BLOCKED && state != SEPT_PENDING_BLOCKED &&
		     state != SEPT_NL_BLOCKED))
		return with_entry_info(c, tdx_on(TDX_GPA_RANGE_NOT_BLOCKED, RCX));
	if (unlikely(!epoch_tracked(c->td, bepoch)))
		return tdx_on(TDX_TLB_TRACKING_NOT_DONE, RCX);
	return TDX_SUCCESS;
}
