"""A small ledger in which all is well, and what can be wrong with one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from bench.chaos import speech

Lines = list[dict[str, Any]]

SPEAKER = 7
SEGMENTS = 8
CLAUSE_MS = 240


def clean() -> Lines:
    """What a session of some utterances, in one language, sends and gets."""
    lines: Lines = [_line("session", name="python-007", speaker=SPEAKER, targets=["es"], client="python")]
    lines.append(_line("ready", limits={"max_term_length": 61}, resume_offset_ms=0))
    said = speech.utterances(SPEAKER, 0, speech.samples(speech.LEAD_MS + SEGMENTS * speech.PERIOD_MS))
    for number, each in enumerate(said, start=1):
        lines += _segment(number, each)
    lines += [_line("end", target_lang="es"), _line("end", target_lang=""), _line("over")]
    for number, line in enumerate(lines):
        line["t"] = 100.0 + number / 10
    return lines


def _segment(number: int, said: speech.Utterance) -> Lines:
    text = " ".join(said.words).capitalize() + "."
    part = " ".join(said.words[:2]).capitalize()
    place = {"segment_id": number, "start_ms": said.from_ms, "end_ms": said.to_ms}
    translated = " ".join(f"{word}-es" for word in said.words).capitalize() + "."
    spoken = {"segment_id": number, "target_lang": "es", "sample_rate": 8000, "data_bytes": 16 * CLAUSE_MS}
    times = {"captured_ms": said.to_ms, "recognized_ms": said.to_ms + 300, "translated_ms": said.to_ms + 310}
    return [
        _line("audio", offset_ms=said.from_ms, ms=said.to_ms - said.from_ms),
        _line("utterance", from_ms=said.from_ms, to_ms=said.to_ms, words=list(said.words)),
        _line("asr", **place, text=part, revision=1, stable_length=len(part), final=False, corrected=False),
        _line("asr", **place, text=text, revision=2, stable_length=len(text), final=True, corrected=False),
        _line("translation", **_into_es(place, "", 1, False)),
        _line("translation", **_into_es(place, translated, 2, True)),
        _line("tts", **spoken, text=translated, offset_ms=(number - 1) * CLAUSE_MS, last=True),
        _line("latency", segment_id=number, target_lang="es", **times, sent_ms=said.to_ms + 400),
        _line("ack", finalized_offset_ms=said.to_ms + 200, resume_handle=""),
    ]


def _into_es(place: dict[str, int], text: str, revision: int, final: bool) -> dict[str, Any]:
    return {
        **place,
        "target_lang": "es",
        "text": text,
        "revision": revision,
        "stable_length": len(text),
        "final": final,
    }


def _line(kind: str, **rest: Any) -> dict[str, Any]:
    return {"t": 0.0, "kind": kind, **rest}


def _final(lines: Lines, kind: str, number: int) -> int:
    found = (each for each, line in enumerate(lines) if line["kind"] == kind and line.get("segment_id") == number)
    return next(each for each in found if lines[each].get("final", True))


def _without(kind: str) -> Callable[[Lines], None]:
    def broken(lines: Lines) -> None:
        del lines[_final(lines, kind, 3)]

    return broken


def _twice(kind: str) -> Callable[[Lines], None]:
    def broken(lines: Lines) -> None:
        at = _final(lines, kind, 3)
        lines.insert(at + 1, copy.deepcopy(lines[at]))

    return broken


def _swapped(lines: Lines) -> None:
    one, other = _final(lines, "translation", 3), _final(lines, "translation", 4)
    lines[one], lines[other] = lines[other], lines[one]


def _changed(kind: str, **fields: Any) -> Callable[[Lines], None]:
    def broken(lines: Lines) -> None:
        lines[_final(lines, kind, 3)].update(fields)

    return broken


def _taken_back(lines: Lines) -> None:
    at = _final(lines, "asr", 3)
    lines[at - 1]["text"] = "Something else"
    lines[at - 1]["stable_length"] = 9


def _shifted(lines: Lines) -> None:
    for line in lines:
        if line.get("segment_id") == 5 and "start_ms" in line:
            line["start_ms"] += 400
            line["end_ms"] += 400


def _a_word_less(lines: Lines) -> None:
    line = lines[_final(lines, "translation", 3)]
    line["text"] = line["text"].rsplit(" ", 1)[0]
    line["stable_length"] = len(line["text"])


def _unfinished(lines: Lines) -> None:
    del lines[-2]


def _failed(lines: Lines) -> None:
    lines.insert(-1, {**_line("failed", code="CONNECTION_LOST", message="", retry_after_ms=0), "t": lines[-1]["t"]})


# What is broken, and the kind of fault it is.
BROKEN: dict[str, tuple[Callable[[Lines], None], str]] = {
    "a final transcript is missing": (_without("asr"), "lost"),
    "a final translation is missing": (_without("translation"), "lost"),
    "a translation lacks a word": (_a_word_less, "lost"),
    "a final transcript came twice": (_twice("asr"), "doubled"),
    "a final translation came twice": (_twice("translation"), "doubled"),
    "translations changed places": (_swapped, "reordered"),
    "a revision fell": (_changed("asr", revision=1), "reordered"),
    "concluded text was taken back": (_taken_back, "taken_back"),
    "a segment lies elsewhere": (_shifted, "misplaced"),
    "speech is missing": (_without("tts"), "misplaced"),
    "something else was said": (_changed("tts", text="otra cosa"), "unsaid"),
    "another session's words": (_changed("asr", text="S8w23 s8w24 s8w25 s8w26."), "foreign"),
    "the session failed": (_failed, "errors"),
    "the session has no end": (_unfinished, "unfinished"),
}
