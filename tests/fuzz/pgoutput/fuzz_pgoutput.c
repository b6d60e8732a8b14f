/*
 * Any bytes as a stream of frames: each is cut off by a length of two bytes, and goes through the outer frame, the decoder with
 * a small plan, and the values of every cell. Whatever comes: an error or a transaction, nothing else.
 */
#include "base/buffer.h"
#include "change/value.h"
#include "mapping/plan.h"
#include "pgoutput/decoder.h"

#include <stddef.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct plan_column columns[] = {
        {.name = "id", .type = {.kind = TYPE_INT}},
        {.name = "name", .type = {.kind = TYPE_TEXT}},
        {.name = "tags", .type = {.kind = TYPE_TEXT, .array = true}},
};
static const struct plan_table tables[] = {
        {.index = 0,
         .oid = 16385,
         .schema = "public",
         .name = "person",
         .columns = columns,
         .columns_count = 3,
         .key_count = 1},
};
static const struct plan plan = {.tables = tables, .tables_count = 1};

static void read_cells(const struct cell *cells)
{
	struct arena arena;
	uint32_t i;

	arena_init(&arena, 1 << 20);
	for (i = 0; cells && i < 3; i++) {
		struct value value;
		struct error error;

		if (cells[i].kind == CELL_TEXT)
			(void)!value_from_text(&columns[i].type, cells[i].data, cells[i].size, &arena, &value, &error);
	}
	arena_free(&arena);
}

static void take(struct transaction *transaction)
{
	const struct change *change;
	uint64_t count = 0;

	for (change = transaction->first; change; change = change->next) {
		read_cells(change->row);
		read_cells(change->old);
		count++;
	}
	if (count != transaction->changes_count)
		abort();
	transaction_free(transaction);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pgoutput_limits limits = {.transaction_size_max = 512, .row_size_max = 4096};
	struct reader reader = reader_of(data, size);
	struct pgoutput_decoder *decoder;
	struct transaction *transaction;
	struct pgoutput_frame frame;
	struct error error;
	int rc;

	if (pgoutput_decoder_new(&plan, &limits, &decoder, &error))
		return 0;
	pgoutput_decoder_skip(decoder, 0x156f108, 1);
	if (size & 1)
		pgoutput_decoder_pass_over(decoder, tables[0].oid);
	while (reader_left(&reader)) {
		uint16_t frame_size = reader_u16(&reader);
		const uint8_t *bytes = reader_bytes(&reader, frame_size);

		if (!bytes || pgoutput_frame_read(bytes, frame_size, &frame, &error))
			break;
		rc = pgoutput_decoder_feed(decoder, &frame, &transaction, &error);
		if (transaction)
			take(transaction);
		if (rc)
			pgoutput_decoder_reset(decoder);
	}
	pgoutput_decoder_free(decoder);
	return 0;
}
