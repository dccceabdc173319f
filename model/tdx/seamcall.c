// SPDX-License-Identifier: GPL-2.0-only
/*
 * The seam: the only way into the module, and the only place where SEAMCALLs
 * are counted, traced and made to fail on purpose. Register 0 and module-state
 * checks in the order of the TDX module 1.5.01.
 */
#include "model/tdx/leaf.h"

#define TDX_SEAMCALL_VMFAILINVALID	0x8000FF00FFFF0000ULL

static const struct {
	u64 (*check)(struct call *c);
	u64 (*commit)(struct call *c);
} leaf_fn[TDX_LEAF_MAX] = {
#define LEAF(number, name, suffix, ...) [number] = { check_##suffix, commit_##suffix },
#include "model/tdx/leaves.def"
#undef LEAF
};

static inline void release(const struct held *held)
{
	*held->lock = (*held->lock & held->release.mask) - held->release.minus;
}

void call_release_table(struct call *c)
{
	for (u32 i = 0; i < SEPT_ENTRIES; i++)
		entry_unlock(&c->locked_table->entry[i]);
	c->locked_table = NULL;
}

void call_release_all(struct call *c)
{
	const struct held *held = c->held, *end = c->held_end;

	if (unlikely(c->locked_table))
		call_release_table(c);
	for (; held < end; held++)
		release(held);
	c->held_end = c->held;
}

void call_release(struct call *c, u16 *lock)
{
	for (struct held *held = c->held; held < c->held_end; held++) {
		if (held->lock != lock)
			continue;
		release(held);
		*held = *--c->held_end;
		return;
	}
}

static bool allowed_before_ready(u16 leaf)
{
	switch (leaf) {
	case TDH_SYS_INIT:
	case TDH_SYS_LP_INIT:
	case TDH_SYS_RD:
	case TDH_SYS_CONFIG:
	case TDH_SYS_KEY_CONFIG:
		return true;
	}
	return false;
}

/* RAX, then the state of the module and of this processor. */
static u64 judge_leaf(struct call *c, u64 rax)
{
	const struct tdx_module *m = c->m;

	if (rax >> 24 || (rax & 0xffff) >= TDX_LEAF_MAX || !c->info->name ||
	    c->version > c->info->version_max)
		return tdx_on(TDX_OPERAND_INVALID, RAX);
	if (m->sys_state == SYS_SHUT_DOWN)
		return TDX_SYS_SHUTDOWN;
	if (m->sys_state != SYS_READY && !allowed_before_ready(c->leaf))
		return TDX_SYS_NOT_READY;
	if (!(m->lp_initialized & BIT_ULL(c->lp)) && c->leaf != TDH_SYS_INIT &&
	    c->leaf != TDH_SYS_LP_INIT)
		return TDX_SYS_LP_INIT_NOT_DONE;
	return TDX_SUCCESS;
}

/* What judge_leaf() says of nearly every call: a known leaf in version 0, all ready. */
static inline bool leaf_is_plain(const struct call *c, u64 rax)
{
	return rax < TDX_LEAF_MAX && c->info->name && c->m->sys_state == SYS_READY &&
	       c->m->lp_initialized >> c->lp & 1;
}

/* The leaf itself: check, then commit, then all locks go. */
static inline u64 run_leaf(struct call *c)
{
	struct env *env = c->m->env;
	u64 status = leaf_fn[c->leaf].check(c);

	if (likely(!status)) {
		/* While locks are held is when another leaf can meet them. */
		if (unlikely(env->sched.live > 1) && c->held_end != c->held)
			task_yield(env, YIELD_SEAMCALL);
		status = leaf_fn[c->leaf].commit(c);
	}
	call_release_all(c);
	return status;
}

static u64 run_injected(struct call *c, const struct inject_rule *rule)
{
	struct other_party other;
	u64 status;

	switch (rule->kind) {
	case INJECT_REFUSE:
		refused_outputs(c, rule->status);
		return rule->status;
	case INJECT_LIE:
		return TDX_SUCCESS;
	case INJECT_LATE:
		run_leaf(c);
		return rule->status;
	case INJECT_BUSY:
		if (!other_party_take(c, rule->status, &other))
			break;
		status = run_leaf(c);
		other_party_drop(&other);
		return status;
	}
	return run_leaf(c);
}

static void trace_seamcall(struct call *c, u64 rax, u64 status, u8 injected,
			   const struct tdx_module_args *in)
{
	struct trace_event event = {
		.kind = TRACE_SEAMCALL,
		.call = { .rax = rax, .status = status, .in = in, .out = c->regs,
			  .injected = injected, .lp = c->lp },
	};

	trace_emit(c->m->env, &event);
}

/* Somebody listens, or a rule is armed. */
static __noinline u64 seamcall_watched(struct call *c, u64 rax)
{
	struct tdx_module_args in = *c->regs;
	const struct inject_rule *rule = inject_seamcall(c->m->env, c->leaf);
	u64 status;

	if (rule && rule->kind != INJECT_BUSY && rule->kind != INJECT_LATE && c->info->name) {
		status = run_injected(c, rule);
	} else {
		status = judge_leaf(c, rax);
		if (!status)
			status = rule ? run_injected(c, rule) : run_leaf(c);
	}
	if (trace_on(c->m->env, TRACE_SEAMCALL))
		trace_seamcall(c, rax, status, rule ? rule->kind : INJECT_NONE, &in);
	return status;
}

u64 seamcall(struct tdx_module *module, u32 lp, u64 rax, struct tdx_module_args *regs)
{
	struct env *env = module->env;
	struct call c;
	u64 status;

	task_yield(env, YIELD_SEAMCALL);
	if (unlikely(lp >= module->hw->cpu_count))
		return TDX_SEAMCALL_VMFAILINVALID;
	c.m = module;
	c.regs = regs;
	c.lp = lp;
	c.leaf = rax;
	c.version = rax >> 16;
	c.held_end = c.held;
	c.locked_table = NULL;
	c.page = NULL;
	c.alone = false;
	c.tdr = NULL;
	c.rcx = regs->rcx;
	c.rdx = regs->rdx;
	c.residence = NULL;
	c.info = &tdx_leaf_info[rax & (TDX_LEAF_MAX - 1)];
	if (unlikely(env->injector.rule_count || trace_on(env, TRACE_SEAMCALL)))
		return seamcall_watched(&c, rax);
	env->injector.seamcall_count++;
	if (likely(c.leaf < INJECT_LEAF_MAX))
		env->injector.calls[c.leaf]++;
	if (unlikely(!leaf_is_plain(&c, rax))) {
		status = judge_leaf(&c, rax);
		if (status)
			return status;
	}
	return run_leaf(&c);
}
