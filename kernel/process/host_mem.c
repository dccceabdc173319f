// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real kernel as a host: guest memory, as the ioctls a VMM makes, and other
 * users of it. What has no stand-in is skipped with the reason: mappings of a
 * guest_memfd by userspace and memory failure.
 */
#include "kernel/process/host.h"
#include "model/kvm/vmm.h"

/* Where the VMM maps guest memory: half of its address space, by gpa. */
#define USER_RAM_MASK	(KERN_USER_BASE - 1)
#define ORDER_MAX	10

static int skip(struct host *h, const char *why)
{
	if (!host_enter(h, 0))
		return host_refused(h);
	h->skip = why;
	return HOST_SKIP;
}

/* -- guest_memfd ------------------------------------------------------------ */

int kernel_gmem_create(struct host *h, u32 vm, u32 gmem, u64 size, u64 flags)
{
	struct kvm_create_guest_memfd args = { .size = size, .flags = flags };
	int fd = host_vm_fd(h, vm);

	if (fd < 0 || gmem >= HOST_OBJ_MAX || host_gmem_fd(h, gmem) >= 0)
		return -EBADF;
	fd = host_ioctl(h, fd, KVM_CREATE_GUEST_MEMFD, &args);
	if (fd < 0)
		return fd;
	kernel_host(h)->objects.gmem_fd[gmem] = fd;
	return 0;
}

int kernel_gmem_close(struct host *h, u32 gmem)
{
	if (host_gmem_fd(h, gmem) < 0)
		return -EBADF;
	host_sys_close(h, &kernel_host(h)->objects.gmem_fd[gmem]);
	return 0;
}

int kernel_fallocate(struct host *h, u32 gmem, u32 mode, u64 offset, u64 len)
{
	int fd = host_gmem_fd(h, gmem);

	return fd < 0 ? -EBADF : host_sys_fallocate(h, fd, mode, offset, len);
}

int kernel_gmem_convert(struct host *h, u32 gmem, u64 offset, u64 len, bool to_private,
			u64 *error_offset)
{
	return host_gmem_fd(h, gmem) < 0 ? -EBADF :
	       skip(h, "guest_memfd of this kernel has no conversion in place");
}

/* -- memory slots and attributes --------------------------------------------- */

int kernel_set_memory_region(struct host *h, u32 vm, u32 slot, u32 flags, gpa_t gpa, u64 size,
			     int gmem, u64 gmem_offset)
{
	struct kvm_userspace_memory_region2 region = {
		.slot = slot, .flags = flags,
		.guest_phys_addr = gpa, .memory_size = size,
		.userspace_addr = KERN_USER_BASE + (gpa & USER_RAM_MASK),
		.guest_memfd_offset = gmem_offset,
		.guest_memfd = ~0u,
	};
	int fd = host_vm_fd(h, vm);
	u64 old;

	if (fd < 0)
		return -EBADF;
	if (!host_enter(h, 0))
		return host_refused(h);
	/* A slot that moves keeps its memory. */
	old = kern_vm_slot_address(kernel_host(h)->vm[vm], slot);
	if (old)
		region.userspace_addr = old;
	if (gmem >= 0 && host_gmem_fd(h, gmem) >= 0)
		region.guest_memfd = host_gmem_fd(h, gmem);
	return host_ioctl(h, fd, KVM_SET_USER_MEMORY_REGION2, &region);
}

int kernel_set_attributes(struct host *h, u32 vm, gpa_t gpa, u64 size, u64 attributes)
{
	struct kvm_memory_attributes args = {
		.address = gpa, .size = size, .attributes = attributes,
	};
	int fd = host_vm_fd(h, vm);

	return fd < 0 ? -EBADF : host_ioctl(h, fd, KVM_SET_MEMORY_ATTRIBUTES, &args);
}

int kernel_init_mem_region(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *pages, u32 flags,
			   u64 token)
{
	struct kvm_tdx_init_mem_region region = {
		.source_addr = token == HOST_NO_SOURCE ? 0 : KERN_USER_SOURCE,
		.gpa = *gpa, .nr_pages = *pages,
	};
	struct kvm_tdx_cmd cmd = {
		.id = KVM_TDX_INIT_MEM_REGION, .flags = flags, .data = (uintptr_t)&region,
	};
	int fd = host_vcpu_fd(h, vm, vcpu);
	kvm_pfn_t pfn;
	int err;

	if (fd < 0)
		return -EBADF;
	if (!host_enter(h, 0))
		return host_refused(h);
	pfn = kern_source_show();
	if (pfn == ~0UL)
		return -ENOMEM;
	hw_write(h->hw, pfn_to_hpa(pfn), KEYID_SHARED, token);
	err = host_ioctl(h, fd, KVM_MEMORY_ENCRYPT_OP, &cmd);
	if (!kernel_host(h)->crashed)
		kern_source_remove();
	*gpa = region.gpa;
	*pages = region.nr_pages;
	return err;
}

int kernel_pre_fault(struct host *h, u32 vm, u32 vcpu, gpa_t *gpa, u64 *size)
{
	struct kvm_pre_fault_memory range = { .gpa = *gpa, .size = *size };
	int fd = host_vcpu_fd(h, vm, vcpu);
	int err;

	if (fd < 0)
		return -EBADF;
	err = host_ioctl(h, fd, KVM_PRE_FAULT_MEMORY, &range);
	*gpa = range.gpa;
	*size = range.size;
	return err;
}

/* -- ioctls as they are ------------------------------------------------------ */

struct call_on {
	struct host *h;
	int fd;
};

static long issue(void *ctx, enum vmm_file file, u32 command, void *argument)
{
	const struct call_on *on = ctx;

	return host_ioctl(on->h, on->fd, command, argument);
}

long kernel_ioctl(struct host *h, u32 vm, u32 vcpu, enum host_call which, u64 arg, u64 data)
{
	const int fd[] = {
		[VMM_FILE_DEV] = kernel_host(h)->kvm_fd,
		[VMM_FILE_VM] = host_vm_fd(h, vm),
		[VMM_FILE_VCPU] = host_vcpu_fd(h, vm, vcpu),
		[VMM_FILE_GMEM] = host_gmem_fd(h, vm),
	};
	const struct vmm_place place = { KERN_USER_BASE, fd[VMM_FILE_VM] };
	struct call_on on = { h, fd[vmm_call_file(which)] };

	return on.fd < 0 ? -EBADF : vmm_call(which, arg, data, &place, issue, &on);
}

/* -- not stood in for -------------------------------------------------------- */

int kernel_gmem_mmap(struct host *h, u32 gmem, u64 offset, u64 len, bool shared)
{
	return skip(h, "user mappings of a guest_memfd are not stood in for");
}

int kernel_gmem_munmap(struct host *h, u32 gmem, u64 offset, u64 len)
{
	return skip(h, "user mappings of a guest_memfd are not stood in for");
}

int kernel_gmem_user_access(struct host *h, u32 gmem, u64 offset, bool write, u64 *token)
{
	return skip(h, "user mappings of a guest_memfd are not stood in for");
}

int kernel_signal_msi(struct host *h, u32 vm, u32 vcpu)
{
	return skip(h, "interrupts are not routed to a guest");
}

int kernel_noncoherent_dma(struct host *h, u32 vm, bool assign)
{
	return skip(h, "VFIO is not linked in");
}

int kernel_misc_max(struct host *h, u64 count)
{
	return skip(h, "the misc cgroup is stood in for");
}

int kernel_cpu_hotplug(struct host *h, u32 cpu, bool online)
{
	return skip(h, "CPUs are not hotplugged here");
}

int kernel_gmem_link(struct host *h, u32 vm, u32 gmem, u32 from)
{
	return skip(h, "this kernel cannot link a guest_memfd to another VM");
}

int kernel_vm_move(struct host *h, u32 vm, u32 from)
{
	return skip(h, "this kernel cannot move a TD to another VM");
}

int kernel_memory_failure(struct host *h, u32 gmem, u64 offset, u32 flags)
{
	return skip(h, "mm/memory-failure.c is not linked in");
}

int kernel_unpoison(struct host *h, u32 gmem, u64 offset)
{
	return skip(h, "mm/memory-failure.c is not linked in");
}

int kernel_frame_event(struct host *h, kvm_pfn_t pfn, enum host_frame_event event, u32 flags)
{
	return skip(h, "mm/memory-failure.c is not linked in");
}

int kernel_madv_hwpoison(struct host *h, u32 gmem, u64 offset)
{
	return skip(h, "mm/memory-failure.c is not linked in");
}

int kernel_sysctl(struct host *h, const char *name, u64 value)
{
	return skip(h, "the sysctls of vm are those of files that are not linked in");
}

int kernel_file_open(struct host *h, u32 gmem, const struct host_file_params *params)
{
	return skip(h, "the only files of this kernel are guest_memfd's");
}

int kernel_file_read(struct host *h, u32 gmem, u64 offset, u64 *token)
{
	return skip(h, "the only files of this kernel are guest_memfd's");
}

/* There are no LRU batches that could hold anything. */
int kernel_lru_add_drain(struct host *h)
{
	return host_enter(h, 0) ? 0 : host_refused(h);
}

/* -- references of others ---------------------------------------------------- */

static struct kernel_gup *find_gup(struct kernel_host *kh, u32 gmem, u64 offset, bool pin)
{
	for (u32 i = 0; i < HOST_GUP_MAX; i++) {
		struct kernel_gup *gup = &kh->gup[i];

		if (gup->count && gup->gmem == gmem && gup->offset == offset && gup->pin == pin)
			return gup;
	}
	return NULL;
}

static int gup_drop(struct kernel_gup *gup, u32 count)
{
	if (!gup || gup->count < count)
		return -EBADF;
	gup->count -= count;
	while (count--)
		kern_gup_drop(gup->pfn, gup->pin);
	return 0;
}

static int gup_take(struct kernel_host *kh, int fd, u32 gmem, u64 offset, u32 count, bool pin)
{
	struct kernel_gup *gup = find_gup(kh, gmem, offset, pin);

	for (u32 i = 0; !gup && i < HOST_GUP_MAX; i++)
		if (!kh->gup[i].count)
			gup = &kh->gup[i];
	if (!gup)
		return -ENOSPC;
	gup->gmem = gmem;
	gup->offset = offset;
	gup->pin = pin;
	while (count--) {
		int err = kern_gup_take(fd, offset >> PAGE_SHIFT, pin, &gup->pfn);

		if (err)
			return err;
		gup->count++;
	}
	return 0;
}

int kernel_gup(struct host *h, u32 gmem, u64 offset, s32 delta, bool pin)
{
	struct kernel_host *kh = kernel_host(h);
	int fd = host_gmem_fd(h, gmem);

	if (gmem >= HOST_OBJ_MAX)
		return -EBADF;
	if (!host_enter(h, 0))
		return host_refused(h);
	offset &= PAGE_MASK;
	if (delta < 0)
		return gup_drop(find_gup(kh, gmem, offset, pin), -(u32)delta);
	return fd < 0 ? -EBADF : gup_take(kh, fd, gmem, offset, delta, pin);
}

/* -- the second owner -------------------------------------------------------- */

int kernel_page_alloc(struct host *h, u8 order, kvm_pfn_t *pfn)
{
	struct host_block *block = objects_free_block(&kernel_host(h)->objects);

	if (order > ORDER_MAX)
		return -EINVAL;
	if (!host_enter(h, 0))
		return host_refused(h);
	if (!block)
		return -ENOSPC;
	*pfn = kern_page_alloc(order);
	if (*pfn == ~0UL)
		return -ENOMEM;
	*block = (struct host_block){ *pfn, order, true };
	return 0;
}

/* -EFAULT: the store took a machine check. */
int kernel_page_write(struct host *h, kvm_pfn_t pfn, u64 token, bool partial)
{
	enum hw_access access;

	if (!host_enter(h, 0))
		return host_refused(h);
	if (!objects_find_block(&kernel_host(h)->objects, pfn))
		return -EBADF;
	access = partial ? hw_write_partial(h->hw, pfn_to_hpa(pfn), token) :
			   hw_write(h->hw, pfn_to_hpa(pfn), KEYID_SHARED, token);
	return access == HW_MC ? -EFAULT : 0;
}

int kernel_page_free(struct host *h, kvm_pfn_t pfn, u8 order)
{
	struct host_block *block = objects_find_block(&kernel_host(h)->objects, pfn);

	if (!host_enter(h, 0))
		return host_refused(h);
	if (!block || block->pfn != pfn || block->order != order)
		return -EBADF;
	block->used = false;
	kern_page_free(pfn, order);
	return 0;
}

void kernel_users_let_go(struct host *h)
{
	struct kernel_host *kh = kernel_host(h);

	for (u32 i = 0; i < HOST_GUP_MAX; i++)
		if (kh->gup[i].count)
			gup_drop(&kh->gup[i], kh->gup[i].count);
	for (u32 i = 0; i < HOST_BLOCK_MAX; i++)
		if (kh->objects.block[i].used)
			kernel_page_free(h, kh->objects.block[i].pfn, kh->objects.block[i].order);
}
