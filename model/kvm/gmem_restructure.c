// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd's huge folios in pieces and whole again, for a range of indices.
 * What the RFC of May 2025 does (51 patches, Ackerley Tng, patch 38): a folio is
 * frozen at the page cache's references, and whoever holds another one is waited
 * for without a bound. And what the plan of January 2026 makes of it: splitting
 * may fail and comes before anything that cannot be undone, merging comes last.
 *
 * Whether a split goes from 1G to 4K at once or by way of 2M, so that only what
 * is touched becomes 4K, is knob split-1G; the plan of 2026 wants it so later.
 */
#include <stdio.h>

#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"
#include "model/kvm/series_bugs.h"
#include "model/mm/xarray.h"

#define REFUSED_TEXT_MAX	200
#define ORDER_2M		(21 - PAGE_SHIFT)

/* -- Who is in the way ------------------------------------------------------- */

/* Which guest sees the page: the one of the first file that has it in a slot. */
static void tell_gpa(struct inode *inode, pgoff_t index, char *text, size_t size)
{
	const struct kvm_memory_slot *slot;
	struct gmem_file *gf;

	*text = '\0';
	list_for_each_entry(gf, &GMEM_I(inode)->gmem_file_list, entry) {
		slot = xa_load(&gf->bindings, index);
		if (!slot)
			continue;
		snprintf(text, size, ", gpa 0x%llx of VM %u",
			 (long long)gfn_to_gpa(slot->base_gfn + index - slot->gmem.pgoff),
			 gf->kvm->id);
		return;
	}
}

/*
 * The model's own, and what the kernel cannot do: the folio at @index names who
 * holds a reference that the page cache does not, and for which page of it.
 */
static const char *kvm_gmem_tell_refused(struct inode *inode, pgoff_t index, const char *what)
{
	struct folio *folio = xa_load(&inode->i_mapping->i_pages, index);
	struct env *env = env_of(inode);
	struct holder_view view[16];
	char *text = arena_alloc(env->arena, REFUSED_TEXT_MAX), gpa[48];
	int n, i, used;

	n = mm_holders(mm_of(inode), folio_pfn(folio), view, ARRAY_SIZE(view));
	used = snprintf(text, REFUSED_TEXT_MAX, "%s at 0x%llx: %d references, %llu are the page cache's;",
			inode->name, (long long)folio->index << PAGE_SHIFT,
			folio_ref_count(folio), (long long)folio_nr_pages(folio));
	for (i = 0; i < n && i < (int)ARRAY_SIZE(view) && used < REFUSED_TEXT_MAX; i++) {
		pgoff_t page = folio->index + (view[i].pfn - folio_pfn(folio));

		if (view[i].holder == HOLDER_FILEMAP)
			continue;
		tell_gpa(inode, page, gpa, sizeof(gpa));
		used += snprintf(text + used, REFUSED_TEXT_MAX - used, " %s %d at 0x%llx%s",
				 view[i].kind, view[i].count, (long long)page << PAGE_SHIFT, gpa);
	}
	kmsg(env, KMSG_INFO, "guest_memfd", "guest_memfd: %s refused: %s", what, text);
	return text;
}

/* -- One folio --------------------------------------------------------------- */

static u32 restructure_flags(const void *object)
{
	return series_bug(object, SERIES_BUG_UNDO_ALLOCATES) ? RESTRUCTURE_UNDO_ALLOCATES : 0;
}

/*
 * A wait of the RFC's: it warns once and goes round. False: it has no end, and
 * what would be the rest of the machine's life is left to the reports.
 */
static bool kvm_gmem_freeze_spin(struct inode *inode, pgoff_t index, const char **told, const char *what)
{
	if (!*told)
		*told = kvm_gmem_tell_refused(inode, index, what);
	WARN_ON_ONCE(env_of(inode), "a reference that guest_memfd does not know");
	return !task_spin(env_of(inode), what, *told);
}

static int kvm_gmem_split_folio_in_filemap(struct inode *inode, struct folio *folio,
					   u32 new_order, enum gmem_freeze freeze)
{
	pgoff_t index = folio->index;
	const char *told = NULL;
	struct hold_pieces pieces;
	int err;

	do {
		hold_split_begin(folio, &pieces);
		err = __filemap_split_hugetlb(folio, new_order, restructure_flags(inode));
		hold_split_done(&pieces, err);
		if (err == -EAGAIN && freeze == GMEM_FREEZE_TRY)
			kvm_gmem_tell_refused(inode, index, "split");
	} while (err == -EAGAIN && freeze == GMEM_FREEZE_SPIN &&
		 kvm_gmem_freeze_spin(inode, index, &told, "kvm_gmem_split_folio_in_filemap"));
	return err;
}

static int kvm_gmem_merge_folio_in_filemap(struct inode *inode, pgoff_t index,
					   enum gmem_freeze freeze)
{
	u64 nr = kvm_gmem_page_nr(inode);
	const char *told = NULL;
	struct hold_pieces pieces;
	int err;

	do {
		hold_merge_begin(inode, ALIGN_DOWN(index, nr), nr, &pieces);
		err = __filemap_merge_hugetlb(inode->i_mapping, index, restructure_flags(inode));
		hold_merge_done(&pieces, err);
		if (err != -EAGAIN)
			break;
		index = kvm_gmem_first_unsafe(inode, ALIGN_DOWN(index, nr),
					      ALIGN_DOWN(index, nr) + nr);
		if (freeze == GMEM_FREEZE_TRY)
			kvm_gmem_tell_refused(inode, index, "merge");
	} while (freeze == GMEM_FREEZE_SPIN &&
		 kvm_gmem_freeze_spin(inode, index, &told, "kvm_gmem_merge_folio_in_filemap"));
	return err;
}

/* -- Ranges ------------------------------------------------------------------ */

/* The first folio of the range that somebody but the page cache refers to, or @end. */
pgoff_t kvm_gmem_first_unsafe(struct inode *inode, pgoff_t start, pgoff_t end)
{
	struct folio *folio;
	u64 index;

	xa_for_each_range(&inode->i_mapping->i_pages, index, folio, start, end - 1)
		if (folio_ref_count(folio) != (s32)folio_nr_pages(folio))
			return index;
	return end;
}

/* By way of 2M, what is of the range only; or all of it to 4K. */
static int split_one(struct inode *inode, struct folio *folio, pgoff_t start, pgoff_t end,
		     enum gmem_freeze freeze, pgoff_t *error_index)
{
	bool two_steps = folio_order(folio) > ORDER_2M &&
			 kvm_globals_of(inode)->config.split_1g == PG_LEVEL_2M;
	pgoff_t index = folio->index, last = folio_next_index(folio);
	int err;

	*error_index = index > start ? index : start;
	if (!two_steps)
		return kvm_gmem_split_folio_in_filemap(inode, folio, 0, freeze);
	err = kvm_gmem_split_folio_in_filemap(inode, folio, ORDER_2M, freeze);
	if (index < start)
		index = ALIGN_DOWN(start, 1ULL << ORDER_2M);
	for (; !err && index < end && index < last; index += 1ULL << ORDER_2M) {
		*error_index = index > start ? index : start;
		folio = xa_load(&inode->i_mapping->i_pages, index);
		err = kvm_gmem_split_folio_in_filemap(inode, folio, 0, freeze);
	}
	return err;
}

int kvm_gmem_split_range(struct inode *inode, pgoff_t start, pgoff_t end,
			 enum gmem_freeze freeze, pgoff_t *error_index)
{
	struct folio *folio;
	u64 index = start;
	int err = 0;

	while (!err && index < end) {
		folio = xa_find(&inode->i_mapping->i_pages, &index, end - 1);
		if (!folio)
			break;
		index = folio_next_index(folio);
		if (folio_test_large(folio))
			err = split_one(inode, folio, start, end, freeze, error_index);
	}
	return err;
}

bool kvm_gmem_is_split(struct inode *inode, pgoff_t first)
{
	struct folio *folio = xa_load(&inode->i_mapping->i_pages, first);

	return folio && folio_order(folio) < kvm_gmem_page_order(inode);
}

int kvm_gmem_merge_range(struct inode *inode, pgoff_t start, pgoff_t end,
			 bool (*mergeable)(struct inode *inode, pgoff_t first, pgoff_t end, void *arg),
			 void *arg, enum gmem_freeze freeze)
{
	u64 nr = kvm_gmem_page_nr(inode);
	pgoff_t first;
	int err, ret = 0;

	for (first = ALIGN_DOWN(start, nr); nr > 1 && first < end; first += nr) {
		if (!kvm_gmem_is_split(inode, first) || !mergeable(inode, first, first + nr, arg))
			continue;
		err = kvm_gmem_merge_folio_in_filemap(inode, first, freeze);
		/* The rest of the range may still become whole. */
		if (err && !ret)
			ret = err;
	}
	return ret;
}
