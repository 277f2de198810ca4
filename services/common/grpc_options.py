"""Options of our gRPC channels and servers.

Left alone, one hop takes in 4 MB (130 s of 16 kHz speech) before a write waits: bandwidth probing widens the receive
window while nobody reads. With probing off the window stays at its 64 kB, two seconds. A frozen peer is noticed only
with a ping timeout; keepalive's own does not do it. `bench/capacity/flow.py` measures both.
"""

from __future__ import annotations

from collections.abc import Sequence

Options = Sequence[tuple[str, int]]

# What gRPC lets in at most, also of a compressed message once it is unpacked: it stops unpacking there (a test sees to
# it). The bounds of each kind of message lie below, and are ours to refuse by name.
MAX_MESSAGE_BYTES = 6 * 1024 * 1024

BOUNDED_WINDOW: Options = (("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 16 * 1024))

# Left alone, gRPC tries a dead link ever more rarely, so that after the heal seconds pass, and a new channel joins the
# dead connection of the old one: `bench/chaos/reconnect.py` measures it. An attempt has time for two round trips
# between data centres; TCP's own next try would come after a second.
RECONNECTING: Options = (
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    ("grpc.min_reconnect_backoff_ms", 500),  # gRPC's name for how long one attempt may take
    ("grpc.use_local_subchannel_pool", 1),
)

CHANNEL: Options = (
    *BOUNDED_WINDOW,
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 20_000),
    ("grpc.http2.max_pings_without_data", 0),
    *RECONNECTING,
    ("grpc.enable_retries", 0),  # retries are the gateway's, who knows what a repeat costs
)


def server_options(max_streams: int) -> Options:
    """Return the options of a server that admits fewer than `max_streams` streams.

    The limit on streams is for floods of resets on one connection; admission is decided by slots, so it lies above.
    """
    return (*_server(max_streams), ("grpc.http2.max_ping_strikes", 0))


def edge_options(max_streams: int, connections: int) -> Options:
    """Return the options of a server for untrusted clients, with at most `connections` connections at once.

    Who pings more often than once a second without being sent anything in between is disconnected; our client pings
    every two seconds. A connection on which nothing is called ends by itself.
    """
    return (
        *_server(max_streams),
        ("grpc.http2.max_ping_strikes", 10),
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.max_allowed_incoming_connections", connections),
        ("grpc.max_connection_idle_ms", 600_000),
        ("grpc.server_handshake_timeout_ms", 10_000),
    )


def _server(max_streams: int) -> Options:
    return (
        *BOUNDED_WINDOW,
        ("grpc.max_concurrent_streams", max_streams),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.so_reuseport", 0),  # two processes on one port by accident would share its calls
        ("grpc.http2.min_ping_interval_without_data_ms", 1_000),
    )
