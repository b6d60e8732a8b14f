#include "pgoutput/message.h"

#include <string.h>

typedef int message_read_fn(struct reader *reader, struct pgoutput_message *message, struct error *error);

struct pgoutput_column pgoutput_relation_column_next(struct reader *reader)
{
	struct pgoutput_column column;
	size_t size;

	column.key = (reader_u8(reader) & 1) != 0;
	column.name = reader_cstring(reader, &size);
	column.type_oid = reader_u32(reader);
	reader_u32(reader); /* the type modifier */
	if (size > PGOUTPUT_NAME_SIZE_MAX)
		reader->failed = true;
	return column;
}

struct pgoutput_datum pgoutput_tuple_next(struct reader *reader)
{
	struct pgoutput_datum datum = {.kind = reader_u8(reader)};

	if (datum.kind == 't') {
		datum.size = reader_u32(reader);
		datum.bytes = reader_bytes(reader, datum.size);
	}
	return datum;
}

/* A name of the wire; too long a one is as bad as one that is cut short. */
static const char *read_name(struct reader *reader)
{
	size_t size;
	const char *name = reader_cstring(reader, &size);

	if (size > PGOUTPUT_NAME_SIZE_MAX)
		reader->failed = true;
	return name;
}

static int read_begin(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	(void)error;
	message->begin.final_lsn = reader_u64(reader);
	message->begin.time_us = (int64_t)reader_u64(reader);
	message->begin.xid = reader_u32(reader);
	return 0;
}

static int read_commit(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	(void)error;
	reader_u8(reader); /* flags, unused in every version so far */
	message->commit.commit_lsn = reader_u64(reader);
	message->commit.end_lsn = reader_u64(reader);
	message->commit.time_us = (int64_t)reader_u64(reader);
	return 0;
}

static int read_origin(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	(void)error;
	message->origin.lsn = reader_u64(reader);
	message->origin.name = read_name(reader);
	return 0;
}

static const char *read_schema(struct reader *reader)
{
	const char *schema = read_name(reader);

	return *schema ? schema : "pg_catalog";
}

static int read_relation(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	uint16_t i;

	message->relation.oid = reader_u32(reader);
	message->relation.schema = read_schema(reader);
	message->relation.name = read_name(reader);
	message->relation.identity = (char)reader_u8(reader);
	message->relation.columns_count = reader_u16(reader);
	message->relation.columns = reader->at;
	if (reader->failed)
		return 0;
	if (message->relation.columns_count > PGOUTPUT_COLUMNS_MAX)
		return error_set(error, ERR_LIMIT, "table %s.%s has %u columns in the stream, more than PostgreSQL allows",
		                 message->relation.schema, message->relation.name, message->relation.columns_count);
	for (i = 0; i < message->relation.columns_count && !reader->failed; i++)
		pgoutput_relation_column_next(reader);
	message->relation.columns_size = (size_t)(reader->at - message->relation.columns);
	return 0;
}

static int read_type(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	(void)error;
	message->type.oid = reader_u32(reader);
	message->type.schema = read_schema(reader);
	message->type.name = read_name(reader);
	return 0;
}

static int read_tuple(struct reader *reader, struct pgoutput_tuple *tuple, struct error *error)
{
	uint16_t i;

	tuple->columns_count = reader_u16(reader);
	tuple->bytes = reader->at;
	if (tuple->columns_count > PGOUTPUT_COLUMNS_MAX)
		return error_set(error, ERR_LIMIT, "a row in the stream has %u columns, more than PostgreSQL allows",
		                 tuple->columns_count);
	for (i = 0; i < tuple->columns_count && !reader->failed; i++) {
		struct pgoutput_datum datum = pgoutput_tuple_next(reader);

		if (datum.kind == 'b')
			return error_set(error, ERR_PROTOCOL, "a column came in binary format, which was not asked for");
		if (!reader->failed && datum.kind != 't' && datum.kind != 'n' && datum.kind != 'u')
			return error_set(error, ERR_PROTOCOL, "a column came in an unknown format, 0x%02x", datum.kind);
	}
	tuple->size = (size_t)(reader->at - tuple->bytes);
	return 0;
}

static int read_row(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	uint8_t part;
	int rc;

	message->row.oid = reader_u32(reader);
	part = reader_u8(reader);
	if ((part == 'K' || part == 'O') && message->kind != PGOUTPUT_INSERT) {
		message->row.old_kind = (char)part;
		rc = read_tuple(reader, &message->row.old, error);
		if (rc || message->kind == PGOUTPUT_DELETE)
			return rc;
		part = reader_u8(reader);
	}
	if (reader->failed)
		return 0;
	if (part != 'N' || message->kind == PGOUTPUT_DELETE)
		return error_set(error, ERR_PROTOCOL, "a part of unknown kind, 0x%02x, in a %s", part,
		                 pgoutput_message_name(message->kind));
	return read_tuple(reader, &message->row.new, error);
}

static int read_truncate(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	uint8_t options;

	message->truncate.count = reader_u32(reader);
	options = reader_u8(reader);
	message->truncate.cascade = (options & 1) != 0;
	message->truncate.restart_identity = (options & 2) != 0;
	if (message->truncate.count > PGOUTPUT_RELATIONS_MAX)
		return error_set(error, ERR_LIMIT, "a TRUNCATE of %u tables", message->truncate.count);
	message->truncate.oids = reader_bytes(reader, (size_t)message->truncate.count * sizeof(uint32_t));
	return 0;
}

static int read_logical_message(struct reader *reader, struct pgoutput_message *message, struct error *error)
{
	(void)error;
	message->message.transactional = (reader_u8(reader) & 1) != 0;
	message->message.lsn = reader_u64(reader);
	message->message.prefix = reader_cstring(reader, NULL);
	message->message.size = reader_u32(reader);
	message->message.bytes = reader_bytes(reader, message->message.size);
	return 0;
}

static const struct {
	enum pgoutput_message_kind kind;
	const char *name;
	message_read_fn *read;
} message_kinds[] = {
        {PGOUTPUT_INSERT, "INSERT", read_row},
        {PGOUTPUT_UPDATE, "UPDATE", read_row},
        {PGOUTPUT_DELETE, "DELETE", read_row},
        {PGOUTPUT_BEGIN, "BEGIN", read_begin},
        {PGOUTPUT_COMMIT, "COMMIT", read_commit},
        {PGOUTPUT_RELATION, "RELATION", read_relation},
        {PGOUTPUT_TYPE, "TYPE", read_type},
        {PGOUTPUT_ORIGIN, "ORIGIN", read_origin},
        {PGOUTPUT_TRUNCATE, "TRUNCATE", read_truncate},
        {PGOUTPUT_MESSAGE, "MESSAGE", read_logical_message},
};

#define MESSAGE_KINDS_COUNT (sizeof(message_kinds) / sizeof(message_kinds[0]))

const char *pgoutput_message_name(enum pgoutput_message_kind kind)
{
	size_t i;

	for (i = 0; i < MESSAGE_KINDS_COUNT; i++) {
		if (message_kinds[i].kind == kind)
			return message_kinds[i].name;
	}
	return "UNKNOWN";
}

int pgoutput_message_read(const uint8_t *bytes, size_t size, struct pgoutput_message *ret_message, struct error *error)
{
	struct reader reader = reader_of(bytes, size);
	uint8_t kind = reader_u8(&reader);
	size_t i;
	int rc;

	memset(ret_message, 0, sizeof(*ret_message));
	for (i = 0; i < MESSAGE_KINDS_COUNT && (uint8_t)message_kinds[i].kind != kind; i++)
		;
	if (i == MESSAGE_KINDS_COUNT)
		return error_set(error, ERR_PROTOCOL, "pgoutput sent a message of unknown kind, 0x%02x (%zu bytes)", kind,
		                 size);
	ret_message->kind = message_kinds[i].kind;
	rc = message_kinds[i].read(&reader, ret_message, error);
	if (rc)
		return rc;
	if (reader.failed)
		return error_set(error, ERR_PROTOCOL, "pgoutput sent a %s that is cut short (%zu bytes)", message_kinds[i].name,
		                 size);
	if (reader_left(&reader))
		return error_set(error, ERR_PROTOCOL, "pgoutput sent a %s with %zu bytes too many", message_kinds[i].name,
		                 reader_left(&reader));
	return 0;
}
