// SPDX-License-Identifier: GPL-2.0-only
/* The three forms of a report. No times, no addresses: two runs compare with diff. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/check.h"
#include "sim/report.h"

/* From so many runs on, an invariant nobody looked at is worth a line. */
#define SUITE	50

/* From bad to worse: a bound is never a success, septum's own fault beats all. */
static u32 severity(enum exit_status status)
{
	static const u8 rank[] = {
		[EXIT_AS_EXPECTED] = 0, [EXIT_BOUND] = 1, [EXIT_MISMATCH] = 2,
		[EXIT_INVARIANT] = 3, [EXIT_BAD_INPUT] = 4, [EXIT_INTERNAL] = 5,
	};

	return rank[status];
}

static void count(struct report *report, enum run_verdict verdict)
{
	enum exit_status status = run_exit_status(verdict);

	if (verdict == RUN_OK)
		report->passed++;
	else if (verdict == RUN_SKIPPED)
		report->skipped++;
	else
		report->failed++;
	if (severity(status) > severity(report->status))
		report->status = status;
}

void report_begin(struct report *report)
{
	if (report->format == FORMAT_KTAP)
		printf("KTAP version 1\n1..%u\n", report->planned);
}

static void print_broken(const struct run_result *result, const char *before)
{
	u32 inv;

	for (inv = 1; inv < INV_NR; inv++) {
		if (!(result->broken & (1u << inv)))
			continue;
		printf("%s%s", before, inv_name[inv]);
		before = ", ";
	}
}

/* Each line of the complaint behind a mark, for KTAP. */
static void print_diag_marked(const struct diag *diag, const char *repeat)
{
	char *text = NULL, *line, *rest;
	size_t size = 0;
	FILE *memory = open_memstream(&text, &size);

	if (!memory)
		return;
	diag_print(memory, diag, false);
	fprintf(memory, "repeat with: %s\n", repeat);
	fclose(memory);
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		printf("# %s\n", line);
	free(text);
}

static void print_name(const struct report_item *item)
{
	char variant[240];

	run_variant_text(item->scn, item->variant, variant, sizeof(variant));
	printf("%s", item->file);
	if (variant[0])
		printf(" [%s]", variant);
}

static void item_text(struct report *report, const struct report_item *item)
{
	const struct run_result *result = item->result;
	bool colour = diag_colour(stdout);
	bool failed = result->verdict != RUN_OK && result->verdict != RUN_SKIPPED;
	const char *paint = failed ? "\033[31m" : result->verdict ? "\033[33m" : "\033[32m";

	printf("%s%-9s%s ", colour ? paint : "", run_verdict_names[result->verdict],
	       colour ? "\033[0m" : "");
	print_name(item);
	if (result->verdict != RUN_ERROR)
		printf("  %u steps, %u SEAMCALLs", result->steps, result->seamcalls);
	if (!failed && result->broken)
		print_broken(result, "; breaks as expected ");
	if (result->verdict == RUN_SKIPPED)
		printf("; %s", result->diag.text);
	if (item->choices[0] && (report->verbose || failed))
		printf("; choices %s", item->choices);
	printf("\n");
	if (!failed)
		return;
	diag_print(stdout, &result->diag, colour);
	printf("repeat with: %s\n\n", item->repeat);
}

static void item_ktap(struct report *report, const struct report_item *item)
{
	const struct run_result *result = item->result;
	bool failed = result->verdict != RUN_OK && result->verdict != RUN_SKIPPED;

	printf("%s %u ", failed ? "not ok" : "ok", report->number);
	print_name(item);
	if (result->verdict == RUN_SKIPPED)
		printf(" # SKIP %s", result->diag.text);
	printf("\n");
	if (failed)
		print_diag_marked(&result->diag, item->repeat);
}

static void json_variant(const struct scn *scn, u32 variant)
{
	const char *comma = "";
	u32 i;

	printf("{");
	for (i = 0; i < scn->node_count; i++) {
		if (scn->node[i].kind != SCN_VARY)
			continue;
		printf("%s", comma);
		json_string(stdout, scn->node[i].name);
		printf(":");
		json_string(stdout, run_variant_value(scn, variant, scn->node[i].name));
		comma = ",";
	}
	printf("}");
}

static void json_broken(const char *name, u32 mask)
{
	const char *comma = "";
	u32 inv;

	printf(",\"%s\":[", name);
	for (inv = 1; inv < INV_NR; inv++) {
		if (!(mask & (1u << inv)))
			continue;
		printf("%s\"%s\"", comma, inv_name[inv]);
		comma = ",";
	}
	printf("]");
}

static void json_diag(const struct diag *diag)
{
	if (!diag->set)
		return;
	printf(",\"message\":");
	json_string(stdout, diag->text);
	printf(",\"line\":%u,\"col\":%u", diag->at.line, diag->at.col);
}

static void item_json(const struct report_item *item)
{
	static const char *const verdicts[] = {
		[SCN_NEVER] = "Never", [SCN_SOMETIMES] = "Sometimes", [SCN_ALWAYS] = "Always",
	};
	const struct run_result *result = item->result;

	printf("{\"type\":\"scenario\",\"file\":");
	json_string(stdout, item->file);
	printf(",\"hypothesis\":");
	json_string(stdout, item->scn->hypothesis);
	printf(",\"variant\":");
	json_variant(item->scn, item->variant);
	printf(",\"verdict\":\"%s\",\"steps\":%u,\"seamcalls\":%u",
	       run_verdict_names[result->verdict], result->steps, result->seamcalls);
	json_broken("broken", result->broken);
	json_broken("broken_expected", result->broken_expected);
	if (item->scn->verdict)
		printf(",\"result\":\"%s\",\"condition\":%s", verdicts[item->scn->verdict],
		       result->condition ? "true" : "false");
	json_diag(&result->diag);
	printf(",\"trace_hash\":\"%016llx\",\"choices\":", (unsigned long long)result->trace_hash);
	json_string(stdout, item->choices);
	printf(",\"repeat\":");
	json_string(stdout, item->repeat);
	printf("}\n");
}

void report_item(struct report *report, const struct report_item *item)
{
	u32 inv;

	report->number++;
	count(report, item->result->verdict);
	for (inv = 1; inv < INV_NR; inv++)
		report->hits[inv] += item->hits[inv];
	if (report->format == FORMAT_JSON)
		item_json(item);
	else if (report->format == FORMAT_KTAP)
		item_ktap(report, item);
	else
		item_text(report, item);
}

void report_error(struct report *report, const char *file, const struct diag *diag)
{
	report->number++;
	count(report, RUN_ERROR);
	if (report->format == FORMAT_JSON) {
		printf("{\"type\":\"scenario\",\"file\":");
		json_string(stdout, file);
		printf(",\"variant\":{},\"verdict\":\"error\",\"steps\":0,\"seamcalls\":0,\"broken\":[]");
		json_diag(diag);
		printf(",\"choices\":\"\",\"repeat\":");
		json_string(stdout, "");
		printf("}\n");
	} else if (report->format == FORMAT_KTAP) {
		printf("not ok %u %s\n", report->number, file);
		print_diag_marked(diag, file);
	} else {
		fflush(stdout);
		diag_print(stderr, diag, diag_colour(stderr));
	}
}

/*
 * A check that never looked proves nothing. A few scenarios need not reach all
 * of them; a suite should.
 */
static void print_unlooked(const struct report *report)
{
	u32 inv;

	if (report->number < SUITE && !report->verbose)
		return;
	for (inv = 1; inv < INV_NR; inv++)
		if (!report->hits[inv])
			printf("%snever looked at: %s (%s)\n",
			       report->format == FORMAT_KTAP ? "# " : "", inv_name[inv],
			       inv_sentence[inv]);
}

static void json_summary(const struct report *report)
{
	const char *comma = "";
	u32 inv;

	printf("{\"type\":\"summary\",\"passed\":%u,\"failed\":%u,\"skipped\":%u,\"looked\":{",
	       report->passed, report->failed, report->skipped);
	for (inv = 1; inv < INV_NR; inv++) {
		printf("%s\"%s\":%llu", comma, inv_name[inv],
		       (unsigned long long)report->hits[inv]);
		comma = ",";
	}
	printf("}}\n");
}

int report_end(struct report *report)
{
	if (report->format != FORMAT_JSON)
		print_unlooked(report);
	if (report->format == FORMAT_JSON)
		json_summary(report);
	else
		printf("%s%u passed, %u failed, %u skipped\n",
		       report->format == FORMAT_KTAP ? "# " : "", report->passed, report->failed,
		       report->skipped);
	if (fflush(stdout))
		return EXIT_INTERNAL;
	return report->status;
}
