// SPDX-License-Identifier: GPL-2.0-only
/*
 * The scenario language: whatever parses must print, the printed text must
 * parse again to the same meaning, and printing that must give the same text.
 * Whatever does not parse must say where. `use` lines are refused: they would
 * make an input depend on the files around it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "sim/scn.h"

static void finding(const char *what, const uint8_t *data, size_t size, const char *printed,
		    const struct diag *diag)
{
	fprintf(stderr, "\nfinding: %s\n-- input --\n%.*s\n", what, (int)size, (const char *)data);
	if (printed)
		fprintf(stderr, "-- printed --\n%s\n", printed);
	if (diag && diag->set)
		diag_print(stderr, diag, false);
	abort();
}

static bool names_a_file(const uint8_t *data, size_t size)
{
	return memmem(data, size, "use", 3) != NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct diag diag, again;
	struct scn *scn, *second;
	char *text, *twice;

	if (names_a_file(data, size))
		return 0;
	diag_clear(&diag);
	scn = scn_parse_text("fuzz", (const char *)data, size, &diag);
	if (!scn) {
		if (!diag.set || !diag.text[0])
			finding("refused without a message", data, size, NULL, NULL);
		return 0;
	}
	text = scn_print(scn);
	diag_clear(&again);
	second = scn_parse_text("printed", text, strlen(text), &again);
	if (!second)
		finding("the printed text does not parse", data, size, text, &again);
	if (!scn_equal(scn, second))
		finding("the printed text means something else", data, size, text, NULL);
	twice = scn_print(second);
	if (strcmp(text, twice))
		finding("printing is not stable", data, size, text, NULL);
	free(twice);
	free(text);
	scn_free(second);
	scn_free(scn);
	return 0;
}
