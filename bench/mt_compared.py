"""The comparison that bench/mt_engines.py makes, in an environment that has all three."""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import torch

from bench.mt_arms import Arm, Device, Setting, arms
from bench.report import Goal, Rows, at_least, finish
from services.common.devices import chosen
from services.mt.onnx.loading import Precision
from tests.models.mt.random_models import made

MADE = Path(__file__).parent.parent / "out" / "models"
WARM_SENTENCES = 2
SOURCE_LENGTHS = (5, 40)
OTHERS = ("transformers", "CTranslate2")
PRECISIONS: dict[Device, tuple[Precision, ...]] = {  # goals are of the first
    "cpu": ("fp32", "int8"),
    "cuda": ("fp16", "fp32"),
}
COLUMNS = (
    "precision",
    "together",
    "ours",
    *OTHERS,
    *(f"over {name}" for name in OTHERS),
    *(f"same ids as {name}" for name in OTHERS),
)


@dataclass(slots=True)
class Measured:
    """Seconds of each arm's turns, and what it answered in the last."""

    seconds: dict[str, list[float]] = field(default_factory=dict)
    answers: dict[str, list[list[int]]] = field(default_factory=dict)

    def ratio(self, other: str) -> float:
        """How many times as fast ours is as another; median over the turns."""
        return median(theirs / ours for ours, theirs in zip(self.seconds["ours"], self.seconds[other], strict=True))

    def same(self, other: str, length: int) -> float:
        """Share of sentences with the same ids, but for the end."""
        pairs = list(zip(self.answers["ours"], self.answers[other], strict=True))
        if any(len(answer) < length - 1 for pair in pairs for answer in pair):
            raise ValueError(f"a translation is shorter than {length}: the arms have not done the same work")
        return sum(ours[: length - 1] == theirs[: length - 1] for ours, theirs in pairs) / len(pairs)


def compare(description: str | None) -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(
        "mt_engines", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="marian-base-random", help="one of tests/models/mt/random_models.py")
    parser.add_argument("--pairs", type=int, default=5, help="turns of each arm")
    parser.add_argument("--threads", type=int, default=1, help="of a computation on the CPU")
    parser.add_argument("--together", default="1,8,32", help="sentences at the same time, with commas between")
    parser.add_argument("--length", type=int, default=24, help="ids of every translation")
    parser.add_argument("--rounds", type=int, default=2, help="how many times `together` sentences are in a turn")
    parser.add_argument("--precisions", default="", help="of fp32, int8, fp16; on the CPU the first two, else the last")
    options = parser.parse_args()
    sys.exit(not _report(options))


def _report(options: argparse.Namespace) -> bool:
    device = _device()
    precisions = options.precisions.split(",") if options.precisions else PRECISIONS[device]
    title = f"{options.model} (random weights) on {chosen(device).name}, {options.threads} thread(s), tokens/s"
    table = Rows(title, COLUMNS)
    goals: dict[str, Goal] = {}
    for setting in _settings(options, device, precisions):
        measured = _measured(setting, options.pairs, options.rounds)
        _add(table, setting, measured)
        if setting.precision == precisions[0]:
            goals = _goals(setting, measured)  # in the end, of the most at the same time
    return finish("mt_engines", [table], goals)


def _settings(options: argparse.Namespace, device: Device, precisions: Sequence[Precision]) -> list[Setting]:
    bundle = MADE / options.model
    if not _complete(bundle):
        made(options.model, MADE, ("int8", "fp16"))
    return [
        Setting(bundle, device, options.threads, precision, together, options.length)
        for precision in precisions
        for together in map(int, options.together.split(","))
    ]


def _complete(bundle: Path) -> bool:
    return all((bundle / f"encoder_model{variant}.onnx").exists() for variant in ("", "_quantized", "_fp16"))


def _measured(setting: Setting, turns: int, rounds: int) -> Measured:
    """The arms take turns; who begins changes with every turn."""
    measured = Measured()
    sources = _sources(max(rounds * setting.together, WARM_SENTENCES), turns)
    with ExitStack() as stack:
        every = arms(setting, stack)
        for arm in every:
            arm.translated(sources[: setting.together])
        for turn in range(turns):
            for arm in (*every[turn % len(every) :], *every[: turn % len(every)]):
                _take_turn(arm, sources, measured)
    return measured


def _take_turn(arm: Arm, sources: Sequence[Sequence[int]], measured: Measured) -> None:
    begun = time.perf_counter()
    measured.answers[arm.name] = arm.translated(sources)
    measured.seconds.setdefault(arm.name, []).append(time.perf_counter() - begun)


def _sources(count: int, seed: int) -> list[list[int]]:
    """Ids of sentences of all usual lengths; the end is 0."""
    chance = random.Random(seed)
    return [[*chance.choices(range(4, 150), k=chance.randint(*SOURCE_LENGTHS)), 0] for _ in range(count)]


def _add(table: Rows, setting: Setting, measured: Measured) -> None:
    tokens = setting.length * len(measured.answers["ours"])
    speeds = {name: tokens / median(seconds) for name, seconds in measured.seconds.items()}
    others = [name for name in OTHERS if name in measured.seconds]
    ratios = {name: measured.ratio(name) for name in others}
    same = {name: measured.same(name, setting.length) for name in others}
    table.add(
        setting.precision,
        setting.together,
        speeds["ours"],
        *(speeds.get(name) for name in OTHERS),
        *(ratios.get(name) for name in OTHERS),
        *(same.get(name) for name in OTHERS),
    )


def _goals(setting: Setting, measured: Measured) -> dict[str, Goal]:
    """Of one setting. In fp32 all must find the same ids: how each rounds does not change which is likeliest."""
    found = {
        "mt_engines.vs_ctranslate2": at_least(measured.ratio("CTranslate2"), 1.0),
        "mt_engines.vs_transformers": at_least(measured.ratio("transformers"), 3.0),
    }
    if setting.precision == "fp32":
        found["mt_engines.same_ids"] = at_least(min(measured.same(name, setting.length) for name in OTHERS), 1.0)
    if setting.device == "cuda":
        found["G2"] = at_least(measured.ratio("CTranslate2"), 1.0)
    return found


def _device() -> Device:
    return "cuda" if torch.cuda.is_available() else "cpu"
