/* SPDX-License-Identifier: GPL-2.0-only */
/* Poisoned memory as a hold policy's mark, for those that end in it: hold_poison.c. */
#ifndef SEPTUM_KVM_HOLD_POISON_H
#define SEPTUM_KVM_HOLD_POISON_H

#include "model/kvm/hold_internal.h"

/* All of it; no lock but the caller's, no sleep, cannot fail. */
void hold_poison_folio(struct folio *folio);

/* Hooks. */
int hold_poison_convert(struct folio *folio, const struct hold_zap *zap);
void hold_poison_truncate(struct folio *folio);
int hold_poison_refuse(struct folio *folio, pgoff_t index);

#endif /* SEPTUM_KVM_HOLD_POISON_H */
