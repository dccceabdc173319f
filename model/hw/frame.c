// SPDX-License-Identifier: GPL-2.0-only
/*
 * Physical frames: who wrote last, under which KeyID, and what a reader gets.
 * Follows the memory-protection chapter of the TDX module's specification:
 * a TD-owner bit a line, integrity checked on private reads, caches that keep
 * lines of different KeyIDs apart and incoherent.
 *
 * Left out: lines of one frame are never told apart, except that a partial
 * write spoils it; at most one KeyID's stale dirty lines hang over a frame.
 */
#include "model/hw/hw.h"

const struct hw_config hw_config_default = {
	.ram_bytes = 4 * SZ_1G,
	.cpu_count = 4,
	.package_count = 2,
	.keyid_private_first = 32,
	.keyid_count = 64,
};

struct hw *hw_create(struct env *env, const struct hw_config *config)
{
	struct hw *hw;

	if (!config->cpu_count || config->cpu_count > HW_CPU_MAX || !config->package_count ||
	    config->package_count > HW_PACKAGE_MAX || config->package_count > config->cpu_count ||
	    !config->ram_bytes || config->ram_bytes % SZ_1G ||
	    config->ram_bytes > BIT_ULL(HW_PHYS_BITS) || config->keyid_count > HW_KEYID_MAX ||
	    !config->keyid_private_first || config->keyid_private_first >= config->keyid_count)
		return NULL;
	hw = arena_alloc(env->arena, sizeof(*hw));
	hw->env = env;
	env->layer[LAYER_HW] = hw;
	hw->frame_count = config->ram_bytes >> PAGE_SHIFT;
	hw->cpu_count = config->cpu_count;
	hw->package_count = config->package_count;
	hw->keyid_private_first = config->keyid_private_first;
	hw->keyid_count = config->keyid_count;
	hw->partial_write_erratum = config->partial_write_erratum;
	sparse_init(&hw->frames, sizeof(struct hw_frame), hw->frame_count);
	hw->cpu = arena_alloc(env->arena, hw->cpu_count * sizeof(*hw->cpu));
	for (u32 i = 0; i < hw->cpu_count; i++)
		hw->cpu[i] = (struct hw_cpu){
			.id = i,
			.package = i * hw->package_count / hw->cpu_count,
			.online = true,
		};
	return hw;
}

/* Stale lines reach memory over what another KeyID wrote meanwhile. */
static void write_back(struct hw_frame *frame)
{
	frame->flags &= ~HW_FRAME_DIRTY;
	if (frame->dirty_keyid == frame->keyid)
		return;
	frame->keyid = frame->dirty_keyid;
	frame->token = frame->dirty_token;
}

/* Applies every WBINVD that happened since. */
static inline void notice_wbinvd(struct hw *hw, struct hw_frame *frame)
{
	if (frame->flags & HW_FRAME_DIRTY &&
	    frame->dirty_round != hw->wb_round[frame->dirty_package])
		write_back(frame);
}

/* The frame as it is now. NULL beyond RAM. */
static inline struct hw_frame *frame_get(struct hw *hw, hpa_t hpa)
{
	struct hw_frame *frame;

	if (unlikely(hpa_to_pfn(hpa) >= hw->frame_count))
		return NULL;
	frame = sparse_get(&hw->frames, hpa_to_pfn(hpa));
	notice_wbinvd(hw, frame);
	return frame;
}

static u8 this_package(struct hw *hw)
{
	int cpu = current_task(hw->env)->cpu;

	return cpu >= 0 && (u32)cpu < hw->cpu_count ? hw->cpu[cpu].package : 0;
}

/* Lines now dirty in @package's cache; another KeyID's stale ones stay. */
static inline void mark_dirty(struct hw *hw, struct hw_frame *frame, u8 package)
{
	if (frame->flags & HW_FRAME_DIRTY && frame->dirty_keyid != frame->keyid)
		return;
	frame->flags |= HW_FRAME_DIRTY;
	frame->dirty_keyid = frame->keyid;
	frame->dirty_token = frame->token;
	frame->dirty_package = package;
	frame->dirty_round = hw->wb_round[package];
}

static enum hw_access machine_check(struct hw *hw)
{
	hw->mce_count++;
	return HW_MC;
}

/* The host touches @frame in a way that consumes it. */
static void check_host_access(struct hw *hw, const struct hw_frame *frame, hpa_t hpa,
			      const char *how)
{
	check_that(hw->env, INV_HOST_NEVER_CONSUMES_TD,
		   !(frame->flags & HW_FRAME_POISON) && !hw_keyid_private(hw, frame->keyid),
		   "host %s of frame %#llx, KeyID %u%s", how, (unsigned long long)hpa,
		   frame->keyid, frame->flags & HW_FRAME_POISON ? ", poisoned" : "");
}

enum hw_access hw_read(struct hw *hw, hpa_t hpa, u16 keyid, u64 *token)
{
	struct hw_frame *frame = frame_get(hw, hpa);
	bool private = hw_keyid_private(hw, keyid);

	*token = TOKEN_ZERO;
	if (!frame)
		return HW_ZEROS;
	if (!private)
		check_host_access(hw, frame, hpa, "read");
	if (frame->flags & HW_FRAME_POISON)
		return machine_check(hw);
	if (frame->keyid == keyid) {
		*token = frame->token;
		return HW_OK;
	}
	if (private)
		return machine_check(hw);
	return hw_keyid_private(hw, frame->keyid) ? HW_ZEROS : HW_OK;
}

enum hw_access hw_write(struct hw *hw, hpa_t hpa, u16 keyid, u64 token)
{
	struct hw_frame *frame = frame_get(hw, hpa);

	if (!frame)
		return HW_OK;
	if (hw_keyid_private(hw, keyid) &&
	    (frame->keyid != keyid || frame->flags & HW_FRAME_POISON))
		return machine_check(hw);
	frame->token = token;
	frame->keyid = keyid;
	mark_dirty(hw, frame, this_package(hw));
	return HW_OK;
}

static inline void zero_frame(struct hw *hw, struct hw_frame *frame, u8 package)
{
	notice_wbinvd(hw, frame);
	frame->token = TOKEN_ZERO;
	frame->keyid = KEYID_SHARED;
	mark_dirty(hw, frame, package);
}

static __noinline void zero_range(struct hw *hw, kvm_pfn_t pfn, u64 nr)
{
	kvm_pfn_t end = pfn + nr < hw->frame_count ? pfn + nr : hw->frame_count;
	u8 package = this_package(hw);
	struct hw_frame *frame = NULL;

	for (; pfn < end; pfn++, frame++) {
		/* Neighbours of one leaf lie side by side. */
		if (!frame || !(pfn & (SPARSE_LEAF_SIZE - 1)))
			frame = sparse_get(&hw->frames, pfn);
		zero_frame(hw, frame, package);
	}
}

void hw_zero(struct hw *hw, kvm_pfn_t pfn, u64 nr)
{
	if (likely(nr == 1 && pfn < hw->frame_count))
		zero_frame(hw, sparse_get(&hw->frames, pfn), this_package(hw));
	else
		zero_range(hw, pfn, nr);
}

enum hw_access hw_write_partial(struct hw *hw, hpa_t hpa, u64 token)
{
	struct hw_frame *frame = frame_get(hw, hpa);

	if (!frame)
		return HW_OK;
	check_host_access(hw, frame, hpa, "partial write");
	if (hw_keyid_private(hw, frame->keyid) && hw->partial_write_erratum)
		frame->flags |= HW_FRAME_POISON;
	frame->token = token;
	frame->keyid = KEYID_SHARED;
	mark_dirty(hw, frame, this_package(hw));
	return HW_OK;
}

void hw_movdir64b(struct hw *hw, hpa_t hpa, u16 keyid, u64 token)
{
	struct hw_frame *frame = frame_get(hw, hpa);

	if (!frame)
		return;
	if (frame->dirty_keyid == keyid)
		frame->flags &= ~HW_FRAME_DIRTY;
	frame->flags &= ~HW_FRAME_POISON;
	frame->token = token;
	frame->keyid = keyid;
}

void hw_clflush(struct hw *hw, hpa_t hpa, u16 keyid)
{
	struct hw_frame *frame = frame_get(hw, hpa);

	if (frame && frame->flags & HW_FRAME_DIRTY && frame->dirty_keyid == keyid)
		write_back(frame);
}

/*
 * Frames notice by themselves at their next use that a round went by. When the
 * round number wraps, each is made to notice now.
 */
void hw_wbinvd(struct hw *hw, u32 package)
{
	if (package >= hw->package_count)
		return;
	if (++hw->wb_round[package])
		return;
	for (u64 pfn = 0; (pfn = sparse_next(&hw->frames, pfn)) < hw->frame_count; pfn++) {
		struct hw_frame *frame = sparse_get(&hw->frames, pfn);

		if (frame->flags & HW_FRAME_DIRTY && frame->dirty_package == package)
			write_back(frame);
	}
}

const struct hw_frame *hw_frame_peek(struct hw *hw, kvm_pfn_t pfn)
{
	if (pfn >= hw->frame_count || !sparse_find(&hw->frames, pfn))
		return NULL;
	return frame_get(hw, pfn_to_hpa(pfn));
}
