/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * memory_failure() against a hole in a guest_memfd, Linux 7.3.4, as locks only:
 * the twin of scenarios/known-bugs/memory-failure-deadlock.scn. What SPIN has to
 * find is the invalid end state in which both wait.
 *
 * NO_INVALIDATE_LOCK: the defect of that name, with which nobody waits for ever.
 */
#define take(lock)	atomic { !lock -> lock = true }
#define drop(lock)	lock = false

bool mf_mutex, folio_lock, invalidate_lock;
bool present = true;

active proctype memory_failure_of_the_page()
{
	take(mf_mutex);
	if
	:: present ->
		take(folio_lock);
		if
		:: present ->
			/* kvm_gmem_error_folio() */
			take(invalidate_lock);
			drop(invalidate_lock)
		:: else
		fi;
		drop(folio_lock)
	:: else
	fi;
	drop(mf_mutex)
}

active proctype punch_hole()
{
#ifndef NO_INVALIDATE_LOCK
	take(invalidate_lock);
#endif
	if
	:: present ->
		/* truncate_inode_pages_range() */
		take(folio_lock);
		present = false;
		drop(folio_lock)
	:: else
	fi;
#ifndef NO_INVALIDATE_LOCK
	drop(invalidate_lock)
#else
	skip
#endif
}
