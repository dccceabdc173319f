// SPDX-License-Identifier: GPL-2.0-only
/*
 * Secure EPT: images of entries, the walk, and the one writer. Layout of the
 * 64-bit entries after the TDX module 1.5.01 (HPA without KeyID) and the public
 * 2.0 tree (KeyID stored in the entry). Frames have no bytes, so the 512
 * entries of a table live in an object found through the table page's PAMT
 * entry.
 *
 * Left out: the trees of nested VMs; a TD has none (NUM_L2_VMS must be 0).
 */
#include "model/tdx/leaf.h"

/* By 7-bit state code: the row plus one, 0 for codes no state has. */
const u8 sept_row_of_code[128] = {
#define SEPT_STATE(row, name, code, ...) [code] = (row) + 1,
#include "model/tdx/sept_states.def"
#undef SEPT_STATE
};

static u64 keyid_bits(const struct td *td, const struct tdx_module *m)
{
	return m->config.version < TDX_MODULE_2_0 ? 0 : (u64)td->hkid << SEPT_KEYID_SHIFT;
}

u64 sept_leaf_entry(const struct td *td, const struct tdx_module *m, u8 state, hpa_t hpa)
{
	u64 entry = SEPT_SVE | SEPT_MT_WB | sept_state_info[state].bits | hpa | keyid_bits(td, m);

	if (sept_state_info[state].reach == REACH_FULL)
		entry |= SEPT_RWX;
	else if (sept_state_info[state].reach == REACH_READ)
		entry |= SEPT_RWX & ~2ULL;
	return entry;
}

u64 sept_table_entry(const struct td *td, const struct tdx_module *m, hpa_t hpa)
{
	return SEPT_SVE | SEPT_RWX | hpa | keyid_bits(td, m);
}

struct sept_table *sept_child(struct tdx_module *m, u64 entry)
{
	return pamt_at(m, sept_hpa(entry), 0)->table;
}

bool sept_walk_slow(struct tdx_module *m, struct td *td, gpa_t gpa, u8 level, struct sept_pos *at)
{
	struct sept_table *table = td->root;

	if (level == 1 && td->walked[1].key == gpa >> sept_level_shift(2)) {
		sept_at(at, td->walked[1].table, 1, gpa);
		return true;
	}
	for (;;) {
		sept_at(at, table, table->level, gpa);
		if (table->level == level)
			break;
		if (at->state != SEPT_NL_MAPPED)
			return false;
		table = sept_child(m, at->value);
	}
	if (level < ARRAY_SIZE(td->walked)) {
		td->walked[level].key = gpa >> sept_level_shift(level + 1);
		td->walked[level].table = table;
	}
	return true;
}

static void trace_entry(struct call *c, const struct sept_table *table, u32 index, u8 from, u8 to)
{
	struct trace_event event = {
		.kind = TRACE_SEPT,
		.sept = {
			.tdr = table->td->tdr,
			.gpa = table->gpa + index * sept_level_size(table->level),
			.level = table->level,
			.from = from,
			.to = to,
			.leaf = c->leaf,
		},
	};

	trace_emit(c->m->env, &event);
}

/* The PAMT entry of a leaf's page: most often the one the leaf is about. */
static inline struct pamt_entry *page_of(struct call *c, u64 entry, u8 level)
{
	hpa_t hpa = sept_page(entry, level);

	if (likely(c->page && c->page_hpa == hpa && c->page_level == level))
		return c->page;
	return pamt_at(c->m, hpa, level);
}

void sept_change(struct call *c, struct sept_table *table, u32 index, u64 value)
{
	u64 old = table->entry[index], changed = old ^ value;

	table->entry[index] = value;
	/* A page comes, as most do. */
	if (old == SEPT_ENTRY_FREE && sept_is_leaf(value) &&
	    likely(!trace_on(c->m->env, TRACE_SEPT))) {
		table->used++;
		page_of(c, value, table->level)->sept_leaves++;
		return;
	}
	table->used += sept_is_free(old) - sept_is_free(value);
	if (changed & (SEPT_PS | SEPT_HPA_MASK)) {
		if (sept_is_leaf(old))
			page_of(c, old, table->level)->sept_leaves--;
		if (sept_is_leaf(value))
			page_of(c, value, table->level)->sept_leaves++;
	}
	if (!sept_is_leaf(old) && !sept_is_free(old))
		sept_forget_walks(table->td);
	if (unlikely(trace_on(c->m->env, TRACE_SEPT)) && changed & SEPT_STATE_MASK)
		trace_entry(c, table, index, sept_state(old), sept_state(value));
}

struct sept_table *sept_table_new(struct tdx_module *m, struct td *td, hpa_t hpa, gpa_t gpa,
				  u8 level)
{
	struct sept_table *table = pool_alloc(&m->table_pool);

	table->td = td;
	table->hpa = hpa;
	table->gpa = gpa;
	table->level = level;
	for (u32 i = 0; i < SEPT_ENTRIES; i++)
		table->entry[i] = SEPT_ENTRY_FREE;
	return table;
}

void sept_table_free(struct tdx_module *m, struct sept_table *table)
{
	pool_free(&m->table_pool, table);
}

static void drop_table(struct tdx_module *m, struct sept_table *table)
{
	for (u32 i = 0; table->used && i < SEPT_ENTRIES; i++) {
		u64 entry = table->entry[i];
		u8 state = sept_state(entry);

		if (sept_is_leaf(entry)) {
			pamt_at(m, sept_page(entry, table->level), table->level)->sept_leaves--;
		} else if (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED) {
			struct pamt_entry *page = pamt_at(m, sept_hpa(entry), 0);

			drop_table(m, page->table);
			page->table = NULL;
		}
	}
	sept_table_free(m, table);
}

void sept_drop_tree(struct tdx_module *m, struct td *td)
{
	if (td->root)
		drop_table(m, td->root);
	td->root = NULL;
	sept_forget_walks(td);
}
