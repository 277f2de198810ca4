"""Faults of a speaker's session name what the speaker's client has sent to its room."""

from __future__ import annotations

import pytest

from services.edge.rooms.faults import as_joined


@pytest.mark.parametrize(
    ("field", "joined"),
    [
        ("audio.data", "input_audio.data"),
        ("audio.format", "join.input.format"),
        ("audio.seq", ""),
        ("text.text", "input_text.text"),
        ("hello.source_lang", "join.source_langs"),
        ("hello.source_langs[1]", "join.source_langs[1]"),
        ("hello.input.sample_rate", "join.input.sample_rate"),
        ("hello.glossary.terms[3].source", "set_terms.terms"),
        ("hello.received", ""),
        ("authorization", "authorization"),
        ("", ""),
    ],
)
def test_a_field_of_the_contract_is_named_as_in_a_room_or_not_at_all(field: str, joined: str) -> None:
    assert as_joined(field) == joined
