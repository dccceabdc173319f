/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The world the conformance tests start every cell from, and for each leaf the
 * operands that make it succeed there. One debug TD under construction:
 *
 *   gpa           level  state       what for
 *   FREE_4K       4K     FREE        ADD, AUG
 *   MAPPED_4K     4K     MAPPED      MR.EXTEND, BLOCK, MEM.RD, MEM.WR
 *   BLOCKED_4K    4K     BLOCKED     REMOVE, UNBLOCK, RELOCATE
 *   BLOCKED_2M    2M     PENDING_BLOCKED	DEMOTE
 *   FULL_TABLE    2M     NL_BLOCKED over 512 MAPPED	PROMOTE
 *   EMPTY_TABLE   2M     NL_BLOCKED over nothing	SEPT.REMOVE
 *   FREE_2M       2M     FREE        SEPT.ADD
 *
 * and three vCPUs: 0 ready, 1 with all pages but not initialised, 2 bare.
 */
#ifndef SEPTUM_TESTS_TDX_WORLD_H
#define SEPTUM_TESTS_TDX_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/tdx_rig.h"

#define GPA0		0x40000000ULL
#define FREE_4K		GPA0
#define MAPPED_4K	(GPA0 + PAGE_SIZE)
#define BLOCKED_4K	(GPA0 + 2 * PAGE_SIZE)
#define BLOCKED_2M	(GPA0 + SZ_2M)
#define FULL_TABLE	(GPA0 + 2 * SZ_2M)
#define EMPTY_TABLE	(GPA0 + 3 * SZ_2M)
#define FREE_2M		(GPA0 + 4 * SZ_2M)
#define PAGE_OF(gpa)	(RIG_PAGES + (gpa) - GPA0)
#define NEW_PAGE	(RIG_PAGES + 16 * SZ_2M)	/* nobody's */
#define NEW_PAGE_2	(RIG_PAGES + 18 * SZ_2M)
#define BARE_TDR	RIG_TDR(1)			/* created, no key yet */

#define OK(expr)	assert_int_equal((expr), TDX_SUCCESS)

static inline void world_tables(struct rig *rig)
{
	OK(rig_tables(rig, 0, GPA0, 0));
	OK(rig_tables(rig, 0, FULL_TABLE, 0));
	OK(rig_tables(rig, 0, EMPTY_TABLE, 0));
	for (u32 i = 0; i < SEPT_ENTRIES; i++)
		OK(rig_call(rig, TDH_MEM_PAGE_ADD, FULL_TABLE + i * PAGE_SIZE, RIG_TDR(0),
			    PAGE_OF(FULL_TABLE) + i * PAGE_SIZE, RIG_INFO));
	OK(rig_call(rig, TDH_MEM_PAGE_ADD, MAPPED_4K, RIG_TDR(0), PAGE_OF(MAPPED_4K), RIG_INFO));
	OK(rig_call(rig, TDH_MEM_PAGE_ADD, BLOCKED_4K, RIG_TDR(0), PAGE_OF(BLOCKED_4K), RIG_INFO));
	OK(rig_call(rig, TDH_MEM_PAGE_AUG, BLOCKED_2M | 1, RIG_TDR(0), PAGE_OF(BLOCKED_2M), 0));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, BLOCKED_4K, RIG_TDR(0), 0, 0));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, BLOCKED_2M | 1, RIG_TDR(0), 0, 0));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, FULL_TABLE | 1, RIG_TDR(0), 0, 0));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, EMPTY_TABLE | 1, RIG_TDR(0), 0, 0));
}

static inline struct td *world_td(struct rig *rig)
{
	return td_find(rig->m, RIG_TDR(0));
}

static inline void world_make(struct rig *rig, const struct tdx_config *config)
{
	OK(rig_start(rig, config));
	rig->params[0] |= TD_ATTRIBUTES_DEBUG;
	OK(rig_td(rig, 0, 1));
	OK(rig_call(rig, TDH_VP_CREATE, RIG_TDVPR(0, 1), RIG_TDR(0), 0, 0));
	for (u32 i = 1; i < TDX_TDVPS_PAGES; i++)
		OK(rig_call(rig, TDH_VP_ADDCX, RIG_TDVPR(0, 1) + i * PAGE_SIZE, RIG_TDVPR(0, 1),
			    0, 0));
	OK(rig_call(rig, TDH_VP_CREATE, RIG_TDVPR(0, 2), RIG_TDR(0), 0, 0));
	world_tables(rig);
	for (u32 i = 0; i < 8; i++)
		OK(rig_call(rig, TDH_MEM_TRACK, RIG_TDR(0), 0, 0, 0));
	OK(rig_td_create(rig, 1));
	tdx_check(rig->m);
	assert_int_equal(rig->env->checker.broken_total, 0);
	arena_snapshot(rig->env->arena);
}

/* Operands that make a leaf succeed in the world, and what else must be so. */
struct world_case {
	u16 leaf;
	u64 rcx, rdx, r8, r9;
	bool uninitialized;	/* wants OP_STATE UNINITIALIZED */
	bool runnable;		/* wants OP_STATE RUNNABLE */
	gpa_t gpa;		/* whose entry it locks, 0 none */
	hpa_t page;		/* whose PAMT entry it takes exclusively, 0 none */
};

static const struct world_case world_cases[] = {
	{ TDH_VP_ENTER, RIG_TDVPR(0, 0), .runnable = true },
	{ TDH_MNG_ADDCX, NEW_PAGE, RIG_TDR(0), .uninitialized = true, .page = NEW_PAGE },
	{ TDH_MEM_PAGE_ADD, FREE_4K, RIG_TDR(0), NEW_PAGE, RIG_INFO, .page = NEW_PAGE },
	{ TDH_MEM_SEPT_ADD, FREE_2M | 1, RIG_TDR(0), NEW_PAGE, .gpa = FREE_2M, .page = NEW_PAGE },
	{ TDH_VP_ADDCX, NEW_PAGE, RIG_TDVPR(0, 2), .page = NEW_PAGE },
	{ TDH_MEM_PAGE_RELOCATE, BLOCKED_4K, RIG_TDR(0), NEW_PAGE, .gpa = BLOCKED_4K,
	  .page = NEW_PAGE },
	{ TDH_MEM_PAGE_AUG, FREE_4K, RIG_TDR(0), NEW_PAGE, .gpa = FREE_4K, .page = NEW_PAGE },
	{ TDH_MEM_RANGE_BLOCK, MAPPED_4K, RIG_TDR(0), .gpa = MAPPED_4K },
	{ TDH_VP_CREATE, NEW_PAGE, RIG_TDR(0), .page = NEW_PAGE },
	{ TDH_MNG_RD, RIG_TDR(0), 0x1110000300000000 },
	{ TDH_MEM_RD, MAPPED_4K, RIG_TDR(0), .gpa = MAPPED_4K },
	{ TDH_MNG_WR, RIG_TDR(0), 0x9110000300000011, 20000, ~0ULL },
	{ TDH_MEM_WR, MAPPED_4K, RIG_TDR(0), 7, .gpa = MAPPED_4K },
	{ TDH_MEM_PAGE_DEMOTE, BLOCKED_2M | 1, RIG_TDR(0), NEW_PAGE, .gpa = BLOCKED_2M,
	  .page = NEW_PAGE },
	{ TDH_MR_EXTEND, MAPPED_4K, RIG_TDR(0) },
	{ TDH_MR_FINALIZE, RIG_TDR(0) },
	{ TDH_VP_FLUSH, RIG_TDVPR(0, 0) },
	{ TDH_MNG_INIT, RIG_TDR(0), RIG_PARAMS, .uninitialized = true },
	{ TDH_VP_INIT, RIG_TDVPR(0, 1) },
	{ TDH_MEM_PAGE_PROMOTE, FULL_TABLE | 1, RIG_TDR(0), .gpa = FULL_TABLE },
	{ TDH_MEM_SEPT_RD, MAPPED_4K, RIG_TDR(0), .gpa = MAPPED_4K },
	{ TDH_VP_RD, RIG_TDVPR(0, 0), 0x0020000000000001 },
	{ TDH_MEM_PAGE_REMOVE, BLOCKED_4K, RIG_TDR(0), .gpa = BLOCKED_4K,
	  .page = PAGE_OF(BLOCKED_4K) },
	{ TDH_MEM_SEPT_REMOVE, EMPTY_TABLE | 1, RIG_TDR(0), .gpa = EMPTY_TABLE },
	{ TDH_MEM_TRACK, RIG_TDR(0) },
	{ TDH_MEM_RANGE_UNBLOCK, BLOCKED_4K, RIG_TDR(0), .gpa = BLOCKED_4K },
	{ TDH_VP_WR, RIG_TDVPR(0, 0), 0x2016, 1, ~0ULL },
	{ TDH_MNG_KEY_CONFIG, BARE_TDR },
	{ TDH_MNG_CREATE, NEW_PAGE, RIG_HKID + 5, .page = NEW_PAGE },
	{ TDH_MNG_VPFLUSHDONE, BARE_TDR },
	{ TDH_PHYMEM_PAGE_RDMD, NEW_PAGE },
	{ TDH_PHYMEM_PAGE_WBINVD, NEW_PAGE },
};

static inline const struct world_case *world_case_of(u16 leaf)
{
	for (u32 i = 0; i < ARRAY_SIZE(world_cases); i++)
		if (world_cases[i].leaf == leaf)
			return &world_cases[i];
	return NULL;
}

static inline u64 world_call(struct rig *rig, const struct world_case *k)
{
	rig->regs = (struct tdx_module_args){ .rcx = k->rcx, .rdx = k->rdx, .r8 = k->r8,
					      .r9 = k->r9 };
	return seamcall(rig->m, 0, k->leaf, &rig->regs);
}

static inline bool succeeded(u64 status)
{
	return TDX_STATUS(status) == TDX_SUCCESS;
}

/* A number that changes with anything the module would keep in memory. */
static inline u64 digest_bytes(u64 sum, const void *bytes, size_t size)
{
	const u8 *at = bytes;

	while (size--)
		sum = (sum ^ *at++) * 0x100000001b3ULL;
	return sum;
}

static inline u64 digest_table(struct tdx_module *m, u64 sum, const struct sept_table *table)
{
	sum = digest_bytes(sum, table->entry, sizeof(table->entry));
	for (u32 i = 0; i < SEPT_ENTRIES; i++) {
		u8 state = sept_state(table->entry[i]);

		if (table->level && (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED))
			sum = digest_table(m, sum, sept_child(m, table->entry[i]));
	}
	return sum;
}

static inline u64 digest_pamt(u64 sum, struct sparse *pamt)
{
	static const struct pamt_entry untouched;

	for (u64 i = 0; (i = sparse_next(pamt, i)) != ~0ULL; i++) {
		const struct pamt_entry *entry = sparse_get(pamt, i);

		if (memcmp(entry, &untouched, sizeof(*entry)))
			sum = digest_bytes(sum ^ i, entry, sizeof(*entry));
	}
	return sum;
}

static inline u64 world_digest(struct rig *rig)
{
	struct tdx_module *m = rig->m;
	u64 sum = 0xcbf29ce484222325ULL;

	for (const struct td *td = m->tds; td; td = td->next) {
		sum = digest_bytes(sum, td, offsetof(struct td, walked));
		sum = digest_bytes(sum, &td->attributes,
				   offsetof(struct td, child_sum) - offsetof(struct td, attributes));
		if (td->root)
			sum = digest_table(m, sum, td->root);
	}
	for (const struct vcpu *vcpu = m->vcpus; vcpu; vcpu = vcpu->next)
		sum = digest_bytes(sum, vcpu, sizeof(*vcpu));
	sum = digest_bytes(sum, m->kot, rig->hw->keyid_count * sizeof(*m->kot));
	sum = digest_pamt(sum, &m->pamt_4k);
	sum = digest_pamt(sum, &m->pamt_2m);
	return digest_pamt(sum, &m->pamt_1g);
}

static inline void assert_status(u64 got, u64 want, const char *leaf, const char *where)
{
	char a[96], b[96];

	if (got == want)
		return;
	tdx_status_print(got, a, sizeof(a));
	tdx_status_print(want, b, sizeof(b));
	fail_msg("%s, %s: %s instead of %s", leaf, where, a, b);
}

#endif /* SEPTUM_TESTS_TDX_WORLD_H */
