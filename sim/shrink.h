/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Making a failure small: fewer choices, fewer lines, the same verdict. The
 * results are 1-minimal: undoing any single cut more would lose the verdict.
 */
#ifndef SEPTUM_SHRINK_H
#define SEPTUM_SHRINK_H

#include "sim/run.h"

#define SHRINK_CHOICES_MAX	4096

/* A list of picks as choose_replay() takes it. */
struct choice_list {
	u16 pick[SHRINK_CHOICES_MAX];
	u32 count;
};

/* Does it still fail the same way? */
typedef bool shrink_test_fn(void *ctx, const struct choice_list *list);

/*
 * Set picks to 0 and cut the tail as long as @test holds; @list itself is known
 * to pass. Ends without trailing zeros.
 */
void shrink_choices(struct choice_list *list, shrink_test_fn *test, void *ctx);

/* What must stay the same while a scenario shrinks. */
struct failure {
	enum run_verdict verdict;
	u32 broken;			/* BIT(invariant), unexpected ones */
	const char *file;		/* a mismatch: the line that did not hold */
	u32 line;
};

struct shrinker {
	struct scn *scn;		/* cut in place */
	struct run_options options;
	u64 defects;			/* planted in the machine, BIT(enum defect) */
	struct sim_cache *cache;
	struct choice_list choices;
	u32 choice_kinds;		/* BIT(enum choice_kind) the list was drawn from */
	struct failure failure;
	u64 runs;
};

/*
 * Run once to see what fails: false when nothing does, or when it cannot be
 * run; @result then tells.
 */
bool shrink_start(struct shrinker *shrinker, struct run_result *result);
/* Cut lines, then choices, until nothing more can go. */
void shrink_scenario(struct shrinker *shrinker);

#endif /* SEPTUM_SHRINK_H */
