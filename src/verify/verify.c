#include "verify/verify.h"

#include "graph/element_id.h"
#include "graph/statement.h"
#include "graph/value.h"
#include "verify/order.h"
#include "verify/recheck.h"

#include <stdlib.h>

#define REPORT_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define ENTITIES_SIZE_MAX ((size_t)1024 * 1024 * 1024)
#define BATCH_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define STRING_SIZE_MAX 256 /* in what a report tells */
#define ROUNDS_MAX 12
#define PAUSE_MS_MAX 3200
#define POLL_MS_MAX 250
#define WAIT_RUNNING_MS 60000 /* without any progress of the graph, while the pipeline is running */
#define WAIT_STOPPED_MS 3000  /* it may just be starting again */
#define WAIT_FIRST_MS 10000   /* before the comparison, for fewer candidates */

struct verify {
	struct session_loop *loop;
	const struct mapping_settings *settings;
	const struct verify_request *request;
	struct verify_report *report;
	const struct plan *plan;
	struct session_postgres postgres;
	struct session_graph graph;
	struct verify_shape *shapes;
	uint32_t shapes_count;
	const struct verify_shape *shape; /* being compared */
	struct arena arena;               /* shapes and entities */
	struct verify_entity *entities;
	uint32_t entities_count;
	/* what on_restart goes back to */
	uint32_t entities_before;
	struct verify_counts final_before;
	struct verify_counts *final; /* by shape: what is settled */
	uint32_t differences_before;
	uint64_t differences_total_before;
	uint64_t wal_block_size;
	uint64_t wal_segment_size;
	uint64_t rows_done;
	bool nomem;
	bool stopped; /* no pipeline is running, and it was waited for */
};

/* ---- where both stand ---- */

/*
 * The insert position may be just behind a page's header, where the end of the last record, which is what a stream confirms, is
 * in front of it: nothing lies between.
 */
static uint64_t verify__without_header(const struct verify *verify, uint64_t lsn)
{
	const uint64_t header = 24, long_header = 40;

	if (verify->wal_segment_size && lsn % verify->wal_segment_size == long_header)
		return lsn - long_header;
	if (verify->wal_block_size && lsn % verify->wal_block_size == header)
		return lsn - header;
	return lsn;
}

static void verify__on_lsn(void *user, const struct postgres_result *result, const struct error *error)
{
	struct verify *verify = user;

	(void)error;
	verify->report->postgres_lsn = postgres_result_lsn(result, 0, 0);
	verify->wal_block_size = (uint64_t)postgres_result_int(result, 0, 1);
	verify->wal_segment_size = (uint64_t)postgres_result_int(result, 0, 2);
}

/* The position of the WAL now: everything that was visible before is in front of it. */
static int verify__lsn(struct verify *verify, uint64_t *ret_lsn, struct error *error)
{
	const uint64_t before = verify->report->postgres_lsn;
	int rc = session_postgres_query(&verify->postgres,
	                                "SELECT pg_current_wal_insert_lsn(), current_setting('wal_block_size'), "
	                                "pg_size_bytes(current_setting('wal_segment_size'))",
	                                NULL, 0, verify__on_lsn, verify, error);

	*ret_lsn = verify__without_header(verify, verify->report->postgres_lsn);
	verify->report->postgres_lsn = before ? before : *ret_lsn;
	return rc;
}

static void verify__on_checkpoint(void *user, const struct bolt_record *record)
{
	struct verify_report *report = user;
	struct graph_checkpoint checkpoint;

	if (graph_checkpoint_unpack(record->values, record->count, &checkpoint) < 0)
		return;
	report->phase = checkpoint.phase;
	report->graph_lsn = checkpoint.position.lsn;
	report->dead_letters = checkpoint.dead_letters;
}

static void verify__on_slot(void *user, const struct postgres_result *result, const struct error *error)
{
	struct verify_report *report = user;
	uint64_t confirmed = postgres_result_lsn(result, 0, 1);

	(void)error;
	report->pipeline_running = postgres_result_bool(result, 0, 0);
	/* a confirmed position says nothing of a graph that was never loaded, or was loaded in part */
	if (report->phase == GRAPH_PHASE_STREAMING && confirmed > report->graph_lsn)
		report->graph_lsn = confirmed;
}

/* Fills the report's phase, graph_lsn, pipeline_running and dead_letters. */
static int verify__look(struct verify *verify, struct error *error)
{
	const char *params[] = {verify->settings->slot};
	struct bolt_writer writer;
	int rc;

	verify->report->phase = GRAPH_PHASE_NONE;
	verify->report->graph_lsn = 0;
	verify->report->pipeline_running = false;
	bolt_writer_init(&writer, 4096);
	graph_checkpoint_pack_pipeline(&writer, verify->settings->pipeline);
	rc = session_graph_run(&verify->graph, graph_checkpoint_read, &writer, verify__on_checkpoint, verify->report, error);
	bolt_writer_free(&writer);
	if (rc == 0)
		rc = session_postgres_query(&verify->postgres,
		                            "SELECT active, confirmed_flush_lsn FROM pg_replication_slots WHERE slot_name = $1",
		                            params, 1, verify__on_slot, verify->report, error);
	return rc;
}

/* True when waiting longer is of no use: no pipeline is there, or it does not get on. */
static bool verify__gives_up(struct verify *verify, uint64_t moved_ns, uint64_t wait_ms_max)
{
	const struct verify_report *report = verify->report;
	uint64_t waited_ms = (uv_hrtime() - moved_ns) / 1000000;

	if (report->phase != GRAPH_PHASE_STREAMING)
		return true;
	if (report->pipeline_running) {
		verify->stopped = false;
		return waited_ms > wait_ms_max;
	}
	/* it is waited for once only */
	if (!verify->stopped && waited_ms <= WAIT_STOPPED_MS)
		return false;
	verify->stopped = true;
	return true;
}

/* Until the graph has passed the position; *ret_passed is false when that is not to be expected. */
static int verify__wait(struct verify *verify, uint64_t lsn, uint64_t wait_ms_max, bool *ret_passed, struct error *error)
{
	const struct verify_report *report = verify->report;
	uint64_t moved_ns = uv_hrtime(), last = 0, pause_ms = 10;

	for (;;) {
		int rc = verify__look(verify, error);

		*ret_passed = rc == 0 && report->phase == GRAPH_PHASE_STREAMING && report->graph_lsn >= lsn;
		if (rc < 0 || *ret_passed)
			return rc;
		if (report->graph_lsn != last)
			moved_ns = uv_hrtime();
		last = report->graph_lsn;
		if (verify__gives_up(verify, moved_ns, wait_ms_max))
			return 0;
		session_sleep(verify->loop, pause_ms, false);
		if (verify->loop->stop)
			return error_set(error, ERR_CANCELLED, "stopped during the verification");
		pause_ms = pause_ms * 2 < POLL_MS_MAX ? pause_ms * 2 : POLL_MS_MAX;
	}
}

/* ---- what is told ---- */

static bool verify__tell(struct verify *verify, const struct verify_difference *difference)
{
	struct verify_report *report = verify->report;

	report->differences_total++;
	if (report->differences_count == report->differences_max)
		return true;
	return verify_difference_copy(&report->arena, difference, STRING_SIZE_MAX,
	                              &report->differences[report->differences_count++]);
}

/* For each kind: which count, and whether several of one entity count once. */
static uint64_t *verify__count(struct verify_counts *counts, enum verify_kind kind)
{
	switch (kind) {
	case VERIFY_NODE_MISSING:
	case VERIFY_EDGE_MISSING:
		return &counts->missing;
	case VERIFY_NODE_EXTRA:
	case VERIFY_EDGE_EXTRA:
		return &counts->extra;
	default:
		return &counts->different;
	}
}

/* ---- the candidates ---- */

static const struct value *verify__probe(struct verify *verify, const struct verify_difference *difference)
{
	const struct plan_edge *edge = difference->edge;
	uint32_t count = verify->shape->probe_count, at = 0;
	struct value *probe = arena_calloc(&verify->arena, count, sizeof(*probe));
	bool ends = edge && edge->kind == PLAN_EDGE_JOIN_ENDS;
	const struct value *first = difference->key;

	if (edge && edge->kind == PLAN_EDGE_FOREIGN_KEY)
		first = edge->owner_is_from ? difference->from : difference->to;
	else if (ends)
		first = difference->from;
	for (; probe && at < (ends ? difference->from_count : count); at++)
		if (!verify_value_copy(&verify->arena, &first[at], UINT32_MAX, &probe[at]))
			return NULL;
	for (; probe && at < count; at++)
		if (!verify_value_copy(&verify->arena, &difference->to[at - difference->from_count], UINT32_MAX, &probe[at]))
			return NULL;
	return probe;
}

/* No change of a row can bring such a key about or settle it. */
static bool verify__is_settled(const struct verify_difference *difference)
{
	return difference->note == VERIFY_NOTE_NO_KEY || (difference->note == VERIFY_NOTE_UNREADABLE && !difference->property);
}

static int verify__on_candidate(void *user, uint32_t ordinal, const struct verify_difference *difference)
{
	struct verify *verify = user;
	struct verify_entity *entity = &verify->entities[verify->entities_count];

	(void)ordinal;
	if (verify__is_settled(difference)) {
		++*verify__count(&verify->final[verify->shape - verify->shapes], difference->kind);
		verify->nomem |= !verify__tell(verify, difference);
		return verify->nomem;
	}
	if (verify->entities_count == VERIFY_CANDIDATES_MAX) {
		verify->report->at_least = true;
		return 1;
	}
	*entity = (struct verify_entity){.shape = verify->shape, .probe = verify__probe(verify, difference)};
	if (!entity->probe) {
		verify->nomem = true;
		return 1;
	}
	/* several differences of one entity come one after the other */
	if (verify->entities_count == verify->entities_before || verify_entity_order(entity - 1, entity) != 0)
		verify->entities_count++;
	return 0;
}

static void verify__on_restart(void *user)
{
	struct verify *verify = user;

	verify->entities_count = verify->entities_before;
	verify->final[verify->shape - verify->shapes] = verify->final_before;
	verify->report->differences_count = verify->differences_before;
	verify->report->differences_total = verify->differences_total_before;
	verify->report->at_least = false;
}

static void verify__on_progress(void *user, uint64_t done)
{
	struct verify *verify = user;

	verify->rows_done += done;
	if (verify->request->on_progress)
		verify->request->on_progress(verify->request->user, verify->rows_done);
}

static int verify__compare_all(struct verify *verify, struct error *error)
{
	const struct verify_options options = {
	        .on_restart = verify__on_restart,
	        .on_progress = verify__on_progress,
	        .user = verify,
	};
	struct verify_sink sink = {.on_difference = verify__on_candidate, .user = verify};
	int rc = 0;

	for (uint32_t i = 0; i < verify->shapes_count && rc == 0 && !sink.stopped; i++) {
		struct verify_counts counts = {0};

		verify->shape = &verify->shapes[i];
		if (!verify_shape_is_of(verify->shape, verify->request->tables))
			continue;
		verify->entities_before = verify->entities_count;
		verify->final_before = verify->final[i];
		verify->differences_before = verify->report->differences_count;
		verify->differences_total_before = verify->report->differences_total;
		rc = verify__compare_shape(verify->loop, &verify->postgres, &verify->graph, verify->shape, &options, &sink,
		                           &counts, error);
		/* the rest of what was counted are candidates */
		verify->final[i].rows = counts.rows;
		verify->final[i].records = counts.records;
	}
	if (rc == 0 && verify->nomem)
		rc = error_set(error, ERR_NOMEM, "no memory for the differences");
	return rc;
}

static int verify__order(const void *a, const void *b)
{
	return verify_entity_order(a, b);
}

static void verify__unique(struct verify *verify)
{
	uint32_t kept = 0;

	qsort(verify->entities, verify->entities_count, sizeof(*verify->entities), verify__order);
	for (uint32_t i = 0; i < verify->entities_count; i++)
		if (!kept || verify_entity_order(&verify->entities[kept - 1], &verify->entities[i]) != 0)
			verify->entities[kept++] = verify->entities[i];
	verify->entities_count = kept;
	verify->report->candidates = kept;
}

/* ---- settling them ---- */

/* One batch of entities of one shape, looked at again. */
struct look {
	struct arena arena;
	struct told *first;
	struct told **last;
	bool differs[VERIFY_BATCH_MAX];
	uint64_t versions[VERIFY_BATCH_MAX];
	bool nomem;
};

struct told {
	uint32_t ordinal;
	struct verify_difference difference;
	struct told *next;
};

static int look__on_difference(void *user, uint32_t ordinal, const struct verify_difference *difference)
{
	struct look *look = user;
	struct told *told;

	/* it has been told; where an owner's row makes several relationships, looking for one finds the others too */
	if (verify__is_settled(difference))
		return 0;
	told = arena_calloc(&look->arena, 1, sizeof(*told));
	if (!told || !verify_difference_copy(&look->arena, difference, STRING_SIZE_MAX, &told->difference)) {
		look->nomem = true;
		return 1;
	}
	told->ordinal = ordinal;
	look->differs[ordinal] = true;
	*look->last = told;
	look->last = &told->next;
	return 0;
}

/* How many entities from `at` make the next batch. */
static uint32_t verify__batch(const struct verify *verify, uint32_t at)
{
	uint32_t count = 1;

	while (at + count < verify->entities_count && count < VERIFY_BATCH_MAX &&
	       verify->entities[at + count].shape == verify->entities[at].shape)
		count++;
	return count;
}

/* Tells what is settled as different, and counts it. Entities with no difference, or a new version, are left alone. */
static bool verify__tell_real(struct verify *verify, const struct look *look, const struct verify_entity *batch,
                              const bool *real)
{
	struct verify_counts *counts = &verify->final[batch->shape - verify->shapes];
	uint32_t different = UINT32_MAX;

	for (const struct told *told = look->first; told; told = told->next) {
		uint64_t *count = verify__count(counts, told->difference.kind);

		if (!real[told->ordinal])
			continue;
		/* a row with several properties that differ is one */
		if (count != &counts->different || different != told->ordinal)
			++*count;
		if (count == &counts->different)
			different = told->ordinal;
		if (!verify__tell(verify, &told->difference))
			return false;
	}
	return true;
}

/* Seen with the same row before and after: twice, where more may still come. */
static bool verify__is_real(const struct verify_entity *entity, const struct look *look, uint32_t i, bool certain)
{
	return entity->version == look->versions[i] && look->differs[i] && (certain || entity->disagreed);
}

/* What is told wrongly is marked, and the pipeline tells it anew. */
static int verify__heal(struct verify *verify, uint32_t at, uint32_t count, const struct look *look, bool certain,
                        struct error *error)
{
	const struct verify_shape *shape = verify->entities[at].shape;
	bool wrong[VERIFY_BATCH_MAX] = {false};
	struct bolt_writer params;
	struct buffer cypher;
	uint32_t rows = 0;
	int rc = 0;

	for (const struct told *told = look->first; told; told = told->next)
		wrong[told->ordinal] |= told->difference.kind == VERIFY_NODE_ELEMENT_ID;
	for (uint32_t i = 0; i < count; i++)
		rows += wrong[i] = wrong[i] && verify__is_real(&verify->entities[at + i], look, i, certain);
	if (!rows)
		return 0;
	bolt_writer_init(&params, BATCH_SIZE_MAX);
	params.utc = verify->graph.connection ? bolt_connection_utc(verify->graph.connection) : true;
	graph_rows_pack_begin(&params, rows);
	for (uint32_t i = 0; i < count; i++) {
		if (!wrong[i])
			continue;
		bolt_writer_list(&params, shape->probe_count);
		for (uint32_t k = 0; k < shape->probe_count; k++)
			graph_value_pack(&params, &verify->entities[at + i].probe[k]);
	}
	buffer_init(&cypher, BATCH_SIZE_MAX);
	graph_element_id_mark(shape->node, &cypher);
	rc = session_graph_run(&verify->graph, buffer_text(&cypher), &params, NULL, NULL, error);
	if (rc == 0)
		verify->report->element_ids_marked += rows;
	buffer_free(&cypher);
	bolt_writer_free(&params);
	return rc;
}

/*
 * Keeps the batch's entities that are not settled, moved to *kept. certain: nothing more will come, so that one look is enough;
 * else a difference has to be seen twice, since a row may have come and gone between the two reads of its version.
 */
static int verify__settle(struct verify *verify, uint32_t at, uint32_t count, const struct look *look, bool certain,
                          uint32_t *kept, struct error *error)
{
	bool real[VERIFY_BATCH_MAX] = {false};
	struct verify_entity first = verify->entities[at];

	for (uint32_t i = 0; i < count; i++) {
		struct verify_entity entity = verify->entities[at + i];
		bool same = entity.version == look->versions[i];

		if (same && !look->differs[i])
			continue;
		real[i] = verify__is_real(&entity, look, i, certain);
		if (real[i])
			continue;
		entity.disagreed = same;
		entity.version = look->versions[i];
		verify->entities[(*kept)++] = entity;
	}
	if (!verify__tell_real(verify, look, &first, real))
		return error_set(error, ERR_NOMEM, "no memory for the differences");
	return 0;
}

static int verify__look_again(struct verify *verify, uint32_t at, uint32_t count, bool certain, uint32_t *kept,
                              struct error *error)
{
	struct look *look = calloc(1, sizeof(*look));
	struct verify_sink sink = {.on_difference = look__on_difference, .user = look};
	int rc;

	if (!look)
		return error_set(error, ERR_NOMEM, "no memory for the differences");
	arena_init(&look->arena, BATCH_SIZE_MAX);
	look->last = &look->first;
	rc = verify_recheck(&verify->postgres, &verify->graph, &verify->entities[at], count, &sink, look->versions, error);
	if (rc == 0 && look->nomem)
		rc = error_set(error, ERR_NOMEM, "no memory for the differences");
	if (rc == 0 && verify->request->heal)
		rc = verify__heal(verify, at, count, look, certain, error);
	if (rc == 0)
		rc = verify__settle(verify, at, count, look, certain, kept, error);
	arena_free(&look->arena);
	free(look);
	return rc;
}

static int verify__versions(struct verify *verify, struct error *error)
{
	uint64_t versions[VERIFY_BATCH_MAX];
	uint32_t count;

	for (uint32_t at = 0; at < verify->entities_count; at += count) {
		int rc;

		count = verify__batch(verify, at);
		rc = verify_recheck_versions(&verify->postgres, &verify->entities[at], count, versions, error);
		if (rc < 0)
			return rc;
		for (uint32_t i = 0; i < count; i++)
			verify->entities[at + i].version = versions[i];
	}
	return 0;
}

/* One look at all that is not settled. *ret_stuck: the graph does not get on, though a pipeline is there. */
static int verify__round(struct verify *verify, bool *ret_stuck, struct error *error)
{
	uint32_t kept = 0, count;
	uint64_t lsn;
	bool passed = false;
	int rc = verify__lsn(verify, &lsn, error);

	if (rc == 0)
		rc = verify__wait(verify, lsn, WAIT_RUNNING_MS, &passed, error);
	if (rc < 0)
		return rc;
	*ret_stuck = !passed && verify->report->pipeline_running && verify->report->phase == GRAPH_PHASE_STREAMING;
	for (uint32_t at = 0; at < verify->entities_count && !*ret_stuck && rc == 0; at += count) {
		count = verify__batch(verify, at);
		rc = verify__look_again(verify, at, count, !passed, &kept, error);
		if (rc == 0 && verify->loop->stop)
			rc = error_set(error, ERR_CANCELLED, "stopped during the verification");
	}
	if (!*ret_stuck)
		verify->entities_count = kept;
	return rc;
}

/* "Package(name: 'apt')" */
static bool verify__name(struct verify *verify, const struct verify_entity *entity)
{
	struct verify_report *report = verify->report;
	const struct verify_shape *shape = entity->shape;
	struct buffer text;
	char *name = NULL;

	++verify->final[shape - verify->shapes].unsettled;
	if (report->unsettled_count == report->differences_max)
		return true;
	buffer_init(&text, REPORT_SIZE_MAX);
	buffer_printf(&text, "%s(", verify_shape_name(shape));
	for (uint32_t i = 0; i < shape->probe_count; i++) {
		const struct verify_field *field = &shape->fields[shape->probe_at + i];

		buffer_printf(&text, "%s%s: ", i ? ", " : "",
		              shape->table ? shape->table->columns[field->column].name : field->property);
		value_print(&text, &entity->probe[i], STRING_SIZE_MAX);
	}
	buffer_append_text(&text, ")");
	if (!text.failed)
		name = arena_strndup(&report->arena, text.data, text.size);
	buffer_free(&text);
	if (name)
		report->unsettled[report->unsettled_count++] = name;
	return name != NULL;
}

static int verify__settle_all(struct verify *verify, struct error *error)
{
	uint64_t pause_ms = 0;
	bool stuck = false;
	int rc = verify__versions(verify, error);

	for (int i = 0; i < ROUNDS_MAX && verify->entities_count && rc == 0 && !stuck; i++) {
		if (pause_ms && !verify->stopped)
			session_sleep(verify->loop, pause_ms, false);
		pause_ms = !pause_ms ? 25 : pause_ms * 2 < PAUSE_MS_MAX ? pause_ms * 2 : PAUSE_MS_MAX;
		rc = verify__round(verify, &stuck, error);
	}
	for (uint32_t i = 0; i < verify->entities_count && rc == 0; i++)
		if (!verify__name(verify, &verify->entities[i]))
			rc = error_set(error, ERR_NOMEM, "no memory for a report");
	return rc;
}

/* ---- the whole ---- */

static int verify__make_shapes(struct verify *verify, struct error *error)
{
	const struct plan *plan = verify->plan;
	int rc = 0;

	verify->shapes_count = plan->nodes_count + plan->edges_count;
	verify->shapes = arena_calloc(&verify->arena, (size_t)verify->shapes_count + 1, sizeof(*verify->shapes));
	verify->final = arena_calloc(&verify->arena, (size_t)verify->shapes_count + 1, sizeof(*verify->final));
	/* one more, to be looked at before it is known to be a new one */
	verify->entities = arena_calloc(&verify->arena, VERIFY_CANDIDATES_MAX + 1, sizeof(*verify->entities));
	if (!verify->shapes || !verify->final || !verify->entities)
		return error_set(error, ERR_NOMEM, "no memory for a comparison");
	for (uint32_t i = 0; i < verify->shapes_count && rc == 0; i++)
		rc = i < plan->nodes_count
		             ? verify_shape_node(&verify->shapes[i], plan, &plan->nodes[i], &verify->arena)
		             : verify_shape_edge(&verify->shapes[i], plan, plan->edges[i - plan->nodes_count], &verify->arena);
	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++)
		verify_shape_add_element_id(&verify->shapes[i]);
	return rc < 0 ? error_set(error, ERR_NOMEM, "no memory for a comparison") : 0;
}

/* Two statements: the first of a transaction that reads takes its snapshot. */
static int verify__begin(struct verify *verify, struct error *error)
{
	uint64_t lsn;
	int rc = session_postgres_query(&verify->postgres,
	                                "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL work_mem = '64MB'", NULL, 0,
	                                NULL, NULL, error);

	return rc < 0 ? rc : verify__lsn(verify, &lsn, error);
}

/* Before the recheck, so that the snapshot does not hold back vacuum any longer; after a stop the connection is gone. */
static int verify__end(struct verify *verify, struct error *error)
{
	if (!verify->report->at_least)
		return session_postgres_query(&verify->postgres, "COMMIT", NULL, 0, NULL, NULL, error);
	session_postgres_close(&verify->postgres);
	return session_postgres_open(&verify->postgres, verify->loop, verify->settings, false, error);
}

static void verify__on_count(void *user, const struct bolt_record *record)
{
	if (record->count && record->values[0].type == BOLT_TYPE_INT)
		*(uint64_t *)user += (uint64_t)record->values[0].integer;
}

int verify_element_ids_waiting(struct session_graph *graph, const struct plan *plan, const bool *tables, uint64_t *ret_count,
                               struct error *error)
{
	int rc = 0;

	*ret_count = 0;
	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++) {
		const struct plan_node *node = &plan->nodes[i];

		if (!node->element_id || (tables && !tables[node->table]))
			continue;
		for (int taken = 0; taken < 2 && rc == 0; taken++) {
			struct buffer cypher;

			buffer_init(&cypher, BATCH_SIZE_MAX);
			graph_element_id_count(node, taken, &cypher);
			rc = session_graph_run(graph, buffer_text(&cypher), NULL, verify__on_count, ret_count, error);
			buffer_free(&cypher);
		}
	}
	return rc;
}

static void verify__on_forgotten(void *user, const struct postgres_result *result, const struct error *error)
{
	if (!error)
		*(uint64_t *)user += postgres_result_affected(result);
}

/* Of keys that no row has, the tables beside are to know nothing. */
static int verify__forget_all(struct verify *verify, struct error *error)
{
	int rc = 0;

	for (uint32_t i = 0; i < verify->plan->nodes_count && rc == 0; i++) {
		const struct verify_shape *shape = &verify->shapes[i];
		struct buffer sql;

		if (!shape->marked_at || shape->node->element_id->column ||
		    (verify->request->tables && !verify->request->tables[shape->table->index]))
			continue;
		buffer_init(&sql, BATCH_SIZE_MAX);
		verify_shape_forget_sql(shape, &sql);
		rc = session_postgres_query(&verify->postgres, buffer_text(&sql), NULL, 0, verify__on_forgotten,
		                            &verify->report->element_ids_forgotten, error);
		buffer_free(&sql);
	}
	return rc;
}

static int verify__do(struct verify *verify, struct error *error)
{
	bool passed;
	int rc = verify__make_shapes(verify, error);

	if (rc == 0)
		rc = session_postgres_open(&verify->postgres, verify->loop, verify->settings, false, error);
	if (rc == 0)
		rc = session_graph_open(&verify->graph, verify->loop, verify->settings, NULL, error);
	if (rc == 0)
		rc = verify__begin(verify, error);
	/* a graph that has the snapshot already leaves fewer candidates */
	if (rc == 0)
		rc = verify__wait(verify, verify->report->postgres_lsn, WAIT_FIRST_MS, &passed, error);
	if (rc == 0)
		rc = verify__compare_all(verify, error);
	if (rc == 0)
		rc = verify__end(verify, error);
	if (rc < 0)
		return rc;
	verify__unique(verify);
	rc = verify__settle_all(verify, error);
	if (rc == 0 && verify->request->heal)
		rc = verify__forget_all(verify, error);
	if (rc == 0)
		rc = verify_element_ids_waiting(&verify->graph, verify->plan, verify->request->tables,
		                                &verify->report->element_ids_waiting, error);
	return rc < 0 ? rc : verify__look(verify, error);
}

static int verify__report_init(struct verify_report *report, const struct plan *plan, const struct verify_request *request)
{
	*report = (struct verify_report){
	        .plan = plan,
	        .tables = request->tables,
	        .differences_max = request->differences_max ? request->differences_max : VERIFY_DIFFERENCES_MAX,
	};
	arena_init(&report->arena, REPORT_SIZE_MAX);
	report->differences = arena_calloc(&report->arena, report->differences_max, sizeof(*report->differences));
	report->unsettled = arena_calloc(&report->arena, report->differences_max, sizeof(*report->unsettled));
	if (verify_stats_init(&report->stats, plan) < 0 || !report->differences || !report->unsettled)
		return ERR_NOMEM;
	return 0;
}

void verify_report_free(struct verify_report *report)
{
	verify_stats_free(&report->stats);
	arena_free(&report->arena);
}

static void verify__finish(struct verify *verify)
{
	struct verify_report *report = verify->report;

	for (uint32_t i = 0; verify->final && i < verify->shapes_count; i++) {
		if (i < verify->plan->nodes_count)
			report->stats.nodes[i] = verify->final[i];
		else
			report->stats.edges[i - verify->plan->nodes_count] = verify->final[i];
	}
}

int verify_run(struct session_loop *loop, const struct mapping_settings *settings, const struct plan *plan,
               const struct verify_request *request, struct verify_report *report, struct error *error)
{
	static const struct verify_request nothing_special = {0};
	struct verify verify = {
	        .loop = loop,
	        .settings = settings,
	        .request = request ? request : &nothing_special,
	        .report = report,
	        .plan = plan,
	};
	uint64_t start_ns = uv_hrtime();
	int rc;

	if (verify__report_init(report, plan, verify.request) < 0)
		return error_set(error, ERR_NOMEM, "no memory for a report");
	arena_init(&verify.arena, ENTITIES_SIZE_MAX);
	rc = verify__do(&verify, error);
	verify__finish(&verify);
	report->duration_ms = (uv_hrtime() - start_ns) / 1000000;
	session_graph_close(&verify.graph);
	session_postgres_close(&verify.postgres);
	arena_free(&verify.arena);
	return rc;
}
