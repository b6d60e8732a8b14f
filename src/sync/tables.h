/*
 * sync/tables: what a session does about mapped tables that were altered. For use inside the room.
 *
 * The checkpoint keeps what the tables were like when the graph was last known to be right under them, and what has to be
 * loaded or swept. Each session compares the first with the catalogue; what it finds is told, followed, or stopped at. While it
 * streams, a watch over the tables ends it when one is altered, and so does a row that the plan cannot read.
 */
#ifndef PGWEAVE_SYNC_TABLES_H
#define PGWEAVE_SYNC_TABLES_H

#include "base/buffer.h"
#include "mapping/mapping.h"

#include <stdint.h>

struct pipeline;

/* error.origin: the session ends so that the next one can look at the tables anew; nothing is wrong */
#define PIPELINE_ORIGIN_ALTERED "altered"
#define TABLES_SAID_MAX 1024

/* More partitions at once, and the whole table is loaded. */
#define TABLES_LEAVES_MAX 64

/* Each once. */
struct oids {
	uint32_t *items;
	uint32_t count;
	uint32_t capacity;
};

struct pipeline_tables {
	struct buffer before;                   /* mapping/altered.h: as the checkpoint has it; empty: nothing */
	struct buffer now;                      /* as this session has found them */
	char words_before[MAPPING_DIGEST_SIZE]; /* of the mapping file that the graph was made with; "" where not known */
	char words_now[MAPPING_DIGEST_SIZE];
	char said[TABLES_SAID_MAX]; /* the first alterations, for messages; "": none */
	struct oids
	        reload; /* tables whose changes may have been left out, or never came: across sessions, until they are loaded */
	struct oids sweep;          /* tables whose rows may have gone without a change: likewise */
	struct oids leaves;         /* partitions that came with rows that nobody knows; found anew by each session */
	struct oids roots;          /* the tables that these are of */
	uint32_t sessions_in_a_row; /* that ended so, without a look in between that found all well */
};

void tables_init(struct pipeline_tables *tables);
void tables_free(struct pipeline_tables *tables);
/* ERR_NOMEM */
int tables_reload(struct pipeline_tables *tables, uint32_t oid, struct error *error) _must_check;
/* True when rows have to be loaded, or looked for that are gone. */
bool tables_are_due(const struct pipeline_tables *tables);

/* What the checkpoint keeps. ERR_PROTOCOL and the like. */
int tables_read(struct pipeline *pipeline, struct error *error) _must_check;
/* The mapping does not fit the catalogue: adds to the error what was altered, and what to do about it. */
void tables_explain(struct pipeline *pipeline, const struct catalog *catalog, struct error *error);
/* With the plan: tells what was altered, and notes what has to be loaded anew. */
int tables_compare(struct pipeline *pipeline, const struct catalog *catalog, struct error *error) _must_check;
/* True when the mapping file says what it said when the graph was made: it is the tables that differ. */
bool tables_is_same_file(const struct pipeline *pipeline);
/* ERR_STATE when a person is to decide (stream: {schema_changes: stop}). plan_too: the plan is another one, so apply helps. */
int tables_ask(const struct pipeline *pipeline, bool plan_too, struct error *error) _must_check;
/* Keeps in the checkpoint what has to be loaded, before any change of it is left out. The epoch is ours. */
int tables_keep_reload(struct pipeline *pipeline, struct error *error) _must_check;
/* The graph is right under the tables as this session has found them. The epoch is ours. */
int tables_remember(struct pipeline *pipeline, struct error *error) _must_check;

#endif
