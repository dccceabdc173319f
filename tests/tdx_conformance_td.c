// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every leaf that names a TD in every key life-cycle state, in a fatal TD and in
 * one whose TDCS is not complete; and one story, with dynamic PAMT, that makes
 * every legal move of TDs, HKIDs, vCPUs and PAMT entries and no other.
 */
#include "tests/tdx_world.h"

/* What a leaf says in the states it does not work in; from the specification. */
enum group {
	G_STATE,	/* FATAL, then keys, then TDCS */
	G_ADDCX,	/* the same, without looking at the TDCS */
	G_FLUSH,	/* keys only */
	G_KEY_CONFIG,
	G_VPFLUSHDONE,
	G_FREEID,
	G_RECLAIM,
};

static u8 group_of(u16 leaf)
{
	switch (leaf) {
	case TDH_MNG_ADDCX: return G_ADDCX;
	case TDH_VP_FLUSH: return G_FLUSH;
	case TDH_MNG_KEY_CONFIG: return G_KEY_CONFIG;
	case TDH_MNG_VPFLUSHDONE: return G_VPFLUSHDONE;
	case TDH_MNG_KEY_FREEID: return G_FREEID;
	case TDH_PHYMEM_PAGE_RECLAIM: return G_RECLAIM;
	}
	return G_STATE;
}

static u64 expected(u8 group, u8 lifecycle, bool fatal, bool tdcs)
{
	switch (group) {
	case G_STATE:
	case G_ADDCX:
		if (fatal)
			return TDX_TD_FATAL;
		if (lifecycle != TD_KEYS_CONFIGURED)
			return TDX_TD_KEYS_NOT_CONFIGURED;
		return tdcs || group == G_ADDCX ? TDX_SUCCESS : TDX_TDCS_NOT_ALLOCATED;
	case G_FLUSH:
		return lifecycle == TD_KEYS_CONFIGURED ? TDX_SUCCESS : TDX_TD_KEYS_NOT_CONFIGURED;
	case G_KEY_CONFIG:
		if (fatal)
			return TDX_TD_FATAL;
		return lifecycle == TD_HKID_ASSIGNED ? TDX_SUCCESS : TDX_LIFECYCLE_STATE_INCORRECT;
	case G_VPFLUSHDONE:
		return lifecycle == TD_HKID_ASSIGNED || lifecycle == TD_KEYS_CONFIGURED ?
			       TDX_SUCCESS : TDX_LIFECYCLE_STATE_INCORRECT;
	case G_FREEID:
		return lifecycle == TD_BLOCKED ? TDX_SUCCESS : TDX_LIFECYCLE_STATE_INCORRECT;
	}
	return lifecycle == TD_TEARDOWN ? TDX_SUCCESS : TDX_LIFECYCLE_STATE_INCORRECT;
}

static const struct world_case more_cases[] = {
	{ TDH_MNG_KEY_FREEID, RIG_TDR(0) },
	{ TDH_PHYMEM_PAGE_RECLAIM, RIG_TD(0) + PAGE_SIZE },
};

static void cell(struct rig *rig, const struct world_case *k, u8 lifecycle, bool fatal, bool tdcs)
{
	struct td *td;
	u64 want = expected(group_of(k->leaf), lifecycle, fatal, tdcs), got, before;
	char where[64];

	arena_restore(rig->env->arena);
	td = k->rcx == BARE_TDR ? td_find(rig->m, BARE_TDR) : world_td(rig);
	td->lifecycle = lifecycle;
	td->fatal = fatal;
	td->op_state = k->uninitialized ? OP_UNINITIALIZED : k->runnable ? OP_RUNNABLE :
									   OP_INITIALIZED;
	if (!tdcs)
		td->tdcx_count = TDX_TDCX_MIN - 1;
	before = world_digest(rig);
	got = world_call(rig, k);
	snprintf(where, sizeof(where), "%s%s%s", td_lifecycle_info[lifecycle].name,
		 fatal ? ", fatal" : "", tdcs ? "" : ", TDCS incomplete");
	assert_status(want ? got : TDX_STATUS(got), want, tdx_leaf_info[k->leaf].name, where);
	if (want)
		assert_int_equal(before, world_digest(rig));
}

static void every_leaf_in_every_life_cycle_state(void **state)
{
	struct rig rig;
	u32 cells = 0;

	world_make(&rig, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(world_cases) + ARRAY_SIZE(more_cases); i++) {
		const struct world_case *k = i < ARRAY_SIZE(world_cases) ? &world_cases[i] :
					     &more_cases[i - ARRAY_SIZE(world_cases)];

		if (!(tdx_leaf_info[k->leaf].locks & (TL_TDR_SH | TL_TDR_EX)))
			continue;
		for (u8 lifecycle = 0; lifecycle < TD_LIFECYCLE_NR; lifecycle++)
			for (u32 fatal = 0; fatal < 2; fatal++, cells++)
				cell(&rig, k, lifecycle, fatal, true);
		if (group_of(k->leaf) != G_STATE)
			continue;
		cell(&rig, k, TD_KEYS_CONFIGURED, false, false);
		cells++;
	}
	print_message("leaf x life cycle: %u cells\n", cells);
	rig_stop(&rig);
}

/* -- The story -- */

static struct seen {
	bool td[TD_MACHINE_NR][16][16][TDX_LEAF_MAX];
	bool pamt[PT_NR][PT_NR][TDX_LEAF_MAX];
} seen;

static void listen(void *ctx, const struct trace_event *event)
{
	u16 leaf = event->state.leaf & 0xff;

	if (event->kind == TRACE_TD)
		seen.td[event->state.what][event->state.from][event->state.to][leaf] = true;
	if (event->kind == TRACE_PAMT)
		seen.pamt[event->state.from][event->state.to][leaf] = true;
}

#define TDR		RIG_TDR(0)
#define PAIR_PAGES	0x60000000ULL

static void track(struct rig *rig)
{
	OK(rig_call(rig, TDH_MEM_TRACK, TDR, 0, 0, 0));
}

static void huge_page_story(struct rig *rig)
{
	hpa_t table = rig->next_table;

	rig->next_table += PAGE_SIZE;
	OK(rig_aug(rig, 0, BLOCKED_2M, 1, PAGE_OF(BLOCKED_2M)));
	OK(rig_accept(rig, 0, BLOCKED_2M, 1));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, BLOCKED_2M | 1, TDR, 0, 0));
	track(rig);
	rig->regs = (struct tdx_module_args){ .rcx = BLOCKED_2M | 1, .rdx = TDR, .r8 = table,
					      .r12 = PAIR_PAGES, .r13 = PAIR_PAGES + PAGE_SIZE };
	OK(seamcall(rig->m, 0, TDH_MEM_PAGE_DEMOTE, &rig->regs));
	tdx_check(rig->m);
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, BLOCKED_2M | 1, TDR, 0, 0));
	track(rig);
	OK(rig_call(rig, TDH_MEM_PAGE_PROMOTE, BLOCKED_2M | 1, TDR, 0, 0));
	assert_int_equal(rig->regs.rcx & PAGE_MASK & ~BIT_ULL(62), table);
	tdx_check(rig->m);
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, BLOCKED_2M | 1, TDR, 0, 0));
	track(rig);
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, BLOCKED_2M | 1, TDR, 0, 0));
}

/* 1G pages come from merging 2M ones; with static PAMT, DEMOTE makes the entry NDA. */
static void table_story(struct rig *rig)
{
	OK(rig_tables(rig, 0, EMPTY_TABLE, 0));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, EMPTY_TABLE | 1, TDR, 0, 0));
	track(rig);
	OK(rig_call(rig, TDH_MEM_SEPT_REMOVE, EMPTY_TABLE | 1, TDR, 0, 0));
}

static void small_page_story(struct rig *rig)
{
	OK(rig_aug(rig, 0, FREE_4K, 0, PAGE_OF(FREE_4K)));
	OK(rig_pair(rig, NEW_PAGE));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, FREE_4K, TDR, 0, 0));
	track(rig);
	OK(rig_call(rig, TDH_MEM_PAGE_RELOCATE, FREE_4K, TDR, NEW_PAGE, 0));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, FREE_4K, TDR, 0, 0));
	track(rig);
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, FREE_4K, TDR, 0, 0));
	assert_int_equal(rig->regs.rcx, NEW_PAGE | BIT_ULL(62) * rig->m->dynamic_pamt);
	if (rig->m->dynamic_pamt)
		OK(rig_call(rig, TDH_PHYMEM_PAMT_REMOVE, ALIGN_DOWN(NEW_PAGE, SZ_2M) | 1, 0, 0, 0));
}

/* The host writes into an accepted page; the guest's next read ends the TD. */
static void machine_check_story(struct rig *rig)
{
	struct guest_op op = { .kind = GUEST_READ, .gpa = MAPPED_4K };

	hw_write(rig->hw, PAGE_OF(MAPPED_4K), KEYID_SHARED, 1);
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE);
	assert_int_equal(rig_call(rig, TDH_MEM_TRACK, TDR, 0, 0, 0), TDX_TD_FATAL);
	tdx_guest_set(rig->m, RIG_TDVPR(0, 0), NULL);
}

static void end_story(struct rig *rig)
{
	OK(rig_call(rig, TDH_VP_FLUSH, RIG_TDVPR(0, 0), 0, 0, 0));
	OK(rig_call(rig, TDH_MNG_VPFLUSHDONE, TDR, 0, 0, 0));
	for (rig->lp = 0; rig->lp < rig->hw->cpu_count; rig->lp += 2)
		OK(rig_call(rig, TDH_PHYMEM_CACHE_WB, 0, 0, 0, 0));
	rig->lp = 0;
	OK(rig_call(rig, TDH_MNG_KEY_FREEID, TDR, 0, 0, 0));
	assert_int_equal(rig_reclaim(rig, TDR), TDX_TD_ASSOCIATED_PAGES_EXIST);
	for (hpa_t hpa = RIG_TD(0) + PAGE_SIZE; hpa < RIG_TD(1); hpa += PAGE_SIZE)
		rig_reclaim(rig, hpa);
	OK(rig_reclaim(rig, PAGE_OF(MAPPED_4K)));
	OK(rig_reclaim(rig, TDR));
	assert_null(rig->m->tds);
	assert_null(rig->m->vcpus);
}

static void story(const struct tdx_config *config)
{
	struct rig rig;

	rig_create(&rig, &hw_config_default, config);
	rig.env->trace.mask = BIT_ULL(TRACE_TD) | BIT_ULL(TRACE_PAMT);
	rig.env->trace.listener = listen;
	OK(rig_boot(&rig));
	OK(rig_td(&rig, 0, 1));
	OK(rig_tables(&rig, 0, MAPPED_4K, 0));
	OK(rig_pair(&rig, PAGE_OF(MAPPED_4K)));
	OK(rig_call(&rig, TDH_MEM_PAGE_ADD, MAPPED_4K, TDR, PAGE_OF(MAPPED_4K), RIG_INFO));
	OK(rig_finalize(&rig, 0));
	small_page_story(&rig);
	huge_page_story(&rig);
	table_story(&rig);
	tdx_check(rig.m);
	assert_int_equal(rig.env->checker.broken_total, 0);
	machine_check_story(&rig);
	end_story(&rig);
	tdx_check(rig.m);
	/* A TD given up before its keys were configured. */
	OK(rig_td_create(&rig, 1));
	OK(rig_call(&rig, TDH_MNG_VPFLUSHDONE, RIG_TDR(1), 0, 0, 0));
	assert_int_equal(rig.env->checker.broken_total, 0);
	rig_stop(&rig);
}

static void a_life_makes_every_legal_move_and_no_other(void **state)
{
	const struct tdx_config dynamic = { .version = TDX_MODULE_2_0, .dynamic_pamt = true,
					    .zero_step = true };
	const struct tdx_config nointr = { .version = TDX_MODULE_1_5_NOINTR, .zero_step = true };

	story(&dynamic);
	story(&nointr);
	for (u32 i = 0; i < td_move_count; i++) {
		const struct td_move *move = &td_moves[i];
		bool *was = &seen.td[move->machine][move->from][move->to][move->leaf];

		if (!*was)
			fail_msg("machine %u, leaf %u: %u to %u never seen", move->machine, move->leaf,
				 move->from, move->to);
		*was = false;
	}
	for (u32 i = 0; i < pamt_move_count; i++) {
		const struct tdx_move *move = &pamt_moves[i];

		if (!seen.pamt[move->from][move->to][move->leaf])
			fail_msg("leaf %u: %s to %s never seen", move->leaf,
				 pamt_type_info[move->from].name, pamt_type_info[move->to].name);
		seen.pamt[move->from][move->to][move->leaf] = false;
	}
	for (size_t i = 0; i < sizeof(seen); i++)
		assert_false(((bool *)&seen)[i]);	/* moves no table lists */
	print_message("%u TD moves and %u PAMT moves, all seen, no other\n", td_move_count,
		      pamt_move_count);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_in_every_life_cycle_state),
		cmocka_unit_test(a_life_makes_every_legal_move_and_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
