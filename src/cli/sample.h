/*
 * cli/sample: what the mapping makes of some real rows, in Cypher's way of writing, for `plan`.
 */
#ifndef PGWEAVE_CLI_SAMPLE_H
#define PGWEAVE_CLI_SAMPLE_H

#include "mapping/plan.h"
#include "mapping/render.h"
#include "session/session.h"

/* Up to rows_max rows of each table. The lines live in the arena. */
int sample_read(struct session_postgres *postgres, const struct plan *plan, uint32_t rows_max, struct arena *arena,
                struct plan_sample *ret_sample, struct error *error) _must_check;

#endif
