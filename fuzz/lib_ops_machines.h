/* SPDX-License-Identifier: GPL-2.0-only */
/* The machines that inputs of lib_ops.h run on. */
#ifndef SEPTUM_FUZZ_LIB_OPS_MACHINES_H
#define SEPTUM_FUZZ_LIB_OPS_MACHINES_H

#include <stdio.h>

#include "sim/run.h"

/* Bytes at the head of an input that say what it runs on. */
#define OPS_HEAD	2
/* In the first: no TD is there yet. */
#define OPS_BARE	0x80

void ops_machines_init(u64 defects);

/* run_begin() on the machine the head asks for; its TD, if any, is running already. */
void ops_machine_begin(struct run *run, const u8 *data, size_t size,
		       const struct run_options *options, struct run_result *result);

/* The head as the first lines of a scenario. */
void ops_machine_print(FILE *out, const u8 *data, size_t size);

/* The head for a machine as near to @wanted as there is one. */
void ops_machine_encode(const struct sim_config *wanted, u8 *data);

/* Exits: the fuzzer itself is wrong. */
__attribute__((noreturn)) void ops_give_up(const char *what, const char *why);

/* Around what is allocated for the life of the process. */
void ops_no_leaks(bool begin);

#endif /* SEPTUM_FUZZ_LIB_OPS_MACHINES_H */
