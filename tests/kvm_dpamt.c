// SPDX-License-Identifier: GPL-2.0-only
/*
 * Dynamic PAMT on the host's side: what it saves, counts of 2M regions, caches,
 * and what stays behind when the module refuses. The scenarios have the rest.
 */
#include "model/kvm/tdx_virt.h"
#include "tests/kvm_common.h"

static struct world *world_with_ram(u64 ram, bool dpamt)
{
	const struct tdx_config tdx_config = {
		.version = TDX_MODULE_2_0, .dynamic_pamt = dpamt, .zero_step = true,
	};
	const struct host_config config = { .policy = "no-hold", .dpamt = dpamt };
	struct hw_config hw_config = hw_config_default;
	struct world *w = test_calloc(1, sizeof(*w));

	hw_config.ram_bytes = ram;
	w->env = env_create();
	w->hw = hw_create(w->env, &hw_config);
	w->tdx = tdx_module_create(w->env, w->hw, &tdx_config);
	w->h = kvm_host_create(w->env, w->hw, w->tdx, &config);
	assert_non_null(w->h);
	return w;
}

static int setup_dpamt(void **state)
{
	*state = world_with_ram(4 * SZ_1G, true);
	return 0;
}

static struct tdx_globals *globals_of(struct world *w)
{
	return kvm_globals_of(w->h)->tdx;
}

/* A page of a region that nobody else has a page in. */
static kvm_pfn_t lonely_pfn(u32 nth)
{
	return (SZ_1G >> PAGE_SHIFT) + 512 + nth;
}

static u64 pamt_bytes(u64 ram, bool dpamt)
{
	struct world *w = world_with_ram(ram, dpamt);
	const struct tdmr_info *tdmr = &globals_of(w)->tdmr;
	u64 size = tdmr->pamt_4k_size + tdmr->pamt_2m_size + tdmr->pamt_1g_size;

	assert_int_equal(tdx_supports_dynamic_pamt(globals_of(w)), dpamt);
	teardown((void **)&w);
	return size;
}

/* The figures of the series' cover: 256 GB, 1.02 GB of PAMT without and 0.01 GB with. */
static void a_bitmap_takes_the_place_of_16_bytes_a_page(void **state)
{
	u64 static_size = pamt_bytes(256 * SZ_1G, false);
	u64 dynamic_size = pamt_bytes(256 * SZ_1G, true);

	/* 16 bytes a 4K page, or a bit; 16 bytes a 2M and a 1G page either way. */
	assert_int_equal(static_size, 1024 * MB + 2 * MB + 4 * KB);
	assert_int_equal(dynamic_size, 8 * MB + 2 * MB + 4 * KB);
}

static void the_first_get_brings_the_pair_and_the_last_put_takes_it(void **state)
{
	struct world *w = *state;
	struct tdx_globals *globals = globals_of(w);
	u64 in_use = mm_nr_in_use(mm_of(w->h));
	hpa_t pair[2];

	for (u32 i = 0; i < 3; i++) {
		assert_int_equal(tdx_pamt_get(globals, lonely_pfn(i), PG_LEVEL_4K, NULL), 0);
		assert_int_equal(tdx_pamt_refcount(globals, lonely_pfn(0)), i + 1);
		look(w);
	}
	assert_true(tdx_probe_pamt_pair(w->tdx, pfn_to_hpa(lonely_pfn(0)), pair));
	assert_int_equal(mm_nr_in_use(mm_of(w->h)), in_use + TDX_DPAMT_ENTRY_PAGE_CNT);
	assert_int_equal(w->env->injector.calls[TDH_PHYMEM_PAMT_ADD], 1);
	for (u32 i = 0; i < 3; i++) {
		assert_true(tdx_probe_pamt_pair(w->tdx, pfn_to_hpa(lonely_pfn(0)), pair));
		tdx_pamt_put(globals, lonely_pfn(i), PG_LEVEL_4K);
		look(w);
	}
	assert_false(tdx_probe_pamt_pair(w->tdx, pfn_to_hpa(lonely_pfn(0)), pair));
	assert_int_equal(mm_nr_in_use(mm_of(w->h)), in_use);
}

static void a_large_page_needs_no_pair(void **state)
{
	struct world *w = *state;
	u32 before = w->env->injector.seamcall_count;

	assert_int_equal(tdx_pamt_get(globals_of(w), lonely_pfn(0), PG_LEVEL_2M, NULL), 0);
	assert_int_equal(tdx_pamt_refcount(globals_of(w), lonely_pfn(0)), 0);
	tdx_pamt_put(globals_of(w), lonely_pfn(0), PG_LEVEL_2M);
	assert_int_equal(w->env->injector.seamcall_count, before);
	assert_int_equal(w->env->checker.warn_count, 0);
}

static void a_cache_is_what_a_get_uses_and_an_empty_one_is_no_memory(void **state)
{
	struct tdx_pamt_cache cache;
	struct world *w = *state;
	struct tdx_globals *globals = globals_of(w);

	tdx_init_pamt_cache(&cache, "test");
	assert_int_equal(tdx_pamt_get(globals, lonely_pfn(0), PG_LEVEL_4K, &cache), -ENOMEM);
	assert_int_equal(tdx_topup_pamt_cache(globals, &cache, 3), 0);
	assert_int_equal(cache.cnt, 3);
	assert_int_equal(tdx_pamt_get(globals, lonely_pfn(0), PG_LEVEL_4K, &cache), 0);
	assert_int_equal(cache.cnt, 1);
	/* A count there is already takes nothing. */
	assert_int_equal(tdx_pamt_get(globals, lonely_pfn(1), PG_LEVEL_4K, &cache), 0);
	assert_int_equal(cache.cnt, 1);
	/* One page is no pair: it goes back, and nothing is counted. */
	assert_int_equal(tdx_pamt_get(globals, lonely_pfn(512), PG_LEVEL_4K, &cache), -ENOMEM);
	assert_int_equal(tdx_pamt_refcount(globals, lonely_pfn(512)), 0);
	tdx_free_pamt_cache(&cache);
	tdx_pamt_put(globals, lonely_pfn(0), PG_LEVEL_4K);
	tdx_pamt_put(globals, lonely_pfn(1), PG_LEVEL_4K);
	look(w);
}

static void a_refused_pair_goes_back_to_the_allocator(void **state)
{
	const struct inject_rule rule = {
		.leaf = TDH_PHYMEM_PAMT_ADD, .kind = INJECT_REFUSE, .nth = 1,
		.status = TDX_PAGE_NOT_FREE,
	};
	struct world *w = *state;
	u64 in_use = mm_nr_in_use(mm_of(w->h));

	assert_int_equal(inject_add(w->env, &rule), 0);
	assert_int_equal(tdx_pamt_get(globals_of(w), lonely_pfn(0), PG_LEVEL_4K, NULL), -EIO);
	assert_int_equal(w->env->checker.warn_count, 1);
	assert_int_equal(tdx_pamt_refcount(globals_of(w), lonely_pfn(0)), 0);
	assert_int_equal(mm_nr_in_use(mm_of(w->h)), in_use);
}

static void a_put_that_nobody_got_warns_and_counts_nothing(void **state)
{
	struct world *w = *state;

	tdx_pamt_put(globals_of(w), lonely_pfn(0), PG_LEVEL_4K);
	assert_int_equal(w->env->checker.warn_count, 1);
	assert_int_equal(tdx_pamt_refcount(globals_of(w), lonely_pfn(0)), 0);
}

static void after_a_refused_remove_the_region_takes_no_page_again(void **state)
{
	const struct inject_rule rule = {
		.leaf = TDH_PHYMEM_PAMT_REMOVE, .kind = INJECT_REFUSE, .nth = 1,
		.status = TDX_OPERAND_INVALID,
	};
	struct world *w = *state;
	struct tdx_globals *globals = globals_of(w);

	assert_int_equal(tdx_pamt_get(globals, lonely_pfn(0), PG_LEVEL_4K, NULL), 0);
	assert_int_equal(inject_add(w->env, &rule), 0);
	tdx_pamt_put(globals, lonely_pfn(0), PG_LEVEL_4K);
	assert_int_equal(tdx_pamt_refcount(globals, lonely_pfn(0)), 0);
	assert_int_equal(tdx_pamt_get(globals, lonely_pfn(1), PG_LEVEL_4K, NULL), -EIO);
	look(w);
}

static void a_page_that_is_never_put_is_on_the_leak_list_with_its_pair(void **state)
{
	struct host_leak_view leak[4];
	struct world *w = *state;

	assert_int_equal(tdx_pamt_get(globals_of(w), lonely_pfn(0), PG_LEVEL_4K, NULL), 0);
	assert_int_equal(ops(w)->probe_leaks(w->h, leak, ARRAY_SIZE(leak)), 0);
	tdx_pamt_leak_rest(globals_of(w));
	assert_int_equal(ops(w)->probe_leaks(w->h, leak, ARRAY_SIZE(leak)),
			 TDX_DPAMT_ENTRY_PAGE_CNT);
}

static void a_demote_without_a_pair_in_the_cache_is_no_seamcall(void **state)
{
	struct tdx_pamt_cache cache;
	struct world *w = *state;
	struct tdx_globals *globals = globals_of(w);
	struct page *page = alloc_page(w->env, GFP_KERNEL);
	struct tdx_td td = { .globals = globals, .tdr_page = page };
	u32 before = w->env->injector.seamcall_count;
	u64 entry, level_state;

	tdx_init_pamt_cache(&cache, "test");
	assert_true(tdh_mem_page_demote(&td, 0, 1, lonely_pfn(0), page, &cache, &entry,
					&level_state) == TDX_SW_ERROR);
	assert_int_equal(w->env->injector.seamcall_count, before);
	__free_page(page);
}

int main(void)
{
#define DPAMT_TEST(name) cmocka_unit_test_setup_teardown(name, setup_dpamt, teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bitmap_takes_the_place_of_16_bytes_a_page),
		DPAMT_TEST(the_first_get_brings_the_pair_and_the_last_put_takes_it),
		DPAMT_TEST(a_large_page_needs_no_pair),
		DPAMT_TEST(a_cache_is_what_a_get_uses_and_an_empty_one_is_no_memory),
		DPAMT_TEST(a_refused_pair_goes_back_to_the_allocator),
		DPAMT_TEST(a_put_that_nobody_got_warns_and_counts_nothing),
		DPAMT_TEST(after_a_refused_remove_the_region_takes_no_page_again),
		DPAMT_TEST(a_page_that_is_never_put_is_on_the_leak_list_with_its_pair),
		DPAMT_TEST(a_demote_without_a_pair_in_the_cache_is_no_seamcall),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
