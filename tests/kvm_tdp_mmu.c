// SPDX-License-Identifier: GPL-2.0-only
/*
 * The TDP MMU: which tables a fault adds, which zap reaches which root, the
 * page-table caches, mixed attributes, and the frozen-SPTE protocol under many
 * schedules.
 */
#include <stdio.h>

#include "model/kvm/tdp_mmu.h"
#include "tests/kvm_common.h"

#define GPA	0x1000ULL

static struct kvm *the_kvm(struct world *w)
{
	return host_open_vm(w->h, 0);
}

static u32 calls(struct world *w, u16 leaf)
{
	return w->env->injector.calls[leaf];
}

static struct host_spte_view spte_view(struct world *w, gpa_t gpa, bool mirror)
{
	struct host_spte_view view;

	assert_int_equal(ops(w)->probe_spte(w->h, 0, gpa, mirror, &view), 0);
	return view;
}

static int count_roots(struct kvm *kvm, enum kvm_tdp_mmu_root_types types)
{
	struct kvm_mmu_page *root;
	int n = 0;

	list_for_each_entry(root, &kvm->arch.mmu.tdp_mmu_roots, link)
		n += tdp_mmu_root_match(root, types);
	return n;
}

/* -- mapping ---------------------------------------------------------------- */

static void a_first_page_adds_a_table_a_level_and_its_neighbour_none(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 4 * MB);
	accept_ok(w, 0, GPA);
	assert_int_equal(calls(w, TDH_MEM_SEPT_ADD), 3);
	accept_ok(w, 0, GPA + 4 * KB);
	assert_int_equal(calls(w, TDH_MEM_SEPT_ADD), 3);
	accept_ok(w, 0, GPA + 2 * MB);
	assert_int_equal(calls(w, TDH_MEM_SEPT_ADD), 4);
	assert_int_equal(the_kvm(w)->arch.mmu.pages[0], 3);
	look(w);
}

static void a_private_leaf_is_in_the_mirror_and_not_in_the_direct_root(void **state)
{
	struct world *w = *state;
	struct host_spte_view view;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	view = spte_view(w, GPA, true);
	assert_int_equal(view.state, SPTE_LEAF);
	assert_int_equal(view.level, PG_LEVEL_4K);
	assert_int_equal(view.pfn, folio_view(w, 0, GPA).pfn);
	assert_int_equal(view.raw & VMX_EPT_RWX_MASK, VMX_EPT_RWX_MASK);
	assert_int_equal(spte_view(w, GPA, false).state, SPTE_NONE);
}

static void a_five_level_td_uses_the_bit_above_and_one_more_table(void **state)
{
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 52 };
	struct world *w = *state;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 2 * MB, 0), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, 2 * MB, 0, 0), 0);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 2 * MB, PRIVATE), 0);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
	accept_ok(w, 0, GPA);
	assert_int_equal(kvm_gfn_direct_bits(the_kvm(w)), gpa_to_gfn(BIT_ULL(51)));
	assert_int_equal(calls(w, TDH_MEM_SEPT_ADD), 4);
	look(w);
}

static void pre_faulting_a_mapped_page_changes_nothing(void **state)
{
	struct world *w = *state;
	gpa_t gpa = GPA;
	u64 size = 8 * KB;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), 0);
	assert_int_equal(gpa, GPA + 8 * KB);
	assert_int_equal(size, 0);
	/* One page was there, one is new and waits for the guest. */
	assert_int_equal(calls(w, TDH_MEM_PAGE_AUG), 2);
	assert_int_equal(sept_view(w, GPA + 4 * KB).state, SEPT_PENDING);
}

static void pre_faulting_before_finalize_is_refused(void **state)
{
	struct world *w = *state;
	gpa_t gpa = GPA;
	u64 size = 4 * KB;

	td_build(w, 1, 2 * MB);
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), -EOPNOTSUPP);
	assert_int_equal(gpa, GPA);
}

static void touching_a_pending_page_kills_the_vm_without_a_warning(void **state)
{
	struct world *w = *state;
	gpa_t gpa = GPA;
	u64 size = 4 * KB;

	td_up(w, 1, 2 * MB);
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), 0);
	assert_int_equal(guest_touch(w, 0, GPA, NULL), -EIO);
	assert_true(vm_view(w, 0).vm_dead);
	assert_false(vm_view(w, 0).vm_bugged);
	assert_string_equal(w->last_kmsg, "kvm_intel: Guest access before accepting 0x1000 on vCPU 0");
	assert_int_equal(w->kmsg_seen[KMSG_WARN], 0);
}

static void a_private_fault_on_shared_memory_goes_to_userspace(void **state)
{
	struct world *w = *state;
	struct host_exit exit;

	td_up(w, 1, 2 * MB);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, GPA, 4 * KB, 0), 0);
	assert_int_equal(guest_touch(w, 0, GPA, &exit), -EFAULT);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
	assert_int_equal(exit.gpa, GPA);
	assert_int_equal(exit.size, 4 * KB);
	assert_int_equal(exit.flags, KVM_MEMORY_EXIT_FLAG_PRIVATE);
}

static void a_private_fault_without_a_slot_goes_to_userspace(void **state)
{
	struct world *w = *state;
	struct host_exit exit;

	td_up(w, 1, 2 * MB);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 4 * MB, 4 * KB, PRIVATE), 0);
	assert_int_equal(guest_touch(w, 0, 4 * MB, &exit), -EFAULT);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
	assert_int_equal(exit.gpa, 4 * MB);
}

static void a_shared_fault_maps_the_direct_root_at_the_shared_bit(void **state)
{
	struct world *w = *state;
	struct kvm_mmu_page *root;

	td_up(w, 1, 2 * MB);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, GPA, 4 * KB, 0), 0);
	assert_int_equal(guest_touch(w, 0, GPA | SHARED_BIT, NULL), 0);
	assert_int_equal(spte_view(w, GPA, false).state, SPTE_LEAF);
	assert_int_equal(spte_view(w, GPA, true).state, SPTE_NONE);
	/* Bit 47 of the gpa is bit 8 of the index at the top. */
	root = root_to_sp(the_kvm(w), the_kvm(w)->vcpus[0]->arch.mmu.root.hpa);
	assert_int_equal(root->spt[0], SHADOW_NONPRESENT_VALUE);
	assert_true(is_shadow_present_pte(root->spt[256]));
	look(w);
}

/* -- roots and zaps --------------------------------------------------------- */

static void all_vcpus_share_one_mirror_root(void **state)
{
	struct world *w = *state;
	struct kvm_vcpu **vcpus;

	td_up(w, 2, 2 * MB);
	accept_ok(w, 0, GPA);
	accept_ok(w, 1, GPA + 4 * KB);
	vcpus = the_kvm(w)->vcpus;
	assert_int_equal(vcpus[0]->arch.mmu.mirror_root_hpa, vcpus[1]->arch.mmu.mirror_root_hpa);
	assert_int_equal(count_roots(the_kvm(w), KVM_MIRROR_ROOTS), 1);
	assert_int_equal(count_roots(the_kvm(w), KVM_DIRECT_ROOTS), 1);
	/* Each vCPU and the TDP MMU itself. */
	assert_int_equal(root_to_sp(the_kvm(w), vcpus[0]->arch.mmu.mirror_root_hpa)->tdp_mmu_root_count, 3);
}

static void zap_gfn_range_reaches_the_mirror_too(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	kvm_zap_gfn_range(the_kvm(w), 0, 512);
	assert_int_equal(spte_view(w, GPA, true).state, SPTE_NONE);
	assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 1);
	look(w);
}

static void zap_all_leaves_the_mirror_alone(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, GPA + 4 * KB, 4 * KB, 0), 0);
	assert_int_equal(guest_touch(w, 0, (GPA + 4 * KB) | SHARED_BIT, NULL), 0);
	kvm_mmu_zap_all(the_kvm(w));
	assert_int_equal(spte_view(w, GPA, true).state, SPTE_LEAF);
	assert_int_equal(spte_view(w, GPA + 4 * KB, false).state, SPTE_NONE);
	assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 0);
	look(w);
}

static void zap_all_fast_swaps_the_direct_root_only(void **state)
{
	struct world *w = *state;
	struct kvm_vcpu *vcpu;
	struct kvm *kvm;
	hpa_t mirror;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	kvm = the_kvm(w);
	vcpu = kvm->vcpus[0];
	mirror = vcpu->arch.mmu.mirror_root_hpa;

	mutex_lock(&kvm->slots_lock);
	kvm_mmu_zap_all_fast(kvm);
	mutex_unlock(&kvm->slots_lock);
	assert_true(root_to_sp(kvm, vcpu->arch.mmu.root.hpa)->role.invalid);
	accept_ok(w, 0, GPA + 4 * KB);
	assert_false(root_to_sp(kvm, vcpu->arch.mmu.root.hpa)->role.invalid);
	assert_int_equal(vcpu->arch.mmu.mirror_root_hpa, mirror);
	assert_int_equal(count_roots(kvm, KVM_DIRECT_ROOTS | KVM_INVALID_ROOTS), 1);
	assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 0);
	look(w);
}

static void deleting_a_slot_removes_its_private_pages_and_keeps_the_folios(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, GPA);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, 0, 0, 0, -1, 0), 0);
	assert_int_equal(spte_view(w, GPA, true).state, SPTE_NONE);
	assert_true(folio_view(w, 0, GPA).present);
	assert_int_equal(calls(w, TDH_MEM_PAGE_REMOVE), 1);
	look(w);
}

/* -- caches ----------------------------------------------------------------- */

static void a_fault_without_page_table_memory_fails_and_can_be_repeated(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_int_equal(guest_touch(w, 0, GPA, NULL), -ENOMEM);
	assert_int_equal(w->env->injector.alloc_fired, 1);
	assert_false(vm_view(w, 0).vm_dead);
	accept_ok(w, 0, GPA);
	look(w);
}

static void a_cache_that_has_its_minimum_does_not_fail_for_the_rest(void **state)
{
	struct world *w = *state;
	struct kvm_vcpu_arch_mmu *mmu;

	td_up(w, 1, 2 * MB);
	mmu = &the_kvm(w)->vcpus[0]->arch.mmu;
	/* The external tables' cache is first: 5 pages are the least, 40 are full. */
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 6;
	accept_ok(w, 0, GPA);
	assert_int_equal(w->env->injector.alloc_fired, 1);
	/* Five, less the three of the walk. */
	assert_int_equal(mmu->mmu_external_spt_cache.nobjs, 2);
	accept_ok(w, 0, GPA + 4 * KB);
	assert_int_equal(mmu->mmu_external_spt_cache.nobjs, KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE);
	look(w);
}

/* -- mixed attributes ------------------------------------------------------- */

static bool disallowed(struct world *w, gpa_t gpa, int level)
{
	struct kvm_memory_slot *slot = gfn_to_memslot(the_kvm(w), gpa_to_gfn(gpa));

	return kvm_lpage_disallowed(slot, gpa_to_gfn(gpa), level);
}

static void a_mixed_huge_page_is_disallowed_until_it_is_uniform_again(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 4 * MB);
	assert_false(disallowed(w, 0, PG_LEVEL_2M));
	ops(w)->set_attributes(w->h, 0, GPA, 4 * KB, 0);
	assert_true(disallowed(w, 0, PG_LEVEL_2M));
	assert_false(disallowed(w, 2 * MB, PG_LEVEL_2M));
	/* All the rest of it: now it is all shared. */
	ops(w)->set_attributes(w->h, 0, 0, 4 * KB, 0);
	assert_true(disallowed(w, 0, PG_LEVEL_2M));
	ops(w)->set_attributes(w->h, 0, 8 * KB, 2 * MB - 8 * KB, 0);
	assert_false(disallowed(w, 0, PG_LEVEL_2M));
}

static void a_gigabyte_is_mixed_as_soon_as_one_of_its_pages_is(void **state)
{
	struct world *w = *state;
	u64 size = 1024 * MB;

	td_up(w, 1, 2 * size);
	assert_false(disallowed(w, 0, PG_LEVEL_1G));
	ops(w)->set_attributes(w->h, 0, size - 4 * KB, 4 * KB, 0);
	assert_true(disallowed(w, 0, PG_LEVEL_1G));
	assert_true(disallowed(w, size - 4 * KB, PG_LEVEL_2M));
	assert_false(disallowed(w, 0, PG_LEVEL_2M));
	assert_false(disallowed(w, size, PG_LEVEL_1G));
	ops(w)->set_attributes(w->h, 0, size - 4 * KB, 4 * KB, PRIVATE);
	assert_false(disallowed(w, 0, PG_LEVEL_1G));
}

static void a_slot_made_later_finds_the_mixture(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	ops(w)->set_attributes(w->h, 0, 4 * MB + GPA, 4 * KB, PRIVATE);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, 4 * MB, 0), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 1, KVM_MEM_GUEST_MEMFD, 4 * MB, 4 * MB, 1, 0), 0);
	assert_true(disallowed(w, 4 * MB, PG_LEVEL_2M));
	assert_false(disallowed(w, 6 * MB, PG_LEVEL_2M));
	/* A gigabyte does not fit into the slot. */
	assert_true(disallowed(w, 4 * MB, PG_LEVEL_1G));
}

static void the_ends_of_an_unaligned_slot_have_no_huge_page(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, 8 * MB, 0), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 1, KVM_MEM_GUEST_MEMFD, 5 * MB, 4 * MB, 1, 0), 0);
	assert_true(disallowed(w, 5 * MB, PG_LEVEL_2M));
	assert_false(disallowed(w, 6 * MB, PG_LEVEL_2M));
	assert_true(disallowed(w, 8 * MB, PG_LEVEL_2M));
}

/* -- races ------------------------------------------------------------------ */

static void race_punch(void *arg)
{
	struct race *race = arg;

	race->err = ops(race->w)->fallocate(race->w->h, 0, PUNCH_HOLE, race->gpa, 4 * KB);
}

static void race_convert(void *arg)
{
	struct race *race = arg;

	race->err = ops(race->w)->set_attributes(race->w->h, 0, race->gpa, 4 * KB, 0);
}

#define SCHEDULES	300

/* @a and @b under SCHEDULES schedules, each on a fresh machine. */
static void race_many(void (*a)(void *), void (*b)(void *), gpa_t gpa_b,
		      void (*judge)(struct world *w, struct race *a, struct race *b))
{
	for (u64 seed = 1; seed <= SCHEDULES; seed++) {
		struct world *w = world_create("no-hold");
		struct race one = { .w = w, .vcpu = 0, .gpa = GPA };
		struct race two = { .w = w, .vcpu = 1, .gpa = gpa_b };

		td_up(w, 2, 2 * MB);
		race_run(seed, a, &one, b, &two);
		judge(w, &one, &two);
		look(w);
		teardown((void **)&w);
	}
}

static void judge_one_mapping(struct world *w, struct race *a, struct race *b)
{
	assert_int_equal(a->err, 0);
	assert_int_equal(b->err, 0);
	/* Whoever came second found the entry frozen or filled: AUG of a page that
	 * is there would have bugged the VM. */
	assert_false(vm_view(w, 0).vm_bugged);
	assert_int_equal(the_kvm(w)->arch.mmu.pages[0], 1);
	assert_int_equal(the_kvm(w)->arch.mmu.tdp_mmu_pages, 3);
	assert_int_equal(spte_view(w, GPA, true).state, SPTE_LEAF);
	assert_true((a->status == 0) + (b->status == 0) >= 1);
}

static void two_vcpus_that_fault_one_gfn_map_it_once(void **state)
{
	race_many(race_accept, race_accept, GPA, judge_one_mapping);
}

static void judge_two_mappings(struct world *w, struct race *a, struct race *b)
{
	assert_int_equal(a->err | b->err, 0);
	assert_int_equal(a->status | b->status, 0);
	assert_int_equal(the_kvm(w)->arch.mmu.pages[0], 2);
	/* A child never got ahead of its parent: the module would have refused. */
	assert_int_equal(the_kvm(w)->arch.mmu.tdp_mmu_pages, 3);
	assert_false(vm_view(w, 0).vm_bugged);
}

static void two_vcpus_that_need_the_same_tables_add_them_once(void **state)
{
	race_many(race_accept, race_accept, GPA + 4 * KB, judge_two_mappings);
}

static void judge_punch(struct world *w, struct race *a, struct race *b)
{
	assert_int_equal(b->err, 0);
	assert_false(vm_view(w, 0).vm_bugged);
}

static void a_fault_and_a_hole_leave_no_freed_page_mapped(void **state)
{
	race_many(race_accept, race_punch, GPA, judge_punch);
}

static void judge_convert(struct world *w, struct race *a, struct race *b)
{
	assert_int_equal(b->err, 0);
	assert_false(vm_view(w, 0).vm_bugged);
	assert_int_equal(spte_view(w, GPA, true).state, SPTE_NONE);
}

static void a_fault_and_a_conversion_leave_nothing_private(void **state)
{
	race_many(race_accept, race_convert, GPA, judge_convert);
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		with_world(a_first_page_adds_a_table_a_level_and_its_neighbour_none),
		with_world(a_private_leaf_is_in_the_mirror_and_not_in_the_direct_root),
		with_world(a_five_level_td_uses_the_bit_above_and_one_more_table),
		with_world(pre_faulting_a_mapped_page_changes_nothing),
		with_world(pre_faulting_before_finalize_is_refused),
		with_world(touching_a_pending_page_kills_the_vm_without_a_warning),
		with_world(a_private_fault_on_shared_memory_goes_to_userspace),
		with_world(a_private_fault_without_a_slot_goes_to_userspace),
		with_world(a_shared_fault_maps_the_direct_root_at_the_shared_bit),
		with_world(all_vcpus_share_one_mirror_root),
		with_world(zap_gfn_range_reaches_the_mirror_too),
		with_world(zap_all_leaves_the_mirror_alone),
		with_world(zap_all_fast_swaps_the_direct_root_only),
		with_world(deleting_a_slot_removes_its_private_pages_and_keeps_the_folios),
		with_world(a_fault_without_page_table_memory_fails_and_can_be_repeated),
		with_world(a_cache_that_has_its_minimum_does_not_fail_for_the_rest),
		with_world(a_mixed_huge_page_is_disallowed_until_it_is_uniform_again),
		with_world(a_gigabyte_is_mixed_as_soon_as_one_of_its_pages_is),
		with_world(a_slot_made_later_finds_the_mixture),
		with_world(the_ends_of_an_unaligned_slot_have_no_huge_page),
		cmocka_unit_test(two_vcpus_that_fault_one_gfn_map_it_once),
		cmocka_unit_test(two_vcpus_that_need_the_same_tables_add_them_once),
		cmocka_unit_test(a_fault_and_a_hole_leave_no_freed_page_mapped),
		cmocka_unit_test(a_fault_and_a_conversion_leave_nothing_private),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
