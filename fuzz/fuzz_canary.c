// SPDX-License-Identifier: GPL-2.0-only
/*
 * Proof that the fuzzer can fail: fuzz_ops over a kernel with a planted defect
 * (a punched hole zaps nothing in the KVM MMU). A run of this target that finds
 * nothing means that the operations, the invariants or the driver are broken.
 */
#include <stdlib.h>

#include "fuzz/fuzz.h"
#include "fuzz/lib_ops.h"
#include "sim/base/defect.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	ops_init(1u << DEFECT_SKIP_INVALIDATE);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ops_finding finding;

	if (ops_run(data, size, &finding)) {
		fprintf(stderr, "\nthe planted defect was found, as it must be:\n\n");
		ops_print(stderr, data, size, &finding);
		abort();
	}
	return 0;
}

size_t fuzz_encode(const char *path, uint8_t *data, size_t max)
{
	return ops_encode(path, data, max);
}
