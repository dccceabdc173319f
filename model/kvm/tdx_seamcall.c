// SPDX-License-Identifier: GPL-2.0-only
/*
 * The tdh_*() wrappers (arch/x86/virt/vmx/tdx/tdx.c, Linux 7.3.4). Left out:
 * the software error codes of SEAMCALL itself (no module, not in VMX
 * operation), which a machine with a loaded module never produces; the hold
 * policy tdx-shutdown has one in their place.
 */
#include "model/kvm/tdx_virt.h"
#include "model/mm/page.h"

#define RDRAND_RETRY_LOOPS	10

/*
 * What a module that was shut down is told not to do: nobody is left to take pages
 * from or to write lines of, so taking them back works. All the rest is refused.
 */
static u64 seamcall_shut_down(u64 fn)
{
	static const u64 cleanup[] = {
		TDH_MEM_RANGE_BLOCK, TDH_MEM_TRACK, TDH_MEM_PAGE_REMOVE, TDH_PHYMEM_PAGE_WBINVD,
		TDH_PHYMEM_PAGE_RECLAIM, TDH_PHYMEM_CACHE_WB, TDH_VP_FLUSH,
		TDH_MNG_VPFLUSHDONE, TDH_MNG_KEY_FREEID,
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(cleanup); i++)
		if (fn == cleanup[i])
			return TDX_SUCCESS;
	return TDX_SW_ERROR;
}

static u64 seamcall_once(struct tdx_globals *globals, u64 fn, struct tdx_module_args *args)
{
	int cpu = current_task(globals->env)->cpu;

	if (unlikely(globals->shut_down))
		return seamcall_shut_down(fn);

	/* Private lines may now be dirty in this CPU's cache. */
	globals->cache_state_incoherent |= BIT_ULL(cpu);
	return seamcall(globals->module, cpu, fn, args);
}

/*
 * Dry randomness comes back by itself, so it is not told to the caller at once.
 * Outputs land in @args, also those of an attempt that failed: the next one is
 * made with whatever is there then.
 */
u64 seamcall_ret(struct tdx_globals *globals, u64 fn, struct tdx_module_args *args)
{
	int retry = RDRAND_RETRY_LOOPS;
	u64 ret;

	do {
		ret = seamcall_once(globals, fn, args);
	} while (unlikely(ret == TDX_RND_NO_ENTROPY) && --retry);
	return ret;
}

/* For leaves whose outputs nobody wants: each attempt is made with @args. */
static u64 seamcall_noret(struct tdx_globals *globals, u64 fn, const struct tdx_module_args *args)
{
	int retry = RDRAND_RETRY_LOOPS;
	u64 ret;

	do {
		struct tdx_module_args regs = *args;

		ret = seamcall_once(globals, fn, &regs);
	} while (unlikely(ret == TDX_RND_NO_ENTROPY) && --retry);
	return ret;
}

/*
 * Dirty lines the host left on a page would be written back over private data
 * later; the module does not look, so every page handed over is flushed first.
 */
static void tdx_clflush_pfn(struct tdx_globals *globals, kvm_pfn_t pfn)
{
	hw_clflush(globals->hw, pfn_to_hpa(pfn), KEYID_SHARED);
}

static void tdx_clflush_page(struct tdx_globals *globals, struct page *page)
{
	tdx_clflush_pfn(globals, page_to_pfn(page));
}

static hpa_t tdx_tdr_pa(const struct tdx_td *t)
{
	return page_to_phys(t->tdr_page);
}

static hpa_t mk_keyed_paddr(u16 hkid, kvm_pfn_t pfn)
{
	return pfn_to_hpa(pfn) | (u64)hkid << HW_PHYS_BITS;
}

u64 tdh_vp_enter(struct tdx_vp *p, struct tdx_module_args *args)
{
	args->rcx = p->tdvpr_pa;
	return seamcall_once(p->globals, TDH_VP_ENTER, args);
}

u64 tdh_mng_addcx(struct tdx_td *t, struct page *tdcs_page)
{
	struct tdx_module_args args = {
		.rcx = page_to_phys(tdcs_page),
		.rdx = tdx_tdr_pa(t),
	};

	tdx_clflush_page(t->globals, tdcs_page);
	return seamcall_noret(t->globals, TDH_MNG_ADDCX, &args);
}

u64 tdh_mem_page_add(struct tdx_td *t, gpa_t gpa, kvm_pfn_t pfn,
		     struct page *source, u64 *ext_err1, u64 *ext_err2)
{
	/* Always 4K: no level operand beside the address. */
	struct tdx_module_args args = {
		.rcx = gpa,
		.rdx = tdx_tdr_pa(t),
		.r8 = pfn_to_hpa(pfn),
		.r9 = page_to_phys(source),
	};
	u64 ret;

	tdx_clflush_pfn(t->globals, pfn);
	ret = seamcall_ret(t->globals, TDH_MEM_PAGE_ADD, &args);
	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	return ret;
}

u64 tdh_mem_sept_add(struct tdx_td *t, gpa_t gpa, int level, struct page *page,
		     u64 *ext_err1, u64 *ext_err2)
{
	struct tdx_module_args args = {
		.rcx = gpa | level,
		.rdx = tdx_tdr_pa(t),
		.r8 = page_to_phys(page),
	};
	u64 ret;

	tdx_clflush_page(t->globals, page);
	ret = seamcall_ret(t->globals, TDH_MEM_SEPT_ADD, &args);
	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	return ret;
}

u64 tdh_vp_addcx(struct tdx_vp *p, struct page *tdcx_page)
{
	struct tdx_module_args args = {
		.rcx = page_to_phys(tdcx_page),
		.rdx = p->tdvpr_pa,
	};

	tdx_clflush_page(p->globals, tdcx_page);
	return seamcall_noret(p->globals, TDH_VP_ADDCX, &args);
}

u64 tdh_mem_page_aug(struct tdx_td *t, gpa_t gpa, int level, kvm_pfn_t pfn,
		     u64 *ext_err1, u64 *ext_err2)
{
	struct tdx_module_args args = {
		.rcx = gpa | level,
		.rdx = tdx_tdr_pa(t),
		.r8 = pfn_to_hpa(pfn),
	};
	u64 i, ret;

	for (i = 0; i < 1ULL << 9 * level; i++)
		tdx_clflush_pfn(t->globals, pfn + i);
	ret = seamcall_ret(t->globals, TDH_MEM_PAGE_AUG, &args);
	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	return ret;
}

u64 tdh_mem_range_block(struct tdx_td *t, gpa_t gpa, int level,
			u64 *ext_err1, u64 *ext_err2)
{
	struct tdx_module_args args = {
		.rcx = gpa | level,
		.rdx = tdx_tdr_pa(t),
	};
	u64 ret = seamcall_ret(t->globals, TDH_MEM_RANGE_BLOCK, &args);

	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	return ret;
}

u64 tdh_mem_range_unblock(struct tdx_td *t, gpa_t gpa, int level,
			  u64 *ext_err1, u64 *ext_err2)
{
	struct tdx_module_args args = {
		.rcx = gpa | level,
		.rdx = tdx_tdr_pa(t),
	};
	u64 ret = seamcall_ret(t->globals, TDH_MEM_RANGE_UNBLOCK, &args);

	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	return ret;
}

u64 tdh_mng_key_config(struct tdx_td *t)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t) };

	return seamcall_noret(t->globals, TDH_MNG_KEY_CONFIG, &args);
}

u64 tdh_mng_create(struct tdx_td *t, u16 hkid)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t), .rdx = hkid };

	tdx_clflush_page(t->globals, t->tdr_page);
	return seamcall_noret(t->globals, TDH_MNG_CREATE, &args);
}

u64 tdh_vp_create(struct tdx_td *t, struct tdx_vp *p)
{
	struct tdx_module_args args = { .rcx = p->tdvpr_pa, .rdx = tdx_tdr_pa(t) };

	tdx_clflush_page(t->globals, p->tdvpr_page);
	return seamcall_noret(t->globals, TDH_VP_CREATE, &args);
}

u64 tdh_mng_rd(struct tdx_td *t, u64 field, u64 *data)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t), .rdx = field };
	u64 ret = seamcall_ret(t->globals, TDH_MNG_RD, &args);

	*data = args.r8;
	return ret;
}

u64 tdh_mr_extend(struct tdx_td *t, gpa_t gpa, u64 *ext_err1, u64 *ext_err2)
{
	struct tdx_module_args args = { .rcx = gpa, .rdx = tdx_tdr_pa(t) };
	u64 ret = seamcall_ret(t->globals, TDH_MR_EXTEND, &args);

	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	return ret;
}

u64 tdh_mr_finalize(struct tdx_td *t)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t) };

	return seamcall_noret(t->globals, TDH_MR_FINALIZE, &args);
}

u64 tdh_vp_flush(struct tdx_vp *p)
{
	struct tdx_module_args args = { .rcx = p->tdvpr_pa };

	return seamcall_noret(p->globals, TDH_VP_FLUSH, &args);
}

u64 tdh_mng_vpflushdone(struct tdx_td *t)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t) };

	return seamcall_noret(t->globals, TDH_MNG_VPFLUSHDONE, &args);
}

u64 tdh_mng_key_freeid(struct tdx_td *t)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t) };

	return seamcall_noret(t->globals, TDH_MNG_KEY_FREEID, &args);
}

u64 tdh_mng_init(struct tdx_td *t, hpa_t td_params, u64 *extended_err)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t), .rdx = td_params };
	u64 ret = seamcall_ret(t->globals, TDH_MNG_INIT, &args);

	*extended_err = args.rcx;
	return ret;
}

u64 tdh_vp_init(struct tdx_vp *p, u64 initial_rcx, u32 x2apicid)
{
	struct tdx_module_args args = {
		.rcx = p->tdvpr_pa,
		.rdx = initial_rcx,
		.r8 = x2apicid,
	};

	/* Version 1 is the one that takes the APIC id. */
	return seamcall_noret(p->globals, TDH_VP_INIT | 1ULL << 16, &args);
}

u64 tdh_vp_rd(struct tdx_vp *p, u64 field, u64 *data)
{
	struct tdx_module_args args = { .rcx = p->tdvpr_pa, .rdx = field };
	u64 ret = seamcall_ret(p->globals, TDH_VP_RD, &args);

	*data = args.r8;
	return ret;
}

u64 tdh_vp_wr(struct tdx_vp *p, u64 field, u64 data, u64 mask)
{
	struct tdx_module_args args = {
		.rcx = p->tdvpr_pa,
		.rdx = field,
		.r8 = data,
		.r9 = mask,
	};

	return seamcall_noret(p->globals, TDH_VP_WR, &args);
}

u64 tdh_phymem_page_reclaim(struct tdx_globals *globals, struct page *page,
			    u64 *tdx_pt, u64 *tdx_owner, u64 *tdx_size)
{
	struct tdx_module_args args = { .rcx = page_to_phys(page) };
	u64 ret = seamcall_ret(globals, TDH_PHYMEM_PAGE_RECLAIM, &args);

	*tdx_pt = args.rcx;
	*tdx_owner = args.rdx;
	*tdx_size = args.r8;
	return ret;
}

u64 tdh_mem_page_remove(struct tdx_td *t, gpa_t gpa, int level,
			u64 *ext_err1, u64 *ext_err2)
{
	struct tdx_module_args args = {
		.rcx = gpa | level,
		.rdx = tdx_tdr_pa(t),
	};
	u64 ret = seamcall_ret(t->globals, TDH_MEM_PAGE_REMOVE, &args);

	*ext_err1 = args.rcx;
	*ext_err2 = args.rdx;
	return ret;
}

u64 tdh_mem_track(struct tdx_td *t)
{
	struct tdx_module_args args = { .rcx = tdx_tdr_pa(t) };

	return seamcall_noret(t->globals, TDH_MEM_TRACK, &args);
}

u64 tdh_phymem_cache_wb(struct tdx_globals *globals, bool resume)
{
	struct tdx_module_args args = { .rcx = resume };

	return seamcall_noret(globals, TDH_PHYMEM_CACHE_WB, &args);
}

u64 tdh_phymem_page_wbinvd_tdr(struct tdx_td *t)
{
	/* A TD root is written under the module's own key. */
	struct tdx_module_args args = {
		.rcx = mk_keyed_paddr(t->globals->global_keyid, page_to_pfn(t->tdr_page)),
	};

	return seamcall_noret(t->globals, TDH_PHYMEM_PAGE_WBINVD, &args);
}

u64 tdh_phymem_page_wbinvd_hkid(struct tdx_globals *globals, u64 hkid, kvm_pfn_t pfn)
{
	struct tdx_module_args args = { .rcx = mk_keyed_paddr(hkid, pfn) };

	return seamcall_noret(globals, TDH_PHYMEM_PAGE_WBINVD, &args);
}

/* -- Pages that come back -- */

void tdx_quirk_reset_paddr(struct tdx_globals *globals, hpa_t base, u64 size)
{
	hpa_t hpa;

	/* Elsewhere the next owner's ordinary full-line stores are enough. */
	if (!globals->bug_tdx_pw_mce || defect_on(globals->env, DEFECT_SKIP_CLEAR))
		return;
	for (hpa = base; hpa < base + size; hpa += PAGE_SIZE)
		hw_movdir64b(globals->hw, hpa, KEYID_SHARED, TOKEN_ZERO);
}
