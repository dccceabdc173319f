// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every leaf that acts on an S-EPT entry, in every state of that entry, in a TD
 * that is being built, in one that runs with tracking done, and in one that
 * runs with tracking not done. The table below is written from the
 * specification's state and transition tables, not from the model's rows.
 */
#include "tests/tdx_world.h"

#define AT_2M	(GPA0 + 32 * SZ_2M)	/* entry of level 2M under test */
#define AT_4K	(GPA0 + 40 * SZ_2M)	/* entry of level 4K under test */
#define EPOCH	10

/*
 * One letter a state, columns in the order of sept_states.def.
 *   lower or upper case letters that move the entry:
 *     F FREE   n NL_MAPPED   B NL_BLOCKED   m MAPPED   b BLOCKED   p PENDING
 *     q PENDING_BLOCKED   d EXPORTED_DIRTY
 *   = success, state as before
 *   S EPT_ENTRY_STATE_INCORRECT   N GPA_RANGE_NOT_BLOCKED   A GPA_RANGE_ALREADY_BLOCKED
 *   U TLB_TRACKING_NOT_DONE|RCX   V the same on SEPT_TREE
 *   P EPT_ENTRY_NOT_PRESENT|RCX   R the same without operand
 *   guest:  E TD exit   Y PAGE_ALREADY_ACCEPTED   Z PAGE_SIZE_MISMATCH
 *   - cannot be: the leaf is not legal in any live or any build state
 */
struct row {
	u16 leaf;
	u8 level;
	bool full;		/* non-leaf states hang over 512 mapped pages, not over nothing */
	const char *build, *live, *untracked;
};

#define NOT_HERE "-------------------"

static const struct row rows[] = {
	/*                                FRNNMBBXDDPPPPPPMMM */
	{ TDH_MEM_PAGE_ADD, 0, false,    "mSSSSSSSSSSSSSSSSSS", NOT_HERE, NOT_HERE },
	{ TDH_MEM_SEPT_ADD, 1, false,    "nSSSSSSSSSSSSSSSSSS", "nSSSSSSSSSSSSSSSSSS",
					 "nSSSSSSSSSSSSSSSSSS" },
	{ TDH_MEM_PAGE_RELOCATE, 0, false, "SSSS=m=====p====SSS", "SSSSNmN=NNNpN=NNSSS",
					 "SSSSNUN=NNNUN=NNSSS" },
	{ TDH_MEM_PAGE_AUG, 0, false,    "ppSSSSSSSSSSSSSSSSS", "ppSSSSSSSSSSSSSSSSS",
					 "ppSSSSSSSSSSSSSSSSS" },
	{ TDH_MEM_PAGE_AUG, 1, false,    "ppSSSSSSSSSSSSSSSSS", "ppSSSSSSSSSSSSSSSSS",
					 "ppSSSSSSSSSSSSSSSSS" },
	{ TDH_MEM_RANGE_BLOCK, 0, false, "SS--bAbSSSqAqSSSSSS", "SS--bAbSSSqAqSSSSSS",
					 "SS--bAbSSSqAqSSSSSS" },
	{ TDH_MEM_RANGE_BLOCK, 1, false, "SSBAbAbSSSqAqSSSSSS", "SSBAbAbSSSqAqSSSSSS",
					 "SSBAbAbSSSqAqSSSSSS" },
	{ TDH_MEM_RD, 1, false,          "PPPP=P====PPPPPPSPP", "PPPP=P====PPPPPPSPP",
					 "PPPP=P====PPPPPPSPP" },
	{ TDH_MEM_WR, 1, false,          "PPPP=PSS=SPPPPPPSPP", "PPPP=PSS=SPPPPPPSPP",
					 "PPPP=PSS=SPPPPPPSPP" },
	{ TDH_MEM_PAGE_DEMOTE, 1, false, "SSSSnnSSSSnnSSSSSSS", "SSSSNnSSSSNnSSSSSSS",
					 "SSSSNUSSSSNUSSSSSSS" },
	{ TDH_MR_EXTEND, 0, false,       "PP--=PRRRRPPPPPPRPP", NOT_HERE, NOT_HERE },
	{ TDH_MEM_PAGE_PROMOTE, 1, true, "SSmmSSSSSSSSSSSSSSS", "SSNmSSSSSSSSSSSSSSS",
					 "SSNUSSSSSSSSSSSSSSS" },
	{ TDH_MEM_SEPT_RD, 0, false,     "===================", "===================",
					 "===================" },
	{ TDH_MEM_SEPT_RD, 1, false,     "===================", "===================",
					 "===================" },
	{ TDH_MEM_PAGE_REMOVE, 0, false, "SSSSFFFSSSFFFSSSSSS", "SSSSNFNSSSNFNSSSSSS",
					 "SSSSNUNSSSNUNSSSSSS" },
	{ TDH_MEM_PAGE_REMOVE, 1, false, "SSSSFFFSSSFFFSSSSSS", "SSSSNFNSSSNFNSSSSSS",
					 "SSSSNUNSSSNUNSSSSSS" },
	{ TDH_MEM_SEPT_REMOVE, 1, false, "SSFFSSSSSSSSSSSSSSS", "SSNFSSSSSSSSSSSSSSS",
					 "SSNUSSSSSSSSSSSSSSS" },
	{ TDH_MEM_RANGE_UNBLOCK, 0, false, "SS--SmSSSSSpSSSSSSS", "SS--SmSSSSSpSSSSSSS",
					 "SS--SVSSSSSVSSSSSSS" },
	{ TDH_MEM_RANGE_UNBLOCK, 1, false, "SSSnSmSSSSSpSSSSSSS", "SSSnSmSSSSSpSSSSSSS",
					 "SSSVSVSSSSSVSSSSSSS" },
	{ TDG_MEM_PAGE_ACCEPT, 0, false, NOT_HERE, "EZ--YEYYYYmEEEdEYEE", NOT_HERE },
	{ TDG_MEM_PAGE_ACCEPT, 1, false, NOT_HERE, "EZZZYEYYYYmEEEdEYEE", NOT_HERE },
	{ TDG_MEM_PAGE_ATTR_RD, 1, false, NOT_HERE, "EEEE=E=====E=====E=", NOT_HERE },
	{ TDG_MEM_PAGE_ATTR_WR, 1, false, NOT_HERE, "EZZZ=EEE=E=EEE=E=E=", NOT_HERE },
	{ TDG_MEM_PAGE_RELEASE, 1, false, NOT_HERE, "EZZZpEEEEESEEEEEEEE", NOT_HERE },
};

static const struct {
	char letter;
	u8 state;
} state_letter[] = {
	{ 'F', SEPT_FREE }, { 'n', SEPT_NL_MAPPED }, { 'B', SEPT_NL_BLOCKED }, { 'm', SEPT_MAPPED },
	{ 'b', SEPT_BLOCKED }, { 'p', SEPT_PENDING }, { 'q', SEPT_PENDING_BLOCKED },
	{ 'd', SEPT_EXPORTED_DIRTY },
};

static int state_of_letter(char letter)
{
	for (u32 i = 0; i < ARRAY_SIZE(state_letter); i++)
		if (state_letter[i].letter == letter)
			return state_letter[i].state;
	return -1;
}

static u64 status_of_letter(char letter, u8 level)
{
	switch (letter) {
	case 'S': return tdx_on(TDX_EPT_ENTRY_STATE_INCORRECT, RCX);
	case 'N': return tdx_on(TDX_GPA_RANGE_NOT_BLOCKED, RCX);
	case 'A': return tdx_on(TDX_GPA_RANGE_ALREADY_BLOCKED, RCX);
	case 'U': return tdx_on(TDX_TLB_TRACKING_NOT_DONE, RCX);
	case 'V': return tdx_on(TDX_TLB_TRACKING_NOT_DONE, SEPT_TREE);
	case 'P': return tdx_on(TDX_EPT_ENTRY_NOT_PRESENT, RCX);
	case 'R': return TDX_EPT_ENTRY_NOT_PRESENT;
	case 'Y': return TDX_PAGE_ALREADY_ACCEPTED + level;
	case 'Z': return TDX_PAGE_SIZE_MISMATCH + level;
	case 'E': return TDX_EXIT_EPT_VIOLATION;
	}
	return TDX_SUCCESS;
}

/* -- Putting an entry into a state no leaf of the model may reach -- */

static void plant_page(struct rig *rig, struct call *c, u8 level, hpa_t hpa)
{
	pamt_block(rig->m, hpa, &c->block);
	pamt_set(c, &c->block, level, hpa, PT_REG, c->td->tdr);
	c->td->child_count += sept_level_pages(level);
}

static void plant_table(struct rig *rig, struct call *c, hpa_t page, gpa_t gpa, bool full)
{
	struct sept_table *table = sept_table_new(rig->m, c->td, page, gpa, 0);

	pamt_block(rig->m, page, &c->block);
	pamt_set(c, &c->block, 0, page, PT_EPT, c->td->tdr);
	c->block.level[0]->table = table;
	c->td->child_count++;
	for (u32 i = 0; full && i < SEPT_ENTRIES; i++) {
		hpa_t hpa = PAGE_OF(gpa) + i * PAGE_SIZE;

		plant_page(rig, c, 0, hpa);
		sept_set(c, table, i, sept_leaf_entry(c->td, rig->m, SEPT_MAPPED, hpa));
	}
}

static void plant(struct rig *rig, const struct row *row, gpa_t gpa, u8 state, u64 bepoch)
{
	struct call c = { .m = rig->m, .td = world_td(rig) };
	hpa_t hpa = PAGE_OF(gpa), table = NEW_PAGE_2;
	u64 entry = SEPT_SVE | sept_state_info[state].bits;
	struct sept_pos at;

	sept_walk(rig->m, c.td, gpa, row->level, &at);
	if (sept_state_info[state].leaf) {
		plant_page(rig, &c, row->level, hpa);
		c.block.level[row->level]->bepoch = bepoch;
		entry = sept_leaf_entry(c.td, rig->m, state, hpa);
	} else if (row->level && (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED)) {
		plant_table(rig, &c, table, gpa, row->full);
		pamt_at(rig->m, table, 0)->bepoch = bepoch;
		entry = sept_table_entry(c.td, rig->m, table);
		if (state == SEPT_NL_BLOCKED)
			entry = (entry & ~SEPT_RWX) | SEPT_TDB;
	}
	sept_set(&c, at.table, at.index, entry);
}

/* -- One cell -- */

/* RCX and RDX of "+info" as the reference words them. */
static void assert_info(const struct rig *rig, const struct row *row, u64 entry, u8 state, u8 level)
{
	u64 rcx = entry & 0x87;

	if (state == SEPT_FREE)
		rcx = BIT_ULL(63);
	else if (sept_state_info[state].leaf)
		rcx = entry & (0xff | GENMASK_ULL(51, 12) | BIT_ULL(63));
	assert_int_equal(rig->regs.rcx, rcx);
	assert_int_equal(rig->regs.rdx, level | (u64)sept_state_info[state].arch << 8);
}

static u64 call_leaf(struct rig *rig, const struct row *row, gpa_t gpa)
{
	hpa_t page = NEW_PAGE;
	struct guest_op op;
	u64 rcx = gpa | row->level, status;

	if (row->leaf == TDH_MR_EXTEND || row->leaf == TDH_MEM_RD || row->leaf == TDH_MEM_WR)
		rcx = gpa;
	if (row->leaf == TDG_MEM_PAGE_ATTR_RD)
		rcx = gpa;
	if (!(row->leaf & TDX_TRACE_TDCALL))
		return rig_call(rig, row->leaf, rcx, RIG_TDR(0), page, RIG_INFO);
	status = rig_tdcall(rig, 0, 0, &op, row->leaf, rcx);
	tdx_guest_set(rig->m, RIG_TDVPR(0, 0), NULL);
	return op.done ? op.rax : status;
}

static bool has_info(char letter)
{
	return strchr("SNAP", letter) != NULL;
}

static u64 probe_entry(struct rig *rig, gpa_t gpa, u8 level, u8 *state)
{
	struct tdx_sept_view view;

	assert_int_equal(tdx_probe_sept(rig->m, RIG_TDR(0), gpa, level, &view), 0);
	assert_int_equal(view.level, level);
	*state = view.state;
	return view.raw;
}

static bool moves[SEPT_STATE_NR][SEPT_STATE_NR][TDX_LEAF_MAX * 2];

static void judge_state(struct rig *rig, const struct row *row, gpa_t gpa, u8 from, char letter)
{
	int to = state_of_letter(letter);
	u8 now;

	probe_entry(rig, gpa, row->level, &now);
	if (to < 0)
		to = from;
	assert_string_equal(sept_state_info[now].name, sept_state_info[to].name);
	if (now != from)
		moves[from][now][row->leaf] = true;
}

static void cell(struct rig *rig, const struct row *row, u8 state, char letter, u8 op_state,
		 u64 bepoch, const char *when)
{
	gpa_t gpa = row->level ? AT_2M : AT_4K;
	u64 status, before, entry, want = status_of_letter(letter, row->level);
	bool guest = row->leaf & TDX_TRACE_TDCALL;
	const char *name = guest ? tdx_tdcall_info[row->leaf & 0xff].name :
				   tdx_leaf_info[row->leaf].name;
	bool by_walk = row->leaf == TDH_MEM_RD || row->leaf == TDH_MEM_WR;
	char where[96];
	u8 now;

	arena_restore(rig->env->arena);
	plant(rig, row, gpa, state, bepoch);
	world_td(rig)->op_state = op_state;
	world_td(rig)->epoch = EPOCH;
	entry = probe_entry(rig, gpa, row->level, &now);
	before = world_digest(rig);
	snprintf(where, sizeof(where), "%s, level %u, %s", sept_state_info[state].name, row->level, when);
	status = call_leaf(rig, row, gpa);
	assert_status(status, want, name, where);
	judge_state(rig, row, gpa, state, letter);
	if (want && !guest)
		assert_int_equal(before, world_digest(rig));
	if (!guest && has_info(letter) && !(by_walk && row->level && state == SEPT_NL_MAPPED))
		assert_info(rig, row, entry, state, row->level);
	else if (want && !guest && !has_info(letter))
		assert_int_equal(rig->regs.rcx | rig->regs.rdx, 0);
	if (row->leaf == TDH_MEM_SEPT_RD)
		assert_info(rig, row, entry, state, row->level);
	if (row->level || (state != SEPT_NL_MAPPED && state != SEPT_NL_BLOCKED))
		tdx_check(rig->m);
	if (rig->env->checker.broken_total)
		fail_msg("%s, %s: %s", name, where, rig->env->checker.broken[0].text);
}

static void every_leaf_in_every_entry_state(void **state)
{
	const struct tdx_config config = { .version = TDX_MODULE_2_0, .zero_step = true };
	u32 cells = 0, moved = 0;
	struct rig rig;

	world_make(&rig, &config);
	world_td(&rig)->config_flags |= TD_CONFIG_PAGE_RELEASE;
	OK(rig_tables(&rig, 0, AT_2M, 1));
	OK(rig_tables(&rig, 0, AT_4K, 0));
	arena_snapshot(rig.env->arena);
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++)
		for (u8 s = 0; s < SEPT_STATE_NR; s++) {
			const struct row *row = &rows[i];

			if (row->build[s] != '-')
				cell(&rig, row, s, row->build[s], OP_INITIALIZED, 1, "build"), cells++;
			if (row->live[s] != '-')
				cell(&rig, row, s, row->live[s], OP_RUNNABLE, 1, "live"), cells++;
			if (row->untracked[s] != '-')
				cell(&rig, row, s, row->untracked[s], OP_RUNNABLE, EPOCH,
				     "live, not tracked"), cells++;
		}
	for (u32 f = 0; f < SEPT_STATE_NR; f++)
		for (u32 t = 0; t < SEPT_STATE_NR; t++)
			for (u32 l = 0; l < TDX_LEAF_MAX * 2; l++)
				moved += moves[f][t][l];
	print_message("leaf x S-EPT state: %u cells, %u different moves\n", cells, moved);
	rig_stop(&rig);
}

/* Children of a DEMOTE or PROMOTE and PROMOTE to PENDING are moves of other entries. */
static bool of_children(const struct tdx_move *move)
{
	if (move->leaf == TDH_MEM_PAGE_DEMOTE)
		return move->from == SEPT_FREE;
	return move->leaf == TDH_MEM_PAGE_PROMOTE &&
	       (move->to == SEPT_FREE || move->to == SEPT_PENDING);
}

static void the_legal_moves_are_the_ones_seen(void **state)
{
	u32 legal = 0;

	for (u32 i = 0; i < sept_move_count; i++) {
		const struct tdx_move *move = &sept_moves[i];

		if (of_children(move))
			continue;
		if (!moves[move->from][move->to][move->leaf])
			fail_msg("leaf %u: %s to %s is called legal but never seen", move->leaf,
				 sept_state_info[move->from].name, sept_state_info[move->to].name);
		moves[move->from][move->to][move->leaf] = false;
		legal++;
	}
	for (u32 f = 0; f < SEPT_STATE_NR; f++)
		for (u32 t = 0; t < SEPT_STATE_NR; t++)
			for (u32 l = 0; l < TDX_LEAF_MAX * 2; l++)
				if (moves[f][t][l])
					fail_msg("leaf %u: %s to %s was seen but is not in sept_moves.def",
						 l, sept_state_info[f].name, sept_state_info[t].name);
	print_message("%u legal moves, all seen, no other\n", legal);
}

static void every_leaf_with_an_entry_state_row_has_a_case(void **state)
{
	for (u32 leaf = 0; leaf < 2 * TDX_LEAF_MAX; leaf++) {
		const struct tdx_leaf_info *info = leaf < TDX_LEAF_MAX ? &tdx_leaf_info[leaf] :
						   &tdx_tdcall_info[leaf - TDX_LEAF_MAX];
		u32 i = 0;

		if (!info->name || !info->sept_states)
			continue;
		assert_int_equal(strlen(info->sept_states), SEPT_STATE_NR);
		while (i < ARRAY_SIZE(rows) && rows[i].leaf != leaf)
			i++;
		if (i == ARRAY_SIZE(rows))
			fail_msg("%s has an S-EPT-state row but no case", info->name);
	}
	for (u32 i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(strlen(rows[i].build), SEPT_STATE_NR);
		assert_int_equal(strlen(rows[i].live), SEPT_STATE_NR);
		assert_int_equal(strlen(rows[i].untracked), SEPT_STATE_NR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_with_an_entry_state_row_has_a_case),
		cmocka_unit_test(every_leaf_in_every_entry_state),
		cmocka_unit_test(the_legal_moves_are_the_ones_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
