// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd of hugetlb pages: reservation, splitting and merging by each order of
 * a conversion with each of its allocations failing, holes, and who is in the way.
 */
#include "model/kvm/guest_memfd.h"
#include "tests/kvm_common.h"

#define HUGE_2M		(GUEST_MEMFD_FLAG_HUGETLB | GUESTMEM_HUGETLB_FLAG_2MB)
#define PAGES		512
#define POOL		4

static const char *const orders[] = {
	"rfc51", "precheck", "split-first-2026", "sept-first-2026", "block-abort",
};

static struct world *huge_world(const char *order)
{
	const struct host_config config = {
		.policy = "no-hold", .order = order, .gmem_page = PG_LEVEL_2M, .hugetlb_2m = POOL,
		.hvo = true, .conversion_checks = true, .split_1g = PG_LEVEL_4K,
	};

	return world_create_with(&config);
}

static int huge_setup(void **state)
{
	*state = huge_world("rfc51");
	return 0;
}

/* A TD with @pages huge pages of private memory at gpa 0, all there. */
static void huge_td(struct world *w, u32 pages)
{
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };
	u64 size = pages * 2 * MB;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, size, HUGE_2M), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, size, 0, 0), 0);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
	assert_int_equal(ops(w)->fallocate(w->h, 0, KEEP_SIZE, 0, size), 0);
}

static struct host_folio_view folio_at(struct world *w, u64 offset)
{
	struct host_folio_view view;

	assert_int_equal(ops(w)->probe_folio(w->h, 0, offset, &view), 0);
	return view;
}

static struct host_hugetlb_view pool(struct world *w)
{
	struct host_hugetlb_view view;

	assert_int_equal(ops(w)->probe_hugetlb(w->h, PG_LEVEL_2M, &view), 0);
	return view;
}

static int convert(struct world *w, u64 offset, u64 len, bool to_private)
{
	u64 error_offset;

	return ops(w)->gmem_convert(w->h, 0, offset, len, to_private, &error_offset);
}

/* The nth allocation from here on fails. */
static void fail_alloc(struct world *w, u32 nth)
{
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
	w->env->injector.alloc_fired = 0;
}

/* -- the pool ------------------------------------------------------------------ */

static void a_file_that_cannot_be_made_reserves_nothing(void **state)
{
	struct world *w = *state;
	u32 nth;
	int err;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	for (nth = 1; ; nth++) {
		fail_alloc(w, nth);
		err = ops(w)->gmem_create(w->h, 0, 0, 2 * 2 * MB, HUGE_2M);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_int_equal(pool(w).reserved, 0);
	}
	assert_int_equal(nth, 5);	/* gmem_file, inode, subpool, file */
	assert_int_equal(pool(w).reserved, 2);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, 3 * 2 * MB, HUGE_2M), -ENOMEM);
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);
	assert_int_equal(pool(w).reserved, 0);
}

static void pages_in_pieces_are_whole_in_their_pool_when_the_file_is_gone(void **state)
{
	struct world *w = *state;

	huge_td(w, 3);
	assert_int_equal(pool(w).free, POOL - 3);
	assert_int_equal(convert(w, 4096, 2 * MB, false), 0);
	assert_int_equal(folio_at(w, 0).order, 0);
	assert_int_equal(folio_at(w, 2 * MB).order, 0);
	assert_int_equal(folio_at(w, 4 * MB).order, 9);
	assert_int_equal(pool(w).vmemmap_saved, (POOL - 2) * 7);
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);
	assert_int_equal(pool(w).free, POOL);
	assert_int_equal(pool(w).reserved, 0);
	assert_int_equal(pool(w).vmemmap_saved, POOL * 7);
}

/* -- conversion ---------------------------------------------------------------- */

static void whole_and_private(struct world *w, kvm_pfn_t pfn)
{
	struct host_folio_view view = folio_at(w, 4096);

	assert_true(view.present);
	assert_int_equal(view.order, 9);
	assert_int_equal(view.refcount, PAGES);
	assert_int_equal(view.pfn, pfn);
	assert_int_equal(pool(w).vmemmap_saved, POOL * 7);
}

static void a_split_that_finds_no_memory_leaves_the_folio_whole_in_every_order(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(orders); i++) {
		struct world *w = huge_world(orders[i]);
		kvm_pfn_t pfn;
		u32 nth;
		int err;

		huge_td(w, 1);
		pfn = folio_at(w, 0).pfn;
		for (nth = 1; ; nth++) {
			fail_alloc(w, nth);
			err = convert(w, 8192, 4096, false);
			if (!w->env->injector.alloc_fired)
				break;
			assert_int_equal(err, -ENOMEM);
			whole_and_private(w, pfn);
			look(w);
		}
		assert_int_equal(err, 0);
		/* Attributes, vmemmap, stash and its place, and eight nodes at the least. */
		assert_true(nth > 10);
		assert_int_equal(folio_at(w, 8192).order, 0);
		assert_int_equal(folio_at(w, 8192).pfn, pfn + 2);
		teardown((void **)&w);
	}
}

static void a_merge_cannot_fail_for_memory_in_any_order(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(orders); i++) {
		struct world *w = huge_world(orders[i]);
		kvm_pfn_t pfn;
		u32 nth;
		int err;

		huge_td(w, 1);
		pfn = folio_at(w, 0).pfn;
		for (nth = 1; ; nth++) {
			assert_int_equal(convert(w, 8192, 4096, false), 0);
			fail_alloc(w, nth);
			err = convert(w, 8192, 4096, true);
			if (!w->env->injector.alloc_fired)
				break;
			/* Only what comes before the merge; without HVO's page it goes without. */
			if (err)
				assert_int_equal(convert(w, 8192, 4096, true), 0);
			assert_int_equal(folio_at(w, 0).order, 9);
			look(w);
		}
		assert_int_equal(err, 0);
		assert_int_equal(folio_at(w, 0).pfn, pfn);
		teardown((void **)&w);
	}
}

/* Two folios, and memory for the second is not there. */
static void half_a_range_is_merged_again_by_the_rfc_and_left_split_by_the_plan(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(orders); i++) {
		bool rfc = i < 2;
		struct world *w = huge_world(orders[i]);
		u32 nth, halves = 0;
		int err;

		huge_td(w, 2);
		for (nth = 1; ; nth++) {
			fail_alloc(w, nth);
			err = convert(w, 2 * MB - 4096, 8192, false);
			if (!w->env->injector.alloc_fired)
				break;
			assert_int_equal(err, -ENOMEM);
			assert_int_equal(folio_at(w, 2 * MB).order, 9);
			halves += folio_at(w, 0).order == 0;
			look(w);
		}
		assert_int_equal(err, 0);
		assert_int_equal(folio_at(w, 0).order, 0);
		assert_int_equal(folio_at(w, 2 * MB).order, 0);
		assert_int_equal(halves > 0, !rfc);
		assert_int_equal(w->kmsg_seen[KMSG_WARN], 0);
		teardown((void **)&w);
	}
}

static void contents_survive_a_split_and_a_merge(void **state)
{
	struct world *w = *state;
	const struct hw_frame *frame;
	kvm_pfn_t pfn;
	u64 status;

	huge_td(w, 1);
	assert_int_equal(guest_accept(w, 0, 0x5000, &status), 0);
	assert_int_equal(status, 0);
	assert_int_equal(guest_touch(w, 0, 0x5000, NULL), 0);
	pfn = folio_at(w, 0).pfn;
	assert_true(folio_at(w, 0).uptodate);
	assert_int_equal(convert(w, 8192, 4096, false), 0);
	assert_true(folio_at(w, 0x5000).uptodate);
	assert_int_equal(convert(w, 8192, 4096, true), 0);
	assert_true(folio_at(w, 0).uptodate);
	frame = hw_frame_peek(w->hw, pfn + 5);
	assert_int_equal(frame->token, 0x77);
	assert_int_equal(guest_touch(w, 0, 0x5000, NULL), 0);
	look(w);
}

static void a_new_page_of_which_some_is_shared_is_born_in_pieces_or_not_at_all(void **state)
{
	struct world *w = *state;
	u32 nth;
	int err;

	huge_td(w, 1);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 2 * MB), 0);
	assert_int_equal(convert(w, 8192, 4096, false), 0);
	for (nth = 1; ; nth++) {
		fail_alloc(w, nth);
		err = ops(w)->fallocate(w->h, 0, KEEP_SIZE, 4096, 4096);
		if (!err)
			break;
		assert_int_equal(err, -ENOMEM);
		assert_false(folio_at(w, 4096).present);
		assert_int_equal(pool(w).free, POOL);
		assert_int_equal(pool(w).reserved, 1);
		look(w);
	}
	assert_true(nth > 8);
	assert_int_equal(folio_at(w, 0).order, 0);
	assert_int_equal(folio_at(w, 0).refcount, 1);
}

static void the_order_of_a_folio_limits_the_mapping(void **state)
{
	struct world *w = *state;
	struct kvm_memory_slot *slot;
	struct page *page;
	kvm_pfn_t pfn;
	int order;

	huge_td(w, 1);
	slot = gfn_to_memslot(host_open_vm(w->h, 0), 0);
	assert_int_equal(kvm_gmem_get_pfn(host_open_vm(w->h, 0), slot, 7, &pfn, &page, &order), 0);
	assert_int_equal(order, 9);
	assert_int_equal(pfn, folio_at(w, 0).pfn + 7);
	put_page(page);
	assert_int_equal(convert(w, 8192, 4096, false), 0);
	assert_int_equal(kvm_gmem_get_pfn(host_open_vm(w->h, 0), slot, 7, &pfn, &page, &order), 0);
	assert_int_equal(order, 0);
	assert_int_equal(pfn, folio_at(w, 0x7000).pfn);
	put_page(page);
}

/* -- who is in the way --------------------------------------------------------- */

static void who_holds_one_page_of_a_folio_is_known_by_page(void **state)
{
	struct world *w = *state;
	struct host_holder_view view[8];
	kvm_pfn_t pfn;
	int n, i, seen = 0;

	huge_td(w, 1);
	pfn = folio_at(w, 0).pfn;
	assert_int_equal(ops(w)->gup(w->h, 0, 0x5000, 2, false), 0);
	assert_int_equal(ops(w)->gup(w->h, 0, 0x9000, 1, true), 0);
	assert_int_equal(ops(w)->gup(w->h, 0, 0, 1, false), 0);
	assert_int_equal(folio_at(w, 0).refcount, PAGES + 4);
	n = ops(w)->probe_holders(w->h, pfn, view, ARRAY_SIZE(view));
	assert_int_equal(n, 4);
	for (i = 0; i < n; i++) {
		if (view[i].pfn == pfn + 5)
			seen += view[i].count == 2 && !strcmp(view[i].kind, "gup");
		else if (view[i].pfn == pfn + 9)
			seen += view[i].count == 1 && !strcmp(view[i].kind, "gup-pin");
		else
			seen += view[i].count == (strcmp(view[i].kind, "gup") ? PAGES : 1);
	}
	assert_int_equal(seen, 4);
	look(w);
	assert_int_equal(ops(w)->gup(w->h, 0, 0x5000, -2, false), 0);
	assert_int_equal(ops(w)->gup(w->h, 0, 0x9000, -1, true), 0);
	assert_int_equal(ops(w)->gup(w->h, 0, 0, -1, false), 0);
	assert_int_equal(ops(w)->probe_holders(w->h, pfn, view, ARRAY_SIZE(view)), 1);
	assert_int_equal(convert(w, 8192, 4096, false), 0);
}

static void a_wait_for_a_reference_that_stays_is_a_hang(void **state)
{
	struct world *w = *state;

	huge_td(w, 1);
	assert_int_equal(ops(w)->gup(w->h, 0, 0x5000, 1, false), 0);
	assert_int_equal(convert(w, 8192, 4096, false), -EAGAIN);
	assert_true(w->env->sched.hang);
	assert_int_equal(take_findings(w, INV_OPERATION_ENDS), 1);
	assert_non_null(strstr(w->last_kmsg, "does not know"));
	assert_int_equal(w->kmsg_seen[KMSG_WARN], 1);
	w->env->sched.hang = false;
	assert_int_equal(ops(w)->gup(w->h, 0, 0x5000, -1, false), 0);
	assert_int_equal(convert(w, 8192, 4096, false), 0);
}

/* -- holes --------------------------------------------------------------------- */

static void a_hole_takes_all_its_huge_pages_or_none(void **state)
{
	struct world *w = *state;

	huge_td(w, 3);
	assert_int_equal(convert(w, 2 * MB, 4096, false), 0);
	assert_int_equal(convert(w, 4 * MB, 4096, false), 0);
	assert_int_equal(ops(w)->gup(w->h, 0, 4 * MB + 0x3000, 1, false), 0);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 6 * MB), -EAGAIN);
	assert_int_equal(folio_at(w, 0).order, 9);
	assert_int_equal(folio_at(w, 2 * MB).order, 0);
	assert_int_equal(folio_at(w, 4 * MB + 0x3000).refcount, 2);
	/* The part of a huge page that is in the hole is no reason to refuse it. */
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 4 * MB + 0x4000), 0);
	assert_false(folio_at(w, 2 * MB).present);
	assert_true(folio_at(w, 4 * MB).present);
	assert_int_equal(pool(w).free, POOL - 1);
	assert_int_equal(pool(w).reserved, 2);
	assert_int_equal(ops(w)->gup(w->h, 0, 4 * MB + 0x3000, -1, false), 0);
}

static void the_plan_of_2026_has_no_holes_in_huge_pages(void **state)
{
	for (u32 i = 2; i < ARRAY_SIZE(orders); i++) {
		struct world *w = huge_world(orders[i]);

		huge_td(w, 2);
		assert_int_equal(convert(w, 8192, 4096, false), 0);
		assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 8192, 4096), -EINVAL);
		assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 3 * MB), -EINVAL);
		assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 4 * MB), 0);
		assert_int_equal(pool(w).free, POOL);
		teardown((void **)&w);
	}
}

#define huge_test(test) cmocka_unit_test_setup_teardown(test, huge_setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		huge_test(a_file_that_cannot_be_made_reserves_nothing),
		huge_test(pages_in_pieces_are_whole_in_their_pool_when_the_file_is_gone),
		cmocka_unit_test(a_split_that_finds_no_memory_leaves_the_folio_whole_in_every_order),
		cmocka_unit_test(a_merge_cannot_fail_for_memory_in_any_order),
		cmocka_unit_test(half_a_range_is_merged_again_by_the_rfc_and_left_split_by_the_plan),
		huge_test(contents_survive_a_split_and_a_merge),
		huge_test(a_new_page_of_which_some_is_shared_is_born_in_pieces_or_not_at_all),
		huge_test(the_order_of_a_folio_limits_the_mapping),
		huge_test(who_holds_one_page_of_a_folio_is_known_by_page),
		huge_test(a_wait_for_a_reference_that_stays_is_a_hang),
		huge_test(a_hole_takes_all_its_huge_pages_or_none),
		cmocka_unit_test(the_plan_of_2026_has_no_holes_in_huge_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
