// SPDX-License-Identifier: GPL-2.0-only
/*
 * Simulated tasks: coroutines on stacks of their own, switched by saving six
 * registers, and the scheduler that asks the chooser who goes on. The floating
 * point control words are not switched, nothing here changes them.
 *
 * Left out against a kernel's scheduler: priorities, CPU affinity, preemption
 * anywhere but at yield points.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "sim/base/asan.h"
#include "sim/base/env.h"
#include "sim/base/task_impl.h"

#ifndef __x86_64__
#error "stack switching is written for x86-64 only"
#endif

#ifdef SEPTUM_ASAN
#define STACK_SIZE	(512u << 10)
#else
#define STACK_SIZE	(64u << 10)
#endif

/* Rounds of one loop in which nobody but the loop itself changes anything. */
#define SPIN_ROUNDS_MAX	1000

/*
 * Stacks by task id: made once, kept over restores, always at the same
 * address for the same id. Each has a page below it that faults.
 */
struct task_stacks {
	char *base;			/* TASK_MAX guard pages and stacks */
	const void *main_bottom;	/* ASan: the stack of task 0 */
	size_t main_size;
	void *fake[TASK_MAX];		/* ASan: what start_switch_fiber() saved */
};

#define SLOT_SIZE	(STACK_SIZE + PAGE_SIZE)

static char *stack_of(const struct task_stacks *stacks, u8 id)
{
	return stacks->base + id * SLOT_SIZE + PAGE_SIZE;
}

u64 task_stack_size(void)
{
	return STACK_SIZE;
}

void *task_stack_base(const struct env *env, u8 id)
{
	return stack_of(env->stacks, id);
}

static struct task_stacks *stacks_create(void)
{
	struct task_stacks *stacks = calloc(1, sizeof(*stacks));
	int i;

	if (!stacks)
		internal_error("no memory for task stacks");
	stacks->base = mmap(NULL, TASK_MAX * SLOT_SIZE, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stacks->base == MAP_FAILED)
		internal_error("no memory for task stacks");
	for (i = 0; i < TASK_MAX; i++)
		mprotect(stacks->base + i * SLOT_SIZE, PAGE_SIZE, PROT_NONE);
	return stacks;
}

void task_stacks_free(struct task_stacks *stacks)
{
	if (!stacks)
		return;
	asan_unpoison(stacks->base, TASK_MAX * SLOT_SIZE);
	munmap(stacks->base, TASK_MAX * SLOT_SIZE);
	free(stacks);
}

/*
 * Save the callee-saved registers and the stack pointer in *save, go on where
 * @load was saved. A new stack returns into task_thunk with its env in r12.
 */
void septum_switch_stack(void **save, void *load);
void septum_task_thunk(void);
void septum_task_start(struct env *env);

__asm__(".text\n"
	".globl septum_switch_stack\n"
	".type septum_switch_stack, @function\n"
	"septum_switch_stack:\n"
	"	pushq %rbp\n"
	"	pushq %rbx\n"
	"	pushq %r12\n"
	"	pushq %r13\n"
	"	pushq %r14\n"
	"	pushq %r15\n"
	"	movq %rsp, (%rdi)\n"
	"	movq %rsi, %rsp\n"
	"	popq %r15\n"
	"	popq %r14\n"
	"	popq %r13\n"
	"	popq %r12\n"
	"	popq %rbx\n"
	"	popq %rbp\n"
	"	ret\n"
	".size septum_switch_stack, .-septum_switch_stack\n"
	".globl septum_task_thunk\n"
	".type septum_task_thunk, @function\n"
	"septum_task_thunk:\n"
	"	movq %r12, %rdi\n"
	"	xorl %ebp, %ebp\n"
	"	call septum_task_start\n"
	"	ud2\n"
	".size septum_task_thunk, .-septum_task_thunk\n");

static void *new_stack(struct env *env, u8 id)
{
	/* r15 r14 r13 r12 rbx rbp, return address, and one word of alignment. */
	void **top = (void **)(stack_of(env->stacks, id) + STACK_SIZE);

	asan_unpoison(stack_of(env->stacks, id), STACK_SIZE);
	*--top = NULL;
	*--top = NULL;
	*--top = (void *)septum_task_thunk;
	*--top = NULL;
	*--top = NULL;
	*--top = env;
	*--top = NULL;
	*--top = NULL;
	*--top = NULL;
	return top;
}

/* @dying: the task left behind will not run again. */
static void fiber_leave(struct env *env, u8 from, u8 to, bool dying)
{
#ifdef SEPTUM_ASAN
	struct task_stacks *stacks = env->stacks;

	__sanitizer_start_switch_fiber(dying ? NULL : &stacks->fake[from],
				       to ? stack_of(stacks, to) : stacks->main_bottom,
				       to ? STACK_SIZE : stacks->main_size);
#endif
}

static void fiber_enter(struct env *env, u8 id, bool first)
{
#ifdef SEPTUM_ASAN
	struct task_stacks *stacks = env->stacks;
	const void *bottom;
	size_t size;

	__sanitizer_finish_switch_fiber(first ? NULL : stacks->fake[id], &bottom, &size);
	/* The first task ever started comes from task 0. */
	if (first && !stacks->main_bottom) {
		stacks->main_bottom = bottom;
		stacks->main_size = size;
	}
#endif
}

static void trace_task(struct env *env, const struct task *task, const char *what)
{
	struct trace_event event = {
		.kind = TRACE_TASK,
		.sync = { .name = task->name, .what = what },
	};

	trace_emit(env, &event);
}

static void switch_to(struct env *env, u8 to)
{
	struct sched *sched = &env->sched;
	u8 from = sched->current;
	struct task *task = &sched->task[from];

	if (from == to)
		return;
	task->spin.own += sched->progress - sched->slice_start;
	sched->slice_start = sched->progress;
	sched->current = to;
	sched->switches++;
	if (trace_on(env, TRACE_TASK))
		trace_task(env, &sched->task[to], "run");
	fiber_leave(env, from, to, task->state == TASK_DONE);
	/* Assembly stores to it. */
	arena_wrote(&task->context);
	septum_switch_stack(&task->context, sched->task[to].context);
	fiber_enter(env, from, false);
}

int task_create(struct env *env, const char *name, void (*entry)(void *), void *arg)
{
	struct sched *sched = &env->sched;
	u8 id;

	for (id = 1; id < TASK_MAX; id++)
		if (sched->task[id].state == TASK_FREE)
			break;
	if (id == TASK_MAX)
		return -EAGAIN;
	if (!env->stacks)
		env->stacks = stacks_create();
	sched->task[id] = (struct task){
		.id = id,
		.state = TASK_RUNNABLE,
		.entry = entry,
		.arg = arg,
		.cpu = id,
	};
	strncpy(sched->task[id].name, name, TASK_NAME_MAX - 1);
	sched->task[id].context = new_stack(env, id);
	sched->live++;
	if (id > sched->top)
		sched->top = id;
	return id;
}

/* What others changed, as @task would see it. */
static u32 others_progress(const struct sched *sched, const struct task *task)
{
	u32 own = task->spin.own;

	if (task == &sched->task[sched->current])
		own += sched->progress - sched->slice_start;
	return sched->progress - own;
}

static bool can_run(const struct sched *sched, const struct task *task)
{
	switch (task->state) {
	case TASK_RUNNABLE:
		return true;
	case TASK_BLOCKED:
		return lock_wait_over(sched, task);
	case TASK_SPINNING:
		return !task->spin.stuck || others_progress(sched, task) != task->spin.others;
	default:
		return false;
	}
}

/* Candidates in the order choose() counts them: @from first if it can go on. */
u32 task_candidates(struct env *env, u8 from, u8 candidate[TASK_MAX])
{
	struct sched *sched = &env->sched;
	bool keeps = from && sched->task[from].state == TASK_RUNNABLE;
	u32 n = 0, i;
	u8 id = from;

	if (keeps)
		candidate[n++] = from;
	if (keeps && sched->preemption_bound && sched->preemptions >= sched->preemption_bound)
		return n;
	for (i = 0; i <= sched->top; i++) {
		id = id < sched->top ? id + 1 : 0;
		if (id && !(keeps && id == from) && can_run(sched, &sched->task[id]))
			candidate[n++] = id;
	}
	return n;
}

void task_note_pick(struct env *env, u8 from, u32 picked)
{
	if (picked && from && env->sched.task[from].state == TASK_RUNNABLE)
		env->sched.preemptions++;
}

/* Who goes on after the running task; 0 when nobody can. */
static u8 pick_next(struct env *env)
{
	u8 candidate[TASK_MAX], from = env->sched.current;
	u32 n = task_candidates(env, from, candidate), picked;

	if (!n)
		return 0;
	picked = choose(env, n, CHOICE_TASK);
	task_note_pick(env, from, picked);
	return candidate[picked];
}

/* A spinning task, one that can end its loop by itself before any other; TASK_MAX none. */
static u8 spinning_task(const struct sched *sched)
{
	u8 found = TASK_MAX;

	for (u8 id = TASK_MAX - 1; id; id--)
		if (sched->task[id].state == TASK_SPINNING &&
		    (found == TASK_MAX || sched->task[found].waiting_event ||
		     !sched->task[id].waiting_event))
			found = id;
	return found;
}

/* Nobody can run: who spins is told so, else it is a deadlock. Whom to run next. */
u8 task_stuck(struct env *env)
{
	struct sched *sched = &env->sched;
	u8 id = spinning_task(sched);

	if (id == TASK_MAX) {
		lock_report_deadlock(env);
		return 0;
	}
	if (sched->task[id].waiting_event) {
		if (sched->hang)
			return 0;
		task_report_hang(env, &sched->task[id]);
	}
	sched->task[id].spin.told = true;
	return id;
}

/* The running task cannot go on, or need not. Returns when it is chosen again. */
void task_reschedule(struct env *env)
{
	u8 next = 0;

	if (!env->sched.stepped) {
		next = pick_next(env);
		if (!next && env->sched.live > 1)
			next = task_stuck(env);
	}
	switch_to(env, next);
}

void task_resume(struct env *env, u8 id)
{
	env->sched.last = id;
	switch_to(env, id);
}

u32 task_ask(struct env *env, u32 n, enum choice_kind what)
{
	struct sched *sched = &env->sched;

	if (!sched->current)
		return 0;
	sched->asked = n;
	sched->asked_kind = what;
	switch_to(env, 0);
	sched->asked = 0;
	return sched->answer;
}

void task_yield_slow(struct env *env, enum yield_point point)
{
	if (env->sched.current)
		task_reschedule(env);
}

void septum_task_start(struct env *env)
{
	struct task *task = current_task(env);

	fiber_enter(env, task->id, true);
	task->entry(task->arg);
	if (task->held_count)
		check_fail(env, INV_LOCK_RULES, "task %s ends with %s held", task->name,
			   lock_class_name[task->held[task->held_count - 1].lock->class]);
	task->state = TASK_DONE;
	env->sched.live--;
	/* Its end is something a spinning task may have waited for. */
	env->sched.progress++;
	env->sched.rounds = 0;
	task_reschedule(env);
	internal_error("task %s ran after its end", task->name);
}

void task_forget_all(struct env *env)
{
	u8 id;

	for (id = 1; id < TASK_MAX; id++)
		env->sched.task[id].state = TASK_FREE;
	env->sched.live = 1;
	env->sched.top = 0;
}

bool task_run_all(struct env *env)
{
	struct sched *sched = &env->sched;
	bool whole;

	if (sched->current)
		internal_error("task_run_all() inside task %s", current_task(env)->name);
	if (sched->live > 1)
		task_reschedule(env);
	whole = sched->live == 1;
	task_forget_all(env);
	return whole && !sched->hang;
}

void task_stop(struct env *env)
{
	if (!env->sched.current)
		internal_error("task_stop() outside a task");
	switch_to(env, 0);
}

void task_report_hang(struct env *env, struct task *task)
{
	char text[CHECK_TEXT_MAX] = "";

	env->sched.hang = true;
	lock_describe_waiters(env, text, sizeof(text));
	check_hit(env, INV_OPERATION_ENDS);
	check_fail(env, INV_OPERATION_ENDS, "task %s goes round in %s for ever, waiting for %s%s%s",
		   task->name, task->waiting_loop, task->waiting_event,
		   text[0] ? "; " : "", text);
}

/* All who are left only go round and round, each seeing the others do so. */
static bool all_go_round(struct env *env)
{
	struct sched *sched = &env->sched;
	u32 i;

	if (sched->rounds_step != env->checker.step)
		sched->rounds = 0;
	sched->rounds_step = env->checker.step;
	/* An explorer comes back to a state instead, and sees it that way. */
	if (sched->stepped || ++sched->rounds <= SPIN_ROUNDS_MAX * sched->live)
		return false;
	for (i = 1; i < TASK_MAX; i++)
		if (sched->task[i].state == TASK_RUNNABLE && i != sched->current)
			return false;
	return true;
}

/* Note another round of the running task's loop; sets ->stuck. */
static void spin_round(struct env *env, struct task *task, const char *loop)
{
	struct sched *sched = &env->sched;
	struct task_spin *spin = &task->spin;
	u32 others = others_progress(sched, task), all = sched->progress;
	bool first = task->waiting_loop != loop || spin->step != env->checker.step;

	/* An explorer needs no count, see all_go_round(): it would be a state a round. */
	spin->stuck = !first && others == spin->others &&
		      (all == spin->all ||
		       (!sched->stepped && ++spin->rounds > SPIN_ROUNDS_MAX));
	if (first || others != spin->others)
		spin->rounds = 0;
	spin->others = others;
	spin->all = all;
	spin->step = env->checker.step;
	task->waiting_loop = loop;
}

bool task_spin(struct env *env, const char *loop, const char *event)
{
	struct sched *sched = &env->sched;
	struct task *task = current_task(env);

	spin_round(env, task, loop);
	task->waiting_event = event;
	if (sched->current && sched->live > 2 && event && all_go_round(env)) {
		task_report_hang(env, task);
		task->spin.told = true;
	} else if (sched->current && sched->live > 2) {
		task->state = TASK_SPINNING;
		task_reschedule(env);
		task->state = TASK_RUNNABLE;
	} else if (task->spin.stuck) {
		if (event)
			task_report_hang(env, task);
		task->spin.told = true;
	}
	if (!task->spin.told)
		return false;
	task->spin.told = false;
	task->waiting_loop = NULL;
	return true;
}
