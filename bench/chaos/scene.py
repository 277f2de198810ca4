"""What every scenario has in common: its options, its folder, and the verdict on its ledgers by both checkers."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.chaos import checks, node
from bench.chaos.ledger import read_all
from bench.chaos.recovery import FaultBook, Recovery, recoveries
from bench.measuring.report import Goal, Rows, at_most, finish, percentile

RUN = "chaos-"  # bench/out/chaos-NAME.json; a short run has its own, which is no proof of a goal


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a scenario ends with."""

    tables: Sequence[Rows]
    goals: dict[str, Goal]


@dataclass(slots=True)
class Verdict:
    """What the checkers found in a folder of ledgers: of each kind of fault the larger number of the two."""

    counts: dict[str, int]
    table: Rows
    recovered: list[Recovery] = field(default_factory=list)
    drift_ms: float = 0.0
    segments: int = 0

    def clean(self, goal: str) -> dict[str, Goal]:
        """Nothing lost, nothing twice, nothing out of order, nothing an app would have to show its user."""
        known = {"lost": "lost", "doubled": "duplicated", "reordered": "reordered", "errors": "errors"}
        goals = {f"{goal}.{name}": at_most(self.counts[kind], 0) for kind, name in known.items()}
        rest = sum(count for kind, count in self.counts.items() if kind not in known)
        return {**goals, f"{goal}.other_faults": at_most(rest, 0), f"{goal}.silent": at_most(int(not self.segments), 0)}

    def recovery(self, goal: str, p99: float, p50: float | None = None) -> dict[str, Goal]:
        """How long those who were struck stood still."""
        seconds = [each.seconds for each in self.recovered if each.seconds is not None]
        never = len(self.recovered) - len(seconds)
        goals = {f"{goal}.unrecovered": at_most(never if self.recovered else float("inf"), 0)}
        if p50 is not None:
            goals[f"{goal}.recovery_p50"] = at_most(share(seconds, 0.5), p50)
        return {**goals, f"{goal}.recovery_p99": at_most(share(seconds, 0.99), p99)}

    def recovery_table(self) -> Rows:
        """Seconds by what was struck."""
        table = Rows("Recovery, seconds", ("struck", "faults", "sessions", "never", "p50", "p95", "p99", "longest"))
        services = sorted({each.label.split("-")[0] for each in self.recovered})
        for service in (*services, "all"):
            those = [each for each in self.recovered if service in (each.label.split("-")[0], "all")]
            seconds = [each.seconds for each in those if each.seconds is not None]
            shares = [percentile(seconds, share) for share in (0.5, 0.95, 0.99, 1.0)]
            table.add(service, len({each.label for each in those}), len(those), len(those) - len(seconds), *shares)
        return table


def options(
    doc: str | None, more: Callable[[argparse.ArgumentParser], None] | None = None, **numbers: tuple[float, float]
) -> argparse.Namespace:
    """The command line: each number with its default, and its default under --short; `more` adds a scene's own."""
    parser = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="a rehearsal; its numbers prove nothing")
    parser.add_argument("--keep", type=Path, help="folder for logs and ledgers, kept afterwards")
    parser.add_argument("--seed", type=int, default=1)
    for name, (whole, _) in numbers.items():
        parser.add_argument(f"--{name}", type=type(whole), default=None)
    if more:
        more(parser)
    found = parser.parse_args()
    for name, (whole, short) in numbers.items():
        if getattr(found, name) is None:
            setattr(found, name, short if found.short else whole)
    return found


def play(name: str, told: argparse.Namespace, scene: Coroutine[Any, Any, Outcome]) -> None:
    """Runs a scenario, prints and writes what came of it, and ends with status 1 when a goal was missed."""
    outcome = asyncio.run(scene)
    sys.exit(not finish(f"{RUN}{name}{'-short' if told.short else ''}", outcome.tables, outcome.goals))


def folder(told: argparse.Namespace) -> TemporaryDirectory[str] | KeptFolder:
    """Where a run's files go."""
    return KeptFolder(told.keep) if told.keep else TemporaryDirectory(prefix="babelmesh-chaos-")


@dataclass(frozen=True, slots=True)
class KeptFolder:
    """A folder of the user's."""

    path: Path

    def __enter__(self) -> str:
        self.path.mkdir(parents=True, exist_ok=True)
        return str(self.path)

    def __exit__(self, *_: object) -> None:
        return


async def judged(ledgers: Path, book: FaultBook | None = None) -> Verdict:
    """Both checkers' word on a folder of ledgers; the Python one's alone where there is no Node."""
    sessions = read_all(ledgers)
    faults = book.close(sessions, ledgers) if book else []
    own = checks.check(sessions)
    recovered = recoveries(sessions, faults)
    reason = node.missing()
    other = {} if reason else await node.audited(ledgers)
    counts = own.counts()
    theirs = {kind: len(found) for kind, found in other.get("faults", {}).items()}
    table = Rows(f"Faults in {own.sessions} sessions", ("kind", "Python checker", "Node checker", "first"))
    for kind in {**counts, **theirs}:
        first = next(iter([*own.faults.get(kind, []), *other.get("faults", {}).get(kind, [])]), None)
        table.add(kind, counts.get(kind), theirs.get(kind), first and first[:80])
    table.add("segments", own.segments, other.get("segments"), reason or None)
    table.add("words", own.words, other.get("words"), None)
    table.add("announced gaps", None, other.get("gaps"), None)
    if other:
        recovered = [Recovery(each["label"], each["session"], each["seconds"]) for each in other["recovery"]]
    worst = {kind: max(counts.get(kind, 0), theirs.get(kind, 0)) for kind in {**counts, **theirs}}
    return Verdict(worst, table, recovered, max(own.drift_ms, other.get("drift_ms", 0.0)), own.segments)


def share(seconds: Sequence[float], of_all: float) -> float:
    """A percentile; infinity of nothing."""
    found = percentile(seconds, of_all)
    return float("inf") if found is None else found
