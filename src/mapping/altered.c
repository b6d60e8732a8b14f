#include "mapping/altered.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALTERED_ARENA_MAX ((size_t)256 * 1024 * 1024)
#define ALTERATIONS_FIRST 16
#define WORDS_SIZE_MAX 1024

/* ---- remembering ---- */

/* jansson's *_set_new and *_append_new take the value even when they fail, so one flag is enough. */
static void remember__set(json_t *object, const char *key, json_t *value, bool *failed)
{
	*failed |= !value || json_object_set_new(object, key, value) != 0;
}

static json_t *remember__column(const struct catalog_column *column, bool *failed)
{
	json_t *object = json_object();

	remember__set(object, "attnum", json_integer(column->attnum), failed);
	remember__set(object, "name", json_string(column->name), failed);
	remember__set(object, "type_oid", json_integer(column->type_oid), failed);
	remember__set(object, "type", json_string(column->type_name), failed);
	remember__set(object, "not_null", json_boolean(column->not_null), failed);
	return object;
}

static void remember__attnums(struct buffer *text, const int16_t *attnums, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		buffer_printf(text, "%s%d", i ? "," : "", attnums[i]);
}

/* Those to tables of the plan: whether the other end of a relationship may be missing hangs on them. */
static json_t *remember__foreign_key(const struct catalog_foreign_key *key)
{
	struct buffer text;
	json_t *object;

	buffer_init(&text, WORDS_SIZE_MAX);
	remember__attnums(&text, key->attnums, key->attnums_count);
	buffer_append_text(&text, " to ");
	remember__attnums(&text, key->target_attnums, key->attnums_count);
	buffer_printf(&text, "%s%s %c", key->validated ? " valid" : "", key->deferrable ? " deferrable" : "", key->on_update);
	object = json_pack("{s:I, s:s}", "target", (json_int_t)key->target_oid, "words", buffer_text(&text));
	buffer_free(&text);
	return object;
}

static json_t *remember__primary_key(const struct catalog_table *table)
{
	struct buffer text;
	json_t *words;

	buffer_init(&text, WORDS_SIZE_MAX);
	if (table->keys_count && table->keys[0].primary)
		remember__attnums(&text, table->keys[0].attnums, table->keys[0].attnums_count);
	words = json_string(buffer_text(&text));
	buffer_free(&text);
	return words;
}

static json_t *remember__table(const struct catalog_table *table, const struct plan *plan, bool *failed)
{
	const char identity[] = {table->replica_identity, '\0'};
	const struct catalog_watch *watch = &table->watch;
	json_t *object = json_object(), *columns = json_array(), *foreign = json_array();

	for (uint32_t i = 0; i < table->columns_count; i++)
		*failed |= json_array_append_new(columns, remember__column(&table->columns[i], failed)) != 0;
	for (uint32_t i = 0; i < table->foreign_keys_count; i++)
		if (plan_table_by_oid(plan, table->foreign_keys[i].target_oid) >= 0)
			*failed |= json_array_append_new(foreign, remember__foreign_key(&table->foreign_keys[i])) != 0;
	remember__set(object, "oid", json_integer(table->oid), failed);
	remember__set(object, "schema", json_string(table->schema), failed);
	remember__set(object, "name", json_string(table->name), failed);
	remember__set(object, "identity", json_string(identity), failed);
	remember__set(object, "primary_key", remember__primary_key(table), failed);
	remember__set(object, "columns", columns, failed);
	remember__set(object, "foreign_keys", foreign, failed);
	remember__set(object, "leaves", json_string(watch->leaves ? watch->leaves : ""), failed);
	remember__set(object, "files", json_string(watch->files ? watch->files : ""), failed);
	remember__set(object, "attributes", json_string(watch->attributes ? watch->attributes : ""), failed);
	remember__set(object, "types", json_string(watch->types ? watch->types : ""), failed);
	return object;
}

static int remember__to_buffer(const char *bytes, size_t size, void *user)
{
	buffer_append(user, bytes, size);
	return 0;
}

int altered_remember(const struct plan *plan, const struct catalog *catalog, struct buffer *text)
{
	json_t *array = json_array();
	bool failed = false;

	for (uint32_t i = 0; i < plan->tables_count; i++) {
		const struct catalog_table *table = catalog_table_by_oid(catalog, plan->tables[i].oid);

		if (table)
			failed |= json_array_append_new(array, remember__table(table, plan, &failed)) != 0;
	}
	failed |= json_dump_callback(array, remember__to_buffer, text, JSON_COMPACT) != 0;
	json_decref(array);
	return failed || text->failed ? ERR_NOMEM : 0;
}

/* ---- comparing ---- */

struct comparer {
	struct alterations *alterations;
	struct alteration *items;
	uint32_t capacity;
	const struct catalog *catalog;
	const struct plan *plan; /* or NULL */
	int rc;
};

/* One table, then and now. */
struct compared {
	struct comparer *comparer;
	json_t *before;
	uint32_t oid;
	const struct catalog_table *now;
	const struct plan_table *planned; /* or NULL */
};

static void compare__fail(struct comparer *comparer, int rc)
{
	if (!comparer->rc)
		comparer->rc = rc;
}

static struct alteration *compare__new(struct comparer *comparer)
{
	struct alterations *alterations = comparer->alterations;
	uint32_t capacity = comparer->capacity ? comparer->capacity * 2 : ALTERATIONS_FIRST;

	if (alterations->count == comparer->capacity) {
		struct alteration *items = arena_calloc(&alterations->arena, capacity, sizeof(*items));

		if (!items) {
			compare__fail(comparer, ERR_NOMEM);
			return NULL;
		}
		if (alterations->count)
			memcpy(items, comparer->items, alterations->count * sizeof(*items));
		comparer->items = items;
		comparer->capacity = capacity;
		alterations->items = items;
	}
	return &comparer->items[alterations->count++];
}

static void compare__add(struct comparer *comparer, uint32_t oid, bool load, const char *words)
{
	struct alteration *alteration = comparer->rc ? NULL : compare__new(comparer);

	if (!alteration)
		return;
	*alteration = (struct alteration){
	        .oid = oid, .words = arena_strdup(&comparer->alterations->arena, words), .load = load && comparer->plan};
	if (!alteration->words)
		compare__fail(comparer, ERR_NOMEM);
}

static const char *compare__text(struct comparer *comparer, json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		compare__fail(comparer, ERR_PROTOCOL);
	return text ? text : "";
}

static int64_t compare__int(struct comparer *comparer, json_t *object, const char *key)
{
	json_t *value = json_object_get(object, key);

	if (!json_is_integer(value))
		compare__fail(comparer, ERR_PROTOCOL);
	return json_integer_value(value);
}

/* "public.orders: ..." */
static void _printf_like(3, 4) compare__say(struct compared *compared, bool load, const char *format, ...)
{
	struct comparer *comparer = compared->comparer;
	char words[WORDS_SIZE_MAX];
	va_list args;
	int size = snprintf(words, sizeof(words), "%s.%s: ", compare__text(comparer, compared->before, "schema"),
	                    compare__text(comparer, compared->before, "name"));

	va_start(args, format);
	if (size > 0 && (size_t)size < sizeof(words))
		vsnprintf(words + size, sizeof(words) - (size_t)size, format, args);
	va_end(args);
	compare__add(comparer, compared->oid, load, words);
}

/* What to do about the one just said. */
static void _printf_like(3, 4) compare__mend(struct compared *compared, const char *about, const char *format, ...)
{
	struct comparer *comparer = compared->comparer;
	struct arena *arena = &comparer->alterations->arena;
	struct alteration *alteration;
	char words[WORDS_SIZE_MAX];
	va_list args;

	if (comparer->rc)
		return;
	va_start(args, format);
	vsnprintf(words, sizeof(words), format, args);
	va_end(args);
	alteration = &comparer->items[comparer->alterations->count - 1];
	alteration->about = arena_strdup(arena, about);
	alteration->mend = arena_strdup(arena, words);
	if (!alteration->about || !alteration->mend)
		compare__fail(comparer, ERR_NOMEM);
}

static bool compare__is_read(const struct compared *compared, int16_t attnum)
{
	for (uint32_t i = 0; compared->planned && i < compared->planned->columns_count; i++)
		if (compared->planned->columns[i].attnum == attnum)
			return true;
	return false;
}

static void compare__column(struct compared *compared, json_t *before)
{
	struct comparer *comparer = compared->comparer;
	const char *name = compare__text(comparer, before, "name"), *type = compare__text(comparer, before, "type");
	int16_t attnum = (int16_t)compare__int(comparer, before, "attnum");
	const struct catalog_column *now = catalog_column_by_attnum(compared->now, attnum);
	bool not_null = json_is_true(json_object_get(before, "not_null"));

	if (comparer->rc)
		return;
	if (!now) {
		compare__say(compared, false, "column %s was dropped", name);
		compare__mend(
		        compared, name,
		        "take column %s out of the mapping (stream: {missing_columns: leave_out} does so for every property "
		        "that loses its column), or add it to the table again",
		        name);
		return;
	}
	if (strcmp(now->name, name) != 0) {
		compare__say(compared, false, "column %s is named %s now", name, now->name);
		compare__mend(compared, name, "write %s instead of %s in the mapping", now->name, name);
	}
	if (now->type_oid != (uint32_t)compare__int(comparer, before, "type_oid"))
		compare__say(compared, compare__is_read(compared, attnum), "column %s is %s now, it was %s", now->name,
		             now->type_name, type);
	else if (strcmp(now->type_name, type) != 0)
		compare__say(compared, false, "column %s is %s now, it was %s", now->name, now->type_name, type);
	if (now->not_null != not_null)
		compare__say(compared, false, "column %s may %s now", now->name, not_null ? "be NULL" : "not be NULL");
}

static bool compare__knows(json_t *columns, int16_t attnum)
{
	size_t i;
	json_t *column;

	json_array_foreach(columns, i, column) if (json_integer_value(json_object_get(column, "attnum")) == attnum) return true;
	return false;
}

static void compare__columns(struct compared *compared)
{
	json_t *columns = json_object_get(compared->before, "columns"), *column;
	size_t i;

	if (!json_is_array(columns))
		compare__fail(compared->comparer, ERR_PROTOCOL);
	json_array_foreach(columns, i, column) compare__column(compared, column);
	for (uint32_t c = 0; c < compared->now->columns_count; c++) {
		const struct catalog_column *now = &compared->now->columns[c];

		if (!compare__knows(columns, now->attnum))
			compare__say(compared, compare__is_read(compared, now->attnum), "column %s was added", now->name);
	}
}

/* Whether every line of `before` is in `now`: labels are added without harm. */
static bool compare__has_lines(const char *now, const char *before)
{
	while (*before) {
		size_t size = strcspn(before, "\n");
		const char *at = now;

		while (*at && (strcspn(at, "\n") != size || memcmp(at, before, size) != 0)) {
			at += strcspn(at, "\n");
			at += *at == '\n';
		}
		if (!*at)
			return false;
		before += size;
		before += *before == '\n';
	}
	return true;
}

/* What "1 733,2 741" says of the second: "741", to the comma or the end; NULL: nothing. */
static const char *compare__stamp(const char *attributes, int16_t attnum)
{
	while (*attributes) {
		char *end;

		if (strtol(attributes, &end, 10) == attnum)
			return end;
		attributes = end + strcspn(end, ",");
		attributes += *attributes == ',';
	}
	return NULL;
}

/* Whether a column that the plan reads was altered; one that is new shows by itself. */
static bool compare__is_altered(const struct compared *compared)
{
	const char *before = compare__text(compared->comparer, compared->before, "attributes");

	for (uint32_t i = 0; compared->planned && i < compared->planned->columns_count; i++) {
		int16_t attnum = compared->planned->columns[i].attnum;
		const char *then = compare__stamp(before, attnum);
		const char *now = compare__stamp(compared->now->watch.attributes, attnum);

		if (then && now && (strcspn(then, ",") != strcspn(now, ",") || memcmp(then, now, strcspn(then, ",")) != 0))
			return true;
	}
	return false;
}

/* One of the list in struct catalog_watch, and what stands behind its OID. */
struct leaf {
	uint32_t oid;
	const char *path;
	size_t size;
};

/* Takes the next one off the list; false at the end. What is no such list makes OIDs that no table has. */
static bool leaf__next(const char **list, struct leaf *leaf)
{
	char *end;

	if (!**list)
		return false;
	leaf->oid = (uint32_t)strtoul(*list, &end, 10);
	leaf->path = end;
	leaf->size = strcspn(end, ",");
	*list = end + leaf->size;
	*list += **list == ',';
	return true;
}

static bool leaf__equal(const struct leaf *a, const struct leaf *b)
{
	return a->oid == b->oid && a->size == b->size && memcmp(a->path, b->path, a->size) == 0;
}

/* How many of one list are not in the other, both by OID; theirs too, where there is room for them. */
static uint32_t leaves__less(const char *list, const char *others, uint32_t *oids)
{
	struct leaf leaf, other;
	bool any = leaf__next(&others, &other);
	uint32_t count = 0;

	while (leaf__next(&list, &leaf)) {
		while (any && other.oid < leaf.oid)
			any = leaf__next(&others, &other);
		if (any && leaf__equal(&leaf, &other))
			continue;
		if (oids)
			oids[count] = leaf.oid;
		count++;
	}
	return count;
}

/* One that was attached anew since has gone, and come with rows that nobody knows. */
static void compare__leaves(struct compared *compared, const char *before, const char *now)
{
	struct comparer *comparer = compared->comparer;
	uint32_t came = leaves__less(now, before, NULL), went = leaves__less(before, now, NULL);
	bool all = compare__is_altered(compared);
	struct alteration *alteration;
	uint32_t *oids;

	compare__say(compared, all, "partitions: %u attached or made, %u detached or dropped", came, went);
	if (comparer->rc || !comparer->plan || all)
		return;
	oids = arena_calloc(&comparer->alterations->arena, came, sizeof(*oids));
	if (!oids) {
		compare__fail(comparer, ERR_NOMEM);
		return;
	}
	alteration = &comparer->items[comparer->alterations->count - 1];
	alteration->sweep = went > 0;
	alteration->leaves = oids;
	alteration->leaves_count = leaves__less(now, before, oids);
}

/* Rows that changed without a change in the WAL. */
static void compare__rows(struct compared *compared)
{
	const struct catalog_watch *now = &compared->now->watch;
	json_t *before = compared->before;
	struct comparer *comparer = compared->comparer;

	if (!now->fingerprint)
		return;
	if (strcmp(now->leaves, compare__text(comparer, before, "leaves")) != 0)
		compare__leaves(compared, compare__text(comparer, before, "leaves"), now->leaves);
	else if (strcmp(now->files, compare__text(comparer, before, "files")) != 0 && compare__is_altered(compared))
		compare__say(compared, true, "its rows were rewritten");
	if (!compare__has_lines(now->types, compare__text(comparer, before, "types")))
		compare__say(compared, true, "a label of an enum, or a composite type, was changed");
}

static void compare__keys(struct compared *compared)
{
	struct comparer *comparer = compared->comparer;
	json_t *primary = remember__primary_key(compared->now);
	const char *identity = compare__text(comparer, compared->before, "identity");

	if (!primary)
		compare__fail(comparer, ERR_NOMEM);
	else if (strcmp(json_string_value(primary), compare__text(comparer, compared->before, "primary_key")) != 0)
		compare__say(compared, false, "its primary key is another one now");
	json_decref(primary);
	if (*identity == compared->now->replica_identity)
		return;
	compare__say(compared, false, "its replica identity is %s now",
	             compared->now->replica_identity == 'n'   ? "NOTHING"
	             : compared->now->replica_identity == 'f' ? "FULL"
	             : compared->now->replica_identity == 'i' ? "an index"
	                                                      : "DEFAULT");
}

/* Placeholders are kept, or not, by what stands behind an end: both ends' rows are looked at again. */
static void compare__foreign_keys(struct compared *compared)
{
	struct comparer *comparer = compared->comparer;
	json_t *before = json_object_get(compared->before, "foreign_keys"), *now = json_array(), *side, *key;
	size_t s, i;
	bool failed = !now;

	for (uint32_t f = 0; f < compared->now->foreign_keys_count; f++)
		if (plan_table_by_oid(comparer->plan, compared->now->foreign_keys[f].target_oid) >= 0)
			failed |= json_array_append_new(now, remember__foreign_key(&compared->now->foreign_keys[f])) != 0;
	if (failed || !json_is_array(before))
		compare__fail(comparer, failed ? ERR_NOMEM : ERR_PROTOCOL);
	else if (!json_equal(before, now)) {
		json_t *sides[] = {before, now};

		compare__say(compared, true, "its foreign keys are others now");
		for (s = 0; s < 2; s++) {
			side = sides[s];
			json_array_foreach(side, i, key) compare__add(comparer, (uint32_t)compare__int(comparer, key, "target"),
			                                              true, "what refers to it may be missing now, or may not");
		}
	}
	json_decref(now);
}

static void compare__table(struct comparer *comparer, json_t *before)
{
	struct compared compared = {
	        .comparer = comparer, .before = before, .oid = (uint32_t)compare__int(comparer, before, "oid")};
	const char *schema = compare__text(comparer, before, "schema"), *name = compare__text(comparer, before, "name");
	char table[WORDS_SIZE_MAX];
	int64_t index = comparer->plan ? plan_table_by_oid(comparer->plan, compared.oid) : -1;

	compared.now = catalog_table_by_oid(comparer->catalog, compared.oid);
	compared.planned = index < 0 ? NULL : &comparer->plan->tables[index];
	snprintf(table, sizeof(table), "%s.%s", schema, name);
	if (comparer->rc)
		return;
	if (!compared.now) {
		const struct catalog_table *again = catalog_table_by_name(comparer->catalog, schema, name);

		if (comparer->plan && (!again || plan_table_by_oid(comparer->plan, again->oid) < 0))
			return;
		compare__say(&compared, false,
		             again ? "the table was dropped and made again"
		                   : "the table was dropped, or made a partition of another one");
		compare__mend(&compared, table, "%s",
		              again ? "pgweave apply publishes it; then load everything anew: pgweave run --resnapshot"
		                    : "take it out of the mapping");
		return;
	}
	if (comparer->plan && !compared.planned)
		return; /* not mapped any more */
	if (strcmp(compared.now->schema, schema) != 0 || strcmp(compared.now->name, name) != 0) {
		compare__say(&compared, false, "the table is %s.%s now", compared.now->schema, compared.now->name);
		compare__mend(&compared, table, "write `table: %s.%s` in the mapping", compared.now->schema,
		              compared.now->name);
	}
	compare__columns(&compared);
	compare__keys(&compared);
	compare__rows(&compared);
	if (compared.planned && compared.planned->edges_count)
		compare__foreign_keys(&compared);
}

int altered_find(const char *text, size_t size, const struct catalog *catalog, const struct plan *plan,
                 struct alterations *alterations)
{
	struct comparer comparer = {.alterations = alterations, .catalog = catalog, .plan = plan};
	json_t *array, *table;
	size_t i;

	*alterations = (struct alterations){0};
	arena_init(&alterations->arena, ALTERED_ARENA_MAX);
	if (size > ALTERED_SIZE_MAX)
		return ERR_LIMIT;
	array = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
	if (!json_is_array(array))
		compare__fail(&comparer, ERR_PROTOCOL);
	json_array_foreach(array, i, table) compare__table(&comparer, table);
	json_decref(array);
	return comparer.rc;
}
