// SPDX-License-Identifier: GPL-2.0-only
/*
 * All word tables of the language, made from the .def files of the layers.
 * Constant data; look-ups are linear, the longest table has some 130 rows.
 */
#include <errno.h>
#include <string.h>

#include "model/kvm/kvm_uapi.h"
#include "model/tdx/tables.h"
#include "sim/base/check.h"
#include "sim/base/host.h"
#include "sim/base/inject.h"
#include "sim/run.h"
#include "sim/scn.h"
#include "sim/words.h"

static const struct word errno_words[] = {
#define ERRNO_NAME(name) { #name, name, "" },
#include "sim/errno_names.def"
#undef ERRNO_NAME
};

static const struct word exit_words[] = {
#define EXIT_WORD(number, text, help) { text, number, help },
#include "sim/result_words.def"
};

static const struct word guest_words[] = {
#define GUEST_WORD(vector, text, help) { text, vector, help },
#include "sim/result_words.def"
};

static const struct word plain_words[] = {
#define PLAIN_WORD(kind, text, help) { text, RESULT_##kind, help },
#include "sim/result_words.def"
};

static const struct word status_words[] = {
#define STATUS(name, high, retry, kvm, text) { #name, (u64)(high) << 32, text },
#include "model/tdx/status.def"
#undef STATUS
};

static const struct word operand_words[] = {
#define OPERAND_ID(name, value, text) { #name, value, text },
#include "model/tdx/operand_ids.def"
#undef OPERAND_ID
};

static const struct word leaf_words[] = {
#define LEAF(number, name, suffix, ...) { #name, number, "" },
#include "model/tdx/leaves.def"
#undef LEAF
};

static const struct word tdcall_words[] = {
#define TDCALL_LEAF(number, name, suffix, ...) { #name, number, "" },
#include "model/tdx/tdcalls.def"
#undef TDCALL_LEAF
};

static const struct word sept_words[] = {
#define SEPT_STATE(row, name, code, bits, arch, leaf, tracked, reach, text) { #name, row, text },
#include "model/tdx/sept_states.def"
#undef SEPT_STATE
};

static const struct word pamt_words[] = {
#define PAMT_TYPE(value, name, owned, text) { #name, value, text },
#include "model/tdx/pamt_types.def"
#undef PAMT_TYPE
};

static const struct word life_words[] = {
#define LIFECYCLE(value, name, text) { #name, value, text },
#include "model/tdx/td_states.def"
};

static const struct word op_words[] = {
#define OP_STATE(value, name, live, text) { #name, value, text },
#include "model/tdx/td_states.def"
};

static const struct word invariant_words[] = {
#define INV(number, name, sentence) { #name, number, sentence },
#include "sim/base/invariants.def"
#undef INV
};

static const struct word spte_words[] = {
	{ "none", SPTE_NONE, "nothing there" },
	{ "frozen", SPTE_FROZEN, "somebody is changing it" },
	{ "table", SPTE_TABLE, "names a page table" },
	{ "leaf", SPTE_LEAF, "maps a page" },
};

static const struct word kind_words[] = {
	{ "refuse", INJECT_REFUSE, "the status comes back, nothing was done" },
	{ "late", INJECT_LATE, "done, but the status comes back" },
	{ "lie", INJECT_LIE, "success comes back, nothing was done" },
	{ "busy", INJECT_BUSY, "somebody else holds a lock of the leaf" },
};

static const struct word visibility_words[] = {
	{ "shared", 0, "host and guest may use it" },
	{ "private", 1, "the guest alone" },
};

static const struct word vm_type_words[] = {
	{ "tdx", KVM_X86_TDX_VM, "KVM_X86_TDX_VM" },
	{ "normal", KVM_X86_DEFAULT_VM, "KVM_X86_DEFAULT_VM" },
	{ "sw-protected", KVM_X86_SW_PROTECTED_VM, "KVM_X86_SW_PROTECTED_VM" },
};

static const struct word gmem_flag_words[] = {
	{ "none", 0, "" },
	{ "mmap", GUEST_MEMFD_FLAG_MMAP, "userspace may map it" },
	{ "init-shared", GUEST_MEMFD_FLAG_INIT_SHARED, "all of it is shared" },
	{ "mmap+init-shared", GUEST_MEMFD_FLAG_MMAP | GUEST_MEMFD_FLAG_INIT_SHARED, "" },
};

static const struct word file_kind_words[] = {
	{ "memfd", HOST_FILE_MEMFD, "memfd_create()" },
	{ "disk", HOST_FILE_DISK, "on a disk file system" },
	{ "bare-disk", HOST_FILE_BARE_DISK, "on one without error_remove_folio" },
	{ "hugetlb", HOST_FILE_HUGETLB, "memfd_create(MFD_HUGETLB)" },
};

static const struct word measure_words[] = {
	{ "operation", MEASURE_OPERATION, "the operation the situation is about" },
	{ "failure", MEASURE_FAILURE, "what failed before it: counted, its result is not" },
	{ "neighbour", MEASURE_NEIGHBOUR, "guest memory beside the range, which must survive" },
	{ "retry", MEASURE_RETRY, "the same again, when what was in the way may be gone" },
	{ "next-td", MEASURE_NEXT_TD, "another TD needs the memory" },
};

static const struct word yesno_words[] = { { "no", 0, "" }, { "yes", 1, "" } };

static const struct word level_words[] = {
	{ "4K", PG_LEVEL_4K, "" }, { "2M", PG_LEVEL_2M, "" }, { "1G", PG_LEVEL_1G, "" },
	{ "512G", PG_LEVEL_512G, "" },
};

#define LIST(name) { name, ARRAY_SIZE(name) }

static const struct word_list lists[] = {
	[WORDS_ERRNO] = LIST(errno_words),
	[WORDS_EXIT] = LIST(exit_words),
	[WORDS_GUEST] = LIST(guest_words),
	[WORDS_PLAIN_RESULT] = LIST(plain_words),
	[WORDS_STATUS] = LIST(status_words),
	[WORDS_OPERAND_ID] = LIST(operand_words),
	[WORDS_LEAF] = LIST(leaf_words),
	[WORDS_TDCALL] = LIST(tdcall_words),
	[WORDS_SEPT_STATE] = LIST(sept_words),
	[WORDS_PAMT_TYPE] = LIST(pamt_words),
	[WORDS_SPTE_STATE] = LIST(spte_words),
	[WORDS_TD_LIFE] = LIST(life_words),
	[WORDS_TD_OP] = LIST(op_words),
	[WORDS_INVARIANT] = LIST(invariant_words),
	[WORDS_FAULT_KIND] = LIST(kind_words),
	[WORDS_VISIBILITY] = LIST(visibility_words),
	[WORDS_VM_TYPE] = LIST(vm_type_words),
	[WORDS_GMEM_FLAGS] = LIST(gmem_flag_words),
	[WORDS_FILE_KIND] = LIST(file_kind_words),
	[WORDS_MEASURE] = LIST(measure_words),
	[WORDS_YESNO] = LIST(yesno_words),
	[WORDS_LEVEL] = LIST(level_words),
};

static_assert(ARRAY_SIZE(lists) == WORDS_NR, "a list for each table of words");

struct word_list words(enum word_table table)
{
	return lists[table];
}

/* Leaves are written with dots in the specification, with '_' in the kernel. */
static bool same_word(const char *a, const char *b)
{
	for (; *a && *b; a++, b++)
		if (*a != *b && !(*a == '_' && *b == '.'))
			return false;
	return *a == *b;
}

const struct word *word_find(enum word_table table, const char *text)
{
	u32 i;

	for (i = 0; i < lists[table].count; i++)
		if (same_word(lists[table].word[i].text, text))
			return &lists[table].word[i];
	return NULL;
}

const char *word_text(enum word_table table, u64 number)
{
	u32 i;

	for (i = 0; i < lists[table].count; i++)
		if (lists[table].word[i].number == number)
			return lists[table].word[i].text;
	return NULL;
}

void words_guess(enum word_table table, struct diag_guess *guess)
{
	u32 i;

	for (i = 0; i < lists[table].count; i++)
		diag_guess_add(guess, lists[table].word[i].text);
}
