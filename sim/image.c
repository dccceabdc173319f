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

enum { LOG_ARENA, LOG_STACK, LOG_EXTRA };

/* Stands behind the old bytes it is about. */
struct log_entry {
	u32 kind, which;	/* enum; task or extra */
	u64 offset;
	u32 size;
	struct image_hash hash;	/* LOG_STACK: of the old bytes */
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

/* @size is a multiple of 16. */
NO_ASAN static struct image_hash hash_bytes(const void *bytes, size_t size, u64 seed)
{
	const u64 *word = bytes;
	u64 a = seed ^ K0, b = fold(seed ^ K1, K2);

	for (; size; size -= 16, word += 2) {
		a = fold(word[0] ^ a, word[1] ^ K1);
		b = fold(word[0] ^ K3, word[1] ^ b);
	}
	return (struct image_hash){ { fold(a ^ K2, b ^ K3), fold(a ^ K3, b ^ K0) } };
}

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

static void take_task(struct digest *digest, const struct sched *sched, const struct task *task)
{
	u32 others = sched->progress - task->spin.own, earlier = 0, i;

	/* All tasks are suspended: ->own is up to date, and so is the ticket's rank. */
	for (i = 0; i < TASK_MAX; i++)
		if (sched->task[i].state == TASK_BLOCKED &&
		    (s32)(sched->task[i].ticket - task->ticket) < 0)
			earlier++;
	take(digest, task->id | task->state << 8 | task->signal_pending << 16 |
		     (u64)task->cpu << 24 | (u64)task->held_count << 56);
	if (task->state == TASK_BLOCKED) {
		take(digest, (uintptr_t)task->waiting_for);
		take(digest, task->waiting_mode | task->waiting_readers << 8 | earlier << 16);
	}
	for (i = 0; i < task->held_count; i++)
		take(digest, (uintptr_t)task->held[i].lock | task->held[i].mode);
	if (task->waiting_loop) {
		take(digest, (uintptr_t)task->waiting_loop);
		take(digest, (others != task->spin.others) |
			     (sched->progress != task->spin.all) << 1 | task->spin.stuck << 2 |
			     task->spin.told << 3 | (u64)task->spin.rounds << 8);
	}
}

static void take_sched(struct digest *digest, const struct sched *sched)
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
			take_task(digest, sched, &sched->task[i]);
	for (i = 0; i < LOCK_CLASS_NR; i++)
		if (sched->before[i] | sched->inverted[i])
			take(digest, sched->before[i] | (u64)sched->inverted[i] << 32), take(digest, i);
}

static struct image_hash env_hash(const struct env *env)
{
	struct digest digest = { K0, K3 };
	const struct checker *checker = &env->checker;
	const struct injector *injector = &env->injector;
	u32 i;

	take_sched(&digest, &env->sched);
	take(&digest, checker->broken_total | (u64)checker->warn_count << 32);
	take(&digest, checker->bug_count | (u64)checker->warned_count << 32);
	for (i = 0; i < checker->warned_count; i++)
		take(&digest, (uintptr_t)checker->warned[i]);
	for (i = 0; i < checker->broken_count; i++)
		take(&digest, checker->broken[i].inv);
	for (i = 0; i < injector->rule_count; i++)
		take(&digest, injector->rule[i].seen | (u64)injector->rule[i].fired << 32);
	/* An allocation that is still to fail makes their number matter. */
	if (injector->alloc_fail_nth)
		take(&digest, injector->alloc_count);
	return (struct image_hash){ { fold(digest.a, K0), fold(digest.b, K1) } };
}

/* -- The log -- */

static void *log_push(struct image *image, u32 size)
{
	size_t need = image->log_used + size + sizeof(struct log_entry);
	void *bytes;

	if (need > image->log_room) {
		image->log_room = need < 1 << 16 ? 1 << 17 : 2 * need;
		image->log = realloc(image->log, image->log_room);
		if (!image->log)
			internal_error("no memory for %zu bytes of undo log", image->log_room);
	}
	bytes = image->log + image->log_used;
	image->log_used += size;
	return bytes;
}

static void log_close(struct image *image, const struct log_entry *entry)
{
	memcpy(image->log + image->log_used, entry, sizeof(*entry));
	image->log_used += sizeof(*entry);
}

static void log_chunk(struct image *image, u32 kind, u32 which, u64 offset, const u8 *old)
{
	struct log_entry entry = { .kind = kind, .which = which, .offset = offset, .size = CHUNK };

	copy(log_push(image, CHUNK), old, CHUNK);
	log_close(image, &entry);
}

/* -- Capture -- */

static void *sized(void *bytes, u64 size)
{
	bytes = realloc(bytes, size);
	if (!bytes)
		internal_error("no memory for a state of %llu bytes", (unsigned long long)size);
	return bytes;
}

static void capture_chunk(struct image *image, u64 offset)
{
	u8 *live = (u8 *)image->env->arena + offset, *old = image->shadow + offset;

	log_chunk(image, LOG_ARENA, 0, offset, old);
	if (offset >= image->raw_from) {
		hash_sub(&image->arena_hash, hash_bytes(old, CHUNK, offset));
		hash_add(&image->arena_hash, hash_bytes(live, CHUNK, offset));
	}
	copy(old, live, CHUNK);
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
	u8 *live = (u8 *)arena;
	u64 end = whole_chunks(arena), both = end < image->used ? end : image->used;
	u64 offset = ALIGN_DOWN(arena->restore_from, CHUNK);

	for (;;) {
		offset = find_change(image, live, image->shadow, offset, both);
		if (offset == both)
			break;
		capture_chunk(image, offset);
		offset += CHUNK;
	}
	if (end > image->room) {
		image->room = end + end / 2;
		image->shadow = sized(image->shadow, image->room);
	}
	for (offset = both; offset < end; offset += CHUNK) {
		hash_add(&image->arena_hash, hash_bytes(live + offset, CHUNK, offset));
		copy(image->shadow + offset, live + offset, CHUNK);
	}
	image->used = end;
}

/*
 * Dead bytes below the stack pointer come from whatever branch ran there last.
 * A later call may leave some of them uninitialised inside its frame, and equal
 * states would differ in them.
 */
static void wipe_below(u8 *low)
{
	asan_unpoison(low - WIPE, WIPE);
	wipe(low - WIPE, WIPE);
}

static void capture_stack(struct image *image, u8 id)
{
	struct env *env = image->env;
	struct image_stack *stack = &image->stack[id];
	struct task *task = &env->sched.task[id];
	u8 *top = task_stack_top(env, id);
	u8 *low = task->state == TASK_DONE || task->state == TASK_FREE ? top : task->context;
	struct log_entry entry = {
		.kind = LOG_STACK, .which = id, .size = stack->size, .hash = stack->hash,
	};

	low = (u8 *)ALIGN_DOWN((uintptr_t)low, 16);
	copy(log_push(image, stack->size), stack->shadow, stack->size);
	log_close(image, &entry);
	stack->size = top - low;
	if (stack->size > stack->room) {
		stack->room = 2 * stack->size;
		stack->shadow = sized(stack->shadow, stack->room);
	}
	copy(stack->shadow, low, stack->size);
	stack->hash = hash_bytes(low, stack->size, stack->size + ((u64)id << 32));
	wipe_below(low);
}

static void capture_extra(struct image *image, u32 which, struct image_hash *hash)
{
	struct image_extra *extra = &image->extra[which];
	u64 offset = 0;

	for (;;) {
		offset = find_change(image, extra->bytes, extra->shadow, offset, extra->size);
		if (offset == extra->size)
			break;
		log_chunk(image, LOG_EXTRA, which, offset, extra->shadow + offset);
		copy(extra->shadow + offset, extra->bytes + offset, CHUNK);
		offset += CHUNK;
	}
	if (extra->hashed)
		hash_add(hash, hash_bytes(extra->shadow, extra->size, K3 + which));
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
	hash = env_hash(image->env);
	hash_add(&hash, image->arena_hash);
	for (i = 1; i < TASK_MAX; i++)
		if (image->stack[i].size)
			hash_add(&hash, image->stack[i].hash);
	for (i = 0; i < image->extra_count; i++)
		capture_extra(image, i, &hash);
	return hash;
}

/* -- Going back -- */

struct image_mark image_mark(const struct image *image)
{
	return (struct image_mark){ image->log_used, image->used, image->arena_hash };
}

static void undo_stack(struct image *image, const struct log_entry *entry, const u8 *old)
{
	struct image_stack *stack = &image->stack[entry->which];
	u8 *low = (u8 *)task_stack_top(image->env, entry->which) - entry->size;

	stack->size = entry->size;
	stack->hash = entry->hash;
	copy(stack->shadow, old, entry->size);
	asan_unpoison(low, entry->size);
	copy(low, old, entry->size);
	wipe_below(low);
}

static void undo(struct image *image, const struct log_entry *entry, const u8 *old)
{
	struct image_extra *extra = &image->extra[entry->which];

	switch (entry->kind) {
	case LOG_ARENA:
		copy(image->shadow + entry->offset, old, CHUNK);
		copy((u8 *)image->env->arena + entry->offset, old, CHUNK);
		break;
	case LOG_STACK:
		undo_stack(image, entry, old);
		break;
	default:
		copy(extra->shadow + entry->offset, old, CHUNK);
		copy(extra->bytes + entry->offset, old, CHUNK);
	}
}

void image_rollback(struct image *image, const struct image_mark *mark)
{
	/* Freed objects come back to life: none of this is poisoned any more. */
	asan_unpoison(image->env->arena, image->env->arena->used);
	while (image->log_used > mark->log_used) {
		struct log_entry entry;

		image->log_used -= sizeof(entry);
		memcpy(&entry, image->log + image->log_used, sizeof(entry));
		image->log_used -= entry.size;
		undo(image, &entry, image->log + image->log_used);
	}
	image->used = mark->used;
	image->env->arena->used = mark->used;
	image->arena_hash = mark->arena_hash;
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
	for (end = image->raw_from; end < image->used; end += CHUNK)
		hash_add(&image->arena_hash, hash_bytes(image->shadow + end, CHUNK, end));
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
