#include "fixture.h"

#include <string.h>

#define INT                                                                                                                    \
	{                                                                                                                      \
		.kind = TYPE_INT                                                                                               \
	}
#define TEXT                                                                                                                   \
	{                                                                                                                      \
		.kind = TYPE_TEXT                                                                                              \
	}

const char FIXTURE_UNCHANGED[] = "unchanged";

static const struct plan_column team_columns[] = {{"id", "bigint", INT, 1, true}, {"name", "text", TEXT, 2, false}};
static const struct plan_column person_columns[] = {
        {"id", "bigint", INT, 1, true},   {"team_id", "bigint", INT, 2, false}, {"idol_id", "bigint", INT, 3, false},
        {"name", "text", TEXT, 4, false}, {"bio", "text", TEXT, 5, false},
};
static const struct plan_column member_columns[] = {
        {"team_id", "bigint", INT, 1, true}, {"person_id", "bigint", INT, 2, true}, {"role", "text", TEXT, 3, false}};
static const struct plan_column call_columns[] = {{"id", "bigint", INT, 1, true},
                                                  {"a", "bigint", INT, 2, false},
                                                  {"b", "bigint", INT, 3, false},
                                                  {"minutes", "bigint", INT, 4, false}};

static const struct plan_column post_columns[] = {{"id", "bigint", INT, 1, true},
                                                  {"tags", "text[]", {.kind = TYPE_TEXT, .array = true}, 2, false}};

static const struct plan_property id_key[] = {{"id", 0, INT}};
static const struct plan_property team_properties[] = {{"name", 1, TEXT}};
static const uint32_t parts_of_summary[] = {0, 3, 4};
static const struct concatenation summary = {": ", parts_of_summary, 3};
static const struct plan_property person_properties[] = {
        {"name", 3, TEXT}, {"bio", 4, TEXT}, {"summary", 0, TEXT, .concatenation = &summary}};
static const struct plan_property member_properties[] = {{"role", 2, TEXT}};
static const struct plan_property call_properties[] = {{"minutes", 3, INT}};
static const struct plan_property tag_key[] = {{"name", 0, TEXT}};
static const struct plan_property place[] = {{"at", 1, INT}};

static struct plan_node nodes[] = {
        [NODE_TEAM] = {.index = NODE_TEAM,
                       .table = TABLE_TEAM,
                       .label = "Team",
                       .key = id_key,
                       .key_count = 1,
                       .properties = team_properties,
                       .properties_count = 1},
        [NODE_PERSON] = {.index = NODE_PERSON,
                         .table = TABLE_PERSON,
                         .label = "Person",
                         .key = id_key,
                         .key_count = 1,
                         .properties = person_properties,
                         .properties_count = 2,
                         .may_be_placeholder = true},
        [NODE_POST] = {.index = NODE_POST, .table = TABLE_POST, .label = "Post", .key = id_key, .key_count = 1},
        [NODE_TAG] = {.index = NODE_TAG, .table = PLAN_TABLE_NONE, .label = "Tag", .key = tag_key, .key_count = 1},
};

static const uint32_t columns_0[] = {0}, columns_1[] = {1}, columns_2[] = {2};

static struct plan_edge in_team = {
        .index = EDGE_IN_TEAM,
        .kind = PLAN_EDGE_FOREIGN_KEY,
        .table = TABLE_PERSON,
        .type = "IN_TEAM",
        .from = {.node = NODE_PERSON, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_0, .enforced = true},
        .to = {.node = NODE_TEAM, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_1, .enforced = true},
        .owner_is_from = true};
static const struct plan_edge idol = {
        .index = EDGE_IDOL,
        .kind = PLAN_EDGE_FOREIGN_KEY,
        .table = TABLE_PERSON,
        .type = "IDOL",
        .from = {.node = NODE_PERSON, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_0, .enforced = true},
        .to = {.node = NODE_PERSON, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_2, .enforced = false},
        .owner_is_from = true};
static struct plan_edge member = {
        .index = EDGE_MEMBER,
        .kind = PLAN_EDGE_JOIN_ENDS,
        .table = TABLE_MEMBER,
        .type = "MEMBER_OF",
        .from = {.node = NODE_PERSON, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_1, .enforced = true},
        .to = {.node = NODE_TEAM, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_0, .enforced = true},
        .properties = member_properties,
        .properties_count = 1};
static const struct plan_edge called = {
        .index = EDGE_CALLED,
        .kind = PLAN_EDGE_JOIN_KEYED,
        .table = TABLE_CALL,
        .type = "CALLED",
        .from = {.node = NODE_PERSON, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_1, .enforced = false},
        .to = {.node = NODE_PERSON, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_2, .enforced = false},
        .key = id_key,
        .key_count = 1,
        .properties = call_properties,
        .properties_count = 1};

static const struct plan_edge tagged = {
        .index = EDGE_TAGGED,
        .kind = PLAN_EDGE_FOREIGN_KEY,
        .table = TABLE_POST,
        .type = "TAGGED",
        .from = {.node = NODE_POST, .by = id_key, .by_count = 1, .by_key = true, .columns = columns_0, .enforced = true},
        .to = {.node = NODE_TAG, .by = tag_key, .by_count = 1, .by_key = true, .columns = columns_1},
        .owner_is_from = true,
        .each = true,
        .key = place,
        .key_count = 1};

static const struct plan_edge *const edges[] = {&in_team, &idol, &member, &called, &tagged};
static const struct plan_edge *const person_edges[] = {&in_team, &idol};
static const struct plan_edge *const member_edges[] = {&member};
static const struct plan_edge *const call_edges[] = {&called};
static const struct plan_edge *const post_edges[] = {&tagged};

static struct plan_table tables[] = {
        [TABLE_TEAM] = {.index = TABLE_TEAM,
                        .schema = "public",
                        .name = "teams",
                        .columns = team_columns,
                        .columns_count = 2,
                        .key_count = 1,
                        .node = &nodes[NODE_TEAM]},
        [TABLE_PERSON] = {.index = TABLE_PERSON,
                          .schema = "public",
                          .name = "people",
                          .columns = person_columns,
                          .columns_count = 5,
                          .key_count = 1,
                          .node = &nodes[NODE_PERSON],
                          .edges = person_edges,
                          .edges_count = 2},
        [TABLE_MEMBER] = {.index = TABLE_MEMBER,
                          .schema = "public",
                          .name = "members",
                          .columns = member_columns,
                          .columns_count = 3,
                          .key_count = 2,
                          .edges = member_edges,
                          .edges_count = 1},
        [TABLE_CALL] = {.index = TABLE_CALL,
                        .schema = "public",
                        .name = "calls",
                        .columns = call_columns,
                        .columns_count = 4,
                        .key_count = 1,
                        .edges = call_edges,
                        .edges_count = 1},
        [TABLE_POST] = {.index = TABLE_POST,
                        .schema = "public",
                        .name = "posts",
                        .columns = post_columns,
                        .columns_count = 2,
                        .key_count = 1,
                        .node = &nodes[NODE_POST],
                        .edges = post_edges,
                        .edges_count = 1},
};

const struct plan fixture_plan = {
        .pipeline = "fixture",
        .digest = "0",
        .tables = tables,
        .tables_count = TABLES,
        .nodes = nodes,
        .nodes_count = NODES,
        .edges = edges,
        .edges_count = EDGES,
};

void fixture_team_stays(bool stays)
{
	nodes[NODE_TEAM].on_delete = stays ? PLAN_DELETE_TOMBSTONE : PLAN_DELETE_DETACH;
	nodes[NODE_TEAM].deleted_label = stays ? "Deleted" : NULL;
}

void fixture_concatenates(bool concatenates)
{
	nodes[NODE_PERSON].properties_count = concatenates ? 3 : 2;
}

void fixture_person_waits(bool waits)
{
	nodes[NODE_PERSON].missing = waits ? PLAN_MISSING_SKIP : PLAN_MISSING_PLACEHOLDER;
}

void fixture_key_stays(bool stays)
{
	in_team.to.stays = stays;
}

void fixture_keys_are_deferrable(bool deferrable)
{
	tables[TABLE_TEAM].key_deferrable = deferrable;
	tables[TABLE_CALL].key_deferrable = deferrable;
}

void fixture_refers_to_name(bool refers)
{
	in_team.to.by = refers ? team_properties : id_key;
	in_team.to.by_key = !refers;
	in_team.to.stays = refers;
	nodes[NODE_TEAM].other_key_stays = refers;
}

void fixture_keeps_history(bool keeps)
{
	static const struct plan_history history = {"validFrom", "validTo", "version"};

	in_team.history = keeps ? &history : NULL;
	member.history = in_team.history;
}

static struct cell cells[4096];
static size_t cells_used;

void fixture_reset(void)
{
	cells_used = 0;
}

const struct cell *fixture_cells(const char *const *texts, size_t count)
{
	struct cell *first = &cells[cells_used];

	for (size_t i = 0; i < count; i++) {
		struct cell *cell = &cells[cells_used++];

		*cell = (struct cell){.kind = CELL_NULL};
		if (texts[i] == FIXTURE_UNCHANGED)
			cell->kind = CELL_UNCHANGED;
		else if (texts[i])
			*cell = (struct cell){.data = texts[i], .size = (uint32_t)strlen(texts[i]), .kind = CELL_TEXT};
	}
	return first;
}
