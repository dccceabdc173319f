// SPDX-License-Identifier: GPL-2.0-only
/* The buddy allocator, against the rules of mm/page_alloc.c of Linux 7.3.4. */
#include "tests/mm_common.h"

static int no_pcp(void **state)
{
	world_config = mm_config_default;
	world_config.pcp_high = 0;
	world_ram = 0;
	return world_setup(state);
}

static int no_checks(void **state)
{
	world_config = mm_config_default;
	world_config.pcp_high = 0;
	world_config.check_pages = false;
	world_ram = 0;
	return world_setup(state);
}

static int one_tebibyte(void **state)
{
	world_config = mm_config_default;
	world_ram = 1ULL << 40;
	return world_setup(state);
}


#define BUDDY_TEST(f) cmocka_unit_test_setup_teardown(f, no_pcp, world_teardown)

static void the_lowest_address_of_the_smallest_block_is_handed_out(void **state)
{
	struct world *w = *state;
	struct page *first = alloc_page(w->env, GFP_KERNEL);
	struct page *second = alloc_page(w->env, GFP_KERNEL);
	struct page *pair = alloc_pages(w->env, GFP_KERNEL, 1);

	assert_int_equal(second->pfn, first->pfn + 1);
	assert_int_equal(pair->pfn, first->pfn + 2);
	assert_int_equal(alloc_page(w->env, GFP_KERNEL)->pfn, first->pfn + 4);
	__free_page(first);
	/* A hole of one page is smaller than any other block. */
	assert_int_equal(alloc_page(w->env, GFP_KERNEL)->pfn, first->pfn);
}

static void buddies_merge_up_to_the_largest_order(void **state)
{
	struct world *w = *state;
	u64 before = mm_nr_free_pages(w->mm);
	struct page *page[1024];
	u32 i;

	for (i = 0; i < 1024; i++)
		page[i] = alloc_page(w->env, GFP_KERNEL);
	assert_int_equal(mm_nr_free_pages(w->mm), before - 1024);
	for (i = 0; i < 1024; i += 2)
		__free_page(page[i]);
	assert_int_equal(w->mm->zone.free_area[0].nr_free, 512);
	for (i = 1; i < 1024; i += 2)
		__free_page(page[i]);
	for (i = 0; i < MAX_PAGE_ORDER; i++)
		assert_int_equal(w->mm->zone.free_area[i].nr_free, 0);
	assert_int_equal(w->mm->zone.free_area[MAX_PAGE_ORDER].nr_free, 1);
	assert_int_equal(mm_nr_free_pages(w->mm), before);
}

static void orders_above_the_largest_warn_and_give_nothing(void **state)
{
	struct world *w = *state;

	assert_null(alloc_pages(w->env, GFP_KERNEL, MAX_PAGE_ORDER + 1));
	assert_int_equal(w->env->checker.warn_count, 1);
}

static void memory_runs_out_without_an_end_and_comes_back(void **state)
{
	struct world *w = *state;
	u64 free = mm_nr_free_pages(w->mm), taken = 0;
	struct page *page, *list = NULL;

	while ((page = alloc_pages(w->env, GFP_KERNEL | __GFP_COMP, MAX_PAGE_ORDER))) {
		page->private = (uintptr_t)list;
		list = page;
		taken++;
	}
	assert_int_equal(taken, free >> MAX_PAGE_ORDER);
	assert_int_equal(mm_nr_free_pages(w->mm), 0);
	while (list) {
		page = list;
		list = (struct page *)(uintptr_t)page->private;
		page->private = 0;
		folio_put_as(page_folio(page), HOLDER_ALLOC);
	}
	expect_all_free(w);
}

static void a_frame_is_free_exactly_when_nobody_has_it(void **state)
{
	struct world *w = *state;
	struct page *page = alloc_page(w->env, GFP_KERNEL);

	assert_false(mm_frame_free(w->mm, 0));
	assert_false(mm_frame_free(w->mm, page->pfn));
	assert_true(mm_frame_free(w->mm, page->pfn + 1));
	assert_true(mm_frame_free(w->mm, w->mm->zone.end_pfn - 1));
	__free_page(page);
	assert_true(mm_frame_free(w->mm, page->pfn));
}

static void a_compound_page_has_tails_that_know_their_head(void **state)
{
	struct world *w = *state;
	u32 order;

	for (order = 1; order <= MAX_PAGE_ORDER; order++) {
		struct folio *folio = folio_alloc(w->env, GFP_KERNEL, order);
		u64 i;

		assert_int_equal(folio_order(folio), order);
		for (i = 1; i < folio_nr_pages(folio); i++) {
			struct page *tail = folio_page(folio, i);

			assert_true(PageTail(tail));
			assert_ptr_equal(page_folio(tail), folio);
			assert_int_equal(tail->_refcount, 0);
			/* In pages 1 and 2 fields of the folio lie over it. */
			if (i > 2)
				assert_ptr_equal(tail->mapping, TAIL_MAPPING);
			assert_int_equal(page_to_pfn(tail), folio->pfn + i);
		}
		folio_put_as(folio, HOLDER_ALLOC);
	}
	expect_all_free(w);
}

static void a_corrupted_tail_keeps_its_folio_from_being_freed(void **state)
{
	struct world *w = *state;
	struct folio *folio = folio_alloc(w->env, GFP_KERNEL, 3);

	folio_page(folio, 5)->mapping = NULL;
	folio_put_as(folio, HOLDER_ALLOC);
	assert_false(mm_frame_free(w->mm, folio->pfn));
	assert_non_null(mm_leaks(w->mm));
	assert_int_equal(mm_leaks(w->mm)->order, 3);
	mm_check(w->mm, 0);
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void a_page_freed_with_a_bad_flag_is_lost(void **state)
{
	struct world *w = *state;
	struct page *page = alloc_page(w->env, GFP_KERNEL);

	page->flags |= BIT_ULL(PG_active);
	__free_page(page);
	assert_false(mm_frame_free(w->mm, page->pfn));
	assert_string_equal(mm_leaks(w->mm)->reason, "PAGE_FLAGS_CHECK_AT_FREE flag(s) set");
}

static void a_poisoned_page_of_order_0_never_comes_back(void **state)
{
	struct world *w = *state;
	struct page *page = alloc_page(w->env, GFP_KERNEL);
	kvm_pfn_t pfn = page->pfn;
	u32 i;

	SetPageHWPoison(page);
	__free_page(page);
	assert_string_equal(mm_leaks(w->mm)->reason, "hwpoison");
	for (i = 0; i < 64; i++)
		assert_int_not_equal(alloc_page(w->env, GFP_KERNEL)->pfn, pfn);
}

static void a_poisoned_page_inside_a_block_is_caught_only_with_checks_on(void **state)
{
	struct world *w = *state;
	struct page *block = alloc_pages(w->env, GFP_KERNEL, 3);
	kvm_pfn_t pfn = block->pfn;

	SetPageHWPoison(block + 3);
	__free_pages(block, 3);
	block = alloc_pages(w->env, GFP_KERNEL, 3);
	if (w->mm->config.check_pages)
		assert_int_not_equal(block->pfn, pfn);
	else
		assert_int_equal(block->pfn, pfn);
}

static void many_bad_pages_all_over_a_tebibyte_cost_little(void **state)
{
	struct world *w = *state;
	u64 free = mm_nr_free_pages(w->mm), used = w->env->arena->used, i;

	for (i = 0; i < 100; i++)
		assert_true(take_page_off_buddy(pfn_to_page(w->env, (1ULL << 27) + i * 1000003)));
	assert_int_equal(mm_nr_free_pages(w->mm), free - 100);
	assert_true(w->env->arena->used - used < 8 << 20);
	mm_check(w->mm, 100);
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void a_page_taken_off_the_buddy_leaves_the_rest_of_its_block_free(void **state)
{
	struct world *w = *state;
	u64 free = mm_nr_free_pages(w->mm);
	struct page *page = pfn_to_page(w->env, 0x8123);
	u32 order;

	assert_true(take_page_off_buddy(page));
	assert_int_equal(mm_nr_free_pages(w->mm), free - 1);
	for (order = 0; order < MAX_PAGE_ORDER; order++)
		assert_int_equal(w->mm->zone.free_area[order].nr_free, 1);
	assert_false(take_page_off_buddy(page));
	page->_refcount = 1;
	ledger_add((struct folio *)page, HOLDER_MEM_FAIL, 1);
	assert_true(put_page_back_buddy(page));
	assert_int_equal(mm_nr_free_pages(w->mm), free);
	for (order = 0; order < MAX_PAGE_ORDER; order++)
		assert_int_equal(w->mm->zone.free_area[order].nr_free, 0);
}

static void a_gigantic_page_comes_from_an_aligned_free_range(void **state)
{
	struct world *w = *state;
	u64 nr = 1ULL << 18, free = mm_nr_free_pages(w->mm);
	struct page *in_the_way = pfn_to_page(w->env, nr + 77);
	struct page *page;

	assert_true(take_page_off_buddy(in_the_way));
	page = alloc_contig_frozen_pages(w->env, nr, GFP_KERNEL | __GFP_COMP);
	assert_non_null(page);
	assert_int_equal(page->pfn, 2 * nr);
	assert_int_equal(mm_nr_free_pages(w->mm), free - nr - 1);
	assert_int_equal(folio_order(page_folio(pfn_to_page(w->env, 3 * nr - 1))), 18);
	free_frozen_pages(page, 18);
	assert_int_equal(mm_nr_free_pages(w->mm), free - 1);
	assert_int_equal(w->mm->zone.free_area[MAX_PAGE_ORDER].nr_free, 256);
}

static void a_freed_page_is_the_next_one_its_cpu_gets(void **state)
{
	struct world *w = *state;
	struct page *page[4];
	u32 i;

	for (i = 0; i < 4; i++)
		page[i] = alloc_page(w->env, GFP_KERNEL);
	__free_page(page[2]);
	assert_true(mm_frame_free(w->mm, page[2]->pfn));
	assert_false(is_free_buddy_page(page[2]));
	assert_ptr_equal(alloc_page(w->env, GFP_KERNEL), page[2]);
	__free_page(page[1]);
	drain_all_pages(w->mm);
	assert_true(is_free_buddy_page(page[1]));
}

static void a_tebibyte_of_ram_costs_no_more_than_a_gibibyte(void **state)
{
	struct world *w = *state;
	u64 used = w->env->arena->used;
	struct page *page = alloc_page(w->env, GFP_KERNEL);

	assert_true(used < 64 << 10);
	assert_true(w->env->arena->used - used < 64 << 10);
	assert_true(mm_frame_free(w->mm, (1ULL << 28) - 1));
	__free_page(page);
	expect_all_free(w);
}

static void an_allocation_that_may_sleep_under_a_spinlock_is_reported(void **state)
{
	struct world *w = *state;
	struct lock *lock = arena_alloc(w->env->arena, sizeof(*lock));

	lock_init(lock, LOCK_MMU_LOCK, 0);
	read_lock(lock);
	assert_non_null(alloc_page(w->env, GFP_ATOMIC));
	assert_int_equal(w->env->checker.broken_total, 0);
	assert_non_null(alloc_page(w->env, GFP_KERNEL));
	assert_int_equal(w->env->checker.broken_total, 1);
	assert_int_equal(w->env->checker.broken[0].inv, INV_LOCK_RULES);
	read_unlock(lock);
	assert_non_null(alloc_page(w->env, GFP_KERNEL));
	assert_int_equal(w->env->checker.broken_total, 1);
}

static void an_injected_failure_gives_nothing_and_costs_nothing(void **state)
{
	struct world *w = *state;

	w->env->injector.alloc_fail_nth = 2;
	assert_non_null(alloc_page(w->env, GFP_KERNEL));
	assert_null(alloc_page(w->env, GFP_KERNEL));
	assert_non_null(alloc_page(w->env, GFP_KERNEL));
	mm_check(w->mm, 2);
	assert_int_equal(w->env->checker.broken_total, 0);
}

/* -- against a plain map ----------------------------------------------------------- */

#define SPAN	4096

static void random_operations_never_hand_out_a_page_twice(void **state)
{
	struct world *w = *state;
	u8 used[SPAN] = { 0 };
	struct page *held[256] = { NULL };
	u8 order[256];
	kvm_pfn_t base = 0;
	u64 in_use = 0;
	u32 round, i;

	choose_prng(&w->env->chooser, 4711);
	choose_enable(&w->env->chooser, CHOICE_WORLD, true);
	for (round = 0; round < 30000; round++) {
		u32 slot = choose(w->env, 256, CHOICE_WORLD);
		u64 n;

		if (held[slot]) {
			n = 1ULL << order[slot];
			for (i = 0; i < n; i++)
				used[held[slot]->pfn - base + i] = 0;
			if (order[slot] && folio_test_large(page_folio(held[slot])))
				folio_put_as(page_folio(held[slot]), HOLDER_ALLOC);
			else
				__free_pages(held[slot], order[slot]);
			held[slot] = NULL;
			in_use -= n;
		} else {
			order[slot] = choose(w->env, 4, CHOICE_WORLD);
			n = 1ULL << order[slot];
			held[slot] = alloc_pages(w->env, GFP_KERNEL | (round & 1 ? __GFP_COMP : 0),
						 order[slot]);
			if (!base)
				base = ALIGN_DOWN(held[slot]->pfn, BLOCK_PAGES);
			assert_true(held[slot]->pfn - base + n <= SPAN);
			assert_true(IS_ALIGNED(held[slot]->pfn, n));
			for (i = 0; i < n; i++) {
				assert_false(used[held[slot]->pfn - base + i]);
				used[held[slot]->pfn - base + i] = 1;
			}
			in_use += n;
		}
		if (round % 512 == 0)
			mm_check(w->mm, in_use);
	}
	for (i = 0; i < SPAN; i++)
		assert_int_equal(mm_frame_free(w->mm, base + i), !used[i]);
	assert_int_equal(w->env->checker.broken_total, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		BUDDY_TEST(the_lowest_address_of_the_smallest_block_is_handed_out),
		BUDDY_TEST(buddies_merge_up_to_the_largest_order),
		BUDDY_TEST(orders_above_the_largest_warn_and_give_nothing),
		BUDDY_TEST(memory_runs_out_without_an_end_and_comes_back),
		BUDDY_TEST(a_frame_is_free_exactly_when_nobody_has_it),
		WORLD_TEST(a_frame_is_free_exactly_when_nobody_has_it),
		BUDDY_TEST(a_compound_page_has_tails_that_know_their_head),
		BUDDY_TEST(a_corrupted_tail_keeps_its_folio_from_being_freed),
		BUDDY_TEST(a_page_freed_with_a_bad_flag_is_lost),
		BUDDY_TEST(a_poisoned_page_of_order_0_never_comes_back),
		WORLD_TEST(a_poisoned_page_of_order_0_never_comes_back),
		BUDDY_TEST(a_poisoned_page_inside_a_block_is_caught_only_with_checks_on),
		cmocka_unit_test_setup_teardown(
			a_poisoned_page_inside_a_block_is_caught_only_with_checks_on,
			no_checks, world_teardown),
		BUDDY_TEST(a_page_taken_off_the_buddy_leaves_the_rest_of_its_block_free),
		cmocka_unit_test_setup_teardown(a_gigantic_page_comes_from_an_aligned_free_range,
						no_pcp, world_teardown),
		WORLD_TEST(a_freed_page_is_the_next_one_its_cpu_gets),
		cmocka_unit_test_setup_teardown(a_tebibyte_of_ram_costs_no_more_than_a_gibibyte,
						one_tebibyte, world_teardown),
		cmocka_unit_test_setup_teardown(many_bad_pages_all_over_a_tebibyte_cost_little,
						one_tebibyte, world_teardown),
		WORLD_TEST(an_allocation_that_may_sleep_under_a_spinlock_is_reported),
		WORLD_TEST(an_injected_failure_gives_nothing_and_costs_nothing),
		WORLD_TEST(random_operations_never_hand_out_a_page_twice),
		BUDDY_TEST(random_operations_never_hand_out_a_page_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
