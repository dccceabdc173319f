// SPDX-License-Identifier: GPL-2.0-only
/*
 * Single leaves where the tables do not reach: operands no host should send,
 * the module coming up, epochs, large pages, dynamic PAMT and injection.
 */
#include "tests/tdx_world.h"

#define TDR	RIG_TDR(0)

static struct rig the_rig;

static const struct tdx_config config_dynamic = {
	.version = TDX_MODULE_2_0, .dynamic_pamt = true, .zero_step = true
};

static int start(void **state)
{
	world_make(&the_rig, NULL);
	*state = &the_rig;
	return 0;
}

static int start_dynamic(void **state)
{
	OK(rig_start(&the_rig, &config_dynamic));
	OK(rig_td(&the_rig, 0, 1));
	*state = &the_rig;
	return 0;
}

static int stop(void **state)
{
	struct rig *rig = *state;
	u32 broken;

	tdx_check(rig->m);
	broken = rig->env->checker.broken_total;
	if (broken)
		print_error("%s\n", rig->env->checker.broken[0].text);
	rig_stop(rig);
	return broken ? -1 : 0;
}

/* -- Bad input -- */

static void addresses_no_host_should_send_are_refused_in_the_modules_words(void **state)
{
	struct rig *rig = *state;
	static const struct {
		hpa_t hpa;
		u64 status;
	} bad[] = {
		{ NEW_PAGE + 8, TDX_OPERAND_INVALID },
		{ NEW_PAGE | BIT_ULL(HW_PHYS_BITS), TDX_OPERAND_INVALID },
		{ NEW_PAGE | BIT_ULL(52), TDX_OPERAND_INVALID },
		{ ~0ULL, TDX_OPERAND_INVALID },
		{ BIT_ULL(40), TDX_OPERAND_ADDR_RANGE_ERROR },
		{ 0xfffff000, TDX_PAGE_METADATA_INCORRECT },	/* reserved */
		{ TDR, TDX_OPERAND_BUSY },			/* the leaf itself holds it */
		{ RIG_TDVPR(0, 0), TDX_PAGE_METADATA_INCORRECT },
	};

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_4K, TDR, bad[i].hpa, 0),
				 bad[i].status + OPERAND_ID_R8);
		assert_int_equal(rig->regs.rcx | rig->regs.rdx, 0);
	}
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_4K, NEW_PAGE, NEW_PAGE, 0),
			 tdx_on(TDX_PAGE_METADATA_INCORRECT, RDX));
	/* Another TD's root has no key yet; what its tree holds is never looked at. */
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_4K, BARE_TDR, NEW_PAGE, 0),
			 TDX_TD_KEYS_NOT_CONFIGURED);
}

static void page_info_must_be_clean_aligned_and_in_range(void **state)
{
	struct rig *rig = *state;
	static const u64 bad[] = {
		FREE_4K | 2, FREE_4K | 7, MAPPED_4K | 1, FREE_4K | 8, FREE_4K | 0x800,
		FREE_4K | BIT_ULL(52), FREE_4K | BIT_ULL(63), FREE_4K | BIT_ULL(47),
		FREE_4K | BIT_ULL(51), FREE_4K | BIT_ULL(48),
	};

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, bad[i], TDR, NEW_PAGE, 0),
				 tdx_on(TDX_OPERAND_INVALID, RCX));
}

static void unknown_leaves_and_versions_are_refused_untouched(void **state)
{
	struct rig *rig = *state;
	static const u64 bad[] = { 32, 42, 60, 99, 255, 256, 0xffff, 6 | 1 << 16, 3 | 2 << 16,
				   7 | 1ULL << 24, 7 | 1ULL << 63, 58, 59 };

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(rig_call(rig, bad[i], 1, 2, 3, 4), tdx_on(TDX_OPERAND_INVALID, RAX));
		assert_int_equal(rig->regs.rcx, 1);
		assert_int_equal(rig->regs.rdx, 2);
	}
	rig->lp = 64;
	assert_int_equal(rig_call(rig, 6, 0, 0, 0, 0), 0x8000FF00FFFF0000ULL);
	rig->lp = 0;
}

static void a_failed_walk_tells_where_it_ended(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_2M, TDR, NEW_PAGE, 0),
			 tdx_on(TDX_EPT_WALK_FAILED, RCX));
	assert_int_equal(rig->regs.rcx, BIT_ULL(63));
	assert_int_equal(rig->regs.rdx, 1);
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FULL_TABLE, TDR, NEW_PAGE, 0),
			 tdx_on(TDX_EPT_WALK_FAILED, RCX));
	assert_int_equal(rig->regs.rcx, 0);
	assert_int_equal(rig->regs.rdx, 1 | 129 << 8);
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, BLOCKED_2M, TDR, NEW_PAGE, 0),
			 tdx_on(TDX_EPT_WALK_FAILED, RCX));
	assert_int_equal(rig->regs.rdx, 1 | 3 << 8);
}

static void td_params_are_judged_field_by_field(void **state)
{
	struct rig *rig = *state;
	static const struct {
		u8 at;
		u64 value, status;
	} bad[] = {
		{ 0, BIT_ULL(5), tdx_on(TDX_OPERAND_INVALID, ATTRIBUTES) },
		{ 1, 2, tdx_on(TDX_OPERAND_INVALID, XFAM) },
		{ 1, 3 | BIT_ULL(40), tdx_on(TDX_OPERAND_INVALID, XFAM) },
		{ 2, 0, tdx_on(TDX_OPERAND_INVALID, MAX_VCPUS) },
		{ 2, 9999, tdx_on(TDX_OPERAND_INVALID, MAX_VCPUS) },
		{ 2, 8 | 1 << 16, tdx_on(TDX_OPERAND_INVALID, NUM_L2_VMS) },
		{ 4, BIT_ULL(40), tdx_on(TDX_OPERAND_INVALID, EXEC_CONTROLS) },
		{ 4, TD_CONFIG_GPAW, tdx_on(TDX_OPERAND_INVALID, EPTP_CONTROLS) },
		{ 3, 0, tdx_on(TDX_OPERAND_INVALID, EPTP_CONTROLS) },
		{ 3, 6 | 5 << 3, tdx_on(TDX_OPERAND_INVALID, EPTP_CONTROLS) },
		{ 5, 1, tdx_on(TDX_OPERAND_INVALID, TSC_FREQUENCY) },
		{ 33, BIT_ULL(40), tdx_on(TDX_OPERAND_INVALID, CPUID_CONFIG) },
	};

	OK(rig_td_keys(rig, 1));
	assert_int_equal(rig_call(rig, TDH_MNG_INIT, BARE_TDR, RIG_PARAMS, 0, 0),
			 TDX_TDCS_NOT_ALLOCATED);
	for (u32 i = 1; i <= TDX_TDCX_MIN; i++)
		OK(rig_call(rig, TDH_MNG_ADDCX, RIG_TD(1) + i * PAGE_SIZE, BARE_TDR, 0, 0));
	assert_int_equal(rig_call(rig, TDH_MNG_INIT, BARE_TDR, RIG_PARAMS + 8, 0, 0),
			 tdx_on(TDX_OPERAND_INVALID, RDX));
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		rig_params(rig);
		rig->params[bad[i].at] = bad[i].value;
		assert_int_equal(rig_call(rig, TDH_MNG_INIT, BARE_TDR, RIG_PARAMS, 0, 0),
				 bad[i].status);
	}
	rig_params(rig);
	OK(rig_call(rig, TDH_MNG_INIT, BARE_TDR, RIG_PARAMS, 0, 0));
}

/* -- The module comes up -- */

static void sys_config_judges_tdmrs_reserved_areas_and_pamts(void **state)
{
	static const struct {
		u8 at;
		u64 value, status;
	} bad[] = {
		{ 0, SZ_4K, TDX_INVALID_TDMR },
		{ 1, 0, TDX_INVALID_TDMR },
		{ 1, SZ_1G + SZ_2M, TDX_INVALID_TDMR },
		{ 1, 5 * SZ_1G, TDX_TDMR_OUTSIDE_CMRS },
		{ 3, 0, TDX_INVALID_PAMT | 2 << 8 },
		{ 6, SZ_4K + 1, TDX_INVALID_PAMT },
		{ 6, 16 * SZ_1G, TDX_PAMT_OUTSIDE_CMRS },
		{ 6, 0, TDX_PAMT_OVERLAP },
		{ 9, SZ_4K, TDX_PAMT_OVERLAP | 2 << 8 },
		{ 8, 1, TDX_INVALID_RESERVED_IN_TDMR },
		{ 9, BIT_ULL(60), TDX_INVALID_RESERVED_IN_TDMR },
		{ 11, SZ_4K, TDX_NON_ORDERED_RESERVED_IN_TDMR },
	};
	struct rig rig;

	rig_create(&rig, &hw_config_default, NULL);
	assert_int_equal(rig_call(&rig, TDH_SYS_LP_INIT, 0, 0, 0, 0), TDX_SYS_LP_INIT_NOT_PENDING);
	assert_int_equal(rig_call(&rig, TDH_MEM_TRACK, 0, 0, 0, 0), TDX_SYS_NOT_READY);
	assert_int_equal(rig_call(&rig, TDH_SYS_INIT, 1, 0, 0, 0), tdx_on(TDX_OPERAND_INVALID, RCX));
	OK(rig_call(&rig, TDH_SYS_INIT, 0, 0, 0, 0));
	assert_int_equal(rig_call(&rig, TDH_SYS_INIT, 0, 0, 0, 0), TDX_SYS_INIT_NOT_PENDING);
	assert_int_equal(rig_call(&rig, TDH_SYS_RD, 0, 0, 0, 0), TDX_SYS_LP_INIT_NOT_DONE);
	OK(rig_call(&rig, TDH_SYS_LP_INIT, 0, 0, 0, 0));
	assert_int_equal(rig_call(&rig, TDH_SYS_LP_INIT, 0, 0, 0, 0), TDX_SYS_LP_INIT_DONE);
	assert_int_equal(rig_call(&rig, TDH_SYS_KEY_CONFIG, 0, 0, 0, 0),
			 TDX_SYS_KEY_CONFIG_NOT_PENDING);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		rig_tdmr(&rig);
		rig.info[bad[i].at] = bad[i].value;
		assert_status(rig_call(&rig, TDH_SYS_CONFIG, RIG_LIST, 1, RIG_GLOBAL_HKID, 0),
			      bad[i].status, "TDH_SYS_CONFIG", "bad TDMR_INFO");
	}
	rig_tdmr(&rig);
	rig.list[1] = RIG_INFO;
	assert_int_equal(rig_call(&rig, TDH_SYS_CONFIG, RIG_LIST, 2, RIG_GLOBAL_HKID, 0),
			 TDX_NON_ORDERED_TDMR + 1);
	assert_int_equal(rig_call(&rig, TDH_SYS_CONFIG, RIG_LIST, 0, RIG_GLOBAL_HKID, 0),
			 tdx_on(TDX_OPERAND_INVALID, RDX));
	assert_int_equal(rig_call(&rig, TDH_SYS_CONFIG, RIG_LIST, 1, 3, 0),
			 tdx_on(TDX_OPERAND_INVALID, R8));
	/* Dynamic PAMT cannot be asked of a module without it. */
	assert_int_equal(rig_call(&rig, TDH_SYS_CONFIG, RIG_LIST, 1,
				  RIG_GLOBAL_HKID | BIT_ULL(16), 0), tdx_on(TDX_OPERAND_INVALID, R8));
	OK(rig_call(&rig, TDH_SYS_CONFIG, RIG_LIST, 1, RIG_GLOBAL_HKID, 0));
	assert_int_equal(rig_call(&rig, TDH_SYS_CONFIG, RIG_LIST, 1, RIG_GLOBAL_HKID, 0),
			 TDX_SYS_CONFIG_NOT_PENDING);
	rig_stop(&rig);
}

static void memory_is_usable_block_by_block(void **state)
{
	struct rig rig;

	rig_create(&rig, &hw_config_default, NULL);
	OK(rig_boot(&rig));
	assert_int_equal(rig_call(&rig, TDH_SYS_TDMR_INIT, 0, 0, 0, 0), TDX_TDMR_ALREADY_INITIALIZED);
	assert_int_equal(rig_call(&rig, TDH_SYS_TDMR_INIT, SZ_1G, 0, 0, 0),
			 tdx_on(TDX_OPERAND_INVALID, RCX));
	rig.m->tdmr[0].initialized = 3 * SZ_1G;
	sparse_get(&rig.m->pamt_1g, 3);
	((struct pamt_entry *)sparse_get(&rig.m->pamt_1g, 3))->flags = 0;
	assert_int_equal(rig_call(&rig, TDH_PHYMEM_PAGE_RDMD, 3 * SZ_1G, 0, 0, 0),
			 tdx_on(TDX_OPERAND_ADDR_RANGE_ERROR, RCX));
	OK(rig_call(&rig, TDH_SYS_TDMR_INIT, 0, 0, 0, 0));
	assert_int_equal(rig.regs.rdx, 4 * SZ_1G);
	OK(rig_call(&rig, TDH_PHYMEM_PAGE_RDMD, 3 * SZ_1G, 0, 0, 0));
	OK(rig_call(&rig, TDH_SYS_SHUTDOWN, 0, 0, 0, 0));
	assert_int_equal(rig_call(&rig, TDH_PHYMEM_PAGE_RDMD, 0, 0, 0, 0), TDX_SYS_SHUTDOWN);
	rig_stop(&rig);
}

/* -- Epochs: the worked example of the reference -- */

static void tracking_waits_for_vcpus_of_the_blocks_epoch(void **state)
{
	struct rig *rig = *state;
	struct td *td = world_td(rig);

	td->op_state = OP_RUNNABLE;
	td->epoch = 5;
	td->refcount[1] = 1;		/* one vCPU inside since epoch 5 */
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, MAPPED_4K, TDR, 0, 0));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_REMOVE, MAPPED_4K, TDR, 0, 0),
			 tdx_on(TDX_TLB_TRACKING_NOT_DONE, RCX));
	OK(rig_call(rig, TDH_MEM_TRACK, TDR, 0, 0, 0));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_REMOVE, MAPPED_4K, TDR, 0, 0),
			 tdx_on(TDX_TLB_TRACKING_NOT_DONE, RCX));
	assert_int_equal(rig_call(rig, TDH_MEM_TRACK, TDR, 0, 0, 0), TDX_PREVIOUS_TLB_EPOCH_BUSY);
	td->refcount[1] = 0;
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, MAPPED_4K, TDR, 0, 0));
}

static void a_freed_page_keeps_its_old_owner_in_the_pamt(void **state)
{
	struct rig *rig = *state;

	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, BLOCKED_4K, TDR, 0, 0));
	OK(rig_call(rig, TDH_PHYMEM_PAGE_RDMD, PAGE_OF(BLOCKED_4K), 0, 0, 0));
	assert_int_equal(rig->regs.rcx, PT_NDA);
	assert_int_equal(rig->regs.rdx, TDR);
	assert_int_equal(rig->regs.r8, 0);
	OK(rig_call(rig, TDH_PHYMEM_PAGE_RDMD, PAGE_OF(BLOCKED_2M) + 5 * PAGE_SIZE, 0, 0, 0));
	assert_int_equal(rig->regs.rcx, PT_REG);
	assert_int_equal(rig->regs.r8, 1);
}

static void an_import_leaves_removed_entries(void **state)
{
	struct rig *rig = *state;
	struct tdx_sept_view view;

	world_td(rig)->op_state = OP_POST_IMPORT;
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, BLOCKED_4K, TDR, 0, 0));
	OK(tdx_probe_sept(rig->m, TDR, BLOCKED_4K, 0, &view));
	assert_int_equal(view.state, SEPT_REMOVED);
}

/* -- Large pages -- */

static void demote_keeps_pages_and_needs_no_unblock(void **state)
{
	struct rig *rig = *state;
	struct tdx_sept_view view;

	OK(rig_call(rig, TDH_MEM_PAGE_DEMOTE, BLOCKED_2M | 1, TDR, NEW_PAGE, 0));
	for (u32 i = 0; i < SEPT_ENTRIES; i += 73) {
		OK(tdx_probe_sept(rig->m, TDR, BLOCKED_2M + i * PAGE_SIZE, 0, &view));
		assert_int_equal(view.state, SEPT_PENDING);
		assert_int_equal(view.hpa, PAGE_OF(BLOCKED_2M) + i * PAGE_SIZE);
	}
	assert_int_equal(rig->regs.r9 >> 63, 1);
}

static void demote_is_restartable_unless_the_module_says_otherwise(void **state)
{
	static const u16 interrupt[] = { 1 };
	const struct tdx_config nointr = { .version = TDX_MODULE_1_5_NOINTR, .zero_step = true };

	for (u32 i = 0; i < 2; i++) {
		struct rig rig;
		u64 before;

		world_make(&rig, i ? &nointr : NULL);
		choose_enable(&rig.env->chooser, CHOICE_IRQ, true);
		choose_replay(&rig.env->chooser, interrupt, 1);
		before = world_digest(&rig);
		assert_int_equal(rig_call(&rig, TDH_MEM_PAGE_DEMOTE, BLOCKED_2M | 1, TDR, NEW_PAGE, 0),
				 i ? TDX_SUCCESS : TDX_INTERRUPTED_RESTARTABLE);
		if (!i) {
			assert_int_equal(rig.regs.rcx, BLOCKED_2M | 1);
			assert_int_equal(rig.regs.rdx, TDR);
			assert_int_equal(before, world_digest(&rig));
			OK(rig_call(&rig, TDH_MEM_PAGE_DEMOTE, BLOCKED_2M | 1, TDR, NEW_PAGE, 0));
		}
		rig_stop(&rig);
	}
}

static void promote_wants_one_contiguous_run_in_one_state(void **state)
{
	struct rig *rig = *state;
	u64 bad = tdx_on(TDX_EPT_INVALID_PROMOTE_CONDITIONS, RCX), before;
	struct sept_pos at;
	u64 entry;

	OK(rig_call(rig, TDH_MEM_RANGE_UNBLOCK, FULL_TABLE | 1, TDR, 0, 0));
	assert_true(sept_walk(rig->m, world_td(rig), FULL_TABLE + 7 * PAGE_SIZE, 0, &at));
	entry = *at.entry;
	for (u32 i = 0; i < 3; i++) {
		static const u64 spoil[] = { SEPT_TDB, SEPT_TDHP, PAGE_SIZE };

		*at.entry = entry ^ spoil[i];
		before = *at.entry;
		assert_int_equal(rig_call(rig, TDH_MEM_PAGE_PROMOTE, FULL_TABLE | 1, TDR, 0, 0), bad);
		assert_int_equal(rig->regs.rdx, 1 | 132 << 8);	/* the parent */
		assert_int_equal(before & ~SEPT_TDHP, *at.entry & ~SEPT_TDHP);
	}
	*at.entry = entry | SEPT_TDEL;
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_PROMOTE, FULL_TABLE | 1, TDR, 0, 0),
			 tdx_on(TDX_OPERAND_BUSY, RCX));
	*at.entry = entry;
	OK(rig_call(rig, TDH_MEM_PAGE_PROMOTE, FULL_TABLE | 1, TDR, 0, 0));
}

static void a_2m_page_needs_512_free_pages(void **state)
{
	struct rig *rig = *state;
	hpa_t range = ALIGN_DOWN(NEW_PAGE, SZ_2M);

	OK(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_4K, TDR, range + 9 * PAGE_SIZE, 0));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_2M | 1, TDR, range, 0),
			 tdx_on(TDX_PAGE_METADATA_INCORRECT, R8));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_2M | 1, TDR, range + PAGE_SIZE, 0),
			 tdx_on(TDX_OPERAND_INVALID, R8));
	/* The last 2M of RAM holds the PAMT: reserved. */
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_2M | 1, TDR, 4 * SZ_1G - SZ_2M, 0),
			 tdx_on(TDX_PAGE_METADATA_INCORRECT, R8));
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, FREE_4K, TDR, 0, 0));
	OK(rig_call(rig, TDH_MEM_PAGE_AUG, FREE_2M | 1, TDR, range, 0));
	assert_true(tdx_frame_in_sept(rig->m, range + 100 * PAGE_SIZE));
}

static void a_1g_page_comes_from_512_2m_pages_and_goes_back(void **state)
{
	gpa_t gpa = 4 * SZ_1G;
	hpa_t hpa = SZ_1G, table;
	struct rig *rig = *state;
	struct tdx_sept_view view;
	u64 children;

	OK(rig_tables(rig, 0, gpa, 1));
	children = world_td(rig)->child_count;
	for (u32 i = 0; i < SEPT_ENTRIES; i++)
		OK(rig_call(rig, TDH_MEM_PAGE_AUG, (gpa + i * SZ_2M) | 1, TDR, hpa + i * SZ_2M, 0));
	OK(rig_call(rig, TDH_MEM_PAGE_PROMOTE, gpa | 2, TDR, 0, 0));
	table = rig->regs.rcx;
	OK(tdx_probe_sept(rig->m, TDR, gpa + 5 * SZ_2M, 0, &view));
	assert_int_equal(view.level, 2);
	assert_int_equal(view.state, SEPT_PENDING);
	assert_int_equal(view.hpa, hpa);
	OK(rig_call(rig, TDH_PHYMEM_PAGE_RDMD, hpa + 77 * PAGE_SIZE, 0, 0, 0));
	assert_int_equal(rig->regs.r8, 2);
	assert_true(tdx_frame_in_sept(rig->m, hpa + 77 * PAGE_SIZE));
	tdx_check(rig->m);
	OK(rig_call(rig, TDH_MEM_PAGE_DEMOTE, gpa | 2, TDR, table, 0));
	OK(tdx_probe_sept(rig->m, TDR, gpa + 5 * SZ_2M, 0, &view));
	assert_int_equal(view.level, 1);
	assert_int_equal(view.hpa, hpa + 5 * SZ_2M);
	OK(rig_call(rig, TDH_MEM_PAGE_PROMOTE, gpa | 2, TDR, 0, 0));
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, gpa | 2, TDR, 0, 0));
	assert_int_equal(rig->regs.rcx, hpa);
	assert_int_equal(world_td(rig)->child_count, children - 1);	/* the table went too */
}

/* -- Dynamic PAMT -- */

#define RANGE	RIG_PAGES
#define PAIR	0x50000000ULL

static void a_4k_page_needs_its_ranges_pair(void **state)
{
	struct rig *rig = *state;

	OK(rig_tables(rig, 0, GPA0, 0));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, GPA0, TDR, RANGE, 0),
			 tdx_on(TDX_MISSING_PAMT_PAGE_PAIR, R8));
	OK(rig_call(rig, TDH_PHYMEM_PAMT_ADD, RANGE | 1, PAIR, PAIR + PAGE_SIZE, 0));
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAMT_ADD, RANGE | 1, PAIR + 2 * PAGE_SIZE,
				  PAIR + 3 * PAGE_SIZE, 0), tdx_on(TDX_HPA_RANGE_NOT_FREE, RCX));
	OK(rig_call(rig, TDH_MEM_PAGE_AUG, GPA0, TDR, RANGE, 0));
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAMT_REMOVE, RANGE | 1, 0, 0, 0),
			 TDX_PAMT_PAGE_NOT_EMPTY);
	OK(rig_call(rig, TDH_MEM_PAGE_AUG, GPA0 + PAGE_SIZE, TDR, RANGE + 300 * PAGE_SIZE, 0));
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, GPA0, TDR, 0, 0));
	assert_int_equal(rig->regs.rcx, RANGE);
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAMT_REMOVE, RANGE | 1, 0, 0, 0),
			 TDX_PAMT_PAGE_NOT_EMPTY + 1);
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, GPA0 + PAGE_SIZE, TDR, 0, 0));
	assert_int_equal(rig->regs.rcx, (RANGE + 300 * PAGE_SIZE) | BIT_ULL(62));
	OK(rig_call(rig, TDH_PHYMEM_PAMT_REMOVE, RANGE | 1, 0, 0, 0));
	assert_int_equal(rig->regs.rdx, PAIR);
	assert_int_equal(rig->regs.r8, PAIR + PAGE_SIZE);
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAMT_REMOVE, RANGE | 1, 0, 0, 0),
			 tdx_on(TDX_NO_PAMT_PAGE_PAIR, RCX));
}

static void pages_lent_to_the_pamt_are_not_free_for_anything_else(void **state)
{
	struct rig *rig = *state;

	OK(rig_tables(rig, 0, GPA0, 0));
	/* The pair may lie inside the range it describes. */
	OK(rig_call(rig, TDH_PHYMEM_PAMT_ADD, RANGE | 1, RANGE, RANGE + PAGE_SIZE, 0));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, GPA0, TDR, RANGE, 0),
			 tdx_on(TDX_PAGE_METADATA_INCORRECT, R8));
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAMT_ADD, (RANGE + SZ_2M) | 1, PAIR, RANGE, 0),
			 tdx_on(TDX_PAGE_NOT_FREE, R8));
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAMT_ADD, (RANGE + SZ_2M) | 1, PAIR, PAIR, 0),
			 tdx_on(TDX_PAGE_NOT_FREE, R8));
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAMT_ADD, RANGE, PAIR, PAIR + PAGE_SIZE, 0),
			 tdx_on(TDX_OPERAND_INVALID, RCX));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_AUG, (GPA0 + SZ_2M) | 1, TDR, RANGE, 0),
			 tdx_on(TDX_PAGE_METADATA_INCORRECT, R8));
	OK(rig_call(rig, TDH_PHYMEM_PAGE_RDMD, RANGE, 0, 0, 0));
	assert_int_equal(rig->regs.rcx, PT_PAMT);
	OK(rig_call(rig, TDH_PHYMEM_PAGE_RDMD, RANGE | 1, 0, 0, 0));
	assert_int_equal(rig->regs.rcx, PT_PAMT | BIT_ULL(63));
	assert_int_equal(rig->regs.r10, RANGE);
	assert_int_equal(rig->regs.r11, RANGE + PAGE_SIZE);
	assert_int_equal(rig_call(rig, TDH_PHYMEM_PAGE_RDMD, RANGE | 3, 0, 0, 0),
			 tdx_on(TDX_OPERAND_INVALID, RCX));
}

/* -- Injection -- */

static void inject(struct rig *rig, u16 leaf, u8 kind, u64 status)
{
	const struct inject_rule rule = { .leaf = leaf, .kind = kind, .nth = 1, .times = 1,
					  .status = status };

	inject_clear(rig->env);
	assert_int_equal(inject_add(rig->env, &rule), 0);
}

static void a_refused_call_does_nothing_a_late_one_all_a_lie_nothing(void **state)
{
	u64 status = tdx_on(TDX_OPERAND_BUSY, SEPT_TREE), before;
	struct rig *rig = *state;

	before = world_digest(rig);
	inject(rig, TDH_MEM_RANGE_BLOCK, INJECT_REFUSE, status);
	assert_int_equal(rig_call(rig, TDH_MEM_RANGE_BLOCK, MAPPED_4K, TDR, 0, 0), status);
	assert_int_equal(rig->regs.rcx | rig->regs.rdx, 0);
	assert_int_equal(before, world_digest(rig));
	inject(rig, TDH_MEM_RANGE_BLOCK, INJECT_LIE, 0);
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, MAPPED_4K, TDR, 0, 0));
	assert_int_equal(before, world_digest(rig));
	inject(rig, TDH_MEM_RANGE_BLOCK, INJECT_LATE, status);
	assert_int_equal(rig_call(rig, TDH_MEM_RANGE_BLOCK, MAPPED_4K, TDR, 0, 0), status);
	assert_int_not_equal(before, world_digest(rig));
	inject(rig, TDH_MEM_RANGE_BLOCK, INJECT_REFUSE, tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX));
	rig_call(rig, TDH_MEM_RANGE_BLOCK, FREE_4K, TDR, 0, 0);
	assert_int_equal(rig->regs.rcx, BIT_ULL(63));	/* as the leaf would have reported it */
	inject_clear(rig->env);
}

static void a_lock_held_by_another_makes_the_module_itself_answer(void **state)
{
	struct rig *rig = *state;
	static const struct {
		u16 leaf;
		u32 operand;
	} busy[] = {
		{ TDH_MEM_PAGE_AUG, OPERAND_ID_RDX }, { TDH_MEM_PAGE_AUG, OPERAND_ID_OP_STATE },
		{ TDH_MEM_PAGE_AUG, OPERAND_ID_SEPT_TREE }, { TDH_MEM_PAGE_AUG, OPERAND_ID_RCX },
		{ TDH_MEM_PAGE_AUG, OPERAND_ID_R8 }, { TDH_MEM_TRACK, OPERAND_ID_TD_EPOCH },
		{ TDH_MEM_TRACK, OPERAND_ID_RCX }, { TDH_VP_FLUSH, OPERAND_ID_TDR },
		{ TDH_MNG_CREATE, OPERAND_ID_KOT },
	};

	for (u32 i = 0; i < ARRAY_SIZE(busy); i++) {
		const struct world_case *k = world_case_of(busy[i].leaf);

		arena_restore(rig->env->arena);
		inject(rig, busy[i].leaf, INJECT_BUSY, busy[i].operand);
		assert_status(world_call(rig, k), TDX_OPERAND_BUSY + busy[i].operand,
			      tdx_leaf_info[busy[i].leaf].name, "busy injected");
		OK(world_call(rig, k));		/* once only */
		inject_clear(rig->env);
		tdx_check(rig->m);
	}
	/* A lock the leaf does not take stops nothing. */
	arena_restore(rig->env->arena);
	inject(rig, TDH_MEM_TRACK, INJECT_BUSY, OPERAND_ID_SEPT_TREE);
	OK(rig_call(rig, TDH_MEM_TRACK, TDR, 0, 0, 0));
	inject_clear(rig->env);
}

static void cache_write_back_resumes_and_only_then(void **state)
{
	static const u16 interrupt[] = { 1 };
	struct rig *rig = *state;

	assert_int_equal(rig_call(rig, TDH_PHYMEM_CACHE_WB, 0, 0, 0, 0), TDX_NO_HKID_READY_TO_WBCACHE);
	assert_int_equal(rig_call(rig, TDH_PHYMEM_CACHE_WB, 1, 0, 0, 0), TDX_WBCACHE_RESUME_ERROR);
	assert_int_equal(rig_call(rig, TDH_PHYMEM_CACHE_WB, 2, 0, 0, 0),
			 tdx_on(TDX_OPERAND_INVALID, RCX));
	assert_int_equal(rig_call(rig, TDH_MNG_VPFLUSHDONE, TDR, 0, 0, 0), TDX_FLUSHVP_NOT_DONE);
	OK(rig_call(rig, TDH_VP_FLUSH, RIG_TDVPR(0, 0), 0, 0, 0));
	OK(rig_call(rig, TDH_MNG_VPFLUSHDONE, TDR, 0, 0, 0));
	choose_enable(&rig->env->chooser, CHOICE_IRQ, true);
	choose_replay(&rig->env->chooser, interrupt, 1);
	assert_int_equal(rig_call(rig, TDH_PHYMEM_CACHE_WB, 0, 0, 0, 0), TDX_INTERRUPTED_RESUMABLE);
	OK(rig_call(rig, TDH_PHYMEM_CACHE_WB, 1, 0, 0, 0));
	assert_int_equal(rig_call(rig, TDH_MNG_KEY_FREEID, TDR, 0, 0, 0), TDX_WBCACHE_NOT_COMPLETE);
	rig->lp = 2;
	OK(rig_call(rig, TDH_PHYMEM_CACHE_WB, 0, 0, 0, 0));
	rig->lp = 0;
	OK(rig_call(rig, TDH_MNG_KEY_FREEID, TDR, 0, 0, 0));
	/* The tree cannot be read any more, so nothing is mapped by it. */
	assert_false(tdx_frame_in_sept(rig->m, PAGE_OF(MAPPED_4K)));
}

static void entropy_may_run_dry_before_anything_is_kept(void **state)
{
	static const u16 dry[] = { 1 };
	struct rig *rig = *state;
	u64 before = world_digest(rig);

	choose_enable(&rig->env->chooser, CHOICE_ENTROPY, true);
	choose_replay(&rig->env->chooser, dry, 1);
	assert_int_equal(rig_call(rig, TDH_MNG_CREATE, NEW_PAGE, RIG_HKID + 5, 0, 0),
			 TDX_RND_NO_ENTROPY);
	/* PAMT and KOT are as before; the page itself was written, as by the module. */
	assert_int_equal(before, world_digest(rig));
	assert_int_equal(hw_frame_peek(rig->hw, NEW_PAGE >> 12)->keyid, RIG_GLOBAL_HKID);
	assert_int_equal(rig_call(rig, TDH_MNG_CREATE, NEW_PAGE, RIG_HKID, 0, 0), TDX_HKID_NOT_FREE);
	assert_int_equal(rig_call(rig, TDH_MNG_CREATE, NEW_PAGE, 3, 0, 0),
			 tdx_on(TDX_OPERAND_INVALID, RDX));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
#define TEST_DYNAMIC(f) cmocka_unit_test_setup_teardown(f, start_dynamic, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(addresses_no_host_should_send_are_refused_in_the_modules_words),
		TEST(page_info_must_be_clean_aligned_and_in_range),
		TEST(unknown_leaves_and_versions_are_refused_untouched),
		TEST(a_failed_walk_tells_where_it_ended),
		TEST(td_params_are_judged_field_by_field),
		cmocka_unit_test(sys_config_judges_tdmrs_reserved_areas_and_pamts),
		cmocka_unit_test(memory_is_usable_block_by_block),
		TEST(tracking_waits_for_vcpus_of_the_blocks_epoch),
		TEST(a_freed_page_keeps_its_old_owner_in_the_pamt),
		TEST(an_import_leaves_removed_entries),
		TEST(demote_keeps_pages_and_needs_no_unblock),
		cmocka_unit_test(demote_is_restartable_unless_the_module_says_otherwise),
		TEST(promote_wants_one_contiguous_run_in_one_state),
		TEST(a_2m_page_needs_512_free_pages),
		TEST(a_1g_page_comes_from_512_2m_pages_and_goes_back),
		TEST_DYNAMIC(a_4k_page_needs_its_ranges_pair),
		TEST_DYNAMIC(pages_lent_to_the_pamt_are_not_free_for_anything_else),
		TEST(a_refused_call_does_nothing_a_late_one_all_a_lie_nothing),
		TEST(a_lock_held_by_another_makes_the_module_itself_answer),
		TEST(cache_write_back_resumes_and_only_then),
		TEST(entropy_may_run_dry_before_anything_is_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
