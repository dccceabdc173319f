// SPDX-License-Identifier: GPL-2.0-only
/*
 * Calls with the same past, see sweep_past.h. Pasts are told apart by 64 bits of
 * hash over the steps' printed text.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/sweep_past.h"

#define TABLE_FIRST	4096u

static u64 mix(u64 hash, u64 value)
{
	unsigned __int128 product = (unsigned __int128)(hash ^ 0xa0761d6478bd642fULL) *
				    (value ^ 0xe7037ed1a0b428dbULL);

	return (u64)product ^ (u64)(product >> 64);
}

static u32 machine_number(struct sweep_pasts *pasts, const struct sim_config *machine)
{
	u32 i;

	for (i = 0; i < pasts->machine_count; i++)
		if (sim_config_equal(&pasts->machine[i], machine))
			return i;
	pasts->machine = realloc(pasts->machine, (i + 1) * sizeof(*machine));
	if (!pasts->machine)
		internal_error("no memory for %u machines", i + 1);
	pasts->machine[i] = *machine;
	pasts->machine_count = i + 1;
	return i;
}

void sweep_past_begin(struct sweep_past *past, struct sweep_pasts *pasts,
		      const struct sim_config *machine)
{
	past->hash = mix(1, machine_number(pasts, machine));
}

void sweep_past_step(struct sweep_past *past, struct sweep_pasts *pasts, const struct run *run,
		     const struct scn_step *step)
{
	char text[SCN_LINE_MAX];
	const char *c;

	scn_print_step(step, text, sizeof(text));
	for (c = text; *c; c++)
		past->hash = mix(past->hash, (u8)*c);
	if (run->in_race)
		past->hash = mix(past->hash, 256 + pasts->races++);
}

static u64 *slot_of(u64 *table, u64 room, u64 key)
{
	u64 i = key & (room - 1);

	while (table[i] && table[i] != key)
		i = (i + 1) & (room - 1);
	return &table[i];
}

static void grow(struct sweep_pasts *pasts)
{
	u64 room = pasts->room ? 2 * pasts->room : TABLE_FIRST, i;
	u64 *table = calloc(room, sizeof(*table));

	if (!table)
		internal_error("no memory for %llu pasts", (unsigned long long)room);
	for (i = 0; i < pasts->room; i++)
		if (pasts->key[i])
			*slot_of(table, room, pasts->key[i]) = pasts->key[i];
	free(pasts->key);
	pasts->key = table;
	pasts->room = room;
}

bool sweep_past_is_new(const struct sweep_past *past, struct sweep_pasts *pasts, u32 leaf, u32 nth)
{
	u64 key = mix(past->hash, (u64)leaf << 32 | nth), *slot;

	if (2 * pasts->count >= pasts->room)
		grow(pasts);
	slot = slot_of(pasts->key, pasts->room, key ? key : 1);
	if (*slot)
		return false;
	*slot = key ? key : 1;
	pasts->count++;
	return true;
}

void sweep_pasts_free(struct sweep_pasts *pasts)
{
	free(pasts->key);
	free(pasts->machine);
	*pasts = (struct sweep_pasts){ 0 };
}
