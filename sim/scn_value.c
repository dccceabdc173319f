// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operand values: one reader and one printer a type, both driven by
 * value_types.def. What a word table knows is a table lookup; the rest are
 * numbers with units and the names of objects.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/base/host.h"
#include "sim/run.h"
#include "sim/words.h"

/* How values of a type look. */
enum value_form {
	FORM_NUMBER,		/* printed in decimal */
	FORM_HEX,
	FORM_ADDRESS,		/* hex, read with units */
	FORM_REGISTER,		/* hex, or an object's address */
	FORM_BYTES,		/* printed with the largest unit that divides it */
	FORM_OBJECT,		/* prefix and number */
	FORM_VCPU,
	FORM_GMEM_AT,
	FORM_TABLE,		/* a word of a table */
	FORM_TABLE_OR_HEX,
	FORM_LEAF,
	FORM_STATUS,
	FORM_WORD,
	FORM_STRING,
	FORM_FLAG,
};

struct value_row {
	const char *word, *help;
};

static const struct value_row value_rows[TYPE_NR] = {
#define VALUE_TYPE(name, word, help) [TYPE_##name] = { word, help },
#include "sim/value_types.def"
#undef VALUE_TYPE
};

static const struct {
	u8 form, table;
	const char *prefix;
	u32 max;
} value_forms[TYPE_NR] = {
	[TYPE_GPA]	  = { FORM_ADDRESS },
	[TYPE_OFFSET]	  = { FORM_ADDRESS },
	[TYPE_SIZE]	  = { FORM_BYTES },
	[TYPE_NUMBER]	  = { FORM_NUMBER },
	[TYPE_HEX]	  = { FORM_HEX },
	[TYPE_REGISTER]	  = { FORM_REGISTER },
	[TYPE_TD]	  = { FORM_OBJECT, 0, "td", HOST_OBJ_MAX },
	[TYPE_VCPU]	  = { FORM_VCPU },
	[TYPE_GMEM]	  = { FORM_OBJECT, 0, "g", HOST_OBJ_MAX },
	[TYPE_GMEM_AT]	  = { FORM_GMEM_AT },
	[TYPE_FRAME]	  = { FORM_OBJECT, 0, "p", RUN_FRAME_MAX },
	[TYPE_LEVEL]	  = { FORM_TABLE, WORDS_LEVEL },
	[TYPE_LEAF]	  = { FORM_LEAF, WORDS_LEAF },
	[TYPE_TDCALL]	  = { FORM_LEAF, WORDS_TDCALL },
	[TYPE_STATUS]	  = { FORM_STATUS, WORDS_STATUS },
	[TYPE_OPERAND_ID] = { FORM_TABLE_OR_HEX, WORDS_OPERAND_ID },
	[TYPE_FAULT_KIND] = { FORM_TABLE, WORDS_FAULT_KIND },
	[TYPE_VISIBILITY] = { FORM_TABLE, WORDS_VISIBILITY },
	[TYPE_MEASURE] = { FORM_TABLE, WORDS_MEASURE },
	[TYPE_VM_TYPE]	  = { FORM_TABLE_OR_HEX, WORDS_VM_TYPE },
	[TYPE_GMEM_FLAGS] = { FORM_TABLE_OR_HEX, WORDS_GMEM_FLAGS },
	[TYPE_FILE_KIND]  = { FORM_TABLE, WORDS_FILE_KIND },
	[TYPE_SEPT_STATE] = { FORM_TABLE, WORDS_SEPT_STATE },
	[TYPE_PAMT_TYPE]  = { FORM_TABLE, WORDS_PAMT_TYPE },
	[TYPE_SPTE_STATE] = { FORM_TABLE, WORDS_SPTE_STATE },
	[TYPE_TD_LIFE]	  = { FORM_TABLE, WORDS_TD_LIFE },
	[TYPE_TD_OP]	  = { FORM_TABLE, WORDS_TD_OP },
	[TYPE_INVARIANT]  = { FORM_TABLE, WORDS_INVARIANT },
	[TYPE_YESNO]	  = { FORM_TABLE, WORDS_YESNO },
	[TYPE_FLAG]	  = { FORM_FLAG },
	[TYPE_WORD]	  = { FORM_WORD },
	[TYPE_STRING]	  = { FORM_STRING },
};

const char *value_type_word(enum scn_type type)
{
	return value_rows[type].word;
}

const char *value_type_help(enum scn_type type)
{
	return value_rows[type].help;
}

/* The shift of a unit letter, -1 when it is none. */
static int unit_shift(char c)
{
	switch (c) {
	case 'K': return 10;
	case 'M': return 20;
	case 'G': return 30;
	case 'T': return 40;
	default: return -1;
	}
}

/* Hex, or decimal with a unit. The sentence names what is wrong with the unit. */
static bool parse_number(const char *text, u64 *number, char *why, size_t why_size)
{
	char *end;
	int shift;

	errno = 0;
	if (!strncmp(text, "0x", 2) && text[2] && text[2] != '-' && text[2] != '+')
		*number = strtoull(text + 2, &end, 16);
	else if (*text >= '0' && *text <= '9')
		*number = strtoull(text, &end, 10);
	else
		return false;
	if (errno == ERANGE) {
		snprintf(why, why_size, "'%s' does not fit in 64 bits", text);
		return false;
	}
	if (!*end)
		return true;
	shift = unit_shift(*end);
	if (shift < 0 || end[1] || !strncmp(text, "0x", 2)) {
		snprintf(why, why_size, "'%s' is no unit of '%s', units are K, M, G and T",
			 end, text);
		return false;
	}
	if (*number > ~0ULL >> shift) {
		snprintf(why, why_size, "'%s' does not fit in 64 bits", text);
		return false;
	}
	*number <<= shift;
	return true;
}

/* @prefix and a number below @max. *end is left behind the digits. */
static bool parse_object(const char *text, const char *prefix, u32 max, u32 *id,
			 const char **end)
{
	size_t length = strlen(prefix);
	char *stop;
	unsigned long n;

	if (strncmp(text, prefix, length) || text[length] < '0' || text[length] > '9')
		return false;
	n = strtoul(text + length, &stop, 10);
	if (n >= max)
		return false;
	*id = n;
	*end = stop;
	return true;
}

/* *end is left behind it. */
static bool parse_vcpu(const char *text, u32 *id, const char **end)
{
	u32 td = 0, vcpu;

	*end = text;
	if (parse_object(text, "td", HOST_OBJ_MAX, &td, end)) {
		if (**end != '.')
			return false;
		++*end;
	}
	if (!parse_object(*end, "vcpu", HOST_VCPU_MAX, &vcpu, end))
		return false;
	*id = td << 8 | vcpu;
	return true;
}

static bool parse_register(const char *text, struct scn_value *value, char *why,
			   size_t why_size)
{
	const char *end;

	value->of_object = false;
	if (parse_number(text, &value->number, why, why_size))
		return true;
	value->of_object = true;
	value->number = REGISTER_FRAME;
	if (parse_object(text, value_forms[TYPE_FRAME].prefix, RUN_FRAME_MAX, &value->id, &end))
		return !*end;
	value->number = REGISTER_TDVPR;
	if (parse_vcpu(text, &value->id, &end))
		return !strcmp(end, ".tdvpr");
	value->number = REGISTER_TDR;
	return parse_object(text, "td", HOST_OBJ_MAX, &value->id, &end) && !strcmp(end, ".tdr");
}

static bool parse_gmem_at(const char *text, struct scn_value *value, char *why,
			  size_t why_size)
{
	const char *end;

	if (!parse_object(text, "g", HOST_OBJ_MAX, &value->id, &end) || *end != '@')
		return false;
	return parse_number(end + 1, &value->number, why, why_size);
}

static bool parse_table(enum word_table table, const char *text, u64 *number)
{
	const struct word *word = word_find(table, text);

	if (word)
		*number = word->number;
	return word != NULL;
}

static bool parse_form(enum scn_type type, const char *text, struct scn *scn,
		       struct scn_value *value, char *why, size_t why_size)
{
	const char *end;
	size_t length = strlen(text);

	switch (value_forms[type].form) {
	case FORM_NUMBER:
		if (!strcmp(text, "all")) {
			value->number = ~0u;
			return true;
		}
		/* fall through */
	case FORM_HEX:
	case FORM_ADDRESS:
	case FORM_BYTES:
		return parse_number(text, &value->number, why, why_size);
	case FORM_OBJECT:
		return parse_object(text, value_forms[type].prefix,
				    value_forms[type].max, &value->id, &end) && !*end;
	case FORM_VCPU:
		return parse_vcpu(text, &value->id, &end) && !*end;
	case FORM_REGISTER:
		return parse_register(text, value, why, why_size);
	case FORM_GMEM_AT:
		return parse_gmem_at(text, value, why, why_size);
	case FORM_TABLE:
		return parse_table(value_forms[type].table, text, &value->number);
	case FORM_TABLE_OR_HEX:
	case FORM_LEAF:
		return parse_table(value_forms[type].table, text, &value->number) ||
		       parse_number(text, &value->number, why, why_size);
	case FORM_STATUS:
		return !tdx_status_parse(text, &value->number);
	case FORM_WORD:
		value->word = scn_intern(scn, text, length);
		return length > 0 && text[0] != '"';
	case FORM_STRING:
		if (length < 2 || text[0] != '"' || text[length - 1] != '"')
			return false;
		value->word = scn_intern(scn, text + 1, length - 2);
		return true;
	}
	return false;
}

bool scn_parse_value(enum scn_type type, const char *text, struct scn *scn,
		     struct scn_value *value, char *why, size_t why_size)
{
	struct diag_guess guess;
	char hint[80];
	u8 form = value_forms[type].form;

	why[0] = '\0';
	if (parse_form(type, text, scn, value, why, why_size))
		return true;
	if (why[0])
		return false;
	diag_guess_start(&guess, text);
	if (form >= FORM_TABLE && form <= FORM_STATUS)
		words_guess(value_forms[type].table, &guess);
	diag_guess_text(&guess, hint, sizeof(hint));
	snprintf(why, why_size, hint[0] ? "'%.60s' is no %s%s" : "'%.60s' is no %s%s (%s)", text,
		 value_rows[type].word, hint, value_rows[type].help);
	return false;
}

static int print_bytes(u64 bytes, char *text, size_t size)
{
	static const struct { u32 shift; char unit; } units[] = {
		{ 40, 'T' }, { 30, 'G' }, { 20, 'M' }, { 10, 'K' },
	};
	u32 i;

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (bytes && IS_ALIGNED(bytes, 1ULL << units[i].shift))
			return snprintf(text, size, "%llu%c",
					(unsigned long long)(bytes >> units[i].shift),
					units[i].unit);
	return snprintf(text, size, bytes ? "0x%llx" : "%llu", (unsigned long long)bytes);
}

/* As the specification writes it: TDH.MEM.PAGE.AUG. */
int scn_print_leaf(bool tdcall, u16 leaf, char *text, size_t size)
{
	const char *name = word_text(tdcall ? WORDS_TDCALL : WORDS_LEAF, leaf);
	int length;

	if (!name)
		return snprintf(text, size, "0x%x", leaf);
	length = snprintf(text, size, "%s", name);
	for (; *text; text++)
		if (*text == '_')
			*text = '.';
	return length;
}

int scn_print_status(u64 status, char *text, size_t size)
{
	const char *name = word_text(WORDS_STATUS, status & ~0xffffffffULL);
	const char *operand = word_text(WORDS_OPERAND_ID, (u32)status);

	if (!name)
		return snprintf(text, size, "0x%016llx", (unsigned long long)status);
	if (!(u32)status)
		return snprintf(text, size, "%s", name);
	if (operand)
		return snprintf(text, size, "%s|%s", name, operand);
	return snprintf(text, size, "%s|0x%x", name, (u32)status);
}

static int print_vcpu(u32 id, char *text, size_t size)
{
	if (!(id >> 8))
		return snprintf(text, size, "vcpu%u", id);
	return snprintf(text, size, "td%u.vcpu%u", id >> 8, id & 0xff);
}

static int print_register_of(const struct scn_value *value, char *text, size_t size)
{
	char vcpu[24];

	switch (value->number) {
	case REGISTER_TDR:
		return snprintf(text, size, "td%u.tdr", value->id);
	case REGISTER_TDVPR:
		print_vcpu(value->id, vcpu, sizeof(vcpu));
		return snprintf(text, size, "%s.tdvpr", vcpu);
	default:
		return snprintf(text, size, "p%u", value->id);
	}
}

int scn_print_value(enum scn_type type, const struct scn_value *value,
		    char *text, size_t size)
{
	const char *word;
	unsigned long long n = value->number;

	if (value->variable)
		return snprintf(text, size, "$%s", value->word);
	switch (value_forms[type].form) {
	case FORM_NUMBER:
		if (n == ~0u)
			return snprintf(text, size, "all");
		return snprintf(text, size, "%llu", n);
	case FORM_BYTES:
		return print_bytes(n, text, size);
	case FORM_OBJECT:
		return snprintf(text, size, "%s%u", value_forms[type].prefix, value->id);
	case FORM_VCPU:
		return print_vcpu(value->id, text, size);
	case FORM_REGISTER:
		if (value->of_object)
			return print_register_of(value, text, size);
		break;
	case FORM_GMEM_AT:
		return snprintf(text, size, n ? "g%u@0x%llx" : "g%u@%llu", value->id, n);
	case FORM_TABLE:
	case FORM_TABLE_OR_HEX:
		word = word_text(value_forms[type].table, n);
		if (word)
			return snprintf(text, size, "%s", word);
		break;
	case FORM_LEAF:
		return scn_print_leaf(type == TYPE_TDCALL, n, text, size);
	case FORM_STATUS:
		return scn_print_status(n, text, size);
	case FORM_WORD:
		return snprintf(text, size, "%s", value->word);
	case FORM_STRING:
		return snprintf(text, size, "\"%s\"", value->word);
	}
	return snprintf(text, size, n ? "0x%llx" : "%llu", n);
}
