/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Invariants: a table (invariants.def), a hit counter each, and the list of
 * what was broken in this run. A broken invariant is recorded, never fatal:
 * the run goes on, so that the story after it can be seen.
 */
#ifndef SEPTUM_BASE_CHECK_H
#define SEPTUM_BASE_CHECK_H

#include "sim/base/types.h"

struct env;

enum invariant {
	INV_NONE,
#define INV(number, name, sentence) name = (number),
#include "sim/base/invariants.def"
#undef INV
	INV_NR
};

#define CHECK_TEXT_MAX		384	/* a wait-for graph of a few tasks fits */
#define CHECK_BROKEN_MAX	32

struct broken {
	u8 inv;			/* enum invariant */
	u32 step;		/* what env->checker.step was */
	char text[CHECK_TEXT_MAX];
};

struct checker {
	u64 hits[INV_NR];	/* how often each was looked at */
	u32 step;		/* set by the runner: which step is running */
	u32 broken_total;
	u32 broken_count;	/* kept, at most CHECK_BROKEN_MAX */
	struct broken *broken;	/* CHECK_BROKEN_MAX places, heap, see env.h */
	u32 warn_count, bug_count;	/* kmsg() of KMSG_WARN and KMSG_BUG in this run */
	const void *warned[64];	/* WARN_ON_ONCE sites that fired in this run */
	u32 warned_count;
};

extern const char *const inv_name[INV_NR];
extern const char *const inv_sentence[INV_NR];

#define check_hit(env, inv) ((void)(env)->checker.hits[inv]++)

__cold void check_fail(struct env *env, enum invariant inv, const char *fmt, ...)
	__printf(3, 4);

/* Looks at @cond once: counts the hit, records the failure. */
#define check_that(env, inv, cond, ...)				\
	do {							\
		check_hit(env, inv);				\
		if (unlikely(!(cond)))				\
			check_fail(env, inv, __VA_ARGS__);	\
	} while (0)

/* Something in septum itself is wrong: says what on stderr, exit status 4. */
__attribute__((noreturn)) __cold void internal_error(const char *fmt, ...) __printf(1, 2);

/* WARN and WARN_ON_ONCE as recorded events; both evaluate to the condition. */
__cold bool warn_slow(struct env *env, const void *once, const char *where,
		      const char *text);

#define WARN_ON(env, cond)						\
	({ bool warn_ = (cond);						\
	   if (unlikely(warn_))						\
		warn_slow(env, NULL, __func__, #cond);			\
	   warn_; })
/* The string's address names the site. */
#define WARN_ON_ONCE(env, cond)						\
	({ static const char site_[] = #cond;				\
	   bool warn_ = (cond);						\
	   if (unlikely(warn_))						\
		warn_slow(env, site_, __func__, site_);			\
	   warn_; })

#endif /* SEPTUM_BASE_CHECK_H */
