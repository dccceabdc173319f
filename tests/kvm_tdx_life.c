// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a TD and its vCPUs where it does not go straight: creation that
 * fails at each step, the association of a vCPU with a CPU, CPUs that go
 * offline, KeyIDs and their cgroup, the initial image cut short, TDVMCALLs.
 */
#include <stdio.h>

#include "model/kvm/mmu.h"
#include "tests/kvm_common.h"

#define ERR	(TDX_OPERAND_INVALID + OPERAND_ID_RCX)
#define GPA	0x1000ULL

static struct kvm *the_kvm(struct world *w)
{
	return host_open_vm(w->h, 0);
}

static struct tdx_globals *the_tdx(struct world *w)
{
	return kvm_globals_of(w->h)->tdx;
}

static u32 calls(struct world *w, u16 leaf)
{
	return w->env->injector.calls[leaf];
}

static int td_init(struct world *w, u32 vm)
{
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };

	return ops(w)->td_init(w->h, vm, &params);
}

static int create(struct world *w)
{
	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	return td_init(w, 0);
}

/* -- creation that fails ---------------------------------------------------- */

struct creation_step {
	u16 leaf;
	u32 nth, times;
	u64 status;
	int err;
	bool bugged;
	u32 reclaimed;	/* pages the module had to give back */
};

static void every_step_of_td_creation_unwinds(void **state)
{
	static const struct creation_step step[] = {
		{ TDH_MNG_CREATE, 1, 1, ERR, -EIO, true, 0 },
		{ TDH_MNG_CREATE, 1, 10, TDX_RND_NO_ENTROPY, -EAGAIN, false, 0 },
		{ TDH_MNG_CREATE, 1, 1, TDX_OPERAND_BUSY + OPERAND_ID_KOT, -EIO, true, 0 },
		{ TDH_MNG_KEY_CONFIG, 2, 1, TDX_KEY_GENERATION_FAILED, -EIO, true, 1 },
		{ TDH_MNG_ADDCX, 1, 1, ERR, -EIO, true, 1 },
		{ TDH_MNG_ADDCX, 6, 10, TDX_RND_NO_ENTROPY, -EAGAIN, false, 6 },
		{ TDH_MNG_INIT, 1, 1, TDX_OPERAND_INVALID + OPERAND_ID_XFAM, -EINVAL, false, 7 },
		{ TDH_MNG_INIT, 1, 1, TDX_TD_FATAL, -EIO, true, 7 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(step); i++) {
		struct world *w = world_create("no-hold");

		refuse(w, step[i].leaf, step[i].nth, step[i].times, step[i].status);
		assert_int_equal(create(w), step[i].err);
		assert_int_equal(vm_view(w, 0).vm_bugged, step[i].bugged);
		assert_int_equal(vm_view(w, 0).hkid, -1);
		assert_int_equal(calls(w, TDH_PHYMEM_PAGE_RECLAIM), step[i].reclaimed);
		assert_int_equal(ops(w)->probe_leaks(w->h, NULL, 0), 0);
		/* A VM that is not bugged can be initialised after all. */
		if (!step[i].bugged)
			assert_int_equal(td_init(w, 0), 0);
		teardown((void **)&w);
	}
}

static void every_allocation_of_td_creation_may_fail(void **state)
{
	u32 nth, count;
	int err = -ENOMEM;

	for (nth = 1; err; nth++) {
		struct world *w = world_create("no-hold");

		assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
		count = w->env->injector.alloc_count;
		w->env->injector.alloc_fail_nth = count + nth;
		err = td_init(w, 0);
		if (err) {
			assert_int_equal(err, -ENOMEM);
			assert_false(vm_view(w, 0).vm_bugged);
			assert_int_equal(td_init(w, 0), 0);
		}
		teardown((void **)&w);
	}
	/* TD_PARAMS twice, the TDR, six TDCS pages, the mask of packages at least. */
	assert_true(nth > 9);
}

static void every_step_of_vcpu_creation_unwinds(void **state)
{
	static const struct creation_step step[] = {
		{ TDH_VP_CREATE, 1, 1, ERR, -EIO, true, 0 },
		{ TDH_VP_ADDCX, 1, 1, ERR, -EIO, true, 1 },
		{ TDH_VP_ADDCX, 5, 1, ERR, -EIO, true, 5 },
		{ TDH_VP_INIT, 1, 1, ERR, -EIO, true, 6 },
	};

	for (u32 i = 0; i < ARRAY_SIZE(step); i++) {
		struct world *w = world_create("no-hold");
		u32 before;

		assert_int_equal(create(w), 0);
		assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
		refuse(w, step[i].leaf, step[i].nth, step[i].times, step[i].status);
		assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), step[i].err);
		assert_true(vm_view(w, 0).vm_bugged);
		/* TDR and six TDCS pages besides what the vCPU had. */
		before = calls(w, TDH_PHYMEM_PAGE_RECLAIM);
		ops(w)->vcpu_close(w->h, 0, 0);
		ops(w)->vm_close(w->h, 0);
		assert_int_equal(calls(w, TDH_PHYMEM_PAGE_RECLAIM) - before, 7 + step[i].reclaimed);
		teardown((void **)&w);
	}
}

static void the_misc_cgroup_limits_the_tds(void **state)
{
	struct world *w = *state;

	the_tdx(w)->misc_cg_limit = 0;
	assert_int_equal(create(w), -EBUSY);
	assert_int_equal(vm_view(w, 0).hkid, -1);
	/* 7.3.4 takes the unit off although it was never put on. */
	assert_int_equal(the_tdx(w)->misc_cg_charged, ~0ULL);
	the_tdx(w)->misc_cg_charged = 0;
	the_tdx(w)->misc_cg_limit = 1;
	assert_int_equal(td_init(w, 0), 0);
	assert_int_equal(the_tdx(w)->misc_cg_charged, 1);
}

static void a_package_without_online_cpu_refuses_a_td(void **state)
{
	struct world *w = *state;

	for (u32 cpu = 0; cpu < w->hw->cpu_count; cpu++)
		w->hw->cpu[cpu].online = w->hw->cpu[cpu].package == 0;
	assert_int_equal(create(w), -EIO);
	assert_false(vm_view(w, 0).vm_bugged);
	for (u32 cpu = 0; cpu < w->hw->cpu_count; cpu++)
		w->hw->cpu[cpu].online = true;
	assert_int_equal(td_init(w, 0), 0);
}

static void the_last_cpu_of_a_package_stays_while_a_keyid_is_in_use(void **state)
{
	struct world *w = *state;
	int last = -1;

	/* All CPUs of package 1 but the last one. */
	for (u32 cpu = 0; cpu < w->hw->cpu_count; cpu++)
		if (w->hw->cpu[cpu].package == 1)
			last = cpu;
	for (int cpu = 0; cpu < last; cpu++)
		if (w->hw->cpu[cpu].package == 1)
			w->hw->cpu[cpu].online = false;
	assert_int_equal(tdx_offline_cpu(the_tdx(w), last), 0);
	assert_int_equal(create(w), 0);
	assert_int_equal(tdx_offline_cpu(the_tdx(w), last), -EBUSY);
}

/* -- vCPUs and CPUs --------------------------------------------------------- */

static void load_on(struct world *w, int cpu)
{
	struct kvm_vcpu *vcpu = the_kvm(w)->vcpus[0];

	current_task(w->env)->cpu = cpu;
	vcpu_load(vcpu);
	vcpu_put(vcpu);
}

static void a_vcpu_that_moves_is_flushed_on_its_old_cpu(void **state)
{
	struct world *w = *state;
	u32 before;

	td_up(w, 1, 2 * MB);
	load_on(w, 1);
	before = calls(w, TDH_VP_FLUSH);
	load_on(w, 2);
	assert_int_equal(calls(w, TDH_VP_FLUSH) - before, 1);
	load_on(w, 2);
	assert_int_equal(calls(w, TDH_VP_FLUSH) - before, 1);
	assert_false(list_empty(&the_tdx(w)->associated_tdvcpus[2]));
	assert_true(list_empty(&the_tdx(w)->associated_tdvcpus[1]));
	assert_int_equal(current_task(w->env)->cpu, 2);
}

static void a_failed_flush_bugs_the_vm_and_lets_the_vcpu_go(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	load_on(w, 1);
	refuse(w, TDH_VP_FLUSH, 1, 1, ERR);
	load_on(w, 2);
	assert_true(vm_view(w, 0).vm_bugged);
	assert_int_equal(the_kvm(w)->vcpus[0]->cpu, 2);
}

static void a_cpu_that_goes_offline_lets_go_of_its_vcpus(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	load_on(w, 1);
	current_task(w->env)->cpu = 0;
	tdx_disable_virtualization_cpu(the_tdx(w), 1);
	assert_true(list_empty(&the_tdx(w)->associated_tdvcpus[1]));
	assert_int_equal(the_kvm(w)->vcpus[0]->cpu, -1);
	accept_ok(w, 0, GPA);
}

static void creation_rules_of_vcpus(void **state)
{
	struct world *w = *state;

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), -EIO);
	assert_int_equal(td_init(w, 0), 0);
	assert_int_equal(td_init(w, 0), -EINVAL);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 0), 0);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), 0);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), -EINVAL);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
	assert_int_equal(ops(w)->finalize(w->h, 0), -EINVAL);
	assert_int_equal(ops(w)->vcpu_create(w->h, 0, 1), -EIO);
	assert_int_equal(ops(w)->vcpu_init(w->h, 0, 0, 0), -EINVAL);
}

/* -- the initial image ------------------------------------------------------ */

static void an_interrupted_image_can_be_resumed(void **state)
{
	struct world *w = *state;
	gpa_t gpa = GPA;
	u64 pages = 4;

	td_build(w, 1, 2 * MB);
	current_task(w->env)->signal_pending = true;
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 0, 5), -EINTR);
	current_task(w->env)->signal_pending = false;
	assert_int_equal(gpa, GPA);
	assert_int_equal(pages, 4);
	/* The third page fails: two are in, and the struct says so. */
	refuse(w, TDH_MEM_PAGE_ADD, 3, 1, TDX_OPERAND_BUSY + OPERAND_ID_RDX);
	assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, 1, 5), 0);
	assert_int_equal(pages, 0);
	assert_int_equal(gpa, GPA + 4 * 4 * KB);
	assert_int_equal(calls(w, TDH_MR_EXTEND), 4 * 16);
}

static void a_bad_image_is_refused(void **state)
{
	static const struct { gpa_t gpa; u64 pages; u32 flags; } bad[] = {
		{ GPA + 1, 1, 0 }, { GPA, 0, 0 }, { GPA, 1, 2 }, { GPA | SHARED_BIT, 1, 0 },
		{ SHARED_BIT - 0x1000, 2, 0 }, { ~0xfffULL, 2, 0 }, { GPA, ~0ULL >> 11, 0 },
	};
	struct world *w = *state;

	td_build(w, 1, 2 * MB);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		gpa_t gpa = bad[i].gpa;
		u64 pages = bad[i].pages;

		assert_int_equal(ops(w)->init_mem_region(w->h, 0, 0, &gpa, &pages, bad[i].flags, 1),
				 -EINVAL);
	}
	assert_int_equal(calls(w, TDH_MEM_PAGE_ADD), 0);
}

/* -- TDVMCALLs -------------------------------------------------------------- */

static int vmcall(struct world *w, struct guest_op *op, u64 leaf, u64 r12, u64 r13,
		  struct host_exit *exit)
{
	*op = (struct guest_op){
		.kind = GUEST_TDCALL, .rax = 0,
		.regs = { .rcx = 0xfc00, .r11 = leaf, .r12 = r12, .r13 = r13 },
	};
	return run(w, 0, op, exit);
}

static void map_gpa_goes_to_userspace_in_chunks(void **state)
{
	struct world *w = *state;
	struct host_exit exit;
	struct guest_op op;

	td_up(w, 1, 8 * MB);
	assert_int_equal(vmcall(w, &op, 0x10001, GPA | SHARED_BIT, 3 * MB, &exit), 0);
	assert_int_equal(exit.reason, KVM_EXIT_HYPERCALL);
	assert_int_equal(exit.nr, KVM_HC_MAP_GPA_RANGE);
	assert_int_equal(exit.gpa, GPA);
	assert_int_equal(exit.size, 512);
	assert_int_equal(exit.attributes, KVM_MAP_GPA_RANGE_DECRYPTED);
	ops(w)->hypercall_answer(w->h, 0, 0, 0);
	assert_int_equal(run(w, 0, &op, &exit), 0);
	assert_int_equal(exit.gpa, GPA + 2 * MB);
	assert_int_equal(exit.size, 256);
	ops(w)->hypercall_answer(w->h, 0, 0, 0);
	assert_int_equal(run(w, 0, &op, &exit), 0);
	assert_true(op.done);
	assert_int_equal(op.regs.r10, 0);
	/* KVM itself has changed nothing. */
	assert_true(kvm_mem_is_private(the_kvm(w), gpa_to_gfn(GPA)));
}

static void what_userspace_answers_reaches_the_guest(void **state)
{
	static const struct { u64 answer, r10; } answer[] = {
		{ EAGAIN, 1 }, { EINVAL, BIT_ULL(63) },
	};
	struct world *w = *state;
	struct host_exit exit;
	struct guest_op op;

	td_up(w, 1, 8 * MB);
	for (u32 i = 0; i < ARRAY_SIZE(answer); i++) {
		vmcall(w, &op, 0x10001, GPA | SHARED_BIT, 4 * KB, &exit);
		ops(w)->hypercall_answer(w->h, 0, 0, answer[i].answer);
		assert_int_equal(run(w, 0, &op, &exit), 0);
		assert_int_equal(op.regs.r10, answer[i].r10);
		assert_int_equal(op.regs.r11, GPA | SHARED_BIT);
	}
	/* Anything else is userspace's own mistake. */
	vmcall(w, &op, 0x10001, GPA | SHARED_BIT, 4 * KB, &exit);
	ops(w)->hypercall_answer(w->h, 0, 0, 99);
	assert_int_equal(run(w, 0, &op, &exit), -EINVAL);
}

static void a_bad_vmcall_is_answered_in_the_guest(void **state)
{
	static const struct { u64 leaf, r12, r13, r10; } bad[] = {
		{ 0x10001, GPA + 1, 4 * KB, BIT_ULL(63) | 2 },
		{ 0x10001, GPA, 0, BIT_ULL(63) },
		{ 0x10001, SHARED_BIT - 4 * KB, 8 * KB, BIT_ULL(63) },
		{ 0x10001, 1ULL << 53, 4 * KB, BIT_ULL(63) },
		{ 0x10002, GPA, 4 * KB, BIT_ULL(63) },
		{ 0x10004, 31, 0, BIT_ULL(63) },
		{ 0x10000, 2, 0, BIT_ULL(63) },
		{ 0x10000, 0, 0, 0 },
		{ 0x1ffff, 0, 0, BIT_ULL(63) | 3 },
	};
	struct world *w = *state;
	struct host_exit exit;
	struct guest_op op;

	td_up(w, 1, 2 * MB);
	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(vmcall(w, &op, bad[i].leaf, bad[i].r12, bad[i].r13, &exit), 0);
		assert_true(op.done);
		assert_int_equal(op.regs.r10, bad[i].r10);
	}
	/* Unless userspace asked for the exit, there is no MapGPA at all. */
	the_kvm(w)->arch.hypercall_exit_enabled = 0;
	vmcall(w, &op, 0x10001, GPA, 4 * KB, &exit);
	assert_int_equal(op.regs.r10, BIT_ULL(63) | 3);
}

static void some_vmcalls_are_for_userspace(void **state)
{
	static const struct { u64 leaf, r12; u32 reason; } call[] = {
		{ 0x10000, 1, KVM_EXIT_TDX }, { 0x10002, GPA | SHARED_BIT, KVM_EXIT_TDX },
		{ 0x10004, 64, KVM_EXIT_TDX }, { 0x10003, 0, KVM_EXIT_SYSTEM_EVENT },
	};
	struct world *w = *state;
	struct host_exit exit;
	struct guest_op op;

	td_up(w, 1, 2 * MB);
	for (u32 i = 0; i < ARRAY_SIZE(call); i++) {
		assert_int_equal(vmcall(w, &op, call[i].leaf, call[i].r12, 0, &exit), 0);
		assert_int_equal(exit.reason, call[i].reason);
		assert_int_equal(run(w, 0, &op, &exit), 0);
	}
}

/* -- TD entry that fails ---------------------------------------------------- */

static void a_td_entry_that_failed_for_good_goes_to_userspace(void **state)
{
	struct world *w = *state;
	struct host_exit exit;

	td_up(w, 1, 2 * MB);
	refuse(w, TDH_VP_ENTER, 1, 1, TDX_TD_FATAL);
	assert_int_equal(guest_touch(w, 0, GPA, &exit), 0);
	assert_int_equal(exit.reason, KVM_EXIT_INTERNAL_ERROR);
	assert_false(vm_view(w, 0).vm_bugged);
}

static void a_busy_td_entry_is_tried_again(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	refuse(w, TDH_VP_ENTER, 1, 3, TDX_OPERAND_BUSY + OPERAND_ID_TD_EPOCH);
	accept_ok(w, 0, GPA);
	assert_int_equal(w->env->injector.rule[0].fired, 3);
}

static void a_misconfiguration_exit_bugs_the_vm(void **state)
{
	struct world *w = *state;

	td_up(w, 1, 2 * MB);
	refuse(w, TDH_VP_ENTER, 1, 1, EXIT_REASON_EPT_MISCONFIG);
	assert_int_equal(guest_touch(w, 0, GPA, NULL), -EIO);
	assert_true(vm_view(w, 0).vm_bugged);
}

#define with_world(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_of_td_creation_unwinds),
		cmocka_unit_test(every_allocation_of_td_creation_may_fail),
		cmocka_unit_test(every_step_of_vcpu_creation_unwinds),
		with_world(the_misc_cgroup_limits_the_tds),
		with_world(a_package_without_online_cpu_refuses_a_td),
		with_world(the_last_cpu_of_a_package_stays_while_a_keyid_is_in_use),
		with_world(a_vcpu_that_moves_is_flushed_on_its_old_cpu),
		with_world(a_failed_flush_bugs_the_vm_and_lets_the_vcpu_go),
		with_world(a_cpu_that_goes_offline_lets_go_of_its_vcpus),
		with_world(creation_rules_of_vcpus),
		with_world(an_interrupted_image_can_be_resumed),
		with_world(a_bad_image_is_refused),
		with_world(map_gpa_goes_to_userspace_in_chunks),
		with_world(what_userspace_answers_reaches_the_guest),
		with_world(a_bad_vmcall_is_answered_in_the_guest),
		with_world(some_vmcalls_are_for_userspace),
		with_world(a_td_entry_that_failed_for_good_goes_to_userspace),
		with_world(a_busy_td_entry_is_tried_again),
		with_world(a_misconfiguration_exit_bugs_the_vm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
