"""Apertium's installed pairs: a .mode file holds the shell line that translates one."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import langcodes

from services.mt.engine import Pair

Command: TypeAlias = tuple[str, ...]

GENERATOR_OPTION = "$1"  # stands where the generator is told how to mark what it does not know
MARK_UNKNOWN = "-g"
TRANSFER = "apertium-transfer"
# Its arguments where it looks words up in the dictionary of the pair itself. From version 3.9 on it then finds few of
# them while it reads texts one after the other; a program that looks up and nothing else finds all, in every version.
LOOKS_UP_ITSELF = 3


def installed(folder: Path) -> Mapping[Pair, Path]:
    """Return the pairs whose mode files lie in a folder; modes of a single pipeline step are left out."""
    found: dict[Pair, Path] = {}
    for path in sorted(folder.glob("*.mode")):
        pair = pair_of(path.stem)
        if pair is not None:
            found[pair] = path
    return found


def pair_of(mode: str) -> Pair | None:
    """Return the languages in a mode's name: "spa-eng_US" is es to en-US; None for "spa-eng-tagger" and the like."""
    names = mode.split("-")
    if len(names) != 2:
        return None
    source, target = (_tag(name) for name in names)
    return Pair(source, target) if source and target else None


def _tag(name: str) -> str:
    try:
        tag = langcodes.standardize_tag(name)
    except ValueError:
        return ""
    return tag if langcodes.tag_is_valid(tag) else ""  # "cat_iec2017" is a spelling that BCP-47 has no name for


def commands(line: str) -> list[Command]:
    """Return the stages of a mode's shell line as commands, each set to flush its answer at a NUL."""
    stages: list[Command] = []
    for stage in line.strip().split("|"):
        program, *arguments = shlex.split(stage)
        kept = [MARK_UNKNOWN if argument == GENERATOR_OPTION else argument for argument in arguments]
        own = [argument for argument in kept if not argument.startswith("$")]
        if program == TRANSFER and len(own) == LOOKS_UP_ITSELF and not any(each.startswith("-") for each in own):
            rules, compiled, dictionary = own
            stages += [("lt-proc", "-z", "-b", dictionary), (TRANSFER, "-z", "-b", rules, compiled)]
        else:
            stages.append((program, "-z", *own))
    return stages


def analyser_of(stages: Sequence[Command]) -> Command:
    """Return the first stage of a pair, its source analyser, as a command that ends with its input."""
    return tuple(argument for argument in stages[0] if argument != "-z") if stages else ()
