// SPDX-License-Identifier: GPL-2.0-only
/*
 * Conversion in place: the attribute ranges against a plain array, the tables of
 * orders and steps, and every order with each of its allocations failing in turn.
 */
#include "model/kvm/gmem_convert.h"
#include "tests/kvm_common.h"

/* -- attribute ranges -------------------------------------------------------- */

#define INDEXES		200
#define STORES		20000

struct ranges {
	struct env *env;
	struct pool *pool;
	struct gmem_attributes *tree;
	u64 plain[INDEXES];
	u64 seed;
};

static int ranges_setup(void **state)
{
	struct ranges *r = test_calloc(1, sizeof(*r));

	r->env = env_create();
	r->pool = arena_alloc(r->env->arena, sizeof(*r->pool));
	r->tree = arena_alloc(r->env->arena, sizeof(*r->tree));
	pool_init(r->pool, "range", gmem_attr_range_size());
	gmem_attributes_init(r->tree, r->pool, PRIVATE);
	for (u32 i = 0; i < INDEXES; i++)
		r->plain[i] = PRIVATE;
	r->seed = 1;
	*state = r;
	return 0;
}

static int ranges_teardown(void **state)
{
	struct ranges *r = *state;

	gmem_attributes_destroy(r->tree);
	assert_int_equal(r->pool->in_use, 0);
	env_destroy(r->env);
	test_free(r);
	return 0;
}

static u64 draw(struct ranges *r, u64 below)
{
	r->seed = r->seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (r->seed >> 33) % below;
}

static void store(struct ranges *r, pgoff_t start, pgoff_t end, u64 attrs)
{
	assert_int_equal(gmem_attributes_preallocate(r->tree), 0);
	gmem_attributes_store(r->tree, start, end, attrs);
	for (pgoff_t i = start; i < end; i++)
		r->plain[i] = attrs;
}

/* The tree says what the array says, in as few ranges as possible. */
static void compare(struct ranges *r)
{
	u64 ranges = 1;
	pgoff_t end, run;

	for (pgoff_t i = 0; i < INDEXES; i++) {
		assert_int_equal(gmem_attributes_run(r->tree, i, &run), r->plain[i]);
		for (end = i + 1; end < INDEXES && r->plain[end] == r->plain[i]; end++)
			;
		if (end < INDEXES)
			assert_int_equal(run, end);
		else
			assert_true(run >= INDEXES);
		assert_true(gmem_attributes_range_has(r->tree, i, end, r->plain[i]));
		if (end < INDEXES)
			assert_false(gmem_attributes_range_has(r->tree, i, end + 1, r->plain[i]));
		ranges += i && r->plain[i] != r->plain[i - 1];
	}
	/* Beyond what was stored the first state goes on. */
	ranges += r->plain[INDEXES - 1] != PRIVATE;
	assert_int_equal(r->tree->nr_ranges, ranges);
	assert_int_equal(r->pool->in_use, ranges);
}

static void every_index_has_attributes_from_the_start(void **state)
{
	struct ranges *r = *state;
	pgoff_t end;

	assert_int_equal(gmem_attributes_get(r->tree, 0), PRIVATE);
	assert_int_equal(gmem_attributes_run(r->tree, 1ULL << 50, &end), PRIVATE);
	assert_int_equal(end, ~0ULL);
	compare(r);
}

static void equal_neighbours_are_one_range(void **state)
{
	struct ranges *r = *state;

	store(r, 10, 20, 0);
	assert_int_equal(r->tree->nr_ranges, 3);
	store(r, 20, 30, 0);
	assert_int_equal(r->tree->nr_ranges, 3);
	store(r, 5, 10, 0);
	assert_int_equal(r->tree->nr_ranges, 3);
	store(r, 15, 16, PRIVATE);
	assert_int_equal(r->tree->nr_ranges, 5);
	store(r, 15, 16, 0);
	assert_int_equal(r->tree->nr_ranges, 3);
	store(r, 0, 40, PRIVATE);
	assert_int_equal(r->tree->nr_ranges, 1);
	compare(r);
}

static void a_store_at_the_very_beginning_works(void **state)
{
	struct ranges *r = *state;

	store(r, 0, 1, 0);
	compare(r);
	store(r, 0, 2, PRIVATE);
	compare(r);
	store(r, 0, INDEXES, 0);
	compare(r);
}

static void random_stores_agree_with_an_array(void **state)
{
	struct ranges *r = *state;
	pgoff_t start;

	for (u32 i = 0; i < STORES; i++) {
		start = draw(r, INDEXES);
		store(r, start, start + 1 + draw(r, INDEXES - start),
		      draw(r, 2) ? PRIVATE : 0);
		if (i % 16 == 0)
			compare(r);
	}
	compare(r);
}

static void the_shape_does_not_depend_on_how_it_came_about(void **state)
{
	struct ranges *r = *state;
	struct gmem_attributes other;
	pgoff_t end;

	gmem_attributes_init(&other, r->pool, PRIVATE);
	for (u32 i = 0; i < 10; i++) {
		store(r, 10 * i, 10 * i + 5, 0);
		assert_int_equal(gmem_attributes_preallocate(&other), 0);
		gmem_attributes_store(&other, 10 * (9 - i), 10 * (9 - i) + 5, 0);
	}
	for (pgoff_t i = 0; i < 100; i = end)
		assert_int_equal(gmem_attributes_run(&other, i, &end),
				 gmem_attributes_run(r->tree, i, &end));
	assert_int_equal(other.nr_ranges, r->tree->nr_ranges);
	gmem_attributes_destroy(&other);
}

static void without_memory_nothing_changes(void **state)
{
	struct ranges *r = *state;

	store(r, 10, 20, 0);
	r->env->injector.alloc_fail_nth = r->env->injector.alloc_count + 1;
	assert_int_equal(gmem_attributes_preallocate(r->tree), -ENOMEM);
	compare(r);
}

static void memory_not_used_is_given_back(void **state)
{
	struct ranges *r = *state;

	assert_int_equal(gmem_attributes_preallocate(r->tree), 0);
	assert_int_equal(gmem_attributes_preallocate(r->tree), 0);
	assert_int_equal(r->pool->in_use, 1 + GMEM_ATTR_SPARES);
	gmem_attributes_unreserve(r->tree);
	compare(r);
	/* A store that merges on both sides needs none. */
	store(r, 10, 20, 0);
	store(r, 10, 20, PRIVATE);
	compare(r);
}

/* -- the tables --------------------------------------------------------------- */

#define ORDER(id, name, summary, to_shared, to_private) name,
static const char *const order_names[] = {
#include "model/kvm/conversion_orders.def"
};
#undef ORDER

static bool begins(u8 step)
{
	return step == STEP_INVALIDATE_START || step == STEP_INVALIDATE_BEGIN ||
	       step == STEP_INVALIDATE_BEGIN_HUGE;
}

static bool stores(u8 step)
{
	return step == STEP_STORE || step == STEP_SET_SHAREABILITY;
}

static void check_steps(const u8 *step)
{
	u32 begun = 0, ended = 0, zapped = 0, stored = 0, i;

	for (i = 0; step[i] != STEP_NONE; i++) {
		begun += begins(step[i]);
		zapped += step[i] == STEP_INVALIDATE_START || step[i] == STEP_ZAP;
		stored += stores(step[i]);
		ended += step[i] == STEP_INVALIDATE_END;
		/* Each before the next. */
		assert_true(begun >= zapped && zapped >= stored && stored >= ended);
		if (step[i] == STEP_STORE)
			assert_int_equal(step[0], STEP_PREALLOC);
	}
	assert_int_equal(begun, 1);
	assert_int_equal(zapped, 1);
	assert_int_equal(stored, 1);
	assert_int_equal(ended, 1);
	assert_true(i <= CONVERSION_STEPS_MAX);
}

static void every_order_invalidates_zaps_and_stores_once_and_in_this_order(void **state)
{
	const struct conversion_order *order;

	for (u32 i = 0; i < ARRAY_SIZE(order_names); i++) {
		order = conversion_order_find(order_names[i]);
		assert_non_null(order);
		if (!conversion_order_in_place(order)) {
			assert_string_equal(order->name, "vm-attr");
			continue;
		}
		check_steps(order->step[false]);
		check_steps(order->step[true]);
	}
	assert_null(conversion_order_find("no such order"));
}

static void the_host_is_unmapped_before_its_references_are_counted(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(order_names); i++) {
		const u8 *step = conversion_order_find(order_names[i])->step[true];
		bool unmapped = false;

		for (; *step != STEP_NONE; step++) {
			unmapped |= *step == STEP_HOST_UNMAP;
			if (*step == STEP_CHECK_REFS)
				assert_true(unmapped);
		}
	}
}

/* -- each order on a machine ---------------------------------------------------- */

static struct world *world_of_order(const char *order)
{
	const struct host_config config = { .order = order, .lru_batches = true };
	struct world *w = world_create_with(&config);

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_SW_PROTECTED_VM), 0);
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, MB, GUEST_MEMFD_FLAG_MMAP), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, MB, 0, 0), 0);
	return w;
}

static struct gmem_attributes *attributes(struct world *w)
{
	return &GMEM_I(file_inode(host_open_gmem(w->h, 0)))->attributes;
}

static int convert(struct world *w, u64 offset, u64 len, bool to_private)
{
	u64 error_offset;

	return ops(w)->gmem_convert(w->h, 0, offset, len, to_private, &error_offset);
}

/* Fails each allocation of a conversion in turn; how many there were. */
static u32 fail_each(struct world *w, bool to_private)
{
	struct kvm *kvm = host_vm_kvm(w->h, 0);
	u32 before = attributes(w)->pool->in_use, nth;

	for (nth = 1; nth < 100; nth++) {
		struct injector *injector = &w->env->injector;
		int err;

		injector->alloc_fail_nth = injector->alloc_count + nth;
		err = convert(w, 8 * KB, 16 * KB, to_private);
		if (injector->alloc_count < injector->alloc_fail_nth) {
			injector->alloc_fail_nth = 0;
			assert_int_equal(err, 0);
			break;
		}
		assert_int_equal(err, -ENOMEM);
		assert_true(gmem_attributes_range_has(attributes(w), 2, 6, to_private ? 0 : PRIVATE));
		assert_int_equal(attributes(w)->pool->in_use, before);
		assert_int_equal(kvm->mmu_invalidate_in_progress, 0);
		look(w);
	}
	return nth - 1;
}

static void an_allocation_that_fails_leaves_the_attributes_as_they_were(void **state)
{
	for (u32 i = 0; i < ARRAY_SIZE(order_names); i++) {
		struct world *w;
		void *each;

		if (!conversion_order_in_place(conversion_order_find(order_names[i])))
			continue;
		w = world_of_order(order_names[i]);
		assert_true(fail_each(w, false) >= 1);
		assert_true(gmem_attributes_range_has(attributes(w), 2, 6, 0));
		assert_true(fail_each(w, true) >= 1);
		assert_int_equal(attributes(w)->nr_ranges, 1);
		each = w;
		teardown(&each);
	}
}

static void a_conversion_needs_the_order_and_the_right_number(void **state)
{
	struct kvm_memory_attributes2 attrs = { .size = 4096 };
	struct world *w = world_of_order("vm-attr");
	void *each = w;

	assert_int_equal(convert(w, 0, 4096, false), -ENOTTY);
	teardown(&each);

	w = world_of_order("v8");
	each = w;
	assert_int_equal(kvm_gmem_ioctl(host_open_gmem(w->h, 0), KVM_SET_MEMORY_ATTRIBUTES, &attrs),
			 -ENOTTY);
	assert_int_equal(kvm_gmem_ioctl(host_open_gmem(w->h, 0), KVM_SET_MEMORY_ATTRIBUTES2, NULL),
			 -EFAULT);
	for (u32 i = 0; i < ARRAY_SIZE(attrs.reserved); i++) {
		attrs.reserved[i] = 1;
		assert_int_equal(kvm_gmem_ioctl(host_open_gmem(w->h, 0),
						KVM_SET_MEMORY_ATTRIBUTES2, &attrs), -EINVAL);
		attrs.reserved[i] = 0;
	}
	assert_int_equal(kvm_gmem_ioctl(host_open_gmem(w->h, 0), KVM_SET_MEMORY_ATTRIBUTES2, &attrs),
			 0);
	teardown(&each);
}

static void the_struct_begins_like_the_older_one(void **state)
{
	assert_int_equal(sizeof(struct kvm_memory_attributes2), 128);
	assert_int_equal(offsetof(struct kvm_memory_attributes2, offset),
			 offsetof(struct kvm_memory_attributes, address));
	assert_int_equal(offsetof(struct kvm_memory_attributes2, flags),
			 offsetof(struct kvm_memory_attributes, flags));
	assert_int_equal(offsetof(struct kvm_memory_attributes2, error_offset), 32);
}

#define ranges_test(test) cmocka_unit_test_setup_teardown(test, ranges_setup, ranges_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ranges_test(every_index_has_attributes_from_the_start),
		ranges_test(equal_neighbours_are_one_range),
		ranges_test(a_store_at_the_very_beginning_works),
		ranges_test(random_stores_agree_with_an_array),
		ranges_test(the_shape_does_not_depend_on_how_it_came_about),
		ranges_test(without_memory_nothing_changes),
		ranges_test(memory_not_used_is_given_back),
		cmocka_unit_test(every_order_invalidates_zaps_and_stores_once_and_in_this_order),
		cmocka_unit_test(the_host_is_unmapped_before_its_references_are_counted),
		cmocka_unit_test(an_allocation_that_fails_leaves_the_attributes_as_they_were),
		cmocka_unit_test(a_conversion_needs_the_order_and_the_right_number),
		cmocka_unit_test(the_struct_begins_like_the_older_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
