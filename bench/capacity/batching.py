"""What batching across sessions brings: 16 sessions at once on one device, batched and one by one.

    python -m bench.capacity.batching [--device auto] [--askers 16] [--items 24] [--pairs 5] [--rows 4]

A transformer encoder of a real one's size with random weights stands in for a stage's model: only its speed counts.
Each session asks for the next item when it has its answer, through `services.common.neural.batching`.
Both arms take turns.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.capacity.transformer import Shape, encoder
from bench.measuring.report import Goal, Rows, at_least, at_most, finish, percentile
from services.common.errors import InvalidArgument
from services.common.neural.batching import Batcher, Item, Limits
from services.common.neural.bound import Bound
from services.common.neural.devices import Device, chosen, placed, session

Array = NDArray[Any]

ARMS = {"one by one": Limits(most_items=1, wait_ms=0), "batched": Limits(most_items=16, wait_ms=10)}


@dataclass(frozen=True, slots=True)
class Run:
    """All sessions, from the first item to the last answer."""

    seconds: float
    latencies: Sequence[float]  # seconds from asking to the answer

    @property
    def throughput(self) -> float:
        """Items a second."""
        return len(self.latencies) / self.seconds

    @property
    def p95(self) -> float:
        """Of the latencies, in seconds."""
        return percentile(self.latencies, 0.95) or 0.0


@dataclass(slots=True)
class Model:
    """The computation, and how large its batches were."""

    bound: Bound
    sizes: list[int] = field(default_factory=list)

    def __call__(self, asked: Sequence[Array]) -> Sequence[Array]:
        """An output, [rows, width], for each input of that shape."""
        self.sizes.append(len(asked))
        self.bound.put("x", np.stack(asked))
        self.bound.run()
        return list(self.bound.fetch("y"))


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--askers", type=int, default=16, help="sessions at once")
    parser.add_argument("--items", type=int, default=24, help="that each session asks for")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rows", type=int, default=4, help="frames or tokens of an item: 1 is a step of a decoder")
    options = parser.parse_args()
    try:
        device = chosen(options.device)
    except InvalidArgument as fault:
        print(f"Skipped, it needs a GPU: {fault}")
        return
    shape = Shape(rows=options.rows)
    loaded = session(encoder(shape), device)
    print(f"{shape}; random weights\n{device.name}; operators by provider: {placed(loaded)}", flush=True)
    bound = Bound(loaded, device)
    bound.out("y")
    model = Model(bound)
    item = np.random.default_rng(1).standard_normal((shape.rows, shape.width), np.float32)
    runs = asyncio.run(measured(model, item, options))
    tables = [arms_table(runs, model, device), alone_table(model, item)]
    name = "batching" if device.kind == "cpu" else f"batching-{device.kind}"
    sys.exit(not finish(name, tables, goals(runs, device)))


async def measured(model: Model, item: Array, options: argparse.Namespace) -> dict[str, list[Run]]:
    """The arms in turns, each first in every other pair; after a first run of each that does not count."""
    runs: dict[str, list[Run]] = {arm: [] for arm in ARMS}
    for pair in range(-1, options.pairs):
        for arm in list(ARMS)[:: 1 if pair % 2 else -1]:
            run = await together(model, ARMS[arm], item, (options.askers, options.items if pair >= 0 else 2))
            if pair >= 0:
                runs[arm].append(run)
    return runs


async def together(model: Model, limits: Limits, item: Array, amount: tuple[int, int]) -> Run:
    """So many sessions, each asking for so many items."""
    askers, items = amount
    latencies: list[float] = []

    async def asks(batcher: Batcher[Array, Array], number: int) -> None:
        for _ in range(items):
            asked = time.perf_counter()
            await batcher.submit(Item(item, session=number))
            latencies.append(time.perf_counter() - asked)

    async with Batcher("bench.step", model, limits) as batcher:
        began = time.perf_counter()
        async with asyncio.TaskGroup() as group:
            for number in range(askers):
                group.create_task(asks(batcher, number))
        return Run(time.perf_counter() - began, latencies)


def ratio(runs: dict[str, list[Run]], of: Callable[[Run], float]) -> float:
    """Batched over one by one, median of the pairs."""
    one_by_one, batched = runs.values()
    return median(of(with_) / of(without) for without, with_ in zip(one_by_one, batched, strict=True))


def arms_table(runs: dict[str, list[Run]], model: Model, device: Device) -> Rows:
    """One row an arm, and their ratio."""
    table = Rows(f"Sessions at once on {device.name}", ("arm", "items/s", "p95 ms", "largest batch"))
    for arm, each in runs.items():
        largest = 1 if ARMS[arm].most_items == 1 else max(model.sizes)
        table.add(arm, median(run.throughput for run in each), 1000 * median(run.p95 for run in each), largest)
    table.add("ratio", ratio(runs, lambda run: run.throughput), ratio(runs, lambda run: run.p95), None)
    return table


def alone_table(model: Model, item: Array, times: int = 40) -> Rows:
    """What a session that is alone pays for the batcher."""
    table = Rows("A session alone", ("computed", "median ms"))
    direct = []
    for _ in range(times):
        began = time.perf_counter()
        model([item])
        direct.append(time.perf_counter() - began)
    through = asyncio.run(together(model, ARMS["batched"], item, (1, times))).latencies
    table.add("directly", 1000 * median(direct))
    table.add("through the batcher", 1000 * median(through))
    return table


def goals(runs: dict[str, list[Run]], device: Device) -> dict[str, Goal]:
    """More in less time. A CPU has less to gain: it computes no faster for a full batch than its arithmetic allows."""
    throughput, p95 = ratio(runs, lambda run: run.throughput), ratio(runs, lambda run: run.p95)
    if device.kind == "cuda":
        return {"G1.throughput": at_least(throughput, 3.3), "G1.p95": at_most(p95, 0.31)}
    return {"batching.throughput": at_least(throughput, 2.0), "batching.p95": at_most(p95, 1.0)}


if __name__ == "__main__":
    main()
