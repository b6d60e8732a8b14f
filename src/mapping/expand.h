/*
 * mapping/expand: ${VAR} inside a text. $${ stands for ${ itself. Private to the room.
 */
#ifndef PGWEAVE_MAPPING_EXPAND_H
#define PGWEAVE_MAPPING_EXPAND_H

#include "mapping/tree.h"

#define EXPAND_SIZE_MAX ((size_t)64 * 1024)

/*
 * The text with its variables filled in, in the arena (text itself when there are none); NULL with a diagnostic for one that is
 * not set, not closed or not UTF-8, NULL without one when there is no memory.
 */
const char *expand_text(const char *text, const struct mapping_environment *environment, struct arena *arena,
                        const struct source *source, struct place place, struct diagnostics *diagnostics);

#endif
