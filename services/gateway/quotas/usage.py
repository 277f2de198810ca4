"""What was used, for whoever bills it: a line of JSON for each session and each text, and metrics by quota class.

No text, and nothing of a token. The tenant is in the file alone, never in a log or a metric.
"""

from __future__ import annotations

import json
import logging
import os
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path

from services.common.errors import InvalidArgument
from services.common.telemetry import metrics
from services.gateway.quotas.token_counts import Kind, TokenCounts
from services.gateway.tokens.grants import DEFAULT_CLASS

log = logging.getLogger(__name__)

_AUDIO = metrics.counter("babelmesh.usage.audio")
_VOICE = metrics.counter("babelmesh.usage.voice")
_CHARACTERS = metrics.counter("babelmesh.usage.characters")
_SPOKEN = metrics.counter("babelmesh.usage.spoken_characters")
_TOKENS = metrics.counter("babelmesh.usage.tokens")
_UNTOLD = metrics.counter("babelmesh.usage.untold")
_MOST_WAITING = 100_000  # lines, where the file cannot be written for long
_MODE = 0o600


@dataclass(slots=True)
class Used:
    """What a session has used so far, in milliseconds, code points and engines' tokens."""

    audio_ms: int = 0  # accepted, and so recognized
    translating_ms: int = 0  # from each final transcript to its final translation, of all targets together
    voice_ms: int = 0  # translated speech that was sent
    characters: int = 0  # of source text, for each target that it was translated into
    spoken_characters: int = 0  # of translations, in clauses that a voice began to speak
    tokens: TokenCounts = field(default_factory=TokenCounts)  # of finals, as characters, and of clauses

    def voiced(self, characters: int, symbols: int | None) -> None:
        """Count a clause that a voice began to speak, and the symbols that its engine counted."""
        self.spoken_characters += characters
        self.tokens.add(Kind.SYMBOLS, symbols)

    @property
    def told(self) -> dict[str, int | dict[str, int]]:
        """The fields of a record. Of tokens, only the counts that are whole."""
        return {
            "audio_ms": self.audio_ms,
            "translating_ms": self.translating_ms,
            "voice_ms": self.voice_ms,
            "characters": self.characters,
            "spoken_characters": self.spoken_characters,
            "tokens": self.tokens.whole(),
        }


@dataclass(frozen=True, slots=True)
class Record:
    """A line for whoever bills."""

    kind: str  # "session" or "text"
    tenant: str = field(repr=False)
    quota_class: str
    session: str  # empty for a text
    outcome: str  # code of the fault it ended with; empty: none
    seconds: float
    used: Used


class UsageLog:
    """Writes records to a file, where one is named, and counts them by class."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._waiting: deque[str] = deque(maxlen=_MOST_WAITING)

    def open(self) -> None:
        """Create the file, readable by its owner alone. Raises InvalidArgument where it cannot be written."""
        try:
            self._append("")
        except OSError as error:
            message = f"It cannot be written: {error.strerror}."
            raise InvalidArgument("USAGE_UNWRITABLE", message, "GATEWAY_USAGE", ["a file to append to"]) from None

    def add(self, record: Record) -> None:
        """Add a record; it is written by the next `flush`."""
        told = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **_written(record)}
        if self._path is not None:
            self._waiting.append(json.dumps(told) + "\n")
        if record.kind == "session":
            told = {"session": record.session, "class": record.quota_class, "seconds": record.seconds}
            told |= record.used.told
            log.info("session used", extra={"fields": told})

    @property
    def waits(self) -> bool:
        """Whether records wait to be written."""
        return bool(self._waiting)

    def flush(self) -> None:
        """Write the records that wait; blocks. Those that cannot be written wait on."""
        lines = list(self._waiting)
        if not lines:
            return
        try:
            self._append("".join(lines))
        except OSError as error:
            log.error("usage not written", extra={"fields": {"error": type(error).__name__, "waiting": len(lines)}})
            return
        for _ in lines:
            self._waiting.popleft()

    def _append(self, text: str) -> None:
        if self._path is not None:
            number = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, _MODE)
            try:
                os.write(number, text.encode())
            finally:
                os.close(number)


def _written(record: Record) -> dict[str, object]:
    """Return the fields of a record's line."""
    told = {each.name: getattr(record, each.name) for each in fields(record) if each.name != "used"}
    return {**told, **record.used.told}


def label(quota_class: str, classes: Collection[str]) -> str:
    """Return the name of a quota class as metrics have it: one of those that are set, so that there are few."""
    return quota_class if quota_class in classes else DEFAULT_CLASS


def count(quota_class: str, more: Used) -> None:
    """Count in metrics what a tenant of a class has used since it was counted last."""
    of = {"tenant_class": quota_class}
    if more.audio_ms:
        _AUDIO.add(more.audio_ms / 1000, of)
    if more.voice_ms:
        _VOICE.add(more.voice_ms / 1000, of)
    if more.characters:
        _CHARACTERS.add(more.characters, of)
    if more.spoken_characters:
        _SPOKEN.add(more.spoken_characters, of)
    for kind, tokens in more.tokens.known.items():
        _TOKENS.add(tokens, {**of, "token_kind": kind.value})
    for kind, answers in more.tokens.untold.items():
        _UNTOLD.add(answers, {**of, "token_kind": kind.value})
