// SPDX-License-Identifier: GPL-2.0-only
/*
 * Metadata fields for SYS.RD, MNG.RD/WR and the guest's VM.RD/WR: the ones
 * Linux 7.3.4 reads and those that bear on memory. Ids after the TDX module
 * 1.5.01. Virtual CPUID values of a TD all read as 0.
 */
#include "model/tdx/leaf.h"

/* Non-architectural flag, class and field code. */
#define MD_KEY(id)	((id) & (BIT_ULL(63) | GENMASK_ULL(61, 56) | GENMASK_ULL(23, 0)))
#define MD_CPUID_VALUES	0x9400000000000000ULL
#define MD_CLASS_MASK	(BIT_ULL(63) | GENMASK_ULL(61, 56))

#define HP_LOCK_TIMEOUT_MIN	10000ULL	/* microseconds */
#define HP_LOCK_TIMEOUT_MAX	100000000ULL

#define FEATURES0_1_5	(BIT_ULL(1) | BIT_ULL(4) | BIT_ULL(9) | BIT_ULL(10) | BIT_ULL(16) | \
			 BIT_ULL(17) | BIT_ULL(18) | BIT_ULL(20))
#define FEATURES0_DYNAMIC_PAMT	BIT_ULL(36)
#define FEATURES0_PAGE_RELEASE	BIT_ULL(38)
#define FEATURES0_ENHANCED_DEMOTE	BIT_ULL(51)

static u64 features0(const struct tdx_module *m)
{
	u64 features = FEATURES0_1_5;

	if (m->config.version >= TDX_MODULE_2_0)
		features |= FEATURES0_PAGE_RELEASE;
	if (m->config.dynamic_pamt)
		features |= FEATURES0_DYNAMIC_PAMT;
	if (m->config.version >= TDX_MODULE_1_5_NOINTR)
		features |= FEATURES0_ENHANCED_DEMOTE;
	return features;
}

u64 md_read_sys(struct tdx_module *m, u64 id, u64 *value)
{
#define SYS_FIELD(field, name, expr)			\
	if (MD_KEY(id) == MD_KEY(field##ULL)) {		\
		*value = (expr);			\
		return TDX_SUCCESS;			\
	}
#include "model/tdx/fields.def"
	return TDX_METADATA_FIELD_ID_INCORRECT;
}

u64 md_read_td(const struct td *td, u64 id, u64 *value)
{
#define TD_FIELD(field, name, member, host, guest)	\
	if (MD_KEY(id) == MD_KEY(field##ULL)) {		\
		*value = td->member;			\
		return TDX_SUCCESS;			\
	}
#include "model/tdx/fields.def"
	*value = 0;
	return (id & MD_CLASS_MASK) == MD_CPUID_VALUES ? TDX_SUCCESS :
							 TDX_METADATA_FIELD_ID_INCORRECT;
}

/* A timeout out of range, or a control that was not asked for at MNG.INIT. */
static bool value_valid(const struct td *td, u64 id, u64 value)
{
	if (MD_KEY(id) == MD_KEY(0x9110000300000011ULL))
		return value >= HP_LOCK_TIMEOUT_MIN && value <= HP_LOCK_TIMEOUT_MAX;
	if (MD_KEY(id) == MD_KEY(0x1110000300000017ULL))
		return td->config_flags & TD_CONFIG_FLEXIBLE_PENDING_VE;
	return true;
}

u64 md_check_write_td(const struct td *td, u64 id, u64 value, u64 mask, bool guest)
{
	u64 old, writable = 0;

	CHECK(md_read_td(td, id, &old));
#define TD_FIELD(field, name, member, host_bits, guest_bits)	\
	if (MD_KEY(id) == MD_KEY(field##ULL))			\
		writable = guest ? (guest_bits) : (host_bits);
#include "model/tdx/fields.def"
	if (!writable)
		return TDX_METADATA_FIELD_NOT_WRITABLE;
	if (!mask || mask & ~writable)
		return TDX_METADATA_WR_MASK_NOT_VALID;
	if (!value_valid(td, id, (old & ~mask) | (value & mask)))
		return TDX_METADATA_FIELD_VALUE_NOT_VALID;
	return TDX_SUCCESS;
}

u64 md_write_td(struct td *td, u64 id, u64 value, u64 mask)
{
	u64 old = 0;

#define TD_FIELD(field, name, member, host, guest)		\
	if (MD_KEY(id) == MD_KEY(field##ULL)) {			\
		old = td->member;				\
		td->member = (old & ~mask) | (value & mask);	\
	}
#include "model/tdx/fields.def"
	return old;
}
