// SPDX-License-Identifier: GPL-2.0-only
/*
 * A policy over all the cells it was measured in, and policies against each
 * other: first whether memory is used by two, then whether everything goes on
 * (the host, conversions, the next TD), then how much is lost, then what it costs
 * while nothing fails.
 */
#include <stdlib.h>

#include "sim/matrix.h"

static u64 good_steps(const struct matrix_cost *cost)
{
	return cost->seamcalls + cost->allocations + cost->references + cost->locks +
	       cost->policy_steps;
}

static void add_cell(struct matrix_rank *rank, const struct matrix_cell *cell)
{
	u64 memory = cell->hold.boot_bytes + cell->hold.inode_bytes;

	if (cell->outcome == OUTCOME_NA)
		return;
	rank->cells++;
	rank->unsafe += cell->reused || cell->shared_while_mapped;
	rank->stuck += cell->outcome == OUTCOME_HANG ||
		       (cell->outcome == OUTCOME_AGAIN && cell->retry != OUTCOME_OK);
	rank->host_down += cell->outcome == OUTCOME_HOST_DOWN;
	rank->next_td_bugged += cell->next_td == NEXT_TD_BUGGED;
	rank->bytes_lost += cell->bytes_lost;
	rank->bytes_stuck += cell->bytes_stuck;
	if (cell->at.situation == MATRIX_S1)
		rank->good_steps += good_steps(&cell->cost);
	if (memory > rank->memory)
		rank->memory = memory;
}

/* Share of @part in the cells that could apply, in millionths. */
static u64 share(u32 part, u32 cells)
{
	return cells ? part * 1000000ULL / cells : 0;
}

static int compare(const void *left, const void *right)
{
	const struct matrix_rank *a = left, *b = right;
	const u64 key_a[] = {
		share(a->unsafe, a->cells), share(a->stuck + a->host_down, a->cells),
		share(a->next_td_bugged, a->cells), a->bytes_lost, a->good_steps, a->memory,
	};
	const u64 key_b[] = {
		share(b->unsafe, b->cells), share(b->stuck + b->host_down, b->cells),
		share(b->next_td_bugged, b->cells), b->bytes_lost, b->good_steps, b->memory,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(key_a); i++)
		if (key_a[i] != key_b[i])
			return key_a[i] < key_b[i] ? -1 : 1;
	return a->policy - b->policy;
}

u32 matrix_rank(const struct matrix_cell *cell, u32 count, struct matrix_rank *rank)
{
	u32 i, kept = 0;

	for (i = 0; i < matrix_policies.count; i++)
		rank[i] = (struct matrix_rank){ .policy = i };
	for (i = 0; i < count; i++)
		add_cell(&rank[cell[i].at.policy], &cell[i]);
	for (i = 0; i < matrix_policies.count; i++)
		if (rank[i].cells)
			rank[kept++] = rank[i];
	qsort(rank, kept, sizeof(*rank), compare);
	return kept;
}
