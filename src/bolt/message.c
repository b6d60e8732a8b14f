#include "bolt/message.h"

struct span {
	struct bolt_version first;
	struct bolt_version last;
};

static const struct {
	const char *name;
	uint8_t tag;
	struct span span;
} messages[] = {
#define X(name, tag, a, b, c, d) [BOLT__##name] = {#name, tag, {{a, b}, {c, d}}},
        BOLT_MESSAGES(X)
#undef X
};

static const struct span features[] = {
#define X(name, a, b, c, d) [BOLT__FEATURE_##name] = {{a, b}, {c, d}},
        BOLT_FEATURES(X)
#undef X
};

int bolt__version_compare(struct bolt_version a, struct bolt_version b)
{
	return a.major != b.major ? a.major - b.major : a.minor - b.minor;
}

static bool span_has(struct span span, struct bolt_version version)
{
	return bolt__version_compare(version, span.first) >= 0 && bolt__version_compare(version, span.last) <= 0;
}

const char *bolt__message_name(enum bolt__message message)
{
	return messages[message].name;
}

uint8_t bolt__message_tag(enum bolt__message message)
{
	return messages[message].tag;
}

bool bolt__message_holds(enum bolt__message message, struct bolt_version version)
{
	return span_has(messages[message].span, version);
}

bool bolt__feature_holds(enum bolt__feature feature, struct bolt_version version)
{
	return span_has(features[feature], version);
}

bool bolt__version_is_known(struct bolt_version version)
{
	return (version.major == 4 && version.minor == 4) || (version.major == 5 && version.minor <= BOLT__VERSION_NEWEST);
}
