"""What a session tells of itself, by the metrics of services/common/metrics.toml: languages and numbers, never a word.

Most is made of the messages behind their writing, so that it counts what the client was really sent: an interim result
that a newer one replaced was never shown, and took nothing back.

Waits are counted from when audio was captured, by the session's clock, which a resumed session keeps. Left out are a
recording that comes faster than real time, for which nobody waits, and a session resumed without its clock. Typed text
was never captured: first word and first audio count from its segment's first text, lag and steps from when the text was
complete. It is neither received nor recognized.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TypeAlias

from opentelemetry.metrics import Histogram

from realtime.v1 import realtime_translate_pb2 as pb
from services.common.audio.pcm import ASR_RATE
from services.common.telemetry import metrics
from services.gateway.account.ledger import Delivered, Ledger, Outcome
from services.gateway.outgoing import closed
from services.gateway.values.continuation import Continuation, SegmentContinuation, beginning

_FIRST = {"word": metrics.histogram("babelmesh.first_word"), "audio": metrics.histogram("babelmesh.first_audio")}
_LAG = metrics.histogram("babelmesh.lag")
_STEP = metrics.histogram("babelmesh.segment.step")
_SEGMENTS = metrics.counter("babelmesh.segments")
_ERASED = metrics.counter("babelmesh.tokens.erased")
_FINAL = metrics.counter("babelmesh.tokens.final")
_CONTRADICTED = metrics.counter("babelmesh.translations.contradicted")
_DEGRADATIONS = metrics.counter("babelmesh.degradations")
_RATE = metrics.histogram("babelmesh.speaking_rate")
_AUDIO = metrics.counter("babelmesh.audio")
_SKIPPED = metrics.counter("babelmesh.audio.skipped")
_FILLED = metrics.counter("babelmesh.audio.filled")
_HELD = metrics.histogram("babelmesh.audio.held")
_SPOKEN_STEPS = ("received", "recognized", "translated", "first_audio", "sent")
_TYPED_STEPS = ("translated", "first_audio", "sent")
MOST_SECONDS = 86_400.0  # that anybody can have waited: a longer wait was not measured, it was made up
_OUTCOMES = (*(outcome.value for outcome in Outcome), "lost")
_DEGRADED_FOR = {
    "asr": ("UNAVAILABLE", "OVERLOAD", "TIER"),
    "mt": ("UNAVAILABLE", "OVERLOAD", "QUARANTINED", "RUNAWAY", "TIER"),
    "tts": ("UNAVAILABLE", "OVERLOAD", "QUARANTINED", "MAX_LAG", "LANG_UNSURE", "TIER"),
}
_SKIPPED_FOR = {
    pb.GAP_REASON_MISSING_AUDIO: "missing",
    pb.GAP_REASON_CORRUPT_AUDIO: "corrupt",
    pb.GAP_REASON_SKIPPED: "overload",
    pb.GAP_REASON_QUARANTINED: "quarantined",
}
WINDOW_SECONDS = 60.0
MOST = 10_000  # segments kept, and degradations; of more, the oldest are forgotten
Langs: TypeAlias = tuple[str, str]  # spoken, and translated into
_Entry: TypeAlias = tuple[float, Langs, int | None]  # when, and how long something took, in milliseconds


def may_degrade() -> None:
    """Sessions are about to come, of which some may have to do without something."""
    known = [{"stage": stage, "reason": reason} for stage, reasons in _DEGRADED_FOR.items() for reason in reasons]
    metrics.from_zero(_DEGRADATIONS, known)


class Measures:
    """Measures one session, by the languages that were agreed upon: there are few of those."""

    def __init__(
        self, source_lang: str, ledger: Ledger, goes_on: Continuation | None = None, recent: Recent | None = None
    ) -> None:
        self.source = {"source_lang": source_lang}
        self._ledger = ledger
        self._recent = recent or Recent()
        self._captions: dict[tuple[str, int], Erasure] = {}  # open ones, by language and segment; of transcripts: ""
        self._begun = _begun(goes_on or beginning(""))
        self._accepted_samples = 0  # not counted yet
        self.counted: Callable[[int], None] = lambda samples: None  # told of what was

    def began(self, lang: str) -> None:
        """Begin to count for a target language that was none before."""
        metrics.from_zero(_SEGMENTS, ({**self._target(lang), "outcome": outcome} for outcome in _OUTCOMES))
        metrics.from_zero(_CONTRADICTED, [self._target(lang)])

    def accepted(self, samples: int) -> None:
        """Count audio that was taken in."""
        self._accepted_samples += samples
        if self._accepted_samples >= ASR_RATE:
            self.count_audio()

    def count_audio(self) -> None:
        """Counts what was taken in; once a second is enough."""
        _AUDIO.add(self._accepted_samples / ASR_RATE, self.source)
        self.counted(self._accepted_samples)
        self._accepted_samples = 0

    @contextmanager
    def held(self) -> Iterator[None]:
        """The stream is held for as long as the block lasts."""
        since = time.monotonic()
        try:
            yield
        finally:
            _HELD.record(time.monotonic() - since, self.source)

    def written(self, message: pb.ServerMessage) -> None:
        """Measure a message that was sent to the client."""
        match message.WhichOneof("payload"):
            case "tts":
                self._heard(message.tts)
            case "asr":
                self._shown("", message.asr)
            case "translation":
                result = message.translation
                self._shown(result.target_lang, result)
                if result.retranslation:
                    _CONTRADICTED.add(1, self._target(result.target_lang))
                if result.stable_length:
                    self._first("word", result.target_lang, result.segment_id)
            case "flow":
                self._told(message.flow)

    def delivered(self, segment_id: int, lang: str, delivered: Delivered) -> None:
        """All of a segment was sent for a target."""
        self._begun -= {("word", lang, segment_id), ("audio", lang, segment_id)}
        _SEGMENTS.add(1, {**self._target(lang), "outcome": delivered.outcome.value})
        if delivered.since_ms is None:
            self._recent.sent((self.source["source_lang"], lang), None)
            return
        steps_ms = asdict(delivered.steps)
        for step in _TYPED_STEPS if delivered.typed else _SPOKEN_STEPS:
            if (at_ms := steps_ms[f"{step}_ms"]) is not None:
                _record(_STEP, _seconds(at_ms - delivered.since_ms), {**self._target(lang), "step": step})
        lag_seconds = _seconds(delivered.steps.sent_ms - delivered.since_ms)
        known = _record(_LAG, lag_seconds, self._target(lang))
        self._recent.sent((self.source["source_lang"], lang), round(1000 * lag_seconds) if known else None)

    def lost(self, langs: list[str]) -> None:
        """The session broke before segments were delivered in these languages."""
        for lang in langs:
            _SEGMENTS.add(1, {**self._target(lang), "outcome": "lost"})

    def _heard(self, chunk: pb.TtsChunk) -> None:
        self._first("audio", chunk.target_lang, chunk.segment_id)
        if chunk.speaking_rate:  # of a clause's first chunk
            _RATE.record(chunk.speaking_rate, {"target_lang": chunk.target_lang})

    def _first(self, what: str, lang: str, segment_id: int) -> None:
        if (what, lang, segment_id) in self._begun:
            return
        self._begun.add((what, lang, segment_id))
        age_seconds = self._ledger.age_seconds(segment_id)
        if age_seconds is None or not _record(_FIRST[what], age_seconds, self._target(lang)):
            return
        if what == "audio":
            self._recent.spoke((self.source["source_lang"], lang), round(1000 * age_seconds))

    def _shown(self, lang: str, result: pb.AsrResult | pb.TranslationResult) -> None:
        caption = self._captions.setdefault((lang, result.segment_id), Erasure())
        caption.show(result.text)
        if result.final:
            del self._captions[lang, result.segment_id]
            text = {**self._target(lang), "text": "translation"} if lang else {**self.source, "text": "transcript"}
            _ERASED.add(caption.erased, text)
            _FINAL.add(len(caption.text.split()), text)

    def _told(self, flow: pb.Flow) -> None:
        for less in flow.degraded:
            if not less.over:
                _DEGRADATIONS.add(
                    1,
                    {
                        "stage": closed.stage_name(less.stage).lower(),
                        "reason": closed.degraded_reason_name(less.reason),
                    },
                )
                self._recent.degraded()
        for gap in flow.gaps:
            reason = _SKIPPED_FOR[gap.reason]
            seconds = min(_seconds(gap.to_ms - gap.from_ms), MOST_SECONDS)
            (_FILLED if gap.filled else _SKIPPED).add(seconds, {**self.source, "reason": reason})

    def _target(self, lang: str) -> dict[str, str]:
        return {**self.source, "target_lang": lang}


@dataclass(slots=True)
class Erasure:
    """Words of one caption that were taken back, as it was shown (Arivazhagan et al., 2020, arXiv 2004.03643)."""

    text: str = ""  # as it stands now
    erased: int = 0

    def show(self, text: str) -> None:
        """Count what a caption takes back when it now reads like this."""
        before, words, self.text = self.text.split(), text.split(), text
        kept = min(len(before), len(words))
        while before[:kept] != words[:kept]:
            kept -= 1
        self.erased += len(before) - kept


def _begun(goes_on: Continuation) -> set[tuple[str, str, int]]:
    """What the client of a resumed session had word or speech of: it was counted in the call before."""

    def had(segment: SegmentContinuation) -> Iterator[str]:
        if segment.text:
            yield "word"
        if segment.spoken or segment.speaking:
            yield "audio"

    segments = ((lang, *each) for lang, target in goes_on.targets.items() for each in target.segments.items())
    return {(name, lang, number) for lang, number, segment in segments for name in had(segment)}


def _record(wait: Histogram, seconds: float, attributes: dict[str, str]) -> bool:
    """Record how long somebody waited. False, and nothing recorded, where that cannot be."""
    possible = 0 <= seconds <= MOST_SECONDS
    if possible:
        wait.record(seconds, attributes)
    return possible


def _seconds(milliseconds: int) -> float:
    return max(0, milliseconds) / 1000  # speech may come before the last sample of its segment


@dataclass(frozen=True, slots=True)
class Spread:
    """The median and the 95th percentile of a duration, in milliseconds."""

    p50_ms: int
    p95_ms: int


@dataclass(frozen=True, slots=True)
class PairOutcome:
    """What became of the last minute's segments from one language into another."""

    langs: Langs
    segments: int
    lag: Spread | None  # None of recordings that come faster than real time, for which nobody waits
    first_audio: Spread | None  # None where nothing was spoken


class Recent:
    """What became of the segments of the last minute."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lags: deque[_Entry] = deque(maxlen=MOST)
        self._first_audios: deque[_Entry] = deque(maxlen=MOST)
        self._degraded: deque[float] = deque(maxlen=MOST)

    def sent(self, langs: Langs, lag_ms: int | None) -> None:
        """All of a segment was sent for a target, so long after its last sample was captured; None: nobody waited."""
        self._lags.append((self._clock(), langs, lag_ms))

    def spoke(self, langs: Langs, first_audio_ms: int) -> None:
        """A segment's first speech was there, so long after its first sample was captured."""
        self._first_audios.append((self._clock(), langs, first_audio_ms))

    def degraded(self) -> None:
        """A session had to do without a stage, or with less of it."""
        self._degraded.append(self._clock())

    @property
    def degradations(self) -> int:
        """How often a session had to do without a stage, or with less of it, in the last minute."""
        since = self._clock() - WINDOW_SECONDS
        return sum(when > since for when in self._degraded)

    def outcomes(self) -> list[PairOutcome]:
        """What became of the last minute's segments, by pair of languages, in their order."""
        since = self._clock() - WINDOW_SECONDS
        lags, first_audios = _by_langs(self._lags, since), _by_langs(self._first_audios, since)
        return [
            PairOutcome(langs, len(lags[langs]), spread(lags[langs]), spread(first_audios.get(langs, ())))
            for langs in sorted(lags)
        ]


def _by_langs(entries: Iterable[_Entry], since: float) -> dict[Langs, list[int | None]]:
    found: defaultdict[Langs, list[int | None]] = defaultdict(list)
    for when, langs, value_ms in entries:
        if when > since:
            found[langs].append(value_ms)
    return found


def spread(values_ms: Iterable[int | None]) -> Spread | None:
    """Median and 95th percentile, each as the nearest of the values that are known; None where there are none."""
    known = sorted(value for value in values_ms if value is not None)
    return Spread(*(known[round(share * (len(known) - 1))] for share in (0.5, 0.95))) if known else None
