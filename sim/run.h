/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Executing a scenario. The way in for everybody who runs one:
 *
 *	scn = scn_parse_file(path, &diag);
 *	for (v = 0; v < run_variant_count(scn); v++) {
 *		run_config(scn, v, &options, &config, &diag);
 *		sim = sim_cache_get(&cache, &config, ...);
 *		choose_...(&sim->env->chooser, ...);
 *		run_scenario(sim, scn, &options, &result);
 *	}
 *
 * run_scenario() resets the machine, runs the steps, the implicit teardown and
 * the checks. It may be called again and again on one sim with another chooser:
 * that is all an explorer, a sweeper or a shrinker does. The steps of a race
 * block run as tasks, one task an actor, and the chooser schedules them.
 *
 * Whoever makes up steps by himself (a fuzzer) uses run_begin(), run_step() for
 * each and run_end().
 */
#ifndef SEPTUM_RUN_H
#define SEPTUM_RUN_H

#include "sim/scn.h"
#include "sim/sim.h"
#include "sim/verbs.h"

struct run_guest;

enum run_verdict {
	RUN_OK,
	RUN_MISMATCH,		/* a step's result or an expectation differs */
	RUN_INVARIANT,		/* an invariant nobody expected to break broke */
	RUN_HANG,		/* an operation that cannot end, not expected */
	RUN_DEADLOCK,
	RUN_BOUND,		/* step_max reached */
	RUN_ERROR,		/* bad input found while running */
	RUN_SKIPPED,		/* this host cannot express the scenario */
	RUN_VERDICT_NR
};

extern const char *const run_verdict_names[RUN_VERDICT_NR];
/* Exit status of the program for a verdict: 0, 1, 2, 3 or 5. */
int run_exit_status(enum run_verdict verdict);

struct run_setting {
	const char *knob, *value;
};

struct run;
struct run_outcome;

/* A step was executed and compared; look, but change nothing. */
typedef void run_step_fn(void *ctx, const struct run *run, const struct scn_step *step,
			 const struct run_outcome *out);

struct run_options {
	u32 variant;			/* 0 .. run_variant_count() - 1 */
	const struct run_setting *set;	/* command line, wins over the file */
	u32 set_count;
	u64 step_max;			/* 0: 10 million */
	bool keep_going;		/* a mismatch does not end the run */
	bool no_teardown;
	bool checks_at_end;		/* look at the whole state once, not after each
					 * step; what breaks on its own is still seen */
	bool no_results;		/* results and expectations are not compared
					 * (sweep, campaign, fuzz): invariants still are */
	bool terse;			/* a verdict has no text: who wants it runs again */
	bool tolerate_faults;		/* a fault of the driver's own is about: WARN and
					 * module errors are no INV_NO_UNASKED_ERROR */
	u32 picture_step;		/* take the page's state before and after this
					 * step (from 1) into the result */
	trace_fn *listener;		/* told each event of @listener_mask */
	void *listener_ctx;
	u32 listener_mask;
	run_step_fn *on_step;		/* called after each step and its checks */
	void *on_step_ctx;
};

struct run_result {
	enum run_verdict verdict;
	struct diag diag;		/* set unless the verdict is OK */
	u32 steps;			/* executed, teardown not counted */
	u32 seamcalls;
	u32 broken;			/* BIT(invariant) */
	u32 broken_expected;		/* of these, declared by `expect broken` */
	u32 others;			/* steps with another result than written, also
					 * when results are not compared */
	bool condition;			/* valid when the scenario has one */
	u32 failed_step;		/* number of the step that failed, 0 none */
	u64 trace_hash;			/* over SEAMCALLs and results: same run, same hash */
	char before[200], after[200];	/* see picture_step */
};

/* How many variants the vary lines make; 1 without any. */
u32 run_variant_count(const struct scn *scn);
/* "policy=no-hold order=v8", "" when nothing varies. */
int run_variant_text(const struct scn *scn, u32 variant, char *text, size_t size);
/* The value the variable or knob @name has in @variant, NULL when not varied. */
const char *run_variant_value(const struct scn *scn, u32 variant, const char *name);
/* The machine for a variant. False and @diag set when a knob is wrong. */
bool run_config(const struct scn *scn, const struct run_options *options,
		struct sim_config *config, struct diag *diag);

void run_scenario(struct sim *sim, const struct scn *scn,
		  const struct run_options *options, struct run_result *result);

/* ---- What one executed step did ---- */

struct run_outcome {
	struct scn_result result;
	bool bad_input;			/* the step makes no sense: ->text says why */
	bool mismatch;			/* an expectation does not hold */
	char expected[120], actual[160];	/* both sides, in the user's syntax */
	char text[200];
};

/* What `septum matrix` learns from a step, as `test measure` in front of it says. */
enum run_measure {
	MEASURE_NONE,
	MEASURE_OPERATION,	/* the operation the situation is about */
	MEASURE_FAILURE,	/* what failed before it: counted, its result is not */
	MEASURE_NEIGHBOUR,	/* guest memory beside the range, which must survive */
	MEASURE_RETRY,		/* the same again, when what was in the way may be gone */
	MEASURE_NEXT_TD,	/* another TD needs the memory */
};

#define RUN_SLOT_MAX	16
#define RUN_FRAME_MAX	16

/* What the runner remembers of a guest's memory slots, to relate gpa and gmem. */
struct run_slot {
	bool used;
	u8 td, gmem;
	bool has_gmem;
	u32 slot, line;
	gpa_t gpa;
	u64 size, offset;
};

struct run_frame {
	bool used, owned;		/* owned: allocated by `mm alloc` */
	u8 order;
	kvm_pfn_t pfn;
};

/* What the steps made of the world, as far as the runner has to know it. */
struct run_world {
	struct run_slot slot[RUN_SLOT_MAX];
	struct run_frame frame[RUN_FRAME_MAX];
	/* Lines, to say where a missing object went: td, gmem, vcpu */
	u32 created_line[3][HOST_OBJ_MAX * HOST_VCPU_MAX];
	u32 closed_line[3][HOST_OBJ_MAX * HOST_VCPU_MAX];
	struct run_guest *guest[HOST_OBJ_MAX][HOST_VCPU_MAX];	/* in the arena */
	struct host_exit exit[HOST_OBJ_MAX][HOST_VCPU_MAX];	/* the last one */
	u32 warn_expected, bug_expected;
	u32 broken_expected;		/* BIT(invariant) */
	u8 measure;			/* enum run_measure: of the next step */
	u8 measuring;			/* of the running step */
	bool measured;			/* a `test measure` was passed */
	bool hung;			/* an operation did not end */
	u32 teardown_line;		/* of `test teardown`: after it one can only look */
	u8 gpaw[HOST_OBJ_MAX];		/* as init_td said; where the shared bit is */
	struct tdmr_list *tdmrs;	/* of `test tdmr`; in the arena, NULL: none */
	u64 token;			/* last content token handed out */
	/* What the guest of each VM must read, by gfn; in the arena, NULL: nothing yet */
	struct sparse *content[HOST_OBJ_MAX];
};

/* Matching the '>' lines of the step one task is in, run_cross.c. */
#define RUN_CROSS_MAX	200

struct run_cross {
	const struct scn_step *step;	/* NULL: the running step has no '>' lines */
	u8 active[RUN_CROSS_MAX];	/* of its crossings, limits applied */
	u32 active_count, next, times;
	s32 failed;			/* index of the line that did not match, -1 */
	char actual[200];		/* what crossed instead */
};

#define RUN_LOG_MAX	48

/* What was heard while running; nothing here decides what happens next. */
struct run_notes {
	struct run_cross cross[TASK_MAX];
	/* The kernel's log, oldest first; later lines are counted only. */
	struct run_log {
		u8 level;
		u32 step;
		char text[200];
	} log[RUN_LOG_MAX];
	u32 log_count;
	bool fault_seen;		/* an injected SEAMCALL fault has fired */
	u32 error_count;		/* module errors that nobody asked for */
	char first_error[160];
	u32 first_error_step;
};

struct run_scope {
	const struct scn_node *use;	/* NULL: the scenario itself */
	const struct scn_node *body;
	u32 body_count;
	const struct run_scope *parent;
};

struct run {
	struct sim *sim;
	const struct scn *scn;		/* NULL: steps made up by the driver */
	const struct run_options *options;
	struct run_result *result;
	const struct scn_node *node;	/* the running line, NULL for made-up steps */
	const struct scn_node *picture_node;	/* line of options->picture_step */
	const struct scn_node *condition;
	const struct run_scope *scope;
	u32 step;			/* number of the running step, from 1 */
	bool stop;			/* a verdict was reached */
	bool in_race;
	u64 check_rest;			/* steps whose full check was paid in advance */
	/* Whole cache lines: the explorer takes them as part of the state. */
	_Alignas(64) struct run_world world;
	_Alignas(64) struct run_notes notes;
};

/* Resets the machine. @scn may be NULL. Listens to the trace until run_end(). */
void run_begin(struct run *run, struct sim *sim, const struct scn *scn,
	       const struct run_options *options, struct run_result *result);
/*
 * Execute one step on the running task, compare, check the invariants.
 * @out may be NULL. False when the run is over.
 */
bool run_step(struct run *run, const struct scn_step *step, struct run_outcome *out);
/* Condition, teardown, last checks, verdict. */
void run_end(struct run *run);

/*
 * In pieces, for an explorer: run up to a race block of the scenario itself, with
 * @skip such blocks before it run like any other line; make its tasks without
 * running them; go on behind it. *index is the race's place in scn->node. False
 * from run_to_race(): there is no such race, or the run is over.
 */
bool run_to_race(struct run *run, u32 skip, u32 *index);
void run_race_start(struct run *run, const struct scn_node *race);
void run_from(struct run *run, u32 index);
/* One line alone, whatever kind it is, where @scope says it stands. */
void run_line(struct run *run, const struct scn_node *node, const struct run_scope *scope);
/* Does the scenario's condition hold now? */
bool run_condition(struct run *run);

#endif /* SEPTUM_RUN_H */
