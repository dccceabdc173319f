/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The second program, with the real kernel's objects: where it is, and its
 * record of a scenario (record.h). Nothing of the engine is included here.
 */
#ifndef SEPTUM_KERNEL_PROGRAM_H
#define SEPTUM_KERNEL_PROGRAM_H

#include <stdio.h>

/* $SEPTUM_KERNEL, else septum-kernel beside this program; NULL when there is none. */
const char *kernel_program(char *path, size_t size);

/*
 * Become the second program with the same words but for --kernel. Returns only
 * when that is not possible: EXIT_BAD_INPUT with a message printed.
 */
int kernel_program_exec(int argc, char **argv);

/* Starts `PROGRAM diff --record PATH` and reads what it prints. One at a time. */
FILE *kernel_program_record(const char *program, const char *path);
void kernel_program_end(FILE *record);

#endif /* SEPTUM_KERNEL_PROGRAM_H */
