// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum campaign`: random worlds and faults for so many seconds. The clock
 * decides only how many runs there are, never what one of them does: run N of a
 * seed is the same run everywhere. SIGINT ends it with the summary.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim/campaign.h"
#include "sim/cmd.h"
#include "sim/witness.h"

#define RUNS_A_LOOK	64	/* between looks at the clock and at signals */

struct campaign_request {
	u64 seconds, runs, seed;
	const char *output;
	u64 show;
	bool only_show;
	bool progress;
	double begun;
	struct campaign campaign;
};

static int set_seconds(void *ctx, const char *text)
{
	return option_u64("--seconds", text, &((struct campaign_request *)ctx)->seconds);
}

static int set_runs(void *ctx, const char *text)
{
	return option_u64("--runs", text, &((struct campaign_request *)ctx)->runs);
}

static int set_seed(void *ctx, const char *text)
{
	return option_u64("--seed", text, &((struct campaign_request *)ctx)->seed);
}

static int set_show(void *ctx, const char *text)
{
	((struct campaign_request *)ctx)->only_show = true;
	return option_u64("--print", text, &((struct campaign_request *)ctx)->show);
}

static int set_policy(void *ctx, const char *text)
{
	((struct campaign_request *)ctx)->campaign.policy = text;
	return 0;
}

static int set_output(void *ctx, const char *text)
{
	((struct campaign_request *)ctx)->output = text;
	return 0;
}

static const struct option_row rows[] = {
	{ "--seconds", "S", "stop after so many seconds", set_seconds },
	{ "--runs", "N", "stop after so many runs", set_runs },
	{ "--seed", "N", "another campaign (1)", set_seed },
	{ "--policy", "P", "only with this hold policy", set_policy },
	{ "--print", "N", "print the scenario of run N and run nothing", set_show },
	{ "-o", "DIR", "write each finding as a scenario into DIR", set_output },
};

static double seconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* SIGINT is blocked while we run; one that waits ends the campaign. */
static bool interrupted(void)
{
	sigset_t pending;

	return !sigpending(&pending) && sigismember(&pending, SIGINT);
}

static void print_progress(const struct campaign_request *request)
{
	const struct campaign *campaign = &request->campaign;
	double spent = seconds_now() - request->begun;

	fprintf(stderr, "\r%6.1f s  %llu runs  %llu steps  %.0f steps/s  %llu faults  %u findings ",
		spent, (unsigned long long)campaign->runs, (unsigned long long)campaign->steps,
		campaign->steps / (spent > 0 ? spent : 1), (unsigned long long)campaign->faults,
		campaign->key_count);
}

/* -- Findings -- */

static void write_finding(const struct campaign_request *request, const struct shrinker *shrinker,
			  const struct run_result *result, u64 number)
{
	char path[512], list[SHRINK_CHOICES_MAX], *text = scn_print(shrinker->scn);
	FILE *out;

	witness_list_text(&shrinker->choices, shrinker->choice_kinds, list, sizeof(list));
	snprintf(path, sizeof(path), "%s/campaign-%llu-%llu.scn", request->output,
		 (unsigned long long)request->seed, (unsigned long long)number);
	out = fopen(path, "w");
	if (!out) {
		perror(path);
	} else {
		fprintf(out, "# %s\n# septum run%s%s%s %s\n", result->diag.text,
			list[0] ? " --choices '" : "", list, list[0] ? "'" : "", path);
		fputs(text, out);
		fclose(out);
		printf("  %s\n", path);
	}
	free(text);
}

static void show_finding(struct campaign_request *request, struct shrinker *shrinker,
			 const struct run_result *first, u64 number)
{
	struct run_result result;
	u32 lines = shrinker->scn->node_count;

	if (request->progress)
		fprintf(stderr, "\r%*s\r", 78, "");
	printf("finding: run %llu: %s: %s\n", (unsigned long long)number,
	       run_verdict_names[first->verdict], first->diag.text);
	if (shrink_start(shrinker, &result)) {
		shrink_scenario(shrinker);
		printf("  shrunk from %u to %u lines in %llu runs\n", lines,
		       shrinker->scn->node_count, (unsigned long long)shrinker->runs);
	} else {
		printf("  needs its healed phase: not shrunk\n");
		result = *first;
	}
	if (result.diag.note[0])
		printf("%s", result.diag.note);
	if (request->output)
		write_finding(request, shrinker, &result, number);
	fflush(stdout);
	scn_free(shrinker->scn);
}

static void print_summary(const struct campaign_request *request)
{
	const struct campaign *campaign = &request->campaign;
	double spent = seconds_now() - request->begun;

	if (request->progress)
		fprintf(stderr, "\r%*s\r", 78, "");
	printf("campaign: seed %llu, %llu runs, %llu steps, %llu SEAMCALLs, %llu faults, "
	       "%llu failures, %u findings\n", (unsigned long long)request->seed,
	       (unsigned long long)campaign->runs, (unsigned long long)campaign->steps,
	       (unsigned long long)campaign->seamcalls, (unsigned long long)campaign->faults,
	       (unsigned long long)campaign->failures, campaign->key_count);
	if (campaign->unbuildable)
		printf("  %llu runs had a world that cannot be built\n",
		       (unsigned long long)campaign->unbuildable);
	fprintf(stderr, "septum: %.1f s, %.0f steps/s\n", spent,
		campaign->steps / (spent > 0 ? spent : 1));
}

static bool time_is_up(const struct campaign_request *request, u64 number)
{
	if (request->runs && number >= request->runs)
		return true;
	if (number % RUNS_A_LOOK)
		return false;
	if (request->progress && number % (RUNS_A_LOOK * 16) == 0)
		print_progress(request);
	return interrupted() ||
	       (request->seconds && seconds_now() - request->begun >= request->seconds);
}

static int run_campaign(struct campaign_request *request)
{
	struct shrinker *shrinker = calloc(1, sizeof(*shrinker));
	struct run_result result;
	u64 number;

	if (!shrinker)
		return EXIT_INTERNAL;
	request->campaign.seed = request->seed;
	request->begun = seconds_now();
	for (number = 0; !time_is_up(request, number); number++) {
		memset(shrinker, 0, sizeof(*shrinker));
		if (campaign_run(&request->campaign, number, shrinker, &result))
			show_finding(request, shrinker, &result, number);
	}
	print_summary(request);
	sim_cache_free(&request->campaign.cache);
	free(shrinker);
	return request->campaign.key_count ? EXIT_INVARIANT : EXIT_AS_EXPECTED;
}

static int show_script(const struct campaign_request *request)
{
	struct campaign_script script;

	campaign_write_script(&script, request->seed, request->show, request->campaign.policy);
	fputs(script.text, stdout);
	return 0;
}

int cmd_campaign(int argc, char **argv)
{
	struct campaign_request *request = calloc(1, sizeof(*request));
	struct option_words words = { 0 };
	sigset_t interrupt;
	int status;

	if (!request)
		return EXIT_INTERNAL;
	request->seed = 1;
	request->progress = isatty(STDERR_FILENO);
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	status = options_parse("campaign", argc, argv, rows, ARRAY_SIZE(rows), request, &words);
	if (!status && words.count)
		status = usage_error("campaign: '%s' is no option", words.word[0]);
	if (!status && request->only_show)
		status = show_script(request);
	else if (!status && !request->seconds && !request->runs)
		status = usage_error("campaign: how long? --seconds S or --runs N");
	if (!status && !request->only_show) {
		sigprocmask(SIG_BLOCK, &interrupt, NULL);
		status = run_campaign(request);
	}
	option_words_free(&words);
	free(request);
	return status < 0 ? 0 : status;
}
