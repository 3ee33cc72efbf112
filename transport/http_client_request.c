/* SPDX-License-Identifier: MIT */
/* A request as libcurl wants it. Everything that libcurl would do of itself is turned off here. */
#include "transport/http_client_state.h"

#include "lib/failure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/host_address.h"

/* ---------------------------------------------------------------- addresses */

static int is_visible_ascii(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] <= ' ' || text[i] > '~') {
            return 0;
        }
    }
    return text[0] != '\0';
}

/* A URL of http or https, without user and password. libcurl would take one slash or three before
 * the host as well. */
static CURLUcode url_parse(CURLU *url, const char *text)
{
    char *scheme = NULL;
    const char *slashes = strchr(text, '/');
    if (!is_visible_ascii(text) || slashes == NULL || strspn(slashes, "/") != 2) {
        return CURLUE_MALFORMED_INPUT;
    }
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
    if (code == CURLUE_OK) {
        code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    }
    if (code == CURLUE_OK && strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) {
        code = CURLUE_UNSUPPORTED_SCHEME;
    }
    curl_free(scheme);
    return code;
}

/* "https://host:port", without the port if it is the scheme's own. */
static CURLUcode url_origin(CURLU *url, char **origin)
{
    CURLUcode code = curl_url_set(url, CURLUPART_PATH, NULL, 0);
    if (code == CURLUE_OK) {
        code = curl_url_set(url, CURLUPART_QUERY, NULL, 0);
    }
    if (code == CURLUE_OK) {
        code = curl_url_set(url, CURLUPART_FRAGMENT, NULL, 0);
    }
    char *text = NULL;
    if (code == CURLUE_OK) {
        code = curl_url_get(url, CURLUPART_URL, &text, CURLU_NO_DEFAULT_PORT);
    }
    if (code != CURLUE_OK) {
        return code;
    }
    size_t size = strlen(text);
    if (size > 0 && text[size - 1] == '/') {
        text[size - 1] = '\0';
    }
    *origin = strdup(text);
    curl_free(text);
    return *origin == NULL ? CURLUE_OUT_OF_MEMORY : CURLUE_OK;
}

static CURLUcode origin_of(const char *text, char **origin)
{
    CURLU *url = curl_url();
    if (url == NULL) {
        return CURLUE_OUT_OF_MEMORY;
    }
    CURLUcode code = url_parse(url, text);
    if (code == CURLUE_OK) {
        code = url_origin(url, origin);
    }
    curl_url_cleanup(url);
    return code;
}

int talc_http_is_url(const char *text)
{
    CURLU *url = curl_url();
    int is_url = url != NULL && url_parse(url, text) == CURLUE_OK;
    curl_url_cleanup(url);
    return is_url;
}

/* A proxy has no path: it gets those of its targets. */
static CURLUcode check_proxy(CURLU *url)
{
    char *path = NULL;
    char *query = NULL;
    char *scheme = NULL;
    CURLUcode code = curl_url_get(url, CURLUPART_PATH, &path, 0);
    if (code == CURLUE_OK) {
        code = curl_url_get(url, CURLUPART_SCHEME, &scheme, 0);
    }
    if (code == CURLUE_OK && (strcmp(path, "/") != 0 || strcmp(scheme, "http") != 0 ||
                              curl_url_get(url, CURLUPART_QUERY, &query, 0) == CURLUE_OK)) {
        code = CURLUE_MALFORMED_INPUT;
    }
    curl_free(path);
    curl_free(query);
    curl_free(scheme);
    return code;
}

talc_status talc_http_proxy_take(talc_http_client *client, const char *uri, talc_failure *failure)
{
    if (uri == NULL) {
        return TALC_OK;
    }
    CURLU *url = curl_url();
    CURLUcode code = url == NULL ? CURLUE_OUT_OF_MEMORY : url_parse(url, uri);
    if (code == CURLUE_OK) {
        code = check_proxy(url);
    }
    if (code == CURLUE_OK) {
        code = url_origin(url, &client->proxy);
    }
    curl_url_cleanup(url);
    if (code == CURLUE_OUT_OF_MEMORY) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory");
    }
    return code == CURLUE_OK
               ? TALC_OK
               : talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_ARGUMENT,
                                  "\"%s\" is no URI of the form http://host:port, as that of an "
                                  "HTTP forward proxy has to be",
                                  uri);
}

/* ---------------------------------------------------------------- libcurl's callbacks */

/* Called when a connection stands, before anything of the request leaves; and once more before each
 * time that libcurl repeats the request because a kept connection proved dead. */
static int on_connected(void *context, char *remote, char *local, int remote_port, int local_port)
{
    talc_http_exchange *exchange = context;
    (void)remote;
    (void)local;
    (void)remote_port;
    if (exchange->was_sent && !exchange->is_idempotent) {
        return CURL_PREREQFUNC_ABORT;
    }
    if (!exchange->has_connected &&
        talc_http_socket_is_stale(exchange->client, (uint16_t)local_port)) {
        exchange->is_stale = !exchange->was_sent;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->was_sent = 1;
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t on_open(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    talc_http_exchange *exchange = context;
    (void)purpose;
    if (exchange->client->addresses == TALC_HTTP_ADDRESSES_OF_ONE_HOST &&
        !talc_host_address_is_of_one(&address->addr)) {
        exchange->has_passed_over = 1;
        return CURL_SOCKET_BAD;
    }
    int opened = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (opened >= 0 && talc_http_socket_add(exchange->client, opened) != 0) {
        close(opened);
        return CURL_SOCKET_BAD;
    }
    exchange->has_connected = 1;
    return opened;
}

/* The exchange may be long gone. */
static int on_close(void *context, curl_socket_t closed)
{
    talc_http_client *client = context;
    talc_http_socket_remove(client, closed);
    return close(closed);
}

/* ---------------------------------------------------------------- settings */

typedef struct number_setting {
    CURLoption option;
    long value;
} number_setting;

typedef struct text_setting {
    CURLoption option;
    const char *value;
} text_setting;

typedef struct pointer_setting {
    CURLoption option;
    void *value;
} pointer_setting;

static CURLcode set_numbers(CURL *easy, const number_setting *settings, size_t count)
{
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < count && code == CURLE_OK; i++) {
        code = curl_easy_setopt(easy, settings[i].option, settings[i].value);
    }
    return code;
}

static CURLcode set_texts(CURL *easy, const text_setting *settings, size_t count)
{
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < count && code == CURLE_OK; i++) {
        code = curl_easy_setopt(easy, settings[i].option, settings[i].value);
    }
    return code;
}

static CURLcode set_pointers(CURL *easy, const pointer_setting *settings, size_t count)
{
    CURLcode code = CURLE_OK;
    for (size_t i = 0; i < count && code == CURLE_OK; i++) {
        code = curl_easy_setopt(easy, settings[i].option, settings[i].value);
    }
    return code;
}

static CURLcode set_callbacks(talc_http_exchange *exchange)
{
    CURL *easy = exchange->easy;
    const pointer_setting contexts[] = {
        { CURLOPT_PRIVATE, exchange },
        { CURLOPT_ERRORBUFFER, exchange->complaint },
        { CURLOPT_PREREQDATA, exchange },
        { CURLOPT_OPENSOCKETDATA, exchange },
        { CURLOPT_HEADERDATA, exchange },
        { CURLOPT_WRITEDATA, exchange },
        { CURLOPT_CLOSESOCKETDATA, exchange->client },
    };
    CURLcode code = set_pointers(easy, contexts, sizeof contexts / sizeof contexts[0]);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    }
    if (code == CURLE_OK) {
        code = curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, talc_http_take_line);
    }
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, talc_http_take_body)
                            : code;
}

/* The deadline is ours; libcurl's own would not count the time that an exchange waits. */
static CURLcode set_conduct(talc_http_exchange *exchange, uint32_t attempt)
{
    const talc_http_client *client = exchange->client;
    const number_setting numbers[] = {
        { CURLOPT_NOSIGNAL, 1 },
        { CURLOPT_QUICK_EXIT, 1 }, /* or giving up waits for the resolver */
        { CURLOPT_NOPROGRESS, 1 },
        { CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
        { CURLOPT_HTTP09_ALLOWED, 0 },
        { CURLOPT_FOLLOWLOCATION, 0 },
        { CURLOPT_HTTP_CONTENT_DECODING, 0 },
        { CURLOPT_NETRC, CURL_NETRC_IGNORED },
        { CURLOPT_SUPPRESS_CONNECT_HEADERS, 1 },
        { CURLOPT_PATH_AS_IS, 1 },
        { CURLOPT_SSL_VERIFYPEER, 1 },
        { CURLOPT_SSL_VERIFYHOST, 2 },
        { CURLOPT_FRESH_CONNECT, attempt > 0 },
        { CURLOPT_CONNECTTIMEOUT_MS, (long)client->connect_timeout_ms },
    };
    const text_setting texts[] = {
        { CURLOPT_PROTOCOLS_STR, "http,https" },
        { CURLOPT_PROXY,
          client->proxy != NULL ? client->proxy : "" }, /* "": not the environment's */
        { CURLOPT_NOPROXY, "" },                        /* likewise */
    };
    /* Without the second one, libcurl's own folder would be believed beside our file. */
    const text_setting anchors[] = {
        { CURLOPT_CAINFO, client->anchors_path },
        { CURLOPT_CAPATH, NULL },
    };
    CURLcode code = set_numbers(exchange->easy, numbers, sizeof numbers / sizeof numbers[0]);
    if (code == CURLE_OK) {
        code = set_texts(exchange->easy, texts, sizeof texts / sizeof texts[0]);
    }
    if (code == CURLE_OK && client->anchors_path != NULL) {
        code = set_texts(exchange->easy, anchors, sizeof anchors / sizeof anchors[0]);
    }
    return code;
}

/* ---------------------------------------------------------------- the request */

static int is_one_of(const char *text, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(text, list[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* Methods are told apart by case (RFC 9110 section 9.1). */
static int is_idempotent(const char *method)
{
    static const char *const methods[] = { "GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE" };
    return is_one_of(method, methods, sizeof methods / sizeof methods[0]);
}

/* These say that their body is empty (RFC 9110 section 8.6). */
static int expects_body(const char *method)
{
    static const char *const methods[] = { "POST", "PUT", "PATCH" };
    return is_one_of(method, methods, sizeof methods / sizeof methods[0]);
}

static int is_of_transfer(const char *name)
{
    return strcasecmp(name, "Connection") == 0 || strcasecmp(name, "Content-Length") == 0 ||
           strcasecmp(name, "Transfer-Encoding") == 0 || strcasecmp(name, "Expect") == 0;
}

static int is_valid(const talc_http_message *request)
{
    const char *method = request->method;
    if (method == NULL || request->target == NULL || !talc_http_is_token(method) ||
        strcasecmp(method, "CONNECT") == 0 ||
        (strcasecmp(method, "HEAD") == 0 && request->body_size > 0)) {
        return 0;
    }
    for (size_t i = 0; i < request->field_count; i++) {
        const talc_http_field *field = &request->fields[i];
        if (!talc_http_is_token(field->name) || !talc_http_is_value(field->value) ||
            is_of_transfer(field->name)) {
            return 0;
        }
    }
    return 1;
}

static talc_status append_line(talc_http_exchange *exchange, const char *name, const char *between,
                               const char *value)
{
    size_t size = strlen(name) + strlen(between) + strlen(value) + 1;
    char *line = malloc(size);
    if (line == NULL) {
        return TALC_ERROR_MEMORY;
    }
    (void)snprintf(line, size, "%s%s%s", name, between, value);
    struct curl_slist *lines = curl_slist_append(exchange->lines, line);
    free(line);
    if (lines == NULL) {
        return TALC_ERROR_MEMORY;
    }
    exchange->lines = lines;
    return TALC_OK;
}

/* To libcurl "Name:" removes a field of its own, and "Name;" is one without a value. */
static talc_status append_lines(talc_http_exchange *exchange, const talc_http_message *request)
{
    static const char *const unasked[] = { "Accept", "Content-Type", "User-Agent" };
    talc_status status = append_line(exchange, "Expect", ":", "");
    for (size_t i = 0; i < sizeof unasked / sizeof unasked[0] && status == TALC_OK; i++) {
        if (talc_http_field_find(request, unasked[i]) == NULL) {
            status = append_line(exchange, unasked[i], ":", "");
        }
    }
    for (size_t i = 0; i < request->field_count && status == TALC_OK; i++) {
        const talc_http_field *field = &request->fields[i];
        int is_empty = field->value[strspn(field->value, " \t")] == '\0';
        status =
            append_line(exchange, field->name, is_empty ? ";" : ": ", is_empty ? "" : field->value);
    }
    return status;
}

static CURLcode set_body(talc_http_exchange *exchange, const talc_http_message *request)
{
    CURL *easy = exchange->easy;
    int has_body = request->body_size > 0 || expects_body(request->method);
    if (strcmp(request->method, "HEAD") == 0) {
        return curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    }
    CURLcode code = curl_easy_setopt(easy, has_body ? CURLOPT_POST : CURLOPT_HTTPGET, 1L);
    if (code == CURLE_OK && has_body) {
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
    }
    if (code == CURLE_OK && has_body) {
        code = curl_easy_setopt(easy, CURLOPT_POSTFIELDS, (char *)exchange->body);
    }
    return code == CURLE_OK ? curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) : code;
}

static CURLcode set_request(talc_http_exchange *exchange, const talc_http_message *request)
{
    CURLcode code = curl_easy_setopt(exchange->easy, CURLOPT_URL, request->target);
    if (code == CURLE_OK) {
        code = curl_easy_setopt(exchange->easy, CURLOPT_HTTPHEADER, exchange->lines);
    }
    return code == CURLE_OK ? set_body(exchange, request) : code;
}

static talc_status prepare(talc_http_exchange *exchange, uint32_t attempt,
                           const talc_http_message *request)
{
    CURLUcode address = origin_of(request->target, &exchange->peer);
    if (address != CURLUE_OK) {
        return address == CURLUE_OUT_OF_MEMORY ? TALC_ERROR_MEMORY : TALC_ERROR_ARGUMENT;
    }
    exchange->easy = curl_easy_init();
    exchange->body = malloc(request->body_size + 1);
    if (exchange->easy == NULL || exchange->body == NULL ||
        append_lines(exchange, request) != TALC_OK) {
        return TALC_ERROR_MEMORY;
    }
    if (request->body_size > 0) {
        memcpy(exchange->body, request->body, request->body_size);
    }
    exchange->body[request->body_size] = 0;
    exchange->is_idempotent = is_idempotent(request->method);
    CURLcode code = set_callbacks(exchange);
    if (code == CURLE_OK) {
        code = set_conduct(exchange, attempt);
    }
    if (code == CURLE_OK) {
        code = set_request(exchange, request);
    }
    return code == CURLE_OK ? TALC_OK : TALC_ERROR_MEMORY;
}

talc_status talc_http_exchange_new(talc_http_exchange **exchange, talc_http_client *client,
                                   uint32_t attempt, const talc_http_message *request)
{
    *exchange = NULL;
    if (!is_valid(request)) {
        return TALC_ERROR_ARGUMENT;
    }
    talc_http_exchange *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return TALC_ERROR_MEMORY;
    }
    made->client = client;
    talc_status status = prepare(made, attempt, request);
    if (status != TALC_OK) {
        talc_http_exchange_free(made);
        return status;
    }
    *exchange = made;
    return TALC_OK;
}

void talc_http_exchange_free(talc_http_exchange *exchange)
{
    if (exchange == NULL) {
        return;
    }
    curl_easy_cleanup(exchange->easy);
    curl_slist_free_all(exchange->lines);
    talc_http_answer_clear(&exchange->answer);
    free(exchange->body);
    free(exchange->peer);
    free(exchange);
}
