/*
 * mapping/catalog: what PostgreSQL's catalogue says, as plain data.
 *
 * postgres/catalog.c fills it from a server, tests fill it by hand. All of it lives in its arena. Sorted: tables by schema and
 * name, columns by attnum, so that whatever is made from it is reproducible.
 */
#ifndef PGWEAVE_MAPPING_CATALOG_H
#define PGWEAVE_MAPPING_CATALOG_H

#include "base/arena.h"
#include "change/type.h"

#include <stdint.h>

/* Of a column of TEXT: when two of its values are equal. */
enum catalog_equality {
	EQUALITY_BY_SERVER, /* only PostgreSQL knows: citext, ranges, a collation that is not deterministic */
	EQUALITY_OF_BYTES,  /* when their texts are */
	EQUALITY_PADDED,    /* the same, but for blanks at the end: char(n) */
	EQUALITY_UUID,      /* when their texts are, as PostgreSQL prints them */
	EQUALITY_ENUM,      /* likewise; the texts are enum_labels */
};

struct catalog_column {
	const char *name;
	const char *type_name; /* as format_type prints it: "character varying(20)" */
	const char *comment;   /* or NULL */
	struct type type;
	enum catalog_equality equality;
	const char *const *enum_labels; /* of an enum, in its order */
	uint32_t enum_labels_count;
	uint32_t type_oid; /* as declared, before domains are resolved */
	int16_t attnum;
	bool not_null;
	bool generated;
	bool identity;
};

struct catalog_key {
	const char *name; /* of the constraint or index */
	uint32_t index_oid;
	const int16_t *attnums; /* in key order */
	uint32_t attnums_count;
	bool primary;
	bool deferrable;
	bool not_null; /* all of its columns are */
};

struct catalog_foreign_key {
	const char *name;
	const int16_t *attnums; /* here, paired with target_attnums there */
	const int16_t *target_attnums;
	uint32_t attnums_count;
	uint32_t target_oid;
	bool validated;
	bool deferrable;
	char on_update; /* as pg_constraint.confupdtype: a, r, c, n, d */
};

enum catalog_table_kind {
	CATALOG_TABLE,
	CATALOG_PARTITIONED, /* the root; its partitions are not listed */
	CATALOG_VIEW,
	CATALOG_FOREIGN,
	CATALOG_OTHER,
};

/* What changes without a row change in the WAL; NULL where nobody has looked (catalogues made by hand, views). */
struct catalog_watch {
	const char *fingerprint; /* of everything that the plan or the graph depends on */
	/* "16402 733,16405 733 741": where its rows lie, by OID, and by which transactions it and what is above was attached */
	const char *leaves;
	const char *files;      /* a digest over where its rows lie: changes with a rewrite */
	const char *attributes; /* "1 733,2 741": by which transaction each column was altered last, as text */
	const char *types;      /* a line for each enum label and composite type in its columns: as text */
};

struct catalog_table {
	uint32_t oid;
	const char *schema;
	const char *name;
	const char *comment; /* or NULL */
	enum catalog_table_kind kind;
	char replica_identity; /* as pg_class.relreplident: d, n, f, i; of a partitioned table what holds for all its leaves */
	bool unlogged;         /* it, or one of its partitions */
	bool inherits;         /* its columns come from another table, which does not show its rows here */
	bool inherited;        /* other tables inherit from it; their rows are not this one's for us */
	bool row_security;     /* RLS applies to the login role */
	bool can_select;
	bool owned;            /* the login role owns it, so it may publish it */
	int64_t rows_estimate; /* reltuples, -1 when never analysed */
	int64_t bytes;
	const struct catalog_column *columns;
	uint32_t columns_count;
	const struct catalog_key *keys; /* primary first, then unique ones without expressions or predicates */
	uint32_t keys_count;
	const int16_t *identity_attnums; /* the columns that an old tuple carries: key's, index's, or all for FULL */
	uint32_t identity_attnums_count;
	const struct catalog_foreign_key *foreign_keys;
	uint32_t foreign_keys_count;
	struct catalog_watch watch;
};

struct catalog {
	struct arena arena;
	const char *database;
	const char *role;
	const char
	        *search_path_schema; /* where an unqualified table name is looked up: current_schema(), but never "pgweave" */
	int server_version_num;      /* 150004 */
	uint64_t system_identifier;
	uint32_t timeline;
	const struct catalog_table *tables;
	uint32_t tables_count;
};

const struct catalog_table *catalog_table_by_oid(const struct catalog *catalog, uint32_t oid);
const struct catalog_table *catalog_table_by_name(const struct catalog *catalog, const char *schema, const char *name);
const struct catalog_column *catalog_column_by_name(const struct catalog_table *table, const char *name);
const struct catalog_column *catalog_column_by_attnum(const struct catalog_table *table, int16_t attnum);
/* Whether its type can be carried without the mapping saying how. */
bool catalog_column_is_carried(const struct catalog_column *column);

#endif
