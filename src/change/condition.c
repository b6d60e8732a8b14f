#include "change/condition.h"

#include <math.h>
#include <string.h>

/* A long float8 is read by way of an arena; no scalar needs more. */
#define VALUE_MEMORY_MAX ((size_t)4096)

/* ---- numeric ---- */

enum decimal_class {
	DECIMAL_MINUS_INFINITY,
	DECIMAL_FINITE,
	DECIMAL_INFINITY,
	DECIMAL_NAN,
};

/* Without sign, leading zeros of the whole and trailing zeros of the fraction. */
struct decimal_text {
	enum decimal_class class;
	bool minus;
	const char *whole;
	size_t whole_size;
	const char *fraction;
	size_t fraction_size;
};

static bool is_word(const char *text, size_t size, const char *word)
{
	return size == strlen(word) && memcmp(text, word, size) == 0;
}

static struct decimal_text decimal_of(const char *text, size_t size)
{
	struct decimal_text decimal = {.class = DECIMAL_FINITE};
	const char *end = text + size, *point;

	if (is_word(text, size, "NaN"))
		return (struct decimal_text){.class = DECIMAL_NAN};
	if (is_word(text, size, "Infinity"))
		return (struct decimal_text){.class = DECIMAL_INFINITY};
	if (is_word(text, size, "-Infinity"))
		return (struct decimal_text){.class = DECIMAL_MINUS_INFINITY};
	decimal.minus = size && *text == '-';
	text += decimal.minus;
	point = memchr(text, '.', (size_t)(end - text));
	decimal.whole = text;
	decimal.whole_size = (size_t)((point ? point : end) - text);
	if (point) {
		decimal.fraction = point + 1;
		decimal.fraction_size = (size_t)(end - point - 1);
	}
	for (; decimal.whole_size && *decimal.whole == '0'; decimal.whole_size--)
		decimal.whole++;
	while (decimal.fraction_size && decimal.fraction[decimal.fraction_size - 1] == '0')
		decimal.fraction_size--;
	if (!decimal.whole_size && !decimal.fraction_size)
		decimal.minus = false;
	return decimal;
}

/* Without regard to the signs. */
static int order_magnitudes(const struct decimal_text *a, const struct decimal_text *b)
{
	size_t common = a->fraction_size < b->fraction_size ? a->fraction_size : b->fraction_size;
	int order;

	if (a->whole_size != b->whole_size)
		return a->whole_size < b->whole_size ? -1 : 1;
	order = a->whole_size ? memcmp(a->whole, b->whole, a->whole_size) : 0;
	if (order == 0 && common)
		order = memcmp(a->fraction, b->fraction, common);
	if (order != 0)
		return order;
	return a->fraction_size < b->fraction_size ? -1 : a->fraction_size > b->fraction_size;
}

int condition_order_decimals(const char *a, size_t a_size, const char *b, size_t b_size)
{
	struct decimal_text x = decimal_of(a, a_size), y = decimal_of(b, b_size);

	if (x.class != y.class || x.class != DECIMAL_FINITE)
		return x.class < y.class ? -1 : x.class > y.class;
	if (x.minus != y.minus)
		return x.minus ? -1 : 1;
	return x.minus ? -order_magnitudes(&x, &y) : order_magnitudes(&x, &y);
}

/* ---- comparisons ---- */

static int order_floats(double a, double b)
{
	if (isnan(a) || isnan(b))
		return isnan(a) - isnan(b);
	return a < b ? -1 : a > b;
}

static int order_values(const struct value *a, const struct value *b)
{
	if (a->kind == VALUE_FLOAT)
		return order_floats(a->real, b->real);
	if (a->kind == VALUE_BOOL)
		return a->boolean - b->boolean;
	if (a->integer != b->integer)
		return a->integer < b->integer ? -1 : 1;
	return a->nanos < b->nanos ? -1 : a->nanos > b->nanos;
}

static size_t without_padding(const char *text, size_t size)
{
	while (size && text[size - 1] == ' ')
		size--;
	return size;
}

static int order_bytes(const char *a, size_t a_size, const char *b, size_t b_size)
{
	int order = memcmp(a, b, a_size < b_size ? a_size : b_size);

	return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

/* False when the cell's text cannot be read. */
static bool order_of_cell(const struct condition *condition, const struct cell *cell, int *ret_order)
{
	const char *literal = condition->literal;
	struct value value;
	struct arena arena;
	struct error error;
	bool read;

	switch (condition->compare) {
	case COMPARE_BYTES:
		*ret_order = order_bytes(cell->data, cell->size, literal, strlen(literal));
		return true;
	case COMPARE_PADDED:
		*ret_order = order_bytes(cell->data, without_padding(cell->data, cell->size), literal,
		                         without_padding(literal, strlen(literal)));
		return true;
	case COMPARE_DECIMAL:
		*ret_order = condition_order_decimals(cell->data, cell->size, literal, strlen(literal));
		return true;
	case COMPARE_VALUES:
		break;
	}
	arena_init(&arena, VALUE_MEMORY_MAX);
	read = value_from_text(&condition->type, cell->data, cell->size, &arena, &value, &error) == 0 &&
	       value.kind == condition->value.kind;
	if (read)
		*ret_order = order_values(&value, &condition->value);
	arena_free(&arena);
	return read;
}

static bool holds(enum condition_operator operator, int order)
{
	switch (operator) {
	case OPERATOR_EQUAL:
		return order == 0;
	case OPERATOR_NOT_EQUAL:
		return order != 0;
	case OPERATOR_LESS:
		return order < 0;
	case OPERATOR_LESS_EQUAL:
		return order <= 0;
	case OPERATOR_GREATER:
		return order > 0;
	case OPERATOR_GREATER_EQUAL:
		return order >= 0;
	}
	return false;
}

static enum condition_verdict decide_cell(const struct condition *condition, const struct cell *cell)
{
	int order;

	if (cell->kind == CELL_UNCHANGED)
		return CONDITION_UNDECIDED;
	if (condition->kind == CONDITION_IS_NULL)
		return cell->kind == CELL_NULL ? CONDITION_TRUE : CONDITION_FALSE;
	if (cell->kind == CELL_NULL)
		return condition->kind == CONDITION_DISTINCT ? CONDITION_TRUE : CONDITION_UNKNOWN;
	if (!order_of_cell(condition, cell, &order))
		return CONDITION_UNDECIDED;
	if (condition->kind == CONDITION_DISTINCT)
		return order != 0 ? CONDITION_TRUE : CONDITION_FALSE;
	return holds(condition->operator, order) ? CONDITION_TRUE : CONDITION_FALSE;
}

/* One side that is `decisive` decides for both; else what nobody knows goes before what is unknown. */
static enum condition_verdict decide_both(const struct condition *condition, const struct cell *cells,
                                          enum condition_verdict decisive, enum condition_verdict neutral)
{
	enum condition_verdict left = condition_decide(condition->left, cells), right;

	if (left == decisive)
		return decisive;
	right = condition_decide(condition->right, cells);
	if (right == decisive || left == neutral)
		return right;
	return right == CONDITION_UNDECIDED ? right : left;
}

enum condition_verdict condition_decide(const struct condition *condition, const struct cell *cells)
{
	enum condition_verdict left;

	switch (condition->kind) {
	case CONDITION_AND:
		return decide_both(condition, cells, CONDITION_FALSE, CONDITION_TRUE);
	case CONDITION_OR:
		return decide_both(condition, cells, CONDITION_TRUE, CONDITION_FALSE);
	case CONDITION_NOT:
		left = condition_decide(condition->left, cells);
		return left == CONDITION_TRUE ? CONDITION_FALSE : left == CONDITION_FALSE ? CONDITION_TRUE : left;
	default:
		return decide_cell(condition, &cells[condition->column]);
	}
}
