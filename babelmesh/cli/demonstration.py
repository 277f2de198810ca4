"""Runs `babelmesh demo`: recorded speech at its own pace, then a report of latencies and speeds on this machine.

English into other languages, Spanish into English, each while it is spoken; how late, by which models, and how much
faster than the speaker they are. A voice that does not keep that pace is given the recording behind it.
"""

from __future__ import annotations

import textwrap
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from babelmesh import console
from babelmesh.cli.captions import Languages
from babelmesh.cli.commands import Files, Output, reached
from babelmesh.cli.ledger import Ledger
from babelmesh.cli.options import Server, Wanted
from babelmesh.client.audio import probe
from babelmesh.client.errors import PromptMissing
from babelmesh.client.events import DescribeResponse, Event, Ready, Stage, short_name
from babelmesh.client.mesh import Mesh
from babelmesh.local.edge import PORT as EDGE_PORT

PROMPTS = Path("/usr/share/asterisk/sounds")
SMALL_ENGINE = "embedded"  # its voices are those for a machine that has no better ones


@dataclass(frozen=True, slots=True)
class Prompt:
    """A recording of natural speech, and the Debian package it is in."""

    lang: str
    folder: str
    name: str
    package: str

    def find(self) -> Path:
        """Return the recording's path. Raises PromptMissing when its package is not installed."""
        for path in sorted(PROMPTS.glob(f"{self.folder}/**/{self.name}")):
            return path
        raise PromptMissing(f"The recorded speech is missing: apt install {self.package}.")


ENGLISH = Prompt("en", "en*", "demo-congrats.g722", "asterisk-core-sounds-en-g722")
SPANISH = Prompt("es", "es*", "demo-congrats.g722", "asterisk-core-sounds-es-g722")
TARGETS = ("es", "pt")  # of English, unless others are asked for
NEIGHBOUR = "ca"  # where one of them cannot be had


async def demo(server: Server, wanted: Wanted, output: Output) -> None:
    """Run the demo on the mesh that is named, or on a local one; without targets into all that are available."""
    english, folder = ENGLISH.find(), output.folder or Path("out")
    async with reached(server) as mesh:
        has = await mesh.describe()
        if server.addresses:  # of its own mesh they were told when it was started
            _note("\n".join(f"{short_name(Stage, each.stage)}: {each.engine} {each.version}" for each in has.engines))
        wanted = replace(wanted, targets=wanted.targets or targets(has))
        _note(f"\nEnglish into {' and '.join(wanted.targets)}, at the pace it was spoken.")
        first = Watcher(wanted.targets)
        await Files([english], wanted, output, realtime=True, watching=[first], listed=False).translate(mesh)
        _tell(first)
        if (spanish := _spanish(has)) and "es" in wanted.targets:
            _note("\nSpanish into English, as people recorded it.")
            asked = replace(wanted, source="es", targets=("en",), glossary=None, voice_names={})
            second = Watcher(asked.targets)
            beside = replace(output, folder=folder / "from-es", explain=False)  # both recordings have the same name
            await Files([spanish], asked, beside, True, [second], listed=False).translate(mesh)
            _tell(second)
        await _measured(mesh, english, replace(wanted, voice=False))
        if wanted.voice:
            await _voiced(mesh, Files([english], wanted, output, realtime=False), slow_voices(has, first.ready))
    _note(
        f"\nWith your own voice, in a browser: `make up` serves a page at http://127.0.0.1:{EDGE_PORT}/ until Ctrl-C."
    )
    _note("On a phone: `.venv/bin/babelmesh up --tls` shows a code for its camera.")
    _note(f"Left in {folder}/ and {folder}/from-es/: speech (.wav), subtitles (.srt, .vtt), events (.json).")


class Watcher:
    """A view that records the agreed configuration and the latencies of a session."""

    def __init__(self, langs: Sequence[str]) -> None:
        self.ready = Ready()
        self.ledger = Ledger(Languages("", tuple(langs), tuple(langs)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Close nothing: this view holds no resources."""

    def heard(self, audio_ms: float) -> None:
        """Ignore the progress of sending, which another view shows."""

    def take(self, event: Event, at_ms: float) -> None:
        """Record the agreed configuration and the latencies."""
        self.ledger.take(event)
        if isinstance(event, Ready):
            self.ready = event

    def note(self, line: str) -> None:
        """Ignore notices about the connection, which another view shows."""


def targets(has: DescribeResponse) -> tuple[str, ...]:
    """Return the demo's targets for English: the usual languages, each replaced by a neighbour where it is
    unavailable.
    """
    into = {_language(pair.target_lang) for pair in has.pairs if _language(pair.source_lang) == "en"}
    missing = [lang for lang in TARGETS if lang not in into]
    for lang in missing:
        _note(f"There is no way from English into {lang} here: `make setup` fetches the models for one.")
    chosen = [lang for lang in TARGETS if lang in into]
    return tuple([*chosen, *([NEIGHBOUR] if missing and NEIGHBOUR in into else [])] or TARGETS[:1])


def slow_voices(has: DescribeResponse, agreed: Ready) -> dict[str, str]:
    """Return, by target, a neural voice that is installed but too slow to speak it live."""
    found: dict[str, str] = {}
    for spoken in agreed.voices:
        if spoken.engine == SMALL_ENGINE:
            better = (
                voice.name
                for voice in has.voices
                if voice.engine not in ("", SMALL_ENGINE) and _language(voice.lang) == _language(spoken.target_lang)
            )
            if name := next(better, ""):
                found[spoken.target_lang] = name
    return found


def _spanish(has: DescribeResponse) -> Path | None:
    """Return the path of the Spanish recording; None, after printing why, where this mesh cannot translate it."""
    if not any(_language(lang) == "es" for lang in has.source_langs):
        _note("\nSpanish is not recognized here: `make setup` fetches the model for it.")
        return None
    try:
        return SPANISH.find()
    except PromptMissing as missing:
        _note(f"\nSpanish into English is left out. {missing}")
        return None


def _tell(watched: Watcher) -> None:
    """Print the voices that spoke in a session, where the screen has covered them, and the latencies."""
    for voice in watched.ready.voices if console.out.is_terminal else ():
        why = f": {voice.reason}" if voice.reason else ""
        _note(f"{voice.target_lang} was spoken by {voice.voice} ({voice.engine}){why}")
    if watched.ledger and not console.out.is_terminal:  # there the screen has left it
        _note(f"Median after a segment's last word: {watched.ledger.medians()}")


async def _measured(mesh: Mesh, recording: Path, wanted: Wanted) -> None:
    """Translate a recording as fast as this machine can, and print its speed."""
    seconds = probe(recording).duration_ms / 1000
    with TemporaryDirectory(prefix="babelmesh-demo-") as folder:
        started = time.monotonic()
        await Files(
            [recording], wanted, Output(folder=Path(folder), shown=False), realtime=False, listed=False
        ).translate(mesh)
        took = time.monotonic() - started
    _note(
        f"\nAs a file nobody waits for, {seconds:.0f} s of English take {took:.1f} s: "
        f"recognized and translated {seconds / took:.1f} times as fast as spoken."
    )


async def _voiced(mesh: Mesh, files: Files, voices: dict[str, str]) -> None:
    """Translate the files with voices that are too slow for live speech, and print that it is done."""
    if not voices:
        return
    named = ", ".join(f"{voice} ({lang})" for lang, voice in voices.items())
    _note(f"Too slow to be heard live on this machine: {named}. The files are spoken with it now ...")
    place = files.output.folder or Path("out")
    wanted = replace(files.wanted, targets=tuple(voices), voice_names=voices)
    started = time.monotonic()
    with TemporaryDirectory(prefix=".voicing-", dir=place) as folder:
        kept = replace(files, wanted=wanted, output=Output(folder=Path(folder), shown=False), listed=False)
        await kept.translate(mesh)
        langs = _moved(Path(folder), place, voices)
    _note(f"Done in {time.monotonic() - started:.0f} s: {', '.join(langs)}.")


def _moved(folder: Path, place: Path, langs: Iterable[str]) -> list[str]:
    """Move these languages' speech and subtitles to their final place; return the names of the speech files."""
    speech: list[str] = []
    for lang in langs:
        for path in sorted(folder.glob(f"*.{lang}.*")):
            path.replace(place / path.name)
            speech += [str(place / path.name)] if path.suffix == ".wav" else []
    return speech


def _note(text: str) -> None:
    """Prints a line about the demo beside its results, wrapped between words on a terminal."""
    lines = text.splitlines()
    if console.out.is_terminal:
        lines = [part for line in lines for part in textwrap.wrap(line, console.out.width) or [""]]
    console.note("\n".join(lines))


def _language(tag: str) -> str:
    """Return a language tag without region or script."""
    return tag.split("-", maxsplit=1)[0].lower()
