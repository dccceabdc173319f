/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests of huge S-EPT leaves share: a machine with 2M folios, a TD on
 * it, and looks at leaves.
 */
#ifndef SEPTUM_TESTS_KVM_HUGE_H
#define SEPTUM_TESTS_KVM_HUGE_H

#include "model/kvm/series_bugs.h"
#include "model/kvm/tdp_mmu.h"
#include "tests/kvm_common.h"

#define PAGES_2M	512
#define ACCEPT_2M	1

static inline struct kvm *the_kvm(struct world *w)
{
	return host_open_vm(w->h, 0);
}

static inline u32 calls(struct world *w, u16 leaf)
{
	return w->env->injector.calls[leaf];
}

struct machine {
	u8 sept_huge, version;
	u8 bug;
	bool erratum, dpamt;
};

static inline struct world *huge_world(const struct machine *machine)
{
	const struct host_config config = {
		.policy = "no-hold", .sept_huge = machine->sept_huge, .gmem_page = PG_LEVEL_2M,
		.hugetlb_2m = 8, .series_bug = machine->bug, .dpamt = machine->dpamt,
	};
	const struct tdx_config tdx_config = {
		.version = machine->version, .zero_step = true, .dynamic_pamt = machine->dpamt,
	};
	struct hw_config hw_config = hw_config_default;

	hw_config.partial_write_erratum = machine->erratum;
	return world_create_as(&config, &tdx_config, &hw_config);
}

static inline int setup_huge(void **state)
{
	*state = huge_world(&(struct machine){ PG_LEVEL_2M, TDX_MODULE_1_5_NOINTR });
	return 0;
}

/* A TD with @vcpus vCPUs and 8M of private memory in 2M folios. */
static inline void td_huge_up(struct world *w, u32 vcpus)
{
	td_build_with(w, vcpus, 8 * MB, GUEST_MEMFD_FLAG_HUGETLB | GUESTMEM_HUGETLB_FLAG_2MB);
	assert_int_equal(ops(w)->finalize(w->h, 0), 0);
}

static inline void accept_2m(struct world *w, gpa_t gpa)
{
	accept_ok(w, 0, gpa | ACCEPT_2M);
}

static inline void pre_fault(struct world *w, gpa_t gpa)
{
	u64 size = 4 * KB;

	assert_int_equal(ops(w)->pre_fault(w->h, 0, 0, &gpa, &size), 0);
}

static inline struct host_spte_view mirror(struct world *w, gpa_t gpa)
{
	struct host_spte_view view;

	assert_int_equal(ops(w)->probe_spte(w->h, 0, gpa, true, &view), 0);
	return view;
}

static inline u64 guest_read(struct world *w, u32 vcpu, gpa_t gpa)
{
	struct guest_op op = { .kind = GUEST_READ, .gpa = gpa };

	assert_int_equal(run(w, vcpu, &op, NULL), 0);
	return op.value;
}

/* Each page of the first @pages holds its own number. */
static inline void fill(struct world *w, u64 pages)
{
	for (u64 i = 0; i < pages; i++) {
		struct guest_op op = { .kind = GUEST_WRITE, .gpa = i * PAGE_SIZE, .value = 1000 + i };

		assert_int_equal(run(w, 0, &op, NULL), 0);
	}
}

#endif /* SEPTUM_TESTS_KVM_HUGE_H */
