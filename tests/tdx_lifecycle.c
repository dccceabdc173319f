// SPDX-License-Identifier: GPL-2.0-only
/* One TD from MNG.CREATE to the reclaim of its root, through every call KVM makes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/tdx_rig.h"

#define GPA	0x40000000ULL

static int start(void **state)
{
	static struct rig rig;

	*state = &rig;
	assert_int_equal(rig_start(&rig, NULL), TDX_SUCCESS);
	return 0;
}

static int stop(void **state)
{
	struct rig *rig = *state;

	tdx_check(rig->m);
	assert_int_equal(rig->env->checker.broken_total, 0);
	rig_stop(rig);
	return 0;
}

#define OK(expr)	assert_int_equal((expr), TDX_SUCCESS)

static void build(struct rig *rig)
{
	hw_write(rig->hw, RIG_PAGES + 0x10000, KEYID_SHARED, 77);
	OK(rig_td(rig, 0, 1));
	OK(rig_tables(rig, 0, GPA, 0));
	OK(rig_call(rig, TDH_MEM_PAGE_ADD, GPA, RIG_TDR(0), RIG_PAGES, RIG_PAGES + 0x10000));
	for (u32 i = 0; i < 16; i++)
		OK(rig_call(rig, TDH_MR_EXTEND, GPA + i * 256, RIG_TDR(0), 0, 0));
	OK(rig_finalize(rig, 0));
}

static void remove_page(struct rig *rig, gpa_t gpa, hpa_t hpa)
{
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, gpa, RIG_TDR(0), 0, 0));
	OK(rig_call(rig, TDH_MEM_TRACK, RIG_TDR(0), 0, 0, 0));
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, gpa, RIG_TDR(0), 0, 0));
	assert_int_equal(rig->regs.rcx, hpa);
	OK(rig_call(rig, TDH_PHYMEM_PAGE_WBINVD, hpa | (u64)RIG_HKID << HW_PHYS_BITS, 0, 0, 0));
}

static void teardown(struct rig *rig)
{
	u64 status;

	OK(rig_call(rig, TDH_VP_FLUSH, RIG_TDVPR(0, 0), 0, 0, 0));
	OK(rig_call(rig, TDH_MNG_VPFLUSHDONE, RIG_TDR(0), 0, 0, 0));
	assert_int_equal(rig_call(rig, TDH_MNG_KEY_FREEID, RIG_TDR(0), 0, 0, 0),
			 TDX_WBCACHE_NOT_COMPLETE);
	for (rig->lp = 0; rig->lp < 4; rig->lp += 2)
		OK(rig_call(rig, TDH_PHYMEM_CACHE_WB, 0, 0, 0, 0));
	rig->lp = 0;
	OK(rig_call(rig, TDH_MNG_KEY_FREEID, RIG_TDR(0), 0, 0, 0));
	for (hpa_t hpa = RIG_TD(0) + PAGE_SIZE; hpa < RIG_TD(1); hpa += PAGE_SIZE) {
		status = rig_reclaim(rig, hpa);
		if (status)
			assert_int_equal(status, tdx_on(TDX_PAGE_METADATA_INCORRECT, RCX));
	}
	OK(rig_reclaim(rig, RIG_PAGES));
	OK(rig_reclaim(rig, RIG_TDR(0)));
	OK(rig_call(rig, TDH_PHYMEM_PAGE_WBINVD,
		    RIG_TDR(0) | (u64)RIG_GLOBAL_HKID << HW_PHYS_BITS, 0, 0, 0));
}

static void a_td_lives_and_dies(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = { .kind = GUEST_READ, .gpa = GPA };
	hpa_t hpa = RIG_PAGES + PAGE_SIZE;

	build(rig);
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_INTERRUPT);
	assert_true(op.done);
	assert_int_equal(op.value, 77);

	op = (struct guest_op){ .kind = GUEST_READ, .gpa = GPA + PAGE_SIZE };
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_EPT_VIOLATION);
	assert_int_equal(rig->regs.r8, GPA + PAGE_SIZE);
	OK(rig_aug(rig, 0, GPA + PAGE_SIZE, 0, hpa));
	assert_true(tdx_frame_in_sept(rig->m, hpa));
	OK(rig_accept(rig, 0, GPA + PAGE_SIZE, 0));
	op = (struct guest_op){ .kind = GUEST_WRITE, .gpa = GPA + PAGE_SIZE, .value = 5 };
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_INTERRUPT);
	tdx_check(rig->m);

	remove_page(rig, GPA + PAGE_SIZE, hpa);
	assert_false(tdx_frame_in_sept(rig->m, hpa));
	tdx_check(rig->m);
	teardown(rig);
}

static void a_map_request_crosses_untouched_and_is_answered(void **state)
{
	struct rig *rig = *state;
	struct guest_op op = {
		.kind = GUEST_TDCALL,
		.rax = 0,
		.regs = { .rcx = 0xfc00, .r11 = 0x10001, .r12 = GPA, .r13 = 0x1000 },
	};

	build(rig);
	assert_int_equal(rig_guest(rig, 0, 0, &op), TDX_EXIT_TDCALL);
	assert_int_equal(rig->regs.rcx, 0xfc00);
	assert_int_equal(rig->regs.r11, 0x10001);
	assert_int_equal(rig->regs.r12, GPA);
	assert_false(op.done);
	rig->regs.rcx = RIG_TDVPR(0, 0);
	rig->regs.r10 = 1;
	assert_int_equal(seamcall(rig->m, 0, TDH_VP_ENTER, &rig->regs), TDX_EXIT_INTERRUPT);
	assert_true(op.done);
	assert_int_equal(op.regs.r10, 1);
	assert_int_equal(op.rax, TDX_SUCCESS);
}

static void a_removal_waits_for_tracking(void **state)
{
	struct rig *rig = *state;

	build(rig);
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_REMOVE, GPA, RIG_TDR(0), 0, 0),
			 tdx_on(TDX_GPA_RANGE_NOT_BLOCKED, RCX));
	OK(rig_call(rig, TDH_MEM_RANGE_BLOCK, GPA, RIG_TDR(0), 0, 0));
	assert_int_equal(rig_call(rig, TDH_MEM_PAGE_REMOVE, GPA, RIG_TDR(0), 0, 0),
			 tdx_on(TDX_TLB_TRACKING_NOT_DONE, RCX));
	OK(rig_call(rig, TDH_MEM_TRACK, RIG_TDR(0), 0, 0, 0));
	OK(rig_call(rig, TDH_MEM_PAGE_REMOVE, GPA, RIG_TDR(0), 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_td_lives_and_dies, start, stop),
		cmocka_unit_test_setup_teardown(a_map_request_crosses_untouched_and_is_answered,
						start, stop),
		cmocka_unit_test_setup_teardown(a_removal_waits_for_tracking, start, stop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
