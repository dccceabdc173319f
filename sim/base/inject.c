// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which call of which leaf, and which allocation, is to go wrong. Counting goes
 * on whether rules are armed or not: a fault-free run tells a sweep how many
 * instances there are.
 */
#include <errno.h>
#include <string.h>

#include "sim/base/env.h"

int inject_add(struct env *env, const struct inject_rule *rule)
{
	struct injector *injector = &env->injector;
	struct inject_rule *armed;

	if (injector->rule_count == INJECT_RULE_MAX)
		return -ENOSPC;
	armed = &injector->rule[injector->rule_count++];
	*armed = *rule;
	armed->seen = 0;
	armed->fired = 0;
	if (!armed->times)
		armed->times = 1;
	return 0;
}

void inject_clear(struct env *env)
{
	env->injector.rule_count = 0;
	env->injector.alloc_fail_nth = 0;
	env->injector.oom_after_fault = env->injector.oom = false;
}

void inject_disarm(struct env *env)
{
	struct injector *injector = &env->injector;
	u32 i;

	for (i = 0; i < injector->rule_count; i++)
		injector->rule[i].times = 0;
	injector->alloc_fail_nth = 0;
	injector->oom_after_fault = injector->oom = false;
}

struct inject_rule *inject_seamcall(struct env *env, u16 leaf)
{
	struct injector *injector = &env->injector;
	struct inject_rule *fires = NULL;
	u32 i;

	injector->seamcall_count++;
	if (leaf < INJECT_LEAF_MAX)
		injector->calls[leaf]++;
	for (i = 0; i < injector->rule_count; i++) {
		struct inject_rule *rule = &injector->rule[i];

		if (rule->leaf != leaf)
			continue;
		/* Of a rule that was disarmed the count stays. */
		if (!rule->times)
			continue;
		rule->seen++;
		if (fires || rule->seen < rule->nth)
			continue;
		if (rule->times != INJECT_ALL_CALLS && rule->seen - rule->nth >= rule->times)
			continue;
		rule->fired++;
		injector->oom = injector->oom_after_fault;
		/* A fault with an end is something a retry loop can wait for. */
		if (rule->times != INJECT_ALL_CALLS)
			env->sched.progress++;
		fires = rule;
	}
	return fires;
}

bool inject_alloc(struct env *env, const char *site)
{
	task_yield(env, YIELD_ALLOC);
	return inject_alloc_atomic(env, site);
}

static bool alloc_is_to_fail(const struct injector *injector)
{
	u32 times = injector->alloc_fail_times ? injector->alloc_fail_times : 1;

	return injector->alloc_fail_nth && injector->alloc_count >= injector->alloc_fail_nth &&
	       injector->alloc_count - injector->alloc_fail_nth < times;
}

bool inject_alloc_atomic(struct env *env, const char *site)
{
	struct injector *injector = &env->injector;
	bool fails;

	injector->alloc_count++;
	fails = injector->oom || alloc_is_to_fail(injector);
	if (fails)
		injector->alloc_fired++;
	else
		fails = choose(env, 2, CHOICE_ALLOC);
	if (fails && trace_on(env, TRACE_PAGE)) {
		struct trace_event event = {
			.kind = TRACE_PAGE,
			.page = { .pfn = ~0ULL, .what = site },
		};

		trace_emit(env, &event);
	}
	return fails;
}
