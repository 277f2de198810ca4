"""Runs the commands, once their options have been parsed."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from babelmesh import console
from babelmesh.cli import page_link, tokens
from babelmesh.cli.captions import Languages
from babelmesh.cli.explainer import Explainer
from babelmesh.cli.heard import Heard
from babelmesh.cli.microphone import microphone
from babelmesh.cli.options import Server, Wanted
from babelmesh.cli.recording import Place, Recording
from babelmesh.cli.run import Job, run
from babelmesh.cli.screen import Screen, Track
from babelmesh.cli.shortfalls import Shortfalls, require_whole
from babelmesh.cli.tracks import LanguageTrack
from babelmesh.cli.views import JsonLines, Lines, Unseen, View
from babelmesh.client.audio import AudioFile, Pace, Paced, probe
from babelmesh.client.errors import NothingRecognized
from babelmesh.client.events import Ready
from babelmesh.client.lines import given, typed
from babelmesh.client.mesh import Mesh, connect
from babelmesh.client.session import Source
from babelmesh.local import edge, preflight, probing, supervisor
from babelmesh.local.edge import Front
from babelmesh.local.log_folder import log_folder
from babelmesh.local.supervisor import Ports, Service, free_ports, local_mesh, mesh_services, supervised
from babelmesh.models.choices import Variables

PLAYERS = ("ffplay -nodisp -autoexit", "paplay", "aplay", "afplay")


@dataclass(frozen=True, slots=True)
class Output:
    """The output of a session: its view, and the folder of its files."""

    json: bool = False
    folder: Path | None = None
    explain: bool = False
    mux: bool = False
    shown: bool = True

    def view(self, languages: Languages, track: Track) -> View:
        """Return the view of a session: JSON lines, live captions on a terminal, plain lines elsewhere."""
        if not self.shown:
            return Unseen()
        if self.json:
            return JsonLines()
        if console.out.is_terminal:
            return Screen(console.out, languages, track)
        return Lines(languages)


@dataclass(frozen=True, slots=True)
class Files:
    """Files to translate, one session each, with their output."""

    paths: Sequence[Path]
    wanted: Wanted
    output: Output
    realtime: bool
    watching: Sequence[View] = ()  # besides what shows and keeps it
    listed: bool = True  # whether the files that are left are told
    track: int | None = None  # from 1; None: the first that is not silent

    async def translate(self, mesh: Mesh) -> None:
        """Translate the files in order, after probing all of them.

        Raises Incomplete at the end where something of one of them was left out, else NothingRecognized where no word
        was recognized in one of them.
        """
        shortfalls, wordless = Shortfalls(), []
        for file in [await asyncio.to_thread(probe, path, self.track) for path in self.paths]:
            if not await self._translate(mesh, file, shortfalls):
                wordless.append(file.path)
        require_whole(shortfalls)
        if wordless:
            raise NothingRecognized(f"No word was recognized in {', '.join(map(str, wordless))}.")

    async def _translate(self, mesh: Mesh, file: AudioFile, shortfalls: Shortfalls) -> bool:
        """Translate one file in a session of its own; return whether any word was recognized."""
        kept: list[Recording | Explainer] = []  # none while the session is not open
        videos: list[Path] = []
        decoded, heard = file.chunks(), Heard()

        def source(ready: Ready) -> Source:
            return Paced(decoded, Pace(1.0 if self.realtime else ready.limits.max_speed))

        def views(languages: Languages) -> list[View]:
            place = Place(self.output.folder or Path("out"), file.path.stem, live=self.realtime)
            kept.append(Recording(place, languages))
            if self.output.explain:
                kept.append(Explainer(place, languages, printed=not self.output.json))
            return [
                *kept,
                heard,
                shortfalls,
                *self.watching,
                self.output.view(languages, Track(file.path.stem, file.duration_ms)),
            ]

        try:
            await run(mesh, Job(self.wanted.config(live=self.realtime), source, views))
            if self.output.mux:
                videos += await self._muxed(file, [track for each in kept for track in each.tracks()])
            return heard.words
        finally:
            decoded.close()
            for sentence in decoded.findings.sentences():
                console.note(f"{file.path}: {sentence}")
            if kept and self.listed:
                _tell([path for each in kept for path in each.written()] + videos)

    async def _muxed(self, file: AudioFile, tracks: Sequence[LanguageTrack]) -> list[Path]:
        from babelmesh.cli.muxing import layout, muxed  # noqa: PLC0415  # FFmpeg and numpy: a third of a command's start

        console.note(
            "Writing the video ..." if layout(file.path, file.track).video else "There is no video: writing audio ..."
        )
        folder = self.output.folder or Path("out")
        return [await asyncio.to_thread(muxed, file.path, folder, tracks, file.track)]


async def translate(server: Server, files: Files) -> None:
    """Run `babelmesh translate`: connect to a mesh, and translate the files."""
    async with reached(server) as mesh:
        await files.translate(mesh)


@asynccontextmanager
async def reached(server: Server) -> AsyncIterator[Mesh]:
    """Connect to the mesh that was named, or to a new local one that lasts as long as the block."""
    async with AsyncExitStack() as stack:
        addresses, token = server.addresses, tokens.chosen()
        if not addresses:
            token = None  # a mesh of its own asks for none
            services = mesh_services(free_ports(), server.variables)
            addresses = await stack.enter_async_context(_own_mesh(services, Path("logs")))
        yield await stack.enter_async_context(connect(addresses, server.tls, token))


@asynccontextmanager
async def _own_mesh(services: Sequence[Service], logs: Path, before: Sequence[Service] = ()) -> AsyncIterator[str]:
    """Run a local mesh for the block, and yield its gateway's address. Raises MeshFailed where it cannot run.

    Services `before` the gateway are started after it, and stopped first.
    """
    services = probing.probed(services)
    with log_folder(logs) as folder:
        preflight.check(services, folder, supervisor.environment())
        console.note(f"Starting the mesh: ASR, MT, TTS and gateway. Logs are in {folder}/.")
        front = supervised(before, folder, tell=console.note)
        async with local_mesh(services, folder, probing.asking(services), console.note) as gateway, front:
            yield probing.reached_at(gateway)


async def up(ports: Ports, logs: Path, told: Variables, front: Front | None = None) -> None:
    """Run `babelmesh up` until Ctrl-C or SIGTERM. `told` are variables for the stages; `front` is where its page is."""
    services = mesh_services(ports, told)
    edges = [edge.edge_service(front, services[-1].address, services[-1].operations)] if front else []
    async with _own_mesh(services, logs, edges) as address, asyncio.TaskGroup() as tasks:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        console.line(f"gateway  {address}")
        console.line(f"         127.0.0.1:{ports.operations} for babelmesh top and fault")
        if not address.startswith(probing.SCHEME):
            console.line(f"         reflection is on: grpcurl -plaintext {address} list")
        for stage, port in (("asr", ports.asr), ("mt", ports.mt), ("tts", ports.tts)):
            console.line(f"{stage:7}  127.0.0.1:{port}")
        keeping = None
        if front:
            page_link.tell(front)
            keeping = tasks.create_task(page_link.keep(front)) if front.certificate else None
        console.note("Ready. Ctrl-C stops it.")
        await stop.wait()
        if keeping:
            keeping.cancel()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
        console.note("Stopping, when all calls have ended. Ctrl-C again ends them at once.")


async def mic(server: Server, wanted: Wanted, output: Output, device: str | None) -> None:
    """Run `babelmesh mic` until Ctrl-C, after which what was spoken is still translated."""
    with microphone(device) as spoken:
        loop = asyncio.get_running_loop()

        def stop() -> None:
            loop.remove_signal_handler(signal.SIGINT)  # a second Ctrl-C ends it at once
            spoken.stop()

        shortfalls = Shortfalls()

        def views(languages: Languages) -> list[View]:
            shown: list[View] = [shortfalls, output.view(languages, Track("microphone, Ctrl-C ends", 0))]
            if output.folder:
                shown.append(Recording(Place(output.folder, "microphone", live=True), languages))
            return shown

        loop.add_signal_handler(signal.SIGINT, stop)
        async with reached(server) as mesh:
            await run(mesh, Job(wanted.config(), lambda _: spoken, views))
        require_whole(shortfalls)


async def text(server: Server, wanted: Wanted, output: Output, lines: Sequence[str]) -> None:
    """Run `babelmesh text` on the given lines, or on those of stdin as they come."""

    shortfalls = Shortfalls()

    def views(languages: Languages) -> list[View]:
        return [JsonLines() if output.json else Lines(languages, typed=True), shortfalls]

    hello = wanted.config()
    hello.input.SetInParent()  # there will be no audio
    async with reached(server) as mesh:
        await run(mesh, Job(hello, lambda _: given(lines) if lines else typed(), views))
    require_whole(shortfalls)


def _tell(written: Sequence[Path]) -> None:
    for folder in {path.parent for path in written}:
        console.note(f"Left in {folder}/:")
    for kind in (".mp4", ".mkv", ".mka", ".wav", ".srt", ".vtt", ".json", ".svg"):
        names = [path.name for path in written if path.suffix == kind]
        if names:
            console.note(f"  {'  '.join(names)}")
    player = next((player for player in PLAYERS if shutil.which(player.split()[0])), "")
    for path in [path for path in written if path.suffix == ".wav"][:1]:
        console.note(f"Listen: {player} {path}" if player else f"Listen: open {path} in any audio player.")
