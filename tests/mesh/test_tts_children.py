"""The speech synthesis stage on espeak-ng: children that break, hang or are left, and what remains of them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import grpc
import psutil
import pytest

from mesh.tts.v1 import tts_pb2, tts_pb2_grpc
from tests.mesh.tts import asking, children, needs_espeak, pcm_of, spoken, stage, until_slots_used

pytestmark = needs_espeak

LONG = "Esta frase es bastante larga para que el programa tenga algo que contar. " * 10


def impostor(folder: Path, speaks: str) -> str:
    """A program that lists voices like espeak-ng and warms up, then speaks as it is told to."""
    path = folder / "espeak-ng"
    path.write_text(
        f'#!/bin/sh\ncase "$1" in --voices*|--version) exec espeak-ng "$@";; esac\n'
        f'if [ -e {folder}/warm ]; then {speaks}; fi\ntouch {folder}/warm\nexec espeak-ng "$@"\n'
    )
    path.chmod(0o755)
    return str(path)


@pytest.mark.parametrize(
    "speaks", ["exit 1", "kill -9 $$", "echo nonsense that is longer than the head of a sound file; exit 0"]
)
async def test_a_child_that_breaks_is_told_as_unavailable(tmp_path: Path, speaks: str) -> None:
    async with stage("embedded", program=impostor(tmp_path, speaks)) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await spoken(stub, "hola")
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not children()


@pytest.mark.parametrize("speaks", ["exec sleep 60", "sleep 60; exit 1"], ids=["itself", "behind a wrapper"])
async def test_a_child_that_hangs_is_ended_after_its_time(tmp_path: Path, speaks: str) -> None:
    async with stage("embedded", program=impostor(tmp_path, speaks), reply_seconds=0.3) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await spoken(stub, "hola")
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        await until_slots_used(stub, 0)
        assert not [child for child in psutil.Process().children() if _sleeps(child)]


async def test_a_program_that_does_not_tell_its_phonemes_is_told_as_unavailable(tmp_path: Path) -> None:
    async with stage("embedded", program=impostor(tmp_path, "exec sleep 60"), reply_seconds=0.3) as stub:
        with pytest.raises(grpc.aio.AioRpcError) as failed:
            await stub.DescribePronunciation(tts_pb2.DescribePronunciationRequest(lang="es"))
        assert failed.value.code() is grpc.StatusCode.UNAVAILABLE
        assert not [child for child in psutil.Process().children() if "sleep" in child.name()]


async def test_a_cancelled_call_ends_its_child(tmp_path: Path) -> None:
    async with stage("embedded", slots=1, program=impostor(tmp_path, "exec sleep 60")) as stub:
        call = stub.Synthesize(asking("hola"))
        await until_slots_used(stub, 1)
        call.cancel()
        await until_slots_used(stub, 0)
        assert not [child for child in psutil.Process().children() if "sleep" in child.name()]


async def test_a_reader_who_leaves_after_the_first_piece_leaves_nothing_behind() -> None:
    async with stage("embedded", slots=1) as stub:
        call = stub.Synthesize(asking(LONG))
        await call.read()
        call.cancel()
        await until_slots_used(stub, 0)
        assert not children()


async def test_a_stage_without_its_program_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="Install espeak-ng"):
        async with stage("embedded", program=str(tmp_path / "none")):
            pass


async def test_the_text_is_not_in_the_process_list(tmp_path: Path) -> None:
    arguments = tmp_path / "arguments"
    async with stage("embedded", program=impostor(tmp_path, f'echo "$@" > {arguments}')) as stub:
        assert await pcm_of(stub, "secreto")
    assert "-v es" in arguments.read_text()
    assert "secreto" not in arguments.read_text()


async def test_sixteen_calls_at_once_get_each_their_own_speech() -> None:
    texts = ["hola, " * count for count in range(1, 17)]
    async with stage("embedded") as stub:
        alone = [await pcm_of(stub, text) for text in texts]
        assert await asyncio.gather(*(pcm_of(stub, text) for text in texts)) == alone


async def test_a_hundred_calls_leave_nothing_behind() -> None:
    async with stage("embedded") as stub:
        await pcm_of(stub, "hola")
        descriptors, tasks = psutil.Process().num_fds(), len(asyncio.all_tasks())
        await _many(stub)
        assert not children()
        assert psutil.Process().num_fds() <= descriptors
        assert len(asyncio.all_tasks()) < tasks + 10  # gRPC has a few of its own that come and go


def _sleeps(child: psutil.Process) -> bool:
    """Whether it runs: nobody waits for what a wrapper started, but here."""
    return "sleep" in child.name() and child.status() != psutil.STATUS_ZOMBIE


async def _many(stub: tts_pb2_grpc.TtsAsyncStub) -> None:
    for _ in range(25):
        await asyncio.gather(*(pcm_of(stub, "hola") for _ in range(4)))
    await until_slots_used(stub, 0)
