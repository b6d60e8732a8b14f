/*
 * bench/replay: what Neo4j alone takes for a recorded stream.
 *
 * Sends the Bolt bytes that `pgweave run --record FILE` wrote to a server again, straight from the file, and prints one line of
 * JSON about it. It knows just enough of Bolt: it cuts the bytes into messages, logs in with the target's own password, and
 * counts the answers, so that it can keep a given number of transactions in flight. What stands outside transactions is sent
 * one by one, as it was recorded: schema and the checkpoint's acquisition come before what relies on them.
 *
 * The recording must have been made with Bolt 5.1 or newer (the login is a message of its own), without TLS, and one connection
 * at a time. Several connections behind each other become one session each. Source: https://neo4j.com/docs/bolt/current/bolt/
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PASSWORD_VARIABLE "REPLAY_PASSWORD"
#define IN_FLIGHT_MAX 64
#define INPUT_SIZE 65536
#define FAILURE_SHOWN_MAX 300
#define HANDSHAKE_SIZE 20
#define MANIFEST 0x000001FFu

static const uint8_t magic[] = {0x60, 0x60, 0xB0, 0x17};

/* What the bytes may begin with, and what becomes of it. */
#define TAG_HELLO 0x01
#define TAG_GOODBYE 0x02
#define TAG_BEGIN 0x11
#define TAG_COMMIT 0x12
#define TAG_ROLLBACK 0x13
#define TAG_RUN 0x10
#define TAG_LOGON 0x6A
#define TAG_SUCCESS 0x70
#define TAG_RECORD 0x71
#define TAG_IGNORED 0x7E
#define TAG_FAILURE 0x7F

/* A run of messages that is sent as one: a transaction, or one message outside of any. */
struct unit {
	const uint8_t *bytes;
	size_t size;
	uint32_t answers; /* still to come */
	bool transaction;
	double sent_s;
};

struct replay {
	const uint8_t *at; /* in the recording */
	const uint8_t *end;
	const char *user;
	const char *password;
	int port;
	uint32_t in_flight_max;

	int fd;
	struct unit units[IN_FLIGHT_MAX]; /* a ring: in flight, in order */
	uint32_t first, count;
	const uint8_t *out; /* of the last unit, not yet sent */
	size_t out_size;

	uint8_t input[INPUT_SIZE];
	uint32_t chunk_left;
	uint32_t header_size; /* bytes of a chunk's length that are there */
	uint8_t header[2];
	uint8_t message[FAILURE_SHOWN_MAX]; /* the beginning of the message being received */
	size_t message_size;

	double *latencies_s; /* one for each transaction */
	size_t latencies_count, latencies_max;
	size_t latencies_last; /* so many at the end count */
	uint64_t bytes, transactions, statements, successes, failures, ignored;
	double waiting_s; /* time in which nothing could be sent and nothing had been received */
};

static void die(const char *what)
{
	fprintf(stderr, "replay: %s\n", what);
	exit(1);
}

static void die_errno(const char *what)
{
	fprintf(stderr, "replay: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- the recording ---- */

static uint32_t word_at(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* No message begins like this: its first structure would be 0xB0, of no fields, with the tag 0x17. */
static bool at_handshake(const struct replay *replay)
{
	return (size_t)(replay->end - replay->at) >= HANDSHAKE_SIZE && memcmp(replay->at, magic, sizeof(magic)) == 0;
}

/* The message at `at`: its size with its chunks' frames, 0 at the end of the recording; its tag. */
static size_t message_measure(const struct replay *replay, const uint8_t *at, uint8_t *ret_tag)
{
	const uint8_t *from = at;
	size_t content = 0;

	while (replay->end - at >= 2) {
		size_t size = (size_t)at[0] << 8 | at[1];

		if ((size_t)(replay->end - at) < 2 + size)
			return 0;
		if (content == 0 && size >= 2)
			*ret_tag = at[3];
		at += 2 + size;
		content += size;
		if (size == 0 && content)
			return (size_t)(at - from);
	}
	return 0;
}

static bool tag_is_of_login(uint8_t tag)
{
	return tag == TAG_HELLO || tag == TAG_LOGON || tag == TAG_GOODBYE;
}

static void unit_add(struct replay *replay, struct unit *unit, uint8_t tag, size_t size)
{
	unit->size += size;
	unit->answers++;
	replay->statements += tag == TAG_RUN;
	replay->at += size;
}

/* Takes the next unit off the recording; false at its end or where another connection begins. */
static bool unit_next(struct replay *replay, struct unit *unit)
{
	uint8_t tag = 0;
	size_t size;

	do {
		if (at_handshake(replay))
			return false;
		size = message_measure(replay, replay->at, &tag);
		if (!size)
			return false;
		if (tag_is_of_login(tag))
			replay->at += size;
	} while (tag_is_of_login(tag));
	*unit = (struct unit){.bytes = replay->at, .transaction = tag == TAG_BEGIN};
	unit_add(replay, unit, tag, size);
	while (unit->transaction && tag != TAG_COMMIT && tag != TAG_ROLLBACK) {
		size = message_measure(replay, replay->at, &tag);
		if (!size)
			return false; /* the recording was cut off: what is not committed is not sent */
		unit_add(replay, unit, tag, size);
	}
	return true;
}

/* ---- the connection ---- */

static void send_all(struct replay *replay, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t sent = send(replay->fd, at, size, MSG_NOSIGNAL);

		if (sent < 0)
			die_errno("sending");
		at += sent;
		size -= (size_t)sent;
	}
}

static void receive_all(struct replay *replay, void *bytes, size_t size)
{
	ssize_t received = recv(replay->fd, bytes, size, MSG_WAITALL);

	if (received != (ssize_t)size)
		die("the server closed the connection during the login");
}

static uint64_t receive_varint(struct replay *replay)
{
	uint64_t value = 0;
	uint8_t byte = 0x80;

	for (unsigned shift = 0; byte & 0x80 && shift < 63; shift += 7) {
		receive_all(replay, &byte, 1);
		value |= (uint64_t)(byte & 0x7F) << shift;
	}
	return value;
}

/* The manifest: what the server offers. The client's choice was recorded: a version, and capabilities in seven bits a byte. */
static void handshake_choose(struct replay *replay)
{
	uint64_t offers = receive_varint(replay);
	size_t size = 4;
	uint8_t offer[4];

	while (offers--)
		receive_all(replay, offer, sizeof(offer));
	receive_varint(replay);
	while (replay->at + size < replay->end && replay->at[size] & 0x80)
		size++;
	send_all(replay, replay->at, ++size);
	replay->at += size;
}

static void handshake(struct replay *replay)
{
	uint8_t answer[4];

	send_all(replay, replay->at, HANDSHAKE_SIZE);
	replay->at += HANDSHAKE_SIZE;
	receive_all(replay, answer, sizeof(answer));
	if (word_at(answer) == 0)
		die("the server speaks none of the recorded versions");
	if (word_at(answer) == MANIFEST)
		handshake_choose(replay);
	else if (answer[3] < 5 || answer[2] < 1)
		die("the recording would have to be of Bolt 5.1 or newer");
}

/* Of the login's answers only the kind matters. */
static void expect_success(struct replay *replay, const char *what)
{
	uint8_t size[2], content[UINT16_MAX];
	size_t total = 0;
	uint8_t tag = 0;

	for (;;) {
		receive_all(replay, size, sizeof(size));
		if (!size[0] && !size[1] && total)
			break;
		receive_all(replay, content, (size_t)size[0] << 8 | size[1]);
		if (!total)
			tag = content[1];
		total += (size_t)size[0] << 8 | size[1];
	}
	if (tag != TAG_SUCCESS)
		die(what);
}

static size_t put_string(uint8_t *at, const char *text)
{
	size_t size = strlen(text);

	if (size > UINT8_MAX)
		die("a name or password of more than 255 bytes");
	at[0] = 0xD0;
	at[1] = (uint8_t)size;
	memcpy(at + 2, text, size);
	return size + 2;
}

static void logon(struct replay *replay)
{
	const char *texts[] = {"scheme", "basic", "principal", replay->user, "credentials", replay->password};
	uint8_t message[2048] = {0, 0, 0xB1, TAG_LOGON, 0xA3};
	size_t size = 5;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		size += put_string(message + size, texts[i]);
	message[0] = (uint8_t)((size - 2) >> 8);
	message[1] = (uint8_t)(size - 2);
	send_all(replay, message, size + 2); /* the two zeros behind it end the message */
	expect_success(replay, "the server does not take the password");
}

static void hello(struct replay *replay)
{
	uint8_t tag = 0;
	size_t size = message_measure(replay, replay->at, &tag);

	if (!size || tag != TAG_HELLO)
		die("the recorded connection does not begin with HELLO");
	send_all(replay, replay->at, size);
	replay->at += size;
	expect_success(replay, "the server does not take HELLO");
}

static void connection_open(struct replay *replay)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)replay->port)};
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	replay->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (replay->fd < 0 || connect(replay->fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		die_errno("connecting");
	setsockopt(replay->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	handshake(replay);
	hello(replay);
	logon(replay);
	if (fcntl(replay->fd, F_SETFL, O_NONBLOCK) < 0)
		die_errno("fcntl");
	replay->chunk_left = replay->header_size = 0;
	replay->message_size = 0;
}

/* ---- answers ---- */

static void latency_add(struct replay *replay, double latency_s)
{
	if (replay->latencies_count == replay->latencies_max) {
		replay->latencies_max = replay->latencies_max ? 2 * replay->latencies_max : 1024;
		replay->latencies_s = realloc(replay->latencies_s, replay->latencies_max * sizeof(*replay->latencies_s));
		if (!replay->latencies_s)
			die("out of memory");
	}
	replay->latencies_s[replay->latencies_count++] = latency_s;
}

static void show_failure(const struct replay *replay)
{
	fputs("replay: the server answers FAILURE:", stderr);
	for (size_t i = 2; i < replay->message_size; i++)
		fputc(replay->message[i] >= ' ' && replay->message[i] < 0x7F ? replay->message[i] : ' ', stderr);
	fputc('\n', stderr);
}

static void on_message(struct replay *replay)
{
	uint8_t tag = replay->message_size > 1 ? replay->message[1] : 0;
	struct unit *unit = &replay->units[replay->first];

	if (tag == TAG_RECORD)
		return;
	if (!replay->count)
		die("an answer to nothing");
	replay->successes += tag == TAG_SUCCESS;
	replay->ignored += tag == TAG_IGNORED;
	if (tag == TAG_FAILURE && replay->failures++ == 0)
		show_failure(replay);
	if (--unit->answers)
		return;
	if (unit->transaction) {
		replay->transactions++;
		latency_add(replay, now_s() - unit->sent_s);
	}
	replay->first = (replay->first + 1) % IN_FLIGHT_MAX;
	replay->count--;
}

static size_t on_header_byte(struct replay *replay, uint8_t byte)
{
	replay->header[replay->header_size++] = byte;
	if (replay->header_size < 2)
		return 1;
	replay->header_size = 0;
	replay->chunk_left = (uint32_t)replay->header[0] << 8 | replay->header[1];
	if (!replay->chunk_left && replay->message_size) {
		on_message(replay);
		replay->message_size = 0;
	}
	return 1;
}

static size_t on_chunk_bytes(struct replay *replay, const uint8_t *bytes, size_t size)
{
	size_t taken = size < replay->chunk_left ? size : replay->chunk_left;
	size_t room = FAILURE_SHOWN_MAX - replay->message_size;
	size_t kept = taken < room ? taken : room;

	memcpy(replay->message + replay->message_size, bytes, kept);
	replay->message_size += kept;
	replay->chunk_left -= (uint32_t)taken;
	return taken;
}

static void receive_some(struct replay *replay)
{
	ssize_t size = recv(replay->fd, replay->input, sizeof(replay->input), 0);

	if (size < 0 && errno != EAGAIN)
		die_errno("receiving");
	if (size == 0)
		die("the server closed the connection");
	for (ssize_t i = 0; i < size;) {
		if (replay->chunk_left)
			i += (ssize_t)on_chunk_bytes(replay, replay->input + i, (size_t)(size - i));
		else
			i += (ssize_t)on_header_byte(replay, replay->input[i]);
	}
}

/* ---- the run ---- */

static void send_some(struct replay *replay)
{
	ssize_t sent = send(replay->fd, replay->out, replay->out_size, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN)
		die_errno("sending");
	if (sent <= 0)
		return;
	replay->out += sent;
	replay->out_size -= (size_t)sent;
	replay->bytes += (uint64_t)sent;
}

/* What is no transaction waits until nothing is in flight, and is waited for. */
static bool has_room(const struct replay *replay, const struct unit *next)
{
	bool alone = !next->transaction || (replay->count && !replay->units[replay->first].transaction);

	return replay->count < (alone ? 1 : replay->in_flight_max);
}

static void unit_start(struct replay *replay, const struct unit *next)
{
	struct unit *unit = &replay->units[(replay->first + replay->count++) % IN_FLIGHT_MAX];

	*unit = *next;
	unit->sent_s = now_s();
	replay->out = unit->bytes;
	replay->out_size = unit->size;
}

static void wait_for_socket(struct replay *replay)
{
	struct pollfd poller = {.fd = replay->fd, .events = (short)(POLLIN | (replay->out_size ? POLLOUT : 0))};
	double before = now_s();

	if (poll(&poller, 1, -1) < 0 && errno != EINTR)
		die_errno("poll");
	replay->waiting_s += now_s() - before;
	if (poller.revents & ~POLLOUT)
		receive_some(replay);
}

static void replay_connection(struct replay *replay)
{
	struct unit next;
	bool more;

	connection_open(replay);
	more = unit_next(replay, &next);
	while (more || replay->count) {
		if (more && !replay->out_size && has_room(replay, &next)) {
			unit_start(replay, &next);
			more = unit_next(replay, &next);
		}
		if (replay->out_size)
			send_some(replay);
		if (replay->out_size || !more || !has_room(replay, &next))
			wait_for_socket(replay);
	}
	close(replay->fd);
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Leaves the last ones, sorted. */
static void sort_latencies(struct replay *replay)
{
	if (replay->latencies_count > replay->latencies_last) {
		replay->latencies_s += replay->latencies_count - replay->latencies_last;
		replay->latencies_count = replay->latencies_last;
	}
	if (replay->latencies_count)
		qsort(replay->latencies_s, replay->latencies_count, sizeof(*replay->latencies_s), compare_doubles);
}

static double percentile_ms(const struct replay *replay, double part)
{
	if (!replay->latencies_count)
		return 0;
	return 1000 * replay->latencies_s[(size_t)(part * (double)(replay->latencies_count - 1))];
}

static void report(struct replay *replay, double wall_s)
{
	struct rusage usage;
	double cpu_s;

	getrusage(RUSAGE_SELF, &usage);
	cpu_s = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	        (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
	sort_latencies(replay);
	printf("{\"wall_s\": %.3f, \"cpu_s\": %.3f, \"waiting_s\": %.3f, \"bytes\": %llu, \"transactions\": %llu, "
	       "\"statements\": %llu, \"successes\": %llu, \"failures\": %llu, \"ignored\": %llu, "
	       "\"transaction_p50_ms\": %.3f, \"transaction_p99_ms\": %.3f}\n",
	       wall_s, cpu_s, replay->waiting_s, (unsigned long long)replay->bytes, (unsigned long long)replay->transactions,
	       (unsigned long long)replay->statements, (unsigned long long)replay->successes,
	       (unsigned long long)replay->failures, (unsigned long long)replay->ignored, percentile_ms(replay, 0.5),
	       percentile_ms(replay, 0.99));
}

static void open_recording(struct replay *replay, const char *path)
{
	struct stat stat;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	void *bytes;

	if (fd < 0 || fstat(fd, &stat) < 0)
		die_errno(path);
	bytes = mmap(NULL, (size_t)stat.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (bytes == MAP_FAILED)
		die_errno(path);
	close(fd);
	replay->at = bytes;
	replay->end = replay->at + stat.st_size;
	if (!at_handshake(replay))
		die("the recording does not begin with a handshake of Bolt");
}

static void usage(FILE *file)
{
	fputs("usage: replay --port PORT --user USER [--in-flight N] [--last N] FILE\n"
	      "Replays what `pgweave run --record FILE` wrote to the Neo4j on this loopback port; its password is "
	      "in " PASSWORD_VARIABLE ".\n"
	      "--in-flight  transactions sent and not yet answered (2)\n"
	      "--last       percentiles of that many transactions at the end (of all)\n",
	      file);
}

static int parse(struct replay *replay, int argc, char **argv)
{
	static const struct option options[] = {{"port", required_argument, NULL, 'p'},
	                                        {"user", required_argument, NULL, 'u'},
	                                        {"in-flight", required_argument, NULL, 'n'},
	                                        {"last", required_argument, NULL, 'l'},
	                                        {"help", no_argument, NULL, 'h'},
	                                        {0}};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'p')
			replay->port = atoi(optarg);
		else if (option == 'u')
			replay->user = optarg;
		else if (option == 'n')
			replay->in_flight_max = (uint32_t)atoi(optarg);
		else if (option == 'l')
			replay->latencies_last = strtoul(optarg, NULL, 10);
		else
			return option == 'h' ? 0 : 64;
	}
	replay->password = getenv(PASSWORD_VARIABLE);
	if (optind != argc - 1 || !replay->port || !replay->user || !replay->password || !replay->in_flight_max ||
	    replay->in_flight_max > IN_FLIGHT_MAX)
		return 64;
	open_recording(replay, argv[optind]);
	return -1;
}

int main(int argc, char **argv)
{
	static struct replay replay = {.in_flight_max = 2, .latencies_last = SIZE_MAX};
	int rc = parse(&replay, argc, argv);
	double started_s;

	if (rc >= 0) {
		usage(rc ? stderr : stdout);
		return rc;
	}
	started_s = now_s();
	while (replay.at < replay.end && at_handshake(&replay))
		replay_connection(&replay);
	if (replay.at < replay.end)
		fprintf(stderr, "replay: the last %zu bytes of the recording are no whole message\n",
		        (size_t)(replay.end - replay.at));
	report(&replay, now_s() - started_s);
	return replay.failures ? 1 : 0;
}
