/* Proves: three-valued logic, each kind of comparison, the order of decimals, and that what nobody knows is told apart. */
#include "change/condition.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define F CONDITION_FALSE
#define T CONDITION_TRUE
#define N CONDITION_UNKNOWN
#define X CONDITION_UNDECIDED

/* "flag = true" over one cell each: so a column can be made to be any of the four. */
static const struct condition flag[] = {
        {.kind = CONDITION_COMPARE,
         .column = 0,
         .type.kind = TYPE_BOOL,
         .literal = "t",
         .value = {.kind = VALUE_BOOL, .boolean = true}},
        {.kind = CONDITION_COMPARE,
         .column = 1,
         .type.kind = TYPE_BOOL,
         .literal = "t",
         .value = {.kind = VALUE_BOOL, .boolean = true}},
};

static struct cell text_cell(const char *text)
{
	return (struct cell){.kind = CELL_TEXT, .data = text, .size = (uint32_t)strlen(text)};
}

static struct cell cell_of(enum condition_verdict verdict)
{
	static const enum cell_kind kinds[] = {[F] = CELL_TEXT, [T] = CELL_TEXT, [N] = CELL_NULL, [X] = CELL_UNCHANGED};
	struct cell cell = text_cell(verdict == T ? "t" : "f");

	cell.kind = kinds[verdict];
	return cell;
}

static void test_logic_has_three_values_and_one_that_nobody_knows(void **state)
{
	static const enum condition_verdict and[4][4] = {{F, F, F, F}, {F, T, N, X}, {F, N, N, X}, {F, X, X, X}};
	static const enum condition_verdict or [4][4] = {{F, T, N, X}, {T, T, T, T}, {N, T, N, X}, {X, T, X, X}};
	static const enum condition_verdict not [4] = {T, F, N, X};
	struct condition condition = {.left = &flag[0], .right = &flag[1]};

	(void)state;
	for (int a = 0; a < 4; a++)
		for (int b = 0; b < 4; b++) {
			struct cell cells[] = {cell_of((enum condition_verdict)a), cell_of((enum condition_verdict)b)};

			condition.kind = CONDITION_AND;
			assert_int_equal(condition_decide(&condition, cells), and[a][b]);
			condition.kind = CONDITION_OR;
			assert_int_equal(condition_decide(&condition, cells), or [a][b]);
			condition.kind = CONDITION_NOT;
			assert_int_equal(condition_decide(&condition, cells), not [a]);
		}
}

static void test_null_is_a_value_only_where_sql_says_so(void **state)
{
	struct condition condition = flag[0];
	struct cell null = {.kind = CELL_NULL}, true_cell = text_cell("t"), unread = text_cell("maybe");

	(void)state;
	condition.kind = CONDITION_IS_NULL;
	assert_int_equal(condition_decide(&condition, &null), T);
	assert_int_equal(condition_decide(&condition, &true_cell), F);
	condition.kind = CONDITION_DISTINCT;
	assert_int_equal(condition_decide(&condition, &null), T);
	assert_int_equal(condition_decide(&condition, &true_cell), F);
	assert_int_equal(condition_decide(&condition, &unread), X);
}

static void test_operators(void **state)
{
	static const struct {
		enum condition_operator operator;
		bool below, at, above;
	} rows[] = {
	        {OPERATOR_EQUAL, false, true, false},   {OPERATOR_NOT_EQUAL, true, false, true},
	        {OPERATOR_LESS, true, false, false},    {OPERATOR_LESS_EQUAL, true, true, false},
	        {OPERATOR_GREATER, false, false, true}, {OPERATOR_GREATER_EQUAL, false, true, true},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const struct condition condition = {.kind = CONDITION_COMPARE,
		                                    .operator= rows[i].operator,
		                                    .type.kind = TYPE_INT,
		                                    .literal = "7",
		                                    .value = {.kind = VALUE_INT, .integer = 7}};
		struct cell below = text_cell("-70"), at = text_cell("7"), above = text_cell("70");

		assert_int_equal(condition_decide(&condition, &below), rows[i].below ? T : F);
		assert_int_equal(condition_decide(&condition, &at), rows[i].at ? T : F);
		assert_int_equal(condition_decide(&condition, &above), rows[i].above ? T : F);
	}
}

static void test_texts_are_equal_by_bytes_or_without_padding(void **state)
{
	struct condition condition = {
	        .kind = CONDITION_COMPARE, .compare = COMPARE_BYTES, .type.kind = TYPE_TEXT, .literal = "ab"};
	struct cell padded = text_cell("ab  "), exact = text_cell("ab"), longer = text_cell("abc");

	(void)state;
	assert_int_equal(condition_decide(&condition, &exact), T);
	assert_int_equal(condition_decide(&condition, &padded), F);
	condition.compare = COMPARE_PADDED;
	assert_int_equal(condition_decide(&condition, &padded), T);
	assert_int_equal(condition_decide(&condition, &longer), F);
}

/* Each above all before it. */
static void test_decimals_have_an_order_of_any_length(void **state)
{
	static const char *const rising[] = {
	        "-Infinity", "-100000000000000000000",
	        "-10.01",    "-10",
	        "-0.5",      "-0.4999",
	        "0",         "0.00000000000000000000001",
	        "0.1",       "0.11",
	        "9",         "10",
	        "10.001",    "99",
	        "100",       "12345678901234567890.1",
	        "Infinity",  "NaN",
	};
	static const char *const equal[][2] = {{"1", "1.000"}, {"0", "-0.0"}, {"007", "7"}, {"NaN", "NaN"}, {"0.50", ".5"}};

	(void)state;
	for (size_t i = 0; i < sizeof(rising) / sizeof(*rising); i++)
		for (size_t k = 0; k < sizeof(rising) / sizeof(*rising); k++) {
			int order = condition_order_decimals(rising[i], strlen(rising[i]), rising[k], strlen(rising[k]));

			assert_int_equal(order < 0, i < k);
			assert_int_equal(order > 0, i > k);
		}
	for (size_t i = 0; i < sizeof(equal) / sizeof(*equal); i++)
		assert_int_equal(condition_order_decimals(equal[i][0], strlen(equal[i][0]), equal[i][1], strlen(equal[i][1])),
		                 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_logic_has_three_values_and_one_that_nobody_knows),
	        cmocka_unit_test(test_null_is_a_value_only_where_sql_says_so),
	        cmocka_unit_test(test_operators),
	        cmocka_unit_test(test_texts_are_equal_by_bytes_or_without_padding),
	        cmocka_unit_test(test_decimals_have_an_order_of_any_length),
	};

	return cmocka_run_group_tests_name("change/condition", tests, NULL, NULL);
}
