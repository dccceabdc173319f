// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLB tracking: when may a blocked translation be assumed gone from every TLB.
 * Predicate and parities after the TDX module 1.5.01. TDH.MEM.TRACK lives here
 * too, being nothing but a step of the epoch.
 */
#include "model/tdx/leaf.h"

bool epoch_tracked(const struct td *td, u64 bepoch)
{
	if (bepoch >> 63 || bepoch >= td->epoch)
		return false;
	return bepoch + 1 < td->epoch || !td->refcount[bepoch & 1];
}

u64 check_tdh_mem_track(struct call *c)
{
	c->alone = call_is_alone(c);
	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, SH));
	CHECK(check_td_state(c, true));
	if (!passes(c, c->td->epoch_lock)) {
		if (!sx_lock_ex(&c->td->epoch_lock))
			return tdx_on(TDX_OPERAND_BUSY, TD_EPOCH);
		call_holds(c, &c->td->epoch_lock, HELD_SX_EX);
	}
	if (c->td->refcount[1 - (c->td->epoch & 1)])
		return TDX_PREVIOUS_TLB_EPOCH_BUSY;
	return TDX_SUCCESS;
}

u64 commit_tdh_mem_track(struct call *c)
{
	c->td->epoch++;
	return TDX_SUCCESS;
}
