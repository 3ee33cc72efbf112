/* SPDX-License-Identifier: MIT */
#include "gateway/http_date.h"

#include "gateway/text_reader.h"

#include <string.h>

static bool read_digits(talc_text_reader *reader, size_t count, uint32_t *number)
{
    size_t begin = reader->at;
    return talc_text_reader_number(reader, number) && reader->at - begin == count;
}

static bool read_month(talc_text_reader *reader, uint32_t *month)
{
    static const char *const names[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    talc_text_piece name = talc_text_reader_until(reader, " ");
    for (*month = 1; *month <= 12; (*month)++) {
        if (talc_text_piece_is(name, names[*month - 1])) {
            return true;
        }
    }
    return false;
}

/* Days from 1970-01-01 in the Gregorian calendar; years begin in March, so that a leap day is the
 * last of its year. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted_year = month > 2 ? year : year - 1;
    int64_t shifted_month = (month + 9) % 12;
    return 365 * shifted_year + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 +
           (153 * shifted_month + 2) / 5 + day - 1 - 719468;
}

bool talc_http_date_read(const char *text, int64_t *seconds)
{
    talc_text_reader reader;
    uint32_t day, month, year, hour, minute, second;
    talc_text_reader_string(&reader, text);
    talc_text_reader_until(&reader, ",");
    if (!talc_text_reader_take(&reader, ',') || !talc_text_reader_take(&reader, ' ') ||
        !read_digits(&reader, 2, &day) || !talc_text_reader_take(&reader, ' ') ||
        !read_month(&reader, &month) || !talc_text_reader_take(&reader, ' ') ||
        !read_digits(&reader, 4, &year) || !talc_text_reader_take(&reader, ' ') ||
        !read_digits(&reader, 2, &hour) || !talc_text_reader_take(&reader, ':') ||
        !read_digits(&reader, 2, &minute) || !talc_text_reader_take(&reader, ':') ||
        !read_digits(&reader, 2, &second) ||
        !talc_text_piece_is(talc_text_reader_until(&reader, ""), " GMT")) {
        return false;
    }
    if (day < 1 || day > 31 || hour > 23 || minute > 59 || second > 60) {
        return false;
    }
    *seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    return true;
}
