// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd, the files: creation, binding to memory slots, fallocate, punch
 * hole and release (virt/kvm/guest_memfd.c, Linux 7.3.4). Its folios are in
 * guest_memfd_folio.c. Kept as it is there: the invalidate filter of an inode is
 * one half only, so shared mappings of a mmap-able file in a TD stay in the
 * direct root when their folios go. Left out: NUMA policies, SEV's hooks.
 */
#include "model/kvm/files.h"
#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"
#include "model/kvm/mmu.h"

/* -- invalidation --------------------------------------------------------- */

/* Which half of a VM may map folios of this inode as guest_memfd sees it. */
static u8 kvm_gmem_get_invalidate_filter(const struct inode *inode)
{
	return kvm_gmem_init_shared(inode) ? KVM_FILTER_SHARED : KVM_FILTER_PRIVATE;
}

static void __kvm_gmem_invalidate_start(struct gmem_file *f, pgoff_t start,
					pgoff_t end, u8 filter)
{
	bool flush = false, found = false;
	struct kvm_memory_slot *slot;
	struct kvm *kvm = f->kvm;
	u64 index;

	xa_for_each_range(&f->bindings, index, slot, start, end - 1) {
		pgoff_t first = slot->gmem.pgoff;
		pgoff_t last = first + slot->npages;
		struct kvm_gfn_range range = {
			.slot = slot,
			.start = slot->base_gfn + (start > first ? start - first : 0),
			.end = slot->base_gfn + (end < last ? end : last) - first,
			.attr_filter = filter,
			.may_block = true,
		};

		/* A slot may take several entries of the tree: one round each slot. */
		if (index > start && index > first)
			continue;
		if (!found) {
			found = true;
			KVM_MMU_LOCK(kvm);
			kvm_mmu_invalidate_start(kvm);
		}
		if (!defect_on(env_of(kvm), DEFECT_SKIP_INVALIDATE))
			flush |= kvm_mmu_unmap_gfn_range(kvm, &range);
		else
			kvm_mmu_invalidate_range_add(kvm, range.start, range.end);
	}
	if (flush)
		kvm_flush_remote_tlbs(kvm);
	if (found)
		KVM_MMU_UNLOCK(kvm);
}

static void __kvm_gmem_invalidate_end(struct gmem_file *f, pgoff_t start, pgoff_t end)
{
	u64 index = start;

	if (!xa_find(&f->bindings, &index, end - 1))
		return;
	KVM_MMU_LOCK(f->kvm);
	kvm_mmu_invalidate_end(f->kvm);
	KVM_MMU_UNLOCK(f->kvm);
}

void kvm_gmem_invalidate_start(struct inode *inode, pgoff_t start, pgoff_t end)
{
	u8 filter = kvm_gmem_get_invalidate_filter(inode);
	struct gmem_file *f;

	list_for_each_entry(f, &GMEM_I(inode)->gmem_file_list, entry)
		__kvm_gmem_invalidate_start(f, start, end, filter);
}

void kvm_gmem_invalidate_end(struct inode *inode, pgoff_t start, pgoff_t end)
{
	struct gmem_file *f;

	list_for_each_entry(f, &GMEM_I(inode)->gmem_file_list, entry)
		__kvm_gmem_invalidate_end(f, start, end);
}

/* -- fallocate ------------------------------------------------------------ */

/*
 * What a hold policy wants of the folios between zap and truncation. Not in
 * 7.3.4, whose two hooks are empty: 0 and nothing done.
 */
static int kvm_gmem_hold_range(struct inode *inode, pgoff_t start, pgoff_t end)
{
	const struct hold_policy *policy = kvm_globals_of(inode)->policy;
	struct folio *folio;
	u64 index;
	int err = 0;

	if (!policy->after_zap && !policy->truncate)
		return 0;
	xa_for_each_range(&inode->i_mapping->i_pages, index, folio, start, end - 1) {
		folio_lock(folio);
		if (policy->after_zap)
			err = policy->after_zap(folio);
		if (!err && policy->truncate)
			policy->truncate(folio);
		folio_unlock(folio);
		if (err)
			break;
	}
	return err;
}

/* 0 whatever the zap met: a VM bugged on the way is all there is to see. */
static long kvm_gmem_punch_hole(struct inode *inode, u64 offset, u64 len)
{
	bool take_lock = !defect_on(env_of(inode), DEFECT_NO_INVALIDATE_LOCK);
	pgoff_t start = offset >> PAGE_SHIFT;
	pgoff_t end = (offset + len) >> PAGE_SHIFT;
	int err;

	/* Bindings must not change while their mappings go. */
	if (take_lock)
		filemap_invalidate_lock(inode->i_mapping);

	kvm_gmem_invalidate_start(inode, start, end);
	err = kvm_gmem_hold_range(inode, start, end);
	if (!err)
		truncate_inode_pages_range(inode->i_mapping, offset, offset + len - 1);
	kvm_gmem_invalidate_end(inode, start, end);

	if (take_lock)
		filemap_invalidate_unlock(inode->i_mapping);
	return err;
}

static long kvm_gmem_allocate(struct inode *inode, u64 offset, u64 len)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t end = (offset + len) >> PAGE_SHIFT;
	long err = 0;

	if (offset + len > inode->i_size)
		return -EINVAL;

	filemap_invalidate_lock_shared(inode->i_mapping);
	for (; index < end; index++) {
		struct folio *folio;

		if (signal_pending(inode)) {
			err = -EINTR;
			break;
		}
		folio = kvm_gmem_get_folio(inode, index);
		if (IS_ERR(folio)) {
			err = PTR_ERR(folio);
			break;
		}
		/* Neither zeroed nor up to date: whoever maps it sees to that. */
		folio_unlock(folio);
		folio_put(folio);
		task_yield(env_of(inode), YIELD_ALLOC);
	}
	filemap_invalidate_unlock_shared(inode->i_mapping);
	return err;
}

static long kvm_gmem_fallocate(struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);

	if (!(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE))
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(offset | len, PAGE_SIZE))
		return -EINVAL;

	return mode & FALLOC_FL_PUNCH_HOLE ? kvm_gmem_punch_hole(inode, offset, len) :
					     kvm_gmem_allocate(inode, offset, len);
}

/* -- release -------------------------------------------------------------- */

static int kvm_gmem_release(struct inode *inode, struct file *file)
{
	struct gmem_file *f = file->private_data;
	struct kvm_memory_slot *slot;
	struct kvm *kvm = f->kvm;
	u64 index;

	/*
	 * slots_lock keeps kvm_gmem_unbind() out, which would look at a slot whose
	 * file is going; the slots themselves stay, without a file.
	 */
	mutex_lock(&kvm->slots_lock);
	filemap_invalidate_lock(inode->i_mapping);

	xa_for_each(&f->bindings, index, slot)
		slot->gmem.file = NULL;

	/* All mappings of all bindings go, while the TD still has its KeyID. */
	__kvm_gmem_invalidate_start(f, 0, ~0ULL, kvm_gmem_get_invalidate_filter(inode));
	__kvm_gmem_invalidate_end(f, 0, ~0ULL);

	list_del(&f->entry);

	filemap_invalidate_unlock(inode->i_mapping);
	mutex_unlock(&kvm->slots_lock);

	xa_destroy(&f->bindings);
	pool_free(&kvm_globals_of(kvm)->gmem_files, f);

	/* May be the last one: the VM then goes before the folios do. */
	kvm_put_kvm(kvm);
	return 0;
}

const struct file_operations kvm_gmem_fops = {
	.mmap = kvm_gmem_mmap,
	.fallocate = kvm_gmem_fallocate,
	.release = kvm_gmem_release,
};

/* -- creation ------------------------------------------------------------- */

/* The inode is gone and its page cache empty. */
static void kvm_gmem_free_inode(struct inode *inode)
{
	pool_free(&kvm_globals_of(inode)->gmem_inodes, GMEM_I(inode));
}

static void kvm_gmem_evict_inode(struct inode *inode)
{
	kvm_gmem_hold_range(inode, 0, ~0ULL);
	truncate_inode_pages_final(inode->i_mapping);
}

static const struct inode_operations kvm_gmem_iops = {
	.free_inode = kvm_gmem_free_inode,
	.evict_inode = kvm_gmem_evict_inode,
};

/* With one reference; NULL when there is no memory. */
static struct inode *kvm_gmem_inode_make(struct kvm *kvm, u64 size, u64 flags)
{
	struct inode *inode = new_inode(env_of(kvm), "[kvm-gmem]");
	struct gmem_inode *gi;

	if (!inode)
		return NULL;
	gi = pool_alloc(&kvm_globals_of(kvm)->gmem_inodes);
	INIT_LIST_HEAD(&gi->gmem_file_list);
	gi->flags = flags;

	inode->i_private = gi;
	inode->i_op = &kvm_gmem_iops;
	inode->i_mapping->a_ops = &kvm_gmem_aops;
	inode->i_size = size;
	mapping_set_gfp_mask(inode->i_mapping, GFP_HIGHUSER);
	mapping_set_inaccessible(inode->i_mapping);
	/* Inaccessible memory can be neither migrated nor reclaimed. */
	mapping_set_unevictable(inode->i_mapping);
	return inode;
}

static int __kvm_gmem_create(struct kvm *kvm, u64 size, u64 flags)
{
	struct kvm_globals *globals = kvm_globals_of(kvm);
	int fd = get_unused_fd(&globals->files);
	struct gmem_file *f;
	struct inode *inode;
	struct file *file;

	if (fd < 0)
		return fd;
	if (inject_alloc(env_of(kvm), "gmem_file"))
		return -ENOMEM;
	f = pool_alloc(&globals->gmem_files);

	inode = kvm_gmem_inode_make(kvm, size, flags);
	file = inode ? alloc_file(inode, &kvm_gmem_fops, f) : NULL;
	if (!file) {
		if (inode)
			iput(inode);
		pool_free(&globals->gmem_files, f);
		return -ENOMEM;
	}

	kvm_get_kvm(kvm);
	f->kvm = kvm;
	xa_init(&f->bindings);
	list_add(&f->entry, &GMEM_I(inode)->gmem_file_list);
	fd_install(&globals->files, fd, file);
	return fd;
}

/* Which flags this VM may use: KVM_CAP_GUEST_MEMFD_FLAGS. */
u64 kvm_gmem_get_supported_flags(struct kvm *kvm)
{
	u64 flags = GUEST_MEMFD_FLAG_MMAP;

	if (!kvm->arch.has_private_mem)
		flags |= GUEST_MEMFD_FLAG_INIT_SHARED;
	return flags;
}

int kvm_gmem_create(struct kvm *kvm, const struct kvm_create_guest_memfd *args)
{
	s64 size = args->size;

	/* args->reserved is not looked at. */
	if (args->flags & ~kvm_gmem_get_supported_flags(kvm))
		return -EINVAL;
	if (size <= 0 || !IS_ALIGNED(size, PAGE_SIZE))
		return -EINVAL;
	return __kvm_gmem_create(kvm, size, args->flags);
}

/* -- binding -------------------------------------------------------------- */

int kvm_gmem_prepare_memory_region(struct kvm *kvm, struct kvm_memory_slot *slot,
				   u32 fd, u64 offset, struct file **filep)
{
	u64 size = slot->npages << PAGE_SHIFT;
	struct gmem_file *f;
	struct file *file;

	if (WARN_ON_ONCE(env_of(kvm), slot->flags & KVM_MEMSLOT_GMEM_ONLY))
		return -EINVAL;
	file = fget(&kvm_globals_of(kvm)->files, fd);
	if (!file)
		return -EBADF;
	if (file->f_op != &kvm_gmem_fops)
		goto refuse;
	f = file->private_data;
	if (f->kvm != kvm)
		goto refuse;
	if (!IS_ALIGNED(offset, PAGE_SIZE) || offset + size > file_inode(file)->i_size)
		goto refuse;

	slot->gmem.file = file;
	slot->gmem.pgoff = offset >> PAGE_SHIFT;
	/* Then shared accesses use these folios, too; userspace_addr is not asked. */
	if (kvm_gmem_supports_mmap(file_inode(file)))
		slot->flags |= KVM_MEMSLOT_GMEM_ONLY;
	*filep = file;
	return 0;
refuse:
	fput(file);
	return -EINVAL;
}

int kvm_gmem_commit_memory_region(struct kvm *kvm, struct kvm_memory_slot *slot)
{
	struct file *file = slot->gmem.file;
	pgoff_t start = slot->gmem.pgoff;
	pgoff_t last = start + slot->npages - 1;
	struct gmem_file *f = file->private_data;
	u64 index = start;
	int err;

	if (WARN_ON_ONCE(env_of(kvm), file->f_op != &kvm_gmem_fops))
		return -EIO;

	filemap_invalidate_lock(file->f_mapping);
	if (xa_find(&f->bindings, &index, last)) {
		err = -EEXIST;
	} else {
		err = xa_store_range(&f->bindings, start, last, slot, GFP_KERNEL);
		if (err)
			xa_store_range(&f->bindings, start, last, NULL, GFP_KERNEL);
	}
	filemap_invalidate_unlock(file->f_mapping);
	return err;
}

void kvm_gmem_unbind(struct kvm_memory_slot *slot)
{
	pgoff_t start = slot->gmem.pgoff;
	/*
	 * No reference: the file may be on its way out, but its release needs
	 * slots_lock, which the caller holds, to get further.
	 */
	struct file *file = slot->gmem.file;
	struct gmem_file *f;

	if (!file)
		return;
	f = file->private_data;
	filemap_invalidate_lock(file->f_mapping);
	xa_store_range(&f->bindings, start, start + slot->npages - 1, NULL, GFP_KERNEL);
	slot->gmem.file = NULL;
	filemap_invalidate_unlock(file->f_mapping);
}
