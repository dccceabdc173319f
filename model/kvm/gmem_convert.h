/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Conversion of guest_memfd indices between private and shared, in place: the
 * folios stay where they are. An order (conversion_orders.def) is two lists of
 * steps (conversion_steps.def), one a direction; a new order is one row, a new
 * step is a row and a function. The common frame is that of in-place conversion
 * v8 (June 2026): the inode's invalidate_lock for write over all of it, nothing
 * done when the range has the attribute already.
 */
#ifndef SEPTUM_KVM_GMEM_CONVERT_H
#define SEPTUM_KVM_GMEM_CONVERT_H

#include "model/kvm/gmem_attributes.h"
#include "model/kvm/guest_memfd.h"

enum gmem_step {
	STEP_NONE,
#define STEP(id, word, step, undo) STEP_##id,
#include "model/kvm/conversion_steps.def"
#undef STEP
	STEP_NR
};

#define CONVERSION_STEPS_MAX	11

struct conversion_order {
	const char *name;
	const char *summary;
	/* Up to the first STEP_NONE; [0] to shared, [1] to private. */
	u8 step[2][CONVERSION_STEPS_MAX + 1];
};

/* A conversion on its way. Lives on the stack of the ioctl. */
struct gmem_conversion {
	struct inode *inode;
	pgoff_t start, end;		/* half open, in base pages */
	bool to_private;
	u64 attrs;			/* what the range shall have */
	pgoff_t error_index;		/* for -EAGAIN and -ENOMEM: where it went wrong */

	/* Between the steps. */
	bool drained;			/* LRU batches of all CPUs, once a call */
	pgoff_t inv_start, inv_end;
	struct kvm_unmapped unmapped;	/* what the zap returned, if it returns anything */
	struct gmem_attributes before;	/* STEP_WORK_ITEMS: what the range had */
};

/*
 * A step waits for what cannot come (task_spin() said so): the thread never gets
 * to its error path, so that nothing is undone and all stays as it is now. That
 * the ioctl returns and lets go of its lock is for the reports and the teardown.
 */
static inline bool gmem_conversion_hangs(const struct gmem_conversion *conversion)
{
	return env_of(conversion->inode)->sched.hang;
}

/* NULL for an unknown name. */
const struct conversion_order *conversion_order_find(const char *name);

static inline bool conversion_order_in_place(const struct conversion_order *order)
{
	return order->step[0][0] != STEP_NONE;
}

bool conversion_order_has(const struct conversion_order *order, enum gmem_step step);

extern const char *const gmem_step_word[STEP_NR];

/* 0, or the error of the step that failed, all of it undone that can be. */
int kvm_gmem_convert(struct gmem_conversion *conversion);

/*
 * The ioctls of a guest_memfd descriptor: KVM_SET_MEMORY_ATTRIBUTES2, -ENOTTY for
 * any other and when the machine's order has no conversion in place.
 */
long kvm_gmem_ioctl(struct file *file, u32 ioctl, void *arg);

/* The steps; what each does stands at its definition. */
#define STEP(id, word, step, undo) int step(struct gmem_conversion *conversion);
#include "model/kvm/conversion_steps.def"
#undef STEP
void gmem_undo_prealloc(struct gmem_conversion *conversion);
void gmem_undo_invalidate(struct gmem_conversion *conversion);
void gmem_undo_block(struct gmem_conversion *conversion);
void gmem_undo_shareability(struct gmem_conversion *conversion);

#endif /* SEPTUM_KVM_GMEM_CONVERT_H */
