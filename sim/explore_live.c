// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tarjan's algorithm over the explorer's search, see explore_live.h. Open states are
 * found by their hash; when their component is complete they are forgotten.
 *
 * Left out: livelocks that one schedule stays in for ever though another would leave
 * them. What is told of here nobody leaves, whoever runs.
 */
#include <stdlib.h>

#include "sim/explore_live.h"

#define ROOM_FIRST	1024u

static void *grown(void *bytes, u64 size)
{
	bytes = realloc(bytes, size);
	if (!bytes)
		internal_error("no memory for %llu bytes of open states", (unsigned long long)size);
	return bytes;
}

/* -- Open states by hash -- */

static u32 home_of(const struct explore_live *live, u32 index)
{
	return (u32)(live->open[index] >> 64) & (live->slots - 1);
}

/* The slot of @hash, or the empty one where it would be. */
static u32 slot_of(const struct explore_live *live, image_hash hash)
{
	u32 i = (u32)(hash >> 64) & (live->slots - 1);

	while (live->slot[i]) {
		const image_hash *open = &live->open[live->slot[i] - 1];

		if (*open == hash)
			break;
		i = (i + 1) & (live->slots - 1);
	}
	return i;
}

static void more_room(struct explore_live *live)
{
	u32 i;

	live->room = live->room ? 2 * live->room : ROOM_FIRST;
	live->slots = 2 * live->room;
	live->open = grown(live->open, live->room * sizeof(*live->open));
	free(live->slot);
	live->slot = calloc(live->slots, sizeof(*live->slot));
	if (!live->slot)
		internal_error("no memory for %u open states", live->room);
	for (i = 0; i < live->count; i++)
		live->slot[slot_of(live, live->open[i])] = i + 1;
}

/* Whatever was moved on because the slot was taken moves back. */
static void forget(struct explore_live *live, image_hash hash)
{
	u32 mask = live->slots - 1, hole = slot_of(live, hash), i;

	for (i = (hole + 1) & mask; live->slot[i]; i = (i + 1) & mask) {
		u32 home = home_of(live, live->slot[i] - 1);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			live->slot[hole] = live->slot[i];
			hole = i;
		}
	}
	live->slot[hole] = 0;
}

/* -- The search -- */

void live_enter(struct explore_live *live, image_hash hash, bool cut)
{
	if (live->count == live->room)
		more_room(live);
	if (live->depth == live->depth_room) {
		live->depth_room = live->depth_room ? 2 * live->depth_room : ROOM_FIRST;
		live->frame = grown(live->frame, live->depth_room * sizeof(*live->frame));
	}
	live->frame[live->depth++] = (struct live_frame){ live->count, live->count, cut };
	live->open[live->count] = hash;
	live->slot[slot_of(live, hash)] = live->count + 1;
	live->count++;
}

void live_seen(struct explore_live *live, image_hash hash)
{
	struct live_frame *frame = &live->frame[live->depth - 1];
	u32 found = live->slot[slot_of(live, hash)];

	if (!found)
		frame->exit = true;
	else if (found - 1 < frame->low)
		frame->low = found - 1;
}

void live_end(struct explore_live *live)
{
	/* Depth 0: the start itself is an end. */
	if (live->depth)
		live->frame[live->depth - 1].exit = true;
}

bool live_leave(struct explore_live *live)
{
	struct live_frame *frame = &live->frame[--live->depth];
	struct live_frame *before = live->depth ? frame - 1 : NULL;

	if (frame->low < frame->first) {
		before->low = frame->low < before->low ? frame->low : before->low;
		before->exit |= frame->exit;
		return false;
	}
	while (live->count > frame->first)
		forget(live, live->open[--live->count]);
	if (before)
		before->exit = true;
	return !frame->exit;
}

u64 live_bytes(const struct explore_live *live)
{
	return live->room * sizeof(*live->open) + live->slots * sizeof(*live->slot);
}

void live_free(struct explore_live *live)
{
	free(live->open);
	free(live->slot);
	free(live->frame);
	*live = (struct explore_live){ 0 };
}
