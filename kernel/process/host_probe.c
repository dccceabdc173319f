// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real kernel as a host, looking: probes of its own structures, and the
 * invariants that need them beside the module's view. Takes no reference and no
 * lock. Functions that the kernel side calls back realign the stack (PROC).
 */
#include "kernel/process/host.h"
#include "model/tdx/tables.h"

int kernel_probe_folio(struct host *h, u32 gmem, u64 offset, struct host_folio_view *view)
{
	int fd = host_gmem_fd(h, gmem);
	struct kern_folio folio;

	*view = (struct host_folio_view){ 0 };
	if (fd < 0)
		return -EBADF;
	if (!host_enter(h, 0))
		return host_refused(h);
	if (!kern_probe_folio(fd, offset >> PAGE_SHIFT, &folio))
		return 0;
	view->present = true;
	view->pfn = folio.pfn;
	view->refcount = folio.refcount;
	view->order = folio.order;
	view->uptodate = folio.uptodate;
	view->locked = folio.locked;
	view->hwpoison = folio.hwpoison;
	view->mapcount = folio.mapcount;
	view->pincount = folio.pincount;
	view->dma_pinned = folio.dma_pinned;
	return 0;
}

int kernel_probe_spte(struct host *h, u32 vm, gpa_t gpa, bool mirror,
		      struct host_spte_view *view)
{
	static const u8 state[] = {
		[KERN_SPTE_NONE] = SPTE_NONE, [KERN_SPTE_FROZEN] = SPTE_FROZEN,
		[KERN_SPTE_TABLE] = SPTE_TABLE, [KERN_SPTE_LEAF] = SPTE_LEAF,
	};
	void *kvm = host_vm(h, vm);
	struct kern_spte spte;

	*view = (struct host_spte_view){ 0 };
	if (!kvm)
		return kernel_host(h)->unsupported ? HOST_SKIP : -EBADF;
	kern_probe_spte(kvm, gpa, mirror, &spte);
	*view = (struct host_spte_view){
		.state = state[spte.state], .level = spte.level, .pfn = spte.pfn, .raw = spte.raw,
	};
	return 0;
}

int kernel_probe_vm(struct host *h, u32 vm, struct host_vm_view *view)
{
	void *kvm = host_vm(h, vm);
	struct kern_vm seen;

	*view = (struct host_vm_view){ 0 };
	if (!kvm)
		return kernel_host(h)->unsupported ? HOST_SKIP : 0;
	kern_probe_vm(kvm, &seen);
	*view = (struct host_vm_view){
		.exists = true, .vm_dead = seen.vm_dead, .vm_bugged = seen.vm_bugged,
		.hkid = seen.hkid, .state = seen.state, .tdr = seen.tdr,
		.pages = { seen.pages[0], seen.pages[1], seen.pages[2] },
	};
	return 0;
}

int kernel_probe_vcpu(struct host *h, u32 vm, u32 vcpu, hpa_t *tdvpr)
{
	int fd = host_vcpu_fd(h, vm, vcpu);

	*tdvpr = 0;
	if (fd < 0)
		return -EBADF;
	if (!host_enter(h, 0))
		return host_refused(h);
	*tdvpr = kern_probe_tdvpr(fd);
	return 0;
}

int kernel_probe_attributes(struct host *h, u32 vm, gpa_t gpa, u64 *attributes)
{
	void *kvm = host_vm(h, vm);

	if (!kvm)
		return -EBADF;
	*attributes = kern_probe_attributes(kvm, gpa);
	return 0;
}

bool kernel_frame_free(struct host *h, kvm_pfn_t pfn)
{
	return host_enter(h, 0) && kern_page_is_free(pfn);
}

/*
 * The kernel keeps no record of who holds a reference. What can be told from
 * outside: the page cache's own, those this host took for others, the rest.
 */
int kernel_probe_holders(struct host *h, kvm_pfn_t pfn, struct host_holder_view *view, u32 max)
{
	struct host_holder_view holder[3];
	struct kern_folio folio;
	s32 gup = 0, pin = 0, rest;
	u32 count = 0;

	if (!host_enter(h, 0))
		return 0;
	kern_probe_folio_of(pfn, &folio);
	for (u32 i = 0; i < HOST_GUP_MAX; i++) {
		const struct kernel_gup *entry = &kernel_host(h)->gup[i];

		if (entry->count && entry->pfn - folio.pfn < 1ULL << folio.order)
			*(entry->pin ? &pin : &gup) += entry->count;
	}
	pin *= KERN_PIN_REFERENCES;
	rest = folio.refcount - folio.in_cache - gup - pin;
	if (folio.in_cache)
		holder[count++] = (struct host_holder_view){ "filemap", folio.in_cache };
	if (gup)
		holder[count++] = (struct host_holder_view){ "gup", gup };
	if (pin)
		holder[count++] = (struct host_holder_view){ "gup-pin", pin };
	for (u32 i = 0; i < count && i < max; i++)
		view[i] = holder[i];
	if (rest && count < max)
		view[count] = (struct host_holder_view){ "unknown", rest };
	return count + !!rest;
}

/* -- pages given up ----------------------------------------------------------- */

struct leak_search {
	struct host *h;
	struct host_leak_view *view;
	u32 count, max;
};

/* The VM whose TD owns a page, -1 when there is none any more. */
static int vm_of_td(struct host *h, hpa_t tdr)
{
	for (u32 vm = 0; vm < HOST_OBJ_MAX; vm++) {
		void *kvm = host_vm(h, vm);
		struct kern_vm view;

		if (!kvm)
			continue;
		kern_probe_vm(kvm, &view);
		if (view.is_td && view.tdr == tdr)
			return vm;
	}
	return -1;
}

/* Why a page stayed behind, from what the module still thinks of it. */
static const char *leak_reason(struct host *h, const struct tdx_pamt_view *pamt, hpa_t tdr)
{
	struct tdx_td_view td = { 0 };
	bool hkid_assigned = !tdx_probe_td(h->tdx, tdr, &td) && td.lifecycle != TD_TEARDOWN;

	switch (pamt->type) {
	case PT_TDVPR:
		return hkid_assigned ? "vCPU page kept: the HKID could not be released" :
				       "vCPU page kept: its reclaim failed";
	case PT_EPT:
		return hkid_assigned ? "S-EPT page freed while the HKID is assigned" :
				       "PHYMEM.PAGE.RECLAIM of an S-EPT page failed";
	case PT_REG:
		return "private page kept";
	default:
		return hkid_assigned ? "control page kept: the HKID could not be released" :
				       "control page kept: reclaim of the TD root failed";
	}
}

/*
 * A page was given up when it is in use, the module owns it, and nothing in the
 * kernel leads to it: its TD's VM is gone, or its place in the mirror is.
 */
PROC static void look_for_leak(void *context, unsigned long pfn)
{
	struct leak_search *search = context;
	struct host *h = search->h;
	struct tdx_pamt_view pamt = { 0 };
	hpa_t tdr;
	int vm;

	tdx_probe_pamt(h->tdx, pfn_to_hpa(pfn), &pamt);
	if (pamt.type == PT_NDA || pamt.type == PT_RSVD)
		return;
	tdr = pamt.type == PT_TDR ? pfn_to_hpa(pfn) : pamt.owner;
	vm = vm_of_td(h, tdr);
	if (vm >= 0 && (pamt.type != PT_EPT ||
			kern_sept_page_linked(kernel_host(h)->vm[vm], pfn)))
		return;
	if (search->count < search->max)
		search->view[search->count] = (struct host_leak_view){
			pfn, 0, leak_reason(h, &pamt, tdr),
		};
	search->count++;
}

int kernel_probe_leaks(struct host *h, struct host_leak_view *view, u32 max)
{
	struct leak_search search = { .h = h, .view = view, .max = max };

	if (!host_enter(h, 0))
		return 0;
	kern_for_each_page_in_use(look_for_leak, &search);
	return search.count;
}

/* No released kernel has dynamic PAMT. */
int kernel_probe_pamt_count(struct host *h, kvm_pfn_t pfn)
{
	return HOST_SKIP;
}

/* Its policy is no-hold, which does and costs nothing. */
int kernel_probe_hold(struct host *h, struct host_hold_view *view)
{
	*view = (struct host_hold_view){ 0 };
	return 0;
}

int kernel_probe_hugetlb(struct host *h, u8 level, struct host_hugetlb_view *view)
{
	h->skip = "this kernel has no hugetlb pools";
	return HOST_SKIP;
}

int kernel_hugetlb_resize(struct host *h, u8 level, u64 count, u64 overcommit)
{
	h->skip = "this kernel has no hugetlb pools";
	return HOST_SKIP;
}

int kernel_hugetlb_demote(struct host *h, u8 level, u64 count)
{
	h->skip = "this kernel has no hugetlb pools";
	return HOST_SKIP;
}

/* -- INV_MIRROR_MATCHES_SEPT -------------------------------------------------- */

struct mirror_check {
	struct host *h;
	u32 vm;
	hpa_t tdr;
	const void *kvm;
};

PROC static int leaf_in_sept(void *context, unsigned long gpa, unsigned long pfn, int level)
{
	const struct mirror_check *check = context;
	struct tdx_sept_view view = { 0 };

	tdx_probe_sept(check->h->tdx, check->tdr, gpa, level - 1, &view);
	check_that(check->h->env, INV_MIRROR_MATCHES_SEPT,
		   view.level == level - 1 && view.hpa == pfn_to_hpa(pfn) &&
		   sept_state_info[view.state].leaf,
		   "TD %u gpa %#lx: the mirror maps pfn %#lx, the S-EPT entry is %s for hpa %#lx",
		   check->vm, gpa, pfn, sept_state_info[view.state].name, view.hpa);
	return 0;
}

static int leaf_in_mirror(void *context, hpa_t tdr, gpa_t gpa, hpa_t hpa, u8 level, u8 state)
{
	const struct mirror_check *check = context;
	struct kern_spte spte;

	if (tdr != check->tdr)
		return 0;
	kern_probe_spte(check->kvm, gpa, 1, &spte);
	check_that(check->h->env, INV_MIRROR_MATCHES_SEPT,
		   spte.state == KERN_SPTE_FROZEN ||
		   (spte.state == KERN_SPTE_LEAF && pfn_to_hpa(spte.pfn) == hpa),
		   "TD %u gpa %#lx: the S-EPT names hpa %#lx, the mirror has SPTE %#lx",
		   check->vm, gpa, hpa, spte.raw);
	return 0;
}

void kernel_check(struct host *h)
{
	struct kernel_host *kh = kernel_host(h);

	for (u32 vm = 0; vm < HOST_OBJ_MAX; vm++) {
		struct mirror_check check = { .h = h, .vm = vm };
		struct kern_vm view;

		if (kh->crashed || !kh->vm[vm] || !host_vm(h, vm))
			continue;
		check.kvm = kh->vm[vm];
		kern_probe_vm(check.kvm, &view);
		check.tdr = view.tdr;
		if (!view.is_td || !view.tdr || view.vm_bugged)
			continue;
		kern_for_each_leaf(check.kvm, 1, leaf_in_sept, &check);
		tdx_for_each_leaf(h->tdx, leaf_in_mirror, &check);
	}
}

/* -- INV_FRAMES_ACCOUNTED ----------------------------------------------------- */

/* A page that is in use is accounted for while the module owns it: it was given up. */
PROC static void page_accounted(void *context, unsigned long pfn)
{
	struct host *h = context;
	struct tdx_pamt_view pamt = { 0 };
	struct kern_folio folio;

	tdx_probe_pamt(h->tdx, pfn_to_hpa(pfn), &pamt);
	kern_probe_folio_of(pfn, &folio);
	check_that(h->env, INV_FRAMES_ACCOUNTED, pamt.type != PT_NDA,
		   "pfn %#lx is in use after the process is gone, with %d references, and not the module's",
		   pfn, folio.refcount);
}

void kernel_check_frames(struct host *h)
{
	check_hit(h->env, INV_FRAMES_ACCOUNTED);
	if (!kernel_host(h)->crashed && host_enter(h, 0))
		kern_for_each_page_in_use(page_accounted, h);
}
