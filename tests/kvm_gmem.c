// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd of 7.3.4: the cases of the kernel's own self tests, references and
 * locks of each path, and the hazards it has.
 */
#include <stdio.h>

#include "model/mm/memory_failure.h"
#include "tests/kvm_common.h"

static void vm_up(struct world *w, u32 type)
{
	assert_int_equal(ops(w)->vm_create(w->h, 0, type), 0);
}

/* An ordinary VM whose slot 0 has all of g0. */
static void sw_up(struct world *w, u32 type, u64 size, u64 flags)
{
	vm_up(w, type);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, size, flags), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, size, 0, 0), 0);
}

static int guest_read(struct world *w, gpa_t gpa, u64 *value, struct host_exit *exit)
{
	struct guest_op op = { .kind = GUEST_READ, .gpa = gpa };
	int err = run(w, 0, &op, exit);

	*value = op.value;
	return err;
}

/* -- creation ---------------------------------------------------------------- */

static void sizes_and_flags_of_a_new_file_are_checked(void **state)
{
	struct world *w = *state;

	vm_up(w, KVM_X86_TDX_VM);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 0, 0), -EINVAL);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 4095, 0), -EINVAL);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 1ULL << 63, 0), -EINVAL);
	for (u64 flag = 2; flag; flag <<= 1)
		assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 4096, flag), -EINVAL);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 4096, GUEST_MEMFD_FLAG_MMAP), 0);
	assert_int_equal(ops(w)->vm_close(w->h, 0), 0);
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);

	vm_up(w, KVM_X86_DEFAULT_VM);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 4096, 3), 0);
}

static void files_are_independent_of_each_other(void **state)
{
	struct world *w = *state;

	vm_up(w, KVM_X86_SW_PROTECTED_VM);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 4096, 0), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, 8192, 0), 0);
	assert_ptr_not_equal(file_inode(host_open_gmem(w->h, 0)),
			     file_inode(host_open_gmem(w->h, 1)));
	assert_int_equal(ops(w)->fallocate(w->h, 0, KEEP_SIZE, 0, 4096), 0);
	assert_true(folio_view(w, 0, 0).present);
	assert_false(folio_view(w, 1, 0).present);
	assert_int_equal(ops(w)->fallocate(w->h, 0, KEEP_SIZE, 4096, 4096), -EINVAL);
	assert_int_equal(ops(w)->fallocate(w->h, 1, KEEP_SIZE, 4096, 4096), 0);
}

static void a_file_that_cannot_be_made_leaves_nothing(void **state)
{
	struct world *w = *state;
	u32 failed = 0;
	struct kvm *kvm;

	vm_up(w, KVM_X86_TDX_VM);
	kvm = host_open_vm(w->h, 0);
	for (u32 nth = 1; nth < 10; nth++) {
		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		if (!ops(w)->gmem_create(w->h, 0, 0, 4096, 0))
			break;
		failed++;
		assert_int_equal(kvm->users_count, 1);
	}
	w->env->injector.alloc_fail_nth = 0;
	assert_int_equal(failed, 3);
	assert_int_equal(kvm->users_count, 2);
}

/* -- binding ----------------------------------------------------------------- */

static void binding_errors_are_the_kernels(void **state)
{
	struct world *w = *state;

	vm_up(w, KVM_X86_TDX_VM);
	assert_int_equal(ops(w)->vm_create(w->h, 1, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, MB, 0), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 1, 1, MB, 0), 0);
#define BIND(slot, flags, gpa, size, gmem, offset) \
	ops(w)->set_memory_region(w->h, 0, slot, flags, gpa, size, gmem, offset)
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD, 0, MB, -1, 0), -EBADF);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD, 0, MB, 1, 0), -EINVAL);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD, 0, MB, 0, 2048), -EINVAL);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD, 0, MB, 0, 4096), -EINVAL);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD, 0, MB, 0, -4096ULL), -EINVAL);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD | KVM_MEM_LOG_DIRTY_PAGES, 0, MB, 0, 0), -EINVAL);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD | KVM_MEM_READONLY, 0, MB, 0, 0), -EINVAL);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD, 0, MB, 0, 0), 0);
	/* The same range twice, whole and in part; a descriptor that is no gmem. */
	assert_int_equal(BIND(1, KVM_MEM_GUEST_MEMFD, 4 * MB, MB, 0, 0), -EEXIST);
	assert_int_equal(BIND(1, KVM_MEM_GUEST_MEMFD, 4 * MB, 4096, 0, MB - 4096), -EEXIST);
	assert_int_equal(BIND(0, KVM_MEM_GUEST_MEMFD, 0, MB, 0, 0), -EINVAL);
	assert_int_equal(BIND(0, 0, 0, 0, -1, 0), 0);
	assert_int_equal(BIND(1, KVM_MEM_GUEST_MEMFD, 4 * MB, 4096, 0, MB - 4096), 0);

	struct kvm_userspace_memory_region2 r = {
		.slot = 5, .flags = KVM_MEM_GUEST_MEMFD, .memory_size = 4096,
		.guest_phys_addr = 8 * MB, .userspace_addr = model_host(w->h)->ram_base,
		.guest_memfd = objects_vm_fd(&model_host(w->h)->objects, 0),
	};

	assert_int_equal(kvm_vm_ioctl(host_open_vm(w->h, 0), KVM_SET_USER_MEMORY_REGION2, &r), -EINVAL);
#undef BIND
}

static void a_failed_bind_can_be_done_again(void **state)
{
	struct world *w = *state;
	u32 failed = 0;

	vm_up(w, KVM_X86_TDX_VM);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, MB, 0), 0);
	for (u32 nth = 1; nth < 20; nth++) {
		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		if (!ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, MB, 0, 0))
			break;
		failed++;
		assert_null(id_to_memslot(kvm_memslots(host_open_vm(w->h, 0)), 0));
	}
	w->env->injector.alloc_fail_nth = 0;
	assert_true(failed >= 3);
}

static void a_slot_deletion_that_fails_keeps_the_slot(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, 0, 0, 0, -1, 0), -ENOMEM);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_MAPPED);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, 0, 0, 0, -1, 0), 0);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_FREE);
}

static void a_deleted_slot_keeps_its_folios_but_not_its_content(void **state)
{
	struct world *w = *state;
	struct host_exit exit;
	kvm_pfn_t pfn;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	pfn = folio_view(w, 0, 0x1000).pfn;
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, 0, 0, 0, -1, 0), 0);
	assert_int_equal(guest_touch(w, 0, 0x1000, &exit), -EFAULT);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
	assert_int_equal(exit.flags, KVM_MEMORY_EXIT_FLAG_PRIVATE);

	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, 2 * MB, 0, 0), 0);
	accept_ok(w, 0, 0x1000);
	assert_int_equal(folio_view(w, 0, 0x1000).pfn, pfn);
	look(w);
}

static void two_slots_share_a_file_and_holes_reach_both(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, 2 * MB, 0), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 1, KVM_MEM_GUEST_MEMFD, 8 * MB, MB, 1, MB), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 2, KVM_MEM_GUEST_MEMFD, 16 * MB, MB, 1, 0), 0);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 8 * MB, 16 * MB, PRIVATE), 0);
	accept_ok(w, 0, 8 * MB);
	accept_ok(w, 0, 17 * MB - 4096);
	assert_true(folio_view(w, 1, MB).present);
	assert_true(folio_view(w, 1, MB - 4096).present);
	assert_int_equal(ops(w)->fallocate(w->h, 1, PUNCH_HOLE, MB - 4096, 8192), 0);
	assert_int_equal(sept_view(w, 8 * MB).state, SEPT_FREE);
	assert_int_equal(sept_view(w, 17 * MB - 4096).state, SEPT_FREE);
	assert_false(folio_view(w, 1, MB).present);
	look(w);
}

/* -- ordinary VMs: the self tests ---------------------------------------------- */

static void an_ordinary_guest_uses_init_shared_memory(void **state)
{
	struct world *w = *state;
	u64 value = 0;

	sw_up(w, KVM_X86_DEFAULT_VM, MB, GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED);
	assert_int_equal(ops(w)->gmem_mmap(w->h, 0, 0, MB, true), 0);
	value = 0x1234;
	assert_int_equal(ops(w)->gmem_user_access(w->h, 0, 0x2000, true, &value), 0);
	assert_int_equal(guest_read(w, 0x2000, &value, NULL), 0);
	assert_int_equal(value, 0x1234);
	assert_int_equal(guest_touch(w, 0, 0x3000, NULL), 0);
	assert_int_equal(ops(w)->gmem_user_access(w->h, 0, 0x3000, false, &value), 0);
	assert_int_equal(value, 0x77);
	/* Cache, user mapping; the guest's mapping has none. */
	lru_add_drain_all(w->env);
	assert_int_equal(folio_view(w, 0, 0x2000).refcount, 2);
	assert_int_equal(folio_view(w, 0, 0x2000).mapcount, 1);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, MB), 0);
	assert_false(folio_view(w, 0, 0x2000).present);
	assert_int_equal(guest_read(w, 0x2000, &value, NULL), 0);
	assert_int_equal(value, 0);
	look(w);
}

static void mapping_is_shared_and_within_the_file(void **state)
{
	struct world *w = *state;
	u64 value = 0;

	vm_up(w, KVM_X86_DEFAULT_VM);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 8192, 0), 0);
	assert_int_equal(ops(w)->gmem_mmap(w->h, 0, 0, 8192, true), -ENODEV);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, 8192, 3), 0);
	assert_int_equal(ops(w)->gmem_mmap(w->h, 1, 0, 8192, false), -EINVAL);
	assert_int_equal(ops(w)->gmem_mmap(w->h, 1, 0, 16384, true), 0);
	assert_int_equal(ops(w)->gmem_user_access(w->h, 1, 4096, true, &value), 0);
	assert_int_equal(ops(w)->gmem_user_access(w->h, 1, 8192, true, &value), -EFAULT);
	assert_int_equal(ops(w)->gmem_munmap(w->h, 1, 0, 16384), 0);
	assert_int_equal(ops(w)->gmem_user_access(w->h, 1, 4096, true, &value), -EBADF);
}

static void private_memory_of_a_td_never_faults_in(void **state)
{
	struct world *w = *state;
	u64 value = 0;

	vm_up(w, KVM_X86_TDX_VM);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, MB, GUEST_MEMFD_FLAG_MMAP), 0);
	assert_int_equal(ops(w)->gmem_mmap(w->h, 0, 0, MB, true), 0);
	assert_int_equal(ops(w)->gmem_user_access(w->h, 0, 0, false, &value), -EFAULT);
	assert_false(folio_view(w, 0, 0).present);
}

static void a_private_access_without_a_slot_or_file_exits(void **state)
{
	struct world *w = *state;
	struct host_exit exit;

	sw_up(w, KVM_X86_SW_PROTECTED_VM, MB, 0);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 16 * MB, PRIVATE), 0);
	assert_int_equal(guest_touch(w, 0, 0x1000, &exit), 0);
	/* private_mem_kvm_exits: no slot, then a slot without guest_memfd. */
	assert_int_equal(guest_touch(w, 0, 8 * MB, &exit), -EFAULT);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
	assert_int_equal(exit.gpa, 8 * MB);
	assert_int_equal(exit.size, 4096);
	assert_int_equal(exit.flags, KVM_MEMORY_EXIT_FLAG_PRIVATE);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 1, 0, 8 * MB, MB, -1, 0), 0);
	assert_int_equal(guest_touch(w, 0, 8 * MB, &exit), -EFAULT);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
	/* Closing the file takes the memory away from the running guest. */
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);
	assert_int_equal(guest_touch(w, 0, 0x1000, &exit), -EFAULT);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
}

static void shared_and_private_halves_are_different_memory(void **state)
{
	struct world *w = *state;
	u64 value;

	sw_up(w, KVM_X86_SW_PROTECTED_VM, MB, 0);
	assert_int_equal(guest_touch(w, 0, 0x1000, NULL), 0);
	assert_false(folio_view(w, 0, 0x1000).present);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0x1000, 4096, PRIVATE), 0);
	assert_int_equal(guest_read(w, 0x1000, &value, NULL), 0);
	assert_int_equal(value, 0);
	assert_true(folio_view(w, 0, 0x1000).uptodate);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0x1000, 4096, 0), 0);
	assert_int_equal(guest_read(w, 0x1000, &value, NULL), 0);
	assert_int_equal(value, 0x77);
}

/* -- holes, errors, references ---------------------------------------------------- */

static void a_held_folio_outlives_its_hole(void **state)
{
	struct world *w = *state;
	kvm_pfn_t pfn;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	lru_add_drain_all(w->env);
	pfn = folio_view(w, 0, 0x1000).pfn;
	assert_int_equal(ops(w)->gup(w->h, 0, 0x1000, 1, false), 0);
	assert_int_equal(folio_view(w, 0, 0x1000).refcount, 2);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0x1000, 0x1000), 0);
	assert_false(folio_view(w, 0, 0x1000).present);
	lru_add_drain_all(w->env);
	assert_false(ops(w)->frame_free(w->h, pfn));
	accept_ok(w, 0, 0x1000);
	assert_int_not_equal(folio_view(w, 0, 0x1000).pfn, pfn);
	assert_int_equal(ops(w)->gup(w->h, 0, 0x1000, -1, false), 0);
	assert_true(ops(w)->frame_free(w->h, pfn));
	assert_int_equal(ops(w)->gup(w->h, 0, 0x1000, -1, false), -EBADF);
	look(w);
}

static void a_folio_that_cannot_be_had_is_the_guests_memory_fault(void **state)
{
	struct world *w = *state;
	u32 failed = 0, nth;
	u64 status;

	td_up(w, 1, 2 * MB);
	for (nth = 1; nth < 100; nth++) {
		int err;

		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		err = guest_accept(w, 0, 0x1000, &status);
		if (!err)
			break;
		failed++;
		assert_int_equal(err, -ENOMEM);
		assert_false(vm_view(w, 0).vm_dead);
	}
	w->env->injector.alloc_fail_nth = 0;
	assert_true(failed >= 1 && nth < 100);
	assert_int_equal(status, 0);
	look(w);
}

static void populate_leaves_the_folio_when_the_mapping_fails(void **state)
{
	struct world *w = *state;
	gpa_t gpa = 0x1000;
	u64 pages = 2;

	td_build(w, 1, 2 * MB);
	refuse(w, TDH_MEM_PAGE_ADD, 2, 1, 0xC000010000000001ULL);
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 5), -EIO);
	assert_int_equal(gpa, 0x2000);
	assert_int_equal(pages, 1);
	assert_true(folio_view(w, 0, 0x1000).uptodate);
	assert_true(folio_view(w, 0, 0x2000).present);
	assert_false(folio_view(w, 0, 0x2000).uptodate);
	assert_true(vm_view(w, 0).vm_bugged);
}

static void populate_wants_private_unmapped_memory(void **state)
{
	struct world *w = *state;
	gpa_t gpa = 0x1000;
	u64 pages = 1;

	td_build(w, 1, 2 * MB);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0x1000, 4096, 0), 0);
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 5), -EINVAL);
	gpa = 0x2000;
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 5), 0);
	/* Once more: the mirror has it already. Neither -EEXIST nor a bug. */
	gpa = 0x2000, pages = 1;
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 5), -EIO);
	assert_false(vm_view(w, 0).vm_bugged);
	gpa = 2 * MB, pages = 1;
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 5), -EINVAL);
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);
	gpa = 0x3000, pages = 1;
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 5), -EFAULT);
}

/* -- known hazards -------------------------------------------------------------- */

static void a_poisoned_page_stays_and_memory_failure_says_it_failed(void **state)
{
	struct world *w = *state;
	struct host_exit exit;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	lru_add_drain_all(w->env);
	/* The callback zaps and answers MF_DELAYED, which the caller takes for failure. */
	assert_int_equal(ops(w)->memory_failure(w->h, 0, 0x1000, 0), -EBUSY);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_FREE);
	assert_true(folio_view(w, 0, 0x1000).present);
	assert_true(folio_view(w, 0, 0x1000).hwpoison);
	assert_int_equal(guest_touch(w, 0, 0x1000, &exit), -EHWPOISON);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
	/* memory_failure() holds the folio lock when it takes invalidate_lock. */
	take_findings(w, INV_LOCK_RULES);
}

static void a_mmapable_file_of_a_td_keeps_its_shared_mappings(void **state)
{
	struct host_spte_view spte;
	struct world *w = *state;
	kvm_pfn_t pfn;

	td_up(w, 1, 2 * MB);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, MB, GUEST_MEMFD_FLAG_MMAP), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 1, KVM_MEM_GUEST_MEMFD, 8 * MB, MB, 1, 0), 0);
	assert_int_equal(guest_touch(w, 0, 8 * MB | SHARED_BIT, NULL), 0);
	pfn = folio_view(w, 1, 0).pfn;
	assert_int_equal(ops(w)->fallocate(w->h, 1, PUNCH_HOLE, 0, MB), 0);
	lru_add_drain_all(w->env);
	/* The frame is free and the guest can still write it. */
	assert_true(ops(w)->frame_free(w->h, pfn));
	assert_int_equal(ops(w)->probe_spte(w->h, 0, 8 * MB | SHARED_BIT, false, &spte), 0);
	assert_int_equal(spte.state, SPTE_LEAF);
	assert_int_equal(spte.pfn, pfn);
}

static void closing_the_file_empties_a_running_td(void **state)
{
	struct world *w = *state;
	struct host_exit exit;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_FREE);
	assert_int_equal(guest_touch(w, 0, 0x1000, &exit), -EFAULT);
	assert_int_equal(exit.reason, KVM_EXIT_MEMORY_FAULT);
	assert_int_equal(exit.flags, KVM_MEMORY_EXIT_FLAG_PRIVATE);
	assert_false(vm_view(w, 0).vm_dead);
	/* The slot is still there, without a file; deleting it works. */
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, 0, 0, 0, -1, 0), 0);
	look(w);
}

static void a_bugged_vm_still_zaps_with_seamcalls(void **state)
{
	struct world *w = *state;
	u32 calls;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	accept_ok(w, 0, 0x2000);
	kvm_vm_bugged(host_open_vm(w->h, 0));
	calls = w->env->injector.calls[TDH_MEM_PAGE_REMOVE];
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 2 * MB), 0);
	assert_int_equal(w->env->injector.calls[TDH_MEM_PAGE_REMOVE], calls + 2);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(sizes_and_flags_of_a_new_file_are_checked),
		T(files_are_independent_of_each_other),
		T(a_file_that_cannot_be_made_leaves_nothing),
		T(binding_errors_are_the_kernels),
		T(a_failed_bind_can_be_done_again),
		T(a_slot_deletion_that_fails_keeps_the_slot),
		T(a_deleted_slot_keeps_its_folios_but_not_its_content),
		T(two_slots_share_a_file_and_holes_reach_both),
		T(an_ordinary_guest_uses_init_shared_memory),
		T(mapping_is_shared_and_within_the_file),
		T(private_memory_of_a_td_never_faults_in),
		T(a_private_access_without_a_slot_or_file_exits),
		T(shared_and_private_halves_are_different_memory),
		T(a_held_folio_outlives_its_hole),
		T(a_folio_that_cannot_be_had_is_the_guests_memory_fault),
		T(populate_leaves_the_folio_when_the_mapping_fails),
		T(populate_wants_private_unmapped_memory),
		T(a_poisoned_page_stays_and_memory_failure_says_it_failed),
		T(a_mmapable_file_of_a_td_keeps_its_shared_mappings),
		T(closing_the_file_empties_a_running_td),
		T(a_bugged_vm_still_zaps_with_seamcalls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
