/* Builds pgoutput messages for the tests, and a plan of two tables by hand. */
#ifndef TEST_PGOUTPUT_WIRE_H
#define TEST_PGOUTPUT_WIRE_H

#include "base/buffer.h"
#include "mapping/plan.h"
#include "pgoutput/decoder.h"

#include <string.h>

#define PERSON_OID 16385
#define CITY_OID 16390
#define FOREIGN_OID 99999

static const struct plan_column person_columns[] = {
        {.name = "id", .attnum = 1}, {.name = "name", .attnum = 3, .type_oid = 25}, {.name = "note", .attnum = 4}};
static const struct plan_column city_columns[] = {{.name = "code"}};
static const struct plan_table plan_tables[] = {
        {.index = 0,
         .oid = CITY_OID,
         .schema = "public",
         .name = "city",
         .columns = city_columns,
         .columns_count = 1,
         .key_count = 1},
        {.index = 1,
         .oid = PERSON_OID,
         .schema = "public",
         .name = "person",
         .columns = person_columns,
         .columns_count = 3,
         .key_count = 1},
};
static const struct plan test_plan = {.tables = plan_tables, .tables_count = 2};

static inline void wire_cstring(struct buffer *wire, const char *text)
{
	buffer_append(wire, text, strlen(text) + 1);
}

static inline void wire_begin(struct buffer *wire, uint64_t final_lsn, uint32_t xid)
{
	buffer_append_byte(wire, 'B');
	buffer_append_u64(wire, final_lsn);
	buffer_append_u64(wire, 1000);
	buffer_append_u32(wire, xid);
}

static inline void wire_commit(struct buffer *wire, uint64_t commit_lsn, uint64_t end_lsn)
{
	buffer_append_byte(wire, 'C');
	buffer_append_byte(wire, 0);
	buffer_append_u64(wire, commit_lsn);
	buffer_append_u64(wire, end_lsn);
	buffer_append_u64(wire, 1000);
}

/* columns: "id+,name,note"; those with a + are of the replica identity. */
static inline void wire_relation(struct buffer *wire, uint32_t oid, const char *name, const char *columns, uint32_t type_oid)
{
	uint16_t count = 1;
	const char *at;

	for (at = columns; *at; at++)
		count = (uint16_t)(count + (*at == ','));
	buffer_append_byte(wire, 'R');
	buffer_append_u32(wire, oid);
	wire_cstring(wire, "public");
	wire_cstring(wire, name);
	buffer_append_byte(wire, 'd');
	buffer_append_u16(wire, count);
	for (at = columns; count--;) {
		size_t size = strcspn(at, ",");

		bool key = size && at[size - 1] == '+';

		buffer_append_byte(wire, key);
		buffer_append(wire, at, size - key);
		buffer_append_byte(wire, 0);
		buffer_append_u32(wire, type_oid);
		buffer_append_u32(wire, UINT32_MAX);
		at += size + (at[size] != 0);
	}
}

/* cells: "1|Ann|~" with ~ for unchanged and - for NULL */
static inline void wire_tuple(struct buffer *wire, const char *cells)
{
	uint16_t count = 1;
	const char *at;

	for (at = cells; *at; at++)
		count = (uint16_t)(count + (*at == '|'));
	buffer_append_u16(wire, count);
	for (at = cells; count--;) {
		size_t size = strcspn(at, "|");

		if (size == 1 && (*at == '~' || *at == '-')) {
			buffer_append_byte(wire, *at == '~' ? 'u' : 'n');
		} else {
			buffer_append_byte(wire, 't');
			buffer_append_u32(wire, (uint32_t)size);
			buffer_append(wire, at, size);
		}
		at += size + (at[size] != 0);
	}
}

/* kind 'I', 'U', 'D'; old_kind 'K', 'O' or 0 */
static inline void wire_row(struct buffer *wire, char kind, uint32_t oid, char old_kind, const char *old, const char *row)
{
	buffer_append_byte(wire, (uint8_t)kind);
	buffer_append_u32(wire, oid);
	if (old_kind) {
		buffer_append_byte(wire, (uint8_t)old_kind);
		wire_tuple(wire, old);
	}
	if (row) {
		buffer_append_byte(wire, 'N');
		wire_tuple(wire, row);
	}
}

static inline void wire_truncate(struct buffer *wire, const uint32_t *oids, uint32_t count)
{
	uint32_t i;

	buffer_append_byte(wire, 'T');
	buffer_append_u32(wire, count);
	buffer_append_byte(wire, 0);
	for (i = 0; i < count; i++)
		buffer_append_u32(wire, oids[i]);
}

#endif
