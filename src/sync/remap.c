/*
 * A graph is changed from the mappings that its checkpoint describes to the plan.
 *
 * The order is such that a kill at any point leaves a graph from which all of it can be done again: first what new rows need
 * is made, then the checkpoint says what is under way, then the graph's own names change, then rows are loaded, and what
 * leaves the mapping goes last. The stream stands at the checkpoint's position meanwhile, but for the way up to the snapshot.
 */
#include "sync/pipeline.h"

#include "change/change.h"
#include "graph/remap.h"
#include "graph/value.h"
#include "mapping/quote.h"
#include "postgres/watch.h"
#include "session/backoff.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_SIZE_MAX ((size_t)1024 * 1024)
#define PARAMS_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define SCRATCH_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define ATTEMPTS_MAX 8
#define REKEY_ROWS 5000
#define ALL_WORDS "what the graph lacks is not known: every table is loaded"

struct remap {
	struct pipeline *pipeline;
	struct pipeline_change change;
	struct pipeline_load load;
	bool all;    /* it is not known what the graph lacks: every table is loaded; the checkpoint's `problem` remembers it */
	bool sweeps; /* some table has to be swept although it is not loaded */
	bool *loads; /* by table in the plan: whole or in part */
	const char **parts; /* in part: which rows */
	bool no_memory;
};

/* ---- reading ---- */

static void remap__on_mappings(void *user, const struct bolt_record *record)
{
	struct buffer *mappings = user;

	if (record->count && record->values[0].type == BOLT_TYPE_STRING)
		buffer_append(mappings, record->values[0].string, record->values[0].size);
}

int pipeline__change_read(struct session_graph *graph, const struct plan *plan, struct pipeline_change *change,
                          struct error *error)
{
	struct bolt_writer params;
	int rc;

	*change = (struct pipeline_change){0};
	buffer_init(&change->mappings, DESCRIPTIONS_SIZE_MAX);
	bolt_writer_init(&params, TEXT_SIZE_MAX);
	graph_checkpoint_pack_pipeline(&params, plan->pipeline);
	rc = session_graph_run(graph, graph_checkpoint_mappings, &params, remap__on_mappings, &change->mappings, error);
	bolt_writer_free(&params);
	if (rc < 0)
		return rc;
	rc = change->mappings.failed ? ERR_LIMIT
	                             : descriptions_read(buffer_text(&change->mappings), change->mappings.size, &change->from);
	if (rc == 0)
		rc = mapping_difference(&change->from, plan, &change->difference);
	if (rc < 0) {
		error_set(error, (enum error_code)rc, "what the checkpoint says of the graph's mapping cannot be used: %s",
		          error_code_what((enum error_code)rc));
		error_hint(error, "load everything anew: pgweave run --resnapshot");
	}
	return rc;
}

void pipeline__change_free(struct pipeline_change *change)
{
	difference_free(&change->difference);
	arena_free(&change->from.arena);
	buffer_free(&change->mappings);
}

/* ---- before anything is touched ---- */

static int remap__refuse(const struct remap *remap, struct error *error)
{
	const struct difference_step *refused = difference_refused(&remap->change.difference);

	if (!refused)
		return 0;
	error_set(error, ERR_STATE, "%s", refused->words);
	error_hint(error, "pgweave plan shows all of the difference");
	return ERR_STATE;
}

/* The digest of the publication is of the tables of the newest description. */
static const struct description *remap__newest(const struct remap *remap)
{
	return &remap->change.from.items[remap->change.from.count - 1];
}

static uint32_t description__oids(const struct description *description, uint32_t *oids)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < description->nodes_count; i++)
		if (!description->nodes[i].value)
			oids[count++] = description->nodes[i].table.oid;
	for (uint32_t i = 0; i < description->edges_count; i++)
		oids[count++] = description->edges[i].table.oid;
	return count;
}

/* True when every one of those tables is published, or has left the plan. */
static bool remap__lacks_only_what_left(const struct remap *remap, const uint32_t *oids, uint32_t count)
{
	const struct postgres_publication_facts *publication = &remap->pipeline->facts.publication;
	bool lacks = false;

	for (uint32_t i = 0; i < count; i++) {
		bool published = false;

		for (uint32_t j = 0; j < publication->tables_count && !published; j++)
			published = publication->tables[j].oid == oids[i];
		if (!published && plan_table_by_oid(remap->pipeline->plan, oids[i]) >= 0)
			return false;
		lacks = lacks || !published;
	}
	return lacks;
}

/* A row filter or a column list that is changed has its table published anew: a change that was killed may have come so far. */
static bool remap__has_filters(const struct remap *remap)
{
	const struct postgres_publication_facts *publication = &remap->pipeline->facts.publication;
	const struct plan *plan = remap->pipeline->plan;
	bool any = false;

	for (uint32_t i = 0; i < plan->tables_count; i++)
		any = any || plan->tables[i].where_published || plan->tables[i].published;
	for (uint32_t i = 0; i < publication->tables_count; i++)
		any = any || publication->tables[i].row_filter || publication->tables[i].attnums;
	return any;
}

/* Somebody approved just this change: it may have come so far that the publication was altered for it. */
static bool remap__is_meant(const struct pipeline *pipeline)
{
	return strcmp(pipeline->checkpoint.approved_digest, pipeline->plan->digest) == 0;
}

static int remap__load_all(struct remap *remap, struct error *error)
{
	const struct plan *plan = remap->pipeline->plan;
	int rc = 0;

	for (uint32_t i = 0; i < plan->tables_count && rc == 0; i++)
		rc = difference_load(&remap->change.difference, plan, i);
	return rc < 0 ? error_set(error, (enum error_code)rc, "no memory for the difference of two mappings") : 0;
}

/*
 * Were changes of the tables that are mapped already missed? A table that was dropped altogether changes the digest too: then
 * nobody can tell.
 */
static int remap__check_publication(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	const struct description *newest = remap__newest(remap);
	uint32_t *oids = calloc((size_t)newest->nodes_count + newest->edges_count + 1, sizeof(*oids));
	char digest[POSTGRES_DIGEST_SIZE];
	uint32_t count;
	int rc = 0;

	if (!oids)
		return error_set(error, ERR_NOMEM, "no memory for the publication's tables");
	count = description__oids(newest, oids);
	postgres_publication_digest(&pipeline->facts.publication, oids, count, digest);
	if (strcmp(digest, pipeline->checkpoint.publication_digest) != 0) {
		if (pipeline->facts.publication.exists && (remap__lacks_only_what_left(remap, oids, count) ||
		                                           remap__has_filters(remap) || remap__is_meant(pipeline))) {
			remap->all = true;
		} else {
			rc = error_set(error, ERR_STATE,
			               "publication %s was altered since the graph was made from it: changes may be missing",
			               pipeline->settings->publication);
			error_hint(error, "load what was missed: pgweave run --resnapshot");
			snprintf(error->origin, sizeof(error->origin), PIPELINE_ORIGIN_GAP);
		}
	}
	free(oids);
	return rc;
}

static bool remap__is_begun(const struct pipeline *pipeline)
{
	return pipeline->checkpoint.phase == GRAPH_PHASE_REMAPPING &&
	       strcmp(pipeline->checkpoint.mapping_digest, pipeline->plan->digest) == 0;
}

static int remap__mark_reloads(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	int rc = 0;

	/* a change to yet another mapping was begun, or this one was, and for such a reason */
	if (pipeline->checkpoint.phase == GRAPH_PHASE_REMAPPING &&
	    (!remap__is_begun(pipeline) || pipeline->checkpoint.problem[0]))
		remap->all = true;
	if (remap->all) {
		log_event(pipeline->log, LOG_INFO, ALL_WORDS);
		rc = remap__load_all(remap, error);
	}
	for (uint32_t i = 0; i < pipeline->tables.reload.count && rc == 0; i++) {
		int64_t table = plan_table_by_oid(pipeline->plan, pipeline->tables.reload.items[i]);

		if (table >= 0)
			rc = difference_load(&remap->change.difference, pipeline->plan, (uint32_t)table);
	}
	for (uint32_t i = 0; i < pipeline->tables.sweep.count && rc == 0; i++) {
		int64_t table = plan_table_by_oid(pipeline->plan, pipeline->tables.sweep.items[i]);

		if (table < 0)
			continue;
		rc = difference_sweep(&remap->change.difference, pipeline->plan, (uint32_t)table);
		remap->sweeps = true;
	}
	return rc < 0 ? error_set(error, (enum error_code)rc, "no memory for the difference of two mappings") : 0;
}

static void remap__on_int(void *user, const struct bolt_record *record)
{
	if (record->count && record->values[0].type == BOLT_TYPE_INT)
		*(int64_t *)user = record->values[0].integer;
}

static int remap__count(struct remap *remap, struct buffer *text, int64_t *ret_count, struct error *error)
{
	*ret_count = 0;
	if (text->failed)
		return error_set(error, ERR_LIMIT, "a statement is too long");
	return session_graph_run(&remap->pipeline->graph, buffer_text(text), NULL, remap__on_int, ret_count, error);
}

/* How many nodes or relationships there are that the step names. */
static int remap__count_shape(struct remap *remap, const struct difference_step *shape, int64_t *ret_count, struct error *error)
{
	struct buffer text;
	int rc;

	buffer_init(&text, TEXT_SIZE_MAX);
	graph_remap_count(shape, &text);
	rc = remap__count(remap, &text, ret_count, error);
	buffer_free(&text);
	return rc;
}

/* Whether any of the mappings had the label, or the type between the two labels: then it is ours. */
static bool remap__label_was_mapped(const struct remap *remap, const char *label)
{
	for (uint32_t i = 0; i < remap->change.from.count; i++) {
		const struct description *description = &remap->change.from.items[i];

		for (uint32_t j = 0; j < description->nodes_count; j++)
			if (strcmp(description->nodes[j].label, label) == 0)
				return true;
	}
	return false;
}

static bool remap__shape_was_mapped(const struct remap *remap, const struct difference_step *shape)
{
	for (uint32_t i = 0; i < remap->change.from.count; i++) {
		const struct description *description = &remap->change.from.items[i];

		for (uint32_t j = 0; j < description->edges_count; j++) {
			const struct described_edge *edge = &description->edges[j];

			if (strcmp(edge->from.label, shape->label) == 0 && strcmp(edge->type, shape->type) == 0 &&
			    strcmp(edge->to.label, shape->end) == 0)
				return true;
		}
	}
	return false;
}

/*
 * Relationships of a shape that comes into the mapping would be taken over, and deleted where no row stands behind them. What
 * is renamed cannot become one with what is there, so nobody can ask for that.
 */
static int remap__check_edge_free(struct remap *remap, const struct difference_step *step, struct error *error)
{
	const struct difference *difference = &remap->change.difference;
	bool renamed = step->kind == DIFFERENCE_EDGE_RENAMED;
	const struct difference_step made = {
	        .kind = DIFFERENCE_EDGE_ADDED,
	        .label = step->turned ? step->end : step->label,
	        .type = renamed ? step->name_new : step->type,
	        .end = step->turned ? step->label : step->end,
	};
	struct difference_step shape = made;
	int64_t count;
	int rc;

	shape.label = difference_label_before(difference, made.label);
	shape.end = difference_label_before(difference, made.end);
	if (remap__shape_was_mapped(remap, &made) || remap__shape_was_mapped(remap, &shape))
		return 0;
	rc = remap__count_shape(remap, &shape, &count, error);
	if (rc < 0 || count == 0)
		return rc;
	rc = error_set(error, ERR_STATE,
	               "the graph already has %lld relationships (%s)-[%s]->(%s), which the mapping did not have until now",
	               (long long)count, shape.label, shape.type, shape.end);
	error_hint(error,
	           renamed ? "take another type"
	                   : "take another type; or --adopt: it makes them agree with PostgreSQL, and deletes those that "
	                     "have no row");
	return rc;
}

/* The same of nodes. */
static int remap__check_label_free(struct remap *remap, const struct difference_step *step, struct error *error)
{
	const struct difference_step shape = {.kind = DIFFERENCE_NODE_ADDED, .label = step->name_new};
	int64_t count;
	int rc;

	if (remap__label_was_mapped(remap, step->name_new))
		return 0;
	rc = remap__count_shape(remap, &shape, &count, error);
	if (rc < 0 || count == 0)
		return rc;
	rc = error_set(error, ERR_STATE, "the graph already has %lld nodes with the mapped label %s, to which %s is renamed",
	               (long long)count, step->name_new, step->label);
	error_hint(error, "take another label");
	return rc;
}

static void remap__mark_label(const struct plan *plan, const char *label, bool *nodes)
{
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		nodes[i] = nodes[i] || strcmp(plan->nodes[i].label, label) == 0;
}

static int remap__check_free(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	const struct difference *difference = &remap->change.difference;
	bool adopt = pipeline->options->adopt;
	bool *nodes = calloc((size_t)pipeline->plan->nodes_count + 1, sizeof(*nodes));
	bool empty;
	int rc = 0;

	if (!nodes)
		return error_set(error, ERR_NOMEM, "no memory for the mapping's labels");
	for (uint32_t i = 0; i < difference->count && rc == 0; i++) {
		const struct difference_step *step = difference->steps[i];

		if (step->kind == DIFFERENCE_LABEL_RENAMED)
			rc = remap__check_label_free(remap, step, error);
		else if (step->kind == DIFFERENCE_EDGE_RENAMED || (step->kind == DIFFERENCE_EDGE_ADDED && !adopt))
			rc = remap__check_edge_free(remap, step, error);
		else if (step->kind == DIFFERENCE_NODE_ADDED && !remap__label_was_mapped(remap, step->label))
			remap__mark_label(pipeline->plan, step->label, nodes);
	}
	if (rc == 0)
		rc = pipeline__check_free(pipeline, nodes, adopt, &empty, error);
	free(nodes);
	return rc;
}

/* ---- what is under way ---- */

/* The checkpoint names the plan's digest and publication, and phase says what that means. */
static int remap__describe(struct pipeline *pipeline, enum graph_phase phase, const char *mappings, struct error *error)
{
	struct graph_checkpoint *checkpoint = &pipeline->checkpoint;
	int rc = pipeline__read_facts(pipeline, error);

	checkpoint->phase = phase;
	snprintf(checkpoint->mapping_digest, sizeof(checkpoint->mapping_digest), "%s", pipeline->plan->digest);
	if (rc == 0)
		rc = pipeline__publication_digest(&pipeline->facts.publication, pipeline->plan, checkpoint->publication_digest,
		                                  error);
	return rc < 0 ? rc : pipeline__describe(pipeline, mappings, error);
}

static int remap__begin(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	struct buffer list;
	int rc;

	/* Who comes back finds the plan among the descriptions already. */
	if (remap__is_begun(pipeline))
		return 0;
	snprintf(pipeline->checkpoint.problem, sizeof(pipeline->checkpoint.problem), "%s", remap->all ? ALL_WORDS : "");
	buffer_init(&list, DESCRIPTIONS_SIZE_MAX);
	rc = plan_describe_after(pipeline->plan, &remap->change.from, buffer_text(&remap->change.mappings), &list);
	if (rc < 0) {
		error_set(error, (enum error_code)rc, "too many changes of the mapping were begun and not carried out");
		error_hint(error, "load everything anew: pgweave run --resnapshot");
	}
	if (rc == 0)
		rc = remap__describe(pipeline, GRAPH_PHASE_REMAPPING, buffer_text(&list), error);
	buffer_free(&list);
	return rc;
}

/* ---- steps in the graph alone ---- */

/* One fenced transaction; what may pass is tried again. */
static int remap__run(struct pipeline *pipeline, const char *text, const struct bolt_writer *params, struct error *error)
{
	struct backoff backoff = {0};

	for (;;) {
		struct error ignored;
		int rc = writer_run(&pipeline->writer, text, params, error);

		if (rc == 0 || !pipeline->graph.connection)
			return rc;
		if (session_graph_reset(&pipeline->graph, &ignored) < 0)
			return rc;
		if (graph_checkpoint_fence_failed(error->origin))
			return error_set(error, ERR_FENCED, "another writer has taken over pipeline %s",
			                 pipeline->settings->pipeline);
		if (error->class != ERROR_RETRY || backoff.attempt == ATTEMPTS_MAX || pipeline->loop.stop)
			return rc;
		log_failure(pipeline->log, LOG_WARN, "a step failed and is tried again", error);
		session_sleep(&pipeline->loop, backoff_next(&backoff), false);
	}
}

int pipeline__repeat(struct pipeline *pipeline, const char *left, const char *batch, struct error *error)
{
	for (;;) {
		int64_t any = 0;
		int rc = session_graph_run(&pipeline->graph, left, NULL, remap__on_int, &any, error);

		if (rc < 0 || !any)
			return rc;
		rc = remap__run(pipeline, batch, NULL, error);
		if (rc < 0)
			return rc;
		if (pipeline->loop.stop)
			return error_set(error, ERR_CANCELLED, "stopped while the graph was being changed");
	}
}

static int remap__step(struct remap *remap, const struct difference_step *step, struct error *error)
{
	struct buffer left, batch;
	int rc;

	if (step->words)
		log_event(remap->pipeline->log, LOG_INFO, "%s", step->words);
	/* what waits is hidden, or left, at the end, by the plan */
	if (step->kind == DIFFERENCE_MISSING_CHANGED)
		return 0;
	buffer_init(&left, TEXT_SIZE_MAX);
	buffer_init(&batch, TEXT_SIZE_MAX);
	graph_remap_left(step, &left);
	graph_remap_batch(step, &batch);
	rc = left.failed || batch.failed ? error_set(error, ERR_LIMIT, "a statement is too long")
	                                 : pipeline__repeat(remap->pipeline, buffer_text(&left), buffer_text(&batch), error);
	buffer_free(&left);
	buffer_free(&batch);
	return rc;
}

static int remap__steps(struct remap *remap, enum difference_when when, struct error *error)
{
	const struct difference *difference = &remap->change.difference;
	int rc = 0;

	for (uint32_t i = 0; i < difference->count && rc == 0; i++)
		if (difference_when(difference->steps[i]->kind) == when)
			rc = remap__step(remap, difference->steps[i], error);
	return rc;
}

/* ---- what is found by another key from now on ---- */

struct rekey {
	const struct difference_rekey *fields;
	struct bolt_writer rows; /* without the list's header */
	struct arena scratch;
	uint32_t count;
	int rc;
	struct error error;
};

static uint32_t rekey__fields_count(const struct difference_rekey *rekey)
{
	return rekey->found_count + rekey->set_count;
}

static void rekey__pack(struct rekey *rekey, const struct postgres_result *result, uint32_t row, uint32_t column)
{
	const char *text = postgres_result_text(result, row, column);
	struct cell cell = {
	        .data = text,
	        .size = postgres_result_size(result, row, column),
	        .kind = text ? CELL_TEXT : CELL_NULL,
	};
	struct arena_mark mark = arena_mark(&rekey->scratch);

	if (!rekey->rc)
		rekey->rc = graph_cell_pack(&rekey->rows, &rekey->fields->fields[column].type, &cell, &rekey->scratch,
		                            &rekey->error);
	arena_rollback(&rekey->scratch, mark);
}

static void rekey__on_rows(void *user, const struct postgres_result *result, const struct error *error)
{
	struct rekey *rekey = user;

	(void)error;
	rekey->count = postgres_result_rows(result);
	for (uint32_t i = 0; i < rekey->count && !rekey->rc; i++) {
		bolt_writer_list(&rekey->rows, rekey__fields_count(rekey->fields));
		for (uint32_t j = 0; j < rekey__fields_count(rekey->fields); j++)
			rekey__pack(rekey, result, i, j);
	}
}

static void rekey__declare_sql(struct buffer *sql, const struct plan *plan, const struct difference_step *step)
{
	const struct plan_table *table = &plan->tables[step->table];

	buffer_append_text(sql, "DECLARE pgweave_rekey NO SCROLL CURSOR FOR SELECT ");
	for (uint32_t i = 0; i < rekey__fields_count(&step->rekey); i++) {
		buffer_append_text(sql, i ? ", " : "");
		sql_quote_identifier(sql, step->rekey.fields[i].column);
	}
	buffer_printf(sql, " FROM %s", table->partitioned ? "" : "ONLY ");
	sql_quote_qualified(sql, table->schema, table->name);
}

static int rekey__fetch(struct remap *remap, struct rekey *rekey, struct session_postgres *postgres, const char *cypher,
                        struct error *error)
{
	const struct bolt_connection *connection = remap->pipeline->graph.connection;
	struct bolt_writer params;
	char fetch[64];
	int rc;

	snprintf(fetch, sizeof(fetch), "FETCH %d FROM pgweave_rekey", REKEY_ROWS);
	bolt_writer_reset(&rekey->rows);
	rekey->rows.utc = connection ? bolt_connection_utc(connection) : true;
	rc = session_postgres_query(postgres, fetch, NULL, 0, rekey__on_rows, rekey, error);
	if (rc == 0 && rekey->rc < 0) {
		*error = rekey->error;
		rc = error->code;
	}
	if (rc < 0 || !rekey->count)
		return rc;
	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_rows_pack_begin(&params, rekey->count);
	bolt_writer_append(&params, rekey->rows.data, rekey->rows.size);
	rc = rekey->rows.failed || params.failed ? error_set(error, ERR_LIMIT, "keys too large to be changed")
	                                         : remap__run(remap->pipeline, cypher, &params, error);
	bolt_writer_free(&params);
	return rc;
}

static int remap__rekey(struct remap *remap, const struct difference_step *step, struct session_postgres *postgres,
                        struct error *error)
{
	struct rekey rekey = {.fields = &step->rekey};
	struct buffer sql, cypher;
	int rc;

	buffer_init(&sql, TEXT_SIZE_MAX);
	buffer_init(&cypher, TEXT_SIZE_MAX);
	bolt_writer_init(&rekey.rows, PARAMS_SIZE_MAX);
	arena_init(&rekey.scratch, SCRATCH_SIZE_MAX);
	rekey__declare_sql(&sql, remap->pipeline->plan, step);
	graph_remap_rekey(step, &cypher);
	rc = session_postgres_query(postgres, buffer_text(&sql), NULL, 0, NULL, NULL, error);
	do {
		if (rc == 0)
			rc = rekey__fetch(remap, &rekey, postgres, buffer_text(&cypher), error);
	} while (rc == 0 && rekey.count);
	if (rc == 0)
		rc = session_postgres_query(postgres, "CLOSE pgweave_rekey", NULL, 0, NULL, NULL, error);
	arena_free(&rekey.scratch);
	bolt_writer_free(&rekey.rows);
	buffer_free(&cypher);
	buffer_free(&sql);
	return rc;
}

static bool remap__is_rekey(const struct difference_step *step)
{
	return step->rekey.found_count > 0;
}

/* Before the stream goes on: rows of other tables refer to the new keys, and would make placeholders that have them. */
static int remap__rekeys(struct remap *remap, struct error *error)
{
	const struct difference *difference = &remap->change.difference;
	struct session_postgres postgres = {0};
	bool any = false;
	int rc;

	for (uint32_t i = 0; i < difference->count; i++)
		any = any || remap__is_rekey(difference->steps[i]);
	if (!any)
		return 0;
	rc = pipeline__open_snapshot(remap->pipeline, remap->load.snapshot, &postgres, error);
	/* the nodes first: relationships are found by their keys of now */
	for (int edges = 0; edges < 2; edges++)
		for (uint32_t i = 0; i < difference->count && rc == 0; i++) {
			const struct difference_step *step = difference->steps[i];

			if (remap__is_rekey(step) && (step->type != NULL) == edges)
				rc = remap__rekey(remap, step, &postgres, error);
		}
	session_postgres_close(&postgres);
	return rc;
}

/* So that nodes are found by the old key although its constraint may be on another label or name. */
static int remap__rekey_indexes(struct remap *remap, struct error *error)
{
	const struct difference *difference = &remap->change.difference;
	bool made = false;
	int rc = 0;

	for (uint32_t i = 0; i < difference->count && rc == 0; i++) {
		const struct difference_step *step = difference->steps[i];
		struct buffer text;

		buffer_init(&text, TEXT_SIZE_MAX);
		if (remap__is_rekey(step) && graph_remap_rekey_index(step, i, &text)) {
			rc = session_graph_run(&remap->pipeline->graph, buffer_text(&text), NULL, NULL, NULL, error);
			made = true;
		}
		buffer_free(&text);
	}
	if (rc == 0 && made)
		rc = session_graph_run(&remap->pipeline->graph, "CALL db.awaitIndexes(300)", NULL, NULL, NULL, error);
	return rc;
}

/* ---- rows ---- */

/* A name that no other slot has: pipelines may have long names, and an attempt that was killed may not be gone yet. */
static void remap__slot_name(const struct pipeline *pipeline, char name[64])
{
	snprintf(name, 64, "%.40s_remap_%d", pipeline->settings->slot, (int)getpid());
}

/* Root and condition. */
static void remap__on_leaves(void *user, const struct postgres_result *result, const struct error *error)
{
	struct remap *remap = user;

	(void)error;
	for (uint32_t i = 0; i < postgres_result_rows(result); i++) {
		int64_t table = plan_table_by_oid(remap->pipeline->plan, (uint32_t)postgres_result_int(result, i, 0));

		if (table < 0 || remap->change.difference.load[table])
			continue;
		remap->parts[table] = arena_strdup(&remap->change.difference.arena, postgres_result_text(result, i, 1));
		remap->loads[table] = remap->parts[table];
		remap->no_memory |= !remap->parts[table];
	}
}

/*
 * Of a table that has new partitions and is else as it was, the rows of these are loaded: by what is true of them, so that
 * PostgreSQL leaves out the others, and that the right to read the table is enough. A partition that has gone again meanwhile
 * is for the next session to sweep.
 */
static int remap__find_leaves(struct remap *remap, struct error *error)
{
	static const char sql[] =
	        "SELECT pg_catalog.pg_partition_root(c.oid)::pg_catalog.oid, "
	        "string_agg('(' || coalesce(pg_catalog.pg_get_partition_constraintdef(c.oid), 'true') || ')', ' OR ') "
	        "FROM pg_catalog.pg_class c WHERE c.relispartition AND c.oid = ANY($1::pg_catalog.oid[]) GROUP BY 1";
	struct pipeline *pipeline = remap->pipeline;
	const struct oids *leaves = &pipeline->tables.leaves;
	struct buffer list;
	const char *params[1];
	int rc;

	if (!leaves->count)
		return 0;
	buffer_init(&list, TEXT_SIZE_MAX);
	postgres_oids_text(&list, leaves->items, leaves->count);
	params[0] = buffer_text(&list);
	rc = session_postgres_query(&pipeline->sql, sql, params, 1, remap__on_leaves, remap, error);
	buffer_free(&list);
	return rc == 0 && remap->no_memory ? error_set(error, ERR_NOMEM, "no memory for new partitions") : rc;
}

/* Which tables are loaded. */
static int remap__find_rows(struct remap *remap, struct error *error)
{
	struct difference *difference = &remap->change.difference;
	uint32_t count = remap->pipeline->plan->tables_count;

	remap->loads = arena_calloc(&difference->arena, count, sizeof(*remap->loads));
	remap->parts = arena_calloc(&difference->arena, count, sizeof(*remap->parts));
	if (!remap->loads || !remap->parts)
		return error_set(error, ERR_NOMEM, "no memory for the tables that are to be loaded");
	memcpy(remap->loads, difference->load, count * sizeof(*remap->loads));
	return remap__find_leaves(remap, error);
}

static bool remap__needs_rows(const struct remap *remap)
{
	for (uint32_t i = 0; i < remap->pipeline->plan->tables_count; i++)
		if (remap->loads[i])
			return true;
	return remap->sweeps;
}

static int remap__stream(struct remap *remap, struct error *error)
{
	const struct difference *difference = &remap->change.difference;
	const struct pipeline_bound bound = {.lsn = remap->load.lsn, .load = difference->load, .leave_out = difference->skip};

	return pipeline__stream_until(remap->pipeline, &bound, error);
}

/* The graph is brought to the snapshot of a second slot, and the tables are loaded from that. */
static int remap__rows(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	const struct difference *difference = &remap->change.difference;
	struct session_postgres second = {0};
	char name[64], lsn[LSN_TEXT_SIZE];
	int rc = session_postgres_open(&second, &pipeline->loop, pipeline->settings, true, error);

	remap->load = (struct pipeline_load){
	        .tables = remap->loads,
	        .parts = remap->parts,
	        .sweep = {.nodes = difference->sweep_nodes, .edges = difference->sweep_edges},
	};
	remap__slot_name(pipeline, name);
	if (rc == 0)
		rc = pipeline__clock(pipeline, &remap->load.time_us, error);
	if (rc == 0) {
		rc = session_postgres_slot_create(&second, name, true, &remap->load.lsn, remap->load.snapshot,
		                                  sizeof(remap->load.snapshot), error);
		if (rc < 0)
			error_prefix(error,
			             "a change of the mapping needs one more replication slot and WAL sender for a while");
	}
	if (rc == 0)
		rc = remap__rekeys(remap, error);
	if (rc == 0)
		rc = remap__stream(remap, error);
	if (rc == 0)
		log_event(pipeline->log, LOG_INFO, "loading what changed, as of %s", lsn_print(remap->load.lsn, lsn));
	if (rc == 0)
		rc = pipeline__load_tables(pipeline, &remap->load, error);
	if (rc == 0) {
		pipeline->checkpoint.position.lsn = remap->load.lsn;
		pipeline->checkpoint.position.piece_lsn = 0;
		pipeline->checkpoint.position.piece_changes = 0;
	}
	session_postgres_close(&second);
	return rc;
}

/* ---- the whole ---- */

static int remap__prepare(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	int rc = pipeline__change_read(&pipeline->graph, pipeline->plan, &remap->change, error);

	if (rc == 0 && !remap->change.from.count)
		rc = error_set(error, ERR_STATE, "the checkpoint does not say what mapping the graph was made with");
	if (rc == 0)
		rc = remap__refuse(remap, error);
	if (rc == 0)
		rc = remap__check_publication(remap, error);
	if (rc == 0)
		rc = remap__mark_reloads(remap, error);
	if (rc == 0)
		rc = remap__check_free(remap, error);
	/* so that who comes back after a kill knows whose change of the publication it finds */
	if (rc == 0)
		rc = remap__is_begun(pipeline)
		             ? 0
		             : pipeline__approve(&pipeline->graph, pipeline->settings->pipeline, pipeline->plan->digest, error);
	if (rc == 0)
		rc = pipeline__apply_more(&pipeline->graph, &pipeline->sql, pipeline->settings, pipeline->plan, pipeline->log,
		                          error);
	return rc;
}

static int remap__finish(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	const struct descriptions none = {0};
	struct buffer list;
	int rc = pipeline__drop_constraints(pipeline, &remap->change.from, error);

	if (rc == 0)
		rc = pipeline__drop_tables(pipeline, &remap->change.from, error);
	buffer_init(&list, DESCRIPTIONS_SIZE_MAX);
	if (rc == 0 && plan_describe_after(pipeline->plan, &none, "", &list) < 0)
		rc = error_set(error, ERR_NOMEM, "no memory for the mapping's description");
	pipeline->checkpoint.problem[0] = '\0';
	if (rc == 0)
		rc = remap__describe(pipeline, GRAPH_PHASE_STREAMING, buffer_text(&list), error);
	buffer_free(&list);
	return rc;
}

static int remap__carry_out(struct remap *remap, struct error *error)
{
	struct pipeline *pipeline = remap->pipeline;
	int rc = remap__begin(remap, error);

	/* before names change: a label that other nodes get may have been the unique one of those that leave */
	if (rc == 0)
		rc = pipeline__drop_constraints(pipeline, &remap->change.from, error);
	if (rc == 0)
		rc = pipeline__show_described(pipeline, &remap->change.from, error);
	if (rc == 0)
		rc = remap__steps(remap, DIFFERENCE_FIRST, error);
	if (rc == 0)
		rc = remap__rekey_indexes(remap, error);
	if (rc == 0)
		rc = remap__find_rows(remap, error);
	if (rc == 0 && remap__needs_rows(remap))
		rc = remap__rows(remap, error);
	if (rc == 0)
		rc = remap__steps(remap, DIFFERENCE_LAST, error);
	if (rc == 0)
		rc = pipeline__hide_waiting(pipeline, error);
	return rc < 0 ? rc : remap__finish(remap, error);
}

int pipeline__remap(struct pipeline *pipeline, struct error *error)
{
	struct remap remap = {.pipeline = pipeline};
	int rc;

	pipeline->writer.committed = pipeline->checkpoint.position;
	pipeline->writer.submitted = pipeline->checkpoint.position;
	rc = remap__prepare(&remap, error);
	if (rc == 0) {
		log_event(pipeline->log, LOG_INFO, "the graph is changed to the mapping of now");
		rc = remap__carry_out(&remap, error);
	}
	if (rc == 0)
		log_event(pipeline->log, LOG_INFO, "the graph is as the mapping of now makes it");
	pipeline->writer.committed = pipeline->checkpoint.position;
	pipeline->writer.submitted = pipeline->checkpoint.position;
	pipeline__change_free(&remap.change);
	return rc;
}
