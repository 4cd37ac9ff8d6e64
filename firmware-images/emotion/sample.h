/* Row 0 of emotion/emotion_samples.npy, written by make_sample.py: do not edit. */
static const int32_t sample[28] = {
    0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 73, 30,
    3, 7, 10, 1,
};
