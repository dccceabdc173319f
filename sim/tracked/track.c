// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the stores of the explorer's own copy of the program call: the compiler
 * puts one of these in front of each (it thinks it is kernel AddressSanitizer),
 * and they mark the chunk the store goes to. No variable is needed: arenas lie in
 * one window of addresses, and an arena's marks at a fixed distance from it.
 *
 * Stores to anything else end at the first compare. libc stores unseen, so its
 * functions are wrapped by the linker; libc.list says which, and which of the
 * others are harmless.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/arena.h"

void arena_list_chunk(uintptr_t address)
{
	struct arena *arena = arena_of((void *)address);

	*arena_mark(address) = 1;
	arena_touched(arena)[arena->touched++] =
		(u32)((address - (uintptr_t)arena) >> ARENA_CHUNK_SHIFT);
}

/* Aligned, or the compiler says N: within one chunk. */
#define STORE(size)							\
	void __asan_store##size##_noabort(uintptr_t address);		\
	void __asan_store##size##_noabort(uintptr_t address)		\
	{								\
		arena_touch(address);					\
	}

STORE(1)
STORE(2)
STORE(4)
STORE(8)

static void touch_range(uintptr_t address, size_t size)
{
	uintptr_t at = ALIGN_DOWN(address, 1u << ARENA_CHUNK_SHIFT);

	if (address >> ARENA_WINDOW_SHIFT != ARENA_WINDOW)
		return;
	for (; at < address + size; at += 1u << ARENA_CHUNK_SHIFT)
		arena_touch(at);
}

void __asan_storeN_noabort(uintptr_t address, size_t size);
void __asan_storeN_noabort(uintptr_t address, size_t size)
{
	touch_range(address, size);
}

/* This one may be aligned to 8 only. */
void __asan_store16_noabort(uintptr_t address);
void __asan_store16_noabort(uintptr_t address)
{
	arena_touch(address);
	arena_touch(address + 8);
}

/* Stacks are no matter here, see sim/image.c. */
void __asan_handle_no_return(void);
void __asan_handle_no_return(void)
{
}

/* -- libc -- */

#define WRAP(type, name, ...) \
	type __real_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__); \
	type __wrap_##name(__VA_ARGS__)

WRAP(void *, memcpy, void *to, const void *from, size_t size)
{
	touch_range((uintptr_t)to, size);
	return __real_memcpy(to, from, size);
}

WRAP(void *, memmove, void *to, const void *from, size_t size)
{
	touch_range((uintptr_t)to, size);
	return __real_memmove(to, from, size);
}

WRAP(void *, memset, void *to, int byte, size_t size)
{
	touch_range((uintptr_t)to, size);
	return __real_memset(to, byte, size);
}

WRAP(char *, strcpy, char *to, const char *from)
{
	touch_range((uintptr_t)to, strlen(from) + 1);
	return __real_strcpy(to, from);
}

WRAP(char *, strncpy, char *to, const char *from, size_t size)
{
	touch_range((uintptr_t)to, size);
	return __real_strncpy(to, from, size);
}

WRAP(char *, strcat, char *to, const char *from)
{
	touch_range((uintptr_t)to + strlen(to), strlen(from) + 1);
	return __real_strcat(to, from);
}

WRAP(int, vsnprintf, char *to, size_t size, const char *format, va_list list)
{
	int length = __real_vsnprintf(to, size, format, list);

	if (length >= 0 && size)
		touch_range((uintptr_t)to, (size_t)length < size ? (size_t)length + 1 : size);
	return length;
}

__printf(3, 4) WRAP(int, snprintf, char *to, size_t size, const char *format, ...)
{
	va_list list;
	int length;

	va_start(list, format);
	length = __wrap_vsnprintf(to, size, format, list);
	va_end(list);
	return length;
}

WRAP(void, qsort, void *first, size_t count, size_t size,
     int (*compare)(const void *, const void *))
{
	touch_range((uintptr_t)first, count * size);
	__real_qsort(first, count, size, compare);
}
