// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at a stepped world and rolling it back, see image.h. A look lists the
 * chunks that changed, with their new hashes. The state's hash is the sum of its
 * chunks' hashes, so a changed chunk costs one subtraction and one addition. When
 * the state turns out to be new, the old bytes go to a log that a rollback reads
 * backwards; else they are put back at once.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/image_impl.h"

/*
 * Dead stack is wiped this far below where a task was ever suspended, and further
 * as long as that is not known so well: see image_resume().
 */
#define WIPE		512u
#define WIPE_EARLY	8192u
#define EARLY		4096u		/* resumes of a task */
/* Looks between two comparisons of the whole, so that no store that hides stays hidden. */
#define VERIFY_EVERY	4096u

enum { LOG_CHUNK, LOG_FROM };

struct image_log {
	u8 bytes[CHUNK];
	image_hash hash;
	u64 offset;			/* of the chunk; LOG_FROM: the old ->from */
	u32 region, kind;		/* kind: enum */
};

/* -- The log -- */

static void log_grow(struct image *image)
{
	image->log_room = image->log_room ? 2 * image->log_room : 1 << 11;
	image->log = realloc(image->log, image->log_room * sizeof(*image->log));
	if (!image->log)
		internal_error("no memory for an undo log of %llu chunks",
			       (unsigned long long)image->log_room);
}

static inline struct image_log *log_new(struct image *image, u32 region, u32 kind, u64 offset)
{
	struct image_log *log;

	if (unlikely(image->log_used == image->log_room))
		log_grow(image);
	log = &image->log[image->log_used++];
	log->offset = offset;
	log->region = region;
	log->kind = kind;
	return log;
}

static inline void log_chunk(struct image *image, u32 region, u64 offset)
{
	const struct image_region *r = &image->region[region];
	struct image_log *log = log_new(image, region, LOG_CHUNK, offset);

	copy_chunk(log->bytes, r->shadow + offset);
	log->hash = r->hash[offset >> CHUNK_SHIFT];
}

/* -- What changed -- */

#define SEED(region, offset) ((u64)(region) << 56 | (offset))

static void change_grow(struct image *image)
{
	image->change_room = image->change_room ? 2 * image->change_room : 1 << 8;
	image->change = realloc(image->change, image->change_room * sizeof(*image->change));
	if (!image->change)
		internal_error("no memory for a list of %llu chunks",
			       (unsigned long long)image->change_room);
}

static inline void list_change(struct image *image, u32 region, u64 offset)
{
	const struct image_region *r = &image->region[region];
	struct image_change *change;

	if (unlikely(image->changes == image->change_room))
		change_grow(image);
	change = &image->change[image->changes++];
	change->offset = offset;
	change->region = region;
	change->hash = 0;
	if (offset < r->hashed_from)
		return;
	change->hash = hash_chunk(r->live + offset, SEED(region, offset));
	image->next += change->hash;
	if (offset >= r->from && offset < r->to)
		image->next -= r->hash[offset >> CHUNK_SHIFT];
}

static void compare_range(struct image *image, u32 region, u64 from, u64 to)
{
	for (;; from += CHUNK) {
		from = image_find_change(image, &image->region[region], from, to);
		if (from >= to)
			return;
		list_change(image, region, from);
	}
}

/* Calls @each for each chunk of @arena that was stored to, is of the state and differs. */
typedef void chunk_fn(struct image *image, u32 region, u64 offset);

static inline void each_touched(struct image *image, struct arena *arena, u32 first, u32 end,
				chunk_fn *each)
{
	const u32 *list = arena_touched(arena);
	u32 i, k;

	for (i = 0; i < arena->touched; i++) {
		u8 *chunk = (u8 *)arena + ((u64)list[i] << CHUNK_SHIFT);

		*arena_mark((uintptr_t)chunk) = 0;
		for (k = first; k < end; k++) {
			const struct image_region *region = &image->region[k];
			u64 offset = (u64)(chunk - region->live);

			if (offset < region->from || offset >= region->to)
				continue;
			if (!chunk_same(chunk, region->shadow + offset))
				each(image, k, offset);
			break;
		}
	}
	arena->touched = 0;
}

/* Nothing lies beyond a lane's ->next. */
static void compare_arena(struct image *image)
{
	const struct image_region *region = &image->region[REGION_ARENA];
	const struct arena *arena = image->env->arena;
	u64 from = region->from;
	u32 i;

	for (i = 0; arena->lane && i < TASK_MAX; i++) {
		const struct arena_lane *lane = &arena->lane[i];

		if (!lane->end)
			continue;
		compare_range(image, REGION_ARENA, from, ALIGN_UP(lane->next, CHUNK));
		from = lane->end;
	}
	compare_range(image, REGION_ARENA, from, region->to);
}

static void look_at_memory(struct image *image)
{
	u32 i;

	if (image->tracked) {
		each_touched(image, image->env->arena, REGION_ARENA, REGION_ARENA + 1, list_change);
		if (image->extras)
			each_touched(image, image->extras, REGION_EXTRA, image->region_count,
				     list_change);
		return;
	}
	compare_arena(image);
	for (i = REGION_EXTRA; i < image->region_count; i++)
		compare_range(image, i, image->region[i].from, image->region[i].to);
}

/* Let the arena end with a whole chunk, wiped as arena_alloc() would. */
static u64 whole_chunks(struct arena *arena)
{
	u64 end = ALIGN_UP(arena->used, CHUNK);

	if (end > arena->used)
		arena_alloc(arena, end - arena->used);
	return arena->used = end;
}

/* An arena only grows while tasks run. */
static void look_at_growth(struct image *image)
{
	struct image_region *region = &image->region[REGION_ARENA];
	u64 at = region->to;

	region->next_to = whole_chunks(image->env->arena);
	for (; at < region->next_to; at += CHUNK)
		list_change(image, REGION_ARENA, at);
}

static void size_region(struct image_region *region, u64 size)
{
	region->shadow = realloc(region->shadow, size);
	region->hash = realloc(region->hash, (size >> CHUNK_SHIFT) * sizeof(*region->hash));
	if (!region->shadow || !region->hash)
		internal_error("no memory for a state of %llu bytes", (unsigned long long)size);
}

/* Where the live part of a suspended task's stack begins. */
static u8 *stack_pointer(const struct image *image, u8 id)
{
	const struct task *task = &image->env->sched.task[id];

	if (task->state == TASK_DONE || task->state == TASK_FREE)
		return (u8 *)task_stack_base(image->env, id) + task_stack_size();
	return task->context;
}

static void look_at_stack(struct image *image, u8 id)
{
	u32 which = REGION_STACK + id - 1;
	struct image_region *region = &image->region[which];
	u8 *pointer = stack_pointer(image, id);
	u64 low, at;

	if (!region->shadow) {
		region->live = task_stack_base(image->env, id);
		size_region(region, region->to);
		memset(region->live, 0, (size_t)(pointer - region->live));
	}
	low = ALIGN_DOWN((u64)(pointer - region->live), CHUNK);
	asan_unpoison(region->live + low, CHUNK);
	memset(region->live + low, 0, (size_t)(pointer - region->live) - low);
	region->next_from = low;
	compare_range(image, which, low > region->from ? low : region->from, region->to);
	for (at = low; at < region->from; at += CHUNK)
		list_change(image, which, at);
	for (at = region->from; at < low; at += CHUNK)
		image->next -= region->hash[at >> CHUNK_SHIFT];
}

u64 image_look(struct image *image)
{
	u32 ran;

	image->changes = 0;
	image->next = image->hash;
	image->moved = image->ran;
	image->ran = 0;
	look_at_memory(image);
	look_at_growth(image);
	for (ran = image->moved; ran; ran &= ran - 1)
		look_at_stack(image, (u8)__builtin_ctz(ran));
	return (u64)image->next & IMAGE_KEY_MASK;
}

image_hash image_state(const struct image *image)
{
	return image->next + image_digest(image);
}

/* -- Taking it in, or not -- */

static void verify(struct image *image)
{
	if (image->tracked && (image->check || ++image->looks % VERIFY_EVERY == 0))
		image_verify(image);
}

static void grow_shadow(struct image *image)
{
	struct image_region *region = &image->region[REGION_ARENA];

	if (region->next_to > image->arena_room) {
		image->arena_room = ALIGN_UP(region->next_to + region->next_to / 2, CHUNK);
		size_region(region, image->arena_room);
	}
}

/* The live part of a stack got shorter, or longer. */
static void commit_stack(struct image *image, u32 which)
{
	struct image_region *region = &image->region[which];
	u64 at;

	if (region->from == region->next_from)
		return;
	log_new(image, which, LOG_FROM, region->from);
	for (at = region->from; at < region->next_from; at += CHUNK)
		log_chunk(image, which, at);
	region->from = region->next_from;
}

void image_commit(struct image *image)
{
	const struct image_change *change = image->change, *end = change + image->changes;
	struct image_region *arena = &image->region[REGION_ARENA];
	u32 moved;

	grow_shadow(image);
	for (; change < end; change++) {
		struct image_region *region = &image->region[change->region];
		u64 at = change->offset;

		if (at >= region->from && at < region->to)
			log_chunk(image, change->region, at);
		copy_chunk(region->shadow + at, region->live + at);
		region->hash[at >> CHUNK_SHIFT] = change->hash;
	}
	for (moved = image->moved; moved; moved &= moved - 1)
		commit_stack(image, REGION_STACK + (u32)__builtin_ctz(moved) - 1);
	arena->to = arena->next_to;
	image->hash = image->next;
	verify(image);
}

image_hash image_capture(struct image *image)
{
	image_hash hash;

	image_look(image);
	hash = image_state(image);
	image_commit(image);
	return hash;
}

/* Freed objects come back to life: nothing of the state is poisoned any more. */
static void unpoison(const struct image *image)
{
	u32 i;

	asan_unpoison(image->env->arena, image->env->arena->used);
	for (i = REGION_STACK; i < REGION_EXTRA; i++)
		if (image->region[i].live)
			asan_unpoison(image->region[i].live + image->region[i].from,
				      image->region[i].to - image->region[i].from);
}

void image_drop(struct image *image)
{
	const struct image_change *change = image->change, *end = change + image->changes;
	u32 moved;
	u64 at;

	unpoison(image);
	for (; change < end; change++) {
		struct image_region *region = &image->region[change->region];

		at = change->offset;
		if (at >= region->from && at < region->to)
			copy_chunk(region->live + at, region->shadow + at);
	}
	for (moved = image->moved; moved; moved &= moved - 1) {
		struct image_region *region =
			&image->region[REGION_STACK + (u32)__builtin_ctz(moved) - 1];

		for (at = region->from; at < region->next_from; at += CHUNK)
			copy_chunk(region->live + at, region->shadow + at);
	}
	image->env->arena->used = image->region[REGION_ARENA].to;
	verify(image);
}

/*
 * Dead bytes below the stack pointer come from whatever branch ran there last.
 * The task's calls may leave some of them uninitialised inside their frames, and
 * equal states would differ in them. Only where it will be suspended does it matter.
 */
void image_resume(struct image *image, u8 id)
{
	struct image_region *region = &image->region[REGION_STACK + id - 1];
	u64 further = WIPE, from;
	u8 *base = task_stack_base(image->env, id);
	u64 context = (u64)(stack_pointer(image, id) - base);

	if (context < region->lowest)
		region->lowest = context;
	if (image->ran & 1u << id)
		return;
	if (region->resumed++ < EARLY)
		further = WIPE_EARLY;
	from = region->lowest > further ? region->lowest - further : 0;
	image->ran |= 1u << id;
	asan_unpoison(base + from, context - from);
	memset(base + from, 0, context - from);
}

/* -- Going back -- */

struct image_mark image_mark(const struct image *image)
{
	return (struct image_mark){ image->log_used, image->region[REGION_ARENA].to,
				    image->hash };
}

void image_rollback(struct image *image, const struct image_mark *mark)
{
	struct image_log *log = image->log + image->log_used, *end = image->log + mark->log_used;

	/* What was freed above the mark is handed out again. */
	asan_unpoison(image->env->arena, image->env->arena->used);
	while (log-- > end) {
		struct image_region *region = &image->region[log->region];

		if (unlikely(log->kind == LOG_FROM)) {
			region->from = log->offset;
			continue;
		}
		copy_chunk(region->live + log->offset, log->bytes);
		copy_chunk(region->shadow + log->offset, log->bytes);
		region->hash[log->offset >> CHUNK_SHIFT] = log->hash;
	}
	image->log_used = mark->log_used;
	image->region[REGION_ARENA].to = mark->used;
	image->env->arena->used = mark->used;
	image->hash = mark->hash;
	unpoison(image);
}

static void revert_chunk(struct image *image, u32 region, u64 offset)
{
	copy_chunk(image->region[region].live + offset, image->region[region].shadow + offset);
}

static void revert_region(const struct image_region *region)
{
	u64 at;

	for (at = region->from; at < region->to; at += CHUNK)
		copy_chunk(region->live + at, region->shadow + at);
}

void image_revert(struct image *image)
{
	struct arena *arena = image->env->arena;
	u32 i;

	unpoison(image);
	arena->used = image->region[REGION_ARENA].to;
	if (image->tracked) {
		each_touched(image, arena, REGION_ARENA, REGION_ARENA + 1, revert_chunk);
		if (image->extras)
			each_touched(image, image->extras, REGION_EXTRA, image->region_count,
				     revert_chunk);
		return;
	}
	revert_region(&image->region[REGION_ARENA]);
	for (i = REGION_EXTRA; i < image->region_count; i++)
		revert_region(&image->region[i]);
}

/* -- Life -- */

/* What was stored to before the shadow was taken is in the shadow. */
static void forget_touched(struct arena *arena)
{
	const u32 *list = arena_touched(arena);
	u32 i;

	for (i = 0; i < arena->touched; i++)
		*arena_mark((uintptr_t)arena + ((u64)list[i] << CHUNK_SHIFT)) = 0;
	arena->touched = 0;
}

/* All of a region is new. */
static void take_region(struct image *image, u32 which)
{
	struct image_region *region = &image->region[which];
	u64 at;

	for (at = region->from; at < region->to; at += CHUNK) {
		copy_chunk(region->shadow + at, region->live + at);
		region->hash[at >> CHUNK_SHIFT] = 0;
		if (at < region->hashed_from)
			continue;
		region->hash[at >> CHUNK_SHIFT] = hash_chunk(region->live + at, SEED(which, at));
		image->hash += region->hash[at >> CHUNK_SHIFT];
	}
}

void image_init(struct image *image, struct env *env)
{
	u64 used = whole_chunks(env->arena);
	u32 i;

	*image = (struct image){
		.env = env,
		.region_count = REGION_EXTRA,
		.tracked = arena_tracked(env->arena),
		.avx2 = __builtin_cpu_supports("avx2"),
	};
	for (i = REGION_STACK; i < REGION_EXTRA; i++)
		image->region[i] = (struct image_region){
			.from = task_stack_size(), .to = task_stack_size(),
			.lowest = task_stack_size(),
		};
	image->region[REGION_ARENA] = (struct image_region){
		.live = (u8 *)env->arena,
		.from = ALIGN_DOWN(env->arena->restore_from, CHUNK), .to = used,
		.next_to = used,
		.hashed_from = (uintptr_t)env->sched.before - (uintptr_t)env->arena,
	};
	grow_shadow(image);
	take_region(image, REGION_ARENA);
	if (image->tracked)
		forget_touched(env->arena);
}

void image_add(struct image *image, void *bytes, u32 size, bool hashed)
{
	u32 which = image->region_count++;
	struct image_region *region = &image->region[which];
	struct arena *arena = arena_of(bytes);

	if (image->region_count > REGION_NR || size % CHUNK)
		internal_error("%u bytes of host memory cannot be added to the state", size);
	*region = (struct image_region){
		.live = bytes, .to = size, .hashed_from = hashed ? 0 : size,
	};
	size_region(region, size);
	take_region(image, which);
	if (!image->tracked)
		return;
	if (!arena_tracked(arena) || (image->extras && image->extras != arena)) {
		image->tracked = false;
		return;
	}
	image->extras = arena;
	forget_touched(arena);
}

void image_free(struct image *image)
{
	u32 i;

	for (i = 0; i < image->region_count; i++) {
		free(image->region[i].shadow);
		free(image->region[i].hash);
	}
	free(image->change);
	free(image->log);
	*image = (struct image){ 0 };
}
