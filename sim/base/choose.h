/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The only source of nondeterminism. Everything that could go either way asks
 * choose(env, n, what) and gets a number in [0, n). 0 is always the ordinary
 * outcome: the running task goes on, the allocation succeeds, nobody
 * interrupts. So a scenario run with no choices is the plain story, and a
 * witness lists only what differs.
 *
 * Backends: script (always 0), prng (seed), bytes (fuzzer input), replay (a
 * list), enumerate (depth-first over all lists). Each answer of n > 1 is
 * recorded; the record, printed, is what `septum run --choices` accepts.
 */
#ifndef SEPTUM_BASE_CHOOSE_H
#define SEPTUM_BASE_CHOOSE_H

#include "sim/base/types.h"

struct env;

enum choice_kind {
	CHOICE_TASK,		/* which runnable task goes on */
	CHOICE_STATUS,		/* which status a SEAMCALL returns */
	CHOICE_ALLOC,		/* whether an allocation fails */
	CHOICE_REF,		/* whether a transient reference comes or goes */
	CHOICE_IRQ,		/* whether an interrupt is pending */
	CHOICE_ENTROPY,		/* whether RDRAND runs dry */
	CHOICE_WORLD,		/* shape of a campaign's world and steps */
	CHOICE_NR
};

enum choose_backend {
	CHOOSE_SCRIPT,
	CHOOSE_PRNG,
	CHOOSE_BYTES,
	CHOOSE_REPLAY,
	CHOOSE_ENUMERATE,
	CHOOSE_STEPPED,		/* task 0 answers, see task_resume(); not recorded */
};

struct choice {
	u16 picked;
	u16 count;		/* the n asked */
	u8 kind;		/* enum choice_kind */
};

struct chooser {
	u8 backend;		/* enum choose_backend */
	u8 enabled;		/* BIT(kind): kinds not enabled answer 0 unrecorded */
	bool exhausted;		/* replay or bytes ran out: 0 from there on */
	bool out_of_range;	/* replay list asked for more than n allows */
	u64 prng[4];		/* xoshiro256**, seeded by splitmix64 */
	/* prng: not 0 once in 2^rarity draws; 0 = all answers equally likely */
	u8 rarity[CHOICE_NR];
	const u8 *bytes;
	size_t byte_count, byte_next;
	const u16 *replay;
	u32 replay_count;
	/*
	 * What was drawn, in order. Heap memory. The whole chooser survives arena
	 * resets; setting a backend or choose_next() starts a new record.
	 */
	struct choice *record;
	u32 record_count, record_max;
	u32 prefix;		/* enumerate: so many leading picks are given */
};

void choose_script(struct chooser *chooser);
void choose_prng(struct chooser *chooser, u64 seed);
void choose_bytes(struct chooser *chooser, const u8 *bytes, size_t count);
void choose_replay(struct chooser *chooser, const u16 *list, u32 count);
void choose_enable(struct chooser *chooser, enum choice_kind kind, bool on);
void choose_free(struct chooser *chooser);

/*
 * Enumerate: run with the prefix in @record, 0 after it. choose_next() turns
 * the record into the next prefix in depth-first order; false when all lists
 * have been run.
 */
void choose_enumerate(struct chooser *chooser);
bool choose_next(struct chooser *chooser);
/* For an explorer that holds the tree itself, see task_resume(). */
void choose_stepped(struct chooser *chooser);

/*
 * "0*7,2,1": the recorded list without its trailing zeros, "" when all zero;
 * 0*7 stands for seven zeros. The length the text has or would have (snprintf).
 */
int choose_print(const struct chooser *chooser, char *text, size_t size);
/*
 * Parses that form. Returns the count, -1 when it is not a list of numbers,
 * -2 when it is longer than @max.
 */
int choose_parse(const char *text, u16 *list, u32 max);

/*
 * The same with the kinds the list was drawn from in front when they are not
 * just task: "task+irq:0*7,2". choose_replay_text() enables exactly these kinds
 * and starts the replay; @list must stay valid. 0, else as choose_parse(), or
 * -3 for an unknown kind.
 */
#define CHOICE_KINDS_DEFAULT	(1u << CHOICE_TASK)
extern const char *const choice_kind_name[CHOICE_NR];
int choose_print_kinds(const struct chooser *chooser, char *text, size_t size);
int choose_replay_text(struct chooser *chooser, const char *text, u16 *list, u32 max);
/* "task+irq+ref" as a mask, -1 when a word is no kind. "all" is all. */
int choose_kinds_parse(const char *text, size_t length);

u32 choose_slow(struct env *env, u32 n, enum choice_kind what);

/* A number in [0, n); n >= 1. */
#define choose(env, n, what) \
	(((n) > 1 && (env)->chooser.enabled & (1u << (what))) ? \
	 choose_slow(env, n, what) : 0u)

#endif /* SEPTUM_BASE_CHOOSE_H */
