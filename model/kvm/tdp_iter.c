// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page-table walk (arch/x86/kvm/mmu/tdp_iter.c, Linux 7.3.4). Nothing is
 * left out; a table is reached through struct kvm_mmu_page because its entries
 * lie beside the frame and not in it.
 */
#include "model/kvm/tdp_mmu.h"

static u32 spte_index(gfn_t gfn, int level)
{
	return (gfn >> KVM_HPAGE_GFN_SHIFT(level)) & (SPTE_ENT_PER_PAGE - 1);
}

static gfn_t gfn_round_for_level(gfn_t gfn, int level)
{
	return gfn & ~(KVM_PAGES_PER_HPAGE(level) - 1);
}

/* Stand on the entry of ->gfn at ->level and read it. */
static void tdp_iter_refresh_sptep(struct tdp_iter *iter)
{
	struct kvm_mmu_page *table = iter->pt_path[iter->level - 1];

	iter->sptep = &table->spt[spte_index(iter->gfn | iter->gfn_bits, iter->level)];
	iter->old_spte = tdp_iter_read(iter->sptep);
}

void tdp_iter_restart(struct tdp_iter *iter)
{
	iter->yielded = false;
	iter->yielded_gfn = iter->next_last_level_gfn;
	iter->level = iter->root_level;
	iter->gfn = gfn_round_for_level(iter->next_last_level_gfn, iter->level);
	tdp_iter_refresh_sptep(iter);
	iter->valid = true;
}

void tdp_iter_start(struct tdp_iter *iter, struct kvm_mmu_page *root,
		    int min_level, gfn_t next_last_level_gfn, gfn_t gfn_bits)
{
	bool out_of_range = gfn_bits && next_last_level_gfn >= gfn_bits;

	if (WARN_ON_ONCE(env_of(root), out_of_range) ||
	    WARN_ON_ONCE(env_of(root), !root || !root->role.level ||
			 root->role.level > PT64_ROOT_MAX_LEVEL)) {
		iter->valid = false;
		return;
	}
	iter->next_last_level_gfn = next_last_level_gfn;
	iter->gfn_bits = gfn_bits;
	iter->root_level = root->role.level;
	iter->min_level = min_level;
	iter->pt_path[iter->root_level - 1] = root;
	iter->as_id = root->role.smm;
	iter->host = root->kvm->arch.mmu.host;
	tdp_iter_restart(iter);
}

/* Never through FROZEN_SPTE: its child is not there yet, or not any more. */
static bool try_step_down(struct tdp_iter *iter)
{
	struct kvm_mmu_page *child;

	if (iter->level == iter->min_level)
		return false;
	/* Somebody may have filled or emptied it since. */
	iter->old_spte = tdp_iter_read(iter->sptep);
	if (!is_shadow_present_pte(iter->old_spte) ||
	    is_last_spte(iter->old_spte, iter->level))
		return false;

	child = spte_to_child_sp(iter->host, iter->old_spte);
	iter->level--;
	iter->pt_path[iter->level - 1] = child;
	iter->gfn = gfn_round_for_level(iter->next_last_level_gfn, iter->level);
	tdp_iter_refresh_sptep(iter);
	return true;
}

static bool try_step_side(struct tdp_iter *iter)
{
	u32 index = spte_index(iter->gfn | iter->gfn_bits, iter->level);

	if (index == SPTE_ENT_PER_PAGE - 1)
		return false;
	iter->gfn += KVM_PAGES_PER_HPAGE(iter->level);
	iter->next_last_level_gfn = iter->gfn;
	iter->old_spte = tdp_iter_read(++iter->sptep);
	return true;
}

static bool try_step_up(struct tdp_iter *iter)
{
	if (iter->level == iter->root_level)
		return false;
	iter->level++;
	iter->gfn = gfn_round_for_level(iter->gfn, iter->level);
	tdp_iter_refresh_sptep(iter);
	return true;
}

void tdp_iter_next(struct tdp_iter *iter)
{
	if (iter->yielded) {
		tdp_iter_restart(iter);
		return;
	}
	if (try_step_down(iter))
		return;
	do {
		if (try_step_side(iter))
			return;
	} while (try_step_up(iter));
	iter->valid = false;
}
