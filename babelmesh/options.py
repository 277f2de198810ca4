"""What the command line says, checked: bad values are usage errors, told before anything starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import typer

from babelmesh.errors import GlossaryUnreadable
from babelmesh.events import (
    DELIVERY_CAPTIONS,
    DELIVERY_UNSPECIFIED,
    Glossary,
    SessionConfig,
    Target,
)
from babelmesh.glossary import glossary_named


@dataclass(frozen=True, slots=True)
class Server:
    """Where a mesh is, and who may say that it is the one. No addresses: a mesh of our own."""

    addresses: str
    ca: Path | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """From what, into what, with which voices."""

    source: str
    targets: tuple[str, ...]
    voice: bool
    voice_names: Mapping[str, str] = field(default_factory=dict)  # by target
    glossary: Glossary | None = None

    def config(self) -> SessionConfig:
        """The hello that asks for it, results as they grow included."""
        # Left open, a language without a voice still gets captions.
        delivery = DELIVERY_UNSPECIFIED if self.voice else DELIVERY_CAPTIONS
        targets = [Target(lang=lang, delivery=delivery, voice=self.voice_names.get(lang, "")) for lang in self.targets]
        return SessionConfig(source_lang=self.source, targets=targets, partial_results=True, glossary=self.glossary)


def wanted(source: str, to: str, voice: bool = False, voice_names: Sequence[str] = (), glossary: str = "") -> Wanted:
    """Reads `--from`, `--to`, `--voice`, each `--voice-name` and `--glossary`. Raises typer.BadParameter."""
    targets = languages(to)
    voices = dict(_voice_name(name, targets) for name in voice_names)
    if voices and not voice:
        raise typer.BadParameter("a voice has nothing to say with --no-voice", param_hint="--voice-name")
    try:
        return Wanted(source, targets, voice, voices, glossary_named(glossary) if glossary else None)
    except GlossaryUnreadable as error:
        raise typer.BadParameter(str(error), param_hint="--glossary") from None


def languages(text: str) -> tuple[str, ...]:
    """The languages of a comma-separated list. Raises typer.BadParameter."""
    langs = tuple(lang.strip() for lang in text.split(",") if lang.strip())
    if not langs:
        raise typer.BadParameter("name at least one language, like es,ca", param_hint="--to")
    for lang, count in Counter(langs).items():
        if count > 1:
            raise typer.BadParameter(f"{lang} is named twice", param_hint="--to")
    return langs


def separate(files: Sequence[Path]) -> None:
    """Checks that no two files would leave output of the same name. Raises typer.BadParameter."""
    for stem, count in Counter(path.stem for path in files).items():
        if count > 1:
            raise typer.BadParameter(f"{count} files are called {stem}; translate them into different folders")


def demo_server(addresses: str, ca: Path | None) -> Server:
    """Reads the demo's `--server` and `--ca`. Raises typer.BadParameter."""
    if ca and not addresses:
        raise typer.BadParameter("a mesh of its own has no certificate; name another with --server", param_hint="--ca")
    return Server(addresses, ca)


def _voice_name(text: str, targets: Sequence[str]) -> tuple[str, str]:
    lang, equals, voice = text.partition("=")
    if not equals or not voice:
        raise typer.BadParameter(f"{text!r} is not like es=NAME", param_hint="--voice-name")
    if lang not in targets:
        raise typer.BadParameter(f"{lang} is not a target: {', '.join(targets)}", param_hint="--voice-name")
    return lang, voice


def spoken_live(explain: bool, realtime: bool) -> None:
    """Checks that what is to be explained takes the time it takes to speak. Raises typer.BadParameter."""
    if explain and not realtime:
        message = "what is sent faster than it was spoken has no timeline; add --realtime"
        raise typer.BadParameter(message, param_hint="--explain")
