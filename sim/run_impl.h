/* SPDX-License-Identifier: GPL-2.0-only */
/* What the runner's files and the verb handlers share. */
#ifndef SEPTUM_RUN_IMPL_H
#define SEPTUM_RUN_IMPL_H

#include "model/tdx/guest.h"
#include "sim/run.h"

/* ---- run_variant.c ---- */

/* The text a variable stands for here, NULL when nobody knows it. */
const char *run_lookup(const struct scn *scn, u32 variant, const struct run_scope *scope,
		       const char *name);
/* @step with its variables filled in; @filled is where. False and @why when wrong. */
bool run_fill(const struct scn *scn, u32 variant, const struct run_scope *scope,
	      const struct scn_step *step, struct scn_step *filled, u32 *col, char *why,
	      size_t why_size);
bool run_limits_hold(const struct scn *scn, u32 variant, const struct sim_config *config,
		     const struct scn_limit *limit, u32 count);

/* ---- run.c ---- */

/* A verdict and its place. The first one wins: false when there was one before. */
bool run_fail(struct run *run, const struct scn_node *node, enum run_verdict verdict, u32 col,
	      const char *fmt, ...) __printf(5, 6);

/* A line that is a step, if its limits hold, with its variables filled in. */
void run_step_node(struct run *run, const struct scn_node *node);

/* ---- run_compare.c: each fails the run when what came is not what was said ---- */

void run_compare_result(struct run *run, const struct scn_node *node,
			const struct scn_step *step, const struct run_outcome *out);
void run_compare_expectation(struct run *run, const struct scn_node *node,
			     const struct scn_step *step, const struct run_outcome *out);
void run_compare_crossings(struct run *run, const struct scn_node *node);
/* The page before and after, when it was looked at, into the verdict's note. */
void run_note_pictures(struct run *run);

/* ---- run_race.c ---- */

void run_race(struct run *run, const struct scn_node *race);

/* ---- run_verdict.c: each fails the run when it must ---- */

void run_check_condition(struct run *run);
void run_check_injections(struct run *run);
/* Breaks INV_NO_UNASKED_ERROR, does not fail the run by itself. */
void run_check_unasked(struct run *run);
void run_gather_broken(struct run *run);
void run_fail_broken(struct run *run);

/* ---- run_cross.c ---- */

void cross_begin(struct run *run, const struct scn_step *step);
/* True when the event was expected with exactly this status. */
bool cross_event(struct run *run, const struct trace_event *event);
/* After the step. False: a line did not come true; @cross says which. */
bool cross_end(struct run *run, const struct run_cross **cross);
/* "TDH.MEM.PAGE.AUG gpa=0x1000 level=4K = TDX_SUCCESS" */
void cross_print_event(const struct trace_event *event, char *text, size_t size);

/* ---- run_listen.c ---- */

#define RUN_LISTEN	(1u << TRACE_SEAMCALL | 1u << TRACE_KMSG)

void run_listen(void *ctx, const struct trace_event *event);

/* ---- run_picture.c ---- */

/* "spte leaf 4K  sept MAPPED  pamt PT_REG  folio refs=1 order=0" of the step's page. */
void run_picture(struct run *run, const struct scn_step *step, char *text, size_t size);

/* ---- invariants.c ---- */

/* What needs looking at the state: after each step; @all at the end. */
void invariants_check(struct run *run, bool all);

/* ---- For verb handlers ---- */

enum run_object { OBJECT_TD, OBJECT_GMEM, OBJECT_VCPU };

#define step_host(run)		((run)->sim->host)
#define step_ops(run)		((run)->sim->host->ops)

/* The value of operand @i, or @otherwise when it is not given. */
static inline u64 step_number(const struct scn_step *step, u32 i, u64 otherwise)
{
	return step_has(step, i) ? step->value[i].number : otherwise;
}

static inline u32 step_id(const struct scn_step *step, u32 i, u32 otherwise)
{
	return step_has(step, i) ? step->value[i].id : otherwise;
}

/* 0, a negative errno or HOST_SKIP as a result. */
void out_errno(struct run *run, struct run_outcome *out, int rc);
void out_bad_input(struct run_outcome *out, const char *fmt, ...) __printf(2, 3);
/* An expectation: both sides are kept, a difference is a mismatch. */
void out_compare(struct run_outcome *out, const char *what, const char *expected,
		 const char *actual);
void out_compare_number(struct run_outcome *out, const char *what, u64 expected, u64 actual);
void out_compare_flag(struct run_outcome *out, const char *what, bool expected, bool actual);
/* An expectation that cannot be looked at at all. */
void out_mismatch(struct run_outcome *out, const char *expected, const char *fmt, ...)
	__printf(3, 4);

void run_created(struct run *run, enum run_object kind, u32 id, int rc);
void run_closed(struct run *run, enum run_object kind, u32 id, int rc);
/* Relates a GPA to its slot, NULL when none covers it. */
const struct run_slot *run_slot_of(const struct run *run, u32 td, gpa_t gpa);
/* The token an operand gives, or the next fresh one. */
u64 run_token(struct run *run, const struct scn_step *step, u32 i);
/* What the guest of @td must read at @gpa from now on. */
void run_content_set(struct run *run, u32 td, gpa_t gpa, u64 token);
#endif /* SEPTUM_RUN_IMPL_H */
