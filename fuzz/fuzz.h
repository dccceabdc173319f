/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a fuzz target is: LLVMFuzzerTestOneInput() as libFuzzer calls it, plus
 * two optional functions the standalone driver uses. A target that finds
 * something prints it (as a scenario where that makes sense) and calls abort();
 * libFuzzer and the driver then keep the input.
 */
#ifndef SEPTUM_FUZZ_H
#define SEPTUM_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
__attribute__((weak)) int LLVMFuzzerInitialize(int *argc, char ***argv);

/* Print what these bytes mean, in the scenario language, without running it. */
__attribute__((weak)) void fuzz_print(const uint8_t *data, size_t size);

/*
 * Turn a scenario file into this target's bytes. Returns their number, at most
 * @max; 0 when nothing of it can be said in this encoding. Targets without it
 * take a seed file's bytes as they are.
 */
__attribute__((weak)) size_t fuzz_encode(const char *path, uint8_t *data, size_t max);

#endif /* SEPTUM_FUZZ_H */
