/* A loop that waits for something that never comes. */
#include "test.h"

static volatile bool never;

int main(void) {
    test_begin();
    print("spinning\r\n");
    while (!never) {
    }
    test_exit(1);
}
