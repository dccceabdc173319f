/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The file descriptors of the one process that uses KVM, and the checks the
 * kernel makes above a file's own operations (fs/file.c, fs/open.c of 7.3.4).
 * Numbers are given lowest free first; the limit of 256 is the model's.
 */
#ifndef SEPTUM_KVM_FILES_H
#define SEPTUM_KVM_FILES_H

#include "model/mm/fs.h"

#define NR_OPEN		256

struct files_struct {
	struct file *fd[NR_OPEN];
};

/* The lowest number without a file; -EMFILE. It is not taken by asking. */
int get_unused_fd(struct files_struct *files);
void fd_install(struct files_struct *files, int fd, struct file *file);
/* With a reference, NULL when there is no such descriptor. */
struct file *fget(struct files_struct *files, u32 fd);
/* 0 or -EBADF. May run the file's release. */
int close_fd(struct files_struct *files, int fd);
/* -EINVAL, -EOPNOTSUPP, -EFBIG, then what the file itself says. */
long vfs_fallocate(struct file *file, int mode, s64 offset, s64 len);

#endif /* SEPTUM_KVM_FILES_H */
