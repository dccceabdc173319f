/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What leaves are made of. A leaf is check_<leaf>(), which takes locks and
 * looks, and commit_<leaf>(), which acts and cannot refuse for want of a lock
 * or operand. The check blocks ([TDR], [STATE], [WALK], ... of the reference)
 * are called in the order the real module checks. Every lock a check takes is
 * written down in struct call and dropped by the dispatcher when the leaf is over.
 */
#ifndef SEPTUM_TDX_LEAF_H
#define SEPTUM_TDX_LEAF_H

#include "model/tdx/module.h"

/* -- One SEAMCALL or TDCALL under way -- */

struct residence;

/*
 * How a lock is let go. All locks are 16 bits wide, that of an S-EPT entry being
 * in the entry's low half: releasing is masking and subtracting.
 */
struct release {
	u16 mask, minus;
};

#define HELD_SH		((struct release){ 0xffff, TDX_LOCK_READER })
#define HELD_HP_EX	((struct release){ TDX_LOCK_HP, 0 })
#define HELD_SX_EX	((struct release){ 0, 0 })
#define HELD_ENTRY	((struct release){ (u16)~SEPT_TDEL, 0 })

static_assert(SEPT_TDEL < 0x10000, "the entry lock is in the entry's low half");
static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "low halves come first");

struct call {
	struct tdx_module *m;
	struct tdx_module_args *regs;
	const struct tdx_leaf_info *info;
	u32 lp;
	u16 leaf;		/* enum tdx_leaf: bit 8 set for a TDCALL */
	u8 version;
	/*
	 * No other task is there and the leaf takes no lock twice: nobody can meet a
	 * lock it holds, so one that is free may stay so, see passes(). Set by leaves
	 * about 4K pages; TDCALLs hold no PAMT entry.
	 */
	bool alone;
	u64 rcx, rdx;		/* as they came in; leaves clear the registers early */

	struct td *td;
	struct vcpu *vcpu;
	struct pamt_entry *tdr, *tdvpr;

	struct residence *residence;	/* TDCALLs: the stay it happens in */

	gpa_t gpa;
	u8 level;		/* asked for */
	struct sept_pos at;	/* where the walk ended */

	struct pamt_block block;	/* of the page below */
	struct pamt_entry *page;	/* page given or found, its leaf entry */
	hpa_t page_hpa;
	u8 page_level;
	u64 scratch;		/* from check to commit, the leaf's own use */
	struct sept_table *locked_table;	/* all 512 entries are locked by this leaf */

	struct held {
		u16 *lock;
		struct release release;
	} *held_end, held[24];		/* first unused, and the locks held */
};

#define CHECK(expr)					\
	do {						\
		u64 status_ = (expr);			\
		if (unlikely(status_))			\
			return status_;			\
	} while (0)

static inline void call_holds(struct call *c, u16 *lock, struct release release)
{
	struct held *held = c->held_end++;

	held->lock = lock;
	held->release = release;
}

/* Nobody who could meet a lock runs before the leaf is over. */
static inline bool call_is_alone(const struct call *c)
{
	return likely(c->m->env->sched.live <= 1);
}

/* To take a free lock and drop it again would leave no trace. */
static inline bool passes(const struct call *c, u16 lock)
{
	return likely(c->alone && !lock);
}

static inline bool passes_entry(const struct call *c, u64 entry)
{
	return likely(c->alone && !(entry & (SEPT_TDEL | SEPT_TDHP)));
}

void call_release_all(struct call *c);
void call_release_table(struct call *c);
/* Drop one lock before the leaf is over. */
void call_release(struct call *c, u16 *lock);

/* -- check.c: blocks of checks -- */

enum lock_how { SH, EX };

/* [TDR]: @hpa names a TDR; sets ->td. */
u64 check_tdr(struct call *c, hpa_t hpa, u32 operand, enum lock_how how);
/* The TDR that owns ->tdvpr, through its PAMT entry alone. */
u64 check_owner_tdr(struct call *c, const struct pamt_entry *page, enum lock_how how);
/* [PAGE]: @hpa is a 4K page of @type; sets ->page, ->block, ->page_hpa. */
u64 check_page(struct call *c, hpa_t hpa, u32 operand, u8 type, enum lock_how how);
/* [PAGE] with PT_NDA and ex: a page the host gives. */
u64 check_new_page(struct call *c, hpa_t hpa, u32 operand);
u64 check_new_large_page(struct call *c, hpa_t hpa, u32 operand, u8 level);
/* The PAMT walk alone, to the leaf entry that covers @hpa or to @target. */
u64 check_pamt(struct call *c, hpa_t hpa, u32 operand, u8 target, enum lock_how how);
/* A TDVPR; sets ->vcpu, ->tdvpr. */
u64 check_tdvpr(struct call *c, hpa_t hpa, u32 operand, enum lock_how how);
/* The same, shared, and [STATE] of its TD, in one piece: RCX of VP.ENTER. */
u64 check_entered_vcpu(struct call *c, hpa_t hpa);
/* [STATE] */
u64 check_td_keys(struct call *c);
u64 check_td_state(struct call *c, bool lock_op_state);
/* [INFO] of ->rcx; sets ->gpa and ->level. */
u64 check_page_info(struct call *c, u8 level_min, u8 level_max);
/* [WALK] to ->gpa and ->level */
enum tree_how { TREE_NONE, TREE_SH, TREE_EX };
u64 check_walk(struct call *c, enum tree_how how);
/* [ENTRY] */
u64 check_entry_lock(struct call *c);
u64 check_entry(struct call *c);
/* [TDR:RDX,sh] [STATE:sh] [INFO] [WALK] and the entry's lock, in one piece. */
#define LEVEL_ROOT	0xff	/* as @level_max: the level of the TD's root */
u64 check_locked_entry(struct call *c, u8 level_min, u8 level_max, enum tree_how how);
/* The same and [ENTRY]'s state. */
u64 check_entry_of(struct call *c, u8 level_min, u8 level_max, enum tree_how how);
/* The same PAMT entry alone, found through the S-EPT. */
u64 check_found_page(struct call *c, hpa_t hpa, u8 level, u32 operand);
/* The leaf's S-EPT-state row, for where the walk ended. */
static inline bool sept_allows(const struct call *c)
{
	return likely(c->at.state < SEPT_STATE_NR) && c->info->sept_states[c->at.state] == 'x';
}
/* [TRACK] against @bepoch */
u64 check_track(struct call *c, u64 bepoch);

/* @status with the entry the walk ended at in RCX and RDX. */
u64 with_entry_info(struct call *c, u64 status);
static inline bool td_live(const struct td *td)
{
	return td_op_state_info[td->op_state].live;
}
static inline gpa_t td_shared_bit(const struct td *td)
{
	return td->gpaw ? BIT_ULL(51) : BIT_ULL(47);
}
bool td_gpa_private_valid(const struct td *td, gpa_t gpa);

/* -- pamt.c -- */

bool pamt_cache_fill(struct tdx_module *m, hpa_t hpa, struct pamt_cache *slot);

/* False when @hpa lies in no initialised TDMR block. */
static inline bool pamt_block(struct tdx_module *m, hpa_t hpa, struct pamt_block *block)
{
	u64 group = hpa_to_pfn(hpa) >> SPARSE_LEAF_SHIFT;
	struct pamt_cache *slot = &m->pamt_cache[group % PAMT_CACHE_SIZE];

	if (unlikely(slot->key != group + 1) && !pamt_cache_fill(m, hpa, slot))
		return false;
	block->level[0] = slot->leaf + (hpa_to_pfn(hpa) & (SPARSE_LEAF_SIZE - 1));
	block->level[1] = slot->two_m;
	block->level[2] = slot->one_g;
	return true;
}

/* The entry of @level; NULL outside the TDMRs. */
static inline struct pamt_entry *pamt_at(struct tdx_module *m, hpa_t hpa, u8 level)
{
	struct pamt_block block;

	return pamt_block(m, hpa, &block) ? block.level[level] : NULL;
}

/* The leaf entry that describes @hpa now, and its level. */
struct pamt_entry *pamt_leaf(struct tdx_module *m, const struct pamt_block *block, u8 *level);
/* The single place that changes a type. Parents' child counts follow. */
void pamt_set(struct call *c, const struct pamt_block *block, u8 level, hpa_t hpa, u8 type,
	      hpa_t owner);
/* Set the stop rules of this module version. */
void pamt_walk_rules(struct tdx_module *m);
static inline bool pamt_dynamic(const struct tdx_module *m)
{
	return m->dynamic_pamt;
}

/* Bit 62 of RCX when the freed page was the last of its 2M range. */
static inline u64 pamt_free_hint(const struct tdx_module *m, const struct pamt_block *block)
{
	return pamt_dynamic(m) && !block->level[1]->children ? BIT_ULL(62) : 0;
}

/* -- sept.c -- */

extern const u8 sept_row_of_code[128];

static inline u8 sept_state(u64 entry)
{
	u32 code = (entry >> 9 & 0x01) | (entry >> 52 & 0x1e) | (entry >> 1 & 0x60);

	return sept_row_of_code[code] - 1;
}

/* Every leaf of the L1 tree has PS set, 4K ones too; nothing else has. */
static inline bool sept_is_leaf(u64 entry)
{
	return entry & SEPT_PS;
}

static inline bool sept_is_free(u64 entry)
{
	return (entry & SEPT_STATE_MASK) == (SEPT_ENTRY_FREE & SEPT_STATE_MASK);
}

static inline hpa_t sept_hpa(u64 entry)
{
	return entry & SEPT_HPA_MASK;
}

u64 sept_leaf_entry(const struct td *td, const struct tdx_module *m, u8 state, hpa_t hpa);
u64 sept_table_entry(const struct td *td, const struct tdx_module *m, hpa_t hpa);
static inline void sept_reread(struct sept_pos *at)
{
	at->value = *at->entry & ~SEPT_TDEL;
	at->state = at->value == SEPT_ENTRY_FREE ? SEPT_FREE : sept_state(at->value);
}

static inline void sept_at(struct sept_pos *at, struct sept_table *table, u8 level, gpa_t gpa)
{
	at->table = table;
	at->level = level;
	at->index = gpa >> sept_level_shift(level) & (SEPT_ENTRIES - 1);
	at->entry = &table->entry[at->index];
	sept_reread(at);
}

bool sept_walk_slow(struct tdx_module *m, struct td *td, gpa_t gpa, u8 level, struct sept_pos *at);

/* From the root to @level at most; true when it got there. */
static __always_inline bool sept_walk(struct tdx_module *m, struct td *td, gpa_t gpa, u8 level,
				      struct sept_pos *at)
{
	if (unlikely(level || td->walked[0].key != gpa >> sept_level_shift(1)))
		return sept_walk_slow(m, td, gpa, level, at);
	sept_at(at, td->walked[0].table, 0, gpa);
	return true;
}

/* Page a leaf names, without the accept counter. */
static inline hpa_t sept_page(u64 entry, u8 level)
{
	return level ? sept_hpa(entry) & ~(sept_level_size(level) - 1) : sept_hpa(entry);
}
void sept_change(struct call *c, struct sept_table *table, u32 index, u64 value);

/* The single place that changes an entry. Also unlocks it. */
static __always_inline void sept_set(struct call *c, struct sept_table *table, u32 index,
				     u64 value)
{
	u64 old = table->entry[index];

	/* The same page in another state changes no count, and nobody may want to know. */
	if (sept_is_leaf(old) && !((old ^ value) & (SEPT_PS | SEPT_HPA_MASK)) &&
	    likely(!trace_on(c->m->env, TRACE_SEPT)))
		table->entry[index] = value;
	else
		sept_change(c, table, index, value);
}
struct sept_table *sept_table_new(struct tdx_module *m, struct td *td, hpa_t hpa, gpa_t gpa,
				  u8 level);
void sept_table_free(struct tdx_module *m, struct sept_table *table);
/* The key is gone: nothing can be translated through the tree any more. */
void sept_drop_tree(struct tdx_module *m, struct td *td);
struct sept_table *sept_child(struct tdx_module *m, u64 entry);
/* Where a table was linked or hidden, cached walks are wrong. */
static inline void sept_forget_walks(struct td *td)
{
	td->walked[0].key = td->walked[1].key = ~0ULL;
}

/* -- epoch.c -- */

bool epoch_tracked(const struct td *td, u64 bepoch);

/* -- td.c: state changes, each in one place -- */

void td_set_lifecycle(struct call *c, u8 lifecycle);
void td_set_op_state(struct call *c, u8 op_state);
void kot_set(struct call *c, u16 hkid, u8 state);
void vcpu_set_state(struct call *c, struct vcpu *vcpu, u8 state);
u64 vcpu_associate(struct call *c, struct vcpu *vcpu, bool disabled_ok);
void vcpu_disassociate(struct call *c, struct vcpu *vcpu);

/* -- mr.c -- */

void mr_mix(struct td *td, u64 value);

/* -- fields.c: metadata -- */

#define TDX_ATTRIBUTES_FIXED0	(BIT_ULL(0) | BIT_ULL(28) | BIT_ULL(30) | BIT_ULL(63))
#define TDX_ATTRIBUTES_FIXED1	0ULL
#define TDX_XFAM_FIXED0		0x602e7ULL
#define TDX_XFAM_FIXED1		0x3ULL
#define TDX_CPUID_LEAF		(0x80000008ULL | 0xffffffffULL << 32)
/* Bits of the one configurable CPUID leaf: EAX and EBX, then ECX and EDX. */
#define TDX_CPUID_CONFIG(half)	((half) ? 0x00000000ffffffffULL : ~0ULL)
#define TDX_HP_LOCK_TIMEOUT_DEFAULT	1000000
#define MD_TD_FIRST		0x1110000300000000ULL
#define MD_SYS_FIRST		0x0800000100000003ULL
#define MD_VP_FIRST		0x0020000300000000ULL

u64 md_read_sys(struct tdx_module *m, u64 id, u64 *value);
u64 md_read_td(const struct td *td, u64 id, u64 *value);
u64 md_check_write_td(const struct td *td, u64 id, u64 value, u64 mask, bool guest);
/* After md_check_write_td(); returns the value before. */
u64 md_write_td(struct td *td, u64 id, u64 value, u64 mask);

/* -- Choices -- */

static inline bool no_entropy(struct call *c)
{
	return choose(c->m->env, 2, CHOICE_ENTROPY);
}

/* An interrupt waits while a host leaf runs: one that is chosen, or one a caller may take. */
static inline bool host_interrupted(struct call *c)
{
	const struct hw_cpu *cpu = &c->m->hw->cpu[c->lp];

	return choose(c->m->env, 2, CHOICE_IRQ) || (cpu->irqs_on && cpu->irq_pending);
}

/* -- seamcall.c, tdcall.c -- */

#define LEAF(number, name, suffix, ...)			\
	u64 check_##suffix(struct call *c);		\
	u64 commit_##suffix(struct call *c);
#include "model/tdx/leaves.def"
#undef LEAF
/* A TDCALL answers in one piece, unless it ends the residence (residence->left). */
#define TDCALL_LEAF(number, name, suffix, ...) u64 suffix(struct call *c);
#include "model/tdx/tdcalls.def"
#undef TDCALL_LEAF

/* -- The guest, while VP.ENTER runs it (enter.c, guest.c, tdcall.c) -- */

struct residence {		/* one stay of a vCPU inside the TD */
	struct call *c;
	struct vcpu *vcpu;
	struct td *td;
	bool left;		/* a TD exit was decided; its registers are set */
	bool lost;		/* machine check: the TDCS is not touched on the way out */
	u64 status;		/* RAX of the exit */
};

void guest_run(struct residence *r);
void tdcall_run(struct residence *r, struct guest_op *op);
/* The host answered a TDVMCALL: its registers reach the guest. */
void tdvmcall_resume(struct call *c);

/* TD exits: fill the registers and end the residence. */
void exit_interrupt(struct residence *r);
void exit_ept_violation(struct residence *r, gpa_t gpa, u64 qualification, u64 extended);
void exit_tdvmcall(struct residence *r, const struct tdx_module_args *regs);
void exit_machine_check(struct residence *r);
void exit_hp_timeout(struct residence *r);

/* #VE, or what follows when the last one was not read: sets how the guest operation ended. */
void guest_inject_ve(struct residence *r, struct guest_op *op, gpa_t gpa, u64 qualification);
void guest_op_end(struct residence *r, struct guest_op *op);

/* Types of the extended exit qualification. */
enum { EXT_NONE, EXT_ACCEPT, EXT_GPA_DETAILS, EXT_MSR, EXT_XSTATE, EXT_ATTR_WR, EXT_PENDING };

/* stepping.c: the zero-step defence */
void stepping_log_fault(struct residence *r, gpa_t gpa);
void stepping_note_progress(struct vcpu *vcpu);
u64 stepping_filter(struct call *c);
/* enter.c: undo what VP.ENTER did before the filter. */
u64 enter_reverted(struct call *c, u64 status);

/* -- pamt_dyn.c -- */

/* The two pages of a PAMT pair the host gives for a 2M range. */
u64 check_pamt_pair(struct call *c, const hpa_t pages[2], const u32 operands[2]);
/* Make the 2M entry a PT_PAMT with them; and the reverse, which tells them. */
void pamt_pair_install(struct call *c, const struct pamt_block *block, hpa_t range,
		       const hpa_t pages[2]);
void pamt_pair_take(struct call *c, const struct pamt_block *block, hpa_t pages[2]);

/* -- busy.c: locks held on behalf of somebody else, for injection -- */

struct other_party {
	u16 *lock;
	struct release release;
};

bool other_party_take(struct call *c, u32 operand, struct other_party *other);
void other_party_drop(struct other_party *other);
/* Registers a leaf that refuses with @status leaves behind. */
void refused_outputs(struct call *c, u64 status);

/* -- probe.c, invariant.c -- */

struct td *td_find(struct tdx_module *m, hpa_t tdr);

#endif /* SEPTUM_TDX_LEAF_H */
