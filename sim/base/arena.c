// SPDX-License-Identifier: GPL-2.0-only
/*
 * The arena: a bump allocator over reserved address space, and its snapshot.
 * Nothing is ever given back piecemeal; pools (pool.c) recycle within it.
 * A restore copies only the bytes in use at the snapshot: what was allocated
 * later is zeroed when it is handed out again, not when it is forgotten.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/base/arena.h"
#include "sim/base/asan.h"
#include "sim/base/env.h"

#ifdef SEPTUM_TRACKED
#define MARKS_SIZE	ARENA_CHUNKS

static bool reserve_at(void *place, u64 size)
{
	void *map = mmap(place, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS |
			 MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);

	/* A kernel older than the flag takes the place for a hint. */
	if (map != MAP_FAILED && map != place)
		munmap(map, size);
	return map == place;
}

/* A free place in the window, NULL when there is none: stores are not tracked then. */
static void *reserve_in_window(void)
{
	uintptr_t at = ARENA_WINDOW << ARENA_WINDOW_SHIFT;

	for (; at >> ARENA_WINDOW_SHIFT == ARENA_WINDOW; at += ARENA_SIZE) {
		if (!reserve_at((void *)at, ARENA_SIZE))
			continue;
		if (reserve_at(arena_mark(at), MARKS_SIZE))
			return (void *)at;
		munmap((void *)at, ARENA_SIZE);
	}
	return NULL;
}

static void free_marks(struct arena *arena)
{
	if (arena_tracked(arena))
		munmap(arena_mark((uintptr_t)arena), MARKS_SIZE);
}
#else
static void *reserve_in_window(void)
{
	return NULL;
}

static void free_marks(struct arena *arena)
{
}
#endif

static void *reserve_aligned(void)
{
	void *map = reserve_in_window();
	uintptr_t raw, start;

	if (map)
		return map;
	map = mmap(NULL, 2 * ARENA_SIZE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (map == MAP_FAILED)
		return NULL;
	raw = (uintptr_t)map;
	start = ALIGN_UP(raw, ARENA_SIZE);
	if (start > raw)
		munmap(map, start - raw);
	munmap((void *)(start + ARENA_SIZE), raw + ARENA_SIZE - start);
	return (void *)start;
}

struct arena *arena_create(void)
{
	struct arena *arena = reserve_aligned();

	if (!arena)
		return NULL;
	arena->used = ALIGN_UP(sizeof(*arena), 64);
	arena->dirty = arena->used;
	arena->restore_from = arena->used;
	return arena;
}

void arena_rewind(struct arena *arena)
{
	asan_unpoison(arena, arena->used);
	arena->used = ALIGN_UP(sizeof(*arena), 64);
	arena->restore_from = arena->used;
	arena->snapshot_used = 0;
	arena->root = NULL;
}

void arena_destroy(struct arena *arena)
{
	if (!arena)
		return;
	asan_unpoison(arena, arena->used);
	free(arena->snapshot);
	free_marks(arena);
	munmap(arena, ARENA_SIZE);
}

/* NULL: the running task has none, or no room in it. */
static void *lane_alloc(struct arena *arena, u64 size, u64 align)
{
	const struct env *env = arena->root;
	struct arena_lane *lane = &arena->lane[env->sched.current];
	u64 start = ALIGN_UP(lane->next, align);

	if (start + size > lane->end || start + size < start)
		return NULL;
	lane->next = start + size;
	return (char *)arena + start;
}

void *arena_alloc(struct arena *arena, u64 size)
{
	u64 align = size >= 64 ? 64 : 16, start = ALIGN_UP(arena->used, align);
	u64 end = start + size;
	char *bytes = (char *)arena + start;

	if (unlikely(arena->lane)) {
		void *object = lane_alloc(arena, size, align);

		if (object)
			return object;
	}
	if (end > ARENA_ROOM || end < start)
		internal_error("a simulation outgrew its arena of %llu bytes", ARENA_ROOM);
	if (start < arena->dirty)
		memset(bytes, 0, (end < arena->dirty ? end : arena->dirty) - start);
	arena->used = end;
	if (end > arena->dirty)
		arena->dirty = end;
	return bytes;
}

void arena_begin_lanes(struct arena *arena, u32 tasks, u64 size)
{
	struct arena_lane *lane = arena_alloc(arena, TASK_MAX * sizeof(*lane));
	u32 i;

	for (i = 0; i < TASK_MAX; i++) {
		if (!(tasks & 1u << i))
			continue;
		lane[i].next = (char *)arena_alloc(arena, size) - (char *)arena;
		lane[i].end = lane[i].next + size;
	}
	arena->lane = lane;
}

void arena_end_lanes(struct arena *arena)
{
	arena->lane = NULL;
}

void arena_keep(struct arena *arena, const void *mark)
{
	arena->restore_from = (uintptr_t)mark - (uintptr_t)arena;
}

void arena_snapshot(struct arena *arena)
{
	u64 size = arena->used - arena->restore_from;

	if (size > arena->snapshot_size) {
		free(arena->snapshot);
		arena->snapshot = malloc(size);
		if (!arena->snapshot)
			internal_error("no memory for a snapshot of %llu bytes",
				       (unsigned long long)size);
		arena->snapshot_size = size;
	}
	/* Freed objects of pools are poisoned, their bytes belong to the world too. */
	asan_unpoison(arena, arena->used);
	memcpy(arena->snapshot, (char *)arena + arena->restore_from, size);
	arena->snapshot_used = arena->used;
}

void arena_restore(struct arena *arena)
{
	if (!arena->snapshot_used)
		internal_error("arena_restore() without a snapshot");
	asan_unpoison(arena, arena->used);
	memcpy((char *)arena + arena->restore_from, arena->snapshot,
	       arena->snapshot_used - arena->restore_from);
	arena->used = arena->snapshot_used;
}
