"""A warm Apertium pipeline: its stages are programs joined by pipes, and answer one NUL-ended text after the other."""

from __future__ import annotations

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Sequence

from services.common.cancelling import uninterrupted
from services.common.engines.children import ended
from services.common.errors import StageFailed
from services.common.server.starving import own_time
from services.mt.engines.embedded.modes import Command

ANSWER_BYTES = 1 << 20
# lt-proc holds back a word at the very end of a text until something follows it.
END = b"\n\0"


class PipelineBroke(Exception):
    """Raised when a program of an Apertium pipeline has ended."""


class Pipeline:
    """One pair's running programs. After an answer that was not awaited the pipeline is out of step, and must be
    closed.
    """

    def __init__(self, stages: Sequence[Process]) -> None:
        self._stages = stages

    @classmethod
    async def started(cls, commands: Sequence[Command], start_seconds: float) -> Pipeline:
        """Start a pipeline, and wait for a first answer. Raises StageFailed when none comes in time."""
        stages: list[Process] = []
        pipeline = cls(stages)
        try:
            async with own_time(start_seconds):
                await _spawn(commands, stages)
                await pipeline.ask("ok")
        except (OSError, TimeoutError, PipelineBroke) as error:
            await pipeline.close()
            raise engine_failed("The translator's programs could not be started.") from error
        except BaseException:
            await uninterrupted(pipeline.close())
            raise
        return pipeline

    @property
    def alive(self) -> bool:
        """Whether no program of the pipeline is known to have ended."""
        return all(stage.returncode is None for stage in self._stages)

    async def ask(self, text: str) -> str:
        """Return the pipeline's answer to a text without NUL. Raises PipelineBroke when a program has ended."""
        into, out = self._stages[0].stdin, self._stages[-1].stdout
        assert into is not None
        assert out is not None
        if into.is_closing():  # uvloop's writer then raises a RuntimeError
            raise PipelineBroke
        try:
            into.write(text.encode() + END)
            await into.drain()
            answer = await out.readuntil(b"\0")
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise PipelineBroke from error
        if not answer.endswith(END):
            raise PipelineBroke  # when one program ends, those behind it answer with the little they had
        return answer.removesuffix(END).decode(errors="replace")

    async def close(self) -> None:
        """End every program and wait until all are gone, stopped ones too."""
        async with asyncio.TaskGroup() as tasks:
            for stage in self._stages:
                tasks.create_task(ended(stage))


async def _spawn(commands: Sequence[Command], stages: list[Process]) -> None:
    """Start the programs in order, adding each to `stages` at once, so that the caller can end those that were
    started.
    """
    upstream = PIPE
    for number, command in enumerate(commands):
        last = number == len(commands) - 1
        read_end, write_end = (-1, PIPE) if last else os.pipe()
        try:
            # A session of its own: a Ctrl-C in the terminal is for the service, which drains first.
            stage = await asyncio.create_subprocess_exec(
                *command, stdin=upstream, stdout=write_end, stderr=DEVNULL, limit=ANSWER_BYTES, start_new_session=True
            )
            stages.append(stage)
        except BaseException:
            _close(read_end)
            raise
        finally:
            _close(upstream)
            _close(write_end)
        upstream = read_end


def _close(descriptor: int) -> None:
    if descriptor >= 0:
        os.close(descriptor)


def engine_failed(message: str) -> StageFailed:
    """Return the StageFailed error for an Apertium translator that broke."""
    return StageFailed("MT_ENGINE_FAILED", message, retry_after_ms=500, stage="MT")
