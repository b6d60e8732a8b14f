/*
 * postgres/catalog: reads PostgreSQL's catalogue into a struct catalog (mapping/catalog.h), in one REPEATABLE READ transaction.
 *
 * Listed: tables, partitioned roots, views, materialised views and foreign tables whatever the rights on them (can_select), but
 * no partitions, no tables of extensions, no system schemas, no temporary tables. Domains become their base type, enums TEXT,
 * arrays their element type with `array` set.
 */
#ifndef PGWEAVE_POSTGRES_CATALOG_H
#define PGWEAVE_POSTGRES_CATALOG_H

#include "mapping/catalog.h"
#include "postgres/connection.h"

#define POSTGRES_CATALOG_SIZE_MAX ((size_t)256 * 1024 * 1024)

/*
 * Fills *catalog, which it initialises at once; the caller keeps it in place until on_done and frees it with
 * arena_free(&catalog->arena), after an error too. Errors: as postgres_query; ERR_LIMIT when the catalogue is larger than
 * POSTGRES_CATALOG_SIZE_MAX. The connection must be logged in and in no transaction; queue nothing else on it until on_done.
 */
int postgres_catalog_read(struct postgres_connection *connection, struct catalog *catalog, postgres_done_fn *on_done,
                          void *user, struct error *error) _must_check;

#endif
