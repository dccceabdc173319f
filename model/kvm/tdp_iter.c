// SPDX-License-Identifier: GPL-2.0-only
/*
 * The page-table walk (arch/x86/kvm/mmu/tdp_iter.c, Linux 7.3.4). Nothing is
 * left out; a table is reached through struct kvm_mmu_page because its entries
 * lie beside the frame and not in it. A walk that does nothing about absent entries
 * may go over many of them at once.
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
static void tdp_iter_refresh_sptep(struct tdp_iter *it)
{
	struct kvm_mmu_page *table = it->pt_path[it->level - 1];

	it->sptep = &table->spt[spte_index(it->gfn | it->gfn_bits, it->level)];
	it->old_spte = tdp_iter_read(it->sptep);
}

void tdp_iter_restart(struct tdp_iter *it)
{
	it->yielded = false;
	it->yielded_gfn = it->next_last_level_gfn;
	it->level = it->root_level;
	it->gfn = gfn_round_for_level(it->next_last_level_gfn, it->level);
	tdp_iter_refresh_sptep(it);
	it->valid = true;
}

void tdp_iter_start(struct tdp_iter *it, struct kvm_mmu_page *root,
		    int min_level, gfn_t start_gfn, gfn_t gfn_bits)
{
	bool out_of_range = gfn_bits && start_gfn >= gfn_bits;

	if (WARN_ON_ONCE(env_of(root), out_of_range) ||
	    WARN_ON_ONCE(env_of(root), !root || !root->role.level ||
			 root->role.level > PT64_ROOT_MAX_LEVEL)) {
		it->valid = false;
		return;
	}
	it->next_last_level_gfn = start_gfn;
	it->gfn_bits = gfn_bits;
	it->root_level = root->role.level;
	it->min_level = min_level;
	it->pt_path[it->root_level - 1] = root;
	it->as_id = root->role.smm;
	it->host = root->kvm->arch.mmu.host;
	tdp_iter_restart(it);
}

void tdp_iter_start_at(struct tdp_iter *it, struct kvm_mmu_page *table, gfn_t gfn)
{
	it->level = it->min_level = it->root_level = PG_LEVEL_4K;
	it->pt_path[PG_LEVEL_4K - 1] = table;
	it->gfn = it->next_last_level_gfn = gfn;
	it->gfn_bits = 0;
	it->yielded = false;
	it->valid = true;
	tdp_iter_refresh_sptep(it);
}

/* Never through FROZEN_SPTE: its child is not there yet, or not any more. */
static bool try_step_down(struct tdp_iter *it)
{
	struct kvm_mmu_page *child;

	if (it->level == it->min_level)
		return false;
	/* Somebody may have filled or emptied it since. */
	it->old_spte = tdp_iter_read(it->sptep);
	if (!is_shadow_present_pte(it->old_spte) ||
	    is_last_spte(it->old_spte, it->level))
		return false;

	child = spte_to_child_sp(it->host, it->old_spte);
	it->level--;
	it->pt_path[it->level - 1] = child;
	it->gfn = gfn_round_for_level(it->next_last_level_gfn, it->level);
	tdp_iter_refresh_sptep(it);
	return true;
}

static bool try_step_side(struct tdp_iter *it)
{
	u32 index = spte_index(it->gfn | it->gfn_bits, it->level);

	if (index == SPTE_ENT_PER_PAGE - 1)
		return false;
	it->gfn += KVM_PAGES_PER_HPAGE(it->level);
	it->next_last_level_gfn = it->gfn;
	it->old_spte = tdp_iter_read(++it->sptep);
	return true;
}

void tdp_iter_skip_absent(struct tdp_iter *it)
{
	u32 left = SPTE_ENT_PER_PAGE - 1 - spte_index(it->gfn | it->gfn_bits, it->level);
	u32 n = 0;

	while (n < left && !is_shadow_present_pte(it->sptep[n + 1]))
		n++;
	if (!n)
		return;
	it->gfn += n * KVM_PAGES_PER_HPAGE(it->level);
	it->next_last_level_gfn = it->gfn;
	it->sptep += n;
	it->old_spte = tdp_iter_read(it->sptep);
}

static bool try_step_up(struct tdp_iter *it)
{
	if (it->level == it->root_level)
		return false;
	it->level++;
	it->gfn = gfn_round_for_level(it->gfn, it->level);
	tdp_iter_refresh_sptep(it);
	return true;
}

void tdp_iter_next(struct tdp_iter *it)
{
	if (it->yielded) {
		tdp_iter_restart(it);
		return;
	}
	if (try_step_down(it))
		return;
	do {
		if (try_step_side(it))
			return;
	} while (try_step_up(it));
	it->valid = false;
}
