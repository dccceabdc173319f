// SPDX-License-Identifier: GPL-2.0-only
/* User mappings and GUP, against mm/memory.c and mm/gup.c of Linux 7.3.4. */
#include "tests/mm_common.h"

#define FILE_PAGES	64

static vm_fault_t memfile_fault(struct vm_fault *vmf)
{
	struct inode *inode = vmf->vma->vm_file->f_inode;
	struct folio *folio;

	if (vmf->pgoff >= inode->i_size >> PAGE_SHIFT)
		return VM_FAULT_SIGBUS;
	folio = __filemap_get_folio(inode->i_mapping, vmf->pgoff, FGP_LOCK | FGP_CREAT, GFP_KERNEL);
	if (IS_ERR(folio))
		return vmf_error(PTR_ERR(folio));
	if (!folio_test_uptodate(folio)) {
		clear_highpage(&folio->page);
		folio_mark_uptodate(folio);
	}
	vmf->page = &folio->page;
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct memfile_vm_ops = { .fault = memfile_fault };

static int memfile_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	vma->vm_ops = &memfile_vm_ops;
	return 0;
}

static const struct file_operations memfile_ops = { .mmap = memfile_mmap };

static struct file *open_memfile(struct world *w)
{
	struct inode *inode = new_inode(w->env, "memfile");

	inode->i_size = FILE_PAGES << PAGE_SHIFT;
	return alloc_file(inode, &memfile_ops, NULL);
}

struct mapped {
	struct file *file;
	struct mm_struct *mms;
	struct vm_area_struct *vma;
};

static struct mapped map_memfile(struct world *w)
{
	struct mapped m = { .file = open_memfile(w), .mms = mm_alloc(w->env, "vmm") };

	m.vma = vm_mmap(m.mms, m.file, 0, (FILE_PAGES + 2) << PAGE_SHIFT, true);
	assert_false(IS_ERR(m.vma));
	return m;
}

static void unmap_memfile(struct world *w, struct mapped m)
{
	exit_mmap(m.mms);
	fput(m.file);
	expect_all_free(w);
}

static struct folio *folio_at(struct mapped m, pgoff_t index)
{
	return xa_load(&m.file->f_mapping->i_pages, index);
}

static void a_mapped_page_has_one_reference_and_one_mapcount(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	u64 token = 42, seen = 0;
	struct folio *folio;

	assert_int_equal(user_access(m.mms, m.vma->vm_start + 5 * PAGE_SIZE, true, &token), 0);
	assert_int_equal(user_access(m.mms, m.vma->vm_start + 5 * PAGE_SIZE, false, &seen), 0);
	assert_int_equal(seen, 42);
	folio = folio_at(m, 5);
	assert_int_equal(folio_mapcount(folio), 1);
	assert_int_equal(holders(w, folio, HOLDER_USER_MAP), 1);
	lru_add_drain_all(w->env);
	assert_int_equal(folio_ref_count(folio), folio_expected_ref_count(folio));
	unmap_memfile(w, m);
}

static void access_beyond_the_file_or_the_mapping_is_sigbus(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	u64 token;

	assert_int_equal(user_access(m.mms, m.vma->vm_start + FILE_PAGES * PAGE_SIZE, false, &token),
			 -EFAULT);
	assert_true(m.mms->sigbus);
	assert_int_equal(user_access(m.mms, m.vma->vm_end, false, &token), -EFAULT);
	unmap_memfile(w, m);
}

static void a_private_mapping_and_a_file_without_mmap_are_refused(void **state)
{
	static const struct file_operations no_mmap = { 0 };
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	struct file *other = alloc_file(new_inode(w->env, "x"), &no_mmap, NULL);

	assert_int_equal(PTR_ERR(vm_mmap(m.mms, m.file, 0, PAGE_SIZE, false)), -EINVAL);
	assert_int_equal(PTR_ERR(vm_mmap(m.mms, other, 0, PAGE_SIZE, true)), -ENODEV);
	assert_int_equal(PTR_ERR(vm_mmap(m.mms, m.file, 12, PAGE_SIZE, true)), -EINVAL);
	fput(other);
	unmap_memfile(w, m);
}

static void truncation_unmaps_and_the_next_access_gets_a_new_page(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	u64 token = 42, seen = 1;

	user_access(m.mms, m.vma->vm_start, true, &token);
	truncate_inode_pages_range(m.file->f_mapping, 0, PAGE_SIZE - 1);
	lru_add_drain_all(w->env);
	assert_int_equal(mm_nr_in_use(w->mm), 0);
	assert_int_equal(user_access(m.mms, m.vma->vm_start, false, &seen), 0);
	assert_int_equal(seen, TOKEN_ZERO);
	unmap_memfile(w, m);
}

static void unmapping_pages_leaves_them_in_the_cache(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	u64 token = 42, seen = 0, i;

	for (i = 0; i < 8; i++)
		user_access(m.mms, m.vma->vm_start + i * PAGE_SIZE, true, &token);
	unmap_mapping_pages(m.file->f_mapping, 2, 3, false);
	for (i = 0; i < 8; i++)
		assert_int_equal(folio_mapped(folio_at(m, i)), i < 2 || i > 4);
	assert_int_equal(user_access(m.mms, m.vma->vm_start + 3 * PAGE_SIZE, false, &seen), 0);
	assert_int_equal(seen, 42);
	unmap_memfile(w, m);
}

static void munmap_takes_whole_mappings_and_their_ends(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	u64 start = m.vma->vm_start, token = 1, i;

	for (i = 0; i < FILE_PAGES; i++)
		user_access(m.mms, start + i * PAGE_SIZE, true, &token);
	assert_int_equal(vm_munmap(m.mms, start + 4 * PAGE_SIZE, PAGE_SIZE), -EINVAL);
	assert_int_equal(vm_munmap(m.mms, start, 4 * PAGE_SIZE), 0);
	assert_false(folio_mapped(folio_at(m, 3)));
	assert_true(folio_mapped(folio_at(m, 4)));
	assert_int_equal(user_access(m.mms, start + 4 * PAGE_SIZE, false, &token), 0);
	assert_int_equal(user_access(m.mms, start, false, &token), -EFAULT);
	unmap_memfile(w, m);
}

static void a_pin_of_a_small_folio_is_1024_references(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	struct page *page[3];
	struct folio *folio;

	assert_int_equal(pin_user_pages_fast(m.mms, m.vma->vm_start, 3, FOLL_WRITE, page), 3);
	lru_add_drain_all(w->env);
	folio = page_folio(page[1]);
	assert_int_equal(holders(w, folio, HOLDER_GUP_PIN), 1024);
	assert_int_equal(folio_ref_count(folio), 1 + 1 + 1024);
	assert_true(folio_maybe_dma_pinned(folio));
	gup_put_page(page[0], 1, FOLL_PIN);
	gup_put_page(page[1], 1, FOLL_PIN);
	gup_put_page(page[2], 1, FOLL_PIN);
	assert_false(folio_maybe_dma_pinned(folio));
	unmap_memfile(w, m);
}

static void a_small_folio_with_many_references_looks_pinned_and_a_large_one_does_not(void **state)
{
	struct world *w = *state;
	struct folio *small = folio_alloc(w->env, GFP_KERNEL, 0);
	struct folio *large = folio_alloc(w->env, GFP_KERNEL, 2);

	try_grab_folio(small, 1023, FOLL_GET);
	try_grab_folio(large, 1023, FOLL_GET);
	assert_true(folio_maybe_dma_pinned(small));
	assert_false(folio_maybe_dma_pinned(large));
	try_grab_folio(large, 1, FOLL_PIN);
	assert_true(folio_maybe_dma_pinned(large));
	assert_int_equal(folio_ref_count(large), 1 + 1023 + 1);
	gup_put_folio(large, 1, FOLL_PIN);
	gup_put_folio(small, 1023, FOLL_GET);
	gup_put_folio(large, 1023, FOLL_GET);
	folio_put_as(small, HOLDER_ALLOC);
	folio_put_as(large, HOLDER_ALLOC);
	expect_all_free(w);
}

static void get_user_pages_stops_where_it_cannot_go_on(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	struct page *page[4];
	u64 at = m.vma->vm_start + (FILE_PAGES - 2) * PAGE_SIZE;

	assert_int_equal(get_user_pages_fast(m.mms, at, 4, 0, page), 2);
	assert_int_equal(get_user_pages_fast(m.mms, at + 2 * PAGE_SIZE, 1, 0, page + 2), -EFAULT);
	put_page_as(page[0], HOLDER_GUP);
	put_page_as(page[1], HOLDER_GUP);
	m.vma->vm_file->f_mapping->can_writeback = true;
	assert_int_equal(pin_user_pages_fast(m.mms, at, 1, FOLL_WRITE | FOLL_LONGTERM, page), -EFAULT);
	unmap_memfile(w, m);
}

static void grabbing_a_free_folio_fails_with_a_warning(void **state)
{
	struct world *w = *state;
	struct folio *folio = folio_alloc(w->env, GFP_KERNEL, 0);

	folio_put_as(folio, HOLDER_ALLOC);
	assert_int_equal(try_grab_folio(folio, 1, FOLL_GET), -ENOMEM);
	assert_int_equal(w->env->checker.warn_count, 1);
}

static int released;

static int note_release(struct inode *inode, struct file *file)
{
	released++;
	assert_int_equal(file->f_count, 0);
	assert_null(get_file_active(&file));
	return 0;
}

static void a_mapping_keeps_its_file_and_the_last_put_releases_it(void **state)
{
	static const struct file_operations ops = { .mmap = memfile_mmap, .release = note_release };
	struct world *w = *state;
	struct file *file = alloc_file(new_inode(w->env, "memfile"), &ops, NULL);
	struct mm_struct *mms = mm_alloc(w->env, "vmm");

	released = 0;
	file_inode(file)->i_size = PAGE_SIZE;
	assert_false(IS_ERR(vm_mmap(mms, file, 0, PAGE_SIZE, true)));
	fput(file);
	assert_int_equal(released, 0);
	exit_mmap(mms);
	assert_int_equal(released, 1);
	assert_int_equal(w->mm->inodes.in_use, 0);
	assert_int_equal(w->mm->files.in_use, 0);
	expect_all_free(w);
}

static void out_of_memory_in_a_fault_leaves_no_page_behind(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	u64 token, nth, start = w->env->injector.alloc_count;

	for (nth = 1; ; nth++) {
		w->env->injector.alloc_fail_nth = w->env->injector.alloc_count + nth;
		if (!user_access(m.mms, m.vma->vm_start, false, &token))
			break;
		lru_add_drain_all(w->env);
		truncate_inode_pages_range(m.file->f_mapping, 0, ~0ULL);
		assert_int_equal(mm_nr_in_use(w->mm), 0);
	}
	/* The folio, the cache's tree node, the page table. */
	assert_int_equal(nth, 4);
	assert_true(w->env->injector.alloc_count > start);
	unmap_memfile(w, m);
}

static void consuming_poison_runs_memory_failure_and_sends_a_signal(void **state)
{
	struct world *w = *state;
	struct mapped m = map_memfile(w);
	u64 token = 42;
	struct folio *folio;

	user_access(m.mms, m.vma->vm_start, true, &token);
	lru_add_drain_all(w->env);
	folio = folio_at(m, 0);
	/* A line of the page was a TD's when somebody wrote a part of it. */
	w->hw->partial_write_erratum = true;
	hw_movdir64b(w->hw, pfn_to_hpa(folio->pfn), w->hw->keyid_private_first, 1);
	hw_write_partial(w->hw, pfn_to_hpa(folio->pfn), 2);
	assert_int_equal(user_access(m.mms, m.vma->vm_start, false, &token), -EHWPOISON);
	assert_true(folio_test_hwpoison(folio));
	assert_false(folio_mapped(folio));
	assert_int_equal(mm_nr_poisoned_pages(w->mm), 1);
	/* The marker in the page table, then the poisoned page in the cache. */
	m.mms->sigbus = false;
	assert_int_equal(user_access(m.mms, m.vma->vm_start, false, &token), -EHWPOISON);
	assert_true(m.mms->sigbus);
	exit_mmap(m.mms);
	fput(m.file);
	assert_int_equal(folio_ref_count(folio), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_TEST(a_mapped_page_has_one_reference_and_one_mapcount),
		WORLD_TEST(access_beyond_the_file_or_the_mapping_is_sigbus),
		WORLD_TEST(a_private_mapping_and_a_file_without_mmap_are_refused),
		WORLD_TEST(truncation_unmaps_and_the_next_access_gets_a_new_page),
		WORLD_TEST(unmapping_pages_leaves_them_in_the_cache),
		WORLD_TEST(munmap_takes_whole_mappings_and_their_ends),
		WORLD_TEST(a_pin_of_a_small_folio_is_1024_references),
		WORLD_TEST(a_small_folio_with_many_references_looks_pinned_and_a_large_one_does_not),
		WORLD_TEST(get_user_pages_stops_where_it_cannot_go_on),
		WORLD_TEST(grabbing_a_free_folio_fails_with_a_warning),
		WORLD_TEST(a_mapping_keeps_its_file_and_the_last_put_releases_it),
		WORLD_TEST(consuming_poison_runs_memory_failure_and_sends_a_signal),
		WORLD_TEST(out_of_memory_in_a_fault_leaves_no_page_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
