/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a stepped world as bytes: what it is (a 128-bit hash) and how to
 * get back to it. An explorer looks at each choice; what a look costs goes by what
 * changed since the one before: 64-byte chunks of the arena, of the stacks of
 * tasks that ran, and of host memory registered as an extra.
 *
 * Which chunks those are is told by the stores themselves where the build has
 * that (arena_tracked()), else found by comparing everything with a copy.
 *
 * Two states with the same hash have the same future, because everything a task
 * can look at is in the hash: the arena's bytes, the live part of each stack,
 * the extras, and of struct env what the scheduler, the checks and the injector
 * decide by (counters that only grow are left out, or no loop would ever come
 * back to a state). Bytes are compared, not meanings: two states that differ
 * only in which free object was taken count as two, never the other way round.
 * That two different states share 128 bits is not reckoned with.
 */
#ifndef SEPTUM_IMAGE_H
#define SEPTUM_IMAGE_H

#include "sim/base/env.h"

#define IMAGE_EXTRA_MAX	7

typedef unsigned __int128 image_hash;

/* The low bits of a state's hash, which are known first. */
#define IMAGE_KEY_BITS	32
#define IMAGE_KEY_MASK	((1ULL << IMAGE_KEY_BITS) - 1)

/* The arena, then a stack for each task but 0, then the extras. */
enum {
	REGION_ARENA,
	REGION_STACK,			/* + id - 1 */
	REGION_EXTRA = TASK_MAX,
	REGION_NR = REGION_EXTRA + IMAGE_EXTRA_MAX,
};

struct image_region {
	u8 *live, *shadow;		/* shadow: the world as last committed */
	image_hash *hash;	/* of each chunk of the shadow */
	u64 from, to;			/* offsets of what belongs to the state */
	u64 next_from, next_to;		/* and to the state last looked at */
	u64 hashed_from;		/* what is below is only put back */
	u64 lowest;			/* stacks: no ->from was ever below */
	u64 resumed;			/* stacks: how often */
};

/* A chunk that is not what it was at the last commit, or was not there. */
struct image_change {
	image_hash hash;		/* as it is now */
	u64 offset;
	u32 region;
};

struct image_log;

struct image {
	struct env *env;
	struct image_region region[REGION_NR];
	u32 region_count;
	u32 ran;			/* BIT(id): resumed since the last look */
	u32 moved;			/* BIT(id): its stack was looked at */
	bool tracked;			/* stores tell what changed */
	bool check;			/* and are not believed: all is compared each time */
	bool avx2;			/* this processor has it */
	struct arena *extras;		/* where tracked extras lie, NULL none */
	u64 arena_room;			/* bytes the arena's shadow has room for */
	image_hash hash;		/* sum over all chunks, struct env apart */
	image_hash next;		/* of the state last looked at */
	u64 (*digest)(void *ctx);	/* more that tells states apart, or NULL */
	void *digest_ctx;
	u64 looks;
	struct image_change *change;
	u64 changes, change_room;
	struct image_log *log;		/* old chunks, newest last */
	u64 log_used, log_room;
};

/* Where a rollback goes to. */
struct image_mark {
	u64 log_used;
	u64 used;
	image_hash hash;
};

/* The world as it is now is the state all rollbacks can reach back to. */
void image_init(struct image *image, struct env *env);
void image_free(struct image *image);
/*
 * Host memory that belongs to the state; before the first look. From an arena of
 * its own, all extras from the same, or changes are found by comparing.
 */
void image_add(struct image *image, void *bytes, u32 size, bool hashed);

/* In front of each task_resume(). */
void image_resume(struct image *image, u8 id);
/*
 * What changed since the last commit; the key of the state. Its hash. Then one of
 * the two below, before anything runs.
 */
u64 image_look(struct image *image);
image_hash image_state(const struct image *image);
/* Keep it: rollbacks can now go there. */
void image_commit(struct image *image);
/* The world is again what it was at the last commit. */
void image_drop(struct image *image);

/* All three in one: the hash of a state that is kept whatever it is. */
image_hash image_capture(struct image *image);

struct image_mark image_mark(const struct image *image);
/* The world is again what it was when @mark was taken, right after a commit. */
void image_rollback(struct image *image, const struct image_mark *mark);
/* Undo whatever task 0 did since the last commit. Tasks must not have run. */
void image_revert(struct image *image);

#endif /* SEPTUM_IMAGE_H */
