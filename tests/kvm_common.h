/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of model/kvm share: a machine whose host is driven through the
 * host table, a TD brought up on it in one call, and guest operations.
 */
#ifndef SEPTUM_TESTS_KVM_COMMON_H
#define SEPTUM_TESTS_KVM_COMMON_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "model/kvm/host.h"
#include "model/kvm/host_internal.h"
#include "model/kvm/tdx.h"
#include "model/tdx/guest.h"
#include "model/tdx/tables.h"

#define KB		1024ULL
#define MB		(1024 * KB)
#define PRIVATE		KVM_MEMORY_ATTRIBUTE_PRIVATE
#define KEEP_SIZE	FALLOC_FL_KEEP_SIZE
#define PUNCH_HOLE	(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE)
#define SHARED_BIT	(1ULL << 47)

struct world {
	struct env *env;
	struct hw *hw;
	struct tdx_module *tdx;
	struct host *h;
	u32 kmsg_seen[KMSG_BUG + 1];
	char last_kmsg[256];
};

static void listen_kmsg(void *ctx, const struct trace_event *event)
{
	struct world *w = ctx;

	w->kmsg_seen[event->text.level]++;
	snprintf(w->last_kmsg, sizeof(w->last_kmsg), "%s", event->text.text);
}

static inline struct world *world_create_as(const struct host_config *config,
					    const struct tdx_config *tdx_config,
					    const struct hw_config *hw_config)
{
	struct world *w = test_calloc(1, sizeof(*w));

	w->env = env_create();
	w->hw = hw_create(w->env, hw_config);
	w->tdx = tdx_module_create(w->env, w->hw, tdx_config);
	w->h = kvm_host_create(w->env, w->hw, w->tdx, config);
	assert_non_null(w->h);
	w->env->trace.listener = listen_kmsg;
	w->env->trace.ctx = w;
	w->env->trace.mask |= 1u << TRACE_KMSG;
	return w;
}

static inline struct world *world_create_with(const struct host_config *config)
{
	static const struct tdx_config tdx_config = { .version = TDX_MODULE_1_5, .zero_step = true };

	return world_create_as(config, &tdx_config, &hw_config_default);
}

static inline struct world *world_create(const char *policy)
{
	const struct host_config config = { .policy = policy, .lru_batches = true };

	return world_create_with(&config);
}

static inline int setup(void **state)
{
	*state = world_create("no-hold");
	return 0;
}

static inline int setup_pinned(void **state)
{
	*state = world_create("always-pin");
	return 0;
}

static inline void expect_nothing_broken(struct world *w)
{
	for (u32 i = 0; i < w->env->checker.broken_count; i++)
		print_error("%s: %s\n", inv_name[w->env->checker.broken[i].inv],
			    w->env->checker.broken[i].text);
	assert_int_equal(w->env->checker.broken_total, 0);
}

/* The end of every test: nothing left, nothing broken that the test did not take. */
static inline int teardown(void **state)
{
	struct world *w = *state;

	w->h->ops->teardown(w->h);
	expect_nothing_broken(w);
	env_destroy(w->env);
	test_free(w);
	return 0;
}

/* For tests in which a finding is the point: the findings of @inv go away. */
static inline u32 take_findings(struct world *w, enum invariant inv)
{
	struct checker *checker = &w->env->checker;
	u32 taken = 0, kept = 0;

	for (u32 i = 0; i < checker->broken_count; i++) {
		if (checker->broken[i].inv == inv)
			taken++;
		else
			checker->broken[kept++] = checker->broken[i];
	}
	checker->broken_count = kept;
	checker->broken_total -= taken;
	return taken;
}

#define ops(w) ((w)->h->ops)

static inline void look(struct world *w)
{
	ops(w)->check(w->h);
	expect_nothing_broken(w);
}

/*
 * A TD with @vcpus vCPUs up to before FINALIZE, @size of private memory at gpa 0
 * by g0, which is created with @flags.
 */
static inline void td_build_with(struct world *w, u32 vcpus, u64 size, u64 flags)
{
	const struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };

	assert_int_equal(ops(w)->vm_create(w->h, 0, KVM_X86_TDX_VM), 0);
	assert_int_equal(ops(w)->td_init(w->h, 0, &params), 0);
	for (u32 i = 0; i < vcpus; i++) {
		assert_int_equal(ops(w)->vcpu_create(w->h, 0, i), 0);
		assert_int_equal(ops(w)->vcpu_init(w->h, 0, i, 0), 0);
	}
	assert_int_equal(ops(w)->gmem_create(w->h, 0, 0, size, flags), 0);
	assert_int_equal(ops(w)->set_memory_region(w->h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, size, 0, 0), 0);
	assert_int_equal(ops(w)->set_attributes(w->h, 0, 0, size, PRIVATE), 0);
}

static inline void td_build(struct world *w, u32 vcpus, u64 size)
{
	td_build_with(w, vcpus, size, 0);
}

static inline void td_up(struct world *w, u32 vcpus, u64 size)
{
	td_build(w, vcpus, size);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
}

static inline int run(struct world *w, u32 vcpu, struct guest_op *op, struct host_exit *exit)
{
	struct host_exit ignored;

	return ops(w)->vcpu_run(w->h, 0, vcpu, op, exit ? exit : &ignored);
}

static inline int guest_touch(struct world *w, u32 vcpu, gpa_t gpa, struct host_exit *exit)
{
	struct guest_op op = { .kind = GUEST_WRITE, .gpa = gpa, .value = 0x77 };

	return run(w, vcpu, &op, exit);
}

/* TDG.MEM.PAGE.ACCEPT of one 4K page: KVM_RUN's result; *status is the guest's RAX. */
static inline int guest_accept(struct world *w, u32 vcpu, gpa_t gpa, u64 *status)
{
	struct guest_op op = { .kind = GUEST_TDCALL, .rax = 6, .regs = { .rcx = gpa } };
	int err = run(w, vcpu, &op, NULL);

	*status = op.rax;
	return err;
}

/* One side of a race: what it does it does to @gpa. */
struct race {
	struct world *w;
	u32 vcpu;
	gpa_t gpa;
	int err;
	u64 status;
};

static inline void race_accept(void *arg)
{
	struct race *race = arg;

	race->err = guest_accept(race->w, race->vcpu, race->gpa, &race->status);
}

/* Both sides to their ends, under the schedule that @seed makes. */
static inline void race_run(u64 seed, void (*a)(void *), struct race *one,
			    void (*b)(void *), struct race *two)
{
	struct env *env = one->w->env;

	choose_prng(&env->chooser, seed);
	choose_enable(&env->chooser, CHOICE_TASK, true);
	assert_true(task_create(env, "a", a, one) > 0);
	assert_true(task_create(env, "b", b, two) > 0);
	assert_true(task_run_all(env));
	choose_script(&env->chooser);
}

static inline void accept_ok(struct world *w, u32 vcpu, gpa_t gpa)
{
	u64 status = ~0ULL;

	assert_int_equal(guest_accept(w, vcpu, gpa, &status), 0);
	assert_int_equal(status, 0);
}

static inline struct host_vm_view vm_view(struct world *w, u32 vm)
{
	struct host_vm_view view;

	ops(w)->probe_vm(w->h, vm, &view);
	return view;
}

static inline struct host_folio_view folio_view(struct world *w, u32 gmem, u64 offset)
{
	struct host_folio_view view;

	ops(w)->probe_folio(w->h, gmem, offset, &view);
	return view;
}

static inline struct tdx_sept_view sept_view(struct world *w, gpa_t gpa)
{
	struct tdx_sept_view view = { 0 };

	tdx_probe_sept(w->tdx, vm_view(w, 0).tdr, gpa, 0, &view);
	return view;
}

/* The @nth call of @leaf from now on is refused with @status, @times times. */
static inline void refuse(struct world *w, u16 leaf, u32 nth, u32 times, u64 status)
{
	const struct inject_rule rule = {
		.leaf = leaf, .kind = INJECT_REFUSE, .nth = nth, .times = times, .status = status,
	};

	assert_int_equal(inject_add(w->env, &rule), 0);
}

#endif /* SEPTUM_TESTS_KVM_COMMON_H */
