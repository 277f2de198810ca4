"""Runs espeak-ng as a program: lists its voices, and synthesizes each clause in a child of its own."""

from __future__ import annotations

import asyncio
import re
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Iterator, Sequence

import langcodes

from services.common.engines.children import ended
from services.common.engines.fatal_texts import FatalTexts
from services.common.errors import StageFailed
from services.common.text.plain_text import in_stretches, plain_text
from services.tts.engine import Voice

READ_BYTES = 4096  # what its C library writes at once

MOST_WORDS = 100  # in a row without punctuation; then it is given a comma
_ENDLESS = re.compile(r"[^.,;:!?\u2026\u3002\uff0c]{200,}")  # as short as a hundred words and the spaces between can be
_PHONEMES = re.compile(r"\[(?=\[)")  # it reads what stands in [[ ]] as phonemes

_fatal = FatalTexts("TTS")  # of all its voices: it is the program that dies


def spoken(text: str) -> str:
    """Return the text on one line, without espeak-ng's commands, and with overlong sentences cut."""
    line = _PHONEMES.sub("[ ", " ".join(plain_text(text).split()))
    return _ENDLESS.sub(lambda found: ", ".join(map(str.strip, in_stretches(found.group(), MOST_WORDS))), line)


def pronounced(phonemes: str) -> str:
    """Return phonemes, by espeak-ng's names, as input for `spoken` text; spaces part them from the text before."""
    return f" [[{phonemes}]]"


async def voices(program: str, variants: Sequence[str]) -> tuple[Voice, ...]:
    """List the installed voices with a valid tag, each followed by its variants. Raises StageFailed without the
    program.
    """
    listed = _rows(await _output(program, "--voices"))
    known = {file.removeprefix("!v/") for _, file in _rows(await _output(program, "--voices=variant"))}
    endings = ["", *(f"+{variant}" for variant in variants if variant in known)]
    found: dict[str, Voice] = {}
    for name, _ in listed:
        tag = _tag(name)
        for ending in endings if tag else ():
            found.setdefault(name + ending, Voice(name + ending, tag))
    return tuple(found.values())


async def version(program: str) -> str:
    """Return the program's version: "1.51" of "eSpeak NG text-to-speech: 1.51  Data at: ..."."""
    found = re.search(r"\d+(\.\d+)+\S*", await _output(program, "--version"))
    return found.group() if found else ""


def _rows(listing: str) -> Iterator[tuple[str, str]]:
    """Yield language and file of each line but the head: "5  es-419  --/M  Spanish_(Latin_America)  roa/es-419  (es
    6)".
    """
    for line in listing.splitlines()[1:]:
        _, language, _, _, file, *_ = line.split()
        yield language, file


def _tag(name: str) -> str:
    try:
        tag = langcodes.standardize_tag(name)
    except ValueError:
        return ""
    return tag if langcodes.tag_is_valid(tag) else ""


async def answer(program: str, arguments: Sequence[str], text: str) -> str:
    """Return the program's output for a text. Raises StageFailed without the program, or when a signal ends it."""
    asked = _question(program, arguments, text)
    _fatal.require_harmless(asked)
    child = await _child(program, *arguments)
    try:
        written, _ = await child.communicate(text.encode())
        _require_alive(child.returncode, asked)
    finally:
        await ended(child)
    return written.decode()


async def _output(program: str, *arguments: str) -> str:
    return await answer(program, arguments, "")


async def speech(program: str, arguments: Sequence[str], text: str) -> AsyncGenerator[bytes, None]:
    """Yield the WAV of a text made by `spoken`, in the pieces that the program writes.

    The text goes through stdin: arguments can be read by every user of the machine.
    """
    asked = _question(program, arguments, text)
    _fatal.require_harmless(asked)
    child = await _child(program, "--stdin", "--stdout", "-b", "1", "-z", *arguments)
    assert child.stdin is not None
    assert child.stdout is not None
    try:
        if child.stdin.is_closing():  # uvloop's writer then raises a RuntimeError
            raise engine_failed("espeak-ng ended before it had its text.")
        child.stdin.write(text.encode())
        child.stdin.close()
        while piece := await child.stdout.read(READ_BYTES):
            yield piece
        _require_alive(await child.wait(), asked)
        if child.returncode:
            raise engine_failed("espeak-ng ended with an error.")
    finally:
        await ended(child)


def _question(program: str, arguments: Sequence[str], text: str) -> str:
    return "\n".join((program, *arguments, text))


def _require_alive(status: int | None, asked: str) -> None:
    """Raise StageFailed for a program that a signal has ended, and record the text it died of."""
    if status is not None and status < 0:
        _fatal.died(asked)
        raise engine_failed("espeak-ng died.")
    _fatal.answered(asked)


async def _child(program: str, *arguments: str) -> Process:
    try:
        # A session of its own: a Ctrl-C in the terminal is for the service, which drains first.
        return await asyncio.create_subprocess_exec(
            program, *arguments, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, start_new_session=True
        )
    except OSError as error:
        raise engine_failed(f"{program} cannot be run. Install espeak-ng.") from error


def engine_failed(message: str) -> StageFailed:
    """Return the StageFailed error for an espeak-ng that broke."""
    return StageFailed("TTS_ENGINE_FAILED", message, retry_after_ms=500, stage="TTS")
