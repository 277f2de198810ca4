"""Faults of a speaker's session, as the gateway names them, with the fields that the speaker's client sends."""

from __future__ import annotations

import re
from dataclasses import replace

from services.edge.faults import Fault

_ROOT = re.compile(r"[a-z_]+(?:\.[a-z_]+)?")
_SENT = {
    "audio": "input_audio",
    "audio.data": "input_audio.data",
    "audio.offset_samples": "input_audio.offset_samples",
    "audio.format": "join.input.format",
    "audio.sample_rate": "join.input.sample_rate",
    "text": "input_text",
    "text.text": "input_text.text",
    "control.action": "control.action",
    "control.glossary": "set_terms.terms",
    "hello.glossary": "set_terms.terms",
    "hello.input": "join.input",
    "hello.resume_handle": "join.resume_handle",
    "hello.source_lang": "join.source_langs",
    "hello.source_langs": "join.source_langs",
    "authorization": "authorization",
}


def as_joined(field: str) -> str:
    """Return the path of a field of the contract as it is in a room's messages; empty where they have none for it."""
    found = _ROOT.match(field)
    root = found[0] if found else ""
    if root not in _SENT:
        return ""
    named, rest = _SENT[root], field[len(root) :]
    return named if named == "set_terms.terms" else named + rest  # terms are those of a room, under other numbers


def in_room(fault: Fault) -> Fault:
    """Return a fault of a speaker's session with the field that the speaker's client knows it by."""
    return replace(fault, field=as_joined(fault.field))
