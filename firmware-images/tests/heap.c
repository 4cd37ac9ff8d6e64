/* A heap under the C library's names (in C under others, of which the compiler believes nothing), counting for itself what it gives: blocks
 * behind one another, each with its size before it, and freed ones given again where they are large enough
 * (C17 section 7.22.3 for what each function returns). */
#include "test.h"

void *heap_malloc(size_t bytes) __asm__("malloc") __attribute__((noipa));
void *heap_calloc(size_t count, size_t bytes) __asm__("calloc") __attribute__((noipa));
void *heap_realloc(void *block, size_t bytes) __asm__("realloc") __attribute__((noipa));
void heap_free(void *block) __asm__("free") __attribute__((noipa));
void *heap_sbrk(ptrdiff_t bytes) __asm__("_sbrk") __attribute__((noipa));

/* The free SRAM behind the static data; the stack comes from the other end. */
extern uint32_t __stack_limit[], __stack_top[];
#define HEAP ((uint8_t *)__stack_limit)
/* By way of an integer, or the compiler takes the symbols for objects of their own. */
#define TOP ((uint8_t *)((uintptr_t)__stack_top - 1024u))

/* Before each block stands its size; a freed one keeps it, with the lowest bit set. */
#define FREE 1u
static uint8_t *end;
static size_t live, peak, failed;

void *heap_sbrk(ptrdiff_t bytes) {
    uint8_t *const old = end ? end : HEAP;
    if (old + bytes > TOP) {
        return (void *)-1;
    }
    end = old + bytes;
    return old;
}

static void *take(size_t bytes) {
    const size_t size = (bytes + 7u) & ~7u;
    for (uint8_t *at = HEAP; at < end;) {
        size_t *const head = (size_t *)at;
        const size_t held = *head & ~FREE;
        if ((*head & FREE) && held >= size) {
            *head = held;
            return at + 8;
        }
        at += 8 + held;
    }
    size_t *const head = heap_sbrk((ptrdiff_t)size + 8);
    if (head == (void *)-1) {
        return NULL;
    }
    *head = size;
    return (uint8_t *)head + 8;
}

void *heap_malloc(size_t bytes) { return take(bytes); }

void heap_free(void *block) {
    if (block) {
        ((size_t *)block)[-2] |= FREE;
    }
}

/* By way of malloc and free, as libraries do: still one call for whoever watches. */
void *heap_calloc(size_t count, size_t bytes) {
    uint8_t *const block = heap_malloc(count * bytes);
    for (size_t i = 0; block && i < count * bytes; i++) {
        block[i] = 0;
    }
    return block;
}

void *heap_realloc(void *block, size_t bytes) {
    uint8_t *const moved = heap_malloc(bytes);
    if (moved && block) {
        const size_t held = ((size_t *)block)[-2];
        for (size_t i = 0; i < held && i < bytes; i++) {
            moved[i] = ((uint8_t *)block)[i];
        }
        heap_free(block);
    }
    return moved;
}

/* What main() thinks of a change. */
static void count(const void *given, size_t bytes, size_t returned) {
    if (given) {
        live = live + bytes - returned;
        peak = live > peak ? live : peak;
    } else {
        failed++;
    }
}

int main(void) {
    test_begin();
    void *const first = heap_malloc(100);
    count(first, 100, 0);
    void *const second = heap_calloc(10, 5);
    count(second, 50, 0);
    heap_free(first);
    live -= 100;
    void *const third = heap_realloc(second, 300);
    count(third, 300, 50);
    count(heap_malloc(100000), 100000, 0);
    void *const fourth = heap_malloc(64);
    count(fourth, 64, 0);
    heap_free(third);
    live -= 300;
    print("live %u peak %u failed %u grown %u\r\n", (unsigned)live, (unsigned)peak, (unsigned)failed, (unsigned)(end - HEAP));
    test_exit(0);
}
