// SPDX-License-Identifier: GPL-2.0-only
/*
 * Page tables and roots of the TDP MMU (arch/x86/kvm/mmu/tdp_mmu.c, Linux
 * 7.3.4). A table is a frame of the allocator, so that running out and leaking
 * behave as they do in the kernel, and 512 entries beside it. RCU is a count of
 * readers a VM: tables removed meanwhile are freed by the last one to leave.
 */
#include "model/kvm/tdp_mmu.h"

struct mmu_host *mmu_host_create(struct env *env, u64 frames)
{
	struct mmu_host *host = arena_alloc(env->arena, sizeof(*host));

	sparse_init(&host->shadow_pages, sizeof(struct kvm_mmu_page *), frames);
	pool_init(&host->headers, "kvm_mmu_page", sizeof(struct kvm_mmu_page));
	pool_init(&host->spts, "spt", SPTE_ENT_PER_PAGE * sizeof(u64));
	return host;
}

struct kvm_mmu_page *to_shadow_page(struct mmu_host *host, hpa_t hpa)
{
	struct kvm_mmu_page **sp = sparse_find(&host->shadow_pages, hpa_to_pfn(hpa));

	return sp ? *sp : NULL;
}

/* -- Page tables -- */

static struct page *kvm_mmu_memory_cache_alloc(struct kvm_vcpu *v,
					       struct kvm_mmu_memory_cache *cache)
{
	struct env *env = env_of(v);
	struct page *page;

	if (likely(cache->nobjs))
		return cache->objects[--cache->nobjs];
	/* Whoever calls cannot sleep and cannot fail. */
	WARN_ON(env, !cache->nobjs);
	page = alloc_page_for(env, GFP_ATOMIC | __GFP_ACCOUNT, cache->site);
	if (!page)
		mm_bug(env, __func__, "page-table cache and allocator are empty");
	return page;
}

struct kvm_mmu_page *tdp_mmu_new_sp(struct kvm *vm, struct page *page)
{
	struct mmu_host *host = vm->arch.mmu.host;
	struct kvm_mmu_page *sp = pool_alloc(&host->headers);
	int i;

	INIT_LIST_HEAD(&sp->link);
	sp->kvm = vm;
	sp->spt_page = page;
	sp->spt = pool_alloc(&host->spts);
	for (i = 0; i < SPTE_ENT_PER_PAGE; i++)
		sp->spt[i] = SHADOW_NONPRESENT_VALUE;
	*(struct kvm_mmu_page **)sparse_get(&host->shadow_pages, page_to_pfn(page)) = sp;
	return sp;
}

/* The same of the headers' cache, which only counts. False: the host is down. */
static bool kvm_mmu_header_cache_alloc(struct kvm_vcpu *v)
{
	struct env *env = env_of(v);
	u32 *nobjs = &v->arch.mmu.mmu_page_header_cache_nobjs;

	if (likely(*nobjs)) {
		(*nobjs)--;
		return true;
	}
	warn_slow(env, NULL, "kvm_mmu_memory_cache_alloc", "!mc->nobjs");
	if (!inject_alloc(env, "mmu_page_header"))
		return true;
	mm_bug(env, "kvm_mmu_memory_cache_alloc", "page-table cache and allocator are empty");
	return false;
}

/* NULL only on a host that has just gone down for want of memory. */
struct kvm_mmu_page *tdp_mmu_alloc_sp(struct kvm_vcpu *v)
{
	struct page *page = NULL;

	if (kvm_mmu_header_cache_alloc(v))
		page = kvm_mmu_memory_cache_alloc(v, &v->arch.mmu.mmu_shadow_page_cache);
	return page ? tdp_mmu_new_sp(v->kvm, page) : NULL;
}

void kvm_mmu_alloc_external_spt(struct kvm_vcpu *v, struct kvm_mmu_page *sp)
{
	sp->external_spt = kvm_mmu_memory_cache_alloc(v,
						      &v->arch.mmu.mmu_external_spt_cache);
}

static void tdp_mmu_free_sp(struct kvm *vm, struct kvm_mmu_page *sp)
{
	struct mmu_host *host = vm->arch.mmu.host;

	*(struct kvm_mmu_page **)sparse_get(&host->shadow_pages, page_to_pfn(sp->spt_page)) = NULL;
	__free_page(sp->spt_page);
	pool_free(&host->spts, sp->spt);
	pool_free(&host->headers, sp);
}

void tdp_mmu_free_unused_sp(struct kvm *vm, struct kvm_mmu_page *sp)
{
	if (sp->external_spt && !defect_on(env_of(vm), DEFECT_LEAK_SEPT_PAGE))
		__free_page(sp->external_spt);
	tdp_mmu_free_sp(vm, sp);
}

static void tdp_mmu_free_sp_rcu_callback(struct kvm *vm, struct kvm_mmu_page *sp)
{
	WARN_ON_ONCE(env_of(vm), sp->external_spt);
	tdp_mmu_free_sp(vm, sp);
}

static void tdp_mmu_rcu_free_pending(struct kvm *vm)
{
	struct kvm_arch_mmu *mmu = &vm->arch.mmu;

	while (mmu->rcu_pages && !mmu->rcu_readers) {
		struct kvm_mmu_page *sp = mmu->rcu_pages;

		mmu->rcu_pages = sp->rcu_next;
		tdp_mmu_free_sp_rcu_callback(vm, sp);
	}
}

void tdp_mmu_call_rcu_free(struct kvm *vm, struct kvm_mmu_page *sp)
{
	sp->rcu_next = vm->arch.mmu.rcu_pages;
	vm->arch.mmu.rcu_pages = sp;
	tdp_mmu_rcu_free_pending(vm);
}

void tdp_mmu_rcu_read_unlock(struct kvm *vm)
{
	vm->arch.mmu.rcu_readers--;
	if (unlikely(vm->arch.mmu.rcu_pages))
		tdp_mmu_rcu_free_pending(vm);
}

/* -- Roots -- */

void kvm_mmu_init_tdp_mmu(struct kvm *vm)
{
	INIT_LIST_HEAD(&vm->arch.mmu.tdp_mmu_roots);
	lock_init(&vm->arch.mmu.tdp_mmu_pages_lock, LOCK_TDP_MMU_PAGES, vm->id);
}

/* The only place where mirror roots are invalidated and S-EPT pages given back. */
void kvm_mmu_uninit_tdp_mmu(struct kvm *vm)
{
	kvm_tdp_mmu_invalidate_roots(vm, KVM_VALID_ROOTS);
	kvm_tdp_mmu_zap_invalidated_roots(vm, false);

	WARN_ON(env_of(vm), vm->arch.mmu.tdp_mmu_pages);
	WARN_ON(env_of(vm), !list_empty(&vm->arch.mmu.tdp_mmu_roots));
	/* rcu_barrier() */
	tdp_mmu_rcu_free_pending(vm);
}

void kvm_tdp_mmu_put_root(struct kvm *vm, struct kvm_mmu_page *root)
{
	if (--root->tdp_mmu_root_count)
		return;
	/* A valid root is kept by the reference the TDP MMU itself holds. */
	KVM_BUG_ON(!root->tdp_mmu_page || !root->role.invalid, vm);

	spin_lock(&vm->arch.mmu.tdp_mmu_pages_lock);
	list_del(&root->link);
	spin_unlock(&vm->arch.mmu.tdp_mmu_pages_lock);
	tdp_mmu_call_rcu_free(vm, root);
}

bool tdp_mmu_root_match(struct kvm_mmu_page *root, enum kvm_tdp_mmu_root_types types)
{
	if (WARN_ON_ONCE(env_of(root), !(types & KVM_VALID_ROOTS)))
		return false;
	if (!(types & KVM_INVALID_ROOTS) && root->role.invalid)
		return false;
	return types & (is_mirror_sp(root) ? KVM_MIRROR_ROOTS : KVM_DIRECT_ROOTS);
}

/*
 * The next root of @types with a reference taken, so that the caller may give
 * mmu_lock away; the reference on @prev_root is dropped. NULL at the end.
 */
struct kvm_mmu_page *tdp_mmu_next_root(struct kvm *vm, struct kvm_mmu_page *prev_root,
				       enum kvm_tdp_mmu_root_types types)
{
	struct list_head *head = &vm->arch.mmu.tdp_mmu_roots;
	struct list_head *at = prev_root ? prev_root->link.next : head->next;
	struct kvm_mmu_page *next = NULL;

	lockdep_assert_held(&vm->mmu_lock);
	tdp_mmu_rcu_read_lock(vm);
	for (; at != head; at = at->next) {
		struct kvm_mmu_page *root = list_entry(at, struct kvm_mmu_page, link);

		if (tdp_mmu_root_match(root, types) && root->tdp_mmu_root_count) {
			root->tdp_mmu_root_count++;
			next = root;
			break;
		}
	}
	tdp_mmu_rcu_read_unlock(vm);
	if (prev_root)
		kvm_tdp_mmu_put_root(vm, prev_root);
	return next;
}

/* A valid root with exactly this role, with a reference; NULL for none. */
static struct kvm_mmu_page *tdp_mmu_find_root(struct kvm *vm, union kvm_mmu_page_role role)
{
	struct kvm_mmu_page *root;

	list_for_each_entry(root, &vm->arch.mmu.tdp_mmu_roots, link) {
		if (root->role.word != role.word || !root->tdp_mmu_root_count)
			continue;
		root->tdp_mmu_root_count++;
		return root;
	}
	return NULL;
}

static struct kvm_mmu_page *tdp_mmu_new_root(struct kvm_vcpu *v, union kvm_mmu_page_role role)
{
	struct kvm_mmu_page *root = tdp_mmu_alloc_sp(v);

	if (!root)
		return NULL;
	root->role = role;
	root->tdp_mmu_page = true;
	/* One for the vCPU, one for the TDP MMU until the root is invalidated. */
	root->tdp_mmu_root_count = 2;
	list_add(&root->link, &v->kvm->arch.mmu.tdp_mmu_roots);
	return root;
}

void kvm_tdp_mmu_alloc_root(struct kvm_vcpu *v, bool mirror)
{
	struct kvm_vcpu_arch_mmu *mmu = &v->arch.mmu;
	union kvm_mmu_page_role role = v->arch.mmu.root_role;
	struct kvm *vm = v->kvm;
	struct kvm_mmu_page *root;
	hpa_t hpa;

	role.is_mirror = mirror;
	read_lock(&vm->mmu_lock);
	root = tdp_mmu_find_root(vm, role);
	if (!root) {
		spin_lock(&vm->arch.mmu.tdp_mmu_pages_lock);
		/* Another vCPU may have been quicker. */
		root = tdp_mmu_find_root(vm, role);
		if (!root)
			root = tdp_mmu_new_root(v, role);
		spin_unlock(&vm->arch.mmu.tdp_mmu_pages_lock);
	}
	read_unlock(&vm->mmu_lock);

	hpa = root ? page_to_phys(root->spt_page) : INVALID_PAGE;
	if (mirror) {
		mmu->mirror_root_hpa = hpa;
		return;
	}
	mmu->root.hpa = hpa;
	mmu->root.pgd = 0;
}
