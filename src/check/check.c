#include "check/room.h"

#include <stdio.h>
#include <string.h>

#define CHECK_SIZE_MAX ((size_t)64 * 1024 * 1024)
#define CHECK_FINDINGS_FIRST 64
#define CHECK_TEXT_MAX 4096

/* Room for one more; the outgrown array stays in the arena. */
static bool check__reserve(struct check *check)
{
	uint32_t capacity = check->capacity ? 2 * check->capacity : CHECK_FINDINGS_FIRST;
	struct check_finding *findings;

	if (check->count < check->capacity)
		return true;
	if (capacity > CHECK_FINDINGS_MAX)
		return false;
	findings = arena_calloc(&check->arena, capacity, sizeof(*findings));
	if (!findings)
		return false;
	if (check->count)
		memcpy(findings, check->findings, check->count * sizeof(*findings));
	check->findings = findings;
	check->capacity = capacity;
	return true;
}

void check__add(struct check *check, enum check_level level, const char *mend, const char *object, const char *format, ...)
{
	char text[CHECK_TEXT_MAX];
	va_list args;

	check->counts[level]++;
	if (!check__reserve(check))
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check->findings[check->count++] = (struct check_finding){
	        .level = level,
	        .object = arena_strdup(&check->arena, object),
	        .text = arena_strdup(&check->arena, text),
	        .mend = mend ? arena_strdup(&check->arena, mend) : NULL,
	};
}

void check__mend(struct check *check, const char *format, ...)
{
	char text[CHECK_TEXT_MAX];
	va_list args;

	if (!check->count || check->count == CHECK_FINDINGS_MAX)
		return;
	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	check->findings[check->count - 1].mend = arena_strdup(&check->arena, text);
}

static void check__failed(struct check *check, const char *object, const struct error *error)
{
	check__add(check, CHECK_ERROR, error->hint[0] ? error->hint : NULL, object, "%s", error->text);
}

static int check__databases(const struct mapping *mapping, struct session_postgres *postgres, struct session_graph *graph,
                            struct plan **ret_plan, struct check *check, struct error *error)
{
	const struct mapping_settings *settings = mapping_settings(mapping);
	struct postgres_facts facts = {0};
	struct catalog catalog = {0};
	struct error failure;
	int rc = 0;

	if (!postgres->connection)
		goto graph;
	if (session_postgres_facts(postgres, settings, &facts, &failure) < 0 ||
	    session_postgres_catalog(postgres, &catalog, &failure) < 0) {
		check__failed(check, "PostgreSQL", &failure);
		goto graph;
	}
	if (session_compile(mapping, &catalog, ret_plan, &failure) < 0)
		check__failed(check, "mapping", &failure);
	check__postgres(check, &facts, settings, *ret_plan);
	if (*ret_plan)
		check__tables(check, &catalog, *ret_plan, &facts.role, settings, &facts.publication);
	if (*ret_plan && check__element_ids(check, postgres, *ret_plan, settings, &facts.role, &failure) < 0)
		check__failed(check, "PostgreSQL", &failure);
graph:
	if (graph->connection) {
		rc = check__graph(check, graph, *ret_plan, settings, &facts, error);
		if (rc < 0 && rc != ERR_NOMEM && rc != ERR_CANCELLED) {
			check__failed(check, "Neo4j", error);
			rc = 0;
		}
	}
	arena_free(&catalog.arena);
	arena_free(&facts.arena);
	return rc;
}

int check_pipeline(const struct mapping *mapping, struct session_loop *loop, struct session_postgres *postgres,
                   struct session_graph *graph, struct plan **ret_plan, struct check *check, struct error *error)
{
	const struct mapping_settings *settings = mapping_settings(mapping);
	struct error failure;

	*check = (struct check){0};
	*ret_plan = NULL;
	arena_init(&check->arena, CHECK_SIZE_MAX);
	if (session_postgres_open(postgres, loop, settings, false, &failure) < 0)
		check__failed(check, "PostgreSQL", &failure);
	if (session_graph_open(graph, loop, settings, NULL, &failure) < 0)
		check__failed(check, "Neo4j", &failure);
	if (loop->stop)
		return error_set(error, ERR_CANCELLED, "stopped");
	return check__databases(mapping, postgres, graph, ret_plan, check, error);
}

void check_free(struct check *check)
{
	arena_free(&check->arena);
}
