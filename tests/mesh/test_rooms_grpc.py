"""Rooms over gRPC: the same messages as over WebSocket, in the same rooms."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest

from rooms.v1 import rooms_pb2 as pb
from rooms.v1 import rooms_pb2_grpc as pb_grpc
from tests.mesh.edge import edge
from tests.mesh.mesh import gateway_address
from tests.mesh.rooms import guest


def request(kind: str, room: str = "", **message: Any) -> pb.JoinRequest:
    return pb.JoinRequest(room=room, message=json.dumps({"type": kind, **message}))


async def until(call: Any, kind: str) -> dict[str, Any]:
    while isinstance(response := await call.read(), pb.JoinResponse):
        found: dict[str, Any] = json.loads(response.message)
        if found["type"] == kind:
            return found
    raise AssertionError(f"no {kind} came")


async def test_who_speaks_over_grpc_is_read_over_websocket() -> None:
    async with (
        gateway_address() as address,
        edge(address, rooms_listen="127.0.0.1:0") as servicer,
        guest(servicer.port, lang="es") as listener,
        grpc.aio.insecure_channel(f"127.0.0.1:{servicer.rooms_port}") as channel,
    ):
        call: Any = pb_grpc.RoomsServiceStub(channel).Join()
        await call.write(request("join", "hall", name="Ann", source_langs=["en"]))
        await until(call, "ready")
        await call.write(request("input_text", text="good morning"))
        assert await listener.has(1) == ["good-es morning-es"]
        await call.write(request("ping", id=7))
        assert (await until(call, "pong"))["id"] == 7
        await call.write(request("dance"))
        assert (await until(call, "error"))["code"] == "UNKNOWN_TYPE"
        await call.done_writing()
        while await call.read() is not grpc.aio.EOF:
            pass
        assert await call.code() is grpc.StatusCode.OK


async def test_a_call_that_does_not_join_is_refused_by_its_field() -> None:
    async with (
        gateway_address() as address,
        edge(address, rooms_listen="127.0.0.1:0") as servicer,
        grpc.aio.insecure_channel(f"127.0.0.1:{servicer.rooms_port}") as channel,
    ):
        for first, field in ((request("ping", "hall"), "type"), (request("join", "hall", lang="xx"), "join.lang")):
            call: Any = pb_grpc.RoomsServiceStub(channel).Join()
            await call.write(first)
            assert (await until(call, "error"))["field"] == field
            with pytest.raises(grpc.aio.AioRpcError):
                await call.read()
            assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
