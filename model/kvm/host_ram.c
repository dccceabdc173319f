// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled host, the VMM's own memory: one shared file the size of a guest's
 * address space, mapped once. It is what the userspace address of every memory
 * slot points into and where shared guest memory lives that guest_memfd does not
 * back. Invented, but ordinary: pages come by fault, zeroed, and stay until the
 * process is gone.
 */
#include "model/kvm/host_internal.h"

static vm_fault_t vmm_ram_fault(struct vm_fault *vmf)
{
	struct address_space *cache = vmf->vma->vm_file->f_mapping;
	struct folio *folio = __filemap_get_folio(cache, vmf->pgoff, FGP_LOCK | FGP_CREAT,
						  cache->gfp_mask);

	if (IS_ERR(folio))
		return vmf_error(PTR_ERR(folio));
	if (!folio_test_uptodate(folio)) {
		clear_highpage(folio_page(folio, 0));
		folio_mark_uptodate(folio);
	}
	vmf->page = folio_page(folio, 0);
	return VM_FAULT_LOCKED;
}

static const struct vm_operations_struct vmm_ram_vm_ops = {
	.fault = vmm_ram_fault,
};

static int vmm_ram_mmap(struct file *file, struct vm_area_struct *vma)
{
	vma->vm_ops = &vmm_ram_vm_ops;
	return 0;
}

static const struct file_operations vmm_ram_fops = {
	.mmap = vmm_ram_mmap,
};

static const struct address_space_operations vmm_ram_aops = { 0 };

/* Where it begins. At boot, when nothing can be made to fail. */
u64 host_map_ram(struct model_host *mh)
{
	struct inode *inode = new_inode(env_of(mh), "vmm-ram");
	struct vm_area_struct *vma;
	struct file *file;

	inode->i_size = VMM_RAM_SIZE;
	inode->i_mapping->a_ops = &vmm_ram_aops;
	inode->i_mapping->gfp_mask = GFP_HIGHUSER;
	file = alloc_file(inode, &vmm_ram_fops, NULL);
	vma = vm_mmap(mh->globals.current_mm, file, 0, VMM_RAM_SIZE, true);
	/* The mapping has its own reference. */
	fput(file);
	return vma->vm_start;
}
