/*
 * Proves: answers pair with requests, whole and byte by byte; NOOP chunks and split messages are nothing special; after a
 * FAILURE only IGNORED is legal until RESET; every request completes exactly once, however it ends; limits and timers hold; any
 * callback may close.
 */
#include "hex.h"
#include "pure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

static struct pure pure;

#define SUCCESS "B1 70 A0"
#define IGNORED "B0 7E"
#define FAILURE "B1 7F A2 'code' 'Neo.ClientError.Statement.SyntaxError' 'message' 'no'"

static void ready(void)
{
	pure_init(&pure);
	pure_ready(&pure, 5, 4);
}

static void queue_transaction(void)
{
	PURE(&pure, begin, "begin", NULL);
	PURE(&pure, run, "run", "q", NULL, NULL);
	PURE(&pure, pull, "pull", BOLT_ALL, BOLT_QID_LAST);
	PURE(&pure, commit, "commit");
}

static void test_transaction(void **state)
{
	(void)state;
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		ready();
		pure.byte_by_byte = bytewise;
		queue_transaction();
		assert_int_equal(bolt_requests_in_flight(&pure.connection), 4);
		pure_answer(&pure, SUCCESS);
		pure_answer(&pure, "B1 70 A2 'fields' 91 'x' 'qid' 00");
		pure_answer(&pure, "B1 71 91 01");
		pure_answer(&pure, "B1 71 91 C0");
		pure_answer(&pure, "B1 70 A1 'has_more' C2");
		pure_answer(&pure, "B1 70 A1 'bookmark' 'b'");
		assert_string_equal(pure.log, "begin:ok run:ok record[1] record[1] pull:ok commit:ok");
		assert_int_equal(bolt_requests_in_flight(&pure.connection), 0);
		pure_free(&pure);
	}
}

static struct bolt_summary seen;
static char seen_bookmark[16];

static void on_summary(struct pure *p, const struct bolt_summary *summary)
{
	(void)p;
	seen = *summary;
	snprintf(seen_bookmark, sizeof(seen_bookmark), "%s", summary->bookmark ? summary->bookmark : "-");
}

static void test_summary(void **state)
{
	(void)state;
	ready();
	pure.on_summary = on_summary;
	queue_transaction();
	pure_answer(&pure, SUCCESS);
	assert_true(seen.qid == -1 && seen.t_first_ms == -1 && !seen.bookmark && !seen.fields && !seen.has_more);
	pure_answer(&pure, "B1 70 A3 'fields' 91 'x' 'qid' 02 't_first' 05");
	assert_true(seen.qid == 2 && seen.t_first_ms == 5 && seen.fields);
	pure_answer(&pure, "B1 70 A4 'has_more' C3 't_last' 07 'type' 'rw' 'stats' A1 'nodes-created' 01");
	assert_true(seen.has_more && seen.t_last_ms == 7 && seen.stats);
	pure_answer(&pure, "B1 70 A1 'bookmark' 'bm'");
	assert_string_equal(seen_bookmark, "bm");
	pure_free(&pure);
}

static void test_noop_and_chunks(void **state)
{
	(void)state;
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		ready();
		pure.byte_by_byte = bytewise;
		PURE(&pure, commit, "one");
		PURE(&pure, commit, "two");
		pure_feed(&pure, "0000 0000 0001 B1 0001 70 0001 A0 0000 0000 0000 0002 B170 0001 A0 0000 0000");
		assert_string_equal(pure.log, "one:ok two:ok");
		pure_free(&pure);
	}
}

static void test_split_everywhere(void **state)
{
	uint8_t bytes[256];
	size_t size = hex_parse("0003 B170A0 0000 0004 B1719101 0000 0002 B170 0001 A0 0000", bytes, sizeof(bytes));

	(void)state;
	for (size_t cut = 0; cut <= size; cut++) {
		ready();
		PURE(&pure, run, "run", "q", NULL, NULL);
		PURE(&pure, pull, "pull", BOLT_ALL, BOLT_QID_LAST);
		bolt__connection_feed(&pure.connection, bytes, cut);
		bolt__connection_feed(&pure.connection, bytes + cut, size - cut);
		assert_string_equal(pure.log, "run:ok record[1] pull:ok");
		pure_free(&pure);
	}
}

static void test_failure_ignored_reset(void **state)
{
	(void)state;
	ready();
	queue_transaction();
	PURE(&pure, reset, "reset");
	PURE(&pure, begin, "again", NULL);
	pure_answer(&pure, SUCCESS);
	pure_answer(&pure, FAILURE);
	assert_true(bolt_connection_is_failed(&pure.connection));
	assert_string_equal(pure.last_error.neo4j_code, "Neo.ClientError.Statement.SyntaxError");
	assert_string_equal(pure.last_error.message, "no");
	assert_true(!pure.last_error.fatal && !pure.last_error.retriable);
	pure_answer(&pure, IGNORED);
	pure_answer(&pure, IGNORED);
	pure_answer(&pure, SUCCESS);
	assert_false(bolt_connection_is_failed(&pure.connection));
	pure_answer(&pure, SUCCESS);
	assert_string_equal(pure.log, "begin:ok run:SERVER pull:IGNORED commit:IGNORED reset:ok again:ok");
	pure_free(&pure);
}

static void test_gql_failure(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_ready(&pure, 5, 7);
	PURE(&pure, commit, "commit");
	PURE(&pure, commit, "next");
	pure_answer(&pure, "B1 7F A4 'neo4j_code' 'Neo.TransientError.Transaction.DeadlockDetected' 'message' 'm' "
	                   "'gql_status' '50N05' 'description' 'd'");
	assert_string_equal(pure.last_error.neo4j_code, "Neo.TransientError.Transaction.DeadlockDetected");
	assert_string_equal(pure.last_error.gql_status, "50N05");
	assert_true(bolt_error_is_transient(&pure.last_error));
	pure_answer(&pure, IGNORED);
	assert_true(pure.last_error.code == BOLT_ERR_IGNORED && pure.last_error.retriable);
	pure_free(&pure);
}

static void test_interrupting_reset(void **state)
{
	(void)state;
	ready();
	PURE(&pure, run, "run", "q", NULL, NULL);
	PURE(&pure, pull, "pull", BOLT_ALL, BOLT_QID_LAST);
	PURE(&pure, reset, "reset1");
	PURE(&pure, reset, "reset2");
	pure_answer(&pure, IGNORED);
	pure_answer(&pure, IGNORED);
	pure_answer(&pure, IGNORED);
	pure_answer(&pure, SUCCESS);
	assert_string_equal(pure.log, "run:IGNORED pull:IGNORED reset1:IGNORED reset2:ok");
	pure_free(&pure);
}

static void test_violations(void **state)
{
	static const struct {
		const char *first;
		const char *answer;
	} rows[] = {
	        {SUCCESS, IGNORED}, /* nothing failed */
	        {FAILURE, SUCCESS}, /* after a failure only IGNORED */
	        {FAILURE, FAILURE},          {FAILURE, "B1 71 91 01"}, {SUCCESS, "B1 71 91 01"}, /* a record for a COMMIT */
	        {SUCCESS, "B1 72 A0"},                                                           /* no such response */
	        {SUCCESS, "B1 70 90"},                                                           /* not a map */
	        {SUCCESS, "B2 70 A0 A0"},    {SUCCESS, "B1 70 A0 00"},                           /* bytes behind */
	        {SUCCESS, "B1 70 A1 01 01"}, {SUCCESS, "B1"},          {SUCCESS, "01"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ready();
		PURE(&pure, begin, "one", NULL);
		PURE(&pure, commit, "two");
		PURE(&pure, commit, "three");
		pure_answer(&pure, rows[i].first);
		assert_false(pure.defunct);
		pure_answer(&pure, rows[i].answer);
		if (!pure.defunct)
			fail_msg("%s is taken", rows[i].answer);
		pure_finish(&pure);
		assert_int_equal(pure.error.code, BOLT_ERR_PROTOCOL);
		assert_non_null(strstr(pure.log, "two:PROTOCOL three:PROTOCOL closed:PROTOCOL"));
		pure_free(&pure);
	}
	ready();
	pure_answer(&pure, SUCCESS);
	assert_true(pure.defunct);
	pure_finish(&pure);
	pure_free(&pure);
}

static void test_failed_reset_is_the_end(void **state)
{
	(void)state;
	ready();
	PURE(&pure, reset, "reset");
	PURE(&pure, commit, "next");
	pure_answer(&pure, FAILURE);
	assert_true(pure.last_error.fatal);
	assert_true(pure.defunct);
	pure_finish(&pure);
	assert_string_equal(pure.log, "reset:SERVER next:SERVER closed:SERVER");
	pure_free(&pure);
}

static void test_login_refused(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_start(&pure);
	pure_feed(&pure, "00000405");
	pure_answer(&pure, SUCCESS);
	pure_answer(&pure, "B1 7F A2 'code' 'Neo.ClientError.Security.Unauthorized' 'message' 'bad password'");
	assert_true(pure.defunct);
	pure_finish(&pure);
	assert_string_equal(pure.log, "closed:AUTH");
	assert_string_equal(pure.error.message, "login at h:7687: bad password");
	pure_free(&pure);

	pure_init(&pure);
	pure_start(&pure);
	pure_feed(&pure, "00000404");
	pure_answer(&pure, "B1 7F A2 'code' 'Neo.TransientError.General.DatabaseUnavailable' 'message' 'later'");
	pure_finish(&pure);
	assert_string_equal(pure.log, "closed:SERVER");
	assert_true(pure.error.retriable && pure.error.fatal);
	pure_free(&pure);
}

static void test_utc(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_ready(&pure, 4, 4);
	assert_false(bolt_connection_utc(&pure.connection));
	pure_free(&pure);
	pure_init(&pure);
	pure_ready(&pure, 5, 0);
	assert_true(bolt_connection_utc(&pure.connection));
	pure_free(&pure);
	pure_init(&pure);
	pure_start(&pure);
	pure_feed(&pure, "00000404");
	pure_answer(&pure, "B1 70 A1 'patch_bolt' 91 'utc'");
	assert_string_equal(pure.log, "ready");
	assert_true(bolt_connection_utc(&pure.connection));
	pure_free(&pure);
}

static void test_not_ready(void **state)
{
	(void)state;
	pure_init(&pure);
	pure_start(&pure);
	assert_int_equal(bolt_commit(&pure.connection, NULL, NULL), BOLT_ERR_STATE);
	pure_feed(&pure, "00000405");
	assert_int_equal(bolt_commit(&pure.connection, NULL, NULL), BOLT_ERR_STATE);
	bolt_close(&pure.connection);
	assert_int_equal(bolt_commit(&pure.connection, NULL, NULL), BOLT_ERR_STATE);
	pure_finish(&pure);
	assert_string_equal(pure.log, "closed");
	pure_free(&pure);
}

static void test_close_completes_all(void **state)
{
	(void)state;
	ready();
	queue_transaction();
	pure_answer(&pure, SUCCESS);
	bolt_close(&pure.connection);
	bolt_close(&pure.connection);
	assert_string_equal(pure.log, "begin:ok");
	pure_answer(&pure, SUCCESS);
	assert_string_equal(pure.log, "begin:ok");
	pure_finish(&pure);
	assert_string_equal(pure.log, "begin:ok run:CANCELLED pull:CANCELLED commit:CANCELLED closed");
	assert_true(pure.goodbye);
	pure_free(&pure);
}

static void close_in_callback(struct pure *p, const char *name)
{
	if (!strcmp(name, "run"))
		bolt_close(&p->connection);
}

static void close_in_record(struct pure *p, const struct bolt_record *record)
{
	(void)record;
	bolt_close(&p->connection);
}

static void test_close_in_callbacks(void **state)
{
	(void)state;
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		ready();
		pure.byte_by_byte = bytewise;
		pure.on_done = close_in_callback;
		queue_transaction();
		pure_feed(&pure, "0003 B170A0 0000 0003 B170A0 0000 0003 B170A0 0000 0003 B170A0 0000");
		pure_finish(&pure);
		assert_string_equal(pure.log, "begin:ok run:ok pull:CANCELLED commit:CANCELLED closed");
		pure_free(&pure);
	}
	ready();
	pure.on_record = close_in_record;
	queue_transaction();
	pure_feed(&pure, "0003 B170A0 0000 0003 B170A0 0000 0002 B171 0002 9101 0000 0004 B1719101 0000");
	pure_finish(&pure);
	assert_string_equal(pure.log, "begin:ok run:ok record[1] pull:CANCELLED commit:CANCELLED closed");
	pure_free(&pure);
}

static void queue_in_callback(struct pure *p, const char *name)
{
	static int left = 3;

	if (!strcmp(name, "commit") && left--)
		PURE(p, commit, "commit");
}

static void test_queue_in_callback(void **state)
{
	(void)state;
	ready();
	pure.on_done = queue_in_callback;
	PURE(&pure, commit, "commit");
	for (int i = 0; i < 4; i++)
		pure_answer(&pure, SUCCESS);
	assert_string_equal(pure.log, "commit:ok commit:ok commit:ok commit:ok");
	assert_int_equal(bolt_requests_in_flight(&pure.connection), 0);
	pure_free(&pure);
}

static void test_goodbye_waits(void **state)
{
	(void)state;
	ready();
	PURE(&pure, commit, "one");
	PURE(&pure, commit, "two");
	bolt_goodbye(&pure.connection);
	assert_int_equal(bolt_commit(&pure.connection, NULL, NULL), BOLT_ERR_STATE);
	pure_answer(&pure, SUCCESS);
	assert_false(pure.defunct);
	pure_answer(&pure, SUCCESS);
	assert_true(pure.defunct && pure.goodbye);
	pure_finish(&pure);
	assert_string_equal(pure.log, "one:ok two:ok closed");
	pure_free(&pure);
	ready();
	bolt_goodbye(&pure.connection);
	assert_true(pure.defunct);
	pure_finish(&pure);
	pure_free(&pure);
}

static void test_receive_timeout(void **state)
{
	(void)state;
	pure_init(&pure);
	pure.config.receive_timeout_ms = 500;
	pure_ready(&pure, 5, 4);
	assert_true(bolt__connection_deadline(&pure.connection) == BOLT__NO_DEADLINE);
	pure.now_ms = 2000;
	PURE(&pure, commit, "commit");
	assert_true(bolt__connection_deadline(&pure.connection) == 2500);
	pure.now_ms = 2400;
	pure_feed(&pure, "0000"); /* NOOP: it lives */
	assert_true(bolt__connection_deadline(&pure.connection) == 2900);
	bolt_pause(&pure.connection);
	assert_true(bolt__connection_deadline(&pure.connection) == BOLT__NO_DEADLINE);
	pure.now_ms = 10000;
	bolt_resume(&pure.connection);
	bolt__connection_on_time(&pure.connection, 10499);
	assert_false(pure.defunct);
	bolt__connection_on_time(&pure.connection, 10500);
	assert_true(pure.defunct);
	pure_finish(&pure);
	assert_string_equal(pure.log, "pause resume commit:TIMEOUT closed:TIMEOUT");
	assert_true(pure.error.retriable);
	pure_free(&pure);
}

static void test_timeout_hint(void **state)
{
	static const struct {
		uint32_t configured_ms;
		const char *hint;
		uint64_t expected_ms;
	} rows[] = {
	        {0, "'connection.recv_timeout_seconds' 0A", 10000},     {3000, "'connection.recv_timeout_seconds' 0A", 3000},
	        {30000, "'connection.recv_timeout_seconds' 0A", 10000}, {3000, "'connection.recv_timeout_seconds' FF", 3000},
	        {0, "'connection.recv_timeout_seconds' 'x'", 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char hello[128];

		pure_init(&pure);
		pure.config.receive_timeout_ms = rows[i].configured_ms;
		pure_start(&pure);
		pure_feed(&pure, "00000404");
		snprintf(hello, sizeof(hello), "B1 70 A1 'hints' A1 %s", rows[i].hint);
		pure_answer(&pure, hello);
		assert_true(pure.connection.receive_timeout_ms == rows[i].expected_ms);
		pure_free(&pure);
	}
}

static void test_limits(void **state)
{
	struct bolt_writer params;

	(void)state;
	pure_init(&pure);
	pure.config.output_size_max = 1000;
	pure.config.output_size_high = 100;
	pure.config.request_count_max = 12;
	pure_ready(&pure, 5, 4);
	bolt_writer_init(&params, 4096);
	bolt_writer_map(&params, 1);
	bolt_writer_cstring(&params, "x");
	bolt_writer_bytes(&params, pure.log, 600);
	PURE(&pure, run, "run", "q", &params, NULL);
	assert_int_equal(bolt_run(&pure.connection, "q", &params, NULL, NULL, NULL), BOLT_ERR_LIMIT);
	assert_true(bolt_output_size(&pure.connection) > 600 && bolt_output_size(&pure.connection) < 1000);
	bolt__connection_drain(&pure.connection);
	assert_string_equal(pure.log, "");
	struct buffer output;
	buffer_init(&output, SIZE_MAX);
	assert_true(bolt__connection_take(&pure.connection, &output));
	assert_true(bolt_output_size(&pure.connection) == output.size);
	assert_int_equal(bolt_run(&pure.connection, "q", &params, NULL, NULL, NULL), BOLT_ERR_LIMIT);
	bolt__connection_sent(&pure.connection, output.size);
	bolt__connection_drain(&pure.connection);
	assert_string_equal(pure.log, "drain");
	for (int i = 0; i < 11; i++)
		PURE(&pure, commit, "commit");
	assert_int_equal(bolt_commit(&pure.connection, NULL, NULL), BOLT_ERR_LIMIT);
	assert_int_equal(bolt_reset(&pure.connection, NULL, NULL), 0);
	buffer_free(&output);
	bolt_writer_free(&params);
	pure_free(&pure);
}

static void test_message_too_large(void **state)
{
	(void)state;
	for (int bytewise = 0; bytewise < 2; bytewise++) {
		pure_init(&pure);
		pure.config.message_size_max = 64;
		pure_ready(&pure, 5, 4);
		pure.byte_by_byte = bytewise;
		PURE(&pure, commit, "commit");
		pure_answer(&pure, "B1 70 A2 'a' '0123456789012345678901234567890123456789' "
		                   "'b' '0123456789012345678901234567890123456789'");
		assert_true(pure.defunct);
		pure_finish(&pure);
		assert_string_equal(pure.log, "commit:LIMIT closed:LIMIT");
		pure_free(&pure);
	}
}

static void test_too_deep(void **state)
{
	(void)state;
	pure_init(&pure);
	pure.config.depth_max = 3;
	pure_ready(&pure, 5, 4);
	PURE(&pure, pull, "pull", BOLT_ALL, BOLT_QID_LAST);
	pure_answer(&pure, "B1 71 91 91 91 01");
	assert_string_equal(pure.log, "record[1]");
	pure_answer(&pure, "B1 71 91 91 91 91 01");
	assert_true(pure.defunct);
	pure_finish(&pure);
	assert_string_equal(pure.log, "record[1] pull:LIMIT closed:LIMIT");
	pure_free(&pure);
}

static char trace[512];

static void on_state(void *user, const struct bolt_connection *connection, const char *from, const char *to)
{
	size_t size = strlen(trace);

	(void)user, (void)connection;
	snprintf(trace + size, sizeof(trace) - size, "%s>%s ", from, to);
}

static void test_states(void **state)
{
	(void)state;
	trace[0] = '\0';
	pure_init(&pure);
	pure.config.on_state = on_state;
	pure_ready(&pure, 5, 4);
	PURE(&pure, commit, "commit");
	pure_answer(&pure, FAILURE);
	PURE(&pure, reset, "reset");
	pure_answer(&pure, SUCCESS);
	bolt_close(&pure.connection);
	pure_finish(&pure);
	assert_string_equal(trace, "IDLE>HANDSHAKE HANDSHAKE>LOGIN LOGIN>READY READY>FAILED FAILED>READY READY>DEFUNCT "
	                           "DEFUNCT>CLOSED ");
	pure_free(&pure);
}

static size_t tapped;

static void on_send(void *user, const void *bytes, size_t size)
{
	(void)user, (void)bytes;
	tapped += size;
}

static void test_tap(void **state)
{
	(void)state;
	tapped = 0;
	pure_init(&pure);
	pure.config.on_send = on_send;
	pure_start(&pure);
	assert_output(&pure, "6060B017 000001FF 00080805 00000404 00000000");
	assert_int_equal(tapped, 20);
	pure_free(&pure);
}

/*
 * Random histories: random requests, random legal answers, a cut at a random place, then the end. Each request must have
 * completed once and in order.
 */
static unsigned random_next(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static size_t done_next;
static bool done_order_broken;

static void on_counted(void *user, const struct bolt_summary *summary, const struct bolt_error *error)
{
	(void)summary, (void)error;
	if ((size_t)user != done_next)
		done_order_broken = true;
	done_next++;
}

static const struct bolt_handler counted = {.on_done = on_counted};

static int queue_random(unsigned *seed, size_t number, bool *ret_reset)
{
	void *user = (void *)number;

	*ret_reset = false;
	switch (random_next(seed) % 5) {
	case 0:
		return bolt_begin(&pure.connection, NULL, &counted, user);
	case 1:
		return bolt_run(&pure.connection, "q", NULL, NULL, &counted, user);
	case 2:
		return bolt_pull(&pure.connection, BOLT_ALL, BOLT_QID_LAST, &counted, user);
	case 3:
		return bolt_commit(&pure.connection, &counted, user);
	default:
		*ret_reset = true;
		return bolt_reset(&pure.connection, &counted, user);
	}
}

static void test_random_histories(void **state)
{
	(void)state;
	for (unsigned history = 1; history <= 500; history++) {
		unsigned seed = history;
		bool resets[512] = {0}, failed = false;
		size_t queued = 0, answered = 0;

		ready();
		done_next = 0;
		done_order_broken = false;
		pure.byte_by_byte = history % 2;
		for (int step = 0; step < 200; step++) {
			if (random_next(&seed) % 2 || answered == queued) {
				assert_int_equal(queue_random(&seed, queued, &resets[queued]), 0);
				queued++;
			} else if (resets[answered]) {
				pure_answer(&pure, SUCCESS);
				failed = false;
				answered++;
			} else if (failed) {
				pure_answer(&pure, IGNORED);
				answered++;
			} else {
				failed = random_next(&seed) % 4 == 0;
				pure_answer(&pure, failed ? FAILURE : SUCCESS);
				answered++;
			}
			assert_int_equal(done_next, answered);
		}
		assert_int_equal(bolt_requests_in_flight(&pure.connection), queued - answered);
		if (history % 3)
			bolt_close(&pure.connection);
		else
			pure_feed(&pure, answered < queued ? "0002 FFFF 0000" : "0001 01 0000");
		pure_finish(&pure);
		assert_int_equal(done_next, queued);
		assert_false(done_order_broken);
		pure_free(&pure);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_transaction),
	        cmocka_unit_test(test_summary),
	        cmocka_unit_test(test_noop_and_chunks),
	        cmocka_unit_test(test_split_everywhere),
	        cmocka_unit_test(test_failure_ignored_reset),
	        cmocka_unit_test(test_gql_failure),
	        cmocka_unit_test(test_interrupting_reset),
	        cmocka_unit_test(test_violations),
	        cmocka_unit_test(test_failed_reset_is_the_end),
	        cmocka_unit_test(test_login_refused),
	        cmocka_unit_test(test_utc),
	        cmocka_unit_test(test_not_ready),
	        cmocka_unit_test(test_close_completes_all),
	        cmocka_unit_test(test_close_in_callbacks),
	        cmocka_unit_test(test_queue_in_callback),
	        cmocka_unit_test(test_goodbye_waits),
	        cmocka_unit_test(test_receive_timeout),
	        cmocka_unit_test(test_timeout_hint),
	        cmocka_unit_test(test_limits),
	        cmocka_unit_test(test_message_too_large),
	        cmocka_unit_test(test_too_deep),
	        cmocka_unit_test(test_states),
	        cmocka_unit_test(test_tap),
	        cmocka_unit_test(test_random_histories),
	};

	return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
