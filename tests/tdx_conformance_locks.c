// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is BUSY against whom. The table below says, from the specification's
 * concurrency matrix, which locks a leaf takes in the world of tdx_world.h, in
 * which order and mode, and which operand it names when it cannot. From it
 * follow two proofs: each lock held by somebody else stops the leaf with that
 * operand and leaves a priority mark and nothing else; and each leaf met by
 * each other leaf in mid-flight gives the BUSY the first conflict calls for.
 */
#include "tests/tdx_world.h"

enum resource {
	R_NONE, R_TDR, R_BARE_TDR, R_OP_STATE, R_TREE, R_EPOCH, R_KOT,
	R_VP0, R_VP1, R_VP2, R_NEW_PAGE,
	R_FREE_4K, R_MAPPED_4K, R_BLOCKED_4K, R_BLOCKED_2M, R_FULL, R_EMPTY, R_FREE_2M,
	R_PAGE_BLOCKED_4K, R_PAGE_2M, R_FULL_PAGE, R_FULL_TABLE, R_EMPTY_TABLE,
	R_NR
};

struct need {
	u8 resource;
	char mode;		/* s shared, x exclusive, b shared but let go again at once */
	u8 operand;
};

struct row {
	u16 leaf;
	struct need need[10];
};

#define TDR_S(reg)	{ R_TDR, 's', OPERAND_ID_##reg }
#define TDR_X(reg)	{ R_TDR, 'x', OPERAND_ID_##reg }
#define OPS		{ R_OP_STATE, 's', OPERAND_ID_OP_STATE }
#define TREE_S		{ R_TREE, 's', OPERAND_ID_SEPT_TREE }
#define TREE_X		{ R_TREE, 'x', OPERAND_ID_SEPT_TREE }
#define ENTRY(name)	{ R_##name, 'x', OPERAND_ID_RCX }
#define PAGE_X(name, reg) { R_##name, 'x', OPERAND_ID_##reg }
#define KOT_X		{ R_KOT, 'x', OPERAND_ID_KOT }

static const struct row rows[] = {
	{ TDH_VP_ENTER, { { R_VP0, 's', OPERAND_ID_RCX }, TDR_S(TDR), OPS,
			  { R_EPOCH, 'b', OPERAND_ID_TD_EPOCH } } },
	{ TDH_MNG_ADDCX, { TDR_X(RDX), PAGE_X(NEW_PAGE, RCX) } },
	{ TDH_MEM_PAGE_ADD, { TDR_X(RDX), PAGE_X(NEW_PAGE, R8) } },
	{ TDH_MEM_SEPT_ADD, { TDR_S(RDX), OPS, TREE_S, ENTRY(FREE_2M), PAGE_X(NEW_PAGE, R8) } },
	{ TDH_VP_ADDCX, { { R_VP2, 'x', OPERAND_ID_RDX }, TDR_S(TDR), OPS, PAGE_X(NEW_PAGE, RCX) } },
	{ TDH_MEM_PAGE_RELOCATE, { TDR_S(RDX), OPS, TREE_S, ENTRY(BLOCKED_4K),
				   PAGE_X(PAGE_BLOCKED_4K, RCX), PAGE_X(NEW_PAGE, R8) } },
	{ TDH_MEM_PAGE_AUG, { TDR_S(RDX), OPS, TREE_S, ENTRY(FREE_4K), PAGE_X(NEW_PAGE, R8) } },
	{ TDH_MEM_RANGE_BLOCK, { TDR_S(RDX), OPS, TREE_X, ENTRY(MAPPED_4K) } },
	{ TDH_VP_CREATE, { TDR_S(RDX), OPS, PAGE_X(NEW_PAGE, RCX) } },
	{ TDH_MNG_RD, { TDR_S(RCX), OPS } },
	{ TDH_MEM_RD, { TDR_S(RDX), OPS, TREE_S, ENTRY(MAPPED_4K) } },
	{ TDH_MNG_WR, { TDR_S(RCX), OPS } },
	{ TDH_MEM_WR, { TDR_S(RDX), OPS, TREE_S, ENTRY(MAPPED_4K) } },
	{ TDH_MEM_PAGE_DEMOTE, { TDR_S(RDX), OPS, TREE_S, ENTRY(BLOCKED_2M), PAGE_X(NEW_PAGE, R8),
				 PAGE_X(PAGE_2M, RCX) } },
	{ TDH_MR_EXTEND, { TDR_X(RDX) } },
	{ TDH_MR_FINALIZE, { TDR_X(RCX) } },
	{ TDH_VP_FLUSH, { { R_VP0, 'x', OPERAND_ID_RCX }, TDR_S(TDR) } },
	{ TDH_MNG_INIT, { TDR_X(RCX) } },
	{ TDH_VP_INIT, { { R_VP1, 'x', OPERAND_ID_RCX }, TDR_S(TDR), OPS } },
	{ TDH_MEM_PAGE_PROMOTE, { TDR_S(RDX), OPS, TREE_S, ENTRY(FULL), PAGE_X(FULL_TABLE, RCX),
				  PAGE_X(FULL_PAGE, RCX) } },
	{ TDH_MEM_SEPT_RD, { TDR_S(RDX), OPS, TREE_S, ENTRY(MAPPED_4K) } },
	{ TDH_VP_RD, { { R_VP0, 's', OPERAND_ID_RCX }, TDR_S(TDR), OPS } },
	{ TDH_MEM_PAGE_REMOVE, { TDR_S(RDX), OPS, TREE_S, ENTRY(BLOCKED_4K),
				 PAGE_X(PAGE_BLOCKED_4K, RCX) } },
	{ TDH_MEM_SEPT_REMOVE, { TDR_S(RDX), OPS, TREE_X, ENTRY(EMPTY), PAGE_X(EMPTY_TABLE, RCX) } },
	{ TDH_MEM_TRACK, { TDR_S(RCX), OPS, { R_EPOCH, 'x', OPERAND_ID_TD_EPOCH } } },
	{ TDH_MEM_RANGE_UNBLOCK, { TDR_S(RDX), OPS, TREE_X, ENTRY(BLOCKED_4K) } },
	{ TDH_VP_WR, { { R_VP0, 's', OPERAND_ID_RCX }, TDR_S(TDR), OPS } },
	{ TDH_MNG_KEY_CONFIG, { { R_BARE_TDR, 'x', OPERAND_ID_RCX } } },
	{ TDH_MNG_CREATE, { PAGE_X(NEW_PAGE, RCX), KOT_X } },
	{ TDH_MNG_VPFLUSHDONE, { { R_BARE_TDR, 'x', OPERAND_ID_RCX }, KOT_X } },
	{ TDH_PHYMEM_PAGE_RDMD, { { R_NEW_PAGE, 's', OPERAND_ID_RCX } } },
	{ TDH_PHYMEM_PAGE_WBINVD, { { R_NEW_PAGE, 's', OPERAND_ID_RCX } } },
};

/* -- Where those locks are -- */

static u64 *entry_of(struct rig *rig, u8 resource)
{
	static const struct {
		gpa_t gpa;
		u8 level;
	} of[R_NR] = {
		[R_FREE_4K] = { FREE_4K, 0 }, [R_MAPPED_4K] = { MAPPED_4K, 0 },
		[R_BLOCKED_4K] = { BLOCKED_4K, 0 }, [R_BLOCKED_2M] = { BLOCKED_2M, 1 },
		[R_FULL] = { FULL_TABLE, 1 }, [R_EMPTY] = { EMPTY_TABLE, 1 },
		[R_FREE_2M] = { FREE_2M, 1 },
	};
	struct sept_pos at;

	if (!of[resource].gpa)
		return NULL;
	assert_true(sept_walk(rig->m, world_td(rig), of[resource].gpa, of[resource].level, &at));
	return at.entry;
}

static u16 *word_of(struct rig *rig, u8 resource)
{
	struct td *td = world_td(rig);
	struct tdx_module *m = rig->m;

	switch (resource) {
	case R_TDR: return &td->pamt->lock;
	case R_BARE_TDR: return &pamt_at(m, BARE_TDR, 0)->lock;
	case R_OP_STATE: return &td->op_state_lock;
	case R_TREE: return &td->tree_lock;
	case R_EPOCH: return &td->epoch_lock;
	case R_KOT: return &m->kot_lock;
	case R_VP0: return &pamt_at(m, RIG_TDVPR(0, 0), 0)->lock;
	case R_VP1: return &pamt_at(m, RIG_TDVPR(0, 1), 0)->lock;
	case R_VP2: return &pamt_at(m, RIG_TDVPR(0, 2), 0)->lock;
	case R_NEW_PAGE: return &pamt_at(m, NEW_PAGE, 0)->lock;
	case R_PAGE_BLOCKED_4K: return &pamt_at(m, PAGE_OF(BLOCKED_4K), 0)->lock;
	case R_PAGE_2M: return &pamt_at(m, PAGE_OF(BLOCKED_2M), 1)->lock;
	case R_FULL_PAGE: return &pamt_at(m, PAGE_OF(FULL_TABLE), 1)->lock;
	case R_FULL_TABLE: return &pamt_at(m, sept_hpa(*entry_of(rig, R_FULL)), 0)->lock;
	case R_EMPTY_TABLE: return &pamt_at(m, sept_hpa(*entry_of(rig, R_EMPTY)), 0)->lock;
	}
	fail_msg("no lock for resource %u", resource);
	return NULL;
}

/* Tree, epoch and KOT locks are plain; all others know host priority. */
static bool has_priority(u8 resource)
{
	return resource != R_TREE && resource != R_EPOCH && resource != R_KOT;
}

static void prepare(struct rig *rig, const struct world_case *k)
{
	struct td *td = world_td(rig);

	td->op_state = k->uninitialized ? OP_UNINITIALIZED : k->runnable ? OP_RUNNABLE :
									   OP_INITIALIZED;
}

static void hold(struct rig *rig, u8 resource, bool exclusive)
{
	u64 *entry = entry_of(rig, resource);

	if (entry)
		*entry |= SEPT_TDEL;
	else
		*word_of(rig, resource) += exclusive ? TDX_LOCK_EX : TDX_LOCK_READER;
}

static void drop(struct rig *rig, u8 resource, bool exclusive)
{
	u64 *entry = entry_of(rig, resource);

	if (entry)
		*entry &= ~SEPT_TDEL;
	else
		*word_of(rig, resource) -= exclusive ? TDX_LOCK_EX : TDX_LOCK_READER;
}

/* The mark a failed host attempt leaves; taken away again for the comparison. */
static bool take_priority_mark(struct rig *rig, u8 resource)
{
	u64 *entry = entry_of(rig, resource);
	bool marked;

	if (entry) {
		marked = *entry & SEPT_TDHP;
		*entry &= ~SEPT_TDHP;
	} else {
		marked = *word_of(rig, resource) & TDX_LOCK_HP;
		*word_of(rig, resource) &= ~TDX_LOCK_HP;
	}
	return marked;
}

static void against_other(struct rig *rig, const struct row *row, const struct need *need,
			  bool exclusive, u32 *busy)
{
	const struct world_case *k = world_case_of(row->leaf);
	bool conflict = exclusive || need->mode == 'x';
	u64 before, status;
	char where[64];

	arena_restore(rig->env->arena);
	prepare(rig, k);
	before = world_digest(rig);
	hold(rig, need->resource, exclusive);
	status = world_call(rig, k);
	snprintf(where, sizeof(where), "resource %u held %s", need->resource,
		 exclusive ? "exclusively" : "shared");
	if (!conflict) {
		assert_status(TDX_STATUS(status), TDX_SUCCESS, tdx_leaf_info[row->leaf].name, where);
		return;
	}
	assert_status(status, TDX_OPERAND_BUSY + need->operand, tdx_leaf_info[row->leaf].name, where);
	drop(rig, need->resource, exclusive);
	assert_int_equal(take_priority_mark(rig, need->resource), has_priority(need->resource));
	/* VP leaves associate the vCPU before they get that far. */
	if (row->leaf != TDH_VP_ENTER)
		assert_int_equal(before, world_digest(rig));
	assert_status(TDX_STATUS(world_call(rig, k)), TDX_SUCCESS, tdx_leaf_info[row->leaf].name,
		      "afterwards");
	(*busy)++;
}

static void every_lock_held_by_another_stops_the_leaf(void **state)
{
	u32 cells = 0, busy = 0;
	struct rig rig;

	world_make(&rig, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		for (const struct need *need = rows[i].need; need->resource; need++) {
			against_other(&rig, &rows[i], need, true, &busy);
			cells++;
			if (entry_of(&rig, need->resource))
				continue;
			against_other(&rig, &rows[i], need, false, &busy);
			cells++;
		}
	print_message("leaf x lock held by another: %u cells, %u BUSY\n", cells, busy);
	rig_stop(&rig);
}

/* -- Leaf against leaf -- */

typedef u64 check_fn(struct call *c);

static check_fn *const check_of[TDX_LEAF_MAX] = {
#define LEAF(number, name, suffix, ...) [number] = check_##suffix,
#include "model/tdx/leaves.def"
#undef LEAF
};

static u64 expected_status(const struct row *inside, const struct row *met)
{
	for (const struct need *need = met->need; need->resource; need++)
		for (const struct need *held = inside->need; held->resource; held++)
			if (held->resource == need->resource && held->mode != 'b' &&
			    (held->mode == 'x' || need->mode == 'x'))
				return TDX_OPERAND_BUSY + need->operand;
	return TDX_SUCCESS;
}

/* VP.ENTER and VP.FLUSH change the vCPU in their checks already: no pair with the like. */
static bool excluded(u16 inside, u16 met)
{
	return inside == TDH_VP_ENTER &&
	       (met == TDH_VP_ENTER || met == TDH_VP_RD || met == TDH_VP_WR);
}

static void pair(struct rig *rig, const struct row *inside, const struct row *met, u32 *busy)
{
	const struct world_case *first = world_case_of(inside->leaf);
	const struct world_case *second = world_case_of(met->leaf);
	struct tdx_module_args regs = { .rcx = first->rcx, .rdx = first->rdx, .r8 = first->r8,
					.r9 = first->r9 };
	struct call c = { .m = rig->m, .regs = &regs, .info = &tdx_leaf_info[inside->leaf],
			  .leaf = inside->leaf, .rcx = first->rcx, .rdx = first->rdx,
			  .held_end = c.held };
	u64 want = expected_status(inside, met), got;
	char where[64];

	arena_restore(rig->env->arena);
	/* Who is alone takes no lock that nobody can meet. */
	rig->env->sched.live = 2;
	prepare(rig, first);
	OK(check_of[inside->leaf](&c));
	prepare(rig, second);
	got = world_call(rig, second);
	snprintf(where, sizeof(where), "while %s is inside", tdx_leaf_info[inside->leaf].name);
	assert_status(want ? got : TDX_STATUS(got), want, tdx_leaf_info[met->leaf].name, where);
	call_release_all(&c);
	*busy += want != 0;
}

static void every_leaf_meets_every_leaf(void **state)
{
	u32 pairs = 0, busy = 0;
	struct rig rig;

	world_make(&rig, NULL);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		for (u32 j = 0; j < ARRAY_SIZE(rows); j++) {
			if (excluded(rows[i].leaf, rows[j].leaf))
				continue;
			pair(&rig, &rows[i], &rows[j], &busy);
			pairs++;
		}
	print_message("leaf x leaf: %u pairs, %u BUSY\n", pairs, busy);
	rig_stop(&rig);
}

static void every_leaf_that_locks_a_td_has_a_case(void **state)
{
	for (u32 leaf = 0; leaf < TDX_LEAF_MAX; leaf++) {
		const struct tdx_leaf_info *info = &tdx_leaf_info[leaf];
		u32 i = 0;

		if (!info->name || !(info->locks & (TL_TDR_SH | TL_TDR_EX)) ||
		    leaf == TDH_PHYMEM_PAGE_RECLAIM || leaf == TDH_MNG_KEY_FREEID)
			continue;	/* those two: tdx_conformance_td.c */
		while (i < ARRAY_SIZE(rows) && rows[i].leaf != leaf)
			i++;
		if (i == ARRAY_SIZE(rows))
			fail_msg("%s takes locks but has no case", info->name);
	}
}

/* Kinds of a row must be what leaves.def says the leaf takes. */
static u32 kinds(const struct row *row)
{
	u32 locks = 0;

	for (const struct need *need = row->need; need->resource; need++)
		switch (need->resource) {
		case R_TDR: case R_BARE_TDR: locks |= need->mode == 'x' ? TL_TDR_EX : TL_TDR_SH; break;
		case R_OP_STATE: locks |= TL_OP_STATE; break;
		case R_TREE: locks |= need->mode == 'x' ? TL_TREE_EX : TL_TREE_SH; break;
		case R_EPOCH: locks |= need->mode == 'x' ? TL_EPOCH_EX : TL_EPOCH_SH; break;
		case R_KOT: locks |= TL_KOT_EX; break;
		case R_VP0: case R_VP1: case R_VP2:
			locks |= need->mode == 'x' ? TL_TDVPR_EX : TL_TDVPR_SH;
			break;
		case R_NEW_PAGE: case R_PAGE_BLOCKED_4K: case R_PAGE_2M: case R_FULL_PAGE:
		case R_FULL_TABLE: case R_EMPTY_TABLE:
			locks |= TL_PAGE;
			break;
		default: locks |= TL_ENTRY;
		}
	return locks;
}

static void the_rows_name_the_locks_the_leaves_list(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		u32 listed = tdx_leaf_info[rows[i].leaf].locks;

		/* Only the zero-step filter makes VP.ENTER take the tree. */
		if (rows[i].leaf == TDH_VP_ENTER)
			listed &= ~TL_TREE_EX;
		if (kinds(&rows[i]) != listed)
			fail_msg("%s: %#x in the case, %#x in leaves.def",
				 tdx_leaf_info[rows[i].leaf].name, kinds(&rows[i]), listed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_that_locks_a_td_has_a_case),
		cmocka_unit_test(the_rows_name_the_locks_the_leaves_list),
		cmocka_unit_test(every_lock_held_by_another_stops_the_leaf),
		cmocka_unit_test(every_leaf_meets_every_leaf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
