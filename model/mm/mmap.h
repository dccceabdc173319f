/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * User mappings of files and get_user_pages(): include/linux/mm.h,
 * mm/memory.c and mm/gup.c of 7.3.4, for MAP_SHARED mappings of memory files.
 * Page tables are a tree from page offset to pfn per VMA, 4K entries only; each
 * present entry holds one reference (HOLDER_USER_MAP) and one mapcount.
 */
#ifndef SEPTUM_MM_MMAP_H
#define SEPTUM_MM_MMAP_H

#include "model/mm/fs.h"

#define VM_READ		0x1
#define VM_WRITE	0x2
#define VM_SHARED	0x8
#define VM_MAYSHARE	0x80

enum vm_fault_reason {
	VM_FAULT_OOM		= 0x1,
	VM_FAULT_SIGBUS		= 0x2,
	VM_FAULT_HWPOISON	= 0x10,
	VM_FAULT_HWPOISON_LARGE	= 0x20,
	VM_FAULT_SIGSEGV	= 0x40,
	VM_FAULT_NOPAGE		= 0x100,
	VM_FAULT_LOCKED		= 0x200,
	VM_FAULT_RETRY		= 0x400,
};
typedef u32 vm_fault_t;

#define VM_FAULT_ERROR	(VM_FAULT_OOM | VM_FAULT_SIGBUS | VM_FAULT_SIGSEGV | \
			 VM_FAULT_HWPOISON | VM_FAULT_HWPOISON_LARGE)

static inline vm_fault_t vmf_error(int errno_)
{
	return errno_ == -ENOMEM ? VM_FAULT_OOM :
	       errno_ == -EHWPOISON ? VM_FAULT_HWPOISON : VM_FAULT_SIGBUS;
}

/* A process address space: what a VMM's userspace mapping belongs to. */
struct mm_struct {
	struct lock mmap_lock;
	struct list_head mmap;		/* vm_area_struct.vm_list */
	u64 next_start;			/* where the next mapping goes */
	char name[16];
	bool sigbus;			/* a SIGBUS was sent to it */
	u8 sigbus_lsb;			/* si_addr_lsb of the last one */
	u32 sigkill;
};

struct vm_area_struct {
	u64 vm_start, vm_end;		/* user addresses, bytes */
	u64 vm_pgoff;
	u32 vm_flags;
	struct file *vm_file;
	struct mm_struct *vm_mm;
	const struct vm_operations_struct *vm_ops;	/* may be NULL */
	struct list_head vm_list;	/* mm_struct.mmap */
	struct list_head shared;	/* address_space.i_mmap */
	struct xarray ptes;		/* by file page offset */
};

struct vm_fault {
	struct vm_area_struct *vma;
	pgoff_t pgoff;
	u64 address;
	bool write;
	struct page *page;		/* out: with a reference, locked if VM_FAULT_LOCKED */
};

struct vm_operations_struct {
	/* VM_FAULT_*; the page in vmf->page */
	vm_fault_t (*fault)(struct vm_fault *fault);
};

struct mm_struct *mm_alloc(struct env *env, const char *name);
/* Unmaps everything, as a process's exit does. */
void exit_mmap(struct mm_struct *mm);

/*
 * mmap() of @len bytes of @file from @offset. The VMA, or what f_op->mmap said:
 * -ENODEV, -EINVAL. Takes a reference on @file.
 */
struct vm_area_struct *vm_mmap(struct mm_struct *mm, struct file *file, u64 offset,
			       u64 len, bool shared);
/* Unmap [start, start + len); whole VMAs and their ends. 0 or -EINVAL. */
int vm_munmap(struct mm_struct *mm, u64 start, u64 len);
struct vm_area_struct *find_vma(struct mm_struct *mm, u64 address);
/* The page at this address through the fault handler; VM_FAULT_*, 0 when mapped. */
vm_fault_t handle_mm_fault(struct vm_area_struct *vma, u64 address, bool write);
/*
 * A load or store of userspace: faults in what is missing, retries VM_FAULT_RETRY.
 * 0, -EFAULT (SIGBUS; also no VMA), -EHWPOISON (SIGBUS with BUS_MCEERR_AR),
 * -ENOMEM. *token: what was read or is written.
 */
int user_access(struct mm_struct *mm, u64 address, bool write, u64 *token);

/* -- get_user_pages ------------------------------------------------------ */

#define FOLL_WRITE	0x1
#define FOLL_GET	0x2
#define FOLL_PIN	0x4
#define FOLL_LONGTERM	0x100

/* Pages of [start, start + nr * 4K). How many, or -EFAULT, -EHWPOISON, -ENOMEM for none. */
int get_user_pages_fast(struct mm_struct *mm, u64 start, int nr, u32 gup_flags,
			struct page **pages);
int pin_user_pages_fast(struct mm_struct *mm, u64 start, int nr, u32 gup_flags,
			struct page **pages);
/*
 * @refs grabs (FOLL_GET: HOLDER_GUP) or pins (FOLL_PIN: HOLDER_GUP_PIN; 1024
 * references each on a small folio, one and a pincount on a large one). -ENOMEM
 * with a WARN when the count is not positive.
 */
int try_grab_folio(struct folio *folio, int refs, u32 flags);
void gup_put_folio(struct folio *folio, int refs, u32 flags);
/* The same of a page: the ledger then knows which one of its folio it was. */
int try_grab_page(struct page *page, int refs, u32 flags);
void gup_put_page(struct page *page, int refs, u32 flags);

#endif /* SEPTUM_MM_MMAP_H */
