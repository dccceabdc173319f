// SPDX-License-Identifier: GPL-2.0-only
/*
 * What must hold between SEAMCALLs: each S-EPT leaf names a page the PAMT gives
 * to that TD at that size, counts add up, epochs and references fit, no lock
 * was forgotten, TLBs of running vCPUs hold nothing the TD lost.
 */
#include "model/tdx/leaf.h"

struct sums {
	struct tdx_module *m;
	bool quiet;		/* no vCPU inside, no other task: all locks are free */
};

#define UNMAPPED(m, cond, ...) check_that((m)->env, INV_FREE_FRAME_UNMAPPED, cond, __VA_ARGS__)
#define LL(x) ((unsigned long long)(x))

static void check_leaf(struct tdx_module *m, const struct sept_table *table, u32 i)
{
	hpa_t hpa = sept_page(table->entry[i], table->level), tdr = table->td->tdr;
	const struct pamt_entry *page = pamt_at(m, hpa, table->level);
	const char *type = page ? pamt_type_info[page->type].name : NULL;

	UNMAPPED(m, page && page->type == PT_REG && page->owner == tdr && page->sept_leaves,
		 "TD %#llx maps frame %#llx at gpa %#llx, level %u, but the PAMT says %s, owner %#llx",
		 LL(tdr), LL(hpa), LL(table->gpa + i * sept_level_size(table->level)), table->level,
		 type ? type : "nothing", LL(page ? page->owner : 0));
}

static void check_table(struct sums *sums, const struct sept_table *table)
{
	struct tdx_module *m = sums->m;
	u32 used = 0;

	for (u32 i = 0; i < SEPT_ENTRIES; i++) {
		u64 entry = table->entry[i];
		u8 state;

		if (likely(entry == SEPT_ENTRY_FREE))
			continue;
		state = sept_state(entry);
		used += state != SEPT_FREE;
		if (sums->quiet && entry & SEPT_TDEL)
			check_fail(m->env, INV_LOCK_RULES, "S-EPT entry %u of table %#llx is left locked",
				   i, LL(table->hpa));
		if (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED)
			check_table(sums, sept_child(m, entry));
		else if (sept_is_leaf(entry))
			check_leaf(m, table, i);
	}
	UNMAPPED(m, used == table->used, "table %#llx counts %u entries in use, has %u",
		 LL(table->hpa), table->used, used);
}

static void check_lock(struct sums *sums, u16 lock, const char *what, hpa_t hpa)
{
	if (sums->quiet && lock & ~TDX_LOCK_HP)
		check_fail(sums->m->env, INV_LOCK_RULES, "%s of %#llx is left locked (%#x)", what,
			   LL(hpa), lock);
}

/* Sum up what the PAMT gives to each TD, in ->child_sum. */
static void count_owned(struct sums *sums, const struct pamt_entry *entry, u8 level, hpa_t hpa)
{
	struct td *td;

	check_lock(sums, entry->lock, "PAMT entry", hpa);
	if (!pamt_type_info[entry->type].owned)
		return;
	td = td_find(sums->m, entry->owner);
	UNMAPPED(sums->m, td, "frame %#llx is %s of %#llx, which is no TDR", LL(hpa),
		 pamt_type_info[entry->type].name, LL(entry->owner));
	if (td)
		td->child_sum += sept_level_pages(level);
}

static void check_pamt_level(struct sums *sums, struct sparse *pamt, u8 level, u64 limit)
{
	for (u64 i = 0; (i = sparse_next(pamt, i)) < limit; i += SPARSE_LEAF_SIZE) {
		const struct pamt_entry *leaf;

		i = ALIGN_DOWN(i, SPARSE_LEAF_SIZE);
		leaf = sparse_get(pamt, i);
		for (u32 j = 0; j < SPARSE_LEAF_SIZE; j++)
			count_owned(sums, &leaf[j], level, (i + j) << sept_level_shift(level));
	}
}

static void check_vcpus(struct sums *sums)
{
	for (struct td *td = sums->m->tds; td; td = td->next) {
		td->assoc_sum = 0;
		td->inside_sum[0] = td->inside_sum[1] = 0;
	}
	for (struct vcpu *vcpu = sums->m->vcpus; vcpu; vcpu = vcpu->next) {
		vcpu->td->assoc_sum += vcpu->lp >= 0;
		if (vcpu->state == VCPU_ACTIVE)
			vcpu->td->inside_sum[vcpu->epoch & 1]++;
	}
}

static void check_td(struct sums *sums, struct td *td)
{
	struct tdx_module *m = sums->m;
	struct env *env = m->env;

	check_lock(sums, td->op_state_lock, "op state lock", td->tdr);
	check_lock(sums, td->tree_lock, "S-EPT tree lock", td->tdr);
	check_lock(sums, td->epoch_lock, "epoch lock", td->tdr);
	UNMAPPED(m, td->child_count == td->child_sum, "TD %#llx counts %llu pages, the PAMT %llu",
		 LL(td->tdr), LL(td->child_count), LL(td->child_sum));
	check_that(env, INV_TLB_NEVER_STALE, td->assoc_count == td->assoc_sum,
		   "TD %#llx counts %u associated vCPUs, has %u", LL(td->tdr), td->assoc_count,
		   td->assoc_sum);
	for (u32 i = 0; i < 2 && !td->fatal; i++)
		check_that(env, INV_TLB_NEVER_STALE, td->refcount[i] == td->inside_sum[i],
			   "TD %#llx counts %u vCPUs inside, has %u, in epochs of parity %u",
			   LL(td->tdr), td->refcount[i], td->inside_sum[i], i);
	if (td->root && td->op_state != OP_UNINITIALIZED)
		check_table(sums, td->root);
}

/* What a running vCPU may reach without a walk is still the TD's. */
static void check_tlbs(struct tdx_module *m)
{
	for (struct vcpu *vcpu = m->vcpus; vcpu; vcpu = vcpu->next) {
		const struct hw_tlb *tlb;

		if (vcpu->state != VCPU_ACTIVE)
			continue;
		tlb = m->hw->cpu[vcpu->lp].tlb;
		for (u32 i = 0; tlb && i < HW_TLB_ENTRIES; i++) {
			hpa_t hpa = pfn_to_hpa(tlb->entry[i].pfn);
			const struct pamt_entry *page;
			struct pamt_block block;
			u8 level;

			if (tlb->entry[i].asid != vcpu->td->tdr || !pamt_block(m, hpa, &block))
				continue;
			page = pamt_leaf(m, &block, &level);
			check_that(m->env, INV_TLB_NEVER_STALE,
				   page->type == PT_REG && page->owner == vcpu->td->tdr,
				   "a running vCPU of TD %#llx can reach frame %#llx, no longer its own",
				   LL(vcpu->td->tdr), LL(hpa));
		}
	}
}

void tdx_check(struct tdx_module *module)
{
	struct sums sums = { .m = module, .quiet = module->env->sched.live <= 1 };
	struct hw *hw = module->hw;

	for (u32 i = 0; i < hw->cpu_count; i++)
		sums.quiet &= !hw->cpu[i].in_guest;
	for (struct td *td = module->tds; td; td = td->next)
		td->child_sum = 0;
	check_pamt_level(&sums, &module->pamt_4k, 0, hw->frame_count);
	check_pamt_level(&sums, &module->pamt_2m, 1, hw->frame_count >> 9);
	check_pamt_level(&sums, &module->pamt_1g, 2, BIT_ULL(HW_PHYS_BITS) / SZ_1G);
	check_vcpus(&sums);
	for (struct td *td = module->tds; td; td = td->next)
		check_td(&sums, td);
	check_tlbs(module);
}
