/* The names by which a TFLite Micro firmware's operators are known, without TFLite Micro: an interpreter's entry, the kernels that it calls
 * through pointers, and what else has their signature. C here, under the names that a C++ compiler would give. */
#include "test.h"

#define AS(name) __asm__(name)
#define KERNEL "EP13TfLiteContextP10TfLiteNode"

typedef int invoke_t(uint32_t *context, uint32_t *node);

invoke_t conv_eval AS("_ZN6tflite12_GLOBAL__N_18ConvEval" KERNEL);
invoke_t conv_prepare AS("_ZN6tflite11ConvPrepare" KERNEL);
/* A kernel by way of another with the same arguments. */
invoke_t dense_common AS("_ZN6tflite24FullyConnectedEvalCommon" KERNEL);
invoke_t dense_eval AS("_ZN6tflite3ops5micro15fully_connected4Eval" KERNEL);
invoke_t custom AS("_Z12MyFilterEval" "P13TfLiteContextP10TfLiteNode");
int invoke_subgraph(void *graph, int index) AS("_ZN6tflite21MicroInterpreterGraph14InvokeSubgraphEi");
int invoke(void *interpreter) AS("_ZN6tflite16MicroInterpreter6InvokeEv");

static volatile uint32_t sink;

/* So many additions that kernels can be told apart by what they cost. */
static void work(uint32_t times) {
    for (uint32_t i = 0; i < times; i++) {
        sink = sink + i;
    }
}

__attribute__((noinline)) int conv_eval(uint32_t *context, uint32_t *node) {
    work(400 + *context + *node);
    return 0;
}

__attribute__((noinline)) int conv_prepare(uint32_t *context, uint32_t *node) {
    work(*context + *node + 3);
    return 0;
}

__attribute__((noinline)) int dense_common(uint32_t *context, uint32_t *node) {
    work(200 + *context + *node);
    return 0;
}

__attribute__((noinline)) int dense_eval(uint32_t *context, uint32_t *node) {
    work(10);
    return dense_common(context, node) + (int)sink % 1;
}

__attribute__((noinline)) int custom(uint32_t *context, uint32_t *node) {
    work(50 + *context + *node);
    return 0;
}

static invoke_t *const operators[] = {conv_eval, conv_eval, dense_eval, custom};

__attribute__((noinline)) int invoke_subgraph(void *graph, int index) {
    uint32_t context = 0, node = (uint32_t)index;
    int status = graph != NULL;
    for (unsigned i = 0; i < sizeof operators / sizeof *operators; i++) {
        status |= operators[i](&context, &node);
    }
    return status;
}

__attribute__((noinline)) int invoke(void *interpreter) {
    work(5);
    return invoke_subgraph(interpreter, 0) + (int)sink % 1;
}

int main(void) {
    uint32_t context = 0, node = 0;
    test_begin();
    conv_prepare(&context, &node);
    print("status %d %d\r\n", invoke(NULL), invoke(NULL));
    test_exit(0);
}
