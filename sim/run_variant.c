// SPDX-License-Identifier: GPL-2.0-only
/*
 * Variants of a scenario: the cross product of its vary lines, the machine each
 * one runs on, and what a $variable stands for in each. All of it is checked
 * before a step runs: a scenario is whole or wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "sim/run_impl.h"

u32 run_variant_count(const struct scn *scn)
{
	u64 count = 1;
	u32 i;

	for (i = 0; i < scn->node_count && count <= SCN_VARIANT_MAX; i++)
		if (scn->node[i].kind == SCN_VARY)
			count *= scn->node[i].count;
	return count > SCN_VARIANT_MAX ? SCN_VARIANT_MAX : count;
}

/* Which value the vary line @node has: the last line varies fastest. */
static const char *vary_value(const struct scn *scn, u32 variant, u32 node)
{
	u32 i;

	for (i = scn->node_count; i-- > node + 1;)
		if (scn->node[i].kind == SCN_VARY)
			variant /= scn->node[i].count;
	return scn->node[node].setting[variant % scn->node[node].count].value;
}

const char *run_variant_value(const struct scn *scn, u32 variant, const char *name)
{
	u32 i;

	for (i = 0; i < scn->node_count; i++)
		if (scn->node[i].kind == SCN_VARY && !strcmp(scn->node[i].name, name))
			return vary_value(scn, variant, i);
	return NULL;
}

int run_variant_text(const struct scn *scn, u32 variant, char *text, size_t size)
{
	size_t used = 0;
	u32 i;

	if (size)
		text[0] = '\0';
	for (i = 0; i < scn->node_count; i++) {
		if (scn->node[i].kind != SCN_VARY)
			continue;
		used += snprintf(used < size ? text + used : NULL, used < size ? size - used : 0,
				 "%s%s=%s", used ? " " : "", scn->node[i].name,
				 vary_value(scn, variant, i));
	}
	return used;
}

/* ---- Variables ---- */

static const char *find_param(const struct scn_node *node, u32 count, const char *name)
{
	u32 i, k;

	for (i = 0; i < count; i++) {
		if (node[i].kind != SCN_PARAM)
			continue;
		for (k = 0; k < node[i].count; k++)
			if (!strcmp(node[i].setting[k].name, name))
				return node[i].setting[k].value;
	}
	return NULL;
}

/*
 * What the use line says, else the file's own default, else what varies. A use
 * line may pass on a variable of its own surroundings.
 */
const char *run_lookup(const struct scn *scn, u32 variant, const struct run_scope *scope,
		       const char *name)
{
	const char *value;
	u32 i;

	for (i = 0; scope && scope->use && i < scope->use->count; i++) {
		if (strcmp(scope->use->setting[i].name, name))
			continue;
		value = scope->use->setting[i].value;
		return value[0] == '$' ?
		       run_lookup(scn, variant, scope->parent, value + 1) : value;
	}
	if (scope) {
		value = find_param(scope->body, scope->body_count, name);
		if (value)
			return value;
	}
	return run_variant_value(scn, variant, name);
}

bool run_fill(const struct scn *scn, u32 variant, const struct run_scope *scope,
	      const struct scn_step *step, struct scn_step *filled, u32 *col, char *why,
	      size_t why_size)
{
	const char *text;
	u32 i;

	*filled = *step;
	for (i = 0; i < step->verb->operand_count; i++) {
		struct scn_value *value = &filled->value[i];

		if (!step_has(step, i) || !value->variable)
			continue;
		*col = value->col;
		text = run_lookup(scn, variant, scope, value->word);
		if (!text) {
			snprintf(why, why_size, "nothing is called '%s' here (vary, param or use gives names)",
				 value->word);
			return false;
		}
		value->variable = false;
		if (step->verb->operand[i].type == TYPE_WORD) {
			value->word = text;
			continue;
		}
		if (!scn_parse_value(step->verb->operand[i].type, text, NULL, value, why, why_size))
			return false;
	}
	filled->has_variable = false;
	return true;
}

bool run_limits_hold(const struct scn *scn, u32 variant, const struct sim_config *config,
		     const struct scn_limit *limit, u32 count)
{
	char knob[64];
	const char *value;
	bool found;
	u32 i, w;

	for (i = 0; i < count; i++) {
		sim_config_get(config, limit[i].knob, knob, sizeof(knob));
		value = knob[0] || !scn ? knob : run_variant_value(scn, variant, limit[i].knob);
		found = false;
		for (w = 0; value && w < limit[i].count; w++)
			found = found || !strcmp(limit[i].word[w], value);
		if (found == limit[i].negated)
			return false;
	}
	return true;
}

/* ---- Checking before running ---- */

struct check {
	const struct scn *scn;
	u32 variant;
	struct diag *diag;
};

static bool check_fail_at(const struct check *check, const struct scn_node *node, u32 col,
			  const char *why)
{
	char source[SCN_LINE_MAX + 1];

	scn_source_line(check->scn, node->file, node->line, source, sizeof(source));
	diag_set(check->diag, scn_place(check->scn, node, col), source, "%s", why);
	return false;
}

static bool check_limits(const struct check *check, const struct scn_node *node)
{
	const struct scn_step *step = node->step;
	struct sim_config config;
	char knob[64], why[120];
	u32 i;

	sim_config_default(&config);
	for (i = 0; i < step->limit_count; i++) {
		sim_config_get(&config, step->limit[i].knob, knob, sizeof(knob));
		if (knob[0] || run_variant_value(check->scn, 0, step->limit[i].knob))
			continue;
		snprintf(why, sizeof(why), "'%.40s' is neither a knob nor does it vary",
			 step->limit[i].knob);
		return check_fail_at(check, node, step->limit[i].col, why);
	}
	return true;
}

static bool check_nodes(const struct check *check, const struct scn_node *node, u32 count,
			const struct run_scope *scope);

static bool check_node(const struct check *check, const struct scn_node *node,
		       const struct run_scope *scope)
{
	struct run_scope inner = { node, node->body, node->body_count, scope };
	struct scn_step filled;
	char why[DIAG_TEXT_MAX];
	u32 col = 0;

	if (node->kind == SCN_USE)
		return check_nodes(check, node->body, node->body_count, &inner);
	if (node->kind != SCN_STEP)
		return check_nodes(check, node->body, node->body_count, scope);
	if (!check_limits(check, node))
		return false;
	if (node->step->has_variable &&
	    !run_fill(check->scn, check->variant, scope, node->step, &filled, &col, why,
		      sizeof(why)))
		return check_fail_at(check, node, col, why);
	return true;
}

static bool check_nodes(const struct check *check, const struct scn_node *node, u32 count,
			const struct run_scope *scope)
{
	u32 i;

	for (i = 0; i < count; i++)
		if (!check_node(check, &node[i], scope))
			return false;
	return true;
}

/* ---- The machine ---- */

static bool config_set(const struct check *check, struct sim_config *config,
		       const struct scn_node *node, const char *knob, const char *value, u32 col)
{
	char why[DIAG_TEXT_MAX];

	if (!sim_config_set(config, knob, value, why, sizeof(why)))
		return true;
	return check_fail_at(check, node, col, why);
}

static bool config_nodes(const struct check *check, struct sim_config *config,
			 const struct scn_node *node, u32 count)
{
	u32 i, k;

	for (i = 0; i < count; i++) {
		if (node[i].kind == SCN_USE &&
		    !config_nodes(check, config, node[i].body, node[i].body_count))
			return false;
		for (k = 0; node[i].kind == SCN_SET && k < node[i].count; k++)
			if (!config_set(check, config, &node[i], node[i].setting[k].name,
					node[i].setting[k].value, node[i].setting[k].value_col))
				return false;
	}
	return true;
}

/* A vary line about a knob sets it; about anything else it names a variable. */
static bool config_vary(const struct check *check, struct sim_config *config)
{
	const struct scn *scn = check->scn;
	char text[64];
	u32 i;

	for (i = 0; i < scn->node_count; i++) {
		if (scn->node[i].kind != SCN_VARY)
			continue;
		sim_config_get(config, scn->node[i].name, text, sizeof(text));
		if (text[0] && !config_set(check, config, &scn->node[i], scn->node[i].name,
					   vary_value(scn, check->variant, i), 0))
			return false;
	}
	return true;
}

bool run_config(const struct scn *scn, const struct run_options *options,
		struct sim_config *config, struct diag *diag)
{
	const struct run_scope top = { NULL, scn->node, scn->node_count, NULL };
	const struct check check = { scn, options->variant, diag };
	char why[DIAG_TEXT_MAX];
	u32 i;

	diag_clear(diag);
	sim_config_default(config);
	if (!config_nodes(&check, config, scn->node, scn->node_count) ||
	    !config_vary(&check, config))
		return false;
	for (i = 0; i < options->set_count; i++) {
		if (!sim_config_set(config, options->set[i].knob, options->set[i].value, why,
				    sizeof(why)))
			continue;
		diag_set(diag, (struct diag_place){ 0 }, NULL, "%s", why);
		return false;
	}
	return check_nodes(&check, scn->node, scn->node_count, &top);
}
