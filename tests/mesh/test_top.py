"""`babelmesh top` in front of real gateways."""

from __future__ import annotations

import asyncio
import json
import socket

import pytest

from babelmesh.cli import watching
from babelmesh.cli.overview import Gateway, follow
from babelmesh.client.errors import SessionFailed
from tests.mesh.mesh import gateway_address

NOBODY = "127.0.0.1:9"


async def test_once_prints_one_picture_of_those_who_answer(capsys: pytest.CaptureFixture[str]) -> None:
    async with gateway_address(slots=4) as address:
        await watching.top([address.operators, NOBODY], once=True, as_events=False)
    told = capsys.readouterr().out
    assert "0 of 4 sessions" in told
    assert "1 of 2 gateways answer" in told
    assert "ASR" in told


async def test_once_as_json_is_a_line_for_each_gateway(capsys: pytest.CaptureFixture[str]) -> None:
    async with gateway_address(slots=4) as address:
        await watching.top([address.operators, NOBODY], once=True, as_events=True)
    there, gone = map(json.loads, capsys.readouterr().out.splitlines())
    assert (there["server"], there["overview"]["gateway"]["slots_total"]) == (address.operators, 4)
    assert (gone["server"], gone["overview"]) == (NOBODY, None)
    assert gone["trouble"]


@pytest.mark.parametrize("as_events", [False, True])
async def test_where_no_gateway_answers_one_fault_says_so(as_events: bool) -> None:
    with pytest.raises(SessionFailed, match=NOBODY):
        await watching.top([NOBODY], once=True, as_events=as_events)


async def test_a_gateway_that_went_away_is_found_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = int(listener.getsockname()[1])
    gateway, changed = Gateway(f"127.0.0.1:{port}"), asyncio.Event()

    async def until(there: bool) -> None:
        async with asyncio.timeout(60):
            while (gateway.told is not None) is not there:
                changed.clear()
                await changed.wait()

    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(follow(gateway, changed.set))
        async with gateway_address(operations=gateway.address):
            await until(there=True)
        await until(there=False)
        assert (gateway.was_gone, bool(gateway.trouble)) == (True, True)
        async with gateway_address(operations=gateway.address):
            await until(there=True)
            assert not gateway.trouble
        following.cancel()
