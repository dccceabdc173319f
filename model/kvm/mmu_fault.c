// SPDX-License-Identifier: GPL-2.0-only
/*
 * The fault path (arch/x86/kvm/mmu/mmu.c, Linux 7.3.4) from the error code to
 * RET_PF_*, and KVM_PRE_FAULT_MEMORY. Left out: shadow paging, page tracking,
 * async page faults, the APIC access page, and fast_page_fault(): a private
 * fault is reported as not present and never takes it, and no page here is
 * write-protected.
 */
#include "model/kvm/tdp_mmu.h"
#include "model/mm/mmap.h"

#define SZ_2M_ORDER	KVM_HPAGE_GFN_SHIFT(PG_LEVEL_2M)
#define SZ_1G_ORDER	KVM_HPAGE_GFN_SHIFT(PG_LEVEL_1G)

/* -- Exits to userspace -- */

void kvm_mmu_prepare_memory_fault_exit(struct kvm_vcpu *v, const struct kvm_page_fault *f)
{
	kvm_prepare_memory_fault_exit(v, gfn_to_gpa(f->gfn), PAGE_SIZE,
				      f->write, f->exec, f->is_private);
}

static __noinline int kvm_handle_noslot_fault(struct kvm_vcpu *v, struct kvm_page_fault *f)
{
	if (f->is_private) {
		kvm_mmu_prepare_memory_fault_exit(v, f);
		return -EFAULT;
	}
	f->pfn = KVM_PFN_NOSLOT;
	f->map_writable = false;
	/* Too high for an entry: emulated each time instead. */
	return f->gfn > kvm_mmu_max_gfn() ? RET_PF_EMULATE : RET_PF_CONTINUE;
}

static int kvm_handle_error_pfn(struct kvm_vcpu *v, struct kvm_page_fault *f, int error)
{
	if (error == -EINTR)
		return -EINTR;
	/* The task got its SIGBUS; the guest may try for as long as it likes. */
	if (error == -EHWPOISON)
		return RET_PF_RETRY;
	return -EFAULT;
}

/* -- The level of a mapping -- */

static enum pg_level kvm_max_level_for_order(int order)
{
	if (order >= SZ_1G_ORDER)
		return PG_LEVEL_1G;
	return order >= SZ_2M_ORDER ? PG_LEVEL_2M : PG_LEVEL_4K;
}

static u8 kvm_gmem_max_mapping_level(struct kvm *vm, struct kvm_page_fault *f)
{
	u8 vendor_level = kvm_x86_call(gmem_max_mapping_level)(vm, f->pfn, f->is_private);

	return vendor_level && vendor_level < f->max_level ? vendor_level : f->max_level;
}

int kvm_mmu_max_mapping_level(struct kvm *vm, struct kvm_page_fault *f,
			      const struct kvm_memory_slot *in, gfn_t gfn)
{
	u8 max_level = f->max_level;

	for (; max_level > PG_LEVEL_4K; max_level--) {
		if (!kvm_lpage_disallowed(in, gfn, max_level))
			break;
	}
	if (max_level == PG_LEVEL_4K)
		return PG_LEVEL_4K;
	if (f->is_private || kvm_memslot_is_gmem_only(in)) {
		u8 gmem_level = kvm_gmem_max_mapping_level(vm, f);

		return gmem_level < max_level ? gmem_level : max_level;
	}
	/* Host page tables hold 4K entries only. */
	return PG_LEVEL_4K;
}

void kvm_mmu_hugepage_adjust(struct kvm_vcpu *v, struct kvm_page_fault *f)
{
	u64 mask;

	if (f->max_level == PG_LEVEL_4K || is_error_noslot_pfn(f->pfn))
		return;
	if (f->slot->flags & KVM_MEM_LOG_DIRTY_PAGES)
		return;
	f->req_level = kvm_mmu_max_mapping_level(v->kvm, f, f->slot, f->gfn);
	if (f->req_level == PG_LEVEL_4K)
		return;
	f->goal_level = f->req_level;
	mask = KVM_PAGES_PER_HPAGE(f->goal_level) - 1;
	WARN_ON_ONCE(env_of(v), (f->gfn & mask) != (f->pfn & mask));
	f->pfn &= ~mask;
}

/* -- Finding the page -- */

static int kvm_mmu_faultin_pfn_gmem(struct kvm_vcpu *v, struct kvm_page_fault *f)
{
	int max_order, r;

	if (!kvm_slot_has_gmem(f->slot)) {
		kvm_mmu_prepare_memory_fault_exit(v, f);
		return -EFAULT;
	}
	r = kvm_gmem_get_pfn(v->kvm, f->slot, f->gfn, &f->pfn,
			     &f->refcounted_page, &max_order);
	if (r) {
		kvm_mmu_prepare_memory_fault_exit(v, f);
		return r;
	}
	f->map_writable = !(f->slot->flags & KVM_MEM_READONLY);
	f->max_level = kvm_max_level_for_order(max_order);
	/* The file's huge pages need not begin where the guest's do. */
	while (f->max_level > PG_LEVEL_4K &&
	       (f->gfn ^ f->pfn) & (KVM_PAGES_PER_HPAGE(f->max_level) - 1))
		f->max_level--;
	return RET_PF_CONTINUE;
}

/* The host process's own page at the slot's user address. */
static __noinline int kvm_mmu_faultin_pfn_user(struct kvm_vcpu *v, struct kvm_page_fault *f)
{
	struct mm_struct *mm = (struct mm_struct *)v->kvm->mm;
	u64 hva = f->slot->userspace_addr +
		  gfn_to_gpa(f->gfn - f->slot->base_gfn);
	struct page *page;
	int r = get_user_pages_fast(mm, hva, 1, FOLL_WRITE | FOLL_GET, &page);

	if (r != 1) {
		r = kvm_handle_error_pfn(v, f, r < 0 ? r : -EFAULT);
		if (r == -EFAULT)
			kvm_mmu_prepare_memory_fault_exit(v, f);
		return r;
	}
	/* From here on it is the fault's, like a page of guest_memfd. */
	ledger_move(page_folio(page), HOLDER_GUP, HOLDER_LOOKUP, 1);
	f->refcounted_page = page;
	f->pfn = page_to_pfn(page);
	f->map_writable = !(f->slot->flags & KVM_MEM_READONLY);
	return RET_PF_CONTINUE;
}

static int __kvm_mmu_faultin_pfn(struct kvm_vcpu *v, struct kvm_page_fault *f)
{
	if (f->is_private || kvm_memslot_is_gmem_only(f->slot))
		return kvm_mmu_faultin_pfn_gmem(v, f);
	return kvm_mmu_faultin_pfn_user(v, f);
}

static int kvm_mmu_faultin_pfn(struct kvm_vcpu *v, struct kvm_page_fault *f)
{
	struct kvm_memory_slot *slot = f->slot;
	struct kvm *vm = v->kvm;
	int ret;

	if (KVM_BUG_ON(kvm_is_gfn_alias(vm, f->gfn), vm))
		return -EFAULT;
	/* Before the attribute and the page are looked up: they may change behind us. */
	f->mmu_seq = vm->mmu_invalidate_seq;

	if (f->is_private != kvm_mem_is_private(vm, f->gfn)) {
		kvm_mmu_prepare_memory_fault_exit(v, f);
		return -EFAULT;
	}
	if (unlikely(!slot))
		return kvm_handle_noslot_fault(v, f);
	/* Being deleted: whoever prefetches is told, a guest goes round. */
	if (slot->flags & KVM_MEMSLOT_INVALID)
		return f->prefetch ? -EAGAIN : RET_PF_RETRY;

	/* A cheap look, so that a range under invalidation allocates nothing. */
	if (mmu_invalidate_retry_gfn_unsafe(vm, f->mmu_seq, f->gfn))
		return RET_PF_RETRY;
	ret = __kvm_mmu_faultin_pfn(v, f);
	if (ret != RET_PF_CONTINUE)
		return ret;
	if (mmu_invalidate_retry_gfn_unsafe(vm, f->mmu_seq, f->gfn)) {
		put_page(f->refcounted_page);
		return RET_PF_RETRY;
	}
	return RET_PF_CONTINUE;
}

bool is_page_fault_stale(struct kvm_vcpu *v, const struct kvm_page_fault *f)
{
	struct kvm_mmu_page *sp = root_to_sp(v->kvm, v->arch.mmu.root.hpa);

	/* Only the direct root is asked about; a mirror lives as long as its VM. */
	if (sp->role.invalid)
		return true;
	if (defect_on(env_of(v), DEFECT_SKIP_MN_SEQ))
		return false;
	return f->slot &&
	       mmu_invalidate_retry_gfn(v->kvm, f->mmu_seq, f->gfn);
}

/* The mapping holds no reference; the fault's own goes here. mmu_lock(read). */
static void kvm_mmu_finish_page_fault(struct kvm_vcpu *v, struct kvm_page_fault *f, int r)
{
	struct folio *folio;

	lockdep_assert_held(&v->kvm->mmu_lock);
	if (!f->refcounted_page)
		return;
	folio = page_folio(f->refcounted_page);
	if (r != RET_PF_RETRY) {
		if (f->map_writable)
			folio_set_dirty(folio);
		folio_set_referenced(folio);
	}
	if (!defect_on(env_of(v), DEFECT_LEAK_FAULT_REF))
		folio_put(folio);
}

static int kvm_tdp_mmu_page_fault(struct kvm_vcpu *v, struct kvm_page_fault *f)
{
	struct kvm *vm = v->kvm;
	int r;

	r = mmu_topup_memory_caches(v, false);
	if (r)
		return r;
	r = kvm_mmu_faultin_pfn(v, f);
	if (r != RET_PF_CONTINUE)
		return r;

	r = RET_PF_RETRY;
	read_lock(&vm->mmu_lock);
	if (!is_page_fault_stale(v, f))
		r = kvm_tdp_mmu_map(v, f);
	kvm_mmu_finish_page_fault(v, f, r);
	read_unlock(&vm->mmu_lock);
	return r;
}

/* -- Entry points -- */

int kvm_mmu_do_page_fault(struct kvm_vcpu *v, gpa_t cr2_or_gpa, u64 err,
			  bool prefetch, u8 *level)
{
	struct kvm *vm = v->kvm;
	struct kvm_page_fault f = {
		.addr = cr2_or_gpa,
		.error_code = err,
		.prefetch = prefetch,
		.exec = err & PFERR_FETCH_MASK,
		.write = err & PFERR_WRITE_MASK,
		.present = err & PFERR_PRESENT_MASK,
		.rsvd = err & PFERR_RSVD_MASK,
		.user = err & PFERR_USER_MASK,
		.is_private = !!(err & PFERR_PRIVATE_ACCESS),
		.max_level = KVM_MAX_HUGEPAGE_LEVEL,
		.req_level = PG_LEVEL_4K,
		.goal_level = PG_LEVEL_4K,
		.gfn = gpa_to_gfn(cr2_or_gpa) & ~kvm_gfn_direct_bits(vm),
		.pfn = KVM_PFN_ERR_FAULT,
	};
	int r;

	f.slot = gfn_to_memslot(vm, f.gfn);
	r = kvm_tdp_mmu_page_fault(v, &f);
	/* Nobody can emulate an access to memory that only the guest can read. */
	if (r == RET_PF_EMULATE && f.is_private) {
		kmsg(env_of(vm), KMSG_WARNING, __func__,
		     "kvm: unexpected emulation request on private memory");
		kvm_mmu_prepare_memory_fault_exit(v, &f);
		return -EFAULT;
	}
	if (level)
		*level = f.goal_level;
	return r;
}

/* MMIO: a TD has the entry now and takes #VE when it tries again. */
static int kvm_mmu_emulate(struct kvm_vcpu *v)
{
	if (kvm_has_mirrored_tdp(v->kvm))
		return 1;
	v->run->exit_reason = KVM_EXIT_INTERNAL_ERROR;
	v->run->internal.suberror = KVM_INTERNAL_ERROR_EMULATION;
	v->run->internal.ndata = 0;
	return 0;
}

int kvm_mmu_page_fault(struct kvm_vcpu *v, gpa_t cr2_or_gpa, u64 error_code)
{
	struct env *env = env_of(v);
	int r;

	if (WARN_ON_ONCE(env, !VALID_PAGE(v->arch.mmu.root.hpa)))
		return RET_PF_RETRY;
	/* What a VM without hardware support calls private is in its attributes. */
	if (v->kvm->arch.vm_type == KVM_X86_SW_PROTECTED_VM &&
	    kvm_mem_is_private(v->kvm, gpa_to_gfn(cr2_or_gpa)))
		error_code |= PFERR_PRIVATE_ACCESS;

	if (error_code & PFERR_RSVD_MASK) {
		if (WARN_ON_ONCE(env, error_code & PFERR_PRIVATE_ACCESS))
			return -EFAULT;
		return kvm_mmu_emulate(v);
	}
	r = kvm_mmu_do_page_fault(v, cr2_or_gpa, error_code, false, NULL);
	if (KVM_BUG_ON(r == RET_PF_INVALID, v->kvm))
		return -EIO;
	if (r == RET_PF_EMULATE || r == RET_PF_WRITE_PROTECTED)
		return kvm_mmu_emulate(v);
	return r;
}

static int kvm_tdp_page_prefault(struct kvm_vcpu *v, gpa_t gpa, u64 error_code, u8 *level)
{
	struct env *env = env_of(v);
	int r;

	do {
		if (signal_pending(v))
			return -EINTR;
		if (kvm_test_request(KVM_REQ_VM_DEAD, v))
			return -EIO;
		task_yield(env, YIELD_RETRY);
		r = kvm_mmu_do_page_fault(v, gpa, error_code, true, level);
	} while (r == RET_PF_RETRY &&
		 !task_spin(env, "kvm_tdp_page_prefault", "the invalidation or the module"));

	if (r < 0)
		return r;
	switch (r) {
	case RET_PF_FIXED:
	case RET_PF_SPURIOUS:
	case RET_PF_WRITE_PROTECTED:
		return 0;
	case RET_PF_EMULATE:
		return -ENOENT;
	default:
		/* RETRY is left only by a hang that has been reported. */
		WARN_ON_ONCE(env, r != RET_PF_RETRY);
		return -EIO;
	}
}

long kvm_arch_vcpu_pre_fault_memory(struct kvm_vcpu *v, struct kvm_pre_fault_memory *range)
{
	u64 access = PFERR_GUEST_FINAL_MASK;
	struct kvm *vm = v->kvm;
	gpa_t direct = range->gpa;
	u64 end;
	u8 level;
	int r;

	if (!vm->arch.pre_fault_allowed)
		return -EOPNOTSUPP;
	if (kvm_is_gfn_alias(vm, gpa_to_gfn(range->gpa)))
		return -EINVAL;
	r = kvm_mmu_reload(v);
	if (r)
		return r;

	/* The attribute, not the caller, says which half is meant. */
	if (vm->arch.has_private_mem && kvm_mem_is_private(vm, gpa_to_gfn(range->gpa)))
		access |= PFERR_PRIVATE_ACCESS;
	else
		direct |= gfn_to_gpa(kvm_gfn_direct_bits(vm));

	r = kvm_tdp_page_prefault(v, direct, access, &level);
	if (r < 0)
		return r;
	/* From here to the end of the page that is mapped now. */
	end = (range->gpa & ~(KVM_PAGES_PER_HPAGE(level) * PAGE_SIZE - 1)) +
	      KVM_PAGES_PER_HPAGE(level) * PAGE_SIZE;
	return range->size < end - range->gpa ? range->size : end - range->gpa;
}
