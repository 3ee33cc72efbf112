/* SPDX-License-Identifier: MIT */
#include "transport/http_message.h"

#include <string.h>
#include <strings.h>

const char *talc_http_field_find(const talc_http_message *message, const char *name)
{
    for (size_t i = 0; i < message->field_count; i++) {
        if (strcasecmp(message->fields[i].name, name) == 0) {
            return message->fields[i].value;
        }
    }
    return NULL;
}

/* Not isalnum(): that depends on the locale. */
static int is_token_character(char character)
{
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') ||
           (character != 0 && strchr("!#$%&'*+-.^_`|~", character) != NULL);
}

int talc_http_is_token(const char *text)
{
    size_t size = 0;
    while (is_token_character(text[size])) {
        size++;
    }
    return size > 0 && text[size] == 0;
}

int talc_http_is_value(const char *text)
{
    for (size_t i = 0; text[i] != 0; i++) {
        unsigned char byte = (unsigned char)text[i];
        if ((byte < ' ' && byte != '\t') || byte == 0x7f) {
            return 0;
        }
    }
    return 1;
}

/* Whether a list of tokens, "close, X-Mark", names this one. */
static int names(const char *list, const char *token)
{
    size_t length = strlen(token);
    while (*list != 0) {
        list += strspn(list, ", \t");
        size_t size = strcspn(list, ", \t");
        if (size == length && strncasecmp(list, token, length) == 0) {
            return 1;
        }
        list += size;
    }
    return 0;
}

int talc_http_is_of_hop(const talc_http_message *message, const char *name)
{
    static const char *const fixed[] = {
        "Connection",          "Content-Length",   "Keep-Alive", "Proxy-Authenticate",
        "Proxy-Authorization", "Proxy-Connection", "TE",         "Trailer",
        "Transfer-Encoding",   "Upgrade",          "Expect",     "Proxy-Authentication-Info",
    };
    for (size_t i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        if (strcasecmp(fixed[i], name) == 0) {
            return 1;
        }
    }
    for (size_t i = 0; i < message->field_count; i++) {
        if (strcasecmp(message->fields[i].name, "Connection") == 0 &&
            names(message->fields[i].value, name)) {
            return 1;
        }
    }
    return 0;
}
