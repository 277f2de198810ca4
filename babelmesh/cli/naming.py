"""Renames fields that a server refuses to the command-line options that their values came from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from babelmesh.client.errors import BabelmeshError, SessionFailed

# Paths of the contract's fields, and where the command line has their values from; the first that fits.
_OPTIONS: Sequence[tuple[str, str]] = (
    (r"hello\.source_lang(s(\[\d+\])?)?", "--from"),
    (r"hello\.targets\[\d+\]\.voice", "--voice-name"),
    (r"hello\.targets\[\d+\]\.delivery", "--voice"),
    (r"hello\.targets\[\d+\]\.formality", "--formality"),
    (r"hello\.(targets|target_lang)", "--to"),
    (r"hello\.mask_pii", "--mask-pii"),
    (r"hello\.mask_profanity", "--mask-profanity"),
    (r"hello\.glossary", "--glossary"),
    (r"hello\.stabilization", "--stabilization"),
    (r"hello\.latency_budget_ms", "--latency"),
    (r"text\.text", "LINE"),
)


def by_option(error: BabelmeshError) -> BabelmeshError:
    """Return the error with the command-line option in place of the field at fault, where there is one."""
    if not isinstance(error, SessionFailed):
        return error
    for path, option in _OPTIONS:
        if found := re.match(rf"{path}(?![a-z_])", error.field):
            rest = error.field[found.end() :].lstrip(".")
            return replace(error, field=f"{option}, {rest}" if option == "--glossary" and rest else option)
    return error
