"""What one speaker of a room said: the newest results of each segment, in every language. Pure.

A record is made of the gateway's messages, and taking one in twice changes nothing: of a segment the first final
stands, an interim result counts where it is newer, and a voice goes on where it was. So edges may tell each other
again what they are not sure that the other has, and a speaker's session may be gone on with by another edge.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from mesh.rooms.v1 import rooms_pb2 as mesh
from realtime.v1 import realtime_translate_pb2 as pb
from services.common.text.languages import same
from services.edge.rooms import captions
from services.edge.rooms.values import SPOKEN, Sent

CAPTION, VOICE = "caption", "voice"
_MOST_TOLD = 60  # segments that a gateway is told of: a handle is never older
_MOST_SILENT, _MOST_GONE = 20, 1000  # speakers that are gone: those that said nothing, and the others
_ROUNDING_MS = 2


@dataclass(frozen=True, slots=True)
class Heard:
    """A message that a record makes, and for whom."""

    kind: str  # CAPTION or VOICE
    lang: str  # SPOKEN for the speaker's own words
    sent: Sent


@dataclass(slots=True)
class Spoken:
    """How far the voice of one segment in one language came."""

    clauses: list[str] = field(default_factory=list)  # spoken to their end, or left out
    speaking: str = ""  # the clause that is being spoken
    samples: int = 0  # of it


@dataclass(slots=True)
class Segment:
    """The results of one segment."""

    transcript: pb.AsrResult
    sources: dict[int, str] = field(default_factory=dict)  # text by revision, until all is final
    translations: dict[str, pb.TranslationResult] = field(default_factory=dict)
    spoken: dict[str, Spoken] = field(default_factory=dict)

    def source(self, revision: int) -> str:
        """Return the transcript that a translation was made from, by its revision or the one before."""
        known = [each for each in self.sources if each <= revision]
        return self.sources[max(known)] if known else self.transcript.text


@dataclass(slots=True)
class Voice:
    """How far the voice of one language came since the session began."""

    samples: int = 0
    rate: int = 0
    speaking: bool = False

    @property
    def milliseconds(self) -> float:
        """The length of the speech that came, in milliseconds."""
        return self.samples * 1000 / self.rate if self.rate else 0.0


def newer(state: mesh.Speaker, than: int = 0) -> mesh.Speaker:
    """Return a copy of a speaker's state that counts more than it, and more than one of another version."""
    found = mesh.Speaker()
    found.CopyFrom(state)
    found.version = max(state.version + 1, than + 1, round(1000 * time.time()))
    return found


def speaks(sources: Sequence[str], lang: str) -> bool:
    """Return whether a language is served by the words of whoever speaks these."""
    return lang == SPOKEN or (len(sources) == 1 and sources[0] != "auto" and same(sources[0], lang))


def beyond(records: Iterable[Record]) -> Sequence[Record]:
    """Return the speakers to forget before another one comes, the longest gone first: of the silent ones all but some.

    Speakers that are there, or whose session is being opened, are not among them.
    """
    gone = [each for each in records if each.state.version and each.state.state != mesh.SPEAKER_STATE_PRESENT]
    gone.sort(key=lambda each: each.state.version)
    silent = [each for each in gone if not each.segments]
    spoke = [each for each in gone if each.segments]
    return [*silent[: max(0, len(silent) - _MOST_SILENT)], *spoke[: max(0, len(spoke) - _MOST_GONE)]]


class Record:
    """What is known of one speaker."""

    def __init__(self, speaker: str, most_segments: int) -> None:
        self.speaker = speaker
        self.state = mesh.Speaker()
        self.segments: dict[int, Segment] = {}
        self.voices: dict[str, Voice] = {}
        self.typed = 0  # typed segments whose final transcript came
        self._most = most_segments

    def speaks(self, lang: str) -> bool:
        """Return whether a language is served by the speaker's own words."""
        return speaks(self.state.source_langs, lang)

    def take(self, message: pb.ServerMessage) -> Iterator[Heard]:
        """Take a message of the gateway in, and yield what of it is new to members."""
        match message.WhichOneof("payload"):
            case "asr":
                yield from self._transcript(message.asr)
            case "translation":
                yield from self._translation(message.translation)
            case "tts":
                yield from self._speech(message.tts)
            case "speech_event" if message.speech_event.target_lang:
                yield from self._turned(message.speech_event)
            case "flow":
                yield from self._left_out(message.flow)

    def history(self, lang: str, after: int, since_ms: int) -> Iterator[Sent]:
        """Yield the captions of a language behind a segment, and not older than a moment of Unix time."""
        stream = SPOKEN if self.speaks(lang) else lang
        for number in sorted(self.segments):
            segment = self.segments[number]
            if number <= after or self.state.began_ms + segment.transcript.end_ms < since_ms:
                continue
            if stream == SPOKEN:
                yield captions.spoken(self.speaker, segment.transcript, self.state.began_ms)
            elif (result := segment.translations.get(stream)) is not None:
                yield self._caption(segment, result)

    def messages(self) -> Iterator[pb.ServerMessage]:
        """Yield messages that make the same record elsewhere, voices aside."""
        for number in sorted(self.segments):
            segment = self.segments[number]
            yield pb.ServerMessage(asr=segment.transcript)
            for result in segment.translations.values():
                yield pb.ServerMessage(translation=result)

    def received(self, clock_ms: int) -> pb.Received | None:
        """Return what the session's next server is to be told; None where the record has holes."""
        numbers = sorted(self.segments)[-_MOST_TOLD:]
        if not numbers or not self.state.session_id or numbers[-1] - numbers[0] != len(numbers) - 1:
            return None
        told = pb.Received(session_id=self.state.session_id, clock_ms=clock_ms)
        for number in numbers:
            segment = self.segments[number]
            langs = dict.fromkeys([*segment.translations, *segment.spoken])
            told.segments.add(
                transcript=segment.transcript, translations=[_received(segment, lang) for lang in langs if lang]
            )
        for lang, voice in self.voices.items():
            told.voices.add(target_lang=lang, samples=voice.samples, speaking=voice.speaking)
        return told

    def _transcript(self, result: pb.AsrResult) -> Iterator[Heard]:
        segment = self.segments.get(result.segment_id)
        if segment is None:
            if result.segment_id <= max(self.segments, default=0) - self._most:
                return
            segment = self.segments[result.segment_id] = Segment(result)
            self._bound()
        elif segment.transcript.final or (not result.final and result.revision <= segment.transcript.revision):
            return
        segment.transcript = result
        segment.sources[result.revision] = result.text
        if result.final:
            self.typed += result.origin == pb.ORIGIN_TYPED
        yield Heard(CAPTION, SPOKEN, captions.spoken(self.speaker, result, self.state.began_ms))

    def _translation(self, result: pb.TranslationResult) -> Iterator[Heard]:
        segment, lang = self.segments.get(result.segment_id), result.target_lang
        if segment is None:
            return
        known = segment.translations.get(lang)
        if known is not None and (known.final or (not result.final and result.revision <= known.revision)):
            return
        segment.translations[lang] = result
        yield Heard(CAPTION, lang, self._caption(segment, result))

    def _caption(self, segment: Segment, result: pb.TranslationResult) -> Sent:
        source = segment.transcript.text if result.final else segment.source(result.source_revision)
        return captions.translated(self.speaker, segment.transcript, source, result, self.state.began_ms)

    def _speech(self, chunk: pb.TtsChunk) -> Iterator[Heard]:
        lang = chunk.target_lang
        voice = self.voices.setdefault(lang, Voice(rate=chunk.sample_rate))
        if chunk.offset_ms + _ROUNDING_MS < voice.milliseconds:
            return  # it came before
        samples = len(chunk.data) // 2
        voice.samples = max(voice.samples, round(chunk.offset_ms * chunk.sample_rate / 1000)) + samples
        if (segment := self.segments.get(chunk.segment_id)) is not None:
            said = segment.spoken.setdefault(lang, Spoken())
            if chunk.text:
                said.speaking, said.samples = chunk.text, 0
            said.samples += samples
            if chunk.last:
                said.clauses.append(said.speaking)
                said.speaking, said.samples = "", 0
        yield Heard(VOICE, lang, captions.voice(self.speaker, chunk))

    def _turned(self, event: pb.SpeechEvent) -> Iterator[Heard]:
        started = event.type == pb.SPEECH_EVENT_TYPE_VOICE_STARTED
        voice = self.voices.setdefault(event.target_lang, Voice())
        if voice.speaking != started:
            voice.speaking = started
            yield Heard(VOICE, event.target_lang, captions.gain(self.speaker, event))

    def _left_out(self, flow: pb.Flow) -> Iterator[Heard]:
        for less in flow.degraded:
            segment = self.segments.get(less.segment_id)
            if less.stage == pb.STAGE_TTS and less.text and segment is not None:
                segment.spoken.setdefault(less.target_lang, Spoken()).clauses.append(less.text)
                yield Heard(VOICE, less.target_lang, captions.left_out(self.speaker, less))

    def _bound(self) -> None:
        while len(self.segments) > self._most:
            del self.segments[min(self.segments)]


def _received(segment: Segment, lang: str) -> pb.ReceivedTranslation:
    result = segment.translations.get(lang, pb.TranslationResult())
    said = segment.spoken.get(lang, Spoken())
    return pb.ReceivedTranslation(
        target_lang=lang,
        text=result.text,
        stable_length=result.stable_length,
        final=result.final,
        revision=result.revision,
        spoken=" ".join(said.clauses),
        speaking=said.speaking,
        speaking_samples=said.samples,
    )
