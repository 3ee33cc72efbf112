/* SPDX-License-Identifier: MIT */
#include "lib/failure.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

talc_status talc_failure_set(talc_failure *failure, talc_stage stage, talc_status status,
                             const char *format, ...)
{
    if (!failure || failure->status < TALC_OK) {
        return status;
    }
    failure->status = status;
    failure->stage = stage;
    va_list arguments;
    va_start(arguments, format);
    if (vsnprintf(failure->text, sizeof(failure->text), format, arguments) < 0) {
        failure->text[0] = '\0';
    }
    va_end(arguments);
    return status;
}

void talc_failure_clear(talc_failure *failure)
{
    if (failure) {
        memset(failure, 0, sizeof(*failure));
    }
}
