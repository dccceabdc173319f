// SPDX-License-Identifier: GPL-2.0-only
/* Threads that share work, see workers.h. */
#include <pthread.h>
#include <unistd.h>

#include "sim/base/host.h"
#include "sim/workers.h"

struct thread {
	pthread_t id;
	void (*work)(void *worker);
	void *worker;
};

static void *start(void *arg)
{
	const struct thread *thread = arg;

	thread->work(thread->worker);
	return NULL;
}

u32 workers_default(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	if (online < 1 || !host_in_arena)
		return 1;
	return online > WORKERS_MAX ? WORKERS_MAX : online;
}

void workers_run(void (*work)(void *worker), void *worker, size_t size, u32 count)
{
	struct thread thread[WORKERS_MAX];
	u32 started, i;

	for (started = 1; started < count; started++) {
		thread[started].work = work;
		thread[started].worker = (u8 *)worker + started * size;
		if (pthread_create(&thread[started].id, NULL, start, &thread[started]))
			break;
	}
	work(worker);
	for (i = 1; i < started; i++)
		pthread_join(thread[i].id, NULL);
}
