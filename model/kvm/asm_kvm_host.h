/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The x86 half of KVM's structures (arch/x86/include/asm/kvm_host.h, 7.3.4):
 * struct kvm_arch, kvm_vcpu_arch, the MMU roots of a vCPU, page-table caches,
 * and the table of vendor operations. Included by kvm_host.h only.
 */
#ifndef SEPTUM_ASM_KVM_HOST_H
#define SEPTUM_ASM_KVM_HOST_H

#include "model/kvm/kvm_uapi.h"
#include "sim/base/list.h"
#include "model/kvm/mmu_types.h"
#include "sim/base/env.h"
#include "sim/base/pool.h"

struct kvm;
struct kvm_vcpu;
struct kvm_gfn_range;
struct kvm_mmu_page;
struct page;
struct kvm_globals;

#define INVALID_GPA		(~0ULL)
/* Bits 0 to 11 are quirks of 7.3.4; two of them matter here. */
#define KVM_X86_VALID_QUIRKS	GENMASK_ULL(11, 0)
#define KVM_X86_QUIRK_SLOT_ZAP_ALL	(1ULL << 7)
#define KVM_X86_QUIRK_IGNORE_GUEST_PAT	(1ULL << 9)

enum tdx_vcpu_mp_state { KVM_MP_STATE_RUNNABLE, KVM_MP_STATE_UNINITIALIZED, KVM_MP_STATE_HALTED };

/* Registers that are read from the guest's state only when somebody asks. */
enum kvm_reg { VCPU_REGS_RIP };

/* A VMM of a TD sets four; the kernel has room for KVM_MAX_CPUID_ENTRIES. */
#define KVM_CPUID_ROOM		8

struct kvm_vcpu_arch {
	struct kvm_vcpu_arch_mmu mmu;
	int (*complete_userspace_io)(struct kvm_vcpu *);
	u8 guest_maxphyaddr;	/* guest CPUID 0x80000008 EAX[23:16]: 48 or 52 */
	u8 mp_state;		/* KVM_MP_STATE_* */
	s8 last_vmentry_cpu;	/* -1: it has not run yet */
	bool guest_state_protected;
	bool guest_apic_protected;	/* TD: its APIC's state is the module's */
	bool halt_polls;	/* the last sleep was short: look once before the next */
	bool sleep_signal;	/* in this KVM_RUN: what ended the vCPU's sleep */
	bool ept_violation;	/* ordinary VMs: why the guest came out, */
	bool ept_misconfig;	/* if so, by an entry that is one of MMIO */
	u8 pio_count;		/* accesses to a port that userspace is at */
	u32 cpuid_nent;
	struct kvm_cpuid_entry2 cpuid_entries[KVM_CPUID_ROOM];
};

struct kvm_arch {
	u32 vm_type;		/* KVM_X86_*_VM */
	bool has_private_mem;
	bool has_protected_state;
	bool has_protected_eoi;
	bool has_protected_pmu;
	bool pre_fault_allowed;	/* TD: from FINALIZE_VM on */
	u8 mmu_valid_gen;	/* 0 or 1: direct roots of the other one are obsolete */
	gfn_t gfn_direct_bits;	/* the shared bit as a gfn, 0 when there is none */
	u64 disabled_quirks;
	u32 noncoherent_dma_count;	/* devices whose DMA bypasses caches */
	u64 hypercall_exit_enabled;	/* BIT(KVM_HC_*) */
	u32 default_tsc_khz;
	struct kvm_arch_mmu mmu;
	/* The last removal from the S-EPT that failed: only reports read it. */
	u8 failed_step;		/* enum hold_step + 1, 0 none */
	gfn_t failed_gfn;
	u64 failed_err;
};

enum exit_fastpath_completion {
	EXIT_FASTPATH_NONE,
	EXIT_FASTPATH_REENTER_GUEST,
	EXIT_FASTPATH_EXIT_HANDLED,
	EXIT_FASTPATH_EXIT_USERSPACE,
};

/*
 * Vendor operations. One constant table, vt_x86_ops (vt.c): each entry tests
 * arch.vm_type and goes to tdx_*() or to the ordinary VMX behaviour.
 */
struct kvm_x86_ops {
	const char *name;
	u32 vm_size, vcpu_size;	/* bytes: the larger of the VMX and TDX structs */

	void (*disable_virtualization_cpu)(struct kvm_globals *, int cpu);
	int (*vm_init)(struct kvm *);
	void (*vm_pre_destroy)(struct kvm *);
	void (*vm_destroy)(struct kvm *);

	int (*vcpu_precreate)(struct kvm *);
	int (*vcpu_create)(struct kvm_vcpu *);
	void (*vcpu_free)(struct kvm_vcpu *);
	void (*vcpu_load)(struct kvm_vcpu *, int cpu);
	void (*vcpu_put)(struct kvm_vcpu *);
	bool (*vcpu_needs_initialization)(struct kvm_vcpu *);
	enum exit_fastpath_completion (*vcpu_run)(struct kvm_vcpu *, u64 run_flags);
	int (*handle_exit)(struct kvm_vcpu *, enum exit_fastpath_completion fastpath);

	bool (*interrupt_allowed)(struct kvm_vcpu *);
	bool (*protected_apic_has_interrupt)(struct kvm_vcpu *);
	void (*cache_reg)(struct kvm_vcpu *, enum kvm_reg reg);

	void (*flush_tlb_all)(struct kvm_vcpu *);
	void (*flush_tlb_current)(struct kvm_vcpu *);
	void (*load_mmu_pgd)(struct kvm_vcpu *, hpa_t root_hpa, int root_level);

	/* @cmd is userspace's struct, copied in and (where the kernel does) out. */
	int (*mem_enc_ioctl)(struct kvm *, struct kvm_tdx_cmd *argp);
	/* KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM: a series, not 7.3.4. */
	int (*vm_move_enc_context_from)(struct kvm *, u32 source_fd);
	int (*vcpu_mem_enc_ioctl)(struct kvm_vcpu *, struct kvm_tdx_cmd *argp);
	int (*vcpu_mem_enc_unlocked_ioctl)(struct kvm_vcpu *, struct kvm_tdx_cmd *argp);

	int (*set_external_spte)(struct kvm *, gfn_t gfn, u64 old_spte,
				 u64 new_spte, enum pg_level level);
	/* Split leaves over @start or @end; 0, -ENOMEM, -EIO. No MMU lock held. */
	int (*split_borders)(struct kvm *, gfn_t start, gfn_t end);
	/* A leaf that stays in the mirror; 0, -EIO with nothing done. mmu_lock write. */
	int (*block_external_spte)(struct kvm *, gfn_t gfn, enum pg_level level);
	int (*unblock_external_spte)(struct kvm *, gfn_t gfn, enum pg_level level);
	/* No TLB has a translation of before; 0, -EIO. mmu_lock write. */
	int (*track_external)(struct kvm *);
	void (*free_external_spt)(struct kvm *, struct kvm_mmu_page *sp);
	/* Before mmu_lock, what @min_nr_spts new S-EPT pages and a guest page need besides. */
	int (*topup_external_cache)(struct kvm *, struct kvm_vcpu *vcpu, u32 min_nr_spts);
	/* Highest level, 0 = no limit. */
	int (*gmem_max_mapping_level)(struct kvm *, kvm_pfn_t pfn, bool is_private);
};

extern const struct kvm_x86_ops vt_x86_ops;
#define kvm_x86_call(fn)	(vt_x86_ops.fn)

#endif /* SEPTUM_ASM_KVM_HOST_H */
