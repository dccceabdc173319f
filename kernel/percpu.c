// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for mm/percpu.c and setup_per_cpu_areas().
 *
 * The link merges all per-CPU sections into one template, kernel_percpu. Each
 * simulated CPU gets a copy with room behind it for dynamic allocations; the GS
 * base of the running thread selects it (sched.c switches). The template itself
 * stays as it was linked, so that a machine can be booted again.
 */
#include <linux/percpu.h>

#include "standin.h"

#define DYNAMIC_BYTES	(256UL << 10)

extern char __start_kernel_percpu[], __stop_kernel_percpu[];

unsigned long __per_cpu_offset[NR_CPUS];
DEFINE_PER_CPU_CACHE_HOT(unsigned long, this_cpu_off);
DEFINE_PER_CPU_CACHE_HOT(int, cpu_number);

static unsigned long dynamic_next, dynamic_end;	/* as offsets from the template */

void percpu_init(unsigned int cpus)
{
	unsigned long bytes = __stop_kernel_percpu - __start_kernel_percpu;
	unsigned long stride = PAGE_ALIGN(bytes + DYNAMIC_BYTES);
	/* Areas keep the template's offset in its page, so that alignment holds. */
	unsigned long in_page = offset_in_page(__start_kernel_percpu);
	char *areas = proc_map(0, cpus * stride + PAGE_SIZE);
	unsigned int cpu;

	for (cpu = 0; cpu < cpus; cpu++) {
		char *area = areas + in_page + cpu * stride;

		memcpy(area, __start_kernel_percpu, bytes);
		__per_cpu_offset[cpu] = area - __start_kernel_percpu;
		per_cpu(this_cpu_off, cpu) = __per_cpu_offset[cpu];
		per_cpu(cpu_number, cpu) = cpu;
	}
	dynamic_next = (unsigned long)__stop_kernel_percpu;
	dynamic_end = (unsigned long)__start_kernel_percpu + stride;
}

void __percpu *pcpu_alloc_noprof(size_t size, size_t align, bool reserved, gfp_t gfp)
{
	unsigned long start = ALIGN(dynamic_next, align);
	unsigned int cpu;

	if (proc_alloc_fails("percpu"))
		return NULL;
	if (start + size > dynamic_end)
		proc_fatal("out of per-CPU memory: raise DYNAMIC_BYTES in kernel/percpu.c");
	dynamic_next = start + size;
	for_each_possible_cpu(cpu)
		memset((void *)(start + __per_cpu_offset[cpu]), 0, size);
	return (void __percpu *)start;
}

/* Never handed out again: a machine lives as long as a scenario. */
void free_percpu(void __percpu *area)
{
}
