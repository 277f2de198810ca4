"""Neural voices, with batches across sessions and without: first audio, and seconds of speech made each second.

    python -m bench.voice.tts_voices [BUNDLE ...] [--sessions 1,4,16] [--clauses 8] [--device auto]

Without a bundle it is the small voice of the tests, which is much faster than any that one would listen to.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.measuring.report import Rows, finish
from services.tts import espeak
from services.tts.engine import Clause, Voice
from services.tts.engines.onnx.engine import Engine
from services.tts.neural.phonemizer import Phonemizer
from services.tts.settings import OnnxSettings, TtsSettings

SMALL = Path("tests/models/tts/es-small")
TEXT = "Necesito la casa, y el coche no est\u00e1 aqu\u00ed. \u00bfD\u00f3nde vive tu familia?"
PHONEMES = 20  # clauses that espeak-ng is asked about


@dataclass(slots=True)
class Heard:
    """What the sessions of a run got."""

    first_ms: list[float] = field(default_factory=list)
    samples: int = 0


async def session(engine: Engine, voice: Voice, clauses: int, affinity: int, heard: Heard) -> None:
    """Speaks one clause after the other."""
    for _ in range(clauses):
        since, first = time.perf_counter(), True
        async with aclosing(engine.synthesize(Clause(TEXT, voice, affinity=affinity))) as speech:
            async for piece in speech:
                if first:
                    heard.first_ms.append(1000 * (time.perf_counter() - since))
                    first = False
                heard.samples += len(piece) // 2


async def measured(options: OnnxSettings, sessions: Sequence[int], clauses: int, table: Rows) -> None:
    """A row for each number of sessions and each voice."""
    engine = Engine(TtsSettings(onnx=options))
    await engine.start()
    for voice in engine.voices:
        await session(engine, voice, 1, 0, Heard())
        for count in sessions:
            heard, since = Heard(), time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for number in range(count):
                    group.create_task(session(engine, voice, clauses, number + 1, heard))
            seconds = time.perf_counter() - since
            p50, p95 = np.percentile(heard.first_ms, [50, 95])
            speed = heard.samples / engine.sample_rate_hertz / seconds
            table.add(
                voice.name, engine.device, options.batch_items, count, round(p50, 1), round(p95, 1), round(speed, 2)
            )
    await engine.stop()


async def phonemes_ms() -> float:
    """How long espeak-ng takes about a clause, at the median."""
    phonemizer, found = Phonemizer("espeak-ng", "es", 10.0), []
    await phonemizer.start()
    for _ in range(PHONEMES):
        since = time.perf_counter()
        await phonemizer.phonemes([TEXT])
        found.append(1000 * (time.perf_counter() - since))
    return float(np.median(found))


async def main(arguments: argparse.Namespace) -> None:
    """Measures and reports."""
    columns = ("voice", "device", "batch", "sessions", "first audio p50 ms", "p95 ms", "speech s/s")
    table = Rows("Neural voices", columns)
    bundles = arguments.bundles or [SMALL]
    for most in (1, 16):
        options = OnnxSettings.model_validate({"bundles": bundles, "device": arguments.device, "batch_items": most})
        await measured(options, [int(count) for count in arguments.sessions.split(",")], arguments.clauses, table)
    program = Rows("Phonemes", ("espeak-ng", "ms for a clause"))
    program.add(await espeak.version("espeak-ng"), round(await phonemes_ms(), 1))
    finish("tts_voices", [table, program], {})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bundles", nargs="*", type=Path)
    parser.add_argument("--sessions", default="1,4,16")
    parser.add_argument("--clauses", type=int, default=8)
    parser.add_argument("--device", default="auto")
    asyncio.run(main(parser.parse_args()))
