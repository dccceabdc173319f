// SPDX-License-Identifier: GPL-2.0-only
/* The matrix as JSON Lines: a cell a line, then the ranking (doc/json.md). */
#include <stdio.h>
#include <stdlib.h>

#include "sim/cmd.h"
#include "sim/matrix.h"

static void text_field(const char *name, const char *text)
{
	printf(",\"%s\":", name);
	json_string(stdout, text);
}

static void number_field(const char *name, u64 number)
{
	printf(",\"%s\":%llu", name, (unsigned long long)number);
}

static void flag_field(const char *name, bool flag)
{
	printf(",\"%s\":%s", name, flag ? "true" : "false");
}

static void broken_field(u32 mask)
{
	const char *comma = "";
	u32 inv;

	printf(",\"broken\":[");
	for (inv = 1; inv < INV_NR; inv++) {
		if (!(mask >> inv & 1u))
			continue;
		printf("%s\"%s\"", comma, inv_name[inv]);
		comma = ",";
	}
	printf("]");
}

static void lock_field(u64 classes)
{
	const char *comma = "";
	u32 i;

	printf(",\"locks\":[");
	for (i = 0; i < LOCK_CLASS_NR; i++) {
		if (!(classes >> i & 1u))
			continue;
		printf("%s\"%s\"", comma, lock_class_name[i]);
		comma = ",";
	}
	printf("]");
}

static void cost_fields(const struct matrix_cell *cell)
{
	const struct matrix_cost *cost = &cell->cost;
	const struct host_hold_view *hold = &cell->hold;

	printf(",\"cost\":{\"seamcalls\":%llu", (unsigned long long)cost->seamcalls);
	number_field("allocations", cost->allocations);
	number_field("references", cost->references);
	number_field("locks", cost->locks);
	number_field("policy_steps", cost->policy_steps);
	printf("},\"memory\":{\"boot\":%llu", (unsigned long long)hold->boot_bytes);
	number_field("inode", hold->inode_bytes);
	printf("},\"error_path\":{\"errors\":%llu", (unsigned long long)hold->errors);
	number_field("allocations", hold->error_allocs);
	number_field("atomic", hold->error_allocs_atomic);
	number_field("failed", hold->error_allocs_failed);
	number_field("degraded", hold->degraded);
	number_field("forgotten", hold->forgotten);
	lock_field(hold->error_locks);
	printf("}");
}

void matrix_print_json(const struct matrix *matrix, const struct matrix_cell *cell)
{
	const struct matrix_place *at = &cell->at;
	char path[1200], repeat[2000];

	matrix_scenario(matrix, at, path, sizeof(path));
	matrix_repeat(matrix, at, repeat, sizeof(repeat));
	printf("{\"type\":\"cell\"");
	text_field("policy", matrix_policies.name[at->policy]);
	text_field("situation", matrix_situations[at->situation].name);
	text_field("page", matrix_page_name[at->page]);
	text_field("order", matrix_orders.name[at->order]);
	text_field("outcome", matrix_outcome_name[cell->outcome]);
	text_field("errno", cell->error);
	if (cell->reason[0])
		text_field("reason", cell->reason);
	if (cell->retry != OUTCOME_NA)
		text_field("retry", matrix_outcome_name[cell->retry]);
	number_field("bytes_lost", cell->bytes_lost);
	number_field("bytes_lost_control", cell->bytes_lost_control);
	number_field("bytes_stuck", cell->bytes_stuck);
	number_field("reused_while_mapped", cell->reused);
	flag_field("shared_while_mapped", cell->shared_while_mapped);
	text_field("next_td", matrix_next_td_name[cell->next_td]);
	text_field("neighbour", matrix_neighbour_name[cell->neighbour]);
	flag_field("vm_dead", cell->vm_dead);
	number_field("machine_checks", cell->machine_checks);
	broken_field(cell->broken);
	cost_fields(cell);
	text_field("scenario", path);
	text_field("repeat", repeat);
	printf("%s}\n", cell->trace ? cell->trace : "");
}

static void print_rank(const struct matrix_rank *rank, u32 place)
{
	printf("{\"type\":\"policy\",\"rank\":%u", place);
	text_field("policy", matrix_policies.name[rank->policy]);
	text_field("summary", matrix_policies.summary[rank->policy]);
	number_field("cells", rank->cells);
	number_field("unsafe", rank->unsafe);
	number_field("stuck", rank->stuck);
	number_field("host_down", rank->host_down);
	number_field("next_td_bugged", rank->next_td_bugged);
	number_field("bytes_lost", rank->bytes_lost);
	number_field("bytes_stuck", rank->bytes_stuck);
	number_field("good_steps", rank->good_steps);
	number_field("memory", rank->memory);
	printf("}\n");
}

void matrix_print_json_end(const struct matrix_cell *cell, u32 count)
{
	struct matrix_rank *rank = calloc(matrix_policies.count, sizeof(*rank));
	u32 ranked, i, na = 0;

	if (!rank)
		abort();
	ranked = matrix_rank(cell, count, rank);
	for (i = 0; i < ranked; i++)
		print_rank(&rank[i], i + 1);
	for (i = 0; i < MATRIX_SITUATION_NR; i++) {
		printf("{\"type\":\"situation\"");
		text_field("situation", matrix_situations[i].name);
		text_field("words", matrix_situations[i].words);
		printf("}\n");
	}
	for (i = 0; i < count; i++)
		na += cell[i].outcome == OUTCOME_NA;
	printf("{\"type\":\"summary\",\"cells\":%u,\"na\":%u}\n", count, na);
	free(rank);
}
