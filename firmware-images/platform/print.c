/* A small printf to the serial line.
 * Source: the conversions of ISO C99 7.19.6.1 that are listed in platform.h.
 * Does not model: floating point, precision, left adjustment; an unknown conversion is printed as it stands.
 * Tested by: tests/firmware_images.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "platform.h"

#include <stdarg.h>

uint32_t divide(uint64_t *value, uint32_t by) {
    uint64_t quotient = 0;
    uint32_t rest = 0;
    for (int shift = 48; shift >= 0; shift -= 16) {
        const uint32_t part = rest << 16 | (uint32_t)(*value >> shift & 0xFFFFu);
        quotient = quotient << 16 | part / by;
        rest = part % by;
    }
    *value = quotient;
    return rest;
}

static void put_number(uint64_t value, uint32_t base, unsigned width, char pad) {
    char digits[20]; /* 2^64 - 1 has 20 decimal digits */
    unsigned count = 0;
    do {
        digits[count++] = "0123456789abcdef"[divide(&value, base)];
    } while (value != 0);
    for (; width > count; width--) {
        uart_put(pad);
    }
    while (count != 0) {
        uart_put(digits[--count]);
    }
}

void print_list(const char *format, va_list args) {
    for (; *format != '\0'; format++) {
        if (*format != '%') {
            uart_put(*format);
            continue;
        }
        const char *start = format++;
        const char pad = *format == '0' ? '0' : ' ';
        unsigned width = 0;
        for (; *format >= '0' && *format <= '9'; format++) {
            width = width * 10u + (unsigned)(*format - '0');
        }
        unsigned longs = 0;
        for (; *format == 'l'; format++) {
            longs++;
        }
        switch (*format) {
        case 'd': {
            const int64_t value = longs == 2 ? va_arg(args, long long) : longs == 1 ? va_arg(args, long) : va_arg(args, int);
            if (value < 0) {
                uart_put('-');
                width -= width != 0;
            }
            put_number(value < 0 ? -(uint64_t)value : (uint64_t)value, 10, width, pad);
            break;
        }
        case 'u':
        case 'x': {
            const uint64_t value = longs == 2   ? va_arg(args, unsigned long long)
                                   : longs == 1 ? va_arg(args, unsigned long)
                                                : va_arg(args, unsigned);
            put_number(value, *format == 'x' ? 16 : 10, width, pad);
            break;
        }
        case 'c':
            uart_put((char)va_arg(args, int));
            break;
        case 's':
            for (const char *text = va_arg(args, const char *); *text != '\0'; text++) {
                uart_put(*text);
            }
            break;
        case '%':
            uart_put('%');
            break;
        default:
            for (; start < format; start++) {
                uart_put(*start);
            }
            if (*format == '\0') {
                return;
            }
            uart_put(*format);
        }
    }
}

void print(const char *format, ...) {
    va_list args;
    va_start(args, format);
    print_list(format, args);
    va_end(args);
}
