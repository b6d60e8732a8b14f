/*
 * verify/order: one total order of key values for both databases.
 *
 * PostgreSQL and Neo4j are asked to deliver in this order, and every stream is checked against it, so that a server that sorts
 * otherwise is noticed. Measured on Neo4j 5.26: its indexes order strings by code point, which is the order of their UTF-8
 * bytes, but Cypher's ORDER BY over values that it computed orders by UTF-16 unit; bytes are ordered as signed numbers; zoned
 * times by instant. Pure.
 */
#ifndef PGWEAVE_VERIFY_ORDER_H
#define PGWEAVE_VERIFY_ORDER_H

#include "change/value.h"

/* Below, at, above 0. Of different kinds the kind decides. NaN equals itself and comes last; -0.0 equals 0.0. */
int verify_value_order(const struct value *a, const struct value *b);
int verify_values_order(const struct value *a, const struct value *b, uint32_t count);
/* What value_from_text makes of that type; VALUE_NULL when it makes nothing. */
enum value_kind verify_type_kind(const struct type *type);
/* True when both servers can deliver values of that type in this order. */
bool verify_type_is_ordered(const struct type *type);

/*
 * Copies the value into the arena. A string, bytes or list is cut to size_max bytes or elements. False without memory.
 */
bool verify_value_copy(struct arena *arena, const struct value *value, uint32_t size_max, struct value *ret_value) _must_check;

#endif
