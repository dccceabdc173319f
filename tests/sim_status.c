// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every status of status.def against the shipped scenarios: it is shown by one,
 * or status_unseen.def says why none can. Run from the top of the tree.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "model/tdx/tables.h"
#include "sim/cmd.h"
#include "sim/diag.h"
#include "sim/scn.h"

static void every_status_has_a_scenario_or_the_reason_why_none_can_show_it(void **state)
{
	bool *shown = calloc(tdx_status_count, sizeof(*shown));
	struct path_list paths = { 0 };
	u32 wrong = 0, with_scenario = 0, i, k;
	struct diag diag;

	assert_int_equal(paths_gather(&paths, "scenarios"), 0);
	assert_true(paths.count > 100);
	for (i = 0; i < paths.count; i++) {
		struct scn *scn = scn_parse_file(paths.path[i], &diag);

		assert_non_null(scn);
		for (k = 0; k < tdx_status_count; k++)
			shown[k] |= scn_shows_status(scn, tdx_status_info[k].value, -1);
		scn_free(scn);
	}
	paths_free(&paths);

	for (k = 0; k < tdx_status_count; k++) {
		bool reason = tdx_status_unseen(tdx_status_info[k].value);

		with_scenario += shown[k];
		/* Success is what most lines state without saying so. */
		if (!tdx_status_info[k].value || shown[k] != reason)
			continue;
		print_error("%s %s\n", tdx_status_info[k].name, reason ?
			    "has a scenario: its row in status_unseen.def is wrong" :
			    "has neither a scenario nor a row in status_unseen.def");
		wrong++;
	}
	print_message("%u of %u statuses have a scenario\n", with_scenario, tdx_status_count);
	free(shown);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_status_has_a_scenario_or_the_reason_why_none_can_show_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
