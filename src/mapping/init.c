#include "mapping/init_room.h"

#include "mapping/mapping.h"
#include "mapping/name.h"
#include "mapping/quote.h"
#include "mapping/text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define INIT_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define NAME_SIZE_MAX ((size_t)256)
/* A key of its own and more columns than this beside two foreign keys: a thing rather than a tie between two. */
#define JOIN_COLUMNS_MAX 1
/* A column's name shorter than this says less than the name of the table that it refers to. */
#define REFERENCE_SIZE_MIN 4
#define RESERVED_PREFIX "_Pgweave"

static const char *init__text(struct init *init, struct buffer *buffer)
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
	if (strncmp(column->name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0)
		return "a reserved name";
	return NULL;
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
		if (column->type.kind == TYPE_FLOAT || column->type.array)
			return "its key has a column of a type that no node can be found by";
	}
	for (uint32_t i = 0; i < key->attnums_count; i++)
		if (!init__in_identity(table, key->attnums[i]) || (key->deferrable && table->replica_identity == 'd')) {
			*ret_mends = true;
			return "its replica identity does not hold its key, so a DELETE would not say which row went";
		}
	return NULL;
}

static const char *init__mend_identity(struct init *init, const struct catalog_table *table, const struct catalog_key *key)
{
	struct buffer buffer;
	const char *text;

	buffer_init(&buffer, 2048);
	buffer_append_text(&buffer, "ALTER TABLE ");
	sql_quote_qualified(&buffer, table->schema, table->name);
	buffer_append_text(&buffer, " REPLICA IDENTITY ");
	if (key->deferrable) {
		buffer_append_text(&buffer, "FULL");
	} else if (key->primary) {
		buffer_append_text(&buffer, "DEFAULT");
	} else {
		buffer_append_text(&buffer, "USING INDEX ");
		sql_quote_identifier(&buffer, key->name);
	}
	buffer_append_byte(&buffer, ';');
	text = init__text(init, &buffer);
	buffer_free(&buffer);
	return text;
}

static const char *init__table_refused(const struct catalog_table *table)
{
	if (table->kind == CATALOG_VIEW)
		return "a view: its changes are not in the WAL";
	if (table->kind == CATALOG_FOREIGN)
		return "a foreign table: its changes are not in the WAL";
	if (table->kind == CATALOG_OTHER)
		return "no table";
	if (table->unlogged)
		return "unlogged: its changes are not in the WAL";
	if (!init__is_utf8(table->name) || !init__is_utf8(table->schema))
		return "its name is not UTF-8";
	for (uint32_t i = 0; i < table->columns_count; i++)
		if (!init__is_utf8(table->columns[i].name))
			return "it has a column whose name is not UTF-8";
	return NULL;
}

static void init__classify(struct init *init, struct init_table *mapped)
{
	const struct catalog_table *table = mapped->table;
	bool mends;

	mapped->why = init__table_refused(table);
	if (mapped->why)
		return;
	mapped->why = "no primary key, and no unique one without NULL";
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

static struct init_table *init__by_oid(const struct init *init, uint32_t oid)
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

/* Why a foreign key cannot be a relationship, or NULL. */
static const char *init__foreign_refused(const struct catalog_table *table, const struct catalog_foreign_key *foreign,
                                         const struct init_table *target)
{
	if (!target || target->role == INIT_LEFT_OUT)
		return "that table is left out";
	if (foreign->attnums_count != target->key->attnums_count)
		return "it refers to another key than the one that tells the nodes apart";
	for (uint32_t i = 0; i < target->key->attnums_count; i++) {
		const struct catalog_column *there = catalog_column_by_attnum(target->table, target->key->attnums[i]);
		const struct catalog_column *here = init__paired(table, foreign, target->key->attnums[i]);

		if (!here)
			return "it refers to another key than the one that tells the nodes apart";
		if (here->type.kind != there->type.kind || here->type.array != there->type.array)
			return "its columns are of other types than the ones that they refer to";
		if (here->generated)
			return "its column is generated, and PostgreSQL does not replicate it";
	}
	return NULL;
}

static bool init__same_foreign(const struct catalog_foreign_key *a, const struct catalog_foreign_key *b)
{
	bool same = a->target_oid == b->target_oid && a->attnums_count == b->attnums_count;

	for (uint32_t i = 0; same && i < a->attnums_count; i++)
		same = init__foreign_has(b, a->attnums[i]);
	return same;
}

/* All foreign keys, those declared twice once. */
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
		struct init_link *link = &mapped->links[mapped->links_count];
		bool again = false;

		for (uint32_t i = 0; i < mapped->links_count; i++)
			again = again || init__same_foreign(mapped->links[i].foreign, foreign);
		if (again)
			continue;
		mapped->links_count++;
		link->foreign = foreign;
		link->target = init__by_oid(init, foreign->target_oid);
		link->why = init__foreign_refused(table, foreign, link->target);
	}
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

/* A join table: see init.h. With a key of its own it also has to look like a tie between two, not like a thing. */
static void init__find_join(struct init_table *mapped)
{
	const struct init_link *links = mapped->links;
	const struct catalog_table *table = mapped->table;
	bool own_key = false, not_null = true;

	if (mapped->role != INIT_NODE || mapped->links_count != 2 || mapped->referenced || links[0].why || links[1].why)
		return;
	for (uint32_t i = 0; i < mapped->key->attnums_count; i++)
		own_key = own_key || !init__in_foreign_key(table, mapped->key->attnums[i]);
	for (int l = 0; l < 2; l++)
		for (uint32_t i = 0; i < links[l].foreign->attnums_count; i++) {
			const struct catalog_column *column = catalog_column_by_attnum(table, links[l].foreign->attnums[i]);

			own_key = own_key || !init__in_key(mapped->key, links[l].foreign->attnums[i]);
			not_null = not_null && column && column->not_null;
		}
	if (!not_null)
		return;
	if (!own_key || init__ends_are_unique(table, links) || links[0].target == links[1].target ||
	    init__speaks_of(table->name, links[0].target->table->name) ||
	    init__speaks_of(table->name, links[1].target->table->name) || init__own_columns(mapped) <= JOIN_COLUMNS_MAX)
		mapped->role = INIT_JOIN;
	else
		mapped->maybe_join = true;
}

/* Whether a label, or a join's type, is taken. */
static bool init__is_taken(const struct init *init, enum init_role role, const char *name)
{
	for (uint32_t i = 0; i < init->catalog->tables_count; i++)
		if (init->tables[i].role == role && init->tables[i].name && strcmp(init->tables[i].name, name) == 0)
			return true;
	return false;
}

/* The first free one of: name, schema and name, name_2, name_3 ... */
static void init__name(struct init *init, struct init_table *mapped)
{
	struct buffer buffer;
	size_t size;

	buffer_init(&buffer, NAME_SIZE_MAX);
	for (uint32_t attempt = 1; !mapped->name && !init->no_memory; attempt++) {
		const char *name;

		buffer_reset(&buffer);
		if (attempt > 1 && mapped->role == INIT_NODE)
			name_label(&buffer, mapped->table->schema);
		if (attempt > 1 && mapped->role == INIT_JOIN) {
			name_type(&buffer, mapped->table->schema);
			buffer_append_byte(&buffer, '_');
		}
		size = buffer.size;
		if (mapped->role == INIT_NODE)
			name_label(&buffer, mapped->table->name);
		else
			name_type(&buffer, mapped->table->name);
		/* Nothing but odd characters: the name as it is. */
		if (buffer.size == size)
			buffer_append_text(&buffer, mapped->table->name);
		if (strncmp(buffer_text(&buffer), RESERVED_PREFIX, strlen(RESERVED_PREFIX)) == 0)
			buffer_append_text(&buffer, "_");
		if (attempt > 2)
			buffer_printf(&buffer, "_%u", attempt - 1);
		name = init__text(init, &buffer);
		if (!init__is_taken(init, mapped->role, name) && strncmp(name, RESERVED_PREFIX, strlen(RESERVED_PREFIX)) != 0)
			mapped->name = name;
	}
	buffer_free(&buffer);
}

/* Tables that are found without their schema's name get the plain names. */
static void init__names(struct init *init)
{
	const char *home = init->catalog->search_path_schema ? init->catalog->search_path_schema : "";

	for (int pass = 0; pass < 2; pass++)
		for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
			struct init_table *mapped = &init->tables[i];

			if (mapped->role != INIT_LEFT_OUT && (strcmp(mapped->table->schema, home) == 0) == (pass == 0))
				init__name(init, mapped);
		}
}

static bool init__is_only_link(const struct init_table *mapped, const struct init_link *link)
{
	for (uint32_t i = 0; i < mapped->links_count; i++)
		if (&mapped->links[i] != link && !mapped->links[i].why && mapped->links[i].target == link->target)
			return false;
	return true;
}

static void init__name_by_target(const struct init_link *link, struct buffer *buffer)
{
	struct buffer singular;

	buffer_init(&singular, NAME_SIZE_MAX);
	name_singular(&singular, link->target->table->name);
	name_type(buffer, buffer_text(&singular));
	buffer_free(&singular);
}

/* team_id -> TEAM; several columns, or a name that says nothing: after the target, where that is clear. */
static void init__name_by_columns(const struct init_table *mapped, const struct init_link *link, bool whole,
                                  struct buffer *buffer)
{
	const struct catalog_foreign_key *foreign = link->foreign;
	bool only = init__is_only_link(mapped, link);

	if (!whole && only && foreign->attnums_count > 1) {
		init__name_by_target(link, buffer);
		return;
	}
	for (uint32_t i = 0; i < foreign->attnums_count; i++) {
		const struct catalog_column *column = catalog_column_by_attnum(mapped->table, foreign->attnums[i]);

		if (i)
			buffer_append_byte(buffer, '_');
		if (whole)
			name_type(buffer, column->name);
		else
			name_reference(buffer, column->name);
	}
	if (!whole && only && buffer->size < REFERENCE_SIZE_MIN) {
		buffer_reset(buffer);
		init__name_by_target(link, buffer);
	}
}

static bool init__is_type_taken(const struct init *init, const struct init_table *mapped, const char *type)
{
	if (init__is_taken(init, INIT_JOIN, type))
		return true;
	for (uint32_t i = 0; i < mapped->links_count; i++)
		if (mapped->links[i].type && strcmp(mapped->links[i].type, type) == 0)
			return true;
	return false;
}

/* The first free one of: TEAM, TEAM_ID, TEAM_ID_2 ... */
static void init__name_link(struct init *init, struct init_table *mapped, struct init_link *link)
{
	struct buffer buffer;

	buffer_init(&buffer, 2 * NAME_SIZE_MAX);
	for (uint32_t attempt = 1; !link->type && !init->no_memory; attempt++) {
		const char *type;

		buffer_reset(&buffer);
		init__name_by_columns(mapped, link, attempt > 1, &buffer);
		if (buffer.failed || !buffer.size || buffer.size > MAPPING_NAME_SIZE_MAX - 16) {
			buffer_reset(&buffer);
			buffer_append_text(&buffer, "REFERS_TO");
		}
		if (attempt > 2)
			buffer_printf(&buffer, "_%u", attempt - 1);
		type = init__text(init, &buffer);
		if (!init__is_type_taken(init, mapped, type))
			link->type = type;
	}
	buffer_free(&buffer);
}

static uint32_t init__decide(struct init *init)
{
	uint32_t count = init->catalog->tables_count;
	uint32_t nodes = 0;

	for (uint32_t i = 0; i < count; i++) {
		init->tables[i].table = &init->catalog->tables[i];
		init__classify(init, &init->tables[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		init__links(init, &init->tables[i]);
	if (init->no_memory)
		return 0;
	for (uint32_t i = 0; i < count; i++)
		for (uint32_t f = 0; f < init->tables[i].table->foreign_keys_count; f++) {
			struct init_table *target = init__by_oid(init, init->tables[i].table->foreign_keys[f].target_oid);

			if (target)
				target->referenced = true;
		}
	for (uint32_t i = 0; i < count; i++)
		init__find_join(&init->tables[i]);
	init__names(init);
	for (uint32_t i = 0; i < count; i++) {
		nodes += init->tables[i].role == INIT_NODE;
		for (uint32_t l = 0; init->tables[i].role == INIT_NODE && l < init->tables[i].links_count; l++)
			if (!init->tables[i].links[l].why)
				init__name_link(init, &init->tables[i], &init->tables[i].links[l]);
	}
	return nodes;
}

int mapping_init(const struct catalog *catalog, const struct mapping_init_options *options, struct buffer *yaml,
                 struct error *error)
{
	struct init init = {.catalog = catalog, .options = options};
	uint32_t nodes = 0;
	int status = 0;

	arena_init(&init.arena, INIT_SIZE_MAX);
	init.tables = arena_calloc(&init.arena, catalog->tables_count + 1, sizeof(*init.tables));
	if (init.tables)
		nodes = init__decide(&init);
	if (!init.tables || init.no_memory) {
		status = error_set(error, ERR_NOMEM, "no memory for a mapping of %u tables", catalog->tables_count);
	} else if (!nodes) {
		status = error_set(error, ERR_CATALOG, "no table of the database \"%s\" that %s may read can become a node",
		                   catalog->database, catalog->role);
		error_hint(error, "a table needs a primary key, or a unique key without NULL in its replica identity");
	} else {
		init__write(&init, yaml);
		if (yaml->failed)
			status = error_set(error, ERR_NOMEM, "no memory for the mapping file");
	}
	arena_free(&init.arena);
	return status;
}
