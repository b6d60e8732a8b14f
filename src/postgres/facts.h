/*
 * postgres/facts: what `check`, `status` and the pipeline need to know about a server besides its tables.
 *
 * A snapshot of server, role, slot and publication as plain data; nothing here judges it. Works with the rights of any login
 * role; what the role may not see stays at its "unknown" (-1, 0 or NULL).
 */
#ifndef PGWEAVE_POSTGRES_FACTS_H
#define PGWEAVE_POSTGRES_FACTS_H

#include "base/arena.h"
#include "postgres/connection.h"

#include <stdint.h>

struct postgres_server_facts {
	int version_num;     /* 150004 */
	const char *version; /* "15.4 (Debian ...)" */
	const char *wal_level;
	const char *server_encoding;
	int32_t max_replication_slots;
	int32_t replication_slots_used;
	int32_t max_wal_senders;
	int32_t wal_senders_used;
	int64_t max_slot_wal_keep_size; /* bytes; -1: no limit */
	uint64_t wal_lsn;               /* written so far; in recovery: replayed */
	uint64_t system_identifier;     /* 0: may not be read */
	uint32_t timeline;
	int64_t clock_us; /* the server's now(), microseconds since 1970 */
	bool in_recovery;
	bool ssl; /* this connection is encrypted */
};

struct postgres_role_facts {
	const char *name;
	bool superuser;
	bool replication;
	bool bypass_rls;
	bool can_create_in_database; /* CREATE on the database: may make publications */
	const char *database;
};

struct postgres_slot_facts {
	const char *name; /* as asked for */
	bool exists;
	bool logical;
	bool active;
	bool temporary;
	bool own_database;      /* it belongs to the database we are connected to */
	int32_t active_pid;     /* 0: none */
	const char *plugin;     /* "pgoutput" */
	const char *database;   /* it belongs to */
	const char *wal_status; /* reserved, extended, unreserved, lost; NULL before PostgreSQL 13 */
	uint64_t restart_lsn;   /* 0: none */
	uint64_t confirmed_flush_lsn;
	int64_t retained_bytes; /* WAL that the slot holds back; -1: unknown */
	int64_t safe_wal_size;  /* bytes of WAL until it may be lost; -1: no limit, or unknown */
};

struct postgres_publication_table {
	uint32_t oid;
	uint32_t membership_oid; /* of its row in pg_publication_rel, new each time it is added; 0: published by ALL TABLES or
	                            schema */
	const char *schema;
	const char *name;
	const int16_t *attnums; /* the column list; NULL: all columns */
	uint32_t attnums_count;
	const char *row_filter; /* SQL text, or NULL */
	char replica_identity;
	bool partition; /* it is itself a partition */
};

struct postgres_publication_facts {
	const char *name; /* as asked for */
	uint32_t oid;
	bool exists;
	bool owned; /* the role (or one that it is a member of) owns it, so may alter it */
	bool all_tables;
	bool via_root;
	bool inserts;
	bool updates;
	bool deletes;
	bool truncates;
	const char *owner;
	/* Every table that is published, however it got in (FOR TABLE, ALL TABLES, TABLES IN SCHEMA); by schema and name. */
	const struct postgres_publication_table *tables;
	uint32_t tables_count;
	/*
	 * Hex, over all its tables: see postgres_publication_digest. NULL when the publication is not there.
	 */
	const char *digest;
};

struct postgres_facts {
	struct arena arena;
	struct postgres_server_facts server;
	struct postgres_role_facts role;
	struct postgres_slot_facts slot;
	struct postgres_publication_facts publication;
};

/*
 * Fills *facts, which it initialises at once; the caller keeps it in place until on_done and frees it with
 * arena_free(&facts->arena), after an error too. Slot or publication may be NULL: not asked for. It is cheap enough to be asked
 * every few seconds. Several statements: queue nothing else until on_done. Errors: as postgres_query.
 */
int postgres_facts_read(struct postgres_connection *connection, const char *slot, const char *publication,
                        struct postgres_facts *facts, postgres_done_fn *on_done, void *user, struct error *error) _must_check;

/*
 * Changes whenever the publication is made anew, its flags change, or one of the given tables is added, removed, or removed and
 * added again: in between, changes of it may have been missed. Other tables that it publishes play no part. text takes
 * POSTGRES_DIGEST_SIZE bytes, NUL included; it is "" when the publication is not there.
 */
#define POSTGRES_DIGEST_SIZE 17
const char *postgres_publication_digest(const struct postgres_publication_facts *publication, const uint32_t *table_oids,
                                        uint32_t table_oids_count, char text[POSTGRES_DIGEST_SIZE]);

/* One boolean: whether the role may make a replication origin and use it. */
extern const char postgres_may_use_origin_sql[];

#endif
