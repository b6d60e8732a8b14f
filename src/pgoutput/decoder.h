/*
 * pgoutput/decoder: the messages of PostgreSQL's pgoutput plugin (protocol version 1, text) -> transactions of row changes.
 *
 * It keeps the relation cache: a RELATION message always replaces the one before, and binds its columns by name to the plan's.
 * Tables that are not in the plan are passed over. It does no I/O and knows no types: cells stay text (change/value.h reads
 * them). The wire grammar stands above the decoder in decoder.c and message.h.
 *
 * Limits: a row's mapped cells together row_size_max bytes; columns of a relation PGOUTPUT_COLUMNS_MAX, names
 * PGOUTPUT_NAME_SIZE_MAX. Memory: one transaction (piece) of transaction_size_max, passed by at most one row.
 */
#ifndef PGWEAVE_PGOUTPUT_DECODER_H
#define PGWEAVE_PGOUTPUT_DECODER_H

#include "change/change.h"
#include "mapping/plan.h"
#include "pgoutput/frame.h"

#define PGOUTPUT_ROW_SIZE_MAX ((size_t)64 * 1024 * 1024) /* a sensible row_size_max */

struct pgoutput_limits {
	size_t transaction_size_max; /* arena bytes after which a transaction is handed out in pieces */
	size_t row_size_max;         /* bytes of one row's mapped cells; old and new row each */
};

struct pgoutput_decoder;

/* The plan must outlive the decoder. ERR_NOMEM, or ERR_LIMIT when a limit is 0. */
int pgoutput_decoder_new(const struct plan *plan, const struct pgoutput_limits *limits, struct pgoutput_decoder **ret_decoder,
                         struct error *error) _must_check;
void pgoutput_decoder_free(struct pgoutput_decoder *decoder);

/* Forgets the unfinished transaction, the relation cache and the skip: for a new START_REPLICATION. */
void pgoutput_decoder_reset(struct pgoutput_decoder *decoder);

/*
 * After a restart inside an oversized transaction: the first rows_count row changes of the transaction whose commit record
 * starts at commit_lsn, those of other tables included, have been applied already and are left out. Its pieces count on from
 * there: the first has pieces_skip = rows_count. Without effect on other transactions.
 */
void pgoutput_decoder_skip(struct pgoutput_decoder *decoder, uint64_t commit_lsn, uint64_t rows_count);

/*
 * A table of the plan that is about to be loaded anew: as long as it is not as the plan has it, its row changes are left out
 * instead of refused. Other tables' are unaffected, and so are OIDs that the plan does not have.
 */
void pgoutput_decoder_pass_over(struct pgoutput_decoder *decoder, uint32_t oid);
/*
 * Row changes of transactions with that replication origin are left out: they are our own, and write nothing that is mapped.
 * The name must outlive the decoder; NULL: none.
 */
void pgoutput_decoder_pass_over_origin(struct pgoutput_decoder *decoder, const char *name);
/* After ERR_CATALOG: the OID of the plan's table that it was about. */
uint32_t pgoutput_decoder_misfit(const struct pgoutput_decoder *decoder);

/*
 * Takes one frame (a KEEPALIVE does nothing) and sets *ret_transaction to NULL, to a finished transaction (end_lsn set; without
 * changes when nothing in it was mapped, so that the position moves), or to a piece of an oversized one (end_lsn 0). It is then
 * the caller's, freed with transaction_free. All bytes are copied: the frame may go away.
 *
 * ERR_PROTOCOL when the bytes are not pgoutput's; ERR_LIMIT when a row is over row_size_max; ERR_CATALOG, RETRY, when a mapped
 * table was not as the plan has it when the row was written (a column more matters only if the plan has it): the plan, or the
 * stream, is older than an ALTER TABLE; ERR_NOMEM. After an error only reset and free are allowed.
 */
int pgoutput_decoder_feed(struct pgoutput_decoder *decoder, const struct pgoutput_frame *frame,
                          struct transaction **ret_transaction, struct error *error) _must_check;

/* True between BEGIN and COMMIT: the server has more of this transaction to send. */
bool pgoutput_decoder_in_transaction(const struct pgoutput_decoder *decoder);

#endif
