// SPDX-License-Identifier: GPL-2.0-only
/* Read-only views for tests, invariants and reports. No locks, no choices. */
#include "model/tdx/leaf.h"

struct td *td_find(struct tdx_module *m, hpa_t tdr)
{
	struct pamt_block block;

	if (!pamt_block(m, tdr, &block) || block.level[0]->type != PT_TDR)
		return NULL;
	return block.level[0]->td;
}

int tdx_probe_sept(struct tdx_module *module, hpa_t tdr, gpa_t gpa, u8 level,
		   struct tdx_sept_view *view)
{
	struct td *td = td_find(module, tdr);
	struct sept_pos at;

	if (!td || !td->root || td->op_state == OP_UNINITIALIZED || level > td->root_level)
		return -ENOENT;
	sept_walk(module, td, gpa & ~td_shared_bit(td), level, &at);
	*view = (struct tdx_sept_view){ .state = at.state, .level = at.level, .raw = *at.entry };
	if (sept_is_leaf(at.value))
		view->hpa = sept_page(at.value, at.level);
	else if (at.state == SEPT_NL_MAPPED || at.state == SEPT_NL_BLOCKED)
		view->hpa = sept_hpa(at.value);
	return 0;
}

int tdx_probe_pamt(struct tdx_module *module, hpa_t hpa, struct tdx_pamt_view *view)
{
	struct pamt_block block;
	const struct pamt_entry *entry;

	if (!pamt_block(module, hpa, &block))
		return -ENOENT;
	entry = pamt_leaf(module, &block, &view->level);
	view->type = entry->type;
	if (block.level[0]->flags & PAMT_IS_PAMT_PAGE)
		view->type = PT_PAMT;
	view->owner = entry->owner;
	view->bepoch = entry->bepoch;
	return 0;
}

bool tdx_probe_pamt_pair(struct tdx_module *module, hpa_t hpa, hpa_t pair[2])
{
	struct pamt_block block;

	if (!pamt_block(module, hpa, &block) || block.level[1]->type != PT_PAMT)
		return false;
	pair[0] = block.level[1]->pair[0];
	pair[1] = block.level[1]->pair[1];
	return true;
}

void tdx_for_each_pamt_pair(struct tdx_module *module, tdx_pamt_pair_fn *fn, void *ctx)
{
	u64 first;

	for (first = sparse_next(&module->pamt_2m, 0); first != ~0ULL;
	     first = sparse_next(&module->pamt_2m, first + SPARSE_LEAF_SIZE)) {
		const struct pamt_entry *entry = sparse_find(&module->pamt_2m, first);

		for (u32 i = 0; i < SPARSE_LEAF_SIZE; i++)
			if (entry[i].type == PT_PAMT)
				fn(ctx, (first + i) * SZ_2M, entry[i].children);
	}
}

int tdx_probe_td(struct tdx_module *module, hpa_t tdr, struct tdx_td_view *view)
{
	const struct td *td = td_find(module, tdr);

	if (!td)
		return -ENOENT;
	*view = (struct tdx_td_view){
		.lifecycle = td->lifecycle,
		.op_state = td->op_state,
		.fatal = td->fatal,
		.hkid = td->hkid,
		.epoch = td->epoch,
		.child_count = td->child_count,
		.refcount = { td->refcount[0], td->refcount[1] },
		.vcpu_count = td->vcpu_count,
		.assoc_vcpu_count = td->assoc_count,
	};
	return 0;
}

static int each_leaf(struct tdx_module *m, struct sept_table *table, tdx_leaf_fn *fn, void *ctx)
{
	u32 left = table->used;

	for (u32 i = 0; left && i < SEPT_ENTRIES; i++) {
		u64 entry = table->entry[i];
		u8 state = sept_state(entry);
		int stop = 0;

		if (state == SEPT_FREE)
			continue;
		left--;
		if (sept_is_leaf(entry))
			stop = fn(ctx, table->td->tdr, table->gpa + i * sept_level_size(table->level),
				  sept_page(entry, table->level), table->level, state);
		else if (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED)
			stop = each_leaf(m, sept_child(m, entry), fn, ctx);
		if (stop)
			return stop;
	}
	return 0;
}

int tdx_for_each_leaf(struct tdx_module *module, tdx_leaf_fn *fn, void *ctx)
{
	for (struct td *td = module->tds; td; td = td->next) {
		int stop = td->root ? each_leaf(module, td->root, fn, ctx) : 0;

		if (stop)
			return stop;
	}
	return 0;
}

bool tdx_frame_in_sept(struct tdx_module *module, hpa_t hpa)
{
	struct pamt_block block;

	return pamt_block(module, hpa & PAGE_MASK, &block) &&
	       (block.level[0]->sept_leaves || block.level[1]->sept_leaves ||
		block.level[2]->sept_leaves);
}

bool tdx_frame_idle(struct tdx_module *module, hpa_t hpa)
{
	const struct pamt_entry *entry;
	struct pamt_block block;
	u8 level;

	if (!pamt_block(module, hpa, &block))
		return true;
	if (block.level[0]->sept_leaves || block.level[1]->sept_leaves ||
	    block.level[2]->sept_leaves || block.level[0]->flags & PAMT_IS_PAMT_PAGE)
		return false;
	entry = pamt_leaf(module, &block, &level);
	return entry->type == PT_NDA || entry->type == PT_RSVD;
}

/* Frames whose 4K entries nobody ever looked at, and nothing larger is about them. */
static bool group_untouched(struct tdx_module *m, hpa_t hpa)
{
	const struct pamt_entry *one_g, *two_m;

	if (hpa_to_pfn(hpa) >= m->hw->frame_count)
		return true;
	one_g = sparse_find(&m->pamt_1g, hpa / SZ_1G);
	if (!one_g || !(one_g->flags & PAMT_INITIALIZED))
		return true;
	two_m = sparse_find(&m->pamt_2m, hpa / SZ_2M);
	return one_g->type != PT_REG && !one_g->sept_leaves &&
	       (!two_m || (two_m->type == PT_NDA && !two_m->sept_leaves)) &&
	       !sparse_find(&m->pamt_4k, hpa_to_pfn(hpa));
}

hpa_t tdx_next_busy_frame(struct tdx_module *module, hpa_t hpa, hpa_t end)
{
	const u64 group = SPARSE_LEAF_SIZE * PAGE_SIZE;
	hpa_t next;

	for (; hpa < end; hpa = next) {
		next = ALIGN_DOWN(hpa, group) + group;
		if (group_untouched(module, hpa))
			continue;
		for (; hpa < next && hpa < end; hpa += PAGE_SIZE)
			if (!tdx_frame_idle(module, hpa))
				return hpa;
	}
	return end;
}
