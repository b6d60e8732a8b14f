/*
 * mapping/tree: what mapping_parse makes and mapping_compile reads: the file's words with their places. Private to the room.
 */
#ifndef PGWEAVE_MAPPING_TREE_H
#define PGWEAVE_MAPPING_TREE_H

#include "mapping/mapping.h"

#define MAPPING_ARENA_SIZE_MAX ((size_t)256 * 1024 * 1024)

/* Where in the file; counted from 1, in characters; line 0 is nowhere. */
struct place {
	uint32_t line;
	uint32_t column;
};

struct source {
	const char *file;
	const char *text;
	size_t size;
};

/* text is NULL where the file does not say it. */
struct word {
	const char *text;
	struct place place;
};

struct words {
	struct word *items;
	uint32_t count;
	struct word name; /* the key it stands under; text NULL where the file does not say it */
};

/* [schema.]name; schema.text is NULL where the file does not say it. */
struct table_name {
	struct word schema;
	struct word name;
};

/* One word of a fixed list; text NULL where the file does not say it. */
struct choice {
	struct word word;
	uint32_t index; /* in the list */
};

/* A decimal number: mantissa / 10^decimals. */
struct decimal {
	struct word word;
	int64_t mantissa;
	uint32_t decimals;
};

struct mapping_property {
	struct word name;
	struct word column; /* the property's own name where the file does not say it */
	struct choice as;   /* by enum numeric_as */
	struct words path;
	struct choice letters; /* by enum conversion_letters, less one */
	struct choice epoch;   /* by enum conversion_epoch, less one */
	struct decimal scale;
	const char *split;
	const char *constant;
	struct words concat; /* columns in place of one */
	const char *separator;
	bool trim;
};

struct mapping_properties {
	struct mapping_property *items;
	uint32_t count;
	struct word name; /* the key it stands under; text NULL: every column that is in no foreign key */
};

/* A value of a column, as the file writes it, and the label or type that it chooses. */
struct mapping_value {
	struct word value;
	struct word name;
};

/* Labels or types that a column chooses. */
struct mapping_chooser {
	struct word name; /* the key it stands under; text NULL where the file does not say it */
	struct word column;
	struct mapping_value *values; /* none: the column's own values are the names */
	uint32_t values_count;
	struct word prefix; /* of labels: each value makes one, behind this; text NULL where the file does not say it */
};

/* The properties in which a relationship keeps its versions. */
struct mapping_history {
	struct word name; /* the key it stands under; text NULL: it keeps none */
	struct word from;
	struct word to;
	struct word version;
};

/* A relationship from a node's foreign key. */
struct mapping_link {
	struct word type;
	struct mapping_chooser chooser; /* of types: `type` is for all other values */
	struct word to;                 /* exactly one of the two */
	struct word from;
	struct words column; /* exactly one of the two */
	struct words columns;
	struct word position; /* of an array's elements: a property's name */
	struct word where;
	struct mapping_history history;
};

struct mapping_links {
	struct mapping_link *items;
	uint32_t count;
};

/* Where element ids go: exactly one of column and table, where the file says any. */
struct mapping_element_id {
	struct word name; /* the key it stands under; text NULL where the file does not say it */
	struct word column;
	struct table_name table;
};

struct mapping_node {
	struct word label;
	struct table_name table; /* exactly one of the two */
	struct word value;       /* a property's name: the node is made of values */
	struct choice unused;    /* of a node made of values: 0 remove, 1 keep */
	struct word where;
	struct words labels;
	struct mapping_chooser *choosers; /* of further labels */
	uint32_t choosers_count;
	struct words key;
	struct mapping_properties properties;
	struct words except;
	struct words relational_only;
	struct choice on_delete; /* by enum plan_on_delete */
	struct word deleted_label;
	struct choice missing; /* by enum plan_missing */
	struct mapping_element_id element_id;
	struct mapping_links links;
};

struct mapping_nodes {
	struct mapping_node *items;
	uint32_t count;
	struct word name;
};

struct mapping_end {
	struct word label;
	struct words columns;
};

/* A relationship from a join table. */
struct mapping_join {
	struct word type;
	struct mapping_chooser chooser;
	struct table_name table;
	struct word where;
	struct mapping_end from;
	struct mapping_end to;
	struct words key;
	struct mapping_properties properties;
	struct words except;
	struct words relational_only;
	struct mapping_history history;
};

struct mapping_joins {
	struct mapping_join *items;
	uint32_t count;
};

/* Of every table that has the column, only the rows with that value. */
struct mapping_tenant {
	struct word column; /* text NULL: of every row */
	struct word value;
};

struct mapping {
	struct arena arena;
	struct source source;
	struct mapping_settings settings;
	struct mapping_tenant tenant;
	uint32_t version;
	struct mapping_nodes nodes;
	struct mapping_joins joins;
};

bool mapping__words_have(const struct words *words, const char *text);
/* Whether the file gives that property just that column: no constant, and not several columns. */
bool mapping__is_of_column(const struct mapping_property *named, const char *column);
/* Whether the property is just what the file says that it comes from. */
bool mapping__is_as_it_is(const struct mapping_property *named);
/* Whether it is what the property comes from, or one of several columns. */
bool mapping__comes_from(const struct mapping_property *named, const char *column);

/* Adds one; past the maximum only `more` is set. */
void diagnostic_add(struct diagnostics *diagnostics, const struct source *source, struct place place, const char *format, ...)
        _printf_like(4, 5);
/* Says what was expected at the diagnostic that was added last. */
void diagnostic_expect(struct diagnostics *diagnostics, const char *format, ...) _printf_like(2, 3);
/* Into the order of the file. */
void diagnostics_sort(struct diagnostics *diagnostics);

#endif
