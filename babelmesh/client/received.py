"""The events received of a session: which are new to the reader, and what to report when resuming. Pure.

Of each result the reader gets one final and interim ones that rise; concluded text is never taken back; speech is
contiguous; what starts ends; each end comes once. Undisturbed, a server sends nothing else and all passes as it is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from babelmesh.client import events as ev
from babelmesh.client.concluded import newer
from babelmesh.client.events import (
    AsrResult,
    Event,
    ReceivedSegment,
    ReceivedTranslation,
    ReceivedVoice,
    TranslationResult,
)
from babelmesh.client.spoken import Said, VoiceClock
from babelmesh.client.states import States

MOST_TOLD = 500  # segments of typed text; a gateway reads 1000
_VOICE = {ev.SPEECH_EVENT_TYPE_VOICE_STARTED: True, ev.SPEECH_EVENT_TYPE_VOICE_ENDED: False}


@dataclass(frozen=True, slots=True)
class Covered:
    """How far final transcripts reach without a gap between them."""

    audio_ms: int = 0  # speech before it is in one
    typed: int = 0  # segments of typed text


@dataclass(slots=True)
class _InLang:
    """The results of one segment in one language."""

    result: TranslationResult | None = None
    said: Said = field(default_factory=Said)
    accounted: bool = False  # its latency came

    def report(self, lang: str) -> ReceivedTranslation:
        result = self.result or TranslationResult()
        return ReceivedTranslation(
            target_lang=lang,
            text=result.text,
            stable_length=result.stable_length,
            final=result.final,
            revision=result.revision,
            spoken=" ".join(self.said.spoken),
            speaking=self.said.speaking,
            speaking_samples=self.said.speaking_samples,
        )


@dataclass(slots=True)
class _Segment:
    transcript: AsrResult | None = None
    by_lang: dict[str, _InLang] = field(default_factory=dict)
    covered: Covered = field(default_factory=Covered)  # by it and all before, once they are final
    origin: ev.Origin.ValueType = ev.ORIGIN_UNSPECIFIED

    @property
    def final(self) -> bool:
        return self.transcript is not None and self.transcript.final

    @property
    def accounted(self) -> set[str]:
        """Languages whose latency event came: all of the segment was sent in these."""
        return {lang for lang, each in self.by_lang.items() if each.accounted}

    def in_lang(self, lang: str) -> _InLang:
        return self.by_lang.setdefault(lang, _InLang())

    def report(self, number: int) -> ReceivedSegment:
        transcript = AsrResult()
        transcript.CopyFrom(self.transcript or AsrResult(segment_id=number, origin=self.origin))
        del transcript.words[:]
        translations = [each.report(lang) for lang, each in self.by_lang.items()]
        return ReceivedSegment(transcript=transcript, translations=translations)


class Received:
    """The events of one session, from its first `ready` to its end, over all of its calls."""

    def __init__(self, langs: Collection[str] = (), heartbeats: bool = False, interim: bool = True) -> None:
        self._interim = interim  # whether open segments are shown
        self._langs = frozenset(langs)  # of the targets, as the server names them; none where they have changed
        self.handle = ""  # the newest
        self.heard_ms = 0  # audio before it was heard
        self.finals = 0  # the last segment up to which all final transcripts came
        self._segments: dict[int, _Segment] = {}
        self._delivered = 0  # the handle is behind this segment, surely
        self._settled = 0  # and behind this one, perhaps: of it and all before, some account came
        self._covered = Covered()  # by what was delivered
        self._voices: dict[str, VoiceClock] = {}
        self._states = States(heartbeats)

    @property
    def complete(self) -> bool:
        """Whether the session's `end` has come."""
        return self._states.complete

    def take(self, event: Event) -> Sequence[Event]:
        """Record an event, and return what of it is new to the reader."""
        match event:
            case AsrResult():
                return self._transcribed(event)
            case TranslationResult():
                return self._translated(event)
            case ev.Latency():
                return self._accounted(event)
            case ev.TtsChunk():
                segment = self._segment(event.segment_id)
                segment.origin = event.origin or segment.origin
                said = segment.in_lang(event.target_lang).said
                chunk = self._voice(event.target_lang).take(event, said)
                return [chunk] if chunk else []
            case ev.SpeechEvent() if event.type in _VOICE:
                return self._turned(event)
        return self._told_state(event)

    def _told_state(self, event: Event) -> Sequence[Event]:
        match event:
            case ev.Flow():
                for less in event.degraded:
                    if less.text:
                        self._segment(less.segment_id).in_lang(less.target_lang).said.left_out(less.text)
            case ev.End():
                return [*self._hushed(event.target_lang), *self._states.ended(event)]
            case ev.Ack():
                self._acknowledged(event)
        return self._states.take(event)

    def targets_set(self, langs: Sequence[str]) -> None:
        """Record that targets were requested anew; one that had ended may end again."""
        self._langs = frozenset()
        self._states.wanted(langs)

    def resumed(self) -> Sequence[Event]:
        """Record that another server took over: the states that the one before reported no longer hold."""
        return self._states.resumed()

    def covered(self, up_to: int | None) -> Covered:
        """Return how far the final transcripts reach of which `report` tells."""
        last = self.finals if up_to is None else min(self.finals, max(up_to, self._settled))
        final = next((each for at in range(last, self._delivered, -1) if (each := self._final(at))), None)
        return final.covered if final else self._covered

    @property
    def unfinished(self) -> list[int]:
        """Segments whose final transcript came, but not yet all results made of it."""
        return [number for number, each in self._segments.items() if each.final and not self._langs <= each.accounted]

    def report(self, up_to: int | None, session_id: str, clock_ms: int) -> ev.Received:
        """Return what came after the handle, for segments up to number `up_to` where one is given."""
        told = dict(self._told(up_to))
        voices = []
        for lang, voice in self._voices.items():
            untold = [each for number, each in self._segments.items() if number not in told and lang in each.by_lang]
            samples = voice.samples - sum(each.by_lang[lang].said.samples for each in untold)
            voices.append(ReceivedVoice(target_lang=lang, samples=samples, speaking=voice.speaking))
        segments = [segment.report(number) for number, segment in told.items()]
        return ev.Received(session_id=session_id, clock_ms=clock_ms, segments=segments, voices=voices)

    def _told(self, up_to: int | None) -> Iterator[tuple[int, _Segment]]:
        """Yield the segments to report, without a gap; only the last may be open, except for one that is not shown."""
        number = self._delivered + 1
        last = None if up_to is None else max(up_to, self._settled)
        while last is None or number <= last:
            segment = self._segments.get(number)
            if segment:
                yield number, segment
            if not self._final(number) and (number == last or not self._passes(number)):
                return
            number += 1

    def _final(self, number: int) -> _Segment | None:
        segment = self._segments.get(number)
        return segment if segment and segment.final else None

    def _passes(self, number: int) -> bool:
        """Return whether a segment is open but not shown, beside later finals of the other source."""
        segment = self._segments.get(number)
        shown = self._interim or (segment is not None and segment.transcript is not None)
        return not shown and self._final(number + 1) is not None

    def _transcribed(self, result: AsrResult) -> Sequence[Event]:
        if 0 < result.segment_id <= self._delivered:
            return []
        segment = self._segment(result.segment_id)
        told = newer(result, segment.transcript)
        if told is None:
            return []
        segment.transcript = told
        if told.final and result.segment_id <= self.finals:
            self.finals = self._delivered  # it was passed: what covers it covers those behind it too
        self._advance()
        if told.origin != ev.ORIGIN_TYPED:
            self.heard_ms = max(self.heard_ms, told.end_ms)
        return [told]

    def _advance(self) -> None:
        while True:
            number = self.finals + (2 if self._passes(self.finals + 1) else 1)
            segment = self._final(number)
            if segment is None or segment.transcript is None:
                return
            covered = self.covered(None)
            self.finals = number
            if segment.transcript.origin == ev.ORIGIN_TYPED:
                segment.covered = Covered(covered.audio_ms, covered.typed + 1)
            else:
                segment.covered = Covered(max(covered.audio_ms, segment.transcript.end_ms), covered.typed)

    def _translated(self, result: TranslationResult) -> Sequence[Event]:
        if 0 < result.segment_id <= self._delivered:
            return []
        segment = self._segment(result.segment_id)
        segment.origin = result.origin or segment.origin
        known = segment.in_lang(result.target_lang)
        told = newer(result, known.result)
        known.result = told or known.result
        if told:
            self._states.goes_on(result.target_lang)
        return [told] if told else []

    def _turned(self, event: ev.SpeechEvent) -> Sequence[Event]:
        voice = self._voice(event.target_lang)
        if voice.speaking == _VOICE[event.type]:
            return []
        voice.speaking = not voice.speaking
        return [event]

    def _hushed(self, lang: str) -> Sequence[Event]:
        """Return the end of a voice that is still reported as speaking when its target ends."""
        voice = self._voices.get(lang)
        if voice is None or not voice.speaking:
            return []
        voice.speaking = False
        kind = ev.SPEECH_EVENT_TYPE_VOICE_ENDED
        return [ev.SpeechEvent(type=kind, offset_ms=voice.now_ms, target_lang=lang)]

    def _accounted(self, latency: ev.Latency) -> Sequence[Event]:
        if 0 < latency.segment_id <= self._delivered:
            return []
        known = self._segment(latency.segment_id).in_lang(latency.target_lang)
        news = not known.accounted
        known.accounted = True
        return [latency] if news else []

    def _acknowledged(self, ack: ev.Ack) -> None:
        """Forget segments that begin before an acknowledged offset; without a newer handle they must still be
        reported.
        """
        self.heard_ms = max(self.heard_ms, ack.finalized_offset_ms)
        if self.handle and not ack.resume_handle:
            return
        self.handle = ack.resume_handle
        while (segment := self._segments.get(self._delivered + 1)) and segment.final:
            if not self._delivered_all(segment, ack.finalized_offset_ms):
                break
            self._delivered += 1
            self._covered = self._segments.pop(self._delivered).covered
        self._settled = max(self._settled, self._delivered)
        while (segment := self._segments.get(self._settled + 1)) and segment.final and segment.accounted:
            self._settled += 1

    def _delivered_all(self, segment: _Segment, offset_ms: int) -> bool:
        """Return whether a handle for an offset lies behind a segment; where unsure, the server will skip the
        segment.

        Typed text takes no time on the audio clock: there the latency events of the targets decide. Where the targets
        are not known, a server that acknowledges at all has not left so many segments behind.
        """
        if segment.transcript and segment.transcript.start_ms < offset_ms:
            return True
        if self._langs:
            return self._langs <= segment.accounted
        return bool(segment.accounted) and len(self._segments) > MOST_TOLD

    def _segment(self, number: int) -> _Segment:
        if number <= self._delivered:
            return _Segment()  # late speech of a target that was left out: nobody asks for it again
        return self._segments.setdefault(number, _Segment())

    def _voice(self, lang: str) -> VoiceClock:
        return self._voices.setdefault(lang, VoiceClock())
