"""The codes that connections are closed with, by the HTTP status that a fault has. Pure."""

from __future__ import annotations

from collections.abc import Mapping

DONE = 1000
DEFECT = 4500
CODES: Mapping[int, tuple[int, str]] = {
    400: (4000, "a message cannot be taken; its error says why"),
    401: (4001, "the token is missing, unknown or out of date"),
    402: (4013, "what this client may use is used up"),
    403: (4003, "this client may not do that"),
    404: (4000, "a message cannot be taken; its error says why"),
    409: (4009, "the session goes on in another connection"),
    429: (4029, "there is no room: try again after retry_after_ms"),
    500: (DEFECT, "the server has a defect"),
    501: (4501, "the server has not built what was asked for"),
    503: (4014, "the server or a stage went away: resume the session"),
    504: (4008, "something did not come in time: the hello, a message, or an answer"),
}


def close_code(status: int) -> int:
    """Return the code for a fault with an HTTP status; 1000 for 0, which is none."""
    return CODES.get(status, (DEFECT, ""))[0] if status else DONE
