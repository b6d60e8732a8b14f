/* base/hex: hexadecimal digits. */
#ifndef PGWEAVE_BASE_HEX_H
#define PGWEAVE_BASE_HEX_H

/* 0 to 15, of small and capital letters alike; -1 when it is none. */
int hex_digit(char c);

#endif
