// SPDX-License-Identifier: GPL-2.0-only
/*
 * Huge S-EPT leaves: when a fault may map 2M, what a split leaves as it was, the
 * borders of a range, failures on the way, the guest's accept level.
 */
#include <stdio.h>

#include "tests/kvm_huge.h"

static int to_shared(struct world *w, u64 first, u64 end)
{
	return ops(w)->set_attributes(w->h, 0, first * PAGE_SIZE, (end - first) * PAGE_SIZE, 0);
}

/* -- when -------------------------------------------------------------------- */

static void only_a_knob_and_a_module_that_finishes_demote_give_2m(void **state)
{
	static const struct {
		struct machine machine;
		u8 level;
	} row[] = {
		{ { PG_LEVEL_4K, TDX_MODULE_1_5_NOINTR }, PG_LEVEL_4K },
		{ { PG_LEVEL_2M, TDX_MODULE_1_5 }, PG_LEVEL_4K },
		{ { PG_LEVEL_2M, TDX_MODULE_1_5_NOINTR }, PG_LEVEL_2M },
		{ { PG_LEVEL_2M, TDX_MODULE_2_0 }, PG_LEVEL_2M },
		{ { PG_LEVEL_2M, TDX_MODULE_1_5, SERIES_BUG_FORCE_HUGE }, PG_LEVEL_2M },
	};

	for (u32 i = 0; i < ARRAY_SIZE(row); i++) {
		struct world *w = huge_world(&row[i].machine);

		td_huge_up(w, 1);
		pre_fault(w, 0x5000);
		assert_int_equal(mirror(w, 0x5000).state, SPTE_LEAF);
		assert_int_equal(mirror(w, 0x5000).level, row[i].level);
		look(w);
		teardown((void **)&w);
	}
}

static void a_busy_aug_of_2m_is_tried_again_and_counted_once(void **state)
{
	struct world *w = *state;

	td_huge_up(w, 1);
	refuse(w, TDH_MEM_PAGE_AUG, 1, 3, TDX_OPERAND_BUSY | OPERAND_ID_RCX);
	accept_2m(w, 0);
	assert_int_equal(calls(w, TDH_MEM_PAGE_AUG), 4);
	assert_int_equal(vm_view(w, 0).pages[PG_LEVEL_2M - 1], 1);
	assert_int_equal(vm_view(w, 0).pages[PG_LEVEL_4K - 1], 0);
	look(w);
}

static void a_failed_aug_of_2m_leaves_the_mirror_empty_and_bugs_the_vm(void **state)
{
	struct world *w = *state;
	u64 status;

	td_huge_up(w, 1);
	refuse(w, TDH_MEM_PAGE_AUG, 1, 1, TDX_PAGE_METADATA_INCORRECT | OPERAND_ID_R8);
	assert_int_equal(guest_accept(w, 0, ACCEPT_2M, &status), -EIO);
	assert_true(vm_view(w, 0).vm_bugged);
	assert_int_equal(mirror(w, 0).state, SPTE_NONE);
	assert_int_equal(vm_view(w, 0).pages[PG_LEVEL_2M - 1], 0);
	take_findings(w, INV_NO_UNASKED_ERROR);
}

/* -- splitting ---------------------------------------------------------------- */

static void a_split_keeps_511_pages_mapped_accepted_and_filled(void **state)
{
	struct world *w = *state;
	kvm_pfn_t first;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	fill(w, PAGES_2M);
	first = mirror(w, 0).pfn;
	assert_int_equal(to_shared(w, 7, 8), 0);
	assert_int_equal(calls(w, TDH_MEM_PAGE_DEMOTE), 1);
	for (u64 i = 0; i < PAGES_2M; i++) {
		struct host_spte_view view = mirror(w, i * PAGE_SIZE);

		assert_int_equal(view.level, PG_LEVEL_4K);
		assert_int_equal(view.state, i == 7 ? SPTE_NONE : SPTE_LEAF);
		if (i == 7)
			continue;
		assert_int_equal(view.pfn, first + i);
		assert_int_equal(guest_read(w, 0, i * PAGE_SIZE), 1000 + i);
	}
	assert_int_equal(vm_view(w, 0).pages[PG_LEVEL_4K - 1], 511);
	assert_int_equal(vm_view(w, 0).pages[PG_LEVEL_2M - 1], 0);
	look(w);
}

/* Ranges in pages of the first 4 MB, both 2M of it accepted. */
static void a_range_costs_a_split_only_where_it_ends_inside_a_leaf(void **state)
{
	static const struct {
		u64 first, end;
		u32 splits;
	} row[] = {
		{ 0, 512, 0 }, { 0, 1024, 0 }, { 512, 1024, 0 }, { 0, 1, 1 }, { 511, 512, 1 },
		{ 1, 511, 1 }, { 511, 513, 2 }, { 1, 1023, 2 }, { 0, 513, 1 }, { 511, 1024, 1 },
		{ 512, 513, 1 }, { 1, 2, 1 }, { 1, 512, 1 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(row); i++) {
		struct world *w = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_2_0 });

		td_huge_up(w, 1);
		accept_2m(w, 0);
		accept_2m(w, 2 * MB);
		assert_int_equal(to_shared(w, row[i].first, row[i].end), 0);
		assert_int_equal(calls(w, TDH_MEM_PAGE_DEMOTE), row[i].splits);
		for (u64 page = 0; page < 2 * PAGES_2M; page++)
			assert_int_equal(mirror(w, page * PAGE_SIZE).state,
					 page >= row[i].first && page < row[i].end ? SPTE_NONE :
										     SPTE_LEAF);
		look(w);
		teardown((void **)&w);
	}
}

static void a_split_that_gets_no_memory_changes_nothing(void **state)
{
	struct world *w = *state;
	u32 calls_before;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	fill(w, 4);
	calls_before = w->env->injector.calls[TDH_MEM_RANGE_BLOCK];
	for (u32 nth = 1; nth <= 3; nth++) {
		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		assert_int_equal(to_shared(w, 1, 2), -ENOMEM);
		assert_int_equal(mirror(w, PAGE_SIZE).level, PG_LEVEL_2M);
		assert_int_equal(calls(w, TDH_MEM_RANGE_BLOCK), calls_before);
		look(w);
	}
	assert_int_equal(to_shared(w, 1, 2), 0);
	assert_int_equal(guest_read(w, 0, 2 * PAGE_SIZE), 1002);
}

static void a_leaf_of_a_split_that_is_busy_is_called_once_more(void **state)
{
	static const u16 leaf[] = { TDH_MEM_RANGE_BLOCK, TDH_MEM_TRACK, TDH_MEM_PAGE_DEMOTE };

	for (u32 i = 0; i < ARRAY_SIZE(leaf); i++) {
		struct world *w = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_1_5_NOINTR });

		td_huge_up(w, 1);
		accept_2m(w, 0);
		refuse(w, leaf[i], 1, 1, TDX_OPERAND_BUSY | OPERAND_ID_RCX);
		assert_int_equal(to_shared(w, 1, 2), 0);
		assert_false(vm_view(w, 0).vm_bugged);
		assert_int_equal(calls(w, leaf[i]), leaf[i] == TDH_MEM_PAGE_DEMOTE ? 2 : 3);
		look(w);
		teardown((void **)&w);
	}
}

static void a_split_that_fails_removes_nothing_and_bugs_the_vm(void **state)
{
	static const u16 leaf[] = { TDH_MEM_RANGE_BLOCK, TDH_MEM_PAGE_DEMOTE };

	for (u32 i = 0; i < ARRAY_SIZE(leaf); i++) {
		struct world *w = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_1_5_NOINTR });

		td_huge_up(w, 1);
		accept_2m(w, 0);
		refuse(w, leaf[i], 1, 2, TDX_OPERAND_BUSY | OPERAND_ID_RCX);
		assert_int_equal(to_shared(w, 1, 2), -EIO);
		assert_true(vm_view(w, 0).vm_bugged);
		assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 0);
		assert_int_equal(sept_view(w, 0).level, 1);
		/* The file goes: its frames are free while the S-EPT has them. */
		ops(w)->teardown(w->h);
		assert_true(take_findings(w, INV_FREE_FRAME_UNMAPPED) > 0);
		take_findings(w, INV_NO_UNASKED_ERROR);
		/* One a frame; the checker keeps the words of the first only. */
		assert_int_equal(w->env->checker.broken_count, 0);
		env_destroy(w->env);
		test_free(w);
	}
}

static void with_dynamic_pamt_a_split_brings_a_pair_and_512_counts(void **state)
{
	struct world *w = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_2_0, .dpamt = true });
	struct tdx_globals *tdx = kvm_globals_of(w->h)->tdx;
	kvm_pfn_t pfn;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	pfn = mirror(w, 0).pfn;
	assert_int_equal(tdx_pamt_refcount(tdx, pfn), 0);
	assert_int_equal(to_shared(w, 1, 2), 0);
	assert_int_equal(tdx_pamt_refcount(tdx, pfn), 511);
	look(w);
	assert_int_equal(to_shared(w, 0, PAGES_2M), 0);
	assert_int_equal(tdx_pamt_refcount(tdx, pfn), 0);
	look(w);
	teardown((void **)&w);
}

/* -- taking out ---------------------------------------------------------------- */

static void a_2m_leaf_goes_in_one_removal_and_512_write_backs(void **state)
{
	struct world *w = *state;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	fill(w, PAGES_2M);
	assert_int_equal(to_shared(w, 0, PAGES_2M), 0);
	assert_int_equal(calls(w, TDH_MEM_RANGE_BLOCK), 1);
	assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 1);
	assert_int_equal(calls(w, TDH_PHYMEM_PAGE_WBINVD), PAGES_2M);
	assert_int_equal(mirror(w, 0).state, SPTE_NONE);
	look(w);
}

static void an_erratum_machine_resets_all_of_a_2m_page(void **state)
{
	struct world *w = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_1_5_NOINTR,
							.erratum = true });
	kvm_pfn_t pfn;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	fill(w, PAGES_2M);
	pfn = mirror(w, 0).pfn;
	assert_int_equal(to_shared(w, 0, PAGES_2M), 0);
	for (u32 i = 0; i < PAGES_2M; i++)
		assert_int_equal(hw_write_partial(w->hw, pfn_to_hpa(pfn + i), 5), HW_OK);
	look(w);
	teardown((void **)&w);
}

/* -- what the guest accepts ----------------------------------------------------- */

static void a_small_accept_splits_then_inhibits_larger_pages_for_ever(void **state)
{
	struct world *w = *state;
	struct kvm_memory_slot *slot;

	td_huge_up(w, 1);
	pre_fault(w, 0);
	slot = gfn_to_memslot(the_kvm(w), 0);
	assert_false(hugepage_test_guest_inhibit(slot, 3, PG_LEVEL_2M));
	accept_ok(w, 0, 0x3000);
	assert_int_equal(calls(w, TDH_MEM_PAGE_DEMOTE), 1);
	assert_true(hugepage_test_guest_inhibit(slot, 3, PG_LEVEL_2M));
	assert_true(hugepage_test_guest_inhibit(slot, 3, PG_LEVEL_1G));
	assert_false(hugepage_test_guest_inhibit(slot, PAGES_2M, PG_LEVEL_2M));
	assert_true(kvm_lpage_disallowed(slot, 3, PG_LEVEL_2M));
	/* Mixed attributes come and go; the bit does not go with them. */
	assert_int_equal(to_shared(w, 0, PAGES_2M), 0);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 2 * MB, PRIVATE), 0);
	assert_true(kvm_lpage_disallowed(slot, 3, PG_LEVEL_2M));
	look(w);
}

static void a_2m_accept_over_a_table_is_a_size_mismatch(void **state)
{
	struct world *w = *state;
	u64 status;

	td_huge_up(w, 1);
	accept_ok(w, 0, 0x3000);
	assert_int_equal(guest_accept(w, 0, ACCEPT_2M, &status), 0);
	assert_int_equal(TDX_STATUS(status), TDX_PAGE_SIZE_MISMATCH);
	look(w);
}

static void race_convert(void *arg)
{
	struct race *race = arg;

	race->err = to_shared(race->w, gpa_to_gfn(race->gpa), gpa_to_gfn(race->gpa) + 1);
}

#define SCHEDULES	200

static void race_many(void (*second)(void *), void (*judge)(struct world *w, struct race *race))
{
	for (u64 seed = 1; seed <= SCHEDULES; seed++) {
		struct world *w = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_1_5_NOINTR });
		struct race race[] = {
			{ .w = w, .vcpu = 0, .gpa = 0x3000 }, { .w = w, .vcpu = 1, .gpa = 0x9000 },
		};

		td_huge_up(w, 2);
		pre_fault(w, 0);
		race_run(seed, race_accept, &race[0], second, &race[1]);
		assert_int_equal(race[0].err, 0);
		assert_int_equal(race[0].status, 0);
		assert_int_equal(race[1].err, 0);
		judge(w, race);
		assert_false(vm_view(w, 0).vm_bugged);
		look(w);
		teardown((void **)&w);
	}
}

static void judge_accepts(struct world *w, struct race *race)
{
	assert_int_equal(race[1].status, 0);
	assert_int_equal(calls(w, TDH_MEM_PAGE_DEMOTE), 1);
	assert_int_equal(sept_view(w, 0x3000).state, SEPT_MAPPED);
	assert_int_equal(sept_view(w, 0x9000).state, SEPT_MAPPED);
	assert_int_equal(sept_view(w, 0xa000).state, SEPT_PENDING);
}

static void two_vcpus_that_accept_in_one_2m_page_split_it_once(void **state)
{
	race_many(race_accept, judge_accepts);
}

static void judge_conversion(struct world *w, struct race *race)
{
	assert_int_equal(calls(w, TDH_MEM_PAGE_DEMOTE), 1);
	assert_int_equal(sept_view(w, 0x3000).state, SEPT_MAPPED);
	assert_int_equal(sept_view(w, 0x9000).state, SEPT_FREE);
}

static void an_accept_and_a_conversion_in_one_2m_page_split_it_once(void **state)
{
	race_many(race_convert, judge_conversion);
}

int main(void)
{
#define HUGE(test) cmocka_unit_test_setup_teardown(test, setup_huge, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_knob_and_a_module_that_finishes_demote_give_2m),
		HUGE(a_busy_aug_of_2m_is_tried_again_and_counted_once),
		HUGE(a_failed_aug_of_2m_leaves_the_mirror_empty_and_bugs_the_vm),
		HUGE(a_split_keeps_511_pages_mapped_accepted_and_filled),
		cmocka_unit_test(a_range_costs_a_split_only_where_it_ends_inside_a_leaf),
		HUGE(a_split_that_gets_no_memory_changes_nothing),
		cmocka_unit_test(a_leaf_of_a_split_that_is_busy_is_called_once_more),
		cmocka_unit_test(a_split_that_fails_removes_nothing_and_bugs_the_vm),
		cmocka_unit_test(with_dynamic_pamt_a_split_brings_a_pair_and_512_counts),
		HUGE(a_2m_leaf_goes_in_one_removal_and_512_write_backs),
		cmocka_unit_test(an_erratum_machine_resets_all_of_a_2m_page),
		HUGE(a_small_accept_splits_then_inhibits_larger_pages_for_ever),
		HUGE(a_2m_accept_over_a_table_is_a_size_mismatch),
		cmocka_unit_test(two_vcpus_that_accept_in_one_2m_page_split_it_once),
		cmocka_unit_test(an_accept_and_a_conversion_in_one_2m_page_split_it_once),
	};

	return cmocka_run_group_tests_name("kvm: huge S-EPT leaves", tests, NULL, NULL);
}
