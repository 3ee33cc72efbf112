/* SPDX-License-Identifier: MIT */
/* Compiled and run against the installed library by installed_library.sh. */
#include <stdio.h>
#include <string.h>
#include <talc/talc.h>

int main(void)
{
    const char *text = talc_status_text(TALC_OK);
    if (text == NULL || strlen(text) == 0) {
        fputs("the installed library has no text for TALC_OK\n", stderr);
        return 1;
    }
    puts(text);
    return 0;
}
