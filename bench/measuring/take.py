"""One measured session: speech in at a chosen pace, and every event with the moment it came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import numpy as np

import babelmesh
from babelmesh.client.audio import CHUNK_MS, CHUNK_SAMPLES, SAMPLE_RATE, Pace
from babelmesh.client.events import DELIVERY_CAPTIONS, Event
from services.common.audio.pcm import Pcm, from_bytes

AUDIBLE = 10 ** (-50 / 20) * 32768  # -50 dBFS


@dataclass(frozen=True, slots=True)
class Voice:
    """The speech of one target, whole."""

    pcm: Pcm
    hertz: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.pcm) / self.hertz

    @property
    def level_dbfs(self) -> float:
        """Its root mean square, against full scale; -120 for silence."""
        power = float(np.mean(self.pcm.astype(np.float64) ** 2)) if len(self.pcm) else 0.0
        return max(-120.0, 10 * float(np.log10(power / 32768**2))) if power else -120.0


@dataclass(slots=True)
class Take:
    """What came back, in seconds on the session's clock: 0 is when the first sample was spoken."""

    source_seconds: float
    targets: Sequence[str]
    events: list[tuple[float, Event]] = field(default_factory=list)
    trailing_silence_ms: int = 0  # what was agreed

    @property
    def transcript(self) -> str:
        """The final transcripts, joined."""
        return " ".join(each.text for _, each in self.events if isinstance(each, babelmesh.AsrResult) and each.final)

    def translation(self, lang: str) -> str:
        """The final translations of a target, joined."""
        return " ".join(each.text for _, each in self.translations(lang) if each.final)

    def translations(self, lang: str) -> list[tuple[float, babelmesh.TranslationResult]]:
        """Every translation of a target."""
        results = [(at, each) for at, each in self.events if isinstance(each, babelmesh.TranslationResult)]
        return [(at, each) for at, each in results if each.target_lang == lang]

    def chunks(self, lang: str) -> list[tuple[float, babelmesh.TtsChunk]]:
        """The speech of a target, as it came."""
        spoken = [(at, each) for at, each in self.events if isinstance(each, babelmesh.TtsChunk)]
        return [(at, each) for at, each in spoken if each.target_lang == lang]

    def voice(self, lang: str) -> Voice:
        """The speech of a target, joined."""
        chunks = [each for _, each in self.chunks(lang)]
        return Voice(from_bytes(b"".join(each.data for each in chunks)), chunks[0].sample_rate if chunks else 1)

    def onset_seconds(self) -> float:
        """When the first recognized word began."""
        starts = [each.start_ms for _, each in self.events if isinstance(each, babelmesh.AsrResult)]
        return min(starts, default=0) / 1000

    def first_word_seconds(self, lang: str) -> float | None:
        """From the first source word's onset to the first concluded word of a target; None without one."""
        concluded = (at for at, each in self.translations(lang) if each.text and (each.stable_length or each.final))
        first = next(concluded, None)
        return None if first is None else first - self.onset_seconds()

    def first_shown_seconds(self, lang: str) -> float | None:
        """From the first source word's onset to the first word of a target that was shown, tentative or not."""
        first = next((at for at, each in self.translations(lang) if each.text.strip()), None)
        return None if first is None else first - self.onset_seconds()

    def final_seconds(self, lang: str) -> list[float]:
        """Of each segment, from the end of its speech to its final translation, by the ledger."""
        return [seconds for _, seconds in self.final_lags(lang)]

    def final_lags(self, lang: str) -> list[tuple[float, float]]:
        """As `final_seconds`, each with the moment its speech ended."""
        ledger = [each for _, each in self.events if isinstance(each, babelmesh.Latency) and each.target_lang == lang]
        told = [each for each in ledger if each.HasField("translated_ms")]
        return [(each.captured_ms / 1000, (each.translated_ms - each.captured_ms) / 1000) for each in told]

    def shown_seconds(self, lang: str) -> list[float]:
        """Of each segment that is translated, from its onset to the first word of its translation, tentative or not."""
        starts: dict[int, float] = {}
        for _, each in self.events:
            if isinstance(each, babelmesh.AsrResult):
                starts.setdefault(each.segment_id, each.start_ms / 1000)
        first: dict[int, float] = {}
        for at, result in self.translations(lang):
            if result.text.strip():
                first.setdefault(result.segment_id, at)
        return [at - starts[number] for number, at in first.items() if number in starts]

    def first_audio_seconds(self, lang: str) -> float | None:
        """From the first source word's onset to the first audible sample of a target's speech, played as it came."""
        for at, chunk in self.chunks(lang):
            loud = np.flatnonzero(np.abs(from_bytes(chunk.data).astype(np.int32)) > AUDIBLE)
            if len(loud):
                return at + int(loud[0]) / chunk.sample_rate - self.onset_seconds()
        return None


async def take(
    mesh: babelmesh.Mesh,
    pcm: Pcm,
    targets: Sequence[str | babelmesh.Target],
    speed: float = 1.0,
    config: babelmesh.SessionConfig | None = None,
) -> Take:
    """Stream English speech through a session of its own; `speed` 0 is as fast as it is taken."""
    result = Take(len(pcm) / SAMPLE_RATE, [each if isinstance(each, str) else each.lang for each in targets])
    loop = asyncio.get_running_loop()
    hello = babelmesh.SessionConfig(partial_results=True)
    hello.MergeFrom(config or babelmesh.SessionConfig())
    async with mesh.session(hello.source_lang or "en", targets, hello) as session:
        result.trailing_silence_ms = session.ready.config.endpointing.trailing_silence_ms
        started = loop.time()
        async for event in session.translate(chunks(pcm, speed)):
            result.events.append((loop.time() - started, event))
    return result


def captions(langs: Sequence[str]) -> list[babelmesh.Target]:
    """Targets that are shown and not spoken."""
    return [babelmesh.Target(lang=lang, delivery=DELIVERY_CAPTIONS) for lang in langs]


async def chunks(pcm: Pcm, speed: float) -> AsyncIterator[bytes]:
    """Speech as a microphone would give it, or `speed` times as fast."""
    pace = Pace(speed)
    for start in range(0, len(pcm), CHUNK_SAMPLES):
        await pace.hold(CHUNK_MS)
        yield pcm[start : start + CHUNK_SAMPLES].tobytes()
