// SPDX-License-Identifier: GPL-2.0-only
/* Sweep, shrink, campaign, and that a run is the same run whatever ran before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "sim/campaign.h"
#include "sim/explore_scn.h"
#include "sim/sweep.h"

static const char one_page[] =
	"host create_vm td0 = 0\n"
	"host init_td td0 = 0\n"
	"host create_gmem g0 size=4M td=td0 = 0\n"
	"host set_region slot=0 gpa=0x0 size=4M gmem=g0 td=td0 = 0\n"
	"host set_attributes private gpa=0x0 size=4M td=td0 = 0\n"
	"host create_vcpu vcpu0 = 0\n"
	"host init_vcpu vcpu0 = 0\n"
	"host finalize td0 = 0\n"
	"vcpu0 accept gpa=0x1000 size=4K = 0\n"
	"host punch_hole g0 off=0x1000 len=4K = 0\n";

static struct scn *parse(const char *text)
{
	struct diag diag = { 0 };
	char whole[4096];
	struct scn *scn;

	snprintf(whole, sizeof(whole), "# A test.\n%s", text);
	scn = scn_parse_text("test", whole, strlen(whole), &diag);
	if (!scn)
		print_error("%u: %s\n", diag.at.line, diag.text);
	assert_non_null(scn);
	return scn;
}

static struct sim *boot(void)
{
	struct sim_config config;
	char why[160] = "";
	struct sim *sim;

	sim_config_default(&config);
	sim = sim_create(&config, why, sizeof(why));
	assert_non_null(sim);
	return sim;
}

/* -- Determinism -- */

static u64 campaign_hash(struct campaign *campaign, u64 from, u64 to)
{
	struct shrinker *shrinker = calloc(1, sizeof(*shrinker));
	struct run_result result;
	u64 hash = 0, n;

	for (n = from; n < to; n++) {
		if (campaign_run(campaign, n, shrinker, &result))
			scn_free(shrinker->scn);
		hash = hash * 31 + result.trace_hash + result.verdict;
	}
	free(shrinker);
	return hash;
}

static void a_seed_is_the_same_runs_after_many_others(void **state)
{
	struct campaign first = { .seed = 3 }, later = { .seed = 3 };
	u64 hash = campaign_hash(&first, 0, 20);

	campaign_hash(&later, 1000, 1300);
	assert_int_equal(campaign_hash(&later, 0, 20), hash);
	sim_cache_free(&first.cache);
	sim_cache_free(&later.cache);
}

static void a_run_after_ten_thousand_others_has_the_same_hash(void **state)
{
	struct scn *scn = parse(one_page);
	struct run_options options = { 0 };
	struct sim *sim = boot();
	struct run_result result;
	u64 first = 0;
	u32 i;

	for (i = 0; i < 10000; i++) {
		run_scenario(sim, scn, &options, &result);
		assert_int_equal(result.verdict, RUN_OK);
		if (!i)
			first = result.trace_hash;
		assert_int_equal(result.trace_hash, first);
	}
	assert_int_not_equal(first, 0);
	sim_destroy(sim);
	scn_free(scn);
}

/* -- Sweep -- */

struct cells {
	u32 count, unfired;
	u32 broken;
};

static bool note_cell(void *ctx, const struct sweep_cell *cell)
{
	struct cells *cells = ctx;

	cells->count++;
	cells->unfired += !cell->fired;
	if (!cell->allowed)
		cells->broken |= cell->broken;
	return false;
}

static struct cells sweep(u32 kinds, const char *allow, u64 *not_allowed)
{
	struct cells cells = { 0 };
	struct scn *scn = parse(one_page);
	struct sweep sweep = {
		.sim = boot(), .scn = scn, .kinds = kinds, .cell = note_cell, .ctx = &cells,
	};
	struct run_result result;
	struct diag diag = { 0 };

	assert_true(sweep_read_allow(&sweep, allow, &diag));
	assert_true(sweep_run(&sweep, &result));
	assert_int_equal(sweep.cells, cells.count);
	*not_allowed = sweep.not_allowed;
	sim_destroy(sweep.sim);
	scn_free(scn);
	return cells;
}

static void refusals_of_a_removal_open_the_window(void **state)
{
	u64 not_allowed;
	struct cells cells = sweep(1u << INJECT_REFUSE, NULL, &not_allowed);

	assert_true(cells.count > 500);
	assert_int_equal(cells.unfired, 0);
	assert_true(not_allowed > 0);
	assert_int_equal(cells.broken, 1u << INV_FREE_FRAME_UNMAPPED);
	sweep(1u << INJECT_REFUSE, "INV_FREE_FRAME_UNMAPPED", &not_allowed);
	assert_int_equal(not_allowed, 0);
}

static void a_single_busy_lock_breaks_nothing(void **state)
{
	u64 not_allowed;

	sweep(1u << INJECT_BUSY, NULL, &not_allowed);
	assert_int_equal(not_allowed, 0);
}

static void every_allocation_may_fail_and_the_last_cell_has_no_fault(void **state)
{
	u64 not_allowed;
	struct cells cells = sweep(1u << INJECT_NONE, NULL, &not_allowed);

	assert_int_equal(not_allowed, 0);
	assert_true(cells.count > 20);
	assert_int_equal(cells.unfired, 1);
}

struct cell_list {
	struct sweep_cell cell[8000];
	u32 count;
	u64 met;
};

static bool keep_cell(void *ctx, const struct sweep_cell *cell)
{
	struct cell_list *list = ctx;

	assert_true(list->count < ARRAY_SIZE(list->cell));
	list->cell[list->count++] = *cell;
	return false;
}

static struct cell_list *all_cells(const struct scn *scn, bool whole_runs, bool pairs)
{
	struct cell_list *list = calloc(1, sizeof(*list));
	struct sweep sweep = {
		.sim = boot(), .scn = scn, .cell = keep_cell, .ctx = list, .pairs = pairs,
		.whole_runs = whole_runs, .per_leaf = pairs, .kinds = pairs ? 1u << INJECT_LIE : 0x1f,
	};
	struct run_result result;
	struct diag diag = { 0 };

	assert_non_null(list);
	assert_true(sweep_read_allow(&sweep, NULL, &diag));
	assert_true(sweep_run(&sweep, &result));
	list->met = sweep.met_cells;
	sim_destroy(sweep.sim);
	return list;
}

static void compare_with_whole_runs(const char *text, bool pairs)
{
	struct scn *scn = parse(text);
	struct cell_list *whole = all_cells(scn, true, pairs);
	struct cell_list *quick = all_cells(scn, false, pairs);
	u32 i;

	assert_int_equal(quick->count, whole->count);
	assert_int_equal(whole->met, 0);
	for (i = 0; i < whole->count; i++) {
		assert_int_equal(quick->cell[i].class, whole->cell[i].class);
		assert_int_equal(quick->cell[i].broken, whole->cell[i].broken);
		assert_int_equal(quick->cell[i].fired, whole->cell[i].fired);
		assert_string_equal(quick->cell[i].text, whole->cell[i].text);
	}
	/* There must be something to it. */
	assert_true(quick->met > 0);
	free(whole);
	free(quick);
	scn_free(scn);
}

static void a_cell_that_takes_a_short_way_comes_to_the_same(void **state)
{
	compare_with_whole_runs(one_page, false);
}

static void so_do_two_faults(void **state)
{
	compare_with_whole_runs(one_page, true);
}

/* Its own faults: behind the second line those of a cell would come to nothing. */
static void so_does_a_cell_of_a_scenario_with_faults_of_its_own(void **state)
{
	char text[2048];

	snprintf(text, sizeof(text), "%s%s", one_page,
		 "host pre_fault gpa=0x2000 size=4K = * (fail_alloc=1)\n"
		 "inject TDH.MEM.PAGE.AUG nth=1 kind=refuse status=TDX_OPERAND_BUSY|OP_STATE\n"
		 "vcpu0 accept gpa=0x3000 size=4K = *\n"
		 "inject none\n"
		 "host punch_hole g0 off=0x3000 len=4K = *\n");
	compare_with_whole_runs(text, false);
}

/* Two tasks, and a condition that asks for what a run only counts. */
static void so_does_a_cell_of_a_race_with_a_condition(void **state)
{
	char text[2048];

	snprintf(text, sizeof(text), "# Result: Sometimes\n%s%s", one_page,
		 "race\n"
		 "  vcpu0 accept gpa=0x2000 size=4K\n"
		 "  host punch_hole g0 off=0x2000 len=4K\n"
		 "end\n"
		 "condition seamcalls TDH.MEM.TRACK count=2\n");
	compare_with_whole_runs(text, false);
}

static void an_unknown_word_is_not_allowed(void **state)
{
	struct scn *scn = parse("# Allow: INV_NONSENSE\nmm lru_add_drain = 0\n");
	struct sweep sweep = { .scn = scn };
	struct diag diag = { 0 };

	assert_false(sweep_read_allow(&sweep, NULL, &diag));
	assert_int_equal(diag.at.line, 2);
	scn_free(scn);
}

/* -- Shrink -- */

static bool third_is_two(void *ctx, const struct choice_list *list)
{
	++*(u32 *)ctx;
	return list->count > 2 && list->pick[2] == 2;
}

static void choices_shrink_to_those_that_matter(void **state)
{
	struct choice_list list = { .pick = { 1, 1, 2, 3, 0, 1, 1, 0, 0, 4 }, .count = 10 };
	u32 tests = 0;

	shrink_choices(&list, third_is_two, &tests);
	assert_int_equal(list.count, 3);
	assert_int_equal(list.pick[0] | list.pick[1], 0);
	assert_int_equal(list.pick[2], 2);
	assert_true(tests < 40);
}

static void a_scenario_shrinks_to_the_lines_that_matter(void **state)
{
	static const char story[] =
		"mm alloc p0 = 0\n"
		"mm alloc p1 = 0\n"
		"mm lru_add_drain = 0\n"
		"mm free p0 = 0\n"
		"expect frame p0 free=no\n"
		"mm free p1 = 0\n";
	struct sim_cache cache = { 0 };
	struct shrinker *shrinker = calloc(1, sizeof(*shrinker));
	struct run_result result;
	char *text;

	shrinker->scn = parse(story);
	shrinker->cache = &cache;
	assert_true(shrink_start(shrinker, &result));
	assert_int_equal(result.verdict, RUN_MISMATCH);
	shrink_scenario(shrinker);
	text = scn_print(shrinker->scn);
	assert_non_null(strstr(text, "expect frame p0 free=no"));
	assert_null(strstr(text, "p1"));
	assert_null(strstr(text, "lru"));
	assert_int_equal(shrinker->scn->node_count, 4);
	free(text);
	scn_free(shrinker->scn);
	free(shrinker);
	sim_cache_free(&cache);
}

/* -- Exploring a scenario -- */

static struct race_report *explore_text(const char *race, u64 bound)
{
	struct race_report *report = calloc(1, sizeof(*report));
	struct race_options options = {
		.choice_kinds = CHOICE_KINDS_DEFAULT, .explore.bound = bound,
	};
	char text[4096];
	struct sim *sim = boot();
	struct scn *scn;

	snprintf(text, sizeof(text), "# Result: Sometimes\n%s%s", one_page, race);
	scn = parse(text);
	assert_int_equal(explore_race(sim, scn, &options, report), RACE_EXPLORED);
	scn_free(scn);
	sim_destroy(sim);
	return report;
}

static const char deadlock_race[] =
	"vcpu0 accept gpa=0x2000 size=4K = 0\n"
	"race\n"
	"host punch_hole g0 off=0x2000 len=4K\n"
	"mm memory_failure g0@0x2000\n"
	"end\n"
	"condition deadlock\n";

static void the_memory_failure_deadlock_is_found_with_a_short_witness(void **state)
{
	struct race_report *report = explore_text(deadlock_race, 0);

	assert_int_equal(report->seen, SCN_SOMETIMES);
	assert_int_equal(report->holds, report->deadlocks);
	assert_int_equal(report->hold.verdict, RUN_DEADLOCK);
	assert_true(report->hold.cost <= 2);
	assert_int_equal(report->fail.cost, 0);
	assert_int_equal(report->fail.verdict, RUN_OK);
	free(report);
}

static void two_explorations_count_the_same(void **state)
{
	struct race_report *a = explore_text(deadlock_race, 0);
	struct race_report *b = explore_text(deadlock_race, 0);

	assert_int_equal(a->stats.states, b->stats.states);
	assert_int_equal(a->stats.transitions, b->stats.transitions);
	assert_int_equal(a->holds, b->holds);
	assert_int_equal(a->fails, b->fails);
	free(a);
	free(b);
}

static void a_bound_leaves_the_verdict_open(void **state)
{
	struct race_report *report = explore_text(deadlock_race, 20);

	assert_true(report->stats.bound_hit);
	assert_int_equal(report->stats.states, 20);
	free(report);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_is_the_same_runs_after_many_others),
		cmocka_unit_test(a_run_after_ten_thousand_others_has_the_same_hash),
		cmocka_unit_test(refusals_of_a_removal_open_the_window),
		cmocka_unit_test(a_single_busy_lock_breaks_nothing),
		cmocka_unit_test(every_allocation_may_fail_and_the_last_cell_has_no_fault),
		cmocka_unit_test(a_cell_that_takes_a_short_way_comes_to_the_same),
		cmocka_unit_test(so_do_two_faults),
		cmocka_unit_test(so_does_a_cell_of_a_scenario_with_faults_of_its_own),
		cmocka_unit_test(so_does_a_cell_of_a_race_with_a_condition),
		cmocka_unit_test(an_unknown_word_is_not_allowed),
		cmocka_unit_test(choices_shrink_to_those_that_matter),
		cmocka_unit_test(a_scenario_shrinks_to_the_lines_that_matter),
		cmocka_unit_test(the_memory_failure_deadlock_is_found_with_a_short_witness),
		cmocka_unit_test(two_explorations_count_the_same),
		cmocka_unit_test(a_bound_leaves_the_verdict_open),
	};

	return cmocka_run_group_tests_name("sim_engine", tests, NULL, NULL);
}
