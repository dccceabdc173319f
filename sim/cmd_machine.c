// SPDX-License-Identifier: GPL-2.0-only
/*
 * What every verb that runs scenarios shares: --policy, --order, --set and
 * --defect, and the walk over the variants they leave of a file.
 */
#include <stdio.h>
#include <string.h>

#include "sim/cmd_machine.h"
#include "sim/diag.h"

static int add_setting(struct machine_options *machine, const char *knob, const char *value)
{
	if (machine->set_count == MACHINE_SET_MAX)
		return usage_error("more than %u settings", MACHINE_SET_MAX);
	machine->set[machine->set_count++] = (struct run_setting){ knob, value };
	return 0;
}

int option_policy(void *ctx, const char *text)
{
	return add_setting(ctx, "policy", text);
}

int option_order(void *ctx, const char *text)
{
	return add_setting(ctx, "order", text);
}

int option_knob(void *ctx, const char *text)
{
	struct machine_options *machine = ctx;
	char *copy = machine->set_text[machine->set_count % MACHINE_SET_MAX], *equals;

	if (strlen(text) >= sizeof(machine->set_text[0]))
		return usage_error("--set: '%.40s...' is too long", text);
	strcpy(copy, text);
	equals = strchr(copy, '=');
	if (!equals)
		return usage_error("--set: '%s' is no KNOB=VALUE", text);
	*equals = '\0';
	return add_setting(machine, copy, equals + 1);
}

int option_defect(void *ctx, const char *text)
{
	struct machine_options *machine = ctx;
	size_t used = strlen(machine->defect_text);
	int i, defect = defect_find(text);
	struct diag_guess guess;
	char near[80];

	if (defect < 0) {
		diag_guess_start(&guess, text);
		for (i = 0; i < DEFECT_NR; i++)
			diag_guess_add(&guess, defect_info[i].name);
		return usage_error("unknown defect '%s'%s ('septum list defects')", text,
				   diag_guess_text(&guess, near, sizeof(near)));
	}
	machine->defects |= 1ULL << defect;
	snprintf(machine->defect_text + used, sizeof(machine->defect_text) - used,
		 " --defect %s", defect_info[defect].name);
	return 0;
}

/* -- Variants -- */

static bool vary_has(const struct scn_node *node, const char *value)
{
	u32 i;

	for (i = 0; i < node->count; i++)
		if (!strcmp(node->setting[i].value, value))
			return true;
	return false;
}

bool machine_wants(const struct machine_options *machine, const struct scn *scn, u32 variant)
{
	u32 i, k;

	for (i = 0; i < scn->node_count; i++) {
		const struct scn_node *node = &scn->node[i];
		const char *wanted = NULL;

		if (node->kind != SCN_VARY)
			continue;
		for (k = 0; k < machine->set_count; k++)
			if (!strcmp(machine->set[k].knob, node->name))
				wanted = machine->set[k].value;
		if (wanted && !vary_has(node, wanted))
			wanted = node->setting[0].value;
		if (wanted && strcmp(run_variant_value(scn, variant, node->name), wanted))
			return false;
	}
	return true;
}

u32 machine_settings(const struct machine_options *machine, const struct scn *scn,
		     struct run_setting *set)
{
	struct sim_config config;
	char text[64];
	u32 i, count = 0;

	sim_config_default(&config);
	for (i = 0; i < machine->set_count; i++) {
		sim_config_get(&config, machine->set[i].knob, text, sizeof(text));
		if (text[0] || !run_variant_value(scn, 0, machine->set[i].knob))
			set[count++] = machine->set[i];
	}
	return count;
}

static int each_parsed(const struct machine_options *machine, struct sim_cache *cache,
		       const char *path, const struct scn *scn, variant_fn *one, void *ctx)
{
	u32 count = run_variant_count(scn), v;
	struct run_setting set[MACHINE_SET_MAX];
	struct sim_config config;
	struct diag diag;
	char why[160] = "";
	struct sim *sim;
	int worst = 0, status;

	for (v = 0; v < count && worst != EXIT_BAD_INPUT; v++) {
		struct run_options options = {
			.variant = v, .set = set,
			.set_count = machine_settings(machine, scn, set),
		};

		if (!machine_wants(machine, scn, v))
			continue;
		diag_clear(&diag);
		if (!run_config(scn, &options, &config, &diag)) {
			diag_print(stderr, &diag, diag_colour(stderr));
			return EXIT_BAD_INPUT;
		}
		config.defects = machine->defects;
		sim = sim_cache_get(cache, &config, why, sizeof(why));
		if (!sim)
			return usage_error("%s", why);
		choose_script(&sim->env->chooser);
		status = one(ctx, path, scn, sim, &options);
		if (status == EXIT_BAD_INPUT || status > worst)
			worst = status;
	}
	return worst;
}

int machine_each_variant(const struct machine_options *machine, struct sim_cache *cache,
			 const char *path, variant_fn *one, void *ctx)
{
	struct diag diag;
	struct scn *scn;
	int status;

	diag_clear(&diag);
	scn = scn_parse_file(path, &diag);
	if (!scn) {
		diag_print(stderr, &diag, diag_colour(stderr));
		return EXIT_BAD_INPUT;
	}
	status = each_parsed(machine, cache, path, scn, one, ctx);
	scn_free(scn);
	return status;
}
