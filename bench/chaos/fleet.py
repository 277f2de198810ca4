"""A mesh of many real processes on loopback: replicas of each stage, several gateways, every one kept running."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from babelmesh.local.supervisor import OPERATIONS, Service, unused_ports
from bench.chaos import engines, speech
from bench.chaos.kept import Kept
from bench.chaos.namespaces import Host
from bench.measuring.all_doors import Doors
from services.common.tls.serving import on_this_machine
from services.gateway.settings import GatewaySettings

STAGES = ("asr", "mt", "tts")
LOOPBACK = Host("loopback", "127.0.0.1", ())
GATEWAY_MARK = 60  # a gateway's `max_term_length` is this and its number: so `ready` tells which one a session is on

Variables = Mapping[str, str]

SCRIPTED: Variables = {
    "ASR_ENGINE": "bench.chaos.engines:Asr",
    "ASR_VAD": "energy",
    "ASR_SLOTS": "64",
    "ASR_SCRIPTED__WORD_MS": str(speech.WORD_MS),
    "MT_ENGINE": "bench.chaos.engines:Mt",
    "MT_SLOTS": "256",
    "MT_CACHE_ENTRIES": "0",  # a call is a call, whatever it says
    "MT_SCRIPTED__COMPUTE_MS": "10",
    "MT_SCRIPTED__BATCH": "64",
    "TTS_ENGINE": "bench.chaos.engines:Tts",
    "TTS_SLOTS": "256",
    "TTS_SCRIPTED__SAMPLE_RATE_HERTZ": "8000",
    "TTS_SCRIPTED__CHAR_MS": "8",
    "TTS_SCRIPTED__COMPUTE_MS": "10",
    "TTS_SCRIPTED__BATCH": "64",
    "GATEWAY_SLOTS": "64",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a fleet is made of."""

    asr: int = 2
    mt: int = 2
    tts: int = 2
    gateways: int = 1
    variables: Variables = field(default_factory=dict)  # beside or instead of SCRIPTED, told by their prefix
    only: Mapping[str, Variables] = field(default_factory=dict)  # for one replica, by name
    hosts: Mapping[str, Host] = field(default_factory=dict)  # where one runs, by name; on loopback where it is not told
    doors: Doors = field(default_factory=Doors)

    def names(self, service: str) -> list[str]:
        """The replicas of a service: "asr-1", "asr-2"."""
        count = self.gateways if service == "gateway" else getattr(self, service)
        return [f"{service}-{number + 1}" for number in range(count)]

    def host(self, name: str) -> Host:
        """Where a replica runs."""
        return self.hosts.get(name, LOOPBACK)


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of a service's log; `t` is on the monotonic clock, to the millisecond."""

    t: float
    event: str
    fields: Mapping[str, Any]


class Fleet:
    """A fleet that is up."""

    def __init__(self, members: Mapping[str, Kept], folder: Path) -> None:
        self.members = members
        self.folder = folder

    @property
    def address(self) -> str:
        """Of all gateways, as a client takes them."""
        return ",".join(self.members[name].address for name in self.names("gateway"))

    def names(self, *services: str) -> list[str]:
        """The members of these services; all of the stages without any."""
        return [name for name in self.members if name.rsplit("-", 1)[0] in (services or STAGES)]

    def __getitem__(self, name: str) -> Kept:
        return self.members[name]

    def book(self, name: str) -> Path:
        """The book of a replica's calls."""
        return self.folder / f"{name}.calls"

    async def serving(self, names: Sequence[str] = ()) -> None:
        """Waits until these, or all, say that they are ready."""
        for name in names or self.members:
            await self.members[name].serving()

    async def first_serving(self, names: Sequence[str]) -> float:
        """Waits until one of these says that it is ready; the instant."""
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self.members[name].serving()) for name in names]
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            instant = time.monotonic()
            for task in tasks:
                task.cancel()
        return instant

    def logged(self, name: str) -> Iterator[Logged]:
        """What a member logged, over all its starts."""
        ahead = time.time() - time.monotonic()
        for text in self.members[name].log_text().splitlines():
            try:
                fields = json.loads(text)
            except json.JSONDecodeError:
                continue  # a traceback
            yield Logged(datetime.fromisoformat(fields["time"]).timestamp() - ahead, fields["event"], fields)

    def defects(self) -> list[str]:
        """Lines in which a service tells of an error of its own."""
        lines = ((name, line) for name, kept in self.members.items() for line in kept.log_text().splitlines())
        return [f"{name}: {line[:300]}" for name, line in lines if '"level": "ERROR"' in line or "Traceback" in line]


@asynccontextmanager
async def fleet(plan: Plan, folder: Path) -> AsyncIterator[Fleet]:
    """Has a fleet up for the block. Nothing of it is left afterwards, however the block is left."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    members = {
        service.name: Kept(service, folder / f"{service.name}.log", plan.doors.ready)
        for service in map(plan.doors.behind, services(plan, folder))
    }
    up = Fleet(members, folder)
    try:
        async with asyncio.TaskGroup() as group:
            keepers = [group.create_task(kept.supervised()) for kept in members.values()]
            await up.serving()
            yield up
            for keeper in keepers:
                keeper.cancel()
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None  # the block's own: the caller asked for no group


def services(plan: Plan, folder: Path) -> list[Service]:
    """The processes of a plan, each on a port that was free a moment ago. All gateways read each other's handles."""
    names = [name for service in (*STAGES, "gateway") for name in plan.names(service)]
    places = {
        name: f"{plan.host(name).address}:{port}" for name, port in zip(names, unused_ports(len(names)), strict=True)
    }
    told = {"GATEWAY_RESUME_KEYS": f"chaos:{secrets.token_hex(32)}"}
    told |= {f"{service.upper()}_FAULTS": "true" for service in (*STAGES, "gateway")}
    keys = {
        name: value for name, value in told.items() if name.partition("_")[2].lower() in GatewaySettings.model_fields
    }
    for stage in STAGES:
        keys[f"GATEWAY_{stage.upper()}_ENDPOINTS"] = ",".join(places[name] for name in plan.names(stage))
    return [
        _service(name, places[name], plan, {**SCRIPTED, **keys, engines.BOOK: f"{folder / name}.calls"})
        for name in names
    ]


def _service(name: str, address: str, plan: Plan, told: Variables) -> Service:
    service, number = name.rsplit("-", 1)
    prefix = f"{service.upper()}_"
    told = {**told, **plan.variables}
    own = {key: value for key, value in told.items() if key.startswith((prefix, engines.BOOK))}
    own[f"{prefix}LISTEN"] = address
    if not on_this_machine(address):  # the network is one of our own
        own[f"{prefix}PLAINTEXT"] = "true"
        own |= {"GATEWAY_STAGES_PLAINTEXT": "true"} if service == "gateway" else {}
    if service == "gateway":
        own["GATEWAY_MAX_TERM_LENGTH"] = str(GATEWAY_MARK + int(number))
        own[OPERATIONS] = f"{address.rpartition(':')[0]}:{unused_ports(1)[0]}"
    command = (
        *plan.host(name).enter,
        sys.executable,
        "-m",
        "babelmesh.local.child",
        str(os.getpid()),
        f"services.{service}",
    )
    return Service(name, command, address, {**own, **plan.only.get(name, {})})
