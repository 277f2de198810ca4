"""Explains one utterance from its events: when each word was recognized, concluded, translated and spoken."""

from __future__ import annotations

from dataclasses import dataclass, field

from babelmesh.cli.captions import Languages
from babelmesh.client.events import AsrResult, Event, TranslationResult, TtsChunk
from babelmesh.client.printable import printable

WORDS = 10  # of the utterance that is explained, if there is a choice: enough to see, few enough to read


@dataclass(frozen=True, slots=True)
class Mark:
    """Words, and the moment at which they came, in milliseconds on the session's clock."""

    text: str
    start_ms: float
    end_ms: float = 0  # of what is spoken; 0: it came all at once


@dataclass(frozen=True, slots=True)
class Lane:
    """The words of one language in one step, in the order they came."""

    lang: str
    step: str  # "heard", "concluded" or "spoken"
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True)
class Utterance:
    """A segment's path through the mesh: its span, and a lane per language and step."""

    segment_id: int
    start_ms: float
    end_ms: float
    lanes: tuple[Lane, ...]

    def summary(self) -> list[str]:
        """Return a line per target: the delays of its first word after the first spoken one, and of its last after
        the last.
        """
        said = self.lanes[0].marks
        lines = []
        for lane in self.lanes[2:]:
            if lane.marks:
                last = lane.marks[-1]
                first_s = (lane.marks[0].start_ms - self.start_ms) / 1000
                last_s = (max(last.start_ms, last.end_ms) - said[-1].start_ms) / 1000
                lines.append(f"{lane.lang} {lane.step}: first word {first_s:+.2f} s, last {last_s:+.2f} s")
        return lines


@dataclass(slots=True)
class _Growing:
    """Concluded text that grows with each result."""

    marks: list[Mark] = field(default_factory=list)
    count: int = 0

    def take(self, result: AsrResult | TranslationResult, at_ms: float) -> None:
        words = printable(result.text if result.final else result.text[: result.stable_length]).split()
        if new := words[self.count :]:
            self.marks.append(Mark(" ".join(new), at_ms))
            self.count = len(words)


@dataclass(slots=True)
class _Segment:
    heard: list[Mark] = field(default_factory=list)
    start_ms: int = 0
    concluded: dict[str, _Growing] = field(default_factory=dict)  # by language
    spoken: dict[str, list[Mark]] = field(default_factory=dict)  # by language

    def growing(self, lang: str) -> _Growing:
        return self.concluded.setdefault(lang, _Growing())


class Explanation:
    """The events of one session, as far as they show when each word was processed."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages
        self._segments: dict[int, _Segment] = {}
        self._played_ms: dict[str, float] = {}  # by target: when all speech that has come will have been heard

    def take(self, event: Event, at_ms: float) -> None:
        """Record an event that came at a moment of the session's clock."""
        match event:
            case AsrResult():
                self._hear(event, at_ms)
            case TranslationResult():
                lang = self._languages.label(event.target_lang)
                self._segment(event.segment_id).growing(lang).take(event, at_ms)
            case TtsChunk():
                self._speak(event, at_ms)

    def utterance(self) -> Utterance | None:
        """Return the finished utterance with the most to show; None while there is none."""
        finished = [number for number, segment in self._segments.items() if segment.heard]
        if not finished:
            return None
        number = min(finished, key=lambda number: abs(len(self._segments[number].heard) - WORDS))
        segment = self._segments[number]
        source = self._languages.source
        lanes = [Lane(source, "heard", tuple(segment.heard)), self._lane(segment, source)]
        for lang in self._languages.targets:
            lanes += [self._lane(segment, lang), Lane(lang, "spoken", tuple(segment.spoken.get(lang, ())))]
        shown = tuple(lane for lane in lanes if lane.marks or lane.step != "spoken")
        end_ms = max(max(mark.start_ms, mark.end_ms) for lane in shown for mark in lane.marks)
        return Utterance(number, segment.start_ms, end_ms, shown)

    def _lane(self, segment: _Segment, lang: str) -> Lane:
        return Lane(lang, "concluded", tuple(segment.growing(lang).marks))

    def _hear(self, result: AsrResult, at_ms: float) -> None:
        segment = self._segment(result.segment_id)
        segment.growing(self._languages.source).take(result, at_ms)
        if result.final and result.words:
            segment.heard = [Mark(printable(word.text), word.end_ms) for word in result.words]
            segment.start_ms = result.words[0].start_ms

    def _speak(self, chunk: TtsChunk, at_ms: float) -> None:
        """Record when a chunk is heard: when it comes, or when the speech before it is over."""
        lang = self._languages.label(chunk.target_lang)
        marks = self._segment(chunk.segment_id).spoken.setdefault(lang, [])
        start_ms = max(at_ms, self._played_ms.get(lang, 0))
        end_ms = start_ms + len(chunk.data) * 500 / chunk.sample_rate
        self._played_ms[lang] = end_ms
        if chunk.text:
            marks.append(Mark(printable(chunk.text), start_ms, end_ms))
        elif marks:
            marks[-1] = Mark(marks[-1].text, marks[-1].start_ms, end_ms)

    def _segment(self, segment_id: int) -> _Segment:
        return self._segments.setdefault(segment_id, _Segment())
