"""What every measurement ends with: tables on the terminal, and `bench/out/NAME.json` that names the machine."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from rich import box
from rich.console import Console
from rich.table import Table

from services.common.neural.gpus import gpus

OUT = Path(__file__).parents[1] / "out"
WIDTH = 160

Cell = str | float | int | None


@dataclass(frozen=True, slots=True)
class Goal:
    """A number that was to be reached."""

    value: float
    bound: float
    ok: bool


@dataclass(frozen=True, slots=True)
class Rows:
    """A table: equal columns in print and in JSON."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[Cell]] = field(default_factory=list)

    def add(self, *cells: Cell) -> None:
        """One more row."""
        self.rows.append(cells)

    def as_json(self) -> list[dict[str, Cell]]:
        """A list of objects."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def at_most(value: float, bound: float) -> Goal:
    """A goal that smaller numbers reach."""
    return Goal(value, bound, value <= bound)


def at_least(value: float, bound: float) -> Goal:
    """A goal that larger numbers reach."""
    return Goal(value, bound, value >= bound)


def finish(name: str, tables: Sequence[Rows], goals: dict[str, Goal]) -> bool:
    """Prints the tables, writes the file, and tells whether every goal was reached."""
    console = Console(width=WIDTH if not os.isatty(1) else None, highlight=False)
    for table in tables:
        console.print(_printed(table))
    console.print(
        "\n".join(f"{key}  {goal.value:g}  (bound {goal.bound:g})  {_verdict(goal)}" for key, goal in goals.items())
    )
    OUT.mkdir(exist_ok=True)
    path = OUT / f"{name}.json"
    content = {
        "name": name,
        "machine": machine(),
        "goals": {key: asdict(goal) for key, goal in goals.items()},
        "tables": {table.title: table.as_json() for table in tables},
    }
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    console.print(f"{', '.join(f'{key} {value}' for key, value in machine().items())}\nWritten: bench/out/{path.name}")
    return all(goal.ok for goal in goals.values())


def machine() -> dict[str, Cell]:
    """What the numbers were measured on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        **{f"gpu {number}": name for number, name in enumerate(gpus())},
        "python": platform.python_version(),
        "grpcio": version("grpcio"),
        "babelmesh": _own_version(),
    }


def percentile(values: Sequence[float], share: float) -> float | None:
    """The smallest value that `share` of all values do not exceed; None of nothing."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def _own_version() -> str:
    try:
        return version("babelmesh")
    except PackageNotFoundError:  # in the environment of `make parity`
        return "not installed"


def _cpu() -> str:
    models = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return models[0].split(":", 1)[1].strip() if models else platform.machine()


def _verdict(goal: Goal) -> str:
    return "reached" if goal.ok else "MISSED"


def _printed(table: Rows) -> Table:
    printed = Table(title=table.title, title_style="bold", box=box.SIMPLE_HEAD)
    for column in table.columns:
        printed.add_column(column, justify="left" if column == table.columns[0] else "right")
    for row in table.rows:
        printed.add_row(*(_cell(cell) for cell in row))
    return printed


def _cell(cell: Cell) -> str:
    match cell:
        case None:
            return "-"
        case float():
            return f"{cell:.3f}" if abs(cell) < 10 else f"{cell:.1f}"
    return str(cell)
