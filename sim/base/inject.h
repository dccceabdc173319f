/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults on purpose: at the SEAMCALL seam (seamcall() is the only caller of
 * inject_seamcall()) and at allocations.
 *
 *   refuse  the status is returned, nothing was done
 *   late    the leaf ran, then the status is returned
 *   lie     TDX_SUCCESS is returned, nothing was done
 *   busy    a lock of the leaf's row is held by somebody else while it runs, so
 *           the module's own lock model answers TDX_OPERAND_BUSY
 *
 * A rule fires on the nth call (from 1) of its leaf counted from when the rule
 * was armed, and on the @times - 1 calls after it.
 */
#ifndef SEPTUM_BASE_INJECT_H
#define SEPTUM_BASE_INJECT_H

#include "sim/base/types.h"

struct env;

enum inject_kind {
	INJECT_NONE,
	INJECT_REFUSE,
	INJECT_LATE,
	INJECT_LIE,
	INJECT_BUSY,
};

#define INJECT_RULE_MAX		16
#define INJECT_LEAF_MAX		256	/* leaf numbers 0..255 */
#define INJECT_ALL_CALLS	(~0u)	/* times: for ever */

struct inject_rule {
	u16 leaf;		/* SEAMCALL leaf number */
	u8 kind;		/* enum inject_kind */
	u32 nth;		/* from 1 */
	u32 times;
	u64 status;		/* refuse, late: what is returned. busy: operand id */
	u32 line;		/* scenario line, for "never fired" */
	u32 seen, fired;
};

struct injector {
	struct inject_rule rule[INJECT_RULE_MAX];
	u32 rule_count;
	u32 calls[INJECT_LEAF_MAX];	/* SEAMCALLs so far, by leaf */
	u32 seamcall_count;
	u32 alloc_count;		/* fallible allocations so far */
	u32 alloc_fail_nth;		/* fail this one (from 1), 0 = none */
	u32 alloc_fail_times;		/* and those after it, so many in all; 0 = 1 */
	u32 alloc_fired;
	/* From the next injected SEAMCALL fault on every allocation fails. */
	bool oom_after_fault;
	bool oom;			/* it has come to that */
};

/* times 0 is taken as 1. -ENOSPC when all INJECT_RULE_MAX places are taken. */
int inject_add(struct env *env, const struct inject_rule *rule);
void inject_clear(struct env *env);
/* From here on nothing fires; what did, and what never did, is remembered. */
void inject_disarm(struct env *env);

/* The rule that fires for this call of @leaf, NULL for none. Counts the call. */
struct inject_rule *inject_seamcall(struct env *env, u16 leaf);

/*
 * True when this allocation shall fail. @site: a word for the trace, such as
 * "folio", "tdp_mmu_page", "xarray". Also asks choose(CHOICE_ALLOC).
 */
bool inject_alloc(struct env *env, const char *site);
/* The same where nobody may run in between: under a spinlock, half-way in a tree. */
bool inject_alloc_atomic(struct env *env, const char *site);

#endif /* SEPTUM_BASE_INJECT_H */
