/* SPDX-License-Identifier: MIT */
#include "talc/message.h"

#include <stdlib.h>

void talc_response_clear(talc_response *response)
{
    if (response == NULL) {
        return;
    }
    free((void *)response->payload);
    *response = (talc_response){ .content_format = TALC_FORMAT_NONE };
}

int talc_code_is_success(uint8_t code)
{
    return code >> 5 == 2;
}

const char *talc_code_text(uint8_t code, char text[TALC_CODE_TEXT_SIZE])
{
    unsigned detail = code & 0x1F;
    text[0] = (char)('0' + (code >> 5));
    text[1] = '.';
    text[2] = (char)('0' + detail / 10);
    text[3] = (char)('0' + detail % 10);
    text[4] = '\0';
    return text;
}
