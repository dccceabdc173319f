/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * State graphs: which moves a run made, against which moves the tables allow.
 *
 * A graph kind is one row of graph_kinds[]: which trace events it reads, what
 * its states and the causes of a move are called, and where the legal moves
 * come from. A move that no table allows is an error of the table or of the
 * model; it is drawn in red and makes the command fail.
 */
#ifndef SEPTUM_GRAPH_H
#define SEPTUM_GRAPH_H

#include <stdio.h>

#include "sim/base/trace.h"

#define GRAPH_STATE_MAX	64
#define GRAPH_MOVE_MAX	512

struct graph_move {
	u8 from, to;
	u16 cause;		/* leaf number or event, named by graph_kind.cause */
	bool legal;
	u64 count;
};

struct graph;

/* Where a state is drawn in a grid, from the top left. */
struct graph_place {
	double column, row;
};

struct graph_kind {
	const char *name;	/* the word on the command line */
	const char *title;
	const char *rankdir;	/* Graphviz's; NULL: from top to bottom */
	u32 mask;		/* trace kinds, BIT(enum trace_kind) */
	/* Adds the legal moves with graph_allow(). NULL: no table, whatever is seen is legal. */
	void (*allow)(struct graph *graph);
	/* Turns one event into graph_saw(), or ignores it. */
	void (*event)(struct graph *graph, const struct trace_event *event);
	const char *(*state)(u8 state);
	const char *(*cause)(u16 cause);
	/* Places the states by hand, for a product of states. NULL: Graphviz ranks them. */
	struct graph_place (*place)(u8 state);
	/* Which of several state machines a state is of, NULL name: just one. */
	const char *(*machine)(u8 state);
	/* True for a cause that is an act of the guest. */
	bool (*guest)(u16 cause);
	/* States nobody should stay in, drawn with a warning colour; may be NULL. */
	bool (*alarming)(u8 state);
};

struct graph {
	const struct graph_kind *kind;
	u32 move_count;
	struct graph_move move[GRAPH_MOVE_MAX];
	u64 missed;		/* moves that found no place; a bug, reported */
	void *memory;		/* what a kind keeps between events */
	void (*forget)(void *memory);	/* gives it back */
};

extern const struct graph_kind *const graph_kinds[];
extern const u32 graph_kind_count;

/* The module's own state machines, graph_module.c. */
extern const struct graph_kind graph_sept, graph_pamt, graph_td;
/* What happens to a page, graph_page.c. */
extern const struct graph_kind graph_folio, graph_gmem, graph_states;

/* NULL for an unknown word. */
const struct graph_kind *graph_kind_find(const char *name);

void graph_init(struct graph *graph, const struct graph_kind *kind);
void graph_free(struct graph *graph);
void graph_allow(struct graph *graph, u8 from, u8 to, u16 cause);
void graph_saw(struct graph *graph, u8 from, u8 to, u16 cause);
/* A trace listener; @ctx is the graph. */
void graph_listen(void *ctx, const struct trace_event *event);
/* Between two runs: forget what was kept of the last one, keep the counts. */
void graph_new_run(struct graph *graph);

void graph_print_dot(const struct graph *graph, FILE *out);
/* One line a move, for people and diffs: seen, never seen, not allowed. */
void graph_print_text(const struct graph *graph, FILE *out);
u32 graph_illegal_count(const struct graph *graph);

/* Lay out with Graphviz into @path. 0, or -1 after saying on stderr what is missing. */
int graph_write_svg(const struct graph *graph, const char *path);

#endif /* SEPTUM_GRAPH_H */
