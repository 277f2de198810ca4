"""The distributions, built, installed into clean environments, and used there as by somebody who has no checkout."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import wave
from pathlib import Path

import pytest

from tests.architecture.source import ROOT
from tests.deploy.distributions import Environment, build, environment, files_of, variables, wheel_of_sources
from tests.mesh.mesh import UTTERANCE, gateway_address
from tests.mesh.test_examples import MICROPHONE
from tests.recording import write_wave
from tests.snippets import Block, blocks

pytestmark = [pytest.mark.wheel, pytest.mark.timeout(900)]

EXAMPLES = ROOT / "examples" / "python"
MOST_DEPENDENCIES = 8
ELSEWHERE = (
    "av",
    "numpy",
    "rich",
    "typer",
    "pydantic",
    "soxr",
    "uvloop",
    "opentelemetry",
    "services",
    "mesh",
    "realtime",
)
SERVICES_MISSING = "This needs the services: pip install babelmesh-server."
# A user's program, as mypy --strict reads it.
RIGHT = """
import asyncio
from collections.abc import AsyncIterator
from typing import assert_type

import babelmesh


async def speech() -> AsyncIterator[bytes]:
    yield b"\\0\\0" * 1600


async def main(delivery: babelmesh.Delivery.ValueType = babelmesh.DELIVERY_CAPTIONS) -> dict[str, str]:
    said: dict[str, str] = {}
    target = babelmesh.Target(lang="es", delivery=delivery)
    async with babelmesh.connect("localhost:7700") as mesh:
        assert_type(mesh, babelmesh.Mesh)
        async with mesh.session("en", targets=[target, "pt"]) as session:
            assert_type(session, babelmesh.Session)
            async for event in session.translate(speech()):
                assert_type(event, babelmesh.Event)
                match event:
                    case babelmesh.TranslationResult(final=True):
                        assert_type(event.text, str)
                        said[event.target_lang] = event.text
                    case babelmesh.SpeechEvent():
                        assert_type(event.type, babelmesh.SpeechEventType.ValueType)
                    case babelmesh.Error():
                        print(event.code, event.message)
        translated = await mesh.translate_text("Good morning.", "en", ["es"])
        assert_type(translated, dict[str, str])
    return said


try:
    print(asyncio.run(main()))
except babelmesh.SessionFailed as failure:
    print(failure.code, failure.accepted)
"""
# Lines that it has to refuse, and a part of what it says.
WRONG = {
    "babelmesh.Telegram()": "has no attribute",
    "babelmesh.Target(language='es')": "Unexpected keyword argument",
    "babelmesh.Target(lang='es', delivery=babelmesh.FORMALITY_FORMAL)": "incompatible type",
    "babelmesh.Target(lang='es', delivery=2)": "incompatible type",
    "babelmesh.TranslationResult().txt": "has no attribute",
    "babelmesh.TranslationResult().text + 1": "Unsupported operand",
    "babelmesh.connect(7700)": "incompatible type",
    "babelmesh.audio_file('talk.wav', speed='fast')": "incompatible type",
}
SAMPLES = """
import asyncio
import sys
import wave

import babelmesh


async def samples(path):
    with wave.open(path) as file:
        while pcm := file.readframes(1600):
            yield pcm


async def main(address, path):
    async with babelmesh.connect(address) as mesh, mesh.session("en", targets=["es"]) as session:
        async for event in session.translate(samples(path)):
            if isinstance(event, babelmesh.TranslationResult) and event.final:
                print(event.text)


asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `make dist` fills."""
    return build(tmp_path_factory.mktemp("built"))


@pytest.fixture(scope="module")
def bare(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The client without extras."""
    made = environment(tmp_path_factory.mktemp("bare"))
    made.install(_wheel(dist, "babelmesh"))
    return made


@pytest.fixture(scope="module")
def files(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The client that reads files."""
    made = environment(tmp_path_factory.mktemp("files"))
    made.install(f"{_wheel(dist, 'babelmesh')}[files]")
    return made


@pytest.fixture(scope="module")
def commanded(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The client with the command line."""
    made = environment(tmp_path_factory.mktemp("commanded"))
    made.install(f"{_wheel(dist, 'babelmesh')}[cli]")
    return made


@pytest.fixture(scope="module")
def both(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The services, the client and the command line."""
    made = environment(tmp_path_factory.mktemp("both"))
    made.install("--find-links", dist, f"{_wheel(dist, 'babelmesh_server')}[vad]")
    return made


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """A recording in a folder of its own."""
    write_wave(tmp_path / "talk.wav", UTTERANCE)
    return tmp_path / "talk.wav"


def _wheel(dist: Path, name: str) -> Path:
    (wheel,) = dist.glob(f"{name}-*.whl")
    return wheel


async def _outside(environment: Environment, *command: str | Path, cwd: Path) -> tuple[str, str]:
    """Output and errors of a command that ends well, run while this process serves the mesh it speaks to."""
    ended = await asyncio.to_thread(environment.run, *command, cwd=cwd)
    assert not ended.returncode, ended.stderr
    return ended.stdout, ended.stderr


@pytest.mark.parametrize("name", ["babelmesh", "babelmesh_server"])
def test_a_wheel_is_the_same_when_it_is_built_of_the_sources(name: str, dist: Path, tmp_path: Path) -> None:
    (sources,) = dist.glob(f"{name}-*.tar.gz")
    assert files_of(wheel_of_sources(sources, tmp_path)) == files_of(_wheel(dist, name))


def test_wheels_hold_what_their_distribution_is_for(dist: Path) -> None:
    def tops(name: str) -> set[str]:
        shipped = files_of(_wheel(dist, name))
        assert any(path.endswith(".dist-info/licenses/LICENSE") for path in shipped)
        return {path.split("/")[0] for path in shipped if ".dist-info/" not in path}

    assert tops("babelmesh") == {"babelmesh"}
    assert tops("babelmesh_server") == {"services", "mesh", "realtime", "externalscaler"}
    assert {"babelmesh/py.typed", "babelmesh/_stubs/realtime/v1/realtime_translate_pb2.py"} <= {
        *files_of(_wheel(dist, "babelmesh"))
    }


def test_the_client_brings_few_packages_and_none_of_the_services(bare: Environment) -> None:
    counted = "sum('extra ==' not in each for each in requires('babelmesh'))"
    asked = bare.run("-c", f"from importlib.metadata import requires; print({counted})")
    assert int(asked.stdout) <= MOST_DEPENDENCIES
    program = f"from importlib.util import find_spec; print([each for each in {ELSEWHERE!r} if find_spec(each)])"
    assert bare.run("-c", program).stdout == "[]\n"


async def test_the_client_alone_translates_samples(bare: Environment, talk: Path) -> None:
    (talk.parent / "program.py").write_text(SAMPLES)
    async with gateway_address() as address:
        out, err = await _outside(bare, "program.py", address, "talk.wav", cwd=talk.parent)
    assert "fox-es" in out
    assert err == ""


def test_what_an_extra_brings_is_named_where_it_is_missing(bare: Environment, talk: Path) -> None:
    read = bare.run("-c", f"import babelmesh; babelmesh.audio_file({str(talk)!r})")
    assert read.stderr.endswith("AudioUnreadable: Reading files needs an extra: pip install 'babelmesh[files]'.\n")
    commanded = bare.run("babelmesh", "describe")
    assert commanded.stderr == "babelmesh: The command line needs an extra: pip install 'babelmesh[cli]'.\n"


def _mypy(environment: Environment, program: Path) -> subprocess.CompletedProcess[str]:
    command = (sys.executable, "-m", "mypy", "--strict", "--python-executable", environment.python, program)
    cache = ("--cache-dir", program.parent / "cache")
    return subprocess.run(
        [*command, *cache], cwd=program.parent, env=variables(), capture_output=True, text=True, check=False
    )


def test_strict_mypy_accepts_a_program_and_knows_its_types(bare: Environment, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(RIGHT)
    checked = _mypy(bare, tmp_path / "program.py")
    assert checked.stdout == "Success: no issues found in 1 source file\n"


def test_strict_mypy_refuses_what_the_client_does_not_have(bare: Environment, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text("\n".join(["import babelmesh", *WRONG]) + "\n")
    told = _mypy(bare, tmp_path / "program.py").stdout.splitlines()
    for number, (line, fault) in enumerate(WRONG.items(), start=2):
        assert any(each.startswith(f"program.py:{number}: error: ") and fault in each for each in told), (line, told)


@pytest.mark.parametrize("block", [each for each in blocks() if each.language == "python"], ids=lambda each: each.place)
async def test_a_program_of_the_readme_runs_from_the_wheel(block: Block, files: Environment, talk: Path) -> None:
    async with gateway_address() as address:
        (talk.parent / "program.py").write_text(block.text.replace("localhost:7700", address))
        out, _ = await _outside(files, "program.py", cwd=talk.parent)
    assert {line.split()[0] for line in out.splitlines()} == {"es", "pt"}


async def test_the_file_example_runs_from_the_wheel(files: Environment, talk: Path) -> None:
    async with gateway_address() as address:
        options = ("--to", "es,pt", "--server", address, "--speed", "0")
        out, _ = await _outside(files, EXAMPLES / "file.py", *options, "talk.wav", cwd=talk.parent)
    assert {line.split("\t")[0] for line in out.splitlines()} == {"es", "pt"}
    with wave.open(str(talk.parent / "es.wav")) as file:
        assert file.getnframes() > 0


def test_the_services_and_the_client_run_in_one_environment(both: Environment, tmp_path: Path) -> None:
    program = """
import babelmesh
from realtime.v1 import realtime_translate_pb2
from services.gateway import servicer

assert realtime_translate_pb2.Target is babelmesh.Target
"""
    ended = both.run("-c", program)
    assert not ended.returncode, ended.stderr
    translated = both.run("babelmesh", "text", "--engines", "scripted", "--to", "es", "Good morning.", cwd=tmp_path)
    assert not translated.returncode, translated.stderr
    assert "morning-es" in translated.stdout


async def test_the_command_line_runs_without_the_services(commanded: Environment, talk: Path) -> None:
    async with gateway_address() as address:
        options = ("--to", "es", "--server", address)
        await _outside(commanded, "babelmesh", "translate", *options, "talk.wav", cwd=talk.parent)
    assert "fox-es" in (talk.parent / "out" / "talk.es.srt").read_text()
    refused = commanded.run("babelmesh", "up", cwd=talk.parent)
    assert (refused.returncode, refused.stderr) == (1, f"babelmesh: {SERVICES_MISSING}\n")


async def test_the_microphone_example_runs_from_the_wheel(
    bare: Environment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sounddevice.py").write_text(MICROPHONE)
    (tmp_path / "recorded").write_bytes(UTTERANCE)
    monkeypatch.setenv("RECORDED", str(tmp_path / "recorded"))
    (tmp_path / "microphone.py").write_text((EXAMPLES / "microphone.py").read_text())
    async with gateway_address() as address:
        out, err = await _outside(bare, "microphone.py", "--to", "es", "--server", address, cwd=tmp_path)
    assert "fox-es" in out
    assert err == "Speak; Ctrl-C ends it.\n"


def test_the_sources_install_where_nothing_else_is(dist: Path, tmp_path: Path) -> None:
    made = environment(tmp_path / "sources")
    (sources,) = dist.glob("babelmesh-*.tar.gz")
    made.install(sources)
    assert made.run("-c", "import babelmesh; print(babelmesh.Target(lang='es').lang)").stdout == "es\n"
