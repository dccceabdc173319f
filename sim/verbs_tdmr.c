// SPDX-License-Identifier: GPL-2.0-only
/*
 * `test tdmr`: what a host hands to TDH.SYS.CONFIG, for scenarios on a machine
 * whose host left the module alone. A list of addresses lies at LIST, the
 * TDMR_INFO structures behind it; the module reads them instead of host memory.
 */
#include <string.h>

#include "model/tdx/tdx.h"
#include "sim/run_impl.h"

#define LIST		0x1000ULL	/* the address scenarios give in RCX */
#define INFOS		0x2000ULL
#define INFO_STRIDE	512		/* how they must be aligned */
#define TDMR_MAX	4
#define RESERVED_MAX	16

/* TDX module 1.5.01: TDMR_INFO. PAMT regions in order 1G, 2M, 4K. */
struct tdmr_info {
	u64 base, size;
	struct {
		u64 base, size;
	} pamt[3];
	struct {
		u64 offset, size;
	} reserved[RESERVED_MAX];
};

static_assert(sizeof(struct tdmr_info) <= INFO_STRIDE, "they must not overlap");

/* In the arena, so that a reset takes it back together with the module. */
struct tdmr_list {
	u64 address[TDMR_MAX];
	struct tdmr_info info[TDMR_MAX];
};

static bool read_tdmrs(void *ctx, hpa_t hpa, void *buf, u32 size)
{
	const struct tdmr_list *list = ctx;
	u64 nr = (hpa - INFOS) / INFO_STRIDE;

	if (hpa >= LIST && hpa + size <= LIST + sizeof(list->address))
		memcpy(buf, (const char *)list->address + (hpa - LIST), size);
	else if (hpa >= INFOS && nr < TDMR_MAX && size <= sizeof(list->info[nr]))
		memcpy(buf, &list->info[nr], size);
	else
		return false;
	return true;
}

void verb_test_tdmr(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct tdmr_list *list = run->world.tdmrs;
	u64 nr = step->value[0].number, i;

	if (nr >= TDMR_MAX) {
		out_bad_input(out, "there are TDMRs 0 to %u here", TDMR_MAX - 1);
		return;
	}
	if (!list) {
		list = run->world.tdmrs = arena_alloc(run->sim->env->arena, sizeof(*list));
		for (i = 0; i < TDMR_MAX; i++)
			list->address[i] = INFOS + i * INFO_STRIDE;
		tdx_set_phys_read(run->sim->tdx, read_tdmrs, list);
	}
	/* What is left out: 4 GiB, of which the last 256 MiB are reserved and hold the PAMT. */
	list->info[nr] = (struct tdmr_info){
		.base = step_number(step, 1, 0), .size = step_number(step, 2, 4 * SZ_1G),
		.pamt = {
			{ 0xf2000000, SZ_2M },
			{ step_number(step, 4, 0xf1000000), SZ_2M },
			{ step_number(step, 3, 0xf0000000), step_number(step, 5, 16 << 20) },
		},
		.reserved = {
			{ step_number(step, 6, 0xf0000000), step_number(step, 7, 0x10000000) },
			{ step_number(step, 8, 0), step_number(step, 9, 0) },
		},
	};
}
