/* A plan made by hand: meetings, with one of each kind of edge. */
#ifndef PGWEAVE_TESTS_GRAPH_FIXTURE_H
#define PGWEAVE_TESTS_GRAPH_FIXTURE_H

#include "change/change.h"
#include "mapping/plan.h"

enum { TABLE_TEAM, TABLE_PERSON, TABLE_MEMBER, TABLE_CALL, TABLE_POST, TABLES };
enum { NODE_TEAM, NODE_PERSON, NODE_POST, NODE_TAG, NODES };
enum { EDGE_IN_TEAM, EDGE_IDOL, EDGE_MEMBER, EDGE_CALLED, EDGE_TAGGED, EDGES };

/*
 * teams(id, name); people(id, team_id, idol_id, name, bio): IN_TEAM is enforced, IDOL (to a person) is not;
 * members(team_id, person_id, role): MEMBER_OF, found by its ends; calls(id, a, b, minutes): CALLED, with a key of its own, its
 * ends not enforced; posts(id, tags): TAGGED, for each of the tags, which are nodes made of values, with its place as `at`.
 */
extern const struct plan fixture_plan;
/* Whether IN_TEAM's foreign key is one without ON UPDATE CASCADE; it is not unless a test says so. */
void fixture_key_stays(bool stays);
/* Whether people have a property `summary`, of id, name and bio; likewise. */
void fixture_concatenates(bool concatenates);
/* Whether teams stay when their rows go; likewise. */
void fixture_team_stays(bool stays);
/* Whether the keys of teams and calls are DEFERRABLE; likewise. */
void fixture_keys_are_deferrable(bool deferrable);
/* Whether IN_TEAM refers to a team's name, without ON UPDATE CASCADE; likewise. */
void fixture_refers_to_name(bool refers);
/* Whether relationships to a person without a row wait; likewise. */
void fixture_person_waits(bool waits);
/* Whether IN_TEAM and MEMBER_OF keep their history; they do not unless a test says so. */
void fixture_keeps_history(bool keeps);

/* Cells from texts: NULL is an SQL NULL, FIXTURE_UNCHANGED an unchanged TOAST value. count texts follow. */
extern const char FIXTURE_UNCHANGED[];
#define CELLS(...)                                                                                                             \
	fixture_cells((const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))
const struct cell *fixture_cells(const char *const *texts, size_t count);
/* Gives back what fixture_cells made. */
void fixture_reset(void);

#endif
