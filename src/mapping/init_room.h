/*
 * mapping/init_room: shared by the files of init. Private to them.
 *
 * init.c decides what each table becomes, init_name.c how it is called, init_pair.c finds polymorphic associations,
 * init_write.c writes it, init_notes.c keeps what was seen, and init_update.c works all of that into a file that is there.
 */
#ifndef PGWEAVE_MAPPING_INIT_ROOM_H
#define PGWEAVE_MAPPING_INIT_ROOM_H

#include "mapping/init.h"
#include "mapping/tree.h"

#define INIT_COMMENT_SIZE_MAX ((size_t)160)
#define INIT_LINES_SIZE_MAX (2 * MAPPING_SIZE_MAX)

enum init_role {
	INIT_LEFT_OUT,
	INIT_NODE,
	INIT_JOIN,
};

struct init_link {
	const struct catalog_foreign_key *foreign;
	const struct init_table *target; /* NULL: left out */
	const int16_t *by; /* the target's columns that it refers to: its key in key order, or another unique one */
	uint32_t by_count;
	bool by_key;
	const char *type;
	const char *why; /* left out: why */
	bool kept;       /* the file has it, or its person has taken it out */
};

struct init_table {
	const struct catalog_table *table;
	enum init_role role;
	const char *why;  /* left out: why */
	const char *mend; /* and what would mend it; or NULL */
	const struct catalog_key *key;
	const char *name;  /* the label or the type */
	const char *label; /* what its name would be as one */
	bool referenced;
	bool maybe_join;                 /* a node that a person may rather see as a relationship */
	bool kept;                       /* the file that is there maps it */
	bool removed;                    /* it was seen, and is not in the file: a person's wish */
	const struct init_notes *notes;  /* what was seen of it; or NULL */
	const struct mapping_node *node; /* kept as a node */
	struct init_link *links;
	uint32_t links_count;
};

/* What an earlier init has seen of one table. */
struct init_notes {
	const char *schema;
	const char *name;
	const char **columns;
	uint32_t columns_count;
	const char **foreign_keys;
	uint32_t foreign_keys_count;
};

struct init {
	const struct catalog *catalog;
	const struct mapping_init_options *options;
	const struct mapping_init_pairs *pairs;
	struct arena arena;
	struct init_table *tables;  /* one for each of the catalogue's, in its order */
	const struct mapping *file; /* that is brought up to date; or NULL */
	struct init_notes *notes;
	uint32_t notes_count;
	bool has_notes;
	bool no_memory;
};

/* ---- init.c ---- */

/* Makes the tables; catalog and options are set. False when there is no memory. */
bool init__begin(struct init *init);
/* Decides about all that is neither kept nor removed; returns how many nodes there are. */
uint32_t init__decide(struct init *init);
/* The buffer's content in the arena; sets no_memory. */
const char *init__text(struct init *init, struct buffer *buffer);
struct init_table *init__by_oid(const struct init *init, uint32_t oid);
/* Why a column cannot be a property, or NULL. */
const char *init__column_refused(const struct catalog_column *column);
bool init__in_foreign_key(const struct catalog_table *table, int16_t attnum);
bool init__in_key(const struct catalog_key *key, int16_t attnum);
/* The column here that is paired with the target's key column. */
const struct catalog_column *init__paired(const struct catalog_table *table, const struct catalog_foreign_key *foreign,
                                          int16_t target_attnum);
/* Whether it can be a node, by which key; or why not. */
void init__classify(struct init *init, struct init_table *mapped);

/* ---- init_name.c ---- */

/* Gives each table that has none its label or type. */
void init__name_tables(struct init *init);
/* Gives each relationship of a node its type. */
void init__name_links(struct init *init, struct init_table *mapped);

/* ---- init_pair.c ---- */

/* The commented-out offer for each pair of the table. */
void init__write_pairs(const struct init *init, struct buffer *yaml, const struct init_table *mapped);

/* ---- init_write.c ---- */

void init__write(const struct init *init, struct buffer *yaml);
/* One entry, indented by two blanks. */
void init__write_node(const struct init *init, struct buffer *yaml, const struct init_table *mapped);
void init__write_join(const struct init *init, struct buffer *yaml, const struct init_table *mapped);
/* TYPE: {to: Label, column: name} */
void init__write_link(struct buffer *yaml, const struct init_table *mapped, const struct init_link *link);
/* Pads the line that began at `start` and puts a comment behind it. */
void init__write_behind(struct buffer *yaml, size_t start, const char *comment);
/* schema.name, for a comment. */
void init__write_name(struct buffer *yaml, const struct catalog_table *table);

/* ---- init_notes.c ---- */

/* Reads the notes out of the file's text. ERR_CONFIG when they cannot be read, ERR_NOMEM. */
int init__notes_read(struct init *init, struct error *error) _must_check;
/* Where the notes stand in the text; both its size when there are none. */
void init__notes_span(const struct source *source, size_t *ret_start, size_t *ret_end);
/* What was left out and why, and what was seen. */
void init__notes_write(const struct init *init, struct buffer *yaml);
bool init__notes_has(const char **names, uint32_t count, const char *name);

#endif
