// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a conversion that change S-EPT mappings without removing them: the
 * split of what crosses the range's borders, and blocking. Mappings are 4K, so
 * none crosses a border of base pages and there is nothing to split.
 */
#include "model/kvm/gmem_convert.h"

int gmem_step_split_sept(struct gmem_conversion *cnv)
{
	return 0;
}

int gmem_step_block(struct gmem_conversion *cnv)
{
	return 0;
}

void gmem_undo_block(struct gmem_conversion *cnv)
{
}
