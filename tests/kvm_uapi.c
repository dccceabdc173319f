// SPDX-License-Identifier: GPL-2.0-only
/*
 * What KVM's ioctls answer to wrong numbers, flags, sizes and addresses, and to
 * anything at all once the VM is dead.
 */
#include <stdio.h>

#include "tests/kvm_common.h"

static struct kvm_globals *globals(struct world *w)
{
	return kvm_globals_of(w->h);
}

static struct kvm *vm_of_type(struct world *w, u32 type)
{
	assert_int_equal(ops(w)->vm_create(w->h, 0, type), 0);
	return host_open_vm(w->h, 0);
}

static long region(struct kvm *kvm, u32 slot, u32 flags, gpa_t gpa, u64 size, u64 hva,
		   u32 fd, u64 offset)
{
	struct kvm_userspace_memory_region2 r = {
		.slot = slot, .flags = flags, .guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = hva, .guest_memfd = fd, .guest_memfd_offset = offset,
	};

	return kvm_vm_ioctl(kvm, KVM_SET_USER_MEMORY_REGION2, &r);
}

static void unknown_vm_types_are_refused(void **state)
{
	static const u64 wrong[] = { KVM_X86_SEV_VM, KVM_X86_SNP_VM, 6, 31, 32, ~0ULL };
	struct world *w = *state;

	for (u32 i = 0; i < ARRAY_SIZE(wrong); i++)
		assert_int_equal(kvm_dev_ioctl(globals(w), KVM_CREATE_VM, wrong[i]), -EINVAL);
	assert_int_equal(kvm_dev_ioctl(globals(w), KVM_CHECK_EXTENSION, KVM_CAP_VM_TYPES),
			 1 << KVM_X86_DEFAULT_VM | 1 << KVM_X86_SW_PROTECTED_VM |
			 1 << KVM_X86_TDX_VM);
	assert_int_equal(kvm_dev_ioctl(globals(w), KVM_RUN, 0), -EINVAL);
}

static void capabilities_depend_on_the_vm_type(void **state)
{
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);

#define CAP(cap) kvm_vm_ioctl(kvm, KVM_CHECK_EXTENSION, (void *)(uintptr_t)(cap))
	assert_int_equal(CAP(KVM_CAP_GUEST_MEMFD), 1);
	assert_int_equal(CAP(KVM_CAP_MEMORY_FAULT_INFO), 1);
	assert_int_equal(CAP(KVM_CAP_PRE_FAULT_MEMORY), 1);
	assert_int_equal(CAP(KVM_CAP_MEMORY_ATTRIBUTES), PRIVATE);
	assert_int_equal(CAP(KVM_CAP_GUEST_MEMFD_FLAGS), GUEST_MEMFD_FLAG_MMAP);
	assert_int_equal(CAP(KVM_CAP_EXIT_HYPERCALL), 1 << KVM_HC_MAP_GPA_RANGE);
	assert_int_equal(CAP(KVM_CAP_MAX_VCPUS), w->hw->cpu_count);
	assert_int_equal(CAP(9999), 0);
	assert_int_equal(ops(w)->vm_close(w->h, 0), 0);

	kvm = vm_of_type(w, KVM_X86_DEFAULT_VM);
	assert_int_equal(CAP(KVM_CAP_MEMORY_ATTRIBUTES), 0);
	assert_int_equal(CAP(KVM_CAP_GUEST_MEMFD_FLAGS),
			 GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED);
#undef CAP
}

static void only_the_map_gpa_hypercall_can_be_enabled(void **state)
{
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL, .args = { 1 << 13 } };

	assert_int_equal(kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap.args[0] = 1 << 12;
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap), 0);
	cap.flags = 1;
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap), -EINVAL);
	cap = (struct kvm_enable_cap){ .cap = 1 };
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap), -EINVAL);
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_IO(0xff), NULL), -ENOTTY);
}

static void a_memory_region_with_a_wrong_field_is_refused(void **state)
{
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);
	u64 hva = model_host(w->h)->ram_base;

	assert_int_equal(region(kvm, 0, 1 << 3, 0, MB, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 0, MB + 1, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 1, MB, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 0, MB, hva + 1, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 0, MB, 1ULL << 47, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 0, MB, (1ULL << 47) - MB, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, -4096ULL, 8192, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 0, 0, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 0, 1ULL << 43, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 1 << 16, 0, 0, MB, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, KVM_USER_MEM_SLOTS, 0, 0, MB, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, KVM_USER_MEM_SLOTS - 1, 0, 0, MB, hva, -1, 0), 0);
	/* The last gfn a host address can name, and the shared half of a TD. */
	assert_int_equal(region(kvm, 1, 0, 1ULL << 52, MB, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 2, KVM_MEM_READONLY, 4 * MB, MB, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 2, KVM_MEM_LOG_DIRTY_PAGES, 4 * MB, MB, hva, -1, 0), 0);
}

static void the_shared_half_of_a_td_is_no_memory(void **state)
{
	const struct host_td_params params = { .gpaw = 48 };
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);
	u64 hva = model_host(w->h)->ram_base;

	assert_int_equal(region(kvm, 0, 0, SHARED_BIT, MB, hva, -1, 0), 0);
	assert_int_equal(region(kvm, 0, 0, SHARED_BIT, 0, hva, -1, 0), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	assert_int_equal(region(kvm, 0, 0, SHARED_BIT, MB, hva, -1, 0), -EINVAL);
}

static void the_old_region_ioctl_knows_fewer_flags(void **state)
{
	struct kvm_userspace_memory_region r = { .memory_size = MB, .flags = KVM_MEM_GUEST_MEMFD };
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_DEFAULT_VM);

	r.userspace_addr = model_host(w->h)->ram_base;
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_SET_USER_MEMORY_REGION, &r), -EINVAL);
	r.flags = KVM_MEM_READONLY | KVM_MEM_LOG_DIRTY_PAGES;
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_SET_USER_MEMORY_REGION, &r), 0);
}

static void slots_change_only_as_the_kernel_allows(void **state)
{
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);
	u64 hva = model_host(w->h)->ram_base;

	assert_int_equal(region(kvm, 0, 0, 0, MB, hva, -1, 0), 0);
	assert_int_equal(region(kvm, 0, 0, 0, MB, hva, -1, 0), 0);
	assert_int_equal(region(kvm, 0, 0, 0, 2 * MB, hva, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, 0, 0, MB, hva + MB, -1, 0), -EINVAL);
	assert_int_equal(region(kvm, 0, KVM_MEM_GUEST_MEMFD, 0, MB, hva, 0, 0), -EINVAL);
	assert_int_equal(region(kvm, 1, 0, MB - 4096, MB, hva, -1, 0), -EEXIST);
	assert_int_equal(region(kvm, 1, 0, MB, MB, hva, -1, 0), 0);
	/* Moving onto another, moving away, turning the dirty log on and off. */
	assert_int_equal(region(kvm, 0, 0, MB, MB, hva, -1, 0), -EEXIST);
	assert_int_equal(region(kvm, 0, 0, 8 * MB, MB, hva, -1, 0), 0);
	assert_ptr_equal(gfn_to_memslot(kvm, 0), NULL);
	assert_int_equal(gfn_to_memslot(kvm, 8 * MB >> 12)->id, 0);
	assert_int_equal(region(kvm, 0, KVM_MEM_LOG_DIRTY_PAGES, 8 * MB, MB, hva, -1, 0), 0);
	assert_int_equal(gfn_to_memslot(kvm, 8 * MB >> 12)->flags, KVM_MEM_LOG_DIRTY_PAGES);
	assert_int_equal(kvm->nr_memslot_pages, 2 * MB >> 12);
	assert_int_equal(region(kvm, 0, 0, 0, 0, hva, -1, 0), 0);
	assert_int_equal(region(kvm, 0, 0, 0, 0, hva, -1, 0), -EINVAL);
	assert_int_equal(kvm->nr_memslot_pages, MB >> 12);
	/* 0 at creation; each removal or move swaps the sets twice. */
	assert_int_equal(kvm->memslots->generation, 7);
}

static void many_slots_are_found_by_gfn_and_by_id(void **state)
{
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_DEFAULT_VM);
	u64 hva = model_host(w->h)->ram_base;

	for (u32 i = 0; i < 100; i++)
		assert_int_equal(region(kvm, i, 0, ((i * 37) % 100) * 2 * MB, MB, hva, -1, 0), 0);
	for (u32 i = 0; i < 100; i++) {
		gfn_t gfn = (((i * 37) % 100) * 2 * MB) >> 12;

		assert_int_equal(gfn_to_memslot(kvm, gfn)->id, i);
		assert_int_equal(gfn_to_memslot(kvm, gfn + 255)->id, i);
		assert_null(gfn_to_memslot(kvm, gfn + 256));
		assert_int_equal(id_to_memslot(kvm_memslots(kvm), i)->base_gfn, gfn);
	}
	for (u32 i = 0; i < 100; i += 2)
		assert_int_equal(region(kvm, i, 0, 0, 0, hva, -1, 0), 0);
	assert_null(id_to_memslot(kvm_memslots(kvm), 4));
	assert_int_equal(gfn_to_memslot(kvm, ((5 * 37) % 100) * 2 * MB >> 12)->id, 5);
	assert_int_equal(kvm_memslots(kvm)->used_slots, 50);
}

static void attributes_are_checked_before_they_are_set(void **state)
{
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);
	struct kvm_memory_attributes a = { .size = 4096, .attributes = PRIVATE };

#define SET(...)							\
	({ struct kvm_memory_attributes b = a;				\
	   __VA_ARGS__;							\
	   kvm_vm_ioctl(kvm, KVM_SET_MEMORY_ATTRIBUTES, &b); })
	assert_int_equal(SET(b.flags = 1), -EINVAL);
	assert_int_equal(SET(b.attributes = PRIVATE | 1), -EINVAL);
	assert_int_equal(SET(b.size = 0), -EINVAL);
	assert_int_equal(SET(b.size = 4095), -EINVAL);
	assert_int_equal(SET(b.address = 1), -EINVAL);
	assert_int_equal(SET(b.address = -4096ULL, b.size = 8192), -EINVAL);
	assert_int_equal(SET(b.address = 0x5000), 0);
	assert_true(kvm_mem_is_private(kvm, 5));
	assert_false(kvm_mem_is_private(kvm, 6));
	assert_int_equal(ops(w)->vm_close(w->h, 0), 0);

	/* A VM without private memory has no attributes. */
	kvm = vm_of_type(w, KVM_X86_DEFAULT_VM);
	assert_int_equal(SET(b.address = 0x5000), -EINVAL);
	assert_int_equal(SET(b.attributes = 0), 0);
#undef SET
}

static void setting_what_is_set_disturbs_nobody(void **state)
{
	struct world *w = *state;
	struct kvm *kvm;
	u64 seq;

	td_up(w, 1, 2 * MB);
	kvm = host_open_vm(w->h, 0);
	accept_ok(w, 0, 0x1000);
	seq = kvm->mmu_invalidate_seq;
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 2 * MB, PRIVATE), 0);
	assert_int_equal(kvm->mmu_invalidate_seq, seq);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_MAPPED);
	/* Outside every slot nothing is invalidated either, but the change is made. */
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 16 * MB, MB, PRIVATE), 0);
	assert_int_equal(kvm->mmu_invalidate_seq, seq);
	assert_true(kvm_mem_is_private(kvm, 16 * MB >> 12));
	assert_true(kvm_range_has_memory_attributes(kvm, 0, 512, PRIVATE, PRIVATE));
	assert_false(kvm_range_has_memory_attributes(kvm, 0, 513, PRIVATE, PRIVATE));
	assert_true(kvm_range_has_memory_attributes(kvm, 512, 4096, PRIVATE, 0));
	assert_false(kvm_range_has_memory_attributes(kvm, 512, 4097, PRIVATE, 0));
	assert_false(kvm_range_has_memory_attributes(kvm, 0, 1, 0, PRIVATE));
}

static void attributes_that_find_no_memory_change_nothing(void **state)
{
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);

	w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + 1;
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 4 * MB, PRIVATE), -ENOMEM);
	assert_false(kvm_mem_is_private(kvm, 0));
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 4 * MB, PRIVATE), 0);
}

static void vcpus_are_counted_and_named_once(void **state)
{
	const struct host_td_params params = { .gpaw = 48 };
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);

	/* Before KVM_TDX_INIT_VM there is nothing to make a vCPU in. */
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), -EIO);
	assert_int_equal(kvm->created_vcpus, 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_CREATE_VCPU, (void *)4096), -EINVAL);
	for (u32 i = 0; i < w->hw->cpu_count - 1; i++)
		assert_int_equal(ops(w)->vcpu_create(w->h, 0, i), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), -EEXIST);
	assert_int_equal(kvm->created_vcpus, w->hw->cpu_count - 1);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 9), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 10), -EINVAL);
	assert_int_equal(kvm->online_vcpus, w->hw->cpu_count);
}

static void a_vcpu_that_cannot_be_made_leaves_nothing(void **state)
{
	const struct host_td_params params = { .gpaw = 48 };
	struct world *w = *state;
	struct kvm *kvm = vm_of_type(w, KVM_X86_TDX_VM);
	u32 nth, failed = 0;

	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	for (nth = 1; nth < 20; nth++) {
		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		if (ops(w)->vcpu_create(w->h, 0, 0) == 0)
			break;
		failed++;
		assert_int_equal(kvm->created_vcpus, 0);
		assert_int_equal(kvm->users_count, 1);
	}
	w->env->injector.alloc_fail_nth = 0;
	assert_true(failed >= 2);
}

static void pre_fault_wants_whole_pages_of_a_finished_td(void **state)
{
	struct world *w = *state;
	struct kvm_pre_fault_memory r = { .size = 4096, .flags = 1 };
	struct kvm_vcpu *vcpu;
	u64 size = 0x3000;
	gpa_t gpa = 0x1000;

	td_build(w, 1, 2 * MB);
	vcpu = host_open_vcpu(w->h, 0, 0);
	assert_int_equal(kvm_vcpu_ioctl(vcpu, KVM_PRE_FAULT_MEMORY, &r), -EINVAL);
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), -EOPNOTSUPP);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);

	gpa = 1;
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), -EINVAL);
	gpa = 0x1000, size = 0;
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), -EINVAL);
	gpa = SHARED_BIT, size = 4096;
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), -EINVAL);
	gpa = 0x1000, size = 0x3000;
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), 0);
	assert_int_equal(gpa, 0x4000);
	assert_int_equal(size, 0);
	assert_int_equal(sept_view(w, 0x3000).state, SEPT_PENDING);
	/* Past the end of the slot: what was done counts, the rest is told. */
	gpa = 2 * MB - 0x1000, size = 0x2000;
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 2 * MB, MB, PRIVATE), 0);
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), 0);
	assert_int_equal(size, 0x1000);
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), -EFAULT);
	look(w);
}

static void a_dead_vm_answers_eio_but_its_file_still_works(void **state)
{
	struct world *w = *state;
	struct kvm_enable_cap cap = { .cap = KVM_CAP_EXIT_HYPERCALL };
	struct kvm_vcpu *vcpu;
	u64 size = 4096, pages = 1;
	struct kvm *kvm;
	gpa_t gpa = 0;

	td_up(w, 1, 2 * MB);
	accept_ok(w, 0, 0x1000);
	kvm = host_open_vm(w->h, 0);
	vcpu = host_open_vcpu(w->h, 0, 0);
	kvm_vm_dead(kvm);

	assert_int_equal(kvm_vm_ioctl(kvm, KVM_CHECK_EXTENSION, (void *)KVM_CAP_MAX_VCPUS), -EIO);
	assert_int_equal(kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap), -EIO);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, 4096, 0), -EIO);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, 0, 0, 0, -1, 0), -EIO);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 1, 4096, 0), -EIO);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 1), -EIO);
	assert_int_equal(ops(w)->finalize(w->h, 0), -EIO);
	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), -EIO);
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 1), -EIO);
	assert_int_equal(guest_touch(w, 0, 0x1000, NULL), -EIO);
	assert_int_equal(kvm_vcpu_ioctl(vcpu, KVM_IO(0xff), NULL), -EIO);

	assert_int_equal(ops(w)->fallocate(w->h, 0, KEEP_SIZE, 0, 0x4000), 0);
	assert_int_equal(ops(w)->fallocate(w->h, 0, PUNCH_HOLE, 0, 0x4000), 0);
	assert_int_equal(sept_view(w, 0x1000).state, SEPT_FREE);
	assert_int_equal(ops(w)->gmem_close(w->h, 0), 0);
	assert_false(vm_view(w, 0).vm_bugged);
}

static void ioctls_of_a_vcpu_have_their_own_errors(void **state)
{
	struct world *w = *state;
	struct kvm_vcpu *vcpu;

	td_up(w, 1, 2 * MB);
	vcpu = host_open_vcpu(w->h, 0, 0);
	assert_int_equal(kvm_vcpu_ioctl(vcpu, KVM_RUN, (void *)1), -EINVAL);
	assert_int_equal(kvm_vcpu_ioctl(vcpu, KVM_IO(0xff), NULL), -EINVAL);
	assert_int_equal(kvm_vcpu_ioctl(vcpu, 0x5401, NULL), -EINVAL);
	vcpu->run->immediate_exit = true;
	assert_int_equal(kvm_vcpu_ioctl(vcpu, KVM_RUN, NULL), -EINTR);
	vcpu->run->immediate_exit = false;
	assert_int_equal(ops(w)->vcpu_run(w->h, 0, 3, NULL, &(struct host_exit){ 0 }), -EBADF);
}

static void a_vcpu_that_is_not_ready_does_not_run(void **state)
{
	const struct host_td_params params = { .gpaw = 48 };
	struct world *w = *state;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 1), 0);
	assert_int_equal(guest_touch(w, 0, 0, NULL), -EINVAL);
	/* Not the boot processor: it waits to be started, a signal ends that. */
	assert_int_equal(guest_touch(w, 1, 0, NULL), -EINTR);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), 0);
	assert_int_equal(guest_touch(w, 0, 0, NULL), -EINVAL);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), -EINVAL);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
	assert_int_equal(ops(w)->finalize(w->h, 0), -EINVAL);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 1, 0), -EINVAL);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 2), -EIO);
}

static void fallocate_is_checked_before_the_file_sees_it(void **state)
{
	struct world *w = *state;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, 16 * KB, 0), 0);
#define FALLOC(mode, offset, len) ops(w)->fallocate(w->h, 0, mode, offset, len)
	assert_int_equal(FALLOC(KEEP_SIZE, -4096ULL, 4096), -EINVAL);
	assert_int_equal(FALLOC(KEEP_SIZE, 0, 0), -EINVAL);
	assert_int_equal(FALLOC(0x100, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(FALLOC(FALLOC_FL_PUNCH_HOLE, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(FALLOC(FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(FALLOC(FALLOC_FL_COLLAPSE_RANGE | KEEP_SIZE, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(FALLOC(FALLOC_FL_ZERO_RANGE | KEEP_SIZE, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(FALLOC(0, 0, 4096), -EOPNOTSUPP);
	assert_int_equal(FALLOC(KEEP_SIZE, 1LL << 62, 1LL << 62), -EFBIG);
	assert_int_equal(FALLOC(KEEP_SIZE, 2048, 4096), -EINVAL);
	assert_int_equal(FALLOC(KEEP_SIZE, 12 * KB, 8192), -EINVAL);
	assert_int_equal(FALLOC(PUNCH_HOLE, 1, 4096), -EINVAL);
	assert_int_equal(FALLOC(PUNCH_HOLE, 64 * KB, 4096), 0);
	assert_int_equal(FALLOC(KEEP_SIZE, 0, 16 * KB), 0);
	assert_int_equal(FALLOC(PUNCH_HOLE, 0, 16 * KB), 0);
#undef FALLOC
	assert_int_equal(ops(w)->fallocate(w->h, 5, KEEP_SIZE, 0, 4096), -EBADF);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(unknown_vm_types_are_refused),
		T(capabilities_depend_on_the_vm_type),
		T(only_the_map_gpa_hypercall_can_be_enabled),
		T(a_memory_region_with_a_wrong_field_is_refused),
		T(the_shared_half_of_a_td_is_no_memory),
		T(the_old_region_ioctl_knows_fewer_flags),
		T(slots_change_only_as_the_kernel_allows),
		T(many_slots_are_found_by_gfn_and_by_id),
		T(attributes_are_checked_before_they_are_set),
		T(setting_what_is_set_disturbs_nobody),
		T(attributes_that_find_no_memory_change_nothing),
		T(vcpus_are_counted_and_named_once),
		T(a_vcpu_that_cannot_be_made_leaves_nothing),
		T(pre_fault_wants_whole_pages_of_a_finished_td),
		T(a_dead_vm_answers_eio_but_its_file_still_works),
		T(ioctls_of_a_vcpu_have_their_own_errors),
		T(a_vcpu_that_is_not_ready_does_not_run),
		T(fallocate_is_checked_before_the_file_sees_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
