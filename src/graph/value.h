/*
 * graph/value: change/value <-> what Bolt carries.
 */
#ifndef PGWEAVE_GRAPH_VALUE_H
#define PGWEAVE_GRAPH_VALUE_H

#include "change/change.h"
#include "change/value.h"

#include <bolt/packstream.h>

void graph_value_pack(struct bolt_writer *writer, const struct value *value);
/* A time as PostgreSQL counts it, in microseconds since 2000-01-01 UTC, as a ZONED DATETIME. */
void graph_time_pack(struct bolt_writer *writer, int64_t time_us);
/*
 * Packs one cell read as type; NULL and UNCHANGED become null. ERR_VALUE as value_from_text; scratch holds what is built on the
 * way and is the caller's to roll back.
 */
int graph_cell_pack(struct bolt_writer *writer, const struct type *type, const struct cell *cell, struct arena *scratch,
                    struct error *error) _must_check;

/*
 * Packs an array's cell as the list of its elements that are not NULL, each as type (the element's); placed: each as a list of
 * it and its place among all of them, from 1. Otherwise as graph_cell_pack.
 */
int graph_elements_pack(struct bolt_writer *writer, const struct type *type, bool placed, const struct cell *cell,
                        struct arena *scratch, struct error *error) _must_check;

/*
 * Reads a property value as the graph returned it. A type that pgweave never writes (a node, a named time zone, ...) is
 * VALUE_NULL with *ret_foreign set. Strings point into the Bolt message; lists, durations and points are built in the arena.
 * ERR_NOMEM.
 */
int graph_value_unpack(const struct bolt_value *bolt, struct arena *arena, struct value *ret_value,
                       bool *ret_foreign) _must_check;

#endif
