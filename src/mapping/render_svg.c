#include "change/conversion.h"
#include "mapping/layout.h"
#include "mapping/render.h"
#include "mapping/text.h"

#include <math.h>
#include <string.h>

#define SVG_ARENA_SIZE_MAX ((size_t)128 * 1024 * 1024)
#define MARGIN 32.0
#define HEAD_HEIGHT 58.0
#define FOOT_HEIGHT 34.0
#define BOX_WIDTH_MIN 168.0
#define BOX_TITLE_HEIGHT 46.0
#define ROW_HEIGHT 18.0
#define ROW_PAD 10.0
#define BOX_PAD 14.0
#define TYPE_GAP 22.0 /* between a property's name and its type */
#define ROWS_MAX 9
#define NAME_WIDTH_MAX 190.0
#define LABEL_WIDTH_MAX 210.0
#define FONT "font-family=\"Inter, 'Helvetica Neue', Helvetica, Arial, 'DejaVu Sans', sans-serif\""
#define INK "#0f172a"
#define INK_SOFT "#475569"
#define INK_FAINT "#64748b"

/* band behind the title, and a dark shade for keys and arrows: both readable in print and for the colour-blind */
static const struct {
	const char *band;
	const char *line;
} colors[] = {
        {"#dbeafe", "#1d4ed8"}, {"#dcfce7", "#15803d"}, {"#fef3c7", "#a16207"}, {"#fce7f3", "#be185d"},
        {"#ede9fe", "#6d28d9"}, {"#cffafe", "#0e7490"}, {"#ffedd5", "#c2410c"}, {"#e2e8f0", "#334155"},
};

#define COLORS_COUNT (sizeof(colors) / sizeof(colors[0]))

struct svg {
	const struct plan *plan;
	struct buffer *out;
	struct arena arena;
	struct layout layout;
};

/*
 * Widths in thousandths of the size, from space to ~: those of DejaVu Sans, about the widest face that a viewer may take, so
 * that what fits here fits everywhere.
 */
static const uint16_t widths[] = {
        318, 401, 460, 838, 636, 950, 780, 275, 390,  390, 500, 838, 318, 361, 318, 337, 636, 636, 636, 636, 636, 636, 636, 636,
        636, 636, 337, 337, 838, 838, 838, 531, 1000, 684, 686, 698, 770, 632, 575, 775, 752, 295, 295, 656, 557, 863, 748, 787,
        603, 787, 695, 635, 611, 732, 684, 989, 685,  611, 685, 390, 337, 390, 838, 500, 500, 613, 635, 550, 635, 615, 352, 635,
        634, 278, 278, 579, 278, 974, 634, 612, 635,  635, 411, 521, 392, 634, 592, 818, 592, 592, 525, 636, 337, 636, 838,
};

static double svg__character_width(uint32_t character)
{
	if (character >= 0x20 && character < 0x7f)
		return widths[character - 0x20] / 1000.0;
	/* East Asian and pictures are as wide as high */
	return character >= 0x1100 ? 1.0 : 0.7;
}

static double svg__text_width(const char *text, double size, bool bold)
{
	const char *end = text + strlen(text);
	double width = 0;
	uint32_t character;

	for (size_t step; (step = text_utf8_decode(text, end, &character)) != 0; text += step)
		width += svg__character_width(character);
	return width * size * (bold ? 1.1 : 1.0);
}

/* The text cut to a width, with an ellipsis where it was cut; in the arena. */
static const char *svg__fit(struct svg *svg, const char *text, double size, bool bold, double width_max)
{
	const char *end = text + strlen(text);
	const char *at = text;
	double width = size * (bold ? 1.1 : 1.0);
	uint32_t character;
	const char *cut;

	if (svg__text_width(text, size, bold) <= width_max)
		return text;
	for (size_t step; (step = text_utf8_decode(at, end, &character)) != 0; at += step) {
		width += svg__character_width(character) * size * (bold ? 1.1 : 1.0);
		if (width > width_max)
			break;
	}
	cut = arena_printf(&svg->arena, "%.*s\u2026", (int)(at - text), text);
	return cut ? cut : "";
}

/* Escaped for XML; characters that XML cannot hold become the replacement character. */
static void svg__escape(struct buffer *out, const char *text)
{
	const char *end = text + strlen(text);
	uint32_t character;

	for (size_t step; (step = text_utf8_decode(text, end, &character)) != 0; text += step) {
		if (character == '&')
			buffer_append_text(out, "&amp;");
		else if (character == '<')
			buffer_append_text(out, "&lt;");
		else if (character == '>')
			buffer_append_text(out, "&gt;");
		else if (character == '"')
			buffer_append_text(out, "&quot;");
		else if (character < 0x20 || (character & 0xfffe) == 0xfffe)
			buffer_append_text(out, "\ufffd");
		else
			buffer_append(out, text, step);
	}
}

struct svg_text {
	double x;
	double y;
	double size;
	const char *color;
	const char *anchor;
	bool bold;
};

static void svg__text(struct svg *svg, const struct svg_text *style, const char *text)
{
	buffer_printf(svg->out, "<text x=\"%.1f\" y=\"%.1f\" font-size=\"%g\" fill=\"%s\"", style->x, style->y, style->size,
	              style->color);
	if (style->anchor)
		buffer_printf(svg->out, " text-anchor=\"%s\"", style->anchor);
	if (style->bold)
		buffer_append_text(svg->out, " font-weight=\"700\"");
	buffer_append_byte(svg->out, '>');
	svg__escape(svg->out, text);
	buffer_append_text(svg->out, "</text>\n");
}

static uint32_t svg__rows(const struct plan_node *node)
{
	uint32_t count = node->key_count + node->properties_count;

	return count > ROWS_MAX ? ROWS_MAX : count;
}

static const struct plan_property *svg__row(const struct plan_node *node, uint32_t row)
{
	return row < node->key_count ? &node->key[row] : &node->properties[row - node->key_count];
}

/* What a conversion makes; NULL when it keeps the type. */
static const char *svg__converted(const struct type *type)
{
	static const char *const paths[] = {"ANY", "STRING", "FLOAT", "INTEGER"};
	const struct conversion *conversion = type->conversion;
	bool moment = type->kind == TYPE_DATE || type->kind == TYPE_TIMESTAMP || type->kind == TYPE_TIMESTAMPTZ;

	if (!conversion)
		return NULL;
	if (conversion->epoch != EPOCH_NONE)
		return moment ? "INTEGER" : "ZONED DATETIME";
	if (conversion->scale_mantissa)
		return "FLOAT";
	if (conversion->split)
		return "LIST<STRING>";
	return conversion->path_count ? paths[conversion->as] : NULL;
}

static const char *svg__type(struct svg *svg, const struct plan_property *property)
{
	const char *converted = svg__converted(&property->type);
	static const char *const numerics[] = {"STRING", "FLOAT", "INTEGER"};
	const char *name = property->type.kind == TYPE_NUMERIC ? numerics[property->type.numeric_as]
	                                                       : type_kind_graph_name(property->type.kind);
	const char *list = property->type.array ? arena_printf(&svg->arena, "LIST<%s>", name) : name;

	if (converted)
		return converted;
	return list ? list : "";
}

/* "public.packages, about 63,000 rows" in a short form */
static const char *svg__table(struct svg *svg, const struct plan_table *table)
{
	static const struct {
		double least;
		double unit;
		const char *name;
	} units[] = {{1e9, 1e9, "G"}, {1e6, 1e6, "M"}, {1e4, 1e3, "k"}};
	const char *name = strcmp(table->schema, "public") == 0
	                           ? table->name
	                           : arena_printf(&svg->arena, "%s.%s", table->schema, table->name);
	double rows = (double)table->rows_estimate;
	const char *text = NULL;

	if (rows <= 0)
		return name ? name : "";
	for (size_t i = 0; !text && i < sizeof(units) / sizeof(units[0]); i++)
		if (rows >= units[i].least)
			text = arena_printf(&svg->arena, "%s \u00b7 ~%.0f%s rows", name ? name : "", rows / units[i].unit,
			                    units[i].name);
	if (!text && rows >= 1000)
		text = arena_printf(&svg->arena, "%s \u00b7 ~%d,%03d rows", name ? name : "", (int)rows / 1000,
		                    (int)rows % 1000);
	if (!text)
		text = arena_printf(&svg->arena, "%s \u00b7 ~%.0f rows", name ? name : "", rows);
	return text ? text : "";
}

static const char *svg__subtitle(struct svg *svg, const struct plan_node *node)
{
	return plan_node_is_value(node) ? "one for each value" : svg__table(svg, &svg->plan->tables[node->table]);
}

static const char *svg__title(struct svg *svg, const struct plan_node *node)
{
	const char *title = node->label;

	for (uint32_t i = 0; i < node->labels_more_count && title; i++)
		title = arena_printf(&svg->arena, "%s : %s", title, node->labels_more[i]);
	return title ? svg__fit(svg, title, 15, true, 260) : "";
}

static void svg__measure_box(struct svg *svg, const struct plan_node *node, struct layout_box *box)
{
	uint32_t rows = svg__rows(node);
	bool more = node->key_count + node->properties_count > ROWS_MAX;
	double width = svg__text_width(svg__title(svg, node), 15, true);

	width = fmax(width, fmin(260, svg__text_width(svg__subtitle(svg, node), 11, false)));
	for (uint32_t i = 0; i < rows; i++) {
		const struct plan_property *property = svg__row(node, i);

		width = fmax(width, 12 + fmin(NAME_WIDTH_MAX, svg__text_width(property->name, 12, i < node->key_count)) +
		                            TYPE_GAP + svg__text_width(svg__type(svg, property), 9.5, false));
	}
	box->width = fmax(BOX_WIDTH_MIN, ceil(width) + 2 * BOX_PAD);
	box->height = BOX_TITLE_HEIGHT + ROW_PAD + (rows + more) * ROW_HEIGHT + ROW_PAD;
}

/* What stands under a type: the properties of a join table's row, or the column of a foreign key. */
static const char *svg__edge_note(struct svg *svg, const struct plan_edge *edge)
{
	const struct plan_table *table = &svg->plan->tables[edge->table];
	const struct plan_end *end = edge->owner_is_from ? &edge->to : &edge->from;
	const struct plan_node *node = &svg->plan->nodes[end->node];
	uint32_t count = edge->key_count + edge->properties_count;
	struct buffer note;
	const char *text;

	buffer_init(&note, (size_t)64 * 1024);
	if (edge->kind == PLAN_EDGE_FOREIGN_KEY) {
		buffer_append_text(&note, edge->each ? "each of " : "");
		for (uint32_t i = 0; i < node->key_count; i++)
			buffer_printf(&note, "%s%s", i ? ", " : "", table->columns[end->columns[i]].name);
	} else if (count) {
		for (uint32_t i = 0; i < count; i++)
			buffer_printf(&note, "%s%s", i ? ", " : "{",
			              i < edge->key_count ? edge->key[i].name : edge->properties[i - edge->key_count].name);
		buffer_append_byte(&note, '}');
	} else {
		buffer_append_text(&note, table->name);
	}
	buffer_append_text(&note, edge->history ? " + versions" : "");
	text = arena_strdup(&svg->arena, buffer_text(&note));
	buffer_free(&note);
	return text ? svg__fit(svg, text, 10, false, LABEL_WIDTH_MAX) : "";
}

static void svg__measure_edge(struct svg *svg, const struct plan_edge *edge, struct layout_edge *drawn)
{
	const char *type = svg__fit(svg, edge->type, 11, true, LABEL_WIDTH_MAX);

	drawn->from = edge->from.node;
	drawn->to = edge->to.node;
	drawn->label_width =
	        ceil(fmax(svg__text_width(type, 11, true), svg__text_width(svg__edge_note(svg, edge), 10, false))) + 16;
	drawn->label_height = 34;
}

static int svg__layout(struct svg *svg)
{
	struct layout *layout = &svg->layout;

	layout->boxes_count = svg->plan->nodes_count;
	layout->edges_count = svg->plan->edges_count;
	layout->boxes = arena_calloc(&svg->arena, layout->boxes_count + 1, sizeof(*layout->boxes));
	layout->edges = arena_calloc(&svg->arena, layout->edges_count + 1, sizeof(*layout->edges));
	if (!layout->boxes || !layout->edges)
		return ERR_NOMEM;
	for (uint32_t i = 0; i < layout->boxes_count; i++)
		svg__measure_box(svg, &svg->plan->nodes[i], &layout->boxes[i]);
	for (uint32_t i = 0; i < layout->edges_count; i++)
		svg__measure_edge(svg, svg->plan->edges[i], &layout->edges[i]);
	return layout_run(layout, &svg->arena);
}

static void svg__open_group(struct svg *svg, const char *title)
{
	buffer_append_text(svg->out, "<g><title>");
	svg__escape(svg->out, title);
	buffer_append_text(svg->out, "</title>\n");
}

static void svg__rows_of(struct svg *svg, const struct plan_node *node, const struct layout_box *box, const char *color)
{
	uint32_t rows = svg__rows(node), all = node->key_count + node->properties_count;
	double y = box->y + BOX_TITLE_HEIGHT + ROW_PAD + 13;

	for (uint32_t i = 0; i < rows; i++, y += ROW_HEIGHT) {
		const struct plan_property *property = svg__row(node, i);
		bool is_key = i < node->key_count;

		if (is_key)
			buffer_printf(svg->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"%s\"/>\n", box->x + BOX_PAD + 3,
			              y - 4, color);
		svg__text(svg, &(struct svg_text){box->x + BOX_PAD + 12, y, 12, INK, NULL, is_key},
		          svg__fit(svg, property->name, 12, is_key, NAME_WIDTH_MAX));
		svg__text(svg, &(struct svg_text){box->x + box->width - BOX_PAD, y, 9.5, INK_FAINT, "end", false},
		          svg__type(svg, property));
	}
	if (all > rows) {
		const char *more = arena_printf(&svg->arena, "and %u more", all - rows);

		svg__text(svg, &(struct svg_text){box->x + BOX_PAD + 12, y, 11, INK_FAINT, NULL, false}, more ? more : "");
	}
}

static void svg__box(struct svg *svg, const struct plan_node *node)
{
	const struct layout_box *box = &svg->layout.boxes[node->index];
	const char *band = colors[node->index % COLORS_COUNT].band, *line = colors[node->index % COLORS_COUNT].line;
	double right = box->x + box->width;

	svg__open_group(svg, node->label);
	buffer_printf(svg->out,
	              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"10\" fill=\"#0f172a\" "
	              "fill-opacity=\"0.07\"/>\n",
	              box->x + 1.5, box->y + 3, box->width, box->height);
	buffer_printf(svg->out,
	              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"10\" fill=\"#ffffff\" stroke=\"%s\" "
	              "stroke-width=\"1.3\"%s/>\n",
	              box->x, box->y, box->width, box->height, line,
	              node->may_be_placeholder && !plan_node_waits(node) ? " stroke-dasharray=\"6 4\"" : "");
	buffer_printf(svg->out, "<path d=\"M%.1f %.1fv%.1fa9 9 0 0 1 9 -9h%.1fa9 9 0 0 1 9 9v%.1fz\" fill=\"%s\"/>\n",
	              box->x + 1, box->y + BOX_TITLE_HEIGHT, -(BOX_TITLE_HEIGHT - 10), box->width - 20, BOX_TITLE_HEIGHT - 10,
	              band);
	buffer_printf(svg->out, "<path d=\"M%.1f %.1fH%.1f\" stroke=\"%s\" stroke-opacity=\"0.35\"/>\n", box->x + 1,
	              box->y + BOX_TITLE_HEIGHT, right - 1, line);
	svg__text(svg, &(struct svg_text){box->x + BOX_PAD, box->y + 21, 15, INK, NULL, true}, svg__title(svg, node));
	svg__text(svg, &(struct svg_text){box->x + BOX_PAD, box->y + 37, 11, INK_SOFT, NULL, false},
	          svg__fit(svg, svg__subtitle(svg, node), 11, false, box->width - 2 * BOX_PAD));
	svg__rows_of(svg, node, box, line);
	buffer_append_text(svg->out, "</g>\n");
}

/* Straight across a column, curved between two; see layout.h. */
static void svg__path(struct svg *svg, const struct layout_edge *edge, uint32_t color)
{
	const struct layout_point *at = edge->points;
	bool is_loop = edge->from == edge->to;

	buffer_printf(svg->out, "<path d=\"M%.1f %.1f", at[0].x, at[0].y);
	if (is_loop)
		buffer_printf(svg->out, "C%.1f %.1f %.1f %.1f %.1f %.1f", at[1].x, at[1].y, at[2].x, at[2].y, at[3].x, at[3].y);
	for (uint32_t i = 1; !is_loop && i < edge->points_count; i++) {
		double middle = (at[i - 1].x + at[i].x) / 2;

		if (i % 2)
			buffer_printf(svg->out, "H%.1f", at[i].x);
		else
			buffer_printf(svg->out, "C%.1f %.1f %.1f %.1f %.1f %.1f", middle, at[i - 1].y, middle, at[i].y, at[i].x,
			              at[i].y);
	}
	buffer_printf(
	        svg->out,
	        "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.6\" stroke-opacity=\"0.8\" marker-end=\"url(#arrow%u)\"/>\n",
	        colors[color].line, color);
}

static void svg__edge_label(struct svg *svg, const struct plan_edge *edge, const struct layout_edge *drawn, uint32_t color)
{
	double x = drawn->label.x, y = drawn->label.y;

	buffer_printf(svg->out,
	              "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"8\" fill=\"#ffffff\" stroke=\"%s\" "
	              "stroke-opacity=\"0.35\"/>\n",
	              x - drawn->label_width / 2, y - drawn->label_height / 2, drawn->label_width, drawn->label_height,
	              colors[color].line);
	svg__text(svg, &(struct svg_text){x, y - 2, 11, colors[color].line, "middle", true},
	          svg__fit(svg, edge->type, 11, true, LABEL_WIDTH_MAX));
	svg__text(svg, &(struct svg_text){x, y + 11, 10, INK_SOFT, "middle", false}, svg__edge_note(svg, edge));
}

/* All arrows first, then all labels, so that no arrow lies over a text. */
static void svg__edges(struct svg *svg)
{
	const struct plan *plan = svg->plan;

	for (uint32_t i = 0; i < plan->edges_count; i++) {
		svg__open_group(svg, plan->edges[i]->words);
		svg__path(svg, &svg->layout.edges[i], plan->edges[i]->from.node % COLORS_COUNT);
		buffer_append_text(svg->out, "</g>\n");
	}
	for (uint32_t i = 0; i < plan->edges_count; i++) {
		svg__open_group(svg, plan->edges[i]->words);
		svg__edge_label(svg, plan->edges[i], &svg->layout.edges[i], plan->edges[i]->from.node % COLORS_COUNT);
		buffer_append_text(svg->out, "</g>\n");
	}
}

static void svg__head(struct svg *svg, double width, double height)
{
	const struct plan *plan = svg->plan;
	struct buffer *out = svg->out;

	buffer_printf(out,
	              "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%.0f\" height=\"%.0f\" viewBox=\"0 0 %.0f %.0f\" " FONT
	              " role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">",
	              width, height, width, height);
	svg__escape(out, plan->pipeline);
	buffer_append_text(out, ": PostgreSQL tables as a graph</title>\n<desc id=\"desc\">");
	for (uint32_t i = 0; i < plan->edges_count; i++) {
		svg__escape(out, plan->edges[i]->words);
		buffer_append_text(out, i + 1 < plan->edges_count ? "; " : "");
	}
	buffer_append_text(out, "</desc>\n<defs>\n");
	for (uint32_t i = 0; i < COLORS_COUNT; i++)
		buffer_printf(out,
		              "<marker id=\"arrow%u\" viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" "
		              "markerHeight=\"7\" "
		              "orient=\"auto\"><path d=\"M0 0.8L10 5L0 9.2L2.4 5z\" fill=\"%s\"/></marker>\n",
		              i, colors[i].line);
	buffer_printf(out, "</defs>\n<rect width=\"%.0f\" height=\"%.0f\" rx=\"14\" fill=\"#f8fafc\"/>\n", width, height);
	svg__text(svg, &(struct svg_text){MARGIN, 38, 20, INK, NULL, true}, plan->pipeline);
	buffer_printf(out, "<text x=\"%.1f\" y=\"38\" font-size=\"12\" fill=\"" INK_SOFT "\">%u %s \u00b7 %u %s</text>\n",
	              MARGIN + svg__text_width(plan->pipeline, 20, true) + 14, plan->nodes_count,
	              plan->nodes_count == 1 ? "label" : "labels", plan->edges_count,
	              plan->edges_count == 1 ? "kind of relationship" : "kinds of relationships");
}

static void svg__foot(struct svg *svg, double height)
{
	bool placeholders = false;
	double y = height - 20;

	for (uint32_t i = 0; i < svg->plan->nodes_count; i++)
		placeholders =
		        placeholders || (svg->plan->nodes[i].may_be_placeholder && !plan_node_waits(&svg->plan->nodes[i]));
	buffer_printf(svg->out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"" INK_SOFT "\"/>\n", MARGIN + 4, y - 4);
	svg__text(svg, &(struct svg_text){MARGIN + 14, y, 11, INK_SOFT, NULL, false}, "key");
	if (!placeholders)
		return;
	buffer_printf(svg->out,
	              "<path d=\"M%.1f %.1fh26\" stroke=\"" INK_SOFT "\" stroke-width=\"1.4\" stroke-dasharray=\"6 4\"/>\n",
	              MARGIN + 56, y - 4);
	svg__text(svg, &(struct svg_text){MARGIN + 90, y, 11, INK_SOFT, NULL, false},
	          "no foreign key vouches for every reference to it: what refers to no row gets a placeholder");
}

static void svg__shift(struct svg *svg, double x, double y)
{
	for (uint32_t i = 0; i < svg->layout.boxes_count; i++) {
		svg->layout.boxes[i].x += x;
		svg->layout.boxes[i].y += y;
	}
	for (uint32_t i = 0; i < svg->layout.edges_count; i++) {
		struct layout_edge *edge = &svg->layout.edges[i];

		edge->label.x += x;
		edge->label.y += y;
		for (uint32_t p = 0; p < edge->points_count; p++) {
			edge->points[p].x += x;
			edge->points[p].y += y;
		}
	}
}

int plan_render_svg(const struct plan *plan, struct buffer *buffer)
{
	struct svg svg = {.plan = plan, .out = buffer};
	double width, height;
	int status;

	arena_init(&svg.arena, SVG_ARENA_SIZE_MAX);
	status = svg__layout(&svg);
	if (status)
		goto out;
	width = fmax(svg.layout.width + 2 * MARGIN, 640);
	height = svg.layout.height + HEAD_HEIGHT + FOOT_HEIGHT + MARGIN;
	svg__shift(&svg, (width - svg.layout.width) / 2, HEAD_HEIGHT + MARGIN / 2);
	svg__head(&svg, width, height);
	svg__edges(&svg);
	for (uint32_t i = 0; i < plan->nodes_count; i++)
		svg__box(&svg, &plan->nodes[i]);
	svg__foot(&svg, height);
	buffer_append_text(buffer, "</svg>\n");
	status = buffer->failed ? ERR_NOMEM : 0;
out:
	arena_free(&svg.arena);
	return status;
}
