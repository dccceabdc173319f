/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Inside of the TDX module: its objects. What leaves do with them: leaf.h.
 */
#ifndef SEPTUM_TDX_MODULE_H
#define SEPTUM_TDX_MODULE_H

#include <errno.h>

#include "model/tdx/guest.h"
#include "model/tdx/lock.h"
#include "model/tdx/tables.h"
#include "model/tdx/tdx.h"

#define TDX_TDMR_MAX		64
#define TDX_RESERVED_MAX	16	/* per TDMR */
#define TDX_CMR_MAX		32
#define TDX_TDCX_MIN		6
#define TDX_TDCX_MAX		9
#define TDX_TDVPS_PAGES		6	/* TDVPR included, without nested VMs */
#define TDX_TDVPS_PAGES_MAX	15
#define TDX_MAX_VCPUS		576
#define TDX_PAMT_ENTRY_SIZE	16
#define TDX_PARAMS_SIZE		1024
#define TDX_NULL_PA		(~0ULL)

#define SEPT_ENTRIES		512
#define SEPT_LEVEL_MAX		4	/* root of a 5-level tree */
#define sept_level_shift(level)	(PAGE_SHIFT + 9 * (level))
#define sept_level_size(level)	(1ULL << sept_level_shift(level))
#define sept_level_pages(level)	(1ULL << (9 * (level)))

struct sept_table;
struct vcpu;
struct td;

/* -- PAMT -- */

enum pamt_flags {
	PAMT_INITIALIZED	= 1 << 0,	/* 1G: SYS.TDMR.INIT did this block */
	PAMT_IS_PAMT_PAGE	= 1 << 1,	/* 4K: bit of the dynamic PAMT's bitmap */
};

struct pamt_entry {
	u16 lock;
	u8 type;		/* enum pamt_type */
	u8 flags;
	u16 children;		/* 2M: 4K entries not NDA; 1G: 2M entries not NDA */
	u16 reserved;		/* 2M: of these, reserved or PAMT pages */
	u32 sept_leaves;	/* S-EPT leaves of this size that name the page */
	hpa_t owner;		/* TDR; stale when NDA */
	u64 bepoch;
	union {
		struct td *td;		/* PT_TDR */
		struct vcpu *vcpu;	/* PT_TDVPR */
		struct sept_table *table;	/* PT_EPT while the tree is readable */
		hpa_t *pair;		/* PT_PAMT: the two pages */
	};
};

/* The entries that describe one 4K address. */
struct pamt_block {
	struct pamt_entry *level[3];	/* [0] 4K, [1] 2M, [2] 1G */
};

struct pamt_cache {
	u64 key;		/* pfn >> SPARSE_LEAF_SHIFT, plus one */
	struct pamt_entry *leaf;	/* of the first of the 4K entries */
	struct pamt_entry *two_m, *one_g;
};

#define PAMT_CACHE_SIZE	64

/* -- TD -- */

struct td {
	hpa_t tdr;
	u16 hkid;
	u8 lifecycle;		/* enum td_lifecycle */
	bool fatal;
	u8 op_state;		/* enum td_op_state */
	u8 root_level;		/* sept level of the root: 3 or 4 */
	bool gpaw;		/* shared bit is 51, else 47 */
	u8 tdcx_count;
	u64 key_packages;	/* packages MNG.KEY.CONFIG has done */
	u64 child_count;	/* 4K units */
	u16 op_state_lock;	/* host priority */
	u16 tree_lock;		/* plain */
	u16 epoch_lock;		/* plain */
	u16 refcount[2];
	u64 epoch;
	u32 vcpu_count, assoc_count;

	struct sept_table *root;
	/* The last table each level's walk ended in; emptied when a table goes or hides. */
	struct {
		u64 key;	/* gpa >> shift of what the table spans */
		struct sept_table *table;
	} walked[2];

	u64 attributes, xfam, config_flags, eptp_controls;
	u16 max_vcpus, tsc_frequency;
	u64 td_ctls, notify_enables, hp_lock_timeout;	/* timeout in microseconds */
	u64 tsc_offset, tsc_multiplier;
	u64 mrtd;		/* stands for the measurement */
	struct pamt_entry *pamt;
	struct td *next;	/* module->tds */
	u64 child_sum;		/* tdx_check() adds up here */
	u32 assoc_sum, inside_sum[2];
};

#define TD_ATTRIBUTES_DEBUG		BIT_ULL(0)
#define TD_ATTRIBUTES_SEPT_VE_DISABLE	BIT_ULL(28)
#define TD_CONFIG_GPAW			BIT_ULL(0)
#define TD_CONFIG_FLEXIBLE_PENDING_VE	BIT_ULL(1)
#define TD_CONFIG_NO_RBP_MOD		BIT_ULL(2)
#define TD_CONFIG_PAGE_RELEASE		BIT_ULL(6)
#define TD_CTLS_PENDING_VE_DISABLE	BIT_ULL(0)
#define TD_NOTIFY_ZERO_STEP		BIT_ULL(0)

/* -- vCPU -- */

#define STEPPING_EPF_THRESHOLD	6
#define STEPPING_GPA_MAX	32

struct vcpu_ve_info {
	bool valid;
	u32 exit_reason;
	u64 exit_qualification, gla, gpa, inst;
};

enum last_td_exit { LAST_EXIT_ASYNC_FAULT, LAST_EXIT_ASYNC_TRAP, LAST_EXIT_TDVMCALL };

struct vcpu {
	hpa_t tdvpr;
	struct td *td;
	u8 state;		/* enum vcpu_state */
	u8 tdcx_count;		/* TDVPR not included */
	u8 last_exit;		/* enum last_td_exit */
	bool launched;		/* has an epoch since the last association */
	int lp;			/* associated logical processor, -1 none */
	u64 epoch;
	u32 index, x2apic_id;
	struct guest_op *op;

	/* Zero-step defence */
	u64 rip, rip_at_entry;	/* counts instructions the guest finished */
	u8 epf_count, epf_gpa_count;
	bool last_exit_was_private_epf;
	gpa_t epf_gpa[STEPPING_GPA_MAX];

	struct vcpu_ve_info ve;
	u64 hp_wait;		/* microseconds of losing to host priority so far */
	u64 vmcall_mask;		/* registers the last TDVMCALL passed */
	struct guest_op *vmcall_op;	/* which waits for the answer */
	struct vcpu_field *fields;	/* written by VP.WR */
	struct vcpu *next;	/* module->vcpus */
};

/* A TDVPS field the host wrote: only such need to be remembered. */
struct vcpu_field {
	u64 id, value;
	struct vcpu_field *next;
};

/* -- Secure EPT -- */

struct sept_table {
	u64 entry[SEPT_ENTRIES];
	struct td *td;
	hpa_t hpa;
	gpa_t gpa;		/* first the table spans */
	u8 level;		/* sept level of its entries */
	u16 used;		/* entries not FREE */
};

#define SEPT_RWX		0x7ULL
#define SEPT_MT_WB		(6ULL << 3)
#define SEPT_IPAT		BIT_ULL(6)
#define SEPT_PS			BIT_ULL(7)
#define SEPT_D			BIT_ULL(9)
#define SEPT_TDEX		BIT_ULL(53)
#define SEPT_TDBW		BIT_ULL(54)
#define SEPT_TDB		BIT_ULL(55)
#define SEPT_TDP		BIT_ULL(56)
#define SEPT_SVE		BIT_ULL(63)
#define SEPT_HPA_MASK		GENMASK_ULL(HW_PHYS_BITS - 1, PAGE_SHIFT)
#define SEPT_KEYID_SHIFT	HW_PHYS_BITS
#define SEPT_KEYID_MASK		GENMASK_ULL(51, HW_PHYS_BITS)
#define SEPT_STATE_MASK		(SEPT_D | SEPT_TDEX | SEPT_TDBW | SEPT_TDB | SEPT_TDP | \
				 SEPT_IPAT | SEPT_PS)
#define SEPT_ENTRY_FREE		(SEPT_SVE | SEPT_TDEX | SEPT_TDBW | SEPT_TDB)
#define SEPT_STATE_BAD		0xff	/* sept_state() of an image no state has */

/* -- Module -- */

enum sys_state { SYS_INIT_PENDING, SYS_INIT_DONE, SYS_CONFIG_DONE, SYS_READY, SYS_SHUT_DOWN };

struct tdmr {
	hpa_t base;
	u64 size;
	u64 initialized;	/* bytes SYS.TDMR.INIT has done */
	u16 lock;
	u16 reserved_count;
	struct {
		u64 offset, size;
	} reserved[TDX_RESERVED_MAX];
};

struct kot_entry {
	u8 state;		/* enum hkid_state */
	u32 wb_packages;	/* packages that still have to write back */
};

struct package {
	bool key_configured;
	u16 wb_lock;
	u64 wb_pending;		/* HKIDs an interrupted CACHE.WB was started for */
};

struct tdx_module {
	struct env *env;
	struct hw *hw;
	struct tdx_config config;
	u8 sys_state;		/* enum sys_state */
	u16 sys_lock, kot_lock;
	u16 global_hkid;
	bool dynamic_pamt;	/* SYS.CONFIG asked for it */
	u32 pamt_stop[3];	/* by level: types at which a PAMT walk ends */
	u64 lp_initialized;	/* bit a CPU */
	u32 tdmr_count;
	struct tdmr *tdmr;
	struct kot_entry *kot;	/* hw->keyid_count of them */
	struct package *package;

	struct sparse pamt_4k, pamt_2m, pamt_1g;
	struct pamt_cache pamt_cache[PAMT_CACHE_SIZE];

	struct pool td_pool, vcpu_pool, table_pool, field_pool, pair_pool;
	struct td *tds;
	struct vcpu *vcpus;
	u64 uuid;		/* stands for random numbers drawn */
	const struct vcpu **last_vcpu;	/* by CPU: who ran there last */

	tdx_phys_read_fn *phys_read;
	void *phys_read_ctx;
	tdx_shared_walk_fn *shared_walk;
	void *shared_walk_ctx;
};

/* Where a walk ended. */
struct sept_pos {
	struct sept_table *table;
	u64 *entry;
	u64 value;		/* what was read, without the lock bit */
	u32 index;
	u8 level;
	u8 state;		/* enum sept_state of ->value */
};

#endif /* SEPTUM_TDX_MODULE_H */
