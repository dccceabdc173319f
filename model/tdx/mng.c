// SPDX-License-Identifier: GPL-2.0-only
/*
 * TDH.MNG.*: a TD is made, given its key, configured, and brought down again.
 * Order of checks after the TDX module 1.5.01. MNG.CREATE and MNG.ADDCX fill the
 * page before their last possible failure, as the module does.
 *
 * Reduced: TD_PARAMS fields that do not bear on memory (measurements, MSR
 * configuration) are not looked at. Nested VMs are not offered, so NUM_L2_VMS
 * must be 0.
 */
#include <string.h>

#include "model/tdx/leaf.h"

#define TDCX_SEPT_ROOT	3	/* index of the TDCS page that is the S-EPT root */

u64 check_tdh_mng_create(struct call *c)
{
	struct tdx_module *m = c->m;
	u64 hkid = c->rdx;

	if (hkid >= m->hw->keyid_count || !hw_keyid_private(m->hw, hkid))
		return tdx_on(TDX_OPERAND_INVALID, RDX);
	CHECK(check_new_page(c, c->rcx, OPERAND_ID_RCX));
	if (!sx_lock_ex(&m->kot_lock))
		return tdx_on(TDX_OPERAND_BUSY, KOT);
	call_holds(c, &m->kot_lock, HELD_SX_EX);
	if (m->kot[hkid].state != HKID_FREE)
		return TDX_HKID_NOT_FREE;
	hw_movdir64b(m->hw, c->page_hpa, m->global_hkid, TOKEN_ZERO);
	return no_entropy(c) ? TDX_RND_NO_ENTROPY : TDX_SUCCESS;
}

u64 commit_tdh_mng_create(struct call *c)
{
	struct tdx_module *m = c->m;
	struct td *td = pool_alloc(&m->td_pool);

	td->tdr = c->page_hpa;
	td->hkid = c->rdx;
	td->lifecycle = TD_HKID_ASSIGNED;
	td->pamt = c->page;
	td->next = m->tds;
	m->tds = td;
	sept_forget_walks(td);
	c->td = td;
	kot_set(c, td->hkid, HKID_ASSIGNED);
	pamt_set(c, &c->block, 0, c->page_hpa, PT_TDR, 0);
	c->page->td = td;
	return TDX_SUCCESS;
}

u64 check_tdh_mng_key_config(struct call *c)
{
	u64 package = BIT_ULL(c->m->hw->cpu[c->lp].package);

	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, EX));
	if (c->td->fatal)
		return TDX_TD_FATAL;
	if (c->td->lifecycle != TD_HKID_ASSIGNED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (c->td->key_packages & package)
		return TDX_KEY_CONFIGURED;
	return no_entropy(c) ? TDX_KEY_GENERATION_FAILED : TDX_SUCCESS;
}

u64 commit_tdh_mng_key_config(struct call *c)
{
	struct hw *hw = c->m->hw;

	c->td->key_packages |= BIT_ULL(hw->cpu[c->lp].package);
	if (c->td->key_packages == BIT_ULL(hw->package_count) - 1)
		td_set_lifecycle(c, TD_KEYS_CONFIGURED);
	return TDX_SUCCESS;
}

u64 check_tdh_mng_addcx(struct call *c)
{
	CHECK(check_tdr(c, c->rdx, OPERAND_ID_RDX, EX));
	CHECK(check_td_keys(c));
	if (c->td->tdcx_count >= TDX_TDCX_MAX)
		return TDX_TDCX_NUM_INCORRECT;
	CHECK(check_new_page(c, c->rcx, OPERAND_ID_RCX));
	hw_movdir64b(c->m->hw, c->page_hpa, c->td->hkid, TOKEN_ZERO);
	if (c->td->tdcx_count == TDX_TDCX_MIN - 1 && no_entropy(c))
		return TDX_RND_NO_ENTROPY;
	if (c->td->tdcx_count >= TDX_TDCX_MIN && c->info->op_states[c->td->op_state] != 'x')
		return TDX_OP_STATE_INCORRECT;
	return TDX_SUCCESS;
}

u64 commit_tdh_mng_addcx(struct call *c)
{
	struct td *td = c->td;

	if (td->tdcx_count == TDCX_SEPT_ROOT)
		td->root = sept_table_new(c->m, td, c->page_hpa, 0, 3);
	td->tdcx_count++;
	td->child_count++;
	pamt_set(c, &c->block, 0, c->page_hpa, PT_TDCX, td->tdr);
	return TDX_SUCCESS;
}

/* TD_PARAMS as MNG.INIT reads it. */
struct td_params {
	u64 attributes, xfam;
	u16 max_vcpus;
	u8 num_l2_vms, msr_config_ctls;
	u32 reserved0;
	u64 eptp_controls, config_flags;
	u16 tsc_frequency;
	u8 reserved1[38];
	u8 measurements[3][48];
	u8 reserved2[32];
	u32 cpuid[4];		/* values of the one configurable CPUID leaf */
	u8 rest[TDX_PARAMS_SIZE - 272];
};

static_assert(sizeof(struct td_params) == TDX_PARAMS_SIZE, "TD_PARAMS has a fixed size");

static bool bits_allowed(u64 value, u64 fixed0, u64 fixed1)
{
	return !(value & ~fixed0) && (value & fixed1) == fixed1;
}

static bool eptp_controls_valid(u64 controls, bool gpaw)
{
	u64 length = controls >> 3 & 7;

	return !(controls & ~0x3fULL) && (controls & 7) == 6 && (length == 3 || length == 4) &&
	       (!gpaw || length == 4);
}

static u64 judge_params(struct call *c, const struct td_params *params)
{
	u64 flags = TD_CONFIG_GPAW | TD_CONFIG_FLEXIBLE_PENDING_VE | TD_CONFIG_NO_RBP_MOD;

	if (c->m->config.version >= TDX_MODULE_2_0)
		flags |= TD_CONFIG_PAGE_RELEASE;
	if (!bits_allowed(params->attributes, TDX_ATTRIBUTES_FIXED0, TDX_ATTRIBUTES_FIXED1))
		return tdx_on(TDX_OPERAND_INVALID, ATTRIBUTES);
	if (!bits_allowed(params->xfam, TDX_XFAM_FIXED0, TDX_XFAM_FIXED1))
		return tdx_on(TDX_OPERAND_INVALID, XFAM);
	if (!params->max_vcpus || params->max_vcpus > TDX_MAX_VCPUS)
		return tdx_on(TDX_OPERAND_INVALID, MAX_VCPUS);
	if (params->num_l2_vms)
		return tdx_on(TDX_OPERAND_INVALID, NUM_L2_VMS);
	if (params->config_flags & ~flags)
		return tdx_on(TDX_OPERAND_INVALID, EXEC_CONTROLS);
	if (!eptp_controls_valid(params->eptp_controls, params->config_flags & TD_CONFIG_GPAW))
		return tdx_on(TDX_OPERAND_INVALID, EPTP_CONTROLS);
	if (params->tsc_frequency < 4 || params->tsc_frequency > 400)
		return tdx_on(TDX_OPERAND_INVALID, TSC_FREQUENCY);
	for (u32 i = 0; i < 4; i++)
		if (params->cpuid[i] & ~(u32)(TDX_CPUID_CONFIG(i / 2) >> (i % 2 * 32))) {
			c->regs->rcx = TDX_CPUID_LEAF;
			return tdx_on(TDX_OPERAND_INVALID, CPUID_CONFIG);
		}
	return TDX_SUCCESS;
}

static void take_params(struct td *td, const struct td_params *params)
{
	td->attributes = params->attributes;
	td->xfam = params->xfam;
	td->max_vcpus = params->max_vcpus;
	td->eptp_controls = params->eptp_controls;
	td->config_flags = params->config_flags;
	td->tsc_frequency = params->tsc_frequency;
	td->gpaw = params->config_flags & TD_CONFIG_GPAW;
	td->root_level = params->eptp_controls >> 3 & 7;
	td->root->level = td->root_level;
	if (params->attributes & TD_ATTRIBUTES_SEPT_VE_DISABLE)
		td->td_ctls |= TD_CTLS_PENDING_VE_DISABLE;
}

/*
 * The parameters are read once. What is checked must be what is taken, so the
 * check stores them; the TD cannot be used before the commit makes it INITIALIZED.
 */
u64 check_tdh_mng_init(struct call *c)
{
	struct tdx_module *m = c->m;
	struct td_params params = { 0 };

	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, EX));
	CHECK(check_td_state(c, false));
	c->regs->rcx = 0;
	if (!IS_ALIGNED(c->rdx, TDX_PARAMS_SIZE) || c->rdx >> 52 ||
	    hw_keyid_private(m->hw, c->rdx >> HW_PHYS_BITS))
		return tdx_on(TDX_OPERAND_INVALID, RDX);
	if (m->phys_read)
		m->phys_read(m->phys_read_ctx, sept_hpa(c->rdx) | (c->rdx & (PAGE_SIZE - 1)),
			     &params, sizeof(params));
	CHECK(judge_params(c, &params));
	take_params(c->td, &params);
	return TDX_SUCCESS;
}

u64 commit_tdh_mng_init(struct call *c)
{
	struct td *td = c->td;

	td->epoch = 1;
	td->refcount[0] = td->refcount[1] = 0;
	td->vcpu_count = 0;
	td->tsc_multiplier = BIT_ULL(48);
	td->hp_lock_timeout = TDX_HP_LOCK_TIMEOUT_DEFAULT;
	td_set_op_state(c, OP_INITIALIZED);
	return TDX_SUCCESS;
}

u64 check_tdh_mng_vpflushdone(struct call *c)
{
	struct td *td;

	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, EX));
	td = c->td;
	if (!sx_lock_ex(&c->m->kot_lock))
		return tdx_on(TDX_OPERAND_BUSY, KOT);
	call_holds(c, &c->m->kot_lock, HELD_SX_EX);
	if (td->lifecycle != TD_KEYS_CONFIGURED && td->lifecycle != TD_HKID_ASSIGNED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (td->tdcx_count >= TDX_TDCX_MIN && td->op_state != OP_UNINITIALIZED && td->assoc_count)
		return TDX_FLUSHVP_NOT_DONE;
	return TDX_SUCCESS;
}

u64 commit_tdh_mng_vpflushdone(struct call *c)
{
	td_set_lifecycle(c, TD_BLOCKED);
	kot_set(c, c->td->hkid, HKID_FLUSHED);
	return TDX_SUCCESS;
}

u64 check_tdh_mng_key_freeid(struct call *c)
{
	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, EX));
	if (c->td->lifecycle != TD_BLOCKED)
		return TDX_LIFECYCLE_STATE_INCORRECT;
	if (!sx_lock_ex(&c->m->kot_lock))
		return tdx_on(TDX_OPERAND_BUSY, KOT);
	call_holds(c, &c->m->kot_lock, HELD_SX_EX);
	if (c->m->kot[c->td->hkid].wb_packages)
		return TDX_WBCACHE_NOT_COMPLETE;
	return TDX_SUCCESS;
}

u64 commit_tdh_mng_key_freeid(struct call *c)
{
	kot_set(c, c->td->hkid, HKID_FREE);
	td_set_lifecycle(c, TD_TEARDOWN);
	sept_drop_tree(c->m, c->td);
	return TDX_SUCCESS;
}

u64 check_tdh_mng_key_reclaimid(struct call *c)
{
	return TDX_SUCCESS;
}

u64 commit_tdh_mng_key_reclaimid(struct call *c)
{
	return TDX_SUCCESS;
}

u64 check_tdh_mng_rd(struct call *c)
{
	c->regs->r8 = 0;
	if (c->version)
		c->regs->rdx = ~0ULL;
	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, SH));
	CHECK(check_td_state(c, true));
	if (c->version && c->rdx == ~0ULL) {
		c->regs->rdx = MD_TD_FIRST;
		return TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT;
	}
	return md_read_td(c->td, c->rdx, &c->scratch);
}

u64 commit_tdh_mng_rd(struct call *c)
{
	c->regs->r8 = c->scratch;
	return TDX_SUCCESS;
}

u64 check_tdh_mng_wr(struct call *c)
{
	u64 value = c->regs->r8;

	c->regs->r8 = 0;
	CHECK(check_tdr(c, c->rcx, OPERAND_ID_RCX, SH));
	CHECK(check_td_state(c, true));
	c->scratch = value;
	return md_check_write_td(c->td, c->rdx, value, c->regs->r9, false);
}

u64 commit_tdh_mng_wr(struct call *c)
{
	c->regs->r8 = md_write_td(c->td, c->rdx, c->scratch, c->regs->r9);
	return TDX_SUCCESS;
}
