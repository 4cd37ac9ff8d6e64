/* The device side of the MLPerf Tiny serial protocol.
 * Source: the protocol as README.md states it; written for these images.
 * Does not model: energy mode (its marker pin), commands while an inference runs.
 * Tested by: tests/firmware_images.rs (a conversation under QEMU).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 *
 * Every command is checked whole before it changes anything, so a host that got an e-[…] line may simply send it again.
 */
#include "mlperf.h"
#include "platform.h"

#define COMMAND_MAX 80u
#define DEFAULT_WARMUP 10u
#define BYTES_PER_LINE 8u

size_t g_buff_size, g_buff_pos;

void th_printf(const char *format, ...) {
    __builtin_va_list args;
    __builtin_va_start(args, format);
    print_list(format, args);
    __builtin_va_end(args);
}

/* Not inlined: tools look for the symbol. */
__attribute__((noinline)) char th_getchar(void) { return uart_get(); }

static void print_lap(uint64_t us) { th_printf("m-lap-us-%llu\r\n", (unsigned long long)us); }

void th_timestamp(void) { print_lap(time_us()); }

void mlperf_print_bytes(const char *prefix, const void *bytes, size_t count) {
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < count; i++) {
        const bool last = i % BYTES_PER_LINE == BYTES_PER_LINE - 1u || i + 1u == count;
        th_printf("%s%02x%s", i % BYTES_PER_LINE == 0 ? prefix : "", (unsigned)byte[i], last ? "\r\n" : "-");
    }
}

/* Cuts a command at its spaces into at most WORDS words; those not given are empty. */
#define WORDS 4
static void split(char *command, const char *word[WORDS]) {
    for (unsigned i = 0; i < WORDS; i++) {
        while (*command == ' ') {
            *command++ = '\0';
        }
        word[i] = command;
        while (*command != ' ' && *command != '\0') {
            command++;
        }
    }
    *command = '\0';
}

static bool same(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* A word as a decimal number; `absent` when it is empty. False, and an e-[…] line, when it is no number below 2^32. */
static bool number(const char *word, uint32_t absent, uint32_t *value) {
    uint32_t sum = *word == '\0' ? absent : 0;
    for (const char *digit = word; *digit != '\0'; digit++) {
        const uint32_t d = (uint32_t)*digit - '0';
        if (d > 9u || sum > (UINT32_MAX - d) / 10u) {
            th_printf("e-[Not a number: %s]\r\n", word);
            return false;
        }
        sum = sum * 10u + d;
    }
    *value = sum;
    return true;
}

static void buffer_load(const char *size_word) {
    uint32_t size;
    if (!number(size_word, 0, &size)) {
        return;
    }
    if (size == 0) {
        th_printf("e-[db load takes a number of bytes, at least 1]\r\n");
    } else if (size > gp_buff_bytes) {
        th_printf("e-[%lu bytes exceed the buffer of %lu]\r\n", (unsigned long)size, (unsigned long)gp_buff_bytes);
    } else {
        g_buff_size = size;
        g_buff_pos = 0;
        th_printf("m-[Expecting %lu bytes]\r\n", (unsigned long)size);
    }
}

static void buffer_print(const char *count_word, const char *offset_word) {
    uint32_t count, offset;
    if (!number(offset_word, 0, &offset) || !number(count_word, offset < g_buff_size ? g_buff_size - offset : 0, &count)) {
        return;
    }
    if (offset > g_buff_size || count > g_buff_size - offset) {
        th_printf("e-[The buffer holds %lu bytes]\r\n", (unsigned long)g_buff_size);
    } else {
        mlperf_print_bytes("m-buffer-", gp_buff + offset, count);
    }
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static void buffer_fill(const char *digits) {
    size_t count = 0;
    for (; digits[count] != '\0'; count++) {
        if (hex_digit(digits[count]) < 0) {
            th_printf("e-[Not a hex digit: %c]\r\n", digits[count]);
            return;
        }
    }
    if (count == 0) {
        th_printf("e-[db takes load, print or hex digits]\r\n");
    } else if (count % 2u != 0) {
        th_printf("e-[An odd number of hex digits]\r\n");
    } else if (count / 2u > g_buff_size - g_buff_pos) {
        th_printf("e-[%lu bytes, but only %lu are expected]\r\n", (unsigned long)(count / 2u),
                  (unsigned long)(g_buff_size - g_buff_pos));
    } else {
        for (size_t i = 0; i < count; i += 2u) {
            gp_buff[g_buff_pos++] = (uint8_t)(hex_digit(digits[i]) << 4 | hex_digit(digits[i + 1u]));
        }
        if (g_buff_pos == g_buff_size) {
            th_printf("m-load-done\r\n");
        }
    }
}

static void buffer(const char *what, const char *first, const char *second) {
    if (same(what, "load")) {
        buffer_load(first);
    } else if (same(what, "print")) {
        buffer_print(first, second);
    } else {
        buffer_fill(what);
    }
}

static void infer(const char *count_word, const char *warmup_word) {
    uint32_t count, warmup;
    if (!number(count_word, 1, &count) || !number(warmup_word, DEFAULT_WARMUP, &warmup)) {
        return;
    }
    if (count == 0) {
        th_printf("e-[infer takes a number of inferences, at least 1]\r\n");
        return;
    }
    if (g_buff_pos != g_buff_size || g_buff_size != gp_buff_bytes) {
        th_printf("e-[The model takes %lu bytes, loaded are %lu]\r\n", (unsigned long)gp_buff_bytes, (unsigned long)g_buff_pos);
        return;
    }
    th_load_tensor(); /* once: the input outlives an inference (runtime/nn.h) */
    th_printf("m-warmup-start-%lu\r\n", (unsigned long)warmup);
    for (; warmup != 0; warmup--) {
        th_infer();
    }
    th_printf("m-warmup-done\r\n");
    th_printf("m-infer-start-%lu\r\n", (unsigned long)count);
    /* Both times are printed afterwards: 1.7 ms of a first line on its way would count as inference. */
    uart_flush();
    const uint64_t start = time_us();
    for (; count != 0; count--) {
        th_infer();
    }
    const uint64_t end = time_us();
    print_lap(start);
    print_lap(end);
    th_printf("m-infer-done\r\n");
    th_results();
}

__attribute__((weak)) bool th_command(const char *command) {
    (void)command;
    return false;
}

static void execute(char *command) {
    const char *word[WORDS];
    if (th_command(command)) {
        return;
    }
    split(command, word);
    if (same(word[0], "name")) {
        th_printf("m-name-dut-[stm32f103]\r\n");
    } else if (same(word[0], "profile")) {
        th_printf("m-profile-[stm32sim firmware images, protocol of MLPerf Tiny 1.0]\r\n");
        th_printf("m-model-[%s]\r\n", mlperf_model);
    } else if (same(word[0], "timestamp")) {
        th_timestamp();
    } else if (same(word[0], "db")) {
        buffer(word[1], word[2], word[3]);
    } else if (same(word[0], "infer")) {
        infer(word[1], word[2]);
    } else if (same(word[0], "results")) {
        th_results();
    } else if (same(word[0], "output")) {
        th_output();
    } else {
        th_printf("e-[Unknown command: %s]\r\n", word[0]);
    }
}

void mlperf_serve(void) {
    static char command[COMMAND_MAX + 1u];
    th_printf("m-timestamp-mode-performance\r\n");
    th_timestamp();
    th_printf("m-init-done\r\n");
    for (;;) {
        th_printf("m-ready\r\n");
        size_t length = 0;
        for (char c = th_getchar(); c != '%'; c = th_getchar()) {
            if (c == '\r' || c == '\n') {
                continue; /* a person at a terminal */
            }
            if (length < COMMAND_MAX) {
                command[length] = c;
            }
            length++;
        }
        if (length > COMMAND_MAX) {
            th_printf("e-[A command has at most %u characters]\r\n", COMMAND_MAX);
        } else {
            command[length] = '\0';
            execute(command);
        }
    }
}
