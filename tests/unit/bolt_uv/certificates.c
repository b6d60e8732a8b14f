#include "certificates.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#define VALID_S 86400

struct identity {
	EVP_PKEY *key;
	X509 *certificate;
};

static void check(int right)
{
	if (!right)
		abort();
}

static void extension_add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	check(extension && X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

/* issuer NULL: signed by itself, an authority. names: its subjectAltName, or NULL. */
static struct identity identity_make(const char *name, const struct identity *issuer, const char *names)
{
	struct identity identity = {.key = EVP_EC_gen("P-256"), .certificate = X509_new()};
	static long serial;
	X509_NAME *subject;

	if (!issuer)
		issuer = &identity;
	check(identity.key && identity.certificate);
	X509_set_version(identity.certificate, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(identity.certificate), ++serial);
	X509_gmtime_adj(X509_getm_notBefore(identity.certificate), -VALID_S);
	X509_gmtime_adj(X509_getm_notAfter(identity.certificate), VALID_S);
	X509_set_pubkey(identity.certificate, identity.key);
	subject = X509_get_subject_name(identity.certificate);
	X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(identity.certificate, X509_get_subject_name(issuer->certificate));
	extension_add(identity.certificate, issuer->certificate, NID_basic_constraints,
	              issuer == &identity ? "critical,CA:TRUE" : "CA:FALSE");
	if (names)
		extension_add(identity.certificate, issuer->certificate, NID_subject_alt_name, names);
	check(X509_sign(identity.certificate, issuer->key, EVP_sha256()));
	return identity;
}

static void identity_write(const struct identity *identity, const char *path, int with_key)
{
	FILE *file = fopen(path, "w");

	check(file && PEM_write_X509(file, identity->certificate));
	if (with_key)
		check(PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL));
	fclose(file);
}

static void identity_free(struct identity *identity)
{
	EVP_PKEY_free(identity->key);
	X509_free(identity->certificate);
}

void certificates_make(struct certificates *certificates)
{
	struct identity ca = identity_make("test ca", NULL, NULL), other_ca = identity_make("other ca", NULL, NULL);
	struct identity server = identity_make("server", &ca, "DNS:localhost,IP:127.0.0.1");
	struct identity client = identity_make("client", &ca, NULL);

	snprintf(certificates->folder, sizeof(certificates->folder), "/tmp/bolt-tls-XXXXXX");
	check(mkdtemp(certificates->folder) != NULL);
	snprintf(certificates->ca, sizeof(certificates->ca), "%s/ca.pem", certificates->folder);
	snprintf(certificates->other_ca, sizeof(certificates->other_ca), "%s/other.pem", certificates->folder);
	snprintf(certificates->server, sizeof(certificates->server), "%s/server.pem", certificates->folder);
	snprintf(certificates->client, sizeof(certificates->client), "%s/client.pem", certificates->folder);
	identity_write(&ca, certificates->ca, 0);
	identity_write(&other_ca, certificates->other_ca, 0);
	identity_write(&server, certificates->server, 1);
	identity_write(&client, certificates->client, 1);
	identity_free(&ca);
	identity_free(&other_ca);
	identity_free(&server);
	identity_free(&client);
}

void certificates_remove(struct certificates *certificates)
{
	unlink(certificates->ca);
	unlink(certificates->other_ca);
	unlink(certificates->server);
	unlink(certificates->client);
	rmdir(certificates->folder);
}

struct ssl_ctx_st *certificates_server(const struct certificates *certificates, int client)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	check(context && SSL_CTX_use_certificate_chain_file(context, certificates->server) == 1 &&
	      SSL_CTX_use_PrivateKey_file(context, certificates->server, SSL_FILETYPE_PEM) == 1);
	if (client) {
		check(SSL_CTX_load_verify_locations(context, certificates->ca, NULL) == 1);
		SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	return context;
}
