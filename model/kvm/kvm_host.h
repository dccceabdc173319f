/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's own structures and the functions that are the same on every
 * architecture: include/linux/kvm_host.h of 7.3.4, the part that concerns
 * memory and the life of VMs and vCPUs. Names, locks and error values are the
 * kernel's. Every object lies in the arena, so env_of(kvm) is its simulation
 * and kvm_globals_of(kvm) what the kernel keeps in file-scope variables.
 *
 * What the MMU offers the rest of KVM is in mmu.h.
 *
 * Lock order, outermost first: kvm->lock, vcpu->mutex, slots_lock,
 * slots_arch_lock; slots_lock, invalidate_lock, mmu_lock, tdp_mmu_pages_lock.
 */
#ifndef SEPTUM_KVM_HOST_H
#define SEPTUM_KVM_HOST_H

#include "model/hw/hw.h"
#include "model/kvm/asm_kvm_host.h"
#include "model/kvm/files.h"
#include "model/mm/mm.h"
#include "sim/base/host.h"

struct conversion_order;
struct guest_op;
struct hold_policy;
struct hold_state;
struct tdx_globals;

#define KVM_USER_MEM_SLOTS	32764
#define KVM_MEM_MAX_NR_PAGES	((1ULL << 31) - 1)
#define KVM_MAX_NR_VCPUS	1024		/* what the kernel is configured for */
#define KVM_MAX_VCPUS		HOST_VCPU_MAX	/* what there is room for */

#define KVM_MEMSLOT_INVALID	(1u << 16)
#define KVM_MEMSLOT_GMEM_ONLY	(1u << 17)

struct kvm_memory_slot {
	gfn_t base_gfn;
	u64 npages;
	u64 userspace_addr;
	u32 flags;
	s16 id;
	u16 as_id;
	struct kvm_arch_memory_slot arch;
	struct {
		/* No reference: taken for a moment by kvm_gmem_get_file(). slots_lock to write. */
		struct file *file;
		pgoff_t pgoff;
	} gmem;
};

static inline bool kvm_slot_has_gmem(const struct kvm_memory_slot *s)
{
	return s && s->flags & KVM_MEM_GUEST_MEMFD;
}

static inline bool kvm_memslot_is_gmem_only(const struct kvm_memory_slot *s)
{
	return s->flags & KVM_MEMSLOT_GMEM_ONLY;
}

/* One of the two slot sets of an address space, sorted by base_gfn. */
struct kvm_memslots {
	u64 generation;
	struct kvm_memory_slot *last_used_slot;
	struct kvm_memory_slot **slots;
	u32 used_slots, max_slots;
	struct sparse id_hash;		/* struct kvm_memory_slot * by id */
};

enum kvm_mr_change {
	KVM_MR_CREATE,
	KVM_MR_DELETE,
	KVM_MR_MOVE,
	KVM_MR_FLAGS_ONLY,
};

#define KVM_FILTER_SHARED	(1 << 0)
#define KVM_FILTER_PRIVATE	(1 << 1)

struct kvm_gfn_range {
	struct kvm_memory_slot *slot;
	gfn_t start, end;	/* half open */
	u64 attributes;		/* pre/post_set_memory_attributes: the new ones */
	u8 attr_filter;		/* KVM_FILTER_*; 0 is both on a VM without private memory */
	bool may_block;
};

/*
 * What unmapping a range came to. The kernel returns @flush only: nothing is
 * known of a failure outside the TDX code that met it. @failed is filled in for
 * the hold policy that wants unmapping to fail, of several the first.
 */
struct kvm_unmapped {
	bool flush;		/* TLBs must be flushed */
	bool failed;		/* @failed_pfn may still be in an S-EPT */
	kvm_pfn_t failed_pfn;
};

static inline struct kvm_unmapped kvm_unmapped_add(struct kvm_unmapped sum,
						   struct kvm_unmapped more)
{
	if (unlikely(more.failed && !sum.failed)) {
		sum.failed = true;
		sum.failed_pfn = more.failed_pfn;
	}
	sum.flush |= more.flush;
	return sum;
}

/* Requests: number in 7:0, flags above. */
#define KVM_REQUEST_MASK	0xffu
#define KVM_REQUEST_NO_WAKEUP	(1u << 8)
#define KVM_REQUEST_WAIT	(1u << 9)
#define KVM_REQUEST_NO_ACTION	(1u << 10)
#define KVM_REQ_TLB_FLUSH	(0 | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP)
#define KVM_REQ_VM_DEAD		(1 | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP)
#define KVM_REQ_UNBLOCK		2
#define KVM_REQ_MMU_FREE_OBSOLETE_ROOTS	(31 | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP)
#define KVM_REQ_OUTSIDE_GUEST_MODE \
	(KVM_REQUEST_NO_ACTION | KVM_REQUEST_WAIT | KVM_REQUEST_NO_WAKEUP)

enum {
	OUTSIDE_GUEST_MODE,
	IN_GUEST_MODE,
	EXITING_GUEST_MODE,
	READING_SHADOW_PAGE_TABLES,
};

struct kvm_vcpu {
	struct kvm *kvm;
	int vcpu_id;		/* as userspace named it: x2APIC id */
	int vcpu_idx;		/* place in kvm->vcpus[] */
	int cpu;		/* logical processor it was last loaded on, -1 none */
	u8 mode;		/* OUTSIDE_GUEST_MODE ... */
	u8 ipi_waiters;		/* BIT(task): waits until its thread has interrupts on again */
	u64 requests;		/* BIT(request number) */
	struct lock mutex;
	struct kvm_run *run;
	struct kvm_run run_page;
	struct guest_op *guest_op;	/* what its guest is at, NULL nothing */
	struct kvm_vcpu_arch arch;
};

struct kvm {
	struct lock mmu_lock;		/* rwlock */
	struct lock slots_lock;
	struct lock slots_arch_lock;
	struct lock lock;
	struct lock srcu;		/* readers: users of memslots */
	struct mm_struct *mm;		/* process that made the VM */
	u32 id;				/* for reports */
	struct kvm_memslots __memslots[2];	/* one address space, two sets */
	struct kvm_memslots *memslots;	/* the active one */
	u64 nr_memslot_pages;
	struct kvm_vcpu *vcpus[KVM_MAX_VCPUS];	/* by vcpu_idx */
	int online_vcpus, created_vcpus, max_vcpus;
	struct list_head vm_list;
	int users_count;		/* VM fd, each vCPU fd, each guest_memfd file */
	u64 mmu_invalidate_seq;		/* mmu_lock(write) */
	s64 mmu_invalidate_in_progress;
	gfn_t mmu_invalidate_range_start, mmu_invalidate_range_end;
	struct xarray mem_attr_array;	/* gfn -> attributes; slots_lock to write */
	u64 attributes_generation;	/* bumped by each change, for probes */
	bool vm_dead, vm_bugged;
	bool mmu_notifier_released;
	struct kvm_arch arch;
};

/* What the kernel has in file-scope variables, one of each per simulation. */
struct kvm_globals {
	struct host host;
	struct mm_struct *current_mm;	/* the one VMM process */
	struct lock kvm_lock;
	struct list_head vm_list;
	struct lock cpu_hotplug_lock;
	struct host_config config;
	const struct hold_policy *policy;
	const struct conversion_order *order;
	bool gmem_in_place_conversion;	/* that order has steps */
	struct hold_state *hold;	/* what the policy keeps outside pages and inodes */
	struct mmu_host *mmu_host;	/* page-table memory: mmu.h */
	struct tdx_globals *tdx;	/* tdx_lock, sysinfo, KeyIDs, per-CPU lists: tdx.h */
	u32 next_vm_id;
	struct files_struct files;	/* descriptors of that process */
	struct inode *anon_inode;
	struct page *source_page;	/* what its source buffer holds, INIT_MEM_REGION */
	struct kvm_vcpu *running_vcpu[TASK_MAX];	/* by task: kvm_running_vcpu */
	/* The kernel's slab caches. */
	struct pool vms, vcpus, slots, gmem_files, gmem_inodes, gmem_attr_ranges;
};

static inline struct kvm_globals *kvm_globals_of(const void *object)
{
	return env_of(object)->layer[LAYER_KVM];
}

/* The vCPU of @kvm that the running task has loaded, NULL. */
static inline struct kvm_vcpu *kvm_get_running_vcpu(const struct kvm *kvm)
{
	struct kvm_vcpu *vcpu = kvm_globals_of(kvm)->running_vcpu[current_task(env_of(kvm))->id];

	return vcpu && vcpu->kvm == kvm ? vcpu : NULL;
}

/* The logical processor the running task is on. */
static inline int smp_processor_id(const void *object)
{
	return current_task(env_of(object))->cpu;
}

static inline bool signal_pending(const void *object)
{
	return current_task(env_of(object))->signal_pending;
}

#define KVM_MMU_LOCK(kvm)	write_lock(&(kvm)->mmu_lock)
#define KVM_MMU_UNLOCK(kvm)	write_unlock(&(kvm)->mmu_lock)

#define kvm_for_each_vcpu(idx, vcpup, kvm)				\
	for (idx = 0; idx < (kvm)->online_vcpus &&			\
	     ((vcpup) = (kvm)->vcpus[idx]) != NULL; idx++)

/* -- kvm_bug.c ---------------------------------------------------------- */

/* No VM, vCPU or device ioctl works from here on, and no vCPU enters the guest. */
void kvm_vm_dead(struct kvm *);
void kvm_vm_bugged(struct kvm *);
__cold void kvm_bug_slow(struct kvm *, const char *site, const char *where);

/* A recorded WARN once a site and a bugged VM, unless it is bugged already. */
#define KVM_BUG_ON(cond, kvm)							\
	({ static const char site_[] = #cond;					\
	   bool hit_ = !!(cond);						\
	   if (unlikely(hit_) && !(kvm)->vm_bugged)				\
		   kvm_bug_slow(kvm, site_, __func__);				\
	   unlikely(hit_); })

/* -- requests.c --------------------------------------------------------- */

static inline void kvm_make_request(int req, struct kvm_vcpu *vcpu)
{
	vcpu->requests |= BIT_ULL(req & KVM_REQUEST_MASK);
}

static inline bool kvm_request_pending(const struct kvm_vcpu *vcpu)
{
	return vcpu->requests;
}

static inline bool kvm_test_request(int req, const struct kvm_vcpu *vcpu)
{
	return vcpu->requests & BIT_ULL(req & KVM_REQUEST_MASK);
}

/* Tests and clears. Never for KVM_REQ_VM_DEAD, which stays. */
static inline bool kvm_check_request(int req, struct kvm_vcpu *vcpu)
{
	if (!kvm_test_request(req, vcpu))
		return false;
	vcpu->requests &= ~BIT_ULL(req & KVM_REQUEST_MASK);
	return true;
}

/* True when an IPI was sent. With KVM_REQUEST_WAIT every vCPU has left the guest. */
bool kvm_make_all_cpus_request(struct kvm *, unsigned int req);
void kvm_flush_remote_tlbs(struct kvm *);
void kvm_flush_remote_tlbs_range(struct kvm *, gfn_t gfn, u64 nr_pages);
void kvm_flush_remote_tlbs_memslot(struct kvm *, const struct kvm_memory_slot *slot);

/* -- invalidate.c ------------------------------------------------------- */

void kvm_mmu_invalidate_start(struct kvm *);
void kvm_mmu_invalidate_range_add(struct kvm *, gfn_t start, gfn_t end);
void kvm_mmu_invalidate_end(struct kvm *);
struct kvm_unmapped kvm_mmu_unmap_gfn_range(struct kvm *, struct kvm_gfn_range *range);

/* mmu_lock held: must a fault that saw @seq before its lookup be retried? */
bool mmu_invalidate_retry_gfn(struct kvm *, u64 seq, gfn_t gfn);

/* The same without the lock: a hint. */
static inline bool mmu_invalidate_retry_gfn_unsafe(struct kvm *vm, u64 seq, gfn_t gfn)
{
	if (unlikely(vm->mmu_invalidate_in_progress) &&
	    gfn >= vm->mmu_invalidate_range_start &&
	    gfn < vm->mmu_invalidate_range_end)
		return true;
	return vm->mmu_invalidate_seq != seq;
}

/* -- memslots.c --------------------------------------------------------- */

static inline struct kvm_memslots *kvm_memslots(struct kvm *vm)
{
	return vm->memslots;
}

struct kvm_memory_slot *search_memslots(struct kvm_memslots *slots, gfn_t gfn);
/* The first slot that ends above @gfn, from place *@at on; NULL when there is none. */
struct kvm_memory_slot *kvm_memslot_next(struct kvm_memslots *slots, gfn_t gfn, u32 *at);
struct kvm_memory_slot *id_to_memslot(struct kvm_memslots *slots, int id);

/* NULL outside every slot. srcu or slots_lock held. */
static inline struct kvm_memory_slot *gfn_to_memslot(struct kvm *kvm, gfn_t gfn)
{
	struct kvm_memslots *slots = kvm->memslots;
	struct kvm_memory_slot *slot = slots->last_used_slot;

	if (likely(slot && gfn - slot->base_gfn < slot->npages))
		return slot;
	return search_memslots(slots, gfn);
}

int kvm_set_memory_region(struct kvm *, const struct kvm_userspace_memory_region2 *region);
int kvm_vm_ioctl_set_memory_region(struct kvm *,
				   const struct kvm_userspace_memory_region2 *region);
void kvm_init_memslots(struct kvm *);
void kvm_free_memslots(struct kvm *);

/* Every slot that has a page in [first, last) of the set. */
#define kvm_for_each_memslot_in_gfn_range(slot, slots, at, first, last)		\
	for (at = 0; ((slot) = kvm_memslot_next(slots, first, &(at))) &&	\
	     (slot)->base_gfn < (last); at++)

/* -- mem_attributes.c --------------------------------------------------- */

u64 kvm_supported_mem_attributes(struct kvm *);
u64 kvm_get_memory_attributes(struct kvm *, gfn_t gfn);
bool kvm_range_has_memory_attributes(struct kvm *, gfn_t start, gfn_t end,
				     u64 mask, u64 attrs);
int kvm_vm_set_mem_attributes(struct kvm *, gfn_t start, gfn_t end, u64 attributes);
int kvm_vm_ioctl_set_mem_attributes(struct kvm *, const struct kvm_memory_attributes *attrs);

/* guest_memfd.c: of the slot's guest_memfd, 0 without slot or open file. */
u64 kvm_gmem_get_memory_attributes(struct kvm *, gfn_t gfn);

/* srcu or slots_lock held. The answer may be old: faults check again under mmu_lock. */
static inline bool kvm_mem_is_private(struct kvm *vm, gfn_t gfn)
{
	if (unlikely(kvm_globals_of(vm)->gmem_in_place_conversion))
		return kvm_gmem_get_memory_attributes(vm, gfn) & KVM_MEMORY_ATTRIBUTE_PRIVATE;
	return kvm_get_memory_attributes(vm, gfn) & KVM_MEMORY_ATTRIBUTE_PRIVATE;
}

/* -- kvm_main.c, vcpu.c ------------------------------------------------- */

/* ERR_PTR(-ENOMEM), -EINVAL for a type this machine does not have. */
struct kvm *kvm_create_vm(struct kvm_globals *globals, u64 type);
/* @cpu is about to go offline: no vCPU may stay on it. cpus_write_lock(). */
void kvm_offline_cpu(struct kvm_globals *globals, int cpu);
void kvm_get_kvm(struct kvm *);
/* May destroy the VM. */
void kvm_put_kvm(struct kvm *);
/* exit_mm() of the process that uses the VM, or the VM's own end. */
void kvm_mmu_notifier_release(struct kvm *);
int kvm_lock_all_vcpus(struct kvm *kvm);	/* kvm->lock held; -EBUSY */
void kvm_unlock_all_vcpus(struct kvm *);

int kvm_vm_ioctl_create_vcpu(struct kvm *, u64 id);
void kvm_destroy_vcpus(struct kvm *);
void vcpu_load(struct kvm_vcpu *);
void vcpu_put(struct kvm_vcpu *);
bool kvm_vcpu_has_events(struct kvm_vcpu *);
void kvm_prepare_memory_fault_exit(struct kvm_vcpu *, gpa_t gpa, u64 size,
				   bool is_write, bool is_exec, bool is_private);

struct file *anon_inode_getfile(struct kvm_globals *globals,
				const struct file_operations *f_op, void *private_data);
extern const struct file_operations kvm_vm_fops, kvm_vcpu_fops, kvm_gmem_fops;

/*
 * The ioctls of /dev/kvm, of a VM and of a vCPU. @arg is the argument's struct,
 * or the number where the ioctl takes one. New descriptors or 0, else an errno;
 * a dead VM answers -EIO to everything.
 */
long kvm_dev_ioctl(struct kvm_globals *globals, u32 ioctl, u64 arg);
long kvm_vm_ioctl(struct kvm *, u32 ioctl, void *arg);
long kvm_vcpu_ioctl(struct kvm_vcpu *, u32 ioctl, void *arg);

/* -- guest_memfd.c ------------------------------------------------------ */

typedef int (*kvm_gmem_populate_cb)(struct kvm *, gfn_t gfn, kvm_pfn_t pfn,
				    struct page *page, void *opaque);

u64 kvm_gmem_get_supported_flags(struct kvm *);
/* The new fd, -EINVAL, -ENOMEM, -EMFILE. */
int kvm_gmem_create(struct kvm *, const struct kvm_create_guest_memfd *args);
/* The new fd; -EINVAL (flags, no guest_memfd, this VM has one of it), -EBADF, -ENOMEM. */
int kvm_gmem_link(struct kvm *, const struct kvm_link_guest_memfd *args);
/* -EBADF, -EINVAL. On success *filep carries a reference for the caller to drop. */
int kvm_gmem_prepare_memory_region(struct kvm *, struct kvm_memory_slot *slot,
				   u32 fd, u64 offset, struct file **filep);
int kvm_gmem_commit_memory_region(struct kvm *, struct kvm_memory_slot *slot);
void kvm_gmem_unbind(struct kvm_memory_slot *);
/*
 * srcu or slots_lock held. 0: *page carries a reference the caller drops.
 * -EFAULT file gone, -EHWPOISON, -ENOMEM, -EIO not bound here.
 */
int kvm_gmem_get_pfn(struct kvm *, struct kvm_memory_slot *slot, gfn_t gfn,
		     kvm_pfn_t *pfn, struct page **page, int *max_order);
/*
 * slots_lock held. The source page is kvm_globals.source_page, whatever @src says
 * (0: none). Pages done, or the error when none was.
 */
long kvm_gmem_populate(struct kvm *, gfn_t start_gfn, u64 src, long npages,
		       bool may_writeback_src, kvm_gmem_populate_cb post_populate,
		       void *opaque);

/* -- x86.c, x86_run.c --------------------------------------------------- */

#define ENOIOCTLCMD	515	/* not for userspace: try the next handler */

u64 kvm_supported_vm_types(struct kvm_globals *globals);	/* BIT(KVM_X86_*_VM) */
int kvm_arch_init_vm(struct kvm *, u64 type);
void kvm_arch_pre_destroy_vm(struct kvm *);
void kvm_arch_destroy_vm(struct kvm *);
int kvm_arch_vcpu_precreate(struct kvm *, u32 id);
int kvm_arch_vcpu_create(struct kvm_vcpu *);
void kvm_arch_vcpu_destroy(struct kvm_vcpu *);
void kvm_arch_vcpu_load(struct kvm_vcpu *, int cpu);
void kvm_arch_vcpu_put(struct kvm_vcpu *);
/* cpuid.c; CPUID in and out: EAX is the function, ECX the index */
int kvm_vcpu_ioctl_set_cpuid2(struct kvm_vcpu *v, const struct kvm_cpuid2 *cpuid);
void kvm_cpuid(struct kvm_vcpu *v, u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
int kvm_arch_prepare_memory_region(struct kvm *kvm, const struct kvm_memory_slot *old,
				   struct kvm_memory_slot *new, enum kvm_mr_change change);
void kvm_arch_memslots_updated(struct kvm *);
/* A device whose DMA bypasses caches comes and goes. */
void kvm_arch_register_noncoherent_dma(struct kvm *);
void kvm_arch_unregister_noncoherent_dma(struct kvm *);
long kvm_arch_vm_ioctl(struct kvm *, u32 ioctl, void *arg);
long kvm_arch_vcpu_ioctl(struct kvm_vcpu *, u32 ioctl, void *arg);
/* -ENOIOCTLCMD: not one of those that run without vcpu->mutex. */
long kvm_arch_vcpu_unlocked_ioctl(struct kvm_vcpu *, u32 ioctl, void *arg);
int kvm_arch_vcpu_ioctl_run(struct kvm_vcpu *);
/* The vCPU sleeps in KVM_RUN until an interrupt or a signal; always 1. */
int kvm_emulate_halt_noskip(struct kvm_vcpu *);
void kvm_prepare_unexpected_reason_exit(struct kvm_vcpu *, u64 exit_reason);
int ____kvm_emulate_hypercall(struct kvm_vcpu *, u64 nr, const u64 args[4],
			      int (*complete)(struct kvm_vcpu *), s64 *ret);

#endif /* SEPTUM_KVM_HOST_H */
