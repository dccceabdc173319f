// SPDX-License-Identifier: GPL-2.0-only
/*
 * Variables of other subsystems that the kernel objects read: they keep the
 * value they have on a machine without the feature. Each stands under the file
 * that defines it in the kernel.
 */
#include <linux/acpi.h>
#include <linux/debug_locks.h>
#include <linux/sched.h>
#include <linux/delayacct.h>
#include <linux/percpu_counter.h>
#include <linux/printk.h>
#include <linux/profile.h>
#include <linux/sched/smt.h>
#include <linux/splice.h>
#include <linux/sysctl.h>
#include <linux/trace_events.h>
#include <asm/alternative.h>
#include <asm/debugreg.h>
#include <asm/desc.h>
#include <asm/nospec-branch.h>
#include <asm/processor.h>
#include <asm/spec-ctrl.h>
#include <asm/vmx.h>

#include "standin.h"

/* arch/x86/kernel/: cpu/common.c, cpu/bugs.c, process.c, alternative.c, acpi/sleep.c */
DEFINE_PER_CPU_PAGE_ALIGNED(struct gdt_page, gdt_page);
DEFINE_PER_CPU(bool, __tss_limit_invalid);
DEFINE_PER_CPU(bool, cache_state_incoherent);
DEFINE_PER_CPU(unsigned long, cpu_dr7);
DEFINE_PER_CPU(bool, x86_ibpb_exit_to_user);
DEFINE_PER_CPU(u64, x86_spec_ctrl_current);
DEFINE_STATIC_KEY_FALSE(switch_vcpu_ibpb);
__u32 cpu_caps_set[NCAPINTS + NBUGINTS];
bool itlb_multihit_kvm_mitigation;
enum l1tf_mitigations l1tf_mitigation = L1TF_MITIGATION_OFF;
enum vmx_l1d_flush_state l1tf_vmx_mitigation = VMENTER_L1D_FLUSH_NOT_REQUIRED;
u16 x86_verw_sel;
int alternatives_patched;
int (*acpi_suspend_lowlevel)(void);

/* kernel/: printk, profile, delayacct, sysctl, locking, sched */
int oops_in_progress;
int prof_on;
int debug_locks_silent;
DEFINE_STATIC_KEY_FALSE(delayacct_key);
DEFINE_STATIC_KEY_FALSE(sched_smt_present);
const int sysctl_vals[] = { 0, 1, 2, 3, 4, 100, 200, 1000, 3000, INT_MAX, 65535, -1 };
/* migrate_disable() counts in the run queue, whose type only the scheduler knows. */
DEFINE_PER_CPU(char[2 * PAGE_SIZE], runqueue_storage) asm("runqueues");

/* lib/percpu_counter.c, fs/splice.c, mm/debug.c */
int percpu_counter_batch = 32;
const struct pipe_buf_operations page_cache_pipe_buf_ops;
const struct trace_print_flags pageflag_names[] = { {} };
const struct trace_print_flags gfpflag_names[] = { {} };
const struct trace_print_flags vmaflag_names[] = { {} };
