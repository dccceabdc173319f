// SPDX-License-Identifier: GPL-2.0-only
/*
 * The runner: what it accepts, what it refuses, and that a run is the same run
 * every time. Scenarios are texts here, so that each can be wrong in one place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/run.h"
#include "sim/report.h"

#define TD "# A hypothesis.\nhost create_vm td0\nhost init_td td0\n" \
	   "host create_gmem g0 size=4M\nhost set_region slot=0 gpa=0x0 size=4M gmem=g0\n" \
	   "host set_attributes gpa=0x0 size=4M private\nhost create_vcpu vcpu0\n" \
	   "host init_vcpu vcpu0\nhost finalize td0\n"
#define PAGE TD "vcpu0 accept gpa=0x1000 size=4K\nvcpu0 write gpa=0x1000 token=7\n"

struct fixture {
	struct sim_cache cache;
	struct run_result result;
	struct diag diag;
};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct fixture));
	return !*state;
}

static int teardown(void **state)
{
	sim_cache_free(&((struct fixture *)*state)->cache);
	free(*state);
	return 0;
}

static struct run_result *run_with(struct fixture *f, const char *text,
				   struct run_options *options)
{
	struct scn *scn = scn_parse_text("test.scn", text, strlen(text), &f->diag);
	struct sim_config config;
	char why[DIAG_TEXT_MAX];
	struct sim *sim;

	if (!scn)
		fail_msg("%u:%u: %s", f->diag.at.line, f->diag.at.col, f->diag.text);
	if (!run_config(scn, options, &config, &f->diag))
		fail_msg("%s", f->diag.text);
	sim = sim_cache_get(&f->cache, &config, why, sizeof(why));
	if (!sim)
		fail_msg("%s", why);
	run_scenario(sim, scn, options, &f->result);
	scn_free(scn);
	return &f->result;
}

static struct run_result *run(struct fixture *f, const char *text)
{
	return run_with(f, text, &(struct run_options){ 0 });
}

#define assert_verdict(result, wanted)							\
	do {										\
		if ((result)->verdict != (wanted))					\
			fail_msg("verdict %s: %s", run_verdict_names[(result)->verdict],	\
				 (result)->diag.text);					\
	} while (0)

static void a_step_without_a_result_must_succeed(void **state)
{
	assert_verdict(run(*state, PAGE), RUN_OK);
	assert_verdict(run(*state, PAGE "host finalize td0\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "host finalize td0 = EINVAL\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "host finalize td0 = EIO | EINVAL\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "host finalize td0 = *\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "host punch_hole g0 off=0x0 len=4K = EINVAL\n"),
		       RUN_MISMATCH);
}

static void a_mismatch_names_its_line_and_both_sides(void **state)
{
	struct run_result *result = run(*state, PAGE "\nhost finalize td0 = 0\n");

	assert_int_equal(result->diag.at.line, 13);
	assert_string_equal(result->diag.text, "expected 0, got EINVAL");
	assert_non_null(strstr(result->diag.note, "script:  host finalize td0 = 0"));
	assert_non_null(strstr(result->diag.note, "actual:  host finalize td0 = EINVAL"));
	assert_string_equal(result->diag.source, "host finalize td0 = 0");
}

static void seamcalls_must_cross_in_order_and_no_others(void **state)
{
#define PUNCH PAGE "host punch_hole g0 off=0x1000 len=4K = 0\n"
	assert_verdict(run(*state, PUNCH "> TDH.MEM.RANGE.BLOCK\n> TDH.MEM.TRACK\n"
			   "> TDH.MEM.PAGE.REMOVE gpa=0x1000 level=4K = SUCCESS\n"
			   "> TDH.PHYMEM.PAGE.WBINVD\n"), RUN_OK);
	assert_verdict(run(*state, PUNCH "> ...\n> TDH.MEM.PAGE.REMOVE\n> ...\n"), RUN_OK);
	assert_verdict(run(*state, PUNCH "> TDH.MEM.RANGE.BLOCK\n> TDH.MEM.TRACK\n"),
		       RUN_MISMATCH);
	assert_verdict(run(*state, PUNCH "> TDH.MEM.TRACK\n> ...\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PUNCH "> ...\n> TDH.MEM.PAGE.AUG\n> ...\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PUNCH "> ...\n> TDH.MEM.PAGE.REMOVE gpa=0x2000\n> ...\n"),
		       RUN_MISMATCH);
	assert_verdict(run(*state, PUNCH "> ...\n> TDH.MEM.PAGE.REMOVE = OPERAND_BUSY\n> ...\n"),
		       RUN_MISMATCH);
	assert_verdict(run(*state, PUNCH "> ...\n> TDH.MEM.PAGE.REMOVE (injected)\n> ...\n"),
		       RUN_MISMATCH);
	assert_verdict(run(*state, PUNCH "> ...\n> TDH.MEM.PAGE.REMOVE (times=2)\n> ...\n"),
		       RUN_MISMATCH);
}

static void expectations_hold_or_fail_and_may_be_turned_round(void **state)
{
	assert_verdict(run(*state, PAGE "expect sept gpa=0x1000 state=MAPPED\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "expect sept gpa=0x1000 state=FREE\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "expect not sept gpa=0x1000 state=FREE\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "expect not sept gpa=0x1000 state=MAPPED\n"),
		       RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "expect folio g0@0x1000 refs=2\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "expect folio g0@0x2000 absent\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "expect folio g0@0x1000 absent\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "expect holder g0@0x1000 filemap count=1\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "expect holder g0@0x1000 sept-pin\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "expect kmsg \"nothing of the kind\"\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "expect leak count=0\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "expect leak\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "expect broken INV_LOCK_RULES\n"), RUN_MISMATCH);
	assert_verdict(run(*state, PAGE "vcpu0 read gpa=0x1000 token=7\n"), RUN_OK);
	assert_verdict(run(*state, PAGE "vcpu0 read gpa=0x1000 token=8\n"), RUN_MISMATCH);
}

#define FAILED PAGE "inject TDH.MEM.PAGE.REMOVE kind=refuse status=TDX_OPERAND_INVALID\n" \
	       "host punch_hole g0 off=0x1000 len=4K = 0\n"

static void a_broken_invariant_fails_the_run_unless_it_is_declared(void **state)
{
	struct run_result *result = run(*state, FAILED "expect warn 1\ntest teardown\nexpect warn 2\n");

	assert_verdict(result, RUN_INVARIANT);
	assert_int_equal(result->broken, 1u << INV_FREE_FRAME_UNMAPPED);
	assert_int_equal(result->failed_step, 12);
	assert_verdict(run(*state, FAILED "expect broken INV_FREE_FRAME_UNMAPPED\n"
			   "test teardown\nexpect warn 2\n"), RUN_OK);
}

static void a_warn_nobody_expected_fails_the_run(void **state)
{
	struct run_result *result = run(*state, FAILED "expect broken INV_FREE_FRAME_UNMAPPED\n");

	assert_verdict(result, RUN_INVARIANT);
	assert_non_null(strstr(result->diag.text, "INV_NO_UNASKED_ERROR"));
}

static void what_is_measured_may_go_any_way(void **state)
{
	static const char failed[] = PAGE
		"inject TDH.MEM.PAGE.REMOVE kind=refuse status=TDX_OPERAND_INVALID\n"
		"test measure operation\nhost punch_hole g0 off=0x1000 len=4K\n"
		"vcpu0 accept gpa=0x2000 size=4K";
	char text[2048];
	struct run_result *result;

	snprintf(text, sizeof(text), "%s\n", failed);
	result = run(*state, text);
	assert_verdict(result, RUN_OK);
	assert_true(result->broken & 1u << INV_FREE_FRAME_UNMAPPED);
	assert_true(result->broken & 1u << INV_NO_UNASKED_ERROR);
	snprintf(text, sizeof(text), "%s = 0\n", failed);
	assert_verdict(run(*state, text), RUN_MISMATCH);
}

static void a_disarmed_injection_never_fires_and_that_is_said(void **state)
{
	const struct run_result *result;

	result = run(*state, PAGE "inject TDH.MEM.PAGE.REMOVE kind=refuse status=TDX_OPERAND_INVALID\n"
		     "inject none\n"
		     "host punch_hole g0 off=0x1000 len=4K = 0\n");
	assert_int_equal(result->verdict, RUN_ERROR);
	assert_non_null(strstr(result->diag.text, "never fired: TDH.MEM.PAGE.REMOVE was called 0 times"));
}

static void an_injection_that_never_fires_is_bad_input(void **state)
{
	struct run_result *result;

	result = run(*state, PAGE "inject TDH.MEM.PAGE.REMOVE nth=2 kind=lie\n"
		     "host punch_hole g0 off=0x1000 len=4K = 0\n");
	assert_verdict(result, RUN_ERROR);
	assert_int_equal(result->diag.at.line, 12);
	assert_verdict(run(*state, PAGE "vcpu0 run (fail_alloc=900)\n"), RUN_ERROR);
}

static void a_step_on_what_is_not_there_is_bad_input(void **state)
{
	struct run_result *result;

	result = run(*state, PAGE "host close_gmem g0\nhost punch_hole g0 off=0x0 len=4K\n");
	assert_verdict(result, RUN_ERROR);
	assert_string_equal(result->diag.text, "'g0' is gone since line 12");
	result = run(*state, PAGE "gup take g5@0x0\n");
	assert_verdict(result, RUN_ERROR);
	assert_string_equal(result->diag.text, "'g5' was never created");
	assert_verdict(run(*state, PAGE "gup take g5@0x0 = EBADF\n"), RUN_OK);
}

static void vary_lines_multiply_and_the_last_varies_fastest(void **state)
{
	static const char text[] = "# H.\nvary cpus in 1 2\nvary x in a b c\nhost create_vm td0\n";
	struct fixture *f = *state;
	struct scn *scn = scn_parse_text("t", text, sizeof(text) - 1, &f->diag);
	struct sim_config config;
	char variant[80];

	assert_non_null(scn);
	assert_int_equal(run_variant_count(scn), 6);
	run_variant_text(scn, 4, variant, sizeof(variant));
	assert_string_equal(variant, "cpus=2 x=b");
	assert_string_equal(run_variant_value(scn, 2, "x"), "c");
	assert_null(run_variant_value(scn, 0, "y"));
	assert_true(run_config(scn, &(struct run_options){ .variant = 3 }, &config, &f->diag));
	assert_int_equal(config.hw.cpu_count, 2);
	scn_free(scn);
}

static void a_limit_takes_a_line_out_of_other_variants(void **state)
{
	static const char text[] = TD "vary policy in no-hold always-pin\n"
		"vcpu0 accept gpa=0x1000 size=4K\n"
		"expect folio g0@0x1000 refs=1 [policy no-hold]\n"
		"expect folio g0@0x1000 refs=2 [policy not no-hold]\n";

	assert_verdict(run_with(*state, text, &(struct run_options){ .variant = 0 }), RUN_OK);
	assert_verdict(run_with(*state, text, &(struct run_options){ .variant = 1 }), RUN_OK);
}

static void a_command_line_setting_wins_over_the_file(void **state)
{
	static const struct run_setting set = { "policy", "always-pin" };
	struct run_options options = { .set = &set, .set_count = 1 };

	assert_verdict(run_with(*state, PAGE "set policy=no-hold\n"
				"expect folio g0@0x1000 refs=2\n", &options), RUN_OK);
}

static void a_repeat_runs_its_lines_so_many_times(void **state)
{
	struct run_result *result = run(*state, PAGE "repeat 5\nhost punch_hole g0 off=0x1000 len=4K\n"
					"vcpu0 accept gpa=0x1000 size=4K\nend\n"
					"expect seamcalls TDH.MEM.PAGE.AUG count=6\n");

	assert_verdict(result, RUN_OK);
	assert_int_equal(result->steps, 10 + 10 + 1);
}

static void too_many_steps_are_a_bound_and_no_success(void **state)
{
	struct run_options options = { .step_max = 5 };

	assert_verdict(run_with(*state, PAGE, &options), RUN_BOUND);
	assert_int_equal(run_exit_status(RUN_BOUND), 5);
}

#define RACE(verdict) "# Result: " verdict "\n" PAGE "race\n" \
	"  vcpu0 read gpa=0x1000\n  host punch_hole g0 off=0x1000 len=4K = 0\nend\n"

static void a_schedule_may_break_a_verdict_but_not_prove_it(void **state)
{
	assert_verdict(run(*state, RACE("Never") "condition sept gpa=0x1000 state=MAPPED\n"),
		       RUN_OK);
	assert_verdict(run(*state, RACE("Always") "condition sept gpa=0x1000 state=MAPPED\n"),
		       RUN_MISMATCH);
	assert_verdict(run(*state, RACE("Never") "condition sept gpa=0x1000 state=FREE\n"),
		       RUN_MISMATCH);
	assert_verdict(run(*state, RACE("Sometimes") "condition sept gpa=0x1000 state=FREE\n"),
		       RUN_OK);
}

static void a_seed_gives_the_same_schedule_in_any_process_state(void **state)
{
	static const char text[] = RACE("Sometimes") "condition sept gpa=0x1000 state=FREE\n";
	struct fixture *f = *state;
	struct sim_config config;
	struct scn *scn = scn_parse_text("t", text, sizeof(text) - 1, &f->diag);
	struct run_options options = { 0 };
	u64 hash[2][16];
	bool differ = false;
	char why[DIAG_TEXT_MAX];
	struct sim *sim;
	u32 round, seed;

	assert_non_null(scn);
	assert_true(run_config(scn, &options, &config, &f->diag));
	for (round = 0; round < 2; round++) {
		/* A machine of its own each round: nothing may carry over. */
		sim = sim_create(&config, why, sizeof(why));
		assert_non_null(sim);
		sim->env->chooser.enabled = CHOICE_KINDS_DEFAULT;
		for (seed = 0; seed < 16; seed++) {
			choose_prng(&sim->env->chooser, seed);
			run_scenario(sim, scn, &options, &f->result);
			hash[round][seed] = f->result.trace_hash;
			differ = differ || hash[round][seed] != hash[round][0];
		}
		sim_destroy(sim);
	}
	assert_memory_equal(hash[0], hash[1], sizeof(hash[0]));
	/* Else the seed would decide nothing. */
	assert_true(differ);
	scn_free(scn);
}

static void two_machines_in_one_process_never_meet(void **state)
{
	struct sim_config config;
	char why[DIAG_TEXT_MAX];
	struct sim *a, *b;
	struct run run_a, run_b;
	struct run_result result_a, result_b;
	struct run_options options = { 0 };
	struct scn *scn = scn_parse_text("t", PAGE, sizeof(PAGE) - 1, &((struct fixture *)*state)->diag);
	u32 i;

	sim_config_default(&config);
	a = sim_create(&config, why, sizeof(why));
	b = sim_create(&config, why, sizeof(why));
	assert_non_null(a);
	assert_non_null(b);
	run_begin(&run_a, a, NULL, &options, &result_a);
	run_begin(&run_b, b, NULL, &options, &result_b);
	/* Step by step in turn; b one line behind. */
	for (i = 0; i <= scn->node_count; i++) {
		if (i < scn->node_count && scn->node[i].kind == SCN_STEP)
			assert_true(run_step(&run_a, scn->node[i].step, NULL));
		if (i && scn->node[i - 1].kind == SCN_STEP)
			assert_true(run_step(&run_b, scn->node[i - 1].step, NULL));
	}
	run_end(&run_a);
	run_end(&run_b);
	assert_verdict(&result_a, RUN_OK);
	assert_verdict(&result_b, RUN_OK);
	assert_true(result_a.trace_hash == result_b.trace_hash);
	sim_destroy(a);
	sim_destroy(b);
	scn_free(scn);
}

static void every_knob_reads_back_what_was_set(void **state)
{
	static const char *const set[][2] = {
		{ "policy", "always-pin" }, { "order", "vm-attr" }, { "sept-huge", "2M" },
		{ "gmem-page", "1G" }, { "hvo", "on" }, { "hugetlb-2M", "4" },
		{ "hugetlb-1G", "2" }, { "dpamt", "on" }, { "module", "2.0" },
		{ "zero-step", "off" }, { "panic-on-warn", "on" }, { "lru-batches", "on" },
		{ "ram", "1T" }, { "cpus", "64" }, { "packages", "8" }, { "hkids", "2" },
		{ "erratum", "on" }, { "series-bugs", "no-border-split" },
		{ "split-1G", "2M" }, { "conversion-checks", "off" },
		{ "boot-refuse", "SYS.CONFIG" }, { "no-page-checks", "on" },
	};
	struct sim_config config, other;
	char text[64], why[DIAG_TEXT_MAX];
	u32 i;

	assert_int_equal(ARRAY_SIZE(set), knob_count);
	for (i = 0; i < ARRAY_SIZE(set); i++) {
		sim_config_default(&config);
		sim_config_default(&other);
		assert_int_equal(sim_config_set(&config, set[i][0], set[i][1], why, sizeof(why)), 0);
		sim_config_get(&config, set[i][0], text, sizeof(text));
		assert_string_equal(text, set[i][1]);
		assert_int_equal(sim_config_equal(&config, &other), !strcmp(set[i][0], "order"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_step_without_a_result_must_succeed, setup, teardown),
		cmocka_unit_test_setup_teardown(a_mismatch_names_its_line_and_both_sides, setup, teardown),
		cmocka_unit_test_setup_teardown(seamcalls_must_cross_in_order_and_no_others, setup, teardown),
		cmocka_unit_test_setup_teardown(expectations_hold_or_fail_and_may_be_turned_round, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_invariant_fails_the_run_unless_it_is_declared, setup, teardown),
		cmocka_unit_test_setup_teardown(a_warn_nobody_expected_fails_the_run, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_measured_may_go_any_way, setup, teardown),
		cmocka_unit_test_setup_teardown(a_disarmed_injection_never_fires_and_that_is_said, setup, teardown),
		cmocka_unit_test_setup_teardown(an_injection_that_never_fires_is_bad_input, setup, teardown),
		cmocka_unit_test_setup_teardown(a_step_on_what_is_not_there_is_bad_input, setup, teardown),
		cmocka_unit_test_setup_teardown(vary_lines_multiply_and_the_last_varies_fastest, setup, teardown),
		cmocka_unit_test_setup_teardown(a_limit_takes_a_line_out_of_other_variants, setup, teardown),
		cmocka_unit_test_setup_teardown(a_command_line_setting_wins_over_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_repeat_runs_its_lines_so_many_times, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_steps_are_a_bound_and_no_success, setup, teardown),
		cmocka_unit_test_setup_teardown(a_schedule_may_break_a_verdict_but_not_prove_it, setup, teardown),
		cmocka_unit_test_setup_teardown(a_seed_gives_the_same_schedule_in_any_process_state, setup, teardown),
		cmocka_unit_test_setup_teardown(two_machines_in_one_process_never_meet, setup, teardown),
		cmocka_unit_test_setup_teardown(every_knob_reads_back_what_was_set, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
