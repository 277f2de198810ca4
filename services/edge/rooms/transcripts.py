"""What was said in a room, by speaker and language, in the forms in which people keep it. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from services.edge.rest.subtitles import Line, srt, vtt
from services.edge.rooms.record import Record, Segment
from services.edge.rooms.values import SPOKEN

JSON, SRT, VTT, TXT, MINUTES = "json", "srt", "vtt", "txt", "minutes"
FORMS = {
    JSON: "application/json",
    SRT: "application/x-subrip",
    VTT: "text/vtt",
    TXT: "text/plain",
    MINUTES: "text/plain",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A final segment of one speaker, in the language that was asked for."""

    at_ms: int  # of Unix time
    length_ms: int
    speaker: str
    name: str
    lang: str
    text: str
    segment: Segment


def said(records: Iterable[Record], lang: str, speaker: str = "") -> list[Said]:
    """Return the final segments in a language, or as they were spoken, in the order in which they began."""
    found = [each for record in records if speaker in ("", record.speaker) for each in _of(record, lang)]
    return sorted(found, key=lambda each: (each.at_ms, each.speaker))


def _of(record: Record, lang: str) -> Iterator[Said]:
    name = record.state.name or record.speaker
    for segment in record.segments.values():
        result = segment.transcript if record.speaks(lang) else segment.translations.get(lang)
        if result is None or not result.final or not result.text:
            continue
        whole = getattr(result, "retranslation", "") or result.text
        at_ms = record.state.began_ms + result.start_ms
        length_ms = result.end_ms - result.start_ms
        yield Said(at_ms, length_ms, record.speaker, name, lang or segment.transcript.lang, whole, segment)


def written(lines: Sequence[Said], form: str, room: str) -> str:
    """Return a transcript in one of the forms."""
    began_ms = lines[0].at_ms if lines else 0
    match form:
        case "srt" | "vtt":
            cues = [
                Line(each.at_ms - began_ms, each.at_ms - began_ms + each.length_ms, f"{each.name}: {each.text}")
                for each in lines
            ]
            return srt(cues) if form == SRT else vtt(cues)
        case "txt":
            return "".join(f"[{_clock(each.at_ms)}] {each.name}: {each.text}\n" for each in lines)
        case "minutes":
            return _minutes(lines, room)
    return json.dumps({"room": room, "segments": [_told(each) for each in lines]}, ensure_ascii=False, indent=1)


def _told(line: Said) -> dict[str, object]:
    transcript = line.segment.transcript
    return {
        "at_ms": line.at_ms,
        "length_ms": line.length_ms,
        "speaker": line.speaker,
        "name": line.name,
        "segment_id": transcript.segment_id,
        "lang": line.lang,
        "text": line.text,
        "source": {"lang": transcript.lang, "text": transcript.text},
        "translations": {lang: each.text for lang, each in line.segment.translations.items() if each.final},
    }


def _minutes(lines: Sequence[Said], room: str) -> str:
    """Return what was said as minutes: when, who spoke for how long, and one paragraph for each turn."""
    if not lines:
        return f"# {room}\n\nNothing was said.\n"
    ended_ms = max(each.at_ms + each.length_ms for each in lines)
    parts = [f"# {room}\n", f"{_day(lines[0].at_ms)}, {_clock(lines[0].at_ms)} to {_clock(ended_ms)} UTC\n"]
    spoken: dict[str, int] = {}
    for each in lines:
        spoken[each.name] = spoken.get(each.name, 0) + each.length_ms
    parts.append("\n".join(f"- {name}: {length // 1000} s" for name, length in spoken.items()) + "\n")
    for _, turn in groupby(lines, key=lambda each: each.speaker):
        turns = list(turn)
        parts.append(f"**{turns[0].name}** ({_clock(turns[0].at_ms)}): {' '.join(each.text for each in turns)}\n")
    return "\n".join(parts)


def _clock(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M:%S")


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d")


def as_spoken(lang: str) -> str:
    """Return a language as it is asked for; "spoken" stands for everybody's own words."""
    return SPOKEN if lang == "spoken" else lang
