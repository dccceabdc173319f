// SPDX-License-Identifier: GPL-2.0-only
/* Which files a command line means: directories are walked, in sorted order. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sim/cmd.h"

static void add_path(struct path_list *list, const char *path)
{
	if (list->count == list->max) {
		list->max = list->max ? 2 * list->max : 64;
		list->path = realloc(list->path, list->max * sizeof(*list->path));
	}
	if (!list->path || !(list->path[list->count++] = strdup(path)))
		abort();
}

static bool is_scenario(const char *name)
{
	size_t length = strlen(name);

	return length > 4 && !strcmp(name + length - 4, ".scn");
}

/* Prologues stand in directories named common: they are used, not run. */
static int walk(struct path_list *list, const char *directory)
{
	struct dirent **entry;
	char path[4096];
	struct stat st;
	int count = scandir(directory, &entry, NULL, alphasort), i, err = 0;

	if (count < 0)
		return usage_error("%s: %s", directory, strerror(errno));
	for (i = 0; i < count; i++) {
		const char *name = entry[i]->d_name;

		snprintf(path, sizeof(path), "%s/%s", directory, name);
		if (!err && name[0] != '.' && strcmp(name, "common") && !stat(path, &st)) {
			if (S_ISDIR(st.st_mode))
				err = walk(list, path);
			else if (is_scenario(name))
				add_path(list, path);
		}
		free(entry[i]);
	}
	free(entry);
	return err;
}

int paths_gather(struct path_list *list, const char *path)
{
	u32 before = list->count;
	struct stat st;
	char *bare;
	int err;

	if (!strcmp(path, "-")) {
		add_path(list, path);
		return 0;
	}
	if (stat(path, &st))
		return usage_error("%s: %s", path, strerror(errno));
	if (!S_ISDIR(st.st_mode)) {
		add_path(list, path);
		return 0;
	}
	bare = strdup(path);
	if (!bare)
		abort();
	while (strlen(bare) > 1 && bare[strlen(bare) - 1] == '/')
		bare[strlen(bare) - 1] = '\0';
	err = walk(list, bare);
	free(bare);
	if (!err && list->count == before)
		return usage_error("%s: no scenario (*.scn) below it", path);
	return err;
}

int paths_gather_quietly(struct path_list *list, const char *path)
{
	struct stat st;

	return stat(path, &st) ? EXIT_BAD_INPUT : paths_gather(list, path);
}

const char *paths_shipped(char *path, size_t size)
{
	static const char *const beside[] = { "../scenarios", "../share/septum/scenarios" };
	ssize_t length;
	char *slash;
	u32 i;

	if (!access("scenarios", R_OK))
		return "scenarios";
	for (i = 0; i < ARRAY_SIZE(beside); i++) {
		length = readlink("/proc/self/exe", path, size - 1);
		if (length < 0)
			return NULL;
		path[length] = '\0';
		slash = strrchr(path, '/');
		snprintf(slash + 1, size - (slash + 1 - path), "%s", beside[i]);
		if (!access(path, R_OK))
			return path;
	}
	return NULL;
}

void paths_free(struct path_list *list)
{
	u32 i;

	for (i = 0; i < list->count; i++)
		free(list->path[i]);
	free(list->path);
	*list = (struct path_list){ 0 };
}
