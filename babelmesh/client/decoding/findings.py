"""Faults found when reading a file: damaged places, holes in its clock, an early end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Findings:
    """How much of a file's sound is missing, and why. Lengths are estimates where a format gives none."""

    damaged_places: int = 0
    damaged_ms: int = 0
    first_damage_ms: int = 0  # where the first damaged place is
    holes: int = 0  # silence for which the container has time, but no sound
    holes_ms: int = 0
    short_ms: int = 0  # how much earlier the sound ends than the header says
    unread_parts: int = 0  # of a joined file

    def damage(self, at_ms: float) -> None:
        """Count a damaged place; `lose` adds the length of its lost sound."""
        if not self.damaged_places:
            self.first_damage_ms = round(at_ms)
        self.damaged_places += 1

    def lose(self, seconds: float) -> None:
        """Add `seconds` of sound lost at the last damaged place."""
        self.damaged_ms += round(seconds * 1000)

    def hole(self, seconds: float) -> None:
        """Count a hole in the container's clock."""
        self.holes += 1
        self.holes_ms += round(seconds * 1000)

    def add(self, more: Findings) -> None:
        """Add the findings of a later part of the file."""
        if not self.damaged_places:
            self.first_damage_ms = more.first_damage_ms
        self.damaged_places += more.damaged_places
        self.damaged_ms += more.damaged_ms
        self.holes += more.holes
        self.holes_ms += more.holes_ms
        self.short_ms += more.short_ms
        self.unread_parts += more.unread_parts

    def sentences(self) -> list[str]:
        """Return a sentence for each kind of fault; none for an intact file."""
        told: list[str] = []
        if self.damaged_places:
            places = "1 damaged place was" if self.damaged_places == 1 else f"{self.damaged_places} damaged places were"
            told.append(
                f"{places} skipped, {_seconds(self.damaged_ms)} in all; "
                f"{'it' if self.damaged_places == 1 else 'the first'} is at {self.first_damage_ms / 1000:.1f} s."
            )
        if self.holes:
            holes = "1 hole" if self.holes == 1 else f"{self.holes} holes"
            told.append(f"The clock has {holes}, {_seconds(self.holes_ms)} in all, which were taken for silence.")
        if self.short_ms:
            told.append(f"It ends {_seconds(self.short_ms)} before its header says.")
        if self.unread_parts:
            files = "1 of the files" if self.unread_parts == 1 else f"{self.unread_parts} of the files"
            told.append(f"{files} that it was joined from cannot be read.")
        return told

    def dumped(self) -> bytes:
        """Return the findings as a record's payload."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loaded(cls, payload: bytes) -> Findings:
        """Return the findings that a record's payload holds."""
        return cls(**json.loads(payload))


def _seconds(ms: int) -> str:
    return f"{ms / 1000:.1f} s" if ms >= 100 else "less than 0.1 s"
