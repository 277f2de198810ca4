"""The comparison that bench/translation/mt_engines.py makes, in an environment that has all three."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.measuring.report import Goal, Rows, at_least, finish
from bench.translation import mt_served
from bench.translation.mt_arms import Arm, Device, OursArm, Setting, arms
from bench.translation.mt_turns import Measured, Race, Turn, sources
from services.common.errors import InvalidArgument
from services.common.neural.devices import Device as DeviceFound
from services.common.neural.devices import chosen
from services.mt.engines.onnx.loading import SUFFIXES, Precision

MADE = Path(__file__).parents[1] / "out" / "models"
LEAST_SENTENCES = 2
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
    "bytes host<->device per token",
)


def compare(description: str | None) -> None:
    """Prints the tables; ends with status 1 when a goal was missed."""
    parser = argparse.ArgumentParser(
        "mt_engines", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="marian-base-random", help="one of tests/models/mt/random_models.py")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--pairs", type=int, default=5, help="turns of each arm")
    parser.add_argument("--threads", type=int, default=1, help="of a computation on the CPU")
    parser.add_argument("--together", default="1,8,32", help="sentences at the same time, with commas between")
    parser.add_argument("--length", type=int, default=24, help="ids of every translation")
    parser.add_argument("--rounds", type=int, default=2, help="how many times `together` sentences are in a turn")
    parser.add_argument("--callers", type=int, default=16, help="calls that come by themselves; 0: none")
    parser.add_argument("--gap", type=float, default=20.0, metavar="MS", help="between two of them, on average")
    parser.add_argument("--others", default=",".join(OTHERS), help="that ours is beside, of transformers, CTranslate2")
    parser.add_argument("--precisions", default="", help="of fp32, int8, fp16; on the CPU the first two, else the last")
    options = parser.parse_args()
    try:
        device = chosen(options.device)
    except InvalidArgument as fault:
        print(f"Skipped, it needs a GPU: {fault}")
        return
    sys.exit(not _report(options, device))


def _report(options: argparse.Namespace, on: DeviceFound) -> bool:
    device = on.kind
    precisions = options.precisions.split(",") if options.precisions else PRECISIONS[device]
    title = f"{options.model} (random weights) on {on.name}, {options.threads} thread(s), tokens/s"
    table, served = Rows(title, COLUMNS), mt_served.table(options.callers, options.gap)
    goals: dict[str, Goal] = {}
    others = [each for each in options.others.split(",") if each]
    settings = _settings(options, device, precisions)
    for setting in settings:
        found, per_token = _measured(setting, others, options.pairs, options.rounds)
        _add(table, setting, found, per_token)
        if setting.precision == precisions[0]:
            goals = _goals(setting, found)  # in the end, of the most at the same time
    for precision in precisions if options.callers else ():
        setting = replace(settings[0], precision=precision, together=options.callers)
        found = mt_served.measured(setting, others, options.pairs, options.gap)
        mt_served.add(served, precision, found)
        goals |= mt_served.goals(found) if precision == precisions[0] else {}
    name = "mt_engines" if device == "cpu" else f"mt_engines-{device}"
    return finish(name, [table, served] if options.callers else [table], goals)


def _settings(options: argparse.Namespace, device: Device, precisions: Sequence[Precision]) -> list[Setting]:
    bundle = MADE / options.model
    if not _complete(bundle, precisions):
        from tests.models.mt.random_models import made  # noqa: PLC0415 - needs torch, and Optimum

        made(options.model, MADE, [each for each in precisions if each != "fp32"])
    return [
        Setting(bundle, device, options.threads, precision, together, options.length)
        for precision in precisions
        for together in map(int, options.together.split(","))
    ]


def _complete(bundle: Path, precisions: Sequence[Precision]) -> bool:
    return all((bundle / f"encoder_model{SUFFIXES[each]}.onnx").exists() for each in precisions)


def _measured(setting: Setting, others: Sequence[str], turns: int, rounds: int) -> tuple[Measured, float]:
    """All sentences are there from the beginning; and bytes that cross for each token of ours."""
    asked = sources(max(rounds * setting.together, LEAST_SENTENCES), turns)

    def take(arm: Arm) -> Turn:
        begun = time.perf_counter()
        answers = arm.translated(asked)
        return Turn(time.perf_counter() - begun, answers)

    with ExitStack() as stack:
        every = arms(setting, others, stack)
        (ours,) = (arm for arm in every if isinstance(arm, OursArm))
        before = ours.crossed
        found = Race(every, take).run(turns, setting.length)
        return found, (ours.crossed - before) / ((turns + 1) * len(asked) * setting.length)


def _add(table: Rows, setting: Setting, found: Measured, per_token: float) -> None:
    table.add(
        setting.precision,
        setting.together,
        found.speed("ours"),
        *(found.speed(name) for name in OTHERS),
        *(found.ratio(name) for name in OTHERS),
        *(found.same(name) for name in OTHERS),
        per_token,
    )


def _goals(setting: Setting, found: Measured) -> dict[str, Goal]:
    """Of one setting. In fp32 all must find the same ids: how each rounds does not change which is likeliest."""
    ratios = {name: found.ratio(name) for name in OTHERS}
    bounds = {"mt_engines.vs_ctranslate2": ("CTranslate2", 1.0), "mt_engines.vs_transformers": ("transformers", 3.0)}
    if setting.device == "cuda":
        bounds["G2"] = ("CTranslate2", 1.0)
    reached = {
        goal: at_least(ratio, bound) for goal, (name, bound) in bounds.items() if (ratio := ratios[name]) is not None
    }
    if setting.precision == "fp32":
        same = [share for name in OTHERS if (share := found.same(name)) is not None]
        reached["mt_engines.same_ids"] = at_least(min(same, default=0.0), 1.0)
    return reached
