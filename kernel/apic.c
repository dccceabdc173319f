// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for arch/x86/kernel/apic/: no interrupt is ever sent through it,
 * and asking for one ends the program.
 */
#include <asm/apic.h>

#include "standin.h"

struct apic *apic;

static void no_ipi_mask(const struct cpumask *mask, int vector)
{
	proc_fatal("an IPI through the local APIC, vector %d", vector);
}

static void no_ipi_self(int vector)
{
	proc_fatal("a self IPI through the local APIC, vector %d", vector);
}

DEFINE_STATIC_CALL(apic_call_send_IPI_mask, no_ipi_mask);
DEFINE_STATIC_CALL(apic_call_send_IPI_self, no_ipi_self);
