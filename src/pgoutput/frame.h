/*
 * pgoutput/frame: the outer frames of streaming replication: what a CopyData of START_REPLICATION holds, and the answer to it.
 *
 * https://www.postgresql.org/docs/15/protocol-replication.html. A frame points into the bytes that it was read from. Pure.
 */
#ifndef PGWEAVE_PGOUTPUT_FRAME_H
#define PGWEAVE_PGOUTPUT_FRAME_H

#include "base/buffer.h"
#include "base/error.h"

#include <stdint.h>

enum pgoutput_frame_kind {
	PGOUTPUT_FRAME_DATA,      /* XLogData: one message of the output plugin */
	PGOUTPUT_FRAME_KEEPALIVE, /* nothing new up to end_lsn */
};

struct pgoutput_frame {
	enum pgoutput_frame_kind kind;
	bool reply_requested; /* KEEPALIVE: the server is about to give up on us */
	uint64_t start_lsn;   /* DATA: of the message; 0 in some (a RELATION) */
	uint64_t end_lsn;     /* DATA: the server's end of WAL; KEEPALIVE: how far the server has decoded and sent everything */
	int64_t time_us;      /* the server's clock when it sent, since 2000-01-01 UTC */
	const uint8_t *bytes; /* DATA: the message */
	size_t size;
};

/* 0, or ERR_PROTOCOL. */
int pgoutput_frame_read(const void *bytes, size_t size, struct pgoutput_frame *ret_frame, struct error *error) _must_check;

/* How far the receiver is. Only flushed_lsn moves the slot. */
struct pgoutput_status {
	uint64_t written_lsn;
	uint64_t flushed_lsn;
	uint64_t applied_lsn;
	int64_t time_us;      /* our clock, since 2000-01-01 UTC */
	bool reply_requested; /* asks the server for a keepalive at once */
};

#define PGOUTPUT_STATUS_SIZE 34
/* Appends the standby status update ('r'), PGOUTPUT_STATUS_SIZE bytes. */
void pgoutput_status_write(struct buffer *buffer, const struct pgoutput_status *status);

#endif
