// SPDX-License-Identifier: GPL-2.0-only
/*
 * S-EPT leaves that are blocked and stay in the mirror, as order block-abort has
 * them; and what an atomic change of an SPTE that came too late leaves behind.
 */
#include <stdio.h>

#include "tests/kvm_huge.h"

/* -- blocked leaves that stay ---------------------------------------------------- */

/* As a conversion does it: [first, end) is blocked, inside an invalidation. */
static int block(struct world *w, u64 first, u64 end)
{
	const struct kvm_gfn_range range = { .start = first, .end = end };
	struct kvm *kvm = the_kvm(w);
	int err;

	write_lock(&kvm->mmu_lock);
	kvm_mmu_invalidate_start(kvm);
	kvm_mmu_invalidate_range_add(kvm, first, end);
	err = kvm_mmu_block_gfn_range(kvm, &range);
	write_unlock(&kvm->mmu_lock);
	return err;
}

static void end_invalidation(struct world *w)
{
	struct kvm *kvm = the_kvm(w);

	write_lock(&kvm->mmu_lock);
	kvm_mmu_invalidate_end(kvm);
	write_unlock(&kvm->mmu_lock);
}

static void unblock(struct world *w, u64 first, u64 end)
{
	const struct kvm_gfn_range range = { .start = first, .end = end };
	struct kvm *kvm = the_kvm(w);

	write_lock(&kvm->mmu_lock);
	kvm_mmu_unblock_gfn_range(kvm, &range);
	write_unlock(&kvm->mmu_lock);
}

static void an_aborted_block_gives_the_guest_its_pages_back(void **state)
{
	struct world *w = *state;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	accept_ok(w, 0, 2 * MB + 0x3000);
	fill(w, 8);
	assert_int_equal(block(w, 0, 2 * PAGES_2M), 0);
	assert_int_equal(sept_view(w, 0).state, SEPT_BLOCKED);
	assert_int_equal(mirror(w, 0).state, SPTE_LEAF);
	look(w);
	unblock(w, 0, 2 * PAGES_2M);
	end_invalidation(w);
	assert_int_equal(sept_view(w, 0).state, SEPT_MAPPED);
	assert_int_equal(guest_read(w, 0, 5 * PAGE_SIZE), 1005);
	assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 0);
	look(w);
}

static void a_block_that_fails_half_way_is_taken_back_and_bugs_nothing(void **state)
{
	struct world *w = *state;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	accept_2m(w, 2 * MB);
	refuse(w, TDH_MEM_RANGE_BLOCK, 2, 1, TDX_EPT_ENTRY_STATE_INCORRECT | OPERAND_ID_RCX);
	assert_int_equal(block(w, 0, 2 * PAGES_2M), -EIO);
	end_invalidation(w);
	assert_false(vm_view(w, 0).vm_bugged);
	assert_int_equal(sept_view(w, 0).state, SEPT_MAPPED);
	assert_int_equal(sept_view(w, 2 * MB).state, SEPT_MAPPED);
	assert_int_equal(guest_read(w, 0, 0x5000), TOKEN_ZERO);
	look(w);
}

static void a_zap_of_blocked_leaves_only_removes_them(void **state)
{
	struct kvm_gfn_range range = {
		.start = 0, .end = PAGES_2M, .attr_filter = KVM_FILTER_PRIVATE, .may_block = true,
	};
	struct world *w = *state;
	struct kvm *kvm;

	td_huge_up(w, 1);
	kvm = the_kvm(w);
	accept_2m(w, 0);
	assert_int_equal(block(w, 0, PAGES_2M), 0);
	write_lock(&kvm->mmu_lock);
	kvm_unmap_gfn_range(kvm, &range);
	write_unlock(&kvm->mmu_lock);
	end_invalidation(w);
	assert_int_equal(calls(w, TDH_MEM_RANGE_BLOCK), 1);
	assert_int_equal(calls(w, TDH_MEM_TRACK), 1);
	assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 1);
	assert_int_equal(mirror(w, 0).state, SPTE_NONE);
	look(w);
}

static void a_split_of_a_blocked_leaf_does_not_block_it_again(void **state)
{
	struct world *w = *state;

	td_huge_up(w, 1);
	accept_2m(w, 0);
	assert_int_equal(block(w, 0, PAGES_2M), 0);
	assert_int_equal(kvm_split_cross_boundary_leafs(the_kvm(w),
							&(struct kvm_gfn_range){ .end = 1 }), 0);
	assert_int_equal(calls(w, TDH_MEM_RANGE_BLOCK), 1);
	assert_int_equal(sept_view(w, 0).state, SEPT_MAPPED);
	unblock(w, 0, PAGES_2M);
	end_invalidation(w);
	assert_int_equal(calls(w, TDH_MEM_RANGE_UNBLOCK), 0);
	look(w);
}

/* -- one SPTE --------------------------------------------------------------------- */

/* What the walk believes after somebody else changed the entry under it. */
static u64 old_spte_after_a_lost_race(u8 bug, u64 *now)
{
	struct world *w = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_2_0, bug });
	struct kvm_mmu_page *root = NULL;
	struct tdp_iter iter;
	struct kvm *kvm;
	u64 seen;

	td_huge_up(w, 1);
	accept_ok(w, 0, 0x3000);
	kvm = the_kvm(w);
	write_lock(&kvm->mmu_lock);
	root = tdp_mmu_next_root(kvm, NULL, KVM_MIRROR_ROOTS);
	write_unlock(&kvm->mmu_lock);
	read_lock(&kvm->mmu_lock);
	for_each_tdp_pte(iter, kvm, root, 3, 4)
		if (iter.level == PG_LEVEL_4K)
			break;
	*now = iter.old_spte;
	iter.old_spte = SHADOW_NONPRESENT_VALUE;
	assert_int_equal(tdp_mmu_set_spte_atomic(kvm, &iter, *now), -EBUSY);
	seen = iter.old_spte;
	kvm_tdp_mmu_put_root(kvm, root);
	read_unlock(&kvm->mmu_lock);
	teardown((void **)&w);
	return seen;
}

static void a_lost_race_for_an_spte_tells_what_is_there_now(void **state)
{
	u64 now, seen;

	seen = old_spte_after_a_lost_race(SERIES_BUG_NONE, &now);
	assert_int_equal(seen, now);
	seen = old_spte_after_a_lost_race(SERIES_BUG_STALE_OLD_SPTE, &now);
	assert_int_not_equal(seen, now);
}

int main(void)
{
#define HUGE(test) cmocka_unit_test_setup_teardown(test, setup_huge, teardown)
	const struct CMUnitTest tests[] = {
		HUGE(an_aborted_block_gives_the_guest_its_pages_back),
		HUGE(a_block_that_fails_half_way_is_taken_back_and_bugs_nothing),
		HUGE(a_zap_of_blocked_leaves_only_removes_them),
		HUGE(a_split_of_a_blocked_leaf_does_not_block_it_again),
		cmocka_unit_test(a_lost_race_for_an_spte_tells_what_is_there_now),
	};

	return cmocka_run_group_tests_name("kvm: blocked S-EPT leaves", tests, NULL, NULL);
}
