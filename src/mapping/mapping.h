/*
 * mapping/mapping: the YAML file: read, checked, compiled.
 *
 * mapping_parse turns text into a checked tree with the place of every word; mapping_compile sets it against a catalogue and
 * makes the plan. Both collect as many diagnostics as they can, each with file, line, column, the line's text and what was
 * expected. The room does no I/O: variables and secret files come through `struct mapping_environment`. libfyaml is used here
 * and nowhere else. Limits: MAPPING_* below.
 */
#ifndef PGWEAVE_MAPPING_MAPPING_H
#define PGWEAVE_MAPPING_MAPPING_H

#include "base/buffer.h"
#include "mapping/catalog.h"
#include "mapping/plan.h"

#define MAPPING_SIZE_MAX ((size_t)4 * 1024 * 1024)
#define MAPPING_DEPTH_MAX 32
#define MAPPING_DIAGNOSTICS_MAX 20
#define MAPPING_NAME_SIZE_MAX 512 /* bytes of a label, a type, a property */
#define MAPPING_TABLES_MAX 4096
#define MAPPING_EDGES_MAX 16384

enum mapping_schema_changes {
	MAPPING_SCHEMA_FOLLOW,
	MAPPING_SCHEMA_STOP,
};

enum mapping_missing_columns {
	MAPPING_MISSING_STOP,
	MAPPING_MISSING_LEAVE_OUT,
};

/* What else the file says: where the servers are and how to treat them. Strings live in the mapping; NULL when absent. */
struct mapping_settings {
	const char *pipeline;
	const char *postgres_url;
	const char *neo4j_url;
	const char *neo4j_user;
	const char *neo4j_password;
	const char *neo4j_database; /* NULL: the server's default */
	const char *neo4j_ca_file;
	const char *neo4j_client_cert_file;
	const char *neo4j_client_key_file;
	const char *slot;          /* "pgweave_" + pipeline unless said */
	const char *publication;   /* likewise */
	bool publication_managed;  /* false: an administrator's; it is checked, never altered */
	uint32_t snapshot_workers; /* parallel COPY; 1..16, 2 unless said */
	uint32_t batch_rows_max;   /* row changes in one Neo4j transaction of many small ones; 1..100000, 2000 unless said */
	uint64_t transaction_size_max; /* bytes of one PostgreSQL transaction applied whole; above it goes in pieces; 8 MiB
	                                  unless said */
	uint64_t wal_retained_warn;    /* bytes of WAL held by the slot from which on it warns; 1 GiB unless said */
	enum mapping_schema_changes schema_changes;
	enum mapping_missing_columns missing_columns;
};

struct mapping_environment {
	/* The variable's value, or NULL when it is not set. */
	const char *(*variable)(void *user, const char *name);
	/* Reads a secret file into text (without the last newline); 0 or negative with error set. */
	int (*file)(void *user, const char *path, struct buffer *text, struct error *error);
	void *user;
};

struct mapping;

/* One thing wrong with the file. line and column count from 1; 0 when there is no place. */
struct diagnostic {
	const char *file;
	uint32_t line;
	uint32_t column;
	const char *message;   /* what is wrong, on what */
	const char *line_text; /* the source line, cut to a screen's width */
	uint32_t caret;        /* how many characters of line_text stand before the place */
	const char *expected;  /* what would be right, or NULL */
};

struct diagnostics {
	struct arena arena;
	struct diagnostic items[MAPPING_DIAGNOSTICS_MAX];
	uint32_t count;
	bool more; /* there were more than fit */
};

void diagnostics_init(struct diagnostics *diagnostics);
void diagnostics_free(struct diagnostics *diagnostics);
/* Prints them as "file:line:column: message", the line, a caret, and the expectation. */
void diagnostics_print(const struct diagnostics *diagnostics, struct buffer *buffer);

/*
 * file is only a name for messages. 0, or ERR_CONFIG with at least one diagnostic, ERR_NOMEM, ERR_LIMIT. The mapping is the
 * caller's, freed with mapping_free.
 */
int mapping_parse(const char *file, const char *text, size_t size, const struct mapping_environment *environment,
                  struct mapping **ret_mapping, struct diagnostics *diagnostics) _must_check;
void mapping_free(struct mapping *mapping);
const struct mapping_settings *mapping_settings(const struct mapping *mapping);
/* The text that it was read from, with a NUL behind it. */
const char *mapping_text(const struct mapping *mapping, size_t *ret_size);

/*
 * Hex, over the words of the file that say what becomes of which table, whatever their order: nodes and relationships. While it
 * is the same and the plan's digest is not, the tables have changed and not the file. ERR_NOMEM.
 */
#define MAPPING_DIGEST_SIZE 33
int mapping_words_digest(const struct mapping *mapping, char ret_text[MAPPING_DIGEST_SIZE]) _must_check;

/* 0, or ERR_CATALOG with diagnostics. The plan is the caller's, freed with plan_free; it keeps no pointer to mapping or
 * catalogue. */
int mapping_compile(const struct mapping *mapping, const struct catalog *catalog, struct plan **ret_plan,
                    struct diagnostics *diagnostics) _must_check;

#endif
