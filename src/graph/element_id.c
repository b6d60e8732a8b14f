#include "graph/element_id.h"

#include "graph/statement.h"
#include "mapping/quote.h"

#define LABEL_SIZE_MAX ((size_t)8 * 1024)
#define GONE "_PgweaveElementIdGone."
#define MARK "`" MAPPING_LABEL_ELEMENT_ID "`"
#define TAKEN "`" MAPPING_LABEL_ELEMENT_ID_TAKEN "`"
/* Nothing is found when the epoch is another's. */
#define FENCE                                                                                                                  \
	"MATCH (c:`" GRAPH_LABEL_CHECKPOINT "` {pipeline: $pipeline}) SET c.lock = randomUUID() WITH c WHERE c.epoch = "       \
	"$epoch "
#define PUT_BACK_MAX 10000

const char graph_element_id_done[] = FENCE "UNWIND " GRAPH_ROWS " AS r MATCH (n) WHERE elementId(n) = r REMOVE n:" TAKEN;
const char graph_element_id_problem[] =
        "MATCH (c:`" GRAPH_LABEL_CHECKPOINT "` {pipeline: $pipeline}) RETURN c.element_ids_problem";
const char graph_element_id_set_problem[] = FENCE "SET c.element_ids_problem = $problem";

void graph_element_id_gone_label(const struct plan_node *node, struct buffer *cypher)
{
	struct buffer label;

	buffer_init(&label, LABEL_SIZE_MAX);
	buffer_printf(&label, GONE "%s", node->label);
	cypher_quote(cypher, buffer_text(&label));
	cypher->failed |= label.failed;
	buffer_free(&label);
}

/* "MATCH (n:`mark`) USING SCAN n:`mark` WHERE n:`L` ": there are few of them, and the planner cannot know. */
static void element_id__marked(const struct plan_node *node, const char *mark, struct buffer *cypher)
{
	buffer_printf(cypher, "MATCH (n:%s) USING SCAN n:%s WHERE n:", mark, mark);
	cypher_quote(cypher, node->label);
	buffer_append_byte(cypher, ' ');
}

/* In a subquery: behind the fence's write, in the same query, a LIMIT would read all of them all the same (seen with 5.26). */
static void element_id__some(const struct plan_node *node, const char *mark, int most, struct buffer *cypher)
{
	buffer_append_text(cypher, FENCE "CALL { ");
	element_id__marked(node, mark, cypher);
	buffer_printf(cypher, "RETURN n LIMIT %d } ", most);
}

static void element_id__return_key(const struct plan_node *node, struct buffer *cypher)
{
	buffer_append_text(cypher, "RETURN elementId(n)");
	for (uint32_t i = 0; i < node->key_count; i++) {
		buffer_append_text(cypher, ", n.");
		cypher_quote(cypher, node->key[i].name);
	}
}

void graph_element_id_any(const struct plan_node *node, struct buffer *cypher)
{
	element_id__marked(node, MARK, cypher);
	buffer_append_text(cypher, "RETURN 1 LIMIT 1");
}

void graph_element_id_take(const struct plan_node *node, struct buffer *cypher)
{
	element_id__some(node, MARK, GRAPH_ELEMENT_IDS_MAX, cypher);
	buffer_append_text(cypher, "REMOVE n:" MARK " SET n:" TAKEN " ");
	element_id__return_key(node, cypher);
}

void graph_element_id_put_back(const struct plan_node *node, struct buffer *cypher)
{
	element_id__some(node, TAKEN, PUT_BACK_MAX, cypher);
	buffer_append_text(cypher, "SET n:" MARK " REMOVE n:" TAKEN " RETURN count(n)");
}

void graph_element_id_gone(const struct plan_node *node, struct buffer *cypher)
{
	buffer_append_text(cypher, "MATCH (n:");
	graph_element_id_gone_label(node, cypher);
	buffer_printf(cypher, ") WITH n LIMIT %d ", GRAPH_ELEMENT_IDS_MAX);
	element_id__return_key(node, cypher);
}

void graph_element_id_forgotten(const struct plan_node *node, struct buffer *cypher)
{
	buffer_append_text(cypher, FENCE "UNWIND " GRAPH_ROWS " AS r MATCH (n) WHERE elementId(n) = r AND n:");
	graph_element_id_gone_label(node, cypher);
	buffer_append_text(cypher, " DELETE n");
}

void graph_element_id_mark(const struct plan_node *node, struct buffer *cypher)
{
	buffer_append_text(cypher, "UNWIND " GRAPH_ROWS " AS r MATCH (n:");
	cypher_quote(cypher, node->label);
	for (uint32_t i = 0; i < node->key_count; i++) {
		buffer_append_text(cypher, i ? ", " : " {");
		cypher_quote(cypher, node->key[i].name);
		buffer_printf(cypher, ": r[%u]", i);
	}
	buffer_append_text(cypher, "}) USING INDEX n:");
	cypher_quote(cypher, node->label);
	for (uint32_t i = 0; i < node->key_count; i++) {
		buffer_append_text(cypher, i ? ", " : "(");
		cypher_quote(cypher, node->key[i].name);
	}
	buffer_append_text(cypher, ") SET n:" MARK);
}

void graph_element_id_count(const struct plan_node *node, bool taken, struct buffer *cypher)
{
	element_id__marked(node, taken ? TAKEN : MARK, cypher);
	buffer_append_text(cypher, "RETURN count(n)");
}

static void pack__fence(struct bolt_writer *writer, const char *pipeline, int64_t epoch, bool more)
{
	bolt_writer_map(writer, more ? 3 : 2);
	bolt_writer_cstring(writer, "pipeline");
	bolt_writer_cstring(writer, pipeline);
	bolt_writer_cstring(writer, "epoch");
	bolt_writer_int(writer, epoch);
}

void graph_element_id_pack(struct bolt_writer *writer, const char *pipeline, int64_t epoch, const size_t *rows_count)
{
	pack__fence(writer, pipeline, epoch, rows_count != NULL);
	if (!rows_count)
		return;
	bolt_writer_cstring(writer, "p");
	bolt_writer_map(writer, 1);
	bolt_writer_cstring(writer, "rows");
	bolt_writer_list(writer, *rows_count);
}

void graph_element_id_pack_problem(struct bolt_writer *writer, const char *pipeline, int64_t epoch, const char *problem)
{
	pack__fence(writer, pipeline, epoch, true);
	bolt_writer_cstring(writer, "problem");
	if (problem)
		bolt_writer_cstring(writer, problem);
	else
		bolt_writer_null(writer);
}
