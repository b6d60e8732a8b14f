#include "check/room.h"

#include "change/change.h"
#include "graph/schema.h"
#include "mapping/quote.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TEXT_SIZE_MAX ((size_t)64 * 1024)
#define CLOCK_SKEW_WARN_S 5

/* What is there of the plan's constraints, and of what they are for. */
struct schema_state {
	const struct graph_schema *schema;
	bool *present;
	bool *used; /* some node has the label, or some relationship the type */
};

static const char graph_names_in_use[] =
        "CALL db.labels() YIELD label RETURN label AS name, false AS of_relationship UNION ALL "
        "CALL db.relationshipTypes() YIELD relationshipType RETURN relationshipType AS name, true AS of_relationship";

static void graph__on_index(void *user, const struct bolt_record *record)
{
	struct schema_state *state = user;

	for (uint32_t i = 0; i < state->schema->count; i++)
		if (graph_schema_matches(&state->schema->items[i], record->values, record->count))
			state->present[i] = true;
}

static void graph__on_name(void *user, const struct bolt_record *record)
{
	struct schema_state *state = user;

	if (record->count != 2 || record->values[1].type != BOLT_TYPE_BOOL)
		return;
	for (uint32_t i = 0; i < state->schema->count; i++)
		if (state->schema->items[i].of_relationship == record->values[1].boolean &&
		    bolt_value_is_string(&record->values[0], state->schema->items[i].label_or_type))
			state->used[i] = true;
}

static void graph__on_int(void *user, const struct bolt_record *record)
{
	if (record->count && record->values[0].type == BOLT_TYPE_INT)
		*(int64_t *)user = record->values[0].integer;
}

/* Keys that stand on more than one node: the constraint could not be made over them. */
static int graph__doubles(struct check *check, struct session_graph *graph, const struct graph_schema_item *item,
                          struct error *error)
{
	struct buffer text;
	int64_t doubles = 0;
	int rc;

	buffer_init(&text, TEXT_SIZE_MAX);
	buffer_append_text(&text, item->of_relationship ? "MATCH ()-[e:" : "MATCH (e:");
	cypher_quote(&text, item->label_or_type);
	buffer_append_text(&text, item->of_relationship ? "]->() WITH " : ") WITH ");
	for (uint32_t i = 0; i < item->key_count; i++) {
		buffer_append_text(&text, "e.");
		cypher_quote(&text, item->key[i].name);
		buffer_printf(&text, " AS k%u, ", i);
	}
	buffer_append_text(&text, "count(*) AS n WHERE n > 1 AND k0 IS NOT NULL RETURN count(n)");
	rc = session_graph_run(graph, buffer_text(&text), NULL, graph__on_int, &doubles, error);
	buffer_free(&text);
	if (rc == 0 && doubles)
		check__add(check, CHECK_ERROR, "delete or merge them", "Neo4j",
		           "%lld keys stand twice, so that %s cannot be enforced", (long long)doubles, item->words);
	return rc;
}

static int graph__schema(struct check *check, struct session_graph *graph, const struct plan *plan, struct error *error)
{
	struct graph_schema schema;
	struct schema_state state = {.schema = &schema};
	uint32_t missing = 0;
	int rc = graph_schema_make(plan, true, &schema);

	if (rc == 0) {
		state.present = arena_calloc(&schema.arena, schema.count, sizeof(*state.present));
		state.used = arena_calloc(&schema.arena, schema.count, sizeof(*state.used));
		if (!state.present || !state.used)
			rc = ERR_NOMEM;
	}
	if (rc < 0)
		error_set(error, rc, "no memory for the graph's constraints");
	else
		rc = session_graph_run(graph, graph_schema_show, NULL, graph__on_index, &state, error);
	if (rc == 0)
		rc = session_graph_run(graph, graph_names_in_use, NULL, graph__on_name, &state, error);
	for (uint32_t i = 0; i < schema.count && rc == 0; i++) {
		if (state.present[i])
			continue;
		missing++;
		/* In an empty graph nothing is twice: a query for each of hundreds of labels would only take its time. */
		if (state.used[i])
			rc = graph__doubles(check, graph, &schema.items[i], error);
	}
	if (rc == 0)
		check__add(check, CHECK_OK, NULL, "Neo4j", "%u of %u constraints are there%s", schema.count - missing,
		           schema.count, missing ? "; apply or run makes the others" : "");
	arena_free(&schema.arena);
	return rc;
}

static void graph__on_checkpoint(void *user, const struct bolt_record *record)
{
	struct graph_checkpoint *checkpoint = user;

	if (graph_checkpoint_unpack(record->values, record->count, checkpoint) < 0)
		checkpoint->phase = GRAPH_PHASE_NONE;
}

static void graph__judge_checkpoint(struct check *check, const struct graph_checkpoint *checkpoint, const struct plan *plan,
                                    const struct mapping_settings *settings, const struct postgres_facts *facts)
{
	static const char mend[] = "pgweave run --resnapshot";
	char lsn[LSN_TEXT_SIZE];

	if (checkpoint->phase == GRAPH_PHASE_NONE && facts->slot.exists)
		check__add(check, CHECK_ERROR, mend, "checkpoint",
		           "slot %s exists, but the graph has no checkpoint of pipeline %s", settings->slot,
		           settings->pipeline);
	else if (checkpoint->phase == GRAPH_PHASE_NONE)
		check__add(check, CHECK_OK, NULL, "checkpoint", "none yet: the first run loads the graph");
	else if (checkpoint->phase == GRAPH_PHASE_BROKEN)
		check__add(check, CHECK_ERROR, mend, "checkpoint", "%s", checkpoint->problem);
	else if (checkpoint->system_identifier != facts->server.system_identifier)
		check__add(check, CHECK_ERROR, mend, "checkpoint", "the graph was made from another PostgreSQL cluster");
	else if (checkpoint->timeline != facts->server.timeline)
		check__add(check, CHECK_ERROR, mend, "checkpoint",
		           "PostgreSQL is on another timeline than the graph was made from");
	else if (plan && strcmp(checkpoint->mapping_digest, plan->digest) != 0)
		check__add(check, CHECK_ERROR, checkpoint->described ? "pgweave plan; pgweave apply" : mend, "checkpoint",
		           "the graph was made with another mapping");
	else if (checkpoint->phase == GRAPH_PHASE_STREAMING && !facts->slot.exists)
		check__add(check, CHECK_ERROR, mend, "checkpoint", "slot %s is gone", settings->slot);
	else
		check__add(check, CHECK_OK, NULL, "checkpoint", "%s at %s", graph_phase_name(checkpoint->phase),
		           lsn_print(checkpoint->position.lsn, lsn));
	if (checkpoint->dead_letters)
		check__add(check, CHECK_WARNING, "MATCH (d:_PgweaveDeadLetter) RETURN d", "dead letters",
		           "%lld rows were set aside", (long long)checkpoint->dead_letters);
}

static int graph__checkpoint(struct check *check, struct session_graph *graph, const struct plan *plan,
                             const struct mapping_settings *settings, const struct postgres_facts *facts, struct error *error)
{
	struct graph_checkpoint checkpoint = {.phase = GRAPH_PHASE_NONE};
	struct bolt_writer params;
	int rc;

	bolt_writer_init(&params, TEXT_SIZE_MAX);
	graph_checkpoint_pack_pipeline(&params, settings->pipeline);
	rc = session_graph_run(graph, graph_checkpoint_read, &params, graph__on_checkpoint, &checkpoint, error);
	bolt_writer_free(&params);
	if (rc == 0)
		graph__judge_checkpoint(check, &checkpoint, plan, settings, facts);
	return rc;
}

static int graph__clock(struct check *check, struct session_graph *graph, struct error *error)
{
	int64_t now_s = 0;
	int rc = session_graph_run(graph, "RETURN datetime().epochSeconds", NULL, graph__on_int, &now_s, error);
	long long skew = llabs((long long)time(NULL) - (long long)now_s);

	if (rc == 0 && skew > CLOCK_SKEW_WARN_S)
		check__add(check, CHECK_WARNING, "synchronise the clocks (NTP)", "clock",
		           "this machine and Neo4j differ by %lld s", skew);
	return rc;
}

int check__graph(struct check *check, struct session_graph *graph, const struct plan *plan,
                 const struct mapping_settings *settings, const struct postgres_facts *facts, struct error *error)
{
	struct bolt_version version = bolt_connection_version(graph->connection);
	int rc;

	check__add(check, CHECK_OK, NULL, "Neo4j", "%s, Bolt %u.%u", bolt_connection_server(graph->connection), version.major,
	           version.minor);
	if (strncmp(settings->neo4j_url, "bolt://", 7) == 0 || strncmp(settings->neo4j_url, "neo4j://", 8) == 0) {
		if (!strstr(settings->neo4j_url, "127.0.0.1") && !strstr(settings->neo4j_url, "localhost"))
			check__add(check, CHECK_WARNING, "use bolt+s:// or neo4j+s://", "TLS",
			           "the connection to Neo4j is not encrypted");
	}
	rc = graph__clock(check, graph, error);
	if (rc == 0 && plan)
		rc = graph__schema(check, graph, plan, error);
	if (rc == 0)
		rc = graph__checkpoint(check, graph, plan, settings, facts, error);
	return rc;
}
