/* The runtime with all kernels, to be called on an emulated Cortex-M3: no start-up, no C library. */
#include "nn_all.h"

#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) {
    uint8_t *t = to;
    const uint8_t *f = from;
    for (; bytes != 0; bytes--) *t++ = *f++;
    return to;
}

void *memmove(void *to, const void *from, size_t bytes) {
    uint8_t *t = to;
    const uint8_t *f = from;
    if (t < f) return memcpy(to, from, bytes);
    while (bytes-- != 0) t[bytes] = f[bytes];
    return to;
}

void *memset(void *to, int value, size_t bytes) {
    uint8_t *t = to;
    for (; bytes != 0; bytes--) *t++ = (uint8_t)value;
    return to;
}
