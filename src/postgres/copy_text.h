/*
 * postgres/copy_text: one line of COPY's text format -> cells. For use inside the room and its tests. Pure.
 *
 *   line   = cell { TAB cell } [ LF ]
 *   cell   = '\N' | { char | '\' escape }
 *   escape = b f n r t v | one to three octal digits | x and one or two hexadecimal digits | any other char: itself
 */
#ifndef PGWEAVE_POSTGRES_COPY_TEXT_H
#define PGWEAVE_POSTGRES_COPY_TEXT_H

#include "change/change.h"

/*
 * Takes the line apart in place: cells point into it. ERR_PROTOCOL when it ends inside an escape or has more than cells_max
 * cells.
 */
int copy_text_read(char *line, size_t size, struct cell *cells, uint32_t cells_max, uint32_t *ret_cells_count,
                   struct error *error) _must_check;

#endif
