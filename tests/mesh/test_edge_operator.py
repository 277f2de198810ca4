"""What an edge shows those who run the mesh, and to whom: by the scope `operate`, or on the machine itself."""

from __future__ import annotations

import asyncio
import http.client
import json
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bench.measuring.issuer import settings, token
from tests.mesh.edge import connect, edge, hello, say, typed, until
from tests.mesh.mesh import Address, gateway_address


def operate() -> dict[str, str]:
    """Headers with a token of those who run the mesh, which is good for minutes."""
    return {"Authorization": f"Bearer {token('EdDSA', scope='operate')}"}


def asked(
    port: int, count: int, headers: dict[str, str], begun: threading.Event | None = None
) -> tuple[int, list[dict[str, Any]]]:
    """The status, and some events; of a refusal the problem. `begun` is set with the first event."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", "/v1/operator", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            return answer.status, [json.loads(answer.read())]
        told: list[dict[str, Any]] = []
        while len(told) < count:
            line = answer.readline()
            if line.startswith(b"data: "):
                told.append(json.loads(line[6:]))
                if begun:
                    begun.set()
        return 200, told
    finally:
        connection.close()


async def watched(port: int, headers: dict[str, str] | None = None, count: int = 1) -> tuple[int, list[dict[str, Any]]]:
    return await asyncio.to_thread(asked, port, count, headers or {})


def operated(address: Address, **more: Any) -> Any:
    return edge(address, gateway_operations=address.operators, **more)


async def test_sessions_lags_and_stages_are_told_without_texts_and_addresses() -> None:
    async with gateway_address() as gateway, operated(gateway) as servicer, connect(servicer.port) as socket:
        await say(socket, hello("es"), typed("a secret sentence"))
        await until(socket, "final_translation")
        async with asyncio.timeout(60):
            while True:
                status, (told,) = await watched(servicer.port)
                if told["overview"].get("pairs"):
                    break
    assert status == 200
    assert told["overview"]["gateway"]["slots_used"] == 1
    assert told["edge"]["slots_used"] == 1
    assert [each["name"] for each in told["overview"]["stages"]] == ["ASR", "MT", "TTS"]
    assert {each["state"] for stage in told["overview"]["stages"] for each in stage["replicas"]} == {"serving"}
    assert [(each["source_lang"], each["target_lang"]) for each in told["overview"]["pairs"]] == [("en-US", "es")]
    assert "secret" not in json.dumps(told)
    assert "127.0.0.1" not in json.dumps(told)


async def test_with_tokens_on_the_scope_decides_wherever_one_calls_from(tmp_path: Path) -> None:
    async with gateway_address(**settings(tmp_path)) as gateway, operated(gateway) as servicer:
        assert (await watched(servicer.port, operate()))[0] == 200
        assert (await watched(servicer.port, {"Host": "mesh.example", **operate()}))[0] == 200
        refusals: tuple[tuple[dict[str, str], int, str], ...] = (
            ({}, 401, "TOKEN_MISSING"),
            ({"Authorization": f"Bearer {token('EdDSA')}"}, 403, "SCOPE_MISSING"),
            ({"Host": "mesh.example"}, 401, "TOKEN_MISSING"),
            ({"Origin": "https://elsewhere.example", **operate()}, 403, "ORIGIN_REFUSED"),
        )
        for headers, status, code in refusals:
            refused, (problem,) = await watched(servicer.port, headers)
            assert (refused, problem["title"]) == (status, code)


@pytest.mark.parametrize(
    "headers",
    [{"Host": "mesh.example"}, {"X-Forwarded-For": "127.0.0.1"}, {"Host": "mesh.example", **operate()}],
    ids=["by another name", "through a proxy", "with a token that nobody reads"],
)
async def test_with_tokens_off_only_the_machine_itself_sees_it(headers: dict[str, str]) -> None:
    async with gateway_address() as gateway, operated(gateway) as servicer:
        status, (problem,) = await watched(servicer.port, headers)
        assert (status, problem["title"]) == (403, "OPERATORS_ONLY")
        assert (await watched(servicer.port))[0] == 200


async def test_a_lost_gateway_is_told_and_one_that_is_back_is_watched_again() -> None:
    async with AsyncExitStack() as first, gateway_address() as other:
        gateway = await first.enter_async_context(gateway_address())
        async with operated(gateway) as servicer:
            begun = threading.Event()
            watching = asyncio.create_task(asyncio.to_thread(asked, servicer.port, 3, {}, begun))
            assert await asyncio.to_thread(begun.wait, 60)
            await first.aclose()
            status, told = await watching
        async with edge(other) as off:
            refused, (problem,) = await watched(off.port)
    assert status == 200
    assert "overview" in told[0]
    assert told[-1]["trouble"]
    assert (refused, problem["title"]) == (404, "OPERATORS_OFF")
