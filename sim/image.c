// SPDX-License-Identifier: GPL-2.0-only
/*
 * Capturing and rolling back a stepped world, see image.h. A shadow copy tells
 * which chunks changed; their old bytes go to a log that a rollback reads
 * backwards. The arena's hash is the sum of its chunks' hashes, so a changed
 * chunk costs one subtraction and one addition.
 */
#include <immintrin.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/asan.h"
#include "sim/image.h"

#define CHUNK		64u
/* Dead stack below a suspended task is wiped this far: see wipe_below(). */
#define WIPE		4096u

#ifdef SEPTUM_ASAN
#define NO_ASAN __attribute__((no_sanitize("address")))
#else
#define NO_ASAN
#endif

enum { LOG_ARENA, LOG_STACK, LOG_STACK_LOW, LOG_EXTRA };

/* Stands behind the old chunk it is about; LOG_STACK_LOW has none. */
struct log_entry {
	u32 kind, which;	/* enum; task or extra */
	u64 offset;		/* of the chunk; LOG_STACK_LOW: the old ->low */
};

/* -- Bytes: not through libc, which AddressSanitizer would look over -- */

NO_ASAN static void copy(void *to, const void *from, size_t size)
{
	u8 *t = to;
	const u8 *f = from;

	for (; size >= 16; size -= 16, t += 16, f += 16)
		_mm_storeu_si128((__m128i *)t, _mm_loadu_si128((const __m128i *)f));
	while (size--)
		*t++ = *f++;
}

NO_ASAN static void wipe(void *to, size_t size)
{
	u8 *t = to;

	for (; size >= 16; size -= 16, t += 16)
		_mm_storeu_si128((__m128i *)t, _mm_setzero_si128());
	while (size--)
		*t++ = 0;
}

/* The compare is most of what a transition costs, so it is written out twice. */
NO_ASAN static bool chunk_same(const u8 *a, const u8 *b)
{
	const __m128i *x = (const __m128i *)a, *y = (const __m128i *)b;
	__m128i same = _mm_and_si128(
		_mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(x), _mm_loadu_si128(y)),
			      _mm_cmpeq_epi8(_mm_loadu_si128(x + 1), _mm_loadu_si128(y + 1))),
		_mm_and_si128(_mm_cmpeq_epi8(_mm_loadu_si128(x + 2), _mm_loadu_si128(y + 2)),
			      _mm_cmpeq_epi8(_mm_loadu_si128(x + 3), _mm_loadu_si128(y + 3))));

	return _mm_movemask_epi8(same) == 0xffff;
}

#define DIFF(i) _mm256_xor_si256(_mm256_loadu_si256(x + (i)), _mm256_loadu_si256(y + (i)))

/* Skips blocks of 256 equal bytes. */
NO_ASAN __attribute__((target("avx2")))
static u64 skip_same_avx2(const u8 *a, const u8 *b, u64 from, u64 to)
{
	for (; from + 256 <= to; from += 256) {
		const __m256i *x = (const __m256i *)(a + from), *y = (const __m256i *)(b + from);
		__m256i low = _mm256_or_si256(_mm256_or_si256(DIFF(0), DIFF(1)),
					      _mm256_or_si256(DIFF(2), DIFF(3)));
		__m256i high = _mm256_or_si256(_mm256_or_si256(DIFF(4), DIFF(5)),
					       _mm256_or_si256(DIFF(6), DIFF(7)));
		__m256i all = _mm256_or_si256(low, high);

		if (!_mm256_testz_si256(all, all))
			break;
	}
	return from;
}

/* Offset of the first chunk in [from, to) that differs, @to when none does. */
NO_ASAN static u64 find_change(const struct image *image, const u8 *a, const u8 *b,
			       u64 from, u64 to)
{
	u64 block;

	for (;;) {
		if (image->avx2)
			from = skip_same_avx2(a, b, from, to);
		block = from + 256 < to ? from + 256 : to;
		for (; from < block; from += CHUNK)
			if (!chunk_same(a + from, b + from))
				return from;
		if (from >= to)
			return to;
	}
}

/* -- Hashing -- */

static inline u64 fold(u64 a, u64 b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (u64)product ^ (u64)(product >> 64);
}

#define K0 0xa0761d6478bd642fULL
#define K1 0xe7037ed1a0b428dbULL
#define K2 0x8ebc6af09c88c6e3ULL
#define K3 0x589965cc75374cc3ULL

/* @seed: which chunk of which region. A chunk of zeros counts like any other. */
NO_ASAN static struct image_hash hash_chunk(const void *bytes, u64 seed)
{
	const u64 *word = bytes;
	u64 a = fold(seed ^ K0, K2), b = fold(seed ^ K1, K3);

	a ^= fold(word[0] ^ K0, word[1] ^ a) ^ fold(word[2] ^ K1, word[3] ^ ~a);
	b ^= fold(word[2] ^ K2, word[1] ^ b) ^ fold(word[0] ^ K3, word[3] ^ ~b);
	a ^= fold(word[4] ^ K2, word[5] ^ b) ^ fold(word[6] ^ K3, word[7] ^ ~b);
	b ^= fold(word[6] ^ K0, word[5] ^ a) ^ fold(word[4] ^ K1, word[7] ^ ~a);
	return (struct image_hash){ { fold(a ^ K2, b ^ K3), fold(a ^ K3, b ^ K0) } };
}

#define SEED(kind, which, offset) ((u64)(kind) << 60 | (u64)(which) << 52 | (offset))

static void hash_add(struct image_hash *hash, struct image_hash other)
{
	hash->word[0] += other.word[0];
	hash->word[1] += other.word[1];
}

static void hash_sub(struct image_hash *hash, struct image_hash other)
{
	hash->word[0] -= other.word[0];
	hash->word[1] -= other.word[1];
}

/* -- struct env: what decides about the future, and nothing that only counts -- */

struct digest {
	u64 a, b;
};

static inline void take(struct digest *digest, u64 value)
{
	digest->a = fold(value ^ digest->a, K1);
	digest->b = fold(value ^ K3, digest->b ^ K2);
}

/*
 * What the next round will see. Rounds begin anew in a later step, and once others
 * got on: then what was counted before decides nothing any more.
 */
static void take_spin(struct digest *digest, const struct sched *sched, const struct task *task,
		      u32 others, u32 step)
{
	const struct task_spin *spin = &task->spin;
	bool waits = task->state == TASK_SPINNING, later = spin->step != step;

	if (later && !waits)
		return;
	take(digest, (uintptr_t)task->waiting_loop);
	if (others != spin->others) {
		take(digest, 1 | spin->told << 1 | later << 2);
		return;
	}
	take(digest, spin->told << 1 | later << 2 | spin->stuck << 3 |
		     (sched->progress != spin->all) << 4 | (u64)spin->rounds << 8);
}

/*
 * Whom a blocked task lets pass: a reader the writers that have waited longer for the
 * same lock. Who else came first decides nothing.
 */
static u32 writers_before(const struct sched *sched, const struct task *task)
{
	u32 before = 0, i;

	if (task->waiting_mode != LOCK_SHARED)
		return 0;
	for (i = 0; i < TASK_MAX; i++) {
		const struct task *other = &sched->task[i];

		if (other->state == TASK_BLOCKED && other->waiting_for == task->waiting_for &&
		    other->waiting_mode == LOCK_EXCLUSIVE &&
		    (s32)(other->ticket - task->ticket) < 0)
			before |= 1u << i;
	}
	return before;
}

static void take_task(struct digest *digest, const struct sched *sched, const struct task *task,
		      u32 step)
{
	/* All tasks are suspended: ->own is up to date. */
	u32 others = sched->progress - task->spin.own, i;

	take(digest, task->id | task->state << 8 | task->signal_pending << 16 |
		     (u64)task->cpu << 24 | (u64)task->held_count << 56);
	if (task->state == TASK_BLOCKED) {
		take(digest, (uintptr_t)task->waiting_for);
		take(digest, task->waiting_mode | task->waiting_readers << 8 |
			     writers_before(sched, task) << 16);
	}
	for (i = 0; i < task->held_count; i++)
		take(digest, (uintptr_t)task->held[i].lock | task->held[i].mode);
	if (task->waiting_loop && task->state != TASK_DONE)
		take_spin(digest, sched, task, others, step);
}

static void take_sched(struct digest *digest, const struct sched *sched, u32 step)
{
	u32 i;

	take(digest, sched->live | sched->deadlock << 8 | sched->hang << 9 |
		     (u64)sched->asked << 16 | (u64)sched->asked_kind << 32);
	if (sched->asked)
		take(digest, sched->last);
	if (sched->preemption_bound)
		take(digest, sched->preemptions | (u64)sched->last << 32);
	for (i = 1; i < TASK_MAX; i++)
		if (sched->task[i].state != TASK_FREE)
			take_task(digest, sched, &sched->task[i], step);
	for (i = 0; i < LOCK_CLASS_NR; i++)
		if (sched->before[i] | sched->inverted[i])
			take(digest, sched->before[i] | (u64)sched->inverted[i] << 32), take(digest, i);
}

static struct image_hash env_hash(const struct image *image)
{
	const struct env *env = image->env;
	struct digest digest = { K0, K3 };
	const struct checker *checker = &env->checker;
	const struct injector *injector = &env->injector;
	u32 i;

	take_sched(&digest, &env->sched, checker->step);
	take(&digest, checker->broken_total | (u64)checker->warn_count << 32);
	take(&digest, checker->bug_count | (u64)checker->warned_count << 32);
	for (i = 0; i < checker->warned_count; i++)
		take(&digest, (uintptr_t)checker->warned[i]);
	for (i = 0; i < checker->broken_count; i++)
		take(&digest, checker->broken[i].inv);
	for (i = 0; i < injector->rule_count; i++)
		take(&digest, injector->rule[i].seen | (u64)injector->rule[i].fired << 32);
	/* An allocation that is still to fail makes their number matter. */
	take(&digest, injector->oom_after_fault | injector->oom << 1);
	if (injector->alloc_fail_nth)
		take(&digest, injector->alloc_count);
	if (image->digest)
		take(&digest, image->digest(image->digest_ctx));
	return (struct image_hash){ { fold(digest.a, K0), fold(digest.b, K1) } };
}

/* -- The log -- */

static u8 *log_room(struct image *image, size_t size)
{
	size_t need = image->log_used + size;

	if (need > image->log_room) {
		image->log_room = need < 1 << 16 ? 1 << 17 : 2 * need;
		image->log = realloc(image->log, image->log_room);
		if (!image->log)
			internal_error("no memory for %zu bytes of undo log", image->log_room);
	}
	image->log_used = need;
	return image->log + need - size;
}

static void log_chunk(struct image *image, u32 kind, u32 which, u64 offset, const u8 *old)
{
	const struct log_entry entry = { kind, which, offset };
	u8 *room = log_room(image, CHUNK + sizeof(entry));

	copy(room, old, CHUNK);
	memcpy(room + CHUNK, &entry, sizeof(entry));
}

static void log_low(struct image *image, u32 task, u64 low)
{
	const struct log_entry entry = { LOG_STACK_LOW, task, low };

	memcpy(log_room(image, sizeof(entry)), &entry, sizeof(entry));
}

/* -- Capture -- */

static void *sized(void *bytes, u64 size)
{
	bytes = realloc(bytes, size);
	if (!bytes)
		internal_error("no memory for a state of %llu bytes", (unsigned long long)size);
	return bytes;
}

/* Chunks of [from, to) that changed: logged, hashed anew, copied to the shadow. */
static void capture_range(struct image *image, u32 kind, u32 which, u8 *live, u8 *shadow,
			  u64 from, u64 to, u64 hashed_from)
{
	for (;; from += CHUNK) {
		from = find_change(image, live, shadow, from, to);
		if (from >= to)
			return;
		log_chunk(image, kind, which, from, shadow + from);
		if (from >= hashed_from) {
			u64 seed = SEED(kind, which, from);

			hash_sub(&image->hash, hash_chunk(shadow + from, seed));
			hash_add(&image->hash, hash_chunk(live + from, seed));
		}
		copy(shadow + from, live + from, CHUNK);
	}
}

/* Chunks that were not part of the state before. */
static void capture_new(struct image *image, u32 kind, u32 which, u8 *live, u8 *shadow,
			u64 from, u64 to)
{
	for (; from < to; from += CHUNK) {
		hash_add(&image->hash, hash_chunk(live + from, SEED(kind, which, from)));
		copy(shadow + from, live + from, CHUNK);
	}
}

/* Let the arena end with a whole chunk, wiped as arena_alloc() would. */
static u64 whole_chunks(struct arena *arena)
{
	u64 end = ALIGN_UP(arena->used, CHUNK);

	if (end > arena->used)
		arena_alloc(arena, end - arena->used);
	return arena->used = end;
}

static void capture_arena(struct image *image)
{
	struct arena *arena = image->env->arena;
	u64 end = whole_chunks(arena), from = ALIGN_DOWN(arena->restore_from, CHUNK);
	u32 i;

	/* An arena only grows while tasks run, and nothing lies beyond a lane's ->next. */
	for (i = 0; arena->lane && i < TASK_MAX; i++) {
		const struct arena_lane *lane = &arena->lane[i];

		if (!lane->end)
			continue;
		capture_range(image, LOG_ARENA, 0, (u8 *)arena, image->shadow, from,
			      ALIGN_UP(lane->next, CHUNK), image->raw_from);
		from = lane->end;
	}
	capture_range(image, LOG_ARENA, 0, (u8 *)arena, image->shadow, from, image->used,
		      image->raw_from);
	if (end > image->room) {
		image->room = end + end / 2;
		image->shadow = sized(image->shadow, image->room);
	}
	capture_new(image, LOG_ARENA, 0, (u8 *)arena, image->shadow, image->used, end);
	image->used = end;
}

/*
 * Dead bytes below the stack pointer come from whatever branch ran there last.
 * A later call may leave some of them uninitialised inside its frame, and equal
 * states would differ in them.
 */
static void wipe_below(u8 *base, u64 low, u64 context)
{
	u64 from = low > WIPE ? low - WIPE : 0;

	asan_unpoison(base + from, context - from);
	wipe(base + from, context - from);
}

static void capture_stack(struct image *image, u8 id)
{
	struct env *env = image->env;
	struct image_stack *stack = &image->stack[id];
	struct task *task = &env->sched.task[id];
	u8 *base = task_stack_base(env, id);
	u64 size = task_stack_size(), context = size, low, old = stack->low, offset;

	if (!stack->shadow) {
		stack->shadow = sized(NULL, size);
		old = size;
	}
	if (task->state != TASK_DONE && task->state != TASK_FREE)
		context = (u8 *)task->context - base;
	low = ALIGN_DOWN(context, CHUNK);
	wipe_below(base, low, context);
	log_low(image, id, old);
	capture_range(image, LOG_STACK, id, base, stack->shadow, low > old ? low : old, size, 0);
	capture_new(image, LOG_STACK, id, base, stack->shadow, low, old);
	for (offset = old; offset < low; offset += CHUNK) {
		log_chunk(image, LOG_STACK, id, offset, stack->shadow + offset);
		hash_sub(&image->hash,
			 hash_chunk(stack->shadow + offset, SEED(LOG_STACK, id, offset)));
	}
	stack->low = low;
}

struct image_hash image_capture(struct image *image)
{
	struct image_hash hash;
	u32 i;

	capture_arena(image);
	for (i = 1; i < TASK_MAX; i++)
		if (image->ran & 1u << i)
			capture_stack(image, i);
	image->ran = 0;
	for (i = 0; i < image->extra_count; i++) {
		struct image_extra *extra = &image->extra[i];

		capture_range(image, LOG_EXTRA, i, extra->bytes, extra->shadow, 0, extra->size,
			      extra->hashed ? 0 : extra->size);
	}
	hash = env_hash(image);
	hash_add(&hash, image->hash);
	return hash;
}

/* -- Going back -- */

struct image_mark image_mark(const struct image *image)
{
	return (struct image_mark){ image->log_used, image->used, image->hash };
}

/* The entry at the end of the log; returns how much of the log it was. */
static size_t undo_last(struct image *image, u32 *stacks)
{
	struct log_entry entry;
	u8 *old = image->log + image->log_used - sizeof(entry), *live, *shadow;

	memcpy(&entry, old, sizeof(entry));
	old -= CHUNK;
	switch (entry.kind) {
	case LOG_STACK_LOW:
		image->stack[entry.which].low = entry.offset;
		*stacks |= 1u << entry.which;
		return sizeof(entry);
	case LOG_ARENA:
		live = (u8 *)image->env->arena;
		shadow = image->shadow;
		break;
	case LOG_STACK:
		live = task_stack_base(image->env, entry.which);
		shadow = image->stack[entry.which].shadow;
		asan_unpoison(live + entry.offset, CHUNK);
		break;
	default:
		live = image->extra[entry.which].bytes;
		shadow = image->extra[entry.which].shadow;
	}
	copy(live + entry.offset, old, CHUNK);
	copy(shadow + entry.offset, old, CHUNK);
	return sizeof(entry) + CHUNK;
}

void image_rollback(struct image *image, const struct image_mark *mark)
{
	u32 stacks = 0, i;

	/* Freed objects come back to life: none of this is poisoned any more. */
	asan_unpoison(image->env->arena, image->env->arena->used);
	while (image->log_used > mark->log_used)
		image->log_used -= undo_last(image, &stacks);
	for (i = 1; i < TASK_MAX; i++) {
		struct image_stack *stack = &image->stack[i];

		if (stacks & 1u << i) {
			wipe_below(task_stack_base(image->env, i), stack->low, stack->low);
			asan_unpoison((u8 *)task_stack_base(image->env, i) + stack->low,
				      task_stack_size() - stack->low);
		}
	}
	image->used = mark->used;
	image->env->arena->used = mark->used;
	image->hash = mark->hash;
}

void image_revert(struct image *image)
{
	struct arena *arena = image->env->arena;
	u64 from = ALIGN_DOWN(arena->restore_from, CHUNK);
	u32 i;

	asan_unpoison(arena, arena->used);
	copy((u8 *)arena + from, image->shadow + from, image->used - from);
	arena->used = image->used;
	for (i = 0; i < image->extra_count; i++)
		copy(image->extra[i].bytes, image->extra[i].shadow, image->extra[i].size);
}

/* -- Life -- */

void image_init(struct image *image, struct env *env)
{
	u64 end = (uintptr_t)(env + 1) - (uintptr_t)env->arena;

	*image = (struct image){ .env = env, .raw_from = ALIGN_DOWN(end, CHUNK) };
	image->used = whole_chunks(env->arena);
	image->avx2 = __builtin_cpu_supports("avx2");
	image->room = 2 * image->used;
	image->shadow = sized(NULL, image->room);
	copy(image->shadow, env->arena, image->used);
	capture_new(image, LOG_ARENA, 0, (u8 *)env->arena, image->shadow, image->raw_from,
		    image->used);
}

void image_add(struct image *image, void *bytes, u32 size, bool hashed)
{
	struct image_extra *extra = &image->extra[image->extra_count++];

	if (image->extra_count > IMAGE_EXTRA_MAX || size % CHUNK)
		internal_error("%u bytes of host memory cannot be added to the state", size);
	*extra = (struct image_extra){ bytes, sized(NULL, size), size, hashed };
	copy(extra->shadow, bytes, size);
}

void image_free(struct image *image)
{
	u32 i;

	free(image->shadow);
	free(image->log);
	for (i = 0; i < TASK_MAX; i++)
		free(image->stack[i].shadow);
	for (i = 0; i < image->extra_count; i++)
		free(image->extra[i].shadow);
	*image = (struct image){ 0 };
}
