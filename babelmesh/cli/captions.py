"""Collects captions as they grow: by language and segment, concluded and tentative text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from babelmesh.client.events import AsrResult, Event, Ready, TranslationResult, TtsChunk
from babelmesh.client.printable import printable


@dataclass(frozen=True, slots=True)
class Languages:
    """The languages of a session under the names that the user gave; the server may have resolved them to others."""

    source: str
    targets: tuple[str, ...]
    resolved: tuple[str, ...]  # the targets as events name them
    several: bool = False  # whether more than one may be spoken: `source` names all of them

    @classmethod
    def agreed(cls, source: str, targets: Sequence[str], ready: Ready) -> Languages:
        """Pair the languages asked for with those that the server resolved them to."""
        resolved = tuple(target.lang for target in ready.config.targets)
        return cls(source, tuple(targets), resolved, len(ready.config.source_langs) > 1)

    def label(self, target_lang: str) -> str:
        """Return the user's name for a target language of an event."""
        return dict(zip(self.resolved, self.targets, strict=False)).get(target_lang, target_lang)


@dataclass(frozen=True, slots=True)
class Caption:
    """The newest text of a segment in one language, interim or final."""

    lang: str
    segment_id: int
    text: str
    stable_length: int
    final: bool
    start_ms: int
    end_ms: int
    spoken: str = ""  # of a transcript: its language, where several may be spoken

    @property
    def concluded(self) -> str:
        """The beginning of the text that will not change."""
        return self.text if self.final else self.text[: self.stable_length]

    @property
    def tentative(self) -> str:
        """The rest of the text, which may still change."""
        return self.text[len(self.concluded) :]


class Captions:
    """All captions of a session. Each result replaces the one before it, also a corrected final."""

    def __init__(self, languages: Languages) -> None:
        self._languages = languages
        self._segments: dict[str, dict[int, Caption]] = {}
        self._spoken: dict[str, dict[int, str]] = {}

    def take(self, event: Event) -> Caption | None:
        """Record a transcript or a translation and return its caption, fit to be shown; None for other events.

        Of speech it notes what was begun to be spoken.
        """
        spoken = ""
        match event:
            case AsrResult():
                lang = self._languages.source
                spoken = event.lang if self._languages.several else ""
            case TranslationResult():
                lang = self._languages.label(event.target_lang)
            case TtsChunk():
                self._note_spoken(event)
                return None
            case _:
                return None
        caption = Caption(
            lang,
            event.segment_id,
            printable(event.text),
            len(printable(event.text[: event.stable_length])),
            event.final,
            event.start_ms,
            event.end_ms,
            spoken,
        )
        self._segments.setdefault(lang, {})[event.segment_id] = caption
        return caption

    def of(self, lang: str) -> list[Caption]:
        """Return the captions of a language, by segment; those whose text was withdrawn are left out."""
        segments = self._segments.get(lang, {})
        return [segments[number] for number in sorted(segments) if segments[number].text.strip()]

    def concluded(self, lang: str) -> list[Caption]:
        """Return the captions of a language, each cut to its concluded text, as a session leaves them that is cut
        short.

        Spoken text counts as concluded, whether or not a caption has shown it. A part of a caption gets that part of
        its time.
        """
        segments, spoken = self._segments.get(lang, {}), self._spoken.get(lang, {})
        found: list[Caption] = []
        for number in sorted(segments.keys() | spoken.keys()):
            caption = segments.get(number) or self._unseen(lang, number)
            if not caption.final:
                caption = _cut_to(caption, caption.concluded, spoken.get(number, ""))
            if caption.text.strip():
                found.append(caption)
        return found

    def start_ms(self, segment_id: int) -> int:
        """Return the offset at which a segment's speech starts; 0 while nothing of the segment has come."""
        known = self._segments.get(self._languages.source, {}).get(segment_id)
        return known.start_ms if known else 0

    def _note_spoken(self, chunk: TtsChunk) -> None:
        if chunk.text:
            segments = self._spoken.setdefault(self._languages.label(chunk.target_lang), {})
            before = segments.get(chunk.segment_id, "")
            segments[chunk.segment_id] = f"{before} {printable(chunk.text).strip()}".strip()

    def _unseen(self, lang: str, segment_id: int) -> Caption:
        """Return an empty caption for a segment without text in a language, with the times of its transcript."""
        heard = self._segments.get(self._languages.source, {}).get(segment_id)
        span = (heard.start_ms, heard.end_ms) if heard else (0, 0)
        return Caption(lang, segment_id, "", 0, False, *span)


def _cut_to(caption: Caption, concluded: str, spoken: str) -> Caption:
    text = concluded.strip() if len("".join(spoken.split())) <= len("".join(concluded.split())) else spoken
    share = min(1.0, len(text) / len(caption.text)) if caption.text else 1.0
    end_ms = caption.start_ms + round((caption.end_ms - caption.start_ms) * share)
    return replace(caption, text=text, stable_length=len(text), final=True, end_ms=end_ms)
