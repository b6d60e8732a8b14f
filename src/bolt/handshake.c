#include "bolt/handshake.h"

#include "bolt/error.h"
#include "bolt/message.h"

#define PROPOSALS_MAX 4
#define MANIFEST 0x000001FFu
#define HTTP 0x48545450u /* "HTTP": the port of the web interface */

/* A proposal and an offer are one word each: 0, range, minor, major; the range counts how many minors below are meant too. */
static uint32_t range_word(uint8_t major, uint8_t minor_min, uint8_t minor_max)
{
	return (uint32_t)(minor_max - minor_min) << 16 | (uint32_t)minor_max << 8 | major;
}

void bolt__handshake_start(struct bolt__handshake *handshake, struct bolt_version version_min, struct bolt_version version_max,
                           bool legacy, struct buffer *output)
{
	uint32_t words[PROPOSALS_MAX] = {0};
	size_t count = 0;

	*handshake = (struct bolt__handshake){.version_min = version_min, .version_max = version_max};
	if (!legacy && bolt__version_compare(version_max, (struct bolt_version){5, 7}) >= 0)
		words[count++] = MANIFEST;
	if (version_max.major >= 5) {
		uint8_t minor_min = version_min.major < 5 ? 0 : version_min.minor;
		uint8_t minor_max = version_max.minor < BOLT__VERSION_NEWEST ? version_max.minor : BOLT__VERSION_NEWEST;

		words[count++] = range_word(5, minor_min, minor_max);
	}
	if (version_min.major == 4)
		words[count++] = range_word(4, 4, 4);
	buffer_append_u32(output, 0x6060B017u);
	for (size_t i = 0; i < PROPOSALS_MAX; i++)
		buffer_append_u32(output, words[i]);
}

static bool version_is_wanted(const struct bolt__handshake *handshake, struct bolt_version version)
{
	return bolt__version_is_known(version) && bolt__version_compare(version, handshake->version_min) >= 0 &&
	       bolt__version_compare(version, handshake->version_max) <= 0;
}

static int handshake_choose(struct bolt__handshake *handshake, struct bolt_version version, struct bolt_error *ret_error)
{
	if (!version_is_wanted(handshake, version))
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL,
		                       "the server offers Bolt %u.%u, this client speaks %u.%u to %u.%u", version.major,
		                       version.minor, handshake->version_min.major, handshake->version_min.minor,
		                       handshake->version_max.major, handshake->version_max.minor);
	handshake->version = version;
	handshake->done = true;
	return 0;
}

/* Seven bits a byte, the lowest first. False when it is longer than 64 bits. */
static bool varint_read(struct reader *reader, uint64_t *ret_value)
{
	*ret_value = 0;
	for (unsigned shift = 0; shift < 63; shift += 7) {
		uint8_t byte = reader_u8(reader);

		*ret_value |= (uint64_t)(byte & 0x7F) << shift;
		if (!(byte & 0x80))
			return true;
	}
	return false;
}

/* The best version of one offer that the client wants too; false when there is none. */
static bool offer_best(const struct bolt__handshake *handshake, uint32_t word, struct bolt_version *ret_version)
{
	uint8_t range = (uint8_t)(word >> 16), minor = (uint8_t)(word >> 8);

	for (unsigned below = 0; below <= range && below <= minor; below++) {
		*ret_version = (struct bolt_version){.major = (uint8_t)word, .minor = (uint8_t)(minor - below)};
		if (version_is_wanted(handshake, *ret_version))
			return true;
	}
	return false;
}

/* Reads the whole manifest again each time, until it is complete: it is short. */
static int manifest_parse(struct bolt__handshake *handshake, struct buffer *output, struct bolt_error *ret_error)
{
	struct reader reader = reader_of(handshake->received + 4, handshake->received_size - 4);
	struct bolt_version best = {0}, version;
	uint64_t count, capabilities;

	if (!varint_read(&reader, &count) || (!reader.failed && count > sizeof(handshake->received) / 4))
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the handshake's manifest claims too many versions");
	for (uint64_t i = 0; i < count && !reader.failed; i++) {
		uint32_t word = reader_u32(&reader);

		if (!reader.failed && offer_best(handshake, word, &version) && bolt__version_compare(version, best) > 0)
			best = version;
	}
	if (!varint_read(&reader, &capabilities))
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the handshake's capabilities are too long");
	if (reader.failed)
		return 0;
	if (!best.major)
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the server speaks no version of Bolt from %u.%u to %u.%u",
		                       handshake->version_min.major, handshake->version_min.minor, handshake->version_max.major,
		                       handshake->version_max.minor);
	buffer_append_u32(output, range_word(best.major, best.minor, best.minor));
	buffer_append_byte(output, 0); /* no capability is wanted: none is defined yet */
	return handshake_choose(handshake, best, ret_error);
}

static int handshake_parse(struct bolt__handshake *handshake, struct buffer *output, struct bolt_error *ret_error)
{
	struct reader reader = reader_of(handshake->received, handshake->received_size);
	uint32_t word = reader_u32(&reader);

	if (reader.failed)
		return 0;
	if (word == MANIFEST)
		return manifest_parse(handshake, output, ret_error);
	if (word == HTTP)
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the server speaks HTTP; Bolt's port is usually 7687");
	if (!word)
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the server speaks no version of Bolt from %u.%u to %u.%u",
		                       handshake->version_min.major, handshake->version_min.minor, handshake->version_max.major,
		                       handshake->version_max.minor);
	if (word >> 16)
		return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the answer 0x%08x is not Bolt's", word);
	return handshake_choose(handshake, (struct bolt_version){.major = (uint8_t)word, .minor = (uint8_t)(word >> 8)},
	                        ret_error);
}

int bolt__handshake_feed(struct bolt__handshake *handshake, struct reader *reader, struct buffer *output,
                         struct bolt_error *ret_error)
{
	/* One byte at a time, so that nothing of the first message behind it is taken. */
	while (!handshake->done && reader_left(reader)) {
		int error;

		if (handshake->received_size == sizeof(handshake->received))
			return bolt__error_set(ret_error, BOLT_ERR_PROTOCOL, "the handshake's manifest is too long");
		handshake->received[handshake->received_size++] = reader_u8(reader);
		error = handshake_parse(handshake, output, ret_error);
		if (error)
			return error;
	}
	return 0;
}
