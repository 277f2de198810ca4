"""Masks the transcripts of one session before anything else is done with them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from services.common.audio.pcm import ASR_RATE
from services.common.text.concluded import continues
from services.common.text.placeholders import PLACEHOLDERS
from services.common.text.terminology import composed
from services.gateway.masking.ends import context_of, continued, unfinished
from services.gateway.masking.kinds import NAME, PROFANITY, Span
from services.gateway.masking.names import Names, presidio
from services.gateway.masking.profanity import Grade, Profanities, profane, profanities
from services.gateway.masking.scanning import Asked, Scan, Since, scan
from services.gateway.masking.style import uncased, unpunctuated
from services.gateway.values.speech import Transcript, Word
from services.gateway.values.terms import Masks

LONGEST_PAUSE = 15 * ASR_RATE  # samples within something that is dictated over several segments
LEAST_CONFIDENCE = 0.5  # of a word that is masked as profanity: what was hardly heard is nobody's curse


@dataclass(frozen=True, slots=True)
class Found:
    """What is masked in a text, and the code point up to which that is certain whatever follows."""

    text: str
    spans: Sequence[Span]
    settled: int
    since: Since = field(default_factory=Since)
    context: str = ""  # the end of the segment before, which may say what this one goes on with
    lang: str = ""


_NOTHING = Found("", (), 0)


class Seeker:
    """Finds what a session masks in a text; of a text that has grown, only what is new is looked at."""

    def __init__(self, masks: Masks, profanities: Profanities, names: Names | None = None) -> None:
        self._masks = masks
        self._profanities = profanities
        self._names = names
        self._begun: tuple[str, str, Span | None] = ("", "", None)  # what the newest context ends in the middle of

    @classmethod
    def of(cls, masks: Masks, own_words: Path | None) -> Self:
        """What finds all that masks hide, with the profanity of a file of one's own."""
        return cls(masks, profanities(own_words), presidio() if NAME in masks.kinds else None)

    def found(self, text: str, lang: str, complete: bool, before: Found = _NOTHING) -> Found:
        """Find what is masked in a text; `before` is what was found in a beginning of it, or in another text."""
        if text == before.text and lang == before.lang and not complete:
            return before
        if not text.startswith(before.text[: before.settled]):
            before = Found("", (), 0, context=before.context)
        masks, settled, since = self._masks, len(text), before.since
        spans = [span for span in before.spans if span.end <= before.settled]
        if masks.kinds:
            scanned = self._scanned(text, lang, complete, before)
            settled, since = scanned.settled, scanned.since
            spans += scanned.spans
        if NAME in masks.kinds and self._names:
            settled, spans = self._with_names(text, lang, complete, spans)
        if masks.profanity and (finder := self._profanities.of(lang, Grade(masks.profanity))):
            profanity, sure = profane(text, finder, complete, before.settled)
            settled = min(settled, sure)
            spans += [span for span in profanity if not _overlaps(span, spans)]
        spans = sorted((span for span in spans if span.end <= settled), key=lambda span: span.start)
        return Found(text, spans, settled, since if masks.kinds else Since(), before.context, lang)

    def _scanned(self, text: str, lang: str, complete: bool, before: Found) -> Scan:
        """Scan a text behind the end of the segment before it, with what goes on from that one or into the next."""
        asked = Asked(lang, frozenset(self._masks.kinds), self._masks.regions)
        start, whole = len(before.context), before.context + text
        scanned = scan(whole, asked, False, before.since)
        settled, spans, since = scanned.settled, list(scanned.spans), scanned.since
        goes_on = None
        if before.settled == 0:
            goes_on, sure = continued(whole, start, self._begun_in(before.context, asked), asked, complete)
            settled = min(settled, sure)
        if complete and scanned.settled < len(whole):
            rest = scan(whole, asked, True, since)
            spans, settled, since = [*spans, *rest.spans], rest.settled, rest.since
            certain = max([scanned.settled, *(span.end for span in spans)])
            if part := unfinished(whole, asked, certain, spans):
                spans.append(part)
        joined = _joined([*spans, *([goes_on] if goes_on else [])])
        clipped = [Span(each.kind, max(0, each.start - start), each.end - start) for each in joined if each.end > start]
        return Scan(clipped, max(0, settled - start), since)

    def _begun_in(self, context: str, asked: Asked) -> Span | None:
        """Return what a context ends in the middle of, which all revisions of the segment behind it ask for."""
        if self._begun[:2] != (context, asked.lang):
            self._begun = context, asked.lang, unfinished(context, asked) if context else None
        return self._begun[2]

    def _with_names(self, text: str, lang: str, complete: bool, spans: list[Span]) -> tuple[int, list[Span]]:
        """Add the names of a whole text; whether words are a name depends on all others, so unfinished text waits."""
        if not complete or self._names is None:
            return 0, []
        names = [Span(NAME, *place) for place in self._names.places(text, lang)]
        return len(text), spans + [name for name in names if not _overlaps(name, spans)]


@dataclass(slots=True)
class _Said:
    """What was shown as concluded of open segments, and what was said last."""

    concluded: dict[int, str]
    last: tuple[Transcript, str] | None = None  # as it was said, and not as it was shown, behind its context


class Masker:
    """Gives a session's transcripts back with placeholders, each segment append-only as it was."""

    def __init__(
        self, masks: Masks, default_lang: str, seeker: Seeker, concluded: Iterable[Transcript | None] = ()
    ) -> None:
        """`concluded` are the open segments of a resumed session, as its client has them."""
        self.on = masks.any  # whether anything is hidden
        self.masks = masks
        self._default_lang = default_lang
        self._seeker = seeker
        self._known: dict[int, Found] = {}  # by open segment, what is certain of its concluded text
        self._said = _Said({said.segment_id: said.stable_text for said in concluded if said})

    @property
    def slow(self) -> bool:
        """Whether a model looks at its texts."""
        return NAME in self.masks.kinds

    def masked(self, said: Transcript) -> Transcript:
        """Return a revision of a segment as it may be shown, translated, spoken and kept."""
        if not self.on:
            return said
        lang = said.language or self._default_lang
        text = composed(said.text)
        if said.final:
            return self._final(said, text, lang)
        if said.language_tentative and self.masks.kinds:  # in another language there may be something to hide
            return replace(said, text="", stable_length=0)
        stable = composed(said.text[: said.stable_length])
        whole = len(stable) if len(stable) == len(text) else max(len(stable), _last_space(text))
        before = self._before(said)
        self._said.last = said, before.context
        sure = self._known[said.segment_id] = self._seeker.found(stable, lang, False, before)
        seen = sure if whole == len(stable) else self._seeker.found(text[:whole], lang, False, sure)
        return self._shown(said, self._written(sure), self._written(seen))

    def _final(self, said: Transcript, text: str, lang: str) -> Transcript:
        before = self._before(said)
        self._known.pop(said.segment_id, None)
        self._said.last = said, before.context
        found = self._seeker.found(text, lang, True, before)
        places = _places(said.words, text)
        heard = zip(said.words, places, strict=True)
        unsure = [place for word, place in heard if _is_unsure(word)]
        spans = [span for span in found.spans if span.kind != PROFANITY or not _touches(span, unsure)]
        concluded = self._said.concluded.pop(said.segment_id, "")
        written = self._styled(hidden(text, spans, len(text))) or concluded
        return replace(
            said,
            text=written,
            stable_length=len(written),
            words=tuple(self._words(said.words, places, spans)),
            corrected=said.corrected or not continues(written, concluded),
        )

    def _before(self, said: Transcript) -> Found:
        """Return what is known of a segment; of a new one, what was said right before it."""
        known = self._known.get(said.segment_id)
        if known is not None or self._said.last is None:
            return known or _NOTHING
        last, context = self._said.last
        if last.segment_id == said.segment_id or said.start_samples - last.end_samples > LONGEST_PAUSE:
            return _NOTHING
        return Found("", (), 0, context=context_of(context + composed(last.text)))

    def _shown(self, said: Transcript, sure: str, seen: str) -> Transcript:
        """An interim transcript: what was concluded stays, and nothing is shown that contradicts it."""
        concluded = self._said.concluded.get(said.segment_id, "")
        if not continues(seen, concluded):
            seen = concluded
        if continues(sure, concluded) and continues(seen, sure):
            concluded = self._said.concluded[said.segment_id] = sure
        return replace(said, text=seen, stable_length=len(concluded))

    def _written(self, found: Found) -> str:
        end = _between_words(found)
        return self._styled(hidden(found.text, [span for span in found.spans if span.end <= end], end)).rstrip()

    def _styled(self, text: str) -> str:
        text = text if self.masks.punctuation else unpunctuated(text)
        return text if self.masks.casing else uncased(text)

    def _words(self, words: Sequence[Word], places: Sequence[range], spans: Sequence[Span]) -> Iterable[Word]:
        """The words of a final: those of one masked stretch become one, named by its placeholder."""
        last: Span | None = None
        merged: Word | None = None
        for word, place in zip(words, places, strict=True):
            span = next((span for span in spans if _touches(span, [place])), None)
            if span is not None and span is last and merged is not None:
                told = [each.confidence for each in (merged, word) if each.confidence is not None]
                merged = replace(merged, end_samples=max(merged.end_samples, word.end_samples))
                merged = replace(merged, confidence=min(told, default=None))
                continue
            if merged is not None:
                yield merged
            text = self._styled(word.text if span is None else PLACEHOLDERS[span.kind])
            merged, last = replace(word, text=text), span
        if merged is not None:
            yield merged


def _is_unsure(word: Word) -> bool:
    return word.confidence is not None and word.confidence < LEAST_CONFIDENCE


def hidden(text: str, spans: Iterable[Span], end: int) -> str:
    """Return a text up to a code point, with a placeholder in the place of each span."""
    pieces, at = list[str](), 0
    for span in spans:
        pieces += [text[at : span.start], PLACEHOLDERS[span.kind]]
        at = span.end
    return "".join([*pieces, text[at:end]])


def _between_words(found: Found) -> int:
    """Return the last code point of what is certain at which a word begins: concluded text ends behind whole words."""
    end = found.settled
    if end < len(found.text):
        end = end if found.text[end].isspace() else _last_space(found.text[:end])
        for span in reversed(found.spans):
            if span.start < end < span.end:
                end = _last_space(found.text[: span.start])
    return end


def _last_space(text: str) -> int:
    return max(text.rfind(space) for space in " \t\n") + 1


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return spans in order, of which those that overlap are one, of the kind that begins first."""
    joined = list[Span]()
    for span in sorted(spans, key=lambda span: span.start):
        if joined and span.start < joined[-1].end:
            joined[-1] = replace(joined[-1], end=max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined


def _overlaps(span: Span, others: Iterable[Span]) -> bool:
    return any(span.start < other.end and other.start < span.end for other in others)


def _touches(span: Span, places: Iterable[range]) -> bool:
    return any(span.start < place.stop and place.start < span.end for place in places)


def _places(words: Sequence[Word], text: str) -> list[range]:
    """Return where each word of a transcript stands in its text; empty ranges for those that are not found."""
    places, end = list[range](), 0
    for word in words:
        start = text.find(composed(word.text), end)
        places.append(range(end, end) if start < 0 else range(start, start + len(composed(word.text))))
        end = places[-1].stop
    return places
