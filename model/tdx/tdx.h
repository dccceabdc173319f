/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The SEAMCALL seam: registers and physical addresses in, a 64-bit status out.
 * Injection and SEAMCALL tracing sit in seamcall() and nowhere else. The
 * module behind it sees no page, folio or struct kvm, and serves the modelled
 * kernel and the real kernel's objects alike.
 */
#ifndef SEPTUM_TDX_H
#define SEPTUM_TDX_H

#include "model/hw/hw.h"

struct tdx_module;

/*
 * Registers of a SEAMCALL or TDCALL except RAX, in the order of the kernel's
 * struct of the same name: the real kernel's objects pass theirs through.
 */
struct tdx_module_args {
	u64 rcx, rdx, r8, r9, r10, r11;
	u64 r12, r13, r14, r15, rbx, rdi, rsi;
};

enum tdx_module_version {
	TDX_MODULE_1_5,
	TDX_MODULE_1_5_NOINTR,	/* 1.5 whose DEMOTE is not interrupted */
	TDX_MODULE_2_0,
};

struct tdx_config {
	enum tdx_module_version version;
	bool dynamic_pamt;	/* 2.0 only */
	bool zero_step;		/* zero-step defence of VP.ENTER, on by default */
};

/* 1.5, static PAMT, zero-step defence on; what a NULL config means. */
extern const struct tdx_config tdx_config_default;

/* The module as loaded by the P-SEAMLDR: no SYS.INIT done yet. */
struct tdx_module *tdx_module_create(struct env *env, struct hw *hw,
				     const struct tdx_config *config);

/*
 * One SEAMCALL on logical processor @lp. @rax: leaf in 15:0, version in 23:16.
 * @regs is input and output; registers a leaf does not list as outputs keep
 * their values. VP.ENTER runs the guest (guest.h) before it returns.
 */
u64 seamcall(struct tdx_module *module, u32 lp, u64 rax,
	     struct tdx_module_args *regs);

/*
 * Some leaves read structures from host memory: TD_PARAMS (MNG.INIT, 1024 bytes)
 * and the TDMR_INFO array with its entries (SYS.CONFIG). Simulated frames have
 * no bytes, so whoever owns host memory registers how to read it: @fn copies
 * @size bytes at @hpa (shared, no KeyID bits) to @buf and returns true, or
 * returns false when nothing is there. Without @fn, or on false, the module
 * reads zeros and judges those.
 */
typedef bool tdx_phys_read_fn(void *ctx, hpa_t hpa, void *buf, u32 size);
void tdx_set_phys_read(struct tdx_module *module, tdx_phys_read_fn *fn, void *ctx);

/* -- Probes: what a test or invariant may look at. They change nothing. -- */

struct tdx_sept_view {
	u8 state;		/* row of sept_states.def */
	u8 level;		/* sept level where the walk ended */
	u64 raw;		/* the 64-bit entry */
	hpa_t hpa;		/* of a leaf's page or a table; 0 if none */
};

struct tdx_pamt_view {
	u8 type;		/* row of pamt_types.def */
	u8 level;
	hpa_t owner;		/* TDR */
	u64 bepoch;
};

struct tdx_td_view {
	u8 lifecycle, op_state;
	bool fatal;
	u16 hkid;
	u64 epoch;
	u32 child_count;
	u16 refcount[2];
	u32 vcpu_count, assoc_vcpu_count;
};

/* -ENOENT when @tdr is no TDR page; the walk goes down to @level at most. */
int tdx_probe_sept(struct tdx_module *module, hpa_t tdr, gpa_t gpa, u8 level,
		   struct tdx_sept_view *view);
int tdx_probe_pamt(struct tdx_module *module, hpa_t hpa, struct tdx_pamt_view *view);
/* The pages that hold the 4K PAMT entries of the 2M range around @hpa; false: none do. */
bool tdx_probe_pamt_pair(struct tdx_module *module, hpa_t hpa, hpa_t pair[2]);
int tdx_probe_td(struct tdx_module *module, hpa_t tdr, struct tdx_td_view *view);

/*
 * Every S-EPT leaf that still names a page, in all TDs: @fn is called with the
 * TD, the leaf's GPA, its page, sept level and state. Stops when @fn is nonzero.
 */
typedef int tdx_leaf_fn(void *ctx, hpa_t tdr, gpa_t gpa, hpa_t hpa, u8 level, u8 state);
int tdx_for_each_leaf(struct tdx_module *module, tdx_leaf_fn *fn, void *ctx);

/* Dynamic PAMT: every 2M range with a pair, and how many of its 4K pages are in use. */
typedef void tdx_pamt_pair_fn(void *ctx, hpa_t range, u32 in_use);
void tdx_for_each_pamt_pair(struct tdx_module *module, tdx_pamt_pair_fn *fn, void *ctx);

/* True when some S-EPT leaf of some TD names the 4K frame @hpa. O(1). */
bool tdx_frame_in_sept(struct tdx_module *module, hpa_t hpa);
/* No Secure EPT names the frame and its PAMT entry says nobody of the module's uses it. */
bool tdx_frame_idle(struct tdx_module *module, hpa_t hpa);
/* The first frame of [hpa, end) that is not, or @end. Quick where nobody ever was. */
hpa_t tdx_next_busy_frame(struct tdx_module *module, hpa_t hpa, hpa_t end);

/* PAMT against S-EPT against frames, epochs, child counts; check_fail() on any. */
void tdx_check(struct tdx_module *module);

#endif /* SEPTUM_TDX_H */
