"""The relay between network namespaces: what a link does to packets, and real packets where the machine allows it."""

from __future__ import annotations

import asyncio
import os
import random
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import psutil
import pytest

from bench.chaos.namespaces import BLACK_HOLE, CLEAR, Host, Network, network, why_not
from bench.chaos.relay import Link, Refused

PORT = 7
ECHO = f"""
import socket, sys
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
    echo.bind((sys.argv[1], {PORT}))
    print("ready", flush=True)
    while True:
        echo.sendto(*echo.recvfrom(2048))
"""
OWNER = """
import asyncio
from bench.chaos.namespaces import network

async def own():
    async with network(("here", "there")) as net:
        print(net.hosts["there"].enter[1], flush=True)
        await asyncio.sleep(60)

asyncio.run(own())
"""


def _fates(link: Link, seed: int = 1, packets: int = 4000) -> list[float | None]:
    dice = random.Random(seed)
    return [link.delay_seconds(dice) for _ in range(packets)]


def test_a_clear_link_delays_nothing() -> None:
    assert set(_fates(CLEAR)) == {0.0}


def test_nothing_leaves_a_black_hole() -> None:
    assert set(_fates(Link(delay_ms=50, black_hole=True))) == {None}


def test_jitter_stays_within_its_bounds_and_uses_them() -> None:
    late = [each for each in _fates(Link(delay_ms=50, jitter_ms=10)) if each is not None]
    assert len(late) == 4000
    assert 0.040 <= min(late) < 0.041
    assert 0.059 < max(late) <= 0.060


def test_jitter_delivers_nothing_before_it_was_sent() -> None:
    assert min(each or 0 for each in _fates(Link(delay_ms=1, jitter_ms=10))) == 0


def test_as_many_packets_are_lost_as_was_asked_for() -> None:
    lost = _fates(Link(loss=0.05)).count(None)
    assert 0.04 < lost / 4000 < 0.06


def test_the_same_seed_loses_the_same_packets() -> None:
    lossy = Link(delay_ms=5, jitter_ms=5, loss=0.05)
    assert _fates(lossy, seed=3) == _fates(lossy, seed=3)
    assert _fates(lossy, seed=3) != _fates(lossy, seed=4)


@cache
def _refusal() -> str:
    return why_not()


@pytest.fixture
def _allowed() -> None:
    if _refusal():
        pytest.skip(_refusal())


class _Echo(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.came: asyncio.Queue[bytes] = asyncio.Queue(100)

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.came.put_nowait(data)


@asynccontextmanager
async def _echoing(host: Host) -> AsyncIterator[tuple[_Echo, asyncio.DatagramTransport]]:
    """An echo on a host, and a socket of ours that talks to it."""
    server = await asyncio.create_subprocess_exec(
        *host.enter, sys.executable, "-c", ECHO, host.address, stdout=asyncio.subprocess.PIPE
    )
    assert server.stdout is not None
    assert await server.stdout.readline() == b"ready\n"
    transport, echo = await asyncio.get_running_loop().create_datagram_endpoint(_Echo, remote_addr=(host.address, PORT))
    try:
        yield echo, transport
    finally:
        transport.abort()
        server.kill()
        await server.wait()


@asynccontextmanager
async def _pair() -> AsyncIterator[tuple[Network, _Echo, asyncio.DatagramTransport]]:
    async with network(("here", "there")) as net, _echoing(net.hosts["there"]) as (echo, transport):
        yield net, echo, transport


@pytest.mark.usefixtures("_allowed")
async def test_hosts_hear_each_other() -> None:
    async with _pair() as (_, echo, transport):
        transport.sendto(b"one")
        assert await echo.came.get() == b"one"


@pytest.mark.usefixtures("_allowed")
async def test_a_black_hole_swallows_packets_until_it_heals() -> None:
    async with _pair() as (net, echo, transport):
        await net.between("here", "there", BLACK_HOLE)
        transport.sendto(b"one")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(echo.came.get(), 0.2)
        assert (await net.between("here", "there", CLEAR)).dropped == 1
        transport.sendto(b"two")
        assert await echo.came.get() == b"two"


@pytest.mark.usefixtures("_allowed")
async def test_a_slow_link_delays_each_way_by_itself() -> None:
    loop = asyncio.get_running_loop()
    async with _pair() as (net, echo, transport):
        await net.one_way("there", "here", Link(delay_ms=80))
        sent = loop.time()
        transport.sendto(b"one")
        await echo.came.get()
        assert loop.time() - sent >= 0.08


@pytest.mark.usefixtures("_allowed")
async def test_a_link_between_two_hosts_leaves_the_others_alone() -> None:
    async with network(("here", "there", "elsewhere")) as net, _echoing(net.hosts["there"]) as (echo, transport):
        await net.between("there", "elsewhere", BLACK_HOLE)
        transport.sendto(b"one")
        assert await echo.came.get() == b"one"


@pytest.mark.usefixtures("_allowed")
async def test_nothing_is_left_of_a_network() -> None:
    async with network(("here", "there")) as net:
        device = f"chaos{net.hosts['there'].enter[1].split('/')[2]}"
        assert device in _devices()
    assert device not in _devices()


@pytest.mark.usefixtures("_allowed")
async def test_nothing_is_left_of_a_network_whose_owner_was_killed() -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, stdout=asyncio.subprocess.PIPE)
    assert owner.stdout is not None
    relay = int((await owner.stdout.readline()).split(b"/")[2])
    assert f"chaos{relay}" in _devices()
    owner.kill()
    await owner.wait()
    await asyncio.to_thread(psutil.wait_procs, [psutil.Process(relay)], timeout=60)
    assert f"chaos{relay}" not in _devices()


def _devices() -> set[str]:
    return {name for _, name in socket.if_nameindex()}


async def test_a_machine_that_does_not_allow_it_says_why_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if os.geteuid():
        pytest.skip("without root it is refused for another reason")
    monkeypatch.setenv("PATH", str(tmp_path))  # no `ip` there
    assert why_not() == "network namespaces joined by TUN devices need ip"
    with pytest.raises(Refused, match="need ip"):
        async with network(("here", "there")):
            pass
