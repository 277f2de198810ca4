"""The command line as a user runs it, against a server that does what it is told."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import wave
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import av
import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from tests.unit.babelmesh.fake_gateway import Plan, gateway
from tests.unit.babelmesh.fake_server import Call, interpret, serving
from tests.unit.babelmesh.test_resuming import audio

COMMAND = Path(sys.executable).parent / "babelmesh"


@dataclass(frozen=True, slots=True)
class Done:
    status: int
    out: str
    err: str


async def _babelmesh(
    *arguments: str | Path, cwd: Path, typed: str | None = None, stdin: IO[bytes] | None = None
) -> Done:
    child = await asyncio.create_subprocess_exec(
        COMMAND,
        *arguments,
        cwd=cwd,
        stdin=asyncio.subprocess.PIPE if typed is not None else stdin or asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate(typed.encode() if typed is not None else None)
    return Done(child.returncode or 0, out.decode(), err.decode())


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(32_000))
    return path


async def test_a_recording_and_its_translation_become_one_file(tmp_path: Path, talk: Path) -> None:
    async with serving(interpret) as (address, _):
        done = await _babelmesh("translate", talk, "--to", "es", "--mux", "--server", address, cwd=tmp_path)
    assert done.status == 0, done.err
    assert "There is no video: writing audio" in done.err
    with av.open(str(tmp_path / "out" / "talk.es.mka")) as file:
        assert [stream.metadata["language"] for stream in file.streams.audio] == ["spa", "eng"]


@pytest.mark.parametrize(
    ("command", "option", "arguments"),
    [
        ("translate", "--latency", ("--latency", "900")),
        ("translate", "--latency", ("--realtime", "--latency", "90")),
        ("translate", "--stabilization", ("--stabilization", "fast")),
        ("translate", "--stabilization", ("--realtime", "--stabilization", "slow")),
        ("translate", "--engines", ("--engines", "small", "--server", "there:7700")),
        ("translate", "--models", ("--models", "models")),
    ],
)
async def test_what_makes_no_sense_together_is_a_usage_error_that_names_the_option(
    tmp_path: Path, talk: Path, command: str, option: str, arguments: tuple[str, ...]
) -> None:
    done = await _babelmesh(command, talk, "--to", "es", *arguments, cwd=tmp_path)
    assert done.status == 2
    assert option in done.err


async def test_a_recording_becomes_plain_lines_and_files(tmp_path: Path, talk: Path) -> None:
    async with serving(interpret) as (address, server):
        done = await _babelmesh("translate", talk, "--to", "es,ca", "--server", address, cwd=tmp_path)
    assert done.status == 0, done.err
    assert done.out.splitlines() == [
        "[0:00.1] en  Hello.",
        "[0:00.1] es  Hello in es.",
        "[0:00.1] ca  Hello in ca.",
    ]
    assert sum(len(message.audio.data) for message in server.calls[0].received) == 32_000
    left = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"talk.es.wav", "talk.ca.wav", "talk.es.srt", "talk.ca.vtt", "talk.en.srt", "talk.json"} <= left
    assert "out/talk.es.wav" in done.err


async def test_events_come_as_lines_of_json(tmp_path: Path, talk: Path) -> None:
    async with serving(interpret) as (address, _):
        done = await _babelmesh("translate", talk, "--to", "es", "--json", "--server", address, cwd=tmp_path)
    events = [json.loads(line)["event"] for line in done.out.splitlines()]
    assert events == ["ready", "asr", "asr", "translation", "tts", "latency", "end", "end"]


async def test_an_utterance_is_explained_on_the_terminal_and_beside_the_files(tmp_path: Path, talk: Path) -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await call.read_all()
        words = [pb.Word(text="Hello", start_ms=100, end_ms=400)]
        await call.send(asr=pb.AsrResult(text="Hello.", final=True, segment_id=1, words=words))
        await call.send(translation=pb.TranslationResult(text="Hola.", final=True, segment_id=1, target_lang="es"))
        await call.send(end=pb.End())

    command = ("translate", talk, "--to", "es", "--realtime", "--explain")
    async with serving(script) as (address, _):
        done = await _babelmesh(*command, "--server", address, cwd=tmp_path)
        as_json = await _babelmesh(*command, "--json", "--server", address, cwd=tmp_path)
    assert (done.status, as_json.status) == (0, 0), done.err + as_json.err
    assert "en heard" in done.out
    assert "Hola.|" in done.out or "|Hola." in done.out  # on which side there is room depends on when it came
    assert "<svg" in (tmp_path / "out" / "talk.explain.svg").read_text()
    assert "talk.explain.svg" in done.err
    assert [json.loads(line)["event"] for line in as_json.out.splitlines()] == ["ready", "asr", "translation", "end"]


async def test_lines_of_text_are_translated_from_arguments_pipe_and_file(tmp_path: Path) -> None:
    async with serving(interpret) as (address, server):
        given = await _babelmesh("text", "--to", "es", "--server", address, "one", "two", cwd=tmp_path)
        piped = await _babelmesh("text", "--to", "es", "--server", address, cwd=tmp_path, typed="one\n\ntwo")
        (tmp_path / "lines.txt").write_text("one\ntwo")
        with (tmp_path / "lines.txt").open("rb") as lines:
            from_file = await _babelmesh("text", "--to", "es", "--server", address, cwd=tmp_path, stdin=lines)
    assert (given.status, piped.status, from_file.status) == (0, 0, 0)
    assert given.out == piped.out == from_file.out == "es  Hello in es.\n"
    for call in server.calls:
        assert not call.hello.HasField("input"), "text needs no recognizer"
        assert [(message.text.text, message.text.final) for message in call.received] == [("one", True), ("two", True)]


async def test_a_refusal_is_one_line_and_status_1(tmp_path: Path, talk: Path) -> None:
    async def script(call: Call) -> None:
        error = pb.Error(code="UNKNOWN_LANGUAGE", message="'xx' is not available.", fatal=True)
        error.accepted.extend(["ca", "es"])
        await call.send(error=error)

    async with serving(script) as (address, _):
        done = await _babelmesh("translate", talk, "--to", "xx", "--server", address, cwd=tmp_path)
    assert (done.status, done.out) == (1, "")
    assert done.err == "babelmesh: 'xx' is not available. Accepted: ca, es.\n"
    assert not (tmp_path / "out").exists()


async def test_nobody_there_is_one_line_that_says_how_to_start_a_mesh(tmp_path: Path, talk: Path) -> None:
    done = await _babelmesh("translate", talk, "--to", "es", "--server", "127.0.0.1:1", cwd=tmp_path)
    assert done.status == 1
    assert done.err.count("\n") == 1
    assert "127.0.0.1:1" in done.err
    assert "babelmesh up" in done.err


async def test_a_missing_file_is_one_line_and_nothing_is_sent(tmp_path: Path, talk: Path) -> None:
    async with serving(interpret) as (address, server):
        done = await _babelmesh("translate", talk, "gone.wav", "--to", "es", "--server", address, cwd=tmp_path)
    assert (done.status, done.err) == (1, "babelmesh: gone.wav cannot be read as audio: No such file or directory.\n")
    assert not server.calls


async def test_what_is_not_understood_is_status_2(tmp_path: Path, talk: Path) -> None:
    done = await _babelmesh("translate", talk, "--to", "es,es", cwd=tmp_path)
    assert done.status == 2
    assert "named twice" in done.err


async def test_what_a_mesh_has_is_a_table_or_json(tmp_path: Path) -> None:
    async with serving(interpret) as (address, _):
        table = await _babelmesh("describe", "--server", address, cwd=tmp_path)
        as_json = await _babelmesh("describe", "--server", address, "--json", cwd=tmp_path)
    assert "en into" in table.out
    pair = {"source_lang": "en", "target_lang": "es", "steps": [], "formalities": []}
    assert json.loads(as_json.out)["pairs"] == [pair]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_a_translation_and_keeps_what_had_come(
    tmp_path: Path, talk: Path, number: signal.Signals
) -> None:
    async def script(call: Call) -> None:
        await call.ready()
        await call.send(asr=pb.AsrResult(text="Hello.", final=True, segment_id=1))
        await asyncio.Event().wait()

    async with serving(script) as (address, _):
        child = await asyncio.create_subprocess_exec(
            *(COMMAND, "translate", talk, "--to", "es", "--server", address),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert child.stdout is not None
        await child.stdout.readline()
        child.send_signal(number)
        _, err = await child.communicate()
    assert child.returncode == 130, err.decode()
    assert b"Traceback" not in err
    assert [event["event"] for event in json.loads((tmp_path / "out" / "talk.json").read_text())] == ["ready", "asr"]


async def test_the_files_are_the_same_when_the_connection_is_lost_on_the_way(tmp_path: Path) -> None:
    talk = tmp_path / "talk.wav"
    with wave.open(str(talk), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(b"".join(audio(1600, index).audio.data for index in range(23)))
    left = []
    for plans in ([], [Plan(after=12), Plan(after=17), Plan(after=1), Plan(after=25)]):
        async with gateway(*plans) as (address, fake):
            command = ("translate", talk, "--to", "es,ca", "--server", address, "--out", str(len(plans)))
            done = await _babelmesh(*command, cwd=tmp_path)
        assert done.status == 0, done.err
        assert not fake.plans
        assert done.err.count("Connection lost, resuming …") == len(plans)
        files = sorted((tmp_path / str(len(plans))).iterdir())
        left.append({path.name: path.read_bytes() for path in files if path.suffix != ".json"})  # which has the times
        assert len(left[-1]) == 8, "speech in two languages, and two kinds of subtitles in three"
    assert left[0] == left[1]


async def test_the_versions_of_client_and_server_are_told_by_a_gateway(tmp_path: Path) -> None:
    async with serving(interpret) as (address, _):
        done = await _babelmesh("versions", "--server", address, cwd=tmp_path)
        both = await _babelmesh("versions", "--server", address, "one:1", cwd=tmp_path)
    client, server = done.out.splitlines()
    assert client.startswith("client: babelmesh ")
    assert server == "server: babelmesh 9.1"
    assert both.status == 2
    assert "--server" in both.err
