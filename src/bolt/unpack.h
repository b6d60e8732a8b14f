/*
 * bolt/unpack: PackStream bytes -> trees of struct bolt_value in an arena. Internal; needs libc and base.
 *
 * Strings point into the bytes. Nesting is bounded by depth_max, memory by the arena's maximum, and a count is checked against
 * the bytes left before its elements are allocated. It refuses what the specification does not allow: a wrong field in a known
 * structure, a map key that is no string.
 */
#ifndef PGWEAVE_BOLT_UNPACK_H
#define PGWEAVE_BOLT_UNPACK_H

#include "base/arena.h"
#include "base/buffer.h"
#include "bolt/bolt.h"

/* Takes one value from the reader. Returns 0, BOLT_ERR_PROTOCOL, BOLT_ERR_LIMIT or BOLT_ERR_NOMEM. */
int bolt__unpack(struct reader *reader, struct arena *arena, unsigned depth_max, struct bolt_value *ret_value) _must_check;

#endif
