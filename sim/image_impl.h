/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the image share and nobody else needs. */
#ifndef SEPTUM_IMAGE_IMPL_H
#define SEPTUM_IMAGE_IMPL_H

#include <immintrin.h>

#include "sim/base/asan.h"
#include "sim/image.h"

#define CHUNK_SHIFT	ARENA_CHUNK_SHIFT
#define CHUNK		(1u << CHUNK_SHIFT)

#ifdef SEPTUM_ASAN
#define NO_ASAN __attribute__((no_sanitize("address")))
#else
#define NO_ASAN
#endif

/* image_compare.c: the first chunk in [from, to) that differs from its shadow; @to: none. */
u64 image_find_change(const struct image *image, const struct image_region *region,
		      u64 from, u64 to);
/* A store that did not tell ends the process with exit status 4. */
void image_verify(const struct image *image);
/* image_digest.c: of struct env; 0 in the key's bits. */
image_hash image_digest(const struct image *image);

/* -- Bytes: not through libc, which AddressSanitizer would look over -- */

NO_ASAN static inline void copy_chunk(u8 *to, const u8 *from)
{
	const __m128i *f = (const __m128i *)from;
	__m128i a = _mm_loadu_si128(f), b = _mm_loadu_si128(f + 1);
	__m128i c = _mm_loadu_si128(f + 2), d = _mm_loadu_si128(f + 3);
	__m128i *t = (__m128i *)to;

	_mm_storeu_si128(t, a);
	_mm_storeu_si128(t + 1, b);
	_mm_storeu_si128(t + 2, c);
	_mm_storeu_si128(t + 3, d);
}

NO_ASAN static inline bool chunk_same(const u8 *a, const u8 *b)
{
	const __m128i *x = (const __m128i *)a, *y = (const __m128i *)b;
	__m128i same = _mm_and_si128(
		_mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(x), _mm_loadu_si128(y)),
			      _mm_cmpeq_epi8(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1))),
		_mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(x + 2), _mm_loadu_si128(y + 2)),
			      _mm_cmpeq_epi8(_mm_loadu_si128(x + 3), _mm_loadu_si128(y + 3))));

	return _mm_movemask_epi8(same) == 0xffff;
}

/* -- Hashing -- */

#define K0 0xa0761d6478bd642fULL
#define K1 0xe7037ed1a0b428dbULL
#define K2 0x8ebc6af09c88c6e3ULL
#define K3 0x589965cc75374cc3ULL
#define K4 0x1d8e4e27c47d124fULL

static inline u64 fold(u64 a, u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (u64)product ^ (u64)(product >> 64);
}

/*
 * @seed: which chunk of which region. A chunk of zeros counts like any other. Each
 * half takes in all eight words, paired differently.
 */
NO_ASAN static inline image_hash hash_chunk(const void *bytes, u64 seed)
{
	const u64 *word = bytes;
	u64 s = seed * K4, t = s ^ K2, a, b;

	a = fold(word[0] ^ s, word[1] ^ K0) + fold(word[2] ^ t, word[3] ^ K1) +
	    fold(word[4] ^ K3, word[5] ^ s) + fold(word[6] ^ K4, word[7] ^ t);
	b = fold(word[0] ^ K1, word[3] ^ t) + fold(word[2] ^ K0, word[5] ^ s) +
	    fold(word[4] ^ t, word[7] ^ K3) + fold(word[6] ^ s, word[1] ^ K4);
	return (image_hash)fold(a ^ K2, b ^ s) << 64 | fold(a ^ t, b ^ K3);
}

#endif /* SEPTUM_IMAGE_IMPL_H */
