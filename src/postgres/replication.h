/*
 * postgres/replication: the walsender's commands: slot, snapshot, stream. For connections with options.replication set.
 *
 * https://www.postgresql.org/docs/15/protocol-replication.html. The stream's frames are handed on undecoded (pgoutput/ reads
 * them); keepalives are answered here, and the standby status is sent on a timer, paused or not, so that wal_sender_timeout
 * never strikes while the loop runs. The room decides nothing about positions: the slot moves only by postgres_stream_confirm.
 * PostgreSQL 10 and newer.
 */
#ifndef PGWEAVE_POSTGRES_REPLICATION_H
#define PGWEAVE_POSTGRES_REPLICATION_H

#include "pgoutput/frame.h"
#include "postgres/connection.h"

struct postgres_system {
	uint64_t system_identifier;
	uint32_t timeline;
	uint64_t lsn; /* flushed so far */
};
/* system is NULL when error is not; valid during the callback. */
typedef void postgres_system_fn(void *user, const struct postgres_system *system, const struct error *error);

/* IDENTIFY_SYSTEM */
int postgres_identify_system(struct postgres_connection *connection, postgres_system_fn *on_done, void *user,
                             struct error *error) _must_check;

struct postgres_slot {
	uint64_t consistent_lsn; /* the stream begins here; the snapshot shows exactly what was committed before */
	const char *snapshot;    /* for SET TRANSACTION SNAPSHOT */
};
typedef void postgres_slot_fn(void *user, const struct postgres_slot *slot, const struct error *error);

/*
 * CREATE_REPLICATION_SLOT ... LOGICAL pgoutput, exporting a snapshot. The snapshot lives until the next request on this
 * connection or its end, so let it idle until the readers have adopted the snapshot. It waits for all transactions that were
 * running at its start, however long those take. `temporary`: the slot dies with the connection. Errors: 42710 in origin when
 * the slot is there already, 53400 when none is left (max_replication_slots).
 */
int postgres_slot_create(struct postgres_connection *connection, const char *slot, bool temporary, postgres_slot_fn *on_done,
                         void *user, struct error *error) _must_check;

/* DROP_REPLICATION_SLOT. 42704 when there is none, 55006 when somebody streams from it. */
int postgres_slot_drop(struct postgres_connection *connection, const char *slot, postgres_done_fn *on_done, void *user,
                       struct error *error) _must_check;

/*
 * One frame off the stream; its bytes are valid during the callback. A KEEPALIVE is handed over as well: an idle receiver that
 * has applied everything calls postgres_stream_confirm(frame->end_lsn) inside the callback, and the answer already carries it.
 */
typedef void postgres_frame_fn(void *user, const struct pgoutput_frame *frame);

struct postgres_stream_options {
	const char *slot;
	const char *publication;
	uint64_t start_lsn;          /* the server starts at the slot's own position when that is further on */
	uint64_t status_interval_ms; /* 0: POSTGRES_STATUS_INTERVAL_MS */
	postgres_frame_fn *on_frame;
	postgres_done_fn *on_end; /* once: after postgres_stream_stop with NULL, or with the reason why the stream broke */
	void *user;
};

#define POSTGRES_STATUS_INTERVAL_MS 1000
#define POSTGRES_STOP_TIMEOUT_MS 5000

/*
 * START_REPLICATION. Errors come to on_end: 55006 (RETRY) while another process streams from the slot; 42704 (ERR_STATE) when
 * slot or publication is not there; ERR_STATE when the slot is invalidated or its WAL is gone; ERR_IO when the connection
 * breaks, and when the server falls silent for longer than POSTGRES_SILENCE_MAX_MS although it was asked for a sign of life.
 */
int postgres_stream_start(struct postgres_connection *connection, const struct postgres_stream_options *options,
                          struct error *error) _must_check;
#define POSTGRES_SILENCE_MAX_MS 60000

/* No frame is handed out until resume, from the moment this returns; also inside on_frame. */
void postgres_stream_pause(struct postgres_connection *connection);
void postgres_stream_resume(struct postgres_connection *connection);

/*
 * Everything before lsn is safe in the graph. It never goes back: a smaller lsn than before is ignored. It is sent at once when
 * the last status is more than 100 ms old, else within that time.
 */
void postgres_stream_confirm(struct postgres_connection *connection, uint64_t lsn);
/* What was confirmed last, and the end of the last frame seen. */
uint64_t postgres_stream_confirmed_lsn(const struct postgres_connection *connection);
uint64_t postgres_stream_received_lsn(const struct postgres_connection *connection);

/*
 * Sends the last status and CopyDone. No more frames; on_end follows, with ERR_TIMEOUT when the server does not answer in
 * POSTGRES_STOP_TIMEOUT_MS. Afterwards the connection takes requests again.
 */
void postgres_stream_stop(struct postgres_connection *connection);

#endif
