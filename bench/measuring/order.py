"""What must hold for the events of any session, whatever was said: checked from outside, on every measured one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import pairwise

import babelmesh
from bench.measuring.take import Take

Result = babelmesh.AsrResult | babelmesh.TranslationResult


def faults(take: Take) -> list[str]:
    """One line for each thing that was lost, said twice, taken back or out of order."""
    events = [event for _, event in take.events]
    transcripts = [event for event in events if isinstance(event, babelmesh.AsrResult)]
    spoken = {each.segment_id for each in transcripts if each.final}
    found = [f"error {event.code}" for event in events if isinstance(event, babelmesh.Error)]
    found += _results("transcript", transcripts)
    for lang in take.targets:
        translations = [each for _, each in take.translations(lang)]
        found += _results(lang, translations)
        if {each.segment_id for each in translations if each.final} != spoken:
            found.append(f"{lang}: not every segment has a final translation")
        found += _speech(lang, take)
    ends = [event.target_lang for event in events if isinstance(event, babelmesh.End)]
    if sorted(ends[:-1]) != sorted(take.targets) or ends[-1:] != [""]:
        found.append(f"ends: {ends}")
    return found


def _results(name: str, results: Iterable[Result]) -> list[str]:
    found, finals = [], []
    by_segment: dict[int, list[Result]] = defaultdict(list)
    for result in results:
        by_segment[result.segment_id].append(result)
        if result.final:
            finals.append(result.segment_id)
    if finals != list(range(1, len(finals) + 1)):
        found.append(f"{name}: finals of segments {finals}")
    for segment_id, revisions in by_segment.items():
        found += [f"{name} {segment_id}: {fault}" for fault in _revisions(revisions)]
    return found


def _revisions(revisions: list[Result]) -> list[str]:
    found = []
    if not revisions[-1].final or sum(each.final for each in revisions) != 1:
        found.append("its last result is not its one final")
    for before, after in pairwise(revisions):
        if after.revision <= before.revision:
            found.append("revisions do not rise")
        corrected = isinstance(after, babelmesh.AsrResult) and after.corrected
        concluded = before.text[: before.stable_length]
        if not corrected and after.text[: before.stable_length] != concluded:
            found.append("concluded text was taken back")
    return found


def _speech(lang: str, take: Take) -> list[str]:
    found, samples, segment_id = [], 0, 0
    for _, chunk in take.chunks(lang):
        if abs(chunk.offset_ms - samples * 1000 / chunk.sample_rate) > 1:
            found.append(f"{lang}: speech at {chunk.offset_ms} ms does not follow what came before")
        if chunk.segment_id < segment_id:
            found.append(f"{lang}: speech of segment {chunk.segment_id} after that of {segment_id}")
        samples += len(chunk.data) // 2
        segment_id = chunk.segment_id
    return found + [f"{lang}: what was said of segment {number} is not its text" for number in misspoken(lang, take)]


def misspoken(lang: str, take: Take) -> list[int]:
    """The segments whose speech is not their final translation, word for word: something said was taken back, or lost.

    Clauses left out by name count as said.
    """
    said: dict[int, list[str]] = defaultdict(list)
    for _, event in take.events:
        match event:
            case babelmesh.TtsChunk() if event.target_lang == lang:
                said[event.segment_id] += event.text.split()
            case babelmesh.Flow():
                for less in event.degraded:
                    if less.target_lang == lang:
                        said[less.segment_id] += less.text.split()
    finals = {each.segment_id: each.text.split() for _, each in take.translations(lang) if each.final}
    return [number for number, words in said.items() if words != finals.get(number)]
