// SPDX-License-Identifier: GPL-2.0-only
/*
 * The matrix for people: a table of policies by situations for each page size and
 * order, on a terminal or as Markdown for a mail, and the ranking under it. A
 * cell is the operation's outcome, what is lost, and marks:
 *
 *	err 4K x	an error; 4K of guest memory out of use; the next TD is bugged
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/matrix.h"

#define CELL_WIDTH	10
#define SIZE_1M		(1ULL << 20)

/* What a reader must see first. */
enum paint { PAINT_NONE, PAINT_GOOD, PAINT_LOSS, PAINT_BAD, PAINT_NA };

static const char *const paint_code[] = {
	[PAINT_NONE] = "", [PAINT_GOOD] = "\033[32m", [PAINT_LOSS] = "\033[33m",
	[PAINT_BAD] = "\033[31m", [PAINT_NA] = "\033[2m",
};

static const char *const short_name[OUTCOME_NR] = {
	[OUTCOME_OK] = "ok", [OUTCOME_ERR] = "err", [OUTCOME_AGAIN] = "again",
	[OUTCOME_HANG] = "HANG", [OUTCOME_HOST_DOWN] = "DOWN", [OUTCOME_NA] = "-",
};

static bool unsafe(const struct matrix_cell *cell)
{
	return cell->reused || cell->shared_while_mapped;
}

static enum paint paint(const struct matrix_cell *cell)
{
	if (cell->outcome == OUTCOME_NA)
		return PAINT_NA;
	if (unsafe(cell) || cell->outcome == OUTCOME_HANG || cell->outcome == OUTCOME_HOST_DOWN ||
	    cell->next_td == NEXT_TD_BUGGED ||
	    (cell->outcome == OUTCOME_AGAIN && cell->retry != OUTCOME_OK))
		return PAINT_BAD;
	return cell->bytes_lost ? PAINT_LOSS : PAINT_GOOD;
}

static const char *size_text(u64 bytes, char *text, size_t size)
{
	if (bytes >= SZ_1G && bytes % SZ_1G == 0)
		snprintf(text, size, "%lluG", (unsigned long long)(bytes / SZ_1G));
	else if (bytes >= SIZE_1M && bytes % SIZE_1M == 0)
		snprintf(text, size, "%lluM", (unsigned long long)(bytes / SIZE_1M));
	else
		snprintf(text, size, "%lluK", (unsigned long long)(bytes >> 10));
	return text;
}

static void cell_text(const struct matrix_cell *cell, char *text, size_t size)
{
	char lost[24] = "", bytes[20];
	char marks[5] = "", *mark = marks;

	if (cell->bytes_lost)
		snprintf(lost, sizeof(lost), " %s", size_text(cell->bytes_lost, bytes, sizeof(bytes)));
	if (cell->reused)
		*mark++ = '!';
	if (cell->shared_while_mapped)
		*mark++ = '~';
	if (cell->next_td == NEXT_TD_BUGGED)
		*mark++ = 'x';
	if (cell->next_td == NEXT_TD_REFUSED)
		*mark++ = 'r';
	*mark = '\0';
	snprintf(text, size, "%s%s%s%s", short_name[cell->outcome], lost, marks[0] ? " " : "",
		 marks);
}

/* The cell of a place, NULL when it was not asked for. */
static const struct matrix_cell *find(const struct matrix_print *print,
				      const struct matrix_place *at)
{
	u32 i;

	for (i = 0; i < print->count; i++)
		if (!memcmp(&print->cell[i].at, at, sizeof(*at)))
			return &print->cell[i];
	return NULL;
}

static bool any_cell(const struct matrix_print *print, u32 page, u32 order, int policy,
		     int situation)
{
	u32 i;

	for (i = 0; i < print->count; i++) {
		const struct matrix_place *at = &print->cell[i].at;

		if (at->page == page && at->order == order &&
		    (policy < 0 || at->policy == policy) &&
		    (situation < 0 || at->situation == situation))
			return true;
	}
	return false;
}

/* Why a whole table has nothing to show, NULL when it has. */
static const char *all_na(const struct matrix_print *print, u32 page, u32 order)
{
	const char *why = NULL;
	u32 i;

	for (i = 0; i < print->count; i++) {
		const struct matrix_cell *cell = &print->cell[i];

		if (cell->at.page != page || cell->at.order != order)
			continue;
		if (cell->outcome != OUTCOME_NA)
			return NULL;
		if (matrix_situations[cell->at.situation].pages >> page & 1u || !why)
			why = cell->reason;
	}
	return why;
}

/* The cell of a place and its words; NULL and none when it was not asked for. */
static const struct matrix_cell *place_text(const struct matrix_print *print,
					    const struct matrix_place *at, char *text, size_t size)
{
	const struct matrix_cell *cell = find(print, at);

	text[0] = '\0';
	if (cell)
		cell_text(cell, text, size);
	return cell;
}

/* ---- For a terminal ---- */

static void text_row(const struct matrix_print *print, u32 page, u32 order, u32 policy)
{
	char text[64];
	u32 s;

	printf("%-21s", matrix_policies.name[policy]);
	for (s = 0; s < MATRIX_SITUATION_NR; s++) {
		const struct matrix_place at = { policy, order, page, s };
		const struct matrix_cell *cell = place_text(print, &at, text, sizeof(text));

		if (!any_cell(print, page, order, -1, s))
			continue;
		printf(" %s%-*s%s", cell && print->colour ? paint_code[paint(cell)] : "",
		       CELL_WIDTH, text, cell && print->colour ? "\033[0m" : "");
	}
	printf("\n");
}

static void text_table(const struct matrix_print *print, u32 page, u32 order)
{
	const char *why = all_na(print, page, order);
	u32 p, s;

	printf("%s pages, order %s%s%s\n", matrix_page_name[page], matrix_orders.name[order],
	       why ? ": " : "", why ? why : "");
	if (why)
		return;
	printf("%-21s", "");
	for (s = 0; s < MATRIX_SITUATION_NR; s++)
		if (any_cell(print, page, order, -1, s))
			printf(" %-*s", CELL_WIDTH, matrix_situations[s].name);
	printf("\n");
	for (p = 0; p < matrix_policies.count; p++)
		if (any_cell(print, page, order, p, -1))
			text_row(print, page, order, p);
}

static void text_reason(const struct matrix_print *print)
{
	const struct matrix_cell *cell = print->cell;
	char repeat[2000], path[1200];

	if (print->count != 1)
		return;
	if (cell->reason[0])
		printf("\n%s%s\n", cell->outcome == OUTCOME_NA ? "not applicable: " : "",
		       cell->reason);
	if (cell->error[0])
		printf("\nthe operation's error: %s\n", cell->error);
	matrix_scenario(print->matrix, &cell->at, path, sizeof(path));
	matrix_repeat(print->matrix, &cell->at, repeat, sizeof(repeat));
	printf("\nscenario: %s\nrepeat:   %s\n", path, repeat);
}

static void text_ranking(const struct matrix_rank *rank, u32 count)
{
	char lost[20], stuck[20], memory[20];
	u32 i;

	printf("\nbest first         cells unsafe stuck  down bugged       lost   of stuck  good path     memory\n");
	for (i = 0; i < count; i++)
		printf("%-20s %4u %6u %5u %5u %6u %10s %10s %10llu %10s\n",
		       matrix_policies.name[rank[i].policy], rank[i].cells, rank[i].unsafe,
		       rank[i].stuck, rank[i].host_down, rank[i].next_td_bugged,
		       size_text(rank[i].bytes_lost, lost, sizeof(lost)),
		       size_text(rank[i].bytes_stuck, stuck, sizeof(stuck)),
		       (unsigned long long)rank[i].good_steps,
		       size_text(rank[i].memory, memory, sizeof(memory)));
}

static const char legend[] =
	"outcome of the operation: ok, err, again (EAGAIN), HANG, DOWN (host), - (cannot apply)\n"
	"4K: guest memory out of use at the end\n"
	"!: a frame was freed or given on while a S-EPT had it   ~: the host mapped such a frame\n"
	"x: the next TD is bugged   r: the next TD is refused\n";

void matrix_print_text(const struct matrix_print *print)
{
	struct matrix_rank *rank = calloc(matrix_policies.count, sizeof(*rank));
	u32 page, order, ranked;

	if (!rank)
		abort();
	for (page = 0; page < MATRIX_PAGE_NR; page++)
		for (order = 0; order < matrix_orders.count; order++)
			if (any_cell(print, page, order, -1, -1)) {
				text_table(print, page, order);
				printf("\n");
			}
	printf("%s", legend);
	for (page = 0; print->count > 1 && page < MATRIX_SITUATION_NR; page++)
		printf("%s %s%s", matrix_situations[page].name, matrix_situations[page].words,
		       page % 3 == 2 || page + 1 == MATRIX_SITUATION_NR ? "\n" : "; ");
	text_reason(print);
	ranked = matrix_rank(print->cell, print->count, rank);
	if (ranked > 1)
		text_ranking(rank, ranked);
	free(rank);
}

/* ---- For a mail ---- */

static void markdown_table(const struct matrix_print *print, u32 page, u32 order)
{
	const char *why = all_na(print, page, order);
	char text[64];
	u32 p, s;

	printf("\n### %s pages, order `%s`\n\n", matrix_page_name[page], matrix_orders.name[order]);
	if (why) {
		printf("Not applicable: %s.\n", why);
		return;
	}
	printf("| policy |");
	for (s = 0; s < MATRIX_SITUATION_NR; s++)
		if (any_cell(print, page, order, -1, s))
			printf(" %s |", matrix_situations[s].name);
	printf("\n|---|");
	for (s = 0; s < MATRIX_SITUATION_NR; s++)
		if (any_cell(print, page, order, -1, s))
			printf("---|");
	printf("\n");
	for (p = 0; p < matrix_policies.count; p++) {
		if (!any_cell(print, page, order, p, -1))
			continue;
		printf("| `%s` |", matrix_policies.name[p]);
		for (s = 0; s < MATRIX_SITUATION_NR; s++) {
			const struct matrix_place at = { p, order, page, s };

			if (!any_cell(print, page, order, -1, s))
				continue;
			place_text(print, &at, text, sizeof(text));
			printf(" %s |", text);
		}
		printf("\n");
	}
}

static void markdown_ranking(const struct matrix_rank *rank, u32 count)
{
	char lost[20], stuck[20], memory[20];
	u32 i;

	printf("\n## Ranking\n\n");
	printf("| policy | cells | unsafe | stuck | host down | next TD bugged | lost | of stuck | good path | memory |\n");
	printf("|---|---|---|---|---|---|---|---|---|---|\n");
	for (i = 0; i < count; i++)
		printf("| `%s` | %u | %u | %u | %u | %u | %s | %s | %llu | %s |\n",
		       matrix_policies.name[rank[i].policy], rank[i].cells, rank[i].unsafe,
		       rank[i].stuck, rank[i].host_down, rank[i].next_td_bugged,
		       size_text(rank[i].bytes_lost, lost, sizeof(lost)),
		       size_text(rank[i].bytes_stuck, stuck, sizeof(stuck)),
		       (unsigned long long)rank[i].good_steps,
		       size_text(rank[i].memory, memory, sizeof(memory)));
}

void matrix_print_markdown(const struct matrix_print *print)
{
	struct matrix_rank *rank = calloc(matrix_policies.count, sizeof(*rank));
	u32 page, order, s, ranked;

	if (!rank)
		abort();
	printf("# What each policy does when a zap fails\n\n%s\n", legend);
	for (s = 0; s < MATRIX_SITUATION_NR; s++)
		printf("- %s: %s\n", matrix_situations[s].name, matrix_situations[s].words);
	for (page = 0; page < MATRIX_PAGE_NR; page++)
		for (order = 0; order < matrix_orders.count; order++)
			if (any_cell(print, page, order, -1, -1))
				markdown_table(print, page, order);
	ranked = matrix_rank(print->cell, print->count, rank);
	if (ranked > 1)
		markdown_ranking(rank, ranked);
	free(rank);
}
