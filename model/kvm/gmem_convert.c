// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversion in place, the frame: KVM_SET_MEMORY_ATTRIBUTES2 of a guest_memfd
 * descriptor and the walk over an order's steps. Follows in-place conversion v8
 * (A. Tng, S. Christopherson, M. Roth, 18 June 2026) in its checks, its locks and
 * its errors; the other orders are hung into the same frame, so that what differs
 * is their steps alone. The RFC of May 2025 had ioctls of its own, a direction
 * each, which are left out.
 *
 * The steps are in gmem_convert_steps.c (attributes, references, invalidation),
 * gmem_convert_folios.c (splitting and merging) and gmem_convert_sept.c.
 */
#include <string.h>

#include "model/kvm/gmem_convert.h"

/* -- the tables ------------------------------------------------------------- */

#define STEPS(...) { __VA_ARGS__ }
#define ORDER(id, name, summary, to_shared, to_private) { name, summary, { to_shared, to_private } },
static const struct conversion_order conversion_orders[] = {
#include "model/kvm/conversion_orders.def"
};
#undef ORDER
#undef STEPS

static const struct {
	int (*step)(struct gmem_conversion *conversion);
	void (*undo)(struct gmem_conversion *conversion);
} gmem_steps[STEP_NR] = {
#define STEP(id, word, step, undo) [STEP_##id] = { step, undo },
#include "model/kvm/conversion_steps.def"
#undef STEP
};

const char *const gmem_step_word[STEP_NR] = {
	[STEP_NONE] = "none",
#define STEP(id, word, step, undo) [STEP_##id] = word,
#include "model/kvm/conversion_steps.def"
#undef STEP
};

const struct conversion_order *conversion_order_find(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(conversion_orders); i++)
		if (!strcmp(conversion_orders[i].name, name))
			return &conversion_orders[i];
	return NULL;
}

bool conversion_order_has(const struct conversion_order *order, enum gmem_step step)
{
	for (u32 i = 0; order->step[0][i] != STEP_NONE; i++)
		if (order->step[0][i] == step)
			return true;
	return false;
}

/* -- the walk --------------------------------------------------------------- */

static void undo_steps(struct gmem_conversion *cnv, const u8 *step, u32 done)
{
	while (done--)
		if (gmem_steps[step[done]].undo)
			gmem_steps[step[done]].undo(cnv);
}

static int run_steps(struct gmem_conversion *cnv)
{
	const u8 *step = kvm_globals_of(cnv->inode)->order->step[cnv->to_private];
	u32 done;
	int err;

	for (done = 0; step[done] != STEP_NONE; done++) {
		err = gmem_steps[step[done]].step(cnv);
		if (!err)
			continue;
		if (!gmem_conversion_hangs(cnv))
			undo_steps(cnv, step, done);
		return err;
	}
	return 0;
}

int kvm_gmem_convert(struct gmem_conversion *cnv)
{
	struct gmem_attributes *attributes = &GMEM_I(cnv->inode)->attributes;
	struct address_space *mapping = cnv->inode->i_mapping;
	int err = 0;

	cnv->attrs = cnv->to_private ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;
	cnv->error_index = cnv->start;

	filemap_invalidate_lock(mapping);
	/* Nothing to do must not cost anybody a mapping, or every CPU a drain. */
	if (!gmem_attributes_range_has(attributes, cnv->start, cnv->end, cnv->attrs))
		err = run_steps(cnv);
	filemap_invalidate_unlock(mapping);
	if (cnv->before.pool)
		gmem_attributes_destroy(&cnv->before);
	return err;
}

/* -- the ioctl -------------------------------------------------------------- */

static bool all_zero(const u64 *reserved, u32 count)
{
	while (count--)
		if (reserved[count])
			return false;
	return true;
}

static int kvm_gmem_check_attributes(struct file *file,
				     const struct kvm_memory_attributes2 *attrs)
{
	struct gmem_file *gf = file->private_data;
	u64 size = file_inode(file)->i_size;

	if (attrs->flags || !all_zero(attrs->reserved, ARRAY_SIZE(attrs->reserved)))
		return -EINVAL;
	if (!gf->kvm->arch.has_private_mem)
		return -EINVAL;
	if (attrs->attributes & ~KVM_MEMORY_ATTRIBUTE_PRIVATE)
		return -EINVAL;
	if (!attrs->size || attrs->offset + attrs->size < attrs->offset)
		return -EINVAL;
	if (!IS_ALIGNED(attrs->offset | attrs->size, PAGE_SIZE))
		return -EINVAL;
	if (attrs->offset >= size || attrs->offset + attrs->size > size)
		return -EINVAL;
	return 0;
}

/* Whether the VM is dead is not asked: the memory is the inode's. */
static int kvm_gmem_set_attributes(struct file *file, struct kvm_memory_attributes2 *attrs)
{
	struct gmem_conversion cnv = { .inode = file_inode(file) };
	int err;

	if (!attrs)
		return -EFAULT;
	err = kvm_gmem_check_attributes(file, attrs);
	if (err)
		return err;

	cnv.start = attrs->offset >> PAGE_SHIFT;
	cnv.end = cnv.start + (attrs->size >> PAGE_SHIFT);
	cnv.to_private = attrs->attributes & KVM_MEMORY_ATTRIBUTE_PRIVATE;
	err = kvm_gmem_convert(&cnv);
	if (err)
		attrs->error_offset = cnv.error_index << PAGE_SHIFT;
	return err;
}

long kvm_gmem_ioctl(struct file *file, u32 ioctl, void *arg)
{
	if (ioctl != KVM_SET_MEMORY_ATTRIBUTES2 || !gmem_in_place_conversion(file))
		return -ENOTTY;
	return kvm_gmem_set_attributes(file, arg);
}
