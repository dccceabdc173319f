// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes to operations of the whole machine, injected module errors and failing
 * allocations among them; all invariants after each. A finding prints itself as
 * a scenario.
 */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "fuzz/lib_ops.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	ops_init(0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ops_finding finding;

	if (ops_run(data, size, &finding)) {
		fprintf(stderr, "\nfinding, as a scenario:\n\n");
		ops_print(stderr, data, size, &finding);
		abort();
	}
	return 0;
}

void fuzz_print(const uint8_t *data, size_t size)
{
	ops_print(stdout, data, size, NULL);
}

size_t fuzz_encode(const char *path, uint8_t *data, size_t max)
{
	return ops_encode(path, data, max);
}
