// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dynamic PAMT: the 4K entries of a 2M range exist only while the host lends
 * two pages for them. TDH.PHYMEM.PAMT.ADD and REMOVE after the public 2.0
 * tree. Which pages serve as PAMT is a bitmap there and a flag here.
 */
#include "model/tdx/leaf.h"

/* A page that nobody uses, not even as PAMT. Only its own 4K entry is locked. */
static u64 check_pamt_page(struct call *c, hpa_t hpa, u32 operand)
{
	struct pamt_block block;
	struct pamt_entry *leaf;
	u8 level;

	if (hpa & ~SEPT_HPA_MASK)
		return TDX_OPERAND_INVALID + operand;
	if (!pamt_block(c->m, hpa, &block))
		return TDX_OPERAND_ADDR_RANGE_ERROR + operand;
	if (!hp_lock_sh(&block.level[0]->lock))
		return TDX_OPERAND_BUSY + operand;
	call_holds(c, &block.level[0]->lock, HELD_SH);
	leaf = pamt_leaf(c->m, &block, &level);
	if (leaf->type != PT_NDA || block.level[0]->type != PT_NDA ||
	    block.level[0]->flags & PAMT_IS_PAMT_PAGE)
		return TDX_PAGE_NOT_FREE + operand;
	return TDX_SUCCESS;
}

u64 check_pamt_pair(struct call *c, const hpa_t pages[2], const u32 operands[2])
{
	CHECK(check_pamt_page(c, pages[0], operands[0]));
	CHECK(check_pamt_page(c, pages[1], operands[1]));
	return pages[0] == pages[1] ? TDX_PAGE_NOT_FREE + operands[1] : TDX_SUCCESS;
}

static void mark_pamt_page(struct call *c, hpa_t hpa, bool used)
{
	struct pamt_entry *page = pamt_at(c->m, hpa, 0);

	if (used)
		page->flags |= PAMT_IS_PAMT_PAGE;
	else
		page->flags &= ~PAMT_IS_PAMT_PAGE;
	pamt_at(c->m, hpa, 1)->reserved += used ? 1 : -1;
}

void pamt_pair_install(struct call *c, const struct pamt_block *block, hpa_t range,
		       const hpa_t pages[2])
{
	hpa_t *pair = pool_alloc(&c->m->pair_pool);

	pamt_set(c, block, 1, range, PT_PAMT, 0);
	block->level[1]->pair = pair;
	for (u32 i = 0; i < 2; i++) {
		pair[i] = pages[i];
		mark_pamt_page(c, pages[i], true);
		hw_movdir64b(c->m->hw, pages[i], c->m->global_hkid, TOKEN_ZERO);
	}
}

void pamt_pair_take(struct call *c, const struct pamt_block *block, hpa_t pages[2])
{
	hpa_t *pair = block->level[1]->pair;

	for (u32 i = 0; i < 2; i++) {
		pages[i] = pair[i];
		mark_pamt_page(c, pages[i], false);
	}
	block->level[1]->pair = NULL;
	pool_free(&c->m->pair_pool, pair);
}

/* RCX: level 1 and the 2M range; its 2M entry is locked exclusively. */
static u64 check_range(struct call *c)
{
	if (!c->m->dynamic_pamt)
		return tdx_on(TDX_OPERAND_INVALID, RAX);
	if ((c->rcx & (SZ_2M - 1)) != 1)
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	return TDX_SUCCESS;
}

u64 check_tdh_phymem_pamt_add(struct call *c)
{
	const hpa_t pages[2] = { c->rdx, c->regs->r8 };

	CHECK(check_range(c));
	if (c->rcx & ~(SEPT_HPA_MASK | 1))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	if (pages[0] & ~SEPT_HPA_MASK)
		return tdx_on(TDX_OPERAND_INVALID, RDX);
	if (pages[1] & ~SEPT_HPA_MASK)
		return tdx_on(TDX_OPERAND_INVALID, R8);
	CHECK(check_pamt(c, c->rcx & ~1ULL, OPERAND_ID_RCX, 1, EX));
	if (c->page_level != 1 || c->page->type != PT_NDA)
		return tdx_on(TDX_HPA_RANGE_NOT_FREE, RCX);
	return check_pamt_pair(c, pages, (const u32[]){ OPERAND_ID_RDX, OPERAND_ID_R8 });
}

u64 commit_tdh_phymem_pamt_add(struct call *c)
{
	const hpa_t pages[2] = { c->rdx, c->regs->r8 };

	pamt_pair_install(c, &c->block, c->page_hpa, pages);
	return TDX_SUCCESS;
}

/* Which of the two PAMT pages describes the first 4K page in use. */
static u32 page_in_use(struct call *c)
{
	for (u32 i = 0; i < SEPT_ENTRIES / 2; i++)
		if (pamt_at(c->m, c->page_hpa + i * PAGE_SIZE, 0)->type > PT_RSVD)
			return 0;
	return 1;
}

u64 check_tdh_phymem_pamt_remove(struct call *c)
{
	CHECK(check_range(c));
	CHECK(check_pamt(c, c->rcx & ~1ULL, OPERAND_ID_RCX, 1, EX));
	if (c->page_level != 1 || c->page->type != PT_PAMT)
		return tdx_on(TDX_NO_PAMT_PAGE_PAIR, RCX);
	return c->page->children ? TDX_PAMT_PAGE_NOT_EMPTY + page_in_use(c) : TDX_SUCCESS;
}

u64 commit_tdh_phymem_pamt_remove(struct call *c)
{
	hpa_t pages[2];

	pamt_pair_take(c, &c->block, pages);
	pamt_set(c, &c->block, 1, c->page_hpa, PT_NDA, 0);
	c->regs->rdx = pages[0];
	c->regs->r8 = pages[1];
	return TDX_SUCCESS;
}
