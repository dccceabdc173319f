// SPDX-License-Identifier: GPL-2.0-only
#include "model/mm/internal.h"

void memory_failure_init(struct mm *mm)
{
	lock_init(&mm->mf.mf_mutex, LOCK_MF_MUTEX, 0);
}
