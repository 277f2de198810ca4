"""Parses the command line's options: bad values are usage errors, raised before anything starts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

import typer

from babelmesh.client.dialling import Tls
from babelmesh.client.errors import GlossaryUnreadable
from babelmesh.client.events import (
    DELIVERY_CAPTIONS,
    DELIVERY_UNSPECIFIED,
    FORMALITY_FORMAL,
    FORMALITY_INFORMAL,
    FORMALITY_UNSPECIFIED,
    SAME_LANGUAGE_PASS_THROUGH,
    SAME_LANGUAGE_UNSPECIFIED,
    STABILIZATION_AGGRESSIVE,
    STABILIZATION_BALANCED,
    STABILIZATION_FAST,
    STABILIZATION_UNSPECIFIED,
    STABILIZATION_WHOLE_SEGMENTS,
    Endpointing,
    Glossary,
    SessionConfig,
    Target,
)
from babelmesh.client.glossary import glossary_named
from babelmesh.client.mesh import DEFAULT_ADDRESS
from babelmesh.models.choices import Engines, Variables

AUTO = "auto"  # `--from` whatever language is spoken
SENTENCE_SILENCE_MS = 500  # that ends a segment of a recording nobody waits for


@dataclass(frozen=True, slots=True)
class Server:
    """The mesh to use: addresses, and how TLS is spoken there; without addresses a local mesh with these variables."""

    addresses: str
    tls: Tls | None = None
    variables: Variables = field(default_factory=dict)


class Hold(StrEnum):
    """How a live session trades early text against stable text, as `--stabilization` names it."""

    FAST = "fast"
    BALANCED = "balanced"
    AGGRESSIVE = "aggressive"


_STABILIZATIONS = {
    None: STABILIZATION_UNSPECIFIED,
    Hold.FAST: STABILIZATION_FAST,
    Hold.BALANCED: STABILIZATION_BALANCED,
    Hold.AGGRESSIVE: STABILIZATION_AGGRESSIVE,
}


class Register(StrEnum):
    """How translations address people, as `--formality` names it."""

    FORMAL = "formal"
    INFORMAL = "informal"


_FORMALITIES = {
    None: FORMALITY_UNSPECIFIED,
    Register.FORMAL: FORMALITY_FORMAL,
    Register.INFORMAL: FORMALITY_INFORMAL,
}


@dataclass(frozen=True, slots=True)
class Wishes:
    """Wishes on latency, where None leaves a value to the server, on what is hidden, and on the register."""

    stabilization: Hold | None = None
    latency_ms: int | None = None
    mask_pii: bool = False
    mask_profanity: bool = False
    formality: Register | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """The translation a command asks for: languages, voices, glossary, latency, masks and register."""

    source: str  # a language, several with commas between them, or AUTO
    targets: tuple[str, ...]
    voice: bool
    voice_names: Mapping[str, str] = field(default_factory=dict)  # by target
    glossary: Glossary | None = None
    wishes: Wishes = field(default_factory=Wishes)

    def config(self, live: bool = True) -> SessionConfig:
        """Return the hello: with interim results for live speech, in whole segments where nobody waits."""
        # Left open, a language without a voice still gets captions.
        delivery = DELIVERY_UNSPECIFIED if self.voice else DELIVERY_CAPTIONS
        spoken = self.source.split(",")
        # What is spoken in a target's own language needs no translation, and its listeners read what was said.
        same = SAME_LANGUAGE_PASS_THROUGH if several(self.source) else SAME_LANGUAGE_UNSPECIFIED
        targets = [
            Target(
                lang=lang,
                delivery=delivery,
                voice=self.voice_names.get(lang, ""),
                same_language=same,
                formality=_FORMALITIES[self.wishes.formality],
            )
            for lang in self.targets
        ]
        hello = SessionConfig(targets=targets, partial_results=live, glossary=self.glossary)
        hello.mask_pii, hello.mask_profanity = self.wishes.mask_pii, self.wishes.mask_profanity
        if len(spoken) > 1:
            hello.source_langs.extend(spoken)
        else:
            hello.source_lang = self.source
        if live:
            hello.stabilization = _STABILIZATIONS[self.wishes.stabilization]
            hello.latency_budget_ms = self.wishes.latency_ms or 0
        else:
            hello.stabilization = STABILIZATION_WHOLE_SEGMENTS
            hello.endpointing.CopyFrom(Endpointing(trailing_silence_ms=SENTENCE_SILENCE_MS))
        return hello


def several(source: str) -> bool:
    """Return whether `--from` allows more than one language."""
    return source == AUTO or "," in source


def wanted(source: str, to: str, voice: bool = False, voice_names: Sequence[str] = (), glossary: str = "") -> Wanted:
    """Parse `--from`, `--to`, `--voice`, each `--voice-name` and `--glossary`. Raises typer.BadParameter."""
    targets, source = languages(to), ",".join(languages(source, "--from"))
    voices = dict(_voice_name(name, targets) for name in voice_names)
    if voices and not voice:
        raise typer.BadParameter("a voice has nothing to say with --no-voice", param_hint="--voice-name")
    try:
        return Wanted(source, targets, voice, voices, glossary_named(glossary) if glossary else None)
    except GlossaryUnreadable as error:
        raise typer.BadParameter(str(error), param_hint="--glossary") from None


def languages(text: str, option: str = "--to") -> tuple[str, ...]:
    """Return the languages of a comma-separated list. Raises typer.BadParameter."""
    langs = tuple(lang.strip() for lang in text.split(",") if lang.strip())
    if not langs:
        raise typer.BadParameter("name at least one language, like es,ca", param_hint=option)
    for lang, count in Counter(langs).items():
        if count > 1:
            raise typer.BadParameter(f"{lang} is named twice", param_hint=option)
    return langs


def one_language(source: str) -> str:
    """Return the language of typed lines, which must be named. Raises typer.BadParameter."""
    if several(source):
        raise typer.BadParameter("typed lines are in one language, which is not found out", param_hint="--from")
    return source


def separate(files: Sequence[Path]) -> None:
    """Check that no two files would write output of the same name. Raises typer.BadParameter."""
    for stem, count in Counter(path.stem for path in files).items():
        if count > 1:
            raise typer.BadParameter(f"{count} files are called {stem}; translate them into different folders")


def of_demo(to: str, voice: bool, glossary: str) -> Wanted:
    """Parse the demo's `--to`, which may be left out, `--voice` and `--glossary`. Raises typer.BadParameter."""
    asked = wanted("en", to or "es", voice, glossary=glossary)
    return asked if to else replace(asked, targets=())


def demo_server(addresses: str, tls: Tls) -> Server:
    """Parse the demo's `--server`, `--ca` and `--certificate`. Raises typer.BadParameter."""
    if not addresses:
        without_tls(tls, "a mesh of its own has no certificate; name another with --server")
    return Server(addresses, tls)


def tls_of(ca: Path | None, pair: tuple[Path, Path] | None) -> Tls:
    """Return `--ca` and `--certificate` as the client takes them."""
    return Tls(ca, *(pair or (None, None)))


def without_tls(tls: Tls, why: str) -> None:
    """Check that neither `--ca` nor `--certificate` is given. Raises typer.BadParameter."""
    for option, given in (("--ca", tls.ca), ("--certificate", tls.certificate)):
        if given:
            raise typer.BadParameter(why, param_hint=option)


def _voice_name(text: str, targets: Sequence[str]) -> tuple[str, str]:
    lang, equals, voice = text.partition("=")
    if not equals or not voice:
        raise typer.BadParameter(f"{text!r} is not like es=NAME", param_hint="--voice-name")
    if lang not in targets:
        raise typer.BadParameter(f"{lang} is not a target: {', '.join(targets)}", param_hint="--voice-name")
    return lang, voice


def place(addresses: str, tls: Tls, engines: Engines | None, models: Path | None) -> Server:
    """Parse `--server`, `--ca`, `--certificate`, `--engines` and `--models` into a running or a local mesh. Raises
    typer.BadParameter.
    """
    if engines and addresses != DEFAULT_ADDRESS:
        raise typer.BadParameter("the mesh named by --server has its own", param_hint="--engines")
    if engines:
        without_tls(tls, "a mesh of its own has no certificate; leave --engines out")
    if models and not engines:
        raise typer.BadParameter("a mesh that runs has its models; add --engines", param_hint="--models")
    return Server("" if engines else addresses, tls)


def spoken_live(realtime: bool, explain: bool, wishes: Wishes) -> None:
    """Check that options which only make sense for live speech are given with it. Raises typer.BadParameter."""
    if realtime:
        return
    late = "what is sent faster than it was spoken is translated in whole sentences; add --realtime"
    timeless = "what is sent faster than it was spoken has no timeline; add --realtime"
    refused = {"--explain": explain, "--stabilization": wishes.stabilization, "--latency": wishes.latency_ms}
    for option, asked in refused.items():
        if asked:
            raise typer.BadParameter(timeless if option == "--explain" else late, param_hint=option)
