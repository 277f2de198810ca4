"""The edge: WebSocket, REST and a page for browsers and other systems; a client of the gateway that knows no engine."""
