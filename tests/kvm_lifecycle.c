// SPDX-License-Identifier: GPL-2.0-only
/*
 * A TD from creation to destruction through the host table: initial memory,
 * faults, accepts, conversion, punch hole, close, destroy.
 */
#include <stdio.h>

#include "tests/kvm_common.h"

static void a_vm_alone_comes_and_goes(void **state)
{
	struct world *w = *state;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_true(vm_view(w, 0).exists);
	assert_int_equal(vm_view(w, 0).hkid, 0);
	assert_int_equal(ops(w)->vm_close(w->h, 0), 0);
	assert_false(vm_view(w, 0).exists);
	assert_int_equal(ops(w)->vm_close(w->h, 0), -EBADF);
}

static void a_td_takes_a_keyid_and_gives_it_back(void **state)
{
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };
	struct world *w = *state;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	assert_true(vm_view(w, 0).hkid > 0);
	assert_int_equal(vm_view(w, 0).state, TD_STATE_INITIALIZED);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), -EINVAL);
	assert_int_equal(ops(w)->vm_close(w->h, 0), 0);
}

static void the_initial_image_is_mapped_and_measured(void **state)
{
	gpa_t gpa = 0x2000;
	struct world *w = *state;
	u64 pages = 3;

	td_build(w, 1, 2 * MB);
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages,
						 KVM_TDX_MEASURE_MEMORY_REGION, 0xabc), 0);
	assert_int_equal(gpa, 0x5000);
	assert_int_equal(pages, 0);
	assert_int_equal(sept_view(w, 0x4000).state, SEPT_MAPPED);
	assert_int_equal(sept_view(w, 0x5000).state, SEPT_FREE);
	assert_true(folio_view(w, 0, 0x2000).uptodate);
	assert_int_equal(w->env->injector.calls[TDH_MR_EXTEND], 3 * 16);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);

	struct guest_op op = { .kind = GUEST_READ, .gpa = 0x3000 };

	assert_int_equal(run(w, 0, &op, NULL), 0);
	assert_int_equal(op.value, 0xabc);
	look(w);
}

static void a_new_page_is_faulted_in_and_accepted(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_MAPPED);
	assert_int_equal(guest_touch(w, 0, 0x1000, NULL), 0);
	look(w);
	lru_add_drain_all(w->env);
	assert_int_equal(folio_view(w, 0, 0x1000).refcount, 1);
}

static void a_conversion_unmaps_and_a_hole_frees(void **state)
{
	struct world *w = *state;
	kvm_pfn_t pfn;

	td_up(w, 2, 2 * MB);
	accept_ok(w, 0, 0x1000);
	accept_ok(w, 1, 0x2000);
	pfn = folio_view(w, 0, 0x1000).pfn;

	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0x1000, 0x1000, 0), 0);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_FREE);
	assert_int_equal(sept_view(w, 0x2000).state, SEPT_MAPPED);
	assert_true(folio_view(w, 0, 0x1000).present);

	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0x1000, 0x1000), 0);
	assert_false(folio_view(w, 0, 0x1000).present);
	lru_add_drain_all(w->env);
	assert_true(ops(w)->frame_free(w->h, pfn));
	look(w);

	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0x1000, 0x1000, PRIVATE), 0);
	accept_ok(w, 0, 0x1000);
	look(w);
}

static void descriptors_may_be_closed_in_any_order(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0);
	assert_int_equal(ops(w)->vm_close(w->h, 0), 0);
	assert_true(vm_view(w, 0).exists);
	assert_int_equal(ops(w)->vcpu_close(w->h, 0, 0), 0);
	assert_true(vm_view(w, 0).hkid > 0);
	/* The file is the last: the VM goes inside its release. */
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);
	assert_false(vm_view(w, 0).exists);
}

static void the_number_of_keyids_bounds_the_tds(void **state)
{
	const struct host_td_params params = { .gpaw = 48 };
	struct world *w = *state;

	for (u32 round = 0; round < 40; round++) {
		assert_int_equal(ops(w)->vm_create(w->h, round % HOST_OBJ_MAX, KVM_X86_TDX_VM), 0);
		assert_int_equal(ops(w)->td_init(w->h, round % HOST_OBJ_MAX, &params), 0);
		assert_int_equal(ops(w)->vm_close(w->h, round % HOST_OBJ_MAX), 0);
	}
}

static void a_failed_removal_bugs_the_vm_and_frees_the_frame(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	refuse(w, TDH_MEM_PAGE_REMOVE, 1, INJECT_ALL_CALLS, 0xC000010000000000ULL);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0x1000, 0x1000), 0);
	assert_true(vm_view(w, 0).vm_bugged);
	lru_add_drain_all(w->env);
	assert_true(take_findings(w, INV_FREE_FRAME_UNMAPPED) >= 1);
	assert_int_equal(guest_touch(w, 0, 0x2000, NULL), -EIO);
}

static void a_pinned_page_is_leaked_instead(void **state)
{
	struct host_leak_view leak[4];
	struct world *w = *state;
	kvm_pfn_t pfn;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	pfn = folio_view(w, 0, 0x1000).pfn;
	refuse(w, TDH_MEM_PAGE_REMOVE, 1, INJECT_ALL_CALLS, 0xC000010000000000ULL);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0x1000, 0x1000), 0);
	lru_add_drain_all(w->env);
	assert_false(ops(w)->frame_free(w->h, pfn));
	assert_int_equal(ops(w)->probe_leaks(w->h, leak, 4), 1);
	assert_int_equal(leak[0].pfn, pfn);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_vm_alone_comes_and_goes, setup, teardown),
		cmocka_unit_test_setup_teardown(a_td_takes_a_keyid_and_gives_it_back, setup, teardown),
		cmocka_unit_test_setup_teardown(the_initial_image_is_mapped_and_measured, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_page_is_faulted_in_and_accepted, setup, teardown),
		cmocka_unit_test_setup_teardown(a_conversion_unmaps_and_a_hole_frees, setup, teardown),
		cmocka_unit_test_setup_teardown(descriptors_may_be_closed_in_any_order, setup, teardown),
		cmocka_unit_test_setup_teardown(the_number_of_keyids_bounds_the_tds, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_removal_bugs_the_vm_and_frees_the_frame,
						setup, teardown),
		cmocka_unit_test_setup_teardown(a_pinned_page_is_leaked_instead, setup_pinned, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
