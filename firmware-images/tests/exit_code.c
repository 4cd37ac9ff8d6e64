/* The verdict convention itself: a line of text and a verdict other than 0. */
#include "test.h"

int main(void) {
    test_begin();
    print("seven\r\n");
    test_exit(7);
}
