/*
 * postgres/watch: has anything changed of the mapped tables that the plan, or what the graph holds, depends on?
 *
 * One statement, cheap enough for every few seconds, that makes a fingerprint of each table. postgres_catalog_read runs the
 * same statement over all tables, in its transaction, so that a fingerprint tells whether a table is still as the plan found
 * it.
 */
#ifndef PGWEAVE_POSTGRES_WATCH_H
#define PGWEAVE_POSTGRES_WATCH_H

#include "base/arena.h"
#include "postgres/connection.h"

#include <stdint.h>

/* Of a few hundred bytes a table. */
#define POSTGRES_WATCH_SIZE_MAX ((size_t)16 * 1024 * 1024)

struct postgres_watch_table {
	uint32_t oid;
	const char *fingerprint;
	bool can_select;
};

struct postgres_watch {
	struct arena arena;
	const struct postgres_watch_table *tables; /* by OID; those that are gone are not among them */
	uint32_t tables_count;
};

/*
 * Fills *watch, which it initialises at once; the caller keeps it in place until on_done and frees it with
 * arena_free(&watch->arena), after an error too. Errors: as postgres_query; ERR_LIMIT.
 */
int postgres_watch_read(struct postgres_connection *connection, const uint32_t *oids, uint32_t oids_count,
                        struct postgres_watch *watch, postgres_done_fn *on_done, void *user, struct error *error) _must_check;

/* NULL when it is gone. */
const struct postgres_watch_table *postgres_watch_find(const struct postgres_watch *watch, uint32_t oid);

struct buffer;
/* Appends "{16384,16391}": an oid[] as a parameter. */
void postgres_oids_text(struct buffer *text, const uint32_t *oids, uint32_t count);

/* ---- inside the room ---- */

/*
 * Appends the statement; which: what has to be true of c, a row of pg_class. Columns: OID, fingerprint, whether the role may
 * read it; whole: and what of the fingerprint the catalogue keeps: leaves, files, attributes, types (struct catalog_watch).
 */
void watch__sql(struct buffer *sql, int server_version, const char *which, bool whole);
#define WATCH_OID 0
#define WATCH_FINGERPRINT 1
#define WATCH_CAN_SELECT 2
#define WATCH_LEAVES 3
#define WATCH_FILES 4
#define WATCH_ATTRIBUTES 5
#define WATCH_TYPES 6

#endif
