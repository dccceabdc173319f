// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scenario language: what is parsed prints back the same, and what is no
 * scenario is refused with its place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "sim/scn.h"
#include "sim/verbs.h"

static struct scn *must_parse(const char *text)
{
	struct diag diag;
	struct scn *scn = scn_parse_text("test.scn", text, strlen(text), &diag);

	if (!scn)
		fail_msg("%u:%u: %s", diag.at.line, diag.at.col, diag.text);
	return scn;
}

static void assert_prints_back(const char *text)
{
	struct scn *first = must_parse(text), *second;
	char *printed = scn_print(first), *again;

	second = must_parse(printed);
	again = scn_print(second);
	assert_true(scn_equal(first, second));
	assert_string_equal(printed, again);
	free(printed);
	free(again);
	scn_free(first);
	scn_free(second);
}

static void assert_refused(const char *text, u32 line, u32 col, const char *sentence)
{
	struct diag diag;
	struct scn *scn = scn_parse_text("test.scn", text, strlen(text), &diag);

	assert_null(scn);
	assert_true(diag.set);
	if (!strstr(diag.text, sentence))
		fail_msg("'%s' does not hold '%s'", diag.text, sentence);
	assert_int_equal(diag.at.line, line);
	assert_int_equal(diag.at.col, col);
}

#define H "# A hypothesis.\n"

static void every_form_of_line_prints_back(void **state)
{
	assert_prints_back("# SPDX-License-Identifier: GPL-2.0-only\n" H "# Result: Sometimes\n\n"
		"set ram=1G hvo=on   # a remark\n"
		"vary cpus in 1 2\nvary x in 0x1000 2M\nparam g=g0 size=4M\n"
		"host create_vm td0 type=tdx = 0 # another\n"
		"repeat 3\n  vcpu0 accept gpa=$x size=4K = 0 | EAGAIN [cpus 1] (signal cpu=2)\n"
		"    > TDH.MEM.SEPT.ADD ... = SUCCESS\n    > ... # whatever\n"
		"    > TDH.MEM.PAGE.AUG gpa=0x1000 level=4K = OPERAND_BUSY|RCX [hvo not off] (injected times=2)\n"
		"end\n"
		"race\n  vcpu0 write gpa=0x1000\n  td1.vcpu2 read gpa=0 shared = ve\n  host2 punch_hole g0 off=0 len=2M\nend\n"
		"inject TDH.MEM.PAGE.REMOVE nth=1 times=all kind=refuse status=TDX_OPERAND_BUSY operand=RCX\n"
		"inject alloc nth=3\n"
		"module TDH.PHYMEM.PAGE.RDMD rcx=0x1000 = TDX_OPERAND_INVALID|RCX\n"
		"expect not sept gpa=0x1000 state=MAPPED level=4K\n"
		"expect leak count=1 reason=\"why it leaked\"\n"
		"expect vm td0 dead\nexpect vm td0 dead=no\n"
		"condition not folio g0@0x1000 absent and sept gpa=0x1000 state=FREE\n");
}

static void a_leaf_may_be_written_the_kernel_s_way(void **state)
{
	struct scn *a = must_parse(H "module TDH_MEM_TRACK rcx=0 = SUCCESS\n");
	struct scn *b = must_parse(H "module TDH.MEM.TRACK rcx=0 = TDX_SUCCESS\n");

	assert_true(scn_equal(a, b));
	scn_free(a);
	scn_free(b);
}

static void trees_that_differ_are_not_equal(void **state)
{
	static const char *const lines[] = {
		"host finalize td0 = 0", "host finalize td1 = 0", "host finalize td0 = EIO",
		"host finalize td0", "host finalize td0 = 0 (cpu=1)", "host close_vm td0 = 0",
		"host finalize td0 = 0 [policy no-hold]", "host2 finalize td0 = 0",
		"host finalize td0 = 0\n> TDH.MR.FINALIZE", "host finalize td0 = 0\n> ...",
		"repeat 2\nhost finalize td0 = 0\nend",
	};
	char text[2][200];
	struct scn *scn[2];
	u32 a, b;

	for (a = 0; a < ARRAY_SIZE(lines); a++) {
		for (b = 0; b < ARRAY_SIZE(lines); b++) {
			snprintf(text[0], sizeof(text[0]), H "%s\n", lines[a]);
			snprintf(text[1], sizeof(text[1]), H "%s\n", lines[b]);
			scn[0] = must_parse(text[0]);
			scn[1] = must_parse(text[1]);
			assert_int_equal(scn_equal(scn[0], scn[1]), a == b);
			scn_free(scn[0]);
			scn_free(scn[1]);
		}
	}
}

/* A row that cannot be printed and read back would make unreadable crash files. */
static void every_verb_prints_back_with_all_its_operands(void **state)
{
	static const char *const sample[TYPE_NR] = {
		[TYPE_GPA] = "0x1000", [TYPE_OFFSET] = "0x2000", [TYPE_SIZE] = "4K",
		[TYPE_NUMBER] = "7", [TYPE_HEX] = "0x10", [TYPE_TD] = "td1",
		[TYPE_REGISTER] = "td1.vcpu2.tdvpr",
		[TYPE_VCPU] = "td1.vcpu2", [TYPE_GMEM] = "g2", [TYPE_GMEM_AT] = "g1@0x3000",
		[TYPE_FRAME] = "p3", [TYPE_LEVEL] = "2M", [TYPE_LEAF] = "TDH.MEM.PAGE.AUG",
		[TYPE_TDCALL] = "TDG.MEM.PAGE.ACCEPT", [TYPE_STATUS] = "TDX_OPERAND_BUSY|RCX",
		[TYPE_OPERAND_ID] = "SEPT_TREE", [TYPE_FAULT_KIND] = "late",
		[TYPE_VISIBILITY] = "private", [TYPE_MEASURE] = "retry", [TYPE_VM_TYPE] = "normal",
		[TYPE_GMEM_FLAGS] = "mmap", [TYPE_FILE_KIND] = "bare-disk",
		[TYPE_SEPT_STATE] = "PENDING_BLOCKED",
		[TYPE_PAMT_TYPE] = "PT_REG", [TYPE_SPTE_STATE] = "frozen",
		[TYPE_TD_LIFE] = "TD_TEARDOWN", [TYPE_TD_OP] = "RUNNABLE",
		[TYPE_INVARIANT] = "INV_LOCK_RULES", [TYPE_YESNO] = "no",
		[TYPE_WORD] = "sept-pin", [TYPE_STRING] = "\"two words\"",
	};
	char text[1000];
	u32 v, i;

	for (v = 1; v < VERB_NR; v++) {
		int used = snprintf(text, sizeof(text), H "%s%s %s", actor_names[verbs[v].actor],
				    verbs[v].actor == ACTOR_VCPU ? "0" : "", verbs[v].name);

		for (i = 0; i < verbs[v].operand_count; i++) {
			const struct verb_operand *o = &verbs[v].operand[i];

			if (o->type == TYPE_FLAG) {
				used += sprintf(text + used, " %s", o->name);
				continue;
			}
			assert_non_null(sample[o->type]);
			used += sprintf(text + used, o->flags & OPERAND_POSITIONAL ? "%.0s %s" :
					" %s=%s", o->name, sample[o->type]);
		}
		sprintf(text + used, "\n");
		assert_prints_back(text);
	}
}

static void a_wrong_word_is_refused_at_its_place_with_the_nearest_one(void **state)
{
	assert_refused(H "host punch_hoel g0 off=0 len=4K\n", 2, 6, "did you mean 'punch_hole'");
	assert_refused(H "hots punch_hole g0 off=0 len=4K\n", 2, 1, "did you mean 'host'");
	assert_refused(H "host punch_hole g0 of=0 len=4K\n", 2, 20, "did you mean 'off'");
	assert_refused(H "host punch_hole g0 off=4Q len=4K\n", 2, 24, "no unit");
	assert_refused(H "host punch_hole g9 off=0 len=4K\n", 2, 17, "is no GMEM");
	assert_refused(H "host punch_hole g0 off=0 len=4K = EINVALL\n", 2, 35, "did you mean 'EINVAL'");
	assert_refused(H "host punch_hole g0 off=0 len=4K off=0\n", 2, 37, "given twice");
	assert_refused(H "host punch_hole g0 off=0\n", 2, 25, "'len' is missing");
	assert_refused(H "inject TDH.MEM.PAGE.REMOV kind=refuse\n", 2, 8, "TDH_MEM_PAGE_REMOVE");
	assert_refused(H "set polisy=no-hold\n", 2, 5, "did you mean 'policy'");
	assert_refused(H "set cpus=900\n", 2, 10, "between");
	assert_refused(H "expect sept gpa=0x1000 state=PENDNG\n", 2, 30, "PENDING");
}

static void an_unaligned_address_is_refused_unless_the_kernel_shall_refuse_it(void **state)
{
	assert_refused(H "host punch_hole g0 off=0x800 len=4K = 0\n", 2, 24, "not a multiple of 4K");
	assert_prints_back(H "host punch_hole g0 off=0x800 len=4K = EINVAL\n");
}

static void a_block_has_an_end_and_a_race_two_actors(void **state)
{
	assert_refused(H "repeat 2\nhost finalize td0\n", 3, 0, "no 'end'");
	assert_refused(H "end\n", 2, 1, "'end' without");
	assert_refused(H "race\nhost finalize td0\nend\n", 4, 1, "at least two actors");
	assert_refused(H "race\nhost finalize td0\nexpect warn 0\nend\n", 4, 1, "cannot stand in a race");
	assert_refused(H "repeat 0\nend\n", 2, 8, "repeat is between");
}

static void a_verdict_and_its_condition_come_together(void **state)
{
	assert_refused(H "# Result: Never\nhost finalize td0\n", 2, 0, "needs a 'condition'");
	assert_refused(H "host finalize td0\ncondition vm td0 dead\n", 3, 0, "needs a verdict");
	assert_refused(H "# Result: Nevre\nhost finalize td0\n", 2, 1, "did you mean 'Never'");
}

static void nothing_and_garbage_are_no_scenario(void **state)
{
	static char big[SCN_FILE_MAX + 2], zero[] = H "host finalize td0\n\0x\n";
	struct diag diag;

	assert_null(scn_parse_text("t", "", 0, &diag));
	assert_non_null(strstr(diag.text, "empty"));
	assert_refused(H, 0, 0, "no step");
	assert_refused("host finalize td0\n", 1, 0, "no hypothesis");
	assert_refused(H "host \x01 x\n", 2, 6, "byte 0x01");
	memset(big, '#', sizeof(big));
	assert_null(scn_parse_text("t", big, sizeof(big), &diag));
	assert_non_null(strstr(diag.text, "larger than"));
	assert_null(scn_parse_text("t", zero, sizeof(zero) - 1, &diag));
	assert_non_null(strstr(diag.text, "0x00"));
}

static void a_comment_may_hold_utf8_and_a_line_may_end_in_cr(void **state)
{
	assert_prints_back("# Führt zu einer Lücke – so heißt es.\r\nhost finalize td0 = 0\r\n");
}

static void the_nearest_word_allows_each_slip_of_a_hand_but_not_another_word(void **state)
{
	static const char *const words[] = { "refuse", "late", "lie", "busy" };

	assert_string_equal(diag_nearest("refsue", words, 4), "refuse");
	assert_string_equal(diag_nearest("refus", words, 4), "refuse");
	assert_string_equal(diag_nearest("rrefuse", words, 4), "refuse");
	assert_string_equal(diag_nearest("BUSY", words, 4), "busy");
	assert_null(diag_nearest("panic", words, 4));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_form_of_line_prints_back),
		cmocka_unit_test(a_leaf_may_be_written_the_kernel_s_way),
		cmocka_unit_test(trees_that_differ_are_not_equal),
		cmocka_unit_test(every_verb_prints_back_with_all_its_operands),
		cmocka_unit_test(a_wrong_word_is_refused_at_its_place_with_the_nearest_one),
		cmocka_unit_test(an_unaligned_address_is_refused_unless_the_kernel_shall_refuse_it),
		cmocka_unit_test(a_block_has_an_end_and_a_race_two_actors),
		cmocka_unit_test(a_verdict_and_its_condition_come_together),
		cmocka_unit_test(nothing_and_garbage_are_no_scenario),
		cmocka_unit_test(a_comment_may_hold_utf8_and_a_line_may_end_in_cr),
		cmocka_unit_test(the_nearest_word_allows_each_slip_of_a_hand_but_not_another_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
