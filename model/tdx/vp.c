// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.VP.* except VP.ENTER: a vCPU is made, tied to a logical processor,
 * untied, and its fields are read and written. Order of checks after the TDX
 * module 1.5.01; VP.INIT also takes version 1 (x2APIC id in R8), which Linux
 * 7.3.4 uses and later 1.5 modules have.
 *
 * Reduced: of a vCPU's VMCS and other fields only those the host wrote are
 * kept; all others read as 0.
 */
#include "model/tdx/leaf.h"

u64 check_tdh_vp_create(struct call *c)
{
	CHECK(check_tdr(c, c->rdx, OPERAND_ID_RDX, SH));
	CHECK(check_td_state(c, true));
	return check_new_page(c, c->rcx, OPERAND_ID_RCX);
}

u64 commit_tdh_vp_create(struct call *c)
{
	struct tdx_module *m = c->m;
	struct vcpu *vcpu = pool_alloc(&m->vcpu_pool);

	vcpu->tdvpr = c->page_hpa;
	vcpu->td = c->td;
	vcpu->lp = -1;
	vcpu->next = m->vcpus;
	m->vcpus = vcpu;
	hw_movdir64b(m->hw, c->page_hpa, c->td->hkid, TOKEN_ZERO);
	pamt_set(c, &c->block, 0, c->page_hpa, PT_TDVPR, c->td->tdr);
	c->page->vcpu = vcpu;
	c->td->child_count++;
	return TDX_SUCCESS;
}

u64 check_tdh_vp_addcx(struct call *c)
{
	CHECK(check_tdvpr(c, c->rdx, OPERAND_ID_RDX, EX));
	CHECK(check_td_state(c, true));
	if (c->vcpu->state != VCPU_UNINITIALIZED)
		return TDX_VCPU_STATE_INCORRECT;
	if (c->vcpu->tdcx_count + 1 >= TDX_TDVPS_PAGES_MAX)
		return TDX_TDCX_NUM_INCORRECT;
	return check_new_page(c, c->rcx, OPERAND_ID_RCX);
}

u64 commit_tdh_vp_addcx(struct call *c)
{
	hw_movdir64b(c->m->hw, c->page_hpa, c->td->hkid, TOKEN_ZERO);
	pamt_set(c, &c->block, 0, c->page_hpa, PT_TDCX, c->td->tdr);
	c->vcpu->tdcx_count++;
	c->td->child_count++;
	return TDX_SUCCESS;
}

static u64 check_tdvps_pages(const struct call *c)
{
	return c->vcpu->tdcx_count + 1 < TDX_TDVPS_PAGES ? TDX_TDCX_NUM_INCORRECT : TDX_SUCCESS;
}

u64 check_tdh_vp_init(struct call *c)
{
	CHECK(check_tdvpr(c, c->rcx, OPERAND_ID_RCX, EX));
	CHECK(check_td_state(c, true));
	CHECK(check_tdvps_pages(c));
	if (c->vcpu->state != VCPU_UNINITIALIZED)
		return TDX_VCPU_STATE_INCORRECT;
	if (c->td->vcpu_count >= c->td->max_vcpus)
		return TDX_MAX_VCPUS_EXCEEDED;
	return TDX_SUCCESS;
}

u64 commit_tdh_vp_init(struct call *c)
{
	struct vcpu *vcpu = c->vcpu;

	vcpu->index = c->td->vcpu_count++;
	vcpu->x2apic_id = c->version ? (u32)c->regs->r8 : vcpu->index;
	vcpu_set_state(c, vcpu, VCPU_READY);
	vcpu_associate(c, vcpu, false);
	return TDX_SUCCESS;
}

u64 check_tdh_vp_flush(struct call *c)
{
	CHECK(check_tdvpr(c, c->rcx, OPERAND_ID_RCX, EX));
	if (c->td->lifecycle != TD_KEYS_CONFIGURED)
		return TDX_TD_KEYS_NOT_CONFIGURED;
	CHECK(check_tdvps_pages(c));
	return c->vcpu->lp == (int)c->lp ? TDX_SUCCESS : TDX_VCPU_NOT_ASSOCIATED;
}

u64 commit_tdh_vp_flush(struct call *c)
{
	vcpu_disassociate(c, c->vcpu);
	return TDX_SUCCESS;
}

/* Class code and field code: what tells fields of a vCPU apart. */
#define VP_FIELD_ID(id)		((id) & (BIT_ULL(63) | GENMASK_ULL(61, 56) | GENMASK_ULL(23, 0)))
#define VP_FIELD_CLASS(id)	((id) >> 56 & 0x3f)
#define VP_CLASS_VMCS		0x00
#define VP_CLASS_MANAGEMENT	0x20
#define VP_FIELD_CODE_MAX	0xffff
#define VP_PEND_NMI		11

static bool vp_field_exists(u64 id)
{
	static const u8 class[] = { 0x00, 0x01, 0x02, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16,
				    0x17, 0x20, 0x21 };

	if ((id & 0xffffff) > VP_FIELD_CODE_MAX)
		return false;
	for (u32 i = 0; i < ARRAY_SIZE(class); i++)
		if (VP_FIELD_CLASS(id) == class[i])
			return true;
	return false;
}

static bool vp_field_writable(u64 id)
{
	return VP_FIELD_CLASS(id) == VP_CLASS_VMCS ||
	       (VP_FIELD_CLASS(id) == VP_CLASS_MANAGEMENT && (id & 0xffffff) == VP_PEND_NMI);
}

static struct vcpu_field *vp_field(struct vcpu *vcpu, u64 id)
{
	struct vcpu_field *field = vcpu->fields;

	while (field && field->id != VP_FIELD_ID(id))
		field = field->next;
	return field;
}

static u64 check_vp_access(struct call *c, bool disabled_ok)
{
	CHECK(check_tdvpr(c, c->rcx, OPERAND_ID_RCX, SH));
	CHECK(check_td_state(c, true));
	CHECK(check_tdvps_pages(c));
	return vcpu_associate(c, c->vcpu, disabled_ok);
}

u64 check_tdh_vp_rd(struct call *c)
{
	c->regs->r8 = 0;
	if (c->version)
		c->regs->rdx = ~0ULL;
	CHECK(check_vp_access(c, true));
	if (c->version && c->rdx == ~0ULL) {
		c->regs->rdx = MD_VP_FIRST;
		return TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT;
	}
	return vp_field_exists(c->rdx) ? TDX_SUCCESS : TDX_METADATA_FIELD_ID_INCORRECT;
}

u64 commit_tdh_vp_rd(struct call *c)
{
	const struct vcpu_field *field = vp_field(c->vcpu, c->rdx);

	c->regs->r8 = field ? field->value : 0;
	return TDX_SUCCESS;
}

u64 check_tdh_vp_wr(struct call *c)
{
	c->scratch = c->regs->r8;
	c->regs->r8 = 0;
	CHECK(check_vp_access(c, false));
	if (!vp_field_exists(c->rdx))
		return TDX_METADATA_FIELD_ID_INCORRECT;
	if (!vp_field_writable(c->rdx))
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	return c->regs->r9 ? TDX_SUCCESS : TDX_METADATA_WR_MASK_NOT_VALID;
}

u64 commit_tdh_vp_wr(struct call *c)
{
	struct vcpu_field *field = vp_field(c->vcpu, c->rdx);
	u64 mask = c->regs->r9;

	if (!field) {
		field = pool_alloc(&c->m->field_pool);
		field->id = VP_FIELD_ID(c->rdx);
		field->next = c->vcpu->fields;
		c->vcpu->fields = field;
	}
	c->regs->r8 = field->value;
	field->value = (field->value & ~mask) | (c->scratch & mask);
	return TDX_SUCCESS;
}
