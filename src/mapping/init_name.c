#include "mapping/init_room.h"

#include "mapping/name.h"

#include <string.h>

#define NAME_SIZE_MAX ((size_t)256)
/* A column's name shorter than this says less than the name of the table that it refers to. */
#define REFERENCE_SIZE_MIN 4

static bool init__words_have(const struct words *words, const char *name)
{
	for (uint32_t i = 0; i < words->count; i++)
		if (strcmp(words->items[i].text, name) == 0)
			return true;
	return false;
}

static bool init__links_have(const struct mapping_links *links, const char *type)
{
	for (uint32_t i = 0; i < links->count; i++)
		if (strcmp(links->items[i].type.text, type) == 0)
			return true;
	return false;
}

/* Whether the file that is brought up to date uses a label, or a type, for anything. */
static bool init__file_has(const struct mapping *file, enum init_role role, const char *name)
{
	for (uint32_t i = 0; file && i < file->nodes.count; i++) {
		const struct mapping_node *node = &file->nodes.items[i];

		if (role == INIT_NODE && (strcmp(node->label.text, name) == 0 || init__words_have(&node->labels, name)))
			return true;
		if (role == INIT_JOIN && init__links_have(&node->links, name))
			return true;
	}
	for (uint32_t i = 0; role == INIT_JOIN && file && i < file->joins.count; i++)
		if (strcmp(file->joins.items[i].type.text, name) == 0)
			return true;
	return false;
}

/* Whether a label, or a join's type, is taken. */
static bool init__is_taken(const struct init *init, enum init_role role, const char *name)
{
	for (uint32_t i = 0; i < init->catalog->tables_count; i++)
		if (init->tables[i].role == role && init->tables[i].name && strcmp(init->tables[i].name, name) == 0)
			return true;
	return false;
}

/* How a name is made out of a table's: "public.org_roles" as a label, as a type. */
enum form {
	FORM_SHORT,           /* OrgRole, ORG_ROLES */
	FORM_PLURAL,          /* OrgRoles */
	FORM_SCHEMA,          /* PublicOrgRole, PUBLIC_ORG_ROLES */
	FORM_SCHEMA_PLURAL,   /* PublicOrgRoles */
	FORM_EXACT,           /* org_roles */
	FORM_SCHEMA_EXACT,    /* public.org_roles */
	FORM_NUMBERED,        /* OrgRole_2, OrgRole_3 ... */
	FORM_SCHEMA_NUMBERED, /* PublicOrgRole_2 ... */
};

/* Tried in this order. A table that is found without its schema's name goes without it as long as it can. */
static const enum form forms_home[] = {FORM_SHORT, FORM_PLURAL, FORM_EXACT, FORM_SCHEMA, FORM_SCHEMA_EXACT, FORM_NUMBERED};
static const enum form forms_other[] = {FORM_SHORT, FORM_SCHEMA, FORM_SCHEMA_PLURAL, FORM_SCHEMA_EXACT, FORM_SCHEMA_NUMBERED};
#define FORMS_HOME (sizeof(forms_home) / sizeof(forms_home[0]))
#define FORMS_OTHER (sizeof(forms_other) / sizeof(forms_other[0]))

static void init__append(struct buffer *buffer, enum init_role role, const char *name, bool plural)
{
	if (role == INIT_JOIN)
		name_type(buffer, name);
	else if (plural)
		name_label_plural(buffer, name);
	else
		name_label(buffer, name);
}

static void init__make_name(const struct init_table *mapped, enum form form, struct buffer *buffer)
{
	bool schema = form == FORM_SCHEMA || form == FORM_SCHEMA_PLURAL || form == FORM_SCHEMA_NUMBERED;
	bool plural = form == FORM_PLURAL || form == FORM_SCHEMA_PLURAL;
	size_t size;

	if (form == FORM_EXACT || form == FORM_SCHEMA_EXACT) {
		if (form == FORM_SCHEMA_EXACT)
			buffer_printf(buffer, "%s.", mapped->table->schema);
		buffer_append_text(buffer, mapped->table->name);
		return;
	}
	if (schema) {
		init__append(buffer, mapped->role, mapped->table->schema, true);
		if (mapped->role == INIT_JOIN)
			buffer_append_byte(buffer, '_');
	}
	size = buffer->size;
	init__append(buffer, mapped->role, mapped->table->name, plural);
	/* Nothing but odd characters: the name as it is. */
	if (buffer->size == size)
		buffer_append_text(buffer, mapped->table->name);
}

/* The first form that is free. */
static void init__name_table(struct init *init, struct init_table *mapped, bool home)
{
	size_t count = home ? FORMS_HOME : FORMS_OTHER;
	struct buffer buffer;

	buffer_init(&buffer, NAME_SIZE_MAX);
	for (uint32_t attempt = 0; !mapped->name && !init->no_memory; attempt++) {
		size_t at = attempt < count ? attempt : count - 1;
		enum form form = home ? forms_home[at] : forms_other[at];
		const char *name;

		buffer_reset(&buffer);
		init__make_name(mapped, form, &buffer);
		if (attempt + 1 >= count)
			buffer_printf(&buffer, "_%u", attempt + 3 - (uint32_t)count);
		name = init__text(init, &buffer);
		if (*name && !name_is_reserved(name) && !init__is_taken(init, mapped->role, name) &&
		    !init__file_has(init->file, mapped->role, name))
			mapped->name = name;
	}
	buffer_free(&buffer);
}

/* Whose turn it is: those called as their label is, then the others of the connection's schema, then the rest. */
static int init__turn(const struct init *init, const struct init_table *mapped)
{
	const char *home = init->catalog->search_path_schema ? init->catalog->search_path_schema : "";

	if (strcmp(mapped->table->schema, home) != 0)
		return 2;
	return strcmp(mapped->table->name, mapped->label) == 0 ? 0 : 1;
}

void init__name_tables(struct init *init)
{
	for (int turn = 0; turn < 3; turn++)
		for (uint32_t i = 0; i < init->catalog->tables_count; i++) {
			struct init_table *mapped = &init->tables[i];

			if (mapped->role != INIT_LEFT_OUT && init__turn(init, mapped) == turn)
				init__name_table(init, mapped, turn < 2);
		}
}

static bool init__is_only_link(const struct init_table *mapped, const struct init_link *link)
{
	for (uint32_t i = 0; i < mapped->links_count; i++)
		if (&mapped->links[i] != link && !mapped->links[i].why && mapped->links[i].target == link->target)
			return false;
	return true;
}

/* Whether a column is in all the foreign keys to the same table: a tenant's, say. It tells none of them from the others. */
static bool init__is_shared(const struct init_table *mapped, const struct init_link *link, int16_t attnum)
{
	bool others = false;

	for (uint32_t i = 0; i < mapped->links_count; i++) {
		const struct init_link *other = &mapped->links[i];
		bool found = false;

		if (other == link || other->why || other->target != link->target)
			continue;
		others = true;
		for (uint32_t k = 0; k < other->foreign->attnums_count; k++)
			found = found || other->foreign->attnums[k] == attnum;
		if (!found)
			return false;
	}
	return others;
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

		if (!whole && foreign->attnums_count > 1 && init__is_shared(mapped, link, foreign->attnums[i]))
			continue;
		if (buffer->size)
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

/* Whether a relationship of this type would be another's: of a join table, of this node, or of the far node back to this one.
 */
static bool init__is_type_taken(const struct init *init, const struct init_table *mapped, const struct init_link *link,
                                const char *type)
{
	const struct mapping *file = init->file;

	if (init__is_taken(init, INIT_JOIN, type))
		return true;
	for (uint32_t i = 0; file && i < file->joins.count; i++)
		if (strcmp(file->joins.items[i].type.text, type) == 0)
			return true;
	if (mapped->node && init__links_have(&mapped->node->links, type))
		return true;
	if (link->target->node && init__links_have(&link->target->node->links, type))
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
		if (!init__is_type_taken(init, mapped, link, type))
			link->type = type;
	}
	buffer_free(&buffer);
}

void init__name_links(struct init *init, struct init_table *mapped)
{
	for (uint32_t l = 0; l < mapped->links_count; l++)
		if (!mapped->links[l].why && !mapped->links[l].kept)
			init__name_link(init, mapped, &mapped->links[l]);
}
