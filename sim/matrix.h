/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The matrix: every situation (situations.def) under every hold policy, in every
 * conversion order, at every page size of guest_memfd. A cell is one run of the
 * situation's scenario on the machine these three make; what it says is measured
 * from that run: results of the steps that `test measure` marks, events, probes,
 * and what is left when everything has been closed.
 */
#ifndef SEPTUM_MATRIX_H
#define SEPTUM_MATRIX_H

#include "sim/run.h"

enum matrix_page { MATRIX_4K, MATRIX_2M, MATRIX_1G, MATRIX_PAGE_NR };

enum matrix_situation {
#define SITUATION(id, words, file, pages, why_not) MATRIX_##id,
#include "sim/situations.def"
#undef SITUATION
	MATRIX_SITUATION_NR
};

/* From good to bad; of several measured steps the worst counts. */
enum matrix_outcome {
	OUTCOME_OK,
	OUTCOME_ERR,
	OUTCOME_AGAIN,		/* -EAGAIN: userspace is to try again */
	OUTCOME_HANG,
	OUTCOME_HOST_DOWN,	/* a BUG, or a machine check nobody survives */
	OUTCOME_NA,		/* cannot apply: ->reason says why */
	OUTCOME_NR
};

enum matrix_next_td {
	NEXT_TD_NONE,		/* none came to ask */
	NEXT_TD_OK,
	NEXT_TD_REFUSED,	/* got an error, lives */
	NEXT_TD_BUGGED,		/* dead, for a page it never had */
	NEXT_TD_NR
};

enum matrix_neighbour {
	NEIGHBOUR_UNKNOWN,	/* nobody looked, or the VM was dead */
	NEIGHBOUR_KEPT,
	NEIGHBOUR_LOST,
	NEIGHBOUR_NR
};

extern const char *const matrix_neighbour_name[NEIGHBOUR_NR];
extern const char *const matrix_page_name[MATRIX_PAGE_NR];
extern const char *const matrix_outcome_name[OUTCOME_NR];
extern const char *const matrix_next_td_name[NEXT_TD_NR];

struct matrix_axis {
	const char *const *name;
	const char *const *summary;
	u32 count;
};

extern const struct matrix_axis matrix_policies, matrix_orders;

struct matrix_situation_row {
	const char *name;	/* "S1" */
	const char *words;
	const char *file;	/* below the directory of the matrix' scenarios */
	u8 pages;		/* BIT(enum matrix_page) */
	const char *why_not;
};

extern const struct matrix_situation_row matrix_situations[MATRIX_SITUATION_NR];

struct matrix_place {
	u8 policy, order;	/* places in the axes */
	u8 page;		/* enum matrix_page */
	u8 situation;		/* enum matrix_situation */
};

/* What the measured steps took as long as nothing had gone wrong. */
struct matrix_cost {
	u64 seamcalls;
	u64 allocations;
	u64 references;		/* taken and dropped */
	u64 locks;		/* taken */
	u64 policy_steps;	/* flags, counts, list entries the policy touched */
};

struct matrix_cell {
	struct matrix_place at;
	u8 outcome;		/* enum matrix_outcome, of the operation */
	u8 retry;		/* the same, OUTCOME_NA: not tried */
	u8 next_td;		/* enum matrix_next_td */
	u8 neighbour;		/* enum matrix_neighbour: guest memory beside the range */
	char error[40];		/* errno or exit of that outcome, "" for ok, hang, na */
	char reason[DIAG_TEXT_MAX];	/* why not applicable, or why the fault never came */
	bool broken_setup;	/* what should have worked did not: ->reason */
	bool vm_dead;
	u64 bytes_stuck;	/* whose removal or split failed */
	u64 bytes_lost;		/* guest memory out of use when all was closed */
	u64 bytes_lost_control;	/* control and S-EPT pages likewise */
	u32 reused;		/* frames freed or given on while a S-EPT had them */
	bool shared_while_mapped;	/* host mappings of what a S-EPT had */
	u32 machine_checks;
	u32 broken;		/* BIT(invariant) */
	u32 model_broken;	/* of these: no policy answers for it */
	struct matrix_cost cost;
	struct host_hold_view hold;	/* what the policy did and took */
	char *trace;		/* with matrix->trace: JSON fields, malloc()ed */
};

struct matrix {
	const char *directory;	/* of the scenarios */
	const struct run_setting *set;	/* more knobs, from the command line */
	u32 set_count;
	u64 defects;
	bool trace;			/* keep each cell's story */
	struct sim_cache cache;
	struct scn *scn[MATRIX_SITUATION_NR];	/* as parsed, NULL: not yet */
};

/* Run one cell. False and @diag when the scenario cannot be read. */
bool matrix_run(struct matrix *matrix, const struct matrix_place *at, struct matrix_cell *cell,
		struct diag *diag);
void matrix_free(struct matrix *matrix);

/* The scenario's path, and the command that repeats the cell. */
void matrix_scenario(const struct matrix *matrix, const struct matrix_place *at, char *text,
		     size_t size);
void matrix_repeat(const struct matrix *matrix, const struct matrix_place *at, char *text,
		   size_t size);

/* ---- A policy over all of its cells, matrix_rank.c ---- */

struct matrix_rank {
	u8 policy;
	u32 cells;		/* that could apply */
	u32 unsafe;		/* a frame was reused, or shared, while mapped */
	u32 stuck;		/* hang, or -EAGAIN and no retry that got through */
	u32 host_down;
	u32 next_td_bugged;
	u64 bytes_lost, bytes_stuck;
	u64 good_steps;		/* all of matrix_cost in S1, over its cells */
	u64 memory;		/* the most the policy takes when nothing fails */
};

/*
 * @rank: room for a row a policy; filled, best first, with those that have a cell
 * that applies. How many these are.
 */
u32 matrix_rank(const struct matrix_cell *cell, u32 count, struct matrix_rank *rank);

/* ---- Printing, matrix_print.c ---- */

struct matrix_print {
	const struct matrix *matrix;
	const struct matrix_cell *cell;
	u32 count;
	bool colour;
};

void matrix_print_json(const struct matrix *matrix, const struct matrix_cell *cell);
void matrix_print_json_end(const struct matrix_cell *cell, u32 count);
void matrix_print_text(const struct matrix_print *print);
void matrix_print_markdown(const struct matrix_print *print);

#endif /* SEPTUM_MATRIX_H */
