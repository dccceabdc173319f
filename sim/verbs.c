// SPDX-License-Identifier: GPL-2.0-only
/* The verb table itself, from verbs.def, and look-ups in it. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/verbs.h"

#define POS(name, type)		{ #name, TYPE_##type, OPERAND_REQUIRED | OPERAND_POSITIONAL }
#define REQ(name, type)		{ #name, TYPE_##type, OPERAND_REQUIRED }
#define OPT(name, type)		{ #name, TYPE_##type, 0 }
#define FLAG(name)		{ #name, TYPE_FLAG, 0 }
#define OPERANDS(...)		((const struct verb_operand[]){ __VA_ARGS__ })

const struct verb verbs[VERB_NR] = {
#define VERB(actor_, id_, name_, fn, result_, help_, ...)		\
	[VERB_##actor_##_##id_] = {					\
		.id = VERB_##actor_##_##id_,				\
		.actor = ACTOR_##actor_,				\
		.name = name_,						\
		.result = VERB_##result_,				\
		.handler = fn,						\
		.help = help_,						\
		.operand = { __VA_ARGS__ },				\
		.operand_count = sizeof(OPERANDS({ 0 }, ##__VA_ARGS__)) / \
				 sizeof(struct verb_operand) - 1,	\
	},
#include "sim/verbs.def"
#undef VERB
};

const char *const actor_names[ACTOR_NR] = {
	[ACTOR_HOST] = "host", [ACTOR_VCPU] = "vcpu", [ACTOR_USER] = "user",
	[ACTOR_GUP] = "gup", [ACTOR_MM] = "mm", [ACTOR_MODULE] = "module",
	[ACTOR_INJECT] = "inject", [ACTOR_TEST] = "test", [ACTOR_EXPECT] = "expect",
};

const struct verb *verb_find(enum scn_actor_kind actor, const char *name)
{
	u32 i;

	for (i = 1; i < VERB_NR; i++)
		if (verbs[i].actor == actor && !strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

int verb_operand_index(const struct verb *verb, const char *name)
{
	u32 i;

	for (i = 0; i < verb->operand_count; i++)
		if (!strcmp(verb->operand[i].name, name))
			return i;
	return -1;
}

static __printf(4, 5)
int add(char *text, size_t size, int used, const char *fmt, ...)
{
	va_list args;
	int length;

	va_start(args, fmt);
	length = vsnprintf((size_t)used < size ? text + used : NULL,
			   (size_t)used < size ? size - used : 0, fmt, args);
	va_end(args);
	return used + length;
}

static const char *usage_result(const struct verb *verb)
{
	switch (verb->result) {
	case VERB_ERRNO: return " = ERRNO";
	case VERB_RUN: return " = RESULT";
	case VERB_STATUS: return " = STATUS";
	default: return "";
	}
}

int verb_usage(const struct verb *verb, char *text, size_t size)
{
	int used = add(text, size, 0, "%s%s%s%s", actor_names[verb->actor],
		       verb->actor == ACTOR_VCPU ? "N" : "", verb->name[0] ? " " : "", verb->name);
	u32 i;

	for (i = 0; i < verb->operand_count; i++) {
		const struct verb_operand *operand = &verb->operand[i];
		const char *word = value_type_word(operand->type);

		if (operand->flags & OPERAND_POSITIONAL)
			used = add(text, size, used, " %s", word);
		else if (operand->type == TYPE_FLAG)
			used = add(text, size, used, " [%s]", operand->name);
		else if (operand->flags & OPERAND_REQUIRED)
			used = add(text, size, used, " %s=%s", operand->name, word);
		else
			used = add(text, size, used, " [%s=%s]", operand->name, word);
	}
	return add(text, size, used, "%s", usage_result(verb));
}
