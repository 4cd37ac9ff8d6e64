/* Floating point without a unit for it: the compiler's own routines, as a model that was not quantised uses them. */
#include "test.h"

float accumulate(uint32_t times);

__attribute__((noinline)) float accumulate(uint32_t times) {
    float sum = 0.0f, x = 0.75f;
    for (uint32_t i = 1; i <= times; i++) {
        x = x * 1.0009765625f + 0.015625f;
        if (x > 4.0f) {
            x -= 3.5f;
        }
        sum += x / (float)i;
        sum -= (float)(int32_t)(sum * 0.25f);
    }
    return sum;
}

int main(void) {
    test_begin();
    union {
        float value;
        uint32_t bits;
    } result = {accumulate(2000)};
    print("%08lx\r\n", (unsigned long)result.bits);
    test_exit(0);
}
