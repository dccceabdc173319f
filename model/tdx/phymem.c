// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.PHYMEM.*: page metadata, reclaim of a dead TD's pages, cache write-back.
 * Order of checks and outputs after the TDX module 1.5.01; RDMD's pair outputs
 * after the public 2.0 tree with dynamic PAMT.
 */
#include "model/tdx/leaf.h"

#define RDMD_NON_LEAF	BIT_ULL(63)	/* dynamic PAMT: the entry holds a page pair */

u64 check_tdh_phymem_page_rdmd(struct call *c)
{
	struct tdx_module_args *regs = c->regs;
	u8 level = 0;

	regs->rcx = regs->rdx = regs->r8 = regs->r9 = regs->r10 = regs->r11 = 0;
	if (pamt_dynamic(c->m)) {	/* the level to look at may be asked for */
		level = c->rcx & 7;
		if (level > 2)
			return tdx_on(TDX_OPERAND_INVALID, RCX);
	}
	return check_pamt(c, c->rcx - level, OPERAND_ID_RCX, level, SH);
}

u64 commit_tdh_phymem_page_rdmd(struct call *c)
{
	const struct pamt_entry *page = c->page;
	struct tdx_module_args *regs = c->regs;

	regs->rcx = page->type;
	if (!c->page_level && page->flags & PAMT_IS_PAMT_PAGE)
		regs->rcx = PT_PAMT;
	regs->rdx = page->owner;
	regs->r8 = page->type == PT_NDA ? 0 : c->page_level;
	if (page->type == PT_REG || page->type == PT_EPT)
		regs->r9 = page->bepoch;
	if (c->page_level == 1 && page->type == PT_PAMT) {
		regs->rcx |= RDMD_NON_LEAF;
		regs->r10 = page->pair[0];
		regs->r11 = page->pair[1];
	}
	return TDX_SUCCESS;
}

u64 check_tdh_phymem_page_reclaim(struct call *c)
{
	struct tdx_module_args *regs = c->regs;
	struct pamt_entry *page;

	regs->rcx = regs->rdx = regs->r8 = 0;
	CHECK(check_pamt(c, c->rcx, OPERAND_ID_RCX, 0, EX));
	page = c->page;
	if (!pamt_type_info[page->type].owned && page->type != PT_TDR)
		return tdx_on(TDX_PAGE_METADATA_INCORRECT, RCX);
	regs->rcx = page->type;
	regs->rdx = page->owner;
	regs->r8 = c->page_level;
	if (!IS_ALIGNED(c->page_hpa, sept_level_size(c->page_level)))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	if (page->type == PT_TDR) {
		c->td = page->td;
		if (c->td->lifecycle != TD_TEARDOWN)
			return TDX_LIFECYCLE_STATE_INCORRECT;
		return c->td->child_count ? TDX_TD_ASSOCIATED_PAGES_EXIST : TDX_SUCCESS;
	}
	CHECK(check_owner_tdr(c, page, SH));
	return c->td->lifecycle == TD_TEARDOWN ? TDX_SUCCESS : TDX_LIFECYCLE_STATE_INCORRECT;
}

static void forget_td(struct tdx_module *m, struct td *td)
{
	struct td **link = &m->tds;

	while (*link != td)
		link = &(*link)->next;
	*link = td->next;
	pool_free(&m->td_pool, td);
}

static void forget_vcpu(struct tdx_module *m, struct vcpu *vcpu)
{
	struct vcpu **link = &m->vcpus;

	while (*link != vcpu)
		link = &(*link)->next;
	*link = vcpu->next;
	for (u32 i = 0; i < m->hw->cpu_count; i++)
		if (m->last_vcpu[i] == vcpu)
			m->last_vcpu[i] = NULL;
	for (struct vcpu_field *field = vcpu->fields, *next; field; field = next) {
		next = field->next;
		pool_free(&m->field_pool, field);
	}
	pool_free(&m->vcpu_pool, vcpu);
}

u64 commit_tdh_phymem_page_reclaim(struct call *c)
{
	struct pamt_entry *page = c->page;

	if (page->type == PT_TDR)
		forget_td(c->m, c->td);
	else
		c->td->child_count -= sept_level_pages(c->page_level);
	if (page->type == PT_TDVPR)
		forget_vcpu(c->m, page->vcpu);
	page->td = NULL;
	pamt_set(c, &c->block, c->page_level, c->page_hpa, PT_NDA, 0);
	c->regs->rcx |= pamt_free_hint(c->m, &c->block);
	return TDX_SUCCESS;
}

/* A freed 2M page keeps no 4K entries with dynamic PAMT: NDA at any level will do. */
u64 check_tdh_phymem_page_wbinvd(struct call *c)
{
	if (c->rcx >> 52)
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	c->alone = call_is_alone(c);
	CHECK(check_pamt(c, c->rcx & ~SEPT_KEYID_MASK, OPERAND_ID_RCX, 0, SH));
	if (c->page->type != PT_NDA || (!c->page_level && c->page->flags & PAMT_IS_PAMT_PAGE))
		return tdx_on(TDX_PAGE_METADATA_INCORRECT, RCX);
	return TDX_SUCCESS;
}

u64 commit_tdh_phymem_page_wbinvd(struct call *c)
{
	hw_clflush(c->m->hw, c->page_hpa, c->rcx >> HW_PHYS_BITS);
	return TDX_SUCCESS;
}

/* HKIDs whose caches this package still has to write back. */
static u64 flushed_hkids(const struct tdx_module *m, u32 package)
{
	u64 hkids = 0;

	for (u32 i = 0; i < m->hw->keyid_count; i++)
		if (m->kot[i].state == HKID_FLUSHED && m->kot[i].wb_packages & BIT_ULL(package))
			hkids |= BIT_ULL(i);
	return hkids;
}

static_assert(HW_KEYID_MAX <= 64, "a set of HKIDs is one u64");

u64 check_tdh_phymem_cache_wb(struct call *c)
{
	struct tdx_module *m = c->m;
	u32 nr = m->hw->cpu[c->lp].package;
	struct package *package = &m->package[nr];

	if (c->rcx > 1)
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	if (!sx_lock_ex(&package->wb_lock))
		return tdx_on(TDX_OPERAND_BUSY, WBCACHE);
	call_holds(c, &package->wb_lock, HELD_SX_EX);
	if (!sx_lock_sh(&m->kot_lock))
		return tdx_on(TDX_OPERAND_BUSY, KOT);
	call_holds(c, &m->kot_lock, HELD_SH);
	if (c->rcx) {
		c->scratch = package->wb_pending;
		return c->scratch ? TDX_SUCCESS : TDX_WBCACHE_RESUME_ERROR;
	}
	c->scratch = flushed_hkids(m, nr);
	return c->scratch ? TDX_SUCCESS : TDX_NO_HKID_READY_TO_WBCACHE;
}

u64 commit_tdh_phymem_cache_wb(struct call *c)
{
	struct tdx_module *m = c->m;
	u32 nr = m->hw->cpu[c->lp].package;

	m->package[nr].wb_pending = c->scratch;
	if (host_interrupted(c))
		return TDX_INTERRUPTED_RESUMABLE;
	hw_wbinvd(m->hw, nr);
	for (u32 i = 0; i < m->hw->keyid_count; i++)
		if (c->scratch & BIT_ULL(i))
			m->kot[i].wb_packages &= ~BIT_ULL(nr);
	m->package[nr].wb_pending = 0;
	return TDX_SUCCESS;
}
