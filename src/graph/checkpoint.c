#include "graph/checkpoint.h"

#include "change/change.h"
#include "graph/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NODE "(c:`" GRAPH_LABEL_CHECKPOINT "` {pipeline: $pipeline})"

const char graph_checkpoint_constraint[] =
        "CREATE CONSTRAINT IF NOT EXISTS FOR (c:`" GRAPH_LABEL_CHECKPOINT "`) REQUIRE c.pipeline IS UNIQUE";

#define RETURN_CHECKPOINT                                                                                                      \
	"OPTIONAL MATCH (d:`" GRAPH_LABEL_DEAD_LETTER "` {pipeline: $pipeline}) WITH c, count(d) AS dead "                     \
	"RETURN c.phase, c.epoch, c.position, c.piece_lsn, c.piece_changes, c.commit_time_us, c.system_identifier, "           \
	"c.timeline, c.slot, c.mapping_digest, c.publication_digest, c.problem, dead, c.updated_at.epochMillis, "              \
	"c.approved_digest, c.mappings IS NOT NULL"

const char graph_checkpoint_read[] = "MATCH " NODE " " RETURN_CHECKPOINT;

const char graph_checkpoint_mappings[] = "MATCH " NODE " RETURN c.mappings";

const char graph_checkpoint_approve[] = "MATCH " NODE " SET c.approved_digest = $mapping_digest";

const char graph_checkpoint_acquire[] =
        "MERGE " NODE " SET c.lock = randomUUID() WITH c "
        "SET c.epoch = coalesce(c.epoch, 0) + 1, c.position = coalesce(c.position, 0), c.lsn = coalesce(c.lsn, '0/0'), "
        "c.piece_lsn = coalesce(c.piece_lsn, 0), c.piece_changes = coalesce(c.piece_changes, 0), "
        "c.phase = coalesce(c.phase, 'none'), c.updated_at = datetime() "
        "WITH c " RETURN_CHECKPOINT;

const char graph_checkpoint_describe[] =
        "MATCH " NODE " SET c.lock = randomUUID() WITH c WHERE c.epoch = $epoch "
        "SET c.phase = $phase, c.position = $position, c.lsn = $lsn, c.piece_lsn = $piece_lsn, c.piece_changes = "
        "$piece_changes, "
        "c.system_identifier = $system_identifier, c.timeline = $timeline, c.slot = $slot, c.mapping_digest = $mapping_digest, "
        "c.publication_digest = $publication_digest, c.problem = $problem, c.mappings = coalesce($mappings, c.mappings), "
        "c.approved_digest = CASE WHEN c.approved_digest <> $mapping_digest THEN c.approved_digest END, "
        "c.updated_at = datetime() "
        "RETURN c.epoch";

/* The first SET takes the node's lock, so that what is read behind it is the last committed state. Division by zero fails it.
 */
const char graph_checkpoint_move[] =
        "OPTIONAL MATCH " NODE " SET c.lock = $token "
        "WITH c, 1 / CASE WHEN c.epoch = $epoch AND c.position = $from AND c.piece_lsn = $from_piece_lsn "
        "AND c.piece_changes = $from_piece_changes THEN 1 ELSE 0 END AS held "
        "SET c.moves = coalesce(c.moves, 0) + held, c.position = $to, c.lsn = $lsn, c.piece_lsn = $to_piece_lsn, "
        "c.piece_changes = $to_piece_changes, c.commit_time_us = $commit_time_us, c.updated_at = datetime()";

const char graph_dead_letters_create[] =
        "UNWIND $rows AS r CREATE (:`" GRAPH_LABEL_DEAD_LETTER "` {pipeline: $pipeline, table: r[0], key: r[1], row: r[2], "
        "code: r[3], message: r[4], lsn: r[5], at: datetime()})";

const char graph_checkpoint_tables[] = "MATCH " NODE " RETURN c.tables, c.mapping_words, c.reload";

const char graph_checkpoint_remember[] =
        "MATCH " NODE " SET c.lock = randomUUID() WITH c WHERE c.epoch = $epoch "
        "SET c.tables = $tables, c.mapping_words = $mapping_words, c.reload = null RETURN c.epoch";

const char graph_checkpoint_reload[] = "MATCH " NODE " SET c.lock = randomUUID() WITH c WHERE c.epoch = $epoch "
                                       "SET c.reload = $reload RETURN c.epoch";

static const char *const phase_names[] = {
#define X(name, text) [GRAPH_PHASE_##name] = text,
        GRAPH_PHASES(X)
#undef X
};

const char *graph_phase_name(enum graph_phase phase)
{
	return phase_names[phase];
}

static int64_t checkpoint__int(const struct bolt_value *value)
{
	return value->type == BOLT_TYPE_INT ? value->integer : 0;
}

static void checkpoint__text(const struct bolt_value *value, char *text, size_t size_max)
{
	size_t size = value->type == BOLT_TYPE_STRING ? value->size : 0;

	if (size >= size_max)
		size = size_max - 1;
	if (size)
		memcpy(text, value->string, size);
	text[size] = '\0';
}

int graph_checkpoint_unpack(const struct bolt_value *values, size_t count, struct graph_checkpoint *checkpoint)
{
	char system[GRAPH_TEXT_MAX];

	if (count != 16)
		return ERR_PROTOCOL;
	*checkpoint = (struct graph_checkpoint){.phase = GRAPH_PHASE_NONE};
	for (size_t i = 0; i < sizeof(phase_names) / sizeof(*phase_names); i++)
		if (bolt_value_is_string(&values[0], phase_names[i]))
			checkpoint->phase = (enum graph_phase)i;
	checkpoint->epoch = checkpoint__int(&values[1]);
	checkpoint->position.lsn = (uint64_t)checkpoint__int(&values[2]);
	checkpoint->position.piece_lsn = (uint64_t)checkpoint__int(&values[3]);
	checkpoint->position.piece_changes = (uint64_t)checkpoint__int(&values[4]);
	checkpoint->position.commit_time_us = checkpoint__int(&values[5]);
	checkpoint__text(&values[6], system, sizeof(system));
	checkpoint->system_identifier = strtoull(system, NULL, 10);
	checkpoint->timeline = checkpoint__int(&values[7]);
	checkpoint__text(&values[8], checkpoint->slot, sizeof(checkpoint->slot));
	checkpoint__text(&values[9], checkpoint->mapping_digest, sizeof(checkpoint->mapping_digest));
	checkpoint__text(&values[10], checkpoint->publication_digest, sizeof(checkpoint->publication_digest));
	checkpoint__text(&values[11], checkpoint->problem, sizeof(checkpoint->problem));
	checkpoint->dead_letters = checkpoint__int(&values[12]);
	checkpoint->updated_ms = checkpoint__int(&values[13]);
	checkpoint__text(&values[14], checkpoint->approved_digest, sizeof(checkpoint->approved_digest));
	checkpoint->described = values[15].type == BOLT_TYPE_BOOL && values[15].boolean;
	return 0;
}

bool graph_checkpoint_is_same(const struct graph_checkpoint *a, const struct graph_checkpoint *b)
{
	return a->phase == b->phase && a->system_identifier == b->system_identifier && a->timeline == b->timeline &&
	       a->described == b->described && strcmp(a->slot, b->slot) == 0 &&
	       strcmp(a->mapping_digest, b->mapping_digest) == 0 && strcmp(a->publication_digest, b->publication_digest) == 0;
}

static void pack__text(struct bolt_writer *writer, const char *name, const char *text)
{
	bolt_writer_cstring(writer, name);
	bolt_writer_cstring(writer, text);
}

static void pack__int(struct bolt_writer *writer, const char *name, int64_t value)
{
	bolt_writer_cstring(writer, name);
	bolt_writer_int(writer, value);
}

static void pack__lsn(struct bolt_writer *writer, const char *name, uint64_t lsn)
{
	char text[LSN_TEXT_SIZE];

	pack__text(writer, name, lsn_print(lsn, text));
}

void graph_checkpoint_pack_pipeline(struct bolt_writer *writer, const char *pipeline)
{
	bolt_writer_map(writer, 1);
	pack__text(writer, "pipeline", pipeline);
}

void graph_checkpoint_pack_approve(struct bolt_writer *writer, const char *pipeline, const char *mapping_digest)
{
	bolt_writer_map(writer, 2);
	pack__text(writer, "pipeline", pipeline);
	pack__text(writer, "mapping_digest", mapping_digest);
}

void graph_checkpoint_pack_describe(struct bolt_writer *writer, const char *pipeline, const struct graph_checkpoint *checkpoint,
                                    const char *mappings)
{
	char system[24];

	snprintf(system, sizeof(system), "%llu", (unsigned long long)checkpoint->system_identifier);
	bolt_writer_map(writer, 14);
	pack__text(writer, "pipeline", pipeline);
	pack__int(writer, "epoch", checkpoint->epoch);
	pack__text(writer, "phase", graph_phase_name(checkpoint->phase));
	pack__int(writer, "position", (int64_t)checkpoint->position.lsn);
	pack__lsn(writer, "lsn", checkpoint->position.lsn);
	pack__int(writer, "piece_lsn", (int64_t)checkpoint->position.piece_lsn);
	pack__int(writer, "piece_changes", (int64_t)checkpoint->position.piece_changes);
	pack__text(writer, "system_identifier", system);
	pack__int(writer, "timeline", checkpoint->timeline);
	pack__text(writer, "slot", checkpoint->slot);
	pack__text(writer, "mapping_digest", checkpoint->mapping_digest);
	pack__text(writer, "publication_digest", checkpoint->publication_digest);
	pack__text(writer, "problem", checkpoint->problem);
	bolt_writer_cstring(writer, "mappings");
	if (mappings)
		bolt_writer_cstring(writer, mappings);
	else
		bolt_writer_null(writer);
}

void graph_checkpoint_pack_remember(struct bolt_writer *writer, const char *pipeline, int64_t epoch, const char *tables,
                                    const char *mapping_words)
{
	bolt_writer_map(writer, 4);
	pack__text(writer, "pipeline", pipeline);
	pack__int(writer, "epoch", epoch);
	pack__text(writer, "tables", tables);
	pack__text(writer, "mapping_words", mapping_words);
}

void graph_checkpoint_pack_reload(struct bolt_writer *writer, const char *pipeline, int64_t epoch, uint32_t count)
{
	bolt_writer_map(writer, 3);
	pack__text(writer, "pipeline", pipeline);
	pack__int(writer, "epoch", epoch);
	bolt_writer_cstring(writer, "reload");
	bolt_writer_list(writer, count);
}

void graph_checkpoint_pack_move(struct bolt_writer *writer, const char *pipeline, int64_t epoch,
                                const struct graph_position *from, const struct graph_position *to, int64_t token)
{
	bolt_writer_map(writer, 11);
	pack__text(writer, "pipeline", pipeline);
	pack__int(writer, "epoch", epoch);
	pack__int(writer, "token", token);
	pack__int(writer, "from", (int64_t)from->lsn);
	pack__int(writer, "from_piece_lsn", (int64_t)from->piece_lsn);
	pack__int(writer, "from_piece_changes", (int64_t)from->piece_changes);
	pack__int(writer, "to", (int64_t)to->lsn);
	pack__int(writer, "to_piece_lsn", (int64_t)to->piece_lsn);
	pack__int(writer, "to_piece_changes", (int64_t)to->piece_changes);
	pack__lsn(writer, "lsn", to->lsn);
	pack__int(writer, "commit_time_us", to->commit_time_us);
}

bool graph_checkpoint_fence_failed(const char *neo4j_code)
{
	return strcmp(neo4j_code, "Neo.ClientError.Statement.ArithmeticError") == 0;
}

void graph_dead_letter_pack_begin(struct bolt_writer *writer, const char *pipeline, size_t count)
{
	bolt_writer_map(writer, 2);
	pack__text(writer, "pipeline", pipeline);
	bolt_writer_cstring(writer, "rows");
	bolt_writer_list(writer, count);
}

void graph_dead_letter_pack(struct bolt_writer *writer, const struct graph_dead_letter *letter)
{
	char lsn[LSN_TEXT_SIZE];

	bolt_writer_list(writer, 6);
	bolt_writer_cstring(writer, letter->table);
	bolt_writer_cstring(writer, letter->key);
	bolt_writer_cstring(writer, letter->row);
	bolt_writer_cstring(writer, letter->code);
	bolt_writer_cstring(writer, letter->message);
	bolt_writer_cstring(writer, lsn_print(letter->lsn, lsn));
}
