// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which outcomes of a sweep are fine. Unless the scenario says otherwise the kernel
 * may absorb the fault, answer with an error, or give the VM up; nothing may break.
 * A module that lies, or does what it says it did not do, breaks its contract: then
 * any invariant may break and a guest may never get on, but the host may not crash.
 * A hold policy that does not protect from a fault is its own finding: these have
 * a row each in sweep_allowed.def.
 */
#include <string.h>

#include "sim/sweep.h"
#include "sim/words.h"

#define ALLOWED_CLASSES (1u << SWEEP_ABSORBED | 1u << SWEEP_ANSWERED | \
			 1u << SWEEP_VM_DEAD | 1u << SWEEP_STOPPED)
#define BREAKS_CONTRACT (1u << INJECT_LATE | 1u << INJECT_LIE)

#define SWEEP_ANY_LEAF	0xffff

static const struct policy_finding {
	const char *policy;
	u16 leaf;
	const char *outcome, *why;
} policy_findings[] = {
#define SWEEP_ALLOWED(policy, leaf, outcome, why)	{ policy, leaf, outcome, why },
#include "sim/sweep_allowed.def"
#undef SWEEP_ALLOWED
};

/* -- What the scenario allows -- */

static bool allow_word(struct sweep *sweep, const char *word)
{
	const struct word *invariant = word_find(WORDS_INVARIANT, word);
	u32 i;

	for (i = 0; i < SWEEP_CLASS_NR; i++)
		if (!strcmp(sweep_class_name[i], word)) {
			sweep->allowed_classes |= 1u << i;
			return true;
		}
	if (!invariant)
		return false;
	sweep->allowed_classes |= 1u << SWEEP_INVARIANT;
	sweep->allowed_broken |= 1u << invariant->number;
	return true;
}

/* @node: the line they stand in, NULL for the command line. */
static bool allow_words(struct sweep *sweep, const struct scn_node *node, const char *list,
			struct diag *diag)
{
	struct diag_place at = { 0 };
	char text[SCN_LINE_MAX], *word, *rest;

	snprintf(text, sizeof(text), "%s", list);
	for (word = strtok_r(text, " ,", &rest); word; word = strtok_r(NULL, " ,", &rest)) {
		if (allow_word(sweep, word))
			continue;
		if (node)
			at = scn_place(sweep->scn, node, node->col);
		diag_set(diag, at, NULL, "allowed '%s' is neither an outcome nor an invariant", word);
		return false;
	}
	return true;
}

bool sweep_read_allow(struct sweep *sweep, const char *more, struct diag *diag)
{
	u32 i;

	sweep->allowed_classes |= ALLOWED_CLASSES;
	if (more && !allow_words(sweep, NULL, more, diag))
		return false;
	for (i = 0; i < sweep->scn->node_count; i++) {
		const struct scn_node *node = &sweep->scn->node[i];
		const char *text = node->comment;

		if (node->kind != SCN_COMMENT || !text)
			continue;
		text += strspn(text, "# ");
		if (strncmp(text, "Allow:", 6))
			continue;
		if (!allow_words(sweep, node, text + 6, diag))
			return false;
	}
	return true;
}

/* -- What became of a cell -- */

static bool hits_leaf(const struct sweep_cell *cell, u16 leaf)
{
	u32 i;

	for (i = 0; i < cell->fault_count; i++)
		if (leaf == SWEEP_ANY_LEAF ||
		    (cell->fault[i].kind != INJECT_NONE && cell->fault[i].leaf == leaf))
			return true;
	return false;
}

/* What the policy lets happen when @cell's faults hit: classes and invariants. */
static void allowed_by_policy(const struct sweep *sweep, const struct sweep_cell *cell,
			      u32 *classes, u32 *broken)
{
	struct sweep words = { 0 };
	u32 i;

	for (i = 0; i < ARRAY_SIZE(policy_findings); i++) {
		const struct policy_finding *row = &policy_findings[i];

		if (!sweep->policy || strcmp(row->policy, sweep->policy) ||
		    !hits_leaf(cell, row->leaf))
			continue;
		if (!allow_word(&words, row->outcome))
			internal_error("sweep_allowed.def: no outcome '%s'", row->outcome);
	}
	*classes = words.allowed_classes;
	*broken = words.allowed_broken;
}

bool sweep_is_allowed(const struct sweep *sweep, const struct sweep_cell *cell)
{
	u32 classes, broken, i;

	if (cell->class == SWEEP_INVARIANT || cell->class == SWEEP_HANG) {
		for (i = 0; i < cell->fault_count; i++)
			if (BREAKS_CONTRACT & 1u << cell->fault[i].kind)
				return true;
	}
	allowed_by_policy(sweep, cell, &classes, &broken);
	if (cell->class == SWEEP_INVARIANT)
		return !(cell->broken & ~(sweep->allowed_broken | broken));
	return (sweep->allowed_classes | classes) & 1u << cell->class;
}
