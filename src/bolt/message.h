/*
 * bolt/message: which messages there are, in which versions of the protocol, and what their maps hold. Internal.
 *
 * The one place that knows versions: everything else asks bolt__message_holds and bolt__feature_holds. Nothing allocates.
 * Source: https://neo4j.com/docs/bolt/current/bolt/message/
 */
#ifndef PGWEAVE_BOLT_MESSAGE_H
#define PGWEAVE_BOLT_MESSAGE_H

#include "bolt/bolt.h"

#define BOLT__VERSION_NEWEST 8 /* of major 5 */

/* name, tag, first version, last version (255: still so) */
#define BOLT_MESSAGES(X)                                                                                                       \
	X(HELLO, 0x01, 4, 4, 5, 255)                                                                                           \
	X(GOODBYE, 0x02, 4, 4, 5, 255)                                                                                         \
	X(RESET, 0x0F, 4, 4, 5, 255)                                                                                           \
	X(RUN, 0x10, 4, 4, 5, 255)                                                                                             \
	X(BEGIN, 0x11, 4, 4, 5, 255)                                                                                           \
	X(COMMIT, 0x12, 4, 4, 5, 255)                                                                                          \
	X(ROLLBACK, 0x13, 4, 4, 5, 255)                                                                                        \
	X(DISCARD, 0x2F, 4, 4, 5, 255)                                                                                         \
	X(PULL, 0x3F, 4, 4, 5, 255)                                                                                            \
	X(TELEMETRY, 0x54, 5, 4, 5, 255)                                                                                       \
	X(ROUTE, 0x66, 4, 4, 5, 255)                                                                                           \
	X(LOGON, 0x6A, 5, 1, 5, 255)                                                                                           \
	X(LOGOFF, 0x6B, 5, 1, 5, 255)

enum bolt__message {
#define X(name, ...) BOLT__##name,
	BOLT_MESSAGES(X)
#undef X
};

/* What differs between versions inside the messages. */
#define BOLT_FEATURES(X)                                                                                                       \
	X(HELLO_AUTH, 4, 4, 5, 0)      /* the token is in HELLO, later in LOGON */                                             \
	X(UTC_PATCH, 4, 4, 4, 4)       /* HELLO asks for UTC date-times */                                                     \
	X(UTC, 5, 0, 5, 255)           /* UTC date-times without asking */                                                     \
	X(NOTIFICATIONS, 5, 2, 5, 255) /* HELLO may turn notifications off */                                                  \
	X(BOLT_AGENT, 5, 3, 5, 255)    /* HELLO says which library this is */                                                  \
	X(GQL_ERRORS, 5, 7, 5, 255)    /* FAILURE is a GQL error object */

enum bolt__feature {
#define X(name, ...) BOLT__FEATURE_##name,
	BOLT_FEATURES(X)
#undef X
};

/* What a server may answer. */
enum bolt__response {
	BOLT__SUCCESS = 0x70,
	BOLT__RECORD = 0x71,
	BOLT__IGNORED = 0x7E,
	BOLT__FAILURE = 0x7F,
};

const char *bolt__message_name(enum bolt__message message);
uint8_t bolt__message_tag(enum bolt__message message);
bool bolt__message_holds(enum bolt__message message, struct bolt_version version);
bool bolt__feature_holds(enum bolt__feature feature, struct bolt_version version);
/* <0, 0, >0 */
int bolt__version_compare(struct bolt_version a, struct bolt_version b);
/* True for 4.4 and 5.0 to 5.8. */
bool bolt__version_is_known(struct bolt_version version);

#endif
