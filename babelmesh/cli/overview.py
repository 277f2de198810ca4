"""The state of a running mesh, streamed from its gateways: the client of `mesh.overview.v1`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from google.protobuf.json_format import MessageToDict

from babelmesh._stubs.mesh.overview.v1 import overview_pb2, overview_pb2_grpc
from babelmesh._stubs.mesh.stage.v1 import stage_pb2
from babelmesh.client.dialling import PLAIN, Dialling
from babelmesh.client.errors import UNREACHABLE, SessionFailed, typed_failures
from babelmesh.client.gateways import CHANNEL_OPTIONS

INTERVAL_SECONDS = 1.0
SILENT_SECONDS = 3.5  # a gateway that tells nothing for so long is gone
AGAIN_SECONDS = 1.0  # until another try to reach it

Overview: TypeAlias = overview_pb2.WatchResponse
Replica: TypeAlias = overview_pb2.Replica
Pair: TypeAlias = overview_pb2.Pair
Spread: TypeAlias = overview_pb2.Spread


@dataclass(slots=True)
class Gateway:
    """A gateway that is watched, with its last message. Instants are in seconds of `time.monotonic`."""

    address: str
    dial: Dialling = PLAIN
    told: Overview | None = None  # None while it is gone
    trouble: str = ""  # why
    since: float = field(default_factory=time.monotonic)  # it is there, or gone
    was_gone: bool = False

    def tells(self, told: Overview) -> None:
        """Record a message of the gateway."""
        if self.told is None:
            self.since = time.monotonic()
        self.told, self.trouble = told, ""

    def goes(self, trouble: str) -> None:
        """Record that the gateway cannot be reached, and why."""
        if self.told is not None:
            self.since, self.was_gone = time.monotonic(), True
        self.told, self.trouble = None, trouble

    @property
    def known(self) -> bool:
        """Whether the gateway has answered, or failed to."""
        return self.told is not None or bool(self.trouble)


async def follow(gateway: Gateway, changed: Callable[[], None]) -> None:
    """Watch a gateway for ever, reconnecting as needed; `changed` is called with each message or loss."""
    while True:
        try:
            await _watch(gateway, changed)
        except SessionFailed as failure:
            gateway.goes(str(failure))
        except TimeoutError:
            gateway.goes("It tells nothing.")
        changed()
        await asyncio.sleep(AGAIN_SECONDS)


async def _watch(gateway: Gateway, changed: Callable[[], None]) -> None:
    async with gateway.dial.channel(gateway.address, CHANNEL_OPTIONS) as channel:
        request = overview_pb2.WatchRequest(interval_ms=round(INTERVAL_SECONDS * 1000))
        call: Any = overview_pb2_grpc.OverviewStub(channel).Watch(request)
        with typed_failures(gateway.address):
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    told = await call.read()
                if not isinstance(told, Overview):
                    raise SessionFailed(UNREACHABLE, "It said no more.")
                gateway.tells(told)
                changed()


def as_object(told: Overview) -> dict[str, Any]:
    """Return a gateway's message as JSON with the contract's names, without unset fields."""
    return MessageToDict(told, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def state_of(replica: Replica) -> str:
    """Return a replica's state in a word: serving, starting, draining, stuck, or lost."""
    name = stage_pb2.State.Name(replica.state)
    return "lost" if replica.state == stage_pb2.STATE_UNSPECIFIED else name.removeprefix("STATE_").lower()


def replicas_of(gateways: Iterable[Gateway], stage: str) -> list[Replica]:
    """Return the replicas of a stage, as seen by the gateway that reaches the most of them."""
    seen = [list(each.replicas) for gateway in gateways if gateway.told for each in _of(gateway.told, stage)]
    return max(seen, key=lambda replicas: sum(bool(replica.state) for replica in replicas), default=[])


def _of(told: Overview, stage: str) -> list[overview_pb2.Stage]:
    return [each for each in told.stages if each.name == stage]


def pairs_of(gateways: Iterable[Gateway]) -> list[Pair]:
    """Return the language pairs of all gateways, those of equal languages summed up.

    Of several, the median is the mean of theirs, by segments, and the 95th percentile that of the worst.
    """
    by_langs: dict[tuple[str, str], list[Pair]] = {}
    for gateway in gateways:
        for pair in gateway.told.pairs if gateway.told else ():
            by_langs.setdefault((pair.source_lang, pair.target_lang), []).append(pair)
    return [_together(pairs) for _, pairs in sorted(by_langs.items())]


def _together(pairs: list[Pair]) -> Pair:
    together = Pair(source_lang=pairs[0].source_lang, target_lang=pairs[0].target_lang)
    together.segments = sum(pair.segments for pair in pairs)
    lags = [(pair.segments, pair.lag) for pair in pairs if pair.HasField("lag")]
    first_audios = [(pair.segments, pair.first_audio) for pair in pairs if pair.HasField("first_audio")]
    if lags:
        together.lag.CopyFrom(_mean(lags))
    if first_audios:
        together.first_audio.CopyFrom(_mean(first_audios))
    return together


def _mean(weighted: list[tuple[int, Spread]]) -> Spread:
    total = sum(weight for weight, _ in weighted)
    p50_ms = sum(weight * spread.p50_ms for weight, spread in weighted) / total
    return Spread(p50_ms=round(p50_ms), p95_ms=max(spread.p95_ms for _, spread in weighted))
