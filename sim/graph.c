// SPDX-License-Identifier: GPL-2.0-only
/*
 * The part of a state graph that no kind needs to know: counting moves, and
 * writing them as DOT, text or SVG. Moves between the same two states share an
 * arrow, one line of label a cause. Colours are classes, given a meaning by a
 * style sheet inside the SVG, so that one file reads in light and dark.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/graph.h"

static const char style[] =
	"<style>\n"
	"svg{color-scheme:light dark;--ink:#1d2430;--soft:#7b8594;--line:#c9c4ba;--panel:#fff;\n"
	" --host:#0b6e75;--guest:#a8510c;--bad:#b3261e;--badbg:#fbe6e4}\n"
	"@media(prefers-color-scheme:dark){svg{--ink:#e4e8ee;--soft:#8793a3;--line:#465160;\n"
	" --panel:#1a2028;--host:#58c4c9;--guest:#f0a35e;--bad:#ff8f86;--badbg:#3f1b1a}}\n"
	"text{font-family:'DejaVu Sans',Verdana,Helvetica,sans-serif;fill:var(--ink)}\n"
	".edge text{paint-order:stroke;stroke:Canvas;stroke-width:3px;stroke-linejoin:round}\n"
	".node path,.node polygon{fill:var(--panel);stroke:var(--ink);stroke-width:1.4}\n"
	".unseen.node path{stroke:var(--soft);stroke-dasharray:4 3;stroke-width:1}\n"
	".cluster path,.cluster polygon{stroke:var(--line);fill:none}.cluster text{fill:var(--soft)}\n"
	".unseen text{fill:var(--soft)}\n"
	".alarm.node path{fill:var(--badbg);stroke:var(--bad)}\n"
	".host.edge path{stroke:var(--host)}.host.edge polygon{fill:var(--host);stroke:var(--host)}\n"
	".host.edge text{fill:var(--host)}\n"
	".guest.edge path{stroke:var(--guest)}.guest.edge polygon{fill:var(--guest);stroke:var(--guest)}\n"
	".guest.edge text{fill:var(--guest)}\n"
	".unseen.edge path{stroke:var(--soft)}.unseen.edge polygon{fill:var(--soft);stroke:var(--soft)}\n"
	".illegal.edge path{stroke:var(--bad)}.illegal.edge polygon{fill:var(--bad);stroke:var(--bad)}\n"
	".illegal.edge text{fill:var(--bad);font-weight:bold}\n"
	"</style>\n";

const struct graph_kind *const graph_kinds[] = {
	&graph_sept, &graph_pamt, &graph_td, &graph_folio, &graph_gmem, &graph_states,
};
const u32 graph_kind_count = ARRAY_SIZE(graph_kinds);

const struct graph_kind *graph_kind_find(const char *name)
{
	u32 i;

	for (i = 0; i < graph_kind_count; i++)
		if (!strcmp(graph_kinds[i]->name, name))
			return graph_kinds[i];
	return NULL;
}

static struct graph_move *find_move(struct graph *graph, u8 from, u8 to, u16 cause)
{
	struct graph_move *move;
	u32 i;

	for (i = 0; i < graph->move_count; i++) {
		move = &graph->move[i];
		if (move->from == from && move->to == to && move->cause == cause)
			return move;
	}
	if (graph->move_count == GRAPH_MOVE_MAX) {
		graph->missed++;
		return NULL;
	}
	move = &graph->move[graph->move_count++];
	*move = (struct graph_move){ .from = from, .to = to, .cause = cause };
	return move;
}

void graph_allow(struct graph *graph, u8 from, u8 to, u16 cause)
{
	struct graph_move *move = find_move(graph, from, to, cause);

	if (move)
		move->legal = true;
}

void graph_saw(struct graph *graph, u8 from, u8 to, u16 cause)
{
	struct graph_move *move = find_move(graph, from, to, cause);

	if (!move)
		return;
	move->count++;
	if (!graph->kind->allow)
		move->legal = true;
}

void graph_init(struct graph *graph, const struct graph_kind *kind)
{
	memset(graph, 0, sizeof(*graph));
	graph->kind = kind;
	if (kind->allow)
		kind->allow(graph);
}

void graph_new_run(struct graph *graph)
{
	if (graph->memory)
		graph->forget(graph->memory);
	graph->memory = NULL;
}

void graph_free(struct graph *graph)
{
	graph_new_run(graph);
}

void graph_listen(void *ctx, const struct trace_event *event)
{
	struct graph *graph = ctx;

	if (graph->kind->mask & (1u << event->kind))
		graph->kind->event(graph, event);
}

u32 graph_illegal_count(const struct graph *graph)
{
	u32 i, count = 0;

	for (i = 0; i < graph->move_count; i++)
		count += !graph->move[i].legal;
	return count;
}

static bool state_seen(const struct graph *graph, u8 state)
{
	u32 i;

	for (i = 0; i < graph->move_count; i++)
		if (graph->move[i].count &&
		    (graph->move[i].from == state || graph->move[i].to == state))
			return true;
	return false;
}

static bool state_named(const struct graph *graph, u8 state)
{
	u32 i;

	for (i = 0; i < graph->move_count; i++)
		if (graph->move[i].from == state || graph->move[i].to == state)
			return true;
	return false;
}

/* Keeps labels off their arrows; an ordinary blank would be lost in the SVG. */
#define NO_BREAK	"\302\240"

/* Nearly every arrow is a TDH_ leaf, most are TDH_MEM_: said by colour, not by words. */
static const char *short_cause(const char *cause)
{
	if (!strncmp(cause, "TDH_MEM_", 8))
		return cause + 8;
	return strncmp(cause, "TDH_", 4) ? cause : cause + 4;
}

/* The arrow of all moves from @first->from to @first->to, of which @first is the first. */
static void print_arrow(const struct graph *graph, u32 first, FILE *out)
{
	const struct graph_move *arrow = &graph->move[first], *move;
	const struct graph_kind *kind = graph->kind;
	bool legal = true, guest = false;
	double width = 1.0;
	u64 count = 0, n;
	u32 i;

	for (i = first; i < graph->move_count; i++)
		count += graph->move[i].from == arrow->from && graph->move[i].to == arrow->to ?
			 graph->move[i].count : 0;
	fprintf(out, "\t\"%s\" -> \"%s\" [%s=\"", kind->state(arrow->from),
		kind->state(arrow->to), count ? "label" : "tooltip");
	for (i = first; i < graph->move_count; i++) {
		move = &graph->move[i];
		if (move->from != arrow->from || move->to != arrow->to)
			continue;
		legal = legal && move->legal;
		guest = guest || (move->count && kind->guest(move->cause));
		fprintf(out, "%s%s", NO_BREAK, short_cause(kind->cause(move->cause)));
		if (count)
			fprintf(out, " \303\227%llu", (unsigned long long)move->count);
		fputs(count ? "\\l" : "\\n", out);
	}
	for (n = count; n >= 10; n /= 10)
		width += 0.4;
	if (count)
		fprintf(out, "\", class=\"%s\", color=\"%s\", fontcolor=\"%s\", penwidth=%.1f];\n",
			!legal ? "illegal" : guest ? "guest" : "host",
			!legal ? "#b3261e" : guest ? "#a8510c" : "#0b6e75",
			!legal ? "#b3261e" : guest ? "#a8510c" : "#0b6e75", width + 0.4);
	else
		/* The label is left to the list: what was never made must not fill the page. */
		fprintf(out, "\", class=\"unseen\", style=dashed, color=\"#9aa1ab\", "
			"penwidth=0.9, weight=0];\n");
}

/* Inches between the places of a grid: a label fits between two states. */
#define GRID_COLUMN	3.5
#define GRID_ROW	1.7

static void print_place(const struct graph_kind *kind, u8 state, FILE *out)
{
	struct graph_place place;

	if (!kind->place)
		return;
	place = kind->place(state);
	fprintf(out, "\t\"%s\" [pos=\"%g,%g!\"];\n", kind->state(state),
		place.column * GRID_COLUMN, -place.row * GRID_ROW);
}

static void print_state(const struct graph *graph, u8 state, FILE *out)
{
	const struct graph_kind *kind = graph->kind;

	print_place(kind, state, out);
	if (!state_seen(graph, state))
		fprintf(out, "\t\"%s\" [class=\"unseen\", style=\"rounded,dashed\", "
			"fontcolor=\"#7b8594\", color=\"#9aa1ab\"];\n", kind->state(state));
	else if (kind->alarming && kind->alarming(state))
		fprintf(out, "\t\"%s\" [class=\"alarm\", fillcolor=\"#fbe6e4\", "
			"color=\"#b3261e\"];\n", kind->state(state));
	else
		fprintf(out, "\t\"%s\" [class=\"seen\"];\n", kind->state(state));
}

/* The states in their order, those of one machine boxed together. */
static void print_states(const struct graph *graph, FILE *out)
{
	const struct graph_kind *kind = graph->kind;
	const char *box = NULL, *machine;
	u8 s;

	for (s = 0; s < GRAPH_STATE_MAX; s++) {
		if (!state_named(graph, s))
			continue;
		machine = kind->machine ? kind->machine(s) : NULL;
		if (machine && (!box || strcmp(machine, box))) {
			if (box)
				fprintf(out, "\t}\n");
			fprintf(out, "\tsubgraph \"cluster %s\" {\n\tlabel=\"%s\"; "
				"labeljust=l; fontsize=10; style=rounded; color=\"#9aa1ab\";\n",
				machine, machine);
			box = machine;
		}
		print_state(graph, s, out);
	}
	if (box)
		fprintf(out, "\t}\n");
}

static bool is_first_of_arrow(const struct graph *graph, u32 at)
{
	u32 i;

	for (i = 0; i < at; i++)
		if (graph->move[i].from == graph->move[at].from &&
		    graph->move[i].to == graph->move[at].to)
			return false;
	return true;
}

void graph_print_dot(const struct graph *graph, FILE *out)
{
	const struct graph_kind *kind = graph->kind;
	u32 i;

	fprintf(out, "// %s: solid = made, with how often; dashed = legal, never made\n"
		"digraph %s {\n"
		"\tgraph [%s%s, bgcolor=\"transparent\", nodesep=0.45, ranksep=0.7, "
		"fontname=\"DejaVu Sans\"];\n"
		"\tnode [shape=box, style=\"rounded,filled\", fillcolor=\"#ffffff\", "
		"fontname=\"DejaVu Sans\", fontsize=11, margin=\"0.16,0.08\"];\n"
		"\tedge [fontname=\"DejaVu Sans\", fontsize=9, arrowsize=0.7];\n",
		kind->title, kind->name, kind->place ? "layout=neato, splines=true" : "rankdir=",
		kind->place ? "" : kind->rankdir ? kind->rankdir : "TB");
	print_states(graph, out);
	for (i = 0; i < graph->move_count; i++)
		if (is_first_of_arrow(graph, i))
			print_arrow(graph, i, out);
	fprintf(out, "}\n");
}

/* A state's name in one line: the drawing's line breaks become spaces. */
static void print_name(FILE *out, const char *name, int width)
{
	for (; *name; name++, width--) {
		if (!strncmp(name, "\\n", 2)) {
			fputc(' ', out);
			name++;
		} else {
			fputc(*name, out);
		}
	}
	fprintf(out, "%*s", width > 0 ? width : 0, "");
}

static int name_width(const struct graph *graph)
{
	size_t width = 0, length;
	u32 i;

	for (i = 0; i < graph->move_count; i++) {
		length = strlen(graph->kind->state(graph->move[i].from));
		width = length > width ? length : width;
	}
	return (int)width;
}

static void print_moves(const struct graph *graph, FILE *out, const char *heading,
			bool legal, bool seen)
{
	const struct graph_kind *kind = graph->kind;
	const struct graph_move *move;
	int width = name_width(graph);
	u32 i, count = 0;

	for (i = 0; i < graph->move_count; i++) {
		move = &graph->move[i];
		if (move->legal != legal || !!move->count != seen)
			continue;
		if (!count++)
			fprintf(out, "%s\n", heading);
		fprintf(out, "  ");
		print_name(out, kind->state(move->from), width);
		fprintf(out, " -> ");
		print_name(out, kind->state(move->to), width);
		if (move->count)
			fprintf(out, " %-26s %8llu\n", kind->cause(move->cause),
				(unsigned long long)move->count);
		else
			fprintf(out, " %s\n", kind->cause(move->cause));
	}
}

void graph_print_text(const struct graph *graph, FILE *out)
{
	print_moves(graph, out, "made, and in no table (the table or the model is wrong):",
		    false, true);
	print_moves(graph, out, "made:", true, true);
	print_moves(graph, out, "legal, never made:", true, false);
	if (graph->missed)
		fprintf(out, "%llu moves were not kept: GRAPH_MOVE_MAX is too small\n",
			(unsigned long long)graph->missed);
}

/* Copies dot's SVG with the style sheet put in after the <svg ...> tag. */
static void copy_with_style(FILE *svg, FILE *out)
{
	bool in_tag = false, styled = false;
	char line[4096];

	while (fgets(line, sizeof(line), svg)) {
		fputs(line, out);
		in_tag = in_tag || !strncmp(line, "<svg", 4);
		if (in_tag && !styled && strchr(line, '>')) {
			fputs(style, out);
			styled = true;
		}
	}
}

int graph_write_svg(const struct graph *graph, const char *path)
{
	char name[] = "/tmp/septum-graph-XXXXXX", command[128];
	int fd = mkstemp(name), rc = -1;
	FILE *dot, *svg = NULL, *out;

	dot = fd >= 0 ? fdopen(fd, "w") : NULL;
	if (!dot) {
		perror(name);
		return -1;
	}
	graph_print_dot(graph, dot);
	fclose(dot);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
	} else {
		snprintf(command, sizeof(command), "dot -Tsvg %s", name);
		svg = popen(command, "r");
		if (svg)
			copy_with_style(svg, out);
		rc = svg && pclose(svg) == 0 ? 0 : -1;
		if (rc)
			fprintf(stderr, "cannot draw '%s': Graphviz's 'dot' failed or is not "
				"installed (Debian: graphviz)\n", path);
		if (fclose(out) && !rc) {
			perror(path);
			rc = -1;
		}
	}
	unlink(name);
	return rc;
}
