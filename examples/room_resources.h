/* SPDX-License-Identifier: MIT */
#ifndef EXAMPLES_ROOM_RESOURCES_H
#define EXAMPLES_ROOM_RESOURCES_H

/** What room_sensor serves: the state of the room and the handlers of its resources. */

#include <talc/talc.h>

/** An answer that is given later. */
typedef struct room_late_answer room_late_answer;

typedef struct room_state {
    double temperature; /**< degrees Celsius */
    int humidity;       /**< per cent */
    int light_is_on;
    room_late_answer *late; /**< the first to be given first */
} room_state;

#define ROOM_DEFAULT                                                                               \
    {                                                                                              \
        21.5, 48, 0, NULL                                                                          \
    }

/** Gives the server its resources. `room` must live as long as the server. Returns as
 * talc_server_handle(). */
talc_status room_serve(room_state *room, talc_server *server);

/** Gives the late answers whose time has come. Returns the milliseconds until the next one,
 * UINT32_MAX if there is none. */
uint32_t room_answer_due(room_state *room);

/** Gives all late answers at once, to end. */
void room_answer_all(room_state *room);

#endif
