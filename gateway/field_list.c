/* SPDX-License-Identifier: MIT */
#include "gateway/field_list.h"

#include <strings.h>

void talc_gateway_field_list_init(talc_gateway_field_list *list, const talc_http_message *message,
                                  const char *name)
{
    list->message = message;
    list->name = name;
    list->next_field = 0;
    talc_text_reader_string(&list->line, "");
}

static bool next_line(talc_gateway_field_list *list)
{
    while (list->next_field < list->message->field_count) {
        const talc_http_field *field = &list->message->fields[list->next_field++];
        if (strcasecmp(field->name, list->name) == 0) {
            talc_text_reader_string(&list->line, field->value);
            return true;
        }
    }
    return false;
}

/* What stands before the next comma. */
static talc_text_piece read_element(talc_text_reader *line)
{
    talc_text_reader before = *line;
    bool is_quoted = false;
    int character;
    while ((character = talc_text_reader_peek(line)) >= 0 && (is_quoted || character != ',')) {
        is_quoted = is_quoted != (character == '"');
        if (talc_text_reader_next(line) == '\\' && is_quoted) {
            talc_text_reader_next(line);
        }
    }
    talc_text_piece element = { before.text + before.at, line->at - before.at };
    while (element.size > 0 &&
           (element.text[element.size - 1] == ' ' || element.text[element.size - 1] == '\t')) {
        element.size--;
    }
    return element;
}

bool talc_gateway_field_list_next(talc_gateway_field_list *list, talc_text_reader *element)
{
    do {
        while (!talc_text_reader_at_end(&list->line)) {
            talc_text_reader_skip_blanks(&list->line);
            talc_text_piece piece = read_element(&list->line);
            talc_text_reader_take(&list->line, ',');
            if (piece.size > 0) {
                talc_text_reader_init(element, piece.text, piece.size);
                return true;
            }
        }
    } while (next_line(list));
    return false;
}

size_t talc_gateway_field_count(const talc_http_message *message, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < message->field_count; i++) {
        count += strcasecmp(message->fields[i].name, name) == 0 ? 1 : 0;
    }
    return count;
}
