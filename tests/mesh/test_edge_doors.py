"""Who may enter the edge, what is answered before the upgrade, and how its clients are asked to leave."""

from __future__ import annotations

import asyncio
import base64
import json
import socket as sockets
from contextlib import AsyncExitStack
from typing import Any

import grpc
import pytest
import websockets
from websockets.exceptions import InvalidStatus
from websockets.typing import Subprotocol

from services.common.server.lifecycle import running
from services.edge.servicer import EdgeServicer
from services.edge.settings import EdgeSettings
from tests.mesh.edge import Got, connect, control, edge, edge_port, heard, hello, say, spoken, talk, typed, until
from tests.mesh.mesh import gateway_address, loud

MARKER = Subprotocol("babelmesh.v1")


def bearer(token: str) -> Subprotocol:
    return Subprotocol("babelmesh.bearer." + base64.urlsafe_b64encode(token.encode()).decode().rstrip("="))


async def refusal(port: int, path: str = "/v1/realtime", **options: Any) -> tuple[int, str, str | None]:
    """Status, code and Retry-After of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        async with connect(port, path, **options):
            pass
    response = caught.value.response
    return response.status_code, json.loads(response.body or b"{}")["title"], response.headers.get("Retry-After")


async def test_only_the_marker_of_the_subprotocols_is_echoed() -> None:
    async with edge_port() as port, connect(port, subprotocols=[MARKER, bearer("a.b-c=")]) as socket:
        assert socket.subprotocol == MARKER


async def test_a_text_that_is_no_utf_8_is_its_senders_fault_and_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    async with edge_port() as port, connect(port) as socket:
        await say(socket, hello("es"))
        await until(socket, "ready")
        socket.transport.write(b"\x81\x82\0\0\0\0\xff\xfe")
        assert (await heard(socket)).code == 1007
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def test_what_is_refused_is_refused_before_the_upgrade() -> None:
    async with edge_port() as port:
        offered = [MARKER, bearer("x")]
        assert await refusal(port, "/v1/realtime?token=x") == (400, "TOKEN_IN_QUERY", None)
        assert await refusal(port, "/v1/realtime?colour=x") == (400, "UNKNOWN_PARAMETER", None)
        assert await refusal(port, subprotocols=[Subprotocol("chat")]) == (400, "UNKNOWN_SUBPROTOCOL", None)
        assert await refusal(port, subprotocols=[Subprotocol("babelmesh.bearer.%%"), MARKER]) == (
            401,
            "UNREADABLE_TOKEN",
            None,
        )
        both = {"Authorization": "Bearer y"}
        assert await refusal(port, subprotocols=offered, additional_headers=both) == (400, "TOKEN_TWICE", None)
        basic = {"Authorization": "Basic eDp5"}
        assert await refusal(port, additional_headers=basic) == (401, "UNKNOWN_SCHEME", None)
        assert await refusal(port, origin="https://elsewhere.example") == (403, "ORIGIN_REFUSED", None)


async def test_pages_of_the_host_and_of_listed_origins_may_call() -> None:
    async with edge_port({"origins": "same,https://app.example.org"}) as port:
        for origin in (f"http://127.0.0.1:{port}", "https://app.example.org"):
            async with connect(port, origin=origin):
                pass


async def test_one_client_has_its_share_of_the_sessions_and_no_more() -> None:
    async with edge_port({"client_slots": 2}) as port:
        async with connect(port), connect(port):
            status, code, after = await refusal(port)
            assert (status, code) == (429, "TOO_MANY_SESSIONS")
            assert after
            assert int(after) >= 1
            async with connect(port, additional_headers={"Authorization": "Bearer another"}):
                pass  # another client
        async with connect(port):
            pass


async def test_a_full_gateway_is_a_rate_limit() -> None:
    async with edge_port(slots=1) as port, connect(port) as first:
        await say(first, hello("es"))
        await until(first, "ready")
        got = await talk(port, hello("es"))
    error = got.error()
    assert (error["code"], error["reason"], got.code) == ("RATE_LIMIT", "AT_CAPACITY", 4029)
    assert error["retry_after_ms"] > 0


async def test_a_gateway_that_is_away_is_said_before_the_upgrade() -> None:
    async with edge("127.0.0.1:9") as servicer:
        assert await refusal(servicer.port) == (503, "GATEWAY_UNAVAILABLE", "1")


async def test_a_gateway_that_opens_no_session_is_not_waited_for_forever() -> None:
    async def silent(requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await context.read()
        await asyncio.sleep(5)

    handlers: dict[str, Any] = {
        "Stream": grpc.stream_stream_rpc_method_handler(silent),
        "Describe": grpc.unary_unary_rpc_method_handler(lambda request, context: b""),
    }
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("realtime.v1.RealtimeTranslate", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with edge(f"127.0.0.1:{port}", open_ms=200) as servicer:
        got = await talk(servicer.port, hello("es"))
    await server.stop(None)
    assert (got.error()["code"], got.code) == ("GATEWAY_TOO_SLOW", 4008)


async def test_a_connection_without_a_hello_is_closed() -> None:
    async with edge_port({"hello_ms": 100}) as port:
        got = await talk(port)
    assert (got.error()["code"], got.code) == ("HELLO_TIMEOUT", 4008)


async def test_a_server_that_stops_asks_its_clients_to_leave_with_a_handle() -> None:
    async with gateway_address() as address:
        settings = EdgeSettings(gateway=address, drain_seconds=1.2)
        servicer = EdgeServicer(settings)
        serving = running(servicer, settings.model_copy(update={"listen": settings.operations}))
        await serving.__aenter__()
        async with connect(servicer.port) as socket:
            got = Got()
            await say(socket, hello("es"), typed("good morning"))
            await until(socket, "final_translation", got)
            leaving = asyncio.ensure_future(serving.__aexit__(None, None, None))
            gone = await until(socket, "go_away")
            assert gone["resume_handle"]
            assert gone["time_left_ms"] == 1200
            assert (await refusal(servicer.port))[1] == "DRAINING"
            await heard(socket, got)
            await leaving
    assert (got.error()["code"], got.code) == ("GOING_AWAY", 4014)


async def test_a_gateway_that_ends_under_a_session_is_said_so_that_it_is_resumed() -> None:
    async with AsyncExitStack() as mesh:
        address = await mesh.enter_async_context(gateway_address(drain_seconds=0))
        async with edge(address) as servicer, connect(servicer.port) as socket:
            await say(socket, hello("es"))
            await until(socket, "ready")
            await mesh.aclose()
            got = await heard(socket)
    assert got.code == 4014
    assert got.error()["retry_after_ms"] > 0


async def test_a_client_that_reads_nothing_holds_a_bounded_part_and_gets_all_its_text() -> None:
    settings = {"send_buffer_bytes": 4096, "client_buffer_bytes": 65_536, "max_voice_wait_ms": 1000}
    async with edge_port(settings) as port:
        receiving = sockets.socket()
        receiving.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
        receiving.setblocking(False)
        await asyncio.get_running_loop().sock_connect(receiving, ("127.0.0.1", port))
        async with websockets.connect(
            f"ws://127.0.0.1:{port}/v1/realtime", sock=receiving, max_queue=1, max_size=None
        ) as socket:
            await say(socket, hello("es"))
            await until(socket, "ready")
            for number in range(12):
                await say(
                    socket, *spoken(loud(0.5), size=16_000), typed(f"number {number} is a sentence of ten words here")
                )
                await asyncio.sleep(0.05)
            await say(socket, control("end"))
            got = await heard(socket)
    assert got.code == 1000
    assert len([each for each in got.of("final_asr") if each["origin"] == "typed"]) == 12
