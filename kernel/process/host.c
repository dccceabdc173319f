// SPDX-License-Identifier: GPL-2.0-only
/*
 * The real kernel as a host: booted once a machine, driven through the system
 * calls a VMM makes, in the order and with the arguments of the modelled host
 * (model/kvm/host.c), so that the two can be compared step by step.
 */
#include <string.h>

#include "kernel/process/host.h"
#include "model/kvm/vmm.h"
#include "model/tdx/guest.h"

#define KVM_CAP_SPLIT_IRQCHIP	121
#define IOAPIC_PINS		24

/* -- entering the kernel ---------------------------------------------------- */

bool host_enter(struct host *h, u32 cpu)
{
	struct kernel_host *kh = kernel_host(h);

	h->skip = kh->unsupported;
	/* One kernel stack, one current: calls of several tasks cannot interleave. */
	if (!h->skip && (h->env->sched.live > 1 || h->env->sched.current))
		h->skip = "race blocks need several tasks at once";
	if (h->skip || kh->crashed)
		return false;
	the_process.env = h->env;
	the_process.hw = h->hw;
	the_process.tdx = h->tdx;
	kh->generation = machine_use(kh->machine, kh->generation);
	kern_set_cpu(cpu);
	kern_set_signal(proc_signal_pending());
	return true;
}

int host_refused(struct host *h)
{
	return kernel_host(h)->crashed ? -EFAULT : HOST_SKIP;
}

/*
 * A BUG ends the system call it happens in: proc_bug() jumps back here. What it
 * left locked stays locked, so nothing of the kernel runs after it.
 */
#define SYSTEM_CALL(h, call)							\
	({									\
		long result_;							\
										\
		if (!host_enter(h, current_task((h)->env)->cpu))		\
			result_ = host_refused(h);				\
		else if (__builtin_setjmp(the_process.bug))			\
			result_ = kernel_crashed(h);				\
		else								\
			result_ = (call);					\
		result_;							\
	})

static long kernel_crashed(struct host *h)
{
	kernel_host(h)->crashed = true;
	return -EFAULT;
}

__attribute__((noinline))
long host_ioctl(struct host *h, int fd, u32 command, void *argument)
{
	return SYSTEM_CALL(h, kern_ioctl(fd, command, argument));
}

__attribute__((noinline))
long host_sys_fallocate(struct host *h, int fd, int mode, u64 offset, u64 length)
{
	return SYSTEM_CALL(h, kern_fallocate(fd, mode, offset, length));
}

__attribute__((noinline))
static long sys_close(struct host *h, int fd)
{
	return SYSTEM_CALL(h, (kern_close(fd), 0));
}

void host_sys_close(struct host *h, int *fd)
{
	int number = *fd;

	*fd = -1;
	if (number >= 0)
		sys_close(h, number);
}

/* -- objects ---------------------------------------------------------------- */

int host_vm_fd(struct host *h, u32 vm)
{
	return objects_vm_fd(&kernel_host(h)->objects, vm);
}

int host_vcpu_fd(struct host *h, u32 vm, u32 vcpu)
{
	return objects_vcpu_fd(&kernel_host(h)->objects, vm, vcpu);
}

int host_gmem_fd(struct host *h, u32 gmem)
{
	return objects_gmem_fd(&kernel_host(h)->objects, gmem);
}

void *host_vm(struct host *h, u32 vm)
{
	void *kvm = vm < HOST_OBJ_MAX ? kernel_host(h)->vm[vm] : NULL;

	if (!kvm || !host_enter(h, 0) || !kern_vm_exists(kvm))
		return NULL;
	return kvm;
}

/* -- VMs -------------------------------------------------------------------- */

static int enable_cap(struct host *h, int fd, u32 cap, u64 value)
{
	struct kvm_enable_cap args = { .cap = cap, .args = { value } };

	return host_ioctl(h, fd, KVM_ENABLE_CAP, &args);
}

static int kernel_vm_create(struct host *h, u32 vm, u32 type)
{
	struct kernel_host *kh = kernel_host(h);
	int fd, err;

	/* A number is free again once nothing of its VM is left. */
	if (vm >= HOST_OBJ_MAX || host_vm(h, vm))
		return -EBADF;
	fd = host_ioctl(h, kh->kvm_fd, KVM_CREATE_VM, (void *)(uintptr_t)type);
	if (fd < 0)
		return fd;
	/* struct kvm may lie where one of another number lay. */
	for (u32 i = 0; i < HOST_OBJ_MAX; i++)
		if (kh->vm[i] == kern_vm_of(fd))
			kh->vm[i] = NULL;
	kh->vm[vm] = kern_vm_of(fd);
	kh->objects.vm[vm].fd = fd;
	kh->objects.vm[vm].gpaw = 48;
	/* Every VMM of a TD does these first. */
	err = enable_cap(h, fd, KVM_CAP_SPLIT_IRQCHIP, IOAPIC_PINS);
	return err ? err : enable_cap(h, fd, KVM_CAP_EXIT_HYPERCALL,
				      KVM_EXIT_HYPERCALL_VALID_MASK);
}

static int td_command(struct host *h, int fd, u32 id, u64 data)
{
	struct kvm_tdx_cmd command = { .id = id, .data = data };

	return host_ioctl(h, fd, KVM_MEMORY_ENCRYPT_OP, &command);
}

static int kernel_td_init(struct host *h, u32 vm, const struct host_td_params *params)
{
	struct vmm_init_vm init = vmm_init_vm_args(params);
	int fd = host_vm_fd(h, vm);

	if (fd < 0)
		return -EBADF;
	kernel_host(h)->objects.vm[vm].gpaw = params->gpaw;
	return td_command(h, fd, KVM_TDX_INIT_VM, (uintptr_t)&init);
}

static int kernel_finalize(struct host *h, u32 vm)
{
	int fd = host_vm_fd(h, vm);

	return fd < 0 ? -EBADF : td_command(h, fd, KVM_TDX_FINALIZE_VM, 0);
}

static int kernel_vm_close(struct host *h, u32 vm)
{
	if (host_vm_fd(h, vm) < 0)
		return -EBADF;
	host_sys_close(h, &kernel_host(h)->objects.vm[vm].fd);
	return 0;
}

/* -- vCPUs ------------------------------------------------------------------ */

static int kernel_vcpu_create(struct host *h, u32 vm, u32 vcpu)
{
	struct kernel_host *kh = kernel_host(h);
	int fd = host_vm_fd(h, vm);
	struct vmm_cpuid cpuid;

	if (fd < 0 || vcpu >= HOST_VCPU_MAX)
		return -EBADF;
	fd = host_ioctl(h, fd, KVM_CREATE_VCPU, (void *)(uintptr_t)vcpu);
	if (fd < 0)
		return fd;
	kh->objects.vm[vm].vcpu_fd[vcpu] = fd;
	cpuid = vmm_cpuid_args(kh->objects.vm[vm].gpaw);
	return host_ioctl(h, fd, KVM_SET_CPUID2, &cpuid);
}

static int kernel_vcpu_set_cpuid(struct host *h, u32 vm, u32 vcpu,
				 const struct host_cpuid *cpuid)
{
	int fd = host_vcpu_fd(h, vm, vcpu);
	struct vmm_cpuid_list list;

	if (fd < 0)
		return -EBADF;
	list = vmm_cpuid_list(kernel_host(h)->objects.vm[vm].gpaw, cpuid);
	return host_ioctl(h, fd, KVM_SET_CPUID2, &list);
}

static int kernel_vcpu_init(struct host *h, u32 vm, u32 vcpu, u64 rcx)
{
	int fd = host_vcpu_fd(h, vm, vcpu);

	return fd < 0 ? -EBADF : td_command(h, fd, KVM_TDX_INIT_VCPU, rcx);
}

static int kernel_vcpu_close(struct host *h, u32 vm, u32 vcpu)
{
	if (host_vcpu_fd(h, vm, vcpu) < 0)
		return -EBADF;
	host_sys_close(h, &kernel_host(h)->objects.vm[vm].vcpu_fd[vcpu]);
	return 0;
}

static int kernel_vcpu_run(struct host *h, u32 vm, u32 vcpu, struct guest_op *op,
			   struct host_exit *exit)
{
	struct kernel_host *kh = kernel_host(h);
	int fd = host_vcpu_fd(h, vm, vcpu);
	struct kern_vm view;
	struct kern_exit run;
	hpa_t tdvpr;
	int err;

	*exit = (struct host_exit){ 0 };
	if (fd < 0)
		return -EBADF;
	if (!host_enter(h, 0))
		return host_refused(h);
	kern_probe_vm(kh->vm[vm], &view);
	if (!view.is_td) {
		h->skip = "an ordinary VM has no guest here";
		return HOST_SKIP;
	}
	tdvpr = kern_probe_tdvpr(fd);
	if (tdvpr && !op->done)
		tdx_guest_set(h->tdx, tdvpr, op);
	kern_exit_clear(fd);
	the_process.op = op;
	err = host_ioctl(h, fd, KVM_RUN, NULL);
	the_process.op = NULL;
	if (kh->crashed || (err == -EINTR && op->done))
		return kh->crashed ? -EFAULT : 0;
	kern_exit_of(fd, &run);
	*exit = (struct host_exit){
		.reason = run.reason, .flags = run.flags, .gpa = run.gpa, .size = run.size,
		.attributes = run.attributes, .nr = run.nr,
	};
	return err;
}

static int kernel_hypercall_answer(struct host *h, u32 vm, u32 vcpu, u64 ret)
{
	int fd = host_vcpu_fd(h, vm, vcpu);

	if (fd < 0)
		return -EBADF;
	if (!host_enter(h, 0))
		return host_refused(h);
	kern_hypercall_answer(fd, ret);
	return 0;
}

/* -- the end ---------------------------------------------------------------- */

static void kernel_teardown(struct host *h)
{
	int *fd;

	if (!host_enter(h, 0))
		return;
	kern_exit_mm();
	while ((fd = objects_lowest_fd(&kernel_host(h)->objects)))
		host_sys_close(h, fd);
	kernel_users_let_go(h);
	kernel_check_frames(h);
}

/* -- boot ------------------------------------------------------------------- */

static const struct host_ops kernel_host_ops = {
	.name = "kernel",
	.vm_create = kernel_vm_create,
	.td_init = kernel_td_init,
	.vcpu_create = kernel_vcpu_create,
	.vcpu_init = kernel_vcpu_init,
	.finalize = kernel_finalize,
	.vcpu_close = kernel_vcpu_close,
	.vm_close = kernel_vm_close,
	.gmem_create = kernel_gmem_create,
	.gmem_close = kernel_gmem_close,
	.set_memory_region = kernel_set_memory_region,
	.set_attributes = kernel_set_attributes,
	.init_mem_region = kernel_init_mem_region,
	.pre_fault = kernel_pre_fault,
	.fallocate = kernel_fallocate,
	.gmem_convert = kernel_gmem_convert,
	.ioctl = kernel_ioctl,
	.vcpu_run = kernel_vcpu_run,
	.hypercall_answer = kernel_hypercall_answer,
	.vcpu_set_cpuid = kernel_vcpu_set_cpuid,
	.signal_msi = kernel_signal_msi,
	.noncoherent_dma = kernel_noncoherent_dma,
	.misc_max = kernel_misc_max,
	.cpu_hotplug = kernel_cpu_hotplug,
	.gmem_mmap = kernel_gmem_mmap,
	.gmem_munmap = kernel_gmem_munmap,
	.gmem_user_access = kernel_gmem_user_access,
	.file_open = kernel_file_open,
	.file_read = kernel_file_read,
	.madv_hwpoison = kernel_madv_hwpoison,
	.gup = kernel_gup,
	.lru_add_drain = kernel_lru_add_drain,
	.memory_failure = kernel_memory_failure,
	.unpoison = kernel_unpoison,
	.frame_event = kernel_frame_event,
	.page_alloc = kernel_page_alloc,
	.page_write = kernel_page_write,
	.page_free = kernel_page_free,
	.probe_folio = kernel_probe_folio,
	.probe_spte = kernel_probe_spte,
	.probe_vm = kernel_probe_vm,
	.probe_vcpu = kernel_probe_vcpu,
	.probe_attributes = kernel_probe_attributes,
	.frame_free = kernel_frame_free,
	.probe_holders = kernel_probe_holders,
	.probe_leaks = kernel_probe_leaks,
	.probe_pamt_count = kernel_probe_pamt_count,
	.probe_hold = kernel_probe_hold,
	.probe_hugetlb = kernel_probe_hugetlb,
	.hugetlb_resize = kernel_hugetlb_resize,
	.hugetlb_demote = kernel_hugetlb_demote,
	.sysctl = kernel_sysctl,
	.gmem_link = kernel_gmem_link,
	.vm_move = kernel_vm_move,
	.check = kernel_check,
	.teardown = kernel_teardown,
};

/* Why this kernel cannot be what the knobs ask for, NULL when it is. */
static const char *unsupported(const struct host_config *config)
{
	if (config->policy && strcmp(config->policy, "no-hold"))
		return "this kernel holds no pages after a failed zap (policy no-hold only)";
	if (config->order && strcmp(config->order, "vm-attr"))
		return "this kernel converts by VM attributes only (order vm-attr)";
	if (config->sept_huge > PG_LEVEL_4K)
		return "this kernel maps TD private memory in 4K pages only";
	if (config->gmem_page > PG_LEVEL_4K || config->hvo || config->hugetlb_2m ||
	    config->hugetlb_1g)
		return "guest_memfd of this kernel has 4K pages only";
	if (config->dpamt)
		return "this kernel has no dynamic PAMT";
	if (config->series_bug)
		return "this kernel has the bugs it has (series-bugs none only)";
	if (config->lru_batches)
		return "LRU batches are not stood in for";
	if (config->no_page_checks)
		return "mm/page_alloc.c is not linked in";
	if (config->panic_on_warn)
		return "panic_on_warn is not stood in for";
	return NULL;
}

static bool read_physical(void *ctx, hpa_t hpa, void *buf, u32 size)
{
	const void *from = machine_at(hpa, size);

	if (from)
		memcpy(buf, from, size);
	return from;
}

static hpa_t walk_shared(void *ctx, hpa_t tdr, gpa_t gpa, bool write)
{
	unsigned long hpa = kern_shared_walk(tdr, gpa, write);

	return hpa == KERN_SHARED_VIOLATION ? TDX_SHARED_VIOLATION :
	       hpa == KERN_SHARED_VE ? TDX_SHARED_VE : hpa;
}

static void boot(struct kernel_host *kh)
{
	struct host *h = &kh->host;
	struct kern_machine machine = {
		.ram_bytes = h->hw->frame_count * PAGE_SIZE,
		.cpus = h->hw->cpu_count,
		.cpus_per_package = h->hw->cpu_count / h->hw->package_count,
		.keyid_private_first = h->hw->keyid_private_first,
		.keyid_count = h->hw->keyid_count,
		.partial_write_erratum = h->hw->partial_write_erratum,
	};
	static bool ready;

	if (!ready) {
		trap_init();
		machine_init();
		ready = true;
	}
	the_process.env = h->env;
	the_process.hw = h->hw;
	the_process.tdx = h->tdx;
	kh->machine = machine_new(h->env);
	if (kern_boot(&machine))
		internal_error("the kernel did not boot, see its messages");
	kh->kvm_fd = kern_open_kvm();
	if (kh->kvm_fd < 0)
		internal_error("the kernel booted without KVM, see its messages");
	machine_snapshot(kh->machine);
}

const bool host_in_arena = false;

struct host *host_create(struct env *env, struct hw *hw, struct tdx_module *module,
			 const struct host_config *config)
{
	struct kernel_host *kh = arena_alloc(env->arena, sizeof(*kh));

	kh->host = (struct host){ &kernel_host_ops, env, hw, module, NULL };
	kh->unsupported = unsupported(config);
	kh->host.skip = kh->unsupported;
	objects_clear_fds(&kh->objects);
	if (kh->unsupported)
		return &kh->host;
	tdx_set_phys_read(module, read_physical, kh);
	tdx_set_shared_walk(module, walk_shared, kh);
	boot(kh);
	return &kh->host;
}
