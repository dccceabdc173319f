// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum bench`: measure, compare with the budget, name the machine. A figure
 * over its budget is printed as such; it is never a failure, because a slow
 * machine is no bug.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/bench.h"
#include "sim/cmd.h"
#include "sim/diag.h"

struct bench_request {
	enum output_format format;
	bool quick;
};

static int set_quick(void *ctx, const char *text)
{
	((struct bench_request *)ctx)->quick = true;
	return 0;
}

static int set_format(void *ctx, const char *text)
{
	return option_format(text, &((struct bench_request *)ctx)->format);
}

static const struct option_row rows[] = {
	{ "--quick", NULL, "a smaller problem where the full one takes seconds", set_quick },
	{ "--format", "text|json", "form of the output", set_format },
};

static void format_figure(u8 unit, double value, char *text, size_t size)
{
	static const char *const names[] = {
		[UNIT_NS] = "ns", [UNIT_US] = "us", [UNIT_MS] = "ms", [UNIT_SECONDS] = "s", [UNIT_MIB] = "MiB",
		[UNIT_BYTES] = "bytes", [UNIT_TIMES] = "x",
	};
	int digits = value < 1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;

	snprintf(text, size, "%.*f %s", digits, value, names[unit]);
}

/* What a page costs by how many there are. */
static void print_curve(const struct bench_request *request, const struct bench_world *world)
{
	bool json = request->format == FORMAT_JSON;
	u32 i;

	for (i = 0; i < world->curve_count; i++) {
		const struct bench_point *point = &world->curve[i];

		if (json)
			printf("%s{\"pages\":%u,\"ns\":%.4g}", i ? "," : ",\"curve\":[",
			       point->pages, point->ns);
		else
			printf("%-10s  %8u pages %37.0f ns a page\n", "", point->pages, point->ns);
	}
	if (json && i)
		printf("]");
}

static void print_row(const struct bench_request *request, const struct bench *bench,
		      double value, const struct bench_world *world)
{
	const char *what = request->quick && bench->what_quick ? bench->what_quick : bench->what;
	double budget = request->quick ? bench->budget_quick : bench->budget;
	char figure[32], limit[32] = "-", ratio[32] = "-";

	format_figure(bench->unit, value, figure, sizeof(figure));
	if (budget > 0) {
		format_figure(bench->unit, budget, limit, sizeof(limit));
		snprintf(ratio, sizeof(ratio), "%.2f", value / budget);
	}
	if (request->format == FORMAT_JSON) {
		printf("{\"type\":\"bench\",\"name\":\"%s\",\"what\":\"%s\"", bench->name, what);
		if (value < 0) {
			printf(",\"error\":");
			json_string(stdout, world->why);
			printf("}\n");
			return;
		}
		printf(",\"value\":%.4g,\"text\":\"%s\",\"budget\":%.4g,\"budget_text\":\"%s\"",
		       value, figure, budget, limit);
		printf(",\"ratio\":%.3f", budget > 0 ? value / budget : 0);
		print_curve(request, world);
		if (world->note[0])
			printf(",\"note\":\"%s\"", world->note);
		printf("}\n");
	} else if (value < 0) {
		printf("%-10s  %-56s  not measured: %s\n", bench->name, what, world->why);
	} else {
		printf("%-10s  %-56s %10s %10s %6s\n", bench->name, what, figure, limit, ratio);
		print_curve(request, world);
		if (world->note[0])
			printf("%-10s  %s\n", "", world->note);
	}
}

/* @knobs: "KNOB=VALUE ...". False: @why says what is wrong with one. */
static bool set_knobs(struct sim_config *config, const char *knobs, char *why, size_t why_size)
{
	char text[256], *next = text, *knob, *value;

	snprintf(text, sizeof(text), "%s", knobs);
	while ((value = strsep(&next, " "))) {
		knob = strsep(&value, "=");
		if (!value || sim_config_set(config, knob, value, why, why_size))
			return false;
	}
	return true;
}

/* In a process of its own: one row's memory is not the next row's. */
static bool measure(const struct bench_request *request, const struct bench *bench)
{
	struct bench_world world = { .quick = request->quick, .scenarios = "scenarios" };
	struct sim_config config;
	double value, best = -1;
	u32 i;

	sim_config_default(&config);
	if (bench->ram_bytes)
		config.hw.ram_bytes = bench->ram_bytes;
	if (!bench->knobs || set_knobs(&config, bench->knobs, world.why, sizeof(world.why)))
		world.sim = sim_create(&config, world.why, sizeof(world.why));
	for (i = 0; world.sim && i < bench->repeats; i++) {
		value = bench->measure(&world);
		if (value < 0) {
			best = -1;
			break;
		}
		/* A curve gets better point by point: its last figure is the one it shows. */
		best = i && best < value && !world.curve_count ? best : value;
	}
	print_row(request, bench, best, &world);
	fflush(stdout);
	if (world.sim)
		sim_destroy(world.sim);
	return best >= 0;
}

static bool measure_apart(const struct bench_request *request, const struct bench *bench)
{
	int status = 0;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child)
		_exit(measure(request, bench) ? 0 : 1);
	if (child < 0)
		return measure(request, bench);
	waitpid(child, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void cpu_model(char *text, size_t size)
{
	FILE *info = fopen("/proc/cpuinfo", "r");
	char line[256], *colon;

	snprintf(text, size, "unknown CPU");
	while (info && fgets(line, sizeof(line), info)) {
		colon = strchr(line, ':');
		if (strncmp(line, "model name", 10) || !colon)
			continue;
		line[strcspn(line, "\n")] = 0;
		snprintf(text, size, "%s", colon + 2);
		break;
	}
	if (info)
		fclose(info);
}

static void print_machine(const struct bench_request *request)
{
	struct utsname os = { 0 };
	char cpu[256], text[512];
	const char *sanitized = "";

#ifdef __SANITIZE_ADDRESS__
	sanitized = ", with AddressSanitizer: these are not the figures to quote";
#endif
	cpu_model(cpu, sizeof(cpu));
	uname(&os);
	snprintf(text, sizeof(text), "%s, %ld CPUs, %s %.60s, compiler %s%s", cpu,
		 sysconf(_SC_NPROCESSORS_ONLN), os.sysname, os.release, __VERSION__, sanitized);
	if (request->format == FORMAT_JSON) {
		printf("{\"type\":\"machine\",\"text\":");
		json_string(stdout, text);
		printf("}\n");
	} else {
		printf("\nbest of several repeats, one core; %s\n", text);
	}
}

static const struct bench *bench_find(const char *name)
{
	struct diag_guess guess;
	char near[80];
	u32 i;

	diag_guess_start(&guess, name);
	for (i = 0; i < bench_count; i++) {
		if (!strcmp(benches[i].name, name))
			return &benches[i];
		diag_guess_add(&guess, benches[i].name);
	}
	usage_error("unknown benchmark '%s'%s", name, diag_guess_text(&guess, near, sizeof(near)));
	return NULL;
}

static bool measure_all(const struct bench_request *request)
{
	bool good = true;
	u32 i;

	for (i = 0; i < bench_count; i++)
		good = measure_apart(request, &benches[i]) && good;
	return good;
}

int cmd_bench(int argc, char **argv)
{
	struct bench_request request = { .format = FORMAT_TEXT };
	struct option_words words = { 0 };
	int status = options_parse("bench", argc, argv, rows, ARRAY_SIZE(rows), &request, &words);
	bool good = true;
	u32 i;

	if (status)
		return status < 0 ? 0 : status;
	for (i = 0; i < words.count; i++)
		if (!bench_find(words.word[i])) {
			option_words_free(&words);
			return EXIT_BAD_INPUT;
		}
	if (request.format != FORMAT_JSON)
		printf("%-10s  %-56s %10s %10s %6s\n", "name", "what", "measured", "budget", "ratio");
	for (i = 0; i < words.count; i++)
		good = measure_apart(&request, bench_find(words.word[i])) && good;
	if (!words.count)
		good = measure_all(&request);
	print_machine(&request);
	option_words_free(&words);
	return good ? 0 : EXIT_INTERNAL;
}
