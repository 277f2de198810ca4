"""What it costs to be watched: tracing, and metrics, each on against off.

    python -m bench.capacity.telemetry [--pairs 7] [--sessions 12] [--seconds 30] [--arms tracing,metrics]

The same real speech in every turn, at real-time pace, through four processes on scripted engines: there is little work
to hide behind. The arms take turns, in an order that changes, each on processes started for it: no arm is lucky for the
whole run. With tracing, every span goes over OTLP; with metrics, each service is scraped every second and
exports them over OTLP every five. The collector is another process; processor time is that of the four services alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

import babelmesh
from babelmesh.local.supervisor import unused_ports
from bench.measuring.collector import Collected, collecting
from bench.measuring.processes import SCRIPTED, SERVICES, Variables, local_mesh, metered
from bench.measuring.report import Goal, Rows, at_most, finish, percentile
from bench.measuring.speech import talks
from bench.measuring.take import Take, take
from services.common.audio.pcm import Pcm

LANG = "es"
OFF, TRACING, METRICS = "off", "tracing", "metrics"
OTLP_METRICS_MS = 5000
MOST_CPU, MOST_P99 = 1.03, 1.05


@dataclass(frozen=True, slots=True)
class Turn:
    """Sessions at once in one arm."""

    cpu: float  # seconds of all services, for a second of a stream
    by_service: Mapping[str, float]
    latencies: Sequence[float]  # of segments, from the last sample to the last message about it, in seconds
    collected: Collected


@dataclass(slots=True)
class Turns:
    """By arm, in the order they were taken."""

    of: dict[str, list[Turn]] = field(default_factory=dict)

    def cpu_ratios(self, arm: str) -> list[float]:
        """Of an arm over off, by pair."""
        return [on.cpu / off.cpu for off, on in zip(self.of[OFF], self.of[arm], strict=True)]

    def p99(self, arm: str) -> float:
        """Of the segments of all turns: those of one turn are too few to have a 99th percentile."""
        return percentile([each for turn in self.of[arm] for each in turn.latencies], 0.99) or float("inf")


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--sessions", type=int, default=12, help="at once")
    parser.add_argument("--seconds", type=float, default=30.0, help="of speech in each session")
    parser.add_argument("--arms", default=f"{TRACING},{METRICS}", help="with a comma between")
    options = parser.parse_args()
    speech = talks(options.sessions, options.seconds)
    arms = options.arms.split(",")
    turns = asyncio.run(measure(speech, arms, options.pairs))
    sys.exit(not finish("telemetry", [ratio_table(turns, arms), arm_table(turns)], goals(turns, arms)))


async def measure(speech: Sequence[Pcm], arms: Sequence[str], pairs: int) -> Turns:
    """Every arm once in each round, beginning with another each time."""
    order = [OFF, *arms]
    turns = Turns({arm: [] for arm in order})
    for number in range(pairs):
        start = number % len(order)
        for arm in (*order[start:], *order[:start]):
            turns.of[arm].append(await one_turn(speech, arm))
    return turns


async def one_turn(speech: Sequence[Pcm], arm: str) -> Turn:
    """All talks at once on a new mesh, metered once it is warm."""
    port, *admin = unused_ports(1 + len(SERVICES))
    scraped = [f"http://127.0.0.1:{each}/metrics" for each in admin] if arm == METRICS else []
    slots = {f"{name.upper()}_SLOTS": str(2 * len(speech)) for name in SERVICES}  # nobody is to wait for one
    variables = {**SCRIPTED, **slots, **told(arm, port, admin)}
    async with (
        collecting(port, scraped) as collected,
        local_mesh(variables) as mesh,
        babelmesh.connect(mesh.address) as client,
    ):
        await take(client, speech[0], [LANG], speed=0)  # what is loaded at first use is loaded now
        async with metered(mesh) as usage, asyncio.TaskGroup() as group:
            tasks = [group.create_task(take(client, talk, [LANG])) for talk in speech]
    takes = [task.result() for task in tasks]
    seconds = sum(each.source_seconds for each in takes)
    by_service = {name: cpu / seconds for name, cpu in usage.cpu_seconds.items()}
    check(arm, collected)
    return Turn(sum(by_service.values()), by_service, latencies(takes), collected)


def told(arm: str, port: int, admin: Sequence[int]) -> Variables:
    """What the services are told about telemetry."""
    match arm:
        case "tracing":
            return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_METRICS_EXPORTER": "none"}
        case "metrics":
            served = {f"{name.upper()}_ADMIN": f"127.0.0.1:{each}" for name, each in zip(SERVICES, admin, strict=True)}
            return {
                **served,
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_TRACES_EXPORTER": "none",
                "OTEL_METRIC_EXPORT_INTERVAL": str(OTLP_METRICS_MS),
            }
        case "off":
            return {"OTEL_SDK_DISABLED": "true"}
    raise ValueError(f"{arm} is not an arm: {TRACING}, {METRICS}")


def check(arm: str, collected: Collected) -> None:
    """Raises RuntimeError when an arm did not export what it is to be measured by."""
    came = {
        OFF: not (collected.spans or collected.metrics or collected.scrapes),
        TRACING: bool(collected.spans and not collected.metrics),
        METRICS: bool(collected.metrics and collected.scrapes and not collected.spans),
    }
    if not came[arm]:
        raise RuntimeError(f"{arm}: {collected} came, which is not what this arm exports.")


def latencies(takes: Sequence[Take]) -> list[float]:
    """From the last sample of each segment to the last message about it, in seconds."""
    ledger = [event for each in takes for _, event in each.events if isinstance(event, babelmesh.Latency)]
    return [(entry.sent_ms - entry.captured_ms) / 1000 for entry in ledger]


def ratio_table(turns: Turns, arms: Sequence[str]) -> Rows:
    """One row an arm."""
    table = Rows("On, over off", ("arm", "CPU, median of pairs", "least", "most", "p99 of segments", "of"))
    for arm in arms:
        ratios = turns.cpu_ratios(arm)
        count = sum(len(turn.latencies) for turn in turns.of[arm])
        table.add(arm, median(ratios), min(ratios), max(ratios), turns.p99(arm) / turns.p99(OFF), count)
    return table


def arm_table(turns: Turns) -> Rows:
    """One row an arm: medians of its turns. Sent is what came to the collector in one of them."""
    columns = [f"{name} CPU" for name in SERVICES]
    table = Rows(
        "CPU seconds for a second of a stream",
        ("arm", *columns, "all", "p50 s", "p90 s", "p99 s", "spans", "metrics", "scrapes"),
    )
    for arm, of in turns.of.items():
        pooled = [each for turn in of for each in turn.latencies]
        cpu = [median(turn.by_service[name] for turn in of) for name in SERVICES]
        sent = of[-1].collected
        latency = [percentile(pooled, part) for part in (0.5, 0.9, 0.99)]
        table.add(arm, *cpu, median(turn.cpu for turn in of), *latency, sent.spans, sent.metrics, sent.scrapes)
    return table


def goals(turns: Turns, arms: Sequence[str]) -> dict[str, Goal]:
    """Being watched costs next to nothing."""
    reached: dict[str, Goal] = {}
    for arm in arms:
        reached[f"C7.{arm}_cpu"] = at_most(median(turns.cpu_ratios(arm)), MOST_CPU)
        reached[f"C7.{arm}_p99"] = at_most(turns.p99(arm) / turns.p99(OFF), MOST_P99)
    return reached


if __name__ == "__main__":
    main()
