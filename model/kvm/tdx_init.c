// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bringing the TDX module up, KeyIDs, and what the virt side does for pages
 * that come back (arch/x86/virt/vmx/tdx/tdx.c, Linux 7.3.4). The machine's RAM
 * is one region, so one TDMR covers it and its PAMT lies at the end of RAM.
 * Dynamic PAMT: after the series of that name, v6 of 25 May 2026; see tdx_pamt.c.
 * Left out: memory hotplug, runtime update and shutdown of the module.
 */
#include <string.h>

#include "model/kvm/tdx_virt.h"
#include "model/mm/mm.h"

/* Metadata fields of TDH.SYS.RD. */
#define MD_FEATURES0		0x0A00000300000008ULL
#define MD_MAX_TDMRS		0x9100000100000008ULL
#define MD_MAX_RESERVED		0x9100000100000009ULL
#define MD_PAMT_4K_ENTRY	0x9100000100000010ULL
#define MD_PAMT_2M_ENTRY	0x9100000100000011ULL
#define MD_PAMT_1G_ENTRY	0x9100000100000012ULL
#define MD_PAMT_PAGE_BITMAP_ENTRY_BITS	0x9100000100000013ULL
#define MD_TDCS_BASE_SIZE	0x9800000100000100ULL
#define MD_TDVPS_BASE_SIZE	0x9800000100000200ULL
#define MD_ATTRIBUTES_FIXED0	0x1900000300000000ULL
#define MD_ATTRIBUTES_FIXED1	0x1900000300000001ULL
#define MD_XFAM_FIXED0		0x1900000300000002ULL
#define MD_XFAM_FIXED1		0x1900000300000003ULL
#define MD_MAX_VCPUS_PER_TD	0x9900000100000008ULL

#define TDX_FEATURES0_NO_RBP_MOD	BIT_ULL(18)
/* SYS.CONFIG, beside the KeyID: 4K PAMT entries only where there is a pair. */
#define TDX_SYS_CONFIG_DYNAMIC_PAMT	BIT_ULL(16)
#define TDMR_ALIGNMENT			SZ_1G
/* Never TDX memory: firmware and real mode. mm_create() keeps it reserved. */
#define LOW_MEMORY			BIT_ULL(20)

/* -- SEAMCALLs of the init sequence, on a CPU of the caller's choice -- */

static u64 seamcall_on(struct tdx_globals *globals, int cpu, u64 fn,
		       struct tdx_module_args *args)
{
	globals->cache_state_incoherent |= BIT_ULL(cpu);
	return seamcall(globals->module, cpu, fn, args);
}

static int seamcall_prerr(struct tdx_globals *globals, int cpu, u64 fn,
			  struct tdx_module_args *args)
{
	u64 err = seamcall_on(globals, cpu, fn, args);

	if (!err)
		return 0;
	kmsg(globals->env, KMSG_ERR, __func__,
	     "virt/tdx: SEAMCALL (0x%016llx) failed: 0x%016llx",
	     (unsigned long long)fn, (unsigned long long)err);
	return -EIO;
}

static int read_sys_metadata_field(struct tdx_globals *globals, u64 field, u64 *data)
{
	struct tdx_module_args args = { .rdx = field };
	int ret = seamcall_prerr(globals, 0, TDH_SYS_RD, &args);

	*data = args.r8;
	return ret;
}

static int get_dynamic_pamt_info(struct tdx_globals *globals)
{
	u64 bits;
	int ret = read_sys_metadata_field(globals, MD_PAMT_PAGE_BITMAP_ENTRY_BITS, &bits);

	globals->sysinfo.pamt_page_bitmap_entry_bits = bits;
	return ret;
}

static int get_tdx_sys_info(struct tdx_globals *globals)
{
	struct tdx_sys_info *info = &globals->sysinfo;
	u64 value[13];
	static const u64 field[ARRAY_SIZE(value)] = {
		MD_FEATURES0, MD_MAX_TDMRS, MD_MAX_RESERVED, MD_PAMT_4K_ENTRY,
		MD_PAMT_2M_ENTRY, MD_PAMT_1G_ENTRY, MD_TDCS_BASE_SIZE, MD_TDVPS_BASE_SIZE,
		MD_ATTRIBUTES_FIXED0, MD_ATTRIBUTES_FIXED1, MD_XFAM_FIXED0, MD_XFAM_FIXED1,
		MD_MAX_VCPUS_PER_TD,
	};
	u32 i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(field); i++) {
		ret = read_sys_metadata_field(globals, field[i], &value[i]);
		if (ret)
			return ret;
	}
	*info = (struct tdx_sys_info){
		.features0 = value[0],
		.max_tdmrs = value[1], .max_reserved_per_tdmr = value[2],
		.pamt_entry_size = { value[3], value[4], value[5] },
		.tdcs_base_size = value[6], .tdvps_base_size = value[7],
		.attributes_fixed0 = value[8], .attributes_fixed1 = value[9],
		.xfam_fixed0 = value[10], .xfam_fixed1 = value[11],
		.max_vcpus_per_td = value[12],
	};
	return tdx_supports_dynamic_pamt(globals) ? get_dynamic_pamt_info(globals) : 0;
}

/* -- Memory the module reads -- */

static bool tdx_phys_read(void *ctx, hpa_t hpa, void *buf, u32 size)
{
	struct tdx_globals *globals = ctx;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(globals->phys_page); i++) {
		struct page *page = globals->phys_page[i];

		if (!page || hpa < page_to_phys(page) ||
		    hpa + size > page_to_phys(page) + PAGE_SIZE)
			continue;
		memcpy(buf, (const char *)globals->phys_bytes[i] + (hpa - page_to_phys(page)),
		       size);
		return true;
	}
	return false;
}

void tdx_phys_provide(struct tdx_globals *globals, int slot, struct page *page,
		      const void *bytes)
{
	globals->phys_page[slot] = page;
	globals->phys_bytes[slot] = bytes;
}

void tdx_phys_forget(struct tdx_globals *globals)
{
	memset(globals->phys_page, 0, sizeof(globals->phys_page));
	memset(globals->phys_bytes, 0, sizeof(globals->phys_bytes));
}

/* -- TDMR and PAMT -- */

static u64 tdmr_get_pamt_sz(const struct tdmr_info *tdmr, int shift, u16 entry_size)
{
	return ALIGN_UP((tdmr->size >> shift) * entry_size, PAGE_SIZE);
}

/* What 4K pages have for good: 16 bytes each, or a bit when pairs are added later. */
static u64 tdmr_get_pamt_4k_sz(const struct tdx_globals *globals, const struct tdmr_info *tdmr)
{
	u64 pages = tdmr->size >> PAGE_SHIFT;

	if (!tdx_supports_dynamic_pamt(globals))
		return tdmr_get_pamt_sz(tdmr, PAGE_SHIFT, globals->sysinfo.pamt_entry_size[0]);
	return ALIGN_UP(pages * globals->sysinfo.pamt_page_bitmap_entry_bits / 8, PAGE_SIZE);
}

/* One block for all three page sizes, taken from the end of RAM for good. */
static int tdmr_set_up_pamt(struct tdx_globals *globals, struct tdmr_info *tdmr, hpa_t ram_end)
{
	const u16 *entry_size = globals->sysinfo.pamt_entry_size;
	u64 size;

	tdmr->pamt_4k_size = tdmr_get_pamt_4k_sz(globals, tdmr);
	tdmr->pamt_2m_size = tdmr_get_pamt_sz(tdmr, 21, entry_size[1]);
	tdmr->pamt_1g_size = tdmr_get_pamt_sz(tdmr, 30, entry_size[2]);
	size = tdmr->pamt_4k_size + tdmr->pamt_2m_size + tdmr->pamt_1g_size;
	if (size + LOW_MEMORY > ram_end)
		return -ENOMEM;

	tdmr->pamt_4k_base = ram_end - size;
	tdmr->pamt_2m_base = tdmr->pamt_4k_base + tdmr->pamt_4k_size;
	tdmr->pamt_1g_base = tdmr->pamt_2m_base + tdmr->pamt_2m_size;
	mm_reserve(globals->mm, hpa_to_pfn(tdmr->pamt_4k_base), size >> PAGE_SHIFT);
	return 0;
}

static void tdmr_add_rsvd_area(struct tdmr_info *tdmr, int *nr, u64 offset, u64 size)
{
	tdmr->reserved_areas[*nr].offset = offset;
	tdmr->reserved_areas[*nr].size = size;
	(*nr)++;
}

static int construct_tdmrs(struct tdx_globals *globals)
{
	struct tdmr_info *tdmr = &globals->tdmr;
	hpa_t ram_end = pfn_to_hpa(globals->hw->frame_count);
	int nr = 0, ret;

	tdmr->base = 0;
	tdmr->size = ALIGN_UP(ram_end, TDMR_ALIGNMENT);
	ret = tdmr_set_up_pamt(globals, tdmr, ram_end);
	if (ret)
		return ret;
	/* Ascending: the hole below 1 MiB, then the PAMT and what is beyond RAM. */
	tdmr_add_rsvd_area(tdmr, &nr, 0, LOW_MEMORY);
	tdmr_add_rsvd_area(tdmr, &nr, tdmr->pamt_4k_base, tdmr->size - tdmr->pamt_4k_base);
	return 0;
}

/* A list of addresses of TDMR_INFO: both are pages only while the call runs. */
static int config_tdx_module(struct tdx_globals *globals)
{
	u64 list[PAGE_SIZE / sizeof(u64)] = { 0 };
	u8 info[PAGE_SIZE] = { 0 };
	struct page *list_page = alloc_page_for(globals->env, GFP_KERNEL, "tdmr list");
	struct page *info_page = alloc_page_for(globals->env, GFP_KERNEL, "tdmr info");
	struct tdx_module_args args = { .rdx = 1, .r8 = globals->global_keyid };
	int ret = -ENOMEM;

	if (tdx_supports_dynamic_pamt(globals))
		args.r8 |= TDX_SYS_CONFIG_DYNAMIC_PAMT;
	if (list_page && info_page) {
		list[0] = page_to_phys(info_page);
		memcpy(info, &globals->tdmr, sizeof(globals->tdmr));
		tdx_phys_provide(globals, 0, list_page, list);
		tdx_phys_provide(globals, 1, info_page, info);
		args.rcx = page_to_phys(list_page);
		ret = seamcall_prerr(globals, 0, TDH_SYS_CONFIG, &args);
		tdx_phys_forget(globals);
	}
	if (list_page)
		__free_page(list_page);
	if (info_page)
		__free_page(info_page);
	return ret;
}

/* -- The sequence -- */

int tdx_package_cpu(const struct tdx_globals *globals, u32 package)
{
	const struct hw *hw = globals->hw;
	u32 cpu;

	for (cpu = 0; cpu < hw->cpu_count; cpu++) {
		if (hw->cpu[cpu].package == package && hw->cpu[cpu].online)
			return cpu;
	}
	return -1;
}

static int config_global_keyid(struct tdx_globals *globals)
{
	struct hw *hw = globals->hw;
	u32 package;
	int ret;

	/* No dirty line of another key may hang over the PAMT. */
	for (package = 0; package < hw->package_count; package++)
		hw_wbinvd(hw, package);
	for (package = 0; package < hw->package_count; package++) {
		struct tdx_module_args args = { 0 };

		ret = seamcall_prerr(globals, tdx_package_cpu(globals, package),
				     TDH_SYS_KEY_CONFIG, &args);
		if (ret)
			return ret;
	}
	return 0;
}

static int init_tdmr(struct tdx_globals *globals, const struct tdmr_info *tdmr)
{
	u64 next = tdmr->base;
	int ret;

	do {
		struct tdx_module_args args = { .rcx = tdmr->base };

		ret = seamcall_prerr(globals, 0, TDH_SYS_TDMR_INIT, &args);
		if (ret)
			return ret;
		/* How far it got; nothing is left to do beyond the end. */
		next = args.rdx;
	} while (next < tdmr->base + tdmr->size);
	return 0;
}

/* After SYS.CONFIG the module owned the PAMT; before it nothing has happened. */
static void reset_pamt(struct tdx_globals *globals)
{
	const struct tdmr_info *tdmr = &globals->tdmr;
	u32 package;

	for (package = 0; package < globals->hw->package_count; package++)
		hw_wbinvd(globals->hw, package);
	tdx_quirk_reset_paddr(globals, tdmr->pamt_4k_base,
			      tdmr->pamt_4k_size + tdmr->pamt_2m_size + tdmr->pamt_1g_size);
}

static int init_tdx_module(struct tdx_globals *globals)
{
	int ret = get_tdx_sys_info(globals);

	if (ret)
		return ret;
	if (!(globals->sysinfo.features0 & TDX_FEATURES0_NO_RBP_MOD))
		return -EINVAL;
	ret = construct_tdmrs(globals);
	if (!ret)
		ret = init_pamt_metadata(globals);
	if (ret)
		return ret;
	ret = config_tdx_module(globals);
	if (ret)
		return ret;
	ret = config_global_keyid(globals);
	if (!ret)
		ret = init_tdmr(globals, &globals->tdmr);
	if (ret)
		reset_pamt(globals);
	return ret;
}

/* Once for the module, then once for each logical processor; at boot all are online. */
static int tdx_cpu_enable_all(struct tdx_globals *globals)
{
	struct tdx_module_args args = { 0 };
	u32 cpu;
	int ret;

	ret = seamcall_prerr(globals, 0, TDH_SYS_INIT, &args);
	for (cpu = 0; !ret && cpu < globals->hw->cpu_count; cpu++) {
		memset(&args, 0, sizeof(args));
		ret = seamcall_prerr(globals, cpu, TDH_SYS_LP_INIT, &args);
	}
	return ret;
}

/* KeyIDs as the firmware split them; the first private one is the module's own. */
static int record_keyid_partitioning(struct tdx_globals *globals)
{
	struct hw *hw = globals->hw;
	u32 nr = hw->keyid_count - hw->keyid_private_first;

	if (hw->keyid_count <= hw->keyid_private_first || nr < 2)
		return -ENODEV;
	globals->global_keyid = hw->keyid_private_first;
	globals->guest_keyid_start = hw->keyid_private_first + 1;
	globals->nr_guest_keyids = nr - 1 < TDX_HKID_MAX ? nr - 1 : TDX_HKID_MAX;
	return 0;
}

struct tdx_globals *tdx_enable(struct env *env, struct hw *hw, struct mm *mm,
			       struct tdx_module *module, struct lock *cpu_hotplug_lock,
			       int *error)
{
	struct tdx_globals *globals = arena_alloc(env->arena, sizeof(*globals));
	u32 cpu;

	globals->env = env;
	globals->hw = hw;
	globals->mm = mm;
	globals->module = module;
	globals->cpu_hotplug_lock = cpu_hotplug_lock;
	globals->bug_tdx_pw_mce = hw->partial_write_erratum;
	lock_init(&globals->tdx_lock, LOCK_TDX, 0);
	for (cpu = 0; cpu < HW_CPU_MAX; cpu++)
		INIT_LIST_HEAD(&globals->associated_tdvcpus[cpu]);
	tdx_set_phys_read(module, tdx_phys_read, globals);

	*error = record_keyid_partitioning(globals);
	if (!*error)
		*error = tdx_cpu_enable_all(globals);
	if (!*error)
		*error = init_tdx_module(globals);
	globals->initialized = !*error;
	return globals;
}

const struct tdx_sys_info *tdx_get_sysinfo(struct tdx_globals *globals)
{
	return globals->initialized ? &globals->sysinfo : NULL;
}

/* -- KeyIDs -- */

int tdx_guest_keyid_alloc(struct tdx_globals *globals)
{
	u32 i;

	for (i = 0; i < globals->nr_guest_keyids; i++) {
		if (globals->guest_keyids & BIT_ULL(i))
			continue;
		globals->guest_keyids |= BIT_ULL(i);
		return globals->guest_keyid_start + i;
	}
	return -ENOSPC;
}

void tdx_guest_keyid_free(struct tdx_globals *globals, int keyid)
{
	globals->guest_keyids &= ~BIT_ULL(keyid - globals->guest_keyid_start);
}

u32 tdx_get_nr_guest_keyids(struct tdx_globals *globals)
{
	return globals->nr_guest_keyids;
}

int tdx_offline_cpu(struct tdx_globals *globals, int cpu)
{
	struct hw *hw = globals->hw;
	bool last = true;
	u32 i;

	for (i = 0; i < hw->cpu_count; i++) {
		if ((int)i != cpu && hw->cpu[i].online &&
		    hw->cpu[i].package == hw->cpu[cpu].package)
			last = false;
	}
	/* A KeyID can only be freed by a CPU of each package. */
	if (globals->guest_keyids && last) {
		kmsg(globals->env, KMSG_WARNING, __func__,
		     "virt/tdx: CPU %d is the last one online in its package while TDX private KeyIDs are in use",
		     cpu);
		return -EBUSY;
	}
	if (globals->cache_state_incoherent & BIT_ULL(cpu)) {
		hw_wbinvd(hw, hw->cpu[cpu].package);
		globals->cache_state_incoherent &= ~BIT_ULL(cpu);
	}
	return 0;
}
