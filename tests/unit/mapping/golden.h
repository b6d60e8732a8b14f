/*
 * Cases kept in a text file beside the tests: "=== name", the input, "---", what has to come out. With PGWEAVE_GOLDEN_WRITE set
 * in the environment the file is written anew from what does come out, to be read before it is kept.
 */
#ifndef PGWEAVE_TESTS_MAPPING_GOLDEN_H
#define PGWEAVE_TESTS_MAPPING_GOLDEN_H

#include "base/buffer.h"

/* Makes the output of one case. */
typedef void golden_run(void *user, const char *name, const char *input, struct buffer *output);

/* Runs every case of the file (in this folder); fails the test at the end when one differs, after printing each. */
void golden_check(const char *file, golden_run *run, void *user);
/* Reads a file of the source tree, with a NUL behind it; fails the test when it is not there. The caller frees it. */
char *golden_read(const char *folder, const char *file);

#endif
