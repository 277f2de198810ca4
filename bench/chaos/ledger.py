"""What a session sent and got, line by line, as tests/chaos/LEDGER.md has it: those of the Python client."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeAlias

from babelmesh.client.events import Event, ServerMessage, as_json
from bench.chaos.speech import Utterance

Line: TypeAlias = dict[str, Any]

SUFFIX = ".ledger"

_KINDS = {field.message_type: field.name for field in ServerMessage.DESCRIPTOR.fields}


class Ledger:
    """The ledger of one session, open for writing."""

    def __init__(self, folder: Path, name: str, speaker: int, targets: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{name}{SUFFIX}"
        self._file = self.path.open("w")
        self.note("session", name=name, speaker=speaker, targets=list(targets), client="python")

    def note(self, kind: str, **rest: Any) -> None:
        """One more line, now."""
        self._file.write(json.dumps({"t": time.monotonic(), "kind": kind, **rest}) + "\n")

    def got(self, event: Event) -> None:
        """A message that the reader was given."""
        self.note(_KINDS[event.DESCRIPTOR], **as_json(event))

    def said(self, utterance: Utterance) -> None:
        """Speech that has been sent to its end."""
        self.note("utterance", **asdict(utterance))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()


def read(path: Path) -> list[Line]:
    """A ledger's lines. The last may be torn where its writer was killed; it is left out."""
    return list(_lines(path))


def read_all(folder: Path) -> dict[str, list[Line]]:
    """Every session's ledger in a folder, by the session's name."""
    return {path.name.removesuffix(SUFFIX): read(path) for path in sorted(folder.glob(f"*{SUFFIX}"))}


def _lines(path: Path) -> Iterator[Line]:
    for text in path.read_text().splitlines():
        try:
            yield json.loads(text)
        except json.JSONDecodeError:
            return
