/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Threads for what falls into parts that do not meet: each worker has machines,
 * caches and parsed scenarios of its own and takes the next part under a lock. What
 * they found is told in the order of the parts, whoever did them.
 */
#ifndef SEPTUM_WORKERS_H
#define SEPTUM_WORKERS_H

#include "sim/base/types.h"

#define WORKERS_MAX	16

/* Online processors, at most WORKERS_MAX; 1 where machines share a kernel. */
u32 workers_default(void);

/*
 * work(&worker[i]) for each of the @count workers of @size bytes at @worker, the
 * first in this thread; returns when all are back. A worker whose thread cannot be
 * made never runs: the others take its parts.
 */
void workers_run(void (*work)(void *worker), void *worker, size_t size, u32 count);

#endif /* SEPTUM_WORKERS_H */
