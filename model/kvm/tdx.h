/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * KVM for TDs (Linux 7.3.4: arch/x86/kvm/vmx/tdx.[ch], tdx_arch.h, x86_ops.h).
 *
 *   tdx.c         set-up, the VM's locks and commands
 *   tdx_vm.c      KVM_TDX_INIT_VM: creation of a TD
 *   tdx_reclaim.c its end: HKID release, reclaim of its pages
 *   tdx_move.c    a TD goes to another VM
 *   tdx_mem.c     initial memory, FINALIZE
 *   tdx_vcpu.c    vCPUs: creation, association with a CPU, TD entry
 *   tdx_irq.c     whether an interrupt waits for a guest
 *   tdx_exit.c    TD exits: EPT violations, TDVMCALLs, MapGPA
 *   tdx_sept.c    the S-EPT operations behind the TDP MMU
 *   tdx_sept_huge.c  its huge leaves: when, and splitting them
 */
#ifndef SEPTUM_KVM_TDX_H
#define SEPTUM_KVM_TDX_H

#include "model/kvm/kvm_host.h"
#include "model/kvm/tdx_virt.h"

enum kvm_tdx_state {
	TD_STATE_UNINITIALIZED,
	TD_STATE_INITIALIZED,
	TD_STATE_RUNNABLE,
};

enum vcpu_tdx_state {
	VCPU_TD_STATE_UNINITIALIZED,
	VCPU_TD_STATE_INITIALIZED,
};

struct kvm_tdx {
	struct kvm kvm;			/* first */
	struct tdx_globals *globals;
	bool misc_cg;			/* a unit of MISC_CG_RES_TDX is charged */
	int hkid;			/* > 0 assigned, 0 never, -1 released */
	enum kvm_tdx_state state;
	u64 attributes, xfam;
	u64 tsc_offset, tsc_multiplier;
	struct tdx_td td;
	struct page *page_add_src;	/* slots_lock; only inside the populate callback */
	bool move_in_progress;		/* from or to another VM: tdx_move.c */
	bool wait_for_sept_zap;		/* mmu_lock(write): TD entry is held off */
	/* Dynamic PAMT, splits outside a vCPU: a mutex, so that it can be refilled inside. */
	struct lock pamt_cache_lock;
	struct tdx_pamt_cache pamt_cache;
};

struct vcpu_tdx {
	struct kvm_vcpu vcpu;		/* first */
	u64 ext_exit_qualification;
	gpa_t exit_gpa;
	u64 exit_qualification;
	u64 exit_intr_info;
	u32 exit_reason;		/* VMX exit reason after tdx_to_vmx_exit_reason() */
	struct tdx_module_args vp_enter_args;
	struct tdx_vp vp;
	struct list_head cpu_list;	/* in tdx_globals.associated_tdvcpus[] */
	u64 vp_enter_ret;
	enum vcpu_tdx_state state;
	bool guest_state_loaded;
	struct tdx_pamt_cache pamt_cache;	/* dynamic PAMT: for the faults of this vCPU */
	bool pi_on;			/* the posted-interrupt descriptor says one waits */
	gpa_t map_gpa_next, map_gpa_end;
};

static inline bool is_td(const struct kvm *vm)
{
	return vm->arch.vm_type == KVM_X86_TDX_VM;
}

static inline bool is_td_vcpu(const struct kvm_vcpu *v)
{
	return is_td(v->kvm);
}

static inline struct kvm_tdx *to_kvm_tdx(struct kvm *vm)
{
	return container_of(vm, struct kvm_tdx, kvm);
}

static inline struct vcpu_tdx *to_tdx(struct kvm_vcpu *v)
{
	return container_of(v, struct vcpu_tdx, vcpu);
}

static inline bool is_hkid_assigned(const struct kvm_tdx *kvm_tdx)
{
	return kvm_tdx->hkid > 0;
}

/* -- VMX exit reasons as TD exits report them -- */

#define EXIT_REASON_EXTERNAL_INTERRUPT	1
#define EXIT_REASON_TRIPLE_FAULT	2
#define EXIT_REASON_OTHER_SMI		6
#define EXIT_REASON_CPUID		10
#define EXIT_REASON_HLT			12
#define EXIT_REASON_VMCALL		18
#define EXIT_REASON_IO_INSTRUCTION	30
#define EXIT_REASON_MSR_READ		31
#define EXIT_REASON_MSR_WRITE		32
#define EXIT_REASON_EPT_VIOLATION	48
#define EXIT_REASON_EPT_MISCONFIG	49
#define EXIT_REASON_TDCALL		77
#define EXIT_REASON_UNDEFINED		0xdeadu
#define VMX_EXIT_REASONS_FAILED_VMENTRY	0x80000000u

#define EPT_VIOLATION_ACC_READ		BIT_ULL(0)
#define EPT_VIOLATION_ACC_WRITE		BIT_ULL(1)
#define EPT_VIOLATION_ACC_INSTR		BIT_ULL(2)
#define EPT_VIOLATION_PROT_MASK		GENMASK_ULL(5, 3)
#define EPT_VIOLATION_GVA_IS_VALID	BIT_ULL(7)
#define EPT_VIOLATION_GVA_TRANSLATED	BIT_ULL(8)

#define TDX_EXT_EXIT_QUAL_TYPE_MASK	GENMASK_ULL(3, 0)
#define TDX_EXT_EXIT_QUAL_TYPE_ACCEPT	1
/* Type ACCEPT: the level asked for, 0 is 4K. */
#define TDX_EXT_EXIT_QUAL_ACCEPT_LEVEL(q) ((q) >> 32 & 7)
#define TDX_EXT_EXIT_QUAL_TYPE_PENDING_EPT_VIOLATION 6

/* -- What userspace may ask for in KVM_TDX_INIT_VM -- */

#define TDX_TD_ATTR_SEPT_VE_DISABLE	BIT_ULL(28)
#define TDX_SUPPORTED_TD_ATTRS		TDX_TD_ATTR_SEPT_VE_DISABLE
/* x87, SSE, AVX and what else a plain host enables; all a TD may ask for here. */
#define TDX_SUPPORTED_XFAM		0x000602e7ULL

/* -- Operations of vt_x86_ops (vt.c) -- */

bool tdx_hardware_setup(struct tdx_globals *globals);
int tdx_vm_init(struct kvm *vm);
void tdx_mmu_release_hkid(struct kvm *vm);		/* vm_pre_destroy */
void tdx_vm_destroy(struct kvm *vm);
/* Series beyond 7.3.4: -EBADF, -EINVAL, -EBUSY, -EIO (the source is dead now). */
int tdx_vm_move_enc_context_from(struct kvm *to, u32 source_fd);
int tdx_vm_ioctl(struct kvm *vm, struct kvm_tdx_cmd *argp);

int tdx_vcpu_create(struct kvm_vcpu *v);
void tdx_vcpu_free(struct kvm_vcpu *v);
void tdx_vcpu_load(struct kvm_vcpu *v, int cpu);
void tdx_vcpu_put(struct kvm_vcpu *v);
bool tdx_vcpu_needs_initialization(struct kvm_vcpu *v);
enum exit_fastpath_completion tdx_vcpu_run(struct kvm_vcpu *v, u64 run_flags);
int tdx_handle_exit(struct kvm_vcpu *v, enum exit_fastpath_completion fastpath);
void tdx_deliver_interrupt(struct kvm_vcpu *v);
bool tdx_interrupt_allowed(struct kvm_vcpu *v);
bool tdx_protected_apic_has_interrupt(struct kvm_vcpu *v);
int tdx_vcpu_ioctl(struct kvm_vcpu *v, struct kvm_tdx_cmd *argp);
int tdx_vcpu_unlocked_ioctl(struct kvm_vcpu *v, struct kvm_tdx_cmd *argp);

void tdx_flush_tlb_current(struct kvm_vcpu *v);
void tdx_flush_tlb_all(struct kvm_vcpu *v);
void tdx_load_mmu_pgd(struct kvm_vcpu *v, hpa_t root_hpa, int pgd_level);
int tdx_gmem_max_mapping_level(struct kvm *vm, kvm_pfn_t pfn, bool is_private);

/* 0, -EBUSY (nothing changed), -EIO (the VM is bugged). mmu_lock held. */
int tdx_sept_set_private_spte(struct kvm *vm, gfn_t gfn, u64 old_spte,
			      u64 new_spte, enum pg_level level);
/* Split what lies over @start or @end. May sleep; 0, -ENOMEM, -EIO. */
int tdx_split_borders(struct kvm *vm, gfn_t start, gfn_t end);
/* Leaves that stay in the mirror: 0, or -EIO with nothing done. mmu_lock write. */
int tdx_sept_block_private_spte(struct kvm *vm, gfn_t gfn, enum pg_level level);
int tdx_sept_unblock_private_spte(struct kvm *vm, gfn_t gfn, enum pg_level level);
/* TRACK and a kick; 0, -EIO. mmu_lock write. */
int tdx_sept_track(struct kvm *vm);
void tdx_sept_free_private_spt(struct kvm *vm, struct kvm_mmu_page *sp);

/*
 * Dynamic PAMT: pairs for a guest page and @min_nr_spts S-EPT pages, before
 * mmu_lock. @v: the vCPU whose fault it is; NULL: a split outside a vCPU, with
 * pamt_cache_lock held. May sleep. 0, -ENOMEM.
 */
int tdx_topup_external_pamt_cache(struct kvm *vm, struct kvm_vcpu *v, u32 min_nr_spts);
/* What that filled, for whoever changes the S-EPT now; NULL while it is off. */
struct tdx_pamt_cache *tdx_get_pamt_cache(struct kvm *vm);

/* CPU goes offline or the last VM is gone: flush the vCPUs associated with it. */
void tdx_disable_virtualization_cpu(struct tdx_globals *globals, int cpu);
/* Shared accesses of guests walk KVM's direct roots: tells the module's side. */
void tdx_register_shared_walk(struct tdx_globals *globals, struct kvm_globals *kvm_globals);

/* -- Between the files of tdx.c -- */

static inline bool tdx_operand_busy(u64 err)
{
	return unlikely((err & TDX_SEAMCALL_STATUS_MASK) == TDX_OPERAND_BUSY);
}

/*
 * Any status but 0 bugs the VM, unless it already is: a WARN once a site, then
 * a line with the status and the leaf's detail. @kvm NULL: warn and print only.
 */
__cold bool tdx_bug_slow(struct tdx_globals *globals, struct kvm *vm, const char *site,
			 const char *where, u64 err, const char *fn,
			 const char *n1, u64 a1, const char *n2, u64 a2,
			 const char *n3, u64 a3);

#define __TDX_BUG_ON(globals, kvm, where, err, fn, n1, a1, n2, a2, n3, a3)		\
	({ static const char site_[] = fn;					\
	   u64 err_ = (err);							\
	   if (unlikely(err_))							\
		   tdx_bug_slow(globals, kvm, site_, where, err_, fn,	\
				n1, a1, n2, a2, n3, a3);			\
	   unlikely(err_ != 0); })

#define TDX_BUG_ON(err, fn, kvm)						\
	TDX_BUG_ON_IN(__func__, err, fn, kvm)
#define TDX_BUG_ON_1(err, fn, a1, kvm)						\
	TDX_BUG_ON_1_IN(__func__, err, fn, a1, kvm)
#define TDX_BUG_ON_2(err, fn, a1, a2, kvm)					\
	TDX_BUG_ON_2_IN(__func__, err, fn, a1, a2, kvm)
/* In a part of the kernel's function @where, whose name the WARN has. */
#define TDX_BUG_ON_IN(where, err, fn, kvm)					\
	__TDX_BUG_ON(to_kvm_tdx(kvm)->globals, kvm, where, err, #fn,		\
		     NULL, 0, NULL, 0, NULL, 0)
#define TDX_BUG_ON_1_IN(where, err, fn, a1, kvm)				\
	__TDX_BUG_ON(to_kvm_tdx(kvm)->globals, kvm, where, err, #fn,		\
		     #a1, a1, NULL, 0, NULL, 0)
#define TDX_BUG_ON_2_IN(where, err, fn, a1, a2, kvm)				\
	__TDX_BUG_ON(to_kvm_tdx(kvm)->globals, kvm, where, err, #fn,		\
		     #a1, a1, #a2, a2, NULL, 0)
/* Without a VM: reclaim of pages and cache write-back. */
#define TDX_WARN_ON(err, fn, globals)						\
	__TDX_BUG_ON(globals, NULL, __func__, err, #fn, NULL, 0, NULL, 0, NULL, 0)
#define TDX_WARN_ON_3(err, fn, a1, a2, a3, globals)				\
	__TDX_BUG_ON(globals, NULL, __func__, err, #fn, #a1, a1, #a2, a2, #a3, a3)

int tdx_reclaim_page(struct tdx_globals *globals, struct page *page);
void tdx_reclaim_control_page(struct tdx_globals *globals, struct page *page);
void tdx_flush_vp_on_cpu(struct kvm_vcpu *v);
/* @v's posted interrupts become @other's; @v is on no CPU then. 0 or -EIO. */
int tdx_vcpu_notify_other(struct kvm_vcpu *v, struct kvm_vcpu *other);
void tdx_reclaim_td_control_pages(struct kvm *vm);
/* Accounting only: the kernel forgets the TD's control pages without a word. */
void tdx_leak_td_control_pages(struct kvm_tdx *tdvm, const char *reason);
void tdx_hkid_free(struct kvm_tdx *kvm_tdx);
int tdx_get_cmd(const struct kvm_tdx_cmd *argp, struct kvm_tdx_cmd *cmd);
int tdx_td_init(struct kvm *vm, struct kvm_tdx_cmd *cmd);
int tdx_td_finalize(struct kvm *vm, struct kvm_tdx_cmd *cmd);
int tdx_vcpu_init_mem_region(struct kvm_vcpu *v, struct kvm_tdx_cmd *cmd);
void tdh_vp_wr_failed(struct kvm_vcpu *v, const char *uclass, const char *op,
		      u64 field, u64 val, u64 err);
/* tdx_cpuid.c: KVM_TDX_GET_CPUID */
int tdx_vcpu_get_cpuid(struct kvm_vcpu *v, struct kvm_tdx_cmd *cmd);
int handle_tdvmcall(struct kvm_vcpu *v);
/* tdx_emulate.c: what the guest asks to be carried out for it */
int tdx_emulate_cpuid(struct kvm_vcpu *v);
int tdx_emulate_io(struct kvm_vcpu *v);
int tdx_emulate_mmio(struct kvm_vcpu *v);
int tdx_emulate_rdmsr(struct kvm_vcpu *v);
int tdx_emulate_wrmsr(struct kvm_vcpu *v);
int tdx_emulate_vmcall(struct kvm_vcpu *v);
/* kvm->lock, every vcpu->mutex, slots_lock; -EBUSY, -EINTR. */
int tdx_acquire_vm_state_locks(struct kvm *vm);
void tdx_release_vm_state_locks(struct kvm *vm);

#endif /* SEPTUM_KVM_TDX_H */
