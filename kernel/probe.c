// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looking at the kernel's own structures: folios of a guest_memfd, SPTEs, VMs.
 * Takes no reference and no lock, changes nothing.
 */
#include <linux/kvm_host.h>
#include <linux/pagemap.h>

#include <asm/vmx.h>

#include "mmu.h"
#include "mmu/mmu_internal.h"
#include "mmu/spte.h"
#include "mmu/tdp_iter.h"
#include "vmx/tdx.h"

#include "standin.h"

extern struct list_head vm_list;	/* virt/kvm/kvm_main.c */

static struct kvm_tdx *kvm_tdx_of(struct kvm *vm)
{
	return container_of(vm, struct kvm_tdx, kvm);
}

static struct kvm *kvm_of(const void *vm)
{
	return (struct kvm *)vm;
}

void *kern_vm_of(int vm_fd)
{
	return file_of(vm_fd)->private_data;
}

int kern_vm_exists(const void *vm)
{
	struct kvm *at;

	list_for_each_entry(at, &vm_list, vm_list)
		if (at == vm)
			return 1;
	return 0;
}

unsigned long kern_vm_slot_address(const void *vm, unsigned int slot)
{
	struct kvm_memory_slot *memslot;

	if ((u16)slot >= KVM_USER_MEM_SLOTS || slot >> 16 >= KVM_MAX_NR_ADDRESS_SPACES)
		return 0;
	memslot = id_to_memslot(__kvm_memslots(kvm_of(vm), slot >> 16), (u16)slot);
	return memslot ? memslot->userspace_addr : 0;
}

static struct folio *folio_at(int gmem_fd, unsigned long index)
{
	return xa_load(&file_of(gmem_fd)->f_mapping->i_pages, index);
}

static void view_folio(const struct folio *folio, struct kern_folio *view)
{
	BUILD_BUG_ON(KERN_PIN_REFERENCES != GUP_PIN_COUNTING_BIAS);
	memset(view, 0, sizeof(*view));
	view->pfn = folio_pfn(folio);
	view->refcount = folio_ref_count(folio);
	view->mapcount = folio_mapcount(folio);
	view->pincount = folio_test_large(folio) ? atomic_read(&folio->_pincount) :
			 folio_ref_count(folio) / GUP_PIN_COUNTING_BIAS;
	view->dma_pinned = folio_maybe_dma_pinned((struct folio *)folio);
	view->order = folio_order(folio);
	view->uptodate = folio_test_uptodate(folio);
	view->locked = folio_test_locked(folio);
	view->in_cache = folio->mapping ? folio_nr_pages(folio) : 0;
	view->hwpoison = folio_contain_hwpoisoned_page((struct folio *)folio);
}

void kern_probe_folio_of(unsigned long pfn, struct kern_folio *view)
{
	view_folio(page_folio(pfn_to_page(pfn)), view);
}

int kern_probe_folio(int gmem_fd, unsigned long index, struct kern_folio *view)
{
	struct folio *folio = folio_at(gmem_fd, index);

	if (!folio || xa_is_value(folio))
		return 0;
	view_folio(folio, view);
	return 1;
}

int kern_gup_take(int gmem_fd, unsigned long index, int pin, unsigned long *pfn)
{
	struct folio *folio = folio_at(gmem_fd, index);

	if (!folio || xa_is_value(folio))
		return -EFAULT;
	folio_ref_add(folio, pin ? GUP_PIN_COUNTING_BIAS : 1);
	*pfn = folio_pfn(folio) + (index & (folio_nr_pages(folio) - 1));
	return 0;
}

void kern_gup_drop(unsigned long pfn, int pin)
{
	folio_put_refs(page_folio(pfn_to_page(pfn)), pin ? GUP_PIN_COUNTING_BIAS : 1);
}

/* -- SPTEs -- */

static u64 *table_of(u64 spte)
{
	return __va(spte & SPTE_BASE_ADDR_MASK);
}

/* The valid root of a VM's mirror or direct tables, NULL when there is none. */
static struct kvm_mmu_page *root_of(struct kvm *kvm, int mirror)
{
	struct kvm_mmu_page *root;

	list_for_each_entry(root, &kvm->arch.tdp_mmu_roots, link)
		if (!root->role.invalid && !!is_mirror_sp(root) == !!mirror)
			return root;
	return NULL;
}

static enum kern_spte_state state_of(u64 spte, int level)
{
	if (is_frozen_spte(spte))
		return KERN_SPTE_FROZEN;
	if (!is_shadow_present_pte(spte))
		return KERN_SPTE_NONE;
	return is_last_spte(spte, level) ? KERN_SPTE_LEAF : KERN_SPTE_TABLE;
}

void kern_probe_spte(const void *vm, unsigned long gpa, int mirror, struct kern_spte *view)
{
	struct kvm_mmu_page *root = root_of(kvm_of(vm), mirror);
	gfn_t gfn = gpa_to_gfn(gpa);
	u64 *table;
	int level;

	memset(view, 0, sizeof(*view));
	if (!root)
		return;
	/* Shared memory of a TD stands in the direct tables with the shared bit. */
	if (!mirror)
		gfn |= kvm_of(vm)->arch.gfn_direct_bits;
	table = root->spt;
	for (level = root->role.level; level >= PG_LEVEL_4K; level--) {
		u64 spte = table[(gfn >> (level - 1) * 9) & (SPTE_ENT_PER_PAGE - 1)];

		view->raw = spte;
		view->level = level;
		view->state = state_of(spte, level);
		view->pfn = view->state == KERN_SPTE_LEAF || view->state == KERN_SPTE_TABLE ?
			    spte_to_pfn(spte) : 0;
		if (view->state != KERN_SPTE_TABLE)
			return;
		table = table_of(spte);
	}
}

struct leaf_walk {
	kern_leaf_fn *fn;
	void *context;
};

static int walk_leaves(const struct leaf_walk *walk, u64 *table, int level, gfn_t gfn)
{
	int i, stop;

	for (i = 0; i < SPTE_ENT_PER_PAGE; i++, gfn += KVM_PAGES_PER_HPAGE(level)) {
		enum kern_spte_state state = state_of(table[i], level);

		if (state == KERN_SPTE_TABLE)
			stop = walk_leaves(walk, table_of(table[i]), level - 1, gfn);
		else if (state == KERN_SPTE_LEAF)
			stop = walk->fn(walk->context, gfn_to_gpa(gfn), spte_to_pfn(table[i]), level);
		else
			continue;
		if (stop)
			return stop;
	}
	return 0;
}

void kern_for_each_leaf(const void *vm, int mirror, kern_leaf_fn *fn, void *context)
{
	struct kvm_mmu_page *root = root_of(kvm_of(vm), mirror);
	struct leaf_walk walk = { .fn = fn, .context = context };

	if (root)
		walk_leaves(&walk, root->spt, root->role.level, 0);
}

static bool sept_page_below(u64 *table, int level, void *page)
{
	u64 *entry;

	for (entry = table; entry < table + SPTE_ENT_PER_PAGE; entry++) {
		struct kvm_mmu_page *child;

		if (state_of(*entry, level) != KERN_SPTE_TABLE)
			continue;
		child = spte_to_child_sp(*entry);
		if (child->external_spt == page || sept_page_below(child->spt, level - 1, page))
			return true;
	}
	return false;
}

int kern_sept_page_linked(const void *vm, unsigned long pfn)
{
	struct kvm_mmu_page *root = root_of(kvm_of(vm), 1);

	return root && sept_page_below(root->spt, root->role.level, page_address(pfn_to_page(pfn)));
}

unsigned long kern_shared_walk(unsigned long tdr, unsigned long gpa, int write)
{
	struct kern_spte spte;
	struct kvm *kvm;

	list_for_each_entry(kvm, &vm_list, vm_list) {
		struct page *page;

		if (kvm->arch.vm_type != KVM_X86_TDX_VM)
			continue;
		page = kvm_tdx_of(kvm)->td.tdr_page;
		if (!page || page_to_phys(page) != tdr)
			continue;
		kern_probe_spte(kvm, gpa, 0, &spte);
		/* Entries of memory-mapped I/O do not suppress #VE. */
		if (spte.state == KERN_SPTE_NONE && spte.level &&
		    !(spte.raw & VMX_EPT_SUPPRESS_VE_BIT))
			return KERN_SHARED_VE;
		if (spte.state != KERN_SPTE_LEAF || (write && !is_writable_pte(spte.raw)))
			return KERN_SHARED_VIOLATION;
		return PFN_PHYS(spte.pfn) |
		       (gpa & (KVM_HPAGE_SIZE(spte.level) - 1));
	}
	return KERN_SHARED_VIOLATION;
}

/* -- VMs and vCPUs -- */

void kern_probe_vm(const void *vm, struct kern_vm *view)
{
	struct kvm *kvm = kvm_of(vm);
	struct page *tdr;

	memset(view, 0, sizeof(*view));
	view->vm_dead = kvm->vm_dead;
	view->vm_bugged = kvm->vm_bugged;
	for (int i = 0; i < KVM_NR_PAGE_SIZES; i++)
		view->pages[i] = atomic64_read(&kvm->stat.pages[i]);
	if (kvm->arch.vm_type != KVM_X86_TDX_VM)
		return;
	view->is_td = 1;
	view->hkid = kvm_tdx_of(kvm)->hkid;
	view->state = kvm_tdx_of(kvm)->state;
	tdr = kvm_tdx_of(kvm)->td.tdr_page;
	view->tdr = tdr ? page_to_phys(tdr) : 0;
}

unsigned long kern_probe_tdvpr(int vcpu_fd)
{
	struct kvm_vcpu *vcpu = file_of(vcpu_fd)->private_data;
	struct vcpu_tdx *vcpu_tdx = container_of(vcpu, struct vcpu_tdx, vcpu);

	if (vcpu->kvm->arch.vm_type != KVM_X86_TDX_VM || !vcpu_tdx->vp.tdvpr_page)
		return 0;
	return page_to_phys(vcpu_tdx->vp.tdvpr_page);
}

unsigned long kern_probe_attributes(const void *vm, unsigned long gpa)
{
	return kvm_get_memory_attributes(kvm_of(vm), gpa_to_gfn(gpa));
}
