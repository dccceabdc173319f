// SPDX-License-Identifier: GPL-2.0-only
/*
 * The folio lock. The kernel keeps it in bit PG_locked with a hashed wait queue
 * (folio_lock() in include/linux/pagemap.h, mm/filemap.c, Linux 7.3.4). A struct
 * page has no room for a struct lock, so a lock is lent to the folio while
 * anybody holds or wants it: waiting, lock order and deadlocks are then the
 * scheduler's business as for any other lock.
 */
#include "model/mm/internal.h"

struct folio_lock {
	struct lock lock;
	u32 users;		/* holder and waiters */
};

void folio_lock_pool_init(struct pool *pool)
{
	pool_init(pool, "folio lock", sizeof(struct folio_lock));
}

static struct folio_lock *lent_lock(const struct folio *folio)
{
	return (struct folio_lock *)((char *)arena_of(folio) + ((u64)folio->lock_ref << 4));
}

static struct folio_lock *folio_lock_get(struct folio *folio)
{
	struct folio_lock *fl;

	if (folio->lock_ref) {
		fl = lent_lock(folio);
	} else {
		fl = pool_alloc(&mm_of(folio)->folio_locks);
		lock_init(&fl->lock, LOCK_FOLIO, folio->pfn);
		folio->lock_ref = ((char *)fl - (char *)arena_of(folio)) >> 4;
	}
	fl->users++;
	return fl;
}

static void folio_lock_put(struct folio *folio, struct folio_lock *fl)
{
	if (--fl->users)
		return;
	folio->lock_ref = 0;
	pool_free(&mm_of(folio)->folio_locks, fl);
}

void folio_lock(struct folio *folio)
{
	struct folio_lock *fl = folio_lock_get(folio);

	lock_acquire(&fl->lock, LOCK_EXCLUSIVE);
	folio->flags |= BIT_ULL(PG_locked);
}

bool folio_trylock(struct folio *folio)
{
	struct folio_lock *fl = folio_lock_get(folio);

	if (!lock_try(&fl->lock, LOCK_EXCLUSIVE)) {
		folio_lock_put(folio, fl);
		return false;
	}
	folio->flags |= BIT_ULL(PG_locked);
	return true;
}

void folio_unlock(struct folio *folio)
{
	struct folio_lock *fl;

	VM_BUG_ON_FOLIO(!folio_test_locked(folio), folio);
	if (!folio->lock_ref)
		return;
	fl = lent_lock(folio);
	folio->flags &= ~BIT_ULL(PG_locked);
	lock_release(&fl->lock, LOCK_EXCLUSIVE);
	folio_lock_put(folio, fl);
}
