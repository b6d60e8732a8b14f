#include "graph/batch.h"

#include "graph/chain.h"
#include "graph/missing.h"
#include "graph/value.h"

#include <stdlib.h>
#include <string.h>

#define OPERATION_ROWS_MAX 5000
#define OPERATION_ROWS_FIRST 16
#define SLOTS_FIRST 1024
/* A batch keeps its table between rounds unless it grew beyond this. */
#define SLOTS_KEPT 65536

/* What becomes of one row in one segment. */
struct entity {
	struct graph_row row;
	uint64_t hash;
	const struct cell *renamed_from; /* the key that the row had before the segment; or NULL */
	uint64_t transaction;            /* the last one that touched it, by count */
	uint64_t since;                  /* the one that row.time_us is of */
	bool fresh;                      /* the graph holds nothing of it */
	bool deleted;
	struct entity *next;
};

struct rename {
	struct graph_row row;
	bool taken; /* another row has the old key by the end of the segment */
	struct rename *next;
};

/* Of one table in one segment. */
struct table_changes {
	struct entity *first;
	struct entity **last;
	struct rename *first_rename;
	struct rename **last_rename;
	bool tangled; /* some row takes a key that another one has until its own change */
	bool truncated;
	int64_t truncated_us;
};

struct segment {
	struct table_changes *tables;
	bool used;
	struct segment *next;
};

struct graph_batch {
	struct graph_statements *statements;
	const struct plan *plan;
	struct arena arena;
	struct arena scratch;      /* while a transaction is added */
	struct graph_chains *late; /* by table: changes that wait for the transaction's end; NULL: no table has such */
	struct segment *first;
	struct segment *current;
	struct entity **slots; /* of the current segment: open addressing by key */
	size_t slots_count;
	size_t entities_count;
	struct arena_mark operations_mark; /* what is behind it belongs to the operations */
	bool operations_made;
	uint64_t transactions;
	uint64_t changes;
	int64_t time_us; /* of the transaction that is being added */
};

struct graph_batch *graph_batch_new(struct graph_statements *statements, size_t size_max)
{
	struct graph_batch *batch = calloc(1, sizeof(*batch));

	if (!batch)
		return NULL;
	batch->statements = statements;
	batch->plan = statements->plan;
	arena_init(&batch->arena, size_max);
	arena_init(&batch->scratch, size_max);
	return batch;
}

void graph_batch_free(struct graph_batch *batch)
{
	if (!batch)
		return;
	arena_free(&batch->arena);
	arena_free(&batch->scratch);
	free(batch->slots);
	free(batch);
}

void graph_batch_reset(struct graph_batch *batch)
{
	arena_reset(&batch->arena);
	batch->first = NULL;
	batch->current = NULL;
	batch->operations_made = false;
	batch->entities_count = 0;
	batch->transactions = 0;
	batch->changes = 0;
	if (batch->slots_count > SLOTS_KEPT) {
		free(batch->slots);
		batch->slots = NULL;
		batch->slots_count = 0;
	}
}

uint64_t graph_batch_changes(const struct graph_batch *batch)
{
	return batch->changes;
}

size_t graph_batch_size(const struct graph_batch *batch)
{
	return batch->arena.used;
}

bool graph_batch_fits(const struct graph_batch *batch, size_t transaction_size)
{
	/* cells are copied once, and an entity and its rows in the statements cost about as much as a small row again */
	return transaction_size <= (batch->arena.size_max - batch->arena.used) / 4;
}

/* ---- segments and their table of entities ---- */

static struct entity *batch__find(struct graph_batch *batch, const struct plan_table *table, const struct cell *key);

/* Before the current segment's table of entities goes. */
static void batch__mark_taken(struct graph_batch *batch)
{
	for (uint32_t i = 0; batch->current && i < batch->plan->tables_count; i++)
		for (struct rename *rename = batch->current->tables[i].first_rename; rename; rename = rename->next) {
			const struct entity *entity = batch__find(batch, &batch->plan->tables[i], rename->row.old);

			rename->taken = entity && !entity->deleted;
		}
}

static int batch__new_segment(struct graph_batch *batch)
{
	struct segment *segment = arena_calloc(&batch->arena, 1, sizeof(*segment));

	if (!segment)
		return ERR_LIMIT;
	segment->tables = arena_calloc(&batch->arena, batch->plan->tables_count, sizeof(*segment->tables));
	if (!segment->tables)
		return ERR_LIMIT;
	for (uint32_t i = 0; i < batch->plan->tables_count; i++) {
		segment->tables[i].last = &segment->tables[i].first;
		segment->tables[i].last_rename = &segment->tables[i].first_rename;
	}
	batch__mark_taken(batch);
	if (batch->current)
		batch->current->next = segment;
	else
		batch->first = segment;
	batch->current = segment;
	batch->entities_count = 0;
	if (batch->slots)
		memset(batch->slots, 0, batch->slots_count * sizeof(*batch->slots));
	return 0;
}

/* The slot that holds the row's entity, or the empty one where it belongs. There is always an empty one. */
static struct entity **batch__slot(struct graph_batch *batch, const struct plan_table *table, const struct cell *key,
                                   uint64_t hash)
{
	size_t mask = batch->slots_count - 1;

	for (size_t i = hash & mask;; i = (i + 1) & mask) {
		struct entity *entity = batch->slots[i];

		if (!entity || (entity->hash == hash && entity->row.table == table->index &&
		                graph_key_equal(table, entity->row.cells, key)))
			return &batch->slots[i];
	}
}

static int batch__make_room(struct graph_batch *batch)
{
	size_t count = batch->slots_count ? batch->slots_count * 2 : SLOTS_FIRST;
	struct entity **slots, **old = batch->slots;
	size_t old_count = batch->slots_count;

	if (batch->slots_count && batch->entities_count < batch->slots_count / 4 * 3)
		return 0;
	slots = calloc(count, sizeof(*slots));
	if (!slots)
		return ERR_NOMEM;
	batch->slots = slots;
	batch->slots_count = count;
	for (size_t i = 0; i < old_count; i++)
		if (old[i])
			*batch__slot(batch, &batch->plan->tables[old[i]->row.table], old[i]->row.cells, old[i]->hash) = old[i];
	free(old);
	return 0;
}

static struct entity *batch__find(struct graph_batch *batch, const struct plan_table *table, const struct cell *key)
{
	if (!batch->slots_count)
		return NULL;
	return *batch__slot(batch, table, key, graph_key_hash(table, key));
}

/* Copies cells and their bytes; what is UNCHANGED takes its value from `earlier` where that is given. */
static struct cell *batch__copy(struct graph_batch *batch, const struct cell *cells, uint32_t count, const struct cell *earlier)
{
	size_t size = count * sizeof(*cells);
	struct cell *copy;
	char *bytes;

	for (uint32_t i = 0; i < count; i++)
		if (cells[i].kind == CELL_TEXT)
			size += cells[i].size;
	copy = arena_alloc(&batch->arena, size);
	if (!copy)
		return NULL;
	bytes = (char *)(copy + count);
	for (uint32_t i = 0; i < count; i++) {
		copy[i] = (struct cell){.kind = cells[i].kind};
		if (cells[i].kind == CELL_UNCHANGED && earlier) {
			copy[i] = earlier[i];
		} else if (cells[i].kind == CELL_TEXT) {
			memcpy(bytes, cells[i].data, cells[i].size);
			copy[i].data = bytes;
			copy[i].size = cells[i].size;
			bytes += cells[i].size;
		}
	}
	return copy;
}

/* Finds or makes the entity of that key in the current segment. A new one has no cells yet but the key's. */
static int batch__entity(struct graph_batch *batch, const struct plan_table *table, const struct cell *cells,
                         struct entity **ret_entity, bool *ret_new)
{
	struct table_changes *changes = &batch->current->tables[table->index];
	uint64_t hash = graph_key_hash(table, cells);
	struct entity **slot, *entity;
	int rc = batch__make_room(batch);

	if (rc < 0)
		return rc;
	slot = batch__slot(batch, table, cells, hash);
	*ret_new = !*slot;
	*ret_entity = *slot;
	if (*slot)
		return 0;
	entity = arena_calloc(&batch->arena, 1, sizeof(*entity));
	if (!entity)
		return ERR_LIMIT;
	entity->row.table = table->index;
	entity->hash = hash;
	*slot = entity;
	batch->entities_count++;
	*changes->last = entity;
	changes->last = &entity->next;
	batch->current->used = true;
	*ret_entity = entity;
	return 0;
}

/* ---- changes ---- */

static bool batch__becomes_true(const struct condition *where, const struct cell *before, const struct cell *now)
{
	return where && condition_decide(where, before) != CONDITION_TRUE && condition_decide(where, now) == CONDITION_TRUE;
}

/* Whether something of the table takes the row now that did not take it as it was. */
static bool batch__comes_back(const struct plan_table *table, const struct cell *before, const struct cell *now)
{
	bool back = table->node && batch__becomes_true(table->node->where, before, now);

	for (uint32_t i = 0; i < table->edges_count && !back; i++)
		back = batch__becomes_true(table->edges[i]->where, before, now);
	return back;
}

/* Whether the table's nodes stay when their rows go. */
static bool batch__stays(const struct plan_table *table)
{
	return table->node && table->node->deleted_label;
}

static bool batch__leaves(const struct plan_table *table, const struct cell *before, const struct cell *now)
{
	return batch__stays(table) && batch__becomes_true(table->node->where, now, before);
}

static bool batch__keeps_history(const struct plan_table *table)
{
	bool keeps = false;

	for (uint32_t i = 0; i < table->edges_count; i++)
		keeps |= table->edges[i]->history != NULL;
	return keeps;
}

static bool batch__cell_stays(const struct cell *before, const struct cell *now)
{
	return now->kind == CELL_UNCHANGED || graph_cell_equal(before, now);
}

static bool batch__same_end(const struct plan_end *end, const struct cell *before, const struct cell *now)
{
	for (uint32_t i = 0; i < end->by_count; i++)
		if (!batch__cell_stays(&before[end->columns[i]], &now[end->columns[i]]))
			return false;
	return true;
}

static bool batch__same_verdict(const struct condition *where, const struct cell *before, const struct cell *now)
{
	return !where || condition_decide(where, before) == condition_decide(where, now);
}

static bool batch__same_property(const struct plan_property *property, const struct cell *before, const struct cell *now)
{
	const struct concatenation *parts = property->concatenation;
	bool same = true;

	if (!parts)
		return batch__cell_stays(&before[property->column], &now[property->column]);
	for (uint32_t i = 0; i < parts->count && same; i++)
		same = batch__cell_stays(&before[parts->columns[i]], &now[parts->columns[i]]);
	return same;
}

static bool batch__same_version(const struct plan_edge *edge, const struct cell *before, const struct cell *now)
{
	bool same = batch__same_end(&edge->from, before, now) && batch__same_end(&edge->to, before, now) &&
	            batch__same_verdict(edge->where, before, now);

	for (uint32_t i = 0; i < edge->properties_count && same; i++)
		same = batch__same_property(&edge->properties[i], before, now);
	return same;
}

/* Whether an earlier transaction has left a version of the row in the batch that this one ends. */
static bool batch__ends_version(const struct graph_batch *batch, const struct plan_table *table, const struct entity *entity,
                                const struct cell *now)
{
	bool ends = entity->deleted || !batch__same_verdict(table->node ? table->node->where : NULL, entity->row.cells, now);

	if (entity->since == batch->transactions || !batch__keeps_history(table))
		return false;
	for (uint32_t i = 0; i < table->edges_count && !ends; i++)
		ends = table->edges[i]->history && !batch__same_version(table->edges[i], entity->row.cells, now);
	return ends;
}

static int batch__upsert(struct graph_batch *batch, const struct plan_table *table, const struct change *change, bool insert)
{
	const struct cell *earlier, *cells;
	struct entity *entity;
	bool new;
	int rc = batch__entity(batch, table, change->row, &entity, &new);

	if (rc < 0)
		return rc;
	earlier = new || entity->deleted ? NULL : entity->row.cells;
	cells = batch__copy(batch, change->row, table->columns_count, earlier);
	if (!cells)
		return ERR_LIMIT;
	/*
	 * what one transaction took away and a later one made again is another node: its graph-only parts do not come back; and
	 * what stays in the graph stays as the transactions before have left it
	 */
	if (!new && ((!entity->fresh && entity->transaction != batch->transactions &&
	              (entity->deleted || batch__comes_back(table, entity->row.cells, cells) ||
	               batch__leaves(table, entity->row.cells, cells))) ||
	             batch__ends_version(batch, table, entity, cells))) {
		rc = batch__new_segment(batch);
		if (rc == 0)
			rc = batch__entity(batch, table, change->row, &entity, &new);
		if (rc < 0)
			return rc;
	}
	if (new) {
		entity->fresh = insert;
		entity->since = batch->transactions;
		entity->row.time_us = batch->time_us;
	}
	entity->row.cells = cells;
	entity->row.renewed |= change->kind == CHANGE_INSERT;
	entity->deleted = false;
	entity->transaction = batch->transactions;
	entity->row.lsn = change->lsn;
	return 0;
}

static int batch__delete(struct graph_batch *batch, const struct plan_table *table, const struct change *change)
{
	struct entity *entity;
	bool new;
	int rc = batch__entity(batch, table, change->old, &entity, &new);

	/* what stays in the graph, node or versions, stays as the transactions before have left it */
	if (rc == 0 && !new && !entity->deleted &&
	    ((entity->transaction != batch->transactions && batch__stays(table)) ||
	     (entity->since != batch->transactions && batch__keeps_history(table)))) {
		rc = batch__new_segment(batch);
		if (rc == 0)
			rc = batch__entity(batch, table, change->old, &entity, &new);
	}
	if (rc < 0)
		return rc;
	if (new) {
		entity->since = batch->transactions;
		entity->row.time_us = batch->time_us;
		entity->row.cells = batch__copy(batch, change->old, table->columns_count, NULL);
		if (!entity->row.cells)
			return ERR_LIMIT;
	}
	entity->deleted = true;
	entity->transaction = batch->transactions;
	entity->row.lsn = change->lsn;
	return 0;
}

/*
 * Whether rows have changed that find their relationships by the keys which the table's nodes have by now: of join tables, and
 * versions that lead to these keys and have to be opened before the keys change.
 */
static bool batch__ends_wait(const struct graph_batch *batch, const struct plan_table *table)
{
	for (uint32_t i = 0; i < batch->plan->edges_count && table->node; i++) {
		const struct plan_edge *edge = batch->plan->edges[i];

		if ((edge->kind == PLAN_EDGE_JOIN_ENDS || edge->history) && batch->current->tables[edge->table].first &&
		    (edge->from.node == table->node->index || edge->to.node == table->node->index))
			return true;
	}
	return false;
}

/*
 * A join row that follows the changed key of one of its ends: the relationship has gone along with the node, so it is found by
 * the end's new key. By the old one, another node may be found that has taken it.
 */
static int batch__follow_end(struct graph_batch *batch, const struct plan_end *end, struct cell *old, const struct cell *row)
{
	const struct plan_table *table = &batch->plan->tables[batch->plan->nodes[end->node].table];
	struct cell *key = arena_alloc(&batch->arena, table->key_count * sizeof(*key));
	const struct entity *entity;

	if (!key)
		return ERR_LIMIT;
	for (uint32_t i = 0; i < table->key_count; i++)
		key[i] = row[end->columns[i]];
	entity = batch__find(batch, table, key);
	if (!entity || !entity->renamed_from)
		return 0;
	for (uint32_t i = 0; i < table->key_count; i++)
		if (!graph_cell_equal(&entity->renamed_from[i], &old[end->columns[i]]))
			return 0;
	for (uint32_t i = 0; i < table->key_count; i++)
		old[end->columns[i]] = key[i];
	return 0;
}

static int batch__follow_ends(struct graph_batch *batch, const struct plan_table *table, struct cell *old,
                              const struct cell *row)
{
	int rc = 0;

	for (uint32_t i = 0; i < table->edges_count && rc == 0; i++) {
		const struct plan_edge *edge = table->edges[i];

		if (edge->kind != PLAN_EDGE_JOIN_ENDS)
			continue;
		if (edge->from.enforced && !edge->from.stays)
			rc = batch__follow_end(batch, &edge->from, old, row);
		if (rc == 0 && edge->to.enforced && !edge->to.stays)
			rc = batch__follow_end(batch, &edge->to, old, row);
	}
	return rc;
}

/* A row whose key has changed, in a segment that holds nothing yet of who had or has either key. */
static int batch__rename(struct graph_batch *batch, const struct plan_table *table, const struct graph_chain *chain)
{
	struct table_changes *changes = &batch->current->tables[table->index];
	struct change change = {.kind = CHANGE_UPDATE, .table = table->index, .row = chain->now, .lsn = chain->lsn};
	struct rename *rename = arena_calloc(&batch->arena, 1, sizeof(*rename));
	struct entity *entity;
	struct cell *old;
	int rc;

	if (!rename)
		return ERR_LIMIT;
	rename->row.table = table->index;
	rename->row.lsn = chain->lsn;
	rename->row.time_us = batch->time_us;
	old = batch__copy(batch, chain->was, table->columns_count, NULL);
	rename->row.old = old;
	rename->row.cells = batch__copy(batch, chain->now, table->columns_count, NULL);
	if (!rename->row.old || !rename->row.cells)
		return ERR_LIMIT;
	rc = batch__follow_ends(batch, table, old, rename->row.cells);
	if (rc < 0)
		return rc;
	/* a row before this one has the key that this one gives up */
	changes->tangled |= batch__find(batch, table, rename->row.old) != NULL;
	*changes->last_rename = rename;
	changes->last_rename = &rename->next;
	batch->current->used = true;
	rc = batch__upsert(batch, table, &change, false);
	if (rc < 0)
		return rc;
	entity = batch__find(batch, table, chain->now);
	entity->renamed_from = rename->row.old;
	entity->row.renewed = true;
	return 0;
}

static bool batch__is_renamed(const struct plan_table *table, const struct graph_chain *chain)
{
	return chain->was && chain->now && !graph_key_equal(table, chain->was, chain->now);
}

/* Whether the segment has something of a row that had or has one of the keys. */
static bool batch__meets(struct graph_batch *batch, const struct graph_chains *chains)
{
	for (const struct graph_chain *chain = chains->first; chain; chain = chain->next)
		if (batch__is_renamed(chains->table, chain) &&
		    (batch__find(batch, chains->table, chain->was) || batch__find(batch, chains->table, chain->now)))
			return true;
	return false;
}

/* All of them at once: who has which key on the way is nobody's business. */
static int batch__renames(struct graph_batch *batch, const struct graph_chains *chains)
{
	bool any = false;
	int rc = 0;

	for (const struct graph_chain *chain = chains->first; chain && !any; chain = chain->next)
		any = batch__is_renamed(chains->table, chain);
	if (any && (batch__ends_wait(batch, chains->table) || batch__meets(batch, chains)))
		rc = batch__new_segment(batch);
	for (const struct graph_chain *chain = chains->first; chain && rc == 0; chain = chain->next) {
		if (!batch__is_renamed(chains->table, chain))
			continue;
		/* in a piece of an oversized transaction two rows may have one key at its end */
		if (batch__find(batch, chains->table, chain->now))
			rc = batch__new_segment(batch);
		if (rc == 0)
			rc = batch__rename(batch, chains->table, chain);
	}
	return rc;
}

static int batch__truncate(struct graph_batch *batch, const struct plan_table *table)
{
	int rc = batch->current->used ? batch__new_segment(batch) : 0;

	if (rc == 0 && !batch->current->tables[table->index].truncated) {
		batch->current->tables[table->index].truncated = true;
		batch->current->tables[table->index].truncated_us = batch->time_us;
	}
	return rc;
}

static int batch__change(struct graph_batch *batch, const struct change *change)
{
	const struct plan_table *table = &batch->plan->tables[change->table];

	switch (change->kind) {
	case CHANGE_INSERT:
		/* where nodes stay, the graph may hold something of a row that was there before */
		return batch__upsert(batch, table, change, !batch__stays(table));
	case CHANGE_UPDATE:
		return batch__upsert(batch, table, change, false);
	case CHANGE_DELETE:
		return batch__delete(batch, table, change);
	case CHANGE_TRUNCATE:
		return batch__truncate(batch, table);
	}
	return 0;
}

/* A row that keeps its key, comes or goes. */
static int batch__settle(struct graph_batch *batch, const struct plan_table *table, const struct graph_chain *chain)
{
	struct change change = {.table = table->index, .row = chain->now, .old = chain->was, .lsn = chain->lsn};

	change.kind = !chain->now ? CHANGE_DELETE : chain->was ? CHANGE_UPDATE : CHANGE_INSERT;
	return batch__change(batch, &change);
}

static bool batch__changes_key(const struct graph_batch *batch, const struct change *change)
{
	return change->kind == CHANGE_UPDATE && change->old &&
	       !graph_key_equal(&batch->plan->tables[change->table], change->old, change->row);
}

/*
 * The changed keys from *change on that follow one another in one table; *change becomes the last one. A statement's changes
 * stand together, so rows that take keys from one another do: what refers to a key by ON UPDATE NO ACTION sees who has it
 * behind all of them.
 */
static int batch__run(struct graph_batch *batch, const struct change **change)
{
	const struct plan_table *table = &batch->plan->tables[(*change)->table];
	struct arena_mark mark = arena_mark(&batch->scratch);
	struct graph_chains chains;
	int rc;

	graph_chains_init(&chains, table, &batch->scratch);
	rc = graph_chains_add(&chains, *change) ? 0 : ERR_LIMIT;
	while (rc == 0 && (*change)->next && (*change)->next->table == table->index &&
	       batch__changes_key(batch, (*change)->next)) {
		*change = (*change)->next;
		batch->changes++;
		rc = graph_chains_add(&chains, *change) ? 0 : ERR_LIMIT;
	}
	if (rc == 0)
		rc = batch__renames(batch, &chains);
	/* a row that has its old key again */
	for (const struct graph_chain *chain = chains.first; chain && rc == 0; chain = chain->next)
		if (!batch__is_renamed(table, chain))
			rc = batch__settle(batch, table, chain);
	arena_rollback(&batch->scratch, mark);
	return rc;
}

/* Two rows may have a DEFERRABLE key for a while: what becomes of them is told at the transaction's end. */
static int batch__wait(struct graph_batch *batch, const struct plan_table *table, const struct change *change)
{
	struct graph_chains *chains;

	if (!batch->late) {
		batch->late = arena_calloc(&batch->scratch, batch->plan->tables_count, sizeof(*batch->late));
		if (!batch->late)
			return ERR_LIMIT;
	}
	chains = &batch->late[table->index];
	if (!chains->table)
		graph_chains_init(chains, table, &batch->scratch);
	if (change->kind != CHANGE_TRUNCATE)
		return graph_chains_add(chains, change) ? 0 : ERR_LIMIT;
	graph_chains_init(chains, table, &batch->scratch);
	return batch__truncate(batch, table);
}

/* What goes makes room for who takes its key, and that for who comes. */
static int batch__late(struct graph_batch *batch, const struct graph_chains *chains)
{
	int rc = 0;

	for (const struct graph_chain *chain = chains->first; chain && rc == 0; chain = chain->next)
		if (!chain->now && chain->was)
			rc = batch__settle(batch, chains->table, chain);
	if (rc == 0)
		rc = batch__renames(batch, chains);
	for (const struct graph_chain *chain = chains->first; chain && rc == 0; chain = chain->next)
		if (chain->now && !batch__is_renamed(chains->table, chain))
			rc = batch__settle(batch, chains->table, chain);
	return rc;
}

/*
 * Whether the transaction ends versions that earlier ones have left in the current segment. It then begins with a new one, so
 * that what it does to one row stands in one segment, where nothing else parts it.
 */
static bool batch__ends_versions(struct graph_batch *batch, const struct transaction *transaction)
{
	for (const struct change *change = transaction->first; change; change = change->next) {
		const struct plan_table *table = &batch->plan->tables[change->table];
		const struct cell *key = change->kind == CHANGE_DELETE ? change->old : change->row;
		const struct entity *entity;

		if (!key || !batch__keeps_history(table))
			continue;
		entity = batch__find(batch, table, key);
		if (entity &&
		    (change->kind == CHANGE_DELETE ? !entity->deleted : batch__ends_version(batch, table, entity, key)))
			return true;
	}
	return false;
}

/* What comes to stay would stay for good if it went under another key than it came with, or by TRUNCATE. */
static bool batch__may_leave_what_passes(const struct graph_batch *batch, const struct transaction *transaction)
{
	for (const struct change *change = transaction->first; change; change = change->next)
		if (batch__stays(&batch->plan->tables[change->table]) &&
		    (change->kind == CHANGE_TRUNCATE || batch__changes_key(batch, change)))
			return true;
	return false;
}

/*
 * The transaction's changes without those of rows that come and go within it, of tables whose nodes stay: these leave nothing.
 * The list is in the scratch arena. ERR_LIMIT when it is full.
 */
static int batch__without_passing(struct graph_batch *batch, const struct transaction *transaction,
                                  const struct change **ret_first)
{
	struct graph_chains *chains = arena_calloc(&batch->scratch, batch->plan->tables_count, sizeof(*chains));
	const struct graph_chain **of = arena_calloc(&batch->scratch, transaction->changes_count, sizeof(struct graph_chain *));
	struct change **last = (struct change **)ret_first;
	uint64_t i = 0;

	*ret_first = NULL;
	if (!chains || !of)
		return ERR_LIMIT;
	for (const struct change *change = transaction->first; change; change = change->next, i++) {
		const struct plan_table *table = &batch->plan->tables[change->table];

		if (!batch__stays(table))
			continue;
		if (!chains[table->index].table)
			graph_chains_init(&chains[table->index], table, &batch->scratch);
		if (change->kind == CHANGE_TRUNCATE) {
			graph_chains_truncate(&chains[table->index]);
			continue;
		}
		of[i] = graph_chains_add(&chains[table->index], change);
		if (!of[i])
			return ERR_LIMIT;
	}
	i = 0;
	for (const struct change *change = transaction->first; change; change = change->next, i++) {
		if (of[i] && !of[i]->was && !of[i]->now) {
			batch->changes++;
			continue;
		}
		*last = arena_alloc(&batch->scratch, sizeof(**last));
		if (!*last)
			return ERR_LIMIT;
		**last = *change;
		last = &(*last)->next;
	}
	*last = NULL;
	return 0;
}

static int batch__failed(int rc, const struct graph_batch *batch, struct error *error)
{
	if (rc == ERR_LIMIT)
		return error_set(error, rc, "a batch of changes needs more than %zu bytes", batch->arena.size_max);
	if (rc < 0)
		return error_set(error, rc, "no memory for a batch of changes");
	return rc;
}

int graph_batch_add(struct graph_batch *batch, const struct transaction *transaction, struct error *error)
{
	const struct change *first = transaction->first;
	int rc = batch->current ? 0 : batch__new_segment(batch);

	batch->operations_made = false;
	batch->transactions++;
	batch->time_us = transaction->commit_time_us;
	if (rc == 0 && batch__ends_versions(batch, transaction))
		rc = batch__new_segment(batch);
	if (rc == 0 && batch__may_leave_what_passes(batch, transaction))
		rc = batch__without_passing(batch, transaction, &first);
	for (const struct change *change = first; change && rc == 0; change = change->next) {
		const struct plan_table *table = &batch->plan->tables[change->table];

		if (table->key_deferrable)
			rc = batch__wait(batch, table, change);
		else if (batch__changes_key(batch, change))
			rc = batch__run(batch, &change);
		else
			rc = batch__change(batch, change);
		batch->changes++;
	}
	for (uint32_t i = 0; batch->late && i < batch->plan->tables_count && rc == 0; i++)
		if (batch->late[i].table)
			rc = batch__late(batch, &batch->late[i]);
	batch->late = NULL;
	arena_reset(&batch->scratch);
	return batch__failed(rc, batch, error);
}

int graph_batch_add_row(struct graph_batch *batch, uint32_t table, const struct cell *cells, bool fresh, uint64_t lsn,
                        int64_t time_us, struct error *error)
{
	struct change change = {.kind = CHANGE_INSERT, .table = table, .row = cells, .lsn = lsn};
	int rc = batch->current ? 0 : batch__new_segment(batch);

	batch->time_us = time_us;
	if (rc == 0)
		rc = batch__upsert(batch, &batch->plan->tables[table], &change, fresh);
	batch->changes++;
	return batch__failed(rc, batch, error);
}

/* ---- from entities to statements ---- */

/* The operations of one segment while they grow. */
struct builder {
	struct graph_batch *batch;
	struct building **open[GRAPH_STATEMENT_KINDS]; /* by index: the newest first */
	uint8_t *mask; /* scratch, as large as the longest list of properties and chosen labels */
	struct graph_operation **last;
};

struct building {
	struct graph_operation operation;
	uint32_t capacity;
	struct building *previous;
};

static int builder__grow(struct builder *builder, struct building *building)
{
	uint32_t capacity = building->capacity ? building->capacity * 2 : OPERATION_ROWS_FIRST;
	struct graph_row **rows = arena_alloc(&builder->batch->arena, capacity * sizeof(*rows));

	if (!rows)
		return ERR_LIMIT;
	if (building->operation.rows_count)
		memcpy(rows, building->operation.rows, building->operation.rows_count * sizeof(*rows));
	building->operation.rows = rows;
	building->capacity = capacity;
	return 0;
}

static int builder__add(struct builder *builder, enum graph_statement_kind kind, uint32_t index, const uint8_t *mask,
                        struct graph_row *row)
{
	struct building **open = &builder->open[kind][index], *building = *open;
	const struct graph_statement *statement = graph_statement_get(builder->batch->statements, kind, index, mask);

	if (!statement)
		return ERR_NOMEM;
	while (building && building->operation.statement != statement)
		building = building->previous;
	/* a key that changes is seen by all rows at once, or what leads to it would move on with the next ones */
	if (!building || (building->operation.rows_count == OPERATION_ROWS_MAX && !statement->old_and_new)) {
		building = arena_calloc(&builder->batch->arena, 1, sizeof(*building));
		if (!building)
			return ERR_LIMIT;
		building->operation.statement = statement;
		building->previous = *open;
		*open = building;
	}
	if (!row)
		return 0;
	if (building->operation.rows_count == building->capacity && builder__grow(builder, building) < 0)
		return ERR_LIMIT;
	building->operation.rows[building->operation.rows_count++] = row;
	return 0;
}

/*
 * Whether nobody knows the property's value, so that it stays as it is. What is made of several cells stays when none of them
 * was sent that could have changed; when only some were, the row cannot be written.
 */
static bool builder__is_unknown(const struct builder *builder, const struct plan_property *property, struct entity *entity)
{
	const struct plan_table *table = &builder->batch->plan->tables[entity->row.table];
	const struct concatenation *parts = property->concatenation;
	const struct cell *cells = entity->row.cells;
	bool unknown = false, sent = false;

	if (!parts)
		return cells[property->column].kind == CELL_UNCHANGED;
	for (uint32_t i = 0; i < parts->count; i++) {
		bool stays = parts->columns[i] < table->key_count && !entity->renamed_from;

		if (cells[parts->columns[i]].kind == CELL_UNCHANGED)
			unknown = true;
		else
			sent |= !stays;
	}
	if (unknown && sent)
		entity->row.unmade = property;
	return unknown;
}

/* The properties whose value nobody knows; NULL when all are known. */
static const uint8_t *builder__mask(struct builder *builder, const struct plan_property *properties, uint32_t count,
                                    struct entity *entity)
{
	bool any = false;

	for (uint32_t i = 0; i < count; i++) {
		builder->mask[i] = builder__is_unknown(builder, &properties[i], entity);
		any |= builder->mask[i];
	}
	return any ? builder->mask : NULL;
}

/* The same of a node, and behind the properties the labels that columns choose. */
static const uint8_t *builder__node_mask(struct builder *builder, const struct plan_node *node, struct entity *entity)
{
	const struct cell *cells = entity->row.cells;
	bool any = builder__mask(builder, node->properties, node->properties_count, entity) != NULL;

	for (uint32_t i = 0; i < node->labels_chosen_count; i++) {
		enum condition_verdict verdict = condition_decide(node->labels_chosen[i].where, cells);
		uint8_t *mask = &builder->mask[node->properties_count + i];

		*mask = verdict == CONDITION_TRUE        ? GRAPH_MASK_TAKEN
		        : verdict == CONDITION_UNDECIDED ? GRAPH_MASK_UNKNOWN
		                                         : GRAPH_MASK_LEFT_OUT;
		any |= *mask != GRAPH_MASK_TAKEN;
	}
	return any ? builder->mask : NULL;
}

/* Whether the row with that key is one that the edge has to do with at all. */
static bool builder__concerns(const struct plan_edge *edge, const struct cell *key)
{
	return !edge->mine || condition_decide(edge->mine, key) == CONDITION_TRUE;
}

static bool builder__end_has(const struct plan_end *end, const struct cell *cells, enum cell_kind kind)
{
	for (uint32_t i = 0; i < end->by_count; i++)
		if (cells[end->columns[i]].kind == kind)
			return true;
	return false;
}

/* Whether the row is taken. One that nobody can decide about is, with a mark, so that packing it says why it cannot be. */
static bool builder__takes(const struct condition *where, struct graph_row *row)
{
	enum condition_verdict verdict = where ? condition_decide(where, row->cells) : CONDITION_TRUE;

	row->undecided |= verdict == CONDITION_UNDECIDED;
	return verdict == CONDITION_TRUE || verdict == CONDITION_UNDECIDED;
}

/* Of a row that is new there may be versions all the same. */
static enum graph_statement_kind builder__upsert_kind(const struct plan_edge *edge, const struct entity *entity)
{
	return entity->fresh && !edge->history ? GRAPH_EDGE_UPSERT_FRESH : GRAPH_EDGE_UPSERT;
}

static int builder__foreign_key(struct builder *builder, const struct plan_edge *edge, struct entity *entity)
{
	const struct plan *plan = builder->batch->plan;
	const struct plan_end *far = edge->owner_is_from ? &edge->to : &edge->from;
	const struct cell *cells = entity->row.cells;

	bool taken = builder__takes(edge->where, &entity->row);

	if (taken && builder__end_has(far, cells, CELL_UNCHANGED)) {
		bool may_lack = edge->where || plan->tables[edge->table].where;

		/* where it leads is as it was, if it was there */
		if (may_lack && edge->each)
			return builder__add(builder, GRAPH_EDGE_KEPT, edge->index, NULL, &entity->row);
		entity->row.undecided |= may_lack;
		return 0;
	}
	if (taken && !builder__end_has(far, cells, CELL_NULL)) {
		int rc = builder__add(builder, builder__upsert_kind(edge, entity), edge->index, NULL, &entity->row);

		if (rc == 0 && edge->each && !entity->fresh)
			rc = builder__add(builder, GRAPH_EDGE_PRUNE, edge->index, NULL, &entity->row);
		return rc;
	}
	return entity->fresh ? 0 : builder__add(builder, GRAPH_EDGE_DELETE, edge->index, NULL, &entity->row);
}

static int builder__join(struct builder *builder, const struct plan_edge *edge, struct entity *entity)
{
	const struct cell *cells = entity->row.cells;

	if (!builder__concerns(edge, cells))
		return 0;
	if (!builder__takes(edge->where, &entity->row) || builder__end_has(&edge->from, cells, CELL_NULL) ||
	    builder__end_has(&edge->to, cells, CELL_NULL))
		return entity->fresh ? 0 : builder__add(builder, GRAPH_EDGE_DELETE, edge->index, NULL, &entity->row);
	return builder__add(builder, builder__upsert_kind(edge, entity), edge->index,
	                    builder__mask(builder, edge->properties, edge->properties_count, entity), &entity->row);
}

static int builder__dead(struct builder *builder, const struct plan_table *table, struct entity *entity)
{
	bool edges = !table->node || graph_node_deletes_edges(builder->batch->plan, table->node);
	int rc = 0;

	if (entity->fresh)
		return 0;
	for (uint32_t i = 0; i < table->edges_count && edges && rc == 0; i++)
		if (builder__concerns(table->edges[i], entity->row.cells))
			rc = builder__add(builder, GRAPH_EDGE_DELETE, table->edges[i]->index, NULL, &entity->row);
	if (table->node && rc == 0)
		rc = builder__add(builder, GRAPH_NODE_DELETE, table->node->index, NULL, &entity->row);
	return rc;
}

/* Relationships that refer to other values of the node than its key: who has these by the end, has the relationships. */
static int builder__other_keys(struct builder *builder, const struct plan_node *node, struct entity *entity)
{
	const struct plan *plan = builder->batch->plan;
	const struct cell *cells = entity->row.cells;
	int rc = 0;

	for (uint32_t i = 0; i < plan->edges_count && rc == 0; i++) {
		const struct plan_edge *edge = plan->edges[i];
		const struct plan_end *far = edge->owner_is_from ? &edge->to : &edge->from;
		bool known = far->node == node->index && !far->by_key && far->stays;

		for (uint32_t p = 0; p < far->by_count && known; p++)
			known = cells[far->by[p].column].kind != CELL_UNCHANGED;
		if (!known)
			continue;
		rc = builder__add(builder, GRAPH_EDGE_NOTE, i, NULL, &entity->row);
		if (rc == 0)
			rc = builder__add(builder, GRAPH_EDGE_SETTLE, i, NULL, &entity->row);
	}
	return rc;
}

static int builder__live(struct builder *builder, const struct plan_table *table, struct entity *entity)
{
	const struct plan_node *node = table->node;
	int rc = 0;

	entity->row.undecided = false;
	entity->row.unmade = NULL;
	if (node && !builder__takes(node->where, &entity->row))
		return builder__dead(builder, table, entity);
	if (node)
		rc = builder__add(builder, GRAPH_NODE_UPSERT, node->index, builder__node_mask(builder, node, entity),
		                  &entity->row);
	if (node && node->other_key_stays && !entity->fresh && rc == 0)
		rc = builder__other_keys(builder, node, entity);
	for (uint32_t i = 0; i < table->edges_count && rc == 0; i++) {
		const struct plan_edge *edge = table->edges[i];

		rc = edge->kind == PLAN_EDGE_FOREIGN_KEY ? builder__foreign_key(builder, edge, entity)
		                                         : builder__join(builder, edge, entity);
	}
	return rc;
}

static int builder__truncated(struct builder *builder, const struct plan_table *table, int64_t time_us)
{
	bool edges = !table->node || graph_node_deletes_edges(builder->batch->plan, table->node);
	int rc = 0;

	for (uint32_t i = 0; i < table->edges_count && edges && rc == 0; i++) {
		uint32_t edge = table->edges[i]->index;

		rc = builder__add(builder, GRAPH_EDGE_TRUNCATE, edge, NULL, NULL);
		if (rc == 0)
			builder->open[GRAPH_EDGE_TRUNCATE][edge]->operation.time_us = time_us;
	}
	if (table->node && rc == 0)
		rc = builder__add(builder, GRAPH_NODE_TRUNCATE, table->node->index, NULL, NULL);
	return rc;
}

/* What the rename of a node needs where relationships may lead to keys that have no row. */
static int builder__rename_placeholders(struct builder *builder, const struct plan_node *node, struct graph_row *row)
{
	const struct plan *plan = builder->batch->plan;
	int rc = builder__add(builder, GRAPH_NODE_RENAME_VACATE, node->index, NULL, row);

	for (uint32_t i = 0; i < plan->edges_count && rc == 0; i++) {
		const struct plan_edge *edge = plan->edges[i];

		if (edge->from.node == node->index && !edge->from.enforced) {
			rc = builder__add(builder, GRAPH_RENAME_LEAVE_FROM, i, NULL, row);
			if (rc == 0)
				rc = builder__add(builder, GRAPH_RENAME_ABSORB_FROM, i, NULL, row);
		}
		if (rc == 0 && edge->to.node == node->index && !edge->to.enforced) {
			rc = builder__add(builder, GRAPH_RENAME_LEAVE_TO, i, NULL, row);
			if (rc == 0)
				rc = builder__add(builder, GRAPH_RENAME_ABSORB_TO, i, NULL, row);
		}
	}
	return rc < 0 ? rc : builder__add(builder, GRAPH_NODE_RENAME_DISCARD, node->index, NULL, row);
}

/* Another row has taken the key: relationships of rows that refer to the key, and not to the row that had it, stay with it. */
static int builder__left_behind(struct builder *builder, const struct plan_node *node, struct graph_row *row)
{
	const struct plan *plan = builder->batch->plan;
	int rc = 0;

	for (uint32_t i = 0; i < plan->edges_count && rc == 0; i++) {
		const struct plan_edge *edge = plan->edges[i];

		if (edge->from.node == node->index && edge->from.by_key && edge->from.stays)
			rc = builder__add(builder, GRAPH_RENAME_LEAVE_FROM, i, NULL, row);
		if (rc == 0 && edge->to.node == node->index && edge->to.by_key && edge->to.stays)
			rc = builder__add(builder, GRAPH_RENAME_LEAVE_TO, i, NULL, row);
	}
	return rc;
}

/* A join row's relationship takes the new key along; a row that has lost an end has none any more. */
static int builder__rekey(struct builder *builder, const struct plan_edge *edge, bool tangled, struct graph_row *row)
{
	const struct plan *plan = builder->batch->plan;
	struct graph_row *old;

	/* it has gone along with its ends */
	if (edge->kind == PLAN_EDGE_JOIN_ENDS && graph_key_equal(&plan->tables[row->table], row->old, row->cells))
		return 0;
	/* what the row is now is written as if it were new */
	if (!builder__concerns(edge, row->old))
		return 0;
	if (builder__concerns(edge, row->cells) && builder__takes(edge->where, row) &&
	    !builder__end_has(&edge->from, row->cells, CELL_NULL) && !builder__end_has(&edge->to, row->cells, CELL_NULL))
		return builder__add(builder, tangled ? GRAPH_EDGE_EXCHANGE : GRAPH_EDGE_REKEY, edge->index, NULL, row);
	old = arena_alloc(&builder->batch->arena, sizeof(*old));
	if (!old)
		return ERR_LIMIT;
	*old = (struct graph_row){.table = row->table, .cells = row->old, .lsn = row->lsn, .time_us = row->time_us};
	return builder__add(builder, GRAPH_EDGE_LEAVE, edge->index, NULL, old);
}

static int builder__renamed(struct builder *builder, const struct plan_table *table, bool tangled, struct graph_row *row)
{
	int rc = 0;

	if (table->node) {
		if (table->node->deleted_label && !table->node->may_be_placeholder)
			rc = builder__add(builder, GRAPH_NODE_RENAME_DISPLACE, table->node->index, NULL, row);
		if (rc == 0)
			rc = builder__add(builder, tangled ? GRAPH_NODE_EXCHANGE : GRAPH_NODE_RENAME, table->node->index, NULL,
			                  row);
		if (rc == 0 && table->node->may_be_placeholder)
			rc = builder__rename_placeholders(builder, table->node, row);
		return rc;
	}
	for (uint32_t i = 0; i < table->edges_count && rc == 0; i++)
		rc = builder__rekey(builder, table->edges[i], tangled, row);
	return rc;
}

static int builder__table(struct builder *builder, const struct plan_table *table, const struct table_changes *changes)
{
	int rc = changes->truncated ? builder__truncated(builder, table, changes->truncated_us) : 0;

	for (struct rename *rename = changes->first_rename; rename && rc == 0; rename = rename->next) {
		if (rename->row.dead)
			continue;
		rc = builder__renamed(builder, table, changes->tangled, &rename->row);
		if (rc == 0 && rename->taken && table->node)
			rc = builder__left_behind(builder, table->node, &rename->row);
	}
	for (struct entity *entity = changes->first; entity && rc == 0; entity = entity->next) {
		if (entity->row.dead)
			continue;
		rc = entity->deleted ? builder__dead(builder, table, entity) : builder__live(builder, table, entity);
	}
	return rc;
}

/* Links what was built, kind by kind. `previous` runs from the newest; which of several variants comes first does not matter.
 */
static void builder__link(struct builder *builder)
{
	for (int kind = 0; kind < GRAPH_STATEMENT_KINDS; kind++) {
		const struct plan *plan = builder->batch->plan;
		uint32_t count = plan->nodes_count > plan->edges_count ? plan->nodes_count : plan->edges_count;

		for (uint32_t i = 0; i < count; i++) {
			for (struct building *building = builder->open[kind][i]; building; building = building->previous) {
				*builder->last = &building->operation;
				builder->last = &building->operation.next;
			}
			builder->open[kind][i] = NULL;
		}
	}
}

static int builder__init(struct builder *builder, struct graph_batch *batch)
{
	const struct plan *plan = batch->plan;
	uint32_t count = plan->nodes_count > plan->edges_count ? plan->nodes_count : plan->edges_count;
	uint32_t properties = 1;

	for (uint32_t i = 0; i < plan->tables_count; i++)
		if (plan->tables[i].columns_count > properties)
			properties = plan->tables[i].columns_count;
	builder->batch = batch;
	/* one column may feed several properties, so the longest list decides */
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		if (plan->nodes[i].properties_count + plan->nodes[i].labels_chosen_count > properties)
			properties = plan->nodes[i].properties_count + plan->nodes[i].labels_chosen_count;
	for (uint32_t i = 0; i < plan->edges_count; i++)
		if (plan->edges[i]->properties_count > properties)
			properties = plan->edges[i]->properties_count;
	builder->mask = arena_alloc(&batch->arena, properties);
	for (int kind = 0; kind < GRAPH_STATEMENT_KINDS; kind++) {
		builder->open[kind] = arena_calloc(&batch->arena, count, sizeof(struct building *));
		if (!builder->open[kind])
			return ERR_LIMIT;
	}
	return builder->mask ? 0 : ERR_LIMIT;
}

int graph_batch_operations(struct graph_batch *batch, struct graph_operation **ret_operations, struct error *error)
{
	struct builder builder = {0};
	int rc;

	if (batch->operations_made)
		arena_rollback(&batch->arena, batch->operations_mark);
	batch->operations_mark = arena_mark(&batch->arena);
	batch->operations_made = true;
	*ret_operations = NULL;
	batch__mark_taken(batch);
	rc = builder__init(&builder, batch);
	builder.last = ret_operations;
	for (struct segment *segment = batch->first; segment && rc == 0; segment = segment->next) {
		for (uint32_t i = 0; i < batch->plan->tables_count && rc == 0; i++)
			rc = builder__table(&builder, &batch->plan->tables[i], &segment->tables[i]);
		if (rc == 0)
			builder__link(&builder);
	}
	*builder.last = NULL;
	if (rc == 0 && !batch->statements->shown)
		rc = missing__surround(batch->statements, &batch->arena, ret_operations);
	return batch__failed(rc, batch, error);
}

/* ---- packing ---- */

static int operation__pack_field(const struct graph_field *field, const struct plan_table *table, const struct cell *cells,
                                 struct arena *scratch, struct bolt_writer *writer, struct error *error)
{
	const struct cell *cell = &cells[field->column];
	struct cell made;

	if (field->concatenation) {
		int rc = concatenation_cell(field->concatenation, cells, scratch, &made, error);

		if (rc < 0)
			return rc;
		cell = &made;
	}
	if (cell->kind == CELL_UNCHANGED) {
		error_set_class(error, ERR_VALUE, ERROR_POISON,
		                "the end of a relationship is a large value that PostgreSQL did not send");
		error_hint(error, "ALTER TABLE \"%s\".\"%s\" REPLICA IDENTITY FULL", table->schema, table->name);
		return ERR_VALUE;
	}
	if (field->elements)
		return graph_elements_pack(writer, &field->type, field->placed, cell, scratch, error);
	return graph_cell_pack(writer, &field->type, cell, scratch, error);
}

static int operation__pack_fields(const struct graph_operation *operation, const struct plan_table *table,
                                  const struct cell *cells, struct arena *scratch, struct bolt_writer *writer,
                                  struct error *error)
{
	const struct graph_statement *statement = operation->statement;

	for (uint32_t i = 0; i < statement->fields_count; i++) {
		const struct graph_field *field = &statement->fields[i];
		int rc = operation__pack_field(field, table, cells, scratch, writer, error);

		if (rc < 0) {
			error_prefix(error, "%s.%s.%s", table->schema, table->name, table->columns[field->column].name);
			return rc;
		}
	}
	return 0;
}

/* Why nobody can say what the row makes in the graph. */
static int operation__undecided(const struct graph_row *row, const struct plan_table *table, struct error *error)
{
	if (row->undecided)
		error_set_class(error, ERR_VALUE, ERROR_POISON,
		                "whether the mapping takes %s.%s's row hangs on a large value that PostgreSQL did not send",
		                table->schema, table->name);
	else
		error_set_class(
		        error, ERR_VALUE, ERROR_POISON,
		        "the property \"%s\" of %s.%s's row is made of a large value, among others, that PostgreSQL did not "
		        "send",
		        row->unmade->name, table->schema, table->name);
	error_hint(error, "ALTER TABLE \"%s\".\"%s\" REPLICA IDENTITY FULL", table->schema, table->name);
	return ERR_VALUE;
}

static int operation__pack_row(const struct graph_operation *operation, const struct plan *plan, const struct graph_row *row,
                               struct arena *scratch, struct bolt_writer *writer, struct error *error)
{
	const struct graph_statement *statement = operation->statement;
	const struct plan_table *table = &plan->tables[row->table];
	struct arena_mark mark = arena_mark(scratch);
	int rc = 0;

	if (row->undecided || row->unmade)
		return operation__undecided(row, table, error);
	bolt_writer_list(writer, (size_t)statement->fields_count * (statement->old_and_new ? 2 : 1) + statement->tells_renewed +
	                                 statement->timed);
	if (statement->old_and_new)
		rc = operation__pack_fields(operation, table, row->old, scratch, writer, error);
	if (rc == 0)
		rc = operation__pack_fields(operation, table, row->cells, scratch, writer, error);
	if (statement->tells_renewed)
		bolt_writer_bool(writer, row->renewed);
	if (rc == 0 && statement->timed)
		graph_time_pack(writer, row->time_us);
	if (scratch->used != mark.used)
		arena_rollback(scratch, mark);
	return rc;
}

int graph_operation_pack(const struct graph_operation *operation, const struct plan *plan, uint32_t from, uint32_t to,
                         struct arena *scratch, struct bolt_writer *writer, struct graph_row **ret_bad, struct error *error)
{
	uint32_t count = 0;

	*ret_bad = NULL;
	for (uint32_t i = from; i < to; i++)
		count += !operation->rows[i]->dead;
	if (operation->rows_count == 0 && operation->statement->timed) {
		graph_rows_pack_begin(writer, 1);
		bolt_writer_list(writer, 1);
		graph_time_pack(writer, operation->time_us);
	} else {
		graph_rows_pack_begin(writer, count);
	}
	for (uint32_t i = from; i < to; i++) {
		struct graph_row *row = operation->rows[i];
		int rc;

		if (row->dead)
			continue;
		rc = operation__pack_row(operation, plan, row, scratch, writer, error);
		if (rc < 0) {
			*ret_bad = row;
			return rc;
		}
	}
	if (writer->failed)
		return error_set(error, ERR_LIMIT, "a statement is larger than a message may be");
	return 0;
}
