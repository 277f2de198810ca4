"""The command line where files, folders or terminals are odd: one line that says what is wrong, and no traceback."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.unit.babelmesh.fake_server import Call, interpret, serving
from tests.unit.babelmesh.sounds import encoded, tone, wav

COMMAND = Path(sys.executable).parent / "babelmesh"


async def _shell(line: str, address: str, cwd: Path, encoding: str = "utf-8") -> tuple[int, str, str]:
    """Runs a line of a shell, `babelmesh translate` where $RUN stands, and gives status, output and errors."""
    run = f"{COMMAND} translate --server {address}"
    child = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        line.replace("$RUN", run),
        cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": encoding},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return child.returncode or 0, out.decode(), err.decode()


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    return wav(tmp_path / "talk.wav", [tone(0.5)])


async def _wordless(call: Call) -> None:
    await call.ready()
    await call.read_all()
    await call.send(end=pb.End())


async def test_a_file_without_a_word_says_so_and_has_a_status_of_its_own(tmp_path: Path, talk: Path) -> None:
    async with serving(_wordless) as (address, _):
        status, _, err = await _shell("$RUN talk.wav --to es", address, tmp_path)
    assert (status, err.splitlines()[-1]) == (4, "babelmesh: No word was recognized in talk.wav.")
    assert (tmp_path / "out" / "talk.es.srt").exists()


async def test_another_track_than_the_first_is_sent_when_it_is_named(tmp_path: Path) -> None:
    encoded(tmp_path / "talk.mka", "flac", tone(0.3), tone(0.6))
    async with serving(interpret) as (address, server):
        status, _, err = await _shell("$RUN talk.mka --to es --track 2", address, tmp_path)
        assert status == 0, err
        refused = await _shell("$RUN talk.mka --to es --track 3", address, tmp_path)
    assert sum(len(message.audio.data) for message in server.calls[0].received) == 2 * 9600
    assert refused[::2] == (1, "babelmesh: talk.mka has 2 audio tracks, and no track 3.\n")


async def test_what_was_skipped_of_a_file_is_told_at_the_end(tmp_path: Path) -> None:
    path = encoded(tmp_path / "talk.flac", "flac", tone(3.0))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    async with serving(interpret) as (address, _):
        status, _, err = await _shell("$RUN talk.flac --to es", address, tmp_path)
    assert status == 0, err
    assert "talk.flac: It ends 2.1 s before its header says." in err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("$RUN talk.wav --to es --out talk.wav/out", "talk.wav is no folder: nothing can be written into it."),
        ("ulimit -f 1; $RUN talk.wav --to es", "cannot be written: File too large."),
        ("$RUN talk.wav --to es > /dev/full", "The output cannot be written: No space left on device."),
    ],
)
async def test_what_cannot_be_written_is_one_line(tmp_path: Path, talk: Path, line: str, says: str) -> None:
    async with serving(interpret) as (address, _):
        status, _, err = await _shell(line, address, tmp_path)
    assert status == 1, err
    assert "Traceback" not in err
    assert next(told for told in err.splitlines() if told.startswith("babelmesh: ")).endswith(says)


async def test_a_terminal_that_knows_ascii_alone_gets_the_rest_escaped(tmp_path: Path, talk: Path) -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await call.read_all()
        await call.send(asr=pb.AsrResult(text="Mañana 😀.", final=True, segment_id=1))
        await call.send(end=pb.End())

    async with serving(script) as (address, _):
        status, out, err = await _shell("$RUN talk.wav --to es", address, tmp_path, encoding="ascii")
    assert status == 0, err
    assert out == "[0:00.0] en  Ma\\u00f1ana \\ud83d\\ude00.\n"


async def test_a_session_that_fails_leaves_subtitles_of_what_was_concluded(tmp_path: Path, talk: Path) -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await call.send(asr=pb.AsrResult(text="Good day to", stable_length=8, segment_id=1, end_ms=1000))
        await call.send(error=pb.Error(code="INTERNAL", message="It broke.", fatal=True))

    async with serving(script) as (address, _):
        status, _, err = await _shell("$RUN talk.wav --to es", address, tmp_path)
    assert status == 1, err
    assert (tmp_path / "out" / "talk.en.srt").read_text().splitlines()[-1] == "Good day"
