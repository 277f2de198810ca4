"""From the events of a session to the words and sounds that metrics are made of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import babelmesh
from bench.measuring.metrics import Emission, Erasure, Sound, common_length, erasure
from bench.measuring.take import Take
from bench.sessions.simulstream import SPACE, Step
from realtime.v1 import realtime_translate_pb2 as pb


def concluded_words(take: Take, lang: str) -> list[Emission]:
    """The words of a target's final text, each with the moment it was concluded: shown, and not to change again."""
    return [word for states in _segments(take, lang).values() for word in _emitted(states, concluded=True)]


def shown_words(take: Take, lang: str) -> list[Emission]:
    """The words of a target's final text, each with the moment from which it stood there unchanged."""
    return [word for states in _segments(take, lang).values() for word in _emitted(states, concluded=False)]


def transcribed_words(take: Take) -> list[Emission]:
    """The words of the transcript, each with the moment from which it was settled: shown, and not to change again."""
    segments: dict[int, list[State]] = {}
    for at, result in take.events:
        if isinstance(result, babelmesh.AsrResult):
            state = (min(at, result.end_ms / 1000 or at), at, result)
            segments.setdefault(result.segment_id, []).append(state)
    return [word for _, states in sorted(segments.items()) for word in _emitted(states, concluded=True)]


def caption_erasure(take: Take, lang: str) -> Erasure:
    """Words of a target's captions that were shown and taken back."""
    each = [erasure([shown.text for _, _, shown in states]) for states in _segments(take, lang).values()]
    return Erasure(sum(one.deleted for one in each), sum(one.final for one in each))


def caption_steps(take: Take, lang: str) -> tuple[Step, ...]:
    """A target's captions as they were shown and taken back, one text from the first segment to the last."""
    shown: dict[int, list[str]] = {}
    steps = []
    for ideal, elapsed, result in states(take, lang):
        before = [word for _, words in sorted(shown.items()) for word in words]
        shown[result.segment_id] = result.text.split()
        now = [word for _, words in sorted(shown.items()) for word in words]
        kept = common_length(before, now)
        generated, deleted = (tuple(SPACE + word for word in words[kept:]) for words in (now, before))
        steps.append(Step(ideal, elapsed - ideal, generated, deleted))
    return tuple(steps)


def sounds(take: Take, lang: str) -> list[Sound]:
    """The speech of a target, as it arrived."""
    return [Sound(at, len(chunk.data) / 2 / chunk.sample_rate) for at, chunk in take.chunks(lang)]


State = tuple[float, float, babelmesh.TranslationResult | babelmesh.AsrResult]  # ideal, elapsed, what was shown


def states(take: Take, lang: str) -> Iterator[State]:
    """Each translation of a target, with the audio it took and the moment it came.

    An interim result takes the audio it was made from; a final also the silence that ended the segment.
    """
    ended = {
        event.offset_ms
        for _, event in take.events
        if isinstance(event, babelmesh.SpeechEvent) and event.type == pb.SPEECH_EVENT_TYPE_SOURCE_ENDED
    }
    for at, result in take.translations(lang):
        consumed_ms = result.end_ms
        if result.final and result.end_ms in ended:
            consumed_ms += take.trailing_silence_ms
        yield min(at, consumed_ms / 1000), at, result


def _segments(take: Take, lang: str) -> dict[int, list[State]]:
    segments: dict[int, list[State]] = {}
    for state in states(take, lang):
        segments.setdefault(state[2].segment_id, []).append(state)
    return dict(sorted(segments.items()))


def _emitted(states: Sequence[State], concluded: bool) -> list[Emission]:
    emitted: list[Emission] = []
    for ideal, elapsed, shown in states:
        text = shown.text[: shown.stable_length] if concluded and not shown.final else shown.text
        words = text.split()
        kept = common_length([word.text for word in emitted], words)
        emitted = emitted[:kept] + [Emission(word, ideal, elapsed) for word in words[kept:]]
    return emitted
