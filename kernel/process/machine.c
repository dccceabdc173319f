/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Memory of the simulated machine and of the kernel image.
 *
 * Everything the kernel side writes lies in a few regions, each backed by a
 * memory file. Booting writes to the file; a snapshot turns the mappings into
 * private copies of it, so that putting the machine back is dropping those
 * copies: it costs what was touched, not what there is.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/process/process.h"
#include "sim/base/check.h"

#define REGION_MAX	64
#define ANYWHERE	0x300000000000UL	/* regions without an address of their own */

struct region {
	unsigned long start, bytes;
	unsigned long offset;	/* in the file */
};

extern char __start_kernel_data[], __stop_kernel_data[];
extern char __start_kernel_text[], __stop_kernel_text[];

static struct {
	struct region region[REGION_MAX];
	unsigned int count;
	unsigned long file_bytes;
	unsigned long next_anywhere;
	int file;
	bool private;		/* mappings are private copies of the snapshot */
	void *image;		/* the kernel's data as it was linked */
} machine = { .file = -1 };

static unsigned long page_up(unsigned long bytes)
{
	return ALIGN_UP(bytes, PAGE_SIZE);
}

static void map_region(const struct region *region, int sharing)
{
	void *at = mmap((void *)region->start, region->bytes, PROT_READ | PROT_WRITE,
			sharing | MAP_FIXED | MAP_NORESERVE, machine.file, region->offset);

	if (at == MAP_FAILED)
		internal_error("cannot map %lu bytes of simulated machine: %s", region->bytes,
			       strerror(errno));
}

static void add_region(unsigned long start, unsigned long bytes)
{
	struct region *region = &machine.region[machine.count];

	if (machine.count == REGION_MAX)
		internal_error("more than %d regions of simulated machine", REGION_MAX);
	machine.count++;
	*region = (struct region){ start, page_up(bytes), machine.file_bytes };
	machine.file_bytes += region->bytes;
	if (ftruncate(machine.file, machine.file_bytes))
		internal_error("cannot grow the simulated machine: %s", strerror(errno));
	map_region(region, MAP_SHARED);
}

PROC void *proc_map(unsigned long address, unsigned long bytes)
{
	if (!address) {
		address = machine.next_anywhere;
		machine.next_anywhere += page_up(bytes);
	}
	add_region(address, bytes);
	return (void *)address;
}

void *machine_at(hpa_t hpa, u64 bytes)
{
	const struct region *ram = &machine.region[1];

	if (machine.count < 2 || hpa >= ram->bytes || bytes > ram->bytes - hpa)
		return NULL;
	return (void *)(KERN_DIRECT_MAP + hpa);
}

/* The kernel's own data becomes region 0, filled with what was linked. */
static void map_image(void)
{
	unsigned long bytes = __stop_kernel_data - __start_kernel_data;

	add_region((unsigned long)__start_kernel_data, bytes);
	memcpy(__start_kernel_data, machine.image, bytes);
}

void machine_init(void)
{
	unsigned long bytes = __stop_kernel_data - __start_kernel_data;
	unsigned long text = __stop_kernel_text - __start_kernel_text;

	machine.image = mmap(NULL, page_up(bytes), PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (machine.image == MAP_FAILED)
		internal_error("cannot keep a copy of the kernel's data");
	memcpy(machine.image, __start_kernel_data, bytes);
	/* Static calls rewrite their trampolines. */
	if (mprotect(__start_kernel_text, page_up(text), PROT_READ | PROT_WRITE | PROT_EXEC))
		internal_error("cannot make the kernel's text writable: %s", strerror(errno));
}

void machine_restart(void)
{
	unsigned int i;

	if (machine.file >= 0)
		close(machine.file);
	for (i = 1; i < machine.count; i++)
		munmap((void *)machine.region[i].start, machine.region[i].bytes);
	machine.count = 0;
	machine.file_bytes = 0;
	machine.next_anywhere = ANYWHERE;
	machine.private = false;
	machine.file = memfd_create("septum-kernel", MFD_CLOEXEC);
	if (machine.file < 0)
		internal_error("cannot make a memory file: %s", strerror(errno));
	map_image();
}

void machine_snapshot(void)
{
	unsigned int i;

	for (i = 0; i < machine.count; i++)
		map_region(&machine.region[i], MAP_PRIVATE);
	machine.private = true;
}

void machine_restore(void)
{
	unsigned int i;

	for (i = 0; i < machine.count; i++)
		if (madvise((void *)machine.region[i].start, machine.region[i].bytes,
			    MADV_DONTNEED))
			internal_error("cannot put the machine back: %s", strerror(errno));
}
