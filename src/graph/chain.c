#include "graph/chain.h"

#include <string.h>
#include <xxhash.h>

#define BUCKETS_FIRST 64

bool graph_cell_equal(const struct cell *a, const struct cell *b)
{
	return a->kind == b->kind && a->size == b->size && (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

bool graph_key_equal(const struct plan_table *table, const struct cell *a, const struct cell *b)
{
	for (uint32_t i = 0; i < table->key_count; i++)
		if (!graph_cell_equal(&a[i], &b[i]))
			return false;
	return true;
}

uint64_t graph_key_hash(const struct plan_table *table, const struct cell *key)
{
	uint64_t hash = table->index;

	for (uint32_t i = 0; i < table->key_count; i++)
		hash = XXH3_64bits_withSeed(key[i].data, key[i].size, hash + key[i].size);
	return hash;
}

void graph_chains_init(struct graph_chains *chains, const struct plan_table *table, struct arena *arena)
{
	*chains = (struct graph_chains){.table = table, .arena = arena};
	chains->last = &chains->first;
}

static struct graph_chain **chains__bucket(struct graph_chains *chains, const struct cell *key)
{
	return &chains->buckets[graph_key_hash(chains->table, key) & (chains->buckets_count - 1)];
}

static void chains__put(struct graph_chains *chains, struct graph_chain *chain)
{
	struct graph_chain **bucket = chains__bucket(chains, chain->now);

	chain->meets = *bucket;
	*bucket = chain;
}

static int chains__make_room(struct graph_chains *chains)
{
	uint64_t count = chains->buckets_count ? chains->buckets_count * 2 : BUCKETS_FIRST;

	if (chains->count < chains->buckets_count)
		return 0;
	chains->buckets = arena_calloc(chains->arena, count, sizeof(struct graph_chain *));
	if (!chains->buckets)
		return ERR_LIMIT;
	chains->buckets_count = count;
	for (struct graph_chain *chain = chains->first; chain; chain = chain->next)
		if (chain->now)
			chains__put(chains, chain);
	return 0;
}

/* Whether the row may be the one of which the change tells what it was. */
static bool chains__fits(const struct graph_chains *chains, const struct cell *row, const struct cell *old, bool old_is_full)
{
	const struct plan_table *table = chains->table;

	if (!graph_key_equal(table, row, old))
		return false;
	if (!table->key_deferrable)
		return true;
	for (uint32_t i = table->key_count; i < table->columns_count; i++) {
		bool told = old[i].kind == CELL_TEXT || (old[i].kind == CELL_NULL && old_is_full);

		if (told && row[i].kind != CELL_UNCHANGED && !graph_cell_equal(&row[i], &old[i]))
			return false;
	}
	return true;
}

/* Takes out the chain that has the key by now; NULL: no change before this one told of the row. */
static struct graph_chain *chains__take(struct graph_chains *chains, const struct change *change)
{
	const struct cell *old = change->old ? change->old : change->row;
	struct graph_chain **at = chains__bucket(chains, old), *chain;

	while (*at && !chains__fits(chains, (*at)->now, old, change->old && change->old_is_full))
		at = &(*at)->meets;
	chain = *at;
	if (chain)
		*at = chain->meets;
	return chain;
}

static struct graph_chain *chains__new(struct graph_chains *chains, const struct cell *was)
{
	struct graph_chain *chain = arena_calloc(chains->arena, 1, sizeof(*chain));

	if (!chain)
		return NULL;
	chain->was = was;
	*chains->last = chain;
	chains->last = &chain->next;
	chains->count++;
	return chain;
}

/* The row as the change has it; what it leaves open is as the chain has it. */
static const struct cell *chains__merge(struct graph_chains *chains, const struct graph_chain *chain, const struct cell *row)
{
	struct cell *merged = NULL;

	for (uint32_t i = 0; i < chains->table->columns_count && chain->now; i++) {
		if (row[i].kind != CELL_UNCHANGED || chain->now[i].kind == CELL_UNCHANGED)
			continue;
		if (!merged) {
			merged = arena_alloc(chains->arena, chains->table->columns_count * sizeof(*merged));
			if (!merged)
				return NULL;
			memcpy(merged, row, chains->table->columns_count * sizeof(*merged));
		}
		merged[i] = chain->now[i];
	}
	return merged ? merged : row;
}

struct graph_chain *graph_chains_add(struct graph_chains *chains, const struct change *change)
{
	struct graph_chain *chain = NULL;

	if (chains__make_room(chains) < 0)
		return NULL;
	if (change->kind != CHANGE_INSERT)
		chain = chains__take(chains, change);
	if (!chain && change->kind == CHANGE_INSERT)
		chain = chains__new(chains, NULL);
	else if (!chain)
		chain = chains__new(chains, change->old ? change->old : change->row);
	if (!chain)
		return NULL;
	chain->lsn = change->lsn;
	if (change->kind == CHANGE_DELETE) {
		chain->now = NULL;
		return chain;
	}
	chain->now = chains__merge(chains, chain, change->row);
	if (!chain->now)
		return NULL;
	chains__put(chains, chain);
	return chain;
}

void graph_chains_truncate(struct graph_chains *chains)
{
	for (struct graph_chain *chain = chains->first; chain; chain = chain->next)
		chain->now = NULL;
	for (uint64_t i = 0; i < chains->buckets_count; i++)
		chains->buckets[i] = NULL;
}
