// SPDX-License-Identifier: GPL-2.0-only
/*
 * The modelled host: boot, and the life of VMs and vCPUs as the one process that
 * uses KVM drives them. Everything goes through the ioctl entry points, with the
 * UAPI's numbers and structures. Invented: a thread that runs a vCPU gets a
 * signal when the guest operation it was asked to run is done. On which CPU a
 * thread runs is whoever's who made the task.
 */
#include <string.h>

#include "model/kvm/gmem_convert.h"
#include "model/kvm/guest_memfd.h"
#include "model/kvm/hold.h"
#include "model/kvm/host.h"
#include "model/kvm/host_internal.h"
#include "model/kvm/mmu.h"
#include "model/kvm/tdx.h"
#include "model/kvm/vmm.h"
#include "model/tdx/guest.h"

/* -- boot ------------------------------------------------------------------ */

static void host_init_objects(struct model_host *mh)
{
	struct kvm_globals *globals = &mh->globals;

	objects_clear_fds(&mh->objects);
	pool_init(&globals->vms, "kvm", vt_x86_ops.vm_size);
	pool_init(&globals->vcpus, "kvm_vcpu", vt_x86_ops.vcpu_size);
	pool_init(&globals->slots, "kvm_memory_slot", sizeof(struct kvm_memory_slot));
	pool_init(&globals->gmem_files, "gmem_file", sizeof(struct gmem_file));
	pool_init(&globals->gmem_inodes, "gmem_inode", sizeof(struct gmem_inode));
	pool_init(&globals->gmem_attr_ranges, "gmem_attr_range", gmem_attr_range_size());
	lock_init(&globals->kvm_lock, LOCK_KVM_LOCK, 0);
	lock_init(&globals->cpu_hotplug_lock, LOCK_CPU_HOTPLUG, 0);
	INIT_LIST_HEAD(&globals->vm_list);
}

static struct mm *host_boot_mm(struct env *env, struct hw *hw, const struct host_config *config)
{
	struct mm_config mm_config = mm_config_default;

	mm_config.lru_batches = config->lru_batches;
	mm_config.panic_on_warn = config->panic_on_warn;
	mm_config.check_pages = !config->no_page_checks;
	mm_config.hvo = config->hvo;
	mm_config.hugetlb = config->gmem_page > PG_LEVEL_4K;
	mm_config.hugetlb_2m = config->hugetlb_2m;
	mm_config.hugetlb_1g = config->hugetlb_1g;
	return mm_create(env, hw, &mm_config);
}

/* What 7.3.4 does and nothing else, but for the hold policy and the order. */
static bool host_knobs_known(const struct host_config *config)
{
	return config->sept_huge <= PG_LEVEL_2M;
}

struct host *kvm_host_create(struct env *env, struct hw *hw, struct tdx_module *module,
			     const struct host_config *config)
{
	const struct conversion_order *order;
	const struct hold_policy *policy;
	struct kvm_globals *globals;
	struct model_host *mh;
	struct mm *mm;
	int error;

	policy = hold_policy_find(config->policy ? config->policy : "no-hold");
	order = conversion_order_find(config->order ? config->order : "vm-attr");
	if (!policy || !order || !host_knobs_known(config))
		return NULL;

	mm = host_boot_mm(env, hw, config);
	mh = arena_alloc(env->arena, sizeof(*mh));
	globals = &mh->globals;
	env->layer[LAYER_KVM] = globals;
	globals->host = (struct host){ &kvm_host_ops, env, hw, module, NULL };
	globals->config = *config;
	if (!globals->config.policy)
		globals->config.policy = "no-hold";
	globals->policy = policy;
	hold_boot(globals);
	globals->order = order;
	globals->gmem_in_place_conversion = conversion_order_in_place(order);
	host_init_objects(mh);

	globals->current_mm = mm_alloc(env, "vmm");
	globals->anon_inode = new_inode(env, "anon_inode");
	globals->mmu_host = mmu_host_create(env, hw->frame_count);
	globals->tdx = tdx_enable(env, hw, mm, module, &globals->cpu_hotplug_lock, &error);
	if (globals->tdx) {
		tdx_hardware_setup(globals->tdx);
		tdx_register_shared_walk(globals->tdx, globals);
	}
	mm_set_hooks(mm, &(struct mm_hooks){
		.frame_freed = kvm_frame_hooks.frame_freed,
		.frame_allocated = kvm_frame_hooks.frame_allocated,
		.ctx = globals,
	});
	mh->ram_base = host_map_ram(mh);
	mh->frames_at_boot = mm_nr_in_use(mm);
	return &globals->host;
}

/* -- objects --------------------------------------------------------------- */

struct kvm *host_vm_kvm(struct host *h, u32 vm)
{
	struct model_host *mh = model_host(h);
	struct kvm *kvm;

	if (vm >= HOST_OBJ_MAX || !mh->vm[vm].kvm)
		return NULL;
	list_for_each_entry(kvm, &mh->globals.vm_list, vm_list)
		if (kvm == mh->vm[vm].kvm && kvm->id == mh->vm[vm].kvm_id)
			return kvm;
	return NULL;
}

static struct file *host_file(struct model_host *mh, int fd)
{
	return fd < 0 ? NULL : mh->globals.files.fd[fd];
}

struct kvm *host_open_vm(struct host *h, u32 vm)
{
	struct model_host *mh = model_host(h);
	struct file *file = host_file(mh, objects_vm_fd(&mh->objects, vm));

	return file ? file->private_data : NULL;
}

struct kvm_vcpu *host_open_vcpu(struct host *h, u32 vm, u32 vcpu)
{
	struct model_host *mh = model_host(h);
	struct file *file = host_file(mh, objects_vcpu_fd(&mh->objects, vm, vcpu));

	return file ? file->private_data : NULL;
}

struct file *host_open_gmem(struct host *h, u32 gmem)
{
	struct model_host *mh = model_host(h);

	return host_file(mh, objects_gmem_fd(&mh->objects, gmem));
}

/* -- VMs ------------------------------------------------------------------- */

int host_vm_create(struct host *h, u32 vm, u32 type)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_EXIT_HYPERCALL,
		.args = { KVM_EXIT_HYPERCALL_VALID_MASK },
	};
	struct model_host *mh = model_host(h);
	struct kvm *kvm;
	int fd;

	/* A number is free again once nothing of its VM is left. */
	if (vm >= HOST_OBJ_MAX || host_vm_kvm(h, vm))
		return -EBADF;
	fd = kvm_dev_ioctl(&mh->globals, KVM_CREATE_VM, type);
	if (fd < 0)
		return fd;
	kvm = mh->globals.files.fd[fd]->private_data;
	mh->vm[vm].kvm = kvm;
	mh->vm[vm].kvm_id = kvm->id;
	mh->objects.vm[vm].fd = fd;
	mh->objects.vm[vm].gpaw = 48;
	/* Every VMM does this first. */
	return kvm_vm_ioctl(kvm, KVM_ENABLE_CAP, &cap);
}

static int host_td_cmd(struct kvm *kvm, u32 id, void *data)
{
	struct kvm_tdx_cmd cmd = { .id = id, .data = (uintptr_t)data };

	return kvm_vm_ioctl(kvm, KVM_MEMORY_ENCRYPT_OP, &cmd);
}

int host_td_init(struct host *h, u32 vm, const struct host_td_params *params)
{
	struct vmm_init_vm init = vmm_init_vm_args(params);
	struct kvm *kvm = host_open_vm(h, vm);

	if (!kvm)
		return -EBADF;
	model_host(h)->objects.vm[vm].gpaw = params->gpaw;
	return host_td_cmd(kvm, KVM_TDX_INIT_VM, &init);
}

int host_finalize(struct host *h, u32 vm)
{
	struct kvm *kvm = host_open_vm(h, vm);

	return kvm ? host_td_cmd(kvm, KVM_TDX_FINALIZE_VM, NULL) : -EBADF;
}

int host_vm_close(struct host *h, u32 vm)
{
	struct model_host *mh = model_host(h);
	int fd;

	if (!host_open_vm(h, vm))
		return -EBADF;
	fd = mh->objects.vm[vm].fd;
	mh->objects.vm[vm].fd = -1;
	return close_fd(&mh->globals.files, fd);
}

/* -- vCPUs ----------------------------------------------------------------- */

int host_vcpu_create(struct host *h, u32 vm, u32 vcpu)
{
	struct model_host *mh = model_host(h);
	struct kvm *kvm = host_open_vm(h, vm);
	struct vmm_cpuid cpuid;
	int fd;

	if (!kvm || vcpu >= HOST_VCPU_MAX)
		return -EBADF;
	fd = kvm_vm_ioctl(kvm, KVM_CREATE_VCPU, (void *)(uintptr_t)vcpu);
	if (fd < 0)
		return fd;
	mh->objects.vm[vm].vcpu_fd[vcpu] = fd;
	cpuid = vmm_cpuid_args(mh->objects.vm[vm].gpaw);
	return kvm_vcpu_ioctl(mh->globals.files.fd[fd]->private_data, KVM_SET_CPUID2, &cpuid);
}

int host_vcpu_init(struct host *h, u32 vm, u32 vcpu, u64 rcx)
{
	struct kvm_tdx_cmd cmd = { .id = KVM_TDX_INIT_VCPU, .data = rcx };
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);

	return v ? kvm_vcpu_ioctl(v, KVM_MEMORY_ENCRYPT_OP, &cmd) : -EBADF;
}

int host_vcpu_close(struct host *h, u32 vm, u32 vcpu)
{
	struct model_host *mh = model_host(h);
	int fd;

	if (!host_open_vcpu(h, vm, vcpu))
		return -EBADF;
	fd = mh->objects.vm[vm].vcpu_fd[vcpu];
	mh->objects.vm[vm].vcpu_fd[vcpu] = -1;
	return close_fd(&mh->globals.files, fd);
}

static void host_fill_exit(const struct kvm_run *run, struct host_exit *exit)
{
	*exit = (struct host_exit){ .reason = run->exit_reason };
#define EXIT_FIELD(why, field, member)		\
	if (run->exit_reason == why)		\
		exit->field = run->member;
#include "model/kvm/exit_fields.def"
#undef EXIT_FIELD
}

int host_vcpu_run(struct host *h, u32 vm, u32 vcpu, struct guest_op *op,
		  struct host_exit *exit)
{
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);
	hpa_t tdvpr_pa;
	int err;

	*exit = (struct host_exit){ 0 };
	if (!v)
		return -EBADF;
	tdvpr_pa = is_td_vcpu(v) ? to_tdx(v)->vp.tdvpr_pa : 0;
	/* A vCPU without TDVPR has no guest: let KVM_RUN say what it says. */
	if (tdvpr_pa && !op->done)
		tdx_guest_set(h->tdx, tdvpr_pa, op);

	v->run->exit_reason = 0;
	v->guest_op = op;
	err = kvm_vcpu_ioctl(v, KVM_RUN, NULL);
	v->guest_op = NULL;
	if (err == -EINTR && op->done)
		return 0;
	host_fill_exit(v->run, exit);
	return err;
}

int host_hypercall_answer(struct host *h, u32 vm, u32 vcpu, u64 ret)
{
	struct kvm_vcpu *v = host_open_vcpu(h, vm, vcpu);

	if (!v)
		return -EBADF;
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		v->run->pio_data = ret;
		break;
	case KVM_EXIT_MMIO:
		v->run->mmio.data = ret;
		break;
	case KVM_EXIT_TDX:
		v->run->tdx.ret = ret;
		break;
	default:
		v->run->hypercall.ret = ret;
	}
	return 0;
}

/* -- the end --------------------------------------------------------------- */

/*
 * A process dies: its address space goes first (KVM's notifier for each VM, then
 * the user mappings), then its descriptors from the lowest number up, which
 * is the order they were made in. What others still hold goes last.
 */
void host_teardown(struct host *h)
{
	struct model_host *mh = model_host(h);
	struct kvm *kvm, *next;

	list_for_each_entry_safe(kvm, next, &mh->globals.vm_list, vm_list)
		kvm_mmu_notifier_release(kvm);
	exit_mmap(mh->globals.current_mm);
	for (int fd = 0; fd < NR_OPEN; fd++)
		close_fd(&mh->globals.files, fd);
	objects_clear_fds(&mh->objects);
	host_users_let_go(h);
	lru_add_drain_all(h->env);
	wait_for_freed_hugetlb_folios(mm_of(mh));
	tdx_pamt_leak_rest(mh->globals.tdx);
	mm_check(mm_of(mh), mh->frames_at_boot);
}
