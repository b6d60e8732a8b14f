#include "bolt/response.h"

#include "bolt/error.h"
#include "bolt/unpack.h"

/* A response is a structure of at most one field, of that type. */
static const struct {
	enum bolt__response response;
	const char *name;
	uint8_t field_count;
	enum bolt_type type;
} responses[] = {
        {BOLT__SUCCESS, "SUCCESS", 1, BOLT_TYPE_MAP}, {BOLT__RECORD, "RECORD", 1, BOLT_TYPE_LIST},
        {BOLT__FAILURE, "FAILURE", 1, BOLT_TYPE_MAP}, {BOLT__IGNORED, "IGNORED", 0, BOLT_TYPE_NULL},
        {BOLT__IGNORED, "IGNORED", 1, BOLT_TYPE_MAP},
};

int bolt__answer_parse(const void *bytes, size_t size, struct arena *arena, unsigned depth_max, struct bolt__answer *ret_answer,
                       struct bolt_error *ret_error)
{
	struct reader reader = reader_of(bytes, size);
	uint8_t marker = reader_u8(&reader), tag = reader_u8(&reader);
	size_t i = 0;
	int error = 0;

	while (i < sizeof(responses) / sizeof(responses[0]) &&
	       (responses[i].response != tag || (0xB0 | responses[i].field_count) != marker))
		i++;
	if (reader.failed || i == sizeof(responses) / sizeof(responses[0]))
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "it begins with %02x %02x, which is no response", marker,
		                       tag);
	*ret_answer = (struct bolt__answer){.response = responses[i].response};
	/* The depth that a user gives is that of his values: the list of a RECORD does not count. */
	if (responses[i].field_count)
		error = bolt__unpack(&reader, arena, depth_max + 1, &ret_answer->field);
	if (error)
		return bolt__error_set(ret_error, error, "the %s is %s", responses[i].name,
		                       error == BOLT_ERR_LIMIT ? "nested too deeply, or too large for message_memory_max"
		                                               : "malformed");
	if (responses[i].field_count && ret_answer->field.type != responses[i].type)
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the %s holds a %s", responses[i].name,
		                       bolt_type_name(ret_answer->field.type));
	if (reader_left(&reader))
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "%zu bytes follow the %s", reader_left(&reader),
		                       responses[i].name);
	return 0;
}

static const char *text_of(const struct bolt_value *map, const char *key, struct arena *arena)
{
	const struct bolt_value *value = bolt_map_get_type(map, key, BOLT_TYPE_STRING);

	return value ? arena_strndup(arena, value->string, value->size) : NULL;
}

static int64_t number_of(const struct bolt_value *map, const char *key)
{
	const struct bolt_value *value = bolt_map_get_type(map, key, BOLT_TYPE_INT);

	return value ? value->integer : -1;
}

void bolt__summary_fill(struct bolt_summary *ret_summary, enum bolt__message message, const struct bolt_value *metadata,
                        struct arena *arena)
{
	const struct bolt_value *more = bolt_map_get_type(metadata, "has_more", BOLT_TYPE_BOOL);

	*ret_summary = (struct bolt_summary){
	        .metadata = metadata,
	        .fields = message == BOLT__RUN ? bolt_map_get_type(metadata, "fields", BOLT_TYPE_LIST) : NULL,
	        .stats = bolt_map_get_type(metadata, "stats", BOLT_TYPE_MAP),
	        .bookmark = text_of(metadata, "bookmark", arena),
	        .database = text_of(metadata, "db", arena),
	        .type = text_of(metadata, "type", arena),
	        .has_more = more && more->boolean,
	        .qid = number_of(metadata, "qid"),
	        .t_first_ms = number_of(metadata, "t_first"),
	        .t_last_ms = number_of(metadata, "t_last"),
	};
}

void bolt__failure_fill(struct bolt_error *ret_error, struct bolt_version version, const struct bolt_value *metadata)
{
	bool gql = bolt__feature_holds(BOLT__FEATURE_GQL_ERRORS, version);

	bolt__error_set_server(ret_error, bolt_map_get_type(metadata, gql ? "neo4j_code" : "code", BOLT_TYPE_STRING),
	                       bolt_map_get_type(metadata, "gql_status", BOLT_TYPE_STRING),
	                       bolt_map_get_type(metadata, "message", BOLT_TYPE_STRING));
}
