"""The engines of the stages as an arm: one request a line, of one task, answered by one line.

    python -m bench.libraries.ours TASK BUNDLE

A request is a JSON list: texts, or paths of 16 kHz samples as `.npy`. The answer has the CPU seconds of this process
(`cpu`), those until the first output of each item (`first`), what was made of each (`texts`), and the seconds of
speech made (`seconds`).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from services.asr.engine import Endpoint, Heard, Speech
from services.asr.settings import AsrSettings
from services.common.audio.pcm import ASR_RATE, Pcm
from services.common.engines.selection import engine_class
from services.mt.engine import Pair, Source
from services.mt.settings import MtSettings
from services.tts.engine import Clause
from services.tts.settings import TtsSettings

CHUNK_SAMPLES = ASR_RATE // 10

Answer = dict[str, Any]
Answering = Callable[[Sequence[str]], Awaitable[Answer]]


async def recognizing(bundle: str, live: bool) -> Answering:
    """Clips by the recognizer: with the hypotheses of a live session, or in one piece."""
    settings = AsrSettings.model_validate({"engine": "moonshine", "moonshine": {"bundles": [bundle], "device": "cpu"}})
    engine = engine_class("asr", "moonshine")(settings)
    await engine.start()

    async def speech(pcm: Pcm) -> AsyncIterator[Heard]:
        step = CHUNK_SAMPLES if live else len(pcm)
        for start in range(0, len(pcm), step):
            yield Speech(pcm[start : start + step], start)
        yield Endpoint()

    async def answer(items: Sequence[str]) -> Answer:
        texts, first, began = [], [], time.process_time()
        for path in items:
            pcm, begun, early = np.load(path), time.process_time(), 0.0
            async for hypothesis in engine.recognize(speech(pcm), engine.languages[0]):
                early = early or time.process_time() - begun
                if hypothesis.final:
                    texts.append(hypothesis.text)
            first.append(early)
        return {"cpu": time.process_time() - began, "first": first, "texts": texts, "seconds": 0.0}

    return answer


async def translating(bundle: str) -> Answering:
    """Texts by the translator, one after the other."""
    settings = MtSettings.model_validate({"engine": "firefox", "firefox": {"bundles": [bundle], "device": "cpu"}})
    engine = engine_class("mt", "firefox")(settings)
    await engine.start()
    pair: Pair = engine.pairs[0]

    async def answer(items: Sequence[str]) -> Answer:
        began = time.process_time()
        texts = [(await engine.translate(Source(text, pair))).text for text in items]
        return {"cpu": time.process_time() - began, "first": [], "texts": texts, "seconds": 0.0}

    return answer


async def speaking(bundle: str, name: str, voice: str) -> Answering:
    """Sentences by a voice, in the windows that the stage makes."""
    settings = TtsSettings.model_validate({"engine": name, name: {"bundles": [bundle], "device": "cpu"}})
    engine = engine_class("tts", name)(settings)
    await engine.start()
    chosen = next(each for each in engine.voices if voice in each.name)

    async def answer(items: Sequence[str]) -> Answer:
        first, made, began = [], 0, time.process_time()
        for text in items:
            begun, early = time.process_time(), 0.0
            async for piece in engine.synthesize(Clause(text, chosen)):
                early = early or time.process_time() - begun
                made += len(piece) // 2
            first.append(early)
        spent = time.process_time() - began
        return {"cpu": spent, "first": first, "texts": [], "seconds": made / engine.sample_rate_hertz}

    return answer


async def arm(task: str, bundle: str) -> Answering:
    """The engine of a task."""
    match task:
        case "recognition, whole":
            return await recognizing(bundle, live=False)
        case "recognition, live":
            return await recognizing(bundle, live=True)
        case "translation":
            return await translating(bundle)
        case "voice, Piper":
            return await speaking(bundle, "onnx", "")
        case "voice, Kokoro":
            return await speaking(bundle, "kokoro", "af_heart")
        case _:
            raise ValueError(f"unknown task {task!r}")


async def main() -> None:
    """Answer requests until the input ends."""
    task, bundle = sys.argv[1:]
    answer = await arm(task, str(Path(bundle)))
    for line in sys.stdin:
        print(json.dumps(await answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
