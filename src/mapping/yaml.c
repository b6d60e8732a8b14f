#include "mapping/yaml.h"

#include "mapping/text.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

/* Of one scalar; a block of text has no place in a mapping file. */
#define YAML_SCALAR_SIZE_MAX ((size_t)64 * 1024)
#define YAML_BRACKETS_MAX 256

struct builder {
	const struct source *source;
	struct diagnostics *diagnostics;
	struct arena *arena;
	struct yaml_node *root;
	struct yaml_node *open[MAPPING_DEPTH_MAX];
	struct yaml_node *keys[MAPPING_DEPTH_MAX]; /* read, its value not yet */
	uint32_t depth;
	uint32_t documents;
	int status;
};

bool yaml_is_null(const struct yaml_node *node)
{
	static const char *const nulls[] = {"", "~", "null", "Null", "NULL"};

	if (node->kind != YAML_SCALAR || !node->plain)
		return false;
	for (size_t i = 0; i < sizeof(nulls) / sizeof(nulls[0]); i++)
		if (strcmp(node->text, nulls[i]) == 0)
			return true;
	return false;
}

const char *yaml_kind_words(const struct yaml_node *node)
{
	if (node->kind == YAML_MAPPING)
		return "a map";
	if (node->kind == YAML_SEQUENCE)
		return "a list";
	return yaml_is_null(node) ? "nothing" : "text";
}

static struct place builder__place(struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;

	if (!mark)
		return (struct place){0, 0};
	return (struct place){(uint32_t)mark->line + 1, (uint32_t)mark->column + 1};
}

/* libfyaml's marks of a text in quotes leave the quotes out. */
static void builder__span(const struct builder *builder, struct fy_token *token, struct yaml_node *node)
{
	const struct fy_mark *start = token ? fy_token_start_mark(token) : NULL;
	const struct fy_mark *end = token ? fy_token_end_mark(token) : NULL;
	const struct source *source = builder->source;

	if (!start || !end || end->input_pos > source->size || start->input_pos > end->input_pos)
		return;
	node->start = start->input_pos;
	node->end = end->input_pos;
	if (node->kind != YAML_SCALAR || node->plain)
		return;
	if (node->start && strchr("'\"", source->text[node->start - 1]))
		node->start--;
	if (node->end < source->size && source->text[node->end] && strchr("'\"", source->text[node->end]))
		node->end++;
}

/* An empty value ends with the colon behind its key. */
static void builder__empty(const struct builder *builder, struct yaml_node *node, size_t at)
{
	const struct source *source = builder->source;
	size_t colon = at;

	while (colon < source->size && (source->text[colon] == ' ' || source->text[colon] == '\t'))
		colon++;
	if (colon < source->size && source->text[colon] == ':')
		at = colon + 1;
	node->start = node->end = at;
}

static void builder__fail(struct builder *builder, struct place place, const char *what, const char *expected)
{
	diagnostic_add(builder->diagnostics, builder->source, place, "%s", what);
	if (expected)
		diagnostic_expect(builder->diagnostics, "%s", expected);
	builder->status = ERR_CONFIG;
}

static struct yaml_node *builder__node(struct builder *builder, enum yaml_kind kind, struct fy_token *token)
{
	struct yaml_node *node = arena_calloc(builder->arena, 1, sizeof(*node));

	if (!node) {
		builder->status = ERR_NOMEM;
		return NULL;
	}
	node->kind = kind;
	node->place = builder__place(token);
	node->text = "";
	return node;
}

/* Hangs a finished scalar or a collection that begins under what is open. */
static void builder__attach(struct builder *builder, struct yaml_node *node)
{
	struct yaml_node *parent = builder->depth ? builder->open[builder->depth - 1] : NULL;
	struct yaml_node **key = builder->depth ? &builder->keys[builder->depth - 1] : NULL;

	if (!parent) {
		builder->root = node;
		return;
	}
	if (parent->kind == YAML_MAPPING && !*key) {
		if (node->kind != YAML_SCALAR)
			builder__fail(builder, node->place, "a list or a map cannot be a key", "a word, then a colon");
		*key = node;
		return;
	}
	if (parent->kind == YAML_MAPPING) {
		node->key = *key;
		*key = NULL;
		/* An empty value has no place of its own that a person would look at. */
		if (!node->place.line)
			node->place = node->key->place;
		if (!node->end)
			builder__empty(builder, node, node->key->end);
	}
	if (!node->end)
		node->start = node->end = parent->last ? parent->last->end : parent->start;
	if (parent->last)
		parent->last->next = node;
	else
		parent->first = node;
	parent->last = node;
	parent->count++;
}

/*
 * libfyaml 0.7.12 reads several doubled quotes in a row ('it''''s') wrongly, so such a text is read here: on one line, where
 * nothing but the quotes has to be undone. NULL when this is no such text; "" when it cannot be read, which has been said.
 */
static const char *builder__single_quoted(struct builder *builder, const struct yaml_node *node, size_t *ret_size)
{
	const char *at = builder->source->text + node->start + 1, *end = builder->source->text + node->end - 1;
	char *text;

	if (node->end < node->start + 2 || !memmem(at, (size_t)(end - at), "''''", 4))
		return NULL;
	if (memchr(at, '\n', (size_t)(end - at))) {
		builder__fail(builder, node->place, "several quotes in a row in a text over several lines",
		              "double quotes around it");
		*ret_size = 0;
		return "";
	}
	text = arena_alloc(builder->arena, (size_t)(end - at));
	*ret_size = 0;
	if (!text) {
		builder->status = ERR_NOMEM;
		return "";
	}
	for (; at < end; at++) {
		text[(*ret_size)++] = *at;
		at += *at == '\'';
	}
	return text;
}

static void builder__scalar(struct builder *builder, struct fy_event *event)
{
	struct fy_token *token = event->scalar.value;
	struct yaml_node *node = builder__node(builder, YAML_SCALAR, token);
	size_t size = 0;
	const char *text = NULL;

	if (!node)
		return;
	node->plain = !token || fy_token_scalar_style(token) == FYSS_PLAIN;
	builder__span(builder, token, node);
	if (token && fy_token_scalar_style(token) == FYSS_SINGLE_QUOTED)
		text = builder__single_quoted(builder, node, &size);
	/* libfyaml is not asked for the others: it leaks then */
	if (!text)
		text = token ? fy_token_get_text(token, &size) : "";
	if (!text) {
		builder->status = ERR_NOMEM;
		return;
	}
	if (size > YAML_SCALAR_SIZE_MAX) {
		builder__fail(builder, node->place, "this text is longer than 64 KiB", NULL);
		return;
	}
	if (memchr(text, 0, size) || text_utf8_check(text, size) != size) {
		builder__fail(builder, node->place, "this text has an escape for a character that cannot stand in a name",
		              "any Unicode character but NUL and lone surrogates");
		return;
	}
	node->text = arena_strndup(builder->arena, text, size);
	if (!node->text)
		builder->status = ERR_NOMEM;
	else
		builder__attach(builder, node);
}

static void builder__begin(struct builder *builder, enum yaml_kind kind, struct fy_token *token, bool flow)
{
	struct yaml_node *node = builder__node(builder, kind, token);

	if (!node)
		return;
	if (builder->depth == MAPPING_DEPTH_MAX) {
		builder__fail(builder, node->place, "lists and maps are nested too deep", "at most 32 levels");
		return;
	}
	node->flow = flow;
	builder__span(builder, token, node);
	builder__attach(builder, node);
	builder->keys[builder->depth] = NULL;
	builder->open[builder->depth++] = node;
}

static int builder__compare_keys(const void *a, const void *b)
{
	const struct yaml_node *first = *(const struct yaml_node *const *)a;
	const struct yaml_node *second = *(const struct yaml_node *const *)b;
	int order = strcmp(first->text, second->text);

	if (order == 0 && first->place.line != second->place.line)
		order = first->place.line < second->place.line ? -1 : 1;
	if (order == 0 && first->place.column != second->place.column)
		order = first->place.column < second->place.column ? -1 : 1;
	return order;
}

/* Sorted, so that a map of a hundred thousand keys costs no more than it has to. */
static void builder__check_duplicates(struct builder *builder, const struct yaml_node *mapping)
{
	struct arena_mark mark = arena_mark(builder->arena);
	const struct yaml_node **keys;
	uint32_t count = 0;

	if (mapping->count < 2)
		return;
	keys = arena_calloc(builder->arena, mapping->count, sizeof(const struct yaml_node *));
	if (!keys) {
		builder->status = ERR_NOMEM;
		return;
	}
	for (const struct yaml_node *child = mapping->first; child; child = child->next)
		keys[count++] = child->key;
	qsort(keys, count, sizeof(const struct yaml_node *), builder__compare_keys);
	for (uint32_t i = 1; i < count; i++) {
		if (strcmp(keys[i]->text, keys[i - 1]->text) != 0)
			continue;
		diagnostic_add(builder->diagnostics, builder->source, keys[i]->place, "\"%s\" is here twice; first on line %u",
		               keys[i]->text, keys[i - 1]->place.line);
		diagnostic_expect(builder->diagnostics, "each key once");
	}
	arena_rollback(builder->arena, mark);
}

static void builder__end(struct builder *builder, struct fy_token *token)
{
	const struct fy_mark *mark = token ? fy_token_end_mark(token) : NULL;
	struct yaml_node *node;

	if (!builder->depth)
		return;
	node = builder->open[--builder->depth];
	if (node->flow && mark && mark->input_pos <= builder->source->size)
		node->end = mark->input_pos;
	else if (node->last)
		node->end = node->last->end;
	if (node->kind == YAML_MAPPING)
		builder__check_duplicates(builder, node);
}

static void builder__refuse_extras(struct builder *builder, struct fy_token *anchor, struct fy_token *tag)
{
	if (anchor)
		builder__fail(builder, builder__place(anchor), "anchors (&name) are not taken here", "plain YAML");
	else if (tag)
		builder__fail(builder, builder__place(tag), "tags (!name) are not taken here", "plain YAML");
}

static void builder__event(struct builder *builder, struct fy_event *event)
{
	switch (event->type) {
	case FYET_DOCUMENT_START:
		if (builder->documents++)
			builder__fail(builder, builder__place(event->document_start.document_start),
			              "a second document begins here", "one document in the file");
		break;
	case FYET_ALIAS:
		builder__fail(builder, builder__place(event->alias.anchor), "aliases (*name) are not taken here",
		              "plain YAML; quote a text that begins with *");
		break;
	case FYET_SCALAR:
		builder__refuse_extras(builder, event->scalar.anchor, event->scalar.tag);
		if (!builder->status)
			builder__scalar(builder, event);
		break;
	case FYET_SEQUENCE_START:
		builder__refuse_extras(builder, event->sequence_start.anchor, event->sequence_start.tag);
		if (!builder->status)
			builder__begin(builder, YAML_SEQUENCE, event->sequence_start.sequence_start,
			               fy_event_get_node_style(event) == FYNS_FLOW);
		break;
	case FYET_MAPPING_START:
		builder__refuse_extras(builder, event->mapping_start.anchor, event->mapping_start.tag);
		if (!builder->status)
			builder__begin(builder, YAML_MAPPING, event->mapping_start.mapping_start,
			               fy_event_get_node_style(event) == FYNS_FLOW);
		break;
	case FYET_SEQUENCE_END:
		builder__end(builder, event->sequence_end.sequence_end);
		break;
	case FYET_MAPPING_END:
		builder__end(builder, event->mapping_end.mapping_end);
		break;
	default:
		break;
	}
}

/* libfyaml's own complaint about the syntax; the first one, the rest follows from it. */
static void builder__syntax_error(struct builder *builder, struct fy_diag *diag)
{
	void *iterator = NULL;
	const struct fy_diag_error *error = fy_diag_errors_iterate(diag, &iterator);
	struct place place = {0, 0};

	if (error && error->line > 0)
		place = (struct place){(uint32_t)error->line, error->column > 0 ? (uint32_t)error->column : 1};
	diagnostic_add(builder->diagnostics, builder->source, place, "this is not YAML: %s",
	               error && error->msg ? error->msg : "it cannot be read");
	builder->status = ERR_CONFIG;
}

static void builder__silence(struct fy_diag *diag, void *user, const char *text, size_t size)
{
	(void)diag;
	(void)user;
	(void)text;
	(void)size;
}

static void builder__run(struct builder *builder, struct fy_parser *parser, struct fy_diag *diag)
{
	bool ended = false;

	while (!builder->status && !ended) {
		struct fy_event *event = fy_parser_parse(parser);

		if (!event) {
			builder__syntax_error(builder, diag);
			return;
		}
		ended = event->type == FYET_STREAM_END;
		builder__event(builder, event);
		fy_parser_event_free(parser, event);
	}
}

/*
 * libfyaml looks ahead over a whole run of brackets before it yields the first event, so their depth is looked at beforehand.
 * Quotes and comments are skipped roughly, and the maximum is wide: this only has to stop a flood.
 */
static int yaml__check_brackets(const struct source *source, struct diagnostics *diagnostics)
{
	const char *end = source->text + source->size;
	const char *line = source->text;
	struct place place = {1, 1};
	char quote = 0, before = '\n';
	uint32_t depth = 0;

	for (const char *at = source->text; at < end; before = *at++) {
		bool starts_word = strchr(" \t\n\r[{,:", before) != NULL;

		if (*at == '\n') {
			place.line++;
			line = at + 1;
		} else if (quote) {
			if (quote == '"' && *at == '\\' && at + 1 < end && at[1] != '\n')
				at++;
			else if (*at == quote)
				quote = 0;
		} else if (*at == '#' && starts_word) {
			while (at + 1 < end && at[1] != '\n')
				at++;
		} else if ((*at == '"' || *at == '\'') && starts_word) {
			quote = *at;
		} else if (*at == ']' || *at == '}') {
			depth -= depth > 0;
		} else if ((*at == '[' || *at == '{') && ++depth > YAML_BRACKETS_MAX) {
			place.column = (uint32_t)text_utf8_length(line, (size_t)(at - line)) + 1;
			diagnostic_add(diagnostics, source, place, "lists and maps are nested too deep");
			diagnostic_expect(diagnostics, "at most %d levels", MAPPING_DEPTH_MAX);
			return ERR_CONFIG;
		}
	}
	return 0;
}

static struct place yaml__place(const struct source *source, size_t at)
{
	struct place place = {1, 1};
	const char *line = source->text;

	for (const char *byte = source->text; byte < source->text + at; byte++)
		if (*byte == '\n') {
			place.line++;
			line = byte + 1;
		}
	place.column = (uint32_t)text_utf8_length(line, (size_t)(source->text + at - line)) + 1;
	return place;
}

/* YAML has it end a line; no editor of today does, and `init --update` would put lines in the wrong place. */
static int yaml__check_returns(const struct source *source, struct diagnostics *diagnostics)
{
	for (size_t at = 0; at < source->size; at++)
		if (source->text[at] == '\r' && (at + 1 == source->size || source->text[at + 1] != '\n')) {
			diagnostic_add(diagnostics, source, yaml__place(source, at), "a carriage return stands by itself");
			diagnostic_expect(diagnostics, "lines that end with a newline");
			return ERR_CONFIG;
		}
	return 0;
}

/* What can be said before any parser looks at the text. */
static int yaml__check_bytes(const struct source *source, struct diagnostics *diagnostics)
{
	size_t at = text_utf8_check(source->text, source->size);
	const char *nul = memchr(source->text, 0, source->size);

	if (source->size >= 2 && (memcmp(source->text, "\xff\xfe", 2) == 0 || memcmp(source->text, "\xfe\xff", 2) == 0)) {
		diagnostic_add(diagnostics, source, (struct place){1, 1}, "the file is in UTF-16");
		diagnostic_expect(diagnostics, "UTF-8");
		return ERR_CONFIG;
	}
	if (nul && (size_t)(nul - source->text) < at)
		at = (size_t)(nul - source->text);
	if (at == source->size)
		return yaml__check_returns(source, diagnostics);
	diagnostic_add(diagnostics, source, yaml__place(source, at), "byte 0x%02x is not part of any UTF-8 text",
	               (uint8_t)source->text[at]);
	diagnostic_expect(diagnostics, "UTF-8");
	return ERR_CONFIG;
}

const struct yaml_node *yaml_read(const struct source *source, struct arena *arena, struct diagnostics *diagnostics,
                                  int *ret_status)
{
	struct builder builder = {.source = source, .diagnostics = diagnostics, .arena = arena};
	struct fy_diag_cfg diag_cfg = {.output_fn = builder__silence, .level = FYET_ERROR, .module_mask = ~0u};
	struct fy_parse_cfg parse_cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_DEFAULT_VERSION_1_2};
	struct fy_diag *diag = NULL;
	struct fy_parser *parser = NULL;

	*ret_status = yaml__check_bytes(source, diagnostics);
	if (!*ret_status)
		*ret_status = yaml__check_brackets(source, diagnostics);
	if (*ret_status)
		return NULL;
	builder.status = ERR_NOMEM;
	diag = fy_diag_create(&diag_cfg);
	if (!diag)
		goto out;
	fy_diag_set_collect_errors(diag, true);
	parse_cfg.diag = diag;
	parser = fy_parser_create(&parse_cfg);
	if (!parser || fy_parser_set_string(parser, source->text, source->size) != 0)
		goto out;
	builder.status = 0;
	builder__run(&builder, parser, diag);
out:
	if (parser)
		fy_parser_destroy(parser);
	if (diag)
		fy_diag_destroy(diag);
	*ret_status = builder.status;
	return builder.status ? NULL : builder.root;
}
