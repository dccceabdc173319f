/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which mistake of a posted series this kernel still has (series_bugs.def). A
 * mistake is one row and one test at the place where the series made it.
 */
#ifndef SEPTUM_KVM_SERIES_BUGS_H
#define SEPTUM_KVM_SERIES_BUGS_H

#include "model/kvm/kvm_host.h"

enum series_bug {
#define SERIES_BUG(id, name, entry, breaks, source) SERIES_BUG_##id,
#include "model/kvm/series_bugs.def"
#undef SERIES_BUG
	SERIES_BUG_NR
};

/* @object: anything in the simulation. */
static inline bool series_bug(const void *object, enum series_bug bug)
{
	return unlikely(kvm_globals_of(object)->config.series_bug == bug);
}

#endif /* SEPTUM_KVM_SERIES_BUGS_H */
