"""Marks files that hold synthetic speech, so that programs and people can tell."""

from __future__ import annotations

import struct
from pathlib import Path

NOTE = "Contains synthetic speech: a translation that a machine spoke (Babelmesh)"


def mark_wav(path: Path) -> None:
    """Append the note to a finished WAV file as its comment (a LIST chunk of type INFO), and adjust its size."""
    text = NOTE.encode() + b"\0"
    text += b"\0" * (len(text) % 2)
    fields = b"INFO" + b"ICMT" + struct.pack("<I", len(text)) + text
    with path.open("r+b") as file:
        end = file.seek(0, 2)
        if end % 2:  # a chunk begins at an even place
            file.write(b"\0")
            end += 1
        file.write(b"LIST" + struct.pack("<I", len(fields)) + fields)
        file.seek(4)
        file.write(struct.pack("<I", end + 8 + len(fields) - 8))
