"""Tokens, origins and voices by the names that people use for them."""

from __future__ import annotations

import pytest

from realtime.v1 import realtime_translate_pb2 as pb
from services.edge.doors.origins import may_call
from services.edge.doors.tokens import Spoken, echoed, token_of
from services.edge.faults import Fault, as_sent
from services.edge.voices import is_generic, resolved

OURS = Spoken()


def test_a_token_is_read_from_the_header_or_a_subprotocol() -> None:
    assert token_of(["Bearer abc"], [], OURS) == "abc"
    assert token_of([], ["babelmesh.v1", "babelmesh.bearer.YWJj"], OURS) == "abc"
    assert token_of([], ["babelmesh.v1"], OURS) == ""
    assert echoed(["babelmesh.bearer.YWJj", "babelmesh.v1"], OURS) == "babelmesh.v1"
    assert echoed([], OURS) is None


@pytest.mark.parametrize(
    ("header", "protocols", "code"),
    [
        ("Basic x", [], "UNKNOWN_SCHEME"),
        ("Bearer ", [], "UNKNOWN_SCHEME"),
        (None, ["babelmesh.bearer."], "UNREADABLE_TOKEN"),
        (None, ["babelmesh.bearer.w7w"], "UNREADABLE_TOKEN"),
        ("Bearer a", ["babelmesh.bearer.YWJj"], "TOKEN_TWICE"),
        (None, ["babelmesh.bearer.YWJj", "babelmesh.bearer.YWJj"], "TOKEN_TWICE"),
    ],
)
def test_a_token_that_cannot_be_read_is_refused(header: str | None, protocols: list[str], code: str) -> None:
    with pytest.raises(Fault) as caught:
        token_of([header] if header else [], protocols, OURS)
    assert caught.value.code == code
    assert caught.value.status in (400, 401)


@pytest.mark.parametrize(
    ("origin", "host", "allowed", "may"),
    [
        (None, "a", ("same",), True),
        ("https://a:7780", "a:7780", ("same",), True),
        ("https://A:7780", "a:7780", ("same",), True),
        ("https://b", "a", ("same",), False),
        ("null", "a", ("same",), False),
        ("http://[", "a", ("same",), False),
        ("https://b", "a", ("https://b/", "same"), True),
        ("https://a", "a", ("https://b",), False),
        ("https://b", None, ("same",), False),
        ("https://b", "a", ("*",), True),
    ],
)
def test_a_page_may_call_from_the_host_itself_and_from_listed_origins(
    origin: str | None, host: str | None, allowed: tuple[str, ...], may: bool
) -> None:
    assert may_call(origin, host, allowed) is may


VOICES = [
    pb.Voice(name="es+f2", lang="es"),
    pb.Voice(name="ef_dora", lang="es", default=True),
    pb.Voice(name="em_alex", lang="es"),
    pb.Voice(name="pm_santa", lang="pt-BR"),
]


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("es-ES-female-1", "ef_dora"),
        ("es-ES-female-2", "es+f2"),
        ("es-MX-male-1", "em_alex"),
        ("es-MX-male-9", "em_alex"),
        ("pt-BR-female-1", "pm_santa"),
        ("de-DE-female-1", ""),
        ("ef_dora", "ef_dora"),
    ],
)
def test_a_generic_name_of_a_voice_is_resolved_to_one_that_is_there(asked: str, given: str) -> None:
    assert resolved(asked, VOICES) == given
    assert is_generic(asked) == (asked != "ef_dora")


def test_the_path_of_a_field_is_told_as_the_client_sent_it() -> None:
    assert as_sent("hello.targets[1].voice") == "hello.session.targets[1].voice"
    assert as_sent("hello.resume_handle") == "hello.resume_handle"
    assert as_sent("audio.sample_rate") == "input_audio.sample_rate"
    assert as_sent("control.action") == "control.action"
    assert as_sent("") == ""
