// SPDX-License-Identifier: GPL-2.0-only
/* Frames: KeyIDs, the TD-owner bit, poison, and cache lines not yet written back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/hw/hw.h"

#define HPA	0x5000ULL
#define TD_KEY	40
#define OTHER_KEY	41

struct world {
	struct env *env;
	struct hw *hw;
};

static void start_with(struct world *w, bool erratum)
{
	struct hw_config config = hw_config_default;

	config.partial_write_erratum = erratum;
	w->env = env_create();
	w->hw = hw_create(w->env, &config);
	assert_non_null(w->hw);
}

static int start(void **state)
{
	static struct world w;

	start_with(&w, false);
	*state = &w;
	return 0;
}

static int start_erratum(void **state)
{
	static struct world w;

	start_with(&w, true);
	*state = &w;
	return 0;
}

static int stop(void **state)
{
	env_destroy(((struct world *)*state)->env);
	return 0;
}

static u64 read_as(struct hw *hw, u16 keyid, enum hw_access expected)
{
	u64 token;

	assert_int_equal(hw_read(hw, HPA, keyid, &token), expected);
	return token;
}

static void an_untouched_frame_is_the_hosts_and_zero(void **state)
{
	struct world *w = *state;

	assert_int_equal(read_as(w->hw, KEYID_SHARED, HW_OK), TOKEN_ZERO);
	assert_int_equal(w->env->checker.broken_total, 0);
}

static void the_host_reads_zeros_from_a_td_frame_and_is_reported(void **state)
{
	struct world *w = *state;

	hw_movdir64b(w->hw, HPA, TD_KEY, 7);
	assert_int_equal(read_as(w->hw, TD_KEY, HW_OK), 7);
	assert_int_equal(w->env->checker.broken_total, 0);
	assert_int_equal(read_as(w->hw, KEYID_SHARED, HW_ZEROS), TOKEN_ZERO);
	assert_int_equal(w->env->checker.broken_total, 1);
	assert_int_equal(w->env->checker.broken[0].inv, INV_HOST_NEVER_CONSUMES_TD);
	assert_int_equal(w->hw->mce_count, 0);
}

static void a_td_that_reads_what_the_host_wrote_takes_a_machine_check(void **state)
{
	struct world *w = *state;

	hw_movdir64b(w->hw, HPA, TD_KEY, 7);
	assert_int_equal(hw_write(w->hw, HPA, KEYID_SHARED, 8), HW_OK);
	assert_int_equal(read_as(w->hw, KEYID_SHARED, HW_OK), 8);
	read_as(w->hw, TD_KEY, HW_MC);
	assert_int_equal(w->hw->mce_count, 1);
	assert_int_equal(hw_write(w->hw, HPA, TD_KEY, 9), HW_MC);
	read_as(w->hw, OTHER_KEY, HW_MC);
}

static void a_partial_write_poisons_only_with_the_erratum(void **state)
{
	struct world *w = *state;
	bool erratum = w->hw->partial_write_erratum;

	hw_movdir64b(w->hw, HPA, TD_KEY, 7);
	hw_write_partial(w->hw, HPA, 8);
	assert_int_equal(w->env->checker.broken_total, 1);
	assert_int_equal(!!(hw_frame_peek(w->hw, HPA >> PAGE_SHIFT)->flags & HW_FRAME_POISON),
			 erratum);
	read_as(w->hw, KEYID_SHARED, erratum ? HW_MC : HW_OK);
	/* Ordinary stores leave the poison, MOVDIR64B takes it away. */
	hw_write(w->hw, HPA, KEYID_SHARED, 9);
	read_as(w->hw, KEYID_SHARED, erratum ? HW_MC : HW_OK);
	hw_movdir64b(w->hw, HPA, KEYID_SHARED, 10);
	assert_int_equal(read_as(w->hw, KEYID_SHARED, HW_OK), 10);
}

static void lines_of_a_dead_td_come_back_unless_flushed_first(void **state)
{
	struct world *w = *state;

	hw_movdir64b(w->hw, HPA, TD_KEY, 1);
	hw_write(w->hw, HPA, TD_KEY, 2);
	hw_movdir64b(w->hw, HPA, KEYID_SHARED, 3);
	assert_int_equal(read_as(w->hw, KEYID_SHARED, HW_OK), 3);
	hw_wbinvd(w->hw, 0);
	assert_int_equal(hw_frame_peek(w->hw, HPA >> PAGE_SHIFT)->keyid, TD_KEY);

	hw_write(w->hw, HPA, TD_KEY, 4);
	hw_clflush(w->hw, HPA, TD_KEY);
	hw_movdir64b(w->hw, HPA, KEYID_SHARED, 5);
	hw_wbinvd(w->hw, 0);
	assert_int_equal(read_as(w->hw, KEYID_SHARED, HW_OK), 5);
}

static void a_flush_through_another_keyid_writes_nothing_back(void **state)
{
	struct world *w = *state;

	hw_movdir64b(w->hw, HPA, TD_KEY, 1);
	hw_write(w->hw, HPA, TD_KEY, 2);
	hw_clflush(w->hw, HPA, OTHER_KEY);
	assert_true(hw_frame_peek(w->hw, HPA >> PAGE_SHIFT)->flags & HW_FRAME_DIRTY);
	hw_wbinvd(w->hw, 1);	/* the other package's cache */
	assert_true(hw_frame_peek(w->hw, HPA >> PAGE_SHIFT)->flags & HW_FRAME_DIRTY);
	hw_clflush(w->hw, HPA, TD_KEY);
	assert_false(hw_frame_peek(w->hw, HPA >> PAGE_SHIFT)->flags & HW_FRAME_DIRTY);
}

static void a_write_back_is_not_forgotten_when_its_round_number_comes_again(void **state)
{
	struct world *w = *state;

	hw_movdir64b(w->hw, HPA, TD_KEY, 1);
	hw_write(w->hw, HPA, TD_KEY, 2);
	for (u32 i = 0; i < 0x10000; i++)
		hw_wbinvd(w->hw, 0);
	assert_false(hw_frame_peek(w->hw, HPA >> PAGE_SHIFT)->flags & HW_FRAME_DIRTY);
}

static void beyond_ram_nothing_is_kept(void **state)
{
	struct world *w = *state;
	hpa_t beyond = w->hw->frame_count << PAGE_SHIFT;
	u64 token = 1;

	assert_int_equal(hw_write(w->hw, beyond, KEYID_SHARED, 5), HW_OK);
	assert_int_equal(hw_read(w->hw, beyond, KEYID_SHARED, &token), HW_ZEROS);
	assert_int_equal(token, 0);
	assert_null(hw_frame_peek(w->hw, beyond >> PAGE_SHIFT));
	assert_null(hw_frame_peek(w->hw, 77));
}

static void impossible_machines_are_refused(void **state)
{
	struct world *w = *state;
	struct hw_config bad[] = {
		{ 0, 1, 1, 32, 64 }, { SZ_1G + 1, 1, 1, 32, 64 }, { SZ_1G, 0, 1, 32, 64 },
		{ SZ_1G, HW_CPU_MAX + 1, 1, 32, 64 }, { SZ_1G, 1, 2, 32, 64 },
		{ SZ_1G, 1, 0, 32, 64 }, { SZ_1G, 1, 1, 0, 64 }, { SZ_1G, 1, 1, 64, 64 },
		{ SZ_1G, 1, 1, 32, 65 }, { BIT_ULL(47), 1, 1, 32, 64 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_null(hw_create(w->env, &bad[i]));
}

static void a_tlb_serves_what_was_filled_until_it_is_flushed(void **state)
{
	struct world *w = *state;
	const struct hw_tlb_entry fill = { .asid = 0x1000, .gfn = 512, .pfn = 1024, .level = 1 };

	assert_null(hw_tlb_find(w->hw, 1, 0x1000, 700));
	hw_tlb_fill(w->hw, 1, &fill);
	assert_int_equal(hw_tlb_find(w->hw, 1, 0x1000, 700)->pfn, 1024);
	assert_null(hw_tlb_find(w->hw, 1, 0x2000, 700));
	assert_null(hw_tlb_find(w->hw, 0, 0x1000, 700));
	assert_null(hw_tlb_find(w->hw, 1, 0x1000, 1024));
	hw_tlb_flush(w->hw, 1, 0x2000);
	assert_non_null(hw_tlb_find(w->hw, 1, 0x1000, 700));
	hw_tlb_flush(w->hw, 1, 0x1000);
	assert_null(hw_tlb_find(w->hw, 1, 0x1000, 700));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_untouched_frame_is_the_hosts_and_zero),
		TEST(the_host_reads_zeros_from_a_td_frame_and_is_reported),
		TEST(a_td_that_reads_what_the_host_wrote_takes_a_machine_check),
		TEST(a_partial_write_poisons_only_with_the_erratum),
		cmocka_unit_test_setup_teardown(a_partial_write_poisons_only_with_the_erratum,
						start_erratum, stop),
		TEST(lines_of_a_dead_td_come_back_unless_flushed_first),
		TEST(a_flush_through_another_keyid_writes_nothing_back),
		TEST(a_write_back_is_not_forgotten_when_its_round_number_comes_again),
		TEST(beyond_ram_nothing_is_kept),
		TEST(impossible_machines_are_refused),
		TEST(a_tlb_serves_what_was_filled_until_it_is_flushed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
