#include "cli/cli.h"
#include "cli/difference.h"
#include "cli/sample.h"
#include "graph/schema.h"
#include "mapping/render.h"
#include "sync/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OUTPUT_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define SAMPLES_SIZE_MAX ((size_t)16 * 1024 * 1024)
#define SAMPLE_ROWS 1

/* What `apply` and `run` would run on both servers. */
static int plan__statements(const struct cli_work *work, struct graph_schema *schema, struct buffer *publication,
                            struct error *error)
{
	pipeline__publication_sql(publication, work->settings, work->plan, false, work->catalog.server_version_num);
	if (graph_schema_make(work->plan, true, schema) < 0)
		return error_set(error, ERR_NOMEM, "no memory for the graph's constraints");
	return 0;
}

/* What the graph was made with, as far as that is known. */
struct plan_graph {
	struct cli_difference difference;
	struct error error; /* code OK: it is known */
};

static void plan__print_difference(const struct plan_graph *graph)
{
	static const char *const what[] = {
	        [DIFFERENCE_NO_GRAPH] = "The graph has not been loaded yet.",
	        [DIFFERENCE_NONE] = "The graph was made with this mapping: there is no difference.",
	        [DIFFERENCE_UNKNOWN] = "The graph was made with another, unknown mapping: pgweave run --resnapshot",
	        [DIFFERENCE_SHOWN] = "The graph was made with another mapping; pgweave apply does this to it:",
	};

	if (graph->error.code) {
		printf("\nWhat differs from the mapping that made the graph is not known: %s\n", graph->error.text);
		return;
	}
	printf("\n%s\n", what[graph->difference.state]);
	cli_difference_print(&graph->difference);
}

static void plan__print_text(const struct cli_work *work, const struct plan_sample *sample, const struct graph_schema *schema,
                             struct buffer *publication)
{
	struct buffer text;

	buffer_init(&text, OUTPUT_SIZE_MAX);
	plan_render_text(work->plan, sample, &text);
	fwrite(text.data, 1, text.size, stdout);
	printf("\nTo be made in PostgreSQL, where it is not there:\n  %s;\n  replication slot %s (pgoutput), with its "
	       "snapshot\n"
	       "\nTo be made in Neo4j, where it is not there:\n",
	       buffer_text(publication), work->settings->slot);
	for (uint32_t i = 0; i < schema->count; i++)
		printf("  %s;\n", schema->items[i].statement);
	printf("  (:_PgweaveCheckpoint {pipeline: '%s'})\n", work->settings->pipeline);
	buffer_free(&text);
}

/* null: not known */
static json_t *plan__difference_json(const struct plan_graph *graph)
{
	if (graph->error.code || graph->difference.state == DIFFERENCE_UNKNOWN)
		return json_null();
	return cli_difference_json(&graph->difference);
}

static int plan__print_json(const struct cli_work *work, const struct plan_sample *sample, const struct graph_schema *schema,
                            struct buffer *publication, const struct plan_graph *graph, struct error *error)
{
	json_t *document, *constraints = json_array();
	struct buffer text;
	int rc;

	buffer_init(&text, OUTPUT_SIZE_MAX);
	rc = plan_render_json(work->plan, sample, &text);
	document = rc == 0 ? json_loads(buffer_text(&text), 0, NULL) : NULL;
	buffer_free(&text);
	if (!document) {
		json_decref(constraints);
		return error_set(error, ERR_NOMEM, "no memory for the plan");
	}
	for (uint32_t i = 0; i < schema->count; i++)
		json_array_append_new(constraints, json_string(schema->items[i].statement));
	json_object_set_new(document, "publication", json_string(buffer_text(publication)));
	json_object_set_new(document, "slot", json_string(work->settings->slot));
	json_object_set_new(document, "constraints", constraints);
	json_object_set_new(document, "difference", plan__difference_json(graph));
	cli_print_json(document);
	return 0;
}

static int plan__print_svg(const struct cli_work *work, struct error *error)
{
	struct buffer text;
	int rc;

	buffer_init(&text, OUTPUT_SIZE_MAX);
	rc = plan_render_svg(work->plan, &text);
	if (rc < 0)
		error_set(error, (enum error_code)rc, "the plan cannot be drawn: %s", error_code_what((enum error_code)rc));
	else
		fwrite(text.data, 1, text.size, stdout);
	buffer_free(&text);
	return rc;
}

/* A graph that cannot be reached is no reason not to show the plan. */
static void plan__read_graph(struct cli_work *work, struct plan_graph *graph)
{
	int rc = session_graph_open(&work->graph, &work->loop, work->settings, NULL, &graph->error);

	if (rc == 0)
		rc = cli_difference_read(work, &graph->difference, &graph->error);
	if (rc == 0)
		graph->error.code = ERR_OK;
}

static int plan__print(const struct cli *cli, const char *format, struct cli_work *work, struct error *error)
{
	struct plan_graph graph = {0};
	struct plan_sample sample;
	struct graph_schema schema = {0};
	struct buffer publication;
	struct arena arena;
	int rc;

	if (strcmp(format, "svg") == 0)
		return plan__print_svg(work, error);
	plan__read_graph(work, &graph);
	arena_init(&arena, SAMPLES_SIZE_MAX);
	buffer_init(&publication, OUTPUT_SIZE_MAX);
	rc = sample_read(&work->postgres, work->plan, SAMPLE_ROWS, &arena, &sample, error);
	if (rc == 0)
		rc = plan__statements(work, &schema, &publication, error);
	if (rc == 0 && (cli->json || strcmp(format, "json") == 0))
		rc = plan__print_json(work, &sample, &schema, &publication, &graph, error);
	else if (rc == 0)
		plan__print_text(work, &sample, &schema, &publication);
	if (rc == 0 && !cli->json && strcmp(format, "text") == 0)
		plan__print_difference(&graph);
	cli_difference_free(&graph.difference);
	arena_free(&schema.arena);
	buffer_free(&publication);
	arena_free(&arena);
	return rc;
}

int cli_plan(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	const char *format = "text";
	const struct cli_option options[] = {
	        {"format", 'f', "FORMAT", "text (unless said), json, or svg: a picture", NULL, &format},
	};
	struct cli_work work;
	struct error error;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, options, 1, NULL, 0, &count);

	if (rc >= 0)
		return rc;
	if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0 && strcmp(format, "svg") != 0) {
		error_set(&error, ERR_USAGE, "plan --format %s: it is text, json or svg", format);
		return cli_fail(cli, &error);
	}
	rc = cli_work_open(cli, &work, false, &error);
	if (rc == 0)
		rc = plan__print(cli, format, &work, &error);
	cli_work_close(&work);
	return rc < 0 ? cli_fail(cli, &error) : 0;
}
