/* Keys and certificates for tests, made at run time, in a folder of their own. */
#ifndef PGWEAVE_TEST_CERTIFICATES_H
#define PGWEAVE_TEST_CERTIFICATES_H

struct ssl_ctx_st;

struct certificates {
	char folder[64];
	char ca[96];       /* PEM files */
	char other_ca[96]; /* signed nothing */
	char server[96];   /* for localhost and 127.0.0.1; certificate and key */
	char client[96];
};

void certificates_make(struct certificates *certificates);
void certificates_remove(struct certificates *certificates);
/* For the fake server; client: only clients with a certificate of the CA are let in. */
struct ssl_ctx_st *certificates_server(const struct certificates *certificates, int client);

#endif
