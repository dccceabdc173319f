/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The verbs of the scenario language, from verbs.def: parser, printer, runner,
 * fuzzer, `list verbs` and the reference in doc/scenario.md read this table.
 */
#ifndef SEPTUM_VERBS_H
#define SEPTUM_VERBS_H

#include "sim/scn.h"

struct run;
struct run_outcome;

enum verb_operand_flags {
	OPERAND_REQUIRED = 1 << 0,
	OPERAND_POSITIONAL = 1 << 1,	/* given without a name, in row order */
};

struct verb_operand {
	const char *name;
	u8 type;		/* enum scn_type */
	u8 flags;
};

/* What `=` of a verb's line may say. */
enum verb_result {
	VERB_NO_RESULT,		/* expect, inject, test: they hold or they do not */
	VERB_ERRNO,		/* a system call of the host */
	VERB_RUN,		/* a guest operation: 0, errno, exit, #VE, status */
	VERB_STATUS,		/* a SEAMCALL */
};

/*
 * Executes @step (variables filled in) and fills @out. For ACTOR_EXPECT: out is
 * a match or a mismatch with both sides in words.
 */
typedef void verb_fn(struct run *run, const struct scn_step *step,
		     struct run_outcome *out);

enum verb_id {
	VERB_NONE,
#define VERB(actor, id, name, fn, result, help, ...) VERB_##actor##_##id,
#include "sim/verbs.def"
#undef VERB
	VERB_NR
};

/* The handlers, verbs_<actor>.c. */
#define VERB(actor, id, name, fn, result, help, ...) verb_fn fn;
#include "sim/verbs.def"
#undef VERB

struct verb {
	u8 id;			/* enum verb_id */
	u8 actor;		/* enum scn_actor_kind */
	const char *name;	/* "": the actor's only form (module, inject) */
	u8 result;		/* enum verb_result */
	verb_fn *handler;
	const char *help;
	struct verb_operand operand[SCN_OPERAND_MAX];
	u8 operand_count;
};

/* Rows 1 .. VERB_NR-1 in the order of verbs.def; [0] is empty. */
extern const struct verb verbs[VERB_NR];
extern const char *const actor_names[ACTOR_NR];

const struct verb *verb_find(enum scn_actor_kind actor, const char *name);
/* Index of the operand called @name, -1 when the verb has none of that name. */
int verb_operand_index(const struct verb *verb, const char *name);
/* "host punch_hole GMEM off=OFFSET len=SIZE = errno" */
int verb_usage(const struct verb *verb, char *text, size_t size);

#define step_has(step, i)	((bool)((step)->given >> (i) & 1u))

#endif /* SEPTUM_VERBS_H */
