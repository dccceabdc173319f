// SPDX-License-Identifier: GPL-2.0-only
/*
 * guest_memfd, the files: creation, binding to memory slots, fallocate, punch
 * hole and release (virt/kvm/guest_memfd.c, Linux 7.3.4). Its folios are in
 * guest_memfd_folio.c, invalidation in gmem_invalidate.c. Left out: NUMA
 * policies, SEV's hooks.
 */
#include "model/kvm/files.h"
#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"
#include "model/kvm/mmu.h"

/* -- fallocate ------------------------------------------------------------ */

/* 0 whatever the zap met, unless the hold policy objects (7.3.4 has none). */
static long kvm_gmem_punch_hole(struct inode *gmem, u64 offset, u64 len)
{
	bool take_lock = !defect_on(env_of(gmem), DEFECT_NO_INVALIDATE_LOCK);
	pgoff_t from = offset >> PAGE_SHIFT;
	pgoff_t to = (offset + len) >> PAGE_SHIFT;
	struct kvm_unmapped unmapped;
	int err = kvm_gmem_check_hole(gmem, from, to);

	if (err)
		return err;
	/* Bindings must not change while their mappings go. */
	if (take_lock)
		filemap_invalidate_lock(gmem->i_mapping);

	/* May fail, and then nothing has gone yet. */
	err = kvm_gmem_split_private(gmem, from, to);
	if (err)
		goto unlock;
	unmapped = kvm_gmem_invalidate_start(gmem, from, to);
	err = hold_after_zap(gmem, from, to, HOLD_PUNCH_HOLE, unmapped, NULL);
	if (!err)
		err = kvm_gmem_merge_for_truncation(gmem, from, to);
	if (!err)
		kvm_gmem_truncate_range(gmem, from, to);
	kvm_gmem_invalidate_end(gmem, from, to);
unlock:
	if (take_lock)
		filemap_invalidate_unlock(gmem->i_mapping);
	return err;
}

static long kvm_gmem_allocate(struct inode *gmem, u64 offset, u64 len)
{
	pgoff_t index = offset >> PAGE_SHIFT;
	pgoff_t to = (offset + len) >> PAGE_SHIFT;
	long err = 0;

	if (offset + len > gmem->i_size)
		return -EINVAL;

	filemap_invalidate_lock_shared(gmem->i_mapping);
	for (; index < to; index++) {
		struct folio *folio;

		if (signal_pending(gmem)) {
			err = -EINTR;
			break;
		}
		folio = kvm_gmem_get_folio(gmem, index);
		if (IS_ERR(folio)) {
			err = PTR_ERR(folio);
			break;
		}
		/* Neither zeroed nor up to date: whoever maps it sees to that. */
		folio_unlock(folio);
		folio_put(folio);
		task_yield(env_of(gmem), YIELD_ALLOC);
	}
	filemap_invalidate_unlock_shared(gmem->i_mapping);
	return err;
}

static long kvm_gmem_fallocate(struct file *file, int mode, s64 offset, s64 len)
{
	struct inode *inode = file_inode(file);

	if (!(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (mode & ~(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!IS_ALIGNED(offset | len, PAGE_SIZE))
		return -EINVAL;

	return mode & FALLOC_FL_PUNCH_HOLE ? kvm_gmem_punch_hole(inode, offset, len) :
					     kvm_gmem_allocate(inode, offset, len);
}

/* -- release -------------------------------------------------------------- */

static int kvm_gmem_release(struct inode *gmem, struct file *file)
{
	struct gmem_file *gf = file->private_data;
	struct kvm_memory_slot *slot;
	struct kvm_unmapped unmapped;
	struct kvm *kvm = gf->kvm;
	u64 index;

	/*
	 * slots_lock keeps kvm_gmem_unbind() out, which would look at a slot whose
	 * file is going; the slots themselves stay, without a file.
	 */
	mutex_lock(&kvm->slots_lock);
	filemap_invalidate_lock(gmem->i_mapping);

	xa_for_each(&gf->bindings, index, slot)
		slot->gmem.file = NULL;

	/* All mappings of all bindings go, while the TD still has its KeyID. */
	unmapped = __kvm_gmem_invalidate_start(gf, 0, ~0ULL,
					       kvm_gmem_get_invalidate_filter(gmem, 0, ~0ULL));
	hold_after_zap(gmem, 0, ~0ULL, HOLD_RELEASE, unmapped, NULL);
	__kvm_gmem_invalidate_end(gf, 0, ~0ULL);

	list_del(&gf->entry);

	filemap_invalidate_unlock(gmem->i_mapping);
	mutex_unlock(&kvm->slots_lock);

	xa_destroy(&gf->bindings);
	pool_free(&kvm_globals_of(kvm)->gmem_files, gf);

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
static void kvm_gmem_free_inode(struct inode *gmem)
{
	if (gmem_in_place_conversion(gmem))
		gmem_attributes_destroy(&GMEM_I(gmem)->attributes);
	guestmem_hugetlb_teardown(GMEM_I(gmem));
	hold_inode_gone(gmem);
	pool_free(&kvm_globals_of(gmem)->gmem_inodes, GMEM_I(gmem));
}

static void kvm_gmem_evict_inode(struct inode *inode)
{
	hold_truncate(inode, 0, ~0ULL);
	truncate_inode_pages_final(inode->i_mapping);
}

static const struct inode_operations gmem_inode_ops = {
	.free_inode = kvm_gmem_free_inode,
	.evict_inode = kvm_gmem_evict_inode,
};

/* With one reference; ERR_PTR(-ENOMEM, and -EINVAL for hugetlb pages). */
static struct inode *kvm_gmem_inode_make(struct kvm *kvm, u64 size, u64 flags)
{
	struct inode *gmem = new_inode(env_of(kvm), "[kvm-gmem]");
	struct gmem_inode *gi;
	int err;

	if (!gmem)
		return ERR_PTR(-ENOMEM);
	gi = pool_alloc(&kvm_globals_of(kvm)->gmem_inodes);
	INIT_LIST_HEAD(&gi->gmem_file_list);
	gi->flags = flags;
	if (gmem_in_place_conversion(kvm))
		gmem_attributes_init(&gi->attributes, &kvm_globals_of(kvm)->gmem_attr_ranges,
				     flags & GUEST_MEMFD_FLAG_INIT_SHARED ?
				     0 : KVM_MEMORY_ATTRIBUTE_PRIVATE);

	gmem->i_private = gi;
	gmem->i_op = &gmem_inode_ops;
	gmem->i_mapping->a_ops = &kvm_gmem_aops;
	gmem->i_size = size;
	mapping_set_gfp_mask(gmem->i_mapping, GFP_HIGHUSER);
	mapping_set_inaccessible(gmem->i_mapping);
	/* Inaccessible memory can be neither migrated nor reclaimed. */
	mapping_set_unevictable(gmem->i_mapping);

	err = flags & GUEST_MEMFD_FLAG_HUGETLB ? guestmem_hugetlb_setup(gi, size) : 0;
	if (!err)
		err = hold_inode_init(gmem, size);
	if (!err)
		return gmem;
	iput(gmem);
	return ERR_PTR(err);
}

int kvm_gmem_install_file(struct kvm *kvm, struct inode *gmem, struct gmem_file *gf, int fd)
{
	struct kvm_globals *globals = kvm_globals_of(kvm);
	struct file *file = alloc_file(gmem, &kvm_gmem_fops, gf);

	if (!file) {
		iput(gmem);
		pool_free(&globals->gmem_files, gf);
		return -ENOMEM;
	}
	kvm_get_kvm(kvm);
	gf->kvm = kvm;
	xa_init(&gf->bindings);
	list_add(&gf->entry, &GMEM_I(gmem)->gmem_file_list);
	fd_install(&globals->files, fd, file);
	return fd;
}

static int __kvm_gmem_create(struct kvm *kvm, u64 size, u64 flags)
{
	struct kvm_globals *globals = kvm_globals_of(kvm);
	int fd = get_unused_fd(&globals->files);
	struct gmem_file *gf;
	struct inode *gmem;

	if (fd < 0)
		return fd;
	if (inject_alloc(env_of(kvm), "gmem_file"))
		return -ENOMEM;
	gf = pool_alloc(&globals->gmem_files);

	gmem = kvm_gmem_inode_make(kvm, size, flags);
	if (IS_ERR(gmem)) {
		pool_free(&globals->gmem_files, gf);
		return PTR_ERR(gmem);
	}
	return kvm_gmem_install_file(kvm, gmem, gf, fd);
}

/*
 * Which flags this VM may use: KVM_CAP_GUEST_MEMFD_FLAGS. The one for hugetlb
 * pages stays unknown, as in 7.3.4, on a machine that has none.
 */
u64 kvm_gmem_get_supported_flags(struct kvm *kvm)
{
	u64 flags = GUEST_MEMFD_FLAG_MMAP;

	if (mm_has_hugetlb(mm_of(kvm)))
		flags |= GUEST_MEMFD_FLAG_HUGETLB;
	/* What is shared for life is of no use to a TD; what can be converted is. */
	if (!kvm->arch.has_private_mem || gmem_in_place_conversion(kvm))
		flags |= GUEST_MEMFD_FLAG_INIT_SHARED;
	return flags;
}

int kvm_gmem_create(struct kvm *kvm, const struct kvm_create_guest_memfd *args)
{
	u64 valid_flags = kvm_gmem_get_supported_flags(kvm);
	s64 size = args->size;

	if (args->flags & valid_flags & GUEST_MEMFD_FLAG_HUGETLB)
		valid_flags |= GUESTMEM_HUGETLB_FLAG_MASK << GUESTMEM_HUGETLB_FLAG_SHIFT;
	/* args->reserved is not looked at. */
	if (args->flags & ~valid_flags)
		return -EINVAL;
	if (size <= 0 || !IS_ALIGNED(size, PAGE_SIZE))
		return -EINVAL;
	return __kvm_gmem_create(kvm, size, args->flags);
}

/* -- attributes ----------------------------------------------------------- */

u64 kvm_gmem_get_memory_attributes(struct kvm *vm, gfn_t gfn)
{
	struct kvm_memory_slot *bound = gfn_to_memslot(vm, gfn);
	struct file *file = kvm_slot_has_gmem(bound) ? kvm_gmem_get_file(bound) : NULL;
	u64 attrs;

	/* Nothing is there, or nothing any more: no memory is shared memory. */
	if (!file)
		return 0;
	attrs = kvm_gmem_get_attributes(file_inode(file), kvm_gmem_get_index(bound, gfn));
	fput(file);
	return attrs;
}

/* -- binding -------------------------------------------------------------- */

int kvm_gmem_prepare_memory_region(struct kvm *kvm, struct kvm_memory_slot *new,
				   u32 fd, u64 offset, struct file **filep)
{
	u64 size = new->npages << PAGE_SHIFT;
	struct gmem_file *gf;
	struct file *file;

	if (WARN_ON_ONCE(env_of(kvm), new->flags & KVM_MEMSLOT_GMEM_ONLY))
		return -EINVAL;
	file = fget(&kvm_globals_of(kvm)->files, fd);
	if (!file)
		return -EBADF;
	if (file->f_op != &kvm_gmem_fops)
		goto refuse;
	gf = file->private_data;
	if (gf->kvm != kvm)
		goto refuse;
	if (!IS_ALIGNED(offset, PAGE_SIZE) || offset + size > file_inode(file)->i_size)
		goto refuse;

	new->gmem.file = file;
	new->gmem.pgoff = offset >> PAGE_SHIFT;
	/* Then shared accesses use these folios, too; userspace_addr is not asked. */
	if (kvm_gmem_supports_mmap(file_inode(file)))
		new->flags |= KVM_MEMSLOT_GMEM_ONLY;
	*filep = file;
	return 0;
refuse:
	fput(file);
	return -EINVAL;
}

int kvm_gmem_commit_memory_region(struct kvm *kvm, struct kvm_memory_slot *new)
{
	struct file *file = new->gmem.file;
	struct address_space *cache = file->f_mapping;
	pgoff_t start = new->gmem.pgoff;
	pgoff_t last = start + new->npages - 1;
	struct gmem_file *gf = file->private_data;
	u64 index = start;
	int err;

	if (WARN_ON_ONCE(env_of(kvm), file->f_op != &kvm_gmem_fops))
		return -EIO;

	filemap_invalidate_lock(cache);
	if (xa_find(&gf->bindings, &index, last)) {
		err = -EEXIST;
	} else {
		err = xa_store_range(&gf->bindings, start, last, new, GFP_KERNEL);
		if (err)
			xa_store_range(&gf->bindings, start, last, NULL, GFP_KERNEL);
	}
	filemap_invalidate_unlock(cache);
	return err;
}

void kvm_gmem_unbind(struct kvm_memory_slot *old)
{
	pgoff_t start = old->gmem.pgoff;
	/*
	 * No reference: the file may be on its way out, but its release needs
	 * slots_lock, which the caller holds, to get further.
	 */
	struct file *file = old->gmem.file;
	struct address_space *cache;
	struct gmem_file *gf;

	if (!file)
		return;
	gf = file->private_data;
	cache = file->f_mapping;
	filemap_invalidate_lock(cache);
	xa_store_range(&gf->bindings, start, start + old->npages - 1, NULL, GFP_KERNEL);
	old->gmem.file = NULL;
	filemap_invalidate_unlock(cache);
}
