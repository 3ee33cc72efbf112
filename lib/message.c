/* SPDX-License-Identifier: MIT */
#include "talc/message.h"

#include <stdlib.h>

#include "lib/framing.h"

void talc_response_clear(talc_response *response)
{
    if (response == NULL) {
        return;
    }
    free((void *)response->payload);
    *response = (talc_response){ 0 };
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

bool talc_format_is_valid(int format)
{
    return format >= TALC_FORMAT_NONE && format <= TALC_FORMAT_TEXT;
}

int talc_format_to_option(int format)
{
    return format == TALC_FORMAT_NONE ? TALC_OPTION_ABSENT : format % TALC_FORMAT_TEXT;
}

int talc_format_from_option(int option)
{
    return option == TALC_OPTION_ABSENT ? TALC_FORMAT_NONE
           : option == 0               ? TALC_FORMAT_TEXT
                                       : option;
}
