// SPDX-License-Identifier: GPL-2.0-only
/* What `septum sweep` prints: a variant at a time, and the total. */
#include "sim/cmd_sweep.h"

static void print_outcome(FILE *out, const struct sweep_cell *cell)
{
	u32 inv;

	fprintf(out, "%s", sweep_class_name[cell->class]);
	for (inv = 1; inv < INV_NR; inv++)
		if (cell->broken & 1u << inv)
			fprintf(out, " %s", inv_name[inv]);
}

static void print_findings(const struct sweep_job *job)
{
	FILE *out = job->out;
	char text[200];
	u32 i, k;

	for (i = 0; i < job->finding_count; i++) {
		const struct sweep_finding *finding = &job->finding[i];

		fprintf(out, "    not allowed: ");
		print_outcome(out, &finding->cell);
		fprintf(out, "  (%llu alike)\n", (unsigned long long)finding->count);
		for (k = 0; k < finding->cell.fault_count; k++) {
			sweep_print_fault(&finding->cell.fault[k], text, sizeof(text));
			fprintf(out, "      first line:  %s\n", text);
		}
		if (finding->cell.text[0])
			fprintf(out, "      found:       %s\n", finding->cell.text);
	}
	if (job->not_shown)
		fprintf(out, "    and %llu cells of other kinds\n",
			(unsigned long long)job->not_shown);
}

static void print_classes(FILE *out, const u64 *class_count)
{
	u32 i;

	for (i = 0; i < SWEEP_CLASS_NR; i++)
		if (class_count[i])
			fprintf(out, "  %s %llu", sweep_class_name[i],
				(unsigned long long)class_count[i]);
	fprintf(out, "\n");
}

static u64 sum_left_out(const u64 left_out[SWEEP_LEFT_OUT_NR])
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < SWEEP_LEFT_OUT_NR; i++)
		sum += left_out[i];
	return sum;
}

/* Which calls nobody tried: a reader must not take the sweep for more than it is. */
static void print_left_out(const u64 left_out[SWEEP_LEFT_OUT_NR])
{
	char name[64];
	u32 i;

	if (!sum_left_out(left_out))
		return;
	printf("  left out (--calls 0 tries all):");
	for (i = 0; i < TDX_LEAF_MAX; i++) {
		if (!left_out[i])
			continue;
		scn_print_leaf(false, i, name, sizeof(name));
		printf("  %s %llu", name, (unsigned long long)left_out[i]);
	}
	if (left_out[SWEEP_ALLOCATIONS])
		printf("  allocations %llu", (unsigned long long)left_out[SWEEP_ALLOCATIONS]);
	printf("\n");
}

static void print_json(const struct sweep_job *job, const char *path, const char *variant)
{
	const struct sweep_sums *sums = &job->sums;
	FILE *out = job->out;
	u32 i;

	fprintf(out, "{\"type\":\"sweep\",\"file\":");
	json_string(out, path);
	fprintf(out, ",\"variant\":");
	json_string(out, variant);
	fprintf(out, ",\"cells\":%llu,\"not_allowed\":%llu,\"left_out\":%llu,\"classes\":{",
		(unsigned long long)sums->cells, (unsigned long long)sums->not_allowed,
		(unsigned long long)sum_left_out(sums->left_out));
	for (i = 0; i < SWEEP_CLASS_NR; i++)
		fprintf(out, "%s\"%s\":%llu", i ? "," : "", sweep_class_name[i],
			(unsigned long long)sums->class_count[i]);
	fprintf(out, "}}\n");
}

void sweep_print_job(const struct sweep_request *request, const struct sweep_job *job,
		     const char *path, const char *variant)
{
	if (request->format == FORMAT_JSON) {
		print_json(job, path, variant);
		return;
	}
	fprintf(job->out, "%s%s%s\n  cells %llu", path, variant[0] ? "  " : "", variant,
		(unsigned long long)job->sums.cells);
	print_classes(job->out, job->sums.class_count);
	print_findings(job);
}

void sweep_print_total(const struct sweep_request *request)
{
	const struct sweep_sums *total = &request->total;
	u32 inv;

	if (request->format == FORMAT_JSON) {
		printf("{\"type\":\"summary\",\"scenarios\":%u,\"cells\":%llu,\"not_allowed\":%llu}\n",
		       request->scenarios, (unsigned long long)total->cells,
		       (unsigned long long)total->not_allowed);
		return;
	}
	printf("sweep: %u scenarios, %llu cells, %llu not allowed\n ", request->scenarios,
	       (unsigned long long)total->cells, (unsigned long long)total->not_allowed);
	print_classes(stdout, total->class_count);
	for (inv = 1; inv < INV_NR; inv++)
		if (total->broken_count[inv])
			printf("    %s broken in %llu\n", inv_name[inv],
			       (unsigned long long)total->broken_count[inv]);
	if (total->met)
		printf("  tried once: %llu calls and allocations have the past of one in a scenario before\n",
		       (unsigned long long)total->met);
	print_left_out(total->left_out);
}
