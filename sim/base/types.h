/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words every layer uses: fixed-width integers, the four kinds of address,
 * page sizes and levels. Nothing here has state.
 *
 * An address always says which of four it is:
 *   gpa_t  guest physical, bytes      gfn_t = gpa >> 12
 *   hpa_t  host physical, bytes       kvm_pfn_t = hpa >> 12
 * They are plain integers (the kernel's typedefs are), so only the name keeps
 * them apart: never call a variable "addr".
 */
#ifndef SEPTUM_BASE_TYPES_H
#define SEPTUM_BASE_TYPES_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

typedef u64 gpa_t;
typedef u64 gfn_t;
typedef u64 hpa_t;
typedef u64 kvm_pfn_t;
typedef u64 pgoff_t;		/* index into a file, in pages */

#define PAGE_SHIFT	12
#define PAGE_SIZE	(1ULL << PAGE_SHIFT)
#define PAGE_MASK	(~(PAGE_SIZE - 1))

#define SZ_4K		(1ULL << 12)
#define SZ_2M		(1ULL << 21)
#define SZ_1G		(1ULL << 30)

/* KVM's numbering. A TDX "sept level" is one less. */
enum pg_level {
	PG_LEVEL_NONE,
	PG_LEVEL_4K,
	PG_LEVEL_2M,
	PG_LEVEL_1G,
	PG_LEVEL_512G,
	PG_LEVEL_256T,
	PG_LEVEL_NUM
};

#define KVM_HPAGE_GFN_SHIFT(level)	(((level) - 1) * 9)
#define KVM_PAGES_PER_HPAGE(level)	(1ULL << KVM_HPAGE_GFN_SHIFT(level))

#define BIT_ULL(nr)		(1ULL << (nr))
#define GENMASK_ULL(h, l)	(((~0ULL) << (l)) & (~0ULL >> (63 - (h))))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define ALIGN_DOWN(x, a)	((x) & ~((u64)(a) - 1))
#define ALIGN_UP(x, a)		(((x) + (u64)(a) - 1) & ~((u64)(a) - 1))
#define IS_ALIGNED(x, a)	(((x) & ((u64)(a) - 1)) == 0)
#define likely(x)		__builtin_expect(!!(x), 1)
#define unlikely(x)		__builtin_expect(!!(x), 0)
/* What is rare stays out of line, so that what is not needs fewer registers. */
#define __noinline		__attribute__((noinline))
#define __cold			__attribute__((noinline, cold))
#define __printf(f, a)		__attribute__((format(printf, f, a)))
#define __must_check		__attribute__((warn_unused_result))
#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

static inline gfn_t gpa_to_gfn(const gpa_t gpa)
{
	return gpa >> PAGE_SHIFT;
}

static inline gpa_t gfn_to_gpa(const gfn_t gfn)
{
	return gfn << PAGE_SHIFT;
}

static inline hpa_t pfn_to_hpa(const kvm_pfn_t pfn)
{
	return pfn << PAGE_SHIFT;
}

static inline kvm_pfn_t hpa_to_pfn(hpa_t hpa)
{
	return hpa >> PAGE_SHIFT;
}

#endif /* SEPTUM_BASE_TYPES_H */
