// SPDX-License-Identifier: GPL-2.0-only
/*
 * The rows of `septum bench`. Each drives the host table the way a VMM would,
 * or the SEAMCALL seam directly, on a machine of its own; only the part named
 * in the row is inside the clock. Sweep and campaign are measured on one processor,
 * the explorer in bench_explore.c. Left out: the fuzzers, which print their own speed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "model/kvm/kvm_uapi.h"
#include "model/tdx/guest.h"
#include "model/tdx/tables.h"
#include "sim/bench.h"
#include "sim/campaign.h"
#include "sim/cmd.h"
#include "sim/run.h"
#include "sim/sweep.h"

#define PAGES_PER_2M	512

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double failed(struct bench_world *world, const char *what, s64 rc)
{
	snprintf(world->why, sizeof(world->why), "%s answered %lld", what, (long long)rc);
	return -1;
}

/* A runnable TD with one vCPU and @bytes of private memory from gpa 0. */
static int build_td(struct bench_world *world, u64 bytes)
{
	struct host *h = world->sim->host;
	const struct host_ops *ops = h->ops;
	struct host_td_params params = { .attributes = BIT_ULL(28), .gpaw = 48 };
	static const u64 page_flags[] = {
		[PG_LEVEL_2M] = GUEST_MEMFD_FLAG_HUGETLB | GUESTMEM_HUGETLB_FLAG_2MB,
		[PG_LEVEL_1G] = GUEST_MEMFD_FLAG_HUGETLB | GUESTMEM_HUGETLB_FLAG_1GB,
	};
	int rc;

	sim_reset(world->sim);
	rc = ops->vm_create(h, 0, KVM_X86_TDX_VM);
	rc = rc ? rc : ops->td_init(h, 0, &params);
	rc = rc ? rc : ops->gmem_create(h, 0, 0, bytes,
					page_flags[world->sim->config.host.gmem_page]);
	rc = rc ? rc : ops->set_memory_region(h, 0, 0, KVM_MEM_GUEST_MEMFD, 0, bytes, 0, 0);
	/* With conversion in place a file is private from the start. */
	if (!strcmp(world->sim->config.host.order, "vm-attr"))
		rc = rc ? rc : ops->set_attributes(h, 0, 0, bytes, KVM_MEMORY_ATTRIBUTE_PRIVATE);
	rc = rc ? rc : ops->vcpu_create(h, 0, 0);
	rc = rc ? rc : ops->vcpu_init(h, 0, 0, 0);
	rc = rc ? rc : ops->finalize(h, 0);
	if (rc)
		failed(world, "building a TD", rc);
	return rc;
}

/* TDG.MEM.PAGE.ACCEPT of 4K pages one after the other, faults served on the way. */
static int accept_pages(struct host *h, gpa_t gpa, u32 count)
{
	struct guest_op op = {
		.kind = GUEST_TDCALL, .rax = TDG_MEM_PAGE_ACCEPT & ~TDX_TRACE_TDCALL,
		.regs = { .rcx = gpa }, .repeat = count - 1,
	};
	struct host_exit exit;
	int rc;

	/* A step of its own: what went on before is no endless loop of this one. */
	h->env->checker.step++;
	rc = h->ops->vcpu_run(h, 0, 0, &op, &exit);
	if (rc)
		return rc;
	return op.done && !op.rax && !op.repeat ? 0 : -EIO;
}

/*
 * A guest that sweeps a range, as one at boot does: for each page a touch that
 * leaves the TD, the fault served by every layer, the entry, the acceptance.
 */
static int accept_range(struct bench_world *world, u64 bytes)
{
	u64 size;
	gpa_t gpa;
	int rc;

	for (gpa = 0; gpa < bytes; gpa += size) {
		size = bytes - gpa < SZ_2M ? bytes - gpa : SZ_2M;
		rc = accept_pages(world->sim->host, gpa, (u32)(size / PAGE_SIZE));
		if (rc) {
			failed(world, "accept", rc);
			return rc;
		}
	}
	return 0;
}

/* -- one SEAMCALL -- */

#define SEAMCALL_PAGES	4096
#define SEAMCALL_ORDER	9	/* frames come in blocks: the host table hands out few */

static u64 leaf_call(struct bench_world *world, u16 leaf, u64 rcx, u64 rdx, u64 r8)
{
	struct tdx_module_args args = { .rcx = rcx, .rdx = rdx, .r8 = r8 };

	return seamcall(world->sim->tdx, 0, leaf, &args);
}

/* The gpa of the nth page that is not the first of its 2M: that one made the tables. */
static gpa_t spare_gpa(u32 n)
{
	return (u64)(n / (PAGES_PER_2M - 1)) * SZ_2M + (1 + n % (PAGES_PER_2M - 1)) * PAGE_SIZE;
}

static double measure_seamcall(struct bench_world *world)
{
	u64 bytes = ALIGN_UP(SEAMCALL_PAGES + 16, PAGES_PER_2M) * PAGE_SIZE + SZ_2M, status = 0;
	struct host *h = world->sim->host;
	struct host_vm_view vm;
	kvm_pfn_t block[SEAMCALL_PAGES >> SEAMCALL_ORDER], pfn;
	double start;
	gpa_t gpa;
	u32 i;

	if (build_td(world, bytes) || h->ops->probe_vm(h, 0, &vm))
		return -1;
	for (gpa = 0; gpa < bytes; gpa += SZ_2M)
		if (accept_pages(h, gpa, 1))
			return failed(world, "accept", 0);
	for (i = 0; i < ARRAY_SIZE(block); i++)
		if (h->ops->page_alloc(h, SEAMCALL_ORDER, &block[i]))
			return failed(world, "page_alloc", i);
	start = now();
	for (i = 0; i < SEAMCALL_PAGES; i++) {
		pfn = block[i >> SEAMCALL_ORDER] + (i & ((1u << SEAMCALL_ORDER) - 1));
		status |= leaf_call(world, TDH_MEM_PAGE_AUG, spare_gpa(i), vm.tdr, pfn_to_hpa(pfn));
	}
	for (i = 0; i < SEAMCALL_PAGES; i++)
		status |= leaf_call(world, TDH_MEM_RANGE_BLOCK, spare_gpa(i), vm.tdr, 0);
	status |= leaf_call(world, TDH_MEM_TRACK, vm.tdr, 0, 0);
	for (i = 0; i < SEAMCALL_PAGES; i++)
		status |= leaf_call(world, TDH_MEM_PAGE_REMOVE, spare_gpa(i), vm.tdr, 0);
	start = now() - start;
	if (status)
		return failed(world, "a SEAMCALL", (s64)status);
	return start / (3 * SEAMCALL_PAGES + 1) * 1e9;
}

/* -- touch and accept, pre-fault, punch -- */

#define TOUCH_BYTES	(64 * SZ_2M / 2)

static double measure_touch(struct bench_world *world)
{
	double start;

	if (build_td(world, TOUCH_BYTES))
		return -1;
	start = now();
	if (accept_range(world, TOUCH_BYTES))
		return -1;
	return (now() - start) / (TOUCH_BYTES / PAGE_SIZE) * 1e9;
}

#define CURVE_FIRST_PAGES	1024
#define CURVE_STEP		4

static bool measure_point(struct bench_world *world, struct bench_point *point)
{
	double start, ns;

	if (build_td(world, point->pages * PAGE_SIZE))
		return false;
	start = now();
	if (accept_range(world, point->pages * PAGE_SIZE))
		return false;
	ns = (now() - start) / point->pages * 1e9;
	if (!point->ns || ns < point->ns)
		point->ns = ns;
	return true;
}

/* The dearest page of all sizes against the cheapest: 1 is a straight line. */
static double measure_linear(struct bench_world *world)
{
	double least = 0, most = 0;
	u32 i;

	world->curve_count = world->quick ? 3 : 5;
	for (i = 0; i < world->curve_count; i++) {
		struct bench_point *point = &world->curve[i];

		point->pages = i ? point[-1].pages * CURVE_STEP : CURVE_FIRST_PAGES;
		if (!measure_point(world, point))
			return -1;
		least = i && least < point->ns ? least : point->ns;
		most = i && most > point->ns ? most : point->ns;
	}
	return most / least;
}

static double measure_prefault(struct bench_world *world)
{
	struct host *h = world->sim->host;
	u64 size = TOUCH_BYTES;
	gpa_t gpa = 0;
	double start;
	int rc;

	if (build_td(world, TOUCH_BYTES))
		return -1;
	start = now();
	rc = h->ops->pre_fault(h, 0, 0, &gpa, &size);
	start = now() - start;
	if (rc || size)
		return failed(world, "KVM_PRE_FAULT_MEMORY", rc);
	return start / (TOUCH_BYTES / PAGE_SIZE) * 1e9;
}

static double measure_punch(struct bench_world *world)
{
	struct host *h = world->sim->host;
	double start;
	int rc;

	if (build_td(world, TOUCH_BYTES) || accept_range(world, TOUCH_BYTES))
		return -1;
	start = now();
	rc = h->ops->fallocate(h, 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, TOUCH_BYTES);
	start = now() - start;
	if (rc)
		return failed(world, "fallocate", rc);
	return start / (TOUCH_BYTES / PAGE_SIZE) * 1e9;
}

/* -- one page out of a huge one -- */

#define HUGE_PAGES	64

static int accept_huge(struct host *h, gpa_t gpa)
{
	struct guest_op op = {
		.kind = GUEST_TDCALL, .rax = TDG_MEM_PAGE_ACCEPT & ~TDX_TRACE_TDCALL,
		.regs = { .rcx = gpa | 1 },
	};
	struct host_exit exit;

	h->env->checker.step++;
	return h->ops->vcpu_run(h, 0, 0, &op, &exit) ?: op.rax ? -EIO : 0;
}

/* BLOCK, TRACK, DEMOTE; the folio in 512; then what it takes to remove 4K. */
static double measure_demote(struct bench_world *world)
{
	struct host *h = world->sim->host;
	double start;
	u64 offset;
	gpa_t gpa;
	int rc;

	if (build_td(world, HUGE_PAGES * SZ_2M))
		return -1;
	for (gpa = 0; gpa < HUGE_PAGES * SZ_2M; gpa += SZ_2M) {
		rc = accept_huge(h, gpa);
		if (rc)
			return failed(world, "accept of 2M", rc);
	}
	start = now();
	for (gpa = PAGE_SIZE; gpa < HUGE_PAGES * SZ_2M; gpa += SZ_2M) {
		rc = h->ops->gmem_convert(h, 0, gpa, PAGE_SIZE, false, &offset);
		if (rc)
			return failed(world, "KVM_SET_MEMORY_ATTRIBUTES2", rc);
	}
	return (now() - start) * 1e6 / HUGE_PAGES;
}

/* -- a gigabyte in pieces -- */

#define GIGABYTE_KNOBS	"gmem-page=1G hugetlb-1G=1 hvo=on order=split-first-2026"

/* One page of a 1G folio becomes shared, and private again. */
static int convert_one(struct bench_world *world, bool to_private)
{
	u64 offset;
	int rc = world->sim->host->ops->gmem_convert(world->sim->host, 0, PAGE_SIZE, PAGE_SIZE,
						     to_private, &offset);

	if (rc)
		failed(world, "KVM_SET_MEMORY_ATTRIBUTES2", rc);
	return rc;
}

static int build_gigabyte(struct bench_world *world)
{
	int rc = build_td(world, SZ_1G);

	rc = rc ? rc : accept_pages(world->sim->host, 0, 1);
	return rc ? (int)failed(world, "a gigabyte", rc) : 0;
}

static double measure_restructure(struct bench_world *world)
{
	double start;

	if (build_gigabyte(world))
		return -1;
	start = now();
	if (convert_one(world, false) || convert_one(world, true))
		return -1;
	return (now() - start) * 1e3;
}

/* -- the conversion loop -- */

static int convert(struct bench_world *world, u64 bytes, u64 attributes)
{
	struct host *h = world->sim->host;
	gpa_t gpa;
	int rc;

	for (gpa = 0; gpa < bytes; gpa += SZ_2M) {
		rc = h->ops->set_attributes(h, 0, gpa, SZ_2M, attributes);
		if (rc) {
			failed(world, "KVM_SET_MEMORY_ATTRIBUTES", rc);
			return rc;
		}
	}
	return 0;
}

static double measure_convert(struct bench_world *world)
{
	u64 bytes = world->quick ? SZ_1G / 4 : 4 * SZ_1G;
	struct host *h = world->sim->host;
	double start;
	int rc;

	if (build_td(world, bytes) || accept_range(world, bytes))
		return -1;
	start = now();
	if (convert(world, bytes, 0))
		return -1;
	/* What a VMM does with the private copy once the guest uses shared memory. */
	rc = h->ops->fallocate(h, 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, bytes);
	if (rc)
		return failed(world, "fallocate", rc);
	if (convert(world, bytes, KVM_MEMORY_ATTRIBUTE_PRIVATE) || accept_range(world, bytes))
		return -1;
	return now() - start;
}

/* -- reset -- */

#define RESETS	2000

/* What a fuzz input leaves behind: a TD, a few pages, a hole. */
static double measure_reset(struct bench_world *world)
{
	struct host *h = world->sim->host;
	double start, sum = 0;
	u32 i;

	for (i = 0; i < RESETS; i++) {
		if (build_td(world, 2 * SZ_2M) || accept_range(world, 16 * PAGE_SIZE) ||
		    h->ops->fallocate(h, 0, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				      0, 4 * PAGE_SIZE))
			return -1;
		start = now();
		sim_reset(world->sim);
		sum += now() - start;
	}
	return sum / RESETS * 1e6;
}

/* -- scenarios -- */

#define SCENARIO_FILES	1000

static int run_file(struct bench_world *world, struct sim_cache *cache, const char *path)
{
	struct run_options options = { 0 };
	struct run_result result;
	struct sim_config config;
	struct diag diag;
	struct scn *scn;
	struct sim *sim;

	diag_clear(&diag);
	scn = scn_parse_file(path, &diag);
	if (!scn || !run_config(scn, &options, &config, &diag)) {
		snprintf(world->why, sizeof(world->why), "%.160s", diag.text);
		scn_free(scn);
		return -1;
	}
	sim = sim_cache_get(cache, &config, world->why, sizeof(world->why));
	if (sim)
		run_scenario(sim, scn, &options, &result);
	scn_free(scn);
	return sim ? 0 : -1;
}

/* Reading, running and checking files, over and over until it was a thousand. */
static double measure_scenarios(struct bench_world *world)
{
	struct path_list paths = { 0 };
	struct sim_cache cache = { 0 };
	double start = 0;
	u32 i;

	if (paths_gather(&paths, world->scenarios) || !paths.count) {
		snprintf(world->why, sizeof(world->why), "no scenarios in '%.100s'",
			 world->scenarios);
		paths_free(&paths);
		return -1;
	}
	start = now();
	for (i = 0; i < SCENARIO_FILES; i++)
		if (run_file(world, &cache, paths.path[i % paths.count]))
			break;
	start = i == SCENARIO_FILES ? now() - start : -1;
	sim_cache_free(&cache);
	paths_free(&paths);
	return start;
}

/* -- searches -- */

/* Ordinary ones: brought up, touched, converted, removed. */
#define SWEPT	"convert"

static bool no_end(void *ctx, const struct sweep_cell *cell)
{
	return false;
}

/* All single faults of the first variant; how many cells, negative when it fails. */
static double sweep_file(struct bench_world *world, struct sim_cache *cache, const char *path)
{
	struct run_options options = { 0 };
	struct sweep sweep = { .kinds = ~0u, .cell = no_end };
	struct run_result result;
	struct sim_config config;
	struct diag diag;
	struct scn *scn;
	bool good;

	diag_clear(&diag);
	scn = scn_parse_file(path, &diag);
	good = scn && run_config(scn, &options, &config, &diag);
	sweep.sim = good ? sim_cache_get(cache, &config, diag.text, sizeof(diag.text)) : NULL;
	sweep.scn = scn;
	good = sweep.sim && sweep_read_allow(&sweep, NULL, &diag) && sweep_run(&sweep, &result);
	if (!good)
		snprintf(world->why, sizeof(world->why), "%.100s: %.90s", path, diag.text);
	scn_free(scn);
	return good ? (double)sweep.cells : -1;
}

static double measure_sweep(struct bench_world *world)
{
	struct path_list paths = { 0 };
	struct sim_cache cache = { 0 };
	double start = now(), cells = 0, some = 0;
	char directory[512];
	u32 i;

	snprintf(directory, sizeof(directory), "%s/" SWEPT, world->scenarios);
	if (paths_gather(&paths, directory))
		snprintf(world->why, sizeof(world->why), "no scenarios in '%.100s'", directory);
	for (i = 0; i < paths.count && some >= 0; i++) {
		some = sweep_file(world, &cache, paths.path[i]);
		cells += some;
	}
	start = now() - start;
	sim_cache_free(&cache);
	paths_free(&paths);
	return some > 0 ? start / cells * 1e6 : -1;
}

#define CAMPAIGN_RUNS	4000

/* Worlds, scenarios and verdicts of a campaign; what it finds is not shrunk. */
static double measure_campaign(struct bench_world *world)
{
	struct shrinker *shrinker = calloc(1, sizeof(*shrinker));
	struct campaign campaign = { .seed = 1 };
	struct run_result result;
	double start = now();
	u64 i;

	if (!shrinker)
		return failed(world, "memory", -ENOMEM);
	for (i = 0; i < CAMPAIGN_RUNS; i++)
		if (campaign_run(&campaign, i, shrinker, &result))
			scn_free(shrinker->scn);
	start = now() - start;
	sim_cache_free(&campaign.cache);
	free(shrinker);
	return start / (double)campaign.steps * 1e6;
}

/* -- memory -- */

static double resident_mib(void)
{
	FILE *statm = fopen("/proc/self/statm", "r");
	unsigned long size, resident = 0;

	if (!statm)
		return -1;
	if (fscanf(statm, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(statm);
	return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static double measure_memory(struct bench_world *world)
{
	if (build_td(world, SZ_1G) || accept_range(world, SZ_1G))
		return -1;
	return resident_mib();
}

/* What 262144 folios take that were one. */
static double measure_pieces(struct bench_world *world)
{
	double before;

	if (build_gigabyte(world))
		return -1;
	before = resident_mib();
	if (convert_one(world, false))
		return -1;
	return resident_mib() - before;
}

const struct bench benches[] = {
	{ "seamcall", "one SEAMCALL (AUG, BLOCK, REMOVE)", NULL,
	  UNIT_NS, 60, 60, 7, 0, NULL, measure_seamcall },
	{ "touch", "touch and accept a new 4K page, all layers", NULL,
	  UNIT_NS, 250, 250, 7, 0, NULL, measure_touch },
	{ "linear", "the same for 4 MiB to 1 GiB, dearest page against cheapest",
	  "the same for 4 MiB to 64 MiB, dearest page against cheapest",
	  UNIT_TIMES, 0, 0, 5, 0, NULL, measure_linear },
	{ "prefault", "KVM_PRE_FAULT_MEMORY, one 4K page", NULL,
	  UNIT_NS, 0, 0, 5, 0, NULL, measure_prefault },
	{ "punch", "punch a hole, one accepted 4K page", NULL,
	  UNIT_NS, 0, 0, 5, 0, NULL, measure_punch },
	{ "convert", "4 GiB private, shared, private; 4K pages, accepted",
	  "256 MiB private, shared, private; 4K pages, accepted",
	  UNIT_SECONDS, 0.6, 0.6 / 16, 3, 8 * SZ_1G, NULL, measure_convert },
	{ "demote", "make 4K of an accepted 2M page shared: DEMOTE, folio split, removal", NULL,
	  UNIT_US, 30, 30, 7, 0,
	  "gmem-page=2M hugetlb-2M=64 hvo=on sept-huge=2M module=1.5+nointr order=sept-first-2026",
	  measure_demote },
	{ "restructure", "1 GiB folio to 4K and back, one page shared and private again", NULL,
	  UNIT_MS, 20, 20, 7, 0, GIGABYTE_KNOBS, measure_restructure },
	{ "reset", "reset of a machine between fuzz inputs", NULL,
	  UNIT_US, 2, 2, 3, 0, NULL, measure_reset },
	{ "scenarios", "1,000 scenario files", NULL,
	  UNIT_SECONDS, 1, 1, 3, 0, NULL, measure_scenarios },
	{ "explore", "one state of a race with over a million, every schedule",
	  "one state of a race, 200,000 of over a million",
	  UNIT_US, 2.5, 2.5, 3, 0, NULL, bench_explore },
	{ "states", "memory of the explorer for a state it has seen, table slack included", NULL,
	  UNIT_BYTES, 40, 40, 1, 0, NULL, bench_states },
	/* 540,000 cells of all shipped scenarios in 60 s on two processors. */
	{ "sweep", "sweep, a cell; all scenarios on two processors in 60 s", NULL,
	  UNIT_US, 220, 220, 3, 0, NULL, measure_sweep },
	{ "campaign", "campaign, a step with its part of the world", NULL,
	  UNIT_US, 10, 10, 3, 0, NULL, measure_campaign },
	{ "memory", "memory for a 1 TiB host, 1 GiB of guest memory touched", NULL,
	  UNIT_MIB, 200, 200, 1, 1024 * SZ_1G, NULL, measure_memory },
	{ "pieces", "memory for the 4K folios of a split 1 GiB folio", NULL,
	  UNIT_MIB, 120, 120, 1, 0, GIGABYTE_KNOBS, measure_pieces },
};
const u32 bench_count = ARRAY_SIZE(benches);
