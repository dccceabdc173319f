/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * All state of one simulation lives in one arena: a reserved, aligned region
 * that only grows. That buys four things:
 *
 *  - reset is a copy of the few kilobytes in use when the snapshot was taken;
 *    everything allocated later is forgotten at once;
 *  - a snapshot keeps every pointer valid, because restored bytes go back to
 *    the addresses they came from;
 *  - the simulation any object belongs to is found by masking its address,
 *    the way a kernel finds a task from its stack, so ported functions keep
 *    the kernel's signatures without any global (see env_of() in env.h);
 *  - pages never touched cost nothing.
 *
 * Memory is handed out zeroed. Single threaded, no locks.
 *
 * What a restore leaves alone: the bytes below arena_keep()'s mark. They hold
 * what belongs to the engine and not to the simulated world (struct env says
 * which): who chooses, who listens, which defects are planted. Heap memory such
 * parts own is therefore never resurrected or lost.
 */
#ifndef SEPTUM_BASE_ARENA_H
#define SEPTUM_BASE_ARENA_H

#include "sim/base/types.h"

#define ARENA_SHIFT	33			/* 8 GiB of address space each */
#define ARENA_SIZE	(1ULL << ARENA_SHIFT)

/* Where the next object of a task goes while an explorer steps it. */
struct arena_lane {
	u64 next, end;		/* offsets */
};

/*
 * Which chunks were stored to, in a build whose stores tell so (SEPTUM_TRACKED,
 * sim/tracked/track.c). All arenas then lie in one window of the address space, and
 * a second window has a byte for each of their chunks; the chunks whose byte is set
 * are listed behind what an arena can hand out. So nothing but the address of a
 * store is needed to note it.
 */
#define ARENA_CHUNK_SHIFT	6
#define ARENA_CHUNKS		(ARENA_SIZE >> ARENA_CHUNK_SHIFT)
#define ARENA_ROOM		(ARENA_SIZE - ARENA_CHUNKS * sizeof(u32))
#define ARENA_WINDOW_SHIFT	40
#define ARENA_WINDOW		8ULL		/* address >> ARENA_WINDOW_SHIFT */
#define ARENA_MARKS		((ARENA_WINDOW + 1) << ARENA_WINDOW_SHIFT)

struct arena {
	u64 used;		/* bytes handed out, this header included */
	u64 dirty;		/* high-water mark: bytes above it are still zero */
	u64 restore_from;	/* bytes below this offset survive a restore */
	u64 snapshot_used;	/* ->used at the snapshot, 0 = none taken */
	void *snapshot;		/* bytes [restore_from, snapshot_used), heap */
	u64 snapshot_size;	/* bytes ->snapshot has room for */
	void *root;		/* the environment once there is one, see env_of() */
	struct arena_lane *lane;	/* by task id, in the arena; NULL: all from ->used */
	u32 touched;		/* chunks on the list of those stored to */
};

/* NULL when the address space cannot be reserved. */
struct arena *arena_create(void);
void arena_destroy(struct arena *arena);

/*
 * As arena_create() gave it, all contents forgotten, but the host keeps the pages
 * it has backed already: cheaper than to touch as many fresh ones.
 */
void arena_rewind(struct arena *arena);

/*
 * @size bytes, zeroed, aligned to 16 (to 64 from 64 bytes up).
 * Never fails: running out of ARENA_ROOM ends the process with exit status 4.
 */
void *arena_alloc(struct arena *arena, u64 size);

/*
 * From here on each task in @tasks, BIT(id), allocates from @size bytes of its own
 * while they last, so that where its objects lie does not depend on what others
 * allocated in between. Until arena_end_lanes().
 */
void arena_begin_lanes(struct arena *arena, u32 tasks, u64 size);
void arena_end_lanes(struct arena *arena);

/* Everything in front of @mark survives arena_restore(). Before any snapshot. */
void arena_keep(struct arena *arena, const void *mark);

/*
 * Remember the present state; a later restore returns to it, any number of
 * times. A second snapshot replaces the first. Restoring without a snapshot is
 * an internal error. Only from task 0, with no other task created.
 */
void arena_snapshot(struct arena *arena);
void arena_restore(struct arena *arena);

static inline struct arena *arena_of(const void *object)
{
	return (struct arena *)((uintptr_t)object & ~(uintptr_t)(ARENA_SIZE - 1));
}

/* Do stores to @arena leave a mark? */
static inline bool arena_tracked(const struct arena *arena)
{
#ifdef SEPTUM_TRACKED
	return (uintptr_t)arena >> ARENA_WINDOW_SHIFT == ARENA_WINDOW;
#else
	return false;
#endif
}

/* Chunk numbers, ->touched of them, in the order of their first store. */
static inline u32 *arena_touched(struct arena *arena)
{
	return (u32 *)((char *)arena + ARENA_ROOM);
}

/* The mark of the chunk @address lies in, @address in the window. */
static inline u8 *arena_mark(uintptr_t address)
{
	return (u8 *)(ARENA_MARKS - (ARENA_WINDOW << ARENA_WINDOW_SHIFT >> ARENA_CHUNK_SHIFT) +
		      (address >> ARENA_CHUNK_SHIFT));
}

/* In sim/tracked/track.c: its own stores must not tell. */
void arena_list_chunk(uintptr_t address);

/* Something in the chunk @address lies in is about to change. */
static inline void arena_touch(uintptr_t address)
{
	if (address >> ARENA_WINDOW_SHIFT == ARENA_WINDOW && !*arena_mark(address))
		arena_list_chunk(address);
}

/* For a store that the compiler does not see. */
static inline void arena_wrote(const void *object)
{
#ifdef SEPTUM_TRACKED
	arena_touch((uintptr_t)object);
#endif
}

#endif /* SEPTUM_BASE_ARENA_H */
