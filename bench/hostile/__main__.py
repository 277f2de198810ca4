"""What one stranger can do to everybody else: each kind of harm, with another client's typed lines beside it.

    python -m bench.hostile [--only NAME] [--seconds 4] [--busy 2]
    python -m bench.hostile --project ../before        the same of another checkout: bench/out/hostile-before.json
    python -m bench.hostile --doors                    with TLS, tokens, quotas; strangers without a key too
    python -m bench.hostile --masks                    with masks on
    python -m bench.hostile --everything               with both, and an archive
    python -m bench.hostile --list                     the names of the cases

The mesh, on scripted engines, and the canary share one core; the stranger has another one to itself. *Busy*: the canary
while the stranger only takes its core, in a loop. *Left*: slots in use seconds after the stranger has gone. *CPU*:
seconds of each process. Where hostile-before.json is there, a second table has both beside each other.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.hostile.attacked import SERVICES
from bench.hostile.doorstep import DOORSTEP
from bench.hostile.measuring import Result, Times, Where, measured
from bench.hostile.stranger import BUSY, CASES
from bench.measuring.all_doors import CLOSED, Doors, add_options
from bench.measuring.report import OUT, Cell, Goal, Rows, at_most, finish, percentile

NAME = "hostile"
BEFORE = "hostile-before"
TITLE = "What a stranger does to others"
COLUMNS = (
    "case",
    "p50 ms",
    "p99 ms",
    "busy p50",
    "busy p99",
    "lines",
    *(f"CPU {service}" for service in SERVICES),
    "peak MiB",
    "ended",
    "left",
)
COMPARED = ("p99 ms", "CPU gateway", "peak MiB", "ended", "left")


def main() -> None:
    """Ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="NAME", help="cases whose names contain this")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each case")
    parser.add_argument("--busy", type=float, default=2.0, help="seconds of the busy loop before each case")
    parser.add_argument("--project", type=Path, help="another checkout, whose mesh is measured")
    add_options(parser)
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    told = parser.parse_args()
    names = [name for name in CASES if name != BUSY and (told.doors in CLOSED or name not in DOORSTEP)]
    chosen = [name for name in names if told.only in name]
    if told.list or not chosen:
        print("\n".join(names))
        sys.exit(int(not chosen))
    project = told.project.resolve() if told.project else None
    if project and told.doors:
        parser.error("--project measures a mesh without doors.")
    results = asyncio.run(measured(chosen, Times(told.seconds, told.busy), Where(project, told.doors), tell))
    rows = table(results)
    door = Doors(told.doors)
    name = BEFORE if project else door.file(NAME)
    if told.only:  # no proof of a goal
        name += "-short"
    wanted = {} if project else door.goals(goals(results))
    compared = [] if project or told.doors else [beside(rows, before)] if (before := earlier()) else []
    sys.exit(not finish(name, [rows, answers(results), *compared], wanted))


def tell(result: Result) -> None:
    """Says on the terminal that a case is over."""
    ended = f", ended: {'; '.join(result.use.ended)}" if result.use.ended else ""
    complaints = f", canary: {result.complaints[0]}" if result.complaints else ""
    p99 = milliseconds(result.seconds, 0.99) or 0.0
    left = ", ".join(f"{count} slots of {name} left" for name, count in result.use.slots_left.items())
    print(
        f"... {result.name}: p99 {p99:.0f} ms, {left or 'no slot left'}{ended}{complaints}",
        file=sys.stderr,
        flush=True,
    )


def table(results: Sequence[Result]) -> Rows:
    """A row for each case."""
    rows = Rows(TITLE, COLUMNS)
    for each in results:
        use = each.use
        rows.add(
            each.name,
            *(milliseconds(lines, share) for lines in (each.seconds, each.busy) for share in (0.5, 0.99)),
            len(each.seconds),
            *(use.cpu_seconds.get(service) for service in SERVICES),
            max(use.peak_mib.values(), default=None),
            len(use.ended),
            sum(use.slots_left.values()),
        )
    return rows


def answers(results: Sequence[Result]) -> Rows:
    """What came back to the stranger, for a look at statuses and codes."""
    rows = Rows("What came back to the stranger", ("case", "counted"))
    for each in results:
        rows.add(each.name, ", ".join(f"{name} {count}" for name, count in sorted(each.came.items())))
    return rows


def milliseconds(seconds: Sequence[float], share: float) -> float | None:
    """A percentile in milliseconds."""
    value = percentile(seconds, share)
    return None if value is None else 1000 * value


def goals(results: Sequence[Result]) -> dict[str, Goal]:
    """Nobody can stop it."""
    worst = max((milliseconds(each.seconds, 0.99) or float("inf") for each in results), default=float("inf"))
    return {
        "S1.canary_p99_ms": at_most(worst, 250.0),
        "S1.ended": at_most(sum(len(each.use.ended) for each in results), 0),
        "S1.slots_left": at_most(sum(sum(each.use.slots_left.values()) for each in results), 0),
    }


def earlier() -> Mapping[str, Mapping[str, Any]]:
    """The rows of the other checkout, by case; none where it was not measured."""
    path = OUT / f"{BEFORE}.json"
    if not path.exists():
        return {}
    return {row["case"]: row for row in json.loads(path.read_text())["tables"][TITLE]}


def beside(rows: Rows, before: Mapping[str, Mapping[str, Any]]) -> Rows:
    """The same figures of both, before and after."""
    columns = ["case", *(f"{name}, {when}" for name in COMPARED for when in ("before", "after"))]
    both = Rows("Before and after", columns)
    for row in rows.as_json():
        was = before.get(str(row["case"]), {})
        cells: list[Cell] = [cell for name in COMPARED for cell in (was.get(name), row[name])]
        both.add(row["case"], *cells)
    return both


if __name__ == "__main__":
    main()
