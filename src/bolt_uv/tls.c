#include "bolt_uv/tls.h"

#include "bolt/error.h"

/* OpenSSL has a type of that name, base an error. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#undef ERR_STATE

#include <arpa/inet.h>

#define TLS_WRITE_SIZE_MAX ((size_t)1 << 30)

static int tls_error(struct bolt_error *ret_error, const char *what, const char *object)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return bolt__error_set(ret_error, BOLT_ERR_TLS, "%s%s%s: %s", what, object ? " " : "", object ? object : "",
	                       reason ? reason : "unknown reason");
}

static int password_give(char *buffer, int capacity, int writing, void *user)
{
	const char *password = user;
	size_t size = password ? strlen(password) : 0;

	(void)writing;
	/* Without this, OpenSSL would ask at the terminal. */
	if (!size || size > (size_t)capacity)
		return 0;
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): OpenSSL takes the size that is returned */
	memcpy(buffer, password, size);
	return (int)size;
}

static int authorities_load(SSL_CTX *context, const struct bolt__settings *settings, struct bolt_error *ret_error)
{
	const char *file = settings->config.ca_file;

	if (settings->uri.tls == BOLT__TLS_TRUST_ANY) {
		SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (file ? SSL_CTX_load_verify_file(context, file) != 1 : SSL_CTX_set_default_verify_paths(context) != 1)
		return tls_error(ret_error, "cannot load the certificate authorities", file);
	return 0;
}

static int client_certificate_load(SSL_CTX *context, const struct bolt_config *config, struct bolt_error *ret_error)
{
	const char *certificate = config->client_certificate_file;
	const char *key = config->client_key_file ? config->client_key_file : certificate;

	if (!certificate)
		return 0;
	SSL_CTX_set_default_passwd_cb(context, password_give);
	SSL_CTX_set_default_passwd_cb_userdata(context, (void *)(uintptr_t)config->client_key_password);
	if (SSL_CTX_use_certificate_chain_file(context, certificate) != 1)
		return tls_error(ret_error, "cannot load the client certificate", certificate);
	if (SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1)
		return tls_error(ret_error, "cannot load the client's key", key);
	if (SSL_CTX_check_private_key(context) != 1)
		return tls_error(ret_error, "the client's key does not belong to its certificate", certificate);
	return 0;
}

int bolt__tls_context_create(const struct bolt__settings *settings, SSL_CTX **ret_context, struct bolt_error *ret_error)
{
	SSL_CTX *context;
	int error;

	*ret_context = NULL;
	if (settings->uri.tls == BOLT__TLS_NONE)
		return 0;
	ERR_clear_error();
	context = SSL_CTX_new(TLS_client_method());
	if (!context)
		return tls_error(ret_error, "cannot start TLS", NULL);
	SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
	SSL_CTX_set_mode(context, SSL_MODE_AUTO_RETRY);
	error = authorities_load(context, settings, ret_error);
	if (!error)
		error = client_certificate_load(context, &settings->config, ret_error);
	if (error) {
		SSL_CTX_free(context);
		return error;
	}
	*ret_context = context;
	return 0;
}

/* What the certificate must name; a name also goes to the server, which may hold several certificates. */
static bool peer_set(SSL *ssl, const char *host, bool verify)
{
	unsigned char address[16];
	bool is_address = inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;

	if (!is_address && SSL_set_tlsext_host_name(ssl, host) != 1)
		return false;
	if (!verify)
		return true;
	if (is_address)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	return SSL_set1_host(ssl, host) == 1;
}

int bolt__tls_init(struct bolt__tls *tls, SSL_CTX *context, const char *host, bool verify, struct bolt_error *ret_error)
{
	ERR_clear_error();
	*tls = (struct bolt__tls){.ssl = SSL_new(context), .incoming = BIO_new(BIO_s_mem()), .outgoing = BIO_new(BIO_s_mem())};
	if (!tls->ssl || !tls->incoming || !tls->outgoing) {
		SSL_free(tls->ssl);
		BIO_free(tls->incoming);
		BIO_free(tls->outgoing);
		*tls = (struct bolt__tls){0};
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for TLS");
	}
	/* Empty means "wait", not "end". */
	BIO_set_mem_eof_return(tls->incoming, -1);
	BIO_set_mem_eof_return(tls->outgoing, -1);
	SSL_set_bio(tls->ssl, tls->incoming, tls->outgoing);
	SSL_set_connect_state(tls->ssl);
	if (!peer_set(tls->ssl, host, verify))
		return tls_error(ret_error, "cannot check certificates against", host);
	return 0;
}

void bolt__tls_context_free(struct ssl_ctx_st *context)
{
	SSL_CTX_free(context);
}

void bolt__tls_free(struct bolt__tls *tls)
{
	SSL_free(tls->ssl);
	*tls = (struct bolt__tls){0};
}

int bolt__tls_feed(struct bolt__tls *tls, const void *bytes, size_t size, struct bolt_error *ret_error)
{
	size_t written;

	if (BIO_write_ex(tls->incoming, bytes, size, &written) != 1 || written != size)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for TLS");
	return 0;
}

int bolt__tls_handshake(struct bolt__tls *tls, bool *ret_done, struct bolt_error *ret_error)
{
	long verify;
	int result, reason;

	ERR_clear_error();
	result = SSL_do_handshake(tls->ssl);
	reason = SSL_get_error(tls->ssl, result);
	*ret_done = result == 1;
	if (result == 1 || reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
		return 0;
	verify = SSL_get_verify_result(tls->ssl);
	if (verify != X509_V_OK) {
		ERR_clear_error();
		return bolt__error_set(ret_error, BOLT_ERR_TLS, "the server's certificate is not accepted: %s",
		                       X509_verify_cert_error_string(verify));
	}
	return tls_error(ret_error, "the TLS handshake failed", NULL);
}

int bolt__tls_read(struct bolt__tls *tls, void *bytes, size_t capacity, size_t *ret_size, bool *ret_closed,
                   struct bolt_error *ret_error)
{
	int reason;

	*ret_size = 0;
	*ret_closed = false;
	ERR_clear_error();
	if (SSL_read_ex(tls->ssl, bytes, capacity, ret_size) == 1)
		return 0;
	*ret_size = 0;
	reason = SSL_get_error(tls->ssl, 0);
	*ret_closed = reason == SSL_ERROR_ZERO_RETURN;
	if (*ret_closed || reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE)
		return 0;
	return tls_error(ret_error, "TLS reading failed", NULL);
}

int bolt__tls_write(struct bolt__tls *tls, const void *bytes, size_t size, struct bolt_error *ret_error)
{
	const char *at = bytes;

	while (size) {
		size_t written = 0, part = size < TLS_WRITE_SIZE_MAX ? size : TLS_WRITE_SIZE_MAX;

		ERR_clear_error();
		/* A memory BIO takes everything, so that this never waits. */
		if (SSL_write_ex(tls->ssl, at, part, &written) != 1)
			return tls_error(ret_error, "TLS writing failed", NULL);
		at += written;
		size -= written;
	}
	return 0;
}

void bolt__tls_end(struct bolt__tls *tls)
{
	ERR_clear_error();
	SSL_shutdown(tls->ssl);
}

int bolt__tls_take(struct bolt__tls *tls, struct buffer *into, struct bolt_error *ret_error)
{
	size_t pending = BIO_ctrl_pending(tls->outgoing), size = 0;
	char *to;

	if (!pending)
		return 0;
	to = buffer_reserve(into, pending);
	if (!to)
		return bolt__error_set(ret_error, BOLT_ERR_NOMEM, "out of memory for TLS");
	if (BIO_read_ex(tls->outgoing, to, pending, &size) != 1)
		return tls_error(ret_error, "TLS writing failed", NULL);
	into->size += size;
	return 0;
}
