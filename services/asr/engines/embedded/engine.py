"""pocketsphinx on the CPU, with the English model of its wheel: one child program per session.

The recognizer holds the interpreter's lock for as long as it decodes, up to a second at a segment's end; in a thread
it would stop all sessions.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import metadata

from services.asr.cadence import Cadence
from services.asr.engine import Endpoint, Heard, Hypothesis, PrefixRules, Speech, Stabilization, Word
from services.asr.engines.embedded.sphinx import (
    AUDIO,
    END,
    FRAME_SAMPLES,
    HEADER_IN,
    HEADER_OUT,
    HYPOTHESIS,
    QUICK,
    SESSION,
    Options,
    WordFrames,
)
from services.asr.settings import AsrSettings, EmbeddedSettings
from services.common.audio.pcm import ASR_RATE
from services.common.engines.children import Pool, ended
from services.common.engines.load import Load
from services.common.errors import StageFailed
from services.common.server.starving import own_time

START_SECONDS = 30.0  # a program that has to load its model first, on a busy machine

SPARE_SECONDS = 2.0  # a child that does not answer is replaced first


class Engine:
    """The pocketsphinx engine: a pool of child programs, one lent to each session."""

    name = "embedded"
    device = "cpu"
    versions = ()
    biased = False
    wideband = True  # bench/recognition/telephone.py measures it
    languages = ("en-US",)
    written = False
    prefixes: Mapping[
        Stabilization, PrefixRules
    ] = {  # for hypotheses 100 ms apart; docs/adr/0009-words-are-concluded-by-rules-of-the-engine.md
        Stabilization.FAST: PrefixRules(agreement=3),
        Stabilization.BALANCED: PrefixRules(agreement=4),
        Stabilization.AGGRESSIVE: PrefixRules(agreement=6),
    }

    def __init__(self, settings: AsrSettings) -> None:
        self.version = f"pocketsphinx {metadata.version('pocketsphinx')}"
        self._settings = settings.embedded
        self.patience_seconds = settings.embedded.reply_seconds + SPARE_SECONDS
        self._warm = min(settings.embedded.warm, settings.slots)
        self._pool = Pool(self._start_child, settings.slots)
        self.load = Load("asr", settings.slots)  # a session has a child of its own for as long as it lasts

    async def start(self) -> None:
        """Start the child programs that are kept ready."""
        await self._pool.warm(self._warm)

    async def stop(self) -> None:
        """End all child programs, and wait until they are gone."""
        await self._pool.close()

    async def recognize(
        self, heard: AsyncIterator[Heard], language: str, affinity: int = 0
    ) -> AsyncGenerator[Hypothesis, None]:
        """Recognize the session's speech in a child program of its own. Raises StageFailed when the program ends or
        hangs.
        """
        async with self._lent() as child:
            await child.begin()
            cadence = Cadence(self._settings.hypothesis_ms * ASR_RATE // 1000)
            start_samples: int | None = None  # of the open segment
            async for item in heard:
                if isinstance(item, Speech):
                    if start_samples is None:
                        start_samples = item.offset_samples
                        if item.hurried and self._settings.second_pass:
                            await child.ask(QUICK)
                    words = await child.ask(HYPOTHESIS if cadence.due(item) else AUDIO, item.pcm.tobytes())
                    if words:
                        yield Hypothesis(_placed(words, start_samples))
                elif isinstance(item, Endpoint):
                    words = await child.ask(END)
                    yield Hypothesis(_placed(words or [], start_samples or 0), final=True)
                    start_samples = None
                    cadence.restart()

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[SphinxChild]:
        async with AsyncExitStack() as stack:
            with self.load.waiting():
                child = await stack.enter_async_context(self._pool.lent())
            stack.enter_context(self.load.working())
            yield child

    async def _start_child(self) -> SphinxChild:
        child = SphinxChild(await _spawn(self._settings), self._settings)
        try:
            await child.ask(SESSION, seconds=START_SECONDS)  # answered once its model is loaded
        except BaseException:
            await child.close()
            raise
        return child


class SphinxChild:
    """A running pocketsphinx program, lent to one session at a time."""

    def __init__(self, process: Process, settings: EmbeddedSettings) -> None:
        self._process = process
        self._settings = settings

    async def begin(self) -> None:
        """Begin a session. A program that died while it was idle is replaced. Raises StageFailed."""
        if self._process.returncode is None:
            try:
                await self._answer(SESSION, b"", START_SECONDS)
            except (asyncio.IncompleteReadError, ConnectionError):
                await ended(self._process)  # it had died, which the loop had not heard of yet
            else:
                return
        self._process = await _spawn(self._settings)
        await self.ask(SESSION, seconds=START_SECONDS)

    async def ask(self, kind: bytes, payload: bytes = b"", seconds: float | None = None) -> list[WordFrames] | None:
        """Send one frame to the program, and return its answer.

        Raises StageFailed when the program dies, or gives none in so many seconds of its own, `reply_seconds` if unset.
        """
        try:
            return await self._answer(kind, payload, seconds or self._settings.reply_seconds)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise _failed("ended unexpectedly") from error

    async def _answer(self, kind: bytes, payload: bytes, seconds: float) -> list[WordFrames] | None:
        try:
            async with own_time(seconds):
                answer = await _exchange(self._process, HEADER_IN.pack(kind, len(payload)) + payload)
        except TimeoutError as error:
            raise _failed(f"gave no answer within {seconds} s") from error
        words: list[WordFrames] | None = json.loads(answer)
        return words

    async def close(self) -> None:
        """End the program and wait until it is gone; it holds no state worth saving."""
        await ended(self._process)


async def _spawn(settings: EmbeddedSettings) -> Process:
    options = Options(settings.second_pass)
    module = "services.asr.engines.embedded.sphinx"
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, options.to_json(), stdin=PIPE, stdout=PIPE
    )


async def _exchange(process: Process, frame: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(frame)
    await process.stdin.drain()
    (length,) = HEADER_OUT.unpack(await process.stdout.readexactly(HEADER_OUT.size))
    return await process.stdout.readexactly(length)


def _placed(words: list[WordFrames], start_samples: int) -> tuple[Word, ...]:
    return tuple(
        Word(text, start_samples + first * FRAME_SAMPLES, start_samples + end * FRAME_SAMPLES, confidence)
        for text, first, end, confidence in words
    )


def _failed(what: str) -> StageFailed:
    return StageFailed("ASR_ENGINE_FAILED", f"The recognizer {what}.", retry_after_ms=100, stage="ASR")
