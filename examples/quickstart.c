/* SPDX-License-Identifier: MIT */
/*
 * The smallest client: the lines between the two marks are those of the README, word for word.
 *
 *   quickstart [URI [PROXY-URI]]
 *
 * Run it where client.pem, client.key and ca.pem are (scripts/make-credentials.sh makes some), with
 * room_sensor --cert server-ip.pem --key server-ip.key --anchor ca.pem beside it. Exits with 0 if
 * the answer came, else with 1.
 */
#include <stdio.h>
#include <talc/talc.h>

int main(int argc, char **argv)
{
    const char *uri = argc > 1 ? argv[1] : "coap://127.0.0.1:5683";
    const char *proxy_uri = argc > 2 ? argv[2] : NULL;
    talc_failure failure = { 0 };
    talc_client *client = NULL;
    talc_response response = TALC_RESPONSE_DEFAULT;

    /* README: begin */
    talc_config config = TALC_CONFIG_DEFAULT;
    config.failure = &failure;
    talc_request request = TALC_REQUEST_DEFAULT;
    request.path = "sensors/temperature";
    if (!talc_identity_from_files(&config.identity, "client.pem", "client.key", &failure) &&
        !talc_trust_new(&config.trust) &&
        !talc_trust_add_anchor_file(config.trust, "ca.pem", &failure) &&
        !talc_client_new(&client, &config, uri, proxy_uri) &&
        !talc_client_fetch(client, &request, &response))
        puts(response.payload); /* talc puts a NUL behind it */
    /* README: end */

    int code = response.payload != NULL ? 0 : 1;
    if (code != 0) {
        fprintf(stderr, "quickstart: %s\n",
                client != NULL ? talc_client_failure(client)->text : failure.text);
    }
    talc_response_clear(&response);
    talc_client_free(client);
    talc_trust_free(config.trust);
    talc_identity_free(config.identity);
    return code;
}
