/* check/room: between the files of this room. */
#ifndef PGWEAVE_CHECK_ROOM_H
#define PGWEAVE_CHECK_ROOM_H

#include "check/check.h"

void check__add(struct check *check, enum check_level level, const char *mend, const char *object, const char *format, ...)
        _printf_like(5, 6);
/* The statement that mends the finding just added. */
void check__mend(struct check *check, const char *format, ...) _printf_like(2, 3);
/* The server, the role, slot and publication. */
void check__postgres(struct check *check, const struct postgres_facts *facts, const struct mapping_settings *settings,
                     const struct plan *plan);
/* The tables of the plan, as the catalogue has them. */
void check__tables(struct check *check, const struct catalog *catalog, const struct plan *plan,
                   const struct postgres_role_facts *role, const struct mapping_settings *settings,
                   const struct postgres_publication_facts *publication);
/* Where element ids are written to: rights, the tables beside, the replication origin. */
int check__element_ids(struct check *check, struct session_postgres *postgres, const struct plan *plan,
                       const struct mapping_settings *settings, const struct postgres_role_facts *role,
                       struct error *error) _must_check;
int check__graph(struct check *check, struct session_graph *graph, const struct plan *plan,
                 const struct mapping_settings *settings, const struct postgres_facts *facts, struct error *error) _must_check;

#endif
