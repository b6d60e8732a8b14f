#include "mapping/expand.h"
#include "mapping/name.h"
#include "mapping/options.h"
#include "mapping/text.h"
#include "mapping/tree.h"
#include "mapping/yaml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX 64
#define VALUES_MAX 256
#define PATH_STEPS_MAX 32
#define SCALE_DIGITS_MAX 18

struct parser {
	struct mapping *mapping;
	const struct source *source;
	const struct mapping_environment *environment;
	struct diagnostics *diagnostics;
	struct place sections[CONTEXTS_COUNT]; /* where each begins */
	bool no_memory;
};

/* Reads one value into the field `at`. */
typedef void parser_reader(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node, void *at);

static void parser__keys(struct parser *parser, enum mapping_context context, const struct yaml_node *node, struct place owner,
                         void *base);

static void *parser__calloc(struct parser *parser, size_t count, size_t size)
{
	void *memory = arena_calloc(&parser->mapping->arena, count ? count : 1, size);

	if (!memory)
		parser->no_memory = true;
	return memory;
}

/* Nothing more can be said, or kept. */
static bool parser__is_done(const struct parser *parser)
{
	return parser->no_memory || parser->diagnostics->more;
}

static void parser__print_number(const struct mapping_option *option, uint64_t number, struct buffer *buffer)
{
	static const char *const units[] = {"", "KiB", "MiB", "GiB", "TiB"};
	size_t unit = 0;

	if (option->kind == KIND_SIZE)
		for (; unit < 4 && number && number % 1024 == 0; unit++)
			number /= 1024;
	buffer_printf(buffer, "%llu%s", (unsigned long long)number, units[unit]);
}

/* "a whole number from 1 to 16" */
static void parser__print_expected(const struct mapping_option *option, struct buffer *buffer)
{
	buffer_append_text(buffer, mapping_kind_what(option->kind));
	if (option->kind == KIND_INTEGER || option->kind == KIND_SIZE) {
		buffer_append_text(buffer, " from ");
		parser__print_number(option, option->least, buffer);
		buffer_append_text(buffer, " to ");
		parser__print_number(option, option->most, buffer);
	} else if (option->most && option->kind != KIND_VERSION) {
		buffer_printf(buffer, ", at most %llu bytes", (unsigned long long)option->most);
	}
}

static void parser__expect_option(struct parser *parser, const struct mapping_option *option)
{
	struct buffer buffer;

	buffer_init(&buffer, 512);
	parser__print_expected(option, &buffer);
	diagnostic_expect(parser->diagnostics, "%s", buffer_text(&buffer));
	buffer_free(&buffer);
}

/* "workers" is a list */
static void parser__wrong_kind(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node)
{
	diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" is %s", option->name, yaml_kind_words(node));
	parser__expect_option(parser, option);
}

/* The text as the file has it: what a variable holds may be a secret. */
static void parser__wrong_value(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node)
{
	diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" cannot be \"%.200s\"", option->name,
	               node->text);
	parser__expect_option(parser, option);
}

/* A scalar's text with its variables filled in; NULL when something is wrong with it, which has been said. */
static const char *parser__text(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node)
{
	uint32_t before = parser->diagnostics->count;
	const char *text;

	if (node->kind != YAML_SCALAR || yaml_is_null(node)) {
		parser__wrong_kind(parser, option, node);
		return NULL;
	}
	text = expand_text(node->text, parser->environment, &parser->mapping->arena, parser->source, node->place,
	                   parser->diagnostics);
	if (!text && parser->diagnostics->count == before && !parser->diagnostics->more)
		parser->no_memory = true;
	return text;
}

static bool parser__check_size(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               const char *text)
{
	size_t size = strlen(text);

	if (size >= option->least && (!option->most || size <= option->most))
		return true;
	/* The text is not repeated: it may be a password. */
	diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" is %s", option->name,
	               size ? "too long" : "empty");
	parser__expect_option(parser, option);
	return false;
}

static void parser__read_plain(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               void *at)
{
	const char *text = parser__text(parser, option, node);

	if (text && parser__check_size(parser, option, node, text))
		*(const char **)at = text;
}

/* {file: path} */
static void parser__read_secret(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                const char **ret_text)
{
	struct error error = {0};
	const char *path = NULL;
	struct buffer buffer;

	parser__keys(parser, CONTEXT_SECRET, node, node->place, &path);
	if (!path)
		return;
	buffer_init(&buffer, EXPAND_SIZE_MAX);
	if (!parser->environment || !parser->environment->file) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "files cannot be read here");
	} else if (parser->environment->file(parser->environment->user, path, &buffer, &error) != 0) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\": %s", option->name, error.text);
	} else if (buffer.failed || text_utf8_check(buffer.data, buffer.size) != buffer.size ||
	           (buffer.size && memchr(buffer.data, 0, buffer.size))) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\": %s is not one text", option->name,
		               path);
		diagnostic_expect(parser->diagnostics, "UTF-8 of at most 64 KiB");
	} else {
		const char *text = arena_strndup(&parser->mapping->arena, buffer.data ? buffer.data : "", buffer.size);

		if (!text)
			parser->no_memory = true;
		else if (parser__check_size(parser, option, node, text))
			*ret_text = text;
	}
	if (buffer.data)
		explicit_bzero(buffer.data, buffer.size);
	buffer_free(&buffer);
}

static void parser__read_string(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                void *at)
{
	if (node->kind == YAML_MAPPING)
		parser__read_secret(parser, option, node, at);
	else
		parser__read_plain(parser, option, node, at);
}

/* PIPELINE and SLOT: what PostgreSQL takes as the name of a slot. */
static void parser__read_identifier(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                    void *at)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789_";
	const char *text = parser__text(parser, option, node);

	if (!text || !parser__check_size(parser, option, node, text))
		return;
	if (strspn(text, allowed) != strlen(text) || (option->kind == KIND_PIPELINE && (*text < 'a' || *text > 'z')))
		parser__wrong_value(parser, option, node);
	else
		*(const char **)at = text;
}

static void parser__read_boolean(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                 void *at)
{
	const char *text = parser__text(parser, option, node);

	if (!text)
		return;
	if (strcmp(text, "true") == 0)
		*(bool *)at = true;
	else if (strcmp(text, "false") == 0)
		*(bool *)at = false;
	else
		parser__wrong_value(parser, option, node);
}

/* Digits and, for sizes, a unit. False when it is not that or out of the option's range. */
static bool parser__number(const struct mapping_option *option, const char *text, uint64_t *ret_number)
{
	static const struct {
		const char *name;
		uint64_t factor;
	} units[] = {
	        {"", 1},
	        {"B", 1},
	        {"kB", 1000},
	        {"MB", 1000000},
	        {"GB", 1000000000},
	        {"TB", 1000000000000},
	        {"KiB", (uint64_t)1 << 10},
	        {"MiB", (uint64_t)1 << 20},
	        {"GiB", (uint64_t)1 << 30},
	        {"TiB", (uint64_t)1 << 40},
	};
	char *end;
	uint64_t number;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno)
		return false;
	while (option->kind == KIND_SIZE && *end == ' ')
		end++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(units[i].name, end) != 0 || (units[i].factor != 1 && option->kind != KIND_SIZE))
			continue;
		return !__builtin_mul_overflow(number, units[i].factor, ret_number) && *ret_number >= option->least &&
		       *ret_number <= option->most;
	}
	return false;
}

static void parser__read_number(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                void *at)
{
	const char *text = parser__text(parser, option, node);
	uint64_t number;

	if (!text)
		return;
	if (!parser__number(option, text, &number))
		parser__wrong_value(parser, option, node);
	else if (option->kind == KIND_SIZE)
		*(uint64_t *)at = number;
	else
		*(uint32_t *)at = (uint32_t)number;
}

static void parser__read_section(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                 void *at)
{
	(void)at;
	if (node->kind != YAML_MAPPING)
		parser__wrong_kind(parser, option, node);
	else
		parser__keys(parser, option->section, node, node->key->place,
		             option->section == CONTEXT_TENANT ? (void *)&parser->mapping->tenant
		                                               : (void *)&parser->mapping->settings);
	parser->sections[option->section] = node->key->place;
}

/* A label, a type or a property's name. */
static bool parser__check_name(struct parser *parser, const char *what, const char *text, struct place place)
{
	size_t size = strlen(text);

	if (!size || size > MAPPING_NAME_SIZE_MAX) {
		diagnostic_add(parser->diagnostics, parser->source, place, "the %s is %s", what, size ? "too long" : "empty");
		diagnostic_expect(parser->diagnostics, "1 to %d bytes", MAPPING_NAME_SIZE_MAX);
		return false;
	}
	if (name_is_reserved(text)) {
		diagnostic_add(parser->diagnostics, parser->source, place, "the %s \"%s\" is reserved", what, text);
		diagnostic_expect(parser->diagnostics, "a name that does not begin with " NAME_RESERVED_PREFIX);
		return false;
	}
	return true;
}

static void parser__read_name(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                              void *at)
{
	const char *text = parser__text(parser, option, node);

	if (text && parser__check_name(parser, "property", text, node->place))
		*(struct word *)at = (struct word){text, node->place};
}

static void parser__read_label(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               void *at)
{
	const char *text = parser__text(parser, option, node);

	if (text && parser__check_name(parser, "label", text, node->place))
		*(struct word *)at = (struct word){text, node->place};
}

static bool parser__word(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                         struct word *ret_word)
{
	const char *text = parser__text(parser, option, node);

	if (!text)
		return false;
	if (!*text) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" is empty", option->name);
		parser__expect_option(parser, option);
		return false;
	}
	*ret_word = (struct word){text, node->place};
	return true;
}

/* COLUMN as a word: {column: name} of a property. */
static void parser__read_word(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                              void *at)
{
	(void)parser__word(parser, option, node, at);
}

/* One word or a list of words. */
static void parser__read_words(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               void *at)
{
	bool is_list = node->kind == YAML_SEQUENCE;
	bool is_label = option->kind == KIND_LABELS;
	const struct yaml_node *item = is_list ? node->first : node;
	uint32_t count = is_list ? node->count : 1;
	struct words *words = at;

	words->name = (struct word){option->name, node->place};
	if (count > (is_label ? LABELS_MAX : PLAN_COLUMNS_MAX) || (is_list && !count && strcmp(option->name, "except") != 0)) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" is a list of %u", option->name, count);
		diagnostic_expect(parser->diagnostics, "1 to %d of them", is_label ? LABELS_MAX : PLAN_COLUMNS_MAX);
		return;
	}
	words->items = parser__calloc(parser, count, sizeof(*words->items));
	for (; item && words->items && words->count < count; item = is_list ? item->next : NULL) {
		struct word *word = &words->items[words->count];

		if (is_label && item->kind == YAML_MAPPING) /* a column chooses it */
			continue;
		if (!parser__word(parser, option, item, word))
			continue;
		if (is_label && !parser__check_name(parser, "label", word->text, word->place))
			continue;
		for (uint32_t i = 0; i < words->count; i++)
			if (strcmp(words->items[i].text, word->text) == 0) {
				diagnostic_add(parser->diagnostics, parser->source, word->place, "\"%s\" is twice in this list",
				               word->text);
				diagnostic_expect(parser->diagnostics, "each once");
			}
		words->count++;
		if (parser__is_done(parser))
			return;
	}
}

/* {value: name, ...} */
static void parser__read_values(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                void *at)
{
	struct mapping_chooser *chooser = at;

	if (node->kind != YAML_MAPPING) {
		parser__wrong_kind(parser, option, node);
		return;
	}
	if (!node->count || node->count > VALUES_MAX) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" has %u entries", option->name,
		               node->count);
		diagnostic_expect(parser->diagnostics, "1 to %d", VALUES_MAX);
		return;
	}
	chooser->values = parser__calloc(parser, node->count, sizeof(*chooser->values));
	for (const struct yaml_node *child = node->first; child && chooser->values && !parser__is_done(parser);
	     child = child->next) {
		struct mapping_value *value = &chooser->values[chooser->values_count];

		if (!parser__word(parser, option, child, &value->name) ||
		    !parser__check_name(parser, "name", value->name.text, value->name.place))
			continue;
		value->value = (struct word){child->key->text, child->key->place};
		chooser->values_count++;
	}
}

static void parser__read_chooser(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                 void *at)
{
	struct mapping_chooser *chooser = at;

	if (node->kind != YAML_MAPPING) {
		parser__wrong_kind(parser, option, node);
		return;
	}
	chooser->name = (struct word){option->name, node->place};
	parser__keys(parser, CONTEXT_CHOOSER, node, node->place, chooser);
}

/* Labels as they stand, and those that a column chooses, each for itself or in one list. */
static void parser__read_labels(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                void *at)
{
	struct mapping_node *mapped = at;
	bool is_list = node->kind == YAML_SEQUENCE;

	mapped->choosers = parser__calloc(parser, is_list ? node->count : 1, sizeof(*mapped->choosers));
	for (const struct yaml_node *item = is_list ? node->first : node; item && mapped->choosers;
	     item = is_list ? item->next : NULL)
		if (item->kind == YAML_MAPPING)
			parser__read_chooser(parser, option, item, &mapped->choosers[mapped->choosers_count++]);
	if (node->kind != YAML_MAPPING)
		parser__read_words(parser, option, node, &mapped->labels);
}

/* `column: name` of a relationship is `columns: [name]`. */
static void parser__read_column(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                void *at)
{
	if (node->kind == YAML_SCALAR)
		parser__read_words(parser, option, node, at);
	else
		parser__wrong_kind(parser, option, node);
}

static void parser__read_table(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               void *at)
{
	const char *text = parser__text(parser, option, node);
	struct table_name *table = at;
	const char *schema, *name;

	if (!text)
		return;
	if (!name_table_read(text, &parser->mapping->arena, &schema, &name)) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "this is not the name of a table");
		diagnostic_expect(parser->diagnostics,
		                  "name or schema.name; a part with a dot or a quote in it in double quotes: '\"odd.name\"'");
		return;
	}
	if (schema)
		table->schema = (struct word){schema, node->place};
	table->name = (struct word){name, node->place};
}

/* A column's name, or {table: name}. */
static void parser__read_element_id(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                    void *at)
{
	struct mapping_element_id *element_id = at;

	element_id->name = (struct word){option->name, node->place};
	if (node->kind == YAML_MAPPING)
		parser__keys(parser, CONTEXT_ELEMENT_ID, node, node->place, element_id);
	else
		(void)parser__word(parser, option, node, &element_id->column);
}

/* CONDITION: its text; what it means is said against the catalogue. */
static void parser__read_condition(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                   void *at)
{
	const char *text = parser__text(parser, option, node);

	if (text && parser__check_size(parser, option, node, text))
		*(struct word *)at = (struct word){text, node->place};
}

/* true, false, or the names of the three properties */
static void parser__read_history(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                 void *at)
{
	struct mapping_history *history = at;
	bool keeps = true;

	*history = (struct mapping_history){
	        .name = {option->name, node->place},
	        .from = {"validFrom", node->place},
	        .to = {"validTo", node->place},
	        .version = {"version", node->place},
	};
	if (node->kind == YAML_MAPPING)
		parser__keys(parser, CONTEXT_HISTORY, node, node->place, history);
	else
		parser__read_boolean(parser, option, node, &keeps);
	if (!keeps)
		*history = (struct mapping_history){0};
}

/* The lists of the kinds that are a choice. */
static const char *const *parser__choices(enum mapping_kind kind)
{
	static const char *const as[] = {"text", "float", "integer", NULL};
	static const char *const letters[] = {"lower", "upper", NULL};
	static const char *const epochs[] = {"seconds", "milliseconds", "microseconds", NULL};
	static const char *const following[] = {"follow", "stop", NULL};
	static const char *const missing[] = {"stop", "leave_out", NULL};
	static const char *const unused[] = {"remove", "keep", NULL};

	switch (kind) {
	case KIND_UNUSED:
		return unused;
	case KIND_AS:
		return as;
	case KIND_LETTERS:
		return letters;
	case KIND_FOLLOWING:
		return following;
	case KIND_MISSING:
		return missing;
	case KIND_DELETION:
		return plan_on_delete_names;
	case KIND_MISSING_END:
		return plan_missing_names;
	default:
		return epochs;
	}
}

static void parser__read_choice(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                void *at)
{
	const char *text = parser__text(parser, option, node);
	const char *const *choices = parser__choices(option->kind);

	if (!text)
		return;
	for (uint32_t i = 0; choices[i]; i++)
		if (strcmp(choices[i], text) == 0) {
			*(struct choice *)at = (struct choice){.word = {choices[i], node->place}, .index = i};
			return;
		}
	parser__wrong_value(parser, option, node);
}

/* A setting that is a choice: an enum, in the order of its words. */
static void parser__read_setting(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                 void *at)
{
	struct choice choice = {0};

	parser__read_choice(parser, option, node, &choice);
	*(unsigned int *)at = choice.index;
}

/* [-]digits[.digits], not 0, of at most 18 digits */
static bool parser__decimal(const char *text, struct decimal *decimal)
{
	bool minus = *text == '-', point = false;
	uint32_t digits = 0;

	for (text += minus; *text; text++) {
		if (*text == '.' && !point && digits && text[1]) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' || ++digits > SCALE_DIGITS_MAX)
			return false;
		decimal->mantissa = decimal->mantissa * 10 + (*text - '0');
		decimal->decimals += point;
	}
	if (minus)
		decimal->mantissa = -decimal->mantissa;
	return decimal->mantissa != 0;
}

static void parser__read_decimal(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                 void *at)
{
	const char *text = parser__text(parser, option, node);
	struct decimal decimal = {.word = {text, node->place}};

	if (!text)
		return;
	if (parser__decimal(text, &decimal))
		*(struct decimal *)at = decimal;
	else
		parser__wrong_value(parser, option, node);
}

/* "a.b.0", or a list of its steps where one has a dot in it */
static void parser__read_path(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                              void *at)
{
	bool is_list = node->kind == YAML_SEQUENCE;
	const char *text = is_list ? NULL : parser__text(parser, option, node);
	const struct yaml_node *item = is_list ? node->first : NULL;
	struct words *words = at;

	if (!is_list && !text)
		return;
	if (is_list && !item) {
		parser__wrong_kind(parser, option, node);
		return;
	}
	words->name = (struct word){option->name, node->place};
	words->items = parser__calloc(parser, PATH_STEPS_MAX, sizeof(*words->items));
	while (words->items && (text || item)) {
		struct word *word = &words->items[words->count];
		size_t size = text ? strcspn(text, ".") : 0;

		if (words->count++ == PATH_STEPS_MAX || (text && !size)) {
			diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" has %s", option->name,
			               text && !size ? "an empty step" : "too many steps");
			diagnostic_expect(parser->diagnostics, "1 to %d steps with dots between them, or a list of them",
			                  PATH_STEPS_MAX);
			return;
		}
		if (item && !parser__word(parser, option, item, word))
			return;
		if (text)
			*word = (struct word){arena_strndup(&parser->mapping->arena, text, size), node->place};
		parser->no_memory |= !word->text;
		text = text && text[size] ? text + size + 1 : NULL;
		item = item ? item->next : NULL;
	}
}

/* A property comes from one column, from several, or from none: from a constant. */
static void parser__check_concat(struct parser *parser, const struct mapping_property *property)
{
	const char *beside = NULL;

	if (!property->concat.name.text) {
		if (!property->separator)
			return;
		diagnostic_add(parser->diagnostics, parser->source, property->name.place,
		               "\"separator\" of \"%s\" without \"concat\"", property->name.text);
		diagnostic_expect(parser->diagnostics, "it only beside \"concat\"");
		return;
	}
	if (property->column.text != property->name.text)
		beside = "column";
	else if (property->constant)
		beside = "value";
	else if (property->path.name.text)
		beside = "path";
	else if (property->as.word.text)
		beside = "as";
	if (!beside)
		return;
	diagnostic_add(parser->diagnostics, parser->source, property->concat.name.place, "\"concat\" of \"%s\" beside \"%s\"",
	               property->name.text, beside);
	diagnostic_expect(parser->diagnostics, "one of them: several columns make a text");
}

/* One entry of the list form, or of the map form. */
static void parser__read_property(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                  struct mapping_property *property)
{
	if (!node->key) {
		if (!parser__word(parser, option, node, &property->name))
			return;
		property->column = property->name;
		(void)parser__check_name(parser, "property", property->name.text, node->place);
		return;
	}
	property->name = (struct word){node->key->text, node->key->place};
	property->column = property->name;
	if (!parser__check_name(parser, "property", property->name.text, property->name.place))
		return;
	if (node->kind == YAML_MAPPING) {
		parser__keys(parser, CONTEXT_PROPERTY, node, node->key->place, property);
		parser__check_concat(parser, property);
	} else if (node->kind == YAML_SEQUENCE) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "the property \"%s\" is a list",
		               property->name.text);
		diagnostic_expect(parser->diagnostics, "a column, or a map: {column: name, as: text}");
	} else if (!yaml_is_null(node)) {
		(void)parser__word(parser, option, node, &property->column);
	}
}

static void parser__read_properties(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                    void *at)
{
	struct mapping_properties *properties = at;

	if (node->kind == YAML_SCALAR) {
		parser__wrong_kind(parser, option, node);
		return;
	}
	properties->name = (struct word){option->name, node->place};
	if (node->count > PLAN_COLUMNS_MAX) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" has %u entries", option->name,
		               node->count);
		diagnostic_expect(parser->diagnostics, "at most %d", PLAN_COLUMNS_MAX);
		return;
	}
	properties->items = parser__calloc(parser, node->count, sizeof(*properties->items));
	for (const struct yaml_node *child = node->first; child && properties->items; child = child->next) {
		struct mapping_property *property = &properties->items[properties->count++];

		parser__read_property(parser, option, child, property);
		for (uint32_t i = 0; property->name.text && i + 1 < properties->count; i++)
			if (properties->items[i].name.text &&
			    strcmp(properties->items[i].name.text, property->name.text) == 0) {
				diagnostic_add(parser->diagnostics, parser->source, property->name.place,
				               "the property \"%s\" is twice in this list", property->name.text);
				diagnostic_expect(parser->diagnostics, "each once");
			}
		if (parser__is_done(parser))
			return;
	}
}

/* {Label: column} */
static void parser__read_end(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node, void *at)
{
	struct mapping_end *end = at;

	if (node->kind != YAML_MAPPING) {
		parser__wrong_kind(parser, option, node);
		return;
	}
	if (node->count != 1) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" names %u labels", option->name,
		               node->count);
		parser__expect_option(parser, option);
		return;
	}
	if (!parser__check_name(parser, "label", node->first->key->text, node->first->key->place))
		return;
	end->label = (struct word){node->first->key->text, node->first->key->place};
	parser__read_words(parser, option, node->first, &end->columns);
}

/*
 * Entries that are maps, or lists of maps where one name is used more than once: how many there are. The bound is checked
 * before anything is allocated.
 */
static uint32_t parser__count_entries(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                                      uint32_t most)
{
	uint64_t count = 0;

	if (node->kind != YAML_MAPPING) {
		parser__wrong_kind(parser, option, node);
		return 0;
	}
	for (const struct yaml_node *child = node->first; child; child = child->next)
		count += child->kind == YAML_SEQUENCE ? child->count : 1;
	if (count > most) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "\"%s\" has more than %u entries",
		               option->name, most);
		return 0;
	}
	return (uint32_t)count;
}

/* One map under a name. False when it is none, which has been said. */
static bool parser__check_entry(struct parser *parser, const struct mapping_option *option, const struct yaml_node *key,
                                const struct yaml_node *node, const char *what)
{
	if (node->kind != YAML_MAPPING) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "the %s \"%.200s\" is %s", what, key->text,
		               yaml_kind_words(node));
		parser__expect_option(parser, option);
		return false;
	}
	return parser__check_name(parser, what, key->text, key->place);
}

static void parser__link(struct parser *parser, const struct yaml_node *key, const struct yaml_node *node,
                         struct mapping_link *link)
{
	uint32_t before = parser->diagnostics->count;

	link->type = (struct word){key->text, key->place};
	parser__keys(parser, CONTEXT_LINK, node, key->place, link);
	if (parser->diagnostics->count != before)
		return;
	if (!link->to.text == !link->from.text) {
		diagnostic_add(parser->diagnostics, parser->source, key->place, "%s has %s", key->text,
		               link->to.text ? "both \"to\" and \"from\"" : "no other end");
		diagnostic_expect(parser->diagnostics, "{to: label, column: name} or {from: label, column: name}");
	}
	if (!link->column.name.text == !link->columns.name.text) {
		diagnostic_add(parser->diagnostics, parser->source, key->place, "%s has %s", key->text,
		               link->column.name.text ? "both \"column\" and \"columns\"" : "no columns");
		diagnostic_expect(parser->diagnostics, "{to: label, column: name} or {to: label, columns: [name, name]}");
	}
	if (link->column.name.text)
		link->columns = link->column;
}

static void parser__read_links(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               void *at)
{
	struct mapping_links *links = at;
	/* Whoever takes the last one out leaves the key behind. */
	uint32_t count = yaml_is_null(node) ? 0 : parser__count_entries(parser, option, node, MAPPING_EDGES_MAX);

	links->items = parser__calloc(parser, count, sizeof(*links->items));
	for (const struct yaml_node *child = node->first; count && child; child = child->next) {
		bool is_list = child->kind == YAML_SEQUENCE;

		for (const struct yaml_node *item = is_list ? child->first : child; item; item = is_list ? item->next : NULL) {
			if (!links->items || parser__is_done(parser))
				return;
			if (parser__check_entry(parser, option, child->key, item, "type"))
				parser__link(parser, child->key, item, &links->items[links->count++]);
		}
	}
}

static void parser__read_joins(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               void *at)
{
	struct mapping_joins *joins = at;
	uint32_t count = yaml_is_null(node) ? 0 : parser__count_entries(parser, option, node, MAPPING_EDGES_MAX);

	joins->items = parser__calloc(parser, count, sizeof(*joins->items));
	for (const struct yaml_node *child = node->first; count && child; child = child->next) {
		bool is_list = child->kind == YAML_SEQUENCE;

		for (const struct yaml_node *item = is_list ? child->first : child; item; item = is_list ? item->next : NULL) {
			struct mapping_join *join;

			if (!joins->items || parser__is_done(parser))
				return;
			if (!parser__check_entry(parser, option, child->key, item, "type"))
				continue;
			join = &joins->items[joins->count++];
			join->type = (struct word){child->key->text, child->key->place};
			parser__keys(parser, CONTEXT_JOIN, item, is_list ? item->place : child->key->place, join);
		}
	}
}

/* What is made of values has no rows, and so nothing that rows decide or bring. */
static void parser__check_value_node(struct parser *parser, const struct yaml_node *node, const struct mapping_node *mapped)
{
	static const char *const allowed[] = {"value", "unused", "labels"};

	for (const struct yaml_node *child = node->first; child; child = child->next) {
		bool fits = false;

		for (size_t i = 0; i < sizeof(allowed) / sizeof(*allowed); i++)
			fits = fits || strcmp(child->key->text, allowed[i]) == 0;
		if (fits)
			continue;
		diagnostic_add(parser->diagnostics, parser->source, child->key->place, "\"%.200s\" beside \"value\"",
		               child->key->text);
		diagnostic_expect(parser->diagnostics, "only \"unused\" and \"labels\": a node made of a value has no row");
	}
	if (!mapped->choosers_count)
		return;
	diagnostic_add(parser->diagnostics, parser->source, mapped->choosers[0].name.place,
	               "a column cannot choose labels of a node that is made of a value");
	diagnostic_expect(parser->diagnostics, "fixed labels: it has no row");
}

static bool parser__has(const struct yaml_node *node, const char *key)
{
	for (const struct yaml_node *child = node->first; child; child = child->next)
		if (strcmp(child->key->text, key) == 0)
			return true;
	return false;
}

static void parser__check_node(struct parser *parser, const struct yaml_node *node, const struct mapping_node *mapped)
{
	if (parser__has(node, "value")) {
		parser__check_value_node(parser, node, mapped);
		return;
	}
	if (!parser__has(node, "table")) {
		diagnostic_add(parser->diagnostics, parser->source, mapped->label.place, "\"table\" is missing in %s",
		               mapping_context_heading(CONTEXT_NODE));
		diagnostic_expect(parser->diagnostics, "table: %s; or value: %s, for a node made of values",
		                  mapping_kind_what(KIND_TABLE), mapping_kind_what(KIND_NAME));
	}
	if (mapped->unused.word.text) {
		diagnostic_add(parser->diagnostics, parser->source, mapped->unused.word.place, "\"unused\" without \"value\"");
		diagnostic_expect(parser->diagnostics, "it only for nodes made of values: a row's node goes with its row");
	}
}

static void parser__read_nodes(struct parser *parser, const struct mapping_option *option, const struct yaml_node *node,
                               void *at)
{
	struct mapping_nodes *nodes = at;

	if (node->kind != YAML_MAPPING) {
		parser__wrong_kind(parser, option, node);
		return;
	}
	if (!node->count || node->count > MAPPING_TABLES_MAX) {
		diagnostic_add(parser->diagnostics, parser->source, node->place, "there are %u nodes", node->count);
		diagnostic_expect(parser->diagnostics, "1 to %d", MAPPING_TABLES_MAX);
		return;
	}
	nodes->name = (struct word){option->name, node->key->place};
	nodes->items = parser__calloc(parser, node->count, sizeof(*nodes->items));
	for (const struct yaml_node *child = node->first; child && nodes->items && !parser__is_done(parser);
	     child = child->next) {
		struct mapping_node *mapped;

		if (!parser__check_entry(parser, option, child->key, child, "label"))
			continue;
		mapped = &nodes->items[nodes->count++];
		mapped->label = (struct word){child->key->text, child->key->place};
		parser__keys(parser, CONTEXT_NODE, child, child->key->place, mapped);
		parser__check_node(parser, child, mapped);
	}
}

static parser_reader *const parser__readers[KINDS_COUNT] = {
        [KIND_VERSION] = parser__read_number,
        [KIND_STRING] = parser__read_string,
        [KIND_PLAIN] = parser__read_plain,
        [KIND_PIPELINE] = parser__read_identifier,
        [KIND_SLOT] = parser__read_identifier,
        [KIND_BOOLEAN] = parser__read_boolean,
        [KIND_INTEGER] = parser__read_number,
        [KIND_SIZE] = parser__read_number,
        [KIND_SECTION] = parser__read_section,
        [KIND_NODES] = parser__read_nodes,
        [KIND_JOINS] = parser__read_joins,
        [KIND_LINKS] = parser__read_links,
        [KIND_TABLE] = parser__read_table,
        [KIND_LABEL] = parser__read_label,
        [KIND_NAME] = parser__read_name,
        [KIND_UNUSED] = parser__read_choice,
        [KIND_LABELS] = parser__read_labels,
        [KIND_CHOOSER] = parser__read_chooser,
        [KIND_VALUES] = parser__read_values,
        [KIND_ELEMENT_ID] = parser__read_element_id,
        [KIND_COLUMN] = parser__read_word,
        [KIND_VALUE] = parser__read_word,
        [KIND_COLUMNS] = parser__read_words,
        [KIND_PROPERTIES] = parser__read_properties,
        [KIND_END] = parser__read_end,
        [KIND_AS] = parser__read_choice,
        [KIND_LETTERS] = parser__read_choice,
        [KIND_EPOCH] = parser__read_choice,
        [KIND_DECIMAL] = parser__read_decimal,
        [KIND_PATH] = parser__read_path,
        [KIND_CONDITION] = parser__read_condition,
        [KIND_HISTORY] = parser__read_history,
        [KIND_FOLLOWING] = parser__read_setting,
        [KIND_MISSING] = parser__read_setting,
        [KIND_DELETION] = parser__read_choice,
        [KIND_MISSING_END] = parser__read_choice,
};

static void parser__unknown_key(struct parser *parser, enum mapping_context context, const struct yaml_node *key)
{
	struct suggestion suggestion = suggestion_of(key->text);
	struct buffer known;

	buffer_init(&known, 1024);
	for (uint32_t i = 0; i < mapping_options_count; i++) {
		if (mapping_options[i].context != context)
			continue;
		buffer_printf(&known, "%s%s", known.size ? ", " : "", mapping_options[i].name);
		suggestion_offer(&suggestion, mapping_options[i].name);
	}
	diagnostic_add(parser->diagnostics, parser->source, key->place, "unknown key \"%.200s\" in %s", key->text,
	               mapping_context_heading(context));
	if (suggestion.nearest)
		diagnostic_expect(parser->diagnostics, "one of %s; did you mean \"%s\"?", buffer_text(&known),
		                  suggestion.nearest);
	else
		diagnostic_expect(parser->diagnostics, "one of %s", buffer_text(&known));
	buffer_free(&known);
}

/* A bit that no other key of its context has: these stand together, and are fewer than 64. */
static uint64_t parser__bit(const struct mapping_option *option)
{
	return option ? UINT64_C(1) << (option - mapping_options) % 64 : 0;
}

/* Says which required keys are not there; seen has a bit for each that is. */
static void parser__check_required(struct parser *parser, enum mapping_context context, struct place owner, uint64_t seen)
{
	for (uint32_t i = 0; i < mapping_options_count; i++) {
		const struct mapping_option *option = &mapping_options[i];

		if (option->context != context || !option->required || seen & parser__bit(option))
			continue;
		diagnostic_add(parser->diagnostics, parser->source, owner, "\"%s\" is missing in %s", option->name,
		               mapping_context_heading(context));
		diagnostic_expect(parser->diagnostics, "%s: %s", option->name, mapping_kind_what(option->kind));
	}
}

/* Reads a map by the options of its context into the struct at base. A key's second coming has been reported by yaml_read. */
static void parser__keys(struct parser *parser, enum mapping_context context, const struct yaml_node *node, struct place owner,
                         void *base)
{
	uint64_t seen = 0;

	for (const struct yaml_node *child = node->first; child; child = child->next) {
		const struct mapping_option *option = mapping_option_find(context, child->key->text);
		uint64_t bit = parser__bit(option);
		parser_reader *reader;

		if (parser__is_done(parser))
			return;
		if (!option) {
			parser__unknown_key(parser, context, child->key);
			continue;
		}
		if (seen & bit)
			continue;
		seen |= bit;
		reader = option->kind == KIND_COLUMN && context == CONTEXT_LINK ? parser__read_column
		                                                                : parser__readers[option->kind];
		reader(parser, option, child, (char *)base + option->offset);
	}
	parser__check_required(parser, context, owner, seen);
}

static void parser__set_defaults(struct mapping_settings *settings)
{
	for (uint32_t i = 0; i < mapping_options_count; i++) {
		const struct mapping_option *option = &mapping_options[i];
		char *at = (char *)settings + option->offset;

		if (option->context != CONTEXT_SNAPSHOT && option->context != CONTEXT_STREAM)
			continue;
		if (option->kind == KIND_INTEGER)
			*(uint32_t *)(void *)at = (uint32_t)option->number;
		else if (option->kind == KIND_SIZE)
			*(uint64_t *)(void *)at = option->number;
		else if (option->kind == KIND_BOOLEAN)
			*(bool *)at = option->number != 0;
	}
}

/* What one key's rule cannot say: keys that need each other, and schemes. */
static void parser__check_settings(struct parser *parser)
{
	static const char *const schemes[] = {"bolt", "bolt+s", "bolt+ssc", "neo4j", "neo4j+s", "neo4j+ssc"};
	struct mapping_settings *settings = &parser->mapping->settings;
	const char *colon = settings->neo4j_url ? strstr(settings->neo4j_url, "://") : NULL;
	struct place place = parser->sections[CONTEXT_NEO4J];
	bool known = !settings->neo4j_url;

	for (size_t i = 0; colon && i < sizeof(schemes) / sizeof(schemes[0]); i++)
		known = known || (strlen(schemes[i]) == (size_t)(colon - settings->neo4j_url) &&
		                  strncmp(schemes[i], settings->neo4j_url, strlen(schemes[i])) == 0);
	if (!known) {
		diagnostic_add(parser->diagnostics, parser->source, place, "neo4j: \"url\" does not begin with a known scheme");
		diagnostic_expect(parser->diagnostics, "bolt://, bolt+s://, bolt+ssc://, neo4j://, neo4j+s:// or neo4j+ssc://");
	}
	if (!settings->neo4j_user != !settings->neo4j_password) {
		diagnostic_add(parser->diagnostics, parser->source, place, "neo4j: \"%s\" without \"%s\"",
		               settings->neo4j_user ? "user" : "password", settings->neo4j_user ? "password" : "user");
		diagnostic_expect(parser->diagnostics, "both, or neither for a server without authentication");
	}
	if (!settings->neo4j_client_cert_file != !settings->neo4j_client_key_file) {
		diagnostic_add(parser->diagnostics, parser->source, place, "neo4j: \"%s\" without the other of the pair",
		               settings->neo4j_client_cert_file ? "client_cert_file" : "client_key_file");
		diagnostic_expect(parser->diagnostics, "both client_cert_file and client_key_file");
	}
}

static void parser__set_names(struct parser *parser)
{
	struct mapping_settings *settings = &parser->mapping->settings;
	const char *name = arena_printf(&parser->mapping->arena, "pgweave_%s", settings->pipeline);

	if (!name)
		parser->no_memory = true;
	if (!settings->slot)
		settings->slot = name;
	if (!settings->publication)
		settings->publication = name;
}

static int parser__run(struct parser *parser)
{
	const struct yaml_node *root;
	int status = 0;

	root = yaml_read(parser->source, &parser->mapping->arena, parser->diagnostics, &status);
	if (status)
		return status;
	if (!root || root->kind != YAML_MAPPING) {
		struct place start = {1, 1};

		diagnostic_add(parser->diagnostics, parser->source, start, "the file is %s",
		               root ? yaml_kind_words(root) : "empty");
		diagnostic_expect(parser->diagnostics, "a map that begins with version: 1");
		return ERR_CONFIG;
	}
	parser__set_defaults(&parser->mapping->settings);
	parser__keys(parser, CONTEXT_FILE, root, root->place, parser->mapping);
	if (!parser->diagnostics->count)
		parser__check_settings(parser);
	if (!parser->diagnostics->count)
		parser__set_names(parser);
	if (parser->no_memory)
		return ERR_NOMEM;
	return parser->diagnostics->count ? ERR_CONFIG : 0;
}

static struct mapping *mapping__new(const char *file, const char *text, size_t size)
{
	struct mapping *mapping = calloc(1, sizeof(*mapping));

	if (!mapping)
		return NULL;
	arena_init(&mapping->arena, MAPPING_ARENA_SIZE_MAX);
	mapping->source.file = arena_strdup(&mapping->arena, file);
	mapping->source.text = arena_strndup(&mapping->arena, text, size);
	mapping->source.size = size;
	if (mapping->source.file && mapping->source.text)
		return mapping;
	mapping_free(mapping);
	return NULL;
}

int mapping_parse(const char *file, const char *text, size_t size, const struct mapping_environment *environment,
                  struct mapping **ret_mapping, struct diagnostics *diagnostics)
{
	struct parser parser = {.environment = environment, .diagnostics = diagnostics};
	int status;

	*ret_mapping = NULL;
	if (size > MAPPING_SIZE_MAX) {
		struct source source = {.file = file, .text = "", .size = 0};

		diagnostic_add(diagnostics, &source, (struct place){0, 0}, "the file has %zu bytes", size);
		diagnostic_expect(diagnostics, "at most %zu", MAPPING_SIZE_MAX);
		return ERR_LIMIT;
	}
	parser.mapping = mapping__new(file, text, size);
	if (!parser.mapping)
		return ERR_NOMEM;
	parser.source = &parser.mapping->source;
	status = parser__run(&parser);
	diagnostics_sort(diagnostics);
	if (status)
		mapping_free(parser.mapping);
	else
		*ret_mapping = parser.mapping;
	return status;
}

bool mapping__words_have(const struct words *words, const char *text)
{
	for (uint32_t i = 0; i < words->count; i++)
		if (strcmp(words->items[i].text, text) == 0)
			return true;
	return false;
}

/* Its bytes are the mapping's own: they lie in its arena. */
static void mapping__forget(const char *secret)
{
	if (secret)
		explicit_bzero((char *)(uintptr_t)secret, strlen(secret));
}

void mapping_free(struct mapping *mapping)
{
	if (!mapping)
		return;
	mapping__forget(mapping->settings.neo4j_password);
	mapping__forget(mapping->settings.postgres_url);
	arena_free(&mapping->arena);
	free(mapping);
}

const struct mapping_settings *mapping_settings(const struct mapping *mapping)
{
	return &mapping->settings;
}

const char *mapping_text(const struct mapping *mapping, size_t *ret_size)
{
	*ret_size = mapping->source.size;
	return mapping->source.text;
}
