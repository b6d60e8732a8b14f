#include "mapping/condition.h"

#include "mapping/compile.h"
#include "mapping/quote.h"
#include "mapping/text.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define VALUE_MEMORY_MAX ((size_t)64 * 1024)
#define SHOWN_MAX 40

/* ---- tokens ---- */

enum token_kind {
	TOKEN_END,
	TOKEN_NAME,   /* an identifier without quotes: lower case in text; may be a keyword */
	TOKEN_QUOTED, /* an identifier in double quotes */
	TOKEN_STRING,
	TOKEN_NUMBER,
	TOKEN_SIGN, /* an operator, a parenthesis, a comma */
	TOKEN_WRONG,
};

struct token {
	enum token_kind kind;
	const char *text; /* what it stands for */
	const char *from; /* in the source */
};

struct condition_parser {
	struct compiler *compiler;
	const struct catalog_table *table;
	const struct word *word;
	const char *at;
	struct token token;
	uint32_t depth;
	uint32_t nodes;
	bool failed;
};

static void parser__refuse(struct condition_parser *parser, const char *from, const char *what, const char *expected)
{
	size_t size = strlen(from);

	if (parser->failed)
		return;
	parser->failed = true;
	diagnostic_add(parser->compiler->diagnostics, parser->compiler->source, parser->word->place, "the condition %s%s%.*s%s",
	               what, size ? " at \"" : " at its end", (int)text_utf8_cut(from, size, SHOWN_MAX), from,
	               size ? "\"" : "");
	diagnostic_expect(parser->compiler->diagnostics, "%s", expected);
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (uint8_t)c >= 0x80;
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Copies what stands between two quotes, those inside being doubled; NULL when it does not end. */
static const char *parser__quoted(struct condition_parser *parser, char quote)
{
	const char *at = parser->at + 1;
	char *text = mapping__compile_calloc(parser->compiler, strlen(at) + 1, 1);
	size_t size = 0;

	for (; text && *at; at++) {
		if (*at == quote && at[1] != quote) {
			parser->at = at + 1;
			return text;
		}
		at += *at == quote;
		text[size++] = *at;
	}
	return NULL;
}

static const char *parser__copy(struct condition_parser *parser, size_t size, bool lower)
{
	char *text = mapping__compile_calloc(parser->compiler, size + 1, 1);

	for (size_t i = 0; text && i < size; i++) {
		char c = parser->at[i];

		text[i] = (char)(lower && c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
	}
	parser->at += size;
	return text;
}

/* [-]digits[.digits] */
static size_t number_size(const char *at)
{
	size_t size = *at == '-';

	if (!is_digit(at[size]))
		return 0;
	while (is_digit(at[size]))
		size++;
	if (at[size] == '.' && is_digit(at[size + 1]))
		for (size++; is_digit(at[size]);)
			size++;
	return is_letter(at[size]) || at[size] == '.' ? 0 : size;
}

static size_t sign_size(const char *at)
{
	static const char *const signs[] = {"<>", "!=", "<=", ">=", "<", ">", "=", "(", ")", ","};

	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++)
		if (strncmp(at, signs[i], strlen(signs[i])) == 0)
			return strlen(signs[i]);
	return 0;
}

static void parser__next(struct condition_parser *parser)
{
	struct token *token = &parser->token;
	size_t size;

	parser->at += strspn(parser->at, " \t\r\n");
	*token = (struct token){.kind = TOKEN_WRONG, .from = parser->at};
	if (!*parser->at) {
		token->kind = TOKEN_END;
		return;
	}
	if (*parser->at == '\'' || *parser->at == '"') {
		token->kind = *parser->at == '"' ? TOKEN_QUOTED : TOKEN_STRING;
		token->text = parser__quoted(parser, *parser->at);
	} else if (is_letter(*parser->at)) {
		for (size = 1; is_letter(parser->at[size]) || is_digit(parser->at[size]) || parser->at[size] == '$';)
			size++;
		token->kind = TOKEN_NAME;
		token->text = parser__copy(parser, size, true);
	} else if ((size = number_size(parser->at)) != 0) {
		token->kind = TOKEN_NUMBER;
		token->text = parser__copy(parser, size, false);
	} else if ((size = sign_size(parser->at)) != 0) {
		token->kind = TOKEN_SIGN;
		token->text = parser__copy(parser, size, false);
	}
	if (token->text)
		return;
	token->kind = TOKEN_WRONG;
	parser__refuse(parser, token->from, "cannot be read", "what docs/mapping.md has under \"Which rows\"");
}

static bool parser__is(const struct condition_parser *parser, enum token_kind kind, const char *text)
{
	return parser->token.kind == kind && strcmp(parser->token.text, text) == 0;
}

/* Takes the token when it is that keyword or sign. */
static bool parser__take(struct condition_parser *parser, enum token_kind kind, const char *text)
{
	if (parser->failed || !parser__is(parser, kind, text))
		return false;
	parser__next(parser);
	return true;
}

#define parser__keyword(parser, text) parser__take(parser, TOKEN_NAME, text)
#define parser__sign(parser, text) parser__take(parser, TOKEN_SIGN, text)

static void parser__need(struct condition_parser *parser, enum token_kind kind, const char *text)
{
	char expected[SHOWN_MAX];

	if (parser->failed || parser__take(parser, kind, text))
		return;
	snprintf(expected, sizeof(expected), "%s", text);
	parser__refuse(parser, parser->token.from, "goes wrong", expected);
}

/* ---- literals ---- */

static struct condition *parser__new(struct condition_parser *parser, enum condition_kind kind)
{
	struct condition *condition = NULL;

	if (++parser->nodes > CONDITION_NODES_MAX)
		parser__refuse(parser, parser->token.from, "is too long", "fewer comparisons");
	else
		condition = mapping__compile_calloc(parser->compiler, 1, sizeof(*condition));
	if (condition)
		condition->kind = kind;
	else
		parser->failed = true;
	return condition;
}

/* Reads the literal as the column's type, in the form in which PostgreSQL prints it. */
static bool literal__value(struct condition *condition, const char *text)
{
	struct arena arena;
	struct error error;
	bool read;

	arena_init(&arena, VALUE_MEMORY_MAX);
	read = value_from_text(&condition->type, text, strlen(text), &arena, &condition->value, &error) == 0;
	arena_free(&arena);
	condition->literal = text;
	condition->compare = COMPARE_VALUES;
	return read;
}

static const char *literal__boolean(const struct token *token)
{
	static const char *const words[][2] = {{"true", "t"}, {"t", "t"}, {"false", "f"}, {"f", "f"}};

	if (token->kind == TOKEN_NAME || token->kind == TOKEN_STRING)
		for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (strcasecmp(token->text, words[i][0]) == 0)
				return words[i][1];
	return NULL;
}

/* A day where a moment is wanted is its first one. */
static bool literal__moment(struct condition_parser *parser, struct condition *condition, const char *text)
{
	const char *const rest = condition->type.kind == TYPE_TIMESTAMPTZ ? " 00:00:00+00" : " 00:00:00";
	const char *whole;

	if (literal__value(condition, text))
		return true;
	if (condition->type.kind != TYPE_TIMESTAMP && condition->type.kind != TYPE_TIMESTAMPTZ)
		return false;
	whole = arena_printf(&parser->compiler->arena, "%s%s", text, rest);
	return whole && literal__value(condition, whole);
}

/* A real and a double precision column hold it alike, so that nobody has to know which one it is. */
static bool literal__float(struct condition *condition, const char *text)
{
	return literal__value(condition, text) && fabs(condition->value.real) <= (double)FLT_MAX &&
	       (double)(float)condition->value.real == condition->value.real;
}

static bool is_uuid(const char *text)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != strlen(form))
		return false;
	for (size_t i = 0; text[i]; i++)
		if (form[i] == '-' ? text[i] != '-' : !strchr("0123456789abcdef", text[i]))
			return false;
	return true;
}

static bool is_enum_label(const struct catalog_column *column, const char *text)
{
	for (uint32_t i = 0; i < column->enum_labels_count; i++)
		if (strcmp(column->enum_labels[i], text) == 0)
			return true;
	return false;
}

/* Returns what was expected where it does not fit, or NULL. */
static const char *literal__text(struct condition *condition, const struct catalog_column *column, const struct token *token)
{
	condition->literal = token->text;
	condition->compare = column->equality == EQUALITY_PADDED ? COMPARE_PADDED : COMPARE_BYTES;
	if (column->equality == EQUALITY_BY_SERVER)
		return "IS NULL or IS NOT NULL: when values of this type are equal, only PostgreSQL knows";
	if (condition->operator!= OPERATOR_EQUAL && condition->operator!= OPERATOR_NOT_EQUAL)
		return "= or <>: the order of texts depends on the database's collation";
	if (token->kind != TOKEN_STRING)
		return "a text in single quotes";
	if (column->equality == EQUALITY_UUID && !is_uuid(token->text))
		return "a uuid in small letters, as PostgreSQL prints it";
	if (column->equality == EQUALITY_ENUM && !is_enum_label(column, token->text))
		return "one of the enum's values";
	return NULL;
}

static const char *literal__read(struct condition_parser *parser, struct condition *condition,
                                 const struct catalog_column *column)
{
	const struct token *token = &parser->token;
	bool number = token->kind == TOKEN_NUMBER, string = token->kind == TOKEN_STRING;
	const char *boolean;

	if (column->type.array)
		return "IS NULL or IS NOT NULL: arrays are not compared";
	switch (column->type.kind) {
	case TYPE_BOOL:
		boolean = literal__boolean(token);
		return boolean && literal__value(condition, boolean) ? NULL : "TRUE or FALSE";
	case TYPE_INT:
		return number && literal__value(condition, token->text) ? NULL : "a whole number";
	case TYPE_FLOAT:
		return number && literal__float(condition, token->text) ? NULL
		                                                        : "a number that a real holds exactly, such as 0.5";
	case TYPE_NUMERIC:
		condition->literal = token->text;
		condition->compare = COMPARE_DECIMAL;
		return number ? NULL : "a decimal number";
	case TYPE_DATE:
		return string && literal__value(condition, token->text) ? NULL : "a date such as '2024-12-31'";
	case TYPE_TIME:
		return string && literal__value(condition, token->text) ? NULL : "a time such as '23:59:00'";
	case TYPE_TIMESTAMP:
		return string && literal__moment(parser, condition, token->text) ? NULL
		                                                                 : "a timestamp such as '2024-12-31 23:59:00'";
	case TYPE_TIMESTAMPTZ:
		return string && literal__moment(parser, condition, token->text)
		               ? NULL
		               : "a timestamp such as '2024-12-31 23:59:00+00'";
	case TYPE_TEXT:
		return literal__text(condition, column, token);
	default:
		return "IS NULL or IS NOT NULL: values of this type are not compared";
	}
}

/* ---- the grammar ---- */

static const struct condition *parser__or(struct condition_parser *parser);

static const struct condition *parser__pair(struct condition_parser *parser, enum condition_kind kind,
                                            const struct condition *left, const struct condition *right)
{
	struct condition *condition = parser__new(parser, kind);

	if (!condition)
		return NULL;
	condition->left = left;
	condition->right = right;
	return condition;
}

static const struct condition *parser__not(struct condition_parser *parser, bool wanted, const struct condition *condition)
{
	return wanted ? parser__pair(parser, CONDITION_NOT, condition, NULL) : condition;
}

/* column operator literal; takes the literal */
static const struct condition *parser__compare(struct condition_parser *parser, const struct catalog_column *column,
                                               enum condition_kind kind, enum condition_operator operator)
{
	struct condition *condition = parser->failed ? NULL : parser__new(parser, kind);
	const char *expected;

	if (!condition)
		return NULL;
	condition->column = (uint32_t)(column - parser->table->columns);
	condition->operator= operator;
	condition->type = column->type;
	expected = literal__read(parser, condition, column);
	if (expected) {
		char what[256];

		snprintf(what, sizeof(what), "does not fit \"%s\" (%s)", column->name, column->type_name);
		parser__refuse(parser, parser->token.from, what, expected);
		return NULL;
	}
	parser__next(parser);
	return condition;
}

static const struct condition *parser__is_null(struct condition_parser *parser, const struct catalog_column *column)
{
	struct condition *condition = parser__new(parser, CONDITION_IS_NULL);

	if (condition)
		condition->column = (uint32_t)(column - parser->table->columns);
	return condition;
}

/* Behind "column IS" */
static const struct condition *parser__is_what(struct condition_parser *parser, const struct catalog_column *column)
{
	bool not = parser__keyword(parser, "not");

	if (parser__keyword(parser, "null"))
		return parser__not(parser, not, parser__is_null(parser, column));
	if (parser__keyword(parser, "distinct")) {
		parser__need(parser, TOKEN_NAME, "from");
		return parser__not(parser, not, parser__compare(parser, column, CONDITION_DISTINCT, OPERATOR_NOT_EQUAL));
	}
	if (parser__is(parser, TOKEN_NAME, "true") || parser__is(parser, TOKEN_NAME, "false"))
		return parser__not(parser, !not, parser__compare(parser, column, CONDITION_DISTINCT, OPERATOR_NOT_EQUAL));
	parser__refuse(parser, parser->token.from, "goes wrong", "NULL, TRUE, FALSE, or DISTINCT FROM a literal");
	return NULL;
}

/* Behind "column IN" */
static const struct condition *parser__in(struct condition_parser *parser, const struct catalog_column *column)
{
	const struct condition *all = NULL;

	parser__need(parser, TOKEN_SIGN, "(");
	do {
		const struct condition *one = parser__compare(parser, column, CONDITION_COMPARE, OPERATOR_EQUAL);

		all = all && one ? parser__pair(parser, CONDITION_OR, all, one) : one;
	} while (parser__sign(parser, ","));
	parser__need(parser, TOKEN_SIGN, ")");
	return all;
}

/* Behind "column BETWEEN" */
static const struct condition *parser__between(struct condition_parser *parser, const struct catalog_column *column)
{
	const struct condition *least, *most;

	least = parser__compare(parser, column, CONDITION_COMPARE, OPERATOR_GREATER_EQUAL);
	parser__need(parser, TOKEN_NAME, "and");
	most = parser__compare(parser, column, CONDITION_COMPARE, OPERATOR_LESS_EQUAL);
	return parser__pair(parser, CONDITION_AND, least, most);
}

/* A boolean column by itself: it is true. */
static const struct condition *parser__alone(struct condition_parser *parser, const struct catalog_column *column)
{
	struct condition *condition;

	if (column->type.kind != TYPE_BOOL || column->type.array) {
		parser__refuse(parser, parser->token.from, "goes wrong",
		               "IS [NOT] NULL, = <> < <= > >=, [NOT] IN or [NOT] BETWEEN behind a column");
		return NULL;
	}
	condition = parser__new(parser, CONDITION_COMPARE);
	if (!condition)
		return NULL;
	condition->column = (uint32_t)(column - parser->table->columns);
	condition->type = column->type;
	parser->failed |= !literal__value(condition, "t");
	return condition;
}

static const struct condition *parser__of_column(struct condition_parser *parser, const struct catalog_column *column)
{
	static const struct {
		const char *text;
		enum condition_operator operator;
	} operators[] = {
	        {"=", OPERATOR_EQUAL},       {"<>", OPERATOR_NOT_EQUAL}, {"!=", OPERATOR_NOT_EQUAL},     {"<", OPERATOR_LESS},
	        {"<=", OPERATOR_LESS_EQUAL}, {">", OPERATOR_GREATER},    {">=", OPERATOR_GREATER_EQUAL},
	};
	bool not ;

	for (size_t i = 0; i < sizeof(operators) / sizeof(*operators); i++)
		if (parser__sign(parser, operators[i].text))
			return parser__compare(parser, column, CONDITION_COMPARE, operators[i].operator);
	if (parser__keyword(parser, "is"))
		return parser__is_what(parser, column);
	not = parser__keyword(parser, "not");
	if (parser__keyword(parser, "in"))
		return parser__not(parser, not, parser__in(parser, column));
	if (parser__keyword(parser, "between"))
		return parser__not(parser, not, parser__between(parser, column));
	if (!not )
		return parser__alone(parser, column);
	parser__refuse(parser, parser->token.from, "goes wrong", "IN or BETWEEN");
	return NULL;
}

static const struct catalog_column *parser__column(struct condition_parser *parser)
{
	const struct catalog_column *column;
	struct suggestion suggestion;

	if (parser->token.kind != TOKEN_NAME && parser->token.kind != TOKEN_QUOTED) {
		parser__refuse(parser, parser->token.from, "goes wrong", "a column, NOT, or (");
		return NULL;
	}
	column = catalog_column_by_name(parser->table, parser->token.text);
	if (column && column->generated) {
		parser__refuse(parser, parser->token.from, "uses a generated column", "one that PostgreSQL replicates");
		return NULL;
	}
	if (column) {
		parser__next(parser);
		return column;
	}
	suggestion = suggestion_of(parser->token.text);
	for (uint32_t i = 0; i < parser->table->columns_count; i++)
		suggestion_offer(&suggestion, parser->table->columns[i].name);
	parser__refuse(parser, parser->token.from, "needs a column that the table does not have",
	               suggestion.nearest ? suggestion.nearest : "a column of the table");
	return NULL;
}

static const struct condition *parser__primary(struct condition_parser *parser)
{
	const struct condition *condition;
	const struct catalog_column *column;

	if (parser__keyword(parser, "not"))
		return parser__not(parser, true, parser__primary(parser));
	if (!parser__sign(parser, "(")) {
		column = parser->failed ? NULL : parser__column(parser);
		return column ? parser__of_column(parser, column) : NULL;
	}
	condition = parser__or(parser);
	parser__need(parser, TOKEN_SIGN, ")");
	return condition;
}

static const struct condition *parser__and(struct condition_parser *parser)
{
	const struct condition *left = parser__primary(parser);

	while (parser__keyword(parser, "and"))
		left = parser__pair(parser, CONDITION_AND, left, parser__primary(parser));
	return left;
}

static const struct condition *parser__or(struct condition_parser *parser)
{
	const struct condition *left = NULL;

	if (++parser->depth > CONDITION_DEPTH_MAX) {
		parser__refuse(parser, parser->token.from, "is nested too deep", "fewer parentheses");
		return NULL;
	}
	left = parser__and(parser);
	while (parser__keyword(parser, "or"))
		left = parser__pair(parser, CONDITION_OR, left, parser__and(parser));
	parser->depth--;
	return left;
}

bool mapping__condition(struct compiler *compiler, const struct catalog_table *table, const struct word *word,
                        const struct condition **ret_condition)
{
	struct condition_parser parser = {.compiler = compiler, .table = table, .word = word, .at = word->text};
	const struct condition *condition;

	*ret_condition = NULL;
	if (!word->text)
		return true;
	parser__next(&parser);
	condition = parser__or(&parser);
	if (!parser.failed && parser.token.kind != TOKEN_END)
		parser__refuse(&parser, parser.token.from, "goes wrong", "AND, OR, or the end");
	if (parser.failed || compiler->no_memory)
		return false;
	*ret_condition = condition;
	return true;
}

bool mapping__condition_equal(struct compiler *compiler, const struct catalog_table *table, const struct catalog_column *column,
                              const struct word *literal, const struct condition **ret_condition)
{
	struct condition_parser parser = {.compiler = compiler, .table = table, .word = literal, .at = ""};

	switch (column->type.kind) {
	case TYPE_BOOL:
	case TYPE_INT:
	case TYPE_FLOAT:
	case TYPE_NUMERIC:
		parser.at = literal->text;
		parser__next(&parser);
		break;
	default:
		parser.token = (struct token){.kind = TOKEN_STRING, .text = literal->text, .from = literal->text};
	}
	*ret_condition = parser__compare(&parser, column, CONDITION_COMPARE, OPERATOR_EQUAL);
	if (!parser.failed && parser.token.kind != TOKEN_END)
		parser__refuse(&parser, parser.token.from, "goes wrong", "one value");
	return !parser.failed;
}

const struct condition *mapping__condition_is_null(struct compiler *compiler, const struct catalog_table *table,
                                                   const struct catalog_column *column)
{
	struct condition_parser parser = {.compiler = compiler, .table = table};

	return parser__is_null(&parser, column);
}

const struct condition *mapping__condition_pair(struct compiler *compiler, enum condition_kind kind,
                                                const struct condition *left, const struct condition *right)
{
	struct condition *pair;

	if (kind != CONDITION_NOT && (!left || !right))
		return left ? left : right;
	pair = mapping__compile_calloc(compiler, 1, sizeof(*pair));
	if (pair)
		*pair = (struct condition){.kind = kind, .left = left, .right = right};
	return pair;
}

/* ---- what becomes of it ---- */

const struct condition *mapping__condition_copy(const struct condition *condition, const uint32_t *index_of,
                                                struct arena *arena)
{
	struct condition *copy = arena_calloc(arena, 1, sizeof(*copy));

	if (!copy)
		return NULL;
	*copy = *condition;
	if (condition->literal && !(copy->literal = arena_strdup(arena, condition->literal)))
		return NULL;
	if (condition->left && !(copy->left = mapping__condition_copy(condition->left, index_of, arena)))
		return NULL;
	if (condition->right && !(copy->right = mapping__condition_copy(condition->right, index_of, arena)))
		return NULL;
	if (!condition->left)
		copy->column = index_of[condition->column];
	return copy;
}

void mapping__condition_columns(const struct condition *condition, mapping__column_fn *on_column, void *user)
{
	if (!condition->left) {
		on_column(user, condition->column);
		return;
	}
	mapping__condition_columns(condition->left, on_column, user);
	if (condition->right)
		mapping__condition_columns(condition->right, on_column, user);
}

/* ---- back to SQL ---- */

struct condition_writer {
	struct buffer *buffer;
	const struct plan_table *table;
	const char *prefix;
	bool words;
};

static bool needs_quotes(const char *name)
{
	static const char *const keywords[] = {"and", "or", "not", "is", "in", "between", "null", "true", "false", "distinct"};

	for (size_t i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (strcmp(name, keywords[i]) == 0)
			return true;
	return is_digit(*name) || name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] != '\0';
}

static void writer__column(const struct condition_writer *writer, const struct condition *condition)
{
	const char *name = writer->table->columns[condition->column].name;

	if (writer->prefix)
		buffer_append_text(writer->buffer, writer->prefix);
	if (writer->words && !needs_quotes(name))
		buffer_append_text(writer->buffer, name);
	else
		sql_quote_identifier(writer->buffer, name);
}

/* Numbers stand for themselves, so that one out of a small type's range is no error. */
static void writer__literal(const struct condition_writer *writer, const struct condition *condition)
{
	switch (condition->type.kind) {
	case TYPE_BOOL:
		buffer_append_text(writer->buffer, condition->value.boolean ? "TRUE" : "FALSE");
		break;
	case TYPE_INT:
	case TYPE_FLOAT:
	case TYPE_NUMERIC:
		buffer_append_text(writer->buffer, condition->literal);
		break;
	default:
		sql_quote_literal(writer->buffer, condition->literal);
	}
}

static void writer__compare(const struct condition_writer *writer, const struct condition *condition)
{
	static const char *const operators[] = {
	        [OPERATOR_EQUAL] = " = ",       [OPERATOR_NOT_EQUAL] = " <> ", [OPERATOR_LESS] = " < ",
	        [OPERATOR_LESS_EQUAL] = " <= ", [OPERATOR_GREATER] = " > ",    [OPERATOR_GREATER_EQUAL] = " >= ",
	};

	writer__column(writer, condition);
	buffer_append_text(writer->buffer, operators[condition->operator]);
	writer__literal(writer, condition);
}

static void writer__condition(const struct condition_writer *writer, const struct condition *condition);

static void writer__nested(const struct condition_writer *writer, const struct condition *condition, enum condition_kind in)
{
	bool bare = condition->kind == in || condition->kind > CONDITION_OR;

	buffer_append_text(writer->buffer, bare ? "" : "(");
	writer__condition(writer, condition);
	buffer_append_text(writer->buffer, bare ? "" : ")");
}

/* The usual words where NOT stands before one comparison. */
static void writer__not(const struct condition_writer *writer, const struct condition *condition)
{
	const struct condition *left = condition->left;

	if (left->kind == CONDITION_IS_NULL || left->kind == CONDITION_DISTINCT) {
		writer__column(writer, left);
		buffer_append_text(writer->buffer, left->kind == CONDITION_IS_NULL ? " IS NOT NULL" : " IS NOT DISTINCT FROM ");
		if (left->kind == CONDITION_DISTINCT)
			writer__literal(writer, left);
		return;
	}
	buffer_append_text(writer->buffer, "NOT ");
	buffer_append_byte(writer->buffer, '(');
	writer__condition(writer, left);
	buffer_append_byte(writer->buffer, ')');
}

static void writer__condition(const struct condition_writer *writer, const struct condition *condition)
{
	switch (condition->kind) {
	case CONDITION_AND:
	case CONDITION_OR:
		writer__nested(writer, condition->left, condition->kind);
		buffer_append_text(writer->buffer, condition->kind == CONDITION_AND ? " AND " : " OR ");
		writer__nested(writer, condition->right, condition->kind);
		break;
	case CONDITION_NOT:
		writer__not(writer, condition);
		break;
	case CONDITION_IS_NULL:
		writer__column(writer, condition);
		buffer_append_text(writer->buffer, " IS NULL");
		break;
	case CONDITION_COMPARE:
		writer__compare(writer, condition);
		break;
	case CONDITION_DISTINCT:
		writer__column(writer, condition);
		buffer_append_text(writer->buffer, " IS DISTINCT FROM ");
		writer__literal(writer, condition);
		break;
	}
}

void condition_sql(struct buffer *buffer, const struct condition *condition, const struct plan_table *table, const char *prefix)
{
	const struct condition_writer writer = {.buffer = buffer, .table = table, .prefix = prefix};

	writer__condition(&writer, condition);
}

void condition_words(struct buffer *buffer, const struct condition *condition, const struct plan_table *table)
{
	const struct condition_writer writer = {.buffer = buffer, .table = table, .words = true};

	writer__condition(&writer, condition);
}
