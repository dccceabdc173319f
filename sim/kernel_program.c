// SPDX-License-Identifier: GPL-2.0-only
/* Finding and starting build/septum-kernel. */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/cmd.h"
#include "sim/kernel_program.h"

const char *kernel_program(char *path, size_t size)
{
	const char *given = getenv("SEPTUM_KERNEL");
	ssize_t length;
	char *slash;

	if (given) {
		snprintf(path, size, "%s", given);
	} else {
		length = readlink("/proc/self/exe", path, size - 1);
		if (length < 0)
			return NULL;
		path[length] = '\0';
		slash = strrchr(path, '/');
		snprintf(slash + 1, size - (slash + 1 - path), "septum-kernel");
	}
	return access(path, X_OK) ? NULL : path;
}

int kernel_program_exec(int argc, char **argv)
{
	char **words = calloc(argc + 2, sizeof(*words));
	char path[PATH_MAX];
	int i, count = 1;

	if (!words)
		abort();
	if (!kernel_program(path, sizeof(path))) {
		free(words);
		return usage_error("--kernel: no real kernel is built ('make kernel KDIR=...' builds one)");
	}
	words[0] = path;
	for (i = 0; i < argc; i++)
		if (strcmp(argv[i], "--kernel"))
			words[count++] = argv[i];
	execv(path, words);
	free(words);
	return usage_error("%s: %s", path, strerror(errno));
}

FILE *kernel_program_record(const char *program, const char *path)
{
	char *words[] = { (char *)program, "diff", "--record", (char *)path, NULL };
	posix_spawn_file_actions_t actions;
	int end[2], err;
	pid_t pid;

	if (pipe(end))
		return NULL;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, end[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, end[0]);
	posix_spawn_file_actions_addclose(&actions, end[1]);
	err = posix_spawn(&pid, program, &actions, NULL, words, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(end[1]);
	if (err) {
		close(end[0]);
		errno = err;
		return NULL;
	}
	return fdopen(end[0], "r");
}

void kernel_program_end(FILE *record)
{
	int status;

	fclose(record);
	wait(&status);
}
