/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What userspace remembers of the objects it made: which descriptor stands behind
 * which small number of the host interface, and the memory blocks it was given.
 * Both implementations of that interface keep one; it is not part of a kernel.
 */
#ifndef SEPTUM_BASE_HOST_OBJECTS_H
#define SEPTUM_BASE_HOST_OBJECTS_H

#include "sim/base/host.h"

#define HOST_GUP_MAX	32
#define HOST_BLOCK_MAX	64

/* A block from the page allocator in the hands of a second owner. */
struct host_block {
	kvm_pfn_t pfn;
	u8 order;
	bool used;
};

struct host_objects {
	struct {
		int fd;			/* descriptors: -1 when not open */
		int vcpu_fd[HOST_VCPU_MAX];
		u8 gpaw;		/* what the TD's parameters said, for CPUID */
	} vm[HOST_OBJ_MAX];
	int gmem_fd[HOST_OBJ_MAX];
	struct host_block block[HOST_BLOCK_MAX];
};

/* No descriptor is open. The blocks stay as they are. */
void objects_clear_fds(struct host_objects *objects);

/* The descriptor; -1 when the object was never made or is closed. */
int objects_vm_fd(const struct host_objects *objects, u32 vm);
int objects_vcpu_fd(const struct host_objects *objects, u32 vm, u32 vcpu);
int objects_gmem_fd(const struct host_objects *objects, u32 gmem);

/*
 * Where the open descriptor with the lowest number is kept, NULL when none is open.
 * That is the order a dying process closes them in.
 */
int *objects_lowest_fd(struct host_objects *objects);

/* The block @pfn lies in, NULL. */
struct host_block *objects_find_block(struct host_objects *objects, kvm_pfn_t pfn);
/* A place for one more, NULL when there are too many. */
struct host_block *objects_free_block(struct host_objects *objects);

#endif /* SEPTUM_BASE_HOST_OBJECTS_H */
