/*
 * verify/merge: two streams in the same order -> differences. Pure.
 */
#ifndef PGWEAVE_VERIFY_MERGE_H
#define PGWEAVE_VERIFY_MERGE_H

#include "verify/difference.h"
#include "verify/stream.h"

/* Where differences go; ordinal is that of the records (see verify/stream.h). */
struct verify_sink {
	int (*on_difference)(void *user, uint32_t ordinal, const struct verify_difference *difference);
	void *user;
	int stopped; /* what it returned when that was not 0: nothing more is told */
};

struct verify_merge {
	const struct verify_shape *shape;
	struct verify_stream rows;  /* PostgreSQL's */
	struct verify_stream graph; /* Neo4j's */
	struct verify_sink *sink;
	struct verify_counts *counts;
	struct verify_record *matched; /* the identity that was compared last, to tell what is doubled; NULL: none */
	struct arena matched_arena;
};

/* sink and counts must outlive it; counts are added to. sort: both sides are sorted here. */
void verify_merge_init(struct verify_merge *merge, const struct verify_shape *shape, bool sort, struct verify_sink *sink,
                       struct verify_counts *counts);
void verify_merge_free(struct verify_merge *merge);
/*
 * Compares what is here. 1: all of it is done, or the sink wants no more; 0: a stream has to bring more; or the error of a
 * stream. ERR_STATE when a server did not keep to the order: what was told so far is worthless.
 */
int verify_merge_step(struct verify_merge *merge, struct error *error) _must_check;

#endif
