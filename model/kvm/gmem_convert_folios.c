// SPDX-License-Identifier: GPL-2.0-only
/*
 * Steps of a conversion that restructure folios, so that private and shared
 * indices never share one. Folios are order 0: there is nothing to split or
 * merge.
 */
#include "model/kvm/gmem_convert.h"

int gmem_step_split_folios(struct gmem_conversion *cnv)
{
	return 0;
}

int gmem_step_freeze_split(struct gmem_conversion *cnv)
{
	return 0;
}

int gmem_step_merge_folios(struct gmem_conversion *cnv)
{
	return 0;
}

int gmem_step_freeze_merge(struct gmem_conversion *cnv)
{
	return 0;
}
