/*
 * bolt/handshake: agreeing on a version, before the first message. Internal; bytes in, bytes out.
 *
 * The client sends a magic number and four proposals. The server answers with one version (the old way), or with the manifest's
 * marker, a list of the versions that it has and its capabilities, of which the client then picks one.
 * Source: https://neo4j.com/docs/bolt/current/bolt/handshake/
 */
#ifndef PGWEAVE_BOLT_HANDSHAKE_H
#define PGWEAVE_BOLT_HANDSHAKE_H

#include "base/buffer.h"
#include "bolt/bolt.h"

/* Set to zero before the start. */
struct bolt__handshake {
	struct bolt_version version_min;
	struct bolt_version version_max;
	uint8_t received[1024]; /* the answer so far; a longer one is refused */
	size_t received_size;
	bool done;
	struct bolt_version version; /* when done */
};

/* Appends the magic number and the proposals. */
void bolt__handshake_start(struct bolt__handshake *handshake, struct bolt_version version_min, struct bolt_version version_max,
                           bool legacy, struct buffer *output);
/*
 * Takes what it needs from the reader, and appends the client's choice where one is due; `done` says when it is over. Returns
 * 0, or BOLT_ERR_PROTOCOL with the reason.
 */
int bolt__handshake_feed(struct bolt__handshake *handshake, struct reader *reader, struct buffer *output,
                         struct bolt_error *ret_error) _must_check;

#endif
