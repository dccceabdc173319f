/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The machine below everybody: physical frames and logical processors.
 *
 * A frame has no bytes. What is kept of its content is a token, a number that
 * stands for "what was last written here", with the KeyID it was written
 * under, whether dirty cache lines of another KeyID still hang over it, and
 * whether it is poisoned. That is enough to tell who may read what
 * (reference: the TDX module's memory-protection consequences).
 *
 * This is the only place that knows KeyIDs and integrity. All functions take
 * hpa without KeyID bits and the KeyID apart. An hpa beyond the simulated RAM
 * reads as zeros and swallows writes.
 */
#ifndef SEPTUM_HW_H
#define SEPTUM_HW_H

#include "sim/base/env.h"
#include "sim/base/pool.h"

#define HW_CPU_MAX	64
#define HW_PACKAGE_MAX	8
#define HW_PHYS_BITS	46	/* KeyIDs sit above, in hpa bits 51:46 */
#define HW_KEYID_MAX	64
#define KEYID_SHARED	0	/* host memory; with MKTME off the only shared KeyID */

#define TOKEN_ZERO	0	/* a page of zeros */

enum hw_frame_flags {
	HW_FRAME_POISON		= 1 << 0,	/* the next consumer takes #MC */
	HW_FRAME_DIRTY		= 1 << 1,	/* cache lines of ->dirty_keyid not written back */
};

struct hw_frame {
	u64 token;
	u64 dirty_token;	/* what those lines hold */
	u16 keyid;		/* what the lines were last written under; private = TD-owner bit set */
	u16 dirty_keyid;
	u8 flags;
	u8 dirty_package;	/* in whose cache they are */
	u16 dirty_round;	/* hw->wb_round[] of that package when they were written */
};

/* One cached translation of a TD's private memory, by TD and GPA. */
struct hw_tlb_entry {
	u64 asid;		/* the TDR's hpa; 0 = empty */
	gfn_t gfn;		/* first of the page */
	kvm_pfn_t pfn;
	u8 level;		/* sept level: 0 = 4K */
	bool write;
};

#define HW_TLB_ENTRIES	16

struct hw_tlb {
	struct hw_tlb_entry entry[HW_TLB_ENTRIES];
	u8 next;		/* victim */
};

struct hw_cpu {
	u8 id;
	u8 package;
	bool online;
	bool irq_pending;	/* an IPI or other interrupt waits */
	bool irqs_on;		/* of the host code that makes a SEAMCALL; KVM has them off */
	bool in_guest;		/* an interrupt waits for the TD exit */
	u8 waiters;		/* BIT(task): waits for the next TD exit; a count would make
				 * new states of old ones */
	struct hw_tlb *tlb;	/* NULL until the first guest access */
};

struct hw {
	struct env *env;
	struct sparse frames;	/* struct hw_frame by pfn */
	u64 frame_count;	/* simulated RAM in 4K frames, pfn in [0, frame_count) */
	u32 cpu_count, package_count;
	u16 keyid_private_first;	/* KeyIDs from here on are TDX private */
	u16 keyid_count;
	bool partial_write_erratum;	/* X86_BUG_TDX_PW_MCE */
	u64 mce_count;		/* machine checks taken so far */
	u16 wb_round[HW_PACKAGE_MAX];	/* WBINVDs done by package */
	struct hw_cpu *cpu;	/* cpu_count of them */
};

struct hw_config {
	u64 ram_bytes;		/* multiple of 1 GiB, at most 64 TiB */
	u32 cpu_count, package_count;
	u16 keyid_private_first, keyid_count;
	bool partial_write_erratum;
};

/* 4 GiB, 4 CPUs in 2 packages, KeyIDs 32..63 private, no erratum. */
extern const struct hw_config hw_config_default;

/* From the arena of @env. NULL when @config asks for what cannot be. */
struct hw *hw_create(struct env *env, const struct hw_config *config);

/* Where a task runs that was put on @cpu: CPU 0, which is always there, when that is offline. */
static inline u32 hw_cpu_or_boot(const struct hw *hw, u32 cpu)
{
	return hw->cpu[cpu].online ? cpu : 0;
}

static inline bool hw_keyid_private(const struct hw *hw, u16 keyid)
{
	return keyid >= hw->keyid_private_first;
}

enum hw_access {
	HW_OK,
	HW_ZEROS,		/* read of a TD-owned line by the host: fixed zeros */
	HW_MC,			/* #MC: poison or wrong key consumed */
};

/* Read a frame under @keyid. *token gets what the reader sees. */
enum hw_access hw_read(struct hw *hw, hpa_t hpa, u16 keyid, u64 *token);
/*
 * Ordinary stores, whole lines: content, owner bit and KeyID become the
 * writer's. They do not heal poison. A TD that writes over lines of another key
 * takes #MC, for its store reads the line first.
 */
enum hw_access hw_write(struct hw *hw, hpa_t hpa, u16 keyid, u64 token);
/* The host writes TOKEN_ZERO to each of @nr frames. */
void hw_zero(struct hw *hw, kvm_pfn_t pfn, u64 nr);
/* A host store smaller than a line: poisons a TD-owned frame on erratum machines. */
enum hw_access hw_write_partial(struct hw *hw, hpa_t hpa, u64 token);
/* MOVDIR64B of the whole frame: no read, no poison left, straight to memory. */
void hw_movdir64b(struct hw *hw, hpa_t hpa, u16 keyid, u64 token);
/* CLFLUSH/CLFLUSHOPT of the frame through @keyid: writes its dirty lines back. */
void hw_clflush(struct hw *hw, hpa_t hpa, u16 keyid);
/* WBINVD on one package; there is one cache a package in this model. */
void hw_wbinvd(struct hw *hw, u32 package);

/* As it is now, write-backs that already happened applied. NULL: never touched. */
const struct hw_frame *hw_frame_peek(struct hw *hw, kvm_pfn_t pfn);

/*
 * Send an IPI to each CPU in @mask and wait until each has left the guest
 * (smp_call_function_many() with wait). Yields to the tasks concerned.
 */
void hw_ipi_wait(struct env *env, struct hw *hw, u64 mask);

/* -- TLBs. Filled and asked by guest accesses, flushed by the module. -- */

struct hw_tlb_entry *hw_tlb_find(struct hw *hw, u32 cpu, u64 asid, gfn_t gfn);
void hw_tlb_fill(struct hw *hw, u32 cpu, const struct hw_tlb_entry *entry);
/* INVEPT of one TD's address space on one CPU. */
void hw_tlb_flush(struct hw *hw, u32 cpu, u64 asid);

#endif /* SEPTUM_HW_H */
