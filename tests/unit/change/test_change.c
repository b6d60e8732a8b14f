/* Proves: a transaction keeps its changes in order and within its maximum; an LSN reads back as it was printed. */
#include "change/change.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_transaction(void **state)
{
	struct transaction *transaction = transaction_new(1024);
	struct change *change;
	uint32_t count = 0;
	const struct change *at;

	(void)state;
	assert_non_null(transaction);
	assert_null(transaction->first);
	while ((change = transaction_add(transaction))) {
		assert_null(change->row);
		change->table = count++;
	}
	assert_int_equal(transaction->changes_count, count);
	assert_in_range(count, 10, 1024 / sizeof(*change));
	count = 0;
	for (at = transaction->first; at; at = at->next)
		assert_int_equal(at->table, count++);
	assert_int_equal(transaction->changes_count, count);
	transaction_free(transaction);
	transaction_free(NULL);
}

static void test_lsn(void **state)
{
	static const struct {
		uint64_t lsn;
		const char *text;
	} cases[] = {
	        {0, "0/0"},
	        {1, "0/1"},
	        {UINT64_C(0x16B374D848), "16/B374D848"},
	        {UINT64_C(0x100000000), "1/0"},
	        {UINT64_C(0x1000000010), "10/10"},
	        {UINT64_MAX, "FFFFFFFF/FFFFFFFF"},
	};
	char text[LSN_TEXT_SIZE];
	uint64_t lsn;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(lsn_print(cases[i].lsn, text), cases[i].text);
		assert_int_equal(lsn_parse(cases[i].text, &lsn), 0);
		assert_true(lsn == cases[i].lsn);
	}
	for (i = 0; i < 10000; i++) {
		uint64_t random = ((uint64_t)mrand48() << 32 ^ (uint64_t)mrand48()) >> (i % 64);

		assert_int_equal(lsn_parse(lsn_print(random, text), &lsn), 0);
		assert_true(lsn == random);
	}
	assert_int_equal(lsn_parse("aB/cD", &lsn), 0);
	assert_true(lsn == UINT64_C(0xAB000000CD));
}

static void test_lsn_refused(void **state)
{
	static const char *const texts[] = {"",    "/",    "1",    "1/",  "/1", "1/2/3", "123456789/0", "0/123456789",
	                                    "g/1", "1/2 ", " 1/2", "-1/2"};
	uint64_t lsn;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_int_equal(lsn_parse(texts[i], &lsn), ERR_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_transaction),
	        cmocka_unit_test(test_lsn),
	        cmocka_unit_test(test_lsn_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
