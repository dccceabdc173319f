// SPDX-License-Identifier: GPL-2.0-only
/* The tables agree with themselves and their text forms can be read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "model/tdx/tables.h"

static void every_status_has_one_name_and_one_value(void **state)
{
	for (u32 i = 0; i < tdx_status_count; i++) {
		const struct tdx_status_info *info = &tdx_status_info[i];

		assert_ptr_equal(tdx_status_find(info->value | 5), info);
		assert_ptr_equal(tdx_status_by_name(info->name), info);
		assert_ptr_equal(tdx_status_by_name(info->name + 4), info);
		assert_int_equal(info->value & 0xffffffff, 0);
		assert_true(strlen(info->kvm) && strlen(info->text));
		/* What is an error has bit 63 or is a TD exit; what is none needs no retry. */
		if (!(info->value >> 62))
			assert_int_equal(info->retry, RETRY_NONE);
	}
	assert_null(tdx_status_find(0x1234567800000000ULL));
	assert_null(tdx_status_by_name("TDX_NO_SUCH_THING"));
}

static void every_listed_status_prints_and_parses_back(void **state)
{
	u32 count = 0;

	for (u32 leaf = 0; leaf < TDX_LEAF_MAX; leaf++)
		for (u32 i = 0; i < tdx_leaf_info[leaf].status_count; i++, count++) {
			u64 status = tdx_leaf_info[leaf].status[i], back;
			char text[96];

			assert_non_null(tdx_status_find(status));
			assert_in_range(tdx_status_print(status, text, sizeof(text)), 1, 95);
			assert_int_equal(tdx_status_parse(text, &back), 0);
			assert_int_equal(back, status);
			assert_true(tdx_leaf_may_return(&tdx_leaf_info[leaf], status));
		}
	assert_true(count > 300);
}

static void statuses_read_in_the_forms_people_type(void **state)
{
	static const struct {
		const char *text;
		u64 status;
	} good[] = {
		{ "SUCCESS", 0 }, { "TDX_SUCCESS", 0 }, { "0", 0 },
		{ "OPERAND_BUSY|RCX", 0x8000020000000001 },
		{ "tdx_operand_busy|sept_tree", 0x8000020000000092 },
		{ "OPERAND_BUSY|0x92", 0x8000020000000092 },
		{ "0x8000020000000092", 0x8000020000000092 },
		{ "PAGE_SIZE_MISMATCH|level 1", 0xc0000b0b00000001 },
		{ "SUCCESS|exit 48", 48 },
		{ "L2_SEPT_WALK_FAILED|VM 2 level 1", 0xc0000b0f00020001 },
		{ "INCONSISTENT_MSR|MSR 0x3b", 0xc00009200000003b },
	};
	static const char *const bad[] = { "", "|RCX", "BUSY", "OPERAND_BUSY|", "OPERAND_BUSY|XYZ",
					   "0x12z", "SUCCESS|4294967296", "TDX_" };
	u64 status;

	for (u32 i = 0; i < ARRAY_SIZE(good); i++) {
		assert_int_equal(tdx_status_parse(good[i].text, &status), 0);
		assert_int_equal(status, good[i].status);
	}
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(tdx_status_parse(bad[i], &status), -1);
}

static void leaves_are_found_by_any_of_their_names(void **state)
{
	static const char *const names[] = { "TDH_MEM_PAGE_AUG", "TDH.MEM.PAGE.AUG",
					     "mem.page.aug", "MEM_PAGE_AUG", "6", "0x6" };

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		assert_ptr_equal(tdx_leaf_by_name(names[i]), &tdx_leaf_info[TDH_MEM_PAGE_AUG]);
	assert_null(tdx_leaf_by_name("MEM.PAGE"));
	assert_null(tdx_leaf_by_name("300"));
	assert_null(tdx_leaf_by_name("32"));
	assert_string_equal(tdx_tdcall_by_name("TDG.MEM.PAGE.ACCEPT")->name, "TDG_MEM_PAGE_ACCEPT");
}

static void locks_are_listed_in_words(void **state)
{
	char text[160];

	tdx_leaf_locks_print(tdx_leaf_info[TDH_MEM_RANGE_BLOCK].locks, text, sizeof(text));
	assert_string_equal(text, "TDR sh, OP_STATE sh, SEPT_TREE ex, SEPT entry");
}

static void states_codes_and_names_are_unique(void **state)
{
	for (u32 i = 0; i < SEPT_STATE_NR; i++) {
		const struct sept_state_info *a = &sept_state_info[i];

		assert_int_equal(sept_state_by_name(a->name), i);
		/* Only a leaf has PS, bit 6 of the code and bit 7 of the entry. */
		assert_int_equal(a->leaf, a->code >> 6);
		assert_int_equal(a->leaf, a->bits >> 7 & 1 && i != SEPT_FREE && i != SEPT_REMOVED);
		for (u32 j = 0; j < i; j++) {
			assert_int_not_equal(a->code, sept_state_info[j].code);
			assert_int_not_equal(a->arch, sept_state_info[j].arch);
		}
	}
	assert_int_equal(sept_state_by_name("nothing"), -1);
}

static void the_bits_of_a_state_are_its_code(void **state)
{
	for (u32 i = 0; i < SEPT_STATE_NR; i++) {
		u64 e = sept_state_info[i].bits;
		u32 code = (e >> 9 & 1) | (e >> 52 & 0x1e) | (e >> 1 & 0x60);

		/* FREE and REMOVED are listed with bits 7:5 of their high half: 0x00E0... */
		assert_int_equal(code, sept_state_info[i].code);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_one_name_and_one_value),
		cmocka_unit_test(every_listed_status_prints_and_parses_back),
		cmocka_unit_test(statuses_read_in_the_forms_people_type),
		cmocka_unit_test(leaves_are_found_by_any_of_their_names),
		cmocka_unit_test(locks_are_listed_in_words),
		cmocka_unit_test(states_codes_and_names_are_unique),
		cmocka_unit_test(the_bits_of_a_state_are_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
