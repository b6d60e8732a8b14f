#include "verify/recheck.h"

#include "graph/statement.h"
#include "graph/value.h"
#include "verify/order.h"
#include "verify/record.h"

#include <xxhash.h>
#include <string.h>

#define TEXT_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define HALVES_MAX 32    /* more than the binary digits of VERIFY_BATCH_MAX */
#define COLUMNS_BEFORE 2 /* of the probe's SQL: the position and the version */

struct recheck {
	const struct verify_shape *shape;
	const struct verify_entity *entities;
	uint32_t count;
	uint32_t from; /* the entities that are being asked for in PostgreSQL */
	uint32_t asked;
	struct verify_stream *rows;
	struct verify_stream *graph;
	uint64_t *versions;
	struct error error; /* code is set when a callback failed */
};

int verify_entity_order(const struct verify_entity *a, const struct verify_entity *b)
{
	if (a->shape != b->shape)
		return a->shape < b->shape ? -1 : 1;
	return verify_values_order(a->probe, b->probe, a->shape->probe_count);
}

/* ---- the rows ---- */

/* {"...","..."} of the values of one probe field */
static void recheck__array(const struct recheck *recheck, uint32_t field, struct buffer *array)
{
	for (uint32_t i = 0; i < recheck->asked; i++)
		verify_value_array_add(array, &recheck->entities[recheck->from + i].probe[field]);
	buffer_append_text(array, "}");
}

/* A comparison in SQL may be laxer than ours: cut to a length, blind to case. */
static bool recheck__is_of(const struct recheck *recheck, uint32_t ordinal, const struct verify_record *record)
{
	const struct verify_shape *shape = recheck->shape;

	return verify_values_order(record->values + shape->probe_at, recheck->entities[ordinal].probe, shape->probe_count) == 0;
}

static void recheck__row(struct recheck *recheck, const struct postgres_result *result, uint32_t row, struct cell *cells)
{
	const struct verify_shape *shape = recheck->shape;
	uint32_t ordinal = recheck->from + (uint32_t)postgres_result_int(result, row, 0) - 1;
	const char *version = postgres_result_text(result, row, 1);
	struct verify_record *record;

	if (ordinal >= recheck->count || !version)
		return;
	record = verify_stream_new(recheck->rows);
	for (uint32_t i = 0; i < shape->fields_count; i++) {
		const char *text = postgres_result_text(result, row, COLUMNS_BEFORE + i);

		cells[i] = (struct cell){
		        .kind = text ? CELL_TEXT : CELL_NULL,
		        .data = text,
		        .size = postgres_result_size(result, row, COLUMNS_BEFORE + i),
		};
	}
	if (!record || !verify_record_of_cells(recheck->rows, record, cells)) {
		error_set(&recheck->error, ERR_NOMEM, "no memory for a row of %s", verify_shape_name(shape));
		return;
	}
	record->ordinal = ordinal;
	if (!recheck__is_of(recheck, ordinal, record))
		return;
	recheck->versions[ordinal] += XXH3_64bits(version, strlen(version)) | 1;
	/* a row with a NULL among its ends makes no relationship */
	for (uint32_t i = 0; i < shape->identity_count; i++)
		if (cells[i].kind == CELL_NULL)
			return;
	verify_stream_push(recheck->rows, record);
}

static void recheck__on_result(void *user, const struct postgres_result *result, const struct error *error)
{
	struct recheck *recheck = user;
	struct arena arena;
	struct cell *cells;

	(void)error;
	arena_init(&arena, TEXT_SIZE_MAX);
	cells = arena_calloc(&arena, recheck->shape->fields_count, sizeof(*cells));
	if (!cells)
		error_set(&recheck->error, ERR_NOMEM, "no memory for the rows of %s", verify_shape_name(recheck->shape));
	for (uint32_t i = 0; cells && i < postgres_result_rows(result) && !recheck->error.code; i++)
		recheck__row(recheck, result, i, cells);
	arena_free(&arena);
}

static int recheck__query(struct recheck *recheck, struct session_postgres *postgres, const struct buffer *arrays,
                          struct error *error)
{
	const char *params[POSTGRES_PARAMS_MAX];
	struct buffer sql;
	int rc;

	for (uint32_t i = 0; i < recheck->shape->probe_count; i++)
		params[i] = arrays[i].data;
	buffer_init(&sql, TEXT_SIZE_MAX);
	verify_shape_probe_sql(recheck->shape, &sql);
	rc = session_postgres_query(postgres, buffer_text(&sql), params, recheck->shape->probe_count, recheck__on_result,
	                            recheck, error);
	buffer_free(&sql);
	if (rc == 0 && recheck->error.code) {
		*error = recheck->error;
		rc = error->code;
	}
	return rc;
}

static int recheck__ask(struct recheck *recheck, struct session_postgres *postgres, struct error *error)
{
	struct buffer arrays[POSTGRES_PARAMS_MAX];
	uint32_t count = recheck->shape->probe_count;
	bool failed = false;
	int rc;

	for (uint32_t i = 0; i < count; i++) {
		buffer_init(&arrays[i], TEXT_SIZE_MAX);
		recheck__array(recheck, i, &arrays[i]);
		buffer_text(&arrays[i]);
		failed = failed || arrays[i].failed;
	}
	if (failed)
		rc = error_set(error, ERR_LIMIT, "%s: keys too large to look up", verify_shape_name(recheck->shape));
	else
		rc = recheck__query(recheck, postgres, arrays, error);
	for (uint32_t i = 0; i < count; i++)
		buffer_free(&arrays[i]);
	return rc;
}

/* A data exception, or a domain's constraint. */
static bool recheck__is_refused(const struct error *error)
{
	return strncmp(error->origin, "22", 2) == 0 || strncmp(error->origin, "23", 2) == 0;
}

/*
 * A key that only the graph has need not be a value of the column's type, and then the server refuses the whole query: it is
 * halved until that key is alone. No row has it.
 */
static int recheck__rows(struct recheck *recheck, struct session_postgres *postgres, struct error *error)
{
	struct {
		uint32_t from;
		uint32_t count;
	} due[HALVES_MAX] = {{.from = 0, .count = recheck->count}};
	uint32_t due_count = 1;

	memset(recheck->versions, 0, recheck->count * sizeof(*recheck->versions));
	if (!recheck->shape->table)
		return 0;
	if (recheck->shape->probe_count > POSTGRES_PARAMS_MAX)
		return error_set(error, ERR_LIMIT, "%s: a key of more than %d columns", verify_shape_name(recheck->shape),
		                 POSTGRES_PARAMS_MAX);
	while (due_count) {
		uint32_t half;
		int rc;

		recheck->from = due[--due_count].from;
		recheck->asked = due[due_count].count;
		rc = recheck__ask(recheck, postgres, error);
		if (rc == 0 || (recheck__is_refused(error) && recheck->asked == 1))
			continue;
		if (!recheck__is_refused(error))
			return rc;
		half = recheck->asked / 2;
		due[due_count].from = recheck->from + half;
		due[due_count++].count = recheck->asked - half;
		due[due_count].from = recheck->from;
		due[due_count++].count = half;
	}
	return 0;
}

/* ---- the graph ---- */

static void recheck__on_record(void *user, const struct bolt_record *bolt)
{
	struct recheck *recheck = user;
	const struct verify_shape *shape = recheck->shape;
	struct verify_record *record;

	if (recheck->error.code)
		return;
	if (bolt->count != 1 + (size_t)shape->fields_count + shape->flags_count || bolt->values[0].type != BOLT_TYPE_INT) {
		error_set(&recheck->error, ERR_PROTOCOL, "%s: Neo4j's record has %zu values", verify_shape_name(shape),
		          bolt->count);
		return;
	}
	record = verify_stream_new(recheck->graph);
	if (!record || !verify_record_of_bolt(recheck->graph, record, bolt->values + 1)) {
		error_set(&recheck->error, ERR_NOMEM, "no memory for what the graph has of %s", verify_shape_name(shape));
		return;
	}
	record->ordinal = (uint32_t)bolt->values[0].integer;
	if (record->ordinal < recheck->count)
		verify_stream_push(recheck->graph, record);
}

static int recheck__graph(struct recheck *recheck, struct session_graph *graph, struct error *error)
{
	struct bolt_writer params;
	struct buffer cypher;
	int rc;

	bolt_writer_init(&params, TEXT_SIZE_MAX);
	params.utc = graph->connection ? bolt_connection_utc(graph->connection) : true;
	graph_rows_pack_begin(&params, recheck->count);
	for (uint32_t i = 0; i < recheck->count; i++) {
		bolt_writer_list(&params, (size_t)recheck->shape->probe_count + 1);
		bolt_writer_int(&params, i);
		for (uint32_t k = 0; k < recheck->shape->probe_count; k++)
			graph_value_pack(&params, &recheck->entities[i].probe[k]);
	}
	buffer_init(&cypher, TEXT_SIZE_MAX);
	verify_shape_probe_cypher(recheck->shape, &cypher);
	if (params.failed || cypher.failed)
		rc = error_set(error, ERR_LIMIT, "%s: keys too large to look up", verify_shape_name(recheck->shape));
	else
		rc = session_graph_run(graph, buffer_text(&cypher), &params, recheck__on_record, recheck, error);
	if (rc == 0 && recheck->error.code) {
		*error = recheck->error;
		rc = error->code;
	}
	buffer_free(&cypher);
	bolt_writer_free(&params);
	return rc;
}

/* ---- both ---- */

static int recheck__ignore(void *user, uint32_t ordinal, const struct verify_difference *difference)
{
	(void)user;
	(void)ordinal;
	(void)difference;
	return 0;
}

int verify_recheck_versions(struct session_postgres *postgres, const struct verify_entity *entities, uint32_t count,
                            uint64_t *ret_versions, struct error *error)
{
	struct verify_sink sink = {.on_difference = recheck__ignore};
	struct verify_counts counts = {0};
	struct verify_merge merge;
	struct recheck recheck = {
	        .shape = entities->shape,
	        .entities = entities,
	        .count = count,
	        .rows = &merge.rows,
	        .versions = ret_versions,
	};
	int rc;

	verify_merge_init(&merge, entities->shape, true, &sink, &counts);
	rc = recheck__rows(&recheck, postgres, error);
	verify_merge_free(&merge);
	return rc;
}

int verify_recheck(struct session_postgres *postgres, struct session_graph *graph, const struct verify_entity *entities,
                   uint32_t count, struct verify_sink *sink, uint64_t *ret_versions, struct error *error)
{
	struct verify_counts counts = {0};
	struct verify_merge merge;
	struct recheck recheck = {
	        .shape = entities->shape,
	        .entities = entities,
	        .count = count,
	        .rows = &merge.rows,
	        .graph = &merge.graph,
	        .versions = ret_versions,
	};
	int rc;

	verify_merge_init(&merge, entities->shape, true, sink, &counts);
	rc = recheck__graph(&recheck, graph, error);
	if (rc == 0)
		rc = recheck__rows(&recheck, postgres, error);
	if (rc == 0) {
		verify_stream_end(&merge.graph, NULL);
		verify_stream_end(&merge.rows, NULL);
		rc = verify_merge_step(&merge, error);
	}
	verify_merge_free(&merge);
	return rc < 0 ? rc : 0;
}
