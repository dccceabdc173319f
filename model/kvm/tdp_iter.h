/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pre-order walk over the page tables below a root (Linux 7.3.4:
 * arch/x86/kvm/mmu/tdp_iter.[ch]). The walk may give mmu_lock away; it then
 * goes on from the root at the first gfn not yet visited.
 */
#ifndef SEPTUM_KVM_TDP_ITER_H
#define SEPTUM_KVM_TDP_ITER_H

#include "model/kvm/kvm_host.h"
#include "model/kvm/spte.h"

struct tdp_iter {
	gfn_t next_last_level_gfn;	/* where a restart has to get to */
	gfn_t yielded_gfn;		/* next_last_level_gfn when last yielded */
	struct kvm_mmu_page *pt_path[PT64_ROOT_MAX_LEVEL];	/* [level - 1] */
	u64 *sptep;
	gfn_t gfn;			/* stripped of the shared bit */
	gfn_t gfn_bits;			/* what the tables' index has besides */
	int root_level, min_level, level;
	int as_id;
	u64 old_spte;
	bool valid;
	bool yielded;
	struct mmu_host *host;
};

void tdp_iter_start(struct tdp_iter *it, struct kvm_mmu_page *root,
		    int min_level, gfn_t start_gfn, gfn_t gfn_bits);
/* On the entry of @gfn in 4K @table, which is known to be reachable; no further walk. */
void tdp_iter_start_at(struct tdp_iter *it, struct kvm_mmu_page *table, gfn_t gfn);
void tdp_iter_next(struct tdp_iter *it);
void tdp_iter_restart(struct tdp_iter *it);
/* From an absent entry to the last of those absent ones that follow in its table. */
void tdp_iter_skip_absent(struct tdp_iter *it);
/* The table that holds the entry the walk stands on. */
static inline struct kvm_mmu_page *tdp_iter_sp(const struct tdp_iter *iter)
{
	return iter->pt_path[iter->level - 1];
}

static inline u64 tdp_iter_read(const u64 *sptep)
{
	return *(const volatile u64 *)sptep;
}

#define for_each_tdp_pte_min_level(iter, kvm, root, min_level, start, end)	\
	for (tdp_iter_start(&(iter), root, min_level, start,			\
			    kvm_gfn_root_bits(kvm, root));			\
	     (iter).valid && (iter).gfn < (end); tdp_iter_next(&(iter)))

#define for_each_tdp_pte_min_level_all(iter, root, min_level)			\
	for (tdp_iter_start(&(iter), root, min_level, 0, 0);			\
	     (iter).valid && (iter).gfn < tdp_mmu_max_gfn_exclusive();		\
	     tdp_iter_next(&(iter)))

#define for_each_tdp_pte(it, kvm, root, start, end)				\
	for_each_tdp_pte_min_level(it, kvm, root, PG_LEVEL_4K, start, end)

#endif /* SEPTUM_KVM_TDP_ITER_H */
