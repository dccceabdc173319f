// SPDX-License-Identifier: GPL-2.0-only
/* State graphs: counting moves, telling legal from seen, and what the DOT says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "model/tdx/tables.h"
#include "model/tdx/tdx.h"
#include "sim/graph.h"

static struct graph *new_graph(const struct graph_kind *kind)
{
	struct graph *graph = malloc(sizeof(*graph));

	assert_non_null(graph);
	graph_init(graph, kind);
	return graph;
}

static void delete_graph(struct graph *graph)
{
	graph_free(graph);
	free(graph);
}

/* What @print writes, as a string to be freed. */
static char *printed(const struct graph *graph, void (*print)(const struct graph *, FILE *))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(graph, out);
	fclose(out);
	return text;
}

static void sept_event(struct graph *graph, u8 from, u8 to, u16 leaf)
{
	struct trace_event event = {
		.kind = TRACE_SEPT,
		.sept = { .tdr = 0x100000, .gpa = 0x1000, .from = from, .to = to, .leaf = leaf },
	};

	graph_listen(graph, &event);
}

static void test_every_kind_is_found_by_its_word(void **state)
{
	u32 i;

	for (i = 0; i < graph_kind_count; i++)
		assert_ptr_equal(graph_kind_find(graph_kinds[i]->name), graph_kinds[i]);
	assert_null(graph_kind_find("spet"));
}

static void test_every_legal_move_has_names_for_its_states_and_cause(void **state)
{
	struct graph *graph;
	u32 i, k;

	for (k = 0; k < graph_kind_count; k++) {
		graph = new_graph(graph_kinds[k]);
		for (i = 0; i < graph->move_count; i++) {
			assert_string_not_equal(graph->kind->state(graph->move[i].from), "?");
			assert_string_not_equal(graph->kind->state(graph->move[i].to), "?");
			assert_string_not_equal(graph->kind->cause(graph->move[i].cause), "?");
		}
		assert_int_equal(graph->missed, 0);
		delete_graph(graph);
	}
}

static void test_a_legal_move_that_was_made_is_counted_and_solid(void **state)
{
	struct graph *graph = new_graph(&graph_sept);
	char *dot;

	sept_event(graph, SEPT_FREE, SEPT_PENDING, TDH_MEM_PAGE_AUG);
	sept_event(graph, SEPT_FREE, SEPT_PENDING, TDH_MEM_PAGE_AUG);
	assert_int_equal(graph_illegal_count(graph), 0);
	dot = printed(graph, graph_print_dot);
	assert_non_null(strstr(dot, "PAGE_AUG \303\2272"));
	assert_non_null(strstr(dot, "class=\"host\""));
	assert_null(strstr(dot, "class=\"guest\""));
	free(dot);
	delete_graph(graph);
}

static void test_an_act_of_the_guest_is_told_from_one_of_the_host(void **state)
{
	struct graph *graph = new_graph(&graph_sept);
	char *dot;

	sept_event(graph, SEPT_PENDING, SEPT_MAPPED, TDG_MEM_PAGE_ACCEPT);
	dot = printed(graph, graph_print_dot);
	assert_non_null(strstr(dot, "class=\"guest\""));
	free(dot);
	delete_graph(graph);
}

static void test_a_move_in_no_table_is_illegal_and_said_so(void **state)
{
	struct graph *graph = new_graph(&graph_sept);
	char *text;

	sept_event(graph, SEPT_FREE, SEPT_BLOCKED, TDH_MEM_RANGE_BLOCK);
	assert_int_equal(graph_illegal_count(graph), 1);
	text = printed(graph, graph_print_text);
	assert_non_null(strstr(text, "in no table"));
	free(text);
	delete_graph(graph);
}

static void test_legal_moves_never_made_are_listed(void **state)
{
	struct graph *graph = new_graph(&graph_sept);
	char *text = printed(graph, graph_print_text);

	assert_ptr_equal(strstr(text, "legal, never made:"), text);
	assert_non_null(strstr(text, "TDH_MEM_PAGE_REMOVE"));
	free(text);
	delete_graph(graph);
}

static void test_events_of_another_kind_are_not_read(void **state)
{
	struct graph *graph = new_graph(&graph_pamt);
	u32 count = graph->move_count;

	sept_event(graph, SEPT_FREE, SEPT_BLOCKED, TDH_MEM_RANGE_BLOCK);
	assert_int_equal(graph->move_count, count);
	delete_graph(graph);
}

/* The story of the no-pin patch as the trace tells it: AUG, then the folio is freed. */
static void test_a_freed_frame_still_in_the_sept_is_an_alarm(void **state)
{
	struct tdx_module_args in = { .rcx = 0x1000, .rdx = 0x100000, .r8 = 0x5000 };
	struct trace_event alloc = { .kind = TRACE_PAGE, .page = { .pfn = 5, .what = "alloc" } };
	struct trace_event cache = {
		.kind = TRACE_REF, .page = { .pfn = 5, .what = "filemap", .delta = 1 },
	};
	struct trace_event aug = {
		.kind = TRACE_SEAMCALL, .call = { .rax = TDH_MEM_PAGE_AUG, .in = &in, .out = &in },
	};
	struct graph *graph = new_graph(&graph_states);
	char *dot;

	graph_listen(graph, &alloc);
	graph_listen(graph, &cache);
	sept_event(graph, SEPT_FREE, SEPT_PENDING, TDH_MEM_PAGE_AUG);
	graph_listen(graph, &aug);
	dot = printed(graph, graph_print_dot);
	assert_null(strstr(dot, "class=\"alarm\""));
	free(dot);

	cache.page.delta = -1;
	alloc.page.what = "free";
	graph_listen(graph, &cache);
	graph_listen(graph, &alloc);
	dot = printed(graph, graph_print_dot);
	assert_non_null(strstr(dot, "\"free\\nS-EPT PENDING\" [class=\"alarm\""));
	free(dot);
	delete_graph(graph);
}

static void test_a_new_run_forgets_pages_and_keeps_counts(void **state)
{
	struct trace_event alloc = { .kind = TRACE_PAGE, .page = { .pfn = 5, .what = "alloc" } };
	struct graph *graph = new_graph(&graph_folio);
	u32 i;
	u64 sum = 0;

	graph_listen(graph, &alloc);
	graph_new_run(graph);
	graph_listen(graph, &alloc);
	for (i = 0; i < graph->move_count; i++)
		sum += graph->move[i].count;
	assert_int_equal(sum, 2);
	assert_int_equal(graph_illegal_count(graph), 0);
	delete_graph(graph);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_kind_is_found_by_its_word),
		cmocka_unit_test(test_every_legal_move_has_names_for_its_states_and_cause),
		cmocka_unit_test(test_a_legal_move_that_was_made_is_counted_and_solid),
		cmocka_unit_test(test_an_act_of_the_guest_is_told_from_one_of_the_host),
		cmocka_unit_test(test_a_move_in_no_table_is_illegal_and_said_so),
		cmocka_unit_test(test_legal_moves_never_made_are_listed),
		cmocka_unit_test(test_events_of_another_kind_are_not_read),
		cmocka_unit_test(test_a_freed_frame_still_in_the_sept_is_an_alarm),
		cmocka_unit_test(test_a_new_run_forgets_pages_and_keeps_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
