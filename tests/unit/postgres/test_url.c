/* Proves: a URL is read without a connection, its password never shows, and a bad one is a clear error that does not quote it.
 */
#include "base/buffer.h"
#include "postgres/connection.h"

#include <setjmp.h>
#include <string.h>

#include <cmocka.h>

static void test_good(void **state)
{
	struct buffer text;
	struct error error;

	(void)state;
	buffer_init(&text, 1000);
	assert_int_equal(postgres_url_check("postgresql://sync:geheim@db.example:5433/app?sslmode=verify-full", &text, &error),
	                 0);
	assert_string_equal(buffer_text(&text),
	                    "user=sync password=*** dbname=app host=db.example port=5433 sslmode=verify-full");
	buffer_reset(&text);
	assert_int_equal(postgres_url_check("host=/run dbname=x", &text, &error), 0);
	assert_string_equal(buffer_text(&text), "dbname=x host=/run");
	buffer_free(&text);
}

static void test_bad(void **state)
{
	static const char *const urls[] = {
	        "postgresql://u:geheim@h/%",
	        "postgresql://u:geheim@h:port/d?nonsense=1",
	        "postgresql://u:geheim@[::1/d",
	        "nonsense=geheim",
	        "geheim",
	};
	struct buffer text;
	struct error error;
	size_t i;

	(void)state;
	buffer_init(&text, 1000);
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		assert_int_equal(postgres_url_check(urls[i], &text, &error), ERR_CONFIG);
		assert_null(strstr(error.text, "geheim"));
		assert_null(strstr(error.hint, "geheim"));
		assert_true(strlen(error.hint) > 0);
	}
	buffer_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_good),
	        cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
