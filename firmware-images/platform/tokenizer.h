/* A sentence in Arabic script as the numbers of its words, on the chip: the command "text" beside those of the serial protocol.
 * Source: models/emotion/farsi.py, whose four steps these are, and the preprocess.json that it wrote.
 * Does not model: letters outside U+0600..U+06FF, which part words as spaces do; a word cut in two by the end of a command.
 * Tested by: tests/tokenizer.rs (every sentence of the samples, as the training script encoded it, under QEMU and in stm32sim).
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#ifndef TOKENIZER_H
#define TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

/* What make_vocabulary.py writes. A letter is the low byte of its code point in U+0600..U+06FF. */
struct vocabulary {
    const uint8_t *letters; /* by low byte: the letter to keep, TOKENIZER_DROP, or 0 where words part */
    const uint8_t *text;    /* the words without anything between them, in ascending order of their bytes */
    const uint16_t *start;  /* words + 1 offsets into text */
    const uint16_t *number; /* the number of each word of that order */
    uint16_t words;
};
#define TOKENIZER_DROP 1u
#define TOKENIZER_UNKNOWN 1
#define TOKENIZER_LONGEST 16u /* letters of a word that a vocabulary may hold */

/* "text" begins a sentence, "text WORDS" adds words to it and makes it the loaded input: int32 numbers, zeros in front, the first
 * gp_buff_bytes / 4 words. Answers m-text-[N words], or an e-[…] line. False, and nothing done, when the command is another one. */
bool tokenizer_command(const struct vocabulary *vocabulary, const char *command);

#endif
