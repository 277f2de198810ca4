"""The command line: `babelmesh --help`.

Exit codes: 0 done, 1 failed with a line on stderr that says why, 2 not understood, 3 something of the input was left
out, 4 no word was recognized in a file, 130 stopped by a signal.
"""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Coroutine
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from babelmesh import console
from babelmesh.cli import commands, demonstration, describe, options, versions, watching
from babelmesh.cli.archive_commands import app as archive_app
from babelmesh.cli.commands import Files, Output
from babelmesh.cli.faults import Fault, FaultKind, FaultStage, simulate_fault
from babelmesh.cli.flags import (
    GATEWAYS,
    At,
    Ca,
    Explain,
    From,
    Held,
    Json,
    Muxed,
    Out,
    OwnMesh,
    Spoken,
    Terms,
    To,
    TrackNumber,
    Voice,
    VoiceName,
    With,
    Within,
)
from babelmesh.cli.models import Folder, folder
from babelmesh.cli.models import app as models_app
from babelmesh.cli.naming import by_option
from babelmesh.cli.options import Server, Waiting, demo_server, of_demo, one_language, place, separate
from babelmesh.client.errors import UNREACHABLE, BabelmeshError, ModelsFailed, SessionFailed
from babelmesh.client.events import as_json
from babelmesh.client.mesh import DEFAULT_ADDRESS, OPERATIONS_ADDRESS, connect
from babelmesh.local import supervisor
from babelmesh.local.supervisor import Ports
from babelmesh.models import serving
from babelmesh.models.serving import Engines, Variables

app = typer.Typer(
    help="Live speech translation: speech in, captions and speech in other languages out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(models_app, name="models")
app.add_typer(archive_app, name="archive")

LOCAL = Ports()
Port = Annotated[int, typer.Option(min=1, max=65535)]


@app.callback(invoke_without_command=True)
def _version(shown: Annotated[bool, typer.Option("--version", help="Print the version.")] = False) -> None:
    if shown:
        console.line(f"babelmesh {version('babelmesh')}")
        raise typer.Exit


@app.command()
def up(  # noqa: PLR0913, PLR0917  # a command line's options
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of the gateway.")] = 7700,
    asr_port: Port = 7701,
    mt_port: Port = 7702,
    tts_port: Port = 7703,
    operations_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of the gateway for top and fault.")
    ] = LOCAL.operations,
    logs: Annotated[Path, typer.Option(metavar="DIR", help="Folder for a log per service.")] = Path("logs"),
    engines: With = Engines.DEFAULT,
    models: Folder = None,
) -> None:
    """Run a mesh on this machine: ASR, MT, TTS and gateway, until Ctrl-C."""
    _run(commands.up(Ports(port, asr_port, mt_port, tts_port, operations_port), logs, _told(engines, models)))


def _told(engines: Engines, models: Path | None) -> Variables:
    """Return the variables for the stages of a local mesh."""
    try:
        return serving.variables(engines, folder(models), supervisor.environment(), console.note)
    except ModelsFailed as error:
        console.fail(str(error))
        raise typer.Exit(1) from None


def _place(server: str, ca: Path | None, engines: Engines | None, models: Path | None) -> Server:
    """Return the mesh that a command uses: a running one, or a local one with the engines that are named."""
    at = place(server, ca, engines, models)
    return replace(at, variables=_told(engines, models)) if engines else at


@app.command()
def demo(  # noqa: PLR0913, PLR0917  # a command line's options
    to: To = "",
    out: Out = Path("out"),
    voice: Voice = True,
    server: Annotated[str, typer.Option(metavar=GATEWAYS, help="Gateway to use instead of a mesh of its own.")] = "",
    ca: Ca = None,
    as_events: Json = False,
    explain: Explain = False,
    glossary: Terms = "",
    stabilization: Held = None,
    latency: Within = None,
    engines: With = Engines.DEFAULT,
    models: Folder = None,
) -> None:
    """Hear it work: recorded English speech, translated while it is spoken."""
    if server and engines is not Engines.DEFAULT:
        raise typer.BadParameter("the mesh named by --server has its own", param_hint="--engines")
    asked = replace(of_demo(to, voice, glossary), waiting=Waiting(stabilization, latency))
    at = demo_server(server, ca)
    at = at if server else replace(at, variables=_told(engines, models))
    _run(demonstration.demo(at, asked, Output(as_events, out, explain)))


@app.command()
def translate(  # noqa: PLR0913, PLR0917  # a command line's options
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="Anything with audio in it.")],
    to: To,
    source: Spoken = "en",
    out: Out = Path("out"),
    realtime: Annotated[bool, typer.Option("--realtime/--fast", help="At the pace it was spoken, or faster.")] = False,
    voice: Voice = True,
    voice_name: VoiceName = None,
    server: At = DEFAULT_ADDRESS,
    ca: Ca = None,
    as_events: Json = False,
    explain: Explain = False,
    glossary: Terms = "",
    mux: Muxed = False,
    track: TrackNumber = None,
    stabilization: Held = None,
    latency: Within = None,
    engines: OwnMesh = None,
    models: Folder = None,
) -> None:
    """Translate recordings into captions, subtitles and speech; in whole sentences without --realtime."""
    separate(files)
    waiting = Waiting(stabilization, latency)
    options.spoken_live(realtime, explain, waiting)
    asked = replace(options.wanted(source, to, voice, voice_name or (), glossary), waiting=waiting)
    at = _place(server, ca, engines, models)
    _run(commands.translate(at, Files(files, asked, Output(as_events, out, explain, mux), realtime, track=track)))


@app.command()
def mic(  # noqa: PLR0913, PLR0917  # a command line's options
    to: To,
    source: Spoken = "en",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Folder to leave files in; none without it.")] = None,
    voice: Voice = False,
    voice_name: VoiceName = None,
    device: Annotated[str | None, typer.Option(help="Name or number of the input device.")] = None,
    server: At = DEFAULT_ADDRESS,
    ca: Ca = None,
    as_events: Json = False,
    glossary: Terms = "",
    stabilization: Held = None,
    latency: Within = None,
    engines: OwnMesh = None,
    models: Folder = None,
) -> None:
    """Translate what is spoken into the microphone, until Ctrl-C."""
    waiting = Waiting(stabilization, latency)
    asked = replace(options.wanted(source, to, voice, voice_name or (), glossary), waiting=waiting)
    _run(commands.mic(_place(server, ca, engines, models), asked, Output(as_events, out), device))


@app.command()
def text(  # noqa: PLR0913, PLR0917  # a command line's options
    to: To,
    lines: Annotated[list[str] | None, typer.Argument(metavar="LINE", help="Lines; stdin without any.")] = None,
    source: From = "en",
    server: At = DEFAULT_ADDRESS,
    ca: Ca = None,
    as_events: Json = False,
    glossary: Terms = "",
    engines: OwnMesh = None,
    models: Folder = None,
) -> None:
    """Translate typed lines as they come."""
    asked = options.wanted(one_language(source), to, glossary=glossary)
    _run(commands.text(_place(server, ca, engines, models), asked, Output(as_events), lines or ()))


@app.command("describe")
def describe_mesh(server: At = DEFAULT_ADDRESS, ca: Ca = None, as_object: Json = False) -> None:
    """List the languages, voices, engines and limits of a mesh."""
    _run(_described(Server(server, ca), as_object))


async def _described(server: Server, as_object: bool) -> None:
    async with connect(server.addresses, server.ca) as mesh:
        answer = await mesh.describe()
    if as_object:
        console.line(json.dumps(as_json(answer), ensure_ascii=False, indent=2))
    else:
        console.show(describe.table(answer))


@app.command()
def top(
    server: Annotated[
        str, typer.Option("--server", metavar=GATEWAYS, help="Gateways to ask, at their operators' ports.")
    ] = OPERATIONS_ADDRESS,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end; so it is without a terminal.")] = False,
    as_events: Annotated[bool, typer.Option("--json", help="Print what each gateway tells as lines of JSON.")] = False,
) -> None:
    """Watch a running mesh: sessions, slots, queues, and how late translations are. q or Ctrl-C ends it."""
    addresses = [address.strip() for address in server.split(",") if address.strip()]
    _run(watching.top(addresses or [server], once, as_events))


@app.command("versions")
def versions_of(
    addresses: Annotated[list[str] | None, typer.Argument(metavar="HOST:PORT", help="Replicas of stages.")] = None,
    server: Annotated[
        str, typer.Option("--server", metavar=GATEWAYS, help="Gateway whose software and engines are told instead.")
    ] = "",
    ca: Ca = None,
) -> None:
    """Show how the versions of models do that stages serve side by side; those of the local mesh unless told."""
    if server and addresses:
        raise typer.BadParameter("name a gateway or replicas of stages, not both", param_hint="--server")
    if ca and not server:
        raise typer.BadParameter("replicas are asked without TLS; name a gateway with --server", param_hint="--ca")
    replicas = addresses or [f"127.0.0.1:{port}" for port in (LOCAL.asr, LOCAL.mt, LOCAL.tts)]
    _run(versions.served(server, ca) if server else versions.reported(replicas))


@app.command()
def fault(  # noqa: PLR0913, PLR0917  # a command line's options
    kind: Annotated[FaultKind, typer.Option(help="What goes wrong.")],
    stage: Annotated[FaultStage | None, typer.Option(help="Break a replica of this stage, not the server.")] = None,
    after_ms: Annotated[int, typer.Option(min=0, max=600_000, help="Milliseconds until then.")] = 0,
    after_calls: Annotated[int, typer.Option(min=0, max=1_000_000, help="Engine calls that still succeed.")] = 0,
    duration_ms: Annotated[int, typer.Option(min=0, max=600_000, help="How long it lasts; 0: for ever.")] = 0,
    factor: Annotated[float, typer.Option(help="How many times as long slow takes.")] = 0.0,
    memory_mib: Annotated[int, typer.Option(min=0, max=65_536, help="MiB that exhaust-memory takes; 0: all.")] = 0,
    server: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Operators' port of a gateway, or a replica of a stage.")
    ] = OPERATIONS_ADDRESS,
) -> None:
    """Break a service on purpose, where its settings allow it (GATEWAY_FAULTS=true, ASR_FAULTS=true, ...)."""
    _run(simulate_fault(server, Fault(kind, stage, after_ms, after_calls, duration_ms, factor, memory_mib)))


def _run(command: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(_until_terminated(command))
    except BabelmeshError as error:
        console.fail(f"{by_option(error)}{_hint(error)}")
        raise typer.Exit(error.exit_status) from None
    except BrokenPipeError:
        console.close_output()  # nobody reads
        raise typer.Exit(1) from None
    except OSError as error:
        console.fail(f"{error.filename or 'The output cannot be written'}: {error.strerror or error}.")
        console.close_output()
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(128 + signal.SIGINT) from None


async def _until_terminated(command: Coroutine[Any, Any, None]) -> None:
    """Run a command; SIGTERM stops it as Ctrl-C does, closing everything first."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, signal.raise_signal, signal.SIGINT)
    await command


def _hint(error: BabelmeshError) -> str:
    unreachable = isinstance(error, SessionFailed) and error.code == UNREACHABLE
    return " Start one with `babelmesh up`, or name another with --server." if unreachable else ""


def main() -> None:
    """Run the command line: the entry point of the `babelmesh` program."""
    console.prepare()
    app()
