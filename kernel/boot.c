// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for init/main.c: sets the machine up in the kernel's order, then
 * runs the initcalls of the objects that were linked in, among them tdx_enable()
 * (the TDX module is loaded and given its memory) and the KVM modules.
 */
#include <linux/init.h>
#include <linux/maple_tree.h>
#include <linux/moduleparam.h>
#include <linux/radix-tree.h>
#include <asm/cpu_entry_area.h>
#include <asm/tdx.h>
#include <asm/virt.h>

#include "standin.h"

extern initcall_entry_t __start_kernel_initcalls[], __stop_kernel_initcalls[];
extern const struct kernel_param __start___param[], __stop___param[];

/* What the command line would say. */
static const struct {
	const char *name;
	bool value;
} parameters[] = {
	{ "tdx", true },
};

static int set_parameters(void)
{
	const struct kernel_param *param;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parameters); i++) {
		for (param = __start___param; param < __stop___param; param++) {
			const char *name = strrchr(param->name, '.');

			if (!strcmp(name ? name + 1 : param->name, parameters[i].name))
				break;
		}
		if (param == __stop___param) {
			pr_err("no module parameter \"%s\"\n", parameters[i].name);
			return -ENOENT;
		}
		*(bool *)param->arg = parameters[i].value;
	}
	return 0;
}

/* As the kernel does: one that fails is said, and the boot goes on without it. */
static void run_initcalls(void)
{
	initcall_entry_t *entry;

	for (entry = __start_kernel_initcalls; entry < __stop_kernel_initcalls; entry++) {
		int err = initcall_from_entry(entry)();

		if (err)
			pr_err("initcall %ld failed: %d\n", entry - __start_kernel_initcalls, err);
	}
}

int kern_boot(const struct kern_machine *machine)
{
	int err;

	cpu_init_features(machine);
	smp_init_cpus(machine);
	page_alloc_init(machine->ram_bytes);
	sched_init_task();
	user_init();
	radix_tree_init();
	maple_tree_init();
	err = set_parameters();
	if (err)
		return err;
	x86_virt_init();
	tdx_init();
	get_cpu_entry_area(0);	/* maps it while mapping is still possible */
	run_initcalls();
	page_alloc_booted();
	return 0;
}
