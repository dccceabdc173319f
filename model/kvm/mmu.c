// SPDX-License-Identifier: GPL-2.0-only
/*
 * The MMU of a VM and of a vCPU outside faults (arch/x86/kvm/mmu/mmu.c, Linux
 * 7.3.4): page-table caches, roots, and the zaps the rest of KVM asks for. Left
 * out: the shadow MMU (rmaps, nested guests, PAE roots), previous roots, NX
 * recovery worker. mmu_page_header_cache counts only, its objects are not pages.
 */
#include "model/kvm/tdp_mmu.h"

/* What mmu_topup_memory_caches() makes sure of: a walk adds a table a level. */
#define PT64_ROOT_PAGES_MIN	PT64_ROOT_MAX_LEVEL

/* -- Page-table caches -- */

static int kvm_mmu_topup_memory_cache(struct kvm_vcpu *v,
				      struct kvm_mmu_memory_cache *cache, u32 min)
{
	struct env *env = env_of(v);

	if (likely(cache->nobjs >= min))
		return 0;
	while (cache->nobjs < KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE) {
		struct page *page = alloc_page_for(env, GFP_KERNEL_ACCOUNT, cache->site);

		if (!page)
			return cache->nobjs >= min ? 0 : -ENOMEM;
		cache->objects[cache->nobjs++] = page;
	}
	return 0;
}

static int kvm_mmu_topup_header_cache(struct kvm_vcpu *v, u32 min)
{
	u32 *nobjs = &v->arch.mmu.mmu_page_header_cache_nobjs;

	if (likely(*nobjs >= min))
		return 0;
	while (*nobjs < KVM_ARCH_NR_OBJS_PER_MEMORY_CACHE) {
		if (inject_alloc(env_of(v), "mmu_page_header"))
			return *nobjs >= min ? 0 : -ENOMEM;
		(*nobjs)++;
	}
	return 0;
}

static __noinline int topup_empty_caches(struct kvm_vcpu *v)
{
	struct kvm_vcpu_arch_mmu *mmu = &v->arch.mmu;
	int r;

	if (kvm_has_mirrored_tdp(v->kvm)) {
		r = kvm_mmu_topup_memory_cache(v, &mmu->mmu_external_spt_cache,
					       PT64_ROOT_PAGES_MIN);
		if (!r)
			r = kvm_x86_call(topup_external_cache)(v->kvm, v, PT64_ROOT_PAGES_MIN);
		if (r)
			return r;
	}
	r = kvm_mmu_topup_memory_cache(v, &mmu->mmu_shadow_page_cache, PT64_ROOT_PAGES_MIN);
	if (r)
		return r;
	return kvm_mmu_topup_header_cache(v, PT64_ROOT_PAGES_MIN);
}

int mmu_topup_memory_caches(struct kvm_vcpu *v, bool maybe_indirect)
{
	const struct kvm_vcpu_arch_mmu *mmu = &v->arch.mmu;

	/* Full, as they are nearly always. The pages for dynamic PAMT count themselves. */
	if (likely(mmu->mmu_shadow_page_cache.nobjs >= PT64_ROOT_PAGES_MIN &&
		   mmu->mmu_page_header_cache_nobjs >= PT64_ROOT_PAGES_MIN &&
		   (!kvm_has_mirrored_tdp(v->kvm) ||
		    mmu->mmu_external_spt_cache.nobjs >= PT64_ROOT_PAGES_MIN)))
		return kvm_has_mirrored_tdp(v->kvm) ?
		       kvm_x86_call(topup_external_cache)(v->kvm, v, PT64_ROOT_PAGES_MIN) : 0;
	return topup_empty_caches(v);
}

static void kvm_mmu_free_memory_cache(struct kvm_mmu_memory_cache *cache)
{
	while (cache->nobjs)
		__free_page(cache->objects[--cache->nobjs]);
}

static void mmu_free_memory_caches(struct kvm_vcpu *v)
{
	kvm_mmu_free_memory_cache(&v->arch.mmu.mmu_shadow_page_cache);
	kvm_mmu_free_memory_cache(&v->arch.mmu.mmu_external_spt_cache);
	v->arch.mmu.mmu_page_header_cache_nobjs = 0;
}

/* -- Life -- */

void kvm_mmu_init_vm(struct kvm *vm, struct mmu_host *host)
{
	vm->arch.mmu.host = host;
	/* Misconfigured on purpose: writable and executable but not readable. */
	vm->arch.mmu.shadow_mmio_value = VMX_EPT_WRITABLE_MASK | VMX_EPT_EXECUTABLE_MASK;
	kvm_mmu_init_tdp_mmu(vm);
}

/* Here the kernel stops the worker that recovers NX huge pages. */
void kvm_mmu_pre_destroy_vm(struct kvm *vm)
{
}

void kvm_mmu_uninit_vm(struct kvm *vm)
{
	kvm_mmu_uninit_tdp_mmu(vm);
}

int kvm_mmu_create(struct kvm_vcpu *v)
{
	struct kvm_vcpu_arch_mmu *mmu = &v->arch.mmu;

	mmu->mmu_shadow_page_cache.site = "shadow_page";
	mmu->mmu_external_spt_cache.site = "external_spt";
	mmu->root.hpa = INVALID_PAGE;
	mmu->mirror_root_hpa = INVALID_PAGE;
	return 0;
}

/* 5 levels, unless the guest is told that 48 address bits are all it has. */
/* A TD whose CPUID says no width is a small one; of others the host's width is not modelled. */
static int kvm_mmu_get_tdp_level(struct kvm_vcpu *v)
{
	bool said = v->arch.guest_maxphyaddr || v->kvm->arch.vm_type == KVM_X86_TDX_VM;

	return said && v->arch.guest_maxphyaddr <= 48 ? PT64_ROOT_4LEVEL : PT64_ROOT_MAX_LEVEL;
}

void kvm_init_mmu(struct kvm_vcpu *v)
{
	union kvm_mmu_page_role role = { .word = 0 };

	role.level = kvm_mmu_get_tdp_level(v);
	role.direct = true;
	v->arch.mmu.root_role = role;
}

/* Reuses or makes the roots this vCPU needs. Cannot fail. */
static void mmu_alloc_direct_roots(struct kvm_vcpu *v)
{
	if (kvm_has_mirrored_tdp(v->kvm) && !VALID_PAGE(v->arch.mmu.mirror_root_hpa))
		kvm_tdp_mmu_alloc_root(v, true);
	kvm_tdp_mmu_alloc_root(v, false);
}

int kvm_mmu_load(struct kvm_vcpu *v)
{
	int r = mmu_topup_memory_caches(v, false);

	if (r)
		return r;
	mmu_alloc_direct_roots(v);
	kvm_x86_call(load_mmu_pgd)(v, v->arch.mmu.root.hpa,
				   v->arch.mmu.root_role.level);
	/* Entries of the root's last user may still be in this CPU's TLB. */
	kvm_x86_call(flush_tlb_current)(v);
	return 0;
}

static void mmu_free_root_page(struct kvm *vm, hpa_t *root_hpa)
{
	struct kvm_mmu_page *root = root_to_sp(vm, *root_hpa);

	if (!VALID_PAGE(*root_hpa))
		return;
	*root_hpa = INVALID_PAGE;
	if (!WARN_ON_ONCE(env_of(vm), !root))
		kvm_tdp_mmu_put_root(vm, root);
}

/* Only the direct one: the mirror root stays with the vCPU to its end. */
static void kvm_mmu_free_roots(struct kvm_vcpu *v)
{
	struct kvm *vm = v->kvm;

	if (!VALID_PAGE(v->arch.mmu.root.hpa))
		return;
	read_lock(&vm->mmu_lock);
	mmu_free_root_page(vm, &v->arch.mmu.root.hpa);
	v->arch.mmu.root.pgd = 0;
	read_unlock(&vm->mmu_lock);
}

void kvm_mmu_unload(struct kvm_vcpu *v)
{
	kvm_mmu_free_roots(v);
	WARN_ON_ONCE(env_of(v), VALID_PAGE(v->arch.mmu.root.hpa));
}

static bool is_obsolete_root(struct kvm *vm, hpa_t root_hpa)
{
	/* Of TDP roots this is all there is to ask; generations are for shadow ones. */
	return VALID_PAGE(root_hpa) && root_to_sp(vm, root_hpa)->role.invalid;
}

void kvm_mmu_free_obsolete_roots(struct kvm_vcpu *v)
{
	if (is_obsolete_root(v->kvm, v->arch.mmu.root.hpa))
		kvm_mmu_free_roots(v);
}

void kvm_mmu_destroy(struct kvm_vcpu *v)
{
	struct kvm *vm = v->kvm;

	kvm_mmu_unload(v);
	read_lock(&vm->mmu_lock);
	mmu_free_root_page(vm, &v->arch.mmu.mirror_root_hpa);
	read_unlock(&vm->mmu_lock);
	mmu_free_memory_caches(v);
}

/* -- Zaps -- */

struct kvm_unmapped kvm_unmap_gfn_range(struct kvm *vm, struct kvm_gfn_range *range)
{
	/* Without one of the two a fault could map the range again at once. */
	if (!vm->mmu_invalidate_in_progress)
		lockdep_assert_held(&vm->slots_lock);
	return kvm_tdp_mmu_unmap_gfn_range(vm, range, false);
}

void kvm_zap_gfn_range(struct kvm *vm, gfn_t start, gfn_t end)
{
	if (WARN_ON_ONCE(env_of(vm), end <= start))
		return;
	write_lock(&vm->mmu_lock);
	kvm_mmu_invalidate_start(vm);
	kvm_mmu_invalidate_range_add(vm, start, end);

	if (kvm_tdp_mmu_zap_leafs(vm, start, end, false))
		kvm_flush_remote_tlbs_range(vm, start, end - start);

	kvm_mmu_invalidate_end(vm);
	write_unlock(&vm->mmu_lock);
}

void kvm_mmu_zap_all(struct kvm *vm)
{
	write_lock(&vm->mmu_lock);
	kvm_tdp_mmu_zap_all(vm);
	write_unlock(&vm->mmu_lock);
}

/* Direct roots are swapped for fresh ones; nobody waits for the old to be empty. */
void kvm_mmu_zap_all_fast(struct kvm *vm)
{
	lockdep_assert_held(&vm->slots_lock);

	write_lock(&vm->mmu_lock);
	vm->arch.mmu_valid_gen = !vm->arch.mmu_valid_gen;
	kvm_tdp_mmu_invalidate_roots(vm, KVM_DIRECT_ROOTS);
	kvm_make_all_cpus_request(vm, KVM_REQ_MMU_FREE_OBSOLETE_ROOTS);
	write_unlock(&vm->mmu_lock);

	kvm_tdp_mmu_zap_invalidated_roots(vm, true);
}

/* Leaves of the slot in both halves; page tables stay. */
static void kvm_mmu_zap_memslot(struct kvm *vm, struct kvm_memory_slot *slot)
{
	struct kvm_gfn_range range = {
		.slot = slot,
		.start = slot->base_gfn,
		.end = slot->base_gfn + slot->npages,
		.may_block = true,
		.attr_filter = KVM_FILTER_SHARED | KVM_FILTER_PRIVATE,
	};

	if (kvm_unmap_gfn_range(vm, &range).flush)
		kvm_flush_remote_tlbs_memslot(vm, slot);
}

static bool kvm_memslot_flush_zap_all(struct kvm *vm)
{
	return vm->arch.vm_type == KVM_X86_DEFAULT_VM &&
	       !(vm->arch.disabled_quirks & KVM_X86_QUIRK_SLOT_ZAP_ALL);
}

void kvm_arch_flush_shadow_memslot(struct kvm *vm, struct kvm_memory_slot *slot)
{
	if (kvm_memslot_flush_zap_all(vm)) {
		kvm_mmu_zap_all_fast(vm);
		return;
	}
	/* No invalidation is announced: KVM_MEMSLOT_INVALID and SRCU keep faults out. */
	write_lock(&vm->mmu_lock);
	kvm_mmu_zap_memslot(vm, slot);
	write_unlock(&vm->mmu_lock);
}

/* -- Probe -- */

int kvm_mmu_probe_spte(struct kvm *vm, gpa_t gpa, bool mirror, struct host_spte_view *view)
{
	gfn_t bits = mirror ? 0 : kvm_gfn_direct_bits(vm);
	gfn_t gfn = gpa_to_gfn(gpa) & ~kvm_gfn_direct_bits(vm);
	struct kvm_mmu_page *root, *sp = NULL;
	u64 entry = 0;
	int level;

	*view = (struct host_spte_view){ .state = SPTE_NONE };
	list_for_each_entry(root, &vm->arch.mmu.tdp_mmu_roots, link) {
		if (!root->role.invalid && is_mirror_sp(root) == mirror)
			sp = root;
	}
	if (!sp)
		return -ENOENT;
	for (level = sp->role.level; ; level--) {
		entry = sp->spt[((gfn | bits) >> KVM_HPAGE_GFN_SHIFT(level)) & 511];
		if (!is_shadow_present_pte(entry) || is_last_spte(entry, level))
			break;
		sp = spte_to_child_sp(vm->arch.mmu.host, entry);
	}
	view->raw = entry;
	view->level = level;
	if (is_frozen_spte(entry))
		view->state = SPTE_FROZEN;
	if (is_shadow_present_pte(entry)) {
		view->state = SPTE_LEAF;
		view->pfn = spte_to_pfn(entry);
	}
	return 0;
}
