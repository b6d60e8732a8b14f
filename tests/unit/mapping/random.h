/*
 * Random catalogues for tests: odd names, keys and types, foreign keys from and to anything.
 */
#ifndef PGWEAVE_TESTS_MAPPING_RANDOM_H
#define PGWEAVE_TESTS_MAPPING_RANDOM_H

#include "fixture.h"

/* The same for the same number; with `more`, the same with as many rounds of later tables, columns and foreign keys. */
struct fixture *random_catalogue(uint32_t number, uint32_t more);
/* From the same generator, 0 to bound - 1. */
uint32_t random_below(uint32_t bound);

#endif
