/*
 * The messages of a stream come in this order (grammar of each in message.h):
 *
 *   stream       { BEGIN { [ORIGIN] | [TYPE] RELATION | row | TRUNCATE | MESSAGE } COMMIT | MESSAGE }
 *
 * A RELATION comes before the first row of its table in a session, and again whenever the table may have changed; a
 * transaction is sent whole, after its commit, so transactions never interleave (protocol version 1).
 */
#include "pgoutput/decoder.h"

#include "pgoutput/relation.h"

#include <stdlib.h>
#include <string.h>

/* What a transaction holds beside the bytes of its rows, when one row passes transaction_size_max. */
#define ARENA_SLACK ((size_t)2 * PGOUTPUT_COLUMNS_MAX * sizeof(struct cell) + (size_t)256 * 1024)

struct pgoutput_decoder {
	struct relations relations;
	struct pgoutput_limits limits;
	size_t arena_size_max;
	struct transaction *transaction; /* between BEGIN and COMMIT */
	uint64_t rows_seen;              /* its row changes so far, whatever table: a count that no other plan would change */
	uint64_t skip_commit_lsn;
	uint64_t skip_count;
	const char *own_origin; /* NULL: none */
	bool own;               /* the transaction is of that origin */
};

int pgoutput_decoder_new(const struct plan *plan, const struct pgoutput_limits *limits, struct pgoutput_decoder **ret_decoder,
                         struct error *error)
{
	struct pgoutput_decoder *decoder;
	size_t row_size;
	int rc;

	if (!limits->transaction_size_max || !limits->row_size_max)
		return error_set(error, ERR_LIMIT, "the maxima of transaction and row must not be 0");
	decoder = calloc(1, sizeof(*decoder));
	if (!decoder)
		return error_set(error, ERR_NOMEM, "no memory for a decoder");
	decoder->limits = *limits;
	if (__builtin_mul_overflow(limits->row_size_max, (size_t)2, &row_size) ||
	    __builtin_add_overflow(row_size, ARENA_SLACK, &row_size) ||
	    __builtin_add_overflow(row_size, limits->transaction_size_max, &decoder->arena_size_max))
		decoder->arena_size_max = SIZE_MAX / 2;
	rc = relations_init(&decoder->relations, plan, error);
	if (rc) {
		free(decoder);
		return rc;
	}
	*ret_decoder = decoder;
	return 0;
}

void pgoutput_decoder_reset(struct pgoutput_decoder *decoder)
{
	transaction_free(decoder->transaction);
	decoder->transaction = NULL;
	decoder->skip_commit_lsn = 0;
	decoder->skip_count = 0;
	relations_reset(&decoder->relations);
}

void pgoutput_decoder_free(struct pgoutput_decoder *decoder)
{
	if (!decoder)
		return;
	pgoutput_decoder_reset(decoder);
	relations_free(&decoder->relations);
	free(decoder);
}

void pgoutput_decoder_skip(struct pgoutput_decoder *decoder, uint64_t commit_lsn, uint64_t rows_count)
{
	decoder->skip_commit_lsn = commit_lsn;
	decoder->skip_count = rows_count;
}

void pgoutput_decoder_pass_over(struct pgoutput_decoder *decoder, uint32_t oid)
{
	struct relation *relation = relations_find(&decoder->relations, oid);

	if (relation)
		relation->pass_over = true;
}

void pgoutput_decoder_pass_over_origin(struct pgoutput_decoder *decoder, const char *name)
{
	decoder->own_origin = name;
}

uint32_t pgoutput_decoder_misfit(const struct pgoutput_decoder *decoder)
{
	return decoder->relations.misfit_oid;
}

bool pgoutput_decoder_in_transaction(const struct pgoutput_decoder *decoder)
{
	return decoder->transaction != NULL;
}

static int nomem(struct error *error)
{
	return error_set(error, ERR_NOMEM, "no memory for a transaction");
}

static int take_begin(struct pgoutput_decoder *decoder, const struct pgoutput_message *message, struct error *error)
{
	struct transaction *transaction;

	if (decoder->transaction)
		return error_set(error, ERR_PROTOCOL, "pgoutput sent a BEGIN inside a transaction");
	transaction = transaction_new(decoder->arena_size_max);
	if (!transaction)
		return nomem(error);
	transaction->xid = message->begin.xid;
	transaction->commit_lsn = message->begin.final_lsn;
	transaction->commit_time_us = message->begin.time_us;
	decoder->transaction = transaction;
	decoder->rows_seen = 0;
	decoder->own = false;
	if (decoder->skip_count && decoder->skip_commit_lsn == message->begin.final_lsn)
		transaction->pieces_skip = decoder->skip_count;
	return 0;
}

static int take_commit(struct pgoutput_decoder *decoder, const struct pgoutput_message *message,
                       struct transaction **ret_transaction, struct error *error)
{
	struct transaction *transaction = decoder->transaction;
	char lsn[LSN_TEXT_SIZE];

	if (message->commit.commit_lsn != transaction->commit_lsn || !message->commit.end_lsn)
		return error_set(error, ERR_PROTOCOL, "pgoutput sent a COMMIT that does not belong to its BEGIN (%s)",
		                 lsn_print(transaction->commit_lsn, lsn));
	if (decoder->rows_seen < transaction->pieces_skip)
		return error_set(error, ERR_STATE,
		                 "transaction %s has %llu row changes fewer than the checkpoint says were applied of it",
		                 lsn_print(transaction->commit_lsn, lsn),
		                 (unsigned long long)(transaction->pieces_skip - decoder->rows_seen));
	transaction->rows_count = decoder->rows_seen - transaction->pieces_skip;
	transaction->end_lsn = message->commit.end_lsn;
	transaction->commit_time_us = message->commit.time_us;
	decoder->transaction = NULL;
	*ret_transaction = transaction;
	return 0;
}

/*
 * Hands out what has grown past its size, before the next change is added, so that the last piece is never empty. rows_before:
 * row changes of the transaction before that one.
 */
static int cut_piece(struct pgoutput_decoder *decoder, uint64_t rows_before, struct transaction **ret_transaction,
                     struct error *error)
{
	struct transaction *piece = decoder->transaction;
	struct transaction *next;

	if (!piece->first || piece->arena.used < decoder->limits.transaction_size_max)
		return 0;
	next = transaction_new(decoder->arena_size_max);
	if (!next)
		return nomem(error);
	next->xid = piece->xid;
	next->commit_lsn = piece->commit_lsn;
	next->commit_time_us = piece->commit_time_us;
	next->pieces_skip = rows_before;
	piece->rows_count = rows_before - piece->pieces_skip;
	decoder->transaction = next;
	*ret_transaction = piece;
	return 0;
}

/* Counts a row change. True when it was applied before a restart. */
static bool skip_one(struct pgoutput_decoder *decoder)
{
	return ++decoder->rows_seen <= decoder->transaction->pieces_skip;
}

static int refuse_row_size(const struct pgoutput_decoder *decoder, const struct relation *relation, size_t size,
                           struct error *error)
{
	error_set(error, ERR_LIMIT, "a row of table %s.%s has %zu bytes in its mapped columns; the maximum is %zu",
	          relation->table->schema, relation->table->name, size, decoder->limits.row_size_max);
	error_hint(error, "leave the large column out of the table's properties");
	return ERR_LIMIT;
}

/* Cells point into the frame at first, then all their bytes are copied in one go. */
static int read_cells(struct pgoutput_decoder *decoder, const struct relation *relation, const struct pgoutput_tuple *tuple,
                      struct cell **ret_cells, struct error *error)
{
	struct arena *arena = &decoder->transaction->arena;
	struct reader reader = reader_of(tuple->bytes, tuple->size);
	uint32_t cells_count = relation->table->columns_count;
	struct cell *cells;
	size_t size = 0;
	char *to;
	uint32_t i;

	if (tuple->columns_count != relation->columns_count)
		return error_set(error, ERR_PROTOCOL, "a row of table %s.%s came with %u columns, where its relation has %u",
		                 relation->table->schema, relation->table->name, tuple->columns_count, relation->columns_count);
	cells = arena_calloc(arena, cells_count, sizeof(*cells));
	if (!cells)
		return nomem(error);
	for (i = 0; i < tuple->columns_count; i++) {
		struct pgoutput_datum datum = pgoutput_tuple_next(&reader);
		struct cell *cell = &cells[relation->column_of[i] < 0 ? 0 : relation->column_of[i]];

		if (relation->column_of[i] < 0 || datum.kind == 'n')
			continue;
		cell->kind = datum.kind == 't' ? CELL_TEXT : CELL_UNCHANGED;
		cell->data = (const char *)datum.bytes;
		cell->size = datum.size;
		size += datum.size;
	}
	if (size > decoder->limits.row_size_max)
		return refuse_row_size(decoder, relation, size, error);
	to = arena_alloc(arena, size + 1);
	if (!to)
		return nomem(error);
	for (i = 0; i < cells_count; i++) {
		if (cells[i].kind != CELL_TEXT)
			continue;
		memcpy(to, cells[i].data, cells[i].size);
		cells[i].data = to;
		to += cells[i].size;
	}
	*ret_cells = cells;
	return 0;
}

/*
 * What the UPDATE did not touch and the server did not send again is known all the same when the old tuple has it: the whole
 * row with REPLICA IDENTITY FULL, the key otherwise.
 */
static void fill_unchanged(struct cell *row, const struct cell *old, uint32_t cells_count)
{
	uint32_t i;

	for (i = 0; i < cells_count; i++) {
		if (row[i].kind == CELL_UNCHANGED && old[i].kind == CELL_TEXT)
			row[i] = old[i];
	}
}

static bool has_key(const struct plan_table *table, const struct cell *cells)
{
	uint32_t i;

	for (i = 0; i < table->key_count; i++) {
		if (cells[i].kind != CELL_TEXT)
			return false;
	}
	return true;
}

static int add_row(struct pgoutput_decoder *decoder, const struct pgoutput_frame *frame, const struct pgoutput_message *message,
                   const struct relation *relation, struct error *error)
{
	struct cell *row = NULL;
	struct cell *old = NULL;
	struct change *change;
	int rc = 0;

	if (message->row.old_kind)
		rc = read_cells(decoder, relation, &message->row.old, &old, error);
	if (!rc && message->kind != PGOUTPUT_DELETE)
		rc = read_cells(decoder, relation, &message->row.new, &row, error);
	if (rc)
		return rc;
	if (row && old)
		fill_unchanged(row, old, relation->table->columns_count);
	if ((row && !has_key(relation->table, row)) || (old && !has_key(relation->table, old)))
		return relation->pass_over
		               ? 0
		               : relations_refuse(&decoder->relations, relation, "what is its key now came as NULL", error);
	change = transaction_add(decoder->transaction);
	if (!change)
		return nomem(error);
	change->kind = message->kind == PGOUTPUT_INSERT   ? CHANGE_INSERT
	               : message->kind == PGOUTPUT_UPDATE ? CHANGE_UPDATE
	                                                  : CHANGE_DELETE;
	change->old_is_full = message->row.old_kind == 'O';
	change->table = relation->table->index;
	change->row = row;
	change->old = old;
	change->lsn = frame->start_lsn;
	return 0;
}

static int take_row(struct pgoutput_decoder *decoder, const struct pgoutput_frame *frame,
                    const struct pgoutput_message *message, struct transaction **ret_transaction, struct error *error)
{
	const struct relation *relation = relations_find(&decoder->relations, message->row.oid);
	bool applied = skip_one(decoder);
	int rc;

	if (!relation)
		return 0;
	if (!relation->bound)
		return error_set(error, ERR_PROTOCOL, "pgoutput sent a row of table %s.%s before its RELATION",
		                 relation->table->schema, relation->table->name);
	if (applied || relation->misfit || decoder->own)
		return 0;
	rc = cut_piece(decoder, decoder->rows_seen - 1, ret_transaction, error);
	return rc ? rc : add_row(decoder, frame, message, relation, error);
}

static int take_truncate(struct pgoutput_decoder *decoder, const struct pgoutput_frame *frame,
                         const struct pgoutput_message *message, struct transaction **ret_transaction, struct error *error)
{
	struct reader reader = reader_of(message->truncate.oids, (size_t)message->truncate.count * sizeof(uint32_t));
	uint32_t i;
	int rc = cut_piece(decoder, decoder->rows_seen, ret_transaction, error);

	for (i = 0; i < message->truncate.count && !rc; i++) {
		const struct relation *relation = relations_find(&decoder->relations, reader_u32(&reader));
		struct change *change;

		if (skip_one(decoder) || !relation)
			continue;
		change = transaction_add(decoder->transaction);
		if (!change)
			return nomem(error);
		change->kind = CHANGE_TRUNCATE;
		change->table = relation->table->index;
		change->lsn = frame->start_lsn;
	}
	return rc;
}

int pgoutput_decoder_feed(struct pgoutput_decoder *decoder, const struct pgoutput_frame *frame,
                          struct transaction **ret_transaction, struct error *error)
{
	struct pgoutput_message message;
	int rc;

	*ret_transaction = NULL;
	if (frame->kind == PGOUTPUT_FRAME_KEEPALIVE)
		return 0;
	rc = pgoutput_message_read(frame->bytes, frame->size, &message, error);
	if (rc)
		return rc;
	if (!decoder->transaction && message.kind != PGOUTPUT_BEGIN && message.kind != PGOUTPUT_MESSAGE)
		return error_set(error, ERR_PROTOCOL, "pgoutput sent a %s outside of any transaction",
		                 pgoutput_message_name(message.kind));
	switch (message.kind) {
	case PGOUTPUT_BEGIN:
		return take_begin(decoder, &message, error);
	case PGOUTPUT_COMMIT:
		return take_commit(decoder, &message, ret_transaction, error);
	case PGOUTPUT_RELATION:
		return relations_bind(&decoder->relations, &message, error);
	case PGOUTPUT_INSERT:
	case PGOUTPUT_UPDATE:
	case PGOUTPUT_DELETE:
		return take_row(decoder, frame, &message, ret_transaction, error);
	case PGOUTPUT_TRUNCATE:
		return take_truncate(decoder, frame, &message, ret_transaction, error);
	case PGOUTPUT_ORIGIN:
		decoder->own = decoder->own_origin && strcmp(decoder->own_origin, message.origin.name) == 0;
		break;
	case PGOUTPUT_TYPE:
	case PGOUTPUT_MESSAGE:
		break;
	}
	return 0;
}
