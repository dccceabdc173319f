// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_LINK_GUEST_MEMFD: another VM gets a file of its own on an inode that is
 * there already, with whatever folios and attributes it has ("New KVM ioctl to
 * link a gmem inode to a new gmem file", RFC v2, A. Tng and R. Afranji, 16 May
 * 2025, patch 4 of 13). Nothing is asked of the source VM: it may be dead. Nor
 * is anything asked of the pages, so that a poisoned one shows when it is
 * faulted. The series is there with the orders that convert in place.
 */
#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"

/* An inode shows itself to a VM once. */
static bool kvm_gmem_has_file_of(struct inode *gmem, const struct kvm *kvm)
{
	struct gmem_file *gf;

	list_for_each_entry(gf, &GMEM_I(gmem)->gmem_file_list, entry)
		if (gf->kvm == kvm)
			return true;
	return false;
}

/* invalidate_lock held for write: whoever invalidates must see the new file or none. */
static int kvm_gmem_link_inode(struct kvm *kvm, struct inode *gmem, int fd)
{
	struct kvm_globals *globals = kvm_globals_of(kvm);
	struct gmem_file *gf;
	int err;

	if (kvm_gmem_has_file_of(gmem, kvm))
		return -EINVAL;
	err = hold_link(gmem);
	if (err)
		return err;
	if (inject_alloc(env_of(kvm), "gmem_file"))
		return -ENOMEM;
	gf = pool_alloc(&globals->gmem_files);

	ihold(gmem);
	return kvm_gmem_install_file(kvm, gmem, gf, fd);
}

int kvm_gmem_link(struct kvm *kvm, const struct kvm_link_guest_memfd *args)
{
	struct kvm_globals *globals = kvm_globals_of(kvm);
	struct file *source;
	int fd;

	if (args->flags)
		return -EINVAL;
	source = fget(&globals->files, args->fd);
	if (!source)
		return -EBADF;
	fd = source->f_op == &kvm_gmem_fops ? get_unused_fd(&globals->files) : -EINVAL;
	if (fd >= 0) {
		filemap_invalidate_lock(source->f_mapping);
		fd = kvm_gmem_link_inode(kvm, file_inode(source), fd);
		filemap_invalidate_unlock(source->f_mapping);
	}
	fput(source);
	return fd;
}
