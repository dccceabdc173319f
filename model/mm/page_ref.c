// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reference counts beyond one more and one less, and the ledger's reports.
 * Follows include/linux/page_ref.h and folio_expected_ref_count() of Linux 7.3.4.
 *
 * The ledger is the model's own: a count by holder kind beside each struct page.
 * A kind giving back more than it holds is reported where it happens; a folio
 * freed while somebody is still in the ledger is reported at the free.
 */
#include <stdio.h>
#include <string.h>

#include "model/mm/internal.h"

const char *const holder_name[HOLDER_NR] = {
#define HOLDER(name, word, sentence) [HOLDER_##name] = word,
#include "model/mm/holders.def"
#undef HOLDER
};

void ref_trace(const struct folio *folio, enum holder holder, s32 delta)
{
	struct env *env = env_of(folio);
	struct trace_event event = {
		.kind = TRACE_REF,
		.page = {
			.pfn = folio->pfn,
			.what = holder_name[holder],
			.index = folio->index,
			.delta = delta,
			.refcount = folio->_refcount,
			.order = folio_order(folio),
		},
	};

	if (trace_on(env, TRACE_REF))
		trace_emit(env, &event);
}

void page_trace(struct mm *mm, kvm_pfn_t pfn, u32 order, const char *what)
{
	struct trace_event event = {
		.kind = TRACE_PAGE,
		.page = { .pfn = pfn, .what = what, .order = order },
	};

	trace_emit(mm->env, &event);
}

void page_poison_trace(const struct page *page, bool set)
{
	struct mm *mm = mm_of(page);

	if (trace_on(mm->env, TRACE_PAGE) && set != PageHWPoison(page))
		page_trace(mm, page->pfn, 0, set ? "hwpoison" : "unpoison");
}

void ref_broken(const struct folio *folio, enum holder holder)
{
	check_fail(env_of(folio), INV_REFCOUNT_HAS_HOLDERS,
		   "pfn %#x: %s gives back a reference it does not hold (count %d)",
		   folio->pfn, holder_name[holder], page_ledger(&folio->page)->count[holder]);
}

s64 ledger_sum(const struct folio *folio)
{
	const struct page_ledger *ledger = page_ledger(&folio->page);
	s64 sum = 0;
	int i;

	for (i = 0; i < HOLDER_NR; i++)
		sum += ledger->count[i];
	return sum;
}

static void ledger_report(const struct folio *folio, const char *when)
{
	const struct page_ledger *ledger = page_ledger(&folio->page);
	char text[96] = "";
	int i, len = 0;

	for (i = 0; i < HOLDER_NR && len < (int)sizeof(text) - 24; i++)
		if (ledger->count[i])
			len += snprintf(text + len, sizeof(text) - len, " %s=%d",
					holder_name[i], ledger->count[i]);
	check_fail(env_of(folio), INV_REFCOUNT_HAS_HOLDERS, "pfn %#x %s with count %d, holders:%s",
		   folio->pfn, when, folio->_refcount, len ? text : " none");
}

void ledger_check_empty(struct folio *folio)
{
	struct page_ledger *ledger = page_ledger(&folio->page);
	u64 any = 0;
	int i;

	check_hit(env_of(folio), INV_REFCOUNT_HAS_HOLDERS);
	for (i = 0; i < (int)ARRAY_SIZE(ledger->word); i++)
		any |= ledger->word[i];
	if (likely(!any))
		return;
	ledger_report(folio, "is freed");
	memset(ledger->count, 0, sizeof(ledger->count));
}

void folio_get_dead(const struct folio *folio)
{
	struct env *env = env_of(folio);

	if (mm_of(folio)->config.debug_vm)
		mm_bug(env, "folio_get", "folio_ref_zero_or_close_to_overflow(folio)");
}

bool scanner_passes(struct folio *folio)
{
	if (likely(!choose(env_of(folio), 2, CHOICE_REF)))
		return false;
	folio_get_as(folio, HOLDER_SCAN);
	folio_put_as(folio, HOLDER_SCAN);
	return true;
}

bool folio_ref_freeze(struct folio *folio, s32 count)
{
	page_store(&folio->page, "folio_ref_freeze");
	if (folio->_refcount != count || scanner_passes(folio))
		return false;
	folio->_refcount = 0;
	ledger_add(folio, HOLDER_FREEZE, -count);
	return true;
}

void folio_ref_unfreeze(struct folio *folio, s32 count)
{
	VM_BUG_ON_FOLIO(folio->_refcount != 0, folio);
	VM_BUG_ON_FOLIO(count == 0, folio);
	folio->_refcount = count;
	ledger_add(folio, HOLDER_FREEZE, -page_ledger(&folio->page)->count[HOLDER_FREEZE]);
	check_hit(env_of(folio), INV_REFCOUNT_HAS_HOLDERS);
	if (unlikely(ledger_sum(folio) != count))
		ledger_report(folio, "is unfrozen");
}

s32 folio_expected_ref_count(const struct folio *folio)
{
	s32 count = 0;

	if (folio->_mapcount < -1 && !folio_test_hugetlb(folio)) {
		WARN_ON_ONCE(env_of(folio), true);
		return 0;
	}
	if (folio->mapping)
		count += folio_nr_pages(folio);
	if (folio_has_private(folio))
		count++;
	return count + folio_mapcount(folio);
}

bool folio_maybe_dma_pinned(const struct folio *folio)
{
	if (folio_test_large(folio))
		return folio->_pincount > 0;
	return (u32)folio->_refcount >= GUP_PIN_COUNTING_BIAS;
}

void page_readonly_fault(const struct page *page, const char *what)
{
	char text[96];

	snprintf(text, sizeof(text), "unable to handle page fault: %s on the shared tail, pfn %#x",
		 what, page->pfn);
	mm_bug(env_of(page), what, text);
}

/* What mm_holders() fills, and how many there were. */
struct holder_list {
	struct holder_view *view;
	u32 max, n;
};

static void list_holder(struct holder_list *list, enum holder holder, s32 count,
			kvm_pfn_t pfn)
{
	if (list->n < list->max)
		list->view[list->n] = (struct holder_view){
			holder, holder_name[holder], count, pfn,
		};
	list->n++;
}

/* References of this kind that were taken for one page other than the first. */
static s32 list_tail_holders(struct holder_list *list, const struct folio *folio,
			     enum holder holder)
{
	kvm_pfn_t pfn = folio->pfn, end = pfn + folio_nr_pages(folio);
	struct vmemmap_leaf *leaf;
	s32 found = 0;
	u32 i;

	for (; (leaf = vmemmap_next(mm_of(folio), &pfn, end)); pfn += VMEMMAP_LEAF_PAGES)
		for (i = 0; i < VMEMMAP_LEAF_PAGES; i++) {
			s32 count = leaf->ledger[i].count[holder];

			if (!count || !PageTail(&leaf->page[i]))
				continue;
			list_holder(list, holder, count, leaf->page[i].pfn);
			found += count;
		}
	return found;
}

int mm_holders(struct mm *mm, kvm_pfn_t pfn, struct holder_view *view, u32 max)
{
	struct holder_list list = { .view = view, .max = max };
	struct page *page = find_page(mm, pfn);
	struct folio *folio;
	u32 i;

	if (!page)
		return 0;
	folio = page_folio(page);
	for (i = 0; i < HOLDER_NR; i++) {
		s32 left = page_ledger(&folio->page)->count[i];

		if (left && i != HOLDER_FILEMAP && folio_order(folio) > VMEMMAP_LEAF_SHIFT)
			left -= list_tail_holders(&list, folio, i);
		if (left)
			list_holder(&list, i, left, folio->pfn);
	}
	return list.n;
}
