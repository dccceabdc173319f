/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The real kernel behind the host interface (sim/base/host.h): between the
 * files that implement its table. host.c: boot, VMs, vCPUs; host_mem.c: guest
 * memory and its other users; host_probe.c: looking and invariants.
 */
#ifndef SEPTUM_KERNEL_HOST_H
#define SEPTUM_KERNEL_HOST_H

#include "kernel/process/process.h"
#include "model/kvm/kvm_uapi.h"
#include "sim/base/env.h"
#include "sim/base/host_objects.h"

struct kernel_gup {
	u32 gmem, count;
	u64 offset;
	kvm_pfn_t pfn;
	bool pin;
};

/* In the arena: goes back with the simulation, and tells the machine to follow. */
struct kernel_host {
	struct host host;
	const char *unsupported;	/* a knob this kernel does not have */
	struct machine *machine;
	u64 generation;			/* of the machine, 0 right after boot */
	int kvm_fd;
	bool crashed;			/* a BUG: nothing runs any more */
	struct host_objects objects;	/* descriptors and blocks of the VMM */
	void *vm[HOST_OBJ_MAX];		/* valid while host_vm() says so */
	struct kernel_gup gup[HOST_GUP_MAX];
};

static inline struct kernel_host *kernel_host(struct host *h)
{
	return container_of(h, struct kernel_host, host);
}

/*
 * Make @h's machine the one the kernel side sees, on @cpu. False when nothing
 * can run: then host_refused() is the step's result.
 */
bool host_enter(struct host *h, u32 cpu);
int host_refused(struct host *h);

/* System calls of the VMM on the running task's CPU. A BUG inside gives -EFAULT. */
long host_ioctl(struct host *h, int fd, u32 command, void *argument);
long host_sys_fallocate(struct host *h, int fd, int mode, u64 offset, u64 length);
void host_sys_close(struct host *h, int *fd);

/* Descriptors; -1 when the object was never made or is closed. */
int host_vm_fd(struct host *h, u32 vm);
int host_vcpu_fd(struct host *h, u32 vm, u32 vcpu);
int host_gmem_fd(struct host *h, u32 gmem);
/* The VM, which outlives its descriptor; NULL when it is gone. */
void *host_vm(struct host *h, u32 vm);

/* host_mem.c */
int kernel_gmem_create(struct host *h, u32 vm, u32 gmem, u64 size, u64 flags);
int kernel_gmem_close(struct host *h, u32 gmem);
int kernel_set_memory_region(struct host *h, u32 vm, u32 slot, u32 flags, gpa_t gpa, u64 size,
			     int gmem, u64 gmem_offset);
int kernel_set_attributes(struct host *h, u32 vm, gpa_t gpa, u64 size, u64 attributes);
int kernel_init_mem_region(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *pages, u32 flags,
			   u64 token);
int kernel_pre_fault(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *size);
int kernel_fallocate(struct host *h, u32 gmem, u32 mode, u64 offset, u64 len);
int kernel_gmem_convert(struct host *h, u32 gmem, u64 offset, u64 len, bool to_private,
			u64 *error_offset);
int kernel_signal_msi(struct host *h, u32 vm, u32 vcpu);
int kernel_noncoherent_dma(struct host *h, u32 vm, bool assign);
int kernel_misc_max(struct host *h, u64 count);
int kernel_cpu_hotplug(struct host *h, u32 cpu, bool online);
int kernel_gmem_link(struct host *h, u32 vm, u32 gmem, u32 from);
int kernel_vm_move(struct host *h, u32 vm, u32 from);
int kernel_gmem_mmap(struct host *h, u32 gmem, u64 offset, u64 len, bool shared);
int kernel_gmem_munmap(struct host *h, u32 gmem, u64 offset, u64 len);
int kernel_gmem_user_access(struct host *h, u32 gmem, u64 offset, bool write, u64 *token);
int kernel_file_open(struct host *h, u32 gmem, const struct host_file_params *params);
int kernel_file_read(struct host *h, u32 gmem, u64 offset, u64 *token);
int kernel_madv_hwpoison(struct host *h, u32 gmem, u64 offset);
int kernel_sysctl(struct host *h, const char *name, u64 value);
int kernel_gup(struct host *h, u32 gmem, u64 offset, s32 delta, bool pin);
int kernel_lru_add_drain(struct host *h);
int kernel_memory_failure(struct host *h, u32 gmem, u64 offset, u32 flags);
int kernel_unpoison(struct host *h, u32 gmem, u64 offset);
int kernel_frame_event(struct host *h, kvm_pfn_t pfn, enum host_frame_event event, u32 flags);
long kernel_ioctl(struct host *h, u32 vm, u32 vcpu, enum host_call which, u64 arg, u64 data);
int kernel_page_alloc(struct host *h, u8 order, kvm_pfn_t *pfn);
int kernel_page_write(struct host *h, kvm_pfn_t pfn, u64 token, bool partial);
int kernel_page_free(struct host *h, kvm_pfn_t pfn, u8 order);
void kernel_users_let_go(struct host *h);

/* host_probe.c */
int kernel_probe_folio(struct host *h, u32 gmem, u64 offset, struct host_folio_view *view);
int kernel_probe_spte(struct host *h, u32 vm, gpa_t gpa, bool mirror,
		      struct host_spte_view *view);
int kernel_probe_vm(struct host *h, u32 vm, struct host_vm_view *view);
int kernel_probe_vcpu(struct host *h, u32 vm, u32 vcpu, hpa_t *tdvpr);
int kernel_probe_attributes(struct host *h, u32 vm, gpa_t gpa, u64 *attributes);
bool kernel_frame_free(struct host *h, kvm_pfn_t pfn);
int kernel_probe_holders(struct host *h, kvm_pfn_t pfn, struct host_holder_view *view, u32 max);
int kernel_probe_leaks(struct host *h, struct host_leak_view *view, u32 max);
int kernel_probe_pamt_count(struct host *h, kvm_pfn_t pfn);
int kernel_probe_hold(struct host *h, struct host_hold_view *view);
int kernel_probe_hugetlb(struct host *h, u8 level, struct host_hugetlb_view *view);
int kernel_hugetlb_resize(struct host *h, u8 level, u64 count, u64 overcommit);
int kernel_hugetlb_demote(struct host *h, u8 level, u64 count);
void kernel_check(struct host *h);
/* After the process is gone: what is in use that nobody will give back. */
void kernel_check_frames(struct host *h);

#endif /* SEPTUM_KERNEL_HOST_H */
