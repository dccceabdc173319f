// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/smp.c, kernel/cpu.c and the CPU masks.
 *
 * One simulated CPU runs at a time. A call on another CPU happens at once, on
 * that CPU's per-CPU area, and is never refused. Each one tells the process
 * first, because a CPU inside a guest leaves it. All CPUs are online for good:
 * hotplug callbacks run when they are registered, never again.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/smp.h>
#include <linux/stop_machine.h>
#include <linux/syscore_ops.h>
#include <asm/apic.h>
#include <asm/processor.h>

#include "standin.h"

struct cpumask __cpu_online_mask, __cpu_possible_mask, __cpu_present_mask, __cpu_dying_mask;
atomic_t __num_online_cpus;
unsigned int nr_cpu_ids;
DEFINE_PER_CPU_READ_MOSTLY(struct cpuinfo_x86, cpu_info);
DEFINE_PER_CPU_READ_MOSTLY(u32, x86_cpu_to_apicid);
struct cpuinfo_x86 boot_cpu_data;
struct smp_ops smp_ops;

#define ONE(n)		[(n) + 1][0] = 1UL << (n)
#define EIGHT(n)	ONE(n), ONE((n) + 1), ONE((n) + 2), ONE((n) + 3), \
			ONE((n) + 4), ONE((n) + 5), ONE((n) + 6), ONE((n) + 7)
const unsigned long cpu_bit_bitmap[BITS_PER_LONG + 1][BITS_TO_LONGS(NR_CPUS)] = {
	EIGHT(0), EIGHT(8), EIGHT(16), EIGHT(24), EIGHT(32), EIGHT(40), EIGHT(48), EIGHT(56),
};

static unsigned int current_cpu;

void kern_set_cpu(unsigned int cpu)
{
	if (cpu >= nr_cpu_ids)
		proc_fatal("no CPU %u: the machine has %u", cpu, nr_cpu_ids);
	current_cpu = cpu;
	proc_set_gs_base(__per_cpu_offset[cpu]);
}

unsigned int smp_current_cpu(void)
{
	return current_cpu;
}

void smp_init_cpus(const struct kern_machine *machine)
{
	unsigned int cpu;

	BUILD_BUG_ON(NR_CPUS > BITS_PER_LONG);
	nr_cpu_ids = machine->cpus;
	atomic_set(&__num_online_cpus, machine->cpus);
	bitmap_set(cpumask_bits(&__cpu_online_mask), 0, machine->cpus);
	cpumask_copy(&__cpu_possible_mask, &__cpu_online_mask);
	cpumask_copy(&__cpu_present_mask, &__cpu_online_mask);
	percpu_init(machine->cpus);
	for_each_possible_cpu(cpu) {
		per_cpu(cpu_info, cpu) = boot_cpu_data;
		per_cpu(cpu_info, cpu).cpu_index = cpu;
		per_cpu(cpu_info, cpu).topo.pkg_id = cpu / machine->cpus_per_package;
		per_cpu(x86_cpu_to_apicid, cpu) = cpu;
	}
	kern_set_cpu(0);
}

/* Run @func as @cpu would; callers on the same CPU stay where they are. */
static void call_on(unsigned int cpu, smp_call_func_t func, void *info)
{
	unsigned int before = current_cpu;

	if (cpu == before) {
		func(info);
		return;
	}
	proc_ipi(1UL << cpu);
	kern_set_cpu(cpu);
	func(info);
	kern_set_cpu(before);
}

int smp_call_function_single(int cpu, smp_call_func_t func, void *info, bool wait)
{
	call_on(cpu, func, info);
	return 0;
}

void smp_call_function_many(const struct cpumask *mask, smp_call_func_t func, void *info, bool wait)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (cpu != current_cpu)
			call_on(cpu, func, info);
}

void on_each_cpu_cond_mask(smp_cond_func_t cond, smp_call_func_t func, void *info, bool wait,
			   const struct cpumask *mask)
{
	unsigned int cpu;

	for_each_cpu(cpu, mask)
		if (!cond || cond(cpu, info))
			call_on(cpu, func, info);
}

struct returning_call {
	int (*func)(void *info);
	void *info;
	int result;
};

static void run_returning(void *arg)
{
	struct returning_call *call = arg;

	call->result = call->func(call->info);
}

int smp_call_on_cpu(unsigned int cpu, int (*func)(void *), void *info, bool phys)
{
	struct returning_call call = { .func = func, .info = info };

	call_on(cpu, run_returning, &call);
	return call.result;
}

int stop_machine_cpuslocked(cpu_stop_fn_t fn, void *data, const struct cpumask *cpus)
{
	return fn(data);
}

struct state_call {
	int (*startup)(unsigned int cpu);
	int result;
};

static void run_state(void *arg)
{
	struct state_call *call = arg;

	call->result = call->startup(current_cpu);
}

int __cpuhp_setup_state(enum cpuhp_state state, const char *name, bool invoke,
			int (*startup)(unsigned int cpu), int (*teardown)(unsigned int cpu),
			bool multi_instance)
{
	struct state_call call = { .startup = startup };
	unsigned int cpu;

	if (!invoke || !startup)
		return 0;
	for_each_online_cpu(cpu) {
		call_on(cpu, run_state, &call);
		if (call.result)
			return call.result;
	}
	return 0;
}

void __cpuhp_remove_state(enum cpuhp_state state, bool invoke)
{
}

void cpus_read_lock(void)
{
}

void cpus_read_unlock(void)
{
}

bool cpu_smt_possible(void)
{
	return true;
}

/* arch/x86/lib/cache-smp.c: one cache a package. */
void wbinvd_on_cpu(int cpu)
{
	proc_wbinvd(cpu);
}

void wbinvd_on_cpus_mask(struct cpumask *cpus)
{
	unsigned int cpu;

	for_each_cpu(cpu, cpus)
		proc_wbinvd(cpu);
}

void wbinvd_on_all_cpus(void)
{
	wbinvd_on_cpus_mask(&__cpu_online_mask);
}

void clflush_cache_range(void *address, unsigned int bytes)
{
	proc_clflush(__pa(address), bytes);
}
