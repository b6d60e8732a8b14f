#include "mapping/compile.h"

#include <stdlib.h>

#define UNSEEN UINT32_MAX

/*
 * Strongly connected components (Tarjan 1972), without recursion. They come out needs first, which is the loading order; within
 * one, where every order leaves something missing, the table that lacks least goes first.
 */
struct ordering {
	uint32_t count;
	uint32_t *first_need; /* of each table, into needed; one more at the end */
	uint32_t *needed;
	uint32_t *number; /* in the order of the walk; UNSEEN before */
	uint32_t *low;
	uint32_t *next_need; /* how far the walk has come at each table */
	uint32_t *path;      /* the walk */
	uint32_t *stack;     /* seen, not yet in a component */
	bool *on_stack;
	bool *placed;
	uint32_t path_size;
	uint32_t stack_size;
	uint32_t numbers;
	uint32_t *order;
	uint32_t order_size;
};

static uint32_t ordering__missing(const struct ordering *ordering, uint32_t table)
{
	uint32_t missing = 0;

	for (uint32_t i = ordering->first_need[table]; i < ordering->first_need[table + 1]; i++)
		missing += !ordering->placed[ordering->needed[i]] && ordering->needed[i] != table;
	return missing;
}

/* Puts one component into the order: the tables from `from` on of the stack. */
static void ordering__place(struct ordering *ordering, uint32_t from)
{
	for (uint32_t left = ordering->stack_size - from; left; left--) {
		uint32_t best = UNSEEN, best_missing = UNSEEN;

		for (uint32_t i = from; i < ordering->stack_size; i++) {
			uint32_t table = ordering->stack[i];
			uint32_t missing = ordering->placed[table] ? UNSEEN : ordering__missing(ordering, table);

			if (missing < best_missing || (missing != UNSEEN && missing == best_missing && table < best)) {
				best = table;
				best_missing = missing;
			}
		}
		ordering->placed[best] = true;
		ordering->on_stack[best] = false;
		ordering->order[ordering->order_size++] = best;
	}
	ordering->stack_size = from;
}

static void ordering__enter(struct ordering *ordering, uint32_t table)
{
	ordering->number[table] = ordering->low[table] = ordering->numbers++;
	ordering->next_need[table] = ordering->first_need[table];
	ordering->on_stack[table] = true;
	ordering->stack[ordering->stack_size++] = table;
	ordering->path[ordering->path_size++] = table;
}

/* The walk leaves a table: its component is whole when nothing in it reaches further back. */
static void ordering__leave(struct ordering *ordering)
{
	uint32_t table = ordering->path[--ordering->path_size];
	uint32_t from = ordering->stack_size;

	if (ordering->path_size) {
		uint32_t parent = ordering->path[ordering->path_size - 1];

		if (ordering->low[table] < ordering->low[parent])
			ordering->low[parent] = ordering->low[table];
	}
	if (ordering->low[table] != ordering->number[table])
		return;
	while (ordering->stack[--from] != table)
		;
	ordering__place(ordering, from);
}

static void ordering__walk(struct ordering *ordering, uint32_t root)
{
	ordering__enter(ordering, root);
	while (ordering->path_size) {
		uint32_t table = ordering->path[ordering->path_size - 1];
		uint32_t needed;

		if (ordering->next_need[table] == ordering->first_need[table + 1]) {
			ordering__leave(ordering);
			continue;
		}
		needed = ordering->needed[ordering->next_need[table]++];
		if (ordering->number[needed] == UNSEEN)
			ordering__enter(ordering, needed);
		else if (ordering->on_stack[needed] && ordering->number[needed] < ordering->low[table])
			ordering->low[table] = ordering->number[needed];
	}
}

/* The needs sorted by table: first_need and needed. */
static void ordering__index(struct ordering *ordering, const struct order_need *needs, uint32_t needs_count)
{
	for (uint32_t i = 0; i < needs_count; i++)
		ordering->first_need[needs[i].table + 1]++;
	for (uint32_t i = 0; i < ordering->count; i++)
		ordering->first_need[i + 1] += ordering->first_need[i];
	for (uint32_t i = 0; i < ordering->count; i++) {
		ordering->next_need[i] = ordering->first_need[i];
		ordering->number[i] = UNSEEN;
	}
	for (uint32_t i = 0; i < needs_count; i++)
		ordering->needed[ordering->next_need[needs[i].table]++] = needs[i].needed;
}

int mapping__order(uint32_t count, const struct order_need *needs, uint32_t needs_count, uint32_t *ret_order)
{
	struct ordering ordering = {.count = count, .order = ret_order};
	struct arena arena;
	int status = ERR_NOMEM;

	arena_init(&arena, (size_t)64 * 1024 * 1024);
	ordering.first_need = arena_calloc(&arena, (size_t)count + 2, sizeof(uint32_t));
	ordering.needed = arena_calloc(&arena, (size_t)needs_count + 1, sizeof(uint32_t));
	ordering.number = arena_calloc(&arena, (size_t)count + 1, sizeof(uint32_t));
	ordering.low = arena_calloc(&arena, (size_t)count + 1, sizeof(uint32_t));
	ordering.next_need = arena_calloc(&arena, (size_t)count + 1, sizeof(uint32_t));
	ordering.path = arena_calloc(&arena, (size_t)count + 1, sizeof(uint32_t));
	ordering.stack = arena_calloc(&arena, (size_t)count + 1, sizeof(uint32_t));
	ordering.on_stack = arena_calloc(&arena, (size_t)count + 1, sizeof(bool));
	ordering.placed = arena_calloc(&arena, (size_t)count + 1, sizeof(bool));
	if (!ordering.first_need || !ordering.needed || !ordering.number || !ordering.low || !ordering.next_need ||
	    !ordering.path || !ordering.stack || !ordering.on_stack || !ordering.placed)
		goto out;
	ordering__index(&ordering, needs, needs_count);
	for (uint32_t i = 0; i < count; i++)
		if (ordering.number[i] == UNSEEN)
			ordering__walk(&ordering, i);
	status = 0;
out:
	arena_free(&arena);
	return status;
}
