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
	struct trace_event gmem = { .kind = TRACE_GMEM, .page = { .pfn = 5, .what = "alloc" } };
	struct trace_event aug = {
		.kind = TRACE_SEAMCALL, .call = { .rax = TDH_MEM_PAGE_AUG, .in = &in, .out = &in },
	};
	struct graph *graph = new_graph(&graph_states);
	char *dot;

	graph_listen(graph, &alloc);
	graph_listen(graph, &cache);
	graph_listen(graph, &gmem);
	sept_event(graph, SEPT_FREE, SEPT_PENDING, TDH_MEM_PAGE_AUG);
	graph_listen(graph, &aug);
	dot = printed(graph, graph_print_dot);
	assert_null(strstr(dot, "class=\"alarm\""));
	free(dot);

	cache.page.delta = -1;
	alloc.page.what = "free";
	gmem.page.what = "free";
	graph_listen(graph, &gmem);
	graph_listen(graph, &cache);
	graph_listen(graph, &alloc);
	dot = printed(graph, graph_print_dot);
	assert_non_null(strstr(dot, "\"free\\nS-EPT PENDING\" [class=\"alarm\""));
	free(dot);
	delete_graph(graph);
}

/* One frame of a guest_memfd. */
static void give_page(struct graph *graph, kvm_pfn_t pfn)
{
	struct trace_event cache = {
		.kind = TRACE_REF, .page = { .pfn = pfn, .what = "filemap", .delta = 1 },
	};
	struct trace_event alloc = {
		.kind = TRACE_GMEM, .page = { .pfn = pfn, .what = "alloc" },
	};

	graph_listen(graph, &cache);
	graph_listen(graph, &alloc);
}

static void sept_level_event(struct graph *graph, u8 level, gpa_t gpa, u8 from, u8 to, u16 leaf)
{
	struct trace_event event = {
		.kind = TRACE_SEPT,
		.sept = { .tdr = 0x100000, .gpa = gpa, .level = level, .from = from, .to = to,
			  .leaf = leaf },
	};

	graph_listen(graph, &event);
}

/* 512 frames from @pfn in a guest_memfd, in the S-EPT as one leaf of 2M at gpa 0x200000. */
static void give_large_page(struct graph *graph, kvm_pfn_t pfn)
{
	struct tdx_module_args in = { .rcx = 0x200001, .rdx = 0x100000, .r8 = pfn << PAGE_SHIFT };
	struct trace_event cache = {
		.kind = TRACE_REF,
		.page = { .pfn = pfn, .what = "filemap", .delta = 512, .order = 9 },
	};
	struct trace_event alloc = {
		.kind = TRACE_GMEM, .page = { .pfn = pfn, .what = "alloc", .order = 9 },
	};
	struct trace_event aug = {
		.kind = TRACE_SEAMCALL, .call = { .rax = TDH_MEM_PAGE_AUG, .in = &in, .out = &in },
	};

	graph_listen(graph, &cache);
	graph_listen(graph, &alloc);
	sept_level_event(graph, 1, 0x200000, SEPT_FREE, SEPT_PENDING, TDH_MEM_PAGE_AUG);
	graph_listen(graph, &aug);
}

/* How often frames went from @from to @to by @cause. */
static u64 times(const struct graph *graph, const char *from, const char *to, const char *cause)
{
	const struct graph_kind *kind = graph->kind;
	u32 i;

	for (i = 0; i < graph->move_count; i++)
		if (!strcmp(kind->state(graph->move[i].from), from) &&
		    !strcmp(kind->state(graph->move[i].to), to) &&
		    !strcmp(kind->cause(graph->move[i].cause), cause))
			return graph->move[i].count;
	return 0;
}

static u64 all_times(const struct graph *graph)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < graph->move_count; i++)
		sum += graph->move[i].count;
	return sum;
}

#define IN_GMEM		"guest_memfd"
#define IS_PENDING	"guest_memfd\\nS-EPT PENDING"
#define IS_MAPPED	"guest_memfd\\nS-EPT MAPPED"
#define IS_BLOCKED	"guest_memfd\\nS-EPT BLOCKED"

static void test_frames_below_a_large_leaf_have_the_leafs_state(void **state)
{
	struct graph *graph = new_graph(&graph_states);

	give_large_page(graph, 0x400);
	sept_level_event(graph, 1, 0x200000, SEPT_PENDING, SEPT_MAPPED, TDG_MEM_PAGE_ACCEPT);
	sept_level_event(graph, 1, 0x200000, SEPT_MAPPED, SEPT_BLOCKED, TDH_MEM_RANGE_BLOCK);
	assert_int_equal(times(graph, IN_GMEM, IS_PENDING, "TDH_MEM_PAGE_AUG"), 512);
	assert_int_equal(times(graph, IS_PENDING, IS_MAPPED, "TDG_MEM_PAGE_ACCEPT"), 512);
	assert_int_equal(times(graph, IS_MAPPED, IS_BLOCKED, "TDH_MEM_RANGE_BLOCK"), 512);
	delete_graph(graph);
}

static void test_demotion_hands_frames_down_without_a_gap(void **state)
{
	struct graph *graph = new_graph(&graph_states);
	u64 i;

	give_large_page(graph, 0x400);
	sept_level_event(graph, 1, 0x200000, SEPT_PENDING, SEPT_MAPPED, TDG_MEM_PAGE_ACCEPT);
	sept_level_event(graph, 1, 0x200000, SEPT_MAPPED, SEPT_BLOCKED, TDH_MEM_RANGE_BLOCK);
	sept_level_event(graph, 1, 0x200000, SEPT_BLOCKED, SEPT_NL_MAPPED, TDH_MEM_PAGE_DEMOTE);
	for (i = 0; i < 512; i++)
		sept_level_event(graph, 0, 0x200000 + (i << PAGE_SHIFT), SEPT_FREE, SEPT_MAPPED,
				 TDH_MEM_PAGE_DEMOTE);
	assert_int_equal(times(graph, IS_BLOCKED, IS_MAPPED, "TDH_MEM_PAGE_DEMOTE"), 512);
	assert_int_equal(times(graph, IS_BLOCKED, IN_GMEM, "TDH_MEM_PAGE_DEMOTE"), 0);
	delete_graph(graph);
}

static void test_blocking_a_table_moves_no_frame_below_it(void **state)
{
	struct graph *graph = new_graph(&graph_states);
	u64 before;

	give_large_page(graph, 0x400);
	sept_level_event(graph, 1, 0x200000, SEPT_PENDING, SEPT_NL_MAPPED, TDH_MEM_PAGE_DEMOTE);
	sept_level_event(graph, 0, 0x201000, SEPT_FREE, SEPT_PENDING, TDH_MEM_PAGE_DEMOTE);
	before = all_times(graph);
	sept_level_event(graph, 1, 0x200000, SEPT_NL_MAPPED, SEPT_NL_BLOCKED, TDH_MEM_RANGE_BLOCK);
	assert_int_equal(all_times(graph), before);
	delete_graph(graph);
}

static void test_promotion_hands_frames_up_without_a_gap(void **state)
{
	struct graph *graph = new_graph(&graph_states);
	u64 i, before;

	give_large_page(graph, 0x400);
	sept_level_event(graph, 1, 0x200000, SEPT_PENDING, SEPT_NL_MAPPED, TDH_MEM_PAGE_DEMOTE);
	before = all_times(graph);
	for (i = 0; i < 512; i++)
		sept_level_event(graph, 0, 0x200000 + (i << PAGE_SHIFT), SEPT_PENDING, SEPT_FREE,
				 TDH_MEM_PAGE_PROMOTE);
	sept_level_event(graph, 1, 0x200000, SEPT_NL_BLOCKED, SEPT_PENDING, TDH_MEM_PAGE_PROMOTE);
	assert_int_equal(all_times(graph), before);
	delete_graph(graph);
}

static void test_relocation_takes_the_state_to_another_frame(void **state)
{
	struct tdx_module_args in = { .rcx = 0x1000, .rdx = 0x100000, .r8 = 0x5000 };
	struct trace_event call = {
		.kind = TRACE_SEAMCALL, .call = { .rax = TDH_MEM_PAGE_AUG, .in = &in, .out = &in },
	};
	struct graph *graph = new_graph(&graph_states);

	give_page(graph, 5);
	give_page(graph, 6);
	sept_event(graph, SEPT_FREE, SEPT_PENDING, TDH_MEM_PAGE_AUG);
	graph_listen(graph, &call);
	sept_event(graph, SEPT_PENDING, SEPT_PENDING_BLOCKED, TDH_MEM_RANGE_BLOCK);
	sept_event(graph, SEPT_PENDING_BLOCKED, SEPT_PENDING, TDH_MEM_PAGE_RELOCATE);
	in.r8 = 0x6000;
	call.call.rax = TDH_MEM_PAGE_RELOCATE;
	graph_listen(graph, &call);
	assert_int_equal(times(graph, IS_BLOCKED, IN_GMEM, "TDH_MEM_PAGE_RELOCATE"), 1);
	assert_int_equal(times(graph, IN_GMEM, IS_PENDING, "TDH_MEM_PAGE_RELOCATE"), 1);
	delete_graph(graph);
}

static void test_a_split_mirror_leaf_still_maps_its_frames(void **state)
{
	const u64 present = 1ULL << 11, leaf = present | 1ULL << 7 | 0x400ULL << PAGE_SHIFT;
	struct trace_event spte = {
		.kind = TRACE_SPTE, .spte = { .gfn = 0x200, .level = 2, .mirror = true, .to = leaf },
	};
	struct graph *graph = new_graph(&graph_gmem);
	u64 before;

	give_large_page(graph, 0x400);
	graph_listen(graph, &spte);
	assert_int_equal(times(graph, "folio, private", "folio, private,\\nmirror SPTE set",
			       "mirror SPTE set"), 512);
	before = all_times(graph);
	spte.spte.from = leaf;
	spte.spte.to = present | 0x9000;
	graph_listen(graph, &spte);
	assert_int_equal(all_times(graph), before);
	delete_graph(graph);
}

static void test_a_converted_page_is_shared_and_a_poisoned_one_is_an_alarm(void **state)
{
	struct trace_event shared = {
		.kind = TRACE_GMEM,
		.page = { .pfn = 0x401, .what = "shared", .index = 1, .shared = true },
	};
	struct trace_event poison = {
		.kind = TRACE_PAGE, .page = { .pfn = 0x400, .what = "hwpoison" },
	};
	struct graph *gmem = new_graph(&graph_gmem), *folio = new_graph(&graph_folio);
	char *dot;

	give_large_page(gmem, 0x400);
	graph_listen(gmem, &shared);
	assert_int_equal(times(gmem, "folio, private", "folio, shared", "to shared"), 1);
	give_large_page(folio, 0x400);
	graph_listen(folio, &poison);
	assert_int_equal(graph_illegal_count(folio), 0);
	dot = printed(folio, graph_print_dot);
	assert_non_null(strstr(dot, "\"in the page cache,\\nhwpoison\" [class=\"alarm\""));
	free(dot);
	delete_graph(gmem);
	delete_graph(folio);
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
		cmocka_unit_test(test_frames_below_a_large_leaf_have_the_leafs_state),
		cmocka_unit_test(test_demotion_hands_frames_down_without_a_gap),
		cmocka_unit_test(test_blocking_a_table_moves_no_frame_below_it),
		cmocka_unit_test(test_promotion_hands_frames_up_without_a_gap),
		cmocka_unit_test(test_relocation_takes_the_state_to_another_frame),
		cmocka_unit_test(test_a_split_mirror_leaf_still_maps_its_frames),
		cmocka_unit_test(test_a_converted_page_is_shared_and_a_poisoned_one_is_an_alarm),
		cmocka_unit_test(test_a_new_run_forgets_pages_and_keeps_counts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
