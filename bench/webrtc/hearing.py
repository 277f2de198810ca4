"""What a browser hears by WebRTC: speech in by its microphone, captions by the channel, the voice as Chromium plays it.

    python -m bench.webrtc.hearing [--sounds FOLDER] [--engines best]

Real engines, a headless Chromium, Spanish recordings of Debian's asterisk-core-sounds-es-g722 into English. The voice
is recorded as it plays, and recognized: its word error rate is against the texts that were given to the voice, beside
that of the same texts' voice as the edge sends it over a WebSocket. In a second session the client's own audio is
played as well, `original: ducked`; a tone follows the speech in it, whose level in what is played says how loud the
original is before, under and behind the voice.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import io
import json
import sys
import urllib.request
import wave
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import jiwer
import numpy as np
import numpy.typing as npt
from websockets.asyncio.client import connect

from bench.edge.typing import edges
from bench.measuring.processes import local_mesh
from bench.measuring.report import Rows, at_least, at_most, finish
from bench.recognition.wer import normalized, read_g722
from bench.sessions import engines
from bench.webrtc.calling import HOST, Samples
from bench.webrtc.chromium import Calling, calling, written
from services.common.audio.pcm import ASR_RATE as RATE

SOUNDS = Path("/usr/share/asterisk/sounds/es_MX_f_Allison")
RECORDINGS = ("ss-noservice", "queue-periodic-announce")
SESSION: dict[str, Any] = {"source_lang": "es", "target_lang": "en"}
ADDED_WER = 0.1  # of the voice as Chromium plays it, above that of the voice as the edge sends it over a WebSocket
DUCKED = 0.3
_TONE_HERTZ, _TONE_SECONDS = 1_000, 20
LEAST_UNDER = 3  # tenths of a second in which the original was turned down, to be believed


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of one session."""

    said: tuple[str, ...]  # as it was recognized, by segment
    captions: str
    spoken: str  # the texts of the voice
    pcm: Samples  # what was played


def speech(sounds: Path) -> Samples:
    """The recordings, with a pause in front of each."""
    pause = np.zeros(3 * RATE, np.int16)
    return np.concatenate([part for name in RECORDINGS for part in (pause, read_g722(sounds / f"{name}.g722"))])


def with_tone(pcm: Samples) -> Samples:
    """Speech, and a tone right behind it, which lasts while the voice speaks."""
    times = np.arange(_TONE_SECONDS * RATE) / RATE
    tone = np.asarray(3_000 * np.sin(2 * np.pi * _TONE_HERTZ * times), dtype=np.int16)
    return np.concatenate([pcm, np.zeros(RATE // 2, np.int16), tone])


def levels(pcm: Samples, hertz: float = _TONE_HERTZ) -> npt.NDArray[np.float64]:
    """How much of a tone there is in each tenth of a second."""
    size = RATE // 10
    windows = pcm[: len(pcm) // size * size].reshape(-1, size).astype(float)
    turning = np.exp(-2j * np.pi * hertz * np.arange(size) / RATE)
    return np.asarray(np.abs(windows @ turning) * 2 / size)


def ducked(pcm: Samples, hertz: float = _TONE_HERTZ) -> tuple[int, float]:
    """For how many tenths of a second a tone was turned down, and to what part of its full level (the median)."""
    found = levels(pcm, hertz)
    full = float(np.percentile(found, 99))
    under = found[(found > 0.05 * full) & (found < DUCKED * full)] / full
    return len(under), float(np.median(under)) if len(under) else 1.0


async def session(port: int, pcm: Samples, original: str) -> Heard:
    """Speak into a browser's microphone, and return what came when all of it has."""
    with TemporaryDirectory(prefix="babelmesh-bench-") as folder:
        microphone = written(Path(folder) / "spoken.wav", pcm.tobytes(), RATE)
        async with calling(port, {"session": SESSION, "original": original}, microphone) as made:
            await asyncio.sleep(len(pcm) / RATE + 1)
            return await _to_its_end(made)


async def _to_its_end(made: Calling) -> Heard:
    await made.page.evaluate("() => call.end()")
    await made.came.until("end_of_session", 1, 120)
    await made.page.wait_for_function("() => call.channel.readyState === 'closed'", timeout=30_000)
    spoken = [str(event["text"]) for _, event in made.came.of("tts_audio") if event.get("text")]
    captions = [str(event["text"]) for _, event in made.came.of("final_translation")]
    said = tuple(str(event["text"]) for _, event in made.came.of("final_asr"))
    return Heard(said, " ".join(captions), " ".join(spoken), await made.played(RATE))


async def typed(port: int, texts: tuple[str, ...]) -> Heard:
    """What comes of texts over a WebSocket, without a browser and without Opus."""
    captions, pcm = list[str](), list[Samples]()
    told = {**SESSION, "input": None, "output": {"format": "pcm16le", "sample_rate": RATE}, "features": []}
    async with connect(f"ws://{HOST}:{port}/v1/realtime", compression=None, max_size=None) as socket:
        sent = [{"type": "input_text", "text": each} for each in texts]
        for message in ({"type": "hello", "session": told}, *sent, {"type": "end_of_audio"}):
            await socket.send(json.dumps(message))
        async for answer in socket:
            event = json.loads(answer)
            if event["type"] == "final_translation":
                captions.append(event["text"])
            if event["type"] == "tts_audio":
                pcm.append(np.frombuffer(base64.b64decode(event["data"]), "<i2"))
    return Heard(texts, " ".join(captions), " ".join(captions), np.concatenate(pcm))


def recognized(port: int, pcm: Samples, lang: str) -> str:
    """What the mesh's recognizer makes of samples."""
    into = io.BytesIO()
    with wave.open(into, "wb") as writing:
        writing.setnchannels(1)
        writing.setsampwidth(2)
        writing.setframerate(RATE)
        writing.writeframes(pcm.tobytes())
    request = urllib.request.Request(f"http://{HOST}:{port}/v1/transcribe?source_lang={lang}", into.getvalue())
    with urllib.request.urlopen(request, timeout=200) as answer:
        return str(json.loads(answer.read())["text"])


@dataclass(frozen=True, slots=True)
class Found:
    """What was measured."""

    alone: Heard  # the voice alone, in Chromium
    heard: str  # what is recognized of that
    error: float  # its word error rate
    straight: float  # that of the same texts' voice over a WebSocket
    over: Heard  # with the original under the voice


async def measured(pcm: Samples, names: str) -> Found:
    """Measure both sessions, and the voice beside them."""
    async with local_mesh(engines.flat(names)) as mesh, edges(mesh.address) as ((port, _),):
        alone = await session(port, pcm, "off")
        heard, error = await _wer(port, alone)
        _, straight = await _wer(port, await typed(port, alone.said))
        return Found(alone, heard, error, straight, await session(port, with_tone(pcm), "ducked"))


async def _wer(port: int, of: Heard) -> tuple[str, float]:
    """Return what is recognized of a voice, and its word error rate."""
    heard = await asyncio.to_thread(recognized, port, of.pcm, SESSION["target_lang"])
    return heard, float(jiwer.wer(normalized(of.spoken), normalized(heard)))


def main() -> None:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sounds", type=Path, default=SOUNDS)
    engines.add_option(parser)
    asked = parser.parse_args()
    found = asyncio.run(measured(speech(asked.sounds), asked.engines))
    texts = Rows("what was said, and heard", ["what", "text"])
    texts.add("recognized", " ".join(found.alone.said))
    texts.add("captions", found.alone.captions)
    texts.add("the voice, recognized back", found.heard)
    tenths, level = ducked(found.over.pcm)
    table = Rows("in Chromium", ["what", "figure"])
    table.add("WER of the voice, recognized back", found.error)
    table.add("WER of the same voice over a WebSocket", found.straight)
    table.add("seconds in which the original was turned down", tenths / 10)
    table.add("to this part of its level", level)
    goals = {
        "webrtc.hearing.WER above that over a WebSocket": at_most(found.error - found.straight, ADDED_WER),
        "webrtc.hearing.tenths of a second ducked": at_least(tenths, LEAST_UNDER),
        "webrtc.hearing.level of the original under the voice": at_most(level, DUCKED),
    }
    sys.exit(not finish("webrtc_hearing", [texts, table], goals))


if __name__ == "__main__":
    main()
