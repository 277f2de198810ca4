"""What must hold of every session, recomputed from its ledger: nothing lost, doubled, out of order or taken back.

    python -m bench.chaos.checks FOLDER

A second opinion to tests/chaos/node/check.mjs, for machines without Node. Pure but for the reading of files.
"""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import TypeAlias

from bench.chaos.ledger import Line, read_all

Fault: TypeAlias = tuple[str, str]  # its kind and what it is

KINDS = ("lost", "doubled", "reordered", "taken_back", "misplaced", "unsaid", "foreign", "errors", "unfinished")
MISPLACED_MS = 150  # further off than a window of the VAD and the silence it needs can explain
SETTLED = 5  # segments whose places are the measure of the later ones


@dataclass(slots=True)
class Findings:
    """What a folder of ledgers shows."""

    sessions: int = 0
    segments: int = 0
    words: int = 0
    drift_ms: float = 0.0
    faults: dict[str, list[str]] = field(default_factory=lambda: {kind: [] for kind in KINDS})

    def counts(self) -> dict[str, int]:
        """How many faults of each kind."""
        return {kind: len(found) for kind, found in self.faults.items()}


def main() -> None:
    """Prints each fault; ends with status 1 when there is one."""
    found = check(read_all(Path(sys.argv[1])))
    for kind, faults in found.faults.items():
        for fault in faults:
            print(f"{kind}: {fault}")
    print(f"{found.sessions} sessions, {found.segments} segments, {found.words} words, drift {found.drift_ms:.0f} ms")
    sys.exit(any(found.counts().values()))


def check(ledgers: Mapping[str, Sequence[Line]]) -> Findings:
    """All sessions."""
    found = Findings()
    for name, lines in ledgers.items():
        one = Session([line for line in lines if not line.get("dropped")])
        found.sessions += 1
        found.segments += len(one.finals)
        found.words += sum(len(each["words"]) for each in one.of("utterance"))
        found.drift_ms = max(found.drift_ms, one.drift_ms())
        for kind, fault in one.faults():
            found.faults[kind].append(f"{name}: {fault}")
    return found


class Session:
    """One session's ledger, without what its client had dropped."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._lines = lines
        self._speaker = lines[0]["speaker"]
        self.targets: Sequence[str] = lines[0]["targets"]
        self.finals = [line for line in self.of("asr") if line["final"]]

    def of(self, kind: str) -> list[Line]:
        """The lines of one kind."""
        return [line for line in self._lines if line["kind"] == kind]

    def faults(self) -> Iterator[Fault]:
        """Whatever is wrong."""
        yield from self._ends()
        again = [line["t"] for line in self.of("ready")[1:] if self._lines[0]["client"] == "node"]
        yield from _results("transcript", self.of("asr"), again)
        yield from self._words("transcript", self.finals, "")
        for lang in self.targets:
            translations = [line for line in self.of("translation") if line["target_lang"] == lang]
            finals = [line for line in translations if line["final"]]
            yield from _results(lang, translations, again)
            yield from self._words(lang, finals, f"-{lang}")
            yield from self._voice(lang, finals)
        yield from self._places()

    def drift_ms(self) -> float:
        """How far a segment's bounds move against the speech, from where they were in the first segments."""
        biases = [bias for _, bias in self._biases()]
        if len(biases) <= SETTLED:
            return 0.0
        usual = [median(bias[side] for bias in biases[:SETTLED]) for side in (0, 1)]
        return max(abs(bias[side] - usual[side]) for bias in biases for side in (0, 1))

    def _ends(self) -> Iterator[Fault]:
        for line in self.of("failed") + self.of("error"):
            yield "errors", f"{line['kind']} {line['code']}"
        ends = [line["target_lang"] for line in self.of("end")]
        if sorted(ends[:-1]) != sorted(self.targets) or ends[-1:] != [""]:
            yield "unfinished", f"ends: {ends}"
        if not self.of("over"):
            yield "unfinished", "it was not heard out"

    def _words(self, name: str, finals: Sequence[Line], suffix: str) -> Iterator[Fault]:
        """Every word that was said is there once, in order, and no other."""
        heard = [word for line in finals for word in _plain(line["text"])]
        expected = [f"{word}{suffix}" for each in self.of("utterance") for word in each["words"]]
        if not expected:
            return
        for word, count in Counter(heard).items():
            if count > 1:
                yield "doubled", f"{name}: {word} {count} times"
        excused = {f"{word}{suffix}" for word in self._excused(suffix)}
        there = {*heard, *excused}
        for word in expected:
            if word not in there:
                yield "lost", f"{name}: {word}"
        for before, after in pairwise(heard):
            if _place(after) < _place(before):
                yield "reordered", f"{name}: {after} after {before}"
        for word in heard:
            if not word.startswith(f"s{self._speaker}w"):
                yield "foreign", f"{name}: {word}"

    def _excused(self, suffix: str) -> Iterator[str]:
        """The words that were announced as left out."""
        flows = self.of("flow")
        gaps = [gap for line in flows for gap in line["gaps"]]
        given_up = {less["segment_id"] for line in flows for less in line["degraded"] if _gives_up(less)}
        cut = [line for line in self.finals if suffix and line["segment_id"] in given_up]
        spans = [(gap["from_ms"], gap["to_ms"]) for gap in gaps] + [(line["start_ms"], line["end_ms"]) for line in cut]
        for each in self.of("utterance"):
            if any(start < each["to_ms"] and end > each["from_ms"] for start, end in spans):
                yield from each["words"]

    def _voice(self, lang: str, finals: Sequence[Line]) -> Iterator[Fault]:
        """Speech has no gap on its own clock, and is the final translation; what is left out by name counts as said."""
        position = 0.0
        said: dict[int, list[str]] = defaultdict(list)
        for line in self._lines:
            if line["kind"] == "tts" and line["target_lang"] == lang:
                if abs(line["offset_ms"] - position) > 1:
                    yield "misplaced", f"{lang}: speech at {line['offset_ms']} ms instead of {position:.0f}"
                position = line["offset_ms"] + line["data_bytes"] / 2 * 1000 / line["sample_rate"]
                said[line["segment_id"]] += line["text"].split()
            elif line["kind"] == "flow":
                for less in line["degraded"]:
                    if less["stage"] == "STAGE_TTS" and less["target_lang"] in (lang, ""):
                        said[less["segment_id"]] += less["text"].split()
        for line in finals:
            if said[line["segment_id"]] != line["text"].split():
                spoken = len(said[line["segment_id"]])
                yield "unsaid", f"{lang}: segment {line['segment_id']}: {spoken} words of {len(line['text'].split())}"

    def _places(self) -> Iterator[Fault]:
        for segment_id, bias in self._biases():
            if max(abs(each) for each in bias) > MISPLACED_MS:
                yield "misplaced", f"segment {segment_id} is off by {bias} ms"

    def _biases(self) -> list[tuple[int, tuple[int, int]]]:
        """By segment, how far it starts and ends from the one utterance it holds."""
        found = []
        for line in self.finals:
            held = [each for each in self.of("utterance") if _overlap(each, line)]
            if len(held) == 1 and len(_plain(line["text"])) == len(held[0]["words"]):
                bias = (line["start_ms"] - held[0]["from_ms"], line["end_ms"] - held[0]["to_ms"])
                found.append((line["segment_id"], bias))
        return found


def _results(name: str, results: Sequence[Line], again: Sequence[float]) -> Iterator[Fault]:
    """Of one language. At some instants a bare client resumed: what it gets then is made, and numbered, again."""
    finals = [line["segment_id"] for line in results if line["final"]]
    for segment, count in Counter(finals).items():
        if count > 1:
            yield "doubled", f"{name}: {count} finals of segment {segment}"
    if finals != sorted(finals):
        yield "reordered", f"{name}: finals of segments {finals}"
    numbers = {line["segment_id"] for line in results}
    for missing in sorted((numbers | set(range(1, max(numbers, default=0) + 1))) - set(finals)):
        yield "lost", f"{name}: no final of segment {missing}"
    by_segment: dict[int, list[Line]] = defaultdict(list)
    for line in results:
        by_segment[line["segment_id"]].append(line)
    for segment, lines in by_segment.items():
        for before, after in pairwise(lines):
            renumbered = any(before["t"] < instant <= after["t"] for instant in again)
            yield from _succession(f"{name}: segment {segment}", before, after, renumbered)


def _succession(where: str, before: Line, after: Line, renumbered: bool) -> Iterator[Fault]:
    if before["final"]:
        yield "doubled", f"{where}: something after its final"
    if after["revision"] <= before["revision"] and not renumbered:
        yield "reordered", f"{where}: revision {after['revision']} after {before['revision']}"
    concluded = before["text"][: before["stable_length"]]
    if not after.get("corrected") and not after["text"][: after["stable_length"]].startswith(concluded):
        yield "taken_back", f"{where}: revision {after['revision']}"


def _gives_up(less: Line) -> bool:
    return less["stage"] == "STAGE_MT" and not less["over"] and bool(less["segment_id"])


def _overlap(utterance: Line, final: Line) -> bool:
    return bool(utterance["from_ms"] < final["end_ms"] and final["start_ms"] < utterance["to_ms"])


def _plain(text: str) -> list[str]:
    return [word.strip(".,").lower() for word in text.split()]


def _place(word: str) -> int:
    digits = word.partition("w")[2].partition("-")[0]
    return int(digits) if digits.isdigit() else 0


if __name__ == "__main__":
    main()
