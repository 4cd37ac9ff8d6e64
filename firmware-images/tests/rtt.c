/* A terminal by SEGGER's Real-Time Transfer: says a line, then answers what comes down in capitals until a full stop.
 * Source: the control block as SEGGER's UM08001 describes it; the code is ours.
 * Does not model: blocking modes: a line that does not fit is waited for.
 * Tested by: tests/ports.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "test.h"
#include <string.h>

struct ring {
    const char *name;
    char *bytes;
    uint32_t size;
    volatile uint32_t write, read;
    uint32_t flags;
};
struct control_block {
    char id[16];
    int32_t ups, downs;
    struct ring up[2], down[1];
};

static char up_bytes[32], log_bytes[64], down_bytes[16];
static struct control_block rtt;

static void put(struct ring *to, char c) {
    uint32_t next = (to->write + 1u) % to->size;
    while (next == to->read) {
    }
    to->bytes[to->write] = c;
    to->write = next;
}

static void say(struct ring *to, const char *text) {
    while (*text != '\0') {
        put(to, *text++);
    }
}

static int get(struct ring *from) {
    if (from->read == from->write) {
        return -1;
    }
    int c = from->bytes[from->read];
    from->read = (from->read + 1u) % from->size;
    return c;
}

int main(void) {
    test_begin();
    rtt.ups = 2;
    rtt.downs = 1;
    rtt.up[0] = (struct ring){.name = "Terminal", .bytes = up_bytes, .size = sizeof up_bytes};
    rtt.up[1] = (struct ring){.name = "Log", .bytes = log_bytes, .size = sizeof log_bytes};
    rtt.down[0] = (struct ring){.name = "Terminal", .bytes = down_bytes, .size = sizeof down_bytes};
    /* The signature comes last, and is nowhere else in SRAM. */
    static const char backwards[] = "TTR REGGES";
    for (uint32_t i = 0; i < 10u; i++) {
        rtt.id[i] = backwards[9u - i];
    }
    say(&rtt.up[0], "Longer than the buffer, which holds thirty-one characters at once.\n");
    say(&rtt.up[1], "a second channel\n");
    for (;;) {
        int c = get(&rtt.down[0]);
        if (c == '.') {
            break;
        }
        if (c >= 0) {
            put(&rtt.up[0], (char)(c >= 'a' && c <= 'z' ? c - 32 : c));
        }
    }
    say(&rtt.up[0], "\nbye\n");
    while (rtt.up[0].read != rtt.up[0].write) {
    }
    test_exit(0);
}
