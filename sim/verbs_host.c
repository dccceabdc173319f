// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of `host`: each one a call of the host interface. What a VMM's
 * ioctls would answer is the result; the runner adds nothing to it.
 */
#include <string.h>

#include "model/kvm/kvm_uapi.h"
#include "sim/run_impl.h"
#include "sim/words.h"

#define FALLOC_FL_KEEP_SIZE	0x01
#define FALLOC_FL_PUNCH_HOLE	0x02

#define VCPU_TD(id)		((id) >> 8)
#define VCPU_NR(id)		((id) & 0xff)

/* TD ATTRIBUTES bit 28, SEPT_VE_DISABLE: KVM of 7.3.4 insists on it. */
#define ATTRIBUTES_DEFAULT	(1ULL << 28)

void verb_host_create_vm(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 td = step->value[0].id;
	u64 type = step_number(step, 1, KVM_X86_TDX_VM);
	int rc = step_ops(run)->vm_create(step_host(run), td, type);

	if (!rc) {
		/* Nothing of an earlier VM of that name. */
		run->world.gpaw[td] = 0;
		run->world.content[td] = NULL;
	}
	run_created(run, OBJECT_TD, td, rc);
	out_errno(run, out, rc);
}

void verb_host_init_td(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct host_td_params params = {
		.attributes = step_number(step, 1, ATTRIBUTES_DEFAULT),
		.gpaw = step_number(step, 2, 48),
		.reserved = step_number(step, 3, 0),
		.xfam = step_number(step, 4, 0),
		.leaf = step_number(step, 5, 0),
		.index = step_number(step, 6, 0),
		.more = (s32)step_number(step, 7, 1) - 1,
		.padding = step_number(step, 8, 0),
	};
	int rc;

	rc = step_ops(run)->td_init(step_host(run), step->value[0].id, &params);
	/* An address width that was refused shifts nothing. */
	if (!rc)
		run->world.gpaw[step->value[0].id] = params.gpaw;
	out_errno(run, out, rc);
}

void verb_host_create_vcpu(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 id = step->value[0].id;
	int rc = step_ops(run)->vcpu_create(step_host(run), VCPU_TD(id), VCPU_NR(id));

	run_created(run, OBJECT_VCPU, VCPU_TD(id) * HOST_VCPU_MAX + VCPU_NR(id), rc);
	out_errno(run, out, rc);
}

void verb_host_init_vcpu(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 id = step->value[0].id;

	out_errno(run, out, step_ops(run)->vcpu_init(step_host(run), VCPU_TD(id), VCPU_NR(id),
						     step_number(step, 1, 0)));
}

void verb_host_finalize(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->finalize(step_host(run), step->value[0].id));
}

void verb_host_close_vcpu(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 id = step->value[0].id;
	int rc = step_ops(run)->vcpu_close(step_host(run), VCPU_TD(id), VCPU_NR(id));

	run_closed(run, OBJECT_VCPU, VCPU_TD(id) * HOST_VCPU_MAX + VCPU_NR(id), rc);
	out_errno(run, out, rc);
}

void verb_host_close_vm(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 td = step->value[0].id;
	int rc = step_ops(run)->vm_close(step_host(run), td);

	run_closed(run, OBJECT_TD, td, rc);
	out_errno(run, out, rc);
}

/* How a VMM says which size the pages are to have. */
static u64 gmem_page_flags(u8 level)
{
	static const u64 flags[] = {
		[PG_LEVEL_2M] = GUEST_MEMFD_FLAG_HUGETLB | GUESTMEM_HUGETLB_FLAG_2MB,
		[PG_LEVEL_1G] = GUEST_MEMFD_FLAG_HUGETLB | GUESTMEM_HUGETLB_FLAG_1GB,
	};

	return level < ARRAY_SIZE(flags) ? flags[level] : 0;
}

void verb_host_create_gmem(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 page = gmem_page_flags(step_number(step, 4, run->sim->config.host.gmem_page));
	u32 gmem = step->value[0].id;
	int rc = step_ops(run)->gmem_create(step_host(run), step_id(step, 2, 0), gmem,
					    step->value[1].number,
					    step_number(step, 3, 0) | page);

	run_created(run, OBJECT_GMEM, gmem, rc);
	out_errno(run, out, rc);
}

void verb_host_link_gmem(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 gmem = step->value[0].id;
	int rc = step_ops(run)->gmem_link(step_host(run), step_id(step, 2, 0), gmem,
					  step->value[1].id);

	run_created(run, OBJECT_GMEM, gmem, rc);
	out_errno(run, out, rc);
}

void verb_host_move_vm(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 to = step->value[0].id, from = step->value[1].id;
	int rc = step_ops(run)->vm_move(step_host(run), to, from);

	/* What the guest wrote goes with it. */
	if (!rc) {
		run->world.content[to] = run->world.content[from];
		run->world.content[from] = NULL;
		run->world.gpaw[to] = run->world.gpaw[from];
	}
	out_errno(run, out, rc);
}

void verb_host_close_gmem(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 gmem = step->value[0].id;
	int rc = step_ops(run)->gmem_close(step_host(run), gmem);

	run_closed(run, OBJECT_GMEM, gmem, rc);
	out_errno(run, out, rc);
}

/* ---- Slots ---- */

static void forget_slot(struct run *run, u32 td, u32 slot)
{
	u32 i;

	for (i = 0; i < RUN_SLOT_MAX; i++)
		if (run->world.slot[i].td == td && run->world.slot[i].slot == slot)
			run->world.slot[i].used = false;
}

static void remember_slot(struct run *run, const struct run_slot *slot)
{
	u32 i;

	forget_slot(run, slot->td, slot->slot);
	for (i = 0; i < RUN_SLOT_MAX; i++) {
		if (run->world.slot[i].used)
			continue;
		run->world.slot[i] = *slot;
		return;
	}
}

static const struct run_slot *overlapping_slot(const struct run *run, const struct run_slot *slot)
{
	u32 i;

	for (i = 0; i < RUN_SLOT_MAX; i++) {
		const struct run_slot *other = &run->world.slot[i];

		if (other->used && other->td == slot->td && other->slot != slot->slot &&
		    other->gpa < slot->gpa + slot->size && slot->gpa < other->gpa + other->size)
			return other;
	}
	return NULL;
}

static bool states_errno(const struct scn_step *step)
{
	u32 i;

	for (i = 0; i < step->result_count; i++)
		if (step->result[i].kind != RESULT_ERRNO || step->result[i].number)
			return true;
	return false;
}

const struct run_slot *run_slot_of(const struct run *run, u32 td, gpa_t gpa)
{
	u32 i;

	for (i = 0; i < RUN_SLOT_MAX; i++) {
		const struct run_slot *slot = &run->world.slot[i];

		if (slot->used && slot->td == td && gpa - slot->gpa < slot->size)
			return slot;
	}
	return NULL;
}

void verb_host_set_region(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	const struct run_slot slot = {
		.used = true, .slot = step->value[0].number, .gpa = step->value[1].number,
		.size = step->value[2].number, .has_gmem = step_has(step, 3),
		.gmem = step_id(step, 3, 0), .offset = step_number(step, 4, 0),
		.td = step_id(step, 5, 0), .line = run->node ? run->node->line : 0,
	};
	u32 flags = step_number(step, 6, slot.has_gmem ? KVM_MEM_GUEST_MEMFD : 0);
	const struct run_slot *other = overlapping_slot(run, &slot);
	int rc;

	if (other && slot.size && !states_errno(step) && run->node) {
		out_bad_input(out, "slot %u overlaps slot %u of line %u (state '= EEXIST' to see it refused)",
			      slot.slot, other->slot, other->line);
		return;
	}
	rc = step_ops(run)->set_memory_region(step_host(run), slot.td, slot.slot, flags, slot.gpa,
					      slot.size, slot.has_gmem ? slot.gmem : -1,
					      slot.offset);
	if (!rc && slot.size)
		remember_slot(run, &slot);
	else if (!rc)
		forget_slot(run, slot.td, slot.slot);
	out_errno(run, out, rc);
}

/* ---- Memory ---- */

void verb_host_set_attributes(struct run *run, const struct scn_step *step,
			      struct run_outcome *out)
{
	u64 attributes = step->value[2].number ? KVM_MEMORY_ATTRIBUTE_PRIVATE : 0;

	out_errno(run, out,
		  step_ops(run)->set_attributes(step_host(run), step_id(step, 3, 0),
						step->value[0].number, step->value[1].number,
						step_number(step, 4, attributes)));
}

/* done= is an expectation on top of the result. */
static void check_done(const struct scn_step *step, u32 i, u64 done, struct run_outcome *out)
{
	if (step_has(step, i))
		out_compare_number(out, "done", step->value[i].number, done);
}

/* What the frame holds that is private memory at @gpa now. */
static u64 private_content(struct run *run, u32 td, gpa_t gpa)
{
	const struct hw_frame *frame = NULL;
	struct host_spte_view view;

	if (!step_ops(run)->probe_spte(step_host(run), td, gpa, true, &view) &&
	    view.state == SPTE_LEAF)
		frame = hw_frame_peek(run->sim->hw, view.pfn);
	return frame ? frame->token : TOKEN_ZERO;
}

/* With in_place the page keeps what it has: token= is what that must be. */
void verb_host_init_mem(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	gpa_t gpa = step->value[0].number, start = gpa;
	u64 pages = step->value[1].number >> PAGE_SHIFT;
	u32 vcpu = step_id(step, 2, 0), td = VCPU_TD(vcpu);
	bool in_place = step_has(step, 6);
	u64 token = in_place ? HOST_NO_SOURCE : run_token(run, step, 3);
	int rc = step_ops(run)->init_mem_region(step_host(run), td, VCPU_NR(vcpu), &gpa, &pages,
						step_has(step, 4) ? KVM_TDX_MEASURE_MEMORY_REGION : 0,
						token);

	out_errno(run, out, rc);
	for (; start < gpa; start += PAGE_SIZE) {
		if (in_place)
			token = private_content(run, td, start);
		run_content_set(run, td, start, token);
		if (in_place && step_has(step, 3))
			out_compare_number(out, "token", step->value[3].number, token);
	}
	check_done(step, 5, gpa - step->value[0].number, out);
}

void verb_host_pre_fault(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	gpa_t gpa = step->value[0].number;
	u64 size = step->value[1].number;
	u32 vcpu = step_id(step, 2, 0);

	out_errno(run, out, step_ops(run)->pre_fault(step_host(run), VCPU_TD(vcpu), VCPU_NR(vcpu),
						     &gpa, &size));
	check_done(step, 3, gpa - step->value[0].number, out);
}

void verb_host_punch_hole(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->fallocate(step_host(run), step->value[0].id,
						     FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
						     step->value[1].number,
						     step->value[2].number));
}

void verb_host_allocate(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->fallocate(step_host(run), step->value[0].id,
						     FALLOC_FL_KEEP_SIZE, step->value[1].number,
						     step->value[2].number));
}

void verb_host_fallocate(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->fallocate(step_host(run), step->value[0].id,
						     step->value[1].number, step->value[2].number,
						     step->value[3].number));
}

void verb_host_convert(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 error_offset = 0;
	int rc = step_ops(run)->gmem_convert(step_host(run), step->value[0].id,
					     step->value[1].number, step->value[2].number,
					     step->value[3].number, &error_offset);

	out_errno(run, out, rc);
	if (step_has(step, 4) && rc && rc != HOST_SKIP)
		out_compare_number(out, "error_off", step->value[4].number, error_offset);
}

void verb_host_answer(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 vcpu = step->value[0].id;

	out_errno(run, out, step_ops(run)->hypercall_answer(step_host(run), VCPU_TD(vcpu),
							    VCPU_NR(vcpu),
							    step_number(step, 1, 0)));
}

/* ---- The machine around the VMs ---- */

void verb_host_set_cpuid(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 vcpu = step->value[0].id;
	const struct host_cpuid cpuid = {
		.leaf = step->value[1].number, .index = step_number(step, 2, 0),
		.has_index = step_has(step, 2),
		.reg = { step_number(step, 3, 0), step_number(step, 4, 0),
			 step_number(step, 5, 0), step_number(step, 6, 0) },
		.count = step_number(step, 7, 1), .only = step_has(step, 8),
	};

	out_errno(run, out, step_ops(run)->vcpu_set_cpuid(step_host(run), VCPU_TD(vcpu),
							  VCPU_NR(vcpu), &cpuid));
}

void verb_host_signal_msi(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 vcpu = step->value[0].id;

	out_errno(run, out, step_ops(run)->signal_msi(step_host(run), VCPU_TD(vcpu),
						      VCPU_NR(vcpu)));
}

void verb_host_assign_device(struct run *run, const struct scn_step *step,
			     struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->noncoherent_dma(step_host(run), step->value[0].id,
							   true));
}

void verb_host_release_device(struct run *run, const struct scn_step *step,
			      struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->noncoherent_dma(step_host(run), step->value[0].id,
							   false));
}

void verb_host_misc_max(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->misc_max(step_host(run), step->value[0].number));
}

static void cpu_hotplug(struct run *run, const struct scn_step *step, bool online,
			struct run_outcome *out)
{
	u64 cpu = step->value[0].number;

	if (cpu >= run->sim->hw->cpu_count)
		out_bad_input(out, "there are %u logical processors", run->sim->hw->cpu_count);
	else
		out_errno(run, out, step_ops(run)->cpu_hotplug(step_host(run), cpu, online));
}

void verb_host_cpu_offline(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	cpu_hotplug(run, step, false, out);
}

void verb_host_cpu_online(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	cpu_hotplug(run, step, true, out);
}

/* ---- ioctls as they are ---- */

static const char *const call_words[HOST_CALL_NR] = {
#define HOST_CALL(id, word) [HOST_CALL_##id] = word,
#include "sim/base/host_calls.def"
#undef HOST_CALL
};

void verb_host_ioctl(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u32 vcpu = step_id(step, 2, 0), td = step_has(step, 2) ? VCPU_TD(vcpu) : step_id(step, 1, 0);
	u32 which = 0;
	long rc;

	while (which < HOST_CALL_NR && strcmp(call_words[which], step->value[0].word))
		which++;
	if (which == HOST_CALL_NR) {
		out_bad_input(out, "no ioctl is called '%s'", step->value[0].word);
		return;
	}
	if (which >= HOST_CALL_GMEM_IOCTL)
		td = step_id(step, 6, 0);
	rc = step_ops(run)->ioctl(step_host(run), td, VCPU_NR(vcpu), which,
				  step_number(step, 3, 0), step_number(step, 4, 0));
	out_errno(run, out, rc > 0 ? 0 : rc);
	if (step_has(step, 5) && rc >= 0)
		out_compare_number(out, "value", step->value[5].number, rc);
}
