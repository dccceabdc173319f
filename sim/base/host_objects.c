// SPDX-License-Identifier: GPL-2.0-only
/*
 * The descriptors and blocks userspace holds, by the numbers of the host
 * interface. Invented: it is the VMM's own bookkeeping, no kernel's.
 */
#include "sim/base/host_objects.h"

void objects_clear_fds(struct host_objects *objects)
{
	for (u32 i = 0; i < HOST_OBJ_MAX; i++) {
		objects->gmem_fd[i] = -1;
		objects->vm[i].fd = -1;
		for (u32 j = 0; j < HOST_VCPU_MAX; j++)
			objects->vm[i].vcpu_fd[j] = -1;
	}
}

int objects_vm_fd(const struct host_objects *objects, u32 vm)
{
	return vm < HOST_OBJ_MAX ? objects->vm[vm].fd : -1;
}

int objects_vcpu_fd(const struct host_objects *objects, u32 vm, u32 vcpu)
{
	if (vm >= HOST_OBJ_MAX || vcpu >= HOST_VCPU_MAX)
		return -1;
	return objects->vm[vm].vcpu_fd[vcpu];
}

int objects_gmem_fd(const struct host_objects *objects, u32 gmem)
{
	return gmem < HOST_OBJ_MAX ? objects->gmem_fd[gmem] : -1;
}

static void keep_lowest(int **lowest, int *fd)
{
	if (*fd >= 0 && (!*lowest || *fd < **lowest))
		*lowest = fd;
}

int *objects_lowest_fd(struct host_objects *objects)
{
	int *lowest = NULL;

	for (u32 i = 0; i < HOST_OBJ_MAX; i++) {
		keep_lowest(&lowest, &objects->gmem_fd[i]);
		keep_lowest(&lowest, &objects->vm[i].fd);
		for (u32 j = 0; j < HOST_VCPU_MAX; j++)
			keep_lowest(&lowest, &objects->vm[i].vcpu_fd[j]);
	}
	return lowest;
}

struct host_block *objects_find_block(struct host_objects *objects, kvm_pfn_t pfn)
{
	for (u32 i = 0; i < HOST_BLOCK_MAX; i++) {
		struct host_block *block = &objects->block[i];

		if (block->used && pfn >= block->pfn && pfn - block->pfn < 1ULL << block->order)
			return block;
	}
	return NULL;
}

struct host_block *objects_free_block(struct host_objects *objects)
{
	for (u32 i = 0; i < HOST_BLOCK_MAX; i++)
		if (!objects->block[i].used)
			return &objects->block[i];
	return NULL;
}
