// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.MEM.PAGE.DEMOTE and PROMOTE: one large leaf becomes 512 small ones and
 * back. Order of checks after the TDX module 1.5.01: DEMOTE looks for an
 * interrupt after the new S-EPT page is written, and locks the large page last.
 * Module 1.5+nointr and 2.0 do not look for one (TDs here have no nested VMs).
 * PAMT pair operands of DEMOTE after the public 2.0 tree; PROMOTE returns the
 * freed pair in the same registers, which is this model's reading.
 */
#include "model/tdx/leaf.h"

#define DEMOTE_L2_SEPT_ADD_MODE	1ULL
#define L2_UNUSED		BIT_ULL(63)

static bool needs_pair(const struct call *c)
{
	return pamt_dynamic(c->m) && c->level == 1;
}

u64 check_tdh_mem_page_demote(struct call *c)
{
	struct tdx_module_args *regs = c->regs;
	hpa_t pair[2] = { regs->r12, regs->r13 }, large;

	regs->rcx = regs->rdx = 0;
	if (c->rdx & (GENMASK_ULL(11, 1) | GENMASK_ULL(63, 52)))
		return tdx_on(TDX_OPERAND_INVALID, RDX);
	CHECK(check_tdr(c, c->rdx & ~DEMOTE_L2_SEPT_ADD_MODE, OPERAND_ID_RDX, SH));
	CHECK(check_td_state(c, true));
	CHECK(check_page_info(c, 1, 2));
	CHECK(check_walk(c, TREE_SH));
	CHECK(check_entry(c));
	large = sept_page(c->at.value, c->level);
	CHECK(check_track(c, pamt_at(c->m, large, c->level)->bepoch));
	CHECK(check_new_page(c, regs->r8, OPERAND_ID_R8));
	hw_movdir64b(c->m->hw, c->page_hpa, c->td->hkid, TOKEN_ZERO);
	c->scratch = c->page_hpa;
	if (c->m->config.version == TDX_MODULE_1_5 && host_interrupted(c)) {
		regs->rcx = c->rcx;
		regs->rdx = c->rdx;
		return TDX_INTERRUPTED_RESTARTABLE;
	}
	if (needs_pair(c))
		CHECK(check_pamt_pair(c, pair, (const u32[]){ OPERAND_ID_R12, OPERAND_ID_R13 }));
	return check_found_page(c, large, c->level, OPERAND_ID_RCX);
}

/* The large page's entry hands the page down to 512 entries one level below. */
static void pamt_demote(struct call *c, hpa_t large)
{
	const hpa_t pair[2] = { c->regs->r12, c->regs->r13 };
	struct pamt_block block;
	u8 child = c->level - 1;

	pamt_block(c->m, large, &block);
	if (needs_pair(c))
		pamt_pair_install(c, &block, large, pair);
	else
		pamt_set(c, &block, c->level, large, PT_NDA, 0);
	for (u32 i = 0; i < SEPT_ENTRIES; i++) {
		hpa_t page = large + i * sept_level_size(child);

		pamt_block(c->m, page, &block);
		pamt_set(c, &block, child, page, PT_REG, c->td->tdr);
		block.level[child]->bepoch = 0;
	}
}

u64 commit_tdh_mem_page_demote(struct call *c)
{
	hpa_t large = c->page_hpa, page = c->scratch;
	bool pending = c->at.value & SEPT_TDP;
	u8 child = c->level - 1;
	struct td *td = c->td;
	struct sept_table *table = sept_table_new(c->m, td, page, c->gpa, child);
	struct pamt_block block;

	sept_set(c, c->at.table, c->at.index, sept_table_entry(td, c->m, page));
	pamt_demote(c, large);
	for (u32 i = 0; i < SEPT_ENTRIES; i++)
		sept_set(c, table, i,
			 sept_leaf_entry(td, c->m, pending ? SEPT_PENDING : SEPT_MAPPED,
					 large + i * sept_level_size(child)));
	pamt_block(c->m, page, &block);
	pamt_set(c, &block, 0, page, PT_EPT, td->tdr);
	block.level[0]->table = table;
	td->child_count++;
	c->regs->r9 |= L2_UNUSED;
	c->regs->r10 |= L2_UNUSED;
	c->regs->r11 |= L2_UNUSED;
	return TDX_SUCCESS;
}

/* Child 0 says what the merged leaf will be; the others must continue it. */
static bool promotable(const u64 *entry, u8 child_level, u32 i)
{
	u64 first = entry[0] & ~SEPT_TDEL, value = entry[i] & ~SEPT_TDEL;
	u8 state = sept_state(first);

	if (i)
		return value == first + i * sept_level_size(child_level);
	return (state == SEPT_MAPPED || state == SEPT_PENDING) &&
	       IS_ALIGNED(sept_hpa(first), sept_level_size(child_level + 1));
}

/* Look at each child with its lock held; on failure give back what was locked. */
static u64 lock_children(struct call *c, struct sept_table *table)
{
	u64 image[SEPT_ENTRIES], status = TDX_SUCCESS;
	u32 locked;

	for (locked = 0; locked < SEPT_ENTRIES; locked++) {
		image[locked] = table->entry[locked];
		if (!entry_lock_host(&table->entry[locked])) {
			status = with_entry_info(c, tdx_on(TDX_OPERAND_BUSY, RCX));
			break;
		}
		if (!promotable(image, table->level, locked)) {
			status = with_entry_info(c,
						 tdx_on(TDX_EPT_INVALID_PROMOTE_CONDITIONS, RCX));
			locked++;
			break;
		}
	}
	if (!status)
		c->locked_table = table;
	for (u32 i = 0; status && i < locked; i++)
		entry_unlock(&table->entry[i]);
	return status;
}

u64 check_tdh_mem_page_promote(struct call *c)
{
	struct sept_table *table;

	c->regs->rcx = c->regs->rdx = 0;
	CHECK(check_entry_of(c, 1, 2, TREE_SH));
	CHECK(check_found_page(c, sept_hpa(c->at.value), 0, OPERAND_ID_RCX));
	CHECK(check_track(c, c->page->bepoch));
	table = c->page->table;
	CHECK(lock_children(c, table));
	if (host_interrupted(c)) {
		c->regs->rcx = c->rcx;
		c->regs->rdx = c->rdx;
		return TDX_INTERRUPTED_RESTARTABLE;
	}
	c->scratch = c->page_hpa;
	return check_found_page(c, sept_page(table->entry[0], c->level), c->level, OPERAND_ID_RCX);
}

/* 512 entries hand the page up to the one above them. */
static void pamt_promote(struct call *c, hpa_t large)
{
	hpa_t pair[2] = { 0, 0 };
	struct pamt_block block;
	u8 child = c->level - 1;

	for (u32 i = 0; i < SEPT_ENTRIES; i++) {
		hpa_t page = large + i * sept_level_size(child);

		pamt_block(c->m, page, &block);
		pamt_set(c, &block, child, page, PT_NDA, 0);
	}
	pamt_block(c->m, large, &block);
	if (needs_pair(c)) {
		pamt_pair_take(c, &block, pair);
		c->regs->r12 = pair[0];
		c->regs->r13 = pair[1];
	}
	pamt_set(c, &block, c->level, large, PT_REG, c->td->tdr);
	if (c->m->config.version >= TDX_MODULE_2_0)
		block.level[c->level]->bepoch = 0;
}

u64 commit_tdh_mem_page_promote(struct call *c)
{
	struct sept_table *table = pamt_at(c->m, c->scratch, 0)->table;
	hpa_t large = c->page_hpa;
	u8 state = sept_state(table->entry[0]);
	struct pamt_block block;

	for (u32 i = 0; i < SEPT_ENTRIES; i++)
		sept_set(c, table, i, SEPT_ENTRY_FREE);
	call_release_table(c);
	pamt_promote(c, large);
	sept_set(c, c->at.table, c->at.index, sept_leaf_entry(c->td, c->m, state, large));
	pamt_block(c->m, c->scratch, &block);
	pamt_set(c, &block, 0, c->scratch, PT_NDA, 0);
	block.level[0]->table = NULL;
	sept_table_free(c->m, table);
	c->td->child_count--;
	c->regs->rcx = c->scratch | pamt_free_hint(c->m, &block);
	return TDX_SUCCESS;
}
