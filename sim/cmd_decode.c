// SPDX-License-Identifier: GPL-2.0-only
/*
 * `septum decode`: a 64-bit status, a name, or a kernel log line such as
 * "SEAMCALL TDH_MEM_PAGE_REMOVE failed: 0x..." in words: what it means, who can
 * return it, whether a retry helps, what KVM does, and which shipped scenario
 * shows it.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/cmd.h"
#include "sim/diag.h"
#include "sim/verbs.h"
#include "sim/words.h"

static const char *const class_names[] = {
	[0x00] = "general, TD exit", [0x01] = "operand", [0x02] = "resource busy",
	[0x03] = "page metadata (PAMT)", [0x04] = "dependent resources",
	[0x05] = "module state", [0x06] = "TD state", [0x07] = "vCPU state",
	[0x08] = "keys, HKID, cache", [0x09] = "CPUID, MSR, platform",
	[0x0a] = "TDMR, PAMT, CMR configuration", [0x0b] = "Secure EPT",
	[0x0c] = "metadata fields", [0x0d] = "service TD", [0x0e] = "migration",
	[0x0f] = "TDX Connect", [0x10] = "attestation", [0x11] = "nested VMs, partitioning",
};

/* The kernel puts its own software errors where no status is. */
#define TDX_SW_ERROR	0xFFFFFF0000000000ULL

/*
 * virt/tdx says "SEAMCALL (0x<leaf>) failed: 0x<status>", both with 16 digits.
 * The leaf's number, NULL when the line is no such line.
 */
static const char *numbered_leaf(const char *line)
{
	const char *at = strstr(line, "SEAMCALL (");

	return at ? at + strlen("SEAMCALL (") : NULL;
}

/* Anything TDH_... or TDH.... in the line, or its number; NULL: no leaf is named. */
static const struct tdx_leaf_info *find_leaf(const char *line)
{
	const char *number = numbered_leaf(line);
	const struct tdx_leaf_info *info;
	char word[64];
	size_t length;

	if (number) {
		info = &tdx_leaf_info[strtoull(number, NULL, 0) % TDX_LEAF_MAX];
		return info->name ? info : NULL;
	}

	for (; *line; line++) {
		if (strncasecmp(line, "TDH", 3) || (line[3] != '_' && line[3] != '.'))
			continue;
		length = strspn(line, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_.0123456789");
		snprintf(word, sizeof(word), "%.*s", (int)length, line);
		while (length && word[length - 1] == '.')
			word[--length] = '\0';
		info = tdx_leaf_by_name(word);
		if (info)
			return info;
		line += length ? length - 1 : 0;
	}
	return NULL;
}

/* The first long hex number of the line: entries and level states come after it. */
static bool find_number(const char *line, u64 *status)
{
	const char *number = numbered_leaf(line), *at = number ? strchr(number, ')') : line;
	char *end;

	if (!at)
		return false;

	while ((at = strstr(at, "0x"))) {
		*status = strtoull(at, &end, 16);
		if (end - at > 8)
			return true;
		at = end;
	}
	return false;
}

static bool find_status(const char *line, u64 *status)
{
	char word[128];
	const char *name;
	size_t length;

	if (!tdx_status_parse(line, status) || find_number(line, status))
		return true;
	for (name = strstr(line, "TDX_"); name; name = strstr(name + 1, "TDX_")) {
		length = strcspn(name, " ,;()");
		snprintf(word, sizeof(word), "%.*s", (int)length, name);
		if (!tdx_status_parse(word, status))
			return true;
	}
	/* Bare digits, as a debugger prints them. */
	*status = strtoull(line, (char **)&name, 16);
	return name != line && !*name && strlen(line) >= 8;
}

static void print_bits(u64 status)
{
	u32 class = status >> 40 & 0xff;

	printf("  bits      %s%s%s\n", status >> 63 & 1 ? "error" : "no error",
	       status >> 62 & 1 ? ", not recoverable as it is" : "",
	       status >> 61 & 1 ? ", fatal for the TD" : "");
	printf("  class     0x%02x %s\n", class,
	       class < ARRAY_SIZE(class_names) ? class_names[class] : "unknown");
}

static void print_details(u64 status, const struct tdx_status_info *info)
{
	const struct tdx_operand_info *operand = tdx_operand_find((u32)status);

	if (!(u32)status)
		return;
	if (info && (info->value == TDX_PAGE_SIZE_MISMATCH ||
		     info->value == TDX_PAGE_ALREADY_ACCEPTED))
		printf("  details   S-EPT level %u\n", (u32)status);
	else if (operand)
		printf("  operand   0x%x %s: %s\n", operand->value, operand->name, operand->text);
	else
		printf("  details   0x%x\n", (u32)status);
}

static bool may_return(const struct tdx_leaf_info *info, u64 status)
{
	u32 i;

	if ((u32)status)
		return tdx_leaf_may_return(info, status);
	for (i = 0; i < info->status_count; i++)
		if (TDX_STATUS(info->status[i]) == status)
			return true;
	return false;
}

/* May a leaf return it besides its own list, as every leaf may? */
static bool is_common(u64 status)
{
	u32 i;

	for (i = 0; i < tdx_common_status_count; i++)
		if (tdx_common_status[i] == status ||
		    (!(u32)status && TDX_STATUS(tdx_common_status[i]) == status))
			return true;
	return false;
}

static u32 print_table(const struct tdx_leaf_info *table, bool tdcall, u64 status, u32 found)
{
	char name[64], line[100] = "";
	u32 i;

	for (i = 0; i < TDX_LEAF_MAX; i++) {
		if (!table[i].name || !may_return(&table[i], status))
			continue;
		scn_print_leaf(tdcall, i, name, sizeof(name));
		if (strlen(line) + strlen(name) + 2 > 68) {
			printf("%s%s\n", found++ ? "            " : "  from      ", line);
			line[0] = '\0';
		}
		strcat(strcat(line, line[0] ? ", " : ""), name);
	}
	if (line[0])
		printf("%s%s\n", found++ ? "            " : "  from      ", line);
	return found;
}

static void print_leaves(u64 status)
{
	u32 found = 0;

	if (is_common(status)) {
		printf("  from      every SEAMCALL\n");
		found++;
	}
	found = print_table(tdx_leaf_info, false, status, found);
	found = print_table(tdx_tdcall_info, true, status, found);
	if (!found)
		printf("  from      no leaf of the model (with this operand)\n");
}

/* ---- Scenarios that show it ---- */

static bool print_scenario(u64 status, int leaf)
{
	struct path_list paths = { 0 };
	char path[4096];
	const char *shipped = paths_shipped(path, sizeof(path));
	struct diag diag;
	struct scn *scn;
	bool found = false;
	u32 i;

	if (!shipped || paths_gather_quietly(&paths, shipped))
		return true;
	for (i = 0; i < paths.count && !found; i++) {
		scn = scn_parse_file(paths.path[i], &diag);
		found = scn && scn_shows_status(scn, status, leaf);
		if (found)
			printf("  see       %s\n            %s\n", paths.path[i], scn->hypothesis);
		scn_free(scn);
	}
	paths_free(&paths);
	return found;
}

static int decode(const char *line)
{
	const struct tdx_leaf_info *leaf = find_leaf(line);
	const struct tdx_status_info *info;
	char text[120];
	u64 status;

	if (!find_status(line, &status))
		return usage_error("no status in '%s': expected 16 hex digits, a TDX_ name or a log line",
				   line);
	info = tdx_status_find(status);
	scn_print_status(status, text, sizeof(text));
	printf("0x%016llx %s\n", (unsigned long long)status, info ? text : "(unknown)");
	if (status >= TDX_SW_ERROR) {
		printf("  made by   the kernel's SEAMCALL wrapper, not by the module\n");
		return 0;
	}
	if (info)
		printf("  means     %s\n", info->text);
	print_bits(status);
	print_details(status, info);
	if (info)
		printf("  retry     %s\n  KVM       %s\n", tdx_retry_text[info->retry], info->kvm);
	if (leaf) {
		scn_print_leaf(false, leaf->number, text, sizeof(text));
		printf("  leaf      %s (%u) %s\n", text, leaf->number,
		       may_return(leaf, status) || is_common(status) ? "may return this" :
						  "is not known to return this");
	} else {
		print_leaves(status);
	}
	if (tdx_status_unseen(status))
		printf("  see       no scenario: %s\n", tdx_status_unseen(status));
	else if (info && info->value && !(leaf && print_scenario(status, leaf->number)))
		print_scenario(status, -1);
	return 0;
}

int cmd_decode(int argc, char **argv)
{
	struct option_words words = { 0 };
	int status = options_parse("decode", argc, argv, NULL, 0, NULL, &words);
	char line[1024];
	u32 i;

	if (!status && !words.count)
		status = usage_error("which status? 'septum decode --help' has an example");
	for (i = 0; i < words.count && !status; i++) {
		if (strcmp(words.word[i], "-")) {
			status = decode(words.word[i]);
			continue;
		}
		while (!status && fgets(line, sizeof(line), stdin)) {
			line[strcspn(line, "\n")] = '\0';
			if (line[0])
				status = decode(line);
		}
	}
	option_words_free(&words);
	return status < 0 ? 0 : status;
}
