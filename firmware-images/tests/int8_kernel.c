/* Depthwise 3x3 and pointwise int8 convolutions with requantisation, as keyword models have them, written plainly: what time goes into. */
#include "test.h"

#pragma GCC optimize("O2") /* as runtime/ is compiled */

#define WIDTH 5
#define HEIGHT 12
#define CHANNELS 32

void convolve(uint32_t times);

static int8_t input[HEIGHT][WIDTH][CHANNELS], middle[HEIGHT][WIDTH][CHANNELS];
static int8_t depthwise[3][3][CHANNELS];
/* In flash, as a model's weights are. */
static const int8_t pointwise[CHANNELS][CHANNELS] = {{3, -7, 11, 5, -2}, {-9, 4, 1, 8, 6}, {1, 2, 3, 4, 5}, [7] = {-1, -3, 9}, [19] = {64, -64}};

static int8_t requantise(int32_t sum) {
    const int64_t product = (int64_t)sum * 1518500250 + (1 << 30);
    const int32_t scaled = (int32_t)(product >> 31) >> 5;
    return (int8_t)(scaled < -128 ? -128 : scaled > 127 ? 127 : scaled);
}

static void three_by_three(void) {
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            for (int c = 0; c < CHANNELS; c++) {
                int32_t sum = 17 * c;
                for (int dy = -1; dy <= 1; dy++) {
                    for (int dx = -1; dx <= 1; dx++) {
                        if (y + dy >= 0 && y + dy < HEIGHT && x + dx >= 0 && x + dx < WIDTH) {
                            sum += (input[y + dy][x + dx][c] + 3) * depthwise[dy + 1][dx + 1][c];
                        }
                    }
                }
                middle[y][x][c] = requantise(sum);
            }
        }
    }
}

static void one_by_one(void) {
    for (int y = 0; y < HEIGHT; y++) {
        for (int x = 0; x < WIDTH; x++) {
            for (int o = 0; o < CHANNELS; o++) {
                int32_t sum = -40 * o;
                for (int c = 0; c < CHANNELS; c++) {
                    sum += (middle[y][x][c] + 5) * (pointwise[o][c] + (o ^ c));
                }
                input[y][x][o] = requantise(sum);
            }
        }
    }
}

__attribute__((noinline)) void convolve(uint32_t times) {
    for (; times != 0; times--) {
        three_by_three();
        one_by_one();
    }
}

int main(void) {
    test_begin();
    uint32_t state = 1, sum = 0;
    int8_t *bytes = &input[0][0][0], *weights = &depthwise[0][0][0];
    for (uint32_t i = 0; i < sizeof input; i++) {
        state = state * 1664525u + 1013904223u;
        bytes[i] = (int8_t)(state >> 24);
        weights[i % sizeof depthwise] = (int8_t)(state >> 16);
    }
    convolve(3);
    for (uint32_t i = 0; i < sizeof input; i++) {
        sum = sum * 31u + (uint8_t)bytes[i];
    }
    print("%08lx\r\n", (unsigned long)sum);
    test_exit(0);
}
