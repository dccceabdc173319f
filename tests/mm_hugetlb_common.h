/* SPDX-License-Identifier: GPL-2.0-only */
/* Hosts with hugetlb pools, with and without HVO, and files backed by them. */
#ifndef SEPTUM_TESTS_MM_HUGETLB_COMMON_H
#define SEPTUM_TESTS_MM_HUGETLB_COMMON_H

#include "model/mm/hugetlb.h"
#include "model/mm/mf_internal.h"
#include "tests/mm_common.h"

static inline int pool(void **state, u32 two_m, u32 one_g, bool hvo)
{
	world_config = mm_config_default;
	world_config.hugetlb_2m = two_m;
	world_config.hugetlb_1g = one_g;
	world_config.hvo = hvo;
	world_ram = 8ULL << 30;
	return world_setup(state);
}

static inline int pool_plain(void **state)
{
	return pool(state, 8, 2, false);
}

static inline int pool_hvo(void **state)
{
	return pool(state, 8, 2, true);
}

#define POOL_TEST(f)	cmocka_unit_test_setup_teardown(f, pool_plain, world_teardown)
#define HVO_TEST(f)	cmocka_unit_test_setup_teardown(f, pool_hvo, world_teardown)

static inline struct hstate *hstate_2m(struct world *w)
{
	return hugetlb_hstate(w->mm, HUGETLB_2M_ORDER);
}

static inline struct hstate *hstate_1g(struct world *w)
{
	return hugetlb_hstate(w->mm, HUGETLB_1G_ORDER);
}

static inline struct inode *hugetlb_inode(struct world *w)
{
	struct inode *inode = new_inode(w->env, "g0");

	inode->i_size = 4ULL << 30;
	mapping_set_inaccessible(&inode->i_data);
	return inode;
}

/* In the page cache at @index, no reference but the cache's. */
static inline struct folio *cache_huge(struct world *w, struct inode *inode, struct hstate *h,
				       pgoff_t index)
{
	struct folio *folio = hugetlb_alloc_folio(h, false);

	assert_false(IS_ERR(folio));
	assert_int_equal(hugetlb_add_to_page_cache(folio, inode->i_mapping, index), 0);
	folio_mark_uptodate(folio);
	folio_unlock(folio);
	folio_put(folio);
	return folio;
}

#endif /* SEPTUM_TESTS_MM_HUGETLB_COMMON_H */
