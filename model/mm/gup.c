// SPDX-License-Identifier: GPL-2.0-only
/*
 * get_user_pages() and pins: mm/gup.c of Linux 7.3.4. A pin of a small folio is
 * 1024 references; of a large one a reference and a pincount. Left out: remote
 * mms, P2PDMA, long-term migration out of movable zones (there is one zone), the
 * lockless walk of GUP-fast and the references it takes by mistake.
 */
#include "model/mm/internal.h"

static s32 pin_refs(const struct folio *folio, int refs)
{
	return folio_test_large(folio) ? refs : refs * GUP_PIN_COUNTING_BIAS;
}

int try_grab_folio(struct folio *folio, int refs, u32 flags)
{
	if (WARN_ON_ONCE(env_of(folio), folio_ref_count(folio) <= 0))
		return -ENOMEM;
	if (flags & FOLL_GET) {
		folio_ref_add_as(folio, refs, HOLDER_GUP);
	} else if (flags & FOLL_PIN) {
		folio_ref_add_as(folio, pin_refs(folio, refs), HOLDER_GUP_PIN);
		if (folio_test_large(folio))
			folio->_pincount += refs;
	}
	return 0;
}

void gup_put_folio(struct folio *folio, int refs, u32 flags)
{
	if (!(flags & FOLL_PIN)) {
		folio_put_refs_as(folio, refs, HOLDER_GUP);
		return;
	}
	if (folio_test_large(folio))
		folio->_pincount -= refs;
	folio_put_refs_as(folio, pin_refs(folio, refs), HOLDER_GUP_PIN);
}

static enum holder gup_holder(u32 flags)
{
	return flags & FOLL_PIN ? HOLDER_GUP_PIN : HOLDER_GUP;
}

int try_grab_page(struct page *page, int refs, u32 flags)
{
	struct folio *folio = page_folio(page);
	int err = try_grab_folio(folio, refs, flags);

	if (!err)
		ledger_note_page(page, gup_holder(flags), refs);
	return err;
}

void gup_put_page(struct page *page, int refs, u32 flags)
{
	ledger_note_page(page, gup_holder(flags), -refs);
	gup_put_folio(page_folio(page), refs, flags);
}

static int gup_range(struct mm_struct *mms, u64 start, int nr, u32 flags, struct page **pages)
{
	int i, err = 0;

	down_read(&mms->mmap_lock);
	for (i = 0; i < nr; i++) {
		struct page *page = follow_or_fault(mms, start + (u64)i * PAGE_SIZE,
						    flags & FOLL_WRITE, &err);

		if (!page)
			break;
		err = try_grab_page(page, 1, flags);
		if (err)
			break;
		pages[i] = page;
	}
	up_read(&mms->mmap_lock);
	return i ? i : err;
}

int get_user_pages_fast(struct mm_struct *mms, u64 start, int nr, u32 gup_flags,
			struct page **pages)
{
	if (WARN_ON_ONCE(env_of(mms), gup_flags & FOLL_PIN))
		return -EINVAL;
	return gup_range(mms, start, nr, gup_flags | FOLL_GET, pages);
}

/*
 * A file that is written back wants to know when its pages are written, and who
 * holds a pin for long does not tell: not so shmem, hugetlb and guest_memfd.
 */
static bool writable_file_mapping_allowed(struct mm_struct *mms, u64 start, u32 flags)
{
	const u32 suspect = FOLL_PIN | FOLL_LONGTERM | FOLL_WRITE;
	const struct vm_area_struct *vma = find_vma(mms, start);

	if (!vma || (flags & suspect) != suspect)
		return true;
	return !mapping_can_writeback(vma->vm_file->f_mapping);
}

int pin_user_pages_fast(struct mm_struct *mms, u64 start, int nr, u32 gup_flags,
			struct page **pages)
{
	if (WARN_ON_ONCE(env_of(mms), gup_flags & FOLL_GET))
		return -EINVAL;
	if (!writable_file_mapping_allowed(mms, start, gup_flags | FOLL_PIN))
		return -EFAULT;
	return gup_range(mms, start, nr, gup_flags | FOLL_PIN, pages);
}
