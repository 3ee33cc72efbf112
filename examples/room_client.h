/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_ROOM_CLIENT_H
#define EXAMPLES_ROOM_CLIENT_H

#include <talc/talc.h>

/**
 * Goes through everything that room_sensor serves but `slow`, and prints what the application says
 * and hears: a line for each request, then what the session was. `output_path` takes the firmware,
 * if not NULL. 0 if every answer was as it should be, else 1 with the reason on standard error.
 */
int room_tour(talc_client *client, const char *output_path);

/** Writes a payload to `path`, or to standard output if it is NULL. 0, or 1 with the reason on
 * standard error. */
int room_save(const talc_response *response, const char *path);

#endif
