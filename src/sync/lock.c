#include "sync/lock.h"

#include "mapping/quote.h"

#include <string.h>

#define SQL_SIZE_MAX ((size_t)4096)
/* The first half of the lock's key: "pgwv". The other is what PostgreSQL makes of the slot's name, the same for all of its
 * sessions. */
#define LOCK_CLASS "1885829750"
/* A server process whose client has just gone needs a moment to notice. */
#define LOCK_WAIT "2s"
#define SQLSTATE_LOCK_NOT_AVAILABLE "55P03"

static void lock__on_pid(void *user, const struct postgres_result *result, const struct error *error)
{
	if (!error)
		*(int32_t *)user = (int32_t)postgres_result_int(result, 0, 0);
}

int lock_holder(struct session_postgres *sql, const char *slot, int32_t *ret_pid, struct error *error)
{
	*ret_pid = 0;
	return session_postgres_query(
	        sql,
	        "SELECT pid FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted "
	        "AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()) "
	        "AND classid = " LOCK_CLASS " AND objid = pg_catalog.hashtext($1)::oid AND objsubid = 2",
	        &slot, 1, lock__on_pid, ret_pid, error);
}

int lock_take(struct session_postgres *replication, struct session_postgres *sql, const char *slot, struct error *error)
{
	struct buffer text;
	int32_t pid;
	int rc;

	/* a connection for replication takes no parameters; the two statements are one transaction */
	buffer_init(&text, SQL_SIZE_MAX);
	buffer_append_text(&text, "SELECT pg_catalog.set_config('lock_timeout', '" LOCK_WAIT "', true); "
	                          "SELECT pg_catalog.pg_advisory_lock(" LOCK_CLASS ", pg_catalog.hashtext(");
	sql_quote_literal(&text, slot);
	buffer_append_text(&text, "))");
	rc = text.failed ? error_set(error, ERR_LIMIT, "the slot's name is too long")
	                 : session_postgres_query(replication, buffer_text(&text), NULL, 0, NULL, NULL, error);
	buffer_free(&text);
	if (rc == 0 || strcmp(error->origin, SQLSTATE_LOCK_NOT_AVAILABLE) != 0)
		return rc;
	rc = lock_holder(sql, slot, &pid, error);
	if (rc < 0)
		return rc;
	error_set_class(error, ERR_STATE, ERROR_RETRY, "another pgweave runs this pipeline, on PostgreSQL's server process %d",
	                pid);
	error_hint(error, "stop it, or give this pipeline another name");
	return ERR_STATE;
}
