/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The state of a stepped world as bytes: what it is (a 128-bit hash) and how to
 * get back to it. An explorer captures at each choice; only what changed since
 * the capture before costs anything but a compare: 64-byte chunks of the arena,
 * the stacks of tasks that ran, and host memory registered as an extra.
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

#define IMAGE_EXTRA_MAX	8

struct image_hash {
	u64 word[2];
};

struct image_extra {
	u8 *bytes, *shadow;
	u32 size;
	bool hashed;
};

struct image_stack {
	u8 *shadow;		/* as large as the stack itself */
	u64 low;		/* offset of the lowest live chunk */
};

struct image {
	struct env *env;
	u8 *shadow;		/* the arena at the last capture */
	u64 used, room;
	u64 raw_from;		/* chunks below belong to struct env */
	struct image_hash hash;	/* sum over all chunks, struct env apart */
	struct image_stack stack[TASK_MAX];
	struct image_extra extra[IMAGE_EXTRA_MAX];
	u32 extra_count;
	u64 (*digest)(void *ctx);	/* more that tells states apart, or NULL */
	void *digest_ctx;
	bool avx2;		/* this processor has it */
	u32 ran;		/* BIT(id): resumed since the last capture */
	u8 *log;		/* old bytes, newest last */
	size_t log_used, log_room;
};

/* Where a rollback goes to. */
struct image_mark {
	size_t log_used;
	u64 used;
	struct image_hash hash;
};

/* The world as it is now is the state all rollbacks can reach back to. */
void image_init(struct image *image, struct env *env);
void image_free(struct image *image);
/* Host memory that belongs to the state; before the first capture. */
void image_add(struct image *image, void *bytes, u32 size, bool hashed);

/* Take in what changed. The hash of the state. */
struct image_hash image_capture(struct image *image);
struct image_mark image_mark(const struct image *image);
/* The world is again what it was when @mark was taken, right after a capture. */
void image_rollback(struct image *image, const struct image_mark *mark);
/* Undo whatever task 0 did since the last capture. Tasks must not have run. */
void image_revert(struct image *image);

#endif /* SEPTUM_IMAGE_H */
