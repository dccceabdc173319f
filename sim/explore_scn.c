// SPDX-License-Identifier: GPL-2.0-only
/*
 * Race blocks under the explorer. What the runner keeps outside the arena is
 * registered as part of the state: struct run's world (slots, named frames,
 * last exits) counts for telling states apart, its notes are only put back.
 *
 * Left out: race blocks inside a used file, which run under their ordinary schedule.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/explore_scn.h"

/* Everything host-side that a run changes, in whole chunks and an arena of its own. */
struct session_run {
	_Alignas(64) struct run run;
	_Alignas(64) struct run_result result;
};

struct session {
	struct run *run;
	struct run_result *result;
	struct explorer explorer;
	struct run_scope top;
	const struct race_options *options;
	struct race_report *report;
	struct sim *sim;
	u32 race;			/* index of the block in scn->node */
	u32 before;			/* choices drawn in front of it, all 0 */
};

/* -- What of struct run is state -- */

static u64 mix(u64 hash, u64 value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 31);
}

static u64 text_hash(const char *text)
{
	u64 hash = 1;

	while (*text)
		hash = mix(hash, (u8)*text++);
	return hash;
}

/*
 * Of the notes: how often, and which lines the log has, in any order. Which line
 * of the race ran last and its number are for messages only.
 */
static u64 run_digest(void *ctx)
{
	struct session *session = ctx;
	const struct run_notes *notes = &session->run->notes;
	u64 hash = 0, log = 0;
	u32 i;

	hash = mix(hash, session->run->stop | session->result->verdict << 8);
	hash = mix(hash, notes->error_count | (u64)notes->log_count << 32);
	hash = mix(hash, notes->fault_seen);
	for (i = 0; i < notes->log_count && i < RUN_LOG_MAX; i++)
		log += text_hash(notes->log[i].text);
	return mix(hash, log);
}

#define CHUNKS(size) ALIGN_UP(size, 64)

static void add_host_state(struct session *session)
{
	struct image *image = &session->explorer.image;
	struct run *run = session->run;
	u8 *notes = (u8 *)&run->notes;
	u64 tail = ALIGN_DOWN(offsetof(struct run_notes, log_count), 64);

	image_add(image, run, offsetof(struct run, world), false);
	image_add(image, &run->world, CHUNKS(sizeof(run->world)), true);
	image_add(image, run->notes.cross, ALIGN_DOWN(sizeof(run->notes.cross), 64), true);
	/* Log lines need no putting back: those below log_count stay as they are. */
	image_add(image, notes + tail, CHUNKS(sizeof(run->notes)) - tail, false);
	image_add(image, session->result, CHUNKS(sizeof(*session->result)), false);
	image->digest = run_digest;
	image->digest_ctx = session;
}

/* -- Ends -- */

static u32 cost_of(const struct choice_list *list)
{
	u32 cost = 0, i;

	for (i = 0; i < list->count; i++)
		cost += list->pick[i] != 0;
	return cost;
}

static void keep_witness(struct session *session, struct witness *witness)
{
	u32 before = session->before, cost;
	struct choice_list list;

	if (before > SHRINK_CHOICES_MAX)
		return;
	memset(list.pick, 0, before * sizeof(list.pick[0]));
	list.count = before + explore_picks(&session->explorer, list.pick + before,
					    SHRINK_CHOICES_MAX - before);
	if (list.count > SHRINK_CHOICES_MAX)
		return;
	cost = cost_of(&list);
	if (witness->found && witness->cost <= cost)
		return;
	witness->found = true;
	witness->cost = cost;
	witness->list = list;
}

static bool end_is_wanted(const struct session *session, enum explore_end end, bool holds)
{
	const struct run_result *result = session->result;

	if (end == EXPLORE_HANG)
		return holds || session->options->hang_allowed;
	if (end == EXPLORE_DEADLOCK)
		return holds || session->options->deadlock_allowed;
	if (result->verdict == RUN_INVARIANT &&
	    !(result->broken & ~result->broken_expected & ~session->options->allowed_broken))
		return true;
	/* A verdict is about all ends together, not about this one. */
	return session->result->verdict == RUN_OK;
}

static bool at_end(void *ctx, struct explorer *explorer, enum explore_end end)
{
	struct session *session = ctx;
	struct race_report *report = session->report;
	struct run *run = session->run;
	struct trace trace = explorer->env->trace;
	bool holds;

	choose_script(&explorer->env->chooser);
	explorer->env->sched.stepped = false;
	task_forget_all(explorer->env);
	if (end == EXPLORE_DONE) {
		run_from(run, session->race + 1);
		run_end(run);
		holds = run->condition && session->result->condition;
	} else {
		report->deadlocks += end == EXPLORE_DEADLOCK;
		report->hangs += end == EXPLORE_HANG;
		holds = run->condition && run_condition(run);
	}
	*(holds ? &report->holds : &report->fails) += 1;
	if (run->condition)
		keep_witness(session, holds ? &report->hold : &report->fail);
	if (!end_is_wanted(session, end, holds)) {
		report->bad_ends++;
		report->broken |= session->result->broken & ~session->result->broken_expected;
		keep_witness(session, &report->bad);
	}
	choose_stepped(&explorer->env->chooser);
	/* The world is put back, whom run_end() sent away is not. */
	explorer->env->trace = trace;
	return false;
}

/* -- Witnesses: as few picks as possible -- */

enum want { WANT_HOLD, WANT_FAIL, WANT_BAD };

struct replay {
	struct session *session;
	enum want want;
	struct run_result result;
	enum run_verdict verdict;	/* WANT_BAD: this one */
};

static void replay(struct replay *replay, const struct choice_list *list)
{
	struct session *session = replay->session;
	struct chooser *chooser = &session->sim->env->chooser;

	session->report->replays++;
	choose_replay(chooser, list->pick, list->count);
	chooser->enabled = session->options->choice_kinds;
	run_scenario(session->sim, session->run->scn, &session->options->run, &replay->result);
}

static bool shows(void *ctx, const struct choice_list *list)
{
	struct replay *want = ctx;

	replay(want, list);
	if (want->session->sim->env->chooser.out_of_range)
		return false;
	switch (want->want) {
	case WANT_HOLD:
		return want->result.condition;
	case WANT_FAIL:
		return !want->result.condition &&
		       (want->result.verdict == RUN_OK || want->result.verdict == want->verdict);
	default:
		return want->result.verdict == want->verdict;
	}
}

static void shorten(struct session *session, struct witness *witness, enum want want)
{
	struct replay state = { .session = session, .want = want };

	if (!witness->found)
		return;
	replay(&state, &witness->list);
	state.verdict = state.result.verdict;
	if (shows(&state, &witness->list))
		shrink_choices(&witness->list, shows, &state);
	replay(&state, &witness->list);
	witness->cost = cost_of(&witness->list);
	witness->verdict = state.result.verdict;
	witness->diag = state.result.diag;
}

/* -- The whole -- */

u8 explore_verdict(bool holds, bool fails)
{
	if (holds && fails)
		return SCN_SOMETIMES;
	return holds ? SCN_ALWAYS : SCN_NEVER;
}

static void explore_tasks(struct session *session)
{
	struct env *env = session->sim->env;

	run_race_start(session->run, &session->run->scn->node[session->race]);
	explore_init(&session->explorer, env, &session->options->explore);
	add_host_state(session);
	explore_run(&session->explorer, at_end, session);
	session->report->stats = session->explorer.stats;
	explore_free(&session->explorer);
}

static enum race_outcome explore_session(struct session *session, const struct scn *scn)
{
	struct chooser *chooser = &session->sim->env->chooser;
	struct race_report *report = session->report;
	struct run *run = session->run;

	/* A replay draws from the same kinds from its first line on. */
	choose_script(chooser);
	chooser->enabled = session->options->choice_kinds;
	run_begin(run, session->sim, scn, &session->options->run, session->result);
	session->top = (struct run_scope){ NULL, scn->node, scn->node_count, NULL };
	run->scope = &session->top;
	if (!run_to_race(run, session->options->race, &session->race)) {
		report->bad.verdict = session->result->verdict;
		report->bad.diag = session->result->diag;
		return session->result->verdict == RUN_OK ? RACE_NONE : RACE_PROLOGUE;
	}
	report->line = scn->node[session->race].line;
	session->before = chooser->record_count;
	explore_tasks(session);
	shorten(session, &report->hold, WANT_HOLD);
	shorten(session, &report->fail, WANT_FAIL);
	shorten(session, &report->bad, WANT_BAD);
	if (run->condition)
		report->seen = explore_verdict(report->holds, report->fails);
	return RACE_EXPLORED;
}

enum race_outcome explore_race(struct sim *sim, const struct scn *scn,
			       const struct race_options *options, struct race_report *report)
{
	struct session *session = calloc(1, sizeof(*session));
	struct arena *arena = arena_create();
	enum race_outcome outcome;
	struct session_run *run;

	if (!session || !arena)
		internal_error("no memory for an exploration");
	memset(report, 0, sizeof(*report));
	run = arena_alloc(arena, sizeof(*run));
	session->run = &run->run;
	session->result = &run->result;
	session->options = options;
	session->report = report;
	session->sim = sim;
	outcome = explore_session(session, scn);
	choose_script(&sim->env->chooser);
	arena_destroy(arena);
	free(session);
	return outcome;
}
