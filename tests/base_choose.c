// SPDX-License-Identifier: GPL-2.0-only
/* Chooser backends, the printed list, injection rules, checks and defects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/base/env.h"

static int setup(void **state)
{
	struct env *env = env_create();
	int kind;

	*state = env;
	if (!env)
		return -1;
	for (kind = 0; kind < CHOICE_NR; kind++)
		choose_enable(&env->chooser, kind, true);
	return 0;
}

static int teardown(void **state)
{
	env_destroy(*state);
	return 0;
}

static void script_always_answers_the_ordinary(void **state)
{
	struct env *env = *state;
	int i;

	for (i = 0; i < 10; i++)
		assert_int_equal(choose(env, 7, CHOICE_TASK), 0);
	assert_int_equal(env->chooser.record_count, 10);
}

static void disabled_kinds_and_single_answers_are_not_recorded(void **state)
{
	struct env *env = *state;

	choose_prng(&env->chooser, 1);
	choose_enable(&env->chooser, CHOICE_IRQ, false);
	assert_int_equal(choose(env, 2, CHOICE_IRQ), 0);
	assert_int_equal(choose(env, 1, CHOICE_TASK), 0);
	assert_int_equal(env->chooser.record_count, 0);
}

/* The list comes from another implementation of xoshiro256**. */
static void a_seed_gives_the_same_draws_everywhere(void **state)
{
	static const u16 expected[] = { 8, 37, 68, 92, 99, 76, 71, 85 };
	struct env *env = *state;
	u32 i;

	choose_prng(&env->chooser, 42);
	for (i = 0; i < ARRAY_SIZE(expected); i++)
		assert_int_equal(choose(env, 100, CHOICE_WORLD), expected[i]);
}

static void prng_answers_are_in_range_and_reach_every_value(void **state)
{
	struct env *env = *state;
	u32 seen[5] = { 0 }, i;

	choose_prng(&env->chooser, 3);
	for (i = 0; i < 5000; i++)
		seen[choose(env, 5, CHOICE_WORLD)]++;
	for (i = 0; i < 5; i++)
		assert_in_range(seen[i], 800, 1200);
}

static void rarity_makes_other_answers_rare(void **state)
{
	struct env *env = *state;
	u32 other = 0, i;

	choose_prng(&env->chooser, 3);
	env->chooser.rarity[CHOICE_ALLOC] = 5;
	for (i = 0; i < 32000; i++)
		other += choose(env, 2, CHOICE_ALLOC);
	assert_in_range(other, 800, 1200);
}

static void bytes_are_used_up_then_the_ordinary_follows(void **state)
{
	static const u8 input[] = { 5, 1, 2 };
	struct env *env = *state;

	choose_bytes(&env->chooser, input, sizeof(input));
	assert_int_equal(choose(env, 4, CHOICE_TASK), 1);
	assert_int_equal(choose(env, 1000, CHOICE_TASK), 0x102);
	assert_false(env->chooser.exhausted);
	assert_int_equal(choose(env, 4, CHOICE_TASK), 0);
	assert_true(env->chooser.exhausted);
}

static void replay_repeats_a_list_and_tells_when_it_does_not_fit(void **state)
{
	static const u16 list[] = { 2, 5 };
	struct env *env = *state;

	choose_replay(&env->chooser, list, 2);
	assert_int_equal(choose(env, 3, CHOICE_TASK), 2);
	assert_false(env->chooser.out_of_range);
	assert_int_equal(choose(env, 3, CHOICE_TASK), 0);
	assert_true(env->chooser.out_of_range);
	assert_false(env->chooser.exhausted);
	assert_int_equal(choose(env, 3, CHOICE_TASK), 0);
	assert_true(env->chooser.exhausted);
}

/* A tree whose shape depends on the answers: 1 + 2 * (2 + 3) leaves. */
static u32 small_tree(struct env *env)
{
	u32 a = choose(env, 3, CHOICE_TASK), b, c;

	if (!a)
		return 0;
	b = choose(env, 2, CHOICE_REF);
	c = choose(env, b ? 3 : 2, CHOICE_ALLOC);
	return a * 100 + b * 10 + c;
}

static void enumerate_runs_every_list_once_in_order(void **state)
{
	static const u32 all[] = { 0, 100, 101, 110, 111, 112, 200, 201, 210, 211, 212 };
	struct env *env = *state;
	u32 runs = 0;

	choose_enumerate(&env->chooser);
	do {
		assert_true(runs < ARRAY_SIZE(all));
		assert_int_equal(small_tree(env), all[runs]);
		runs++;
	} while (choose_next(&env->chooser));
	assert_int_equal(runs, ARRAY_SIZE(all));
	assert_false(env->chooser.out_of_range);
}

static void enumerate_notices_a_run_that_asks_something_else(void **state)
{
	struct env *env = *state;

	choose_enumerate(&env->chooser);
	choose(env, 2, CHOICE_TASK);
	assert_true(choose_next(&env->chooser));
	choose(env, 3, CHOICE_TASK);
	assert_true(env->chooser.out_of_range);
}

static void record(struct env *env, const u16 *list, u32 count)
{
	u32 i;

	choose_replay(&env->chooser, list, count);
	for (i = 0; i < count; i++)
		choose(env, 100, CHOICE_TASK);
}

static void assert_printed(struct env *env, const u16 *list, u32 count, const char *expected)
{
	char text[64];

	record(env, list, count);
	assert_int_equal(choose_print(&env->chooser, text, sizeof(text)), strlen(expected));
	assert_string_equal(text, expected);
}

static void a_list_is_printed_without_trailing_zeros(void **state)
{
	struct env *env = *state;

	assert_printed(env, (u16[]){ 0, 0, 0 }, 3, "");
	assert_printed(env, (u16[]){ 0, 2, 1, 0 }, 4, "0,2,1");
	assert_printed(env, (u16[]){ 0, 0, 0, 0, 0, 7, 1, 1, 1, 1, 0 }, 11, "0*5,7,1*4");
}

static void a_printed_list_parses_to_itself(void **state)
{
	struct env *env = *state;
	u16 list[300], back[300];
	char text[2048];
	u32 round, i;

	for (round = 0; round < 50; round++) {
		choose_prng(&env->chooser, round);
		env->chooser.rarity[CHOICE_WORLD] = round % 5;
		for (i = 0; i < 299; i++)
			list[i] = choose(env, 99, CHOICE_WORLD);
		list[299] = 1;
		record(env, list, 300);
		assert_true(choose_print(&env->chooser, text, sizeof(text)) < (int)sizeof(text));
		assert_int_equal(choose_parse(text, back, 300), 300);
		assert_memory_equal(list, back, sizeof(list));
	}
}

static void printing_into_a_short_buffer_tells_the_length(void **state)
{
	struct env *env = *state;
	char text[4];

	record(env, (u16[]){ 1, 2, 3 }, 3);
	assert_int_equal(choose_print(&env->chooser, text, sizeof(text)), 5);
	assert_string_equal(text, "1,2");
}

static void what_is_not_a_list_is_refused(void **state)
{
	static const char *const bad[] = {
		"x", "1,", ",1", "1,,2", "1 2", "-1", "70000", "1*", "1*0", "*3", "9999999", "1,2x",
	};
	u16 list[8];
	u32 i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(choose_parse(bad[i], list, 8), -1);
	assert_int_equal(choose_parse("", list, 8), 0);
	assert_int_equal(choose_parse("3", list, 8), 1);
	assert_int_equal(choose_parse("0*8", list, 8), 8);
	assert_int_equal(choose_parse("0*9", list, 8), -2);
	assert_int_equal(choose_parse("1,1,1,1,1,1,1,1,1", list, 8), -2);
}

static void a_list_names_the_kinds_it_was_drawn_from(void **state)
{
	struct chooser *chooser = &((struct env *)*state)->chooser;
	u16 list[8];
	char text[64];

	assert_int_equal(choose_replay_text(chooser, "0,1", list, 8), 0);
	assert_int_equal(chooser->enabled, 1u << CHOICE_TASK);
	assert_int_equal(choose_replay_text(chooser, "task+irq:0,2", list, 8), 0);
	assert_int_equal(chooser->enabled, 1u << CHOICE_TASK | 1u << CHOICE_IRQ);
	choose(((struct env *)*state), 3, CHOICE_IRQ);
	choose(((struct env *)*state), 3, CHOICE_TASK);
	choose(((struct env *)*state), 3, CHOICE_REF);
	assert_int_equal(choose_print_kinds(chooser, text, sizeof(text)), 12);
	assert_string_equal(text, "task+irq:0,2");
	assert_int_equal(choose_replay_text(chooser, "all:", list, 8), 0);
	assert_int_equal(chooser->enabled, (1u << CHOICE_NR) - 1);
	assert_int_equal(choose_replay_text(chooser, "task+irk:0", list, 8), -3);
	assert_int_equal(choose_replay_text(chooser, ":0", list, 8), -3);
	assert_int_equal(choose_replay_text(chooser, "task:x", list, 8), -1);
	assert_int_equal(choose_replay_text(chooser, "0*9", list, 8), -2);
}

static u32 calls_that_fire(struct env *env, u16 leaf, u32 calls)
{
	u32 mask = 0, i;

	for (i = 0; i < calls; i++)
		if (inject_seamcall(env, leaf))
			mask |= 1u << i;
	return mask;
}

static void a_rule_fires_on_its_nth_call_and_those_after(void **state)
{
	struct env *env = *state;
	struct inject_rule rule = { .leaf = 8, .kind = INJECT_REFUSE, .nth = 2, .times = 3 };

	assert_int_equal(calls_that_fire(env, 8, 2), 0);
	assert_int_equal(inject_add(env, &rule), 0);
	assert_int_equal(calls_that_fire(env, 9, 4), 0);
	assert_int_equal(calls_that_fire(env, 8, 8), 0xe);
	assert_int_equal(env->injector.rule[0].fired, 3);
	assert_int_equal(env->injector.calls[8], 10);
	assert_int_equal(env->injector.seamcall_count, 14);
	inject_clear(env);
	rule.times = INJECT_ALL_CALLS;
	assert_int_equal(inject_add(env, &rule), 0);
	assert_int_equal(calls_that_fire(env, 8, 5), 0x1e);
}

static void too_many_rules_are_refused(void **state)
{
	struct env *env = *state;
	struct inject_rule rule = { .leaf = 1, .nth = 1 };
	int i;

	for (i = 0; i < INJECT_RULE_MAX; i++)
		assert_int_equal(inject_add(env, &rule), 0);
	assert_int_equal(inject_add(env, &rule), -28);
	assert_int_equal(env->injector.rule[0].times, 1);
}

static void the_nth_allocation_fails(void **state)
{
	struct env *env = *state;

	env->injector.alloc_fail_nth = 2;
	assert_false(inject_alloc(env, "a"));
	assert_true(inject_alloc(env, "b"));
	assert_false(inject_alloc(env, "c"));
	assert_int_equal(env->injector.alloc_fired, 1);
	assert_int_equal(env->injector.alloc_count, 3);
}

static void no_allocation_succeeds_behind_a_fault_when_so_armed(void **state)
{
	struct env *env = *state;
	struct inject_rule rule = { .leaf = 8, .kind = INJECT_REFUSE, .nth = 2 };

	assert_int_equal(inject_add(env, &rule), 0);
	env->injector.oom_after_fault = true;
	assert_null(inject_seamcall(env, 8));
	assert_false(inject_alloc(env, "before"));
	assert_non_null(inject_seamcall(env, 8));
	assert_true(inject_alloc(env, "behind"));
	assert_true(inject_alloc_atomic(env, "behind"));
	inject_clear(env);
	assert_false(inject_alloc(env, "later"));
}

static void a_broken_invariant_is_recorded_with_its_step(void **state)
{
	struct env *env = *state;
	int i;

	env->checker.step = 4;
	check_that(env, INV_FRAMES_ACCOUNTED, 1 + 1 == 2, "arithmetic");
	assert_int_equal(env->checker.broken_total, 0);
	check_that(env, INV_FRAMES_ACCOUNTED, 1 + 1 == 3, "frame %d", 9);
	assert_int_equal(env->checker.hits[INV_FRAMES_ACCOUNTED], 2);
	assert_int_equal(env->checker.broken[0].inv, INV_FRAMES_ACCOUNTED);
	assert_int_equal(env->checker.broken[0].step, 4);
	assert_string_equal(env->checker.broken[0].text, "frame 9");
	for (i = 0; i < 100; i++)
		check_fail(env, INV_LOCK_RULES, "more");
	assert_int_equal(env->checker.broken_count, CHECK_BROKEN_MAX);
	assert_int_equal(env->checker.broken_total, 101);
}

static void warn_on_once_counts_a_site_once(void **state)
{
	struct env *env = *state;
	int i;

	for (i = 0; i < 3; i++) {
		assert_true(WARN_ON_ONCE(env, i >= 0));
		assert_false(WARN_ON_ONCE(env, i < 0));
	}
	assert_int_equal(env->checker.warn_count, 1);
	WARN_ON(env, true);
	WARN_ON(env, true);
	assert_int_equal(env->checker.warn_count, 3);
	kmsg(env, KMSG_BUG, __func__, "x");
	assert_int_equal(env->checker.bug_count, 1);
}

static void a_defect_is_found_by_either_spelling(void **state)
{
	struct env *env = *state;

	assert_int_equal(defect_find("SKIP_TRACK"), DEFECT_SKIP_TRACK);
	assert_int_equal(defect_find("skip-track"), DEFECT_SKIP_TRACK);
	assert_int_equal(defect_find("skip-trac"), -1);
	assert_int_equal(defect_find("skip-track2"), -1);
	assert_false(defect_on(env, DEFECT_SKIP_TRACK));
	env->defects = 1ULL << DEFECT_SKIP_TRACK;
	assert_true(defect_on(env, DEFECT_SKIP_TRACK));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(script_always_answers_the_ordinary),
		TEST(disabled_kinds_and_single_answers_are_not_recorded),
		TEST(a_seed_gives_the_same_draws_everywhere),
		TEST(prng_answers_are_in_range_and_reach_every_value),
		TEST(rarity_makes_other_answers_rare),
		TEST(bytes_are_used_up_then_the_ordinary_follows),
		TEST(replay_repeats_a_list_and_tells_when_it_does_not_fit),
		TEST(enumerate_runs_every_list_once_in_order),
		TEST(enumerate_notices_a_run_that_asks_something_else),
		TEST(a_list_is_printed_without_trailing_zeros),
		TEST(a_printed_list_parses_to_itself),
		TEST(printing_into_a_short_buffer_tells_the_length),
		TEST(what_is_not_a_list_is_refused),
		TEST(a_list_names_the_kinds_it_was_drawn_from),
		TEST(a_rule_fires_on_its_nth_call_and_those_after),
		TEST(too_many_rules_are_refused),
		TEST(the_nth_allocation_fails),
		TEST(no_allocation_succeeds_behind_a_fault_when_so_armed),
		TEST(a_broken_invariant_is_recorded_with_its_step),
		TEST(warn_on_once_counts_a_site_once),
		TEST(a_defect_is_found_by_either_spelling),
	};

	return cmocka_run_group_tests_name("base_choose", tests, NULL, NULL);
}
