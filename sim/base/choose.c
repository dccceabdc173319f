// SPDX-License-Identifier: GPL-2.0-only
/*
 * The chooser's backends, its record, and the record's text form. prng is
 * xoshiro256** seeded through splitmix64 (Blackman, Vigna): integer arithmetic
 * only, so a seed means the same run everywhere.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/env.h"
#include "sim/base/task_impl.h"

static void backend_set(struct chooser *chooser, enum choose_backend backend)
{
	chooser->backend = backend;
	chooser->exhausted = false;
	chooser->out_of_range = false;
	chooser->record_count = 0;
	chooser->prefix = 0;
}

void choose_script(struct chooser *chooser)
{
	backend_set(chooser, CHOOSE_SCRIPT);
}

void choose_prng(struct chooser *chooser, u64 seed)
{
	int i;

	backend_set(chooser, CHOOSE_PRNG);
	for (i = 0; i < 4; i++) {
		u64 z = seed += 0x9e3779b97f4a7c15ULL;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
		z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
		chooser->prng[i] = z ^ z >> 31;
	}
}

void choose_bytes(struct chooser *chooser, const u8 *bytes, size_t count)
{
	backend_set(chooser, CHOOSE_BYTES);
	chooser->bytes = bytes;
	chooser->byte_count = count;
	chooser->byte_next = 0;
}

void choose_replay(struct chooser *chooser, const u16 *list, u32 count)
{
	backend_set(chooser, CHOOSE_REPLAY);
	chooser->replay = list;
	chooser->replay_count = count;
}

void choose_enumerate(struct chooser *chooser)
{
	backend_set(chooser, CHOOSE_ENUMERATE);
}

void choose_stepped(struct chooser *chooser)
{
	backend_set(chooser, CHOOSE_STEPPED);
}

void choose_enable(struct chooser *chooser, enum choice_kind kind, bool on)
{
	if (on)
		chooser->enabled |= 1u << kind;
	else
		chooser->enabled &= ~(1u << kind);
}

void choose_free(struct chooser *chooser)
{
	free(chooser->record);
	chooser->record = NULL;
	chooser->record_max = 0;
	backend_set(chooser, CHOOSE_SCRIPT);
}

static u64 rotl(u64 x, int k)
{
	return x << k | x >> (64 - k);
}

static u64 prng_next(u64 s[4])
{
	u64 result = rotl(s[1] * 5, 7) * 9;
	u64 t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

/* @r below @n, from the high half: no division, negligible bias for small n. */
static u32 scale(u64 r, u32 n)
{
	return (r >> 32) * n >> 32;
}

static u32 pick_prng(struct chooser *chooser, u32 n, enum choice_kind what)
{
	u8 rarity = chooser->rarity[what];

	if (!rarity)
		return scale(prng_next(chooser->prng), n);
	if (prng_next(chooser->prng) >> (64 - rarity))
		return 0;
	return 1 + scale(prng_next(chooser->prng), n - 1);
}

static u32 pick_byte(struct chooser *chooser, u32 n)
{
	u32 value = 0;
	int wide = n > 256 ? 2 : 1;

	while (wide--) {
		if (chooser->byte_next == chooser->byte_count) {
			chooser->exhausted = true;
			return 0;
		}
		value = value << 8 | chooser->bytes[chooser->byte_next++];
	}
	return value % n;
}

static u32 pick_replay(struct chooser *chooser, u32 n)
{
	u32 picked;

	if (chooser->record_count >= chooser->replay_count) {
		chooser->exhausted = true;
		return 0;
	}
	picked = chooser->replay[chooser->record_count];
	if (picked < n)
		return picked;
	chooser->out_of_range = true;
	return 0;
}

static u32 pick(struct chooser *chooser, u32 n, enum choice_kind what)
{
	switch (chooser->backend) {
	case CHOOSE_PRNG:
		return pick_prng(chooser, n, what);
	case CHOOSE_BYTES:
		return pick_byte(chooser, n);
	case CHOOSE_REPLAY:
		return pick_replay(chooser, n);
	case CHOOSE_ENUMERATE:
		if (chooser->record_count >= chooser->prefix)
			return 0;
		/* The same prefix must meet the same questions. */
		if (chooser->record[chooser->record_count].count != n)
			chooser->out_of_range = true;
		return chooser->record[chooser->record_count].picked % n;
	default:
		return 0;
	}
}

u32 choose_slow(struct env *env, u32 n, enum choice_kind what)
{
	struct chooser *chooser = &env->chooser;
	u32 picked;

	if (n > UINT16_MAX)
		internal_error("choose() among %u", n);
	if (chooser->backend == CHOOSE_STEPPED)
		return task_ask(env, n, what);
	picked = pick(chooser, n, what);
	if (chooser->record_count == chooser->record_max) {
		u32 max = chooser->record_max ? 2 * chooser->record_max : 256;
		void *record = realloc(chooser->record, max * sizeof(*chooser->record));

		if (!record)
			internal_error("no memory for %u choices", max);
		chooser->record = record;
		chooser->record_max = max;
	}
	chooser->record[chooser->record_count++] = (struct choice){
		.picked = picked, .count = n, .kind = what,
	};
	return picked;
}

bool choose_next(struct chooser *chooser)
{
	u32 i = chooser->record_count;

	chooser->record_count = 0;
	while (i--) {
		struct choice *choice = &chooser->record[i];

		if (choice->picked + 1 < choice->count) {
			choice->picked++;
			chooser->prefix = i + 1;
			return true;
		}
	}
	chooser->prefix = 0;
	return false;
}

/* Shorter runs are clearer written out. */
#define RUN_MIN	4

int choose_print(const struct chooser *chooser, char *text, size_t size)
{
	u32 count = chooser->record_count, i, run;
	size_t length = 0;

	if (size)
		text[0] = 0;
	while (count && !chooser->record[count - 1].picked)
		count--;
	for (i = 0; i < count; i += run) {
		char item[32];
		u16 picked = chooser->record[i].picked;

		run = 1;
		while (i + run < count && chooser->record[i + run].picked == picked)
			run++;
		if (run >= RUN_MIN) {
			snprintf(item, sizeof(item), "%s%u*%u", i ? "," : "", picked, run);
		} else {
			run = 1;
			snprintf(item, sizeof(item), "%s%u", i ? "," : "", picked);
		}
		if (length < size)
			snprintf(text + length, size - length, "%s", item);
		length += strlen(item);
	}
	return length;
}

/* A decimal number of at most 5 digits at *text, -1 when there is none. */
static int parse_number(const char **text)
{
	int value = 0, digits = 0;

	while (**text >= '0' && **text <= '9' && digits < 6) {
		value = value * 10 + *(*text)++ - '0';
		digits++;
	}
	return digits && digits < 6 ? value : -1;
}

int choose_parse(const char *text, u16 *list, u32 max)
{
	u32 count = 0;

	if (!*text)
		return 0;
	for (;;) {
		int value = parse_number(&text), run = 1;

		if (value < 0 || value > UINT16_MAX)
			return -1;
		if (*text == '*') {
			text++;
			run = parse_number(&text);
			if (run < 1)
				return -1;
		}
		if ((u32)run > max - count)
			return -2;
		while (run--)
			list[count++] = value;
		if (!*text)
			return count;
		if (*text++ != ',')
			return -1;
	}
}

/* -- Lists with their kinds -- */

const char *const choice_kind_name[CHOICE_NR] = {
	[CHOICE_TASK] = "task", [CHOICE_STATUS] = "status", [CHOICE_ALLOC] = "alloc",
	[CHOICE_REF] = "ref", [CHOICE_IRQ] = "irq", [CHOICE_ENTROPY] = "entropy",
	[CHOICE_WORLD] = "world",
};

static int kind_mask(const char *word, size_t length)
{
	int kind;

	if (length == 3 && !memcmp(word, "all", 3))
		return (1 << CHOICE_NR) - 1;
	for (kind = 0; kind < CHOICE_NR; kind++)
		if (strlen(choice_kind_name[kind]) == length &&
		    !memcmp(choice_kind_name[kind], word, length))
			return 1 << kind;
	return -1;
}

int choose_kinds_parse(const char *text, size_t length)
{
	int kinds = 0;

	for (;;) {
		const char *plus = memchr(text, '+', length);
		size_t word = plus ? (size_t)(plus - text) : length;
		int mask = kind_mask(text, word);

		if (mask < 0)
			return -1;
		kinds |= mask;
		if (!plus)
			return kinds;
		text += word + 1;
		length -= word + 1;
	}
}

int choose_print_kinds(const struct chooser *chooser, char *text, size_t size)
{
	int length = 0, kind, rest;

	for (kind = 0; chooser->enabled != CHOICE_KINDS_DEFAULT && kind < CHOICE_NR; kind++)
		if (chooser->enabled & 1u << kind)
			length += snprintf(length < (int)size ? text + length : NULL,
					   length < (int)size ? size - length : 0, "%s%s",
					   length ? "+" : "", choice_kind_name[kind]);
	if (length)
		length += snprintf(length < (int)size ? text + length : NULL,
				   length < (int)size ? size - length : 0, ":");
	rest = length < (int)size ? (int)size - length : 0;
	return length + choose_print(chooser, rest ? text + length : NULL, rest);
}

int choose_replay_text(struct chooser *chooser, const char *text, u16 *list, u32 max)
{
	const char *colon = strchr(text, ':');
	int kinds = CHOICE_KINDS_DEFAULT, count;

	if (colon) {
		kinds = choose_kinds_parse(text, colon - text);
		if (kinds < 0)
			return -3;
		text = colon + 1;
	}
	count = choose_parse(text, list, max);
	if (count < 0)
		return count;
	chooser->enabled = kinds;
	choose_replay(chooser, list, count);
	return 0;
}
