/* SPDX-License-Identifier: GPL-2.0-only */
/* An errno in a pointer, as include/linux/err.h has it. */
#ifndef SEPTUM_MM_ERR_H
#define SEPTUM_MM_ERR_H

#include <errno.h>

#include "sim/base/types.h"

#define MAX_ERRNO	4095

static inline void *ERR_PTR(long error)
{
	return (void *)error;
}

static inline long PTR_ERR(const void *ptr)
{
	return (long)ptr;
}

static inline bool IS_ERR(const void *ptr)
{
	return (uintptr_t)ptr >= (uintptr_t)-MAX_ERRNO;
}

static inline bool IS_ERR_OR_NULL(const void *ptr)
{
	return !ptr || IS_ERR(ptr);
}

#endif /* SEPTUM_MM_ERR_H */
