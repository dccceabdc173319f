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
	struct folio_lock *next_idle;
	u32 users;		/* holder and waiters */
	u32 self;		/* what page->lock_ref says of it: arena offset / 16 */
};

static struct folio_lock *lent_lock(const struct folio *folio)
{
	return (struct folio_lock *)((char *)arena_of(folio) + ((u64)folio->lock_ref << 4));
}

/* Never given back to a pool: an idle one is free and needs no setting up. */
static struct folio_lock *folio_lock_new(struct mm *mm)
{
	struct folio_lock *fl = arena_alloc(mm->env->arena, sizeof(*fl));

	lock_init(&fl->lock, LOCK_FOLIO, 0);
	fl->self = ((char *)fl - (char *)mm->env->arena) >> 4;
	return fl;
}

static inline struct folio_lock *folio_lock_get(struct folio *folio)
{
	struct folio_lock *fl;

	if (folio->lock_ref) {
		fl = lent_lock(folio);
	} else {
		struct mm *mm = mm_of(folio);

		fl = mm->idle_folio_locks;
		if (likely(fl))
			mm->idle_folio_locks = fl->next_idle;
		else
			fl = folio_lock_new(mm);
		fl->lock.id = folio->pfn;
		note_recent(mm, folio->pfn);
		folio->lock_ref = fl->self;
	}
	fl->users++;
	return fl;
}

static inline void folio_lock_put(struct folio *folio, struct folio_lock *fl)
{
	struct mm *mm;

	if (--fl->users)
		return;
	mm = mm_of(folio);
	folio->lock_ref = 0;
	fl->next_idle = mm->idle_folio_locks;
	mm->idle_folio_locks = fl;
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
