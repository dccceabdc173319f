/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Between the files of the modelled host: host.c (boot, VMs, vCPUs),
 * host_mem.c (guest memory and its other users), host_probe.c (looking),
 * check.c (invariants), and the table of all of them in host_ops.c.
 */
#ifndef SEPTUM_KVM_HOST_INTERNAL_H
#define SEPTUM_KVM_HOST_INTERNAL_H

#include "model/kvm/kvm_host.h"
#include "sim/base/host_objects.h"

/* The VM behind a number: it outlives its descriptor. */
struct host_vm {
	struct kvm *kvm;	/* valid while host_vm_kvm() says so */
	u32 kvm_id;
};

/* References that somebody outside guest_memfd holds on a page of it. */
struct host_gup {
	u32 gmem;
	u64 offset;
	struct page *page;	/* NULL: free place */
	u32 count;
	bool pin;
};

#define VMM_RAM_SIZE	(1ULL << 45)

struct model_host {
	struct kvm_globals globals;	/* first: env->layer[LAYER_KVM] */
	struct host_objects objects;	/* descriptors and blocks of the VMM */
	struct host_vm vm[HOST_OBJ_MAX];
	struct host_gup gup[HOST_GUP_MAX];
	u64 ram_base;		/* user address of the VMM's memory, by gpa */
	u64 frames_at_boot;	/* in use before the first VM */
};

static inline struct model_host *model_host(struct host *h)
{
	return container_of(h, struct model_host, globals.host);
}

/* NULL when it was never made or is gone. The VM outlives its descriptor. */
struct kvm *host_vm_kvm(struct host *h, u32 vm);
/* By descriptor: NULL once that is closed. */
struct kvm *host_open_vm(struct host *h, u32 vm);
struct kvm_vcpu *host_open_vcpu(struct host *h, u32 vm, u32 vcpu);
struct file *host_open_gmem(struct host *h, u32 gmem);

extern const struct host_ops kvm_host_ops;

/* host.c */
int host_vm_create(struct host *h, u32 vm, u32 type);
int host_td_init(struct host *h, u32 vm, const struct host_td_params *params);
int host_vcpu_create(struct host *h, u32 vm, u32 vcpu);
int host_vcpu_init(struct host *h, u32 vm, u32 vcpu, u64 rcx);
int host_finalize(struct host *h, u32 vm);
int host_vcpu_close(struct host *h, u32 vm, u32 vcpu);
int host_vm_close(struct host *h, u32 vm);
int host_vcpu_run(struct host *h, u32 vm, u32 vcpu, struct guest_op *op,
		  struct host_exit *exit);
int host_hypercall_answer(struct host *h, u32 vm, u32 vcpu, u64 ret);
void host_teardown(struct host *h);

/* host_mem.c */
int host_gmem_create(struct host *h, u32 vm, u32 gmem, u64 size, u64 flags);
int host_gmem_close(struct host *h, u32 gmem);
int host_set_memory_region(struct host *h, u32 vm, u32 slot, u32 flags, gpa_t gpa,
			   u64 size, int gmem, u64 gmem_offset);
int host_set_attributes(struct host *h, u32 vm, gpa_t gpa, u64 size, u64 attributes);
int host_init_mem_region(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *pages,
			 u32 flags, u64 token);
int host_pre_fault(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *size);
int host_fallocate(struct host *h, u32 gmem, u32 mode, u64 offset, u64 len);
int host_gmem_convert(struct host *h, u32 gmem, u64 offset, u64 len, bool to_private,
		      u64 *error_offset);
int host_gmem_link(struct host *h, u32 vm, u32 gmem, u32 from);
int host_vm_move(struct host *h, u32 vm, u32 from);

/* host_machine.c */
int host_vcpu_set_cpuid(struct host *h, u32 vm, u32 vcpu, const struct host_cpuid *cpuid);
int host_signal_msi(struct host *h, u32 vm, u32 vcpu);
int host_noncoherent_dma(struct host *h, u32 vm, bool assign);
int host_misc_max(struct host *h, u64 count);
int host_cpu_hotplug(struct host *h, u32 cpu, bool online);

/* host_ioctl.c */
long host_ioctl(struct host *h, u32 vm, u32 vcpu, enum host_call which, u64 arg, u64 data);

/* host_ram.c */
u64 host_map_ram(struct model_host *mh);

/* host_files.c */
int host_file_open(struct host *h, u32 gmem, const struct host_file_params *params);
int host_file_read(struct host *h, u32 gmem, u64 offset, u64 *token);
int host_madv_hwpoison(struct host *h, u32 gmem, u64 offset);
int host_sysctl(struct host *h, const char *name, u64 value);

/* host_users.c */
int host_gmem_mmap(struct host *h, u32 gmem, u64 offset, u64 len, bool shared);
int host_gmem_munmap(struct host *h, u32 gmem, u64 offset, u64 len);
int host_gmem_user_access(struct host *h, u32 gmem, u64 offset, bool write, u64 *token);
int host_gup(struct host *h, u32 gmem, u64 offset, s32 delta, bool pin);
int host_lru_add_drain(struct host *h);
int host_memory_failure(struct host *h, u32 gmem, u64 offset, u32 flags);
int host_unpoison(struct host *h, u32 gmem, u64 offset);
int host_frame_event(struct host *h, kvm_pfn_t pfn, enum host_frame_event event, u32 flags);
int host_page_alloc(struct host *h, u8 order, kvm_pfn_t *pfn);
int host_page_write(struct host *h, kvm_pfn_t pfn, u64 token, bool partial);
int host_page_free(struct host *h, kvm_pfn_t pfn, u8 order);
int host_hugetlb_resize(struct host *h, u8 level, u64 count, u64 overcommit);
int host_hugetlb_demote(struct host *h, u8 level, u64 count);
/* Where the process sees @offset of @file, NULL when it does not map it. */
struct vm_area_struct *host_find_mapping(struct host *h, const struct file *file, u64 offset,
					 u64 *address);
/* What is left in the hands of others when the process is gone. */
void host_users_let_go(struct host *h);

/* host_probe.c */
int host_probe_folio(struct host *h, u32 gmem, u64 offset, struct host_folio_view *view);
int host_probe_spte(struct host *h, u32 vm, gpa_t gpa, bool mirror,
		    struct host_spte_view *view);
int host_probe_vm(struct host *h, u32 vm, struct host_vm_view *view);
int host_probe_vcpu(struct host *h, u32 vm, u32 vcpu, hpa_t *tdvpr);
int host_probe_attributes(struct host *h, u32 vm, gpa_t gpa, u64 *attributes);
bool host_frame_free(struct host *h, kvm_pfn_t pfn);
int host_probe_holders(struct host *h, kvm_pfn_t pfn, struct host_holder_view *view, u32 max);
int host_probe_leaks(struct host *h, struct host_leak_view *view, u32 max);
int host_probe_pamt_count(struct host *h, kvm_pfn_t pfn);
int host_probe_hold(struct host *h, struct host_hold_view *view);
int host_probe_hugetlb(struct host *h, u8 level, struct host_hugetlb_view *view);

/* check.c */
void host_check(struct host *h);
extern const struct mm_hooks kvm_frame_hooks;

#endif /* SEPTUM_KVM_HOST_INTERNAL_H */
