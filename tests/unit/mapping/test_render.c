/*
 * Proves that a plan reads well as text, is whole as JSON, and makes a picture in which no box, label or arrow lies over
 * another box or label: over the written plans and over many random graphs.
 */
#include "fixture.h"
#include "golden.h"

#include "mapping/layout.h"
#include "mapping/render.h"

#include <jansson.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define RANDOM_GRAPHS 300
#define CURVE_STEPS 24

static struct plan *example_plan(struct fixture **ret_fixture)
{
	char *catalog = golden_read(GOLDEN_FOLDER, "meetings.txt");
	char *yaml = golden_read(SOURCE_FOLDER, "examples/meetings/pgweave.yaml");
	struct plan *plan = NULL;

	*ret_fixture = fixture_read(catalog);
	assert_int_equal(fixture_compile(*ret_fixture, yaml, &plan, NULL), 0);
	free(catalog);
	free(yaml);
	return plan;
}

static void text_case(void *user, const char *name, const char *input, struct buffer *output)
{
	static const char *const lines[] = {"(:User {id: 1})-[:MEMBER_OF {role: \"lead\"}]->(:Team {id: 7})"};
	const struct plan_sample sample = {lines, 1};

	(void)name;
	(void)input;
	plan_render_text(user, &sample, output);
}

static void test_text(void **state)
{
	struct fixture *fixture;
	struct plan *plan = example_plan(&fixture);

	(void)state;
	golden_check("text.txt", text_case, plan);
	plan_free(plan);
	fixture_free(fixture);
}

static void test_json(void **state)
{
	struct fixture *fixture;
	struct plan *plan = example_plan(&fixture);
	struct buffer buffer;
	json_t *object, *edge;

	(void)state;
	buffer_init(&buffer, (size_t)1 << 20);
	assert_int_equal(plan_render_json(plan, NULL, &buffer), 0);
	object = json_loadb(buffer.data, buffer.size, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	assert_string_equal(json_string_value(json_object_get(object, "digest")), plan->digest);
	assert_int_equal(json_array_size(json_object_get(object, "nodes")), 3);
	edge = json_array_get(json_object_get(object, "relationships"), 0);
	assert_string_equal(json_string_value(json_object_get(edge, "words")), "Team HOSTS Meeting by team_id of Meeting");
	assert_string_equal(json_string_value(json_object_get(edge, "kind")), "foreign_key");
	json_decref(object);
	buffer_free(&buffer);
	/* A lack of room is said, never half a document. */
	buffer_init(&buffer, 100);
	assert_int_equal(plan_render_json(plan, NULL, &buffer), ERR_NOMEM);
	buffer_free(&buffer);
	plan_free(plan);
	fixture_free(fixture);
}

/* Tags are balanced and nothing is left unescaped: enough of XML for what is written here. */
static void check_xml(const char *text)
{
	uint32_t depth = 0;

	for (const char *at = text; *at;) {
		const char *end;

		if (*at == '&') {
			assert_true(strncmp(at, "&amp;", 5) == 0 || strncmp(at, "&lt;", 4) == 0 ||
			            strncmp(at, "&gt;", 4) == 0 || strncmp(at, "&quot;", 6) == 0);
		}
		if (*at != '<') {
			assert_true((unsigned char)*at >= 0x20 || *at == '\n');
			at++;
			continue;
		}
		end = strchr(at, '>');
		assert_non_null(end);
		if (at[1] == '/')
			depth--;
		else if (end[-1] != '/')
			depth++;
		at = end + 1;
	}
	assert_int_equal(depth, 0);
}

static void test_svg(void **state)
{
	static const char yaml[] = "version: 1\npipeline: x\npostgres: {url: x}\nneo4j: {url: 'bolt://x'}\nnodes:\n"
	                           "  \"<A&B> \\\"\\x01\": {table: users}\n  \u6f22: {table: teams, labels: [\"]]>\"]}\n";
	struct fixture *fixture;
	struct plan *plan = example_plan(&fixture), *odd = NULL;
	struct buffer first, second;

	(void)state;
	buffer_init(&first, (size_t)1 << 20);
	buffer_init(&second, (size_t)1 << 20);
	assert_int_equal(plan_render_svg(plan, &first), 0);
	assert_int_equal(plan_render_svg(plan, &second), 0);
	assert_string_equal(buffer_text(&first), buffer_text(&second));
	assert_non_null(strstr(buffer_text(&first), ">PARTICIPATED_IN</text>"));
	check_xml(buffer_text(&first));
	buffer_reset(&first);
	assert_int_equal(fixture_compile(fixture, yaml, &odd, &first), 0);
	assert_int_equal(plan_render_svg(odd, &first), 0);
	assert_non_null(strstr(buffer_text(&first), "&lt;A&amp;B&gt; &quot;\ufffd"));
	check_xml(buffer_text(&first));
	buffer_free(&first);
	buffer_free(&second);
	plan_free(plan);
	plan_free(odd);
	fixture_free(fixture);
}

static uint64_t seed;

static uint32_t random_below(uint32_t bound)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 33) % bound;
}

struct rectangle {
	double left, top, right, bottom;
};

static bool overlap(const struct rectangle *a, const struct rectangle *b)
{
	return a->left < b->right && b->left < a->right && a->top < b->bottom && b->top < a->bottom;
}

static bool inside(const struct rectangle *rectangle, double x, double y)
{
	return x > rectangle->left && x < rectangle->right && y > rectangle->top && y < rectangle->bottom;
}

static uint32_t rectangles_of(const struct layout *layout, struct rectangle *rectangles)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < layout->boxes_count; i++) {
		const struct layout_box *box = &layout->boxes[i];

		rectangles[count++] = (struct rectangle){box->x, box->y, box->x + box->width, box->y + box->height};
	}
	for (uint32_t i = 0; i < layout->edges_count; i++) {
		const struct layout_edge *edge = &layout->edges[i];
		double x = edge->label.x, y = edge->label.y;

		rectangles[count++] = (struct rectangle){x - edge->label_width / 2, y - edge->label_height / 2,
		                                         x + edge->label_width / 2, y + edge->label_height / 2};
	}
	return count;
}

/* An arrow touches no box but where it begins and ends, and no label but its own. */
static void check_arrow(const struct layout *layout, uint32_t index, const struct rectangle *rectangles, uint32_t count)
{
	const struct layout_edge *edge = &layout->edges[index];

	for (uint32_t i = 1; i < edge->points_count; i++)
		for (uint32_t step = 0; step <= CURVE_STEPS; step++) {
			double t = (double)step / CURVE_STEPS, x, y;

			/* Both ends' tangents are level, so the curve is a smooth step in y. */
			x = edge->points[i - 1].x + (edge->points[i].x - edge->points[i - 1].x) * t;
			y = edge->points[i - 1].y + (edge->points[i].y - edge->points[i - 1].y) * (t * t * (3 - 2 * t));
			for (uint32_t r = 0; r < count; r++) {
				struct rectangle shrunk = {rectangles[r].left + 1, rectangles[r].top + 1,
				                           rectangles[r].right - 1, rectangles[r].bottom - 1};

				if (r != layout->boxes_count + index)
					assert_false(inside(&shrunk, x, y));
			}
		}
}

static void check_layout(struct layout *layout)
{
	static struct rectangle rectangles[400];
	uint32_t count = rectangles_of(layout, rectangles);

	for (uint32_t a = 0; a < count; a++) {
		assert_true(isfinite(rectangles[a].left) && isfinite(rectangles[a].top));
		assert_true(rectangles[a].left > -0.01 && rectangles[a].top > -0.01);
		assert_true(rectangles[a].right < layout->width + 0.01 && rectangles[a].bottom < layout->height + 0.01);
		for (uint32_t b = 0; b < a; b++)
			assert_false(overlap(&rectangles[a], &rectangles[b]));
	}
	for (uint32_t i = 0; i < layout->edges_count; i++)
		if (layout->edges[i].from != layout->edges[i].to)
			check_arrow(layout, i, rectangles, count);
}

static void test_layout(void **state)
{
	static struct layout_box boxes[60];
	static struct layout_edge edges[120];

	(void)state;
	for (uint32_t g = 0; g < RANDOM_GRAPHS; g++) {
		struct layout layout = {.boxes = boxes, .edges = edges};
		struct arena arena;

		seed = g * 2654435761u + 1;
		layout.boxes_count = 1 + random_below(g < 20 ? 4 : 40);
		layout.edges_count = random_below(2 * layout.boxes_count);
		for (uint32_t i = 0; i < layout.boxes_count; i++)
			boxes[i] = (struct layout_box){.width = 100 + random_below(200), .height = 60 + random_below(200)};
		for (uint32_t i = 0; i < layout.edges_count; i++)
			edges[i] = (struct layout_edge){
			        .from = random_below(layout.boxes_count),
			        .to = random_below(random_below(2) ? layout.boxes_count : 1 + layout.boxes_count / 4),
			        .label_width = 40 + random_below(200),
			        .label_height = 34,
			};
		arena_init(&arena, (size_t)64 << 20);
		assert_int_equal(layout_run(&layout, &arena), 0);
		check_layout(&layout);
		arena_free(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	        cmocka_unit_test(test_text),
	        cmocka_unit_test(test_json),
	        cmocka_unit_test(test_svg),
	        cmocka_unit_test(test_layout),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
