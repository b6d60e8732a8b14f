#include "sync/element_ids.h"

#include "graph/element_id.h"
#include "graph/value.h"
#include "mapping/quote.h"
#include "session/backoff.h"
#include "verify/order.h"
#include "verify/recheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_SIZE_MAX ((size_t)1024 * 1024)
#define PARAMS_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define BATCH_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define ROUND_SPACING_MS 200 /* while the stream writes */
#define ROUND_IDLE_MS 5000   /* somebody else may have set marks: verify --heal */
#define BATCHES_MAX 20       /* of one label, before the others have their turn */
/* So many rows of a batch are refused one by one; with more it is not the rows. */
#define REFUSED_MAX 16
#define HALVES_MAX 32 /* more than the binary digits of GRAPH_ELEMENT_IDS_MAX */
/* Nothing that it waits for is worth holding up those who wait for its locks. */
#define SESSION_SQL "SET lock_timeout = '500ms'; SET statement_timeout = '30s'"

/* How it stands with one label. */
struct teller {
	const struct plan_node *node; /* NULL: nobody is told of its element ids */
	char *write_sql;
	char *untold_sql;       /* of a column */
	char *forget_sql;       /* of a table beside */
	bool put_back;          /* some may be taken that nobody is at */
	uint64_t put_back_ms;   /* not before */
	uint64_t blocked_ms;    /* nothing at all before */
	struct backoff backoff; /* of both */
	char problem[1024];     /* what PostgreSQL said; empty: nothing */
};

struct element_ids {
	struct pipeline *pipeline;
	struct session_graph graph;
	struct session_postgres postgres;
	bool (*is_needed)(void *user);
	void *user;
	struct teller *tellers; /* in loading order */
	uint32_t count;
	uv_timer_t timer; /* only so that the loop turns when something is due */
	uint64_t due_ms;
	struct backoff backoff; /* of the connections */
	bool origin;            /* the session may use it */
	bool lost_said;
	bool finishing;
	char problem[1024]; /* as the checkpoint has it */
	bool problem_known;
	int closing;
};

/* What was taken: a batch of one label's nodes. */
struct batch {
	struct teller *teller;
	struct arena arena;
	uint32_t count;
	const char **ids;
	struct value *keys; /* teller->node->key_count for each */
	bool *told;         /* PostgreSQL has written them, whatever a trigger made of it */
	bool *held;         /* not told: locked, or refused */
	uint32_t from;      /* what is being written */
	uint32_t asked;
	bool failed;
};

/* ---- when ---- */

static void element_ids__on_timer(uv_timer_t *timer)
{
	(void)timer;
}

static uint64_t element_ids__now(const struct element_ids *ids)
{
	return uv_now(&ids->pipeline->loop.uv);
}

/* Not later than that. */
static void element_ids__due(struct element_ids *ids, uint64_t wait_ms)
{
	uint64_t due_ms = element_ids__now(ids) + wait_ms;

	if (due_ms >= ids->due_ms)
		return;
	ids->due_ms = due_ms;
	uv_timer_start(&ids->timer, element_ids__on_timer, wait_ms, 0);
}

static bool element_ids__gives_up(void *user)
{
	const struct element_ids *ids = user;

	return ids->finishing ? ids->pipeline->loop.stop : ids->is_needed(ids->user);
}

/* ---- connections ---- */

static void element_ids__close(struct element_ids *ids)
{
	session_graph_close(&ids->graph);
	session_postgres_close(&ids->postgres);
	ids->origin = false;
}

static void element_ids__on_bool(void *user, const struct postgres_result *result, const struct error *error)
{
	if (!error)
		*(bool *)user = postgres_result_bool(result, 0, 0);
}

/* Where the role may not, changes come back once, so nothing is lost by that. */
static void element_ids__use_origin(struct element_ids *ids)
{
	const char *params[] = {ids->pipeline->settings->slot};
	struct error error;
	bool may = false;
	int rc = session_postgres_query(&ids->postgres, postgres_may_use_origin_sql, NULL, 0, element_ids__on_bool, &may,
	                                &error);

	if (rc < 0 || !may)
		return;
	rc = session_postgres_query(&ids->postgres,
	                            "SELECT pg_catalog.pg_replication_origin_create($1) "
	                            "WHERE pg_catalog.pg_replication_origin_oid($1) IS NULL",
	                            params, 1, NULL, NULL, &error);
	ids->origin = rc == 0;
	if (rc < 0 && ids->postgres.connection && !ids->postgres.lost)
		log_failure(ids->pipeline->log, LOG_INFO, "element ids are written without a replication origin", &error);
}

/* What a table beside has of labels that have left the mapping, or are written elsewhere by now. */
static int element_ids__forget_labels(struct element_ids *ids, const struct plan_element_id *beside, struct error *error)
{
	const struct plan *plan = ids->pipeline->plan;
	struct buffer sql, labels;
	const char *params[2] = {ids->pipeline->settings->pipeline};
	int rc;

	buffer_init(&sql, TEXT_SIZE_MAX);
	buffer_init(&labels, PARAMS_SIZE_MAX);
	for (uint32_t i = 0; i < plan->nodes_count; i++) {
		const struct plan_element_id *other = plan->nodes[i].element_id;
		const struct value label = {
		        .kind = VALUE_STRING, .bytes = plan->nodes[i].label, .size = (uint32_t)strlen(plan->nodes[i].label)};

		if (other && !other->column && strcmp(other->schema, beside->schema) == 0 &&
		    strcmp(other->table, beside->table) == 0)
			verify_value_array_add(&labels, &label);
	}
	buffer_append_byte(&labels, '}');
	params[1] = buffer_text(&labels);
	buffer_append_text(&sql, "DELETE FROM ");
	sql_quote_qualified(&sql, beside->schema, beside->table);
	buffer_append_text(&sql, " WHERE pipeline = $1::text AND NOT label = ANY($2::text[])");
	rc = sql.failed || labels.failed
	             ? error_set(error, ERR_NOMEM, "no memory for labels")
	             : session_postgres_query(&ids->postgres, buffer_text(&sql), params, 2, NULL, NULL, error);
	buffer_free(&labels);
	buffer_free(&sql);
	return rc;
}

static int element_ids__prepare_tables(struct element_ids *ids, struct error *error)
{
	int rc = element_ids_make_tables(&ids->postgres, ids->pipeline->plan, ids->pipeline->log, error);

	for (uint32_t i = 0; i < ids->count && rc == 0; i++)
		if (!ids->tellers[i].node->element_id->column)
			rc = element_ids__forget_labels(ids, ids->tellers[i].node->element_id, error);
	return rc;
}

static int element_ids__open(struct element_ids *ids, struct error *error)
{
	struct pipeline *pipeline = ids->pipeline;
	int rc = 0;

	if (ids->postgres.lost)
		session_postgres_close(&ids->postgres);
	if (!ids->graph.connection)
		rc = session_graph_open(&ids->graph, &pipeline->loop, pipeline->settings, NULL, error);
	if (rc < 0 || ids->postgres.connection)
		return rc;
	ids->origin = false;
	rc = session_postgres_open(&ids->postgres, &pipeline->loop, pipeline->settings, false, error);
	if (rc == 0)
		rc = session_postgres_query(&ids->postgres, SESSION_SQL, NULL, 0, NULL, NULL, error);
	if (rc == 0)
		rc = element_ids__prepare_tables(ids, error);
	/* what the role may not make is said where it is missed */
	if (rc < 0 && ids->postgres.connection && !ids->postgres.lost)
		rc = 0;
	if (rc == 0)
		element_ids__use_origin(ids);
	return rc;
}

static bool element_ids__is_lost(const struct element_ids *ids)
{
	return !ids->graph.connection || !ids->postgres.connection || ids->postgres.lost;
}

/* ---- the graph ---- */

static int element_ids__run(struct element_ids *ids, const char *text, const struct bolt_writer *params,
                            session_record_fn *on_record, void *user, struct error *error)
{
	struct backoff backoff = {0};

	for (;;) {
		int rc = session_graph_run(&ids->graph, text, params, on_record, user, error);

		if (rc == 0 || !ids->graph.connection || error->class != ERROR_RETRY || backoff.attempt == 3)
			return rc;
		session_sleep(&ids->pipeline->loop, backoff_next(&backoff), false);
	}
}

/* With the fence, and with the ids of those of the batch that are not held where batch is not NULL. */
static int element_ids__run_fenced(struct element_ids *ids, const char *text, const struct batch *batch,
                                   session_record_fn *on_record, void *user, struct error *error)
{
	struct bolt_writer params;
	size_t count = 0;
	int rc;

	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	for (uint32_t i = 0; batch && i < batch->count; i++)
		count += !batch->held[i];
	graph_element_id_pack(&params, ids->pipeline->settings->pipeline, ids->pipeline->writer.epoch, batch ? &count : NULL);
	for (uint32_t i = 0; batch && i < batch->count; i++)
		if (!batch->held[i])
			bolt_writer_cstring(&params, batch->ids[i]);
	rc = params.failed ? error_set(error, ERR_LIMIT, "too many element ids at once")
	                   : element_ids__run(ids, text, &params, on_record, user, error);
	bolt_writer_free(&params);
	return rc;
}

static void batch__on_record(void *user, const struct bolt_record *record)
{
	struct batch *batch = user;
	uint32_t key_count = batch->teller->node->key_count;
	struct value *key = &batch->keys[(size_t)batch->count * key_count];

	if (batch->failed || batch->count == GRAPH_ELEMENT_IDS_MAX || record->count != (size_t)key_count + 1 ||
	    record->values[0].type != BOLT_TYPE_STRING)
		return;
	for (uint32_t i = 0; i < key_count; i++) {
		struct value value;
		bool foreign;

		if (graph_value_unpack(&record->values[i + 1], &batch->arena, &value, &foreign) < 0 ||
		    !verify_value_copy(&batch->arena, &value, UINT32_MAX, &key[i]))
			batch->failed = true;
	}
	batch->ids[batch->count] = arena_strndup(&batch->arena, record->values[0].string, record->values[0].size);
	if (batch->ids[batch->count])
		batch->count++;
	else
		batch->failed = true;
}

static int batch__init(struct batch *batch, struct teller *teller, struct error *error)
{
	*batch = (struct batch){.teller = teller};
	arena_init(&batch->arena, BATCH_SIZE_MAX);
	batch->ids = arena_calloc(&batch->arena, GRAPH_ELEMENT_IDS_MAX, sizeof(*batch->ids));
	batch->told = arena_calloc(&batch->arena, GRAPH_ELEMENT_IDS_MAX, sizeof(*batch->told));
	batch->held = arena_calloc(&batch->arena, GRAPH_ELEMENT_IDS_MAX, sizeof(*batch->held));
	batch->keys =
	        arena_calloc(&batch->arena, (size_t)GRAPH_ELEMENT_IDS_MAX * teller->node->key_count, sizeof(*batch->keys));
	return batch->ids && batch->told && batch->held && batch->keys
	               ? 0
	               : error_set(error, ERR_NOMEM, "no memory for element ids");
}

/* Reads what text brings into the batch; fenced or not. */
static int element_ids__read(struct element_ids *ids, void (*make)(const struct plan_node *node, struct buffer *cypher),
                             bool fenced, struct batch *batch, struct error *error)
{
	struct buffer text;
	int rc;

	buffer_init(&text, TEXT_SIZE_MAX);
	make(batch->teller->node, &text);
	rc = fenced ? element_ids__run_fenced(ids, buffer_text(&text), NULL, batch__on_record, batch, error)
	            : element_ids__run(ids, buffer_text(&text), NULL, batch__on_record, batch, error);
	buffer_free(&text);
	if (rc == 0 && batch->failed)
		rc = error_set(error, ERR_NOMEM, "no memory for element ids");
	return rc;
}

static void element_ids__on_int(void *user, const struct bolt_record *record)
{
	if (record->count && record->values[0].type == BOLT_TYPE_INT)
		*(int64_t *)user = record->values[0].integer;
}

static int element_ids__put_back(struct element_ids *ids, struct teller *teller, struct error *error)
{
	struct buffer text;
	int64_t count;
	int rc;

	buffer_init(&text, TEXT_SIZE_MAX);
	graph_element_id_put_back(teller->node, &text);
	do {
		count = 0;
		rc = element_ids__run_fenced(ids, buffer_text(&text), NULL, element_ids__on_int, &count, error);
	} while (rc == 0 && count);
	buffer_free(&text);
	if (rc == 0)
		teller->put_back = false;
	return rc;
}

static int element_ids__any(struct element_ids *ids, const struct teller *teller, int64_t *ret_any, struct error *error)
{
	struct buffer text;
	int rc;

	*ret_any = 0;
	buffer_init(&text, TEXT_SIZE_MAX);
	graph_element_id_any(teller->node, &text);
	rc = element_ids__run(ids, buffer_text(&text), NULL, element_ids__on_int, ret_any, error);
	buffer_free(&text);
	return rc;
}

/* ---- PostgreSQL ---- */

static void batch__set(const struct batch *batch, const struct postgres_result *result, bool *flags)
{
	for (uint32_t i = 0; i < postgres_result_rows(result); i++) {
		int64_t ordinal = postgres_result_int(result, i, 0);

		if (ordinal > 0 && ordinal <= batch->asked)
			flags[batch->from + (uint32_t)ordinal - 1] = true;
	}
}

static void batch__on_told(void *user, const struct postgres_result *result, const struct error *error)
{
	struct batch *batch = user;

	memset(batch->told + batch->from, 0, batch->asked * sizeof(*batch->told));
	if (!error)
		batch__set(batch, result, batch->told);
}

static void batch__on_untold(void *user, const struct postgres_result *result, const struct error *error)
{
	struct batch *batch = user;

	memset(batch->held + batch->from, 0, batch->asked * sizeof(*batch->held));
	if (!error)
		batch__set(batch, result, batch->held);
	for (uint32_t i = batch->from; i < batch->from + batch->asked; i++)
		batch->held[i] = batch->held[i] && !batch->told[i];
}

static void element_ids__on_origin(void *user, const struct postgres_result *result, const struct error *error)
{
	if (!error)
		*(bool *)user = postgres_result_rows(result) > 0;
}

/* Inside the transaction, behind its UPDATE. */
static int element_ids__set_origin(struct element_ids *ids, const struct plan_node *node, bool *ret_set, struct error *error)
{
	char oid[16], attnum[16];
	const char *params[] = {oid, attnum, ids->pipeline->settings->slot};

	*ret_set = false;
	if (!node->element_id->column || !ids->origin)
		return 0;
	snprintf(oid, sizeof(oid), "%u", ids->pipeline->plan->tables[node->table].oid);
	snprintf(attnum, sizeof(attnum), "%d", node->element_id->attnum);
	return session_postgres_query(&ids->postgres, element_ids_origin_sql, params, 3, element_ids__on_origin, ret_set,
	                              error);
}

/* One transaction. */
static int element_ids__transact(struct element_ids *ids, struct batch *batch, const char *sql, const char *const *params,
                                 uint32_t params_count, struct error *error)
{
	struct error ignored;
	bool origin = false, using_origin = ids->origin;
	int rc = session_postgres_query(&ids->postgres, "BEGIN", NULL, 0, NULL, NULL, error);

	if (rc == 0)
		rc = session_postgres_query(&ids->postgres, sql, params, params_count, batch__on_told, batch, error);
	if (rc == 0 && batch->teller->untold_sql)
		rc = session_postgres_query(&ids->postgres, batch->teller->untold_sql, params, params_count, batch__on_untold,
		                            batch, error);
	if (rc == 0) {
		rc = element_ids__set_origin(ids, batch->teller->node, &origin, error);
		/* somebody else has it: without one it goes as well */
		if (rc < 0)
			ids->origin = false;
	}
	if (rc == 0)
		rc = session_postgres_query(&ids->postgres, "COMMIT", NULL, 0, NULL, NULL, error);
	if (rc < 0 && !element_ids__is_lost(ids) &&
	    session_postgres_query(&ids->postgres, "ROLLBACK", NULL, 0, NULL, NULL, &ignored) < 0)
		session_postgres_close(&ids->postgres);
	if (origin && !element_ids__is_lost(ids) &&
	    session_postgres_query(&ids->postgres, "SELECT pg_catalog.pg_replication_origin_session_reset()", NULL, 0, NULL,
	                           NULL, &ignored) < 0)
		session_postgres_close(&ids->postgres);
	if (rc < 0 && using_origin && !ids->origin && !element_ids__is_lost(ids))
		return element_ids__transact(ids, batch, sql, params, params_count, error);
	return rc;
}

/* Writes, or forgets, batch->asked of them from batch->from on. */
static int element_ids__tell_some(struct element_ids *ids, struct batch *batch, bool forget, struct error *error)
{
	const struct plan_node *node = batch->teller->node;
	struct buffer arrays[POSTGRES_PARAMS_MAX];
	const char *params[POSTGRES_PARAMS_MAX];
	uint32_t count = node->key_count + !forget, all = count;
	bool failed = false;
	int rc;

	for (uint32_t i = 0; i < count; i++) {
		buffer_init(&arrays[i], PARAMS_SIZE_MAX);
		for (uint32_t k = batch->from; k < batch->from + batch->asked; k++) {
			const struct value id = {
			        .kind = VALUE_STRING, .bytes = batch->ids[k], .size = (uint32_t)strlen(batch->ids[k])};
			const struct value *key = i < node->key_count ? &batch->keys[(size_t)k * node->key_count + i] : &id;

			verify_value_array_add(&arrays[i], key);
		}
		buffer_append_text(&arrays[i], "}");
		params[i] = buffer_text(&arrays[i]);
		failed = failed || arrays[i].failed;
	}
	if (!node->element_id->column) {
		params[all++] = ids->pipeline->settings->pipeline;
		params[all++] = node->label;
	}
	rc = failed ? error_set(error, ERR_LIMIT, "%s: keys too large to tell of", node->label)
	            : element_ids__transact(ids, batch, forget ? batch->teller->forget_sql : batch->teller->write_sql, params,
	                                    all, error);
	for (uint32_t i = 0; i < count; i++)
		buffer_free(&arrays[i]);
	return rc;
}

/* Waiting mends it: a lock, a deadlock, a statement that took too long. */
static bool element_ids__passes(const struct error *error)
{
	return strncmp(error->origin, "55P03", 5) == 0 || strncmp(error->origin, "57014", 5) == 0 ||
	       strncmp(error->origin, "40", 2) == 0;
}

/* It is not for the rows: rights, a table or column that is not there, a transaction that may not write. */
static bool element_ids__is_of_table(const struct error *error)
{
	return strncmp(error->origin, "42", 2) == 0 || strncmp(error->origin, "3F", 2) == 0 ||
	       strncmp(error->origin, "25", 2) == 0 || !error->origin[0];
}

static void batch__hold(struct batch *batch)
{
	for (uint32_t i = batch->from; i < batch->from + batch->asked; i++)
		batch->held[i] = true;
}

/*
 * Halves what is refused, until the row is alone for which it is. 0, with those held that could not be told and why in *refused
 * (its code set); an error only when a connection is gone.
 */
static int element_ids__tell(struct element_ids *ids, struct batch *batch, bool forget, struct error *refused,
                             struct error *error)
{
	struct {
		uint32_t from;
		uint32_t count;
	} due[HALVES_MAX] = {{.from = 0, .count = batch->count}};
	uint32_t due_count = 1, refusals = 0;

	while (due_count) {
		uint32_t half;
		int rc;

		batch->from = due[--due_count].from;
		batch->asked = due[due_count].count;
		half = batch->asked / 2;
		rc = element_ids__tell_some(ids, batch, forget, error);
		if (rc == 0)
			continue;
		if (element_ids__is_lost(ids))
			return rc;
		batch__hold(batch);
		if (element_ids__passes(error))
			continue;
		*refused = *error;
		if (element_ids__is_of_table(error) || (!half && ++refusals == REFUSED_MAX)) {
			for (uint32_t i = 0; i < due_count; i++) {
				batch->from = due[i].from;
				batch->asked = due[i].count;
				batch__hold(batch);
			}
			return 0;
		}
		if (!half)
			continue;
		memset(batch->held + batch->from, 0, batch->asked * sizeof(*batch->held));
		due[due_count].from = batch->from + half;
		due[due_count++].count = batch->asked - half;
		due[due_count].from = batch->from;
		due[due_count++].count = half;
	}
	return 0;
}

/* ---- what is said of it ---- */

static void teller__hint(const struct element_ids *ids, const struct teller *teller, struct error *error)
{
	const struct plan_node *node = teller->node;
	const struct plan_table *table = &ids->pipeline->plan->tables[node->table];
	struct buffer hint;

	buffer_init(&hint, sizeof(error->hint));
	if (strcmp(error->origin, "42501") == 0 && node->element_id->column) {
		buffer_append_text(&hint, "GRANT UPDATE (");
		sql_quote_identifier(&hint, node->element_id->column);
		buffer_append_text(&hint, ") ON ");
		sql_quote_qualified(&hint, table->schema, table->name);
	} else if (strcmp(error->origin, "42501") == 0) {
		buffer_append_text(&hint, "GRANT SELECT, INSERT, UPDATE, DELETE ON ");
		sql_quote_qualified(&hint, node->element_id->schema, node->element_id->table);
	}
	if (hint.size) {
		buffer_append_text(&hint, " TO ");
		sql_quote_identifier(&hint, ids->pipeline->facts.role.name);
		error_hint(error, "%s", buffer_text(&hint));
	} else if (!node->element_id->column && strncmp(error->origin, "42P01", 5) == 0) {
		error_hint(error, "pgweave apply makes the table");
	} else if (!error->hint[0]) {
		error_hint(error, "it is tried again; pgweave check looks at what may be missing");
	}
	buffer_free(&hint);
}

/* Once, until it is well or something else. */
static void teller__complain(const struct element_ids *ids, struct teller *teller, struct error *refused)
{
	const struct plan_element_id *element_id = teller->node->element_id;
	const struct plan_table *table = &ids->pipeline->plan->tables[teller->node->table];

	teller__hint(ids, teller, refused);
	error_prefix(refused, "element ids of %s cannot be written to %s.%s", teller->node->label,
	             element_id->column ? table->schema : element_id->schema,
	             element_id->column ? table->name : element_id->table);
	if (strncmp(teller->problem, refused->text, sizeof(teller->problem) - 1) == 0)
		return;
	snprintf(teller->problem, sizeof(teller->problem), "%.*s", (int)sizeof(teller->problem) - 1, refused->text);
	log_failure(ids->pipeline->log, LOG_WARN, "the stream goes on", refused);
}

static void teller__well(const struct element_ids *ids, struct teller *teller)
{
	if (teller->problem[0])
		log_event(ids->pipeline->log, LOG_INFO, "element ids of %s are written again", teller->node->label);
	teller->problem[0] = '\0';
	teller->backoff.attempt = 0;
}

/* For `status`: the first problem that there is. */
static int element_ids__keep_problem(struct element_ids *ids, struct error *error)
{
	const char *problem = "";
	struct bolt_writer params;
	int rc;

	for (uint32_t i = 0; i < ids->count && !*problem; i++)
		problem = ids->tellers[i].problem;
	if (ids->problem_known && strcmp(problem, ids->problem) == 0)
		return 0;
	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_element_id_pack_problem(&params, ids->pipeline->settings->pipeline, ids->pipeline->writer.epoch,
	                              *problem ? problem : NULL);
	rc = element_ids__run(ids, graph_element_id_set_problem, &params, NULL, NULL, error);
	bolt_writer_free(&params);
	if (rc == 0) {
		snprintf(ids->problem, sizeof(ids->problem), "%s", problem);
		ids->problem_known = true;
	}
	return rc;
}

/* ---- rounds ---- */

static bool batch__any_held(const struct batch *batch)
{
	for (uint32_t i = 0; i < batch->count; i++)
		if (batch->held[i])
			return true;
	return false;
}

/* What was not told waits a while, all of it when it was refused. */
static void teller__wait(struct element_ids *ids, struct teller *teller, struct error *refused)
{
	uint64_t wait_ms = backoff_next(&teller->backoff);

	teller->put_back = true;
	teller->put_back_ms = element_ids__now(ids) + wait_ms;
	if (refused->code) {
		teller->blocked_ms = teller->put_back_ms;
		teller__complain(ids, teller, refused);
	}
	element_ids__due(ids, wait_ms);
}

/* Reads a batch, tells PostgreSQL, and lets go of what was told. */
static int teller__batch(struct element_ids *ids, struct teller *teller, bool forget, uint32_t *ret_count, bool *ret_held,
                         struct error *error)
{
	struct error refused = {0};
	struct buffer done;
	struct batch batch;
	int rc = batch__init(&batch, teller, error);

	buffer_init(&done, TEXT_SIZE_MAX);
	if (forget)
		graph_element_id_forgotten(teller->node, &done);
	else
		buffer_append_text(&done, graph_element_id_done);
	if (rc == 0)
		rc = element_ids__read(ids, forget ? graph_element_id_gone : graph_element_id_take, !forget, &batch, error);
	if (rc == 0 && batch.count)
		rc = element_ids__tell(ids, &batch, forget, &refused, error);
	if (rc == 0 && batch.count)
		rc = element_ids__run_fenced(ids, buffer_text(&done), &batch, NULL, NULL, error);
	*ret_count = batch.count;
	*ret_held = batch__any_held(&batch);
	if (rc == 0 && *ret_held)
		teller__wait(ids, teller, &refused);
	else if (rc == 0 && batch.count && !teller->put_back)
		teller__well(ids, teller);
	buffer_free(&done);
	arena_free(&batch.arena);
	return rc;
}

static int teller__write(struct element_ids *ids, struct teller *teller, struct error *error)
{
	uint32_t count;
	int64_t any;
	bool held;
	int rc = 0;

	if (teller->put_back && element_ids__now(ids) >= teller->put_back_ms)
		rc = element_ids__put_back(ids, teller, error);
	for (int i = 0; i < BATCHES_MAX && rc == 0; i++) {
		rc = element_ids__any(ids, teller, &any, error);
		if (rc < 0 || !any)
			return rc;
		rc = teller__batch(ids, teller, false, &count, &held, error);
		if (rc < 0 || !count || element_ids__now(ids) < teller->blocked_ms)
			return rc;
	}
	element_ids__due(ids, 0);
	return rc;
}

static int teller__forget(struct element_ids *ids, struct teller *teller, struct error *error)
{
	uint32_t count = 1;
	bool held = false;
	int rc = 0;

	if (teller->node->element_id->column)
		return 0;
	/* those that are held would come again and again */
	for (int i = 0; i < BATCHES_MAX && rc == 0 && count && !held; i++)
		rc = teller__batch(ids, teller, true, &count, &held, error);
	if (rc == 0 && count && !held)
		element_ids__due(ids, 0);
	return rc;
}

static int element_ids__round(struct element_ids *ids, struct error *error)
{
	int rc = element_ids__open(ids, error);

	for (uint32_t i = 0; i < ids->count && rc == 0; i++) {
		struct teller *teller = &ids->tellers[i];

		if (element_ids__now(ids) < teller->blocked_ms)
			continue;
		rc = teller__write(ids, teller, error);
		if (rc == 0 && element_ids__now(ids) >= teller->blocked_ms)
			rc = teller__forget(ids, teller, error);
	}
	return rc < 0 ? rc : element_ids__keep_problem(ids, error);
}

/* What a connection's end, or the graph, did to a round is no matter: the next one finds all of it. */
static void element_ids__failed(struct element_ids *ids, const struct error *error)
{
	bool needed = element_ids__gives_up(ids);

	for (uint32_t i = 0; i < ids->count; i++)
		ids->tellers[i].put_back = true;
	element_ids__close(ids);
	element_ids__due(ids, needed ? ROUND_SPACING_MS : backoff_next(&ids->backoff));
	if (needed || ids->lost_said)
		return;
	ids->lost_said = true;
	log_failure(ids->pipeline->log, LOG_WARN, "element ids are not written for now; the stream goes on", error);
}

/* Sets when the next one is due, unless something makes that earlier meanwhile. */
static bool element_ids__do(struct element_ids *ids)
{
	struct session_loop *loop = &ids->pipeline->loop;
	struct error error;
	int rc;

	ids->due_ms = UINT64_MAX;
	element_ids__due(ids, ROUND_IDLE_MS);
	loop->give_up = element_ids__gives_up;
	loop->give_up_user = ids;
	rc = element_ids__round(ids, &error);
	loop->give_up = NULL;
	if (rc < 0) {
		element_ids__failed(ids, &error);
		return false;
	}
	ids->lost_said = false;
	ids->backoff.attempt = 0;
	return true;
}

void element_ids_turn(struct element_ids *ids)
{
	if (ids && element_ids__now(ids) >= ids->due_ms && !ids->is_needed(ids->user))
		(void)element_ids__do(ids);
}

void element_ids_finish(struct element_ids *ids)
{
	bool more = ids != NULL;

	while (more && !ids->pipeline->loop.stop) {
		ids->finishing = true;
		/* due at once: there is more than a round's share of it */
		more = element_ids__do(ids) && ids->due_ms <= element_ids__now(ids);
	}
}

void element_ids_wake(struct element_ids *ids)
{
	if (ids)
		element_ids__due(ids, ROUND_SPACING_MS);
}

/* ---- begin, end ---- */

static char *teller__sql(void (*make)(const struct plan *plan, const struct plan_node *node, struct buffer *sql),
                         const struct plan *plan, const struct plan_node *node)
{
	struct buffer sql;
	char *text = NULL;

	buffer_init(&sql, TEXT_SIZE_MAX);
	make(plan, node, &sql);
	if (!sql.failed)
		text = strdup(buffer_text(&sql));
	buffer_free(&sql);
	return text;
}

static int element_ids__make(struct element_ids *ids, struct error *error)
{
	const struct plan *plan = ids->pipeline->plan;
	bool failed = false;

	for (uint32_t i = 0; i < plan->tables_count && !failed; i++) {
		const struct plan_node *node = plan->tables[i].node;
		struct teller *teller = &ids->tellers[ids->count];

		if (!node || !node->element_id)
			continue;
		*teller = (struct teller){.node = node, .put_back = true};
		teller->write_sql = teller__sql(element_ids_write_sql, plan, node);
		if (node->element_id->column)
			teller->untold_sql = teller__sql(element_ids_untold_sql, plan, node);
		else
			teller->forget_sql = teller__sql(element_ids_forget_sql, plan, node);
		failed = !teller->write_sql || (!teller->untold_sql && !teller->forget_sql);
		ids->count++;
	}
	return failed ? error_set(error, ERR_NOMEM, "no memory for element ids") : 0;
}

int element_ids_new(struct pipeline *pipeline, bool (*is_needed)(void *user), void *user, struct element_ids **ret_element_ids,
                    struct error *error)
{
	struct element_ids *ids;
	bool any = false;
	int rc;

	*ret_element_ids = NULL;
	for (uint32_t i = 0; i < pipeline->plan->nodes_count; i++)
		any = any || pipeline->plan->nodes[i].element_id;
	if (!any)
		return 0;
	ids = calloc(1, sizeof(*ids));
	if (!ids)
		return error_set(error, ERR_NOMEM, "no memory for element ids");
	*ids = (struct element_ids){
	        .pipeline = pipeline,
	        .is_needed = is_needed,
	        .user = user,
	        .due_ms = UINT64_MAX,
	};
	uv_timer_init(&pipeline->loop.uv, &ids->timer);
	ids->timer.data = ids;
	*ret_element_ids = ids;
	ids->tellers = calloc(pipeline->plan->nodes_count, sizeof(*ids->tellers));
	rc = ids->tellers ? element_ids__make(ids, error) : error_set(error, ERR_NOMEM, "no memory for element ids");
	element_ids__due(ids, 0);
	return rc;
}

static void element_ids__on_close(uv_handle_t *handle)
{
	struct element_ids *ids = handle->data;

	ids->closing--;
}

void element_ids_free(struct element_ids *ids)
{
	if (!ids)
		return;
	element_ids__close(ids);
	ids->closing = 1;
	uv_close((uv_handle_t *)&ids->timer, element_ids__on_close);
	while (ids->closing)
		session_turn(&ids->pipeline->loop);
	for (uint32_t i = 0; i < ids->count; i++) {
		free(ids->tellers[i].write_sql);
		free(ids->tellers[i].untold_sql);
		free(ids->tellers[i].forget_sql);
	}
	free(ids->tellers);
	free(ids);
}

/* ---- the tables beside ---- */

struct there {
	bool schema;
	bool table;
};

static void make__on_result(void *user, const struct postgres_result *result, const struct error *error)
{
	struct there *there = user;

	if (error)
		return;
	there->schema = postgres_result_bool(result, 0, 0);
	there->table = postgres_result_bool(result, 0, 1);
}

static int make__one(struct session_postgres *postgres, const struct plan_element_id *element_id, const struct log *log,
                     struct error *error)
{
	const char *params[] = {element_id->schema, element_id->table};
	struct there there = {0};
	struct buffer sql;
	int rc = session_postgres_query(
	        postgres,
	        "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = $1), "
	        "EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
	        "WHERE n.nspname = $1 AND c.relname = $2)",
	        params, 2, make__on_result, &there, error);

	if (rc < 0 || there.table)
		return rc;
	buffer_init(&sql, TEXT_SIZE_MAX);
	if (!there.schema) {
		buffer_append_text(&sql, "CREATE SCHEMA ");
		sql_quote_identifier(&sql, element_id->schema);
		buffer_append_text(&sql, "; ");
	}
	buffer_append_text(&sql, "CREATE TABLE ");
	sql_quote_qualified(&sql, element_id->schema, element_id->table);
	buffer_append_text(&sql, " (pipeline text, label text, key jsonb, element_id text NOT NULL, "
	                         "PRIMARY KEY (pipeline, label, key))");
	rc = session_postgres_query(postgres, buffer_text(&sql), NULL, 0, NULL, NULL, error);
	if (rc < 0)
		error_prefix(error, "table %s.%s for element ids", element_id->schema, element_id->table);
	else
		log_event(log, LOG_INFO, "table %s.%s made for element ids", element_id->schema, element_id->table);
	buffer_free(&sql);
	return rc;
}

int element_ids_make_tables(struct session_postgres *postgres, const struct plan *plan, const struct log *log,
                            struct error *error)
{
	int rc = 0;

	for (uint32_t i = 0; i < plan->nodes_count && rc == 0; i++)
		if (plan->nodes[i].element_id && !plan->nodes[i].element_id->column)
			rc = make__one(postgres, plan->nodes[i].element_id, log, error);
	return rc;
}
