// SPDX-License-Identifier: GPL-2.0-only
/*
 * The machines of ops_machines.def, each under each hold policy, bare or with a
 * running TD on it. One is built when the first input asks for it and kept: later
 * inputs go back to its snapshot, which is taken with the TD already running.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/lib_ops_machines.h"
#include "sim/base/asan.h"
#include "sim/run_impl.h"

#ifdef SEPTUM_ASAN
#include <sanitizer/lsan_interface.h>
#endif

static const char *const machines[] = {
#define MACHINE(settings) settings,
#include "fuzz/ops_machines.def"
#undef MACHINE
};

static const char *const policies[] = {
#define HOLD_POLICY(identifier, name, summary) name,
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
};

/* Bit 7 of the first byte is the prologue's. */
_Static_assert(ARRAY_SIZE(machines) <= 128, "a byte picks the machine");

/* A TD with a vCPU, 4M of private memory at 0 and one page accepted; huge leaves: 2M more. */
static const char prologue_text[] =
	"# A TD with one vCPU, 4M of private memory and accepted pages.\n"
	"host create_vm td0 = 0\n"
	"host init_td td0 = 0\n"
	"host create_gmem g0 size=4M td=td0 = 0\n"
	"host set_region slot=0 gpa=0 size=4M gmem=g0 td=td0 = 0\n"
	"host set_attributes gpa=0 size=4M private td=td0 = 0 [order vm-attr]\n"
	"host create_vcpu vcpu0 = 0\n"
	"host init_vcpu vcpu0 = 0\n"
	"host init_mem gpa=0 size=4K vcpu=vcpu0 = 0\n"
	"host finalize td0 = 0\n"
	"vcpu0 accept gpa=0x1000 size=4K = 0\n";
static const char prologue_huge_text[] =
	"# Where leaves may be huge, so is one of its pages.\n"
	"vcpu0 accept gpa=2M size=2M = 0\n";

struct machine {
	struct sim *sim;
	struct run_world world;		/* what the runner knows after the prologue */
	u32 steps;
};

static struct {
	struct machine *machine[ARRAY_SIZE(machines)][ARRAY_SIZE(policies)][2];
	struct scn *prologue, *prologue_huge;
	struct run_options options;
	u64 defects;
} lib;

/*
 * What is built here lives until the process ends, and the arenas that know of
 * it are no memory LeakSanitizer looks into.
 */
void ops_no_leaks(bool begin)
{
#ifdef SEPTUM_ASAN
	if (begin)
		__lsan_disable();
	else
		__lsan_enable();
#endif
}

void ops_give_up(const char *what, const char *why)
{
	fprintf(stderr, "fuzz: %s: %s\n", what, why);
	exit(4);
}

static struct scn *parse(const char *text)
{
	struct diag diag;
	struct scn *scn;

	diag_clear(&diag);
	scn = scn_parse_text("prologue", text, strlen(text), &diag);
	if (!scn)
		ops_give_up("prologue", diag.text);
	return scn;
}

void ops_machines_init(u64 defects)
{
	lib.defects = defects;
	lib.options = (struct run_options){ .no_results = true, .checks_at_end = true };
	lib.prologue = parse(prologue_text);
	lib.prologue_huge = parse(prologue_huge_text);
}

static void configure(struct sim_config *config, const char *settings)
{
	char text[256], why[160], *word, *rest, *value;

	snprintf(text, sizeof(text), "%s", settings);
	for (word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
		value = strchr(word, '=');
		if (!value)
			ops_give_up(word, "no value");
		*value++ = '\0';
		if (sim_config_set(config, word, value, why, sizeof(why)))
			ops_give_up(word, why);
	}
}

static bool huge_leaves(const struct sim_config *config)
{
	return config->host.sept_huge > PG_LEVEL_4K && config->host.gmem_page > PG_LEVEL_4K;
}

static void run_text(struct run *run, const struct scn *scn)
{
	const struct scn_step *step;
	u32 i;

	for (i = 0; i < scn->node_count; i++) {
		if (scn->node[i].kind != SCN_STEP)
			continue;
		step = scn->node[i].step;
		if (step->limit_count &&
		    !run_limits_hold(scn, 0, &run->sim->config, step->limit, step->limit_count))
			continue;
		if (!run_step(run, step, NULL))
			ops_give_up("prologue", run->result->diag.text);
	}
}

/* What the first two bytes of an input ask for. */
struct wish {
	u32 row, policy;
	bool prologue;
};

static struct wish wish_of(const u8 *data, size_t size)
{
	return (struct wish){
		.row = size ? (data[0] & 0x7f) % ARRAY_SIZE(machines) : 0,
		.policy = size > 1 ? data[1] % ARRAY_SIZE(policies) : 0,
		.prologue = size && !(data[0] & 0x80),
	};
}

static struct machine *build(const struct wish *wish)
{
	struct machine *machine = calloc(1, sizeof(*machine));
	struct sim_config config;
	struct run_result result;
	char why[160];
	struct run run;

	if (!machine)
		ops_give_up("machine", "no memory");
	sim_config_default(&config);
	config.defects = lib.defects;
	configure(&config, machines[wish->row]);
	config.host.policy = policies[wish->policy];
	machine->sim = sim_create(&config, why, sizeof(why));
	if (!machine->sim)
		ops_give_up(machines[wish->row], why);
	if (!wish->prologue)
		return machine;
	run_begin(&run, machine->sim, NULL, &lib.options, &result);
	run_text(&run, lib.prologue);
	if (huge_leaves(&config))
		run_text(&run, lib.prologue_huge);
	machine->world = run.world;
	machine->steps = result.steps;
	arena_snapshot(machine->sim->env->arena);
	return machine;
}

void ops_machine_begin(struct run *run, const u8 *data, size_t size,
		       const struct run_options *options, struct run_result *result)
{
	struct wish wish = wish_of(data, size);
	struct machine **machine = &lib.machine[wish.row][wish.policy][wish.prologue];

	if (!*machine) {
		ops_no_leaks(true);
		*machine = build(&wish);
		ops_no_leaks(false);
	}
	run_begin(run, (*machine)->sim, NULL, options, result);
	run->world = (*machine)->world;
	result->steps = (*machine)->steps;
}

void ops_machine_print(FILE *out, const u8 *data, size_t size)
{
	struct wish wish = wish_of(data, size);
	struct sim_config config;

	sim_config_default(&config);
	configure(&config, machines[wish.row]);
	fprintf(out, "set policy=%s %s\n%s%s", policies[wish.policy], machines[wish.row],
		wish.prologue ? prologue_text : "",
		wish.prologue && huge_leaves(&config) ? prologue_huge_text : "");
}

/* The bytes that ask for the machine of @config, as near as there is one. */
void ops_machine_encode(const struct sim_config *wanted, u8 *data)
{
	struct sim_config config;
	u32 i, score, best = 0;

	data[0] = data[1] = 0;
	for (i = 0; i < ARRAY_SIZE(policies); i++)
		if (!strcmp(policies[i], wanted->host.policy))
			data[1] = (u8)i;
	for (i = 0; i < ARRAY_SIZE(machines); i++) {
		sim_config_default(&config);
		configure(&config, machines[i]);
		score = 1 + 8 * !strcmp(config.host.order, wanted->host.order) +
			4 * (config.host.gmem_page == wanted->host.gmem_page) +
			4 * (config.host.sept_huge == wanted->host.sept_huge) +
			2 * (config.host.hvo == wanted->host.hvo) +
			(config.tdx.dynamic_pamt == wanted->tdx.dynamic_pamt);
		if (score > best) {
			best = score;
			data[0] = (u8)i;
		}
	}
}
