/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process around the kernel side: what its files share. There is one
 * kernel in a program, so this state is the program's and not a simulation's.
 */
#ifndef SEPTUM_KERNEL_PROCESS_H
#define SEPTUM_KERNEL_PROCESS_H

#include "kernel/boundary.h"
#include "model/tdx/tdx.h"

/* The kernel keeps its stack 8-byte aligned, the C library wants 16. */
#define PROC __attribute__((force_align_arg_pointer))

/* Who the kernel side serves at the moment; set by host.c. */
struct kernel_process {
	struct env *env;
	struct hw *hw;
	struct tdx_module *tdx;
};

extern struct kernel_process the_process;

/* machine.c: the machine's memory and the kernel's data, and putting both back */
void machine_init(void);
void machine_restart(void);	/* as nothing had ever been booted */
void machine_snapshot(void);
void machine_restore(void);	/* as it was at the snapshot */
/* Bytes of the simulated machine at @hpa, NULL outside its RAM. */
void *machine_at(hpa_t hpa, u64 bytes);

/* trap.c */
void trap_init(void);

/* symbols.c: "function" of a text address, "?" when unknown */
const char *symbol_of(unsigned long address);

#endif /* SEPTUM_KERNEL_PROCESS_H */
