/* Sleep with no interrupt enabled: nothing will ever wake it. */
#include "test.h"

int main(void) {
    clock_init();
    for (;;) {
        cpu_wait_for_interrupt();
    }
}
