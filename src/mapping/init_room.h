/*
 * mapping/init_room: shared by init.c, which decides what each table becomes, and init_write.c, which writes it. Private to
 * both.
 */
#ifndef PGWEAVE_MAPPING_INIT_ROOM_H
#define PGWEAVE_MAPPING_INIT_ROOM_H

#include "mapping/init.h"

enum init_role {
	INIT_LEFT_OUT,
	INIT_NODE,
	INIT_JOIN,
};

struct init_link {
	const struct catalog_foreign_key *foreign;
	const struct init_table *target; /* NULL: left out */
	const char *type;
	const char *why; /* left out: why */
};

struct init_table {
	const struct catalog_table *table;
	enum init_role role;
	const char *why;  /* left out: why */
	const char *mend; /* and what would mend it; or NULL */
	const struct catalog_key *key;
	const char *name; /* the label or the type */
	bool referenced;
	bool maybe_join; /* a node that a person may rather see as a relationship */
	struct init_link *links;
	uint32_t links_count;
};

struct init {
	const struct catalog *catalog;
	const struct mapping_init_options *options;
	struct arena arena;
	struct init_table *tables; /* one for each of the catalogue's, in its order */
	bool no_memory;
};

/* Why a column cannot be a property, or NULL. */
const char *init__column_refused(const struct catalog_column *column);
bool init__in_foreign_key(const struct catalog_table *table, int16_t attnum);
bool init__in_key(const struct catalog_key *key, int16_t attnum);
/* The column here that is paired with the target's key column. */
const struct catalog_column *init__paired(const struct catalog_table *table, const struct catalog_foreign_key *foreign,
                                          int16_t target_attnum);
void init__write(const struct init *init, struct buffer *yaml);

#endif
