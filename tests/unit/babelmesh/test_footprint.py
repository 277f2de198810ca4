"""What importing the client takes, and what happens where a part of the package's dependencies is not installed."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

import babelmesh

# Makes modules as absent as in an environment without their distributions.
WITHOUT = """
import sys

sys.modules |= dict.fromkeys({absent!r})
sys.argv = ["babelmesh", *{arguments!r}]
"""
OF_EXTRAS = ("av", "langcodes", "numpy", "rich", "sounddevice", "typer")
BY_GRPC = {"grpc_health", "grpc_reflection"}  # which imports these by itself, where they are
OF_SERVER = (
    "grpc_health",
    "grpc_reflection",
    "jwt",
    "opentelemetry",
    "pydantic_settings",
    "services",
    "soxr",
    "uvloop",
)


def _run(
    program: str, arguments: tuple[str, ...] = (), absent: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    text = WITHOUT.format(absent=absent, arguments=arguments) + textwrap.dedent(program)
    return subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)


def _loaded(program: str) -> set[str]:
    ended = _run(f"{program}\nprint(*{{name.partition('.')[0] for name in sys.modules}})")
    assert not ended.returncode, ended.stderr
    return set(ended.stdout.split())


def test_importing_the_package_loads_neither_grpc_nor_protobuf() -> None:
    assert not _loaded("import babelmesh") & {"grpc", "google", "asyncio", *OF_EXTRAS, *OF_SERVER}


def test_using_the_client_loads_nothing_that_an_extra_or_the_services_bring() -> None:
    assert not _loaded("from babelmesh import *") & {*OF_EXTRAS, *OF_SERVER} - BY_GRPC


def test_all_public_names_are_there_without_extras_and_services() -> None:
    program = "import babelmesh\nfor name in babelmesh.__all__: getattr(babelmesh, name)"
    ended = _run(program, absent=(*OF_EXTRAS, *OF_SERVER))
    assert not ended.returncode, ended.stderr


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Telegram'"):
        getattr(babelmesh, "Telegram")  # noqa: B009  # mypy knows that it is not there
    assert set(babelmesh.__all__) <= set(dir(babelmesh))


@pytest.mark.parametrize("absent", ["av", "numpy"])
def test_reading_a_file_without_pyav_names_the_extra(absent: str) -> None:
    program = """
    import importlib.util
    import babelmesh
    from babelmesh.client.decoding import guarded

    guarded.find_spec = lambda name: None if name == "ABSENT" else importlib.util.find_spec(name)
    try:
        babelmesh.audio_file("talk.wav")
    except babelmesh.AudioUnreadable as error:
        print(error)
    """
    ended = _run(program.replace("ABSENT", absent))
    assert ended.stdout == "Reading files needs an extra: pip install 'babelmesh[files]'.\n", ended.stderr


@pytest.mark.parametrize("absent", ["typer", "rich", "langcodes"])
def test_the_command_line_without_its_extra_names_it(absent: str) -> None:
    ended = _run("from babelmesh.__main__ import main; main()", ("describe",), absent=(absent,))
    assert ended.returncode == 1
    assert ended.stderr == "babelmesh: The command line needs an extra: pip install 'babelmesh[cli]'.\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("up", "--engines", "small"),
        ("text", "--to", "es", "--engines", "scripted", "Hello."),
        ("models", "list", "--models", "here"),
    ],
)
def test_a_command_that_runs_the_services_names_their_distribution(arguments: tuple[str, ...]) -> None:
    ended = _run("from babelmesh.__main__ import main; main()", arguments, absent=OF_SERVER)
    assert ended.returncode == 1
    assert ended.stderr == "babelmesh: This needs the services: pip install babelmesh-server.\n"


def test_commands_for_a_mesh_elsewhere_need_no_services() -> None:
    program = "from babelmesh.__main__ import main; main()"
    ended = _run(program, ("describe", "--server", "127.0.0.1:1"), absent=OF_SERVER)
    assert ended.stderr.startswith("babelmesh: No server answers at 127.0.0.1:1."), ended.stderr
