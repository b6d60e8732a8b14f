/*
 * mapping/name: names for labels and relationship types out of names of tables and columns, and words as YAML writes them.
 * Private to the room.
 */
#ifndef PGWEAVE_MAPPING_NAME_H
#define PGWEAVE_MAPPING_NAME_H

#include "base/buffer.h"

/* org_functions -> OrgFunction. Appends nothing when the name has neither letter nor digit. */
void name_label(struct buffer *buffer, const char *table);
/* team_members -> TEAM_MEMBERS; teamMembers likewise. */
void name_type(struct buffer *buffer, const char *name);
/* The same for a column that refers to something: team_id -> TEAM, managerId -> MANAGER. */
void name_reference(struct buffer *buffer, const char *column);
/* The English singular of the last word: org_functions -> org_function. */
void name_singular(struct buffer *buffer, const char *name);

/*
 * One word of YAML that reads back as this text: plain where that is safe, else in double quotes. As a value, ${ is written
 * $${, since values have their variables filled in; as a key it is not.
 */
void name_yaml(struct buffer *buffer, const char *text, bool is_key);
/* For a comment: one line, cut at size_max bytes, nothing that ends it or moves a cursor. */
void name_comment(struct buffer *buffer, const char *text, size_t size_max);

#endif
