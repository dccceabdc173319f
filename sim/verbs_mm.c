// SPDX-License-Identifier: GPL-2.0-only
/*
 * Handlers of `user`, `gup` and `mm`: everybody else who touches guest memory or
 * the frames it came from.
 */
#include "sim/run_impl.h"

#define AT_GMEM(step)	((step)->value[0].id)
#define AT_OFFSET(step)	((step)->value[0].number)

/* ---- user ---- */

void verb_user_mmap(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->gmem_mmap(step_host(run), step->value[0].id,
						     step->value[1].number,
						     step->value[2].number, !step_has(step, 3)));
}

void verb_user_munmap(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->gmem_munmap(step_host(run), step->value[0].id,
						       step->value[1].number,
						       step->value[2].number));
}

void verb_user_read(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 token = 0;
	int rc = step_ops(run)->gmem_user_access(step_host(run), AT_GMEM(step), AT_OFFSET(step),
						 false, &token);

	out_errno(run, out, rc);
	if (!rc && step_has(step, 1))
		out_compare_number(out, "token", step->value[1].number, token);
}

void verb_user_write(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 token = run_token(run, step, 1);

	out_errno(run, out, step_ops(run)->gmem_user_access(step_host(run), AT_GMEM(step),
							    AT_OFFSET(step), true, &token));
}

/* Its folios are small when nothing is said, those of a hugetlb file 2M. */
void verb_user_open_file(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	bool hugetlb = step->value[2].number == HOST_FILE_HUGETLB;
	u64 order = step_number(step, 3, hugetlb ? 9 : 0), min_order = step_number(step, 4, 0);
	u32 gmem = step->value[0].id;
	struct host_file_params params = {
		.kind = step->value[2].number, .size = step->value[1].number,
		.order = order, .min_order = min_order,
		.max_pages = step_number(step, 5, -1), .min_pages = step_number(step, 6, -1),
	};
	int rc;

	if (order > 18 || min_order > 18) {
		out_bad_input(out, "no folio has an order above 18");
		return;
	}
	rc = step_ops(run)->file_open(step_host(run), gmem, &params);
	run_created(run, OBJECT_GMEM, gmem, rc);
	out_errno(run, out, rc);
}

void verb_user_pread(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	u64 token = 0;
	int rc = step_ops(run)->file_read(step_host(run), AT_GMEM(step), AT_OFFSET(step), &token);

	out_errno(run, out, rc);
	if (!rc && step_has(step, 1))
		out_compare_number(out, "token", step->value[1].number, token);
}

void verb_user_madv_hwpoison(struct run *run, const struct scn_step *step,
			     struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->madv_hwpoison(step_host(run), AT_GMEM(step),
							 AT_OFFSET(step)));
}

/* ---- gup ---- */

static void gup(struct run *run, const struct scn_step *step, bool give, bool pin,
		struct run_outcome *out)
{
	s32 count = step_number(step, 1, 1);

	out_errno(run, out, step_ops(run)->gup(step_host(run), AT_GMEM(step), AT_OFFSET(step),
					       give ? -count : count, pin));
}

void verb_gup_take(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	gup(run, step, false, false, out);
}

void verb_gup_drop(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	gup(run, step, true, false, out);
}

void verb_gup_pin(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	gup(run, step, false, true, out);
}

void verb_gup_unpin(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	gup(run, step, true, true, out);
}

/* ---- mm ---- */

void verb_mm_memory_failure(struct run *run, const struct scn_step *step,
			    struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->memory_failure(step_host(run), AT_GMEM(step),
							  AT_OFFSET(step),
							  step_number(step, 1, 0)));
}

void verb_mm_unpoison(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->unpoison(step_host(run), AT_GMEM(step),
						    AT_OFFSET(step)));
}

/* Whoever has the frame; a name that names none is a slip of the hand. */
static void frame_event(struct run *run, const struct scn_step *step,
			enum host_frame_event event, u32 flags, struct run_outcome *out)
{
	const struct run_frame *frame = &run->world.frame[step->value[0].id];

	if (frame->used)
		out_errno(run, out, step_ops(run)->frame_event(step_host(run), frame->pfn,
							       event, flags));
	else
		out_bad_input(out, "p%u names no frame", step->value[0].id);
}

void verb_mm_frame_failure(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	frame_event(run, step, FRAME_MEMORY_FAILURE, step_number(step, 1, 0), out);
}

void verb_mm_frame_unpoison(struct run *run, const struct scn_step *step,
			    struct run_outcome *out)
{
	frame_event(run, step, FRAME_UNPOISON, 0, out);
}

void verb_mm_soft_offline(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	frame_event(run, step, FRAME_SOFT_OFFLINE, 0, out);
}

void verb_mm_lru_add_drain(struct run *run, const struct scn_step *step,
			   struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->lru_add_drain(step_host(run)));
}

/* A name that was given back may be used again; one in use may not. */
void verb_mm_alloc(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_frame *frame = &run->world.frame[step->value[0].id];
	u8 order = step_number(step, 1, 0);
	int rc;

	if (frame->owned) {
		out_bad_input(out, "p%u is in use, free it first", step->value[0].id);
		return;
	}
	rc = step_ops(run)->page_alloc(step_host(run), order, &frame->pfn);
	frame->used = frame->owned = !rc;
	frame->order = order;
	out_errno(run, out, rc);
}

static struct run_frame *owned_frame(struct run *run, const struct scn_step *step,
				     struct run_outcome *out)
{
	struct run_frame *frame = &run->world.frame[step->value[0].id];

	if (frame->owned)
		return frame;
	out_bad_input(out, "p%u was not allocated by 'mm alloc'", step->value[0].id);
	return NULL;
}

void verb_mm_write(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_frame *frame = owned_frame(run, step, out);

	if (frame)
		out_errno(run, out,
			  step_ops(run)->page_write(step_host(run), frame->pfn,
						    run_token(run, step, 1), step_has(step, 2)));
}

void verb_mm_free(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	struct run_frame *frame = owned_frame(run, step, out);

	if (!frame)
		return;
	frame->owned = false;
	out_errno(run, out, step_ops(run)->page_free(step_host(run), frame->pfn, frame->order));
}

void verb_mm_nr_hugepages(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->hugetlb_resize(step_host(run), step->value[0].number,
							  step->value[1].number,
							  step_number(step, 2, 0)));
}

void verb_mm_demote(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	out_errno(run, out, step_ops(run)->hugetlb_demote(step_host(run), step->value[0].number,
							  step->value[1].number));
}

void verb_mm_sysctl(struct run *run, const struct scn_step *step, struct run_outcome *out)
{
	int rc = step_ops(run)->sysctl(step_host(run), step->value[0].word, step->value[1].number);

	if (rc == -ENOENT)
		out_bad_input(out, "no sysctl 'vm.%s' here", step->value[0].word);
	else
		out_errno(run, out, rc);
}
