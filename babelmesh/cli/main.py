"""The command line: `babelmesh --help`.

Exit codes: 0 done, 1 failed with a line on stderr that says why, 2 not understood, 3 something of the input was left
out, 4 no word was recognized in a file, 130 stopped by a signal.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from babelmesh import console
from babelmesh.cli import commands, demonstration, describe, options, page_link, server_part, tokens, versions, watching
from babelmesh.cli.archive_commands import app as archive_app
from babelmesh.cli.commands import Files, Output
from babelmesh.cli.faults import Fault, FaultKind, FaultStage, simulate_fault
from babelmesh.cli.flags import (
    GATEWAYS,
    At,
    Ca,
    Certificate,
    EdgePort,
    Explain,
    Folder,
    Formal,
    From,
    Held,
    Json,
    Muxed,
    Out,
    OwnMesh,
    PageHost,
    PageTls,
    Spoken,
    Terms,
    To,
    TrackNumber,
    Uncursed,
    Unsaid,
    Voice,
    VoiceName,
    With,
    Within,
)
from babelmesh.cli.options import Server, Wishes, demo_server, of_demo, one_language, place, separate, tls_of
from babelmesh.cli.running import run
from babelmesh.client.dialling import Tls
from babelmesh.client.errors import BabelmeshError
from babelmesh.client.mesh import DEFAULT_ADDRESS, OPERATIONS_ADDRESS
from babelmesh.local.edge import PORT as EDGE_PORT
from babelmesh.local.supervisor import Ports
from babelmesh.models.choices import Engines, Variables

app = typer.Typer(
    cls=server_part.Commands,
    help="Live speech translation: speech in, captions and speech in other languages out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.add_typer(tokens.app)
app.add_typer(archive_app, name="archive")

LOCAL = Ports()
Port = Annotated[int, typer.Option(min=1, max=65535)]


@app.callback(invoke_without_command=True)
def _version(
    shown: Annotated[bool, typer.Option("--version", help="Print the version.")] = False, token_file: tokens.File = None
) -> None:
    tokens.use(token_file)
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
    edge_port: EdgePort = EDGE_PORT,
    tls: PageTls = False,
    host: PageHost = "",
    logs: Annotated[Path, typer.Option(metavar="DIR", help="Folder for a log per service.")] = Path("logs"),
    engines: With = Engines.DEFAULT,
    models: Folder = None,
) -> None:
    """Run a mesh on this machine until Ctrl-C: ASR, MT, TTS and gateway, with a page for browsers before them."""
    ports = Ports(port, asr_port, mt_port, tts_port, operations_port)
    run(commands.up(ports, logs, _told(engines, models), page_link.wanted(edge_port, tls, host)))


def _told(engines: Engines, models: Path | None) -> Variables:
    """Return the variables for the stages of a local mesh."""
    try:
        return server_part.variables(engines, models)
    except BabelmeshError as error:
        console.fail(str(error))
        raise typer.Exit(1) from None


def _place(server: str, tls: Tls, engines: Engines | None, models: Path | None) -> Server:
    """Return the mesh that a command uses: a running one, or a local one with the engines that are named."""
    at = place(server, tls, engines, models)
    return replace(at, variables=_told(engines, models)) if engines else at


@app.command()
def demo(  # noqa: PLR0913, PLR0917  # a command line's options
    to: To = "",
    out: Out = Path("out"),
    voice: Voice = True,
    server: Annotated[str, typer.Option(metavar=GATEWAYS, help="Gateway to use instead of a mesh of its own.")] = "",
    ca: Ca = None,
    certificate: Certificate = None,
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
    asked = replace(of_demo(to, voice, glossary), wishes=Wishes(stabilization, latency))
    at = demo_server(server, tls_of(ca, certificate))
    at = at if server else replace(at, variables=_told(engines, models))
    run(demonstration.demo(at, asked, Output(as_events, out, explain)))


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
    certificate: Certificate = None,
    as_events: Json = False,
    explain: Explain = False,
    glossary: Terms = "",
    mux: Muxed = False,
    track: TrackNumber = None,
    stabilization: Held = None,
    latency: Within = None,
    mask_pii: Unsaid = False,
    mask_profanity: Uncursed = False,
    formality: Formal = None,
    engines: OwnMesh = None,
    models: Folder = None,
) -> None:
    """Translate recordings into captions, subtitles and speech; in whole sentences without --realtime."""
    separate(files)
    wishes = Wishes(stabilization, latency, mask_pii, mask_profanity, formality)
    options.spoken_live(realtime, explain, wishes)
    asked = replace(options.wanted(source, to, voice, voice_name or (), glossary), wishes=wishes)
    at = _place(server, tls_of(ca, certificate), engines, models)
    run(commands.translate(at, Files(files, asked, Output(as_events, out, explain, mux), realtime, track=track)))


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
    certificate: Certificate = None,
    as_events: Json = False,
    glossary: Terms = "",
    stabilization: Held = None,
    latency: Within = None,
    mask_pii: Unsaid = False,
    mask_profanity: Uncursed = False,
    formality: Formal = None,
    engines: OwnMesh = None,
    models: Folder = None,
) -> None:
    """Translate what is spoken into the microphone, until Ctrl-C."""
    wishes = Wishes(stabilization, latency, mask_pii, mask_profanity, formality)
    asked = replace(options.wanted(source, to, voice, voice_name or (), glossary), wishes=wishes)
    run(commands.mic(_place(server, tls_of(ca, certificate), engines, models), asked, Output(as_events, out), device))


@app.command()
def text(  # noqa: PLR0913, PLR0917  # a command line's options
    to: To,
    lines: Annotated[list[str] | None, typer.Argument(metavar="LINE", help="Lines; stdin without any.")] = None,
    source: From = "en",
    server: At = DEFAULT_ADDRESS,
    ca: Ca = None,
    certificate: Certificate = None,
    as_events: Json = False,
    glossary: Terms = "",
    mask_pii: Unsaid = False,
    mask_profanity: Uncursed = False,
    formality: Formal = None,
    engines: OwnMesh = None,
    models: Folder = None,
) -> None:
    """Translate typed lines as they come."""
    wishes = Wishes(mask_pii=mask_pii, mask_profanity=mask_profanity, formality=formality)
    asked = replace(options.wanted(one_language(source), to, glossary=glossary), wishes=wishes)
    run(commands.text(_place(server, tls_of(ca, certificate), engines, models), asked, Output(as_events), lines or ()))


@app.command("describe")
def describe_mesh(
    server: At = DEFAULT_ADDRESS, ca: Ca = None, certificate: Certificate = None, as_object: Json = False
) -> None:
    """List the languages, voices, engines and limits of a mesh."""
    run(describe.told(Server(server, tls_of(ca, certificate)), as_object))


@app.command()
def top(
    server: Annotated[
        str, typer.Option("--server", metavar=GATEWAYS, help="Gateways to ask, at their operators' ports.")
    ] = OPERATIONS_ADDRESS,
    once: Annotated[bool, typer.Option("--once", help="Print it once and end; so it is without a terminal.")] = False,
    as_events: Annotated[bool, typer.Option("--json", help="Print what each gateway tells as lines of JSON.")] = False,
    ca: Ca = None,
    certificate: Certificate = None,
) -> None:
    """Watch a running mesh: sessions, slots, queues, and how late translations are. q or Ctrl-C ends it."""
    addresses = [address.strip() for address in server.split(",") if address.strip()] or [server]
    run(watching.top(addresses, once, as_events, tls_of(ca, certificate)))


@app.command("versions")
def versions_of(
    addresses: Annotated[list[str] | None, typer.Argument(metavar="HOST:PORT", help="Replicas of stages.")] = None,
    server: Annotated[
        str, typer.Option("--server", metavar=GATEWAYS, help="Gateway whose software and engines are told instead.")
    ] = "",
    ca: Ca = None,
    certificate: Certificate = None,
) -> None:
    """Show how the versions of models do that stages serve side by side; those of the local mesh unless told."""
    if server and addresses:
        raise typer.BadParameter("name a gateway or replicas of stages, not both", param_hint="--server")
    tls, local = tls_of(ca, certificate), [f"127.0.0.1:{port}" for port in (LOCAL.asr, LOCAL.mt, LOCAL.tts)]
    run(versions.served(server, tls) if server else versions.reported(addresses or local, tls))


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
    ca: Ca = None,
    certificate: Certificate = None,
) -> None:
    """Break a service on purpose, where its settings allow it (GATEWAY_FAULTS=true, ASR_FAULTS=true, ...)."""
    wanted = Fault(kind, stage, after_ms, after_calls, duration_ms, factor, memory_mib)
    run(simulate_fault(server, wanted, tls_of(ca, certificate)))


def main() -> None:
    """Run the command line: the entry point of the `babelmesh` program."""
    console.prepare()
    app()
