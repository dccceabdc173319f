// SPDX-License-Identifier: GPL-2.0-only
/*
 * Events as JSON. Every event is rendered once, as a name and arguments; the two
 * formats differ only in what stands around that.
 */
#include <stdlib.h>
#include <string.h>

#include "model/tdx/tables.h"
#include "model/tdx/tdx.h"
#include "sim/cmd.h"
#include "sim/scn.h"
#include "sim/trace_file.h"
#include "sim/words.h"

static const char *const kind_names[TRACE_KIND_NR] = {
	[TRACE_SEAMCALL] = "seamcall", [TRACE_TDCALL] = "tdcall", [TRACE_SEPT] = "sept",
	[TRACE_PAMT] = "pamt", [TRACE_TD] = "td", [TRACE_SPTE] = "spte", [TRACE_PAGE] = "page",
	[TRACE_REF] = "ref", [TRACE_GMEM] = "gmem", [TRACE_LOCK] = "lock",
	[TRACE_TASK] = "task", [TRACE_KMSG] = "kmsg", [TRACE_CHECK] = "check",
};

struct trace_file *trace_file_open(const char *path)
{
	struct trace_file *file = calloc(1, sizeof(*file));
	size_t length = strlen(path);

	if (!file)
		abort();
	file->out = fopen(path, "w");
	if (!file->out) {
		perror(path);
		free(file);
		return NULL;
	}
	file->chrome = length > 5 && !strcmp(path + length - 5, ".json");
	if (file->chrome)
		fprintf(file->out, "{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n");
	return file;
}

static const char *comma(const struct trace_file *file)
{
	return file->chrome && file->event_count ? ",\n" : "";
}

void trace_file_run(struct trace_file *file, const struct env *env, const char *name)
{
	file->env = env;
	file->run++;
	if (file->chrome)
		fprintf(file->out, "%s{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%u,\"args\":{\"name\":",
			comma(file), file->run);
	else
		fprintf(file->out, "{\"type\":\"run\",\"run\":%u,\"name\":", file->run);
	json_string(file->out, name);
	fprintf(file->out, file->chrome ? "}}" : "}\n");
	file->event_count++;
}

static void hex(FILE *out, const char *name, u64 number)
{
	fprintf(out, ",\"%s\":\"0x%llx\"", name, (unsigned long long)number);
}

static void word(FILE *out, const char *name, const char *text)
{
	fprintf(out, ",\"%s\":", name);
	json_string(out, text ? text : "?");
}

static void args_call(FILE *out, const struct trace_event *event)
{
	char status[100];

	scn_print_status(event->call.status, status, sizeof(status));
	word(out, "status", status);
	hex(out, "rcx", event->call.in->rcx);
	hex(out, "rdx", event->call.in->rdx);
	hex(out, "r8", event->call.in->r8);
	fprintf(out, ",\"lp\":%u", event->call.lp);
	if (event->call.injected)
		fprintf(out, ",\"injected\":%u", event->call.injected);
}

static void args_state(FILE *out, const struct trace_event *event)
{
	enum word_table table = WORDS_PAMT_TYPE;

	if (event->kind == TRACE_TD)
		table = event->state.what == TD_LIFECYCLE ? WORDS_TD_LIFE : WORDS_TD_OP;
	hex(out, "hpa", event->state.hpa);
	if (event->kind == TRACE_TD && event->state.what > TD_OP_STATE) {
		fprintf(out, ",\"machine\":%u,\"from\":%u,\"to\":%u", event->state.what,
			event->state.from, event->state.to);
		return;
	}
	word(out, "from", word_text(table, event->state.from));
	word(out, "to", word_text(table, event->state.to));
}

static void args_page(FILE *out, const struct trace_event *event)
{
	hex(out, "pfn", event->page.pfn);
	word(out, "what", event->page.what);
	fprintf(out, ",\"index\":%llu,\"delta\":%d,\"refcount\":%d,\"order\":%u",
		(unsigned long long)event->page.index, event->page.delta, event->page.refcount,
		event->page.order);
}

static void args(FILE *out, const struct trace_event *event)
{
	switch (event->kind) {
	case TRACE_SEAMCALL:
	case TRACE_TDCALL:
		args_call(out, event);
		break;
	case TRACE_SEPT:
		hex(out, "gpa", event->sept.gpa);
		fprintf(out, ",\"level\":%u", event->sept.level);
		word(out, "from", word_text(WORDS_SEPT_STATE, event->sept.from));
		word(out, "to", word_text(WORDS_SEPT_STATE, event->sept.to));
		break;
	case TRACE_PAMT:
	case TRACE_TD:
		args_state(out, event);
		break;
	case TRACE_SPTE:
		hex(out, "gfn", event->spte.gfn);
		fprintf(out, ",\"level\":%u,\"mirror\":%s", event->spte.level,
			event->spte.mirror ? "true" : "false");
		hex(out, "from", event->spte.from);
		hex(out, "to", event->spte.to);
		break;
	case TRACE_PAGE:
	case TRACE_REF:
	case TRACE_GMEM:
		args_page(out, event);
		break;
	case TRACE_LOCK:
		word(out, "lock", event->sync.name);
		/* fall through */
	case TRACE_TASK:
		word(out, "what", event->sync.what);
		break;
	default:
		word(out, "where", event->text.where);
		word(out, "text", event->text.text);
		break;
	}
}

static void event_name(const struct trace_event *event, char *name, size_t size)
{
	switch (event->kind) {
	case TRACE_SEAMCALL:
	case TRACE_TDCALL:
		scn_print_leaf(event->kind == TRACE_TDCALL, event->call.rax, name, size);
		break;
	case TRACE_SEPT:
		snprintf(name, size, "sept %s", word_text(WORDS_SEPT_STATE, event->sept.to));
		break;
	case TRACE_PAGE:
	case TRACE_REF:
	case TRACE_GMEM:
		snprintf(name, size, "%s %s", kind_names[event->kind],
			 event->page.what ? event->page.what : "");
		break;
	case TRACE_LOCK:
	case TRACE_TASK:
		snprintf(name, size, "%s %s", event->sync.what ? event->sync.what : "",
			 event->sync.name ? event->sync.name : "");
		break;
	default:
		snprintf(name, size, "%s", kind_names[event->kind]);
		break;
	}
}

static const char *task_name(const struct trace_file *file, u8 task)
{
	return file->env && task < TASK_MAX ? file->env->sched.task[task].name : "";
}

void trace_file_listen(void *ctx, const struct trace_event *event)
{
	struct trace_file *file = ctx;
	char name[100];

	event_name(event, name, sizeof(name));
	if (file->chrome) {
		fprintf(file->out, "%s{\"ph\":\"X\",\"dur\":1,\"pid\":%u,\"tid\":%u,\"ts\":%llu,\"cat\":\"%s\",\"name\":",
			comma(file), file->run, event->task, (unsigned long long)event->seq,
			kind_names[event->kind]);
		json_string(file->out, name);
		fprintf(file->out, ",\"args\":{\"task\":");
	} else {
		fprintf(file->out, "{\"type\":\"%s\",\"run\":%u,\"seq\":%llu,\"name\":",
			kind_names[event->kind], file->run, (unsigned long long)event->seq);
		json_string(file->out, name);
		fprintf(file->out, ",\"task\":");
	}
	json_string(file->out, task_name(file, event->task));
	args(file->out, event);
	fprintf(file->out, file->chrome ? "}}" : "}\n");
	file->event_count++;
}

int trace_file_close(struct trace_file *file)
{
	int err;

	if (file->chrome)
		fprintf(file->out, "\n]}\n");
	err = ferror(file->out) | fclose(file->out);
	free(file);
	return err ? -1 : 0;
}
