"""Strangers' messages against both protocols of the edge: every answer is typed, and nothing is left behind."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import random
import time
from typing import Any

import psutil
import pytest
import websockets

from tests.mesh.edge import connect, control, edge_port, heard, hello, spoken, typed
from tests.mesh.mesh import UTTERANCE
from tests.mesh.test_edge_openai import append, at_24khz, update

pytestmark = [pytest.mark.edges, pytest.mark.timeout(1200)]
SECONDS = float(os.environ.get("FUZZ_SECONDS", "60"))
ODD: list[Any] = [
    None,
    True,
    -1,
    0,
    1 << 63,
    1e308,
    "",
    "x" * 5000,
    "\ud800",
    [],
    {},
    [[]],
    {"a": {"b": 1}},
    "es",
    "pcm16le",
]
OWN = [
    hello("es", "fr"),
    hello("es", dictionary={"a": "b"}, output={"format": "opus", "sample_rate": 24_000}),
    typed("good morning", seq=4),
    control("commit"),
    control("set_target_lang", targets=[{"lang": "fr"}]),
    control("set_dictionary", dictionary={"x": "y"}),
    control("ping", marker="m"),
    control("end"),
    {"type": "ping"},
    {"type": "played", "target_lang": "es", "offset_ms": 5},
    *spoken(UTTERANCE)[:3],
]
THEIRS = [update("es"), *append(at_24khz(0.5, 0))[:2], {"type": "session.close"}]


def mutated(message: Any, chance: random.Random) -> Any:
    """A message with some of its parts changed, left out or made up."""
    if isinstance(message, dict):
        found = {name: mutated(value, chance) for name, value in message.items() if chance.random() > 0.05}
        if chance.random() < 0.1:
            found[chance.choice(["seq", "text", "session", "colour", "type", "targets"])] = chance.choice(ODD)
        return found
    if isinstance(message, list):
        return [mutated(each, chance) for each in message for _ in range(chance.choice([1, 1, 1, 0, 2]))]
    return chance.choice(ODD) if chance.random() < 0.05 else message


def sequence(chance: random.Random, first: Any, others: list[Any]) -> list[str | bytes]:
    """What one connection sends: a beginning that is mostly right, and anything behind it."""
    told = [first if chance.random() < 0.8 else mutated(first, chance)]
    told += [mutated(chance.choice(others), chance) for _ in range(chance.randrange(8))]
    sent: list[str | bytes] = [json.dumps(each) for each in told]
    if chance.random() < 0.3:
        sent.insert(chance.randrange(len(sent) + 1), chance.randbytes(chance.choice([0, 1, 3, 999])))
    if chance.random() < 0.1:
        sent.append(chance.choice(["{", "[" * 20_000, "null", '{"type": NaN}']))
    return sent


async def play(port: int, chance: random.Random) -> None:
    theirs = chance.random() < 0.3
    path = "/v1/realtime/translations?source_lang=en" if theirs else "/v1/realtime"
    sent = sequence(chance, THEIRS[0], THEIRS) if theirs else sequence(chance, OWN[0], OWN)
    try:
        async with asyncio.timeout(20), connect(port, path) as socket:
            for message in sent:
                await socket.send(message)
            if chance.random() < 0.3:
                return socket.transport.abort()
            if not theirs:
                await socket.send('{"type": "end_of_audio"}')
            if theirs:
                await socket.send('{"type": "session.close"}')
            got = await heard(socket)
    except websockets.ConnectionClosed:
        return None
    assert got.code != 4500, (sent, got.events[-1:])
    assert all(isinstance(each["type"], str) for each in got.events)
    return None


async def test_nothing_that_is_sent_is_a_defect_or_leaves_anything_behind(caplog: pytest.LogCaptureFixture) -> None:
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    process = psutil.Process()
    with caplog.at_level(logging.ERROR):
        async with edge_port({"client_slots": 0, "hello_ms": 1000}, slots=64, asr_slots=64) as port:
            await asyncio.gather(*(play(port, chance) for _ in range(8)))
            files = process.num_fds()
            ends = time.monotonic() + SECONDS
            while time.monotonic() < ends:
                await asyncio.gather(*(play(port, chance) for _ in range(8)))
            await asyncio.sleep(1)
            assert process.num_fds() <= files + 4
    assert not [record.getMessage() for record in caplog.records], f"seed {seed}"
