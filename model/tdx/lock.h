/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The module's locks. None ever waits: a failed attempt is BUSY at once.
 *
 * Host-priority lock (PAMT entries, op state): a 16-bit word, bit 0 exclusive,
 * bit 1 HOST_PRIORITY, bits 15:2 readers. A failed host attempt leaves
 * HOST_PRIORITY behind; until the host succeeds there, no guest gets the lock.
 *
 * Plain shared/exclusive lock (S-EPT tree, epoch, KOT, module): the same
 * word without the priority bit.
 *
 * S-EPT entry lock: bit 11 of the entry (TDEL), priority in bit 52 (TDHP).
 *
 * A leaf that nobody can meet leaves a free lock as it is: passes() in leaf.h.
 */
#ifndef SEPTUM_TDX_LOCK_H
#define SEPTUM_TDX_LOCK_H

#include "sim/base/types.h"

#define TDX_LOCK_EX	0x1
#define TDX_LOCK_HP	0x2
#define TDX_LOCK_READER	0x4

#define SEPT_TDEL	BIT_ULL(11)
#define SEPT_TDHP	BIT_ULL(52)

enum guest_lock { GUEST_LOCK_OK, GUEST_LOCK_BUSY, GUEST_LOCK_HOST_PRIORITY };

static inline bool hp_lock_sh(u16 *lock)
{
	if (unlikely(*lock & TDX_LOCK_EX)) {
		*lock |= TDX_LOCK_HP;
		return false;
	}
	*lock = (*lock & ~TDX_LOCK_HP) + TDX_LOCK_READER;
	return true;
}

static inline bool hp_lock_ex(u16 *lock)
{
	if (unlikely(*lock & ~TDX_LOCK_HP)) {
		*lock |= TDX_LOCK_HP;
		return false;
	}
	*lock = TDX_LOCK_EX;
	return true;
}

/* From the caller's own shared hold to exclusive; the hold stays on failure. */
static inline bool hp_lock_promote(u16 *lock)
{
	if (unlikely((*lock & ~TDX_LOCK_HP) != TDX_LOCK_READER)) {
		*lock |= TDX_LOCK_HP;
		return false;
	}
	*lock = TDX_LOCK_EX;
	return true;
}

static inline enum guest_lock hp_lock_sh_guest(u16 *lock)
{
	if (*lock & TDX_LOCK_HP)
		return GUEST_LOCK_HOST_PRIORITY;
	if (*lock & TDX_LOCK_EX)
		return GUEST_LOCK_BUSY;
	*lock += TDX_LOCK_READER;
	return GUEST_LOCK_OK;
}

static inline void hp_unlock_sh(u16 *lock)
{
	*lock -= TDX_LOCK_READER;
}

static inline void hp_unlock_ex(u16 *lock)
{
	*lock &= TDX_LOCK_HP;
}

static inline bool sx_lock_sh(u16 *lock)
{
	if (unlikely(*lock & TDX_LOCK_EX))
		return false;
	*lock += TDX_LOCK_READER;
	return true;
}

static inline bool sx_lock_ex(u16 *lock)
{
	if (unlikely(*lock))
		return false;
	*lock = TDX_LOCK_EX;
	return true;
}

static inline bool entry_lock_host(u64 *entry)
{
	if (unlikely(*entry & SEPT_TDEL)) {
		*entry |= SEPT_TDHP;
		return false;
	}
	*entry = (*entry | SEPT_TDEL) & ~SEPT_TDHP;
	return true;
}

static inline enum guest_lock entry_lock_guest(u64 *entry)
{
	if (*entry & SEPT_TDEL)
		return GUEST_LOCK_BUSY;
	if (*entry & SEPT_TDHP)
		return GUEST_LOCK_HOST_PRIORITY;
	*entry |= SEPT_TDEL;
	return GUEST_LOCK_OK;
}

static inline void entry_unlock(u64 *entry)
{
	*entry &= ~SEPT_TDEL;
}

#endif /* SEPTUM_TDX_LOCK_H */
