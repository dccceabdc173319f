/* SPDX-License-Identifier: GPL-2.0-only */
/* A little world of locks and a log, for the tests of tasks and locks. */
#ifndef SEPTUM_TESTS_TASK_WORLD_H
#define SEPTUM_TESTS_TASK_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "sim/base/env.h"

/* Shared by the tasks of one test; lies in the arena. */
struct world {
	struct env *env;
	struct lock a, b, srcu;
	char log[64];
	u32 turns;
	bool flag;
};

static inline struct world *world_of(void **state)
{
	return *state;
}

static inline int world_setup(void **state)
{
	struct env *env = env_create();
	struct world *w;

	if (!env)
		return -1;
	w = arena_alloc(env->arena, sizeof(*w));
	w->env = env;
	lock_init(&w->a, LOCK_INVALIDATE_LOCK, 1);
	lock_init(&w->b, LOCK_MMU_LOCK, 2);
	lock_init(&w->srcu, LOCK_SRCU, 3);
	choose_enable(&env->chooser, CHOICE_TASK, true);
	*state = w;
	return 0;
}

static inline int world_teardown(void **state)
{
	env_destroy(world_of(state)->env);
	return 0;
}

static inline void note(struct world *w, char c)
{
	size_t length = strlen(w->log);

	if (length < sizeof(w->log) - 1)
		w->log[length] = c;
}

static inline void take_turns(void *arg)
{
	struct world *w = arg;
	char name = current_task(w->env)->name[0];
	u32 i;

	for (i = 0; i < w->turns; i++) {
		note(w, name);
		task_yield(w->env, YIELD_SEAMCALL);
	}
}

static inline void spawn(struct world *w, const char *name, void (*entry)(void *))
{
	assert_true(task_create(w->env, name, entry, w) > 0);
}

static inline const char *first_broken(struct world *w)
{
	return w->env->checker.broken_count ? w->env->checker.broken[0].text : "";
}

#endif /* SEPTUM_TESTS_TASK_WORLD_H */
