/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What AddressSanitizer must be told about: recycled memory and switched
 * stacks. All of it is nothing in an ordinary build.
 */
#ifndef SEPTUM_BASE_ASAN_H
#define SEPTUM_BASE_ASAN_H

#include "sim/base/types.h"

/* The explorer's copy of the program has its instrumentation, not its runtime. */
#if defined(SEPTUM_TRACKED)
#elif defined(__SANITIZE_ADDRESS__)
#define SEPTUM_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SEPTUM_ASAN 1
#endif
#endif

#ifdef SEPTUM_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define asan_poison(start, size)	__asan_poison_memory_region(start, size)
#define asan_unpoison(start, size)	__asan_unpoison_memory_region(start, size)
#else
#define asan_poison(start, size)	((void)(start), (void)(size))
#define asan_unpoison(start, size)	((void)(start), (void)(size))
#endif

#endif /* SEPTUM_BASE_ASAN_H */
