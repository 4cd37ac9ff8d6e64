/* A sentence in Arabic script as the numbers of its words: see tokenizer.h, also for source, limits and tests.
 * SPDX-License-Identifier: MIT OR Apache-2.0
 */
#include "tokenizer.h"
#include "mlperf.h"

#include <string.h>

#define SENTENCE_MAX 28u /* words that any of our models takes */

static int32_t sentence[SENTENCE_MAX];
static size_t sentence_words;

/* The number of a word; several hundred words need nine or ten comparisons. */
static int32_t look_up(const struct vocabulary *vocabulary, const uint8_t *word, size_t length) {
    size_t low = 0, high = vocabulary->words;
    while (low < high) {
        const size_t middle = (low + high) / 2u;
        const uint8_t *entry = vocabulary->text + vocabulary->start[middle];
        const size_t entry_length = (size_t)(vocabulary->start[middle + 1u] - vocabulary->start[middle]);
        int order = memcmp(word, entry, length < entry_length ? length : entry_length);
        if (order == 0) {
            order = (length > entry_length) - (length < entry_length);
        }
        if (order == 0) {
            return vocabulary->number[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1u;
        }
    }
    return TOKENIZER_UNKNOWN;
}

/* The next letter's entry of the table, 0 at anything else than a letter of that block; the text moves past it. */
static uint8_t next(const struct vocabulary *vocabulary, const uint8_t **text) {
    const uint8_t *at = *text;
    /* UTF-8 writes U+0600..U+06FF as 110110xx 10xxxxxx. */
    if ((at[0] & 0xFCu) == 0xD8u && (at[1] & 0xC0u) == 0x80u) {
        *text = at + 2;
        return vocabulary->letters[(at[0] & 0x03u) << 6 | (at[1] & 0x3Fu)];
    }
    *text = at + 1;
    return 0;
}

/* Adds a text's words to the sentence; how many there were. Those after the last place are counted and forgotten. */
static size_t add(const struct vocabulary *vocabulary, const uint8_t *text, size_t places) {
    uint8_t word[TOKENIZER_LONGEST];
    size_t length = 0, found = 0;
    for (bool more = true; more;) {
        more = *text != '\0';
        const uint8_t letter = more ? next(vocabulary, &text) : 0;
        if (letter == TOKENIZER_DROP) {
            continue;
        }
        if (letter != 0) {
            if (length < TOKENIZER_LONGEST) {
                word[length] = letter;
            }
            length++;
        } else if (length != 0) {
            if (sentence_words < places) {
                sentence[sentence_words++] = length > TOKENIZER_LONGEST ? TOKENIZER_UNKNOWN : look_up(vocabulary, word, length);
            }
            found++;
            length = 0;
        }
    }
    return found;
}

/* What follows the command's name, from its space on; null when it is another command. */
static const char *after(const char *name, const char *command) {
    while (*name != '\0' && *name == *command) {
        name++;
        command++;
    }
    return *name == '\0' && (*command == ' ' || *command == '\0') ? command : NULL;
}

bool tokenizer_command(const struct vocabulary *vocabulary, const char *command) {
    const char *text = after("text", command);
    if (text == NULL) {
        return false;
    }
    const size_t inputs = gp_buff_bytes / sizeof sentence[0];
    const size_t places = inputs < SENTENCE_MAX ? inputs : SENTENCE_MAX;
    if (*text == '\0') {
        sentence_words = 0;
    } else if (add(vocabulary, (const uint8_t *)text, places) == 0) {
        th_printf("e-[No word in the letters that the model knows]\r\n");
        return true;
    }
    memset(gp_buff, 0, gp_buff_bytes);
    memcpy(gp_buff + gp_buff_bytes - sentence_words * sizeof sentence[0], sentence, sentence_words * sizeof sentence[0]);
    g_buff_size = g_buff_pos = gp_buff_bytes;
    th_printf("m-text-[%u words]\r\n", (unsigned)sentence_words);
    return true;
}
