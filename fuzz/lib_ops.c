// SPDX-License-Identifier: GPL-2.0-only
/*
 * See lib_ops.h. The domains are written in the scenario language and read by
 * its own reader, so this file knows no number of any table.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/lib_ops.h"
#include "fuzz/lib_ops_machines.h"

#define DOMAIN_MAX	64

/* What a byte can mean for an operand of each type. Types without a row are not fuzzed. */
static const struct {
	enum scn_type type;
	const char *words;
} domain_rows[] = {
	{ TYPE_GPA, "0x1000 0x2000 0x3000 0 0x4000 0x5000 0x6000 0x7000 0x8000 0x10000 0x1ff000 2M "
		    "0x201000 0x3ff000 4M 1G 0x800 0x7ffffffff000 0x202000" },
	{ TYPE_OFFSET, "0x1000 0x2000 0x3000 0 0x4000 0x5000 0x6000 0x7000 0x8000 0x1ff000 2M "
		       "0x201000 0x3ff000 4M 0x800" },
	{ TYPE_SIZE, "4K 2M 8K 16K 4M 64K 0 1G 0x800" },
	{ TYPE_NUMBER, "1 0 2 3 4 5 6 7 8 9 16 47 48 52 511 512" },
	{ TYPE_HEX, "0 1 2 3 0x1000 0x10000000 0x8000000000000000 0xffffffffffffffff" },
	{ TYPE_TD, "td0 td1" },
	{ TYPE_VCPU, "vcpu0 vcpu1 td1.vcpu0" },
	{ TYPE_GMEM, "g0 g1" },
	{ TYPE_GMEM_AT, "g0@0x1000 g0@0x2000 g0@0 g0@0x3000 g0@0x4000 g0@2M g0@4M g1@0 g1@0x1000" },
	{ TYPE_FRAME, "p0 p1 p2 p3" },
	{ TYPE_LEVEL, "4K 2M 1G" },
	{ TYPE_LEAF, "TDH.MEM.PAGE.REMOVE TDH.MEM.RANGE.BLOCK TDH.MEM.TRACK TDH.PHYMEM.PAGE.WBINVD "
		     "TDH.MEM.PAGE.AUG TDH.MEM.SEPT.ADD TDH.MEM.PAGE.ADD TDH.MR.EXTEND TDH.VP.ENTER "
		     "TDH.VP.FLUSH TDH.MNG.VPFLUSHDONE TDH.PHYMEM.CACHE.WB TDH.MNG.KEY.FREEID "
		     "TDH.PHYMEM.PAGE.RECLAIM TDH.MNG.CREATE TDH.MNG.KEY.CONFIG TDH.MNG.ADDCX "
		     "TDH.MNG.INIT TDH.VP.CREATE TDH.VP.ADDCX TDH.VP.INIT TDH.MR.FINALIZE "
		     "TDH.MEM.PAGE.DEMOTE TDH.MEM.RANGE.UNBLOCK TDH.PHYMEM.PAMT.ADD "
		     "TDH.PHYMEM.PAMT.REMOVE" },
	{ TYPE_TDCALL, "TDG.MEM.PAGE.ACCEPT" },
	{ TYPE_STATUS, "TDX_OPERAND_BUSY TDX_OPERAND_INVALID TDX_PAGE_METADATA_INCORRECT "
		       "TDX_EPT_WALK_FAILED TDX_EPT_ENTRY_STATE_INCORRECT TDX_TLB_TRACKING_NOT_DONE "
		       "TDX_INTERRUPTED_RESUMABLE" },
	{ TYPE_OPERAND_ID, "RCX RDX R8" },
	{ TYPE_FAULT_KIND, "refuse late lie busy" },
	{ TYPE_VISIBILITY, "shared private" },
	{ TYPE_VM_TYPE, "tdx normal" },
	{ TYPE_GMEM_FLAGS, "none mmap init-shared mmap+init-shared" },
};

struct domain {
	struct scn_value value[DOMAIN_MAX];
	u32 count;
};

static struct {
	struct domain domain[TYPE_NR];
	const struct verb *verb[VERB_NR];
	u32 verb_count;
	struct scn *words;
	struct run_options options;
} ops;

static void fill_domain(enum scn_type type, const char *words)
{
	struct domain *domain = &ops.domain[type];
	char word[64], why[160];
	size_t length;

	for (; *words; words += length + (words[length] == ' ')) {
		length = strcspn(words, " ");
		if (domain->count == DOMAIN_MAX || length >= sizeof(word))
			ops_give_up("domain too large", words);
		memcpy(word, words, length);
		word[length] = 0;
		if (!scn_parse_value(type, word, ops.words, &domain->value[domain->count++],
				     why, sizeof(why)))
			ops_give_up(word, why);
	}
}

/*
 * Left out: what only looks, raw SEAMCALLs, which go behind the host's back, and
 * what is of use only to them, and the end of everything, which comes anyway.
 */
static bool verb_fuzzed(const struct verb *verb)
{
	u32 i;

	if (verb->actor == ACTOR_EXPECT || verb->actor == ACTOR_MODULE ||
	    verb->id == VERB_TEST_TDMR || verb->id == VERB_TEST_MEASURE ||
	    verb->id == VERB_TEST_TEARDOWN)
		return false;
	for (i = 0; i < verb->operand_count; i++)
		if (verb->operand[i].flags & OPERAND_REQUIRED &&
		    !ops.domain[verb->operand[i].type].count)
			return false;
	return true;
}

void ops_init(u32 defects)
{
	u32 i;

	ops_no_leaks(true);
	ops.words = scn_new("domains");
	for (i = 0; i < ARRAY_SIZE(domain_rows); i++)
		fill_domain(domain_rows[i].type, domain_rows[i].words);
	for (i = 1; i < VERB_NR; i++)
		if (verb_fuzzed(&verbs[i]))
			ops.verb[ops.verb_count++] = &verbs[i];
	ops_machines_init(defects);
	ops_no_leaks(false);
	ops.options = (struct run_options){
		.keep_going = true, .no_results = true, .checks_at_end = true, .terse = true,
	};
}

static void read_operand(const struct verb *verb, u32 i, u8 byte, struct scn_step *step)
{
	const struct verb_operand *operand = &verb->operand[i];
	const struct domain *domain = &ops.domain[operand->type];

	if (operand->type == TYPE_FLAG) {
		if (byte & 1)
			step->given |= 1u << i;
		return;
	}
	if (!(operand->flags & OPERAND_REQUIRED) && (!byte || !domain->count))
		return;
	/* What a step must give is for scenarios. */
	if (!strcmp(operand->name, "done") || !strcmp(operand->name, "answer") ||
	    (!strcmp(operand->name, "value") && verb->actor == ACTOR_VCPU) ||
	    !strcmp(operand->name, "error_off") ||
	    (!strcmp(operand->name, "token") && !strcmp(verb->name, "read")))
		return;
	/* memory_failure()'s flags are its callers' promises, nobody's input. */
	if (verb->actor == ACTOR_MM && operand->type == TYPE_HEX)
		return;
	if (!(operand->flags & OPERAND_REQUIRED))
		byte--;
	step->value[i] = domain->value[byte % domain->count];
	step->given |= 1u << i;
}

bool ops_next(struct ops_reader *reader, struct scn_step *step)
{
	const struct verb *verb;
	const u8 *byte;
	u32 i;

	if (reader->at >= reader->size)
		return false;
	verb = ops.verb[reader->data[reader->at] % ops.verb_count];
	if (reader->size - reader->at - 1 < (size_t)verb->operand_count + 1)
		return false;
	byte = &reader->data[reader->at + 1];
	memset(step, 0, sizeof(*step));
	step->verb = verb;
	step->actor.kind = verb->actor;
	step->cpu = -1;
	for (i = 0; i < verb->operand_count; i++)
		read_operand(verb, i, byte[i], step);
	/* One byte more: a failing allocation, or which vCPU acts. */
	if (verb->actor == ACTOR_VCPU)
		step->actor.vcpu = byte[i] & 1;
	else if (verb->actor == ACTOR_HOST && byte[i] >= 0xf0)
		step->fail_alloc = (byte[i] & 0xf) + 1;
	reader->at += 2 + verb->operand_count;
	return true;
}

/*
 * What an injected SEAMCALL fault may break. Which of these a hold policy saves
 * is the question the project asks, so none of them is a finding here. The
 * ledger and the locks hold under every fault; a failing allocation excuses
 * nothing.
 */
static u32 explained_by(u32 faults)
{
	u32 never = 1u << INV_REFCOUNT_HAS_HOLDERS | 1u << INV_LOCK_RULES;

	return faults & ~1u ? ~never : 0;
}

static void note_faults(const struct scn_step *step, struct ops_finding *finding)
{
	int kind;

	if (step->verb->id == VERB_INJECT_SEAMCALL) {
		kind = verb_operand_index(step->verb, "kind");
		finding->faults |= 1u << step->value[kind].number;
	}
	if (step->verb->id == VERB_INJECT_ALLOC || step->fail_alloc)
		finding->faults |= 1u;
}

/*
 * What ends a scenario but not an input: a step that makes no sense (it is left
 * out), an allocation that was to fail and was not made, and a guest that faults
 * for ever, which is the guest's own affair.
 */
static bool go_on(const struct scn_step *step, const struct run_outcome *out, struct run *run,
		  struct run_result *result, struct ops_finding *finding)
{
	u8 *list = out->bad_input ? finding->left_out : finding->all_allocated;

	if (result->verdict != RUN_ERROR &&
	    (result->verdict != RUN_HANG || step->verb->actor != ACTOR_VCPU))
		return false;
	if (result->verdict == RUN_ERROR)
		list[finding->steps / 8] |= 1u << finding->steps % 8;
	else
		finding->guest_hung = true;
	result->verdict = RUN_OK;
	diag_clear(&result->diag);
	run->stop = false;
	return true;
}

/*
 * What the fuzzer found in Linux 7.3.4 or a posted series and the model mirrors:
 * reported once, as a scenario, and not again. By invariant, the text of its report, the order.
 */
static const struct {
	u8 inv;
	const char *text, *order;	/* NULL: under any order */
} known[] = {
	/* A TD is finalized while it has no vCPU. */
	{ INV_NO_UNASKED_ERROR, "MR_FINALIZE" }, { INV_NO_UNASKED_ERROR, "MR.FINALIZE" },
	/* A page of the image is asked for before the TD has its root. */
	{ INV_NO_UNASKED_ERROR, "tdx_load_mmu_pgd" },
	/* Without the erratum 7.3.4 clears no page it gets back from a TD. */
	{ INV_HOST_NEVER_CONSUMES_TD, "partial write" },
	/* scenarios/known-bugs/refused-key-is-uncharged.scn */
	{ INV_NO_UNASKED_ERROR, "!globals->misc_cg_charged" },
	/* scenarios/known-bugs/memory-failure-lock-inversion.scn */
	{ INV_LOCK_RULES, "mapping->invalidate_lock" },
	/* scenarios/known-bugs/pre-fault-meets-stale-spte.scn */
	{ INV_NO_UNASKED_ERROR, "spte_to_pfn(iter->old_spte)" },
	/* Findings of policies and series, each a scenario of its own. */
	/* Page flags cannot be had with HVO: scenarios/series/hvo-tail-flag-is-a-fault.scn */
	{ INV_NO_UNASKED_ERROR, "a mark in struct page on the shared tail" },
	/* rfc51 warns, and waits for ever: scenarios/series/extra-pin-never-splits.scn */
	{ INV_NO_UNASKED_ERROR, "a reference that guest_memfd does not know" },
	{ INV_OPERATION_ENDS, "kvm_gmem_split_folio_in_filemap" },
	{ INV_OPERATION_ENDS, "kvm_gmem_merge_folio_in_filemap" },
	/* What is to be undone needs memory: scenarios/series/undo-needs-memory.scn */
	{ INV_NO_UNASKED_ERROR, "gmem_undo_" },
	/* rfc51 splits no S-EPT leaf before it zaps: scenarios/series/no-border-split.scn */
	{ INV_NO_UNASKED_ERROR, "leaf_sticks_out", "rfc51" },
};

static bool broken_known(const struct broken *broken, const char *order)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (known[i].inv == broken->inv && strstr(broken->text, known[i].text) &&
		    (!known[i].order || !strcmp(known[i].order, order)))
			return true;
	return false;
}

/* Invariants broken in a way that neither an injected fault nor known[] explains. */
static u32 unexplained(const struct sim *sim, struct ops_finding *finding)
{
	const struct checker *checker = &sim->env->checker;
	u32 i, mask = 0, excused = explained_by(finding->faults);

	if (finding->memory_lost)
		excused |= 1u << INV_FREE_FRAME_UNMAPPED | 1u << INV_HOST_NEVER_CONSUMES_TD;
	if (finding->guest_hung)
		excused |= 1u << INV_OPERATION_ENDS;
	for (i = 0; i < checker->broken_count; i++) {
		const struct broken *broken = &checker->broken[i];

		if (broken_known(broken, sim->config.host.order) || excused & 1u << broken->inv)
			continue;
		if (!mask)
			snprintf(finding->text, sizeof(finding->text), "%s", broken->text);
		mask |= 1u << broken->inv;
	}
	return mask;
}

/*
 * A TD may be moved without its memory (scenarios/series/move-without-link.scn) and
 * Linux 7.3.4 takes a page from it (known-bugs/soft-offline-evicts-image-page.scn).
 */
static bool loses_memory(const struct scn_step *step, const struct run_outcome *out)
{
	return (step->verb->id == VERB_HOST_MOVE_VM || step->verb->id == VERB_MM_SOFT_OFFLINE) &&
	       !out->bad_input && !out->result.number;
}

bool ops_run(const u8 *data, size_t size, struct ops_finding *finding)
{
	struct ops_reader reader = { .data = data, .size = size, .at = OPS_HEAD };
	struct run_options options = ops.options;
	struct run_outcome out;
	struct run_result result;
	struct scn_step step;
	struct run run;
	bool more;

	memset(finding, 0, sizeof(*finding));
	ops_machine_begin(&run, data, size, &options, &result);
	while (finding->steps < OPS_MAX && ops_next(&reader, &step)) {
		note_faults(&step, finding);
		options.tolerate_faults = finding->faults & ~1u;
		more = run_step(&run, &step, &out);
		if (!more && !go_on(&step, &out, &run, &result, finding))
			break;
		finding->steps++;
		finding->memory_lost |= loses_memory(&step, &out);
		/* The host is down. */
		if (run.sim->env->checker.bug_count)
			break;
	}
	run_end(&run);
	finding->verdict = result.verdict;
	finding->broken = result.broken;
	if (result.diag.set)
		snprintf(finding->text, sizeof(finding->text), "%s", result.diag.text);
	finding->unexplained = unexplained(run.sim, finding);
	if (finding->unexplained)
		return true;
	/* A hang breaks INV_OPERATION_ENDS: it was judged above. */
	return !(finding->faults & ~1u) && result.verdict == RUN_DEADLOCK;
}

void ops_print(FILE *out, const u8 *data, size_t size, const struct ops_finding *finding)
{
	struct ops_reader reader = { .data = data, .size = size, .at = OPS_HEAD };
	struct scn_step step;
	char line[SCN_LINE_MAX];
	u32 i, steps = finding ? finding->steps + 1 : OPS_MAX;

	fprintf(out, "# SPDX-License-Identifier: GPL-2.0-only\n"
		"# These operations break nothing that no injected fault explains.\n");
	if (finding && finding->unexplained)
		for (i = 1; i < INV_NR; i++)
			if (finding->unexplained & 1u << i)
				fprintf(out, "# Found by fuzzing: %s, %s.\n", inv_name[i],
					inv_sentence[i]);
	if (finding && finding->text[0])
		fprintf(out, "# %s\n", finding->text);
	ops_machine_print(out, data, size);
	for (i = 0; i < steps && ops_next(&reader, &step); i++) {
		if (finding && finding->left_out[i / 8] & 1u << i % 8)
			continue;
		if (finding && finding->all_allocated[i / 8] & 1u << i % 8)
			step.fail_alloc = 0;
		if (step.verb->result != VERB_NO_RESULT)
			step.result[step.result_count++].kind = RESULT_ANY;
		scn_print_step(&step, line, sizeof(line));
		fprintf(out, "%s\n", line);
	}
}

/* The byte read_operand() turns into @value, 0 when the domain has none such. */
static u8 encode_operand(const struct verb *verb, u32 i, const struct scn_step *step)
{
	const struct verb_operand *operand = &verb->operand[i];
	const struct domain *domain = &ops.domain[operand->type];
	const struct scn_value *value = &step->value[i];
	u32 k;

	if (!step_has(step, i))
		return 0;
	if (operand->type == TYPE_FLAG)
		return 1;
	for (k = 0; k < domain->count; k++)
		if (domain->value[k].number == value->number && domain->value[k].id == value->id)
			break;
	if (k == domain->count || value->variable)
		k = 0;
	return (u8)(operand->flags & OPERAND_REQUIRED ? k : k + 1);
}

struct encoder {
	u8 *data;
	size_t size, max;
};

static void encode_step(struct encoder *encoder, const struct scn_step *step)
{
	const struct verb *verb = step->verb;
	u32 row, i;

	for (row = 0; row < ops.verb_count && ops.verb[row] != verb; row++)
		;
	if (row == ops.verb_count || encoder->max - encoder->size < verb->operand_count + 2u)
		return;
	encoder->data[encoder->size++] = (u8)row;
	for (i = 0; i < verb->operand_count; i++)
		encoder->data[encoder->size++] = encode_operand(verb, i, step);
	encoder->data[encoder->size++] = step->fail_alloc ?
		(u8)(0xf0 | ((step->fail_alloc - 1) & 0xf)) : step->actor.vcpu & 1;
}

static void encode_nodes(struct encoder *encoder, const struct scn_node *node, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		if (node[i].kind == SCN_STEP)
			encode_step(encoder, node[i].step);
		else if (node[i].kind != SCN_CONDITION)
			encode_nodes(encoder, node[i].body, node[i].body_count);
	}
}

size_t ops_encode(const char *path, u8 *data, size_t max)
{
	struct encoder encoder = { .data = data, .size = OPS_HEAD, .max = max };
	const struct run_options options = { .variant = 0 };
	struct sim_config config;
	struct diag diag;
	struct scn *scn;

	diag_clear(&diag);
	scn = scn_parse_file(path, &diag);
	if (!scn || max < OPS_HEAD || !run_config(scn, &options, &config, &diag)) {
		scn_free(scn);
		return 0;
	}
	ops_machine_encode(&config, data);
	data[0] |= OPS_BARE;	/* the scenario brings its own TD */
	encode_nodes(&encoder, scn->node, scn->node_count);
	scn_free(scn);
	return encoder.size > OPS_HEAD ? encoder.size : 0;
}
