"""WebSocket handshakes that cannot be read are answered and closed, and nobody is closed twice.

uvicorn answers only those that it can read: of another, such as one with a header of more than 8 KiB, the connection
would stay open without a word for as long as its client likes. It also closes a connection for a text that is no UTF-8
although the connection is being closed, which websockets takes for a mistake of the server.
"""

from __future__ import annotations

import json

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState

from services.edge.faults import Fault

_FAULT = Fault(431, "HANDSHAKE_UNREADABLE", "The handshake cannot be read, or a header of it is larger than 8 KiB.")


class Handshakes(WebSocketsSansIOProtocol):
    """uvicorn's protocol for WebSockets."""

    def data_received(self, data: bytes) -> None:
        """Take what the client sent; refuse what is no handshake, and leave whoever goes on behind a close."""
        try:
            super().data_received(data)
        except InvalidState:
            self.transport.close()
        if self.conn.handshake_exc is not None and not self.handshake_initiated and not self.transport.is_closing():
            self.transport.write(_answer(_FAULT))
            self.transport.close()


def _answer(fault: Fault) -> bytes:
    body = json.dumps(fault.problem()).encode()
    lines = (
        f"HTTP/1.1 {fault.status} Request Header Fields Too Large",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Connection: close",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
