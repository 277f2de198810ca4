"""A server that strangers reach lets few connections queue up, so that they come in one after the other."""

from __future__ import annotations

import os
import socket
import struct
from contextlib import suppress

import grpc
import pytest
from pydantic_settings import SettingsConfigDict

from services.common.server.listening import OPEN_FILES, limit_backlog
from services.common.server.ports import Ports
from services.common.server.replica import Edge
from services.common.settings import ServiceSettings
from services.common.tls.serving import Serving

pytestmark = pytest.mark.skipif(not OPEN_FILES.is_dir(), reason="needs /proc")


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="LISTENING_")


SACKED = 28  # of the kernel's tcp_info; of a socket that listens it is the backlog


def backlogs(port: int) -> list[int]:
    """The backlog of each socket of this process that listens on a port."""
    found = []
    for name in os.listdir(OPEN_FILES):
        try:
            opened = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with opened:
            inet = opened.family in (socket.AF_INET, socket.AF_INET6) and opened.type == socket.SOCK_STREAM
            if inet and opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) and opened.getsockname()[1] == port:
                told = opened.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SACKED + 4)
                found.append(struct.unpack_from("I", told, SACKED)[0])
    return found


async def test_the_clients_port_has_the_backlog_of_its_settings_and_the_operators_has_not() -> None:
    edge = Edge("127.0.0.1:0", lambda server: None, connections=100, backlog=7)
    ports = Ports(grpc.aio.server(), grpc.aio.server(), None, [Serving()])
    try:
        port = await ports.open(Settings(), edge)
        assert backlogs(port) == [7]
        assert min(backlogs(int(edge.operations.rpartition(":")[2]))) > 7
    finally:
        await ports.stop(0)


def test_more_connections_than_the_backlog_wait_outside_and_none_is_refused() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=4096) as server:
        port = server.getsockname()[1]
        assert limit_backlog(port, 2) == 1
        clients = [socket.socket() for _ in range(8)]
        for client in clients:
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        server.setblocking(False)
        accepted = []
        with suppress(BlockingIOError):
            while True:
                accepted.append(server.accept()[0])
        assert len(accepted) == 3  # Linux lets one more in than it is told
        assert [client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) for client in clients] == [0] * 8
        for each in [*clients, *accepted]:
            each.close()


def test_a_port_of_somebody_else_is_left_alone() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_server(("127.0.0.1", 0), backlog=50) as other:
        limit_backlog(server.getsockname()[1], 3)
        assert backlogs(other.getsockname()[1]) == [50]
