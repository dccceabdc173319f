// SPDX-License-Identifier: GPL-2.0-only
/*
 * Drives a fuzz target without libFuzzer: each file named (or found in a
 * directory named) once, in sorted order, then -runs inputs made from them by
 * a seeded mutator. No coverage feedback; what it is for is a smoke test on
 * any compiler, the repetition of a finding, and a measure of the speed.
 *
 * Exit status: 0 nothing found, 2 usage, 3 a finding (the input is kept in
 * PREFIXcrash-input, -artifact_prefix=PREFIX).
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

#define INPUT_MAX	4096
#define SEED_MAX	4096
#define SEED_FILE_MAX	(1 << 20)

struct input {
	uint8_t *data;
	size_t size;
};

static struct {
	struct input seed[SEED_MAX];
	size_t seed_count;
	uint64_t random;
	const uint8_t *running;		/* for the signal handler */
	size_t running_size;
	char artifact[512];
	unsigned long runs, max_len;
	bool print;
} driver = { .random = 1, .max_len = 1024, .artifact = "crash-input" };

/* Sanitizer findings must come through the handler below, like any abort(). */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "abort_on_error=1:handle_abort=0:detect_leaks=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "abort_on_error=1:print_stacktrace=1";
}

static void keep_input(int signal)
{
	static const char text[] = "\ninput kept in ";
	int fd = open(driver.artifact, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	ssize_t done = 0;

	if (fd >= 0) {
		done = write(fd, driver.running, driver.running_size);
		close(fd);
		done += write(2, text, sizeof(text) - 1);
		done += write(2, driver.artifact, strlen(driver.artifact));
		done += write(2, "\n", 1);
	}
	_exit(done < 0 ? 4 : 3);
}

/* splitmix64: a fixed sequence for a fixed -seed, on every machine. */
static uint64_t random_next(void)
{
	uint64_t z = driver.random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static size_t random_below(size_t n)
{
	return n ? random_next() % n : 0;
}

static void run(const uint8_t *data, size_t size)
{
	/* An exact copy, so that reading past its end is seen by ASan. */
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		exit(4);
	if (size)
		memcpy(copy, data, size);
	driver.running = copy;
	driver.running_size = size;
	if (driver.print && fuzz_print)
		fuzz_print(copy, size);
	else
		LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void add_seed(const uint8_t *data, size_t size)
{
	struct input *seed;

	if (driver.seed_count == SEED_MAX || size == 0)
		return;
	seed = &driver.seed[driver.seed_count++];
	seed->data = malloc(size);
	if (!seed->data)
		exit(4);
	memcpy(seed->data, data, size);
	seed->size = size;
}

/* A scenario is a seed in text form; any other file is an input as it stands. */
static void add_file(const char *path)
{
	static uint8_t data[SEED_FILE_MAX];
	size_t length = strlen(path);
	FILE *file;

	if (fuzz_encode && length > 4 && !strcmp(path + length - 4, ".scn")) {
		add_seed(data, fuzz_encode(path, data, INPUT_MAX));
		return;
	}
	file = fopen(path, "rb");
	if (!file) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	add_seed(data, fread(data, 1, sizeof(data), file));
	fclose(file);
}

static void add_path(const char *path)
{
	struct dirent **entry;
	struct stat st;
	char name[4096];
	int count, i;

	if (stat(path, &st)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(2);
	}
	if (!S_ISDIR(st.st_mode)) {
		add_file(path);
		return;
	}
	count = scandir(path, &entry, NULL, alphasort);
	for (i = 0; i < count; i++) {
		if (entry[i]->d_name[0] != '.') {
			snprintf(name, sizeof(name), "%s/%s", path, entry[i]->d_name);
			add_path(name);
		}
		free(entry[i]);
	}
	if (count >= 0)
		free(entry);
}

/* One mutation: flip, set, insert, delete, copy within, or splice another seed. */
static size_t mutate(uint8_t *data, size_t size, size_t max)
{
	size_t at = random_below(size), from, n;

	switch (random_below(6)) {
	case 0:
		data[at] ^= (uint8_t)(1u << random_below(8));
		return size;
	case 1:
		data[at] = (uint8_t)random_next();
		return size;
	case 2:
		if (size == max)
			return size;
		memmove(data + at + 1, data + at, size - at);
		data[at] = (uint8_t)random_next();
		return size + 1;
	case 3:
		if (size <= 1)
			return size;
		memmove(data + at, data + at + 1, size - at - 1);
		return size - 1;
	case 4:
		from = random_below(size);
		n = 1 + random_below(16);
		n = n > size - at ? size - at : n;
		n = n > size - from ? size - from : n;
		memmove(data + at, data + from, n);
		return size;
	default:
		if (!driver.seed_count)
			return size;
		from = random_below(driver.seed_count);
		n = driver.seed[from].size < max - at ? driver.seed[from].size : max - at;
		memcpy(data + at, driver.seed[from].data, n);
		return at + n > size ? at + n : size;
	}
}

static void run_random(uint8_t *data)
{
	const struct input *seed;
	size_t size = 0, rounds, i;

	if (driver.seed_count && random_below(8)) {
		seed = &driver.seed[random_below(driver.seed_count)];
		size = seed->size < driver.max_len ? seed->size : driver.max_len;
		memcpy(data, seed->data, size);
	}
	if (!size) {
		size = 1 + random_below(driver.max_len);
		for (i = 0; i < size; i++)
			data[i] = (uint8_t)random_next();
	}
	for (rounds = 1 + random_below(8); rounds; rounds--)
		size = mutate(data, size, driver.max_len);
	run(data, size);
}

static void usage(const char *program)
{
	fprintf(stderr, "usage: %s [-runs=N] [-seed=N] [-max_len=N] [-artifact_prefix=PREFIX] [-print] "
		"[FILE|DIR]...\n", program);
	exit(2);
}

static void parse_option(const char *program, const char *option)
{
	if (!strncmp(option, "-runs=", 6))
		driver.runs = strtoul(option + 6, NULL, 0);
	else if (!strncmp(option, "-seed=", 6))
		driver.random = strtoull(option + 6, NULL, 0);
	else if (!strncmp(option, "-max_len=", 9))
		driver.max_len = strtoul(option + 9, NULL, 0);
	else if (!strncmp(option, "-artifact_prefix=", 17))
		snprintf(driver.artifact, sizeof(driver.artifact), "%scrash-input", option + 17);
	else if (!strcmp(option, "-print"))
		driver.print = true;
	else
		usage(program);
	if (driver.max_len < 1 || driver.max_len > SEED_FILE_MAX)
		usage(program);
}

int main(int argc, char **argv)
{
	struct timespec start, end;
	unsigned long i, total;
	double seconds;
	uint8_t *data;
	int arg;

	signal(SIGABRT, keep_input);
	if (LLVMFuzzerInitialize)
		LLVMFuzzerInitialize(&argc, &argv);
	for (arg = 1; arg < argc; arg++) {
		if (argv[arg][0] == '-')
			parse_option(argv[0], argv[arg]);
		else
			add_path(argv[arg]);
	}
	data = malloc(driver.max_len);
	if (!data)
		return 4;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < driver.seed_count; i++)
		run(driver.seed[i].data, driver.seed[i].size);
	for (i = 0; i < driver.runs; i++)
		run_random(data);
	clock_gettime(CLOCK_MONOTONIC, &end);
	free(data);
	total = driver.seed_count + driver.runs;
	for (i = 0; i < driver.seed_count; i++)
		free(driver.seed[i].data);
	seconds = (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9;
	if (!driver.print)
		printf("%lu inputs, nothing found, %.0f a second\n", total,
		       (double)total / (seconds > 0 ? seconds : 1e-9));
	return total ? 0 : 2;
}
