// SPDX-License-Identifier: GPL-2.0-only
/*
 * The hold policies at 4K, all of them in one table of expectations: what they
 * leave behind when nothing fails, what each step of a removal that fails comes to
 * when the page is punched out or converted, what the next user of the index sees,
 * and what is left of that without memory in the error path.
 */
#include <stdio.h>

#include "model/kvm/hold_internal.h"
#include "tests/kvm_common.h"

#define GPA	0x1000ULL
#define OFFSET	0x1000ULL
#define PAGES	3
#define ERR	(TDX_OPERAND_INVALID + OPERAND_ID_RCX)

/* After one removal that failed, REMOVE unless a test says otherwise. */
struct expected {
	const char *policy;
	int punch;		/* what punching the page out returns */
	int convert;		/* what a conversion to shared returns that heeds marks */
	int allocate;		/* fallocate() of that index, after the conversion */
	int user;		/* a user access to it after a conversion that heeds nothing */
	u32 leaks;		/* after punching it out, of PAGES pages of the file */
	u32 leaks_oom;		/* the same when no memory was left in the error path */
	u32 error_allocs;	/* tried in the error path */
	u32 warned;		/* frames the allocator saw with the bit set */
	bool host_down, tdx_off;
};

static const struct expected expectations[] = {
	{ "no-hold",              0,    0,       0,    0,       0, 0, 0, 0, false, false },
	{ "always-pin",           0,    0,       0,    0,       1, 1, 0, 0, false, false },
	{ "unmap-ret",            -EIO, -EIO,    0,    0,       1, 1, 0, 0, false, false },
	{ "ref-on-fail",          0,    0,       0,    0,       1, 1, 0, 0, false, false },
	{ "inuse-flag-folio",     0,    0,       0,    0,       0, 0, 0, 1, false, false },
	{ "inuse-flag-page",      0,    0,       0,    0,       0, 0, 0, 1, false, false },
	{ "inuse-flag-ext",       0,    0,       0,    0,       0, 0, 0, 1, false, false },
	{ "err-page-flag",        0,    -EFAULT, -EIO, -EFAULT, 1, 1, 0, 0, false, false },
	{ "err-folio-flag",       0,    -EFAULT, -EIO, -EFAULT, 1, 1, 0, 0, false, false },
	{ "err-folio-flag-split", 0,    -EFAULT, -EIO, -EFAULT, 1, 1, 0, 0, false, false },
	{ "gmem-errlist",         0,    -EFAULT, -EIO, -EFAULT, 1, 0, 1, 0, false, false },
	{ "flag-plus-list",       0,    -EFAULT, -EIO, -EFAULT, 1, 1, 0, 0, false, false },
	{ "hwpoison",             0,    -EFAULT, 0,    -EFAULT, 1, 1, 0, 0, false, false },
	{ "hwpoison-folio",       0,    -EFAULT, 0,    -EFAULT, 1, 1, 0, 0, false, false },
	{ "host-bug",             0,    0,       0,    0,       1, 1, 0, 0, true,  false },
	{ "tdx-shutdown",         0,    0,       0,    0,       0, 0, 0, 0, false, true },
	{ "gmem-bug-fd",          0,    -EIO,    -EIO, -EFAULT, PAGES, PAGES, 0, 0, false, false },
	{ "owner-flag",           0,    -EFAULT, 0,    -EFAULT, 1, 1, 0, 0, false, false },
	{ "gmem-gfn-count",       0,    0,       0,    0,       1, 1, 0, 0, false, false },
	{ "zero-on-fail",         0,    0,       0,    0,       0, 0, 0, 0, false, false },
};

/* Which call of which leaf makes a removal stop at that step. */
static const u16 leaf_of_step[HOLD_STEP_NR] = {
	[HOLD_STEP_BLOCK] = TDH_MEM_RANGE_BLOCK,
	[HOLD_STEP_TRACK] = TDH_MEM_TRACK,
	[HOLD_STEP_REMOVE] = TDH_MEM_PAGE_REMOVE,
	[HOLD_STEP_WBINVD] = TDH_PHYMEM_PAGE_WBINVD,
};

/* A TD with PAGES accepted pages of a file that can be converted and mapped. */
static struct world *td_world(const char *policy, bool checks)
{
	const struct host_config config = {
		.policy = policy, .order = "v8", .conversion_checks = checks,
	};
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };
	struct world *w = world_create_with(&config);

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 2 * MB, GUEST_MEMFD_FLAG_MMAP), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, 2 * MB,
						   0, 0), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), 0);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
	for (u32 i = 0; i < PAGES; i++)
		accept_ok(w, 0, GPA + i * PAGE_SIZE);
	return w;
}

static void world_close(struct world *w)
{
	take_findings(w, INV_FREE_FRAME_UNMAPPED);
	take_findings(w, INV_NO_DOUBLE_MAPPING);
	expect_nothing_broken(w);
	env_destroy(w->env);
	test_free(w);
}

static void world_end(struct world *w)
{
	ops(w)->teardown(w->h);
	world_close(w);
}

static struct host_hold_view hold_view(struct world *w)
{
	struct host_hold_view view;

	assert_int_equal(ops(w)->probe_hold(w->h, &view), 0);
	return view;
}

static u32 leaks(struct world *w)
{
	return ops(w)->probe_leaks(w->h, NULL, 0);
}

static int convert(struct world *w, bool to_private)
{
	u64 error_offset;

	return ops(w)->gmem_convert(w->h, 0, OFFSET, PAGE_SIZE, to_private, &error_offset);
}

static int punch(struct world *w)
{
	return ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET, PAGE_SIZE);
}

#define assert_policy(expected, condition)						\
	do {										\
		bool holds_ = (condition);						\
											\
		if (!holds_)								\
			fprintf(stderr, "%s: %s\n", (expected)->policy, #condition);	\
		assert_true(holds_);							\
	} while (0)

static void every_policy_has_its_expectations(void **state)
{
	assert_int_equal(ARRAY_SIZE(expectations), hold_policy_count);
	for (u32 i = 0; i < ARRAY_SIZE(expectations); i++)
		assert_non_null(hold_policy_find(expectations[i].policy));
}

/* -- nothing fails ------------------------------------------------------------ */

static void good_life(const struct expected *e)
{
	struct world *w = td_world(e->policy, true);
	struct host_hold_view view;

	assert_policy(e, convert(w, false) == 0);
	assert_policy(e, convert(w, true) == 0);
	accept_ok(w, 0, GPA);
	assert_policy(e, punch(w) == 0);
	look(w);
	view = hold_view(w);
	assert_policy(e, !view.errors && !view.kept && !view.refused && !view.poisoned);
	assert_policy(e, !view.error_allocs && !view.error_bytes && !view.warned);
	ops(w)->teardown(w->h);
	assert_policy(e, leaks(w) == 0);
	assert_policy(e, hold_view(w).bytes_out_of_use == 0);
	world_close(w);
}

static void a_life_without_errors_leaves_nothing_behind(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(expectations); i++)
		good_life(&expectations[i]);
}

static void what_costs_memory_without_errors_says_how_much(void **state)
{
	static const struct {
		const char *policy;
		u64 boot, inode;
	} cost[] = {
		{ "no-hold", 0, 0 },
		{ "inuse-flag-page", 0, 0 },
		/* One word for each page of RAM. */
		{ "inuse-flag-ext", 8, 0 },
		/* One count for each of 512 indices. */
		{ "gmem-gfn-count", 0, 4 * 512 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(cost); i++) {
		struct world *w = td_world(cost[i].policy, true);

		assert_int_equal(hold_view(w).boot_bytes, cost[i].boot * w->hw->frame_count);
		assert_int_equal(hold_view(w).inode_bytes, cost[i].inode);
		world_end(w);
	}
}

static void the_policy_of_7_3_4_has_no_hook_to_call(void **state)
{
	struct world *w = td_world("no-hold", true);
	struct host_hold_view view;

	convert(w, false);
	punch(w);
	view = hold_view(w);
	assert_int_equal(view.good_calls, 0);
	assert_int_equal(view.good_steps, 0);
	world_end(w);
}

/* -- one removal fails ----------------------------------------------------------- */

static void punch_after(const struct expected *e, enum hold_step step)
{
	struct world *w = td_world(e->policy, true);
	kvm_pfn_t pfn = folio_view(w, 0, OFFSET).pfn;
	struct host_hold_view view;

	refuse(w, leaf_of_step[step], 1, 1, ERR);
	assert_policy(e, punch(w) == e->punch);
	view = hold_view(w);
	assert_policy(e, view.errors == 1 && view.error_steps == 1u << step);
	assert_policy(e, view.error_locks & BIT_ULL(LOCK_MMU_LOCK));
	assert_policy(e, leaks(w) == e->leaks);
	assert_policy(e, view.bytes_out_of_use == e->leaks * PAGE_SIZE);
	assert_policy(e, ops(w)->frame_free(w->h, pfn) == !e->leaks);
	assert_policy(e, view.warned == e->warned);
	assert_policy(e, view.error_allocs == e->error_allocs);
	assert_policy(e, view.error_allocs_atomic == e->error_allocs);
	assert_policy(e, view.host_down == e->host_down && view.tdx_off == e->tdx_off);
	assert_policy(e, vm_view(w, 0).vm_bugged);
	/* Free while the S-EPT has it, unless the module cannot use it any more. */
	assert_policy(e, !take_findings(w, INV_FREE_FRAME_UNMAPPED) ==
		      (e->leaks || e->tdx_off || step == HOLD_STEP_WBINVD));
	world_end(w);
}

static void a_hole_keeps_what_the_policy_says_whichever_step_failed(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(expectations); i++)
		for (enum hold_step step = 0; step < HOLD_STEP_NR; step++)
			punch_after(&expectations[i], step);
}

static void convert_after(const struct expected *e, enum hold_step step)
{
	struct world *w = td_world(e->policy, true);

	refuse(w, leaf_of_step[step], 1, 1, ERR);
	assert_policy(e, convert(w, false) == e->convert);
	assert_policy(e, hold_view(w).refused == !!e->convert);
	assert_policy(e, folio_view(w, 0, OFFSET).present);
	assert_policy(e, ops(w)->fallocate(w->h, 0, KEEP_SIZE, OFFSET, PAGE_SIZE) == e->allocate);
	/* No mirror entry is left: the second try depends on marks alone. */
	if (strcmp(e->policy, "unmap-ret"))
		assert_policy(e, convert(w, false) == e->convert);
	world_end(w);
}

static void a_conversion_fails_where_the_policy_marks_the_page(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(expectations); i++)
		for (enum hold_step step = 0; step < HOLD_STEP_NR; step++)
			convert_after(&expectations[i], step);
}

static void access_after(const struct expected *e)
{
	struct world *w = td_world(e->policy, false);
	u64 token = 0x1234;

	assert_int_equal(ops(w)->gmem_mmap(w->h, 0, 0, 2 * MB, true), 0);
	refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
	assert_policy(e, convert(w, false) == 0);
	assert_policy(e, ops(w)->gmem_user_access(w->h, 0, OFFSET, false, &token) == e->user);
	ops(w)->check(w->h);
	assert_policy(e, !take_findings(w, INV_NO_DOUBLE_MAPPING) == (e->user || e->tdx_off));
	/* The machine check: what the user reads has the TD's KeyID. */
	assert_policy(e, !take_findings(w, INV_HOST_NEVER_CONSUMES_TD) == !!e->user);
	world_end(w);
}

static void a_conversion_that_heeds_no_marks_shows_the_page_to_users_unless_they_do(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(expectations); i++)
		if (!expectations[i].host_down)
			access_after(&expectations[i]);
}

static void the_end_of_the_process_keeps_what_a_hole_keeps(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(expectations); i++) {
		const struct expected *e = &expectations[i];
		struct world *w = td_world(e->policy, true);

		refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
		ops(w)->gmem_close(w->h, 0);
		ops(w)->vm_close(w->h, 0);
		ops(w)->vcpu_close(w->h, 0, 0);
		/* The TD still owns a page, so that its root cannot be taken back, either. */
		assert_policy(e, leaks(w) >= e->leaks);
		assert_policy(e, hold_view(w).error_bytes == 0);
		world_end(w);
	}
}

static void without_memory_in_the_error_path_only_the_list_forgets(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(expectations); i++) {
		const struct expected *e = &expectations[i];
		struct world *w = td_world(e->policy, true);
		struct host_hold_view view;

		refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
		w->env->injector.oom_after_fault = true;
		punch(w);
		view = hold_view(w);
		assert_policy(e, leaks(w) == e->leaks_oom);
		assert_policy(e, view.error_allocs_failed == e->error_allocs);
		assert_policy(e, view.forgotten == (e->leaks != e->leaks_oom));
		take_findings(w, INV_FREE_FRAME_UNMAPPED);
		world_end(w);
	}
}

/* -- what only one of them does ----------------------------------------------------- */

static void unmapping_returns_the_first_of_two_failures_only(void **state)
{
	struct world *w = td_world("unmap-ret", true);

	refuse(w, TDH_MEM_PAGE_REMOVE, 1, 2, ERR);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET, 2 * PAGE_SIZE), -EIO);
	assert_int_equal(leaks(w), 1);
	/* Nothing is known of the second one, so nothing keeps it. */
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, OFFSET, 2 * PAGE_SIZE), 0);
	assert_int_equal(leaks(w), 1);
	assert_true(take_findings(w, INV_FREE_FRAME_UNMAPPED) > 0);
	world_end(w);
}

static void the_list_forgets_a_page_that_memory_failure_took_over(void **state)
{
	struct world *w = td_world("gmem-errlist", true);

	refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
	assert_int_equal(convert(w, false), -EFAULT);
	assert_true(hold_view(w).error_bytes > 0);
	ops(w)->memory_failure(w->h, 0, OFFSET, 0);
	assert_int_equal(hold_view(w).error_bytes, 0);
	/* 7.3.4's own: the folio lock is held while invalidate_lock is taken. */
	take_findings(w, INV_LOCK_RULES);
	world_end(w);
}

static void after_a_shutdown_no_seamcall_is_made_and_no_new_td_comes_up(void **state)
{
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };
	struct world *w = td_world("tdx-shutdown", true);
	u32 calls;

	refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
	assert_int_equal(punch(w), 0);
	calls = w->env->injector.seamcall_count;
	assert_int_equal(ops(w)->vm_create(w->h, 1, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 1, &params), -EIO);
	/* Zaps and the end of a TD report success all the same. */
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 2 * MB), 0);
	ops(w)->teardown(w->h);
	assert_int_equal(w->env->injector.seamcall_count, calls);
	assert_int_equal(leaks(w), 0);
	world_close(w);
}

static void a_shutdown_ends_the_tds_that_did_nothing_wrong(void **state)
{
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };
	struct world *w = td_world("tdx-shutdown", true);

	assert_int_equal(ops(w)->vm_create(w->h, 1, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 1, &params), 0);
	refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
	punch(w);
	assert_true(vm_view(w, 1).vm_dead);
	world_end(w);
}

static void counts_of_an_inode_need_memory_when_it_is_made(void **state)
{
	const struct host_config config = { .policy = "gmem-gfn-count" };
	struct world *w = world_create_with(&config);

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	w->env->injector.oom = true;
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 2 * MB, 0), -ENOMEM);
	w->env->injector.oom = false;
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 2 * MB, 0), 0);
	world_end(w);
}

/* -- huge folios ------------------------------------------------------------------ */

/* A TD with one folio of 2M, of which two pages are mapped and accepted: 0 and 1. */
static struct world *huge_world(const char *policy, const char *order)
{
	const struct host_config config = {
		.policy = policy, .order = order, .conversion_checks = true,
		.gmem_page = PG_LEVEL_2M, .hugetlb_2m = 4,
	};
	struct world *w = world_create_with(&config);

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &(struct host_td_params){ BIT_ULL(28), 48, 0 }), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 2 * MB, GUEST_MEMFD_FLAG_HUGETLB |
					     GUESTMEM_HUGETLB_FLAG_2MB), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, 2 * MB,
						   0, 0), 0);
	if (!strcmp(order, "vm-attr"))
		assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 2 * MB, PRIVATE), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), 0);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
	accept_ok(w, 0, 0);
	accept_ok(w, 0, GPA);
	assert_int_equal(folio_view(w, 0, 0).order, 9);
	return w;
}

static bool page_in_use(struct world *w, kvm_pfn_t pfn)
{
	return pfn_to_page(w->env, pfn)->flags & BIT_ULL(PG_model_hold);
}

static void one_removal_clears_the_in_use_flag_of_the_whole_folio(void **state)
{
	struct world *w = huge_world("inuse-flag-folio", "vm-attr");
	kvm_pfn_t head = folio_view(w, 0, 0).pfn;

	assert_true(page_in_use(w, head));
	assert_int_equal(ops(w)->set_attributes(w->h, 0, GPA, PAGE_SIZE, 0), 0);
	/* Page 0 is still mapped. */
	assert_true(tdx_frame_in_sept(w->tdx, pfn_to_hpa(head)));
	assert_false(page_in_use(w, head));
	world_end(w);
}

static void a_split_says_of_a_removed_page_that_it_is_in_use(void **state)
{
	struct world *w = huge_world("inuse-flag-page", "rfc51");
	kvm_pfn_t head = folio_view(w, 0, 0).pfn;

	assert_int_equal(convert(w, false), 0);
	assert_int_equal(folio_view(w, 0, OFFSET).order, 0);
	assert_false(tdx_frame_in_sept(w->tdx, pfn_to_hpa(head + 1)));
	/* Neither is the third, which never was. */
	assert_true(page_in_use(w, head + 1));
	assert_true(page_in_use(w, head + 2));
	/* The allocator would say so of each of them. */
	world_end(w);
}

static void page_ext_is_not_touched_by_a_split(void **state)
{
	struct world *w = huge_world("inuse-flag-ext", "rfc51");
	kvm_pfn_t head = folio_view(w, 0, 0).pfn;
	struct sparse *ext = &kvm_globals_of(w->h)->hold->page_ext;

	assert_int_equal(convert(w, false), 0);
	assert_int_equal(*(u8 *)sparse_get(ext, head), 1);
	assert_int_equal(*(u8 *)sparse_get(ext, head + 1), 0);
	world_end(w);
}

/* What fallocate() says of the page that failed and of the one behind it. */
static const struct {
	const char *policy;
	int failed, next;		/* with memory in the error path */
	int failed_oom, next_oom;	/* without */
	u64 degraded_oom;
} precision[] = {
	{ "err-page-flag",        -EIO, 0,    -EIO, 0,    0 },
	{ "err-folio-flag",       -EIO, -EIO, -EIO, -EIO, 0 },
	{ "err-folio-flag-split", -EIO, 0,    -EIO, -EIO, 1 },
	{ "gmem-errlist",         -EIO, 0,    0,    0,    0 },
	{ "flag-plus-list",       -EIO, 0,    -EIO, -EIO, 1 },
	{ "gmem-bug-fd",          -EIO, -EIO, -EIO, -EIO, 0 },
};

static int allocate(struct world *w, u64 offset)
{
	return ops(w)->fallocate(w->h, 0, KEEP_SIZE, offset, PAGE_SIZE);
}

static void how_exact_a_mark_is_depends_on_memory_in_the_error_path(void **state)
{
	for (u32 i = 0; i < 2 * ARRAY_SIZE(precision); i++) {
		bool oom = i & 1;
		struct world *w = huge_world(precision[i / 2].policy, "precheck");

		w->env->injector.oom_after_fault = oom;
		refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
		convert(w, false);
		w->env->injector.oom = false;
		w->env->injector.oom_after_fault = false;
		assert_policy(&precision[i / 2], allocate(w, OFFSET) ==
			      (oom ? precision[i / 2].failed_oom : precision[i / 2].failed));
		assert_policy(&precision[i / 2], allocate(w, OFFSET + PAGE_SIZE) ==
			      (oom ? precision[i / 2].next_oom : precision[i / 2].next));
		assert_policy(&precision[i / 2], hold_view(w).degraded ==
			      (oom ? precision[i / 2].degraded_oom : 0));
		world_end(w);
	}
}

static void marks_go_to_the_pieces_and_come_back_with_a_merge(void **state)
{
	static const char *const policies[] = { "err-page-flag", "err-folio-flag", "flag-plus-list" };

	for (u32 i = 0; i < ARRAY_SIZE(policies); i++) {
		struct world *w = huge_world(policies[i], "split-first-2026");
		bool whole = !strcmp(policies[i], "err-folio-flag");

		refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
		assert_int_equal(convert(w, false), -EFAULT);
		/* The folio was split before the zap: each policy knows the page. */
		assert_int_equal(folio_view(w, 0, OFFSET).order, 0);
		assert_int_equal(allocate(w, OFFSET), -EIO);
		assert_int_equal(allocate(w, OFFSET + PAGE_SIZE), 0);
		/* A page that can be converted, there and back: the last merges all. */
		assert_int_equal(ops(w)->gmem_convert(w->h, 0, 0, PAGE_SIZE, false, &(u64){ 0 }), 0);
		assert_int_equal(ops(w)->gmem_convert(w->h, 0, 0, PAGE_SIZE, true, &(u64){ 0 }), 0);
		assert_int_equal(folio_view(w, 0, OFFSET).order, 9);
		assert_int_equal(allocate(w, OFFSET), -EIO);
		assert_int_equal(allocate(w, OFFSET + PAGE_SIZE), whole ? -EIO : 0);
		world_end(w);
	}
}

static void a_folio_poisoned_as_a_whole_stays_so_in_pieces(void **state)
{
	struct world *w = huge_world("hwpoison-folio", "rfc51");

	/* That order looks at no marks and splits what it has just poisoned. */
	refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
	assert_int_equal(convert(w, false), 0);
	assert_int_equal(folio_view(w, 0, OFFSET).order, 0);
	assert_true(folio_view(w, 0, OFFSET).hwpoison);
	assert_true(folio_view(w, 0, OFFSET + 5 * PAGE_SIZE).hwpoison);
	ops(w)->gmem_close(w->h, 0);
	assert_true(hold_view(w).bytes_out_of_use >= 2 * MB);
	world_end(w);
}

/* As the order above, which has no place where the owner's flag becomes poison. */
static void an_owners_flag_nobody_looked_at_survives_split_and_merge(void **state)
{
	struct world *w = huge_world("owner-flag", "rfc51");

	refuse(w, TDH_MEM_PAGE_REMOVE, 1, 1, ERR);
	assert_int_equal(convert(w, false), 0);
	assert_int_equal(allocate(w, OFFSET), -EIO);
	assert_int_equal(convert(w, true), 0);
	assert_int_equal(folio_view(w, 0, OFFSET).order, 9);
	assert_int_equal(allocate(w, OFFSET), -EIO);
	ops(w)->gmem_close(w->h, 0);
	assert_true(hold_view(w).bytes_out_of_use >= 2 * MB);
	world_end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_has_its_expectations),
		cmocka_unit_test(a_life_without_errors_leaves_nothing_behind),
		cmocka_unit_test(what_costs_memory_without_errors_says_how_much),
		cmocka_unit_test(the_policy_of_7_3_4_has_no_hook_to_call),
		cmocka_unit_test(a_hole_keeps_what_the_policy_says_whichever_step_failed),
		cmocka_unit_test(a_conversion_fails_where_the_policy_marks_the_page),
		cmocka_unit_test(a_conversion_that_heeds_no_marks_shows_the_page_to_users_unless_they_do),
		cmocka_unit_test(the_end_of_the_process_keeps_what_a_hole_keeps),
		cmocka_unit_test(without_memory_in_the_error_path_only_the_list_forgets),
		cmocka_unit_test(unmapping_returns_the_first_of_two_failures_only),
		cmocka_unit_test(the_list_forgets_a_page_that_memory_failure_took_over),
		cmocka_unit_test(after_a_shutdown_no_seamcall_is_made_and_no_new_td_comes_up),
		cmocka_unit_test(a_shutdown_ends_the_tds_that_did_nothing_wrong),
		cmocka_unit_test(counts_of_an_inode_need_memory_when_it_is_made),
		cmocka_unit_test(one_removal_clears_the_in_use_flag_of_the_whole_folio),
		cmocka_unit_test(a_split_says_of_a_removed_page_that_it_is_in_use),
		cmocka_unit_test(page_ext_is_not_touched_by_a_split),
		cmocka_unit_test(how_exact_a_mark_is_depends_on_memory_in_the_error_path),
		cmocka_unit_test(marks_go_to_the_pieces_and_come_back_with_a_merge),
		cmocka_unit_test(a_folio_poisoned_as_a_whole_stays_so_in_pieces),
		cmocka_unit_test(an_owners_flag_nobody_looked_at_survives_split_and_merge),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
