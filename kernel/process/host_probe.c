// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real kernel as a host, looking: probes of its own structures, and the
 * invariants that need them beside the module's view. Takes no reference and no
 * lock. The kernel keeps no record of who holds a reference or why a page was
 * given up, so questions for those are skipped. Functions that the kernel side
 * calls back realign the stack (PROC).
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

int kernel_probe_holders(struct host *h, kvm_pfn_t pfn, struct host_holder_view *view, u32 max)
{
	h->skip = "the real kernel keeps no record of who holds a reference";
	return HOST_SKIP;
}

int kernel_probe_leaks(struct host *h, struct host_leak_view *view, u32 max)
{
	h->skip = "the real kernel keeps no list of pages it gave up";
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

		if (kh->crashed || !kh->vm[vm].vm || !host_vm(h, vm))
			continue;
		check.kvm = kh->vm[vm].vm;
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

	tdx_probe_pamt(h->tdx, pfn_to_hpa(pfn), &pamt);
	check_that(h->env, INV_FRAMES_ACCOUNTED, pamt.type != PT_NDA,
		   "pfn %#lx is in use after the process is gone, and not the module's", pfn);
}

void kernel_check_frames(struct host *h)
{
	check_hit(h->env, INV_FRAMES_ACCOUNTED);
	if (!kernel_host(h)->crashed && host_enter(h, 0))
		kern_for_each_page_in_use(page_accounted, h);
}
