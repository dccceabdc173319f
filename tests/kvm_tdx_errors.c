// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every error branch of mapping and removing a private page in tdx.c, reached
 * by making one SEAMCALL fail, under both hold policies: is the VM bugged, what
 * does the caller see, what is left of the page, and who leaks.
 */
#include <stdio.h>

#include "tests/kvm_common.h"

#define GPA	0x1000ULL
#define OFFSET	0x1000ULL
#define ERR	(TDX_OPERAND_INVALID + OPERAND_ID_RCX)
#define BUSY	(TDX_OPERAND_BUSY + OPERAND_ID_SEPT_TREE)

static bool pinned(struct world *w)
{
	return !strcmp(kvm_globals_of(w->h)->config.policy, "always-pin");
}

static u32 leaks(struct world *w, struct host_leak_view *view)
{
	return ops(w)->probe_leaks(w->h, view, 8);
}

/* How many references of @kind the page of gmem 0 at OFFSET has. */
static s32 held(struct world *w, const char *kind)
{
	struct host_holder_view view[8];
	int n = ops(w)->probe_holders(w->h, folio_view(w, 0, OFFSET).pfn, view, 8);

	for (int i = 0; i < n; i++)
		if (!strcmp(view[i].kind, kind))
			return view[i].count;
	return 0;
}

/* -- mapping ---------------------------------------------------------------- */

/* The guest touches a new page while @leaf fails @times times with @status. */
static int touch_with(struct world *w, u16 leaf, u32 times, u64 status)
{
	td_up(w, 1, 2 * MB);
	refuse(w, leaf, 1, times, status);
	return guest_touch(w, 0, GPA, NULL);
}

static void a_busy_sept_add_is_tried_again_until_it_works(void **state)
{
	struct world *w = *state;
	u64 status;

	td_up(w, 1, 2 * MB);
	refuse(w, TDH_MEM_SEPT_ADD, 1, 3, BUSY);
	assert_int_equal(guest_accept(w, 0, GPA, &status), 0);
	assert_int_equal(status, 0);
	assert_false(vm_view(w, 0).vm_bugged);
	assert_int_equal(w->env->injector.rule[0].fired, 3);
	look(w);
}

static void a_busy_aug_is_tried_again_and_pins_once(void **state)
{
	struct world *w = *state;
	u64 status;

	td_up(w, 1, 2 * MB);
	refuse(w, TDH_MEM_PAGE_AUG, 1, 3, BUSY);
	assert_int_equal(guest_accept(w, 0, GPA, &status), 0);
	assert_int_equal(status, 0);
	assert_false(vm_view(w, 0).vm_bugged);
	assert_int_equal(held(w, "sept-pin"), pinned(w));
	look(w);
}

static void a_failed_sept_add_bugs_the_vm_and_gives_the_page_back(void **state)
{
	struct world *w = *state;

	assert_int_equal(touch_with(w, TDH_MEM_SEPT_ADD, 1, ERR), -EIO);
	assert_true(vm_view(w, 0).vm_bugged);
	assert_string_equal(w->last_kmsg,
			    "kvm_intel: SEAMCALL TDH_MEM_SEPT_ADD failed: 0xc000010000000001, entry 0x0, level_state 0x0");
	assert_int_equal(held(w, "sept-pin"), 0);
	assert_int_equal(leaks(w, NULL), 0);
	look(w);
}

static void a_failed_aug_bugs_the_vm_and_drops_the_pin(void **state)
{
	struct world *w = *state;
	struct host_spte_view spte;

	assert_int_equal(touch_with(w, TDH_MEM_PAGE_AUG, 1, ERR), -EIO);
	assert_true(vm_view(w, 0).vm_bugged);
	assert_int_equal(held(w, "sept-pin"), 0);
	assert_int_equal(leaks(w, NULL), 0);
	/* The frozen entry went back to what it was. */
	assert_int_equal(ops(w)->probe_spte(w->h, 0, GPA, true, &spte), 0);
	assert_int_equal(spte.state, SPTE_NONE);
	look(w);
}

static void an_endlessly_busy_aug_is_reported_as_a_hang(void **state)
{
	struct world *w = *state;

	assert_int_equal(touch_with(w, TDH_MEM_PAGE_AUG, INJECT_ALL_CALLS, BUSY), -EIO);
	assert_false(vm_view(w, 0).vm_bugged);
	assert_true(take_findings(w, INV_OPERATION_ENDS) > 0);
}

static int add_initial_page(struct world *w, u32 flags)
{
	gpa_t gpa = GPA;
	u64 pages = 1;

	return ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, flags, 0x55);
}

static void a_busy_page_add_is_tried_again(void **state)
{
	struct world *w = *state;

	td_build(w, 1, 2 * MB);
	refuse(w, TDH_MEM_PAGE_ADD, 1, 2, BUSY);
	assert_int_equal(add_initial_page(w, 0), 0);
	assert_int_equal(held(w, "sept-pin"), pinned(w));
	assert_false(vm_view(w, 0).vm_bugged);
}

static void a_failed_page_add_bugs_the_vm(void **state)
{
	struct world *w = *state;

	td_build(w, 1, 2 * MB);
	refuse(w, TDH_MEM_PAGE_ADD, 1, 1, ERR);
	assert_int_equal(add_initial_page(w, 0), -EIO);
	assert_true(vm_view(w, 0).vm_bugged);
	assert_int_equal(held(w, "sept-pin"), 0);
}

static void a_busy_mr_extend_bugs_the_vm_and_leaves_the_page_mapped(void **state)
{
	struct world *w = *state;
	struct host_spte_view spte;

	td_build(w, 1, 2 * MB);
	refuse(w, TDH_MR_EXTEND, 3, 1, BUSY);
	assert_int_equal(add_initial_page(w, KVM_TDX_MEASURE_MEMORY_REGION), -EIO);
	assert_true(vm_view(w, 0).vm_bugged);
	assert_int_equal(ops(w)->probe_spte(w->h, 0, GPA, true, &spte), 0);
	assert_int_equal(spte.state, SPTE_LEAF);
	assert_false(folio_view(w, 0, OFFSET).uptodate);
}

static void adding_a_mapped_gfn_again_fails_without_bugging_the_vm(void **state)
{
	struct world *w = *state;

	td_build(w, 1, 2 * MB);
	assert_int_equal(add_initial_page(w, 0), 0);
	assert_int_equal(add_initial_page(w, 0), -EIO);
	assert_false(vm_view(w, 0).vm_bugged);
}

/* -- removing --------------------------------------------------------------- */

/* One accepted page, and what happens to it when @leaf fails as it is punched out. */
static void punch_with(struct world *w, u16 leaf, u32 times, u64 status)
{
	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	refuse(w, leaf, 1, times, status);
	/* The zap cannot tell anybody: punching a hole succeeds whatever happens. */
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET, 4 * KB), 0);
}

/* The page was free afterwards under no-hold, is kept and named under always-pin. */
static void expect_zap_failed(struct world *w, kvm_pfn_t pfn, const char *reason)
{
	struct host_leak_view view[8];

	assert_true(vm_view(w, 0).vm_bugged);
	assert_false(folio_view(w, 0, OFFSET).present);
	if (pinned(w)) {
		assert_int_equal(leaks(w, view), 1);
		assert_int_equal(view[0].pfn, pfn);
		assert_non_null(strstr(view[0].reason, reason));
		assert_false(ops(w)->frame_free(w->h, pfn));
	} else {
		assert_int_equal(leaks(w, view), 0);
		assert_true(ops(w)->frame_free(w->h, pfn));
	}
}

struct zap_failure {
	u16 leaf;
	u32 times;
	u64 status;
	const char *reason;
	bool in_sept;		/* the S-EPT still names the page afterwards */
};

static void expect_failure(struct world *w, const struct zap_failure *f)
{
	kvm_pfn_t pfn;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	pfn = folio_view(w, 0, OFFSET).pfn;
	refuse(w, f->leaf, 1, f->times, f->status);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET, 4 * KB), 0);
	/* The new folio may still wait to go on the LRU. */
	ops(w)->lru_add_drain(w->h);

	expect_zap_failed(w, pfn, f->reason);
	assert_int_equal(tdx_frame_in_sept(w->tdx, pfn_to_hpa(pfn)), f->in_sept);
	/* The mirror was changed first and nobody sets it back. */
	struct host_spte_view spte;
	ops(w)->probe_spte(w->h, 0, GPA, true, &spte);
	assert_int_equal(spte.state, SPTE_NONE);
	if (!pinned(w) && f->in_sept)
		assert_true(take_findings(w, INV_FREE_FRAME_UNMAPPED) > 0);
}

/* A frame that was freed while mapped may be found again as everything goes. */
static int teardown_zap_failed(void **state)
{
	struct world *w = *state;

	ops(w)->teardown(w->h);
	take_findings(w, INV_FREE_FRAME_UNMAPPED);
	expect_nothing_broken(w);
	env_destroy(w->env);
	test_free(w);
	return 0;
}

#define ZAP_FAILURE_TEST(name, ...)						\
static void name(void **state)							\
{										\
	const struct zap_failure failure = { __VA_ARGS__ };			\
										\
	expect_failure(*state, &failure);					\
}

ZAP_FAILURE_TEST(a_failed_block_leaves_the_page_mapped,
		 TDH_MEM_RANGE_BLOCK, 1, ERR, "RANGE.BLOCK", true)
ZAP_FAILURE_TEST(a_block_busy_twice_is_a_failure,
		 TDH_MEM_RANGE_BLOCK, 2, BUSY, "RANGE.BLOCK", true)
ZAP_FAILURE_TEST(a_failed_track_makes_the_remove_fail,
		 TDH_MEM_TRACK, 1, ERR, "TRACK", true)
ZAP_FAILURE_TEST(a_busy_previous_epoch_is_not_tried_again,
		 TDH_MEM_TRACK, 1, TDX_PREVIOUS_TLB_EPOCH_BUSY, "TRACK", true)
ZAP_FAILURE_TEST(a_failed_remove_leaves_the_page_blocked,
		 TDH_MEM_PAGE_REMOVE, 1, ERR, "PAGE.REMOVE", true)
ZAP_FAILURE_TEST(a_remove_busy_twice_is_a_failure,
		 TDH_MEM_PAGE_REMOVE, 2, BUSY, "PAGE.REMOVE", true)
ZAP_FAILURE_TEST(a_failed_write_back_keeps_only_the_cache_lines,
		 TDH_PHYMEM_PAGE_WBINVD, 1, ERR, "WBINVD", false)

static void expect_one_retry(struct world *w, u16 leaf)
{
	u32 calls = w->env->injector.calls[leaf];

	punch_with(w, leaf, 1, BUSY);
	assert_false(vm_view(w, 0).vm_bugged);
	assert_int_equal(w->env->injector.calls[leaf] - calls, 2);
	assert_int_equal(leaks(w, NULL), 0);
	look(w);
}

static void a_busy_block_is_tried_once_more(void **state)
{
	expect_one_retry(*state, TDH_MEM_RANGE_BLOCK);
}

static void a_busy_track_is_tried_once_more(void **state)
{
	expect_one_retry(*state, TDH_MEM_TRACK);
}

static void a_busy_remove_is_tried_once_more(void **state)
{
	expect_one_retry(*state, TDH_MEM_PAGE_REMOVE);
}

static void a_removal_before_finalize_does_not_track(void **state)
{
	struct world *w = *state;

	td_build(w, 1, 2 * MB);
	assert_int_equal(add_initial_page(w, 0), 0);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET, 4 * KB), 0);
	assert_int_equal(w->env->injector.calls[TDH_MEM_TRACK], 0);
	assert_int_equal(w->env->injector.calls[TDH_MEM_RANGE_BLOCK], 1);
	assert_int_equal(w->env->injector.calls[TDH_MEM_PAGE_REMOVE], 1);
	assert_false(vm_view(w, 0).vm_bugged);
	look(w);
}

static void a_zap_after_the_vm_is_bugged_still_asks_the_module(void **state)
{
	struct world *w = *state;
	u32 calls;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	accept_ok(w, 0, GPA + 4 * KB);
	refuse(w, TDH_PHYMEM_PAGE_WBINVD, 1, 1, ERR);
	ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET, 4 * KB);
	assert_true(vm_view(w, 0).vm_bugged);

	calls = w->env->injector.calls[TDH_MEM_PAGE_REMOVE];
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET + 4 * KB, 4 * KB), 0);
	assert_int_equal(w->env->injector.calls[TDH_MEM_PAGE_REMOVE] - calls, 1);
}

#define both_end(test, end)							\
	cmocka_unit_test_setup_teardown(test, setup, end),			\
	{ #test " (always-pin)", test, setup_pinned, end, NULL }
#define both(test)	both_end(test, teardown)
#define both_broken(test) both_end(test, teardown_zap_failed)

int main(void)
{
	const struct CMUnitTest tests[] = {
		both(a_busy_sept_add_is_tried_again_until_it_works),
		both(a_busy_aug_is_tried_again_and_pins_once),
		both(a_failed_sept_add_bugs_the_vm_and_gives_the_page_back),
		both(a_failed_aug_bugs_the_vm_and_drops_the_pin),
		both(an_endlessly_busy_aug_is_reported_as_a_hang),
		both(a_busy_page_add_is_tried_again),
		both(a_failed_page_add_bugs_the_vm),
		both(a_busy_mr_extend_bugs_the_vm_and_leaves_the_page_mapped),
		both(adding_a_mapped_gfn_again_fails_without_bugging_the_vm),
		both_broken(a_failed_block_leaves_the_page_mapped),
		both_broken(a_block_busy_twice_is_a_failure),
		both_broken(a_failed_track_makes_the_remove_fail),
		both_broken(a_busy_previous_epoch_is_not_tried_again),
		both_broken(a_failed_remove_leaves_the_page_blocked),
		both_broken(a_remove_busy_twice_is_a_failure),
		both_broken(a_failed_write_back_keeps_only_the_cache_lines),
		both(a_busy_block_is_tried_once_more),
		both(a_busy_track_is_tried_once_more),
		both(a_busy_remove_is_tried_once_more),
		both(a_removal_before_finalize_does_not_track),
		both(a_zap_after_the_vm_is_bugged_still_asks_the_module),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
