/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Words and the numbers they stand for, gathered from all tables into one form,
 * so that parser, printer, did-you-mean and `list` treat each alike.
 */
#ifndef SEPTUM_WORDS_H
#define SEPTUM_WORDS_H

#include "sim/diag.h"

struct word {
	const char *text;
	u64 number;
	const char *help;
};

struct word_list {
	const struct word *word;
	u32 count;
};

enum word_table {
	WORDS_ERRNO,		/* number: the positive errno */
	WORDS_EXIT,		/* KVM_EXIT_* */
	WORDS_GUEST,		/* exception vector */
	WORDS_PLAIN_RESULT,	/* hang, deadlock, skip, '*': enum scn_result_kind */
	WORDS_STATUS,		/* value of the whole status, details 0 */
	WORDS_OPERAND_ID,
	WORDS_LEAF,		/* SEAMCALL leaf number, dotted name */
	WORDS_TDCALL,
	WORDS_SEPT_STATE,	/* row */
	WORDS_PAMT_TYPE,
	WORDS_SPTE_STATE,
	WORDS_TD_LIFE,
	WORDS_TD_OP,
	WORDS_INVARIANT,
	WORDS_FAULT_KIND,
	WORDS_VISIBILITY,	/* 0 shared, 1 private */
	WORDS_VM_TYPE,
	WORDS_GMEM_FLAGS,
	WORDS_FILE_KIND,	/* enum host_file_kind */
	WORDS_MEASURE,		/* enum run_measure */
	WORDS_YESNO,
	WORDS_LEVEL,		/* enum pg_level */
	WORDS_NR
};

struct word_list words(enum word_table table);

/* NULL when there is none. Case counts. */
const struct word *word_find(enum word_table table, const char *text);
/* NULL when no word stands for @number. */
const char *word_text(enum word_table table, u64 number);
/* Adds all words of the table to a guess. */
void words_guess(enum word_table table, struct diag_guess *guess);

#endif /* SEPTUM_WORDS_H */
