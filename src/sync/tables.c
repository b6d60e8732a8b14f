#include "sync/tables.h"

#include "mapping/altered.h"
#include "sync/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_SIZE_MAX ((size_t)2 * ALTERED_SIZE_MAX)
/* More are counted. */
#define ALTERATIONS_SHOWN 20
#define OIDS_FIRST 16

void tables_init(struct pipeline_tables *tables)
{
	*tables = (struct pipeline_tables){0};
	buffer_init(&tables->before, ALTERED_SIZE_MAX);
	buffer_init(&tables->now, ALTERED_SIZE_MAX);
}

void tables_free(struct pipeline_tables *tables)
{
	buffer_free(&tables->before);
	buffer_free(&tables->now);
	free(tables->reload.items);
	free(tables->sweep.items);
	free(tables->leaves.items);
	free(tables->roots.items);
}

static int oids__add(struct oids *oids, uint32_t oid, struct error *error)
{
	uint32_t capacity = oids->capacity ? oids->capacity * 2 : OIDS_FIRST;

	for (uint32_t i = 0; i < oids->count; i++)
		if (oids->items[i] == oid)
			return 0;
	if (oids->count == oids->capacity) {
		uint32_t *items = realloc(oids->items, capacity * sizeof(*items));

		if (!items)
			return error_set(error, ERR_NOMEM, "no memory for the tables that are to be loaded anew");
		oids->items = items;
		oids->capacity = capacity;
	}
	oids->items[oids->count++] = oid;
	return 0;
}

int tables_reload(struct pipeline_tables *tables, uint32_t oid, struct error *error)
{
	return oids__add(&tables->reload, oid, error);
}

bool tables_are_due(const struct pipeline_tables *tables)
{
	return tables->reload.count || tables->sweep.count || tables->leaves.count;
}

/* ---- the checkpoint ---- */

struct tables_record {
	struct pipeline_tables *tables;
	int rc;
	struct error error;
};

/* As the checkpoint has it: a table to be loaded by its OID, one to be swept by the negative. */
static int tables__due(struct pipeline_tables *tables, int64_t number, struct error *error)
{
	return oids__add(number < 0 ? &tables->sweep : &tables->reload, (uint32_t)(number < 0 ? -number : number), error);
}

static void tables__on_record(void *user, const struct bolt_record *record)
{
	struct tables_record *read = user;
	struct pipeline_tables *tables = read->tables;
	const struct bolt_value *text = &record->values[0], *words = &record->values[1], *reload = &record->values[2];

	if (record->count != 3)
		return;
	if (text->type == BOLT_TYPE_STRING)
		buffer_append(&tables->before, text->string, text->size);
	if (words->type == BOLT_TYPE_STRING && words->size < sizeof(tables->words_before)) {
		memcpy(tables->words_before, words->string, words->size);
		tables->words_before[words->size] = '\0';
	}
	for (uint32_t i = 0; reload->type == BOLT_TYPE_LIST && i < reload->size && read->rc == 0; i++)
		if (reload->items[i].type == BOLT_TYPE_INT)
			read->rc = tables__due(tables, reload->items[i].integer, &read->error);
}

int tables_read(struct pipeline *pipeline, struct error *error)
{
	struct pipeline_tables *tables = &pipeline->tables;
	struct tables_record read = {.tables = tables};
	struct bolt_writer params;
	int rc;

	buffer_reset(&tables->before);
	tables->words_before[0] = '\0';
	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_checkpoint_pack_pipeline(&params, pipeline->settings->pipeline);
	rc = session_graph_run(&pipeline->graph, graph_checkpoint_tables, &params, tables__on_record, &read, error);
	bolt_writer_free(&params);
	if (rc == 0 && read.rc < 0)
		*error = read.error;
	else if (rc == 0 && tables->before.failed)
		rc = error_set(error, ERR_NOMEM, "no memory for what the checkpoint says of the tables");
	return rc < 0 ? rc : read.rc;
}

static void tables__on_epoch(void *user, const struct bolt_record *record)
{
	(void)record;
	*(bool *)user = true;
}

/* One statement that holds only while the epoch is ours. */
static int tables__write(struct pipeline *pipeline, const char *text, const struct bolt_writer *params, struct error *error)
{
	bool held = false;
	int rc = session_graph_run(&pipeline->graph, text, params, tables__on_epoch, &held, error);

	if (rc == 0 && !held)
		rc = error_set(error, ERR_FENCED, "another writer has taken over pipeline %s", pipeline->settings->pipeline);
	return rc;
}

int tables_keep_reload(struct pipeline *pipeline, struct error *error)
{
	const struct pipeline_tables *tables = &pipeline->tables;
	/* a partition that came may go before it is loaded, and leave what the stream brought of it */
	const struct oids *const swept[] = {&tables->sweep, &tables->roots};
	struct bolt_writer params;
	int rc;

	if (!tables_are_due(tables))
		return 0;
	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_checkpoint_pack_reload(&params, pipeline->settings->pipeline, pipeline->checkpoint.epoch,
	                             tables->reload.count + tables->sweep.count + tables->roots.count);
	for (uint32_t i = 0; i < tables->reload.count; i++)
		bolt_writer_int(&params, tables->reload.items[i]);
	for (size_t s = 0; s < sizeof(swept) / sizeof(*swept); s++)
		for (uint32_t i = 0; i < swept[s]->count; i++)
			bolt_writer_int(&params, -(int64_t)swept[s]->items[i]);
	rc = tables__write(pipeline, graph_checkpoint_reload, &params, error);
	bolt_writer_free(&params);
	return rc;
}

static bool tables__is_remembered(const struct pipeline_tables *tables)
{
	return !tables_are_due(tables) && strcmp(tables->words_before, tables->words_now) == 0 &&
	       tables->before.size == tables->now.size && memcmp(tables->before.data, tables->now.data, tables->now.size) == 0;
}

int tables_remember(struct pipeline *pipeline, struct error *error)
{
	struct pipeline_tables *tables = &pipeline->tables;
	struct bolt_writer params;
	int rc;

	if (tables__is_remembered(tables))
		return 0;
	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_checkpoint_pack_remember(&params, pipeline->settings->pipeline, pipeline->checkpoint.epoch,
	                               buffer_text(&tables->now), tables->words_now);
	rc = tables__write(pipeline, graph_checkpoint_remember, &params, error);
	bolt_writer_free(&params);
	if (rc < 0)
		return rc;
	tables->reload.count = 0;
	tables->sweep.count = 0;
	tables->leaves.count = 0;
	tables->roots.count = 0;
	return 0;
}

/* ---- the catalogue ---- */

static int tables__find(struct pipeline *pipeline, const struct catalog *catalog, struct alterations *found,
                        struct error *error)
{
	const struct buffer *before = &pipeline->tables.before;
	int rc;

	*found = (struct alterations){0};
	if (!before->size)
		return 0;
	rc = altered_find(before->data, before->size, catalog, pipeline->plan, found);
	if (rc == 0)
		return 0;
	error_set(error, (enum error_code)rc, "what the checkpoint of pipeline %s says of the tables cannot be read",
	          pipeline->settings->pipeline);
	error_hint(error, "load everything anew: pgweave run --resnapshot");
	return rc;
}

static void tables__keep_said(struct pipeline_tables *tables, const struct alterations *found)
{
	size_t size = 0;

	tables->said[0] = '\0';
	for (uint32_t i = 0; i < found->count && size < sizeof(tables->said); i++)
		size += (size_t)snprintf(tables->said + size, sizeof(tables->said) - size, "%s%s", i ? "; " : "",
		                         found->items[i].words);
}

/* Whether what is wrong with the mapping names it, as diagnostics do: in double quotes. */
static bool tables__is_about(const struct error *error, const char *name)
{
	const char *at = error->text;
	size_t size = strlen(name);

	while (size && (at = strstr(at, name)) != NULL) {
		if (at > error->text && at[-1] == '"' && at[size] == '"')
			return true;
		at++;
	}
	return false;
}

void tables_explain(struct pipeline *pipeline, const struct catalog *catalog, struct error *error)
{
	struct alterations found;
	struct error ignored;
	int rc = tables__find(pipeline, catalog, &found, &ignored);

	for (uint32_t i = 0; i < found.count && rc == 0; i++)
		if (found.items[i].mend && !error->hint[0] && tables__is_about(error, found.items[i].about))
			error_hint(error, "%s", found.items[i].mend);
	if (rc == 0 && found.count) {
		tables__keep_said(&pipeline->tables, &found);
		error_prefix(error, "%s", pipeline->tables.said);
	}
	arena_free(&found.arena);
}

static void tables__tell(const struct pipeline *pipeline, const struct alterations *found)
{
	for (uint32_t i = 0; i < found->count && i < ALTERATIONS_SHOWN; i++)
		log_event(pipeline->log, LOG_INFO, "%s", found->items[i].words);
	if (found->count > ALTERATIONS_SHOWN)
		log_event(pipeline->log, LOG_INFO, "and %u more", found->count - ALTERATIONS_SHOWN);
}

static int tables__follow(struct pipeline_tables *tables, const struct alteration *found, struct error *error)
{
	int rc = 0;

	if (found->load || found->leaves_count > TABLES_LEAVES_MAX)
		return tables_reload(tables, found->oid, error);
	if (found->sweep)
		rc = oids__add(&tables->sweep, found->oid, error);
	if (rc == 0 && found->leaves_count)
		rc = oids__add(&tables->roots, found->oid, error);
	for (uint32_t i = 0; i < found->leaves_count && rc == 0; i++)
		rc = oids__add(&tables->leaves, found->leaves[i], error);
	return rc;
}

int tables_compare(struct pipeline *pipeline, const struct catalog *catalog, struct error *error)
{
	struct pipeline_tables *tables = &pipeline->tables;
	struct alterations found;
	char said[TABLES_SAID_MAX];
	int rc = tables__find(pipeline, catalog, &found, error);

	/* not again in each session until it is followed */
	memcpy(said, tables->said, sizeof(said));
	tables__keep_said(tables, &found);
	if (rc == 0 && strcmp(said, tables->said) != 0)
		tables__tell(pipeline, &found);
	tables->leaves.count = 0;
	tables->roots.count = 0;
	for (uint32_t i = 0; i < found.count && rc == 0; i++)
		rc = tables__follow(tables, &found.items[i], error);
	arena_free(&found.arena);
	buffer_reset(&tables->now);
	if (rc == 0 && (altered_remember(pipeline->plan, catalog, &tables->now) < 0 ||
	                mapping_words_digest(pipeline->mapping, tables->words_now) < 0))
		rc = error_set(error, ERR_NOMEM, "no memory for what is kept of the tables");
	for (uint32_t i = 0; i < pipeline->plan->left_out_count && rc == 0; i++)
		log_event(pipeline->log, LOG_WARN, "left out: %s", pipeline->plan->left_out[i]);
	return rc;
}

bool tables_is_same_file(const struct pipeline *pipeline)
{
	const struct pipeline_tables *tables = &pipeline->tables;

	return tables->words_before[0] && strcmp(tables->words_before, tables->words_now) == 0;
}

int tables_ask(const struct pipeline *pipeline, bool plan_too, struct error *error)
{
	if (pipeline->settings->schema_changes == MAPPING_SCHEMA_FOLLOW)
		return 0;
	error_set(error, ERR_STATE, "mapped tables were altered, and the mapping says to stop then: %s",
	          pipeline->tables.said[0] ? pipeline->tables.said : "rows came that the plan cannot read");
	error_hint(error, "%sstart it with stream: {schema_changes: follow}",
	           plan_too ? "pgweave plan shows what it means for the graph, pgweave apply follows it; or "
	                    : "to follow it, ");
	return ERR_STATE;
}
