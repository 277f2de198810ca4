"""A client over WebRTC, as a conversation speaks with it: speech by its tracks, all else by its data channel."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.faults import Fault
from services.edge.realtime.dialect import Received, SpokenDialect
from services.edge.realtime.inputs import Spoken
from services.edge.realtime.lines import Gone, written
from services.edge.realtime.outputs import Event, Out
from services.edge.webrtc.channel import Channel
from services.edge.webrtc.microphone import Microphone
from services.edge.webrtc.voice import RATE, Samples, Voice

_MOST_VOICE_MS = 10_000  # that waits to be played: an outbox sends no more than 5 s ahead of what was
_TOLD = ("text", "last")  # what of a chunk of speech is worth an event, where the speech itself goes by a track


class PeerLine:
    """One client's connection."""

    def __init__(self, microphone: Microphone, channel: Channel, news: asyncio.Event) -> None:
        self.microphone = microphone
        self.channel = channel
        self.voice = Voice()
        self.room = asyncio.Event()  # set with each frame that was played
        self.said_goodbye = False  # whether the client has ended the connection by a request
        self._news = news
        self._resamplers: dict[tuple[str, int], soxr.ResampleStream] = {}

    @property
    def left(self) -> bool:
        """Whether the client is gone."""
        return self.channel.left

    def leave(self, said: bool = False) -> None:
        """Note that the client is gone, and whether it said so."""
        self.said_goodbye = self.said_goodbye or said
        self.channel.leave()
        self._news.set()
        self.room.set()

    async def receive(self) -> Received:
        """Return the client's next message, or its next audio as `spoken`. Raises Gone where the client is gone."""
        while True:
            if self.left or self.channel.gone:
                raise Gone
            if (text := self.channel.take()) is not None:
                return {"text": text}
            if (spoken := self.microphone.take()) is not None:
                return {"spoken": spoken}
            self._news.clear()
            await self._news.wait()

    async def send(self, out: Out) -> None:
        """Send an event, and the speech that belongs to it. Raises Gone where the client is gone."""
        if out.voice:
            await self._speak(out)
            if out.key != "data" or not any(name in out.event for name in _TOLD):
                return
        await self.channel.send(written(out.event))

    async def finish(self) -> None:
        """Wait until what waits has been played, and has been sent."""
        while self.voice.waits and not self.left:
            self.room.clear()
            await self.room.wait()
        await self.channel.settle()

    async def _speak(self, out: Out) -> None:
        while self.voice.waiting_ms > _MOST_VOICE_MS:
            if self.left:
                raise Gone
            self.room.clear()
            await self.room.wait()
        self.speak(out)

    def speak(self, out: Out) -> None:
        """Have speech played behind what waits, however much that is."""
        rate, offset = out.event.get("sample_rate"), out.event.get("offset_ms", out.event.get("elapsed_ms"))
        assert isinstance(rate, int)
        assert isinstance(offset, int)
        self.voice.add(out.voice, offset, self._resampled(out, rate))

    def _resampled(self, out: Out, rate: int) -> Samples:
        samples = np.frombuffer(out.audio, "<i2")
        if rate == RATE:
            return samples
        key = (out.voice, rate)
        stream = self._resamplers.get(key) or soxr.ResampleStream(rate, RATE, 1, "int16", "LQ")
        self._resamplers[key] = stream
        found = stream.resample_chunk(samples, last=out.ends)
        if out.ends:
            del self._resamplers[key]
        return np.asarray(found, dtype=np.int16)


class PeerDialect:
    """A dialect, spoken over WebRTC: its audio comes by a track, and what was played is known."""

    def __init__(self, inner: SpokenDialect, voice: Voice) -> None:
        self.forgiving = inner.forgiving
        self._inner = inner
        self._voice = voice

    @property
    def heard_ms(self) -> float:
        """Where the session's audio stands that came, in milliseconds."""
        return self._inner.heard_ms

    @property
    def fatal(self) -> int:
        """The HTTP status of the error that ended the session; 0 for none."""
        return self._inner.fatal

    def read(self, message: Received) -> Iterable[pb.ClientMessage]:
        """Yield what the gateway is to be sent for a client's message or audio. Raises InvalidArgument."""
        spoken = message.get("spoken")
        return self._inner.spoken(spoken) if isinstance(spoken, Spoken) else self._inner.read(message)

    def answers(self) -> Iterator[Event]:
        """Yield what the dialect itself has to say to the message that was read last."""
        return self._inner.answers()

    def played(self) -> Iterator[tuple[str, int]]:
        """Yield how far voices were played: by the track's clock, whatever the client tells."""
        for _ in self._inner.played():
            pass
        return self._voice.played()

    def events(self, message: pb.ServerMessage) -> Iterator[Out]:
        """Yield the events for a message of the gateway."""
        return self._inner.events(message)

    def refusal(self, fault: Fault, fatal: bool) -> Event:
        """Return the event of a fault."""
        return self._inner.refusal(fault, fatal)

    def goodbye(self, milliseconds: int) -> Event | None:
        """Return the event that asks the client to go on elsewhere; None where the dialect has none."""
        return self._inner.goodbye(milliseconds)

    def beat(self) -> Event | None:
        """Return the event of a heartbeat; None for none."""
        return self._inner.beat()
