// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of `expect`, part two: VMs, TDs, the kernel's log, broken invariants
 * and counters.
 */
#include <stdio.h>
#include <string.h>

#include "model/kvm/kvm_uapi.h"
#include "model/tdx/tables.h"
#include "sim/run_impl.h"
#include "sim/words.h"

static void compare_yes_no(const struct scn_step *step, u32 i, bool actual,
			   struct run_outcome *out)
{
	if (step_has(step, i))
		out_compare_flag(out, step->verb->operand[i].name, step->value[i].number, actual);
}

void verb_expect_vm(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_vm_view view = { 0 };
	bool absent = step_has(step, 4);

	if (step_ops(run)->probe_vm(step_host(run), step->value[0].id, &view))
		view.exists = false;
	if (absent || !view.exists)
		out_compare(out, "", absent ? "absent" : "present",
			    view.exists ? "present" : "absent");
	if (!view.exists)
		return;
	compare_yes_no(step, 1, view.vm_dead, out);
	compare_yes_no(step, 2, view.vm_bugged, out);
	compare_yes_no(step, 3, view.hkid > 0, out);
}

void verb_expect_pages(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_vm_view view = { 0 };

	if (step_ops(run)->probe_vm(step_host(run), step->value[0].id, &view) || !view.exists)
		out_mismatch(out, "a VM", "no VM");
	else
		out_compare_number(out, "count", step->value[2].number,
				   view.pages[step->value[1].number - PG_LEVEL_4K]);
}

void verb_expect_split_walk(struct run *run, const struct scn_step *step,
			    struct run_outcome *out)
{
	struct host_vm_view view = { 0 };

	if (step_ops(run)->probe_vm(step_host(run), step->value[0].id, &view) || !view.exists)
		out_mismatch(out, "a VM", "no VM");
	else
		out_compare_number(out, "count", step->value[1].number, view.split_looked);
}

void verb_expect_td(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct host_vm_view vm = { 0 };
	struct tdx_td_view td;
	const char *word[2];

	if (step_ops(run)->probe_vm(step_host(run), step->value[0].id, &vm) || !vm.tdr ||
	    tdx_probe_td(run->sim->tdx, vm.tdr, &td)) {
		out_mismatch(out, "a TD", "no TD");
		return;
	}
	if (step_has(step, 1)) {
		word[0] = word_text(WORDS_TD_LIFE, step->value[1].number);
		word[1] = word_text(WORDS_TD_LIFE, td.lifecycle);
		out_compare(out, "life", word[0], word[1] ? word[1] : "?");
	}
	if (step_has(step, 2)) {
		word[0] = word_text(WORDS_TD_OP, step->value[2].number);
		word[1] = word_text(WORDS_TD_OP, td.op_state);
		out_compare(out, "state", word[0], word[1] ? word[1] : "?");
	}
	if (step_has(step, 3))
		out_compare_number(out, "children", step->value[3].number, td.child_count);
	if (step_has(step, 4))
		out_compare_number(out, "epoch", step->value[4].number, td.epoch);
	compare_yes_no(step, 5, td.fatal, out);
}

void verb_expect_exit(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 id = step->value[0].id;
	const struct host_exit *exit = &run->world.exit[id >> 8][id & 0xff];

	if (step_has(step, 1))
		out_compare_number(out, "gpa", step->value[1].number, exit->gpa);
	if (step_has(step, 2))
		out_compare_number(out, "size", step->value[2].number,
				   exit->reason == KVM_EXIT_HYPERCALL ?
				   exit->size << PAGE_SHIFT : exit->size);
	if (step_has(step, 3))
		out_compare_flag(out, "private", step->value[3].number,
				 exit->reason == KVM_EXIT_HYPERCALL ?
				 !!(exit->attributes & KVM_MAP_GPA_RANGE_ENCRYPTED) :
				 !!(exit->flags & KVM_MEMORY_EXIT_FLAG_PRIVATE));
	if (step_has(step, 4))
		out_compare_number(out, "nr", step->value[4].number, exit->nr);
}

/* ---- What was broken, said, counted ---- */

/*
 * Declares the finding too: a broken invariant that a scenario expects is no
 * failure of the run. It must be broken by now.
 */
void verb_expect_broken(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct checker *checker = &run->sim->env->checker;
	u64 inv = step->value[0].number;
	u32 i;

	/* Breaks that a look at the whole state finds, right now. */
	step_ops(run)->check(step_host(run));
	tdx_check(run->sim->tdx);
	for (i = 0; i < checker->broken_count; i++)
		if (checker->broken[i].inv == inv)
			break;
	if (!step->negated)
		run->world.broken_expected |= 1u << inv;
	if (i == checker->broken_count)
		out_mismatch(out, inv_name[inv], "not broken so far");
}

void verb_expect_kmsg(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct run_notes *notes = &run->notes;
	u32 i, found = 0, kept = notes->log_count < RUN_LOG_MAX ? notes->log_count : RUN_LOG_MAX;

	for (i = 0; i < kept; i++)
		found += strstr(notes->log[i].text, step->value[0].word) != NULL;
	if (step_has(step, 1))
		out_compare_number(out, "count", step->value[1].number, found);
	else if (!found)
		out_mismatch(out, "such a line in the log", "last line: %.100s",
			     kept ? notes->log[kept - 1].text : "(the log is empty)");
}

static void print_warns(const struct run *run, struct run_outcome *out)
{
	const struct run_notes *notes = &run->notes;
	u32 i;

	for (i = 0; i < notes->log_count && i < RUN_LOG_MAX; i++)
		if (notes->log[i].level == KMSG_WARN)
			out_mismatch(out, "", "(%.100s)", notes->log[i].text);
}

void verb_expect_warn(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct checker *checker = &run->sim->env->checker;

	if (!step->negated)
		run->world.warn_expected = step->value[0].number;
	out_compare_number(out, "warn", step->value[0].number, checker->warn_count);
	if (out->mismatch)
		print_warns(run, out);
}

void verb_expect_bug(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct checker *checker = &run->sim->env->checker;

	if (!step->negated)
		run->world.bug_expected = step->value[0].number;
	out_compare_number(out, "bug", step->value[0].number, checker->bug_count);
}

void verb_expect_seamcalls(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct injector *injector = &run->sim->env->injector;

	out_compare_number(out, "count", step->value[1].number,
			   injector->calls[step->value[0].number % INJECT_LEAF_MAX]);
}

void verb_expect_allocations(struct run *run, const struct scn_step *step,
			     struct run_outcome *out)
{
	out_compare_number(out, "count", step->value[0].number,
			   run->sim->env->injector.alloc_count);
}

void verb_expect_machine_checks(struct run *run, const struct scn_step *step,
				struct run_outcome *out)
{
	out_compare_number(out, "count", step->value[0].number, run->sim->hw->mce_count);
}
