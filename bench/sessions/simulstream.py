"""The log of simulstream (FBK, Apache-2.0), so that its scorers, and others that read it, can judge a session.

One JSON object a line: first `{"id", "metadata": {"wav_name"}}` of a recording, then what each step of it generated and
took back: `{"id", "total_audio_processed", "computation_time", "generated_tokens", "deleted_tokens"}`, in seconds of
audio and of computing, and sentencepiece's tokens: a word starts with its marker.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path

from bench.measuring.metrics import Emission

SPACE = "\u2581"


@dataclass(frozen=True, slots=True)
class Step:
    """A change of the output: the last words taken back, others put there."""

    audio_seconds: float  # processed so far
    computation_seconds: float  # from that audio's last sample to the output
    generated: tuple[str, ...]
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Logged:
    """The steps of one recording."""

    name: str
    steps: tuple[Step, ...]


def write_log(path: Path, recordings: Iterable[Logged]) -> None:
    """Writes a log over whatever was there."""
    lines = []
    for number, recording in enumerate(recordings):
        lines.append({"id": number, "metadata": {"wav_name": recording.name}})
        lines += [
            {
                "id": number,
                "total_audio_processed": step.audio_seconds,
                "computation_time": step.computation_seconds,
                "generated_tokens": step.generated,
                "deleted_tokens": step.deleted,
            }
            for step in recording.steps
        ]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def read_log(path: Path) -> list[Logged]:
    """The recordings of a log, in their order."""
    names: dict[int, str] = {}
    steps: dict[int, list[Step]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if "metadata" in entry:
            names[entry["id"]] = Path(entry["metadata"]["wav_name"]).stem
            steps[entry["id"]] = []
        elif "id" in entry:
            steps[entry["id"]].append(
                Step(
                    entry["total_audio_processed"],
                    entry["computation_time"],
                    tuple(entry["generated_tokens"]),
                    tuple(entry["deleted_tokens"]),
                )
            )
    return [Logged(name, tuple(steps[number])) for number, name in names.items()]


def emissions(steps: Iterable[Step]) -> list[Emission]:
    """The words that were left in the end, each with the moment its last token was generated."""
    tokens: list[Emission] = []
    for step in steps:
        tokens = tokens[: len(tokens) - len(step.deleted)]
        elapsed = step.audio_seconds + step.computation_seconds
        tokens += [Emission(token, step.audio_seconds, elapsed) for token in step.generated]
    words: list[Emission] = []
    for token in tokens:
        begun = "" if token.text.startswith(SPACE) or not words else words.pop().text
        words.append(replace(token, text=begun + token.text.removeprefix(SPACE)))
    return words


def steps_of(words: Sequence[Emission]) -> tuple[Step, ...]:
    """The steps of an output that only grows."""
    together = groupby(words, key=lambda word: (word.ideal, word.elapsed))
    return tuple(
        Step(ideal, elapsed - ideal, tuple(SPACE + word.text for word in group)) for (ideal, elapsed), group in together
    )


def deleted_count(steps: Iterable[Step]) -> int:
    """Tokens taken back."""
    return sum(len(step.deleted) for step in steps)
