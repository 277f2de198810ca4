"""Tells the features of a mesh."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import groupby

from rich import box
from rich.table import Table

from babelmesh import console
from babelmesh.cli.options import Server
from babelmesh.client.events import DescribeResponse, EngineInfo, LanguagePair, Stage, Voice, as_json, short_name
from babelmesh.client.mesh import connect


async def told(server: Server, as_object: bool) -> None:
    """Print the features of a mesh, as a table or as JSON. Raises SessionFailed."""
    async with connect(server.addresses, server.tls) as mesh:
        answer = await mesh.describe()
    if as_object:
        console.line(json.dumps(as_json(answer), ensure_ascii=False, indent=2))
    else:
        console.show(table(answer))


def table(mesh: DescribeResponse) -> Table:
    """Return a table of languages, pairs, voices, engines, formats and limits; default voices come first."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    rows.add_row("recognizes", ", ".join(mesh.source_langs))
    if mesh.identified_langs:
        rows.add_row("tells apart", ", ".join(mesh.identified_langs))
    if mesh.wideband_langs:
        rows.add_row("needs 16 kHz", ", ".join(mesh.wideband_langs))
    pairs = sorted((pair.source_lang, pair.target_lang) for pair in mesh.pairs)
    for source, group in groupby(pairs, key=lambda pair: pair[0]):
        rows.add_row(f"{source} into", ", ".join(target for _, target in group))
    ways = [_way(pair) for pair in mesh.pairs if len(pair.steps) > 1]
    if ways:
        rows.add_row("in steps", "\n".join(sorted(ways)))
    targets = {_language(pair.target_lang) for pair in mesh.pairs}
    heard = [voice for voice in mesh.voices if _language(voice.lang) in targets]
    voices = sorted((voice.lang, not voice.default, voice.name) for voice in heard)
    for lang, named in groupby(voices, key=lambda voice: voice[0]):
        rows.add_row(f"{lang} voices", ", ".join(name for _, _, name in named))
    if len(heard) < len(mesh.voices):
        rows.add_row("more voices", f"{len(mesh.voices) - len(heard)}, of languages nothing is translated into")
    if measured := _speeds(mesh.voices):
        rows.add_row("voices take", measured)
    rows.add_row("engines", "\n".join(_engine(each) for each in mesh.engines))
    rows.add_row("audio in", ", ".join(mesh.input_formats))
    rows.add_row("speech out", ", ".join(mesh.output_formats))
    if mesh.glossaries:
        rows.add_row("glossaries", ", ".join(mesh.glossaries))
    rows.add_row("limits", _limits(mesh))
    framed = Table(box=box.SIMPLE, show_header=False, pad_edge=False)
    framed.add_row(rows)
    return framed


def _way(pair: LanguagePair) -> str:
    """Return a pair's way of several steps, with the engine of each."""
    languages = [pair.steps[0].source_lang, *(step.target_lang for step in pair.steps)]
    engines = [step.engine for step in pair.steps]
    return f"{pair.source_lang} into {pair.target_lang}: {' > '.join(languages)} ({', '.join(engines)})"


def _speeds(voices: Iterable[Voice]) -> str:
    """Return each engine's slowest measured voice, with its real-time factor."""
    slowest: dict[str, float] = {}
    for voice in voices:
        if voice.real_time_factor:
            slowest[voice.engine] = max(voice.real_time_factor, slowest.get(voice.engine, 0.0))
    return ", ".join(f"{engine} {factor:.2f} \u00d7 real time" for engine, factor in slowest.items())


def _engine(engine: EngineInfo) -> str:
    named = f"{short_name(Stage, engine.stage)} {engine.engine} {engine.version}".strip()
    return f"{named} on {engine.device}" if engine.device else named


def _language(tag: str) -> str:
    """Return a language tag without region or script."""
    return tag.split("-", maxsplit=1)[0].lower()


def _limits(mesh: DescribeResponse) -> str:
    limits = mesh.limits
    speed = f"{limits.max_speed:g} times real time" if limits.max_speed else "as fast as it is taken"
    chunk = f"chunks up to {limits.max_chunk_ms} ms"
    return f"{limits.max_targets} targets, {chunk}, audio {speed}, idle for {limits.idle_timeout_ms / 1000:g} s"
