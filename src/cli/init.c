#include "mapping/init.h"

#include "cli/cli.h"
#include "mapping/quote.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define INIT_SIZE_MAX (2 * MAPPING_SIZE_MAX)
#define SAMPLE_SIZE_MAX ((size_t)1024 * 1024)
#define SQL_SIZE_MAX ((size_t)4096)
/* Rows that are looked at for the classes of a polymorphic association, and how long that may take. */
#define SAMPLE_ROWS 10000
#define SAMPLE_TIMEOUT_MS 5000
#define SAMPLE_LOCK_TIMEOUT_MS 500

/* What both ways of init read from the database. */
struct init_work {
	struct session_loop loop;
	struct session_postgres postgres;
	struct catalog catalog;
	struct mapping_init_pairs pairs;
	struct arena arena; /* of the pairs' values */
	bool loop_ready;
};

/* ---- the database ---- */

struct init_sample {
	struct mapping_init_pair *pair;
	struct arena *arena;
};

static void init__on_values(void *user, const struct postgres_result *result, const struct error *error)
{
	struct init_sample *sample = user;
	uint32_t rows = postgres_result_rows(result);
	const char **values;
	uint32_t count = 0;

	if (error)
		return;
	values = arena_calloc(sample->arena, MAPPING_INIT_VALUES_MAX, sizeof(const char *));
	for (uint32_t i = 0; values && i < rows && i < MAPPING_INIT_VALUES_MAX; i++) {
		const char *text = postgres_result_text(result, i, 0);
		const char *copy = text ? arena_strdup(sample->arena, text) : NULL;

		if (copy)
			values[count++] = copy;
	}
	sample->pair->values = values;
	sample->pair->values_count = count;
	sample->pair->more = rows > MAPPING_INIT_VALUES_MAX;
}

/* The classes that the first rows name. One table that cannot be read in time is no reason to write no file. */
static int init__sample(struct init_work *work, struct mapping_init_pair *pair, struct error *error)
{
	struct init_sample sample = {.pair = pair, .arena = &work->arena};
	struct buffer sql;
	int rc;

	buffer_init(&sql, SQL_SIZE_MAX);
	buffer_append_text(&sql, "SELECT DISTINCT v FROM (SELECT left(");
	sql_quote_identifier(&sql, pair->type->name);
	buffer_append_text(&sql, "::text, 200) AS v FROM ");
	sql_quote_qualified(&sql, pair->table->schema, pair->table->name);
	buffer_printf(&sql, " LIMIT %d) s WHERE v <> '' ORDER BY v LIMIT %d", SAMPLE_ROWS, MAPPING_INIT_VALUES_MAX + 1);
	rc = session_postgres_query(&work->postgres, buffer_text(&sql), NULL, 0, init__on_values, &sample, error);
	buffer_free(&sql);
	return work->postgres.lost ? rc : 0;
}

static int init__open(struct init_work *work, const struct mapping_settings *settings, struct error *error)
{
	char timeouts[96];
	int rc;

	*work = (struct init_work){0};
	arena_init(&work->arena, SAMPLE_SIZE_MAX);
	rc = session_loop_init(&work->loop, error);
	if (rc < 0)
		return rc;
	work->loop_ready = true;
	rc = session_postgres_open(&work->postgres, &work->loop, settings, false, error);
	if (rc == 0)
		rc = session_postgres_catalog(&work->postgres, &work->catalog, error);
	if (rc < 0)
		return rc;
	snprintf(timeouts, sizeof(timeouts), "SET statement_timeout = %d; SET lock_timeout = %d", SAMPLE_TIMEOUT_MS,
	         SAMPLE_LOCK_TIMEOUT_MS);
	rc = session_postgres_query(&work->postgres, timeouts, NULL, 0, NULL, NULL, error);
	mapping_init_find_pairs(&work->catalog, &work->pairs);
	for (uint32_t i = 0; i < work->pairs.count && rc == 0; i++)
		rc = init__sample(work, &work->pairs.items[i], error);
	return rc;
}

static void init__close(struct init_work *work)
{
	arena_free(&work->catalog.arena);
	arena_free(&work->arena);
	if (!work->loop_ready)
		return;
	session_postgres_close(&work->postgres);
	session_loop_close(&work->loop);
}

/* ---- a first file ---- */

static int init__first(const struct cli *cli, const struct mapping_init_options *wanted, struct error *error)
{
	const struct mapping_settings settings = {.postgres_url = wanted->postgres_url, .pipeline = "init"};
	struct mapping_init_options options = *wanted;
	struct init_work work;
	struct buffer yaml;
	int rc = init__open(&work, &settings, error);

	buffer_init(&yaml, INIT_SIZE_MAX);
	options.pairs = &work.pairs;
	if (rc == 0)
		rc = mapping_init(&work.catalog, &options, &yaml, error);
	if (rc == 0 && cli->json)
		cli_print_json(json_pack("{s:s}", "yaml", buffer_text(&yaml)));
	else if (rc == 0)
		fwrite(yaml.data, 1, yaml.size, stdout);
	buffer_free(&yaml);
	init__close(&work);
	return rc;
}

/* ---- a file that is there ---- */

static int init__system(struct error *error, const char *path)
{
	return error_set(error, ERR_SYSTEM, "%s: %s", path, strerror(errno));
}

static int init__write_all(int file, const struct buffer *text)
{
	for (size_t at = 0; at < text->size;) {
		ssize_t got = write(file, text->data + at, text->size - at);

		if (got < 0 && errno != EINTR)
			return -1;
		at += got > 0 ? (size_t)got : 0;
	}
	return fsync(file);
}

/* In one step: whoever reads the file finds the old one or the new one. A link is followed; mode and, for root, owner are kept.
 */
static int init__replace(const char *config, const struct buffer *text, struct error *error)
{
	char *path = realpath(config, NULL);
	struct stat old;
	char name[PATH_MAX + 8];
	int file, rc = 0;

	if (!path || stat(path, &old) != 0) {
		free(path);
		return init__system(error, config);
	}
	snprintf(name, sizeof(name), "%s.XXXXXX", path);
	file = mkstemp(name);
	if (file < 0) {
		rc = init__system(error, name);
	} else {
		if ((geteuid() == 0 && fchown(file, old.st_uid, old.st_gid) != 0) || fchmod(file, old.st_mode & 07777) != 0 ||
		    init__write_all(file, text) != 0)
			rc = init__system(error, name);
		if (close(file) != 0 && rc == 0)
			rc = init__system(error, name);
		if (rc == 0 && rename(name, path) != 0)
			rc = init__system(error, path);
		if (rc < 0)
			unlink(name);
	}
	free(path);
	return rc;
}

struct init_updated {
	struct buffer yaml;
	struct mapping_init_changes changes;
	struct error misfit; /* why the file does not fit the database; code OK where it does */
	bool differs;
};

/* What was made must read back; whether it fits the database is told, since what is gone from there only a person can take out.
 */
static int init__judge(const struct cli *cli, const struct init_work *work, struct init_updated *updated, struct error *error)
{
	struct mapping *mapping = NULL;
	struct plan *plan = NULL;
	int rc = cli_read_mapping(cli, &updated->yaml, "the file cannot be added to in this shape; nothing was touched",
	                          &mapping, error);

	if (rc < 0)
		return rc;
	if (session_compile(mapping, &work->catalog, &plan, &updated->misfit) == 0)
		updated->misfit.code = ERR_OK;
	if (plan)
		plan_free(plan);
	mapping_free(mapping);
	return 0;
}

static void init__print_json(const struct init_updated *updated, bool dry_run)
{
	json_t *changes = json_array();
	bool fits = updated->misfit.code == ERR_OK;

	for (const struct mapping_init_change *change = updated->changes.first; change; change = change->next)
		json_array_append_new(changes, json_pack("{s:s, s:s}", "kind", change->kind, "text", change->text));
	cli_print_json(json_pack("{s:b, s:o, s:s?, s:s?}", "written", updated->differs && !dry_run, "changes", changes,
	                         "misfit", fits ? NULL : updated->misfit.text, "yaml",
	                         dry_run ? buffer_text((struct buffer *)(uintptr_t)&updated->yaml) : NULL));
}

static void init__print(const struct cli *cli, const struct init_updated *updated, bool dry_run)
{
	/* A dry run prints the file, for a diff. */
	FILE *to = dry_run ? stderr : stdout;
	bool changes_graph = false;

	if (cli->json) {
		init__print_json(updated, dry_run);
		return;
	}
	if (dry_run)
		fwrite(updated->yaml.data, 1, updated->yaml.size, stdout);
	for (const struct mapping_init_change *change = updated->changes.first; change; change = change->next) {
		fprintf(to, "%-8s  %s\n", change->kind, change->text);
		changes_graph = changes_graph || strcmp(change->kind, "added") == 0 || strcmp(change->kind, "carried") == 0;
	}
	fprintf(to, "%s %s\n", cli->config,
	        !updated->differs ? "is up to date"
	        : dry_run         ? "would be changed (a dry run)"
	                          : "was brought up to date");
	if (changes_graph && !dry_run)
		fprintf(to, "look at it with pgweave plan; a graph that is there is loaded anew by pgweave run --resnapshot\n");
	if (updated->misfit.code)
		fprintf(stderr, "pgweave: it does not fit the database\n%s\n", updated->misfit.text);
}

static int init__update(struct cli *cli, const char *url, bool dry_run, bool *ret_fits, struct error *error)
{
	struct init_updated updated = {0};
	struct mapping_init_options options = {0};
	struct mapping_settings settings;
	struct init_work work;
	struct mapping *mapping;
	const char *text;
	size_t size;
	int rc = cli_load(cli, &mapping, error);

	if (rc < 0)
		return rc;
	settings = *mapping_settings(mapping);
	if (url)
		settings.postgres_url = url;
	buffer_init(&updated.yaml, INIT_SIZE_MAX);
	options.pairs = &work.pairs;
	rc = init__open(&work, &settings, error);
	if (rc == 0)
		rc = mapping_init_update(mapping, &work.catalog, &options, &updated.yaml, &updated.changes, error);
	if (rc == 0)
		rc = init__judge(cli, &work, &updated, error);
	text = mapping_text(mapping, &size);
	updated.differs = size != updated.yaml.size || memcmp(text, updated.yaml.data, size) != 0;
	if (rc == 0 && updated.differs && !dry_run)
		rc = init__replace(cli->config, &updated.yaml, error);
	if (rc == 0)
		init__print(cli, &updated, dry_run);
	*ret_fits = updated.misfit.code == ERR_OK;
	mapping_init_changes_free(&updated.changes);
	buffer_free(&updated.yaml);
	init__close(&work);
	mapping_free(mapping);
	return rc;
}

int cli_init(struct cli *cli, const struct cli_command *command, int argc, char **argv)
{
	const char *urls[2] = {NULL, NULL}, *pipeline = NULL, *user = NULL, *database = NULL;
	bool update = false, dry_run = false, fits = true;
	const struct cli_option options[] = {
	        {"pipeline", 'p', "NAME", "the pipeline's name; from the database's name unless said", NULL, &pipeline},
	        {"neo4j-user", 'u', "NAME", "Neo4j's user", NULL, &user},
	        {"neo4j-database", 'd', "NAME", "Neo4j's database", NULL, &database},
	        {"update", 0, NULL, "add what is new in the database to the mapping file, and keep all else in it", &update,
	         NULL},
	        {"dry-run", 0, NULL, "with --update: print the file as it would be, write nothing", &dry_run, NULL},
	};
	struct mapping_init_options first;
	struct error error;
	size_t count;
	int rc = cli_parse(cli, command, argc, argv, options, sizeof(options) / sizeof(*options), urls, 2, &count);

	if (rc >= 0)
		return rc;
	if (update && (pipeline || user || database || count > 1)) {
		error_set(&error, ERR_USAGE, "init --update changes neither the pipeline nor the connections");
		error_hint(&error, "edit %s", cli->config);
		return cli_fail(cli, &error);
	}
	if (!update && (count == 0 || dry_run)) {
		error_set(&error, ERR_USAGE, dry_run ? "--dry-run goes with --update" : "init needs PostgreSQL's URL");
		error_hint(&error, "pgweave init postgresql://user@host/database bolt://host > " CLI_CONFIG_DEFAULT);
		return cli_fail(cli, &error);
	}
	first = (struct mapping_init_options){
	        .pipeline = pipeline,
	        .postgres_url = urls[0],
	        .neo4j_url = urls[1],
	        .neo4j_user = user,
	        .neo4j_database = database,
	};
	rc = update ? init__update(cli, urls[0], dry_run, &fits, &error) : init__first(cli, &first, &error);
	if (rc < 0)
		return cli_fail(cli, &error);
	return fits ? 0 : CLI_EXIT_NOT_WELL;
}
