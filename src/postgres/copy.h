/*
 * postgres/copy: streams rows out of PostgreSQL through COPY ... TO STDOUT (text format), with back-pressure.
 *
 * Rows are handed out one by one as cells (change/change.h): CELL_NULL or CELL_TEXT, pointing into memory that the connection
 * owns; they are valid during the callback only. Pausing stops reading from the socket, so the server waits too.
 * Limits: POSTGRES_COPY_COLUMNS_MAX columns; a row as large as PostgreSQL allows in a CopyData message (1 GB).
 */
#ifndef PGWEAVE_POSTGRES_COPY_H
#define PGWEAVE_POSTGRES_COPY_H

#include "change/change.h"
#include "postgres/connection.h"

#define POSTGRES_COPY_COLUMNS_MAX 1664

typedef void postgres_row_fn(void *user, const struct cell *cells, uint32_t cells_count);

/*
 * Queues "COPY (SELECT ...) TO STDOUT" (text format, no options). on_row for each row, then on_done once; on_done alone when it
 * fails. To stop half way, close the connection. Returns as postgres_query does.
 */
int postgres_copy_out(struct postgres_connection *connection, const char *sql, postgres_row_fn *on_row,
                      postgres_done_fn *on_done, void *user, struct error *error) _must_check;

/*
 * No row is handed out any more until resume, from the moment this returns; also inside on_row. on_done waits too. Without
 * effect when nothing is being copied; the pause ends with the copy.
 */
void postgres_copy_pause(struct postgres_connection *connection);
void postgres_copy_resume(struct postgres_connection *connection);

#endif
