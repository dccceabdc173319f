/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Livelock: states of a depth-first search from which no end can be reached. Tarjan's
 * strongly connected components, kept up while the search goes on: of a component
 * that is complete only two things matter, that it is, and whether anything leads
 * out of it. One that nothing leads out of is a livelock; whatever else is complete
 * comes to an end, or to a livelock that was told of.
 *
 * So only states of components still open take memory, 24 to 48 bytes each: most
 * components are one state, and the open ones those on the way to where the search is.
 */
#ifndef SEPTUM_EXPLORE_LIVE_H
#define SEPTUM_EXPLORE_LIVE_H

#include "sim/image.h"

/* A state on the way from the start to where the search is. */
struct live_frame {
	u32 first;	/* where ->open has it */
	u32 low;	/* the earliest open state known to be reached from it */
	bool exit;	/* something leads out of what is open from it on */
};

struct explore_live {
	image_hash *open;	/* in the order they were met */
	u32 count, room;
	u32 *slot;			/* open addressing: 1 + index in ->open, 0 is empty */
	u32 slots;			/* a power of two, twice the room */
	struct live_frame *frame;
	u32 depth, depth_room;
};

/*
 * The search goes on from a new state. @cut: not all that can happen next will be
 * tried, so nothing can be said about it.
 */
void live_enter(struct explore_live *live, image_hash hash, bool cut);
/* From the state entered last a step leads to one seen before, */
void live_seen(struct explore_live *live, image_hash hash);
/* or to an end. */
void live_end(struct explore_live *live);
/* All steps of the state entered last were taken. True: nothing leads out of where it is. */
bool live_leave(struct explore_live *live);
u64 live_bytes(const struct explore_live *live);
void live_free(struct explore_live *live);

#endif /* SEPTUM_EXPLORE_LIVE_H */
