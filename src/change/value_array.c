#include "change/value_room.h"

#include <string.h>
#include <strings.h>

#define ARRAY_DEPTH_MAX 6 /* PostgreSQL's */

/*
 * An array as PostgreSQL prints it:
 *
 *   array    = [ bounds '=' ] '{' [ element { delimiter element } ] '}'
 *   bounds   = '[' int ':' int ']' ...          only when the lower bound is not 1
 *   element  = '"' { char | '\' char } '"'      when it holds {}",\ or white space, is empty, or reads NULL
 *            | char { char }                    NULL, bare, is the null element
 *            | '{' ... '}'                      a further dimension: refused
 */
struct array_scan {
	const char *at;
	const char *end;
	char delimiter;
};

static int refuse(struct error *error, const char *why)
{
	return error_set_class(error, ERR_VALUE, ERROR_POISON, "an array %s", why);
}

static int skip_bounds(struct array_scan *scan, struct error *error)
{
	if (scan->at == scan->end || *scan->at != '[')
		return 0;
	while (scan->at < scan->end && *scan->at && strchr("[]:+-0123456789", *scan->at))
		scan->at++;
	if (scan->at == scan->end || *scan->at != '=')
		return refuse(error, "with bounds that cannot be read");
	scan->at++;
	return 0;
}

/* No more elements than this: delimiters inside quotes are counted too. */
static size_t count_at_most(const struct array_scan *scan)
{
	const char *at = scan->at;
	size_t count = 1;

	while ((at = memchr(at, scan->delimiter, (size_t)(scan->end - at)))) {
		count++;
		at++;
	}
	return count;
}

static int next_quoted(struct array_scan *scan, struct arena *arena, const char **ret_text, size_t *ret_size,
                       struct error *error)
{
	const char *start = ++scan->at;
	const char *end;
	size_t escapes = 0;
	char *text, *to;

	while (scan->at < scan->end && *scan->at != '"') {
		if (*scan->at == '\\') {
			escapes++;
			scan->at++;
			if (scan->at == scan->end)
				break;
		}
		scan->at++;
	}
	if (scan->at == scan->end)
		return refuse(error, "that ends inside a quoted element");
	end = scan->at++;
	*ret_text = start;
	*ret_size = (size_t)(end - start) - escapes;
	if (!escapes)
		return 0;
	text = to = arena_alloc(arena, *ret_size + 1);
	if (!text)
		return error_set(error, ERR_NOMEM, "no memory for an array element of %zu bytes", *ret_size);
	for (; start < end; start++) {
		if (*start == '\\')
			start++;
		*to++ = *start;
	}
	*ret_text = text;
	return 0;
}

static int next_bare(struct array_scan *scan, const char **ret_text, size_t *ret_size, struct error *error)
{
	const char *start = scan->at;

	while (scan->at < scan->end && *scan->at != scan->delimiter && *scan->at != '}' && *scan->at != '{' &&
	       *scan->at != '"' && *scan->at != '\\')
		scan->at++;
	*ret_text = start;
	*ret_size = (size_t)(scan->at - start);
	return *ret_size ? 0 : refuse(error, "with an empty element that is not quoted");
}

static bool is_null(const char *text, size_t size)
{
	return size == 4 && strncasecmp(text, "NULL", 4) == 0;
}

/* nulls: whether a NULL is taken. */
static int read_scalar(struct array_scan *scan, const struct type *type, struct arena *arena, bool nulls,
                       struct value *ret_value, struct error *error)
{
	bool quoted = *scan->at == '"';
	const char *text = NULL;
	size_t size = 0;
	int rc = quoted ? next_quoted(scan, arena, &text, &size, error) : next_bare(scan, &text, &size, error);

	if (rc || quoted || !is_null(text, size))
		return rc ? rc : value_from_text(type, text, size, arena, ret_value, error);
	*ret_value = (struct value){.kind = VALUE_NULL};
	return nulls ? 0 : refuse(error, "with a NULL element: a list in Neo4j cannot hold one");
}

static int read_element(struct array_scan *scan, const struct type *type, struct arena *arena, struct value *ret_value,
                        struct error *error)
{
	if (scan->at == scan->end)
		return refuse(error, "that ends too early");
	if (*scan->at == '{')
		return refuse(error, "of more than one dimension: a list in Neo4j cannot hold lists");
	return read_scalar(scan, type, arena, false, ret_value, error);
}

int value__read_array(const struct type *type, const char *text, size_t size, struct arena *arena, struct value *ret_value,
                      struct error *error)
{
	struct array_scan scan = {.at = text, .end = text + size, .delimiter = (char)(type->delimiter ? type->delimiter : ',')};
	const struct type element = {.kind = type->kind, .numeric_as = type->numeric_as};
	struct value *list;
	size_t count_max;
	uint32_t count = 0;
	int rc = skip_bounds(&scan, error);

	if (rc)
		return rc;
	if (scan.at == scan.end || *scan.at++ != '{')
		return refuse(error, "that does not begin with {");
	count_max = count_at_most(&scan);
	list = arena_calloc(arena, count_max, sizeof(*list));
	if (!list)
		return error_set(error, ERR_NOMEM, "no memory for an array of %zu elements", count_max);
	if (scan.at < scan.end && *scan.at == '}') {
		scan.at++;
		goto out;
	}
	do {
		rc = read_element(&scan, &element, arena, &list[count], error);
		if (rc)
			return rc;
		count++;
	} while (scan.at < scan.end && *scan.at == scan.delimiter && scan.at++);
	if (scan.at == scan.end || *scan.at++ != '}')
		return refuse(error, "without a delimiter or } behind an element");
out:
	if (scan.at != scan.end)
		return refuse(error, "with something behind its }");
	*ret_value = (struct value){.kind = VALUE_LIST, .size = count, .list = list};
	return 0;
}

/* One opening brace, or an element; then all the closing braces and the delimiter behind it. */
static int read_nested(struct array_scan *scan, const struct type *type, struct arena *arena, uint32_t *depth,
                       struct value *list, uint32_t *count, struct error *error)
{
	int rc = 0;

	if (scan->at == scan->end)
		return refuse(error, "that ends too early");
	if (*scan->at == '{') {
		scan->at++;
		if (++*depth > ARRAY_DEPTH_MAX)
			return refuse(error, "of too many dimensions");
		return 0;
	}
	rc = read_scalar(scan, type, arena, true, &list[*count], error);
	if (rc)
		return rc;
	++*count;
	while (*depth && scan->at < scan->end && *scan->at == '}') {
		scan->at++;
		--*depth;
	}
	if (!*depth)
		return 0;
	if (scan->at == scan->end || *scan->at++ != scan->delimiter)
		return refuse(error, "without a delimiter or } behind an element");
	return 0;
}

int value_elements_from_text(const struct type *type, const char *text, size_t size, struct arena *arena,
                             const struct value **ret_values, uint32_t *ret_count, struct error *error)
{
	struct array_scan scan = {.at = text, .end = text + size, .delimiter = (char)(type->delimiter ? type->delimiter : ',')};
	const struct type element = {.kind = type->kind, .numeric_as = type->numeric_as};
	uint32_t count = 0, depth = 1;
	struct value *list;
	int rc = skip_bounds(&scan, error);

	if (rc)
		return rc;
	if (scan.at == scan.end || *scan.at++ != '{')
		return refuse(error, "that does not begin with {");
	list = arena_calloc(arena, count_at_most(&scan), sizeof(*list));
	if (!list)
		return error_set(error, ERR_NOMEM, "no memory for an array's elements");
	if (scan.at < scan.end && *scan.at == '}') {
		scan.at++;
		depth = 0;
	}
	while (depth && rc == 0)
		rc = read_nested(&scan, &element, arena, &depth, list, &count, error);
	if (rc)
		return rc;
	if (scan.at != scan.end)
		return refuse(error, "with something behind its }");
	*ret_values = list;
	*ret_count = count;
	return 0;
}
