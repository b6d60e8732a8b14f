#include "mapping/init_room.h"

#include "mapping/mapping.h"
#include "mapping/name.h"
#include "mapping/quote.h"
#include "mapping/text.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define INIT_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define NAME_SIZE_MAX ((size_t)256)
#define STATEMENT_SIZE_MAX ((size_t)2048)
/* A key of its own and more columns than this beside two foreign keys: a thing rather than a tie between two. */
#define JOIN_COLUMNS_MAX 1

const char *init__text(struct init *init, struct buffer *buffer)
{
	const char *text = buffer->failed ? NULL : arena_strndup(&init->arena, buffer->data ? buffer->data : "", buffer->size);

	if (!text)
		init->no_memory = true;
	return text ? text : "";
}

static bool init__is_utf8(const char *text)
{
	return text_utf8_check(text, strlen(text)) == strlen(text);
}

bool init__in_key(const struct catalog_key *key, int16_t attnum)
{
	for (uint32_t i = 0; i < key->attnums_count; i++)
		if (key->attnums[i] == attnum)
			return true;
	return false;
}

static bool init__foreign_has(const struct catalog_foreign_key *foreign, int16_t attnum)
{
	for (uint32_t i = 0; i < foreign->attnums_count; i++)
		if (foreign->attnums[i] == attnum)
			return true;
	return false;
}

bool init__in_foreign_key(const struct catalog_table *table, int16_t attnum)
{
	for (uint32_t i = 0; i < table->foreign_keys_count; i++)
		if (init__foreign_has(&table->foreign_keys[i], attnum))
			return true;
	return false;
}

const char *init__column_refused(const struct catalog_column *column)
{
	if (!catalog_column_is_carried(column))
		return "a type that is not carried";
	if (column->generated)
		return "generated: PostgreSQL does not replicate it";
	if (name_is_reserved(column->name))
		return "a reserved name";
	return NULL;
}

/* Of two equal keys one node, and no two nodes for one key: see resolve__check_key_type. */
static bool init__is_key_type(const struct type *type)
{
	return !type->array && type->kind != TYPE_FLOAT && type->kind != TYPE_INTERVAL && type->kind != TYPE_POINT &&
	       type->kind != TYPE_GEOMETRY && type->kind != TYPE_VECTOR;
}

static bool init__in_identity(const struct catalog_table *table, int16_t attnum)
{
	for (uint32_t i = 0; i < table->identity_attnums_count; i++)
		if (table->identity_attnums[i] == attnum)
			return true;
	return false;
}

/* What mapping_compile asks of a key, or why it would refuse; *ret_mends: another replica identity would make it do. */
static const char *init__key_refused(const struct catalog_table *table, const struct catalog_key *key, bool *ret_mends)
{
	*ret_mends = false;
	if (!key->primary && !key->not_null)
		return "its only unique key may be NULL";
	for (uint32_t i = 0; i < key->attnums_count; i++) {
		const struct catalog_column *column = catalog_column_by_attnum(table, key->attnums[i]);

		if (!column || init__column_refused(column))
			return "its key has a column that cannot be carried";
		if (!init__is_key_type(&column->type))
			return "its key has a column of a type that no node can be found by";
	}
	for (uint32_t i = 0; i < key->attnums_count; i++)
		if (!init__in_identity(table, key->attnums[i]) || (key->deferrable && table->replica_identity == 'd')) {
			*ret_mends = true;
			return "its replica identity does not hold its key, so a DELETE would not say which row went";
		}
	return NULL;
}

/* A statement about the table. */
static const char *init__mend(struct init *init, const char *before, const struct catalog_table *table, const char *after,
                              const char *identifier, const char *end)
{
	struct buffer buffer;
	const char *text;

	buffer_init(&buffer, STATEMENT_SIZE_MAX);
	buffer_append_text(&buffer, before);
	sql_quote_qualified(&buffer, table->schema, table->name);
	buffer_append_text(&buffer, after);
	if (identifier)
		sql_quote_identifier(&buffer, identifier);
	buffer_append_text(&buffer, end);
	text = init__text(init, &buffer);
	buffer_free(&buffer);
	return text;
}

static const char *init__mend_identity(struct init *init, const struct catalog_table *table, const struct catalog_key *key)
{
	const char *end = table->kind == CATALOG_PARTITIONED ? "; and the same of each partition" : ";";

	if (key->deferrable)
		return init__mend(init, "ALTER TABLE ", table, " REPLICA IDENTITY FULL", NULL, end);
	if (key->primary)
		return init__mend(init, "ALTER TABLE ", table, " REPLICA IDENTITY DEFAULT", NULL, end);
	return init__mend(init, "ALTER TABLE ", table, " REPLICA IDENTITY USING INDEX ", key->name, end);
}

/* Rows that this role does not see would be missing from the first load, or come as if they were new. */
static const char *init__access_refused(struct init *init, const struct catalog_table *table, const char **ret_mend)
{
	const char *role = init->catalog->role ? init->catalog->role : "";
	struct buffer buffer;

	if (!table->can_select) {
		*ret_mend = init__mend(init, "GRANT SELECT ON ", table, " TO ", role, ";");
		return "this role may not read it";
	}
	if (!table->row_security)
		return NULL;
	buffer_init(&buffer, STATEMENT_SIZE_MAX);
	buffer_append_text(&buffer, "ALTER ROLE ");
	sql_quote_identifier(&buffer, role);
	buffer_append_text(&buffer, " BYPASSRLS;");
	*ret_mend = init__text(init, &buffer);
	buffer_free(&buffer);
	return "row security hides rows of it from this role";
}

static const char *init__table_refused(struct init *init, const struct catalog_table *table, const char **ret_mend)
{
	*ret_mend = NULL;
	if (table->kind == CATALOG_VIEW)
		return "a view: its changes are not in the WAL";
	if (table->kind == CATALOG_FOREIGN)
		return "a foreign table: its changes are not in the WAL";
	if (table->kind == CATALOG_OTHER)
		return "no table";
	if (table->unlogged && table->kind == CATALOG_PARTITIONED)
		return "it, or one of its partitions, is unlogged: its changes are not in the WAL";
	if (table->unlogged)
		return "unlogged: its changes are not in the WAL";
	if (!init__is_utf8(table->name) || !init__is_utf8(table->schema))
		return "its name is not UTF-8";
	for (uint32_t i = 0; i < table->columns_count; i++)
		if (!init__is_utf8(table->columns[i].name))
			return "it has a column whose name is not UTF-8";
	return init__access_refused(init, table, ret_mend);
}

void init__classify(struct init *init, struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;
	bool mends;

	mapped->why = init__table_refused(init, table, &mapped->mend);
	if (mapped->why)
		return;
	mapped->why = table->inherits ? "no primary key, and no unique one without NULL: keys are not inherited"
	                              : "no primary key, and no unique one without NULL";
	for (uint32_t k = 0; k < table->keys_count; k++) {
		const char *why = init__key_refused(table, &table->keys[k], &mends);

		if (!why) {
			mapped->key = &table->keys[k];
			mapped->role = INIT_NODE;
			mapped->why = mapped->mend = NULL;
			return;
		}
		if (k == 0 || mends) {
			mapped->why = why;
			mapped->mend = mends ? init__mend_identity(init, table, &table->keys[k]) : NULL;
		}
	}
}

struct init_table *init__by_oid(const struct init *init, uint32_t oid)
{
	const struct catalog_table *table = catalog_table_by_oid(init->catalog, oid);

	return table ? &init->tables[table - init->catalog->tables] : NULL;
}

const struct catalog_column *init__paired(const struct catalog_table *table, const struct catalog_foreign_key *foreign,
                                          int16_t target_attnum)
{
	for (uint32_t i = 0; i < foreign->attnums_count; i++)
		if (foreign->target_attnums[i] == target_attnum)
			return catalog_column_by_attnum(table, foreign->attnums[i]);
	return NULL;
}

/*
 * Whether values that PostgreSQL takes as equal are the same text: char(n) is padded to its length, and numeric has as many
 * decimals as its scale says. In the graph they would be two keys.
 */
static bool init__is_written_alike(const struct catalog_column *a, const struct catalog_column *b)
{
	bool padded = strncmp(a->type_name, "character(", 10) == 0 || strncmp(b->type_name, "character(", 10) == 0;

	return (!padded && a->type.kind != TYPE_NUMERIC) || strcmp(a->type_name, b->type_name) == 0;
}

/* Whether just these columns are what tells the target's nodes apart. */
static bool init__refers_to_key(const struct init_table *target, const struct catalog_foreign_key *foreign)
{
	bool same = target && target->key && foreign->attnums_count == target->key->attnums_count;

	for (uint32_t i = 0; same && i < foreign->attnums_count; i++)
		same = init__in_key(target->key, foreign->target_attnums[i]);
	return same;
}

/* Whether the node has the column, just as it is, as a property that other nodes can be found by: see resolve__carry. */
static bool init__carries(const struct init_table *target, const struct catalog_column *column)
{
	const struct mapping_node *node = target->node;

	if (!column || init__column_refused(column) || !init__is_key_type(&column->type))
		return false;
	if (init__in_key(target->key, column->attnum) || !node)
		return true;
	for (uint32_t i = 0; i < node->properties.count; i++)
		if (mapping__is_of_column(&node->properties.items[i], column->name) &&
		    mapping__is_as_it_is(&node->properties.items[i]))
			return true;
	return !node->properties.name.text && !mapping__words_have(&node->except, column->name) &&
	       !mapping__words_have(&node->relational_only, column->name) &&
	       !(node->element_id.column.text && strcmp(node->element_id.column.text, column->name) == 0);
}

/* A node whose rows are not all there, or which stays without its row, is found by its key alone. */
static bool init__takes_every_row(const struct init *init, const struct init_table *target)
{
	const struct mapping_node *node = target->node;
	const char *tenant = init->file ? init->file->tenant.column.text : NULL;

	return !(tenant && catalog_column_by_name(target->table, tenant)) &&
	       !(node && (node->where.text || node->on_delete.index != PLAN_DELETE_DETACH));
}

/* Why a foreign key to another unique key than the one that tells the nodes apart cannot be a relationship, or NULL. */
static const char *init__other_key_refused(const struct init *init, const struct catalog_foreign_key *foreign,
                                           const struct init_table *target)
{
	if (!foreign->validated || foreign->deferrable)
		return "it refers to another key than the one that tells the nodes apart, and is NOT VALID or DEFERRABLE";
	if (!init__takes_every_row(init, target))
		return "it refers to another key than the one that tells the nodes apart, and not every row is a node, or "
		       "nodes "
		       "stay without their rows";
	for (uint32_t i = 0; i < foreign->attnums_count; i++)
		if (!init__carries(target, catalog_column_by_attnum(target->table, foreign->target_attnums[i])))
			return "it refers to another key than the one that tells the nodes apart, whose columns are not "
			       "properties there, or of a type that no node can be found by";
	return NULL;
}

/* Why the columns here cannot hold what they refer to, or NULL. */
static const char *init__paired_refused(const struct catalog_table *table, const struct init_link *link)
{
	for (uint32_t i = 0; i < link->by_count; i++) {
		const struct catalog_column *there = catalog_column_by_attnum(link->target->table, link->by[i]);
		const struct catalog_column *here = init__paired(table, link->foreign, link->by[i]);

		if (!here || !there)
			return "it refers to another key than the one that tells the nodes apart";
		if (here->type.kind != there->type.kind || here->type.array != there->type.array)
			return "its columns are of other types than the ones that they refer to";
		if (here->generated)
			return "its column is generated, and PostgreSQL does not replicate it";
		if (!init__is_written_alike(here, there))
			return "the same value is written in one way here and in another there (char(n), numeric)";
	}
	return NULL;
}

/* Why a foreign key cannot be a relationship, or NULL; sets what it refers to. */
static const char *init__foreign_refused(const struct init *init, const struct catalog_table *table, struct init_link *link)
{
	const struct catalog_foreign_key *foreign = link->foreign;
	const struct init_table *target = link->target;
	const char *why = NULL;

	if (!target || target->role == INIT_LEFT_OUT)
		return "that table is left out";
	if (target->role == INIT_JOIN)
		return "that table is a relationship here";
	if (!target->key)
		return "that node's key is not known here";
	link->by_key = init__refers_to_key(target, foreign);
	link->by = link->by_key ? target->key->attnums : foreign->target_attnums;
	link->by_count = foreign->attnums_count;
	if (!link->by_key)
		why = init__other_key_refused(init, foreign, target);
	return why ? why : init__paired_refused(table, link);
}

static bool init__same_foreign(const struct catalog_foreign_key *a, const struct catalog_foreign_key *b)
{
	bool same = a->target_oid == b->target_oid && a->attnums_count == b->attnums_count;

	for (uint32_t i = 0; same && i < a->attnums_count; i++)
		same = init__foreign_has(b, a->attnums[i]);
	return same;
}

static bool init__same_columns(const struct catalog_table *table, const struct catalog_foreign_key *foreign,
                               const struct words *columns)
{
	bool same = foreign->attnums_count == columns->count;

	for (uint32_t i = 0; same && i < columns->count; i++) {
		const struct catalog_column *column = catalog_column_by_name(table, columns->items[i].text);

		same = column && init__foreign_has(foreign, column->attnum);
	}
	return same;
}

/*
 * Whether a foreign key of a table that the file has is no new one: the file has it, or an earlier init has seen it, so that a
 * person has taken it out. Where nothing was noted, what the file says is all that is wanted.
 */
static bool init__link_is_kept(const struct init_table *mapped, const struct catalog_foreign_key *foreign)
{
	if (!mapped->kept)
		return false;
	if (!mapped->node || !mapped->notes ||
	    init__notes_has(mapped->notes->foreign_keys, mapped->notes->foreign_keys_count, foreign->name))
		return true;
	for (uint32_t i = 0; i < mapped->node->links.count; i++)
		if (init__same_columns(mapped->table, foreign, &mapped->node->links.items[i].columns))
			return true;
	return false;
}

/* In the order of their columns, as a person would read the table. */
static int init__compare_links(const void *a, const void *b)
{
	const struct catalog_foreign_key *first = ((const struct init_link *)a)->foreign;
	const struct catalog_foreign_key *second = ((const struct init_link *)b)->foreign;

	for (uint32_t i = 0; i < first->attnums_count && i < second->attnums_count; i++)
		if (first->attnums[i] != second->attnums[i])
			return first->attnums[i] < second->attnums[i] ? -1 : 1;
	if (first->attnums_count != second->attnums_count)
		return first->attnums_count < second->attnums_count ? -1 : 1;
	return strcmp(first->name, second->name);
}

/* The one over the same columns to the same table that is there already. */
static struct init_link *init__link_of(const struct init_table *mapped, const struct catalog_foreign_key *foreign)
{
	for (uint32_t i = 0; i < mapped->links_count; i++)
		if (init__same_foreign(mapped->links[i].foreign, foreign))
			return &mapped->links[i];
	return NULL;
}

/*
 * All foreign keys, those over the same columns once: as mapping_compile reads them, the one to the key that tells the nodes
 * apart, else the last.
 */
static void init__links(struct init *init, struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;

	mapped->links = arena_calloc(&init->arena, table->foreign_keys_count + 1, sizeof(*mapped->links));
	if (!mapped->links) {
		init->no_memory = true;
		return;
	}
	for (uint32_t f = 0; f < table->foreign_keys_count; f++) {
		const struct catalog_foreign_key *foreign = &table->foreign_keys[f];
		struct init_link *link = init__link_of(mapped, foreign);

		if (!link)
			link = &mapped->links[mapped->links_count++];
		else if (init__refers_to_key(link->target, link->foreign))
			continue;
		*link = (struct init_link){.foreign = foreign, .target = init__by_oid(init, foreign->target_oid)};
		link->why = init__foreign_refused(init, table, link);
		link->kept = init__link_is_kept(mapped, foreign);
	}
	qsort(mapped->links, mapped->links_count, sizeof(*mapped->links), init__compare_links);
}

/* Whether a name like team_members speaks of a table like teams. */
static bool init__speaks_of(const char *name, const char *target)
{
	struct buffer singular;
	bool found;

	buffer_init(&singular, NAME_SIZE_MAX);
	name_singular(&singular, target);
	found = singular.size > 2 && strcasestr(name, buffer_text(&singular)) != NULL;
	buffer_free(&singular);
	return found;
}

/* Whether all columns of one foreign key are in another. */
static bool init__is_within(const struct catalog_foreign_key *inner, const struct catalog_foreign_key *outer)
{
	for (uint32_t i = 0; i < inner->attnums_count; i++)
		if (!init__foreign_has(outer, inner->attnums[i]))
			return false;
	return true;
}

/* Whether the row's key is one of the foreign keys: then the row is more of that other row, as a profile is of a user. */
static bool init__is_extension(const struct init_table *mapped)
{
	for (uint32_t l = 0; l < mapped->links_count; l++) {
		bool within = true;

		for (uint32_t i = 0; i < mapped->key->attnums_count; i++)
			within = within && init__foreign_has(mapped->links[l].foreign, mapped->key->attnums[i]);
		if (within)
			return true;
	}
	return false;
}

/* Columns beside the key and the two ends. */
static uint32_t init__own_columns(const struct init_table *mapped)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < mapped->table->columns_count; i++)
		count += !init__in_key(mapped->key, mapped->table->columns[i].attnum) &&
		         !init__in_foreign_key(mapped->table, mapped->table->columns[i].attnum);
	return count;
}

/* Whether the table has a unique key over just the columns of its two foreign keys. */
static bool init__ends_are_unique(const struct catalog_table *table, const struct init_link *links)
{
	for (uint32_t k = 0; k < table->keys_count; k++) {
		const struct catalog_key *key = &table->keys[k];
		bool same = true;

		for (uint32_t i = 0; i < key->attnums_count; i++)
			same = same && (init__foreign_has(links[0].foreign, key->attnums[i]) ||
			                init__foreign_has(links[1].foreign, key->attnums[i]));
		for (int l = 0; l < 2; l++)
			for (uint32_t i = 0; i < links[l].foreign->attnums_count; i++)
				same = same && init__in_key(key, links[l].foreign->attnums[i]);
		if (same)
			return true;
	}
	return false;
}

/* Whether every row of the table ties two others together: two foreign keys, both never NULL, that nobody refers to. */
static bool init__may_join(const struct init_table *mapped)
{
	const struct init_link *links = mapped->links;

	if (mapped->kept || mapped->role != INIT_NODE || mapped->links_count != 2 || mapped->referenced || links[0].why ||
	    links[1].why || !links[0].by_key || !links[1].by_key || init__is_within(links[0].foreign, links[1].foreign) ||
	    init__is_within(links[1].foreign, links[0].foreign))
		return false;
	for (int l = 0; l < 2; l++)
		for (uint32_t i = 0; i < links[l].foreign->attnums_count; i++) {
			const struct catalog_column *column =
			        catalog_column_by_attnum(mapped->table, links[l].foreign->attnums[i]);

			if (!column || !column->not_null)
				return false;
		}
	return true;
}

/* A join table: see init.h. With a key of its own it also has to look like a tie between two, not like a thing. */
static void init__find_join(struct init_table *mapped)
{
	const struct init_link *links = mapped->links;
	const struct catalog_table *table = mapped->table;
	bool own_key = false, is_join;

	if (!init__may_join(mapped))
		return;
	for (uint32_t i = 0; i < mapped->key->attnums_count; i++)
		own_key = own_key || !init__in_foreign_key(table, mapped->key->attnums[i]);
	for (int l = 0; l < 2; l++)
		for (uint32_t i = 0; i < links[l].foreign->attnums_count; i++)
			own_key = own_key || !init__in_key(mapped->key, links[l].foreign->attnums[i]);
	if (init__is_extension(mapped))
		is_join = init__own_columns(mapped) == 0;
	else
		is_join = !own_key || init__ends_are_unique(table, links) || links[0].target == links[1].target ||
		          init__speaks_of(table->name, links[0].target->table->name) ||
		          init__speaks_of(table->name, links[1].target->table->name) ||
		          init__own_columns(mapped) <= JOIN_COLUMNS_MAX;
	if (is_join)
		mapped->role = INIT_JOIN;
	else
		mapped->maybe_join = true;
}

/* What a foreign key refers to is a thing of its own. */
static void init__find_referenced(struct init *init)
{
	for (uint32_t i = 0; i < init->catalog->tables_count; i++)
		for (uint32_t f = 0; f < init->tables[i].table->foreign_keys_count; f++) {
			struct init_table *target = init__by_oid(init, init->tables[i].table->foreign_keys[f].target_oid);

			if (target)
				target->referenced = true;
		}
}

bool init__begin(struct init *init)
{
	struct buffer label;

	arena_init(&init->arena, INIT_SIZE_MAX);
	init->tables = arena_calloc(&init->arena, (size_t)init->catalog->tables_count + 1, sizeof(*init->tables));
	buffer_init(&label, NAME_SIZE_MAX);
	for (uint32_t i = 0; init->tables && i < init->catalog->tables_count; i++) {
		init->tables[i].table = &init->catalog->tables[i];
		buffer_reset(&label);
		name_label(&label, init->catalog->tables[i].name);
		init->tables[i].label = init__text(init, &label);
	}
	buffer_free(&label);
	return init->tables && !init->no_memory;
}

uint32_t init__decide(struct init *init)
{
	uint32_t count = init->catalog->tables_count;
	uint32_t nodes = 0;

	for (uint32_t i = 0; i < count; i++) {
		if (init->tables[i].removed)
			init->tables[i].why = "taken out of this file";
		else if (!init->tables[i].kept)
			init__classify(init, &init->tables[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		init__links(init, &init->tables[i]);
	if (init->no_memory)
		return 0;
	init__find_referenced(init);
	for (uint32_t i = 0; i < count; i++)
		init__find_join(&init->tables[i]);
	init__name_tables(init);
	for (uint32_t i = 0; i < count && !init->no_memory; i++) {
		nodes += init->tables[i].role == INIT_NODE;
		if (init->tables[i].role == INIT_NODE)
			init__name_links(init, &init->tables[i]);
	}
	return nodes;
}

/* A file that could not be read again is of no use. */
static int init__check_size(const struct init *init, const struct buffer *yaml, struct error *error)
{
	uint32_t nodes = 0;
	uint64_t edges = 0;

	for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
		nodes += init->tables[i].role == INIT_NODE;
		edges += init->tables[i].role == INIT_JOIN ? 1 : 0;
		for (uint32_t l = 0; init->tables[i].role == INIT_NODE && l < init->tables[i].links_count; l++)
			edges += init->tables[i].links[l].why == NULL;
	}
	if (nodes > MAPPING_TABLES_MAX)
		error_set(error, ERR_LIMIT, "the database \"%s\" has %u tables for nodes, and a mapping at most %d",
		          init->catalog->database, nodes, MAPPING_TABLES_MAX);
	else if (edges > MAPPING_EDGES_MAX)
		error_set(error, ERR_LIMIT,
		          "the database \"%s\" has %llu foreign keys for relationships, and a mapping at most %d",
		          init->catalog->database, (unsigned long long)edges, MAPPING_EDGES_MAX);
	else if (yaml->size > MAPPING_SIZE_MAX)
		error_set(error, ERR_LIMIT, "the mapping of the database \"%s\" would have %zu bytes, and may have %zu",
		          init->catalog->database, yaml->size, MAPPING_SIZE_MAX);
	else
		return 0;
	error_hint(error, "several pipelines, each with a role that may read only its part of the tables");
	return ERR_LIMIT;
}

int mapping_init(const struct catalog *catalog, const struct mapping_init_options *options, struct buffer *yaml,
                 struct error *error)
{
	struct init init = {.catalog = catalog, .options = options, .pairs = options->pairs};
	uint32_t nodes = 0;
	int status = 0;

	if (init__begin(&init))
		nodes = init__decide(&init);
	if (!init.tables || init.no_memory) {
		status = error_set(error, ERR_NOMEM, "no memory for a mapping of %u tables", catalog->tables_count);
	} else if (!nodes) {
		status = error_set(error, ERR_CATALOG, "no table of the database \"%s\" that %s may read can become a node",
		                   catalog->database, catalog->role);
		error_hint(error, "a table needs a primary key, or a unique key without NULL in its replica identity");
	} else {
		init__write(&init, yaml);
		status = init__check_size(&init, yaml, error);
		if (status == 0 && yaml->failed)
			status = error_set(error, ERR_NOMEM, "no memory for the mapping file");
	}
	arena_free(&init.arena);
	return status;
}
