/*
 * bolt/output: messages -> chunks in one growing buffer. Internal.
 *
 * A message is written in slices (its head, its parameters, its tail), each copied once; the headers of chunks are put between
 * them. A message that does not fit leaves the buffer as it was. Source:
 * https://neo4j.com/docs/bolt/current/bolt/message/#chunking
 */
#ifndef PGWEAVE_BOLT_OUTPUT_H
#define PGWEAVE_BOLT_OUTPUT_H

#include "base/buffer.h"
#include "bolt/bolt.h"

#define BOLT__CHUNK_SIZE_MAX 65535

struct bolt__slice {
	const void *bytes;
	size_t size;
};

/* Returns 0, BOLT_ERR_LIMIT (past the buffer's maximum) or BOLT_ERR_NOMEM. */
int bolt__output_message(struct buffer *output, const struct bolt__slice *slices, size_t count) _must_check;

#endif
