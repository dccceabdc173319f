// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for fs/file.c, fs/file_table.c, fs/anon_inodes.c and misc devices:
 * a descriptor table and files with the kernel's reference rules. The last
 * fput() runs ->release when the system call is over, as task work does, and
 * then drops the inode (inode.c).
 */
#include <linux/anon_inodes.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/file_ref.h>
#include <linux/miscdevice.h>
#include <linux/module.h>

#include "standin.h"

#define FD_MAX		256
#define FD_FIRST	3
#define RESERVED	((struct file *)1UL)

static struct file *files[FD_MAX];
static struct llist_head to_release;
static const struct file_operations *kvm_dev_fops;

struct file *file_of(int fd)
{
	if (fd < 0 || fd >= FD_MAX || files[fd] == RESERVED)
		return NULL;
	return files[fd];
}

int get_unused_fd_flags(unsigned int flags)
{
	int fd;

	for (fd = FD_FIRST; fd < FD_MAX; fd++)
		if (!files[fd]) {
			files[fd] = RESERVED;
			return fd;
		}
	return -EMFILE;
}

void put_unused_fd(unsigned int fd)
{
	files[fd] = NULL;
}

void fd_install(unsigned int fd, struct file *file)
{
	files[fd] = file;
}

struct file *fget(unsigned int fd)
{
	struct file *file = file_of(fd);

	return file && file_ref_get(&file->f_ref) ? file : NULL;
}

struct fd fdget(unsigned int fd)
{
	struct file *file = fget(fd);

	return (struct fd){ (unsigned long)file | (file ? FDPUT_FPUT : 0) };
}

static struct file *new_file(const struct file_operations *fops, void *private, int flags)
{
	struct file *file = kzalloc(sizeof(*file), GFP_KERNEL);

	if (!file)
		return ERR_PTR(-ENOMEM);
	spin_lock_init(&file->f_lock);
	file->f_op = fops;
	file->private_data = private;
	file->f_flags = flags;
	file->f_mode = FMODE_READ | FMODE_WRITE | FMODE_OPENED;
	file_ref_init(&file->f_ref, 1);
	return file;
}

static void release(struct file *file)
{
	if (file->f_op->release)
		file->f_op->release(file->f_inode, file);
	if (file->f_inode)
		iput(file->f_inode);
	kfree(file);
}

void file_run_delayed_fput(void)
{
	struct llist_node *node = llist_reverse_order(llist_del_all(&to_release));
	struct file *file, *next;

	llist_for_each_entry_safe(file, next, node, f_llist)
		release(file);
}

bool __file_ref_put(file_ref_t *ref, unsigned long count)
{
	return count == FILE_REF_NOREF;
}

void fput(struct file *file)
{
	if (file_ref_put(&file->f_ref))
		llist_add(&file->f_llist, &to_release);
}

struct file *get_file_active(struct file **where)
{
	struct file *file = *where;

	return file && file_ref_get(&file->f_ref) ? file : NULL;
}

struct file *anon_inode_getfile(const char *name, const struct file_operations *fops,
				void *private, int flags)
{
	return new_file(fops, private, flags);
}

struct file *anon_inode_getfile_fmode(const char *name, const struct file_operations *fops,
				      void *private, int flags, fmode_t mode)
{
	return new_file(fops, private, flags);
}

int anon_inode_getfd(const char *name, const struct file_operations *fops, void *private, int flags)
{
	int fd = get_unused_fd_flags(flags);
	struct file *file;

	if (fd < 0)
		return fd;
	file = new_file(fops, private, flags);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

struct file *alloc_file_pseudo(struct inode *inode, struct vfsmount *mnt, const char *name,
			       int flags, const struct file_operations *fops)
{
	struct file *file = new_file(fops, NULL, flags);

	if (IS_ERR(file))
		return file;
	file->f_inode = inode;
	file->f_mapping = inode->i_mapping;
	return file;
}

/* All is built in: a module that owns a file cannot go away. */
bool try_module_get(struct module *module)
{
	return true;
}

void module_put(struct module *module)
{
}

void __module_get(struct module *module)
{
}

int misc_register(struct miscdevice *misc)
{
	if (!strcmp(misc->name, "kvm"))
		kvm_dev_fops = misc->fops;
	return 0;
}

void misc_deregister(struct miscdevice *misc)
{
}

/* Between two system calls everything that was put off happens. */
static void system_call_done(void)
{
	do {
		file_run_delayed_fput();
		workqueue_run();
		rcu_run_callbacks();
	} while (!llist_empty(&to_release));
}

int kern_open_kvm(void)
{
	return kvm_dev_fops ? anon_inode_getfd("kvm", kvm_dev_fops, NULL, O_RDWR) : -ENODEV;
}

long kern_ioctl(int fd, unsigned int command, void *argument)
{
	struct file *file = fget(fd);
	long result;

	if (!file)
		return -EBADF;
	result = -ENOTTY;
	if (file->f_op->unlocked_ioctl)
		result = file->f_op->unlocked_ioctl(file, command, (unsigned long)argument);
	fput(file);
	system_call_done();
	return result;
}

/* What vfs_fallocate() refuses before the file sees it. */
static long refused_by_vfs(struct file *file, int mode, loff_t offset, loff_t length)
{
	int exclusive = mode & FALLOC_FL_MODE_MASK;

	if (offset < 0 || length <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_MODE_MASK | FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (exclusive & (exclusive - 1))
		return -EOPNOTSUPP;
	if (exclusive == FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE))
		return -EOPNOTSUPP;
	if (!file->f_op->fallocate)
		return -EOPNOTSUPP;
	return offset > LLONG_MAX - length ? -EFBIG : 0;
}

long kern_fallocate(int fd, int mode, unsigned long offset, unsigned long length)
{
	struct file *file = fget(fd);
	long result;

	if (!file)
		return -EBADF;
	result = refused_by_vfs(file, mode, offset, length);
	if (!result)
		result = file->f_op->fallocate(file, mode, offset, length);
	fput(file);
	system_call_done();
	return result;
}

void kern_close(int fd)
{
	struct file *file = file_of(fd);

	if (!file)
		return;
	files[fd] = NULL;
	fput(file);
	system_call_done();
}
