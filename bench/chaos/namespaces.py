"""Hosts on a network of their own, its links to be made slow, lossy or dead while services talk over them.

The first host is where we are; a command runs on another when it is started with that host's `enter` before it.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from bench.chaos.relay import Count, Link, Refused

CLEAR = Link()
BLACK_HOLE = Link(black_hole=True)
RELAY = (sys.executable, "-m", "bench.chaos.relay")


@dataclass(frozen=True, slots=True)
class Host:
    """One end of the network."""

    name: str
    address: str
    enter: Sequence[str]  # what a command is started with to run there; nothing for our own host


class Network:
    """Hosts, and the links between them; made by `network`."""

    def __init__(self, hosts: Mapping[str, Host], relay: asyncio.subprocess.Process) -> None:
        self.hosts = hosts
        self._relay = relay
        self._asking = asyncio.Lock()  # one question at a time

    async def one_way(self, source: str, target: str, link: Link) -> Count:
        """Sets one direction, from now on; what it has done with packets so far. Raises Refused when the relay died."""
        told = {"from": source, "to": target, "link": asdict(link)}
        if self._relay.stdin is None or self._relay.stdout is None:
            raise Refused("the relay has no pipes")
        async with self._asking:
            self._relay.stdin.write(json.dumps(told).encode() + b"\n")
            return Count(**_answer(await self._relay.stdout.readline()))

    async def between(self, one: str, other: str, link: Link) -> Count:
        """Sets both directions between two hosts; what both have done so far."""
        counts = [await self.one_way(*direction, link) for direction in ((one, other), (other, one))]
        return Count(sum(each.delivered for each in counts), sum(each.dropped for each in counts))


@asynccontextmanager
async def network(names: Sequence[str], seed: int = 1) -> AsyncIterator[Network]:
    """Hosts of these names for the block, all links clear; nothing of it is left after. Raises Refused."""
    pipe = asyncio.subprocess.PIPE
    relay = await asyncio.create_subprocess_exec(*RELAY, str(seed), *names, stdin=pipe, stdout=pipe)
    try:
        if relay.stdin is None or relay.stdout is None:
            raise Refused("the relay has no pipes")
        told = _answer(await relay.stdout.readline())
        hosts = {name: Host(name, each["address"], tuple(each["enter"])) for name, each in told.items()}
        yield Network(hosts, relay)
    finally:
        if relay.returncode is None:
            relay.kill()  # it holds nothing but open files
        await relay.wait()


def why_not() -> str:
    """Why this machine does not allow it, in one line; nothing when it does."""
    done = subprocess.run([*RELAY, "1", "here", "there"], input="", capture_output=True, text=True, check=False)
    try:
        _answer(done.stdout.encode())
    except Refused as refused:
        return str(refused)
    return ""


def _answer(line: bytes) -> dict[str, Any]:
    if not line:
        raise Refused("the relay between the namespaces died")
    answer: dict[str, Any] = json.loads(line)
    if "refused" in answer:
        raise Refused(answer["refused"])
    return answer
