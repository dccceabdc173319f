/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A scenario as a tree: one node a line, every node with its place in the
 * text. The parser makes it, the printer writes it back (parse(print(x)) == x),
 * the runner executes it, the fuzzer and the shrinker build and cut it.
 *
 *	# what is believed, in a sentence
 *	vary policy in always-pin no-hold
 *	use  common/td-1vcpu.scn gmem=g0
 *	host punch_hole g0 off=0x1000 len=4K           = 0      [policy no-hold]
 *	  > TDH.MEM.RANGE.BLOCK gpa=0x1000 level=4K    = SUCCESS
 *
 * doc/scenario.md is the language's reference.
 */
#ifndef SEPTUM_SCN_H
#define SEPTUM_SCN_H

#include "sim/base/types.h"
#include "sim/diag.h"

#define SCN_OPERAND_MAX		11	/* operands a verb can have */
#define SCN_RESULT_MAX		4	/* alternatives: = 0 | EAGAIN */
#define SCN_LIMIT_MAX		4	/* [policy a b] [order c] */
#define SCN_WORDS_MAX		24	/* words of a limit, values of a vary */
#define SCN_FILE_MAX		(1u << 20)	/* bytes; a scenario is small */
#define SCN_LINE_MAX		400	/* bytes */
#define SCN_REPEAT_MAX		1000000
#define SCN_VARIANT_MAX		4096
#define SCN_USE_DEPTH		8
#define SCN_SOURCE_MAX		32	/* files one scenario uses, itself included */

enum scn_actor_kind {
	ACTOR_HOST,		/* the VMM: ioctls and fallocate */
	ACTOR_VCPU,		/* the guest on one vCPU */
	ACTOR_USER,		/* a process that maps the gmem */
	ACTOR_GUP,		/* somebody who takes references */
	ACTOR_MM,		/* memory failure, LRU drain, second owner of frames */
	ACTOR_MODULE,		/* a SEAMCALL made by hand */
	ACTOR_INJECT,		/* a fault to come */
	ACTOR_TEST,		/* the bench: names for frames, interrupts */
	ACTOR_EXPECT,		/* looks, changes nothing */
	ACTOR_NR
};

struct scn_actor {
	u8 kind;		/* enum scn_actor_kind */
	u8 td, vcpu;		/* vcpu: which one; of others: host2, gup1, 0 for plain */
};

/* Type of an operand; each has a row in value_types.def. */
enum scn_type {
	TYPE_NONE,
#define VALUE_TYPE(name, word, help) TYPE_##name,
#include "sim/value_types.def"
#undef VALUE_TYPE
	TYPE_NR
};

/* What the address in a register belongs to. */
enum scn_register_of {
	REGISTER_NUMBER,	/* nothing: the number is meant */
	REGISTER_TDR,		/* td0.tdr */
	REGISTER_TDVPR,		/* vcpu0.tdvpr */
	REGISTER_FRAME,		/* p0 */
};

struct scn_value {
	u64 number;		/* REGISTER of an object: enum scn_register_of */
	u32 id;			/* object number; vcpu: td << 8 | vcpu */
	bool of_object;		/* REGISTER: ->id names what it is the address of */
	u16 col;		/* where it stands in its line, from 1 */
	const char *word;	/* WORD, STRING; the name of a variable */
	bool variable;		/* $name: filled in when the variant is known */
};

enum scn_result_kind {
	RESULT_NONE,		/* nothing said */
	RESULT_ERRNO,		/* 0 or a negative errno */
	RESULT_EXIT,		/* KVM_RUN came back: KVM_EXIT_* */
	RESULT_GUEST,		/* the guest took #VE or an exception: vector */
	RESULT_STATUS,		/* TDX status, operand bits not compared if 0 */
	RESULT_HANG,
	RESULT_DEADLOCK,
	RESULT_SKIP,		/* this host cannot express the step */
	RESULT_ANY,		/* '*' */
};

struct scn_result {
	u8 kind;		/* enum scn_result_kind */
	u16 col;
	u64 number;		/* errno: negative, as s64 */
};

/* [policy a b]: the line counts only when the knob has one of these values. */
struct scn_limit {
	const char *knob;
	const char *word[SCN_WORDS_MAX];
	u8 count;
	bool negated;		/* [policy not a b] */
	u16 col;
};

/* An indented '>' line: a SEAMCALL that must cross, or '...'. */
struct scn_crossing {
	u32 line;
	u16 col, leaf_col, result_col;
	bool anything;		/* ... */
	u16 leaf;
	u32 given;		/* bits of enum scn_reg_name */
	u64 reg[16];
	u16 reg_col[16];
	struct scn_result result;	/* kind NONE: any status */
	u32 times;		/* (times=N), 1 when not said */
	bool injected;		/* (injected): must come from an inject line */
	const char *comment;
	struct scn_limit limit[SCN_LIMIT_MAX];
	u8 limit_count;
};

/* What a '>' line can name: registers, and fields of them. */
enum scn_reg_name {
	SCN_REG_RCX, SCN_REG_RDX, SCN_REG_R8, SCN_REG_R9,
	SCN_REG_R10, SCN_REG_R11, SCN_REG_R12, SCN_REG_R13,
	SCN_REG_GPA, SCN_REG_LEVEL, SCN_REG_HPA, SCN_REG_LP,
	SCN_REG_NR
};

extern const char *const scn_reg_names[SCN_REG_NR];

struct verb;

struct scn_step {
	struct scn_actor actor;
	bool negated;			/* expect not ... */
	const struct verb *verb;	/* row of verbs.def */
	u32 given;			/* bit i: value[i] is there */
	struct scn_value value[SCN_OPERAND_MAX];
	struct scn_result result[SCN_RESULT_MAX];
	u8 result_count;		/* 0: nothing said */
	u8 limit_count;
	struct scn_limit *limit;
	/* (properties) */
	bool signal;			/* a signal is pending for the task */
	s32 cpu;			/* logical processor, -1: the actor's own */
	u32 fail_alloc;			/* fail this allocation of the step, from 1 */
	bool oom_after_fault;		/* fail all of its allocations behind a fault */
	bool has_variable;
	struct scn_crossing *crossing;
	u32 crossing_count;
};

enum scn_node_kind {
	SCN_BLANK,
	SCN_COMMENT,
	SCN_STEP,
	SCN_SET,		/* set knob=value ... */
	SCN_VARY,		/* vary NAME in a b c */
	SCN_USE,		/* use FILE name=value ...; ->body: that file's nodes */
	SCN_PARAM,		/* param name=default ...: what a used file asks for */
	SCN_REPEAT,		/* repeat N ... end */
	SCN_RACE,		/* race ... end; ->body: steps only */
	SCN_CONDITION,		/* condition A and B: ->body, all steps of ACTOR_EXPECT */
};

struct scn_setting {
	const char *name, *value;
	u16 name_col, value_col;
};

struct scn_node {
	u8 kind;		/* enum scn_node_kind */
	u32 line;
	u16 col;		/* of the first word */
	u16 file;		/* index into scn->file */
	const char *comment;	/* with its '#'; alone or behind something */
	const char *name;	/* VARY: what varies; USE: the file */
	u16 name_col;
	u32 count;		/* REPEAT: times; else how many settings */
	struct scn_setting *setting;	/* SET, PARAM, USE; VARY: ->value only */
	struct scn_step *step;
	struct scn_node *body;
	u32 body_count;
};

enum scn_verdict { SCN_NO_VERDICT, SCN_NEVER, SCN_SOMETIMES, SCN_ALWAYS };

struct scn_source {
	const char *name;	/* as it is shown */
	const char *text;	/* whole, NUL terminated */
};

struct scn_block;

struct scn {
	struct scn_node *node;
	u32 node_count;
	const char *hypothesis;		/* first comment line, without '#' */
	u8 verdict;			/* enum scn_verdict, from "# Result:" */
	u32 verdict_line;
	u32 step_count;			/* steps in the text, used files included */
	struct scn_source file[SCN_SOURCE_MAX];	/* [0] is the scenario itself */
	u16 file_count;
	struct scn_block *memory;	/* what all of it was allocated from */
};

/*
 * NULL and @diag set when the text is no scenario. @name: how the text is
 * called in messages. `use FILE` is looked for beside the file, then in each
 * directory above it, so that common/x.scn works from anywhere below
 * scenarios/; a text from stdin looks below the working directory.
 */
struct scn *scn_parse_file(const char *path, struct diag *diag);
struct scn *scn_parse_text(const char *name, const char *text, size_t size,
			   struct diag *diag);
void scn_free(struct scn *scn);
/* Does a line state this status (bits 63:32), of @leaf if that is not -1? */
bool scn_shows_status(const struct scn *scn, u64 status, int leaf);

/* A fresh, empty one, for whoever builds scenarios (fuzzer, shrinker). */
struct scn *scn_new(const char *name);
/* @size bytes, zeroed, that live as long as @scn. */
void *scn_alloc(struct scn *scn, size_t size);
const char *scn_intern(struct scn *scn, const char *text, size_t length);

/* Canonical text; malloc()ed, NUL terminated. */
char *scn_print(const struct scn *scn);
/* One step as its line, without indentation or newline. Returns the length. */
int scn_print_step(const struct scn_step *step, char *text, size_t size);
int scn_print_value(enum scn_type type, const struct scn_value *value,
		    char *text, size_t size);
int scn_print_result(const struct scn_result *result, char *text, size_t size);
int scn_print_crossing(const struct scn_crossing *crossing, char *text, size_t size);

/* Same meaning, places and spelling aside. */
bool scn_equal(const struct scn *a, const struct scn *b);

/*
 * Read @text as a value of @type. False and a sentence in @why when it is none:
 * the sentence names what was expected and the nearest known word.
 */
bool scn_parse_value(enum scn_type type, const char *text, struct scn *scn,
		     struct scn_value *value, char *why, size_t why_size);

/* "TDH.MEM.PAGE.AUG"; the number in hex when there is no such leaf. */
int scn_print_leaf(bool tdcall, u16 leaf, char *text, size_t size);
/* "TDX_OPERAND_BUSY|RCX", as tdx_status_parse() reads it back. */
int scn_print_status(u64 status, char *text, size_t size);
/* How a type is called, and what its values look like. */
const char *value_type_word(enum scn_type type);
const char *value_type_help(enum scn_type type);

/* Place and source line of a node, for messages. */
struct diag_place scn_place(const struct scn *scn, const struct scn_node *node, u32 col);
/* The text of line @line of file @file, copied into @line_text (cut). */
void scn_source_line(const struct scn *scn, u32 file, u32 line, char *text, size_t size);

#endif /* SEPTUM_SCN_H */
