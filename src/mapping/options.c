#include "mapping/options.h"

#include "mapping/condition.h"
#include "mapping/tree.h"

#include <string.h>

#define SETTING(field) .offset = offsetof(struct mapping_settings, field)
#define TENANT(field) .offset = offsetof(struct mapping_tenant, field)
#define NODE(field) .offset = offsetof(struct mapping_node, field)
#define LINK(field) .offset = offsetof(struct mapping_link, field)
#define PROPERTY(field) .offset = offsetof(struct mapping_property, field)
#define JOIN(field) .offset = offsetof(struct mapping_join, field)
#define HISTORY(field) .offset = offsetof(struct mapping_history, field)
#define MIB ((uint64_t)1024 * 1024)
#define TEXT_MAX 65536

const struct mapping_option mapping_options[] = {
        {CONTEXT_FILE, "version", KIND_VERSION, true, .offset = offsetof(struct mapping, version), .least = 1, .most = 1,
         .doc = "The version of this file's shape."},
        {CONTEXT_FILE, "pipeline", KIND_PIPELINE, true, .offset = offsetof(struct mapping, settings.pipeline), .least = 1,
         .most = 48,
         .doc = "Names the pairing of one database and one graph: its slot, publication and checkpoint carry this name."},
        {CONTEXT_FILE, "postgres", KIND_SECTION, true, CONTEXT_POSTGRES, .doc = "Where the rows come from."},
        {CONTEXT_FILE, "neo4j", KIND_SECTION, true, CONTEXT_NEO4J, .doc = "Where the graph is."},
        {CONTEXT_FILE, "snapshot", KIND_SECTION, false, CONTEXT_SNAPSHOT, .doc = "How the first copy is made."},
        {CONTEXT_FILE, "stream", KIND_SECTION, false, CONTEXT_STREAM, .doc = "How changes are followed."},
        {CONTEXT_FILE, "tenant", KIND_SECTION, false, CONTEXT_TENANT, .doc = "The one tenant whose rows the graph is made of."},
        {CONTEXT_FILE, "nodes", KIND_NODES, true, .offset = offsetof(struct mapping, nodes),
         .doc = "Tables that become nodes, by label."},
        {CONTEXT_FILE, "relationships", KIND_JOINS, false, .offset = offsetof(struct mapping, joins),
         .doc = "Join tables that become relationships, by type; a list where one type has several sources."},

        {CONTEXT_POSTGRES, "url", KIND_STRING, true, SETTING(postgres_url), .least = 1, .most = TEXT_MAX,
         .doc = "A libpq connection string: `postgresql://user@host:port/database?sslmode=verify-full`, or `key=value` words."},

        {CONTEXT_NEO4J, "url", KIND_STRING, true, SETTING(neo4j_url), .least = 1, .most = TEXT_MAX,
         .doc = "`bolt://`, `bolt+s://`, `bolt+ssc://`, `neo4j://`, `neo4j+s://` or `neo4j+ssc://`, host and port."},
        {CONTEXT_NEO4J, "user", KIND_STRING, false, SETTING(neo4j_user), .least = 1, .most = TEXT_MAX,
         .doc = "The user; without one, no authentication is used."},
        {CONTEXT_NEO4J, "password", KIND_STRING, false, SETTING(neo4j_password), .least = 1, .most = TEXT_MAX,
         .doc = "Its password. Never write it here: use `${NEO4J_PASSWORD}` or `{file: path}`."},
        {CONTEXT_NEO4J, "database", KIND_STRING, false, SETTING(neo4j_database), .least = 1, .most = 63,
         .default_words = "the server's", .doc = "The database that holds the graph."},
        {CONTEXT_NEO4J, "ca_file", KIND_PLAIN, false, SETTING(neo4j_ca_file), .least = 1, .most = 4096,
         .default_words = "the system's", .doc = "Certificates (PEM) of the authorities that may vouch for the server."},
        {CONTEXT_NEO4J, "client_cert_file", KIND_PLAIN, false, SETTING(neo4j_client_cert_file), .least = 1, .most = 4096,
         .doc = "The client's own certificate (PEM), for servers that want one."},
        {CONTEXT_NEO4J, "client_key_file", KIND_PLAIN, false, SETTING(neo4j_client_key_file), .least = 1, .most = 4096,
         .doc = "The private key (PEM) of that certificate."},

        {CONTEXT_SNAPSHOT, "workers", KIND_INTEGER, false, SETTING(snapshot_workers), .least = 1, .most = 16, .number = 2,
         .default_words = "2", .doc = "Connections that copy tables at the same time, under one exported snapshot."},

        {CONTEXT_STREAM, "slot", KIND_SLOT, false, SETTING(slot), .least = 1, .most = 63,
         .default_words = "`pgweave_` + pipeline", .doc = "The replication slot."},
        {CONTEXT_STREAM, "publication", KIND_PLAIN, false, SETTING(publication), .least = 1, .most = 63,
         .default_words = "`pgweave_` + pipeline", .doc = "The publication."},
        {CONTEXT_STREAM, "managed", KIND_BOOLEAN, false, SETTING(publication_managed), .number = 1, .default_words = "true",
         .doc = "Whether pgweave makes the publication and keeps it in step with this file. With false an administrator "
                "does, and pgweave only checks it."},
        {CONTEXT_STREAM, "batch_rows", KIND_INTEGER, false, SETTING(batch_rows_max), .least = 1, .most = 100000, .number = 2000,
         .default_words = "2000", .doc = "Row changes that go into one Neo4j transaction when many small ones wait."},
        {CONTEXT_STREAM, "transaction_size", KIND_SIZE, false, SETTING(transaction_size_max), .least = MIB / 16,
         .most = 1024 * MIB, .number = 8 * MIB, .default_words = "8MiB",
         .doc = "A PostgreSQL transaction up to this size is applied whole; a larger one goes in pieces, and that is said."},
        {CONTEXT_STREAM, "wal_retained_warn", KIND_SIZE, false, SETTING(wal_retained_warn), .least = MIB,
         .most = MIB * MIB * 1024, .number = 1024 * MIB, .default_words = "1GiB",
         .doc = "From this much WAL held back by the slot on, pgweave warns."},
        {CONTEXT_STREAM, "schema_changes", KIND_FOLLOWING, false, SETTING(schema_changes), .default_words = "follow",
         .doc = "What to do when a mapped table was altered so that the graph has to change: `follow` loads what is affected "
                "anew, `stop` stops until a person has looked at it."},
        {CONTEXT_STREAM, "missing_columns", KIND_MISSING, false, SETTING(missing_columns), .default_words = "stop",
         .doc = "What to do when a column of a property that the file names is not there: `stop`, or `leave_out`: go on "
                "without the property, with a warning. Columns of keys and relationships always stop."},

        {CONTEXT_TENANT, "column", KIND_COLUMN, true, TENANT(column),
         .doc = "The column that says whose a row is: in every table that has it."},
        {CONTEXT_TENANT, "value", KIND_VALUE, true, TENANT(value),
         .doc = "The tenant, as that column has it; `${TENANT}` serves one file for all of them."},

        {CONTEXT_NODE, "table", KIND_TABLE, false, NODE(table),
         .doc = "The table: a name in the connection's schema, or `schema.name`; a part with a dot in it in double quotes. "
                "Exactly one of `table` and `value`."},
        {CONTEXT_NODE, "value", KIND_NAME, false, NODE(value),
         .doc = "Instead of a table: one node for each value of the columns that lead here, which it carries as this property: "
                "see [Nodes made of values](#nodes-made-of-values). Beside it only `unused` and fixed `labels`."},
        {CONTEXT_NODE, "unused", KIND_UNUSED, false, NODE(unused), .default_words = "remove",
         .doc = "Of a node made of a value: whether it goes when no relationship is left at it."},
        {CONTEXT_NODE, "where", KIND_CONDITION, false, NODE(where), .least = 1, .most = CONDITION_SIZE_MAX,
         .default_words = "every row", .doc = "Which rows become nodes: see [Which rows](#which-rows)."},
        {CONTEXT_NODE, "labels", KIND_LABELS, false,
         .doc = "Further labels: those that every such node has, and those that a column's value chooses."},
        {CONTEXT_NODE, "key", KIND_COLUMNS, false, NODE(key), .default_words = "the primary key",
         .doc = "The columns that tell one row from another: unique and never NULL. They always are properties."},
        {CONTEXT_NODE, "properties", KIND_PROPERTIES, false, NODE(properties),
         .default_words = "every column in no foreign key",
         .doc = "What the node carries: `[column, ...]`, `{property: column}` (nothing after the colon: the same name), or "
                "`{property: {column: name, as: float}}`."},
        {CONTEXT_NODE, "except", KIND_COLUMNS, false, NODE(except),
         .doc = "Columns to leave out where `properties` is not given."},
        {CONTEXT_NODE, "relational_only", KIND_COLUMNS, false, NODE(relational_only),
         .doc = "Columns that never leave PostgreSQL: see [Columns that stay](#columns-that-stay)."},
        {CONTEXT_NODE, "on_delete", KIND_DELETION, false, NODE(on_delete), .default_words = "detach",
         .doc = "What becomes of the node when its row goes: see [Rows that go](#rows-that-go)."},
        {CONTEXT_NODE, "deleted_label", KIND_LABEL, false, NODE(deleted_label), .default_words = "`Deleted`",
         .doc = "The label of nodes that stay although their rows are gone."},
        {CONTEXT_NODE, "missing", KIND_MISSING_END, false, NODE(missing), .default_words = "placeholder",
         .doc = "What becomes of relationships that lead here while there is no row for their end: see "
                "[Ends without a row](#ends-without-a-row)."},
        {CONTEXT_NODE, "element_id", KIND_ELEMENT_ID, false, NODE(element_id),
         .doc = "Where Neo4j's element id of each node is written back to: see [Element ids](#element-ids)."},
        {CONTEXT_NODE, "relationships", KIND_LINKS, false, NODE(links),
         .doc = "Relationships that this table's foreign keys mean, by type; a list where one type is used more than once."},

        {CONTEXT_LINK, "to", KIND_LABEL, false, LINK(to), .doc = "The label at the far end: (this)-[TYPE]->(label)."},
        {CONTEXT_LINK, "from", KIND_LABEL, false, LINK(from),
         .doc = "The same in the other direction: (label)-[TYPE]->(this). Exactly one of `to` and `from`."},
        {CONTEXT_LINK, "column", KIND_COLUMN, false, LINK(column),
         .doc = "The foreign key's column; of an array's elements each makes a relationship: see [Arrays](#arrays)."},
        {CONTEXT_LINK, "columns", KIND_COLUMNS, false, LINK(columns),
         .doc = "Its columns, in the order of the other end's key. Exactly one of `column` and `columns`."},
        {CONTEXT_LINK, "position", KIND_NAME, false, LINK(position),
         .doc = "Of an array: the relationship's property that holds the element's place, from 1."},
        {CONTEXT_LINK, "type", KIND_CHOOSER, false, LINK(chooser), .default_words = "the key it stands under",
         .doc = "A column that chooses the type; the key it stands under is the type for all other values."},
        {CONTEXT_LINK, "where", KIND_CONDITION, false, LINK(where), .least = 1, .most = CONDITION_SIZE_MAX,
         .default_words = "every row", .doc = "Which rows have the relationship; of the node's own rows."},
        {CONTEXT_LINK, "history", KIND_HISTORY, false, LINK(history), .default_words = "false",
         .doc = "Whether the relationship keeps its versions: see [History](#history)."},

        {CONTEXT_JOIN, "table", KIND_TABLE, true, JOIN(table), .doc = "The join table, named as for a node."},
        {CONTEXT_JOIN, "where", KIND_CONDITION, false, JOIN(where), .least = 1, .most = CONDITION_SIZE_MAX,
         .default_words = "every row", .doc = "Which rows become relationships, as for a node."},
        {CONTEXT_JOIN, "type", KIND_CHOOSER, false, JOIN(chooser), .default_words = "the key it stands under",
         .doc = "A column that chooses the type; the key it stands under is the type for all other values."},
        {CONTEXT_JOIN, "from", KIND_END, true, JOIN(from),
         .doc = "The start: a label, and the columns here that hold its key, in the key's order."},
        {CONTEXT_JOIN, "to", KIND_END, true, JOIN(to), .doc = "The end, likewise."},
        {CONTEXT_JOIN, "key", KIND_COLUMNS, false, JOIN(key), .default_words = "the primary key",
         .doc = "The columns that tell one row from another. When they are just the two ends' columns, there is one "
                "relationship between two nodes; else there may be several, each carrying its key as properties."},
        {CONTEXT_JOIN, "properties", KIND_PROPERTIES, false, JOIN(properties),
         .default_words = "every column in no foreign key", .doc = "What the relationship carries, as for a node."},
        {CONTEXT_JOIN, "except", KIND_COLUMNS, false, JOIN(except),
         .doc = "Columns to leave out where `properties` is not given."},
        {CONTEXT_JOIN, "relational_only", KIND_COLUMNS, false, JOIN(relational_only),
         .doc = "Columns that never leave PostgreSQL: see [Columns that stay](#columns-that-stay)."},
        {CONTEXT_JOIN, "history", KIND_HISTORY, false, JOIN(history), .default_words = "false",
         .doc = "Whether the relationship keeps its versions: see [History](#history)."},

        {CONTEXT_CHOOSER, "column", KIND_COLUMN, true, .offset = offsetof(struct mapping_chooser, column),
         .doc = "The column whose value chooses."},
        {CONTEXT_CHOOSER, "values", KIND_VALUES, false, .default_words = "of an enum its own values",
         .doc = "Which value chooses what. Several values may choose the same."},
        {CONTEXT_CHOOSER, "prefix", KIND_LABEL, false, .offset = offsetof(struct mapping_chooser, prefix),
         .doc = "Of labels, instead of `values`: whatever the value is, the label is this with the value behind it."},

        {CONTEXT_ELEMENT_ID, "table", KIND_TABLE, true, .offset = offsetof(struct mapping_element_id, table),
         .doc = "The table beside the mapped one, made where it is not there; several nodes may have the same one."},
        {CONTEXT_HISTORY, "from", KIND_NAME, false, HISTORY(from), .default_words = "`validFrom`",
         .doc = "The property that says when the version began, a ZONED DATETIME in UTC."},
        {CONTEXT_HISTORY, "to", KIND_NAME, false, HISTORY(to), .default_words = "`validTo`",
         .doc = "The property that says when it ended; of the current version 9999-12-31T00:00:00Z."},
        {CONTEXT_HISTORY, "version", KIND_NAME, false, HISTORY(version), .default_words = "`version`",
         .doc = "The property that counts the versions, from 1."},

        {CONTEXT_PROPERTY, "column", KIND_COLUMN, false, .offset = offsetof(struct mapping_property, column),
         .default_words = "the property's name", .doc = "The column it comes from."},
        {CONTEXT_PROPERTY, "as", KIND_AS, false, .offset = offsetof(struct mapping_property, as),
         .default_words = "the type's own form",
         .doc = "How it is carried. `text`: as PostgreSQL prints it, which every type has. Of a `numeric`, `text` keeps every "
                "digit, `float` may round, `integer` refuses what is no 64-bit integer."},
        {CONTEXT_PROPERTY, "path", KIND_PATH, false, PROPERTY(path),
         .doc = "Of a json or jsonb column: what stands there in the document; a step is a name, or a position in an array, "
                "from 0. Of an hstore: the value of that key."},
        {CONTEXT_PROPERTY, "trim", KIND_BOOLEAN, false, PROPERTY(trim), .default_words = "false",
         .doc = "Takes the blanks at both ends of a text away."},
        {CONTEXT_PROPERTY, "case", KIND_LETTERS, false, PROPERTY(letters),
         .doc = "Makes all letters of a text small or large."},
        {CONTEXT_PROPERTY, "split", KIND_PLAIN, false, PROPERTY(split), .least = 1, .most = 64,
         .doc = "Makes a list of a text: its parts between these separators."},
        {CONTEXT_PROPERTY, "scale", KIND_DECIMAL, false, PROPERTY(scale),
         .doc = "Multiplies a number, for another unit: `scale: 0.01` makes 19.99 of 1999. It becomes a FLOAT."},
        {CONTEXT_PROPERTY, "epoch", KIND_EPOCH, false, PROPERTY(epoch),
         .doc = "Makes a ZONED DATETIME of a number that counts these since 1970, or such an INTEGER of a date or a "
                "timestamp."},
        {CONTEXT_PROPERTY, "concat", KIND_COLUMNS, false, PROPERTY(concat),
         .doc = "Instead of `column`: several columns, as one text of what PostgreSQL prints of them, one behind the other; "
                "NULLs are left out."},
        {CONTEXT_PROPERTY, "separator", KIND_PLAIN, false, PROPERTY(separator), .most = 64, .default_words = "nothing",
         .doc = "Beside `concat`: what stands between two of them."},
        {CONTEXT_PROPERTY, "value", KIND_PLAIN, false, PROPERTY(constant), .most = 4096,
         .doc = "The same value in every node or relationship, instead of a column's: text unless `as` says otherwise."},

        {CONTEXT_SECRET, "file", KIND_PLAIN, true, .least = 1, .most = 4096,
         .doc = "The file that holds the text; a newline at its end does not count."},
};

const uint32_t mapping_options_count = sizeof(mapping_options) / sizeof(mapping_options[0]);

const char *mapping_context_heading(enum mapping_context context)
{
	static const char *const headings[] = {
#define X(name, heading) heading,
	        MAPPING_CONTEXTS(X)
#undef X
	};

	return headings[context];
}

const char *mapping_kind_what(enum mapping_kind kind)
{
	static const char *const whats[] = {
#define X(name, what) what,
	        MAPPING_KINDS(X)
#undef X
	};

	return whats[kind];
}

const struct mapping_option *mapping_option_find(enum mapping_context context, const char *name)
{
	for (uint32_t i = 0; i < mapping_options_count; i++)
		if (mapping_options[i].context == context && strcmp(mapping_options[i].name, name) == 0)
			return &mapping_options[i];
	return NULL;
}

void mapping_option_row(const struct mapping_option *option, struct buffer *buffer)
{
	const char *otherwise = option->required ? "required" : "";

	if (option->default_words)
		otherwise = option->default_words;
	buffer_printf(buffer, "| `%s` | %s | %s | %s |", option->name, mapping_kind_what(option->kind), otherwise, option->doc);
}
