/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of model/mm share: a world of hardware and mm, made per test. */
#ifndef SEPTUM_TESTS_MM_COMMON_H
#define SEPTUM_TESTS_MM_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "model/mm/internal.h"

struct world {
	struct env *env;
	struct hw *hw;
	struct mm *mm;
};

/* Set before a setup that wants another machine; back to this after each test. */
static struct mm_config world_config;
static u64 world_ram;

static inline int world_setup(void **state)
{
	static struct world world;
	struct hw_config hw = hw_config_default;

	if (world_ram)
		hw.ram_bytes = world_ram;
	world.env = env_create();
	world.hw = hw_create(world.env, &hw);
	world.mm = mm_create(world.env, world.hw, &world_config);
	*state = &world;
	return 0;
}

static inline int world_plain(void **state)
{
	world_config = mm_config_default;
	world_ram = 0;
	return world_setup(state);
}

static inline int world_teardown(void **state)
{
	struct world *w = *state;

	choose_script(&w->env->chooser);
	env_destroy(w->env);
	return 0;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_plain, world_teardown)

static inline u64 mm_nr_free_pages(const struct mm *mm)
{
	return mm->zone.nr_free;
}

static inline u64 mm_nr_poisoned_pages(const struct mm *mm)
{
	return mm->mf.num_poisoned_pages;
}

/* Of the entry at @index, 0 also where there is none. */
static inline int xa_get_order(struct xarray *xa, u64 index)
{
	u64 first, last;

	return xa_load_range(xa, index, &first, &last) ?
	       63 - __builtin_clzll(last - first + 1) : 0;
}

static inline s32 holders(struct world *w, const struct folio *folio, enum holder holder)
{
	return page_ledger(&folio->page)->count[holder];
}

static inline void ignore_event(void *ctx, const struct trace_event *event)
{
}

/* Every frame is back, the audit finds nothing. */
#define expect_all_free(w)						\
	do {								\
		lru_add_drain_all((w)->env);				\
		mm_check((w)->mm, 0);					\
		if ((w)->env->checker.broken_total)			\
			print_error("%s\n", (w)->env->checker.broken[0].text); \
		assert_int_equal((w)->env->checker.broken_total, 0);	\
	} while (0)

#endif /* SEPTUM_TESTS_MM_COMMON_H */
