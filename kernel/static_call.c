// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/static_call.c: an update rewrites the trampoline, which
 * call sites go through because nothing patches them. Trampolines are writable and part of the machine.
 */
#include <linux/static_call.h>
#include <linux/jump_label.h>
#include <linux/unaligned.h>

#include "standin.h"

#define JMP_REL32	0xe9
#define RET		0xc3

bool static_key_initialized = true;

long __static_call_return0(void)
{
	return 0;
}

void __static_call_update(struct static_call_key *key, void *trampoline, void *func)
{
	u8 *code = trampoline;

	key->func = func;
	if (!func) {
		*code = RET;
		return;
	}
	*code = JMP_REL32;
	put_unaligned((s32)((long)func - (long)(code + 5)), (s32 *)(code + 1));
}
