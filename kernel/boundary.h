/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The seam inside the program: kernel objects and their stand-ins (built with
 * the kernel's flags and headers) on one side, the simulator and the C library
 * (built like the rest of the project) on the other. Both include this file, so
 * it uses plain C types only; all addresses and sizes are unsigned long.
 *
 * proc_*  is what the kernel side may ask of the process: everything else that
 *         stays undefined on the kernel side is a stub that ends the program.
 * kern_*  is what the process may call; all other kernel names are hidden.
 *
 * Kernel code keeps its stack 8-byte aligned, so every proc_* function
 * realigns it (PROC in process/process.h).
 */
#ifndef SEPTUM_KERNEL_BOUNDARY_H
#define SEPTUM_KERNEL_BOUNDARY_H

/* Where the simulated machine lives in this process's address space. */
#define KERN_DIRECT_MAP		0x100000000000UL	/* RAM, by hpa */
#define KERN_VMEMMAP		0x180000000000UL	/* struct page, by pfn */
#define KERN_USER_BASE		0x200000000000UL	/* userspace of the VMM */
#define KERN_USER_SLOT_SHIFT	40			/* each owner of memory there has 1 TiB */

#define KERN_CPU_MAX		64

/* The machine to boot on: filled by the process from struct hw. */
struct kern_machine {
	unsigned long ram_bytes;
	unsigned int cpus;
	unsigned int cpus_per_package;
	unsigned int keyid_private_first, keyid_count;
	int partial_write_erratum;
};

/* -- The process serves the kernel side -- */

/* Zeroed memory of the machine; @address 0: anywhere. Ends the program when there is none. */
void *proc_map(unsigned long address, unsigned long bytes);
unsigned long proc_seamcall(unsigned int cpu, unsigned long fn, void *args);
void proc_kmsg(int level, const char *where, const char *text);
/* A WARN or BUG at text address @ip. A BUG does not return. */
void proc_warn(unsigned long ip, const char *file, int line, const char *text);
void proc_bug(unsigned long ip, const char *file, int line) __attribute__((noreturn));
/* Something the kernel side cannot stand in for; ends the program, status 4. */
void proc_fatal(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));
/* Shall this allocation fail? @site is a word for the trace. */
int proc_alloc_fails(const char *site);
void proc_page_allocated(unsigned long pfn, unsigned int order);
/* The ledger: is the frame still in somebody's S-EPT? */
void proc_page_freed(unsigned long pfn, unsigned int order);
/* What the frames' contents become: see model/hw. */
void proc_page_zeroed(unsigned long pfn);
void proc_movdir64b(unsigned long hpa);
void proc_clflush(unsigned long hpa, unsigned long bytes);
void proc_wbinvd(unsigned int cpu);
/* CPUs in @mask get an interrupt and leave the guest. */
void proc_ipi(unsigned long mask);
int proc_signal_pending(void);
/* A lock the only task waits for can never come. */
void proc_deadlock(const char *what, const void *lock);
/* Set what %gs:0 is for this thread. */
void proc_set_gs_base(unsigned long base);

/* -- The kernel side serves the process -- */

/* 0, or the negative errno of the step that failed, named in a kernel message. */
int kern_boot(const struct kern_machine *machine);
void kern_set_cpu(unsigned int cpu);
unsigned long kern_rdmsr(unsigned int msr);
void kern_wrmsr(unsigned int msr, unsigned long value);
void kern_cpuid(unsigned int regs[4]);
/* What a ud2 at @ip stands for. A BUG does not return. */
enum { KERN_TRAP_NONE, KERN_TRAP_WARN, KERN_TRAP_RDTSC };
int kern_trap_ud2(unsigned long ip);

/* Files by descriptor: the VMM's system calls. */
int kern_open_kvm(void);
long kern_ioctl(int fd, unsigned int command, void *argument);
long kern_fallocate(int fd, int mode, unsigned long offset, unsigned long length);
void kern_close(int fd);
/* The page at a user address, allocated if need be; ~0 when out of memory. */
unsigned long kern_user_pfn(unsigned long address);
void kern_user_free(unsigned long address, unsigned long bytes);

/* struct kvm_run of a vCPU: the page userspace would map. */
struct kvm_run;
struct kvm_run *kern_vcpu_run(int vcpu_fd);

/* The second owner: pages from the allocator and back. */
unsigned long kern_page_alloc(unsigned int order);	/* pfn, ~0 none left */
void kern_page_free(unsigned long pfn, unsigned int order);
int kern_page_is_free(unsigned long pfn);

/* Probes: they look and change nothing. */
struct kern_folio {
	unsigned long pfn;		/* of the head */
	int refcount, mapcount;
	unsigned int order;
	int uptodate, locked, hwpoison;
};

struct kern_spte {
	unsigned long raw;
	int level;			/* enum pg_level where the walk ended */
	int present, leaf;
};

struct kern_vm {
	int vm_dead, vm_bugged;
	int hkid, state;
	unsigned long tdr;		/* hpa, 0 none */
};

int kern_probe_folio(int gmem_fd, unsigned long index, struct kern_folio *view);
int kern_probe_spte(int vm_fd, unsigned long gpa, int mirror, struct kern_spte *view);
int kern_probe_vm(int vm_fd, struct kern_vm *view);
unsigned long kern_probe_tdvpr(int vcpu_fd);	/* hpa, 0 none */
unsigned long kern_probe_attributes(int vm_fd, unsigned long gpa);
/* A temporary reference of somebody else; @delta +1 or -1. */
int kern_folio_ref(int gmem_fd, unsigned long index, int delta, int pin);

#endif /* SEPTUM_KERNEL_BOUNDARY_H */
