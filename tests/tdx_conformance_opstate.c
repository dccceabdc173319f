// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every leaf in every operation state of a TD. The table below is written from
 * the specification's op-state table, not from the model's; a leaf with an
 * op-state row of its own and no line here fails the test, and the reverse.
 */
#include "tests/tdx_world.h"

/* Columns: op states 0..10. */
static const struct {
	u16 leaf;
	const char *allowed;
} expected[] = {
	{ TDH_VP_ENTER,          "0 0 1 1 0 0 0 0 0 1 0" },
	{ TDH_MNG_ADDCX,         "1 0 0 0 0 0 0 0 0 0 0" },	/* from the 7th page on */
	{ TDH_MEM_PAGE_ADD,      "0 1 0 0 0 0 0 0 0 0 0" },
	{ TDH_MEM_SEPT_ADD,      "0 1 1 1 0 0 1 1 1 1 0" },
	{ TDH_VP_ADDCX,          "0 1 0 0 0 0 0 1 0 0 0" },
	{ TDH_MEM_PAGE_RELOCATE, "0 1 1 1 1 1 0 0 1 1 0" },
	{ TDH_MEM_PAGE_AUG,      "0 1 1 1 0 0 0 0 0 1 0" },
	{ TDH_MEM_RANGE_BLOCK,   "0 1 1 1 1 1 0 0 1 1 0" },
	{ TDH_VP_CREATE,         "0 1 0 0 0 0 0 1 0 0 0" },
	{ TDH_MNG_RD,            "0 1 1 1 1 1 1 1 1 1 1" },
	{ TDH_MEM_RD,            "0 1 1 1 1 1 1 1 1 1 1" },
	{ TDH_MNG_WR,            "0 1 1 1 0 0 1 1 1 1 1" },
	{ TDH_MEM_WR,            "0 1 1 1 0 0 1 1 1 1 1" },
	{ TDH_MEM_PAGE_DEMOTE,   "0 1 1 1 1 1 0 0 1 1 0" },
	{ TDH_MR_EXTEND,         "0 1 0 0 0 0 0 0 0 0 0" },
	{ TDH_MR_FINALIZE,       "0 1 0 0 0 0 0 0 0 0 0" },
	{ TDH_VP_FLUSH,          "1 1 1 1 1 1 1 1 1 1 1" },	/* not checked */
	{ TDH_MNG_INIT,          "1 0 0 0 0 0 0 0 0 0 0" },
	{ TDH_VP_INIT,           "0 1 0 0 0 0 0 0 0 0 0" },
	{ TDH_MEM_PAGE_PROMOTE,  "0 1 1 1 1 1 0 0 1 1 0" },
	{ TDH_MEM_SEPT_RD,       "0 1 1 1 1 1 1 1 1 1 1" },
	{ TDH_VP_RD,             "0 1 1 1 1 1 1 1 1 1 1" },
	{ TDH_MEM_PAGE_REMOVE,   "0 1 1 1 1 1 0 0 1 1 1" },
	{ TDH_MEM_SEPT_REMOVE,   "0 1 1 1 1 1 1 1 1 1 1" },
	{ TDH_MEM_TRACK,         "0 1 1 1 1 1 1 1 1 1 0" },
	{ TDH_MEM_RANGE_UNBLOCK, "0 1 1 1 1 1 0 0 1 1 0" },
	{ TDH_VP_WR,             "0 1 1 1 0 0 1 1 1 1 1" },
};

static void every_leaf_in_every_operation_state(void **state)
{
	u32 cells = 0, allowed = 0;
	struct rig rig;

	world_make(&rig, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(expected); i++) {
		const struct world_case *k = world_case_of(expected[i].leaf);

		assert_non_null(k);
		for (u32 op = 0; op < TD_OP_STATE_NR; op++, cells++) {
			bool may = expected[i].allowed[2 * op] == '1';
			u64 status, before;

			arena_restore(rig.env->arena);
			world_td(&rig)->op_state = op;
			before = world_digest(&rig);
			status = world_call(&rig, k);
			if (may) {
				assert_true(before != world_digest(&rig) || k->leaf == TDH_MNG_RD ||
					    k->leaf == TDH_MEM_RD || k->leaf == TDH_MEM_WR ||
					    k->leaf == TDH_MEM_SEPT_RD || k->leaf == TDH_VP_RD);
				if (k->leaf == TDH_VP_ENTER)
					status = TDX_STATUS(status);
			}
			assert_status(status, may ? TDX_SUCCESS : TDX_OP_STATE_INCORRECT,
				      tdx_leaf_info[k->leaf].name, td_op_state_info[op].name);
			if (!may)
				assert_int_equal(before, world_digest(&rig));
			allowed += may;
		}
	}
	print_message("leaf x op state: %u cells, %u allowed, %u refused\n", cells, allowed,
		      cells - allowed);
	rig_stop(&rig);
}

static void every_leaf_with_an_op_state_row_has_a_case(void **state)
{
	for (u32 leaf = 0; leaf < TDX_LEAF_MAX; leaf++) {
		const struct tdx_leaf_info *info = &tdx_leaf_info[leaf];
		u32 i = 0;

		if (!info->name || !info->op_states)
			continue;
		assert_int_equal(strlen(info->op_states), TD_OP_STATE_NR);
		while (i < ARRAY_SIZE(expected) && expected[i].leaf != leaf)
			i++;
		if (i == ARRAY_SIZE(expected))
			fail_msg("%s has an op-state row but no case", info->name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_with_an_op_state_row_has_a_case),
		cmocka_unit_test(every_leaf_in_every_operation_state),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
