/*
 * change/condition: which rows a mapping takes: an SQL condition over the cells of one row, decided without the server.
 *
 * Three-valued, as in SQL: a comparison with NULL is unknown, and only what is true is taken. mapping/ builds the tree and
 * makes sure that deciding it here and by PostgreSQL comes to the same. Plain, immutable data; whoever made it owns it.
 */
#ifndef PGWEAVE_CHANGE_CONDITION_H
#define PGWEAVE_CHANGE_CONDITION_H

#include "change/change.h"
#include "change/value.h"

enum condition_kind {
	CONDITION_AND,
	CONDITION_OR,
	CONDITION_NOT,      /* of left */
	CONDITION_IS_NULL,  /* column */
	CONDITION_COMPARE,  /* column, literal: unknown when the column is NULL */
	CONDITION_DISTINCT, /* the same as NOT_EQUAL, but NULL is a value like any other */
};

enum condition_operator {
	OPERATOR_EQUAL,
	OPERATOR_NOT_EQUAL,
	OPERATOR_LESS,
	OPERATOR_LESS_EQUAL,
	OPERATOR_GREATER,
	OPERATOR_GREATER_EQUAL,
};

/* How a column's text is set against a literal. */
enum condition_compare {
	COMPARE_VALUES,  /* as what value_from_text makes of both */
	COMPARE_BYTES,   /* texts that are equal only when their bytes are */
	COMPARE_PADDED,  /* char(n): blanks at the end do not count */
	COMPARE_DECIMAL, /* numeric: exact, whatever its scale */
};

struct condition {
	enum condition_kind kind;
	const struct condition *left;
	const struct condition *right;
	uint32_t column; /* of the row's cells */
	enum condition_operator operator;
	enum condition_compare compare;
	struct type type;    /* the column's */
	const char *literal; /* as PostgreSQL would print the value */
	struct value value;  /* COMPARE_VALUES: the literal's; a scalar of fixed size */
};

enum condition_verdict {
	CONDITION_FALSE,
	CONDITION_TRUE,
	CONDITION_UNKNOWN,
	CONDITION_UNDECIDED, /* it hangs on a cell that nobody knows, or that cannot be read */
};

enum condition_verdict condition_decide(const struct condition *condition, const struct cell *cells);

/* The order of two numbers as PostgreSQL prints a numeric: below, at or above 0. NaN is the largest, and equals itself. */
int condition_order_decimals(const char *a, size_t a_size, const char *b, size_t b_size);

#endif
