/*
 * Proves: what becomes of a stream: transactions with their positions, cells in the plan's order, old tuples, unchanged TOAST
 * filled from the old tuple, relations replaced, tables outside the plan passed over, pieces of oversized transactions and how
 * they are taken up again after a restart, and what is refused: above all rows of a table that was another one when they were
 * written, unless they are to be passed over, as transactions of the pipeline's own are.
 */
#include "wire.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct feeder {
	struct pgoutput_decoder *decoder;
	struct buffer wire; /* the next message; emptied by feed */
	struct transaction *transaction;
	struct error error;
	uint64_t lsn;
};

static struct feeder *feeder_new(size_t transaction_size_max, size_t row_size_max)
{
	const struct pgoutput_limits limits = {transaction_size_max, row_size_max};
	struct feeder *feeder = calloc(1, sizeof(*feeder));

	buffer_init(&feeder->wire, 1 << 20);
	feeder->lsn = 100;
	assert_int_equal(pgoutput_decoder_new(&test_plan, &limits, &feeder->decoder, &feeder->error), 0);
	return feeder;
}

static void feeder_free(struct feeder *feeder)
{
	pgoutput_decoder_free(feeder->decoder);
	buffer_free(&feeder->wire);
	free(feeder);
}

/* Feeds a copy that is gone afterwards: whatever still points into it shows under a sanitizer. */
static int try_feed(struct feeder *feeder)
{
	uint8_t *copy = malloc(feeder->wire.size);
	const struct pgoutput_frame frame = {
	        .kind = PGOUTPUT_FRAME_DATA, .start_lsn = feeder->lsn++, .bytes = copy, .size = feeder->wire.size};
	int rc;

	memcpy(copy, feeder->wire.data, feeder->wire.size);
	rc = pgoutput_decoder_feed(feeder->decoder, &frame, &feeder->transaction, &feeder->error);
	free(copy);
	buffer_reset(&feeder->wire);
	return rc;
}

static struct transaction *feed(struct feeder *feeder)
{
	int rc = try_feed(feeder);

	if (rc)
		fail_msg("%s", feeder->error.text);
	return feeder->transaction;
}

static void feed_begin(struct feeder *feeder, uint64_t final_lsn)
{
	wire_begin(&feeder->wire, final_lsn, 7);
	assert_null(feed(feeder));
}

static void feed_relation(struct feeder *feeder, const char *columns)
{
	wire_relation(&feeder->wire, PERSON_OID, "person", columns, 25);
	assert_null(feed(feeder));
}

static struct transaction *feed_row(struct feeder *feeder, char kind, char old_kind, const char *old, const char *row)
{
	wire_row(&feeder->wire, kind, PERSON_OID, old_kind, old, row);
	return feed(feeder);
}

static struct transaction *feed_commit(struct feeder *feeder, uint64_t commit_lsn)
{
	wire_commit(&feeder->wire, commit_lsn, commit_lsn + 10);
	return feed(feeder);
}

/* "1|Ann|~" again, from cells */
static void assert_cells(const struct cell *cells, uint32_t count, const char *expected)
{
	char text[256] = "";
	uint32_t i;

	for (i = 0; i < count; i++) {
		size_t size = strlen(text);

		snprintf(text + size, sizeof(text) - size, "%s%.*s", i ? "|" : "",
		         cells[i].kind == CELL_TEXT ? (int)cells[i].size : 1,
		         cells[i].kind == CELL_TEXT        ? cells[i].data
		         : cells[i].kind == CELL_UNCHANGED ? "~"
		                                           : "-");
	}
	assert_string_equal(text, expected);
}

static void assert_change(const struct change *change, enum change_kind kind, const char *old, bool old_is_full,
                          const char *row)
{
	assert_non_null(change);
	assert_int_equal(change->kind, kind);
	assert_int_equal(change->table, 1);
	assert_int_equal(change->old_is_full, old_is_full);
	assert_int_equal(change->old != NULL, old != NULL);
	assert_int_equal(change->row != NULL, row != NULL);
	if (old)
		assert_cells(change->old, 3, old);
	if (row)
		assert_cells(change->row, 3, row);
}

static void test_transaction(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);
	struct transaction *transaction;
	const struct change *change;

	(void)state;
	assert_false(pgoutput_decoder_in_transaction(feeder->decoder));
	feed_begin(feeder, 1000);
	assert_true(pgoutput_decoder_in_transaction(feeder->decoder));
	feed_relation(feeder, "older,id+,other,name,note");
	assert_null(feed_row(feeder, 'I', 0, NULL, "o|1|x|Ann|hello"));
	assert_null(feed_row(feeder, 'U', 0, NULL, "o|1|x|-|~"));
	assert_null(feed_row(feeder, 'U', 'K', "-|1|-|-|-", "o|2|x|Bob|~"));
	assert_null(feed_row(feeder, 'D', 'K', "-|2|-|-|-", NULL));
	transaction = feed_commit(feeder, 1000);
	assert_non_null(transaction);
	assert_false(pgoutput_decoder_in_transaction(feeder->decoder));
	assert_int_equal(transaction->xid, 7);
	assert_int_equal(transaction->commit_lsn, 1000);
	assert_int_equal(transaction->end_lsn, 1010);
	assert_int_equal(transaction->commit_time_us, 1000);
	assert_int_equal(transaction->changes_count, 4);
	assert_int_equal(transaction->pieces_skip, 0);
	change = transaction->first;
	assert_change(change, CHANGE_INSERT, NULL, false, "1|Ann|hello");
	assert_int_equal(change->lsn, 102);
	assert_change(change = change->next, CHANGE_UPDATE, NULL, false, "1|-|~");
	assert_change(change = change->next, CHANGE_UPDATE, "1|-|-", false, "2|Bob|~");
	assert_change(change = change->next, CHANGE_DELETE, "2|-|-", false, NULL);
	assert_null(change->next);
	transaction_free(transaction);
	feeder_free(feeder);
}

static void test_replica_identity_full(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);
	struct transaction *transaction;
	const struct change *change;

	(void)state;
	feed_begin(feeder, 1000);
	feed_relation(feeder, "id+,name,note");
	feed_row(feeder, 'U', 'O', "1|Ann|long", "1|Eve|~");
	feed_row(feeder, 'D', 'O', "1|Eve|long", NULL);
	/* a key in TOAST that did not change comes with the old key */
	feed_row(feeder, 'U', 'K', "big|-|-", "~|Eve|~");
	transaction = feed_commit(feeder, 1000);
	change = transaction->first;
	assert_change(change, CHANGE_UPDATE, "1|Ann|long", true, "1|Eve|long");
	assert_change(change = change->next, CHANGE_DELETE, "1|Eve|long", true, NULL);
	assert_change(change->next, CHANGE_UPDATE, "big|-|-", false, "big|Eve|~");
	transaction_free(transaction);
	feeder_free(feeder);
}

static void test_outside_the_plan(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);
	struct transaction *transaction;
	const uint32_t oids[] = {FOREIGN_OID, PERSON_OID, CITY_OID};

	(void)state;
	feed_begin(feeder, 1000);
	wire_relation(&feeder->wire, FOREIGN_OID, "other", "a,b", 25);
	assert_null(feed(feeder));
	wire_row(&feeder->wire, 'I', FOREIGN_OID, 0, NULL, "1|2");
	assert_null(feed(feeder));
	buffer_append(&feeder->wire, "O\0\0\0\0\0\0\0\1back\0", 14);
	assert_null(feed(feeder));
	buffer_append(&feeder->wire, "Y\0\0\x40\x01s\0mood\0", 12);
	assert_null(feed(feeder));
	transaction = feed_commit(feeder, 1000);
	/* nothing to apply, but the position moves */
	assert_non_null(transaction);
	assert_int_equal(transaction->changes_count, 0);
	assert_null(transaction->first);
	assert_int_equal(transaction->end_lsn, 1010);
	transaction_free(transaction);
	/* a message of pg_logical_emit_message outside of transactions */
	buffer_append(&feeder->wire, "M\0\0\0\0\0\0\0\0\1p\0\0\0\0\0", 16);
	assert_null(feed(feeder));
	feed_begin(feeder, 2000);
	wire_truncate(&feeder->wire, oids, 3);
	assert_null(feed(feeder));
	transaction = feed_commit(feeder, 2000);
	assert_int_equal(transaction->changes_count, 2);
	assert_int_equal(transaction->first->kind, CHANGE_TRUNCATE);
	assert_int_equal(transaction->first->table, 1);
	assert_int_equal(transaction->first->next->table, 0);
	transaction_free(transaction);
	feeder_free(feeder);
}

static void test_keepalive(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);
	const struct pgoutput_frame frame = {.kind = PGOUTPUT_FRAME_KEEPALIVE, .end_lsn = 5};

	(void)state;
	assert_int_equal(pgoutput_decoder_feed(feeder->decoder, &frame, &feeder->transaction, &feeder->error), 0);
	assert_null(feeder->transaction);
	feeder_free(feeder);
}

static void test_relation_replaced(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);
	struct transaction *transaction;

	(void)state;
	feed_begin(feeder, 1000);
	feed_relation(feeder, "id+,name,note");
	feed_row(feeder, 'I', 0, NULL, "1|Ann|x");
	feed_relation(feeder, "id+,extra,name,note");
	feed_row(feeder, 'I', 0, NULL, "2|e|Bob|y");
	feed_relation(feeder, "older,id+,name,note,newer");
	feed_row(feeder, 'I', 0, NULL, "o|3|Cid|z|n");
	transaction = feed_commit(feeder, 1000);
	assert_change(transaction->first, CHANGE_INSERT, NULL, false, "1|Ann|x");
	assert_change(transaction->first->next, CHANGE_INSERT, NULL, false, "2|Bob|y");
	assert_change(transaction->first->next->next, CHANGE_INSERT, NULL, false, "3|Cid|z");
	transaction_free(transaction);
	feeder_free(feeder);
}

/* RELATIONs of a table that was another one when they were written. */
static const struct misfit {
	const char *columns;
	uint32_t type_oid;
	const char *says;
} misfits[] = {
        {"id+,name", 25, "no column note"},          {"id+,note,name", 25, "column name was called otherwise"},
        {"id+,name,note", 23, "column name was of"}, {"id,name+,note", 25, "column id was not in its replica identity"},
        {"id+,named,note", 25, "no column name"},
};

#define MISFITS_COUNT (sizeof(misfits) / sizeof(misfits[0]))

static void assert_misfit(struct feeder *feeder, const char *says)
{
	assert_int_equal(try_feed(feeder), ERR_CATALOG);
	assert_int_equal(feeder->error.class, ERROR_RETRY);
	assert_int_equal(pgoutput_decoder_misfit(feeder->decoder), PERSON_OID);
	if (!strstr(feeder->error.text, "table public.person") || !strstr(feeder->error.text, says))
		fail_msg("%s", feeder->error.text);
}

static void test_relation_refused(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < MISFITS_COUNT; i++) {
		struct feeder *feeder = feeder_new(1 << 20, 1 << 20);

		feed_begin(feeder, 1000);
		feed_relation(feeder, "id+,name,note");
		assert_int_equal(pgoutput_decoder_misfit(feeder->decoder), 0);
		wire_relation(&feeder->wire, PERSON_OID, "person", misfits[i].columns, misfits[i].type_oid);
		assert_misfit(feeder, misfits[i].says);
		feeder_free(feeder);
	}
}

static void test_relation_of_another_table(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);

	(void)state;
	feed_begin(feeder, 1000);
	/* renamed: the mapping knows it by its OID */
	wire_relation(&feeder->wire, PERSON_OID, "renamed", "id+,name,note", 25);
	assert_null(feed(feeder));
	wire_relation(&feeder->wire, PERSON_OID, "person", "id+,name,note,id", 25);
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	assert_non_null(strstr(feeder->error.text, "two columns named id"));
	wire_relation(&feeder->wire, FOREIGN_OID, "person", "id+,name,note", 25);
	assert_misfit(feeder, "OID 99999");
	feeder_free(feeder);
}

/* Types whose text reads the same are no other types. */
static void test_type_family(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);

	(void)state;
	feed_begin(feeder, 1000);
	wire_relation(&feeder->wire, PERSON_OID, "person", "id+,name,note", 1043);
	assert_null(feed(feeder));
	feeder_free(feeder);
}

/* What is loaded anew anyway need not be understood; what can be is taken, and the other tables' rows are. */
static void test_passed_over(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < MISFITS_COUNT; i++) {
		struct feeder *feeder = feeder_new(1 << 20, 1 << 20);
		struct transaction *transaction;

		pgoutput_decoder_pass_over(feeder->decoder, PERSON_OID);
		pgoutput_decoder_pass_over(feeder->decoder, FOREIGN_OID);
		feed_begin(feeder, 1000);
		wire_relation(&feeder->wire, PERSON_OID, "person", misfits[i].columns, misfits[i].type_oid);
		assert_null(feed(feeder));
		feed_row(feeder, 'I', 0, NULL, i ? "1|2|3" : "1|2");
		wire_relation(&feeder->wire, FOREIGN_OID, "person", "id", 25);
		assert_null(feed(feeder));
		wire_relation(&feeder->wire, CITY_OID, "city", "code+", 25);
		assert_null(feed(feeder));
		wire_row(&feeder->wire, 'I', CITY_OID, 0, NULL, "c");
		assert_null(feed(feeder));
		feed_relation(feeder, "id+,name,note");
		feed_row(feeder, 'I', 0, NULL, "-|2|3");
		feed_row(feeder, 'I', 0, NULL, "1|2|3");
		transaction = feed_commit(feeder, 1000);
		assert_int_equal(transaction->changes_count, 2);
		assert_int_equal(transaction->rows_count, 4);
		assert_int_equal(transaction->first->table, 0);
		assert_change(transaction->first->next, CHANGE_INSERT, NULL, false, "1|2|3");
		transaction_free(transaction);
		feeder_free(feeder);
	}
}

/* The columns are there, but were not the key yet. */
/* What was written under the pipeline's own origin is passed over, and counted all the same; the next transaction is not. */
static void test_own_origin(void **state)
{
	static const char *const origins[] = {"mine", "other", NULL};
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);

	(void)state;
	pgoutput_decoder_pass_over_origin(feeder->decoder, "mine");
	for (size_t i = 0; i < 3; i++) {
		struct transaction *transaction;

		feed_begin(feeder, 1000 + i);
		if (origins[i]) {
			buffer_append_byte(&feeder->wire, 'O');
			buffer_append_u64(&feeder->wire, 0);
			wire_cstring(&feeder->wire, origins[i]);
			assert_null(feed(feeder));
		}
		if (i == 0)
			feed_relation(feeder, "id+,name,note");
		assert_null(feed_row(feeder, 'I', 0, NULL, "1|2|3"));
		wire_commit(&feeder->wire, 1000 + i, 1100 + i);
		transaction = feed(feeder);
		assert_non_null(transaction);
		assert_int_equal(transaction->changes_count, i > 0);
		assert_int_equal(transaction->rows_count, 1);
		assert_int_equal(transaction->end_lsn, 1100 + i);
		transaction_free(transaction);
	}
	feeder_free(feeder);
}

static void test_row_without_a_key(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);

	(void)state;
	feed_begin(feeder, 1000);
	feed_relation(feeder, "id+,name,note");
	wire_row(&feeder->wire, 'I', PERSON_OID, 0, NULL, "-|2|3");
	assert_misfit(feeder, "key now came as NULL");
	wire_row(&feeder->wire, 'U', PERSON_OID, 'K', "-|2|3", "1|2|3");
	assert_misfit(feeder, "key now came as NULL");
	wire_row(&feeder->wire, 'D', PERSON_OID, 'K', "-|2|3", NULL);
	assert_misfit(feeder, "key now came as NULL");
	feeder_free(feeder);
}

static void test_order_refused(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);
	const uint32_t oid = PERSON_OID;

	(void)state;
	wire_commit(&feeder->wire, 1, 2);
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	wire_row(&feeder->wire, 'I', PERSON_OID, 0, NULL, "1|2|3");
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	wire_truncate(&feeder->wire, &oid, 1);
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	feed_begin(feeder, 1000);
	wire_begin(&feeder->wire, 1000, 7);
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	pgoutput_decoder_reset(feeder->decoder);
	feed_begin(feeder, 1000);
	wire_row(&feeder->wire, 'I', PERSON_OID, 0, NULL, "1|2|3");
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	assert_non_null(strstr(feeder->error.text, "before its RELATION"));
	feed_relation(feeder, "id+,name,note");
	wire_row(&feeder->wire, 'I', PERSON_OID, 0, NULL, "1|2");
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	assert_non_null(strstr(feeder->error.text, "2 columns"));
	wire_commit(&feeder->wire, 999, 1010);
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	feeder_free(feeder);
}

static void test_reset_forgets(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1 << 20);

	(void)state;
	feed_begin(feeder, 1000);
	feed_relation(feeder, "id+,name,note");
	feed_row(feeder, 'I', 0, NULL, "1|Ann|x");
	pgoutput_decoder_reset(feeder->decoder);
	assert_false(pgoutput_decoder_in_transaction(feeder->decoder));
	feed_begin(feeder, 1000);
	wire_row(&feeder->wire, 'I', PERSON_OID, 0, NULL, "1|2|3");
	assert_int_equal(try_feed(feeder), ERR_PROTOCOL);
	feeder_free(feeder);
}

static void test_row_limit(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 100);
	char large[200];
	char row[300];

	(void)state;
	feed_begin(feeder, 1000);
	feed_relation(feeder, "id+,name,note,unmapped");
	memset(large, 'x', sizeof(large));
	/* what is not mapped does not count */
	snprintf(row, sizeof(row), "1|Ann|%.97s|%.150s", "", large);
	assert_null(feed_row(feeder, 'I', 0, NULL, row));
	snprintf(row, sizeof(row), "1|Ann|%.96s|x", large);
	assert_null(feed_row(feeder, 'I', 0, NULL, row));
	snprintf(row, sizeof(row), "1|Ann|%.97s|x", large);
	wire_row(&feeder->wire, 'I', PERSON_OID, 0, NULL, row);
	assert_int_equal(try_feed(feeder), ERR_LIMIT);
	assert_non_null(strstr(feeder->error.text, "public.person has 101 bytes"));
	feeder_free(feeder);
}

/* A transaction of `count` rows, in whatever pieces it comes; skip as after a restart. Checks that every row comes once. */
static uint32_t run_oversized(size_t transaction_size_max, int count, int skip)
{
	struct feeder *feeder = feeder_new(transaction_size_max, 1000);
	uint64_t expected = (uint64_t)skip;
	uint32_t pieces = 0;
	int i;

	pgoutput_decoder_skip(feeder->decoder, 1000, (uint64_t)skip);
	feed_begin(feeder, 1000);
	feed_relation(feeder, "id+,name,note");
	for (i = 0; i <= count; i++) {
		struct transaction *transaction;
		const struct change *change;
		char row[64];

		snprintf(row, sizeof(row), "%d|name|a note that takes some room", i);
		transaction = i < count ? feed_row(feeder, 'I', 0, NULL, row) : feed_commit(feeder, 1000);
		if (!transaction)
			continue;
		pieces++;
		assert_int_equal(transaction->end_lsn, i < count ? 0 : 1010);
		assert_int_equal(transaction->commit_lsn, 1000);
		assert_int_equal(transaction->pieces_skip, expected);
		assert_true(transaction->changes_count > 0 || skip == count);
		for (change = transaction->first; change; change = change->next) {
			assert_int_equal(atoi(change->row[0].data), expected);
			expected++;
		}
		transaction_free(transaction);
	}
	assert_int_equal(expected, count);
	feeder_free(feeder);
	return pieces;
}

static void test_pieces(void **state)
{
	int skip;

	(void)state;
	assert_int_equal(run_oversized(1 << 20, 100, 0), 1);
	assert_int_equal(run_oversized(1, 100, 0), 100);
	assert_in_range(run_oversized(2000, 100, 0), 5, 20);
	for (skip = 0; skip <= 100; skip++)
		run_oversized(2000, 100, skip);
	assert_int_equal(run_oversized(2000, 100, 100), 1);
}

static void test_skip_of_another(void **state)
{
	struct feeder *feeder = feeder_new(1 << 20, 1000);
	struct transaction *transaction;

	(void)state;
	pgoutput_decoder_skip(feeder->decoder, 2000, 1);
	feed_begin(feeder, 1000);
	feed_relation(feeder, "id+,name,note");
	feed_row(feeder, 'I', 0, NULL, "1|Ann|x");
	transaction = feed_commit(feeder, 1000);
	assert_int_equal(transaction->changes_count, 1);
	transaction_free(transaction);
	feed_begin(feeder, 2000);
	feed_row(feeder, 'I', 0, NULL, "2|Ann|x");
	feed_row(feeder, 'I', 0, NULL, "3|Ann|x");
	transaction = feed_commit(feeder, 2000);
	assert_int_equal(transaction->changes_count, 1);
	assert_int_equal(transaction->pieces_skip, 1);
	assert_int_equal(transaction->rows_count, 1);
	assert_change(transaction->first, CHANGE_INSERT, NULL, false, "3|Ann|x");
	transaction_free(transaction);
	/* fewer changes than were applied: another mapping, or another transaction */
	pgoutput_decoder_skip(feeder->decoder, 3000, 2);
	feed_begin(feeder, 3000);
	feed_row(feeder, 'I', 0, NULL, "2|Ann|x");
	wire_commit(&feeder->wire, 3000, 3010);
	assert_int_equal(try_feed(feeder), ERR_STATE);
	feeder_free(feeder);
}

/* So that the count holds under another mapping. */
static void test_skip_counts_every_table(void **state)
{
	struct feeder *feeder = feeder_new(1, 1000);
	const uint32_t oids[] = {FOREIGN_OID, CITY_OID};
	struct transaction *transaction;

	(void)state;
	pgoutput_decoder_skip(feeder->decoder, 1000, 3);
	feed_begin(feeder, 1000);
	wire_row(&feeder->wire, 'I', FOREIGN_OID, 0, NULL, "1|2");
	assert_null(feed(feeder));
	wire_truncate(&feeder->wire, oids, 2);
	assert_null(feed(feeder));
	feed_relation(feeder, "id+,name,note");
	assert_null(feed_row(feeder, 'I', 0, NULL, "1|Ann|x"));
	wire_row(&feeder->wire, 'I', FOREIGN_OID, 0, NULL, "1|2");
	assert_null(feed(feeder));
	transaction = feed_row(feeder, 'I', 0, NULL, "2|Ann|x");
	assert_int_equal(transaction->pieces_skip, 3);
	assert_int_equal(transaction->rows_count, 2);
	assert_change(transaction->first, CHANGE_INSERT, NULL, false, "1|Ann|x");
	transaction_free(transaction);
	transaction = feed_commit(feeder, 1000);
	assert_int_equal(transaction->pieces_skip, 5);
	assert_int_equal(transaction->rows_count, 1);
	transaction_free(transaction);
	feeder_free(feeder);
}

static void test_new_refused(void **state)
{
	const struct pgoutput_limits limits = {0, 1};
	const struct pgoutput_limits huge = {SIZE_MAX, SIZE_MAX};
	const struct plan empty = {0};
	struct pgoutput_decoder *decoder = NULL;
	struct error error;

	(void)state;
	assert_int_equal(pgoutput_decoder_new(&test_plan, &limits, &decoder, &error), ERR_LIMIT);
	assert_int_equal(pgoutput_decoder_new(&empty, &huge, &decoder, &error), 0);
	pgoutput_decoder_free(decoder);
	pgoutput_decoder_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_transaction),
	        cmocka_unit_test(test_replica_identity_full),
	        cmocka_unit_test(test_outside_the_plan),
	        cmocka_unit_test(test_keepalive),
	        cmocka_unit_test(test_relation_replaced),
	        cmocka_unit_test(test_relation_refused),
	        cmocka_unit_test(test_relation_of_another_table),
	        cmocka_unit_test(test_type_family),
	        cmocka_unit_test(test_passed_over),
	        cmocka_unit_test(test_own_origin),
	        cmocka_unit_test(test_row_without_a_key),
	        cmocka_unit_test(test_order_refused),
	        cmocka_unit_test(test_reset_forgets),
	        cmocka_unit_test(test_row_limit),
	        cmocka_unit_test(test_pieces),
	        cmocka_unit_test(test_skip_of_another),
	        cmocka_unit_test(test_skip_counts_every_table),
	        cmocka_unit_test(test_new_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
