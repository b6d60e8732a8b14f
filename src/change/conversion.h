/*
 * change/conversion: how a property is computed from its column, where it is not simply the column's value.
 *
 * A fixed chain, each step of which may be missing, in this order: a constant instead of the column; a path into a JSON
 * document or an hstore; what it is read as; trim; letters; split; scale; epoch. mapping/ builds it, value_from_text carries it
 * out. Plain, immutable data; whoever made it owns it. docs/mapping.md says what each step does.
 */
#ifndef PGWEAVE_CHANGE_CONVERSION_H
#define PGWEAVE_CHANGE_CONVERSION_H

#include <stdbool.h>
#include <stdint.h>

enum conversion_letters {
	LETTERS_KEEP,
	LETTERS_LOWER,
	LETTERS_UPPER,
};

/* The unit in which seconds since 1970 are counted. */
enum conversion_epoch {
	EPOCH_NONE,
	EPOCH_SECONDS,
	EPOCH_MILLISECONDS,
	EPOCH_MICROSECONDS,
};

/* What a scalar of a JSON document, or a value of an hstore, is read as. */
enum conversion_as {
	CONVERT_AS_IT_IS,
	CONVERT_AS_TEXT,
	CONVERT_AS_FLOAT,
	CONVERT_AS_INTEGER,
};

struct conversion {
	const char *constant; /* NULL: none */
	const char *const *path;
	uint32_t path_count;
	bool pairs;            /* the path is a key of an hstore, and the only step */
	enum conversion_as as; /* with a path */
	bool trim;
	enum conversion_letters letters;
	const char *split; /* NULL: none */
	/* the factor mantissa / 10^decimals; a mantissa of 0: none */
	int64_t scale_mantissa;
	uint32_t scale_decimals; /* at most 18 */
	enum conversion_epoch epoch;
};

#endif
