/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A private fault against a hole, as the sequence counter sees it: the twin of
 * scenarios/race/mapped-and-absent.scn. A page that has left the file must be in
 * no page table when both are done.
 *
 * SKIP_MN_SEQ: the defect of that name, under mmu_lock the fault does not look
 * again; then the assertion has to fail.
 */
#define take(lock)	atomic { !lock -> lock = true }
#define drop(lock)	lock = false

/* One reader, one writer: a plain lock is all that an rwlock is here. */
bool mmu_lock, invalidate_lock;
byte in_progress, seq;
bool present, mapped;
byte ended;

inline look(stale)
{
	stale = in_progress > 0 || seq != seen
}

active proctype fault()
{
	byte seen;
	bool stale;

again:
	seen = seq;
	look(stale);
	if
	:: stale -> goto again
	:: else
	fi;
	/* kvm_gmem_get_pfn(): the page is found or made */
	present = true;
	look(stale);
	if
	:: stale -> goto again
	:: else
	fi;
	take(mmu_lock);
#ifndef SKIP_MN_SEQ
	look(stale);
	if
	:: stale -> drop(mmu_lock); goto again
	:: else
	fi;
#endif
	mapped = true;
	drop(mmu_lock);
	ended++
}

active proctype punch_hole()
{
	take(invalidate_lock);
	take(mmu_lock);
	in_progress++;
	mapped = false;
	drop(mmu_lock);
	present = false;
	take(mmu_lock);
	seq++;
	in_progress--;
	drop(mmu_lock);
	drop(invalidate_lock);
	ended++
}

active proctype at_the_end()
{
	ended == 2;
	assert(present || !mapped)
}
