/* What newlib asks of a system: printf writes to USART1; there are no files and no processes.
 * Source: newlib's manual, "System Calls".
 * Does not model: input.
 * Tested by: tests/embed_examples.rs.
 * SPDX-License-Identifier: MIT OR Apache-2.0 */
#include "main.h"

#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

extern char _end[], _estack[]; /* by the linker script */

int _write(int file, const char *text, int length) {
    (void)file;
    for (int i = 0; i < length; i++) USART1_Write(text[i]);
    return length;
}

void *_sbrk(ptrdiff_t bytes) {
    static char *top = _end;
    const uintptr_t limit = (uintptr_t)_estack - 1024u; /* the least that is left for the stack */
    if ((uintptr_t)top + (uintptr_t)bytes > limit) {
        errno = ENOMEM;
        return (void *)-1;
    }
    char *old = top;
    top += bytes;
    return old;
}

int _close(int file) { return (void)file, -1; }
int _read(int file, char *to, int length) { return (void)file, (void)to, (void)length, 0; }
int _lseek(int file, int offset, int from) { return (void)file, (void)offset, (void)from, 0; }
int _isatty(int file) { return (void)file, 1; }
int _fstat(int file, struct stat *status) { return (void)file, status->st_mode = S_IFCHR, 0; }
