// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a conversion that restructure folios, so that private and shared
 * indices never share one: the RFC of May 2025 (51 patches), which waits for
 * references and takes back what it did, and the plan of January 2026, which gives
 * up, leaves split what was split and merges where nothing can fail any more.
 */
#include "model/kvm/gmem_convert.h"
#include "model/kvm/series_bugs.h"

static bool private_now(struct inode *inode, pgoff_t first, pgoff_t end, void *arg)
{
	return first >= end || gmem_attributes_range_has(&GMEM_I(inode)->attributes, first, end,
							 KVM_MEMORY_ATTRIBUTE_PRIVATE);
}

/* As private_now() would have said before this conversion stored its attributes. */
static bool private_before(struct inode *inode, pgoff_t first, pgoff_t end, void *arg)
{
	struct gmem_conversion *cnv = arg;
	pgoff_t from = first > cnv->start ? first : cnv->start;
	pgoff_t to = end < cnv->end ? end : cnv->end;

	return private_now(inode, first, from, NULL) && private_now(inode, to, end, NULL) &&
	       gmem_attributes_range_has(&cnv->before, from, to, KVM_MEMORY_ATTRIBUTE_PRIVATE);
}

/* Plan of 2026: before the point of no return; what is split stays so. */
int gmem_step_split_folios(struct gmem_conversion *cnv)
{
	return kvm_gmem_split_range(cnv->inode, cnv->start, cnv->end, GMEM_FREEZE_TRY,
				    &cnv->error_index);
}

/* RFC: after the store. Of a range that failed half-way the first half is merged again. */
int gmem_step_freeze_split(struct gmem_conversion *cnv)
{
	int err = kvm_gmem_split_range(cnv->inode, cnv->start, cnv->end, GMEM_FREEZE_SPIN,
				       &cnv->error_index);

	if (err && !gmem_conversion_hangs(cnv))
		WARN_ON_ONCE(env_of(cnv->inode),
			     kvm_gmem_merge_range(cnv->inode, cnv->start, cnv->end, private_before,
						  cnv, GMEM_FREEZE_SPIN));
	return err;
}

/* Plan of 2026: nobody is told when somebody's reference keeps it in pieces. */
int gmem_step_merge_folios(struct gmem_conversion *cnv)
{
	if (!series_bug(cnv->inode, SERIES_BUG_MERGE_BEFORE_STORE))
		kvm_gmem_merge_range(cnv->inode, cnv->start, cnv->end, private_now, NULL,
				     GMEM_FREEZE_TRY);
	return 0;
}

/* RFC: the reverse of a merge that failed is a split of the range. */
int gmem_step_freeze_merge(struct gmem_conversion *cnv)
{
	int err = kvm_gmem_merge_range(cnv->inode, cnv->start, cnv->end, private_now, NULL,
				       GMEM_FREEZE_SPIN);

	if (err && !gmem_conversion_hangs(cnv))
		WARN_ON_ONCE(env_of(cnv->inode),
			     kvm_gmem_split_range(cnv->inode, cnv->start, cnv->end,
						  GMEM_FREEZE_SPIN, &cnv->error_index));
	return err;
}
