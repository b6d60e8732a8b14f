/*
 * bolt/error: filling struct bolt_error. Internal to the Bolt client; the struct itself and its codes are in bolt.h.
 *
 * `retriable` and `fatal` come from one table by code; a server's failure takes them from its Neo.* code. Nothing allocates.
 */
#ifndef PGWEAVE_BOLT_ERROR_H
#define PGWEAVE_BOLT_ERROR_H

#include "bolt/bolt.h"

/* Sets everything; the server's codes become empty. ret_error may be NULL. Returns code. */
int bolt__error_set(struct bolt_error *ret_error, enum bolt_code code, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
/* A failure that the server answered: strings of the given sizes, cut to fit. */
void bolt__error_set_server(struct bolt_error *ret_error, const struct bolt_value *neo4j_code,
                            const struct bolt_value *gql_status, const struct bolt_value *message);
/* Puts "prefix: " before the message. */
void bolt__error_prefix(struct bolt_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* True for Neo.ClientError.Security.*: a login refused. */
bool bolt__error_is_security(const struct bolt_error *error);

#endif
