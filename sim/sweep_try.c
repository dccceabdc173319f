// SPDX-License-Identifier: GPL-2.0-only
/*
 * Running cells, see sweep_try.h. The fault-free run keeps places in the injector
 * for the faults to come, with rules that never fire, so that its states and those
 * of a run whose faults are over are the same bytes. A cell whose fault would be
 * hidden by what the scenario injects itself runs whole.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/sweep_try.h"

#define NO_LEAF		0xffff	/* no SEAMCALL has this number */
#define POINTS_FIRST	256u

/*
 * In a world of more bytes than this (a gigabyte in pieces of 4K) a look costs more
 * than a line: so many are taken in a run. Statuses that are one meet at the first.
 */
#define BIG_WORLD	(2 * SZ_2M)
#define BIG_LOOKS	2

static struct env *try_env(const struct sweep_try *try)
{
	return try->sim->env;
}

/* -- Faults -- */

static const struct inject_rule no_fault = { .leaf = NO_LEAF, .nth = ~0u, .times = 1 };

static bool is_no_fault(const struct inject_rule *rule)
{
	return rule->leaf == NO_LEAF && rule->times;
}

static u32 alloc_number(const struct sweep_try *try, const struct sweep_fault *fault)
{
	return try->allocations_before + fault->nth;
}

/* Places for @cell's faults, from the first line on. */
static void keep_places(struct sweep_try *try)
{
	u32 i;

	for (i = 0; i < try->faults; i++)
		if (inject_add(try_env(try), &no_fault))
			internal_error("no room for a fault");
}

/* Did the scenario leave the places alone so far, and what it fails itself no trace? */
static bool can_arm(const struct sweep_try *try, const struct sweep_cell *cell)
{
	const struct injector *injector = &try_env(try)->injector;
	u32 i;

	for (i = 0; i < cell->fault_count; i++) {
		if (i >= injector->rule_count || !is_no_fault(&injector->rule[i]))
			return false;
		if (cell->fault[i].kind == INJECT_NONE &&
		    try->line > try->first_allocation_line)
			return false;
	}
	return true;
}

/* @nth of a fault counts from the first line, whatever line the run starts at. */
static void arm(struct sweep_try *try, const struct sweep_cell *cell)
{
	struct injector *injector = &try_env(try)->injector;
	u32 i;

	for (i = 0; i < cell->fault_count; i++) {
		const struct sweep_fault *fault = &cell->fault[i];

		if (fault->kind == INJECT_NONE) {
			injector->alloc_fail_nth = alloc_number(try, fault);
			continue;
		}
		injector->rule[i] = (struct inject_rule){
			.leaf = fault->leaf, .kind = fault->kind, .nth = fault->nth, .times = 1,
			.status = fault->status,
			.seen = injector->calls[fault->leaf] - try->calls_before[fault->leaf],
		};
	}
}

static bool fault_is_over(const struct sweep_try *try, const struct sweep_cell *cell, u32 i)
{
	const struct injector *injector = &try_env(try)->injector;
	const struct sweep_fault *fault = &cell->fault[i];

	if (fault->kind == INJECT_NONE)
		return injector->alloc_fail_nth == alloc_number(try, fault) &&
		       injector->alloc_count >= injector->alloc_fail_nth;
	return injector->rule[i].leaf == fault->leaf && injector->rule[i].fired;
}

/* All fired: they decide nothing any more, and their places are as if none had been. */
static bool faults_are_over(struct sweep_try *try, const struct sweep_cell *cell)
{
	struct injector *injector = &try_env(try)->injector;
	u32 i;

	for (i = 0; i < cell->fault_count; i++)
		if (!fault_is_over(try, cell, i))
			return false;
	for (i = 0; i < cell->fault_count; i++) {
		if (cell->fault[i].kind == INJECT_NONE)
			injector->alloc_fail_nth = 0;
		else
			injector->rule[i] = no_fault;
	}
	return true;
}

static bool all_fired(const struct env *env, const struct sweep_cell *cell)
{
	u32 i;

	for (i = 0; i < cell->fault_count; i++) {
		if (cell->fault[i].kind == INJECT_NONE ? !env->injector.alloc_fired :
							 !env->injector.rule[i].fired)
			return false;
	}
	return true;
}

/* -- How a run ends -- */

static bool some_vm_is_dead(struct run *run)
{
	struct host_vm_view view;
	u32 vm;

	for (vm = 0; vm < HOST_OBJ_MAX; vm++)
		if (!step_ops(run)->probe_vm(step_host(run), vm, &view) && view.exists &&
		    (view.vm_dead || view.vm_bugged))
			return true;
	return false;
}

static enum sweep_class class_of(const struct run_result *result, const struct env *env, bool dead,
				 u32 broken)
{
	switch (result->verdict) {
	case RUN_HANG:
		return SWEEP_HANG;
	case RUN_DEADLOCK:
		return SWEEP_DEADLOCK;
	case RUN_BOUND:
		return SWEEP_BOUND;
	default:
		break;
	}
	if (env->checker.bug_count)
		return SWEEP_HOST_BUG;
	if (broken)
		return SWEEP_INVARIANT;
	if (dead)
		return SWEEP_VM_DEAD;
	if (result->verdict == RUN_ERROR || result->verdict == RUN_SKIPPED)
		return SWEEP_STOPPED;
	return result->others ? SWEEP_ANSWERED : SWEEP_ABSORBED;
}

static const char *first_broken(const struct env *env)
{
	return env->checker.broken_count ? env->checker.broken[0].text : NULL;
}

static u32 add_outcome(struct sweep_try *try, enum sweep_class class, u32 broken, const char *text)
{
	if (try->outcomes % 256 == 0) {
		try->outcome = realloc(try->outcome,
				       (try->outcomes + 256) * sizeof(*try->outcome));
		if (!try->outcome)
			internal_error("no memory for %u outcomes", try->outcomes);
	}
	try->outcome[try->outcomes] = (struct sweep_outcome){
		class, broken, text ? strdup(text) : NULL,
	};
	return try->outcomes++;
}

/* @run is over: the end of it, and what came of it, at the end of the list. */
static u32 finish(struct sweep_try *try, struct run *run)
{
	const struct run_result *result = run->result;
	bool dead = some_vm_is_dead(run);
	struct env *env = try_env(try);
	u32 broken;

	run_end(run);
	broken = result->broken & ~result->broken_expected;
	return add_outcome(try, class_of(result, env, dead, broken), broken, first_broken(env));
}

/* @text: what had broken before the run met the one that @number is of. */
static void take_outcome(const struct sweep_try *try, struct sweep_cell *cell, u32 number,
			 const char *text)
{
	const struct sweep_outcome *outcome = &try->outcome[number];

	cell->class = outcome->class;
	cell->broken = outcome->broken;
	text = text ? text : outcome->text;
	snprintf(cell->text, sizeof(cell->text), "%.199s", text ? text : "");
}

/* -- Points -- */

static u64 mix(u64 hash, u64 value)
{
	return (hash ^ value) * 0x9e3779b97f4a7c15ULL + (hash >> 31);
}

static u64 text_hash(u64 hash, const char *text)
{
	while (*text)
		hash = mix(hash, (u8)*text++);
	return hash;
}

/* The log and the counts, which nothing but a scenario's condition can ask for. */
static u64 counts_digest(const struct sweep_try *try)
{
	const struct injector *injector = &try_env(try)->injector;
	const struct run_notes *notes = &try->run.notes;
	u64 hash = mix(injector->alloc_count, notes->log_count);
	u32 i;

	for (i = 0; i < INJECT_LEAF_MAX; i++)
		hash = mix(hash, injector->calls[i]);
	for (i = 0; i < notes->log_count && i < RUN_LOG_MAX; i++)
		hash = text_hash(mix(hash, notes->log[i].level), notes->log[i].text);
	return hash;
}

/* What of a run is neither in the arena nor in struct run's world. */
static u64 run_digest(void *ctx)
{
	const struct sweep_try *try = ctx;
	const struct run *run = &try->run;
	u64 hash = mix(1, try->next);

	hash = mix(hash, run->stop | try->result.verdict << 8 | (try->result.others != 0) << 16);
	hash = mix(hash, try->result.steps);
	hash = mix(hash, run->check_rest);
	return try->counts_matter ? mix(hash, counts_digest(try)) : hash;
}

static struct sweep_point *slot_of(struct sweep_point *point, u32 room,
				   const image_hash *key)
{
	u32 i = (u32)(*key >> 64) & (room - 1);

	while (point[i].key && point[i].key != *key)
		i = (i + 1) & (room - 1);
	return &point[i];
}

static void grow(struct sweep_try *try)
{
	u32 room = try->room ? 2 * try->room : POINTS_FIRST, i;
	struct sweep_point *point = calloc(room, sizeof(*point));

	if (!point)
		internal_error("no memory for %u points", room);
	for (i = 0; i < try->room; i++)
		if (try->point[i].key)
			*slot_of(point, room, &try->point[i].key) = try->point[i];
	free(try->point);
	try->point = point;
	try->room = room;
}

/*
 * The outcome of the run that was here before; SWEEP_NOT_MET: none was, and the next
 * outcome will be the one that this point leads to.
 */
static u32 meet(struct sweep_try *try, u32 next)
{
	image_hash key;
	struct sweep_point *point;

	/* Of a run that stopped only its end is left, wherever that was. */
	try->next = try->run.stop ? try->lines->count : next;
	key = image_capture(&try->image);
	if (2 * try->points >= try->room)
		grow(try);
	point = slot_of(try->point, try->room, &key);
	if (point->key)
		return point->outcome;
	*point = (struct sweep_point){ key, try->outcomes };
	try->points++;
	return SWEEP_NOT_MET;
}

/*
 * Is it worth a look whether the run behind line @line is known? Lines that only
 * look change nothing.
 */
static bool may_meet(const struct sweep_try *try, u32 line, u32 *looks)
{
	const struct scn_node *node = try->lines->line[line].node;

	if (node->kind == SCN_STEP && node->step->actor.kind == ACTOR_EXPECT)
		return false;
	return try_env(try)->arena->used <= BIG_WORLD || (*looks)++ < BIG_LOOKS;
}

/* -- Runs -- */

static void begin(struct sweep_try *try, struct run *run, struct run_result *result)
{
	const struct injector *injector = &try_env(try)->injector;

	run_begin(run, try->sim, try->scn, &try->options, result);
	memcpy(try->calls_before, injector->calls, sizeof(try->calls_before));
	try->allocations_before = injector->alloc_count;
	keep_places(try);
}

/* From the first line to the last, as any run. */
static void run_whole(struct sweep_try *try, struct sweep_cell *cell)
{
	struct run_result result;

	begin(try, &try->other, &result);
	arm(try, cell);
	sweep_lines_run(try->lines, &try->other);
	take_outcome(try, cell, finish(try, &try->other), NULL);
	cell->fired = all_fired(try_env(try), cell);
}

static void run_from_image(struct sweep_try *try, struct sweep_cell *cell)
{
	struct image_mark mark = image_mark(&try->image);
	u32 i, met = SWEEP_NOT_MET, points = try->points, looks = 0;

	arm(try, cell);
	for (i = try->line; i < try->lines->count && !try->run.stop; i++) {
		sweep_line_run(try->lines, i, &try->run);
		cell->fired = cell->fired || faults_are_over(try, cell);
		if (cell->fired && may_meet(try, i, &looks))
			met = meet(try, i + 1);
		if (met != SWEEP_NOT_MET)
			break;
	}
	if (met != SWEEP_NOT_MET) {
		try->met++;
		take_outcome(try, cell, met, first_broken(try_env(try)));
		/* The points on the way lead there, too. */
		if (try->points > points)
			add_outcome(try, cell->class, cell->broken, cell->text);
	} else {
		i = finish(try, &try->run);
		cell->fired = cell->fired || all_fired(try_env(try), cell);
		take_outcome(try, cell, i, NULL);
		image_revert(&try->image);
	}
	image_rollback(&try->image, &mark);
}

#define CHUNKS(size) ALIGN_UP(size, 64)

static void image_begin(struct sweep_try *try)
{
	struct run *run = &try->run;
	u64 tail = ALIGN_DOWN(offsetof(struct run_notes, log_count), 64);

	begin(try, run, &try->result);
	image_init(&try->image, try_env(try));
	image_add(&try->image, run, offsetof(struct run, world), false);
	image_add(&try->image, &run->world, CHUNKS(sizeof(run->world)), true);
	/* Log lines need no putting back: those below log_count stay as they are. */
	image_add(&try->image, (u8 *)&run->notes + tail, CHUNKS(sizeof(run->notes)) - tail, false);
	image_add(&try->image, &try->result, CHUNKS(sizeof(try->result)), false);
	try->image.digest = run_digest;
	try->image.digest_ctx = try;
	image_capture(&try->image);
	try->line = 0;
}

/* The run without a fault is one to meet, too. */
static void run_without_fault(struct sweep_try *try)
{
	struct image_mark mark = image_mark(&try->image);
	struct trace trace = try_env(try)->trace;
	u32 i, looks = 0;

	for (i = 0; i < try->lines->count && !try->run.stop; i++) {
		sweep_line_run(try->lines, i, &try->run);
		if (may_meet(try, i, &looks))
			meet(try, i + 1);
	}
	finish(try, &try->run);
	image_revert(&try->image);
	image_rollback(&try->image, &mark);
	try_env(try)->trace = trace;
}

static void go_to_line(struct sweep_try *try, u32 line)
{
	if (line < try->line) {
		image_free(&try->image);
		image_begin(try);
	}
	if (line == try->line)
		return;
	for (; try->line < line; try->line++)
		sweep_line_run(try->lines, try->line, &try->run);
	image_capture(&try->image);
}

void sweep_try_cell(struct sweep_try *try, struct sweep_cell *cell, u32 line)
{
	struct trace trace;

	cell->fired = false;
	if (try->whole) {
		run_whole(try, cell);
		return;
	}
	go_to_line(try, line);
	choose_script(&try_env(try)->chooser);
	trace = try_env(try)->trace;
	if (can_arm(try, cell)) {
		run_from_image(try, cell);
	} else {
		run_whole(try, cell);
		image_revert(&try->image);
	}
	try_env(try)->trace = trace;
}

/* -- Life -- */

static bool fails_allocations(const struct scn_node *node)
{
	u32 i;

	if (node->kind == SCN_STEP)
		return node->step->fail_alloc || node->step->verb->id == VERB_INJECT_ALLOC ||
		       node->step->verb->id == VERB_INJECT_NONE;
	for (i = 0; i < node->body_count; i++)
		if (fails_allocations(&node->body[i]))
			return true;
	return false;
}

struct sweep_try *sweep_try_begin(const struct sweep *sweep, u32 faults)
{
	struct sweep_try *try = aligned_alloc(64, CHUNKS(sizeof(*try)));
	const struct sweep_lines *lines = &sweep->lines;

	if (!try)
		internal_error("no memory for a sweep");
	memset(try, 0, sizeof(*try));
	try->sim = sweep->sim;
	try->scn = sweep->scn;
	try->lines = lines;
	try->options = sweep->options;
	try->faults = faults;
	try->whole = sweep->whole_runs || !host_in_arena;
	while (try->first_allocation_line < lines->count &&
	       !fails_allocations(lines->line[try->first_allocation_line].node))
		try->first_allocation_line++;
	if (try->whole)
		return try;
	image_begin(try);
	try->counts_matter = try->run.condition;
	run_without_fault(try);
	return try;
}

void sweep_try_free(struct sweep_try *try)
{
	u32 i;

	if (!try->whole)
		image_free(&try->image);
	for (i = 0; i < try->outcomes; i++)
		free(try->outcome[i].text);
	free(try->outcome);
	free(try->point);
	free(try);
}
