/* memcpy, memmove, memset and memcmp, so that no C library is linked and an image depends on the compiler alone.
 * Source: ISO C99 7.21. GCC also calls these for struct copies and large initialisers.
 * Does not model: unaligned tricks; words are used when both ends are word-aligned, bytes otherwise.
 * Tested by: tests/firmware_images.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include <stdint.h>
#include <string.h>

typedef uint32_t __attribute__((may_alias)) word;

static int aligned(const void *a, const void *b) { return (((uintptr_t)a | (uintptr_t)b) & 3u) == 0; }

/* Ascending, so right for overlapping ranges too as long as `d` starts before `s`. */
static void copy_up(unsigned char *d, const unsigned char *s, size_t bytes) {
    if (aligned(d, s)) {
        for (; bytes >= 4; bytes -= 4, d += 4, s += 4) {
            *(word *)d = *(const word *)s;
        }
    }
    while (bytes-- != 0) {
        *d++ = *s++;
    }
}

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    copy_up(to, from, bytes);
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    unsigned char *d = to;
    const unsigned char *s = from;
    if ((uintptr_t)d - (uintptr_t)s >= bytes) { /* before it, or past its end */
        copy_up(d, s, bytes);
    } else {
        while (bytes-- != 0) {
            d[bytes] = s[bytes];
        }
    }
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    unsigned char *d = to;
    const unsigned char byte = (unsigned char)value;
    if (aligned(d, d)) {
        const word four = byte * 0x01010101u;
        for (; bytes >= 4; bytes -= 4, d += 4) {
            *(word *)d = four;
        }
    }
    while (bytes-- != 0) {
        *d++ = byte;
    }
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes) {
    const unsigned char *p = a, *q = b;
    for (; bytes-- != 0; p++, q++) {
        if (*p != *q) {
            return *p < *q ? -1 : 1;
        }
    }
    return 0;
}
