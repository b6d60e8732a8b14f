/*
 * verify/verify: does the graph agree with PostgreSQL, while both go on?
 *
 * Everything is compared under one snapshot of PostgreSQL (verify/compare.h). What differs is only a candidate, since the graph
 * was read at other moments. Each is settled: its row is read, then the position of the WAL; when the graph has passed that
 * position, the graph's entity is read, then the row again. A row that is the same version both times has to be in the graph
 * as it is. If it is not, twice in a row, that is a difference; a row that changed is tried again, and one that never stands
 * still is reported as unsettled. So a busy system yields no false alarm, and nothing is taken for equal that was not seen so.
 *
 * The graph has passed a position when the pipeline's checkpoint, or the slot's confirmed position, has. When no pipeline is
 * running, nothing will come any more: the report says so, and where the graph stands. Limits: VERIFY_CANDIDATES_MAX.
 */
#ifndef PGWEAVE_VERIFY_VERIFY_H
#define PGWEAVE_VERIFY_VERIFY_H

#include "graph/checkpoint.h"
#include "session/session.h"
#include "verify/compare.h"

#include <jansson.h>

#define VERIFY_CANDIDATES_MAX 100000
#define VERIFY_DIFFERENCES_MAX 100 /* told in full, unless asked otherwise */

struct verify_request {
	const bool *tables;       /* by plan table; NULL: all; must outlive the report */
	uint32_t differences_max; /* told in full; 0: VERIFY_DIFFERENCES_MAX */
	bool heal; /* what PostgreSQL was told wrongly of element ids is marked, for the pipeline to tell anew, or forgotten */
	void (*on_progress)(void *user, uint64_t rows);
	void *user;
};

struct verify_report {
	struct arena arena;
	const struct plan *plan;
	const bool *tables;
	struct verify_stats stats; /* settled */
	uint64_t postgres_lsn;     /* PostgreSQL's, of the snapshot that was compared */
	uint64_t graph_lsn;        /* the graph's, at the end */
	enum graph_phase phase;
	bool pipeline_running; /* somebody is streaming from the slot */
	bool at_least;         /* too many candidates: the comparison was ended, there may be more */
	int64_t dead_letters;
	uint64_t
	        element_ids_waiting; /* nodes of whose element ids PostgreSQL is yet to be told, those marked here among them */
	uint64_t element_ids_marked; /* as request.heal asks for */
	uint64_t element_ids_forgotten; /* likewise: those of keys that no row has, in tables beside */
	uint64_t candidates;            /* rechecked */
	uint64_t duration_ms;
	uint64_t differences_total;
	struct verify_difference *differences; /* the first ones, strings cut */
	uint32_t differences_count;
	uint32_t differences_max;
	const char **unsettled; /* the first ones, in words; as many as differences_max at most */
	uint32_t unsettled_count;
};

/*
 * Opens connections of its own. The report is the caller's, freed with verify_report_free, after an error too. plan must
 * outlive it. Errors: the connections'; ERR_CANCELLED on a stop signal; those of verify_compare.
 */
int verify_run(struct session_loop *loop, const struct mapping_settings *settings, const struct plan *plan,
               const struct verify_request *request, struct verify_report *report, struct error *error) _must_check;
void verify_report_free(struct verify_report *report);

/* Nothing is missing, extra, different or unsettled, and nothing was left out for want of room. */
bool verify_report_is_equal(const struct verify_report *report);
void verify_report_text(const struct verify_report *report, struct buffer *text);
/* A new reference; NULL without memory. */
json_t *verify_report_json(const struct verify_report *report);

/* Of how many nodes PostgreSQL is yet to be told the element id; tables as in struct verify_request. */
int verify_element_ids_waiting(struct session_graph *graph, const struct plan *plan, const bool *tables, uint64_t *ret_count,
                               struct error *error) _must_check;

/* Sets tables[i] for each table of that name: schema.table, table, a label, or a relationship's type. How many; 0: unknown. */
uint32_t verify_tables_add(const struct plan *plan, const char *name, bool *tables);

#endif
