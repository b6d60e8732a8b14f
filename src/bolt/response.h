/*
 * bolt/response: the server's messages -> SUCCESS, RECORD, IGNORED, FAILURE and what they carry. Internal, no I/O.
 */
#ifndef PGWEAVE_BOLT_RESPONSE_H
#define PGWEAVE_BOLT_RESPONSE_H

#include "base/arena.h"
#include "bolt/message.h"

struct bolt__answer {
	enum bolt__response response;
	struct bolt_value field; /* a map for SUCCESS and FAILURE, a list for RECORD, nothing for IGNORED */
};

/* The tree goes to the arena, its strings stay in the bytes. Returns 0 or the code, with the reason. */
int bolt__answer_parse(const void *bytes, size_t size, struct arena *arena, unsigned depth_max, struct bolt__answer *ret_answer,
                       struct bolt_error *ret_error) _must_check;
void bolt__summary_fill(struct bolt_summary *ret_summary, enum bolt__message message, const struct bolt_value *metadata,
                        struct arena *arena);
void bolt__failure_fill(struct bolt_error *ret_error, struct bolt_version version, const struct bolt_value *metadata);

#endif
