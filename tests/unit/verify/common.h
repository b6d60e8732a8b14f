/* What the tests of verify/ share: plans without a database, and records made by hand. */
#ifndef PGWEAVE_TESTS_VERIFY_COMMON_H
#define PGWEAVE_TESTS_VERIFY_COMMON_H

#include "verify/merge.h"

/* Package(name) {size, summary} +Thing; Package DEPENDS_ON Package by its id {kind}; Package IN Section(name) */
extern const struct plan common_plan;

#define COMMON_TOLD_MAX 64

/* Differences as text, one a line: "node_missing a", "edge_property a->b 1 kind x y". */
struct common_told {
	struct buffer text;
	int stop_at; /* stops when so many were told; 0: never */
	int count;
};

void common_told_init(struct common_told *told, struct verify_sink *sink);

/*
 * Pushes a record: a text for each field, separated by blanks. Numbers are read by the field's type; "-" is null, "?" a mark
 * (unreadable in a row, foreign in the graph), "!" an odd identity. Then, of the graph's nodes, flags: p placeholder,
 * c connected, t the label Thing.
 */
void common_push(struct verify_stream *stream, uint32_t ordinal, const char *fields, const char *flags);

#endif
