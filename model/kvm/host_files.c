// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled host, files beside guest_memfd: a VMM may have a memfd or a file
 * on a disk behind memory it shares with the guest, and much of what memory
 * failure and get_user_pages() do with guest_memfd is only understood next to
 * what they do with those. They share the numbers of guest_memfds, so that
 * whatever can be done to the pages of one can be done to theirs.
 */
#include <stdio.h>

#include "model/kvm/host_internal.h"
#include "model/mm/host_file.h"
#include "model/mm/memory_failure.h"

static struct file *open_by_kind(struct env *env, const char *name,
				 const struct host_file_params *params)
{
	bool bare = params->kind == HOST_FILE_BARE_DISK;

	if (params->kind == HOST_FILE_HUGETLB)
		return hugetlb_file_setup(env, name, params->size, params->order,
					  params->max_pages, params->min_pages);
	if (params->order > MAX_PAGECACHE_ORDER || params->min_order > params->order)
		return ERR_PTR(-EINVAL);
	if (params->kind == HOST_FILE_MEMFD)
		return shmem_file_setup(env, name, params->size, params->order);
	return disk_file_open(env, name, params->size, params->min_order, params->order, bare);
}

int host_file_open(struct host *h, u32 gmem, const struct host_file_params *params)
{
	struct model_host *mh = model_host(h);
	int fd = get_unused_fd(&mh->globals.files);
	struct file *file;
	char name[8];

	if (gmem >= HOST_OBJ_MAX || host_open_gmem(h, gmem))
		return -EBADF;
	if (fd < 0)
		return fd;
	snprintf(name, sizeof(name), "g%u", gmem);
	file = open_by_kind(h->env, name, params);
	if (IS_ERR(file))
		return PTR_ERR(file);
	fd_install(&mh->globals.files, fd, file);
	mh->objects.gmem_fd[gmem] = fd;
	return 0;
}

/* guest_memfd has no read(): -EINVAL, as of any file without one. */
int host_file_read(struct host *h, u32 gmem, u64 offset, u64 *token)
{
	struct file *file = host_open_gmem(h, gmem);

	if (!file)
		return -EBADF;
	return file->f_op->read ? file->f_op->read(file, offset, token) : -EINVAL;
}

/* The reference that madvise() took to find the page is memory failure's from there on. */
int host_madv_hwpoison(struct host *h, u32 gmem, u64 offset)
{
	struct file *file = host_open_gmem(h, gmem);
	struct page *page;
	u64 address;
	int got;

	if (!file || !host_find_mapping(h, file, offset, &address))
		return -EBADF;
	got = get_user_pages_fast(model_host(h)->globals.current_mm, address, 1, 0, &page);
	if (got != 1)
		return got;
	folio_get(page_folio(page));
	gup_put_page(page, 1, FOLL_GET);
	got = memory_failure(h->env, page_to_pfn(page),
			     MF_ACTION_REQUIRED | MF_COUNT_INCREASED | MF_SW_SIMULATED);
	return got == -EOPNOTSUPP ? 0 : got;
}

int host_sysctl(struct host *h, const char *name, u64 value)
{
	return mm_sysctl(mm_of(model_host(h)), name, value);
}
