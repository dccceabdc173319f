// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module under several tasks: a vCPU that stays inside while the host
 * works, a kick, and every interleaving of a host leaf with ACCEPT.
 */
#include "tests/tdx_world.h"

#define TDR	RIG_TDR(0)
#define HPA	PAGE_OF(GPA0)

static struct story {
	struct rig rig;
	struct guest_op op;
	u64 enter, host;
} story;

static void build(void)
{
	OK(rig_start(&story.rig, NULL));
	OK(rig_td(&story.rig, 0, 1));
	OK(rig_tables(&story.rig, 0, GPA0, 0));
	OK(rig_finalize(&story.rig, 0));
	OK(rig_aug(&story.rig, 0, GPA0, 0, HPA));
	arena_snapshot(story.rig.env->arena);
}

/* Each task has registers of its own, as each processor has. */
static u64 call(u32 lp, u64 rax, u64 rcx, u64 rdx)
{
	struct tdx_module_args regs = { .rcx = rcx, .rdx = rdx };

	return seamcall(story.rig.m, lp, rax, &regs);
}

static void vcpu_task(void *arg)
{
	tdx_guest_set(story.rig.m, RIG_TDVPR(0, 0), &story.op);
	story.enter = call(0, TDH_VP_ENTER, RIG_TDVPR(0, 0), 0);
}

static void block_task(void *arg)
{
	story.host = call(1, TDH_MEM_RANGE_BLOCK, GPA0, TDR);
}

static void accept_and_block_collide_in_some_interleaving(void **state)
{
	u32 runs = 0, host_busy = 0, guest_busy = 0, both_done = 0;
	struct env *env;

	build();
	env = story.rig.env;
	choose_enumerate(&env->chooser);
	choose_enable(&env->chooser, CHOICE_TASK, true);
	do {
		arena_restore(env->arena);
		story.op = (struct guest_op){ .kind = GUEST_TDCALL, .rax = TDG_MEM_PAGE_ACCEPT & 0xff,
					      .regs = { .rcx = GPA0 } };
		assert_true(task_create(env, "vcpu0", vcpu_task, NULL) > 0);
		assert_true(task_create(env, "host", block_task, NULL) > 0);
		task_run_all(env);
		runs++;
		host_busy += story.host == tdx_on(TDX_OPERAND_BUSY, RCX);
		guest_busy += story.op.done && story.op.rax == tdx_on(TDX_OPERAND_BUSY, RCX);
		both_done += !story.host && story.op.done && !story.op.rax;
		tdx_check(story.rig.m);
		assert_int_equal(env->checker.broken_total, 0);
	} while (choose_next(&env->chooser));
	print_message("%u interleavings: host BUSY in %u, guest BUSY in %u, both done in %u\n", runs,
		      host_busy, guest_busy, both_done);
	assert_true(host_busy && guest_busy && both_done);
	rig_stop(&story.rig);
}

static void kick_task(void *arg)
{
	OK(call(1, TDH_MEM_RANGE_BLOCK, GPA0, TDR));
	OK(call(1, TDH_MEM_TRACK, TDR, 0));
	story.host = call(1, TDH_MEM_PAGE_REMOVE, GPA0, TDR);
	hw_ipi_wait(story.rig.env, story.rig.hw, 1);
	if (story.host)
		OK(call(1, TDH_MEM_PAGE_REMOVE, GPA0, TDR));
}

static void a_vcpu_that_stays_inside_holds_up_a_removal_until_it_is_kicked(void **state)
{
	u32 waited = 0;
	struct env *env;

	build();
	env = story.rig.env;
	choose_enumerate(&env->chooser);
	choose_enable(&env->chooser, CHOICE_TASK, true);
	do {
		arena_restore(env->arena);
		story.op = (struct guest_op){ .kind = GUEST_STAY };
		story.host = 0;
		task_create(env, "vcpu0", vcpu_task, NULL);
		task_create(env, "host", kick_task, NULL);
		task_run_all(env);
		waited += story.host == tdx_on(TDX_TLB_TRACKING_NOT_DONE, RCX);
		if (env->checker.broken_total)
			fail_msg("%s", env->checker.broken[0].text);
	} while (choose_next(&env->chooser));
	assert_true(waited);
	rig_stop(&story.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept_and_block_collide_in_some_interleaving),
		cmocka_unit_test(a_vcpu_that_stays_inside_holds_up_a_removal_until_it_is_kicked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
