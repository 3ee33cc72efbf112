/* SPDX-License-Identifier: MIT */
/* What the HTTP client needs before there is one: libcurl itself, and trust anchors. */
#include "transport/http_client_state.h"

#include "lib/failure.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define ANCHOR_LINE_SIZE 512

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;
static CURLcode curl_started;

/* Never undone: the application may use libcurl too. */
static void curl_start(void)
{
    curl_started = curl_global_init(CURL_GLOBAL_DEFAULT);
}

talc_status talc_http_library_start(talc_failure *failure)
{
    (void)pthread_once(&curl_once, curl_start);
    if (curl_started != CURLE_OK) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_IO,
                                "libcurl does not start: %s", curl_easy_strerror(curl_started));
    }
    const curl_version_info_data *about = curl_version_info(CURLVERSION_NOW);
    if ((about->features & CURL_VERSION_ASYNCHDNS) == 0) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_UNSUPPORTED,
                                "this libcurl (%s) waits while it resolves names: one with "
                                "AsynchDNS is needed",
                                about->version);
    }
    return TALC_OK;
}

/* libcurl reads the file anew for each connection, and says of one without certificates that no
 * server can be verified. */
static int has_certificate(FILE *file)
{
    char line[ANCHOR_LINE_SIZE];
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "-----BEGIN", 10) == 0 && strstr(line, "CERTIFICATE-----") != NULL) {
            return 1;
        }
    }
    return 0;
}

talc_status talc_http_anchors_take(talc_http_client *client, const char *path,
                                   talc_failure *failure)
{
    if (path == NULL) {
        return TALC_OK;
    }
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TRUST,
                                "cannot read the trust anchors of https in %s: %s", path,
                                strerror(errno));
    }
    int is_usable = has_certificate(file);
    (void)fclose(file);
    if (!is_usable) {
        return talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_TRUST,
                                "%s holds no certificate in PEM form to be a trust anchor of https",
                                path);
    }
    client->anchors_path = strdup(path);
    return client->anchors_path == NULL
               ? talc_failure_set(failure, TALC_STAGE_CONFIGURE, TALC_ERROR_MEMORY, "out of memory")
               : TALC_OK;
}
