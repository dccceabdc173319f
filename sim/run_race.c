// SPDX-License-Identifier: GPL-2.0-only
/*
 * Race blocks: one task an actor, each runs its actor's lines in order. Who goes
 * on at a switch is the chooser's; this file only makes the tasks and says what
 * it means when they cannot end.
 */
#include <stdio.h>
#include <string.h>

#include "sim/run_impl.h"

struct race_actor {
	struct run *run;
	const struct scn_node *race;
	const struct scn_actor *actor;
};

static bool same_actor(const struct scn_actor *a, const struct scn_actor *b)
{
	return a->kind == b->kind && a->td == b->td && a->vcpu == b->vcpu;
}

/* A task's life: its actor's lines of the block, in order. */
static void race_task(void *arg)
{
	const struct race_actor *me = arg;
	u32 i;

	for (i = 0; i < me->race->body_count && !me->run->stop; i++) {
		const struct scn_node *node = &me->race->body[i];

		if (node->kind == SCN_STEP && same_actor(&node->step->actor, me->actor))
			run_step_node(me->run, node);
	}
}

static bool race_has_earlier(const struct scn_node *race, u32 index)
{
	u32 i;

	for (i = 0; i < index; i++)
		if (race->body[i].kind == SCN_STEP &&
		    same_actor(&race->body[i].step->actor, &race->body[index].step->actor))
			return true;
	return false;
}

static void actor_name(const struct scn_actor *actor, char *name, size_t size)
{
	struct scn_value vcpu = { .id = actor->td << 8 | actor->vcpu };

	if (actor->kind == ACTOR_VCPU)
		scn_print_value(TYPE_VCPU, &vcpu, name, size);
	else if (actor->vcpu)
		snprintf(name, size, "%s%u", actor_names[actor->kind], actor->vcpu);
	else
		snprintf(name, size, "%s", actor_names[actor->kind]);
}

void run_race_start(struct run *run, const struct scn_node *race)
{
	struct env *env = run->sim->env;
	char name[TASK_NAME_MAX];
	u32 i, cpu = 0;
	int id;

	run->in_race = true;
	for (i = 0; i < race->body_count; i++) {
		const struct scn_node *node = &race->body[i];
		struct race_actor *actor;

		if (node->kind != SCN_STEP || race_has_earlier(race, i))
			continue;
		actor = arena_alloc(env->arena, sizeof(*actor));
		*actor = (struct race_actor){ run, race, &node->step->actor };
		actor_name(actor->actor, name, sizeof(name));
		id = task_create(env, name, race_task, actor);
		if (id < 0) {
			run_fail(run, node, RUN_ERROR, 0, "too many actors in this race");
			return;
		}
		env->sched.task[id].cpu =
			hw_cpu_or_boot(run->sim->hw, cpu++ % run->sim->hw->cpu_count);
	}
}

void run_race(struct run *run, const struct scn_node *race)
{
	struct env *env = run->sim->env;

	run_race_start(run, race);
	if (!run->stop)
		task_run_all(env);
	run->in_race = false;
	if (env->sched.deadlock)
		run_fail(run, race, RUN_DEADLOCK, 0, "all tasks of this race wait for each other");
	else if (env->sched.hang)
		run_fail(run, race, RUN_HANG, 0, "a task of this race waits for what cannot come");
	if ((env->sched.deadlock || env->sched.hang) && env->checker.broken_count)
		diag_note(&run->result->diag, "  %s\n",
			  env->checker.broken[env->checker.broken_count - 1].text);
}
