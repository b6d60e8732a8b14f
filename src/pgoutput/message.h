/*
 * pgoutput/message: one message of the pgoutput plugin, read and checked to its last byte. For use inside the room and its
 * tests.
 *
 * https://www.postgresql.org/docs/15/protocol-logicalrep-message-formats.html, protocol version 1, text format:
 *
 *   BEGIN     'B' final_lsn:u64 time:i64 xid:u32
 *   MESSAGE   'M' flags:u8 lsn:u64 prefix:cstring size:u32 bytes
 *   COMMIT    'C' flags:u8 commit_lsn:u64 end_lsn:u64 time:i64
 *   ORIGIN    'O' lsn:u64 name:cstring
 *   RELATION  'R' oid:u32 schema:cstring name:cstring identity:u8 count:u16 { flags:u8 name:cstring type_oid:u32 type_mod:i32 }
 *   TYPE      'Y' oid:u32 schema:cstring name:cstring
 *   INSERT    'I' oid:u32 'N' tuple
 *   UPDATE    'U' oid:u32 [ 'K' tuple | 'O' tuple ] 'N' tuple
 *   DELETE    'D' oid:u32 ( 'K' tuple | 'O' tuple )
 *   TRUNCATE  'T' count:u32 options:u8 { oid:u32 }
 *   tuple     count:u16 { 'n' | 'u' | 't' size:u32 bytes }
 *
 * Everything points into the bytes that were read.
 */
#ifndef PGWEAVE_PGOUTPUT_MESSAGE_H
#define PGWEAVE_PGOUTPUT_MESSAGE_H

#include "base/buffer.h"

#define PGOUTPUT_COLUMNS_MAX 1664      /* PostgreSQL's MaxTupleAttributeNumber */
#define PGOUTPUT_NAME_SIZE_MAX 1023    /* PostgreSQL's NAMEDATALEN is 64, but may be built larger */
#define PGOUTPUT_RELATIONS_MAX 1000000 /* in one TRUNCATE */

enum pgoutput_message_kind {
	PGOUTPUT_BEGIN = 'B',
	PGOUTPUT_COMMIT = 'C',
	PGOUTPUT_ORIGIN = 'O',
	PGOUTPUT_RELATION = 'R',
	PGOUTPUT_TYPE = 'Y',
	PGOUTPUT_INSERT = 'I',
	PGOUTPUT_UPDATE = 'U',
	PGOUTPUT_DELETE = 'D',
	PGOUTPUT_TRUNCATE = 'T',
	PGOUTPUT_MESSAGE = 'M',
};

/* A checked tuple; columns are taken out one by one with pgoutput_tuple_next. */
struct pgoutput_tuple {
	const uint8_t *bytes; /* behind the count */
	size_t size;
	uint16_t columns_count;
};

struct pgoutput_message {
	enum pgoutput_message_kind kind;
	union {
		struct {
			uint64_t final_lsn;
			int64_t time_us;
			uint32_t xid;
		} begin;
		struct {
			uint64_t commit_lsn;
			uint64_t end_lsn;
			int64_t time_us;
		} commit;
		struct {
			uint64_t lsn;
			const char *name;
		} origin;
		struct {
			uint32_t oid;
			const char *schema; /* "pg_catalog" where the wire has "" */
			const char *name;
			char identity;
			uint16_t columns_count;
			const uint8_t *columns; /* for pgoutput_relation_column_next */
			size_t columns_size;
		} relation;
		struct {
			uint32_t oid;
			const char *schema;
			const char *name;
		} type;
		struct {
			uint32_t oid;
			char old_kind; /* 'K', 'O', or 0: no old tuple */
			struct pgoutput_tuple old;
			struct pgoutput_tuple new; /* not in a DELETE */
		} row;
		struct {
			uint32_t count;
			bool cascade;
			bool restart_identity;
			const uint8_t *oids; /* count times u32 */
		} truncate;
		struct {
			bool transactional;
			uint64_t lsn;
			const char *prefix;
			uint32_t size;
			const uint8_t *bytes;
		} message;
	};
};

/* 0; ERR_PROTOCOL, ERR_LIMIT. */
int pgoutput_message_read(const uint8_t *bytes, size_t size, struct pgoutput_message *ret_message,
                          struct error *error) _must_check;
/* "INSERT" */
const char *pgoutput_message_name(enum pgoutput_message_kind kind);

struct pgoutput_column {
	bool key; /* part of the replica identity */
	const char *name;
	uint32_t type_oid;
};

/* The reader starts as reader_of(relation.columns, relation.columns_size) and is asked columns_count times. */
struct pgoutput_column pgoutput_relation_column_next(struct reader *reader);

struct pgoutput_datum {
	uint8_t kind; /* 'n', 'u', 't' */
	uint32_t size;
	const uint8_t *bytes; /* of a 't' */
};

/* Likewise over tuple.bytes and tuple.size. */
struct pgoutput_datum pgoutput_tuple_next(struct reader *reader);

#endif
