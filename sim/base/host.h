/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host interface: what userspace and the test bench can ask of a kernel,
 * shaped like the UAPI. Two implementations stand behind this one table: the
 * model (model/kvm/host.c) and the real kernel's objects (kernel/). The engine
 * knows neither.
 *
 * Objects are named by small numbers the caller picks: vm and gmem in
 * [0, HOST_OBJ_MAX), vcpu in [0, HOST_VCPU_MAX), slot as the UAPI has it.
 * Results are 0 or a negative errno, exactly the one the syscall would set.
 * HOST_SKIP means this implementation cannot express the step; host->skip then
 * says why. Misusing the table itself (an object that was never made) gives
 * -EBADF.
 */
#ifndef SEPTUM_BASE_HOST_H
#define SEPTUM_BASE_HOST_H

#include <errno.h>

#include "sim/base/types.h"

#define HOST_OBJ_MAX	8
#define HOST_VCPU_MAX	16
#define HOST_SKIP	(-9999)
#define HOST_NO_SOURCE	(~0ULL)

struct env;
struct hw;
struct tdx_module;
struct guest_op;
struct host;

/* Why KVM_RUN came back. Numbers are the UAPI's KVM_EXIT_*. */
struct host_exit {
	u32 reason;		/* KVM_EXIT_*, 0 when the guest operation is done */
	u64 flags;		/* MEMORY_FAULT: bit 3 private; IO, MMIO: 1 is a write */
	gpa_t gpa;		/* MEMORY_FAULT, MMIO, HYPERCALL args[0] */
	u64 size;		/* MEMORY_FAULT, IO, MMIO bytes; HYPERCALL args[1] pages */
	u64 attributes;		/* HYPERCALL args[2] */
	u64 nr;			/* HYPERCALL; IO: the port */
};

struct host_td_params {
	u64 attributes;		/* TD ATTRIBUTES: bit 28 SEPT_VE_DISABLE */
	u8 gpaw;		/* 48 or 52 */
	u64 reserved;		/* nonzero: fills reserved[], for bad-input tests */
	u64 xfam;		/* 0: x87 and SSE, which every TD has */
	/* The CPUID entry that says gpaw; 0: leaf 0x80000008. */
	u32 leaf, index;
	s32 more;		/* the list claims so many entries more than that one, */
	u32 padding;		/* and this in the padding behind the number */
};

struct host_folio_view {
	bool present;
	kvm_pfn_t pfn;		/* of the head */
	s32 refcount;
	u8 order;
	bool uptodate, locked, hwpoison, in_lru_batch;
	bool marked;		/* that very page, by a hold policy in struct page */
	bool dma_pinned;	/* folio_maybe_dma_pinned() */
	u32 mapcount, pincount;
};

enum host_spte_state { SPTE_NONE, SPTE_FROZEN, SPTE_TABLE, SPTE_LEAF };

struct host_spte_view {
	u8 state;		/* enum host_spte_state */
	u8 level;		/* enum pg_level */
	kvm_pfn_t pfn;
	u64 raw;
};

struct host_vm_view {
	bool exists, vm_dead, vm_bugged;
	int hkid;		/* 0 none yet, -1 released */
	u8 state;		/* TD_STATE_* */
	hpa_t tdr;		/* 0 none */
	u64 attributes_generation;
	u64 pages[3];		/* kvm_stat pages_4k, pages_2m, pages_1g: leaves mapped */
	u64 split_looked;	/* page-table entries that splits of huge leaves looked at */
};

/* One reference that somebody holds, as the ledger knows it. */
struct host_holder_view {
	const char *kind;	/* "filemap", "sept-pin", "gup", "lookup", ... */
	s32 count;
	kvm_pfn_t pfn;		/* of which 4K page, the folio's first when of all */
};

/* A frame that will never come back, and the reason the policy gives. */
struct host_leak_view {
	kvm_pfn_t pfn;
	u8 order;
	const char *reason;
};

/*
 * What the hold policy did since boot, and what it costs. "Good": paths on which
 * no removal failed, or the part of them that is there for the policy's sake.
 */
struct host_hold_view {
	u64 bytes_out_of_use;	/* all frames on the leak list, whatever the reason */
	u64 kept;		/* folios the policy kept from their allocator or pool, */
	u64 bytes_kept;		/* their size; what is lost with them may be more */
	u64 refused;		/* faults, allocations, conversions, holes it gave an error */
	u64 poisoned;		/* frames or folios it marked as poisoned memory */
	u64 warned;		/* frames it saw freed that the module may still use */

	/* The error path. */
	u64 errors;		/* failed removals and splits it was told of */
	u64 error_allocs;	/* allocations tried there, */
	u64 error_allocs_atomic; /* of these with mmu_lock held: no sleep, no reclaim */
	u64 error_allocs_failed;
	u64 error_locks;	/* BIT(lock class) held there at least once */
	u64 error_bytes;	/* taken by what it remembers, now */
	u64 degraded;		/* remembered with less precision than meant */
	u64 forgotten;		/* not remembered at all */
	u32 error_steps;	/* bit 0 BLOCK, 1 TRACK, 2 REMOVE, 3 WBINVD, 4 DEMOTE */

	/* The good path. */
	u64 boot_bytes;		/* for all of RAM, at boot (page_ext) */
	u64 inode_bytes;	/* for each index of each guest_memfd there ever was */
	u64 good_calls;		/* hooks called */
	u64 good_steps;		/* flags, counts and list entries touched by them */

	bool host_down, tdx_off;
};

/* A hugetlb pool, in its pages; and what HVO saves of all folios, in 4K pages. */
struct host_hugetlb_view {
	u64 total, free, reserved, surplus;
	u64 vmemmap_saved;
};

/* KVM_SET_CPUID2: an entry beside those that every vCPU is given. */
struct host_cpuid {
	u32 leaf, index;
	u32 reg[4];		/* EAX, EBX, ECX, EDX */
	u32 count;		/* how often the entry is in the list */
	bool has_index;		/* the entry is for that index only */
	bool only;		/* without the usual entries */
};

/* ioctls made as they are, and what happens to a frame of anybody's. */
enum host_call {
#define HOST_CALL(id, word) HOST_CALL_##id,
#include "sim/base/host_calls.def"
#undef HOST_CALL
	HOST_CALL_NR
};

/* Files beside guest_memfd, and what there is to say of one. */
enum host_file_kind {
	HOST_FILE_MEMFD, HOST_FILE_DISK, HOST_FILE_BARE_DISK, HOST_FILE_HUGETLB, HOST_FILE_NR
};

struct host_file_params {
	u8 kind;		/* enum host_file_kind */
	u8 min_order, order;	/* of its folios; a hugetlb file's page size is @order */
	s64 max_pages, min_pages; /* of a mount of hugetlbfs, -1 no such limit */
	u64 size;
};

enum host_frame_event { FRAME_MEMORY_FAILURE, FRAME_UNPOISON, FRAME_SOFT_OFFLINE };

struct host_ops {
	const char *name;	/* "model" or "kernel" */

	/* VM and vCPU life */
	int (*vm_create)(struct host *h, u32 vm, u32 type);	/* KVM_CREATE_VM */
	int (*td_init)(struct host *h, u32 vm, const struct host_td_params *params);
	int (*vcpu_create)(struct host *h, u32 vm, u32 vcpu);
	int (*vcpu_init)(struct host *h, u32 vm, u32 vcpu, u64 rcx);
	int (*finalize)(struct host *h, u32 vm);
	int (*vcpu_close)(struct host *h, u32 vm, u32 vcpu);
	int (*vm_close)(struct host *h, u32 vm);

	/* Memory */
	int (*gmem_create)(struct host *h, u32 vm, u32 gmem, u64 size, u64 flags);
	int (*gmem_close)(struct host *h, u32 gmem);
	int (*set_memory_region)(struct host *h, u32 vm, u32 slot, u32 flags,
				 gpa_t gpa, u64 size, int gmem, u64 gmem_offset);
	int (*set_attributes)(struct host *h, u32 vm, gpa_t gpa, u64 size, u64 attributes);
	/*
	 * *gpa and *pages are advanced as the ioctl advances its struct. @token is
	 * what the source buffer holds; HOST_NO_SOURCE: source address 0.
	 */
	int (*init_mem_region)(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa,
			       u64 *pages, u32 flags, u64 token);
	int (*pre_fault)(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *size);
	int (*fallocate)(struct host *h, u32 gmem, u32 mode, u64 offset, u64 len);
	int (*gmem_convert)(struct host *h, u32 gmem, u64 offset, u64 len,
			    bool to_private, u64 *error_offset);

	/*
	 * An ioctl as it is: what it returns, which may be more than 0. @vm is the
	 * number of the guest_memfd for calls of one.
	 */
	long (*ioctl)(struct host *h, u32 vm, u32 vcpu, enum host_call which, u64 arg, u64 data);

	/* One guest operation, run until it is done or KVM_RUN returns. */
	int (*vcpu_run)(struct host *h, u32 vm, u32 vcpu, struct guest_op *op,
			struct host_exit *exit);
	/* What userspace answers to the last exit: run->hypercall.ret, or the data of a read. */
	int (*hypercall_answer)(struct host *h, u32 vm, u32 vcpu, u64 ret);

	int (*vcpu_set_cpuid)(struct host *h, u32 vm, u32 vcpu, const struct host_cpuid *cpuid);

	/* The machine around: interrupts, devices, cgroup, CPU hotplug */
	int (*signal_msi)(struct host *h, u32 vm, u32 vcpu);	/* KVM_SIGNAL_MSI */
	/* A device whose DMA bypasses caches comes to the VM, or goes. */
	int (*noncoherent_dma)(struct host *h, u32 vm, bool assign);
	int (*misc_max)(struct host *h, u64 count);	/* misc.max of resource tdx */
	/* sysfs; -ENOENT: the boot CPU has no switch. Not while other tasks live. */
	int (*cpu_hotplug)(struct host *h, u32 cpu, bool online);

	/* User mappings of a gmem, and other users of host memory */
	int (*gmem_mmap)(struct host *h, u32 gmem, u64 offset, u64 len, bool shared);
	int (*gmem_munmap)(struct host *h, u32 gmem, u64 offset, u64 len);
	/* A load or store through that mapping; -EFAULT stands for SIGBUS. */
	int (*gmem_user_access)(struct host *h, u32 gmem, u64 offset, bool write, u64 *token);
	/* A file that is no guest_memfd, by a guest_memfd's number. -EINVAL, -ENODEV, -ENOMEM. */
	int (*file_open)(struct host *h, u32 gmem, const struct host_file_params *params);
	/* read() of a page of it. -EIO: poisoned; -EINVAL: not that kind of file. */
	int (*file_read)(struct host *h, u32 gmem, u64 offset, u64 *token);
	/* madvise(MADV_HWPOISON) of a mapped page. */
	int (*madv_hwpoison)(struct host *h, u32 gmem, u64 offset);
	int (*gup)(struct host *h, u32 gmem, u64 offset, s32 delta, bool pin);
	int (*lru_add_drain)(struct host *h);
	int (*memory_failure)(struct host *h, u32 gmem, u64 offset, u32 flags);
	int (*unpoison)(struct host *h, u32 gmem, u64 offset);
	/* The same for a frame that need not be in any guest_memfd. */
	int (*frame_event)(struct host *h, kvm_pfn_t pfn, enum host_frame_event event, u32 flags);
	/* The second owner: pages from the allocator, written and given back. */
	int (*page_alloc)(struct host *h, u8 order, kvm_pfn_t *pfn);
	int (*page_write)(struct host *h, kvm_pfn_t pfn, u64 token, bool partial);
	int (*page_free)(struct host *h, kvm_pfn_t pfn, u8 order);
	/* nr_hugepages and nr_overcommit_hugepages of a pool, @level 2M or 1G. */
	int (*hugetlb_resize)(struct host *h, u8 level, u64 count, u64 overcommit);

	/* What an administrator writes into the demote file of a pool; how many it became. */
	int (*hugetlb_demote)(struct host *h, u8 level, u64 count);
	/* A row of model/mm/sysctls.def. -ENOENT, -EINVAL. */
	int (*sysctl)(struct host *h, const char *name, u64 value);

	/* Probes: read-only */
	int (*probe_folio)(struct host *h, u32 gmem, u64 offset, struct host_folio_view *view);
	int (*probe_spte)(struct host *h, u32 vm, gpa_t gpa, bool mirror, struct host_spte_view *view);
	int (*probe_vm)(struct host *h, u32 vm, struct host_vm_view *view);
	int (*probe_vcpu)(struct host *h, u32 vm, u32 vcpu, hpa_t *tdvpr);
	int (*probe_attributes)(struct host *h, u32 vm, gpa_t gpa, u64 *attributes);
	bool (*frame_free)(struct host *h, kvm_pfn_t pfn);
	/* Fill at most @max; the number there are. */
	int (*probe_holders)(struct host *h, kvm_pfn_t pfn, struct host_holder_view *view, u32 max);
	int (*probe_leaks)(struct host *h, struct host_leak_view *view, u32 max);
	/* Dynamic PAMT: pages counted in the 2M region of @pfn. HOST_SKIP: not in this kernel. */
	int (*probe_pamt_count)(struct host *h, kvm_pfn_t pfn);
	/* Not in kernel/, whose policy holds nothing: all zero. */
	int (*probe_hold)(struct host *h, struct host_hold_view *view);
	/* @level: 2M or 1G. All zero when there are no pools; HOST_SKIP in kernel/. */
	int (*probe_hugetlb)(struct host *h, u8 level, struct host_hugetlb_view *view);

	/*
	 * Series beyond 7.3.4. KVM_LINK_GUEST_MEMFD: @gmem becomes a file of @vm on
	 * the inode that @from is a file of. KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM: the TD
	 * of @from becomes that of @vm.
	 */
	int (*gmem_link)(struct host *h, u32 vm, u32 gmem, u32 from);
	int (*vm_move)(struct host *h, u32 vm, u32 from);

	/* Layer invariants that need the kernel's own structures. */
	void (*check)(struct host *h);
	/* Close every file left open, in the order a dying process would. */
	void (*teardown)(struct host *h);
};

struct host {
	const struct host_ops *ops;
	struct env *env;
	struct hw *hw;
	struct tdx_module *tdx;
	const char *skip;	/* why the last step answered HOST_SKIP */
};

/* Knobs of a machine. Text forms and defaults: sim/knobs.def. */
struct host_config {
	const char *policy;	/* hold policy; an unknown one gives -EINVAL */
	bool conversion_checks;	/* a conversion in place heeds the policy's marks */
	const char *order;	/* conversion order */
	u8 sept_huge;		/* highest S-EPT leaf, enum pg_level */
	u8 gmem_page;		/* enum pg_level of gmem pages */
	bool hvo;
	bool dpamt;
	u32 hugetlb_2m, hugetlb_1g;	/* pool sizes */
	u8 split_1g;		/* what a 1G gmem page is split to first, enum pg_level */
	bool panic_on_warn;
	bool lru_batches;	/* per-CPU LRU batches hold references */
	bool no_page_checks;	/* no CONFIG_DEBUG_VM: the allocator looks at no page */
	u8 series_bug;		/* a row of model/kvm/series_bugs.def, 0 none */
};

/*
 * Boots the kernel this program has over @hw, in the arena of @env. NULL for a
 * knob that this kernel does not know.
 */
struct host *host_create(struct env *env, struct hw *hw, struct tdx_module *tdx,
			 const struct host_config *config);

/*
 * All that kernel's state is in the arena: machines do not meet, so each can have a
 * thread, and one can be put back to any moment. Else only sim_reset() goes back.
 */
extern const bool host_in_arena;

#endif /* SEPTUM_BASE_HOST_H */
