"""A real mesh of four processes at several numbers of sessions: what its stages tell, use, and are asked for.

The engines are scripted, with a device that computes batches as a GPU would (`services/common/engines/simulation.py`).
What the stages tell is read from `Stage/Watch`, as the gateway reads it; calls are counted by their spans, in a round
of their own, for tracing costs processor time.
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory
from typing import Any

import grpc
import numpy as np
import psutil
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

import babelmesh
from babelmesh.local import supervisor
from bench.measuring.processes import SCRIPTED, SERVICES, LocalMesh, Usage, metered
from bench.measuring.report import machine
from bench.measuring.speech import talks
from bench.measuring.take import Take, take
from bench.scaling.device import Device
from bench.scaling.recorded import FILE, Recorded
from mesh.stage.v1 import stage_pb2, stage_pb2_grpc
from services.common.audio.pcm import ASR_RATE, Pcm

STAGES = ("asr", "mt", "tts")
TARGETS = ("es", "fr")
COUNTS = (4, 8, 16)
SECONDS = 30.0
SETTLING_SECONDS = 8.0  # of each round are not counted in what the stages tell: their means are of the last five
STAGGER_SECONDS = 0.137
LAG_SHARES = 21
PIECE_MS = 500
DEVICES = {"mt": Device(8, 0.060), "tts": Device(8, 0.060)}
VARIABLES = {
    **SCRIPTED,
    "GATEWAY_SLOTS": "32",
    "ASR_SLOTS": "32",
    "MT_CACHE_ENTRIES": "0",
    "TTS_SCRIPTED__PIECE_MS": str(PIECE_MS),
    **{
        f"{stage.upper()}_SCRIPTED__COMPUTE_MS": str(device.compute_seconds * 1000) for stage, device in DEVICES.items()
    },
    **{f"{stage.upper()}_SCRIPTED__BATCH": str(device.batch) for stage, device in DEVICES.items()},
}


@dataclass(frozen=True, slots=True)
class Told:
    """By a stage, on the mean."""

    slots_used: float
    queue_seconds: float
    fill: float


@dataclass(slots=True)
class Round:
    """So many sessions at once."""

    sessions: int
    stream_seconds: float = 0.0
    wall_seconds: float = 0.0
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)
    lags: list[float] = field(default_factory=list)
    voice_seconds: float = 0.0  # of all targets


@dataclass(slots=True)
class Spans(trace_service_pb2_grpc.TraceServiceServicer):
    """A collector that only counts: spans by name, those of final segments apart."""

    counts: Counter[str] = field(default_factory=Counter)

    async def Export(self, request: Any, context: Any) -> Any:
        """As OTLP has it."""
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    final = any(each.key == "final" and each.value.bool_value for each in span.attributes)
                    self.counts[f"{span.name}.final" if final else span.name] += 1
        return trace_service_pb2.ExportTraceServiceResponse()


def record() -> None:
    """Writes recorded.json, with the machine and the date."""
    rounds, quiet, counts = asyncio.run(_measured(talks(4, SECONDS)))
    content = {
        "parameters": parameters(rounds, quiet, counts).as_json(),
        "devices": {stage: asdict(device) for stage, device in DEVICES.items()},
        "rounds": [asdict(each) for each in (*rounds, quiet)],
        "spans": dict(sorted(counts.items())),
    }
    FILE.write_text(json.dumps(content, indent=1) + "\n")


async def _measured(speech: Sequence[Pcm]) -> tuple[list[Round], Round, Counter[str]]:
    silence: Pcm = np.zeros(int(SECONDS * ASR_RATE), dtype=np.int16)
    async with _mesh({}) as (mesh, addresses), babelmesh.connect(mesh.address) as client:
        await take(client, speech[0], TARGETS, speed=0)  # what is loaded at first use is loaded now
        rounds = [await _round(mesh, addresses, client, list(islice(cycle(speech), count))) for count in COUNTS]
        quiet = await _round(mesh, addresses, client, [silence] * COUNTS[-1])
    spans = Spans()
    async with _collector(spans) as endpoint:
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_TRACES_EXPORTER": "otlp"}
        async with _mesh(told) as (mesh, _), babelmesh.connect(mesh.address) as client, asyncio.TaskGroup() as group:
            for talk in speech:
                group.create_task(take(client, talk, TARGETS))
    return rounds, quiet, spans.counts


@asynccontextmanager
async def _collector(spans: Spans) -> AsyncIterator[str]:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(spans, server)  # type: ignore[no-untyped-call]  # generated
    await server.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def _mesh(variables: Mapping[str, str]) -> AsyncIterator[tuple[LocalMesh, Mapping[str, str]]]:
    services = [
        replace(each, variables={**each.variables, **_own(each.name), **variables})
        for each in supervisor.mesh_services(supervisor.free_ports())
    ]
    with TemporaryDirectory(prefix="babelmesh-bench-") as logs:
        async with supervisor.running(services, Path(logs)) as started:
            processes = {each.service.name: psutil.Process(each.child.pid) for each in started}
            addresses = {each.name: each.address for each in services}
            yield LocalMesh(addresses["gateway"], processes), addresses


def _own(service: str) -> dict[str, str]:
    return {name: value for name, value in VARIABLES.items() if name.startswith(f"{service.upper()}_")}


async def _round(mesh: LocalMesh, addresses: Mapping[str, str], client: babelmesh.Mesh, speech: Sequence[Pcm]) -> Round:
    loop = asyncio.get_running_loop()
    heard: dict[str, list[tuple[float, Told]]] = {stage: [] for stage in STAGES}
    began = loop.time()
    async with asyncio.TaskGroup() as group:
        watching = [group.create_task(_watch(addresses[stage], heard[stage])) for stage in STAGES]
        async with metered(mesh) as usage, asyncio.TaskGroup() as sessions:
            tasks = [sessions.create_task(_later(STAGGER_SECONDS * at, client, talk)) for at, talk in enumerate(speech)]
        for each in watching:
            each.cancel()
    span = (began + SETTLING_SECONDS, began + SECONDS)
    told = {
        stage: _mean([each for when, each in values if span[0] < when < span[1]]) for stage, values in heard.items()
    }
    return _settled([task.result() for task in tasks], usage, told, loop.time() - began)


async def _later(seconds: float, client: babelmesh.Mesh, talk: Pcm) -> Take:
    """A session that begins after so long: those that begin together speak their words together, as nobody does."""
    await asyncio.sleep(seconds)
    return await take(client, talk, TARGETS)


def _settled(takes: Sequence[Take], usage: Usage, told: dict[str, Told], wall_seconds: float) -> Round:
    ledger = [event for each in takes for _, event in each.events if isinstance(event, babelmesh.Latency)]
    return Round(
        len(takes),
        sum(each.source_seconds for each in takes),
        wall_seconds,
        {name: usage.cpu_seconds[name] for name in SERVICES},
        told,
        [(each.sent_ms - each.captured_ms) / 1000 for each in ledger if each.sent_ms],
        sum(each.voice(lang).seconds for each in takes for lang in TARGETS),
    )


async def _watch(address: str, heard: list[tuple[float, Told]]) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        async for told in stage_pb2_grpc.StageStub(channel).Watch(stage_pb2.WatchRequest()):
            now = asyncio.get_running_loop().time()
            heard.append((now, Told(told.slots_used, told.queue_seconds, told.fill)))


def _mean(told: Sequence[Told]) -> Told:
    if not told:
        return Told(0.0, 0.0, 0.0)
    return Told(
        *(fmean(values) for values in zip(*((t.slots_used, t.queue_seconds, t.fill) for t in told), strict=True))
    )


def parameters(rounds: Sequence[Round], quiet: Round, counts: Mapping[str, int]) -> Recorded:
    """Of the simulation. CPU is the slope over the rounds, what a session more costs; an idle process costs more."""
    traced_seconds = 4 * SECONDS * len(TARGETS)
    seconds = np.array([each.stream_seconds for each in rounds])
    lines = {name: np.polyfit(seconds, [each.cpu_seconds[name] for each in rounds], 1) for name in SERVICES}
    cpu = {name: float(line[0]) for name, line in lines.items()}
    idle = {name: max(0.0, float(line[1])) for name, line in lines.items()}  # over a round
    silent = {
        name: max(0.0, quiet.cpu_seconds[name] - idle[name]) / quiet.stream_seconds for name in ("gateway", "asr")
    }
    finals, revisions = counts["mt.translate.final"] / traced_seconds, counts["mt.translate"] / traced_seconds
    clauses = counts["tts.synthesize"] / traced_seconds
    whole = sum(each.voice_seconds for each in rounds) * 1000 / PIECE_MS / (float(seconds.sum()) * len(TARGETS))
    pieces = whole + clauses / 2  # the device computes the last piece of a clause like the others; it is half full
    lags = np.quantile([lag for each in rounds for lag in each.lags], np.linspace(0, 1, LAG_SHARES))
    return Recorded(
        machine=", ".join(f"{key} {value}" for key, value in machine().items()),
        date=datetime.now(UTC).date().isoformat(),
        mt_finals=round(finals, 4),
        mt_revisions=round(revisions, 4),
        tts_clauses=round(clauses, 4),
        tts_pieces=round(pieces, 4),
        gateway_cpu=round(cpu["gateway"], 5),
        asr_cpu=round(cpu["asr"], 5),
        gateway_quiet_cpu=round(silent["gateway"], 5),
        asr_quiet_cpu=round(silent["asr"], 5),
        mt_cpu=round(cpu["mt"] / len(TARGETS) / (finals + revisions), 6),
        tts_cpu=round(cpu["tts"] / len(TARGETS) / pieces, 6),
        lag_seconds=tuple(round(float(lag), 3) for lag in lags),
        compute_ms=DEVICES["mt"].compute_seconds * 1000,
        targets=len(TARGETS),
    )
