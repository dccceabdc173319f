/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Faults against holes once more, step by step what tests/sim_twin.c does: a
 * statement here is what a task there does between two switch points, and a lock's
 * waiters are told apart exactly as far as sim/base/lock.c does. So both searches
 * must store the same number of states.
 *
 * FAULTS, PUNCHES tasks of each kind; ROUNDS times each.
 * SKIP_MN_SEQ: as in invalidate_seq.pml.
 */
#define INVALIDATE_LOCK	0
#define MMU_LOCK	1
#define ME		(1 << _pid)

bool owner[2];
byte readers[2];
/* Writers that wait for it, a bit each. */
byte waiting[2];
/* Of a reader that waits: the writers that have waited longer. */
byte behind[FAULTS + PUNCHES];

byte in_progress, seq, ended;
hidden byte i;
bool present, mapped;

#define acquire_shared(l, then)							\
	if									\
	:: d_step { !owner[l] && !waiting[l] -> readers[l]++; then }		\
	:: d_step { owner[l] || waiting[l] -> behind[_pid] = waiting[l] };	\
	   d_step { !owner[l] && !behind[_pid] -> readers[l]++; then }		\
	fi

#define acquire_exclusive(l, then)						\
	if									\
	:: d_step { !owner[l] && !readers[l] -> owner[l] = true; then }		\
	:: d_step { owner[l] || readers[l] -> waiting[l] = waiting[l] | ME };	\
	   d_step {								\
		!owner[l] && !readers[l] ->					\
		waiting[l] = waiting[l] & ~ME;					\
		pass();								\
		owner[l] = true;						\
		then								\
	   }									\
	fi

/* A writer waits no longer. */
inline pass()
{
	i = 0;
	do
	:: i < FAULTS -> behind[i] = behind[i] & ~ME; i++
	:: else -> break
	od;
	i = 0
}

inline look()
{
#ifdef SKIP_MN_SEQ
	stale = false
#else
	stale = in_progress > 0 || seq != seen;
	if
	:: stale -> readers[MMU_LOCK]--
	:: else
	fi
#endif
}

inline end_of_task()
{
	ended++;
	assert(ended < FAULTS + PUNCHES || present || !mapped)
}

active [FAULTS] proctype fault()
{
	byte seen, round;
	bool stale;

	seen = seq;
again:
	acquire_shared(INVALIDATE_LOCK, skip);
	/* kvm_gmem_get_pfn(): the page is found or made */
	d_step { present = true; readers[INVALIDATE_LOCK]-- };
	skip;
	acquire_shared(MMU_LOCK, look());
	if
	:: d_step { stale -> seen = seq }; goto again
	:: d_step { !stale -> mapped = true; readers[MMU_LOCK]-- }
	fi;
	if
	:: d_step { round + 1 < ROUNDS -> round++; seen = seq }; goto again
	:: d_step { round + 1 == ROUNDS -> round++; end_of_task() }
	fi;
end:
	false
}

active [PUNCHES] proctype punch_hole()
{
	byte round;

	skip;
again:
	acquire_exclusive(INVALIDATE_LOCK, skip);
	acquire_exclusive(MMU_LOCK, in_progress++);
	d_step { mapped = false; owner[MMU_LOCK] = false };
	present = false;
	acquire_exclusive(MMU_LOCK, seq++; in_progress--; owner[MMU_LOCK] = false);
	owner[INVALIDATE_LOCK] = false;
	if
	:: d_step { round + 1 < ROUNDS -> round++ }; goto again
	:: d_step { round + 1 == ROUNDS -> round++; end_of_task() }
	fi;
end:
	false
}
