/* SPDX-License-Identifier: MIT */
#include "talc/status.h"

const char *talc_status_text(talc_status status)
{
    /* No default: the compiler then names a status that has no text. */
    switch (status) {
    case TALC_OK: return "done";
    case TALC_WANT_INPUT: return "more input is needed";
    case TALC_WANT_ROOM: return "no room for now";
    case TALC_PENDING: return "under way";
    case TALC_ERROR_ARGUMENT: return "invalid argument";
    case TALC_ERROR_MEMORY: return "out of memory";
    case TALC_ERROR_IO: return "the operating system refused";
    case TALC_ERROR_RANDOM: return "no randomness or cryptography";
    case TALC_ERROR_UNSUPPORTED: return "not supported";
    case TALC_ERROR_MALFORMED: return "malformed";
    case TALC_ERROR_TOO_LARGE: return "too large";
    case TALC_ERROR_IDENTITY: return "own identity cannot be used";
    case TALC_ERROR_TRUST: return "trust cannot be used";
    case TALC_ERROR_UNREACHABLE: return "peer cannot be reached";
    case TALC_ERROR_TIMEOUT: return "timed out";
    case TALC_ERROR_VERIFY: return "peer is not who it has to be";
    case TALC_ERROR_REFUSED: return "refused by the peer";
    case TALC_ERROR_PROTOCOL: return "protocol violated by the peer";
    case TALC_ERROR_OVERLOADED: return "peer is overloaded";
    case TALC_ERROR_SESSION_LOST: return "session lost, request perhaps executed";
    case TALC_ERROR_CLOSED: return "session closed";
    case TALC_ERROR_CANCELLED: return "cancelled";
    }
    return "unknown status";
}

const char *talc_stage_text(talc_stage stage)
{
    switch (stage) {
    case TALC_STAGE_NONE: return "none";
    case TALC_STAGE_CONFIGURE: return "configure";
    case TALC_STAGE_PATH: return "path";
    case TALC_STAGE_HANDSHAKE: return "handshake";
    case TALC_STAGE_SESSION: return "session";
    }
    return "unknown";
}
