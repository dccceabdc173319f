// SPDX-License-Identifier: GPL-2.0-only
/*
 * Arbitrary SEAMCALLs and guest operations against a module that is up, with
 * one running TD and one being built. After every call the module's own
 * invariants must hold and the status must be one the leaf's row lists.
 *
 * Bytes: the first picks the module version; then per call one byte for the
 * leaf, one for processor and version, and one selector a register, followed
 * by eight raw bytes where the selector says so. Chooser bytes (entropy,
 * interrupts) come from the input's last eighth.
 */
#include <stdio.h>
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "tests/tdx_rig.h"

#define WORLDS	4
#define GPA0	0x40000000ULL

static struct rig world[WORLDS];

static const struct tdx_config world_config[WORLDS] = {
	{ .version = TDX_MODULE_1_5, .zero_step = true },
	{ .version = TDX_MODULE_1_5_NOINTR, .zero_step = true },
	{ .version = TDX_MODULE_2_0, .zero_step = true },
	{ .version = TDX_MODULE_2_0, .dynamic_pamt = true, .zero_step = true },
};

/* Addresses worth naming: control pages, tables, mapped and free pages, bad ones. */
static const u64 interesting_hpa[] = {
	RIG_TDR(0), RIG_TDR(1), RIG_TDR(2), RIG_TDVPR(0, 0), RIG_TDVPR(0, 1), RIG_TDVPR(1, 0),
	RIG_TD(0) + PAGE_SIZE, RIG_TD(1) + PAGE_SIZE, RIG_TABLES(0), RIG_TABLES(0) + PAGE_SIZE,
	RIG_TABLES(0) + 2 * PAGE_SIZE, RIG_TABLES(1), RIG_TABLES(0) + 0x10000,
	RIG_TABLES(0) + 0x11000, RIG_TABLES(1) + 0x10000, RIG_PAGES, RIG_PAGES + PAGE_SIZE,
	RIG_PAGES + 2 * PAGE_SIZE, RIG_PAGES + SZ_2M, RIG_PAGES + 2 * SZ_2M,
	RIG_PAGES + 3 * SZ_2M, RIG_PAGES + 3 * SZ_2M + PAGE_SIZE, RIG_PARAMS, RIG_LIST, RIG_INFO,
	0, 0xfffff000, 0x100000000, 0xffffffffffffffff, RIG_PAGES | 1, RIG_PAGES + 2 * SZ_2M + 1,
	RIG_TD(2) + PAGE_SIZE, RIG_TD(2) + 2 * PAGE_SIZE,
};

static const u64 interesting_gpa[] = {
	GPA0, GPA0 + PAGE_SIZE, GPA0 + 2 * PAGE_SIZE, GPA0 + 3 * PAGE_SIZE, GPA0 + SZ_2M,
	GPA0 + SZ_2M + PAGE_SIZE, GPA0 + 2 * SZ_2M, GPA0 + 3 * SZ_2M, 2 * GPA0, 0, 1ULL << 39,
	1ULL << 47, (1ULL << 47) + GPA0, 1ULL << 51,
};

static const u64 interesting_number[] = {
	0, 1, 2, 3, 31, 32, 33, 34, 35, 63, 64, 0xfc00, ~0ULL, 0x1110000300000017ULL,
	0x9110000300000011ULL, 20000, 0x0020000100000000ULL,
};

struct input {
	const u8 *at, *end;
};

static u8 take(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static u64 take_register(struct input *in)
{
	u8 selector = take(in);
	u64 value = 0;

	switch (selector >> 6) {
	case 0:
		return interesting_hpa[selector % ARRAY_SIZE(interesting_hpa)];
	case 1:
		return interesting_gpa[(selector & 0xf) % ARRAY_SIZE(interesting_gpa)] |
		       (selector >> 4 & 3);
	case 2:
		return interesting_number[selector % ARRAY_SIZE(interesting_number)];
	}
	if (selector & 0x20)	/* an address with an HKID */
		return interesting_hpa[take(in) % ARRAY_SIZE(interesting_hpa)] |
		       (u64)(selector & 0x1f) << (HW_PHYS_BITS + 1);
	for (u32 i = 0; i < 8; i++)
		value = value << 8 | take(in);
	return value;
}

/* The TDR where it belongs, more often than not: else few calls get past it. */
static u64 take_tdr(struct input *in)
{
	u64 value = take_register(in);

	return value & 0x8 ? value : RIG_TDR(value >> 4 & 1);
}

static void fail(const struct rig *rig, const char *what)
{
	fprintf(stderr, "%s\n", what);
	for (u32 i = 0; i < rig->env->checker.broken_count; i++)
		fprintf(stderr, "%s: %s\n", inv_name[rig->env->checker.broken[i].inv],
			rig->env->checker.broken[i].text);
	abort();
}

/* That a host reads what a TD owns is the fuzzer's doing, not the module's. */
static void judge(struct rig *rig)
{
	const struct checker *checker = &rig->env->checker;

	tdx_check(rig->m);
	for (u32 i = 0; i < checker->broken_count; i++)
		if (checker->broken[i].inv != INV_HOST_NEVER_CONSUMES_TD)
			fail(rig, "invariant broken");
}

static void one_seamcall(struct rig *rig, struct input *in)
{
	u8 leaf = take(in), how = take(in);
	struct tdx_module_args *regs = &rig->regs;
	u64 rax = leaf % 100, status;
	char text[96];

	if (how & 0x80)
		rax = (u64)take(in) << 16 | leaf;
	else if (how & 0x40)
		rax |= 1 << 16;
	memset(regs, 0, sizeof(*regs));
	regs->rcx = take_register(in);
	regs->rdx = tdx_leaf_info[rax & 0xff].locks & TL_ENTRY ? take_tdr(in) : take_register(in);
	regs->r8 = take_register(in);
	regs->r9 = how & 0x20 ? take_register(in) : TDX_NULL_PA;
	regs->r10 = regs->r11 = TDX_NULL_PA;
	regs->r12 = how & 0x10 ? take_register(in) : RIG_TABLES(0) + 0x20000;
	regs->r13 = RIG_TABLES(0) + 0x21000;
	status = seamcall(rig->m, how % rig->hw->cpu_count, rax, regs);
	if (rax < TDX_LEAF_MAX && tdx_leaf_info[rax].name && rax != TDH_VP_ENTER &&
	    rax != TDH_SYS_CONFIG && !tdx_leaf_may_return(&tdx_leaf_info[rax], status)) {
		tdx_status_print(status, text, sizeof(text));
		fprintf(stderr, "%s: %s\n", tdx_leaf_info[rax].name, text);
		fail(rig, "a status its row does not list");
	}
}

static void one_guest_operation(struct rig *rig, struct input *in)
{
	static const u16 leaf[] = { 0, 1, 3, 6, 6, 6, 7, 8, 23, 24, 30, 99 };
	u8 pick = take(in), how = take(in);
	struct guest_op op = { .kind = pick % 6, .value = pick };
	hpa_t tdvpr = RIG_TDVPR(0, how >> 7);

	op.gpa = take_register(in);
	if (op.kind == GUEST_TDCALL) {
		op.rax = leaf[how % ARRAY_SIZE(leaf)];
		op.regs.rcx = op.gpa;
		op.regs.rdx = take_register(in);
		op.regs.r8 = take_register(in);
		op.regs.r9 = ~0ULL;
	}
	tdx_guest_set(rig->m, tdvpr, &op);
	for (u32 i = 0; i < 3u + (how & 7) && !op.done; i++) {
		rig->regs = (struct tdx_module_args){ .rcx = tdvpr };
		if (seamcall(rig->m, how >> 4 & 1, TDH_VP_ENTER, &rig->regs) & TDX_STATUS_ERROR)
			break;
	}
	tdx_guest_set(rig->m, tdvpr, NULL);
}

static void must(u64 status)
{
	if (status)
		abort();
}

/* A running TD with pages in several states, and a second one being built. */
static void populate(struct rig *rig)
{
	must(rig_td(rig, 0, 2));
	must(rig_tables(rig, 0, GPA0, 0));
	must(rig_pair(rig, RIG_PAGES));
	must(rig_call(rig, TDH_MEM_PAGE_ADD, GPA0, RIG_TDR(0), RIG_PAGES, RIG_INFO));
	must(rig_finalize(rig, 0));
	must(rig_aug(rig, 0, GPA0 + PAGE_SIZE, 0, RIG_PAGES + PAGE_SIZE));
	must(rig_aug(rig, 0, GPA0 + SZ_2M, 1, RIG_PAGES + SZ_2M));
	must(rig_aug(rig, 0, GPA0 + 2 * SZ_2M, 1, RIG_PAGES + 2 * SZ_2M));
	must(rig_accept(rig, 0, GPA0 + SZ_2M, 1));
	must(rig_td(rig, 1, 1));
	rig_pair(rig, RIG_TDR(2));
}

static void worlds_free(void)
{
	for (u32 i = 0; i < WORLDS; i++)
		rig_stop(&world[i]);
}

static void worlds_make(void)
{
	for (u32 i = 0; i < WORLDS; i++) {
		must(rig_start(&world[i], &world_config[i]));
		populate(&world[i]);
		choose_enable(&world[i].env->chooser, CHOICE_ENTROPY, true);
		choose_enable(&world[i].env->chooser, CHOICE_IRQ, true);
		arena_snapshot(world[i].env->arena);
	}
	atexit(worlds_free);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size - size / 8 };
	struct rig *rig;

	if (!world[0].env)
		worlds_make();
	rig = &world[take(&in) % WORLDS];
	arena_restore(rig->env->arena);
	choose_bytes(&rig->env->chooser, in.end, size / 8);
	while (in.at < in.end) {
		if (take(&in) & 3)
			one_seamcall(rig, &in);
		else
			one_guest_operation(rig, &in);
		judge(rig);
	}
	return 0;
}
