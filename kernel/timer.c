// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/time/: a clock that advances a microsecond each time it
 * is read, the same in every run, and timers that are armed but never expire.
 */
#include <linux/hrtimer.h>
#include <linux/ktime.h>
#include <linux/pvclock_gtod.h>
#include <linux/timekeeping.h>
#include <linux/timer.h>

#include "standin.h"

static ktime_t now;

ktime_t ktime_get(void)
{
	now += NSEC_PER_USEC;
	return now;
}

ktime_t ktime_get_raw(void)
{
	return ktime_get();
}

ktime_t ktime_get_with_offset(enum tk_offsets offset)
{
	return ktime_get();
}

void hrtimer_setup(struct hrtimer *timer, enum hrtimer_restart (*function)(struct hrtimer *),
		   clockid_t clock_id, enum hrtimer_mode mode)
{
	memset(timer, 0, sizeof(*timer));
}

int hrtimer_cancel(struct hrtimer *timer)
{
	return 0;
}

int hrtimer_try_to_cancel(struct hrtimer *timer)
{
	return 0;
}
