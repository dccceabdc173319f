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
/* Below the direct map: KVM takes a higher user address for an error. */
#define KERN_USER_BASE		0x080000000000UL	/* guest memory in the VMM, by gpa */
#define KERN_USER_SOURCE	0x07e000000000UL	/* the VMM's buffer of an initial image */
#define KERN_USER_MMAP		0x07c000000000UL	/* what vm_mmap() hands out */

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
/* A WARN or BUG in @function. A BUG does not return. */
void proc_warn(const char *function, const char *file, int line, const char *text);
void proc_bug(const char *function, const char *file, int line) __attribute__((noreturn));
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
/*
 * Where the kernel goes on when its access to user memory at @ip fails, 0: it does
 * not expect that. Register *reg (-1: none), as instructions number it, becomes *value.
 */
unsigned long kern_fixup(unsigned long ip, int *reg, long *value);

/* Files by descriptor: the VMM's system calls. */
int kern_open_kvm(void);
long kern_ioctl(int fd, unsigned int command, void *argument);
long kern_fallocate(int fd, int mode, unsigned long offset, unsigned long length);
void kern_close(int fd);
/*
 * A page that every address from KERN_USER_SOURCE on shows until it is taken
 * away again: the pfn, ~0 when out of memory.
 */
unsigned long kern_source_show(void);
void kern_source_remove(void);
/* The VMM's address space goes: notifiers first, then its pages. */
void kern_exit_mm(void);

/* What KVM says in struct kvm_run, the page userspace would map: exit_fields.def. */
struct kern_exit {
	unsigned int reason;
	unsigned long flags, gpa, size, attributes, nr;
};

void kern_exit_clear(int vcpu_fd);
void kern_exit_of(int vcpu_fd, struct kern_exit *exit);
void kern_hypercall_answer(int vcpu_fd, unsigned long ret);
/* A signal reached the task; it stays pending until it is cleared. */
void kern_set_signal(int pending);

/* The second owner: pages from the allocator and back. */
unsigned long kern_page_alloc(unsigned int order);	/* pfn, ~0 none left */
void kern_page_free(unsigned long pfn, unsigned int order);
int kern_page_is_free(unsigned long pfn);
/* Calls @fn for each page that was allocated after boot and is no slab's. */
void kern_for_each_page_in_use(void (*fn)(void *context, unsigned long pfn), void *context);

/* References of somebody else to a page of a guest_memfd. */
int kern_gup_take(int gmem_fd, unsigned long index, int pin, unsigned long *pfn);
void kern_gup_drop(unsigned long pfn, int pin);

#define KERN_PIN_REFERENCES	1024	/* one pin of a small folio */

/* Probes: they look and change nothing. A VM outlives its descriptor. */
struct kern_folio {
	unsigned long pfn;		/* of the head */
	int refcount, mapcount, pincount;
	unsigned int order;
	int uptodate, locked, hwpoison, dma_pinned;
	unsigned int in_cache;		/* references of the page cache */
};

enum kern_spte_state { KERN_SPTE_NONE, KERN_SPTE_FROZEN, KERN_SPTE_TABLE, KERN_SPTE_LEAF };

struct kern_spte {
	unsigned long raw, pfn;
	int level;			/* enum pg_level where the walk ended */
	enum kern_spte_state state;
};

struct kern_vm {
	int is_td, vm_dead, vm_bugged;
	int hkid, state;
	unsigned long tdr;		/* hpa, 0 none */
	unsigned long pages[3];		/* leaves mapped: 4K, 2M, 1G */
};

void *kern_vm_of(int vm_fd);		/* names it for the functions below */
int kern_vm_exists(const void *vm);
unsigned long kern_vm_slot_address(const void *vm, unsigned int slot);	/* 0: no such slot */
/* The folio of any page. */
void kern_probe_folio_of(unsigned long pfn, struct kern_folio *view);
int kern_probe_folio(int gmem_fd, unsigned long index, struct kern_folio *view);
void kern_probe_spte(const void *vm, unsigned long gpa, int mirror, struct kern_spte *view);
void kern_probe_vm(const void *vm, struct kern_vm *view);
unsigned long kern_probe_tdvpr(int vcpu_fd);	/* hpa, 0 none */
unsigned long kern_probe_attributes(const void *vm, unsigned long gpa);
/* Each present leaf of the mirror (or direct) tables, until @fn is nonzero. */
typedef int kern_leaf_fn(void *context, unsigned long gpa, unsigned long pfn, int level);
void kern_for_each_leaf(const void *vm, int mirror, kern_leaf_fn *fn, void *context);
/* Is the page one of the S-EPT pages behind the VM's mirror tables? */
int kern_sept_page_linked(const void *vm, unsigned long pfn);
/* Where the shared EPT of the TD with that TDR maps @gpa: hpa, or one of these. */
#define KERN_SHARED_VIOLATION	(~0UL)
#define KERN_SHARED_VE		(~1UL)
unsigned long kern_shared_walk(unsigned long tdr, unsigned long gpa, int write);

#endif /* SEPTUM_KERNEL_BOUNDARY_H */
