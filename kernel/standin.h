/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the stand-ins share among themselves. They are compiled with the
 * flags, configuration and headers of the kernel tree they are linked with, so
 * a signature that drifted is a compile error.
 */
#ifndef SEPTUM_KERNEL_STANDIN_H
#define SEPTUM_KERNEL_STANDIN_H

#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "boundary.h"

/* page_alloc.c */
void page_alloc_init(unsigned long ram_bytes);
/* From here on pages are counted for kern_for_each_page_in_use(). */
void page_alloc_booted(void);
/* The page holds kernel objects: it never comes back and is not counted. */
void page_is_slab(struct page *page);
/* True once, for a page that nobody had before and that is zero therefore. */
bool page_take_blank(unsigned long pfn);

/* percpu.c */
void percpu_init(unsigned int cpus);

/* smp.c */
void smp_init_cpus(const struct kern_machine *machine);
unsigned int smp_current_cpu(void);

/* cpu.c */
void cpu_init_features(const struct kern_machine *machine);

/* sched.c */
void sched_init_task(void);

/* user.c */
void user_init(void);

/* rcu.c: callbacks whose grace period is over, which is always */
void rcu_run_callbacks(void);

/* workqueue.c */
void workqueue_run(void);

/* file.c */
struct file *file_of(int fd);
void file_run_delayed_fput(void);

#endif /* SEPTUM_KERNEL_STANDIN_H */
