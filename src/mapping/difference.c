#include "mapping/difference.h"

#include <stdlib.h>
#include <string.h>

#define DIFFERENCE_SIZE_MAX ((size_t)256 * 1024 * 1024)
#define STEPS_MAX 100000
#define WORDS_SIZE_MAX ((size_t)64 * 1024)

static const struct {
	const char *name;
	enum difference_when when;
} difference_kinds[] = {
#define X(name, text, when) [DIFFERENCE_##name] = {text, DIFFERENCE_##when},
        DIFFERENCE_KINDS(X)
#undef X
};
#define KINDS_COUNT (sizeof(difference_kinds) / sizeof(*difference_kinds))

const char *difference_kind_name(enum difference_kind kind)
{
	return difference_kinds[kind].name;
}

enum difference_when difference_when(enum difference_kind kind)
{
	return difference_kinds[kind].when;
}

/* One description set against the plan. */
struct differ {
	struct difference *difference;
	const struct plan *plan;
	const struct descriptions *all;
	const struct description *old;
	const struct description *now; /* the plan's own; its items are in the plan's order */
	struct arena arena;            /* for all that dies with the differ */
	int64_t *node_to;              /* old node -> the plan's, or -1 */
	int64_t *node_from;            /* the plan's -> old node, or -1 */
	int64_t *edge_to;
	int64_t *edge_from;
	struct buffer words;
	int rc; /* sticky */
};

/* A node or a relationship on both sides. */
struct pair {
	const char *words; /* what it is called: "Role", "(Role)-[T]->(Department)" */
	const char *label; /* as in struct difference_step, once labels and types have their new names */
	const char *type;
	const char *end;
	struct described_properties old_key;
	struct described_properties old_rest;
	struct described_properties now_key;
	struct described_properties now_rest;
	bool same_table;
	uint32_t table;
	const char **renamed; /* for each old property, the key's first: its new name, or NULL */
};

/* ---- steps ---- */

static void *differ__calloc(struct differ *differ, struct arena *arena, size_t count, size_t size)
{
	void *memory = arena_calloc(arena, count, size);

	if (!memory)
		differ->rc = ERR_NOMEM;
	return memory;
}

static const char *differ__words(struct differ *differ)
{
	const char *text = arena_strdup(&differ->difference->arena, buffer_text(&differ->words));

	if (!text || differ->words.failed)
		differ->rc = ERR_NOMEM;
	return text ? text : "";
}

static bool differ__same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool differ__has(const struct difference *difference, const struct difference_step *step)
{
	for (uint32_t i = 0; i < difference->count; i++) {
		const struct difference_step *other = difference->steps[i];

		if (other->kind == step->kind && differ__same_text(other->words, step->words) &&
		    differ__same_text(other->label, step->label) && differ__same_text(other->type, step->type) &&
		    differ__same_text(other->end, step->end) && differ__same_text(other->name, step->name))
			return true;
	}
	return false;
}

static int difference__add(struct difference *difference, const struct difference_step *step)
{
	struct difference_step *copy;

	if (differ__has(difference, step))
		return 0;
	if (difference->count == STEPS_MAX)
		return ERR_LIMIT;
	if (difference->count == difference->capacity) {
		uint32_t capacity = difference->capacity ? difference->capacity * 2 : 64;
		struct difference_step **steps = arena_calloc(&difference->arena, capacity, sizeof(*steps));

		if (!steps)
			return ERR_NOMEM;
		if (difference->count)
			memcpy(steps, difference->steps, difference->count * sizeof(struct difference_step *));
		difference->steps = steps;
		difference->capacity = capacity;
	}
	copy = arena_calloc(&difference->arena, 1, sizeof(*copy));
	if (!copy)
		return ERR_NOMEM;
	*copy = *step;
	difference->steps[difference->count++] = copy;
	return 0;
}

/* With what stands in differ->words as the step's words. */
static void differ__add(struct differ *differ, struct difference_step step)
{
	int rc;

	step.words = differ__words(differ);
	if (differ->rc)
		return;
	rc = difference__add(differ->difference, &step);
	if (rc < 0)
		differ->rc = rc;
}

static void differ__say(struct differ *differ, const char *words)
{
	buffer_reset(&differ->words);
	buffer_append_text(&differ->words, words);
}

/* What relationships led to and nothing leads to any more: a placeholder, or a node made of a value, goes. */
static void differ__placeholders(struct difference *difference, const struct plan *plan, const char *label, int *rc)
{
	struct difference_step step = {.kind = DIFFERENCE_PLACEHOLDERS, .label = label, .table = -1};
	int added;

	for (uint32_t i = 0; i < plan->nodes_count; i++) {
		const struct plan_node *node = &plan->nodes[i];

		if (!plan_node_is_value(node) || strcmp(node->label, label) != 0)
			continue;
		if (node->keep)
			return;
		step.kind = DIFFERENCE_UNUSED;
	}
	added = difference__add(difference, &step);

	if (added < 0)
		*rc = added;
}

static struct difference_step pair__step(const struct pair *pair, enum difference_kind kind)
{
	struct difference_step step = {.kind = kind, .label = pair->label, .type = pair->type, .end = pair->end, .table = -1};

	if (difference_when(kind) == DIFFERENCE_ROWS)
		step.table = pair->table;
	return step;
}

/* ---- properties ---- */

static const struct described_property *properties__at(const struct described_properties *key,
                                                       const struct described_properties *rest, uint32_t i)
{
	return i < key->count ? &key->items[i] : &rest->items[i - key->count];
}

static const struct described_property *pair__old(const struct pair *pair, uint32_t i)
{
	return properties__at(&pair->old_key, &pair->old_rest, i);
}

static const struct described_property *pair__now(const struct pair *pair, uint32_t i)
{
	return properties__at(&pair->now_key, &pair->now_rest, i);
}

static uint32_t pair__old_count(const struct pair *pair)
{
	return pair->old_key.count + pair->old_rest.count;
}

static uint32_t pair__now_count(const struct pair *pair)
{
	return pair->now_key.count + pair->now_rest.count;
}

static bool pair__same(const struct pair *pair, const struct described_property *old, const struct described_property *now)
{
	return strcmp(old->source, now->source) == 0 &&
	       (pair->same_table ? old->attnum == now->attnum : strcmp(old->column, now->column) == 0);
}

static int64_t pair__old_by_name(const struct pair *pair, const char *name)
{
	for (uint32_t i = 0; i < pair__old_count(pair); i++)
		if (strcmp(pair__old(pair, i)->name, name) == 0)
			return i;
	return -1;
}

static bool pair__now_has(const struct pair *pair, const char *name)
{
	for (uint32_t i = 0; i < pair__now_count(pair); i++)
		if (strcmp(pair__now(pair, i)->name, name) == 0)
			return true;
	return false;
}

/* An old property with the same value whose name goes; of another table only the name tells. */
static int64_t pair__renamed_from(const struct pair *pair, const struct described_property *now)
{
	for (uint32_t i = 0; pair->same_table && i < pair__old_count(pair); i++)
		if (!pair->renamed[i] && pair__same(pair, pair__old(pair, i), now) &&
		    !pair__now_has(pair, pair__old(pair, i)->name))
			return i;
	return -1;
}

/* True when the graph has its value, under its new name once the renames are done. */
static bool pair__is_carried(const struct pair *pair, const struct described_property *now)
{
	int64_t same = pair__old_by_name(pair, now->name);

	if (same >= 0)
		return !pair->same_table || pair__same(pair, pair__old(pair, (uint32_t)same), now);
	for (uint32_t i = 0; i < pair__old_count(pair); i++)
		if (pair->renamed[i] && strcmp(pair->renamed[i], now->name) == 0)
			return true;
	return false;
}

static const char *property__source(struct differ *differ, const struct described_property *property)
{
	const char *text = arena_printf(&differ->arena, "%s%s%s%s", property->columns ? "columns" : "column ",
	                                property->columns ? property->columns : property->column,
	                                property->converted ? "," : "", property->converted ? property->converted : "");

	if (!text)
		differ->rc = ERR_NOMEM;
	return text ? text : "";
}

static void pair__renames(struct differ *differ, struct pair *pair)
{
	for (uint32_t i = 0; i < pair__now_count(pair); i++) {
		const struct described_property *now = pair__now(pair, i);
		struct difference_step step = pair__step(pair, DIFFERENCE_PROPERTY_RENAMED);
		int64_t from;

		if (pair__old_by_name(pair, now->name) >= 0)
			continue;
		from = pair__renamed_from(pair, now);
		if (from < 0)
			continue;
		pair->renamed[from] = now->name;
		step.name = pair__old(pair, (uint32_t)from)->name;
		step.name_new = now->name;
		differ__say(differ, pair->words);
		buffer_printf(&differ->words, ": property %s is renamed to %s", step.name, step.name_new);
		differ__add(differ, step);
	}
}

static struct difference_key pair__key(struct differ *differ, const struct pair *pair, bool old)
{
	const struct described_properties *key = old ? &pair->old_key : &pair->now_key;
	const char **names = differ__calloc(differ, &differ->difference->arena, key->count, sizeof(*names));

	for (uint32_t i = 0; names && i < key->count; i++)
		names[i] = old && pair->renamed && pair->renamed[i] ? pair->renamed[i] : key->items[i].name;
	return (struct difference_key){.names = names, .count = names ? key->count : 0};
}

static bool pair__key_is_same(const struct pair *pair)
{
	if (pair->old_key.count != pair->now_key.count)
		return false;
	for (uint32_t i = 0; i < pair->now_key.count; i++) {
		bool found = false;

		for (uint32_t j = 0; j < pair->old_key.count && !found; j++)
			found = pair->same_table ? pair__same(pair, &pair->old_key.items[j], &pair->now_key.items[i])
			                         : strcmp(pair->old_key.items[j].name, pair->now_key.items[i].name) == 0;
		if (!found)
			return false;
	}
	return true;
}

/* What the rows have to bring, and what goes. */
static void pair__properties(struct differ *differ, const struct pair *pair)
{
	for (uint32_t i = 0; i < pair__now_count(pair); i++) {
		const struct described_property *now = pair__now(pair, i);
		bool there = pair__old_by_name(pair, now->name) >= 0;

		if (pair__is_carried(pair, now))
			continue;
		differ__say(differ, pair->words);
		buffer_printf(&differ->words,
		              there ? ": property %s is made anew (from %s)" : ": property %s is added (from %s)", now->name,
		              property__source(differ, now));
		differ__add(differ, pair__step(pair, there ? DIFFERENCE_PROPERTY_CHANGED : DIFFERENCE_PROPERTY_ADDED));
		differ->difference->load[pair->table] = true;
	}
	for (uint32_t i = 0; i < pair__old_count(pair); i++) {
		struct difference_step step = pair__step(pair, DIFFERENCE_PROPERTY_REMOVED);

		step.name = pair__old(pair, i)->name;
		if (pair->renamed[i] || pair__now_has(pair, step.name))
			continue;
		if (pair__key_is_same(pair))
			step.key = pair__key(differ, pair, false);
		differ__say(differ, pair->words);
		buffer_printf(&differ->words, ": property %s is removed", step.name);
		differ__add(differ, step);
	}
}

static bool pair__key_is_carried(const struct pair *pair)
{
	for (uint32_t i = 0; i < pair->now_key.count; i++)
		if (!pair__is_carried(pair, &pair->now_key.items[i]))
			return false;
	return true;
}

static void differ__key_words(struct buffer *words, const struct described_properties *key)
{
	for (uint32_t i = 0; i < key->count; i++) {
		const struct described_property *item = &key->items[i];

		buffer_printf(words, "%s%s", i ? ", " : "(", item->name);
		if (strcmp(item->name, item->column) != 0)
			buffer_printf(words, " from %s", item->column);
	}
	buffer_append_text(words, ")");
}

/* What was found by the old key and has no new one when the rows are there had no row any more. */
static void pair__keyless(struct differ *differ, const struct pair *pair)
{
	struct difference_step step = pair__step(pair, DIFFERENCE_KEYLESS_REMOVED);

	if (!pair->now_key.count)
		return;
	step.key = pair__key(differ, pair, true);
	step.key_new = pair__key(differ, pair, false);
	if (!differ->rc) {
		int rc = difference__add(differ->difference, &step);

		if (rc < 0)
			differ->rc = rc;
	}
}

/* ---- nodes ---- */

static uint32_t differ__table(const struct differ *differ, bool edge, uint32_t now)
{
	return edge ? differ->plan->edges[now]->table : differ->plan->nodes[now].table;
}

static void differ__load(struct differ *differ, bool edge, uint32_t now)
{
	uint32_t table = differ__table(differ, edge, now);

	differ->difference->load[table] = true;
	(edge ? differ->difference->sweep_edges : differ->difference->sweep_nodes)[now] = true;
	if (edge) {
		differ__placeholders(differ->difference, differ->plan, differ->now->edges[now].from.label, &differ->rc);
		differ__placeholders(differ->difference, differ->plan, differ->now->edges[now].to.label, &differ->rc);
	}
}

static void differ__refuse(struct differ *differ)
{
	differ__add(differ, (struct difference_step){.kind = DIFFERENCE_REFUSED, .table = -1});
}

/* True when some description has that label on another table: its nodes could not be told from those renamed to it. */
static bool differ__label_is_taken(const struct differ *differ, const char *label, uint32_t oid)
{
	for (uint32_t i = 0; i < differ->all->count; i++)
		for (uint32_t j = 0; j < differ->all->items[i].nodes_count; j++) {
			const struct described_node *node = &differ->all->items[i].nodes[j];

			if (node->table.oid != oid && strcmp(node->label, label) == 0)
				return true;
		}
	return false;
}

static bool differ__stays(const struct differ *differ, const char *label)
{
	for (uint32_t i = 0; i < differ->now->nodes_count; i++)
		if (strcmp(differ->now->nodes[i].label, label) == 0)
			return true;
	return false;
}

static void differ__node_label(struct differ *differ, const struct described_node *old, const struct described_node *now,
                               const struct pair *pair)
{
	struct difference_step step = {
	        .kind = DIFFERENCE_LABEL_RENAMED, .label = old->label, .name_new = now->label, .table = -1};

	if (strcmp(old->label, now->label) == 0)
		return;
	differ__say(differ, old->label);
	if (differ__label_is_taken(differ, now->label, old->table.oid) || differ__stays(differ, old->label)) {
		buffer_printf(&differ->words,
		              " cannot be renamed to %s in one go, since other nodes have one of these labels before or after: "
		              "take an interim label, and apply that first",
		              now->label);
		differ__refuse(differ);
		return;
	}
	buffer_printf(&differ->words, " is renamed to %s", now->label);
	step.key = pair__key(differ, pair, true);
	differ__add(differ, step);
}

static bool labels__have(const struct described_node *node, const char *label)
{
	for (uint32_t i = 0; i < node->labels_more_count; i++)
		if (strcmp(node->labels_more[i], label) == 0)
			return true;
	return false;
}

static bool labels__choose(const struct described_node *node, const char *label)
{
	for (uint32_t i = 0; i < node->labels_chosen_count; i++)
		if (strcmp(node->labels_chosen[i], label) == 0)
			return true;
	return false;
}

/* Which nodes have the others is for the load to say. */
static void differ__labels_chosen(struct differ *differ, const struct described_node *old, const struct described_node *now,
                                  const struct pair *pair)
{
	for (uint32_t i = 0; i < old->labels_chosen_count; i++) {
		struct difference_step step = pair__step(pair, DIFFERENCE_LABEL_REMOVED);

		step.name = old->labels_chosen[i];
		if (labels__have(now, step.name) || labels__choose(now, step.name))
			continue;
		step.key = pair__key(differ, pair, false);
		differ__say(differ, pair->words);
		buffer_printf(&differ->words, ": label %s is removed", step.name);
		differ__add(differ, step);
	}
}

static bool prefixes__have(const struct described_node *node, const char *prefix)
{
	for (uint32_t i = 0; i < node->prefixes_count; i++)
		if (strcmp(node->prefixes[i], prefix) == 0)
			return true;
	return false;
}

static void differ__prefixes(struct differ *differ, const struct described_node *old, const struct described_node *now,
                             const struct pair *pair)
{
	for (uint32_t i = 0; i < old->prefixes_count; i++) {
		struct difference_step step = pair__step(pair, DIFFERENCE_LABELS_REMOVED);

		step.name = old->prefixes[i];
		if (prefixes__have(now, step.name))
			continue;
		step.key = pair__key(differ, pair, false);
		differ__say(differ, pair->words);
		buffer_printf(&differ->words, ": labels that begin with %s are removed", step.name);
		differ__add(differ, step);
	}
}

static void differ__node_labels(struct differ *differ, const struct described_node *old, const struct described_node *now,
                                const struct pair *pair)
{
	for (int added = 0; added < 2; added++) {
		const struct described_node *of = added ? now : old, *other = added ? old : now;

		for (uint32_t i = 0; i < of->labels_more_count; i++) {
			struct difference_step step =
			        pair__step(pair, added ? DIFFERENCE_LABEL_ADDED : DIFFERENCE_LABEL_REMOVED);

			if (labels__have(other, of->labels_more[i]))
				continue;
			step.name = of->labels_more[i];
			step.key = pair__key(differ, pair, false);
			differ__say(differ, pair->words);
			buffer_printf(&differ->words, ": label %s is %s", step.name, added ? "added" : "removed");
			differ__add(differ, step);
		}
	}
}

/*
 * A property by which rows are found until they have the new key becomes one of these on the way, of the same type: nobody
 * could tell from a value which of the two it is.
 */
static bool pair__key_turns_into(const struct pair *pair, const struct described_properties *properties)
{
	for (uint32_t i = 0; i < pair->old_key.count; i++)
		for (uint32_t j = 0; j < properties->count; j++) {
			const struct described_property *old = &pair->old_key.items[i], *now = &properties->items[j];

			if (strcmp(old->name, now->name) == 0 && old->type.kind == now->type.kind &&
			    old->type.numeric_as == now->type.numeric_as && !pair__same(pair, old, now))
				return true;
		}
	return false;
}

/* A property that the new key is to be is there, as something else: no constraint could stand on it before the rows are loaded.
 */
static bool pair__key_is_taken(const struct pair *pair)
{
	for (uint32_t i = 0; i < pair->now_key.count; i++)
		for (uint32_t j = 0; j < pair->old_rest.count; j++)
			if (!pair__is_carried(pair, &pair->now_key.items[i]) &&
			    strcmp(pair->old_rest.items[j].name, pair->now_key.items[i].name) == 0)
				return true;
	return false;
}

/* Says why the key cannot become what it is to be in one go; false where it can. */
static bool differ__refuses_key(struct differ *differ, const struct pair *pair, bool node)
{
	bool taken, overwritten;

	if (pair__key_is_carried(pair))
		return false;
	taken = pair__key_is_taken(pair) || (node && (!pair->same_table || pair__key_turns_into(pair, &pair->now_key)));
	overwritten = pair->same_table && (pair__key_is_same(pair) || pair__key_turns_into(pair, &pair->now_rest));
	if (!taken && !overwritten)
		return false;
	differ__say(differ, pair->words);
	buffer_append_text(&differ->words, ": its key ");
	differ__key_words(&differ->words, &pair->now_key);
	buffer_append_text(&differ->words,
	                   taken ? " would mean something else than it does: give it another property's name"
	                         : " cannot get its name while the one that it has gets another meaning: do it in two changes");
	differ__refuse(differ);
	return true;
}

/* The column by the name that it has in the plan, should it have been renamed. */
static const char *differ__column(const struct differ *differ, uint32_t table, int16_t attnum, const char *name)
{
	const struct plan_table *mapped = &differ->plan->tables[table];

	for (uint32_t i = 0; i < mapped->columns_count; i++)
		if (mapped->columns[i].attnum == attnum)
			return mapped->columns[i].name;
	return name;
}

static struct difference_field *pair__fields(struct differ *differ, const struct pair *pair, uint32_t found_count,
                                             struct difference_rekey *rekey)
{
	struct difference_field *fields =
	        differ__calloc(differ, &differ->difference->arena, (size_t)found_count + pair->now_key.count, sizeof(*fields));

	for (uint32_t i = 0; fields && i < pair->now_key.count; i++)
		fields[found_count + i] = (struct difference_field){
		        .column = pair->now_key.items[i].column,
		        .type = pair->now_key.items[i].type,
		        .property = pair->now_key.items[i].name,
		};
	*rekey = (struct difference_rekey){.fields = fields};
	if (fields) {
		rekey->found_count = found_count;
		rekey->set_count = pair->now_key.count;
	}
	return fields;
}

static void pair__rekey_by_key(struct differ *differ, const struct pair *pair, struct difference_rekey *rekey)
{
	struct difference_field *fields = pair__fields(differ, pair, pair->old_key.count, rekey);

	for (uint32_t i = 0; fields && i < pair->old_key.count; i++) {
		const struct described_property *old = &pair->old_key.items[i];

		fields[i] = (struct difference_field){
		        .column = differ__column(differ, pair->table, old->attnum, old->column),
		        .type = old->type,
		        .property = pair->renamed[i] ? pair->renamed[i] : old->name,
		};
	}
}

static void differ__end_fields(const struct differ *differ, const struct plan_end *end, const struct plan_table *table,
                               struct difference_field *fields)
{
	const struct plan_node *node = &differ->plan->nodes[end->node];

	for (uint32_t i = 0; i < node->key_count; i++)
		fields[i] = (struct difference_field){
		        .column = table->columns[end->columns[i]].name,
		        .type = node->key[i].type,
		        .property = node->key[i].name,
		};
}

static void pair__rekey_by_ends(struct differ *differ, const struct pair *pair, const struct plan_edge *edge,
                                struct difference_rekey *rekey)
{
	const struct plan_table *table = &differ->plan->tables[edge->table];
	uint32_t from_count = differ->plan->nodes[edge->from.node].key_count;
	uint32_t to_count = differ->plan->nodes[edge->to.node].key_count;
	struct difference_field *fields = pair__fields(differ, pair, from_count + to_count, rekey);

	if (!fields)
		return;
	rekey->from_count = from_count;
	rekey->to_count = to_count;
	differ__end_fields(differ, &edge->from, table, fields);
	differ__end_fields(differ, &edge->to, table, fields + from_count);
}

static void differ__node_key(struct differ *differ, uint32_t now, const struct pair *pair)
{
	struct difference_step step = pair__step(pair, DIFFERENCE_KEY_CHANGED);

	if (differ__refuses_key(differ, pair, true) || pair__key_is_same(pair))
		return;
	differ__say(differ, pair->words);
	buffer_append_text(&differ->words, ": its key is ");
	differ__key_words(&differ->words, &pair->now_key);
	buffer_append_text(&differ->words, " instead of ");
	differ__key_words(&differ->words, &pair->old_key);
	if (!pair__key_is_carried(pair))
		pair__rekey_by_key(differ, pair, &step.rekey);
	differ__add(differ, step);
	differ->difference->skip[pair->table] = true;
	differ__load(differ, false, now);
	pair__keyless(differ, pair);
}

/* Rows that it takes no more go, with all that they make; those that are new to it come. */
static void differ__where(struct differ *differ, const struct pair *pair, const char *old, const char *now)
{
	int rc;

	if (differ__same_text(old, now))
		return;
	differ__say(differ, pair->words);
	if (now)
		buffer_printf(&differ->words, ": takes the rows where %s", now);
	else
		buffer_append_text(&differ->words, ": takes every row");
	differ__add(differ, pair__step(pair, DIFFERENCE_CHANGED));
	rc = difference_load(differ->difference, differ->plan, pair->table);
	if (rc < 0)
		differ->rc = rc;
}

/* The marks go: a person may ask for element ids again, and then all of them are written. */
static void differ__element_id_marks(struct differ *differ, const struct pair *pair)
{
	static const char *const marks[] = {MAPPING_LABEL_ELEMENT_ID, MAPPING_LABEL_ELEMENT_ID_TAKEN};

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++) {
		struct difference_step step = pair__step(pair, DIFFERENCE_LABEL_REMOVED);

		int rc;

		step.name = marks[i];
		step.key = pair__key(differ, pair, false);
		if (i == 0)
			differ__add(differ, step);
		else if (!differ->rc && (rc = difference__add(differ->difference, &step)) < 0)
			differ->rc = rc;
	}
}

/* A load marks every node, so that all element ids are written. */
static void differ__element_id(struct differ *differ, uint32_t now_at, const struct pair *pair,
                               const struct described_node *old)
{
	const struct described_node *now = &differ->now->nodes[now_at];
	const struct plan_element_id *element_id = differ->plan->nodes[now_at].element_id;
	bool elsewhere = now->element_id_beside && strcmp(old->label, now->label) != 0;

	if (differ__same_text(old->element_id, now->element_id) && !elsewhere)
		return;
	differ__say(differ, pair->words);
	if (!now->element_id || !element_id) {
		buffer_append_text(&differ->words, ": its element ids are not written to PostgreSQL any more");
		differ__element_id_marks(differ, pair);
		return;
	}
	if (element_id->column)
		buffer_printf(&differ->words, ": its element ids are written to its column %s", element_id->column);
	else
		buffer_printf(&differ->words, ": its element ids are written to table %s.%s", element_id->schema,
		              element_id->table);
	differ__add(differ, pair__step(pair, DIFFERENCE_CHANGED));
	differ->difference->load[pair->table] = true;
}

/* Everything is shown before the change and hidden behind it, so there is nothing else to be done. */
static void differ__missing(struct differ *differ, const struct described_node *old, const struct described_node *now,
                            const struct pair *pair)
{
	struct difference_step step = pair__step(pair, DIFFERENCE_MISSING_CHANGED);

	if (strcmp(old->missing, now->missing) == 0)
		return;
	step.name = old->missing;
	differ__say(differ, pair->words);
	buffer_printf(&differ->words, ": what leads to it without a row: %s instead of %s", now->missing, old->missing);
	differ__add(differ, step);
}

static void differ__further(struct differ *differ, bool edge, uint32_t now, const struct pair *pair, const char *old,
                            const char *further)
{
	if (strcmp(old, further) == 0)
		return;
	differ__say(differ, pair->words);
	buffer_append_text(&differ->words, ": is made otherwise");
	differ__add(differ, pair__step(pair, DIFFERENCE_CHANGED));
	differ__load(differ, edge, now);
}

static void differ__other_table(struct differ *differ, bool edge, uint32_t now, const struct pair *pair,
                                const struct described_table *old, const struct described_table *table)
{
	if (pair->same_table)
		return;
	differ__say(differ, pair->words);
	if (strcmp(old->schema, table->schema) == 0 && strcmp(old->name, table->name) == 0)
		buffer_printf(&differ->words, ": table %s.%s was dropped and made again", table->schema, table->name);
	else
		buffer_printf(&differ->words, ": comes from table %s.%s instead of %s.%s", table->schema, table->name,
		              old->schema, old->name);
	differ__add(differ, pair__step(pair, DIFFERENCE_CHANGED));
	differ->difference->skip[pair->table] = true;
	differ__load(differ, edge, now);
}

/* Every table with a relationship to the node is loaded: what they make is made anew. */
static void differ__load_leading(struct differ *differ, uint32_t node)
{
	for (uint32_t i = 0; i < differ->plan->edges_count; i++)
		if (plan_edge_has_end(differ->plan->edges[i], &differ->plan->nodes[node]))
			differ__load(differ, true, i);
}

/*
 * Of one made of values only names change in place: with values of another type, none of the old ones can be found by the new
 * ones. Its nodes come with the relationships that lead to them, and go when those have gone.
 */
static void differ__value_node(struct differ *differ, uint32_t now_at, const struct described_node *old, struct pair *pair)
{
	const struct described_node *now = &differ->now->nodes[now_at];
	struct difference_step step = pair__step(pair, DIFFERENCE_VALUES_CHANGED);

	pair->renamed = differ__calloc(differ, &differ->arena, pair__old_count(pair), sizeof(*pair->renamed));
	if (!pair->renamed)
		return;
	if (strcmp(old->key.items[0].source, now->key.items[0].source) != 0 || strcmp(old->further, now->further) != 0) {
		differ__say(differ, now->label);
		buffer_append_text(&differ->words, ": its values are of another type: it is made anew");
		step.key = pair__key(differ, pair, true);
		differ__add(differ, step);
		differ__load_leading(differ, now_at);
		return;
	}
	pair__renames(differ, pair);
	differ__node_labels(differ, old, now, pair);
	if (strcmp(old->value, now->value) == 0)
		return;
	differ__say(differ, now->label);
	if (differ->plan->nodes[now_at].keep)
		return;
	buffer_append_text(&differ->words, ": those that no relationship is left at are deleted");
	differ__add(differ, pair__step(pair, DIFFERENCE_UNUSED));
}

static void differ__node(struct differ *differ, uint32_t now_at, const struct described_node *old)
{
	const struct described_node *now = &differ->now->nodes[now_at];
	struct pair pair = {
	        .words = now->label,
	        .label = now->label,
	        .old_key = old->key,
	        .old_rest = old->properties,
	        .now_key = now->key,
	        .now_rest = now->properties,
	        .same_table = old->table.oid == now->table.oid,
	        .table = differ->plan->nodes[now_at].table,
	};

	if (!old->value != !now->value) {
		differ__say(differ, now->label);
		buffer_printf(&differ->words,
		              " cannot be made of %s instead of %s in one go: take another label, or take it out and apply "
		              "that first",
		              now->value ? "values" : "rows", now->value ? "rows" : "values");
		differ__refuse(differ);
		return;
	}
	if (now->value) {
		differ__value_node(differ, now_at, old, &pair);
		return;
	}
	differ__node_label(differ, old, now, &pair);
	pair.renamed = differ__calloc(differ, &differ->arena, pair__old_count(&pair), sizeof(*pair.renamed));
	if (!pair.renamed)
		return;
	pair__renames(differ, &pair);
	differ__node_labels(differ, old, now, &pair);
	differ__prefixes(differ, old, now, &pair);
	differ__labels_chosen(differ, old, now, &pair);
	differ__other_table(differ, false, now_at, &pair, &old->table, &now->table);
	differ__node_key(differ, now_at, &pair);
	pair__properties(differ, &pair);
	differ__where(differ, &pair, old->where, now->where);
	differ__missing(differ, old, now, &pair);
	differ__element_id(differ, now_at, &pair, old);
	differ__further(differ, false, now_at, &pair, old->further, now->further);
}

static void differ__node_added(struct differ *differ, uint32_t at)
{
	const struct described_node *now = &differ->now->nodes[at];
	const struct pair pair = {.label = now->label, .table = differ->plan->nodes[at].table};

	differ__say(differ, now->label);
	if (now->value) {
		struct difference_step step = pair__step(&pair, DIFFERENCE_NODE_ADDED);

		step.table = -1;
		buffer_append_text(&differ->words, " is added, made of values");
		differ__add(differ, step);
		return;
	}
	buffer_printf(&differ->words, " is added (table %s.%s)", now->table.schema, now->table.name);
	differ__add(differ, pair__step(&pair, DIFFERENCE_NODE_ADDED));
	differ->difference->skip[pair.table] = true;
	differ__load(differ, false, at);
}

static void differ__node_removed(struct differ *differ, const struct described_node *old)
{
	const struct pair pair = {.label = old->label, .old_key = old->key};
	struct difference_step step = pair__step(&pair, DIFFERENCE_NODE_REMOVED);
	const char **except = differ__calloc(differ, &differ->difference->arena, differ->plan->nodes_count, sizeof(*except));

	for (uint32_t i = 0; except && i < differ->now->nodes_count; i++)
		if (labels__have(&differ->now->nodes[i], old->label))
			except[step.except_count++] = differ->now->nodes[i].label;
	step.except = except;
	step.key = pair__key(differ, &pair, true);
	differ__say(differ, old->label);
	buffer_append_text(&differ->words, " leaves the mapping: its nodes are deleted");
	differ__add(differ, step);
}

/* First what is the same in both, then what has the table, then what has the label. */
static bool differ__nodes_match(const struct described_node *old, const struct described_node *now, int pass)
{
	bool label = strcmp(old->label, now->label) == 0;
	bool table = old->value || now->value ? label && old->value && now->value : old->table.oid == now->table.oid;

	return pass == 0 ? label && table : pass == 1 ? table : label;
}

static void differ__pair_nodes(struct differ *differ)
{
	for (int pass = 0; pass < 3; pass++)
		for (uint32_t i = 0; i < differ->old->nodes_count; i++)
			for (uint32_t j = 0; j < differ->now->nodes_count && differ->node_to[i] < 0; j++)
				if (differ->node_from[j] < 0 &&
				    differ__nodes_match(&differ->old->nodes[i], &differ->now->nodes[j], pass)) {
					differ->node_to[i] = j;
					differ->node_from[j] = i;
				}
}

static void differ__nodes(struct differ *differ)
{
	differ__pair_nodes(differ);
	for (uint32_t i = 0; i < differ->old->nodes_count; i++) {
		if (differ->node_to[i] < 0)
			differ__node_removed(differ, &differ->old->nodes[i]);
		else
			differ__node(differ, (uint32_t)differ->node_to[i], &differ->old->nodes[i]);
	}
	for (uint32_t i = 0; i < differ->now->nodes_count; i++)
		if (differ->node_from[i] < 0)
			differ__node_added(differ, i);
}

/* ---- relationships ---- */

/* The label that the graph has for an old one, once labels are renamed. */
static const char *differ__label(const struct differ *differ, const char *label)
{
	for (uint32_t i = 0; i < differ->old->nodes_count; i++)
		if (strcmp(differ->old->nodes[i].label, label) == 0 && differ->node_to[i] >= 0)
			return differ->now->nodes[differ->node_to[i]].label;
	return label;
}

static bool differ__same_end(const struct differ *differ, const struct described_end *old, const struct described_end *now,
                             bool same_table)
{
	if (strcmp(differ__label(differ, old->label), now->label) != 0 || old->columns_count != now->columns_count)
		return false;
	for (uint32_t i = 0; i < now->columns_count; i++)
		if (same_table ? old->columns[i].attnum != now->columns[i].attnum
		               : strcmp(old->columns[i].name, now->columns[i].name) != 0)
			return false;
	return true;
}

static bool differ__same_shape(const struct differ *differ, const struct described_edge *old, const struct described_edge *now)
{
	return strcmp(old->type, now->type) == 0 && strcmp(differ__label(differ, old->from.label), now->from.label) == 0 &&
	       strcmp(differ__label(differ, old->to.label), now->to.label) == 0;
}

static bool differ__same_ends(const struct differ *differ, const struct described_edge *old, const struct described_edge *now,
                              bool turned)
{
	bool same_table = old->table.oid == now->table.oid;

	return differ__same_end(differ, &old->from, turned ? &now->to : &now->from, same_table) &&
	       differ__same_end(differ, &old->to, turned ? &now->from : &now->to, same_table);
}

static bool differ__same_rows(const struct differ *differ, const struct described_edge *old, const struct described_edge *now,
                              bool turned)
{
	return old->table.oid == now->table.oid && strcmp(old->kind, now->kind) == 0 &&
	       differ__same_ends(differ, old, now, turned);
}

enum edge_pass {
	EDGE_PASS_SAME,
	EDGE_PASS_OTHER_TYPE,
	EDGE_PASS_TURNED,
	EDGE_PASS_TURNED_AND_OTHER_TYPE,
	EDGE_PASS_SAME_SHAPE,
	EDGE_PASSES,
};

static bool differ__edges_match(const struct differ *differ, const struct described_edge *old, const struct described_edge *now,
                                enum edge_pass pass)
{
	bool type = strcmp(old->type, now->type) == 0;
	/* what other rows make is another relationship, not one renamed: a type that a column chooses, for one */
	bool rows = differ__same_text(old->where, now->where);

	switch (pass) {
	case EDGE_PASS_SAME:
		return type && differ__same_rows(differ, old, now, false);
	case EDGE_PASS_OTHER_TYPE:
		return rows && differ__same_rows(differ, old, now, false);
	case EDGE_PASS_TURNED:
		return type && differ__same_rows(differ, old, now, true);
	case EDGE_PASS_TURNED_AND_OTHER_TYPE:
		return rows && differ__same_rows(differ, old, now, true);
	default:
		return differ__same_shape(differ, old, now);
	}
}

static void differ__pair_edges(struct differ *differ)
{
	for (int pass = 0; pass < EDGE_PASSES; pass++)
		for (uint32_t i = 0; i < differ->old->edges_count; i++)
			for (uint32_t j = 0; j < differ->now->edges_count && differ->edge_to[i] < 0; j++)
				if (differ->edge_from[j] < 0 &&
				    differ__edges_match(differ, &differ->old->edges[i], &differ->now->edges[j],
				                        (enum edge_pass)pass)) {
					differ->edge_to[i] = j;
					differ->edge_from[j] = i;
				}
}

static const char *differ__edge_words(struct differ *differ, const char *from, const char *type, const char *to)
{
	const char *words = arena_printf(&differ->arena, "(%s)-[%s]->(%s)", from, type, to);

	if (!words)
		differ->rc = ERR_NOMEM;
	return words ? words : "";
}

/*
 * Some old relationship, maybe the very one, looks as this one will, or some new one as this one did: they could not be told
 * apart half way.
 */
static bool differ__shape_is_taken(const struct differ *differ, const struct described_edge *old,
                                   const struct described_edge *now)
{
	for (uint32_t i = 0; i < differ->old->edges_count; i++)
		if (differ__same_shape(differ, &differ->old->edges[i], now))
			return true;
	for (uint32_t i = 0; i < differ->now->edges_count; i++)
		if (differ__same_shape(differ, old, &differ->now->edges[i]))
			return true;
	return false;
}

static void differ__edge_renamed(struct differ *differ, const struct described_edge *old, const struct described_edge *now,
                                 bool turned)
{
	const char *from = differ__label(differ, old->from.label), *to = differ__label(differ, old->to.label);
	struct difference_step step = {
	        .kind = DIFFERENCE_EDGE_RENAMED,
	        .label = from,
	        .type = old->type,
	        .end = to,
	        .name_new = now->type,
	        .turned = turned,
	        .table = -1,
	};
	bool type = strcmp(old->type, now->type) != 0;

	if (!type && !turned)
		return;
	differ__say(differ, differ__edge_words(differ, from, old->type, to));
	if (differ__shape_is_taken(differ, old, now)) {
		buffer_printf(&differ->words,
		              " cannot become (%s)-[%s]->(%s) in one go, since there are such relationships before or "
		              "after: take an interim type, and apply that first",
		              now->from.label, now->type, now->to.label);
		differ__refuse(differ);
		return;
	}
	if (type)
		buffer_printf(&differ->words, " is renamed to %s", now->type);
	if (turned)
		buffer_append_text(&differ->words, type ? " and turned round" : " is turned round");
	differ__add(differ, step);
}

/* In place where its rows can be found in the graph by what was known of them; else it is made anew. */
static void differ__edge_key(struct differ *differ, uint32_t now_at, const struct described_edge *old, const struct pair *pair)
{
	const struct described_edge *now = &differ->now->edges[now_at];
	struct difference_step step = pair__step(pair, DIFFERENCE_KEY_CHANGED);
	bool by_key = strcmp(old->kind, DESCRIBED_JOIN_KEYED) == 0, by_ends = strcmp(old->kind, DESCRIBED_JOIN_ENDS) == 0;

	if (differ__refuses_key(differ, pair, false) || pair__key_is_same(pair))
		return;
	differ__say(differ, pair->words);
	buffer_append_text(&differ->words, ": is told apart by ");
	if (pair->now_key.count)
		differ__key_words(&differ->words, &pair->now_key);
	else
		buffer_append_text(&differ->words, "its ends");
	if (!pair__key_is_carried(pair)) {
		if (by_key && pair->same_table && !pair__key_turns_into(pair, &pair->now_key))
			pair__rekey_by_key(differ, pair, &step.rekey);
		else if (by_ends && pair->same_table && differ__same_ends(differ, old, now, false))
			pair__rekey_by_ends(differ, pair, differ->plan->edges[now_at], &step.rekey);
		else
			buffer_append_text(&differ->words, " and made anew");
	}
	differ__add(differ, step);
	differ->difference->skip[pair->table] = true;
	differ__load(differ, true, now_at);
	pair__keyless(differ, pair);
}

static void differ__edge_ends(struct differ *differ, uint32_t now_at, const struct described_edge *old, const struct pair *pair,
                              bool turned)
{
	const struct described_edge *now = &differ->now->edges[now_at];

	if (!pair->same_table || differ__same_ends(differ, old, now, turned))
		return;
	differ__say(differ, pair->words);
	buffer_append_text(&differ->words, ": its ends are found by other columns");
	differ__add(differ, pair__step(pair, DIFFERENCE_EDGE_CHANGED));
	if (strcmp(now->kind, DESCRIBED_FOREIGN_KEY) != 0)
		differ->difference->skip[pair->table] = true;
	differ__load(differ, true, now_at);
}

static bool history__has(const struct described_edge *edge, const char *name)
{
	return edge->keeps_history && (strcmp(edge->history.from, name) == 0 || strcmp(edge->history.to, name) == 0 ||
	                               strcmp(edge->history.version, name) == 0);
}

/*
 * A property that is the history's on one side and a column's, or another of the history's, on the other: half way nobody could
 * tell which it is.
 */
static bool differ__history_collides(struct differ *differ, const struct described_edge *old, const struct described_edge *now,
                                     const struct pair *pair)
{
	const char *olds[] = {old->history.from, old->history.to, old->history.version};
	const char *nows[] = {now->history.from, now->history.to, now->history.version};
	const char *name = NULL;

	for (int i = 0; i < 3; i++) {
		if (now->keeps_history && !(old->keeps_history && strcmp(olds[i], nows[i]) == 0) &&
		    (pair__old_by_name(pair, nows[i]) >= 0 || history__has(old, nows[i])))
			name = nows[i];
		if (old->keeps_history && pair__now_has(pair, olds[i]))
			name = olds[i];
	}
	if (!name)
		return false;
	differ__say(differ, pair->words);
	buffer_printf(&differ->words,
	              ": %s cannot be a property of its history on one side of the change and another one on the other: take "
	              "another name, or an interim one, and apply that first",
	              name);
	differ__refuse(differ);
	return true;
}

static void differ__history_renamed(struct differ *differ, const struct described_edge *old, const struct described_edge *now,
                                    const struct pair *pair)
{
	const char *olds[] = {old->history.from, old->history.to, old->history.version};
	const char *nows[] = {now->history.from, now->history.to, now->history.version};

	for (int i = 0; i < 3; i++) {
		struct difference_step step = pair__step(pair, DIFFERENCE_PROPERTY_RENAMED);

		if (strcmp(olds[i], nows[i]) == 0)
			continue;
		step.name = olds[i];
		step.name_new = nows[i];
		differ__say(differ, pair->words);
		buffer_printf(&differ->words, ": property %s of its history is renamed to %s", step.name, step.name_new);
		differ__add(differ, step);
	}
}

static void differ__history_removed(struct differ *differ, const struct described_edge *old, const struct pair *pair)
{
	const char *names[] = {old->history.from, old->history.to, old->history.version};
	struct difference_step past = pair__step(pair, DIFFERENCE_HISTORY_REMOVED);

	past.name = old->history.to;
	differ__say(differ, pair->words);
	buffer_append_text(&differ->words, ": keeps no history any more: its past versions are deleted");
	differ__add(differ, past);
	for (int i = 0; i < 3; i++) {
		struct difference_step step = pair__step(pair, DIFFERENCE_PROPERTY_REMOVED);

		step.name = names[i];
		differ__say(differ, pair->words);
		buffer_printf(&differ->words, ": property %s of its history is removed", step.name);
		differ__add(differ, step);
	}
}

static void differ__history(struct differ *differ, uint32_t now_at, const struct described_edge *old, const struct pair *pair)
{
	const struct described_edge *now = &differ->now->edges[now_at];
	bool keyed = strcmp(old->kind, DESCRIBED_JOIN_KEYED) == 0;

	if ((!old->keeps_history && !now->keeps_history) || differ__history_collides(differ, old, now, pair))
		return;
	if (old->keeps_history && (!pair__key_is_same(pair) || (keyed && !now->keeps_history))) {
		differ__say(differ, pair->words);
		buffer_append_text(
		        &differ->words,
		        now->keeps_history
		                ? ": what tells it apart cannot change while it keeps its history, since past versions "
		                  "have no row to take it from"
		                : ": what it keeps of its history cannot be taken from it, since past versions have the "
		                  "key that only one may have");
		buffer_append_text(&differ->words, ": take it out of the file, apply that, and put it back");
		differ__refuse(differ);
	} else if (!old->keeps_history) {
		differ__say(differ, pair->words);
		buffer_append_text(&differ->words, ": keeps its history from now on");
		differ__add(differ, pair__step(pair, DIFFERENCE_CHANGED));
		differ__load(differ, true, now_at);
	} else if (!now->keeps_history) {
		differ__history_removed(differ, old, pair);
	} else {
		differ__history_renamed(differ, old, now, pair);
	}
}

static void differ__edge(struct differ *differ, uint32_t now_at, const struct described_edge *old)
{
	const struct described_edge *now = &differ->now->edges[now_at];
	bool turned = !differ__same_rows(differ, old, now, false) && differ__same_rows(differ, old, now, true);
	struct pair pair = {
	        .words = differ__edge_words(differ, now->from.label, now->type, now->to.label),
	        .label = now->from.label,
	        .type = now->type,
	        .end = now->to.label,
	        .old_key = old->key,
	        .old_rest = old->properties,
	        .now_key = now->key,
	        .now_rest = now->properties,
	        .same_table = old->table.oid == now->table.oid,
	        .table = differ->plan->edges[now_at]->table,
	};

	pair.renamed = differ__calloc(differ, &differ->arena, pair__old_count(&pair), sizeof(*pair.renamed));
	if (!pair.renamed)
		return;
	differ__edge_renamed(differ, old, now, turned);
	pair__renames(differ, &pair);
	differ__other_table(differ, true, now_at, &pair, &old->table, &now->table);
	differ__edge_ends(differ, now_at, old, &pair, turned);
	differ__edge_key(differ, now_at, old, &pair);
	pair__properties(differ, &pair);
	differ__where(differ, &pair, old->where, now->where);
	differ__history(differ, now_at, old, &pair);
	differ__further(differ, true, now_at, &pair, old->further, now->further);
}

static bool differ__table_was_mapped(const struct differ *differ, uint32_t oid)
{
	for (uint32_t i = 0; i < differ->old->nodes_count; i++)
		if (differ->old->nodes[i].table.oid == oid)
			return true;
	for (uint32_t i = 0; i < differ->old->edges_count; i++)
		if (differ->old->edges[i].table.oid == oid)
			return true;
	return false;
}

static void differ__edge_added(struct differ *differ, uint32_t at)
{
	const struct described_edge *now = &differ->now->edges[at];
	const struct pair pair = {
	        .label = now->from.label, .type = now->type, .end = now->to.label, .table = differ->plan->edges[at]->table};

	differ__say(differ, differ__edge_words(differ, now->from.label, now->type, now->to.label));
	buffer_printf(&differ->words, " is added (table %s.%s)", now->table.schema, now->table.name);
	differ__add(differ, pair__step(&pair, DIFFERENCE_EDGE_ADDED));
	if (!differ__table_was_mapped(differ, now->table.oid))
		differ->difference->skip[pair.table] = true;
	differ__load(differ, true, at);
}

/* A constraint is for the whole type: others of it could not be made while these have the same keys. */
static bool differ__is_in_the_way(const struct differ *differ, const struct described_edge *old)
{
	for (uint32_t i = 0; i < differ->now->edges_count; i++)
		if (strcmp(old->kind, DESCRIBED_JOIN_KEYED) == 0 &&
		    strcmp(differ->now->edges[i].kind, DESCRIBED_JOIN_KEYED) == 0 &&
		    strcmp(old->type, differ->now->edges[i].type) == 0)
			return true;
	return false;
}

/* A node that leaves takes its relationships along; what is left to do then is at the other end. */
static void differ__edge_removed(struct differ *differ, const struct described_edge *old)
{
	const char *from = differ__label(differ, old->from.label), *to = differ__label(differ, old->to.label);
	bool in_the_way = differ__is_in_the_way(differ, old);
	/* what is cleared is so before labels change */
	const struct pair pair = {
	        .label = in_the_way ? old->from.label : from, .type = old->type, .end = in_the_way ? old->to.label : to};
	bool from_stays = differ__stays(differ, from), to_stays = differ__stays(differ, to);

	if (from_stays)
		differ__placeholders(differ->difference, differ->plan, from, &differ->rc);
	if (to_stays)
		differ__placeholders(differ->difference, differ->plan, to, &differ->rc);
	if (!in_the_way && (!from_stays || !to_stays))
		return;
	differ__say(differ, differ__edge_words(differ, pair.label, old->type, pair.end));
	buffer_append_text(&differ->words, " leaves the mapping: such relationships are deleted");
	differ__add(differ, pair__step(&pair, in_the_way ? DIFFERENCE_EDGE_CLEARED : DIFFERENCE_EDGE_REMOVED));
}

static void differ__edges(struct differ *differ)
{
	differ__pair_edges(differ);
	for (uint32_t i = 0; i < differ->old->edges_count; i++) {
		if (differ->edge_to[i] < 0)
			differ__edge_removed(differ, &differ->old->edges[i]);
		else
			differ__edge(differ, (uint32_t)differ->edge_to[i], &differ->old->edges[i]);
	}
	for (uint32_t i = 0; i < differ->now->edges_count; i++)
		if (differ->edge_from[i] < 0)
			differ__edge_added(differ, i);
}

/* ---- the whole ---- */

static int64_t *differ__unpaired(struct differ *differ, uint32_t count)
{
	int64_t *indexes = differ__calloc(differ, &differ->arena, count, sizeof(*indexes));

	for (uint32_t i = 0; indexes && i < count; i++)
		indexes[i] = -1;
	return indexes;
}

static int differ__run(struct differ *differ)
{
	arena_init(&differ->arena, DIFFERENCE_SIZE_MAX);
	buffer_init(&differ->words, WORDS_SIZE_MAX);
	differ->node_to = differ__unpaired(differ, differ->old->nodes_count);
	differ->node_from = differ__unpaired(differ, differ->now->nodes_count);
	differ->edge_to = differ__unpaired(differ, differ->old->edges_count);
	differ->edge_from = differ__unpaired(differ, differ->now->edges_count);
	if (!differ->rc) {
		differ__nodes(differ);
		differ__edges(differ);
	}
	buffer_free(&differ->words);
	arena_free(&differ->arena);
	return differ->rc;
}

/* In the order of the kinds; within one as they were found. */
static int difference__sort(struct difference *difference)
{
	struct difference_step **sorted = arena_calloc(&difference->arena, difference->count, sizeof(*sorted));
	uint32_t count = 0;

	if (!sorted)
		return ERR_NOMEM;
	for (size_t kind = 0; kind < KINDS_COUNT; kind++)
		for (uint32_t i = 0; i < difference->count; i++)
			if (difference->steps[i]->kind == kind)
				sorted[count++] = difference->steps[i];
	difference->steps = sorted;
	difference->capacity = count;
	return 0;
}

static int difference__init(struct difference *difference, const struct plan *plan)
{
	*difference = (struct difference){0};
	arena_init(&difference->arena, DIFFERENCE_SIZE_MAX);
	difference->load = arena_calloc(&difference->arena, plan->tables_count, sizeof(bool));
	difference->skip = arena_calloc(&difference->arena, plan->tables_count, sizeof(bool));
	difference->sweep_nodes = arena_calloc(&difference->arena, plan->nodes_count, sizeof(bool));
	difference->sweep_edges = arena_calloc(&difference->arena, plan->edges_count, sizeof(bool));
	return difference->load && difference->skip && difference->sweep_nodes && difference->sweep_edges ? 0 : ERR_NOMEM;
}

static int difference__make(const struct descriptions *from, const struct plan *plan, struct difference *difference)
{
	uint32_t before = 0;
	int rc = 0;

	for (uint32_t i = 0; i < from->count && rc == 0; i++) {
		struct differ differ = {
		        .difference = difference,
		        .plan = plan,
		        .all = from,
		        .old = &from->items[i],
		        .now = &difference->now.items[0],
		};

		before = difference->count;
		rc = differ__run(&differ);
	}
	/* A change to yet another mapping was begun: which of its steps were taken is not known. */
	for (uint32_t i = 0; rc == 0 && from->count > 1 && difference->count > before && i < plan->tables_count; i++)
		rc = difference_load(difference, plan, i);
	return rc < 0 ? rc : difference__sort(difference);
}

int mapping_difference(const struct descriptions *from, const struct plan *plan, struct difference *difference)
{
	const struct descriptions none = {0};
	struct buffer json;
	int rc = difference__init(difference, plan);

	buffer_init(&json, DESCRIPTIONS_SIZE_MAX);
	if (rc == 0)
		rc = plan_describe_after(plan, &none, "", &json);
	if (rc == 0)
		rc = descriptions_read(json.data, json.size, &difference->now);
	if (rc == 0)
		rc = difference__make(from, plan, difference);
	buffer_free(&json);
	return rc;
}

void difference_free(struct difference *difference)
{
	arena_free(&difference->arena);
	arena_free(&difference->now.arena);
}

int difference_sweep(struct difference *difference, const struct plan *plan, uint32_t table)
{
	const struct plan_table *mapped = &plan->tables[table];
	int rc = 0;

	if (mapped->node)
		difference->sweep_nodes[mapped->node->index] = true;
	for (uint32_t i = 0; i < mapped->edges_count; i++) {
		difference->sweep_edges[mapped->edges[i]->index] = true;
		differ__placeholders(difference, plan, plan->nodes[mapped->edges[i]->from.node].label, &rc);
		differ__placeholders(difference, plan, plan->nodes[mapped->edges[i]->to.node].label, &rc);
	}
	return rc;
}

int difference_load(struct difference *difference, const struct plan *plan, uint32_t table)
{
	difference->load[table] = true;
	return difference_sweep(difference, plan, table);
}

const struct difference_step *difference_refused(const struct difference *difference)
{
	/* they are the first */
	return difference->count && difference->steps[0]->kind == DIFFERENCE_REFUSED ? difference->steps[0] : NULL;
}

static const struct difference_step *difference__renamed_to(const struct difference *difference, enum difference_kind kind,
                                                            const char *label, const char *type, const char *name_new)
{
	for (uint32_t i = 0; i < difference->count; i++) {
		const struct difference_step *step = difference->steps[i];

		if (step->kind == kind && (!label || strcmp(step->label, label) == 0) && differ__same_text(step->type, type) &&
		    strcmp(step->name_new, name_new) == 0)
			return step;
	}
	return NULL;
}

const char *difference_label_before(const struct difference *difference, const char *label)
{
	const struct difference_step *renamed = difference__renamed_to(difference, DIFFERENCE_LABEL_RENAMED, NULL, NULL, label);

	return renamed ? renamed->label : label;
}

/* Of a relationship that was renamed or turned round, how it was. */
static void difference__edge_before(const struct difference *difference, const struct difference_step *step,
                                    struct difference_step *before)
{
	for (uint32_t i = 0; i < difference->count; i++) {
		const struct difference_step *renamed = difference->steps[i];
		const char *from = renamed->turned ? renamed->end : renamed->label;
		const char *to = renamed->turned ? renamed->label : renamed->end;

		if (renamed->kind != DIFFERENCE_EDGE_RENAMED || renamed == step || strcmp(renamed->name_new, step->type) != 0 ||
		    strcmp(from, step->label) != 0 || strcmp(to, step->end) != 0)
			continue;
		before->label = renamed->label;
		before->type = renamed->type;
		before->end = renamed->end;
		return;
	}
}

static int difference__key_before(struct difference *difference, const struct difference_step *step, struct difference_key *key)
{
	const char **names = arena_calloc(&difference->arena, key->count, sizeof(*names));

	if (!names)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < key->count; i++) {
		const struct difference_step *renamed =
		        difference__renamed_to(difference, DIFFERENCE_PROPERTY_RENAMED, step->label, step->type, key->names[i]);

		names[i] = renamed ? renamed->name : key->names[i];
	}
	key->names = names;
	return 0;
}

int difference_step_before(struct difference *difference, const struct difference_step *step, struct difference_step *ret_step)
{
	*ret_step = *step;
	if (step->kind == DIFFERENCE_EDGE_CLEARED)
		return 0;
	if (step->type && step->kind != DIFFERENCE_EDGE_RENAMED)
		difference__edge_before(difference, step, ret_step);
	/* the label of a node that is renamed is the old one already */
	if (step->kind == DIFFERENCE_LABEL_RENAMED)
		return 0;
	ret_step->label = difference_label_before(difference, ret_step->label);
	if (ret_step->end)
		ret_step->end = difference_label_before(difference, ret_step->end);
	return difference__key_before(difference, step, &ret_step->key);
}
