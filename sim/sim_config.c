// SPDX-License-Identifier: GPL-2.0-only
/*
 * Knobs: text to configuration and back, driven by knobs.def. A reader knows
 * one kind of value; a knob is a reader and a field.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/diag.h"
#include "sim/scn.h"
#include "sim/sim.h"

static const char *const policy_names[] = {
#define HOLD_POLICY(identifier, name, summary) name,
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
};

static const char *const order_names[] = {
#define ORDER(id, name, summary, to_shared, to_private) name,
#include "model/kvm/conversion_orders.def"
#undef ORDER
};

static const char *const series_bug_names[] = {
#define SERIES_BUG(id, name, entry, breaks, source) name,
#include "model/kvm/series_bugs.def"
#undef SERIES_BUG
};

static const char *const boot_names[] = {
#define BOOT(id, leaf, name) name,
#include "sim/boots.def"
#undef BOOT
};

static const char *const module_names[] = {
	[TDX_MODULE_1_5] = "1.5", [TDX_MODULE_1_5_NOINTR] = "1.5+nointr",
	[TDX_MODULE_2_0] = "2.0",
};

static const char *const onoff_names[] = { "off", "on" };
static const char *const level_names[] = {
	[PG_LEVEL_4K - 1] = "4K", [PG_LEVEL_2M - 1] = "2M", [PG_LEVEL_1G - 1] = "1G",
};
static const char *const split_names[] = {
	[PG_LEVEL_4K - 1] = "4K", [PG_LEVEL_2M - 1] = "2M",
};
static const char *const leaf_names[] = {
	[PG_LEVEL_4K - 1] = "off", [PG_LEVEL_2M - 1] = "2M",
};

struct reader_why {
	const char *knob;
	char *text;
	size_t size;
};

/* The place of @value in @names, -1 with a sentence when it has none. */
static int find_name(const char *const *names, u32 count, const char *value,
		     const struct reader_why *why)
{
	const char *near;
	size_t used;
	u32 i;

	for (i = 0; i < count; i++)
		if (!strcmp(names[i], value))
			return i;
	near = diag_nearest(value, names, count);
	used = snprintf(why->text, why->size, "'%.40s' is no value of '%s'%s%s%s (", value,
			why->knob, near ? ", did you mean '" : "", near ? near : "",
			near ? "'?" : "");
	/* As many as there is room for. */
	for (i = 0; i < count && used + strlen(names[i]) + sizeof(", ...)") < why->size; i++)
		used += snprintf(why->text + used, why->size - used, "%s%s", i ? ", " : "",
				 names[i]);
	snprintf(why->text + used, why->size - used, i < count ? ", ...)" : ")");
	return -1;
}

static int read_number(const char *value, u64 min, u64 max, enum scn_type type, u64 *number,
		       const struct reader_why *why)
{
	struct scn_value parsed = { 0 };
	char text[64];

	if (!scn_parse_value(type, value, NULL, &parsed, why->text, why->size))
		return -EINVAL;
	if (parsed.number < min || parsed.number > max) {
		struct scn_value bound = { .number = max };

		scn_print_value(type, &bound, text, sizeof(text));
		snprintf(why->text, why->size, "'%s' is between %llu and %s", why->knob,
			 (unsigned long long)min, text);
		return -EINVAL;
	}
	*number = parsed.number;
	return 0;
}

/* A reader sets *field; a writer makes its text. Both are picked by type. */
#define NAME_READER(reader, type, names, first)					\
	static int read_##reader(type *field, const char *value,		\
				 const struct reader_why *why)			\
	{									\
		int i = find_name(names, ARRAY_SIZE(names), value, why);	\
										\
		if (i < 0)							\
			return -EINVAL;						\
		*field = i + (first);						\
		return 0;							\
	}									\
	static void write_##reader(const type *field, char *text, size_t size)	\
	{									\
		snprintf(text, size, "%s", names[*field - (first)]);		\
	}

#define TEXT_READER(reader, names)						\
	static int read_##reader(const char **field, const char *value,		\
				 const struct reader_why *why)			\
	{									\
		int i = find_name(names, ARRAY_SIZE(names), value, why);	\
										\
		if (i < 0)							\
			return -EINVAL;						\
		*field = names[i];						\
		return 0;							\
	}									\
	static void write_##reader(const char *const *field, char *text,	\
				   size_t size)					\
	{									\
		snprintf(text, size, "%s", *field);				\
	}

#define COUNT_READER(reader, type, min, max, value_type, scale)			\
	static int read_##reader(type *field, const char *value,		\
				 const struct reader_why *why)			\
	{									\
		u64 number;							\
		int err = read_number(value, min, max, value_type, &number, why); \
										\
		if (!err)							\
			*field = number + (scale);				\
		return err;							\
	}									\
	static void write_##reader(const type *field, char *text, size_t size)	\
	{									\
		struct scn_value shown = { .number = *field - (scale) };	\
										\
		scn_print_value(value_type, &shown, text, size);		\
	}

NAME_READER(onoff, bool, onoff_names, 0)
NAME_READER(dpamt, bool, onoff_names, 0)
NAME_READER(level, u8, level_names, PG_LEVEL_4K)
NAME_READER(leaf, u8, leaf_names, PG_LEVEL_4K)
NAME_READER(split, u8, split_names, PG_LEVEL_4K)
NAME_READER(series_bug, u8, series_bug_names, 0)
NAME_READER(boot, u8, boot_names, BOOT_NONE)
NAME_READER(module, enum tdx_module_version, module_names, 0)
TEXT_READER(policy, policy_names)
TEXT_READER(order, order_names)
COUNT_READER(count, u32, 0, 1 << 20, TYPE_NUMBER, 0)
COUNT_READER(cpus, u32, 1, HW_CPU_MAX, TYPE_NUMBER, 0)
COUNT_READER(packages, u32, 1, HW_PACKAGE_MAX, TYPE_NUMBER, 0)
COUNT_READER(ram, u64, SZ_1G, 1ULL << 40, TYPE_SIZE, 0)
COUNT_READER(hkids, u16, 1, 1024, TYPE_NUMBER, hw_config_default.keyid_private_first)

const struct knob knobs[] = {
#define KNOB(name, reader, field, values, help) { name, values, help },
#include "sim/knobs.def"
#undef KNOB
};
const u32 knob_count = ARRAY_SIZE(knobs);

/* What one knob implies for others, and what cannot be together. */
static int settle(struct sim_config *config, const struct reader_why *why)
{
	config->host.dpamt = config->tdx.dynamic_pamt;
	if (IS_ALIGNED(config->hw.ram_bytes, SZ_1G))
		return 0;
	snprintf(why->text, why->size, "'ram' is a whole number of GiB");
	return -EINVAL;
}

static int unknown_knob(const char *knob, const struct reader_why *why)
{
	struct diag_guess guess;
	char hint[80];
	u32 i;

	diag_guess_start(&guess, knob);
	for (i = 0; i < knob_count; i++)
		diag_guess_add(&guess, knobs[i].name);
	snprintf(why->text, why->size, "unknown knob '%.40s'%s", knob,
		 diag_guess_text(&guess, hint, sizeof(hint)));
	return -ENOENT;
}

int sim_config_set(struct sim_config *config, const char *knob, const char *value,
		   char *why_text, size_t why_size)
{
	const struct reader_why why = { knob, why_text, why_size };
	struct sim_config tried = *config;
	int err = -ENOENT;

#define KNOB(name, reader, field, values, help)					\
	if (!strcmp(knob, name))						\
		err = read_##reader(&tried.field, value, &why);
#include "sim/knobs.def"
#undef KNOB
	if (err == -ENOENT)
		return unknown_knob(knob, &why);
	if (!err)
		err = settle(&tried, &why);
	if (!err)
		*config = tried;
	return err;
}

void sim_config_get(const struct sim_config *config, const char *knob, char *text, size_t size)
{
	text[0] = '\0';
#define KNOB(name, reader, field, values, help)					\
	if (!strcmp(knob, name))						\
		write_##reader(&config->field, text, size);
#include "sim/knobs.def"
#undef KNOB
}

void sim_config_default(struct sim_config *config)
{
	/* Compared byte by byte below: padding must not differ. */
	memset(config, 0, sizeof(*config));
	config->hw = hw_config_default;
	config->tdx.version = TDX_MODULE_1_5;
	config->tdx.zero_step = true;
	config->host.policy = "no-hold";
	config->host.conversion_checks = true;
	config->host.order = "vm-attr";
	config->host.sept_huge = PG_LEVEL_4K;
	config->host.gmem_page = PG_LEVEL_4K;
	config->host.split_1g = PG_LEVEL_4K;
}

/* By their texts: two configurations are equal when no knob tells them apart. */
bool sim_config_equal(const struct sim_config *a, const struct sim_config *b)
{
	bool equal = a->defects == b->defects;

#define TEXT_EQUAL_policy(f)	strcmp(a->f, b->f) == 0
#define TEXT_EQUAL_order(f)	strcmp(a->f, b->f) == 0
#define VALUE_EQUAL(f)		a->f == b->f
#define TEXT_EQUAL_onoff	VALUE_EQUAL
#define TEXT_EQUAL_dpamt	VALUE_EQUAL
#define TEXT_EQUAL_series_bug	VALUE_EQUAL
#define TEXT_EQUAL_level	VALUE_EQUAL
#define TEXT_EQUAL_leaf		VALUE_EQUAL
#define TEXT_EQUAL_split	VALUE_EQUAL
#define TEXT_EQUAL_boot		VALUE_EQUAL
#define TEXT_EQUAL_module	VALUE_EQUAL
#define TEXT_EQUAL_count	VALUE_EQUAL
#define TEXT_EQUAL_cpus		VALUE_EQUAL
#define TEXT_EQUAL_packages	VALUE_EQUAL
#define TEXT_EQUAL_ram		VALUE_EQUAL
#define TEXT_EQUAL_hkids	VALUE_EQUAL
#define KNOB(name, reader, field, values, help) equal = equal && TEXT_EQUAL_##reader(field);
#include "sim/knobs.def"
#undef KNOB
	return equal;
}
