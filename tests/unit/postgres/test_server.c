/*
 * Proves, on a real server: logins and their errors, statements, COPY with pauses, slot, snapshot and stream, the catalogue,
 * what a watch over tables notices, the facts, and that every request completes exactly once, whatever breaks. Skipped without
 * PGWEAVE_PG_URL, a superuser's URL of a server with wal_level=logical; makes a database of its own and drops it.
 */
#include "change/value.h"
#include "pgoutput/decoder.h"
#include "postgres/catalog.h"
#include "postgres/copy.h"
#include "postgres/facts.h"
#include "mapping/quote.h"
#include "postgres/replication.h"
#include "postgres/watch.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TIMEOUT_MS 20000
#define DATABASE_SIZE 64

static uv_loop_t loop;
static const char *server_url;
static char database[DATABASE_SIZE];
static char database_url[512];

/* What a callback left behind. */
struct outcome {
	int calls;
	bool failed;
	struct error error;
	char text[256]; /* of row 0, column 0 */
	uint32_t rows;
	uint64_t lsn;
};

static void note(struct outcome *outcome, const struct error *error)
{
	outcome->calls++;
	outcome->failed = error != NULL;
	if (error)
		outcome->error = *error;
}

static void on_done(void *user, const struct error *error)
{
	note(user, error);
}

static void on_result(void *user, const struct postgres_result *result, const struct error *error)
{
	struct outcome *outcome = user;
	const char *text = postgres_result_text(result, 0, 0);

	note(outcome, error);
	outcome->rows = postgres_result_rows(result);
	snprintf(outcome->text, sizeof(outcome->text), "%s", text ? text : "NULL");
}

static void on_closed(void *user)
{
	++*(int *)user;
}

static void on_timeout(uv_timer_t *timer)
{
	*(bool *)timer->data = true;
}

/* Runs the loop until *calls is at least count. */
static void wait_for(const int *calls, int count)
{
	uv_timer_t timer;
	bool late = false;

	uv_timer_init(&loop, &timer);
	timer.data = &late;
	uv_timer_start(&timer, on_timeout, TIMEOUT_MS, 0);
	while (*calls < count && !late)
		uv_run(&loop, UV_RUN_ONCE);
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_NOWAIT);
	if (late)
		fail_msg("nothing happened in %d ms", TIMEOUT_MS);
}

static void assert_ok(const struct outcome *outcome)
{
	assert_int_equal(outcome->calls, 1);
	if (outcome->failed)
		fail_msg("%s", outcome->error.text);
}

static struct postgres_connection *open_with(const char *url, bool replication, struct outcome *lost)
{
	const struct postgres_options options = {
	        .url = url, .pipeline = "test", .replication = replication, .on_lost = lost ? on_done : NULL, .user = lost};
	struct postgres_connection *connection;
	struct outcome outcome = {0};
	struct error error;

	assert_int_equal(postgres_connect(&loop, &options, on_done, &outcome, &connection, &error), 0);
	wait_for(&outcome.calls, 1);
	assert_ok(&outcome);
	assert_true(postgres_is_alive(connection));
	return connection;
}

static void close_now(struct postgres_connection *connection)
{
	int closed = 0;

	postgres_close(connection, on_closed, &closed);
	wait_for(&closed, 1);
}

static struct outcome query(struct postgres_connection *connection, const char *sql)
{
	struct outcome outcome = {0};
	struct error error;

	assert_int_equal(postgres_query(connection, sql, NULL, 0, on_result, &outcome, &error), 0);
	wait_for(&outcome.calls, 1);
	return outcome;
}

static void execute(struct postgres_connection *connection, const char *sql)
{
	struct outcome outcome = query(connection, sql);

	if (outcome.failed)
		fail_msg("%s: %s", sql, outcome.error.text);
}

/* --- logins */

static void assert_login(const char *url, enum error_code code, enum error_class class, const char *origin)
{
	const struct postgres_options options = {.url = url, .connect_timeout_ms = 5000};
	struct postgres_connection *connection;
	struct outcome login = {0}, statement = {0};
	struct error error;

	assert_int_equal(postgres_connect(&loop, &options, on_done, &login, &connection, &error), 0);
	assert_int_equal(postgres_query(connection, "SELECT 1", NULL, 0, on_result, &statement, &error), 0);
	wait_for(&login.calls, 1);
	assert_int_equal(login.error.code, code);
	assert_int_equal(login.error.class, class);
	assert_string_equal(login.error.origin, origin);
	assert_null(strchr(login.error.text, '\n'));
	assert_null(strstr(login.error.text, "geheim"));
	assert_true(strlen(login.error.hint) > 0);
	assert_int_equal(statement.calls, 1);
	assert_int_equal(statement.error.code, code);
	assert_false(postgres_is_alive(connection));
	assert_int_not_equal(postgres_query(connection, "SELECT 1", NULL, 0, on_result, &statement, &error), 0);
	close_now(connection);
	assert_int_equal(login.calls, 1);
	assert_int_equal(statement.calls, 1);
}

/* server_url with other words in the places of user, password, port and database; NULL: as it is. */
static const char *url_with(char url[512], const char *user, const char *port, const char *name)
{
	char own_user[64], own_password[128], own_host[128], own_port[16];

	assert_int_equal(sscanf(server_url, "postgresql://%63[^:]:%127[^@]@%127[^:]:%15[^/]", own_user, own_password, own_host,
	                        own_port),
	                 4);
	snprintf(url, 512, "postgresql://%s:%s@%s:%s/%s", user ? user : own_user, user ? "geheim" : own_password, own_host,
	         port ? port : own_port, name ? name : database);
	return url;
}

static void test_logins(void **state)
{
	char url[512];

	(void)state;
	assert_login(url_with(url, "nobody_at_all", NULL, NULL), ERR_AUTH, ERROR_FATAL, "28P01");
	assert_login(url_with(url, NULL, NULL, "no_such_database"), ERR_STATE, ERROR_FATAL, "3D000");
	assert_login(url_with(url, NULL, "1", NULL), ERR_IO, ERROR_RETRY, "");
}

static void test_bad_url(void **state)
{
	const struct postgres_options options = {.url = "postgresql://u:geheim@h:1/%"};
	struct postgres_connection *connection;
	struct outcome outcome = {0};
	struct error error;

	(void)state;
	assert_int_equal(postgres_connect(&loop, &options, on_done, &outcome, &connection, &error), ERR_CONFIG);
	assert_int_equal(outcome.calls, 0);
}

/* --- statements */

static void test_queries(void **state)
{
	static const char *const params[] = {"it's", NULL};
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	struct outcome outcomes[6] = {0};
	struct error error;
	size_t i;

	(void)state;
	assert_int_equal(
	        postgres_query(connection, "SELECT $1::text || coalesce($2, '!')", params, 2, on_result, &outcomes[0], &error),
	        0);
	assert_int_equal(postgres_query(connection, "SELECT 1; SELECT 2", NULL, 0, on_result, &outcomes[1], &error), 0);
	assert_int_equal(postgres_query(connection, "SELECT 1/0", NULL, 0, on_result, &outcomes[2], &error), 0);
	assert_int_equal(postgres_query(connection, "SELECT * FROM nowhere", NULL, 0, on_result, &outcomes[3], &error), 0);
	assert_int_equal(postgres_query(connection, "COPY (SELECT 1) TO STDOUT", NULL, 0, on_result, &outcomes[4], &error), 0);
	assert_int_equal(postgres_query(connection, "SELECT NULL", NULL, 0, on_result, &outcomes[5], &error), 0);
	for (i = 0; i < 6; i++)
		assert_int_equal(outcomes[i].calls, 0);
	wait_for(&outcomes[5].calls, 1);
	assert_string_equal(outcomes[0].text, "it's!");
	assert_string_equal(outcomes[1].text, "2");
	assert_string_equal(outcomes[2].error.origin, "22012");
	assert_int_equal(outcomes[2].error.code, ERR_SERVER);
	assert_string_equal(outcomes[3].error.origin, "42P01");
	assert_int_equal(outcomes[4].error.code, ERR_USAGE);
	assert_string_equal(outcomes[5].text, "NULL");
	for (i = 0; i < 6; i++)
		assert_int_equal(outcomes[i].calls, 1);
	assert_true(postgres_is_alive(connection));
	close_now(connection);
}

/* Names and texts of any kind come back as they went in. */
static void test_quoting(void **state)
{
	static const char *const texts[] = {"a", "it's", "\"x\"", "back\\slash", "\\'; --", "tab\tline\n", "\xc3\xa4"};
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	struct buffer sql;
	size_t i;

	(void)state;
	buffer_init(&sql, 10000);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct outcome outcome;

		buffer_reset(&sql);
		buffer_append_text(&sql, "SELECT x.");
		sql_quote_identifier(&sql, texts[i]);
		buffer_append_text(&sql, " FROM (SELECT ");
		sql_quote_literal(&sql, texts[i]);
		buffer_append_text(&sql, " AS ");
		sql_quote_identifier(&sql, texts[i]);
		buffer_append_text(&sql, ") x");
		outcome = query(connection, buffer_text(&sql));
		assert_ok(&outcome);
		assert_string_equal(outcome.text, texts[i]);
	}
	buffer_free(&sql);
	close_now(connection);
}

/* The session prints what change/value.h reads. */
static void test_texts(void **state)
{
	static const struct {
		const char *sql;
		const char *text;
	} cases[] = {
	        {"SELECT timestamptz '2024-01-01 12:00+05:30'", "2024-01-01 06:30:00+00"},
	        {"SELECT date '2024-03-01'", "2024-03-01"},
	        {"SELECT '\\x00ff'::bytea", "\\x00ff"},
	        {"SELECT 0.1::float8 + 0.2", "0.30000000000000004"},
	        {"SELECT interval '1 day'", "P1D"},
	        {"SHOW client_encoding", "UTF8"},
	        {"SHOW statement_timeout", "0"},
	        {"SELECT application_name FROM pg_stat_activity WHERE pid = pg_backend_pid()", "pgweave test"},
	};
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct outcome outcome = query(connection, cases[i].sql);

		assert_ok(&outcome);
		assert_string_equal(outcome.text, cases[i].text);
	}
	close_now(connection);
}

/* --- what breaks */

static void test_close_cancels(void **state)
{
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	struct outcome outcomes[3] = {0};
	struct error error;
	int closed = 0;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_int_equal(postgres_query(connection, "SELECT pg_sleep(5)", NULL, 0, on_result, &outcomes[i], &error), 0);
	uv_run(&loop, UV_RUN_NOWAIT);
	postgres_close(connection, on_closed, &closed);
	assert_int_equal(outcomes[0].calls + closed, 0);
	wait_for(&closed, 1);
	for (i = 0; i < 3; i++) {
		assert_int_equal(outcomes[i].calls, 1);
		assert_int_equal(outcomes[i].error.code, ERR_CANCELLED);
	}
	postgres_close(NULL, on_closed, &closed);
}

static void test_terminated(void **state)
{
	struct outcome lost_idle = {0}, lost_busy = {0}, busy = {0};
	struct postgres_connection *killer = open_with(database_url, false, NULL);
	struct postgres_connection *idle = open_with(database_url, false, &lost_idle);
	struct postgres_connection *working = open_with(database_url, false, &lost_busy);
	struct error error;
	char sql[128];

	(void)state;
	assert_int_equal(postgres_query(working, "SELECT pg_sleep(5)", NULL, 0, on_result, &busy, &error), 0);
	snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d), pg_terminate_backend(%d)", postgres_backend_pid(idle),
	         postgres_backend_pid(working));
	execute(killer, sql);
	wait_for(&lost_idle.calls, 1);
	wait_for(&busy.calls, 1);
	assert_string_equal(lost_idle.error.origin, "57P01");
	assert_int_equal(lost_idle.error.class, ERROR_RETRY);
	assert_string_equal(busy.error.origin, "57P01");
	assert_int_equal(lost_busy.calls, 0);
	assert_false(postgres_is_alive(idle));
	assert_false(postgres_is_alive(working));
	close_now(idle);
	close_now(working);
	close_now(killer);
	assert_int_equal(lost_idle.calls + busy.calls, 2);
}

/* --- COPY */

struct copying {
	struct outcome outcome;
	struct postgres_connection *connection;
	uv_timer_t timer;
	int64_t rows;
	int64_t sum;
	bool paused;
	int pauses;
};

static void on_resume(uv_timer_t *timer)
{
	struct copying *copying = timer->data;

	copying->paused = false;
	postgres_copy_resume(copying->connection);
}

static void on_row(void *user, const struct cell *cells, uint32_t cells_count)
{
	struct copying *copying = user;

	assert_false(copying->paused);
	assert_int_equal(cells_count, 3);
	assert_int_equal(cells[1].kind, CELL_NULL);
	assert_int_equal(cells[2].size, 9);
	assert_memory_equal(cells[2].data, "a\tb\nc\\d\re", 9);
	copying->rows++;
	copying->sum += strtoll(cells[0].data, NULL, 10);
	if (copying->rows % 10000 == 0) {
		copying->paused = true;
		copying->pauses++;
		postgres_copy_pause(copying->connection);
		uv_timer_start(&copying->timer, on_resume, 10, 0);
	}
}

static void on_copied(void *user, const struct error *error)
{
	struct copying *copying = user;

	assert_false(copying->paused);
	note(&copying->outcome, error);
}

static void test_copy(void **state)
{
	struct copying copying = {.connection = open_with(database_url, false, NULL)};
	struct error error;

	(void)state;
	uv_timer_init(&loop, &copying.timer);
	copying.timer.data = &copying;
	assert_int_equal(
	        postgres_copy_out(copying.connection,
	                          "COPY (SELECT i, NULL, E'a\\tb\\nc\\\\d\\re' FROM generate_series(1, 50000) i) TO STDOUT",
	                          on_row, on_copied, &copying, &error),
	        0);
	wait_for(&copying.outcome.calls, 1);
	assert_ok(&copying.outcome);
	assert_int_equal(copying.rows, 50000);
	assert_int_equal(copying.sum, 1250025000);
	assert_int_equal(copying.pauses, 5);
	/* in the middle of the rows, and a statement that copies nothing */
	copying.outcome.calls = 0;
	assert_int_equal(
	        postgres_copy_out(
	                copying.connection,
	                "COPY (SELECT 1/(100 - i), NULL, E'a\\tb\\nc\\\\d\\re' FROM generate_series(1, 1000) i) TO STDOUT",
	                on_row, on_copied, &copying, &error),
	        0);
	wait_for(&copying.outcome.calls, 1);
	assert_string_equal(copying.outcome.error.origin, "22012");
	copying.outcome.calls = 0;
	assert_int_equal(postgres_copy_out(copying.connection, "SELECT 1", on_row, on_copied, &copying, &error), 0);
	wait_for(&copying.outcome.calls, 1);
	assert_int_equal(copying.outcome.error.code, ERR_PROTOCOL);
	execute(copying.connection, "SELECT 1");
	uv_close((uv_handle_t *)&copying.timer, NULL);
	close_now(copying.connection);
}

/* --- slot, snapshot, stream */

static void on_slot(void *user, const struct postgres_slot *slot, const struct error *error)
{
	struct outcome *outcome = user;

	note(outcome, error);
	if (slot) {
		outcome->lsn = slot->consistent_lsn;
		snprintf(outcome->text, sizeof(outcome->text), "%s", slot->snapshot);
	}
}

static void on_system(void *user, const struct postgres_system *system, const struct error *error)
{
	struct outcome *outcome = user;

	note(outcome, error);
	outcome->lsn = system ? system->system_identifier : 0;
	outcome->rows = system ? system->timeline : 0;
}

static const struct plan_column toast_columns[] = {{.name = "id"}, {.name = "n"}, {.name = "large"}};

/* The stream, written down as text: "I(1 1 10000) U(...)" with each cell's text, or its size when it is long. */
struct listener {
	struct outcome end;
	struct postgres_connection *connection;
	struct pgoutput_decoder *decoder;
	struct buffer heard;
	int transactions;
	int keepalives;
	uint64_t end_lsn;
};

static void hear_cells(struct buffer *heard, const struct cell *cells)
{
	uint32_t i;

	for (i = 0; cells && i < 3; i++) {
		buffer_append_text(heard, i ? " " : "(");
		if (cells[i].kind != CELL_TEXT)
			buffer_append_text(heard, cells[i].kind == CELL_NULL ? "-" : "~");
		else if (cells[i].size > 20)
			buffer_printf(heard, "%u", cells[i].size);
		else
			buffer_append(heard, cells[i].data, cells[i].size);
	}
	buffer_append_text(heard, cells ? ")" : "");
}

static void on_frame(void *user, const struct pgoutput_frame *frame)
{
	struct listener *listener = user;
	struct transaction *transaction;
	const struct change *change;
	struct error error;

	if (frame->kind == PGOUTPUT_FRAME_KEEPALIVE)
		listener->keepalives++;
	if (pgoutput_decoder_feed(listener->decoder, frame, &transaction, &error))
		fail_msg("%s", error.text);
	if (!transaction)
		return;
	for (change = transaction->first; change; change = change->next) {
		buffer_append_byte(&listener->heard, (uint8_t) "IUDT"[change->kind]);
		hear_cells(&listener->heard, change->old);
		hear_cells(&listener->heard, change->row);
		buffer_append_byte(&listener->heard, ' ');
	}
	listener->transactions++;
	listener->end_lsn = transaction->end_lsn;
	postgres_stream_confirm(listener->connection, transaction->end_lsn);
	transaction_free(transaction);
}

static void on_stream_end(void *user, const struct error *error)
{
	note(&((struct listener *)user)->end, error);
}

static void listen_for(struct listener *listener, const char *slot, int transactions)
{
	const struct postgres_stream_options options = {
	        .slot = slot, .publication = "test pub", .on_frame = on_frame, .on_end = on_stream_end, .user = listener};
	struct error error;

	listener->transactions = 0;
	listener->end = (struct outcome){0};
	buffer_reset(&listener->heard);
	pgoutput_decoder_reset(listener->decoder);
	assert_int_equal(postgres_stream_start(listener->connection, &options, &error), 0);
	wait_for(&listener->transactions, transactions);
	postgres_stream_stop(listener->connection);
	wait_for(&listener->end.calls, 1);
	assert_ok(&listener->end);
}

static const char *const toast_changes[] = {
        "INSERT INTO toast VALUES (2, 1, repeat('x', 10000))",
        "UPDATE toast SET n = 2 WHERE id = 2",
        "UPDATE toast SET id = 3 WHERE id = 2",
        "ALTER TABLE toast REPLICA IDENTITY FULL",
        "UPDATE toast SET n = NULL WHERE id = 3",
        "DELETE FROM toast WHERE id = 3",
        "TRUNCATE toast",
};

static void make_changes(struct postgres_connection *connection, size_t from)
{
	size_t i;

	for (i = from; i < sizeof(toast_changes) / sizeof(toast_changes[0]); i++)
		execute(connection, toast_changes[i]);
}

static void test_replication(void **state)
{
	struct plan_table table = {
	        .schema = "public", .name = "toast", .columns = toast_columns, .columns_count = 3, .key_count = 1};
	const struct plan plan = {.tables = &table, .tables_count = 1};
	const struct pgoutput_limits limits = {1 << 20, 1 << 20};
	struct postgres_connection *sql = open_with(database_url, false, NULL);
	struct listener listener = {.connection = open_with(database_url, true, NULL)};
	struct outcome slot = {0}, system = {0}, dropped = {0}, count;
	char text[512];
	struct error error;

	(void)state;
	buffer_init(&listener.heard, 10000);
	execute(sql, "CREATE TABLE toast (id int PRIMARY KEY, n int, large text); "
	             "ALTER TABLE toast ALTER large SET STORAGE EXTERNAL; CREATE PUBLICATION \"test pub\" FOR TABLE toast; "
	             "INSERT INTO toast VALUES (1, 1, 'before')");
	count = query(sql, "SELECT 'toast'::regclass::oid");
	table.oid = (uint32_t)strtoul(count.text, NULL, 10);
	assert_int_equal(pgoutput_decoder_new(&plan, &limits, &listener.decoder, &error), 0);
	assert_int_equal(postgres_identify_system(listener.connection, on_system, &system, &error), 0);
	assert_int_equal(postgres_slot_create(listener.connection, database, false, on_slot, &slot, &error), 0);
	wait_for(&slot.calls, 1);
	assert_ok(&system);
	assert_int_not_equal(system.lsn, 0);
	assert_int_equal(system.rows, 1);
	assert_ok(&slot);
	assert_int_not_equal(slot.lsn, 0);
	/* what is written now is in the stream, and not in the snapshot (which a TRUNCATE would empty, though) */
	execute(sql, toast_changes[0]);
	snprintf(text, sizeof(text),
	         "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '%s'; SELECT count(*) FROM toast", slot.text);
	count = query(sql, text);
	assert_ok(&count);
	assert_string_equal(count.text, "1");
	execute(sql, "ROLLBACK");
	make_changes(sql, 1);
	/* an ALTER TABLE alone is no transaction of the stream (from PostgreSQL 15 on) */
	listen_for(&listener, database, postgres_server_version(sql) >= 150000 ? 6 : 7);
	assert_string_equal(buffer_text(&listener.heard), "I(2 1 10000) U(2 2 ~) U(2 - -)(3 2 ~) U(3 2 10000)(3 - 10000) "
	                                                  "D(3 - 10000) T ");
	snprintf(text, sizeof(text), "SELECT confirmed_flush_lsn >= '%X/%X' FROM pg_replication_slots WHERE slot_name = '%s'",
	         (unsigned)(listener.end_lsn >> 32), (unsigned)listener.end_lsn, database);
	count = query(sql, text);
	assert_string_equal(count.text, "t");
	assert_int_equal(postgres_slot_drop(listener.connection, database, on_done, &dropped, &error), 0);
	wait_for(&dropped.calls, 1);
	assert_ok(&dropped);
	pgoutput_decoder_free(listener.decoder);
	buffer_free(&listener.heard);
	close_now(listener.connection);
	close_now(sql);
}

static void test_stream_errors(void **state)
{
	struct listener listener = {.connection = open_with(database_url, true, NULL)};
	const struct postgres_stream_options options = {
	        .slot = "no_such_slot", .publication = "p", .on_frame = on_frame, .on_end = on_stream_end, .user = &listener};
	struct outcome slot = {0};
	struct error error;

	(void)state;
	assert_int_equal(postgres_stream_start(listener.connection, &options, &error), 0);
	assert_int_equal(postgres_stream_start(listener.connection, &options, &error), ERR_STATE);
	wait_for(&listener.end.calls, 1);
	assert_string_equal(listener.end.error.origin, "42704");
	assert_int_equal(listener.end.error.code, ERR_STATE);
	assert_int_equal(postgres_slot_create(listener.connection, "Bad Name", true, on_slot, &slot, &error), 0);
	wait_for(&slot.calls, 1);
	assert_true(slot.failed);
	/* the connection goes on */
	execute(listener.connection, "SELECT 1");
	close_now(listener.connection);
}

/* --- catalogue and facts */

static void test_catalog(void **state)
{
	static const struct {
		const char *name;
		enum type_kind kind;
		bool array;
	} columns[] = {
	        {"id", TYPE_INT, false}, {"d", TYPE_INT, false},  {"da", TYPE_INT, true},
	        {"m", TYPE_TEXT, false}, {"ma", TYPE_TEXT, true}, {"iv", TYPE_INTERVAL, false},
	        {"j", TYPE_JSON, false}, {"g", TYPE_INT, false},  {"pa", TYPE_INT, false},
	};
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	struct catalog catalog;
	const struct catalog_table *child = NULL, *parent = NULL;
	struct outcome outcome = {0};
	struct error error;
	uint32_t i;

	(void)state;
	execute(connection,
	        "CREATE SCHEMA cat; CREATE DOMAIN cat.pos AS int; CREATE DOMAIN cat.pos2 AS cat.pos; CREATE TYPE cat.mood AS "
	        "ENUM ('a'); "
	        "CREATE TABLE cat.parent (b text, a int, PRIMARY KEY (a, b)); COMMENT ON TABLE cat.parent IS 'the parent'; "
	        "CREATE TABLE cat.child (id int PRIMARY KEY, d cat.pos2, da cat.pos[], m cat.mood, ma cat.mood[], iv interval, "
	        "j jsonb, "
	        "g int GENERATED ALWAYS AS (1) STORED, pa int, pb text, FOREIGN KEY (pb, pa) REFERENCES cat.parent (b, a)); "
	        "CREATE TABLE cat.part (a int PRIMARY KEY) PARTITION BY RANGE (a); "
	        "CREATE TABLE cat.part1 PARTITION OF cat.part FOR VALUES FROM (0) TO (10)");
	assert_int_equal(postgres_catalog_read(connection, &catalog, on_done, &outcome, &error), 0);
	wait_for(&outcome.calls, 1);
	assert_ok(&outcome);
	assert_string_equal(catalog.database, database);
	assert_string_equal(catalog.search_path_schema, "public");
	assert_int_equal(catalog.server_version_num, postgres_server_version(connection));
	assert_int_not_equal(catalog.system_identifier, 0);
	for (i = 0; i < catalog.tables_count; i++) {
		const struct catalog_table *table = &catalog.tables[i];

		assert_string_not_equal(table->name, "part1");
		child = strcmp(table->name, "child") == 0 ? table : child;
		parent = strcmp(table->name, "parent") == 0 ? table : parent;
	}
	assert_non_null(child);
	assert_non_null(parent);
	assert_string_equal(parent->comment, "the parent");
	assert_int_equal(parent->keys_count, 1);
	assert_true(parent->keys[0].primary);
	assert_int_equal(parent->keys[0].attnums[0], 2);
	assert_int_equal(parent->keys[0].attnums[1], 1);
	assert_int_equal(parent->identity_attnums_count, 2);
	for (i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		assert_string_equal(child->columns[i].name, columns[i].name);
		assert_int_equal(child->columns[i].type.kind, columns[i].kind);
		assert_int_equal(child->columns[i].type.array, columns[i].array);
		assert_int_equal(child->columns[i].generated, strcmp(columns[i].name, "g") == 0);
	}
	assert_int_equal(child->foreign_keys_count, 1);
	assert_int_equal(child->foreign_keys[0].target_oid, parent->oid);
	assert_int_equal(child->foreign_keys[0].attnums[0], 10);
	assert_int_equal(child->foreign_keys[0].target_attnums[0], 1);
	arena_free(&catalog.arena);
	close_now(connection);
}

/* What holds for a partitioned table is what holds for all its leaves, however deep; who inherits is told. */
static void test_catalog_trees(void **state)
{
	static const struct {
		const char *name;
		char identity;
		bool unlogged, inherits, inherited;
	} tables[] = {
	        {"base", 'd', false, false, true},  {"blind", 'n', false, false, false}, {"derived", 'd', false, true, false},
	        {"full", 'f', false, false, false}, {"mixed", 'd', false, false, false}, {"short", 'd', true, false, false},
	};
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	struct catalog catalog;
	struct outcome outcome = {0};
	struct error error;

	(void)state;
	execute(connection,
	        "CREATE SCHEMA trees; SET search_path = trees; CREATE TABLE base (id int PRIMARY KEY); "
	        "CREATE TABLE derived () INHERITS (base); "
	        "CREATE TABLE blind (a int PRIMARY KEY) PARTITION BY RANGE (a); "
	        "CREATE TABLE blind1 PARTITION OF blind FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (a); "
	        "CREATE TABLE blind11 PARTITION OF blind1 DEFAULT; ALTER TABLE blind11 REPLICA IDENTITY NOTHING; "
	        "CREATE TABLE mixed (a int PRIMARY KEY) PARTITION BY RANGE (a); "
	        "CREATE TABLE mixed1 PARTITION OF mixed FOR VALUES FROM (0) TO (9); CREATE TABLE mixed2 PARTITION OF mixed "
	        "DEFAULT; "
	        "ALTER TABLE mixed2 REPLICA IDENTITY FULL; ALTER TABLE mixed REPLICA IDENTITY FULL; "
	        "CREATE TABLE full_ (a int PRIMARY KEY) PARTITION BY RANGE (a); CREATE TABLE full1 PARTITION OF full_ DEFAULT; "
	        "ALTER TABLE full1 REPLICA IDENTITY FULL; ALTER TABLE full_ RENAME TO \"full\"; "
	        "CREATE TABLE short (a int PRIMARY KEY) PARTITION BY RANGE (a); CREATE UNLOGGED TABLE short1 PARTITION OF "
	        "short "
	        "DEFAULT; RESET search_path");
	assert_int_equal(postgres_catalog_read(connection, &catalog, on_done, &outcome, &error), 0);
	wait_for(&outcome.calls, 1);
	assert_ok(&outcome);
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		const struct catalog_table *table = catalog_table_by_name(&catalog, "trees", tables[i].name);

		assert_non_null(table);
		assert_int_equal(table->replica_identity, tables[i].identity);
		assert_int_equal(table->unlogged, tables[i].unlogged);
		assert_int_equal(table->inherits, tables[i].inherits);
		assert_int_equal(table->inherited, tables[i].inherited);
	}
	assert_null(catalog_table_by_name(&catalog, "trees", "blind11"));
	arena_free(&catalog.arena);
	execute(connection, "DROP SCHEMA trees CASCADE");
	close_now(connection);
}

static struct postgres_facts read_facts(struct postgres_connection *connection, const char *slot, const char *publication)
{
	struct postgres_facts facts;
	struct outcome outcome = {0};
	struct error error;

	assert_int_equal(postgres_facts_read(connection, slot, publication, &facts, on_done, &outcome, &error), 0);
	wait_for(&outcome.calls, 1);
	assert_ok(&outcome);
	return facts;
}

static void digest_now(struct postgres_connection *connection, const char *table, char digest[POSTGRES_DIGEST_SIZE])
{
	struct postgres_facts facts = read_facts(connection, NULL, "facts");
	uint32_t oid = 0;
	uint32_t i;

	for (i = 0; i < facts.publication.tables_count; i++) {
		if (strcmp(facts.publication.tables[i].name, table) == 0)
			oid = facts.publication.tables[i].oid;
	}
	postgres_publication_digest(&facts.publication, &oid, 1, digest);
	arena_free(&facts.arena);
}

/* What the fingerprint is of public.NAME, as the watch and as the catalogue say it. */
static void watch(struct postgres_connection *connection, const char *name, char fingerprint[64], char types[256])
{
	struct outcome watched = {0}, read = {0};
	struct postgres_watch watch;
	struct catalog catalog;
	const struct catalog_table *table;
	struct error error;

	assert_int_equal(postgres_catalog_read(connection, &catalog, on_done, &read, &error), 0);
	wait_for(&read.calls, 1);
	assert_ok(&read);
	table = catalog_table_by_name(&catalog, "watched", name);
	assert_non_null(table);
	assert_int_equal(postgres_watch_read(connection, &table->oid, 1, &watch, on_done, &watched, &error), 0);
	wait_for(&watched.calls, 1);
	assert_ok(&watched);
	assert_int_equal(watch.tables_count, 1);
	assert_true(postgres_watch_find(&watch, table->oid)->can_select);
	assert_null(postgres_watch_find(&watch, 1));
	assert_string_equal(postgres_watch_find(&watch, table->oid)->fingerprint, table->watch.fingerprint);
	snprintf(fingerprint, 64, "%s", table->watch.fingerprint);
	snprintf(types, 256, "%s", table->watch.types);
	arena_free(&watch.arena);
	arena_free(&catalog.arena);
}

static void test_watch(void **state)
{
	static const struct {
		const char *table;
		const char *sql;
		bool noticed;
	} cases[] = {
	        {"t", "ALTER TABLE watched.t ADD COLUMN added int", true},
	        {"t", "ALTER TABLE watched.t RENAME COLUMN added TO renamed", true},
	        {"t", "ALTER TABLE watched.t ALTER COLUMN renamed TYPE bigint", true},
	        {"t", "ALTER TABLE watched.t ALTER COLUMN renamed TYPE bigint USING renamed * 2", true},
	        {"t", "ALTER TABLE watched.t ALTER COLUMN renamed SET NOT NULL", true},
	        {"t", "ALTER TABLE watched.t DROP COLUMN renamed", true},
	        {"t", "ALTER TABLE watched.t REPLICA IDENTITY NOTHING", true},
	        {"t", "ALTER TABLE watched.t DROP CONSTRAINT t_pkey", true},
	        {"t", "ALTER TABLE watched.t ADD PRIMARY KEY (id)", true},
	        {"t", "ALTER TABLE watched.t ADD FOREIGN KEY (other) REFERENCES watched.parted NOT VALID", true},
	        {"t", "ALTER TYPE watched.mood ADD VALUE 'glad'", true},
	        {"t", "ALTER TYPE watched.mood RENAME VALUE 'sad' TO E'a \"new\\nline'", true},
	        {"t", "ALTER TYPE watched.pair ADD ATTRIBUTE c int", true},
	        {"t", "INSERT INTO watched.t (id) VALUES (1)", false},
	        {"t", "ANALYZE watched.t", false},
	        {"t", "CREATE INDEX ON watched.t (other)", false},
	        {"t", "VACUUM FULL watched.t", false},
	        {"t", "TRUNCATE watched.t", false},
	        {"t", "CREATE TABLE watched.child () INHERITS (watched.t)", false},
	        {"parted", "CREATE TABLE watched.parted1 PARTITION OF watched.parted FOR VALUES IN (1)", true},
	        {"parted", "ALTER TABLE watched.parted1 REPLICA IDENTITY FULL", true},
	        {"parted", "INSERT INTO watched.parted VALUES (1)", false},
	        {"parted", "ALTER TABLE watched.parted DETACH PARTITION watched.parted1", true},
	};
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	char before[64], after[64], types[256];
	size_t i;

	(void)state;
	execute(connection,
	        "CREATE SCHEMA watched; CREATE TYPE watched.mood AS ENUM ('sad'); "
	        "CREATE TYPE watched.pair AS (a int, b watched.mood); CREATE DOMAIN watched.moods AS watched.mood[]; "
	        "CREATE TABLE watched.parted (id int PRIMARY KEY) PARTITION BY LIST (id); "
	        "CREATE TABLE watched.t (id int PRIMARY KEY, other int, moods watched.moods, pair watched.pair)");
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		watch(connection, cases[i].table, before, types);
		execute(connection, cases[i].sql);
		watch(connection, cases[i].table, after, types);
		if ((strcmp(before, after) != 0) != cases[i].noticed)
			fail_msg("%s: %s", cases[i].sql, cases[i].noticed ? "not noticed" : "taken for a change");
	}
	watch(connection, "t", after, types);
	assert_non_null(strstr(types, " \"a \\\"new\\nline\"\nlabel "));
	assert_non_null(strstr(types, "composite "));
	close_now(connection);
}

static void test_facts(void **state)
{
	struct postgres_connection *connection = open_with(database_url, false, NULL);
	char digests[4][POSTGRES_DIGEST_SIZE];
	struct postgres_facts facts = read_facts(connection, "no_such_slot", "no such publication");

	(void)state;
	assert_string_equal(facts.server.wal_level, "logical");
	assert_false(facts.server.in_recovery);
	assert_int_not_equal(facts.server.system_identifier, 0);
	assert_int_not_equal(facts.server.wal_lsn, 0);
	assert_true(facts.role.superuser);
	assert_string_equal(facts.role.database, database);
	assert_false(facts.slot.exists);
	assert_int_equal(facts.slot.retained_bytes, -1);
	assert_false(facts.publication.exists);
	assert_null(facts.publication.digest);
	arena_free(&facts.arena);
	execute(connection, "CREATE TABLE one (id int PRIMARY KEY); CREATE TABLE two (id int PRIMARY KEY); "
	                    "CREATE PUBLICATION facts FOR TABLE one");
	execute(connection, "SELECT pg_create_logical_replication_slot('facts_slot', 'pgoutput', true)");
	facts = read_facts(connection, "facts_slot", "facts");
	assert_true(facts.slot.exists);
	assert_true(facts.slot.logical);
	assert_true(facts.slot.own_database);
	assert_string_equal(facts.slot.plugin, "pgoutput");
	assert_true(facts.slot.retained_bytes >= 0);
	assert_true(facts.publication.exists);
	assert_true(facts.publication.inserts && facts.publication.truncates);
	assert_int_equal(facts.publication.tables_count, 1);
	assert_string_equal(facts.publication.tables[0].name, "one");
	arena_free(&facts.arena);
	/* another table's coming plays no part; the table's own going and coming back does */
	digest_now(connection, "one", digests[0]);
	execute(connection, "ALTER PUBLICATION facts ADD TABLE two");
	digest_now(connection, "one", digests[1]);
	execute(connection, "ALTER PUBLICATION facts DROP TABLE one; ALTER PUBLICATION facts ADD TABLE one");
	digest_now(connection, "one", digests[2]);
	execute(connection, "ALTER PUBLICATION facts SET (publish = 'insert')");
	digest_now(connection, "one", digests[3]);
	assert_string_equal(digests[0], digests[1]);
	assert_string_not_equal(digests[1], digests[2]);
	assert_string_not_equal(digests[2], digests[3]);
	close_now(connection);
}

/* --- the database of its own */

static int set_up(void **state)
{
	struct postgres_connection *connection;
	char sql[128];

	(void)state;
	uv_loop_init(&loop);
	snprintf(database, sizeof(database), "pgweave_test_%d", (int)getpid());
	url_with(database_url, NULL, NULL, database);
	connection = open_with(server_url, false, NULL);
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s", database);
	execute(connection, sql);
	close_now(connection);
	return 0;
}

static int tear_down(void **state)
{
	struct postgres_connection *connection = open_with(server_url, false, NULL);
	char sql[256];

	(void)state;
	snprintf(sql, sizeof(sql), "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE database = '%s'",
	         database);
	execute(connection, sql);
	snprintf(sql, sizeof(sql), "DROP DATABASE %s WITH (FORCE)", database);
	execute(connection, sql);
	close_now(connection);
	return uv_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_logins),        cmocka_unit_test(test_bad_url), cmocka_unit_test(test_queries),
	        cmocka_unit_test(test_quoting),       cmocka_unit_test(test_texts),   cmocka_unit_test(test_close_cancels),
	        cmocka_unit_test(test_terminated),    cmocka_unit_test(test_copy),    cmocka_unit_test(test_replication),
	        cmocka_unit_test(test_stream_errors), cmocka_unit_test(test_catalog), cmocka_unit_test(test_catalog_trees),
	        cmocka_unit_test(test_watch),         cmocka_unit_test(test_facts),
	};

	server_url = getenv("PGWEAVE_PG_URL");
	if (!server_url)
		return 77;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
