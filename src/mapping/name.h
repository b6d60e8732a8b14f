/*
 * mapping/name: names for labels and relationship types out of names of tables and columns, and words as YAML writes them.
 * Private to the room.
 */
#ifndef PGWEAVE_MAPPING_NAME_H
#define PGWEAVE_MAPPING_NAME_H

#include "base/arena.h"
#include "base/buffer.h"

/* Labels and properties of pgweave's own begin so; no mapping may name them. */
#define NAME_RESERVED_PREFIX "_Pgweave"
bool name_is_reserved(const char *name);

/* org_functions -> OrgFunction. Appends nothing when the name has neither letter nor digit. */
void name_label(struct buffer *buffer, const char *table);
/* The same with the last word as it is: OrgFunctions. */
void name_label_plural(struct buffer *buffer, const char *table);
/* team_members -> TEAM_MEMBERS; teamMembers likewise. */
void name_type(struct buffer *buffer, const char *name);
/* The same for a column that refers to something: team_id -> TEAM, managerId -> MANAGER. */
void name_reference(struct buffer *buffer, const char *column);
/* The English singular of the last word: org_functions -> org_function. */
void name_singular(struct buffer *buffer, const char *name);

/*
 * name or schema.name as the key `table` takes it, as a word of YAML (see name_yaml): a part with a dot or a quote in it is in
 * double quotes. schema may be NULL.
 */
void name_table(struct buffer *buffer, const char *schema, const char *name, bool is_key);
/* Reads it back into the arena, *ret_schema NULL where there is none; false when it is neither, or there is no memory. */
bool name_table_read(const char *text, struct arena *arena, const char **ret_schema, const char **ret_name);

/* How often the name's words begin with a letter or digit, and where the last begins and how long it is. */
size_t name_words(const char *name, const char **ret_last, size_t *ret_last_size);

/*
 * One word of YAML that reads back as this text: plain where that is safe, else in double quotes. As a value, ${ is written
 * $${, since values have their variables filled in; as a key it is not.
 */
void name_yaml(struct buffer *buffer, const char *text, bool is_key);
/* For a comment: one line, cut at size_max bytes, nothing that ends it or moves a cursor. */
void name_comment(struct buffer *buffer, const char *text, size_t size_max);

#endif
