/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Completion statuses and operand ids as constants, under their specification
 * names, from status.def and operand_ids.def. A status as returned is a class
 * (bits 63:32, compare with TDX_STATUS_MASK) plus details (bits 31:0).
 */
#ifndef SEPTUM_TDX_STATUS_H
#define SEPTUM_TDX_STATUS_H

#include "sim/base/types.h"

#define TDX_STATUS_MASK		0xFFFFFFFF00000000ULL
#define TDX_STATUS_ERROR	BIT_ULL(63)

enum tdx_status {
#define STATUS(name, high, retry, kvm, text) name = (u64)(high) << 32,
#include "model/tdx/status.def"
#undef STATUS
};

enum tdx_operand_id {
#define OPERAND_ID(name, value, text) OPERAND_ID_##name = (value),
#include "model/tdx/operand_ids.def"
#undef OPERAND_ID
};

/* An error on an operand: tdx_on(TDX_OPERAND_BUSY, RCX). */
#define tdx_on(status, operand)	((u64)(status) + OPERAND_ID_##operand)

#define TDX_STATUS(status)	((u64)(status) & TDX_STATUS_MASK)
#define TDX_DETAILS(status)	((u32)(status))

/* VMX exit reasons VP.ENTER puts into bits 31:0. */
#define TDX_EXIT_INTERRUPT	1
#define TDX_EXIT_TRIPLE_FAULT	2
#define TDX_EXIT_HLT		12
#define TDX_EXIT_EPT_VIOLATION	48
#define TDX_EXIT_TDCALL		77

#endif /* SEPTUM_TDX_STATUS_H */
