/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A machine with the TDX module up, for tests and the fuzzer: host memory with
 * the structures the module reads, one TDMR over all RAM, and short forms of
 * the SEAMCALLs a life cycle needs. Pages are taken from fixed places, so that
 * addresses in a failure mean something.
 */
#ifndef SEPTUM_TESTS_TDX_RIG_H
#define SEPTUM_TESTS_TDX_RIG_H

#include <string.h>

#include "model/tdx/leaf.h"

#define RIG_PARAMS	0x100000ULL	/* TD_PARAMS */
#define RIG_LIST	0x101000ULL	/* array of TDMR_INFO addresses */
#define RIG_INFO	0x102000ULL	/* the TDMR_INFO */
#define RIG_HOST_END	0x103000ULL
#define RIG_GLOBAL_HKID	32
#define RIG_HKID	33
#define RIG_TD(n)	(0x1000000ULL + (n) * 0x100000)	/* 1 MB of control pages a TD */
#define RIG_TDR(n)	RIG_TD(n)
#define RIG_TDVPR(n, v)	(RIG_TD(n) + 0x40000 + (v) * 0x8000)
#define RIG_TABLES(n)	(RIG_TD(n) + 0x80000)		/* S-EPT pages, then spare ones */
#define RIG_PAGES	0x8000000ULL			/* pages to map, 2M aligned */

struct rig {
	struct env *env;
	struct hw *hw;
	struct tdx_module *m;
	u64 params[TDX_PARAMS_SIZE / 8];
	u64 list[8];
	u64 info[64];
	struct tdx_module_args regs;	/* of the last SEAMCALL */
	hpa_t next_table;
	u32 lp;
};

static inline bool rig_read(void *ctx, hpa_t hpa, void *buf, u32 size)
{
	struct rig *rig = ctx;
	const void *from = NULL;
	u64 offset = hpa & (PAGE_SIZE - 1), room = 0;

	switch (hpa & PAGE_MASK) {
	case RIG_PARAMS:
		from = rig->params;
		room = sizeof(rig->params);
		break;
	case RIG_LIST:
		from = rig->list;
		room = sizeof(rig->list);
		break;
	case RIG_INFO:
		from = rig->info;
		room = sizeof(rig->info);
		break;
	}
	if (!from || offset > room || size > room - offset)
		return false;
	memcpy(buf, (const char *)from + offset, size);
	return true;
}

static inline u64 rig_call(struct rig *rig, u64 rax, u64 rcx, u64 rdx, u64 r8, u64 r9)
{
	rig->regs = (struct tdx_module_args){ .rcx = rcx, .rdx = rdx, .r8 = r8, .r9 = r9 };
	return seamcall(rig->m, rig->lp, rax, &rig->regs);
}

/* TD_PARAMS of an ordinary TD: 4-level S-EPT, shared bit 47. */
static inline void rig_params(struct rig *rig)
{
	memset(rig->params, 0, sizeof(rig->params));
	rig->params[0] = TD_ATTRIBUTES_SEPT_VE_DISABLE;
	rig->params[1] = 3;		/* XFAM */
	rig->params[2] = 8;		/* MAX_VCPUS, no nested VMs */
	rig->params[3] = 6 | 3 << 3;	/* EPTP: WB, 4 levels */
	rig->params[5] = 40;		/* TSC frequency, 25 MHz units */
}

/* One TDMR over all RAM; its PAMT at the end, reserved. */
static inline void rig_tdmr(struct rig *rig)
{
	u64 ram = rig->hw->frame_count << PAGE_SHIFT;
	u64 size4k = ram / SZ_4K * 16, size2m = ALIGN_UP(ram / SZ_2M * 16, SZ_4K);
	u64 size1g = ALIGN_UP(ram / SZ_1G * 16, SZ_4K), total = size4k + size2m + size1g;

	memset(rig->info, 0, sizeof(rig->info));
	rig->list[0] = RIG_INFO;
	rig->info[1] = ram;
	rig->info[2] = ram - size1g;
	rig->info[3] = size1g;
	rig->info[4] = ram - size1g - size2m;
	rig->info[5] = size2m;
	rig->info[6] = ram - total;
	rig->info[7] = size4k;
	rig->info[8] = ram - total;	/* reserved area: offset, size */
	rig->info[9] = total;
}

/* Bring the module up as a host does. The status of the first call that failed. */
static inline u64 rig_boot(struct rig *rig)
{
	struct hw *hw = rig->hw;
	u64 status = rig_call(rig, TDH_SYS_INIT, 0, 0, 0, 0), next = 0;
	u64 r8 = RIG_GLOBAL_HKID | (rig->m->config.dynamic_pamt ? BIT_ULL(16) : 0);

	for (rig->lp = 0; rig->lp < hw->cpu_count && !status; rig->lp++)
		status = rig_call(rig, TDH_SYS_LP_INIT, 0, 0, 0, 0);
	rig->lp = 0;
	rig_tdmr(rig);
	if (!status)
		status = rig_call(rig, TDH_SYS_CONFIG, RIG_LIST, 1, r8, 0);
	for (rig->lp = 0; rig->lp < hw->cpu_count && !status; rig->lp++) {
		status = rig_call(rig, TDH_SYS_KEY_CONFIG, 0, 0, 0, 0);
		if (status == TDX_KEY_CONFIGURED)
			status = TDX_SUCCESS;
		if (rig->m->sys_state == SYS_READY)
			break;
	}
	rig->lp = 0;
	while (!status && next < hw->frame_count << PAGE_SHIFT) {
		status = rig_call(rig, TDH_SYS_TDMR_INIT, 0, 0, 0, 0);
		next = rig->regs.rdx;
	}
	return status;
}

/* The module as loaded, nothing called yet. */
static inline void rig_create(struct rig *rig, const struct hw_config *machine,
			      const struct tdx_config *config)
{
	memset(rig, 0, sizeof(*rig));
	rig->env = env_create();
	rig->hw = hw_create(rig->env, machine);
	rig->m = tdx_module_create(rig->env, rig->hw, config);
	tdx_set_phys_read(rig->m, rig_read, rig);
	rig_params(rig);
}

static inline u64 rig_start_on(struct rig *rig, const struct hw_config *machine,
			       const struct tdx_config *config)
{
	rig_create(rig, machine, config);
	return rig_boot(rig);
}

static inline u64 rig_start(struct rig *rig, const struct tdx_config *config)
{
	return rig_start_on(rig, &hw_config_default, config);
}

static inline void rig_stop(struct rig *rig)
{
	env_destroy(rig->env);
}

#define RIG_TRY(expr)					\
	do {						\
		u64 rig_status_ = (expr);		\
		if (rig_status_)			\
			return rig_status_;		\
	} while (0)

/* With dynamic PAMT every 4K page needs its range's pair first; taken once a range. */
static inline u64 rig_pair(struct rig *rig, hpa_t hpa)
{
	hpa_t range = ALIGN_DOWN(hpa, SZ_2M), pages = 0x40000000ULL + range / SZ_2M * 2 * PAGE_SIZE;
	u64 status;

	if (!rig->m->dynamic_pamt)
		return TDX_SUCCESS;
	status = rig_call(rig, TDH_PHYMEM_PAMT_ADD, range | 1, pages, pages + PAGE_SIZE, 0);
	return TDX_STATUS(status) == TDX_HPA_RANGE_NOT_FREE ? TDX_SUCCESS : status;
}

/* Life cycle, one step each. */
static inline u64 rig_td_create(struct rig *rig, u32 n)
{
	RIG_TRY(rig_pair(rig, RIG_TDR(n)));
	return rig_call(rig, TDH_MNG_CREATE, RIG_TDR(n), RIG_HKID + n, 0, 0);
}

static inline u64 rig_td_keys(struct rig *rig, u32 n)
{
	u32 lp = rig->lp;
	u64 status = TDX_SUCCESS;

	for (u32 package = 0; package < rig->hw->package_count && !status; package++) {
		for (rig->lp = 0; rig->hw->cpu[rig->lp].package != package; rig->lp++)
			;
		status = rig_call(rig, TDH_MNG_KEY_CONFIG, RIG_TDR(n), 0, 0, 0);
	}
	rig->lp = lp;
	return status;
}

static inline u64 rig_td_init(struct rig *rig, u32 n)
{
	for (u32 i = 1; i <= TDX_TDCX_MIN; i++)
		RIG_TRY(rig_call(rig, TDH_MNG_ADDCX, RIG_TD(n) + i * PAGE_SIZE, RIG_TDR(n), 0, 0));
	return rig_call(rig, TDH_MNG_INIT, RIG_TDR(n), RIG_PARAMS, 0, 0);
}

static inline u64 rig_vcpu(struct rig *rig, u32 n, u32 v)
{
	hpa_t tdvpr = RIG_TDVPR(n, v);

	RIG_TRY(rig_call(rig, TDH_VP_CREATE, tdvpr, RIG_TDR(n), 0, 0));
	for (u32 i = 1; i < TDX_TDVPS_PAGES; i++)
		RIG_TRY(rig_call(rig, TDH_VP_ADDCX, tdvpr + i * PAGE_SIZE, tdvpr, 0, 0));
	return rig_call(rig, TDH_VP_INIT, tdvpr, 0, 0, 0);
}

/* A TD with @vcpus vCPUs, being built. */
static inline u64 rig_td(struct rig *rig, u32 n, u32 vcpus)
{
	RIG_TRY(rig_td_create(rig, n));
	RIG_TRY(rig_td_keys(rig, n));
	RIG_TRY(rig_td_init(rig, n));
	for (u32 v = 0; v < vcpus; v++)
		RIG_TRY(rig_vcpu(rig, n, v));
	rig->next_table = RIG_TABLES(n);
	return TDX_SUCCESS;
}

/* S-EPT tables for @gpa so that an entry of @level exists. */
static inline u64 rig_tables(struct rig *rig, u32 n, gpa_t gpa, u8 level)
{
	for (u8 parent = 3; parent > level; parent--) {
		struct tdx_sept_view view;
		gpa_t base = ALIGN_DOWN(gpa, sept_level_size(parent));

		if (tdx_probe_sept(rig->m, RIG_TDR(n), gpa, parent, &view))
			return TDX_OP_STATE_INCORRECT;
		if (view.level == parent && view.state == SEPT_NL_MAPPED)
			continue;
		RIG_TRY(rig_call(rig, TDH_MEM_SEPT_ADD, base | parent, RIG_TDR(n),
				 rig->next_table, 0));
		rig->next_table += PAGE_SIZE;
	}
	return TDX_SUCCESS;
}

static inline u64 rig_finalize(struct rig *rig, u32 n)
{
	return rig_call(rig, TDH_MR_FINALIZE, RIG_TDR(n), 0, 0, 0);
}

static inline u64 rig_aug(struct rig *rig, u32 n, gpa_t gpa, u8 level, hpa_t hpa)
{
	RIG_TRY(rig_tables(rig, n, gpa, level));
	if (!level)
		RIG_TRY(rig_pair(rig, hpa));
	return rig_call(rig, TDH_MEM_PAGE_AUG, gpa | level, RIG_TDR(n), hpa, 0);
}

/* Run one guest operation until VP.ENTER comes back. */
static inline u64 rig_guest(struct rig *rig, u32 n, u32 v, struct guest_op *op)
{
	tdx_guest_set(rig->m, RIG_TDVPR(n, v), op);
	return rig_call(rig, TDH_VP_ENTER, RIG_TDVPR(n, v), 0, 0, 0);
}

static inline u64 rig_tdcall(struct rig *rig, u32 n, u32 v, struct guest_op *op, u64 leaf, u64 rcx)
{
	*op = (struct guest_op){ .kind = GUEST_TDCALL, .rax = leaf & 0xff, .regs = { .rcx = rcx } };
	return rig_guest(rig, n, v, op);
}

/* ACCEPT; what the guest got, or the exit's status when it left first. */
static inline u64 rig_accept(struct rig *rig, u32 n, gpa_t gpa, u8 level)
{
	struct guest_op op;
	u64 status = rig_tdcall(rig, n, 0, &op, TDG_MEM_PAGE_ACCEPT, gpa | level);

	tdx_guest_set(rig->m, RIG_TDVPR(n, 0), NULL);
	return op.done ? op.rax : status;
}

static inline u64 rig_reclaim(struct rig *rig, hpa_t hpa)
{
	return rig_call(rig, TDH_PHYMEM_PAGE_RECLAIM, hpa, 0, 0, 0);
}

#endif /* SEPTUM_TESTS_TDX_RIG_H */
