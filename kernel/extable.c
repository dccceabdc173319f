// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for lib/extable.c and arch/x86/mm/extable.c: where the kernel goes on
 * when an access to user memory faults. The table is in the order of the link, so
 * it is searched from end to end; only entries of user accesses are known.
 */
#include <linux/bitfield.h>
#include <linux/extable.h>
#include <asm/extable.h>
#include <asm/extable_fixup_types.h>

#include "standin.h"

extern const struct exception_table_entry __start___ex_table[], __stop___ex_table[];

unsigned long kern_fixup(unsigned long ip, int *reg, long *value)
{
	const struct exception_table_entry *entry;

	*reg = -1;
	for (entry = __start___ex_table; entry < __stop___ex_table; entry++) {
		if ((unsigned long)&entry->insn + entry->insn != ip)
			continue;
		switch (FIELD_GET(EX_DATA_TYPE_MASK, entry->data)) {
		case EX_TYPE_IMM_REG:
			*reg = FIELD_GET(EX_DATA_REG_MASK, entry->data);
			*value = (short)FIELD_GET(EX_DATA_IMM_MASK, entry->data);
			break;
		case EX_TYPE_DEFAULT:
		case EX_TYPE_UACCESS:
			break;
		default:
			return 0;
		}
		return (unsigned long)&entry->fixup + entry->fixup;
	}
	return 0;
}
