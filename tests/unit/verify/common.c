#include "common.h"

#include <stdlib.h>
#include <string.h>

#define TEXT                                                                                                                   \
	{                                                                                                                      \
		.kind = TYPE_TEXT                                                                                              \
	}
#define INT                                                                                                                    \
	{                                                                                                                      \
		.kind = TYPE_INT                                                                                               \
	}

static const struct plan_column package_columns[] = {
        {.name = "name", .type_name = "text", .type = TEXT, .not_null = true},
        {.name = "size", .type_name = "bigint", .type = INT},
        {.name = "summary", .type_name = "text", .type = TEXT},
        {.name = "section", .type_name = "text", .type = TEXT},
        {.name = "tags", .type_name = "text[]", .type = {.kind = TYPE_TEXT, .array = true}},
};
static const struct plan_column dependency_columns[] = {
        {.name = "id", .type_name = "bigint", .type = INT, .not_null = true},
        {.name = "package", .type_name = "text", .type = TEXT, .not_null = true},
        {.name = "target", .type_name = "text", .type = TEXT, .not_null = true},
        {.name = "kind", .type_name = "text", .type = TEXT},
};
static const struct plan_column section_columns[] = {
        {.name = "name", .type_name = "text", .type = TEXT, .not_null = true},
};
static const char *const labels_more[] = {"Thing"};
static const struct plan_property package_key[] = {{"name", 0, TEXT}};
static const struct plan_property package_properties[] = {{"size", 1, INT}, {"summary", 2, TEXT}};
static const struct plan_property section_key[] = {{"name", 0, TEXT}};
static const struct plan_property tag_key[] = {{"name", 0, TEXT}};
static const struct plan_property place[] = {{"at", 4, INT}};
static const struct plan_property dependency_key[] = {{"id", 0, INT}};
static const struct plan_property dependency_properties[] = {{"kind", 3, TEXT}};
static const uint32_t column_0[] = {0}, column_1[] = {1}, column_2[] = {2}, column_3[] = {3}, column_4[] = {4};

static const struct plan_node nodes[] = {
        {
                .index = 0,
                .table = 0,
                .label = "Package",
                .labels_more = labels_more,
                .labels_more_count = 1,
                .key = package_key,
                .key_count = 1,
                .properties = package_properties,
                .properties_count = 2,
                .may_be_placeholder = true,
        },
        {.index = 1, .table = 2, .label = "Section", .key = section_key, .key_count = 1},
        {.index = 2,
         .table = PLAN_TABLE_NONE,
         .label = "Tag",
         .labels_more = labels_more,
         .labels_more_count = 1,
         .key = tag_key,
         .key_count = 1},
};
static const struct plan_edge depends_on = {
        .index = 0,
        .kind = PLAN_EDGE_JOIN_KEYED,
        .table = 1,
        .type = "DEPENDS_ON",
        .from = {.node = 0, .by = package_key, .by_count = 1, .by_key = true, .columns = column_1, .enforced = true},
        .to = {.node = 0, .by = package_key, .by_count = 1, .by_key = true, .columns = column_2},
        .key = dependency_key,
        .key_count = 1,
        .properties = dependency_properties,
        .properties_count = 1,
        .words = "Package DEPENDS_ON Package",
};
static const struct plan_edge in_section = {
        .index = 1,
        .kind = PLAN_EDGE_FOREIGN_KEY,
        .table = 0,
        .type = "CONTAINS",
        .from = {.node = 1, .by = section_key, .by_count = 1, .by_key = true, .columns = column_3, .enforced = true},
        .to = {.node = 0, .by = package_key, .by_count = 1, .by_key = true, .columns = column_0, .enforced = true},
        .words = "Section CONTAINS Package by section",
};
static const struct plan_edge tagged = {
        .index = 2,
        .kind = PLAN_EDGE_FOREIGN_KEY,
        .table = 0,
        .type = "TAGGED",
        .from = {.node = 0, .by = package_key, .by_count = 1, .by_key = true, .columns = column_0, .enforced = true},
        .to = {.node = 2, .by = tag_key, .by_count = 1, .by_key = true, .columns = column_4},
        .owner_is_from = true,
        .each = true,
        .words = "Package TAGGED Tag by each of tags",
};
static const struct plan_edge placed = {
        .index = 3,
        .kind = PLAN_EDGE_FOREIGN_KEY,
        .table = 0,
        .type = "AT",
        .from = {.node = 2, .by = tag_key, .by_count = 1, .by_key = true, .columns = column_4},
        .to = {.node = 0, .by = package_key, .by_count = 1, .by_key = true, .columns = column_0, .enforced = true},
        .each = true,
        .key = place,
        .key_count = 1,
        .words = "Tag AT Package by each of tags of Package",
};
static const struct plan_edge *const edges[] = {&depends_on, &in_section, &tagged, &placed};
static const struct plan_edge *const package_edges[] = {&in_section, &tagged, &placed};
static const struct plan_edge *const dependency_edges[] = {&depends_on};
static const struct plan_table tables[] = {
        {.index = 0,
         .schema = "public",
         .name = "packages",
         .columns = package_columns,
         .columns_count = 5,
         .key_count = 1,
         .node = &nodes[0],
         .edges = package_edges,
         .edges_count = 3},
        {.index = 1,
         .schema = "public",
         .name = "de\"ps",
         .columns = dependency_columns,
         .columns_count = 4,
         .key_count = 1,
         .edges = dependency_edges,
         .edges_count = 1},
        {.index = 2,
         .schema = "other",
         .name = "sections",
         .partitioned = true,
         .columns = section_columns,
         .columns_count = 1,
         .key_count = 1,
         .node = &nodes[1]},
};

const struct plan common_plan = {
        .pipeline = "test",
        .tables = tables,
        .tables_count = 3,
        .nodes = nodes,
        .nodes_count = 2,
        .edges = edges,
        .edges_count = 2,
};

static void told__values(struct buffer *text, const struct value *values, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		buffer_append_text(text, i ? "," : "");
		value_print(text, &values[i], 100);
	}
}

static int told__difference(void *user, uint32_t ordinal, const struct verify_difference *difference)
{
	struct common_told *told = user;
	struct buffer *text = &told->text;

	buffer_printf(text, "%s ", verify_kind_name(difference->kind));
	if (ordinal)
		buffer_printf(text, "#%u ", ordinal);
	if (difference->edge) {
		told__values(text, difference->from, difference->from_count);
		buffer_append_text(text, "->");
		told__values(text, difference->to, difference->to_count);
		buffer_append_text(text, " ");
	}
	told__values(text, difference->key, difference->node ? difference->node->key_count : difference->edge->key_count);
	if (difference->property)
		buffer_printf(text, " %s", difference->property);
	if (difference->expected) {
		buffer_append_text(text, " ");
		value_print(text, difference->expected, 100);
		buffer_append_text(text, " ");
		value_print(text, difference->actual, 100);
	}
	if (difference->note)
		buffer_printf(text, " (%s)", verify_note_text(difference->note));
	buffer_append_text(text, "\n");
	return ++told->count == told->stop_at;
}

void common_told_init(struct common_told *told, struct verify_sink *sink)
{
	*told = (struct common_told){0};
	buffer_init(&told->text, 1024 * 1024);
	*sink = (struct verify_sink){.on_difference = told__difference, .user = told};
}

static void push__field(struct verify_stream *stream, struct verify_record *record, uint32_t i, const char *word, size_t size)
{
	const struct type *type = &stream->shape->fields[i].type;
	struct value *value = &record->values[i];
	struct error error;
	char *copy = arena_strndup(verify_stream_arena(stream), word, size);

	if (!copy)
		abort();
	if (*copy == '!')
		record->odd = true;
	if (*copy == '?')
		record->marks[i] = strcmp(stream->side, "Neo4j") == 0 ? VERIFY_MARK_FOREIGN : VERIFY_MARK_UNREADABLE;
	if (strchr("-!?", *copy))
		*value = (struct value){.kind = VALUE_NULL};
	else if (value_from_text(type, copy, size, verify_stream_arena(stream), value, &error) < 0)
		abort();
}

void common_push(struct verify_stream *stream, uint32_t ordinal, const char *fields, const char *flags)
{
	struct verify_record *record = verify_stream_new(stream);

	if (!record)
		abort();
	record->ordinal = ordinal;
	for (uint32_t i = 0; i < stream->shape->fields_count; i++) {
		size_t size = strcspn(fields, " ");

		push__field(stream, record, i, fields, size);
		fields += size + (fields[size] == ' ');
	}
	for (; *flags; flags++)
		record->flags[*flags == 'p'   ? VERIFY_FLAG_PLACEHOLDER
		              : *flags == 'c' ? VERIFY_FLAG_CONNECTED
		              : *flags == 'm' ? (enum verify_flag)stream->shape->marked_at
		                              : VERIFY_FLAG_LABELS] = true;
	verify_stream_push(stream, record);
}
