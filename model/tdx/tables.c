// SPDX-License-Identifier: GPL-2.0-only
/*
 * The .def files as arrays, and text forms of leaves and statuses. Names and
 * numbers are those of the TDX module 1.5.01 and its public 2.0 tree. Nothing
 * here decides anything; the leaves read the same rows.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "model/tdx/tables.h"

const struct tdx_status_info tdx_status_info[] = {
#define STATUS(name, high, retry, kvm, text) { #name, (u64)(high) << 32, retry, kvm, text },
#include "model/tdx/status.def"
#undef STATUS
};
const u32 tdx_status_count = ARRAY_SIZE(tdx_status_info);

const char *tdx_status_unseen(u64 status)
{
	static const struct {
		u64 status;
		const char *why;
	} unseen[] = {
#define STATUS_UNSEEN(name, why) { name, why },
#include "model/tdx/status_unseen.def"
#undef STATUS_UNSEEN
	};

	for (u32 i = 0; i < ARRAY_SIZE(unseen); i++)
		if (unseen[i].status == TDX_STATUS(status))
			return unseen[i].why;
	return NULL;
}

const char *const tdx_retry_text[] = {
	[RETRY_NONE] = "not an error",
	[RETRY_SAME] = "the same call may succeed later",
	[RETRY_RESUME] = "call again to go on",
	[RETRY_AFTER] = "succeeds only after something else was done",
	[RETRY_NEVER] = "repeating it cannot help",
};

const struct tdx_operand_info tdx_operand_info[] = {
#define OPERAND_ID(name, value, text) { #name, value, text },
#include "model/tdx/operand_ids.def"
#undef OPERAND_ID
};
const u32 tdx_operand_count = ARRAY_SIZE(tdx_operand_info);

#define ON(status, reg)		tdx_on(status, reg)
#define INVALID(reg)		tdx_on(TDX_OPERAND_INVALID, reg)
#define ADDR_RANGE(reg)		tdx_on(TDX_OPERAND_ADDR_RANGE_ERROR, reg)
#define BUSY(reg)		tdx_on(TDX_OPERAND_BUSY, reg)
#define METADATA(reg)		tdx_on(TDX_PAGE_METADATA_INCORRECT, reg)
#define MISSING_PAIR(reg)	tdx_on(TDX_MISSING_PAMT_PAGE_PAIR, reg)
#define STATUS_LIST(...)	(const u64[]){ __VA_ARGS__ }, \
				sizeof((const u64[]){ __VA_ARGS__ }) / sizeof(u64)

const struct tdx_leaf_info tdx_leaf_info[TDX_LEAF_MAX] = {
#define LEAF(nr, name, suffix, version, op, sept, locks, operands, ...) \
	[nr] = { #name, nr, version, locks, op, sept, operands, STATUS_LIST(__VA_ARGS__) },
#include "model/tdx/leaves.def"
#undef LEAF
};

const struct tdx_leaf_info tdx_tdcall_info[TDX_LEAF_MAX] = {
#define TDCALL_LEAF(nr, name, suffix, version, sept, operands, ...) \
	[nr] = { #name, nr, version, 0, NULL, sept, operands, STATUS_LIST(__VA_ARGS__) },
#include "model/tdx/tdcalls.def"
#undef TDCALL_LEAF
};

const u64 tdx_common_status[] = {
	INVALID(RAX), TDX_SYS_NOT_READY, TDX_SYS_SHUTDOWN, TDX_SYS_LP_INIT_NOT_DONE,
};
const u32 tdx_common_status_count = ARRAY_SIZE(tdx_common_status);

const struct sept_state_info sept_state_info[SEPT_STATE_NR] = {
#define SEPT_STATE(row, name, code, bits, arch, leaf, tracked, reach, text) \
	[row] = { #name, code, arch, leaf, tracked, reach, bits, text },
#include "model/tdx/sept_states.def"
#undef SEPT_STATE
};

const struct tdx_move sept_moves[] = {
#define SEPT_MOVE(leaf, from, to, when) { leaf, SEPT_##from, SEPT_##to, MOVE_##when },
#include "model/tdx/sept_moves.def"
#undef SEPT_MOVE
};
const u32 sept_move_count = ARRAY_SIZE(sept_moves);

const struct pamt_type_info pamt_type_info[PT_NR] = {
#define PAMT_TYPE(value, name, owned, text) [value] = { #name, owned, text },
#include "model/tdx/pamt_types.def"
#undef PAMT_TYPE
};

const struct tdx_move pamt_moves[] = {
#define PAMT_MOVE(leaf, from, to) { leaf, from, to, MOVE_ALWAYS },
#include "model/tdx/pamt_moves.def"
#undef PAMT_MOVE
};
const u32 pamt_move_count = ARRAY_SIZE(pamt_moves);

const struct td_state_info td_lifecycle_info[TD_LIFECYCLE_NR] = {
#define LIFECYCLE(value, name, text) [value] = { #name, false, text },
#include "model/tdx/td_states.def"
};

const struct td_state_info td_op_state_info[TD_OP_STATE_NR] = {
#define OP_STATE(value, name, live, text) [value] = { #name, live, text },
#include "model/tdx/td_states.def"
};

const struct td_state_info hkid_state_info[HKID_STATE_NR] = {
#define HKID_STATE(value, name, text) [value] = { #name, false, text },
#include "model/tdx/td_states.def"
};

const struct td_state_info vcpu_state_info[VCPU_STATE_NR] = {
#define VCPU_STATE(value, name, text) [value] = { #name, false, text },
#include "model/tdx/td_states.def"
};

/* Op states have a prefix of their own, the other machines' names are unique. */
enum td_move_state {
#define LIFECYCLE(value, name, text) LIFECYCLE_##name = (value),
#include "model/tdx/td_states.def"
#define OP_STATE(value, name, live, text) OP_STATE_##name = (value),
#include "model/tdx/td_states.def"
#define HKID_STATE(value, name, text) HKID_STATE_##name = (value),
#include "model/tdx/td_states.def"
#define VCPU_STATE(value, name, text) VCPU_STATE_##name = (value),
#include "model/tdx/td_states.def"
	MACHINE_LIFECYCLE = TD_LIFECYCLE,
	MACHINE_OP_STATE = TD_OP_STATE,
	MACHINE_HKID_STATE = TD_HKID_STATE,
	MACHINE_VCPU_STATE = TD_VCPU_STATE,
};

const struct td_move td_moves[] = {
#define TD_MOVE(machine, leaf, from, to) \
	{ MACHINE_##machine, leaf, machine##_##from, machine##_##to },
#include "model/tdx/td_states.def"
};
const u32 td_move_count = ARRAY_SIZE(td_moves);

const struct tdx_status_info *tdx_status_find(u64 status)
{
	for (u32 i = 0; i < tdx_status_count; i++)
		if (tdx_status_info[i].value == TDX_STATUS(status))
			return &tdx_status_info[i];
	return NULL;
}

/* Names are compared without their TDX_, TDH_ or TDG_, '.' is '_', case is nothing. */
static const char *without_prefix(const char *name)
{
	static const char *const prefix[] = { "TDX_", "TDH_", "TDG_", "TDH.", "TDG." };

	for (u32 i = 0; i < ARRAY_SIZE(prefix); i++)
		if (!strncasecmp(name, prefix[i], 4))
			return name + 4;
	return name;
}

static bool same_name(const char *a, const char *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int ca = a[i] == '.' ? '_' : toupper((unsigned char)a[i]);
		int cb = b[i] == '.' ? '_' : toupper((unsigned char)b[i]);

		if (ca != cb || !ca)
			return false;
	}
	return !b[len];
}

static const struct tdx_status_info *status_named(const char *name, size_t len)
{
	const char *bare = without_prefix(name);

	len -= bare - name;
	for (u32 i = 0; i < tdx_status_count; i++)
		if (same_name(bare, without_prefix(tdx_status_info[i].name), len))
			return &tdx_status_info[i];
	return NULL;
}

const struct tdx_status_info *tdx_status_by_name(const char *name)
{
	return status_named(name, strlen(name));
}

const struct tdx_operand_info *tdx_operand_find(u32 value)
{
	for (u32 i = 0; i < tdx_operand_count; i++)
		if (tdx_operand_info[i].value == value)
			return &tdx_operand_info[i];
	return NULL;
}

/* What bits 31:0 mean; statuses not listed carry an operand id or nothing. */
enum details_kind { DETAILS_ANY, DETAILS_OPERAND, DETAILS_EXIT, DETAILS_LEVEL, DETAILS_VM, DETAILS_MSR };

static const struct {
	u64 status;
	u8 kind;		/* enum details_kind */
} details_of[] = {
	{ TDX_OPERAND_INVALID, DETAILS_OPERAND },
	{ TDX_OPERAND_ADDR_RANGE_ERROR, DETAILS_OPERAND },
	{ TDX_OPERAND_BUSY, DETAILS_OPERAND },
	{ TDX_SUCCESS, DETAILS_EXIT },
	{ TDX_NON_RECOVERABLE_VCPU, DETAILS_EXIT },
	{ TDX_NON_RECOVERABLE_TD, DETAILS_EXIT },
	{ TDX_NON_RECOVERABLE_TD_NON_ACCESSIBLE, DETAILS_EXIT },
	{ TDX_NON_RECOVERABLE_TD_WRONG_APIC_MODE, DETAILS_EXIT },
	{ TDX_HOST_PRIORITY_BUSY_TIMEOUT, DETAILS_EXIT },
	{ TDX_PAGE_ALREADY_ACCEPTED, DETAILS_LEVEL },
	{ TDX_PAGE_SIZE_MISMATCH, DETAILS_LEVEL },
	{ TDX_L2_SEPT_WALK_FAILED, DETAILS_VM },
	{ TDX_L2_SEPT_ENTRY_NOT_FREE, DETAILS_VM },
	{ TDX_INCONSISTENT_MSR, DETAILS_MSR },
	{ TDX_INCORRECT_MSR_VALUE, DETAILS_MSR },
};

static u8 details_kind(u64 status)
{
	for (u32 i = 0; i < ARRAY_SIZE(details_of); i++)
		if (details_of[i].status == TDX_STATUS(status))
			return details_of[i].kind;
	return DETAILS_ANY;
}

static int print_details(u64 status, char *text, size_t size)
{
	u32 details = TDX_DETAILS(status);
	const struct tdx_operand_info *operand;

	switch (details_kind(status)) {
	case DETAILS_EXIT:
		return details ? snprintf(text, size, "|exit %u", details) : 0;
	case DETAILS_LEVEL:
		return snprintf(text, size, "|level %u", details);
	case DETAILS_VM:
		return snprintf(text, size, "|VM %u level %u", details >> 16, details & 0xffff);
	case DETAILS_MSR:
		return snprintf(text, size, "|MSR 0x%x", details);
	case DETAILS_ANY:
		if (!details)
			return 0;
		break;
	}
	operand = tdx_operand_find(details);
	return operand ? snprintf(text, size, "|%s", operand->name) :
			 snprintf(text, size, "|0x%x", details);
}

int tdx_status_print(u64 status, char *text, size_t size)
{
	const struct tdx_status_info *info = tdx_status_find(status);
	int len;

	if (!info)
		return snprintf(text, size, "0x%016llx", (unsigned long long)status);
	len = snprintf(text, size, "%s", info->name);
	if ((size_t)len >= size)
		return len + print_details(status, NULL, 0);
	return len + print_details(status, text + len, size - len);
}

static int parse_details(const char *text, u32 *details)
{
	static const char *const word[] = { "level ", "exit ", "MSR " };
	unsigned long long value;
	unsigned int vm, level;
	char *end;

	for (u32 i = 0; i < tdx_operand_count; i++)
		if (!strcasecmp(text, tdx_operand_info[i].name)) {
			*details = tdx_operand_info[i].value;
			return 0;
		}
	if (sscanf(text, "VM %u level %u", &vm, &level) == 2 && vm <= 0xffff && level <= 0xffff) {
		*details = vm << 16 | level;
		return 0;
	}
	for (u32 i = 0; i < ARRAY_SIZE(word); i++)
		if (!strncasecmp(text, word[i], strlen(word[i])))
			text += strlen(word[i]);
	if (!isdigit((unsigned char)*text))
		return -1;
	value = strtoull(text, &end, 0);
	if (*end || value > 0xffffffff)
		return -1;
	*details = value;
	return 0;
}

int tdx_status_parse(const char *text, u64 *status)
{
	const char *bar = strchr(text, '|');
	const struct tdx_status_info *info;
	u32 details = 0;
	char *end;

	if (isdigit((unsigned char)*text)) {
		*status = strtoull(text, &end, 0);
		return *end ? -1 : 0;
	}
	info = status_named(text, bar ? (size_t)(bar - text) : strlen(text));
	if (!info || (bar && parse_details(bar + 1, &details)))
		return -1;
	*status = info->value + details;
	return 0;
}

static const struct tdx_leaf_info *leaf_named(const struct tdx_leaf_info *table, const char *name)
{
	const char *bare = without_prefix(name);
	char *end;

	if (isdigit((unsigned char)*name)) {
		unsigned long number = strtoul(name, &end, 0);

		if (*end || number >= TDX_LEAF_MAX || !table[number].name)
			return NULL;
		return &table[number];
	}
	for (u32 i = 0; i < TDX_LEAF_MAX; i++)
		if (table[i].name && same_name(bare, without_prefix(table[i].name), strlen(bare)))
			return &table[i];
	return NULL;
}

const struct tdx_leaf_info *tdx_leaf_by_name(const char *name)
{
	return leaf_named(tdx_leaf_info, name);
}

const struct tdx_leaf_info *tdx_tdcall_by_name(const char *name)
{
	return leaf_named(tdx_tdcall_info, name);
}

int tdx_leaf_locks_print(u32 locks, char *text, size_t size)
{
	static const char *const name[] = {
		"SYS", "TDMR", "TDVPR sh", "TDVPR ex", "TDR sh", "TDR ex", "OP_STATE sh",
		"SEPT_TREE sh", "SEPT_TREE ex", "SEPT entry", "page PAMT", "TD_EPOCH sh",
		"TD_EPOCH ex", "KOT sh", "KOT ex", "WBCACHE",
	};
	size_t len = 0;

	if (size)
		*text = 0;
	for (u32 i = 0; i < ARRAY_SIZE(name) && len < size; i++)
		if (locks & (1u << i))
			len += snprintf(text + len, size - len, "%s%s", len ? ", " : "", name[i]);
	return len;
}

bool tdx_leaf_may_return(const struct tdx_leaf_info *info, u64 status)
{
	for (u32 i = 0; i < info->status_count; i++)
		if (info->status[i] == status)
			return true;
	for (u32 i = 0; i < tdx_common_status_count; i++)
		if (tdx_common_status[i] == status)
			return true;
	return status == TDX_SUCCESS;
}

int sept_state_by_name(const char *name)
{
	for (int i = 0; i < SEPT_STATE_NR; i++)
		if (same_name(name, sept_state_info[i].name, strlen(name)))
			return i;
	return -1;
}
