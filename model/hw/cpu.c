// SPDX-License-Identifier: GPL-2.0-only
/*
 * Logical processors: inter-processor interrupts and TLBs. An interrupt sent
 * to a CPU that runs a guest makes the guest leave; a CPU in host mode takes
 * it at once, which nobody can see here.
 *
 * Left out: interrupt vectors, APICs, and TLBs of host translations.
 */
#include "model/hw/hw.h"

void hw_ipi_wait(struct env *env, struct hw *hw, u64 mask)
{
	u8 me = 1u << env->sched.current;

	for (u32 i = 0; i < hw->cpu_count; i++) {
		struct hw_cpu *cpu = &hw->cpu[i];

		if (!(mask & BIT_ULL(i)))
			continue;
		if (!cpu->in_guest) {
			mask &= ~BIT_ULL(i);
			continue;
		}
		cpu->irq_pending = true;
		cpu->waiters |= me;
		env->sched.progress++;
	}
	task_yield(env, YIELD_IPI);
	for (u32 i = 0; i < hw->cpu_count; i++) {
		struct hw_cpu *cpu = &hw->cpu[i];

		while (mask & BIT_ULL(i) && cpu->in_guest && cpu->waiters & me)
			if (task_spin(env, "smp_call_function_many_cond()",
				      "a CPU to leave the guest"))
				return;
		cpu->waiters &= ~me;
	}
}

struct hw_tlb_entry *hw_tlb_find(struct hw *hw, u32 cpu, u64 asid, gfn_t gfn)
{
	struct hw_tlb *tlb = hw->cpu[cpu].tlb;

	if (!tlb)
		return NULL;
	for (u32 i = 0; i < HW_TLB_ENTRIES; i++) {
		struct hw_tlb_entry *entry = &tlb->entry[i];

		if (entry->asid == asid && (gfn ^ entry->gfn) >> (9 * entry->level) == 0)
			return entry;
	}
	return NULL;
}

void hw_tlb_fill(struct hw *hw, u32 cpu, const struct hw_tlb_entry *entry)
{
	struct hw_tlb *tlb = hw->cpu[cpu].tlb;

	if (!tlb)
		tlb = hw->cpu[cpu].tlb = arena_alloc(hw->env->arena, sizeof(*tlb));
	tlb->entry[tlb->next] = *entry;
	tlb->next = (tlb->next + 1) % HW_TLB_ENTRIES;
}

void hw_tlb_flush(struct hw *hw, u32 cpu, u64 asid)
{
	struct hw_tlb *tlb = hw->cpu[cpu].tlb;

	for (u32 i = 0; tlb && i < HW_TLB_ENTRIES; i++)
		if (tlb->entry[i].asid == asid)
			tlb->entry[i].asid = 0;
}
