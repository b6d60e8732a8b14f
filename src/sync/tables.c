#include "sync/tables.h"

#include "mapping/altered.h"
#include "sync/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARAMS_SIZE_MAX ((size_t)2 * ALTERED_SIZE_MAX)
/* More are counted. */
#define ALTERATIONS_SHOWN 20
#define RELOAD_FIRST 16

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
	free(tables->reload);
	tables->reload = NULL;
}

int tables_reload(struct pipeline_tables *tables, uint32_t oid, struct error *error)
{
	uint32_t capacity = tables->reload_capacity ? tables->reload_capacity * 2 : RELOAD_FIRST;

	for (uint32_t i = 0; i < tables->reload_count; i++)
		if (tables->reload[i] == oid)
			return 0;
	if (tables->reload_count == tables->reload_capacity) {
		uint32_t *reload = realloc(tables->reload, capacity * sizeof(*reload));

		if (!reload)
			return error_set(error, ERR_NOMEM, "no memory for the tables that are to be loaded anew");
		tables->reload = reload;
		tables->reload_capacity = capacity;
	}
	tables->reload[tables->reload_count++] = oid;
	return 0;
}

/* ---- the checkpoint ---- */

struct tables_record {
	struct pipeline_tables *tables;
	int rc;
	struct error error;
};

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
			read->rc = tables_reload(tables, (uint32_t)reload->items[i].integer, &read->error);
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
	struct bolt_writer params;
	int rc;

	if (!tables->reload_count)
		return 0;
	bolt_writer_init(&params, PARAMS_SIZE_MAX);
	graph_checkpoint_pack_reload(&params, pipeline->settings->pipeline, pipeline->checkpoint.epoch, tables->reload,
	                             tables->reload_count);
	rc = tables__write(pipeline, graph_checkpoint_reload, &params, error);
	bolt_writer_free(&params);
	return rc;
}

static bool tables__is_remembered(const struct pipeline_tables *tables)
{
	return !tables->reload_count && strcmp(tables->words_before, tables->words_now) == 0 &&
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
	if (rc == 0)
		tables->reload_count = 0;
	return rc;
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
	for (uint32_t i = 0; i < found.count && rc == 0; i++)
		if (found.items[i].load)
			rc = tables_reload(tables, found.items[i].oid, error);
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
