// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory of simulated machines and of the kernel image.
 *
 * Everything the kernel side writes lies in a few regions, each backed by the
 * machine's memory file, the kernel's data and the static-call trampolines that
 * booting rewrites among them. Booting writes to the file; a snapshot turns the
 * mappings into private copies of it, so that putting a machine back is dropping
 * those copies: it costs what was touched, not what there is. Another machine
 * is seen by mapping its file over the same addresses.
 *
 * A simulation goes back by restoring its arena, of which nobody tells us. But
 * then it remembers an older generation than its machine is at.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/process/process.h"
#include "sim/base/check.h"

#define MACHINE_MAX	32		/* more than an engine keeps booted */
#define REGION_MAX	96
#define ANYWHERE	0x300000000000UL	/* regions without an address of their own */

struct region {
	unsigned long start, bytes;
	unsigned long offset;		/* in the file */
	int protection;
};

struct machine {
	const struct env *env;		/* whose it is, NULL: free place */
	u64 used;			/* when it was last seen */
	u64 generation;
	struct region region[REGION_MAX];
	unsigned int count;
	unsigned long file_bytes;
	unsigned long next_anywhere;
	int file;
};

extern char __start_kernel_data[], __stop_kernel_data[];
extern char __start_kernel_text[], __stop_kernel_text[];
extern char __start_kernel_static_calls[], __stop_kernel_static_calls[];

/* What of the linked kernel is written: the first regions of each machine. */
static const struct image {
	char *start, *stop;
	int protection;
} images[] = {
	{ __start_kernel_data, __stop_kernel_data, PROT_READ | PROT_WRITE },
	{ __start_kernel_static_calls, __stop_kernel_static_calls,
	  PROT_READ | PROT_WRITE | PROT_EXEC },
};

static struct {
	struct machine machine[MACHINE_MAX];
	struct machine *seen;
	u64 clock;
	void *as_linked[ARRAY_SIZE(images)];
} machines;

static unsigned long page_up(unsigned long bytes)
{
	return ALIGN_UP(bytes, PAGE_SIZE);
}

static unsigned long image_bytes(const struct image *image)
{
	return image->stop - image->start;
}

static void map_region(const struct machine *machine, const struct region *region, int sharing)
{
	void *at = mmap((void *)region->start, region->bytes, region->protection,
			sharing | MAP_FIXED | MAP_NORESERVE, machine->file, region->offset);

	if (at == MAP_FAILED)
		internal_error("cannot map %lu bytes of simulated machine: %s", region->bytes,
			       strerror(errno));
}

static void add_region(struct machine *machine, unsigned long start, unsigned long bytes,
		       int protection)
{
	struct region *region = &machine->region[machine->count];

	if (machine->count == REGION_MAX)
		internal_error("more than %d regions of simulated machine", REGION_MAX);
	machine->count++;
	*region = (struct region){ start, page_up(bytes), machine->file_bytes, protection };
	machine->file_bytes += region->bytes;
	if (ftruncate(machine->file, machine->file_bytes))
		internal_error("cannot grow the simulated machine: %s", strerror(errno));
	map_region(machine, region, MAP_SHARED);
}

PROC void *proc_map(unsigned long address, unsigned long bytes)
{
	struct machine *machine = machines.seen;

	if (!address) {
		address = machine->next_anywhere;
		machine->next_anywhere += page_up(bytes);
	}
	add_region(machine, address, bytes, PROT_READ | PROT_WRITE);
	return (void *)address;
}

void *machine_at(hpa_t hpa, u64 bytes)
{
	const struct machine *machine = machines.seen;

	for (unsigned int i = 0; i < machine->count; i++) {
		const struct region *ram = &machine->region[i];

		if (ram->start == KERN_DIRECT_MAP)
			return hpa < ram->bytes && bytes <= ram->bytes - hpa ?
			       (void *)(ram->start + hpa) : NULL;
	}
	return NULL;
}

void machine_init(void)
{
	unsigned long text = __stop_kernel_text - __start_kernel_text;

	/* Booting writes one constant into it, the same for every machine: user_init(). */
	if (mprotect(__start_kernel_text, page_up(text), PROT_READ | PROT_WRITE | PROT_EXEC))
		internal_error("cannot make the kernel's text writable: %s", strerror(errno));
	for (unsigned int i = 0; i < ARRAY_SIZE(images); i++) {
		unsigned long bytes = image_bytes(&images[i]);

		machines.as_linked[i] = mmap(NULL, page_up(bytes), PROT_READ | PROT_WRITE,
					     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (machines.as_linked[i] == MAP_FAILED)
			internal_error("cannot keep a copy of the kernel's data");
		memcpy(machines.as_linked[i], images[i].start, bytes);
	}
}

/* The images stay: there is always a kernel, if only that of the last machine. */
static void unmap(struct machine *machine)
{
	for (unsigned int i = ARRAY_SIZE(images); i < machine->count; i++)
		munmap((void *)machine->region[i].start, machine->region[i].bytes);
}

/* The place @env had, else a free one, else the one not seen for longest. */
static struct machine *choose_place(const struct env *env)
{
	struct machine *oldest = machines.machine;

	for (unsigned int i = 0; i < MACHINE_MAX; i++) {
		struct machine *machine = &machines.machine[i];

		if (machine->env == env)
			return machine;
		if (machine->used < oldest->used)
			oldest = machine;
	}
	return oldest;
}

struct machine *machine_new(const struct env *env)
{
	struct machine *machine = choose_place(env);

	if (machines.seen)
		unmap(machines.seen);
	if (machine->env)
		close(machine->file);
	*machine = (struct machine){
		.env = env, .used = ++machines.clock, .next_anywhere = ANYWHERE,
		.file = memfd_create("septum-kernel", MFD_CLOEXEC),
	};
	if (machine->file < 0)
		internal_error("cannot make a memory file: %s", strerror(errno));
	machines.seen = machine;
	for (unsigned int i = 0; i < ARRAY_SIZE(images); i++) {
		add_region(machine, (unsigned long)images[i].start, image_bytes(&images[i]),
			   images[i].protection);
		memcpy(images[i].start, machines.as_linked[i], image_bytes(&images[i]));
	}
	return machine;
}

static void map_private(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->count; i++)
		map_region(machine, &machine->region[i], MAP_PRIVATE);
}

void machine_snapshot(struct machine *machine)
{
	map_private(machine);
	machine->generation = 0;
}

static void restore(struct machine *machine)
{
	for (unsigned int i = 0; i < machine->count; i++)
		if (madvise((void *)machine->region[i].start, machine->region[i].bytes,
			    MADV_DONTNEED))
			internal_error("cannot put the machine back: %s", strerror(errno));
	machine->generation = 0;
}

u64 machine_use(struct machine *machine, u64 generation)
{
	if (machines.seen != machine) {
		unmap(machines.seen);
		map_private(machine);
		machines.seen = machine;
		machine->generation = 0;
	}
	machine->used = ++machines.clock;
	if (generation != machine->generation && !generation)
		restore(machine);
	if (generation != machine->generation)
		internal_error("the real kernel can only go back to right after boot");
	return ++machine->generation;
}
