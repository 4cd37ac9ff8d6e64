/* Semihosting: BKPT 0xAB with files, the console's handles, the clock and the errors, each answer printed on the serial line. */
#include "test.h"

enum {
    SYS_OPEN = 0x01, SYS_CLOSE = 0x02, SYS_WRITE0 = 0x04, SYS_WRITE = 0x05, SYS_READ = 0x06, SYS_ISERROR = 0x08, SYS_ISTTY = 0x09,
    SYS_SEEK = 0x0A, SYS_FLEN = 0x0C, SYS_REMOVE = 0x0E, SYS_RENAME = 0x0F, SYS_CLOCK = 0x10, SYS_TIME = 0x11, SYS_ERRNO = 0x13,
    SYS_ELAPSED = 0x30, SYS_TICKFREQ = 0x31,
};

static int call(int service, const void *argument) {
    register int r0 __asm__("r0") = service;
    register const void *r1 __asm__("r1") = argument;
    __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int call1(int service, unsigned a) {
    unsigned block[] = {a};
    return call(service, block);
}

static int call2(int service, unsigned a, unsigned b) {
    unsigned block[] = {a, b};
    return call(service, block);
}

static int call3(int service, unsigned a, unsigned b, unsigned c) {
    unsigned block[] = {a, b, c};
    return call(service, block);
}

static int open(const char *name, unsigned length, unsigned mode) {
    return call3(SYS_OPEN, (unsigned)name, mode, length);
}

int main(void) {
    static char buffer[16];
    test_begin();

    /* Mode 4 is "w", 0 is "r". */
    int file = open("sh_a.txt", 8, 4);
    print("open %d ", file > 0);
    print("write %d ", call3(SYS_WRITE, (unsigned)file, (unsigned)"hello", 5));
    print("tty %d ", call1(SYS_ISTTY, (unsigned)file));
    print("length %d ", call1(SYS_FLEN, (unsigned)file));
    print("close %d ", call1(SYS_CLOSE, (unsigned)file));
    print("again %d\r\n", call1(SYS_CLOSE, (unsigned)file));

    file = open("sh_a.txt", 8, 0);
    print("length %d ", call1(SYS_FLEN, (unsigned)file));
    print("seek %d ", call2(SYS_SEEK, (unsigned)file, 1));
    print("left %d ", call3(SYS_READ, (unsigned)file, (unsigned)buffer, 4));
    print("[%s] ", buffer);
    print("left %d ", call3(SYS_READ, (unsigned)file, (unsigned)buffer, 10));
    print("end %d\r\n", call3(SYS_READ, (unsigned)file, (unsigned)buffer, 10));
    call1(SYS_CLOSE, (unsigned)file);

    unsigned names[] = {(unsigned)"sh_a.txt", 8, (unsigned)"sh_b.txt", 8};
    print("rename %d ", call(SYS_RENAME, names));
    print("remove %d ", call2(SYS_REMOVE, (unsigned)"sh_b.txt", 8));
    file = open("sh_b.txt", 8, 0);
    print("gone %d errno %d ", file, call(SYS_ERRNO, 0));
    print("error %d %d\r\n", call1(SYS_ISERROR, (unsigned)file) != 0, call1(SYS_ISERROR, 7));

    file = open(":semihosting-features", 21, 0);
    print("left %d ", call3(SYS_READ, (unsigned)file, (unsigned)buffer, 5));
    print("%c%c%c%c %d\r\n", buffer[0], buffer[1], buffer[2], buffer[3], buffer[4]);
    call1(SYS_CLOSE, (unsigned)file);

    print("console %d\r\n", open(":tt", 3, 4) > 0);
    call(SYS_WRITE0, "by string\n");

    unsigned long long before = 0, after = 0;
    int elapsed = call(SYS_ELAPSED, &before);
    for (volatile unsigned i = 0; i < 20000; i++) {
    }
    elapsed |= call(SYS_ELAPSED, &after);
    print("elapsed %d later %d frequency %d clock %d time %d\r\n", elapsed, after > before, call(SYS_TICKFREQ, 0) > 0,
          call(SYS_CLOCK, 0) >= 0, call(SYS_TIME, 0) >= 0);
    test_exit(0);
}
