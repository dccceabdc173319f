/* SPDX-License-Identifier: GPL-2.0-only */
/* What task.c and lock.c share and nobody else needs. */
#ifndef SEPTUM_BASE_TASK_IMPL_H
#define SEPTUM_BASE_TASK_IMPL_H

#include "sim/base/env.h"

/* task.c */
void task_reschedule(struct env *env);
/* CHOOSE_STEPPED: let task 0 answer. */
u32 task_ask(struct env *env, u32 n, enum choice_kind what);
void task_report_hang(struct env *env, struct task *task);

/* lock.c */
/* What a blocked task waits for has come. */
bool lock_wait_over(const struct sched *sched, const struct task *task);
void lock_report_deadlock(struct env *env);
/* "task a holds X waits for Y held by b; ...": every blocked task. */
void lock_describe_waiters(const struct env *env, char *text, size_t size);

#endif /* SEPTUM_BASE_TASK_IMPL_H */
