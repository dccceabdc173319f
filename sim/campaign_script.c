// SPDX-License-Identifier: GPL-2.0-only
/*
 * Making up a campaign's scenarios as text. Steps that may go either way end in
 * "= *"; the healed phase drops all references, and then a guest that is still
 * alive must get private pages again.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "sim/campaign.h"
#include "sim/words.h"

/* Runs that share one world: booting a machine costs more than a run. */
#define RUNS_A_WORLD	256
#define PAGES		4

static const char *const policies[] = {
#define HOLD_POLICY(identifier, name, ...) name,
#include "model/kvm/hold_policies.def"
#undef HOLD_POLICY
};

/*
 * Linux 7.3.4 on a 1.5 module, as often, and others. Without rfc51 and precheck, which
 * wait for ever for any reference that stays: that is no news to a campaign.
 */
static const struct machine {
	const char *knobs;
	bool in_place;		/* guest_memfd converts, not the VM */
	bool huge;		/* 2M pages and leaves */
} machines[] = {
	{ "" }, { "" }, { "" }, { " dpamt=on" },
	{ " gmem-page=2M hugetlb-2M=64 sept-huge=2M module=1.5+nointr", .huge = true },
	{ " order=v8", .in_place = true },
	{ " order=v8 dpamt=on", .in_place = true },
	{ " order=split-first-2026 gmem-page=2M hugetlb-2M=64 hvo=on sept-huge=2M"
	  " module=1.5+nointr dpamt=on", .in_place = true, .huge = true },
	{ " order=sept-first-2026 gmem-page=2M hugetlb-2M=64 sept-huge=2M module=2.0",
	  .in_place = true, .huge = true },
	{ " order=block-abort gmem-page=2M hugetlb-2M=64 hvo=on sept-huge=2M module=1.5+nointr",
	  .in_place = true, .huge = true },
};

struct writer {
	struct campaign_script *script;
	const struct machine *machine;
	u64 rng;
	u32 lines;
	u32 enabled;		/* BIT(index into makers): the swarm's part */
	bool two_vcpus;
	u32 taken;		/* references somebody was asked to take */
	bool poisoned;		/* memory_failure() was asked for */
};

static u32 draw(struct writer *w, u32 n)
{
	u64 z = w->rng += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return ((z ^ z >> 31) >> 32) * n >> 32;
}

static void line(struct writer *w, const char *fmt, ...) __printf(2, 3);

static void line(struct writer *w, const char *fmt, ...)
{
	struct campaign_script *script = w->script;
	va_list args;

	va_start(args, fmt);
	script->length += vsnprintf(script->text + script->length,
				    sizeof(script->text) - script->length, fmt, args);
	va_end(args);
	script->length += snprintf(script->text + script->length,
				   sizeof(script->text) - script->length, "\n");
	w->lines++;
	if (script->length >= sizeof(script->text))
		internal_error("a campaign's scenario outgrew its buffer");
}

/* -- One maker an operation. One draw a statement: arguments have no order. -- */

static u32 page(struct writer *w)
{
	return draw(w, PAGES) * 0x1000;
}

static u32 vcpu(struct writer *w)
{
	return w->two_vcpus ? draw(w, 2) : 0;
}

static void make_accept(struct writer *w)
{
	u32 id = vcpu(w), gpa = page(w);

	line(w, "vcpu%u accept gpa=0x%x size=4K = *", id, gpa);
}

static void make_write(struct writer *w)
{
	u32 id = vcpu(w), gpa = page(w);

	line(w, "vcpu%u write gpa=0x%x = *", id, gpa);
}

static void make_read(struct writer *w)
{
	u32 id = vcpu(w), gpa = page(w);

	line(w, "vcpu%u read gpa=0x%x%s = *", id, gpa, draw(w, 4) ? "" : " shared");
}

static void make_release(struct writer *w)
{
	u32 id = vcpu(w), gpa = page(w);

	line(w, "vcpu%u release gpa=0x%x = *", id, gpa);
}

static void make_attributes(struct writer *w)
{
	u32 gpa = page(w);
	const char *to = draw(w, 2) ? "private" : "shared";

	if (w->machine->in_place)
		line(w, "host convert g0 %s off=0x%x len=4K = *", to, gpa);
	else
		line(w, "host set_attributes %s gpa=0x%x size=4K = *", to, gpa);
}

/* A huge page at once, or 16 small ones. */
static const char *many(const struct writer *w)
{
	return w->machine->huge ? "2M" : "64K";
}

static void make_accept_many(struct writer *w)
{
	line(w, "vcpu%u accept gpa=0x0 size=%s = *", vcpu(w), many(w));
}

static void make_attributes_many(struct writer *w)
{
	const char *to = draw(w, 2) ? "private" : "shared";

	if (w->machine->in_place)
		line(w, "host convert g0 %s off=0x0 len=%s = *", to, many(w));
	else
		line(w, "host set_attributes %s gpa=0x0 size=%s = *", to, many(w));
}

static void make_punch_many(struct writer *w)
{
	line(w, "host punch_hole g0 off=0x0 len=%s = *", many(w));
}

static void make_punch(struct writer *w)
{
	line(w, "host punch_hole g0 off=0x%x len=4K = *", page(w));
}

static void make_allocate(struct writer *w)
{
	line(w, "host allocate g0 off=0x%x len=4K = *", page(w));
}

static void make_pre_fault(struct writer *w)
{
	line(w, "host pre_fault gpa=0x%x size=4K = *", page(w));
}

static void make_gup(struct writer *w)
{
	line(w, "gup take g0@0x%x = *", page(w));
	w->taken++;
}

static void make_gup_drop(struct writer *w)
{
	line(w, "gup drop g0@0x%x = *", page(w));
}

static void make_memory_failure(struct writer *w)
{
	line(w, "mm memory_failure g0@0x%x = *", page(w));
	w->poisoned = true;
}

static void make_drain(struct writer *w)
{
	line(w, "mm lru_add_drain = *");
}

static void make_second_owner(struct writer *w)
{
	line(w, "mm alloc p%u = *", draw(w, 4));
}

static void make_map_gpa(struct writer *w)
{
	u32 id = vcpu(w), gpa = page(w);

	line(w, "vcpu%u map_gpa gpa=0x%x size=4K %s = *", id, gpa,
	     draw(w, 2) ? "private" : "shared");
	line(w, "host answer vcpu%u = *", id);
	line(w, "vcpu%u run = *", id);
}

static void make_irq(struct writer *w)
{
	line(w, "test irq cpu=%u", draw(w, 2));
}

static void (*const makers[])(struct writer *w) = {
	make_accept, make_write, make_read, make_release, make_attributes, make_punch,
	make_allocate, make_pre_fault, make_gup, make_gup_drop, make_memory_failure, make_drain,
	make_second_owner, make_map_gpa, make_irq, make_accept_many, make_attributes_many,
	make_punch_many,
};

/* The first makers can stand in a race and involve no one but the guest and host. */
#define RACE_MAKERS 11

/* -- Faults -- */

static const char *const faulty_leaves[] = {
	"TDH.MEM.PAGE.AUG", "TDH.MEM.SEPT.ADD", "TDH.MEM.RANGE.BLOCK", "TDH.MEM.TRACK",
	"TDH.MEM.PAGE.REMOVE", "TDH.PHYMEM.PAGE.WBINVD", "TDH.MEM.PAGE.DEMOTE",
	"TDH.MEM.RANGE.UNBLOCK", "TDH.PHYMEM.PAMT.ADD", "TDH.PHYMEM.PAMT.REMOVE",
};

static void make_fault(struct writer *w)
{
	const char *name = faulty_leaves[draw(w, ARRAY_SIZE(faulty_leaves))];
	const struct tdx_leaf_info *leaf = tdx_leaf_by_name(name);
	u64 status = leaf->status[draw(w, leaf->status_count)];
	struct scn_value value = { .number = status };
	char text[80];

	if (!draw(w, 6)) {
		line(w, "inject alloc nth=%u", 1 + draw(w, 12));
		return;
	}
	scn_print_value(TYPE_STATUS, &value, text, sizeof(text));
	line(w, "inject %s nth=%u kind=refuse status=%s", name, 1 + draw(w, 3), text);
}

/* -- The whole -- */

static void write_world(struct writer *w, u64 seed, u64 number, const char *policy)
{
	struct writer world = { .rng = seed ^ (number / RUNS_A_WORLD + 1) * 0xd1342543de82ef95ULL };
	u32 p = draw(&world, ARRAY_SIZE(policies)), batches = draw(&world, 4);

	w->machine = &machines[draw(&world, ARRAY_SIZE(machines))];
	line(w, "set policy=%s lru-batches=%s%s", policy ? policy : policies[p],
	     batches ? "off" : "on", w->machine->knobs);
	line(w, "host create_vm td0 = 0");
	line(w, "host init_td td0 = 0");
	line(w, "host create_gmem g0 size=4M td=td0 = 0");
	line(w, "host set_region slot=0 gpa=0x0 size=4M gmem=g0 td=td0 = 0");
	if (!w->machine->in_place)
		line(w, "host set_attributes private gpa=0x0 size=4M td=td0 = 0");
	line(w, "host create_vcpu vcpu0 = 0");
	line(w, "host init_vcpu vcpu0 = 0");
	if (w->two_vcpus) {
		line(w, "host create_vcpu vcpu1 = 0");
		line(w, "host init_vcpu vcpu1 = 0");
	}
	line(w, "host finalize td0 = 0");
}

static void write_race(struct writer *w)
{
	u32 steps = draw(w, 3), i;

	line(w, "race");
	/* A race needs two actors. */
	makers[draw(w, 4)](w);
	makers[4 + draw(w, 4)](w);
	for (i = 0; i < steps; i++)
		makers[draw(w, RACE_MAKERS)](w);
	line(w, "end");
}

static void write_middle(struct writer *w)
{
	u32 steps = 6 + draw(w, 30), i;

	for (i = 0; i < steps; i++) {
		u32 maker = draw(w, ARRAY_SIZE(makers));

		if (!(w->enabled & 1u << maker))
			continue;
		makers[maker](w);
		if (!draw(w, 8))
			make_fault(w);
		if (!draw(w, 16))
			write_race(w);
	}
}

/*
 * Nobody else is about any more. A page may be lost (EHWPOISON), the VM may be
 * dead (EIO), memory held for good may be short; but what can go on must.
 */
static void write_healed(struct writer *w)
{
	/* A huge page that cannot be whole again counts against its file for good. */
	bool short_of = w->machine->huge && w->poisoned;
	u32 i, k;

	line(w, "# healed: from here on nothing fails and nobody interferes");
	w->script->healed_line = w->lines;
	line(w, "mm lru_add_drain = *");
	for (i = 0; i < PAGES; i++)
		for (k = 0; k < w->taken && k < 4; k++)
			line(w, "gup drop g0@0x%x = *", i * 0x1000);
	/* A policy may refuse a conversion, or hold the page by a reference. */
	if (w->machine->in_place)
		line(w, "host convert g0 private off=0x0 len=16K = 0 | EIO | EAGAIN | EFAULT");
	else
		line(w, "host set_attributes private gpa=0x0 size=16K = 0 | EIO");
	/* Not split yet, a huge page has no holes. */
	if (w->machine->huge)
		line(w, "host punch_hole g0 off=0x0 len=2M = 0 | EIO | EAGAIN");
	for (i = 0; i < PAGES; i++) {
		if (!w->machine->huge)
			line(w, "host punch_hole g0 off=0x%x len=4K = 0 | EIO", i * 0x1000);
		line(w, "vcpu0 accept gpa=0x%x size=4K = %s", i * 0x1000,
		     short_of ? "*" : "0 | EIO | EHWPOISON | memory_fault");
	}
}

void campaign_write_script(struct campaign_script *script, u64 seed, u64 number,
			   const char *policy)
{
	struct writer w = { .script = script, .rng = seed + number * 0xa0761d6478bd642fULL };

	script->length = 0;
	w.enabled = draw(&w, 1u << ARRAY_SIZE(makers)) | draw(&w, 1u << ARRAY_SIZE(makers));
	w.two_vcpus = draw(&w, 2);
	line(&w, "# Run %llu of a campaign with seed %llu", (unsigned long long)number,
	     (unsigned long long)seed);
	write_world(&w, seed, number, policy);
	write_middle(&w);
	write_healed(&w);
}
