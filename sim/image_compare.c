// SPDX-License-Identifier: GPL-2.0-only
/*
 * What changed since the last capture, found by looking at everything: the way
 * of builds whose stores do not tell, and the judge of those whose stores do.
 */
#include "sim/image_impl.h"

#define DIFF(i) _mm256_xor_si256(_mm256_loadu_si256(x + (i)), _mm256_loadu_si256(y + (i)))

/* Skips blocks of 256 equal bytes. */
NO_ASAN __attribute__((target("avx2")))
static u64 skip_same_avx2(const u8 *a, const u8 *b, u64 from, u64 to)
{
	for (; from + 256 <= to; from += 256) {
		const __m256i *x = (const __m256i *)(a + from), *y = (const __m256i *)(b + from);
		__m256i low = _mm256_or_si256(_mm256_or_si256(DIFF(0), DIFF(1)),
					      _mm256_or_si256(DIFF(2), DIFF(3)));
		__m256i high = _mm256_or_si256(_mm256_or_si256(DIFF(4), DIFF(5)),
					       _mm256_or_si256(DIFF(6), DIFF(7)));
		__m256i all = _mm256_or_si256(low, high);

		if (!_mm256_testz_si256(all, all))
			break;
	}
	return from;
}

NO_ASAN u64 image_find_change(const struct image *image, const struct image_region *region,
			      u64 from, u64 to)
{
	const u8 *a = region->live, *b = region->shadow;
	u64 block;

	for (;;) {
		if (image->avx2)
			from = skip_same_avx2(a, b, from, to);
		block = from + 256 < to ? from + 256 : to;
		for (; from < block; from += CHUNK)
			if (!chunk_same(a + from, b + from))
				return from;
		if (from >= to)
			return to;
	}
}

void image_verify(const struct image *image)
{
	u32 i;

	for (i = 0; i < image->region_count; i++) {
		const struct image_region *region = &image->region[i];
		u64 at = region->to;

		if (region->shadow)
			at = image_find_change(image, region, region->from, region->to);
		if (at < region->to)
			internal_error("a store at %#llx of region %u (%p) left no mark",
				       (unsigned long long)at, i, (void *)(region->live + at));
	}
}
