/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The process around the kernel side: what its files share. There is one
 * kernel in a program, so this state is the program's and not a simulation's.
 */
#ifndef SEPTUM_KERNEL_PROCESS_H
#define SEPTUM_KERNEL_PROCESS_H

#include "kernel/boundary.h"
#include "model/tdx/guest.h"
#include "model/tdx/tdx.h"

/* The kernel keeps its stack 8-byte aligned, the C library wants 16. */
#define PROC __attribute__((force_align_arg_pointer))

/* Who the kernel side serves at the moment; set by host.c. */
struct kernel_process {
	struct env *env;
	struct hw *hw;
	struct tdx_module *tdx;
	/* KVM_RUN: the signal that ends it comes when this is done. NULL: none. */
	const struct guest_op *op;
	void *bug[5];		/* where a BUG returns to, for __builtin_setjmp() */
};

extern struct kernel_process the_process;

/*
 * machine.c: memory of simulated machines. The kernel side sees one at a time;
 * the others are kept as they were right after boot.
 */
struct machine;

void machine_init(void);
/* An empty machine for the simulation @env, in place of any it had before. */
struct machine *machine_new(const struct env *env);
/* Booted: this is the state it goes back to. */
void machine_snapshot(struct machine *machine);
/*
 * Make @machine the one that is seen, in the state of @generation as the
 * simulation remembers it: 0 is right after boot. Returns the generation the
 * coming change makes.
 */
u64 machine_use(struct machine *machine, u64 generation);
/* Bytes at @hpa of the machine that is seen, NULL outside its RAM. */
void *machine_at(hpa_t hpa, u64 bytes);

/* trap.c */
void trap_init(void);

/* symbols.c: "function" of a text address, "?" when unknown */
const char *symbol_of(unsigned long address);

#endif /* SEPTUM_KERNEL_PROCESS_H */
