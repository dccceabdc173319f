// SPDX-License-Identifier: GPL-2.0-only
/* The lines of a scenario in the order they run, see sweep_lines.h. */
#include <stdlib.h>

#include "sim/sweep_lines.h"

/* A repetition of more lines than this stays one line. */
#define REPEATED_MAX	64u

static void *grown(void *array, u32 count, size_t size)
{
	/* Powers of two: once more only when all places are taken. */
	if (count & (count - 1))
		return array;
	array = realloc(array, (count ? 2 * count : 1) * size);
	if (!array)
		internal_error("no memory for %u lines of a scenario", count);
	return array;
}

static const struct run_scope *add_scope(struct sweep_lines *lines, struct run_scope scope)
{
	struct run_scope *kept = malloc(sizeof(*kept));

	if (!kept)
		internal_error("no memory for a scope");
	*kept = scope;
	lines->scope = grown(lines->scope, lines->scopes, sizeof(*lines->scope));
	lines->scope[lines->scopes++] = kept;
	return kept;
}

static void add_nodes(struct sweep_lines *lines, const struct run_scope *scope,
		      const struct scn_node *node, u32 count);

static void add_node(struct sweep_lines *lines, const struct run_scope *scope,
		     const struct scn_node *node)
{
	u32 n;

	if (node->kind == SCN_USE) {
		add_nodes(lines, add_scope(lines, (struct run_scope){
			node, node->body, node->body_count, scope,
		}), node->body, node->body_count);
		return;
	}
	if (node->kind == SCN_REPEAT && (u64)node->count * node->body_count <= REPEATED_MAX) {
		for (n = 0; n < node->count; n++)
			add_nodes(lines, scope, node->body, node->body_count);
		return;
	}
	if (node->kind != SCN_STEP && node->kind != SCN_REPEAT && node->kind != SCN_RACE)
		return;
	lines->line = grown(lines->line, lines->count, sizeof(*lines->line));
	lines->line[lines->count++] = (struct sweep_line){ node, scope };
}

static void add_nodes(struct sweep_lines *lines, const struct run_scope *scope,
		      const struct scn_node *node, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++)
		add_node(lines, scope, &node[i]);
}

void sweep_lines_of(struct sweep_lines *lines, const struct scn *scn)
{
	const struct run_scope top = { NULL, scn->node, scn->node_count, NULL };

	*lines = (struct sweep_lines){ 0 };
	add_nodes(lines, add_scope(lines, top), scn->node, scn->node_count);
}

void sweep_lines_free(struct sweep_lines *lines)
{
	u32 i;

	for (i = 0; i < lines->scopes; i++)
		free(lines->scope[i]);
	free(lines->scope);
	free(lines->line);
	*lines = (struct sweep_lines){ 0 };
}

void sweep_line_run(const struct sweep_lines *lines, u32 number, struct run *run)
{
	run_line(run, lines->line[number].node, lines->line[number].scope);
}

void sweep_lines_run(const struct sweep_lines *lines, struct run *run)
{
	u32 i;

	for (i = 0; i < lines->count && !run->stop; i++)
		sweep_line_run(lines, i, run);
}
