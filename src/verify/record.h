/*
 * verify/record: a row's cells, or the values of a Bolt record -> one record of a stream. Pure.
 */
#ifndef PGWEAVE_VERIFY_RECORD_H
#define PGWEAVE_VERIFY_RECORD_H

#include "change/change.h"
#include "verify/stream.h"

#include <bolt/packstream.h>

/*
 * Both fill a record that is not pushed yet; what they need is copied. A row's value that cannot be carried over is marked, and
 * makes the record odd when it is of the identity. False when memory is out.
 */
bool verify_record_of_cells(struct verify_stream *stream, struct verify_record *record, const struct cell *cells) _must_check;
/* values: shape->fields_count values, then shape->flags_count booleans. */
bool verify_record_of_bolt(struct verify_stream *stream, struct verify_record *record,
                           const struct bolt_value *values) _must_check;

#endif
