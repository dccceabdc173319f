// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.SYS.*: the module comes up and goes down. Order of states after the TDX
 * module 1.5.01; SYS.LP.INIT may come any time after SYS.INIT and SYS.CONFIG
 * does not wait for every processor, as in later 1.5 modules, which Linux
 * brings CPUs online with.
 *
 * Reduced: platform consistency checks (CPUID, MSR, SMRR) always pass.
 * SYS.TDMR.INIT does a whole 1 GB block a call, where the module needs 256
 * calls for it; the address it returns moves in 1 GB steps either way.
 */
#include <string.h>

#include "model/tdx/leaf.h"

#define SYS_CONFIG_DYNAMIC_PAMT	BIT_ULL(16)

static u64 lock_sys(struct call *c)
{
	if (!sx_lock_ex(&c->m->sys_lock))
		return TDX_SYS_BUSY;
	call_holds(c, &c->m->sys_lock, HELD_SX_EX);
	return TDX_SUCCESS;
}

u64 check_tdh_sys_init(struct call *c)
{
	CHECK(lock_sys(c));
	if (c->rcx)
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	return c->m->sys_state == SYS_INIT_PENDING ? TDX_SUCCESS : TDX_SYS_INIT_NOT_PENDING;
}

u64 commit_tdh_sys_init(struct call *c)
{
	c->m->sys_state = SYS_INIT_DONE;
	return TDX_SUCCESS;
}

u64 check_tdh_sys_lp_init(struct call *c)
{
	CHECK(lock_sys(c));
	if (c->m->sys_state == SYS_INIT_PENDING)
		return TDX_SYS_LP_INIT_NOT_PENDING;
	return c->m->lp_initialized & BIT_ULL(c->lp) ? TDX_SYS_LP_INIT_DONE : TDX_SUCCESS;
}

u64 commit_tdh_sys_lp_init(struct call *c)
{
	c->m->lp_initialized |= BIT_ULL(c->lp);
	return TDX_SUCCESS;
}

u64 check_tdh_sys_rd(struct call *c)
{
	c->regs->rdx = ~0ULL;
	c->regs->r8 = 0;
	if (c->rdx == ~0ULL) {
		c->regs->rdx = MD_SYS_FIRST;
		return TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT;
	}
	return md_read_sys(c->m, c->rdx, &c->scratch);
}

u64 commit_tdh_sys_rd(struct call *c)
{
	c->regs->r8 = c->scratch;
	return TDX_SUCCESS;
}

/* TDMR_INFO as the host writes it. */
struct tdmr_info {
	u64 base, size;
	struct {
		hpa_t base;
		u64 size;
	} pamt[3];		/* 1G, 2M, 4K */
	struct {
		u64 offset, size;
	} reserved[TDX_RESERVED_MAX];
};

static void read_host(struct tdx_module *m, hpa_t hpa, void *buf, u32 size)
{
	memset(buf, 0, size);
	if (m->phys_read && !m->phys_read(m->phys_read_ctx, hpa, buf, size))
		memset(buf, 0, size);
}

static bool overlap(u64 a, u64 a_size, u64 b, u64 b_size)
{
	return a < b + b_size && b < a + a_size;
}

/* All of simulated RAM is one convertible memory range. */
static bool in_cmr(const struct tdx_module *m, hpa_t hpa, u64 size)
{
	u64 end = m->hw->frame_count << PAGE_SHIFT;

	return hpa <= end && size <= end - hpa;
}

static u64 judge_reserved(const struct tdmr_info *info, u32 i, u32 *count)
{
	u64 last = 0;

	*count = 0;
	for (u32 r = 0; r < TDX_RESERVED_MAX && info->reserved[r].size; r++) {
		u64 offset = info->reserved[r].offset, size = info->reserved[r].size;

		if (!IS_ALIGNED(offset | size, PAGE_SIZE) || offset > info->size ||
		    size > info->size - offset)
			return TDX_INVALID_RESERVED_IN_TDMR + i;
		if (r && offset < last)
			return TDX_NON_ORDERED_RESERVED_IN_TDMR + i;
		last = offset + size;
		*count = r + 1;
	}
	return TDX_SUCCESS;
}

/* [hpa, hpa + size) touches memory of @info that is not reserved. */
static bool touches_available(const struct tdmr_info *info, u32 reserved, u64 hpa, u64 size)
{
	u64 start = info->base;

	for (u32 r = 0; r < reserved; r++) {
		u64 from = info->base + info->reserved[r].offset;

		if (start < from && overlap(hpa, size, start, from - start))
			return true;
		start = from + info->reserved[r].size;
	}
	return start < info->base + info->size &&
	       overlap(hpa, size, start, info->base + info->size - start);
}

/* Memory that is not reserved must be convertible. */
static bool available_in_cmr(const struct tdx_module *m, const struct tdmr_info *info, u32 reserved)
{
	u64 end = m->hw->frame_count << PAGE_SHIFT, last = info->base + info->size;

	return last <= end || !touches_available(info, reserved, end, last - end);
}

static u64 judge_pamt(const struct tdx_module *m, const struct tdmr_info *info, u32 i, bool dynamic)
{
	static const u64 page_size[3] = { SZ_1G, SZ_2M, SZ_4K };

	for (u32 p = 0; p < 3; p++) {
		u64 base = info->pamt[p].base, size = info->pamt[p].size;
		u64 need = info->size / page_size[p] * TDX_PAMT_ENTRY_SIZE;

		if (p == 2 && dynamic)
			need = info->size / SZ_4K / 8;
		if (!IS_ALIGNED(base | size, PAGE_SIZE) || base & ~SEPT_HPA_MASK || size < need ||
		    size > BIT_ULL(HW_PHYS_BITS))
			return TDX_INVALID_PAMT + (i | (2 - p) << 8);
		if (!in_cmr(m, base, size))
			return TDX_PAMT_OUTSIDE_CMRS + (i | (2 - p) << 8);
	}
	return TDX_SUCCESS;
}

static u64 judge_overlap(const struct tdmr_info *info, const struct tdmr *tdmr, u32 count)
{
	for (u32 i = 0; i < count; i++)
		for (u32 p = 0; p < 3; p++)
			for (u32 j = 0; j < count; j++) {
				u64 base = info[i].pamt[p].base, size = info[i].pamt[p].size;

				if (touches_available(&info[j], tdmr[j].reserved_count, base, size))
					return TDX_PAMT_OVERLAP + (i | (2 - p) << 8);
				for (u32 q = 0; q < 3; q++)
					if ((i != j || p != q) &&
					    overlap(base, size, info[j].pamt[q].base,
						    info[j].pamt[q].size))
						return TDX_PAMT_OVERLAP + (i | (2 - p) << 8);
			}
	return TDX_SUCCESS;
}

static u64 judge_tdmr(struct tdx_module *m, const struct tdmr_info *info, u32 i, bool dynamic,
		      struct tdmr *tdmr)
{
	u64 end = info[i].base + info[i].size;
	u32 reserved;

	if (!info[i].size || !IS_ALIGNED(info[i].base | info[i].size, SZ_1G) ||
	    end < info[i].base || end > BIT_ULL(HW_PHYS_BITS))
		return TDX_INVALID_TDMR + i;
	if (i && info[i].base < info[i - 1].base + info[i - 1].size)
		return TDX_NON_ORDERED_TDMR + i;
	CHECK(judge_reserved(&info[i], i, &reserved));
	if (!available_in_cmr(m, &info[i], reserved))
		return TDX_TDMR_OUTSIDE_CMRS + i;
	CHECK(judge_pamt(m, &info[i], i, dynamic));
	tdmr->base = info[i].base;
	tdmr->size = info[i].size;
	tdmr->reserved_count = reserved;
	for (u32 r = 0; r < reserved; r++) {
		tdmr->reserved[r].offset = info[i].reserved[r].offset;
		tdmr->reserved[r].size = info[i].reserved[r].size;
	}
	return TDX_SUCCESS;
}

/* The TDMRs go to the module only when all of them are right. */
static u64 judge_tdmrs(struct call *c, u32 count, bool dynamic)
{
	struct tdmr_info info[TDX_TDMR_MAX];
	struct tdmr tdmr[TDX_TDMR_MAX];
	struct tdx_module *m = c->m;

	memset(tdmr, 0, sizeof(tdmr));
	for (u32 i = 0; i < count; i++) {
		hpa_t hpa;

		read_host(m, c->rcx + i * sizeof(hpa), &hpa, sizeof(hpa));
		if (hpa & 0x1ff || hpa & ~(SEPT_HPA_MASK | 0xfff))
			return tdx_on(TDX_OPERAND_INVALID, TDMR_INFO_PA);
		read_host(m, hpa, &info[i], sizeof(info[i]));
		CHECK(judge_tdmr(m, info, i, dynamic, &tdmr[i]));
	}
	CHECK(judge_overlap(info, tdmr, count));
	m->tdmr = arena_alloc(m->env->arena, count * sizeof(*m->tdmr));
	memcpy(m->tdmr, tdmr, count * sizeof(*m->tdmr));
	return TDX_SUCCESS;
}

u64 check_tdh_sys_config(struct call *c)
{
	struct tdx_module *m = c->m;
	u64 hkid = c->regs->r8 & 0xffff, options = c->regs->r8 & ~0xffffULL;

	CHECK(lock_sys(c));
	if (m->sys_state != SYS_INIT_DONE)
		return TDX_SYS_CONFIG_NOT_PENDING;
	if (c->rcx & 0x1ff || c->rcx & ~(SEPT_HPA_MASK | 0xfff))
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	if (!c->rdx || c->rdx > TDX_TDMR_MAX)
		return tdx_on(TDX_OPERAND_INVALID, RDX);
	if (hkid >= m->hw->keyid_count || !hw_keyid_private(m->hw, hkid) ||
	    options & ~(m->config.dynamic_pamt ? SYS_CONFIG_DYNAMIC_PAMT : 0))
		return tdx_on(TDX_OPERAND_INVALID, R8);
	return judge_tdmrs(c, c->rdx, options);
}

u64 commit_tdh_sys_config(struct call *c)
{
	struct tdx_module *m = c->m;

	m->tdmr_count = c->rdx;
	m->global_hkid = c->regs->r8;
	m->dynamic_pamt = c->regs->r8 & SYS_CONFIG_DYNAMIC_PAMT;
	pamt_walk_rules(m);
	kot_set(c, m->global_hkid, HKID_RESERVED);
	m->sys_state = SYS_CONFIG_DONE;
	return TDX_SUCCESS;
}

u64 check_tdh_sys_key_config(struct call *c)
{
	struct tdx_module *m = c->m;

	CHECK(lock_sys(c));
	if (m->sys_state != SYS_CONFIG_DONE)
		return TDX_SYS_KEY_CONFIG_NOT_PENDING;
	if (m->package[m->hw->cpu[c->lp].package].key_configured)
		return TDX_KEY_CONFIGURED;
	return no_entropy(c) ? TDX_KEY_GENERATION_FAILED : TDX_SUCCESS;
}

u64 commit_tdh_sys_key_config(struct call *c)
{
	struct tdx_module *m = c->m;
	u32 left = 0;

	m->package[m->hw->cpu[c->lp].package].key_configured = true;
	for (u32 i = 0; i < m->hw->package_count; i++)
		left += !m->package[i].key_configured;
	if (!left)
		m->sys_state = SYS_READY;
	return TDX_SUCCESS;
}

u64 check_tdh_sys_tdmr_init(struct call *c)
{
	struct tdx_module *m = c->m;

	c->regs->rdx = 0;
	for (u32 i = 0; i < m->tdmr_count; i++) {
		struct tdmr *tdmr = &m->tdmr[i];

		if (tdmr->base != c->rcx)
			continue;
		if (!sx_lock_ex(&tdmr->lock))
			return tdx_on(TDX_OPERAND_BUSY, RCX);
		call_holds(c, &tdmr->lock, HELD_SX_EX);
		c->scratch = i;
		return tdmr->initialized >= tdmr->size ? TDX_TDMR_ALREADY_INITIALIZED : TDX_SUCCESS;
	}
	return tdx_on(TDX_OPERAND_INVALID, RCX);
}

u64 commit_tdh_sys_tdmr_init(struct call *c)
{
	struct tdmr *tdmr = &c->m->tdmr[c->scratch];
	struct pamt_entry *block = sparse_get(&c->m->pamt_1g,
					      (tdmr->base + tdmr->initialized) / SZ_1G);

	block->flags |= PAMT_INITIALIZED;
	tdmr->initialized += SZ_1G;
	c->regs->rdx = tdmr->base + tdmr->initialized;
	return TDX_SUCCESS;
}

u64 check_tdh_sys_shutdown(struct call *c)
{
	if (c->rcx > 1)
		return tdx_on(TDX_OPERAND_INVALID, RCX);
	CHECK(lock_sys(c));
	for (u32 i = 0; i < c->m->hw->cpu_count; i++)
		if (c->m->hw->cpu[i].in_guest)
			return TDX_SYS_BUSY;
	return TDX_SUCCESS;
}

u64 commit_tdh_sys_shutdown(struct call *c)
{
	c->m->sys_state = SYS_SHUT_DOWN;
	return TDX_SUCCESS;
}
