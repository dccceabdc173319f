// SPDX-License-Identifier: GPL-2.0-only
/*
 * Function names for text addresses, from this program's own symbol table,
 * read when the first one is asked for. Kernel names are there too, as local
 * symbols, for the trace of a crash.
 */
#include <elf.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/process/process.h"

struct function {
	unsigned long start, end;
	const char *name;
};

static struct {
	bool loaded;
	struct function *function;
	size_t count;
} table;

static int by_start(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void add_symbols(const char *elf, const Elf64_Shdr *symtab, const Elf64_Shdr *strtab)
{
	const Elf64_Sym *sym = (const Elf64_Sym *)(elf + symtab->sh_offset);
	size_t i, n = symtab->sh_size / sizeof(*sym);

	table.function = malloc(n * sizeof(*table.function));
	if (!table.function)
		return;
	for (i = 0; i < n; i++) {
		if (ELF64_ST_TYPE(sym[i].st_info) != STT_FUNC || !sym[i].st_value)
			continue;
		table.function[table.count++] = (struct function){
			sym[i].st_value, sym[i].st_value + sym[i].st_size,
			elf + strtab->sh_offset + sym[i].st_name,
		};
	}
	qsort(table.function, table.count, sizeof(*table.function), by_start);
}

static void load(void)
{
	const Elf64_Ehdr *header;
	const Elf64_Shdr *section;
	struct stat st;
	const char *elf;
	int fd, i;

	table.loaded = true;
	fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &st))
		goto out;
	elf = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (elf == MAP_FAILED)
		goto out;
	header = (const Elf64_Ehdr *)elf;
	section = (const Elf64_Shdr *)(elf + header->e_shoff);
	for (i = 0; i < header->e_shnum; i++)
		if (section[i].sh_type == SHT_SYMTAB)
			add_symbols(elf, &section[i], &section[section[i].sh_link]);
out:
	close(fd);
}

const char *symbol_of(unsigned long address)
{
	size_t low = 0, high;

	if (!table.loaded)
		load();
	high = table.count;
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (table.function[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low || address >= table.function[low - 1].end)
		return "?";
	return table.function[low - 1].name;
}
