// SPDX-License-Identifier: GPL-2.0-only
/* --policy, --order, --set and --defect, for every verb that runs scenarios. */
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
