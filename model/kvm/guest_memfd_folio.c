// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd, the folios: lookup for a guest fault, the initial image, faults
 * of a user mapping, memory errors (virt/kvm/guest_memfd.c, Linux 7.3.4). All
 * folios are order 0. Up to date means "content was set once": zeroed by a fault
 * or filled by populate; it is never cleared while the folio lives. Left out:
 * the SEV hooks that 7.3.4 calls where a TD has none, NUMA placement.
 */
#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"
#include "model/kvm/series_bugs.h"
#include "model/mm/memory_failure.h"

static void trace_gmem(struct env *env, kvm_pfn_t pfn, pgoff_t index, u32 order, bool shared,
		       const char *what)
{
	struct trace_event event = {
		.kind = TRACE_GMEM,
		.page = {
			.pfn = pfn, .what = what, .index = index, .order = order, .shared = shared,
		},
	};

	trace_emit(env, &event);
}

static void trace_folio(const struct inode *gmem, const struct folio *folio, pgoff_t start,
			pgoff_t end, const char *what)
{
	pgoff_t index = folio->index > start ? folio->index : start;
	pgoff_t last = folio_next_index(folio) < end ? folio_next_index(folio) : end;
	bool whole = last - index == folio_nr_pages(folio);
	u64 step = whole ? folio_nr_pages(folio) : 1;

	for (; index < last; index += step) {
		bool shared = kvm_gmem_is_shared_mem(gmem, index);

		trace_gmem(env_of(gmem), folio_pfn(folio) + (index - folio->index), index,
			   whole ? folio_order(folio) : 0, shared,
			   what ? what : shared ? "shared" : "private");
	}
}

void kvm_gmem_trace_range(const struct inode *gmem, pgoff_t start, pgoff_t end, const char *what)
{
	struct folio *folio;
	u64 index;

	if (!trace_on(env_of(gmem), TRACE_GMEM))
		return;
	xa_for_each_range(&gmem->i_mapping->i_pages, index, folio, start, end - 1)
		trace_folio(gmem, folio, start, end, what);
}

/* A hold policy may have something against it. Locked and referenced, or an error. */
static struct folio *kvm_gmem_usable_folio(struct folio *folio, pgoff_t index)
{
	int err = hold_alloc(folio, index);

	if (likely(!err))
		return folio;
	folio_unlock(folio);
	folio_put(folio);
	return ERR_PTR(err);
}

struct folio *kvm_gmem_get_folio(struct inode *gmem, pgoff_t index)
{
	struct address_space *cache = gmem->i_mapping;
	struct folio *folio;

repeat:
	folio = filemap_lock_folio(cache, index);
	if (likely(!IS_ERR(folio)))
		return kvm_gmem_usable_folio(folio, index);

	if (GMEM_I(gmem)->h) {
		folio = kvm_gmem_hugetlb_create_folio(gmem, index);
		/* Somebody else was first. */
		if (folio == ERR_PTR(-EEXIST))
			goto repeat;
	} else {
		folio = __filemap_get_folio(cache, index, FGP_LOCK | FGP_CREAT,
					    cache->gfp_mask);
	}
	if (IS_ERR(folio))
		return folio;
	WARN_ON_ONCE(env_of(gmem), folio_order(folio) != kvm_gmem_page_order(gmem));
	kvm_gmem_trace_range(gmem, folio->index, folio_next_index(folio), "alloc");
	return kvm_gmem_usable_folio(folio, index);
}

/* Zeroes what nobody has written yet. Folio lock held. */
static void kvm_gmem_make_uptodate(struct folio *folio)
{
	if (folio_test_uptodate(folio))
		return;
	folio_zero_range(folio, 0, folio_nr_pages(folio) << PAGE_SHIFT);
	folio_mark_uptodate(folio);
}

/* Locked; ERR_PTR(-EFAULT) file changed, -EIO not bound, -EHWPOISON, -ENOMEM. */
static struct folio *__kvm_gmem_get_pfn(struct file *file, struct kvm_memory_slot *slot,
					pgoff_t index, kvm_pfn_t *pfn, int *max_order)
{
	struct file *slot_file = slot->gmem.file;
	struct gmem_file *gf = file->private_data;
	struct kvm_memory_slot *bound;
	struct folio *folio;

	if (unlikely(file != slot_file)) {
		WARN_ON_ONCE(env_of(file), slot_file);
		return ERR_PTR(-EFAULT);
	}
	bound = xa_load(&gf->bindings, index);
	if (unlikely(bound != slot)) {
		WARN_ON_ONCE(env_of(file), bound);
		return ERR_PTR(-EIO);
	}

	folio = kvm_gmem_get_folio(file->f_inode, index);
	if (IS_ERR(folio))
		return folio;
	if (folio_test_hwpoison(folio)) {
		folio_unlock(folio);
		folio_put(folio);
		return ERR_PTR(-EHWPOISON);
	}
	/* Before v8 whoever mapped it saw to that, and populate did not. */
	if (gmem_in_place_conversion(file) && !series_bug(file, SERIES_BUG_NO_ZERO_POPULATE))
		kvm_gmem_make_uptodate(folio);
	*pfn = folio_pfn(folio) + (index & (folio_nr_pages(folio) - 1));
	*max_order = folio_order(folio);
	return folio;
}

int kvm_gmem_get_pfn(struct kvm *kvm, struct kvm_memory_slot *slot, gfn_t gfn,
		     kvm_pfn_t *pfn, struct page **page, int *max_order)
{
	pgoff_t pgoff = kvm_gmem_get_index(slot, gfn);
	struct file *file = kvm_gmem_get_file(slot);
	struct folio *folio;
	int err;

	if (!file)
		return -EFAULT;
	/* What is private, and how large its folio is, must not change meanwhile. */
	if (gmem_in_place_conversion(kvm))
		filemap_invalidate_lock_shared(file->f_mapping);

	folio = __kvm_gmem_get_pfn(file, slot, pgoff, pfn, max_order);
	if (IS_ERR(folio)) {
		err = PTR_ERR(folio);
		goto unlock;
	}
	kvm_gmem_make_uptodate(folio);
	err = hold_get_pfn(folio, pgoff);
	if (!defect_on(env_of(kvm), DEFECT_LEAK_FOLIO_LOCK))
		folio_unlock(folio);

	/* The reference goes to the caller with the page. */
	if (err)
		folio_put(folio);
	else
		*page = folio_file_page(folio, pgoff);
unlock:
	if (gmem_in_place_conversion(kvm))
		filemap_invalidate_unlock_shared(file->f_mapping);
	fput(file);
	return err;
}

/* -- the initial image ---------------------------------------------------- */

static bool kvm_gmem_populate_allowed(struct kvm *kvm, const struct inode *gmem, gfn_t gfn,
				      pgoff_t index)
{
	if (gmem_in_place_conversion(kvm))
		return kvm_gmem_is_private_mem(gmem, index);
	return kvm_range_has_memory_attributes(kvm, gfn, gfn + 1,
					       KVM_MEMORY_ATTRIBUTE_PRIVATE,
					       KVM_MEMORY_ATTRIBUTE_PRIVATE);
}

/* Where the source page was looked up once: user memory that is not there takes mmap_lock. */
static void look_up_source_late(struct kvm *kvm, const struct page *source)
{
	struct mm_struct *mm = kvm_globals_of(kvm)->current_mm;

	if (!source || !series_bug(kvm, SERIES_BUG_POPULATE_LOCKS))
		return;
	down_read(&mm->mmap_lock);
	up_read(&mm->mmap_lock);
}

static int __kvm_gmem_populate(struct kvm *kvm, struct kvm_memory_slot *slot,
			       struct file *file, gfn_t gfn, struct page *source,
			       kvm_gmem_populate_cb fill, void *opaque)
{
	pgoff_t pgoff = kvm_gmem_get_index(slot, gfn);
	struct address_space *cache = file->f_mapping;
	struct folio *folio;
	int max_order, err;
	kvm_pfn_t pfn;

	filemap_invalidate_lock(cache);
	look_up_source_late(kvm, source);

	folio = __kvm_gmem_get_pfn(file, slot, pgoff, &pfn, &max_order);
	if (IS_ERR(folio)) {
		err = PTR_ERR(folio);
		goto unlock;
	}
	folio_unlock(folio);

	err = -EINVAL;
	if (kvm_gmem_populate_allowed(kvm, file_inode(file), gfn, pgoff))
		err = fill(kvm, gfn, pfn, source, opaque);
	if (!err)
		folio_mark_uptodate(folio);
	/* On failure it stays in the page cache, not up to date. */
	folio_put(folio);
unlock:
	filemap_invalidate_unlock(cache);
	return err;
}

/* The page behind userspace's source buffer, which every address of it shows. */
static struct page *get_source_page(struct kvm *kvm)
{
	struct page *page = kvm_globals_of(kvm)->source_page;

	if (!page || try_grab_folio(page_folio(page), 1, FOLL_GET))
		return NULL;
	return page;
}

long kvm_gmem_populate(struct kvm *kvm, gfn_t start_gfn, u64 src, long npages,
		       bool may_writeback_src, kvm_gmem_populate_cb post_populate,
		       void *opaque)
{
	struct kvm_memory_slot *slot;
	struct file *file;
	long done, err = 0;

	lockdep_assert_held(&kvm->slots_lock);

	if (WARN_ON_ONCE(env_of(kvm), npages <= 0 || !IS_ALIGNED(src, PAGE_SIZE)))
		return -EINVAL;
	slot = gfn_to_memslot(kvm, start_gfn);
	if (!kvm_slot_has_gmem(slot))
		return -EINVAL;
	file = kvm_gmem_get_file(slot);
	if (!file)
		return -EFAULT;

	if (npages > (long)(slot->npages - (start_gfn - slot->base_gfn)))
		npages = slot->npages - (start_gfn - slot->base_gfn);
	for (done = 0; done < npages; done++) {
		struct page *src_page = NULL;

		if (signal_pending(kvm)) {
			err = -EINTR;
			break;
		}
		/* Before invalidate_lock: looking at user memory may take mmap_lock. */
		if (src) {
			src_page = get_source_page(kvm);
			if (!src_page) {
				err = -EFAULT;
				break;
			}
		}
		err = __kvm_gmem_populate(kvm, slot, file, start_gfn + done, src_page,
					  post_populate, opaque);
		if (src_page)
			gup_put_folio(page_folio(src_page), 1, FOLL_GET);
		if (err)
			break;
	}

	fput(file);
	return err && !done ? err : done;
}

/* -- user mappings -------------------------------------------------------- */

static vm_fault_t __kvm_gmem_fault_user_mapping(struct vm_fault *fault)
{
	struct inode *gmem = file_inode(fault->vma->vm_file);
	struct folio *folio;

	if (fault->pgoff << PAGE_SHIFT >= gmem->i_size)
		return VM_FAULT_SIGBUS;
	/* Private memory is never the host's to look at. */
	if (kvm_gmem_is_private_mem(gmem, fault->pgoff))
		return VM_FAULT_SIGBUS;

	folio = kvm_gmem_get_folio(gmem, fault->pgoff);
	if (IS_ERR(folio)) {
		long err = PTR_ERR(folio);

		return err == -EAGAIN ? VM_FAULT_RETRY : vmf_error(err);
	}
	if (WARN_ON_ONCE(env_of(gmem), folio_test_large(folio))) {
		folio_unlock(folio);
		folio_put(folio);
		return VM_FAULT_SIGBUS;
	}
	if (hold_host_fault(folio, fault->pgoff)) {
		folio_unlock(folio);
		folio_put(folio);
		return VM_FAULT_SIGBUS;
	}
	kvm_gmem_make_uptodate(folio);

	/* Locked and with the reference: both go to whoever maps it. */
	fault->page = folio_file_page(folio, fault->pgoff);
	return VM_FAULT_LOCKED;
}

static vm_fault_t kvm_gmem_fault_user_mapping(struct vm_fault *fault)
{
	struct address_space *cache = fault->vma->vm_file->f_mapping;
	bool lock = gmem_in_place_conversion(cache) &&
		    !series_bug(cache, SERIES_BUG_FAULT_UNLOCKED);
	vm_fault_t ret;

	/* A conversion must not come between the look at the attribute and the folio. */
	if (lock)
		filemap_invalidate_lock_shared(cache);
	ret = __kvm_gmem_fault_user_mapping(fault);
	if (lock)
		filemap_invalidate_unlock_shared(cache);
	return ret;
}

static const struct vm_operations_struct gmem_vm_ops = {
	.fault = kvm_gmem_fault_user_mapping,
};

int kvm_gmem_mmap(struct file *file, struct vm_area_struct *vma)
{
	if (!kvm_gmem_supports_mmap(file->f_inode))
		return -ENODEV;
	if ((vma->vm_flags & (VM_SHARED | VM_MAYSHARE)) != (VM_SHARED | VM_MAYSHARE))
		return -EINVAL;
	vma->vm_ops = &gmem_vm_ops;
	return 0;
}

/* -- what mm asks of a file ----------------------------------------------- */

/* memory_failure() holds the folio lock and takes invalidate_lock inside it. */
static int kvm_gmem_error_folio(struct address_space *cache, struct folio *folio)
{
	pgoff_t from = folio->index;
	pgoff_t to = from + folio_nr_pages(folio);
	struct kvm_unmapped unmapped;

	filemap_invalidate_lock_shared(cache);
	unmapped = kvm_gmem_invalidate_start(cache->host, from, to);
	hold_after_zap(cache->host, from, to, HOLD_MEMORY_FAILURE, unmapped, NULL);
	hold_memory_failure(folio);
	/*
	 * The folio stays where it is, poisoned: dropping it would let the next
	 * access allocate a fresh one and lose the guest's data silently.
	 */
	kvm_gmem_invalidate_end(cache->host, from, to);
	filemap_invalidate_unlock_shared(cache);
	return MF_DELAYED;
}

static int kvm_gmem_migrate_folio(struct address_space *mapping, struct folio *dst,
				  struct folio *src)
{
	WARN_ON_ONCE(env_of(mapping), "guest_memfd folios cannot be migrated");
	return -EINVAL;
}

static bool kvm_gmem_dirty_folio(struct address_space *mapping, struct folio *folio)
{
	return false;
}

/* An observation only: 7.3.4 has no hook here on a machine without SEV. */
static void kvm_gmem_free_folio(struct folio *gone)
{
	if (trace_on(env_of(gone), TRACE_GMEM))
		trace_gmem(env_of(gone), folio_pfn(gone), gone->index, folio_order(gone), false,
			   "free");
}

const struct address_space_operations kvm_gmem_aops = {
	.free_folio = &kvm_gmem_free_folio,
	.error_remove_folio = &kvm_gmem_error_folio,
	.migrate_folio = &kvm_gmem_migrate_folio,
	.dirty_folio = &kvm_gmem_dirty_folio,
};
