/*
 * mapping/altered: what the mapped tables were like when the graph was made equal to them, and what has been altered since.
 *
 * The checkpoint holds the first as a text (JSON), in full and with names, so that a person can be told what happened to which
 * column. What changes rows without a change in the WAL (partitions, rewrites, labels of enums), or lets the same columns mean
 * something else, makes a table `load`: its rows in the graph are no longer known to be right. Of partitions only those are
 * loaded that came; when one went, the graph has rows too many. Whether the plan itself is another one is not looked at here.
 * What is read comes from a server: it is bounded and checked. Pure.
 */
#ifndef PGWEAVE_MAPPING_ALTERED_H
#define PGWEAVE_MAPPING_ALTERED_H

#include "base/buffer.h"
#include "base/error.h"
#include "mapping/catalog.h"
#include "mapping/plan.h"

#define ALTERED_SIZE_MAX ((size_t)64 * 1024 * 1024) /* of the text */

struct alteration {
	uint32_t oid;      /* of the table, as it was */
	const char *words; /* "public.orders: column total is named amount now" */
	const char *mend;  /* what to do should the mapping not fit any more because of it; or NULL */
	const char *about; /* with mend: the column, or schema.table, by the name that it had */
	bool load;
	bool sweep;             /* it has lost rows, and nothing else */
	const uint32_t *leaves; /* OIDs of partitions that came: their rows are not known, those of the others are */
	uint32_t leaves_count;
};

struct alterations {
	struct arena arena;
	const struct alteration *items;
	uint32_t count;
};

/* Appends the text about the plan's tables. ERR_NOMEM. */
int altered_remember(const struct plan *plan, const struct catalog *catalog, struct buffer *text) _must_check;

/*
 * What is not as the text says. Without a plan (the mapping does not fit any more) nothing is said to be loaded. ERR_PROTOCOL
 * when the text is not one of ours, ERR_LIMIT, ERR_NOMEM. The caller frees alterations->arena, after an error too.
 */
int altered_find(const char *text, size_t size, const struct catalog *catalog, const struct plan *plan,
                 struct alterations *alterations) _must_check;

#endif
