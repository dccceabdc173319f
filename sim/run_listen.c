// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the runner hears while steps run: SEAMCALLs for the '>' lines, kernel
 * messages for `expect kmsg` and for the verdict.
 * Nothing heard here changes what happens next.
 */
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/run_impl.h"

/* FNV-1a over whole words: equal runs, equal hashes, on every compiler. */
static u64 hash_word(u64 hash, u64 word)
{
	return (hash ^ word) * 0x100000001b3ULL;
}

/* Errors that KVM asks for and goes on with. */
static const struct {
	u16 leaf;
	u64 status;
} tolerated[] = {
	/* A vCPU that never ran, or was flushed when it moved, has nothing to flush. */
	{ TDH_VP_FLUSH, TDX_VCPU_NOT_ASSOCIATED },
};

/*
 * Errors a host provokes knowingly and answers: contention, interruption, and
 * TD exits. Everything else is the finding of somebody's bug.
 */
static bool error_is_ordinary(u16 leaf, u64 status)
{
	const struct tdx_status_info *info = tdx_status_find(status);

	u32 i;

	if (!(status & TDX_STATUS_ERROR) || leaf == TDH_VP_ENTER)
		return true;
	for (i = 0; i < ARRAY_SIZE(tolerated); i++)
		if (tolerated[i].leaf == leaf && tolerated[i].status == TDX_STATUS(status))
			return true;
	return info && (info->retry == RETRY_SAME || info->retry == RETRY_RESUME);
}

static void listen_seamcall(struct run *run, const struct trace_event *event)
{
	u16 leaf = event->call.rax;
	struct run_notes *notes = &run->notes;
	bool asked = cross_event(run, event);
	u64 hash = run->result->trace_hash;

	hash = hash_word(hash, event->call.rax);
	hash = hash_word(hash, event->call.in->rcx);
	run->result->trace_hash = hash_word(hash, event->call.status);
	if (event->call.injected) {
		notes->fault_seen = true;
		return;
	}
	if (asked || notes->fault_seen || error_is_ordinary(leaf, event->call.status) ||
	    (run->node && run->node->step && run->node->step->actor.kind == ACTOR_MODULE))
		return;
	if (!notes->error_count++) {
		notes->first_error_step = run->step;
		cross_print_event(event, notes->first_error, sizeof(notes->first_error));
	}
}

static void listen_kmsg(struct run *run, const struct trace_event *event)
{
	struct run_notes *notes = &run->notes;
	char text[sizeof(notes->log[0].text)];

	snprintf(text, sizeof(text), "%s", event->text.text);
	if (notes->log_count < RUN_LOG_MAX) {
		notes->log[notes->log_count].level = event->text.level;
		notes->log[notes->log_count].step = run->step;
		strcpy(notes->log[notes->log_count].text, text);
	}
	notes->log_count++;
}

void run_listen(void *ctx, const struct trace_event *event)
{
	struct run *run = ctx;

	switch (event->kind) {
	case TRACE_SEAMCALL:
		listen_seamcall(run, event);
		break;
	case TRACE_KMSG:
		listen_kmsg(run, event);
		break;
	default:
		break;
	}
	if (run->options->listener && run->options->listener_mask & (1u << event->kind))
		run->options->listener(run->options->listener_ctx, event);
}
