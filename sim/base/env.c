// SPDX-License-Identifier: GPL-2.0-only
/*
 * One simulation's environment: the first object of its arena, plus the heap
 * memory that must outlive restores (broken-invariant texts, choice record,
 * task stacks).
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/env.h"

static struct env *env_start(struct arena *arena)
{
	struct env *env = arena_alloc(arena, sizeof(*env));

	if (env != env_of(arena))
		internal_error("the environment is not the first object of its arena");
	arena->root = env;
	env->arena = arena;
	env->broken = calloc(CHECK_BROKEN_MAX, sizeof(*env->broken));
	if (!env->broken) {
		arena_destroy(arena);
		return NULL;
	}
	env->checker.broken = env->broken;
	env->sched.live = 1;
	env->sched.task[0].state = TASK_RUNNABLE;
	strcpy(env->sched.task[0].name, "main");
	choose_script(&env->chooser);
	arena_keep(arena, &env->trace.seq);
	return env;
}

struct env *env_create(void)
{
	struct arena *arena = arena_create();

	return arena ? env_start(arena) : NULL;
}

static void free_heap(struct env *env)
{
	choose_free(&env->chooser);
	task_stacks_free(env->stacks);
	free(env->broken);
}

struct env *env_restart(struct env *env)
{
	struct arena *arena = env->arena;

	free_heap(env);
	arena_rewind(arena);
	return env_start(arena);
}

void env_destroy(struct env *env)
{
	if (!env)
		return;
	free_heap(env);
	arena_destroy(env->arena);
}

const struct defect_info defect_info[DEFECT_NR] = {
#define DEFECT(n, b, k) [DEFECT_##n] = { .name = #n, .breaks = b, .killer = k },
#include "sim/base/defects.def"
#undef DEFECT
};

/* SKIP_TRACK is typed as skip-track; both forms are taken. */
static bool defect_name_is(const char *row, const char *name)
{
	while (*row && *name) {
		char c = *name == '-' ? '_' : toupper((unsigned char)*name);

		if (c != *row)
			return false;
		row++, name++;
	}
	return *row == *name;
}

int defect_find(const char *name)
{
	int i;

	for (i = 0; i < DEFECT_NR; i++)
		if (defect_name_is(defect_info[i].name, name))
			return i;
	return -1;
}
