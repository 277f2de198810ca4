"""What a server refuses is named by the option that it came from."""

from __future__ import annotations

import pytest

from babelmesh.cli.naming import by_option
from babelmesh.client.errors import MeshFailed, SessionFailed


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("hello.source_lang", "--from"),
        ("hello.source_langs", "--from"),
        ("hello.source_langs[1]", "--from"),
        ("hello.targets[1].lang", "--to"),
        ("hello.targets", "--to"),
        ("hello.target_lang", "--to"),
        ("hello.targets[0].voice", "--voice-name"),
        ("hello.glossary.terms[3].source", "--glossary, terms[3].source"),
        ("hello.latency_budget_ms", "--latency"),
        ("text.text", "LINE"),
        ("hello.input.sample_rate", "hello.input.sample_rate"),
        ("", ""),
    ],
)
def test_a_field_is_told_as_the_option_that_the_user_gave(field: str, named: str) -> None:
    told = str(by_option(SessionFailed("CODE", "That is none.", field, ("es", "fr"))))
    assert told == f"{named}: That is none. Accepted: es, fr.".removeprefix(": ")


def test_other_errors_stay_as_they_are() -> None:
    error = MeshFailed("It did not start.")
    assert by_option(error) is error
