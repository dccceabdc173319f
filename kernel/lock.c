// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for kernel/locking/: spinlocks, rwlocks, mutexes, rwsems and
 * per-CPU rwsems, as functions of their own (CONFIG_SMP).
 *
 * One task runs, so a lock is either free or held by the task itself. Held
 * state is kept in the kernel's own lock words, where mutex_is_locked() and
 * friends look; taking a lock that cannot be had is a deadlock, which is
 * reported, and the lock is granted so that the step can end.
 */
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/rwsem.h>
#include <linux/spinlock.h>

#include "standin.h"

#define RWLOCK_WRITER	0xff		/* _QW_LOCKED */
#define RWLOCK_READER	0x200		/* _QR_BIAS */
#define RWSEM_WRITER	1L
#define RWSEM_READER	0x100L

static void take_spin(raw_spinlock_t *lock)
{
	preempt_disable();
	if (atomic_read(&lock->raw_lock.val))
		proc_deadlock("spinlock", lock);
	atomic_set(&lock->raw_lock.val, 1);
}

static void drop_spin(raw_spinlock_t *lock)
{
	atomic_set(&lock->raw_lock.val, 0);
	preempt_enable();
}

int _raw_spin_trylock(raw_spinlock_t *lock)
{
	if (atomic_read(&lock->raw_lock.val))
		return 0;
	take_spin(lock);
	return 1;
}

void _raw_spin_lock(raw_spinlock_t *lock)
{
	take_spin(lock);
}

void _raw_spin_lock_bh(raw_spinlock_t *lock)
{
	take_spin(lock);
}

void _raw_spin_lock_irq(raw_spinlock_t *lock)
{
	local_irq_disable();
	take_spin(lock);
}

unsigned long _raw_spin_lock_irqsave(raw_spinlock_t *lock)
{
	unsigned long flags;

	local_irq_save(flags);
	take_spin(lock);
	return flags;
}

void _raw_spin_unlock(raw_spinlock_t *lock)
{
	drop_spin(lock);
}

void _raw_spin_unlock_bh(raw_spinlock_t *lock)
{
	drop_spin(lock);
}

void _raw_spin_unlock_irq(raw_spinlock_t *lock)
{
	drop_spin(lock);
	local_irq_enable();
}

void _raw_spin_unlock_irqrestore(raw_spinlock_t *lock, unsigned long flags)
{
	drop_spin(lock);
	local_irq_restore(flags);
}

static void take_read(rwlock_t *lock)
{
	preempt_disable();
	if (atomic_read(&lock->raw_lock.cnts) & RWLOCK_WRITER)
		proc_deadlock("rwlock for read", lock);
	atomic_add(RWLOCK_READER, &lock->raw_lock.cnts);
}

static void drop_read(rwlock_t *lock)
{
	atomic_sub(RWLOCK_READER, &lock->raw_lock.cnts);
	preempt_enable();
}

static void take_write(rwlock_t *lock)
{
	preempt_disable();
	if (atomic_read(&lock->raw_lock.cnts))
		proc_deadlock("rwlock for write", lock);
	atomic_set(&lock->raw_lock.cnts, RWLOCK_WRITER);
}

static void drop_write(rwlock_t *lock)
{
	atomic_set(&lock->raw_lock.cnts, 0);
	preempt_enable();
}

void _raw_read_lock(rwlock_t *lock)
{
	take_read(lock);
}

int _raw_read_trylock(rwlock_t *lock)
{
	if (atomic_read(&lock->raw_lock.cnts) & RWLOCK_WRITER)
		return 0;
	take_read(lock);
	return 1;
}

void _raw_read_lock_irq(rwlock_t *lock)
{
	local_irq_disable();
	take_read(lock);
}

unsigned long _raw_read_lock_irqsave(rwlock_t *lock)
{
	unsigned long flags;

	local_irq_save(flags);
	take_read(lock);
	return flags;
}

void _raw_read_unlock(rwlock_t *lock)
{
	drop_read(lock);
}

void _raw_read_unlock_irq(rwlock_t *lock)
{
	drop_read(lock);
	local_irq_enable();
}

void _raw_read_unlock_irqrestore(rwlock_t *lock, unsigned long flags)
{
	drop_read(lock);
	local_irq_restore(flags);
}

void _raw_write_lock(rwlock_t *lock)
{
	take_write(lock);
}

void _raw_write_lock_irq(rwlock_t *lock)
{
	local_irq_disable();
	take_write(lock);
}

void _raw_write_unlock(rwlock_t *lock)
{
	drop_write(lock);
}

void _raw_write_unlock_irq(rwlock_t *lock)
{
	drop_write(lock);
	local_irq_enable();
}

/* Nobody waits for a lock that one task holds. */
int __cond_resched_rwlock_read(rwlock_t *lock)
{
	return 0;
}

int __cond_resched_rwlock_write(rwlock_t *lock)
{
	return 0;
}

void mutex_init_generic(struct mutex *mutex)
{
	atomic_long_set(&mutex->owner, 0);
	raw_spin_lock_init(&mutex->wait_lock);
}

void mutex_lock(struct mutex *mutex)
{
	if (atomic_long_read(&mutex->owner))
		proc_deadlock("mutex", mutex);
	atomic_long_set(&mutex->owner, (long)current);
}

int mutex_lock_killable(struct mutex *mutex)
{
	mutex_lock(mutex);
	return 0;
}

int mutex_lock_interruptible(struct mutex *mutex)
{
	mutex_lock(mutex);
	return 0;
}

int mutex_trylock(struct mutex *mutex)
{
	if (atomic_long_read(&mutex->owner))
		return 0;
	mutex_lock(mutex);
	return 1;
}

void mutex_unlock(struct mutex *mutex)
{
	atomic_long_set(&mutex->owner, 0);
}

bool mutex_is_locked(struct mutex *mutex)
{
	return atomic_long_read(&mutex->owner) != 0;
}

void __init_rwsem(struct rw_semaphore *sem, const char *name, struct lock_class_key *key)
{
	atomic_long_set(&sem->count, 0);
	atomic_long_set(&sem->owner, 0);
	raw_spin_lock_init(&sem->wait_lock);
}

void down_read(struct rw_semaphore *sem)
{
	if (atomic_long_read(&sem->count) & RWSEM_WRITER)
		proc_deadlock("rwsem for read", sem);
	atomic_long_add(RWSEM_READER, &sem->count);
}

int down_read_trylock(struct rw_semaphore *sem)
{
	if (atomic_long_read(&sem->count) & RWSEM_WRITER)
		return 0;
	down_read(sem);
	return 1;
}

int down_read_killable(struct rw_semaphore *sem)
{
	down_read(sem);
	return 0;
}

void up_read(struct rw_semaphore *sem)
{
	atomic_long_sub(RWSEM_READER, &sem->count);
}

void down_write(struct rw_semaphore *sem)
{
	if (atomic_long_read(&sem->count))
		proc_deadlock("rwsem for write", sem);
	atomic_long_set(&sem->count, RWSEM_WRITER);
}

int down_write_killable(struct rw_semaphore *sem)
{
	down_write(sem);
	return 0;
}

void up_write(struct rw_semaphore *sem)
{
	atomic_long_set(&sem->count, 0);
}

bool __percpu_down_read(struct percpu_rw_semaphore *sem, bool try, bool freeze)
{
	return true;
}
