"""Scaling each stage by what it is short of, against scaling by CPU, on simulated days of traffic.

    python -m bench.capacity.autoscale [--only weekday,stadium]
    python -m bench.capacity.autoscale --targets [--start 20] [--slots 8] [--rate 0.05,0.1] [--sessions 100]
    python -m bench.capacity.autoscale --record

The second prints the targets that follow from a pod's start, its slots and how fast sessions come. `--record` runs a
real mesh for some minutes and writes what the simulation's parameters come from, bench/scaling/recorded.json. What is
simulated, and what is not: docs/scaling.md.
"""

from __future__ import annotations

import argparse
import sys

from bench.measuring.report import Goal, Rows, at_most, finish
from bench.scaling import compare
from bench.scaling.fidelity import load_table
from bench.scaling.recorded import Recorded
from bench.scaling.recording import record
from bench.scaling.reproduced import largest_error, pairs, reproduced_table
from bench.scaling.simulation import DEVICES
from bench.scaling.targets import carried_table, target_table
from bench.scaling.traffic import scenarios

LOADS = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9)
SHOWN = (compare.cpu(50), compare.cpu(60), compare.cpu(70), compare.ours(0.5), compare.ours(0.6), compare.ours(0.7))
SHARES = (0.5, 0.6, 0.7)
MOST_ERROR = 0.15  # of the simulation, in any figure that was recorded


def main() -> None:
    """Ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="scenarios, with commas between")
    parser.add_argument("--record", action="store_true", help="run a real mesh, and keep what it was seen to do")
    parser.add_argument("--targets", action="store_true", help="print targets; the options below are for these")
    parser.add_argument("--start", type=float, default=90.0, help="seconds from asking for a pod to its serving")
    parser.add_argument("--slots", type=int, default=32, help="of a pod")
    parser.add_argument("--rate", default="0.1,0.2,0.5,1,2", help="sessions a second by which demand grows")
    parser.add_argument("--sessions", type=float, default=500.0, help="at once, when it grows so")
    told = parser.parse_args()
    if told.record:
        record()
        return
    if told.targets:
        rates = [float(rate) for rate in told.rate.split(",")]
        tables = [target_table(told.start, told.slots, rates, told.sessions), carried_table(Recorded.read(), SHARES)]
        finish("autoscale-targets", tables, {})
        return
    sys.exit(not simulated([name for name in told.only.split(",") if name]))


def simulated(only: list[str]) -> bool:
    """Runs the scenarios, and prints what came of them; whether every goal was reached."""
    recorded = Recorded.read()
    chosen = [each for each in scenarios() if not only or each.name in only]
    if not chosen:
        sys.exit(f"There are {', '.join(each.name for each in scenarios())}.")
    results = compare.measured(chosen, recorded, compare.choices())
    names = [each.name for each in chosen]
    shown = [*SHOWN, compare.WITHOUT, compare.ADAPTER, compare.FIXED]
    tables = [compare.scenario_table(results, name, shown) for name in names]
    tables += [compare.scenario_table(results, "all", list(results)), compare.against_table(results, names)]
    goals = {**compare.goals(results), **fidelity(recorded, tables)}
    return finish("autoscale" if not only else "autoscale-short", tables, goals)


def fidelity(recorded: Recorded, tables: list[Rows]) -> dict[str, Goal]:
    """Adds the tables of what is simulated beside what is real."""
    found = pairs(recorded)
    tables += [load_table(device, recorded.shape(stage), LOADS) for stage, device in DEVICES.items()]
    tables.append(reproduced_table(found))
    return {
        "autoscale.error": at_most(largest_error(found, told=True), MOST_ERROR),
        "autoscale.cpu_error": at_most(largest_error(found, told=False), MOST_ERROR),
    }


if __name__ == "__main__":
    main()
