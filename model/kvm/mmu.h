/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM's MMU as the rest of KVM calls it, and the page-fault object its own
 * files share (Linux 7.3.4: arch/x86/kvm/mmu.h, mmu/mmu_internal.h, mmu/mmu.c).
 * Only the TDP MMU is here; nested and shadow paging are left out.
 */
#ifndef SEPTUM_KVM_MMU_H
#define SEPTUM_KVM_MMU_H

#include "model/kvm/kvm_host.h"
#include "model/kvm/mmu_types.h"
#include "model/mm/page.h"

#define PFERR_PRESENT_MASK	BIT_ULL(0)
#define PFERR_WRITE_MASK	BIT_ULL(1)
#define PFERR_USER_MASK		BIT_ULL(2)
#define PFERR_RSVD_MASK		BIT_ULL(3)
#define PFERR_FETCH_MASK	BIT_ULL(4)
#define PFERR_GUEST_FINAL_MASK	BIT_ULL(32)
#define PFERR_GUEST_PAGE_MASK	BIT_ULL(33)
#define PFERR_IMPLICIT_ACCESS	BIT_ULL(48)
#define PFERR_PRIVATE_ACCESS	BIT_ULL(49)

/* Positive values mean "run the guest again" to an exit handler. */
enum {
	RET_PF_CONTINUE,
	RET_PF_RETRY,
	RET_PF_EMULATE,
	RET_PF_WRITE_PROTECTED,
	RET_PF_INVALID,
	RET_PF_FIXED,
	RET_PF_SPURIOUS,
};

#define KVM_PFN_ERR_FAULT	(BIT_ULL(63) | 0)
#define KVM_PFN_NOSLOT		BIT_ULL(62)

static inline bool is_error_noslot_pfn(const kvm_pfn_t pfn)
{
	return pfn & (BIT_ULL(63) | BIT_ULL(62));
}

/* One guest access that the tables could not serve. Lives on the stack. */
struct kvm_page_fault {
	gpa_t addr;		/* with the shared bit, if the guest set it */
	u64 error_code;		/* PFERR_* */
	bool prefetch;		/* nobody accesses it yet */
	bool exec, write, present, rsvd, user;
	bool is_private;
	u8 max_level, req_level, goal_level;	/* enum pg_level */
	gfn_t gfn;		/* without the shared bit */
	struct kvm_memory_slot *slot;
	u64 mmu_seq;
	kvm_pfn_t pfn;
	struct page *refcounted_page;
	bool map_writable;
};

/* -- Address helpers -- */

static inline gfn_t kvm_gfn_direct_bits(const struct kvm *vm)
{
	return vm->arch.gfn_direct_bits;
}

static inline bool kvm_is_addr_direct(const struct kvm *vm, gpa_t gpa)
{
	gpa_t bits = gfn_to_gpa(kvm_gfn_direct_bits(vm));

	return !bits || (gpa & bits);
}

static inline bool kvm_is_gfn_alias(const struct kvm *vm, gfn_t gfn)
{
	return gfn & kvm_gfn_direct_bits(vm);
}

static inline bool kvm_has_mirrored_tdp(const struct kvm *vm)
{
	return vm->arch.vm_type == KVM_X86_TDX_VM;
}

/* -- Life -- */

/* The machine's page-table memory. @frames: pfns are below it. */
struct mmu_host *mmu_host_create(struct env *env, u64 frames);
/* The machine's page-table memory. @frames: pfns are below it. */
struct mmu_host *mmu_host_create(struct env *env, u64 frames);
void kvm_mmu_init_vm(struct kvm *vm, struct mmu_host *host);
void kvm_mmu_pre_destroy_vm(struct kvm *vm);
void kvm_mmu_uninit_vm(struct kvm *vm);
int kvm_mmu_create(struct kvm_vcpu *v);
void kvm_mmu_destroy(struct kvm_vcpu *v);
/* Sets root_role from the VM type and guest_maxphyaddr; before kvm_mmu_load(). */
void kvm_init_mmu(struct kvm_vcpu *v);
int kvm_mmu_load(struct kvm_vcpu *v);
void kvm_mmu_unload(struct kvm_vcpu *v);
void kvm_mmu_free_obsolete_roots(struct kvm_vcpu *v);

static inline int kvm_mmu_reload(struct kvm_vcpu *v)
{
	/* Not only KVM_RUN has to get rid of a root that was swapped. */
	if (unlikely(kvm_check_request(KVM_REQ_MMU_FREE_OBSOLETE_ROOTS, v)))
		kvm_mmu_free_obsolete_roots(v);
	if (likely(v->arch.mmu.root.hpa != INVALID_PAGE))
		return 0;
	return kvm_mmu_load(v);
}

/* Highest gfn a host with 52 physical address bits can name. */
static inline u64 kvm_mmu_max_gfn(void)
{
	return BIT_ULL(52 - PAGE_SHIFT) - 1;
}

/* -- Faults -- */

/* > 0 run the guest again, 0 leave to userspace, < 0 -errno. srcu held. */
int kvm_mmu_page_fault(struct kvm_vcpu *v, gpa_t cr2_or_gpa, u64 error_code);
int kvm_mmu_do_page_fault(struct kvm_vcpu *v, gpa_t cr2_or_gpa, u64 err,
			  bool prefetch, u8 *level);
/* Bytes handled, or a negative errno. vCPU loaded, srcu held. */
long kvm_arch_vcpu_pre_fault_memory(struct kvm_vcpu *v, struct kvm_pre_fault_memory *range);
void kvm_mmu_prepare_memory_fault_exit(struct kvm_vcpu *v,
				       const struct kvm_page_fault *fault);

int mmu_topup_memory_caches(struct kvm_vcpu *v, bool maybe_indirect);
void kvm_mmu_hugepage_adjust(struct kvm_vcpu *v, struct kvm_page_fault *fault);
int kvm_mmu_max_mapping_level(struct kvm *vm, struct kvm_page_fault *fault,
			      const struct kvm_memory_slot *in, gfn_t gfn);
bool is_page_fault_stale(struct kvm_vcpu *v, const struct kvm_page_fault *fault);

/* -- Zaps -- */

/* mmu_lock held for write; the caller flushes remote TLBs if that is the answer. */
struct kvm_unmapped kvm_unmap_gfn_range(struct kvm *vm, struct kvm_gfn_range *range);
/* Takes mmu_lock itself. [start, end) in gfns, both roots. */
void kvm_zap_gfn_range(struct kvm *vm, gfn_t start, gfn_t end);
/* Slot deleted or moved; slots_lock held. */
void kvm_arch_flush_shadow_memslot(struct kvm *vm, struct kvm_memory_slot *slot);
/* mmu_notifier release: direct roots only. */
void kvm_mmu_zap_all(struct kvm *vm);
void kvm_mmu_zap_all_fast(struct kvm *vm);

/* -- Huge private leaves (mmu_split.c) -- */

/*
 * Before a zap of [range->start, range->end): a 2M private leaf that reaches
 * over either end is split, so that the zap is exact. Takes mmu_lock for write
 * itself and may sleep. 0; -ENOMEM with nothing zapped and the TD intact; -EIO:
 * the VM is bugged. Leaves split before a failure stay split.
 */
int kvm_split_cross_boundary_leafs(struct kvm *vm, const struct kvm_gfn_range *range);
/*
 * The guest of @v accepts the page at @gfn in pages of @level: nothing larger is
 * left there, and from then on nothing larger is mapped. 0, -ENOMEM, -EIO.
 */
int kvm_mmu_honor_accept_level(struct kvm_vcpu *v, struct kvm_memory_slot *slot,
			       gfn_t gfn, int level);
/*
 * Order block-abort. All private leaves inside the range are blocked and TLBs
 * tracked; the mirror still has them and a later zap only removes. mmu_lock held
 * for write, inside the range's invalidation. 0, or -EIO: nothing is blocked and
 * the VM is not bugged, unless taking a block back failed as well.
 */
int kvm_mmu_block_gfn_range(struct kvm *vm, const struct kvm_gfn_range *range);
/* Abort: the guest has the leaves back, content and all. mmu_lock held for write. */
void kvm_mmu_unblock_gfn_range(struct kvm *vm, const struct kvm_gfn_range *range);

/* -- Memory attributes and huge pages (mmu_attrs.c) -- */

/* disallow_lpage of a new slot; from kvm_arch_prepare_memory_region(). */
void kvm_mmu_init_memslot_lpage_info(struct kvm *vm, struct kvm_memory_slot *slot);
void kvm_mmu_init_memslot_memory_attributes(struct kvm *vm, struct kvm_memory_slot *slot);
/* Both inside the invalidation, mmu_lock held for write. */
struct kvm_unmapped kvm_arch_pre_set_memory_attributes(struct kvm *vm,
						       struct kvm_gfn_range *range);
struct kvm_unmapped kvm_arch_post_set_memory_attributes(struct kvm *vm,
							struct kvm_gfn_range *range);
/* The huge page of @level around @gfn may not be mapped as one. */
bool kvm_lpage_disallowed(const struct kvm_memory_slot *slot, gfn_t gfn, int level);
/* The guest accepts memory there in pages below @level, 2M or 1G. mmu_lock write to set. */
bool hugepage_test_guest_inhibit(const struct kvm_memory_slot *slot, gfn_t gfn, int level);
void hugepage_set_guest_inhibit(struct kvm_memory_slot *slot, gfn_t gfn, int level);

/* -- Probes -- */

int kvm_mmu_probe_spte(struct kvm *vm, gpa_t gpa, bool mirror,
		       struct host_spte_view *view);

#endif /* SEPTUM_KVM_MMU_H */
