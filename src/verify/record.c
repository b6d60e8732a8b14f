#include "verify/record.h"

#include "graph/value.h"
#include "verify/order.h"

static bool record__cell(struct verify_stream *stream, struct verify_record *record, uint32_t i, const struct cell *cell)
{
	const struct verify_shape *shape = stream->shape;
	struct arena *arena = verify_stream_arena(stream);
	struct value *value = &record->values[i];
	struct error error;
	const char *text;
	int rc;

	if (cell->kind != CELL_TEXT) {
		*value = (struct value){.kind = VALUE_NULL};
		record->odd |= i < shape->identity_count;
		return true;
	}
	text = arena_strndup(arena, cell->data ? cell->data : "", cell->size);
	if (!text)
		return false;
	rc = value_from_text(&shape->fields[i].type, text, cell->size, arena, value, &error);
	if (rc == 0)
		return true;
	if (rc != ERR_VALUE)
		return false;
	*value = (struct value){.kind = VALUE_STRING, .size = cell->size, .bytes = text};
	record->marks[i] = VERIFY_MARK_UNREADABLE;
	record->odd |= i < shape->identity_count;
	return true;
}

bool verify_record_of_cells(struct verify_stream *stream, struct verify_record *record, const struct cell *cells)
{
	for (uint32_t i = 0; i < stream->shape->fields_count; i++)
		if (!record__cell(stream, record, i, &cells[i]))
			return false;
	return true;
}

bool verify_record_of_bolt(struct verify_stream *stream, struct verify_record *record, const struct bolt_value *values)
{
	const struct verify_shape *shape = stream->shape;
	struct arena *arena = verify_stream_arena(stream);

	for (uint32_t i = 0; i < shape->fields_count; i++) {
		struct value unpacked;
		bool foreign = false;

		if (graph_value_unpack(&values[i], arena, &unpacked, &foreign) < 0)
			return false;
		if (foreign) {
			unpacked = (struct value){.kind = VALUE_NULL};
			record->marks[i] = VERIFY_MARK_FOREIGN;
		}
		if (!verify_value_copy(arena, &unpacked, UINT32_MAX, &record->values[i]))
			return false;
		if (i < shape->identity_count && unpacked.kind != verify_type_kind(&shape->fields[i].type))
			record->odd = true;
	}
	for (uint32_t i = 0; i < shape->flags_count; i++) {
		const struct bolt_value *flag = &values[shape->fields_count + i];

		record->flags[i] = flag->type == BOLT_TYPE_BOOL && flag->boolean;
	}
	return true;
}
