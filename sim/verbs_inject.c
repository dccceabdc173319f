// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of `inject`, `module` and `test`: faults to come, SEAMCALLs made by
 * hand, and the bench's own tools.
 */
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"

/*
 * What `nth` counts from is the moment the line runs. refuse and late need the
 * status to return; busy needs to know whose lock is held.
 */
void verb_inject_seamcall(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 kind = step->value[3].number;
	struct inject_rule rule = {
		.leaf = step->value[0].number, .nth = step_number(step, 1, 1),
		.times = step_number(step, 2, 1), .kind = kind,
		.status = step_number(step, 4, 0),
		/* file and line, for "never fired" */
		.line = run->node ? (u32)run->node->file << 24 | run->node->line : 0,
	};
	bool wants_status = kind == INJECT_REFUSE || kind == INJECT_LATE;

	if (wants_status != step_has(step, 4)) {
		out_bad_input(out, wants_status ? "kind=refuse and kind=late need status=" :
						  "kind=lie and kind=busy have no status=");
		return;
	}
	if (!rule.nth || !rule.times) {
		out_bad_input(out, "nth= and times= count from 1");
		return;
	}
	if (wants_status)
		rule.status |= step_number(step, 5, 0);
	else if (kind == INJECT_BUSY)
		rule.status = step_number(step, 5, 0);
	if (inject_add(run->sim->env, &rule))
		out_bad_input(out, "more than %u injections", INJECT_RULE_MAX);
}

void verb_inject_alloc(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct injector *injector = &run->sim->env->injector;

	if (!step->value[0].number) {
		out_bad_input(out, "nth= counts from 1");
		return;
	}
	injector->alloc_fail_nth = injector->alloc_count + step->value[0].number;
	injector->alloc_fail_times = step_number(step, 1, 1);
}

/* What never fired before this is still reported at the end. */
void verb_inject_none(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	inject_disarm(run->sim->env);
}

/* What operand @i puts into its register. Where pages lie is the kernel's choice. */
static u64 register_of(struct run *run, const struct scn_step *step, u32 i,
		       struct run_outcome *out)
{
	const struct scn_value *value = &step->value[i];
	struct host_vm_view vm = { 0 };
	hpa_t hpa = 0;

	if (!step_has(step, i) || !value->of_object)
		return step_number(step, i, 0);
	switch (value->number) {
	case REGISTER_TDR:
		if (!step_ops(run)->probe_vm(step_host(run), value->id, &vm))
			hpa = vm.tdr;
		break;
	case REGISTER_TDVPR:
		if (step_ops(run)->probe_vcpu(step_host(run), value->id >> 8, value->id & 0xff, &hpa))
			hpa = 0;
		break;
	case REGISTER_FRAME:
		if (run->world.frame[value->id].used)
			hpa = pfn_to_hpa(run->world.frame[value->id].pfn);
		break;
	}
	if (!hpa)
		out_bad_input(out, "%s= names a page that is not there",
			      step->verb->operand[i].name);
	return hpa;
}

void verb_module_seamcall(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct tdx_module_args args = {
		.rcx = register_of(run, step, 1, out), .rdx = register_of(run, step, 2, out),
		.r8 = register_of(run, step, 3, out), .r9 = register_of(run, step, 4, out),
		.r10 = register_of(run, step, 5, out), .r11 = register_of(run, step, 6, out),
		.r12 = register_of(run, step, 7, out),
	};
	u64 rax = step->value[0].number | step_number(step, 8, 0) << 16;
	u64 lp = step_number(step, 9, 0);
	struct hw_cpu *cpu;

	/* A machine that this host cannot be has no module that was brought up. */
	if (step_host(run)->skip) {
		out_errno(run, out, HOST_SKIP);
		return;
	}
	if (lp >= run->sim->hw->cpu_count) {
		out_bad_input(out, "there are %u logical processors", run->sim->hw->cpu_count);
		return;
	}
	if (out->bad_input)
		return;
	cpu = &run->sim->hw->cpu[lp];
	if (!cpu->online) {
		out_bad_input(out, "logical processor %llu is offline", (unsigned long long)lp);
		return;
	}
	cpu->irqs_on = true;
	out->result = (struct scn_result){
		.kind = RESULT_STATUS, .number = seamcall(run->sim->tdx, lp, rax, &args),
	};
	/* What waited is taken as soon as the SEAMCALL is back. */
	cpu->irqs_on = cpu->irq_pending = false;
}

void verb_test_remember(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_frame *frame = &run->world.frame[step->value[0].id];
	struct host_folio_view folio;
	int rc = step_ops(run)->probe_folio(step_host(run), step->value[1].id,
					    step->value[1].number, &folio);

	if (rc || !folio.present) {
		out_bad_input(out, "there is no page at this offset to remember");
		return;
	}
	if (frame->owned) {
		out_bad_input(out, "p%u is in use, free it first", step->value[0].id);
		return;
	}
	*frame = (struct run_frame){
		.used = true,
		.pfn = folio.pfn + ((step->value[1].number >> PAGE_SHIFT) &
				    ((1ULL << folio.order) - 1)),
	};
}

/* By address: the kernel's own memory, or what is no memory. */
void verb_test_frame(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_frame *frame = &run->world.frame[step->value[0].id];
	hpa_t hpa = step->value[1].number;

	if (frame->owned)
		out_bad_input(out, "p%u is in use, free it first", step->value[0].id);
	else if (!IS_ALIGNED(hpa, PAGE_SIZE) || hpa >> HW_PHYS_BITS)
		out_bad_input(out, "hpa=0x%llx is no frame's address", (long long)hpa);
	else
		*frame = (struct run_frame){ .used = true, .pfn = hpa_to_pfn(hpa) };
}

void verb_test_irq(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 cpu = step->value[0].number;

	if (cpu >= run->sim->hw->cpu_count)
		out_bad_input(out, "there are %u logical processors", run->sim->hw->cpu_count);
	else
		run->sim->hw->cpu[cpu].irq_pending = true;
}

void verb_test_measure(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	run->world.measure = step->value[0].number;
	run->world.measured = true;
}

void verb_test_teardown(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 kind, id;

	run->world.teardown_line = run->node ? run->node->line : 1;
	step_ops(run)->teardown(step_host(run));
	for (kind = 0; kind < ARRAY_SIZE(run->world.closed_line); kind++)
		for (id = 0; id < ARRAY_SIZE(run->world.closed_line[0]); id++)
			if (run->world.created_line[kind][id])
				run->world.closed_line[kind][id] = run->world.teardown_line;
	memset(run->world.slot, 0, sizeof(run->world.slot));
}
