#include "pgoutput/frame.h"

/*
 * XLogData   'w' start:u64 end:u64 time:i64 bytes
 * Keepalive  'k' end:u64 time:i64 reply_requested:u8
 * Status     'r' written:u64 flushed:u64 applied:u64 time:i64 reply_requested:u8
 */
int pgoutput_frame_read(const void *bytes, size_t size, struct pgoutput_frame *ret_frame, struct error *error)
{
	struct reader reader = reader_of(bytes, size);
	uint8_t kind = reader_u8(&reader);

	*ret_frame = (struct pgoutput_frame){0};
	switch (kind) {
	case 'w':
		ret_frame->kind = PGOUTPUT_FRAME_DATA;
		ret_frame->start_lsn = reader_u64(&reader);
		ret_frame->end_lsn = reader_u64(&reader);
		ret_frame->time_us = (int64_t)reader_u64(&reader);
		ret_frame->bytes = reader.at;
		ret_frame->size = reader_left(&reader);
		break;
	case 'k':
		ret_frame->kind = PGOUTPUT_FRAME_KEEPALIVE;
		ret_frame->end_lsn = reader_u64(&reader);
		ret_frame->time_us = (int64_t)reader_u64(&reader);
		ret_frame->reply_requested = reader_u8(&reader) != 0;
		if (reader_left(&reader))
			reader.failed = true;
		break;
	default:
		if (!size)
			return error_set(error, ERR_PROTOCOL, "the replication stream sent an empty frame");
		return error_set(error, ERR_PROTOCOL, "the replication stream sent a frame of unknown kind 0x%02x", kind);
	}
	if (reader.failed)
		return error_set(error, ERR_PROTOCOL,
		                 "the replication stream sent a '%c' frame of %zu bytes, which is no length of it", kind, size);
	return 0;
}

void pgoutput_status_write(struct buffer *buffer, const struct pgoutput_status *status)
{
	buffer_append_byte(buffer, 'r');
	buffer_append_u64(buffer, status->written_lsn);
	buffer_append_u64(buffer, status->flushed_lsn);
	buffer_append_u64(buffer, status->applied_lsn);
	buffer_append_u64(buffer, (uint64_t)status->time_us);
	buffer_append_byte(buffer, status->reply_requested);
}
