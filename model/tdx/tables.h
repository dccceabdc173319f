/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's tables, readable by whoever lists, decodes, injects, draws or
 * proves: leaves, TDCALLs, statuses, operand ids, S-EPT states, page types and
 * the legal moves of each state machine. All constant data, no state.
 */
#ifndef SEPTUM_TDX_TABLES_H
#define SEPTUM_TDX_TABLES_H

#include "model/tdx/status.h"

/* -- Statuses -- */

enum tdx_retry { RETRY_NONE, RETRY_SAME, RETRY_RESUME, RETRY_AFTER, RETRY_NEVER };

struct tdx_status_info {
	const char *name;	/* TDX_OPERAND_BUSY */
	u64 value;		/* bits 31:0 are zero */
	u8 retry;		/* enum tdx_retry */
	const char *kvm;	/* what Linux 7.3.4 does with it */
	const char *text;
};

extern const struct tdx_status_info tdx_status_info[];
extern const u32 tdx_status_count;
extern const char *const tdx_retry_text[];

/* By value; details are ignored. NULL when unknown. */
const struct tdx_status_info *tdx_status_find(u64 status);
/* Why no scenario can show this status (status_unseen.def), NULL: one does. */
const char *tdx_status_unseen(u64 status);
/* By name, with or without TDX_. NULL when unknown. */
const struct tdx_status_info *tdx_status_by_name(const char *name);

/*
 * Text form: "TDX_OPERAND_BUSY|RCX", "TDX_PAGE_ALREADY_ACCEPTED|level 1",
 * "TDX_SUCCESS|exit 48", or the number when unknown. Returns what snprintf does.
 */
int tdx_status_print(u64 status, char *text, size_t size);
/*
 * The inverse, and shorter forms: the TDX_ may be left out; after '|' a name
 * of operand_ids.def or a number. -1 when it is no status.
 */
int tdx_status_parse(const char *text, u64 *status);

struct tdx_operand_info {
	const char *name;	/* RCX, SEPT_TREE */
	u32 value;
	const char *text;
};

extern const struct tdx_operand_info tdx_operand_info[];
extern const u32 tdx_operand_count;
const struct tdx_operand_info *tdx_operand_find(u32 value);

/* -- Leaves -- */

/* Locks a leaf takes, outermost first. EX and SH: exclusive, shared. */
enum tdx_leaf_lock {
	TL_SYS		= 1 << 0,	/* module global */
	TL_TDMR		= 1 << 1,	/* of one TDMR */
	TL_TDVPR_SH	= 1 << 2,	/* PAMT entry of the vCPU root */
	TL_TDVPR_EX	= 1 << 3,
	TL_TDR_SH	= 1 << 4,	/* PAMT entry of the TD root */
	TL_TDR_EX	= 1 << 5,
	TL_OP_STATE	= 1 << 6,	/* shared */
	TL_TREE_SH	= 1 << 7,
	TL_TREE_EX	= 1 << 8,
	TL_ENTRY	= 1 << 9,	/* the S-EPT entry RCX names */
	TL_PAGE		= 1 << 10,	/* PAMT entry of a new or found page */
	TL_EPOCH_SH	= 1 << 11,
	TL_EPOCH_EX	= 1 << 12,
	TL_KOT_SH	= 1 << 13,
	TL_KOT_EX	= 1 << 14,
	TL_WBCACHE	= 1 << 15,	/* of one package */
};

struct tdx_leaf_info {
	const char *name;	/* TDH_MEM_PAGE_AUG; NULL: no such leaf */
	u16 number;
	u8 version_max;
	u32 locks;		/* enum tdx_leaf_lock */
	const char *op_states;	/* 11 of 'x' and '.', by OP_STATE; NULL: not checked */
	const char *sept_states;	/* 19 of 'x' and '.', by row of sept_states.def */
	const char *operands;
	const u64 *status;	/* composed with operand ids; all may be injected */
	u32 status_count;
};

#define TDX_LEAF_MAX	256

/* By leaf number; rows without a name do not exist. */
extern const struct tdx_leaf_info tdx_leaf_info[TDX_LEAF_MAX];
extern const struct tdx_leaf_info tdx_tdcall_info[TDX_LEAF_MAX];
/* What every SEAMCALL may return besides its own list. */
extern const u64 tdx_common_status[];
extern const u32 tdx_common_status_count;

/* "TDH_MEM_PAGE_AUG", "TDH.MEM.PAGE.AUG", "mem.page.aug" or "6". NULL when unknown. */
const struct tdx_leaf_info *tdx_leaf_by_name(const char *name);
const struct tdx_leaf_info *tdx_tdcall_by_name(const char *name);
/* "TDR sh, OP_STATE sh, ..." */
int tdx_leaf_locks_print(u32 locks, char *text, size_t size);
/* May @info's leaf return @status (details compared too)? */
bool tdx_leaf_may_return(const struct tdx_leaf_info *info, u64 status);

enum tdx_leaf {
#define LEAF(number, name, suffix, ...) name = (number),
#include "model/tdx/leaves.def"
#undef LEAF
/* In the trace, TDCALL leaves have bit 8 set. */
#define TDX_TRACE_TDCALL	0x100
#define TDCALL_LEAF(number, name, suffix, ...) name = (number) | TDX_TRACE_TDCALL,
#include "model/tdx/tdcalls.def"
#undef TDCALL_LEAF
};

/* -- Secure EPT -- */

enum sept_reach { REACH_VIOLATION, REACH_WALK, REACH_FULL, REACH_READ, REACH_PENDING };

enum sept_state {
#define SEPT_STATE(row, name, ...) SEPT_##name = (row),
#include "model/tdx/sept_states.def"
#undef SEPT_STATE
	SEPT_STATE_NR
};

struct sept_state_info {
	const char *name;
	u8 code;		/* D, TDEX, TDBW, TDB, TDP, IPAT, PS from bit 0 */
	u8 arch;		/* RDX[15:8] of extended error information */
	bool leaf, tracked;
	u8 reach;		/* enum sept_reach */
	u64 bits;		/* state bits of the entry */
	const char *text;
};

extern const struct sept_state_info sept_state_info[SEPT_STATE_NR];
/* The row, -1 when unknown. */
int sept_state_by_name(const char *name);

enum tdx_move_when { MOVE_ALWAYS, MOVE_LIVE, MOVE_BUILD };

struct tdx_move {
	u16 leaf;		/* enum tdx_leaf */
	u8 from, to;		/* rows */
	u8 when;		/* enum tdx_move_when; S-EPT only */
};

extern const struct tdx_move sept_moves[];
extern const u32 sept_move_count;

/* -- PAMT -- */

enum pamt_type {
#define PAMT_TYPE(value, name, ...) name = (value),
#include "model/tdx/pamt_types.def"
#undef PAMT_TYPE
	PT_NR = 16
};

struct pamt_type_info {
	const char *name;	/* NULL: no such type */
	bool owned;
	const char *text;
};

extern const struct pamt_type_info pamt_type_info[PT_NR];
extern const struct tdx_move pamt_moves[];
extern const u32 pamt_move_count;

/* -- TD, HKID, vCPU -- */

enum td_lifecycle {
#define LIFECYCLE(value, name, text) name = (value),
#include "model/tdx/td_states.def"
	TD_LIFECYCLE_NR
};

enum td_op_state {
#define OP_STATE(value, name, live, text) OP_##name = (value),
#include "model/tdx/td_states.def"
	TD_OP_STATE_NR
};

enum hkid_state {
#define HKID_STATE(value, name, text) name = (value),
#include "model/tdx/td_states.def"
	HKID_STATE_NR
};

enum vcpu_state {
#define VCPU_STATE(value, name, text) name = (value),
#include "model/tdx/td_states.def"
	VCPU_STATE_NR
};

/* trace_event.state.what of TRACE_TD, and which machine a td_move is of. */
enum td_machine { TD_LIFECYCLE, TD_OP_STATE, TD_HKID_STATE, TD_VCPU_STATE, TD_MACHINE_NR };

struct td_state_info {
	const char *name;	/* NULL: a gap in the numbering */
	bool live;		/* op states: removal needs TLB tracking */
	const char *text;
};

extern const struct td_state_info td_lifecycle_info[TD_LIFECYCLE_NR];
extern const struct td_state_info td_op_state_info[TD_OP_STATE_NR];
extern const struct td_state_info hkid_state_info[HKID_STATE_NR];
extern const struct td_state_info vcpu_state_info[VCPU_STATE_NR];

struct td_move {
	u8 machine;		/* enum td_machine */
	u16 leaf;
	u8 from, to;
};

extern const struct td_move td_moves[];
extern const u32 td_move_count;

#endif /* SEPTUM_TDX_TABLES_H */
