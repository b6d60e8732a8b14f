/*
 * mapping/render: a plan for people and programs to look at: text, JSON, a picture (SVG).
 *
 * Deterministic: the same plan gives the same bytes. The picture is laid out and drawn here, without other programs; see
 * layout.h.
 */
#ifndef PGWEAVE_MAPPING_RENDER_H
#define PGWEAVE_MAPPING_RENDER_H

#include "base/buffer.h"
#include "mapping/plan.h"

/* What the mapping makes of some real rows, a printable line each; the caller finds them. */
struct plan_sample {
	const char *const *lines;
	uint32_t lines_count;
};

/* sample may be NULL in both. A lack of room is the buffer's sticky failure. */
void plan_render_text(const struct plan *plan, const struct plan_sample *sample, struct buffer *buffer);
/* One object and a newline; its shape is in docs/mapping.md. 0 or ERR_NOMEM. */
int plan_render_json(const struct plan *plan, const struct plan_sample *sample, struct buffer *buffer) _must_check;
/* A whole SVG file. 0, ERR_NOMEM, or ERR_LIMIT when the plan is too big for a picture. */
int plan_render_svg(const struct plan *plan, struct buffer *buffer) _must_check;

#endif
