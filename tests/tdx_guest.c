// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens between TD entry and TD exit: faults, acceptance and its
 * interruption, #VE, host priority, zero-step, machine checks, stale TLBs.
 */
#include "tests/tdx_world.h"

#define TDR	RIG_TDR(0)
#define GPA	GPA0
#define HPA	PAGE_OF(GPA0)
#define VP	RIG_TDVPR(0, 0)

static struct rig the_rig;

static int start_attributes(void **state, u64 attributes, u64 flags)
{
	struct rig *rig = &the_rig;
	const struct tdx_config config = { .version = TDX_MODULE_2_0, .zero_step = true };

	*state = rig;
	OK(rig_start(rig, &config));
	rig->params[0] = attributes;
	rig->params[4] = flags;
	OK(rig_td(rig, 0, 2));
	OK(rig_tables(rig, 0, GPA, 0));
	OK(rig_finalize(rig, 0));
	return 0;
}

static int start(void **state)
{
	return start_attributes(state, TD_ATTRIBUTES_SEPT_VE_DISABLE, TD_CONFIG_PAGE_RELEASE);
}

static int start_ve(void **state)
{
	return start_attributes(state, 0, TD_CONFIG_FLEXIBLE_PENDING_VE);
}

static int stop(void **state)
{
	struct rig *rig = *state;
	bool clean = true;

	tdx_check(rig->m);
	for (u32 i = 0; i < rig->env->checker.broken_count; i++)
		if (rig->env->checker.broken[i].inv != INV_HOST_NEVER_CONSUMES_TD) {
			print_error("%s\n", rig->env->checker.broken[i].text);
			clean = false;
		}
	rig_stop(rig);
	return clean ? 0 : -1;
}

static u64 touch(struct rig *rig, gpa_t gpa, struct guest_op *op)
{
	*op = (struct guest_op){ .kind = GUEST_WRITE, .gpa = gpa, .value = 9 };
	return rig_guest(rig, 0, 0, op);
}

static void a_violation_of_a_free_entry_names_the_page(void **state)
{
	struct rig *rig = *state;
	struct guest_op op;

	assert_int_equal(touch(rig, GPA + 0x123, &op), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(rig->regs.rcx, 2);
	assert_int_equal(rig->regs.rdx, EXT_NONE);
	assert_int_equal(rig->regs.r8, GPA);
	assert_false(op.done);
	assert_int_equal(op.exits, 1);
}

static void a_touch_before_acceptance_leaves_with_type_6(void **state)
{
	struct rig *rig = *state;
	struct guest_op op;

	OK(rig_aug(rig, 0, GPA, 0, HPA));
	assert_int_equal(touch(rig, GPA, &op), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(rig->regs.rdx, EXT_PENDING);
}

static void a_touch_before_acceptance_is_a_ve_when_the_td_wants_it(void **state)
{
	struct rig *rig = *state;
	struct guest_op op;

	OK(rig_aug(rig, 0, GPA, 0, HPA));
	assert_int_equal(touch(rig, GPA + 8, &op), TDX_EXIT_INTERRUPT);
	assert_true(op.done && op.ve);
	/* A second one before the first was read is a double fault. */
	touch(rig, GPA + 8, &op);
	assert_int_equal(op.fault, 8);
	assert_int_equal(rig_tdcall(rig, 0, 0, &op, TDG_VP_VEINFO_GET, 0), TDX_EXIT_INTERRUPT);
	assert_int_equal(op.rax, TDX_SUCCESS);
	assert_int_equal(op.regs.rcx, TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(op.regs.r9, GPA + 8);
	rig_tdcall(rig, 0, 0, &op, TDG_VP_VEINFO_GET, 0);
	assert_int_equal(op.rax, TDX_NO_VALID_VE_INFO);
}

static void the_guest_may_switch_pending_ve_off(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = { .kind = GUEST_TDCALL, .rax = TDG_VM_WR & 0xff,
			       .regs = { .rdx = 0x1110000300000017ULL, .r8 = 1, .r9 = 1 } };

	rig_guest(rig, 0, 0, &op);
	assert_int_equal(op.rax, TDX_SUCCESS);
	OK(rig_aug(rig, 0, GPA, 0, HPA));
	assert_int_equal(touch(rig, GPA, &op), TDX_EXIT_EPT_VIOLATION);
}

static void a_gpa_beyond_the_shared_bit_is_a_page_fault(void **state)
{
	struct rig *rig = *state;
	struct guest_op op;

	touch(rig, BIT_ULL(48), &op);
	assert_int_equal(op.fault, 14);
	assert_true(op.done);
}

static void acceptance_zeroes_what_the_host_left(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = { .kind = GUEST_READ, .gpa = GPA };

	OK(rig_aug(rig, 0, GPA, 0, HPA));
	hw_write(rig->hw, HPA, KEYID_SHARED, 55);
	OK(rig_accept(rig, 0, GPA, 0));
	rig_guest(rig, 0, 0, &op);
	assert_true(op.done);
	assert_int_equal(op.value, TOKEN_ZERO);
	assert_int_equal(rig_accept(rig, 0, GPA, 0), TDX_PAGE_ALREADY_ACCEPTED);
}

static void accept_4k_of_a_2m_page_asks_the_host_to_split(void **state)
{
	struct rig *rig = *state;
	u64 info;

	OK(rig_aug(rig, 0, GPA + SZ_2M, 1, HPA + SZ_2M));
	assert_int_equal(rig_accept(rig, 0, GPA + SZ_2M + PAGE_SIZE, 0), TDX_EXIT_EPT_VIOLATION);
	info = rig->regs.rdx >> 32;
	assert_int_equal(rig->regs.rdx & 0xf, EXT_ACCEPT);
	assert_int_equal(info & 7, 0);			/* asked */
	assert_int_equal(info >> 3 & 7, 1);		/* found */
	assert_int_equal(info >> 6 & 0xff, 2);		/* PENDING */
	assert_int_equal(info >> 14 & 1, 1);		/* a leaf */
	assert_int_equal(rig_accept(rig, 0, GPA, 1), TDX_PAGE_SIZE_MISMATCH + 1);
}

static void an_interrupted_2m_accept_goes_on_where_it_stopped(void **state)
{
	static const u16 stop_half_way[] = { 2 };
	struct rig *rig = *state;
	struct guest_op op;
	struct tdx_sept_view view;

	OK(rig_aug(rig, 0, GPA + SZ_2M, 1, HPA + SZ_2M));
	choose_enable(&rig->env->chooser, CHOICE_IRQ, true);
	choose_replay(&rig->env->chooser, stop_half_way, 1);
	assert_int_equal(rig_tdcall(rig, 0, 0, &op, TDG_MEM_PAGE_ACCEPT, (GPA + SZ_2M) | 1),
			 TDX_EXIT_INTERRUPT);
	assert_false(op.done);
	assert_int_equal(tdx_probe_sept(rig->m, TDR, GPA + SZ_2M, 1, &view), 0);
	assert_int_equal(view.raw >> 12 & 511, 256);
	assert_int_equal(view.state, SEPT_PENDING);
	assert_int_equal(hw_frame_peek(rig->hw, (HPA + SZ_2M) >> 12)->keyid, RIG_HKID);
	assert_int_equal(rig_call(rig, TDH_VP_ENTER, VP, 0, 0, 0), TDX_EXIT_INTERRUPT);
	assert_int_equal(op.rax, TDX_SUCCESS);
	choose_script(&rig->env->chooser);
	/* A block in between forgets the progress, and the counter is in the error. */
	OK(rig_aug(rig, 0, GPA + 2 * SZ_2M, 1, HPA + 2 * SZ_2M));
	choose_replay(&rig->env->chooser, stop_half_way, 1);
	rig_tdcall(rig, 0, 0, &op, TDG_MEM_PAGE_ACCEPT, (GPA + 2 * SZ_2M) | 1);
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_REMOVE, (GPA + 2 * SZ_2M) | 1, TDR, 0, 0),
			 tdx_on(TDX_GPA_RANGE_NOT_BLOCKED, RCX));
	assert_int_equal(rig->regs.rcx >> 12 & 511, 256);
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, (GPA + 2 * SZ_2M) | 1, TDR, 0, 0));
	assert_int_equal(tdx_probe_sept(rig->m, TDR, GPA + 2 * SZ_2M, 1, &view), 0);
	assert_int_equal(view.raw >> 12 & 511, 0);
	choose_script(&rig->env->chooser);
	tdx_guest_set(rig->m, VP, NULL);
}

static void a_host_that_waits_starves_the_guest_until_it_succeeds(void **state)
{
	struct rig *rig = *state;
	struct sept_pos at;

	OK(rig_aug(rig, 0, GPA, 0, HPA));
	sept_walk(rig->m, td_find(rig->m, TDR), GPA, 0, &at);
	*at.entry |= SEPT_TDEL;		/* somebody's */
	assert_int_equal(rig_call(rig, TDH_MEM_RANGE_BLOCK, GPA, TDR, 0, 0),
			 tdx_on(TDX_OPERAND_BUSY, RCX));
	*at.entry &= ~SEPT_TDEL;
	assert_int_equal(rig_accept(rig, 0, GPA, 0), tdx_on(TDX_OPERAND_BUSY, RCX));
	assert_int_equal(rig_accept(rig, 0, GPA, 0), tdx_on(TDX_OPERAND_BUSY, RCX));
	OK(rig_call(rig, TDH_MEM_SEPT_RD, GPA, TDR, 0, 0));
	OK(rig_accept(rig, 0, GPA, 0));
}

static void losing_to_the_host_too_long_leaves_the_td(void **state)
{
	struct rig *rig = *state;
	struct sept_pos at;
	struct guest_op op;
	u64 status = 0;
	u32 tries = 0;

	OK(rig_call(rig, TDH_MNG_WR, TDR, 0x9110000300000011ULL, 10000, ~0ULL));
	OK(rig_aug(rig, 0, GPA, 0, HPA));
	sept_walk(rig->m, td_find(rig->m, TDR), GPA, 0, &at);
	*at.entry |= SEPT_TDHP;
	while (TDX_STATUS(status) != TDX_HOST_PRIORITY_BUSY_TIMEOUT && tries++ < 100) {
		status = rig_tdcall(rig, 0, 0, &op, TDG_MEM_PAGE_ACCEPT, GPA);
		assert_int_equal(op.rax, tdx_on(TDX_OPERAND_BUSY, RCX));
	}
	assert_int_equal(tries, 10);	/* of a millisecond each */
	OK(rig_call(rig, TDH_MEM_SEPT_RD, GPA, TDR, 0, 0));
	OK(rig_accept(rig, 0, GPA, 0));
}

static void the_seventh_fault_arms_zero_step(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = { .kind = GUEST_WRITE, .gpa = GPA };
	u16 *tree = &td_find(rig->m, TDR)->tree_lock;

	for (u32 i = 0; i < 7; i++) {
		rig_guest(rig, 0, 0, &op);
		assert_int_equal(op.exits, i + 1);
	}
	/* Not entered any more: the exit is made up. */
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(op.exits, 7);
	assert_int_equal(rig->regs.rcx, 2);
	assert_int_equal(rig->regs.r8, GPA);
	*tree = TDX_LOCK_READER;
	assert_int_equal(rig_guest(rig, 0, 0, &op), tdx_on(TDX_OPERAND_BUSY, SEPT_TREE));
	*tree = 0;
	/* The trap: a pending page still counts as faulting, only another vCPU can help. */
	OK(rig_aug(rig, 0, GPA, 0, HPA));
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(op.exits, 7);
	struct guest_op accept;

	assert_int_equal(rig_tdcall(rig, 0, 1, &accept, TDG_MEM_PAGE_ACCEPT, GPA),
			 TDX_EXIT_INTERRUPT);
	OK(accept.rax);
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_INTERRUPT);
	assert_true(op.done);
}

static void progress_forgets_the_faults(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = { .kind = GUEST_WRITE, .gpa = GPA }, idle = { .kind = GUEST_IDLE };

	for (u32 i = 0; i < 20; i++) {
		u32 exits = op.exits;

		assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_EPT_VIOLATION);
		assert_int_equal(op.exits, exits + 1);
		if (i % 6 == 5) {
			idle.done = false;
			rig_guest(rig, 0, 0, &idle);
		}
	}
}

static void a_host_write_into_a_private_page_kills_the_td(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = { .kind = GUEST_READ, .gpa = GPA };
	struct tdx_td_view view;

	OK(rig_aug(rig, 0, GPA, 0, HPA));
	OK(rig_accept(rig, 0, GPA, 0));
	hw_write(rig->hw, HPA, KEYID_SHARED, 1);
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE);
	assert_int_equal(tdx_probe_td(rig->m, TDR, &view), 0);
	assert_true(view.fatal);
	assert_int_equal(view.refcount[0] + view.refcount[1], 1);	/* never given back */
	assert_int_equal(rig_call(rig, TDH_VP_ENTER, RIG_TDVPR(0, 1), 0, 0, 0), TDX_TD_FATAL);
}

static void a_blocked_page_stays_reachable_through_the_tlb_until_the_next_epoch(void **state)
{
	struct rig *rig = *state;
	struct guest_op op;

	OK(rig_aug(rig, 0, GPA, 0, HPA));
	OK(rig_accept(rig, 0, GPA, 0));
	assert_int_equal(touch(rig, GPA, &op), TDX_EXIT_INTERRUPT);
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, GPA, TDR, 0, 0));
	assert_int_equal(touch(rig, GPA, &op), TDX_EXIT_INTERRUPT);	/* allowed: same epoch */
	OK(rig_call(rig, TDH_MEM_TRACK, TDR, 0, 0, 0));
	assert_int_equal(touch(rig, GPA, &op), TDX_EXIT_EPT_VIOLATION);
}

static void a_released_page_is_pending_again(void **state)
{
	struct rig *rig = *state;
	struct guest_op op;
	struct tdx_sept_view view;

	OK(rig_aug(rig, 0, GPA, 0, HPA));
	OK(rig_accept(rig, 0, GPA, 0));
	rig_tdcall(rig, 0, 0, &op, TDG_MEM_PAGE_RELEASE, GPA);
	OK(op.rax);
	assert_int_equal(tdx_probe_sept(rig->m, TDR, GPA, 0, &view), 0);
	assert_int_equal(view.state, SEPT_PENDING);
	rig_tdcall(rig, 0, 0, &op, TDG_MEM_PAGE_RELEASE, GPA);
	assert_int_equal(op.rax, tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX));
	assert_int_equal(touch(rig, GPA, &op), TDX_EXIT_EPT_VIOLATION);
}

static hpa_t walk_shared(void *ctx, hpa_t tdr, gpa_t gpa, bool write)
{
	return gpa == (BIT_ULL(47) | GPA) ? *(hpa_t *)ctx : ~0ULL;
}

static void shared_memory_goes_through_the_hosts_tables(void **state)
{
	struct rig *rig = *state;
	hpa_t target = ~0ULL;
	struct guest_op op;

	assert_int_equal(touch(rig, BIT_ULL(47) | GPA, &op), TDX_EXIT_EPT_VIOLATION);
	tdx_set_shared_walk(rig->m, walk_shared, &target);
	assert_int_equal(touch(rig, BIT_ULL(47) | GPA, &op), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(rig->regs.r8, BIT_ULL(47) | GPA);
	target = HPA;
	assert_int_equal(touch(rig, BIT_ULL(47) | GPA, &op), TDX_EXIT_INTERRUPT);
	assert_int_equal(hw_frame_peek(rig->hw, HPA >> 12)->keyid, KEYID_SHARED);
}

static void tdcalls_refuse_what_they_do_not_know(void **state)
{
	static const u64 bad[] = { 99, 0x100, 1 | 1 << 16, 6 | 1ULL << 24, 0xffff, 6 | 1ULL << 63 };
	struct rig *rig = *state;
	struct guest_op op;

	for (u32 i = 0; i < ARRAY_SIZE(bad); i++) {
		op = (struct guest_op){ .kind = GUEST_TDCALL, .rax = bad[i] };
		rig_guest(rig, 0, 0, &op);
		assert_int_equal(op.rax, tdx_on(TDX_OPERAND_INVALID, RAX));
	}
	rig_tdcall(rig, 0, 0, &op, TDG_VP_VMCALL, 3);
	assert_int_equal(op.rax, tdx_on(TDX_OPERAND_INVALID, RCX));
	rig_tdcall(rig, 0, 0, &op, TDG_MEM_PAGE_ACCEPT, BIT_ULL(47) | GPA);
	assert_int_equal(op.rax, tdx_on(TDX_OPERAND_INVALID, RCX));
	rig_tdcall(rig, 0, 0, &op, TDG_MEM_PAGE_ACCEPT, GPA | 2);
	assert_int_equal(op.rax, tdx_on(TDX_OPERAND_INVALID, RCX));
}

static void a_halt_is_a_tdvmcall_the_host_answers(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = { .kind = GUEST_HALT };

	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_TDCALL);
	assert_int_equal(rig->regs.r11, TDX_EXIT_HLT);
	assert_false(op.done);
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_INTERRUPT);
	assert_true(op.done);
}

static void a_vcpu_belongs_to_one_processor_at_a_time(void **state)
{
	struct rig *rig = *state;

	assert_int_equal(rig_call(rig, TDH_VP_ENTER, VP, 0, 0, 0), TDX_EXIT_INTERRUPT);
	rig->lp = 1;
	assert_int_equal(rig_call(rig, TDH_VP_ENTER, VP, 0, 0, 0), TDX_VCPU_ASSOCIATED);
	assert_int_equal(rig_call(rig, TDH_VP_FLUSH, VP, 0, 0, 0), TDX_VCPU_NOT_ASSOCIATED);
	rig->lp = 0;
	OK(rig_call(rig, TDH_VP_FLUSH, VP, 0, 0, 0));
	rig->lp = 1;
	assert_int_equal(rig_call(rig, TDH_VP_ENTER, VP, 0, 0, 0), TDX_EXIT_INTERRUPT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
#define TEST_VE(f) cmocka_unit_test_setup_teardown(f, start_ve, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_violation_of_a_free_entry_names_the_page),
		TEST(a_touch_before_acceptance_leaves_with_type_6),
		TEST_VE(a_touch_before_acceptance_is_a_ve_when_the_td_wants_it),
		TEST_VE(the_guest_may_switch_pending_ve_off),
		TEST(a_gpa_beyond_the_shared_bit_is_a_page_fault),
		TEST(acceptance_zeroes_what_the_host_left),
		TEST(accept_4k_of_a_2m_page_asks_the_host_to_split),
		TEST(an_interrupted_2m_accept_goes_on_where_it_stopped),
		TEST(a_host_that_waits_starves_the_guest_until_it_succeeds),
		TEST(losing_to_the_host_too_long_leaves_the_td),
		TEST(the_seventh_fault_arms_zero_step),
		TEST(progress_forgets_the_faults),
		TEST(a_host_write_into_a_private_page_kills_the_td),
		TEST(a_blocked_page_stays_reachable_through_the_tlb_until_the_next_epoch),
		TEST(a_released_page_is_pending_again),
		TEST(shared_memory_goes_through_the_hosts_tables),
		TEST(tdcalls_refuse_what_they_do_not_know),
		TEST(a_halt_is_a_tdvmcall_the_host_answers),
		TEST(a_vcpu_belongs_to_one_processor_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
