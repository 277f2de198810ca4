"""The programs of examples/ in other languages, built by their own scripts, against a mesh with scripted engines."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import grpc
import pytest

from realtime.v1 import realtime_translate_pb2_grpc as pb_grpc
from tests.mesh.mesh import UTTERANCE, chunks, gateway_address, hello, talk
from tests.recording import write_wave

pytestmark = [pytest.mark.examples, pytest.mark.timeout(600)]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@dataclass(frozen=True, slots=True)
class Example:
    """How a program is built and started, in its folder, and what has to be installed for that."""

    build: Sequence[str]
    command: Sequence[str]
    needs: Sequence[str]  # programs, or absolute paths of files
    packages: str  # of Debian


JARS = ("geronimo-annotation-1.3-spec", "grpc-stub", "guava", "netty-codec-http2", "perfmark-api", "protobuf")
FOLDERS = {
    "node": Example(
        ["npm", "ci", "--silent"],
        ["node", "translate.mjs"],
        ["node", "npm"],
        "nodejs npm",
    ),
    "go": Example(
        ["./build.sh"],
        ["build/translate"],
        [
            "go",
            "protoc-gen-go",
            "protoc-gen-go-grpc",
            "/usr/share/gocode/src/google.golang.org/grpc/version.go",
            "/usr/share/gocode/src/github.com/golang/protobuf/proto/wire.go",
        ],
        "golang-go golang-google-grpc-dev golang-github-golang-protobuf-1-5-dev protoc-gen-go protoc-gen-go-grpc",
    ),
    "java": Example(
        ["./build.sh"],
        ["build/translate"],
        ["javac", "protoc", "grpc_java_plugin", *(f"/usr/share/java/{jar}.jar" for jar in JARS)],
        "default-jdk-headless libgeronimo-annotation-1.3-spec-java libgrpc-java libguava-java libnetty-java "
        "libperfmark-java libprotobuf-java protobuf-compiler protobuf-compiler-grpc-java-plugin",
    ),
}


@cache
def built(folder: str) -> list[str]:
    """The command of an example, once it is built. Skips the test where its tools are not installed."""
    example = FOLDERS[folder]
    missing = [need for need in example.needs if not (shutil.which(need) or Path(need).is_absolute())]
    missing += [need for need in example.needs if Path(need).is_absolute() and not Path(need).exists()]
    if missing:
        pytest.skip(f"{', '.join(missing)} missing: apt-get install {example.packages}")
    subprocess.run(example.build, cwd=EXAMPLES / folder, check=True)
    return [*example.command]


async def run(folder: str, *arguments: str) -> tuple[int | None, str, str]:
    """Status, output and errors of an example."""
    child = await asyncio.create_subprocess_exec(
        *built(folder),
        *arguments,
        cwd=EXAMPLES / folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await child.communicate()
    return child.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("folder", FOLDERS)
async def test_an_example_prints_captions_and_writes_speech(folder: str, tmp_path: Path) -> None:
    built(folder)
    write_wave(tmp_path / "talk.wav", UTTERANCE)
    options = ("--to", "es,pt", "--out", str(tmp_path), "--speed", "0")
    async with gateway_address() as address, grpc.aio.insecure_channel(address) as channel:
        told = await talk(pb_grpc.RealtimeTranslateStub(channel), hello("es", "pt"), *chunks(UTTERANCE))
        status, out, err = await run(folder, *options, "--server", address, str(tmp_path / "talk.wav"))
    assert (status, err) == (0, "")
    assert sorted(out.splitlines()) == sorted(f"{lang}\t{text}" for lang in ("es", "pt") for text in told.finals(lang))
    for lang in ("es", "pt"):
        with wave.open(str(tmp_path / f"{lang}.wav")) as file:
            assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
            assert file.getnframes() == sum(len(chunk.data) for chunk in told.speech(lang)) // 2


@pytest.mark.parametrize("folder", FOLDERS)
async def test_an_example_that_is_refused_says_why_and_fails(folder: str, tmp_path: Path) -> None:
    built(folder)
    write_wave(tmp_path / "talk.wav", UTTERANCE)
    async with gateway_address() as address:
        status, out, err = await run(folder, "--to", "xx", "--server", address, str(tmp_path / "talk.wav"))
    assert (status, out) == (1, "")
    assert "UNKNOWN_LANGUAGE" in err
