/*
 * sync/lock: one process at a time runs a pipeline, from its first look at the two sides on, not only while it streams.
 *
 * An advisory lock of the database, held by the connection that streams, and gone with it. It keeps two processes from getting
 * in each other's way; that they cannot harm the graph is the fence's part (graph/checkpoint).
 */
#ifndef PGWEAVE_SYNC_LOCK_H
#define PGWEAVE_SYNC_LOCK_H

#include "base/error.h"
#include "session/session.h"

#include <stdint.h>

/* The server process that holds the lock of the pipeline with this slot, or 0. sql: not for replication. */
int lock_holder(struct session_postgres *sql, const char *slot, int32_t *ret_pid, struct error *error) _must_check;
/* Takes it, for as long as `replication` lasts. ERR_STATE (RETRY) when another connection does not let go of it within seconds.
 */
int lock_take(struct session_postgres *replication, struct session_postgres *sql, const char *slot,
              struct error *error) _must_check;

#endif
