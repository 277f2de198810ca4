"""The child programs of the embedded recognizer: that they end, and that a broken one is replaced."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from services.asr.engine import Endpoint, Engine, Heard, Hypothesis, Speech
from services.asr.settings import AsrSettings
from services.common.engines.selection import engine_class
from services.common.errors import StageFailed
from tests.contract.recordings import recording
from tests.mesh.asr import loud

pytest.importorskip("pocketsphinx")

HANGS = f"""#!{sys.executable}
import sys, time
while sys.stdin.buffer.read(5)[:1] == b"S":
    sys.stdout.buffer.write(bytes([4, 0, 0, 0]) + b"null")
    sys.stdout.buffer.flush()
time.sleep(60)
"""
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
    return [child for child in psutil.Process().children() if "services.asr.engines.embedded.sphinx" in child.cmdline()]


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
        assert [hypothesis.final for hypothesis in await hypotheses(engine)][-1:] == [True]


async def test_a_child_that_hangs_fails_its_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "program"
    program.write_text(HANGS)
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    async with embedded(reply_seconds=0.3) as engine:
        with pytest.raises(StageFailed) as raised:
            await hypotheses(engine)
        assert raised.value.code == "ASR_ENGINE_FAILED"


async def test_a_child_that_is_stopped_for_longer_than_its_time_goes_on_where_it_was() -> None:
    async def stopped() -> AsyncIterator[Heard]:
        yield Speech(TONE, 0)
        children()[0].send_signal(signal.SIGSTOP)
        asyncio.get_running_loop().call_later(1.0, children()[0].send_signal, signal.SIGCONT)
        yield Endpoint()

    async with embedded(reply_seconds=0.4) as engine:
        heard = [hypothesis.final async for hypothesis in engine.recognize(stopped(), "en-US")]
    assert heard[-1:] == [True]


async def test_a_hurried_segment_is_searched_once_and_the_next_twice_again() -> None:
    spoken = recording("vm-goodbye")

    async def three() -> AsyncIterator[Heard]:
        for number in range(3):
            yield Speech(spoken, number * len(spoken), hurried=number == 1)
            yield Endpoint()

    async with embedded() as engine:
        finals = [each for each in [_ async for _ in engine.recognize(three(), "en-US")] if each.final]
    assert [any(word.confidence for word in each.words) for each in finals] == [True, False, True]


async def test_a_child_that_dies_fails_its_session_and_is_replaced() -> None:
    async with embedded() as engine:
        (struck_child,) = children()
        with pytest.raises(StageFailed) as raised:
            _ = [hypothesis async for hypothesis in engine.recognize(struck(signal.SIGKILL), "en-US")]
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
from services.asr.engines.embedded.engine import Engine
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
    gone, _ = await asyncio.to_thread(psutil.wait_procs, [child], timeout=60)
    assert gone
