"""The child programs of the embedded recognizer: that they end, and that a broken one is replaced."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import psutil
import pytest

from services.asr.engine import Endpoint, Engine, Heard, Hypothesis, Speech
from services.asr.settings import AsrSettings
from services.common.engines import engine_class
from services.common.errors import StageFailed
from tests.mesh.asr import loud

pytest.importorskip("pocketsphinx")

TONE = np.frombuffer(loud(500), np.int16)


@asynccontextmanager
async def embedded(**options: Any) -> AsyncIterator[Engine]:
    engine: Engine = engine_class("asr", "embedded")(AsrSettings(slots=1, embedded={"warm": 1, **options}))
    await engine.start()
    try:
        yield engine
    finally:
        await engine.stop()


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "services.asr.engines.sphinx" in child.cmdline()]


async def one_utterance() -> AsyncIterator[Heard]:
    yield Speech(TONE, 0)
    yield Endpoint()


async def hypotheses(engine: Engine) -> list[Hypothesis]:
    return [hypothesis async for hypothesis in engine.recognize(one_utterance(), "en-US")]


async def struck(number: signal.Signals) -> AsyncIterator[Heard]:
    """An utterance in the midst of which the child gets a signal."""
    yield Speech(TONE, 0)
    children()[0].send_signal(number)
    yield Endpoint()


async def test_children_are_warm_at_the_start_and_gone_at_the_end() -> None:
    async with embedded():
        assert len(children()) == 1
    assert not children()


async def test_a_child_that_died_while_it_was_idle_is_replaced_unseen() -> None:
    async with embedded() as engine:
        children()[0].kill()
        await asyncio.sleep(0.1)  # for the loop to hear of it
        assert [hypothesis.final for hypothesis in await hypotheses(engine)][-1:] == [True]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_child_that_dies_or_hangs_fails_its_session_and_is_replaced(number: signal.Signals) -> None:
    async with embedded(reply_seconds=1) as engine:
        (struck_child,) = children()
        with pytest.raises(StageFailed) as raised:
            _ = [hypothesis async for hypothesis in engine.recognize(struck(number), "en-US")]
        assert raised.value.code == "ASR_ENGINE_FAILED"
        assert not struck_child.is_running()
        assert [hypothesis.final for hypothesis in await hypotheses(engine)][-1:] == [True]


async def test_a_child_that_cannot_start_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(StageFailed):
        async with embedded():
            pass


ORPHAN = """
import asyncio, psutil
from services.asr.engines.embedded import Engine
from services.asr.settings import AsrSettings

async def main():
    await Engine(AsrSettings(embedded={"warm": 1})).start()
    print(psutil.Process().children()[0].pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_children_end_when_their_parent_is_killed() -> None:
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", ORPHAN, stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    child = psutil.Process(int(await parent.stdout.readline()))
    parent.kill()
    await parent.wait()
    gone, _ = await asyncio.to_thread(psutil.wait_procs, [child], timeout=5)
    assert gone
