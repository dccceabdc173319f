// SPDX-License-Identifier: GPL-2.0-only
/*
 * State changes of TDs, HKIDs and vCPUs, each made in one place so that the
 * trace and the graphs see all of them. States: td_states.def.
 */
#include "model/tdx/leaf.h"

static void tell_state(struct call *c, u8 machine, hpa_t hpa, u8 from, u8 to)
{
	struct trace_event event = {
		.kind = TRACE_TD,
		.state = { .hpa = hpa, .what = machine, .from = from, .to = to, .leaf = c->leaf },
	};

	trace_emit(c->m->env, &event);
}

/* VP.ENTER comes here twice: the event is only made when it is wanted. */
static inline void trace_state(struct call *c, u8 machine, hpa_t hpa, u8 from, u8 to)
{
	if (unlikely(trace_on(c->m->env, TRACE_TD)) && from != to)
		tell_state(c, machine, hpa, from, to);
}

void td_set_lifecycle(struct call *c, u8 lifecycle)
{
	trace_state(c, TD_LIFECYCLE, c->td->tdr, c->td->lifecycle, lifecycle);
	c->td->lifecycle = lifecycle;
}

void td_set_op_state(struct call *c, u8 op_state)
{
	trace_state(c, TD_OP_STATE, c->td->tdr, c->td->op_state, op_state);
	c->td->op_state = op_state;
}

/* The hpa of an HKID's event is the HKID itself. */
void kot_set(struct call *c, u16 hkid, u8 state)
{
	struct kot_entry *entry = &c->m->kot[hkid];

	trace_state(c, TD_HKID_STATE, hkid, entry->state, state);
	entry->state = state;
	entry->wb_packages = state == HKID_FLUSHED ? BIT_ULL(c->m->hw->package_count) - 1 : 0;
}

void vcpu_set_state(struct call *c, struct vcpu *vcpu, u8 state)
{
	trace_state(c, TD_VCPU_STATE, vcpu->tdvpr, vcpu->state, state);
	vcpu->state = state;
}

u64 vcpu_associate(struct call *c, struct vcpu *vcpu, bool disabled_ok)
{
	if (vcpu->state != VCPU_READY && !(disabled_ok && vcpu->state == VCPU_DISABLED))
		return TDX_VCPU_STATE_INCORRECT;
	if (vcpu->lp >= 0 && (u32)vcpu->lp != c->lp)
		return TDX_VCPU_ASSOCIATED;
	if (vcpu->lp < 0) {
		vcpu->lp = c->lp;
		vcpu->launched = false;
		vcpu->td->assoc_count++;
	}
	return TDX_SUCCESS;
}

void vcpu_disassociate(struct call *c, struct vcpu *vcpu)
{
	hw_tlb_flush(c->m->hw, vcpu->lp, vcpu->td->tdr);
	vcpu->lp = -1;
	vcpu->td->assoc_count--;
}
