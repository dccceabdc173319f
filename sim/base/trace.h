/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Typed events. Emitting one costs a test of a mask when nobody listens.
 * A listener gets each event as it happens; whoever wants history keeps it.
 * Kernel messages, WARN and BUG are events too, never output and never aborts.
 */
#ifndef SEPTUM_BASE_TRACE_H
#define SEPTUM_BASE_TRACE_H

#include <stdarg.h>

#include "sim/base/types.h"

struct env;

enum trace_kind {
	TRACE_SEAMCALL,		/* one SEAMCALL, after it returned */
	TRACE_TDCALL,		/* one TDCALL of a guest */
	TRACE_SEPT,		/* an S-EPT entry changed state */
	TRACE_PAMT,		/* a PAMT entry changed type */
	TRACE_TD,		/* a TD changed lifecycle or op state */
	TRACE_SPTE,		/* a mirror or direct SPTE changed */
	TRACE_PAGE,		/* allocated, freed, leaked, poisoned */
	TRACE_REF,		/* a reference taken or dropped */
	TRACE_GMEM,		/* a guest_memfd index gained or lost its folio, or was converted */
	TRACE_LOCK,
	TRACE_TASK,		/* a task was switched to, blocked, ended */
	TRACE_KMSG,		/* printk, WARN, BUG */
	TRACE_CHECK,		/* an invariant was broken */
	TRACE_KIND_NR
};

enum kmsg_level {
	KMSG_INFO,
	KMSG_WARNING,		/* pr_warn */
	KMSG_ERR,		/* pr_err */
	KMSG_WARN,		/* WARN and WARN_ON_ONCE, KVM_BUG_ON included */
	KMSG_BUG,		/* BUG: the host would have crashed */
};

struct tdx_module_args;

struct trace_event {
	u8 kind;		/* enum trace_kind */
	u8 task;		/* running task */
	u64 seq;		/* from 1, over all kinds */
	union {
		struct {			/* SEAMCALL, TDCALL */
			u64 rax;		/* leaf and version */
			u64 status;
			const struct tdx_module_args *in, *out;
			u8 injected;		/* enum inject_kind */
			u8 lp;			/* logical processor */
		} call;
		struct {			/* SEPT */
			hpa_t tdr;
			gpa_t gpa;
			u8 level;		/* sept level, 0 = 4K */
			u8 from, to;		/* rows of sept_states.def */
			u16 leaf;		/* TDCALL leaves have bit 8 set */
		} sept;
		struct {			/* PAMT, TD: states by their table */
			hpa_t hpa;
			u8 what;		/* TD: 0 lifecycle, 1 op state; PAMT: level */
			u8 from, to;
			u16 leaf;
		} state;
		struct {			/* SPTE */
			gfn_t gfn;
			u64 from, to;
			u8 level;
			bool mirror;
		} spte;
		struct {			/* PAGE, REF, GMEM */
			kvm_pfn_t pfn;
			const char *what;	/* "alloc", "free", holder kind */
			u64 index;		/* GMEM: pgoff */
			s32 delta, refcount;
			u8 order;
			bool shared;		/* GMEM: the index is, by the file */
		} page;
		struct {			/* LOCK, TASK */
			const void *lock;
			const char *name;
			const char *what;	/* "acquire", "release", "block" */
		} sync;
		struct {			/* KMSG, CHECK */
			const char *text;
			const char *where;	/* kernel function, or invariant */
			u8 level;
		} text;
	};
};

typedef void trace_fn(void *ctx, const struct trace_event *event);

struct trace {
	u32 mask;		/* BIT(kind): which kinds are listened to */
	trace_fn *listener;
	void *ctx;
	u64 seq;		/* must stay last: restored with the world, see env.h */
};

#define trace_on(env, kind) ((env)->trace.mask & (1u << (kind)))

/* Call only after trace_on(): fills task and seq, then tells the listener. */
void trace_emit(struct env *env, struct trace_event *event);

/*
 * A kernel message. @where: the kernel function that prints it. The text is the
 * kernel's own wording with its prefix ("kvm_intel: "), as a log would show it.
 * KMSG_WARN and KMSG_BUG are counted in env->checker.
 */
__cold void kmsg(struct env *env, enum kmsg_level level, const char *where,
	  const char *fmt, ...) __printf(4, 5);

#endif /* SEPTUM_BASE_TRACE_H */
