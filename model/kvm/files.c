// SPDX-License-Identifier: GPL-2.0-only
/*
 * File descriptors and fallocate()'s common checks: fs/file.c and fs/open.c,
 * Linux 7.3.4, as much as KVM's files need. One process, one table, no
 * close-on-exec, no permissions (every file here is opened for reading and
 * writing).
 */
#include "model/kvm/files.h"

int get_unused_fd(struct files_struct *files)
{
	for (int fd = 0; fd < NR_OPEN; fd++)
		if (!files->fd[fd])
			return fd;
	return -EMFILE;
}

void fd_install(struct files_struct *files, int fd, struct file *file)
{
	files->fd[fd] = file;
}

struct file *fget(struct files_struct *files, u32 fd)
{
	if (fd >= NR_OPEN || !files->fd[fd])
		return NULL;
	return get_file(files->fd[fd]);
}

int close_fd(struct files_struct *files, int fd)
{
	struct file *file;

	if (fd < 0 || fd >= NR_OPEN || !files->fd[fd])
		return -EBADF;
	/* The number is free before the file's release runs. */
	file = files->fd[fd];
	files->fd[fd] = NULL;
	fput(file);
	return 0;
}

/* Modes that exclude each other, and what each wants of KEEP_SIZE. */
static int check_fallocate_mode(int mode)
{
	if (mode & ~(FALLOC_FL_MODE_MASK | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;

	switch (mode & FALLOC_FL_MODE_MASK) {
	case 0:
	case FALLOC_FL_UNSHARE_RANGE:
	case FALLOC_FL_ZERO_RANGE:
		return 0;
	case FALLOC_FL_PUNCH_HOLE:
		return mode & FALLOC_FL_KEEP_SIZE ? 0 : -EOPNOTSUPP;
	case FALLOC_FL_COLLAPSE_RANGE:
	case FALLOC_FL_INSERT_RANGE:
		return mode & FALLOC_FL_KEEP_SIZE ? -EOPNOTSUPP : 0;
	default:
		return -EOPNOTSUPP;
	}
}

long vfs_fallocate(struct file *file, int mode, s64 offset, s64 len)
{
	int err;

	if (offset < 0 || len <= 0)
		return -EINVAL;
	err = check_fallocate_mode(mode);
	if (err)
		return err;
	if (!file->f_op->fallocate)
		return -EOPNOTSUPP;
	if (offset > INT64_MAX - len)
		return -EFBIG;
	return file->f_op->fallocate(file, mode, offset, len);
}
