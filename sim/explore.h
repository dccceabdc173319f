/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Every schedule and every choice of a set of tasks: depth-first, each state
 * once. Knows tasks and choices, nothing of scenarios; cmd_explore.c puts race
 * blocks in and verdicts on top.
 */
#ifndef SEPTUM_EXPLORE_H
#define SEPTUM_EXPLORE_H

#include "sim/explore_live.h"
#include "sim/image.h"

enum explore_end {
	EXPLORE_DONE,		/* all tasks ended */
	EXPLORE_DEADLOCK,	/* env->sched.deadlock, the report is in the checker */
	EXPLORE_HANG,		/* nobody can go on, and not for a lock alone; or no end is left to reach */
};

struct explorer;

/*
 * The tasks came to an end in a state not seen before. Called on task 0, may do
 * with the world what it likes: all of it is undone. True ends the search.
 */
typedef bool explore_end_fn(void *ctx, struct explorer *explorer, enum explore_end end);

struct explore_options {
	u64 bound;		/* states to store at most, 0 = no bound */
	u32 preemptions;	/* switches away from a task that could go on, 0 = any */
	bool forced;		/* store states with one way out, too, as other tools do */
	bool check_stores;	/* compare the whole world at each choice, see image_verify() */
};

struct explore_stats {
	u64 states;		/* distinct states at choices and ends */
	u64 transitions;	/* runs of a task from one choice to the next */
	u64 schedules;		/* ways followed to an end or to a state seen before */
	u64 ends;		/* distinct states in which the tasks had ended */
	u64 deepest;		/* choices on the longest way */
	u64 livelocks;		/* of the ends: where tasks only go round and nobody gets out */
	u64 bytes;		/* memory of the state table, and of states not complete */
	bool bound_hit;
};

struct explore_frame {
	struct image_mark mark;
	u8 from, n_tasks;	/* who ran before; 0: the choice is not who runs */
	u8 candidate[TASK_MAX];
	u16 n, picked;
};

struct explorer {
	struct env *env;
	struct image image;
	struct explore_options options;
	struct explore_stats stats;
	image_hash *table;		/* open addressing, 0 is empty */
	u64 table_room;
	struct explore_frame *frame;	/* the way from the start to here */
	u32 depth, depth_room;
	struct explore_live live;
	u32 forced;			/* runs since there was something to choose */
	explore_end_fn *end;
	void *ctx;
};

/*
 * @env: tasks created, none run. image_add() may be called between init and
 * run. What the world is after a run is unspecified: restore a snapshot.
 */
void explore_init(struct explorer *explorer, struct env *env,
		  const struct explore_options *options);
void explore_run(struct explorer *explorer, explore_end_fn *end, void *ctx);
void explore_free(struct explorer *explorer);

/* The picks on the way to where the search is, for choose_replay(). */
u32 explore_picks(const struct explorer *explorer, u16 *list, u32 max);

#endif /* SEPTUM_EXPLORE_H */
