/*
 * bolt/settings: a deep copy of struct bolt_config, checked, shared by the connections of a pool. Internal.
 *
 * Owned by whoever made it; connections borrow it. It holds the password until it is freed, then overwrites it.
 */
#ifndef PGWEAVE_BOLT_SETTINGS_H
#define PGWEAVE_BOLT_SETTINGS_H

#include "base/arena.h"
#include "bolt/uri.h"

struct bolt__settings {
	struct arena arena;
	struct bolt_config config; /* its strings are in the arena */
	struct bolt_writer auth_parameters;
	struct bolt__uri uri;
};

int bolt__settings_create(const struct bolt_config *config, struct bolt__settings **ret_settings,
                          struct bolt_error *ret_error) _must_check;
void bolt__settings_free(struct bolt__settings *settings);

#endif
