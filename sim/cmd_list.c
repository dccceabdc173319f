// SPDX-License-Identifier: GPL-2.0-only
/* `septum list`: the tables everything else is driven by, as they are. */
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/base/defect.h"
#include "sim/base/env.h"
#include "sim/cmd.h"
#include "sim/scn.h"
#include "sim/sim.h"
#include "sim/verbs.h"
#include "sim/words.h"

static void list_verbs(void)
{
	char usage[400];
	u32 i;

	for (i = 1; i < VERB_NR; i++) {
		verb_usage(&verbs[i], usage, sizeof(usage));
		printf("%s\n    %s\n", usage, verbs[i].help);
	}
}

static void list_types(void)
{
	u32 i;

	for (i = TYPE_NONE + 1; i < TYPE_NR; i++)
		if (i != TYPE_FLAG)
			printf("%-16s %s\n", value_type_word(i), value_type_help(i));
}

static void print_leaf_status(const struct tdx_leaf_info *info)
{
	char text[100];
	u32 i;

	for (i = 0; i < info->status_count; i++) {
		scn_print_status(info->status[i], text, sizeof(text));
		printf("%s%s", i ? ", " : "    ", text);
	}
	printf("\n");
}

static void list_leaf_table(const struct tdx_leaf_info *table, bool tdcall)
{
	char name[64];
	u32 i;

	for (i = 0; i < TDX_LEAF_MAX; i++) {
		if (!table[i].name)
			continue;
		scn_print_leaf(tdcall, i, name, sizeof(name));
		printf("%-26s %3u  %s\n", name, table[i].number, table[i].operands);
		print_leaf_status(&table[i]);
	}
}

static void list_leaves(void)
{
	char text[100];
	u32 i;

	list_leaf_table(tdx_leaf_info, false);
	list_leaf_table(tdx_tdcall_info, true);
	printf("every SEAMCALL besides\n");
	for (i = 0; i < tdx_common_status_count; i++) {
		scn_print_status(tdx_common_status[i], text, sizeof(text));
		printf("%s%s", i ? ", " : "    ", text);
	}
	printf("\n");
}

static void list_status(void)
{
	u32 i;

	for (i = 0; i < tdx_status_count; i++)
		printf("0x%016llx %-42s %s\n", (unsigned long long)tdx_status_info[i].value,
		       tdx_status_info[i].name, tdx_status_info[i].text);
}

static void list_sept_states(void)
{
	u32 i;

	for (i = 0; i < SEPT_STATE_NR; i++)
		printf("%-2u %-32s 0x%02x  %s\n", i, sept_state_info[i].name,
		       sept_state_info[i].code, sept_state_info[i].text);
}

static void list_pamt_types(void)
{
	u32 i;

	for (i = 0; i < PT_NR; i++)
		if (pamt_type_info[i].name)
			printf("%-2u %-10s %s\n", i, pamt_type_info[i].name, pamt_type_info[i].text);
}

static void list_policies(void)
{
#define HOLD_POLICY(identifier, name, summary) printf("%-20s %s\n", name, summary);
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
}

static void list_orders(void)
{
#define ORDER(id, name, summary, to_shared, to_private) printf("%-20s %s\n", name, summary);
#include "model/kvm/conversion_orders.def"
#undef ORDER
}

static void list_series_bugs(void)
{
#define SERIES_BUG(id, name, entry, breaks, source)				\
	printf("%-20s %-4s %s\n                          (%s)\n", name, entry, breaks, source);
#include "model/kvm/series_bugs.def"
#undef SERIES_BUG
}

static void list_knobs(void)
{
	struct sim_config config;
	char value[64];
	u32 i;

	sim_config_default(&config);
	for (i = 0; i < knob_count; i++) {
		sim_config_get(&config, knobs[i].name, value, sizeof(value));
		printf("%-14s %-9s %-22s %s\n", knobs[i].name, value, knobs[i].values,
		       knobs[i].help);
	}
}

static void list_invariants(void)
{
	u32 i;

	for (i = 1; i < INV_NR; i++)
		printf("%-2u %-28s %s\n", i, inv_name[i], inv_sentence[i]);
}

static void list_defects(void)
{
	u32 i;

	for (i = 0; i < DEFECT_NR; i++)
		printf("%-20s %s\n", defect_info[i].name, defect_info[i].breaks);
}

static void list_results(void)
{
	static const u8 tables[] = { WORDS_PLAIN_RESULT, WORDS_EXIT, WORDS_GUEST, WORDS_ERRNO };
	u32 t, i;

	for (t = 0; t < ARRAY_SIZE(tables); t++)
		for (i = 0; i < words(tables[t]).count; i++)
			printf("%-16s %s\n", words(tables[t]).word[i].text,
			       words(tables[t]).word[i].help);
	printf("%-16s any row of 'list status', |OPERAND behind it or not\n", "TDX_...");
}

/* The folder of a scenario: all of its path before the last slash. */
static int folder_length(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (int)(slash - path) : 0;
}

/* How many there are in each folder; paths are sorted, so that a folder is one run. */
static void list_folders(const struct path_list *paths)
{
	u32 i, first = 0;

	printf("\n");
	for (i = 1; i <= paths->count; i++) {
		int length = folder_length(paths->path[first]);

		if (i < paths->count && folder_length(paths->path[i]) == length &&
		    !strncmp(paths->path[i], paths->path[first], length))
			continue;
		printf("%5u %.*s\n", i - first, length, paths->path[first]);
		first = i;
	}
	printf("%5u in all\n", paths->count);
}

/* Name and hypothesis of each shipped scenario, and how many there are. */
static void list_scenarios(void)
{
	struct path_list paths = { 0 };
	struct diag diag;
	struct scn *scn;
	u32 i;

	paths_gather(&paths, "scenarios");
	for (i = 0; i < paths.count; i++) {
		scn = scn_parse_file(paths.path[i], &diag);
		printf("%s\n    %s\n", paths.path[i], scn ? scn->hypothesis : diag.text);
		scn_free(scn);
	}
	if (paths.count)
		list_folders(&paths);
	paths_free(&paths);
}

static const struct {
	const char *name;
	void (*print)(void);
	const char *help;
} tables[] = {
	{ "verbs", list_verbs, "verbs of the scenario language" },
	{ "types", list_types, "what operands look like" },
	{ "results", list_results, "words that stand behind '='" },
	{ "leaves", list_leaves, "SEAMCALLs and TDCALLs, operands, statuses each may return" },
	{ "status", list_status, "completion statuses" },
	{ "sept-states", list_sept_states, "states of a Secure EPT entry" },
	{ "pamt-types", list_pamt_types, "page types of the PAMT" },
	{ "policies", list_policies, "what keeps a page that may still be mapped" },
	{ "orders", list_orders, "conversion orders" },
	{ "series-bugs", list_series_bugs, "mistakes of posted series, for knob series-bugs" },
	{ "knobs", list_knobs, "knobs of a machine, with their defaults" },
	{ "invariants", list_invariants, "what is always checked" },
	{ "scenarios", list_scenarios, "shipped scenarios and their hypotheses" },
	{ "defects", list_defects, "planted defects, for testing the tests" },
};

static int unknown_table(const char *word)
{
	struct diag_guess guess;
	char near[80];
	u32 i;

	diag_guess_start(&guess, word);
	for (i = 0; i < ARRAY_SIZE(tables); i++)
		diag_guess_add(&guess, tables[i].name);
	return usage_error("unknown table '%s'%s", word,
			   diag_guess_text(&guess, near, sizeof(near)));
}

static int list_table(const char *word)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(tables); i++) {
		if (strcmp(tables[i].name, word))
			continue;
		tables[i].print();
		return 0;
	}
	return unknown_table(word);
}

int cmd_list(int argc, char **argv)
{
	struct option_words words = { 0 };
	int status = options_parse("list", argc, argv, NULL, 0, NULL, &words);
	u32 i;

	for (i = 0; i < words.count && !status; i++)
		status = list_table(words.word[i]);
	if (!status && !words.count)
		for (i = 0; i < ARRAY_SIZE(tables); i++)
			printf("%-12s %s\n", tables[i].name, tables[i].help);
	option_words_free(&words);
	return status < 0 ? 0 : status;
}
