"""A gateway's session in miniature, deterministic and resumable: half a second of audio is a segment. No I/O.

What it makes depends on the audio, its place and its own numbers alone, so that a session over many calls can be
compared with one that was never lost. What a client must not do is raised as AssertionError.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from realtime.v1 import realtime_translate_pb2 as pb

RATE = 16_000
SEGMENT = RATE // 2  # samples
PIECE = 1280  # of speech, 80 ms
PIECES = 3  # a clause
Out = Iterator[pb.ServerMessage]


@dataclass
class Segment:
    number: int
    start: int
    end: int
    texts: list[str]  # the first is heard in the middle, both at the end; typed text has one
    revision: int = 0
    final: bool = False

    @property
    def text(self) -> str:
        return " ".join(self.texts if self.final else self.texts[:1])


@dataclass
class Voice:
    samples: int = 0
    speaking: bool = False


@dataclass
class Interpreter:
    """One call."""

    hello: pb.SessionConfig
    session: str = "fake"
    epoch: int = 0
    clock: int = 0  # where the next sample belongs
    number: int = 0  # the last in use
    delivered: int = 0
    voices: dict[str, Voice] = field(default_factory=dict)
    known: dict[tuple[int, str], pb.ReceivedTranslation] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)  # told in `received`
    open: Segment | None = None
    pcm: bytes = b""  # of the open segment
    typed: str = ""
    paused: bool = False
    position: tuple[int, int, dict[str, int]] = (0, 1, {})  # of the handle

    def __post_init__(self) -> None:
        self.targets = [target.lang for target in self.hello.targets]
        if self.hello.resume_handle:
            self._go_on(self.hello.received)
        else:
            assert not self.hello.HasField("received")

    def _go_on(self, received: pb.Received) -> None:
        handle = json.loads(self.hello.resume_handle)
        self.session, self.epoch = handle["session"], handle["epoch"] + 1
        offset, first, voices = handle["position"]
        self.position, self.clock = (offset, first, voices), offset
        self.voices = {lang: Voice(samples) for lang, samples in voices.items()}
        assert received.session_id == self.session
        told = [each for each in received.segments if each.transcript.segment_id >= first]
        assert [each.transcript.segment_id for each in told] == list(range(first, first + len(told)))
        assert all(each.transcript.final for each in told[:-1])
        for voice in received.voices:
            assert voice.samples >= voices.get(voice.target_lang, 0)
            self.voices[voice.target_lang] = Voice(voice.samples, voice.speaking)
        self.number, self.delivered = first - 1, first - 1
        for each in told:
            said, self.number = each.transcript, each.transcript.segment_id
            for translation in each.translations:
                self.known[said.segment_id, translation.target_lang] = translation
            start, end = said.start_ms * 16, said.end_ms * 16
            spoken = said.origin == pb.ORIGIN_SPOKEN
            texts = said.text.split(" ", 1) if spoken else [said.text]
            segment = Segment(said.segment_id, start, end, texts, said.revision, said.final)
            if said.final:
                self.clock = max(self.clock, end) if spoken else self.clock
                self.segments.append(segment)
            elif spoken:
                self.open = segment

    def ready(self) -> Out:
        config = pb.SessionConfig()
        config.CopyFrom(self.hello)
        limits = pb.Limits(resume_handle_ms=20_000, max_backlog_ms=8000)
        yield pb.ServerMessage(
            ready=pb.Ready(
                session_id=self.session,
                config=config,
                limits=limits,
                resume_offset_ms=self.clock // 16 if self.epoch else 0,
                resume_handle=self.handle(),
            )
        )
        for segment in self.segments:
            yield from self._deliver(segment)
        if self.open:
            yield from self._tell(self.open)

    def handle(self) -> str:
        return json.dumps({"session": self.session, "epoch": self.epoch, "position": self.position})

    def hear(self, message: pb.ClientMessage | None) -> Out:
        if message is None:
            yield from self._end()
        elif message.HasField("audio"):
            yield from self._listen(message.audio)
        elif message.HasField("text"):
            self.typed += message.text.text
            if message.text.final:
                yield from self._close_typed()
        else:
            yield from self._obey(message.control)

    def _listen(self, chunk: pb.AudioChunk) -> Out:
        assert chunk.HasField("offset_samples")
        skip = self.clock - chunk.offset_samples
        if skip < 0:
            gap = pb.Gap(from_ms=self.clock // 16, to_ms=chunk.offset_samples // 16, reason=pb.GAP_REASON_MISSING_AUDIO)
            yield pb.ServerMessage(flow=pb.Flow(gaps=[gap]))
            self.clock, skip = chunk.offset_samples, 0
        heard = chunk.data[2 * skip :]
        while heard:
            room = SEGMENT - self.clock % SEGMENT
            part, heard = heard[: 2 * room], heard[2 * room :]
            start, self.clock = self.clock, self.clock + len(part) // 2
            if not self.paused:
                yield from self._take(start, part)

    def _take(self, start: int, part: bytes) -> Out:
        self.pcm += part
        if self.open is None and len(self.pcm) >= SEGMENT:
            self.number += 1
            begin = start + len(part) // 2 - len(self.pcm) // 2
            self.open = Segment(self.number, begin, self.clock, [f"s{begin}"], 1)
            yield from self._tell(self.open)
        if self.clock % SEGMENT == 0:
            yield from self._close()

    def _close(self) -> Out:
        if self.open is None and self.pcm:
            self.number += 1
            begin = self.clock - len(self.pcm) // 2
            self.open = Segment(self.number, begin, self.clock, [f"s{begin}"])
        if self.open is not None and self.pcm:  # one that goes on from another call is open once its audio comes
            segment, self.open = self.open, None
            segment.texts = [segment.texts[0], f"c{zlib.crc32(self.pcm)}"]
            segment.end, segment.final, self.pcm = self.clock, True, b""
            segment.revision += 1
            yield from self._deliver(segment)

    def _close_typed(self) -> Out:
        if self.typed.strip():
            self.number += 1
            segment = Segment(self.number, self.clock, self.clock, [self.typed.strip()], 1, final=True)
            self.typed = ""
            yield from self._deliver(segment)

    def _obey(self, control: pb.Control) -> Out:
        match control.action:
            case "commit":
                yield from self._close_typed()
                yield from self._close()
            case "pause":
                yield from self._close_typed()
                yield from self._close()
                self.paused = True
            case "resume":
                self.paused = False
            case "ping":
                yield pb.ServerMessage(marker=pb.Marker(marker=control.marker))
            case "set_target_lang":
                wanted = [target.lang for target in control.targets]
                for gone in [lang for lang in self.targets if lang not in wanted]:
                    yield pb.ServerMessage(end=pb.End(target_lang=gone))
                self.targets = wanted

    def _deliver(self, segment: Segment) -> Out:
        """All that is missing of a final segment."""
        yield from self._tell(segment)
        for lang in self.targets:
            yield pb.ServerMessage(latency=pb.Latency(segment_id=segment.number, target_lang=lang))
        self.delivered = segment.number
        places = {lang: voice.samples for lang, voice in self.voices.items()}
        reached = max(self.position[0], min(segment.end, self.clock))  # typed text may lie ahead of the audio heard
        self.position = (reached, segment.number + 1, places)
        yield pb.ServerMessage(ack=pb.Ack(finalized_offset_ms=self.position[0] // 16, resume_handle=self.handle()))

    def _tell(self, segment: Segment) -> Out:
        if segment not in self.segments:
            said = pb.AsrResult(
                final=segment.final,
                text=segment.text,
                segment_id=segment.number,
                revision=segment.revision,
                stable_length=len(segment.text),
                start_ms=segment.start // 16,
                end_ms=segment.end // 16,
                origin=pb.ORIGIN_TYPED if segment.start == segment.end else pb.ORIGIN_SPOKEN,
            )
            yield pb.ServerMessage(asr=said)
        for lang in self.targets:
            known = self.known.setdefault((segment.number, lang), pb.ReceivedTranslation())
            if not known.final and (segment.final or not known.revision):
                known.final, known.revision = segment.final, known.revision + 1
                known.text = f"{lang}:{segment.text}"
                yield pb.ServerMessage(
                    translation=pb.TranslationResult(
                        final=known.final,
                        text=known.text,
                        segment_id=segment.number,
                        revision=known.revision,
                        stable_length=len(known.text),
                        target_lang=lang,
                    )
                )
            yield from self._speak(segment, lang, known)

    def _speak(self, segment: Segment, lang: str, known: pb.ReceivedTranslation) -> Out:
        voice = self.voices.setdefault(lang, Voice())
        clauses = segment.texts if segment.final else segment.texts[:1]
        done = len(known.spoken.split(" ")) if known.spoken else 0
        for clause in clauses[done:]:
            if not voice.speaking:
                yield self._turn(lang, voice)
            for index in range(known.speaking_samples // PIECE, PIECES):
                yield self._piece(segment, lang, clause, index)
                voice.samples += PIECE
            known.spoken = f"{known.spoken} {clause}".strip()
            known.speaking, known.speaking_samples = "", 0
        if segment.final and voice.speaking:
            yield self._turn(lang, voice)

    def _turn(self, lang: str, voice: Voice) -> pb.ServerMessage:
        voice.speaking = not voice.speaking
        kind = pb.SPEECH_EVENT_TYPE_VOICE_STARTED if voice.speaking else pb.SPEECH_EVENT_TYPE_VOICE_ENDED
        event = pb.SpeechEvent(type=kind, offset_ms=voice.samples // 16, target_lang=lang)
        return pb.ServerMessage(speech_event=event)

    def _piece(self, segment: Segment, lang: str, clause: str, index: int) -> pb.ServerMessage:
        seed = zlib.crc32(f"{lang} {segment.number} {clause} {index}".encode()).to_bytes(4, "little")
        return pb.ServerMessage(
            tts=pb.TtsChunk(
                data=seed * (PIECE // 2),
                format="pcm16le",
                sample_rate=RATE,
                segment_id=segment.number,
                target_lang=lang,
                text=clause if index == 0 else "",
                offset_ms=self.voices[lang].samples // 16,
                last=index == PIECES - 1,
            )
        )

    def _end(self) -> Out:
        yield from self._close_typed()
        yield from self._close()
        for lang in self.targets:
            yield pb.ServerMessage(end=pb.End(target_lang=lang))
        yield pb.ServerMessage(end=pb.End())
