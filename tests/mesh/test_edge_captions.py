"""Captions of a session for those who only read, at an edge before scripted engines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from services.edge.viewing import audience
from tests.mesh.edge import Event, connect, control, edge, edge_port, hello, say, typed, until
from tests.mesh.mesh import gateway_address
from tests.mesh.test_edge_rest import call

SHOWN = ["partial_results", "viewing"]


class Reader:
    """A viewer: the status of its answer, and the events of its stream."""

    def __init__(self, status: int, reading: asyncio.StreamReader, writing: asyncio.StreamWriter) -> None:
        self.status = status
        self.last = ""  # id of the newest event that has one
        self._reading = reading
        self._writing = writing

    async def next(self) -> tuple[str, Event] | None:
        """The next event that is no comment; None at the end of the stream."""
        async with asyncio.timeout(60):
            told: dict[str, str] = {}
            while line := (await self._reading.readline()).decode():
                name, _, value = line.rstrip("\n").partition(": ")
                if name in ("id", "event", "data"):
                    told[name] = value
                if line == "\n" and "data" in told:
                    self.last = told.get("id", self.last)
                    return told["event"], json.loads(told["data"])
        return None

    async def until(self, kind: str) -> list[tuple[str, Event]]:
        found = []
        while event := await self.next():
            found.append(event)
            if event[0] == kind:
                break
        return found


@asynccontextmanager
async def reader(
    port: int, viewing: dict[str, str], query: str = "", last: str = "", key: str = ""
) -> AsyncIterator[Reader]:
    reading, writing = await asyncio.open_connection("127.0.0.1", port)
    # HTTP/1.0: the body is not chunked
    head = [f"GET {viewing['path']}{query} HTTP/1.0", "Host: a", f"Authorization: Bearer {key or viewing['key']}"]
    head += [f"Last-Event-ID: {last}"] if last else []
    writing.write("\r\n".join([*head, "", ""]).encode())
    status = int((await reading.readline()).split()[1])
    while (await reading.readline()).strip():
        pass
    try:
        yield Reader(status, reading, writing)
    finally:
        writing.close()
        await writing.wait_closed()


async def shown(socket: Any, *targets: str) -> dict[str, str]:
    """Where a session that has begun is shown, and the key."""
    await say(socket, hello(*(targets or ("es",)), features=SHOWN))
    viewing: dict[str, str] = (await until(socket, "ready"))["viewing"]
    return viewing


async def said(socket: Any, *texts: str) -> None:
    for text in texts:
        await say(socket, typed(text))
        await until(socket, "final_translation")


async def test_a_viewer_gets_what_was_concluded_before_it_came_and_what_comes() -> None:
    async with edge_port() as port, connect(port) as socket:
        viewing = await shown(socket)
        await said(socket, "good morning")
        async with reader(port, viewing) as early, reader(port, viewing, "?lang=es&partial_results=false") as spanish:
            assert await early.next() == ("captions", {"left_out": 0})
            before = await early.until("final_translation")
            await said(socket, "and you")
            await say(socket, control("end"))
            behind = await early.until("end_of_session")
            assert await early.next() is None
            only = await spanish.until("end_of_session")
    assert [told["text"] for kind, told in before if kind.startswith("final")] == ["good morning", "good-es morning-es"]
    assert [told["text"] for kind, told in behind if kind == "final_translation"] == ["and-es you-es"]
    assert [kind for kind, _ in only] == ["captions", "final_translation", "final_translation", "end_of_session"]


async def test_a_viewer_goes_on_behind_what_it_read_last() -> None:
    async with edge_port() as port, connect(port) as socket:
        viewing = await shown(socket)
        await said(socket, "one", "two")
        async with reader(port, viewing, "?lang=es") as first:
            await first.until("final_translation")
        await said(socket, "three")
        async with reader(port, viewing, "?lang=es", first.last) as again:
            assert await again.next() == ("captions", {"left_out": 0})
            assert [(await again.until("final_translation"))[-1][1]["text"] for _ in range(2)] == ["two-es", "three-es"]
        async with reader(port, viewing, "?lang=es", "another-7") as stranger:  # of another process
            assert (await stranger.until("final_translation"))[-1][1]["text"] == "one-es"


async def test_of_a_long_session_a_late_viewer_is_told_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audience, "MOST_LINES", 2)
    async with edge_port() as port, connect(port) as socket:
        viewing = await shown(socket)
        await said(socket, "one", "two", "three")
        async with reader(port, viewing) as late:
            assert await late.next() == ("captions", {"left_out": 4})
            assert (await late.until("final_translation"))[-1][1]["text"] == "three-es"


async def test_a_session_is_shown_with_its_key_alone_and_where_it_asked_for_it() -> None:
    async with edge_port() as port, connect(port) as socket, connect(port) as other:
        viewing = await shown(socket)
        await say(other, hello("es"))
        ready = await until(other, "ready")
        assert "viewing" not in ready
        for key, path, query, status, code in (
            (viewing["key"], viewing["path"], "?lang=no_language", 400, "UNKNOWN_LANGUAGE"),
            ("wrong", viewing["path"], "", 401, "VIEWING_KEY_WRONG"),
            (viewing["key"], f"/v1/sessions/{ready['session_id']}/captions", "", 401, "VIEWING_KEY_WRONG"),
            (viewing["key"], viewing["path"], "?key=x", 400, "TOKEN_IN_QUERY"),
            (viewing["key"], viewing["path"], "?colour=red", 400, "UNKNOWN_PARAMETER"),
            (viewing["key"], viewing["path"], "?partial_results=2", 400, "WRONG_TYPE"),
        ):
            got, problem = await call(port, f"{path}{query}", None, Authorization=f"Bearer {key}")
            assert (got, problem["title"]) == (status, code)
        await say(socket, control("end"))
        await until(socket, "end_of_session")
        await socket.wait_closed()
        got, problem = await call(port, viewing["path"], None, Authorization=f"Bearer {viewing['key']}")
    assert (got, problem["title"]) == (404, "SESSION_NOT_HERE")


async def test_viewers_are_only_so_many_and_those_who_leave_make_room() -> None:
    async with edge_port({"client_viewers": 1}) as port, connect(port) as socket:
        viewing = await shown(socket)
        async with reader(port, viewing) as one, reader(port, viewing) as two:
            assert (one.status, two.status) == (200, 429)
        async with asyncio.timeout(60):
            while True:
                async with reader(port, viewing) as again:
                    if again.status == 200:
                        break
                await asyncio.sleep(0.02)


async def test_a_session_that_goes_on_in_another_connection_is_shown_on() -> None:
    keys = f"a:{'s' * 32}"
    async with gateway_address(resume_keys=keys) as gateway, edge(gateway) as servicer:
        port = servicer.port
        async with connect(port) as socket:
            viewing = await shown(socket)
            await said(socket, "one")
            handle = (await until(socket, "ack"))["resume_handle"]
            socket.transport.abort()
        async with reader(port, viewing, "?lang=es") as early, connect(port) as socket:
            await say(socket, {**hello("es", features=SHOWN), "resume_handle": handle})
            assert (await until(socket, "ready"))["viewing"] == viewing
            await said(socket, "two")
            await early.until("final_translation")
            assert (await early.until("final_translation"))[-1][1]["text"] == "two-es"


def test_a_viewer_for_whom_too_much_waits_is_let_go() -> None:
    shown_ = audience.Audience("e")
    viewer = audience.Viewer()
    shown_.join(viewer, "")
    for segment in range(audience.MOST_WAITING + 1):
        told = {"text": "a", "segment_id": segment, "lang": "en"}
        shown_.take({"type": "partial_asr", **told})
        shown_.take({"type": "final_asr", **told})
    assert viewer.closed
    assert not viewer.waiting
    assert len(shown_.lines) == audience.MOST_LINES
